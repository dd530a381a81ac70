"""Chains the steps, and is the only module that does: resolve, list, facts, build, observe, diff, order, check, commit.

The CLI, the tests' laws and the controller all come through here, so that what is printed is what is done: `plan_one`
makes every plan, `one_pass` commits exactly what such a plan shows as going, `apply` repeats passes until no wait is
left that time ends. Nothing that matters lives only in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cloudgw.engine import commit, report, search
from cloudgw.graph import diff, memory, model
from cloudgw.objects import Note, Unknown
from cloudgw.plan import check, refusals
from cloudgw.plan import model as plans
from cloudgw.provider import (
    Clock,
    Failed,
    Inventory,
    Known,
    Operation,
    Placement,
    Provider,
    ProviderParameters,
    Session,
)

POLL_SECONDS = 5.0
POLLS = 120  # of one operation, until everything is looked at again
FRUITLESS_PASSES = 4
DEGRADED = "OperationFailed"
MENDING_PASSES = 3  # with nothing to do, until what failed was written again
FOLLOWING = frozenset({"change", "drain"})  # without a moment: they end with another change, not by looking again
PASSING = frozenset({"throttled", "not_ready", "conflict", "gone", "outcome_unknown", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one Gateway should be in one placement, and how sure we are.

    notes and incomplete come from routing, facts and build. gone: desired is empty because the Gateway is not wanted
    here any more. uid: of the Gateway, where known. known_uids: others that were this Gateway too. held: why every
    change but targets waits for a person's word, "" = it does not. spent: as of `plan.model.Plan`."""

    gateway: str
    desired: model.Graph
    notes: tuple[Note, ...] = ()
    incomplete: tuple[str, ...] = ()
    budget: int | None = None
    shift_deadline: float = 900.0
    gone: bool = False
    uid: str = ""
    known_uids: frozenset[str] = frozenset()
    held: str = ""
    spent: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Memory:
    """What passes over one Gateway hand on."""

    diary: memory.Diary = field(default_factory=memory.Diary)
    cache: memory.Cache = field(default_factory=memory.Cache)


def plan_one(
    provider: Provider,
    placement: Placement,
    wish: Wish,
    observed: model.Graph,
    *,
    now: float,
    memory_: Memory | None = None,
    word: check.Word | None = None,
) -> plans.Plan:
    """The plan of one Gateway. observed: the whole identity or this Gateway's part; now: seconds."""
    kept = memory_ or Memory()
    mine = observed.of(f"{wish.gateway}/")
    difference = diff.diff(
        wish.desired,
        mine,
        provider.kinds,
        now=now,
        staleness=provider.staleness,
        shift_deadline=wish.shift_deadline,
        diary=kept.diary,
        cache=kept.cache,
    )
    plan = plans.plan_of(
        wish.gateway,
        placement,
        difference,
        notes=(*wish.notes, *refusals.notes(difference.changes), *_long_operations(mine, kept.cache, provider.kinds)),
        incomplete=(*wish.incomplete, *unknowns(wish.desired, provider.kinds)),
        addresses=sorted({str(e.outputs["dns"]) for e in mine if e.outputs.get("dns")}),
        busy=bool(observed.busy) and any(model.group_of(provider.kinds, e) in observed.busy for e in mine),
        spent=wish.spent,
    )
    context = check.Context(
        kinds=provider.kinds,
        observed=mine,
        now=now,
        diary=kept.diary,
        budget=wish.budget,
        gateway=wish.uid,
        known_gateways=wish.known_uids,
        gone=wish.gone,
        held=wish.held,
    )
    return replace(plan, changes=check.check(plan.changes, context, word or check.Word()))


