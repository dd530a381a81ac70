"""The token buckets of Azure Resource Manager, per subscription, service principal, region and type of operation.

learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling; on top of them the network
resource provider takes 1,000 writes and 10,000 reads in five minutes, which are slower. Pure.
"""

from __future__ import annotations

from cloudgw.provider import Rate

READS = Rate("reads", 250, 25)
WRITES = Rate("writes", 200, 10)
DELETES = Rate("deletes", 200, 10)
NETWORK_READS = Rate("network reads", 5000, 5000 / 300)  # with what it begins with: 10,000 in five minutes
NETWORK_WRITES = Rate("network writes", 500, 500 / 300)  # 1,000


def rates(operation: str) -> tuple[Rate, ...]:
    """operation: "PUT applicationGateways"."""
    method = operation.partition(" ")[0]
    if method == "DELETE":
        return DELETES, NETWORK_WRITES
    return (WRITES, NETWORK_WRITES) if method in ("PUT", "PATCH") else (READS, NETWORK_READS)
