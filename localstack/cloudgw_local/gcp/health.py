"""What health checks find: who is probed, since when, and with what result.

`backends` answers getHealth with it, `backends_groups` listNetworkEndpoints; the frame keeps the moments at which
endpoints came under a load balancer (`reachable`). Probes are not sent: an endpoint is healthy unless `set_health` said
otherwise or no firewall rule lets the probes in. Changes of firewall rules count at once. Must never change a document.

Source: cloud.google.com/load-balancing/docs/health-check-concepts (intervals, thresholds, probe source ranges) and
.../docs/firewall-rules; cloud.google.com/compute/docs/reference/rest/v1/backendServices/getHealth. Only what stands
under a forwarding rule is probed (belief gcp-unattached-probed); the first judgement falls one interval after it came
there (belief gcp-new-endpoint).
"""

from __future__ import annotations

import ipaddress

from cloudgw_local.gcp import around, balancing_rules, frontends_chain, health_checks, kind, names, schema
from cloudgw_local.gcp.balancing_rules import Json

SOURCES = ("130.211.0.0/22", "35.191.0.0/16")
# What can put an endpoint under a load balancer, or take it away.
COLLECTIONS = (
    "networkEndpointGroups",
    "backendServices",
    "urlMaps",
    *frontends_chain.PROXIES,
    "forwardingRules",
)


def reachable(surroundings: around.Around) -> set[str]:
    """A key of each endpoint of each backend service that is under a load balancer now. The frame asks after each
    change that took effect, and keeps since when a key is there. A rule whose insert still runs is not one yet."""
    found: set[str] = set()
    for service in _serving(surroundings):
        for backend in (surroundings.get(service) or {}).get("backends", []):
            group = balancing_rules.found(backend.get("group"), surroundings)
            if group is not None:
                found |= {_key(service, group[0], one) for one in group[1].get("_endpoints", [])}
    return found


def _serving(surroundings: around.Around) -> set[names.Place]:
    """The backend services that forwarding rules send requests to."""
    found: set[names.Place] = set()
    for _, rule in surroundings.every("forwardingRules"):
        if rule.get("_created", 0.0) <= surroundings.now():
            found.update(frontends_chain.services_of(rule, surroundings))
    return found


def _key(service: names.Place, group: names.Place, endpoint: Json) -> str:
    return f"{service.path} {group.path} {_target(endpoint)} {endpoint.get('instance', '')}".strip()


def _target(endpoint: Json) -> str:
    return f"{endpoint['ipAddress']}:{endpoint['port']}" if "port" in endpoint else str(endpoint["ipAddress"])


def get_health(
    current: Json | None, body: Json, _query: kind.Query, place: names.Place, surroundings: around.Around
) -> Json:
    """getHealth of one group of a backend service: a BackendServiceGroupHealth. Endpoints that are not probed are not
    in it; where none is, it has no healthStatus."""
    service = current or {}
    asked = names.parse(body.get("group", ""))
    groups = [names.parse(backend["group"]) for backend in service.get("backends", [])]
    if asked is None or asked not in groups:
        why = "The resource group is not a backend of the backend service."
        raise schema.invalid("resource.group", body.get("group", ""), why)
    document = surroundings.get(asked) or {}
    found = []
    for endpoint in document.get("_endpoints", []):
        state = _state(service, place, asked, endpoint, surroundings)
        if state is None:
            continue
        status = {"healthState": "HEALTHY" if state == "HEALTHY" else "UNHEALTHY", "ipAddress": endpoint["ipAddress"]}
        if "instance" in endpoint:
            status["instance"] = instance_of(asked, endpoint).link
        found.append(status | ({"port": endpoint["port"]} if "port" in endpoint else {}))
    return {"kind": "compute#backendServiceGroupHealth"} | ({"healthStatus": found} if found else {})


def of_endpoint(group: names.Place, endpoint: Json, surroundings: around.Around) -> list[Json]:
    """Its HealthStatusForNetworkEndpoint of each backend service that has it probed."""
    found = []
    for holder in surroundings.holders(group):
        service = surroundings.get(holder) or {}
        state = _state(service, holder, group, endpoint, surroundings) if "backends" in service else None
        if state is not None:
            check = {"healthCheck": {"healthCheck": service["healthChecks"][0]}}
            found.append({"backendService": {"backendService": holder.link}, "healthState": state} | check)
    return found


