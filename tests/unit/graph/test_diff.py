"""Single cases of `diff` that a law would meet only by luck."""

from __future__ import annotations

from dataclasses import replace

from cloudgw import pipeline
from cloudgw.graph import diff, memory, model
from cloudgw.objects import Unknown
from cloudgw.plan import check
from cloudgw.testing import clouds, contract, ground, grounds, worlds

Rule = worlds.Rule


def standing(world: worlds.World) -> tuple[ground.Process, model.Graph]:
    process = ground.Process(grounds.Objects())
    ground.journey(process, [world])
    process.ground.clock.sleep(60)
    return process, process.observed()


def test_an_unknown_entry_holds_its_neighbours() -> None:
    """A route is renamed, and whether the new one is attached is not known: the old rule's delete waits with it, or its
    requests would fall to the next rule."""
    world = worlds.BASE.with_rules(Rule(host="a.example", path="/x", to=(("one", 1),)), *worlds.BASE.rules)
    _, observed = standing(world)
    desired = worlds.objects_graph(world)
    old = next(a for a in desired.elements if "a.example/x" in a)
    renamed = old.replace("a.example/x", "renamed/x")
    elements = {a: e for a, e in desired.elements.items() if a != old}
    elements[renamed] = (model.Element(address=renamed, spec=Unknown("attachment not known")),)
    order = {key: tuple(renamed if a == old else a for a in found) for key, found in desired.order.items()}
    found = diff.diff(replace(desired, elements=elements, order=order), observed, clouds.KINDS)
    deletes = [change for change in found.changes if change.op == "delete" and change.address == old]
    assert [wait.what for wait in deletes[0].waits] == ["change"]


def test_the_clock_of_a_shift_runs_on_beside_other_waits() -> None:
    """Two changes that must go together began to wait at different times: the deadline still ends both."""
    world = worlds.BASE
    process, observed = standing(world)
    split = world.with_rules(
        Rule(host="a.example", path="/n", to=(("three", 1),)), Rule(host="a.example", to=(("four", 1),)), world.rules[1]
    )
    for name in ("three", "four"):
        split = split.with_service(name, worlds.Service(targets=("10.0.1.90:8080",)))
    desired = worlds.objects_graph(split)
    kept = pipeline.Memory()
    free = None
    for now in range(2000, 5000, 50):
        wish = pipeline.Wish(gateway=world.gateway, desired=desired)
        plan = pipeline.plan_one(process.ground.provider, clouds.PLACE, wish, observed, now=float(now), memory_=kept)
        pipeline.remember(kept, plan, float(now))
        health = [c for c in plan.changes if any(w.what == "health" for w in c.waits) and not c.retired]
        if not health:
            free = now
            break
    assert free is not None
    assert free <= 2000 + 950


def test_nobody_shifts_to_targets_that_are_not_known() -> None:
    """No deadline sends requests to a pool in which nothing is registered because nobody knows what should be."""
    process, observed = standing(worlds.BASE)
    other = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS", targets=Unknown("slices not seen")))
    desired = worlds.objects_graph(other)
    diary = memory.Diary(shifts={c.key: 0.0 for c in diff.diff(desired, observed, clouds.KINDS).changes})
    found = diff.diff(desired, observed, clouds.KINDS, now=10_000.0, diary=diary)
    shift = next(c for c in found.changes if c.op == "update" and "/rule/" in c.address)
    assert "unknown" in {wait.what for wait in shift.waits}
    del process


def test_an_undecided_gateway_keeps_its_warm_entries() -> None:
    process, _ = standing(worlds.BASE)
    other = worlds.BASE.with_service("one", worlds.Service(protocol="HTTPS"))
    for _ in range(12):
        process.one_pass(other)
        process.ground.clock.sleep(1.0)
        if any("/warm/" in e.address for e in process.observed()):
            break
    else:
        raise AssertionError("nothing was warmed")
    nothing = model.Graph(unknown=("shop/edge/",))
    assert diff.diff(nothing, process.observed(), clouds.KINDS).changes == ()


def test_what_opens_something_closed_that_stands_needs_a_word() -> None:
    _, observed = standing(replace(worlds.BASE, ranges=()))
    wanted = worlds.objects_graph(replace(worlds.BASE, ranges=("0.0.0.0/0",)))
    found = diff.diff(wanted, observed, clouds.KINDS)
    context = check.Context(kinds=clouds.KINDS, observed=observed, now=0.0)
    checked = check.check(found.changes, context, check.Word())
    assert any("SECURITY" in text for change in checked for text in change.danger)


