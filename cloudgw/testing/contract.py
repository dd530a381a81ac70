"""The laws every provider obeys on every cloud, as functions that raise AssertionError where one is broken.

`tests/contract` runs them on the in-memory clouds and on the local ones; third-party providers can. Each law takes a
factory of fresh Grounds. They assert on the cloud's resulting state, on answers to requests and on the plan, never on
mock calls. A law that cannot fail is a defect: `make mutants` breaks the core on purpose and expects a failure.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from cloudgw import pipeline
from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.plan import check
from cloudgw.testing import ground, stage, worlds

Make: TypeAlias = Callable[[], ground.Ground]
World: TypeAlias = worlds.World
Rule = worlds.Rule
FAULTS: tuple[stage.FaultKind, ...] = ("before", "after", "lost")


def apply_then_empty(make: Make, steps: Sequence[World | None]) -> None:
    """Read-back and rest: after an apply the next plan is empty, and a new process writes nothing."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, steps)
    again = process.restarted(keep_diary=False)
    before = cloud.calls()
    plan = again.plan(steps[-1])
    assert not plan.changes, ground.lines(plan.changes)
    assert again.apply(steps[-1]).state == "done"
    assert cloud.calls() == before, cloud.operations(before)
    if steps[-1] is not None:
        _read_back(again, steps[-1])


def _read_back(process: ground.Process, world: World) -> None:
    """Every field that was wanted is seen, on the one incarnation that stands."""
    session = process.ground.session()
    desired = process.ground.desired(world, process.ground.listing(session))
    observed = process.observed()
    for element in desired:
        seen = observed.elements.get(element.address, ())
        assert len(seen) == 1, f"{element.address}: {len(seen)} incarnations at rest"
        kind = process.ground.provider.kinds[model.kind_of(element.address)]
        undeclared = set(element.fields) - set(kind.all_fields)
        assert not undeclared, f"{element.address} has fields its kind does not declare: {sorted(undeclared)}"
        for name in (*kind.immutable, *kind.mutable):
            if element.fields.get(name) is not None and element.fields[name] != kind.defaults.get(name):
                assert name in seen[0].fields, f"{element.address}: {name} is not read back"


def destroyed(make: Make, steps: Sequence[World | None]) -> None:
    """Deletion brings the cloud back to its start, from wherever it was."""
    cloud = make()
    start = cloud.everything()
    process = ground.Process(cloud)
    ground.journey(process, [*steps, None])
    assert cloud.everything() == start


def drifted(make: Make, world: World) -> int:
    """Each field edited behind our back: exactly that field is in the plan, and the apply restores it."""
    tried = 0
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [world])
    clean = cloud.named()
    for element in list(process.observed()):
        kind = cloud.provider.kinds[model.kind_of(element.address)]
        for name in (*kind.mutable, *kind.optional):
            if name in kind.optional or element.fields.get(name) in (None, ()) or not cloud.drift(element, name):
                continue
            tried += 1
            plan = process.plan(world)
            found = [(c.op, c.address, c.fields) for c in plan.changes]
            assert found == [("update", element.address, (name,))], (element.address, name, ground.lines(plan.changes))
            assert process.apply(world).state == "done"
            assert cloud.named() == clean, (element.address, name)
    assert tried, "no field of any element could be drifted: the law proves nothing"
    return tried


def foreign_untouched(make: Make, steps: Sequence[World | None]) -> None:
    """Planted foreign objects are byte-identical after every step; what they pin waits, by name, and goes once their
    owner has removed them."""
    cloud = make()
    process = ground.Process(cloud)
    first, *rest = steps
    assert first is not None
    ground.journey(process, [first])
    token = cloud.plant(first.gateway)
    before = cloud.foreign(token)
    for world in (first, *rest, None):
        dangerous = [c for c in process.plan(world).changes if c.danger and not any("not ours" in d for d in c.danger)]
        word = check.Word(approved=frozenset(c.word for c in dangerous), destroy=world is None)
        applied = process.apply(world, word=word)
        assert cloud.foreign(token) == before, "a foreign object was changed"
        pinned = [c for c in applied.plan.changes if any("not ours" in d for d in c.danger)]
        assert applied.state in ("done", "waiting"), applied.failures
        if world is None:
            assert applied.state == "waiting", "what foreign objects pin must wait"
            assert pinned, "the plan must name what pins"
            left = [{wait.what for wait in change.waits} for change in applied.plan.changes]
            assert all(waits & {"approval", "change"} for waits in left), "what is left waits for a person"
    cloud.uproot(token)
    assert process.apply(None).state == "done"
    assert not list(process.observed())


