"""Types, required fields, enums, patterns, lengths and ranges: one schema, checked by jsonschema-rs.

`verdict` calls `problems` with a shaped document. Words mean what they mean to the server (k8s.io/kube-openapi:
pkg/validation): patterns are RE2 and search anywhere, lengths count code points, `ipv4` and `ipv6` take what Go's older
parser took. This module must never see a status: the server drops it before it validates.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from cloudgw.admission import former
from cloudgw.admission.problem import Problem, child, shown
from cloudgw.admission.schemas import Node

# The server does not evaluate any rule when one of these words is violated (strategy.go, hasBlockingErr).
BLOCKING = {"type", "required", "enum", "maxLength", "maxItems", "maxProperties"}
_INT32 = 2**31
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def problems(data: Mapping[str, Any], root: Node, kind: str) -> tuple[list[Problem], bool]:
    """(what is wrong, whether it keeps the server from evaluating rules)."""
    validator = _validator(root)
    if validator.is_valid(data):
        return [], False
    errors = list(validator.iter_errors(data))
    found = [_problem(error, kind) for error in errors if not _said_by_type(error)]
    return found, any(error.kind.name in BLOCKING for error in errors)


def _said_by_type(error: Any) -> bool:
    """A value of the wrong type fits several alternatives at once."""
    return error.kind.name == "oneOf" and not isinstance(error.instance, dict)


@functools.cache
def _validator(root: Node) -> Any:
    import jsonschema_rs  # costs time to import: only when something is validated

    return jsonschema_rs.Draft202012Validator(
        dict(_schema(root, {}, top=True)),
        pattern_options=jsonschema_rs.RegexOptions(),
        formats={"ipv4": lambda text: _address(text, "."), "ipv6": lambda text: _address(text, ":")},
        validate_formats=True,
    )


def _schema(node: Node, made: dict[int, dict[str, Any]], *, top: bool = False) -> dict[str, Any]:
    if node.number in made:
        return made[node.number]
    schema = dict(node.words)
    if schema.get("format") == "int32":
        schema["minimum"] = max(schema.get("minimum", -_INT32), -_INT32)
        schema["maximum"] = min(schema.get("maximum", _INT32 - 1), _INT32 - 1)
    if node.type in ("integer", "number"):
        schema.pop("format", None)
    if node.properties:
        dropped = {"status", "metadata"} if top else set()
        schema["properties"] = {
            name: _schema(below, made) for name, below in node.properties.items() if name not in dropped
        }
    if node.items is not None:
        schema["items"] = _schema(node.items, made)
    if node.additional is not None:
        schema["additionalProperties"] = _schema(node.additional, made)
    for word, nodes in node.alternatives.items():
        schemas = [_schema(below, made) for below in nodes]
        schema[word] = schemas[0] if word == "not" else schemas
    made[node.number] = schema
    return schema


def _address(text: str, mark: str) -> bool:
    """Leading zeros are allowed, as they were in Go before 1.17 (k8s.io/utils/net.ParseIPSloppy)."""
    plain = re.sub(r"(?<![0-9a-fA-F:.])0+(?=[0-9])|(?<=\.)0+(?=[0-9])", "", text) if "." in text else text
    plain = re.sub(r"(?<=:)0+(?=[0-9]+\.)", "", plain)
    try:
        return mark in text and "%" not in text and bool(ipaddress.ip_address(plain))
    except ValueError:
        return False


def _problem(error: Any, kind: str) -> Problem:
    """One error of the validator in our words."""
    word, value = error.kind.name, error.instance
    pointer = ""
    for part in _place(error):
        pointer = child(pointer, part)
    if word == "required":
        return Problem(pointer=pointer, message="is missing", fix="add it", code="Schema")
    message, fix = _said(word, error.kind, value)
    hint = (
        former.value(kind, pointer, value) if word == "enum" else former.shape(kind, pointer) if word == "type" else ""
    )
    return Problem(pointer=pointer, message=message, fix=hint or fix, code="Schema")


def _place(error: Any) -> list[str | int]:
    """Where the server finds an error: in the missing field itself, and of alternatives where the first one fails."""
    if error.kind.name == "required":
        return [*error.instance_path, error.kind.property]
    below = next((_place(found[0]) for found in getattr(error.kind, "context", ()) if found), [])
    return max(list(error.instance_path), below, key=len)


def _said(word: str, kind: Any, value: Any) -> tuple[str, str]:
    if word == "type":
        types = " or ".join(_TYPES.get(name, name) for name in kind.types)
        fix = f"write {types}"
        if kind.types == ["string"] and isinstance(value, bool | int | float):
            fix = "put it in quotes"
        elif kind.types == ["integer"] and isinstance(value, str) and value.isdigit():
            fix = f"write {value} without quotes"
        return f"is {shown(value)}, must be {types}", fix
    if word == "enum":
        allowed = ", ".join(map(str, kind.options))
        near = former.nearest(str(value), [str(option) for option in kind.options])
        return f"{shown(value)} is not allowed", f"write {near}" if near else f"use one of: {allowed}"
    if word == "pattern":
        return f"{shown(value)} does not match {kind.pattern}", "change it so that it matches"
    if word in ("maxLength", "minLength"):
        most = word == "maxLength"
        wanted = "at most" if most else "at least"
        fix = "shorten it" if most else "fill it in, or leave the field out"
        return f"has {len(value)} characters, {wanted} {kind.limit} are allowed", fix
    if word in ("maxItems", "maxProperties"):
        return f"has more than {kind.limit} entries", "split it over more objects, or remove some"
    if word in ("minItems", "minProperties"):
        return f"has {len(value)} entries, at least {kind.limit} are needed", "add one"
    if word in ("minimum", "maximum"):
        edge = "below" if word == "minimum" else "above"
        fix = f"write a number {'from' if word == 'minimum' else 'up to'} {kind.limit}"
        return f"{shown(value)} is {edge} {kind.limit}", fix
    if word == "oneOf":
        return "does not fit the `type` beside it", "write an IP address, or the `type` of this value, such as Hostname"
    return f"{shown(value)} breaks {word}", "correct it"
