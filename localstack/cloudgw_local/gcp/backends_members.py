"""Rules of what stands in a backend service's `backends[]`: which group, which balancing mode, which capacity.

`backends.accept` calls `complete`. Must never look at the service's own members beyond scheme and protocol.

Source: cloud.google.com/load-balancing/docs/backend-service (supported balancing modes and target capacity settings;
restrictions for instance groups), cloud.google.com/compute/docs/reference/rest/v1/backendServices; words as the real
cloud reported them in hashicorp/terraform-provider-google#9400 and #12537, terraform-google-modules/
terraform-google-lb-internal#95 and GoogleCloudPlatform/gke-autoneg-controller#86.
"""

from __future__ import annotations

from cloudgw_local.gcp import around, balancing_rules, names, schema
from cloudgw_local.gcp.balancing_rules import Json

LIMIT = 50
_WEB = ("HTTP", "HTTPS", "HTTP2", "H2C", "GRPC")
_RATES = ("maxRate", "maxRatePerInstance", "maxRatePerEndpoint")
_CONNECTIONS = ("maxConnections", "maxConnectionsPerInstance", "maxConnectionsPerEndpoint")
_CAPACITY = (*_RATES, *_CONNECTIONS, "maxUtilization", "capacityScaler")


def complete(service: Json, direct: bool, surroundings: around.Around) -> None:
    """Checks each backend and fills in its defaults; `direct` is a passthrough load balancer's."""
    backends = service.get("backends", [])
    if len(backends) > LIMIT:
        raise schema.invalid("resource.backends", "", f"At most {LIMIT} backends can be specified.")
    seen: set[str] = set()
    sorts: set[str] = set()
    for index, backend in enumerate(backends):
        path = f"resource.backends[{index}]"
        group = names.parse(backend.get("group", ""))
        if group is None:
            raise schema.required(f"{path}.group")
        if group.path in seen:
            why = "Resource group must not be specified more than once in a backend service."
            raise schema.invalid(f"{path}.group", backend["group"], why)
        seen.add(group.path)
        sorts.add(group.collection)
        document = surroundings.get(group) or {}
        if direct:
            _direct(backend, service, group, document, path)
        else:
            _proxied(backend, service, group, document, path)
    if len(sorts) > 1:
        why = "Instance groups and network endpoint groups cannot be backends of the same backend service."
        raise schema.invalid("resource.backends", "", why)


def _direct(backend: Json, service: Json, group: names.Place, document: Json, path: str) -> None:
    scheme = service["loadBalancingScheme"]
    if group.collection == "networkEndpointGroups" and document.get("networkEndpointType", "GCE_VM_IP") != "GCE_VM_IP":
        why = f"Only GCE_VM_IP or port mapping network endpoint groups can be used by an {scheme} L4 backend service."
        raise schema.invalid(f"{path}.group", backend["group"], why)
    mode = backend.setdefault("balancingMode", "CONNECTION")
    if mode != "CONNECTION":
        why = f"Balancing mode must be CONNECTION for an {scheme} backend service."
        raise schema.invalid(f"{path}.balancingMode", mode, why)
    for name in _CAPACITY:
        if name in backend:
            why = f"It cannot be specified for an {scheme} L4 backend service."
            raise schema.invalid(f"{path}.{name}", backend[name], why)


def _proxied(backend: Json, service: Json, group: names.Place, document: Json, path: str) -> None:
    protocol, endpoints = service["protocol"], group.collection == "networkEndpointGroups"
    if endpoints and document.get("networkEndpointType") == "GCE_VM_IP":
        why = "GCE_VM_IP network endpoint groups can only be used by an L4 backend service."
        raise schema.invalid(f"{path}.group", backend["group"], why)
    if "failover" in backend:
        why = "Failover is for passthrough Network Load Balancers only."
        raise schema.invalid(f"{path}.failover", backend["failover"], why)
    mode = backend.setdefault("balancingMode", "UTILIZATION")
    if endpoints and mode == "UTILIZATION":
        why = "UTILIZATION balancing mode is not supported for network endpoint groups."
        raise schema.invalid(f"{path}.balancingMode", mode, why)
    if mode == ("CONNECTION" if protocol in _WEB else "RATE"):
        raise schema.invalid(path, "", f"{mode} balancing mode is not supported for protocol {protocol}.")
    wrong = "PerInstance" if endpoints else "PerEndpoint"
    of = "network endpoint groups" if endpoints else "instance groups"
    for name in (f"maxRate{wrong}", f"maxConnections{wrong}"):
        if name in backend:
            raise schema.invalid(f"{path}.{name}", backend[name], f"It is not supported for {of}.")
    _capacity(backend, mode, endpoints, path)
    scaler = backend.setdefault("capacityScaler", 1)
    if scaler != 0 and not 0.1 <= scaler <= 1:
        raise schema.invalid(f"{path}.capacityScaler", scaler, "Must be 0 or in the range [0.1, 1.0].")


def _capacity(backend: Json, mode: str, endpoints: bool, path: str) -> None:
    per = "PerEndpoint" if endpoints else "PerInstance"
    forbidden: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    if mode == "RATE":
        forbidden, wanted = (*_CONNECTIONS, "maxUtilization"), ("maxRate", f"maxRate{per}")
    elif mode == "CONNECTION":
        forbidden, wanted = (*_RATES, "maxUtilization"), ("maxConnections", f"maxConnections{per}")
    elif mode == "UTILIZATION":
        backend.setdefault("maxUtilization", 0.8)
        balancing_rules.within(backend["maxUtilization"], f"{path}.maxUtilization", 0, 1)
    for name in forbidden:
        if name in backend:
            raise schema.invalid(f"{path}.{name}", backend[name], f"It is not available with {mode} balancing mode.")
    given = [name for name in wanted if name in backend]
    if wanted and len(given) != 1:
        why = f"Either {wanted[0]} or {wanted[1]} should be set with {mode} mode."
        raise schema.invalid(path, "", why)
    for name in given:
        balancing_rules.within(backend[name], f"{path}.{name}", 0, 2**31 - 1)
