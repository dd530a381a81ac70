"""Whole worlds for the proof of equivalence: objects as a user writes them, and requests at their edges.

`test_equivalence_whole` draws worlds with Hypothesis and requests from a seed that it drew. What a request cannot be
compared on is decided by a row of the capabilities before the request is made, never after an answer was seen.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from cloudgw import objects
from cloudgw.objects import Meta, ObjectRef
from cloudgw.routing import ir
from cloudgw.routing import request as gateway_api

HOSTS = ("a.example.com", "b.example.com", "*.example.com", "*.a.example.com", "x.a.example.com", "localhost")
LONG = ".".join(["l" * 50] * 3) + ".example.com"
PREFIXES = ("/", "/", "/a", "/a/", "/a/b", "/a.c", "/a*", "/a%20b", "/~u(1)")
EXACT = ("/a", "/a/", "/a/b", "/", "/A", "/a[1]", "/a%2Db")
EXPRESSIONS = {
    "/a[0-9]+": ("/a7", "/a", "/a7/", "/x/a7"),
    "/a|/b": ("/a", "/b", "/a/b", "/ab"),
    "/.*z": ("/z", "/a/z", "/zz", "/a"),
    "/(?:a|b)/[^/]+": ("/a/b", "/b/c", "/a/b/c", "/a/"),
}
HEADERS = (
    ("Exact", "X-A", "1"),
    ("Exact", "x-a", "a.b"),
    ("RegularExpression", "X-A", "[0-9]+"),
    ("Exact", "x-b", "*?"),
)
VALUES = ("1", "12", "a.b", "axb", "A.B", "", "x 1", "*?", "yy")
PATHS = (
    "/",
    "/a",
    "/a/",
    "/ab",
    "/a/b",
    "/a/b/",
    "/a//b",
    "/a/../b",
    "/a%2Fb",
    "/A",
    "/é",
    "/a.c",
    "/axc",
    "/a*",
    "//",
)
QUERIES = ((), (), (("q", "v"),), (("q", "V"),), (("a b", "c&d"), ("e", "")), (("q", "v"), ("q", "w")))
REPLACEMENTS = ("/", "/n", "/n/", "/n/m", "/n%20m")
SERVICES = ("cart", "pay", "empty", "secure", "h2", "web")
TEAM_SERVICES = ("lent", "kept")  # with and without a grant
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
NONE_READY = "empty"


def meta(name: str, namespace: str = "shop", **more: str) -> Meta:
    return Meta(namespace=namespace, name=name, **more)  # type: ignore[arg-type]


def service(name: str, namespace: str = "shop") -> ObjectRef:
    return ObjectRef(kind="Service", namespace=namespace, name=name)


def _standing() -> list[objects.KubernetesObject]:
    """What every world has: Services and their pods, Secrets, a grant, a policy."""
    found: list[objects.KubernetesObject] = [
        objects.GatewayClass(meta=Meta(name="aws"), controller=objects.CONTROLLER_NAME),
        *(objects.Namespace(meta=Meta(name=name)) for name in ("shop", "team")),
        objects.ReferenceGrant(
            meta=meta("lend", "team"),
            froms=((objects.GATEWAY_GROUP, "HTTPRoute", "shop"),),
            tos=(("", "Service", "lent"),),
        ),
        objects.ReferenceGrant(
            meta=meta("lend"),
            froms=((objects.GATEWAY_GROUP, "HTTPRoute", "team"), (objects.GATEWAY_GROUP, "GRPCRoute", "team")),
            tos=(("", "Service", ""),),
        ),
        objects.BackendTLSPolicy(
            meta=meta("secure"),
            targets=(objects.PolicyTarget(name="secure"),),
            well_known="System",
            hostname="secure.example.com",
        ),
        *(
            objects.Secret(
                meta=meta(name, namespace), type="kubernetes.io/tls", fingerprint=f"f-{name}", key_type="RSA-2048"
            )
            for namespace, name in (("shop", "tls"), ("shop", "tls-two"), ("team", "tls"))
        ),
        objects.ConfigMap(meta=meta("ca"), fingerprint="f-ca", pem="PEM"),
    ]
    speaks = {"h2": "kubernetes.io/h2c", "web": "kubernetes.io/ws"}
    places = [("shop", name) for name in SERVICES] + [("team", name) for name in TEAM_SERVICES]
    for number, (namespace, name) in enumerate(places):
        port = objects.ServicePort(port=80, target=8080, app_protocol=speaks.get(name, ""))
        found.append(objects.Service(meta=meta(name, namespace), ports=(port,)))
        endpoint = objects.Endpoint(addresses=(f"10.0.0.{number + 10}",), ready=name != NONE_READY)
        found.append(
            objects.EndpointSlice(
                meta=meta(f"{name}-1", namespace), service=name, ports=(("", 8080),), endpoints=(endpoint,)
            )
        )
    return found


STANDING = _standing()


def one_in(number: int) -> st.SearchStrategy[bool]:
    """Integers would be drawn from their ends more often than not."""
    return st.sampled_from((*(False,) * (number - 1), True))


@st.composite
def listeners(draw: st.DrawFn, owner: str, most: int) -> tuple[objects.Listener, ...]:
    """HTTP on 80 and 8080, HTTPS on 443; hostnames that overlap; seldom one that is not to be programmed."""
    found = []
    for number in range(draw(st.integers(1, most))):
        port = draw(st.sampled_from([80, 80, 8080, 8080, 443]))
        hostname = draw(st.sampled_from([*["", "", *HOSTS[:4]] * 40, LONG]))
        secrets: tuple[ObjectRef, ...] = ()
        protocol, mode = "HTTP", ""
        if port == 443:
            protocol = draw(st.sampled_from(["HTTPS"] * 7 + ["TLS"]))
            mode = "Passthrough" if protocol == "TLS" else draw(st.sampled_from(["", "Terminate"]))
            names = draw(st.sampled_from([("tls",), ("tls", "tls-two"), ("tls-two",)]))
            place = "team" if owner == "team" or draw(one_in(10)) else "shop"
            secrets = tuple(
                ObjectRef(kind="Secret", namespace=place, name=name if place == "shop" else "tls") for name in names
            )
        found.append(
            objects.Listener(
                name=f"l{number}",
                hostname=hostname,
                port=port,
                protocol=protocol,
                tls_mode=mode,
                certificates=secrets if protocol == "HTTPS" else (),
                allowed=objects.AllowedRoutes(namespaces=draw(st.sampled_from(["Same", "All", "All"]))),
            )
        )
    return tuple({(one.port, one.hostname): one for one in found}.values())


@st.composite
def matches(draw: st.DrawFn) -> objects.RouteMatch:
    kind = draw(st.sampled_from(["PathPrefix", "PathPrefix", "PathPrefix", "Exact", "RegularExpression"]))
    values = {"PathPrefix": PREFIXES, "Exact": EXACT, "RegularExpression": tuple(EXPRESSIONS)}[kind]
    headers = draw(st.sampled_from([*[(), (), (), *((header,) for header in HEADERS)] * 3, HEADERS[2:]]))
    query = draw(one_in(250))
    return objects.RouteMatch(
        path=objects.PathMatch(type=kind, value=draw(st.sampled_from(values))),
        method=draw(st.sampled_from(["", "", "", "GET", "POST"])),
        headers=tuple(objects.ValueMatch(type=kind, name=name, value=value) for kind, name, value in headers),
        query=(objects.ValueMatch(name="q", value="v"),) if query else (),
    )


@st.composite
def grpc_matches(draw: st.DrawFn) -> objects.RouteMatch:
    method = draw(
        st.sampled_from(
            [
                objects.GRPCMethod(service="shop.Cart", method="Add"),
                objects.GRPCMethod(service="shop.Cart"),
                objects.GRPCMethod(method="Add"),
                objects.GRPCMethod(),
                objects.GRPCMethod(type="RegularExpression", service=r"shop\..*"),
            ]
        )
    )
    return objects.RouteMatch(grpc=method)


MODIFIER = objects.HeaderModifier(set=(("x-c", "1"),))
MIRROR = objects.RequestMirror(ref=service("pay"), port=80)
SELDOM: tuple[objects.Filter, ...] = (
    objects.RequestHeaderModifier(headers=MODIFIER),
    objects.ResponseHeaderModifier(headers=MODIFIER),
    MIRROR,
    objects.CORS(allow_origins=("*",)),
)


@st.composite
def backends(draw: st.DrawFn) -> tuple[objects.BackendRef, ...]:
    """Weights with ties and zeros; Services without pods; seldom one that is absent, not granted, or out of reach."""
    found = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        name = draw(st.sampled_from(["cart", "pay", "web", "cart", "pay", "web", "lent", "lent"] * 3 + ["empty"]))
        if draw(one_in(60)):
            name = draw(st.sampled_from(["secure", "h2", "kept", "absent"]))
        namespace = "team" if name in TEAM_SERVICES else "shop"
        weight = draw(st.sampled_from([1, 1, 1, 2, 5, 0] * 6 + [1000]))
        filters = (draw(st.sampled_from(SELDOM[:3])),) if draw(one_in(80)) else ()
        found.append(objects.BackendRef(ref=service(name, namespace), port=80, weight=weight, filters=filters))
    return tuple(found)


@st.composite
def rules(draw: st.DrawFn, number: int) -> objects.RouteRule:
    of = tuple(draw(st.lists(matches(), min_size=1, max_size=2)))
    named = f"r{number}" if draw(st.booleans()) else ""
    kind = draw(st.sampled_from(["forward"] * 8 + ["redirect"]))
    prefixed = all(match.path.type == "PathPrefix" for match in of)
    if kind == "redirect":
        rooted = all(match.path.value == "/" for match in of) and prefixed
        how = draw(st.sampled_from(["", "ReplaceFullPath"] + ["ReplacePrefixMatch"] * rooted))
        redirect = objects.RequestRedirect(
            scheme=draw(st.sampled_from(["", "https"])),
            hostname=draw(st.sampled_from(["to.example.net", "to.example.net", ""])),
            path=objects.PathModifier(type=how, value=draw(st.sampled_from(REPLACEMENTS))) if how else None,
            port=draw(st.sampled_from([0, 0, 8443])),
            status=draw(st.sampled_from([301, 302, 302, 302, 308])),
        )
        return objects.RouteRule(name=named, matches=of, filters=(redirect,))
    filters: list[objects.Filter] = []
    if draw(one_in(3)):
        how = draw(st.sampled_from(["", "ReplaceFullPath"] + ["ReplacePrefixMatch"] * 3 * prefixed))
        path = objects.PathModifier(type=how, value=draw(st.sampled_from(REPLACEMENTS))) if how else None
        host = draw(st.sampled_from(["", "in.example.net"])) if path else "in.example.net"
        filters.append(objects.URLRewrite(hostname=host, path=path))
    if draw(one_in(40)):
        filters.append(draw(st.sampled_from(SELDOM)))
    more: dict[str, object] = {}
    if draw(one_in(10)):
        more = draw(
            st.sampled_from([{"timeouts": objects.Timeouts(request=1000)}, {"retry": objects.Retry(attempts=2)}])
        )
    return objects.RouteRule(name=named, matches=of, filters=tuple(filters), backends=draw(backends()), **more)  # type: ignore[arg-type]


@st.composite
def parents(draw: st.DrawFn, with_set: bool) -> tuple[objects.ParentRef, ...]:
    found = [objects.ParentRef(namespace="shop", name="edge", port=draw(st.sampled_from([0, 0, 0, 0, 80, 8080])))]
    if draw(one_in(6)):
        found[0] = dataclasses.replace(found[0], section=draw(st.sampled_from(["l0", "l1"])), port=0)
    if with_set and draw(st.booleans()):
        found.append(objects.ParentRef(kind="ListenerSet", namespace="team", name="more"))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """items: every object of it. seed: of its requests."""

    items: tuple[objects.KubernetesObject, ...]
    seed: int

    def snapshot(self, without: Sequence[tuple[str, str, str]] = ()) -> objects.Snapshot:
        """without: (kind, namespace, name) of routes that are left out."""
        found: dict[str, dict[objects.Key, objects.KubernetesObject | objects.Unknown]] = {}
        for item in (*STANDING, *self.items):
            key = (item.meta.namespace, item.meta.name)
            if (objects.kind_of(item), *key) not in without:
                found.setdefault(objects.kind_of(item), {})[key] = item
        return objects.Snapshot(objects=found, complete=frozenset({"*"}))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    with_set = draw(one_in(3))
    asked = draw(one_in(12))
    validation = objects.ClientValidation(authorities=(ObjectRef(kind="ConfigMap", namespace="shop", name="ca"),))
    items: list[objects.KubernetesObject] = [
        objects.Gateway(
            meta=meta("edge", created="2026-01-01T00:00:00Z"),
            class_name="aws",
            listeners=draw(listeners("shop", 4)),
            allowed_listeners=objects.AllowedListeners(namespaces="All"),
            frontend=objects.FrontendTLS(default=validation) if asked else None,
        )
    ]
    if with_set:
        parent = ObjectRef(group=objects.GATEWAY_GROUP, kind="Gateway", namespace="shop", name="edge")
        items.append(
            objects.ListenerSet(meta=meta("more", "team"), parent=parent, listeners=draw(listeners("team", 2)))
        )
    for number in range(draw(st.integers(2, 7))):
        namespace = draw(st.sampled_from(["shop", "shop", "shop", "team"]))
        created = draw(st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ""]))
        hostnames = draw(st.sampled_from([*[(), (), *((host,) for host in HOSTS), HOSTS[:2]] * 20, (LONG,)]))
        if draw(one_in(20)):
            rule = objects.RouteRule(matches=(draw(grpc_matches()),), backends=draw(backends()))
            kind: type[objects.Route] = objects.GRPCRoute
            found: tuple[objects.RouteRule, ...] = (rule,)
        else:
            kind, count = objects.HTTPRoute, draw(st.integers(1, 3))
            found = tuple(draw(rules(index)) for index in range(count))
        items.append(
            kind(
                meta=meta(f"r{number}", namespace, created=created),
                parents=draw(parents(with_set)),
                hostnames=hostnames,
                rules=found,
            )
        )
    return World(items=tuple(items), seed=draw(st.integers(0, 2**32)))


def is_barrier(entry: ir.Entry) -> bool:
    """Made for a listener, not for a route."""
    return "/-/-/isolation/" in entry.key


Place = tuple[ir.Table, ir.Entry | None]


def places(routing: ir.Routing) -> list[Place]:
    """Where requests are aimed: forwarding entries most of all, everything else now and then."""
    found: list[Place] = [(table, None) for table in routing.tables]
    for table in routing.tables:
        for entry in table.entries:
            found += [(table, entry)] * (8 if isinstance(entry.action, ir.Forward) else 1)
    return found


def request(rng: random.Random, aims: Sequence[Place], can: Mapping[str, bool]) -> gateway_api.Request | str:
    """A request for some entry, or one that just misses it; or the feature that keeps it from being compared. can:
    feature -> whether every request that needs it can be compared."""
    table, entry = rng.choice(aims)
    host, path, method = _host(rng, entry.hostname if entry else ""), rng.choice(PATHS), rng.choice(METHODS)
    headers: list[tuple[str, str]] = []
    query: tuple[tuple[str, str], ...] = rng.choice(QUERIES)
    if entry is not None:
        if rng.random() < 0.95:
            path = _path(rng, entry.match.path)
        if entry.match.method and rng.random() < 0.95:
            method = entry.match.method
        for header in entry.match.headers:
            headers.append((_cased(rng, header.name), _value(rng, header)))
        if entry.match.grpc is not None:
            service = entry.match.grpc.service if entry.match.grpc.type == "Exact" else "shop.Pay"
            path = f"/{service or 'any.Thing'}/{entry.match.grpc.method or 'Do'}" + rng.choice(["", "", "", "/x"])
            method = rng.choice(["POST", "POST", "POST", "GET"])
            headers.append(("Content-Type", rng.choice(["application/grpc", "Application/gRPC+proto", "text/plain"])))
        if entry.match.query and rng.random() < 0.7:
            query = tuple((param.name, param.value) for param in entry.match.query)
    if rng.random() < 0.1:
        headers.append((rng.choice(["X-A", "x-b", "Accept"]), rng.choice(VALUES)))
    if len({name.lower() for name, _ in headers}) < len(headers) and not can["HTTPRoute.spec.rules.matches.headers"]:
        return "HTTPRoute.spec.rules.matches.headers"
    if rng.random() < 0.15:
        if (table.protocol, table.port) in {("HTTP", 80), ("HTTPS", 443)}:
            if not can["HTTPRoute.spec.hostnames"] and rng.random() < 0.1:
                return "HTTPRoute.spec.hostnames"
        else:
            host = f"{host}:{table.port}"
    return gateway_api.Request(
        port=table.port, method=method, host=host, path=path, query=query, headers=tuple(headers)
    )


def _host(rng: random.Random, hostname: str) -> str:
    if rng.random() < 0.05:
        return rng.choice(["a.example.com", "example.com", "example.org", "x.y.a.example.com", "aexample.com", ""])
    if hostname.startswith("*."):
        host = rng.choice(["q", "q.r", "a", "b"]) + hostname[1:]
    else:
        host = hostname or rng.choice(["example.org", "a.example.com", "q.example.com"])
    return host.upper() if rng.random() < 0.1 else host


def _path(rng: random.Random, path: objects.PathMatch) -> str:
    if path.type == "RegularExpression":
        found = EXPRESSIONS[path.value]
        return found[0] if rng.random() < 0.6 else rng.choice(found)
    if path.type == "Exact":
        return (
            path.value
            if rng.random() < 0.85
            else rng.choice([path.value + "/", path.value + "x", path.value.swapcase()])
        )
    prefix = path.value.rstrip("/")
    hits = (prefix or "/", f"{prefix}/", f"{prefix}/x", f"{prefix}/b/c", f"{prefix}//x", f"{prefix}/%2F")
    return (
        rng.choice(hits)
        if rng.random() < 0.91
        else rng.choice([f"{prefix or '/'}x", prefix.swapcase() or "/", f"/x{prefix}"])
    )


def _value(rng: random.Random, header: objects.ValueMatch) -> str:
    if rng.random() < 0.07:
        return rng.choice(VALUES)
    return "12" if header.type == "RegularExpression" else header.value


def _cased(rng: random.Random, name: str) -> str:
    return rng.choice([name, name.upper(), name.lower()])
