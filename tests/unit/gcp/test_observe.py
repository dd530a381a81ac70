"""What stands is observed as it was written; what is not ours is counted, named and otherwise left out."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw_gcp import names, shapes
from tests.unit.gcp import elements

Json = dict[str, Any]
GRAPH = elements.graph(elements.elements())
CONTENT = elements.content_of(GRAPH)
STRANGER = f"projects/{elements.PROJECT}/regions/{elements.REGION}/forwardingRules/theirs"


def content() -> Json:
    return copy.deepcopy(CONTENT)


def path(kind: str, logical: str) -> str:
    return str(elements.one(elements.observed(CONTENT), kind, logical).outputs["id"])


def document(found: Json, kind: str, logical: str) -> Json:
    where = path(kind, logical)
    (one,) = [d for d in found[names.place_of(where)[0]] if names.path_of(d["selfLink"]) == where]
    assert isinstance(one, dict)
    return one


@pytest.mark.parametrize(
    ("place", "exposure"), [("europe-west1", "Internal"), ("europe-west1", "Public"), ("global", "Public")]
)
def test_observed_is_what_was_written(place: str, exposure: str) -> None:
    desired = elements.graph(elements.elements(place, exposure))
    found = json.loads(json.dumps(elements.content_of(desired)))
    seen = elements.observed(found)
    bound = {c.address: c.after for c in elements.difference(desired) if c.after is not None}
    assert set(seen.elements) == set(desired.elements) == set(bound)
    for where, wanted in bound.items():
        (element,) = seen.elements[where]
        assert element.name == wanted.name, where
        assert {f: element.fields[f] for f in wanted.fields} == dict(wanted.fields), where
        assert str(element.outputs["id"]).startswith("projects/")
    assert elements.difference(desired, seen) == ()


def test_the_order_of_a_listing_does_not_matter() -> None:
    shuffled = content()
    for collection in shuffled.values():
        if isinstance(collection, list):
            random.Random(7).shuffle(collection)
    assert elements.observed(shuffled) == elements.observed(CONTENT)


@pytest.mark.parametrize("owner", ["somebody", "de", "dev2"])
def test_another_owner_sees_nothing(owner: str) -> None:
    assert list(elements.observed(CONTENT, owner)) == []


def test_another_region_sees_nothing() -> None:
    assert list(elements.observed({**CONTENT, "region": "europe-west4"})) == []


def test_what_an_address_says() -> None:
    address = elements.one(elements.observed(CONTENT), "address", "lb")
    assert address.outputs["dns"] == "10.0.0.77"
    assert address.outputs["state"] == "IN_USE"


def test_evidence_is_read_from_the_record() -> None:
    found = content()
    one = document(found, "address", "lb")
    record = json.loads(one["description"]) | {"cluster": "c-1", "gateway": "g-1"}
    one["description"] = json.dumps(record)
    outputs = elements.one(elements.observed(found), "address", "lb").outputs
    assert (outputs["cluster"], outputs["gateway"]) == ("c-1", "g-1")


def test_a_copy_of_our_record_under_another_name_is_its_maker_s() -> None:
    found = content()
    clone = copy.deepcopy(document(found, "backend-service", elements.CART))
    clone |= {"name": "copied", "selfLink": clone["selfLink"].rpartition("/")[0] + "/copied"}
    found["backendServices"].append(clone)
    assert elements.observed(found) == elements.observed(CONTENT)


@pytest.mark.parametrize("kind", ["address", "neg", "url-map", "backend-service", "forwarding-rule"])
def test_a_copy_under_the_same_name_in_another_place_is_its_maker_s(kind: str) -> None:
    found = content()
    collection = shapes.SHAPES[kind].collection
    for one in list(found[collection]):
        _, where, name = names.place_of(one["selfLink"])
        other = "europe-west1-d" if kind == "neg" else names.GLOBAL
        link = names.link_of(names.path(elements.PROJECT, other, collection, name))
        assert other != where
        found[collection].append({**copy.deepcopy(one), "selfLink": link})
    assert elements.observed(found) == elements.observed(CONTENT)


def test_a_record_of_another_kind_is_passed_over() -> None:
    found = content()
    found["healthChecks"].append(document(found, "backend-service", elements.CART))
    assert elements.observed(found) == elements.observed(CONTENT)


@pytest.mark.parametrize(
    ("kind", "logical", "change"),
    [
        ("firewall", "lb", {"sourceRanges": ["0.0.0.0/0"]}),
        ("firewall", "lb", {"targetTags": []}),
        ("firewall", "lb", {"disabled": True}),
        ("health-check", "http", {"type": "TCP", "tcpHealthCheck": {"port": 80}}),
        ("backend-service", elements.CART, {"protocol": "HTTPS"}),
    ],
)
def test_immutable_values_that_somebody_changed_are_another_incarnation(kind: str, logical: str, change: Json) -> None:
    found = content()
    document(found, kind, logical).update(change)
    seen = elements.observed(found)
    element, before = elements.one(seen, kind, logical), elements.one(elements.observed(CONTENT), kind, logical)
    assert element.name == before.name + names.DRIFTED
    assert element.outputs["id"] == before.outputs["id"]
    ops = {c.key for c in elements.difference(GRAPH, seen) if c.address == element.address}
    assert ops == {f"create {before.key}", f"delete {element.key}"}
    for other in seen:
        for ref in model.refs_in(other.fields):
            assert ref.key != before.key, other.address


@pytest.mark.parametrize(
    ("kind", "logical", "change", "field"),
    [
        ("address", "lb", {"labels": {"cloudgw-keys": "zkfsfu", "team": "other"}}, "labels"),
        ("health-check", "http", {"checkIntervalSec": 11}, "interval"),
        ("backend-service", elements.CART, {"timeoutSec": 31}, "timeout"),
        ("target-proxy", "443", {"sslPolicy": None}, "ssl_policy"),
        ("target-proxy", "443", {"sslCertificates": []}, "certificates"),
        ("forwarding-rule", "80", {"target": STRANGER.replace("forwardingRules", "targetHttpProxies")}, "target"),
        ("ssl-policy", "tls", {"profile": "COMPATIBLE"}, "profile"),
        ("target-proxy", "443", {"certificateMap": "//certificatemanager.googleapis.com/x"}, "extra"),
        ("target-proxy", "443", {"serverTlsPolicy": "//networksecurity.googleapis.com/x"}, "extra"),
        ("forwarding-rule", "80", {"allowGlobalAccess": True}, "global_access"),
    ],
)
def test_drift_of_a_field_is_that_field(kind: str, logical: str, change: Json, field: str) -> None:
    found = content()
    document(found, kind, logical).update(change)
    changes = elements.difference(GRAPH, elements.observed(found))
    assert [(c.op, c.address, c.fields) for c in changes] == [("update", elements.at(kind, logical), (field,))]


def test_labels_of_others_are_no_drift() -> None:
    found = content()
    document(found, "address", "lb")["labels"]["theirs"] = "x"
    document(found, "forwarding-rule", "80")["labels"]["goog-managed"] = "x"
    assert elements.difference(GRAPH, elements.observed(found)) == ()


def test_users_and_strangers_in_a_map_are_foreign() -> None:
    found = content()
    cart = path("backend-service", elements.CART)
    found["users"] = {path("address", "lb"): [STRANGER], cart: [STRANGER]}
    one = document(found, "url-map", "80")
    one["pathMatchers"].append({"name": "theirs", "defaultService": names.link_of(cart)})
    one["hostRules"].append({"hosts": ["theirs.example"], "pathMatcher": "theirs"})
    seen = elements.observed(found)
    assert elements.one(seen, "address", "lb").outputs["foreign"] == (STRANGER,)
    assert elements.one(seen, "url-map", "80").outputs["foreign"] == ("hostRules/theirs.example", "pathMatchers/theirs")
    assert elements.one(seen, "backend-service", elements.CART).outputs["foreign"] == ("pathMatchers/theirs", STRANGER)
    for kind in ("target-proxy", "forwarding-rule"):  # the way to what is theirs
        assert elements.one(seen, kind, "80").outputs["foreign"] == ("hostRules/theirs.example", "pathMatchers/theirs")
        assert "foreign" not in elements.one(seen, kind, "443").outputs
    assert "foreign" not in elements.one(seen, "backend-service", elements.PAY).outputs
    assert elements.difference(GRAPH, seen) == ()


def test_priorities_of_others_are_taken() -> None:
    found = content()
    matcher = next(m for m in document(found, "url-map", "80")["pathMatchers"] if "shop.example@" in m["description"])
    matcher["routeRules"].append({"priority": 7, "service": names.link_of(path("backend-service", elements.CART))})
    seen = elements.observed(found)
    assert seen.taken == {f"routes:{elements.one(seen, 'path-matcher', '80/shop.example').key}": (7,)}


def test_endpoints_belong_to_their_group() -> None:
    seen = elements.observed(CONTENT)
    where = f"{elements.CART}/{elements.ZONES[0]}"
    group, endpoints = elements.one(seen, "neg", where), elements.one(seen, "endpoints", where)
    assert endpoints.name == group.name
    assert endpoints.outputs["id"] == group.outputs["id"]
    assert endpoints.fields == {
        "neg": model.Ref(group.address, "exists", group.name),
        "targets": ("node-b/10.0.64.5:8080", "node-b/10.0.64.6:8080"),
    }


def test_endpoints_that_were_not_listed_are_not_known() -> None:
    found = content()
    del found["endpoints"][path("neg", f"{elements.CART}/{elements.ZONES[0]}")]
    seen = elements.observed(found)
    assert isinstance(
        elements.one(seen, "endpoints", f"{elements.CART}/{elements.ZONES[0]}").fields["targets"], Unknown
    )
    assert elements.difference(GRAPH, seen) == ()
    found["unread"] = {path("neg", f"{elements.CART}/{elements.ZONES[0]}"): "403 forbidden"}
    targets = elements.one(elements.observed(found), "endpoints", f"{elements.CART}/{elements.ZONES[0]}").fields[
        "targets"
    ]
    assert targets.reason.endswith("403 forbidden")


def test_a_group_that_was_not_listed_serves_as_far_as_is_known() -> None:
    """Else a new backend service would seem better than one that answers."""
    found = content()
    first = path("neg", f"{elements.CART}/{elements.ZONES[0]}")
    service = path("backend-service", elements.CART)
    found["endpoints"] = {}
    assert counts(found, elements.CART) == (2, 2, True)
    found["health"] = {service: {first: report("10.0.64.5")}}
    assert counts(found, elements.CART) == (1, 3, True)
    found["health"] = {service: {}}
    assert counts(found, elements.CART) == (0, 0, True)


def counts(found: Json, logical: str) -> tuple[int, int, bool]:
    outputs = elements.one(elements.observed(found), "backend-service", logical).outputs
    return outputs["healthy"], outputs["targets"], outputs["attached"]


def test_without_a_report_attached_means_serving() -> None:
    assert counts(CONTENT, elements.CART) == (3, 3, True)
    assert counts(CONTENT, elements.PAY) == (1, 1, True)
    assert counts(CONTENT, "none") == (0, 0, True)
    assert counts({**CONTENT, "forwardingRules": []}, elements.CART) == (0, 3, False)
    one = content()
    document(one, "url-map", "80")["pathMatchers"] = []
    assert counts(one, elements.CART) == (0, 3, False)
    assert counts(one, f"{elements.CART}/sticky") == (3, 3, True)


def report(*healthy: str) -> list[Json]:
    return [
        {
            "ipAddress": ip,
            "port": 8080,
            "healthState": "HEALTHY" if ip in healthy else "UNHEALTHY",
            "instance": "https://x",
        }
        for ip in ("10.0.64.5", "10.0.64.6", "10.0.64.99")
    ]


def test_a_report_counts_what_answers_over_all_groups() -> None:
    found = content()
    first, second = (path("neg", f"{elements.CART}/{zone}") for zone in elements.ZONES)
    service = path("backend-service", elements.CART)
    found["health"] = {service: {first: report("10.0.64.5", "10.0.64.99")}}
    assert counts(found, elements.CART) == (1, 3, True)
    other = {"ipAddress": "10.0.80.5", "port": 8080, "healthState": "HEALTHY"}
    found["health"][service][second] = [other]
    assert counts(found, elements.CART) == (2, 3, True)
    found["health"] = {service: {}}
    assert counts(found, elements.CART) == (0, 3, True)
    assert counts(found, f"{elements.CART}/sticky") == (3, 3, True)
