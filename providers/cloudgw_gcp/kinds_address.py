"""The kinds that open the way: the address, which is the load balancer to the outside, and the firewall behind it.

`kinds` collects them. An address is the one thing that outlives every other part, so whatever belongs to a load
balancer refers to it; it cannot be changed but for its labels (cloud.google.com/compute/docs/reference/rest/v1/
addresses). Probers and proxies reach pods only where a firewall rule lets them: cloud.google.com/load-balancing/docs/
health-check-concepts#ip-ranges.
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw_gcp import kinds_commit

DNS_SECONDS = 300.0  # time to live that names of people's own zones usually have: Google gives an address no name
# The way to the pods stays open as long as requests may run behind it (300 s, see backend-service), and a little more,
# because the clock starts when the rule is no longer wanted, shortly before backends leave.
PATH_SECONDS = 330.0
RESERVED = ("RESERVED", "IN_USE")


def opens(spec: model.Spec) -> frozenset[str]:
    """What a firewall rule lets in: "cidr:10.129.0.0/23 tcp"; nothing that could be told where its sources are not
    known: such a change waits for them."""
    ranges = spec.get("ranges")
    return frozenset() if isinstance(ranges, Unknown) else frozenset(f"cidr:{source} tcp" for source in ranges or ())


ADDRESS = kinds_commit.resource(
    "address",
    settle=kinds_commit.label,
    immutable=("place", "exposure", "network", "subnetwork", "tier"),
    mutable=("labels",),
    defaults={"labels": {}},
    ready=lambda element: element.outputs.get("state") in RESERVED,
    published=DNS_SECONDS,
    exposes=lambda spec: frozenset({"exposure:Public"} if spec.get("exposure") == "Public" else ()),
)
FIREWALL = kinds_commit.resource(
    "firewall",
    immutable=("address", "network", "ranges", "tags"),
    drain=lambda _: PATH_SECONDS,
    exposes=opens,
)
