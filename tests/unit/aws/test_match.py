"""Matches as conditions of a rule: what is written, and what is refused by field."""

from __future__ import annotations

import botocore.session
import pytest

from cloudgw.objects import RouteMatch, ValueMatch
from cloudgw.routing import heirs
from cloudgw_aws import build_match, kinds_rules_order, shapes
from tests.unit.aws import samples

PLAIN = ("host-header", "", "values", ("a.example.com",))


def conditions(of: RouteMatch, host: str = "a.example.com", port: int = 80, protocol: str = "HTTP") -> object:
    return build_match.conditions(samples.entry(1, of=of, host=host), samples.table([], port, protocol))


def refused(of: RouteMatch, host: str = "a.example.com", port: int = 80) -> heirs.Inexpressible:
    found = conditions(of, host, port)
    assert isinstance(found, heirs.Inexpressible), found
    return found


@pytest.mark.parametrize(
    ("host", "port", "condition"),
    [
        ("a.example.com", 80, PLAIN),
        ("*.example.com", 80, ("host-header", "", "values", ("*.example.com",))),
        ("a.example.com", 8080, ("host-header", "", "regex", (r"^a\.example\.com(:[0-9]+)?$",))),
        ("*.example.com", 8080, ("host-header", "", "regex", (r"^[^:]+\.example\.com(:[0-9]+)?$",))),
        ("localhost", 80, ("host-header", "", "regex", (r"^localhost(:[0-9]+)?$",))),
        ("a.example.c0m", 80, ("host-header", "", "regex", (r"^a\.example\.c0m(:[0-9]+)?$",))),
    ],
)
def test_hosts(host: str, port: int, condition: shapes.Condition) -> None:
    assert conditions(samples.match(), host, port) == (condition,)


def test_a_host_that_is_too_long() -> None:
    assert refused(samples.match(), ".".join(["a" * 60] * 3) + ".example.com").field == "hostnames"


def test_no_condition_at_all_is_any_path() -> None:
    assert conditions(samples.match(), host="") == (("path-pattern", "", "values", ("/*",)),)


def test_method() -> None:
    assert conditions(samples.match(method="POST")) == (PLAIN, ("http-request-method", "", "values", ("POST",)))


@pytest.mark.parametrize(
    ("kind", "path", "condition"),
    [
        ("Exact", "/a", ("path-pattern", "", "values", ("/a",))),
        ("Exact", "/a*b?", ("path-pattern", "", "regex", (r"^/a\*b\?$",))),
        ("Exact", "/a%20b", ("path-pattern", "", "regex", ("^/a%20b$",))),
        ("PathPrefix", "/a", ("path-pattern", "", "values", ("/a", "/a/*"))),
        ("PathPrefix", "/a/", ("path-pattern", "", "values", ("/a", "/a/*"))),
        ("PathPrefix", "/a(b", ("path-pattern", "", "regex", (r"^/a\(b(/.*)?$",))),
        ("RegularExpression", "/v[0-9]|/w", ("path-pattern", "", "regex", ("^(?:/v[0-9]|/w)$",))),
    ],
)
def test_paths(kind: str, path: str, condition: shapes.Condition) -> None:
    assert conditions(samples.match(path, kind)) == (PLAIN, condition)


def test_path_expressions() -> None:
    assert "128" in refused(samples.match("/" + "a" * 128, "RegularExpression")).reason
    assert refused(samples.match("/é", "RegularExpression")).field == "path"
    assert refused(samples.match("/é")).field == "path"
    assert refused(samples.match("/" + "a" * 140, "Exact")).field == "path"


def test_headers() -> None:
    exact = samples.match(headers=[("X-A", "a.b")])
    assert conditions(exact) == (PLAIN, ("http-header", "x-a", "regex", (r"^a\.b$",)))
    regex = RouteMatch(headers=(ValueMatch(type="RegularExpression", name="x-a", value="a|b"),))
    assert conditions(regex) == (PLAIN, ("http-header", "x-a", "regex", ("^(?:a|b)$",)))


@pytest.mark.parametrize(
    ("name", "value"), [("Host", "x"), ("x" * 41, "x"), ("x-a", "y" * 127), ("x-a", "é"), ("x-a", "a\nb")]
)
def test_headers_that_are_refused(name: str, value: str) -> None:
    assert refused(samples.match(headers=[(name, value)])).field == f"headers {name}"


def test_query_is_refused() -> None:
    found = refused(samples.match(query=[("q", "v")]))
    assert found.field == "queryParams q"
    assert "case" in found.reason


def test_five_values() -> None:
    two = [("x-a", "1"), ("x-b", "1")]
    assert len(conditions(samples.match("/p", method="GET", headers=two))) == 5  # type: ignore[arg-type]
    shortened = conditions(samples.match("/p", method="GET", headers=two))
    assert ("path-pattern", "", "regex", ("^/p(/.*)?$",)) in shortened  # type: ignore[operator]
    assert "6 values" in refused(samples.match("/p", method="GET", headers=[*two, ("x-c", "1")])).reason


def test_the_host_is_told_back_from_its_expression() -> None:
    assert shapes.host_of_regex(shapes.host_regex("a-b.example.com")) == "a-b.example.com"
    assert shapes.host_of_regex("^(a|b)(:[0-9]+)?$") is None
    assert shapes.host_of_regex("a") is None


@pytest.mark.parametrize(
    ("host", "port", "tokens"),
    [
        ("a.example.com", 80, ("a.example.com",)),
        ("a.example.com", 8080, ("a.example.com",)),
        ("*.example.com", 80, ("*",)),
        ("*.example.com", 8080, ("*",)),
        ("", 80, ("*",)),
    ],
)
def test_meets(host: str, port: int, tokens: tuple[str, ...]) -> None:
    assert kinds_rules_order.meets({"conditions": conditions(samples.match(), host, port)}) == tokens


def test_documented_transforms_are_all_there_is() -> None:
    """The vendor's model knows no transform for headers, no mirror and no timeout of a rule: when it does, a row of
    the capabilities is out of date."""
    service = botocore.session.get_session().get_service_model("elbv2")
    assert set(service.shape_for("TransformTypeEnum").enum) == {"host-header-rewrite", "url-rewrite"}
    assert set(service.shape_for("ActionTypeEnum").enum) == {
        "forward",
        "authenticate-oidc",
        "authenticate-cognito",
        "jwt-validation",
        "redirect",
        "fixed-response",
    }
    assert set(service.shape_for("CreateRuleInput").members) == {
        "ListenerArn",
        "Conditions",
        "Priority",
        "Actions",
        "Tags",
        "Transforms",
    }
    assert "RegexValues" not in service.shape_for("QueryStringConditionConfig").members
