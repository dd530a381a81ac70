"""Requests and answers as Google's documents tell them; the document is the first column.

A bare document tells the example itself: its objects, its request, its answer. Behind a colon stand the words or the
heading that tell the rule; where the document gives no request for it, the request is ours. Documents lie below
cloud.google.com/load-balancing/docs/; `urlMaps` is the resource's reference, cloud.google.com/compute/docs/reference/
rest/v1/urlMaps. An outcome is what `outcome` of the samples writes: backend services with their weights, and what they
see where that is not what the client sent; a status and its Location.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_gcp import semantics
from tests.unit.gcp import semantics_samples as gcp

ask, bs, header, matcher, one, path, project, url_map, when = (
    gcp.ask,
    gcp.bs,
    gcp.header,
    gcp.matcher,
    gcp.one,
    gcp.path,
    gcp.project,
    gcp.url_map,
    gcp.when,
)

CONCEPTS = "url-map-concepts"
MAPS = "urlMaps"
TRAFFIC = "https/setting-up-global-traffic-mgmt"
REWRITE = "https/setting-up-url-rewrite"
HEADERS = "https/setting-up-query-and-header-routing"
CLASSIC = "https/traffic-management"


# url-map-concepts, "Example URL map workflow": video-org-url-map, with the host rule that its commands make
VIDEO = project(
    url_map(
        matcher(
            path("video-hd", "/video/hd", "/video/hd/*"),
            path("video-sd", "/video/sd", "/video/sd/*"),
            name="video",
            default="video-site",
        ),
        hosts={"video": ["example.net"]},
        defaultService=bs("org-site"),
    )
)
TESTED = one(path("tested", "/video/*"))
EXACT = one(path("wide", "/video/hd/*"), path("movie", "/video/hd/movie1"))
LONGEST = one(path("short", "/a/b/*"), path("long", "/a/b/c/*"))
EVERY_HOST = project(url_map(matcher(default="every")))
NEWS = project(url_map(matcher(default="part"), hosts={"m": ["*.example.net"]}))
PORTS = project(
    url_map(
        matcher(name="plain", default="plain"),
        matcher(name="high", default="high"),
        hosts={"plain": ["example.net"], "high": ["example.net:8080"]},
    )
)
BOTH_HOSTS = project(
    url_map(
        matcher(name="any", default="any"),
        matcher(name="net", default="net"),
        hosts={"any": ["*"], "net": ["example.net"]},
    )
)
DASHED = project(url_map(matcher(default="www"), hosts={"m": ["*-foo.example.com", "example.com"]}))
SIMPLEST = project({"defaultService": bs("only")})

# url-map-concepts, "Regular expressions matchers in host and route rules", examples 1 to 3
REGEX_PATH = gcp.regional(
    when(100000, "", {"regexMatch": "/videos/hd.*"}, routeAction=gcp.shares(**{"video-hd": 100})), default="video-site"
)
ANDROID = {"headerMatches": [header("User-Agent", regexMatch=".*Android.*-hd")]}
REGEX_HEADER = gcp.regional(when(1, "video", {**ANDROID, "prefixMatch": "/video/"}))
REGEX_HEADER_ALONE = gcp.regional(when(1, "video", ANDROID, {"prefixMatch": "/video/"}))
PARAM = {"queryParameterMatches": [{"name": "param1", "regexMatch": "param_value_.*-hd"}]}
REGEX_QUERY = gcp.regional(when(1, "images", {**PARAM, "regexMatch": "/im.*/.*.html"}))

# url-map-concepts, "Wildcards and pattern matching operators in path templates for route rules"
USERS = "/xyzwebservices/v2/xyz/users"
CART = "/{username}-{cartid}/"
CARTS = one(
    when(
        1,
        "cart-backend",
        {"pathTemplateMatch": f"{USERS}/{{username=*}}/carts/{{cartid=**}}"},
        routeAction={"urlRewrite": {"pathTemplateRewrite": CART}},
    ),
    when(2, "user-backend", {"pathTemplateMatch": f"{USERS}/*/accountinfo/*"}),
)
ENTRIES = "http://a.com/xyzwebservices/v2/xyz/users/abc@xyz.com/carts/FL0001090004/entries/SJFI38u3401nms"
CART_QUERY = "fields=FULL&client_type=WEB"


def by_header(name: str, invert: bool | None = None, **kind: Any) -> gcp.Json:
    return gcp.matching(prefixMatch="/", headerMatches=[header(name, invert, **kind)])


def by_query(name: str, **kind: Any) -> gcp.Json:
    return gcp.matching(prefixMatch="/", queryParameterMatches=[{"name": name, **kind}])


RANGE = by_header("Version", rangeMatch={"rangeStart": "-5", "rangeEnd": "0"})
NUMBERED = one(when(9, "last", {"prefixMatch": "/"}), when(1, "first", {"fullPathMatch": "/a"}))
AB_QUERY = one(
    when(1, "second", {"prefixMatch": "/", "queryParameterMatches": [{"name": "ABTest", "exactMatch": "B"}]}),
    when(2, "first", {"prefixMatch": "/", "queryParameterMatches": [{"name": "ABTest", "exactMatch": "A"}]}),
)
AB_HEADER = one(
    when(1, "second", {"prefixMatch": "/", "headerMatches": [header("ABTest", exactMatch="B")]}),
    when(2, "first", {"prefixMatch": "/", "headerMatches": [header("ABTest", exactMatch="A")]}),
)
SPLIT = one(when(1, "", {"prefixMatch": "/"}, routeAction=gcp.shares(one=95, two=5)))
NEW_URL = {"urlRewrite": {"hostRewrite": "new-host-name.com", "pathPrefixRewrite": "/new-path/"}}
DOGS = one(path("dogs", "/*", routeAction={"urlRewrite": {"pathPrefixRewrite": "/love-to-fetch/"}}), default="cats")
OTHER_PATH = one(when(1, "s", {"prefixMatch": "/path1"}, routeAction={"urlRewrite": {"pathPrefixRewrite": "/path2"}}))
COLD = {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}}}
WWW: dict[str, Any] = {"httpsRedirect": True, "hostRedirect": "www.example.com"}
TWICE = when(
    1, "met", {"fullPathMatch": "/a"}, {"fullPathMatch": "/b", "headerMatches": [header("x", presentMatch=True)]}
)
A, B = ("ABTest", "A"), ("ABTest", "B")

# https/traffic-management: ext-https-map, and the figures on rewrites and redirects
EXT = project(
    url_map(matcher(path("video", "/video", "/video/*"), name="pathmap", default="web"), defaultService=bs("web"))
)
SNAPSHOT = {"urlRewrite": {"hostRewrite": "www.myorigin.com", "pathPrefixRewrite": "/august_snapshot/"}}
ORIGIN = one(path("origin", "/static/*", routeAction=SNAPSHOT))
FOUR = one(when(25, "late", {"prefixMatch": "/"}), when(4, "early", {"prefixMatch": "/"}))
TWO_PREFIXES = one(
    when(
        1,
        "s",
        {"prefixMatch": "/a/"},
        {"prefixMatch": "/"},
        routeAction={"urlRewrite": {"pathPrefixRewrite": "/x/"}},
    )
)

TOLD: list[tuple[str, gcp.Json, semantics.Request, str]] = [
    # hosts
    (CONCEPTS, VIDEO, ask("http://example.org/video/hd"), "org-site"),
    (CONCEPTS, VIDEO, ask("http://any.example/"), "org-site"),
    (f"{CONCEPTS}: `*` matches all", EVERY_HOST, ask("http://example.org"), "every"),
    (f"{CONCEPTS}: `*` matches all", EVERY_HOST, ask("http://example.net/video/hd"), "every"),
    (f"{CONCEPTS}: `*` matches all", EVERY_HOST, ask("http://example.com/audio"), "every"),
    (f"{CONCEPTS}: a partial hostname", NEWS, ask("http://news.example.net/"), "part"),
    (f"{CONCEPTS}: a partial hostname", NEWS, ask("http://finance.example.net/"), "part"),
    (f"{MAPS}: * is followed by - or .", NEWS, ask("http://example.net/"), "map"),
    (f"{MAPS}: [a-z0-9-.]*", NEWS, ask("http://a.b.example.net/"), "part"),
    (f"{MAPS}: [a-z0-9-.]*", NEWS, ask("http://a_b.example.net/"), "map"),
    (f"{CONCEPTS}: Port number", PORTS, ask("http://example.net:8080/"), "high"),
    (f"{CONCEPTS}: Port number", PORTS, ask("http://example.net/"), "plain"),
    (f"{CONCEPTS}: exactly matched, or by a pattern", BOTH_HOSTS, ask("http://example.net/"), "net"),
    (f"{CONCEPTS}: exactly matched, or by a pattern", BOTH_HOSTS, ask("http://example.org/"), "any"),
    ("sdk/gcloud/.../add-host-rule", DASHED, ask("http://a-foo.example.com/"), "www"),
    ("sdk/gcloud/.../add-host-rule", DASHED, ask("http://example.com/"), "www"),
    (f"{CONCEPTS}: Simplest URL map", SIMPLEST, ask("http://any.example/any"), "only"),
    (f"{CONCEPTS}: the same map for HTTP and HTTPS", VIDEO, ask("https://example.net/video/hd"), "video-hd"),
    # path rules
    (CONCEPTS, VIDEO, ask("http://example.net/video"), "video-site"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/examples"), "video-site"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/hd"), "video-hd"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/hd/movie1"), "video-hd"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/hd/movies/movie2"), "video-hd"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/sd"), "video-sd"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/sd/show1"), "video-sd"),
    (CONCEPTS, VIDEO, ask("http://example.net/video/sd/shows/show2"), "video-sd"),
    (f"{CONCEPTS}: How URL maps work", TESTED, ask("http://a.com/video/test1"), "tested"),
    (f"{CONCEPTS}: How URL maps work", TESTED, ask("http://a.com/video/test2"), "tested"),
    (f"{CONCEPTS}: How URL maps work", TESTED, ask("http://a.com/video"), "rest"),
    (f"{CONCEPTS}: How URL maps work", TESTED, ask("http://example.net/video/../abc"), "302 http://example.net/abc"),
    (f"{CONCEPTS}: Order of operations", EXACT, ask("http://a.com/video/hd/movie1"), "movie"),
    (f"{CONCEPTS}: Order of operations", EXACT, ask("http://a.com/video/hd/movie2"), "wide"),
    (f"{MAPS}: longest path first", LONGEST, ask("http://a.com/a/b/c/d"), "long"),
    (f"{MAPS}: longest path first", LONGEST, ask("http://a.com/a/b/d"), "short"),
    (f"{CONCEPTS}: no substrings", VIDEO, ask("http://example.net/video/hd-abcd"), "video-site"),
    (f"{CONCEPTS}: no substrings", TESTED, ask("http://a.com/video/hd-abcd"), "tested"),
    (f"{MAPS}: nothing after ? counts", TESTED, ask("http://a.com/video?/video/x"), "rest"),
    # route rules: paths
    (f"{CONCEPTS}: Example #1", REGEX_PATH, ask("http://a.com/videos/hd-abcd?key=245"), "video-hd"),
    (f"{CONCEPTS}: Example #1", REGEX_PATH, ask("http://a.com/videos/hd"), "video-hd"),
    (f"{CONCEPTS}: Example #1", REGEX_PATH, ask("http://a.com/videos/hd-caching"), "video-hd"),
    (f"{CONCEPTS}: Example #1", REGEX_PATH, ask("http://a.com/videos/sd"), "video-site"),
    (f"{CONCEPTS}: * is literal", gcp.matching(prefixMatch="/videos*"), ask("http://a.com/videos/x"), "rest"),
    (f"{CONCEPTS}: * is literal", gcp.matching(prefixMatch="/videos*"), ask("http://a.com/videos*x"), "met"),
    (f"{MAPS}: begins with prefixMatch", gcp.matching(prefixMatch="/foo"), ask("http://a.com/foobar"), "met"),
    (f"{MAPS}: fullPathMatch", gcp.matching(fullPathMatch="/a"), ask("http://a.com/a?b"), "met"),
    (f"{MAPS}: fullPathMatch", gcp.matching(fullPathMatch="/a"), ask("http://a.com/a/b"), "rest"),
    (f"{MAPS}: ignoreCase", gcp.matching(fullPathMatch="/A"), ask("http://a.com/a"), "rest"),
    (f"{MAPS}: lowest priority number first", NUMBERED, ask("http://a.com/a"), "first"),
    (f"{MAPS}: lowest priority number first", NUMBERED, ask("http://a.com/b"), "last"),
    # route rules: path templates
    (CONCEPTS, CARTS, ask(f"http://a.com{USERS}/abc%40xyz.com/accountinfo/abc-1234"), "user-backend"),
    (f"{CONCEPTS}: not the surrounding /", CARTS, ask(f"http://a.com{USERS}/a/b/accountinfo/c"), "rest"),
    (f"{CONCEPTS}: *", gcp.template("/*/b"), ask("http://a.com/a/b"), "met"),
    (f"{CONCEPTS}: %2F is not decoded", gcp.template("/a/*"), ask("http://a.com/a/b%2Fc"), "met"),
    (f"{CONCEPTS}: **", gcp.template("/a/**"), ask("http://a.com/a/"), "met"),
    (f"{CONCEPTS}: **", gcp.template("/a/**"), ask("http://a.com/a/b/c"), "met"),
    (f"{CONCEPTS}: {{name}}", gcp.template("/a/{x}"), ask("http://a.com/a/b"), "met"),
    (f"{CONCEPTS}: {{name=news/*}}", gcp.template("/{x=news/*}"), ask("http://a.com/news/1"), "met"),
    (f"{CONCEPTS}: {{name=news/*}}", gcp.template("/{x=news/*}"), ask("http://a.com/old/1"), "rest"),
    (f"{CONCEPTS}: {{name=*/news/*}}", gcp.template("/{x=*/news/*}"), ask("http://a.com/a/news/b"), "met"),
    (f"{CONCEPTS}: {{name=*/news/*}}", gcp.template("/{x=*/news/*}"), ask("http://a.com/a/news"), "rest"),
    (f"{CONCEPTS}: file extensions", gcp.template("/v/*.m4s"), ask("http://a.com/v/x.m4s"), "met"),
    # route rules: headers and queries
    (
        f"{CONCEPTS}: Example #2",
        REGEX_HEADER,
        ask("http://a.com/video/", ("User-Agent", "123Androidabc-hd")),
        "video",
    ),
    (f"{CONCEPTS}: Example #2", REGEX_HEADER, ask("http://a.com/", ("User-Agent", "123Androidabc-hd")), "rest"),
    (f"{CONCEPTS}: Example #2", REGEX_HEADER, ask("http://a.com/video/"), "rest"),
    (
        f"{CONCEPTS}: Example #2, as written",
        REGEX_HEADER_ALONE,
        ask("http://a.com/", ("User-Agent", "123Androidabc-hd")),
        "video",
    ),
    (
        f"{CONCEPTS}: Example #3",
        REGEX_QUERY,
        ask("http://a.com/images/random_page.html?param1=param_value_123abc-hd"),
        "images",
    ),
    (f"{CONCEPTS}: Example #3", REGEX_QUERY, ask("http://a.com/images/random_page.html"), "rest"),
    (HEADERS, AB_QUERY, ask("http://a.com/?ABTest=A"), "first"),
    (HEADERS, AB_QUERY, ask("http://a.com/?ABTest=B"), "second"),
    (HEADERS, AB_HEADER, ask("http://a.com/", A), "first"),
    (HEADERS, AB_HEADER, ask("http://a.com/", B), "second"),
    (f"{MAPS}: range [-5, 0]", RANGE, ask("http://a.com/", ("version", "-3")), "met"),
    (f"{MAPS}: range [-5, 0]", RANGE, ask("http://a.com/", ("version", "0")), "rest"),
    (f"{MAPS}: range [-5, 0]", RANGE, ask("http://a.com/", ("version", "0.25")), "rest"),
    (f"{MAPS}: range [-5, 0]", RANGE, ask("http://a.com/", ("version", "-3someString")), "rest"),
    (f"{MAPS}: range, empty", RANGE, ask("http://a.com/", ("version", "")), "rest"),
    (f"{MAPS}: :method", by_header(":method", exactMatch="PUT"), ask("http://a.com/", method="PUT"), "met"),
    (f"{MAPS}: :method", by_header(":method", exactMatch="PUT"), ask("http://a.com/"), "rest"),
    (f"{MAPS}: :authority", by_header(":authority", exactMatch="a.com"), ask("http://a.com/"), "met"),
    (f"{MAPS}: invertMatch", by_header("x", True, exactMatch="1"), ask("http://a.com/", ("x", "1")), "rest"),
    (f"{MAPS}: invertMatch", by_header("x", True, exactMatch="1"), ask("http://a.com/", ("x", "2")), "met"),
    (f"{MAPS}: invertMatch", by_header("x", True, exactMatch="1"), ask("http://a.com/"), "met"),
    (f"{MAPS}: presentMatch", by_header("x", presentMatch=True), ask("http://a.com/", ("X", "")), "met"),
    (f"{MAPS}: presentMatch", by_header("x", presentMatch=True), ask("http://a.com/"), "rest"),
    (f"{MAPS}: prefixMatch", by_header("x", prefixMatch="ab"), ask("http://a.com/", ("x", "abc")), "met"),
    (f"{MAPS}: suffixMatch", by_header("x", suffixMatch="bc"), ask("http://a.com/", ("x", "abc")), "met"),
    (f"{MAPS}: suffixMatch", by_header("x", suffixMatch="ab"), ask("http://a.com/", ("x", "abc")), "rest"),
    (f"{MAPS}: query presentMatch", by_query("q", presentMatch=True), ask("http://a.com/?q"), "met"),
    (f"{MAPS}: query presentMatch", by_query("q", presentMatch=True), ask("http://a.com/?r=q"), "rest"),
    (f"{MAPS}: query exactMatch", by_query("q", exactMatch="1"), ask("http://a.com/?a=2&q=1"), "met"),
    (f"{MAPS}: the parameter must exist", by_query("q", exactMatch=""), ask("http://a.com/"), "rest"),
    (f"{MAPS}: OR of match rules", one(TWICE), ask("http://a.com/a"), "met"),
    (f"{MAPS}: AND in a match rule", one(TWICE), ask("http://a.com/b"), "rest"),
    (f"{MAPS}: AND in a match rule", one(TWICE), ask("http://a.com/b", ("x", "1")), "met"),
    # actions
    (TRAFFIC, SPLIT, ask("http://a.com/x"), "one=95 two=5"),
    (
        TRAFFIC,
        one(when(1, "s", {"prefixMatch": "/old/"}, routeAction=NEW_URL)),
        ask("http://a.com/old/x?y"),
        "s sees new-host-name.com/new-path/x?y",
    ),
    (REWRITE, DOGS, ask("http://a.com/two-dogs.jpg"), "dogs sees a.com/love-to-fetch/two-dogs.jpg"),
    (REWRITE, OTHER_PATH, ask("http://host.name/path1/resource1"), "s sees host.name/path2/resource1"),
    (
        f"{CONCEPTS} (which loses the last slash of the field)",
        CARTS,
        ask(f"{ENTRIES}?{CART_QUERY}"),
        f"cart-backend sees a.com/abc@xyz.com-FL0001090004/entries/SJFI38u3401nms/?{CART_QUERY}",
    ),
    (
        f"{MAPS}: pathTemplateRewrite",
        gcp.template("/static/{format=**}", "/static/content/{format}"),
        ask("http://a.com/static/x/y"),
        "met sees a.com/static/content/x/y",
    ),
    (
        f"{MAPS}: pathTemplateRewrite",
        gcp.template("/{country}/{format}/{suffix=**}", "/content/{format}/{country}/{suffix}"),
        ask("http://a.com/c/f/s/t"),
        "met sees a.com/content/f/c/s/t",
    ),
    (
        f"{MAPS}: variables may be omitted",
        gcp.template("/a/{x=**}", "/b"),
        ask("http://a.com/a/c?d"),
        "met sees a.com/b?d",
    ),
    (f"{MAPS}: abort of all", project(url_map(defaultRouteAction=COLD)), ask("http://a.com/"), "404"),
    (f"{MAPS}: abort of all", one(defaultRouteAction=COLD), ask("http://a.com/"), "404"),
    (CLASSIC, EXT, ask("http://a.com/video"), "video"),
    (CLASSIC, EXT, ask("http://a.com/video/x"), "video"),
    (CLASSIC, EXT, ask("http://a.com/any"), "web"),
    (CLASSIC, EXT, ask("http://10.1.2.9/video/hd", host="example.com"), "video"),
    (
        CLASSIC,
        ORIGIN,
        ask("http://www.mydomain.com/static/images/someimage.jpg"),
        "origin sees www.myorigin.com/august_snapshot/images/someimage.jpg",
    ),
    (CLASSIC, AB_QUERY, ask("http://test.mydomain.com?ABTest=A"), "first"),
    (CLASSIC, AB_QUERY, ask("http://test.mydomain.com?ABTest=B"), "second"),
    (CLASSIC, FOUR, ask("http://a.com/"), "early"),
    (f"{CLASSIC}: the first match rule ends the search", TWO_PREFIXES, ask("http://a.com/a/b"), "s sees a.com/x/b"),
    (f"{CLASSIC}: the first match rule ends the search", TWO_PREFIXES, ask("http://a.com/c/b"), "s sees a.com/x/c/b"),
    (
        CLASSIC,
        gcp.redirects(httpsRedirect=True, redirectResponseCode="FOUND"),
        ask("http://example.com/img1"),
        "302 https://example.com/img1",
    ),
    # redirects
    (CONCEPTS, gcp.redirects(httpsRedirect=True), ask("http://host.name/path"), "301 https://host.name/path"),
    (CONCEPTS, gcp.redirects(**WWW), ask("http://any-host-name/path"), "301 https://www.example.com/path"),
    (
        CONCEPTS,
        gcp.redirects(**WWW, pathRedirect="/newPath"),
        ask("http://any-host-name/path"),
        "301 https://www.example.com/newPath",
    ),
    (
        CONCEPTS,
        gcp.redirects(**WWW, prefixRedirect="/newPrefix"),
        ask("http://any-host-name/originalPath"),
        "301 https://www.example.com/newPrefix/originalPath",
    ),
    (
        f"{CONCEPTS}: a matcher's default",
        gcp.redirects("matcher", hostRedirect="n.com"),
        ask("http://o.com/x?y"),
        "301 http://n.com/x?y",
    ),
    (
        f"{CONCEPTS}: prefix replacement, by route rule",
        gcp.redirects("/old/", prefixRedirect="/new/"),
        ask("http://a.com/old/x"),
        "301 http://a.com/new/x",
    ),
    (
        f"{CONCEPTS}: prefix replacement, by path rule",
        gcp.redirects("/old/*", prefixRedirect="/new/"),
        ask("http://a.com/old/x"),
        "301 http://a.com/new/x",
    ),
    (
        TRAFFIC,
        gcp.redirects(
            hostRedirect="h.com", pathRedirect="/p", redirectResponseCode="MOVED_PERMANENTLY_DEFAULT", stripQuery=True
        ),
        ask("http://a.com/x?y"),
        "301 http://h.com/p",
    ),
    (
        f"{MAPS}: the scheme stays",
        gcp.redirects(hostRedirect="n.com"),
        ask("https://a.com/x"),
        "301 https://n.com/x",
    ),
    *[
        (f"{MAPS}: {code}", gcp.redirects(pathRedirect="/n", redirectResponseCode=code), ask("http://a.com/x"), answer)
        for code, answer in [
            ("FOUND", "302 http://a.com/n"),
            ("SEE_OTHER", "303 http://a.com/n"),
            ("TEMPORARY_REDIRECT", "307 http://a.com/n"),
            ("PERMANENT_REDIRECT", "308 http://a.com/n"),
        ]
    ],
]


@pytest.mark.parametrize(("document", "found", "asked", "wanted"), TOLD)
def test_answers_as_google_tells_them(document: str, found: gcp.Json, asked: semantics.Request, wanted: str) -> None:
    assert gcp.outcome(semantics.answer(found, asked), asked) == wanted, document
