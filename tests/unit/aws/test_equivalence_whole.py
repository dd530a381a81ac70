"""Two opinions on whole worlds: objects -> resolve -> the Gateway API's answer, and -> build -> AWS's answer.

A route that is refused whole is taken out of the objects, and the rest is resolved again: the Gateway API's opinion is
about the routes that are accepted. Where a row of the capabilities says that AWS cannot do what an entry asks for, the
answers cannot be equal; then AWS must answer exactly the error that the row promises, for the rule or for the share
that it speaks of.
"""

from __future__ import annotations

import dataclasses
import random
from fractions import Fraction
from math import gcd
from urllib.parse import urlencode

from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir, resolve
from cloudgw.routing import request as gateway_api
from cloudgw_aws import build, build_actions, build_rules, capabilities, semantics
from tests.unit.aws import samples, whole
from tests.unit.equivalence import CLIENTS, REQUESTS, Tally, lacking, prove, route_of, same_place

BALANCER = samples.arn("shop/edge/aws/load-balancer/lb")
WHOLE = (  # what answers 500 on all requests of the rule
    "GRPCRoute",
    "HTTPRouteCORS",
    "HTTPRouteRequestMirror",
    "HTTPRouteResponseHeaderModification",
    "HTTPRoute.spec.rules.filters.RequestHeaderModifier",
)
REFUSING = {
    "MatchNotExpressible": {
        "queryParams": "HTTPRouteQueryParamMatching",
        "hostnames": "HTTPRoute.spec.hostnames",
        "matches": "HTTPRoute.spec.rules.matches",
    },
    "RuleQuota": {"quota": "rules of a Gateway"},
    "TargetGroupQuota": {"quota": "backends of a Gateway"},
}
ROWS = {row.feature: row for row in capabilities.CAPABILITIES}
CAN = {feature: row.support == "yes" for feature, row in ROWS.items()}


def test_whole_worlds_answer_as_the_gateway_api_says() -> None:
    tally = prove(whole.worlds(), compare, 280, ("rules of a Gateway", "backends of a Gateway"))
    assert tally.refused  # which of them a world meets hangs on what is drawn
    assert set(tally.refused) <= set(REFUSING)


