"""What admission says: problems, and the verdict that holds them.

Every module of this package makes problems; callers add file, line and object. This module must know nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Code = Literal[
    "InvalidObject",  # apiVersion, kind or the whole document cannot be understood
    "UnknownKind",  # no such kind in the group
    "UnknownVersion",  # the kind has no such version
    "NotServed",  # the version exists and is not served in this channel
    "Metadata",  # name, namespace, labels, annotations, owners, finalizers
    "Schema",  # type, required, enum, pattern, length, range
    "ListMapKey",  # two items of a list with the same key, or twice the same item of a set
    "Rule",  # a CEL rule does not hold
    "UnknownField",  # no such field
    "Renamed",  # the field or kind has another name today
    "Experimental",  # the field or kind stands in the experimental channel only
    "Later",  # a later version of the Gateway API adds the field or kind
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """pointer: JSON pointer into the document, "" for the whole. message: the reason, without object and field.

    refused: the server itself refuses. False for fields that it does not know: it drops them in silence, and
    `kubectl apply` refuses them (`--validate=strict`, its default)."""

    pointer: str
    message: str
    fix: str
    code: Code
    refused: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """data: what the server would store: defaults set, unknown fields and status gone; meaningless when
    refused_by_server. warnings: nothing is refused, but something has no effect or will not last."""

    data: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def refused_by_server(self) -> bool:
        """True when creating the object would fail even with `--validate=false`."""
        return any(problem.refused for problem in self.problems)


# The way to a value while walking: (way to what holds it, key), None for the document. Cheaper than text, which only a
# problem needs.
Way = tuple[Any, Any] | None


def text(way: Way) -> str:
    """The way as a JSON pointer."""
    return "" if way is None else child(text(way[0]), way[1])


def child(pointer: str, key: object) -> str:
    """The JSON pointer of a field or an item (https://www.rfc-editor.org/rfc/rfc6901#section-3)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def shown(value: object) -> str:
    """A value as it may stand in a message: short, and in the words of YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"  # Python refuses to write some
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
