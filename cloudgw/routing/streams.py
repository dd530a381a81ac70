"""Connections that carry no HTTP: who serves which, per port. TLS by server name; TCP and UDP to one route.

Called by `resolve`. A connection belongs to its most specific listener, whatever less specific ones would say; of
several routes for one name, or on one TCP or UDP listener, the oldest serves and the others stay attached
(https://gateway-api.sigs.k8s.io/reference/spec/, TLSRoute, TCPRoute, UDPRoute). This module must never read a rule's
backends: `rules` says what a route answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudgw.objects import Note
from cloudgw.routing import attach, conditions, hostnames, ir
from cloudgw.routing.attach import Attachment, RouteKey
from cloudgw.routing.listeners import Standing
from cloudgw.routing.rules import Rule

PROTOCOLS = ("TLS", "TCP", "UDP")


def build(
    standings: Sequence[Standing],
    attachments: Mapping[str, Sequence[Attachment]],
    read: Mapping[RouteKey, Sequence[Rule]],
    notes: list[Note],
) -> tuple[ir.StreamTable, ...]:
    """One table per port and protocol on which at least one such listener is programmed. Arguments as in `tables`."""
    programmed = [one for one in standings if not one.refused and one.listener.protocol in PROTOCOLS]
    tables = []
    for port, protocol in sorted({(one.listener.port, one.listener.protocol) for one in programmed}):
        family = next(one.family for one in programmed if one.listener.protocol == protocol)
        here = sorted(
            (one for one in standings if one.listener.port == port and one.family == family),
            key=lambda one: (hostnames.specificity(one.listener.hostname), one.listener.id),
        )
        found = [_streams(one, attachments.get(one.listener.id, ()), read, notes) for one in here]
        tables.append(
            ir.StreamTable(
                port=port,
                protocol=protocol,
                listeners=tuple(one.listener for one in here if not one.refused and one.listener.protocol == protocol),
                streams=_isolated(here, found),
            )
        )
    return tuple(tables)


def _streams(
    standing: Standing,
    attachments: Sequence[Attachment],
    read: Mapping[RouteKey, Sequence[Rule]],
    notes: list[Note],
) -> list[ir.Stream]:
    """What the routes of one listener say, most specific hostname first; nothing for one that is refused or carries
    HTTP."""
    listener = standing.listener
    if standing.refused or listener.protocol not in PROTOCOLS:
        return []
    ordered = sorted(
        ((hostname, one) for one in attachments for hostname in one.hostnames),
        key=lambda item: _rank(listener, *item),
    )
    found: list[ir.Stream] = []
    first: dict[str, Attachment] = {}
    for hostname, one in ordered:
        rules = read[attach.key_of(one.route)]
        if not rules:
            continue
        if (winner := first.get(hostname)) is not None:
            _shadowed(listener, hostname, one, winner, notes)
            continue
        if one.unknown is None:
            first[hostname] = one
        action = rules[0].action
        assert not isinstance(action, ir.Redirect), "a connection cannot be redirected"
        found.append(
            ir.Stream(
                key=f"{listener.id}/{one.route.kind}/{_name(one)}/{hostname or '*'}",
                listener=listener.id,
                hostname=hostname,
                action=action,
                origin=rules[0].origin,
                unknown=one.unknown,
            )
        )
    return found


def _rank(listener: ir.Listener, hostname: str, one: Attachment) -> tuple[object, ...]:
    own = hostnames.written(listener.hostname, one.route.hostnames, hostname)
    return hostnames.specificity(own), one.route.meta.created, _name(one), hostname


def _shadowed(listener: ir.Listener, hostname: str, one: Attachment, winner: Attachment, notes: list[Note]) -> None:
    what = f"server name {hostname}" if hostname else "every connection"
    where = conditions.origin(one.route.kind, one.route.meta)
    reason = (
        f'parentRefs: {one.route.kind} {_name(winner)} is older and serves {what} of listener "{listener.id}"; '
        "remove one of the two, or give the route a listener of its own"
    )
    said = conditions.note("warning", conditions.SHADOWED, where, reason)
    if said not in notes:
        notes.append(said)


def _isolated(here: Sequence[Standing], found: Sequence[Sequence[ir.Stream]]) -> tuple[ir.Stream, ...]:
    """All streams of a port; after those of a listener one that closes what belongs to it, where a less specific
    listener would serve it."""
    streams: list[ir.Stream] = []
    served = {one.listener.hostname for one in here if not one.refused}
    for number, standing in enumerate(here):
        own, listener = found[number], standing.listener
        streams += own
        if standing.refused and listener.hostname in served:  # it lost its place to a listener of this hostname
            continue
        if any(one.unknown is None and hostnames.covers(one.hostname, listener.hostname) for one in own):
            continue
        later = (one for others in found[number + 1 :] for one in others)
        if any(hostnames.intersect(one.hostname, listener.hostname) is not None for one in later):
            reason = f'no route of listener "{listener.name}" serves it'
            streams.append(
                ir.Stream(
                    key=ir.isolation_key(listener),
                    listener=listener.id,
                    hostname=listener.hostname,
                    action=ir.Respond(status=404, reason=reason),
                    origin=listener.origin,
                    unknown=standing.unknown,
                )
            )
    return tuple(streams)


def _name(one: Attachment) -> str:
    return f"{one.route.meta.namespace}/{one.route.meta.name}"
