"""The tables of a Gateway: per port, every (listener, hostname, match) with its answer, in the order of precedence.

Called by `resolve`. Here the rules meet that concern neighbours: which of two equal matches answers, and listener
isolation: a request belongs to its most specific listener, whatever less specific ones would say
(https://gateway-api.sigs.k8s.io/reference/spec/, Gateway listeners). An entry's key depends on its match alone, never
on neighbours. This module must never decide what a rule answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudgw.objects import Note, Route, RouteMatch
from cloudgw.routing import attach, conditions, hostnames, ir, matches, precedence, rules
from cloudgw.routing.attach import Attachment, RouteKey
from cloudgw.routing.listeners import Standing
from cloudgw.routing.rules import Rule

PROTOCOLS = ("HTTP", "HTTPS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry before it is known whether it can ever answer."""

    rank: precedence.Rank
    entry: ir.Entry
    route: Route
    position: int  # of the match in its rule


def build(
    standings: Sequence[Standing],
    attachments: Mapping[str, Sequence[Attachment]],
    read: Mapping[RouteKey, Sequence[Rule]],
    notes: list[Note],
) -> tuple[ir.Table, ...]:
    """One table per port on which at least one HTTP or HTTPS listener is programmed, by port. attachments: by the
    listener's id; read: the rules of every route."""
    ports = sorted({one.listener.port for one in standings if not one.refused and one.listener.protocol in PROTOCOLS})
    tables = []
    for port in ports:
        here = sorted(
            (standing for standing in standings if standing.listener.port == port),
            key=lambda standing: (hostnames.specificity(standing.listener.hostname), standing.listener.id),
        )
        programmed = [one for one in here if not one.refused and one.listener.protocol in PROTOCOLS]
        here = [standing for standing in here if standing.family == programmed[0].family]
        candidates = [
            _reachable(
                standing,
                here,
                _only_first(_candidates(standing, attachments.get(standing.listener.id, ()), read), notes),
                notes,
            )
            for standing in here
        ]
        tables.append(
            ir.Table(
                port=port,
                protocol=programmed[0].listener.protocol,
                listeners=tuple(standing.listener for standing in programmed),
                entries=_isolated(here, candidates),
            )
        )
    return tuple(tables)


def _candidates(
    standing: Standing, attachments: Sequence[Attachment], read: Mapping[RouteKey, Sequence[Rule]]
) -> list[Candidate]:
    """Everything that the routes of one listener say, in order of precedence; nothing for one that is refused or
    carries no HTTP."""
    listener = standing.listener
    if standing.refused or listener.protocol not in PROTOCOLS:
        return []
    found = [
        _candidate(listener, one, hostname, rule, position, match)
        for one in attachments
        for rule in read[attach.key_of(one.route)]
        for position, match in rule.matches
        for hostname in one.hostnames
    ]
    return sorted(found, key=lambda candidate: candidate.rank)


def _candidate(
    listener: ir.Listener, one: Attachment, hostname: str, rule: Rule, position: int, match: RouteMatch
) -> Candidate:
    meta = one.route.meta
    owner = f"{meta.namespace}/{meta.name}"
    said = owner if match.grpc is None else f"{meta.namespace}/grpc:{meta.name}"
    return Candidate(
        route=one.route,
        position=position,
        rank=precedence.rank(
            listener=listener.id,
            listener_hostname=listener.hostname,
            hostname=hostnames.written(listener.hostname, one.route.hostnames, hostname),
            match=match,
            created=meta.created,
            route=owner,
            rule=rule.index,
            position=position,
        ),
        entry=ir.Entry(
            key=f"{listener.id}/{said}/{hostname or '*'}/{matches.identity(match)}",
            listener=listener.id,
            hostname=hostname,
            match=match,
            action=rules.for_listener(rule.action, listener),
            origin=rule.origin,
            unknown=one.unknown,
        ),
    )


