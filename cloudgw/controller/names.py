"""Names that other programs meet: the finalizer, the annotation of an approval, the field manager, our own kinds.

Everything in `controller` takes them from here; the chart, the guides and people's scripts depend on them. Never change
one without a way from the old to the new.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudgw.objects import OWN_GROUP

GROUP = OWN_GROUP
VERSION = "v1alpha1"
FINALIZER = "cloudgw.dev/load-balancer"
APPROVED = "cloudgw.dev/approved"  # annotation on a Gateway: digests, separated by commas; a person's, only read
MANAGER = "cloudgw"  # field manager of everything that we write

PLAN, STATE, POLICY = "GatewayPlan", "GatewayState", "BackendPolicy"
PLURALS: Mapping[str, str] = {PLAN: "gatewayplans", STATE: "gatewaystates", POLICY: "backendpolicies"}


def path(kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
    """URL path of one of our own namespaced objects, or of all of them in a namespace."""
    parts = [f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURALS[kind]}", name, subresource]
    return "/".join(part for part in parts if part)
