"""Further laws: what happens while something changes, and when others change it too.

Incarnations half way, refused children, revoked grants, names that are taken, two writers, claims. Called like
`contract`'s laws, on every cloud whose Ground offers what they need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cloudgw import pipeline
from cloudgw.graph import model
from cloudgw.plan import check
from cloudgw.testing import ground, worlds
from cloudgw.testing.contract import Make, World, eager, expected, set_lag

Rule = worlds.Rule


def many(count: int, services: int = 1) -> World:
    """A world of `count` rules on hosts of their own."""
    rules = tuple(Rule(host=f"h{n:02d}.example", to=((f"s{n % services}", 1),)) for n in range(count))
    found = {f"s{n}": worlds.Service(targets=(f"10.0.1.{10 + n}:8080",)) for n in range(services)}
    return replace(worlds.BASE, rules=rules, services=found)


def insertion(make: Make, count: int, at: int, *, plant: bool = False, creates: int = 1) -> None:
    """A rule with a known backend inserted anywhere: its creates (one, or what a host of its own takes on this cloud),
    at most one reorder, one write, nothing else."""
    cloud = make()
    process = ground.Process(cloud)
    world = many(count)
    ground.journey(process, [world])
    if plant:
        cloud.plant(world.gateway)
    new = Rule(host="new.example", to=(("s0", 1),))
    world = world.with_rules(*world.rules[:at], new, *world.rules[at:])
    plan = process.plan(world)
    ops = sorted(change.op for change in plan.changes)
    assert ops in (["create"] * creates, ["create"] * creates + ["reorder"]), ground.lines(plan.changes)
    calls = cloud.calls()
    ground.journey(process, [world])
    assert cloud.calls() - calls <= len(set(ops)), cloud.operations(calls)


def repeated_inserts(make: Make, count: int) -> int:
    """`count` rules inserted one by one on top of each other: never more than a create and a reorder each; order holds.
    Returns the number of reorders."""
    cloud = make()
    process = ground.Process(cloud)
    world = many(2)
    ground.journey(process, [world])
    reorders = 0
    for n in range(count):
        rule = Rule(host="x.example", path=f"/{n:03d}", to=(("s0", 1),))
        world = world.with_rules(rule, *world.rules)
        plan = process.plan(world)
        ops = sorted(change.op for change in plan.changes)
        assert ops in (["create"], ["create", "reorder"]), ground.lines(plan.changes)
        reorders += "reorder" in ops
        ground.journey(process, [world])
    return reorders


def half_way(make: Make, worlds_: Sequence[World], passes: int) -> None:
    """A -> B for some passes, then C: while only A serves, A stays; back to A revives it and creates nothing."""
    first, second, third = worlds_
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [first])
    standing = {e.key for e in process.observed()}
    session = cloud.session()
    word = check.Word(approved=process.plan(second).dangerous)
    process.memory.cache.started = None
    for _ in range(passes):
        process.one_pass(second, word)
        cloud.clock.sleep(1.0)
        now = {e.key for e in process.observed()}
        if any(c.before is not None and c.retired and c.waits for c in process.plan(second).changes):
            served = [k for k in standing if "/pool/" in k or "/target-group/" in k]
            assert set(served) <= now, "what serves was deleted before its successor does"
    del session
    assert process.apply(third).state == "done"
    reached = cloud.named()
    fresh = ground.Process(make())
    ground.journey(fresh, [third])
    assert reached == fresh.ground.named(), "the way taken must not show"


def revived(make: Make, first: World, second: World) -> None:
    """Back to A while B is half made: A's incarnations serve again, and none is made anew."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [first])
    standing = {e.outputs.get("id") for e in process.observed() if e.outputs.get("id")}
    clean = cloud.named()
    process.one_pass(second, check.Word(approved=process.plan(second).dangerous))
    ground.journey(process, [first])
    assert cloud.named() == clean
    assert {e.outputs.get("id") for e in process.observed() if e.outputs.get("id")} == standing


