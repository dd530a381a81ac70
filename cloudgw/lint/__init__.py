"""What will not work, found before anybody asks a cloud: one Finding per fact.

`cloudgw lint` calls `lint`. Sources: what `resolve` noted and judged, what each target's provider says of a routing,
and what no note says: rules that can never answer (`reach`), backends that cannot serve (`backends`), certificates that
end (`certificates`). Pure: the current time is handed in. It must never ask a cloud, and never repeat a fact that
several Gateways or sources know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cloudgw.lint import backends, certificates, model, reach
from cloudgw.lint.model import LEVELS, Finding, of_note
from cloudgw.objects import (
    ROUTE_KINDS,
    BackendPolicy,
    BackendTLSPolicy,
    GatewayClass,
    ListenerSet,
    Note,
    Origin,
    Route,
    Snapshot,
)
from cloudgw.provider import Provider
from cloudgw.routing import conditions, ir

__all__ = ["LEVELS", "Finding", "lint", "of_note"]

EXPIRY_DAYS = 30
NO_PROVIDER = "NoProvider"


def lint(
    snapshot: Snapshot,
    resolution: ir.Resolution,
    *,
    targets: Mapping[str, Provider],
    now: float,
    expiry_days: int = EXPIRY_DAYS,
    notes: Sequence[Note] = (),
    refused: Mapping[str, str] | None = None,
    unread: Mapping[str, str] | None = None,
) -> tuple[Finding, ...]:
    """Every finding once, the worst first, then by file, line and object.

    targets: name -> the provider whose cloud every Gateway is held against, whatever class it is of. now: seconds since
    1970. notes: what reading the input said. refused, unread: name of a GatewayClass -> why its parameters
    cannot be used, or why nobody could tell.
    """
    found = [of_note(note) for note in (*notes, *resolution.notes)]
    found += _classes(snapshot, refused or {}, unread or {})
    found += reach.without_parents(snapshot, ROUTE_KINDS)
    slices = backends.slices(snapshot)
    for routing in resolution.gateways:
        said = [of_note(note) for note in routing.notes]
        found += said
        found += _verdicts(routing, snapshot, said)
        found += reach.find(routing, snapshot)
        found += backends.find(routing, snapshot, slices)
        found += certificates.find(routing, snapshot, now, expiry_days)
        for name, provider in targets.items():
            found += (of_note(note, name) for note in provider.lint(routing))
    return tuple(sorted(dict.fromkeys(_worst(found)), key=_order))


def _worst(found: Iterable[Finding]) -> Iterator[Finding]:
    """Of one fact, told with several levels, the worst."""
    facts: dict[tuple[str, str, str], Finding] = {}
    for one in found:
        key = (one.rule, one.message, one.place)
        held = facts.get(key)
        if held is None or LEVELS.index(one.level) < LEVELS.index(held.level):
            facts[key] = one
    yield from facts.values()


def _order(one: Finding) -> tuple[int, str, int, str, str, str]:
    where = one.origin or Origin(kind="")
    return LEVELS.index(one.level), where.file, where.line, str(where), one.rule, one.message


def _classes(snapshot: Snapshot, refused: Mapping[str, str], unread: Mapping[str, str]) -> Iterator[Finding]:
    for one in snapshot.all(GatewayClass):
        where = conditions.origin("GatewayClass", one.meta, path="/spec/parametersRef")
        if (reason := refused.get(one.meta.name)) is not None:
            yield model.find("error", conditions.INVALID_PARAMETERS, where, f"parametersRef: {reason}")
        if (reason := unread.get(one.meta.name)) is not None:
            yield model.find("warning", NO_PROVIDER, where, f"parametersRef: {reason}; install its provider")


def _verdicts(routing: ir.Routing, snapshot: Snapshot, said: Sequence[Finding]) -> Iterator[Finding]:
    """What statuses say and no note does. What has a note of its own, or only sums up others, is not repeated."""
    told: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    codes: set[tuple[str, str]] = set()  # (object and section, code)
    for one in said:
        if one.origin is not None:
            told[one.origin.kind, one.origin.namespace, one.origin.name].append(one.message)
            codes.add((str(one.origin), one.code))
    noted = {where for where, _ in codes}

    def fresh(where: Origin, verdict: ir.Verdict | None) -> bool:
        if verdict is None or verdict.status is not False or verdict.reason in _SUMS or not verdict.message:
            return False
        if (str(where), verdict.reason) in codes:
            return False
        field = verdict.message.partition(": ")[2] or verdict.message
        return not any(field in message for message in told[where.kind, where.namespace, where.name])

    held = routing.verdicts
    # a class without parameters has a note of its own; what is wrong with the Gateway's has none
    of_class = routing.own is None or routing.own.wrong is None
    summed = of_class and held.accepted.reason == conditions.INVALID_PARAMETERS and routing.parameters is None
    for judged in (None if summed else held.accepted, held.resolved):
        if judged is not None and fresh(routing.origin, judged):
            yield model.find("error", judged.reason, routing.origin, judged.message)
    for listener in held.listeners:
        kind, namespace, name = listener.owner
        where = _where(snapshot, kind, namespace, name, routing.origin, f'listener "{listener.name}"')
        if listener.overlapping is not None:
            # often meant: a wildcard, and a listener of its own for one of its names
            yield model.find("info", listener.overlapping.reason, where, listener.overlapping.message)
        # what keeps it from being programmed mostly follows from what is noted of it
        programmed = None if str(where) in noted else listener.programmed
        for verdict in (listener.accepted, listener.resolved, programmed):
            if verdict is not None and fresh(where, verdict):
                yield model.find("error", verdict.reason, where, verdict.message)
                break
    for joined in held.sets:
        where = _where(snapshot, "ListenerSet", joined.namespace, joined.name, routing.origin)
        if fresh(where, joined.accepted):
            yield model.find("error", joined.accepted.reason, where, joined.accepted.message)
    for parent in held.parents:
        where = _where(snapshot, parent.kind, parent.namespace, parent.name, routing.origin)
        if told.get((parent.kind, parent.namespace, parent.name)) is None and fresh(where, parent.accepted):
            message = f"parentRefs[{parent.number}]: {parent.accepted.message}"
            yield model.find("error", parent.accepted.reason, where, message)
    for policy in held.policies:
        where = _where(snapshot, "BackendTLSPolicy", policy.namespace, policy.name, routing.origin)
        for verdict in (policy.accepted, policy.resolved):
            if fresh(where, verdict):
                yield model.find("error", verdict.reason, where, verdict.message)
                break
    for treatment in held.backend_policies:
        where = _where(snapshot, "BackendPolicy", treatment.namespace, treatment.name, routing.origin)
        if fresh(where, treatment.accepted):
            yield model.find("error", treatment.accepted.reason, where, treatment.accepted.message)


# conditions that say again what their causes say
_SUMS = ("ListenersNotValid", "ListenersNotResolved", "ParentNotAccepted", "ParentNotProgrammed", "Pending")


def _where(snapshot: Snapshot, kind: str, namespace: str, name: str, otherwise: Origin, section: str = "") -> Origin:
    found = snapshot.get(kind, namespace, name)
    if (otherwise.kind, otherwise.namespace, otherwise.name) == (kind, namespace, name):
        return Origin(
            kind=kind, namespace=namespace, name=name, section=section, file=otherwise.file, line=otherwise.line
        )
    if isinstance(found, ListenerSet | Route | BackendTLSPolicy | BackendPolicy):
        return conditions.origin(kind, found.meta, section=section)
    return Origin(kind=kind, namespace=namespace, name=name, section=section)
