"""A Snapshot as a file: what `--save-snapshot` writes and `--snapshot` reads.

Called by the CLI, and by tests. The text is JSON, sorted, and holds no secret bytes: a Secret is its fingerprint, names
and expiry, and materials are left out. Only fields that differ from their default are written. This module must never
write a Material, and reading must never accept a field that does not exist.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from cloudgw import objects
from cloudgw.objects import KubernetesObject, Parameters, Snapshot, Unknown
from cloudgw.sources import collector

FORMAT_VERSION = 1
_CLASSES = {
    kind.__name__: kind
    for kind in (
        *typing.get_args(objects.KubernetesObject),
        *objects.ROUTE_KINDS,
        *typing.get_args(objects.Filter),
    )
}
_FILTERS = frozenset(typing.get_args(objects.Filter))
_UNKNOWN = "unknown"
_TYPE = "type of"
_Decoder: typing.TypeAlias = Callable[[Any], Any]


@collector.paused()
def dump(snapshot: Snapshot) -> str:
    """The Snapshot as text, the same for equal Snapshots."""
    document = {
        "format_version": FORMAT_VERSION,
        "absent": sorted(list(item) for item in snapshot.absent),
        "complete": sorted(snapshot.complete),
        "objects": [
            {"kind": kind, "namespace": key[0], "name": key[1], **_body(items[key])}
            for kind, items in sorted(snapshot.objects.items())
            for key in sorted(items)
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@collector.paused()
def parse_dump(text: str) -> Snapshot:
    """What `dump` wrote, without materials. Raises ValueError, with the reason, for anything else."""
    try:
        document = json.loads(text)
    except ValueError:
        raise ValueError("is no snapshot: not JSON; write it with --save-snapshot") from None
    if not isinstance(document, dict) or document.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"is no snapshot of format_version {FORMAT_VERSION}; write it anew with --save-snapshot")
    found: dict[str, dict[objects.Key, KubernetesObject | Unknown]] = {}
    try:
        for item in document["objects"]:
            kind, key = item["kind"], (item["namespace"], item["name"])
            found.setdefault(kind, {})[key] = _object(kind, item)
        absent = frozenset((str(kind), str(namespace), str(name)) for kind, namespace, name in document["absent"])
        complete = frozenset(str(kind) for kind in document["complete"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"is no valid snapshot ({type(error).__name__}: {error}); write it anew") from None
    return Snapshot(objects=found, absent=absent, complete=complete)


def _body(item: KubernetesObject | Unknown) -> dict[str, Any]:
    return {_UNKNOWN: item.reason} if isinstance(item, Unknown) else {"value": _encoded(item)}


def _object(kind: str, item: Mapping[str, Any]) -> KubernetesObject | Unknown:
    if _UNKNOWN in item:
        return Unknown(str(item[_UNKNOWN]))
    target = _CLASSES.get(kind, Parameters)
    value: KubernetesObject = _decoded(target, item["value"])
    return value


def _encoded(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int:
        return value
    if kind is tuple or kind is list:
        return [_encoded(item) for item in value]
    if dataclasses.is_dataclass(kind):
        found: dict[str, Any] = {_TYPE: kind.__name__} if kind in _FILTERS else {}
        for name, default in _defaults(kind):
            item = getattr(value, name)
            if item is not default and item != default:
                found[name] = _encoded(item)
        return found
    if isinstance(value, Mapping):
        return {str(key): _encoded(item) for key, item in value.items()}
    return value


def _decoded(hint: Any, value: Any) -> Any:
    """A value of the type that `hint` names; TypeError for anything else."""
    return _decoder(hint)(value)


@functools.cache
def _decoder(hint: Any) -> _Decoder:
    """How a value of a type is read: worked out once for each type."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return functools.partial(_instance, hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return functools.partial(_list, _decoder(arguments[0]))
        return functools.partial(_row, tuple(_decoder(argument) for argument in arguments))
    if origin in (typing.Union, types.UnionType):
        return functools.partial(_of_union, arguments)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return functools.partial(_mapping, _decoder(arguments[1]))
    if origin is typing.Literal:
        return functools.partial(_literal, arguments)
    if isinstance(hint, type) and hint is not Any:
        return functools.partial(_plain, hint)
    return lambda value: value


def _list(item: _Decoder, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple([item(one) for one in value])


def _row(items: tuple[_Decoder, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(item(one) for item, one in zip(items, value, strict=True))


def _mapping(item: _Decoder, value: Any) -> dict[str, Any]:
    return {str(key): item(one) for key, one in dict(value).items()}


def _literal(allowed: tuple[Any, ...], value: Any) -> Any:
    if value not in allowed:
        raise TypeError(f"one of {allowed} is needed")
    return value


def _plain(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise TypeError(f"{kind.__name__} is needed")
    return value


def _of_union(arguments: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        if type(None) in arguments:
            return None
        raise TypeError("a value is needed")
    if isinstance(value, dict) and _TYPE in value:
        rest = {key: item for key, item in value.items() if key != _TYPE}
        return _decoded(_CLASSES[value[_TYPE]], rest)
    for argument in arguments:
        if dataclasses.is_dataclass(argument) or isinstance(value, argument):
            return _decoded(argument, value)
    raise TypeError("a value of another type is needed")


def _instance(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"a mapping is needed for {kind.__name__}")
    hints = _hints(kind)
    if not value.keys() <= hints.keys():
        raise TypeError(f"{kind.__name__} has no field {min(value.keys() - hints.keys())}")
    return kind(**{name: _decoder(hints[name])(item) for name, item in value.items()})


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    """(field, its default, or MISSING)."""
    return tuple(
        (field.name, field.default if field.default_factory is dataclasses.MISSING else field.default_factory())
        for field in dataclasses.fields(kind)
    )
