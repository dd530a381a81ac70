"""Single cases of `diff` and of the engine on whole documents: several tables, refusals that others hang on, matches
that change in place, entries that displace nobody, documents that a cloud shows after it refused them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cloudgw import pipeline
from cloudgw.engine import search
from cloudgw.graph import diff, memory, model
from cloudgw.provider import Failed, Failure, Operation
from cloudgw.testing import contract_change, documents, ground, grounds, worlds

Rule = worlds.Rule
RULE = documents.KINDS["rule"]


def standing(world: worlds.World) -> tuple[ground.Process, model.Graph]:
    process = ground.Process(grounds.Documents())
    ground.journey(process, [world])
    process.ground.clock.sleep(60)
    return process, process.observed()


def with_rule(**changed: object) -> Mapping[str, model.Kind]:
    return {**documents.KINDS, "rule": replace(RULE, **changed)}  # type: ignore[arg-type]


def test_two_tables_of_one_document_have_positions_of_their_own() -> None:
    """A rule at the top of the second listener moves nothing of the first."""
    _, observed = standing(worlds.SECURE)
    top = Rule(host="a.example", path="/new", to=(("two", 1),))
    desired = documents.graph(worlds.SECURE.with_rules(top, *worlds.SECURE.rules))
    found = diff.diff(desired, observed, documents.KINDS)
    assert sorted(c.op for c in found.changes) == ["create", "create"]
    tables = {RULE.table_of(c.address, c.name, c.after.fields) for c in found.changes if c.after}
    assert len(tables) == 2
    assert len({c.group for c in found.changes}) == 1


def test_what_needs_a_refused_backend_answers_an_error_itself() -> None:
    """The pool is refused, not the rule: the rule becomes its 500, or its requests would fall to the rule below."""
    process, observed = standing(worlds.BASE)
    new = Rule(host="a.example", path="/new", to=(("three", 1),))
    world = worlds.BASE.with_rules(new, *worlds.BASE.rules).with_service("three", worlds.Service())
    desired = documents.graph(world)
    first = diff.diff(desired, observed, documents.KINDS)
    pool = next(c for c in first.changes if c.op == "create" and "/pool/three" in c.address)
    assert pool.after is not None
    cache = memory.Cache(refused={memory.fingerprint(pool.address, pool.after.spec): "no"})
    found = diff.diff(desired, observed, documents.KINDS, cache=cache)
    rule = next(c for c in found.changes if c.op == "create" and "/rule/" in c.address)
    assert rule.after is not None
    assert rule.after.fields["action"] == ("status", 500)
    assert not rule.waits
    assert [w.what for c in found.changes for w in c.waits if c.key == pool.key] == ["refused"]
    del process


def test_an_update_of_a_match_goes_with_every_change_that_it_meets() -> None:
    """Two entries would claim one path in between. The delete waits (budget, say): so does the update."""
    world = worlds.BASE.with_rules(Rule(host="a.example", path="/x", to=(("one", 1),)), *worlds.BASE.rules)
    _, observed = standing(world)
    kinds = with_rule(immutable=("gateway", "listener", "host"), mutable=("path", "action"), matches=("path",))
    renamed = {e.address: model.suffix_of(kinds["rule"], e.fields) for e in observed if "/rule/" in e.address}
    elements = [replace(e, name=renamed.get(e.address, e.name)) for e in observed]
    desired = documents.graph(worlds.BASE)
    moved = next(a for a in desired.elements if "/rule/80/a.example/" in a)
    spec = {**desired.elements[moved][0].fields, "path": "/x"}
    wanted = {**desired.elements, moved: (replace(desired.elements[moved][0], spec=spec),)}
    found = diff.diff(replace(desired, elements=wanted), model.graph(elements), kinds)
    update = next(c for c in found.changes if c.op == "update" and c.address == moved)
    delete = next(c for c in found.changes if c.op == "delete" and "/rule/" in c.address)
    assert delete.key in update.joint
    assert update.key in delete.joint


def test_an_entry_that_displaces_nobody_waits_for_no_health() -> None:
    _, observed = standing(worlds.BASE)
    new = Rule(host="new.example", to=(("three", 1),))
    world = worlds.BASE.with_rules(new, *worlds.BASE.rules).with_service("three", worlds.Service())
    for displaces, waits in ((None, True), (lambda mine, theirs: mine["host"] == theirs["host"], False)):
        found = diff.diff(documents.graph(world), observed, with_rule(displaces=displaces))
        rule = next(c for c in found.changes if c.op == "create" and "/rule/" in c.address)
        assert any(wait.what == "health" for wait in rule.waits) is waits


def test_after_a_failed_operation_what_stood_before_is_believed() -> None:
    process, observed = standing(contract_change.many(3))
    group = next(model.group_of(documents.KINDS, e) for e in observed if "/rule/" in e.address)
    before = tuple(e for e in observed if model.group_of(documents.KINDS, e) == group)
    shown = {a: f for a, f in observed.elements.items() if "h01.example" not in a}
    refused = replace(observed, elements=shown, failed=frozenset({group}))
    told = search.rewound(refused, memory.Cache(good={group: before}), documents.KINDS)
    assert told.elements == observed.elements
    assert search.rewound(refused, memory.Cache(), documents.KINDS).elements == shown
    del process


def test_a_failed_group_that_nobody_wants_changed_is_put_again_once() -> None:
    world = contract_change.many(3)
    process, _ = standing(world)
    cloud = process.ground
    assert isinstance(cloud, grounds.Documents)
    for found in cloud.cloud.gateways.values():
        found["failed"] = True
    calls = cloud.calls()
    assert process.apply(world).state == "done"
    assert cloud.operations(calls) == ["put document"]
    assert not process.observed().failed


def test_an_operation_that_was_superseded_convicts_nobody() -> None:
    class Superseded(documents.Documents):
        def operation(self, read: object, token: str) -> Operation:
            del read, token
            failure = Failure(why="conflict", code="Canceled", message="superseded")
            return Operation(state="failed", failure=failure)

    kept = pipeline.Memory(diary=memory.Diary(operations={"document:x": "token"}))
    kept.cache.flight["document:x"] = ("print",)
    told = pipeline.running(Superseded(), None, model.Graph(), kept, 0.0)
    assert not told.failed
    assert not told.busy
    assert not kept.cache.flight
    assert not kept.diary.operations


def test_an_operation_that_cannot_be_asked_about_says_so() -> None:
    class Silent(documents.Documents):
        def operation(self, read: object, token: str) -> Operation:
            raise ConnectionResetError(read, token)

        def classify(self, exception: BaseException) -> Failure | None:
            return Failure(why="unknown", code="", message="no answer") if isinstance(exception, OSError) else None

    kept = pipeline.Memory(diary=memory.Diary(operations={"document:x": "token"}))
    with pytest.raises(Failed, match="how a long operation stands cannot be read: no answer"):
        pipeline.running(Silent(), None, model.Graph(), kept, 0.0)
    assert kept.diary.operations


def test_targets_stay_out_of_a_search() -> None:
    """Of a refused write with a rule and targets in it, the rule alone is suspected; the targets go apart, first."""
    process, _ = standing(contract_change.many(3))
    cloud = process.ground
    assert isinstance(cloud, grounds.Documents)
    cloud.cloud.refuses = lambda kind, child: "no" if kind == "rule" and "new" in child["host"] else ""
    new = (Rule(host="new1.example", to=(("s0", 1),)), Rule(host="new2.example", to=(("s0", 1),)))
    world = contract_change.many(3)
    world = world.with_rules(*new, *world.rules).with_service("s0", worlds.Service(targets=("10.0.9.9:8080",)))
    process.one_pass(world)
    (suspects,) = process.memory.cache.suspects.values() or ((),)
    gateway = next(iter(cloud.cloud.gateways.values()))
    pools = (gateway["pending"] or gateway["document"])["pool"]
    assert [pool["targets"] for pool in pools] == [["10.0.9.9:8080"]]
    assert len(suspects) == 2


def test_entries_that_say_pair_by_pair_whether_they_meet() -> None:
    """A catch-all rule waits with the create above it that it meets, and with no other."""
    world = worlds.BASE.with_rules(*worlds.BASE.rules, Rule(host="*", to=(("one", 1),)))
    _, observed = standing(worlds.BASE)
    new = (Rule(host="c.example", to=(("one", 1),)), Rule(host="d.example", to=(("one", 1),)))
    desired = documents.graph(world.with_rules(*new, *world.rules))

    def meeting(one: model.Spec, other: model.Spec) -> bool:
        return {one["host"], other["host"]} in ({"*", "c.example"}, {"*"}, {one["host"]})

    found = diff.diff(desired, observed, with_rule(meeting=meeting))
    creates = {c.address.rsplit("/", 2)[1]: c for c in found.changes if c.op == "create" and "/rule/" in c.address}
    assert creates["c.example"].key in creates["*"].joint
    assert creates["d.example"].key not in creates["*"].joint
    assert not creates["c.example"].joint
