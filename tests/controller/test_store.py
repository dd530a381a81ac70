"""What the store answers, and whom it tells."""

from __future__ import annotations

import dataclasses
import random
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cloudgw.controller import names
from cloudgw.controller.store import Live, Store, live
from cloudgw.objects import (
    GATEWAY_GROUP,
    AllowedListeners,
    BackendRef,
    Gateway,
    GatewayClass,
    HTTPRoute,
    Key,
    KubernetesObject,
    ListenerSet,
    Meta,
    ObjectRef,
    Parameters,
    RouteRule,
    Secret,
    Selector,
    Service,
    Unknown,
    kind_of,
)
from cloudgw.routing import resolve
from tests.controller import drawn
from tests.controller.small import EDGE, endpoints, gateway, gateway_class, route, served
from tests.oracle import generate


class Told:
    """A store, and what it told."""

    def __init__(self) -> None:
        self.marks: list[tuple[Key, str]] = []
        self.classes = 0
        self.store = Store(lambda key, reason: self.marks.append((key, reason)), classes_changed=self._classes)

    def _classes(self) -> None:
        self.classes += 1

    def put(self, *items: KubernetesObject, **more: Any) -> None:
        for item in items:
            self.store.put(kind_of(item), (item.meta.namespace, item.meta.name), Live(item=item, **more))

    def new(self) -> list[tuple[Key, str]]:
        found, self.marks = self.marks, []
        self.classes = 0
        return found


@pytest.fixture
def told() -> Told:
    found = Told()
    for kind in drawn.KINDS:
        found.store.complete(kind)
    found.put(gateway_class(), gateway_class("theirs", "example.com/other"))
    return found


# Whose a Gateway is


def test_the_class_decides_whose_a_gateway_is(told: Told) -> None:
    told.put(gateway(), gateway("foreign", "theirs"), gateway("lost", "missing"))
    found = {name: told.store.class_of(("shop", name)) for name in ("edge", "foreign", "lost", "nowhere")}
    assert found == {"edge": "ours", "foreign": "foreign", "lost": "absent", "nowhere": "unknown"}
    assert told.store.gateways() == [EDGE]


def test_a_class_that_cannot_be_seen_is_not_absent(told: Told) -> None:
    told.put(gateway("lost", "missing"), gateway())
    told.new()
    told.store.incomplete("GatewayClass", "the server does not answer")
    assert told.store.class_of(("shop", "lost")) == "unknown"
    assert told.store.class_of(EDGE) == "ours", "what was seen stays"
    assert [key for key, _ in told.new()] == [EDGE, ("shop", "lost")]
    told.store.complete("GatewayClass")
    assert [key for key, _ in told.new()] == [EDGE, ("shop", "lost")], "the class turns out not to exist"
    told.store.put("GatewayClass", ("", "ours"), Live(item=Unknown("cannot be read")))
    assert told.store.class_of(EDGE) == "unknown"


@pytest.mark.parametrize("class_name", ["theirs", "missing"])
def test_our_finalizer_keeps_a_gateway_in_our_care(told: Told, class_name: str) -> None:
    told.put(gateway(class_name=class_name), finalizers=(names.FINALIZER,))
    assert told.store.gateways() == [EDGE]
    told.put(route("r", "edge"))
    told.put(served("cart"))
    assert [key for key, _ in told.new()] == [EDGE] * 3
    told.store.put("Gateway", EDGE, Live(item=Unknown("cannot be read"), finalizers=(names.FINALIZER,)))
    assert told.store.gateways() == [EDGE]
    assert told.new() == [(EDGE, "config")]
    told.put(gateway(class_name=class_name))
    assert told.new() == [(EDGE, "config")], "whoever took it away is answered"
    assert told.store.gateways() == []
    told.put(route("r", "edge", service="pay"))
    assert told.new() == []


