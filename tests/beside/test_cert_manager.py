"""cert-manager issues the certificate of a listener after its Gateway, and renews it while requests come.

It is an old one, 1.11: the last whose controller lies in a Go module with releases. What it does for a Gateway is told
by https://cert-manager.io/docs/usage/gateway/. Asserted is what it needs of a Gateway's controller: a missing
Secret harms its listener alone (HTTP-01 has to get through port 80), the Secret's arrival is noticed in seconds, and a
renewal leaves no moment without a certificate.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from cloudgw_local.cluster import build, cluster
from tests.beside import programs
from tests.cluster import able
from tests.controller import manifests
from tests.controller.manifests import document
from tests.controller.stage import SYSTEM, Stage, condition, free_port, until

pytestmark = pytest.mark.cluster
PATIENCE = 120.0  # seconds; on a machine with nothing else to do, a tenth
SOON = 20.0  # seconds; measured without other load: two
API = "cert-manager.io/v1"
SECRET = "shop-tls"  # a Certificate is named after its Secret
AUTHORITY = "authority"


@pytest.fixture
def program(stage: Stage) -> Iterator[Path]:
    """cert-manager's controller; the cluster knows its kinds, and a ClusterIssuer, for as long as the test runs."""
    try:
        found = build.tools(build.CERT_MANAGER) / "controller"
    except build.BuildError as problem:
        able.refuse(f"cert-manager is not built: {str(problem).splitlines()[0]}")
    source = programs.module(build.CERT_MANAGER, "github.com/cert-manager/cert-manager")
    kinds = list(cluster.documents([source / "deploy" / "crds"]))
    for one in kinds:
        del one["metadata"]["labels"]  # they are its chart's templates still
    stage.cluster.define(kinds)
    try:
        stage.apply(*authority())
        yield found
    finally:
        for one in kinds:
            stage.cluster.delete(one)  # and with it all of its kind
        stage.delete("v1", "Secret", SYSTEM, AUTHORITY)
        stage.delete("v1", "Secret", "shop", SECRET)


def authority() -> list[dict[str, Any]]:
    """A certificate that signs itself, and the ClusterIssuer that signs with it."""
    spec = {
        "isCA": True,
        "commonName": "An authority of this test",
        "secretName": AUTHORITY,
        "issuerRef": {"kind": "ClusterIssuer", "name": "selfsigned"},
    }
    return [
        document(API, "ClusterIssuer", "selfsigned", "", spec={"selfSigned": {}}),
        document(API, "Certificate", AUTHORITY, SYSTEM, spec=spec),
        document(API, "ClusterIssuer", AUTHORITY, "", spec={"ca": {"secretName": AUTHORITY}}),
    ]


def gateway() -> dict[str, Any]:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": SECRET}]}
    listeners = [
        {"name": "http", "protocol": "HTTP", "port": 80},
        {"name": "https", "protocol": "HTTPS", "port": 443, "hostname": "shop.example.com", "tls": tls},
    ]
    found = manifests.gateway("edge", listeners=listeners)
    found["metadata"]["annotations"] = {
        "cert-manager.io/cluster-issuer": AUTHORITY,
        "cert-manager.io/private-key-rotation-policy": "Always",  # what later versions do unasked
    }
    return found


def command(program: Path, stage: Stage) -> list[str]:
    return [
        str(program), f"--kubeconfig={stage.cluster.kubeconfig}", "--feature-gates=ExperimentalGatewayAPISupport=true",
        f"--cluster-resource-namespace={SYSTEM}", "--leader-elect=false",
        f"--metrics-listen-address=127.0.0.1:{free_port()}",
    ]  # fmt: skip


def listener(stage: Stage, name: str, kind: str) -> dict[str, Any]:
    """A condition of a listener of the Gateway; {} where there is none."""
    found = (stage.gateway("shop", "edge") or {}).get("status", {}).get("listeners", ())
    return next((condition(one, kind) for one in found if one["name"] == name), {})


