"""Every kind: what its fields become, what the API server would refuse, which versions are read."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from cloudgw import objects
from cloudgw.objects import GRPCMethod, ObjectRef, RouteMatch, ValueMatch
from cloudgw.sources import catalog
from tests.unit.sources import examples

T = typing.TypeVar("T", bound=objects.KubernetesObject)


def only(kind: type[T], text: str) -> T:
    """The one object of a text, without its place."""
    loaded = examples.load(text)
    assert [note.message for note in (*loaded.errors, *loaded.notes)] == []
    (found,) = loaded.snapshot.all(kind)
    assert found.meta.unhandled == ()
    meta = objects.Meta(namespace=found.meta.namespace, name=found.meta.name)
    return dataclasses.replace(found, meta=meta)


def ref(kind: str, namespace: str, name: str, group: str = "") -> ObjectRef:
    return ObjectRef(group=group, kind=kind, namespace=namespace, name=name)


def meta(namespace: str, name: str) -> objects.Meta:
    return objects.Meta(namespace=namespace, name=name)


def test_every_kind_is_in_the_catalog_and_in_the_examples() -> None:
    named = {kind.__name__ for kind in (*typing.get_args(objects.KubernetesObject), *objects.ROUTE_KINDS)}
    kinds = named - {"Parameters", "Route"}
    assert {kind for _, kind in catalog.KINDS} == kinds
    read = examples.load(examples.everything())
    assert [note.message for note in (*read.errors, *read.notes)] == []
    assert set(read.snapshot.objects) == kinds | {"ExampleGatewayClassParameters"}


def test_metadata() -> None:
    (gateway,) = examples.load("\n" + examples.GATEWAY).snapshot.all(objects.Gateway)
    assert gateway.meta == objects.Meta(
        namespace="infra",
        name="edge",
        uid="u",
        generation=3,
        created="2026-01-02T03:04:05Z",
        labels={"a": "b"},
        file="(standard input)",
        line=2,
    )


def test_gateway() -> None:
    clients = objects.ClientValidation(authorities=(ref("ConfigMap", "infra", "clients"),))
    tolerant = objects.ClientValidation(
        authorities=(ref("ConfigMap", "trust", "clients"),), mode="AllowInsecureFallback"
    )
    assert only(objects.Gateway, examples.GATEWAY) == objects.Gateway(
        meta=meta("infra", "edge"),
        class_name="cloud",
        listeners=(
            objects.Listener(
                name="https",
                hostname="*.example.com",
                port=443,
                protocol="HTTPS",
                tls_mode="Terminate",
                certificates=(ref("Secret", "infra", "a"), ref("Secret", "other", "b")),
                allowed=objects.AllowedRoutes(
                    namespaces="Selector",
                    selector=objects.Selector(labels=(("a", "b"),), expressions=(("c", "In", ("d",)),)),
                    kinds=((objects.GATEWAY_GROUP, "HTTPRoute"),),
                ),
            ),
        ),
        addresses=(
            objects.GatewayAddress(value="10.0.0.1"),
            objects.GatewayAddress(type="Hostname", value="edge.example.com"),
            objects.GatewayAddress(),
        ),
        infrastructure=objects.Infrastructure(
            labels={"team": "web"},
            annotations={"note": "1"},
            parameters=ref("ExampleGatewayParameters", "infra", "edge", "cloudgw.dev"),
        ),
        allowed_listeners=objects.AllowedListeners(
            namespaces="Selector", selector=objects.Selector(labels=(("shared", "yes"),))
        ),
        frontend=objects.FrontendTLS(default=clients, per_port=((8443, None), (9443, tolerant))),
        backend_certificate=ref("Secret", "infra", "client"),
    )


def test_gateway_defaults() -> None:
    text = examples.GATEWAY
    small = text[: text.index("  addresses:")] + "  tls: {frontend: {default: {}}}\n  listeners: []\n"
    gateway = only(objects.Gateway, small)
    assert gateway == objects.Gateway(
        meta=meta("infra", "edge"), class_name="cloud", listeners=(), frontend=objects.FrontendTLS()
    )


def test_listener_set() -> None:
    assert only(objects.ListenerSet, examples.LISTENER_SET) == objects.ListenerSet(
        meta=meta("shop", "extra"),
        parent=ref("Gateway", "infra", "edge", objects.GATEWAY_GROUP),
        listeners=(
            objects.Listener(name="tls", hostname="shop.example.com", port=443, protocol="TLS", tls_mode="Passthrough"),
            objects.Listener(name="dns", port=53, protocol="UDP", allowed=objects.AllowedRoutes(namespaces="All")),
        ),
    )


def test_http_route() -> None:
    route = only(objects.HTTPRoute, examples.HTTP_ROUTE)
    assert route.parents == (objects.ParentRef(namespace="infra", name="edge", section="https", port=443),)
    assert route.hostnames == ("a.example.com",)
    pay, redirect, empty = route.rules
    assert pay.matches == (
        RouteMatch(
            path=objects.PathMatch(type="Exact", value="/a"),
            headers=(ValueMatch(name="a", value="b"),),
            query=(ValueMatch(type="RegularExpression", name="a", value="b"),),
            method="GET",
        ),
    )
    modifier = objects.HeaderModifier(set=(("X-A", "1"),), add=(("b", "c"),), remove=("d",))
    assert pay.filters == (
        objects.URLRewrite(hostname="b.io", path=objects.PathModifier(type="ReplacePrefixMatch", value="")),
        objects.RequestHeaderModifier(headers=modifier),
        objects.ResponseHeaderModifier(headers=objects.HeaderModifier(remove=("server",))),
        objects.RequestMirror(ref=ref("Service", "shop", "audit"), port=80, numerator=5),
        objects.RequestMirror(ref=ref("Service", "lab", "lab"), port=81, numerator=1, denominator=1000),
        objects.RequestMirror(ref=ref("Service", "shop", "all"), port=82),
        objects.CORS(
            allow_origins=("https://*.example.com",),
            allow_credentials=True,
            allow_methods=("GET", "PUT"),
            allow_headers=("*",),
            expose_headers=("x-a",),
            max_age=60,
        ),
        objects.OtherFilter(type="ExtensionRef", ref=ref("Filter", "shop", "f", "example.io")),
        objects.OtherFilter(type="ExternalAuth"),
    )
    added = objects.RequestHeaderModifier(headers=objects.HeaderModifier(add=(("b", "c"),)))
    assert pay.backends == (
        objects.BackendRef(ref=ref("Service", "other", "cart"), port=80, weight=0, filters=(added,)),
    )
    assert pay.timeouts == objects.Timeouts(request=90_000, backend_request=0)
    assert pay.retry == objects.Retry(codes=(500, 503), attempts=3, backoff=250)
    assert pay.session == objects.SessionPersistence(
        name="s", absolute_timeout=86_400_000, idle_timeout=3_600_000, lifetime="Permanent"
    )
    assert redirect.filters == (
        objects.RequestRedirect(
            scheme="https",
            hostname="c.io",
            path=objects.PathModifier(type="ReplaceFullPath", value="/"),
            port=444,
            status=308,
        ),
    )
    assert empty == objects.RouteRule()
    assert [rule.unhandled for rule in route.rules] == [(), (), ()]


def test_grpc_route() -> None:
    route = only(objects.GRPCRoute, examples.GRPC_ROUTE)
    assert (route.kind, route.hostnames) == ("GRPCRoute", ("rpc.example.com",))
    assert route.parents == (
        objects.ParentRef(namespace="infra", name="edge"),
        objects.ParentRef(group="", kind="Service", namespace="shop", implied=True, name="cart"),
    )
    buy, rest = route.rules
    assert buy.matches == (
        RouteMatch(grpc=GRPCMethod(service="shop.Cart", method="Buy"), headers=(ValueMatch(name="v", value="2"),)),
        RouteMatch(grpc=GRPCMethod(type="RegularExpression", service="shop[.].*")),
        RouteMatch(grpc=GRPCMethod(), headers=(ValueMatch(type="RegularExpression", name="v", value="[0-9]"),)),
    )
    assert buy.filters == (objects.ResponseHeaderModifier(headers=objects.HeaderModifier(remove=("server",))),)
    assert buy.backends[0].filters == (objects.RequestHeaderModifier(headers=objects.HeaderModifier()),)
    assert buy.session == objects.SessionPersistence(type="Header", name="x-session")
    assert rest.matches == (RouteMatch(grpc=GRPCMethod()),)


def test_routes_without_rules() -> None:
    """Only an HTTPRoute has a default (https://gateway-api.sigs.k8s.io/reference/spec/)."""
    bare = "spec: {parentRefs: [{name: edge}]}\n"
    http, grpc = (text[: text.index("spec:")] + bare for text in (examples.HTTP_ROUTE, examples.GRPC_ROUTE))
    assert only(objects.HTTPRoute, http).rules == (objects.RouteRule(),)
    assert only(objects.GRPCRoute, grpc).rules == ()


def test_what_only_http_routes_have_is_unhandled_elsewhere() -> None:
    loaded = examples.load("""\
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: a}
spec:
  rules:
  - timeouts: {request: 1s}
    matches: [{path: {value: /}}]
    filters: [{type: CORS, cors: {}}, {type: URLRewrite, urlRewrite: {}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: a}
spec:
  hostnames: [a.io]
  rules: [{matches: [], backendRefs: [{name: a, port: 1, filters: []}]}]
""")
    assert not loaded.errors
    (grpc,), (tcp,) = loaded.snapshot.all(objects.GRPCRoute), loaded.snapshot.all(objects.TCPRoute)
    assert grpc.rules[0].filters == (objects.OtherFilter(type="CORS"), objects.OtherFilter(type="URLRewrite"))
    assert grpc.rules[0].unhandled == (
        "/spec/rules/0/filters/1/urlRewrite",
        "/spec/rules/0/matches/0/path",
        "/spec/rules/0/timeouts",
    )
    assert tcp.meta.unhandled == ("/spec/hostnames",)
    assert tcp.rules[0].unhandled == ("/spec/rules/0/backendRefs/0/filters", "/spec/rules/0/matches")


def test_layer_4_routes() -> None:
    tls = only(objects.TLSRoute, examples.TLS_ROUTE)
    assert tls == objects.TLSRoute(
        meta=meta("shop", "mail"),
        parents=(objects.ParentRef(kind="ListenerSet", namespace="shop", implied=True, name="extra"),),
        hostnames=("mail.example.com",),
        rules=(
            objects.RouteRule(
                name="all",
                backends=(
                    objects.BackendRef(ref=ref("Service", "shop", "mail"), port=993, weight=3),
                    objects.BackendRef(ref=ref("Service", "shop", "mail-2"), port=993),
                ),
            ),
        ),
    )
    for kind, text, name, port in (
        (objects.TCPRoute, examples.TCP_ROUTE, "db", 5432),
        (objects.UDPRoute, examples.UDP_ROUTE, "dns", 53),
    ):
        route = only(kind, text)
        backend = objects.BackendRef(ref=ref("Service", "shop", name), port=port)
        assert route.parents == (objects.ParentRef(namespace="infra", name="edge", port=port),)
        assert route.rules == (objects.RouteRule(backends=(backend,)),)


def test_backend_policy() -> None:
    found, least = (
        only(objects.BackendPolicy, text)
        for text in (examples.TREATMENT, examples.TREATMENT.partition("  healthCheck")[0])
    )
    targets = (objects.PolicyTarget(name="cart", section="http"), objects.PolicyTarget(name="pay"))
    assert found == objects.BackendPolicy(
        meta=found.meta,
        targets=targets,
        check=objects.HealthCheck(
            path="/healthz", port=9090, interval=10, timeout=2, healthy=3, unhealthy=4, statuses=("200-202", "204")
        ),
        drain=0,
        affinity=objects.Affinity(type="Cookie", cookie="pod", ttl=60),
    )
    assert least == objects.BackendPolicy(meta=least.meta, targets=targets)


def test_policy_and_grant() -> None:
    assert only(objects.BackendTLSPolicy, examples.POLICY) == objects.BackendTLSPolicy(
        meta=meta("shop", "cart"),
        targets=(
            objects.PolicyTarget(name="cart", section="https"),
            objects.PolicyTarget(group="example.io", kind="Pool", name="pay"),
        ),
        authorities=(ref("ConfigMap", "shop", "clients"),),
        hostname="cart.internal",
        alt_names=(("Hostname", "*.internal"), ("URI", "spiffe://shop/cart")),
        options={"example.io/fast": "on"},
    )
    system = examples.POLICY.replace(
        'caCertificateRefs: [{group: "", kind: ConfigMap, name: clients}]', "wellKnownCACertificates: System"
    )
    policy = only(objects.BackendTLSPolicy, system)
    assert (policy.well_known, policy.authorities) == ("System", ())
    grant = only(objects.ReferenceGrant, examples.GRANT)
    assert grant.froms == ((objects.GATEWAY_GROUP, "HTTPRoute", "shop"),)
    assert grant.tos == (("", "Service", ""), ("", "Secret", "b"))


def test_kubernetes_own_kinds() -> None:
    service = only(objects.Service, examples.SERVICE)
    assert service.type == "NodePort"
    assert service.ports == (
        objects.ServicePort(name="http", port=80, target="web", node_port=30080, app_protocol="kubernetes.io/h2c"),
        objects.ServicePort(name="dns", port=53, protocol="UDP", target=5353),
    )
    endpoints = only(objects.EndpointSlice, examples.SLICE)
    assert (endpoints.service, endpoints.ports) == ("cart", (("http", 8080), ("dns", 53)))
    assert endpoints.endpoints == (
        objects.Endpoint(addresses=("10.0.0.1",), zone="z", node="node-1"),
        objects.Endpoint(addresses=("10.0.0.2",), ready=False),
    )
    node = only(objects.Node, examples.NODE)
    assert (node.addresses, node.zone, node.provider_id) == (("10.1.0.1",), "z", "example://1")


@pytest.mark.parametrize(
    ("text", "version", "read"),
    [
        (examples.TLS_ROUTE, "v1alpha2", True),
        (examples.TLS_ROUTE, "v1alpha3", True),
        (examples.TCP_ROUTE, "v1", True),
        (examples.TCP_ROUTE, "v1alpha3", False),
        (examples.UDP_ROUTE, "v1", True),
        (examples.POLICY, "v1alpha3", True),
        (examples.TREATMENT, "v1alpha1", True),
        (examples.TREATMENT, "v1", False),
        (examples.POLICY, "v1alpha2", False),
        (examples.GRPC_ROUTE, "v1alpha2", False),
        (examples.LISTENER_SET, "v1beta1", False),
        (examples.HTTP_ROUTE, "v1beta1", True),
        (examples.GRANT, "v1", True),
    ],
)
def test_versions(text: str, version: str, read: bool) -> None:
    first, _, rest = text.partition("\n")
    loaded = examples.load(f"{first.rpartition('/')[0]}/{version}\n{rest}")
    assert [error.code for error in loaded.errors] == ([] if read else ["UnsupportedVersion"])
    assert read or "use v1" in loaded.errors[0].message


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        (examples.GATEWAY, "10.0.0.1", "10.0.0", ":7: Gateway infra/edge: /spec/addresses/0/value: is no IP address"),
        (examples.GATEWAY, "port: 9443", "port: 8443", "/spec/tls/frontend/perPort: names a port twice"),
        (examples.GATEWAY, "tls: {}", "x: 1", "/spec/tls/frontend/perPort/0/tls: is missing"),
        (
            examples.GATEWAY,
            '[{group: "", kind: ConfigMap, name: clients}]',
            "[]",
            "/default/validation/caCertificateRefs: is missing; name a ConfigMap that holds ca.crt",
        ),
        (examples.GATEWAY, "AllowInsecureFallback", "Always", "mode: is 'Always'; use one of AllowValidOnly"),
        (examples.GATEWAY, "selector: {matchLabels: {shared:", "x: {y: {shared:", "namespaces/selector: is missing"),
        (examples.LISTENER_SET, "parentRef:", "parent:", "/spec/parentRef: is missing"),
        (examples.HTTP_ROUTE, "1m30s", "90", "timeouts/request: is a number (90), must be a string"),
        (examples.HTTP_ROUTE, "1m30s", "1.5s", "timeouts/request: is '1.5s', no duration; write up to four"),
        (
            examples.HTTP_ROUTE,
            "backendRequest: 0s",
            "backendRequest: 2m",
            "timeouts/backendRequest: is longer than request",
        ),
        (examples.HTTP_ROUTE, "[500, 503]", "[500, 500]", "retry/codes: names a code twice"),
        (examples.HTTP_ROUTE, "[500, 503]", "[500, 200]", "retry/codes/1: is 200; use a number from 400 to 599"),
        (examples.HTTP_ROUTE, "[500, 503]", "[true]", "retry/codes/0: is true or false, must be a number"),
        (examples.HTTP_ROUTE, "attempts: 3", "attempts: 0", "retry/attempts: is 0; use a number from 1"),
        (examples.HTTP_ROUTE, "absoluteTimeout: 24h", "x: 1", "absoluteTimeout: is missing, and a cookie of"),
        (examples.HTTP_ROUTE, "percent: 5", "percent: 101", "percent: is 101; use a number from 0 to 100"),
        (examples.HTTP_ROUTE, "percent: 5", "percent: 5, fraction: {numerator: 1}", "stands beside percent"),
        (examples.HTTP_ROUTE, "denominator: 1000", "denominator: 0", "denominator: is 0; use a number from 1"),
        (examples.HTTP_ROUTE, "numerator: 1,", "numerator: 1001,", "numerator: is 1001; use at most the denominator"),
        (examples.HTTP_ROUTE, "maxAge: 60", "maxAge: 0", "cors/maxAge: is 0"),
        (examples.HTTP_ROUTE, "cors:", "cros:", "filters/6/cors: is missing; add cors"),
        (examples.HTTP_ROUTE, "group: example.io, kind: Filter, ", "", "extensionRef/kind: is missing"),
        (examples.GRPC_ROUTE, "service: shop.Cart, method: Buy", "type: Exact", "names neither service nor method"),
        (examples.TLS_ROUTE, "[Mail.example.com]", "[]", "/spec/hostnames: is missing; add the server names"),
        (examples.TLS_ROUTE, "Mail.example.com", "10.0.0.1", "/spec/hostnames/0: is '10.0.0.1', no hostname"),
        (examples.TCP_ROUTE, "rules: [", "rules: [{backendRefs: []}, ", "/spec/rules: has 2 rules; write exactly one"),
        (examples.UDP_ROUTE, "[{name: dns, port: 53}]", "[]", "/spec/rules/0/backendRefs: is missing; add at least"),
        (
            examples.TREATMENT,
            "timeoutSeconds: 2",
            "timeoutSeconds: 11",
            "/spec/healthCheck/timeoutSeconds: is 11, more",
        ),
        (examples.TREATMENT, "path: /healthz", "path: healthz", "/spec/healthCheck/path: is 'healthz'; write /"),
        (examples.TREATMENT, "path: /healthz", 'path: "/a b"', "/spec/healthCheck/path: is '/a b'"),
        (examples.TREATMENT, '"204"', '"600"', "/spec/healthCheck/statusCodes/0: is '600'; write 200"),
        (examples.TREATMENT, "200-202", "202-200", "/spec/healthCheck/statusCodes/1: is '202-200'"),
        (examples.TREATMENT, '"204", 200-202', "", "/spec/healthCheck/statusCodes: is empty"),
        (examples.TREATMENT, "drainSeconds: 0", "drainSeconds: 3601", "/spec/drainSeconds: is 3601; use a number from"),
        (examples.TREATMENT, "type: Cookie", "type: ClientIP", "/spec/affinity: has cookieName or ttlSeconds"),
        (examples.TREATMENT, "type: Cookie", "type: None", "/spec/affinity/type: is 'None'; use Cookie or ClientIP"),
        (examples.TREATMENT, "cookieName: pod", 'cookieName: "a b"', "/spec/affinity/cookieName: is 'a b'"),
        (examples.TREATMENT, "name: pay", "name: cart, sectionName: http", "/spec/targetRefs/1: names a target twice"),
        (examples.TREATMENT, "kind: Service", "kind: Pod", "/spec/targetRefs/1/kind: is 'Pod'"),
        (examples.POLICY, "hostname: Cart.internal", "x: 1", "/spec/validation/hostname: is missing"),
        (examples.POLICY, "Cart.internal", '"*.internal"', "/spec/validation/hostname: is a wildcard"),
        (examples.POLICY, "caCertificateRefs", "caCerts", "/spec/validation: names no authority; give either"),
        (examples.POLICY, "hostname: Cart", "wellKnownCACertificates: System\n    hostname: Cart", "has both"),
        (examples.POLICY, "targetRefs", "targets", "/spec/targetRefs: is missing"),
        (examples.POLICY, "uri: ", "url: ", "subjectAltNames/1/uri: is missing"),
    ],
)
def test_what_the_api_server_would_refuse(text: str, old: str, new: str, expected: str) -> None:
    assert old in text
    loaded = examples.load(text.replace(old, new, 1))
    (error,) = loaded.errors
    assert error.code == "InvalidField"
    assert expected in error.message
    assert "\n" not in error.message
    (items,) = loaded.snapshot.objects.values()
    assert [type(item) for item in items.values()] == [objects.Unknown]


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [("0s", 0), ("1ms", 1), ("10m", 600_000), ("1h1m1s1ms", 3_661_001), ("99999h", 359_996_400_000), ("2s3s", 5000)],
)
def test_durations(written: str, milliseconds: int) -> None:
    route = only(
        objects.HTTPRoute,
        examples.HTTP_ROUTE.replace("{request: 1m30s, backendRequest: 0s}", f"{{request: {written}}}"),
    )
    assert route.rules[0].timeouts == objects.Timeouts(request=milliseconds)


