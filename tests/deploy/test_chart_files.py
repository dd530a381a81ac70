"""The chart's files, without helm: its schema, its roles against what the controller reads and writes, its copies."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml

from cloudgw.controller import resources
from cloudgw.objects import GATEWAY_GROUP
from cloudgw.sources import catalog
from scripts import chart
from tests.deploy.rendering import CHART, NEEDED, ROOT, rules

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
ABOUT: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
CRDS = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
IRREGULAR = {
    "GatewayClass": "gatewayclasses",
    "BackendTLSPolicy": "backendtlspolicies",
    "BackendPolicy": "backendpolicies",
}
STATUSES = {"GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"}


def granted(**wanted: str) -> set[tuple[str, str, str]]:
    """(API group, resource, verb) of the rules with these attributes."""
    return {
        (group, resource, verb)
        for entry in rules().values()
        if all(entry.get(key) == value for key, value in wanted.items())
        for rule in entry["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def plural(kind: str) -> str:
    return IRREGULAR.get(kind, f"{kind.lower()}s")


def test_the_default_values_and_what_everybody_must_say_satisfy_the_schema() -> None:
    jsonschema_rs.validate(SCHEMA, {**VALUES, **NEEDED, "image": {**VALUES["image"], **NEEDED["image"]}})


@pytest.mark.parametrize("path", [("owner",), ("image", "repository")], ids=".".join)
def test_an_owner_and_an_image_are_asked_for(path: tuple[str, ...]) -> None:
    values = {**VALUES, **NEEDED, path[0]: VALUES[path[0]]}
    with pytest.raises(jsonschema_rs.ValidationError, match=path[-1]):
        jsonschema_rs.validate(SCHEMA, values)


def objects(node: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if "properties" in node:
            yield at, node
        for key, child in node.items():
            yield from objects(child, f"{at}/{key}")


def test_no_unknown_value_is_accepted_but_where_kubernetes_knows_better() -> None:
    open_ = [at for at, node in objects(SCHEMA) if node.get("additionalProperties") is not False]
    assert open_ == ["/properties/extraEnv/items"]


def test_every_value_has_a_default_and_every_default_is_in_the_schema() -> None:
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()
    for name, node in SCHEMA["properties"].items():
        if name != "global" and "properties" in node:
            assert node["properties"].keys() == VALUES[name].keys(), name


def test_no_value_is_a_secret() -> None:
    words = ("password", "secret", "token", "accesskey", "credential", "privatekey")
    names = [at for at, node in objects(SCHEMA) for name in node["properties"] if name.lower() in words]
    assert names == []


def test_every_rule_can_be_left_out_by_its_name() -> None:
    assert SCHEMA["properties"]["rbac"]["properties"]["omit"]["items"]["enum"] == list(rules())


READ = sorted((one.group, one.kind) for one in resources.RESOURCES)


@pytest.mark.parametrize(("group", "kind"), READ, ids=lambda word: word or "core")
def test_every_kind_that_is_read_may_be_read(group: str, kind: str) -> None:
    scope = "watched" if catalog.KINDS[group, kind].namespaced else "cluster"
    assert {(group, plural(kind), verb) for verb in ("get", "list", "watch")} <= granted(scope=scope)


@pytest.mark.parametrize("kind", sorted(STATUSES | {"BackendTLSPolicy"}))
def test_every_status_of_the_gateway_api_may_be_written(kind: str) -> None:
    assert {(GATEWAY_GROUP, f"{plural(kind)}/status", verb) for verb in ("update", "patch")} <= granted()


@pytest.mark.parametrize("crd", CRDS, ids=lambda crd: crd["spec"]["names"]["plural"])
def test_our_kinds_may_be_read_and_their_status_written(crd: dict[str, Any]) -> None:
    names, status = crd["spec"]["names"], "status" in crd["spec"]["versions"][0].get("subresources", {})
    scope = "cluster" if crd["spec"]["scope"] == "Cluster" else "own" if names["kind"] == "GatewayState" else "watched"
    group = crd["spec"]["group"]
    found = granted(scope=scope)
    assert {(group, names["plural"], verb) for verb in ("get", "list", "watch")} <= found
    assert ((group, f"{names['plural']}/status", "patch") in found) is status


def test_nothing_of_other_peoples_objects_may_be_written_but_status_and_finalizer() -> None:
    read = {"get", "list", "watch"}
    written = {(group, what) for group, what, verb in granted() if verb not in read and not what.endswith("/status")}
    assert written == {
        (GATEWAY_GROUP, "gateways"),
        ("cloudgw.dev", "gatewayplans"),
        ("cloudgw.dev", "gatewaystates"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("coordination.k8s.io", "leases"),
    }
    assert {verb for group, what, verb in granted() if (group, what) == (GATEWAY_GROUP, "gateways")} == read | {"patch"}


def test_planning_may_not_put_a_finalizer_on_anything() -> None:
    assert {entry["mode"] for entry in rules().values() if "mode" in entry} == {"apply"}
    assert rules()["finalizer"]["mode"] == "apply"


def test_no_rule_is_a_wildcard() -> None:
    assert not [one for one in granted() if "*" in one]


def test_what_the_chart_copies_is_as_it_is_elsewhere() -> None:
    wanted = chart.copies()
    there = {path: path.read_text() if path.exists() else "" for path in wanted}
    assert [path.name for path in wanted if there[path] != wanted[path]] == [], "run python scripts/chart.py"
    assert {path.name for path in (chart.FILES / "crds").iterdir()} == {path.name for path in chart.CRDS.glob("*.yaml")}


def test_the_chart_is_of_the_version_that_it_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ABOUT["appVersion"] == project["version"]


def test_the_chart_tells_artifact_hub_what_it_is() -> None:
    annotations = ABOUT["annotations"]
    assert annotations["artifacthub.io/operator"] == "true"
    assert all(item.keys() == {"kind", "description"} for item in yaml.safe_load(annotations["artifacthub.io/changes"]))
    listed = {item["kind"] for item in yaml.safe_load(annotations["artifacthub.io/crds"])}
    assert listed == {crd["spec"]["names"]["kind"] for crd in CRDS}
    for item in yaml.safe_load(annotations["artifacthub.io/crds"]):
        assert item["version"] == "v1alpha1"
        assert item["name"].endswith(".cloudgw.dev")


def test_the_gateway_api_is_not_in_the_chart() -> None:
    assert not [crd for crd in CRDS if crd["spec"]["group"] != "cloudgw.dev"]