def _only_first(candidates: Sequence[Candidate], notes: list[Note]) -> list[Candidate]:
    """Those that an earlier one of the same listener, with their hostname and match, keeps from answering are left out
    where it is one of their own route, else marked."""
    kept: list[Candidate] = []
    said: dict[Note, None] = {}
    first: dict[tuple[str, RouteMatch], Candidate] = {}
    keys: dict[str, Candidate] = {}
    for candidate in candidates:
        entry = candidate.entry
        winner = keys.get(entry.key) or first.get((entry.hostname, entry.match))
        if winner is None:
            kept.append(candidate)
            keys[entry.key] = candidate
            if entry.unknown is None:
                first[entry.hostname, entry.match] = candidate
            continue
        same = winner.route is candidate.route
        reason = (
            f"matches[{candidate.position}] ({matches.describe(entry.match)}): {winner.entry.origin} answers the same "
            f'requests first on listener "{entry.listener}"; remove one of the two'
        )
        code = conditions.DUPLICATE_MATCH if same else conditions.SHADOWED
        said[conditions.note("warning", code, entry.origin, reason)] = None
        if not same and entry.key not in keys:
            keys[entry.key] = candidate
            behind = dataclasses.replace(entry, behind=winner.entry.key)
            kept.append(dataclasses.replace(candidate, entry=behind))
    notes += said
    return kept


def _reachable(
    standing: Standing, here: Sequence[Standing], candidates: Sequence[Candidate], notes: list[Note]
) -> list[Candidate]:
    """Without those whose hosts all belong to a more specific listener."""
    kept: list[Candidate] = []
    said: dict[Note, None] = {}
    own = standing.listener.hostname
    stricter = [
        other.listener
        for other in here
        if other.unknown is None  # else what less specific ones answer has to stay
        and other.listener.hostname != own
        and hostnames.covers(own, other.listener.hostname)
    ]
    for candidate in candidates:
        entry = candidate.entry
        taker = next((other for other in stricter if hostnames.covers(other.hostname, entry.hostname)), None)
        if taker is None:
            kept.append(candidate)
            continue
        reason = (
            f'hostname {entry.hostname} belongs to listener "{taker.name}", which is more specific than listener '
            f'"{entry.listener}": the route does not answer for it there'
        )
        said[conditions.note("info", conditions.ISOLATED, entry.origin, reason)] = None
    notes += said
    return kept


def _isolated(here: Sequence[Standing], candidates: Sequence[Sequence[Candidate]]) -> tuple[ir.Entry, ...]:
    """All entries of a port; after those of a listener a 404 for its hosts, where a less specific listener would answer
    requests that belong to it. Without one the next entry would never be asked anyway."""
    entries: list[ir.Entry] = []
    served = {one.listener.hostname for one in here if not one.refused}
    barred: set[str] = set()
    for number, standing in enumerate(here):
        own = [candidate.entry for candidate in candidates[number]]
        entries += own
        listener = standing.listener
        if standing.refused and listener.hostname in served:  # it lost its place to a listener of this hostname
            continue
        if listener.hostname in barred or any(_answers_all(entry, listener.hostname) for entry in own):
            continue
        later = (candidate.entry for other in candidates[number + 1 :] for candidate in other)
        if any(hostnames.intersect(entry.hostname, listener.hostname) is not None for entry in later):
            if standing.unknown is None:
                barred.add(listener.hostname)
            entries.append(_barrier(standing))
    return tuple(entries)


def _answers_all(entry: ir.Entry, hostname: str) -> bool:
    return entry.unknown is None and hostnames.covers(entry.hostname, hostname) and matches.matches_all(entry.match)


def _barrier(standing: Standing) -> ir.Entry:
    listener = standing.listener
    reason = f'no route of listener "{listener.name}" matches'
    if standing.refused:
        reason = f'listener "{listener.name}" is not programmed: {standing.refused}'
    elif listener.protocol not in PROTOCOLS:
        reason = f'listener "{listener.name}" carries {listener.protocol}, not HTTP'
    return ir.Entry(
        key=ir.isolation_key(listener),
        listener=listener.id,
        hostname=listener.hostname,
        match=RouteMatch(),
        action=ir.Respond(status=404, reason=reason),
        origin=listener.origin,
        unknown=standing.unknown,
    )
