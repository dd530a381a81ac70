"""The difference between what is wanted and what is seen, as changes with their waits.

`pipeline` calls `diff` for one Gateway in one placement. It compares desired with observed and nothing else; the
Diary and the Cache only make changes wait. Five pure steps over one Work: bind (incarnations), compare (this file),
traffic (health and warm entries), retire (old incarnations), table (positions and what must go together).
It must never do I/O and never iterate a set into its output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloudgw.graph import diff_bind, diff_retire, diff_table, diff_traffic, memory, model, order
from cloudgw.graph.work import Work
from cloudgw.objects import Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """changes in topological order; cyclic: changes that need each other (a defect of a build). publish: address ->
    incarnation that users may be shown. unreferred: element keys seen without traffic that are to go. shifting: keys
    of changes that wait for health. current: address -> suffix."""

    changes: tuple[model.Change, ...]
    unchanged: int
    cyclic: tuple[model.Change, ...] = ()
    publish: Mapping[str, str] = field(default_factory=dict)
    unreferred: tuple[str, ...] = ()
    shifting: tuple[str, ...] = ()


def diff(
    desired: model.Graph,
    observed: model.Graph,
    kinds: Mapping[str, model.Kind],
    *,
    now: float = 0.0,
    staleness: float = 0.0,
    shift_deadline: float = 900.0,
    diary: memory.Diary | None = None,
    cache: memory.Cache | None = None,
) -> Difference:
    """now, staleness, shift_deadline: seconds. Both graphs hold one Gateway's elements (or any closed set)."""
    work = Work(
        desired=desired,
        observed=observed,
        kinds=kinds,
        now=now,
        staleness=staleness,
        shift_deadline=shift_deadline,
        diary=diary or memory.Diary(),
        cache=cache or memory.Cache(),
    )
    diff_bind.bind(work)
    _compare(work)
    _stand_for_hopeless(work)
    diff_retire.leave(work)
    diff_table.positions(work)
    diff_traffic.targets(work)
    diff_traffic.health(work)
    diff_retire.retire(work)
    diff_traffic.warm(work)
    _needs(work)
    diff_table.joint(work)
    diff_table.openings(work)
    diff_traffic.withdraw(work)
    _hold(work)
    settled = order.settle(list(work.changes.values()))
    topological, cyclic = order.order(settled)
    unchanged = sum(1 for element in observed if not work.kind(element.address).fast)
    unchanged -= sum(1 for c in settled if c.before is not None and not c.fast)
    return Difference(
        changes=tuple(topological),
        unchanged=max(0, unchanged),
        cyclic=tuple(cyclic),
        publish=work.publish,
        unreferred=tuple(sorted(work.unreferred)),
        shifting=tuple(sorted(work.shifting)),
    )


def _compare(work: Work) -> None:
    """Creates and updates of everything wanted but targets and warm entries."""
    for where in sorted(work.desired.elements):
        wanted = work.desired.elements[where][0]
        kind = work.kind(where)
        if kind.fast:
            continue
        seen = work.current_element(where)
        if isinstance(wanted.spec, Unknown):
            if not work.observed.elements.get(where):
                wait = model.Wait(what="unknown", message=wanted.spec.reason)
                work.add(model.Change(op="create", address=where, after=wanted, waits=(wait,), origins=wanted.origins))
            continue
        bound = work.bound[where]
        if seen is None:
            _create(work, kind, wanted, bound)
        elif not isinstance(seen.spec, Unknown):
            _update(work, kind, wanted, bound, seen, seen.spec)


def _create(work: Work, kind: model.Kind, wanted: model.Element, bound: model.Spec) -> None:
    waits: list[model.Wait] = []
    spec = {f: v for f, v in bound.items() if not (f in kind.optional and model.holds_unknown(v))}
    for name in sorted(spec):
        if model.holds_unknown(spec[name]):
            waits.append(model.Wait(what="unknown", message=f"{name}: {_reason(spec[name])}"))
    for ref in model.refs_in(spec):
        if not ref.name:
            waits.append(model.Wait(what="unknown", message=f"{model.short(ref.to)} is not there and not known"))
    name = work.current.get(wanted.address, "")
    spec = _stand_in(work, kind, wanted, spec)
    group = kind.group(wanted.address, name, spec)
    after = replace(wanted, spec=spec, name=name)
    work.add(
        model.Change(
            op="create",
            address=wanted.address,
            name=name,
            group=group,
            after=after,
            waits=tuple(waits[:1]),
            origins=wanted.origins,
        )
    )


