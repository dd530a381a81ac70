"""Who is at fault when Google refuses a URL map: the child that the message names, and nobody where it names none."""

from __future__ import annotations

import pytest

from cloudgw.graph import model
from cloudgw_gcp import document_guilt, names
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.shapes_values import Json, forward
from tests.unit.gcp import paths_elements as world

NEW = "new.example.com"


def batch() -> tuple[list[model.Change], Draft]:
    """A new host with two route rules, another new rule, and a changed one; a stranger stands first."""
    before = world.document_of(world.elements())
    before["pathMatchers"].insert(0, {"name": "theirs", "description": "theirs"})
    rules = [world.rule(NEW, i, world.prefix(f"/{i}"), forward(world.service("new"))) for i in ("a", "b")]
    wanted = [e for e in world.elements() if not e.address.endswith("/bad")]
    wanted = [
        model.Element(address=e.address, spec={**e.fields, "timeout": "9s"}) if e.address.endswith("/split") else e
        for e in wanted
    ]
    wanted += [world.matcher(NEW), *rules, world.matcher("empty.example.com")]
    wanted += [world.rule(world.SHOP, "z", world.prefix("/z"), forward(world.service("new")))]
    seen = world.observed(before)
    changes = world.of_port(world.difference(world.graph(wanted), seen))
    assert len(changes) == 7
    return changes, world.draft(before, changes, world.group(seen)[1])


def place(draft: Draft, host: str, identity: str = "") -> str:
    """Field path of a child in the body that is sent."""
    for number, matcher in enumerate(draft.body["pathMatchers"]):
        if f"/{host}@" not in str(matcher.get("description")):
            continue
        rules: list[Json] = matcher.get("routeRules") or []
        inner = [n for n, rule in enumerate(rules) if f"/{identity}@" in str(rule.get("description"))]
        return f"resource.pathMatchers[{number}]" + (f".routeRules[{inner[0]}]" if inner else "")
    raise AssertionError(host)


def guilty(told: str) -> str:
    """The address behind the kind, of whoever is blamed."""
    changes, draft = batch()
    found = document_guilt.guilty(told, changes, draft)
    return model.short(found.split(" ", 1)[1].rpartition("@")[0]) if found else ""


@pytest.mark.parametrize(
    ("host", "identity", "field", "blamed"),
    [
        (NEW, "b", ".matchRules[0].regexMatch", f"route-rule/80/{NEW}/b"),
        (NEW, "a", "", f"route-rule/80/{NEW}/a"),
        (world.SHOP, "z", ".priority", f"route-rule/80/{world.SHOP}/z"),
        (world.SHOP, "split", ".routeAction.timeout", f"route-rule/80/{world.SHOP}/split"),
        (world.SHOP, "cart", ".service", ""),  # it stood before and nothing of it is written
        (NEW, "", ".name", f"path-matcher/80/{NEW}"),
        (NEW, "", ".defaultService", f"path-matcher/80/{NEW}"),
        (NEW, "", "", ""),  # too many route rules, say: the halving finds out which
        (NEW, "", ".routeRules", ""),
        ("empty.example.com", "", "", "path-matcher/80/empty.example.com"),
    ],
)
def test_by_the_field_in_the_body_that_was_sent(host: str, identity: str, field: str, blamed: str) -> None:
    _, draft = batch()
    assert guilty(f"Invalid value for field '{place(draft, host, identity)}{field}': 'x'. Not so.") == blamed


def test_by_the_host_rule_of_the_matcher() -> None:
    _, draft = batch()
    number = next(n for n, rule in enumerate(draft.body["hostRules"]) if rule["hosts"] == [NEW])
    assert guilty(f"Invalid value for field 'resource.hostRules[{number}].hosts[0]': 'x'.") == f"path-matcher/80/{NEW}"


def test_by_name_or_description_where_no_field_is_named() -> None:
    changes, draft = batch()
    rule = next(c for c in changes if c.address.endswith(f"{NEW}/a"))
    text = names.child("route-rule", f"80/{NEW}/a", rule.name)
    assert guilty(f"Rule '{text}' conflicts.") == f"route-rule/80/{NEW}/a"
    (empty,) = [m["name"] for m in draft.body["pathMatchers"] if "empty" in m["name"]]
    assert guilty(f"Path matcher {empty} is not used.") == "path-matcher/80/empty.example.com"


def test_a_matcher_is_not_at_fault_for_its_rules_nor_is_the_one_that_its_json_begins_with() -> None:
    changes, draft = batch()
    rule = next(c for c in changes if c.address.endswith(f"{NEW}/a"))
    text = names.child("route-rule", f"80/{NEW}/a", rule.name)
    assert guilty(f"Invalid value for field '{place(draft, NEW)}': '{{ \"routeRules\": [\"{text}\"'. Too many.") == ""
    (name,) = [m["name"] for m in draft.body["pathMatchers"] if "new-example" in m["name"]]
    assert guilty(f"Path matcher {name} has too many predicates.") == ""


@pytest.mark.parametrize(
    "told",
    [
        "Something is wrong.",
        "Invalid value for field 'resource.pathMatchers[99].name': 'x'.",
        "Invalid value for field 'resource.pathMatchers[0].routeRules[0].priority': 'x'.",
        "Invalid value for field 'resource.hostRules[99].hosts': 'x'.",
    ],
)
def test_nobody_where_nobody_of_ours_is_named(told: str) -> None:
    assert guilty(told) == ""


def test_the_first_that_was_written_by_this_batch_is_blamed() -> None:
    _, draft = batch()
    told = f"field '{place(draft, world.SHOP, 'cart')}.x'; field '{place(draft, NEW, 'b')}.x'"
    assert guilty(told) == f"route-rule/80/{NEW}/b"
