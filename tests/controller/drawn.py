"""Worlds for the store's laws: those that the oracle draws, with what the oracle leaves out, and ways to change them.

A World is what a cluster holds and what of it can be seen: the same objects go into a Store, one by one, and into one
Snapshot of everything, which the laws compare. Must never ask the store what belongs together.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cloudgw import objects
from cloudgw.controller import names
from cloudgw.controller import store as stores
from cloudgw.controller.store import Live, Store
from cloudgw.objects import GATEWAY_GROUP, Key, Snapshot, Unknown
from cloudgw.routing import ir, resolve
from cloudgw.sources import catalog
from tests.cluster import samples, schemas
from tests.oracle import generate

CLASS_PARAMETERS, PARAMETERS = "ExampleGatewayClassParameters", "ExampleGatewayParameters"
KINDS = (*(kind for _, kind in catalog.KINDS), CLASS_PARAMETERS, PARAMETERS)
CHANGES = ("drop", "unreadable", "incomplete", "complete", "complete", *["edit"] * 6, *["put"] * 12)
At = tuple[str, Key]  # (kind, key)


@dataclass(slots=True)
class World:
    lives: dict[At, Live] = field(default_factory=dict)
    complete: set[str] = field(default_factory=lambda: set(KINDS))
    controller: str = objects.CONTROLLER_NAME

    def everything(self) -> Snapshot:
        found: dict[str, dict[Key, Any]] = {}
        for (kind, key), one in self.lives.items():
            found.setdefault(kind, {})[key] = one.item
        materials = {one.material.fingerprint: one.material for one in self.lives.values() if one.material is not None}
        return Snapshot(objects=found, complete=frozenset(self.complete), materials=materials)

    def gateways(self) -> list[Key]:
        return [key for kind, key in self.lives if kind == "Gateway"]

    def routings(self, snapshot: Snapshot | None = None) -> dict[Key, ir.Routing]:
        found = resolve.resolve(snapshot or self.everything(), self.controller).gateways
        return {(one.namespace, one.name): one for one in found}

    def reaching(self, at: At) -> set[Key]:
        """The Gateways with a route that names the Service of an EndpointSlice, or any of its namespace where it cannot
        be read: the slow way, by looking at everything."""
        one = self.lives.get(at)
        if one is None:
            return set()
        item = one.item
        found: set[Key] = set()
        for route in self.lives.values():
            if not isinstance(route.item, objects.Route):
                continue
            refs = [ref for rule in route.item.rules for ref in _mirrors(rule.filters)]
            for backend in (backend for rule in route.item.rules for backend in rule.backends):
                refs += [backend.ref, *_mirrors(backend.filters)]
            services = {ref.name for ref in refs if (ref.kind, ref.namespace) == ("Service", at[1][0])}
            if services and (not isinstance(item, objects.EndpointSlice) or item.service in services):
                for parent in route.item.parents:
                    found |= self._gateways_of(parent.kind, (parent.namespace, parent.name))
        return found

    def _gateways_of(self, kind: str, key: Key) -> set[Key]:
        one = self.lives.get((kind, key))
        if kind == "ListenerSet" and one is not None and isinstance(one.item, objects.ListenerSet):
            return {(one.item.parent.namespace, one.item.parent.name)}
        return {key} if kind == "Gateway" else set()

    def fill(self, store: Store, dice: random.Random | None = None) -> None:
        """In any order."""
        order = list(self.lives.items())
        (dice or random.Random(0)).shuffle(order)
        for kind in self.complete:
            store.complete(kind)
        for (kind, key), one in order:
            store.put(kind, key, one)


def _mirrors(filters: Iterable[objects.Filter]) -> list[objects.ObjectRef]:
    return [one.ref for one in filters if isinstance(one, objects.RequestMirror)]


def read(documents: Iterable[dict[str, Any]]) -> dict[At, Live]:
    found: dict[At, Live] = {}
    for data in documents:
        key, one = stores.live(data["kind"], data)
        found[data["kind"], key] = one
    return found


def is_read(data: dict[str, Any]) -> bool:
    """Whether the controller asks for objects of this kind."""
    group = str(data["apiVersion"]).rpartition("/")[0]
    return (group, data["kind"]) in catalog.KINDS or group == objects.OWN_GROUP


def routing_of(snapshot: Snapshot, gateway: Key, controller: str) -> ir.Routing | None:
    found = resolve.resolve(snapshot, controller, only={gateway}).gateways
    return found[0] if found else None


def same(one: ir.Routing | None, other: ir.Routing | None) -> bool:
    """`known` counts only where something may be missing: nobody asks for it of a complete routing."""
    if one is None or other is None:
        return one is other
    if one.complete and other.complete:
        return dataclasses.replace(one, known=()) == dataclasses.replace(other, known=())
    return one == other


def _plain(version: str, kind: str, namespace: str, name: str, **more: Any) -> dict[str, Any]:
    created = "2024-01-01T00:00:00Z"
    metadata = {"name": name, "creationTimestamp": created, "generation": 1, "labels": more.pop("labels", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def _slice(dice: random.Random, namespace: str, service: str, number: int) -> dict[str, Any]:
    addresses = [f"10.0.{number}.{dice.randint(1, 9)}" for _ in range(dice.randint(0, 3))]
    return _plain(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        namespace,
        f"{service}-{number}",
        labels={"kubernetes.io/service-name": dice.choice((service, service, "one", "two", ""))},
        addressType=dice.choice(("IPv4", "IPv4", "IPv4", "IPv6")),
        ports=[{"name": "tcp-80", "port": dice.choice((8080, 8081))}],
        endpoints=[{"addresses": [one], "conditions": {"ready": dice.random() < 0.8}} for one in addresses],
    )


def _policy(dice: random.Random, namespace: str, name: str) -> dict[str, Any]:
    targets = [
        {"group": "", "kind": "Service", "name": one}
        for one in dice.sample(("one", "two", "missing"), dice.choice((1, 2)))
    ]
    if dice.random() < 0.3:
        targets[0]["sectionName"] = dice.choice(("tcp-80", "missing"))
    ref = {"group": "", "kind": "ConfigMap", "name": dice.choice(("ca", "ca", "missing"))}
    trust: dict[str, Any] = dice.choice(({"caCertificateRefs": [ref]}, {"wellKnownCACertificates": "System"}))
    spec: dict[str, Any] = {"targetRefs": targets, "validation": {"hostname": "pod.example.com", **trust}}
    if dice.random() < 0.1:
        spec["nobodyKnows"] = 1
    found = _plain(f"{GATEWAY_GROUP}/v1", "BackendTLSPolicy", namespace, name, spec=spec)
    found["metadata"]["creationTimestamp"] = dice.choice(("2024-01-01T00:00:00Z", "2023-01-01T00:00:00Z"))
    return found


def _treatment(dice: random.Random, namespace: str, name: str) -> dict[str, Any]:
    targets = [{"name": one} for one in dice.sample(("one", "two", "copies", "missing"), dice.choice((1, 2)))]
    if dice.random() < 0.3:
        targets[0]["sectionName"] = dice.choice(("tcp-80", "missing"))
    spec: dict[str, Any] = {"targetRefs": targets, "healthCheck": {"path": dice.choice(("/a", "/b"))}}
    if dice.random() < 0.1:
        spec["nobodyKnows"] = 1
    found = _plain("cloudgw.dev/v1alpha1", "BackendPolicy", namespace, name, spec=spec)
    found["metadata"]["creationTimestamp"] = dice.choice(("2024-01-01T00:00:00Z", "2023-01-01T00:00:00Z"))
    return found


def _grant_of_authorities(namespace: str) -> dict[str, Any]:
    trusted = [{"group": GATEWAY_GROUP, "kind": "Gateway", "namespace": "infra"}]
    spec = {
        "from": trusted,
        "to": [{"group": "", "kind": "ConfigMap"}, {"group": "", "kind": "Secret", "name": "cert"}],
    }
    return _plain(f"{GATEWAY_GROUP}/v1", "ReferenceGrant", namespace, "authorities", spec=spec)


@functools.cache
def _authority() -> str:
    found: str = generate.secret("a", "cert")["data"]["tls.crt"]
    return base64.b64decode(found).decode()


def _more(dice: random.Random, manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the oracle leaves out: parameters, endpoints, policies, authorities, definitions, client certificates."""
    found: list[dict[str, Any]] = []
    for one in manifests:
        spec = one.get("spec", {})
        if one["kind"] == "GatewayClass" and dice.random() < 0.9:
            kind = dice.choice((CLASS_PARAMETERS,) * 12 + (PARAMETERS, "Secret"))
            group = dice.choice(("cloudgw.dev",) * 12 + ("example.com",))
            spec["parametersRef"] = {"group": group, "kind": kind, "name": dice.choice(("cloud",) * 5 + ("missing",))}
        if one["kind"] == "HTTPRoute":
            for backend in (backend for rule in spec["rules"] for backend in rule.get("backendRefs", ())):
                if dice.random() < 0.15:
                    ref = {"name": dice.choice(("one", "copies")), "port": 80, "namespace": dice.choice(("a", "infra"))}
                    backend.setdefault("filters", []).append(
                        {"type": "RequestMirror", "requestMirror": {"backendRef": ref}}
                    )
        if one["kind"] != "Gateway":
            continue
        if dice.random() < 0.3:
            ref = {"group": "cloudgw.dev", "kind": PARAMETERS, "name": dice.choice(("mine", "missing"))}
            spec["infrastructure"] = {"parametersRef": ref}
        if dice.random() < 0.3:
            where = {"namespace": dice.choice(("infra", "a"))}
            trust = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca", **where}]}
            apart = {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "apart", **where}]}
            spec.setdefault("tls", {})["frontend"] = {
                "default": {"validation": trust} if dice.random() < 0.8 else {},
                "perPort": [{"port": dice.choice((443, 8443)), "tls": {"validation": apart}}]
                if dice.random() < 0.5
                else [],
            }
        if dice.random() < 0.2:
            ref = {"name": dice.choice(("cert", "missing")), "namespace": dice.choice(("infra", "a"))}
            spec.setdefault("tls", {})["backend"] = {"clientCertificateRef": ref}
    found.append(_plain("cloudgw.dev/v1alpha1", CLASS_PARAMETERS, "", "cloud", spec={"account": dice.choice("ab")}))
    found.append(_plain("cloudgw.dev/v1alpha1", PARAMETERS, "infra", "mine", spec={}))
    found.append(_plain("cloudgw.dev/v1alpha1", "GatewayPlan", "infra", "edge", spec={"approvedDigests": []}))
    found.append(_plain("cloudgw.dev/v1alpha1", "GatewayState", "system", "edge", spec={}))
    release = {"annotations": {f"{GATEWAY_GROUP}/bundle-version": dice.choice(("v1.6.0", "v2.0.0"))}}
    definition = _plain("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", f"gateways.{GATEWAY_GROUP}")
    found.append(definition | {"metadata": definition["metadata"] | release})
    for namespace in generate.NAMESPACES:
        for name in ("ca", "apart"):
            text = dice.choice((_authority(),) * 4 + ("nothing",))
            found.append(_plain("v1", "ConfigMap", namespace, name, data={"ca.crt": text}))
        found.append(_plain("v1", "Service", namespace, "copies", spec={"ports": [{"name": "tcp-80", "port": 80}]}))
        for service in ("one", "two", "copies"):
            found += [_slice(dice, namespace, service, number) for number in range(dice.randint(0, 2))]
        if dice.random() < 0.4:
            found.append(_policy(dice, namespace, dice.choice(("p", "q"))))
        if dice.random() < 0.5:
            found.append(_treatment(dice, namespace, dice.choice(("p", "q"))))
        if dice.random() < 0.3:
            found.append(_grant_of_authorities(namespace))
    found.append(_plain("v1", "Node", "", "n1", status={"addresses": []}))
    return found


