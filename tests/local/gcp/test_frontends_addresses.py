"""Addresses of forwarding rules: reserved, given and ephemeral ones, and who may share one."""

from __future__ import annotations

from . import samples
from .balancers import RULES, failed, proxies, refused
from .conftest import Cloud
from .samples import GLOBAL, REGIONAL

EXTERNAL_CONFLICT = "Specified IP address is in-use and would result in a conflict."


def test_a_rule_uses_a_reserved_address(cloud: Cloud) -> None:
    proxies(cloud)
    address = cloud.make(f"{GLOBAL}/addresses", {"name": "web"})
    by_link = cloud.make(RULES, samples.rule(IPAddress=address["selfLink"]))
    assert by_link["IPAddress"] == address["address"]
    by_number = cloud.make(RULES, samples.rule("tls", IPAddress=address["address"], portRange="443"))
    shown = cloud.get(f"{GLOBAL}/addresses/web")
    assert shown["status"] == "IN_USE"
    assert shown["users"] == [by_link["selfLink"], by_number["selfLink"]]
    answer = cloud.ask("DELETE", f"{GLOBAL}/addresses/web")
    assert (answer.status, answer.reason) == (400, "resourceInUseByAnotherResource")
    refused(
        cloud.ask("POST", RULES, samples.rule("again", IPAddress=address["address"])),
        "resource.IPAddress",
        why=EXTERNAL_CONFLICT,
    )
    for name in ("rule", "tls"):
        cloud.done("DELETE", f"{RULES}/{name}")
    assert cloud.get(f"{GLOBAL}/addresses/web")["status"] == "RESERVED"
    cloud.done("DELETE", f"{GLOBAL}/addresses/web")


def test_an_address_that_is_still_made_is_not_ready(cloud: Cloud) -> None:
    proxies(cloud)
    cloud.taken("POST", f"{GLOBAL}/addresses", {"name": "web"})
    given = samples.rule(IPAddress="global/addresses/web")
    answer = cloud.ask("POST", RULES, given)
    assert (answer.status, answer.reason) == (400, "resourceNotReady")
    cloud.control.advance(4)
    assert cloud.ask("POST", RULES, given).status == 200


def test_an_address_is_of_the_rules_scope_type_and_tier(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL)
    everywhere = cloud.make(f"{GLOBAL}/addresses", {"name": "everywhere"})
    internal = {"name": "inside", "addressType": "INTERNAL", "subnetwork": samples.SUBNETWORK}
    inside = cloud.make(f"{REGIONAL}/addresses", internal)
    standard = cloud.make(f"{REGIONAL}/addresses", {"name": "cheap", "networkTier": "STANDARD"})
    rules = f"{REGIONAL}/forwardingRules"
    for given, field in (
        (everywhere["selfLink"], "resource.IPAddress"),
        (everywhere["address"], "resource.IPAddress"),
        (inside["selfLink"], "resource.IPAddress"),
        (standard["selfLink"], "resource.networkTier"),
    ):
        refused(cloud.ask("POST", rules, samples.rule(scope=REGIONAL, IPAddress=given)), field)
    missing = samples.link(REGIONAL, "addresses", "missing")
    assert cloud.ask("POST", rules, samples.rule(scope=REGIONAL, IPAddress=missing)).status == 404


def test_many_ports_of_an_internal_address_need_a_shared_one(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL, "INTERNAL_MANAGED")
    rules = f"{REGIONAL}/forwardingRules"
    body = {"addressType": "INTERNAL", "subnetwork": samples.SUBNETWORK}
    plain = cloud.make(f"{REGIONAL}/addresses", body | {"name": "plain"})["address"]
    shared = body | {"name": "shared", "purpose": "SHARED_LOADBALANCER_VIP"}
    vip = cloud.make(f"{REGIONAL}/addresses", shared)["address"]
    cloud.make(rules, samples.internal_rule("one", IPAddress=plain))
    second = cloud.ask("POST", rules, samples.internal_rule("two", IPAddress=plain, portRange="81"))
    assert failed(cloud, second) == "IP_IN_USE_BY_ANOTHER_RESOURCE"
    assert cloud.ask("GET", f"{rules}/two").status == 404
    for number in (80, 81):
        cloud.make(rules, samples.internal_rule(f"vip-{number}", IPAddress=vip, portRange=str(number)))
    again = cloud.ask("POST", rules, samples.internal_rule("again", IPAddress=vip, portRange="81"))
    assert failed(cloud, again) == "IP_IN_USE_BY_ANOTHER_RESOURCE"


def test_an_internal_literal_is_of_the_subnetwork_and_free(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL, "INTERNAL_MANAGED")
    rules = f"{REGIONAL}/forwardingRules"
    outside = cloud.ask("POST", rules, samples.internal_rule(IPAddress="10.9.9.9"))
    refused(outside, "resource.IPAddress", why="outside the network/subnetwork range")
    node = cloud.ask("POST", rules, samples.internal_rule(IPAddress="10.0.0.11"))
    assert failed(cloud, node) == "IP_IN_USE_BY_ANOTHER_RESOURCE"
    other = {"name": "other", "addressType": "INTERNAL", "purpose": "DNS_RESOLVER", "subnetwork": samples.SUBNETWORK}
    given = samples.internal_rule(IPAddress=cloud.make(f"{REGIONAL}/addresses", other)["selfLink"])
    refused(cloud.ask("POST", rules, given), "resource.IPAddress", why="purpose DNS_RESOLVER")
    assert cloud.make(rules, samples.internal_rule(IPAddress="10.0.9.9"))["IPAddress"] == "10.0.9.9"


def test_ephemeral_addresses_differ(cloud: Cloud) -> None:
    proxies(cloud)
    addresses = {cloud.make(RULES, samples.rule(f"rule-{number}"))["IPAddress"] for number in range(3)}
    assert len(addresses) == 3


def test_the_tier_stays_that_of_the_reserved_address(cloud: Cloud) -> None:
    proxies(cloud, REGIONAL)
    address = cloud.make(f"{REGIONAL}/addresses", {"name": "web"})
    cloud.make(f"{REGIONAL}/forwardingRules", samples.rule(scope=REGIONAL, IPAddress=address["selfLink"]))
    answer = cloud.ask("PATCH", f"{REGIONAL}/forwardingRules/rule", {"networkTier": "STANDARD"})
    refused(answer, "resource.networkTier")
