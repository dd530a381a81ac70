"""The local Azure as a Ground for the laws: the real provider, the real SDK, a stepped clock.

Faults meet the SDK where they would in life: a killed process raises in the middle of a call, a lost answer is a
connection that the server closes after the effect. State is read from the local cloud's dump; answers are those of the
documents that its data plane holds, interpreted by `semantics`, and of what its health probes found.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import local_ground
from azure_drift import EDITS

import cloudgw_azure
from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters
from cloudgw.provider import Placement, Session
from cloudgw.testing import worlds
from cloudgw_azure import calls, names, semantics
from cloudgw_local import azure, serving
from cloudgw_local.azure import gateway, health, server

STEP_SECONDS = 5.0
PLACE = Placement("azure", azure.SUBSCRIPTION, azure.LOCATION)
NOT_FOUND = {"address": "10.0.64.250", "port": 8404}
ROUTES = {
    "put_gateway": "PUT applicationGateways",
    "delete_gateway": "DELETE applicationGateways",
    "put_public_ip": "PUT publicIPAddresses",
    "delete_public_ip": "DELETE publicIPAddresses",
}
GATEWAYS = "/applicationgateways/"
CHOSEN = frozenset({"privateIPAddress", "ipAddress", "operational", "_data", "_password"})  # not the same in each run
THEIRS = "10.0.64.77"


def parameters(world: worlds.World) -> Parameters:
    """The class parameters that a World stands for."""
    spec: dict[str, Any] = {
        "subscriptionId": azure.SUBSCRIPTION,
        "resourceGroup": azure.GROUP,
        "location": azure.LOCATION,
        "subnet": {"virtualNetwork": "vnet-edge", "name": "snet-appgw"},
        "exposure": "Public" if world.scheme == "public" else "Internal",
        "notFoundBackend": NOT_FOUND,
    }
    if world.scheme == "public":
        spec["allowedSourceRanges"] = ["0.0.0.0/0"]
    return Parameters(meta=Meta(name="azure"), kind="AzureGatewayClassParameters", spec=spec)


@functools.cache
def running(beliefs: tuple[tuple[str, str], ...] = ()) -> serving.Running:
    """One local Azure for the whole test run and set of beliefs; every Ground resets it."""
    return local_ground.OPEN.enter_context(server.serve(port=0, stepped=True, beliefs=dict(beliefs)))


@functools.cache
def _session(beliefs: tuple[tuple[str, str], ...]) -> Session:
    os.environ.update(azure.LOCAL.env(running(beliefs).endpoint))
    return calls.connect(PLACE)


class Azure(local_ground.LocalGround):
    """Ground. One at a time for each set of beliefs: making one resets the local cloud."""

    name = "azure"
    balancer = "gateway"
    provider = cloudgw_azure.PROVIDER
    placement: ClassVar[Placement] = PLACE
    beliefs: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self) -> None:
        self.running = running(self.beliefs)
        super().__init__(self.running.control, STEP_SECONDS, parameters)
        self._base = _session(self.beliefs)
        self._base.read.sleep = self.clock.sleep
        self._seen: dict[str, Any] = {}
        self._materials = local_ground.materials()

    def session(self) -> Session:
        return replace(self._base, write=_Write(self._wrapped), owner=local_ground.OWNER, materials=self._materials)

    def _wrapped(self, operation: str, *arguments: Any, **keywords: Any) -> Any:
        return self.met(operation, ROUTES[operation], lambda: self._base.write.call(operation, *arguments, **keywords))

    def forget(self) -> None:
        self._seen.clear()

    def resources(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control.dump()["resources"]
        return found

    def everything(self) -> Any:
        return self.resources()

    def named(self) -> Any:
        result = {}
        for item in self.resources():
            record = names.ours(item["document"].get("tags"), local_ground.OWNER)
            if record is not None:
                body = _strip(item["document"])
                rules = body["properties"].get("requestRoutingRules", [])
                for rank, rule in enumerate(sorted(rules, key=lambda rule: rule["properties"]["priority"])):
                    rule["properties"]["priority"] = rank
                result[f"{record.address}@{record.suffix}"] = body
        return result

    def documents(self, suffix: str = "") -> list[dict[str, Any]]:
        """What GET shows of our gateways, or of one incarnation."""
        found = self._base.read.gateways()
        ours = [(names.ours(one.get("tags"), local_ground.OWNER), one) for one in found]
        return [one for record, one in ours if record is not None and suffix in ("", record.suffix)]

    def change(self, document: dict[str, Any]) -> None:
        """Somebody else's PUT of a whole document, waited for."""
        place = calls.place_of(document["id"])
        self._base.write.put_gateway(*place, document, "")
        self.forget()
        self.control.advance(60.0)

    def plant(self, gateway: str) -> Any:
        """In our document a pool, settings, a port, a listener and a rule of somebody else, a path rule of theirs in
        our map; beside it an address named like ours with another owner's record."""
        del gateway
        tags = names.tags_of("somebody", model.address(worlds.GATEWAY, "azure", "public-ip", "lb"), "aaaaaaaaaa", {})
        body = {"location": azure.LOCATION, "tags": tags, "sku": {"name": "Standard"}}
        body["properties"] = {"publicIPAllocationMethod": "Static"}
        self._base.write.put_public_ip(azure.GROUP, "cgw-edge-theirs", body)
        for document in self.documents():
            _plant(document)
            self.change(document)
        return None

    def foreign(self, token: Any) -> Any:
        del token
        return [found for item in self.resources() if (found := _theirs(item["document"]))]

    def uproot(self, token: Any) -> None:
        del token
        for document in self.documents():
            for children in document["properties"].values():
                _remove(children)
            for one in document["properties"]["urlPathMaps"]:
                _remove(one["properties"]["pathRules"])
            self.change(document)
        self._base.write.delete_public_ip(azure.GROUP, "cgw-edge-theirs")
        self.control.advance(60.0)

    def _live(self, suffix: str) -> tuple[dict[str, Any], dict[str, bool]] | None:
        """The document that the data plane holds, and whether a pair "pool settings" has a healthy target."""
        cloud: Any = self.control.cloud
        moment = f"{suffix} {self.control.now()} {self._calls}"
        if moment not in self._seen:
            self._seen.clear()
            cloud.dump()  # ends operations whose time has come
            self._seen[moment] = None
            for one in cloud.world.of_type("applicationGateways"):
                record = names.ours(one.document.get("tags"), local_ground.OWNER)
                if record is not None and record.suffix == suffix and one.applied is not None:
                    shown = gateway.show(one.applied, state="Succeeded")
                    shown["properties"]["operationalState"] = "Running"
                    report = health.report(cloud.world, one, self.control.now(), cloud.beliefs)
                    self._seen[moment] = (shown, _healthy(report))
        found: tuple[dict[str, Any], dict[str, bool]] | None = self._seen[moment]
        return found

    def _ask(self, suffix: str, port: int, host: str, path: str) -> tuple[semantics.Answer, bool] | None:
        live = self._live(suffix)
        if live is None:
            return None
        document, healthy = live
        scheme: Any = "https" if port == 443 else "http"
        found = semantics.answer(document, semantics.Request(port=port, scheme=scheme, host=host, path=path))
        return found, healthy.get(f"{found.pool} {found.settings}".lower(), False)

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        asked = self._ask(address_name, port, host, path)
        if asked is None or asked[0].kind == "closed" or asked[0].status == 404:
            return None
        found = asked[0]
        child = names.read_child(found.pool_name, detailed=True)
        assert child is not None, found
        if child.logical == "not-found":
            return None
        if child.logical == "none":
            return ("status", 500)  # Azure has no 500 of its own: an empty pool answers 502
        return ("forward", ((child.logical.split(".")[1], 1),))

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        asked = self._ask(address_name, port, host, path)
        return asked is not None and asked[0].kind == "forward" and not asked[1]

    def drift(self, element: model.Element, field_: str) -> bool:
        edit = EDITS.get((model.kind_of(element.address), field_))
        if edit is None:
            return False
        document = copy.deepcopy(self.documents()[0])
        if not edit(document, str(element.outputs["id"]).rsplit("/", 1)[-1]):
            return False
        self.change(document)
        return True


