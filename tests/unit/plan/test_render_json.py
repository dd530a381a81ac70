"""The JSON document: stable, readable references, no moments, one digest for a run."""

from __future__ import annotations

import dataclasses
import json
import random

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.plan import render_json
from tests.unit.plan import made


def test_an_update_holds_both_sides_of_what_differs() -> None:
    found = made.document(made.plan(made.weights(20)))["plans"][0]["changes"][0]
    assert found["op"] == "update"
    assert list(found["fields"]) == ["to"]
    assert found["fields"]["to"]["observed"][1] == [{"ref": "pool/cart-v2", "name": "a"}, 10]
    assert found["fields"]["to"]["desired"][1] == [{"ref": "pool/cart-v2", "name": "a"}, 20]
    assert found["origins"][0]["line"] == 41


def test_a_reference_to_another_gateway_keeps_its_owner() -> None:
    ref = model.Ref("shop/other/cloud/pool/x")
    assert render_json.value_of(ref, made.GATEWAY) == {"ref": "shop/other/cloud/pool/x", "name": ""}


def test_values() -> None:
    value = {"b": None, "a": (1, "x", Unknown("not seen"), True)}
    assert render_json.value_of(value, "") == {"a": [1, "x", {"unknown": "not seen"}, True]}


def test_no_moment_is_shown() -> None:
    """The same plan a minute later is the same text."""
    early = made.change("delete", "pool", "x", waits=(model.Wait(what="drain", message="x drains", until=1000.0),))
    late = dataclasses.replace(early, waits=(model.Wait(what="drain", message="x drains", until=1060.0),))
    said = {render_json.dump(made.document(made.plan(item))) for item in (early, late)}
    assert len(said) == 1
    assert "1000" not in said.pop()


def test_waits_and_needs_are_readable() -> None:
    key = f"create {made.where('front', 'one')}@abc"
    item = made.change("create", "rule", "80/x", needs=(key,), waits=(model.Wait(what="change", message=key),))
    found = made.document(made.plan(item))["plans"][0]["changes"][0]
    assert found["needs"] == ["create front/one@abc"]
    assert found["waits"] == [{"for": "change", "message": "for create front/one@abc"}]


def test_a_group_name_is_shortened_inside() -> None:
    assert render_json.readable(f"reorder rules:{made.where('front', 'x')}@a", made.GATEWAY) == (
        "reorder rules:front/x@a"
    )


def test_notes_are_sorted_and_said_once() -> None:
    notes = [Note(level=level, code="X", message=f"{level} {n}") for level in ("info", "error") for n in (2, 1, 2)]
    for seed in range(5):
        random.Random(seed).shuffle(notes)
        found = made.document(made.plan(notes=tuple(notes)))["plans"][0]["notes"]
        assert [note["message"] for note in found] == ["error 1", "error 2", "info 1", "info 2"]


def test_one_changing_gateway_gives_the_run_its_digest() -> None:
    one, idle = made.plan(made.weights(20)), made.plan(gateway="shop/idle")
    assert render_json.digest([one]) == render_json.digest([idle, one]) == one.digest


def test_the_digest_of_several_is_of_all_in_any_order() -> None:
    one, two = made.plan(made.weights(20)), made.plan(made.weights(30), gateway="shop/two")
    both = render_json.digest([one, two])
    assert both == render_json.digest([two, one])
    assert both not in (one.digest, two.digest)
    assert both != render_json.digest([one, made.plan(made.weights(40), gateway="shop/two")])


def test_targets_take_no_part_in_the_digest() -> None:
    targets = made.change("update", "targets", "cart", fast=True, after=made.element("targets", "cart", to=("a",)))
    one = made.plan(made.weights(20))
    assert render_json.digest([made.plan(made.weights(20), targets)]) == one.digest


def test_incomplete_is_of_the_run() -> None:
    found = made.document(made.plan(incomplete=("x",), complete=False), undecided={"shop/other": "no class"})
    assert not found["complete"]
    assert found["incomplete"] == ["shop/edge: x", "shop/other: no class"]


def test_kinds_come_in_the_readers_order() -> None:
    items = [made.change("delete", kind, "x") for kind in ("targets", "zebra", "rule", "front")]
    assert made.document(made.plan(*items))["plans"][0]["kinds"] == ["front", "rule", "targets", "zebra"]


def test_the_dump_is_json() -> None:
    assert json.loads(render_json.dump(made.document()))["format_version"] == 1
