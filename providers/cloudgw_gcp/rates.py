"""The rate quotas of the Compute Engine API, per project; the controller keeps to their defaults.

1,500 calls a minute of each group, refilled at the start of a minute (cloud.google.com/compute/docs/api-rate-limits).
As a bucket, half of it at once and half in the minute: never more than the quota, whenever the minute begins. For heavy
reads no default is published; half of the others' is assumed. Pure.
"""

from __future__ import annotations

from cloudgw.provider import Rate

READS = Rate("reads", 750, 12.5)
WRITES = Rate("writes", 750, 12.5)
HEAVY = Rate("heavy reads", 375, 6.25)
OPERATIONS = Rate("operations", 750, 12.5)

_READING = (".get", ".list", ".getHealth", ".listNetworkEndpoints", ".testIamPermissions")


def rates(operation: str) -> tuple[Rate, ...]:
    """operation: "urlMaps.insert"."""
    if operation.startswith("operations."):
        return (OPERATIONS,)
    if operation.endswith(".aggregatedList"):
        return (HEAVY,)
    return (READS if operation.endswith(_READING) else WRITES,)
