"""Listener rules: grammar, quotas, priorities, transforms, actions."""

from __future__ import annotations

from typing import Any

import pytest

from . import conftest as c


@pytest.fixture
def listener(cloud: c.Cloud) -> str:
    return cloud.listener(cloud.balancer())


def host(*values: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def header(name: str, *values: str) -> dict[str, Any]:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": list(values)}}


def regex(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": list(values)}}


def query(key: str | None, value: str) -> dict[str, Any]:
    pair = {"Value": value} if key is None else {"Key": key, "Value": value}
    return {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}


METHOD = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}}
SOURCE = {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}

ACCEPTED = [
    [c.path("/a", "/a/*")],
    [c.path("/A-z_0.9$~\"'@:+&?")],
    [host("*.Example.com"), c.path("/"), METHOD, SOURCE],
    [header("X-A", "a*"), header("X-A", "b"), query("k", "v"), query(None, "w")],
    [regex("^/a(/.*)?$")],
    [regex("^/[*+]+$", r"^/\*\+$")],
    [{"Field": "host-header", "Values": ["a.example.com"]}],
    [{"Field": "host-header", "HostHeaderConfig": {"RegexValues": [r"^a\.example\.com(:\d+)?$"]}}],
    [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "RegexValues": ["^a$"]}}],
    [query("k", r"a\*b\?")],
]

REFUSED = {
    "no condition": [],
    "six values": [c.path("/1", "/2", "/3"), host("a.b", "c.d", "e.f")],
    "six wildcards": [c.path("/*/*/*", "/*/*/*")],
    "two paths": [c.path("/a"), c.path("/b")],
    "two hosts": [host("a.b"), host("c.d")],
    "two methods": [METHOD, METHOD],
    "two sources": [SOURCE, SOURCE],
    "path with a space": [c.path("/a b")],
    "path with a percent sign": [c.path("/a%20")],
    "path of 129": [c.path("/" + "a" * 128)],
    "host without a dot": [host("localhost")],
    "host with a port": [host("a.example.com:80")],
    "host with a numeric end": [host("10.0.0.1")],
    "host with an underscore": [host("a_b.example.com")],
    "host of 129": [host("a" * 125 + ".com")],
    "header Host": [header("host", "a")],
    "header name of 41": [header("x" * 41, "a")],
    "header name with a wildcard": [header("X-*", "a")],
    "header value of 129": [header("X-A", "a" * 129)],
    "header value not visible ASCII": [header("X-A", "ä")],
    "header without name": [{"Field": "http-header", "HttpHeaderConfig": {"Values": ["a"]}}],
    "query without value": [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a"}]}}],
    "method in lower case": [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}],
    "source without a length": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}],
    "source with host bits": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1/8"]}}],
    "unknown field": [{"Field": "cookie", "Values": ["a"]}],
    "config of another field": [{"Field": "path-pattern", "HostHeaderConfig": {"Values": ["a.b"]}}],
    "regex of 129": [regex("a" * 129)],
    "regex with look-ahead": [regex("^/(?!a)")],
    "regex with back-reference": [regex(r"^/(a)\1")],
    "regex with atomic group": [regex("(?>a)")],
    "regex with possessive quantifier": [regex("a*+")],
    "regex with unicode class": [regex(r"\p{L}")],
    "broken regex": [regex("(")],
    "regex and values": [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"], "RegexValues": ["a"]}}],
    "empty values": [{"Field": "path-pattern", "PathPatternConfig": {"Values": []}}],
    "two top-level values": [{"Field": "path-pattern", "Values": ["/a", "/b"]}],
    "top-level header values": [{"Field": "http-header", "Values": ["a"]}],
}


@pytest.mark.parametrize("conditions", ACCEPTED)
def test_accepted_conditions(cloud: c.Cloud, listener: str, conditions: Any) -> None:
    cloud.rule(listener, conditions=conditions)


@pytest.mark.parametrize("why", REFUSED)
def test_refused_conditions(cloud: c.Cloud, listener: str, why: str) -> None:
    before = cloud.control.dump()
    c.refused(
        "ValidationError",
        cloud.elb.create_rule,
        ListenerArn=listener,
        Priority=1,
        Conditions=REFUSED[why],
        Actions=[c.fixed()],
    )
    assert cloud.control.dump() == before


