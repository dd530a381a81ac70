"""Every field that cannot be used is refused by its path, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw.provider import ParametersRefused
from cloudgw_gcp import parameters
from cloudgw_local import gcp as local
from tests.unit.gcp import edge

PUBLIC: dict[str, Any] = {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}


def problems(spec: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ParametersRefused) as caught:
        parameters.parse(edge.raw(**spec))
    return dict(caught.value.problems)


def test_defaults_are_closed() -> None:
    found = edge.wanted()
    assert (found.exposure, found.public, found.place) == ("Internal", False, local.REGION)
    assert (found.tls_profile, found.tls_min, found.tls_policy) == ("MODERN", "TLS_1_2", None)
    assert (found.project, found.region) == (local.PROJECT, local.REGION)
    assert (found.network, found.subnetwork) == (local.NETWORK, "subnet-nodes")
    assert (found.zones, found.tier, found.global_access) == (None, None, False)
    assert (found.firewall, found.node_tags, found.labels) == (True, (), {})
    assert found.settings.deletion_budget is None
    assert str(found.settings.placement) == f"gcp/{local.PROJECT}/{local.REGION}"


def test_everything_given() -> None:
    found = edge.wanted(
        **PUBLIC,
        location="Regional",
        zones=[local.ZONES[1], local.ZONES[0]],
        networkTier="STANDARD",
        tls={"profile": "RESTRICTED", "minVersion": "TLS_1_3"},
        firewall="None",
        nodeTags=["b", "a"],
        tags={"team": "shop", "cost-centre": ""},
        deletionBudget=3,
    )
    assert (found.exposure, found.place, found.tier) == ("Public", local.REGION, "STANDARD")
    assert found.zones == local.ZONES[:2]
    assert (found.tls_profile, found.tls_min) == ("RESTRICTED", "TLS_1_3")
    assert (found.firewall, found.node_tags) == (False, ("a", "b"))
    assert found.labels == {"cost-centre": "", "team": "shop"}
    assert found.settings.deletion_budget == 3


def test_global() -> None:
    found = edge.wanted(**PUBLIC, location="Global")
    assert (found.place, found.tier, found.region) == ("global", None, local.REGION)
    assert str(found.settings.placement) == f"gcp/{local.PROJECT}/{local.REGION}"


def test_a_public_regional_address_is_premium_unless_said() -> None:
    assert edge.wanted(**PUBLIC).tier == "PREMIUM"


def test_internal_may_be_reached_from_other_regions() -> None:
    assert edge.wanted(globalAccess=True).global_access


def test_a_policy_of_others() -> None:
    assert edge.wanted(tls={"policy": "corp-tls"}).tls_policy == "corp-tls"


def test_the_project_may_come_from_the_environment() -> None:
    found = edge.wanted(projectId=None)
    assert (found.project, str(found.settings.placement)) == ("", f"gcp/{local.REGION}")


@pytest.mark.parametrize(
    ("spec", "path", "says"),
    [
        ({"projectId": "Mine"}, "spec.projectId", "my-project-123"),
        ({"projectId": 7}, "spec.projectId", "quote"),
        ({"region": None}, "spec.region", "required"),
        ({"region": local.ZONES[0]}, "spec.region", "europe-west1"),
        ({"region": "Europe"}, "spec.region", "europe-west1"),
        ({"location": "Zonal"}, "spec.location", "Regional, Global"),
        ({"location": "Global"}, "spec.location", "exposure Public"),
        ({"exposure": "Open"}, "spec.exposure", "Internal, Public"),
        ({"exposure": "Public"}, "spec.allowedSourceRanges", "Cloud Armor"),
        ({**PUBLIC, "allowedSourceRanges": []}, "spec.allowedSourceRanges", "Cloud Armor"),
        ({**PUBLIC, "allowedSourceRanges": ["10.0.0.0/8"]}, "spec.allowedSourceRanges", "0.0.0.0/0"),
        ({"allowedSourceRanges": ["0.0.0.0/0"]}, "spec.allowedSourceRanges", "leave it out"),
        ({"network": None}, "spec.network", "required"),
        ({"network": "net-edge"}, "spec.network", "object"),
        ({"network": {}}, "spec.network.name", "required"),
        ({"network": {"name": "Net"}}, "spec.network.name", "network-edge"),
        ({"network": {"name": "n", "project": "host"}}, "spec.network.project", "known here: name"),
        ({"subnetwork": None}, "spec.subnetwork", "required"),
        ({"subnetwork": {"name": "a/b"}}, "spec.subnetwork.name", "subnetwork-edge"),
        ({"zones": []}, "spec.zones", "leave it out"),
        ({"zones": ["europe-west4-a"]}, "spec.zones[0]", "europe-west1-b"),
        ({"zones": "b"}, "spec.zones", "list"),
        ({"networkTier": "PREMIUM"}, "spec.networkTier", "internal"),
        ({**PUBLIC, "location": "Global", "networkTier": "PREMIUM"}, "spec.networkTier", "always PREMIUM"),
        ({**PUBLIC, "networkTier": "GOLD"}, "spec.networkTier", "PREMIUM, STANDARD"),
        ({**PUBLIC, "globalAccess": True}, "spec.globalAccess", "everywhere"),
        ({"globalAccess": "yes"}, "spec.globalAccess", "true or false"),
        ({"tls": {"profile": "COMPATIBLE"}}, "spec.tls.profile", "MODERN, RESTRICTED"),
        ({"tls": {"minVersion": "TLS_1_0"}}, "spec.tls.minVersion", "TLS_1_2"),
        ({"tls": {"minVersion": "TLS_1_3"}}, "spec.tls.minVersion", "RESTRICTED"),
        ({"tls": {"policy": "p", "profile": "MODERN"}}, "spec.tls.profile", "together"),
        ({"tls": {"policy": "P"}}, "spec.tls.policy", "policy-edge"),
        ({"firewall": "Off"}, "spec.firewall", "Managed, None"),
        ({"nodeTags": ["Gke"]}, "spec.nodeTags[0]", "gke-edge"),
        ({"tags": ["a"]}, "spec.tags", "object"),
        ({"tags": {"Team": "shop"}}, "spec.tags.Team", "lower-case"),
        ({"tags": {"team": "Shop"}}, "spec.tags.team", "lower-case"),
        ({"tags": {"team": 1}}, "spec.tags.team", "quote"),
        ({"tags": {"goog-x": "1"}}, "spec.tags.goog-x", "reserved"),
        ({"tags": {"cloudgw-keys": "1"}}, "spec.tags.cloudgw-keys", "reserved"),
        ({"tags": {f"k{number}": "v" for number in range(51)}}, "spec.tags", "at most 50"),
        ({"deletionBudget": -1}, "spec.deletionBudget", "0 or more"),
        ({"subnet": {}}, "spec.subnet", "is not a field"),
    ],
)
def test_refused(spec: dict[str, Any], path: str, says: str) -> None:
    found = problems(spec)
    assert list(found) == [path]
    assert says in found[path]


def test_all_problems_at_once() -> None:
    assert set(problems({"region": None, "exposure": "Public", "firewall": 1, "colour": "red"})) == {
        "spec.region",
        "spec.allowedSourceRanges",
        "spec.firewall",
        "spec.colour",
    }


def test_another_kind() -> None:
    raw = edge.raw()
    with pytest.raises(ParametersRefused, match="GCPGatewayClassParameters"):
        parameters.parse(type(raw)(meta=raw.meta, kind="AWSGatewayClassParameters", spec=raw.spec))
