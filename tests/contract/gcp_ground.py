"""The local Google Cloud as a Ground for the laws: the real provider, the real SDK, a stepped clock.

Faults meet the SDK where they would in life: a killed process raises in the middle of a call, a lost answer is a
connection that the server closes after the effect. State is read from the local cloud's dump; answers are those of its
forwarding rules, proxies and URL maps, interpreted by `semantics`, and of what its health checks found. A World that is
public stands on a global load balancer, any other on a regional internal one.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import local_ground
from gcp_drift import EDITS

import cloudgw_gcp
from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters
from cloudgw.provider import Placement, Session
from cloudgw.testing import worlds
from cloudgw_gcp import calls, names, semantics
from cloudgw_local import gcp, serving
from cloudgw_local.gcp import health, server
from cloudgw_local.gcp import names as places

STEP_SECONDS = 5.0
PLACE = Placement("gcp", gcp.PROJECT, gcp.REGION)
CHOSEN = frozenset({"IPAddress", "address"})  # not the same in each run
READ_OF_PROJECT = (
    "addresses",
    "forwardingRules",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
    "backendServices",
)
THEIRS = "theirs"


def parameters(world: worlds.World) -> Parameters:
    """The class parameters that a World stands for."""
    public = world.scheme == "public"
    spec: dict[str, Any] = {
        "projectId": gcp.PROJECT,
        "region": gcp.REGION,
        "location": "Global" if public else "Regional",
        "exposure": "Public" if public else "Internal",
        "network": {"name": gcp.NETWORK},
        "subnetwork": {"name": "subnet-nodes"},
        "nodeTags": ["gke-edge"],
    }
    if public:
        spec["allowedSourceRanges"] = ["0.0.0.0/0"]
    return Parameters(meta=Meta(name="gcp"), kind="GCPGatewayClassParameters", spec=spec)


@functools.cache
def running(beliefs: tuple[tuple[str, str], ...] = ()) -> serving.Running:
    """One local Google Cloud for the whole test run and set of beliefs; every Ground resets it."""
    return local_ground.OPEN.enter_context(server.serve(port=0, stepped=True, beliefs=dict(beliefs)))


def _session(beliefs: tuple[tuple[str, str], ...]) -> Session:
    """A new one, which remembers nothing."""
    os.environ.update(gcp.LOCAL.env(running(beliefs).endpoint))
    return calls.connect(PLACE)


class GCP(local_ground.LocalGround):
    """Ground. One at a time for each set of beliefs: making one resets the local cloud."""

    name = "gcp"
    balancer = "address"
    provider = cloudgw_gcp.PROVIDER
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
        read = _session(self.beliefs).read
        read.sleep = self.clock.sleep
        write = calls.Write(self._wrapped, read)
        return replace(self._base, read=read, write=write, owner=local_ground.OWNER, materials=self._materials)

    def _wrapped(self, operation: str, *arguments: Any, **keywords: Any) -> Any:
        return self.met(operation, operation, lambda: self._base.write.call(operation, *arguments, **keywords))

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
            document = item["document"]
            record = names.ours(document.get("description", ""), local_ground.OWNER, gcp.REGION)
            if record is not None:
                for matcher in document.get("pathMatchers", ()):
                    rules = matcher.get("routeRules", [])
                    for rank, rule in enumerate(sorted(rules, key=lambda rule: rule["priority"])):
                        rule["priority"] = rank
                result[f"{record.address}@{record.suffix}"] = _strip(document)
        return result

    def _cloud(self) -> tuple[Any, Any]:
        """The local cloud and what surrounds a call made now."""
        cloud: Any = self.control.cloud
        cloud.dump()  # ends operations whose time has come
        return cloud, cloud._around(cloud.world, self.control.now())

    def document(self, where: model.Address, suffix: str) -> tuple[Any, dict[str, Any]] | None:
        """Place and stored document of ours by its record."""
        cloud, _ = self._cloud()
        for place, document in cloud.world.resources.items():
            record = names.ours(document.get("description", ""), local_ground.OWNER, gcp.REGION)
            if record is not None and (record.address, record.suffix) == (where, suffix):
                return place, document
        return None

    def maps(self) -> list[tuple[Any, dict[str, Any]]]:
        """Our URL maps as they are stored; who edits them edits the cloud."""
        cloud, _ = self._cloud()
        return [
            (place, document)
            for place, document in cloud.world.resources.items()
            if place.collection == "urlMaps"
            and names.ours(document.get("description", ""), local_ground.OWNER, gcp.REGION) is not None
        ]

    def plant(self, gateway: str) -> Any:
        """In each of our URL maps a host, a path matcher and a route rule of somebody else, who has a backend service
        over one of our groups and a forwarding rule on our address; beside it an address named like ours with another
        owner's record."""
        del gateway
        write = self._base.write
        group = next(item["path"] for item in self.resources() if "/networkEndpointGroups/" in item["path"])
        for place, document in self.maps():
            scope = place.scope.removeprefix("regions/")
            service = {
                "name": f"{THEIRS}-{place.name[-10:]}",
                "protocol": "HTTP",
                "loadBalancingScheme": "INTERNAL_MANAGED" if scope != "global" else "EXTERNAL_MANAGED",
                "healthChecks": _checks(self.resources(), scope),
                "backends": [{"group": places.ROOT + group, "balancingMode": "RATE", "maxRatePerEndpoint": 5.0}],
            }
            _done(write, write.insert("backendServices", scope, service))
            link = f"{places.ROOT}projects/{place.project}/{place.scope}/backendServices/{service['name']}"
            shown = self._base.read.get("urlMaps", scope, place.name)
            assert shown is not None
            _plant(shown, link)
            _done(write, write.update("urlMaps", scope, place.name, shown))
            del document
        record = names.record_text(
            "somebody", model.address(worlds.GATEWAY, "gcp", "address", "lb"), "aaaaaaaaaa", {}, gcp.REGION
        )
        _done(write, write.insert("addresses", "global", {"name": "cgw-edge-theirs", "description": record}))
        self.forget()
        return None

    def foreign(self, token: Any) -> Any:
        del token
        return [found for item in self.resources() if (found := _theirs(item))]

    def uproot(self, token: Any) -> None:
        del token
        write = self._base.write
        for place, _ in self.maps():
            scope = place.scope.removeprefix("regions/")
            shown = self._base.read.get("urlMaps", scope, place.name)
            assert shown is not None
            _uproot(shown)
            _done(write, write.update("urlMaps", scope, place.name, shown))
        for item in self.resources():
            collection, scope, name = names.place_of(item["path"])
            if name.startswith(f"{THEIRS}-") or name == "cgw-edge-theirs":
                _done(write, write.delete(collection, scope, name))
        self.forget()

    def _live(self) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str], dict[str, bool]]:
        """What GET shows of the project, the IP of each of our addresses by suffix, and which backend services have a
        healthy endpoint."""
        moment = f"{self.control.now()} {self._calls}"
        if moment not in self._seen:
            self._seen.clear()
            cloud, around = self._cloud()
            project: dict[str, list[dict[str, Any]]] = {name: [] for name in READ_OF_PROJECT}
            ips: dict[str, str] = {}
            healthy: dict[str, bool] = {}
            for place, document in sorted(cloud.world.resources.items()):
                if place.collection in project and place not in cloud.world.fresh:
                    project[place.collection].append(document)
                record = names.ours(document.get("description", ""), local_ground.OWNER, gcp.REGION)
                if place.collection == "addresses" and record is not None:
                    ips[record.suffix] = document["address"]
                if place.collection == "backendServices":
                    healthy[place.path] = _healthy(document, place, around)
            self._seen[moment] = (project, ips, healthy)
        found: tuple[dict[str, list[dict[str, Any]]], dict[str, str], dict[str, bool]] = self._seen[moment]
        return found

    def _ask(self, suffix: str, port: int, host: str, path: str) -> tuple[semantics.Answer, dict[str, bool]] | None:
        project, ips, healthy = self._live()
        if suffix not in ips:
            return None
        scheme: Any = "https" if port == 443 else "http"
        request = semantics.Request(ip=ips[suffix], port=port, scheme=scheme, host=host, path=path)
        return semantics.answer(project, request), healthy

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        asked = self._ask(address_name, port, host, path)
        if asked is None or asked[0].kind == "closed" or asked[0].status == 404:
            return None
        found = asked[0]
        if found.kind == "fixed":
            return ("status", found.status)
        return ("forward", tuple((self._service(share.service), share.weight) for share in found.shares))

    def _service(self, path: str) -> str:
        """The name of the Kubernetes Service behind a backend service of ours."""
        cloud, _ = self._cloud()
        place = places.parse(path)
        record = names.ours(cloud.world.resources[place]["description"], local_ground.OWNER, gcp.REGION)
        assert record is not None, path
        return model.short(record.address).split("/")[2].partition(":")[0]

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        asked = self._ask(address_name, port, host, path)
        if asked is None or asked[0].kind != "forward":
            return False
        found, healthy = asked
        return any(share.weight and not healthy.get(share.service, False) for share in found.shares)

    def drift(self, element: model.Element, field_: str) -> bool:
        edit = EDITS.get((model.kind_of(element.address), field_))
        if edit is None:
            return False
        cloud, _ = self._cloud()
        place = places.parse(str(element.outputs["id"]).partition("/pathMatchers/")[0])
        if not edit(cloud.world.resources[place], element):
            return False
        self.forget()
        return True


