"""How many requests this compute API takes: its rate quotas per project and minute.

`server` counts before it executes a call, when the setting `throttling` is on. cloud.google.com/compute/api-quota:
groups of methods, globally and per region; a quota that is used up refills at the start of the next minute of the
clock, not before; 403 rateLimitExceeded until then. The numbers are the defaults that the page gave while it still
gave numbers (1500 requests per minute and group); those of today's groups are higher and not published.
"""

from __future__ import annotations

import collections

from cloudgw_local import gcp
from cloudgw_local.gcp import discovery, errors, locations, names

PER_MINUTE = 1500
HEAVY_PER_MINUTE = 750
ENDPOINTS = {
    "attachNetworkEndpoints": "network_endpoint_write_requests_per_region",
    "detachNetworkEndpoints": "network_endpoint_write_requests_per_region",
    "listNetworkEndpoints": "network_endpoint_list_requests_per_region",
}


class Limits:
    """What was asked in the running minute, by group."""

    def __init__(self) -> None:
        self._minute = 0
        self._asked: collections.Counter[str] = collections.Counter()

    def fill(self) -> None:
        self._asked.clear()

    def draw_for(self, route: discovery.Route, write: bool, now: float) -> None:
        """Count a call in its group. Refusal 403 rateLimitExceeded when that has had its share of this minute."""
        if int(now // 60) != self._minute:
            self._minute = int(now // 60)
            self.fill()
        group = group_of(route, write)
        if self._asked[group] >= (HEAVY_PER_MINUTE if group.startswith("heavy") else PER_MINUTE):
            raise refusal(group)
        self._asked[group] += 1


def group_of(route: discovery.Route, write: bool) -> str:
    """The metric a call counts for, followed by the region where it is one of a region."""
    place = names.Place(project=route.project, scope=route.scope, collection="", name="")
    region = f" {place.region}" if place.region in locations.REGIONS else ""
    verb = route.method.verb
    if region and verb in ENDPOINTS:
        return ENDPOINTS[verb] + region
    if verb == "aggregatedList" or (region and verb == "wait"):
        return f"heavy_weight_read_requests{'_per_region' if region else ''}{region}"
    if region:
        return ("writes_per_region" if write else "reads_per_region") + region
    return "global_writes" if write else "global_reads"


def refusal(group: str) -> errors.Refusal:
    """The body that hashicorp/terraform-provider-google#8360 reports, with cloud.google.com/docs/quotas's details."""
    metric, _, region = group.partition(" ")
    spoken = metric.replace("_", " ").capitalize()
    message = (
        f"Quota exceeded for quota metric '{spoken}' and limit '{spoken} per minute' of service "
        f"'compute.googleapis.com' for consumer 'project_number:{gcp.NUMBER}'."
    )
    details = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {
            "service": "compute.googleapis.com",
            "consumer": f"projects/{gcp.NUMBER}",
            "quota_metric": f"compute.googleapis.com/{metric}",
            "quota_location": region or "global",
        },
    }
    return errors.Refusal(status=403, reason="rateLimitExceeded", message=message, details=details)