def two_writers(make: Make, before: World, after: World, ticks: int) -> None:
    """Two processes wish the same for some ticks, interleaved: nothing breaks, they end in the clean state and rest."""
    fresh = ground.Process(make())
    ground.journey(fresh, [before, after])
    clean = fresh.ground.named()
    cloud = make()  # a local cloud is one: making it anew empties it
    ground.journey(ground.Process(cloud), [before])
    pair = [ground.Process(cloud), ground.Process(cloud)]
    word = check.Word(approved=pair[0].plan(after).dangerous)
    for n in range(ticks):
        pair[n % 2].one_pass(after, word)
        cloud.clock.sleep(1.0)
    for process in pair:
        assert process.apply(after, word=word).state == "done"
    assert cloud.named() == clean


def cloud_refuses(
    make: Make,
    refuse: Callable[[ground.Ground, Callable[[Any], str]], None],
    bad: int,
    count: int,
    *,
    said: str = "reserved",
) -> dict[str, int]:
    """The cloud refuses `bad` legal-looking rules among `count`: everybody else is programmed, the guilty answer 500
    and are named, writes <= (2 + ceil(log2 changes)) per guilty change and one for all their stand-ins, and the next
    pass does not search again. said: words of the refusal. Returns what it took."""
    cloud = make()
    process = ground.Process(cloud)
    base = many(1)
    ground.journey(process, [base])
    guilty = [f"h{1 + (n * 7 + 2) % (count - 1):02d}.example" for n in range(bad)]
    refuse(cloud, lambda host: "this backend is reserved" if host in guilty else "")
    world = many(count)
    calls = cloud.calls()
    changes = len(process.plan(world).changes)
    applied = process.apply(world)
    assert applied.state in ("failed", "waiting"), applied.state
    assert len(applied.plan.changes) == bad, ground.lines(applied.plan.changes)
    for change in applied.plan.changes:
        assert any(host in change.address for host in guilty), change.address
        assert [w.what for w in change.waits if w.what != "time"] == ["refused"], change.waits
        assert said in change.waits[-1].message, change.waits
        assert any(
            n.code == "RefusedByCloud" and n.origin in change.origins for n in applied.plan.notes if n.origin
        ) or (not change.origins)
    top = next(e for e in process.observed() if model.kind_of(e.address) == cloud.balancer)
    for rule in world.rules:
        met = cloud.answer(top.name, 80, rule.host, "/")
        assert met == (("status", 500) if rule.host in guilty else ("forward", rule.to)), (rule.host, met)
    writes = cloud.calls() - calls
    bound = bad * (2 + math.ceil(math.log2(changes))) + 1
    again = cloud.calls()
    process.apply(world)
    assert cloud.calls() == again, "the next pass searches again"
    return {"changes": changes, "writes": writes, "bound": bound}


def withdrawn(make: Make) -> None:
    """A revoked grant: its requests get the error at once, whatever else waits for health."""
    cloud = make()
    process = ground.Process(cloud)
    world = worlds.BASE
    ground.journey(process, [world])
    revoked = Rule(host="a.example", withdrawn="one", status=500)
    slow = Rule(host="a.example", path="/slow", to=(("three", 1),))
    later = world.with_rules(slow, revoked, world.rules[1])
    later = later.with_service("three", worlds.Service(targets=("10.0.1.77:8080",)))
    process.memory.cache.started = None
    cloud.clock.sleep(cloud.provider.staleness + 1)
    word = check.Word(approved=process.plan(later).dangerous)
    process.one_pass(later, word)
    for _ in range(40):  # as long as one write of this cloud takes, and not one write more
        if expected(later, "a.example", "/") == _ask(process, "a.example", "/"):
            break
        cloud.clock.sleep(cloud.provider.staleness)
    assert _ask(process, "a.example", "/") == ("status", 500)
    ground.journey(process, [later])