def test_definitions_of_the_gateway_api_alone() -> None:
    other = examples.DEFINITION.replace("gateways.gateway.networking.k8s.io", "gateways.example.io")
    snapshot = examples.load(f"{examples.DEFINITION}---\n{other}").snapshot
    (found,) = snapshot.all(objects.CustomResourceDefinition)
    assert (found.meta.name, found.bundle, found.channel) == (
        "gateways.gateway.networking.k8s.io",
        "v1.6.3",
        "standard",
    )


def test_a_kind_of_others_in_our_group_harms_only_itself() -> None:
    loaded = examples.load(
        f"{examples.GATEWAY}---\napiVersion: cloudgw.dev/v1alpha1\nkind: HTTPRoute\nmetadata: {{name: a}}"
    )
    assert [note.code for note in loaded.errors] == ["InvalidObject"]
    assert "HTTPRoute is no kind of group cloudgw.dev" in loaded.errors[0].message
    assert not list(loaded.snapshot.all(objects.HTTPRoute))


def test_a_class_of_others_may_have_parameters_of_the_core_group() -> None:
    text = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: theirs}\n"
        "spec: {controllerName: example.io/x, parametersRef: {group: '', kind: ConfigMap, name: c, namespace: infra}}"
    )
    (found,) = examples.load(text).snapshot.all(objects.GatewayClass)
    assert found.parameters is not None
    assert found.parameters.group == ""


def test_names_of_listeners_are_dns_names() -> None:
    loaded = examples.load(examples.GATEWAY.replace("name: https", "name: shop:s:l", 1))
    assert any("is no DNS name" in note.message for note in loaded.errors), loaded.errors