def test_hide_removes_what_only_the_hidden_refers_to() -> None:
    """The generator of the Unknown law does what it says: without that it would prove nothing."""
    desired = worlds.objects_graph(worlds.BASE)
    rule = next(a for a in desired.elements if "a.example" in a)
    hidden = contract.hide(desired, rule)
    assert not [a for a in hidden.elements if a.endswith(("pool/one", "targets/one"))]
    assert [a for a in hidden.elements if a.endswith("pool/two")]


def test_a_child_goes_after_its_parent_stopped_using_it() -> None:
    """A listener gets another certificate in the same plan in which one of its rules goes: first the update."""
    secure = replace(
        worlds.SECURE, certificates={"site": worlds.Certificate(), "next": worlds.Certificate(key="EC-P-256")}
    )
    _, observed = standing(secure)
    later = replace(secure, listeners=((80, ""), (443, "next"))).with_rules(secure.rules[0])
    found = diff.diff(worlds.objects_graph(later), observed, clouds.KINDS)
    update = next(c for c in found.changes if c.op == "update" and c.address.endswith("listener/443"))
    gone = next(c for c in found.changes if c.op == "delete" and "/rule/443/" in c.address)
    assert update.key in gone.needs


def test_a_create_that_only_serves_what_waits_for_a_word_waits_too() -> None:
    """Otherwise half of it is made, and the plan that was read is not the plan any more."""
    _, observed = standing(worlds.BASE)
    found = diff.diff(worlds.objects_graph(replace(worlds.BASE, scheme="public")), observed, clouds.KINDS)
    context = check.Context(kinds=clouds.KINDS, observed=observed, now=0.0)
    checked = check.check(found.changes, context, check.Word())
    assert not [change.key for change in checked if change.op == "create" and not change.waits]
    assert any("address changes" in text for change in checked for text in change.danger)


def test_a_foreign_entry_is_a_wall() -> None:
    """Two entries of ours on both sides of one that is not ours change places: the reorder is marked, for a person."""
    world = worlds.BASE
    _, observed = standing(world)
    desired = worlds.objects_graph(world)
    group, wanted = next((key, found) for key, found in desired.order.items() if len(found) > 1)
    turned = replace(desired, order={**desired.order, group: tuple(reversed(wanted))})
    held = sorted(int(e.outputs["position"]) for e in observed if e.address in wanted)
    rules = f"rules:{next(ref.key for e in observed if e.address in wanted for ref in [e.fields['listener']])}"
    for wall, danger in ((held[0] + 1, True), (held[-1] + 1, False)):
        found = diff.diff(turned, replace(observed, taken={rules: (wall,)}), clouds.KINDS)
        moves = [change for change in found.changes if change.op == "reorder"]
        assert [bool(change.danger) for change in moves] == [danger], wall


def test_a_successor_must_serve_as_well_as_what_it_replaces() -> None:
    """1 of 20 healthy targets below the successor, 20 of 20 below the old one: the requests stay where they are."""
    world = worlds.BASE
    process, _ = standing(world)
    after = world.with_service("one", worlds.Service(protocol="HTTPS"))
    desired = worlds.objects_graph(after)
    process.memory.cache.started = None
    pool = next(a for a in desired.elements if "/pool/one" in a)
    while len(process.observed().elements[pool]) < 2:
        process.one_pass(after)
        process.ground.clock.sleep(1)
    process.ground.clock.sleep(120)
    observed = process.observed()
    successor = next(e for e in observed.elements[pool] if e.fields["protocol"] == "HTTPS")
    for healthy, waits in ((20, False), (1, True)):
        elements = {
            where: tuple(
                replace(e, outputs={**e.outputs, "targets": 20, "healthy": healthy if e is successor else 20})
                if where == pool
                else e
                for e in found
            )
            for where, found in observed.elements.items()
        }
        found = diff.diff(desired, replace(observed, elements=elements), clouds.KINDS)
        shift = next(c for c in found.changes if c.op == "update" and "a.example" in c.address and not c.warm)
        assert any(wait.what == "health" for wait in shift.waits) is waits, (healthy, shift.waits)
