"""What documents tell without an example, or leave open, and what this project reads them to say."""

from __future__ import annotations

import pytest

from cloudgw_gcp import semantics
from tests.unit.gcp import semantics_samples as gcp

ask, bs, matcher, one, path, project, url_map, when = (
    gcp.ask,
    gcp.bs,
    gcp.matcher,
    gcp.one,
    gcp.path,
    gcp.project,
    gcp.url_map,
    gcp.when,
)

EVERY_HOST = project(url_map(matcher(default="every")))
PORTS = project(
    url_map(
        matcher(name="plain", default="plain"),
        matcher(name="high", default="high"),
        hosts={"plain": ["example.net"], "high": ["example.net:8080"]},
    )
)
VIDEO = project(
    url_map(
        matcher(path("hd", "/video/hd", "/video/hd/*"), name="video", default="site"), hosts={"video": ["example.net"]}
    )
)
WIDE = one(path("wide", "/video/*"))
NUMBERED = one(when(9, "last", {"prefixMatch": "/"}), when(1, "first", {"fullPathMatch": "/a"}))
SIMPLEST = project({"defaultService": bs("only")})
WWW = gcp.redirects(httpsRedirect=True, hostRedirect="www.example.com")


@pytest.mark.parametrize(
    ("found", "asked", "wanted"),
    [
        (EVERY_HOST, ask("http://a.com:8081/"), "closed"),
        (EVERY_HOST, ask("https://a.com:80/"), "closed"),
        (EVERY_HOST, ask("http://a.com:443/"), "closed"),
        (EVERY_HOST, ask("http://a.com:8080/"), "every"),
        (EVERY_HOST, ask("http://a.com/", host="[::1]"), "every"),
        (PORTS, ask("http://example.net/", host="example.net:80"), "plain"),
        (PORTS, ask("http://example.net:8080/", host="EXAMPLE.net"), "plain"),
        (PORTS, ask("http://example.net:8080/", host="example.net:81"), "map"),
        (VIDEO, ask("http://Example.NET/video/hd"), "hd"),
        (VIDEO, ask("http://example.net/VIDEO/hd"), "site"),
        (gcp.matching(prefixMatch="/Ab", ignoreCase=True), ask("http://a.com/aBc"), "met"),
        (gcp.matching(prefixMatch="/"), ask("http://a.com/%61"), "met"),
        (gcp.matching(prefixMatch="/a/b"), ask("http://a.com/a//b"), "rest"),
        (WIDE, ask("http://a.com/x/../../y?z"), "302 http://a.com/y?z"),
        (WWW, ask("http://a.com:8080/x"), "301 https://www.example.com/x"),
        (gcp.redirects(httpsRedirect=True), ask("http://a.com/x", host="a.com:80"), "301 https://a.com/x"),
        (gcp.redirects(pathRedirect="/n"), ask("http://a.com:8080/x"), "301 http://a.com:8080/n"),
        (gcp.template("/a/**"), ask("http://a.com/a"), "rest"),
        (gcp.template("/a/*"), ask("http://a.com/a/"), "rest"),
    ],
)
def test_plain_readings(found: gcp.Json, asked: semantics.Request, wanted: str) -> None:
    assert gcp.outcome(semantics.answer(found, asked), asked) == wanted


def test_of_several_patterns_the_longest_hears() -> None:
    found = project(
        url_map(
            *[matcher(name=name, default=name) for name in ("any", "wide", "narrow")],
            hosts={"any": ["*"], "wide": ["*.net"], "narrow": ["*.example.net"]},
        )
    )
    told = {
        host: gcp.names(semantics.answer(found, ask(f"http://{host}/"))) for host in ("a.example.net", "b.net", "c")
    }
    assert told == {"a.example.net": ["narrow"], "b.net": ["wide"], "c": ["any"]}


def test_a_part_of_the_requests_is_aborted() -> None:
    """https/setting-up-global-traffic-mgmt, "Configure fault injection": abort 503 for 50."""
    policy = {"faultInjectionPolicy": {"abort": {"httpStatus": 503, "percentage": 50}}}
    found = semantics.answer(one(when(1, "s", {"prefixMatch": "/"}, routeAction=policy)), ask("http://a.com/"))
    assert (found.kind, gcp.names(found), found.abort) == ("forward", ["s"], (503, 50.0))
    none = {"faultInjectionPolicy": {"abort": {"httpStatus": 503, "percentage": 0}}}
    found = semantics.answer(one(when(1, "s", {"prefixMatch": "/"}, routeAction=none)), ask("http://a.com/"))
    assert (found.abort, [share.weight for share in found.shares]) == (None, [1])


