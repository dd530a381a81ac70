"""Requests and answers as AWS's documents tell them, page by page.

Pages below docs.aws.amazon.com/elasticloadbalancing/latest/application/: rule-condition-types.html (C),
rule-action-types.html (A), rule-transforms.html (T), listener-rules.html (R), load-balancer-troubleshooting.html (X);
and API_RuleCondition.html, API_RedirectActionConfig.html (P) of the API reference.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_aws import semantics

LB = "arn:lb"
Request = semantics.Request


def condition(field: str, config: str, **values: Any) -> dict[str, Any]:
    return {"Field": field, config: values}


def host(*values: str) -> dict[str, Any]:
    return condition("host-header", "HostHeaderConfig", Values=list(values))


def path(*values: str) -> dict[str, Any]:
    return condition("path-pattern", "PathPatternConfig", Values=list(values))


def header(name: str, *values: str) -> dict[str, Any]:
    return condition("http-header", "HttpHeaderConfig", HttpHeaderName=name, Values=list(values))


def query(*pairs: tuple[str, str]) -> dict[str, Any]:
    values = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in pairs]
    return condition("query-string", "QueryStringConfig", Values=values)


def method(*values: str) -> dict[str, Any]:
    return condition("http-request-method", "HttpRequestMethodConfig", Values=list(values))


def source(*values: str) -> dict[str, Any]:
    return condition("source-ip", "SourceIpConfig", Values=list(values))


def ask(**more: Any) -> Request:
    return Request(port=80, **more)


VERSION = query(("version", "v1"), ("", "*example*"))
CHROME = (("User-Agent", "Mozilla/5.0 Chrome/126.0"),)


@pytest.mark.parametrize(
    ("page", "conditions", "request_", "meets"),
    [
        ("C host: not case-sensitive", [host("example.com")], ask(host="EXAMPLE.com"), True),
        ("C host: example.com", [host("example.com")], ask(host="test.example.com"), False),
        ("C host: *.example.com matches test.example.com", [host("*.example.com")], ask(host="test.example.com"), True),
        ("C host: *.example.com but not example.com", [host("*.example.com")], ask(host="example.com"), False),
        ("C host: * is 0 or more characters", [host("*.example.com")], ask(host="a.b.example.com"), True),
        ("C host: ? is exactly one", [host("e?ample.com")], ask(host="example.com"), True),
        ("C host: ? is exactly one", [host("e?ample.com")], ask(host="eample.com"), False),
        ("C path: /img/*", [path("/img/*")], ask(path="/img/picture.jpg"), True),
        ("C path: case-sensitive", [path("/img/*")], ask(path="/IMG/picture.jpg"), False),
        ("C path: /img/*/pics", [path("/img/*/pics")], ask(path="/img/a/b/pics"), True),
        ("C path: /img/*/pics", [path("/img/*/pics")], ask(path="/img/a/b"), False),
        ("C path: only the path, not the query", [path("/img/*")], ask(path="/x", query="p=/img/a"), False),
        ("C path: one of several", [path("/a", "/b")], ask(path="/b"), True),
        ("C header: *Chrome* in User-Agent", [header("User-Agent", "*Chrome*", "*Safari*")], ask(headers=CHROME), True),
        ("C header: name not case-sensitive", [header("user-agent", "*Chrome*")], ask(headers=CHROME), True),
        ("C header: value not case-sensitive", [header("User-Agent", "*chrome*")], ask(headers=CHROME), True),
        ("C header: absent", [header("User-Agent", "*")], ask(), False),
        (
            "C header: the same header again is searched in order",
            [header("x", "2")],
            ask(headers=(("x", "1"), ("x", "2"))),
            True,
        ),
        (
            "C header: all strings needed, one condition each",
            [header("x", "*a*"), header("x", "*b*")],
            ask(headers=(("x", "cab"),)),
            True,
        ),
        ("C method: CUSTOM-METHOD", [method("CUSTOM-METHOD")], ask(method="CUSTOM-METHOD"), True),
        ("C method: case-sensitive, exact", [method("GET")], ask(method="get"), False),
        ("C query: version=v1 or *example*", [VERSION], ask(query="version=v1"), True),
        ("C query: a value under any key", [VERSION], ask(query="x=an-example"), True),
        ("C query: neither", [VERSION], ask(query="version=v2"), False),
        ("C query: not case-sensitive", [query(("version", "v1"))], ask(query="Version=V1"), True),
        ("C query: a literal * is escaped", [query(("a", "\\*"))], ask(query="a=b"), False),
        ("C query: a literal * is escaped", [query(("a", "\\*"))], ask(query="a=*"), True),
        ("C query: percent-encoded", [query(("a", "b c"))], ask(query="a=b%20c"), True),
        ("C source: 192.0.2.0/24", [source("192.0.2.0/24", "198.51.100.10/32")], ask(source="192.0.2.9"), True),
        ("C source: other", [source("192.0.2.0/24", "198.51.100.10/32")], ask(source="198.51.100.11"), False),
        (
            "C source: not X-Forwarded-For",
            [source("192.0.2.0/24")],
            ask(headers=(("X-Forwarded-For", "192.0.2.9"),)),
            False,
        ),
        ("R all conditions", [host("a.com"), path("/x")], ask(host="a.com", path="/y"), False),
        ("R all conditions", [host("a.com"), path("/x")], ask(host="a.com", path="/x"), True),
        (
            "P RegexValues of a path",
            [condition("path-pattern", "PathPatternConfig", RegexValues=["^/v[0-9]+$"])],
            ask(path="/v12"),
            True,
        ),
        (
            "P RegexValues of a host, case-insensitive as hosts are",
            [condition("host-header", "HostHeaderConfig", RegexValues=[r"^a\.com(:[0-9]+)?$"])],
            ask(host="A.com:8080"),
            True,
        ),
        ("P Values of the condition", [{"Field": "path-pattern", "Values": ["/img/*"]}], ask(path="/img/a"), True),
    ],
)
def test_conditions(page: str, conditions: list[dict[str, Any]], request_: Request, meets: bool) -> None:
    assert semantics.meets(conditions, request_) is meets, page


@pytest.mark.parametrize(
    ("page", "config", "request_", "location"),
    [
        (
            "A HTTP to HTTPS with the same host, path and query",
            {"Protocol": "HTTPS", "Port": "443", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"},
            ask(host="example.com", path="/a/b", query="c=d"),
            "https://example.com:443/a/b?c=d",
        ),
        (
            "P components that are not given retain their values",
            {"Port": "8443"},
            ask(host="example.com", path="/a", query="c=d"),
            "http://example.com:8443/a?c=d",
        ),
        ("P the path /new/#{path}", {"Path": "/new/#{path}"}, ask(host="e.com", path="/a"), "http://e.com:80/new/a"),
        ("P the host example.#{host}", {"Host": "example.#{host}"}, ask(host="e.com"), "http://example.e.com:80/"),
        (
            "P the query #{query}&value=xyz",
            {"Query": "#{query}&value=xyz"},
            ask(host="e.com", query="a=b"),
            "http://e.com:80/?a=b&value=xyz",
        ),
    ],
)
def test_redirects(page: str, config: dict[str, str], request_: Request, location: str) -> None:
    assert semantics.location(config, request_) == location, page


@pytest.mark.parametrize(
    ("page", "regex", "replace", "text", "result"),
    [
        (
            "T an internal endpoint",
            "^mywebsite-(.+).com$",
            "internal.dev.$1.myweb.com",
            "mywebsite-example.com",
            "internal.dev.example.myweb.com",
        ),
        (
            "T the path of a URL",
            "^/dp/([A-Za-z0-9]+)/?$",
            "/product.php?id=$1",
            "/dp/B09G3HRMW",
            "/product.php?id=B09G3HRMW",
        ),
        ("T no match, the original request", "^/dp/", "/x", "/other", "/other"),
    ],
)
def test_transforms(page: str, regex: str, replace: str, text: str, result: str) -> None:
    assert semantics.rewrite([{"Regex": regex, "Replace": replace}], text) == result, page


def fixed(status: str) -> list[dict[str, Any]]:
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status}}]


def world(*rules: dict[str, Any], health: dict[str, list[str]] | None = None) -> dict[str, Any]:
    listener = {
        "ListenerArn": "arn:l",
        "LoadBalancerArn": LB,
        "Port": 80,
        "Protocol": "HTTP",
        "DefaultActions": fixed("404"),
    }
    states = {
        group: [{"Target": {"Id": "10.0.0.1", "Port": 1}, "TargetHealth": {"State": state}} for state in found]
        for group, found in (health or {}).items()
    }
    return {"listeners": [listener], "rules": list(rules), "target_health": states}


def rule(priority: str, actions: list[dict[str, Any]], *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "RuleArn": f"arn:r{priority}",
        "ListenerArn": "arn:l",
        "Priority": priority,
        "Conditions": list(conditions),
        "Actions": actions,
        **more,
    }


def forward(**weights: int) -> list[dict[str, Any]]:
    groups = [{"TargetGroupArn": group, "Weight": weight} for group, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def test_rules_go_from_the_lowest_number_to_the_highest() -> None:
    content = world(rule("100", fixed("500"), path("/*")), rule("20", fixed("200"), path("/*")))
    assert semantics.answer(content, LB, ask()).status == 200


def test_the_default_rule_is_the_last() -> None:
    content = world(rule("1", fixed("500"), path("/x")))
    assert semantics.answer(content, LB, ask()) == semantics.Answer(kind="fixed", status=404)


def test_weights() -> None:
    found = semantics.answer(world(rule("1", forward(a=10, b=20, c=0), path("/*"))), LB, ask())
    assert found.groups == (("a", 10), ("b", 20))


@pytest.mark.parametrize(
    ("states", "empty"),
    [
        ([], ("a",)),
        (["unused"], ("a",)),
        (["draining"], ("a",)),
        (["unhealthy"], ()),
        (["initial"], ()),
        (["unused", "healthy"], ()),
    ],
)
def test_503_without_registered_targets_or_all_unused(states: list[str], empty: tuple[str, ...]) -> None:
    content = world(rule("1", forward(a=1), path("/*")), health={"a": states})
    assert semantics.answer(content, LB, ask()).empty == empty


def test_a_transform_sees_path_and_query() -> None:
    transforms = [
        {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}},
        {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "^.*$", "Replace": "in"}]}},
    ]
    content = world(rule("1", forward(a=1), path("/*"), Transforms=transforms))
    found = semantics.answer(content, LB, ask(host="out", path="/a/c", query="q=1"))
    assert (found.host, found.url) == ("in", "/b/c?q=1")


def test_nobody_listens() -> None:
    assert semantics.answer(world(), LB, Request(port=81)).kind == "closed"
    assert semantics.answer(world(), "arn:other", ask()).kind == "closed"
    assert semantics.answer(world(), LB, Request(port=80, scheme="https")).kind == "closed"


def test_authentication_is_not_guessed() -> None:
    actions = [{"Type": "authenticate-oidc", "Order": 1}, {**forward(a=1)[0], "Order": 2}]
    assert semantics.answer(world(rule("1", actions, path("/*"))), LB, ask()).kind == "other"