class Ignoring(Azure):
    """The same cloud where it ignores If-Match."""

    beliefs: ClassVar[tuple[tuple[str, str], ...]] = (("azure-if-match", "ignored"),)


class _Write(calls.Write):
    """The provider's own Write over a funnel that counts and fails."""

    def __init__(self, funnel: Callable[..., Any]) -> None:
        super().__init__(funnel)

    def call(self, operation: str, group: str, name: str, *document: Any, **keywords: Any) -> Any:
        return self._call(operation, group, name, *document, **keywords)


def _healthy(report: Mapping[str, Any]) -> dict[str, bool]:
    found = {}
    for pool in report["backendAddressPools"]:
        for check in pool["backendHttpSettingsCollection"]:
            key = f"{pool['backendAddressPool']['id']} {check['backendHttpSettings']['id']}".lower()
            found[key] = any(one["health"] == "Healthy" for one in check["servers"])
    return found


def _strip(value: Any) -> Any:
    """Without what may differ from run to run; children by name, path rules in their order."""
    if isinstance(value, Mapping):
        return {
            key: [_strip(item) for item in found] if key == "pathRules" else _strip(found)
            for key, found in value.items()
            if key not in CHOSEN
        }
    if isinstance(value, list):
        return sorted((_strip(item) for item in value), key=lambda item: str(_name(item)))
    return value


