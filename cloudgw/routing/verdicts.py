"""What the input means for the objects that have to do with one Gateway: the facts behind their statuses.

Called by `resolve` when everything else is known. Reasons and their order are those of
https://gateway-api.sigs.k8s.io/reference/spec/ (ConditionReason types). `statuses` writes verdicts as conditions;
explanations read them gate by gate. This module must never decide what a request is answered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from cloudgw.objects import Gateway, GatewayClass, Parameters, Unknown
from cloudgw.routing import attach, certificates, conditions, ir
from cloudgw.routing.attach import Parent, RouteKey
from cloudgw.routing.index import Index
from cloudgw.routing.listeners import Standing
from cloudgw.routing.rules import Rule
from cloudgw.routing.sets import Joining

ADDRESS_TYPES = ("IPAddress", "Hostname")


def of(
    index: Index,
    gateway: Gateway,
    gateway_class: GatewayClass | Unknown,
    parameters: Parameters | Unknown | None,
    own: ir.Own | None,
    joined: Sequence[Joining],
    standings: Sequence[Standing],
    parents: tuple[ir.ParentVerdict, ...],
    policies: tuple[ir.PolicyVerdict, ...],
    backend_policies: tuple[ir.BackendPolicyVerdict, ...],
) -> ir.Verdicts:
    """All verdicts of one Gateway. own: its own parameters. standings: with what is attached; parents: as of
    `of_parents`."""
    listeners = tuple(dataclasses.replace(one.verdict, attached=one.listener.attached) for one in standings)
    mine = [one for one in listeners if one.owner[0] == "Gateway"]
    accepted = _accepted(gateway, gateway_class, parameters, own, mine, listeners)
    return ir.Verdicts(
        accepted=accepted,
        resolved=_resolved(index, gateway, mine),
        insecure=any(one.listener.client is not None and one.listener.client.insecure for one in standings),
        listeners=listeners,
        sets=tuple(_set(one, listeners, accepted) for one in joined),
        parents=parents,
        policies=policies,
        backend_policies=backend_policies,
    )


def of_parents(parents: Sequence[Parent], read: Mapping[RouteKey, Sequence[Rule]]) -> tuple[ir.ParentVerdict, ...]:
    """In the order of `parents`. read: the rules of every route in it."""
    return tuple(_parent(one, read[attach.key_of(one.route)]) for one in parents)


def attached(parents: Sequence[Parent], judged: Sequence[ir.ParentVerdict]) -> dict[str, int]:
    """Id of a listener -> number of routes that are known to be accepted there. judged: the verdicts of `parents`."""
    found: dict[str, set[RouteKey]] = {}
    for parent, verdict in zip(parents, judged, strict=True):
        if verdict.accepted.status:
            for one in parent.attachments:
                if one.unknown is None:
                    found.setdefault(one.listener, set()).add(attach.key_of(parent.route))
    return {listener: len(keys) for listener, keys in found.items()}


def _accepted(
    gateway: Gateway,
    gateway_class: GatewayClass | Unknown,
    parameters: Parameters | Unknown | None,
    own: ir.Own | None,
    mine: Sequence[ir.ListenerVerdict],
    listeners: Sequence[ir.ListenerVerdict],
) -> ir.Verdict:
    for address in gateway.addresses:
        if address.type not in ADDRESS_TYPES:
            message = f"spec.addresses: type {address.type!r} is not supported; use {' or '.join(ADDRESS_TYPES)}"
            return ir.Verdict(status=False, reason="UnsupportedAddress", message=message)
    if own is not None and own.wrong is not None:
        return own.wrong
    for seen in (gateway_class, parameters):
        if isinstance(seen, Unknown):
            return ir.Verdict(status=None, reason="Pending", message=seen.reason)
    if parameters is None:
        message = f"GatewayClass {gateway.class_name} has no usable parameters: look at its status"
        return ir.Verdict(status=False, reason=conditions.INVALID_PARAMETERS, message=message)
    bad = [one for one in mine if one.accepted.status is False]
    if listeners and all(one.accepted.status is not True for one in listeners):
        doubtful = next((one for one in listeners if one.accepted.status is None), None)
        if doubtful is not None:
            return ir.Verdict(status=None, reason=conditions.PENDING, message=doubtful.accepted.message)
    if not bad and listeners:
        return ir.Verdict(status=True, reason="Accepted")
    if not listeners:
        return ir.Verdict(status=False, reason="Invalid", message="spec.listeners: empty; add a listener")
    return listeners_not_valid(bad, listeners)


def listeners_not_valid(bad: Sequence[ir.ListenerVerdict], listeners: Sequence[ir.ListenerVerdict]) -> ir.Verdict:
    """A Gateway some of whose own listeners, `bad`, are not accepted: it is, as long as any of all its listeners is."""
    said = "; ".join(f'listener "{one.name}": {one.accepted.message}' for one in bad)
    some = any(one.accepted.status is not False for one in listeners)
    return ir.Verdict(status=some, reason="ListenersNotValid", message=said)


def _resolved(index: Index, gateway: Gateway, own: Sequence[ir.ListenerVerdict]) -> ir.Verdict | None:
    ref = gateway.backend_certificate
    if ref is not None:
        where = conditions.origin("Gateway", gateway.meta, path="/spec/tls/backend/clientCertificateRef")
        found = certificates.of_secret(index, "Gateway", gateway.meta, ref, where)
        if found.state != "found":
            reason = certificates.code(found.state, conditions.INVALID_CLIENT_CERTIFICATE)
            status = None if found.state == "unknown" else False
            return ir.Verdict(
                status=status, reason=reason, message=f"spec.tls.backend.clientCertificateRef: {found.reason}"
            )
    bad = [one for one in own if one.resolved.status is False]
    if bad:
        message = "; ".join(f'listener "{one.name}": {one.resolved.message}' for one in bad)
        return ir.Verdict(status=False, reason="ListenersNotResolved", message=message)
    return ir.Verdict(status=True, reason="ResolvedRefs") if ref is not None else None


def _set(one: Joining, listeners: Sequence[ir.ListenerVerdict], gateway: ir.Verdict) -> ir.SetVerdict:
    key = ("ListenerSet", one.set.meta.namespace, one.set.meta.name)
    mine = [listener for listener in listeners if listener.owner == key]
    accepted, programmed = one.verdict, one.verdict if one.verdict.status is not True else None
    if accepted.status is True and gateway.status is False and gateway.reason != "ListenersNotValid":
        accepted = ir.Verdict(status=False, reason="ParentNotAccepted", message=f"the Gateway: {gateway.message}")
        programmed = dataclasses.replace(accepted, reason="ParentNotProgrammed")
    elif accepted.status is True:
        usable = [
            item for item in mine if item.accepted.status and not (item.programmed and not item.programmed.status)
        ]
        doubtful = [item for item in mine if item.accepted.status is None]
        bad = [item for item in mine if item not in usable and item not in doubtful]
        said = "; ".join(f'listener "{item.name}": {_why(item)}' for item in bad or doubtful)
        if doubtful and not usable:
            accepted = ir.Verdict(status=None, reason=conditions.PENDING, message=said)
        elif bad:
            accepted = ir.Verdict(status=bool(usable), reason="ListenersNotValid", message=said)
        if not mine:
            accepted = ir.Verdict(status=False, reason="Invalid", message="spec.listeners: empty; add a listener")
        if not usable:
            programmed = dataclasses.replace(accepted, status=None if doubtful else False)
    return ir.SetVerdict(
        namespace=one.set.meta.namespace,
        name=one.set.meta.name,
        generation=one.set.meta.generation,
        accepted=accepted,
        programmed=programmed,
    )


def _why(item: ir.ListenerVerdict) -> str:
    return item.accepted.message or (item.programmed.message if item.programmed else "")


def _accepted_parent(parent: Parent, rules: Sequence[Rule]) -> tuple[ir.Verdict, ir.Verdict | None]:
    """Accepted and PartiallyInvalid."""
    bad = [rule for rule in rules if rule.problem is not None]
    accepted, partially = parent.accepted, None
    if accepted.status is True and bad:
        said = "; ".join(f"{rule.origin.section}: {rule.problem.message}" for rule in bad if rule.problem)
        first = bad[0].problem
        assert first is not None
        if len(bad) == len(rules):
            accepted = ir.Verdict(status=False, reason=first.reason, message=said)
        else:
            partially = ir.Verdict(
                status=True,
                reason=conditions.UNSUPPORTED_VALUE,
                message=f"Dropped Rule(s): {said}; these answer an error",
            )
    return accepted, partially


def _parent(parent: Parent, rules: Sequence[Rule]) -> ir.ParentVerdict:
    route = parent.route
    accepted, partially = _accepted_parent(parent, rules)
    return ir.ParentVerdict(
        kind=route.kind,
        namespace=route.meta.namespace,
        name=route.meta.name,
        number=parent.number,
        accepted=accepted,
        resolved=conditions.resolved([verdict for rule in rules for verdict in rule.unresolved]),
        partially=partially,
        listeners=tuple(one.listener for one in parent.attachments),
        rules=len(rules),
        dropped=tuple(rule.origin.path for rule in rules if rule.problem is not None),
    )
