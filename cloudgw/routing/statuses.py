"""Statuses as values: what a controller would write below `status` of every object that has to do with us.

Called by the CLI and by the controller. Everything comes from the verdicts of a Resolution and from what is known of
the cloud (`Programming`); nothing is decided here but the shape, which is that of
https://gateway-api.sigs.k8s.io/reference/spec/ (v1.6). Only entries of ours are given: whoever writes them keeps those
of others. This module must never do I/O, and never know the time: lastTransitionTime is the writer's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cloudgw import objects
from cloudgw.objects import (
    GATEWAY_GROUP,
    ROUTE_KINDS,
    BackendPolicy,
    BackendTLSPolicy,
    Gateway,
    GatewayClass,
    Key,
    ListenerSet,
    Meta,
    Note,
    ParentRef,
    Snapshot,
)
from cloudgw.routing import classes, honoured, ir

State = Literal["True", "False", "Unknown"]
LONGEST = 32768  # characters of a message: with a longer one the API server refuses the whole status


@dataclass(frozen=True, slots=True, kw_only=True)
class Programming:
    """What is known of a Gateway's load balancer. addresses: (IPAddress or Hostname, value). degraded: reason and
    message of what is wrong although something serves. routes: (kind, namespace, name) -> why its newest generation is
    not programmed yet, "" = it is; of those that are not named nothing is said. listeners: (kind, namespace and name of
    their object, name) -> why one is not programmed although the Gateway is, as one whose certificate came later."""

    state: State
    reason: str
    message: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    degraded: tuple[str, str] | None = None
    routes: Mapping[tuple[str, str, str], str] = dataclasses.field(default_factory=dict)
    listeners: Mapping[tuple[str, str, str, str], str] = dataclasses.field(default_factory=dict)

    def at(self, owner: tuple[str, str, str], listener: str = "") -> Programming:
        """The same for one listener of an object; without a name for all of its listeners."""
        late = [why for key, why in self.listeners.items() if key[:3] == owner and listener in ("", key[3])]
        if self.state != "True" or not late:
            return self
        return dataclasses.replace(self, state="False", reason="Pending", message=late[0])


DEGRADED = "cloudgw.dev/Degraded"  # a condition that is there only where it is True
NOT_LOOKED = Programming(state="Unknown", reason="Pending", message="the cloud was not looked at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    type: str
    status: State
    reason: str
    message: str = ""
    generation: int = 0

    def json(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message[:LONGEST],
            "observedGeneration": self.generation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStatus:
    """status: the JSON of the object's `status`, conditions without lastTransitionTime."""

    kind: str
    namespace: str
    name: str
    status: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        return dict(self.status)


def of(
    snapshot: Snapshot,
    resolution: ir.Resolution,
    programmed: Mapping[Key, Programming] | None = None,
    refused: Mapping[str, str] | None = None,
    features: Mapping[str, Sequence[str]] | None = None,
    clouds: Mapping[Key, Sequence[Note]] | None = None,
    controller_name: str = objects.CONTROLLER_NAME,
) -> tuple[ObjectStatus, ...]:
    """Statuses of GatewayClasses, Gateways, ListenerSets, routes and policies, by kind, namespace and name.

    programmed: by (namespace, name) of the Gateway; refused: name of a GatewayClass -> why its parameters cannot be
    used; features: name of a GatewayClass -> what its cloud supports; clouds: by Gateway, what its provider says of it.
    """
    cloud, wrong = programmed or {}, refused or {}
    found = [
        _class(snapshot, one, wrong.get(one.meta.name, ""), (features or {}).get(one.meta.name, ()))
        for one in snapshot.all(GatewayClass)
        if one.controller == controller_name
    ]
    said = clouds or {}
    resolution = dataclasses.replace(
        resolution,
        gateways=tuple(
            dataclasses.replace(one, verdicts=honoured.by_cloud(one.verdicts, said.get((one.namespace, one.name), ())))
            for one in resolution.gateways
        ),
    )
    for routing in resolution.gateways:
        gateway = snapshot.get(Gateway, routing.namespace, routing.name)
        if isinstance(gateway, Gateway):
            state = cloud.get((routing.namespace, routing.name), NOT_LOOKED)
            verdicts = _with_class(routing.verdicts, gateway.class_name, wrong.get(gateway.class_name, ""))
            found.append(_gateway(gateway, verdicts, state))
            found += _sets(snapshot, verdicts, state)
    found += _routes(snapshot, resolution, controller_name, cloud)
    found += _policies(snapshot, resolution, controller_name)
    found += _backend_policies(snapshot, resolution, controller_name)
    return tuple(found)


def _with_class(verdicts: ir.Verdicts, name: str, refused: str) -> ir.Verdicts:
    """A Gateway whose class's parameters the cloud's provider refuses means nothing yet."""
    if not refused or verdicts.accepted.status is False:
        return verdicts
    message = f"the parameters of GatewayClass {name} cannot be used: {refused}"
    return dataclasses.replace(verdicts, accepted=ir.Verdict(status=False, reason="InvalidParameters", message=message))


