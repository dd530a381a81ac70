"""Requests never meet a backend that is not up: health waits, warm entries, targets, withdrawals.

A change that sends requests to a backend which nothing sends them to yet waits until that backend serves as well as
what it stands in for. Clouds that probe only what is attached get it attached by warm entries: entries that no request
meets, holding every not yet attached backend of all waiting changes of their group until those have gone through.
Targets follow every observed incarnation, retired ones too. A withdrawal (a revoked grant) waits for no health.
"""

from __future__ import annotations

from dataclasses import replace

from cloudgw.graph import diff_retire, model, order
from cloudgw.graph.work import Work
from cloudgw.objects import Unknown


def targets(work: Work) -> None:
    """One change per observed incarnation whose registered targets differ, and per backend still to be made."""
    for where in sorted(work.desired.elements):
        kind = work.kind(where)
        wanted = work.desired.elements[where][0]
        if not kind.fast or isinstance(wanted.spec, Unknown):
            continue
        ref = next((r for r in model.refs_in(wanted.spec) if model.kind_of(r.to) == kind.of), None)
        if ref is None:
            continue
        value = wanted.spec.get(kind.fast, Unknown("unset"))
        seen = {o.name: o for o in work.observed.elements.get(where, ())}
        for backend in work.observed.elements.get(ref.to, ()):
            _follow(work, kind, wanted, backend, seen.get(backend.name), value)
        made = work.changes.get(f"create {model.key_of(ref.to, work.current.get(ref.to, ''))}")
        if made is not None and made.after is not None:
            _follow(work, kind, wanted, made.after, seen.get(made.after.name), value)


def _follow(
    work: Work,
    kind: model.Kind,
    wanted: model.Element,
    backend: model.Element,
    seen: model.Element | None,
    value: object,
) -> None:
    before = seen.fields.get(kind.fast, ()) if seen is not None else ()
    if model.same(value, before) or (model.holds_unknown(value)):
        return
    name = backend.name
    beside = {r.to: r.name for r in model.refs_in(backend.fields)}  # targets lie where their backend does
    beside[backend.address] = name
    spec = {
        n: model.bind(v, lambda r: beside.get(r.to) or work.current.get(r.to, "")) for n, v in wanted.fields.items()
    }
    needs = tuple(k for k in (f"create {backend.key}",) if k in work.changes)
    work.add(
        model.Change(
            op="update" if seen is not None else "create",
            address=wanted.address,
            name=name,
            group=kind.group(wanted.address, name, spec),
            before=seen,
            after=replace(wanted, spec=spec, name=name),
            fields=(kind.fast,),
            needs=needs,
            origins=wanted.origins,
            fast=True,
        )
    )


def health(work: Work) -> None:
    """Adds health waits, and collects what warm entries must hold."""
    serving_groups = {work.group_of(o) for o in work.observed if work.kind(o.address).traffic and not work.is_warm(o)}
    for change in list(work.changes.values()):
        kind = work.kinds.get(model.kind_of(change.address)) if change.op in ("create", "update") else None
        if kind is None or not kind.traffic or change.group not in serving_groups or not displaces(work, kind, change):
            continue
        before = {ref.key for ref in work.traffic_refs(change.before)}
        fresh = {r.key: r for r in work.traffic_refs(change.after) if r.until == "serving" and r.key not in before}
        lacking = {key: message for key, ref in fresh.items() if (message := _lacking(work, ref))}
        unseen = [message for key, message in lacking.items() if _nobody_known(work, fresh[key])]
        if lacking:
            work.shifting.add(change.key)  # its clock runs on, whatever else it waits for
        if unseen and not _withdrawing(work, change):
            wait = model.Wait(what="unknown", message=f"{unseen[0]}, and which those are is not known")
            work.put(replace(change, waits=(*change.waits, wait)))
        elif lacking and _patient(work, change):
            wait = model.Wait(what="health", message=next(iter(lacking.values())))
            work.put(replace(change, waits=(*change.waits, wait)))
        for ref in fresh.values():
            if ref.name and ref.key not in work.carriers and kind.warm is not None:
                work.warming.setdefault(change.group, {})[ref.key] = ref
                owner = _owner(work, change)
                if owner is not None:
                    work.warming_owner[change.group] = owner


def displaces(work: Work, kind: model.Kind, change: model.Change) -> bool:
    """False for a new entry whose requests nothing that stands answers: in its table, or, where that is new, in any."""
    if change.op != "create" or kind.displaces is None or change.after is None:
        return True
    spec = change.after.fields
    table = kind.table_of(change.address, change.name, spec)
    is_new = any(f"create {ref.key}" in work.changes for ref in work.parents(change.after))
    return any(
        kind.displaces(spec, standing.fields)
        for standing in work.observed
        if work.kind(standing.address) is kind
        and not work.is_warm(standing)
        and (work.table_of(standing) == table or (is_new and work.group_of(standing) == change.group))
    )


def _lacking(work: Work, ref: model.Ref) -> str:
    """Why a backend may not receive requests yet, "" when it may."""
    kind = work.kind(ref.to)
    if kind.serving is None or diff_retire.wanted_targets(work, ref.to) == ():
        return ""
    need = max(
        (
            kind.serving(o)
            for o in work.observed.elements.get(ref.to, ())
            if o.key in work.carriers and o.name != ref.name
        ),
        default=0.0,
    )
    seen = work.seen(ref.key)
    share = kind.serving(seen) if seen is not None else 0.0
    if share > 0 and share >= need:
        return ""
    return f"{model.short(ref.to)} serves {share:.0%} of its targets" + (f", {need:.0%} needed" if need else "")


