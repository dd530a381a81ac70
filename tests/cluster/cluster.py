"""The clusters of `cloudgw_local.cluster`, under the name that tests have for them."""

from __future__ import annotations

from cloudgw_local.cluster.api import ClusterError, until
from cloudgw_local.cluster.cluster import CHANNELS, USERS, Cluster, documents, gateway_api, start

__all__ = ["CHANNELS", "USERS", "Cluster", "ClusterError", "documents", "gateway_api", "start", "until"]
