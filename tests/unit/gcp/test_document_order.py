"""Priorities, hosts and names in a URL map: ours move as planned, those of others stay and are never blamed on us."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import names
from cloudgw_gcp.shapes_values import Json, forward
from tests.unit.gcp import paths_elements as world

THEIRS = names.link_of("projects/acme/regions/europe-west1/backendServices/theirs")
IDS = ["cart", "split", "bad", "all"]


def stand() -> Json:
    return world.document_of(world.elements())


def matcher_of(body: Json) -> Json:
    found: list[Json] = [m for m in body["pathMatchers"] if f"/{world.SHOP}@" in str(m.get("description"))]
    assert len(found) == 1
    return found[0]


def said(body: Json) -> list[str]:
    """The route rules of the shop, as they are called."""
    return [
        str(r.get("description") or "theirs").rpartition("/")[2].partition("@")[0]
        for r in matcher_of(body)["routeRules"]
    ]


def priorities(body: Json) -> list[int]:
    return [rule["priority"] for rule in matcher_of(body)["routeRules"]]


def new(identity: str, path: str) -> model.Element:
    return world.rule(world.SHOP, identity, world.prefix(path), forward(world.service("new")))


def ordered(*identities: str) -> list[model.Element]:
    """The world with the shop's route rules in this order, unknown ones new."""
    rules = {
        model.short(e.address).rpartition("/")[2]: e for e in world.elements() if f"rule/80/{world.SHOP}/" in e.address
    }
    rest = [e for e in world.elements() if f"rule/80/{world.SHOP}/" not in e.address]
    return [*rest, *(rules.get(i) or new(i, f"/{i}") for i in identities)]


def changes_to(before: Json, wanted: Sequence[model.Element]) -> tuple[list[model.Change], list[model.Element]]:
    seen = world.observed(before)
    return world.of_port(world.difference(world.graph(wanted), seen)), world.group(seen)[1]


def foreign(priority: int) -> Json:
    return {"priority": priority, "matchRules": [{"prefixMatch": "/t"}], "service": THEIRS}


@pytest.mark.parametrize(
    "order",
    [
        ["cart", "split", "new", "bad", "all"],
        ["new", *IDS],
        [*IDS, "new"],
        ["all", "bad", "split", "cart"],
        ["bad", "new", "cart", "other", "all", "split"],
        ["all"],
    ],
)
def test_route_rules_stand_as_wanted_and_a_second_plan_is_empty(order: list[str]) -> None:
    after = world.shown(world.step(stand(), ordered(*order)))
    assert said(after) == order
    assert priorities(after) == sorted(set(priorities(after)))
    other = world.document_of(world.elements(), "8443")
    assert world.difference(world.graph(ordered(*order)), world.observed(after, other)) == ()


def test_an_insert_moves_nobody() -> None:
    before = stand()
    after = world.step(before, ordered("cart", "new", *IDS[1:]))
    assert [p for n, p in zip(said(after), priorities(after), strict=True) if n != "new"] == priorities(before)


def test_ours_keep_their_side_of_a_stranger() -> None:
    before = stand()
    matcher_of(before)["routeRules"].append(foreign(400_000_150))
    after = world.step(before, ordered("cart", "split", "new", "bad", "all"))
    assert said(after)[:3] == ["cart", "split", "theirs"] or said(after)[:4] == ["cart", "split", "new", "theirs"]
    assert foreign(400_000_150) in matcher_of(after)["routeRules"]
    changes, mine = changes_to(before, ordered("split", "bad", "cart", "all"))
    (reorder,) = [c for c in changes if c.op == "reorder"]
    assert reorder.danger
    assert foreign(400_000_150) in matcher_of(world.draft(before, changes, mine).body)["routeRules"]


def test_matchers_that_nothing_touches_are_not_sorted() -> None:
    before = stand()
    before["pathMatchers"][0]["routeRules"].reverse()
    matcher_of(before)["routeRules"].reverse()
    after = world.step(before, ordered("cart", "new", *IDS[1:]))
    assert after["pathMatchers"][0] == before["pathMatchers"][0]
    assert said(after) == ["cart", "new", "split", "bad", "all"]


def test_a_plan_made_of_other_places_is_stale() -> None:
    before = stand()
    changes, mine = changes_to(before, ordered("cart", "new", *IDS[1:]))
    matcher_of(before)["routeRules"][1]["priority"] += 1
    with pytest.raises(Failed, match="changed since it was planned") as refusal:
        world.draft(before, changes, mine)
    assert (refusal.value.why, refusal.value.key) == ("conflict", changes[0].key)


def test_other_matchers_may_have_moved() -> None:
    before = stand()
    changes, mine = changes_to(before, ordered("cart", "new", *IDS[1:]))
    before["pathMatchers"][0]["routeRules"][0]["priority"] -= 1
    assert "new" in said(world.draft(before, changes, mine).body)


def test_a_priority_taken_since_is_a_conflict() -> None:
    before = stand()
    changes, mine = changes_to(before, ordered("cart", "new", *IDS[1:]))
    (create,) = changes
    assert create.position is not None
    matcher_of(before)["routeRules"].append(foreign(create.position))
    with pytest.raises(Failed, match=str(create.position)) as refusal:
        world.draft(before, changes, mine)
    assert (refusal.value.why, refusal.value.key) == ("conflict", create.key)


def with_host(host: str) -> list[model.Element]:
    return [
        *world.elements(),
        world.matcher(host),
        world.rule(host, "n", world.prefix("/n"), forward(world.service("new"))),
    ]


def test_a_host_of_others_is_refused_to_the_matcher_that_wants_it() -> None:
    before = stand()
    before["pathMatchers"].append({"name": "theirs", "defaultService": THEIRS})
    before["hostRules"].append({"hosts": ["a.example", "b.example"], "pathMatcher": "theirs"})
    changes, mine = changes_to(before, with_host("b.example"))
    with pytest.raises(Failed, match=r"b\.example .* theirs .*not ours") as refusal:
        world.draft(before, changes, mine)
    assert refusal.value.why == "invalid"
    assert "path-matcher/80/b.example" in refusal.value.key


def test_a_host_that_another_of_ours_still_has_is_a_conflict() -> None:
    """Its change waits, or somebody wrote it."""
    before = stand()
    changes, mine = changes_to(before, with_host("b.example"))
    before["hostRules"][0]["hosts"].append("b.example")
    with pytest.raises(Failed, match=r"b\.example") as refusal:
        world.draft(before, changes, mine)
    assert refusal.value.why == "conflict"


def test_hosts_of_others_alone_are_no_concern_of_ours() -> None:
    before = stand()
    before["hostRules"] += [{"hosts": ["a.example"], "pathMatcher": name} for name in ("x", "y")]
    changes, mine = changes_to(before, ordered("cart", "new", *IDS[1:]))
    assert len(world.draft(before, changes, mine).body["hostRules"]) == 4


def test_a_matcher_whose_description_was_taken_away_is_left_alone() -> None:
    before = stand()
    body = copy.deepcopy(before)
    matcher_of(body)["description"] = "mine now"
    seen = world.observed(body)
    changes = world.of_port(world.difference(world.graph(world.elements()), seen))
    with pytest.raises(Failed, match="does not say that it is ours") as refusal:
        world.draft(body, changes, world.group(seen)[1])
    assert refusal.value.why == "conflict"
    assert f"create {world.at('path-matcher', f'80/{world.SHOP}')}" in refusal.value.key
