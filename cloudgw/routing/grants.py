"""ReferenceGrants: may this object refer to that one in another namespace?

Called by `backends` (routes to Services) and `certificates` (Gateways and ListenerSets to Secrets and ConfigMaps).
Grants live in the namespace of the target, add up, and are needed for nothing inside one namespace
(https://gateway-api.sigs.k8s.io/api-types/referencegrant/). This module must never look at the target itself: without a
grant nobody may learn whether it exists.
"""

from __future__ import annotations

from cloudgw.objects import ObjectRef, ReferenceGrant, Unknown
from cloudgw.routing.index import Index


def permits(index: Index, *, group: str, kind: str, namespace: str, target: ObjectRef) -> bool | Unknown:
    """Whether an object of `group` and `kind` in `namespace` may refer to `target`. Unknown: no grant was seen, and
    there may be more than was seen."""
    if target.namespace == namespace:
        return True
    source = (group, kind, namespace)
    if any(_grants(grant, source, target) for grant in index.grants.get(target.namespace, ())):
        return True
    if unreadable := index.blind_grants.get(target.namespace):
        return Unknown(f"a ReferenceGrant in namespace {target.namespace} could not be read ({unreadable.reason})")
    if not index.snapshot.is_complete(ReferenceGrant):
        return Unknown(f"not every ReferenceGrant of namespace {target.namespace} is among the input")
    return False


def _grants(grant: ReferenceGrant, source: tuple[str, str, str], target: ObjectRef) -> bool:
    return source in grant.froms and any(
        (group, kind) == (target.group, target.kind) and name in ("", target.name) for group, kind, name in grant.tos
    )
