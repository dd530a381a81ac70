"""The CEL rules of a schema (`x-kubernetes-validations`), evaluated on a document in its final shape.

`verdict` calls `problems`. The engine stands behind `Engine`: the C++ one (cel-expr-python), or the Rust one
(common-expression-language) where that cannot be imported. The functions that Kubernetes adds to CEL and these rules
use are here, in Python. Only what applies to a new object is evaluated: rules with `oldSelf` compare with a stored one.
This module must never decide what a rule means: an expression that fails to evaluate refuses, as on the server.
"""

from __future__ import annotations

import copy
import functools
import importlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from cloudgw.admission.problem import Problem, Way, text
from cloudgw.admission.schemas import Node

# `self` -> True when it holds, False when not, or why it cannot be evaluated.
Program = Callable[[Any], bool | str]

_KEYWORD = re.compile(r"\.__([a-z]+)__(?!\w)")  # Kubernetes' way to name a field like a reserved word of CEL
_FLOAT = "!"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Missing(Exception):
    """No CEL engine can be imported. str: what to install."""


class Engine(Protocol):
    def __hash__(self) -> int: ...

    def compile(self, expression: str) -> Program:
        """Raises ValueError when the expression is no CEL, or names an unknown function."""


def problems(data: dict[str, Any], root: Node, engine: Engine, floats: Sequence[Way] = ()) -> Iterator[Problem]:
    """Every rule that does not hold; data: in its final shape. floats: integers that are written as floats (80.0): a
    rule that touches one cannot be evaluated, also by `has`."""
    if floats:
        data = _without(data, floats)
    if "\\u0000" in json.dumps(data):
        data = _without_nul(data)
    names = frozenset(way[1] for way in floats if way is not None and isinstance(way[1], str))
    if root.has_rules:
        yield from _walked(data, root, engine, names, None)


def _walked(value: Any, node: Node, engine: Engine, floats: frozenset[str], way: Way) -> Iterator[Problem]:
    if node.rules and _all(node, engine, floats)(value) is not True:
        for program, message in _each(node, engine, floats):
            held = program(value)
            if held is not True:
                yield _problem(message, held, text(way))
    if isinstance(value, dict):
        for key, item in value.items():
            below = node.properties.get(key) or node.additional
            if below is not None and below.has_rules:
                yield from _walked(item, below, engine, floats, (way, key))
    elif isinstance(value, list) and node.items is not None and node.items.has_rules:
        for number, item in enumerate(value):
            yield from _walked(item, node.items, engine, floats, (way, number))


def _without(data: dict[str, Any], floats: Sequence[Way]) -> dict[str, Any]:
    """A copy in which a marked name stands for each float: whatever reads the field fails."""
    made = copy.deepcopy(data)
    for way in floats:
        *above, key = _keys(way)
        held: Any = made
        for step in above:
            held = held[step]
        if isinstance(held, dict):
            held[f"{key}{_FLOAT}"] = held.pop(key)
    return made


def _without_nul(value: Any) -> Any:
    """A copy with another control character for NUL: the C++ engine ends a string there. No rule asks for either."""
    if isinstance(value, str):
        return value.replace("\0", "\1")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value


def _keys(way: Way) -> list[Any]:
    return [] if way is None else [*_keys(way[0]), way[1]]


def _problem(message: str, held: bool | str, pointer: str) -> Problem:
    why = "" if held is False else f" (cannot be evaluated: {held})"
    return Problem(
        pointer=pointer,
        message=f"breaks a rule of the Gateway API: {message}{why}",
        fix="correct this field, or the fields that the rule compares it with",
        code="Rule",
    )


@functools.cache
def _all(node: Node, engine: Engine, floats: frozenset[str]) -> Program:
    """One program for all rules of a node: true only when each is, whatever another one's error."""
    wanted = [f"({rule.expression})" for rule in node.rules if not rule.transition]
    return engine.compile(_plain(" && ".join(wanted) or "true", floats))


@functools.cache
def _each(node: Node, engine: Engine, floats: frozenset[str]) -> list[tuple[Program, str]]:
    wanted = [rule for rule in node.rules if not rule.transition]
    return [(engine.compile(_plain(rule.expression, floats)), rule.message.strip()) for rule in wanted]


def _plain(expression: str, floats: frozenset[str]) -> str:
    for name in sorted(floats):
        field, has = rf"\1.{name}", rf"has\(([\w.]+)\.{name}\)"
        expression = re.sub(has, rf"('{name}{_FLOAT}' in \1 ? {field} : has({field}))", expression)
    return _KEYWORD.sub(r".\1", expression)


@functools.cache
def default_engine() -> Engine:
    """Raises Missing."""
    for engine in (Cpp, Rust):
        try:
            return engine()
        except ImportError:
            continue
    raise Missing("no CEL engine is installed; run `pip install cel-expr-python`")


class Cpp:
    """cel-expr-python."""

    def __init__(self) -> None:
        self._cel = cel = importlib.import_module("cel_expr_python.cel")
        strings = importlib.import_module("cel_expr_python.ext.ext_strings")
        string, anything = cel.Type.STRING, cel.Type.DYN

        def function(name: str, result: Any, parameters: list[Any], impl: Any, member: bool = False) -> Any:
            overload = cel.Overload(f"cloudgw.{name}", result, parameters, is_member=member, impl=impl)
            return cel.FunctionDecl(name, [overload])

        self._environment = cel.NewEnv(
            variables={"self": anything},
            extensions=[strings.ExtStrings()],
            functions=[
                function("isIP", cel.Type.BOOL, [string], is_ip),
                function("format.dns1123Label", string, [], lambda: "dns1123Label"),
                function("validate", anything, [string, string], validate, member=True),
            ],
        )

    def compile(self, expression: str) -> Program:
        try:
            compiled = self._environment.compile(expression)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        wrong = self._cel.Type.ERROR

        def program(value: Any) -> bool | str:
            found = compiled.eval(data={"self": value})
            if found.type() == wrong:
                return str(found.value())
            return bool(found.value())

        return program


class Rust:
    """common-expression-language. Differs in one thing that no rule of the shipped schemas sees: its `size` of a string
    counts bytes."""

    def __init__(self) -> None:
        self._cel = importlib.import_module("cel")
        self._functions = {
            "isIP": is_ip,
            "validate": validate,
            "substring": lambda text, start: text[start:],
            "split": lambda text, separator: text.split(separator),
        }

    def compile(self, expression: str) -> Program:
        compiled = self._cel.compile(expression.replace("format.dns1123Label()", "'dns1123Label'"))

        def program(value: Any) -> bool | str:
            try:
                return bool(compiled.execute(self._cel.Context({"self": value}, self._functions)))
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                return str(error)

        return program


def is_ip(text: str) -> bool:
    """https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library: no zone, and no IPv4 address
    written as IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and (address.version == 4 or address.ipv4_mapped is None)


def validate(name: str, text: str) -> list[str]:
    """`format.X().validate(text)`: what is wrong. On the server an optional list: no value is ever equal to null, so
    that `== null` is false even for a valid text (the rule on the name of a port of XBackend refuses every name)."""
    if name != "dns1123Label":
        raise ValueError(f"format.{name} is not handled")
    return [] if len(text) <= 63 and _LABEL.fullmatch(text) else ["is no DNS label"]
