"""Pools, probes, settings and the roots they trust, in both forms.

`shapes` collects it. Pure. The port belongs to the settings in Azure and to the pool in our elements, because a pool's
incarnation is the Service's port: the pool's name carries it. learn.microsoft.com/azure/application-gateway/
configuration-http-settings, .../application-gateway-probe-overview.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw_azure.shapes_values import READ_ONLY, IdOf, RefOf, ref_in, sub

_BODY = "body "  # begins what a probe of somebody else asks of an answer's body
AFFINITY_COOKIE = "ApplicationGatewayAffinity"  # its name when nobody gave one: .../configuration-http-settings

MEMBERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "trustedRootCertificates": (("data", *READ_ONLY), {}),
    "backendAddressPools": (("backendAddresses", "backendIPConfigurations", *READ_ONLY), {}),
    "probes": (
        (
            "protocol",
            "host",
            "path",
            "port",
            "interval",
            "timeout",
            "unhealthyThreshold",
            "pickHostNameFromBackendHttpSettings",
            "match",
            *READ_ONLY,
        ),
        {"minServers": 0},
    ),
    "backendHttpSettingsCollection": (
        (
            "port",
            "protocol",
            "requestTimeout",
            "cookieBasedAffinity",
            "affinityCookieName",
            "hostName",
            "probe",
            "probeEnabled",
            "trustedRootCertificates",
            "sniName",
            "connectionDraining",
            *READ_ONLY,
        ),
        {"validateCertChainAndExpiry": True, "validateSNI": True},
    ),
}
KEPT: dict[str, tuple[str, ...]] = {}


def write_root(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    return {"data": spec["data"]}


def read_root(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    return {"data": properties.get("data") or ""}


def write_pool(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    """Empty: its members are the element `targets`."""
    return {"backendAddresses": []}


def read_pool(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    return {}


def write_targets(targets: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"ipAddress" if _is_address(target) else "fqdn": target} for target in targets]


def read_targets(properties: Mapping[str, Any]) -> tuple[str, ...]:
    members = properties.get("backendAddresses") or ()
    return tuple(sorted(str(member.get("ipAddress") or member.get("fqdn") or "") for member in members))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def write_probe(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    """host "" asks for the host name of the settings."""
    found = {
        "protocol": spec["protocol"],
        "path": spec["path"],
        "interval": spec["interval"],
        "timeout": spec["timeout"],
        "unhealthyThreshold": spec["threshold"],
        "pickHostNameFromBackendHttpSettings": not spec["host"],
        "minServers": 0,
        "match": _write_match(spec["statuses"]),
    }
    found |= {"port": spec["port"]} if spec.get("port") else {}
    return found | ({"host": spec["host"]} if spec["host"] else {})


def _write_match(statuses: tuple[str, ...]) -> dict[str, Any]:
    body = next((text.removeprefix(_BODY) for text in statuses if text.startswith(_BODY)), "")
    found: dict[str, Any] = {"statusCodes": [text for text in statuses if not text.startswith(_BODY)]}
    return found | ({"body": body} if body else {})


def read_probe(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    picked, match = properties.get("pickHostNameFromBackendHttpSettings"), properties.get("match") or {}
    body = (f"{_BODY}{match['body']}",) if match.get("body") else ()  # we never ask for one, so that it differs
    return {
        "protocol": properties.get("protocol") or "",
        "host": "" if picked else properties.get("host") or "",
        "path": properties.get("path") or "",
        "port": properties.get("port"),
        "interval": properties.get("interval"),
        "timeout": properties.get("timeout"),
        "threshold": properties.get("unhealthyThreshold"),
        "statuses": tuple(match.get("statusCodes") or ()) + body,
    }


def write_settings(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    found: dict[str, Any] = {
        "port": spec["port"],
        "protocol": spec["protocol"],
        "requestTimeout": spec["timeout"],
        "cookieBasedAffinity": "Enabled" if spec.get("affinity") else "Disabled",
        "pickHostNameFromBackendAddress": False,
    }
    if spec.get("affinity"):
        found["affinityCookieName"] = spec["affinity"]
    if spec.get("host"):
        found["hostName"] = spec["host"]
    if spec.get("probe") is not None:
        found["probe"] = sub(spec["probe"], id_of)
    if spec.get("roots"):
        found["trustedRootCertificates"] = [sub(root, id_of) for root in spec["roots"]]
    if spec.get("sni"):
        found["sniName"] = spec["sni"]
    if spec.get("draining"):
        found["connectionDraining"] = {"enabled": True, "drainTimeoutInSec": spec["draining"]}
    return found


def read_settings(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    draining = properties.get("connectionDraining") or {}
    affinity = properties.get("affinityCookieName") or AFFINITY_COOKIE
    roots = properties.get("trustedRootCertificates") or ()
    return {
        "port": properties.get("port"),
        "protocol": properties.get("protocol") or "",
        "timeout": properties.get("requestTimeout"),
        "affinity": affinity if properties.get("cookieBasedAffinity") == "Enabled" else "",
        "host": properties.get("hostName") or "",
        "probe": ref_in(properties, "probe", ref_of),
        "roots": tuple(ref_of(str(root["id"]), "exists") for root in roots),
        "sni": properties.get("sniName") or "",
        "draining": int(draining.get("drainTimeoutInSec") or 0) if draining.get("enabled") else 0,
    }
