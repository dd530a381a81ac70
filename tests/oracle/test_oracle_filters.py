"""The oracle against the examples and sentences of the Gateway API documentation on filters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle import filters
from tests.oracle.examples import ask, get, listener, path, route, rule, secured, shares, status, world
from tests.oracle.references import Manifest


@pytest.mark.parametrize(
    ("sent", "prefix", "replacement", "expected"),
    [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/a", "/", "/xyz", "/xyz/a"),
    ],
)
def test_table_of_replace_prefix_match(sent: str, prefix: str, replacement: str, expected: str) -> None:
    assert filters.replaced_prefix(sent, prefix, replacement) == expected


def test_header_filters_as_in_the_documentation() -> None:
    headers = {"my-header1": "foo", "my-header2": "bar", "my-header3": "baz"}
    assert filters.modified({"my-header": "foo"}, {"set": [{"name": "My-Header", "value": "bar"}]}) == {
        "my-header": "bar"
    }
    added = filters.modified({"my-header": "foo"}, {"add": [{"name": "my-header", "value": "bar,baz"}]})
    assert added == {"my-header": "foo,bar,baz"}
    assert filters.modified(headers, {"remove": ["my-header1", "My-Header3"]}) == {"my-header2": "bar"}


def test_filters_of_the_rule_come_before_those_of_the_backend() -> None:
    def change(kind: str, value: str) -> Manifest:
        field = kind[0].lower() + kind[1:]
        return {"type": kind, field: {"add": [{"name": "x-both", "value": value}]}}

    both = ("RequestHeaderModifier", "ResponseHeaderModifier")
    rewrite = {
        "type": "URLRewrite",
        "urlRewrite": {"hostname": "in.test", "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"}},
    }
    served = rule("one", [path("/v1")], filters=[*(change(kind, "rule") for kind in both), rewrite])
    served["backendRefs"][0]["filters"] = [change(kind, "backend") for kind in both]
    answer = ask(world(route("r", served)), get("/v1/x", "Foo.example.com:80", headers=(("X-Both", "own"),)))
    assert answer["shares"] == [
        {
            "to": "ns/one:80",
            "weight": 1,
            "path": "/v2/x",
            "host": "in.test",
            "headers": [("x-both", "own,rule,backend")],
            "response": [("x-both", "a,rule,backend"), ("x-up", "1")],
        }
    ]


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        ({}, "http://Foo.example.com:8080/a/b?q=1"),
        ({"scheme": "https"}, "https://Foo.example.com/a/b?q=1"),
        ({"scheme": "http"}, "http://Foo.example.com/a/b?q=1"),
        ({"port": 80}, "http://Foo.example.com/a/b?q=1"),
        ({"port": 443}, "http://Foo.example.com:443/a/b?q=1"),
        ({"scheme": "https", "port": 8443}, "https://Foo.example.com:8443/a/b?q=1"),
        ({"hostname": "to.test", "port": 80}, "http://to.test/a/b?q=1"),
        ({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/n"}, "port": 80}, "http://Foo.example.com/n?q=1"),
        (
            {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}, "port": 80},
            "http://Foo.example.com/b?q=1",
        ),
    ],
)
def test_redirects(redirect: Manifest, expected: str) -> None:
    served = {"matches": [path("/a")], "filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}
    objects = world(route("r", served), on=[listener("http", port=8080)])
    request = get("/a/b", "Foo.example.com:1234", port=8080, query=(("q", "1"),))
    assert ask(objects, request) == {"kind": "redirect", "status": 302, "location": expected}


def test_a_redirect_on_https_keeps_the_scheme_and_hides_443() -> None:
    served = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"statusCode": 308, "hostname": "to.test"}}]}
    objects = world(route("r", served), on=[secured("https", "")])
    answer = ask(objects, get("/a", port=443, sni="foo.example.com"))
    assert answer == {"kind": "redirect", "status": 308, "location": "https://to.test/a"}


@pytest.mark.parametrize(
    "broken",
    [
        {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "x.test", "kind": "Y", "name": "z"}}]},
        {"filters": [{"type": "RequestRedirect", "requestRedirect": {}}]},
        {
            "backendRefs": [],
            "filters": [
                {"type": "RequestRedirect", "requestRedirect": {}},
                {"type": "URLRewrite", "urlRewrite": {"hostname": "a.test"}},
            ],
        },
        {
            "matches": [path("/a", "Exact")],
            "filters": [
                {
                    "type": "URLRewrite",
                    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}},
                }
            ],
        },
    ],
)
def test_invalid_rules_answer_500_and_leave_the_others_alone(broken: Manifest) -> None:
    objects = world(route("r", rule("one", [path("/fine", "Exact")]), rule("one") | broken))
    assert status(ask(objects, get("/a"))) == 500
    assert shares(ask(objects, get("/fine"))) == [("ns/one:80", 1)]


def test_mirrors() -> None:
    def mirror(name: str, **part: Any) -> Manifest:
        return {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": name, "port": 80}, **part}}

    several = [
        mirror("two"),
        mirror("two", percent=50),
        mirror("three", fraction={"numerator": 1, "denominator": 3}),
        mirror("three", percent=0),
        mirror("missing"),
    ]
    answer = ask(world(route("r", rule("one", filters=several))), get())
    assert shares(answer) == [("ns/one:80", 1)]
    assert answer["mirrors"] == [["ns/three:80", 1, 3], ["ns/two:80", 1, 1], ["ns/two:80", 1, 2]]


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("*", "null", True),
        ("https://foo.example", "https://foo.example", True),
        ("https://foo.example", "https://foo.example:443", True),
        ("https://foo.example", "http://foo.example", False),
        ("http://example.com", "http://example.com:8080", False),
        ("http://example.com", "http://www.example.com", False),
        ("https://*.foo.example", "https://a.b.foo.example", True),
        ("https://*.foo.example", "https://foo.example", False),
        ("https://*", "https://any.test", True),
        ("https://*", "http://any.test", False),
        ("https://*:8443", "https://any.test:8443", True),
        ("https://*:8443", "https://any.test", False),
    ],
)
def test_cors_origins(pattern: str, origin: str, allowed: bool) -> None:
    assert filters.origin_allowed(pattern, origin) is allowed


def cors_world(**cors: Any) -> list[Manifest]:
    return world(route("r", rule("one", filters=[{"type": "CORS", "cors": cors}])))


PREFLIGHT = (
    ("Origin", "https://foo.example"),
    ("Access-Control-Request-Method", "PUT"),
    ("Access-Control-Request-Headers", "Content-Type, Cache-Control"),
)


@pytest.mark.parametrize(
    ("cors", "expected"),
    [
        (
            {"allowOrigins": ["https://foo.example"], "allowMethods": ["GET", "PUT"], "maxAge": 1728000},
            {
                "access-control-allow-origin": "https://foo.example",
                "access-control-allow-methods": "GET,PUT",
                "access-control-max-age": "1728000",
            },
        ),
        ({"allowOrigins": ["https://test.example"], "allowMethods": ["GET"]}, {}),
        (
            {"allowOrigins": ["*"], "allowMethods": ["*"], "allowHeaders": ["*"], "allowCredentials": True},
            {
                "access-control-allow-origin": "https://foo.example",
                "access-control-allow-credentials": "true",
                "access-control-allow-methods": "PUT",
                "access-control-allow-headers": "Content-Type, Cache-Control",
                "access-control-max-age": "5",
            },
        ),
        (
            {"allowOrigins": ["*"], "allowMethods": ["*"], "allowHeaders": ["*"]},
            {
                "access-control-allow-origin": "*",
                "access-control-allow-methods": "*",
                "access-control-allow-headers": "*",
                "access-control-max-age": "5",
            },
        ),
    ],
)
def test_cors_preflights(cors: Manifest, expected: dict[str, str]) -> None:
    answer = ask(cors_world(**cors), get(method="OPTIONS", headers=PREFLIGHT))
    assert answer == {"kind": "cors", "status": 204, "headers": expected}


def test_cors_on_actual_requests() -> None:
    cors = {"allowOrigins": ["https://foo.example"], "allowMethods": ["PUT"], "exposeHeaders": ["X-A", "X-B"]}
    plain = [("x-both", "a"), ("x-up", "1")]
    allowed = [("access-control-allow-origin", "https://foo.example"), ("access-control-expose-headers", "X-A,X-B")]
    for headers, expected in ((PREFLIGHT[:1], allowed), ((("Origin", "https://other.test"),), []), ((), [])):
        answer = ask(cors_world(**cors), get(method="PUT", headers=headers))
        assert answer["shares"][0]["response"] == sorted([*plain, *expected])