def _long_operations(mine: model.Graph, cache: memory.Cache, kinds: Mapping[str, model.Kind]) -> list[Note]:
    """Those that run, and what those that failed left: the plan may be empty, and still nothing is well."""
    if not mine.busy and not mine.failed:
        return []
    found = []
    groups = {model.group_of(kinds, element) for element in mine}
    for group in sorted(mine.busy & groups):
        message = f"a long operation of {_root(group)} runs; what is shown is what it is to become"
        found.append(Note(level="info", code="OperationRunning", message=message))
    for group in sorted(mine.failed & groups):
        said = f" ({cache.reasons[group]})" if group in cache.reasons else ""
        message = (
            f"the last long operation of {_root(group)} failed{said}; what is shown may not be what serves; apply "
            "writes it again, with the changes of this plan, or once as it is shown where there are none"
        )
        found.append(Note(level="error", code=DEGRADED, message=message))
    return found


def _root(group: str) -> str:
    """A group in words: what its name says of an element."""
    where = group.partition(":")[2].rpartition("@")[0]
    return model.short(where) if where.count("/") > 3 else group


def unknowns(desired: model.Graph, kinds: Mapping[str, model.Kind]) -> list[str]:
    """What desired leaves open, in words: elements and fields that are Unknown, add-ons and targets left out."""
    found = []
    for element in desired:
        kind = kinds[model.kind_of(element.address)]
        if kind.fast or element.address in desired.doubted:
            continue
        if isinstance(element.spec, Unknown):
            found.append(f"{model.short(element.address)}: {element.spec.reason}")
            continue
        for name in (*kind.immutable, *kind.mutable):
            if model.holds_unknown(element.spec.get(name)):
                found.append(f"{model.short(element.address)}, {name}: not known")
    return found


def listing(
    provider: Provider,
    read: Any,
    placement: Placement,
    scope: Sequence[ProviderParameters],
    owner: str,
    clock: Clock,
    known: Known | None = None,
) -> Inventory:
    """One listing of an identity, dated by the injected clock at its beginning. read: the planning handle. known: what
    need not be read again, where the provider can make use of it."""
    began = clock.now()
    again = getattr(provider, "relisting", None)
    if known is None or known.inventory.incomplete or again is None:
        found = provider.list(read, scope, owner)
    else:
        found = again(read, scope, owner, began, known)
    return replace(found, placement=placement, began=began)


def observe(provider: Provider, inventory: Inventory, owner: str) -> model.Graph:
    """Our elements of a listing. An incomplete listing is a graph about which nothing more is known."""
    observed = provider.observe(inventory, owner)
    return replace(observed, unknown=("",)) if inventory.incomplete else observed


def one_pass(
    provider: Provider,
    session: Session,
    placement: Placement,
    wish: Wish,
    inventory: Inventory,
    *,
    clock: Clock,
    memory_: Memory,
    word: check.Word | None = None,
    tell: Callable[[str], None] = lambda _: None,
    ready: Callable[[plans.Plan], bool] = lambda _: True,
    observed: model.Graph | None = None,
) -> tuple[plans.Plan, report.Report]:
    """Plans from an inventory and commits what waits for nothing. memory_ is brought up to date. ready: told the plan
    before the first write; False = nothing is written this time. observed: of the inventory, where it is known."""
    observed = observed if observed is not None else observe(provider, inventory, session.owner)
    observed = running(provider, session.read, observed, memory_, inventory.began)
    if not wish.gone:  # what is to go is what is there, whatever should have stood
        observed = search.rewound(observed, memory_.cache, provider.kinds)
    plan = plan_one(provider, placement, wish, observed, now=inventory.began, memory_=memory_, word=word)
    remember(memory_, plan, clock.now())
    if not ready(plan):
        return plan, report.Report()
    done = commit.run(
        plan.changes,
        provider=provider,
        session=session,
        observed=observed.of(f"{wish.gateway}/"),
        clock=clock,
        cache=memory_.cache,
        tell=tell,
    )
    operations = {**memory_.diary.operations, **done.operations}
    memory_.diary = replace(memory_.diary, operations=operations)
    deleted = sum(1 for outcome in done.of("done") if check.counts(outcome.change))
    if deleted:
        deletions = (*memory_.diary.deletions, *([clock.now()] * deleted))
        memory_.diary = replace(memory_.diary, deletions=deletions)
    return plan, done