def test_values_come_back_in_both_places(cloud: c.Cloud, listener: str) -> None:
    rule = cloud.rule(listener, conditions=[c.path("/a", "/b")])
    shown = cloud.elb.describe_rules(RuleArns=[rule])["Rules"][0]
    assert shown["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/a", "/b"], "PathPatternConfig": {"Values": ["/a", "/b"]}}
    ]
    cloud.elb.modify_rule(RuleArn=rule, Conditions=shown["Conditions"])


def test_regex_values_are_stored(cloud: c.Cloud, listener: str) -> None:
    rule = cloud.rule(listener, conditions=[regex("^/a$")])
    shown = cloud.elb.describe_rules(RuleArns=[rule])["Rules"][0]["Conditions"][0]
    assert shown["PathPatternConfig"]["RegexValues"] == ["^/a$"]


@pytest.mark.parametrize("priority", [0, 50001, -1])
def test_priority_range(cloud: c.Cloud, listener: str, priority: int) -> None:
    c.refused("ValidationError", cloud.rule, listener, priority)


def test_priority_in_use(cloud: c.Cloud, listener: str) -> None:
    cloud.rule(listener, 50000)
    c.refused("PriorityInUse", cloud.rule, listener, 50000)


def priorities(**pairs: int) -> dict[str, Any]:
    return {"RulePriorities": [{"RuleArn": arn, "Priority": priority} for arn, priority in pairs.items()]}


def test_priorities_swap_at_once(cloud: c.Cloud, listener: str) -> None:
    one, two = cloud.rule(listener, 1), cloud.rule(listener, 2)
    cloud.elb.set_rule_priorities(**priorities(**{one: 2, two: 1}))
    shown = {rule["RuleArn"]: rule["Priority"] for rule in cloud.elb.describe_rules(RuleArns=[one, two])["Rules"]}
    assert shown == {one: "2", two: "1"}


def test_priorities_collide_with_an_untouched_rule(cloud: c.Cloud, listener: str) -> None:
    one, two, _ = cloud.rule(listener, 1), cloud.rule(listener, 2), cloud.rule(listener, 3)
    before = cloud.control.dump()
    c.refused("PriorityInUse", cloud.elb.set_rule_priorities, **priorities(**{one: 2, two: 3}))
    assert cloud.control.dump() == before


def test_priority_of_the_default_rule(cloud: c.Cloud, listener: str) -> None:
    default = next(rule["RuleArn"] for rule in rules(cloud, listener) if rule["IsDefault"])
    c.refused("OperationNotPermitted", cloud.elb.set_rule_priorities, **priorities(**{default: 1}))
    c.refused("OperationNotPermitted", cloud.elb.delete_rule, RuleArn=default)
    c.refused("OperationNotPermitted", cloud.elb.modify_rule, RuleArn=default, Actions=[c.fixed()])


def test_rule_not_found(cloud: c.Cloud, listener: str) -> None:
    rule = cloud.rule(listener)
    cloud.elb.delete_rule(RuleArn=rule)
    c.refused("RuleNotFound", cloud.elb.delete_rule, RuleArn=rule)
    c.refused("RuleNotFound", cloud.elb.describe_rules, RuleArns=[rule])
    c.refused("RuleNotFound", cloud.elb.modify_rule, RuleArn=rule, Actions=[c.fixed()])
    c.refused("RuleNotFound", cloud.elb.set_rule_priorities, **priorities(**{rule: 5}))


