"""Commits the changes of one plan that wait for nothing, group by group, and says what became of each.

`pipeline.one_pass` calls `run`. A failed change blocks what needs it, and nothing else; `search` writes the groups that
are written whole. Nothing here decides what to do: it does what the plan says, in the plan's order, or less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloudgw.engine import report, search, writing
from cloudgw.graph import memory, model
from cloudgw.provider import Clock, Failure, Provider, Session


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
    state = writing.Run(
        provider=provider,
        session=session,
        observed=observed,
        clock=clock,
        cache=cache,
        tell=tell,
        changes={change.key: change for change in changes},
    )
    standing: dict[str, list[model.Element]] = {}
    for element in observed:
        standing.setdefault(model.group_of(provider.kinds, element), []).append(element)
        if "id" in element.outputs:
            state.ids[element.key] = str(element.outputs["id"])
    state.standing = standing
    for change in changes:
        if change.waits:
            state.outcomes[change.key] = report.Outcome(change=change, state="waiting", by=change.waits[0].message)
    pending = [change for change in changes if not change.waits]
    while pending:
        batch = _next_batch(state, pending)
        if not batch:
            for change in pending:
                writing.blocked(state, change, _blocker(state, change))
            break
        chosen = {change.key for change in batch}
        pending = [change for change in pending if change.key not in chosen]
        _commit(state, batch)
        pending = writing.drop_blocked(state, pending)
    search.mend(state)
    return report.Report(
        outcomes=tuple(state.outcomes[change.key] for change in changes),
        writes=state.writes,
        problems=tuple(state.problems),
        operations=dict(state.operations),
    )


def _next_batch(state: writing.Run, pending: Sequence[model.Change]) -> list[model.Change]:
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


def _ready_part(state: writing.Run, members: list[model.Change], done: set[str]) -> list[model.Change]:
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


def _met(state: writing.Run, need: str, done: set[str], inside: set[str]) -> bool:
    return need in done or need in inside or need not in state.changes


def _blocker(state: writing.Run, change: model.Change) -> str:
    return next((key for key in (*change.needs, *change.joint) if key in state.outcomes), "an unmet need")


def _commit(state: writing.Run, batch: list[model.Change]) -> None:
    """One group."""
    if writing.kind_of(state, batch[0].address).atomic:
        search.settle(state, batch)
        return
    failure = writing.write(state, batch, batch[0].group, writing.kind_of(state, batch[0].address))
    if failure is not None and failure.why == "invalid":
        _refuse(state, failure, batch)


def _refuse(state: writing.Run, failure: Failure, batch: Sequence[model.Change]) -> None:
    """Outside atomic groups the failing call names its change."""
    for change in batch:
        if change.key == failure.guilty or len(batch) == 1:
            state.cache.refused[writing.print_of(change)] = failure.message
