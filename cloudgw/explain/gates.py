"""Gates that several explanations share: class, parameters, the Gateway itself, a ListenerSet, a listener.

Used by `routes` and `gateways`. Whether a gate is passed is read from verdicts and from the pure functions of
`routing`; this module must never decide it anew, it only says it with evidence and a fix.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.explain import fixes
from cloudgw.explain.model import Chain, Gate, State, World
from cloudgw.objects import Gateway, GatewayClass, Listener, ListenerSet, Namespace, Note, Secret, Unknown
from cloudgw.routing import certificates, classes, conditions, ir, sets
from cloudgw.routing.sets import Declared

OF_CLASS = ("class", "parameters", "gateway")


def of_class(chain: Chain, world: World, gateway: Gateway) -> None:
    """Adds the gates `class`, `parameters` and `gateway`."""
    notes: list[Note] = []
    found = classes.ours(world.snapshot, gateway, world.controller, notes)
    where = conditions.origin("Gateway", gateway.meta, path="/spec/gatewayClassName")
    if found is None:
        names = [one.meta.name for one in world.snapshot.all(GatewayClass) if one.controller == world.controller]
        said = notes[-1].message.partition("gatewayClassName: ")[2].removesuffix(": left alone")
        have = f"one of: {', '.join(names)}" if names else f"one whose controllerName is {world.controller}"
        chain.failed(
            "class",
            f"{said}; cloudgw leaves the Gateway alone",
            where,
            f"set spec.gatewayClassName of {fixes.at(gateway.meta, 'Gateway')} to {have}",
        )
        return
    if isinstance(found, Unknown):
        chain.unknown("class", found.reason, where, fixes.MORE_INPUT)
        chain.unknown("parameters", "they are named by the GatewayClass, which cannot be seen")
    else:
        of = conditions.origin("GatewayClass", found.meta)
        chain.ok("class", f"GatewayClass {found.meta.name} has controllerName {found.controller}", of)
        parameters(chain, world, found)
    if not chain.ended:
        _gateway(chain, world, gateway)


def parameters(chain: Chain, world: World, found: GatewayClass) -> None:
    """Adds the gate `parameters`."""
    where = conditions.origin("GatewayClass", found.meta, path="/spec/parametersRef")
    verdict = classes.verdict(world.snapshot, found)
    name, ref = found.meta.name, found.parameters
    if verdict.status is False:
        fix = [f"correct spec.parametersRef of {fixes.at(found.meta, 'GatewayClass')}"]
        if ref is not None:
            fix[0] += fixes.meant(fixes.near(world.snapshot, ref.kind, "", ref.name))
            fix.append(f"or create {ref.kind} {ref.name}")
        chain.failed("parameters", verdict.message, where, *fix)
    elif verdict.status is None:
        chain.unknown("parameters", verdict.message, where, fixes.MORE_INPUT)
    elif name in world.refused:
        fix = [f"correct these fields of {ref.kind} {ref.name}" if ref else "correct the parameters"]
        chain.failed("parameters", world.refused[name], where, *fix)
    elif name in world.unread:
        chain.unknown("parameters", world.unread[name], where, "install the provider, then run this again")
    else:
        chain.ok("parameters", f"{ref.kind} {ref.name} can be used" if ref else "they can be used", where)


def _gateway(chain: Chain, world: World, gateway: Gateway) -> None:
    routing = world.routing((gateway.meta.namespace, gateway.meta.name))
    where = conditions.origin("Gateway", gateway.meta)
    if routing is None:
        chain.unknown("gateway", "it was not looked at", where)
        return
    verdict, own = routing.verdicts.accepted, routing.own
    if own is not None and own.wrong is not None and own.wrong.status is None:
        chain.unknown("gateway", own.wrong.message, where, fixes.MORE_INPUT)
        return
    if own is not None and verdict is own.wrong:
        place = f"{own}, or spec.infrastructure.parametersRef of {fixes.at(gateway.meta, 'Gateway')}"
        chain.failed("gateway", verdict.message, where, f"correct {place}")
        return
    # unknown: of the class or its parameters, which have gates of their own; listeners have theirs too
    if verdict.status is False and verdict.reason != "ListenersNotValid":
        chain.failed("gateway", verdict.message, where, f"correct that in {fixes.at(gateway.meta, 'Gateway')}")
        return
    resolved = routing.verdicts.resolved
    if resolved is not None and resolved.status is not True and resolved.reason != "ListenersNotResolved":
        state: State = "failed" if resolved.status is False else "unknown"
        fix = (f"correct that in {fixes.at(gateway.meta, 'Gateway')}",)
        gate = Gate(name="gateway", state=state, evidence=resolved.message, origin=where, fix=fix)
        chain.add(gate, ends=False)
        return
    addresses = ", ".join(f"{one.type} {one.value or '(any)'}" for one in gateway.addresses)
    asks = f"; asks for {addresses}" if addresses else ""
    over = f"; {own} stands over the class's parameters" if own is not None else ""
    chain.ok("gateway", f"nothing is wrong with it by itself{asks}{over}", where)


def listener_set(chain: Chain, world: World, one: ListenerSet, gateway: Gateway) -> None:
    """Adds the gate `listenerSet`: whether the Gateway lets the set join."""
    routing = world.routing((gateway.meta.namespace, gateway.meta.name))
    key = (one.meta.namespace, one.meta.name)
    verdicts = routing.verdicts.sets if routing is not None else ()
    verdict = next((found.accepted for found in verdicts if (found.namespace, found.name) == key), None)
    where = conditions.origin("ListenerSet", one.meta, path="/spec/parentRef")
    if verdict is None:
        chain.unknown("listenerSet", "whether it has joined was not looked at", where)
    elif verdict.status is None:
        chain.unknown("listenerSet", verdict.message, where, fixes.MORE_INPUT)
    elif verdict.status is False and verdict.reason == "NotAllowed":
        allowed = gateway.allowed_listeners
        labels = fixes.wanted(allowed.selector, _labels(world, one.meta.namespace))
        fix = [
            f"in {fixes.at(gateway.meta, 'Gateway')} set spec.allowedListeners.namespaces.from to All, or to Selector "
            f"with a selector that namespace {one.meta.namespace} meets"
        ]
        if allowed.namespaces == "Selector" and labels:
            fix.insert(0, f"label the namespace: kubectl label namespace {one.meta.namespace} {' '.join(labels)}")
            fix[1] = f"or {fix[1]}"
        chain.failed("listenerSet", verdict.message.partition(";")[0], where, *fix)
    elif verdict.status is False:
        chain.failed("listenerSet", verdict.message, where, "correct that first")
    else:
        name = fixes.named((gateway.meta.namespace, gateway.meta.name))
        chain.ok("listenerSet", f"Gateway {name} lets it join", where)


def declared(world: World, gateway: Gateway) -> list[Declared]:
    """Every listener of a Gateway and its ListenerSets, in order of precedence."""
    return sets.declared(gateway, sets.joining(world.view, gateway, []))


def said(spec: Listener) -> str:
    """`"https" (HTTPS 443, *.example.com)`"""
    return f'"{spec.name}" ({spec.protocol} {spec.port}{f", {spec.hostname}" if spec.hostname else ""})'


def usable(world: World, one: Declared, verdict: ir.ListenerVerdict) -> list[Gate]:
    """The gates of one listener: `usable` (conflicts, protocol), then `certificate`, or `references` where something
    else that it refers to is wrong."""
    where = one.origin()
    place = f'listener "{one.spec.name}" of {fixes.at(one.meta, one.kind)}'
    conflict = verdict.conflicted if verdict.conflicted is not None and verdict.conflicted.status else None
    wrong = conflict or (verdict.accepted if verdict.accepted.status is False else None)
    if wrong is not None:
        fix = {
            conditions.HOSTNAME_CONFLICT: f"give {place} another hostname, port or name, or remove one of the two",
            conditions.PROTOCOL_CONFLICT: f"give {place} another port",
        }.get(wrong.reason, f"correct that in {place}")
        return [Gate(name="usable", state="failed", evidence=wrong.message, origin=where, fix=(fix,))]
    if verdict.accepted.status is None:
        evidence = verdict.accepted.message
        return [Gate(name="usable", state="unknown", evidence=evidence, origin=where, fix=(fixes.MORE_INPUT,))]
    evidence = f"{said(one.spec)} conflicts with no other listener"
    if verdict.overlapping is not None:
        evidence = verdict.overlapping.message
    gates = [Gate(name="usable", state="ok", evidence=evidence, origin=where)]
    if one.spec.certificates or verdict.resolved.status is not True:
        gates.append(_certificate(world, one, verdict))
    return gates


def _certificate(world: World, one: Declared, verdict: ir.ListenerVerdict) -> Gate:
    where = one.origin("/tls")
    held = certificates.of_listener(world.view, one)
    stopped = verdict.programmed is not None and verdict.programmed.status is False
    found = [f"Secret {item.namespace}/{item.name} ({_validity(item)})" for item in held if item.state == "found"]
    bad = [item for item in held if item.state not in ("found", "unknown")]
    if not bad and verdict.resolved.status is False:
        fix = (f'correct that in listener "{one.spec.name}" of {fixes.at(one.meta, one.kind)}',)
        return Gate(name="references", state="failed", evidence=verdict.resolved.message, origin=where, fix=fix)
    if bad:
        more = f"; usable: {', '.join(found)}" if found and not stopped else ""
        return Gate(
            name="certificate",
            state="failed",
            evidence=f"{bad[0].reason.partition(';')[0]}{more}",
            origin=where,
            fix=_secret(world, one, bad[0]),
            manifest=_grant(one, bad[0]),
        )
    if verdict.resolved.status is None:
        fix = (fixes.MORE_INPUT,)
        return Gate(name="references", state="unknown", evidence=verdict.resolved.message, origin=where, fix=fix)
    return Gate(name="certificate", state="ok", evidence=", ".join(found), origin=where)


def _validity(item: ir.Certificate) -> str:
    until = f" until {item.not_after[:10]}" if item.not_after else ""
    return f"{', '.join(item.names) or 'no DNS name'}{until}"


def _secret(world: World, one: Declared, item: ir.Certificate) -> tuple[str, ...]:
    field = f'tls.certificateRefs of listener "{one.spec.name}" in {fixes.at(one.meta, one.kind)}'
    if item.state == "refused":
        return (
            f"the owner of namespace {item.namespace} creates this ReferenceGrant (kubectl apply -f, or commit it)",
            f"or refer to a Secret of namespace {one.meta.namespace} in {field}",
        )
    if item.state == "absent":
        near = fixes.meant(fixes.near(world.snapshot, Secret.__name__, item.namespace, item.name))
        return (
            f"create it: kubectl create secret tls {item.name} -n {item.namespace} --cert=FILE --key=FILE",
            f"or correct {field}{near}",
        )
    return (f"correct the Secret, or {field}",)


def _grant(one: Declared, item: ir.Certificate) -> str:
    if item.state != "refused":
        return ""
    ref = next(ref for ref in one.spec.certificates if (ref.namespace, ref.name) == (item.namespace, item.name))
    return fixes.grant(one.kind, one.meta.namespace, ref)


def _labels(world: World, namespace: str) -> dict[str, str]:
    found = world.snapshot.get(Namespace, "", namespace)
    return dict(found.meta.labels) if isinstance(found, Namespace) else {}


def listeners(found: Sequence[Declared]) -> str:
    return ", ".join(said(one.spec) for one in found) or "no listener"
