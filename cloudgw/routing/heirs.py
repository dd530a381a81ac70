"""Who would answer instead? The law about matches that a cloud cannot express, and what a refused route leaves.

Builds of providers call it. A match that a cloud cannot express has no rule that could answer an error for it, so its
requests would go to whoever matches next. Where that answers the same, the match is dropped; else the whole route is
refused, the heir named. Not knowing refuses nobody. A refused route is nobody's heir, and never leaves the hosts of its
listener to a less specific one. This module must never know what a cloud can express, nor write a note.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from cloudgw.objects import PathMatch, RouteMatch
from cloudgw.routing import hostnames, ir

Route = tuple[str, str]
"""Namespace and name, as in the key of an entry: that of a GRPCRoute begins with `grpc:`."""

NO_ROUTE: Route = ("-", "-")

_META = re.compile(r"([\\.+*?()|\[\]{}^$])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inexpressible:
    """field: of the match, as a person writes it; reason: with the limit."""

    field: str
    reason: str


class Claim(Protocol):
    """An entry as a cloud would have it.

    inexpressible: why it has no rule. known: it is there for certain. answers: equal for equal answers, None where
    nobody knows. spare: made only where nothing above takes all its requests.
    """

    @property
    def entry(self) -> ir.Entry: ...
    @property
    def inexpressible(self) -> Inexpressible | None: ...
    @property
    def known(self) -> bool: ...
    @property
    def answers(self) -> object | None: ...
    @property
    def spare(self) -> bool: ...


C = TypeVar("C", bound=Claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What becomes of a match (dropped), or of its route (undecided: what stands of it stays; refused). message: for a
    person, with field, reason and fix."""

    what: Literal["dropped", "undecided", "refused"]
    entry: ir.Entry
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """refused, undecided: routes, in no table both. said: in a fixed order."""

    refused: frozenset[Route]
    undecided: frozenset[Route]
    said: tuple[Said, ...]


def route_of(entry: ir.Entry) -> Route:
    parts = entry.key.split("/")
    return parts[1], parts[2]


def named(route: Route) -> str:
    """For people."""
    namespace, name = route
    plain_name = name.removeprefix("grpc:")
    return f"{'HTTPRoute' if plain_name == name else 'GRPCRoute'} {namespace}/{plain_name}"


def judge(
    tables: Iterable[Sequence[Claim]],
    *,
    nobody: object,
    nobody_is: str = "nobody (404)",
    gone: Iterable[Route] = (),
) -> Judged:
    """Repeated until nothing changes. tables: the claims of each port, first match answers. nobody: the `answers` of
    requests that no entry matches, and nobody_is: the same in words. gone: routes that are refused already."""
    listed = list(tables)
    before = frozenset(gone)
    refused: set[Route] = set(before)
    undecided: set[Route] = set()
    of_routes: dict[Route, Said] = {}
    dropped: dict[str, Said] = {}
    changed = True
    while changed:
        changed = False
        dropped.clear()
        for claims in listed:
            for number, one in enumerate(claims):
                why, route = one.inexpressible, route_of(one.entry)
                if why is None or route in refused:
                    continue
                above, below = claims[:number], claims[number + 1 :]
                heir = _heir(one, below, refused, nobody, nobody_is)
                what = f"{why.field}: {why.reason}"
                if heir is None or covered(one, above, refused):
                    message = (
                        f"{what}; the match is dropped: whoever gets its requests answers the same; any later route "
                        f"that takes them may have {named(route)} refused whole; change the match"
                    )
                    dropped[one.entry.key] = Said(what="dropped", entry=one.entry, message=message)
                    continue
                if _undecidable(one, below, refused):
                    message = f"{what}; whether {named(route)} can be kept is not known: what stands of it stays"
                    of_routes[route] = Said(what="undecided", entry=one.entry, message=message)
                    undecided.add(route)
                    continue
                message = (
                    f"{what}; {named(route)} is refused on this Gateway, because requests of this match would be "
                    f"answered by {heir}; change the match, or move it to a route of its own"
                )
                of_routes[route] = Said(what="refused", entry=one.entry, message=message)
                refused.add(route)
                changed = True
    said = [of_routes[route] for route in sorted(of_routes)] + [dropped[key] for key in sorted(dropped)]
    return Judged(refused=frozenset(refused), undecided=frozenset(undecided - refused), said=tuple(said))


def kept(claims: Sequence[C], refused: Iterable[Route]) -> list[C]:
    """Those that become rules: of several with one match the first that is not refused."""
    gone = set(refused)
    found: list[C] = []
    places: set[tuple[str, str, RouteMatch]] = set()
    for number, one in enumerate(claims):
        entry = one.entry
        if one.inexpressible is not None or route_of(entry) in gone:
            continue
        if one.spare and covered(one, claims[:number], gone):
            continue
        place = (entry.listener, entry.hostname, entry.match)
        if entry.behind and place in places:
            continue
        if entry.unknown is None:
            places.add(place)
        found.append(one)
    return found


def covered(one: Claim, above: Sequence[Claim], refused: Iterable[Route]) -> bool:
    """No request ever reaches it: one above takes them all."""
    return any(
        other.known
        and other.inexpressible is None
        and route_of(other.entry) not in refused
        and covers(other.entry, one.entry)
        for other in above
    )


def _undecidable(one: Claim, below: Sequence[Claim], refused: set[Route]) -> bool:
    """The comparison with the heir rests on an answer that nobody knows."""
    if one.answers is None:
        return True
    for other in _heirs(one, below, refused):
        if other.answers is None or other.answers != one.answers:
            return other.answers is None
        if covers(other.entry, one.entry):
            return False
    return False


