"""Subnets, ranges and quotas, as the account shows them."""

from __future__ import annotations

from typing import Any

from cloudgw.objects import Unknown
from cloudgw.provider import Facts, Inventory, Placement
from cloudgw_aws import build, facts
from tests.unit.aws import samples

INTERNAL = [{"Key": "kubernetes.io/role/internal-elb", "Value": "1"}]


def subnet(name: str, zone: str, tagged: bool = True, vpc: str = "vpc-0a") -> dict[str, Any]:
    tags = INTERNAL if tagged else []
    return {"SubnetId": name, "VpcId": vpc, "AvailabilityZone": zone, "Tags": tags}


def found(content: dict[str, Any], **spec: Any) -> tuple[facts.Network, Facts]:
    inventory = Inventory(placement=Placement("aws"), content=content)
    result = facts.facts(inventory, samples.routing(), samples.wanted(**spec))
    return result.values["network"], result


def world(*subnets: dict[str, Any], **more: Any) -> dict[str, Any]:
    graph, _ = build.build(samples.routing(), samples.network(), samples.wanted())
    standing = samples.render(graph)
    empty = {**standing, "load_balancers": [], "tags": {}}
    return {**empty, "subnets": list(subnets), **more}


def test_one_tagged_subnet_of_each_zone() -> None:
    network, _ = found(
        world(subnet("subnet-0b", "z1"), subnet("subnet-0a", "z1"), subnet("subnet-0c", "z2"), subnet("x", "z3", False))
    )
    assert network.subnets == ("subnet-0a", "subnet-0c")
    assert network.ranges == ("10.0.0.0/16",)


def test_too_few_zones() -> None:
    network, result = found(world(subnet("subnet-0a", "z1")))
    assert isinstance(network.subnets, Unknown)
    assert "kubernetes.io/role/internal-elb" in network.subnets.reason
    assert [note.code for note in result.notes] == ["SubnetsNotFound"]


def test_public_subnets_have_another_tag() -> None:
    content = world(subnet("subnet-0a", "z1"), subnet("subnet-0b", "z2"))
    network, _ = found(content, exposure="Public", allowedSourceRanges=["0.0.0.0/0"])
    assert isinstance(network.subnets, Unknown)
    assert "kubernetes.io/role/elb" in network.subnets.reason


def test_named_subnets() -> None:
    content = world(subnet("subnet-0a", "z1", False), subnet("subnet-0b", "z2", False))
    assert found(content, subnets={"ids": ["subnet-0a", "subnet-0b"]})[0].subnets == ("subnet-0a", "subnet-0b")
    missing, _ = found(content, subnets={"ids": ["subnet-0a", "subnet-0c"]})
    assert isinstance(missing.subnets, Unknown)
    same = world(subnet("subnet-0a", "z1"), subnet("subnet-0b", "z1"))
    assert isinstance(found(same, subnets={"ids": ["subnet-0a", "subnet-0b"]})[0].subnets, Unknown)


def test_the_vpc_of_named_subnets() -> None:
    content = world(subnet("subnet-0a", "z1"), subnet("subnet-0b", "z2"))
    network, _ = found(content, vpcId=None, subnets={"ids": ["subnet-0a", "subnet-0b"]})
    assert network.vpc == "vpc-0a"
    nowhere, _ = found(world(), vpcId=None, subnets={"ids": ["subnet-0a", "subnet-0b"]})
    assert isinstance(nowhere.vpc, Unknown)


def test_an_unseen_vpc_has_unknown_ranges() -> None:
    assert isinstance(found(world(vpcs=[]))[0].ranges, Unknown)


def test_standing_subnets_stay() -> None:
    graph, _ = build.build(samples.routing(), samples.network(), samples.wanted())
    content = samples.render(graph)
    zones = [subnet("subnet-0a", "z1"), subnet("subnet-0b", "z2"), subnet("subnet-00", "z1")]
    network, result = found({**content, "subnets": zones})
    assert network.subnets == samples.SUBNETS
    assert [note.code for note in result.notes] == ["FactsMoved"]
    gone, result = found({**content, "subnets": [subnet("subnet-0c", "z1"), subnet("subnet-0d", "z2")]})
    assert gone.subnets == ("subnet-0c", "subnet-0d")
    assert result.notes == ()


def test_what_stands_already_is_known() -> None:
    graph, _ = build.build(samples.routing(samples.table([samples.entry(1)])), samples.network(), samples.wanted())
    assert found(samples.render(graph))[0].standing == {"shop/cart"}


def test_the_accounts_own_limits() -> None:
    content = world(limits={"rules-per-application-load-balancer": 200})
    assert found(content)[0].rules == 200
