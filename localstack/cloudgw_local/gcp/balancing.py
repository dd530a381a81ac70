"""The kinds of load-balancer resources in one tuple: `kinds` takes them into the frame.

Each module beside it holds the rules of its own. Nothing else may be here.
"""

from __future__ import annotations

from cloudgw_local.gcp import backends, backends_groups, certificates, frontends, frontends_proxies, health_checks, kind

KINDS: tuple[kind.Kind, ...] = (
    *health_checks.KINDS,
    *backends_groups.KINDS,
    *backends.KINDS,
    *certificates.KINDS,
    *frontends_proxies.KINDS,
    *frontends.KINDS,
)
