"""One path map per port and hostname: everything that answers there, in order, and what a redirect means there.

`build` and `build_quota` call `compile_maps`. Pure. A listener of an Application Gateway takes all requests of its
hosts, so that its map holds every entry whose hostname covers the host, not only its own
(learn.microsoft.com/azure/application-gateway/multiple-site-overview). The first path that matches answers, and one
path may stand only once in a map (.../url-route-overview). Must never leave out what answers on a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.building import claims
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir
from cloudgw_azure import build_actions, build_match, names
from cloudgw_azure.build_rules import Compiled

WELL_KNOWN = {"http": 80, "https": 443}
NOWHERE = "none.invalid"  # RFC 2606: a port without routes listens for a host that nobody asks for; others get a 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A redirect on one host. to: (port, host) of the listener it leads to, None where url says it."""

    type: str
    url: str = ""
    to: tuple[int, str] | None = None
    path: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A path rule. paths: of the entry's those that no row above takes. to: Unknown also where nobody knows whether
    the rule exists."""

    one: Compiled
    paths: tuple[str, ...]
    to: build_actions.Send | Lead | str | Unknown
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """host: "" = any. doubtful: nobody knows whether anything answers for this host."""

    table: ir.Table
    host: str
    rows: tuple[Row, ...]
    doubtful: Unknown | None = None

    @property
    def port(self) -> int:
        return self.table.port

    @property
    def logical(self) -> str:
        return logical(self.port, self.host)


@dataclass(slots=True, kw_only=True)
class Maps:
    """In the order in which their listeners are asked."""

    maps: list[Map] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def logical(port: int, host: str) -> str:
    """Of a listener, its map and its rule. A host that is called "any" is not any host."""
    return names.logical(str(port), *([host, ""] if host == "any" else [host or "any"]))


def compile_maps(kept: Mapping[int, Sequence[Compiled]], tables: Sequence[ir.Table], standing: frozenset[str]) -> Maps:
    """kept: as build_rules.Rules. standing: ids of the rules that stand."""
    hosts = {table.port: {one.entry.hostname for one in kept[table.port]} or {NOWHERE} for table in tables}
    by_port = {table.port: table for table in tables}
    for table in tables:
        for port in _wanted(kept[table.port], table, by_port):
            hosts[port].add("")
    listening = frozenset((port, host) for port, found in hosts.items() for host in found)
    done = Maps()
    for port, host in sorted(listening, key=lambda place: (host_rank(place[1]), place[0])):
        ones = kept[port]
        rows = _rows(claims.on_host(ones, host), by_port, host, listening, standing, done.notes)
        done.maps.append(Map(table=by_port[port], host=host, rows=rows, doubtful=claims.doubtful(ones, host)))
    done.notes = list(dict.fromkeys(done.notes))
    return done


def host_rank(host: str) -> tuple[int, int, str]:
    """Exact names, wildcards with more labels first, any host."""
    rank = 2 if not host else 1 if host.startswith("*.") else 0
    return rank, -host.count(".") if rank == 1 else 0, host


def _rows(
    ones: Iterable[Compiled],
    tables: Mapping[int, ir.Table],
    host: str,
    listening: frozenset[tuple[int, str]],
    standing: frozenset[str],
    notes: list[Note],
) -> tuple[Row, ...]:
    found: list[Row] = []
    taken: set[str] = set()
    for one in ones:
        paths = tuple(path for path in one.paths if not build_match.within(path.casefold(), taken))
        if not paths:
            continue
        if one.answer is None:
            found.append(Row(one=one, paths=paths, to=one.reason, exists=False))
            if one.id not in standing:  # nothing is made of it: it takes no path from anybody
                continue
        else:
            notes += one.answer.notes
            found.append(Row(one=one, paths=paths, to=_to(one, tables, host, listening, notes)))
        taken |= {path.casefold() for path in paths}
    return tuple(found)


def _to(
    one: Compiled,
    tables: Mapping[int, ir.Table],
    host: str,
    listening: frozenset[tuple[int, str]],
    notes: list[Note],
) -> build_actions.Send | Lead | str | Unknown:
    assert one.answer is not None
    action = one.answer.to
    if not isinstance(action, ir.Redirect):
        return action
    found = _lead(action, one.table, host, tables, listening)
    if isinstance(found, Lead):
        return found
    refused = build_actions.refused("RedirectNotExpressible", f"filters, RequestRedirect: {found}", one.entry)
    notes += refused.notes
    return refused.to if isinstance(refused.to, str) else build_actions.ERROR


def _lead(
    action: ir.Redirect,
    table: ir.Table,
    host: str,
    tables: Mapping[int, ir.Table],
    listening: frozenset[tuple[int, str]],
) -> Lead | str:
    """The redirect, or why not (redirect-overview): a URL names its host; only a listener for any host leads to the
    host that was asked for, and it may have no wildcard."""
    kind = build_actions.STATUSES[action.status]
    scheme = action.scheme or table.protocol.lower()
    whole = action.path_type == "ReplaceFullPath"
    name = action.hostname or ("" if host.startswith("*.") else host)
    if name:
        authority = f"{name}:{action.port}" if action.port else name
        path = (action.path or "/") if whole else ""
        return Lead(type=kind, url=f"{scheme}://{authority}{path}", path=not whole)
    if host or whole:
        return (
            f"it leads to the host that was asked for, and on {host or 'any host'} an Application Gateway cannot say "
            f"which{' with another path' if not host else ''}; write filters.requestRedirect.hostname"
        )
    port = _port(action, table)
    target = tables.get(port)
    if (port, "") not in listening or target is None or target.protocol.lower() != scheme or port == table.port:
        return (
            f"no other {scheme.upper()} listener without a hostname is on port {port}, to which it could lead; add "
            "one, or write filters.requestRedirect.hostname"
        )
    return Lead(type=kind, to=(port, ""))


def _port(action: ir.Redirect, table: ir.Table) -> int:
    return action.port or WELL_KNOWN[action.scheme or table.protocol.lower()]


def _wanted(ones: Sequence[Compiled], table: ir.Table, tables: Mapping[int, ir.Table]) -> set[int]:
    """Ports on which a listener for any host has to stand, because a redirect for any host leads there."""
    found: set[int] = set()
    for one in ones:
        to = one.answer.to if one.answer is not None else None
        if (
            isinstance(to, ir.Redirect)
            and not one.entry.hostname
            and not to.hostname
            and to.path_type != "ReplaceFullPath"
        ):
            port = _port(to, table)
            target = tables.get(port)
            if target is not None and any(not listener.hostname for listener in target.listeners):
                found.add(port)
    return found
