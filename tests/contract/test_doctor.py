"""`cloudgw doctor` against the three local clouds, as a person runs it: what is missing is named, with its fix."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
from typing import Any
from unittest import mock

import aws_ground
import azure_ground
import gcp_ground
import pytest
import whole_life

from cloudgw.cli import doctor, main
from cloudgw.objects import CustomResourceDefinition, Meta, Snapshot
from cloudgw.provider import UNHOOKED, Finding
from cloudgw.testing import worlds
from cloudgw_aws import checks as aws_checks
from cloudgw_azure import checks as azure_checks
from cloudgw_gcp import checks as gcp_checks
from cloudgw_local import aws, azure, gcp
from cloudgw_local.aws import world as aws_world
from cloudgw_local.gcp import names as gcp_names
from cloudgw_local.gcp import start

CLOUDS = sorted(whole_life.GROUNDS)
LOCALS = {"aws": aws.LOCAL, "azure": azure.LOCAL, "gcp": gcp.LOCAL}
PARAMETERS = {"aws": aws_ground.parameters, "azure": azure_ground.parameters, "gcp": gcp_ground.parameters}


class Room:
    """A folder with a class, its parameters and a Gateway, on a local cloud. spec: over the Ground's."""

    def __init__(self, name: str, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = name
        self.folder = folder
        self.cloud = whole_life.connected(name, UNHOOKED, monkeypatch)
        running = aws_ground.running() if name == "aws" else self.cloud.running
        self.env = {**LOCALS[name].env(running.endpoint)}
        self.env.pop("CLOUDGW_CLOCK")

    def run(self, *more: str, **spec: Any) -> tuple[int, list[dict[str, str]], str]:
        """(exit code, findings, text of standard error)."""
        raw = PARAMETERS[self.name](worlds.BASE)
        api, meta = "gateway.networking.k8s.io/v1", {"name": "c"}
        ref = {"group": "cloudgw.dev", "kind": raw.kind, "name": "c"}
        own = {"apiVersion": "cloudgw.dev/v1alpha1", "kind": raw.kind, "metadata": meta}
        listener = {"name": "web", "protocol": "HTTP", "port": 80}
        items: list[dict[str, Any]] = [
            {
                "apiVersion": api,
                "kind": "GatewayClass",
                "metadata": meta,
                "spec": {"controllerName": "cloudgw.dev/gateway-controller", "parametersRef": ref},
            },
            {**own, "spec": {**raw.spec, **spec}},
            {
                "apiVersion": api,
                "kind": "Gateway",
                "metadata": {"name": "edge", "namespace": "shop"},
                "spec": {"gatewayClassName": "c", "listeners": [listener]},
            },
        ]
        (self.folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.env),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main.main(["doctor", "-f", "all.json", "--owner", "dev", "--output", "json", *more])
        return code, json.loads(out.getvalue() or "{}").get("findings", []), err.getvalue()


@pytest.fixture
def room(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    return Room(request.param, tmp_path, monkeypatch)


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("room", names or CLOUDS, indirect=True)


def of(findings: list[dict[str, str]], level: str, check: str = "") -> list[str]:
    return [one["message"] for one in findings if one["level"] == level and check in ("", one["check"])]


@on()
def test_all_is_well(room: Room) -> None:
    room.cloud.control.permissions(whole_life.role(room.name, "controller"))
    before = room.cloud.everything()
    code, findings, _ = room.run()
    assert (code, of(findings, "error")) == (0, [])
    unread = [one for one in of(findings, "warning") if "nsg-appgw" in one]  # nobody may read it
    assert of(findings, "warning") == unread
    checks = {one["check"] for one in findings}
    assert checks == {"identity", "listing", "permissions", "subnets", "quotas", "way to pods"}
    assert room.cloud.everything() == before


@on()
def test_who_may_only_plan_is_told_so(room: Room) -> None:
    room.cloud.control.permissions(whole_life.role(room.name, "plan-only"))
    code, findings, _ = room.run()
    assert (code, of(findings, "error")) == (0, [])
    warned = of(findings, "warning", "permissions")
    wanted = {"aws": "ec2:CreateSecurityGroup", "azure": "applicationGateways/write", "gcp": "regionUrlMaps.create"}
    assert any(wanted[room.name] in one and "apply will be refused" in one for one in warned)
    assert all(one["fix"] for one in findings if one["level"] == "warning")


READS = {
    "aws": "ReadLoadBalancers elasticloadbalancing:DescribeTargetGroups",
    "azure": "Microsoft.Network/publicIPAddresses/read",
    "gcp": "compute.urlMaps.list",
}


@on()
def test_a_missing_read_is_an_error_that_names_it(room: Room) -> None:
    from test_permissions import without

    role = without(room.name, whole_life.role(room.name, "plan-only"), READS[room.name])
    room.cloud.control.permissions(role)
    code, findings, _ = room.run()
    assert code == 2
    action = READS[room.name].rpartition(" ")[2]
    assert any(action in one for one in of(findings, "error"))
    assert all(one["fix"] for one in findings if one["check"] in ("listing", "permissions") and one["level"] != "ok")


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("aws", {"vpcId": "vpc-0000000000000dead"}, "Availability Zones"),
    ("azure", {"subnet": {"virtualNetwork": "vnet-edge", "name": "no"}}, "has no subnet no"),
    ("gcp", {"network": {"name": "net-closed"}, "subnetwork": {"name": "subnet-closed"}}, "proxy-only subnet"),
]


@pytest.mark.parametrize(("room", "spec", "said"), WRONG, indirect=["room"])
def test_networks_that_are_not_there(room: Room, spec: dict[str, Any], said: str) -> None:
    code, findings, _ = room.run(**spec)
    assert code == 2
    assert any(said in one for one in of(findings, "error", "facts"))


@on()
def test_a_cloud_that_cannot_be_reached(room: Room) -> None:
    room.env[LOCALS[room.name].endpoint] = "http://127.0.0.1:9"
    code, findings, _ = room.run()
    assert code == 2
    (line,) = [one for one in findings if one["level"] == "error"]
    assert line["check"] in ("identity", "listing")
    assert line["where"].startswith(room.name)


@on()
def test_wrong_parameters_are_an_error_with_their_place(room: Room) -> None:
    code, findings, _ = room.run(exposure="Everybody")
    assert code == 2
    assert any("exposure" in one for one in of(findings, "error", "parameters"))


@on("azure", "gcp")
def test_quotas(room: Room) -> None:
    full = {"azure": "limit_application_gateways", "gcp": "quota_url_maps"}[room.name]
    room.cloud.control.settings(**{full: 0})
    code, findings, _ = room.run()
    assert code == 2
    assert any("0 of 0 used" in one for one in of(findings, "error", "quotas"))


@on("aws")
def test_quotas_of_aws(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_checks, "NEARLY", 0.0)
    code, findings, _ = room.run()
    assert (code, len(of(findings, "warning", "quotas"))) == (0, 2)


@on("aws")
def test_subnets_of_aws_without_room(room: Room) -> None:
    room.cloud.control.cloud.world.subnets[aws_world.SUBNET_A].free_addresses = 7
    code, findings, _ = room.run()
    assert code == 2
    (said,) = of(findings, "error", "subnets")
    assert said.startswith(f"{aws_world.SUBNET_A}: fewer than 8 free addresses")


@on("aws")
def test_ways_of_aws(room: Room) -> None:
    code, findings, _ = room.run(backendSecurityGroups=[])
    assert (code, len(of(findings, "warning", "way to pods"))) == (0, 1)
    code, findings, _ = room.run(backendSecurityGroups=["sg-0000000000000dead"])
    assert code == 2
    assert any("sg-0000000000000dead, which cannot be seen" in one for one in of(findings, "error", "way to pods"))


@on("gcp")
def test_ways_of_google(room: Room) -> None:
    code, findings, _ = room.run(firewall="None")
    assert code == 2
    (said,) = of(findings, "error", "way to pods")
    assert all(block in said for block in ("130.211.0.0/22", "35.191.0.0/16", "10.129.0.0/23"))
    rule = {
        "network": f"{gcp_names.ROOT}projects/{gcp.PROJECT}/global/networks/{gcp.NETWORK}",
        "direction": "INGRESS",
        "allowed": [{"IPProtocol": "tcp"}],
        "sourceRanges": ["130.211.0.0/22", "35.191.0.0/16", "10.128.0.0/9"],
    }
    start.plant(room.cloud.control.cloud.world, start.at("global", "firewalls", "probes"), rule)
    code, findings, _ = room.run(firewall="None")
    assert (code, len(of(findings, "ok", "way to pods"))) == (0, 1)


@on("azure")
def test_a_subnet_of_azure_that_others_live_in(room: Room) -> None:
    for one in room.cloud.control.cloud.world.of_type("virtualNetworks"):
        for subnet in one.document["properties"]["subnets"]:
            if subnet["name"] == "snet-appgw":
                service = {"serviceName": "Microsoft.ContainerInstance/containerGroups"}
                subnet["properties"]["delegations"] = [{"name": "theirs", "properties": service}]
                subnet["properties"]["addressPrefix"] = "10.0.1.0/29"
    code, findings, _ = room.run()
    assert code == 2
    assert any("containerGroups" in one for one in of(findings, "error", "subnets"))
    assert any("room for" in one and "capacity.max" in one for one in of(findings, "warning", "subnets"))


def definitions(*bundles: str) -> dict[str, Any]:
    found = {
        ("", f"{number}.gateway.networking.k8s.io"): CustomResourceDefinition(
            meta=Meta(name=f"{number}.gateway.networking.k8s.io"), bundle=bundle, channel="standard"
        )
        for number, bundle in enumerate(bundles)
    }
    return {"CustomResourceDefinition": found}


INSTALLED = frozenset({"GatewayClass", "Gateway", "HTTPRoute", "AWSGatewayClassParameters"})


@pytest.mark.parametrize(
    ("bundles", "complete", "levels", "said"),
    [
        (("v1.6.1",), INSTALLED, ["ok", "ok"], "Gateway API v1.6.1 standard"),
        (("v0.8.0",), INSTALLED, ["warning", "ok"], "v0.8.0, which is not known"),
        ((), INSTALLED, ["warning", "ok"], "its version cannot be seen"),
        (("v1.6.1",), INSTALLED - {"HTTPRoute"}, ["error", "ok"], "HTTPRoute of the Gateway API cannot be listed"),
        (
            ("v1.6.1",),
            INSTALLED - {"AWSGatewayClassParameters"},
            ["ok", "error"],
            "no kind of parameters of cloudgw.dev",
        ),
    ],
)
def test_definitions(bundles: tuple[str, ...], complete: frozenset[str], levels: list[str], said: str) -> None:
    snapshot = Snapshot(objects=definitions(*bundles), complete=complete)
    found = list(doctor._cluster(snapshot, True))
    assert [one.level for one in found] == levels
    assert any(said in one.message for one in found)
    assert all(one.fix for one in found if one.level != "ok")
    assert list(doctor._cluster(snapshot, False)) == []


@on("aws")
def test_text_has_one_line_for_each_check(room: Room) -> None:
    _, findings, _ = room.run(backendSecurityGroups=[])
    lines = [
        doctor.Line(
            where=one["where"],
            finding=Finding(level=one["level"], check=one["check"], message=one["message"], fix=one.get("fix", "")),  # type: ignore[arg-type]
        )
        for one in findings
    ]
    head, *rest, last = doctor.text(lines)
    assert head.startswith("aws/")
    assert len(rest) == len(findings)
    assert all(line.split()[0] in doctor.LEVELS for line in rest)
    assert any("; fix: name the security groups" in line for line in rest)
    assert last == f"0 errors, 1 warnings, {len(findings) - 1} ok"


def test_without_input_it_says_what_it_needs(tmp_path: pathlib.Path) -> None:
    err = io.StringIO()
    with contextlib.chdir(tmp_path), contextlib.redirect_stderr(err):
        assert main.main(["doctor", "--owner", "dev"]) == 1
    assert "give -f" in err.getvalue()


def test_the_tables_are_those_of_the_roles() -> None:
    """What doctor asks for is what the roles grant."""

    def granted(cloud: str, name: str) -> set[str]:
        role = whole_life.role(cloud, name)
        return set(role["Actions" if cloud == "azure" else "includedPermissions"])

    reads = {*azure_checks.READS}
    writes = {*azure_checks.WRITES, *azure_checks.PUBLIC, *azure_checks.FIREWALL, *azure_checks.IDENTITY}
    assert (granted("azure", "plan-only"), granted("azure", "controller")) == (reads, reads | writes)
    every = set(gcp_checks.permissions(gcp_checks.SHARED, gcp_checks.GLOBAL, gcp_checks.REGIONAL))
    assert granted("gcp", "controller") == every
    assert granted("gcp", "plan-only") == {one for one in every if gcp_checks.is_read(one)}
