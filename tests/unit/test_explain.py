"""Explanations name the first failing gate, with evidence and a fix that works."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from cloudgw import explain, objects
from cloudgw.routing import resolve
from cloudgw.sources import manifests

GATEWAY_API = "gateway.networking.k8s.io/v1"
Doc = dict[str, Any]


def doc(version: str, kind: str, name: str, namespace: str = "shop", **rest: Any) -> Doc:
    meta: Doc = {"name": name, **({"namespace": namespace} if namespace else {})}
    if "labels" in rest:
        meta["labels"] = rest.pop("labels")
    if "created" in rest:
        meta["creationTimestamp"] = rest.pop("created")
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def listener(name: str = "web", port: int = 80, protocol: str = "HTTP", **rest: Any) -> Doc:
    return {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": "All"}}, **rest}


def route(name: str = "cart", kind: str = "HTTPRoute", *, created: str = "", **spec: Any) -> Doc:
    said = {
        "parentRefs": [{"name": "edge", "namespace": "platform"}],
        "hostnames": ["cart.example.com"],
        "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        **spec,
    }
    return doc(
        GATEWAY_API,
        kind,
        name,
        spec={key: value for key, value in said.items() if value is not None},
        **({"created": created} if created else {}),
    )


def service(name: str = "web", namespace: str = "shop", **port: Any) -> Doc:
    return doc("v1", "Service", name, namespace, spec={"ports": [{"name": "http", "port": 80, **port}]})


def slices(name: str = "web", namespace: str = "shop", *, ready: bool = True) -> Doc:
    return doc(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        f"{name}-1",
        namespace,
        labels={"kubernetes.io/service-name": name},
        addressType="IPv4",
        ports=[{"name": "http", "port": 8080}],
        endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
    )


CLASS = doc(
    GATEWAY_API,
    "GatewayClass",
    "ours",
    "",
    spec={
        "controllerName": objects.CONTROLLER_NAME,
        "parametersRef": {"group": "cloudgw.dev", "kind": "AnyClassParameters", "name": "any"},
    },
)
PARAMETERS = doc("cloudgw.dev/v1alpha1", "AnyClassParameters", "any", "", spec={})
NAMESPACE = doc("v1", "Namespace", "shop", "", labels={"team": "shop"})


def gateway(*listeners: Doc, **spec: Any) -> Doc:
    return doc(
        GATEWAY_API,
        "Gateway",
        "edge",
        "platform",
        spec={"gatewayClassName": "ours", "listeners": list(listeners or (listener(),)), **spec},
    )


def world(*docs: Doc) -> dict[tuple[str, str, str], Doc]:
    """A route that works, with what is given in place of its parts."""
    found = [CLASS, PARAMETERS, NAMESPACE, gateway(), route(), service(), slices(), *docs]
    return {(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]): item for item in found}


def told(
    docs: Mapping[tuple[str, str, str], Doc],
    kind: str = "HTTPRoute",
    name: str = "cart",
    *,
    namespace: str = "",
    complete: bool = True,
    **said: Any,
) -> explain.Explanation:
    loaded = manifests.load(["-"], complete=complete, stdin=io.StringIO(yaml.safe_dump_all(list(docs.values()))))
    return explain.explain(loaded.snapshot, resolve.resolve(loaded.snapshot), kind, namespace, name, **said)


def cause(
    docs: Mapping[tuple[str, str, str], Doc], kind: str = "HTTPRoute", name: str = "cart", **said: Any
) -> explain.Gate:
    found = told(docs, kind, name, **said).cause
    assert found is not None
    return found


def test_a_route_that_works_passes_every_gate() -> None:
    found = told(world())
    assert found.cause is None
    states = {gate.state for section in found.sections for gate in section.all()}
    assert states == {"ok"}
    assert found.answers == ('http://cart.example.com/ (listener "web"): shop/web:80',)


def secure(**rest: Any) -> Doc:
    return gateway(listener("tls", 443, "HTTPS", tls={"certificateRefs": [{"name": "cert", **rest}]}))


POLICY = doc(
    GATEWAY_API,
    "BackendTLSPolicy",
    "safe",
    spec={
        "targetRefs": [{"group": "", "kind": "Service", "name": "web"}],
        "validation": {
            "hostname": "web.example",
            "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
        },
    },
)
SAME: Doc = {"allowedRoutes": {"namespaces": {"from": "Same"}}}
SELECTOR: Doc = {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}}}}
PARENT = {"name": "edge", "namespace": "platform"}
FAR: Doc = {"rules": [{"backendRefs": [{"name": "pay", "namespace": "payments", "port": 80}]}]}
BROKEN: dict[str, tuple[list[Doc], str, str, str]] = {
    # what is written instead -> gate, evidence, fix
    "no parents": ([route(parentRefs=None)], "object", "belongs to no Gateway", "spec.parentRefs"),
    "namespace left out": (
        [route(parentRefs=[{"name": "edge"}])],
        "parent",
        "shop/edge does not exist",
        "add namespace: platform",
    ),
    "misspelt": (
        [route(parentRefs=[{**PARENT, "name": "egde"}])],
        "parent",
        "did you mean platform/edge?",
        "set name: edge",
    ),
    "class of others": (
        [{**CLASS, "spec": {"controllerName": "example.com/other"}}],
        "class",
        "belongs to example.com/other",
        "one whose controllerName",
    ),
    "class missing": ([gateway(gatewayClassName="our")], "class", "GatewayClass our does not exist", "one of: ours"),
    "parameters missing": (
        [{**CLASS, "spec": {**CLASS["spec"], "parametersRef": {**CLASS["spec"]["parametersRef"], "name": "an"}}}],
        "parameters",
        "AnyClassParameters an does not exist",
        "did you mean any?",
    ),
    "address type": (
        [gateway(addresses=[{"type": "x/Y", "value": "1"}])],
        "gateway",
        "'x/Y' is not supported",
        "platform/edge",
    ),
    "section": (
        [route(parentRefs=[{**PARENT, "sectionName": "wbe"}])],
        "listener",
        'no listener is called "wbe"',
        "set sectionName to web",
    ),
    "port": ([route(parentRefs=[{**PARENT, "port": 81}])], "listener", "on port 81", "leave out port"),
    "conflict": (
        [gateway(listener("a"), listener("b"))],
        "usable",
        'listeners "a", "b" share port 80',
        "another hostname",
    ),
    "protocol": ([gateway(listener(protocol="SMTP"))], "usable", "SMTP is not supported", "correct that"),
    "certificate missing": (
        [secure()],
        "certificate",
        "Secret platform/cert does not exist",
        "kubectl create secret tls cert -n platform",
    ),
    "kinds that nobody can attach": (
        [gateway({**listener(), "allowedRoutes": {"kinds": [{"kind": "TCPRoute"}], "namespaces": {"from": "All"}}})],
        "references",
        "no route of that kind can attach here",
        "correct that in listener",
    ),
    "kind": (
        [gateway(listener(protocol="TCP"))],
        "allowedRoutes",
        "carries no HTTPRoute",
        "a listener with protocol HTTP",
    ),
    "same namespace": ([gateway(listener(**SAME))], "allowedRoutes", "the route is in shop", "to All"),
    "selector": (
        [gateway(listener(**SELECTOR))],
        "allowedRoutes",
        "with edge=yes; namespace shop has team=shop",
        "kubectl label namespace shop edge=yes",
    ),
    "hostname": (
        [gateway(listener(hostname="*.example.org"))],
        "hostname",
        "the listener is for *.example.org",
        "such as cart.example.org",
    ),
    "filters": (
        [
            route(
                rules=[
                    {
                        "filters": [
                            {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}},
                            {"type": "URLRewrite", "urlRewrite": {"hostname": "a.example"}},
                        ]
                    }
                ]
            )
        ],
        "rule",
        "exclude each other",
        "correct spec.rules[0]",
    ),
    "no backendRefs": ([route(rules=[{}])], "rule", "its requests get 500", "add backendRefs"),
    "not a Service": (
        [route(rules=[{"backendRefs": [{"group": "x", "kind": "Bucket", "name": "b"}]}])],
        "reference",
        "is no Service",
        "refer to a Service",
    ),
    "service missing": (
        [route(rules=[{"backendRefs": [{"name": "wbe", "port": 80}]}])],
        "service",
        "does not exist",
        "did you mean shop/web?",
    ),
    "service port": (
        [route(rules=[{"backendRefs": [{"name": "web", "port": 81}]}])],
        "port",
        'it has: 80 "http"',
        "set port to 80",
    ),
    "target port": (
        [service(targetPort=8080), route(rules=[{"backendRefs": [{"name": "web", "port": 8080}]}])],
        "port",
        "8080 is a targetPort",
        "set port to 80",
    ),
    "no port": ([route(rules=[{"backendRefs": [{"name": "web"}]}])], "port", "without a port", "set port to 80"),
    "protocol of the pods": ([service(appProtocol="odd")], "appProtocol", "'odd' of Service shop/web", "use one of"),
    "TLS to the pods": ([POLICY], "backendTLS", "ConfigMap shop/ca does not exist", "BackendTLSPolicy"),
    "pods not ready": ([slices(ready=False)], "endpoints", "none of 1 is ready", "make pods ready"),
    "older route": (
        [route(created="2026-09-01T00:00:00Z"), route("first", created="2026-01-01T00:00:00Z")],
        "precedence",
        "HTTPRoute shop/first rule 0 answers the same requests first",
        "remove one of the two",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_first_failing_gate_is_the_cause(name: str) -> None:
    docs, gate, evidence, fix = BROKEN[name]
    found = cause(world(*docs))
    assert (found.name, found.state) == (gate, "failed")
    assert evidence in found.evidence
    assert fix in " | ".join(found.fix)


def test_gates_behind_the_failing_one_are_not_reached() -> None:
    section = told(world(route(parentRefs=[{**PARENT, "sectionName": "x"}]))).sections[1]
    assert [(gate.name, gate.state) for gate in section.gates[-4:]] == [
        ("listener", "failed"),
        ("usable", "not reached"),
        ("allowedRoutes", "not reached"),
        ("hostname", "not reached"),
    ]


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_the_grant_that_is_printed_is_the_one_that_is_missing(kind: str) -> None:
    far: Doc = {"hostnames": ["far.example.com"]}
    docs = world(service("pay", "payments"), slices("pay", "payments"), route("far", kind, **far, **FAR))
    found = cause(docs, kind, "far")
    assert found.name == "grant"
    made = yaml.safe_load(found.manifest)
    fixed = told({**docs, ("ReferenceGrant", "payments", "g"): made}, kind, "far")
    assert fixed.cause is None
    other = [{"backendRefs": [{"name": "other", "namespace": "payments", "port": 80}]}]
    docs = world(service("other", "payments"), route("far", kind, **far, rules=other))
    elsewhere = told({**docs, ("ReferenceGrant", "payments", "g"): made}, kind, "far")
    assert elsewhere.cause is not None
    assert elsewhere.cause.name == "grant"


def test_without_a_grant_nobody_learns_whether_the_service_exists() -> None:
    there = told(world(service("pay", "payments"), route(**FAR))).json()
    assert told(world(route(**FAR))).json() == there


def test_the_grant_for_a_secret_is_for_the_listeners_owner() -> None:
    docs = world(secure(namespace="vault"), route(hostnames=["cart.example.com"]))
    found = cause(docs)
    assert (found.name, found.state) == ("certificate", "failed")
    made = yaml.safe_load(found.manifest)
    granted = {**docs, ("ReferenceGrant", "vault", "g"): made}
    assert "Secret vault/cert does not exist" in cause(granted).evidence
    line = 'https://cart.example.com/ (listener "tls")'
    assert told(docs).answers == (f"{line}: no answer: nobody listens on port 443",)
    assert told(granted).answers == (f"{line}: no TLS handshake: the listener has no certificate",)


def test_a_fix_of_labels_lets_the_route_in() -> None:
    docs = world(gateway(listener(**SELECTOR)))
    key, _, value = cause(docs).fix[0].rpartition("shop ")[2].partition("=")
    assert (
        told({**docs, ("Namespace", "", "shop"): doc("v1", "Namespace", "shop", "", labels={key: value})}).cause is None
    )


def test_what_is_not_among_the_input_is_unknown_and_says_what_to_give() -> None:
    found = cause(world(route(**FAR)), complete=False)
    assert (found.name, found.state) == ("grant", "unknown")
    assert "--complete" in found.fix[0]


def test_where_the_grant_cannot_be_seen_nobody_learns_whether_the_service_exists() -> None:
    there = told(world(service("pay", "payments"), slices("pay", "payments"), route(**FAR)), complete=False).json()
    assert told(world(route(**FAR)), complete=False).json() == there


def test_parameters_that_the_provider_refuses() -> None:
    refused = cause(world(), refused={"ours": "/spec/region: missing"})
    assert (refused.name, refused.state, refused.evidence) == ("parameters", "failed", "/spec/region: missing")
    unread = cause(world(), unread={"ours": "no provider"})
    assert (unread.name, unread.state) == ("parameters", "unknown")


def test_one_listener_that_takes_the_route_is_enough() -> None:
    found = told(world(gateway(listener("web"), listener("mine", 8080, **SAME))))
    assert found.cause is None
    allowed = next(gate for gate in found.sections[1].gates if gate.name == "allowedRoutes")
    assert '"mine" allows only routes of namespace platform' in allowed.evidence


def test_a_listener_set_has_a_gate_of_its_own() -> None:
    one = doc(GATEWAY_API, "ListenerSet", "more", spec={"parentRef": PARENT, "listeners": [listener("x", 8080)]})
    parents = [{"kind": "ListenerSet", "name": "more"}]
    docs = world(one, route(parentRefs=parents))
    found = cause(docs)
    assert (found.name, found.state) == ("listenerSet", "failed")
    assert "allowedListeners" in found.fix[0]
    assert cause(docs, "ListenerSet", "more").name == "listenerSet"
    opened = {**docs, ("Gateway", "platform", "edge"): gateway(allowedListeners={"namespaces": {"from": "All"}})}
    assert told(opened).cause is None
    assert told(opened, "ListenerSet", "more").cause is None
    assert told(opened, "Gateway", "edge").sections[-1].title == "ListenerSet shop/more"


def test_connections_are_explained_too() -> None:
    tcp = gateway(listener("db", 5432, "TCP"))
    young = route("young", "TCPRoute", hostnames=None, created="2026-09-01T00:00:00Z")
    old = route("old", "TCPRoute", hostnames=None, created="2026-01-01T00:00:00Z")
    docs = world(tcp, young, old)
    assert told(docs, "TCPRoute", "old").cause is None
    assert cause(docs, "TCPRoute", "young").name == "precedence"
    line = 'TCP port 5432 (listener "db"): shop/web:80'
    assert told(docs, "TCPRoute", "old").answers == (line,)
    assert told(docs, "TCPRoute", "young").answers == (f"{line}, by TCPRoute shop/old rule 0",)


def test_a_gateway_names_its_routes_and_those_that_it_refused() -> None:
    stray = route("stray", parentRefs=[{**PARENT, "sectionName": "x"}])
    found = told(world(stray), "Gateway", "edge")
    assert found.cause is None
    assert "1 attached route: HTTPRoute shop/cart" in found.sections[1].facts
    assert "HTTPRoute shop/stray: NoMatchingParent" in found.sections[-1].facts[0]
    assert found.answers == ("port 80 (HTTP): cart.example.com; what no route matches gets 404",)


def test_a_service_says_who_sends_to_it_and_who_does_not() -> None:
    wrong = route("wrong", rules=[{"backendRefs": [{"name": "web", "port": 81}]}])
    stray = route("stray", parentRefs=[{**PARENT, "sectionName": "x"}])
    found = told(world(wrong, stray), "Service", "web")
    failed = {gate.name for section in found.sections for gate in section.all() if gate.state == "failed"}
    assert failed == {"port", "route"}
    assert found.answers == ("HTTPRoute shop/cart sends requests to port 80",)
    alone = told({**world(route(**FAR)), ("Service", "shop", "idle"): service("idle")}, "Service", "idle")
    assert alone.answers == ("no route sends requests to it: none names it",)


def test_a_policy_says_what_is_wrong_with_it() -> None:
    found = cause(world(POLICY), "BackendTLSPolicy", "safe")
    assert (found.name, found.state) == ("resolved", "failed")
    assert "ConfigMap shop/ca does not exist" in found.evidence


def test_a_class_says_who_uses_it() -> None:
    found = told(world(), "GatewayClass", "ours")
    assert found.cause is None
    assert found.sections[0].facts == ("used by 1 Gateway: platform/edge",)


def test_an_object_that_could_not_be_read() -> None:
    found = cause(world(route(rules=[{"backendRefs": [{"name": "web", "port": "eighty"}]}])))
    assert (found.name, found.state) == ("object", "failed")
    assert "/spec/rules/0/backendRefs/0/port" in found.evidence


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("httproute", "HTTPRoute"),
        ("HTTPRoutes", "HTTPRoute"),
        ("httproutes.gateway.networking.k8s.io", "HTTPRoute"),
        ("gtw", "Gateway"),
        ("gateways", "Gateway"),
        ("gc", "GatewayClass"),
        ("gatewayclasses", "GatewayClass"),
        ("backendtlspolicies", "BackendTLSPolicy"),
        ("svc", "Service"),
    ],
)
def test_kinds_as_people_write_them(text: str, kind: str) -> None:
    assert explain.kind_of(text) == kind


def test_a_misspelt_kind_or_name_is_answered_with_near_ones() -> None:
    with pytest.raises(explain.Missing, match="did you mean httproute"):
        explain.kind_of("htproute")
    with pytest.raises(explain.Missing, match="did you mean shop/cart"):
        told(world(), name="catr")
    with pytest.raises(explain.Missing, match="there is a HTTPRoute of that name"):
        told(world(), "Gateway", "cart")
    twice = world() | {("HTTPRoute", "b", "cart"): {**route(), "metadata": {"name": "cart", "namespace": "b"}}}
    with pytest.raises(explain.Missing, match="b/cart, shop/cart; add -n"):
        told(twice)
    assert told(twice, namespace="shop").namespace == "shop"


def test_where_nothing_can_be_built_nothing_is_said_of_requests() -> None:
    said = "its class's parameters cannot be used: what stands in the cloud stays as it is"
    line = f"parentRefs[0]: Gateway platform/edge: {said}"
    assert told(world(), refused={"ours": "bad"}).answers == (line,)
    unseen = told({("HTTPRoute", "shop", "cart"): route()}, complete=False)
    assert unseen.answers == ("parentRefs[0]: not known: Gateway platform/edge is not among the input",)
    absent = told({("HTTPRoute", "shop", "cart"): route()})
    assert absent.answers == ("parentRefs[0]: cloudgw answers no request for it",)


def test_traffic_inside_a_mesh_is_no_fault() -> None:
    found = told(world(route(parentRefs=[{"group": "", "kind": "Service", "name": "web"}])))
    assert found.cause is None
    assert found.sections[1].facts == ("traffic inside a mesh: somebody else's",)
    assert {gate.state for gate in found.sections[1].gates} == {"not reached"}
