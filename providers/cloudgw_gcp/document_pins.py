"""What in a URL map of ours is not ours, and what of ours it holds on to.

`observe` names such parts on the elements, so that a deletion waits for a word; the commit looks again right before it
writes. A foreign route rule pins the matcher that it lies in, everything foreign pins the map, and both pin the backend
services that they name: what is in use cannot be deleted (cloud.google.com/compute/docs/reference/rest/v1/
backendServices/delete). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import names
from cloudgw_gcp.document_parts import MATCHER, foreign_rule, host_rules, key_of, matchers, rules
from cloudgw_gcp.shapes_values import LINKS, Json


def foreign(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of all parts that we did not make, sorted. What others changed in parts of ours is drift, not foreign."""
    return tuple(sorted({name for name, _ in _strangers(document)}))


def pins(document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Path of a backend service -> names of the foreign parts that name it, sorted."""
    found: dict[str, set[str]] = {}
    for name, part in _strangers(document):
        for path in services(part):
            found.setdefault(path, set()).add(name)
    return {path: tuple(sorted(named)) for path, named in found.items()}


def in_matcher(key: tuple[str, str], matcher: Json) -> tuple[str, ...]:
    """Names of the foreign route rules in a matcher of ours."""
    return tuple(sorted(foreign_rule(matcher, rule) for own, rule in rules(key, matcher) if own is None))


def guard(document: Mapping[str, Any], changes: Sequence[model.Change]) -> None:
    """Raises Failed where a matcher that is to go holds what is neither deleted along nor approved."""
    gone = {key_of(c.address, c.name) for c in changes if c.op == "delete"}
    leaving = {
        key_of(c.address, c.name): c for c in changes if c.op == "delete" and model.kind_of(c.address) == MATCHER
    }
    for key, matcher in matchers(document):
        change = leaving.get(key) if key is not None else None
        if key is None or change is None or change.before is None:
            continue
        strangers = set(in_matcher(key, matcher)) - set(change.before.outputs.get("foreign", ()))
        strangers |= {names.child("route-rule", *own) for own, _ in rules(key, matcher) if own and own not in gone}
        if strangers:
            raise Failed(
                "conflict",
                f"{model.short(change.address)} holds route rules that would be deleted with it: "
                f"{', '.join(sorted(strangers))}; remove them or plan again",
                key=change.key,
            )


def _strangers(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    own: set[int] = set()
    for key, matcher in matchers(document):
        if key is None:
            yield f"pathMatchers/{matcher.get('name')}", matcher
            continue
        own.update(id(rule) for rule in host_rules(document, str(matcher.get("name"))))
        for inner, rule in rules(key, matcher):
            if inner is None:
                yield foreign_rule(matcher, rule), rule
    for rule in document.get("hostRules") or ():
        if id(rule) not in own:
            yield f"hostRules/{min(rule.get('hosts') or ['?'])}", rule
    for test in document.get("tests") or ():
        yield f"tests/{test.get('host', '')}{test.get('path', '')}", test


def services(part: Any) -> Iterator[str]:
    """Paths of all backend services (or buckets) named inside a URL map, or a part of one."""
    if isinstance(part, Mapping):
        for name, item in part.items():
            if name in LINKS and isinstance(item, str):
                yield names.path_of(item)
            else:
                yield from services(item)
    elif isinstance(part, list):
        for item in part:
            yield from services(item)
