"""external-dns reads our statuses and keeps records, in its memory: those of routes, of ListenerSets, and on a bad day.

Its provider `inmemory` writes what it does into its log. https://kubernetes-sigs.github.io/external-dns/latest/docs/sources/gateway/
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cloudgw_local.cluster import build
from tests.beside import programs
from tests.cluster import able
from tests.controller import manifests
from tests.controller.manifests import API, document
from tests.controller.stage import Stage, condition, free_port, until

pytestmark = pytest.mark.cluster
PATIENCE = 120.0  # seconds; on a machine with nothing else to do, a tenth
Records = dict[str, tuple[str, str]]  # hostname -> type and target
LINE = re.compile(r"(CREATE|DELETE|UPDATE \((?:old|new)\)): (\S+) \d+ IN (\S+)\s+(\S+) \[")
SETS = "gateway.networking.k8s.io/v1"


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return build.tools(build.EXTERNAL_DNS) / "external-dns"
    except build.BuildError as problem:
        able.refuse(f"external-dns is not built: {str(problem).splitlines()[0]}")


def command(program: Path, stage: Stage, *more: str) -> list[str]:
    return [
        str(program), "--source=gateway-httproute", "--gateway-listener-sets", "--provider=inmemory",
        "--inmemory-zone=example.com", "--registry=noop", "--policy=sync", "--log-level=debug",
        f"--kubeconfig={stage.cluster.kubeconfig}", f"--metrics-address=127.0.0.1:{free_port()}", *more,
    ]  # fmt: skip


def changes(text: str) -> list[tuple[str, str, str, str]]:
    """What it did: verb, hostname, type, target; without the quotes and escapes of its log."""
    return LINE.findall(text)


def once(program: Path, stage: Stage) -> Records:
    """The records that one run makes in an empty zone."""
    done = subprocess.run(command(program, stage, "--once"), capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return {name: (kind, target) for verb, name, kind, target in changes(said) if verb == "CREATE"}


def address(stage: Stage, name: str) -> tuple[str, str]:
    """Type of the record and target that the one address of a Gateway means."""
    (found,) = (stage.gateway("shop", name) or {})["status"]["addresses"]
    return ("CNAME" if found["type"] == "Hostname" else "A", found["value"])


def listener_set(namespaces: str) -> list[dict[str, Any]]:
    """A Gateway that lets ListenerSets join from these namespaces, a set of another team, and its route."""
    gateway = manifests.gateway("edge", allowedListeners={"namespaces": {"from": namespaces}})
    entry = {"name": "team", "protocol": "HTTP", "port": 8080, "hostname": "team.example.com"}
    spec = {"parentRef": {"name": "edge", "namespace": "shop"}, "listeners": [entry]}
    own = document(SETS, "ListenerSet", "team", "payments", spec=spec)
    route = manifests.route("team", namespace="payments")
    route["spec"] |= {"parentRefs": [{"kind": "ListenerSet", "name": "team"}], "hostnames": ["team.example.com"]}
    route["spec"]["parentRefs"][0]["group"] = "gateway.networking.k8s.io"
    return [gateway, own, *manifests.service(namespace="payments"), route]


def test_records_lead_to_the_addresses(stage: Stage, program: Path) -> None:
    """A name on AWS is a CNAME, an address on Google Cloud an A; a route that is refused gets none."""
    stage.start().wait_leads(PATIENCE)
    stage.apply(*manifests.of_class(), *manifests.of_class("gcp", "gcp"), *manifests.service())
    stage.apply(manifests.gateway("edge"), manifests.gateway("edge-gcp", "gcp"))
    stage.apply(manifests.route("web", "edge"))
    other = manifests.route("other", "edge-gcp")
    other["spec"]["hostnames"] = ["other.example.com"]
    refused = manifests.route("refused", "edge-gcp", service="web")
    refused["spec"] |= {"hostnames": ["refused.example.com"], "parentRefs": [{"name": "edge-gcp", "sectionName": "no"}]}
    stage.apply(other, refused)
    for name in ("edge", "edge-gcp"):
        stage.programmed("shop", name, PATIENCE)
    wanted = {"shop.example.com": address(stage, "edge"), "other.example.com": address(stage, "edge-gcp")}
    assert {kind for kind, _ in wanted.values()} == {"CNAME", "A"}
    until(lambda: once(program, stage) == wanted, "the records are those of the accepted routes", PATIENCE, 1)


def test_a_listener_set_is_asked_on_both_levels(stage: Stage, program: Path) -> None:
    """The set and its listener are accepted, and the addresses are its Gateway's; a set that may not join gets none."""
    stage.start().wait_leads(PATIENCE)
    stage.apply(*manifests.of_class(), *listener_set("All"))
    stage.programmed("shop", "edge", PATIENCE)
    until(lambda: _accepted(stage) == ("True", "True"), "the set and its listener are accepted", PATIENCE)
    until(lambda: once(program, stage) == {"team.example.com": address(stage, "edge")}, "its record", PATIENCE, 1)
    stage.apply(*listener_set("Same"))
    until(lambda: _accepted(stage)[0] == "False", "it may not join any more", PATIENCE)
    until(lambda: once(program, stage) == {}, "no record", PATIENCE, 1)


