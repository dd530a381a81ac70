"""Worlds at the edges of the Gateway API and requests aimed at them, the same for the same seed.

Called by `compare` and by tests. Manifests are complete (what is not listed does not exist), written as the API server
would return them, and pass its schema. Must never ask the oracle or cloudgw.

What the API server refuses is not made, nor what the specification leaves so open that no answer is wrong: expressions
that do not compile, two actions of a filter for one name, rewrites on rule and backendRef at once, headers named Host.
"""

from __future__ import annotations

import base64
import copy
import datetime
import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.oracle import generate_routes, hostnames
from tests.oracle.listeners import CONTROLLER, KINDS
from tests.oracle.matches import Request
from tests.oracle.references import GATEWAY_GROUP, Manifest

_Sent = tuple[tuple[str, str], Request]
_Called = tuple[tuple[str, str], "Connection"]

NAMESPACES: dict[str, dict[str, str]] = {
    "infra": {"team": "platform", "tier": "gold"},
    "a": {"team": "a", "tier": "gold"},
    "a-b": {"team": "b"},
}
WEB_PORTS = (80, 8080)
SECURE_PORTS = (443, 8443)
STREAM_PORTS = (9000, 5353)
PORTS = {
    "HTTP": WEB_PORTS,
    "HTTPS": SECURE_PORTS,
    "TLS": (9443, 9443, 9000),
    "TCP": (9000, 9001),
    "UDP": STREAM_PORTS,
}
SELECTORS: tuple[Manifest, ...] = (
    {"matchLabels": {"team": "a"}},
    {"matchLabels": {"team": "platform", "tier": "gold"}},
    {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["gold"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchLabels": {"team": "b"}, "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
    {"matchLabels": {"kubernetes.io/metadata.name": "a"}},
    {},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What `specification.connect_at` is asked."""

    port: int
    protocol: str
    sni: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One world and what is sent to its Gateways (namespace, name)."""

    objects: list[Manifest]
    gateways: tuple[tuple[str, str], ...]
    requests: tuple[_Sent, ...]
    connections: tuple[_Called, ...]


def scene(seed: int, requests: int = 50, connections: int = 4) -> Scene:
    """The world of a seed with that many requests and connections."""
    dice = random.Random(seed)
    objects = _surroundings(dice)
    gateways = [_gateway(dice, name) for name in (("edge", "inner")[: dice.choice((1, 1, 2))])]
    sets: list[Manifest] = []
    for name in ("edge", "s-two")[: dice.choice((0, 0, 1, 2))]:
        sets.append(_listener_set(dice, name, gateways, sets))
    parents = [*gateways, *sets]
    routes: list[Manifest] = []
    for _ in range(dice.randint(1, 6)):
        routes.append(generate_routes.route(dice, parents, tuple(NAMESPACES), routes))
    everything = [*objects, *gateways, *sets, *routes]
    dice.shuffle(everything)
    keys = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in gateways]
    targets = [one for one in _targets(gateways, sets, routes) if one.gateway in keys]
    return Scene(
        objects=everything,
        gateways=tuple(keys),
        requests=tuple(_request(dice, gateways, targets) for _ in range(requests)),
        connections=tuple(_connection(dice, gateways, targets) for _ in range(connections)),
    )


def secret(namespace: str, name: str, usable: bool = True) -> Manifest:
    """A TLS Secret; unusable: its certificate is no PEM."""
    certificate, key = _pair()
    data = {"tls.crt": certificate if usable else base64.b64encode(b"not a certificate").decode(), "tls.key": key}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/tls", "data": data}


@functools.cache
def _pair() -> tuple[str, str]:
    """One certificate for every hostname that is made here, as base64 of PEM, made once per process."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [name for name in (*generate_routes.HOSTNAMES, *generate_routes.HOSTS) if name]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in dict.fromkeys(names)]), False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(certificate).decode(), base64.b64encode(private).decode()


def _surroundings(dice: random.Random) -> list[Manifest]:
    """Namespaces, classes, Services, Secrets and grants."""
    found = [_plain("v1", "Namespace", name, labels=_labels(name, labels)) for name, labels in NAMESPACES.items()]
    for name, controller in (("ours", CONTROLLER), ("theirs", "example.com/other")):
        found.append(_plain(f"{GATEWAY_GROUP}/v1", "GatewayClass", name, spec={"controllerName": controller}))
    for namespace in NAMESPACES:
        for name in ("one", "two"):
            if dice.random() < 0.95:
                found.append(_service(namespace, name))
        outside = {"type": "ExternalName", "externalName": "outside.test", "ports": [_service_port(80)]}
        found.append(_plain("v1", "Service", "outside", namespace, spec=outside))
        if dice.random() < 0.97:
            found.append(secret(namespace, "cert"))
    found.append(secret("infra", "broken", usable=False))
    for index in range(dice.choice((0, 1, 3, 5))):
        found.append(_grant(dice, f"grant-{index}"))
    return found


def _labels(name: str, labels: dict[str, str]) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": name} | labels


def _plain(version: str, kind: str, name: str, namespace: str = "", labels: Any = None, spec: Any = None) -> Manifest:
    meta: Manifest = {"name": name, "creationTimestamp": "2024-01-01T00:00:00Z"}
    meta |= {"namespace": namespace} if namespace else {}
    meta |= {"labels": labels} if labels else {}
    return {"apiVersion": version, "kind": kind, "metadata": meta} | ({} if spec is None else {"spec": spec})


def _service_port(port: int, protocol: str = "TCP") -> Manifest:
    return {"name": f"{protocol.lower()}-{port}", "port": port, "targetPort": port, "protocol": protocol}


def _service(namespace: str, name: str) -> Manifest:
    ports = [_service_port(80), _service_port(8080), _service_port(53, "UDP"), _service_port(8080, "UDP")]
    spec = {"type": "ClusterIP", "clusterIP": "10.0.0.1", "selector": {"app": name}, "ports": ports}
    return _plain("v1", "Service", name, namespace, spec=spec)


def _grant(dice: random.Random, name: str) -> Manifest:
    kinds = ("HTTPRoute", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "Gateway", "ListenerSet")
    trusted = [
        {"group": GATEWAY_GROUP, "kind": dice.choice(kinds), "namespace": dice.choice(tuple(NAMESPACES))}
        for _ in range(dice.randint(1, 3))
    ]
    to: Manifest = {"group": "", "kind": dice.choice(("Service", "Service", "Secret"))}
    if dice.random() < 0.5:
        to["name"] = dice.choice(("one", "two", "cert"))
    return _plain(
        f"{GATEWAY_GROUP}/v1beta1",
        "ReferenceGrant",
        name,
        dice.choice(tuple(NAMESPACES)),
        spec={"from": trusted, "to": [to]},
    )


def _gateway(dice: random.Random, name: str) -> Manifest:
    spec: Manifest = {
        "gatewayClassName": "theirs" if dice.random() < 0.015 else "ours",
        "listeners": _listeners(dice, dice.randint(1, 5)),
    }
    if dice.random() < 0.85:
        source = dice.choice(("All",) * 5 + ("Same", "None", "Selector"))
        namespaces: Manifest = {"from": source}
        namespaces |= {"selector": dice.choice(SELECTORS)} if source == "Selector" else {}
        spec["allowedListeners"] = {"namespaces": namespaces}
    return _plain(f"{GATEWAY_GROUP}/v1", "Gateway", name, "infra", spec=spec)


def _listener_set(
    dice: random.Random, name: str, gateways: Sequence[Manifest], earlier: Sequence[Manifest]
) -> Manifest:
    """A ListenerSet, often with a listener that conflicts with one of the Gateway or of an earlier ListenerSet."""
    parent: Manifest = {"group": GATEWAY_GROUP, "kind": "Gateway", "namespace": "infra"}
    parent["name"] = dice.choice(gateways)["metadata"]["name"] if dice.random() < 0.95 else "missing"
    listeners = _listeners(dice, dice.randint(1, 3))
    if dice.random() < 0.5:
        same = copy.deepcopy(dice.choice(dice.choice([*gateways, *earlier])["spec"]["listeners"]))
        same |= {"name": "same", "allowedRoutes": _allowed_routes(dice)}
        others = [one for one in listeners if _flow(one) != _flow(same)]
        listeners = dice.choice(([same, *others], [*others, same]))
    spec = {"parentRef": parent, "listeners": listeners}
    made = _plain(f"{GATEWAY_GROUP}/v1", "ListenerSet", name, dice.choice(tuple(NAMESPACES)), spec=spec)
    made["metadata"]["creationTimestamp"] = dice.choice(generate_routes.TIMES)
    return made


def _listeners(dice: random.Random, count: int) -> list[Manifest]:
    """Listeners with unique names and unique (port, protocol, hostname), as the API server demands; some conflict."""
    found: list[Manifest] = []
    taken: set[tuple[Any, ...]] = set()
    for index in range(count):
        protocol = (
            "HTTP"
            if index == 0 and dice.random() < 0.8
            else dice.choice(("HTTP", "HTTP", "HTTP", "HTTP", "HTTPS", "HTTPS", "HTTPS", "TLS", "TLS", "TCP", "UDP"))
        )
        ports = [port for several in PORTS.values() for port in several]
        if dice.random() < 0.96:
            ports = list(PORTS[protocol])
        one: Manifest = {"name": f"l{index}", "port": dice.choice(ports), "protocol": protocol}
        hostname = dice.choice(("", "", *generate_routes.HOSTNAMES)) if protocol not in ("TCP", "UDP") else ""
        if hostname:
            one["hostname"] = hostname
        if protocol in ("HTTPS", "TLS"):
            one["tls"] = _tls(dice, protocol)
        one["allowedRoutes"] = _allowed_routes(dice)
        if _flow(one) not in taken:
            taken.add(_flow(one))
            found.append(one)
    return found


def _flow(listener: Manifest) -> tuple[Any, ...]:
    return listener["port"], listener["protocol"], listener.get("hostname")


def _tls(dice: random.Random, protocol: str) -> Manifest:
    if protocol == "TLS" and dice.random() < 0.6:
        return {"mode": "Passthrough"}
    names = ["cert"] if dice.random() < 0.93 else dice.choice((["broken"], ["missing"], ["missing", "cert"]))
    refs: list[Manifest] = [{"group": "", "kind": "Secret", "name": name} for name in names]
    if dice.random() < 0.08:
        refs[0]["namespace"] = dice.choice(tuple(NAMESPACES))
    return {"mode": "Terminate", "certificateRefs": refs}


def _allowed_routes(dice: random.Random) -> Manifest:
    source = dice.choice(("All",) * 6 + ("Same", "Selector"))
    namespaces: Manifest = {"from": source}
    namespaces |= {"selector": dice.choice(SELECTORS)} if source == "Selector" else {}
    found: Manifest = {"namespaces": namespaces}
    if dice.random() < 0.12:
        kinds = dice.sample(("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"), dice.randint(1, 2))
        found["kinds"] = [{"group": GATEWAY_GROUP, "kind": kind} for kind in kinds]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A Route that names the object of a listener whose protocol suits it; whether it may attach is not looked at."""

    gateway: tuple[str, str]
    listener: Manifest
    route: Manifest


def _targets(gateways: Sequence[Manifest], sets: Sequence[Manifest], routes: Sequence[Manifest]) -> list[_Target]:
    found = []
    for route in routes:
        for ref in route["spec"]["parentRefs"]:
            for owner in (*gateways, *sets):
                meta, parent = owner["metadata"], owner["spec"].get("parentRef", owner["metadata"])
                if (ref["kind"], ref["name"], ref.get("namespace")) != (owner["kind"], meta["name"], meta["namespace"]):
                    continue
                for listener in owner["spec"]["listeners"]:
                    named = ref.get("sectionName", listener["name"]) == listener["name"]
                    if named and route["kind"] in KINDS[listener["protocol"]]:
                        key = ("infra", parent["name"])
                        found.append(_Target(gateway=key, listener=listener, route=route))
    return found


def _chosen(dice: random.Random, targets: Sequence[_Target]) -> _Target:
    """Mostly a target whose hostnames meet: what does not meet is answered 404 in one way only."""
    meeting = [
        one
        for one in targets
        for name in one.route["spec"].get("hostnames", [""])
        if hostnames.intersection(one.listener.get("hostname", ""), name) is not None
    ]
    return dice.choice(meeting if meeting and dice.random() < 0.9 else targets)


def _request(dice: random.Random, gateways: Sequence[Manifest], targets: Sequence[_Target]) -> _Sent:
    """A request near what a Route on a listener matches; some of them to a port where nobody may listen."""
    key = (gateways[0]["metadata"]["namespace"], dice.choice(gateways)["metadata"]["name"])
    web = [one for one in targets if one.route["kind"] in ("HTTPRoute", "GRPCRoute")]
    if not web or dice.random() < 0.03:
        port = dice.choice((80, 443, 9000))
        return key, generate_routes.near(dice, None, port, "", [""] if port == 443 else [])
    target = _chosen(dice, web)
    listener = target.listener
    others = []
    if listener["protocol"] == "HTTPS":
        around = (one.listener for one in targets if one.gateway == target.gateway)
        others = [one.get("hostname", "") for one in around if one["protocol"] == "HTTPS"]
    name = listener.get("hostname", "")
    return target.gateway, generate_routes.near(dice, target.route, listener["port"], name, others)


def _connection(dice: random.Random, gateways: Sequence[Manifest], targets: Sequence[_Target]) -> _Called:
    key = (gateways[0]["metadata"]["namespace"], dice.choice(gateways)["metadata"]["name"])
    streams = [one for one in targets if one.route["kind"] in ("TLSRoute", "TCPRoute", "UDPRoute")]
    if not streams or dice.random() < 0.05:
        return key, Connection(port=dice.choice(STREAM_PORTS), protocol=dice.choice(("TCP", "UDP")))
    target = _chosen(dice, streams)
    listener = target.listener
    sni = ""
    if listener["protocol"] == "TLS":
        sni = generate_routes.host_near(dice, listener.get("hostname", ""), target.route)
    return target.gateway, Connection(port=listener["port"], protocol=listener["protocol"], sni=sni)
