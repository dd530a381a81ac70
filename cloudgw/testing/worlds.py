"""Worlds: what a Gateway wants, said once for every cloud, so that one law runs on all of them.

A World is small and plain; `routing` turns it into the routing model for real providers' `build`, `objects_graph` into
the desired graph of the in-memory cloud of small objects (`documents` has its own). The named worlds at the end are
those of the crash sweep.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cloudgw import objects
from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir

GATEWAY = "shop/edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """protocol is immutable on most clouds: changing it replaces the backend (real providers see another target port,
    which does the same). targets Unknown = slices not seen. policy: how pods are treated, of real providers alone."""

    targets: tuple[str, ...] | Unknown = ("10.0.1.10:8080", "10.0.2.10:8080")
    protocol: str = "HTTP"
    policy: ir.BackendPolicy | Unknown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """to: (service, weight) pairs, or a status answered by the load balancer. unknown: its answer cannot be known."""

    host: str
    path: str = "/"
    to: tuple[tuple[str, int], ...] = ()
    status: int = 0
    unknown: bool = False
    withdrawn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    key: str = "RSA-2048"
    fingerprint: str = "f1"
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """listeners: port -> certificate name or ""; rules in order of precedence, on every listener."""

    gateway: str = GATEWAY
    scheme: str = "internal"
    listeners: tuple[tuple[int, str], ...] = ((80, ""),)
    rules: tuple[Rule, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    title: str = ""
    ranges: tuple[str, ...] = ("10.0.0.0/8",)

    def with_rules(self, *rules: Rule) -> World:
        return replace(self, rules=rules)

    def with_service(self, name: str, service: Service) -> World:
        return replace(self, services={**self.services, name: service})

    def used(self) -> tuple[str, ...]:
        """Services that some rule sends requests to, sorted."""
        return tuple(sorted({name for rule in self.rules for name, weight in rule.to if weight}))


def objects_graph(world: World, cloud: str = "objects") -> model.Graph:
    """Desired graph on the in-memory cloud of small objects."""

    def at(kind: str, logical: str) -> model.Address:
        return model.address(world.gateway, cloud, kind, logical)

    balancer: dict[str, object] = {"scheme": world.scheme, "ranges": world.ranges}
    if world.title:
        balancer["title"] = world.title
    elements = [model.Element(address=at("balancer", "lb"), spec=balancer)]
    order: dict[str, tuple[model.Address, ...]] = {}
    withdrawn = set()
    for name, certificate in sorted(world.certificates.items()):
        spec: model.Spec | Unknown = {"key": certificate.key, "fingerprint": certificate.fingerprint}
        if certificate.unknown:
            spec = Unknown("the Secret could not be read")
        elements.append(model.Element(address=at("certificate", name), spec=spec))
    for port, certificate_name in world.listeners:
        ref = model.Ref(at("certificate", certificate_name), "ready") if certificate_name else None
        elements.append(
            model.Element(
                address=at("listener", str(port)),
                spec={"balancer": model.Ref(at("balancer", "lb")), "port": port, "certificate": ref},
            )
        )
        sequence = []
        for rule in world.rules:
            where = at("rule", f"{port}/{rule.host}{rule.path}")
            sequence.append(where)
            action: object = ("status", rule.status)
            if rule.unknown:
                action = Unknown("the grant could not be read")
            elif rule.to:
                action = ("forward", *((model.Ref(at("pool", n), "serving"), w) for n, w in rule.to if w))
            if rule.withdrawn:
                withdrawn.add(at("pool", rule.withdrawn))
            listener = model.Ref(at("listener", str(port)))
            fields = {"listener": listener, "host": rule.host, "path": rule.path, "action": action}
            elements.append(model.Element(address=where, spec=fields))
        order[at("listener", str(port))] = tuple(sequence)
    for name in world.used():
        service = world.services[name]
        elements.append(model.Element(address=at("pool", name), spec={"protocol": service.protocol, "check": "/"}))
        spec = {"pool": model.Ref(at("pool", name)), "targets": service.targets}
        elements.append(model.Element(address=at("targets", name), spec=spec))
    return model.graph(elements, order=order, withdrawn=frozenset(withdrawn))


def routing(world: World, parameters: objects.Parameters | None = None) -> ir.Routing:
    """The routing model of a World, for a real provider's build."""
    namespace, name = world.gateway.split("/")
    origin = objects.Origin(kind="Gateway", namespace=namespace, name=name)
    tables = []
    for port, certificate_name in world.listeners:
        certificates: tuple[ir.Certificate, ...] = ()
        if certificate_name:
            certificates = (_certificate(namespace, certificate_name, world.certificates[certificate_name], origin),)
        listener = ir.Listener(
            name=f"l{port}",
            owner=("Gateway", namespace, name),
            port=port,
            protocol="HTTPS" if certificate_name else "HTTP",
            certificates=certificates,
            origin=origin,
        )
        entries = tuple(_entry(namespace, listener.name, rule) for rule in world.rules)
        tables.append(ir.Table(port=port, protocol=listener.protocol, listeners=(listener,), entries=entries))
    backends = {
        ir.BackendKey(namespace=namespace, name=service, port=8080): _backend(namespace, service, world)
        for service in world.used()
    }
    return ir.Routing(
        namespace=namespace,
        name=name,
        gateway_class=None,
        parameters=parameters,
        tables=tuple(tables),
        backends=backends,
        known=tuple(sorted({(namespace, _route_of(rule)) for rule in world.rules})),
        complete=True,
        origin=origin,
    )