def _stand_in(work: Work, kind: model.Kind, wanted: model.Element, spec: dict[str, Any]) -> dict[str, Any]:
    """A new entry that the cloud refused becomes its error: its requests reach no heir, its neighbours go on."""
    if kind.stand_in is None or memory.fingerprint(wanted.address, spec) not in work.cache.refused:
        return spec
    instead = kind.stand_in(replace(wanted, spec=spec))
    if instead is None or memory.fingerprint(wanted.address, instead.spec) in work.cache.refused:
        return spec
    return dict(instead.fields)


def _stand_for_hopeless(work: Work) -> None:
    """A new entry that needs what the cloud refused becomes its error too, else its requests would fall to an heir."""
    if not work.cache.refused:
        return
    creates = {c.key: c for c in work.changes.values() if c.op == "create" and c.after is not None}
    hopeless = {
        key
        for key, change in creates.items()
        if change.after is not None
        and memory.fingerprint(change.address, change.after.spec) in work.cache.refused
        and work.kind(change.address).stand_in is None
    }
    while True:
        more = {
            key
            for key, change in creates.items()
            if key not in hopeless
            and any(
                f"create {ref.key}" in hopeless for ref in model.refs_in(change.after.fields if change.after else {})
            )
        }
        if not more:
            return
        for key in sorted(more):
            change = creates.pop(key)
            instead = work.kind(change.address).stand_in
            found = instead(change.after) if instead is not None and change.after is not None else None
            if found is None:
                hopeless.add(key)
                creates[key] = change
            else:
                work.put(replace(change, after=replace(found, name=change.name, origins=change.origins)))


def _update(
    work: Work,
    kind: model.Kind,
    wanted: model.Element,
    bound: model.Spec,
    seen: model.Element,
    observed: model.Spec,
) -> None:
    differing = [
        name
        for name in (*kind.mutable, *kind.optional)
        if not model.same(work.value(kind, bound, name), work.value(kind, observed, name))
    ]
    if not differing:
        return
    spec = dict(observed)
    for name in (*kind.mutable, *kind.optional):
        value = work.value(kind, bound, name)
        if bound.get(name) is None and name in kind.defaults:
            spec.pop(name, None)  # left out, as in a create: what is refused is remembered by its spec
        elif not model.holds_unknown(value):
            spec[name] = value
    waits = [
        model.Wait(what="unknown", message=f"{model.short(ref.to)} is not there and not known")
        for ref in model.refs_in(spec)
        if not ref.name
    ]
    work.add(
        model.Change(
            op="update",
            address=seen.address,
            name=seen.name,
            group=work.group_of(seen),
            before=seen,
            after=replace(wanted, spec=spec, name=seen.name, outputs=seen.outputs),
            fields=tuple(sorted(differing)),
            waits=tuple(waits[:1]),
            origins=wanted.origins,
        )
    )


def _reason(value: object) -> str:
    if isinstance(value, Unknown):
        return value.reason
    if isinstance(value, tuple):
        return next((_reason(item) for item in value if model.holds_unknown(item)), "unknown")
    if isinstance(value, Mapping):
        return next((_reason(item) for item in value.values() if model.holds_unknown(item)), "unknown")
    return "unknown"


