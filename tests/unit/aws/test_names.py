"""Names are legal and stable; tags carry any address and give it back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.graph import model
from cloudgw_aws import names

ALPHABET = re.compile(r"[\w\s.:/=+\-@]*")
WHERE = model.address("shop/edge", "aws", "rule", "80/http/shop/cart/*.example.com/0a1b")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_encode_is_reversible_and_legal(text: str) -> None:
    coded = names.encode(text)
    assert ALPHABET.fullmatch(coded)
    assert names.decode(coded) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=900))
def test_long_values_are_spread_over_legal_tags(text: str) -> None:
    tags = names.spread("k", text)
    assert all(len(value) <= 256 for value in tags.values())
    assert names.gather("k", tags) == text


@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
)
def test_names_are_legal(gateway: str, logical: str) -> None:
    where = model.address(f"shop/{gateway}", "aws", "target-group", logical)
    name = names.name_of("owner", where, "abcdefghij")
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}[a-z0-9]", name)
    assert name.startswith(names.NAME_PREFIX)


def test_the_name_tells_owners_addresses_and_incarnations_apart() -> None:
    other = WHERE.replace("cart", "card")
    found = {
        names.name_of("a", WHERE, "s1"),
        names.name_of("b", WHERE, "s1"),
        names.name_of("a", other, "s1"),
        names.name_of("a", WHERE, "s2"),
    }
    assert len(found) == 4
    assert names.name_of("a", WHERE, "s1") == names.name_of("a", WHERE, "s1")


def test_the_record_comes_back() -> None:
    tags = names.tags_of("prod *", WHERE, "abcdefghij", {"cluster": "c-1", "gateway:shop/edge": "g-1"})
    record = names.ours(tags, "prod *")
    assert record is not None
    assert (record.address, record.suffix, record.cluster, record.gateway) == (WHERE, "abcdefghij", "c-1", "g-1")
    assert all(ALPHABET.fullmatch(value) for value in tags.values())


@pytest.mark.parametrize(
    "spoil",
    [
        {names.OWNER: "other"},
        {names.FORMAT: "2"},
        {names.SUFFIX: ""},
        {names.GATEWAY: "noslash"},
        {names.ADDRESS: "rule"},
        {names.ADDRESS: "rule/=ZZ"},
    ],
)
def test_a_spoilt_record_is_nobody_of_ours(spoil: dict[str, str]) -> None:
    tags = names.tags_of("prod", WHERE, "abcdefghij", {})
    assert names.ours(tags | spoil, "prod") is None


def test_only_our_own_tags_are_kept() -> None:
    tags = names.tags_of("prod", WHERE, "s", {}) | {"team": "x", "secret": "y", names.TAG_KEYS: "team"}
    assert "secret" not in names.kept(tags)
    assert names.kept(tags)["team"] == "x"