def _route_of(rule: Rule) -> str:
    return rule.host.replace("*", "any").replace(".", "-")


def _entry(namespace: str, listener: str, rule: Rule) -> ir.Entry:
    route = _route_of(rule)
    origin = objects.Origin(kind="HTTPRoute", namespace=namespace, name=route, section=f"rule {rule.path}")
    action: ir.Action | Unknown = ir.Respond(status=rule.status or 404)
    if rule.unknown:
        action = Unknown("the grant could not be read")
    elif rule.to:
        shares = tuple(
            ir.Share(to=ir.BackendKey(namespace=namespace, name=service, port=8080), weight=weight, origin=origin)
            for service, weight in rule.to
            if weight
        )
        action = ir.Forward(shares=shares)
    elif rule.withdrawn:
        key = ir.BackendKey(namespace=namespace, name=rule.withdrawn, port=8080)
        action = ir.Forward(shares=(ir.Share(to=500, weight=1, origin=origin, withdrawn=key),))
    digest = model.hash_of(rule.path)[:10]
    return ir.Entry(
        key=f"{listener}/{namespace}/{route}/{rule.host}/{digest}",
        listener=listener,
        hostname="" if rule.host == "*" else rule.host,
        match=objects.RouteMatch(path=objects.PathMatch(value=rule.path)),
        action=action,
        origin=origin,
    )


def _certificate(namespace: str, name: str, certificate: Certificate, origin: objects.Origin) -> ir.Certificate:
    return ir.Certificate(
        namespace=namespace,
        name=name,
        state="unknown" if certificate.unknown else "found",
        fingerprint="" if certificate.unknown else certificate.fingerprint,
        names=("shop.example",),
        key_type=certificate.key,
        reason="the Secret could not be read" if certificate.unknown else "",
        origin=origin,
    )


def _backend(namespace: str, service: str, world: World) -> ir.Backend:
    wanted = world.services[service]
    number = 0 if wanted.protocol == "HTTP" else 8081 + len(wanted.protocol)  # another port
    targets: tuple[ir.Target, ...] | Unknown = Unknown("slices not seen")
    if not isinstance(wanted.targets, Unknown):
        split = [target.rsplit(":", 1) for target in wanted.targets]
        targets = tuple(ir.Target(address=host, port=number or int(port)) for host, port in split)
    return ir.Backend(
        key=ir.BackendKey(namespace=namespace, name=service, port=8080),
        port_number=number or 8080,
        targets=targets,
        policy=wanted.policy,
        origin=objects.Origin(kind="Service", namespace=namespace, name=service),
    )


_TWO = (Rule(host="a.example", to=(("one", 1),)), Rule(host="b.example", to=(("two", 1),)))
BASE = World(rules=_TWO, services={"one": Service(), "two": Service(targets=("10.0.1.11:8080",))})
SECURE = replace(BASE, listeners=((80, ""), (443, "site")), certificates={"site": Certificate()})

JOURNEYS: dict[str, tuple[World | None, ...]] = {
    "create": (SECURE,),
    "insert route": (BASE, BASE.with_rules(Rule(host="a.example", path="/new", to=(("two", 1),)), *_TWO)),
    "replace target group": (BASE, BASE.with_service("one", Service(protocol="HTTPS"))),
    "replace load balancer": (BASE, replace(BASE, scheme="public")),
    "renew certificate in place": (SECURE, replace(SECURE, certificates={"site": Certificate(fingerprint="f2")})),
    "renew certificate by swap": (
        SECURE,
        replace(SECURE, certificates={"site": Certificate(key="EC-P-256", fingerprint="f3")}),
    ),
    "destroy": (SECURE, None),
}
"""Name -> worlds applied one after the other; None = nothing is wanted any more."""
