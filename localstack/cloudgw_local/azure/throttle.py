"""How many requests this Azure takes: Resource Manager's token buckets, and the network provider's own.

`server` draws before it executes a call, when the setting `throttling` is on. Numbers: azure-resource-manager/
management/request-limits-and-throttling on learn.microsoft.com (per subscription, region and principal; the buckets
of all principals together are 15 times those; Microsoft.Network: 1000 writes and 10000 reads in five minutes).
"""

from __future__ import annotations

import math

from cloudgw_local import buckets
from cloudgw_local.azure import errors

LIMITS = {
    "reads": (250.0, 25.0),
    "writes": (200.0, 10.0),
    "deletes": (200.0, 10.0),
    "global-reads": (3750.0, 375.0),
    "global-writes": (3000.0, 150.0),
    "global-deletes": (3000.0, 150.0),
    "network-reads": (10000.0, 10000 / 300),
    "network-writes": (1000.0, 1000 / 300),
}


class Limits(buckets.Buckets):
    """Buckets that also say how full they are."""

    def __init__(self) -> None:
        super().__init__(LIMITS)

    def draw_for(self, method: str, network: bool, subscription: str, now: float) -> None:
        """Take from every bucket that the request belongs to. Refusal 429 with Retry-After when one is empty."""
        kind = kind_of(method)
        names = [kind, f"global-{kind}"]
        provider = "network-reads" if kind == "reads" else "network-writes"
        if self.draw([*names, provider] if network else names, now):
            return
        raise refusal(method, subscription, self._wait(names, now), network and self._wait([provider], now) > 0)

    def _wait(self, names: list[str], now: float) -> int:
        """Seconds until each of these buckets has a token."""
        missing = ((1 - self._buckets[name].level(now)) / self._buckets[name].refill for name in names)
        return max(0, *(math.ceil(one) for one in missing))

    def headers(self, method: str, now: float) -> dict[str, str]:
        kind = kind_of(method)
        return {
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(int(self._buckets[kind].level(now))),
            f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(
                int(self._buckets[f"global-{kind}"].level(now))
            ),
        }


def kind_of(method: str) -> str:
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


def refusal(method: str, subscription: str, wait: int, network: bool = False) -> errors.Refusal:
    """The shapes reported in webdevops/azure-metrics-exporter#36 and Azure/azqr#34."""
    wait = max(1, wait)
    if network:
        code, what = (
            "ResourceRequestsThrottled",
            "for Microsoft.Network exceeded the limit for time interval '00:05:00'",
        )
    else:
        code = "SubscriptionRequestsThrottled"
        what = f"for subscription '{subscription}' and operation '{method}' exceeded the limit"
    message = f"Number of requests {what}. Please try again after '{wait}' seconds."
    return errors.Refusal(code=code, message=message, status=429, headers={"Retry-After": str(wait)})
