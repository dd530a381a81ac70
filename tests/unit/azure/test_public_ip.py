"""The public-ip kind against the local Azure: made with its record, adopted, never taken from others, deleted last."""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial
from cloudgw_azure import calls, failures, kinds_address, names
from cloudgw_local import azure as local
from tests.unit.azure import edge

WHERE = model.address("shop/edge", "azure", "public-ip", "lb")
SPEC: dict[str, Any] = {
    "resource_group": local.GROUP,
    "location": local.LOCATION,
    "zones": ("1", "2"),
    "subnet": edge.SUBNET,
    "tags": {"team": "shop"},
}
SUFFIX = model.suffix_of(kinds_address.PUBLIC_IP, SPEC)
NAME = names.resource_name(edge.OWNER, WHERE, SUFFIX)


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[edge.Cloud]:
    with edge.serve() as cloud:
        yield cloud


@pytest.fixture
def cloud(served: edge.Cloud) -> edge.Cloud:
    served.running.control.reset()
    return served


def change(op: Any, *, before: model.Element | None = None, **spec: Any) -> model.Change:
    after = None if op == "delete" else model.Element(address=WHERE, spec={**SPEC, **spec})
    return model.Change(op=op, address=WHERE, name=SUFFIX, before=before, after=after, group="public-ip:x")


def commit(cloud: edge.Cloud, *changes: model.Change) -> collections.abc.Mapping[str, str]:
    return kinds_address.commit(cloud.session, "public-ip:x", (), changes, {})


def stands(cloud: edge.Cloud) -> dict[str, Any] | None:
    found: dict[str, Any] | None = cloud.session.read.public_ip(local.GROUP, NAME)
    return found


def element(cloud: edge.Cloud) -> model.Element:
    found = stands(cloud)
    assert found is not None
    outputs = {"id": found["id"], "state": found["properties"]["provisioningState"]}
    return model.Element(address=WHERE, name=SUFFIX, spec=kinds_address.read(found), outputs=outputs)


def test_it_is_made_with_its_record_and_not_waited_for(cloud: edge.Cloud) -> None:
    made = commit(cloud, change("create"))
    found = element(cloud)
    assert made == {found.key: found.outputs["id"]}
    assert not kinds_address.PUBLIC_IP.ready(found)
    cloud.advance(10)
    assert kinds_address.PUBLIC_IP.ready(element(cloud))
    shown = stands(cloud)
    assert shown is not None
    record = names.ours(shown["tags"], edge.OWNER)
    assert record is not None
    assert (record.address, record.suffix, record.cluster) == (WHERE, SUFFIX, "c-1")
    assert shown["sku"] == {"name": "Standard", "tier": "Regional"}
    assert shown["properties"]["publicIPAllocationMethod"] == "Static"
    assert shown["properties"]["ipAddress"]
    assert cloud.writes() == ["PUT publicIPAddresses"]


@pytest.mark.parametrize("zones", [(), ("1",), ("1", "2", "3")])
def test_what_is_written_is_what_is_read(cloud: edge.Cloud, zones: tuple[str, ...]) -> None:
    commit(cloud, change("create", zones=zones))
    read = element(cloud).fields
    wanted = {**SPEC, "zones": zones}
    assert {field: read[field] for field in kinds_address.PUBLIC_IP.all_fields} == wanted
    assert set(wanted) == set(kinds_address.PUBLIC_IP.all_fields)


