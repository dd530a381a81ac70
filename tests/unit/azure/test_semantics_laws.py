"""Laws of the interpreter: it answers every legal document, priority orders sites, the first path rule wins."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw_azure import semantics
from tests.unit.azure import semantics_samples as az

HOSTS = ["a.com", "b.com", "*.com", "*.a.com", "?.com", "a*.com"]
ASKED = ["a.com", "b.com", "x.a.com", "A.COM:80", "example.org", "", "a.com:1:2", "[::1]:80"]
PATTERNS = ["/*", "/a", "/a*", "/a/*", "/A/b", "/a/b*", "/%61/c", "/b/"]
PATHS = ["/", "/a", "/a/", "/A/B", "/a/b/c", "/ab", "/b/", "/a%2Fb", "/é", "/a//b", "/a/../b", "/%zz", "*"]
HEADERS = st.lists(st.tuples(st.sampled_from(["A", "x-b", "X_C", "Cookie"]), st.sampled_from(["", "1", "k=v"])))
CONDITIONS = [
    az.when("var_uri_path", "^/a/(.*)$"),
    az.when("http_req_A", ".+", negate=True),
    az.when("var_query_string", "q=(.*)", ignore_case=True),
    az.when("http_resp_Location", "(.*)"),
]
ACTIONS: list[az.Json] = [
    {"requestHeaderConfigurations": az.sets(X_B="{http_req_A},n")},
    {"requestHeaderConfigurations": az.sets(Host="h.{var_host}")},
    {"responseHeaderConfigurations": az.sets(Y="{var_request_uri}{http_resp_Z}")},
    {"urlConfiguration": {"modifiedPath": "/w{var_uri_path}"}},
    {"urlConfiguration": {"modifiedPath": "/w/{var_uri_path_1}", "modifiedQueryString": ""}},
    {"urlConfiguration": {"modifiedPath": "/w", "reroute": True}},
]
KINDS = ("forward", "redirect", "fixed", "closed")


@st.composite
def actions(draw: st.DrawFn) -> az.Json:
    if draw(st.integers(0, 3)) == 0:
        return az.away(draw(st.sampled_from(["r-listener", "r-url"])))
    rewrites = az.rewritten("w") if draw(st.booleans()) else {}
    held = draw(st.sampled_from(["plain", "over", "path"]))
    return {**az.to(draw(st.sampled_from(["p", "q", "none"])), held), **rewrites}


@st.composite
def path_maps(draw: st.DrawFn, name: str) -> az.Child:
    patterns = draw(st.lists(st.sampled_from(PATTERNS), unique_by=str.lower, max_size=5))
    rules = [az.path_rule(f"r{at}", [pattern], draw(actions())) for at, pattern in enumerate(patterns)]
    return az.path_map(name, draw(actions()), *rules)


@st.composite
def documents(draw: st.DrawFn) -> az.Json:
    hosts = draw(st.lists(st.sampled_from([*HOSTS, ""]), unique=True, min_size=1, max_size=4))
    priorities = draw(st.lists(st.integers(1, 20000), unique=True, min_size=len(hosts), max_size=len(hosts)))
    children = [
        az.listener("https", port=443, protocol="Https"),
        az.basic("https", az.to("p"), 20000 if 20000 not in priorities else 1),
        az.pool("none"),
        az.settings("over", hostName="o.com"),
        az.settings("path", path="/o/"),
    ]
    for at, (host, priority) in enumerate(zip(hosts, priorities, strict=True)):
        children.append(az.listener(f"l{at}", *filter(None, [host])))
        if draw(st.booleans()):
            children += [draw(path_maps(f"m{at}")), az.by_path(f"l{at}", f"m{at}", priority)]
        else:
            children.append(az.basic(f"l{at}", draw(actions()), priority))
    rules = [
        az.rule(
            f"w{at}",
            *draw(st.lists(st.sampled_from(CONDITIONS), max_size=2)),
            sequence=at,
            **draw(st.sampled_from(ACTIONS)),
        )
        for at in range(draw(st.integers(1, 3)))
    ]
    appended = {"includePath": draw(st.booleans()), "includeQueryString": draw(st.booleans())}
    target = az.ref("httpListeners", "https")
    children += [
        az.child("rewriteRuleSets", "w", rewriteRules=rules),
        az.child("redirectConfigurations", "r-listener", redirectType="Found", targetListener=target, **appended),
        az.child("redirectConfigurations", "r-url", redirectType="SeeOther", targetUrl="https://e.com/x", **appended),
    ]
    return az.document(*children)


@st.composite
def requests(draw: st.DrawFn) -> semantics.Request:
    port = draw(st.sampled_from([80, 80, 80, 443, 81]))
    return semantics.Request(
        port=port,
        scheme="https" if port == 443 else "http",
        host=draw(st.sampled_from(ASKED)),
        path=draw(st.sampled_from(PATHS)),
        query=draw(st.sampled_from(["", "q=1", "q=%20&r"])),
        method=draw(st.sampled_from(["GET", "POST", "M-SEARCH", "1"])),
        headers=tuple(draw(HEADERS)),
    )


@settings(max_examples=400, deadline=None)
@given(documents(), requests())
def test_it_answers_or_refuses_by_name_and_changes_nothing(gateway: az.Json, request: semantics.Request) -> None:
    before = copy.deepcopy(gateway)
    found = _outcome(gateway, request)
    assert gateway == before
    if isinstance(found, str):
        assert "/" in found
        return
    assert found.kind in KINDS
    assert found.empty == (found.kind == "forward" and found.pool_name == "none")
    assert (found.kind == "redirect") == bool(found.location)
    assert found.path.startswith("/") or found.path in ("", request.path)
    assert ("Y" in dict(semantics.respond(found, 200, (("Z", "1"),)))) <= bool(found.response)


@settings(max_examples=150, deadline=None)
@given(documents(), requests(), st.randoms(use_true_random=False))
def test_where_children_stand_does_not_count(gateway: az.Json, request: semantics.Request, random: object) -> None:
    """Only priorities order rules; of all lists in the document the path rules' alone has an order."""
    shuffled = copy.deepcopy(gateway)
    for found in shuffled["properties"].values():
        if isinstance(found, list):
            random.shuffle(found)  # type: ignore[attr-defined]
    assert _outcome(shuffled, request) == _outcome(gateway, request)


