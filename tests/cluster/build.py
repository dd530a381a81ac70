"""The builder of `cloudgw_local.cluster`, under the name that tests have for it."""

from __future__ import annotations

from cloudgw_local.cluster.build import (
    CONTROL_PLANE,
    CRDS,
    GATEWAY_API,
    HELM,
    BuildError,
    control_plane,
    crds,
    kubernetes_version,
    tools,
)

__all__ = [
    "CONTROL_PLANE",
    "CRDS",
    "GATEWAY_API",
    "HELM",
    "BuildError",
    "control_plane",
    "crds",
    "kubernetes_version",
    "tools",
]
