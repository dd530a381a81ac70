"""Ordered tables: where entries stand, and which changes must go together so that no request meets a wrong answer.

Order comes from `Graph.order`. Entries that leave, or about which nothing is known, stand behind their observed
predecessor. New entries carry their position in the create; what standing entries move is one `reorder` of the table.
A table is a part of one group: a document may hold several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cloudgw.graph import diff_traffic, model, place
from cloudgw.graph.work import Work
from cloudgw.objects import Unknown


def positions(work: Work) -> None:
    """Sets positions of creates and adds reorders."""
    groups: dict[str, str] = {}  # table -> the group that it is written with
    standing: dict[str, list[model.Element]] = {}
    for element in work.observed:
        if work.kind(element.address).positions is not None and not work.is_warm(element):
            table = work.table_of(element)
            standing.setdefault(table, []).append(element)
            groups[table] = work.group_of(element)
    wanted: dict[str, list[str]] = {}
    open_: dict[str, list[tuple[str, str]]] = {}  # table -> (entry of which nothing is known, the one above it)
    for sequence in work.desired.order.values():
        places = [(where, _place_of(work, where, groups)) for where in sequence]
        around = next((found[0] for _, found in places if found is not None), None)
        above = ""
        for where, found in places:
            if found is not None:
                wanted.setdefault(found[0], []).append(found[1])
                above = found[1]
            elif around is not None and f"create {model.key_of(where, '')}" in work.changes:
                open_.setdefault(around, []).append((model.key_of(where, ""), above))
    for table in sorted({*standing, *wanted}):
        entries = sorted(standing.get(table, []), key=lambda e: (int(e.outputs["position"]), e.key))
        _position(work, table, groups[table], entries, wanted.get(table, []))
        _rank_open(work, table, groups[table], open_.get(table, []))


def _rank_open(work: Work, table: str, group: str, entries: list[tuple[str, str]]) -> None:
    """Creates of which nothing is known take part in `joint`, right below the entry above them: their neighbours must
    not go without them. They get no position: they wait."""
    ranked = sorted(work.ranks.get(table, {}).items(), key=lambda item: item[1])
    sequence = [key for key, _ in ranked]
    for key, above in reversed(entries):
        sequence.insert(sequence.index(above) + 1 if above in sequence else 0, key)
        change = work.changes[f"create {key}"]
        work.put(replace(change, group=group, table=table))
    work.ranks[table] = {key: rank for rank, key in enumerate(sequence)}


def _place_of(work: Work, where: model.Address, groups: dict[str, str]) -> tuple[str, str] | None:
    """(table, element key) of an ordered desired address whose place is known, else None. Adds to `groups`."""
    wanted = work.desired.one(where)
    if wanted is None or isinstance(wanted.spec, Unknown):
        return None
    seen = work.current_element(where)
    if seen is not None:
        return work.table_of(seen), seen.key
    change = work.changes.get(f"create {model.key_of(where, work.current.get(where, ''))}")
    if change is None or (any(wait.what == "unknown" for wait in change.waits) and not change.name):
        return None
    table = _table_of(work, change)
    groups[table] = change.group
    return table, model.key_of(where, change.name)


def _table_of(work: Work, change: model.Change) -> str:
    element = change.after or change.before
    if change.table or element is None or isinstance(element.spec, Unknown):
        return change.table or change.group
    return work.kind(change.address).table_of(change.address, change.name, element.fields)


def _position(work: Work, table: str, group: str, entries: list[model.Element], wanted: list[str]) -> None:
    kind = work.kind(entries[0].address) if entries else work.kind(wanted[0].rsplit("@", 1)[0])
    assert kind.positions is not None
    sequence = _merge([e.key for e in entries], wanted)
    work.ranks[table] = {key: rank for rank, key in enumerate(sequence)}
    observed = {e.key: int(e.outputs["position"]) for e in entries}
    taken = work.observed.taken.get(table, ())
    placed = place.place(observed, sequence, taken, kind.positions)
    danger: tuple[str, ...] = ("moves an entry across one that is not ours",) if placed.crossed else ()
    moves = {key: placed.positions[key] for key in observed if placed.positions[key] != observed[key]}
    for key in sequence:
        change = work.changes.get(f"create {key}")
        if change is None:
            continue
        if key in placed.positions:
            work.put(replace(change, position=placed.positions[key]))
        else:
            wait = model.Wait(what="quota", message="no position is free in this group")
            work.put(replace(change, waits=(*change.waits, wait)))
    if moves:
        before = [key for key in sequence if key in observed]
        turned = before != sorted(before, key=lambda key: observed[key]) or placed.crossed
        if turned:
            work.turned.add(table)
        origins = tuple(dict.fromkeys(o for key in sorted(moves) for o in work.by_key[key].origins))
        work.add(
            model.Change(
                op="reorder",
                address=entries[0].address,
                group=group,
                table=table if table != group else "",
                moves=tuple(sorted(moves.items(), key=lambda item: (item[1], item[0]))),
                fields=("order",) if turned else ("positions",),
                danger=danger,
                origins=origins,
            )
        )


def _merge(observed: list[str], wanted: list[str]) -> list[str]:
    """Wanted order, with every other observed entry behind its observed predecessor."""
    chosen = set(wanted)
    behind: dict[str, list[str]] = {}
    previous = ""
    for key in observed:
        if key not in chosen:
            behind.setdefault(previous, []).append(key)
        else:
            previous = key
    merged = list(behind.get("", ()))
    for key in wanted:
        merged.append(key)
        merged.extend(behind.get(key, ()))
    return merged


def joint(work: Work) -> None:
    """Links changes of one ordered table that must go in one commit.

    A create or update takes along every create above it that it meets; a delete every create and update it meets, and
    every delete below it that it meets; where standing entries change order, everything goes with the reorder. Links
    are per token to the nearest neighbour, so that their closure, not their number, holds all of them.
    """
    tables: dict[str, list[model.Change]] = {}
    for change in work.changes.values():
        table = _table_of(work, change)
        if change.op == "reorder":
            tables.setdefault(table, [])
        elif not change.warm and model.key_of(change.address, change.name) in work.ranks.get(table, {}):
            tables.setdefault(table, []).append(change)
    for table in sorted(tables):
        reorder = work.changes.get(f"reorder {table}")
        ranks = work.ranks[table]
        changes = sorted(tables[table], key=lambda c: (ranks[model.key_of(c.address, c.name)], c.key))
        links = _links(work, changes)
        for change in changes:
            extra = set(links.get(change.key, ()))
            needs = set(change.needs)
            if reorder is not None and table in work.turned:
                extra.add(reorder.key)
            elif reorder is not None and change.op == "create":
                needs.add(reorder.key)
            work.put(replace(change, joint=tuple(sorted(extra)), needs=tuple(sorted(needs))))
        if reorder is not None and table in work.turned:
            work.put(replace(reorder, joint=tuple(sorted(c.key for c in changes))))


def openings(work: Work) -> None:
    """What brings a new table into use goes with everything that is made there, where that takes requests from what
    stands: else they would meet a table that is not whole."""
    lying: dict[str, dict[str, model.Change]] = {}  # key of what is to be opened -> what is made there, by key
    unknown: dict[str, list[str]] = {}  # table -> keys of entries of which nothing else is known
    opening: list[tuple[model.Change, list[str]]] = []
    for change in work.changes.values():
        if change.op != "create" or change.warm or change.after is None:
            continue
        if change.table:
            unknown.setdefault(change.table, []).append(change.key)
        for ref in work.parents(change.after):
            lying.setdefault(ref.key, {})[change.key] = change
        opens = work.kind(change.address).opens
        if opens is not None and not isinstance(change.after.spec, Unknown):
            own = model.key_of(change.address, change.name)
            opening.append((change, [r.key for r in model.refs_in(change.after.spec.get(opens))] if opens else [own]))
    for change, keys in opening:
        made = {name: one for key in keys for name, one in lying.get(key, {}).items()}
        is_new = all(f"create {key}" in work.changes for key in keys)
        entries = [one for one in made.values() if one.position is not None]
        if is_new and any(diff_traffic.displaces(work, work.kind(one.address), one) for one in entries):
            tables = {_table_of(work, one) for one in made.values()}
            whole = {*made, *(key for table in tables for key in unknown.get(table, ()))} - {change.key}
            work.put(replace(work.changes[change.key], joint=tuple(sorted({*change.joint, *whole}))))


def _links(work: Work, changes: list[model.Change]) -> dict[str, set[str]]:
    meeting = work.kind(changes[0].address).meeting if changes else None
    if meeting is not None:
        return _links_of_pairs(changes, meeting)
    tokens: dict[str, list[model.Change]] = {}
    everywhere: list[model.Change] = []
    for change in changes:
        element = change.after or change.before
        assert element is not None
        known = not isinstance(element.spec, Unknown)
        met = work.kind(change.address).meets(element.fields) if known else (model.EVERYTHING,)
        if model.EVERYTHING in met or not met:
            everywhere.append(change)
        else:
            for token in met:
                tokens.setdefault(token, []).append(change)
    if everywhere:
        ranks = {change.key: rank for rank, change in enumerate(changes)}
        lists = [sorted([*found, *everywhere], key=lambda c: ranks[c.key]) for found in tokens.values()] or [everywhere]
    else:
        lists = list(tokens.values())
    links: dict[str, set[str]] = {}
    for found in lists:
        above = ""
        for change in found:
            if change.op in ("create", "update"):
                if above:
                    links.setdefault(change.key, set()).add(above)
                if change.op == "create":
                    above = change.key
        makers = [c.key for c in found if c.op in ("create", "update")]
        below = ""
        for change in reversed(found):
            if change.op == "delete":
                links.setdefault(change.key, set()).update([below] if below else makers)
                below = change.key
        for change in found:
            if change.op == "update" and set(change.fields) & set(work.kind(change.address).matches):
                for other in found:
                    if other is not change:
                        links.setdefault(change.key, set()).add(other.key)
                        links.setdefault(other.key, set()).add(change.key)
    return links


def _links_of_pairs(
    changes: list[model.Change], meeting: Callable[[model.Spec, model.Spec], bool]
) -> dict[str, set[str]]:
    """The same for a small table whose entries say pair by pair whether they meet; an unknown one meets all."""

    def meet(one: model.Change, other: model.Change) -> bool:
        first, second = one.after or one.before, other.after or other.before
        assert first is not None
        assert second is not None
        unknown = isinstance(first.spec, Unknown) or isinstance(second.spec, Unknown)
        return unknown or meeting(first.fields, second.fields)

    links: dict[str, set[str]] = {}
    for rank, change in enumerate(changes):
        makes = change.op in ("create", "update")
        for number, other in enumerate(changes):
            above = other.op == "create" and number < rank
            away = other.op in ("create", "update") or number > rank
            if other is not change and (above if makes else away) and meet(change, other):
                links.setdefault(change.key, set()).add(other.key)
    return links