def manifests(seed: int) -> list[dict[str, Any]]:
    """A world of the oracle's, and more. Two seeds use the same few names, so that one changes the other."""
    dice = random.Random(seed)
    found = generate.scene(seed, 0, 0).objects
    return [*found, *_more(dice, found)]


def world(seed: int) -> World:
    return World(lives=read(manifests(seed)))


SAMPLED = ("GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute") + (
    "ReferenceGrant",
    "BackendTLSPolicy",
)
_NAMES = ("web", "shop.example", "a.b-c.d0", "9", "two", "twice", "ports", "apart")
_NAMESPACES = ("a", "web", "edge")


def sampled(seed: int) -> World:
    """Objects of `samples`, as an API server accepts them, renamed so that some of their references meet."""
    dice = random.Random(seed)
    documents = []
    for number in range(seed * 6, seed * 6 + 6):
        for name in SAMPLED:
            kind = schemas.Kind(
                channel="experimental",
                kind=name,
                version="v1",
                plural="",
                namespaced=name != "GatewayClass",
                served=True,
                preferred=True,
                schema={},
            )
            data = samples.sample(kind, number)
            data["metadata"]["name"] = dice.choice(_NAMES)
            if kind.namespaced:
                data["metadata"]["namespace"] = dice.choice(_NAMESPACES)
            if name == "GatewayClass":
                data["metadata"]["name"] = dice.choice(("web", "9"))
                data["spec"]["controllerName"] = dice.choice(("example.net/gateway", "example.net/gateway", "a/b"))
            if name == "Gateway":
                data["spec"]["gatewayClassName"] = dice.choice(("web", "web", "9"))
            documents.append(data)
    for namespace in _NAMESPACES:
        documents.append(_plain("v1", "Namespace", "", namespace))
        documents.append(generate.secret(namespace, "web"))
        ports = [{"name": f"p{port}", "port": port} for port in (1, 80, 443, 8080, 65535)]
        documents += [_plain("v1", "Service", namespace, name, spec={"ports": ports}) for name in _NAMES]
    return World(lives=read(documents), controller="example.net/gateway")


