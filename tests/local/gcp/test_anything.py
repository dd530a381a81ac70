"""Whatever a client sends, the answer is Google's: every published method is called with bodies made at random from
its schema, and with good documents of which one member was replaced. None may be answered 500, and every answer that
is no refusal must keep to the published schema (`conftest.Cloud` checks that)."""

from __future__ import annotations

import collections
import copy
import random
import re
from typing import Any

import pytest

from cloudgw_local import gcp
from cloudgw_local.gcp import discovery, kinds, resources

from . import conftest as c
from . import samples

R = f"regions/{gcp.REGION}"
Z = f"zones/{gcp.ZONES[0]}"
NAMES = {
    "addresses": "ip",
    "backendServices": "bs",
    "firewalls": "fw",
    "forwardingRules": "rule",
    "healthChecks": "hc",
    "instanceGroups": "group",
    "instances": "node-b",
    "networkEndpointGroups": "neg",
    "networks": gcp.NETWORK,
    "regions": gcp.REGION,
    "securityPolicies": "armor-edge",
    "sslCertificates": "cert",
    "sslPolicies": "policy",
    "subnetworks": "subnet-nodes",
    "targetHttpProxies": "proxy",
    "targetHttpsProxies": "secure",
    "targetTcpProxies": "tcp",
    "urlMaps": "um",
    "zones": gcp.ZONES[0],
}
TEXTS = (
    *(f"{scope}/{one}/{NAMES[one]}" for scope in ("global", R) for one in ("backendServices", "urlMaps", "addresses")),
    *("global/healthChecks/hc", "global/sslCertificates/cert", f"{Z}/networkEndpointGroups/neg"),
    *(f"global/networks/{gcp.NETWORK}", f"{R}/subnetworks/subnet-nodes", f"{Z}/instances/node-b"),
    *("", "a", "*", "/a", "/{b=*}/**", "b.example", "1s", "0.5s", "80", "80-80", "10.0.0.5", "10.9.0.0/24", "::1", "$"),
)
NUMBERS = (0, 1, 5, 80, 503, 1000, 70000, -1)


def make_everything(cloud: c.Cloud) -> None:
    """One of everything, global and regional, so that most calls find what they name."""
    cloud.chain()
    cloud.make(f"{R}/healthChecks", c.HEALTH_CHECK)
    cloud.make(f"{R}/backendServices", c.BACKEND_SERVICE | {"healthChecks": [f"{R}/healthChecks/hc"]})
    cloud.make(f"{R}/urlMaps", {"name": "um", "defaultService": f"{R}/backendServices/bs"})
    cloud.make(f"{R}/targetHttpProxies", {"name": "proxy", "urlMap": f"{R}/urlMaps/um"})
    regional = {"target": f"{R}/targetHttpProxies/proxy", "network": f"global/networks/{gcp.NETWORK}"}
    cloud.make(f"{R}/forwardingRules", c.RULE | regional)
    cloud.make(f"{Z}/networkEndpointGroups", samples.group("neg"))
    cloud.make("global/firewalls", samples.firewall("fw"))
    for scope in ("global", R):
        cloud.make(f"{scope}/addresses", {"name": "ip"})
        cloud.make(f"{scope}/sslPolicies", samples.ssl_policy("policy"))
        cloud.make(f"{scope}/sslCertificates", samples.certificate("cert"))
        proxy = {"urlMap": f"{scope}/urlMaps/um", "sslCertificates": [f"{scope}/sslCertificates/cert"]}
        cloud.make(f"{scope}/targetHttpsProxies", {"name": "secure"} | proxy)


def made_up(schema: Any, chance: random.Random, depth: int = 0) -> Any:
    """A value that the schema allows, more or less likely a sensible one."""
    schema = discovery.SCHEMAS[schema["ref"]] if "ref" in schema else schema
    if "properties" in schema:
        members = {} if depth > 4 else schema["properties"]
        return {name: made_up(one, chance, depth + 1) for name, one in members.items() if chance.random() < 0.4}
    kind = schema.get("type")
    if kind == "array":
        return [made_up(schema["items"], chance, depth + 1) for _ in range(chance.choice((0, 1, 1, 2)))]
    if kind == "object":
        return {"a": made_up(schema.get("additionalProperties", {}), chance, depth + 1)}
    if "enum" in schema:
        return chance.choice(schema["enum"])
    if kind == "boolean":
        return chance.random() < 0.5
    if kind in ("integer", "number") or schema.get("format") in ("int64", "uint64"):
        number = chance.choice(NUMBERS)
        return number if kind in ("integer", "number") else str(number)
    return "AAAA" if schema.get("format") == "byte" else chance.choice(TEXTS)


