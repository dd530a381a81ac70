"""The `filter` parameter of compute's list methods: text to a predicate on documents.

The frame parses the parameter once per call and asks the predicate of every document it would list. Two languages
that do not mix: comparisons of AIP-160 (=, !=, <, <=, >, >=, :, AND, OR, NOT, parentheses) and the older `eq`/`ne` with
a regular expression that must match the whole member. Nothing here may look at more than the one document.

Source: the parameter's description in the discovery document; google.aip.dev/160. Inferred, because neither says it: a
member that is not set compares as its type's zero value; `:` on a string asks for a part of it. Reported: a member that
the type does not have, and `eq` on a list, are refused.
"""

from __future__ import annotations

import collections.abc
import operator
import re
from typing import Any

from cloudgw_local.gcp import discovery, errors

Json = dict[str, Any]
Predicate = collections.abc.Callable[[Json], bool]
_LEGACY = re.compile(r"([\w.-]+)\s+(eq|ne)\s+(.+)", re.DOTALL)
_FIELD = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
_OPERATOR = re.compile(r"<=|>=|!=|=|<|>|:")
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", re.DOTALL)
_BARE = re.compile(r"[^\s()\"']+")
_WORD = re.compile(r"(AND|OR|NOT)(?=[\s()]|$)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ORDERS: dict[str, collections.abc.Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Bad(Exception):
    """The text is no filter; `parse` makes Google's refusal of it."""


def parse(text: str, schema_name: str = "") -> Predicate:
    """The predicate that a filter means; an empty text takes everything.

    `schema_name` is the listed type's ("UrlMap"): with it, members that the type does not have are refused. Raises
    Refusal (400 invalid, "Invalid list filter expression.") for a text that is no filter.
    """
    if not text.strip():
        return lambda _document: True
    try:
        legacy = _legacy(text.strip(), schema_name)
        return legacy if legacy is not None else _Comparisons(text, schema_name).whole()
    except (_Bad, re.error) as broken:
        message = f"Invalid value for field 'filter': '{text}'. Invalid list filter expression."
        raise errors.Refusal(status=400, reason="invalid", message=message, location="filter") from broken


def _legacy(text: str, schema_name: str) -> Predicate | None:
    """The older language, or None where the text is not in it. Several expressions stand in parentheses, all hold, and
    concern one member."""
    single = _LEGACY.fullmatch(text)
    groups = [text] if single else _groups(text)
    found = [_LEGACY.fullmatch(group.strip()) for group in groups]
    if not any(found):
        return None
    parts = [one for one in found if one]
    if len(parts) < len(found) or len({one[1] for one in parts}) > 1:
        raise _Bad
    tests = [_regular(one[1], one[2], one[3].strip(), schema_name) for one in parts]
    return lambda document: all(test(document) for test in tests)


def _groups(text: str) -> list[str]:
    """The insides of "(a) (b)"; [] for anything else."""
    found, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character == "(":
            depth += 1
            if depth == 1:
                start = index + 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                found.append(text[start:index])
        elif depth == 0 and not character.isspace():
            return []
    return found if depth == 0 else []


def _regular(field: str, verb: str, literal: str, schema_name: str) -> Predicate:
    if _kind(schema_name, field) == "array":
        raise _Bad
    quoted = _QUOTED.fullmatch(literal)
    pattern = re.compile((quoted[1] or quoted[2] or "") if quoted else literal)

    def holds(document: Json) -> bool:
        values = [_text(value) for value in _values(document, field)] or [""]
        return any(pattern.fullmatch(value) for value in values) is (verb == "eq")

    return holds


class _Comparisons:
    """A recursive descent through the text: OR binds closer than AND, and expressions that stand side by side are
    an AND (AIP-160)."""

    def __init__(self, text: str, schema_name: str) -> None:
        self.text, self.schema_name, self.at = text, schema_name, 0

    def whole(self) -> Predicate:
        found = self._all()
        if self.at < len(self.text):
            raise _Bad
        return found

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The pattern at the place reached, after blanks; moves behind it."""
        start = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        found = pattern.match(self.text, start)
        if found is not None:
            self.at = found.end()
        elif start == len(self.text):
            self.at = start
        return found

    def _next(self, word: str) -> bool:
        before = self.at
        found = self._take(_WORD)
        if found is None or found[1] != word:
            self.at = before
            return False
        return True

    def _all(self) -> Predicate:
        parts = [self._any()]
        while self._next("AND") or self._more():
            parts.append(self._any())
        return lambda document: all(part(document) for part in parts)

    def _any(self) -> Predicate:
        parts = [self._one()]
        while self._next("OR"):
            parts.append(self._one())
        return lambda document: any(part(document) for part in parts)

    def _more(self) -> bool:
        rest = self.text[self.at :].lstrip()
        return bool(rest) and not rest.startswith(")")

    def _one(self) -> Predicate:
        if self._next("NOT") or self._take(re.compile(r"-(?=[(A-Za-z_])")):
            inner = self._one()
            return lambda document: not inner(document)
        if self._take(re.compile(r"\(")):
            inner = self._all()
            if not self._take(re.compile(r"\)")):
                raise _Bad
            return inner
        field, sign = self._take(_FIELD), self._take(_OPERATOR)
        quoted = self._take(_QUOTED)
        bare = None if quoted else self._take(_BARE)
        if field is None or sign is None or (quoted is None and bare is None):
            raise _Bad
        literal = re.sub(r"\\(.)", r"\1", quoted[1] or quoted[2] or "") if quoted else bare[0] if bare else ""
        return self._comparison(field[0], sign[0], literal, present=bare is not None and bare[0] == "*")

    def _comparison(self, field: str, sign: str, literal: str, present: bool) -> Predicate:
        _kind(self.schema_name, field)
        if sign == ":" and present:
            return lambda document: bool(_values(document, field, keys=True))
        if sign == ":":
            return lambda document: any(_has(value, literal) for value in _values(document, field, keys=True))
        if sign in _ORDERS:
            return lambda document: any(_ordered(sign, value, literal) for value in _values(document, field))
        wanted = sign == "="
        return lambda document: any(_same(value, literal) for value in _values(document, field) or [None]) is wanted


def _kind(schema_name: str, field: str) -> str:
    """The JSON type of a member of the listed type, "" where no type is named. Raises _Bad for one it has not."""
    schema: Json = {"ref": schema_name} if schema_name else {}
    for name in field.split(".") if schema_name else ():
        while schema.get("type") == "array":
            schema = schema["items"]
        if "additionalProperties" in schema:
            schema = schema["additionalProperties"]
            continue
        members = discovery.SCHEMAS[schema["ref"]].get("properties", {}) if "ref" in schema else {}
        if name not in members:
            raise _Bad
        schema = members[name]
    return str(schema.get("type", ""))


def _values(document: Any, field: str, keys: bool = False) -> list[Any]:
    """The values at a path, lists opened; [] when it is not set. `keys`: a map at its end gives its keys."""
    found = [document]
    for name in field.split("."):
        found = [item[name] for item in _flat(found) if isinstance(item, dict) and name in item]
    flat = _flat(found)
    return [inner for item in flat for inner in (item if keys and isinstance(item, dict) else [item])]


def _flat(values: list[Any]) -> list[Any]:
    return [inner for value in values for inner in (value if isinstance(value, list) else [value])]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(value: Any, literal: str) -> bool:
    if value is None:  # not set: the zero value of whatever type the literal has
        return literal in ("", "0", "false")
    if _NUMBER.fullmatch(literal) and _NUMBER.fullmatch(_text(value)):
        return float(literal) == float(value)
    return _text(value) == (literal.lower() if isinstance(value, bool) else literal)


def _has(value: Any, literal: str) -> bool:
    return literal in value if isinstance(value, str) else _same(value, literal)


def _ordered(sign: str, value: Any, literal: str) -> bool:
    if _NUMBER.fullmatch(literal) and _NUMBER.fullmatch(_text(value)):
        return _ORDERS[sign](float(value), float(literal))
    return _ORDERS[sign](_text(value), literal)
