"""Single objects for the store's tests: a Gateway, its class, a route, a Service and its endpoints."""

from __future__ import annotations

from typing import Any

from cloudgw.objects import (
    CONTROLLER_NAME,
    BackendRef,
    Endpoint,
    EndpointSlice,
    Gateway,
    GatewayClass,
    HTTPRoute,
    Key,
    Listener,
    Meta,
    ObjectRef,
    ParentRef,
    RouteRule,
    Service,
    ServicePort,
)

EDGE: Key = ("shop", "edge")


def gateway(name: str = "edge", class_name: str = "ours", **more: Any) -> Gateway:
    listener = Listener(name="web", port=80, protocol="HTTP")
    return Gateway(meta=Meta(namespace="shop", name=name), class_name=class_name, listeners=(listener,), **more)


def gateway_class(name: str = "ours", controller: str = CONTROLLER_NAME, **more: Any) -> GatewayClass:
    return GatewayClass(meta=Meta(name=name), controller=controller, **more)


def route(name: str, *parents: str, service: str = "cart", namespace: str = "shop") -> HTTPRoute:
    ref = ObjectRef(kind="Service", namespace=namespace, name=service)
    return HTTPRoute(
        meta=Meta(namespace=namespace, name=name),
        parents=tuple(ParentRef(namespace="shop", name=parent) for parent in parents),
        rules=(RouteRule(backends=(BackendRef(ref=ref, port=80),)),),
    )


def endpoints(service: str, *addresses: str, namespace: str = "shop", generation: int = 1) -> EndpointSlice:
    return EndpointSlice(
        meta=Meta(namespace=namespace, name=f"{service}-1", generation=generation),
        service=service,
        ports=(("", 8080),),
        endpoints=tuple(Endpoint(addresses=(address,)) for address in addresses),
    )


def served(service: str, namespace: str = "shop") -> Service:
    return Service(meta=Meta(namespace=namespace, name=service), ports=(ServicePort(port=80),))