def crash(
    make: Make,
    steps: Sequence[World | None],
    index: int,
    fault: stage.FaultKind,
    *,
    keep_diary: bool,
    clean: Any,
) -> bool:
    """One cell of the sweep: the call `index` of the last step meets the fault; a new process must reach the same
    state as the clean run. False when there is no such call (the sweep is over)."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, steps[:-1])
    cloud.arm(index, fault)
    before = cloud.calls()
    with contextlib.suppress(stage.Killed):
        process.apply(steps[-1])
    met = cloud.calls() > before + index
    cloud.disarm()
    if met:
        again = process.restarted(keep_diary=keep_diary)
        applied = again.apply(steps[-1])
        assert applied.state == "done", (index, fault, applied.failures, ground.lines(applied.plan.changes))
        assert cloud.named() == clean, (index, fault)
    return met


def clean_run(make: Make, steps: Sequence[World | None]) -> tuple[Any, int]:
    """State by names and tags after a run without faults, and the number of mutating calls of its last step."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, steps[:-1])
    before = cloud.calls()
    ground.journey(process, steps[-1:])
    return cloud.named(), cloud.calls() - before


def sweep(
    make: Make, steps: Sequence[World | None], cells: Iterable[tuple[stage.FaultKind, bool]], every: int = 1
) -> int:
    """Every call index (or every nth, from the first) x cells (fault, diary kept). Returns the number of runs."""
    clean, calls = clean_run(make, steps)
    assert calls, "the last step writes nothing: the sweep proves nothing"
    runs = 0
    for fault, keep_diary in cells:
        for index in range(0, calls, every):
            assert crash(make, steps, index, fault, keep_diary=keep_diary, clean=clean), (index, calls)
            runs += 1
    return runs


def never_5xx(make: Make, steps: Sequence[World], *, lag: float = 0.0) -> int:
    """A request on every tick of every replacement never gets a 5xx, at every incarnation that users were shown and
    may still remember. Returns the number of requests."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, steps[:1])
    cloud.clock.sleep(200)
    ground.journey(process, steps[:1])  # by now it is ready, and users are shown it
    set_lag(cloud, lag)
    wanted = [probe for probe in ground.probes(*steps) if all(_answered(world, probe) for world in steps)]
    shown: dict[str, tuple[str, float]] = {}
    remembered: dict[str, float] = {}
    asked = 0

    def tick() -> None:
        nonlocal asked
        now = cloud.clock.now()
        for where, (name, _) in process.memory.diary.published.items():
            if model.kind_of(where) != cloud.balancer:
                continue
            before = shown.get(where)
            if before is not None and before[0] != name:
                remembered[before[0]] = now + cloud.provider.kinds[cloud.balancer].published
            shown[where] = (name, now)
        alive = [name for name, _ in shown.values()] + [name for name, until in remembered.items() if now < until]
        for name in alive:
            for port, host, path in wanted:
                asked += 1
                assert not cloud.fails(name, port, host, path), f"5xx at {now}: {host}{path} on {name}"
                assert cloud.answer(name, port, host, path) is not None, f"404 at {now}: {host}{path} on {name}"

    cloud.on_tick(tick)
    for world in steps[1:]:
        if lag:
            eager(process, world)
        ground.journey(process, [world])
        cloud.clock.sleep(5)
    assert asked, "no request was made: the law proves nothing"
    return asked


def eager(process: ground.Process, world: World | None, passes: int = 60) -> None:
    """A pass every second, whether or not a pass is worth its calls: only the plan's own waits hold it back."""
    word = check.Word(approved=process.plan(world).dangerous, destroy=world is None)
    for _ in range(passes):
        process.one_pass(world, word)
        process.ground.clock.sleep(1.0)


