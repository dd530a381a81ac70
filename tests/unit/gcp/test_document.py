"""A URL map with exactly some changes made: one write for everything, nothing of others touched."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import document, names
from cloudgw_gcp.shapes_values import Json, fail, forward
from tests.unit.gcp import paths_elements as world

THEIRS = names.link_of("projects/acme/regions/europe-west1/backendServices/theirs")


def stand(port: str = "80") -> Json:
    return world.document_of(world.elements(), port)


def matcher_of(body: Json, host: str) -> Json:
    found: list[Json] = [m for m in body["pathMatchers"] if f"/{host}@" in str(m.get("description"))]
    assert len(found) == 1
    return found[0]


def rule_of(body: Json, host: str, identity: str) -> Json:
    found: list[Json] = [
        r for r in matcher_of(body, host)["routeRules"] if f"/{identity}@" in str(r.get("description"))
    ]
    assert len(found) == 1
    return found[0]


def without(*ends: str) -> list[model.Element]:
    return [e for e in world.elements() if not e.address.endswith(ends)]


def replaced(end: str, **fields: Any) -> list[model.Element]:
    """All elements, one with other fields."""
    return [
        dataclasses.replace(e, spec={**e.fields, **fields}) if e.address.endswith(end) else e for e in world.elements()
    ]


def with_strangers(body: Json) -> Json:
    """The same with parts of somebody else everywhere, two among our route rules."""
    found = copy.deepcopy(body)
    rules = [
        {"priority": 5, "matchRules": [{"prefixMatch": "/theirs"}], "service": THEIRS, "futureMember": {"a": [1]}},
        {"priority": 400_000_150, "description": "cloudgw route-rule/80/else/cart@aaaaaaaaaa", "service": THEIRS},
    ]
    matcher = matcher_of(found, world.SHOP)
    matcher["routeRules"].insert(0, rules[0])
    matcher["routeRules"].append(rules[1])
    copied = {**copy.deepcopy(matcher_of(body, world.SHOP)), "name": "copied", "defaultService": THEIRS}
    found["pathMatchers"][0:0] = [{"name": "theirs", "defaultService": THEIRS, "pathRules": [{"paths": ["/a"]}]}]
    found["pathMatchers"].append(copied)
    found["hostRules"][0:0] = [{"hosts": ["theirs.example"], "pathMatcher": "theirs", "description": "keep"}]
    found["hostRules"].append({"hosts": ["copied.example"], "pathMatcher": "copied"})
    found["tests"] = [{"host": "shop.example.com", "path": "/x", "service": THEIRS, "description": ""}]
    return found


def strangers(body: Json) -> list[Any]:
    """Every part that is not ours, in the order in which it stands."""
    found: list[Any] = [m for m in body["pathMatchers"] if m["name"] in ("theirs", "copied")]
    found += [r for r in body["hostRules"] if r["pathMatcher"] in ("theirs", "copied")]
    found += [
        r
        for r in matcher_of({"pathMatchers": body["pathMatchers"][:-1]}, world.SHOP)["routeRules"]
        if r.get("service") == THEIRS
    ]
    return [*found, *body["tests"]]


def test_a_world_is_one_insert_and_reads_back_without_a_difference() -> None:
    documents = [stand("80"), stand("8443")]
    assert world.difference(world.graph(world.elements()), world.observed(*documents)) == ()


def test_nothing_changed_sends_what_was_shown() -> None:
    before = with_strangers(stand())
    _, mine = world.group(world.observed(before))
    body = world.draft(before, [], mine).body
    assert body == world.sent(before)
    assert not {"id", "kind", "selfLink", "status", "region"} & set(body)
    assert body["fingerprint"] == before["fingerprint"]


def test_strangers_stay_as_they_are() -> None:
    before = with_strangers(stand())
    wanted = [*without("/bad"), world.rule(world.SHOP, "new", world.prefix("/new"), forward(world.service("new")))]
    after = world.step(before, wanted)
    assert len(strangers(before)) == 7
    assert strangers(after) == strangers(before)
    priorities = [
        r["priority"] for r in matcher_of({"pathMatchers": after["pathMatchers"][:-1]}, world.SHOP)["routeRules"]
    ]
    assert priorities == sorted(priorities)
    assert len(priorities) == len(set(priorities)) == 6


def test_one_changed_field_changes_one_member() -> None:
    before = stand()
    after = world.step(before, replaced(f"{world.SHOP}/all", timeout="31s"))
    rule_of(after, world.SHOP, "all")["routeAction"]["timeout"]["seconds"] = "30"
    assert after == world.sent(before)


def test_many_changes_are_one_body() -> None:
    before = stand()
    wanted = replaced(f"{world.SHOP}/cart", action=fail(500))
    wanted = [e for e in wanted if not e.address.endswith(("/split", "/*/old"))]
    wanted += [world.matcher("new.example.com")]
    wanted += [world.rule("new.example.com", "n", world.prefix("/n"), forward(world.service("new")))]
    after = world.shown(world.step(before, wanted))
    seen = world.observed(after, stand("8443"))
    assert world.difference(world.graph(wanted), seen) == ()


def test_an_update_repairs_what_others_changed_in_ours() -> None:
    before = stand()
    broken = copy.deepcopy(before)
    broken["headerAction"] = {"requestHeadersToRemove": ["Cookie"]}
    broken["defaultService"] = THEIRS
    matcher_of(broken, world.SHOP)["defaultUrlRedirect"] = {"httpsRedirect": True}
    rule_of(broken, world.SHOP, "cart")["routeAction"] = {"retryPolicy": {"numRetries": 2}}
    rule_of(broken, world.SHOP, "cart")["matchRules"][0]["ignoreCase"] = True
    rule_of(broken, world.SHOP, "bad")["service"] = THEIRS
    broken["hostRules"].append({"hosts": ["more.example"], "pathMatcher": matcher_of(broken, world.SHOP)["name"]})
    broken["hostRules"][1]["description"] = "stays"
    changes = world.of_port(world.difference(world.graph(world.elements()), world.observed(broken)))
    assert sorted((model.short(c.address), c.op, c.fields) for c in changes) == [
        ("path-matcher/80/shop.example.com", "update", ("extra", "hosts")),
        ("route-rule/80/shop.example.com/bad", "update", ("extra",)),
        ("route-rule/80/shop.example.com/cart", "update", ("extra",)),
        ("url-map/80", "update", ("extra", "fallback")),
    ]
    after = world.step(broken, world.elements())
    assert after["hostRules"][1].pop("description") == "stays"
    assert after == world.sent(before)


def test_a_deleted_matcher_takes_its_hosts_and_rules_along() -> None:
    before = stand("8443")
    wanted = [e for e in world.elements() if "*.example.com" not in e.address]
    after = world.step(before, wanted, "8443")
    assert [r["hosts"][0] for r in after["hostRules"]] == ["*"]
    assert [m["name"] for m in after["pathMatchers"]] == [r["pathMatcher"] for r in after["hostRules"]]


def test_a_matcher_with_a_stranger_in_it_is_deleted_only_where_that_was_approved() -> None:
    before = stand()
    wanted = [e for e in world.elements() if f"80/{world.SHOP}" not in e.address]
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(wanted), seen))
    assert [c.op for c in changes] == ["delete"] * 5
    matcher_of(before, world.SHOP)["routeRules"].append({"priority": 9, "service": THEIRS})
    with pytest.raises(Failed, match="routeRules/9") as refusal:
        world.draft(before, changes, world.group(seen)[1])
    assert refusal.value.key == f"delete {next(c for c in changes if 'path-matcher' in c.key).key.split(' ')[1]}"
    approved = world.of_port(world.difference(world.graph(wanted), world.observed(before)))
    assert [m["name"] for m in world.draft(before, approved, ()).body["pathMatchers"]] == ["cgw-80-any-qgfyxrutpk"]


def test_a_rule_that_stands_nowhere_in_the_plan_keeps_its_matcher() -> None:
    """Another writer made it after the listing."""
    before = stand()
    wanted = [e for e in world.elements() if f"80/{world.SHOP}" not in e.address]
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(wanted), seen))
    fresh = names.child("route-rule", f"80/{world.SHOP}/fresh", "aaaaaaaaaa")
    matcher_of(before, world.SHOP)["routeRules"].append({"priority": 9, "description": fresh, "service": THEIRS})
    with pytest.raises(Failed, match="fresh") as refusal:
        world.draft(before, changes, world.group(seen)[1])
    assert refusal.value.why == "conflict"


def test_a_failing_rule_follows_the_fallback_of_its_matcher() -> None:
    before = stand()
    wanted = replaced(f"path-matcher/80/{world.SHOP}", fallback=world.to("backend-service", "shop/new:8080"))
    after = world.step(before, wanted)
    moved = matcher_of(after, world.SHOP)["defaultService"]
    assert moved != matcher_of(before, world.SHOP)["defaultService"]
    assert rule_of(after, world.SHOP, "bad")["service"] == moved
    assert rule_of(after, world.SHOP, "cart") == rule_of(before, world.SHOP, "cart")


@pytest.mark.parametrize("end", ["/cart", f"path-matcher/80/{world.SHOP}"])
def test_an_update_of_what_is_gone_waits(end: str) -> None:
    before = stand()
    other = {"timeout": "9s"} if end == "/cart" else {"hosts": ("other.example",)}
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(replaced(end, **other)), seen))
    if end == "/cart":
        matcher_of(before, world.SHOP)["routeRules"].pop(0)
    else:
        before["pathMatchers"] = [m for m in before["pathMatchers"] if world.SHOP not in m["description"]]
    with pytest.raises(Failed, match="is gone") as refusal:
        world.draft(before, changes, world.group(seen)[1])
    assert (refusal.value.why, refusal.value.key) == ("not_ready", changes[0].key)


def test_a_new_rule_without_its_matcher_waits() -> None:
    before = stand()
    new = world.rule(world.SHOP, "new", world.prefix("/new"), forward(world.service("new")))
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph([*world.elements(), new]), seen))
    before["pathMatchers"] = [m for m in before["pathMatchers"] if world.SHOP not in m["description"]]
    with pytest.raises(Failed, match="is not in the URL map") as refusal:
        world.draft(before, changes, world.group(seen)[1])
    assert (refusal.value.why, refusal.value.key) == ("not_ready", changes[0].key)


def test_doing_it_again_changes_nothing() -> None:
    """An answer was lost: what was to be made is there."""
    before = stand()
    wanted = [
        *without("/bad"),
        world.matcher("new.example.com"),
        world.rule("new.example.com", "n", world.prefix("/n"), forward(world.service("new"))),
    ]
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(wanted), seen))
    once = world.draft(before, changes, world.group(seen)[1]).body
    again = world.draft(world.shown(once), changes, world.group(seen)[1]).body
    assert again == once


@pytest.mark.parametrize("first", [True, False])
def test_a_copied_matcher_is_its_maker_s(first: bool) -> None:
    """Wherever it stands: the name tells which one is ours."""
    before = stand()
    copied = {**copy.deepcopy(matcher_of(before, world.SHOP)), "name": "copied", "defaultService": THEIRS}
    before["pathMatchers"].insert(0 if first else len(before["pathMatchers"]), copied)
    seen = world.observed(before)
    assert world.of_port(world.difference(world.graph(world.elements()), seen)) == []
    assert document.foreign(before) == ("pathMatchers/copied",)
    changes = world.of_port(world.difference(world.graph(without(f"80/{world.SHOP}", "/cart", "/pay")), seen))
    after = document.changed(before, changes, list(seen), id_of=world.id_of).body
    assert copied in after["pathMatchers"]


def test_of_two_rules_that_say_the_same_neither_is_touched() -> None:
    before = stand()
    rules = matcher_of(before, world.SHOP)["routeRules"]
    rules.insert(0, {**copy.deepcopy(rules[0]), "priority": 7, "matchRules": [{"prefixMatch": "/theirs/"}]})
    name, place = matcher_of(before, world.SHOP)["name"], rules[1]["priority"]
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(world.elements()), seen))
    assert [change.op for change in changes] == ["create"]
    assert document.foreign(before) == tuple(
        sorted(f"pathMatchers/{name}/routeRules/{priority}" for priority in (7, place))
    )
    with pytest.raises(Failed, match=f"stands twice in path matcher {name} .* priorities 7 and {place}") as caught:
        document.changed(before, changes, list(seen), id_of=world.id_of)
    assert (caught.value.why, caught.value.key) == ("invalid", changes[0].key)


def test_what_lies_elsewhere_than_it_says_is_a_stranger() -> None:
    before, other = stand(), stand("8443")
    before["pathMatchers"].append({**other["pathMatchers"][0], "name": "moved"})
    rules = matcher_of(before, "*")["routeRules"]
    rules.append({**rule_of(before, world.SHOP, "cart"), "priority": 3})
    assert [len(document.foreign(before)), document.taken(before, world.PEOPLE)] == [
        2,
        {
            f"routes:{world.at('path-matcher', '80/*')}@si3im6qd77": (3,),
            f"map:{world.at('url-map', '80')}@z6butx3z5q": (3,),
        },
    ]


def test_strangers_and_what_they_hold_are_told() -> None:
    found = with_strangers(stand())
    cart = next(path for path, ref in world.PATHS.items() if "cart" in ref.to)
    assert document.foreign(found) == (
        "hostRules/copied.example",
        "hostRules/theirs.example",
        "pathMatchers/cgw-80-shop-example-com-dthrjmt4up/routeRules/400000150",
        "pathMatchers/cgw-80-shop-example-com-dthrjmt4up/routeRules/5",
        "pathMatchers/copied",
        "pathMatchers/theirs",
        "tests/shop.example.com/x",
    )
    assert document.pins(found)[cart] == ("pathMatchers/copied",)
    assert len(document.pins(found)[names.path_of(THEIRS)]) == 5
    seen = world.observed(found)
    assert (
        seen.elements[world.at("path-matcher", f"80/{world.SHOP}")][0].outputs["foreign"]
        == document.foreign(found)[2:4]
    )
