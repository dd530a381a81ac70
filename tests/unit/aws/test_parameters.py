"""Every field that cannot be used is refused by its path, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw.provider import ParametersRefused
from cloudgw_aws import parameters
from tests.unit.aws import samples


def problems(spec: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ParametersRefused) as caught:
        parameters.parse(samples.raw(**spec))
    return dict(caught.value.problems)


def test_defaults_are_closed() -> None:
    found = samples.wanted()
    assert found.scheme == "internal"
    assert found.ranges is None
    assert found.backend_groups == ()
    assert found.tls_policy == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert str(found.settings.placement) == "aws/eu-west-1"


def test_everything_given() -> None:
    found = samples.wanted(
        accountId="123456789012",
        exposure="Public",
        allowedSourceRanges=["0.0.0.0/0"],
        subnets={"ids": ["subnet-0b", "subnet-0a"]},
        tls={"policy": "ELBSecurityPolicy-TLS13-1-3-2021-06"},
        backendSecurityGroups=["sg-0a"],
        tags={"team": "shop"},
        deletionBudget=3,
    )
    assert found.scheme == "internet-facing"
    assert found.subnets == ("subnet-0a", "subnet-0b")
    assert found.settings.deletion_budget == 3
    assert str(found.settings.placement) == "aws/123456789012/eu-west-1"


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        ({"region": None}, "spec.region", "required"),
        ({"region": "europe"}, "spec.region", "eu-west-1"),
        ({"region": 3}, "spec.region", "text"),
        ({"accountId": 123456789012}, "spec.accountId", "quote"),
        ({"accountId": "12"}, "spec.accountId", "12 digits"),
        ({"vpcId": None}, "spec.vpcId", "required unless subnets.ids"),
        ({"vpcId": "net-1"}, "spec.vpcId", "vpc-"),
        ({"subnets": []}, "spec.subnets", "object"),
        ({"subnets": {"ids": ["subnet-0a"]}}, "spec.subnets.ids", "two"),
        ({"subnets": {"ids": ["x", "subnet-0a"]}}, "spec.subnets.ids[0]", "subnet-"),
        ({"subnets": {"ids": "subnet-0a"}}, "spec.subnets.ids", "list"),
        ({"subnets": {"tag": "x"}}, "spec.subnets.tag", "known here: ids, roleTag"),
        ({"subnets": {"ids": ["subnet-0a", "subnet-0b"], "roleTag": "auto"}}, "spec.subnets.roleTag", "together"),
        ({"subnets": {"roleTag": "mine"}}, "spec.subnets.roleTag", "auto"),
        ({"exposure": "public"}, "spec.exposure", "neither Internal nor Public"),
        ({"exposure": "Public"}, "spec.allowedSourceRanges", "0.0.0.0/0"),
        ({"exposure": "Public", "allowedSourceRanges": []}, "spec.allowedSourceRanges", "must name"),
        ({"allowedSourceRanges": ["10.0.0.1/8"]}, "spec.allowedSourceRanges[0]", "host bits"),
        ({"allowedSourceRanges": ["10.0.0.1"]}, "spec.allowedSourceRanges[0]", "10.0.0.1/32"),
        ({"allowedSourceRanges": [1]}, "spec.allowedSourceRanges[0]", "text"),
        ({"tls": {"policy": "modern"}}, "spec.tls.policy", "ELBSecurityPolicy"),
        ({"tls": {"minVersion": "1.2"}}, "spec.tls.minVersion", "known here: policy"),
        ({"backendSecurityGroups": ["nodes"]}, "spec.backendSecurityGroups[0]", "sg-"),
        ({"tags": []}, "spec.tags", "object"),
        ({"tags": {"a": 1}}, "spec.tags.a", "quote"),
        ({"tags": {"": "x"}}, "spec.tags.", "1 to 128"),
        ({"tags": {"a": "x" * 257}}, "spec.tags.a", "256"),
        ({"tags": {"a": "x*"}}, "spec.tags.a", "allowed are"),
        ({"tags": {"aws:x": "x"}}, "spec.tags.aws:x", "reserved"),
        ({"tags": {"cloudgw.dev/owner": "x"}}, "spec.tags.cloudgw.dev/owner", "reserved"),
        ({"tags": {f"k{n}": "x" for n in range(21)}}, "spec.tags", "at most 20"),
        ({"deletionBudget": -1}, "spec.deletionBudget", "0 or more"),
        ({"deletionBudget": True}, "spec.deletionBudget", "number"),
        ({"regoin": "eu-west-1"}, "spec.regoin", "is not a field"),
    ],
)
def test_refusals(spec: dict[str, Any], path: str, says: str) -> None:
    found = problems(spec)
    assert path in found, found
    assert says in found[path]


def test_all_problems_at_once() -> None:
    assert len(problems({"region": "x", "exposure": "y", "zzz": 1})) == 3


def test_another_kind_is_refused() -> None:
    raw = samples.raw()
    with pytest.raises(ParametersRefused, match="GCP"):
        parameters.parse(type(raw)(meta=raw.meta, kind="GCPGatewayClassParameters", spec=raw.spec))
