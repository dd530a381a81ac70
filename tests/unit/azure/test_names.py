"""Names are legal and give back what they were made of; tags carry any address, fingerprint and user's tag."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.graph import model
from cloudgw_azure import names

LEGAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,78}[A-Za-z0-9_]")
LOGICAL = re.compile(r"[a-z0-9][a-z0-9._-]{0,45}")
FORBIDDEN = re.compile(r"[<>%&\\?/]")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
WHERE = model.address("shop/edge", "azure", "gateway", "lb")
SUFFIX = st.from_regex(r"[a-z2-7]{10}", fullmatch=True)
DETAIL = st.from_regex(r"[1-9][0-9]{0,4}[hs]", fullmatch=True)


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_logical_ids_are_legal(parts: list[str]) -> None:
    assert LOGICAL.fullmatch(names.logical(*parts))


def test_logical_ids_stay_readable_and_apart() -> None:
    assert names.logical("shop", "cart", "8080") == "shop.cart.8080"
    found = {
        names.logical("80", "*.example.com"),
        names.logical("80", "any.example.com"),
        names.logical("80", "ANY.example.com"),
        names.logical("80", "a" * 60),
        names.logical("80", "a" * 61),
        names.logical("80", "a_b/c"),
        names.logical("80", "a_b-c"),
    }
    assert len(found) == 7
    assert names.logical("80", "*.example.com").startswith("80.any.example.com-")


@given(st.lists(TEXT, min_size=1, max_size=3), SUFFIX, DETAIL)
def test_children_give_back_what_they_are(parts: list[str], suffix: str, detail: str) -> None:
    logical, mark = names.logical(*parts), names.mark("dev", "shop/edge")
    plain, pool = names.child(mark, logical, suffix), names.child(mark, logical, suffix, detail)
    assert LEGAL.fullmatch(plain)
    assert LEGAL.fullmatch(pool)
    assert names.read_child(plain) == names.Child(mark, logical, suffix)
    assert names.read_child(pool.upper(), detailed=True) == names.Child(mark, logical, suffix, detail)


@pytest.mark.parametrize(
    "name", ["appGatewayHttpListener", "cgw-x", "cgw-abcdefgh-a-short", "cgw-ABCDEFG1-a-aaaaaaaaaa"]
)
def test_names_of_others_say_nothing(name: str) -> None:
    assert names.read_child(name) is None
    assert names.read_child(name, detailed=True) is None


def test_a_pool_without_a_port_is_no_pool() -> None:
    assert names.read_child(names.child("abcdefgh", "shop.cart", "a" * 10), detailed=True) is None


def test_a_drifted_incarnation_has_the_name_of_its_suffix() -> None:
    assert names.child("abcdefgh", "80", f"{'a' * 10}{names.DRIFTED}") == f"cgw-abcdefgh-80-{'a' * 10}"


def test_marks_tell_owners_and_gateways_apart() -> None:
    found = {names.mark("a", "shop/edge"), names.mark("b", "shop/edge"), names.mark("a", "shop/core")}
    assert len(found) == 3
    assert all(re.fullmatch("[a-z2-7]{8}", mark) for mark in found)


@given(st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True), st.from_regex(r"[a-z][a-z0-9.-]{0,252}", fullmatch=True))
def test_resource_names_are_legal(namespace: str, gateway: str) -> None:
    where = model.address(f"{namespace}/{gateway}", "azure", "gateway", "lb")
    assert LEGAL.fullmatch(names.resource_name("dev", where, "a" * 10))
    assert names.resource_name("dev", where, "a" * 10) != names.resource_name("two", where, "a" * 10)


@given(TEXT.filter(bool))
def test_the_record_comes_back(owner: str) -> None:
    evidence = {"cluster": "c-1", "gateway:shop/edge": "g-1"}
    tags = names.tags_of(owner, WHERE, "abcdefghij", evidence)
    assert not any(FORBIDDEN.search(key) for key in tags)
    assert all(len(value) <= names.VALUE_LIMIT for value in tags.values())
    record = names.ours({key.upper(): value for key, value in tags.items()}, owner)
    assert record is not None
    assert (record.address, record.suffix, record.cluster, record.gateway) == (WHERE, "abcdefghij", "c-1", "g-1")


@pytest.mark.parametrize(
    "spoil",
    [{names.OWNER: "x"}, {names.FORMAT: "2"}, {names.SUFFIX: ""}, {names.GATEWAY: "shop"}, {names.ADDRESS: "gateway"}],
)
def test_a_spoilt_record_is_nobody_of_ours(spoil: dict[str, str]) -> None:
    assert names.ours(names.tags_of("dev", WHERE, "a" * 10, {}) | spoil, "dev") is None
    assert names.ours(None, "dev") is None


def test_user_tags_come_and_go_and_tags_of_others_stay() -> None:
    record = names.tags_of("dev", WHERE, "a" * 10, {})
    theirs = {**record, "policy": "x"}
    one = names.with_user_tags(theirs, {"Team, of": "a", "cost": ""})
    assert names.user_tags(one) == {"Team, of": "a", "cost": ""}
    assert not any(FORBIDDEN.search(key) for key in one)
    two = names.with_user_tags(one, {"cost": "1"})
    assert {k: v for k, v in two.items() if not k.startswith(names.TAG_KEYS)} == {**theirs, "cost": "1"}
    assert names.with_user_tags(two, {}) == theirs
    assert names.ours(two, "dev") is not None


@given(st.sets(st.one_of(st.binary(min_size=32, max_size=32).map(bytes.hex), TEXT.filter(bool)), max_size=8))
def test_fingerprints_come_back(wanted: set[str]) -> None:
    tags = names.with_fingerprints({"team": "x"}, wanted)
    assert set(names.fingerprints(tags)) == wanted
    assert names.with_fingerprints(tags, ()) == {"team": "x"}


def test_a_hundred_fingerprints_fit_in_the_tags_of_a_gateway() -> None:
    hundred = [hashlib.sha256(bytes([number])).hexdigest() for number in range(100)]
    tags = names.with_fingerprints(names.tags_of("dev", WHERE, "a" * 10, {}), hundred)
    assert len(tags) <= 30  # of 50
    assert all(len(value) <= names.VALUE_LIMIT for value in tags.values())


@pytest.mark.parametrize(
    ("where", "logical", "warm"),
    [
        ("path-rule/80.any/shop.r.aaaaaaaaaa", "shop.r.aaaaaaaaaa", False),
        ("path-rule/warm/3", "warm-3", True),
        ("pool/shop.cart.8080", "shop.cart.8080", False),
    ],
)
def test_addresses_and_logical_ids(where: str, logical: str, warm: bool) -> None:
    address = f"shop/edge/azure/{where}"
    assert names.logical_of(address) == logical
    assert names.is_warm(address) is warm
    if where.startswith("path-rule"):
        assert names.path_rule_address("shop/edge", "80.any", logical) == address
