"""What a BackendPolicy asks of a target group: which of it an Application Load Balancer takes, and what it is without.

`build` asks for each backend. Pure. Without a policy, and for what one leaves out, the values here hold (but draining,
which is AWS's own default until somebody asks). Must never write a combination that AWS refuses: the call would fail
for all of it. docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyTargetGroup.html,
.../application/target-group-health-checks.html, .../application/edit-target-group-attributes.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.objects import HealthCheck
from cloudgw.routing import ir

# Kubernetes decides who is ready; the load balancer only has to find out who can be reached and answers at all
# (target-group-health-checks.html: matcher 200 to 499).
HEALTH: Mapping[str, Any] = {
    "protocol": "HTTP",
    "path": "/",
    "port": "traffic-port",
    "interval": 15,
    "timeout": 5,
    "healthy": 2,
    "unhealthy": 2,
    "matcher": "200-499",
}
SHORTEST, LONGEST_TIMEOUT = 5, 120  # seconds, of an interval and of a timeout; a timeout has 2 at least
THRESHOLDS = range(2, 11)


def health(check: HealthCheck) -> dict[str, Any]:
    """The field health_check."""
    wrong = _refused_of_check(check)

    def asked(field: str, value: Any, otherwise: Any) -> Any:
        return value if value and f"healthCheck.{field}" not in wrong else otherwise

    interval = asked("intervalSeconds", check.interval, HEALTH["interval"])
    return {
        **HEALTH,
        "path": check.path or HEALTH["path"],
        "port": str(check.port) if check.port else HEALTH["port"],
        "interval": interval,
        "timeout": asked("timeoutSeconds", check.timeout, min(HEALTH["timeout"], interval - 1)),
        "healthy": asked("healthyThreshold", check.healthy, HEALTH["healthy"]),
        "unhealthy": asked("unhealthyThreshold", check.unhealthy, HEALTH["unhealthy"]),
        "matcher": ",".join(asked("statusCodes", check.statuses, (HEALTH["matcher"],))),
    }


def refused(policy: ir.BackendPolicy) -> dict[str, str]:
    """Field, as in BackendPolicy.asks -> why it has no effect."""
    found = _refused_of_check(policy.check)
    if policy.affinity is not None:
        # a group cannot be sticky while a rule that splits requests, a warm one too, names it and is not: AWS refuses
        # (kubernetes-sigs/aws-load-balancer-controller#2734). Rules are not made sticky yet.
        reason = "target groups are not made sticky yet; pods are chosen anew for each request"
        found |= dict.fromkeys(("affinity.type", "affinity.cookieName", "affinity.ttlSeconds"), reason)
    return found


def _refused_of_check(check: HealthCheck) -> dict[str, str]:
    found: dict[str, str] = {}
    interval = HEALTH["interval"]
    if 0 < check.interval < SHORTEST:
        found["healthCheck.intervalSeconds"] = (
            f"{check.interval}; an ALB asks every {SHORTEST} to 300 seconds; it asks every {interval}"
        )
    elif check.interval:
        interval = check.interval
    if check.timeout and not 2 <= check.timeout < min(interval, LONGEST_TIMEOUT + 1):
        found["healthCheck.timeoutSeconds"] = (
            f"{check.timeout}; an ALB waits 2 to {LONGEST_TIMEOUT} seconds, and less than the {interval} from one "
            f"question to the next; it waits {min(HEALTH['timeout'], interval - 1)}"
        )
    for field, value in (("healthyThreshold", check.healthy), ("unhealthyThreshold", check.unhealthy)):
        if value and value not in THRESHOLDS:
            found[f"healthCheck.{field}"] = f"{value}; an ALB counts 2 to 10 answers; it counts {HEALTH['healthy']}"
    if any(not 200 <= int(code) <= 499 for codes in check.statuses for code in codes.split("-")):
        found["healthCheck.statusCodes"] = (
            f"{', '.join(check.statuses)}; an ALB takes codes from 200 to 499 for well; {HEALTH['matcher']} are well"
        )
    return found
