"""References to Services: whether a route may use them, whether they exist, and the pods that are ready behind them.

Called by `shares` (each backendRef and mirror) and `pools` (the backends that all answers name). What cannot be seen is
Unknown; what cannot be honoured is the status 500 for its part of the requests
(https://gateway-api.sigs.k8s.io/reference/spec/, BackendObjectReference). This module must never drop a reference
silently, and never reveal whether an object exists to which no ReferenceGrant leads.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cloudgw.objects import (
    GATEWAY_GROUP,
    EndpointSlice,
    Note,
    ObjectRef,
    Origin,
    Route,
    Service,
    ServicePort,
    Unknown,
)
from cloudgw.routing import backend_policies, conditions, grants, ir, policies
from cloudgw.routing.index import Index

# appProtocol, in lower case -> how it is spoken. Kubernetes' own names have a prefix, the others are IANA's, which are
# compared without regard to case (https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol)
PROTOCOLS = {
    "": "HTTP",
    "http": "HTTP",
    "https": "HTTPS",
    "grpc": "H2C",
    "kubernetes.io/h2c": "H2C",
    "kubernetes.io/ws": "WS",
    "kubernetes.io/wss": "WSS",
}
# what each kind of route can speak; those that are not here carry bytes and do not care
SPOKEN = {"HTTPRoute": tuple(PROTOCOLS), "GRPCRoute": ("", "http", "https", "grpc", "kubernetes.io/h2c")}
ENCRYPTED = ("HTTPRoute", "GRPCRoute", "TLSRoute")  # of these the Gateway may speak TLS to the backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Referent:
    """What a reference leads to. to, withdrawn: as in ir.Share. key: the Service port that it names, None where it
    names none or no grant leads there. unresolved: what the condition ResolvedRefs says of it."""

    to: ir.BackendKey | int | Unknown
    key: ir.BackendKey | None = None
    unresolved: ir.Verdict | None = None
    withdrawn: ir.BackendKey | None = None


def resolve(
    index: Index, route: Route, ref: ObjectRef, port: int, where: Origin, field: str, otherwise: str, notes: list[Note]
) -> Referent:
    """What `route` refers to in `field`; adds a note where it cannot be used. otherwise: what happens then, in words.

    Reasons are those that the Gateway API lists for ResolvedRefs (RouteConditionReason). It has none for a Service that
    exists and offers nothing to send to (ExternalName, a reference without port): BackendNotFound, because there is no
    backend behind it.
    """
    protocol = "UDP" if route.kind == "UDPRoute" else "TCP"
    key = ir.BackendKey(namespace=ref.namespace, name=ref.name, port=port, protocol=protocol)
    name = f"{ref.namespace}/{ref.name}"

    def refuse(
        reason: str, message: str, *, code: str = "", named: bool = True, withdrawn: ir.BackendKey | None = None
    ) -> Referent:
        message = f"{field}: {message}"
        notes.append(conditions.note("warning", code or reason, where, f"{message}; {otherwise}"))
        verdict = ir.Verdict(status=False, reason=reason, message=message)
        return Referent(to=500, key=key if named else None, unresolved=verdict, withdrawn=withdrawn)

    if (ref.group, ref.kind) != ("", "Service"):
        return refuse(conditions.INVALID_KIND, f"{ref.kind} {name} is no Service; refer to a Service", named=False)
    permitted = grants.permits(index, group=GATEWAY_GROUP, kind=route.kind, namespace=route.meta.namespace, target=ref)
    if isinstance(permitted, Unknown):
        message = f"{field}: whether Service {name} may be used is unknown: {permitted.reason}"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, message))
        verdict = ir.Verdict(status=None, reason=conditions.REF_NOT_PERMITTED, message=message)
        return Referent(to=permitted, key=key, unresolved=verdict)
    if not permitted:
        message = (
            f"no ReferenceGrant in namespace {ref.namespace} lets {route.kind}s of {route.meta.namespace} use {name}; "
            "create one there, or refer to a Service of the route's namespace"
        )
        return refuse(conditions.REF_NOT_PERMITTED, message, named=False, withdrawn=key if port else None)
    missing = conditions.BACKEND_NOT_FOUND
    if not port:
        message = f"Service {name} is named without a port; add `port`"
        return refuse(missing, message, code=conditions.UNSUPPORTED_VALUE, named=False)
    service = index.snapshot.get(Service, ref.namespace, ref.name)
    if isinstance(service, Unknown):
        message = f"{field}: Service {name} cannot be seen ({service.reason})"
        return Referent(to=key, key=key, unresolved=ir.Verdict(status=None, reason=missing, message=message))
    if service is None:
        return refuse(missing, f"Service {name} does not exist; create it, or correct the name")
    if service.type == "ExternalName":
        # it may lead anywhere, also where the route's owner must not go (CVE-2021-25740)
        message = f"Service {name} is an ExternalName, which has no pods; refer to a Service with pods"
        return refuse(missing, message, code=conditions.UNSUPPORTED_VALUE)
    found = _port(service, port, protocol)
    if found is None:
        have = ", ".join(str(one.port) for one in service.ports if one.protocol == protocol) or "none"
        return refuse(missing, f"Service {name} has no {protocol} port {port}; it has: {have}; correct `port`")
    if route.kind in SPOKEN and found.app_protocol.lower() not in SPOKEN[route.kind]:
        usable = ", ".join(one for one in SPOKEN[route.kind] if one)
        message = (
            f"appProtocol {found.app_protocol!r} of Service {name}, port {port}, is not supported by a {route.kind}; "
            f"use one of {usable}, or none"
        )
        return refuse(conditions.UNSUPPORTED_PROTOCOL, message)
    policy = policies.of(index, key) if route.kind in ENCRYPTED else None
    if isinstance(policy, ir.Verdict):
        # the reference resolves: the policy's own status says what is wrong with it
        message = f"{field}: the BackendTLSPolicy of Service {name} cannot be honoured: {policy.message}; {otherwise}"
        notes.append(conditions.note("warning", policy.reason, where, message))
        return Referent(to=500, key=key)
    return Referent(to=key, key=key)


def backend(index: Index, key: ir.BackendKey, notes: list[Note]) -> ir.Backend | Unknown:
    """The Service port that `resolve` gave out as a key."""
    service = index.snapshot.get(Service, key.namespace, key.name)
    if isinstance(service, Unknown):
        where = Origin(kind="Service", namespace=key.namespace, name=key.name, section=f"port {key.port}")
        reason = f"it cannot be seen ({service.reason}): its pool stays as it is"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason))
        return service
    port = _port(service, key.port, key.protocol) if service else None
    if service is None or port is None:
        return Unknown(f"Service port {key} does not exist")
    where = conditions.origin("Service", service.meta, section=f"port {key.port}")
    tls = policies.of(index, key)
    if isinstance(tls, Unknown):
        reason = f"whether TLS is spoken to it is unknown: {tls.reason}"
        notes.append(conditions.note("info", conditions.UNKNOWN_INPUT, where, reason))
    policy = backend_policies.of(index, key)
    if isinstance(policy, Unknown):
        reason = f"how its pods are to be treated is unknown, what stands stays: {policy.reason}"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, reason))
    targets, number = _targets(index, service, port, where, notes)
    return ir.Backend(
        key=key,
        protocol="UDP" if port.protocol == "UDP" else PROTOCOLS.get(port.app_protocol.lower(), "TCP"),
        node_port=port.node_port,
        port_number=number,
        targets=targets,
        # a Verdict: only routes that carry bytes still name it, and for them no policy counts
        tls=None if isinstance(tls, ir.Verdict) else tls,
        policy=policy,
        origin=where,
    )


def _port(service: Service, number: int, protocol: str) -> ServicePort | None:
    return next((port for port in service.ports if (port.port, port.protocol) == (number, protocol)), None)


def _targets(
    index: Index, service: Service, port: ServicePort, where: Origin, notes: list[Note]
) -> tuple[tuple[ir.Target, ...] | Unknown, int]:
    """Ready endpoints and the most common target port. Of an endpoint's addresses the first counts, as for kube-proxy
    (https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/). Slices alone decide,
    whoever made them: a headless Service, and one without selector, has them too."""
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
