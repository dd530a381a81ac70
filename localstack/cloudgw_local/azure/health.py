"""What the health probes of an application gateway find: the answer to POST backendhealth.

`operations` notes when an operation attached a backend and asks for the report. Facts: application-gateway/
application-gateway-probe-overview (30 s, three failures, one success; every backend behind a rule is probed) and
application-gateway-backend-health-troubleshooting on learn.microsoft.com; "Healthy" and "Unhealthy" as reported in
Azure/azure-sdk-for-java#1477. Targets that nobody overrode are healthy. Times come from the caller.
"""

from __future__ import annotations

import collections.abc
from typing import Any

from cloudgw_local.azure import world

INTERVAL, THRESHOLD = 30.0, 3
Pair = tuple[str, str]  # ids of a pool and of its settings, as the document writes them


def children(document: world.Json, *collections: str) -> dict[str, world.Json]:
    """Children of these collections by their id without case."""
    found = {}
    for collection in collections:
        for child in document["properties"].get(collection) or []:
            found[f"{document['id']}/{collection}/{child['name']}".lower()] = child
    return found


def pairs(document: world.Json) -> list[Pair]:
    """Each pool and settings that a rule, a path rule, a map's default or a routing rule of the gateway uses."""
    maps = children(document, "urlPathMaps", "advancedRoutingMaps")
    policies = children(document, "loadDistributionPolicies")
    found: dict[Pair, None] = {}
    for rule in [*_of(document, "requestRoutingRules"), *_of(document, "routingRules")]:
        users = [rule["properties"]]
        for name in ("urlPathMap", "advancedRoutingMap"):
            if name in rule["properties"]:
                routes = maps[rule["properties"][name]["id"].lower()]["properties"]
                users.append(routes)
                users += [one["properties"] for one in routes.get("pathRules") or []]
                users += [one["properties"] for one in routes.get("advancedRoutingRules") or []]
        for user in users:
            for pool in _pools(user, policies):
                for name in ("backendHttpSettings", "defaultBackendHttpSettings", "backendSettings"):
                    if name in user:
                        found[(pool, user[name]["id"])] = None
    return list(found)


def _of(document: world.Json, collection: str) -> list[world.Json]:
    found: list[world.Json] = document["properties"].get(collection) or []
    return found


def _pools(user: world.Json, policies: dict[str, world.Json]) -> collections.abc.Iterator[str]:
    for name in ("backendAddressPool", "defaultBackendAddressPool"):
        if name in user:
            yield user[name]["id"]
    for name in ("loadDistributionPolicy", "defaultLoadDistributionPolicy"):
        if name in user:
            policy = policies[user[name]["id"].lower()]
            for target in policy["properties"].get("loadDistributionTargets") or []:
                yield target["properties"]["backendAddressPool"]["id"]


def _addresses(pool: world.Json) -> list[str]:
    given = pool.get("properties", {}).get("backendAddresses") or []
    return [one.get("ipAddress") or one.get("fqdn") or "" for one in given]


def attach(resource: world.Resource, now: float) -> None:
    """Note the backends that the operation that ends now attached; forget those that it detached."""
    document = resource.applied or resource.document
    pools = children(document, "backendAddressPools")
    keys = [
        _key(pool, settings, address)
        for pool, settings in pairs(document)
        for address in _addresses(pools[pool.lower()])
    ]
    resource.attached = {key: resource.attached.get(key, now) for key in keys}


def _key(pool: str, settings: str, address: str) -> str:
    return f"{pool} {settings} {address}".lower()


def report(
    state: world.World, resource: world.Resource, now: float, beliefs: collections.abc.Mapping[str, str]
) -> world.Json:
    """An ApplicationGatewayBackendHealth of the data plane's document at `now`; unused pools have no settings."""
    document = resource.applied
    if document is None:
        return {"backendAddressPools": []}
    settings = children(document, "backendHttpSettingsCollection", "backendSettingsCollection")
    probes = children(document, "probes")
    used: dict[str, list[str]] = {}
    for pool, one in pairs(document):
        used.setdefault(pool.lower(), []).append(one)
    shown = []
    for key, pool_body in children(document, "backendAddressPools").items():
        checks = []
        for settings_id in used.get(key, []):
            properties = settings[settings_id.lower()]["properties"]
            reference = properties.get("probe")
            probe = probes[reference["id"].lower()]["properties"] if reference else {}
            servers = []
            for address in _addresses(pool_body):
                began = resource.attached.get(_key(key, settings_id, address), now)
                judged = _judge(state, f"{address}:{properties['port']}", address, began, now, probe, beliefs)
                servers.append({"address": address} | judged)
            checks.append({"backendHttpSettings": {"id": settings_id}, "servers": servers})
        pool_id = f"{document['id']}/backendAddressPools/{pool_body['name']}"
        shown.append({"backendAddressPool": {"id": pool_id}, "backendHttpSettingsCollection": checks})
    return {"backendAddressPools": shown}


def _judge(
    state: world.World,
    target: str,
    address: str,
    began: float,
    now: float,
    probe: world.Json,
    beliefs: collections.abc.Mapping[str, str],
) -> dict[str, Any]:
    """Health after the probes sent at each interval since `began`: one success heals, some failures in a row do not."""
    interval = float(probe.get("interval") or INTERVAL)
    threshold = int(probe.get("unhealthyThreshold") or THRESHOLD)
    sent = int((now - began) // interval)
    if sent < 1:
        up = beliefs["azure-new-target"] == "up-until-probed"
        return {"health": "Healthy" if up else "Unhealthy", "healthProbeLog": "The backend is not probed yet."}
    override = state.health.get(target) or state.health.get(address)
    recent = range(max(1, sent - threshold + 1), sent + 1)
    passed = [
        override is None or (override.healthy if began + number * interval >= override.since else override.before)
        for number in recent
    ]
    if any(passed):
        return {"health": "Healthy", "healthProbeLog": "Success. Received 200 status code"}
    log = "Time taken by the backend to respond to the health probe is more than the time-out threshold in the probe."
    return {"health": "Unhealthy", "healthProbeLog": log}
