"""Short ways to write Snapshots in tests of routing: one Gateway shop/edge of our class, and what a test adds."""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw import objects
from cloudgw.objects import KubernetesObject, Meta, ObjectRef, Snapshot, Unknown
from cloudgw.routing import ir, resolve

EVERYTHING = frozenset({"*"})
CLASS = objects.GatewayClass(
    meta=Meta(name="cloud"),
    controller=objects.CONTROLLER_NAME,
    parameters=ObjectRef(group="cloudgw.dev", kind="ExampleParameters", name="cloud"),
)
PARAMETERS = objects.Parameters(meta=Meta(name="cloud"), kind="ExampleParameters", spec={})


def snapshot(
    *items: KubernetesObject,
    complete: frozenset[str] = EVERYTHING,
    unreadable: Sequence[tuple[str, str, str]] = (),
    absent: frozenset[tuple[str, str, str]] = frozenset(),
) -> Snapshot:
    found: dict[str, dict[objects.Key, KubernetesObject | Unknown]] = {}
    for item in items:
        found.setdefault(objects.kind_of(item), {})[item.meta.namespace, item.meta.name] = item
    for kind, namespace, name in unreadable:
        found.setdefault(kind, {})[namespace, name] = Unknown("a test says so")
    return Snapshot(objects=found, complete=complete, absent=absent)


def listener(name: str = "http", hostname: str = "", port: int = 80, protocol: str = "HTTP") -> objects.Listener:
    return objects.Listener(name=name, hostname=hostname, port=port, protocol=protocol)


def gateway(*listeners: objects.Listener) -> objects.Gateway:
    return objects.Gateway(
        meta=Meta(namespace="shop", name="edge"), class_name="cloud", listeners=listeners or (listener(),)
    )


def backend(name: str = "cart", port: int = 80, weight: int = 1, namespace: str = "shop") -> objects.BackendRef:
    return objects.BackendRef(ref=ObjectRef(kind="Service", namespace=namespace, name=name), port=port, weight=weight)


def rule(*matches: objects.RouteMatch, backends: Sequence[objects.BackendRef] = (backend(),)) -> objects.RouteRule:
    return objects.RouteRule(matches=matches or (objects.RouteMatch(),), backends=tuple(backends))


def path(value: str, kind: str = "PathPrefix") -> objects.RouteMatch:
    return objects.RouteMatch(path=objects.PathMatch(type=kind, value=value))


def route(
    name: str = "cart",
    *rules: objects.RouteRule,
    hostnames: tuple[str, ...] = (),
    namespace: str = "shop",
    created: str = "",
    parents: tuple[objects.ParentRef, ...] = (objects.ParentRef(namespace="shop", name="edge"),),
) -> objects.HTTPRoute:
    return objects.HTTPRoute(
        meta=Meta(namespace=namespace, name=name, created=created),
        parents=parents,
        hostnames=hostnames,
        rules=rules or (rule(),),
    )


def service(name: str = "cart", namespace: str = "shop", **more: objects.ServicePort) -> objects.Service:
    ports = tuple(more.values()) or (objects.ServicePort(port=80, target=8080),)
    return objects.Service(meta=Meta(namespace=namespace, name=name), ports=ports)


def endpoints(
    *addresses: str, service: str = "cart", name: str = "", family: str = "IPv4", port: tuple[str, int] = ("", 8080)
) -> objects.EndpointSlice:
    return objects.EndpointSlice(
        meta=Meta(namespace="shop", name=name or f"{service}-x"),
        service=service,
        address_type=family,
        ports=(port,),
        endpoints=tuple(objects.Endpoint(addresses=(address,)) for address in addresses),
    )


def grant(
    namespace: str, *, kind: str = "HTTPRoute", source: str = "shop", to: str = "Service", name: str = ""
) -> objects.ReferenceGrant:
    return objects.ReferenceGrant(
        meta=Meta(namespace=namespace, name="grant"),
        froms=((objects.GATEWAY_GROUP, kind, source),),
        tos=(("", to, name),),
    )


def resolved(snapshot: Snapshot) -> ir.Routing:
    """The routing of the only Gateway."""
    (routing,) = resolve.resolve(snapshot).gateways
    return routing


def codes(routing: ir.Routing) -> list[str]:
    return [note.code for note in routing.notes]
