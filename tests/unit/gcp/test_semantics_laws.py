"""Laws of the interpreter: it answers or refuses every legal map, and only what documents order has an order."""

from __future__ import annotations

import copy
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw_gcp import semantics
from tests.unit.gcp import semantics_samples as gcp

HOSTS = ["a.com", "b.com", "*.com", "*.a.com", "*-x.a.com", "a.com:8080", "*"]
ASKED = ["a.com", "b.com", "x.a.com", "y-x.a.com", "A.COM:80", "a.com:8080", "example.org", "", "[::1]:80"]
PATHS = [
    "/",
    "/a",
    "/a/",
    "/A/b",
    "/a/b",
    "/a/b/c",
    "/ab",
    "/a%2Fb",
    "/é",
    "/a//b",
    "/a/../b",
    "/a/..",
    "/%zz",
    "/%61/b",
]
PATTERNS = ["/*", "/a", "/a/*", "/a/b", "/a/b/*", "/A/*", "/ab"]
MATCHES: list[gcp.Json] = [
    {"prefixMatch": "/"},
    {"prefixMatch": "/a"},
    {"prefixMatch": "/A", "ignoreCase": True},
    {"fullPathMatch": "/a/b"},
    {"pathTemplateMatch": "/a/{x=**}"},
    {"pathTemplateMatch": "/*/b"},
    {"prefixMatch": "/", "headerMatches": [gcp.header("h", exactMatch="1")]},
    {"prefixMatch": "/", "headerMatches": [gcp.header("h", True, presentMatch=True)]},
    {"prefixMatch": "/", "headerMatches": [gcp.header(":method", exactMatch="POST")]},
    {"prefixMatch": "/a", "queryParameterMatches": [{"name": "q", "exactMatch": "1"}]},
]
ACTIONS: list[gcp.Json] = [
    {"service": gcp.bs("s")},
    {"service": gcp.bs("none")},
    {"routeAction": gcp.shares(s=1, t=3)},
    {"routeAction": gcp.shares(s=0, none=1)},
    {"service": gcp.bs("t"), "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/n/", "hostRewrite": "n.com"}}},
    {
        "service": gcp.bs("s"),
        "routeAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}}},
    },
    {"service": gcp.bs("s"), "routeAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 500, "percentage": 5}}}},
    {"urlRedirect": {"prefixRedirect": "/n", "redirectResponseCode": "FOUND"}},
    {"urlRedirect": {"hostRedirect": "n.com", "stripQuery": True}},
    {"service": gcp.bs("s"), "headerAction": gcp.edits("request", "h", X="1")},
]
KINDS = ("forward", "redirect", "fixed", "closed")


@st.composite
def matchers(draw: st.DrawFn, name: str) -> gcp.Json:
    if draw(st.booleans()):
        patterns = draw(st.lists(st.sampled_from(PATTERNS), unique=True, max_size=4))
        found = [{"paths": [pattern], **draw(st.sampled_from(ACTIONS))} for pattern in patterns]
        return gcp.matcher(*found, name=name, default=name)
    matches = draw(st.lists(st.lists(st.sampled_from(MATCHES), min_size=1, max_size=2), max_size=4))
    priorities = draw(st.lists(st.integers(0, 9), unique=True, min_size=len(matches), max_size=len(matches)))
    found = [
        {"priority": priority, "matchRules": some, **draw(st.sampled_from(ACTIONS))}
        for priority, some in zip(priorities, matches, strict=True)
    ]
    return gcp.matcher(*found, name=name, default=name)


@st.composite
def projects(draw: st.DrawFn) -> gcp.Json:
    hosts = draw(st.lists(st.sampled_from(HOSTS), unique=True, max_size=4))
    found = [draw(matchers(f"m{at}")) for at in range(len(hosts))]
    rules = {item["name"]: [host] for item, host in zip(found, hosts, strict=True)}
    return gcp.project(gcp.url_map(*found, hosts=rules), none={"backends": []})


@st.composite
def requests(draw: st.DrawFn) -> semantics.Request:
    port = draw(st.sampled_from([80, 80, 8080, 443, 81]))
    return semantics.Request(
        gcp.IP,
        port,
        "https" if port == 443 else "http",
        draw(st.sampled_from(ASKED)),
        draw(st.sampled_from(PATHS)),
        draw(st.sampled_from(["", "q=1", "q=1&q=2", "q=%31", "r"])),
        draw(st.sampled_from(["GET", "POST"])),
        tuple(draw(st.lists(st.tuples(st.sampled_from(["h", "H", "x"]), st.sampled_from(["", "1"])), max_size=2))),
    )


def outcome(found: gcp.Json, request: semantics.Request) -> semantics.Answer | str:
    try:
        return semantics.answer(found, request)
    except semantics.NotInterpreted as refusal:
        return refusal.member


