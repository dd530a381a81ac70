"""What EC2 operations share: Filters, ids that must exist, tags, pages.

Called by `ec2` and `ec2_groups`. Filter semantics: AWSEC2/latest/UserGuide/Using_Filtering.html (values OR, filters
AND, `*` and `?` wildcards, case-sensitive). An unknown filter name is refused, never ignored.
"""

from __future__ import annotations

import collections.abc
import fnmatch
from typing import Any

from cloudgw_local.aws import call, errors

Values = dict[str, list[str]]


def matching(
    this: call.Call,
    ids: list[str],
    values: collections.abc.Callable[[str], Values],
    known: collections.abc.Container[str],
) -> list[str]:
    """The ids whose values satisfy every filter of the call. `values` answers a resource's value by filter name."""
    filters = this.parameters.get("Filters") or []
    for one in filters:
        name = one.get("Name", "")
        if name not in known and name != "tag-key" and not name.startswith("tag:"):
            raise errors.AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not one.get("Values"):
            raise errors.AwsError("InvalidParameterValue", f"The filter '{name}' has no values")
    return [resource for resource in ids if all(_fits(this, one, resource, values) for one in filters)]


def _fits(this: call.Call, one: dict[str, Any], resource: str, values: collections.abc.Callable[[str], Values]) -> bool:
    tags = this.world.tags.get(resource, {})
    name = one["Name"]
    if name == "tag-key":
        found = list(tags)
    elif name.startswith("tag:"):
        key = name.removeprefix("tag:")
        found = [tags[key]] if key in tags else []
    else:
        found = values(resource).get(name, [])
    return any(_like(value, pattern) for value in found for pattern in one["Values"])


def _like(value: str, pattern: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return value == pattern
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def chosen(this: call.Call, member: str, existing: collections.abc.Collection[str], missing: str) -> list[str]:
    """The ids that the call names, which must exist, or all."""
    wanted: list[str] = this.parameters.get(member) or []
    for resource in wanted:
        if resource not in existing:
            raise errors.AwsError(missing, f"The ID '{resource}' does not exist")
    return sorted(set(wanted)) if wanted else sorted(existing)


def paged(this: call.Call, ids: list[str]) -> tuple[list[str], str | None]:
    """Pages only with MaxResults: without it EC2 returns everything."""
    size = this.parameters.get("MaxResults")
    if size is None:
        return ids, None
    if not 5 <= size <= 1000:
        raise errors.AwsError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid")
    try:
        return call.page(this, ids, order=str, token=this.parameters.get("NextToken", ""), size=size)
    except errors.AwsError:
        raise errors.AwsError("InvalidNextToken", "The token is not valid") from None


def given_tags(this: call.Call, resource_type: str) -> dict[str, str]:
    """Checked tags of TagSpecifications. AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions"""
    tags: dict[str, str] = {}
    for one in this.parameters.get("TagSpecifications") or []:
        if one.get("ResourceType") != resource_type:
            raise errors.AwsError(
                "InvalidParameterValue",
                f"'{one.get('ResourceType')}' is not a valid taggable resource type for this operation.",
            )
        tags.update(checked_tags(one.get("Tags") or []))
    return tags


def checked_tags(given: list[dict[str, str]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in given:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not key or len(key) > 128 or len(value) > 256:
            raise errors.AwsError("InvalidParameterValue", f"Tag {key!r} is longer than 128 + 256 characters, or empty")
        if key.lower().startswith("aws:"):
            raise errors.AwsError(
                "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use"
            )
        if key in tags:
            raise errors.AwsError("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        tags[key] = value
    if len(tags) > 50:
        raise errors.AwsError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    return tags