def test_a_gateway_that_changes_hands_is_looked_at_a_last_time(told: Told) -> None:
    told.put(gateway())
    told.new()
    told.put(gateway(class_name="theirs"))
    assert told.new() == [(EDGE, "config")]
    told.put(route("r", "edge"))
    assert told.new() == []
    told.put(gateway_class("theirs"))
    assert told.new() == [(EDGE, "config")], "the class has come to us"
    told.store.drop("GatewayClass", ("", "theirs"))
    assert told.new() == [(EDGE, "config")]


# What marks


def test_endpoints_mark_only_who_reaches_them(told: Told) -> None:
    told.put(gateway(), gateway("inner"), served("cart"), served("pay"))
    told.put(
        route("one", "edge"), route("two", "inner", service="pay"), route("three", "edge", "inner", service="both")
    )
    told.new()
    told.put(endpoints("cart", "10.0.0.1"))
    assert told.new() == [(EDGE, "targets")]
    told.put(endpoints("cart", "10.0.0.1", generation=2))
    assert told.new() == [], "nothing that anybody reads has changed"
    told.put(endpoints("cart", "10.0.0.2", generation=2))
    assert told.new() == [(EDGE, "targets")]
    told.put(endpoints("both", "10.0.0.3"))
    assert told.new() == [(EDGE, "targets"), (("shop", "inner"), "targets")]
    told.put(endpoints("nobody", "10.0.0.4"))
    assert told.new() == []
    told.put(dataclasses.replace(endpoints("cart", "10.0.0.2"), service="pay"))
    assert told.new() == [(EDGE, "targets"), (("shop", "inner"), "targets")], "whose it was, and whose it is"
    told.store.drop("EndpointSlice", ("shop", "cart-1"))
    assert told.new() == [(("shop", "inner"), "targets")]


def test_a_route_marks_its_old_and_new_parents(told: Told) -> None:
    told.put(*(gateway(name) for name in ("edge", "inner", "other")))
    told.new()
    told.put(route("one", "edge"))
    assert told.new() == [(EDGE, "config")]
    told.put(route("one", "inner"))
    assert told.new() == [(EDGE, "config"), (("shop", "inner"), "config")]
    told.put(route("one", "inner"))
    assert told.new() == []
    told.store.drop("HTTPRoute", ("shop", "one"))
    told.store.drop("HTTPRoute", ("shop", "one"))
    assert told.new() == [(("shop", "inner"), "config")]


def test_only_what_is_read_marks(told: Told) -> None:
    told.put(gateway())
    told.new()
    told.put(gateway(), version="2", status={"conditions": []})
    told.put(gateway(), finalizers=(names.FINALIZER,))
    assert told.new() == [], "a status, and that our finalizer came, are our own doing"
    held: dict[str, Any] = {"finalizers": (names.FINALIZER,)}
    told.put(gateway(), annotations={names.APPROVED: "0123456789abcdef"}, **held)
    assert told.new() == [(EDGE, "config")], "an approval"
    told.put(gateway(), deleting=True, annotations={names.APPROVED: "0123456789abcdef"}, **held)
    assert told.new() == [(EDGE, "config")], "a deletion"
    assert told.store.get("Gateway", EDGE) == Live(
        item=gateway(), deleting=True, annotations={names.APPROVED: "0123456789abcdef"}, **held
    )


def test_a_plan_marks_the_gateway_of_its_name(told: Told) -> None:
    told.put(gateway(), gateway("inner"))
    told.new()
    plan = Parameters(meta=Meta(namespace="shop", name="edge"), kind=names.PLAN, spec={"approvedDigests": ["0"]})
    told.put(plan)
    assert told.new() == [(EDGE, "config")]
    told.put(plan, version="2", status={"phase": "Approved"})
    assert told.new() == []
    told.store.drop(names.PLAN, EDGE)
    assert told.new() == [(EDGE, "config")]
    told.put(dataclasses.replace(plan, kind=names.STATE), dataclasses.replace(plan, kind="SomethingNew"))
    assert told.new() == []
    assert set(told.store.selection(EDGE).objects) == {"Gateway", "GatewayClass", "CustomResourceDefinition"}


