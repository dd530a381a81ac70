"""The kinds behind a URL map: health-check, neg and backend-service; `kinds_endpoints` has what is in a neg.

`kinds` collects them. Groups of endpoints are shared by the incarnations of a load balancer, so that pods are
registered once per zone; a backend service names the groups of all zones and belongs to one load balancer, because its
scheme does (cloud.google.com/load-balancing/docs/backend-service).
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw_gcp import kinds_commit

# Until a changed URL map has reached every proxy requests still come by the one before it. No document says how long
# that takes; the conformance tests of Google's own controller allow 300 s (GoogleCloudPlatform/gke-gateway-api).
DRAIN_SECONDS = 300.0
NONE = "none"  # logical id of the backend service without endpoints, behind which nothing answers


def _serving(service: model.Element) -> float:
    return float(service.outputs.get("healthy", 0)) / max(1, int(service.outputs.get("targets", 0)))


HEALTH_CHECK = kinds_commit.resource(
    "health-check",
    immutable=("place", "protocol"),
    mutable=("path", "port", "interval", "timeout", "healthy", "unhealthy"),
)
NEG = kinds_commit.resource("neg", immutable=("zone", "network", "subnetwork", "type"))
BACKEND_SERVICE = kinds_commit.resource(
    "backend-service",
    immutable=("address", "protocol", "exposure"),
    mutable=("health_check", "backends", "timeout", "affinity", "cookie", "draining"),
    defaults={"backends": (), "affinity": "NONE", "draining": 0},
    serving=_serving,
    drain=lambda _: DRAIN_SECONDS,
)
