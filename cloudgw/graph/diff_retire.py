"""What leaves: elements that nobody wants, and incarnations that were replaced, with the waits before they go.

What stays keeps what it refers to. A replaced incarnation stays until its successor covers it (everything that serves
below it and is still wanted serves below the successor as well), until users were shown the successor for as long as
names live in caches, and until it drained, counted from the first observation without traffic. Whatever lies in a
retired parent inherits its waits.
"""

from __future__ import annotations

from dataclasses import replace

from cloudgw.graph import model
from cloudgw.graph.work import Work
from cloudgw.objects import Unknown


def leave(work: Work) -> None:
    """Delete changes for what desired neither wants nor leaves open, minus what a staying element refers to."""
    leaving: dict[str, bool] = {}
    for element in work.observed:
        kind = work.kind(element.address)
        if kind.fast or work.is_warm(element):
            continue
        wanted = work.desired.one(element.address)
        if wanted is None:
            if not work.desired.is_unknown(element.address):
                leaving[element.key] = False
        elif not isinstance(wanted.spec, Unknown) and element.name != work.current.get(element.address):
            leaving[element.key] = True
    kept = [ref.key for e in work.observed if e.key not in leaving for ref in _after(work, e)]
    while kept:
        key = kept.pop()
        if leaving.pop(key, None) is not None:
            kept.extend(ref.key for ref in _after(work, work.by_key[key]))
    for key, retired in leaving.items():
        element = work.by_key[key]
        work.add(
            model.Change(
                op="delete",
                address=element.address,
                name=element.name,
                group=work.group_of(element),
                before=element,
                retired=retired,
                origins=element.origins,
            )
        )


def _after(work: Work, element: model.Element) -> list[model.Ref]:
    """What a staying element will refer to once this plan is done. Targets and warm entries keep nothing."""
    if work.kind(element.address).fast or work.is_warm(element):
        return []
    change = work.changes.get(f"update {element.key}")
    if change is not None and change.after is not None:
        return list(model.refs_in(change.after.fields))
    return work.refs[element.key]


def retire(work: Work) -> None:
    """Waits of deletes, and claims handed over with downtime."""
    _claims(work)
    forced = {change.key for change in work.changes.values() if change.op == "delete" and change.danger}
    whole = not work.desired.elements and not work.desired.unknown
    inherited: dict[str, tuple[model.Wait, ...]] = {}
    for change in sorted((c for c in work.changes.values() if c.op == "delete"), key=lambda c: _depth(work, c)):
        assert change.before is not None
        if change.key in forced:
            continue
        waits = list(change.waits)
        parents = [f"delete {ref.key}" for ref in work.parents(change.before)]
        from_parent = [wait for parent in parents for wait in inherited.get(parent, ())]
        lies = any(parent in inherited for parent in parents)
        if from_parent:
            waits.extend(from_parent[:1])
        elif change.retired and not lies and not any(parent in forced for parent in parents):
            waits.extend(_cover(work, change.before))
        if change.retired or lies:
            inherited[change.key] = tuple(waits)
        if not whole:
            waits.extend(_drain(work, change.before))
        work.put(replace(change, waits=tuple(waits)))
    for where in sorted(work.desired.elements):
        kind = work.kind(where)
        seen = work.current_element(where)
        if kind.published and seen is not None and kind.ready(seen):
            old = [c for c in work.changes.values() if c.op == "delete" and c.address == where and c.retired]
            if all(_uncovered(work, c.before) is None for c in old if c.before is not None):
                work.publish[where] = seen.name


def _depth(work: Work, change: model.Change) -> tuple[int, str]:
    depth, level = 0, [change.before] if change.before is not None else []
    while level:
        parents = [work.seen(ref.key) for element in level for ref in work.parents(element)]
        level = [parent for parent in parents if parent is not None]
        depth += 1
        if depth > 16:
            raise ValueError(f"immutable references in a circle at {change.address}")
    return depth, change.key


def _cover(work: Work, old: model.Element) -> list[model.Wait]:
    """Why the successor does not yet stand in for the old incarnation; or how long names still lead to it."""
    uncovered = _uncovered(work, old)
    if uncovered is not None:
        return [uncovered]
    kind = work.kind(old.address)
    if not kind.published:
        return []
    shown, since = work.diary.published.get(old.address, ("", 0.0))
    if shown != work.current.get(old.address):
        return [model.Wait(what="time", message="users were not shown the successor yet", until=work.now)]
    until = since + kind.published
    if work.now < until:
        return [model.Wait(what="time", message="names of the old one live in caches", until=until)]
    return []


def _uncovered(work: Work, old: model.Element) -> model.Wait | None:
    """None when everything that serves below `old`, and is still wanted, serves as well below its successor."""
    successor = work.current_element(old.address)
    if successor is None:
        return _not_there(work, old.address)
    if not work.kind(old.address).ready(successor):
        return model.Wait(what="ready", message=f"{model.short(old.address)}: the successor is not ready")
    new = _below(work, successor)
    wanted = _wanted_traffic(work)
    for element in (old, *sorted(_below(work, old).values(), key=lambda e: e.key)):
        kind = work.kind(element.address)
        if work.is_warm(element):
            continue
        if element.address != old.address and _pending(work, element.address):
            return _not_there(work, element.address)
        if kind.serving is None or element.key not in work.carriers or element.address not in wanted:
            continue
        share = kind.serving(element)
        stands_in = work.current_element(element.address)
        inside = stands_in is not None and (stands_in.key in new or stands_in.key == successor.key)
        reached = inside and stands_in is not None and stands_in.key in work.carriers
        now = kind.serving(stands_in) if stands_in is not None and reached else 0.0
        if stands_in is not None and stands_in.key == element.key:
            continue
        if share > 0 and now < share and not _hopeless(work, element.address):
            message = f"{model.short(element.address)} serves {now:.0%} below the successor, {share:.0%} below before"
            return model.Wait(what="health", message=message)
    return None


