"""Which rule answers this request, which ones lost, and why: one Gateway's routing, asked one question.

`cloudgw trace` calls it. `routing.request` says who answers; this package only tells the way there, candidate by
candidate (`reasons`), and what the provider says of the rule that answers. Pure: a Routing and a Request in, a Trace
(`model`) out. It must never match a request by itself, and never ask a cloud.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cloudgw.objects import Gateway, ListenerSet, Note, Origin, Route, RouteMatch, Snapshot
from cloudgw.provider import Provider
from cloudgw.routing import conditions, conflicts, hostnames, ir, matches, request
from cloudgw.trace import reasons
from cloudgw.trace.model import Candidate, Listener, Share, Trace, shown

__all__ = ["Candidate", "Listener", "Share", "Trace", "shown", "trace"]

STREAMS = ("TLS", "TCP", "UDP")


def trace(
    routing: ir.Routing,
    asked: request.Request | request.Connection,
    snapshot: Snapshot | None = None,
    *,
    protocol: str = "",
    provider: Provider | None = None,
) -> Trace:
    """What a Gateway does with a request or a connection.

    snapshot: what the routing was resolved from; with it the trace knows the listeners that are not programmed, the
    ages of routes, and the rules that lost before the tables were made. protocol: HTTP or HTTPS, what the client of a
    request speaks; "" = what the listener speaks. provider: of the cloud that the Gateway is for; it is asked what it
    cannot honour of the rule that answers. Whether a rule is beyond a quota is not seen here: that takes all rules.
    """
    way = _Way(routing, asked, snapshot or Snapshot(), protocol)
    return Trace(
        gateway=routing.owner,
        origin=routing.origin,
        listeners=tuple(way.listeners),
        answer=way.answer,
        winner=way.candidate(way.winner) if way.winner is not None else None,
        shares=tuple(way.shares()),
        retry=way.forward.retry if way.forward else None,
        session=way.forward.session if way.forward else None,
        lost=tuple(way.lost()),
        notes=tuple(way.notes(provider)) if provider is not None else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    """A listener of the Gateway. refused: why it is not programmed."""

    id: str
    port: int
    protocol: str
    hostname: str
    refused: str
    without_certificate: bool
    origin: Origin


class _Way:
    """The steps of one trace: listener, answer, losers."""

    def __init__(
        self, routing: ir.Routing, asked: request.Request | request.Connection, snapshot: Snapshot, protocol: str
    ) -> None:
        self.routing = routing
        self.asked = asked
        self.snapshot = snapshot
        self.specs = {one.id: one for one in _specs(routing, snapshot)}
        http = isinstance(asked, request.Request)
        kind = asked.protocol if isinstance(asked, request.Connection) else ""
        self.table = next((one for one in routing.tables if http and one.port == asked.port), None)
        self.streams = next(
            (one for one in routing.streams if not http and (one.port, one.protocol) == (asked.port, kind)), None
        )
        self.protocol = kind or protocol or (self.table.protocol if self.table else "HTTP")
        self.host = hostnames.of_authority(asked.host) if isinstance(asked, request.Request) else asked.sni.lower()
        self.chosen = self._chosen()
        self.listeners = list(self._listeners())
        self.answer = self._answer()
        self.winner = self._winner()
        action = self.winner.action if self.winner is not None and not self.winner.unknown else None
        self.forward = action if isinstance(action, ir.Forward) and self.answer.kind == "forward" else None

    # who listens

    def _here(self) -> list[_Spec]:
        """Listeners of the port, most specific first. What shares a port by number alone (UDP) is not here."""
        family = conflicts.FAMILIES.get(self.protocol)
        found = [one for one in self.specs.values() if one.port == self.asked.port]
        if family == "UDP":
            found = [one for one in found if one.protocol == "UDP"]
        return sorted(found, key=lambda one: (hostnames.specificity(one.hostname), one.id))

    def _named(self) -> str:
        """The name that chooses the listener."""
        return self.asked.sni.lower() if self.asked.sni and self.protocol in ("HTTPS", "TLS") else self.host

    def _fits(self, one: _Spec) -> bool:
        family = conflicts.FAMILIES.get(one.protocol, one.protocol)
        return family == conflicts.FAMILIES.get(self.protocol) and hostnames.covers(one.hostname, self._named())

    def _chosen(self) -> str:
        return next((one.id for one in self._here() if self._fits(one)), "")

    def _listeners(self) -> Iterator[Listener]:
        here = self._here()
        for one in here or sorted(self.specs.values(), key=lambda one: (one.port, one.id)):
            yield Listener(
                id=one.id,
                port=one.port,
                protocol=one.protocol,
                hostname=one.hostname,
                chosen=bool(here) and one.id == self.chosen,
                reason=self._why_not(one, bool(here)),
                origin=one.origin,
            )

    def _why_not(self, one: _Spec, here: bool) -> str:
        if not here:
            return f"it listens on port {one.port}"
        if one.id != self.chosen:
            if not hostnames.covers(one.hostname, self._named()):
                return f"hostname: it is for {reasons.named(one.hostname)}"
            if not self._fits(one):
                return f"it carries {one.protocol}"
            return f'listener "{self.chosen}" is more specific'
        if one.refused:
            return f"it is not programmed: {one.refused}"
        return "" if one.protocol == self.protocol else f"it carries {one.protocol}, not {self.protocol}"

    # who answers

    def _answer(self) -> request.Answer:
        asked = self.asked
        chosen = self.specs.get(self.chosen)
        if isinstance(asked, request.Connection):
            return request.connect(self.routing, asked)
        if self.table is not None and self.protocol != self.table.protocol:
            reason = f"port {asked.port} speaks {self.table.protocol}: write {self.table.protocol.lower()}://"
            return request.Answer(kind="none", reason=reason)
        if chosen is not None and chosen.without_certificate and not chosen.refused:
            reason = f'no TLS handshake: listener "{chosen.id}" has no certificate that can be used'
            return request.Answer(kind="closed", reason=reason)
        return request.answer(self.routing, asked)

    def _winner(self) -> ir.Entry | ir.Stream | None:
        held: list[ir.Entry | ir.Stream] = [*(self.table.entries if self.table else ())]
        held += self.streams.streams if self.streams else ()
        return next((one for one in held if one.key == self.answer.entry), None)

    def shares(self) -> Iterator[Share]:
        total = sum(sent.weight for sent in self.answer.sent) or 1
        for sent in self.answer.sent:
            pods, unseen, protocol = None, "", ""
            if isinstance(sent.to, ir.BackendKey):
                backend = self.routing.backends.get(sent.to)
                if isinstance(backend, ir.Backend):
                    protocol = backend.protocol
                    if isinstance(backend.targets, tuple):
                        pods = len(backend.targets)
                    else:
                        unseen = backend.targets.reason
                else:
                    unseen = backend.reason if backend is not None else f"Service port {sent.to} is not known"
            yield Share(sent=sent, percent=100 * sent.weight / total, pods=pods, unseen=unseen, protocol=protocol)

    def notes(self, provider: Provider) -> Iterator[Note]:
        """What the cloud cannot honour of the winner, or of its listener. Only entries for the same host are handed
        on: no other can inherit what it is asked, and a Gateway may have thousands; of other ports only that they
        listen, because a redirect may lead there."""
        if self.winner is None or isinstance(self.winner, ir.Stream):
            near = dataclasses.replace(self.routing, tables=()) if self.streams else None
        else:
            assert self.table is not None
            entries = tuple(one for one in self.table.entries if hostnames.covers(one.hostname, self.host))
            tables = tuple(
                dataclasses.replace(table, entries=entries if table is self.table else ())
                for table in self.routing.tables
            )
            near = dataclasses.replace(self.routing, tables=tables, streams=())
        listener = next((one for one in self.listeners if one.chosen), None)
        for note in provider.lint(near) if near is not None else ():
            where = note.origin
            if where is None or note.level == "info":
                continue
            route = self.winner.origin if self.winner is not None else None
            if listener is not None and (_route(where), where.section) == (
                _route(listener.origin),
                listener.origin.section,
            ):
                yield note
            elif route is not None and _route(where) == _route(route) and note.level == "error":
                yield note  # the route is refused whole
            elif route is not None and _route(where) == _route(route) and f"{where.path}/".startswith(f"{route.path}/"):
                yield note

    # who lost

    def candidate(self, one: ir.Entry | ir.Stream, reason: str = "", near: bool = True) -> Candidate:
        match = matches.describe(one.match) if isinstance(one, ir.Entry) else ""
        return Candidate(
            origin=one.origin,
            listener=one.listener,
            hostname=one.hostname,
            match=match,
            reason=reason,
            near=near,
        )

    def lost(self) -> list[Candidate]:
        """Everything of the port's tables but the winner, what was shadowed behind it; then what is isolated on another
        listener, then routes that are not attached. Nobody lost where nobody was asked."""
        if self.winner is None and (not self.chosen or self.answer.status == request.MISDIRECTED):
            return list(self._unattached())
        held: list[tuple[int, Candidate]] = []
        if self.table is not None:
            held += [(number, one) for number, one in enumerate(self._entries(self.table))]
        if self.streams is not None:
            held += [(number, one) for number, one in enumerate(self._streams(self.streams))]
        held += self._before_the_tables()
        held += [(2**31, one) for one in self._unattached()]
        # two matches of a rule may differ in what is not shown
        return list(dict.fromkeys(one for _, one in sorted(held, key=lambda item: item[0]) if one.reason))

    def _entries(self, table: ir.Table) -> Iterator[Candidate]:
        """In order, with reason "" for the winner and for what stands for a listener itself."""
        asked = self.asked
        assert isinstance(asked, request.Request)
        winner = self.winner if isinstance(self.winner, ir.Entry) else None
        for entry in table.entries:
            far = reasons.host(entry.hostname, self.host)
            reason = far or reasons.missed(entry.match, asked)
            if entry is winner or entry.isolates:
                reason = ""
            elif not reason:
                reason = self._later(winner, entry) if winner else f"nobody was asked: {self.answer.reason}"
            yield self.candidate(entry, reason, not far)

    def _streams(self, table: ir.StreamTable) -> Iterator[Candidate]:
        for stream in table.streams:
            far = "" if table.protocol != "TLS" else reasons.host(stream.hostname, self.host)
            reason = far.replace("host:", "server name:")
            if not reason and stream.listener != self.chosen:
                reason = f'isolated: the connection belongs to listener "{self.chosen}"'
            if stream is self.winner or stream.isolates:
                reason = ""
            elif not reason:
                reason = self._served(stream.hostname)
            yield self.candidate(stream, reason, not far)

    def _served(self, hostname: str) -> str:
        if self.winner is None:
            return f"nobody was asked: {self.answer.reason}"
        if self.winner.hostname != hostname:
            more = f"{reasons.named(self.winner.hostname)}, which is more specific than {reasons.named(hostname)}"
            return f"later in precedence: {_route(self.winner.origin)} is for {more}"
        return f"later in precedence: {_route(self.winner.origin)} is older, or first by name"

    def _later(self, winner: ir.Entry, entry: ir.Entry) -> str:
        if winner.isolates:
            return f'isolated: the host belongs to listener "{winner.listener}", which is more specific'
        return reasons.later(self._claim(winner), self._claim(entry))

    def _claim(self, entry: ir.Entry) -> reasons.Claim:
        where, spec = entry.origin, self.specs.get(entry.listener)
        route = self.snapshot.get(where.kind, where.namespace, where.name) if self.snapshot.objects else None
        return reasons.Claim(
            listener=entry.listener,
            listener_hostname=spec.hostname if spec else "",
            hostname=entry.hostname,
            match=entry.match,
            created=route.meta.created if isinstance(route, Route) else "",
            route=_route(where),
            section=where.section,
        )

    def _before_the_tables(self) -> Iterator[tuple[int, Candidate]]:
        """What would meet the request, is attached on this port and has no entry: shadowed, or isolated."""
        asked = self.asked
        if self.table is None or not isinstance(asked, request.Request):
            return
        numbers: dict[tuple[object, ...], int] = {}
        firsts: dict[tuple[object, ...], tuple[int, ir.Entry]] = {}
        for number, entry in enumerate(self.table.entries):
            numbers[entry.listener, _route(entry.origin), entry.origin.path, entry.hostname, entry.match] = number
            firsts.setdefault((entry.listener, entry.hostname, entry.match), (number, entry))
        ids = {one.id: one for one in self.table.listeners}
        for route, attached in self._attached(ids):
            for hostname, listener in _shared(route, attached, self.host):
                for where, match in _claims(route, asked):
                    if (listener, _route(where), where.path, hostname, match) in numbers:
                        continue
                    entry = ir.Entry(
                        key="",
                        listener=listener,
                        hostname=hostname,
                        match=match,
                        action=ir.Respond(status=0),
                        origin=where,
                    )
                    found = firsts.get((listener, hostname, match))
                    if found is not None:
                        number, first = found
                        yield number, self.candidate(entry, reasons.shadowed(self._claim(first), self._claim(entry)))
                    else:
                        reason = f'isolated: the host belongs to listener "{self.chosen}", which is more specific'
                        yield 2**30, self.candidate(entry, reason)

    def _attached(self, ids: Mapping[str, ir.Listener]) -> Iterator[tuple[Route, tuple[ir.Listener, ...]]]:
        seen: set[tuple[tuple[str, str, str], str]] = set()
        for parent in self.routing.verdicts.parents:
            key = (parent.kind, parent.namespace, parent.name)
            here = tuple(ids[one] for one in parent.listeners if one in ids and (key, one) not in seen)
            seen.update((key, one.id) for one in here)
            route = self.snapshot.get(*key) if here else None
            if isinstance(route, Route):
                yield route, here

    def _unattached(self) -> Iterator[Candidate]:
        """Routes that name this Gateway, are for the host and have a match for it, and attach nowhere."""
        asked = self.asked
        for parent in self.routing.verdicts.parents:
            if parent.listeners:
                continue
            route = self.snapshot.get(parent.kind, parent.namespace, parent.name)
            if not isinstance(route, Route):
                continue
            hostname = next((one for one in route.hostnames or ("",) if hostnames.covers(one, self.host)), None)
            if hostname is None:
                continue
            where = conditions.origin(route.kind, route.meta, path=f"/spec/parentRefs/{parent.number}")
            match = ""
            if isinstance(asked, request.Request):
                found = next(_claims(route, asked), None)
                if found is None:
                    continue
                where, match = dataclasses.replace(where, section=found[0].section), matches.describe(found[1])
            elif route.kind != f"{asked.protocol}Route":
                continue
            reason = f"not attached: parentRefs[{parent.number}]: {parent.accepted.message}"
            yield Candidate(origin=where, listener="", hostname=hostname, match=match, reason=reason)


def _specs(routing: ir.Routing, snapshot: Snapshot) -> Iterator[_Spec]:
    """All listeners; those that are not programmed only where the snapshot has the object that declares them."""
    held: list[ir.Table | ir.StreamTable] = [*routing.tables, *routing.streams]
    programmed = {one.id: one for table in held for one in table.listeners}
    for verdict in routing.verdicts.listeners:
        one = programmed.get(verdict.id)
        if one is not None:
            usable = any(held.state in ("found", "unknown") for held in one.certificates)
            yield _Spec(
                id=one.id,
                port=one.port,
                protocol=one.protocol,
                hostname=one.hostname,
                refused="",
                without_certificate=bool(one.certificates) and not usable,
                origin=one.origin,
            )
            continue
        owner = snapshot.get(*verdict.owner)
        if not isinstance(owner, Gateway | ListenerSet):
            continue
        for spec in owner.listeners:
            if spec.name == verdict.name:
                section = f'listener "{spec.name}"'
                yield _Spec(
                    id=verdict.id,
                    port=spec.port,
                    protocol=spec.protocol,
                    hostname=spec.hostname,
                    refused=_refused(verdict),
                    without_certificate=False,
                    origin=conditions.origin(verdict.owner[0], owner.meta, section=section),
                )
                break


def _refused(verdict: ir.ListenerVerdict) -> str:
    held = (verdict.programmed, verdict.accepted, verdict.resolved)
    return next((one.message for one in held if one is not None and one.status is False), "its status says why")


def _route(where: Origin) -> str:
    return f"{where.kind} {where.namespace}/{where.name}"


def _shared(route: Route, listeners: tuple[ir.Listener, ...], host: str) -> Iterator[tuple[str, str]]:
    """(hostname, listener's id) under which a route is asked for a host."""
    for listener in listeners:
        for hostname in hostnames.intersections(listener.hostname, route.hostnames):
            if hostnames.covers(hostname, host):
                yield hostname, listener.id


def _claims(route: Route, asked: request.Request) -> Iterator[tuple[Origin, RouteMatch]]:
    """The rules of a route that meet a request, each with its matches that do."""
    if route.kind not in ("HTTPRoute", "GRPCRoute"):
        return
    for number, rule in enumerate(route.rules):
        where = conditions.origin(
            route.kind, route.meta, section=conditions.rule_section(rule, number), path=f"/spec/rules/{number}"
        )
        for match in rule.matches:
            if reasons.meets(match, asked):
                yield where, matches.canonical(match)