def _heir(one: Claim, below: Sequence[Claim], refused: set[Route], nobody: object, nobody_is: str) -> str | None:
    """Who would answer instead, in words; None when every heir answers the same."""
    for other in _heirs(one, below, refused):
        if one.answers is None or other.answers != one.answers:
            return str(other.entry.origin)
        if covers(other.entry, one.entry):
            return None
    return None if one.answers is not None and one.answers == nobody else nobody_is


def _heirs(one: Claim, below: Sequence[Claim], refused: set[Route]) -> Iterable[Claim]:
    return (
        other
        for other in below
        if other.inexpressible is None and route_of(other.entry) not in refused and may_share(one.entry, other.entry)
    )


def may_share(one: ir.Entry, other: ir.Entry) -> bool:
    """Whether one request may match both. Conservative: True where it is not plain that none can."""
    if hostnames.intersect(one.hostname, other.hostname) is None:
        return False
    mine, theirs = plain(one.match), plain(other.match)
    if mine.method and theirs.method and mine.method != theirs.method:
        return False
    if not paths_share(mine.path, theirs.path):
        return False
    exact = {header.name.lower(): header.value for header in mine.headers if header.type == "Exact"}
    return not any(
        header.type == "Exact" and exact.get(header.name.lower(), header.value) != header.value
        for header in theirs.headers
    )


def covers(wide: ir.Entry, narrow: ir.Entry) -> bool:
    """Whether every request of `narrow` also matches `wide`. Conservative: False where it is not plain."""
    if wide.match.grpc is not None and narrow.match.grpc is None:
        return False
    most, least = plain(wide.match), plain(narrow.match)
    if not hostnames.covers(wide.hostname, narrow.hostname) or not path_covers(most.path, least.path):
        return False
    if most.method and most.method != least.method:
        return False
    return set(most.headers) <= set(least.headers) and set(most.query) <= set(least.query)


def paths_share(one: PathMatch, other: PathMatch) -> bool:
    if "RegularExpression" in (one.type, other.type):
        return True
    return path_covers(one, other) or path_covers(other, one)


def path_covers(wide: PathMatch, narrow: PathMatch) -> bool:
    if wide.type == "RegularExpression" or narrow.type == "RegularExpression":
        return wide == narrow or (wide.type == "PathPrefix" and not wide.value.rstrip("/"))
    if wide.type == "Exact":
        return narrow.type == "Exact" and wide.value == narrow.value
    prefix = wide.value.rstrip("/")
    return narrow.value.rstrip("/") == prefix or narrow.value.startswith(f"{prefix}/")


def plain(match: RouteMatch) -> RouteMatch:
    """The HTTP requests that a gRPC match means, but for their content type: POST to /service/method
    (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). Any other match is itself."""
    grpc = match.grpc
    if grpc is None:
        return match
    if grpc.type == "Exact" and grpc.service and grpc.method:
        path = PathMatch(type="Exact", value=f"/{grpc.service}/{grpc.method}")
    elif not grpc.service and not grpc.method:
        path = PathMatch()
    else:
        parts = [_segment(grpc.type, part) for part in (grpc.service, grpc.method)]
        path = PathMatch(type="RegularExpression", value=f"/{parts[0]}/{parts[1]}")
    return dataclasses.replace(match, grpc=None, path=path, method="POST")


def _segment(kind: str, value: str) -> str:
    """One segment of a path as an expression. A dot must not reach into the next one."""
    if not value:
        return "[^/]+"
    if kind == "Exact":
        return _META.sub(r"\\\1", value)
    return "(?:" + re.sub(r"\\.|\[[^\]]*\]|\.", lambda found: "[^/]" if found[0] == "." else found[0], value) + ")"


def with_spares(table: ir.Table) -> list[tuple[ir.Entry, bool]]:
    """Every entry; behind those of a listener, where entries below would answer for its hosts, a spare 404 (True):
    routing saw that a route takes all of them, and that route may be refused by a cloud."""
    listeners = {listener.id: listener for listener in table.listeners}
    found: list[tuple[ir.Entry, bool]] = []
    for number, entry in enumerate(table.entries):
        found.append((entry, False))
        below = table.entries[number + 1 :]
        listener = listeners.get(entry.listener)
        if listener is None or (below and below[0].listener == entry.listener) or _bars(entry, listener):
            continue
        if any(hostnames.intersect(other.hostname, listener.hostname) is not None for other in below):
            found.append((barrier(listener), True))
    return found


def _bars(entry: ir.Entry, listener: ir.Listener) -> bool:
    return entry.hostname == listener.hostname and entry.match == RouteMatch() and entry.isolates


def barrier(listener: ir.Listener) -> ir.Entry:
    """Behind the entries of a listener: what none of them answers is 404, whatever less specific listeners say."""
    return ir.Entry(
        key=ir.isolation_key(listener),
        listener=listener.id,
        hostname=listener.hostname,
        match=RouteMatch(),
        action=ir.Respond(status=404, reason=f'no route of listener "{listener.name}" answers'),
        origin=listener.origin,
    )


def without(table: ir.Table, closed: Iterable[ir.Listener]) -> ir.Table:
    """The table without what these listeners say: a 404 for all their hosts stands where their first entry stood. One
    that has no entry needs none: nobody below answers for its hosts."""
    gone = {listener.id: listener for listener in closed}
    entries: list[ir.Entry] = []
    barred: set[str] = set()
    for entry in table.entries:
        if entry.listener not in gone:
            entries.append(entry)
        elif entry.listener not in barred:
            barred.add(entry.listener)
            entries.append(barrier(gone[entry.listener]))
    listeners = tuple(listener for listener in table.listeners if listener.id not in gone)
    return dataclasses.replace(table, listeners=listeners, entries=tuple(entries))
