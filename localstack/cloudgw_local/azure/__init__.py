"""The local Azure: Resource Manager, application gateways and what they stand on, spoken as vendor clients speak it.

Found through the entry point group `cloudgw.local`. Importing this module must stay cheap: the
vendor's models, which are the schema of every document, load when `cloudgw_local.azure.server` serves.
"""

from __future__ import annotations

import dataclasses
import sys

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg-edge"
LOCATION = "westeurope"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """How to start this cloud as a process, and what a vendor client needs in its environment to reach it."""

    name: str

    def command(self, port: int, rate: float, stepped: bool) -> list[str]:
        pace = ["--stepped"] if stepped else ["--rate", str(rate)]
        return [sys.executable, "-m", "cloudgw_local.azure", "--host", "127.0.0.1", "--port", str(port), *pace]

    def env(self, endpoint: str) -> dict[str, str]:
        return {
            "AZURE_ARM_ENDPOINT": endpoint,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "CLOUDGW_CLOCK": f"{endpoint}/_cloudgw/clock",
        }


LOCAL = Local(name="azure")
