"""Two opinions on whole worlds: objects -> resolve -> the Gateway API's answer, and -> build -> Google's answer.

They share no code: `cloudgw.routing.request` reads the tables, `semantics` the resources that a first apply makes. A
route that is refused whole is taken out of the objects, and the rest is resolved again: the Gateway API's opinion is
about the routes that are accepted. Where a row of the capabilities says that Google cannot do what an entry asks for,
the answers cannot be equal; then Google must answer exactly the error that the row promises: 500, for that entry or
for that share of its requests alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir, modified, resolve
from cloudgw.routing import request as gateway_api
from cloudgw_gcp import build, build_backends, build_quota, capabilities, names, semantics
from tests.unit.equivalence import CLIENTS, REQUESTS, Pairs, Tally, lacking, merged, prove, route_of, same_place
from tests.unit.gcp import elements, samples, whole

DOTS = "paths with /../"
ENCODED = "encoded paths"
HOSTLESS = "RequestRedirect without a hostname"
QUOTA = "hostnames, matches and backends of a Gateway"
IN_PART = frozenset(
    {"HTTPRouteBackendProtocolH2C", "BackendTLSPolicy", "HTTPRoute.spec.rules.backendRefs.filters"}
)  # features that fail for a share of the requests alone
ROWS = {row.feature: row for row in capabilities.CAPABILITIES}
FIELDS = {
    "path": "HTTPRoute.spec.rules.matches.path",
    "headers": "HTTPRoute.spec.rules.matches.headers",
    "queryParams": "HTTPRouteQueryParamMatching",
    "method": "GRPCRoute",
    "quota": QUOTA,
}
NODES = samples.Nodes({"10.0.0.": (samples.ZONES[0], "node-b")})
Parts = dict[object, Fraction]
RESPONSE: Pairs = (("X-A", "r"), ("Content-Type", "text/plain"))
ROUNDED = Fraction(1, 100_000)  # percentages have four digits
SCALED = Fraction(2, 1000)  # of weights beyond 1000, as their row says


def test_whole_worlds_answer_as_the_gateway_api_says() -> None:
    tally = prove(whole.worlds(), compare, 230, ("hostnames, matches and backends of a Gateway",))
    assert "GatewayQuota" in tally.refused  # matches that cannot be said are drawn seldom
    assert set(tally.refused) <= {"MatchNotExpressible", "GatewayQuota"}
    assert {"forward", "redirect", "respond", "none"} <= set(tally.kinds)


def compare(world: whole.World, tally: Tally) -> None:
    """Every request of one world."""
    (routing,) = resolve.resolve(world.snapshot()).gateways
    gone = lacking(routing.tables, tally.worlds)
    (routing,) = resolve.resolve(world.snapshot(gone)).gateways
    everywhere = world.seed % 4 == 0
    lies = {"place": "global", "proxy_ranges": ()} if everywhere else {}
    facts = samples.network(instances=NODES, quotas=tight(tally.worlds), **lies)
    graph, notes = build.build(routing, facts, samples.wanted(**(samples.GLOBAL if everywhere else {})))
    refused = dict(refusal(note) for note in notes if note.refuses == "route")
    tally.refused.update(note.code for note in notes if note.refuses == "route")
    (accepted,) = resolve.resolve(world.snapshot([*gone, *sorted(refused)])).gateways
    content = standing(graph)
    services = services_of(content)
    if not routing.tables:
        return
    tally.worlds += 1
    entries = {entry.key: (entry, table) for table in accepted.tables for entry in table.entries}
    features = {key: feature for key, of in entries.items() if (feature := feature_of(*of, accepted))}
    rng, aims = random.Random(world.seed), whole.places(routing)
    served = any(whole.forwards(entry) for table in routing.tables for entry in table.entries)
    for _ in range(REQUESTS if served else REQUESTS // 10):
        asked = whole.request(rng, aims)
        table = next(table for table in routing.tables if table.port == asked.port)
        if "/../" in asked.path or re.search(r"%(2[DEde]|[46][1-9A-F]|[57]\d|7[Ee]|5[Ff])", asked.path):
            feature = DOTS if "/../" in asked.path else ENCODED
            assert ROWS[feature].support != "yes", feature
            tally.excluded[feature] += 1
            continue
        wanted, found = gateway_api.answer(accepted, asked), answer(content, asked, table)
        where = (asked, wanted, found)
        feature = CLIENTS if any(one.client for one in table.listeners) else features.get(wanted.entry, "")
        if feature and not (feature == HOSTLESS and agrees(wanted, found, asked, entries, accepted, services)):
            assert ROWS[feature].support != "yes", feature
            if feature in IN_PART:
                assert agrees(wanted, found, asked, entries, accepted, services), (feature, where)
            else:
                assert fails_closed(feature, found), (feature, where)
            tally.excluded[feature] += 1
            continue
        assert agrees(wanted, found, asked, entries, accepted, services), where
        if feature := refused.get(route_of(gateway_api.answer(routing, asked).entry), ""):
            assert ROWS[feature].support != "yes", feature
            tally.excluded[feature] += 1
            continue
        tally.compared += 1
        tally.kinds[wanted.kind] += 1
        tally.reached += any(not share.empty for share in found.shares)


def tight(number: int) -> dict[str, int]:
    """Some worlds have so little room that routes are refused."""
    spare, rng = build_quota.SPARE, random.Random(number)
    found = {
        "rules": spare["rules"] + rng.choice([3, 6, 1000]),
        "predicates": spare["predicates"] + rng.choice([6, 12, 1000]),
        "services": spare["services"] + rng.choice([2, 1000]),
        "hosts": rng.choice([3, 1000]),
    }
    return found if number % 16 == 3 else {}


def standing(graph: model.Graph) -> dict[str, Any]:
    """What stands after a first apply; groups without endpoints are listed too, as an inventory does."""
    content = elements.content_of(graph)
    groups = (names.path_of(document["selfLink"]) for document in content["networkEndpointGroups"])
    return {**content, "endpoints": {**{path: [] for path in groups}, **content["endpoints"]}}


def refusal(note: Note) -> tuple[tuple[str, str, str], str]:
    """The route that is refused whole, and the row that says why."""
    assert note.origin is not None
    feature = FIELDS[note.message.split()[0].rstrip(":")]
    return (note.origin.kind, note.origin.namespace, note.origin.name), feature


def answer(content: Mapping[str, Any], asked: gateway_api.Request, table: ir.Table) -> semantics.Answer:
    (address,) = content["addresses"]
    return semantics.answer(
        content,
        semantics.Request(
            ip=address["address"],
            port=asked.port,
            scheme="https" if table.protocol == "HTTPS" else "http",
            method=asked.method,
            host=asked.host,
            path=asked.path,
            query=urlencode(asked.query),
            headers=asked.headers,
        ),
    )


def feature_of(entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> str:
    """The row that says why Google does not answer this entry as it says, "" when it does. Written from the rows, not
    from what builds."""
    action = entry.action
    assert not isinstance(action, Unknown)
    if isinstance(action, ir.Respond):
        return ""
    if entry.match.grpc is not None:
        return "GRPCRoute"
    if action.cors is not None:
        return "HTTPRouteCORS"
    if isinstance(action, ir.Redirect):
        return redirected(entry, action, table)
    if action.edits.mirrors:
        return "HTTPRouteRequestMirror"
    if action.session is not None and len(action.shares) > 1:
        return "HTTPRoute.spec.rules.sessionPersistence"
    features = [feature for share in action.shares if (feature := lost(share, routing))]
    rewrite, path = action.edits.rewrite, entry.match.path
    templated = path.type == "RegularExpression" or (path.type == "PathPrefix" and "*" in path.value)
    if len(features) < len(action.shares) and rewrite and rewrite.path and rewrite.path.type == "ReplaceFullPath":
        return "HTTPRoutePathRewrite" if templated else (features or [""])[0]
    return (features or [""])[0]


def redirected(entry: ir.Entry, action: ir.Redirect, table: ir.Table) -> str:
    same = not action.scheme or action.scheme == table.protocol.lower()
    if not same and table.protocol == "HTTPS":
        return "HTTPRouteSchemeRedirect"
    if action.port and (action.hostname or not same or action.port != table.port):
        return "HTTPRoutePortRedirect"
    exact = bool(entry.hostname) and not entry.hostname.startswith("*.")
    usual = (table.protocol, table.port) in {("HTTP", 80), ("HTTPS", 443)}
    return HOSTLESS if not (action.hostname or action.port or exact or usual) else ""


def lost(share: ir.Share, routing: ir.Routing) -> str:
    """Why the part of the requests that is for a backend gets an error."""
    if not isinstance(share.to, ir.BackendKey):
        return ""
    backend = routing.backends[share.to]
    assert isinstance(backend, ir.Backend)
    if share.edits is not None and share.edits.mirrors:
        return "HTTPRoute.spec.rules.backendRefs.filters"
    if backend.tls is not None:
        return "BackendTLSPolicy"
    return "HTTPRouteBackendProtocolH2C" if backend.protocol == "H2C" else ""


def fails_closed(feature: str, found: semantics.Answer) -> bool:
    """Exactly the error that the rows promise."""
    if feature == CLIENTS:
        return found.kind == "closed"
    return (found.kind, found.status) == ("fixed", 500)


def agrees(
    wanted: gateway_api.Answer,
    found: semantics.Answer,
    asked: gateway_api.Request,
    entries: Mapping[str, tuple[ir.Entry, ir.Table]],
    routing: ir.Routing,
    services: Mapping[str, str],
) -> bool:
    """One answer, said by both; the shares that rows give up count as errors."""
    if wanted.kind == "none" and not wanted.status:
        return found.kind == "closed"
    if wanted.kind in ("respond", "none"):
        return (found.kind, found.status) == ("fixed", wanted.status)
    if wanted.kind == "redirect":
        return (found.kind, found.status) == ("redirect", wanted.status) and same_place(found.location, wanted.location)
    assert wanted.kind == "forward"
    action = entries[wanted.entry][0].action
    assert isinstance(action, ir.Forward)
    written = zip(wanted.sent, action.shares, strict=True)
    sent = [replace(one, to=500) if lost(share, routing) else one for one, share in written]
    parts = asked_parts(sent)
    if set(parts) == {500}:
        return (found.kind, found.status) == ("fixed", 500)
    return (
        found.kind == "forward"
        and near(parts, found_parts(found, services), SCALED if max(one.weight for one in sent) > 1000 else ROUNDED)
        and (found.host, found.query) == (wanted.host, urlencode(asked.query))
        and {found.path} == {one.path for one in sent if one.to != 500}
        and found.timeout == seconds(action, [one.to for one in sent], routing)
        and found.mirror is None
        and {share.cookie for share in found.shares} == {action.session.name if action.session else ""}
        and {share.protocol for share in found.shares} == {"HTTP"}
    )


def asked_parts(sent: list[gateway_api.Sent]) -> Parts:
    """Backend, with what it and the client see -> which part of the requests; 500 -> the part that gets it."""
    total, found = sum(one.weight for one in sent), Parts()
    for one in sent:
        if isinstance(one.to, int):
            found[one.to] = found.get(one.to, Fraction(0)) + Fraction(one.weight, total)
            continue
        empty = one.to.name == "empty"
        response = () if empty else merged(modified.headers(one.modifiers, RESPONSE))
        key = (str(one.to), empty, merged(one.headers), response)
        found[key] = found.get(key, Fraction(0)) + Fraction(one.weight, total)
    return found


def found_parts(found: semantics.Answer, services: Mapping[str, str]) -> Parts:
    parts, rest = Parts(), Fraction(1)
    if found.abort is not None:
        status, percent = found.abort
        parts[status] = Fraction(str(percent)) / 100
        rest -= parts[status]
    total = sum(share.weight for share in found.shares)
    for share in found.shares:
        response = () if share.empty else merged(share.response.apply(RESPONSE))
        key = (services[share.service], share.empty, merged(share.headers), response)
        parts[key] = parts.get(key, Fraction(0)) + rest * Fraction(share.weight, total)
    return parts


def near(one: Parts, other: Parts, error: Fraction) -> bool:
    return set(one) == set(other) and all(abs(one[key] - other[key]) < error for key in one)


def services_of(content: Mapping[str, Any]) -> dict[str, str]:
    """Path of each backend service -> its Service port, as the record says it: sessions have services of their own."""
    found = {}
    for document in content["backendServices"]:
        record = names.record_of(document["description"])
        assert record is not None
        found[names.path_of(document["selfLink"])] = "/".join(model.short(record.address).split("/")[1:3])
    return found


def seconds(action: ir.Forward, sent: Sequence[ir.BackendKey | int], routing: ir.Routing) -> float:
    """Without a timeout of its own a rule has the longest of its backends, and WebSockets last a day."""
    written = [action.timeouts.request, action.timeouts.backend_request] if action.timeouts else []
    found = [routing.backends[to] for to in sent if isinstance(to, ir.BackendKey)]
    lasting = any(isinstance(one, ir.Backend) and one.protocol == "WS" for one in found)
    default = build_backends.WEBSOCKET_TIMEOUT if lasting else build_backends.DEFAULT_TIMEOUT
    return min((value / 1000 for value in written if value), default=float(default))
