"""Two opinions on the same request: the Gateway API's about the routing, and AWS's documents' about what is built.

They share no code: `cloudgw.routing.request` reads the tables, `semantics` the objects that the graph becomes.
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.objects import PathModifier, RouteMatch, URLRewrite, ValueMatch
from cloudgw.routing import ir
from cloudgw.routing import request as gateway_api
from cloudgw_aws import build, build_actions, semantics
from tests.unit.aws import samples

HOSTS = ["", "a.example.com", "b.example.com", "*.example.com", "*.a.example.com"]
ASKED_HOSTS = ["a.example.com", "B.Example.Com", "x.a.example.com", "example.com", "example.org"]
PREFIXES = ["/", "/a", "/a/b", "/a.c", "/a*"]
EXACT = ["/a", "/a/b", "/a?x", "/", "/(a)"]
REGEX = ["/a[0-9]+", "/a|/b", "/.*z"]
ASKED_PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/a7", "/axc", "/a.c", "/a*", "/abx", "/(a)", "/b", "/yz"]
PORTS = {80: "HTTP", 8080: "HTTP", 443: "HTTPS"}


@st.composite
def matches(draw: st.DrawFn) -> RouteMatch:
    kind = draw(st.sampled_from(["PathPrefix", "PathPrefix", "Exact", "RegularExpression"]))
    path = draw(st.sampled_from({"PathPrefix": PREFIXES, "Exact": EXACT, "RegularExpression": REGEX}[kind]))
    found = samples.match(path, kind, method=draw(st.sampled_from(["", "", "GET", "POST"])))
    headers = draw(st.sampled_from([(), (), ("Exact", "1"), ("Exact", "a.b"), ("RegularExpression", "[0-9]")]))
    if headers:
        found = dataclasses.replace(found, headers=(ValueMatch(type=headers[0], name="x-a", value=headers[1]),))
    if draw(st.integers(0, 5)) == 0:
        found = dataclasses.replace(found, query=(ValueMatch(name="q", value="v"),))
    return found


@st.composite
def rewrites(draw: st.DrawFn, match: RouteMatch) -> URLRewrite | None:
    kinds = ["", "ReplaceFullPath"] + (["ReplacePrefixMatch"] if match.path.type == "PathPrefix" else [])
    kind = draw(st.sampled_from(kinds))
    host = draw(st.sampled_from(["", "in.example.net"]))
    path = PathModifier(type=kind, value=draw(st.sampled_from(["/", "/n", "/n/", "/n/m"]))) if kind else None
    return URLRewrite(hostname=host, path=path) if host or path else None


@st.composite
def actions(draw: st.DrawFn, match: RouteMatch) -> ir.Action:
    kind = draw(st.sampled_from(["forward", "forward", "forward", "redirect", "respond"]))
    if kind == "respond":
        return ir.Respond(status=draw(st.sampled_from([404, 500])))
    if kind == "redirect":
        path_type = draw(st.sampled_from(["", "ReplaceFullPath"]))
        prefix = match.path.type == "PathPrefix" and match.path.value == "/"
        path_type = "ReplacePrefixMatch" if prefix and draw(st.booleans()) else path_type
        return ir.Redirect(
            scheme=draw(st.sampled_from(["", "https"])),
            hostname=draw(st.sampled_from(["to.example.net", "to.example.org"])),
            path_type=path_type,
            path=draw(st.sampled_from(["/", "/n", "/n/"])) if path_type else "",
            port=draw(st.sampled_from([0, 8443])),
            status=draw(st.sampled_from([301, 302])),
        )
    shares: list[tuple[ir.BackendKey | int, int]] = draw(
        st.lists(
            st.tuples(st.sampled_from([samples.CART, samples.PAY, 500]), st.integers(1, 5)),
            min_size=1,
            max_size=3,
            unique_by=lambda share: str(share[0]),
        )
    )
    if all(to == 500 for to, _ in shares):
        return ir.Respond(status=500)
    return samples.forward(*shares, rewrite=draw(rewrites(match)))


@st.composite
def routings(draw: st.DrawFn) -> ir.Routing:
    tables = []
    for port in draw(st.lists(st.sampled_from(sorted(PORTS)), min_size=1, max_size=2, unique=True)):
        entries = []
        for number in range(draw(st.integers(1, 6))):
            of = draw(matches())
            entries.append(
                samples.entry(
                    number,
                    draw(actions(of)),
                    host=draw(st.sampled_from(HOSTS)),
                    of=of,
                    route=draw(st.sampled_from(["one", "two", "three"])),
                )
            )
        certificates = [samples.certificate("tls")] if PORTS[port] == "HTTPS" else []
        tables.append(samples.table(entries, port, PORTS[port], certificates))
    return samples.routing(*tables)


@st.composite
def requests(draw: st.DrawFn, routing: ir.Routing) -> gateway_api.Request:
    port = draw(st.sampled_from([table.port for table in routing.tables]))
    host = draw(st.sampled_from(ASKED_HOSTS))
    return gateway_api.Request(
        port=port,
        method=draw(st.sampled_from(["GET", "POST", "PUT"])),
        host=f"{host}:{port}" if port == 8080 and draw(st.booleans()) else host,
        path=draw(st.sampled_from(ASKED_PATHS)),
        query=draw(st.sampled_from([(), (("q", "v"),), (("q", "V"),), (("r", "1"), ("s", "2"))])),
        headers=draw(st.sampled_from([(), (("X-A", "1"),), (("x-a", "A.B"),), (("x-a", "a.b"),)])),
    )


def refused(routing: ir.Routing, messages: list[str]) -> ir.Routing:
    """The routing without the routes that the notes name as refused."""
    gone = {found for message in messages for found in re.findall(r"HTTPRoute shop/(\w+) is refused", message)}
    tables = tuple(
        dataclasses.replace(table, entries=tuple(e for e in table.entries if e.key.split("/")[2] not in gone))
        for table in routing.tables
    )
    return dataclasses.replace(routing, tables=tables)


def portions(shares: list[tuple[str, int]]) -> dict[str, Fraction]:
    total = sum(weight for _, weight in shares)
    found: dict[str, Fraction] = {}
    for to, weight in shares:
        found[to] = found.get(to, Fraction(0)) + Fraction(weight, total)
    return found


def plain_port(location: str) -> str:
    return re.sub(r"^(http://[^/:]+):80/", r"\1/", re.sub(r"^(https://[^/:]+):443/", r"\1/", location))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_answers_agree(data: st.DataObject) -> None:
    routing = data.draw(routings())
    graph, notes = build.build(routing, samples.network(), samples.wanted())
    content = samples.render(graph)
    balancer = samples.arn("shop/edge/aws/load-balancer/lb")
    left = refused(routing, [note.message for note in notes if note.code == "MatchNotExpressible"])
    for _ in range(6):
        asked = data.draw(requests(routing))
        wanted = gateway_api.answer(left, asked)
        found = semantics.answer(
            content,
            balancer,
            semantics.Request(
                port=asked.port,
                scheme="https" if PORTS[asked.port] == "HTTPS" else "http",
                method=asked.method,
                host=asked.host,
                path=asked.path,
                query=urlencode(asked.query),
                headers=asked.headers,
            ),
        )
        agree(wanted, found, asked)


def agree(wanted: gateway_api.Answer, found: semantics.Answer, asked: gateway_api.Request) -> None:
    if wanted.kind in ("respond", "none"):
        assert (found.kind, found.status) == ("fixed", wanted.status)
        return
    if wanted.kind == "redirect":
        assert (found.kind, found.status) == ("redirect", wanted.status)
        assert plain_port(found.location) == plain_port(wanted.location)
        return
    assert (wanted.kind, found.kind) == ("forward", "forward")
    named = [(group_of(to), weight) for to, weight in wanted.backends]
    assert portions(named) == portions(list(found.groups))
    assert set(found.empty) <= {group_of(500)}
    query = f"?{urlencode(asked.query)}" if asked.query else ""
    assert found.url == wanted.path + query
    assert found.host == wanted.host


def group_of(to: ir.BackendKey | int) -> str:
    name: ir.BackendKey | str = build_actions.UNAVAILABLE if isinstance(to, int) else to
    return samples.arn(build_actions.group_address("shop/edge", name))
