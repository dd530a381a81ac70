"""The world of `make bench-controller`, and its calls at AWS's own pace; `bench_controller` creates and changes it.

Every Gateway has one listener, 25 HTTPRoutes with one rule each over 12 Services with two EndpointSlices of three pods;
the other slices belong to Services that no route names, as in any cluster. Pure; the same objects every time, and no
name of it exists anywhere.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.provider import Rate
from cloudgw_aws import rates

ROUTES, SERVICES, SLICES, PODS = 25, 12, 50, 3  # of a Gateway, of a Gateway, of a Gateway, of a slice
OF_SERVICE = 2  # slices of a Service that a route names
API, CLASS = "gateway.networking.k8s.io/v1", "bench"
OWN = "cloudgw.dev/v1alpha1"
NETWORK = "10.0"  # of the local AWS's VPC, a /16
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    gateways: int

    @property
    def routes(self) -> int:
        return self.gateways * ROUTES

    @property
    def slices(self) -> int:
        return self.gateways * SLICES

    @property
    def services(self) -> int:
        return self.gateways * (SERVICES + _idle())


def namespace(team: int) -> str:
    return f"team-{team:03}"


def address(team: int, service: int, piece: int, pod: int) -> str:
    number = ((team * SERVICES + service) * OF_SERVICE + piece) * PODS + pod + 256
    return f"{NETWORK}.{number // 256}.{number % 256}"


def spare(number: int) -> str:
    """Addresses that no pod of the world has."""
    return f"{NETWORK}.{200 + number // 250}.{number % 250 + 1}"


def shared(region: str, vpc: str, pods_group: str) -> list[Object]:
    """The class and its parameters."""
    parameters = {
        "region": region,
        "vpcId": vpc,
        "subnets": {"roleTag": "auto"},
        "exposure": "Internal",
        "allowedSourceRanges": [f"{NETWORK}.0.0/16"],
        "backendSecurityGroups": [pods_group],
    }
    reference = {"group": "cloudgw.dev", "kind": "AWSGatewayClassParameters", "name": CLASS}
    spec = {"controllerName": "cloudgw.dev/gateway-controller", "parametersRef": reference}
    return [
        {"apiVersion": OWN, "kind": reference["kind"], "metadata": {"name": CLASS}, "spec": parameters},
        {"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": CLASS}, "spec": spec},
    ]


def team(number: int) -> Iterator[Object]:
    """Everything of one Gateway but its namespace and itself."""
    place = namespace(number)
    for service in range(SERVICES + _idle()):
        metadata = {"name": f"app-{service}", "namespace": place}
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
        for piece in range(OF_SERVICE):
            yield slice_(number, service, piece)
    for route in range(ROUTES):
        yield route_(number, route, "0")


def gateway(number: int) -> Object:
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": {"from": "Same"}}}
    metadata = {"name": "edge", "namespace": namespace(number)}
    return {"apiVersion": API, "kind": "Gateway", "metadata": metadata,
            "spec": {"gatewayClassName": CLASS, "listeners": [listener]}}  # fmt: skip


def slice_(number: int, service: int, piece: int) -> Object:
    pods = [address(number, service, piece, pod) for pod in range(PODS)]
    if service >= SERVICES:  # no route names it: nobody registers its pods
        pods = [f"10.1.0.{pod + 1}" for pod in range(PODS)]
    metadata = {
        "name": f"app-{service}-{piece}",
        "namespace": namespace(number),
        "labels": {"kubernetes.io/service-name": f"app-{service}"},
    }
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": endpoints(pods)}  # fmt: skip


def endpoints(pods: list[str]) -> list[Object]:
    return [{"addresses": [pod], "conditions": {"ready": True}, "zone": "eu-central-1a"} for pod in pods]


def route_(number: int, route: int, version: str) -> Object:
    metadata = {"name": f"route-{route}", "namespace": namespace(number)}
    spec = {
        "parentRefs": [{"name": "edge", "sectionName": "http"}],
        "hostnames": [f"app-{route}.{namespace(number)}.example.com"],
        "rules": rules(route, version),
    }
    return {"apiVersion": API, "kind": "HTTPRoute", "metadata": metadata, "spec": spec}


def rules(route: int, version: str) -> list[Object]:
    """version: part of the path, so that a changed route can be told in the cloud's journal."""
    match = {"path": {"type": "PathPrefix", "value": f"/v{version}"}}
    return [{"matches": [match], "backendRefs": [{"name": f"app-{route % SERVICES}", "port": 80}]}]


def bound(calls: Mapping[str, int]) -> tuple[float, str]:
    """Seconds that AWS's own buckets make of these calls ("elbv2 CreateRule" -> how often) when they were full before,
    whatever the client does; and which bucket it is. A bucket of capacity c and refill r gives n calls in (n - c) / r.
    """
    drawn: collections.Counter[Rate] = collections.Counter()
    for call, count in calls.items():
        for bucket in rates.rates(call.replace(" ", ":")):
            drawn[bucket] += count
    waits = {rate.name: max(0.0, (count - rate.capacity) / rate.refill) for rate, count in drawn.items()}
    slowest = max(waits, key=lambda name: waits[name], default="")
    return round(waits.get(slowest, 0.0), 1), slowest


def is_read(call: str) -> bool:
    return call.split()[1].startswith(("Describe", "List", "Get"))


def _idle() -> int:
    """Services of a Gateway's namespace that no route names."""
    return SLICES // OF_SERVICE - SERVICES
