"""Promised figures, from the journal of the local AWS: 50 routes, each on one of two listeners, 20 services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.errors import keys, writer
from tests.unit.cli import place as places

ROUTES, SERVICES = 50, 20
CLASS = (places.EXAMPLES / "aws-class.yaml").read_text()
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  gatewayClassName: aws
  listeners:
    - {name: plain, port: 80, protocol: HTTP}
    - {name: secure, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: shop-tls}]}}
"""


def service(number: int) -> str:
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: s{number}, namespace: shop}}
spec: {{ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: s{number}-a, namespace: shop, labels: {{kubernetes.io/service-name: s{number}}}}}
addressType: IPv4
ports: [{{port: 8080, protocol: TCP}}]
endpoints: [{{addresses: [10.0.1.{100 + number}]}}]
"""


def route(number: int, path: str = "/") -> str:
    return f"""
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{number:03d}, namespace: shop}}
spec:
  parentRefs: [{{name: edge, sectionName: {"plain" if number % 2 else "secure"}}}]
  hostnames: [h{number:03d}.shop.example]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
      backendRefs: [{{name: s{number % SERVICES}, port: 80}}]
"""


def fill(folder: Path) -> None:
    import json

    (folder / "class.yaml").write_text(CLASS)
    (folder / "edge.yaml").write_text(GATEWAY + "".join(service(n) for n in range(SERVICES)))
    (folder / "routes.yaml").write_text("".join(route(n) for n in range(ROUTES)))
    (folder / "tls.json").write_text(json.dumps(keys.secret("good")))


@pytest.fixture
def shop(running: Any, tmp_path: Path) -> places.Place:
    folder = tmp_path / "shop"
    folder.mkdir()
    fill(folder)
    return places.Place(folder, dict(places.environment(running)))


def writes(running: Any, since: int = 0) -> list[str]:
    return [entry["operation"] for entry in running.control.journal(since) if entry["write"]]


def mark(running: Any) -> int:
    journal = running.control.journal(0)
    return int(journal[-1]["sequence"]) if journal else 0


def test_fifty_routes(shop: places.Place, running: Any) -> None:
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    made = writes(running)
    creates = {name: made.count(name) for name in sorted(set(made))}
    assert creates["CreateRule"] == ROUTES
    assert creates["CreateTargetGroup"] == SERVICES
    assert creates["CreateLoadBalancer"] == creates["CreateSecurityGroup"] == creates["ImportCertificate"] == 1
    assert creates["CreateListener"] == 2
    assert creates["RegisterTargets"] == SERVICES
    assert creates["AuthorizeSecurityGroupIngress"] == 3  # two listeners for one range, one way to the pods
    assert set(creates) == {
        "AuthorizeSecurityGroupIngress", "CreateListener", "CreateLoadBalancer", "CreateRule", "CreateSecurityGroup",
        "CreateTargetGroup", "ImportCertificate", "RegisterTargets",
    }  # fmt: skip
    since = mark(running)
    running.control.advance(120)  # the load balancer and its targets come up
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    assert writes(running, since) == [], "at rest nothing is written"
    (shop.folder / "new.yaml").write_text(route(ROUTES, "/new").removeprefix("\n---").replace("h050.", "h000."))
    since = mark(running)
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    inserted = writes(running, since)
    assert inserted.count("CreateRule") == 1
    assert len(inserted) <= 2, inserted
    assert set(inserted) <= {"CreateRule", "SetRulePriorities"}


def test_fifty_routes_vanish(shop: places.Place, running: Any) -> None:
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    (shop.folder / "routes.yaml").unlink()
    since = mark(running)
    said = shop.run("apply -f . --complete --owner team-a")
    assert said.code == 2, said.out + said.err
    assert writes(running, since) == []
    plan = shop.run("plan -f . --complete --owner team-a --output json")
    assert plan.code == 2
    digest = plan.json["digest"]
    assert shop.run(f"apply -f . --complete --owner team-a --plan-digest {digest}").code == 0
    assert "DeleteRule" in writes(running, since)


def test_unknown_secret(shop: places.Place, running: Any) -> None:
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    before = running.control.dump()
    (shop.folder / "tls.json").unlink()
    plan = shop.run("plan -f . --owner team-a --output json")
    assert not plan.json["complete"]
    assert not [c for p in plan.json["plans"] for c in p["changes"] if "certificate" in c["address"]]
    assert shop.run("apply -f . --owner team-a").code == 1
    assert running.control.dump()["certificates"] == before["certificates"]


@pytest.mark.parametrize("after_writes", [1, 9, 30, 55])
def test_a_killed_process_is_finished_by_the_next(shop: places.Place, running: Any, after_writes: int) -> None:
    """SIGKILL of a real process in the middle of an apply; the next one ends in the state of a clean run."""
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    clean = named(running)
    running.control.reset()
    command = [sys.executable, "-m", "cloudgw.cli.main", "apply", "-f", ".", "--complete", "--owner", "team-a"]
    environment = {**os.environ, **writer.BARE, **shop.env, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command, cwd=shop.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(writes(running)) < after_writes and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert shop.run("apply -f . --complete --owner team-a").code == 0
    assert named(running) == clean


def named(running: Any) -> Any:
    """Names and tags of everything that stands."""
    dump = running.control.dump()
    sections = ("security_groups", "security_rules", "load_balancers", "listeners", "rules", "target_groups")
    return {s: sorted(str((item.get("name"), sorted(item["tags"].items()))) for item in dump[s]) for s in sections} | {
        "targets": sorted(str(sorted(t["id"] for t in g["targets"])) for g in dump["target_groups"]),
        "certificates": len(dump["certificates"]),
    }
