"""The smallest application gateway, and a local Azure to put it into, for the tests of what talks to the cloud."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
from typing import Any
from unittest import mock

from cloudgw.graph import model
from cloudgw.objects import Meta, Origin, Parameters
from cloudgw.provider import Placement, Session
from cloudgw.routing import ir
from cloudgw_azure import calls, names, parameters
from cloudgw_local import azure, serving
from cloudgw_local.azure import server

OWNER = "dev"
PLACE = Placement("azure", azure.SUBSCRIPTION, azure.LOCATION)
SCOPE = f"/subscriptions/{azure.SUBSCRIPTION}/resourceGroups/{azure.GROUP}/providers/Microsoft.Network"
NETWORK = f"{SCOPE}/virtualNetworks/vnet-edge"
SUBNET = f"{NETWORK}/subnets/snet-appgw"
GATEWAY = model.address("shop/edge", "azure", "gateway", "lb")
SPEC: dict[str, Any] = {
    "subscriptionId": azure.SUBSCRIPTION,
    "resourceGroup": azure.GROUP,
    "location": azure.LOCATION,
    "subnet": {"virtualNetwork": "vnet-edge", "name": "snet-appgw"},
}


@dataclasses.dataclass
class Cloud:
    running: serving.Running
    session: Session

    def advance(self, seconds: float) -> None:
        self.running.control.advance(seconds)

    def writes(self) -> list[str]:
        return [entry["operation"] for entry in self.running.control.journal() if entry["write"]]

    def calls(self) -> list[str]:
        return [entry["operation"] for entry in self.running.control.journal()]


@contextlib.contextmanager
def serve() -> collections.abc.Iterator[Cloud]:
    """A stepped local Azure, connected to as the CLI does; reports of health wait on the stepped clock."""
    with server.serve(stepped=True) as running, mock.patch.dict(os.environ, azure.LOCAL.env(running.endpoint)):
        found = calls.connect(PLACE)
        found.read.sleep = running.control.advance
        session = dataclasses.replace(found, owner=OWNER, evidence={"cluster": "c-1"})
        yield Cloud(running, session)


def raw(**spec: Any) -> Parameters:
    return Parameters(meta=Meta(name="p"), kind=parameters.KIND, spec={**SPEC, **spec})


def wanted(**spec: Any) -> parameters.AzureParameters:
    return parameters.parse(raw(**spec))


def routing(name: str = "edge") -> ir.Routing:
    return ir.Routing(
        namespace="shop",
        name=name,
        gateway_class=None,
        parameters=None,
        tables=(),
        backends={},
        known=(),
        complete=True,
        origin=Origin(kind="Gateway", namespace="shop", name=name),
    )


def tags(address: model.Address = GATEWAY, suffix: str = "aaaaaaaaaa", owner: str = OWNER) -> dict[str, str]:
    return names.tags_of(owner, address, suffix, {})


def gateway(
    name: str = "gw",
    *,
    private: str = "10.0.1.250",
    paths: collections.abc.Sequence[str] = ("/shop",),
    rule: str = "theirs",
    **more: Any,
) -> dict[str, Any]:
    """A PUT body: private frontend, one listener, one path map with one path rule, one pool with one target."""
    where = f"{SCOPE}/applicationGateways/{name}"

    def ref(collection: str, child: str) -> dict[str, str]:
        return {"id": f"{where}/{collection}/{child}"}

    backend = {
        "backendAddressPool": ref("backendAddressPools", "pool"),
        "backendHttpSettings": ref("backendHttpSettingsCollection", "plain"),
    }
    default = {f"default{key[0].upper()}{key[1:]}": value for key, value in backend.items()}
    properties: dict[str, Any] = {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
        "autoscaleConfiguration": {"minCapacity": 0, "maxCapacity": 2},
        "gatewayIPConfigurations": [_child("ip", subnet={"id": SUBNET})],
        "frontendIPConfigurations": [
            _child("front", subnet={"id": SUBNET}, privateIPAddress=private, privateIPAllocationMethod="Static")
        ],
        "frontendPorts": [_child("http", port=80)],
        "httpListeners": [
            _child(
                "web",
                frontendIPConfiguration=ref("frontendIPConfigurations", "front"),
                frontendPort=ref("frontendPorts", "http"),
                protocol="Http",
            )
        ],
        "backendAddressPools": [_child("pool", backendAddresses=[{"ipAddress": "10.0.64.5"}])],
        "backendHttpSettingsCollection": [_child("plain", port=8080, protocol="Http", requestTimeout=30)],
        "urlPathMaps": [_child("map", **default, pathRules=[_child(rule, paths=list(paths), **backend)])],
        "requestRoutingRules": [
            _child(
                "main",
                ruleType="PathBasedRouting",
                priority=100,
                httpListener=ref("httpListeners", "web"),
                urlPathMap=ref("urlPathMaps", "map"),
            )
        ],
    }
    return {"location": azure.LOCATION, "properties": properties, **more}


def _child(name: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "properties": properties}
