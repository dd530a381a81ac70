"""Services that get requests and cannot serve them, as far as Services and EndpointSlices tell.

`lint` calls `find` for one Gateway. A probe of a pod is in no object that we read: nothing is said of it. TLS and the
bytes of TCP and UDP routes are the backend's own matter: what speaks HTTP is judged alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cloudgw.lint import model
from cloudgw.lint.model import Finding
from cloudgw.objects import EndpointSlice, Key, Service, ServicePort, Snapshot, Unknown
from cloudgw.routing import ir

NO_PORT, NOT_READY, PROTOCOL = "TargetPortNotFound", "NoReadyEndpoints", "UnusualProtocol"
TLS_PORTS, PLAIN_PORTS, GRPC_PORTS = (443, 8443), (80, 8080), (50051,)


def slices(snapshot: Snapshot) -> Mapping[Key, Sequence[EndpointSlice]]:
    """By (namespace, Service name)."""
    found: dict[Key, list[EndpointSlice]] = {}
    for one in snapshot.all(EndpointSlice):
        found.setdefault((one.meta.namespace, one.service), []).append(one)
    return found


def find(routing: ir.Routing, snapshot: Snapshot, held: Mapping[Key, Sequence[EndpointSlice]]) -> Iterator[Finding]:
    """held: as `slices` gives."""
    speaking = _speaking(routing)
    for key, backend in routing.backends.items():
        service = snapshot.get(Service, key.namespace, key.name)
        if isinstance(backend, Unknown) or not isinstance(service, Service):
            continue
        protocol = "UDP" if backend.protocol == "UDP" else "TCP"
        port = next((one for one in service.ports if (one.port, one.protocol) == (key.port, protocol)), None)
        if port is None:
            continue
        yield from _endpoints(backend, port, held.get((key.namespace, key.name), ()))
        if key in speaking and (said := _unusual(backend, port)):
            yield model.find("warning", PROTOCOL, backend.origin, said)


def _endpoints(backend: ir.Backend, port: ServicePort, here: Sequence[EndpointSlice]) -> Iterator[Finding]:
    if backend.targets != () or not here:
        return
    named = [one for one in here if any(name == port.name and number for name, number in one.ports)]
    if not named:
        have = ", ".join(sorted({f'"{name}"' for one in here for name, _ in one.ports})) or "none"
        what = f'"{port.name}"' if port.name else "without a name"
        by_name = isinstance(port.target, str)
        fix = (
            f'name a containerPort of the pods "{port.target}", or write its number in targetPort'
            if by_name
            else "correct the port's name there or here"
        )
        target = f' (targetPort "{port.target}")' if by_name else ""
        message = f"ports: no EndpointSlice has a port {what}{target}, they have: {have}: requests get 503; {fix}"
        yield model.find("error", NO_PORT, backend.origin, message)
        return
    count = sum(len(one.endpoints) for one in named)
    pods = f"none of {count} endpoints is ready" if count else "it has no endpoints"
    message = f"endpoints: {pods}: requests get 503; look at the pods, their readiness probe and the Service's selector"
    yield model.find("warning", NOT_READY, backend.origin, message)


def _speaking(routing: ir.Routing) -> set[ir.BackendKey]:
    """Backends that get HTTP requests."""
    found: set[ir.BackendKey] = set()
    for table in routing.tables:
        for entry in table.entries:
            if isinstance(entry.action, ir.Forward):
                found.update(share.to for share in entry.action.shares if isinstance(share.to, ir.BackendKey))
    return found


def _unusual(backend: ir.Backend, port: ServicePort) -> str:
    """What is odd about how the port is spoken to, by what its name or number is commonly used for."""
    if isinstance(backend.tls, Unknown) and not port.app_protocol:
        return ""
    secure = backend.protocol in ("HTTPS", "WSS") or isinstance(backend.tls, ir.BackendTLS)
    name, number = port.name.lower().partition("-")[0], port.port
    called = f"port {number}{f' ({port.name})' if port.name else ''}"
    said = f"appProtocol: {port.app_protocol!r}" if port.app_protocol else "appProtocol: not set"
    commonly = "TLS" if name == "https" or (number in TLS_PORTS and name != "http") else ""
    if name == "http" or (number in PLAIN_PORTS and name != "https"):
        commonly = "plain HTTP"
    told = port.app_protocol.lower() == "http" and name != "https"  # by somebody who knows
    if commonly == "TLS" and not secure and not told:
        fix = "set appProtocol to https, or add a BackendTLSPolicy; if it speaks HTTP, set appProtocol to http"
        return f"{said}, so that HTTP without TLS is spoken to {called}, which is commonly TLS; {fix}"
    if commonly == "plain HTTP" and secure and port.app_protocol:
        return f"{said}, so that TLS is spoken to {called}, which is commonly plain HTTP; correct one of the two"
    if (name == "grpc" or number in GRPC_PORTS) and backend.protocol == "HTTP":
        return f"{said}, so that HTTP/1.1 is spoken to {called}, which is commonly gRPC; set it to kubernetes.io/h2c"
    return ""
