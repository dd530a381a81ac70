"""What stands behind a URL map, in both forms: backend services, groups of endpoints, health checks, the firewall.

`shapes` collects it. Pure. Members: cloud.google.com/compute/docs/reference/rest/v1/ backendServices, healthChecks,
networkEndpointGroups, firewalls; which affinity needs which of them: cloud.google.com/load-balancing/docs/
backend-service#session_affinity. Members of a document that no field names (logging, CDN, a security policy) are other
people's: a write carries them along. Those that decide whether pods get requests at all (the capacity of a group, whom
a health check asks and what it takes for an answer) are ours: `extra` has those that differ, so that they are repaired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp import names
from cloudgw_gcp.shapes_values import IdOf, Json, RefOf, link, told, unlike

SCHEMES = {"Public": "EXTERNAL_MANAGED", "Internal": "INTERNAL_MANAGED"}
EXPOSURES = {scheme: exposure for exposure, scheme in SCHEMES.items()}
RATE = 100_000_000  # requests per second and endpoint: groups must name a rate, and none is to be the limit
SHARE: Mapping[str, Any] = {"balancingMode": "RATE", "maxRatePerEndpoint": RATE, "capacityScaler": 1}
CHECKED: Mapping[str, Any] = {"host": "", "response": "", "proxyHeader": "NONE"}  # of the block of a health check
PRIORITY = 1000  # of a firewall rule, unless it says otherwise
PLAIN, HASHING = "ROUND_ROBIN", ("RING_HASH", "MAGLEV")
BLOCKS = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck"}
CHECK_MEMBERS = ("type", "checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold")
OTHER_BLOCKS = ("http2HealthCheck", "tcpHealthCheck", "sslHealthCheck", "grpcHealthCheck", "grpcTlsHealthCheck")
SERVICE_MEMBERS = (
    "protocol",
    "loadBalancingScheme",
    "healthChecks",
    "backends",
    "timeoutSec",
    "sessionAffinity",
    "affinityCookieTtlSec",
    "consistentHash",
    "strongSessionAffinityCookie",
    "connectionDraining",
)
FIREWALL_MEMBERS = (
    "network",
    "direction",
    "priority",
    "allowed",
    "denied",
    "destinationRanges",
    "sourceRanges",
    "sourceTags",
    "sourceServiceAccounts",
    "targetTags",
    "targetServiceAccounts",
    "disabled",
)
OPEN = [{"IPProtocol": "tcp"}]  # all ports: those of pods are nobody's business here


def write_firewall(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    return {
        "network": names.link_of(spec["network"]),
        "direction": "INGRESS",
        "priority": PRIORITY,
        "allowed": OPEN,
        "sourceRanges": list(spec["ranges"]),
        "targetTags": list(spec["tags"]),
        "disabled": False,
    }


def read_firewall(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    """ranges: () for a rule that somebody disabled, narrowed or put behind others, so that it differs."""
    way = [{member: value for member, value in one.items() if value} for one in document.get("allowed") or ()]
    closed = document.get("disabled") or way not in (OPEN, [{"IPProtocol": "tcp", "ports": ["0-65535"]}])
    narrowing = ("sourceTags", "sourceServiceAccounts", "targetServiceAccounts", "destinationRanges")
    narrow = document.get("priority", PRIORITY) != PRIORITY or any(document.get(member) for member in narrowing)
    return {
        "network": names.path_of(document.get("network") or ""),
        "ranges": () if closed or narrow else tuple(sorted(document.get("sourceRanges") or ())),
        "tags": tuple(sorted(document.get("targetTags") or ())),
    }


def write_check(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    block = BLOCKS[spec["protocol"]]
    kept = {
        member: value
        for member, value in (standing.get(block) or {}).items()
        if member not in ("port", "portName", "portSpecification", "requestPath", *CHECKED)
    }
    port: Json = {"portSpecification": "USE_SERVING_PORT"}
    if spec.get("port") is not None:
        port = {"portSpecification": "USE_FIXED_PORT", "port": spec["port"]}
    return {
        "type": spec["protocol"],
        block: {**kept, **port, "requestPath": spec["path"]},
        "checkIntervalSec": spec["interval"],
        "timeoutSec": spec["timeout"],
        "healthyThreshold": spec["healthy"],
        "unhealthyThreshold": spec["unhealthy"],
    }


def read_check(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    protocol = str(document.get("type") or "")
    block = document.get(BLOCKS.get(protocol, "")) or {}
    serving = block.get("portSpecification") == "USE_SERVING_PORT"
    return {
        "place": names.place_of(document["selfLink"])[1],
        "protocol": protocol,
        "path": block.get("requestPath") or "/",
        "port": None if serving else int(block.get("port") or 80),
        "interval": document.get("checkIntervalSec"),
        "timeout": document.get("timeoutSec"),
        "healthy": document.get("healthyThreshold"),
        "unhealthy": document.get("unhealthyThreshold"),
        "extra": told(unlike(block, CHECKED)),
    }


def write_neg(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    return {
        "networkEndpointType": spec["type"],
        "network": names.link_of(spec["network"]),
        "subnetwork": names.link_of(spec["subnetwork"]),
    }


def read_neg(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    return {
        "zone": names.place_of(document["selfLink"])[1],
        "network": names.path_of(document.get("network") or ""),
        "subnetwork": names.path_of(document.get("subnetwork") or ""),
        "type": document.get("networkEndpointType") or "",
    }


def write_endpoints(targets: Sequence[str]) -> Json:
    """ "instance/ip:port" as the body of attachNetworkEndpoints and detachNetworkEndpoints."""
    found = []
    for target in targets:
        instance, _, rest = target.partition("/")
        address, _, port = rest.rpartition(":")
        found.append({"instance": instance, "ipAddress": address, "port": int(port)})
    return {"networkEndpoints": found}


def write_service(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:
    """A group must be named by a full link, and zonal groups take a rate (reference/rest/v1/backendServices)."""
    known = {names.path_of(item.get("group") or ""): item for item in standing.get("backends") or ()}
    groups = [id_of(group) for group in spec["backends"]]
    found: Json = {
        "protocol": spec["protocol"],
        "loadBalancingScheme": SCHEMES[spec["exposure"]],
        "healthChecks": [link(spec["health_check"], id_of)] if spec.get("health_check") else [],
        "backends": [{**known.get(group, {}), "group": names.link_of(group), **SHARE} for group in groups],
        "timeoutSec": spec["timeout"],
        "connectionDraining": {"drainingTimeoutSec": spec.get("draining") or 0},
    }
    return found | _write_affinity(spec, standing)


def _write_affinity(spec: model.Spec, standing: Mapping[str, Any]) -> Json:
    """A cookie that is hashed needs a policy that hashes; one of somebody else's choice that does so stays."""
    affinity = spec.get("affinity") or "NONE"
    name, ttl = spec.get("cookie") or ("", 0)
    policy = standing.get("localityLbPolicy")
    found: Json = {"sessionAffinity": affinity, "affinityCookieTtlSec": ttl if affinity == "GENERATED_COOKIE" else 0}
    cookie = {"name": name, "path": "/", "ttl": {"seconds": str(ttl)}}
    if affinity == "STRONG_COOKIE_AFFINITY":
        found["strongSessionAffinityCookie"] = cookie
    if affinity == "HTTP_COOKIE":
        kept = {m: v for m, v in (standing.get("consistentHash") or {}).items() if m == "minimumRingSize"}
        found["consistentHash"] = {**kept, "httpCookie": cookie}
        found["localityLbPolicy"] = policy if policy in HASHING else HASHING[0]
    elif policy in HASHING:
        found["localityLbPolicy"] = PLAIN
    return found


