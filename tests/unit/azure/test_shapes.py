"""Whatever is written is read back equal, and what others wrote into a child of ours differs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw_azure import shapes, shapes_backends, shapes_front
from tests.unit.azure import elements

ELSEWHERE = {"gateway", "map", "fingerprint"}  # not in a child's properties
SHAPED = [e for e in elements.elements() if model.kind_of(e.address) in shapes.SHAPES]
BASE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/gw"


def id_of(ref: model.Ref) -> str:
    if ref.to.startswith("///"):
        return f"{BASE}{ref.to[2:]}"
    return f"{BASE}/{ref.to.replace('/', '~')}/x"


def ref_of(identity: str, until: Any) -> model.Ref | str:
    where = identity.split("/")[-2].replace("~", "/")
    return model.Ref(where, until) if where.startswith("shop/edge") else identity


def fields(element: model.Element) -> dict[str, Any]:
    left = ELSEWHERE if model.kind_of(element.address) != "rule" else {"gateway"}
    if model.kind_of(element.address) == "pool":
        left = {"gateway", "port", "protocol"}
    return {name: value for name, value in element.fields.items() if name not in left}


@pytest.mark.parametrize("element", SHAPED, ids=lambda e: model.short(e.address))
def test_what_is_written_is_read_back(element: model.Element) -> None:
    kind = model.kind_of(element.address)
    written = shapes.write(kind, element.fields, id_of)
    assert shapes.read(kind, written | {"provisioningState": "Succeeded"}, ref_of) == fields(element)


def test_every_kind_is_sampled() -> None:
    assert {model.kind_of(e.address) for e in SHAPED} == set(shapes.SHAPES)


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        ("listener", "sslProfile", {"id": "/x"}),
        ("listener", "customErrorConfigurations", [{"statusCode": "HttpStatus502", "customErrorPageUrl": "https://x"}]),
        ("probe", "minServers", 2),
        ("settings", "path", "/override/"),
        ("settings", "pickHostNameFromBackendAddress", True),
        ("settings", "validateSNI", False),
        ("settings", "dedicatedBackendConnection", True),
        ("path-map", "defaultRewriteRuleSet", {"id": "/x"}),
        ("path-rule", "loadDistributionPolicy", {"id": "/x"}),
        ("rule", "rewriteRuleSet", {"id": "/x"}),
    ],
)
def test_what_we_never_write_is_extra_and_can_be_put_back(kind: str, member: str, value: Any) -> None:
    element = next(e for e in SHAPED if model.kind_of(e.address) == kind)
    written = shapes.write(kind, element.fields, id_of)
    found = shapes.read(kind, written | {member: value}, ref_of)
    assert json.loads(found["extra"]) == {member: value}
    again = shapes.write(kind, {**element.fields, "extra": found["extra"]}, id_of)
    assert again[member] == value


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("listener", {"requestRoutingRules": [{"id": "/x"}], "redirectConfigurations": [{"id": "/x"}]}),
        ("listener", {"hostName": None, "customErrorConfigurations": [], "sslProfile": None}),
        ("settings", {"urlPathMaps": [{"id": "/x"}], "validateSNI": True, "path": None, "probeEnabled": True}),
        ("path-rule", {"provisioningState": "Updating"}),
        ("probe", {"minServers": 0, "match": {"body": "", "statusCodes": ["200-399"]}}),
    ],
)
def test_what_azure_fills_in_is_no_drift(kind: str, more: dict[str, Any]) -> None:
    element = next(e for e in SHAPED if model.kind_of(e.address) == kind)
    assert shapes.read(kind, shapes.write(kind, element.fields, id_of) | more, ref_of) == fields(element)


def test_a_firewall_policy_of_others_is_kept() -> None:
    """An add-on that we do not manage: absent does not mean remove."""
    for kind in ("listener", "path-rule"):
        element = next(e for e in SHAPED if model.kind_of(e.address) == kind)
        standing = shapes.write(kind, element.fields, id_of) | {
            "firewallPolicy": {"id": "/waf"},
            "sslProfile": {"id": "/p"},
        }
        again = shapes.write(kind, element.fields, id_of, standing)
        assert again["firewallPolicy"] == {"id": "/waf"}
        assert "sslProfile" not in again
        assert "firewallPolicy" not in shapes.read(kind, again, ref_of)["extra"]


@pytest.mark.parametrize(
    ("kind", "member", "value", "field"),
    [
        ("rewrite-set", "rewriteRules", [{"name": "a", "actionSet": {"urlConfiguration": {"reroute": True}}}], "rules"),
        ("redirect", "includeQueryString", False, "include_query"),
        ("trusted-root", "data", "b3RoZXI=", "data"),
        ("frontend-port", "port", 81, "port"),
        ("probe", "port", 81, "port"),
        ("probe", "match", {"body": "ok", "statusCodes": ["200-399"]}, "statuses"),
        ("rule", "ruleType", "Basic", "map"),
        ("path-rule", "backendAddressPool", {"id": "/other/pool"}, "action"),
        ("certificate", "keyVaultSecretId", "https://vault/secrets/x", "key_vault"),
    ],
)
def test_a_changed_member_is_a_changed_field(kind: str, member: str, value: Any, field: str) -> None:
    element = next(e for e in SHAPED if model.kind_of(e.address) == kind)
    written = shapes.write(kind, element.fields, id_of)
    found = shapes.read(kind, written | {member: value}, ref_of)
    assert [name for name in found if found[name] != element.fields[name]] == [field]


def test_targets_are_addresses_or_names() -> None:
    targets = ("10.0.0.1", "api.example.com", "fd00::1")
    written = shapes_backends.write_targets(targets)
    assert written == [{"ipAddress": "10.0.0.1"}, {"fqdn": "api.example.com"}, {"ipAddress": "fd00::1"}]
    assert shapes_backends.read_targets({"backendAddresses": written[::-1]}) == targets


@pytest.mark.parametrize("exposure", ["Public", "Internal"])
@pytest.mark.parametrize("policy", ["", "/policies/waf"])
def test_a_gateway_is_read_back(exposure: str, policy: str) -> None:
    public = exposure == "Public"
    spec = elements.gateway(
        exposure=exposure, private_ip=None if public else "10.0.1.9", firewall_policy=policy, capacity=(2, 10)
    ).fields
    found = shapes_front.read_gateway(shapes_front.write_gateway(spec, "/ips/one" if public else ""))
    assert found == {name: spec[name] for name in found if name != "public_ip"} | {
        "public_ip": "/ips/one" if public else None
    }


def test_a_gateway_that_somebody_changed_differs() -> None:
    written = shapes_front.write_gateway(elements.gateway().fields, "")
    custom = {"policyType": "Custom", "minProtocolVersion": "TLSv1_0"}
    fixed = {name: value for name, value in written.items() if name != "autoscaleConfiguration"}
    fixed["sku"] = {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 3}
    assert "TLSv1_0" in shapes_front.read_gateway(written | {"sslPolicy": custom})["ssl_policy"]
    assert shapes_front.read_gateway(fixed)["capacity"] == (3,)  # (3, 3) is autoscaling
    assert shapes_front.settle_gateway(fixed, {"sku": "Standard_v2", "capacity": (3,)}, ("capacity",)) == fixed
    policy = shapes_front.read_gateway(written | {"sslPolicy": custom})["ssl_policy"]
    assert shapes_front.settle_gateway(written, {"ssl_policy": policy}, ("ssl_policy",))["sslPolicy"] == custom
    settled = shapes_front.settle_gateway(fixed, elements.gateway().fields, ("capacity",))
    assert settled["sku"] == {"name": "Standard_v2", "tier": "Standard_v2"}  # Azure refuses both kinds of capacity
    assert shapes_front.read_gateway(settled)["capacity"] == (0, 2)


def test_ids_have_no_case_and_no_order() -> None:
    properties = {"firewallPolicy": {"id": "/Policies/WAF"}}
    assert shapes_front.read_gateway(properties)["firewall_policy"] == "/policies/waf"
    ids: dict[str, Any] = {"/ids/B": {}, "/Ids/a": {}, "/ids/b": {}}
    assert shapes_front.read_identities({"identity": {"userAssignedIdentities": ids}}) == ("/ids/a", "/ids/b")
    assert shapes_front.read_identities({}) == ()


FOREIGN: list[tuple[str, dict[str, Any]]] = [
    (
        "rewrite-set",
        {
            "rewriteRules": [
                {
                    "name": "x",
                    "ruleSequence": 1,
                    "conditions": [],
                    "actionSet": {
                        "requestHeaderConfigurations": [],
                        "responseHeaderConfigurations": [
                            {"headerName": "Set-Cookie", "headerValue": "a", "headerValueMatcher": {"pattern": "b"}}
                        ],
                        "urlConfiguration": {"modifiedPath": "/x", "reroute": True},
                    },
                }
            ]
        },
    ),
    (
        "rule",
        {
            "ruleType": "Basic",
            "httpListener": {"id": "/l"},
            "backendAddressPool": {"id": "/p"},
            "backendHttpSettings": {"id": "/s"},
        },
    ),
    ("path-rule", {"paths": ["/x"], "backendHttpSettings": {"id": "/s"}, "loadDistributionPolicy": {"id": "/d"}}),
    ("path-map", {"defaultLoadDistributionPolicy": {"id": "/d"}}),
]


@pytest.mark.parametrize(("kind", "properties"), FOREIGN)
def test_what_somebody_made_of_a_child_can_be_put_again(kind: str, properties: dict[str, Any]) -> None:
    """A document that is restored may hold it: nothing is lost, and nothing refers to what is not there."""
    read = shapes.read(kind, properties, lambda identity, _: identity)
    assert shapes.write(kind, read, id_of) == properties


def test_a_probe_that_looks_at_bodies_can_be_put_again() -> None:
    element = next(e for e in SHAPED if model.kind_of(e.address) == "probe")
    written = shapes.write("probe", element.fields, id_of) | {"match": {"body": "ok", "statusCodes": ["200"]}}
    assert shapes.write("probe", shapes.read("probe", written, ref_of), id_of)["match"] == written["match"]
