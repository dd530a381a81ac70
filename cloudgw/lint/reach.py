"""Rules that can never answer, and are not already said to be shadowed by their twin.

`lint` calls `find` for one Gateway. `routing.tables` drops equal matches with a note; here is what only looks
different: a rule behind an expression that matches every path or value, and a rule of an attached route that has no
entry left anywhere. An entry is called unreachable only where one earlier entry takes all of its requests, so that a
finding is never wrong; what several take together is not found. One look-up per entry: no entry is compared with all
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from cloudgw.lint import model
from cloudgw.lint.model import Finding
from cloudgw.objects import PathMatch, Route, RouteMatch, Snapshot
from cloudgw.routing import conditions, ir, matches

NEVER = "NeverAnswers"
UNATTACHED = "NoParent"
EVERY_PATH = (".*", "/.*", "^.*", ".*$", "^.*$", "^/.*", "/.*$", "^/.*$", "/?.*")  # each matches a whole path
EVERY_VALUE = (".*", "^.*$", "^.*", ".*$")
# what a request must have besides host: (what, name, type, value)
Need: TypeAlias = tuple[str, str, str, str]
SAID = (conditions.SHADOWED, conditions.DUPLICATE_MATCH, conditions.INVALID_MATCH, conditions.UNKNOWN_FIELD)


def find(routing: ir.Routing, snapshot: Snapshot) -> Iterator[Finding]:
    for table in routing.tables:
        yield from _covered(table)
    yield from _nowhere(routing, snapshot)


def _covered(table: ir.Table) -> Iterator[Finding]:
    takers: dict[tuple[str, frozenset[Need]], ir.Entry] = {}
    for entry in table.entries:
        if entry.behind:
            continue  # it has a note of its own
        needs = _needs(entry.match)
        taker = next((takers[key] for key in _keys(entry.hostname, needs) if key in takers), None)
        if taker is not None and _route(taker) is not None and taker.origin != entry.origin:
            message = (
                f"matches ({matches.describe(entry.match)}): {taker.origin} ({matches.describe(taker.match)}) takes "
                f'every such request first on listener "{entry.listener}"; remove one of the two, or narrow the other'
            )
            yield model.find("warning", NEVER, entry.origin, message)
        elif taker is None and entry.unknown is None and _route(entry) is not None:
            takers[entry.hostname, needs] = entry


def _route(entry: ir.Entry) -> str | None:
    return None if entry.isolates else entry.origin.name


def _keys(hostname: str, needs: frozenset[Need]) -> Iterator[tuple[str, frozenset[Need]]]:
    """Who could take all of an entry's requests: the same host or a wider one, with the same needs, one or none."""
    hosts = [hostname] if hostname else []
    rest = hostname.removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        hosts.append(f"*.{rest}")
    fewer = [frozenset[Need](), *(frozenset((need,)) for need in needs), *(needs - {need} for need in needs), needs]
    return ((host, some) for host in [*hosts, ""] for some in dict.fromkeys(fewer))


def _needs(match: RouteMatch) -> frozenset[Need]:
    found: set[Need] = set()
    if not _every_path(match.path):
        found.add(("path", "", match.path.type, match.path.value))
    if match.method:
        found.add(("method", "", "", match.method))
    if match.grpc is not None:
        found.add(("grpc", match.grpc.type, match.grpc.service, match.grpc.method))
    for what, items in (("header", match.headers), ("query", match.query)):
        for item in items:
            found.add((what, item.name, "present", ""))
            if not (item.type == "RegularExpression" and item.value in EVERY_VALUE):
                found.add((what, item.name, item.type, item.value))
    return frozenset(found)


def _every_path(path: PathMatch) -> bool:
    if path.type == "RegularExpression":
        return path.value in EVERY_PATH
    return path.type == "PathPrefix" and path.value == "/"


def _nowhere(routing: ir.Routing, snapshot: Snapshot) -> Iterator[Finding]:
    """Rules of attached routes without an entry or stream on any listener."""
    present = {
        (one.origin.kind, one.origin.namespace, one.origin.name, one.origin.path)
        for table in routing.tables
        for one in table.entries
    }
    present |= {
        (one.origin.kind, one.origin.namespace, one.origin.name, one.origin.path)
        for streams in routing.streams
        for one in streams.streams
    }
    said = {
        (note.origin.kind, note.origin.namespace, note.origin.name, "/".join(note.origin.path.split("/")[:4]))
        for note in routing.notes
        if note.origin is not None and note.code in SAID
    }
    tables: list[ir.Table | ir.StreamTable] = [*routing.tables, *routing.streams]
    programmed = {one.id for table in tables for one in table.listeners}
    attached = {
        (one.kind, one.namespace, one.name): None
        for one in routing.verdicts.parents
        if any(listener in programmed for listener in one.listeners)
    }
    for key in attached:
        route = snapshot.get(*key)
        if not isinstance(route, Route):
            continue
        for number, rule in enumerate(route.rules):
            path = f"/spec/rules/{number}"
            if (*key, path) in present or (*key, path) in said or (*key, "") in said:
                continue
            where = conditions.origin(route.kind, route.meta, section=conditions.rule_section(rule, number), path=path)
            only_first = route.kind in ("TLSRoute", "TCPRoute", "UDPRoute") and number
            why = (
                "rules: of a route that carries connections the first rule alone serves"
                if only_first
                else "hostnames: more specific listeners have all of its hosts, and the route is not attached there"
            )
            message = f"{why}: on Gateway {routing.owner} no request reaches it; "
            fix = "remove it" if only_first else "add a parentRef for the listener of its hosts, or remove the rule"
            yield model.find("warning", NEVER, where, message + fix)


def without_parents(snapshot: Snapshot, kinds: tuple[type[Route], ...]) -> Iterator[Finding]:
    """Routes that name no parent at all."""
    for kind in kinds:
        for route in snapshot.all(kind):
            if not route.parents:
                where = conditions.origin(route.kind, route.meta, path="/spec/parentRefs")
                message = "parentRefs: empty: no request reaches the route; name a Gateway or a ListenerSet"
                yield model.find("warning", UNATTACHED, where, message)
