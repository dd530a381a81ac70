"""The text of a plan, line by line."""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note
from cloudgw.plan import render_text, render_values
from tests.unit.plan import made


def lines(*changes: model.Change, **rest: Any) -> list[str]:
    return render_text.render(made.document(made.plan(*changes, **rest))).splitlines()


def waits(what: Any, message: str) -> tuple[model.Wait, ...]:
    return (model.Wait(what=what, message=message),)


def test_an_update_shows_only_what_differs_and_who_asks() -> None:
    found = lines(made.weights(20))
    head = next(line for line in found if "~" in line)
    assert head.split("  ")[1].strip() == "~ 80/cart"
    assert head.endswith('HTTPRoute shop/cart rule "pay" (routes.yaml:41)')
    assert found[found.index(head) + 1].strip() == "to[pool/cart-v2]: 10 -> 20"


def test_a_create_shows_what_it_sets() -> None:
    fresh = made.element("front", "one", port=80, empty="", hosts=("a", "b"), action={"type": "fixed", "status": 404})
    found = lines(made.change("create", "front", "one", after=fresh, position=7))
    text = "\n".join(found)
    assert "+ one  at 7" in text
    assert "port 80" in text
    assert "hosts a, b" in text
    assert "action fixed status 404" in text
    assert "empty" not in text


def test_a_pair_is_one_replacement() -> None:
    fresh = made.element("pool", "cart", "b", version="GRPC", port=1)
    gone = made.element("pool", "cart", "a", version="HTTP1", port=1)
    found = lines(
        made.change("create", "pool", "cart", name="b", after=fresh),
        made.change("delete", "pool", "cart", name="a", before=gone, retired=True, waits=waits("drain", "it drains")),
    )
    text = "\n".join(found)
    assert "± cart" in text
    assert "version: HTTP1 -> GRPC  (fixed: new one first)" in text
    assert "delete: waits (drain): it drains" in text
    assert "port" not in text
    assert "1 to create, 0 to change, 1 to delete (1 replaced)" in text


def test_incarnations_are_named_where_only_they_differ() -> None:
    before = made.element("rule", "80/x", to=((model.Ref(made.where("pool", "p"), "exists", "a"), 1),))
    after = made.element("rule", "80/x", to=((model.Ref(made.where("pool", "p"), "exists", "b"), 1),))
    found = lines(made.change("update", "rule", "80/x", before=before, after=after, fields=("to",)))
    assert any("to: pool/p@a 1 -> pool/p@b 1" in line for line in found)


def test_targets_are_counted() -> None:
    before = made.element("targets", "cart", to=("1", "2", "3"))
    after = made.element("targets", "cart", to=("2", "3", "4", "5"))
    found = lines(made.change("update", "targets", "cart", before=before, after=after, fields=("to",), fast=True))
    assert any("+2 -1, 4 in the end" in line for line in found)


def test_a_reorder_names_what_moves() -> None:
    key = f"{made.where('rule', '80/x')}@a"
    item = model.Change(
        op="reorder", address=made.where("rule", "80/x"), group="g", moves=((key, 5),), fields=("order",)
    )
    assert any("> positions" in line for line in lines(item))
    assert any("80/x to 5" in line for line in lines(item))


def test_a_danger_is_told_with_its_word() -> None:
    danger = "SECURITY: opens 0.0.0.0/0"
    item = made.change("create", "rule", "x", danger=(danger,), waits=waits("approval", danger))
    assert any(f"needs a word: {danger}" in line for line in lines(item))
    given = made.change("create", "rule", "x", danger=(danger,))
    assert any(f"word given: {danger}" in line for line in lines(given))


def test_what_many_say_is_said_once() -> None:
    items = [
        made.change("delete", "rule", f"r{n}", danger=("too many",), waits=waits("approval", "too many"))
        for n in range(5)
    ]
    found = lines(*items)
    assert sum("too many" in line for line in found) == 1
    assert sum("[1]" in line for line in found) == 6
    assert any("[1] needs a word: too many (5 changes)" in line for line in found)


def test_rules_stand_by_position() -> None:
    items = [
        made.change("create", "rule", name, position=at, after=made.element("rule", name))
        for name, at in (("b", 20), ("a", 30), ("c", 10))
    ]
    found = [line.split()[1] for line in lines(*items) if "+" in line]
    assert found == ["c", "b", "a"]


def test_nothing_to_change() -> None:
    found = lines(unchanged=3)
    assert "  Nothing to change, 3 elements as they should be." in found
    assert found[-1].startswith("digest ")


def test_a_note_begins_with_its_object() -> None:
    notes = (
        Note(level="warning", code="X", message="is odd", origin=made.ROUTE),
        Note(level="warning", code="Y", message='HTTPRoute shop/cart rule "pay": is odd too', origin=made.ROUTE),
    )
    text = " ".join(" ".join(lines(notes=notes)).split())
    assert 'HTTPRoute shop/cart rule "pay" (routes.yaml:41): is odd [X]' in text
    assert text.count('HTTPRoute shop/cart rule "pay": is odd too [Y]') == 1


def test_several_gateways_have_a_digest_each_and_one_for_all() -> None:
    document = made.document(made.plan(made.weights(20)), made.plan(made.weights(30), gateway="shop/two"))
    text = render_text.render(document)
    for plan in document["plans"]:
        assert f"  plan {plan['digest']}\n" in text
    assert text.endswith(f"digest {document['digest']}\n")


def test_colours_are_the_painters() -> None:
    painted = render_text.render(made.document(made.plan(made.weights(20))), lambda style, text: f"<{style}>{text}</>")
    assert "<update>~ 80/cart</>" in painted
    assert "<head>Gateway shop/edge</>" in painted


def test_no_line_is_longer_than_a_terminal_but_for_words_that_are() -> None:
    fresh = made.element("rule", "x", **{f"field{n}": f"value{n}" for n in range(40)}, listed=tuple("abcdefgh" * 20))
    assert all(len(line) <= render_text.WIDTH for line in lines(made.change("create", "rule", "x", after=fresh)))


def test_values_in_words() -> None:
    show = render_values.show
    values: list[Any] = [None, "", True, False, 7, [], {}]
    assert [show(value) for value in values] == ["(default)", '""', "yes", "no", "7", "(none)", "(none)"]
    assert show([["host", "", "values", ["a", "b"]], ["path", "/x"]]) == "host values a, b; path /x"
    assert show({"unknown": "not seen"}) == "(not known: not seen)"
    assert show({"ref": "pool/x", "name": "a"}) == "pool/x"
    assert show({"ref": "pool/x", "name": "a"}, exact=True) == "pool/x@a"


def test_differences_inside_values() -> None:
    differences = render_values.differences
    assert differences("f", {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == [("f.b", "2", "3"), ("f.c", "-", "4")]
    assert differences("f", ["a"], ["b"]) == [("f", "a", "b")]
    assert differences("f", None, "x") == [("f", "(default)", "x")]
    assert differences("f", [["p", 1], ["q", 2]], [["p", 1]]) == [("f[q]", "2", "-")]