def condition(kind: str, verdict: ir.Verdict, generation: int) -> Condition:
    state: State = "Unknown" if verdict.status is None else "True" if verdict.status else "False"
    return Condition(type=kind, status=state, reason=verdict.reason, message=verdict.message, generation=generation)


def _class(snapshot: Snapshot, one: GatewayClass, refused: str, features: Sequence[str]) -> ObjectStatus:
    verdict = classes.verdict(snapshot, one)
    if refused and verdict.status:
        verdict = ir.Verdict(status=False, reason="InvalidParameters", message=refused)
    conditions = [condition("Accepted", verdict, one.meta.generation)]
    if (release := classes.version(snapshot)) is not None:
        conditions.append(condition("SupportedVersion", release, one.meta.generation))
    status: dict[str, Any] = {"conditions": [item.json() for item in conditions]}
    if features:
        status["supportedFeatures"] = [{"name": name} for name in sorted(features)]
    return ObjectStatus(kind="GatewayClass", namespace="", name=one.meta.name, status=status)


def _gateway(gateway: Gateway, verdicts: ir.Verdicts, state: Programming) -> ObjectStatus:
    generation = gateway.meta.generation
    conditions = [
        condition("Accepted", verdicts.accepted, generation),
        _programmed(_gateway_hindrance(verdicts.accepted), state, generation),
    ]
    if verdicts.resolved is not None:
        conditions.append(condition("ResolvedRefs", verdicts.resolved, generation))
    if verdicts.insecure:
        message = "AllowInsecureFallback: clients without a valid certificate are let in"
        insecure = ir.Verdict(status=True, reason="ConfigurationChanged", message=message)
        conditions.append(condition("InsecureFrontendValidationMode", insecure, generation))
    if state.degraded is not None:
        wrong = ir.Verdict(status=True, reason=state.degraded[0], message=state.degraded[1])
        conditions.append(condition(DEGRADED, wrong, generation))
    status: dict[str, Any] = {"conditions": [one.json() for one in conditions]}
    if state.addresses:
        status["addresses"] = [{"type": kind, "value": value} for kind, value in sorted(state.addresses)]
    key = ("Gateway", gateway.meta.namespace, gateway.meta.name)
    status["listeners"] = _listeners(verdicts, key, state, generation)
    joined = sum(one.accepted.status is True for one in verdicts.sets)
    if joined:
        status["attachedListenerSets"] = joined
    return ObjectStatus(kind="Gateway", namespace=gateway.meta.namespace, name=gateway.meta.name, status=status)


def _gateway_hindrance(accepted: ir.Verdict) -> ir.Verdict | None:
    if accepted.status is True:
        return None
    return accepted if accepted.status is None else dataclasses.replace(accepted, reason="Invalid")


def _sets(snapshot: Snapshot, verdicts: ir.Verdicts, state: Programming) -> Iterator[ObjectStatus]:
    for one in verdicts.sets:
        key = ("ListenerSet", one.namespace, one.name)
        conditions = [
            condition("Accepted", one.accepted, one.generation),
            _programmed(one.programmed or _parent_hindrance(state), state.at(key), one.generation),
        ]
        status: dict[str, Any] = {"conditions": [item.json() for item in conditions]}
        listeners = _listeners(verdicts, key, state, one.generation)
        if listeners:
            status["listeners"] = listeners
        if isinstance(snapshot.get(ListenerSet, one.namespace, one.name), ListenerSet):
            yield ObjectStatus(kind="ListenerSet", namespace=one.namespace, name=one.name, status=status)


def _parent_hindrance(state: Programming) -> ir.Verdict | None:
    if state.state != "False" or state.reason == "PortUnavailable":  # which a set may say of itself
        return None
    return ir.Verdict(status=False, reason="ParentNotProgrammed", message=f"the Gateway: {state.message}")


def _listeners(
    verdicts: ir.Verdicts, owner: tuple[str, str, str], state: Programming, generation: int
) -> list[dict[str, Any]]:
    found = []
    for one in verdicts.listeners:
        if one.owner != owner:
            continue
        conditions = [
            condition("Accepted", one.accepted, generation),
            _programmed(one.programmed, state.at(owner, one.name), generation),
            condition("ResolvedRefs", one.resolved, generation),
        ]
        if one.conflicted is not None:
            conditions.append(condition("Conflicted", one.conflicted, generation))
        if one.overlapping is not None:
            conditions.append(condition("OverlappingTLSConfig", one.overlapping, generation))
        found.append(
            {
                "name": one.name,
                "supportedKinds": [{"group": group, "kind": kind} for group, kind in one.kinds],
                "attachedRoutes": one.attached,
                "conditions": [item.json() for item in conditions],
            }
        )
    return found


def _programmed(hindrance: ir.Verdict | None, state: Programming, generation: int) -> Condition:
    """What the input says comes before what the cloud says. The reasons of Programmed are its own."""
    if hindrance is None:
        return Condition(
            type="Programmed",
            status=state.state,
            reason=state.reason,
            message=state.message,
            generation=generation,
        )
    if hindrance.status is None:
        return condition("Programmed", hindrance, generation)
    reason = hindrance.reason if hindrance.reason in _PROGRAMMED else "Invalid"
    verdict = ir.Verdict(status=False, reason=reason, message=hindrance.message)
    return condition("Programmed", verdict, generation)


