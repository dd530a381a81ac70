"""The local Google Cloud: the compute API's load balancing, spoken as vendor clients speak it.

Found through the entry point group `cloudgw.local`. Importing this module must stay cheap: the discovery document,
which is the schema of every resource, loads when `cloudgw_local.gcp.server` serves.
"""

from __future__ import annotations

from cloudgw_local import local

PROJECT = "cloudgw-local"
NUMBER = "123456789012"
REGION = "europe-west1"
ZONES = ("europe-west1-b", "europe-west1-c", "europe-west1-d")
NETWORK = "net-edge"

LOCAL = local.Local(
    name="gcp", endpoint="GOOGLE_COMPUTE_CUSTOM_ENDPOINT", environment={"GOOGLE_CLOUD_PROJECT": PROJECT}
)
