"""What is ours goes into a status and what is not stays, whatever stood there before."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.controller import merging
from cloudgw.routing import resolve, statuses
from cloudgw.sources import manifests

OURS, THEIRS = "cloudgw.dev/gateway-controller", "example.com/other"
NOW = "2026-11-21T12:00:00Z"
GOLDEN = Path(__file__).parents[1] / "golden"


def condition(type: str, status: str = "True", generation: int | None = 3, **more: Any) -> dict[str, Any]:
    found = {"type": type, "status": status, "reason": type, "message": "as it is", **more}
    return found if generation is None else {**found, "observedGeneration": generation}


def old(type: str, status: str = "True", generation: int | None = 3, **more: Any) -> dict[str, Any]:
    return condition(type, status, generation, **{"lastTransitionTime": "2026-01-01T00:00:00Z", **more})


def entry(name: str, *conditions: Any, by: str = OURS, **ref: Any) -> dict[str, Any]:
    to = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name, **ref}
    return {"parentRef": to, "controllerName": by, "conditions": list(conditions)}


def wanted(kind: str, **status: Any) -> statuses.ObjectStatus:
    namespace = "" if kind == "GatewayClass" else "shop"
    return statuses.ObjectStatus(kind=kind, namespace=namespace, name="web", status=status)


def merge(live: Mapping[str, Any], want: statuses.ObjectStatus, **more: Any) -> dict[str, Any] | None:
    before = copy.deepcopy(live)
    found = merging.merged(live, want, controller=OURS, now=NOW, **more)
    assert live == before  # what was read is shared with others
    return found


def changed(live: Mapping[str, Any], want: statuses.ObjectStatus, **more: Any) -> dict[str, Any]:
    found = merge(live, want, **more)
    assert found is not None
    return found


def types(conditions: Any) -> list[str]:
    return [one["type"] for one in conditions]


# Laws, on drawn statuses

STATES = st.sampled_from(["True", "False", "Unknown"])
GENERATIONS = st.integers(0, 4)
FOREIGN = ["Audited", "example.com/Seen", "Ready"]
NAMES = ["a", "b", "c"]
REFS = st.fixed_dictionaries(
    {"group": st.just("gateway.networking.k8s.io"), "kind": st.just("Gateway"), "name": st.sampled_from(NAMES)},
    optional={
        "namespace": st.sampled_from(["shop", "edge"]),
        "sectionName": st.sampled_from(["http", "https"]),
        "port": st.sampled_from([80, 443]),
    },
)


def conditions(kinds: list[str], *, live: bool, least: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "type": st.sampled_from(kinds),
            "status": STATES,
            "reason": st.sampled_from(["Pending", "Invalid"]),
            "message": st.sampled_from(["", "one", "two"]),
            **(
                {"lastTransitionTime": st.sampled_from(["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"])}
                if live
                else {}
            ),
        },
        **({"optional": {"observedGeneration": GENERATIONS}} if live else {}),
    )
    if not live:
        one = st.builds(lambda base, generation: {**base, "observedGeneration": generation}, one, GENERATIONS)
    return st.lists(one, min_size=least, max_size=6, unique_by=lambda item: item["type"])


def stated(own: list[str]) -> tuple[Any, Any]:
    """(conditions that stand there, conditions that are wanted), the latter of one generation, as they always are."""

    def level(found: list[dict[str, Any]], generation: int) -> list[dict[str, Any]]:
        return [{**one, "observedGeneration": generation} for one in found]

    return (
        conditions([*own, *FOREIGN], live=True),
        st.builds(level, conditions(own, live=False, least=1), GENERATIONS),
    )


PARENT_LIVE, PARENT_WANTED = stated(sorted(merging.OWN_CONDITIONS["parents"]))
GATEWAY_LIVE, GATEWAY_WANTED = stated(sorted(merging.OWN_CONDITIONS["Gateway"]) + ["cloudgw.dev/Degraded"])
LISTENER_LIVE, LISTENER_WANTED = stated(sorted(merging.OWN_CONDITIONS["listeners"]))


@st.composite
def routes(draw: st.DrawFn) -> tuple[dict[str, Any], statuses.ObjectStatus]:
    live = draw(
        st.lists(
            st.builds(
                lambda ref, by, said: {"parentRef": ref, "controllerName": by, "conditions": said},
                REFS, st.sampled_from([OURS, THEIRS, "example.com/third"]), PARENT_LIVE,
            ),
            max_size=5,
        )
    )  # fmt: skip
    want = draw(
        st.lists(
            st.builds(
                lambda ref, said: {"parentRef": ref, "controllerName": OURS, "conditions": said}, REFS, PARENT_WANTED
            ),
            max_size=4,
            unique_by=lambda one: json.dumps(one["parentRef"], sort_keys=True),
        )
    )
    return draw(st.sampled_from([{"parents": live}, {"parents": live, "later": {"x": 1}}])), wanted(
        "HTTPRoute", parents=want
    )


@st.composite
def gateways(draw: st.DrawFn) -> tuple[dict[str, Any], statuses.ObjectStatus]:
    def listeners(said: Any) -> Any:
        one = st.builds(
            lambda name, found: {"name": name, "attachedRoutes": 1, "supportedKinds": [], "conditions": found},
            st.sampled_from(NAMES), said,
        )  # fmt: skip
        return st.lists(one, max_size=3, unique_by=lambda item: item["name"])

    addresses = st.lists(
        st.fixed_dictionaries({"type": st.just("Hostname"), "value": st.sampled_from(["x.example", "y.example"])}),
        max_size=3,
    )
    live = {
        "conditions": draw(GATEWAY_LIVE),
        "listeners": draw(listeners(LISTENER_LIVE)),
        "addresses": draw(addresses),
        **draw(st.sampled_from([{}, {"attachedListenerSets": 2}, {"another": [1]}])),
    }
    status = {"conditions": draw(GATEWAY_WANTED), "listeners": draw(listeners(LISTENER_WANTED))}
    status |= draw(st.sampled_from([{}, {"addresses": draw(addresses)}, {"attachedListenerSets": 1}]))
    return live, wanted("Gateway", **status)


WORLDS = st.one_of(routes(), gateways())


def lists(status: Mapping[str, Any], kind: str) -> dict[Any, tuple[list[Any], frozenset[str]]]:
    """Every list of conditions of ours or in a listener: where -> (it, which types are ours there)."""
    own = merging.OWN_CONDITIONS
    found: dict[Any, tuple[list[Any], frozenset[str]]] = {}
    if kind == "Gateway":
        found["top"] = (status.get("conditions", []), own["Gateway"] | {"cloudgw.dev/Degraded"})
    for one in status.get("listeners", []):
        found[("listener", one["name"])] = (one["conditions"], own["listeners"])
    for one in status.get("parents", []):
        if one["controllerName"] == OURS:
            key = ("parent", json.dumps(one["parentRef"], sort_keys=True))
            found.setdefault(key, (one["conditions"], own["parents"]))
    return found


@given(WORLDS)
def test_merging_twice_is_merging_once(world: tuple[dict[str, Any], statuses.ObjectStatus]) -> None:
    live, want = world
    found = merge(live, want)
    assert merge(live if found is None else found, want) is None


@given(WORLDS)
def test_what_is_not_ours_stays_to_the_byte_and_in_order(world: tuple[dict[str, Any], statuses.ObjectStatus]) -> None:
    live, want = world
    found = merge(live, want) or live
    foreign = [json.dumps(one) for one in live.get("parents", []) if one["controllerName"] != OURS]
    assert [json.dumps(one) for one in found.get("parents", []) if one["controllerName"] != OURS] == foreign
    assert {name: found.get(name) for name in ("later", "another")} == {n: live.get(n) for n in ("later", "another")}
    after = lists(found, want.kind)
    for where, (conditions, own) in lists(live, want.kind).items():
        if where in after:
            said = [json.dumps(one) for one in conditions if one["type"] not in own]
            assert [json.dumps(one) for one in after[where][0] if one["type"] not in own] == said


@given(WORLDS)
def test_ours_is_what_is_wanted(world: tuple[dict[str, Any], statuses.ObjectStatus]) -> None:
    """But for conditions that somebody of ours computed for a later generation."""
    live, want = world
    found = merge(live, want) or live
    if want.kind == "HTTPRoute":
        ours = [one["parentRef"] for one in found.get("parents", []) if one["controllerName"] == OURS]
        assert sorted(map(repr, ours)) == sorted(repr(one["parentRef"]) for one in want.status["parents"])
    else:
        assert [one["name"] for one in found["listeners"]] == [one["name"] for one in want.status["listeners"]]
    have = lists(found, want.kind)
    for where, (conditions, own) in lists(want.status, want.kind).items():
        said = {one["type"]: one for one in have[where][0] if one["type"] in own}
        generation = conditions[0]["observedGeneration"]
        for one in conditions:
            mine = said.pop(one["type"])
            newer = mine.get("observedGeneration", 0) > generation
            assert newer or {name: mine[name] for name in one} == one
        assert all(one["observedGeneration"] > generation for one in said.values())


@given(WORLDS)
def test_no_generation_is_lowered_and_time_moves_with_the_status_alone(
    world: tuple[dict[str, Any], statuses.ObjectStatus],
) -> None:
    live, want = world
    found = merge(live, want) or live
    after = lists(found, want.kind)
    for where, (conditions, own) in lists(live, want.kind).items():
        for before in conditions:
            now = {one["type"]: one for one in after[where][0]}.get(before["type"]) if where in after else None
            if now is None or before["type"] not in own:
                continue
            assert now.get("observedGeneration", 0) >= before.get("observedGeneration", 0)
            assert (now["lastTransitionTime"] != before["lastTransitionTime"]) == (now["status"] != before["status"])


@given(gateways())
def test_addresses_are_never_taken_away_unasked(world: tuple[dict[str, Any], statuses.ObjectStatus]) -> None:
    live, want = world
    found = merge(live, want) or live
    if "addresses" in want.status:
        assert all(one in want.status["addresses"] for one in found.get("addresses", []))
        assert len({one["value"] for one in found.get("addresses", [])}) == len(found.get("addresses", []))
    else:
        assert found.get("addresses") == live["addresses"]


# Cases


def test_accepted_and_programmed_come_first_and_foreign_conditions_keep_their_place() -> None:
    live = {"conditions": [old("Audited"), old("ResolvedRefs"), old("example.com/Seen"), old("Programmed")]}
    want = wanted("Gateway", conditions=[condition("ResolvedRefs"), condition("Programmed"), condition("Accepted")])
    found = changed(live, want)["conditions"]
    assert types(found) == ["Audited", "Accepted", "example.com/Seen", "Programmed", "ResolvedRefs"]
    assert (found[0], found[2]) == (live["conditions"][0], live["conditions"][2])


def test_an_order_alone_is_not_written() -> None:
    live = {"conditions": [old("Programmed"), old("Accepted")]}
    assert merge(live, wanted("ListenerSet", conditions=[condition("Accepted"), condition("Programmed")])) is None


def test_what_the_crd_filled_in_is_replaced() -> None:
    live = {"conditions": [old(one, "Unknown", None, reason="Pending") for one in ("Accepted", "Programmed")]}
    found = changed(live, wanted("Gateway", conditions=[condition("Accepted"), condition("Programmed", "Unknown")]))
    assert [one["lastTransitionTime"] for one in found["conditions"]] == [NOW, "2026-01-01T00:00:00Z"]


def test_a_condition_that_no_longer_holds_goes() -> None:
    live = {"conditions": [old("Accepted"), old("InsecureFrontendValidationMode"), old("cloudgw.dev/Degraded")]}
    assert types(changed(live, wanted("Gateway", conditions=[condition("Accepted")]))["conditions"]) == ["Accepted"]


def test_a_condition_of_a_later_generation_stays_though_an_earlier_one_does_not_want_it() -> None:
    live = {"conditions": [old("Accepted"), old("ResolvedRefs", "False", 4), old("cloudgw.dev/Degraded")]}
    found = changed(live, wanted("Gateway", conditions=[condition("Accepted", "False")]))
    assert types(found["conditions"]) == ["Accepted", "ResolvedRefs"]
    assert found["conditions"][1] == live["conditions"][1]


def test_a_status_of_a_later_generation_is_believed_only_if_there_is_one() -> None:
    live = {"conditions": [old("Accepted", "False", 7)]}
    want = wanted("Gateway", conditions=[condition("Accepted", "True", 2)])
    assert merge(live, want, generation=7) is None
    restored = changed(live, want, generation=2)  # from a backup: the object begins anew, its status does not
    assert restored["conditions"][0]["observedGeneration"] == 2


def test_a_listener_that_went_goes_with_all_that_was_said_of_it() -> None:
    said = {"attachedRoutes": 0, "supportedKinds": []}
    live = {
        "listeners": [{"name": "a", **said, "conditions": [old("Audited")]}, {"name": "b", **said, "conditions": []}]
    }
    found = changed(live, wanted("Gateway", conditions=[], listeners=[{"name": "b", **said, "conditions": []}]))
    assert [one["name"] for one in found["listeners"]] == ["b"]


def test_addresses_go_when_told() -> None:
    live = {"addresses": [{"type": "Hostname", "value": "x.example"}]}
    assert merge(live, wanted("Gateway", conditions=[])) is None
    assert changed(live, wanted("Gateway", conditions=[], addresses=[]))["addresses"] == []


def test_a_count_that_is_no_longer_given_goes() -> None:
    assert changed({"attachedListenerSets": 2, "another": 1}, wanted("Gateway", conditions=[])) == {"another": 1}


def test_a_parent_keeps_its_times_when_its_namespace_is_written_out() -> None:
    live = {"parents": [entry("edge", old("Accepted"))]}
    found = changed(live, wanted("HTTPRoute", parents=[entry("edge", condition("Accepted"), namespace="shop")]))
    (one,) = found["parents"]
    assert one["parentRef"]["namespace"] == "shop"
    assert one["conditions"] == [old("Accepted")]


def test_one_gateway_named_with_and_without_its_namespace_is_two_parents() -> None:
    pair = [entry("edge", condition("Accepted"), namespace="shop"), entry("edge", condition("Accepted", "False"))]
    found = changed({}, wanted("HTTPRoute", parents=pair))
    assert [one["parentRef"] for one in found["parents"]] == [one["parentRef"] for one in pair]
    assert merge(found, wanted("HTTPRoute", parents=pair)) is None
    assert [one["conditions"][0]["status"] for one in found["parents"]] == ["True", "False"]
    known = {"parents": [entry("edge", old("Accepted", "False"))]}  # as the second is written: its time is the second's
    found = changed(known, wanted("HTTPRoute", parents=pair))
    assert [one["conditions"][0]["lastTransitionTime"] for one in found["parents"]] == [NOW, "2026-01-01T00:00:00Z"]


def test_an_entry_that_is_kept_stays_where_it_is() -> None:
    live = {"parents": [entry("gone", old("Accepted")), entry("x", by=THEIRS), entry("slow", old("Accepted"))]}
    want = wanted("HTTPRoute", parents=[entry("edge", condition("Accepted"))])
    found = changed(live, want, keep=lambda one: one["parentRef"]["name"] == "slow")["parents"]
    assert [one["parentRef"]["name"] for one in found] == ["edge", "x", "slow"]
    assert found[1:] == live["parents"][1:]


def test_nothing_is_written_where_nothing_is_said_or_wanted() -> None:
    assert merge({}, wanted("HTTPRoute", parents=[])) is None
    assert merge({"parents": [entry("x", by=THEIRS)]}, wanted("HTTPRoute", parents=[])) is None
    assert merge({}, wanted("Gateway", conditions=[], addresses=[], listeners=[])) is None


def test_lists_that_are_full_keep_what_others_say_and_what_is_first_of_ours() -> None:
    others = [old(f"example.com/{number}") for number in range(7)]
    want = wanted("Gateway", conditions=[condition("Programmed"), condition("Accepted")])
    found = changed({"conditions": others}, want)
    assert found["conditions"] == [*others, {**condition("Accepted"), "lastTransitionTime": NOW}]
    assert merging.left_out(found, want, OURS) == ["conditions Programmed"]
    assert merge(found, want) is None

    parents = [entry(f"g{number}", by=THEIRS) for number in range(31)]
    want = wanted("HTTPRoute", parents=[entry(name, condition("Accepted")) for name in ("a", "b")])
    found = changed({"parents": parents}, want)
    assert (len(found["parents"]), found["parents"][:31]) == (32, parents)
    assert merging.left_out(found, want, OURS) == ["parents b", "parents conditions Accepted"]

    addresses = [{"type": "IPAddress", "value": f"192.0.2.{number}"} for number in range(20)]
    found = changed({}, wanted("Gateway", conditions=[], addresses=[*addresses[:1], *addresses]))
    assert found["addresses"] == addresses[:16]


def test_the_features_of_a_class() -> None:
    live = {"conditions": [old("Accepted")], "supportedFeatures": [{"name": "Gateway"}]}
    want = wanted("GatewayClass", conditions=[condition("Accepted")], supportedFeatures=[{"name": "GRPCRoute"}])
    assert changed(live, want)["supportedFeatures"] == [{"name": "GRPCRoute"}]
    assert "supportedFeatures" not in changed(live, wanted("GatewayClass", conditions=[condition("Accepted")]))


def test_what_is_taken_away_is_only_what_is_certainly_ours() -> None:
    live = {"parents": [entry("a", by=THEIRS), entry("b", old("Accepted"))]}
    assert merging.removed(live, "HTTPRoute", controller=OURS) == {"parents": live["parents"][:1]}
    assert merging.removed({"parents": live["parents"][:1]}, "HTTPRoute", controller=OURS) is None
    gateway = {"conditions": [old("Accepted"), old("cloudgw.dev/Degraded")], "addresses": [{"value": "192.0.2.1"}]}
    assert merging.removed(gateway, "Gateway", controller=OURS) == {**gateway, "conditions": [old("Accepted")]}


def test_one_condition_is_put_beside_all_the_rest() -> None:
    listeners = [{"name": "http", "conditions": [old("Accepted")]}]
    said = [old("Accepted", generation=None), old("Audited")]
    live = {"conditions": said, "listeners": listeners, "addresses": [1]}
    degraded = statuses.Condition(type="cloudgw.dev/Degraded", status="True", reason="R", message="why", generation=3)
    found = merging.marked(live, degraded, now=NOW)
    assert found == {**live, "conditions": [*said, {**degraded.json(), "lastTransitionTime": NOW}]}
    assert merging.marked(found, degraded, now="2027-01-01T00:00:00Z") is None
    again = merging.marked(found, dataclasses.replace(degraded, message="more"), now="2027-01-01T00:00:00Z")
    assert again is not None
    assert again["conditions"][2] == {**found["conditions"][2], "message": "more"}
    assert changed(again, wanted("Gateway", conditions=[condition("Accepted")]))["conditions"][1:] == [old("Audited")]
    full = {"conditions": [old(f"example.com/{number}") for number in range(8)]}
    assert merging.marked(full, degraded, now=NOW) is None
    assert merging.marked({}, degraded, now=NOW) is not None


def test_a_status_that_is_wanted_as_the_crd_filled_it_in_is_no_error() -> None:
    live = {"conditions": [old("Accepted", "Unknown", None)]}
    assert merge(live, wanted("Gateway", conditions=[condition("Accepted", "Unknown", None)])) is None


def test_every_condition_that_is_ever_computed_is_known_as_ours() -> None:
    """Else it would stay for ever once it no longer holds."""
    seen: dict[str, set[str]] = {}
    for path in sorted(GOLDEN.glob("*/*/in.yaml")):
        snapshot = manifests.load([str(path)], complete=True).snapshot
        for one in statuses.of(snapshot, resolve.resolve(snapshot)):
            places = [(one.kind, one.status)] if "conditions" in one.status else []
            for name in ("listeners", *merging.ENTRIES):
                places += [(name, item) for item in one.status.get(name, ())]
            for place, status in places:
                seen.setdefault(place, set()).update(types(status["conditions"]))
    assert seen.keys() == merging.OWN_CONDITIONS.keys()
    for place, found in seen.items():
        assert found <= merging.OWN_CONDITIONS[place], place


# Of our own kinds


@pytest.mark.parametrize(
    ("problems", "working", "said"),
    [
        ((), "", {"Ready": "True"}),
        ((), "looking for subnets", {"Ready": "False", "Reconciling": "True"}),
        (("b is wrong", "a is wrong"), "looking", {"Ready": "False", "Stalled": "True"}),
    ],
)
def test_readiness(problems: tuple[str, ...], working: str, said: dict[str, str]) -> None:
    found = merging.readiness("GatewayPlan", "shop", "web", 4, problems, working=working)
    assert {one["type"]: one["status"] for one in found.status["conditions"]} == said
    assert {one["observedGeneration"] for one in found.status["conditions"]} | {found.status["observedGeneration"]} == {
        4
    }
    assert all(one["message"] and one["reason"] for one in found.status["conditions"])
    if problems:
        assert found.status["conditions"][0]["message"] == "a is wrong; b is wrong"


def test_what_was_wrong_with_one_of_our_own_kinds_goes_and_the_rest_of_it_is_ours() -> None:
    before = merging.readiness("GatewayPlan", "shop", "web", 4, ("wrong",))
    live = {**changed({}, before), "phase": "Pending", "plans": [1]}
    live["conditions"].append(old("example.com/Seen"))
    after = merging.readiness("GatewayPlan", "shop", "web", 5)
    found = changed(live, statuses.ObjectStatus(**{**_fields(after), "status": {**after.status, "phase": "Empty"}}))
    assert (found["observedGeneration"], found["phase"], "plans" in found) == (5, "Empty", False)
    assert types(found["conditions"]) == ["Ready", "example.com/Seen"]
    assert merge(found, before, generation=5) is None  # computed for generation 4


def _fields(one: statuses.ObjectStatus) -> dict[str, Any]:
    return {"kind": one.kind, "namespace": one.namespace, "name": one.name}