def targets_pass(
    provider: Provider,
    session: Session,
    placement: Placement,
    wish: Wish,
    inventory: Inventory,
    *,
    clock: Clock,
    memory_: Memory,
    observed: model.Graph | None = None,
) -> report.Report:
    """Commits the targets of a plan from an inventory that may be old, and nothing else: what registers and deregisters
    reads its group again first. It waits for no staleness: what is done twice does nothing the second time. The report
    also has the targets that could not be committed now."""
    observed = observed if observed is not None else observe(provider, inventory, session.owner)
    swift = Memory(diary=memory_.diary, cache=memory.Cache(refused=memory_.cache.refused))
    plan = plan_one(provider, placement, wish, observed, now=clock.now(), memory_=swift)
    going = [change for change in plan.changes if change.fast and not change.waits and not change.needs]
    done = commit.run(
        going,
        provider=provider,
        session=session,
        observed=observed.of(f"{wish.gateway}/"),
        clock=clock,
        cache=swift.cache,
    )
    left = [report.Outcome(change=one, state="waiting") for one in plan.changes if one.fast and one not in going]
    done = replace(done, outcomes=(*done.outcomes, *left))
    memory_.cache.written.update(swift.cache.written)
    memory_.diary = replace(memory_.diary, operations={**memory_.diary.operations, **done.operations})
    return done


def running(provider: Provider, read: Any, observed: model.Graph, kept: Memory, now: float) -> model.Graph:
    """What is observed, with what our own long operations say: one that runs makes its group busy, whatever the listing
    shows; one that the cloud refused at its end makes it failed."""
    busy, failed = set(observed.busy), set(observed.failed)
    left = dict(kept.diary.operations)
    for group, token in sorted(kept.diary.operations.items()):
        found = _asked(provider, read, token)
        if found.state == "running":
            busy.add(group)
            continue
        del left[group]
        if found.failure is None:
            kept.cache.broken.pop(group, None)
            kept.cache.good.pop(group, None)  # a later failure is another's: what stood before ours is history
            continue
        count = kept.cache.broken[group][0] if group in kept.cache.broken else 0
        carried = kept.cache.flight.get(group, ())
        kept.cache.broken[group] = (count + 1, now, found.failure.message, carried)
        kept.cache.reasons[group] = found.failure.message
        if found.failure.why == "invalid":
            failed.add(group)
        else:  # superseded, cancelled, broken by itself: nothing is said against what it carried
            kept.cache.good.pop(group, None)
            kept.cache.flight.pop(group, None)
    kept.diary = replace(kept.diary, operations=left)
    return replace(observed, busy=frozenset(busy), failed=frozenset(failed - busy))


def _asked(provider: Provider, read: Any, token: str) -> Operation:
    """How a long operation stands. Raises Failed with the cloud's own words."""
    try:
        return provider.operation(read, token)
    except Exception as exception:
        failure = provider.classify(exception)
        if failure is None:
            raise
        raise Failed(failure.why, f"how a long operation stands cannot be read: {failure.text}") from None


