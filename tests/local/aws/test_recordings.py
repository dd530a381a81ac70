"""The shapes of real answers: whatever members a recorded answer has, the local answer to the same operation has.

CLOUDGW_RECORDINGS names a folder of recorded AWS answers (<folder>/aws/<scenario>/<service>.<Operation>_<n>.json, as
cloud-custodian's flight data are). Only member names are compared, never values.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from . import conftest as c

FOLDER = os.environ.get("CLOUDGW_RECORDINGS", "")


def recorded(operation: str) -> list[Any]:
    if not FOLDER:
        pytest.skip("CLOUDGW_RECORDINGS does not name a folder of recordings")
    found = sorted(pathlib.Path(FOLDER).glob(f"**/elasticloadbalancing.{operation}_*.json"))
    assert found, f"no recordings of {operation}"
    return [json.loads(one.read_text())["data"] for one in found]


def names(value: Any) -> Any:
    """Member names only: a list becomes the union of its items."""
    if isinstance(value, dict) and "__class__" not in value:
        return {key: names(member) for key, member in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        union: dict[str, Any] = {}
        for item in value:
            shape = names(item)
            if isinstance(shape, dict):
                union.update(shape)
        return union
    return None


def missing(real: Any, local: Any, path: str = "") -> list[str]:
    if not isinstance(real, dict):
        return []
    found: list[str] = []
    for key, member in real.items():
        if not isinstance(local, dict) or key not in local:
            found.append(f"{path}/{key}")
        else:
            found += missing(member, local[key], f"{path}/{key}")
    return found


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeLoadBalancers",
        "DescribeTargetGroups",
        "DescribeTargetHealth",
        "DescribeTags",
        "DescribeLoadBalancerAttributes",
        "DescribeTargetGroupAttributes",
        "ModifyTargetGroupAttributes",
    ],
)
def test_shapes(cloud: c.Cloud, operation: str) -> None:
    answers = recorded(operation)
    tags = [{"Key": "a", "Value": "1"}]
    balancer, group = cloud.balancer(Tags=tags), cloud.targets()
    cloud.balancer("net", Type="network")
    cloud.targets("tcp", Protocol="TCP")
    cloud.listener(balancer, c.forward(group))
    cloud.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.5"}])
    attribute = [{"Key": "deregistration_delay.timeout_seconds", "Value": "0"}]
    given: dict[str, dict[str, Any]] = {
        "DescribeTargetHealth": {"TargetGroupArn": group},
        "DescribeTags": {"ResourceArns": [balancer]},
        "DescribeLoadBalancerAttributes": {"LoadBalancerArn": balancer},
        "DescribeTargetGroupAttributes": {"TargetGroupArn": group},
        "ModifyTargetGroupAttributes": {"TargetGroupArn": group, "Attributes": attribute},
    }
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
    local = getattr(cloud.elb, method)(**given.get(operation, {}))
    for answer in answers:
        assert missing(names(answer), names(local)) == []


def test_network_group_attributes(cloud: c.Cloud) -> None:
    """The recorded keys of a TCP group's attributes, and their defaults, are the local ones'."""
    groups = recorded("DescribeTargetGroupAttributes")
    shown = cloud.elb.describe_target_group_attributes(TargetGroupArn=cloud.targets("tcp", Protocol="TCP"))
    local = {one["Key"]: one["Value"] for one in shown["Attributes"]}
    real = {one["Key"]: one["Value"] for one in groups[0]["Attributes"]}
    assert {key: local.get(key) for key in real} == real
