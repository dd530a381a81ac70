"""Rewriting as Microsoft's documents tell it; the page is the first column.

W: learn.microsoft.com/azure/application-gateway/rewrite-http-headers-url; others by name.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_azure import semantics
from tests.unit.azure import semantics_samples as az

Pairs = tuple[tuple[str, str], ...]

FASHION = az.rule(
    "fashion",
    az.when("var_uri_path", "/(.+)/(.+)"),
    urlConfiguration={
        "modifiedPath": "buy.aspx",
        "modifiedQueryString": "category={var_uri_path_1}&product={var_uri_path_2}",
    },
)
ARTICLE = az.rule(
    "article",
    az.when("var_uri_path", ".*article/(.*)/(.*)", ignore_case=True),
    urlConfiguration={
        "modifiedPath": "/article.aspx",
        "modifiedQueryString": "id={var_uri_path_1}&title={var_uri_path_2}",
    },
)
HOST = az.rule(
    "host",
    az.when("var_host", r"(.*)\.agw.example\.com"),
    requestHeaderConfigurations=az.sets(Host="{var_host_1}.apps.example.com"),
)


def category(name: str, path: str, sequence: int) -> az.Json:
    condition = az.when("var_query_string", f"category={name}")
    return az.rule(name, condition, sequence=sequence, urlConfiguration={"modifiedPath": path, "reroute": True})


LISTS = az.document(
    az.listener("l", "contoso.com"),
    az.by_path("l", "m"),
    az.path_map(
        "m",
        {**az.to("GenericList"), **az.rewritten("w")},
        *[az.path_rule(f"p{number}", [f"/listing{number}"], az.to(f"List{number}")) for number in (1, 2, 3)],
    ),
    az.child(
        "rewriteRuleSets",
        "w",
        rewriteRules=[
            category("shoes", "/listing1", 1),
            category("bags", "/listing2", 2),
            category("accessories", "/listing3", 3),
        ],
    ),
)


def ask(host: str = "contoso.com", path: str = "/", query: str = "", headers: Pairs = (), **more: Any) -> Any:
    return semantics.Request(port=80, host=host, path=path, query=query, headers=headers, **more)


def request_header(value: str, *conditions: az.Json) -> az.Json:
    return az.rewriting(az.rule("r", *conditions, requestHeaderConfigurations=az.sets(X=value)))


ASKED = ask("contoso.com:8080", "/article.aspx", "id=123&title=fabrikam", source="192.0.2.1")


@pytest.mark.parametrize(
    ("page", "gateway", "request_", "wanted"),
    [
        (
            "W: /fashion/shirts to /buy.aspx?category=fashion&product=shirts",
            az.rewriting(FASHION),
            ask("www.contoso.com", "/fashion/shirts"),
            {"path": "/buy.aspx", "query": "category=fashion&product=shirts", "host": "www.contoso.com"},
        ),
        ("W: not met", az.rewriting(FASHION), ask(path="/fashion", query="a=b"), {"path": "/fashion", "query": "a=b"}),
        (
            "rewrite-url-portal: contoso.com/article/123/fabrikam",
            az.rewriting(ARTICLE),
            ask(path="/article/123/fabrikam"),
            {"path": "/article.aspx", "query": "id=123&title=fabrikam"},
        ),
        (
            "rewrite-url-portal: not case-sensitive",
            az.rewriting(ARTICLE),
            ask(path="/Article/123/fabrikam"),
            {"path": "/article.aspx"},
        ),
        (
            "W, parameter-based-path-selection-portal: category=any is routed unchanged",
            LISTS,
            ask(path="/listing", query="category=any"),
            {"pool_name": "GenericList", "path": "/listing", "query": "category=any"},
        ),
        (
            "W: a set of the default is not one of the path rules",
            LISTS,
            ask(path="/listing1", query="category=shoes"),
            {"pool_name": "List1", "path": "/listing1"},
        ),
        (
            "MicrosoftDocs/azure-docs#68230: Host",
            az.rewriting(HOST),
            ask("shop.agw.example.com"),
            {"host": "shop.apps.example.com"},
        ),
        ("W: host without port", request_header("{var_host}"), ASKED, {"headers": (("X", "contoso.com"),)}),
        ("W: uri_path", request_header("{var_uri_path}"), ASKED, {"headers": (("X", "/article.aspx"),)}),
        (
            "W: query_string",
            request_header("{var_query_string}"),
            ASKED,
            {"headers": (("X", "id=123&title=fabrikam"),)},
        ),
        (
            "W: request_uri",
            request_header("{var_request_uri}"),
            ASKED,
            {"headers": (("X", "/article.aspx?id=123&title=fabrikam"),)},
        ),
        (
            "W: method, scheme, port, ssl_enabled empty",
            request_header("{var_http_method} {var_request_scheme} {var_server_port}{var_ssl_enabled}"),
            ASKED,
            {"headers": (("X", "GET http 80"),)},
        ),
        (
            "W: X-Forwarded-For without ports",
            az.rewriting(
                az.rule(
                    requestHeaderConfigurations=[
                        {"headerName": "X-Forwarded-For", "headerValue": "{var_add_x_forwarded_for_proxy}"}
                    ]
                )
            ),
            ask(headers=(("X-Forwarded-For", "198.51.100.1"),), source="192.0.2.1"),
            {"headers": (("X-Forwarded-For", "198.51.100.1, 192.0.2.1"),)},
        ),
        (
            "W: request_query, ssl_enabled",
            az.document(
                az.listener("l", port=443, protocol="Https"),
                az.basic("l", {**az.to("p"), **az.rewritten("w")}),
                az.child(
                    "rewriteRuleSets",
                    "w",
                    rewriteRules=[
                        az.rule(requestHeaderConfigurations=az.sets(X="{var_ssl_enabled}?{var_request_query}"))
                    ],
                ),
            ),
            semantics.Request(port=443, scheme="https", host="a", query="b=c"),
            {"headers": (("X", "On?b=c"),)},
        ),
        ("W: the Host header", request_header("{http_req_Host}"), ASKED, {"headers": (("X", "contoso.com:8080"),)}),
        (
            "W, RE2: no back-reference",
            request_header("a", az.when("var_uri_path", r"^/\\\\1?$")),
            ask(),
            {"headers": ()},
        ),
        ("W: client_ip", request_header("{var_client_ip}"), ASKED, {"headers": (("X", "192.0.2.1"),)}),
        (
            "W: a cookie",
            request_header("{var_cookie_a}"),
            ask(headers=(("Cookie", "b=1; a=2"),)),
            {"headers": (("Cookie", "b=1; a=2"), ("X", "2"))},
        ),
        (
            "W: a request header",
            request_header("{http_req_User-Agent}!"),
            ask(headers=(("user-agent", "curl"),)),
            {"headers": (("user-agent", "curl"), ("X", "curl!"))},
        ),
        (
            "W: a capture of a request header",
            request_header("{http_req_User-Agent_1}", az.when("http_req_User-Agent", r"(\d+)\.")),
            ask(headers=(("User-Agent", "curl/8.1"),)),
            {"headers": (("User-Agent", "curl/8.1"), ("X", "8"))},
        ),
        (
            "W: presence of a header",
            request_header("yes", az.when("http_req_A", ".+")),
            ask(headers=(("A", "1"),)),
            {"headers": (("A", "1"), ("X", "yes"))},
        ),
        ("W: absence of a header", request_header("yes", az.when("http_req_A", ".+")), ask(), {"headers": ()}),
        (
            "W: all conditions",
            request_header("yes", az.when("http_req_A", "1"), az.when("var_uri_path", "^/b$")),
            ask(headers=(("A", "1"),)),
            {"headers": (("A", "1"),)},
        ),
        (
            "ApplicationGatewayRewriteRuleCondition: negate",
            request_header("yes", az.when("http_req_A", ".+", negate=True)),
            ask(),
            {"headers": (("X", "yes"),)},
        ),
        (
            "powershell new-azapplicationgatewayrewriteruleheaderconfiguration: without a value it is deleted",
            az.rewriting(az.rule(requestHeaderConfigurations=[{"headerName": "A"}])),
            ask(headers=(("a", "1"), ("B", "2"))),
            {"headers": (("B", "2"),)},
        ),
        (
            "rewrite-http-headers-portal: the lesser number runs first",
            az.rewriting(
                az.rule("b", sequence=200, requestHeaderConfigurations=az.sets(X="last")),
                az.rule("a", sequence=50, requestHeaderConfigurations=az.sets(X="first")),
            ),
            ask(),
            {"headers": (("X", "last"),)},
        ),
        (
            "add-http-header-rewrite-rule-powershell: 100 is the default number",
            az.rewriting(
                az.rule("c", sequence=101, requestHeaderConfigurations=az.sets(X="third")),
                az.rule("b", requestHeaderConfigurations=az.sets(X="second")),
                az.rule("a", sequence=99, requestHeaderConfigurations=az.sets(X="first")),
            ),
            ask(),
            {"headers": (("X", "third"),)},
        ),
    ],
)
def test_documents(page: str, gateway: az.Json, request_: semantics.Request, wanted: dict[str, Any]) -> None:
    found = semantics.answer(gateway, request_)
    assert {name: getattr(found, name) for name in wanted} == wanted, page


LOCATION = az.rule(
    "location",
    az.when("http_resp_Location", r"(https?):\/\/.*azurewebsites\.net(.*)$", ignore_case=True),
    responseHeaderConfigurations=az.sets(Location="{http_resp_Location_1}://contoso.com{http_resp_Location_2}"),
)
HSTS = az.rule(responseHeaderConfigurations=az.sets(Strict_Transport_Security="max-age=31536000"))
AFFINITY = (("Set-Cookie", "ARRAffinity=1"), ("Set-Cookie", "ApplicationGatewayAffinity=2"))


@pytest.mark.parametrize(
    ("page", "rules", "headers", "wanted"),
    [
        (
            "W, rewrite-http-headers-portal: Location",
            [LOCATION],
            (("Location", "https://contoso.azurewebsites.net/path2"),),
            (("Location", "https://contoso.com/path2"),),
        ),
        ("W: another Location", [LOCATION], (("Location", "https://a.net/x"),), (("Location", "https://a.net/x"),)),
        ("W: security headers", [HSTS], (), (("Strict-Transport-Security", "max-age=31536000"),)),
        (
            "W: delete unwanted headers",
            [az.rule(responseHeaderConfigurations=az.sets(Server=""))],
            (("server", "IIS"), ("A", "1")),
            (("A", "1"),),
        ),
        (
            "W: rewriting one of several drops the others",
            [az.rule(responseHeaderConfigurations=[{"headerName": "Set-Cookie", "headerValue": "a=1"}])],
            AFFINITY,
            (("Set-Cookie", "a=1"),),
        ),
        (
            "W: the host of the request in a response header",
            [az.rule(responseHeaderConfigurations=az.sets(Location="https://{var_host}{http_resp_X-Path}"))],
            (("X-Path", "/a"),),
            (("X-Path", "/a"), ("Location", "https://contoso.com/a")),
        ),
        (
            "W: http_status",
            [az.rule("r", az.when("var_http_status", "^404$"), responseHeaderConfigurations=az.sets(X="gone"))],
            (),
            (("X", "gone"),),
        ),
        (
            "W: http_status, another",
            [az.rule("r", az.when("var_http_status", "^200$"), responseHeaderConfigurations=az.sets(X="gone"))],
            (),
            (),
        ),
    ],
)
def test_responses(page: str, rules: list[az.Json], headers: Pairs, wanted: Pairs) -> None:
    found = semantics.answer(az.rewriting(*rules), ask())
    assert semantics.respond(found, 404, headers) == wanted, page


def test_what_the_request_decides_is_settled_at_once() -> None:
    rule = az.rule("r", az.when("var_uri_path", "^/(.*)$"), responseHeaderConfigurations=az.sets(X="{var_uri_path_1}"))
    assert semantics.answer(az.rewriting(rule), ask(path="/a")).response == (semantics.Edit(header="X", value="a"),)
    assert semantics.answer(az.rewriting(FASHION), ask(path="/a")).response == ()


def test_only_the_answers_of_targets_are_rewritten() -> None:
    """W, "Limitations": neither redirects nor what the gateway answers by itself."""
    rewrites = az.child("rewriteRuleSets", "w", rewriteRules=[HSTS, FASHION | {"ruleSequence": 7}])
    empty = az.document(az.listener("l"), az.basic("l", {**az.to("p"), **az.rewritten("w")}), rewrites, az.pool("p"))
    found = semantics.answer(empty, ask())
    assert (found.status, found.response) == (502, ())
    away = az.document(
        az.listener("l"),
        az.basic("l", {**az.away("r"), **az.rewritten("w")}),
        rewrites,
        az.child("redirectConfigurations", "r", redirectType="Found", targetUrl="https://a.com", includePath=True),
    )
    found = semantics.answer(away, ask(path="/fashion/shirts"))
    assert (found.location, found.response) == ("https://a.com/fashion/shirts", ())


def test_both_readings_of_a_composed_value_agree() -> None:
    """Adding to a header takes two rules: with it and without it. Only one of them is met in either reading."""
    gateway = az.rewriting(
        az.rule(
            "a", az.when("http_req_X-A", ".+"), sequence=1, requestHeaderConfigurations=az.sets(X_A="{http_req_X-A},n")
        ),
        az.rule(
            "b", az.when("http_req_X-A", ".+", negate=True), sequence=2, requestHeaderConfigurations=az.sets(X_A="n")
        ),
    )
    assert semantics.answer(gateway, ask()).headers == (("X-A", "n"),)
    assert semantics.answer(gateway, ask(headers=(("x-a", "m"),))).headers == (("X-A", "m,n"),)


def request_(*conditions: az.Json, **actions: Any) -> az.Json:
    return az.rewriting(az.rule("r", *conditions, **actions))


def header(name: str, value: str = "", **more: Any) -> list[az.Json]:
    return [{"headerName": name, "headerValue": value, **more}]


@pytest.mark.parametrize(
    ("reason", "gateway"),
    [
        ("reroute", request_(urlConfiguration={"modifiedPath": "/a", "reroute": True})),
        ("documented", request_(urlConfiguration={"modifiedPath": "/a?b=c"})),
        ("documented", request_(urlConfiguration={"modifiedPath": ""})),
        ("Host header cannot be deleted", request_(requestHeaderConfigurations=header("Host"))),
        ("Connection cannot be rewritten", request_(requestHeaderConfigurations=header("Connection", "x"))),
        ("Upgrade cannot be rewritten", request_(responseHeaderConfigurations=header("Upgrade", "x"))),
        (
            "headerValueMatcher",
            request_(responseHeaderConfigurations=header("Set-Cookie", "x", headerValueMatcher={"pattern": "a"})),
        ),
        ("no group", request_header("{http_req_A_1}")),
        ("no group", request_header("{var_uri_path_2}", az.when("var_uri_path", "(.*)"))),
        ("no group", request_header("{var_host_1}", az.when("var_host", "(c)"), az.when("var_host", "(o)"))),
        ("no group", request_header("{http_req_User-Agent_1}", az.when("http_req_user-agent", "(.*)"))),
        ("var_client_tcp_rtt is not read", request_header("{var_client_tcp_rtt}")),
        ("writes this header itself", request_header("{http_req_X-Forwarded-For}")),
        ("not known at this point", request_header("{var_sent_bytes}")),
        ("documented", request_(urlConfiguration={"modifiedPath": "/a#b"})),
        ("not known at this point", request_header("{http_resp_Location}")),
        ("2 times", request_header("{http_req_B}")),
        ("RE2", request_header("a", az.when("var_uri_path", "(?=a)"))),
        ("RE2", request_header("a", az.when("var_uri_path", r"(a)\1"))),
        ("not read", request_header("a", az.when("var_uri_path", "("))),
        (
            "the request is gone",
            request_header("a", az.when("http_resp_Location", ".*")),
        ),
        (
            "any order",
            az.rewriting(
                az.rule("a", requestHeaderConfigurations=az.sets(X="1")),
                az.rule("b", requestHeaderConfigurations=az.sets(X="2")),
            ),
        ),
        (
            "an earlier rule wrote",
            az.rewriting(
                az.rule("a", sequence=1, requestHeaderConfigurations=az.sets(X="1")),
                az.rule("b", sequence=2, requestHeaderConfigurations=az.sets(Y="{http_req_X}")),
            ),
        ),
        (
            "looks like a name",
            request_(responseHeaderConfigurations=header("X", "{http_req_Bad}{http_resp_A}")),
        ),
        (
            "sets the Host header too",
            az.document(
                az.listener("l"),
                az.basic("l", {**az.to("p", "s"), **az.rewritten("w")}),
                az.settings("s", hostName="a.com"),
                az.child(
                    "rewriteRuleSets", "w", rewriteRules=[az.rule(requestHeaderConfigurations=header("Host", "b"))]
                ),
            ),
        ),
        (
            "sets the path too",
            az.document(
                az.listener("l"),
                az.basic("l", {**az.to("p", "s"), **az.rewritten("w")}),
                az.settings("s", path="/x/"),
                az.child("rewriteRuleSets", "w", rewriteRules=[az.rule(urlConfiguration={"modifiedPath": "/a"})]),
            ),
        ),
    ],
)
def test_what_is_not_documented_is_refused(reason: str, gateway: az.Json) -> None:
    asked = ask(headers=(("B", "1"), ("b", "2"), ("Bad", "{http_resp_B}")))
    with pytest.raises(semantics.NotInterpreted, match=reason):
        semantics.answer(gateway, asked)


def test_a_second_choice_of_paths_is_refused_only_where_it_happens() -> None:
    with pytest.raises(semantics.NotInterpreted) as refusal:
        semantics.answer(LISTS, ask(path="/listing", query="category=shoes"))
    assert refusal.value.member == "rewriteRuleSets/w.rewriteRules/shoes.urlConfiguration.reroute"


@pytest.mark.parametrize(
    ("given", "path", "query"),
    [
        ({"modifiedPath": "/b"}, "/b", "q=1"),
        ({"modifiedQueryString": "r=2"}, "/a", "r=2"),
        ({"modifiedPath": "/b", "modifiedQueryString": ""}, "/b", ""),
        ({"modifiedPath": "/b", "modifiedQueryString": None}, "/b", "q=1"),
        ({"modifiedPath": "{var_uri_path}/{var_query_string}"}, "/a/q=1", "q=1"),
    ],
)
def test_parts_of_a_url(given: az.Json, path: str, query: str) -> None:
    """Azure/application-gateway-kubernetes-ingress#1648, hashicorp/terraform-provider-azurerm#14221: a part that is not
    given stays, an empty query is written."""
    found = semantics.answer(request_(urlConfiguration=given), ask(path="/a", query="q=1"))
    assert (found.path, found.query) == (path, query)


def test_a_prefix_is_replaced_by_a_capture() -> None:
    rule = az.rule(
        "r", az.when("var_uri_path", "^/foo(?:/(.*))?$"), urlConfiguration={"modifiedPath": "/bar/{var_uri_path_1}"}
    )
    paths = [
        semantics.answer(az.rewriting(rule), ask(path=path)).path for path in ("/foo", "/foo/", "/foo/a/b", "/food")
    ]
    assert paths == ["/bar/", "/bar/", "/bar/a/b", "/food"]
