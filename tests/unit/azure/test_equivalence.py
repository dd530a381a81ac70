"""Two opinions on whole worlds: objects -> resolve -> the Gateway API's answer, and -> build -> Azure's answer.

They share no code: `cloudgw.routing.request` reads the tables, `semantics` the document that a first apply puts. A
route that is refused whole is taken out of the objects, and the rest is resolved again: the Gateway API's opinion is
about the routes that are accepted. Where a row of the capabilities says that Azure cannot do what an entry asks for,
the answers cannot be equal; then Azure must answer exactly the error that the row promises: 502, by the empty pool.
"""

from __future__ import annotations

import random
from urllib.parse import urlencode

from cloudgw.objects import HeaderModifier, Note, Unknown
from cloudgw.routing import ir, modified, resolve
from cloudgw.routing import request as gateway_api
from cloudgw_azure import build, build_actions, build_quota, capabilities, names, semantics
from tests.unit.azure import samples, whole
from tests.unit.equivalence import CLIENTS, REQUESTS, Pairs, Tally, lacking, merged, prove, route_of, same_place

CASE = "case of paths"
QUOTA = "hostnames, paths, Service ports, redirects and rewrites of a Gateway"
HOSTLESS = "RequestRedirect without a hostname"
ROWS = {row.feature: row for row in capabilities.CAPABILITIES}
FIELDS = {
    "path": "HTTPRoute.spec.rules.matches.path.Exact",
    "headers": "HTTPRoute.spec.rules.matches.headers",
    "method": "HTTPRouteMethodMatching",
    "queryParams": "HTTPRouteQueryParamMatching",
}
RESPONSE: Pairs = (("X-A", "r"), ("Content-Type", "text/plain"))


def test_whole_worlds_answer_as_the_gateway_api_says() -> None:
    tally = prove(
        whole.worlds(), compare, 280, ("hostnames, paths, Service ports, redirects and rewrites of a Gateway",)
    )
    assert "MatchNotExpressible" in tally.refused
    assert {"MatchNotExpressible", "GatewayQuota"} <= set(tally.refused)
    assert set(tally.refused) <= {"MatchNotExpressible", "GatewayQuota", "PathsDifferInCase"}  # the last seldom