def instance_of(group: names.Place, endpoint: Json) -> names.Place:
    """The instance of an endpoint: in the zone of its group."""
    return names.Place(project=group.project, scope=group.scope, collection="instances", name=str(endpoint["instance"]))


def _state(
    service: Json, place: names.Place, group: names.Place, endpoint: Json, surroundings: around.Around
) -> str | None:
    """HEALTHY, UNHEALTHY, UNKNOWN before the first probe; None when nobody probes it."""
    since = surroundings.moment(_key(place, group, endpoint))
    check = balancing_rules.found((service.get("healthChecks") or [""])[0], surroundings)
    if since is None or check is None:
        return None
    interval = float(surroundings.setting("probe_seconds") or check[1]["checkIntervalSec"])
    sent = int((surroundings.now() - since) // interval)
    if sent < 1:
        return "HEALTHY" if surroundings.belief("gcp-new-endpoint") == "up-until-probed" else "UNKNOWN"
    if not admitted(group, endpoint, check[1], surroundings):
        return "UNHEALTHY"
    return "HEALTHY" if _judged(check[1], endpoint, since, interval, sent, surroundings) else "UNHEALTHY"


def _judged(check: Json, endpoint: Json, since: float, interval: float, sent: int, surroundings: around.Around) -> bool:
    """The first probe decides; after it some in a row must say the contrary. What was ordered changed once at most."""
    finding = surroundings.health(_target(endpoint)) or surroundings.health(endpoint["ipAddress"])
    if finding is None:
        return True
    before = sum(1 for number in range(1, min(sent, _until(finding.since, since, interval)) + 1))
    after = sent - before
    if before == 0 or finding.healthy == finding.before:
        return finding.healthy
    threshold = check["healthyThreshold" if finding.healthy else "unhealthyThreshold"]
    return finding.healthy if after >= threshold else finding.before


def _until(moment: float, since: float, interval: float) -> int:
    """How many probes were sent before `moment`."""
    whole = int((moment - since) // interval)
    return max(0, whole - 1 if since + whole * interval == moment else whole)


def admitted(group: names.Place, endpoint: Json, check: Json, surroundings: around.Around) -> bool:
    """Whether the probes of both source ranges reach the endpoint (setting `firewalls`). Endpoints outside Google
    Cloud have no firewall rules here."""
    if not surroundings.setting("firewalls") or "instance" not in endpoint:
        return True
    instance = surroundings.get(instance_of(group, endpoint))
    network = (surroundings.get(group) or {}).get("network", "")
    block = check.get(health_checks.BLOCKS[check["type"]], {})
    port = block.get("port") or endpoint.get("port") or 80
    if "port" in endpoint and block.get("portSpecification") == "USE_SERVING_PORT":
        port = endpoint["port"]
    return instance is not None and all(reaches(source, instance, network, port, surroundings) for source in SOURCES)


def reaches(source: str, instance: Json, network: str, port: int, surroundings: around.Around) -> bool:
    """Whether the firewall rules of a network let TCP in from a range to a port of an instance: the rule with the
    lowest priority number that matches decides, a denial before an allowance, and without any nothing comes in:
    cloud.google.com/firewall/docs/firewalls."""
    wanted = ipaddress.ip_network(source)
    tags = set((instance.get("tags") or {}).get("items", []))
    verdicts = []
    for _, rule in surroundings.every("firewalls"):
        if rule["network"] != network or rule.get("disabled") or rule.get("direction", "INGRESS") != "INGRESS":
            continue
        if rule.get("targetTags") and not tags & set(rule["targetTags"]):
            continue
        if rule.get("targetServiceAccounts") or not _covers(rule.get("sourceRanges", []), wanted):
            continue
        for member in ("denied", "allowed"):
            if any(_names(one, port) for one in rule.get(member, [])):
                verdicts.append((rule.get("priority", 1000), member == "allowed"))
    return min(verdicts)[1] if verdicts else False


def _covers(ranges: list[str], wanted: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    blocks = [ipaddress.ip_network(text, strict=False) for text in ranges]
    return any(block.version == wanted.version and wanted.subnet_of(block) for block in blocks)  # type: ignore[arg-type]


def _names(entry: Json, port: int) -> bool:
    """Whether an entry of `allowed` or `denied` is about a TCP port."""
    if entry["IPProtocol"] not in ("tcp", "6", "all"):
        return False
    for text in entry.get("ports", []):
        first, _, last = text.partition("-")
        if int(first) <= port <= int(last or first):
            return True
    return not entry.get("ports")