def _done(write: calls.Write, operation: Any) -> None:
    for problem in write.wait([operation]):
        if problem is not None:
            raise problem


def _checks(resources: list[dict[str, Any]], scope: str) -> list[str]:
    """A health check of ours in that place, as a list."""
    found = [item["path"] for item in resources if "/healthChecks/" in item["path"] and f"/{scope}/" in item["path"]]
    return [places.ROOT + found[0]]


def _healthy(service: Mapping[str, Any], place: Any, around: Any) -> bool:
    for backend in service.get("backends", ()):
        found = health.get_health(dict(service), {"group": backend["group"]}, {}, place, around)
        if any(one["healthState"] == "HEALTHY" for one in found.get("healthStatus", ())):
            return True
    return False


def _strip(value: Any) -> Any:
    """Without what may differ from run to run; route rules in their order, all else sorted."""
    if isinstance(value, Mapping):
        return {key: _strip(found) for key, found in value.items() if key not in CHOSEN}
    if isinstance(value, list):
        return sorted((_strip(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _plant(document: dict[str, Any], link: str) -> None:
    """A matcher of theirs with its host, and a route rule in the first and last matcher of ours."""
    rule = {"priority": 1_999_999_999, "description": THEIRS, "service": link}
    rule["matchRules"] = [{"prefixMatch": "/theirs/"}]
    ours = document["pathMatchers"]
    ours[0].setdefault("routeRules", []).append(dict(rule))
    if len(ours) > 1:
        ours[-1].setdefault("routeRules", []).insert(0, {**rule, "priority": 0})
    ours.append({"name": THEIRS, "defaultService": link})
    document["hostRules"].append({"hosts": ["theirs.example"], "pathMatcher": THEIRS})


def _uproot(document: dict[str, Any]) -> None:
    document["pathMatchers"] = [one for one in document["pathMatchers"] if one["name"] != THEIRS]
    document["hostRules"] = [one for one in document["hostRules"] if one["pathMatcher"] != THEIRS]
    for matcher in document["pathMatchers"]:
        rules = [rule for rule in matcher.get("routeRules", ()) if rule.get("description") != THEIRS]
        matcher.pop("routeRules", None)
        if rules:
            matcher["routeRules"] = rules


def _theirs(item: Mapping[str, Any]) -> Any:
    """What is theirs in a resource, byte for byte; all of a resource that is not ours, but for who uses it."""
    document = item["document"]
    if names.ours(document.get("description", ""), local_ground.OWNER, gcp.REGION) is None:
        return {key: value for key, value in document.items() if key != "users"}
    found = [one for one in document.get("pathMatchers", ()) if one["name"] == THEIRS]
    found += [one for one in document.get("hostRules", ()) if one["pathMatcher"] == THEIRS]
    for matcher in document.get("pathMatchers", ()):
        found += [rule for rule in matcher.get("routeRules", ()) if rule.get("description") == THEIRS]
    return found
