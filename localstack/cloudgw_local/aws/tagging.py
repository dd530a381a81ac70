"""The Resource Groups Tagging API, GetResources only: what carries which tags, across services. Called by `server`.

Facts: resourcegroupstagging/latest/APIReference/API_GetResources.html (filters AND, values OR, a filter without values
matches any, at most 100 per page, an empty token at the end). Resources without tags must never be listed.
"""

from __future__ import annotations

from typing import Any

from cloudgw_local.aws import call, errors, world

_EC2 = {
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "rtb": "route-table",
    "eni": "network-interface",
}


def get_resources(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    filters = given.get("TagFilters") or []
    types = given.get("ResourceTypeFilters") or []
    wanted = given.get("ResourceARNList")
    if wanted and (filters or types or given.get("PaginationToken")):
        raise errors.AwsError("InvalidParameterException", "ResourceARNList excludes all other filters")
    size = given.get("ResourcesPerPage", 50)
    if not 1 <= size <= 100:
        raise errors.AwsError("InvalidParameterException", "ResourcesPerPage must be between 1 and 100")
    found = [
        (arn, tags)
        for resource, tags in this.world.tags.items()
        for arn in [_arn(resource)]
        if tags
        and (not wanted or arn in wanted)
        and (not types or any(_is(arn, one) for one in types))
        and all(one["Key"] in tags and (not one.get("Values") or tags[one["Key"]] in one["Values"]) for one in filters)
    ]
    try:
        token = given.get("PaginationToken", "")
        shown, following = call.page(this, found, order=lambda row: str(row[0]), token=token, size=size)
    except errors.AwsError as broken:
        raise errors.AwsError("PaginationTokenExpiredException", broken.message) from None
    rows = [{"ResourceARN": arn, "Tags": call.tag_list(tags)} for arn, tags in shown]
    return {"ResourceTagMappingList": rows, "PaginationToken": following or ""}


def _arn(resource: str) -> str:
    if resource.startswith("arn:"):
        return resource
    kind = _EC2.get(resource.partition("-")[0], "resource")
    return f"arn:aws:ec2:{world.REGION}:{world.ACCOUNT}:{kind}/{resource}"


def _is(arn: str, wanted: str) -> bool:
    """`wanted` is a service, service:type, or service:type/subtype."""
    service, _, kind = wanted.partition(":")
    parts = arn.split(":", 5)
    return parts[2] == service and (not kind or parts[5].startswith(f"{kind}/"))


OPERATIONS: dict[str, call.Operation] = {"GetResources": get_resources}
