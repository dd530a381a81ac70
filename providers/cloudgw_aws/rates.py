"""The token buckets of AWS's APIs, per account and region; the controller keeps to them.

ELB: docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html. EC2:
docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html. ACM, whose quotas are of single calls, is left to its
answers (docs.aws.amazon.com/acm/latest/userguide/acm-limits.html). Pure.
"""

from __future__ import annotations

from cloudgw.provider import Rate

ELB = Rate("elb, all", 40, 10)
ELB_READS = Rate("elb, reads", 40, 10)
ELB_WRITES = Rate("elb, writes", 20, 3)
LOAD_BALANCERS = Rate("elb, load balancers", 10, 0.2)
REGISTRATIONS = Rate("elb, registrations", 20, 4)
EC2_READS = Rate("ec2, reads", 100, 20)
EC2_WRITES = Rate("ec2, writes", 50, 5)

_READING = ("Describe", "Get", "List")
_HEAVY = ("CreateLoadBalancer", "SetSubnets")
_REGISTERING = ("RegisterTargets", "DeregisterTargets")


def rates(operation: str) -> tuple[Rate, ...]:
    """operation: "elbv2:CreateRule"."""
    service, _, name = operation.partition(":")
    read = name.startswith(_READING)
    if service == "ec2":
        return (EC2_READS if read else EC2_WRITES,)
    if service != "elbv2":
        return ()
    if name in _HEAVY:
        return ELB, LOAD_BALANCERS
    if name in _REGISTERING:
        return ELB, REGISTRATIONS
    return ELB, ELB_READS if read else ELB_WRITES
