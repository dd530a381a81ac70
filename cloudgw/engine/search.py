"""Groups that the cloud writes whole: one bad change refuses the write for everybody, so the guilty one is searched.

`commit` calls `settle` for the changes of such a group and `mend` at the end. The suspects are halved over prefixes of
the topological order; accepted prefixes are live; what is convicted waits as refused until its content changes. Changes
of targets stay out of a search: they are written apart, before it goes on. A long operation decides at its end, in a
later pass. It must never write a change that the plan does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cloudgw.engine import report, writing
from cloudgw.graph import memory, model, order
from cloudgw.provider import Failure

RETRY_SECONDS, LONGEST_SECONDS = 60.0, 1800.0
LASTING = ("approval", "quota", "unknown", "refused")  # waits that time does not end


def settle(state: writing.Run, batch: list[model.Change]) -> None:
    """The changes of one group: all at once, or under search only the part that is to be tried; the rest waits."""
    kind, group = writing.kind_of(state, batch[0].address), batch[0].group
    rest = _topological(batch)
    if _goes_whole(state, group, rest):
        writing.write(state, rest, group, kind)
        return
    if _too_soon(state, group, rest):
        late = Failure(why="unknown", code="OperationFailed", message=state.cache.broken[group][2])
        for change in rest:
            state.outcomes[change.key] = report.Outcome(change=change, state="failed", failure=late)
        return
    if group not in state.observed.failed:
        state.cache.restoring.discard(group)
        if group in state.cache.flight:
            _accepted(state, group, state.cache.flight.pop(group))
    elif _restoring(state, group, kind, rest):
        return
    while rest:
        rest = [change for change in rest if change.key not in state.outcomes]
        trial = _trial(state, group, rest)
        if not trial:
            return
        failure = writing.write(state, trial, group, kind)
        if failure is None:
            _room(state, group, trial)
            if group in state.operations:  # its end decides, in a later pass
                _later(state, rest, "a long operation of this group runs")
                return
            _accepted(state, group, tuple(writing.print_of(change) for change in trial))
        elif failure.why in ("invalid", "quota"):
            state.cache.reasons[group] = failure.message
            (state.cache.scarce.add if failure.why == "quota" else state.cache.scarce.discard)(group)
            for change in trial:
                state.outcomes.pop(change.key, None)
            guilty = [change for change in trial if change.key == failure.guilty]
            state.cache.suspects[group] = tuple(writing.print_of(change) for change in guilty or _slow(trial))
            _convict(state, group, rest, failure.message)
            rest = writing.drop_blocked(state, rest)
        else:
            for change in rest:
                if change.key not in state.outcomes:
                    writing.blocked(state, change, trial[0].key)
            return


def _room(state: writing.Run, group: str, written: Sequence[model.Change]) -> None:
    """Something went: what was refused for want of room may be tried again."""
    if any(change.op == "delete" for change in written):
        for refused in state.cache.full.pop(group, ()):
            state.cache.refused.pop(refused, None)


def _goes_whole(state: writing.Run, group: str, rest: Sequence[model.Change]) -> bool:
    """Everything of ours in the group is deleted: there is nothing to restore and nobody to search for."""
    gone = {model.key_of(change.address, change.name) for change in rest if change.op == "delete"}
    standing = [e for e in state.standing.get(group, ()) if not writing.kind_of(state, e.address).fast]
    return bool(gone) and all(element.key in gone for element in standing)


def _too_soon(state: writing.Run, group: str, rest: Sequence[model.Change]) -> bool:
    """Two operations in a row failed: the same once more waits, longer each time; something else may go."""
    count, when, _, carried = state.cache.broken.get(group, (0, 0.0, "", ()))
    if not {writing.print_of(change) for change in rest} <= set(carried):
        return False
    pause = min(RETRY_SECONDS * 2.0**count, LONGEST_SECONDS)
    return count > 1 and state.clock.now() < when + pause


def _restoring(state: writing.Run, group: str, kind: model.Kind, rest: Sequence[model.Change]) -> bool:
    """Puts the last good document first, where it is known, once for each failure. True when the rest must wait."""
    _suspect_flight(state, group)
    if group in state.cache.restoring:  # that write failed as well: what was held for good is not
        state.cache.restoring.discard(group)
        state.cache.good.pop(group, None)
    if group not in state.cache.good:
        return False
    state.cache.restoring.add(group)
    if writing.write(state, [], group, kind) is not None:
        for change in rest:
            writing.blocked(state, change, "the last good document could not be restored")
        return True
    if group not in state.operations:
        return False
    _later(state, rest, "the group is restored")  # the search goes on when that write has ended
    return True


def mend(state: writing.Run) -> None:
    """A group that a long operation left degraded, and that nobody wants changed, is put again once per process; never
    before what was written can be seen."""
    state.cache.mended &= state.observed.failed
    wanted = {change.group for change in state.changes.values() if not any(w.what in LASTING for w in change.waits)}
    for group in sorted(state.observed.failed - set(state.operations) - state.cache.mended - wanted):
        elements = state.standing.get(group, ())
        written = max(state.cache.started or 0.0, state.cache.written.get(group, 0.0))
        early = state.clock.now() < written + state.provider.staleness
        if elements and not early and not _too_soon(state, group, ()):
            state.cache.mended.add(group)
            writing.write(state, [], group, writing.kind_of(state, elements[0].address))
            state.cache.good.pop(group, None)  # nobody knows that it was


def rewound(observed: model.Graph, cache: memory.Cache, kinds: Mapping[str, model.Kind]) -> model.Graph:
    """What to believe of groups whose last long operation failed: our elements as they stood before it. The cloud may
    show the document that it refused."""
    failed = [group for group in sorted(observed.failed) if group in cache.good]
    if not failed:
        return observed
    kept = [element for element in observed if model.group_of(kinds, element) not in failed]
    good = [element for group in failed for element in cache.good[group]]
    again = model.graph([*kept, *good]).elements
    return replace(observed, elements=again)


def _later(state: writing.Run, rest: Sequence[model.Change], why: str) -> None:
    for change in rest:
        if change.key not in state.outcomes:
            state.outcomes[change.key] = report.Outcome(change=change, state="waiting", by=why)


def _slow(trial: list[model.Change]) -> list[model.Change]:
    """The suspects of a refused write: targets only when nothing else was in it."""
    return [change for change in trial if not change.fast] or trial


def _trial(state: writing.Run, group: str, rest: list[model.Change]) -> list[model.Change]:
    """What to write next: everything, or targets apart, then the first half of the suspects with what must go with
    them."""
    suspects = [change for change in rest if writing.print_of(change) in set(state.cache.suspects.get(group, ()))]
    if not suspects:
        state.cache.suspects.pop(group, None)
        return rest
    keys = {change.key for change in rest}
    apart = [change for change in rest if change.fast and change not in suspects and not keys & set(change.needs)]
    if apart:
        return apart
    if len(suspects) == 1:
        return suspects
    by_key = {change.key: change for change in rest}
    half = _with_needs({change.key for change in suspects[: len(suspects) // 2]}, by_key)
    if all(change.key in half for change in suspects):
        return suspects
    return [change for change in rest if change.key in half]


def _with_needs(keys: set[str], by_key: Mapping[str, model.Change]) -> set[str]:
    found = set(keys)
    queue = list(keys)
    while queue:
        change = by_key[queue.pop()]
        for other in (*change.needs, *change.joint):
            if other in by_key and other not in found:
                found.add(other)
                queue.append(other)
    return found


def _accepted(state: writing.Run, group: str, tried: tuple[str, ...]) -> None:
    """What was tried is live, so the guilty one is among the other suspects; alone, it is convicted without a try."""
    suspects = tuple(s for s in state.cache.suspects.get(group, ()) if s not in tried)
    if suspects:
        state.cache.suspects[group] = suspects
        if len(suspects) == 1:
            _convict(state, group, [c for c in state.changes.values() if c.group == group], "")
    else:
        state.cache.suspects.pop(group, None)


def _convict(state: writing.Run, group: str, rest: Sequence[model.Change], message: str) -> None:
    suspects = state.cache.suspects.get(group, ())
    members = [change for change in rest if writing.print_of(change) in suspects]
    by_key = {change.key: change for change in members}
    if len(members) > 1 and len(_with_needs({members[0].key}, by_key)) < len(members):
        return
    for change in members:
        reason = message or state.cache.reasons.get(group, "the cloud refused it")
        state.cache.refused[writing.print_of(change)] = reason
        if group in state.cache.scarce:
            state.cache.full[group] = (*state.cache.full.get(group, ()), writing.print_of(change))
        failure = Failure(why="invalid", code="refused", message=reason, guilty=change.key)
        state.outcomes[change.key] = report.Outcome(change=change, state="failed", failure=failure)
        state.tell(f"refused: {change.key}: {reason}")
    state.cache.suspects.pop(group, None)


def _suspect_flight(state: writing.Run, group: str) -> None:
    """A long operation ended badly: the guilty one is among what it carried."""
    flown = state.cache.flight.pop(group, ())
    if flown:
        changes = [change for change in state.changes.values() if writing.print_of(change) in flown]
        state.cache.suspects[group] = tuple(writing.print_of(change) for change in _slow(changes))
        state.cache.reasons.setdefault(group, "the long operation that carried it failed")
        _convict(state, group, list(state.changes.values()), "")


def _topological(batch: Sequence[model.Change]) -> list[model.Change]:
    first, stuck = order.order(batch)
    return [*first, *stuck]
