"""What stands is observed as it was written; what is not ours is counted, named and otherwise left out."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Inventory, Placement
from cloudgw_azure import names, observe
from tests.unit.azure import elements, samples

Json = dict[str, Any]
GRAPH = elements.graph(elements.elements())
DOCUMENT = elements.document_of(GRAPH)


def document() -> Json:
    return copy.deepcopy(DOCUMENT)


def one(graph: model.Graph, kind: str, logical: str) -> model.Element:
    return graph.elements[elements.at(kind, logical)][0]


def test_observed_is_what_was_written() -> None:
    seen = elements.observed(document())
    bound = {c.address: c.after for c in elements.difference(GRAPH) if c.after is not None}
    assert set(seen.elements) == set(GRAPH.elements)
    for where, wanted in bound.items():
        (element,) = seen.elements[where]
        assert element.name == wanted.name, where
        assert {f: element.fields[f] for f in wanted.fields} == dict(wanted.fields), where
        assert str(element.outputs["id"]).startswith(DOCUMENT["id"])


def test_the_case_of_ids_and_tag_names_does_not_matter() -> None:
    body = document()
    body["tags"] = {key.upper() if key.startswith("cloudgw") else key: value for key, value in body["tags"].items()}
    for child in elements.collection(body, "rule"):
        child["properties"]["urlPathMap"]["id"] = child["properties"]["urlPathMap"]["id"].upper()
    assert elements.difference(GRAPH, elements.observed(body)) == ()


def test_another_owner_sees_nothing() -> None:
    content = {"gateways": [document()], "public_ips": [], "health": {}}
    found = observe.observe(Inventory(placement=Placement("azure"), content=content), "somebody")
    assert list(found) == []


def test_children_of_another_gateway_in_a_shared_document_are_foreign() -> None:
    body = document()
    stranger = names.child(names.mark("dev", "shop/other"), "80", "a" * 10)
    body["properties"]["frontendPorts"].append({"name": stranger, "properties": {"port": 90}})
    body["properties"]["sslProfiles"] = [{"name": "theirs", "properties": {}}]
    body["properties"]["frontendIPConfigurations"].append({"name": "theirs", "properties": {}})
    seen = elements.observed(body)
    assert seen.elements[elements.GATEWAY][0].outputs["foreign"] == (
        "frontendIPConfigurations/theirs",
        f"frontendPorts/{stranger}",
        "sslProfiles/theirs",
    )
    assert set(seen.elements) == set(GRAPH.elements)


def test_positions_and_places_taken_by_others() -> None:
    body = document()
    body["properties"]["requestRoutingRules"].append({"name": "theirs", "properties": {"priority": 7}})
    body["properties"]["routingRules"] = [{"name": "layer4", "properties": {"priority": 9}}]
    (map_,) = [m for m in elements.collection(body, "path-map") if "-80.any-" in m["name"]]
    map_["properties"]["pathRules"].insert(1, {"name": "theirs", "properties": {}})
    seen = elements.observed(body)
    key = one(seen, "path-map", "80.any").key
    gateway = seen.elements[elements.GATEWAY][0].key
    assert seen.taken == {f"rules:{gateway}": (7, 9), f"paths:{key}": (2000,)}
    places = {
        e.address.rpartition("/")[2]: e.outputs["position"]
        for e in seen
        if model.kind_of(e.address) == "path-rule" and e.fields["map"].key == key
    }
    assert places == {"shop.s.aaaaaaaaaa": 1000, "shop.s.bbbbbbbbbb": 3000}
    listed = {child["name"]: child["properties"]["priority"] for child in elements.collection(body, "rule")}
    for element in seen:
        if model.kind_of(element.address) == "rule":
            assert listed[element.outputs["id"].rpartition("/")[2]] == element.outputs["position"]


@pytest.mark.parametrize(
    ("state", "busy", "failed"),
    [("Succeeded", 0, 0), ("Updating", 1, 0), ("Deleting", 1, 0), ("Failed", 0, 1)],
)
def test_the_state_is_the_group_s(state: str, busy: int, failed: int) -> None:
    body = document()
    body["properties"]["provisioningState"] = state
    seen = elements.observed(body)
    group, _ = elements.group(seen)
    assert seen.busy == ({group} if busy else frozenset())
    assert seen.failed == ({group} if failed else frozenset())
    assert seen.elements[elements.GATEWAY][0].outputs["state"] == state


def report(*servers: tuple[str, str, str]) -> Json:
    """(pool, address, health) with one kind of settings each."""
    pools: dict[str, list[Json]] = {}
    for pool, address, health in servers:
        pools.setdefault(pool, []).append({"address": address, "health": health})
    return {
        "backendAddressPools": [
            {
                "backendAddressPool": {"id": f"{DOCUMENT['id'].upper()}/backendAddressPools/{pool}"},
                "backendHttpSettingsCollection": [{"servers": found}],
            }
            for pool, found in pools.items()
        ]
    }


def pool_name(logical: str) -> str:
    return next(str(c["name"]) for c in elements.collection(DOCUMENT, "pool") if f"-{logical}-" in c["name"])


def outputs(seen: model.Graph, logical: str) -> tuple[int, int, bool]:
    found = one(seen, "pool", logical).outputs
    return found["healthy"], found["targets"], found["attached"]


def test_without_a_report_attached_pools_count_as_serving() -> None:
    body = document()
    loose = names.child(elements.MARK, "shop.new.80", "a" * 10, "80h")
    body["properties"]["backendAddressPools"].append(
        {"name": loose, "properties": {"backendAddresses": [{"ipAddress": "10.0.64.9"}]}}
    )
    seen = elements.observed(body)
    assert outputs(seen, "shop.cart.8080") == (2, 2, True)
    assert outputs(seen, "shop.new.80") == (0, 1, False)
    assert outputs(seen, "none") == (0, 0, True)  # every map's default


def test_a_map_that_no_rule_uses_attaches_nothing() -> None:
    body = document()
    body["properties"]["requestRoutingRules"] = []
    assert outputs(elements.observed(body), "shop.cart.8080") == (0, 2, False)


def test_a_report_counts_members_that_are_up_everywhere() -> None:
    cart = pool_name("shop.cart.8080")
    found = report((cart, "10.0.64.5", "Up"), (cart, "10.0.64.6", "Down"), (cart, "10.0.64.99", "Up"))
    seen = elements.observed(document(), health={DOCUMENT["id"].lower(): found})
    assert outputs(seen, "shop.cart.8080") == (1, 2, True)
    assert outputs(seen, "shop.pay.8443") == (0, 1, True)  # not in the report
    more = {"servers": [{"address": "10.0.64.5", "health": "Partial"}]}
    found["backendAddressPools"][0]["backendHttpSettingsCollection"].append(more)
    seen = elements.observed(document(), health={DOCUMENT["id"].lower(): found})
    assert outputs(seen, "shop.cart.8080") == (0, 2, True)


def test_a_certificate_is_known_by_its_suffix() -> None:
    body = document()
    body["tags"] = names.with_fingerprints(body["tags"], [elements.material().fingerprint, "ff" * 32])
    assert (
        one(elements.observed(body), "certificate", "shop.tls").fields["fingerprint"] == elements.material().fingerprint
    )
    body["tags"] = names.with_fingerprints(body["tags"], ["ff" * 32])
    lost = one(elements.observed(body), "certificate", "shop.tls")
    assert isinstance(lost.fields["fingerprint"], Unknown)  # what stays is better than a rotation nobody asked for
    assert elements.difference(GRAPH, elements.observed(body)) == ()


def test_what_somebody_changed_for_good_is_an_incarnation_of_its_own() -> None:
    body = document()
    (redirect,) = [c for c in elements.collection(body, "redirect") if "-r.x-" in c["name"]]
    redirect["properties"]["redirectType"] = "Found"
    seen = elements.observed(body)
    drifted = one(seen, "redirect", "r.x")
    assert drifted.name.endswith(names.DRIFTED)
    user = one(seen, "path-rule", "80.any/shop.s.aaaaaaaaaa")
    assert user.fields["action"]["to"].key == drifted.key
    ops = sorted((c.op, model.short(c.address)) for c in elements.difference(GRAPH, seen))
    assert ops == [
        ("create", "redirect/r.x"),
        ("delete", "redirect/r.x"),
        ("update", "path-rule/80.any/shop.s.aaaaaaaaaa"),
    ]


def test_the_map_for_warming_is_the_lowest_that_a_rule_uses() -> None:
    body = document()
    seen = elements.observed(body)
    maps = sorted(e.key for e in seen if model.kind_of(e.address) == "path-map")
    assert seen.elements[elements.GATEWAY][0].outputs["map"] == maps[0]
    body["properties"]["requestRoutingRules"] = [
        rule for rule in elements.collection(body, "rule") if "-443." not in rule["name"]
    ]
    assert elements.observed(body).elements[elements.GATEWAY][0].outputs["map"] == maps[1]


def test_a_public_gateway_has_the_address_of_its_public_ip() -> None:
    where = elements.at("public-ip", "lb")
    identity = f"{elements.NETWORK}/publicIPAddresses/ip"
    tags = names.tags_of(elements.OWNER, where, "b" * 10, {"cluster": "c"}) | names.spread(
        names.SUBNET, elements.SUBNET
    )
    address = {
        "id": identity,
        "name": "ip",
        "location": "westeurope",
        "tags": tags,
        "properties": {"provisioningState": "Succeeded", "ipAddress": "203.0.113.9"},
    }
    body = document()
    body["properties"]["frontendIPConfigurations"] = [
        {"name": "cgw-public", "properties": {"publicIPAddress": {"id": identity.upper()}}}
    ]
    content = {"gateways": [body], "public_ips": [address], "health": {}}
    seen = observe.observe(Inventory(placement=Placement("azure"), content=content), elements.OWNER)
    gateway, ip = seen.elements[elements.GATEWAY][0], seen.elements[where][0]
    assert gateway.fields["public_ip"] == model.Ref(where, "ready", "b" * 10)
    assert gateway.fields["exposure"] == "Public"
    assert gateway.outputs["dns"] == ip.outputs["dns"] == "203.0.113.9"
    assert (ip.outputs["state"], ip.outputs["cluster"], ip.fields["subnet"]) == ("Succeeded", "c", elements.SUBNET)


def test_the_order_of_the_listing_does_not_matter() -> None:
    body = document()
    expected = elements.observed(body)
    for collection, children in body["properties"].items():
        if isinstance(children, list) and collection != "urlPathMaps":
            random.Random(7).shuffle(children)
    assert elements.observed(body) == expected


def test_ids_of_add_ons_are_built_as_they_are_observed() -> None:
    """Azure may answer with another case and order than was asked for."""
    base = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Edge/providers"
    policy = f"{base}/Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/Waf"
    identities = [f"{base}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in ("two", "One")]
    more = {"sku": "WAF_v2", "firewallPolicyId": policy, "identityIds": identities}
    wanted = samples.only(samples.made(samples.routing(), more)[0], "gateway")
    body = document()
    body["properties"]["firewallPolicy"] = {"id": policy.upper()}
    body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {one.upper(): {} for one in identities}}
    seen = elements.observed(body).elements[elements.GATEWAY][0].fields
    assert (seen["firewall_policy"], seen["identities"]) == (wanted["firewall_policy"], wanted["identities"])
