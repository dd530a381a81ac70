"""A URL map's whole document with exactly some changes made: what `kinds_paths_commit` puts; and what `observe` sees.

Google has no call for one child of a URL map: an update replaces everything, and what it leaves out is gone
(cloud.google.com/compute/docs/reference/rest/v1/urlMaps/update). So this module takes what a GET shows and must leave
every child that is not ours as it stands: matchers, host rules, route rules among ours, tests. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import document_draft, document_order, document_pins, names, shapes_paths, shapes_rules
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.document_parts import (
    MATCHER,
    RULE,
    Key,
    host_rules,
    is_warm,
    key_of,
    logical_of,
    matcher_id,
    matchers,
    rule_id,
    rules,
)
from cloudgw_gcp.shapes_values import IdOf, Json, RefOf

foreign, pins = document_pins.foreign, document_pins.pins


def changed(
    found: Mapping[str, Any], changes: Sequence[model.Change], observed: Sequence[model.Element], *, id_of: IdOf
) -> Draft:
    """The Draft whose `body` is to be sent. found: what a GET shows, or the body of an insert; observed: ours of
    the group.

    Raises Failed with the change's key where a change does not fit what is found.
    """
    draft = document_draft.of(found, id_of)
    document_order.guard_doubles(found, changes)
    document_order.guard_places(draft, changes, observed)
    document_pins.guard(found, changes)
    for kind in (RULE, MATCHER):
        for change in _of_kind(changes, kind):
            if change.op == "delete":
                _delete(draft, change)
    for kind in ("url-map", MATCHER, RULE):
        for change in _of_kind(changes, kind):
            if change.op in ("create", "update"):
                _write(draft, change)
    for change in changes:
        if change.op == "reorder":
            document_order.move(draft, change)
    document_order.sort(draft)
    for guard in (document_order.guard_priorities, document_order.guard_names, document_order.guard_hosts):
        guard(draft, changes)
    return draft


def _of_kind(changes: Iterable[model.Change], kind: str) -> Iterator[model.Change]:
    return (change for change in changes if change.op != "reorder" and model.kind_of(change.address) == kind)


def _delete(draft: Draft, change: model.Change) -> None:
    """Absent is done. A matcher takes its host rules along."""
    key = key_of(change.address, change.name)
    if draft.child(change) is None:
        return
    if model.kind_of(change.address) == RULE:
        draft.drop_rule(key)
        return
    gone = draft.matchers.pop(key)
    draft.body["pathMatchers"] = [one for one in draft.body["pathMatchers"] if one is not gone]
    _set_host_rules(draft.body, str(gone.get("name")), None)
    for inner, _ in rules(key, gone):
        if inner is not None:
            del draft.rules[inner], draft.homes[inner]


def _write(draft: Draft, change: model.Change) -> None:
    """The whole content of a child, from the spec after the change."""
    if change.op == "update" and draft.child(change) is None:
        raise Failed("not_ready", f"{model.short(change.address)} is gone; plan again", key=change.key)
    assert change.after is not None
    try:
        if model.kind_of(change.address) == RULE:
            _write_rule(draft, change, change.after)
        elif model.kind_of(change.address) == MATCHER:
            _write_matcher(draft, change, change.after)
        else:
            kept = {name: value for name, value in draft.body.items() if name in shapes_paths.OF_MAP}
            draft.body = kept | shapes_paths.write_map(change.after.fields, draft.id_of)
    except Failed as problem:
        raise Failed(problem.why, f"{model.short(change.address)}: {problem}", key=problem.key or change.key) from None


def _write_matcher(draft: Draft, change: model.Change, wanted: model.Element) -> None:
    """In place: its route rules stay. A host rule is written only where its hosts differ."""
    key = key_of(change.address, change.name)
    matcher = draft.matchers.get(key)
    if matcher is None:
        matcher = {"name": names.matcher_name(*key), "description": names.child(MATCHER, *key)}
        draft.matchers[key] = matcher
        draft.body.setdefault("pathMatchers", []).append(matcher)
    kept = {name: value for name, value in matcher.items() if name in shapes_paths.OF_MATCHER}
    matcher.clear()
    matcher |= kept | shapes_paths.write_matcher(wanted.fields, draft.id_of)
    name = str(matcher.get("name"))
    standing = host_rules(draft.body, name)
    if len(standing) != 1 or sorted(standing[0].get("hosts") or ()) != sorted(wanted.fields["hosts"]):
        _set_host_rules(
            draft.body, name, {**(standing or [{}])[0], **shapes_paths.write_host_rule(wanted.fields, name)}
        )
    for inner, rule in rules(key, matcher):
        if inner is not None and shapes_rules.is_fail(rule):
            rule["service"] = shapes_paths.fallback_of(matcher)


def _set_host_rules(body: Json, matcher: str, wanted: Json | None) -> None:
    """One host rule, or none, that leads to a matcher, where the first one stood."""
    first, found = wanted, []
    for rule in body.get("hostRules") or ():
        if rule.get("pathMatcher") != matcher:
            found.append(rule)
        elif first is not None:
            found.append(first)
            first = None
    body["hostRules"] = [*found, first] if first is not None else found


def _write_rule(draft: Draft, change: model.Change, wanted: model.Element) -> None:
    key, parent = key_of(change.address, change.name), wanted.fields["matcher"]
    home = key_of(parent.to, parent.name)
    if home not in draft.matchers:
        raise Failed("not_ready", f"{model.short(parent.to)} is not in the URL map; plan again")
    rule = draft.rules.get(key)
    if rule is None:
        rule = draft.rules[key] = {"description": names.child(RULE, *key)}
        draft.homes[key] = home
        draft.siblings(home).append(rule)
    if change.op == "create":
        rule["priority"] = change.position
        draft.turned.add(home)
    kept = {name: value for name, value in rule.items() if name in shapes_paths.OF_RULE}
    fallback = shapes_paths.fallback_of(draft.matchers[home])
    rule.clear()
    rule |= kept | shapes_paths.write_rule(wanted.fields, draft.id_of, fallback)


def elements(document: Mapping[str, Any], people: str, me: model.Ref, ref_of: RefOf) -> list[model.Element]:
    """Our path matchers and route rules in a map of ours. people: "namespace/gateway"; me: the map's element.

    outputs: id, of a matcher foreign (names of route rules in it that are not ours), of a route rule position.
    """
    found: list[model.Element] = []
    path = names.path_of(str(document.get("selfLink") or document.get("name")))
    for key, matcher in matchers(document):
        if key is None:
            continue
        name = str(matcher.get("name"))
        where = model.address(people, names.PROVIDER, MATCHER, key[0])
        spec = {"url_map": me, **shapes_paths.read_matcher(matcher, host_rules(document, name), ref_of)}
        outputs = {"id": matcher_id(path, name), "foreign": document_pins.in_matcher(key, matcher)}
        found.append(model.Element(address=where, name=key[1], spec=spec, outputs=outputs))
        parts = {"url_map": me, "matcher": model.Ref(where, "exists", key[1])}
        fallback = shapes_paths.fallback_of(matcher)
        for inner, rule in rules(key, matcher):
            if inner is not None:
                found.append(
                    model.Element(
                        address=model.address(people, names.PROVIDER, RULE, inner[0]),
                        name=inner[1],
                        spec=parts | shapes_paths.read_rule(rule, ref_of, fallback),
                        outputs={"id": rule_id(path, name, inner), "position": int(rule.get("priority") or 0)},
                    )
                )
    return found


def taken(document: Mapping[str, Any], people: str) -> dict[str, tuple[int, ...]]:
    """Priorities of route rules that are not ours, by table ("routes:<matcher key>"); those in the matcher where warm
    rules lie also by group ("map:<url-map key>"), which is how a place for these is looked up."""
    found: dict[str, tuple[int, ...]] = {}
    record = names.record_of(document.get("description"))
    for key, matcher in matchers(document):
        if key is None:
            continue
        priorities = tuple(sorted(int(r.get("priority") or 0) for own, r in rules(key, matcher) if own is None))
        if not priorities:
            continue
        where = model.address(people, names.PROVIDER, MATCHER, key[0])
        found[f"routes:{model.key_of(where, key[1])}"] = priorities
        if record is not None and is_warm(f"{key[0]}/{names.WARM}.0"):
            found[f"map:{model.key_of(record.address, record.suffix)}"] = priorities
    return found


def id_made(draft: Draft, path: str, change: model.Change) -> str:
    """The id of what a create put into the document. path: of the map."""
    key: Key = (logical_of(change.address), change.name)
    if model.kind_of(change.address) == MATCHER:
        return matcher_id(path, str(draft.matchers[key].get("name")))
    if model.kind_of(change.address) == RULE:
        return rule_id(path, str(draft.matchers[draft.homes[key]].get("name")), key)
    return path
