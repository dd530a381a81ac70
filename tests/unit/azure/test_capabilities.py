"""What rows of the capabilities rest on, by the SDK's models: where they changed, a row is out of date."""

from __future__ import annotations

from azure.mgmt.network import models

from cloudgw_azure import kinds


def members(model: type) -> set[str]:
    """Members of a model of the vendor, as JSON names: when they change, a row is out of date."""
    found: dict[str, object] = {}
    for one in model.__mro__:
        found |= getattr(one, "__annotations__", {})
    return {name for name in found if not name.startswith("_")}


def test_a_frontend_may_have_a_named_address() -> None:
    found = members(models.ApplicationGatewayFrontendIPConfigurationPropertiesFormat)
    assert {"private_ip_address", "public_ip_address"} <= found


def test_no_listener_compares_the_server_name() -> None:
    found = members(models.ApplicationGatewayHttpListenerPropertiesFormat)
    assert {name for name in found if "server_name" in name or "sni" in name} == {"require_server_name_indication"}


def test_backends_see_no_certificate() -> None:
    found = members(models.ApplicationGatewayBackendHttpSettingsPropertiesFormat)
    assert "sni_name" in found
    assert not [name for name in found if "client" in name or name.endswith("ssl_certificate")]


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "public-ip",
        "gateway",
        "frontend-port",
        "certificate",
        "trusted-root",
        "listener",
        "pool",
        "targets",
        "probe",
        "settings",
        "path-map",
        "path-rule",
        "rule",
        "redirect",
        "rewrite-set",
    }
