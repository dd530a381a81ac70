"""The front of a gateway in both forms: ports, certificates, listeners, and what the gateway itself says.

`shapes` collects it. Pure. A certificate's `data` is written by the commit alone, and Azure never shows it again
(learn.microsoft.com/azure/application-gateway/ssl-overview); listeners with hosts: .../multiple-site-overview.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw_azure import names
from cloudgw_azure.shapes_values import READ_ONLY, IdOf, RefOf, ref_in, sub

IP_CONFIGURATION = "cgw-subnet"
FRONTENDS = {"public": "cgw-public", "private": "cgw-private"}
FRONTEND_COLLECTION = "frontendIPConfigurations"

MEMBERS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "frontendPorts": (("port", *READ_ONLY), {}),
    "sslCertificates": (("data", "password", "keyVaultSecretId", "publicCertData", *READ_ONLY), {}),
    "httpListeners": (
        (
            "frontendIPConfiguration",
            "frontendPort",
            "protocol",
            "hostName",
            "hostNames",
            "sslCertificate",
            "requireServerNameIndication",
            *READ_ONLY,
        ),
        {},
    ),
}
SETTLED = ("sku", "capacity", "http2", "ssl_policy", "firewall_policy", "identities", "tags")  # of the gateway itself
KEPT = {"httpListeners": ("firewallPolicy",)}


def write_port(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    return {"port": spec["port"]}


def read_port(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    return {"port": properties.get("port")}


def write_certificate(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:  # noqa: ARG001
    """Without bytes: those of a Secret are added at commit."""
    return {"keyVaultSecretId": spec["key_vault"]} if spec.get("key_vault") else {}


def read_certificate(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:  # noqa: ARG001
    return {"key_vault": properties.get("keyVaultSecretId") or None}


def write_listener(spec: model.Spec, id_of: IdOf) -> dict[str, Any]:
    hosts = list(spec.get("hosts") or ())
    found: dict[str, Any] = {
        "frontendIPConfiguration": {"id": id_of(frontend(spec["frontend"]))},
        "frontendPort": sub(spec["port"], id_of),
        "protocol": spec["protocol"],
        "hostNames": hosts,
    }
    if spec["protocol"] == "Https":
        found["requireServerNameIndication"] = bool(hosts)
    if spec.get("certificate") is not None:
        found["sslCertificate"] = sub(spec["certificate"], id_of)
    return found


def read_listener(properties: Mapping[str, Any], ref_of: RefOf) -> dict[str, Any]:
    single = properties.get("hostName")
    return {
        "frontend": _frontend_of(properties),
        "port": ref_in(properties, "frontendPort", ref_of),
        "protocol": properties.get("protocol") or "",
        "hosts": tuple(properties.get("hostNames") or ((single,) if single else ())),
        "certificate": ref_in(properties, "sslCertificate", ref_of),
    }


def frontend(which: str) -> model.Ref:
    """A frontend is part of the gateway, no element; a Ref of this form lets `id_of` find its id like any other."""
    return model.Ref(f"///{FRONTEND_COLLECTION}/{FRONTENDS.get(which, which)}")


def _frontend_of(properties: Mapping[str, Any]) -> str:
    name = str((properties.get("frontendIPConfiguration") or {}).get("id") or "").rpartition("/")[2].casefold()
    return next((which for which, known in FRONTENDS.items() if known == name), name)


def write_gateway(spec: model.Spec, public_ip: str) -> dict[str, Any]:
    """The `properties` of a gateway without children, for its creation. public_ip: the ARM id, "" for none."""
    if spec["exposure"] == "Public":
        front: dict[str, Any] = {"publicIPAddress": {"id": public_ip}}
    else:
        front = {
            "subnet": {"id": spec["subnet"]},
            "privateIPAddress": spec["private_ip"],
            "privateIPAllocationMethod": "Static",
        }
    name = FRONTENDS["public" if spec["exposure"] == "Public" else "private"]
    found: dict[str, Any] = {
        "gatewayIPConfigurations": [{"name": IP_CONFIGURATION, "properties": {"subnet": {"id": spec["subnet"]}}}],
        FRONTEND_COLLECTION: [{"name": name, "properties": front}],
    }
    return found | settle_gateway({}, spec, ("sku", "capacity", "http2", "ssl_policy", "firewall_policy"))


def settle_gateway(properties: Mapping[str, Any], spec: model.Spec, fields: tuple[str, ...]) -> dict[str, Any]:
    """The `properties` with these mutable fields written; everything else untouched."""
    found = dict(properties)
    if "sku" in fields or "capacity" in fields:
        found = _scaled(found, spec["sku"], spec["capacity"])
    if "http2" in fields:
        found["enableHttp2"] = spec["http2"]
    if "ssl_policy" in fields:
        found.pop("sslPolicy", None)
        if spec["ssl_policy"]:
            found["sslPolicy"] = _write_policy(spec["ssl_policy"])
    if "firewall_policy" in fields and isinstance(spec.get("firewall_policy"), str):
        found.pop("firewallPolicy", None)
        if spec["firewall_policy"]:
            found["firewallPolicy"] = {"id": spec["firewall_policy"]}
    return found


def read_gateway(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a gateway's spec that its `properties` hold; `public_ip` as the ARM id or None."""
    configurations = properties.get("gatewayIPConfigurations") or [{}]
    fronts = {
        str(item.get("name", "")).casefold(): item.get("properties") or {}
        for item in properties.get(FRONTEND_COLLECTION) or ()
    }
    public, private = fronts.get(FRONTENDS["public"]), fronts.get(FRONTENDS["private"], {})
    return {
        "subnet": ((configurations[0].get("properties") or {}).get("subnet") or {}).get("id") or "",
        "exposure": "Internal" if public is None else "Public",
        "public_ip": (public.get("publicIPAddress") or {}).get("id") if public else None,
        "private_ip": private.get("privateIPAddress") or None,
        "sku": (properties.get("sku") or {}).get("name") or "",
        "capacity": _capacity(properties),
        "http2": bool(properties.get("enableHttp2")),
        "ssl_policy": _policy(properties.get("sslPolicy") or {}),
        "firewall_policy": names.plain_id((properties.get("firewallPolicy") or {}).get("id") or ""),
    }


