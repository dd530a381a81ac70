"""The local AWS: Elastic Load Balancing v2, an EC2 subset, ACM and STS, spoken as vendor clients speak them.

Found through the entry point group `cloudgw.local`. Importing this module must stay cheap: botocore's models and
the rest load when `cloudgw_local.aws.server` serves.
"""

from __future__ import annotations

from cloudgw_local import local

REGION = "eu-central-1"

LOCAL = local.Local(
    name="aws",
    endpoint="AWS_ENDPOINT_URL",
    environment={
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    },
)
