"""One path matcher per port and hostname: everything that answers there, in order, as route rules.

`build` and `build_quota` call `compile_maps`. Pure. A URL map picks one host rule by the host, the most specific, and
never comes back to another (cloud.google.com/load-balancing/docs/url-map-concepts), so that the matcher of a host holds
every entry whose hostname covers the host, not only its own. Must never leave out what answers on a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cloudgw.building import claims
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_actions, build_match, build_rewrites
from cloudgw_gcp.build_rules import Compiled

ANY = "*"  # the host rule for every host that no other one is for


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A route rule. to: Unknown also where nobody knows whether the rule exists. step: of `to`, where that has some."""

    one: Compiled
    id: str
    matches: tuple[Mapping[str, Any], ...]
    to: build_actions.To
    step: build_rewrites.Step = build_rewrites.WHOLE
    exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A path matcher. host: "" = any. doubtful: nobody knows whether anything answers for this host."""

    table: ir.Table
    host: str
    rows: tuple[Row, ...]
    doubtful: Unknown | None = None

    @property
    def port(self) -> int:
        return self.table.port

    @property
    def logical(self) -> str:
        return f"{self.port}/{self.host or ANY}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Of its host rule, sorted. A host that is written without a port does not stand for one with it (url-map-
        concepts); that for any host does. Whether Google leaves out the protocol's own port is not documented."""
        if not self.host:
            return (ANY,)
        return (self.host, f"{self.host}:{self.port}")


@dataclass(slots=True, kw_only=True)
class Maps:
    maps: list[Map] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def compile_maps(kept: Mapping[int, Sequence[Compiled]], tables: Sequence[ir.Table], standing: frozenset[str]) -> Maps:
    """kept: as build_rules.Rules. standing: logical ids of the route rules that stand."""
    stands: dict[str, set[str]] = {}
    for logical in standing:
        stands.setdefault(logical.removesuffix(build_rewrites.EXACT).removesuffix(build_rewrites.REST), set()).add(
            logical
        )
    done = Maps()
    for table in tables:
        ones = kept[table.port]
        for host in sorted({"", *(one.entry.hostname for one in ones)}):
            rows = _rows(claims.on_host(ones, host), table, host, stands, done.notes)
            doubtful = claims.doubtful(ones, host) if host else None  # the matcher for any host is always there
            done.maps.append(Map(table=table, host=host, rows=rows, doubtful=doubtful))
    done.notes = list(dict.fromkeys(done.notes))
    return done


def _rows(
    ones: Iterable[Compiled], table: ir.Table, host: str, stands: Mapping[str, set[str]], notes: list[Note]
) -> tuple[Row, ...]:
    found: list[Row] = []
    for one in ones:
        if one.answer is None or isinstance(one.answer.to, Unknown):
            # how many rules it takes is not known either: those that stand stay
            logical = f"{table.port}/{host or ANY}/{one.id}"
            ids = sorted({logical, *stands.get(logical, ())})
            start = len(logical) - len(one.id)
            found += [Row(one=one, id=at[start:], matches=(), to=one.reason, exists=one.known) for at in ids]
            continue
        assert isinstance(one.match, build_match.Match)
        notes += one.answer.notes
        to: build_actions.To = one.answer.to
        if isinstance(to, build_actions.Lead):
            answer = _on(to, one, host)
            notes += answer.notes
            to = answer.to
        steps = to.steps if isinstance(to, build_actions.Send | build_actions.Lead) else (build_rewrites.WHOLE,)
        for step in steps:
            matches = one.match.written(step.paths)
            goal = build_actions.Fail(status=500) if step.fails else to
            found.append(Row(one=one, id=f"{one.id}{step.ends}", matches=matches, to=goal, step=step))
    return tuple(found)


def _on(lead: build_actions.Lead, one: Compiled, host: str) -> build_actions.Answer:
    """The redirect on one host. Without a host of its own it shows that of the request, with its port."""
    if lead.host or lead.keeps:
        return build_actions.Answer(to=lead)
    if host and not host.startswith("*."):
        return build_actions.Answer(to=replace(lead, host=host))
    if build_actions.WELL_KNOWN[one.table.protocol] == one.table.port:
        return build_actions.Answer(to=lead)
    message = (
        f"filters, RequestRedirect: on {host or 'any host'} it would show the port of the request, {one.table.port}; "
        "write filters.requestRedirect.hostname"
    )
    return build_actions.refused("RedirectNotExpressible", message, one.entry)
