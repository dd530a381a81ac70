"""All kinds of elements of this provider, in the order in which a person reads a plan.

The core reads them through `PROVIDER.kinds`. Nothing else belongs here: each kind lives beside its commit.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudgw.graph import model
from cloudgw_gcp import kinds_address, kinds_backends, kinds_endpoints, kinds_front, kinds_paths

KINDS: Mapping[str, model.Kind] = {
    kind.name: kind
    for kind in (
        kinds_address.ADDRESS,
        kinds_front.FORWARDING_RULE,
        kinds_front.TARGET_PROXY,
        kinds_front.SSL_POLICY,
        kinds_front.CERTIFICATE,
        kinds_paths.URL_MAP,
        kinds_paths.PATH_MATCHER,
        kinds_paths.ROUTE_RULE,
        kinds_backends.BACKEND_SERVICE,
        kinds_backends.NEG,
        kinds_endpoints.ENDPOINTS,
        kinds_backends.HEALTH_CHECK,
        kinds_address.FIREWALL,
    )
}
