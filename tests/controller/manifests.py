"""Small objects for tests on the stage: a class, a Gateway, a route with its Service and endpoints; as dictionaries.

Called by the tests of what stands beside the controller, of its modes, moves and rights. Everything lies in namespace
`shop` unless told otherwise. This module must never talk to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.objects import CONTROLLER_NAME

API = "gateway.networking.k8s.io/v1"
OWN = "cloudgw.dev/v1alpha1"
AWS: Mapping[str, Any] = {
    "region": "eu-central-1",
    "vpcId": "vpc-00000000000000001",
    "subnets": {"roleTag": "auto"},
    "exposure": "Internal",
    "allowedSourceRanges": ["10.0.0.0/16"],
}
AZURE: Mapping[str, Any] = {
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "resourceGroup": "rg-edge",
    "location": "westeurope",
    "subnet": {"virtualNetwork": "vnet-edge", "name": "snet-appgw"},
    "exposure": "Internal",
    "notFoundBackend": {"address": "10.0.64.250", "port": 8404},
}
GCP: Mapping[str, Any] = {
    "projectId": "cloudgw-local",
    "region": "europe-west1",
    "location": "Regional",
    "network": {"name": "net-edge"},
    "subnetwork": {"name": "subnet-nodes"},
    "exposure": "Internal",
    "zones": ["europe-west1-b"],
}
KINDS = {"aws": ("AWSGatewayClassParameters", AWS), "azure": ("AzureGatewayClassParameters", AZURE),
         "gcp": ("GCPGatewayClassParameters", GCP)}  # fmt: skip


def document(api: str, kind: str, name: str, namespace: str = "shop", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def of_class(name: str = "aws", cloud: str = "aws", **fields: Any) -> list[dict[str, Any]]:
    """A GatewayClass of ours and its parameters, both of one name. fields: over those of the cloud's example."""
    kind, known = KINDS[cloud]
    reference = {"group": "cloudgw.dev", "kind": kind, "name": name}
    spec = {"controllerName": CONTROLLER_NAME, "parametersRef": reference}
    return [
        document(OWN, kind, name, "", spec={**known, **fields}),
        document(API, "GatewayClass", name, "", spec=spec),
    ]


def foreign_class(name: str, controller: str = "example.com/other") -> dict[str, Any]:
    return document(API, "GatewayClass", name, "", spec={"controllerName": controller})


def gateway(
    name: str = "edge", of: str = "aws", *, listener: Mapping[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    http = {"name": "http", "protocol": "HTTP", "port": 80, **(listener or {})}
    return document(API, "Gateway", name, spec={"gatewayClassName": of, "listeners": [http], **spec})


def route(name: str, *parents: str, service: str = "web", namespace: str = "shop", path: str = "/") -> dict[str, Any]:
    """Everything below a path of shop.example.com to a Service; parents are Gateways of `shop`."""
    refs = [{"name": one, **({"namespace": "shop"} if namespace != "shop" else {})} for one in parents]
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "backendRefs": [{"name": service, "port": 80}],
    }
    spec = {"parentRefs": refs, "hostnames": ["shop.example.com"], "rules": [rule]}
    return document(API, "HTTPRoute", name, namespace, spec=spec)


def service(name: str = "web", *addresses: str, namespace: str = "shop") -> list[dict[str, Any]]:
    """A Service without a selector, and its endpoints."""
    label = {"labels": {"kubernetes.io/service-name": name}}
    endpoints = [
        {"addresses": [one], "zone": "eu-central-1a", "conditions": {"ready": True}}
        for one in addresses or ("10.0.64.11", "10.0.65.11")
    ]
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    return [
        document("v1", "Service", name, namespace, spec={"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}),
        document(
            "discovery.k8s.io/v1", "EndpointSlice", f"{name}-1", namespace,
            metadata=label, addressType="IPv4", ports=ports, endpoints=endpoints,
        ),
    ]  # fmt: skip


def shop(name: str = "edge", of: str = "aws") -> list[dict[str, Any]]:
    """A Gateway with one route to one Service."""
    return [gateway(name, of), *service(), route("web", name)]
