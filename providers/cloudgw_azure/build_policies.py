"""What a BackendPolicy asks of probes and settings: which of it an Application Gateway takes, and what it is without.

`build_backends` asks for each backend. Pure. Without a policy, and for what one leaves out, the values here hold. Must
never write a combination that Azure refuses: the whole document would be.
learn.microsoft.com/azure/application-gateway/ application-gateway-probe-overview, configuration-http-settings.
"""

from __future__ import annotations

from typing import Any

from cloudgw.objects import HealthCheck
from cloudgw.routing import ir
from cloudgw_azure import build_unsupported

DRAINING = 30  # seconds that requests under way have when a target leaves
# Kubernetes decides who is ready; the gateway only has to find out who can be reached and answers at all
PROBE: dict[str, Any] = {
    "path": "/",
    "port": None,  # that of the settings
    "interval": 15,
    "timeout": 5,
    "threshold": 2,
    "statuses": ("200-499",),
}


def probe(check: HealthCheck) -> dict[str, Any]:
    """What is asked, how often, and what is well; not with what protocol."""
    interval = check.interval or PROBE["interval"]
    late = "healthCheck.timeoutSeconds" in _refused_of_check(check)
    return {
        "path": check.path or PROBE["path"],
        "port": check.port or PROBE["port"],
        "interval": interval,
        "timeout": min(PROBE["timeout"], interval) if late or not check.timeout else check.timeout,
        "threshold": check.unhealthy or PROBE["threshold"],
        "statuses": check.statuses or PROBE["statuses"],
    }


def asks(check: HealthCheck) -> bool:
    """Whether the probe is another one than without a policy."""
    return probe(check) != PROBE


def cookie(policy: ir.BackendPolicy) -> str:
    """The name of the cookie, "" = no affinity."""
    affinity = policy.affinity
    return (affinity.cookie or build_unsupported.DEFAULT_COOKIE) if affinity and affinity.type == "Cookie" else ""


def refused(policy: ir.BackendPolicy) -> dict[str, str]:
    """Field, as in BackendPolicy.asks -> why it has no effect."""
    found = _refused_of_check(policy.check)
    affinity = policy.affinity
    if affinity is not None and affinity.type != "Cookie":
        found["affinity.type"] = (
            f"{affinity.type}; an Application Gateway keeps clients at a pod by a cookie only; use Cookie"
        )
    found["affinity.ttlSeconds"] = (
        "the cookie of an Application Gateway lasts as long as the client's session; remove it"
    )
    return found


def _refused_of_check(check: HealthCheck) -> dict[str, str]:
    found = {
        "healthCheck.healthyThreshold": "to an Application Gateway one good answer is enough; remove it",
    }
    interval = check.interval or PROBE["interval"]
    if check.timeout > interval:
        found["healthCheck.timeoutSeconds"] = (
            f"{check.timeout} is more than the {interval} seconds from one question to the next; it waits "
            f"{min(PROBE['timeout'], interval)}; set intervalSeconds too"
        )
    return found
