"""Valid objects for the tests of admission, and a way to change one field of them."""

from __future__ import annotations

import copy
from typing import Any

GROUP = "gateway.networking.k8s.io"

SPECS: dict[str, dict[str, Any]] = {
    "GatewayClass": {"controllerName": "example.com/controller"},
    "Gateway": {
        "gatewayClassName": "front",
        "listeners": [
            {"name": "web", "port": 80, "protocol": "HTTP"},
            {
                "name": "tls",
                "port": 443,
                "protocol": "HTTPS",
                "hostname": "*.example.com",
                "tls": {"certificateRefs": [{"name": "cert"}]},
            },
        ],
    },
    "HTTPRoute": {
        "parentRefs": [{"name": "web"}],
        "hostnames": ["shop.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/buy"}}],
                "filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "internal.example.com"}}],
                "backendRefs": [{"name": "shop", "port": 80}, {"name": "shop-next", "port": 80, "weight": 0}],
            }
        ],
    },
    "GRPCRoute": {
        "rules": [{"matches": [{"method": {"service": "shop.Cart"}}], "backendRefs": [{"name": "a", "port": 1}]}]
    },
    "TLSRoute": {"hostnames": ["a.example.com"], "rules": [{"backendRefs": [{"name": "a", "port": 443}]}]},
    "TCPRoute": {"rules": [{"backendRefs": [{"name": "a", "port": 5432}]}]},
    "UDPRoute": {"rules": [{"backendRefs": [{"name": "a", "port": 53}]}]},
    "BackendTLSPolicy": {
        "targetRefs": [{"group": "", "kind": "Service", "name": "a"}],
        "validation": {"wellKnownCACertificates": "System", "hostname": "a.example.com"},
    },
    "ReferenceGrant": {
        "from": [{"group": GROUP, "kind": "HTTPRoute", "namespace": "shop"}],
        "to": [{"group": "", "kind": "Service"}],
    },
    "ListenerSet": {"parentRef": {"name": "web"}, "listeners": [{"name": "more", "port": 8080, "protocol": "HTTP"}]},
}


def manifest(kind: str, version: str = "v1", *, group: str = GROUP) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": {"name": "first"},
        "spec": copy.deepcopy(SPECS[kind]),
    }


def changed(kind: str, pointer: str, value: Any, version: str = "v1") -> dict[str, Any]:
    """A valid manifest with one field set; a value of `...` takes it away."""
    made: Any = manifest(kind, version)
    held = made
    *above, last = [int(key) if key.isdigit() else key for key in pointer.split("/")[1:]]
    for key in above:
        held = held[key]
    if value is ...:
        del held[last]
    elif isinstance(held, list) and last == len(held):
        held.append(value)
    else:
        held[last] = value
    return dict(made)
