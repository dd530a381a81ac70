"""What the interpreter of Google's load balancers refuses: each member by name, and only for requests that meet it."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_gcp import semantics
from tests.unit.gcp import semantics_samples as gcp

ask, header, matcher, one, path, project, url_map, when = (
    gcp.ask,
    gcp.header,
    gcp.matcher,
    gcp.one,
    gcp.path,
    gcp.project,
    gcp.url_map,
    gcp.when,
)

ALL = {"prefixMatch": "/"}
RULES = "urlMaps/um.pathMatchers[m].routeRules[1]"
PATHS = "urlMaps/um.pathMatchers[m].pathRules"
DEFAULT = "urlMaps/um.pathMatchers[m].default"


def acting(**action: Any) -> gcp.Json:
    return one(when(1, "s", ALL, routeAction=action))


def away(match: gcp.Json = ALL, **redirect: Any) -> gcp.Json:
    return one(when(1, "", match, urlRedirect=redirect))


def rewriting(match: gcp.Json, **rewrite: str) -> gcp.Json:
    return one(when(1, "s", match, routeAction={"urlRewrite": rewrite}))


def edited(side: str = "request", *removed: str, **added: str) -> gcp.Json:
    return one(when(1, "s", ALL, headerAction=gcp.edits(side, *removed, replace=None, **added)))


def serving(**members: Any) -> gcp.Json:
    return project(url_map(), map=members)


def proxied(found: gcp.Json, **members: Any) -> gcp.Json:
    found["targetHttpProxies"][0].update(members)
    return found


def fronted(**members: Any) -> gcp.Json:
    found = project(url_map())
    found["forwardingRules"][0].update(members)
    return found


def without(collection: str) -> gcp.Json:
    return {**project(url_map()), collection: []}


def doubled() -> gcp.Json:
    found = project(url_map())
    found["forwardingRules"].append({**found["forwardingRules"][0], "target": "projects/p/global/targetHttpProxies/x"})
    return found


@pytest.mark.parametrize(
    ("member", "found"),
    [
        ("forwardingRules/f80.loadBalancingScheme", project(url_map(), scheme="EXTERNAL")),
        ("forwardingRules/f80.loadBalancingScheme", project(url_map(), scheme="INTERNAL_SELF_MANAGED")),
        ("forwardingRules", doubled()),
        ("forwardingRules.target", fronted(target="projects/p/global/targetTcpProxies/t")),
        ("forwardingRules.target", without("targetHttpProxies")),
        ("targetHttpProxies/http.urlMap", without("urlMaps")),
        ("targetHttpProxies/http.serverTlsPolicy", proxied(project(url_map()), serverTlsPolicy="policy")),
        ("urlMaps/um.default.service", without("backendServices")),
        (
            "urlMaps/um.default.service",
            project(url_map(defaultService="https://www.googleapis.com/compute/v1/projects/p/global/backendBuckets/b")),
        ),
        ("urlMaps/um.default", project({"hostRules": []})),
        ("urlMaps/um.defaultCustomErrorResponsePolicy", project(url_map(defaultCustomErrorResponsePolicy={"a": 1}))),
        ("urlMaps/um.hostRules", project(url_map(hosts={"other": ["*"]}))),
        ("urlMaps/um.hostRules[*:80]", project(url_map(matcher(), hosts={"m": ["*:80"]}))),
        ("urlMaps/um.hostRules[*a.com]", project(url_map(matcher(), hosts={"m": ["*a.com"]}))),
        ("urlMaps/um.hostRules[*]", project(url_map(matcher(), hosts={"m": ["*", "*"]}))),
        (
            "urlMaps/um.pathMatchers[m].defaultCustomErrorResponsePolicy",
            one(defaultCustomErrorResponsePolicy={"errorService": "e"}),
        ),
        ("urlMaps/um.pathMatchers[m]", one(when(1, "s", ALL), pathRules=[path("s", "/*")])),
        (f"{PATHS}[/a*]", one(path("s", "/a*"))),
        (f"{PATHS}[/a/*/b]", one(path("s", "/a/*/b"))),
        (f"{PATHS}[/*]", one(path("a", "/*"), path("b", "/*"))),
        (f"{PATHS}[/*].customErrorResponsePolicy", one(path("s", "/*", customErrorResponsePolicy={"a": 1}))),
        ("urlMaps/um.pathMatchers[m].routeRules.priority", one(when(1, "a", ALL), when(1, "b", ALL))),
        ("urlMaps/um.pathMatchers[m].routeRules.priority", one({"matchRules": [ALL], "service": gcp.bs("s")})),
        (f"{RULES}.matchRules", one(when(1, "s"))),
        (f"{RULES}.matchRules", one(when(1, "s", {"prefixMatch": "/", "fullPathMatch": "/"}))),
        (f"{RULES}.matchRules.metadataFilters", one(when(1, "s", {**ALL, "metadataFilters": [{}]}))),
        (f"{RULES}.matchRules.regexMatch", one(when(1, "s", {"regexMatch": "/.*"}))),
        (f"{RULES}.matchRules.regexMatch", gcp.regional(when(1, "s", {"regexMatch": "/(?=a)"}))),
        (f"{RULES}.matchRules.regexMatch", gcp.regional(when(1, "s", {"regexMatch": "/[[:alpha:]]"}))),
        (f"{RULES}.matchRules.regexMatch", gcp.regional(when(1, "s", {"regexMatch": "/("}))),
        (f"{RULES}.matchRules[regexMatch]", gcp.regional(when(1, "s", {"regexMatch": "/a"}))),
        (f"{RULES}.matchRules.pathTemplateMatch", one(when(1, "s", {"pathTemplateMatch": "/{1}"}))),
        (f"{RULES}.matchRules.pathTemplateMatch", one(when(1, "s", {"pathTemplateMatch": "/{a}/{a}"}))),
        (f"{RULES}.matchRules.pathTemplateMatch", one(when(1, "s", {"pathTemplateMatch": "/**/{a}"}))),
        (f"{RULES}.matchRules.headerMatches[x]", one(when(1, "s", {**ALL, "headerMatches": [header("x")]}))),
        (
            f"{RULES}.matchRules.headerMatches[:path]",
            one(when(1, "s", {**ALL, "headerMatches": [header(":path", exactMatch="/")]})),
        ),
        (
            f"{RULES}.matchRules.headerMatches[Via]",
            one(when(1, "s", {**ALL, "headerMatches": [header("Via", presentMatch=True)]})),
        ),
        (
            f"{RULES}.matchRules[x].presentMatch",
            one(when(1, "s", {**ALL, "headerMatches": [header("x", presentMatch=False)]})),
        ),
        (
            f"{RULES}.matchRules[twice]",
            one(when(1, "s", {**ALL, "headerMatches": [header("twice", exactMatch="1")]})),
        ),
        (
            f"{RULES}.matchRules[q]",
            one(when(1, "s", {**ALL, "queryParameterMatches": [{"name": "q", "exactMatch": "1"}]})),
        ),
        (
            f"{RULES}.matchRules[e]",
            one(when(1, "s", {**ALL, "queryParameterMatches": [{"name": "e", "exactMatch": "a b"}]})),
        ),
        (RULES, one(when(1, "", ALL))),
        (RULES, one(when(1, "s", ALL, routeAction=gcp.shares(a=1)))),
        (f"{RULES}.customErrorResponsePolicy", one(when(1, "s", ALL, customErrorResponsePolicy={"a": 1}))),
        (f"{RULES}.routeAction.weightedBackendServices", one(when(1, "", ALL, routeAction=gcp.shares(a=0)))),
        (f"{RULES}.routeAction.corsPolicy", acting(corsPolicy={"allowOrigins": ["*"]})),
        (f"{RULES}.routeAction.retryPolicy", acting(retryPolicy={"numRetries": 1})),
        (f"{RULES}.routeAction.cachePolicy", acting(cachePolicy={"cacheMode": "USE_ORIGIN_HEADERS"})),
        (f"{RULES}.routeAction.maxStreamDuration", acting(maxStreamDuration={"seconds": "1"})),
        (
            f"{RULES}.routeAction.faultInjectionPolicy.delay",
            acting(faultInjectionPolicy={"delay": {"percentage": 1, "fixedDelay": {"seconds": "1"}}}),
        ),
        (
            f"{RULES}.routeAction.faultInjectionPolicy.abort.httpStatus",
            acting(faultInjectionPolicy={"abort": {"percentage": 100, "httpStatus": 100}}),
        ),
        (
            f"{RULES}.routeAction.faultInjectionPolicy.abort.httpStatus",
            acting(faultInjectionPolicy={"abort": {"percentage": 100, "httpStatus": 600}}),
        ),
        (f"{RULES}.routeAction.requestMirrorPolicy", acting(requestMirrorPolicy={"mirrorPercent": 1})),
        (
            f"{RULES}.routeAction.urlRewrite.regexRewrite",
            acting(urlRewrite={"regexRewrite": {"pathPattern": "a", "pathSubstitution": "b"}}),
        ),
        (
            f"{RULES}.routeAction.urlRewrite",
            rewriting({"pathTemplateMatch": "/{a=**}"}, pathPrefixRewrite="/", pathTemplateRewrite="/{a}"),
        ),
        (f"{RULES}.routeAction.urlRewrite.pathTemplateRewrite", rewriting(ALL, pathTemplateRewrite="/x")),
        (
            f"{RULES}.routeAction.urlRewrite.pathTemplateRewrite",
            rewriting({"pathTemplateMatch": "/{a=**}"}, pathTemplateRewrite="/{b}"),
        ),
        (
            f"{RULES}.routeAction.urlRewrite.pathPrefixRewrite",
            rewriting({"pathTemplateMatch": "/{a=**}"}, pathPrefixRewrite="/x"),
        ),
        (f"{RULES}.routeAction.urlRewrite.pathPrefixRewrite", rewriting(ALL, pathPrefixRewrite="/x?y")),
        (
            f"{DEFAULT}.routeAction.urlRewrite.pathPrefixRewrite",
            one(defaultRouteAction={"urlRewrite": {"pathPrefixRewrite": "/x"}}),
        ),
        (
            f"{DEFAULT}.urlRedirect.prefixRedirect",
            project(url_map(matcher(default=None, defaultUrlRedirect={"prefixRedirect": "/x/"}))),
        ),
        (f"{RULES}.urlRedirect", one(when(1, "s", ALL, urlRedirect={"hostRedirect": "b"}))),
        (f"{RULES}.urlRedirect", away(pathRedirect="x")),
        (f"{RULES}.urlRedirect.redirectResponseCode", away(redirectResponseCode="GONE")),
        (f"{RULES}.urlRedirect.prefixRedirect", away(pathRedirect="/x", prefixRedirect="/y")),
        (f"{RULES}.headerAction", edited("request", "Host")),
        (f"{RULES}.headerAction", edited("request", X_Google_A="1")),
        (f"{RULES}.headerAction", edited("response", X_A="{client_region}")),
        (f"{RULES}.headerAction", edited("request", X_A="")),
        (f"{RULES}.headerAction", edited("request", "x-a", X_A="1")),
        ("backendServices/map.enableCDN", serving(enableCDN=True)),
        ("backendServices/map.securityPolicy", serving(securityPolicy="p")),
        ("backendServices/map.customRequestHeaders", serving(customRequestHeaders=["a:b"])),
        ("backendServices/map.iap", serving(iap={"enabled": True})),
    ],
)
def test_what_is_not_read_is_refused(member: str, found: gcp.Json) -> None:
    asked = ask("http://a.com/a/x?q=1&q=2&e=a%20b", ("twice", "1"), ("twice", "2"))
    with pytest.raises(semantics.NotInterpreted) as refusal:
        semantics.answer(found, asked)
    assert refusal.value.member == member


@pytest.mark.parametrize(
    ("member", "found", "asked"),
    [
        ("request.path", project(url_map()), ask("http://a.com/a/..")),
        ("request.path", project(url_map()), semantics.Request(gcp.IP, 80, "http", "a.com", "*", method="OPTIONS")),
        ("request.path", one(when(1, "s", {"prefixMatch": "/az"})), ask("http://a.com/%61%7A")),
        ("urlMaps/um.default.urlRedirect.httpsRedirect", "https", ask("https://a.com/")),
        ("urlMaps/um.default.urlRedirect.httpsRedirect", "https", ask("http://a.com:8080/")),
    ],
)
def test_requests_that_are_refused(member: str, found: gcp.Json | str, asked: semantics.Request) -> None:
    given = project({"defaultUrlRedirect": {"httpsRedirect": True}}) if isinstance(found, str) else found
    with pytest.raises(semantics.NotInterpreted) as refusal:
        semantics.answer(given, asked)
    assert refusal.value.member == member


@pytest.mark.parametrize(
    "found",
    [
        one(when(1, "s", {"prefixMatch": "/z"}, routeAction={"corsPolicy": {"allowOrigins": ["*"]}}), default="s"),
        acting(corsPolicy={"disabled": True}),
        serving(iap={"enabled": False}, enableCDN=False),
        one(when(1, "", ALL, routeAction=gcp.shares(s=1, gone=0))),
    ],
)
def test_only_what_a_request_meets_is_refused(found: gcp.Json) -> None:
    assert semantics.answer(found, ask("http://a.com/")).kind == "forward"


def test_what_no_share_reaches_is_not_read() -> None:
    rule = when(1, "", ALL, routeAction=gcp.shares(s=1, cdn=0))
    found = semantics.answer(project(url_map(matcher(rule)), cdn={"enableCDN": True}), ask("http://a.com/"))
    assert gcp.names(found) == ["s"]


def test_values_that_agree_are_not_refused() -> None:
    """Several values under one name, all of them meeting (or none): every reading says the same."""
    match = {**ALL, "headerMatches": [header("x", prefixMatch="a")], "queryParameterMatches": []}
    found = one(when(1, "s", match))
    assert gcp.names(semantics.answer(found, ask("http://a.com/", ("x", "a1"), ("x", "a2")))) == ["s"]
    assert gcp.names(semantics.answer(found, ask("http://a.com/", ("x", "b"), ("x", "c")))) == ["rest"]