def _ask(process: ground.Process, host: str, path: str) -> Any:
    top = next(e for e in process.observed() if model.kind_of(e.address) == process.ground.balancer)
    return process.ground.answer(top.name, 80, host, path)


def name_taken(make: Make, occupy: Callable[[ground.Ground, str], Any]) -> None:
    """Exists and foreign = stop: what merely has our name is neither adopted nor changed, and the failure names it."""
    cloud = make()
    process = ground.Process(cloud)
    wanted = next(c for c in process.plan(worlds.BASE).changes if model.kind_of(c.address) == cloud.balancer)
    token = occupy(cloud, model.key_of(wanted.address, wanted.name))
    before = cloud.foreign(token)
    applied = process.apply(worlds.BASE)
    assert applied.state == "failed", applied.state
    assert any("not ours" in message for message in applied.failures), applied.failures
    assert cloud.foreign(token) == before
    assert all(e.outputs.get("id") not in token for e in process.observed())


def lost_answer(make: Make, lag: float, every: int = 1) -> None:
    """The answer of a create (each, or every nth) is lost and listings lag: nothing is made twice."""
    clean = make()
    ground.journey(ground.Process(clean), [worlds.SECURE])
    for index in range(0, clean.calls(), every):
        cloud = make()
        process = ground.Process(cloud)
        set_lag(cloud, lag)
        cloud.arm(index, "lost")
        if lag:
            process.memory.cache.started = None
            eager(process, worlds.SECURE, 12)
        applied = process.apply(worlds.SECURE)
        assert applied.state == "done", applied.failures
        cloud.clock.sleep(lag)
        assert cloud.named() == clean.named(), index


def late_neighbour(make: Make) -> None:
    """A change waits for two backends that get well one after the other: the first stays attached, so healthy, until
    the second is, instead of taking turns for ever."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    cloud.clock.sleep(120)
    replaced = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
    process.memory.cache.started = None
    for _ in range(8):
        if any(c.warm for c in process.plan(replaced).changes if c.op == "create"):
            process.one_pass(replaced)
            break
        process.one_pass(replaced)
        cloud.clock.sleep(1.0)
    split = Rule(host="a.example", to=(("one", 1), ("three", 1)))
    both = replaced.with_rules(split, replaced.rules[1])
    both = both.with_service("three", worlds.Service(targets=("10.0.1.77:8080",)))
    applied = process.apply(both, limit=150)
    assert applied.state == "done", ground.lines(applied.plan.changes)


def made_once(make: Make, lag: float) -> None:
    """Listings lag and passes are eager: nothing is made twice, not even what the cloud would let stand twice."""
    clean = make()
    ground.journey(ground.Process(clean), [worlds.SECURE])
    cloud = make()
    process = ground.Process(cloud)
    set_lag(cloud, lag)
    eager(process, worlds.SECURE, 20)
    made = [name for name in cloud.operations() if "create" in name or "import" in name]
    wanted = [name for name in clean.operations() if "create" in name or "import" in name]
    assert sorted(made) == sorted(wanted)


def back_at_once(make: Make, lag: float) -> int:
    """A -> B, and back to A as soon as requests have moved: listings that lag still show A attached and healthy, and
    no request may meet it before it is. Returns the number of requests."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    cloud.clock.sleep(120)
    top = next(e for e in process.observed() if model.kind_of(e.address) == cloud.balancer)
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        assert not cloud.fails(top.name, 80, "a.example", "/"), f"5xx at {cloud.clock.now()}"

    cloud.on_tick(ask)
    set_lag(cloud, lag)
    process.memory.cache.started = None
    other = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
    for _ in range(40):
        before = {e.name for e in process.observed() if e.address.endswith("/one") and "/targets/" not in e.address}
        moved = [c for o in process.one_pass(other).of("done") for c in [o.change] if c.op == "update" and not c.fast]
        if any(not c.warm for c in moved) and len(before) == 2:
            break
        cloud.clock.sleep(1.0)
    else:
        raise AssertionError("requests never moved: the law proves nothing")
    eager(process, worlds.BASE, 40)
    ground.journey(process, [worlds.BASE])
    return asked


