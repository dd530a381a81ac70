"""A reference from a rule to a Service, gate by gate: kind, grant, Service, port, protocol, TLS, endpoints.

Used by `routes` and `services`. `routing.backends.resolve` decides; here its answer is laid out as gates. Without a
grant nothing is said of the Service, not even whether it exists. This module must never look at parents or listeners.
"""

from __future__ import annotations

from cloudgw.explain import fixes
from cloudgw.explain.model import Chain, Section, World
from cloudgw.objects import BackendTLSPolicy, EndpointSlice, Note, ObjectRef, Origin, Route, Service, Unknown
from cloudgw.routing import backends, conditions, ir, policies

GATES = ("reference", "grant", "service", "port", "appProtocol", "backendTLS", "endpoints")


def explain(world: World, route: Route, number: int, field: str, ref: ObjectRef, port: int, title: str) -> Section:
    """One backendRef or mirror of `route.rules[number]`. field: `backendRefs[0]`."""
    names = GATES if route.kind in backends.ENCRYPTED else [name for name in GATES if name != "backendTLS"]
    chain = Chain(title, names)
    path = f"/spec/rules/{number}/{field.replace('[', '/').replace(']', '')}"
    where = conditions.origin(route.kind, route.meta, path=path)
    notes: list[Note] = []
    found = backends.resolve(world.view, route, ref, port, where, field, "", notes)
    said = found.unresolved
    here = f"spec.rules[{number}].{field} of {fixes.at(route.meta, route.kind)}"
    name = f"{ref.namespace}/{ref.name}"
    evidence = said.message.removeprefix(f"{field}: ").partition(";")[0] if said else ""
    if said is not None and said.reason == conditions.INVALID_KIND:
        chain.failed("reference", evidence, where, f"refer to a Service in {here}")
        return chain.section()
    chain.ok("reference", f"{field} names Service {name}{f' port {port}' if port else ''}", where)
    _grant(chain, route, ref, where, said, evidence, here)
    if not chain.ended:
        _service(chain, world, ref, port, where, said, evidence, here)
    if not chain.ended and found.key is not None:
        _pods(chain, world, route, found.key)
    return chain.section()


def _grant(
    chain: Chain, route: Route, ref: ObjectRef, where: Origin, said: ir.Verdict | None, evidence: str, here: str
) -> None:
    if ref.namespace == route.meta.namespace:
        chain.ok("grant", f"none is needed inside namespace {ref.namespace}")
    elif said is None or said.reason != conditions.REF_NOT_PERMITTED:
        chain.ok("grant", f"a ReferenceGrant in namespace {ref.namespace} allows it")
    elif said.status is None:
        chain.unknown("grant", evidence, where, fixes.MORE_INPUT)
        chain.end()  # as long as no grant was seen, nothing is said of the Service
    else:
        chain.failed(
            "grant",
            evidence,
            where,
            f"the owner of namespace {ref.namespace} creates this ReferenceGrant (kubectl apply -f, or commit it)",
            f"or refer to a Service of namespace {route.meta.namespace} in {here}",
            manifest=fixes.grant(route.kind, route.meta.namespace, ref),
        )


def _service(
    chain: Chain,
    world: World,
    ref: ObjectRef,
    port: int,
    where: Origin,
    said: ir.Verdict | None,
    evidence: str,
    here: str,
) -> None:
    """Adds `service`, `port` and `appProtocol`."""
    service = world.snapshot.get(Service, ref.namespace, ref.name)
    if service is None:
        near = fixes.near(world.snapshot, "Service", ref.namespace, ref.name)
        fix = f"set the name in {here}{fixes.meant(near)}"
        chain.failed("service", f"Service {ref.namespace}/{ref.name} does not exist", where, fix, "or create it")
        return
    if isinstance(service, Unknown):
        chain.unknown("service", service.reason, where, fixes.MORE_INPUT)
        return
    of = conditions.origin("Service", service.meta)
    if said is None or said.reason == conditions.REF_NOT_PERMITTED:
        chain.ok("service", f"Service {ref.namespace}/{ref.name} exists", of)
        chain.ok("port", f"it has port {_ported(service, port)}", of)
        protocol = next((one.app_protocol for one in service.ports if one.port == port), "")
        chain.ok("appProtocol", protocol or "none is set", of)
        return
    if service.type == "ExternalName":
        chain.failed("service", evidence, of, f"refer to a Service with pods in {here}")
        return
    chain.ok("service", f"Service {ref.namespace}/{ref.name} exists", of)
    if said.reason == conditions.UNSUPPORTED_PROTOCOL:
        chain.ok("port", f"it has port {_ported(service, port)}", of)
        fix = f"change the port of {fixes.at(service.meta, 'Service')}: {said.message.rpartition('; ')[2]}"
        chain.failed("appProtocol", evidence, of, fix)
        return
    have = sorted(one.port for one in service.ports)
    fix = f"set port to {' or '.join(map(str, have))} in {here}" if have else "give the Service a port"
    if not port:
        chain.failed("port", evidence, where, fix)
        return
    named = ", ".join(_ported(service, one.port) for one in service.ports) or "none"
    evidence = f"Service {ref.namespace}/{ref.name} has no port {port}; it has: {named}"
    targets = [str(one.port) for one in service.ports if one.target == port]
    if targets:
        evidence += f" ({port} is a targetPort: a route names the Service's own port)"
        fix = f"set port to {targets[0]} in {here}"
    chain.failed("port", evidence, of, fix, f"or add port {port} to {fixes.at(service.meta, 'Service')}")