def _name(item: Any) -> Any:
    return item.get("name", item) if isinstance(item, Mapping) else item


def _plant(document: dict[str, Any]) -> None:
    """Needs a path map of ours. Path rules of one name lie in several maps, in another order in each."""
    where, properties = document["id"], document["properties"]

    def ref(collection: str, name: str) -> dict[str, str]:
        return {"id": f"{where}/{collection}/{name}"}

    def add(collection: str, name: str, **fields: Any) -> dict[str, str]:
        properties.setdefault(collection, []).append({"name": name, "properties": fields})
        return ref(collection, name)

    pool = add("backendAddressPools", "theirs", backendAddresses=[{"ipAddress": THEIRS}])
    plain = add("backendHttpSettingsCollection", "theirs", port=9000, protocol="Http", requestTimeout=77)
    port = add("frontendPorts", "theirs", port=8088)
    front = {"id": properties["frontendIPConfigurations"][0]["id"]}
    fields = {"frontendIPConfiguration": front, "frontendPort": port, "protocol": "Http", "hostName": "theirs.example"}
    listener = add("httpListeners", "theirs", **fields)
    forward = {"backendAddressPool": pool, "backendHttpSettings": plain}
    add("requestRoutingRules", "theirs", ruleType="Basic", priority=9_999, httpListener=listener, **forward)

    def rule(name: str, path: str) -> dict[str, Any]:
        return {"name": name, "properties": {"paths": [path], **forward}}

    ours = [one["properties"]["pathRules"] for one in properties["urlPathMaps"]]
    ours[0].insert(0, rule("theirs", "/theirs/*"))
    if len(ours) > 1:
        ours[-1].append(rule("theirs", "/theirs/*"))
    default = {f"default{member[0].upper()}{member[1:]}": value for member, value in forward.items()}
    turned = [rule("special", "/special/*"), rule("wide", "/wide/*"), rule("theirs", "/*")]
    add("urlPathMaps", "theirs", **default, pathRules=turned)


def _theirs(document: Mapping[str, Any]) -> Any:
    """What is theirs in a resource, byte for byte; all of a resource that is not ours."""
    if names.ours(document.get("tags"), local_ground.OWNER) is None:
        return document
    found = []
    for collection, children in sorted(document["properties"].items()):
        for child in children if isinstance(children, list) else ():
            if child["name"] == "theirs":
                found.append((collection, child))
            for rule in child["properties"].get("pathRules", ()):
                if rule["name"] == "theirs":
                    found.append(("pathRules", rule))
    return found


def _remove(children: Any) -> None:
    if isinstance(children, list):
        children[:] = [child for child in children if child.get("name") != "theirs"]