def test_copies_go_to_a_mirror() -> None:
    """https/setting-up-global-traffic-mgmt, "Mirror traffic"; urlMaps, mirrorPercent."""
    action = {"requestMirrorPolicy": {"backendService": bs("copy"), "mirrorPercent": 25}}
    found = semantics.answer(one(when(1, "s", {"prefixMatch": "/"}, routeAction=action)), ask("http://a.com/"))
    assert (gcp.names(found), found.mirror) == (["s"], (f"{gcp.HOME}/backendServices/copy", 25.0))


@pytest.mark.parametrize(
    ("action", "services", "wanted"),
    [
        ({"timeout": {"seconds": "30"}}, {}, 30.0),
        ({"timeout": {"seconds": 1, "nanos": 500_000_000}}, {}, 1.5),
        ({}, {"a": {"timeoutSec": 10}, "b": {"timeoutSec": 20}}, 20.0),
        ({}, {"a": {"timeoutSec": 5}, "b": {"timeoutSec": 5}}, 5.0),
    ],
)
def test_the_timeout_is_the_routes_or_the_largest(action: gcp.Json, services: gcp.Json, wanted: float) -> None:
    rule = when(1, "", {"prefixMatch": "/"}, routeAction={**gcp.shares(a=1, b=0), **action})
    assert semantics.answer(project(url_map(matcher(rule)), **services), ask("http://a.com/")).timeout == wanted


def test_without_backends_503_is_the_answer() -> None:
    rule = when(1, "", {"prefixMatch": "/"}, routeAction=gcp.shares(full=1, bare=1))
    some = project(url_map(matcher(rule)), bare={"backends": []})
    found = semantics.answer(some, ask("http://a.com/"))
    assert ([share.empty for share in found.shares], found.status) == ([False, True], 0)
    group = "projects/p/zones/us-central1-a/networkEndpointGroups/full"
    found = semantics.answer({**some, "endpoints": {group: []}}, ask("http://a.com/"))
    assert ([share.empty for share in found.shares], found.status) == ([True, True], 503)
    found = semantics.answer({**some, "endpoints": {group: ["i/10.0.0.1:80"]}}, ask("http://a.com/"))
    assert found.status == 0


@pytest.mark.parametrize(
    ("members", "place", "wanted"),
    [
        ({}, gcp.HOME, ("NONE", "")),
        ({"sessionAffinity": "GENERATED_COOKIE"}, gcp.HOME, ("GENERATED_COOKIE", "GCLB")),
        ({"sessionAffinity": "GENERATED_COOKIE"}, gcp.REGION, ("GENERATED_COOKIE", "GCILB")),
        (
            {"sessionAffinity": "HTTP_COOKIE", "consistentHash": {"httpCookie": {"name": "c"}}},
            gcp.HOME,
            ("HTTP_COOKIE", "c"),
        ),
        (
            {"sessionAffinity": "STRONG_COOKIE_AFFINITY", "strongSessionAffinityCookie": {"name": "d"}},
            gcp.HOME,
            ("STRONG_COOKIE_AFFINITY", "d"),
        ),
    ],
)
def test_affinity(members: gcp.Json, place: str, wanted: tuple[str, str]) -> None:
    found = semantics.answer(project(url_map(), place=place, map=members), ask("http://a.com/"))
    assert (found.shares[0].affinity, found.shares[0].cookie) == wanted


def test_which_rule_answered_is_told() -> None:
    by_route = semantics.answer(NUMBERED, ask("http://a.com/a"))
    assert (by_route.url_map, by_route.matcher, by_route.rule) == (f"{gcp.HOME}/urlMaps/um", "m", "1")
    by_path = semantics.answer(VIDEO, ask("http://example.net/video/hd/x"))
    assert (by_path.matcher, by_path.rule) == ("video", "/video/hd/*")
    assert semantics.answer(VIDEO, ask("http://example.net/")).rule == ""


def test_a_rule_may_name_its_address_by_link() -> None:
    named = {**SIMPLEST, "forwardingRules": [dict(rule) for rule in SIMPLEST["forwardingRules"]]}
    for rule in named["forwardingRules"]:
        rule["IPAddress"] = SIMPLEST["addresses"][0]["selfLink"]
    assert gcp.names(semantics.answer(named, ask("http://a.com/"))) == ["only"]