def _ported(service: Service, port: int) -> str:
    name = next((one.name for one in service.ports if one.port == port), "")
    return f'{port} "{name}"' if name else str(port)


def _pods(chain: Chain, world: World, route: Route, key: ir.BackendKey) -> None:
    """Adds `backendTLS` and `endpoints`."""
    if route.kind in backends.ENCRYPTED:
        tls(chain, world, key)
    if not chain.ended:
        endpoints(chain, world, key)


def tls(chain: Chain, world: World, key: ir.BackendKey) -> None:
    """Adds the gate `backendTLS`."""
    policy = policies.of(world.view, key)
    if isinstance(policy, ir.Verdict):
        fix = "correct the BackendTLSPolicy: cloudgw explain backendtlspolicy says more"
        chain.failed("backendTLS", f"the BackendTLSPolicy cannot be honoured: {policy.message}", None, fix)
    elif isinstance(policy, Unknown):
        chain.unknown("backendTLS", policy.reason, None, fixes.MORE_INPUT)
    elif policy is None:
        chain.ok("backendTLS", "no BackendTLSPolicy targets it: no TLS to the pods")
    else:
        names = f"{BackendTLSPolicy.__name__} {policy.origin.namespace}/{policy.origin.name}"
        chain.ok("backendTLS", f"{names}: TLS, the pods' certificate must be for {policy.hostname}", policy.origin)


def endpoints(chain: Chain, world: World, key: ir.BackendKey) -> None:
    """Adds the gate `endpoints`: what is ready behind a Service port."""
    service = world.snapshot.get(Service, key.namespace, key.name)
    name = f"{key.namespace}/{key.name}"
    look = f"kubectl get endpointslices -n {key.namespace} -l kubernetes.io/service-name={key.name}"
    if not isinstance(service, Service):
        chain.unknown("endpoints", f"the pods of Service {name} cannot be seen without the Service")
        return
    where = conditions.origin("Service", service.meta)
    found = backends.backend(world.view, key, [])
    targets = found if isinstance(found, Unknown) else found.targets
    slices = world.view.slices.get((key.namespace, key.name), ())
    if isinstance(targets, Unknown):
        if slices or world.snapshot.is_complete(EndpointSlice):
            fix = f"see what is there: {look}; without one the Service's selector meets no pod"
        else:
            fix = fixes.MORE_INPUT
        chain.unknown("endpoints", targets.reason, where, fix)
    elif targets:
        zones = sorted({target.zone for target in targets if target.zone})
        in_zones = f" in {', '.join(zones)}" if zones else ""
        chain.ok("endpoints", f"{len(targets)} ready{in_zones}", conditions.origin("EndpointSlice", slices[0].meta))
    else:
        listed = sum(len(one.endpoints) for one in slices)
        named = any(name == port.name for one in slices for name, _ in one.ports for port in service.ports)
        evidence = f"none of {listed} is ready: requests get 503" if listed else "there is none: requests get 503"
        fix = f"make pods ready: kubectl get pods -n {key.namespace}; {look}"
        if listed and not named:
            evidence = "its EndpointSlices have no port of this name: requests get 503"
            fix = "name the port alike in Service and EndpointSlice"
        chain.failed("endpoints", evidence, where, fix)
