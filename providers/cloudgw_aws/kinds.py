"""All kinds of elements of this provider, in the order in which a person reads a plan.

The core reads them through `PROVIDER.kinds`. Nothing else belongs here: each kind lives beside its commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudgw.graph import model
from cloudgw_aws import kinds_access, kinds_groups, kinds_listeners, kinds_rules

KINDS: Mapping[str, model.Kind] = {
    kind.name: kind
    for kind in (
        kinds_access.LOAD_BALANCER,
        kinds_listeners.LISTENER,
        kinds_listeners.CERTIFICATE,
        kinds_listeners.LISTENER_CERTIFICATE,
        kinds_rules.RULE,
        kinds_groups.TARGET_GROUP,
        kinds_groups.TARGETS,
        kinds_access.SECURITY_GROUP,
        kinds_access.SECURITY_GROUP_RULE,
    )
}
