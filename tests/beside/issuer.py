"""A stand-in for cert-manager, which cannot be had as a tool without Go code of ours. It is not cert-manager.

Run as a process by the test of certificates: `python -m tests.beside.issuer KUBECTL KUBECONFIG NAMESPACE`. It plays the
one part that a controller of Gateways sees: who annotates a Gateway with `cert-manager.io/issuer` gets, a second
later, the Secret of every listener that terminates TLS for a hostname, signed by itself and owned by the Gateway. A
SIGUSR1 renews all of them. https://cert-manager.io/docs/usage/gateway/
"""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ANNOTATION = "cert-manager.io/issuer"
DELAY = 1.0  # seconds, as was measured of a self-signed issuer


def wanted(gateway: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(Secret, hostname) of each listener for which cert-manager would ask for a certificate."""
    if ANNOTATION not in gateway["metadata"].get("annotations", {}):
        return
    for listener in gateway["spec"]["listeners"]:
        tls = listener.get("tls", {})
        if listener.get("hostname") and tls.get("mode", "Terminate") == "Terminate":
            for ref in tls.get("certificateRefs", ()):
                if "namespace" not in ref:
                    yield ref["name"], listener["hostname"]


def certificate(hostname: str) -> tuple[str, str]:
    """PEM of a certificate that signs itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def secret(gateway: Mapping[str, Any], name: str, hostname: str) -> dict[str, Any]:
    body, key = certificate(hostname)
    owner = {
        "apiVersion": gateway["apiVersion"],
        "kind": "Gateway",
        "name": gateway["metadata"]["name"],
        "uid": gateway["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {"name": name, "namespace": gateway["metadata"]["namespace"], "ownerReferences": [owner]}
    data = {"tls.crt": body, "tls.key": key}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls", "stringData": data}


def main(kubectl: str, kubeconfig: str, namespace: str) -> None:
    begin = [kubectl, "--kubeconfig", kubeconfig, "--namespace", namespace]
    renewed: list[int] = []
    signal.signal(signal.SIGUSR1, lambda *_: renewed.append(1))
    seen: dict[tuple[str, str], float] = {}
    issued: dict[tuple[str, str], int] = {}
    while True:
        shown = subprocess.run([*begin, "get", "gateways", "--output=json"], check=True, capture_output=True, text=True)
        for gateway in json.loads(shown.stdout)["items"]:
            for one in wanted(gateway):
                first = seen.setdefault(one, time.monotonic())
                if time.monotonic() < first + DELAY or issued.get(one, -1) == len(renewed):
                    continue
                issued[one] = len(renewed)
                text = json.dumps(secret(gateway, *one))
                command = [*begin, "apply", "--server-side", "--filename=-"]
                subprocess.run(command, check=True, input=text, text=True, capture_output=True)
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
