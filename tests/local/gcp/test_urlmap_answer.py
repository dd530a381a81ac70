"""What a URL map answers: hosts, paths, priorities, matches, redirects, rewrites; a row per documented sentence."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import schema, urlmap_answer, urlmap_patterns, urlmaps

from . import urlmap_samples as samples
from .urlmap_samples import Json, Surroundings, changed, home, put

MATCH = "pathMatchers[0].routeRules[0].matchRules[0]"


def ask(document: Json, path: str, host: str = "h.example", **more: object) -> urlmap_answer.Answer:
    headers = more.pop("headers", {})
    assert isinstance(headers, dict)
    request = urlmap_answer.Request(host=host, path=path, headers=tuple(headers.items()), **more)  # type: ignore[arg-type]
    return urlmap_answer.answer(document, request)


def hosts(*patterns: str) -> Json:
    """Each pattern has a matcher of its own, called after its place."""
    return {
        "defaultService": "none",
        "hostRules": [{"hosts": [one], "pathMatcher": f"m{index}"} for index, one in enumerate(patterns)],
        "pathMatchers": [{"name": f"m{index}", "defaultService": one} for index, one in enumerate(patterns)],
    }


def service(answer: urlmap_answer.Answer) -> str:
    [(link, _)] = answer.services
    return link


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("a.example", "a.example"),
        ("A.EXAMPLE", "a.example"),
        ("a.example:80", "a.example"),
        ("a.example:8080", "a.example:8080"),
        ("a.example:9090", "*"),
        ("b.example", "*.example"),
        ("c.b.example", "*.example"),
        ("x.deep.example", "*.deep.example"),
        ("y-dash.example", "*-dash.example"),
        ("example", "*"),
        (".example", "*.example"),
        ("b.example:8080", "*"),
        ("other.org", "*"),
    ],
)
def test_the_most_specific_host_pattern_decides(host: str, wanted: str) -> None:
    patterns = ("*", "*.example", "*.deep.example", "*-dash.example", "a.example", "a.example:8080")
    assert service(ask(hosts(*patterns), "/", host)) == wanted
    assert service(ask(hosts(*reversed(patterns)), "/", host)) == wanted


def test_without_a_fitting_host_rule_the_map_decides() -> None:
    assert service(ask(hosts("a.example"), "/", "b.example")) == "none"
    assert service(ask(hosts("a.example"), "/", "a.example:443", scheme="https")) == "a.example"
    assert service(ask(hosts("a.example"), "/", "a.example:443")) == "none"


def paths(*patterns: str) -> Json:
    rules = [{"paths": [one], "service": one} for one in patterns]
    return {
        "defaultService": "none",
        "hostRules": [{"hosts": ["*"], "pathMatcher": "m"}],
        "pathMatchers": [{"name": "m", "defaultService": "default", "pathRules": rules}],
    }


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/a", "/a"),
        ("/a/", "/a/*"),
        ("/a/b", "/a/*"),
        ("/a/b/c/d", "/a/b/c/*"),
        ("/a/b/", "/a/*"),
        ("/ab", "default"),
        ("/", "default"),
        ("/a?b=/a/b", "/a"),
        ("/a#x", "/a"),
        ("/%61", "/a"),
        ("/a%2Fb", "default"),
        ("/x/", "/x/"),
        ("/x/y", "/x/*"),
    ],
)
def test_the_longest_path_decides(path: str, wanted: str) -> None:
    patterns = ("/a/*", "/a", "/a/b/c/*", "/x/*", "/x/")
    assert service(ask(paths(*patterns), path)) == wanted
    assert service(ask(paths(*reversed(patterns)), path)) == wanted


def route(match: Json, **action: object) -> Json:
    rule = {"priority": 5, "matchRules": [match], **(action or {"service": "yes"})}
    return {
        "defaultService": "none",
        "hostRules": [{"hosts": ["*"], "pathMatcher": "m"}],
        "pathMatchers": [{"name": "m", "defaultService": "no", "routeRules": [rule]}],
    }


@pytest.mark.parametrize(
    ("match", "path", "wanted"),
    [
        ({"prefixMatch": "/foo"}, "/foobar", "yes"),
        ({"prefixMatch": "/foo"}, "/fo", "no"),
        ({"prefixMatch": "/foo/*"}, "/foo/bar", "no"),
        ({"prefixMatch": "/FOO", "ignoreCase": True}, "/foo/a", "yes"),
        ({"prefixMatch": "/FOO"}, "/foo/a", "no"),
        ({"fullPathMatch": "/foo"}, "/foo?a", "yes"),
        ({"fullPathMatch": "/foo"}, "/foo/", "no"),
        ({"fullPathMatch": "/Foo", "ignoreCase": True}, "/fOO", "yes"),
        ({"regexMatch": "/[0-9]+"}, "/12", "yes"),
        ({"regexMatch": "/[0-9]+"}, "/12/a", "no"),
        ({"pathTemplateMatch": "/{a}/x/{b=**}"}, "/1/x/2/3", "yes"),
        ({"pathTemplateMatch": "/{a}/x/{b=**}"}, "/1/2/x/3", "no"),
        ({"pathTemplateMatch": "/*"}, "/a/b", "no"),
        ({"pathTemplateMatch": "/**"}, "/a/b", "yes"),
    ],
)
def test_a_path_form_matches(match: Json, path: str, wanted: str) -> None:
    assert service(ask(route(match), path)) == wanted


@pytest.mark.parametrize(
    ("header", "given", "wanted"),
    [
        ({"exactMatch": "a"}, {"x": "a"}, True),
        ({"exactMatch": "a"}, {"X": "a"}, True),
        ({"exactMatch": "a"}, {"x": "ab"}, False),
        ({"exactMatch": "a"}, {}, False),
        ({"prefixMatch": "a"}, {"x": "ab"}, True),
        ({"suffixMatch": "b"}, {"x": "ab"}, True),
        ({"suffixMatch": "a"}, {"x": "ab"}, False),
        ({"regexMatch": "a|b"}, {"x": "b"}, True),
        ({"regexMatch": "a|b"}, {"x": "ab"}, False),
        ({"presentMatch": True}, {"x": ""}, True),
        ({"presentMatch": True}, {"y": "1"}, False),
        ({"presentMatch": True, "invertMatch": True}, {"y": "1"}, True),
        ({"exactMatch": "a", "invertMatch": True}, {"x": "a"}, False),
        ({"rangeMatch": {"rangeStart": "-5", "rangeEnd": "0"}}, {"x": "-3"}, True),
        ({"rangeMatch": {"rangeStart": "-5", "rangeEnd": "0"}}, {"x": "0"}, False),
        ({"rangeMatch": {"rangeStart": "-5", "rangeEnd": "0"}}, {"x": "0.25"}, False),
        ({"rangeMatch": {"rangeStart": "-5", "rangeEnd": "0"}}, {"x": "-3someString"}, False),
    ],
)
def test_a_header_match_matches(header: Json, given: dict[str, str], wanted: bool) -> None:
    document = route({"prefixMatch": "/", "headerMatches": [{"headerName": "x"} | header]})
    assert (service(ask(document, "/", headers=given)) == "yes") is wanted


def test_method_and_authority_are_headers() -> None:
    document = route({"prefixMatch": "/", "headerMatches": [{"headerName": ":method", "exactMatch": "POST"}]})
    assert service(ask(document, "/", method="POST")) == "yes"
    assert service(ask(document, "/")) == "no"
    document = route({"prefixMatch": "/", "headerMatches": [{"headerName": ":authority", "suffixMatch": "example"}]})
    assert service(ask(document, "/")) == "yes"


@pytest.mark.parametrize(
    ("query", "path", "wanted"),
    [
        ({"exactMatch": "1"}, "/?q=1", True),
        ({"exactMatch": "1"}, "/?q=2", False),
        ({"exactMatch": "1"}, "/", False),
        ({"presentMatch": True}, "/?q", True),
        ({"presentMatch": True}, "/?p", False),
        ({"regexMatch": "[0-9]+"}, "/?p=1&q=42", True),
        ({"regexMatch": "[0-9]+"}, "/?q=4x", False),
    ],
)
def test_a_query_match_matches(query: Json, path: str, wanted: bool) -> None:
    document = route({"prefixMatch": "/", "queryParameterMatches": [{"name": "q"} | query]})
    assert (service(ask(document, path)) == "yes") is wanted


def test_all_predicates_of_one_match_rule_and_one_of_several() -> None:
    first = {
        "prefixMatch": "/a",
        "headerMatches": [{"headerName": "x", "presentMatch": True}],
        "queryParameterMatches": [{"name": "q", "presentMatch": True}],
    }
    document = changed(route(first), put("pathMatchers[0].routeRules[0].matchRules", [first, {"prefixMatch": "/b"}]))
    assert service(ask(document, "/a?q", headers={"x": "1"})) == "yes"
    assert service(ask(document, "/a?q")) == "no"
    assert service(ask(document, "/a", headers={"x": "1"})) == "no"
    assert service(ask(document, "/b")) == "yes"


def test_the_lowest_priority_number_decides_wherever_it_stands() -> None:
    document = route({"prefixMatch": "/"})
    rules = document["pathMatchers"][0]["routeRules"]
    rules.append({"priority": 0, "matchRules": [{"prefixMatch": "/a"}], "service": "first"})
    assert service(ask(document, "/a")) == "first"
    assert service(ask(document, "/b")) == "yes"


@pytest.mark.parametrize(
    ("match", "rewrite", "path", "wanted"),
    [
        ({"prefixMatch": "/a/"}, {"pathPrefixRewrite": "/b/"}, "/a/c?d", "http://h.example/b/c?d"),
        ({"prefixMatch": "/"}, {"pathPrefixRewrite": "/b/"}, "/c", "http://h.example/b/c"),
        ({"fullPathMatch": "/a"}, {"pathPrefixRewrite": "/b"}, "/a", "http://h.example/b"),
        ({"prefixMatch": "/a"}, {"hostRewrite": "x.example"}, "/a", "http://x.example/a"),
        (
            {"pathTemplateMatch": "/{a}/{b=**}"},
            {"pathTemplateRewrite": "/{b}-{a}/"},
            "/1/2/3",
            "http://h.example/2/3-1/",
        ),
        (
            {"prefixMatch": "/"},
            {"regexRewrite": {"pathPattern": "^/v([0-9])/", "pathSubstitution": r"/\1/"}},
            "/v1/a",
            "http://h.example/1/a",
        ),
    ],
)
def test_a_rewrite_is_what_a_backend_sees(match: Json, rewrite: Json, path: str, wanted: str) -> None:
    document = route(match, service="yes", routeAction={"urlRewrite": rewrite})
    assert ask(document, path).url == wanted


@pytest.mark.parametrize(
    ("redirect", "path", "wanted"),
    [
        ({}, "/a/b?c", (301, "http://h.example:8080/a/b?c")),
        ({"redirectResponseCode": "FOUND", "stripQuery": True}, "/a/b?c", (302, "http://h.example:8080/a/b")),
        ({"redirectResponseCode": "SEE_OTHER", "pathRedirect": "/x"}, "/a/b", (303, "http://h.example:8080/x")),
        ({"redirectResponseCode": "TEMPORARY_REDIRECT", "prefixRedirect": "/x/"}, "/a/b", (307, ":8080/x/b")),
        ({"redirectResponseCode": "PERMANENT_REDIRECT", "hostRedirect": "x.example"}, "/a/", (308, "//x.example/a/")),
        ({"httpsRedirect": True}, "/a/b?c", (301, "https://h.example/a/b?c")),
    ],
)
def test_a_redirect_says_where_to(redirect: Json, path: str, wanted: tuple[int, str]) -> None:
    answer = ask(route({"prefixMatch": "/a/"}, urlRedirect=redirect), path, "h.example:8080")
    assert answer.code == wanted[0]
    assert answer.url.endswith(wanted[1])
    assert answer.services == ()


def test_weights_of_zero_get_nothing() -> None:
    parts = [{"backendService": name, "weight": weight} for name, weight in (("a", 3), ("b", 0), ("c", 1))]
    document = route({"prefixMatch": "/"}, routeAction={"weightedBackendServices": parts})
    assert ask(document, "/").services == (("a", 3), ("c", 1))


def test_a_good_map_of_everything_is_answered_at_every_choice() -> None:
    stored = urlmaps.accept(schema.take("UrlMap", samples.whole()), home("whole"), None, Surroundings())
    found = {
        path: ask(stored, path, "shop.example").at for path in ("/cart/1", "/v1/a/b", "/r/x", "/R/x", "/old", "/else")
    }
    rules = "resource.pathMatchers[0].routeRules"
    assert found == {
        "/cart/1": f"{rules}[1]",
        "/v1/a/b": f"{rules}[2]",
        "/r/x": f"{rules}[3]",
        "/R/x": f"{rules}[3]",
        "/old": f"{rules}[0]",
        "/else": "resource.pathMatchers[0]",
    }


@pytest.mark.parametrize(
    ("text", "path", "variables"),
    [
        ("/a", "/a", {}),
        ("/{x}", "/a", {"x": "a"}),
        ("/{x=*}", "/a/b", None),
        ("/{x=**}", "/a/b", {"x": "a/b"}),
        ("/{x=**}", "/", {"x": ""}),
        ("/{x=videos/*}/end", "/videos/1/end", {"x": "videos/1"}),
        ("/{file}.js", "/main.js", {"file": "main"}),
        ("/{file}.js", "/mainXjs", None),
        ("/**.mpd", "/a/b/c.mpd", {}),
        ("/*/*", "/a/", None),
    ],
)
def test_a_template_catches(text: str, path: str, variables: dict[str, str] | None) -> None:
    assert urlmap_patterns.template(text).match(path) == variables


def test_operators_are_variables_and_wildcards_outside_of_them() -> None:
    assert urlmap_patterns.template("/{a=x/*}/*/{b}/**").operators == 4


@pytest.mark.parametrize(
    ("substitution", "wanted"),
    [(r"\1-\2", "/b-c"), (r"\g<2>0\1>", "/c0b>"), (r"\\1", r"/\1"), (r"<\0>", "/<abc>"), ("x", "/x")],
)
def test_a_substitution_names_groups(substitution: str, wanted: str) -> None:
    assert urlmap_patterns.substitute("a(b)(c)", substitution, "/abc") == wanted
