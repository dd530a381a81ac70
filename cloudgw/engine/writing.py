"""One execution of a plan: what is known of it, and the one place that calls a kind's commit and books the result.

`commit` decides what is written next, `search` what of a group that is written whole; both write through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.engine import report, retry
from cloudgw.graph import memory, model
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
    standing: Mapping[str, Sequence[model.Element]] = field(default_factory=dict)  # by group
    ids: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, report.Outcome] = field(default_factory=dict)
    writes: int = 0
    problems: list[str] = field(default_factory=list)
    operations: dict[str, str] = field(default_factory=dict)  # group -> token of what was started


def write(state: Run, batch: list[model.Change], group: str, kind: model.Kind) -> Failure | None:
    """One commit. Books outcomes, ids, what was written and what lost a reference."""
    standing = state.standing.get(group, ())
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
        operation = done.pop("operation", "")
        if operation:
            state.operations[group] = operation
            state.cache.flight[group] = tuple(print_of(change) for change in batch)
            state.cache.good[group] = tuple(standing)
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
        state.tell(f"{'not yet' if passing else 'failed'}: {failure.text}")
        state.problems.append(failure.message)


def drop_blocked(state: Run, pending: Sequence[model.Change]) -> list[model.Change]:
    """Changes whose needs or companions failed are blocked, and what needs those in turn."""
    left = list(pending)
    while True:
        bad = {key for key, outcome in state.outcomes.items() if outcome.state in ("failed", "blocked", "waiting")}
        stuck = [change for change in left if any(key in bad for key in (*change.needs, *change.joint))]
        if not stuck:
            return left
        for change in stuck:
            blocked(state, change, next(key for key in (*change.needs, *change.joint) if key in bad))
        left = [change for change in left if change.key not in state.outcomes]


def blocked(state: Run, change: model.Change, by: str) -> None:
    state.outcomes[change.key] = report.Outcome(change=change, state="blocked", by=by)


def print_of(change: model.Change) -> str:
    """What suspects and convicts are remembered by: it lapses when the address or the bound spec changes."""
    return memory.fingerprint(change.address, change.after.spec if change.after is not None else change.op)


def kind_of(state: Run, where: model.Address) -> model.Kind:
    return state.provider.kinds[model.kind_of(where)]
