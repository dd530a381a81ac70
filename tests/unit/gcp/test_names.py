"""Names are legal and stable, the record and the parts of a URL map are read back, and labels of others stay."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_gcp import names

LEGAL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SUFFIX = "abcdefgh23"
WORD = st.text(st.characters(codec="utf-8", exclude_characters="/", exclude_categories=["Cs"]), min_size=1)
LOGICAL = st.lists(WORD, min_size=1, max_size=4).map("/".join)


@st.composite
def addresses(draw: st.DrawFn) -> model.Address:
    return model.address(f"{draw(WORD)}/{draw(WORD)}", "gcp", "backend-service", draw(LOGICAL))


@given(st.text(min_size=1), addresses())
def test_names_are_legal_and_differ_by_incarnation(owner: str, address: model.Address) -> None:
    name = names.resource_name(owner, address, SUFFIX, "r")
    assert LEGAL.fullmatch(name), name
    assert name == names.resource_name(owner, address, SUFFIX + names.DRIFTED, "r")
    assert name != names.resource_name(owner, address, "bbbbbbbbbb", "r")
    assert name != names.resource_name(owner + "x", address, SUFFIX, "r")
    assert name != names.resource_name(owner, address, SUFFIX, "europe-west4")  # global ones of two placements
    assert name.startswith(f"cgw-{names.mark(owner, model.owner_of(address))}-")


def test_a_name_says_to_people_what_it_is() -> None:
    where = model.address("shop/edge", "gcp", "backend-service", "shop/cart:8080")
    name = names.resource_name("dev", where, SUFFIX, "r")
    assert re.fullmatch(r"cgw-[a-z2-7]{8}-edge-shop-cart-8080-[a-z2-7]{8}-abcdefgh23", name)


@given(st.text(min_size=1), addresses(), st.text())
def test_the_record_is_read_back(owner: str, address: model.Address, cluster: str) -> None:
    evidence = {"cluster": cluster, f"gateway:{model.owner_of(address)}": "g-1"}
    text = names.record_text(owner, address, SUFFIX, evidence, "europe-west1", {names.PARENT: "ppp"})
    record = names.ours(text, owner, "europe-west1")
    assert record is not None
    assert (record.owner, record.address, record.suffix) == (owner, address, SUFFIX)
    assert (record.cluster, record.gateway) == (cluster, "g-1")
    assert names.members(text)[names.PARENT] == "ppp"
    assert names.ours(text, owner, "europe-west4") is None
    assert names.ours(text, f"{owner}2", "europe-west1") is None


def test_a_record_counts_only_in_its_place_and_under_its_name() -> None:
    where = model.address("shop/edge", "gcp", "health-check", "http")
    name = names.resource_name("dev", where, SUFFIX, "europe-west1")
    text = names.record_text("dev", where, SUFFIX, {}, "europe-west1", {names.PLACE: "europe-west1"})
    link = names.link_of(names.path("p", "europe-west1", "healthChecks", name))
    ours = {"name": name, "selfLink": link, "description": text}
    found = names.record_in(ours, "dev", "europe-west1")
    assert found is not None
    assert (found.address, found.suffix) == (where, SUFFIX)
    for copied in (
        {"selfLink": names.link_of(names.path("p", "global", "healthChecks", name))},
        {"selfLink": names.link_of(names.path("p", "europe-west1-b", "healthChecks", name))},
        {"name": "copied"},
        {"description": names.record_text("dev", where, SUFFIX, {}, "europe-west1")},
        {"description": "by hand"},
    ):
        assert names.record_in({**ours, **copied}, "dev", "europe-west1") is None


def test_the_record_is_short_json_for_people() -> None:
    address = model.address("shop/edge", "gcp", "address", "lb")
    assert json.loads(names.record_text("dev", address, SUFFIX, {}, "europe-west1")) == {
        "cloudgw": 1,
        "owner": "dev",
        "address": "shop/edge/gcp/address/lb",
        "suffix": SUFFIX,
        "region": "europe-west1",
    }


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "made by hand",
        "{",
        "[1]",
        "{}",
        '{"cloudgw":2,"owner":"dev","address":"a/b/gcp/address/lb","suffix":"x","region":"r"}',
        '{"cloudgw":1,"owner":"dev","address":"a/b/aws/address/lb","suffix":"x","region":"r"}',
        '{"cloudgw":1,"owner":"dev","address":"a/b/gcp/address","suffix":"x","region":"r"}',
        '{"cloudgw":1,"owner":"dev","address":"a/b/gcp/address/lb","region":"r"}',
        '{"cloudgw":1,"address":"a/b/gcp/address/lb","suffix":"x","region":"r"}',
        '{"a":' + "[" * 100_000,
        '{"k8sResource":"/namespaces/store/gateways/external-http"}',
    ],
)
def test_what_is_no_record_is_nobody_s(text: str | None) -> None:
    assert names.record_of(text) is None
    assert names.ours(text, "dev", "r") is None


@given(LOGICAL.filter(lambda text: "\n" not in text), st.sampled_from(["path-matcher", "route-rule"]))
def test_parts_of_a_map_are_read_back(logical: str, kind: str) -> None:
    assert names.read_child(names.child(kind, logical, SUFFIX)) == names.Child(kind, logical, SUFFIX)
    name = names.matcher_name(logical, SUFFIX)
    assert LEGAL.fullmatch(name)
    assert name != names.matcher_name(logical, "bbbbbbbbbb")


@pytest.mark.parametrize("text", [None, "", "cloudgw", "cloudgw route-rule/80/x", "mine route-rule/80/x@abcdefgh23"])
def test_other_parts_are_foreign(text: str | None) -> None:
    assert names.read_child(text) is None


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/x", "projects/p/global/urlMaps/x"),
        ("https://compute.googleapis.com/compute/beta/projects/p/zones/z-1-b/i/x", "projects/p/zones/z-1-b/i/x"),
        ("projects/p/regions/r/urlMaps/x", "projects/p/regions/r/urlMaps/x"),
        ("//compute.googleapis.com/projects/p/global/networks/n", "projects/p/global/networks/n"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
        ("", ""),
    ],
)
def test_links_are_compared_by_their_paths(link: str, path: str) -> None:
    assert names.path_of(link) == path


@pytest.mark.parametrize("place", ["global", "europe-west1", "europe-west1-b", "us-central1-ai1a"])
def test_places_of_paths(place: str) -> None:
    path = names.path("p", place, "urlMaps", "x")
    assert names.place_of(path) == names.place_of(names.link_of(path)) == ("urlMaps", place, "x")
    assert names.path_of(names.link_of(path)) == path
    assert names.link_of(names.link_of(path)) == names.link_of(path)


def test_what_names_no_resource_is_refused() -> None:
    with pytest.raises(Failed, match="projects/p is no link"):
        names.place_of("projects/p")


LABELS = st.dictionaries(
    st.from_regex(LABEL, fullmatch=True).filter(lambda k: not k.startswith("cloudgw")), st.just("v")
)


@given(LABELS, LABELS, LABELS)
def test_labels_are_replaced_and_those_of_others_stay(
    first: dict[str, str], second: dict[str, str], others: dict[str, str]
) -> None:
    theirs = {key: value for key, value in others.items() if key not in first and key not in second}
    before = names.with_user_labels(theirs, first)
    assert names.user_labels(before) == first
    after = names.with_user_labels(before, second)
    assert names.user_labels(after) == second
    assert {key: value for key, value in after.items() if key in theirs} == theirs
    assert names.with_user_labels(after, {}) == theirs
    assert names.with_user_labels(after, second) == after


def test_many_labels_are_remembered_in_legal_ones() -> None:
    wanted = {f"k{number}": "v" for number in range(56)}
    found = names.with_user_labels({"theirs": "x"}, wanted)
    assert names.user_labels(found) == wanted
    assert len(found) <= 64
    assert all(LABEL.fullmatch(key) and re.fullmatch(r"[a-z0-9_-]{0,63}", value) for key, value in found.items())
