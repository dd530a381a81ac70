"""Whole worlds for the proof of equivalence: routes as people write them for Azure, and requests at their edges.

`test_equivalence` draws worlds with Hypothesis and requests from a seed that it drew. Listeners, Services and Secrets
are those of the worlds for AWS. What a request cannot be compared on is decided by a row of the capabilities before an
answer is seen.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from urllib.parse import unquote

from hypothesis import strategies as st

from cloudgw import objects
from cloudgw.routing import hostnames, ir
from cloudgw.routing import request as gateway_api
from tests.unit.aws import whole
from tests.unit.aws.whole import Place, World, meta, one_in, places, service

__all__ = ["World", "near", "places", "request", "worlds"]

PREFIXES = ("/", "/", "/a", "/a/", "/a/b", "/a.c", "/~u(1)", "/b", "/c/d")
EXACT = ("/a", "/a/", "/a/b", "/a[1]", "/b", "/a/b/c")
SELDOM_PATHS = (("Exact", "/"), ("PathPrefix", "/a*"), ("Exact", "/a%2Db"), ("RegularExpression", "/a[0-9]+"))
PATHS = ("/", "/a", "/a/", "/ab", "/a/b", "/a/b/", "/a//b", "/a/../b", "/a.c", "/axc", "//", "/b", "/c/d/e")
QUERIES = ((), (), (("q", "v"),), (("a b", "c&d"), ("e", "")), (("q", "v"), ("q", "w")))
REPLACEMENTS = ("/", "/n", "/n/", "/n/m")
METHODS = ("GET", "POST", "PUT", "DELETE")
MODIFIERS = (
    objects.HeaderModifier(set=(("X-C", "1"),)),
    objects.HeaderModifier(add=(("X-A", "2"), ("X-D", "3"))),
    objects.HeaderModifier(remove=("x-a",), add=(("X-A", "4"),)),
    objects.HeaderModifier(set=(("x-b", "5"),), add=(("X-B", "6"),), remove=("X-A",)),
)
SELDOM: tuple[objects.Filter, ...] = (whole.MIRROR, objects.CORS(allow_origins=("*",)))


@st.composite
def matches(draw: st.DrawFn, capitals: bool) -> objects.RouteMatch:
    kind, value = draw(st.sampled_from([("PathPrefix", one) for one in PREFIXES] + [("Exact", one) for one in EXACT]))
    if draw(one_in(200)):
        kind, value = draw(st.sampled_from(SELDOM_PATHS))
    if capitals and draw(one_in(4)):
        value = value.upper()
    found = objects.RouteMatch(path=objects.PathMatch(type=kind, value=value))
    header = objects.ValueMatch(name="X-A", value="1")
    if draw(one_in(110)):
        more: dict[str, object] = draw(
            st.sampled_from([{"method": "GET"}, {"headers": (header,)}, {"query": (header,)}])
        )
        found = dataclasses.replace(found, **more)  # type: ignore[arg-type]
    return found


@st.composite
def backends(draw: st.DrawFn) -> tuple[objects.BackendRef, ...]:
    """One that gets requests, as a rule; others weigh nothing. Seldom several, absent, not granted, or out of reach."""
    name = draw(st.sampled_from(["cart", "pay", "web", "secure", "lent", "cart", "pay", "web", "secure", "empty"]))
    if draw(one_in(40)):
        name = draw(st.sampled_from(["h2", "kept", "absent"]))
    namespace = "team" if name in whole.TEAM_SERVICES else "shop"
    filters = (objects.RequestHeaderModifier(headers=MODIFIERS[0]),) if draw(one_in(60)) else ()
    found = [objects.BackendRef(ref=service(name, namespace), port=80, weight=draw(st.sampled_from([1, 5])))]
    found[0] = dataclasses.replace(found[0], filters=filters)
    if draw(one_in(10)):
        weight = 1 if draw(one_in(4)) else 0
        found.append(objects.BackendRef(ref=service("pay", "shop"), port=80, weight=weight))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, number: int, capitals: bool) -> objects.RouteRule:
    of = tuple(draw(st.lists(matches(capitals), min_size=1, max_size=2)))
    named = f"r{number}" if draw(st.booleans()) else ""
    prefixed = all(match.path.type == "PathPrefix" for match in of)
    if draw(one_in(8)):
        how = draw(
            st.sampled_from(["", "", "ReplaceFullPath"] + ["ReplacePrefixMatch"] * (prefixed and draw(one_in(6))))
        )
        redirect = objects.RequestRedirect(
            scheme=draw(st.sampled_from(["", "https"])),
            hostname=draw(st.sampled_from(["to.example.net", "to.example.net", ""])),
            path=objects.PathModifier(type=how, value=draw(st.sampled_from(REPLACEMENTS))) if how else None,
            port=draw(st.sampled_from([0, 0, 8443])),
            status=draw(st.sampled_from([301, 302, 303, 307] * 4 + [308])),
        )
        return objects.RouteRule(name=named, matches=of, filters=(redirect,))
    filters: list[objects.Filter] = []
    if draw(one_in(3)):
        how = draw(st.sampled_from(["", "ReplaceFullPath"] + ["ReplacePrefixMatch"] * 3 * prefixed))
        path = objects.PathModifier(type=how, value=draw(st.sampled_from(REPLACEMENTS))) if how else None
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
                    {"timeouts": objects.Timeouts(request=10_000, backend_request=2000)},
                    {"retry": objects.Retry(attempts=2)},
                    {"session": objects.SessionPersistence(name="sid")},
                ]
            )
        )
    if draw(one_in(120)):
        more = {"timeouts": objects.Timeouts(request=500)}
    return objects.RouteRule(name=named, matches=of, filters=tuple(filters), backends=draw(backends()), **more)  # type: ignore[arg-type]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    with_set, capitals = draw(one_in(3)), draw(one_in(30))
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
        if draw(one_in(60)):
            kind = objects.GRPCRoute
            found = (objects.RouteRule(matches=(draw(whole.grpc_matches()),), backends=draw(backends())),)
        else:
            found = tuple(draw(rules(index, capitals)) for index in range(draw(st.integers(1, 3))))
        items.append(
            kind(
                meta=meta(f"r{number}", namespace, created=created),
                parents=draw(whole.parents(with_set)),
                hostnames=hostnames,
                rules=found,
            )
        )
    return World(items=tuple(items), seed=draw(st.integers(0, 2**32)))


def near(asked: gateway_api.Request, entries: Sequence[ir.Entry]) -> bool:
    """Whether nothing but its case, or the way in which it is encoded, tells the path from that of an entry for its
    host."""
    if unquote(asked.path) != asked.path:
        return True
    host = hostnames.of_authority(asked.host)
    here = (entry for entry in entries if hostnames.covers(entry.hostname, host))
    written = {step for entry in here for step in _steps(entry.match.path.value)}
    steps = _steps(asked.path)
    return any(step.casefold() == other.casefold() and step != other for step in steps for other in written)


def _steps(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:number]) for number in range(2, len(parts) + 1)]


def request(rng: random.Random, aims: Sequence[Place]) -> gateway_api.Request:
    """A request for some entry, or one that just misses it."""
    table, entry = rng.choice(aims)
    path, method = rng.choice(PATHS), rng.choice(METHODS)
    headers: list[tuple[str, str]] = []
    if entry is not None:
        if rng.random() < 0.95:
            path = _path(rng, entry.match.path)
        method = entry.match.method or method
        if entry.match.grpc is not None:
            method, path = "POST", "/shop.Cart/Add"
            headers.append(("Content-Type", "application/grpc"))
        headers += [(header.name, header.value) for header in entry.match.headers]
    if not any(name.lower() == "x-a" for name, _ in headers) and rng.random() < 0.3:
        headers.append((rng.choice(["X-A", "x-a"]), rng.choice(["1", "x y"])))
    if rng.random() < 0.2:
        headers.append(("X-B", "9"))
    host = _host(rng, entry.hostname if entry else "")
    return gateway_api.Request(
        port=table.port,
        method=method,
        host=f"{host}:{table.port}" if rng.random() < 0.15 else host,
        path=path,
        query=rng.choice(QUERIES),
        headers=tuple(headers),
    )


def _host(rng: random.Random, hostname: str) -> str:
    if rng.random() < 0.05:
        return rng.choice(["a.example.com", "example.com", "example.org", "x.y.a.example.com", "aexample.com"])
    if hostname.startswith("*."):
        host = rng.choice(["q", "q.r", "a", "b"]) + hostname[1:]
    else:
        host = hostname or rng.choice(["example.org", "a.example.com", "q.example.com"])
    return host.upper() if rng.random() < 0.1 else host


def _path(rng: random.Random, path: objects.PathMatch) -> str:
    if path.type == "RegularExpression":
        return "/a7"
    if path.type == "Exact":
        missing = [path.value + "/", path.value + "x", path.value + "/x", path.value.swapcase()]
        return path.value if rng.random() < 0.93 else rng.choice(missing)
    prefix = path.value.rstrip("/")
    hits = (prefix or "/", f"{prefix}/", f"{prefix}/x", f"{prefix}/b/c", f"{prefix}//x")
    missing = [f"{prefix or '/'}x", f"{prefix or '/'}y", prefix.swapcase() or "/", f"/x{prefix}", f"{prefix}/%2F"]
    return rng.choice(hits) if rng.random() < 0.97 else rng.choice(missing)
