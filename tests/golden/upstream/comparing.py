"""Is what a case expects in the status that we give? Subsets, compared as the upstream suite compares them.

Called by `test_upstream` with the JSON of both. An expected mapping may leave fields out. Conditions are found by type,
listeners by name, parents by parentRef, ancestors by ancestorRef. An expected list is everything there is, but with
"..." in it there may be more. This module must never look at anything but its two arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GROUP = "gateway.networking.k8s.io"
MORE = "..."
LISTS = {"listeners": "name", "parents": "parentRef", "ancestors": "ancestorRef"}


def differences(expected: Mapping[str, Any], given: Mapping[str, Any], namespace: str, where: str = "") -> list[str]:
    """One sentence per difference, none when the expectation holds. namespace: of the object that has the status."""
    return list(_mapping(expected, given, namespace, where))


def _mapping(expected: Mapping[str, Any], given: Mapping[str, Any], namespace: str, where: str) -> Iterator[str]:
    for key, wanted in expected.items():
        at = f"{where}.{key}".lstrip(".")
        if key == "conditions":
            yield from _conditions(wanted, given.get(key, ()), at)
        elif key in LISTS:
            yield from _items(key, wanted, given.get(key, ()), namespace, at)
        elif key == "supportedKinds":
            yield from _kinds(wanted, given.get(key, ()), at)
        elif key not in LISTS.values() and (have := given.get(key, 0 if wanted == 0 else None)) != wanted:
            yield f"{at}: expected {wanted!r}, got {have!r}"


def _conditions(expected: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], where: str) -> Iterator[str]:
    for wanted in expected:
        have = next((one for one in given if one["type"] == wanted["type"]), None)
        at = f"{where}[{wanted['type']}]"
        if have is None or wanted.get("absent"):
            if (have is None) != bool(wanted.get("absent")):
                yield f"{at}: expected {_short(wanted)}, got {_short(have) if have else 'none'}"
        elif any(not _same(value, have.get(key)) for key, value in wanted.items()):
            yield f"{at}: expected {_short(wanted)}, got {_short(have)}"


def _same(wanted: Any, have: Any) -> bool:
    if isinstance(wanted, str) and wanted.endswith(MORE):
        return str(have).startswith(wanted.removesuffix(MORE))
    return bool(wanted == have)


def _short(condition: Mapping[str, Any]) -> str:
    names = ("status", "reason", "observedGeneration", "message")
    return " ".join(str(condition[name]) for name in names if condition.get(name)) or "absent"


def _items(key: str, expected: Sequence[Any], given: Sequence[Any], namespace: str, where: str) -> Iterator[str]:
    wanted = [one for one in expected if one != MORE]
    named = {_name(key, one, namespace): one for one in given}
    for one in wanted:
        name = _name(key, one, namespace)
        if name not in named:
            yield f"{where}[{name}]: missing; there are {', '.join(named) or 'none'}"
        else:
            yield from _mapping(one, named[name], namespace, f"{where}[{name}]")
    extra = set(named) - {_name(key, one, namespace) for one in wanted}
    if extra and MORE not in expected:
        yield f"{where}: not expected: {', '.join(sorted(extra))}"


def _name(key: str, item: Mapping[str, Any], namespace: str) -> str:
    """What an item of a list is found by. A parentRef must be the one of the spec with group and kind filled in; an
    ancestor's namespace may be left out where it is the policy's own."""
    value = item[LISTS[key]]
    if not isinstance(value, Mapping):
        return str(value)
    full = {"group": GROUP, "kind": "Gateway", **value}
    if key == "ancestors":
        full = {"namespace": namespace, **full}
    return " ".join(f"{name}={full[name]}" for name in sorted(full))


def _kinds(expected: Sequence[Any], given: Sequence[Mapping[str, Any]], where: str) -> Iterator[str]:
    wanted = {(one.get("group", GROUP), one["kind"]) for one in expected if one != MORE}
    have = {(one.get("group", GROUP), one["kind"]) for one in given}
    if wanted - have or (have - wanted and MORE not in expected):
        yield f"{where}: expected {sorted(kind for _, kind in wanted)}, got {sorted(kind for _, kind in have)}"