def rules(cloud: c.Cloud, listener: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in cloud.elb.get_paginator("describe_rules").paginate(ListenerArn=listener):
        found += page["Rules"]
    return found


def test_describe_rules_has_pages_and_no_order(cloud: c.Cloud, listener: str) -> None:
    made = [cloud.rule(listener, number) for number in range(1, 21)]
    assert [rule["Priority"] for rule in rules(cloud, listener)] != [*map(str, range(1, 21)), "default"]
    first = cloud.elb.describe_rules(ListenerArn=listener, PageSize=8)
    assert len(first["Rules"]) == 8
    assert first["NextMarker"]
    cloud.control.settings(page_size=3)
    assert {rule["RuleArn"] for rule in rules(cloud, listener) if not rule["IsDefault"]} == set(made)
    c.refused("ValidationError", cloud.elb.describe_rules, ListenerArn=listener, PageSize=401)
    c.refused("ValidationError", cloud.elb.describe_rules, ListenerArn=listener, Marker="nonsense")


def test_hundred_rules_per_load_balancer(cloud: c.Cloud, listener: str) -> None:
    for number in range(1, 101):
        cloud.rule(listener, number)
    c.refused("TooManyRules", cloud.rule, listener, 101)


def test_transforms_are_stored_kept_and_reset(cloud: c.Cloud, listener: str) -> None:
    transforms = [
        {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}},
        {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "^.*$", "Replace": "x.y"}]}},
    ]
    rule = cloud.rule(listener, Transforms=transforms)
    shown = cloud.elb.modify_rule(RuleArn=rule, Conditions=[c.path("/other")])["Rules"][0]
    assert shown["Transforms"] == transforms
    assert shown["Actions"] == [c.fixed()]
    shown = cloud.elb.modify_rule(RuleArn=rule, ResetTransforms=True)["Rules"][0]
    assert "Transforms" not in shown
    assert shown["Conditions"][0]["Values"] == ["/other"]


def rewrite(*pairs: tuple[str, str], kind: str = "url-rewrite") -> dict[str, Any]:
    rewrites = [{"Regex": pattern, "Replace": replace} for pattern, replace in pairs]
    return {"Type": kind, "UrlRewriteConfig": {"Rewrites": rewrites}}


@pytest.mark.parametrize(
    "transforms",
    [
        [rewrite(("a", "b")), rewrite(("c", "d"))],
        [rewrite(("a", "b"), ("c", "d"))],
        [rewrite()],
        [rewrite(("a b", "c"))],
        [rewrite((r"(a)\1", "c"))],
        [rewrite(("a" * 1025, "c"))],
        [rewrite(("a", "c" * 1025))],
        [rewrite(("a", "b"), kind="host-header-rewrite")],
        [rewrite(("a", "b"), kind="path-rewrite")],
    ],
)
def test_refused_transforms(cloud: c.Cloud, listener: str, transforms: Any) -> None:
    c.refused("ValidationError", cloud.rule, listener, Transforms=transforms)


def body(**config: str) -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", **config}}


def redirect(**config: str) -> dict[str, Any]:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (redirect(), "InvalidLoadBalancerAction"),
        (redirect(Query="a=b"), "InvalidLoadBalancerAction"),
        (redirect(Protocol="HTTP", Port="80"), "InvalidLoadBalancerAction"),
        (redirect(Path="x"), "ValidationError"),
        (redirect(Path="/" + "x" * 128), "ValidationError"),
        (redirect(Host="x" * 129), "ValidationError"),
        (redirect(Port="0"), "ValidationError"),
        (redirect(Protocol="FTP"), "ValidationError"),
        (redirect(Path="/#{nothing}"), "ValidationError"),
        (redirect(Path="/x", StatusCode="HTTP_303"), "ValidationError"),
        (redirect(Path="/x", StatusCode="HTTP_308"), "ValidationError"),
        (c.fixed("301"), "ValidationError"),
        (body(MessageBody="x" * 1025), "ValidationError"),
        (body(ContentType="image/png"), "ValidationError"),
        ({"Type": "fixed-response"}, "InvalidLoadBalancerAction"),
        ({"Type": "forward"}, "ValidationError"),
        ({"Type": "teleport"}, "ValidationError"),
        ({**c.fixed(), "RedirectConfig": {"StatusCode": "HTTP_301"}}, "InvalidLoadBalancerAction"),
    ],
)
def test_refused_actions(cloud: c.Cloud, listener: str, action: Any, code: str) -> None:
    c.refused(code, cloud.rule, listener, action=action)


def test_redirect_comes_back_with_defaults(cloud: c.Cloud, listener: str) -> None:
    cloud.rule(listener, action=redirect(Protocol="HTTPS", Port="443"))
    shown = next(rule for rule in rules(cloud, listener) if not rule["IsDefault"])
    assert shown["Actions"][0]["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Port": "443",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }


def test_https_listener_does_not_redirect_to_http(cloud: c.Cloud) -> None:
    https = cloud.listener(
        cloud.balancer(), port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": cloud.certificate()}]
    )
    c.refused("InvalidLoadBalancerAction", cloud.rule, https, action=redirect(Protocol="HTTP", Port="80"))


