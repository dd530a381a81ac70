"""What a plan may not do without a person's word: exceed its deletion budget, widen exposure, cause downtime, delete
along what is not ours, act on another Gateway's or another cluster's elements.

`pipeline` runs every check on every plan, the one that is printed and the one that is committed. A check never drops a
change: it marks the danger, and the change waits for approval unless its word was given.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudgw.graph import memory, model, order

HOUR = 3600.0
FLOOR = 10
SHARE = 0.20
NOT_OURS = "not ours"


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
    elements per hour, None = the larger of 10 and 20 %. gateway: this Gateway's UID where known; known_gateways: others
    that were this Gateway too. gone: nothing of the Gateway is wanted in this placement. held: why every change waits
    for a word, "" = it does not."""

    kinds: Mapping[str, model.Kind]
    observed: model.Graph
    now: float
    diary: memory.Diary = field(default_factory=memory.Diary)
    budget: int | None = None
    gateway: str = ""
    known_gateways: frozenset[str] = frozenset()
    gone: bool = False
    held: str = ""


def check(changes: Sequence[model.Change], context: Context, word: Word) -> tuple[model.Change, ...]:
    """The same changes with dangers marked and, where no word was given, waits for approval; in topological order."""
    marked = list(changes)
    for mark in (_budget, _exposure, _moved, _evidence, _whole, _held):
        marked = mark(marked, context)
    result = [_approval(change, word) for change in marked]
    settled = order.settle(_nothing_half_made(order.settle(result)))
    topological, cyclic = order.order(settled)
    return (*topological, *cyclic)


def _nothing_half_made(changes: list[model.Change]) -> list[model.Change]:
    """A create whose every dependent waits for a person's word waits with them: it would only stand about, and the plan
    that was read would not be the plan any more."""
    by_key = {change.key: change for change in changes}
    dependents: dict[str, list[str]] = {}
    for change in changes:
        for need in change.needs:
            dependents.setdefault(need, []).append(change.key)
    held = {change.key for change in changes if any(wait.what == "approval" for wait in change.waits)}
    for change in changes:
        if any(wait.what == "change" and wait.message in held for wait in change.waits):
            held.add(change.key)
    for change in reversed(changes):  # dependents stand after what they need
        others = dependents.get(change.key, ())
        if change.op == "create" and not change.waits and others and all(key in held for key in others):
            by_key[change.key] = replace(change, waits=(model.Wait(what="change", message=others[0]),))
            held.add(change.key)
    return [by_key[change.key] for change in changes]


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
    would be reachable by more than before is another matter. So does what closes in the same plan: half of both would
    be an outage."""
    kinds = context.kinds
    observed: set[str] = set()
    for element in context.observed:
        exposes = kinds[model.kind_of(element.address)].exposes
        if exposes is not None:
            observed.update(exposes(element.fields))
    result, opened = [], False
    for change in changes:
        exposes = kinds[model.kind_of(change.address)].exposes if change.op in ("create", "update") else None
        stands = observed or context.observed.elements.get(change.address)
        if exposes is not None and change.after is not None and stands:
            wider = sorted(token for token in exposes(change.after.fields) if not _covered(token, observed))
            if wider:
                opened = True
                change = replace(change, danger=(*change.danger, f"SECURITY: opens {', '.join(wider)}"))
        result.append(change)
    if opened:
        closing = "goes together with what is opened, or somebody would be cut off"
        result = [replace(c, danger=(*c.danger, closing)) if counts(c) else c for c in result]
    return result


def _covered(token: str, observed: Collection[str]) -> bool:
    """Is what a token opens open already? Tokens "cidr:<network> <rest>" are covered by wider networks too."""
    if token in observed:
        return True
    network, _, rest = token.removeprefix("cidr:").partition(" ")
    if not token.startswith("cidr:"):
        return False
    for other in observed:
        wide, _, same = other.removeprefix("cidr:").partition(" ")
        if other.startswith("cidr:") and same == rest and _within(network, wide):
            return True
    return False


def _within(network: str, wide: str) -> bool:
    try:
        small, large = ipaddress.ip_network(network), ipaddress.ip_network(wide)
    except ValueError:
        return False
    if isinstance(small, ipaddress.IPv4Network) and isinstance(large, ipaddress.IPv4Network):
        return small.subnet_of(large)
    if isinstance(small, ipaddress.IPv6Network) and isinstance(large, ipaddress.IPv6Network):
        return small.subnet_of(large)
    return False


def _moved(changes: list[model.Change], context: Context) -> list[model.Change]:
    """A new incarnation of what users reach has another address: whoever holds the one before must move."""
    danger = "replaces what users reach: its address changes, clients that hold the one before must move"
    result = []
    for change in changes:
        published = change.op == "create" and context.kinds[model.kind_of(change.address)].published
        if published and context.observed.elements.get(change.address):
            change = replace(change, danger=(*change.danger, danger))
        result.append(change)
    return result


def _evidence(changes: list[model.Change], context: Context) -> list[model.Change]:
    """Elements noted under another UID of this Gateway need one word: it was deleted and made anew meanwhile."""
    other = {uid for e in context.observed if (uid := e.outputs.get("gateway", "")) and uid != context.gateway}
    if not context.gateway or not other - context.known_gateways:
        return changes
    danger = "what stands was made for another Gateway of this name"
    return [c if c.fast else replace(c, danger=(*c.danger, danger)) for c in changes]


def _whole(changes: list[model.Change], context: Context) -> list[model.Change]:
    """A Gateway that is in the input no more is not a wish to delete it: somebody must say so."""
    if not context.gone:
        return changes
    danger = "the Gateway is not wanted here any more: everything of it would be deleted"
    return [replace(c, danger=(*c.danger, danger)) if counts(c) else c for c in changes]


def _held(changes: list[model.Change], context: Context) -> list[model.Change]:
    """What waits for a word although nothing of it is dangerous. Targets never do: pods come and go."""
    if not context.held:
        return changes
    return [c if c.fast else replace(c, danger=(*c.danger, context.held)) for c in changes]


def _approval(change: model.Change, word: Word) -> model.Change:
    """Nobody's word covers what is not ours: its owner has to remove it."""
    foreign = _foreign(change)
    if not change.danger or (change.word in word.approved and not foreign):
        return change
    if word.destroy and change.op == "delete" and not foreign:
        return change
    own = [text for text in change.danger if NOT_OURS in text] if foreign and word.destroy else change.danger
    wait = model.Wait(what="approval", message="; ".join(own))
    return replace(change, waits=(*change.waits, wait))


def _foreign(change: model.Change) -> Collection[str]:
    if change.op != "delete" or change.before is None:
        return ()
    found: Collection[str] = change.before.outputs.get("foreign", ())
    return found
