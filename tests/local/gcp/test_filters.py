"""The list filter: both of its languages, what they take and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local.gcp import errors, filters

DOCUMENTS: tuple[dict[str, Any], ...] = (
    {
        "name": "edge-a",
        "id": "12",
        "timeoutSec": 30,
        "enableCDN": True,
        "labels": {"owner": "me", "tier": "web-1"},
        "logConfig": {"enable": False, "sampleRate": 0.5},
        "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
        "tags": {"items": ["blue", "green"]},
    },
    {"name": "edge-b", "id": "7", "timeoutSec": 5, "enableCDN": False, "labels": {"owner": "you"}},
    {"name": "other", "description": "an (odd) one", "logConfig": {"enable": True}},
)


def names(text: str) -> list[str]:
    holds = filters.parse(text)
    return [document["name"] for document in DOCUMENTS if holds(document)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["edge-a", "edge-b", "other"]),
        ("name = edge-a", ["edge-a"]),
        ('name="edge-a"', ["edge-a"]),
        ("name != edge-a", ["edge-b", "other"]),
        ("name:edge", ["edge-a", "edge-b"]),
        ("name=edge-a OR name=other", ["edge-a", "other"]),
        ("(name=edge-a) (enableCDN=true)", ["edge-a"]),
        ("(name=edge-b) AND (enableCDN=true)", []),
        ("timeoutSec = 30", ["edge-a"]),
        ("timeoutSec < 30", ["edge-b"]),
        ("timeoutSec >= 5 timeoutSec <= 30", ["edge-a", "edge-b"]),
        ("id > 9", ["edge-a"]),
        ("enableCDN = false", ["edge-b", "other"]),
        ("logConfig.enable = true", ["other"]),
        ("logConfig.sampleRate = 0.50", ["edge-a"]),
        ("labels.owner:*", ["edge-a", "edge-b"]),
        ("labels:tier", ["edge-a"]),
        ("labels.owner = me", ["edge-a"]),
        ("labels.owner != me", ["edge-b", "other"]),
        ("NOT labels.owner:*", ["other"]),
        ("-name:edge", ["other"]),
        ("tags.items = green", ["edge-a"]),
        ("network = https://www.googleapis.com/compute/v1/projects/p/global/networks/n", ["edge-a"]),
        ('description = "an (odd) one"', ["other"]),
        # OR binds closer than AND.
        ("name=other AND name=edge-a OR enableCDN=false", ["other"]),
    ],
)
def test_comparisons(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name eq edge-.*", ["edge-a", "edge-b"]),
        ("name eq edge", []),  # the whole member must match
        ("name ne edge-.*", ["other"]),
        ("name eq (edge-a|other)", ["edge-a", "other"]),
        ("name eq 'edge-a'", ["edge-a"]),
        ('name eq "edge-a"', ["edge-a"]),
        ("(name eq edge-.*) (name ne .*-b)", ["edge-a"]),
        ("labels.tier eq web-[0-9]", ["edge-a"]),
        ("enableCDN eq true", ["edge-a"]),
        ("description ne .+", ["edge-a", "edge-b"]),
    ],
)
def test_regular_expressions(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "= x",
        "(name = x",
        "name = x)",
        "name ~ x",
        "name eq [a",
        "name = x AND",
        "(name eq x) (name = y)",  # the two languages do not mix
        "(name eq x) (description eq y)",  # nor do members in the older one
    ],
)
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(errors.Refusal) as refused:
        filters.parse(text)
    assert (refused.value.status, refused.value.reason) == (400, "invalid")
    assert refused.value.message == f"Invalid value for field 'filter': '{text}'. Invalid list filter expression."


@pytest.mark.parametrize(
    ("text", "schema_name"),
    [
        ("labels.owner = me", "BackendService"),
        ("labels.owner eq me", "UrlMap"),
        ("nothing:*", "Address"),
        ("sourceRanges eq 10.*", "Firewall"),
        ("name.more = x", "Address"),
    ],
)
def test_a_member_that_the_type_has_not(text: str, schema_name: str) -> None:
    with pytest.raises(errors.Refusal, match="Invalid list filter expression"):
        filters.parse(text, schema_name)


@pytest.mark.parametrize(
    ("text", "schema_name"),
    [
        ("labels.owner = me", "Address"),
        ("logConfig.enable = true", "BackendService"),
        ("backends.group:*", "BackendService"),
        ("sourceRanges = 10.0.0.0/8", "Firewall"),
    ],
)
def test_a_member_that_the_type_has(text: str, schema_name: str) -> None:
    assert not filters.parse(text, schema_name)({"name": "x"})