def test_two_terminal_actions(cloud: c.Cloud, listener: str) -> None:
    actions = [{**c.fixed(), "Order": 1}, {**c.fixed("500"), "Order": 2}]
    given = {"ListenerArn": listener, "Priority": 1, "Conditions": [c.path("/a")]}
    c.refused("InvalidLoadBalancerAction", cloud.elb.create_rule, Actions=actions, **given)
    c.refused("ValidationError", cloud.elb.create_rule, Actions=[], **given)


def test_authentication_needs_https(cloud: c.Cloud, listener: str) -> None:
    jwt = {"JwksEndpoint": "https://a.example.com/k", "Issuer": "https://a.example.com"}
    actions = [{"Type": "jwt-validation", "JwtValidationConfig": jwt, "Order": 1}, {**c.fixed(), "Order": 2}]
    given = {"Priority": 1, "Conditions": [c.path("/a")], "Actions": actions}
    c.refused("InvalidLoadBalancerAction", cloud.elb.create_rule, ListenerArn=listener, **given)
    https = cloud.listener(
        cloud.balancer("two"), port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": cloud.certificate()}]
    )
    shown = cloud.elb.create_rule(ListenerArn=https, **given)["Rules"][0]
    assert shown["Actions"] == actions


def test_forward_to_one_group_comes_back_in_both_forms(cloud: c.Cloud, listener: str) -> None:
    group = cloud.targets()
    cloud.rule(listener, action=c.forward(group))
    shown = next(rule for rule in rules(cloud, listener) if not rule["IsDefault"])["Actions"][0]
    assert shown["TargetGroupArn"] == group
    assert shown["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": group, "Weight": 1}]


def test_forward_limits(cloud: c.Cloud, listener: str) -> None:
    groups = [cloud.targets(f"g{number}") for number in range(6)]
    cloud.rule(listener, 1, action=c.forward(*groups[:5]))
    c.refused("ValidationError", cloud.rule, listener, 2, action=c.forward(*groups))
    c.refused("ValidationError", cloud.rule, listener, 2, action=c.forward(groups[0], groups[0]))
    heavy = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1000}]}}
    c.refused("ValidationError", cloud.rule, listener, 2, action=heavy)
    both = {**c.forward(groups[0]), "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[1]}]}}
    c.refused("InvalidLoadBalancerAction", cloud.rule, listener, 2, action=both)
    sticky = c.forward(groups[0], groups[1])
    sticky["ForwardConfig"]["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 604801}
    c.refused("ValidationError", cloud.rule, listener, 2, action=sticky)


def test_forward_to_what_does_not_fit(cloud: c.Cloud, listener: str) -> None:
    group = cloud.targets("gone")
    cloud.elb.delete_target_group(TargetGroupArn=group)
    c.refused("TargetGroupNotFound", cloud.rule, listener, action=c.forward(group))
    c.refused("IncompatibleProtocols", cloud.rule, listener, action=c.forward(cloud.targets("tcp", Protocol="TCP")))
    grpc = cloud.targets("grpc", ProtocolVersion="GRPC")
    c.refused("InvalidConfigurationRequest", cloud.rule, listener, action=c.forward(grpc))


def test_group_belongs_to_one_load_balancer(cloud: c.Cloud, listener: str) -> None:
    group = cloud.targets()
    cloud.rule(listener, action=c.forward(group))
    other = cloud.listener(cloud.balancer("two"))
    c.refused("TargetGroupAssociationLimit", cloud.rule, other, action=c.forward(group))
    c.refused(
        "TargetGroupAssociationLimit", cloud.elb.modify_listener, ListenerArn=other, DefaultActions=[c.forward(group)]
    )


def test_hundred_groups_per_load_balancer(cloud: c.Cloud, listener: str) -> None:
    groups = [cloud.targets(f"g{number}") for number in range(101)]
    for number in range(20):
        cloud.rule(listener, number + 1, action=c.forward(*groups[number * 5 : number * 5 + 5]))
    c.refused("TooManyUniqueTargetGroupsPerLoadBalancer", cloud.rule, listener, 21, action=c.forward(groups[100]))


def test_network_listeners_have_no_rules(cloud: c.Cloud) -> None:
    group = cloud.targets("tcp", Protocol="TCP")
    network = cloud.listener(cloud.balancer("net", Type="network"), c.forward(group), Protocol="TCP")
    c.refused("UnsupportedProtocol", cloud.rule, network, action=c.forward(group))