def read_service(document: Mapping[str, Any], ref_of: RefOf) -> Json:
    """Backends have no order: they come as one of names, like those that are built."""
    checks = document.get("healthChecks") or ()
    groups = {names.path_of(one["group"]): told(unlike(one, SHARE)) for one in document.get("backends") or ()}
    affinity = document.get("sessionAffinity") or "NONE"
    return {
        "protocol": document.get("protocol") or "",
        "exposure": EXPOSURES.get(document.get("loadBalancingScheme") or "", ""),
        "health_check": ref_of(names.path_of(checks[0]), "exists") if checks else None,
        "backends": tuple(ref_of(group, "exists") for group in sorted(groups)),
        "timeout": document.get("timeoutSec"),
        "affinity": affinity,
        "cookie": _read_cookie(document, affinity),
        "draining": int((document.get("connectionDraining") or {}).get("drainingTimeoutSec") or 0),
        "extra": ";".join(f"{group.rpartition('/')[2]}: {said}" for group, said in sorted(groups.items()) if said),
    }


def _read_cookie(document: Mapping[str, Any], affinity: str) -> tuple[str, int] | None:
    if affinity == "GENERATED_COOKIE":
        ttl = int(document.get("affinityCookieTtlSec") or 0)
        return ("", ttl) if ttl else None
    cookie: Mapping[str, Any] | None = None
    if affinity == "STRONG_COOKIE_AFFINITY":
        cookie = document.get("strongSessionAffinityCookie")
    if affinity == "HTTP_COOKIE":
        cookie = (document.get("consistentHash") or {}).get("httpCookie")
    if not cookie:
        return None
    return str(cookie.get("name") or ""), int((cookie.get("ttl") or {}).get("seconds") or 0)
