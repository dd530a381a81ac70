"""How many resources of a kind this project may have, and what projects and regions say about it.

`resources` asks before an insert. The limits are settings (`quota_backend_services`), each for the global scope and
for every region. Metrics: the enum of Quota in cloud.google.com/compute/docs/reference/rest/v1/projects; message as
reported in kubernetes/kubernetes#17464 ("Quota 'BACKEND_SERVICES' exceeded.  Limit: 3.0").
"""

from __future__ import annotations

from typing import Any

from cloudgw_local.gcp import call, errors

METRICS = {
    "addresses": "STATIC_ADDRESSES",
    "backendServices": "BACKEND_SERVICES",
    "firewalls": "FIREWALLS",
    "forwardingRules": "FORWARDING_RULES",
    "healthChecks": "HEALTH_CHECKS",
    "networkEndpointGroups": "NETWORK_ENDPOINT_GROUPS",
    "networks": "NETWORKS",
    "sslCertificates": "SSL_CERTIFICATES",
    "sslPolicies": "SSL_POLICIES",
    "subnetworks": "SUBNETWORKS",
    "targetHttpProxies": "TARGET_HTTP_PROXIES",
    "targetHttpsProxies": "TARGET_HTTPS_PROXIES",
    "urlMaps": "URL_MAPS",
}
SETTINGS = {f"quota_{metric.lower()}": 5000 for metric in METRICS.values()}


def _limit(asked: call.Call, metric: str) -> float:
    return float(asked.around.setting(f"quota_{metric.lower()}"))


def _used(asked: call.Call, collection: str, region: str) -> float:
    return float(sum(one.region == region for one, _ in asked.around.every(collection)))


def check(asked: call.Call) -> None:
    """Refusal 403 quotaExceeded (413 by belief) when one more resource of the kind is too many."""
    metric = METRICS.get(asked.collection)
    region = asked.place.region
    if metric is None or _used(asked, asked.collection, region) < _limit(asked, metric):
        return
    where = f"in region {region}" if region else "globally"
    message = f"Quota '{metric}' exceeded.  Limit: {_limit(asked, metric)} {where}."
    status = int(asked.around.belief("gcp-quota-status"))
    raise errors.Refusal(status=status, reason="quotaExceeded", message=message)


def listed(asked: call.Call, region: str) -> list[dict[str, Any]]:
    """The `quotas` of a region, or of the project (region "")."""
    return [
        {"metric": metric, "limit": _limit(asked, metric), "usage": _used(asked, collection, region)}
        for collection, metric in sorted(METRICS.items())
    ]
