"""Whole worlds for the proof of equivalence: routes as people write them for Google, and requests at their edges.

`test_equivalence` draws worlds with Hypothesis and requests from a seed that it drew. Listeners, Services, Secrets and
most matches are those of the worlds for AWS. What a request cannot be compared on is decided by a row of the
capabilities before an answer is seen.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

from hypothesis import strategies as st

from cloudgw import objects
from cloudgw.routing import ir
from cloudgw.routing import request as gateway_api
from tests.unit.aws import whole
from tests.unit.aws.whole import Place, World, meta, one_in, places, service

__all__ = ["World", "places", "request", "worlds"]

PATHS = (*(path for path in whole.PATHS if "/../" not in path), "/a/../b")
Pairs = tuple[tuple[str, str], ...]
QUERIES: tuple[Pairs, ...] = tuple(one for one in whole.QUERIES if len({name for name, _ in one}) == len(one))
MODIFIERS = (
    objects.HeaderModifier(set=(("X-C", "1"),)),
    objects.HeaderModifier(add=(("X-A", "2"), ("X-D", "3"))),
    objects.HeaderModifier(remove=("x-a",), add=(("X-A", "4"),)),
    objects.HeaderModifier(set=(("x-b", "5"),), add=(("X-B", "6"),), remove=("X-A",)),
)
SELDOM: tuple[objects.Filter, ...] = (whole.MIRROR, objects.CORS(allow_origins=("*",)))
STATUSES = (301, 302, 303, 307, 308)


@st.composite
def matches(draw: st.DrawFn) -> objects.RouteMatch:
    """Expressions seldom: a hostname has five."""
    found = draw(whole.matches())
    if found.path.type == "RegularExpression" and not draw(one_in(8)):
        found = dataclasses.replace(found, path=objects.PathMatch(value=draw(st.sampled_from(whole.PREFIXES))))
    if any(header.type == "RegularExpression" for header in found.headers) and not draw(one_in(16)):
        found = dataclasses.replace(found, headers=())
    if found.path.value == "/a%2Db" and not draw(one_in(8)):
        found = dataclasses.replace(found, path=objects.PathMatch(type="Exact", value="/a"))
    return found


@st.composite
def backends(draw: st.DrawFn) -> tuple[objects.BackendRef, ...]:
    """Weights with ties, zeros and large ones; Services without pods; headers for one backend alone; seldom one that is
    absent, not granted, or out of reach."""
    found = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        name = draw(st.sampled_from(["cart", "pay", "web", "cart", "pay", "web", "lent", "lent"] * 3 + ["empty"]))
        if draw(one_in(40)):
            name = draw(st.sampled_from(["secure", "h2", "kept", "absent"]))
        namespace = "team" if name in whole.TEAM_SERVICES else "shop"
        weight = draw(st.sampled_from([1, 1, 1, 2, 5, 0] * 6 + [1000, 4000]))
        filters: tuple[objects.Filter, ...] = ()
        if draw(one_in(8)):
            headers = draw(st.sampled_from(MODIFIERS))
            own: tuple[objects.Filter, ...] = (
                objects.RequestHeaderModifier(headers=headers),
                objects.ResponseHeaderModifier(headers=headers),
            )
            filters = (draw(st.sampled_from(own)),)
        elif draw(one_in(120)):
            filters = (whole.MIRROR,)
        found.append(objects.BackendRef(ref=service(name, namespace), port=80, weight=weight, filters=filters))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, number: int) -> objects.RouteRule:
    of = tuple(draw(st.lists(matches(), min_size=1, max_size=2)))
    named = f"r{number}" if draw(st.booleans()) else ""
    prefixed = all(match.path.type == "PathPrefix" for match in of)
    whole_paths = not any(match.path.type == "RegularExpression" or "*" in match.path.value for match in of)
    if draw(one_in(8)):
        how = draw(st.sampled_from(["", "ReplaceFullPath"] + ["ReplacePrefixMatch"] * 2 * prefixed))
        redirect = objects.RequestRedirect(
            scheme=draw(st.sampled_from(["", "https"])),
            hostname=draw(st.sampled_from(["to.example.net", ""])),
            path=objects.PathModifier(type=how, value=draw(st.sampled_from(whole.REPLACEMENTS))) if how else None,
            port=8443 if draw(one_in(12)) else 0,
            status=draw(st.sampled_from(STATUSES)),
        )
        return objects.RouteRule(name=named, matches=of, filters=(redirect,))
    filters: list[objects.Filter] = []
    if draw(one_in(3)):
        full = ["ReplaceFullPath"] * (whole_paths or draw(one_in(20)))
        how = draw(st.sampled_from(["", *full, *["ReplacePrefixMatch"] * 3 * prefixed]))
        path = objects.PathModifier(type=how, value=draw(st.sampled_from(whole.REPLACEMENTS))) if how else None
        host = draw(st.sampled_from(["", "in.example.net"])) if path else "in.example.net"
        filters.append(objects.URLRewrite(hostname=host, path=path))
    if draw(one_in(4)):
        filters.append(objects.RequestHeaderModifier(headers=draw(st.sampled_from(MODIFIERS))))
    if draw(one_in(4)):
        filters.append(objects.ResponseHeaderModifier(headers=draw(st.sampled_from(MODIFIERS))))
    if draw(one_in(60)):
        filters.append(draw(st.sampled_from(SELDOM)))
    more: dict[str, object] = {}
    if draw(one_in(6)):
        more = draw(
            st.sampled_from(
                [
                    {"timeouts": objects.Timeouts(request=10_000)},
                    {"timeouts": objects.Timeouts(request=10_000, backend_request=2500)},
                    {"session": objects.SessionPersistence(name="sid")},
                ]
            )
        )
    if draw(one_in(80)):
        more = {"retry": objects.Retry(attempts=2)}
    return objects.RouteRule(name=named, matches=of, filters=tuple(filters), backends=draw(backends()), **more)  # type: ignore[arg-type]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    with_set = draw(one_in(3))
    validation = objects.ClientValidation(
        authorities=(objects.ObjectRef(kind="ConfigMap", namespace="shop", name="ca"),)
    )
    items: list[objects.KubernetesObject] = [
        objects.Gateway(
            meta=meta("edge", created="2026-01-01T00:00:00Z"),
            class_name="aws",
            listeners=draw(whole.listeners("shop", 4)),
            allowed_listeners=objects.AllowedListeners(namespaces="All"),
            frontend=objects.FrontendTLS(default=validation) if draw(one_in(60)) else None,
        )
    ]
    if with_set:
        parent = objects.ObjectRef(group=objects.GATEWAY_GROUP, kind="Gateway", namespace="shop", name="edge")
        listeners = draw(whole.listeners("team", 2))
        items.append(objects.ListenerSet(meta=meta("more", "team"), parent=parent, listeners=listeners))
    for number in range(draw(st.integers(2, 7))):
        namespace = draw(st.sampled_from(["shop", "shop", "shop", "team"]))
        created = draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ""]))
        hostnames = draw(st.sampled_from([(), (), *((host,) for host in whole.HOSTS), whole.HOSTS[:2]]))
        kind: type[objects.Route] = objects.HTTPRoute
        found: tuple[objects.RouteRule, ...]
        if draw(one_in(40)):
            kind = objects.GRPCRoute
            found = (objects.RouteRule(matches=(draw(whole.grpc_matches()),), backends=draw(backends())),)
        else:
            found = tuple(draw(rules(index)) for index in range(draw(st.integers(1, 3))))
        items.append(
            kind(
                meta=meta(f"r{number}", namespace, created=created),
                parents=draw(whole.parents(with_set)),
                hostnames=hostnames,
                rules=found,
            )
        )
    return World(items=tuple(items), seed=draw(st.integers(0, 2**32)))


def request(rng: random.Random, aims: Sequence[Place]) -> gateway_api.Request:
    """A request for some entry, or one that just misses it. No header and no parameter comes twice: which of them
    counts Google does not say. On a port of its own a client sends it along (RFC 9110, section 7.2)."""
    table, entry = rng.choice(aims)
    path, method = rng.choice(PATHS), rng.choice(whole.METHODS)
    headers: dict[str, tuple[str, str]] = {}
    query: Pairs = rng.choice(QUERIES)
    if entry is not None:
        if rng.random() < 0.95:
            path = whole._path(rng, entry.match.path)
        if entry.match.method and rng.random() < 0.95:
            method = entry.match.method
        for header in entry.match.headers:
            headers[header.name.lower()] = (whole._cased(rng, header.name), whole._value(rng, header))
        if entry.match.grpc is not None:
            of = entry.match.grpc.service if entry.match.grpc.type == "Exact" else "shop.Pay"
            path = f"/{of or 'any.Thing'}/{entry.match.grpc.method or 'Do'}" + rng.choice(["", "", "", "/x"])
            method = rng.choice(["POST", "POST", "POST", "GET"])
            kind = rng.choice(["application/grpc", "application/grpc+proto", "text/plain"])
            headers["content-type"] = ("Content-Type", kind)
        if entry.match.query and rng.random() < 0.7:
            query = tuple((param.name, param.value) for param in entry.match.query)
    if rng.random() < 0.3:
        name, value = rng.choice(["X-A", "x-b", "Accept"]), rng.choice(whole.VALUES)
        headers.setdefault(name.lower(), (name, value))
    host = _host(rng, entry.hostname if entry else "")
    usual = (table.protocol, table.port) in {("HTTP", 80), ("HTTPS", 443)}
    return gateway_api.Request(
        port=table.port,
        method=method,
        host=f"{host}:{table.port}" if not usual or rng.random() < 0.15 else host,
        path=path,
        query=query,
        headers=tuple(headers.values()),
    )


def _host(rng: random.Random, hostname: str) -> str:
    return whole._host(rng, hostname) or "example.org"


def forwards(entry: ir.Entry) -> bool:
    return isinstance(entry.action, ir.Forward)
