"""JSON text becomes values, with the line on which every object of a List begins.

Called by `documents`. A key that appears twice is reported, and its first value kept. This module must never put a
value into a message.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """problems: one message for each key that appears twice. line: of the first character. items: JSON pointer of every
    object of a List -> line."""

    data: Any
    problems: tuple[str, ...]
    line: int
    items: dict[str, int] = field(repr=False)


def read(text: str) -> Found | None:
    """None when it is no JSON: YAML in flow style begins the same way."""
    reader = _Reader(text)
    try:
        begin = reader.skip(0)
        data, end = reader.document(begin)
        if reader.skip(end) != len(text):
            return None
    except (ValueError, RecursionError):
        return None
    line = text.count("\n", 0, begin) + 1
    return Found(data=data, problems=tuple(reader.problems), line=line, items=reader.items)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.problems: list[str] = []
        self._mapping = functools.partial(_mapping, self.problems)
        self._decode = json.JSONDecoder(object_pairs_hook=self._mapping).raw_decode
        self.items: dict[str, int] = {}

    def skip(self, at: int) -> int:
        """Where the next character stands that is no white space."""
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def document(self, at: int) -> tuple[Any, int]:
        """The value that begins there, and its end. Of a mapping its fields are read one by one, to see a List's
        objects begin. Raises ValueError."""
        if self._text[at] != "{":
            return self._decode(self._text, at)
        pairs: list[tuple[str, Any]] = []
        at = self.skip(at + 1)
        while not (self._text.startswith("}", at) and not pairs):
            key, at = self._decode(self._text, at)
            if not isinstance(key, str):
                raise ValueError
            at = self.skip(self._past(":", self.skip(at)))
            listed = key == "items" and self._text.startswith("[", at)
            value, at = self._list(at) if listed else self._decode(self._text, at)
            pairs.append((key, value))
            at = self.skip(at)
            if self._text.startswith("}", at):
                break
            at = self.skip(self._past(",", at))
        return self._mapping(pairs), at + 1

    def _list(self, at: int) -> tuple[list[Any], int]:
        values: list[Any] = []
        line = self._text.count("\n", 0, at) + 1
        at, seen = self.skip(at + 1), at
        while not (self._text.startswith("]", at) and not values):
            line += self._text.count("\n", seen, at)
            seen = at
            self.items[f"/items/{len(values)}"] = line
            value, at = self._decode(self._text, at)
            values.append(value)
            at = self.skip(at)
            if self._text.startswith("]", at):
                break
            at = self.skip(self._past(",", at))
        return values, at + 1

    def _past(self, sign: str, at: int) -> int:
        if not self._text.startswith(sign, at):
            raise ValueError
        return at + 1


def _mapping(problems: list[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found = {}
    for key, value in pairs:
        if key in found:
            problems.append(f"the key {key!r} appears twice; remove one of the two")
        found.setdefault(key, value)
    return found
