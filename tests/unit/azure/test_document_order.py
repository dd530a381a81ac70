"""Path rules stand where they should, each in its own map: those of others are never moved, whatever their names."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cloudgw.graph import model
from tests.unit.azure import elements

Json = dict[str, Any]
SITE = "80.shop.example.com"


def document() -> Json:
    return elements.document_of(elements.graph(elements.elements()))


def map_of(body: Json, logical: str) -> Json:
    (found,) = [one for one in elements.collection(body, "path-map") if f"-{logical}-" in one["name"]]
    return found


def paths(one: Json) -> list[str]:
    return [rule["properties"]["paths"][0] for rule in one["properties"]["pathRules"]]


def theirs(name: str, path: str) -> Json:
    return {"name": name, "properties": {"paths": [path], "backendAddressPool": {"id": "/theirs"}}}


def step(before: Json, wanted: list[model.Element]) -> Json:
    seen = elements.observed(before)
    changes = [c for c in elements.difference(elements.graph(wanted), seen) if not c.waits]
    assert changes
    return elements.written(before, changes, elements.group(seen)[1])


def with_path(path: str, after: str) -> list[model.Element]:
    """All elements, and a new path rule behind that one of the site."""
    found = elements.elements()
    at = next(i for i, e in enumerate(found) if e.address.endswith(after)) + 1
    new = elements.path(SITE, "shop.n.aaaaaaaaaa", (path,), elements.answer("shop.cart.8080"))
    return [*found[:at], new, *found[at:]]


def fewer_pods() -> list[model.Element]:
    return [
        model.Element(address=e.address, spec={**e.fields, "targets": ("10.0.64.5",)})
        if e.address.endswith("targets/shop.cart.8080")
        else e
        for e in elements.elements()
    ]


@pytest.mark.parametrize("wanted", [fewer_pods(), with_path("/new", "shop.r.aaaaaaaaaa")])
def test_maps_of_others_are_never_sorted(wanted: list[model.Element]) -> None:
    before = document()
    first = {"name": "m1", "properties": {"pathRules": [theirs("a", "/a"), theirs("b", "/b")]}}
    second = {"name": "m2", "properties": {"pathRules": [theirs("b", "/special"), theirs("a", "/*")]}}
    before["properties"]["urlPathMaps"][:0] = [first]
    before["properties"]["urlPathMaps"].append(second)
    after = step(before, wanted)
    standing = {one["name"]: one for one in elements.collection(after, "path-map")}
    assert (standing["m1"], standing["m2"]) == (first, second)


def test_path_rules_of_one_name_in_two_maps_stay_where_they_are() -> None:
    before = document()
    map_of(before, "80.any")["properties"]["pathRules"].insert(0, theirs("theirs", "/t"))
    map_of(before, SITE)["properties"]["pathRules"].append(theirs("theirs", "/last"))
    after = step(before, with_path("/new", "shop.r.aaaaaaaaaa"))
    assert paths(map_of(after, SITE)) == ["/cart", "/new", "/pay", "/*", "/last"]
    assert paths(map_of(after, "80.any")) == ["/t", "/old", "/here"]


@pytest.mark.parametrize("where", ["80.any", "theirs"])
def test_a_copy_of_our_path_rule_in_another_map_is_not_taken_for_it(where: str) -> None:
    """Somebody copied it into a map that comes first: the one that goes is ours."""
    before = document()
    copied = copy.deepcopy(map_of(before, SITE)["properties"]["pathRules"][1])
    copied["properties"]["paths"] = ["/copy"]
    maps = before["properties"]["urlPathMaps"]
    if where == "theirs":
        maps.insert(0, {"name": "theirs", "properties": {"pathRules": [copied]}})
    else:
        maps.remove(found := map_of(before, where))
        maps.insert(0, found)
        found["properties"]["pathRules"].append(copied)
    seen = elements.observed(before)
    gone = next(e for e in seen if e.address.endswith(f"{SITE}/shop.r.bbbbbbbbbb"))
    change = model.Change(op="delete", address=gone.address, name=gone.name, before=gone)
    after = elements.written(before, [change], elements.group(seen)[1])
    assert paths(map_of(after, SITE)) == ["/cart", "/*"]
    assert "/copy" in paths(elements.collection(after, "path-map")[0])


def test_only_a_map_that_a_change_touches_is_sorted() -> None:
    """What a change leaves alone keeps its order, also where an element of it was observed elsewhere."""
    before = document()
    seen = elements.observed(before)
    changes = elements.difference(elements.graph(with_path("/new", "shop.r.aaaaaaaaaa")), seen)
    map_of(before, "80.any")["properties"]["pathRules"].reverse()
    after = elements.written(before, changes, elements.group(seen)[1])
    assert paths(map_of(after, "80.any")) == ["/here", "/old"]
    assert paths(map_of(after, SITE)) == ["/cart", "/new", "/pay", "/*"]


@pytest.mark.parametrize("places", [(0,), (1,), (3,), (1, 1), (0, 2, 5)])
def test_a_restored_map_keeps_path_rules_of_others_between_the_same_neighbours(places: tuple[int, ...]) -> None:
    """The refused write had added, taken away and turned ours around them."""
    good = document()
    rules = map_of(good, SITE)["properties"]["pathRules"]
    for number, place in enumerate(places):
        rules.insert(place, theirs(f"theirs{number}", f"/t{number}"))
    expected = paths(map_of(good, SITE))
    seen = elements.observed(good)
    bad = copy.deepcopy(good)
    mine = [rule for rule in map_of(bad, SITE)["properties"]["pathRules"] if not rule["name"].startswith("theirs")]
    strange = [rule for rule in map_of(bad, SITE)["properties"]["pathRules"] if rule["name"].startswith("theirs")]
    refused = {**mine[0], "name": mine[0]["name"].replace("aaaaaaaaaa", "zzzzzzzzzz")}
    map_of(bad, SITE)["properties"]["pathRules"] = [refused, mine[2], *strange, mine[0]]
    after = elements.written(bad, [], elements.group(seen)[1], restore=True)
    assert paths(map_of(after, SITE)) == expected


def test_changes_that_come_with_a_restore_stand_where_the_plan_puts_them() -> None:
    good = document()
    map_of(good, SITE)["properties"]["pathRules"].insert(1, theirs("theirs", "/t"))
    seen = elements.observed(good)
    changes = elements.difference(elements.graph(with_path("/new", "shop.r.bbbbbbbbbb")), seen)
    bad = copy.deepcopy(good)
    map_of(bad, SITE)["properties"]["pathRules"].pop(2)
    after = elements.written(bad, changes, elements.group(seen)[1], restore=True)
    assert paths(map_of(after, SITE)) == ["/cart", "/t", "/pay", "/new", "/*"]
