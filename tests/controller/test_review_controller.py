"""What an adversary found in the controller: each of these deleted, froze, lied or forgot."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from cloudgw.controller import (
    floor,
    leaving,
    lifecycle,
    metrics,
    passes,
    programming,
    sites,
    state,
    store,
    worker,
    workqueue,
)
from cloudgw.graph import model
from cloudgw.objects import CONTROLLER_NAME, Unknown
from cloudgw.plan import model as plans
from cloudgw.provider import Failed, Inventory, Placement, Session
from cloudgw_azure import facts as azure_facts
from cloudgw_azure import inventory as azure_inventory
from cloudgw_azure import names as azure_names
from cloudgw_gcp import facts as gcp_facts
from tests.controller import small

KEY = ("shop", "edge")
OTHER = ("shop", "other")
HERE, THERE = Placement("cloud", "1", "north"), Placement("cloud", "1", "south")


class Clock:
    def now(self) -> float:
        return 1000.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def site(named: Placement = HERE, account: str = "") -> sites.Site:
    provider = SimpleNamespace(
        name="cloud", staleness=10.0, connect=lambda *_: Session(read=None, write=None, account=account)
    )
    return sites.Site(
        named=named,
        provider=provider,
        clock=Clock(),
        hook=SimpleNamespace(),
        owner="dev",
        queue=workqueue.Queue(Clock().now),
    )


# The queue and its threads


def test_a_thousand_failures_in_a_row_have_a_pause() -> None:
    queue = workqueue.Queue[str](lambda: 0.0)
    pauses = [queue.failed("edge") for _ in range(2000)]
    assert pauses[0] <= 1.2
    assert max(pauses) <= 1.2 * workqueue.LONGEST_BACKOFF
    assert pauses[-1] >= 0.8 * workqueue.LONGEST_BACKOFF


def test_who_fails_for_days_does_not_end_the_thread_that_serves_others() -> None:
    served = threading.Event()

    def run(_site: object, gateway: tuple[str, str], _reasons: object) -> None:
        if gateway == KEY:
            raise sites.Unreachable("not now")
        served.set()

    one = worker.Worker(
        passes=SimpleNamespace(run=run),  # type: ignore[arg-type]
        clock=Clock(),
        resync=600.0,
        size=1,
    )
    found = site()
    found.queue._failures[KEY] = 5000
    one.begin(found)
    found.queue.add(KEY, "config")
    found.queue.add(OTHER, "config", 0.0)
    assert served.wait(5.0)
    one.stop()


def test_one_failure_of_many_reasons_is_one() -> None:
    found = site()
    one = worker.Worker(passes=SimpleNamespace(), clock=Clock(), resync=600.0, size=1)  # type: ignore[arg-type]
    one._retry(found, workqueue.Item(key=KEY, reasons=frozenset({"start", "config", "targets"}), waited=0.0))
    assert found.queue._failures[KEY] == 1


def test_a_site_that_is_found_while_the_term_ends_does_nothing() -> None:
    one = worker.Worker(passes=SimpleNamespace(), clock=Clock(), resync=600.0, size=1)  # type: ignore[arg-type]
    one.stop()
    found = site()
    one.begin(found)
    found.queue.add(KEY, "config")
    assert found.queue.take(0.1) is None
    one._threads[-1].join(5.0)
    assert not one._threads[-1].is_alive()


def test_what_is_due_later_does_not_wait() -> None:
    told = []
    queue = workqueue.Queue[str](lambda: 0.0, lambda depth, _: told.append(depth))
    queue.add("later", "again", 300.0)
    queue.add("now", "config")
    assert queue.take(0.0) is not None
    assert told == [0]


def test_a_place_whose_provider_is_gone_does_not_keep_the_wanted_one_waiting(caplog: pytest.LogCaptureFixture) -> None:
    home = site()

    def of(placement: Placement) -> sites.Site:
        if placement == HERE:
            return home
        raise Failed("invalid", "provider 'cloud' is not installed")

    one = worker.Worker(
        passes=SimpleNamespace(sites=SimpleNamespace(of=of)),  # type: ignore[arg-type]
        clock=Clock(),
        resync=600.0,
        size=1,
    )
    stands = state.State(gateway=KEY, placements=(HERE, THERE))
    seen: Any = SimpleNamespace(state=stands, chosen=SimpleNamespace(placement=HERE), owner="shop/edge")
    assert one._sites(seen) == (home,)
    assert "what stands in cloud/1/south stays" in caplog.text
    seen.chosen = None  # it leaves: nothing may count as left while somebody could not be asked
    with pytest.raises(Failed, match="not installed"):
        one._sites(seen)


# Leadership


class Untouched:
    def wait(self, coroutine: Any, timeout: float = 0) -> Any:  # noqa: ARG002
        return coroutine

    def get(self, path: str) -> Any:
        raise AssertionError(path)

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        raise AssertionError((path, body))

    def replace(self, path: str, body: Mapping[str, Any]) -> Any:
        raise AssertionError((path, body))

    def delete(self, path: str) -> Any:
        raise AssertionError(path)


def test_a_term_that_is_over_writes_no_state_over_the_next_leaders() -> None:
    states = state.States(Untouched(), "system", lambda: False)
    with pytest.raises(ConnectionError, match="does not lead"):
        states.put(state.State(gateway=KEY, placements=(HERE,)))
    with pytest.raises(ConnectionError, match="does not lead"):
        states.may_delete(KEY, 5, 0.0)
    assert states.get(KEY).placements == ()


def test_who_does_not_lead_speaks_of_no_gateway() -> None:
    metrics.gateway("review", "edge", programmed=False, waiting=1, drift=0, dangerous=1)
    metrics.queued("cloud/review", 3, oldest=0.0)
    metrics.pending_plans(2)
    metrics.stand_by()
    text = metrics.text().decode()
    assert 'namespace="review"' not in text
    assert "cloud/review" not in text
    assert "cloudgw_pending_plans 0.0" in text


# Sites


def test_a_place_keeps_its_name_while_nobody_is_connected() -> None:
    found = site(Placement("cloud", "", "north"), account="1")
    found.session()
    assert found.placement == HERE
    found.disconnect()
    assert found.placement == HERE
    assert not found.covers(Placement("cloud", "2", "north"))


# Leaving


def passes_of(found: store.Store, told: list[str], *, budget: bool = True) -> Any:
    return SimpleNamespace(
        settings=SimpleNamespace(mode="apply", definitions=tuple, fleet_budget=5, leads=lambda: True),
        store=found,
        states=SimpleNamespace(
            may_delete=lambda *_: budget, get=lambda _: state.State(gateway=KEY), put=lambda _: told.append("put")
        ),
        outlet=SimpleNamespace(
            say=lambda *said: told.append(said[2]),
            waits=lambda _, reason, __: told.append(reason),
            release=lambda _: not told.append("release"),  # type: ignore[func-returns-value]
            forget=lambda _: told.append("forget"),
        ),
        sites=SimpleNamespace(all=list, of=lambda _: site(THERE)),
    )


def seen(fate: str, **more: Any) -> Any:
    defaults = {
        "gateway": KEY,
        "owner": "shop/edge",
        "fate": fate,
        "leaves": fate in ("deleted", "left"),
        "live": store.Live(item=small.gateway(), uid="u1"),
        "state": state.State(gateway=KEY),
        "chosen": None,
    }
    return SimpleNamespace(**{**defaults, **more})


def chosen(policy: str) -> Any:
    return SimpleNamespace(
        placement=THERE, parameters=SimpleNamespace(settings=SimpleNamespace(deletion_policy=policy))
    )


def empty() -> store.Store:
    return store.Store(lambda *_: None)


def test_retain_counts_although_it_was_said_after_the_last_write() -> None:
    told: list[str] = []
    assert leaving.run(passes_of(empty(), told), site(), seen("deleted", chosen=chosen("Retain"))) is None
    assert "LetGo" in told
    assert told.index("release") < told.index("forget")


def test_what_leaves_a_place_does_not_stand_there_any_more() -> None:
    """There and back again: the place that is half deleted must not count as the one to which it moved."""
    found = site()
    found.standing[KEY] = True
    leaving.run(passes_of(empty(), []), found, seen("wanted", chosen=chosen("Delete")))
    assert KEY not in found.standing


def test_a_cloud_that_cannot_be_reached_is_named_on_a_gateway_that_is_being_deleted() -> None:
    told: list[str] = []
    found = site()

    def refuse(*_: object) -> None:
        raise OSError("no route")

    classified = SimpleNamespace(why="unknown", text="no route")
    found.provider = SimpleNamespace(connect=refuse, classify=lambda _: classified)
    with pytest.raises(sites.Unreachable):
        leaving.run(passes_of(empty(), told), found, seen("deleted"))
    assert told == ["CloudNotReached"]


def test_nothing_is_called_empty_before_the_last_write_can_be_seen() -> None:
    told: list[str] = []
    found = site()
    found.memory(KEY).cache.written["group"] = 995.0
    looked: Any = SimpleNamespace(inventory=Inventory(placement=HERE, content={}, began=991.0))
    leaving._empty(passes_of(empty(), told), found, seen("deleted"), looked)
    looked = SimpleNamespace(inventory=Inventory(placement=HERE, content={}, began=1002.0))
    assert leaving._empty(passes_of(empty(), told), found, seen("deleted"), looked) == pytest.approx(3.0)
    assert told == []


# What is remembered


def installed(*kinds: str) -> store.Store:
    found = empty()
    for kind in kinds:
        key = ("", lifecycle.definition_name(kind))
        found.put(lifecycle.DEFINITION, key, store.Live(item=Unknown("metadata only"), uid=f"uid-{kind}"))
    return found


def test_a_kind_that_was_removed_is_not_forgotten_after_a_quiet_pass() -> None:
    """Else the second look takes it for one that nobody ever had, and deletes what its routes made."""
    objects = {"HTTPRoute": {KEY: None}, "Gateway": {KEY: None}}
    snapshot: Any = SimpleNamespace(objects=objects, complete=frozenset(objects))
    before = state.State(gateway=KEY, definitions={"TLSRoute": "uid-TLSRoute", "Gateway": "uid-Gateway"})
    after = lifecycle.remembered(installed("HTTPRoute", "Gateway", "GRPCRoute"), snapshot, before)
    assert after == {"TLSRoute": "uid-TLSRoute", "HTTPRoute": "uid-HTTPRoute", "Gateway": "uid-Gateway"}


@pytest.mark.parametrize(("complete", "left"), [((), {"HTTPRoute": "uid-HTTPRoute"}), (("HTTPRoute",), {})])
def test_a_kind_whose_definition_is_just_being_deleted_is_not_forgotten(
    complete: tuple[str, ...], left: dict[str, str]
) -> None:
    """Its objects are gone before it is: a quiet pass in between must not take it for a kind that nobody uses."""
    snapshot: Any = SimpleNamespace(objects={}, complete=frozenset(complete))
    before = state.State(gateway=KEY, definitions={"HTTPRoute": "uid-HTTPRoute"})
    assert lifecycle.remembered(installed("HTTPRoute"), snapshot, before) == left


def test_a_definition_of_gateways_that_was_made_anew_is_remembered() -> None:
    """A Gateway that came back after a reinstall waited for a word with every change, for ever."""
    snapshot: Any = SimpleNamespace(objects={"Gateway": {KEY: None}}, complete=frozenset())
    before = state.State(gateway=KEY, definitions={"Gateway": "an older one"})
    found = installed("Gateway")
    assert lifecycle.anew(found, before) == ("Gateway",)
    assert lifecycle.remembered(found, snapshot, before) == {"Gateway": "uid-Gateway"}


@pytest.mark.parametrize(("uid", "fate"), [("u1", "left"), ("u0", "strange")])
def test_an_earlier_gateways_load_balancer_does_not_go_with_a_namesake_of_another_controller(
    uid: str, fate: str
) -> None:
    """Let go with its definition, then made anew under a class that is not ours: nobody wished what stands gone."""
    found = empty()
    for kind in ("Gateway", "GatewayClass"):
        found.complete(kind)
    found.put("GatewayClass", ("", "theirs"), store.Live(item=small.gateway_class("theirs", "example.com/other")))
    found.put("Gateway", KEY, store.Live(item=small.gateway(class_name="theirs"), uid="u1"))
    known = state.State(gateway=KEY, uid=uid, placements=(HERE,))
    assert lifecycle.look(found, known, KEY, controller=CONTROLLER_NAME).fate == fate


def keeper(live: store.Live, elements: tuple[model.Element, ...], known: state.State) -> tuple[list[Any], state.State]:
    """What `_keep` does: whether the finalizer was asked for, and the state afterwards."""
    told: list[Any] = []
    kept = {KEY: known}
    one: Any = SimpleNamespace(
        store=empty(),
        states=SimpleNamespace(get=kept.__getitem__, put=lambda new: kept.update({KEY: new})),
        outlet=SimpleNamespace(hold=lambda _: told.append("hold")),
    )
    one._enter = lambda *given: passes.Passes._enter(one, *given)
    looked: Any = SimpleNamespace(part=lambda _: model.graph(elements))
    look = seen("wanted", live=live, state=known, chosen=chosen("Delete"), snapshot=SimpleNamespace(objects={}))
    passes.Passes._keep(one, site(), look, looked)
    return told, kept[KEY]


def element(gateway: str = "") -> model.Element:
    return model.Element(address="shop/edge/cloud/balancer/lb", spec={}, outputs={"gateway": gateway})


LIVE = store.Live(item=small.gateway(), uid="u1")


def test_what_stands_is_held_and_remembered_though_nothing_is_written() -> None:
    """Made by the command line, or its state was lost: deleting the Gateway must not leave it behind."""
    told, after = keeper(LIVE, (element(),), state.State(gateway=KEY))
    assert told == ["hold"]
    assert (after.placements, after.uid) == ((HERE,), "u1")


@pytest.mark.parametrize("elements", [(), (element("u0"),)])
def test_what_does_not_stand_or_was_made_for_another_gateway_is_not_held(elements: tuple[model.Element, ...]) -> None:
    told, after = keeper(LIVE, elements, state.State(gateway=KEY))
    assert (told, after.placements) == ([], ())


def test_another_gateways_that_was_taken_over_once_is_held() -> None:
    told, _ = keeper(LIVE, (element("u0"),), state.State(gateway=KEY, released=frozenset({"u0"})))
    assert told == ["hold"]


# Listings that threads share


class Watched(list[Any]):
    """Tells what others would see while it is read."""

    def __init__(self, items: list[Any], derived: Mapping[str, Any]) -> None:
        super().__init__(items)
        self.derived, self.seen = derived, []  # type: ignore[var-annotated]

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            yield item
            self.seen.append("standing" in self.derived)


def test_nobody_sees_half_of_what_stands() -> None:
    """Else a thread takes a standing gateway for a new one, with another subnet, zone or address."""
    tags = azure_names.tags_of("dev", "shop/edge/azure/gateway/lb", "s1", {})
    found = Inventory(placement=HERE, content={"owner": "dev", "gateways": []})
    watched = Watched([{"tags": tags}, {"tags": tags}], found.derived)
    found.content["gateways"] = watched  # type: ignore[index]
    assert len(azure_facts._standing(found)["shop/edge"]) == 2
    assert not any(watched.seen)

    listed = Inventory(placement=HERE, content={"owner": "dev", "region": "r", "urlMaps": []})
    items = Watched([{"description": ""}, {"description": ""}], listed.derived)
    listed.content["urlMaps"] = items  # type: ignore[index]
    gcp_facts._standing(listed)
    assert not any(items.seen)


def test_a_region_of_azure_does_not_show_another_ones_gateways() -> None:
    """A Gateway that moves stands in both for a while, under one address: leaving the old one must not delete both."""
    tags = azure_names.tags_of("dev", "shop/edge/azure/gateway/lb", "s1", {})
    both = [
        {"id": f"/{region}", "name": region, "location": region, "tags": tags, "properties": {}}
        for region in ("westeurope", "North Europe")
    ]
    read: Any = SimpleNamespace(
        subscription="s", location="northeurope", gateways=lambda: both, public_ips=lambda: both, health=lambda *_: {}
    )
    found = azure_inventory.listing(read, (), "dev", 0.0)
    assert [one["id"] for one in found.content["gateways"]] == ["/North Europe"]
    assert [one["id"] for one in found.content["public_ips"]] == ["/North Europe"]


# Others


def test_an_endpoint_slice_that_nobody_can_read_does_not_hold_its_gateway_up_for_ever() -> None:
    found = empty()
    found.put("EndpointSlice", ("shop", "cart-2"), store.Live(item=Unknown("cannot be read"), version="7"))
    assert not floor.stale(frozenset({("shop", "cart")}), found, lambda _: {"cart-2": "7"})
    assert floor.stale(frozenset({("shop", "cart")}), found, lambda _: {"cart-2": "8"})


@pytest.mark.parametrize(
    ("generation", "status", "controller", "name", "expected"),
    [
        (3, "True", CONTROLLER_NAME, "edge", True),
        (4, "True", CONTROLLER_NAME, "edge", False),
        (3, "False", CONTROLLER_NAME, "edge", False),
        (3, "True", "example.com/other", "edge", False),
        (3, "True", CONTROLLER_NAME, "other", False),
    ],
)
def test_a_route_is_programmed_as_it_was_when_the_cloud_was_seen_last(
    generation: int, status: str, controller: str, name: str, expected: bool
) -> None:
    condition = {"type": "Programmed", "status": status, "observedGeneration": 3}
    parent = {"controllerName": controller, "parentRef": {"name": name}, "conditions": [condition]}
    found = programming.stands({"parents": [parent]}, generation, CONTROLLER_NAME, KEY, "shop")
    assert found is expected


def test_what_needs_a_missing_secret_is_not_pending_while_a_new_process_waits_for_its_first_write() -> None:
    """Else every restart says of its routes that they are not programmed any more, and then that they are."""
    time, unknown = (model.Wait(what=what, message="...") for what in ("time", "unknown"))
    listener = model.Change(op="create", address="shop/edge/cloud/listener/443", waits=(unknown, time))
    rule = model.Change(op="create", address="shop/edge/cloud/rule/1", waits=(time,), needs=(listener.key,))
    other = model.Change(op="create", address="shop/edge/cloud/rule/2", waits=(time,))
    plan = plans.Plan(gateway="shop/edge", placement=HERE, changes=(listener, rule, other))
    assert programming.pending(plan) == [other]


@pytest.mark.parametrize("kind", ["Gateway", "GatewayClass", "HTTPRoute", "BackendTLSPolicy", "ListenerSet"])
def test_every_definition_is_known_by_its_name(kind: str) -> None:
    """With a wrong name nobody sees that it is being deleted, and all its objects count as deleted by a person."""
    plurals = {"GatewayClass": "gatewayclasses", "BackendTLSPolicy": "backendtlspolicies"}
    expected = plurals.get(kind, f"{kind.lower()}s")
    assert lifecycle.definition_name(kind) == f"{expected}.gateway.networking.k8s.io"


def test_gateways_whose_definition_is_being_deleted_are_nobodys_wish() -> None:
    found = empty()
    going = store.Live(item=Unknown("metadata only"), uid="u", deleting=True)
    found.put(lifecycle.DEFINITION, ("", "gateways.gateway.networking.k8s.io"), going)
    assert lifecycle.suspended(found) == {"Gateway"}