def _outcome(gateway: az.Json, request: semantics.Request) -> semantics.Answer | str:
    try:
        return semantics.answer(gateway, request)
    except semantics.NotInterpreted as refusal:
        return refusal.member


@given(st.lists(st.sampled_from([*HOSTS, ""]), unique=True, min_size=1), st.sampled_from(ASKED[:4]), st.data())
def test_the_highest_priority_that_hears_the_host_answers(hosts: list[str], asked: str, data: st.DataObject) -> None:
    """Against a reading of its own: each site alone says whether it hears the host."""
    priorities = data.draw(st.permutations(range(1, len(hosts) + 1)))
    sites = list(zip(priorities, hosts, strict=True))
    children = []
    for priority, host in sites:
        children += [az.listener(f"l{priority}", *filter(None, [host]))]
        children += [az.basic(f"l{priority}", az.to(f"p{priority}"), priority)]
    request = semantics.Request(port=80, host=asked)
    hearing = [
        priority
        for priority, host in sites
        if semantics.answer(az.one(*filter(None, [host])), request).kind == "forward"
    ]
    found = semantics.answer(az.document(*children), request)
    assert found.pool_name == (f"p{min(hearing)}" if hearing else "")
    assert found.status == (0 if hearing else 404)


@given(st.lists(st.sampled_from(PATTERNS), unique=True, min_size=1), st.sampled_from(PATHS[:6]))
def test_the_first_path_rule_that_matches_answers(patterns: list[str], path: str) -> None:
    request = semantics.Request(port=80, host="a.com", path=path)
    alone = [semantics.answer(az.paths((pattern, "P")), request).pool_name == "P" for pattern in patterns]
    found = semantics.answer(az.paths(*[(pattern, f"P{at}") for at, pattern in enumerate(patterns)]), request)
    assert found.pool_name == (f"P{alone.index(True)}" if True in alone else "Default")
