"""Bodies: what becomes of them, what is refused and in which words; and the check of answers."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.gcp import errors, schema


def refused(schema_name: str, body: Any) -> errors.Refusal:
    with pytest.raises(errors.Refusal) as caught:
        schema.take(schema_name, body)
    assert caught.value.status == 400
    assert caught.value.reason == "invalid"
    return caught.value


def test_output_only_members_and_nulls_are_dropped() -> None:
    body = {"name": "a", "selfLink": "x", "id": "1", "creationTimestamp": "t", "description": None}
    assert schema.take("UrlMap", body) == {"name": "a"}


def test_a_merge_patch_keeps_its_nulls() -> None:
    body = {"description": None, "defaultRouteAction": {"timeout": None}, "id": None}
    assert schema.take("UrlMap", body, nulls=True) == {"description": None, "defaultRouteAction": {"timeout": None}}


def test_numbers_are_canonical() -> None:
    body: dict[str, Any] = {"checkIntervalSec": "5", "tcpHealthCheck": {"port": 80.0}}
    assert schema.take("HealthCheck", body) == {"checkIntervalSec": 5, "tcpHealthCheck": {"port": 80}}
    body = {"pathMatchers": [{"defaultRouteAction": {"timeout": {"seconds": 3, "nanos": "4"}}}]}
    taken = schema.take("UrlMap", body)["pathMatchers"][0]["defaultRouteAction"]["timeout"]
    assert taken == {"seconds": "3", "nanos": 4}
    assert schema.take("Backend", {"capacityScaler": "0.5", "maxRatePerEndpoint": 1.0}) == {
        "capacityScaler": 0.5,
        "maxRatePerEndpoint": 1,
    }


def test_an_empty_enum_is_not_set() -> None:
    assert schema.take("ForwardingRule", {"loadBalancingScheme": "", "description": ""}) == {"description": ""}


def test_maps_are_open() -> None:
    assert schema.take("Address", {"labels": {"any": "thing"}}) == {"labels": {"any": "thing"}}
    assert (
        refused("Address", {"labels": {"any": 1}}).message == "Invalid value at 'resource.labels.any' (TYPE_STRING), 1"
    )


def test_unknown_members_are_named_with_their_place() -> None:
    found = refused("UrlMap", {"tset": 1, "pathMatchers": [{"routeRules": [{"foo": {}}]}]})
    lines = [
        "Invalid JSON payload received. Unknown name \"tset\" at 'resource': Cannot find field.",
        "Invalid JSON payload received. Unknown name \"foo\" at 'resource.path_matchers[0].route_rules[0]': "
        "Cannot find field.",
    ]
    assert found.message.split("\n") == lines
    assert found.details == {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [
            {"field": "resource", "description": lines[0]},
            {"field": "resource.path_matchers[0].route_rules[0]", "description": lines[1]},
        ],
    }


@pytest.mark.parametrize(
    ("schema_name", "body", "message"),
    [
        ("HealthCheck", {"timeoutSec": "soon"}, "Invalid value at 'resource.timeout_sec' (TYPE_INT32), \"soon\""),
        ("HealthCheck", {"timeoutSec": 2**31}, "Invalid value at 'resource.timeout_sec' (TYPE_INT32), 2147483648"),
        ("HealthCheck", {"timeoutSec": True}, "Invalid value at 'resource.timeout_sec' (TYPE_INT32), true"),
        ("HealthCheck", {"timeoutSec": 1.5}, "Invalid value at 'resource.timeout_sec' (TYPE_INT32), 1.5"),
        ("Firewall", {"disabled": "true"}, "Invalid value at 'resource.disabled' (TYPE_BOOL), \"true\""),
        ("UrlMap", {"description": 1}, "Invalid value at 'resource.description' (TYPE_STRING), 1"),
        ("UrlMap", {"fingerprint": "!"}, "Invalid value at 'resource.fingerprint' (TYPE_BYTES), \"!\""),
        ("UrlMap", {"hostRules": {}}, "Invalid value at 'resource.host_rules' (repeated field), ..."),
        ("UrlMap", [], "Invalid value at 'resource' (type.googleapis.com/google.cloud.compute.v1.UrlMap), ..."),
        (
            "UrlMap",
            {"defaultUrlRedirect": "x"},
            "Invalid value at 'resource.default_url_redirect' "
            '(type.googleapis.com/google.cloud.compute.v1.HttpRedirectAction), "x"',
        ),
        ("Backend", {"capacityScaler": "x"}, "Invalid value at 'resource.capacity_scaler' (TYPE_DOUBLE), \"x\""),
    ],
)
def test_wrong_types(schema_name: str, body: Any, message: str) -> None:
    assert refused(schema_name, body).message == message


def test_a_private_key_is_not_repeated() -> None:
    assert "42" not in refused("SslCertificate", {"privateKey": 42}).message


def test_enums_are_refused_by_the_service() -> None:
    found = refused("BackendService", {"loadBalancingScheme": "OUTSIDE"})
    assert found.message.startswith(
        "Invalid value for field 'resource.loadBalancingScheme': 'OUTSIDE'. Must be one of ["
    )
    found = refused("BackendService", {"backends": [{"balancingMode": "X"}]})
    assert found.message.startswith("Invalid value for field 'resource.backends[0].balancingMode': 'X'.")


def test_a_name_must_match() -> None:
    assert refused("Address", {"name": "a.b"}).message == (
        "Invalid value for field 'resource.name': 'a.b'. "
        "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
    )


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        ({"kind": "compute#urlMap", "name": "a", "id": "12"}, []),
        ({"kind": "compute#urlmap"}, ["UrlMap.kind is 'compute#urlmap', not 'compute#urlMap'"]),
        ({"id": 12}, ["UrlMap.id is no uint64 as JSON has it"]),
        ({"nam": "a"}, ["UrlMap.nam is not published"]),
        ({"name": None}, ["UrlMap.name is no string"]),
        ({"hostRules": {}}, ["UrlMap.hostRules is no list"]),
        (
            {"tests": [{"expectedRedirectResponseCode": "301"}]},
            ["UrlMap.tests[0].expectedRedirectResponseCode is no int32"],
        ),
        (
            {"defaultUrlRedirect": {"redirectResponseCode": "MOVED"}},
            [
                "UrlMap.defaultUrlRedirect.redirectResponseCode is 'MOVED', none of FOUND, MOVED_PERMANENTLY_DEFAULT, "
                "PERMANENT_REDIRECT, SEE_OTHER, TEMPORARY_REDIRECT"
            ],
        ),
        ({"status": {"quotaUsage": 1}}, ["UrlMap.status.quotaUsage is no object"]),
    ],
)
def test_answers_are_checked(answer: Any, problems: list[str]) -> None:
    found = schema.check("UrlMap", answer)
    assert [one.removesuffix(" as JSON has it") for one in found] == [
        one.removesuffix(" as JSON has it") for one in problems
    ]
