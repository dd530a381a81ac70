"""Properties of routing: the order of the input is nothing, precedence is total, and every answer is the one that the
Gateway API gives (tests/property/routing_oracle.py), also when any route joins."""

from __future__ import annotations

import dataclasses
import itertools
import random
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudgw import objects
from cloudgw.objects import KubernetesObject, Meta, ObjectRef, Snapshot, Unknown
from cloudgw.routing import ir, precedence, request, resolve
from cloudgw.routing.request import Request
from tests.property import routing_oracle as oracle

World: TypeAlias = tuple[objects.Gateway, *tuple[objects.HTTPRoute, ...]]
HOSTS = ["a.io", "x.a.io", "y.a.io", "x.y.a.io", "b.io"]
PATHS = ["/", "/", "/a", "/a/", "/a/b"]
CLASS = objects.GatewayClass(meta=Meta(name="cloud"), controller=objects.CONTROLLER_NAME)
WORLD: tuple[KubernetesObject, ...] = (
    CLASS,
    *(
        objects.Service(meta=Meta(namespace=namespace, name=name), ports=(objects.ServicePort(port=80),))
        for namespace, name in (("shop", "one"), ("shop", "two"), ("other", "one"), ("money", "one"))
    ),
    objects.ReferenceGrant(
        meta=Meta(namespace="other", name="grant"),
        froms=((objects.GATEWAY_GROUP, "HTTPRoute", "shop"),),
        tos=(("", "Service", ""),),
    ),
)

hostname = st.sampled_from(["", "*.a.io", "*.y.a.io", "x.a.io", "y.a.io", "b.io", "*.io"])
values = st.lists(
    st.builds(objects.ValueMatch, name=st.sampled_from(["v", "V", "w"]), value=st.sampled_from(["1", "2"])), max_size=2
).map(tuple)
matches = st.builds(
    objects.RouteMatch,
    path=st.builds(
        objects.PathMatch, type=st.sampled_from(["Exact", "PathPrefix", "PathPrefix"]), value=st.sampled_from(PATHS)
    ),
    headers=values,
    query=values,
    method=st.sampled_from(["", "", "GET", "POST"]),
)
often = st.sampled_from(  # few enough that routes meet
    [
        objects.RouteMatch(),
        objects.RouteMatch(method="GET"),
        objects.RouteMatch(headers=(objects.ValueMatch(name="v", value="1"),)),
        objects.RouteMatch(query=(objects.ValueMatch(name="v", value="1"),)),
    ]
)
modifiers = st.none() | st.builds(
    objects.PathModifier,
    type=st.sampled_from(["ReplaceFullPath", "ReplacePrefixMatch"]),
    value=st.sampled_from(["/", "/z", "/z/y"]),
)
filters: st.SearchStrategy[objects.Filter] = st.one_of(
    st.builds(
        objects.RequestRedirect,
        scheme=st.sampled_from(["", "http", "https"]),
        hostname=st.sampled_from(["", "to.io"]),
        path=modifiers,
        port=st.sampled_from([0, 0, 80, 443, 8443]),
        status=st.sampled_from([301, 302]),
    ),
    st.builds(objects.URLRewrite, hostname=st.sampled_from(["", "in.io"]), path=modifiers),
    st.just(objects.OtherFilter(type="RequestMirror")),
)
backends = st.builds(
    objects.BackendRef,
    ref=st.builds(
        ObjectRef,
        kind=st.just("Service"),
        namespace=st.sampled_from(["shop", "shop", "other", "money"]),
        name=st.sampled_from(["one", "one", "two", "gone"]),
    ),
    port=st.sampled_from([80, 80, 80, 81]),
    weight=st.integers(0, 2),
)
rules = st.builds(
    objects.RouteRule,
    matches=st.lists(often | matches, min_size=1, max_size=2).map(tuple),
    filters=st.just(()) | st.lists(filters, max_size=2).map(tuple),
    backends=st.lists(backends, min_size=1, max_size=2).map(tuple) | st.just(()),
)
parents = st.builds(
    objects.ParentRef,
    namespace=st.just("shop"),
    name=st.sampled_from(["edge"] * 5 + ["elsewhere"]),
    section=st.sampled_from(["", "", "", "l0", "l1"]),
    port=st.sampled_from([0, 0, 0, 80]),
)