def set_lag(cloud: ground.Ground, seconds: float) -> None:
    """Listings of this cloud lag its writes by so many seconds."""
    if seconds:
        cloud.lag(seconds)


def _answered(world: World, probe: tuple[int, str, str]) -> bool:
    port, host, path = probe
    return any(p == port for p, _ in world.listeners) and expected(world, host, path) is not None


def expected(world: World | None, host: str, path: str) -> Any:
    """What a world says about a request: an oracle of its own, from rules in order."""
    for rule in world.rules if world is not None else ():
        if rule.host in ("*", host) and path.startswith(rule.path):
            if rule.to:
                return ("forward", tuple(sorted((name, weight) for name, weight in rule.to if weight)))
            return ("status", rule.status or (500 if rule.withdrawn else 404))
    return None


def neither_before_nor_after(
    make: Make, before: World, after: World, faults: Sequence[tuple[int, stage.FaultKind]] = ()
) -> None:
    """After every single call no request meets an answer that is neither before nor after, also with crashes."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [before])
    requests = ground.probes(before, after)
    suffixes = [e.name for e in process.observed() if model.kind_of(e.address) == cloud.balancer]

    def check_all(operation: str) -> None:
        for port, host, path in requests:
            allowed = (expected(before, host, path), expected(after, host, path))
            met = cloud.answer(suffixes[0], port, host, path)
            assert met in allowed, f"after {operation}: {host}{path} -> {met}, allowed {allowed}"

    cloud.on_call(check_all)
    cloud.on_tick(lambda: check_all("a tick"))
    for after_calls, fault in faults:
        cloud.arm(after_calls, fault)
        try:
            process.apply(after, limit=60)
        except stage.Killed:
            process = process.restarted(keep_diary=False)
    cloud.disarm()
    applied = process.apply(after)
    assert applied.state == "done", ground.lines(applied.plan.changes)


def unknown_changes_nothing(make: Make, world: World, *, also: World | None = None) -> int:
    """Every element, every field and the whole scope made Unknown in desired, one after the other, and whatever only
    the Unknown refers to removed with it: nothing changes. With `also` (an edit elsewhere) only the edit happens.
    Returns the number of cases."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [world])
    session = cloud.session()
    desired = cloud.desired(world, cloud.listing(session))
    cases = 0
    for label, hidden in _hidings(desired, cloud.provider.kinds):
        process.unknown = lambda _, hidden=hidden: hidden
        plan = process.plan(world)
        assert not plan.changes, (label, ground.lines(plan.changes))
        cases += 1
    process.unknown = lambda _: model.Graph(unknown=("",))
    assert not process.plan(world).changes
    if also is not None:
        for element in desired:
            process.unknown = lambda graph, element=element: hide(graph, element.address)
            seen = _spec_of(process, element.address)
            before = [c for c in process.plan(also).changes if c.address == element.address]
            assert not before, (element.address, ground.lines(before))
            process.apply(also)
            assert _spec_of(process, element.address) == seen, element.address
            process.unknown = None
            ground.journey(process, [world])
    return cases + 1


def _spec_of(process: ground.Process, where: model.Address) -> Any:
    return [e.fields for e in process.observed().elements.get(where, ())]


def _hidings(desired: model.Graph, kinds: Any) -> Iterable[tuple[str, model.Graph]]:
    for element in desired:
        yield element.address, hide(desired, element.address)
        for name in element.fields:
            kind = kinds[model.kind_of(element.address)]
            spec = {**element.fields, name: Unknown("not read")}
            blurred = {**desired.elements, element.address: (replace(element, spec=spec),)}
            graph = replace(desired, elements=blurred)
            if name not in kind.immutable:
                graph = _without_unreferred(desired, graph)
            yield f"{element.address} {name}", graph


