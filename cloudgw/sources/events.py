"""The quick way to read one YAML document: the parser's events become values at once, and no line is kept.

Called by `documents`, which reads a document node by node where this module gives up: at anchors, merge keys, tags,
keys that appear twice or are no strings, and every mistake. So there is one place that words errors, and this one must
never report any. Both must agree on every value; a test compares them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import yaml

from cloudgw.sources.scalars import Loader, Plain

_Scalar, _Mapping, _Sequence = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
_MappingEnd, _SequenceEnd = yaml.MappingEndEvent, yaml.SequenceEndEvent


class _Unusual(Exception):
    """To be read node by node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """data: None where there is nothing. Lines count from 0. items: JSON pointer of every object of a List -> line."""

    data: Any = None
    line: int = 0
    items: dict[str, int] = field(default_factory=dict, repr=False)


def read(text: str, plain: Plain) -> Reading | None:
    """A text that holds at most one document; None where it has to be read node by node. plain: shared by all documents
    of a file."""
    loader = None
    try:
        loader = Loader(text)
        get = loader.get_event
        get()
        if type(get()) is yaml.StreamEndEvent:
            return Reading()
        root = get()
        items: dict[str, int] = {}
        data = _root(root, get, plain, items) if type(root) is _Mapping else _value(root, get, plain)
        get()
        if type(get()) is not yaml.StreamEndEvent:
            return None
        return Reading(data=data, line=root.start_mark.line, items=items)
    except (_Unusual, RecursionError, yaml.YAMLError):
        return None
    finally:
        if loader is not None:
            loader.dispose()


def _root(event: Any, get: Any, plain: Plain, items: dict[str, int]) -> dict[str, Any]:
    _usual(event)
    found: dict[str, Any] = {}
    while name := _key(get(), found):
        value = get()
        if name != "items" or type(value) is not _Sequence:
            found[name] = _value(value, get, plain)
            continue
        _usual(value)
        values: list[Any] = []
        found[name] = values
        while type(item := get()) is not _SequenceEnd:
            items[f"/items/{len(values)}"] = item.start_mark.line
            values.append(_value(item, get, plain))
    return found


def _value(event: Any, get: Any, plain: Plain) -> Any:
    if event.anchor is not None or event.tag is not None:
        raise _Unusual
    kind = type(event)
    if kind is _Scalar:
        return plain[event.value] if event.implicit[0] else event.value
    if kind is _Mapping:
        found: dict[str, Any] = {}
        while name := _key(get(), found):
            found[name] = _value(get(), get, plain)
        return found
    values: list[Any] = []
    while type(item := get()) is not _SequenceEnd:
        values.append(_value(item, get, plain))
    return values


def _usual(event: Any) -> None:
    if event.anchor is not None or event.tag is not None:
        raise _Unusual


def _key(event: Any, found: dict[str, Any]) -> str:
    """The key that an event is, "" at the end of the mapping."""
    if type(event) is _MappingEnd:
        return ""
    if type(event) is not _Scalar or event.anchor is not None or event.tag is not None:
        raise _Unusual
    name = event.value
    if not name or name == "<<" or name in found:
        raise _Unusual
    return sys.intern(name)