def _not_there(work: Work, where: model.Address) -> model.Wait:
    """Waits for the change that makes the successor, and so for whatever that one waits for."""
    made = f"create {model.key_of(where, work.current.get(where, ''))}"
    return model.Wait(what="change", message=made)


def _pending(work: Work, where: model.Address) -> bool:
    """The address is wanted and its current incarnation is still to be made."""
    return where in work.desired.elements and work.current_element(where) is None and not _unknown_spec(work, where)


def _unknown_spec(work: Work, where: model.Address) -> bool:
    wanted = work.desired.one(where)
    return wanted is not None and isinstance(wanted.spec, Unknown)


def _hopeless(work: Work, where: model.Address) -> bool:
    return wanted_targets(work, where) == ()


def wanted_targets(work: Work, where: model.Address) -> object:
    """The targets that desired wants for a backend, its own and those of what it refers to: a tuple, Unknown where any
    is, or None where no element holds any."""
    found = [
        element.fields.get(kind.fast, Unknown("unset"))
        for backend in (where, *(ref.to for ref in model.refs_in(work.bound.get(where, {}))))
        for kind in work.kinds.values()
        if kind.fast and kind.of == model.kind_of(backend) and (element := _beside(work, backend, kind)) is not None
    ]
    unknown = next((value for value in found if model.holds_unknown(value)), None)
    if unknown is not None or not found:
        return unknown
    return tuple(target for value in found for target in value)


def _beside(work: Work, backend: model.Address, kind: model.Kind) -> model.Element | None:
    """The wanted element that holds a backend's targets: of the same logical id."""
    namespace, gateway, provider, _, logical = backend.split("/", 4)
    return work.desired.one(model.address(f"{namespace}/{gateway}", provider, kind.name, logical))


def _below(work: Work, top: model.Element) -> dict[str, model.Element]:
    """Everything reached downwards from an incarnation: what lies in it, and what that refers to with traffic."""
    found: dict[str, model.Element] = {}
    queue = [top]
    while queue:
        element = queue.pop()
        lying = [work.by_key[key] for key in work.referrers.get(element.key, ()) if _lies_in(work, key, element.key)]
        carried = [target for ref in work.traffic_refs(element) if (target := work.seen(ref.key)) is not None]
        for other in (*lying, *carried):
            if other.key not in found and other.key != top.key:
                found[other.key] = other
                queue.append(other)
    return found


def _lies_in(work: Work, key: str, parent: str) -> bool:
    return any(ref.key == parent for ref in work.parents(work.by_key[key]))


def _wanted_traffic(work: Work) -> set[model.Address]:
    found: set[model.Address] = set()
    for where, spec in work.bound.items():
        for name in work.kind(where).traffic:
            found.update(ref.to for ref in model.refs_in(spec.get(name)))
    return found


def _drain(work: Work, element: model.Element) -> list[model.Wait]:
    kind = work.kind(element.address)
    if kind.drain is None:
        return []
    if element.key in work.carriers:
        return [model.Wait(what="drain", message=f"{model.short(element.address)} still receives requests")]
    work.unreferred.add(element.key)
    until = work.diary.retired.get(element.key, work.now) + kind.drain(element)
    if work.now < until:
        return [model.Wait(what="drain", message=f"{model.short(element.address)} drains", until=until)]
    return []


def _claims(work: Work) -> None:
    """A create that claims what a leaving incarnation holds comes after its delete: downtime, a person's word."""
    holders: dict[str, model.Change] = {}
    for change in work.changes.values():
        if change.op == "delete" and change.before is not None:
            kind = work.kind(change.address)
            for claim in kind.claims(change.name, change.before.fields):
                holders[claim] = change
    for change in list(work.changes.values()):
        if change.op != "create" or change.after is None or isinstance(change.after.spec, Unknown):
            continue
        kind = work.kind(change.address)
        for claim in kind.claims(change.name, change.after.spec):
            holder = holders.get(claim)
            if holder is None:
                continue
            danger = f"downtime: {claim} has one holder only"
            latest = work.changes[change.key]
            dangers = tuple(dict.fromkeys((*latest.danger, danger)))
            work.put(replace(latest, needs=(*latest.needs, holder.key), danger=dangers))
            _force(work, holder, danger)


def _force(work: Work, holder: model.Change, danger: str) -> None:
    """The holder and everything that lies in it go first, without waiting for cover."""
    queue = [holder]
    while queue:
        change = queue.pop()
        if change.before is None or danger in work.changes[change.key].danger:
            continue
        work.put(replace(work.changes[change.key], danger=(danger,)))
        for key in work.referrers.get(change.before.key, ()):
            child = work.changes.get(f"delete {key}")
            if child is not None and _lies_in(work, key, change.before.key):
                queue.append(child)