def test_the_spelling_of_the_resource_group_is_no_difference(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    found = stands(cloud)
    assert found is not None
    assert kinds_address.read({**found, "id": found["id"].replace("rg-edge", "RG-EDGE")})["resource_group"] == "rg-edge"


def test_a_lost_answer_is_adopted(cloud: edge.Cloud) -> None:
    cloud.running.control.fault("PUT publicIPAddresses", "lost", times=1)
    with pytest.raises(Partial) as caught:
        commit(cloud, change("create"))
    found = failures.classify(caught.value)
    assert found is not None
    assert (found.why, found.guilty) == ("outcome_unknown", f"create {WHERE}@{SUFFIX}")
    made = commit(cloud, change("create"))
    assert list(made.values()) == [element(cloud).outputs["id"]]
    assert cloud.writes() == ["PUT publicIPAddresses"]


@pytest.mark.parametrize(
    "tags",
    [
        {},
        edge.tags(WHERE, SUFFIX, owner="prod"),
        edge.tags(WHERE, "bbbbbbbbbb"),
        edge.tags(model.address("shop/web", "azure", "public-ip", "lb"), SUFFIX),
    ],
)
def test_the_name_of_others_is_left_alone(cloud: edge.Cloud, tags: dict[str, str]) -> None:
    properties = {"publicIPAllocationMethod": "Static"}
    body = {"location": local.LOCATION, "sku": {"name": "Standard"}, "properties": properties, "tags": tags}
    cloud.session.write.put_public_ip(local.GROUP, NAME, body)
    cloud.advance(10)
    before = stands(cloud)
    assert before is not None
    held = model.Element(address=WHERE, name=SUFFIX, spec=SPEC, outputs={"id": before["id"]})
    for given in (change("create"), change("update", before=held), change("delete", before=held)):
        with pytest.raises(Failed, match="left alone") as caught:
            commit(cloud, given)
        assert caught.value.why == "conflict"
        assert caught.value.key == given.key
    assert stands(cloud) == before


def test_tags_change_in_place_and_those_of_others_stay(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    cloud.advance(10)
    shown = stands(cloud)
    assert shown is not None
    theirs = {"location": shown["location"], "sku": shown["sku"], "zones": shown["zones"]}
    properties = {"publicIPAllocationMethod": "Static", "idleTimeoutInMinutes": 9}
    tags = {**shown["tags"], "theirs": "yes"}
    cloud.session.write.put_public_ip(local.GROUP, NAME, {**theirs, "properties": properties, "tags": tags})
    cloud.advance(10)
    commit(cloud, change("update", before=element(cloud), tags={"cost": "7"}))
    cloud.advance(10)
    after = stands(cloud)
    assert after is not None
    assert after["tags"]["theirs"] == "yes"
    assert "team" not in after["tags"]
    assert after["properties"]["idleTimeoutInMinutes"] == 9
    assert after["properties"]["ipAddress"] == shown["properties"]["ipAddress"]
    assert kinds_address.read(after)["tags"] == {"cost": "7"}
    assert names.ours(after["tags"], edge.OWNER) == names.ours(shown["tags"], edge.OWNER)


def test_an_update_that_another_write_overtook_is_a_conflict(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    cloud.advance(10)
    seen = element(cloud)
    stale = stands(cloud)
    assert stale is not None
    commit(cloud, change("update", before=seen, tags={"cost": "7"}))
    cloud.advance(10)

    class Late(calls.Read):
        def __init__(self) -> None:
            pass

        def public_ip(self, group: str, name: str) -> dict[str, Any]:
            del group, name
            assert stale is not None
            return stale

    late = edge.Cloud(cloud.running, dataclasses.replace(cloud.session, read=Late()))
    with pytest.raises(Partial) as caught:
        commit(late, change("update", before=seen, tags={"cost": "8"}))
    found = failures.classify(caught.value)
    assert found is not None
    assert found.why == "conflict"
    assert element(cloud).fields["tags"] == {"cost": "7"}


def test_an_update_of_what_is_gone_says_so(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    cloud.advance(10)
    seen = element(cloud)
    cloud.session.write.delete_public_ip(local.GROUP, NAME)
    cloud.advance(100)
    with pytest.raises(Failed, match="does not exist any more") as caught:
        commit(cloud, change("update", before=seen))
    assert caught.value.why == "gone"


def test_a_delete_and_a_delete_of_what_is_gone(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    cloud.advance(10)
    seen = element(cloud)
    assert commit(cloud, change("delete", before=seen)) == {}
    commit(cloud, change("delete", before=seen))  # it goes already
    cloud.advance(100)
    assert stands(cloud) is None
    commit(cloud, change("delete", before=seen))
    assert cloud.writes() == ["PUT publicIPAddresses", "DELETE publicIPAddresses"]


def test_an_address_in_use_waits_for_its_gateway(cloud: edge.Cloud) -> None:
    commit(cloud, change("create"))
    cloud.advance(10)
    seen = element(cloud)
    body = edge.gateway(zones=["1", "2"])
    front = body["properties"]["frontendIPConfigurations"][0]
    front["properties"] = {"publicIPAddress": {"id": seen.outputs["id"]}}
    cloud.session.write.put_gateway(local.GROUP, "gw", body)
    cloud.advance(400)
    with pytest.raises(Failed, match=r"still used by .*/applicationGateways/gw/") as caught:
        commit(cloud, change("delete", before=seen))
    assert caught.value.why == "not_ready"
    assert stands(cloud) is not None
    cloud.session.write.delete_gateway(local.GROUP, "gw")
    cloud.advance(400)
    commit(cloud, change("delete", before=seen))
    cloud.advance(100)
    assert stands(cloud) is None


def test_nothing_else_can_change() -> None:
    kind = kinds_address.PUBLIC_IP
    assert set(kind.immutable) == {"resource_group", "location", "zones", "subnet"}
    assert kind.mutable == ("tags",)
    moved = {**SPEC, "subnet": edge.SUBNET.replace("snet-appgw", "snet-appgw-two")}
    assert model.suffix_of(kind, moved) != SUFFIX
    assert model.suffix_of(kind, {**SPEC, "tags": {}}) == SUFFIX