def compare(world: whole.World, tally: Tally) -> None:
    """Every request of one world."""
    (routing,) = resolve.resolve(world.snapshot()).gateways
    gone = lacking(routing.tables, tally.worlds)
    (routing,) = resolve.resolve(world.snapshot(gone)).gateways
    graph, notes = build.build(routing, samples.network(**tight(tally.worlds)), samples.wanted())
    refused = dict(refusal(note) for note in notes if note.code in REFUSING)
    tally.refused.update(note.code for note in notes if note.code in REFUSING)
    (accepted,) = resolve.resolve(world.snapshot([*gone, *sorted(refused)])).gateways
    content = samples.render(at_once(graph))
    if not routing.tables:
        return
    tally.worlds += 1
    entries = {entry.key: (entry, table) for table in accepted.tables for entry in table.entries}
    features = {key: feature for key, of in entries.items() if (feature := feature_of(*of, accepted))}
    rng, aims = random.Random(world.seed), whole.places(routing)
    served = any(isinstance(entry.action, ir.Forward) for table in routing.tables for entry in table.entries)
    for _ in range(REQUESTS if served else REQUESTS // 10):
        asked = whole.request(rng, aims, CAN)
        if isinstance(asked, str):
            tally.excluded[asked] += 1
            continue
        wanted, found = gateway_api.answer(accepted, asked), answer(content, asked, routing)
        where = (asked, wanted, found)
        feature = closed(accepted, asked) or features.get(wanted.entry, "")
        if feature:
            assert ROWS[feature].support != "yes", feature
            assert fails_closed(feature, found, entries.get(wanted.entry), accepted), (feature, where)
            tally.excluded[feature] += 1
            continue
        assert agrees(wanted, found, asked, accepted), where
        if feature := refused.get(route_of(gateway_api.answer(routing, asked).entry), ""):
            assert ROWS[feature].support != "yes", feature
            tally.excluded[feature] += 1
            continue
        tally.compared += 1
        tally.kinds[wanted.kind] += 1
        tally.reached += any(group not in found.empty for group, _ in found.groups)


def at_once(graph: model.Graph) -> model.Graph:
    """Without what waits for a certificate that nobody has seen."""
    waits = [
        element.address
        for element in graph
        if model.kind_of(element.address) == "listener-certificate"
        and isinstance(graph.elements[element.fields["certificate"].to][0].spec, Unknown)
    ]
    return dataclasses.replace(graph, elements={at: found for at, found in graph.elements.items() if at not in waits})


def tight(number: int) -> dict[str, int]:
    """Some worlds have so little room that routes are refused."""
    rng = random.Random(number)
    found = {"rules": build_rules.SPARE_RULES + rng.choice([8, 16, 100]), "groups": rng.choice([2, 4, 100])}
    return found if number % 16 == 3 else {}


def refusal(note: Note) -> tuple[tuple[str, str, str], str]:
    """The route that is refused whole, and the row that says why."""
    assert note.origin is not None
    field = note.message.split()[0].rstrip(":")
    return (note.origin.kind, note.origin.namespace, note.origin.name), REFUSING[note.code][field]


def answer(content: dict[str, object], asked: gateway_api.Request, routing: ir.Routing) -> semantics.Answer:
    protocol = next(table.protocol for table in routing.tables if table.port == asked.port)
    return semantics.answer(
        content,
        BALANCER,
        semantics.Request(
            port=asked.port,
            scheme="https" if protocol == "HTTPS" else "http",
            method=asked.method,
            host=asked.host,
            path=asked.path,
            query=urlencode(asked.query),
            headers=asked.headers,
        ),
    )


def closed(routing: ir.Routing, asked: gateway_api.Request) -> str:
    """The row that closes the whole port, "" for none."""
    table = next((table for table in routing.tables if table.port == asked.port), None)
    if table is not None and any(listener.client for listener in table.listeners):
        return CLIENTS
    return ""


def feature_of(entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> str:
    """The row that says why AWS does not answer this entry as it says, "" when it does. Written from the rows, not
    from what builds."""
    action = entry.action
    if isinstance(action, ir.Respond):
        return ""
    if entry.match.grpc is not None:
        return "GRPCRoute"
    assert not isinstance(action, Unknown)
    if action.cors is not None:
        return "HTTPRouteCORS"
    if isinstance(action, ir.Redirect):
        return _redirect(entry, action, table)
    if action.edits.request is not None:
        return "HTTPRoute.spec.rules.filters.RequestHeaderModifier"
    if action.edits.response is not None:
        return "HTTPRouteResponseHeaderModification"
    if action.edits.mirrors:
        return "HTTPRouteRequestMirror"
    for share in action.shares:
        if feature := barred(share, table, routing):
            return feature
    weights = [share.weight for share in action.shares]
    return "HTTPRoute.spec.rules.backendRefs.weight" if max(weights) // gcd(*weights) > 999 else ""


def _redirect(entry: ir.Entry, action: ir.Redirect, table: ir.Table) -> str:
    if action.status not in (301, 302):
        return f"HTTPRoute{action.status}RedirectStatusCode"
    if table.protocol == "HTTPS" and action.scheme == "http":
        return "HTTPRouteSchemeRedirect"
    if action.path_type == "ReplacePrefixMatch" and entry.match.path.value != "/":
        return "HTTPRoutePathRedirect"
    to = (action.scheme or table.protocol.lower(), action.port or {"https": 443}.get(action.scheme, 80))
    port = action.port or {"http": 80, "https": 443}[to[0]]
    path = action.path_type and not (action.path_type == "ReplacePrefixMatch" and action.path.strip("/") == "")
    if not action.hostname and not path and (to[0], port) == (table.protocol.lower(), table.port):
        return "RequestRedirect to the same place"
    return ""


def agrees(
    wanted: gateway_api.Answer, found: semantics.Answer, asked: gateway_api.Request, routing: ir.Routing
) -> bool:
    """One answer, said by both."""
    if wanted.kind == "none" and not wanted.status:
        return found.kind == "closed"
    if wanted.kind in ("respond", "none"):
        return (found.kind, found.status) == ("fixed", wanted.status)
    if wanted.kind == "redirect":
        return (found.kind, found.status) == ("redirect", wanted.status) and same_place(found.location, wanted.location)
    if (wanted.kind, found.kind) != ("forward", "forward"):
        return False
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    return (
        portions([(group_of(to), weight) for to, weight in wanted.backends]) == portions(list(found.groups))
        and set(found.empty) == {group_of(to) for to, _ in wanted.backends if not ready(to, routing)}
        and (found.host, found.url) == (wanted.host, wanted.path + query)
    )


def fails_closed(
    feature: str, found: semantics.Answer, of: tuple[ir.Entry, ir.Table] | None, routing: ir.Routing
) -> bool:
    """Exactly the error that the row promises. of: the entry that should have answered, and its table."""
    if feature == CLIENTS:
        return found.kind == "closed" or (found.kind, found.status) == ("fixed", 404)
    assert of is not None
    action = of[0].action
    if feature in WHOLE or not isinstance(action, ir.Forward):
        return (found.kind, found.status) == ("fixed", 500)
    kept = [
        share if not barred(share, of[1], routing) else dataclasses.replace(share, to=503) for share in action.shares
    ]
    if all(isinstance(share.to, int) for share in kept):
        return (found.kind, found.status) == ("fixed", 500)
    assert not any(isinstance(share.to, Unknown) for share in kept)
    meant = portions([(group_of(share.to), share.weight) for share in kept if not isinstance(share.to, Unknown)])
    given = portions(list(found.groups)) if found.kind == "forward" else {}
    return given.keys() == meant.keys() and all(abs(given[group] - meant[group]) <= Fraction(1, 999) for group in meant)


def barred(share: ir.Share, table: ir.Table, routing: ir.Routing) -> str:
    """The row that says why a share answers an error."""
    if isinstance(share.to, int):
        return "share of an invalid backendRef"
    if share.edits is not None:
        return "HTTPRoute.spec.rules.backendRefs.filters"
    assert isinstance(share.to, ir.BackendKey)
    backend = routing.backends[share.to]
    assert isinstance(backend, ir.Backend)
    if backend.tls is not None:
        return "BackendTLSPolicy"
    return "HTTPRouteBackendProtocolH2C" if backend.protocol == "H2C" and table.protocol != "HTTPS" else ""


def ready(to: ir.BackendKey | int, routing: ir.Routing) -> bool:
    if isinstance(to, int):
        return False
    backend = routing.backends[to]
    return isinstance(backend, ir.Backend) and bool(backend.targets)


def portions(shares: list[tuple[str, int]]) -> dict[str, Fraction]:
    total = sum(weight for _, weight in shares)
    found: dict[str, Fraction] = {}
    for to, weight in shares:
        found[to] = found.get(to, Fraction(0)) + Fraction(weight, total)
    return found


def group_of(to: ir.BackendKey | int) -> str:
    name: ir.BackendKey | str = build_actions.UNAVAILABLE if isinstance(to, int) else to
    return samples.arn(build_actions.group_address("shop/edge", name))
