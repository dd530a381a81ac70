"""Bodies against the published models: names, types, enums, read-only members, references."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.azure import errors, gateway_document, schema

from . import samples

LISTENER = "properties.httpListeners[0].properties"


def listener(**properties: Any) -> samples.Json:
    return {"properties": {"httpListeners": [{"name": "web", "properties": properties}]}}


def test_names_and_enums_become_canonical() -> None:
    body = {
        "Location": "westeurope",
        "PROPERTIES": {"HTTPLISTENERS": [{"NAME": "a", "properties": {"protocol": "hTTP"}}]},
    }
    taken = schema.take("ApplicationGateway", body)
    assert taken == {
        "location": "westeurope",
        "properties": {"httpListeners": [{"name": "a", "properties": {"protocol": "Http"}}]},
    }


def test_read_only_members_nulls_and_back_references_are_dropped() -> None:
    body = {
        "name": "gw",
        "etag": 'W/"1"',
        "tags": None,
        "properties": {
            "provisioningState": "Succeeded",
            "operationalState": "Running",
            "httpListeners": [
                {
                    "name": "web",
                    "etag": 'W/"1"',
                    "type": "Microsoft.Network/applicationGateways/httpListeners",
                    "properties": {"provisioningState": "Updating", "requestRoutingRules": [{"id": "/x"}]},
                }
            ],
        },
    }
    assert schema.take("ApplicationGateway", body) == {
        "properties": {"httpListeners": [{"name": "web", "properties": {}}]}
    }


REFUSED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "unknown member": (listener(hostname2="a"), "InvalidJson", ("member 'hostname2'", f"Path '{LISTENER}.hostname2'")),
    "unknown member at the top": ({"propertys": {}}, "InvalidJson", ("Could not find member 'propertys'",)),
    "text for a list": (listener(hostNames="a"), "InvalidJson", (f"Path '{LISTENER}.hostNames'",)),
    "text for a boolean": (listener(requireServerNameIndication="yes"), "InvalidJson", ("boolean",)),
    "text for a number": (
        {"properties": {"frontendPorts": [{"name": "p", "properties": {"port": "80"}}]}},
        "InvalidJson",
        ("Path 'properties.frontendPorts[0].properties.port'",),
    ),
    "boolean for a number": (
        {"properties": {"frontendPorts": [{"name": "p", "properties": {"port": True}}]}},
        "InvalidJson",
        ("integer",),
    ),
    "number for text": (listener(hostName=7), "InvalidJson", ("string",)),
    "list for an object": ({"properties": []}, "InvalidJson", ("ApplicationGatewayPropertiesFormat",)),
    "body that is no object": ([], "InvalidJson", ("ApplicationGateway",)),
    "unknown enum value": (listener(protocol="Gopher"), "InvalidJson", ('value "Gopher" to type', "Http/Https")),
    "reference without id": (listener(frontendPort={}), "MissingJsonReferenceId", (f"Path {LISTENER}.frontendPort.",)),
    "required member": (
        {"properties": {"autoscaleConfiguration": {"maxCapacity": 2}}},
        "InvalidJson",
        ("'minCapacity' not found",),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    body, code, message = REFUSED[name]
    with pytest.raises(errors.Refusal) as caught:
        schema.take("ApplicationGateway", body)
    assert (caught.value.code, caught.value.status) == ("InvalidRequestFormat", 400)
    ((found, text, _),) = caught.value.details
    assert found == code
    assert all(part in text for part in message), text


def test_every_fault_is_told() -> None:
    body = {"properties": {"nope": 1, "httpListeners": [{"name": "a", "properties": {"frontendPort": {}, "x": 1}}]}}
    with pytest.raises(errors.Refusal) as caught:
        schema.take("ApplicationGateway", body)
    assert [code for code, _, _ in caught.value.details] == ["InvalidJson", "MissingJsonReferenceId", "InvalidJson"]


def test_secrets_do_not_appear_in_messages() -> None:
    body = {
        "properties": {"sslCertificates": [{"name": "c", "properties": {"data": ["hush"], "password": {"a": "hush"}}}]}
    }
    with pytest.raises(errors.Refusal) as caught:
        schema.take("ApplicationGateway", body)
    assert len(caught.value.details) == 2
    assert "hush" not in str(caught.value.body())


def test_check_wants_canonical_answers() -> None:
    good = {
        "properties": {"httpListeners": [{"name": "a", "properties": {"protocol": "Http", "requestRoutingRules": []}}]}
    }
    schema.check("ApplicationGateway", good)
    bad: Any
    for bad in (
        {"Properties": {}},
        listener(protocol="http"),
        listener(hostNames=[1]),
        {"properties": {"sslCertificates": [{"name": "c", "properties": {"password": "x"}}]}},
        {"properties": {"sslCertificates": [{"name": "c", "properties": {"_data": "x"}}]}},
        {"properties": {"frontendPorts": {}}},
        {"properties": {"autoscaleConfiguration": {}}},
    ):
        with pytest.raises(ValueError, match="ApplicationGateway"):
            schema.check("ApplicationGateway", bad)


@pytest.mark.parametrize("model", ["PublicIPAddress", "VirtualNetwork", "Subnet", "NetworkSecurityGroup"])
def test_other_models_are_read_too(model: str) -> None:
    assert {"name", "properties"} <= schema.members(model).keys()


@pytest.mark.parametrize(
    "model", [*gateway_document.COLLECTIONS.values(), *(model for _, model in gateway_document.NESTED.values())]
)
def test_the_properties_of_every_child_have_a_model(model: str) -> None:
    assert schema.properties_of(model)