def hide(desired: model.Graph, where: model.Address) -> model.Graph:
    """`where` Unknown, and what nothing else in desired refers to removed, as a build that cannot know would."""
    if where not in desired.elements:
        return desired
    hidden = replace(desired.elements[where][0], spec=Unknown("not read"))
    return _without_unreferred(desired, replace(desired, elements={**desired.elements, where: (hidden,)}))


def _without_unreferred(desired: model.Graph, graph: model.Graph) -> model.Graph:
    """Without what was referred to in `desired` and is referred to by nothing in `graph` any more (targets refer to
    their backend, and go with it: that is no reason to keep it)."""

    def referred(elements: Iterable[model.Element]) -> set[model.Address]:
        return {r.to for e in elements if model.kind_of(e.address) != "targets" for r in model.refs_in(e.fields)}

    before = referred(desired)
    elements = dict(graph.elements)
    while True:
        now = referred(e for group in elements.values() for e in group)
        gone = [
            w for w, (e, *_) in elements.items() if w in before and w not in now and not isinstance(e.spec, Unknown)
        ]
        gone += [
            w
            for w, (e, *_) in elements.items()
            if model.kind_of(w) == "targets" and any(r.to not in elements for r in model.refs_in(e.fields))
        ]
        if not gone:
            return replace(graph, elements=elements)
        for where in gone:
            elements.pop(where, None)


def incomplete_listing(make: Make, world: World, later: World) -> None:
    """An incomplete inventory allows neither create nor delete, nor an update that takes a reference away."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [world])
    cloud.clock.sleep(60)  # everything serves by now, so that nothing waits for health
    session = cloud.session()
    inventory = replace(cloud.listing(session), incomplete=("a page failed",))
    observed = pipeline.observe(cloud.provider, inventory, session.owner)
    turned = world.with_rules(*(replace(rule, to=world.rules[-1].to) for rule in world.rules))
    for after in (later, turned):
        wish = process.wish(after, inventory)
        plan = pipeline.plan_one(cloud.provider, cloud.placement, wish, observed, now=inventory.began)
        held = [c for c in plan.changes if c.op in ("create", "delete") or _taken_away(c)]
        assert held, "the other world must create, delete or turn something"
        assert all(c.waits for c in held), ground.lines(held)


def _taken_away(change: model.Change) -> set[str]:
    """Keys of what the element no longer refers to."""
    before = change.before.fields if change.before is not None else {}
    after = change.after.fields if change.after is not None else {}
    return {ref.key for ref in model.refs_in(before)} - {ref.key for ref in model.refs_in(after)}


def vanishing(make: Make, count: int = 50) -> None:
    """`count` rules vanish from the input: the deletions wait for a word; a word for this plan holds for what is left
    of it; a larger danger than approved is refused; a bigger plan later needs a new word."""
    many = tuple(Rule(host=f"h{n:02d}.example", to=(("one", 1),)) for n in range(count))
    full = replace(worlds.BASE, rules=many, services={"one": worlds.Service()})
    left = full.with_rules(*many[:1])
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [full])
    calls, standing = cloud.calls(), len(process.observed().elements)
    applied = process.apply(left, word=check.Word())
    assert applied.state == "waiting"
    assert cloud.calls() == calls, cloud.operations(calls)
    waiting = {w.what for c in applied.plan.changes for w in c.waits}
    assert "approval" in waiting, waiting
    smaller = process.plan(full.with_rules(*many[: count // 2]))
    assert smaller.dangerous, "half of them is over the budget as well"
    applied = process.apply(left, word=check.Word(approved=smaller.dangerous))
    assert applied.state == "waiting", "a larger danger than approved"
    assert cloud.calls() == calls or len(process.observed().elements) < standing
    harmless = left.with_rules(*left.rules, Rule(host="new.example", to=(("one", 1),)))
    approved = process.plan(left).dangerous
    assert process.apply(harmless, word=check.Word(approved=approved)).state == "done"