def drained(make: Make, shift: str, removal: str) -> float:
    """From the last change that takes requests away from a replaced backend to its deletion at least its drain time
    passes. shift, removal: names of those calls. Returns the seconds."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    cloud.clock.sleep(120)
    moments: dict[str, float] = {}

    def note(operation: str) -> None:
        moments[operation] = cloud.clock.now()

    cloud.on_call(note)
    old = next(e for e in process.observed() if e.address.endswith("one") and "/targets/" not in e.address)
    drain = cloud.provider.kinds[model.kind_of(old.address)].drain
    assert drain is not None
    eager(process, worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS")))
    assert removal in moments, moments
    waited = moments[removal] - moments[shift]
    assert waited >= drain(old), (waited, drain(old))
    return waited


def claims(make: Make) -> None:
    """A name with one holder only: replaced with downtime, never without a word, and the plan says so."""
    cloud = make()
    process = ground.Process(cloud)
    named = replace(worlds.BASE, title="edge")
    ground.journey(process, [named])
    flipped = replace(named, scheme="public")
    calls = cloud.calls()
    applied = process.apply(flipped, word=check.Word())
    assert applied.state == "waiting"
    assert not [o for o in cloud.operations(calls) if o.startswith("delete")], "something was deleted without a word"
    assert any("downtime" in d for c in process.plan(flipped).changes for d in c.danger)
    ground.journey(process, [flipped])
    reached = cloud.named()
    fresh = ground.Process(make())
    ground.journey(fresh, [flipped])
    assert reached == fresh.ground.named()


def nobody_home(make: Make) -> None:
    """A backend that nobody stands behind is waited for by no one; one that never gets well, until the deadline."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    empty = worlds.BASE.with_rules(Rule(host="e.example", to=(("empty", 1),)), *worlds.BASE.rules)
    ground.journey(process, [empty.with_service("empty", worlds.Service(targets=()))])
    sick = worlds.BASE.with_rules(Rule(host="s.example", to=(("sick", 1),)), *worlds.BASE.rules)
    sick = sick.with_service("sick", worlds.Service(targets=("10.0.66.6:8080",)))
    start = cloud.clock.now()
    process.apply(sick)
    assert cloud.clock.now() >= start


def other_gateway(make: Make) -> None:
    """What stands was made for another Gateway of this name (another UID): one word is asked for."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    observed = process.observed()
    marked = replace(
        observed,
        elements={
            where: tuple(replace(e, outputs={**e.outputs, "gateway": "uid-1"}) for e in group)
            for where, group in observed.elements.items()
        },
    )
    world = replace(worlds.BASE, ranges=())
    session = cloud.session()
    wish = replace(process.wish(world, cloud.listing(session)), uid="uid-2")
    plan = pipeline.plan_one(cloud.provider, cloud.placement, wish, marked, now=cloud.clock.now())
    assert plan.changes
    assert all(any(w.what in ("approval", "change") for w in c.waits) for c in plan.changes), ground.lines(plan.changes)
    same = replace(wish, uid="uid-1")
    plan = pipeline.plan_one(cloud.provider, cloud.placement, same, marked, now=cloud.clock.now())
    assert not any("another Gateway" in d for c in plan.changes for d in c.danger)


def planning_cannot_write(make: Make) -> None:
    """The handle that planning holds offers nothing that writes, and a plan makes no mutating call."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    before, state = cloud.calls(), cloud.everything()
    process.plan(worlds.SECURE)
    assert cloud.calls() == before
    assert cloud.everything() == state
    handle = cloud.session().read
    verbs = ("create", "update", "delete", "put", "modify", "register", "set", "add", "remove", "import", "write")
    offered = [n for n in dir(handle) if not n.startswith("_") and n.lower().startswith(verbs)]
    assert not offered, offered