def issued(stage: Stage) -> str:
    """The serial number of the certificate in the Secret, as the local AWS writes it; empty without a Secret."""
    found = stage.get("v1", "Secret", "shop", SECRET)
    if found is None:
        return ""
    first = x509.load_pem_x509_certificates(base64.b64decode(found["data"]["tls.crt"]))[0]
    assert "An authority of this test" in first.issuer.rfc4514_string()
    return first.serial_number.to_bytes(20, "big").lstrip(b"\0").hex(":")


def served(stage: Stage) -> str:
    """The serial number that the HTTPS listener of the local AWS shows; empty where there is no such listener."""
    dump = stage.clouds["aws"].dump()
    serials = {one["arn"]: one["serial"] for one in dump["certificates"]}
    arns = [one["certificate"] for one in dump["listeners"] if one["port"] == 443]
    return str(serials[arns[0]]) if arns else ""


def ready(stage: Stage) -> bool:
    """What cert-manager says of the Certificate: it is ready, and no issuing of it is under way."""
    found = stage.get(API, "Certificate", "shop", SECRET) or {}
    return condition(found, "Ready").get("status") == "True" and condition(found, "Issuing").get("status") != "True"


def renew(stage: Stage) -> None:
    """As `cmctl renew` does: by a condition."""
    said = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "by a test"}
    path = stage.cluster.path_of(document(API, "Certificate", SECRET))
    body = [{"op": "add", "path": "/status/conditions/-", "value": said}]
    status, answer = stage.cluster.request("PATCH", f"{path}/status", body, content_type="application/json-patch+json")
    assert status == 200, answer


def test_a_certificate_that_comes_later_and_is_renewed(stage: Stage, program: Path, tmp_path: Path) -> None:
    stage.start().wait_leads(PATIENCE)
    stage.apply(*manifests.of_class(), gateway(), *manifests.service(), manifests.route("web", "edge"))

    until(lambda: listener(stage, "https", "ResolvedRefs").get("status") == "False", "it is told", PATIENCE)
    assert listener(stage, "https", "ResolvedRefs")["reason"] == "InvalidCertificateRef"
    until(lambda: listener(stage, "http", "Programmed").get("status") == "True", "the other one serves", PATIENCE)
    assert listener(stage, "https", "Programmed")["status"] == "False"
    ports = {one["port"] for one in stage.clouds["aws"].dump()["listeners"]}
    assert ports == {80}, "without a certificate nothing terminates TLS, and HTTP works"
    assert any("shop.example.com" in str(one["conditions"]) for one in stage.clouds["aws"].dump()["rules"])

    log = tmp_path / "cert-manager.log"
    with programs.running(command(program, stage), log):
        first = until(lambda: issued(stage), f"cert-manager has issued; see {log}", PATIENCE)
        came = time.monotonic()
        until(lambda: listener(stage, "https", "Programmed").get("status") == "True", "it serves", SOON)
        print(f"\na Secret that came later was live {time.monotonic() - came:.1f} s after it came")
        assert served(stage) == first

        until(lambda: ready(stage), "cert-manager calls it ready", PATIENCE)
        marks = stage.marks()
        renew(stage)
        asked, seen = time.monotonic(), [first]
        while seen[-1] == first and time.monotonic() < asked + SOON:
            seen.append(served(stage))
            time.sleep(0.02)
        print(f"a renewed certificate was live {time.monotonic() - asked:.1f} s after the renewal was asked for")
    assert "" not in seen, "there was a moment without a certificate"
    assert seen[-1] == issued(stage) != first
    calls = [one["operation"] for one in stage.clouds["aws"].journal(marks["aws"]) if one["write"]]
    assert not [one for one in calls if one in ("DeleteListener", "CreateListener")]
    assert listener(stage, "https", "Programmed")["status"] == "True"