def _accepted(stage: Stage) -> tuple[str, str]:
    """Of the set, and of its listener."""
    found = stage.get(SETS, "ListenerSet", "payments", "team") or {}
    listeners = found.get("status", {}).get("listeners", ())
    of_listener = condition(listeners[0], "Accepted").get("status", "") if listeners else ""
    return condition(found, "Accepted").get("status", ""), of_listener


def test_a_record_outlives_a_bad_day(stage: Stage, program: Path, tmp_path: Path) -> None:
    """The cloud cannot be reached, the controller starts anew, the Gateway is changed meanwhile: the record stays. It
    goes with its route alone."""
    controller = stage.start()
    controller.wait_leads(PATIENCE)
    stage.apply(*manifests.of_class(), *manifests.shop())
    stage.programmed("shop", "edge", PATIENCE)
    before, log = address(stage, "edge"), tmp_path / "external-dns.log"
    with programs.running(command(program, stage, "--interval=1s"), log):
        created = ("CREATE", "shop.example.com", *before)
        until(lambda: changes(log.read_text()) == [created], f"it makes the record; see {log}", PATIENCE)
        stage.clouds["aws"].ask("POST", "faults", {"operation": "*", "kind": "refuse-before", "times": 1_000_000})
        http = {"protocol": "HTTP", "port": 80}
        two = [{"name": "http", **http}, {"name": "more", "hostname": "more.example.com", **http}]
        stage.patch(API, "Gateway", "shop", "edge", {"spec": {"listeners": two}})
        until(lambda: _degraded(stage) == "CloudNotReached", "the Gateway says so", PATIENCE)
        controller.stop(PATIENCE)  # its pass is let run to its end
        stage.start().wait_leads(PATIENCE)
        route = {"spec": {"hostnames": ["shop.example.com", "more.example.com"]}}
        stage.patch(API, "HTTPRoute", "shop", "web", route)
        until(lambda: len(changes(log.read_text())) == 2, "its new hostname is known by the old address", PATIENCE)
        assert changes(log.read_text())[1:] == [("CREATE", "more.example.com", *before)]
        assert address(stage, "edge") == before
        stage.clouds["aws"].ask("DELETE", "faults")
        stage.programmed("shop", "edge", PATIENCE)
        assert address(stage, "edge") == before
        stage.delete(API, "HTTPRoute", "shop", "web")
        until(lambda: len(changes(log.read_text())) == 4, "both records go with the route", PATIENCE)
    gone = {one[:2] for one in changes(log.read_text())[2:]}
    assert gone == {("DELETE", "shop.example.com"), ("DELETE", "more.example.com")}


def _degraded(stage: Stage) -> str:
    return str(condition(stage.gateway("shop", "edge") or {}, "cloudgw.dev/Degraded").get("reason", ""))
