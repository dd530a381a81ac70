"""All kinds of elements of this provider, in the order in which a person reads a plan.

The core reads them through `PROVIDER.kinds`. Nothing else belongs here: each kind lives beside its commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudgw.graph import model
from cloudgw_azure import kinds_address, kinds_children, kinds_gateway, kinds_paths

KINDS: Mapping[str, model.Kind] = {
    kind.name: kind
    for kind in (
        kinds_gateway.GATEWAY,
        kinds_address.PUBLIC_IP,
        kinds_children.FRONTEND_PORT,
        kinds_children.CERTIFICATE,
        kinds_children.LISTENER,
        kinds_paths.RULE,
        kinds_paths.PATH_MAP,
        kinds_paths.PATH_RULE,
        kinds_children.REDIRECT,
        kinds_children.REWRITE_SET,
        kinds_children.POOL,
        kinds_children.TARGETS,
        kinds_children.SETTINGS,
        kinds_children.PROBE,
        kinds_children.TRUSTED_ROOT,
    )
}
