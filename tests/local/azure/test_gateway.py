"""The gateway document as a whole: what is stored, shown and put back; secrets; names; references."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from cloudgw_local.azure import errors, gateway, schema

from . import samples
from .samples import Json, edit

ID = samples.gateway_id()
GOOD = {"small": samples.gateway, "whole": samples.whole, "private link": samples.private_link}


def accept(body: Any, around: samples.Surroundings | None = None, current: Json | None = None) -> Json:
    return gateway.accept(body, id=ID, current=current, around=around or samples.Surroundings())


def refused(body: Any, around: samples.Surroundings | None = None, current: Json | None = None) -> errors.Refusal:
    with pytest.raises(errors.Refusal) as caught:
        accept(body, around, current)
    return caught.value


def shown(body: Any) -> Json:
    return gateway.show(accept(body) | {"etag": 'W/"1"'}, state="Succeeded")


@pytest.mark.parametrize("name", GOOD)
def test_what_a_client_reads_and_puts_back_changes_nothing(name: str) -> None:
    stored = accept(GOOD[name]())
    answer = gateway.show(stored | {"etag": 'W/"1"'}, state="Succeeded")
    again = accept(copy.deepcopy(answer), current=stored)
    assert again == stored
    assert gateway.show(again | {"etag": 'W/"1"'}, state="Succeeded") == answer


@pytest.mark.parametrize("name", GOOD)
def test_answers_conform_to_the_schema_and_show_every_given_member(name: str) -> None:
    body = GOOD[name]()
    answer = shown(body)
    schema.check("ApplicationGateway", answer)
    _check_within(body, answer, "")


def _check_within(given: Any, answer: Any, path: str) -> None:
    if isinstance(given, dict):
        for key, value in given.items():
            if key not in ("data", "password"):
                _check_within(value, answer[key], f"{path}.{key}")
    elif isinstance(given, list):
        assert len(given) == len(answer), path
        for one, other in zip(given, answer, strict=True):
            _check_within(one, other, path)
    else:
        assert given == answer, path


def test_children_are_named_and_refer_back() -> None:
    properties = shown(samples.whole())["properties"]
    listener = next(one for one in properties["httpListeners"] if one["name"] == "secure")
    assert listener["id"] == f"{ID}/httpListeners/secure"
    assert listener["type"] == "Microsoft.Network/applicationGateways/httpListeners"
    assert listener["etag"] == 'W/"1"'
    assert listener["properties"]["provisioningState"] == "Succeeded"
    assert listener["properties"]["requestRoutingRules"] == [samples.ref("requestRoutingRules", "rule-secure")]
    pool = properties["backendAddressPools"][0]["properties"]
    assert pool["requestRoutingRules"] == [samples.ref("requestRoutingRules", "rule-shop")]
    assert pool["urlPathMaps"] == [samples.ref("urlPathMaps", "paths")]
    assert pool["pathRules"] == [samples.ref("urlPathMaps/paths/pathRules", "api")]
    assert pool["routingRules"] == [samples.ref("routingRules", "rule-stream")]
    rule = properties["urlPathMaps"][0]["properties"]["pathRules"][0]
    assert rule["id"] == f"{ID}/urlPathMaps/paths/pathRules/api"
    assert rule["type"] == "Microsoft.Network/applicationGateways/urlPathMaps/pathRules"
    assert properties["probes"][0]["properties"]["backendHttpSettings"] == [
        samples.ref("backendHttpSettingsCollection", "https")
    ]


def test_the_state_is_of_the_gateway_and_its_children() -> None:
    answer = gateway.show(accept(samples.gateway()), state="Updating")["properties"]
    assert answer["provisioningState"] == "Updating"
    assert answer["urlPathMaps"] == []
    assert {child["properties"]["provisioningState"] for child in answer["httpListeners"]} == {"Updating"}


def test_no_answer_holds_a_secret() -> None:
    body = samples.whole()
    stored = accept(body)
    certificate = stored["properties"]["sslCertificates"][0]["properties"]
    assert (certificate["_data"], certificate["_password"]) == (samples.pfx(), samples.PASSWORD)
    text = json.dumps(gateway.show(stored, state="Succeeded"))
    assert samples.pfx() not in text
    assert samples.PASSWORD not in text
    assert "_data" not in text
    assert "_publicCertData" not in text


def test_the_public_half_of_a_pfx_is_shown() -> None:
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    certificate = shown(samples.whole())["properties"]["sslCertificates"][0]["properties"]
    (leaf,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(certificate["publicCertData"]))
    assert base64.b64encode(leaf.public_bytes(Encoding.DER)).decode() == samples.certificate(ca=False)


def test_a_certificate_without_data_keeps_the_stored_one() -> None:
    stored = accept(samples.whole())
    body = edit(samples.whole(), "sslCertificates/cert", data=None, password=None)
    body["properties"]["sslCertificates"][0]["name"] = "CERT"
    certificate = accept(body, current=stored)["properties"]["sslCertificates"][0]
    assert certificate["properties"] == stored["properties"]["sslCertificates"][0]["properties"]
    assert refused(body).code == "ApplicationGatewayCertificateDataOrKeyVaultSecretIdMustBeSpecified"


def test_root_certificates_may_be_hidden_and_are_kept() -> None:
    around = samples.Surroundings()
    around.beliefs["azure-root-certificate-data"] = "hidden"
    stored = accept(samples.whole(), around)
    answer = gateway.show(stored, state="Succeeded")
    assert "data" not in answer["properties"]["trustedRootCertificates"][0]["properties"]
    assert accept(answer, around, stored) == stored
    assert "data" in shown(samples.whole())["properties"]["trustedRootCertificates"][0]["properties"]


def test_omitted_children_are_deleted() -> None:
    stored = accept(samples.whole())
    again = accept(samples.gateway(), current=stored)
    assert again == accept(samples.gateway())


def test_refusals_may_come_late_and_then_hold_the_document() -> None:
    around = samples.Surroundings()
    body = edit(samples.gateway(), "requestRoutingRules/rule", priority=0)
    assert not refused(body, around).late
    around.beliefs["azure-late-refusal"] = "late"
    late = refused(body, around)
    assert late.late
    assert late.document is not None
    schema.check("ApplicationGateway", gateway.show(late.document, state="Failed"))
    assert not refused({"nope": 1}, around).late
    dangling = edit(samples.gateway(), "requestRoutingRules/rule", httpListener=samples.ref("httpListeners", "gone"))
    assert not refused(dangling, around).late


def test_key_vault_failures_are_always_late() -> None:
    around = samples.Surroundings()
    around.settings["key_vault_refused"] = "kv-edge"
    refusal = refused(samples.whole(), around)
    assert (refusal.code, refusal.late) == ("ApplicationGatewayKeyVaultSecretException", True)
    assert refusal.details[0][2] == f"{ID}/sslCertificates/vault"
    without = samples.whole()
    del without["identity"]
    assert refused(without).code == "ApplicationGatewayKeyVaultSecretException"


def test_duplicate_children_are_named_as_azure_names_them() -> None:
    body = samples.gateway()
    body["properties"]["frontendPorts"].append(samples.child("P80", port=81))
    refusal = refused(body)
    assert refusal.code == "InvalidRequestFormat"
    ((code, message, _),) = refusal.details
    assert code == "DuplicateResourceName"
    assert message.endswith("has two child resources with the same name (P80).")
    twice = samples.whole()
    rules = twice["properties"]["urlPathMaps"][0]["properties"]["pathRules"]
    rules.append(
        samples.child("API", paths=["/else"], **{k: v for k, v in rules[0]["properties"].items() if k != "paths"})
    )
    assert refused(twice).details[0][0] == "DuplicateResourceName"


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a" * 81, "a/b", "ä"])
def test_bad_names(name: str) -> None:
    body = samples.gateway()
    body["properties"]["backendAddressPools"].append(samples.child(name))
    refusal = refused(body)
    assert refusal.code == "InvalidResourceName"
    assert f"Resource name {name} is invalid" in refusal.message


@pytest.mark.parametrize("name", ["a", "A_", "a" * 80, "9.b-c"])
def test_good_names(name: str) -> None:
    body = samples.gateway()
    body["properties"]["backendAddressPools"].append(samples.child(name))
    assert accept(body)["properties"]["backendAddressPools"][1]["name"] == name


def test_references_are_found_in_any_case() -> None:
    body = samples.gateway()
    reference = body["properties"]["requestRoutingRules"][0]["properties"]["httpListener"]
    reference["id"] = reference["id"].upper()
    listener = shown(body)["properties"]["httpListeners"][0]["properties"]
    assert listener["requestRoutingRules"] == [samples.ref("requestRoutingRules", "rule")]


POOL = samples.ref("backendAddressPools", "pool")["id"]
DANGLING: dict[str, tuple[str, str, Any]] = {
    "child": ("requestRoutingRules/rule", "backendAddressPool", samples.ref("backendAddressPools", "gone")),
    "child of another gateway": (
        "requestRoutingRules/rule",
        "httpListener",
        samples.ref("httpListeners", "web", gateway="other"),
    ),
    "public IP": ("frontendIPConfigurations/public", "publicIPAddress", {"id": samples.public_ip_id("gone")}),
    "subnet": ("gatewayIPConfigurations/gwip", "subnet", {"id": samples.SUBNET + "x"}),
    "path rule": ("urlPathMaps/paths/pathRules/api", "rewriteRuleSet", samples.ref("rewriteRuleSets", "gone")),
    "redirect": ("redirectConfigurations/to-shop", "targetListener", samples.ref("httpListeners", "gone")),
    "one of a list": (
        "sslProfiles/mutual",
        "trustedClientCertificates",
        [samples.ref("trustedClientCertificates", "gone")],
    ),
}


@pytest.mark.parametrize("name", DANGLING)
def test_dangling_references(name: str) -> None:
    path, member, target = DANGLING[name]
    refusal = refused(edit(samples.whole(), path, **{member: target}))
    assert refusal.code == "InvalidResourceReference"
    wanted = target[0]["id"] if isinstance(target, list) else target["id"]
    assert refusal.message == (
        f"Resource {wanted} referenced by resource {ID}/{path} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region."
    )


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (POOL, "InvalidJsonReferenceWrongType"),
        (samples.public_ip_id(), "InvalidJsonReferenceWrongType"),
        ("web", "InvalidJsonReferenceFormat"),
        (f"{ID}/httpListeners", "InvalidJsonReferenceFormat"),
    ],
)
def test_references_of_another_kind(target: str, code: str) -> None:
    refusal = refused(edit(samples.gateway(), "requestRoutingRules/rule", httpListener={"id": target}))
    assert refusal.code == "InvalidRequestFormat"
    ((found, message, _),) = refusal.details
    assert found == code
    assert message.endswith(
        "The Id is expected to reference resources of type applicationGateways/httpListeners. "
        "Path properties.requestRoutingRules[0].properties.httpListener."
    )


def test_a_gateway_needs_a_location() -> None:
    body = samples.gateway()
    del body["location"]
    assert refused(body).code == "LocationRequired"