_PROGRAMMED = (
    "HostnameConflict",
    "Invalid",
    "InvalidTLSConfig",
    "ListenerConflict",
    "ListenersNotValid",
    "NotAllowed",
    "ParentNotProgrammed",
    "ProtocolConflict",
)


def _routes(
    snapshot: Snapshot, resolution: ir.Resolution, controller_name: str, cloud: Mapping[Key, Programming]
) -> Iterator[ObjectStatus]:
    found: dict[tuple[str, str, str], dict[int, tuple[ir.ParentVerdict, str | None]]] = {}
    for routing in resolution.gateways:
        programming = cloud.get((routing.namespace, routing.name), NOT_LOOKED)
        for one in routing.verdicts.parents:
            route_key = (one.kind, one.namespace, one.name)
            found.setdefault(route_key, {})[one.number] = (one, programming.routes.get(route_key))
    for kind in ROUTE_KINDS:
        for route in snapshot.all(kind):
            key = (kind.__name__, route.meta.namespace, route.meta.name)
            parents = [
                _parent(route.parents[number], route.meta, verdict, late, controller_name)
                for number, (verdict, late) in sorted(found.get(key, {}).items())
            ]
            if parents:
                yield ObjectStatus(kind=key[0], namespace=key[1], name=key[2], status={"parents": parents})


def _parent(
    ref: ParentRef, meta: Meta, verdict: ir.ParentVerdict, late: str | None, controller_name: str
) -> dict[str, Any]:
    """late: why the cloud does not answer so yet, "" = it does, None = nobody knows."""
    conditions = [
        condition("Accepted", verdict.accepted, meta.generation),
        condition("ResolvedRefs", verdict.resolved, meta.generation),
    ]
    if late is not None and verdict.accepted.status is True:
        programmed = ir.Verdict(status=not late, reason="Pending" if late else "Programmed", message=late)
        conditions.insert(1, condition("Programmed", programmed, meta.generation))
    if verdict.partially is not None:
        conditions.append(condition("PartiallyInvalid", verdict.partially, meta.generation))
    return {
        "parentRef": parent_json(ref),
        "controllerName": controller_name,
        "conditions": [one.json() for one in conditions],
    }


def parent_json(ref: ParentRef) -> dict[str, Any]:
    """A parentRef as the API server keeps it: group and kind are defaulted, the rest is as written."""
    found: dict[str, Any] = {"group": ref.group, "kind": ref.kind}
    if not ref.implied:
        found["namespace"] = ref.namespace
    found["name"] = ref.name
    if ref.section:
        found["sectionName"] = ref.section
    if ref.port:
        found["port"] = ref.port
    return found


def _policies(snapshot: Snapshot, resolution: ir.Resolution, controller_name: str) -> Iterator[ObjectStatus]:
    found: dict[Key, list[dict[str, Any]]] = {}
    for routing in resolution.gateways:
        for one in routing.verdicts.policies:
            policy = snapshot.get(BackendTLSPolicy, one.namespace, one.name)
            if not isinstance(policy, BackendTLSPolicy):
                continue
            generation = policy.meta.generation
            accepted = condition("Accepted", one.accepted, generation)
            resolved = condition("ResolvedRefs", one.resolved, generation)
            entry = _ancestor(routing, controller_name, accepted, resolved)
            found.setdefault((one.namespace, one.name), []).append(entry)
    for (namespace, name), ancestors in sorted(found.items()):
        status = {"ancestors": ancestors[:16]}
        yield ObjectStatus(kind="BackendTLSPolicy", namespace=namespace, name=name, status=status)


def _ancestor(routing: ir.Routing, controller_name: str, *conditions: Condition) -> dict[str, Any]:
    gateway = {"group": GATEWAY_GROUP, "kind": "Gateway", "namespace": routing.namespace, "name": routing.name}
    return {
        "ancestorRef": gateway,
        "controllerName": controller_name,
        "conditions": [one.json() for one in conditions],
    }


def _backend_policies(snapshot: Snapshot, resolution: ir.Resolution, controller_name: str) -> Iterator[ObjectStatus]:
    found: dict[Key, list[dict[str, Any]]] = {}
    for routing in resolution.gateways:
        for one in routing.verdicts.backend_policies:
            policy = snapshot.get(BackendPolicy, one.namespace, one.name)
            if isinstance(policy, BackendPolicy):
                said = [condition("Accepted", one.accepted, policy.meta.generation)]
                if one.partially is not None:
                    said.append(condition("PartiallyInvalid", one.partially, policy.meta.generation))
                entry = _ancestor(routing, controller_name, *said)
                found.setdefault((one.namespace, one.name), []).append(entry)
    for (namespace, name), ancestors in sorted(found.items()):
        status = {"ancestors": ancestors[:16]}
        yield ObjectStatus(kind="BackendPolicy", namespace=namespace, name=name, status=status)