def _needs(work: Work) -> None:
    """What must exist or be gone before: references forward for creates and updates, backward for deletes; and what
    lets people in is opened anew before it is closed."""
    opening: dict[str, list[str]] = {}
    traffic: list[str] = []
    for change in work.changes.values():
        if change.op == "reorder" or change.fast or change.warm:
            continue
        kind = work.kind(change.address)
        if change.op == "create" and kind.exposes is not None:
            opening.setdefault(kind.name, []).append(change.key)
        if (change.op in ("update", "delete") and kind.traffic) or (change.op == "delete" and kind.serving is not None):
            traffic.append(change.key)
    for change in list(work.changes.values()):
        if change.op in ("create", "update") and change.after is not None:
            needs, waits = list(change.needs), list(change.waits)
            before = {ref.key for ref in model.refs_in(change.before.fields)} if change.before is not None else set()
            for ref in model.refs_in(change.after.fields):
                made = work.changes.get(f"create {ref.key}")
                if made is not None:
                    needs.append(made.key)
                target = work.seen(ref.key)
                ready = work.kind(ref.to).ready
                if ref.until == "ready" and ref.key not in before and target is not None and not ready(target):
                    waits.append(model.Wait(what="ready", message=f"{model.short(ref.to)} is not ready"))
            work.put(replace(change, needs=tuple(sorted({*needs})), waits=tuple(waits)))
        elif change.op == "delete" and change.before is not None:
            needs = list(change.needs)
            kind = work.kind(change.address)
            if not change.retired and not change.danger:
                needs.extend(opening.get(kind.name, ()))
                if kind.exposes is not None and kind.drain is not None and kind.drain(change.before):
                    needs.extend(traffic)  # a way to what serves is closed when nobody goes there any more
            for ref in work.parents(change.before):
                above = work.changes.get(f"update {ref.key}")
                if above is not None and above.group != change.group:  # what is written at once has no before
                    needs.append(above.key)
            for referrer in work.referrers.get(change.before.key, ()):
                for op in ("delete", "update"):
                    other = work.changes.get(f"{op} {referrer}")
                    if other is not None and not other.fast:
                        needs.append(other.key)
            work.put(replace(change, needs=tuple(sorted({*needs}))))


def _hold(work: Work) -> None:
    """Waits that come from what we did, from what the cloud refused, and from what we could not see."""
    for change in list(work.changes.values()):
        waits = list(change.waits)
        group = change.group
        written = work.cache.written.get(group)
        if work.cache.started is not None:
            written = max(written or 0.0, work.cache.started) if written is not None else work.cache.started
        until = None if written is None else written + work.staleness
        for ref in model.refs_in(change.after.fields) if change.after is not None else ():
            taken = work.cache.detached.get(ref.key)
            if taken is not None and not _refers(change.before, ref.key):
                until = max(until or 0.0, taken + work.staleness)
        own = work.cache.detached.get(model.key_of(change.address, change.name))
        if own is not None:
            until = max(until or 0.0, own + work.staleness)
        if until is not None and work.now < until:
            waits.append(model.Wait(what="time", message="what was written may not be visible yet", until=until))
        if group in work.observed.busy:
            waits.append(model.Wait(what="operation", message="a long operation of this group is running"))
        if change.after is not None and change.op != "reorder":
            reason = work.cache.refused.get(memory.fingerprint(change.address, change.after.spec))
            if reason is not None:
                waits.append(model.Wait(what="refused", message=reason))
        if (change.op in ("create", "delete") or _drops(change)) and _unseen(work.observed, change.address):
            waits.append(model.Wait(what="unknown", message="the listing of what exists is incomplete"))
        foreign = change.before.outputs.get("foreign", ()) if change.op == "delete" and change.before else ()
        danger = change.danger
        if foreign:
            danger = (*danger, f"deletes along what is not ours: {', '.join(foreign)}")
        if waits != list(change.waits) or danger != change.danger:
            work.put(replace(change, waits=tuple(waits), danger=danger))


def _drops(change: model.Change) -> bool:
    """An update that no longer refers to something: what is seen as gone may only be unseen."""
    if change.before is None or change.after is None or change.fast:
        return False
    kept = {ref.key for ref in model.refs_in(change.after.fields)}
    return any(ref.key not in kept for ref in model.refs_in(change.before.fields))


def _refers(element: model.Element | None, key: str) -> bool:
    return element is not None and any(ref.key == key for ref in model.refs_in(element.fields))


def _unseen(observed: model.Graph, where: model.Address) -> bool:
    return any(where.startswith(prefix) for prefix in observed.unknown)
