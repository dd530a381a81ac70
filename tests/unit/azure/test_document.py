"""A document with exactly some changes made: one write for everything, nothing of others touched, always valid."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import document_anchor, document_parts, kinds, names, shapes
from tests.unit.azure import elements

Json = dict[str, Any]


def stand(found: list[model.Element]) -> Json:
    return elements.document_of(elements.graph(found))


def step(before: Json, wanted: list[model.Element]) -> Json:
    """What is put to come from a document to a world, as the diff says."""
    seen = elements.observed(before)
    changes = [c for c in elements.difference(elements.graph(wanted), seen) if not c.waits]
    return elements.written(before, changes, elements.group(seen)[1])


def by_name(body: Mapping[str, Any]) -> dict[str, Json]:
    found = {f"{c}/{one['name']}": one for c, one in document_parts.children(body["properties"])}
    return found | {f"pathRules/{one['name']}": one for one in document_parts.map_children(body["properties"])}


def contents(body: Mapping[str, Any]) -> dict[str, Json]:
    """Path rules by name in each map, everything else by name; ids of children are no content."""
    found = copy.deepcopy(dict(body))
    for _, one in document_parts.children(found["properties"]):
        one.pop("id", None)
    for rule in document_parts.map_children(found["properties"]):
        rule.pop("id", None)
    return by_name(found)


def with_strangers(body: Json) -> Json:
    """The same with children of somebody else everywhere, one among our path rules."""
    found = copy.deepcopy(body)
    base, properties = str(found["id"]), found["properties"]
    of = {c: {"id": f"{base}/{c}/theirs"} for c in ("frontendPorts", "httpListeners", "backendAddressPools")}
    settings = {"id": f"{base}/backendHttpSettingsCollection/theirs"}
    forward = {"backendAddressPool": of["backendAddressPools"], "backendHttpSettings": settings}
    contents: dict[str, Json] = {
        "frontendPorts": {"port": 8080, "httpListeners": [of["httpListeners"]]},
        "httpListeners": {"protocol": "Http", "frontendPort": of["frontendPorts"], "sslProfile": {"id": f"{base}/p/x"}},
        "backendAddressPools": {"backendAddresses": [{"ipAddress": "10.9.9.9"}]},
        "backendHttpSettingsCollection": {"port": 1, "protocol": "Http"},
        "requestRoutingRules": {"ruleType": "Basic", "priority": 2, "httpListener": of["httpListeners"], **forward},
        "probes": {"protocol": "Tcp", "interval": 3},
        "sslProfiles": {"clientAuthConfiguration": {"verifyClientCertIssuerDN": True}},
        "customErrorConfigurations": {},
    }
    for collection, content in contents.items():
        if content:
            properties.setdefault(collection, []).append({"name": "theirs", "properties": content, "etag": "e"})
    rules = properties["urlPathMaps"][0]["properties"]["pathRules"]
    rules.insert(1, {"name": "theirs", "properties": {"paths": ["/theirs"], **forward}})
    return found


def test_everything_is_one_document_without_what_only_azure_writes() -> None:
    body = stand(elements.elements())
    again = elements.written(body, [], elements.group(elements.observed(body))[1])
    text = repr(again)
    assert "provisioningState" not in text
    assert "etag" not in text
    assert by_name(again).keys() == by_name(body).keys()
    assert elements.difference(elements.graph(elements.elements()), elements.observed(elements.shown(again))) == ()


def test_strangers_stay_as_they_are() -> None:
    before = with_strangers(stand(elements.elements()))
    wanted = [e for e in elements.elements() if "shop.r.bbbbbbbbbb" not in e.address]
    wanted += [elements.path("80.shop.example.com", "shop.z.aaaaaaaaaa", ("/new",), elements.answer("shop.cart.8080"))]
    after = step(before, wanted)
    was, now = by_name(document_parts.writable(before)), by_name(after)
    theirs = [name for name in was if name.endswith("/theirs")]
    assert len(theirs) == 8
    for name in theirs:
        assert now[name] == was[name]
    assert {n.split("/")[0] for n in set(was) ^ set(now)} == {"pathRules"}
    rules = [
        rule["properties"]["paths"][0] for rule in after["properties"]["urlPathMaps"][0]["properties"]["pathRules"]
    ]
    assert rules.index("/theirs") == 1


def test_one_changed_field_changes_one_member() -> None:
    before = stand(elements.elements())
    wanted = [
        dataclasses.replace(e, spec={**e.fields, "timeout": 77}) if e.address.endswith("settings/shop.cart.8080") else e
        for e in elements.elements()
    ]
    was, now = by_name(document_parts.writable(before)), by_name(step(before, wanted))
    (changed,) = [name for name in was if was[name] != now[name]]
    was[changed]["properties"]["requestTimeout"] = 77
    assert was == now


@pytest.mark.parametrize("member", ["sslProfile", "customErrorConfigurations"])
def test_what_others_wrote_into_a_child_of_ours_is_taken_out_alone(member: str) -> None:
    before = stand(elements.elements())
    listener = elements.collection(before, "listener")[0]
    listener["properties"][member] = [{"statusCode": "HttpStatus502"}]
    listener["properties"]["firewallPolicy"] = {"id": "/waf"}
    (change,) = elements.difference(elements.graph(elements.elements()), elements.observed(before))
    assert (change.op, change.fields) == ("update", ("extra",))
    after = elements.collection(step(before, elements.elements()), "listener")[0]["properties"]
    assert member not in after
    assert after["firewallPolicy"] == {"id": "/waf"}


DRIFTS: list[tuple[str, str, Any]] = [
    ("frontend-port", "port", 81),
    ("redirect", "targetUrl", "https://evil.example.com"),
    ("trusted-root", "data", "b3RoZXI="),
    ("rewrite-set", "rewriteRules", []),
    ("path-rule", "paths", ["/changed"]),
    ("path-rule", "redirectConfiguration", {"id": "/elsewhere"}),
    ("certificate", "keyVaultSecretId", "https://vault/secrets/x"),
    ("settings", "port", 9),
    ("settings", "requestTimeout", 9),
    ("probe", "path", "/other"),
    ("listener", "hostNames", ["other.example.com"]),
    ("path-map", "defaultRedirectConfiguration", {"id": "/elsewhere"}),
    ("rule", "urlPathMap", {"id": "/elsewhere"}),
    ("pool", "backendAddresses", []),
]


@pytest.mark.parametrize(("kind", "member", "value"), DRIFTS)
def test_drift_of_any_member_is_repaired_by_one_write(kind: str, member: str, value: Any) -> None:
    wanted = elements.elements()
    good = stand(wanted)
    before = copy.deepcopy(good)
    children = (
        list(document_parts.map_children(before["properties"]))
        if kind == "path-rule"
        else elements.collection(before, kind)
    )
    child = next(c for c in children if member in c["properties"] or kind in ("path-rule", "certificate", "path-map"))
    if kind == "pool":
        child = next(c for c in children if c["properties"]["backendAddresses"])
    child["properties"][member] = value
    seen = elements.observed(before)
    changes = [c for c in elements.difference(elements.graph(wanted), seen) if not c.waits]
    assert changes, "the drift is not seen"
    after = elements.shown(elements.written(before, changes, elements.group(seen)[1]))
    assert elements.difference(elements.graph(wanted), elements.observed(after)) == ()
    assert contents(document_parts.writable(after)) == contents(document_parts.writable(good))


def test_a_gateway_without_rules_is_anchored_and_observed_empty() -> None:
    body = stand([elements.gateway()])
    found = by_name(body)
    assert len([name for name in found if document_anchor.is_anchor(name.split("/")[1])]) == 5
    (rule,) = body["properties"]["requestRoutingRules"]
    assert rule["properties"]["ruleType"] == "Basic"
    assert [e.address for e in elements.observed(body)] == [elements.GATEWAY]
    seen = elements.observed(body).elements[elements.GATEWAY][0]
    assert seen.outputs["foreign"] == ()


def test_the_anchor_goes_when_a_rule_comes_and_comes_back() -> None:
    full = step(stand([elements.gateway()]), elements.elements())
    assert not [name for name in by_name(full) if document_anchor.is_anchor(name.split("/")[1])]
    empty = step(elements.shown(full), [elements.gateway()])
    assert {name.split("/")[0] for name in by_name(empty)} == {
        "backendAddressPools",
        "backendHttpSettingsCollection",
        "frontendIPConfigurations",
        "frontendPorts",
        "gatewayIPConfigurations",
        "httpListeners",
        "requestRoutingRules",
    }


def test_an_anchor_takes_no_port_and_no_priority_of_others() -> None:
    before = with_strangers(stand(elements.elements()))
    before["properties"]["frontendPorts"][-1]["properties"]["port"] = document_anchor.LAST_PORT
    before["properties"]["requestRoutingRules"][-1]["properties"]["priority"] = document_anchor.LAST_PRIORITY
    after = step(before, [elements.gateway()])
    ports = [port["properties"]["port"] for port in after["properties"]["frontendPorts"]]
    priorities = [rule["properties"]["priority"] for rule in after["properties"]["requestRoutingRules"]]
    assert sorted(ports) == [document_anchor.LAST_PORT - 1, document_anchor.LAST_PORT]
    assert sorted(priorities) == [document_anchor.LAST_PRIORITY - 1, document_anchor.LAST_PRIORITY]


def test_a_map_without_path_rules_is_anchored() -> None:
    found = [e for e in elements.elements() if not e.address.startswith(elements.at("path-rule", "80.any"))]
    body = stand(found)
    (one,) = [m for m in elements.collection(body, "path-map") if "-80.any-" in m["name"]]
    (rule,) = one["properties"]["pathRules"]
    assert rule["properties"]["paths"] == [document_anchor.PATH]
    assert rule["properties"]["backendAddressPool"] == one["properties"]["defaultBackendAddressPool"]
    assert elements.difference(elements.graph(found), elements.observed(body)) == ()
    after = step(body, elements.elements())
    assert document_anchor.PATH not in repr(after)


def paths_of(body: Mapping[str, Any], map_: str) -> list[str]:
    (one,) = [m for m in elements.collection(body, "path-map") if f"-{map_}-" in m["name"]]
    return [rule["properties"]["paths"][0] for rule in one["properties"]["pathRules"]]


def test_path_rules_stand_where_the_plan_puts_them() -> None:
    found = elements.elements()
    before = stand(found)
    assert paths_of(before, "80.shop.example.com") == ["/cart", "/pay", "/*"]
    new = [
        elements.path("80.shop.example.com", f"shop.n.{c * 10}", (f"/{c}",), elements.answer("shop.cart.8080"))
        for c in "ab"
    ]
    at = next(i for i, e in enumerate(found) if e.address.endswith("shop.r.bbbbbbbbbb"))
    middle = step(before, [*found[:at], *new, *found[at:]])
    assert paths_of(middle, "80.shop.example.com") == ["/cart", "/a", "/b", "/pay", "/*"]
    turned = [*found[:at], new[1], found[at], new[0], *found[at + 1 :]]
    after = step(elements.shown(middle), turned)
    assert paths_of(after, "80.shop.example.com") == ["/cart", "/b", "/pay", "/a", "/*"]


def test_an_order_that_moved_since_the_plan_is_refused() -> None:
    found = elements.elements()
    before = stand(found)
    seen = elements.observed(before)
    new = elements.path("80.shop.example.com", "shop.n.aaaaaaaaaa", ("/a",), elements.answer("shop.cart.8080"))
    at = next(i for i, e in enumerate(found) if e.address.endswith("shop.r.bbbbbbbbbb"))
    changes = elements.difference(elements.graph([*found[:at], new, *found[at:]]), seen)
    (one,) = [m for m in elements.collection(before, "path-map") if "-80.shop.example.com-" in m["name"]]
    one["properties"]["pathRules"].reverse()
    with pytest.raises(Failed, match="was changed since") as caught:
        elements.written(before, changes, elements.group(seen)[1])
    assert caught.value.why == "conflict"


def test_a_priority_that_somebody_took_blames_no_rule() -> None:
    found = elements.elements()
    before = stand(found)
    seen = elements.observed(before)
    more = [*found, *elements.site("80.new.example.com", ("new.example.com",))]
    changes = elements.difference(elements.graph(more), seen)
    taken = next(c.position for c in changes if c.address.endswith("rule/80.new.example.com"))
    before = with_strangers(before)
    before["properties"]["requestRoutingRules"][-1]["properties"]["priority"] = taken
    with pytest.raises(Failed, match=f"priority {taken} is held by") as caught:
        elements.written(before, changes, elements.group(seen)[1])
    assert caught.value.why == "conflict"


def test_a_warm_path_rule_stands_last_and_in_no_order() -> None:
    before = stand(elements.elements())
    seen = elements.observed(before)
    gateway = seen.elements[elements.GATEWAY][0]
    kind = kinds.KINDS["path-rule"]
    assert kind.warm is not None
    pool = next(e for e in seen if e.address.endswith("pool/shop.cart.8080"))
    settings = next(e for e in seen if e.address.endswith("settings/shop.cart.8080"))
    made = kind.warm(gateway, 0, (model.Ref(pool.address, "serving", pool.name),))
    spec = {n: model.bind(v, lambda ref: ref.name or settings.name) for n, v in made.fields.items()}
    name = model.suffix_of(kind, spec)
    change = model.Change(
        op="create", address=made.address, name=name, position=10_000_000, warm=True,
        after=dataclasses.replace(made, spec=spec, name=name),
    )  # fmt: skip
    again = elements.observed(elements.shown(elements.written(before, [change], elements.group(seen)[1])))
    (warm,) = again.elements[made.address]
    assert dict(warm.fields) == spec
    assert warm.name == name
    in_map = [e for e in again if model.kind_of(e.address) == "path-rule" and e.fields["map"] == spec["map"]]
    assert max(in_map, key=lambda e: int(e.outputs["position"])).address == made.address


def test_a_stale_reference_is_not_ready_and_names_its_change() -> None:
    before = stand(elements.elements())
    seen = elements.observed(before)
    new = elements.path("80.any", "shop.n.aaaaaaaaaa", ("/a",), elements.answer("shop.cart.8080"))
    (change,) = [c for c in elements.difference(elements.graph([*elements.elements(), new]), seen) if c.op == "create"]
    pools = elements.collection(before, "pool")
    pools[:] = [one for one in pools if "cart" not in one["name"]]
    with pytest.raises(Failed, match=r"pool/shop\.cart\.8080 is not in") as caught:
        elements.written(before, [change], elements.group(seen)[1])
    assert (caught.value.why, caught.value.key) == ("not_ready", change.key)


def test_the_last_good_document_is_put_again() -> None:
    """The document that a GET shows may be the one that failed: ours come from what is believed."""
    good = with_strangers(stand(elements.elements()))
    seen = elements.observed(good)
    bad = copy.deepcopy(good)
    bad["properties"]["provisioningState"] = "Failed"
    bad["properties"]["enableHttp2"] = False
    bad["tags"]["team"] = "other"
    elements.collection(bad, "listener")[0]["properties"]["hostNames"] = ["refused.example.com"]
    elements.collection(bad, "settings").pop(0)
    map_ = elements.collection(bad, "path-map")[0]["properties"]
    refused = {"name": names.child(elements.MARK, "x.y", "b" * 10), "properties": {"paths": ["/refused"]}}
    map_["pathRules"] = [refused, map_["pathRules"][1]]
    after = elements.written(bad, [], elements.group(seen)[1], restore=True)
    assert contents(after) == contents(document_parts.writable(good))
    assert after["properties"]["enableHttp2"] is True
    assert names.user_tags(after["tags"]) == {"team": "shop"}
    assert elements.difference(elements.graph(elements.elements()), elements.observed(elements.shown(after))) == ()


def test_bytes_are_sent_for_new_certificates_only() -> None:
    body = stand(elements.elements())
    assert all("data" not in one["properties"] for one in elements.collection(body, "certificate"))
    first = elements.written(None, elements.difference(elements.graph(elements.elements())))
    assert [one["properties"]["data"] for one in elements.collection(first, "certificate")] == ["cGZ4"]
    seen = elements.observed(body)
    again = elements.written(body, [], elements.group(seen)[1], restore=True)
    assert elements.collection(again, "certificate")[0]["properties"] == {}
    rotated = [
        dataclasses.replace(e, spec={**e.fields, "fingerprint": "ab" * 32}) if "/certificate/" in e.address else e
        for e in elements.elements()
    ]
    after = step(body, rotated)
    sent = {one["name"]: "data" in one["properties"] for one in elements.collection(after, "certificate")}
    assert sorted(sent.values()) == [False, True]  # the one before goes when its successor was seen
    assert "ab" * 32 in names.fingerprints(after["tags"])


def test_every_collection_of_ours_is_reached() -> None:
    body = stand(elements.elements())
    filled = {collection for collection, _ in document_parts.children(body["properties"])}
    assert {s.collection for s in shapes.SHAPES.values()} - {"pathRules"} <= filled


def test_a_path_that_is_somebody_else_s_is_refused_by_name() -> None:
    """Azure would refuse the whole document, and name the map."""
    body = stand(elements.elements())
    maps = body["properties"]["urlPathMaps"]
    rules = next(one["properties"]["pathRules"] for one in maps if "-80.any-" in one["name"])
    theirs = copy.deepcopy(rules[0])
    theirs["name"], theirs["properties"]["paths"] = "theirs", ["/THEIRS"]
    rules.append(theirs)
    found = elements.elements()
    mine = elements.path("80.any", "shop.n.aaaaaaaaaa", ("/theirs",), elements.answer("shop.cart.8080"))
    with pytest.raises(Failed, match="theirs is not ours") as caught:
        step(body, [*found, mine])
    assert caught.value.why == "invalid"
    assert "shop.n.aaaaaaaaaa" in caught.value.key
