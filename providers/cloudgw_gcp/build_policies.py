"""What a BackendPolicy asks of health checks and backend services: which of it Google Cloud does, and what else.

`build_backends` asks for each backend. Pure. Without a policy, and for what one leaves out, the values here hold. Must
never write a combination that Google refuses. cloud.google.com/compute/docs/reference/rest/v1/healthChecks,
cloud.google.com/load-balancing/docs/health-check-concepts (an answer is good with the status 200 alone), .../
backend-service (session affinity, connection draining).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.objects import HealthCheck
from cloudgw.routing import ir
from cloudgw_gcp import build_actions, build_unsupported

DRAINING = 30  # seconds that requests under way have when an endpoint leaves
# Kubernetes decides who is ready; the load balancer only has to find out who can be reached and answers at all
CHECK: Mapping[str, Any] = {"path": "/", "port": None, "interval": 15, "timeout": 5, "healthy": 2, "unhealthy": 2}
HIGHEST_THRESHOLD = 10
GOOD = ("200",)


def check(asked: HealthCheck) -> dict[str, Any]:
    """What is asked, how often, and when a pod is well."""
    wrong = _refused_of_check(asked)
    interval = asked.interval or CHECK["interval"]
    late = "healthCheck.timeoutSeconds" in wrong
    many = "healthCheck.unhealthyThreshold" in wrong
    return {
        "path": asked.path or CHECK["path"],
        "port": asked.port or CHECK["port"],
        "interval": interval,
        "timeout": min(CHECK["timeout"], interval) if late or not asked.timeout else asked.timeout,
        "healthy": asked.healthy or CHECK["healthy"],
        "unhealthy": CHECK["unhealthy"] if many or not asked.unhealthy else asked.unhealthy,
    }


def asks(asked: HealthCheck) -> bool:
    """Whether the check is another one than without a policy."""
    return check(asked) != CHECK


def variant(policy: ir.BackendPolicy | None) -> build_actions.Variant:
    """The affinity of a backend service whose rules ask for none."""
    affinity = policy.affinity if policy is not None else None
    if affinity is None:
        return build_actions.Variant()
    if affinity.type == "ClientIP":
        return build_actions.Variant(affinity="CLIENT_IP")
    cookie = (affinity.cookie or build_unsupported.DEFAULT_COOKIE, affinity.ttl)
    return build_actions.Variant(affinity="STRONG_COOKIE_AFFINITY", cookie=cookie)


def refused(policy: ir.BackendPolicy) -> dict[str, str]:
    """Field, as in BackendPolicy.asks -> why it has no effect."""
    return _refused_of_check(policy.check)


def _refused_of_check(asked: HealthCheck) -> dict[str, str]:
    found: dict[str, str] = {}
    interval = asked.interval or CHECK["interval"]
    if asked.timeout > interval:
        found["healthCheck.timeoutSeconds"] = (
            f"{asked.timeout} is more than the {interval} seconds from one question to the next; Google waits "
            f"{min(CHECK['timeout'], interval)}; set intervalSeconds too"
        )
    if asked.unhealthy > HIGHEST_THRESHOLD:
        found["healthCheck.unhealthyThreshold"] = (
            f"{asked.unhealthy}; Google counts 1 to {HIGHEST_THRESHOLD} answers; it counts {CHECK['unhealthy']}"
        )
    if asked.statuses not in ((), GOOD):
        found["healthCheck.statusCodes"] = (
            f"{', '.join(asked.statuses)}; to Google 200 alone is a good answer; let the pods answer so on the path"
        )
    return found