def compare(world: whole.World, tally: Tally) -> None:
    """Every request of one world."""
    (routing,) = resolve.resolve(world.snapshot()).gateways
    gone = lacking(routing.tables, tally.worlds)
    (routing,) = resolve.resolve(world.snapshot(gone)).gateways
    graph, notes = build.build(routing, samples.network(quotas=tight(tally.worlds)), samples.wanted())
    refused = dict(refusal(note) for note in notes if note.refuses == "route")
    tally.refused.update(note.code for note in notes if note.refuses == "route")
    (accepted,) = resolve.resolve(world.snapshot([*gone, *sorted(refused)])).gateways
    document = samples.render(graph)
    if not routing.tables:
        return
    tally.worlds += 1
    entries = {entry.key: (entry, table) for table in accepted.tables for entry in table.entries}
    features = {key: feature for key, of in entries.items() if (feature := feature_of(of[0], accepted))}
    rng, aims = random.Random(world.seed), whole.places(routing)
    served = any(isinstance(entry.action, ir.Forward) for table in routing.tables for entry in table.entries)
    for _ in range(REQUESTS if served else REQUESTS // 10):
        asked = whole.request(rng, aims)
        table = next(table for table in routing.tables if table.port == asked.port)
        if whole.near(asked, table.entries):
            tally.excluded[CASE] += 1
            continue
        wanted, found = gateway_api.answer(accepted, asked), answer(document, asked, table)
        where = (asked, wanted, found)
        if gone and (wanted.kind, found.kind) == ("none", "closed"):
            continue  # no listener of the port stands before there is a Secret: nobody answers either
        feature = CLIENTS if any(one.client for one in table.listeners) else features.get(wanted.entry, "")
        if feature and not (feature == HOSTLESS and agrees(wanted, found, asked, entries)):
            assert ROWS[feature].support != "yes", feature
            assert fails_closed(feature, found), (feature, where)
            tally.excluded[feature] += 1
            continue
        assert agrees(wanted, found, asked, entries), where
        if feature := refused.get(route_of(gateway_api.answer(routing, asked).entry), ""):
            assert ROWS[feature].support != "yes", feature
            tally.excluded[feature] += 1
            continue
        tally.compared += 1
        tally.kinds[wanted.kind] += 1
        tally.reached += found.kind == "forward" and not found.empty and logical(found) != build_actions.NOT_FOUND


def tight(number: int) -> dict[str, int]:
    """Some worlds have so little room that routes are refused."""
    rng = random.Random(number)
    found = {
        "paths": build_quota.SPARE_PATHS + rng.choice([4, 8, 100]),
        "pools": build_quota.SPARE_BACKENDS + rng.choice([3, 100]),
        "listeners": rng.choice([3, 100]),
        "redirects": rng.choice([1, 100]),
    }
    return found if number % 16 == 3 else {}


def refusal(note: Note) -> tuple[tuple[str, str, str], str]:
    """The route that is refused whole, and the row that says why."""
    assert note.origin is not None
    if note.code == "GatewayQuota":
        return (note.origin.kind, note.origin.namespace, note.origin.name), QUOTA
    word = note.message.split()[0].rstrip(":")
    feature = FIELDS[word] if note.origin.kind == "HTTPRoute" else "GRPCRoute"
    route = (note.origin.kind, note.origin.namespace, note.origin.name)
    return route, CASE if note.code == "PathsDifferInCase" else feature


def answer(document: semantics.Json, asked: gateway_api.Request, table: ir.Table) -> semantics.Answer:
    return semantics.answer(
        document,
        semantics.Request(
            port=asked.port,
            scheme="https" if table.protocol == "HTTPS" else "http",
            method=asked.method,
            host=asked.host,
            path=asked.path,
            query=urlencode(asked.query),
            headers=asked.headers,
        ),
    )


def feature_of(entry: ir.Entry, routing: ir.Routing) -> str:
    """The row that says why Azure does not answer this entry as it says, "" when it does. Written from the rows, not
    from what builds."""
    action = entry.action
    assert not isinstance(action, Unknown)
    if isinstance(action, ir.Respond):
        return "" if action.status == 404 else "500 and 503"
    if action.cors is not None:
        return "HTTPRouteCORS"
    if isinstance(action, ir.Redirect):
        if action.status == 308:
            return "HTTPRoute308RedirectStatusCode"
        if action.path_type == "ReplacePrefixMatch" and action.path.rstrip("/") != entry.match.path.value.rstrip("/"):
            return "HTTPRoutePathRedirect"
        return HOSTLESS if not action.hostname and (not entry.hostname or entry.hostname.startswith("*")) else ""
    if action.edits.mirrors:
        return "HTTPRouteRequestMirror"
    if action.timeouts is not None and (action.timeouts.request or 0) % 1000:
        return "HTTPRouteRequestTimeout"
    if len(action.shares) > 1:
        return "HTTPRoute.spec.rules.backendRefs"
    (share,) = action.shares
    if share.edits is not None:
        return "HTTPRoute.spec.rules.backendRefs.filters"
    assert isinstance(share.to, ir.BackendKey)
    backend = routing.backends[share.to]
    assert isinstance(backend, ir.Backend)
    return "HTTPRouteBackendProtocolH2C" if backend.protocol == "H2C" else ""


def logical(found: semantics.Answer) -> str:
    child = names.read_child(found.pool_name, detailed=True)
    return child.logical if child is not None else ""


def fails_closed(feature: str, found: semantics.Answer) -> bool:
    """Exactly the error that the rows promise."""
    if feature == CLIENTS:
        return found.kind == "closed"
    return found.kind == "forward" and found.empty and (found.status, logical(found)) == (502, build_actions.ERROR)


def agrees(
    wanted: gateway_api.Answer,
    found: semantics.Answer,
    asked: gateway_api.Request,
    entries: dict[str, tuple[ir.Entry, ir.Table]],
) -> bool:
    """One answer, said by both."""
    if wanted.kind == "none" and not wanted.status:
        return found.kind == "closed"
    if wanted.kind in ("respond", "none"):
        not_found = found.kind == "forward" and logical(found) == build_actions.NOT_FOUND and not found.empty
        return wanted.status == 404 and (not_found or (found.kind, found.status) == ("fixed", 404))
    if wanted.kind == "redirect":
        return (found.kind, found.status) == ("redirect", wanted.status) and same_place(found.location, wanted.location)
    if (wanted.kind, found.kind) != ("forward", "forward"):
        return False
    ((to, _),), (sent,) = wanted.backends, wanted.sent
    assert isinstance(to, ir.BackendKey)
    action = entries[wanted.entry][0].action
    assert isinstance(action, ir.Forward)
    return (
        logical(found) == build_actions.pool_logical(to)
        and found.empty == (to.name == "empty")
        and found.protocol == ("https" if to.name == "secure" else "http")
        and (found.host, found.path, found.query) == (wanted.host, wanted.path, urlencode(asked.query))
        and merged(found.headers) == merged(sent.headers)
        and (found.empty or merged(semantics.respond(found, 200, RESPONSE)) == merged(answered(sent.modifiers)))
        and found.timeout == seconds(action)
        and found.affinity == (action.session.name if action.session else "")
    )


def answered(modifiers: tuple[HeaderModifier, ...]) -> Pairs:
    return modified.headers(modifiers, RESPONSE)


def seconds(action: ir.Forward) -> int:
    written = [action.timeouts.request, action.timeouts.backend_request] if action.timeouts else []
    return min((value // 1000 for value in written if value), default=build_actions.DEFAULT_TIMEOUT)