@settings(max_examples=200, deadline=None)
@given(projects(), requests())
def test_it_answers_or_refuses_by_name_and_changes_nothing(found: gcp.Json, request: semantics.Request) -> None:
    before = copy.deepcopy(found)
    answer = outcome(found, request)
    assert found == before
    if isinstance(answer, str):
        assert answer.startswith(("urlMaps/um.", "request.path"))
        return
    assert answer.kind in KINDS
    assert (answer.kind == "closed") == (request.port == 81)
    assert (answer.kind == "forward") == bool(answer.shares)
    assert (answer.kind == "redirect") == bool(answer.location)
    assert all(share.weight > 0 and share.empty == share.service.endswith("/none") for share in answer.shares)
    assert (answer.status == 503) == (answer.kind == "forward" and all(share.empty for share in answer.shares))
    assert answer.path.startswith("/") == (answer.kind == "forward")
    assert answer.abort is None or (answer.kind == "forward" and 0 < answer.abort[1] < 100)


@settings(max_examples=80, deadline=None)
@given(projects(), requests(), st.integers())
def test_where_children_stand_does_not_count(found: gcp.Json, request: semantics.Request, seed: int) -> None:
    """Host rules, path rules, route rules and whole objects: priorities, exactness and length alone order them."""
    shuffled = copy.deepcopy(found)
    dice = random.Random(seed)
    url_map = shuffled["urlMaps"][0]
    lists = [url_map["hostRules"], url_map["pathMatchers"], *shuffled.values()]
    for matcher in url_map["pathMatchers"]:
        lists += [matcher.get("pathRules", []), matcher.get("routeRules", [])]
    for some in lists:
        dice.shuffle(some)
    assert outcome(shuffled, request) == outcome(found, request)


@settings(max_examples=80, deadline=None)
@given(st.permutations(MATCHES), requests())
def test_the_first_rule_by_priority_that_matches_answers(matches: list[gcp.Json], request: semantics.Request) -> None:
    """Against a reading of its own: each rule alone says whether it matches."""
    asked = semantics.Request(gcp.IP, 80, "http", "a.com", request.path, "", request.method, request.headers[:1])
    if "/.." in asked.path or "%6" in asked.path:
        return
    alone = [gcp.names(semantics.answer(gcp.one(gcp.when(1, "s", match)), asked)) == ["s"] for match in matches]
    rules = [gcp.when(at, f"s{at}", match) for at, match in enumerate(matches)]
    found = gcp.names(semantics.answer(gcp.one(*rules), asked))
    assert found == [f"s{alone.index(True)}" if True in alone else "rest"]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(MATCHES), st.sampled_from(MATCHES), requests())
def test_match_rules_are_alternatives(one: gcp.Json, other: gcp.Json, request: semantics.Request) -> None:
    def met(*matches: gcp.Json) -> bool | str:
        answer = outcome(gcp.one(gcp.when(1, "s", *matches)), request)
        return answer if isinstance(answer, str) else gcp.names(answer) == ["s"]

    both, first, second = met(one, other), met(one), met(other)
    if not isinstance(first, str) and not isinstance(second, str):
        assert both == (first or second)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["exactMatch", "prefixMatch", "suffixMatch"]), st.text("ab", max_size=3), requests())
def test_an_inverted_header_match_is_the_opposite(kind: str, value: str, request: semantics.Request) -> None:
    def met(invert: bool) -> bool | str:
        match = {"prefixMatch": "/", "headerMatches": [gcp.header("h", invert, **{kind: value})]}
        answer = outcome(gcp.one(gcp.when(1, "s", match)), request)
        if isinstance(answer, str) or answer.kind != "forward":
            return "none"
        return gcp.names(answer) == ["s"]

    plain = met(False)
    assert met(True) == (plain if isinstance(plain, str) else not plain)


@given(st.text("ab/", max_size=8), st.text("ab/-", max_size=8))
def test_a_template_of_text_alone_is_a_full_path(text: str, path: str) -> None:
    def met(kind: str) -> list[str]:
        found = gcp.one(gcp.when(1, "s", {kind: f"/{text}"}))
        return gcp.names(semantics.answer(found, gcp.ask(f"http://a.com/{path}")))

    assert met("pathTemplateMatch") == met("fullPathMatch")


@given(st.lists(st.text("abc-.", min_size=1, max_size=4), min_size=2, max_size=2), st.text("ab/c", max_size=6))
def test_a_template_rewrite_moves_what_the_template_took(segments: list[str], tail: str) -> None:
    if ".." in segments or tail.endswith(".."):
        return
    match = {"pathTemplateMatch": "/{a}/{b}/{c=**}"}
    rewrite = {"urlRewrite": {"pathTemplateRewrite": "/{b}/{a}/{c}"}}
    found = gcp.one(gcp.when(1, "s", match, routeAction=rewrite))
    one, two = segments
    assert semantics.answer(found, gcp.ask(f"http://x/{one}/{two}/{tail}")).path == f"/{two}/{one}/{tail}"
