"""backendRefs: the Services behind a rule, their ports, and the pods that are ready.

Called by `rules` (shares) and `pools` (the backends that all shares name). What cannot be seen is Unknown; what
cannot be honoured is the status 500 for its share of the requests
(https://gateway-api.sigs.k8s.io/reference/spec/, HTTPBackendRef). This module must never drop a share silently, and
never reveal whether an object exists to which no ReferenceGrant leads.
"""

from __future__ import annotations

from collections import Counter

from cloudgw.objects import (
    GATEWAY_GROUP,
    BackendRef,
    EndpointSlice,
    HTTPRoute,
    Note,
    Origin,
    Service,
    ServicePort,
    Unknown,
)
from cloudgw.routing import conditions, grants, ir
from cloudgw.routing.index import Index

PROTOCOLS = {
    "": "HTTP",
    "http": "HTTP",
    "https": "HTTPS",
    "kubernetes.io/h2c": "H2C",
    "kubernetes.io/ws": "WS",
    "kubernetes.io/wss": "WSS",
}


def share(index: Index, route: HTTPRoute, backend: BackendRef, where: Origin, notes: list[Note]) -> ir.Share:
    """The part of a rule's requests that one backendRef gets."""
    ref = backend.ref
    key = ir.BackendKey(namespace=ref.namespace, name=ref.name, port=backend.port)

    def refuse(code: str, reason: str, *, withdrawn: ir.BackendKey | None = None) -> ir.Share:
        notes.append(conditions.note("warning", code, where, f"backendRefs: {reason}; its share is answered with 500"))
        return ir.Share(to=500, weight=backend.weight, origin=where, withdrawn=withdrawn)

    name = f"{ref.namespace}/{ref.name}"
    if (ref.group, ref.kind) != ("", "Service"):
        return refuse(conditions.INVALID_KIND, f"{ref.kind} {name} is no Service; refer to a Service")
    permitted = grants.permits(index, group=GATEWAY_GROUP, kind="HTTPRoute", namespace=route.meta.namespace, target=ref)
    if isinstance(permitted, Unknown):
        reason = f"backendRefs: whether Service {name} may be used is unknown: {permitted.reason}"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason))
        return ir.Share(to=permitted, weight=backend.weight, origin=where)
    if not permitted:
        reason = f"no ReferenceGrant in namespace {ref.namespace} lets HTTPRoutes of {route.meta.namespace} use {name}"
        return refuse(conditions.REF_NOT_PERMITTED, reason, withdrawn=key if backend.port else None)
    if not backend.port:
        return refuse(conditions.UNSUPPORTED_VALUE, f"Service {name} is named without a port; add `port`")
    service = index.snapshot.get(Service, ref.namespace, ref.name)
    if service is None:
        return refuse(conditions.BACKEND_NOT_FOUND, f"Service {name} does not exist; create it, or correct the name")
    if isinstance(service, Service):
        if service.type == "ExternalName":
            return refuse(conditions.UNSUPPORTED_VALUE, f"Service {name} is an ExternalName, which has no pods")
        if _port(service, backend.port) is None:
            have = ", ".join(str(port.port) for port in service.ports) or "none"
            return refuse(
                conditions.BACKEND_NOT_FOUND, f"Service {name} has no TCP port {backend.port}; it has: {have}"
            )
    return ir.Share(to=key, weight=backend.weight, origin=where)


def backend(index: Index, key: ir.BackendKey, notes: list[Note]) -> ir.Backend | Unknown:
    """The Service port that `share` gave out as a key."""
    service = index.snapshot.get(Service, key.namespace, key.name)
    if isinstance(service, Unknown):
        where = Origin(kind="Service", namespace=key.namespace, name=key.name, section=f"port {key.port}")
        reason = f"it cannot be seen ({service.reason}): its pool stays as it is"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason))
        return service
    port = _port(service, key.port) if service else None
    if service is None or port is None:
        return Unknown(f"Service port {key} does not exist")
    where = conditions.origin("Service", service.meta, section=f"port {key.port}")
    if port.app_protocol not in PROTOCOLS:
        reason = f"appProtocol: {port.app_protocol!r} is not known; plain HTTP is used"
        notes.append(conditions.note("info", conditions.NOT_HONOURED, where, reason))
    targets, number = _targets(index, service, port, where, notes)
    return ir.Backend(
        key=key,
        protocol=PROTOCOLS.get(port.app_protocol, "HTTP"),
        node_port=port.node_port,
        port_number=number,
        targets=targets,
        origin=where,
    )


def _port(service: Service, number: int) -> ServicePort | None:
    return next((port for port in service.ports if port.port == number and port.protocol == "TCP"), None)


def _targets(
    index: Index, service: Service, port: ServicePort, where: Origin, notes: list[Note]
) -> tuple[tuple[ir.Target, ...] | Unknown, int]:
    """Ready endpoints and the most common target port. Of an endpoint's addresses the first counts, as for kube-proxy
    (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/)."""
    meta = service.meta
    name = f"{meta.namespace}/{meta.name}"
    declared = port.target if isinstance(port.target, int) else 0
    declared = port.port if port.target == 0 else declared
    slices: list[EndpointSlice] = []
    for item in index.slices.get((meta.namespace, meta.name), ()):
        if item.address_type == "IPv4":
            slices.append(item)
            continue
        origin = conditions.origin("EndpointSlice", item.meta, path="/addressType")
        reason = f"addressType: {item.address_type} endpoints are not used yet, only IPv4"
        notes.append(conditions.note("info", conditions.UNSUPPORTED_ADDRESS, origin, reason))
    if unreadable := index.blind_slices.get(meta.namespace):
        unknown = Unknown(f"an EndpointSlice of namespace {meta.namespace} could not be read ({unreadable.reason})")
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, f"endpoints: {unknown.reason}"))
        return unknown, declared
    if not slices:
        unknown = Unknown(f"no EndpointSlice exists for Service {name}")
        notes.append(conditions.note("info", conditions.UNKNOWN_INPUT, where, f"endpoints: {unknown.reason}"))
        return unknown, declared
    found: dict[tuple[str, int], ir.Target] = {}
    numbers: Counter[int] = Counter()
    listed: Counter[int] = Counter()
    for item in slices:
        number = next((number for port_name, number in item.ports if port_name == port.name and number), 0)
        if not number:
            continue
        listed[number] += 1
        for endpoint in item.endpoints:
            if endpoint.ready and endpoint.addresses:
                address = endpoint.addresses[0]
                target = ir.Target(address=address, port=number, zone=endpoint.zone, node=endpoint.node)
                best = found.get((address, number))
                if best is None or (target.zone, target.node) < (best.zone, best.node):
                    found[address, number] = target
    numbers.update(number for _, number in found)
    return tuple(found[key] for key in sorted(found)), _most_common(numbers) or _most_common(listed) or declared


def _most_common(numbers: Counter[int]) -> int:
    """The lowest of the most common, 0 for none."""
    return min(numbers, key=lambda number: (-numbers[number], number), default=0)