def test_marks_are_made_when_the_change_can_be_seen_and_the_lock_is_free() -> None:
    seen: list[tuple[bool, bool]] = []

    def dirty(*_: object) -> None:
        free: list[bool] = []
        other = threading.Thread(target=lambda: free.append(store.get("HTTPRoute", ("shop", "one")) is not None))
        other.start()
        other.join(5)
        seen.append((bool(free), bool(free and free[0])))

    store = Store(dirty)
    for kind in drawn.KINDS:
        store.complete(kind)
    for item in (gateway_class(), gateway(), route("one", "edge")):
        store.put(kind_of(item), (item.meta.namespace, item.meta.name), Live(item=item))
    assert seen == [(True, False), (True, True)]


def test_completeness_marks_once(told: Told) -> None:
    told.put(gateway())
    told.new()
    assert told.store.reason("Service") == ""
    told.store.incomplete("Service", "the server does not answer")
    assert told.new() == [(EDGE, "config")]
    assert (told.store.is_complete("Service"), told.store.reason("Service")) == (False, "the server does not answer")
    told.store.incomplete("Service", "still not")
    assert told.new() == []
    assert told.store.reason("Service") == "still not"
    told.store.complete("Service")
    told.store.complete("Service")
    assert told.new() == [(EDGE, "config")]
    told.store.incomplete("Secret", "")
    assert told.store.reason("Secret") != ""
    assert Told().store.reason("Service") != "", "nobody has listed anything yet"


def test_classes_are_told_of(told: Told) -> None:
    ref = ObjectRef(group="cloudgw.dev", kind="ExampleGatewayClassParameters", name="cloud")
    parameters = Parameters(meta=Meta(name="cloud"), kind=ref.kind, spec={})
    for item in (gateway_class(parameters=ref), parameters, gateway()):
        told.new()
        told.put(item)
        assert told.classes == 1, item
        told.put(item)
        assert told.classes == 1, item
    told.put(served("cart"), route("one", "edge"))
    assert told.classes == 1
    found = told.store.classes()
    assert [one.meta.name for one in found.all(GatewayClass)] == ["ours", "theirs"]
    assert found.objects[ref.kind] == {("", "cloud"): parameters}
    assert [one.meta.name for one in found.all(Gateway)] == ["edge"]
    assert list(found.all(Service)) == []
    assert not found.is_complete("Gateway")


# What is known


def test_what_vanishes_unseen_is_not_absent(told: Told) -> None:
    told.put(gateway(), route("one", "edge"), served("cart"), endpoints("cart", "10.0.0.1"))
    assert told.store.keys("Service") == [("shop", "cart")]
    told.store.incomplete("Service", "the server does not answer")
    assert isinstance(told.store.selection(EDGE).get(Service, "shop", "cart"), Service)
    told.store.drop("Service", ("shop", "cart"))
    assert isinstance(told.store.selection(EDGE).get(Service, "shop", "cart"), Unknown)
    told.store.complete("Service")
    assert told.store.selection(EDGE).get(Service, "shop", "cart") is None


def test_only_the_gateway_asked_for_is_known_to_be_gone(told: Told) -> None:
    told.put(gateway(), gateway("inner"))
    told.store.drop("Gateway", EDGE)
    found = told.store.selection(EDGE)
    assert resolve.resolve(found).gone == (EDGE,)
    assert isinstance(found.get(Gateway, "shop", "inner"), Unknown)
    assert resolve.resolve(told.store.selection(EDGE, doubted=("Gateway",))).gone == ()
    told.store.incomplete("Gateway", "the server does not answer")
    assert resolve.resolve(told.store.selection(EDGE)).gone == ()