def routes(name: str) -> st.SearchStrategy[objects.HTTPRoute]:
    return st.builds(
        objects.HTTPRoute,
        meta=st.builds(
            Meta,
            namespace=st.sampled_from(["shop", "shop", "other"]),
            name=st.just(name),
            created=st.sampled_from(["", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
        ),
        parents=st.lists(parents, min_size=1, max_size=2).map(tuple),
        hostnames=st.just(()) | st.just(("x.a.io",)) | st.lists(hostname.filter(bool), max_size=2).map(tuple),
        rules=st.lists(rules, min_size=1, max_size=2).map(tuple),
    )


listeners = st.lists(
    st.builds(
        objects.Listener,
        name=st.just(""),
        hostname=hostname,
        port=st.sampled_from([80, 80, 80, 8080]),
        protocol=st.just("HTTP"),
        allowed=st.builds(objects.AllowedRoutes, namespaces=st.sampled_from(["All", "All", "Same"])),
    ),
    min_size=1,
    max_size=4,
).map(lambda found: tuple(dataclasses.replace(one, name=f"l{number}") for number, one in enumerate(found)))
gateways = st.builds(
    objects.Gateway, meta=st.just(Meta(namespace="shop", name="edge")), class_name=st.just("cloud"), listeners=listeners
)
worlds: st.SearchStrategy[World] = st.tuples(
    gateways, st.tuples(*(routes(f"r{number}") for number in range(3))), st.integers(1, 3)
).map(lambda drawn: (drawn[0], *drawn[1][: drawn[2]]))
pairs = st.lists(st.tuples(st.sampled_from(["v", "V", "w"]), st.sampled_from(["1", "2"])), max_size=2).map(tuple)
anything = st.builds(
    Request,
    port=st.sampled_from([80, 80, 80, 8080]),
    method=st.sampled_from(["GET", "POST"]),
    host=st.sampled_from(HOSTS),
    path=st.sampled_from([*PATHS, "/c"]),
    headers=pairs,
    query=pairs,
)


@st.composite
def aimed(draw: st.DrawFn, items: World) -> Request:
    """A request that meets a match of one of the routes, or just misses it."""
    asked = draw(anything)
    gateway, *others = items
    found = [(route, match) for route in others for rule in route.rules for match in rule.matches]
    if not found:
        return asked
    route, match = draw(st.sampled_from(found))
    listener = draw(st.sampled_from(gateway.listeners))
    host = draw(st.sampled_from([*route.hostnames, listener.hostname])) or "b.io"
    path = match.path.value + draw(st.sampled_from(["", "", "/", "/c", "c"])) if match.path.value != "/" else asked.path
    return Request(
        port=listener.port,
        method=match.method or asked.method,
        host=host.replace("*", draw(st.sampled_from(["x", "y", "x.y"]))) + draw(st.sampled_from(["", ":80"])),
        path=path.replace("//", "/"),
        headers=tuple((one.name.swapcase(), one.value) for one in match.headers[:1]) or asked.headers[:1],
        query=tuple((one.name, one.value) for one in match.query) + asked.query[:1],
    )


@st.composite
def scenes(draw: st.DrawFn) -> tuple[World, list[Request]]:
    items = draw(worlds)
    return items, draw(st.lists(aimed(items), min_size=5, max_size=10))


quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def snapshot_of(items: tuple[KubernetesObject, ...]) -> Snapshot:
    found: dict[str, dict[objects.Key, KubernetesObject | Unknown]] = {}
    for item in (*WORLD, *items):
        found.setdefault(objects.kind_of(item), {})[item.meta.namespace, item.meta.name] = item
    return Snapshot(objects=found, complete=frozenset({"*"}))


def routing_of(snapshot: Snapshot) -> ir.Routing:
    return next(one for one in resolve.resolve(snapshot).gateways if one.owner == "shop/edge")


def answered(routing: ir.Routing, asked: Request) -> oracle.Expected:
    """An answer in the oracle's words."""
    answer = request.answer(routing, asked)
    if answer.kind == "forward":
        shares: dict[str, int] = {}
        for to, weight in answer.backends:
            shares[str(to)] = shares.get(str(to), 0) + weight
        return ("forward", tuple(sorted(shares.items())), answer.host, answer.path)
    if answer.kind == "redirect":
        return ("redirect", answer.status, answer.location)
    return ("status", answer.status or 404)


def answering(routing: ir.Routing, asked: Request) -> tuple[str, str]:
    """(route, JSON pointer of the rule) that answers, ("", "") for nobody or a barrier."""
    key = request.answer(routing, asked).entry
    found = [entry.origin for table in routing.tables for entry in table.entries if entry.key == key]
    return (found[0].name, found[0].path) if found and found[0].kind == "HTTPRoute" else ("", "")


def expected(snapshot: Snapshot, gateway: objects.Gateway, asked: Request) -> tuple[str, str]:
    won = oracle.winner(snapshot, gateway, asked)
    if won is None:
        return "", ""
    return won.route.meta.name, f"/spec/rules/{[one is won.rule for one in won.route.rules].index(True)}"


@quick
@given(scenes())
def test_answers_are_those_of_the_specification(scene: tuple[World, list[Request]]) -> None:
    items, asked = scene
    snapshot = snapshot_of(items)
    routing = routing_of(snapshot)
    for one in asked:
        assert answering(routing, one) == expected(snapshot, items[0], one), one
        assert answered(routing, one) == oracle.answer(snapshot, items[0], one), one


@quick
@given(scenes(), routes("joins"))
def test_a_route_that_joins_changes_only_its_own_requests(
    scene: tuple[World, list[Request]], joins: objects.HTTPRoute
) -> None:
    items, asked = scene
    before, after = snapshot_of(items), snapshot_of((*items, joins))
    was, is_ = routing_of(before), routing_of(after)
    for one in asked:
        if answered(was, one) != answered(is_, one):
            won = oracle.winner(after, items[0], one)
            assert won is not None
            assert won.route == joins


@quick
@given(worlds, routes("joins"))
def test_a_route_that_joins_leaves_the_keys_of_the_others(items: World, joins: objects.HTTPRoute) -> None:
    """A neighbour takes an entry away only by shadowing it; it never renames one, and adds at most barriers."""
    was = {entry.key: entry for table in routing_of(snapshot_of(items)).tables for entry in table.entries}
    is_ = {entry.key: entry for table in routing_of(snapshot_of((*items, joins))).tables for entry in table.entries}
    for key in set(was) & set(is_):
        assert was[key] == dataclasses.replace(is_[key], behind=was[key].behind)
    for key in set(is_) - set(was):
        assert "/joins/" in key or "/-/-/isolation/" in key


@quick
@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_the_input_is_nothing(items: World, dice: random.Random) -> None:
    snapshot = snapshot_of(items)
    shuffled: dict[str, dict[objects.Key, KubernetesObject | Unknown]] = {}
    kinds = list(snapshot.objects)
    dice.shuffle(kinds)
    for kind in kinds:
        keys = list(snapshot.objects[kind])
        dice.shuffle(keys)
        shuffled[kind] = {key: snapshot.objects[kind][key] for key in keys}
    again = dataclasses.replace(snapshot, objects=shuffled)
    assert repr(resolve.resolve(again)) == repr(resolve.resolve(snapshot))


@quick
@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_listeners_and_lines_of_files_decide_nothing(items: World, dice: random.Random) -> None:
    def keys(gateway: objects.Gateway, *routes: objects.HTTPRoute) -> list[tuple[int, list[str]]]:
        tables = routing_of(snapshot_of((gateway, *routes))).tables
        return [(table.port, [entry.key for entry in table.entries]) for table in tables]

    gateway, *others = items
    mixed = list(gateway.listeners)
    dice.shuffle(mixed)
    moved = [
        dataclasses.replace(one, meta=dataclasses.replace(one.meta, file="z.yaml", line=dice.randint(1, 99)))
        for one in others
        if isinstance(one, objects.HTTPRoute)
    ]
    same = [one for one in others if isinstance(one, objects.HTTPRoute)]
    assert keys(dataclasses.replace(gateway, listeners=tuple(mixed)), *moved) == keys(gateway, *same)


@quick
@given(worlds)
def test_keys_are_unique_and_backends_are_all_there(
    items: World,
) -> None:
    routing = routing_of(snapshot_of(items))
    named: set[ir.BackendKey] = set()
    for table in routing.tables:
        keys = [entry.key for entry in table.entries]
        assert len(keys) == len(set(keys))
        for entry in table.entries:
            if isinstance(entry.action, ir.Forward):
                assert all(share.weight > 0 for share in entry.action.shares)
                named |= {share.to for share in entry.action.shares if isinstance(share.to, ir.BackendKey)}
    assert set(routing.backends) == named


ranks = st.builds(
    precedence.rank,
    listener=st.just("l0"),
    listener_hostname=st.just(""),
    hostname=hostname,
    match=matches,
    created=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
    route=st.sampled_from(["a/b", "a/c"]),
    rule=st.integers(0, 1),
    position=st.integers(0, 1),
)


@quick
@given(st.lists(ranks, min_size=2, max_size=4))
def test_precedence_is_a_total_order(found: list[precedence.Rank]) -> None:
    for one, other in itertools.permutations(found, 2):
        assert (one < other) + (other < one) + (one == other) == 1
    for one, two, three in itertools.permutations(found, 3):
        if one < two and two < three:
            assert one < three
