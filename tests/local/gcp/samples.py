"""Good bodies of every kind of load-balancer resource, and a whole load balancer in the order of its making.

Tests change one thing in a good body and expect one refusal. Every call returns a new body; names of the start world
are spelled out here, because clients rely on them. No body holds a real secret: keys are made anew in each process.
"""

from __future__ import annotations

import datetime
import functools
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cloudgw_local import gcp
from cloudgw_local.gcp import names

Json = dict[str, Any]
GLOBAL, REGIONAL, ZONE = "global", f"regions/{gcp.REGION}", f"zones/{gcp.ZONES[0]}"
NODES = {"node-b": ("10.0.0.11", "10.0.64"), "node-c": ("10.0.0.12", "10.0.80"), "node-d": ("10.0.0.13", "10.0.96")}
SOURCES = ["130.211.0.0/22", "35.191.0.0/16"]


def link(scope: str, collection: str, name: str) -> str:
    return names.Place(project=gcp.PROJECT, scope=scope, collection=collection, name=name).link


NETWORK = link(GLOBAL, "networks", gcp.NETWORK)
CLOSED = link(GLOBAL, "networks", "net-closed")
SUBNETWORK = link(REGIONAL, "subnetworks", "subnet-nodes")
CLOSED_SUBNETWORK = link(REGIONAL, "subnetworks", "subnet-closed")


def health_check(name: str = "hc", **more: Any) -> Json:
    return {"name": name, "type": "HTTP", "httpHealthCheck": {"port": 8080, "requestPath": "/ready"}, **more}


def group(name: str = "neg", **more: Any) -> Json:
    """A group for addresses and ports of the nodes' subnetwork."""
    body = {"name": name, "networkEndpointType": "GCE_VM_IP_PORT", "network": NETWORK, "subnetwork": SUBNETWORK}
    return body | {"defaultPort": 8080} | more


def endpoint(last: int = 5, node: str = "node-b", port: int | None = 8080) -> Json:
    """A pod of a node: 10.0.64.5:8080 of node-b and so on."""
    body: Json = {"instance": node, "ipAddress": f"{NODES[node][1]}.{last}"}
    return body if port is None else body | {"port": port}


def endpoints(*given: Json) -> Json:
    return {"networkEndpoints": list(given)}


def backend(zone: str = ZONE, name: str = "neg", **more: Any) -> Json:
    body = {"group": link(zone, "networkEndpointGroups", name), "balancingMode": "RATE", "maxRatePerEndpoint": 1000}
    return body | more


def service(name: str = "bs", scope: str = GLOBAL, **more: Any) -> Json:
    body = {
        "name": name,
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "protocol": "HTTP",
        "healthChecks": [link(scope, "healthChecks", "hc")],
        "backends": [backend()],
    }
    return body | more


def url_map(name: str = "map", scope: str = GLOBAL, service: str = "bs", **more: Any) -> Json:
    return {"name": name, "defaultService": link(scope, "backendServices", service), **more}


def http_proxy(name: str = "proxy", scope: str = GLOBAL, **more: Any) -> Json:
    return {"name": name, "urlMap": link(scope, "urlMaps", "map"), **more}


def https_proxy(name: str = "proxy", scope: str = GLOBAL, **more: Any) -> Json:
    return http_proxy(name, scope) | {"sslCertificates": [link(scope, "sslCertificates", "cert")]} | more


def rule(name: str = "rule", scope: str = GLOBAL, target: str = "targetHttpProxies", **more: Any) -> Json:
    body = {
        "name": name,
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "portRange": "80",
        "target": link(scope, target, "proxy"),
    }
    return body | ({} if scope == GLOBAL else {"network": NETWORK}) | more


def internal_rule(name: str = "rule", **more: Any) -> Json:
    scheme = {"loadBalancingScheme": "INTERNAL_MANAGED", "subnetwork": SUBNETWORK}
    return rule(name, REGIONAL) | scheme | more


def firewall(name: str = "probes", **more: Any) -> Json:
    """Lets the probes of load balancers in to the nodes."""
    body = {
        "name": name,
        "network": NETWORK,
        "direction": "INGRESS",
        "sourceRanges": SOURCES,
        "targetTags": ["gke-edge"],
        "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}],
    }
    return body | more


def ssl_policy(name: str = "policy", **more: Any) -> Json:
    return {"name": name, "profile": "MODERN", "minTlsVersion": "TLS_1_2", **more}


def certificate(name: str = "cert", sort: str = "P-256", **more: Any) -> Json:
    pem, key = pair(sort)
    return {"name": name, "certificate": pem, "privateKey": key, **more}


@functools.cache
def pair(sort: str = "P-256", subject: str = "shop.example", other: int = 0) -> tuple[str, str]:
    """A self-signed certificate and its key: "P-256", "P-384", "RSA-2048"...; another pair for each `other`."""
    bits = int(sort.rpartition("-")[2])
    key: Any
    if sort.startswith("RSA"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    else:
        key = ec.generate_private_key(ec.SECP384R1() if bits == 384 else ec.SECP256R1())
    common = [x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)] if subject else []
    began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(common))
        .issuer_name(x509.Name(common))
        .public_key(key.public_key())
        .serial_number(1000 + other)
        .not_valid_before(began)
        .not_valid_after(began + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def whole(scope: str = GLOBAL, scheme: str = "EXTERNAL_MANAGED") -> list[tuple[str, Json]]:
    """Paths and bodies of an HTTP load balancer, in the order of making: a POST for each."""
    internal = scheme.startswith("INTERNAL")
    forwarding = internal_rule() if internal else rule(scope=scope, loadBalancingScheme=scheme)
    return [
        (f"{scope}/healthChecks", health_check()),
        (f"{ZONE}/networkEndpointGroups", group()),
        (f"{ZONE}/networkEndpointGroups/neg/attachNetworkEndpoints", endpoints(endpoint(5), endpoint(6))),
        (f"{scope}/backendServices", service(scope=scope, loadBalancingScheme=scheme)),
        (f"{scope}/urlMaps", url_map(scope=scope)),
        (f"{scope}/targetHttpProxies", http_proxy(scope=scope)),
        (f"{scope}/forwardingRules", forwarding),
    ]


def build(cloud: Any, scope: str = GLOBAL, scheme: str = "EXTERNAL_MANAGED", *, upto: str = "") -> None:
    """Makes a whole load balancer, or what comes before the collection `upto`."""
    for path, body in whole(scope, scheme):
        if upto and path.endswith(f"/{upto}"):
            return
        cloud.done("POST", path, body)