def test_a_kind_in_doubt_is_not_complete(told: Told) -> None:
    told.put(gateway(), route("one", "edge"), route("left", "inner"), served("cart"))
    (routing,) = resolve.resolve(told.store.selection(EDGE, doubted=("HTTPRoute",))).gateways
    assert not routing.complete
    assert routing.known == (("shop", "left"), ("shop", "one"))
    assert told.store.selection(EDGE).is_complete("HTTPRoute")


def test_of_namespaces_that_are_not_watched_nothing_is_known() -> None:
    """Neither that a Gateway there is gone, nor that no grant leads there."""
    store = Store(lambda *_: None, namespaces=("shop",))
    for kind in drawn.KINDS:
        store.complete(kind)
    abroad = ObjectRef(kind="Service", namespace="money", name="cart")
    one = dataclasses.replace(route("one", "edge"), rules=(RouteRule(backends=(BackendRef(ref=abroad, port=80),)),))
    for item in (gateway_class(), gateway(), one):
        store.put(kind_of(item), (item.meta.namespace, item.meta.name), Live(item=item))
    (routing,) = resolve.resolve(store.selection(EDGE)).gateways
    (entry,) = routing.tables[0].entries
    assert isinstance(entry.action, Unknown)
    assert "namespace money is not watched" in entry.action.reason
    assert isinstance(store.selection(("money", "edge")).get(Gateway, "money", "edge"), Unknown)
    assert store.selection(("shop", "nowhere")).get(Gateway, "shop", "nowhere") is None


def test_a_route_that_left_is_known_where_not_everything_is(told: Told) -> None:
    """So that its rules may go, although an unreadable route keeps whatever else may be its own."""
    told.put(gateway(), gateway("inner"), route("stays", "edge"), route("left", "inner"), served("cart"))
    told.store.put("HTTPRoute", ("shop", "odd"), Live(item=Unknown("cannot be read")))
    (routing,) = resolve.resolve(told.store.selection(EDGE)).gateways
    assert not routing.complete
    assert routing.known == (("shop", "left"), ("shop", "stays"))
    assert ("HTTPRoute", "shop", "odd") not in told.store.selection(EDGE).absent
    told.put(route("new", "inner"))
    (routing,) = resolve.resolve(told.store.selection(EDGE)).gateways
    assert ("shop", "new") in routing.known
    assert list(told.store.selection(EDGE).all(HTTPRoute)) == [route("stays", "edge")]


def test_also_where_only_the_joining_of_listeners_is_not_known(told: Told) -> None:
    allowed = AllowedListeners(namespaces="Selector", selector=Selector(labels=(("team", "a"),)))
    told.put(gateway(allowed_listeners=allowed), route("one", "inner"))
    parent = ObjectRef(group=GATEWAY_GROUP, kind="Gateway", namespace="shop", name="edge")
    told.put(ListenerSet(meta=Meta(namespace="a", name="more"), parent=parent, listeners=gateway().listeners))
    told.store.put("Namespace", ("", "a"), Live(item=Unknown("cannot be read")))
    (routing,) = resolve.resolve(told.store.selection(EDGE)).gateways
    assert not routing.complete
    assert routing.known == (("shop", "one"),)


# One object of the API server


def test_an_object_of_the_api_server() -> None:
    data = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "namespace": "shop",
            "name": "edge",
            "uid": "u-1",
            "resourceVersion": "7",
            "generation": 3,
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": [names.FINALIZER],
            "annotations": {names.APPROVED: "0", "example.com/note": "n"},
        },
        "spec": {"gatewayClassName": "ours", "listeners": [{"name": "web", "port": 80, "protocol": "HTTP"}]},
        "status": {"conditions": []},
    }
    key, found = live("Gateway", data)
    assert key == EDGE
    assert isinstance(found.item, Gateway)
    assert dataclasses.replace(found, item=Unknown("")) == Live(
        item=Unknown(""),
        uid="u-1",
        version="7",
        generation=3,
        deleting=True,
        finalizers=(names.FINALIZER,),
        annotations={names.APPROVED: "0"},
        status={"conditions": []},
    )


