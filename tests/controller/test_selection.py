"""Two laws on which the controller rests. What the store gives for one Gateway means what everything would mean for it;
and whatever changes what a Gateway means marks that Gateway dirty. On worlds drawn by the oracle's generator with kinds
that cannot be listed, objects that cannot be read and objects that vanish, on all golden cases and on sampled objects.
"""

from __future__ import annotations

import collections
import dataclasses
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloudgw.controller import names
from cloudgw.controller.store import Store
from cloudgw.objects import Key, Unknown
from cloudgw.routing import ir
from tests.controller import drawn
from tests.controller.drawn import World

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/*/in.yaml"))
seeds = st.integers(0, 10**6)
dices = seeds.map(random.Random)
quick = settings(  # a walk by chance does not become simpler by shrinking, only later
    max_examples=80,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
quicker = settings(quick, max_examples=20)  # many objects in each


class Marks:
    """Collects what a store marks."""

    def __init__(self, controller: str) -> None:
        self.found: dict[Key, set[str]] = collections.defaultdict(set)
        self.store = Store(lambda key, reason: self.found[key].add(reason), controller)


def agrees(world: World, store: Store) -> None:
    """The first law, for every Gateway of the world and for one that is not there."""
    everything = world.everything()
    whole = world.routings(everything)
    for key in [*world.gateways(), ("infra", "nowhere")]:
        selection = store.selection(key)
        assert drawn.same(drawn.routing_of(selection, key, world.controller), whole.get(key)), key
        assert selection.complete == everything.complete - {"Gateway"}
        assert not selection.is_complete("Gateway"), "a selection holds one Gateway and says nothing of others"
        gone = key not in everything.objects.get("Gateway", {}) and everything.is_complete("Gateway")
        assert (selection.get("Gateway", *key) is None) is gone
        assert selection.materials.items() <= everything.materials.items()
        used = whole[key].tables if key in whole else ()
        held = [one for table in used for listener in table.listeners for one in listener.certificates]
        assert {one.fingerprint for one in held if one.state == "found"} <= set(selection.materials)


def spoil(dice: random.Random, world: World) -> None:
    """Some kinds cannot be listed, some objects cannot be read, some are gone."""
    share = dice.choice((0.0, 0.0, 0.03, 0.15))
    for at, one in sorted(world.lives.items()):
        if dice.random() < share:
            world.lives[at] = dataclasses.replace(one, item=Unknown("cannot be read"), material=None)
        elif dice.random() < share:
            del world.lives[at]
    if dice.random() < 0.5:
        world.complete -= {kind for kind in drawn.KINDS if dice.random() < 0.15}


@quick
@given(seeds, dices)
def test_a_selection_means_what_everything_means(seed: int, dice: random.Random) -> None:
    world = drawn.world(seed)
    spoil(dice, world)
    store = Marks(world.controller).store
    world.fill(store, dice)
    agrees(world, store)


@quicker
@given(seeds, dices)
def test_a_selection_of_sampled_objects_means_what_they_mean(seed: int, dice: random.Random) -> None:
    world = drawn.sampled(seed)
    spoil(dice, world)
    store = Marks(world.controller).store
    world.fill(store, dice)
    agrees(world, store)


def walk(world: World, other: World, dice: random.Random, steps: int) -> collections.Counter[str]:
    """The second law along some changes, and the first at their end. Counts who had to be marked, and who was."""
    marks = Marks(world.controller)
    world.fill(marks.store, dice)
    count: collections.Counter[str] = collections.Counter()
    before = world.routings()
    for _ in range(steps):
        marks.found.clear()
        earlier = World(lives=dict(world.lives))
        what, at = drawn.change(dice, world, other, marks.store)
        after = world.routings()
        changed = {key for key in before.keys() | after.keys() if not same_but_known(before, after, key)}
        assert changed <= marks.found.keys(), (what, at)
        reasons = {reason for found in marks.found.values() for reason in found}
        if at[0] == "EndpointSlice" and what not in ("complete", "incomplete"):
            assert reasons <= {"targets"}
            assert marks.found.keys() <= earlier.reaching(at) | world.reaching(at)
        else:
            assert reasons <= {"config"}
        if what == "put" and at[0] != names.PLAN:
            count.update(changed=len(changed), marked=len(marks.found))
        before = after
    agrees(world, marks.store)
    return count


def same_but_known(before: dict[Key, ir.Routing], after: dict[Key, ir.Routing], key: Key) -> bool:
    """Which routes of others are known changes with every route of anybody; it is looked up anew at the next look."""
    one, other = before.get(key), after.get(key)
    if one is not None and other is not None:
        one, other = dataclasses.replace(one, known=()), dataclasses.replace(other, known=())
    return one == other


@quick
@given(seeds, seeds, dices)
def test_whatever_changes_a_routing_marks_its_gateway(seed: int, other: int, dice: random.Random) -> None:
    walk(drawn.world(seed), drawn.world(other), dice, 12)


@quicker
@given(seeds, seeds, dices)
def test_whatever_changes_among_sampled_objects_marks_its_gateway(seed: int, other: int, dice: random.Random) -> None:
    world = drawn.sampled(seed)
    walk(world, drawn.sampled(other), dice, 6)


def test_few_are_marked_for_nothing() -> None:
    """Over long walks. Beyond those that changed: Gateways that reach an object of which the part that changed does not
    matter to them now."""
    count: collections.Counter[str] = collections.Counter()
    for seed in range(20):
        count += walk(drawn.world(seed), drawn.world(seed + 1000), random.Random(seed), 40)
    assert count["changed"] > 50
    assert count["marked"] < 2 * count["changed"], count


@pytest.mark.parametrize("case", GOLDEN, ids=lambda path: f"{path.parts[-3]}/{path.parts[-2]}")
def test_golden_cases(case: Path) -> None:
    """Each case complete, half complete and not; and the complete one with each object unreadable, gone and back."""
    documents = [one for one in yaml.load_all(case.read_text(), yaml.CSafeLoader) if isinstance(one, dict)]
    lives = drawn.read(one for one in documents if drawn.is_read(one))
    for complete in (set(drawn.KINDS), {"Secret", "HTTPRoute"}, set[str]()):
        world = World(lives=dict(lives), complete=complete)
        marks = Marks(world.controller)
        world.fill(marks.store)
        agrees(world, marks.store)
        if len(complete) < len(drawn.KINDS):
            continue
        before = world.routings()
        for at, one in lives.items():
            for item in (dataclasses.replace(one, item=Unknown("cannot be read"), material=None), None, one):
                marks.found.clear()
                if item is None:
                    del world.lives[at]
                    marks.store.drop(*at)
                else:
                    world.lives[at] = item
                    marks.store.put(*at, item)
                after = world.routings()
                changed = {key for key in before.keys() | after.keys() if not same_but_known(before, after, key)}
                assert changed <= marks.found.keys(), (at, item)
                before = after
        agrees(world, marks.store)
