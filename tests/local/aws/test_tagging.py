"""Resources found by tag, across services."""

from __future__ import annotations

from typing import Any

from . import conftest as c

OURS = [{"Key": "owner", "Value": "us"}]


def listed(tagging: Any, **given: Any) -> set[str]:
    pages = tagging.get_paginator("get_resources").paginate(**given)
    return {one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]}


def test_resources_by_tag(cloud: c.Cloud) -> None:
    tagging = c.clients(cloud.endpoint, "resourcegroupstaggingapi")["resourcegroupstaggingapi"]
    balancer, certificate = cloud.balancer(Tags=OURS), cloud.certificate(Tags=OURS)
    group = cloud.targets(Tags=[{"Key": "owner", "Value": "them"}])
    cloud.targets("untagged")
    ours = [{"Key": "owner", "Values": ["us"]}]
    assert listed(tagging, TagFilters=ours) == {balancer, certificate}
    assert listed(tagging, TagFilters=[{"Key": "owner"}]) == {balancer, certificate, group}
    assert listed(tagging, TagFilters=ours, ResourcesPerPage=1) == {balancer, certificate}
    assert listed(tagging, ResourceTypeFilters=["elasticloadbalancing"]) == {balancer, group}
    assert listed(tagging, ResourceTypeFilters=["elasticloadbalancing:targetgroup"]) == {group}
    assert len(listed(tagging, ResourceTypeFilters=["ec2:subnet"])) == 2
    c.refused("InvalidParameterException", tagging.get_resources, ResourcesPerPage=101)
    c.refused("PaginationTokenExpiredException", tagging.get_resources, PaginationToken="nonsense")