def bent(document: Any, schema: Any, chance: random.Random) -> Any:
    """The document with one member, at whatever depth, replaced, added or taken away."""
    schema = discovery.SCHEMAS[schema["ref"]] if "ref" in schema else schema
    if isinstance(document, dict) and schema.get("properties"):
        name = chance.choice(sorted(document) or sorted(schema["properties"]))
        if chance.random() < 0.4 or name not in schema["properties"]:
            name = chance.choice(sorted(schema["properties"]))
        member = schema["properties"][name]
        if name in document and chance.random() < 0.1:
            return {key: value for key, value in document.items() if key != name}
        known = isinstance(document.get(name), dict | list) and chance.random() < 0.7
        return document | {name: bent(document[name], member, chance) if known else made_up(member, chance, 1)}
    if isinstance(document, list) and document and "items" in schema:
        index = chance.randrange(len(document))
        return [*document[:index], bent(document[index], schema["items"], chance), *document[index + 1 :]]
    return made_up(schema, chance, 1)


def path_of(method: discovery.Method) -> str:
    where = {"project": gcp.PROJECT, "region": gcp.REGION, "zone": gcp.ZONES[0]}
    name = NAMES.get(method.collection, "none")
    return discovery.PREFIX + re.sub(r"\{(\w+)\}", lambda found: where.get(found[1], name), method.path)


def bodies(cloud: c.Cloud, method: discovery.Method, chance: random.Random, often: int) -> list[Any]:
    if method.request is None:
        return [None]
    made: list[Any] = [{}, *(made_up({"ref": method.request}, chance) for _ in range(often))]
    current: Any = {}
    if method.verb in ("insert", "update", "patch"):
        wanted = (method.collection, method.level, "get")
        twin = next(one for one in discovery.METHODS if (one.collection, one.level, one.verb) == wanted)
        found = cloud.ask("GET", path_of(twin))
        if found.status == 200:
            current = found.body
            made += [bent(copy.deepcopy(current), {"ref": method.request}, chance) for _ in range(3 * often)]
    if method.verb == "insert":
        return [one | {"name": f"made-{index}"} for index, one in enumerate(made)]
    if method.verb in ("update", "patch") and "fingerprint" in current:
        return [one | {"name": current["name"], "fingerprint": current["fingerprint"]} for one in made]
    return made


def storm(cloud: c.Cloud, seed: int, often: int) -> collections.Counter[int]:
    """Every method, each body in the same world; answers how often each status came."""
    chance = random.Random(seed)
    cloud.control.settings(insert_seconds=0.0, update_seconds=0.0, delete_seconds=0.0, endpoints_seconds=0.0)
    cloud.control.settings(forwarding_rule_seconds=0.0)
    make_everything(cloud)
    world = cloud.control.snapshot()
    seen: collections.Counter[int] = collections.Counter()
    for method in discovery.METHODS:
        for body in bodies(cloud, method, chance, often):
            answer = cloud.ask(method.http, path_of(method), body)
            assert answer.status < 500, (method.id, body)
            seen[answer.status] += 1
            if answer.status == 200 and method.http != "GET":
                cloud.ask("GET", path_of(method))
                cloud.control.restore(world)
    return seen


@pytest.mark.parametrize("seed", [1, 2])
def test_anything_may_come(cloud: c.Cloud, seed: int) -> None:
    seen = storm(cloud, seed, 4)
    assert seen[200] > 200
    assert seen[400] > 300


def test_every_published_method_has_rules() -> None:
    frame = {"get", "list", "aggregatedList", "insert", "update", "patch", "delete", "setLabels"}
    for method in discovery.METHODS:
        if method.collection in (*resources.LOCATIONS, "operations"):
            continue
        rules = kinds.KINDS[method.collection]
        assert method.verb in frame | set(rules.actions) | set(rules.reads), method.id
