"""The definitions in crds/ and what the providers' parsers accept are two opinions, written apart: here they are one.

Also the conventions that tools look for. `tests/cluster/test_crds.py` asks a real API server.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cloudgw import fields
from cloudgw import provider as providers
from cloudgw.admission import rules
from cloudgw.controller import names
from cloudgw.graph import memory
from cloudgw.objects import Meta, Parameters
from cloudgw.provider import ParametersRefused
from cloudgw_aws import parameters as aws
from cloudgw_azure import parameters as azure
from cloudgw_gcp import parameters as gcp
from scripts import crds
from tests.unit import definitions

PARSERS: dict[str, Any] = {"AWS": aws, "Azure": azure, "GCP": gcp}
LEAST: dict[str, dict[str, Any]] = {
    "AWS": {"region": "eu-west-1", "vpcId": "vpc-0a"},
    "Azure": {
        "resourceGroup": "rg",
        "location": "westeurope",
        "subnet": {"virtualNetwork": "vnet", "name": "snet"},
    },
    "GCP": {"region": "europe-west1", "network": {"name": "net"}, "subnetwork": {"name": "sub"}},
}
# What a Gateway may never choose, whatever its class lists.
NEVER = {
    *("accountId", "subscriptionId", "projectId", "resourceGroup", "region", "location", "identityIds", "identity"),
    *("deletionBudget", "approval", "overridable", "vpcId", "backendSecurityGroups", "firewall"),
}
# Rules of a parser that no schema can say: kept here by name.
BEYOND_SCHEMAS = (
    "their keys together at most",  # AWS: all keys have to be written into one tag
)


def of_class(cloud: str) -> str:
    return f"{cloud}GatewayClassParameters"


def of_gateway(cloud: str) -> str:
    return f"{cloud}GatewayParameters"


def parsed(cloud: str, spec: Any) -> list[tuple[str, str]]:
    """The problems that the provider finds."""
    try:
        PARSERS[cloud].parse(Parameters(meta=Meta(name="x"), kind=of_class(cloud), spec=spec))
    except ParametersRefused as refused:
        return list(refused.problems)
    return []


def everywhere(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from everywhere(below, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from everywhere(schema[word], f"{path}[]")


def test_the_files_are_what_the_script_writes() -> None:
    written = dict(crds.files())
    assert {path.name: path.read_text() for path in definitions.FOLDER.iterdir()} == written
    assert len(written) == 9


@pytest.mark.parametrize("kind", definitions.documents())
def test_a_definition_keeps_to_the_conventions(kind: str) -> None:
    document = definitions.documents()[kind]
    spec = document["spec"]
    (version,) = spec["versions"]
    assert (spec["group"], version["name"]) == (names.GROUP, names.VERSION)
    assert spec["names"]["categories"] == ["cloudgw"]
    assert spec["names"]["shortNames"]
    assert document["metadata"]["name"] == f"{spec['names']['plural']}.{names.GROUP}"
    assert names.PLURALS.get(kind, spec["names"]["plural"]) == spec["names"]["plural"]
    assert spec["scope"] == ("Cluster" if kind.endswith("ClassParameters") else "Namespaced")
    columns = [column["name"] for column in version["additionalPrinterColumns"]]
    assert columns[-1] == "Age"
    if kind != names.STATE:
        assert version["subresources"] == {"status": {}}
        status = definitions.schema(kind)["properties"]["status"]["properties"]
        assert {"observedGeneration", "conditions"} <= set(status)
        assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    if kind not in (names.STATE, names.PLAN):
        assert columns[:2] == ["Ready", "Reason"]
    labels = {"gateway.networking.k8s.io/policy": "Direct"} if kind == names.POLICY else {}
    assert document["metadata"].get("labels", {}) == labels


def test_short_names_and_plurals_are_told_apart() -> None:
    every = [one["spec"]["names"] for one in definitions.documents().values()]
    words = [word for one in every for word in (*one["shortNames"], one["plural"])]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("kind", definitions.documents())
def test_every_field_is_explained_bounded_and_anchored(kind: str) -> None:
    for path, node in everywhere(definitions.schema(kind)):
        if path != ".metadata":
            assert len(node.get("description", "")) > 5, path
            assert node["description"].endswith("."), path
        assert node["type"] != "array" or "maxItems" in node, path
        assert "pattern" not in node or re.fullmatch(r"\^.*\$", node["pattern"]), path
        for rule in node.get("x-kubernetes-validations", ()):
            assert re.search(r"[:;]| must be ", f" {rule['message']}"), f"{path}: {rule['message']} names no fix"


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_the_schema_has_the_fields_that_are_parsed_and_no_other(cloud: str) -> None:
    found = 0
    for path, node in everywhere(definitions.spec(of_class(cloud)), "spec"):
        if "properties" not in node:
            continue
        *above, last = path.split(".")[1:] or [""]
        spec: dict[str, Any] = {"other": 1} if not last else {last: {"other": 1}}
        for name in reversed(above):
            spec = {name: spec}
        (said,) = [reason for where, reason in parsed(cloud, spec) if where == f"{path}.other"]
        assert set(said.partition("known here: ")[2].split(", ")) == set(node["properties"]), path
        found += 1
    assert found >= 3


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_a_default_is_what_the_parser_takes_for_nothing(cloud: str) -> None:
    parse = PARSERS[cloud].parse
    found = set()
    for path, node in everywhere(definitions.spec(of_class(cloud))):
        if "default" in node:
            given = copy.deepcopy(LEAST[cloud])
            *above, last = path.split(".")[1:]
            below = given
            for name in above:
                below = below.setdefault(name, {})
            without = parse(Parameters(meta=Meta(name="x"), kind=of_class(cloud), spec=copy.deepcopy(given)))
            below[last] = node["default"]
            assert parse(Parameters(meta=Meta(name="x"), kind=of_class(cloud), spec=given)) == without, path
            found.add(path)
    assert {".exposure", ".approval", ".driftPolicy", ".deletionPolicy"} <= found


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_a_gateway_may_hold_a_part_of_its_class_without_defaults(cloud: str) -> None:
    whole, own = definitions.spec(of_class(cloud)), definitions.spec(of_gateway(cloud))
    assert set(own["properties"]) == set(PARSERS[cloud].OWN)
    assert not set(own["properties"]) & NEVER
    assert set(whole["properties"]["overridable"]["items"]["enum"]) == set(own["properties"])
    assert not own.get("required")
    assert not own.get("x-kubernetes-validations")
    assert [path for path, node in everywhere(own) if "default" in node] == []
    for name, node in own["properties"].items():
        theirs = copy.deepcopy(whole["properties"][name])
        for _, below in everywhere(theirs):
            below.pop("default", None)
        assert node == theirs, name


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
def test_the_settings_in_common_are_read_on_every_cloud(cloud: str) -> None:
    def of(**more: Any) -> providers.Settings:
        raw = Parameters(meta=Meta(name="x"), kind=of_class(cloud), spec={**LEAST[cloud], **more})
        found: providers.Settings = PARSERS[cloud].parse(raw).settings
        return found

    plain = of()
    assert (plain.approval, plain.drift_policy, plain.deletion_policy, plain.deletion_budget) == (
        *("Dangerous", "Repair", "Delete"),
        None,
    )
    found = of(approval="Always", driftPolicy="Report", deletionPolicy="Retain", deletionBudget=0)
    assert (found.approval, found.drift_policy, found.deletion_policy, found.deletion_budget) == (
        *("Always", "Report", "Retain"),
        0,
    )
    words = definitions.spec(of_class(cloud))["properties"]
    assert set(words["approval"]["enum"]) == set(get_args(providers.Approval))
    assert set(words["driftPolicy"]["enum"]) == set(get_args(providers.DriftPolicy))
    assert set(words["deletionPolicy"]["enum"]) == set(get_args(providers.DeletionPolicy))
    assert set(fields.COMMON) <= set(words)


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # what is drawn is small, and to shrink it takes minutes
)
@given(data=st.data())
def test_what_the_definition_lets_in_is_what_the_parser_accepts(cloud: str, data: st.DataObject) -> None:
    spec = data.draw(definitions.nearly(of_class(cloud)))
    agreed(cloud, {**LEAST[cloud], **spec} if data.draw(st.integers(0, 3)) else spec)


def agreed(cloud: str, spec: dict[str, Any]) -> bool:
    """Whether both take it; fails where they differ."""
    server = definitions.problems(of_class(cloud), {"spec": spec})
    ours = parsed(cloud, spec)
    beyond = [reason for _, reason in ours if any(rule in reason for rule in BEYOND_SCHEMAS)]
    assert bool(server) == (len(ours) > len(beyond)), (spec, server, ours)
    return not server


EXAMPLES: list[tuple[str, dict[str, Any], bool]] = [
    ("AWS", {}, True),
    ("AWS", {"exposure": "Public"}, False),
    ("AWS", {"exposure": "Public", "allowedSourceRanges": []}, False),
    ("AWS", {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0", "2001:db8::/32"]}, True),
    ("AWS", {"allowedSourceRanges": ["10.0.0.1/8"]}, False),
    ("AWS", {"allowedSourceRanges": ["10.0.0.1"]}, False),
    ("AWS", {"allowedSourceRanges": ["2001:0db8::/32"]}, False),
    ("AWS", {"allowedSourceRanges": ["10.0.0.0/8", "10.0.0.0/8"]}, False),
    ("AWS", {"allowedSourceRanges": [f"10.0.{number}.0/24" for number in range(64)]}, True),
    ("AWS", {"allowedSourceRanges": [f"10.0.{number}.0/24" for number in range(65)]}, False),
    ("AWS", {"subnets": {"ids": ["subnet-0a", "subnet-0b"]}}, True),
    ("AWS", {"subnets": {"ids": ["subnet-0a"]}}, False),
    ("AWS", {"subnets": {"ids": ["subnet-0a", "subnet-0b"], "roleTag": "auto"}}, False),
    ("AWS", {"accountId": 123456789012}, False),
    ("AWS", {"tags": {"AWS:x": "1"}}, False),
    ("AWS", {"tags": {"Kosten stelle": "é 1"}}, True),
    ("AWS", {"tags": {str(number): "" for number in range(21)}}, False),
    ("AWS", {"overridable": ["exposure", "tags"]}, True),
    ("AWS", {"overridable": ["region"]}, False),
    ("AWS", {"approval": "Sometimes"}, False),
    ("AWS", {"deletionBudget": -1}, False),
    ("Azure", {}, True),
    ("Azure", {"exposure": "Public"}, False),
    ("Azure", {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}, True),
    ("Azure", {"exposure": "Public", "allowedSourceRanges": ["10.0.0.0/8"]}, False),
    ("Azure", {"allowedSourceRanges": ["0.0.0.0/0"]}, False),
    ("Azure", {"allowedSourceRanges": []}, True),
    ("Azure", {"exposure": "Public", "allowedSourceRanges": []}, False),
    ("Azure", {"sku": "WAF_v2"}, False),
    ("Azure", {"firewallPolicyId": ""}, True),
    ("Azure", {"subnetId": ""}, True),
    ("Azure", {"capacity": {"min": 5, "max": 4}}, False),
    ("Azure", {"capacity": {"min": 50}}, True),
    ("Azure", {"notFoundBackend": {"address": "10.0.0.1", "port": 80}}, True),
    ("Azure", {"notFoundBackend": {"address": "10.0.0.256", "port": 80}}, False),
    ("Azure", {"notFoundBackend": {"address": "404.example.com", "port": 80}}, True),
    ("Azure", {"notFoundBackend": {"address": "404.example.com"}}, False),
    ("Azure", {"tags": {"team": "a", "Team": "b"}}, False),
    ("Azure", {"tags": {"a/b": "c"}}, False),
    ("Azure", {"tags": {"a\\b": "c"}}, False),
    ("Azure", {"resourceGroup": "rg-é"}, True),
    ("Azure", {"resourceGroup": "rg."}, False),
    ("GCP", {}, True),
    ("GCP", {"location": "Global"}, False),
    ("GCP", {"location": "Global", "exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}, True),
    ("GCP", {"networkTier": "PREMIUM"}, False),
    ("GCP", {"networkTier": "STANDARD", "exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}, True),
    ("GCP", {"globalAccess": True}, True),
    ("GCP", {"globalAccess": True, "exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}, False),
    ("GCP", {"tls": {"minVersion": "TLS_1_3"}}, False),
    ("GCP", {"tls": {"minVersion": "TLS_1_3", "profile": "RESTRICTED"}}, True),
    ("GCP", {"tls": {"policy": "edge", "profile": "RESTRICTED"}}, False),
    ("GCP", {"zones": []}, False),
    ("GCP", {"zones": ["europe-west1-b"]}, True),
    ("GCP", {"zones": ["europe-west2-b"]}, False),
    ("GCP", {"tags": {"google": "x"}}, False),
    ("GCP", {"projectId": "example.com:shop-edge"}, True),
]


@pytest.mark.parametrize(("cloud", "more", "taken"), EXAMPLES)
def test_rules_by_example(cloud: str, more: dict[str, Any], taken: bool) -> None:
    assert agreed(cloud, {**LEAST[cloud], **more}) is taken


@pytest.mark.parametrize("cloud", definitions.CLOUDS)
@pytest.mark.parametrize("field", ["region", "location", "network", "vpcId", "subnet", "resourceGroup"])
def test_what_is_needed_is_needed_for_both(cloud: str, field: str) -> None:
    if field in LEAST[cloud]:
        assert not agreed(cloud, {name: value for name, value in LEAST[cloud].items() if name != field})


def test_every_rule_compiles() -> None:
    found = 0
    for kind in definitions.documents():
        for _, node in everywhere(definitions.schema(kind)):
            for rule in node.get("x-kubernetes-validations", ()):
                definitions.ENGINE.compile(rule["rule"])  # raises ValueError
                found += 1
    assert found > 20
    assert isinstance(rules.default_engine(), rules.Cpp)


def test_a_state_holds_a_diary_whole() -> None:
    spec = definitions.spec(names.STATE)["properties"]
    assert {one.name for one in dataclasses.fields(memory.Diary)} | {"placement"} == set(
        spec["diaries"]["items"]["properties"]
    )
    assert set(spec) >= {"gateway", "placements", "diaries", "approved", "version", "inputs", "released"}


GATEWAY = {"namespace": "shop", "name": "web", "uid": "1"}
DIARY = {
    "placement": "aws/1/eu-west-1",
    "retired": {"shop/web/aws/lb~1": 1.5},
    "published": {"shop/web/aws/lb": {"incarnation": "1", "since": 2}},
    "deletions": [1, 2.25],
    "operations": {"g": "op"},
}
PLAN = {"placement": "aws/1/eu-west-1", "digest": "0123456789abcdef", "dangerous": [{"change": "delete x"}]}
BODIES: list[tuple[str, dict[str, Any], str]] = [
    (names.PLAN, {}, ""),
    (names.PLAN, {"spec": {"approvedDigests": ["0123456789abcdef"]}}, ""),
    (names.PLAN, {"spec": {"approvedDigests": ["0123456789ABCDEF"]}}, "/spec/approvedDigests/0"),
    (names.PLAN, {"spec": {"approvedDigests": ["0123456789abcdef"] * 2}}, "/spec/approvedDigests/1"),
    (names.PLAN, {"spec": {"approved": []}}, "/spec/approved: unknown"),
    (names.STATE, {"spec": {"gateway": GATEWAY, "placements": ["aws/1/eu-west-1"], "diaries": [DIARY]}}, ""),
    (names.STATE, {}, "/spec: is missing"),
    (names.STATE, {"spec": {"gateway": {"name": "web"}}}, "/spec/gateway/namespace"),
    (names.STATE, {"spec": {"gateway": GATEWAY, "diaries": [DIARY, DIARY]}}, "/spec/diaries/1"),
    (names.STATE, {"spec": {"gateway": GATEWAY, "diaries": [{**DIARY, "retired": {"x": "soon"}}]}}, "/retired/x"),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}]}}, ""),
    (names.POLICY, {"spec": {"targetRefs": []}}, "/spec/targetRefs"),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}, {"name": "web"}]}}, "names a target twice"),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}, {"name": "web", "sectionName": "http"}]}}, ""),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web", "kind": "Deployment"}]}}, "/spec/targetRefs/0/kind"),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}], "healthCheck": {"path": "healthz"}}}, "/path"),
    (
        names.POLICY,
        {"spec": {"targetRefs": [{"name": "web"}], "healthCheck": {"intervalSeconds": 5, "timeoutSeconds": 6}}},
        "timeoutSeconds is more than intervalSeconds",
    ),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}], "healthCheck": {"statusCodes": ["200-299"]}}}, ""),
    (names.POLICY, {"spec": {"targetRefs": [{"name": "web"}], "healthCheck": {"statusCodes": ["2xx"]}}}, "/0"),
    (
        names.POLICY,
        {"spec": {"targetRefs": [{"name": "web"}], "affinity": {"type": "ClientIP", "ttlSeconds": 60}}},
        "of type Cookie alone",
    ),
]


@pytest.mark.parametrize(("kind", "body", "wrong"), BODIES)
def test_bodies_of_the_other_kinds(kind: str, body: dict[str, Any], wrong: str) -> None:
    found = definitions.problems(kind, body)
    assert wrong in " ".join(found) if wrong else not found


def test_a_status_of_a_plan_fits() -> None:
    """A status is checked as any other field: by the same words."""
    status = definitions.schema(names.PLAN)["properties"]["status"]["properties"]
    plan = status["plans"]["items"]
    assert set(PLAN) <= set(plan["properties"])
    assert set(plan["required"]) == {"placement", "digest"}
    assert status["phase"]["enum"] == ["Empty", "Waiting", "Pending", "Approved"]