def remember(kept: Memory, plan: plans.Plan, now: float) -> None:
    """Starts the clocks that this plan needs and forgets those it no longer does."""
    diary = kept.diary
    published = dict(diary.published)
    for where, name in plan.publish.items():
        if published.get(where, ("",))[0] != name:
            published[where] = (name, now)
    kept.diary = replace(
        diary,
        retired={key: diary.retired.get(key, now) for key in plan.unreferred},
        shifts={key: diary.shifts.get(key, now) for key in plan.shifting},
        published=published,
        deletions=tuple(when for when in diary.deletions if when > now - check.HOUR),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """plan: the last one computed: empty, or what is left with its waits. failures: messages, newest last."""

    plan: plans.Plan
    passes: int
    changed: int
    failures: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def state(self) -> str:
        """done | waiting (for a person or an input) | failed"""
        if self.failures:
            return "failed"
        return "waiting" if self.plan.changes else "done"


def apply(
    provider: Provider,
    session: Session,
    placement: Placement,
    wish_of: Callable[[Inventory], Wish],
    listing: Callable[[], Inventory],
    *,
    clock: Clock,
    memory_: Memory,
    word: check.Word,
    tell: Callable[[str], None] = lambda _: None,
    waiting: Callable[[Sequence[model.Change]], None] = lambda _: None,
    limit: int = 500,
) -> Applied:
    """Passes over one Gateway until nothing is left that time ends. wish_of: builds anew from each listing."""
    memory_.cache.started = clock.now()
    fruitless, changed, failures = 0, 0, list[str]()
    for number in range(1, limit + 1):
        inventory = listing()
        wish = wish_of(inventory)
        refused = len(memory_.cache.refused)
        plan, done = one_pass(
            provider,
            session,
            placement,
            wish,
            inventory,
            clock=clock,
            memory_=memory_,
            word=word,
            tell=tell,
        )
        failed = done.of("failed")
        failures = _said(failed)
        changed += len(done.of("done"))
        degraded = [note.message for note in plan.notes if note.code == DEGRADED]
        if not plan.changes and not plan.busy and not done.operations:
            if degraded and number <= MENDING_PASSES:
                clock.sleep(provider.staleness)
                continue
            return Applied(plan=plan, passes=number, changed=changed, failures=tuple(degraded), notes=plan.notes)
        running = plan.busy or bool(done.operations)
        running = running or any(not outcome.change.waits for outcome in done.of("waiting"))  # a long operation
        running = running or len(memory_.cache.refused) > refused  # what was learnt changes the next plan
        fruitless = 0 if done.of("done") or running else fruitless + bool(failed)
        passing = [o for o in failed if o.failure is not None and o.failure.why in PASSING]
        lasting = plans.timely(plan.changes)
        hopeless = not running and not lasting and (not passing or fruitless >= FRUITLESS_PASSES)
        if (hopeless and not done.of("done")) or fruitless >= FRUITLESS_PASSES * 3:
            failures += degraded
            break
        waiting([change for change in plan.changes if change.key in lasting])
        if memory_.diary.operations and not done.of("done"):
            _sit_out(provider, session.read, memory_.diary.operations, clock)
            continue
        clock.sleep(pause(plan, clock.now(), lasting, progressed=bool(done.of("done")), staleness=provider.staleness))
    return Applied(plan=plan, passes=number, changed=changed, failures=tuple(failures), notes=plan.notes)


def _said(failed: Sequence[report.Outcome]) -> list[str]:
    """One line for all changes that failed for one reason."""
    found: dict[str, list[str]] = {}
    for outcome in failed:
        if outcome.failure is not None:
            found.setdefault(outcome.failure.text, []).append(outcome.change.key)
    return [f"{keys[0]}{f' and {len(keys) - 1} more' if keys[1:] else ''}: {text}" for text, keys in found.items()]


def _sit_out(provider: Provider, read: Any, operations: Mapping[str, str], clock: Clock) -> None:
    """Until one of our long operations ends, asked for by name: nothing else can go on, so nothing is listed."""
    for _ in range(POLLS):
        clock.sleep(POLL_SECONDS)
        if any(_asked(provider, read, token).state != "running" for token in operations.values()):
            return


def pause(plan: plans.Plan, now: float, lasting: frozenset[str], *, progressed: bool, staleness: float) -> float:
    """Seconds until the next pass is worth its calls: the first known end of a wait, else the polling interval."""
    waits = [wait for change in plan.changes if change.key in lasting for wait in change.waits]
    ends = [wait.until - now for wait in waits if wait.until is not None]
    soon = [end for end in ends if end > 0]
    looking = progressed or len(soon) < len(ends) or any(w.until is None and w.what not in FOLLOWING for w in waits)
    if soon and not looking:
        return max(0.1, min(soon))
    return min([POLL_SECONDS, *soon]) if not progressed else max(0.1, min([staleness, POLL_SECONDS, *soon]))
