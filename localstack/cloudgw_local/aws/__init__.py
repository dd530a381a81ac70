"""The local AWS: Elastic Load Balancing v2, an EC2 subset, ACM and STS, spoken as vendor clients speak them.

Found through the entry point group `cloudgw.local`. Importing this module must stay cheap: botocore's models and
the rest load when `cloudgw_local.aws.server` serves.
"""

from __future__ import annotations

import dataclasses
import sys

REGION = "eu-central-1"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """How to start this cloud as a process, and what a vendor client needs in its environment to reach it."""

    name: str

    def command(self, port: int, rate: float, stepped: bool) -> list[str]:
        pace = ["--stepped"] if stepped else ["--rate", str(rate)]
        return [sys.executable, "-m", "cloudgw_local.aws", "--host", "127.0.0.1", "--port", str(port), *pace]

    def env(self, endpoint: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CLOUDGW_CLOCK": f"{endpoint}/_cloudgw/clock",
        }


LOCAL = Local(name="aws")
