"""Commits the changes of one plan that wait for nothing, group by group, and says what became of each.

`pipeline.one_pass` calls `run`. A failed change blocks what needs it, and nothing else. In an atomic group a refused
write is searched for the guilty change by prefixes of the topological order; accepted prefixes are live. Nothing here
decides what to do: it does what the plan says, in the plan's order, or less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.engine import report, retry
from cloudgw.graph import memory, model, order
from cloudgw.provider import Clock, Failed, Failure, Partial, Provider, Session

OUTCOME_UNKNOWN = ("outcome_unknown", "unknown")


@dataclass(slots=True, kw_only=True)
class Run:
    """One execution. ids: element key -> cloud id, observed and made."""

    provider: Provider
    session: Session
    observed: model.Graph
    clock: Clock
    cache: memory.Cache
    tell: Callable[[str], None]
    changes: Mapping[str, model.Change]
    ids: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, report.Outcome] = field(default_factory=dict)
    writes: int = 0
    problems: list[str] = field(default_factory=list)


def run(
    changes: Sequence[model.Change],
    *,
    provider: Provider,
    session: Session,
    observed: model.Graph,
    clock: Clock,
    cache: memory.Cache,
    tell: Callable[[str], None] = lambda _: None,
) -> report.Report:
    """changes: topological, all of the plan. Commits those without waits; order and batches are deterministic."""
    state = Run(
        provider=provider,
        session=session,
        observed=observed,
        clock=clock,
        cache=cache,
        tell=tell,
        changes={change.key: change for change in changes},
    )
    for element in observed:
        if "id" in element.outputs:
            state.ids[element.key] = str(element.outputs["id"])
    for change in changes:
        if change.waits:
            state.outcomes[change.key] = report.Outcome(change=change, state="waiting", by=change.waits[0].message)
    pending = [change for change in changes if not change.waits]
    while pending:
        batch = _next_batch(state, pending)
        if not batch:
            for change in pending:
                _blocked(state, change, _blocker(state, change))
            break
        chosen = {change.key for change in batch}
        pending = [change for change in pending if change.key not in chosen]
        _commit(state, batch)
        pending = _drop_blocked(state, pending)
    return report.Report(
        outcomes=tuple(state.outcomes[change.key] for change in changes),
        writes=state.writes,
        problems=tuple(state.problems),
    )


def _next_batch(state: Run, pending: Sequence[model.Change]) -> list[model.Change]:
    """A whole group whose outside needs are done, if there is one; else the ready part of the first group that has
    any, closed under `joint`."""
    groups: dict[str, list[model.Change]] = {}
    for change in pending:
        groups.setdefault(change.group, []).append(change)
    done = {key for key, outcome in state.outcomes.items() if outcome.state == "done"}
    for members in groups.values():
        inside = {change.key for change in members}
        if all(_met(state, need, done, inside) for change in members for need in change.needs):
            return members
    for members in groups.values():
        ready = _ready_part(state, members, done)
        if ready:
            return ready
    return []


def _ready_part(state: Run, members: list[model.Change], done: set[str]) -> list[model.Change]:
    part = list(members)
    while True:
        inside = {change.key for change in part}
        kept = [
            change
            for change in part
            if all(_met(state, need, done, inside) for need in change.needs)
            and all(key in inside or key in done or key not in state.changes for key in change.joint)
        ]
        if len(kept) == len(part):
            return kept
        part = kept


def _met(state: Run, need: str, done: set[str], inside: set[str]) -> bool:
    return need in done or need in inside or need not in state.changes


def _drop_blocked(state: Run, pending: Sequence[model.Change]) -> list[model.Change]:
    """Changes whose needs or companions failed are blocked, and what needs those in turn."""
    left = list(pending)
    while True:
        bad = {key for key, outcome in state.outcomes.items() if outcome.state in ("failed", "blocked", "waiting")}
        stuck = [change for change in left if any(key in bad for key in (*change.needs, *change.joint))]
        if not stuck:
            return left
        for change in stuck:
            _blocked(state, change, next(key for key in (*change.needs, *change.joint) if key in bad))
        left = [change for change in left if change.key not in state.outcomes]


def _blocker(state: Run, change: model.Change) -> str:
    return next((key for key in (*change.needs, *change.joint) if key in state.outcomes), "an unmet need")


def _blocked(state: Run, change: model.Change, by: str) -> None:
    state.outcomes[change.key] = report.Outcome(change=change, state="blocked", by=by)


def _commit(state: Run, batch: list[model.Change]) -> None:
    """One group. In an atomic group under search, only the part that is to be tried; the rest waits its turn."""
    kind = _kind(state, batch[0])
    if not kind.atomic:
        failure = _write(state, batch)
        if failure is not None and failure.why == "invalid":
            _refuse(state, failure, batch)
        return
    group = batch[0].group
    rest = _topological(batch)
    if group in state.observed.failed:
        _suspect_flight(state, group)
        if _write(state, [], group=group, kind=kind) is not None:
            for change in rest:
                _blocked(state, change, "the last good document could not be restored")
            return
        if group in state.cache.flight:  # the restoring write runs; the search goes on when it has ended
            for change in rest:
                state.outcomes[change.key] = report.Outcome(change=change, state="waiting", by="the group is restored")
            return
    elif group in state.cache.flight:
        _accepted(state, group, state.cache.flight.pop(group))
    while rest:
        rest = [change for change in rest if change.key not in state.outcomes]
        trial = _trial(state, group, rest)
        if not trial:
            return
        failure = _write(state, trial)
        tried = tuple(_print(change) for change in trial)
        if failure is None:
            if group in state.cache.flight:  # a long operation: its end decides, in a later pass
                state.cache.flight[group] = tried
                for change in rest:
                    if change.key not in state.outcomes:
                        waiting = report.Outcome(
                            change=change, state="waiting", by="a long operation of this group runs"
                        )
                        state.outcomes[change.key] = waiting
                return
            _accepted(state, group, tried)
        elif failure.why == "invalid":
            state.cache.reasons[group] = failure.message
            for change in trial:
                state.outcomes.pop(change.key, None)
            if failure.guilty in {change.key for change in trial}:
                state.cache.suspects[group] = tuple(_print(c) for c in trial if c.key == failure.guilty)
            else:
                state.cache.suspects[group] = tried
            _convict(state, group, rest, failure.message)
            rest = _drop_blocked(state, rest)
        else:
            for change in rest:
                if change.key not in state.outcomes:
                    _blocked(state, change, trial[0].key)
            return


def _trial(state: Run, group: str, rest: list[model.Change]) -> list[model.Change]:
    """What to write next: everything, or the first half of the suspects with what must go with them."""
    suspects = [change for change in rest if _print(change) in set(state.cache.suspects.get(group, ()))]
    if not suspects:
        state.cache.suspects.pop(group, None)
        return rest
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


def _accepted(state: Run, group: str, tried: tuple[str, ...]) -> None:
    """What was tried is live, so the guilty one is among the other suspects; alone, it is convicted without a try."""
    suspects = tuple(s for s in state.cache.suspects.get(group, ()) if s not in tried)
    if suspects:
        state.cache.suspects[group] = suspects
        if len(suspects) == 1:
            _convict(state, group, [c for c in state.changes.values() if c.group == group], "")
    else:
        state.cache.suspects.pop(group, None)


def _convict(state: Run, group: str, rest: Sequence[model.Change], message: str) -> None:
    suspects = state.cache.suspects.get(group, ())
    members = [change for change in rest if _print(change) in suspects]
    by_key = {change.key: change for change in members}
    if len(members) > 1 and len(_with_needs({members[0].key}, by_key)) < len(members):
        return
    for change in members:
        reason = message or state.cache.reasons.get(group, "the cloud refused it")
        state.cache.refused[_print(change)] = reason
        failure = Failure(why="invalid", code="refused", message=reason, guilty=change.key)
        state.outcomes[change.key] = report.Outcome(change=change, state="failed", failure=failure)
        state.tell(f"refused: {change.key}: {reason}")
    state.cache.suspects.pop(group, None)


def _suspect_flight(state: Run, group: str) -> None:
    """A long operation ended badly: the guilty one is among what it carried."""
    flown = state.cache.flight.pop(group, ())
    if flown:
        state.cache.suspects[group] = flown
        state.cache.reasons[group] = "the long operation that carried it failed"
        _convict(state, group, list(state.changes.values()), "")


def _refuse(state: Run, failure: Failure, batch: Sequence[model.Change]) -> None:
    """Outside atomic groups the failing call names its change."""
    for change in batch:
        if change.key == failure.guilty or len(batch) == 1:
            state.cache.refused[_print(change)] = failure.message


def _write(state: Run, batch: list[model.Change], *, group: str = "", kind: model.Kind | None = None) -> Failure | None:
    """One commit. Books outcomes, ids, what was written and what lost a reference."""
    kind = kind or _kind(state, batch[0])
    group = group or batch[0].group
    standing = [e for e in state.observed if _same_group(state, e, group)]
    at_fault, done = "", dict[str, str]()
    failure: Failure | None = None
    for change in batch:
        state.tell(f"{change.op} {model.short(change.address)}")
    state.writes += 1
    try:
        made = retry.call(
            lambda: kind.commit(state.session, group, standing, batch, state.ids), state.provider.classify, state.clock
        )
        done = dict(made)
        if done.pop("operation", ""):
            state.cache.flight.setdefault(group, ())
    except Exception as exception:
        found = retry.failure_of(exception, state.provider.classify)
        if found is None:
            raise
        failure = found
        if isinstance(exception, Partial | Failed):
            at_fault, done = exception.key, dict(exception.done)
    _book(state, batch, group, failure, at_fault, done)
    return failure


def _book(
    state: Run, batch: list[model.Change], group: str, failure: Failure | None, at_fault: str, done: Mapping[str, str]
) -> None:
    now = state.clock.now()
    state.cache.written[group] = now
    state.ids.update(done)
    finished = set(done)
    for change in batch:
        element_key = model.key_of(change.address, change.name)
        if failure is None or (element_key in finished and change.key != at_fault):
            state.outcomes[change.key] = report.Outcome(change=change, state="done")
        elif change.key == (at_fault or failure.guilty) or len(batch) == 1:
            state.outcomes[change.key] = report.Outcome(change=change, state="failed", failure=failure)
        elif at_fault or failure.guilty:
            state.outcomes[change.key] = report.Outcome(change=change, state="blocked", by=at_fault or failure.guilty)
        else:
            state.outcomes[change.key] = report.Outcome(change=change, state="failed", failure=failure)
        if state.outcomes[change.key].state == "done" or (failure is not None and failure.why in OUTCOME_UNKNOWN):
            before = {ref.key for ref in model.refs_in(change.before.fields)} if change.before is not None else set()
            after = {ref.key for ref in model.refs_in(change.after.fields)} if change.after is not None else set()
            for key in sorted(before - after):
                state.cache.detached[key] = now
    if failure is not None:
        passing = failure.why in ("not_ready", "throttled")
        state.tell(f"{'not yet' if passing else 'failed'}: {failure.code}: {failure.message}")
        state.problems.append(failure.message)


def _same_group(state: Run, element: model.Element, group: str) -> bool:
    kind = state.provider.kinds[model.kind_of(element.address)]
    return kind.group(element.address, element.name, element.fields) == group


def _kind(state: Run, change: model.Change) -> model.Kind:
    return state.provider.kinds[model.kind_of(change.address)]


def _print(change: model.Change) -> str:
    spec = change.after.spec if change.after is not None else change.op
    return memory.fingerprint(change.address, spec)


def _topological(batch: Sequence[model.Change]) -> list[model.Change]:
    first, stuck = order.order(batch)
    return [*first, *stuck]
