"""Lists: pages, order, filters, every scope at once, and scopes that do not answer."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_local import gcp

from . import conftest as c

REGION = f"regions/{gcp.REGION}"


def checks(cloud: c.Cloud, *named: str, scope: str = "global") -> None:
    """Health checks of these names, made one after the other."""
    for name in named:
        cloud.done("POST", f"{scope}/healthChecks", c.HEALTH_CHECK | {"name": name})


def found(answer: Any) -> list[str]:
    return [one["name"] for one in answer.get("items", [])]


def pages(cloud: c.Cloud, path: str, **query: Any) -> list[list[str]]:
    result = []
    while True:
        answer = cloud.get(path, **query)
        result.append(found(answer))
        if "nextPageToken" not in answer:
            return result
        query["pageToken"] = answer["nextPageToken"]


def test_an_empty_list_has_no_items(cloud: c.Cloud) -> None:
    answer = cloud.get("global/urlMaps")
    assert "items" not in answer
    assert (answer["kind"], answer["id"]) == ("compute#urlMapList", f"projects/{gcp.PROJECT}/global/urlMaps")


def test_pages(cloud: c.Cloud) -> None:
    checks(cloud, "c", "a", "e", "b", "d")
    assert pages(cloud, "global/healthChecks") == [["a", "b", "c", "d", "e"]]
    assert pages(cloud, "global/healthChecks", maxResults=2) == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(cloud, "global/healthChecks", maxResults=5) == [["a", "b", "c", "d", "e"]]
    newest = pages(cloud, "global/healthChecks", maxResults=2, orderBy="creationTimestamp desc")
    assert newest == [["d", "b"], ["e", "a"], ["c"]]


def test_the_page_size_of_the_cloud_caps(cloud: c.Cloud) -> None:
    checks(cloud, "a", "b", "c")
    cloud.control.settings(page_size=2)
    assert pages(cloud, "global/healthChecks") == [["a", "b"], ["c"]]
    assert pages(cloud, "global/healthChecks", maxResults=1) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("order", ["name", "creationTimestamp desc"])
def test_pages_stand_when_their_last_row_goes(cloud: c.Cloud, order: str) -> None:
    checks(cloud, "d", "c", "b", "a")
    if order == "name":
        checks(cloud, "e")
    first = cloud.get("global/healthChecks", maxResults=2, orderBy=order)
    assert found(first) == ["a", "b"]
    cloud.done("DELETE", "global/healthChecks/b")
    rest = cloud.get("global/healthChecks", orderBy=order, pageToken=first["nextPageToken"])
    assert found(rest)[:2] == ["c", "d"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"maxResults": 501}, "maxResults"),
        ({"maxResults": "many"}, "maxResults"),
        ({"maxResults": -1}, "maxResults"),
        ({"orderBy": "id"}, "orderBy"),
        ({"orderBy": "name desc"}, "orderBy"),
        ({"pageToken": "nonsense"}, "pageToken"),
    ],
)
def test_parameters_that_cannot_be(cloud: c.Cloud, query: dict[str, Any], field: str) -> None:
    answer = cloud.ask("GET", "global/healthChecks", **query)
    assert (answer.status, answer.reason) == (400, "invalid")
    assert answer.message.startswith(f"Invalid value for field '{field}'")


def test_a_token_belongs_to_its_list(cloud: c.Cloud) -> None:
    checks(cloud, "a", "b")
    token = cloud.get("global/healthChecks", maxResults=1)["nextPageToken"]
    assert cloud.ask("GET", "global/healthChecks", pageToken=token, filter="name=a").status == 400
    assert found(cloud.get("global/healthChecks", pageToken=token)) == ["b"]


def test_max_results_of_zero_is_the_default(cloud: c.Cloud) -> None:
    checks(cloud, "a", "b")
    assert found(cloud.get("global/healthChecks", maxResults=0)) == ["a", "b"]


def test_filters(cloud: c.Cloud) -> None:
    checks(cloud, "a-one", "a-two", "b-one")
    assert found(cloud.get("global/healthChecks", filter="name=a-one")) == ["a-one"]
    assert found(cloud.get("global/healthChecks", filter='name eq "a-.*"')) == ["a-one", "a-two"]
    assert found(cloud.get("global/healthChecks", filter="name!=a-one")) == ["a-two", "b-one"]
    assert pages(cloud, "global/healthChecks", filter='name eq "a-.*"', maxResults=1) == [["a-one"], ["a-two"]]
    assert cloud.ask("GET", "global/healthChecks", filter="(name=").status == 400


def test_operations_are_listed_and_filtered(cloud: c.Cloud) -> None:
    checks(cloud, "a", "b")
    cloud.done("DELETE", "global/healthChecks/a")
    answer = cloud.get("global/operations", filter="operationType=delete")
    assert [one["targetLink"].rsplit("/", 1)[-1] for one in answer["items"]] == ["a"]
    newest = cloud.get("global/operations", orderBy="creationTimestamp desc", maxResults=1)
    assert newest["items"][0]["operationType"] == "delete"


def test_places(cloud: c.Cloud) -> None:
    assert found(cloud.get("regions")) == ["europe-west1", "europe-west4"]
    zones = cloud.get("zones", filter='region eq ".*/europe-west1"')
    assert found(zones) == ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
    assert found(cloud.get(f"zones/{gcp.ZONES[0]}/instances")) == ["node-b"]


def test_every_scope_at_once(cloud: c.Cloud) -> None:
    checks(cloud, "g")
    checks(cloud, "r", scope=REGION)
    answer = cloud.get("aggregated/healthChecks")
    assert answer["kind"] == "compute#healthChecksAggregatedList"
    assert set(answer["items"]) == {"global", "regions/europe-west1", "regions/europe-west4"}
    assert [one["name"] for one in answer["items"]["global"]["healthChecks"]] == ["g"]
    assert [one["name"] for one in answer["items"][REGION]["healthChecks"]] == ["r"]
    warning = answer["items"]["regions/europe-west4"]["warning"]
    assert warning["code"] == "NO_RESULTS_ON_PAGE"
    assert warning["data"] == [{"key": "scope", "value": "regions/europe-west4"}]
    every = cloud.get("aggregated/healthChecks", includeAllScopes="true")
    assert set(every["items"]) - set(answer["items"]) == {
        f"zones/{region}-{letter}"
        for region, letters in (("europe-west1", "bcd"), ("europe-west4", "abc"))
        for letter in letters
    }


def test_every_scope_in_pages(cloud: c.Cloud) -> None:
    checks(cloud, "a", "c")
    checks(cloud, "b", scope=REGION)
    seen, query = [], {"maxResults": 1}
    while True:
        answer = cloud.get("aggregated/healthChecks", **query)
        seen += [
            (scope, one["name"]) for scope, items in answer["items"].items() for one in items.get("healthChecks", [])
        ]
        if "nextPageToken" not in answer:
            break
        query["pageToken"] = answer["nextPageToken"]
    assert seen == [("global", "a"), (REGION, "b"), ("global", "c")]


def test_zonal_and_regional_kinds_have_their_scopes(cloud: c.Cloud) -> None:
    assert all(one.startswith("regions/") for one in cloud.get("aggregated/subnetworks")["items"])
    instances = cloud.get("aggregated/instances")["items"]
    assert {scope for scope, items in instances.items() if "instances" in items} == {
        f"zones/{zone}" for zone in gcp.ZONES
    }
    groups = cloud.get("aggregated/networkEndpointGroups")["items"]
    assert {scope.partition("/")[0] for scope in groups} == {"global", "regions", "zones"}


def test_a_scope_that_does_not_answer_fails_the_whole_list(cloud: c.Cloud) -> None:
    checks(cloud, "g")
    checks(cloud, "r", scope=REGION)
    cloud.control.settings(unreachable=f"{REGION}, zones/europe-west4-a")
    answer = cloud.ask("GET", "aggregated/healthChecks")
    assert (answer.status, answer.reason) == (503, "backendError")
    assert cloud.ask("GET", f"{REGION}/healthChecks").status == 503
    assert found(cloud.get("global/healthChecks")) == ["g"]


def test_a_scope_that_does_not_answer_is_named_in_a_partial_success(cloud: c.Cloud) -> None:
    checks(cloud, "g")
    checks(cloud, "r", scope=REGION)
    cloud.control.settings(unreachable=REGION)
    answer = cloud.get("aggregated/healthChecks", returnPartialSuccess="true")
    assert answer["unreachables"] == [REGION]
    assert answer["items"][REGION]["warning"]["code"] == "UNREACHABLE"
    assert [one["name"] for one in answer["items"]["global"]["healthChecks"]] == ["g"]
    alone = cloud.get(f"{REGION}/healthChecks", returnPartialSuccess="true")
    assert alone["warning"]["code"] == "UNREACHABLE"
    assert "items" not in alone


@pytest.mark.parametrize(("version", "status"), [("2026-08-31", 503), ("2026-09-01", 200), ("2026-11-01", 200)])
def test_newer_clients_always_succeed_partially(cloud: c.Cloud, version: str, status: int) -> None:
    cloud.control.settings(unreachable=REGION)
    answer = cloud.ask("GET", "aggregated/healthChecks", version=version)
    assert answer.status == status
    if status == 200:
        assert answer.body["unreachables"] == [REGION]
    assert cloud.ask("GET", f"{REGION}/healthChecks", version=version).status == 503