def read_identities(document: Mapping[str, Any]) -> tuple[str, ...]:
    """ARM ids of the user-assigned identities of a whole document."""
    return names.plain_ids((document.get("identity") or {}).get("userAssignedIdentities") or ())


def _capacity(properties: Mapping[str, Any]) -> tuple[Any, ...]:
    """(least, most) of autoscaling; (count,) where somebody fixed it, which is never asked for and so differs."""
    scale, fixed = properties.get("autoscaleConfiguration"), (properties.get("sku") or {}).get("capacity")
    if scale is None and fixed is not None:
        return (fixed,)
    return (scale or {}).get("minCapacity"), (scale or {}).get("maxCapacity")


def _scaled(properties: Mapping[str, Any], sku: str, capacity: tuple[Any, ...]) -> dict[str, Any]:
    """Azure refuses a fixed capacity beside autoscaling: .../application-gateway-autoscaling-zone-redundant."""
    rest = {name: value for name, value in properties.items() if name != "autoscaleConfiguration"}
    if len(capacity) == 1:
        return {**rest, "sku": {"name": sku, "tier": sku, "capacity": capacity[0]}}
    scale = {
        name: value for name, value in zip(("minCapacity", "maxCapacity"), capacity, strict=True) if value is not None
    }
    return {**rest, "sku": {"name": sku, "tier": sku}, "autoscaleConfiguration": scale}


def _write_policy(policy: str) -> dict[str, Any]:
    """The reverse of `_policy`."""
    if policy.startswith("{"):
        found: dict[str, Any] = json.loads(policy)
        return found
    return {"policyType": "Predefined", "policyName": policy}


def _policy(policy: Mapping[str, Any]) -> str:
    """The name of a predefined policy; anything else whole, so that it differs."""
    if policy.get("policyName") and policy.get("policyType", "Predefined") == "Predefined":
        return str(policy["policyName"])
    return json.dumps(policy, sort_keys=True) if policy else ""
