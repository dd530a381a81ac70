"""The local Azure: Resource Manager, application gateways and what they stand on, spoken as vendor clients speak it.

Found through the entry point group `cloudgw.local`. Importing this module must stay cheap: the
vendor's models, which are the schema of every document, load when `cloudgw_local.azure.server` serves.
"""

from __future__ import annotations

from cloudgw_local import local

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg-edge"
LOCATION = "westeurope"

LOCAL = local.Local(name="azure", endpoint="AZURE_ARM_ENDPOINT", environment={"AZURE_SUBSCRIPTION_ID": SUBSCRIPTION})
