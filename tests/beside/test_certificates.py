"""A certificate comes after its Gateway, as cert-manager's do, and is renewed while requests come.

`issuer` is a stand-in: cert-manager itself does not run here. What is asserted is what it needs of a Gateway's
controller: a missing Secret harms its listener alone (HTTP-01 has to get through port 80), the Secret's arrival is
noticed in seconds, and a renewal leaves no moment without a certificate.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cloudgw_local.cluster import build
from tests.beside import issuer, programs
from tests.controller import manifests
from tests.controller.stage import Stage, condition, until

pytestmark = pytest.mark.cluster
PATIENCE = 120.0  # seconds; on a machine with nothing else to do, a tenth
SOON = 20.0  # seconds; measured without other load: two
SECRET = "shop-tls"


def listeners() -> list[dict[str, Any]]:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": SECRET}]}
    return [
        {"name": "http", "protocol": "HTTP", "port": 80},
        {"name": "https", "protocol": "HTTPS", "port": 443, "hostname": "shop.example.com", "tls": tls},
    ]


def listener(stage: Stage, name: str, kind: str) -> dict[str, Any]:
    """A condition of a listener of the Gateway; {} where there is none."""
    found = (stage.gateway("shop", "edge") or {}).get("status", {}).get("listeners", ())
    return next((condition(one, kind) for one in found if one["name"] == name), {})


def served(stage: Stage) -> str:
    """The serial number that the HTTPS listener of the local AWS shows; empty where there is no such listener."""
    dump = stage.clouds["aws"].dump()
    serials = {one["arn"]: one["serial"] for one in dump["certificates"]}
    arns = [one["certificate"] for one in dump["listeners"] if one["port"] == 443]
    return str(serials[arns[0]]) if arns else ""


def test_a_certificate_that_comes_later_and_is_renewed(stage: Stage, tmp_path: Path) -> None:
    stage.cluster.request("DELETE", f"/api/v1/namespaces/shop/secrets/{SECRET}")
    controller = stage.start()
    controller.wait_leads(PATIENCE)
    gateway = manifests.gateway("edge", listeners=listeners())
    gateway["metadata"]["annotations"] = {issuer.ANNOTATION: "selfsigned"}
    stage.apply(*manifests.of_class(), gateway, *manifests.service(), manifests.route("web", "edge"))

    until(lambda: listener(stage, "https", "ResolvedRefs").get("status") == "False", "it is told", PATIENCE)
    assert listener(stage, "https", "ResolvedRefs")["reason"] == "InvalidCertificateRef"
    until(lambda: listener(stage, "http", "Programmed").get("status") == "True", "the other one serves", PATIENCE)
    ports = {one["port"] for one in stage.clouds["aws"].dump()["listeners"]}
    assert ports == {80}, "without a certificate nothing terminates TLS, and HTTP works"
    assert any("shop.example.com" in str(one["conditions"]) for one in stage.clouds["aws"].dump()["rules"])

    kubectl = build.control_plane() / "kubectl"
    command = [sys.executable, "-m", "tests.beside.issuer", str(kubectl), str(stage.cluster.kubeconfig), "shop"]
    log = tmp_path / "issuer.log"
    with programs.running(command, log) as process:
        until(lambda: stage.get("v1", "Secret", "shop", SECRET), f"the stand-in has issued; see {log}", PATIENCE)
        came = time.monotonic()
        until(lambda: listener(stage, "https", "Programmed").get("status") == "True", "it serves", SOON)
        print(f"\na Secret that came later was live {time.monotonic() - came:.1f} s after it came")
        first = served(stage)
        assert first

        marks = stage.marks()
        process.send_signal(signal.SIGUSR1)
        asked, seen = time.monotonic(), [first]
        while seen[-1] == first and time.monotonic() < asked + SOON:
            seen.append(served(stage))
            time.sleep(0.02)
        print(f"a renewed certificate was live {time.monotonic() - asked:.1f} s after the renewal was asked for")
    assert "" not in seen, "there was a moment without a certificate"
    assert seen[-1] not in ("", first)
    calls = [one["operation"] for one in stage.clouds["aws"].journal(marks["aws"]) if one["write"]]
    assert not [one for one in calls if one in ("DeleteListener", "CreateListener")]
    assert listener(stage, "https", "Programmed")["status"] == "True"