def _patient(work: Work, change: model.Change) -> bool:
    """False when the wait must end: the observed side was withdrawn, or the deadline has passed."""
    if _withdrawing(work, change):
        return False
    began = work.diary.shifts.get(change.key)
    return began is None or work.now < began + work.shift_deadline


def _withdrawing(work: Work, change: model.Change) -> bool:
    return any(ref.to in work.desired.withdrawn for ref in work.traffic_refs(change.before))


def _nobody_known(work: Work, ref: model.Ref) -> bool:
    """Nothing is registered in this incarnation, and what should be is Unknown: no deadline makes it serve."""
    if not model.holds_unknown(diff_retire.wanted_targets(work, ref.to)):
        return False
    seen = work.seen(ref.key)
    return seen is None or not seen.outputs.get("targets", 0)


def _owner(work: Work, change: model.Change) -> model.Element | None:
    assert change.after is not None
    return next((seen for ref in work.parents(change.after) if (seen := work.seen(ref.key)) is not None), None)


def warm(work: Work) -> None:
    """Creates, updates and deletes of warm entries, per group; each backend stays in the entry that holds it."""
    standing: dict[str, list[model.Element]] = {}
    for element in work.observed:
        if work.is_warm(element):
            standing.setdefault(work.group_of(element), []).append(element)
    for group in sorted({*standing, *work.warming}):
        wanted = dict(work.warming.get(group, {}))
        entries = standing.get(group, [])
        going = not any(c.waits for c in work.changes.values() if c.group == group and c.key in work.shifting)
        held = {ref.key for entry in entries for ref in work.traffic_refs(entry)}
        if going:
            wanted = {key: ref for key, ref in wanted.items() if key in held}
        _assign(work, group, entries, wanted)


def _assign(work: Work, group: str, entries: list[model.Element], wanted: dict[str, model.Ref]) -> None:
    kinds = [kind for kind in work.kinds.values() if kind.warm is not None]
    kind = work.kind(entries[0].address) if entries else kinds[0]
    owner = work.warming_owner.get(group)
    if owner is None and entries:
        owner = next((seen for r in work.parents(entries[0]) if (seen := work.seen(r.key)) is not None), None)
    if owner is None or kind.warm is None:
        return
    slots: dict[model.Address, tuple[model.Element, list[model.Ref]]] = {}
    left = dict(wanted)
    for entry in entries:
        slots[entry.address] = (entry, [left.pop(r.key) for r in work.traffic_refs(entry) if r.key in left])
    number = 0
    for key in sorted(left):
        roomy = next((slot for slot in slots.values() if 0 < len(slot[1]) < kind.warm_room), None)
        roomy = roomy or next((slot for slot in slots.values() if len(slot[1]) < kind.warm_room), None)
        if roomy is None:
            while (blank := kind.warm(owner, number, ())).address in slots:
                number += 1
            roomy = slots[blank.address] = (blank, [])
        roomy[1].append(left[key])
    used = {int(e.outputs["position"]) for e in entries} | set(work.observed.taken.get(group, ()))
    free = (p for p in kind.warm_positions if p not in used)
    for where in sorted(slots):
        entry, refs = slots[where]
        seen = next((e for e in entries if e.address == where), None)
        if seen is not None and work.desired.is_unknown(where):
            continue
        if not refs:
            if seen is not None:
                work.add(model.Change(op="delete", address=where, name=seen.name, group=group, before=seen, warm=True))
            continue
        made = kind.warm(owner, _number(entry, kind, owner), tuple(sorted(refs, key=lambda r: r.key)))
        spec = {n: model.bind(v, lambda r: r.name or work.current.get(r.to, "")) for n, v in made.fields.items()}
        needs = tuple(k for r in refs if (k := f"create {r.key}") in work.changes)
        if seen is None:
            name = model.suffix_of(kind, spec)
            after = replace(made, spec=spec, name=name)
            position = next(free, None)
            full = (model.Wait(what="quota", message="no position is free for warming"),)
            work.add(
                model.Change(
                    op="create",
                    address=where,
                    name=name,
                    group=group,
                    after=after,
                    position=position,
                    waits=() if position is not None else full,
                    needs=needs,
                    warm=True,
                )
            )
        elif not all(model.same(spec.get(n), seen.fields.get(n)) for n in kind.mutable):
            after = replace(made, spec=spec, name=seen.name, outputs=seen.outputs)
            work.add(
                model.Change(
                    op="update",
                    address=where,
                    name=seen.name,
                    group=group,
                    before=seen,
                    after=after,
                    fields=kind.traffic,
                    needs=needs,
                    warm=True,
                )
            )


def _number(entry: model.Element, kind: model.Kind, owner: model.Element) -> int:
    assert kind.warm is not None
    return next(n for n in range(1000) if kind.warm(owner, n, ()).address == entry.address)


def withdraw(work: Work) -> None:
    """What takes a withdrawn backend away waits for no health, nor does anything that must go with it."""
    urgent = [
        change.key
        for change in work.changes.values()
        if change.op in ("update", "delete")
        and not change.warm
        and any(ref.to in work.desired.withdrawn for ref in work.traffic_refs(change.before))
    ]
    for key in sorted(order.closed(urgent, work.changes)):
        change = work.changes[key]
        if any(wait.what == "health" for wait in change.waits) and not change.retired:
            work.put(replace(change, waits=tuple(wait for wait in change.waits if wait.what != "health")))
