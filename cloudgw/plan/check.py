"""What a plan may not do without a person's word: exceed its deletion budget, widen exposure, cause downtime, delete
along what is not ours, act on another Gateway's or another cluster's elements.

`pipeline` runs every check on every plan, the one that is printed and the one that is committed. A check never drops a
change: it marks the danger, and the change waits for approval unless its word was given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudgw.graph import memory, model, order

HOUR = 3600.0
FLOOR = 10
SHARE = 0.20


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person has said. approved: words of changes (Change.word). destroy: the named Gateway is to go, with all
    that is ours. allow_incomplete: act although something was not seen."""

    approved: frozenset[str] = frozenset()
    destroy: bool = False
    allow_incomplete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """observed: number of our elements of this Gateway that the budget's share is taken of. budget: configured
    elements per hour, None = the larger of 10 and 20 %. gateway: this Gateway's UID where known. gone: nothing of the
    Gateway is wanted in this placement."""

    kinds: Mapping[str, model.Kind]
    observed: model.Graph
    now: float
    diary: memory.Diary = field(default_factory=memory.Diary)
    budget: int | None = None
    gateway: str = ""
    gone: bool = False


def check(changes: Sequence[model.Change], context: Context, word: Word) -> tuple[model.Change, ...]:
    """The same changes with dangers marked and, where no word was given, waits for approval; in topological order."""
    marked = list(changes)
    for mark in (_budget, _exposure, _evidence, _whole):
        marked = mark(marked, context)
    result = [_approval(change, word) for change in marked]
    settled = order.settle(result)
    topological, cyclic = order.order(settled)
    return (*topological, *cyclic)


def counts(change: model.Change) -> bool:
    """Does this change count as a deletion? Old incarnations, warm entries and targets do not."""
    return change.op == "delete" and not (change.retired or change.warm or change.fast)


def _budget(changes: list[model.Change], context: Context) -> list[model.Change]:
    """When the hour's deletions and this plan's pass the budget, all deletions of this plan wait, not the excess."""
    planned = sum(1 for change in changes if counts(change))
    recent = sum(1 for when in context.diary.deletions if when > context.now - HOUR)
    standing = sum(
        1
        for element in context.observed
        if not context.kinds[model.kind_of(element.address)].fast
        and not context.kinds[model.kind_of(element.address)].is_warm(element.address)
    )
    allowed = context.budget if context.budget is not None else max(FLOOR, int(SHARE * (standing + recent)))
    if planned == 0 or planned + recent <= allowed:
        return changes
    danger = f"deletes {planned + recent} of {standing + recent} elements, {allowed} are within the budget"
    return [replace(c, danger=(*c.danger, danger)) if counts(c) else c for c in changes]


def _exposure(changes: list[model.Change], context: Context) -> list[model.Change]:
    """What opens something that stands needs a word: a new Gateway opens what its author wrote; one that serves and
    would be reachable by more than before is another matter."""
    kinds = context.kinds
    observed: dict[str, set[str]] = {}
    for element in context.observed:
        exposes = kinds[model.kind_of(element.address)].exposes
        if exposes is not None:
            observed.setdefault(_scope(element.address), set()).update(exposes(element.fields))
    result = []
    for change in changes:
        exposes = kinds[model.kind_of(change.address)].exposes if change.op in ("create", "update") else None
        if exposes is not None and change.after is not None and observed.get(_scope(change.address)):
            wider = sorted(exposes(change.after.fields) - observed[_scope(change.address)])
            if wider:
                change = replace(change, danger=(*change.danger, f"SECURITY: opens {', '.join(wider)}"))
        result.append(change)
    return result


def _scope(where: model.Address) -> str:
    return model.owner_of(where)


def _evidence(changes: list[model.Change], context: Context) -> list[model.Change]:
    """Elements noted under another UID of this Gateway need one word: it was deleted and made anew meanwhile."""
    other = {uid for e in context.observed if (uid := e.outputs.get("gateway", "")) and uid != context.gateway}
    if not context.gateway or not other:
        return changes
    danger = "what stands was made for another Gateway of this name"
    return [c if c.fast else replace(c, danger=(*c.danger, danger)) for c in changes]


def _whole(changes: list[model.Change], context: Context) -> list[model.Change]:
    """A Gateway that is in the input no more is not a wish to delete it: somebody must say so."""
    if not context.gone:
        return changes
    danger = "the Gateway is not wanted here any more: everything of it would be deleted"
    return [replace(c, danger=(*c.danger, danger)) if counts(c) else c for c in changes]


def _approval(change: model.Change, word: Word) -> model.Change:
    if not change.danger or change.word in word.approved:
        return change
    if word.destroy and change.op == "delete" and not _foreign(change):
        return change
    wait = model.Wait(what="approval", message="; ".join(change.danger))
    return replace(change, waits=(*change.waits, wait))


def _foreign(change: model.Change) -> Collection[str]:
    return change.before.outputs.get("foreign", ()) if change.before is not None else ()