def edited(dice: random.Random, at: At, one: Live) -> Live:
    """The same object with something changed that no other world has."""
    kind, item = at[0], one.item
    if isinstance(item, Unknown):
        return dataclasses.replace(one, item=Unknown(f"{item.reason}!"))
    meta = item.meta
    if dice.random() < 0.3:
        unhandled = dice.choice(((), ("/spec/nobodyKnows",), ("/spec/allowedListeners/nobodyKnows",)))
        return dataclasses.replace(
            one, item=dataclasses.replace(item, meta=dataclasses.replace(meta, unhandled=unhandled))
        )
    if kind == "Namespace":
        labels = dice.choice(({}, {"team": "a"}, {"team": "b", "tier": "gold"}, {"tier": "gold"}))
        return dataclasses.replace(one, item=dataclasses.replace(item, meta=dataclasses.replace(meta, labels=labels)))
    if isinstance(item, objects.Gateway):
        finalizers = dice.choice(((), (names.FINALIZER,)))
        name = dice.choice(("ours",) * 6 + ("theirs", "missing"))
        return dataclasses.replace(one, finalizers=finalizers, item=dataclasses.replace(item, class_name=name))
    created = dice.choice(("", "2022-01-01T00:00:00Z", "2025-01-01T00:00:00Z"))
    meta = dataclasses.replace(meta, created=created, generation=meta.generation + 1, uid=f"u{dice.randint(1, 3)}")
    return dataclasses.replace(one, item=dataclasses.replace(item, meta=meta))


def change(dice: random.Random, world: World, other: World, store: Store) -> tuple[str, At]:
    """One change of the world, told to the store: what was done, and to what."""
    what = dice.choice(CHANGES)
    if what in ("complete", "incomplete"):
        kind = dice.choice(KINDS)
        if what == "complete":
            world.complete.add(kind)
            store.complete(kind)
        else:
            world.complete.discard(kind)
            store.incomplete(kind, "the server does not answer")
        return what, (kind, ("", ""))
    there = sorted(other.lives if what == "put" else world.lives or other.lives)
    kind = dice.choice(sorted({kind for kind, _ in there}))
    at = dice.choice([one for one in there if one[0] == kind])
    if what == "drop":
        world.lives.pop(at, None)
        store.drop(*at)
        return what, at
    one = other.lives[at] if what == "put" else world.lives.get(at) or other.lives[at]
    if what == "unreadable":
        one = dataclasses.replace(one, item=Unknown("/spec: is no mapping; write one"), material=None)
    elif what == "edit":
        one = edited(dice, at, one)
    world.lives[at] = one
    store.put(*at, one)
    return what, at