def test_a_field_that_cannot_be_read_makes_the_object_unknown() -> None:
    data = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "a", "name": "b", "uid": "u"}, "spec": 1}
    key, found = live("Service", data)
    assert (key, found.uid, found.status) == (("a", "b"), "u", {})
    assert isinstance(found.item, Unknown)
    assert "/spec" in found.item.reason


def test_a_secret_brings_its_bytes_and_shows_none() -> None:
    _, found = live("Secret", generate.secret("a", "cert"))
    assert isinstance(found.item, Secret)
    assert found.material is not None
    assert found.material.fingerprint == found.item.fingerprint
    assert "PRIVATE KEY" not in repr(found)


def test_kinds_of_our_own_keep_their_spec_and_status() -> None:
    data = {
        "apiVersion": "cloudgw.dev/v1alpha1",
        "kind": names.PLAN,
        "metadata": {"namespace": "shop", "name": "edge"},
        "spec": {"approvedDigests": ["0"]},
        "status": {"phase": "Waiting"},
    }
    key, found = live(names.PLAN, data)
    assert isinstance(found.item, Parameters)
    assert (key, found.item.spec, found.status) == (EDGE, {"approvedDigests": ["0"]}, {"phase": "Waiting"})


# Nothing is left, nothing is torn


def test_what_is_gone_leaves_nothing_behind() -> None:
    store, dice = Store(lambda *_: None), random.Random(1)
    for seed in (1, 2, 3):
        world = drawn.world(seed)
        world.fill(store, dice)
        assert store._web.size > 20
        for at in world.lives:
            store.drop(*at)
        assert store._web.size == 0
        assert store.classes().objects == {"CustomResourceDefinition": {}}


def test_many_threads() -> None:
    """Selections stay of one moment while everything changes: a route and its Service come and go together."""
    store = Store(lambda *_: None)
    for kind in drawn.KINDS:
        store.complete(kind)
    items: list[KubernetesObject] = [
        gateway_class(),
        gateway(),
        *(route(f"r{n}", "edge", service=f"s{n}") for n in range(50)),
    ]
    for item in items:
        store.put(kind_of(item), (item.meta.namespace, item.meta.name), Live(item=item))
    stop, failures = threading.Event(), list[BaseException]()

    def writing(first: int) -> None:
        for number in list(range(first, 50, 2)) * 10:
            one = route(f"r{number}", "edge", service=f"s{number}")
            store.put("Service", ("shop", f"s{number}"), Live(item=served(f"s{number}")))
            store.put("HTTPRoute", ("shop", f"r{number}"), Live(item=one))
            store.drop("HTTPRoute", ("shop", f"r{number}"))
            store.drop("Service", ("shop", f"s{number}"))
            store.put("HTTPRoute", ("shop", f"r{number}"), Live(item=one))

    def reading() -> None:
        while not stop.is_set():
            found = store.selection(EDGE)
            resolve.resolve(found, only={EDGE})
            store.gateways(), store.classes(), store.keys("Service")
            held = {f"s{one.meta.name[1:]}" for one in found.all(HTTPRoute)}
            if not {one.meta.name for one in found.all(Service)} <= held:
                raise AssertionError("a Service of no route")

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        readers = [threading.Thread(target=guarded, args=(reading,)) for _ in range(2)]
        writers = [threading.Thread(target=guarded, args=(lambda n=n: writing(n),)) for n in range(2)]
        for one in (*readers, *writers):
            one.start()
        for one in writers:
            one.join(60)
        stop.set()
        for one in readers:
            one.join(60)
    finally:
        sys.setswitchinterval(was)
    assert failures == []
    assert len(list(store.selection(EDGE).all(HTTPRoute))) == 50
