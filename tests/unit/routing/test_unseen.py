"""What cannot be seen takes nothing from what can: ListenerSets of unread namespaces, grants nobody understands."""

from __future__ import annotations

import dataclasses

from cloudgw import objects
from cloudgw.objects import Meta, ObjectRef, Selector, Unknown
from cloudgw.routing import ir, request, resolve, statuses
from tests.unit.routing import world

TEAM = objects.AllowedListeners(namespaces="Selector", selector=Selector(labels=(("team", "x"),), expressions=()))
SEEN = objects.Namespace(meta=Meta(name="seen", labels={"team": "x"}))
UNSEEN = ("Namespace", "", "unseen")


def listener_set(name: str, namespace: str, created: str, *listeners: objects.Listener) -> objects.ListenerSet:
    parent = ObjectRef(group=objects.GATEWAY_GROUP, kind="Gateway", namespace="shop", name="edge")
    return objects.ListenerSet(
        meta=Meta(namespace=namespace, name=name, created=created), parent=parent, listeners=listeners
    )


def resolved(*items: objects.KubernetesObject, own: objects.Listener) -> ir.Routing:
    gateway = dataclasses.replace(world.gateway(own), allowed_listeners=TEAM)
    known = (world.CLASS, world.PARAMETERS, SEEN, gateway, *items)
    return world.resolved(world.snapshot(*known, unreadable=[UNSEEN]))


def test_a_set_that_perhaps_joins_takes_no_place_from_one_that_has_joined() -> None:
    older = listener_set("older", "unseen", "2020-01-01T00:00:00Z", world.listener("l", "a.example.com"))
    younger = listener_set("younger", "seen", "2021-01-01T00:00:00Z", world.listener("l", "a.example.com"))
    parents = (objects.ParentRef(kind="ListenerSet", namespace="seen", name="younger"),)
    route = dataclasses.replace(world.route(namespace="seen"), parents=parents)
    routing = resolved(older, younger, route, own=world.listener("http", "b.example.com"))
    (table,) = routing.tables
    assert {one.id for one in table.listeners} >= {"seen:younger:l"}
    kept = [one for one in table.entries if one.listener == "seen:younger:l"]
    assert kept, "what stands for the route has to stay"
    assert all(isinstance(one.unknown, Unknown) for one in kept)
    verdict = next(one for one in routing.verdicts.listeners if one.id == "seen:younger:l")
    assert (verdict.accepted.status, verdict.accepted.reason, verdict.conflicted) == (None, "Pending", None)
    assert [(one.name, one.accepted.status) for one in routing.verdicts.sets] == [("older", None), ("younger", None)]
    assert routing.verdicts.accepted.status is True


def test_a_set_that_perhaps_joins_loses_to_what_is_known_to_stand() -> None:
    late = listener_set("late", "unseen", "2021-01-01T00:00:00Z", world.listener("l", "b.example.com"))
    routing = resolved(late, own=world.listener("http", "b.example.com"))
    verdict = next(one for one in routing.verdicts.listeners if one.id == "unseen:late:l")
    assert (verdict.accepted.status, verdict.accepted.reason) == (False, "HostnameConflict")


def test_a_set_that_perhaps_joins_takes_no_hosts() -> None:
    late = listener_set("late", "unseen", "2021-01-01T00:00:00Z", world.listener("l", "a.example.com"))
    route = world.route(hostnames=("a.example.com",))
    routing = resolved(late, route, own=world.listener("http", "*.example.com"))
    (table,) = routing.tables
    assert [(one.listener, one.unknown is None) for one in table.entries] == [("unseen:late:l", False), ("http", True)]
    assert request.answer(routing, request.Request(port=80, host="a.example.com")).kind == "unknown"
    # the same where it is known to have joined: its hosts are its own
    there = dataclasses.replace(late, meta=dataclasses.replace(late.meta, namespace="seen"))
    joined = resolved(there, route, own=world.listener("http", "*.example.com"))
    assert [one.listener for one in joined.tables[0].entries] == []


def test_a_set_that_perhaps_joins_takes_no_server_names() -> None:
    def passing(name: str, hostname: str) -> objects.Listener:
        return dataclasses.replace(world.listener(name, hostname, 443, "TLS"), tls_mode="Passthrough")

    late = listener_set("late", "unseen", "2021-01-01T00:00:00Z", passing("l", "a.example.com"))
    route = objects.TLSRoute(
        meta=Meta(namespace="shop", name="r"),
        parents=(objects.ParentRef(namespace="shop", name="edge"),),
        hostnames=("*.example.com",),
        rules=(objects.RouteRule(backends=(world.backend(),)),),
    )
    routing = resolved(late, route, own=passing("tls", "*.example.com"))
    asked = request.Connection(port=443, protocol="TLS", sni="a.example.com")
    assert request.connect(routing, asked).kind == "unknown"


def test_a_grant_with_a_field_that_is_not_known_grants_nothing_new() -> None:
    grant = objects.ReferenceGrant(
        meta=Meta(namespace="other", name="g", unhandled=("/spec/to/0/nmae",)),
        froms=((objects.GATEWAY_GROUP, "HTTPRoute", "shop"),),
        tos=(("", "Service", ""),),
    )
    route = world.route("cart", world.rule(backends=(world.backend(namespace="other"),)))
    things = (world.CLASS, world.PARAMETERS, world.gateway(), route)
    (entry,) = world.resolved(world.snapshot(*things, grant)).tables[0].entries
    assert isinstance(entry.action, Unknown)
    assert "/spec/to/0/nmae" in entry.action.reason
    plain = dataclasses.replace(grant, meta=Meta(namespace="other", name="plain"))
    (entry,) = world.resolved(world.snapshot(*things, grant, plain)).tables[0].entries
    assert not isinstance(entry.action, Unknown)


def test_parameters_of_another_group_are_none() -> None:
    ref = ObjectRef(group="example.com", kind="ExampleParameters", name="cloud")
    strange = dataclasses.replace(world.CLASS, parameters=ref)
    snapshot = world.snapshot(strange, world.PARAMETERS, world.gateway())
    resolution = resolve.resolve(snapshot)
    assert resolution.gateways[0].parameters is None
    said = {one.kind: one.status["conditions"][0] for one in statuses.of(snapshot, resolution)}
    assert said["GatewayClass"]["reason"] == said["Gateway"]["reason"] == "InvalidParameters"
    assert "example.com" in said["GatewayClass"]["message"]


def test_a_message_is_no_longer_than_the_api_server_takes() -> None:
    one = statuses.Condition(type="Accepted", status="False", reason="Invalid", message="x" * 40_000)
    assert len(one.json()["message"]) == 32768
