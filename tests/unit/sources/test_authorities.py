"""ConfigMaps: the certificate authorities of `ca.crt`, and nothing else of them."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from cloudgw.objects import ConfigMap
from tests.unit.sources import examples

CANARY = "CANARY-4711"
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: clients, namespace: infra}\n"


def only(text: str) -> ConfigMap:
    loaded = examples.load(text)
    assert not loaded.errors
    assert not loaded.notes
    assert CANARY not in repr(loaded)
    (found,) = loaded.snapshot.all(ConfigMap)
    return found


def test_certificates_without_what_stands_between_them() -> None:
    one, other = examples.authority("one"), examples.authority("other")
    found = only(examples.config_map(f"# {CANARY}\n{one}{CANARY}\n{other}") + f"  other: {CANARY}\n")
    assert (found.pem, found.problem) == (one + other, "")
    digest = hashlib.sha256()
    for certificate in x509.load_pem_x509_certificates(found.pem.encode()):
        digest.update(certificate.public_bytes(serialization.Encoding.DER))
    assert found.fingerprint == digest.hexdigest()
    assert only(examples.config_map(one + other)).fingerprint == found.fingerprint
    assert only(examples.config_map(other + one)).fingerprint != found.fingerprint


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", "ca.crt is missing"),
        (f"data: {{other: {CANARY}}}\n", "ca.crt is missing"),
        ("data: {ca.crt: 5}\n", "ca.crt is no string"),
        (f"data: {CANARY}\n", "data is no mapping"),
        (f"data: {{ca.crt: {CANARY}}}\n", "ca.crt holds no certificate in PEM format"),
        (
            f"data:\n  ca.crt: |\n    -----BEGIN CERTIFICATE-----\n    {CANARY}\n    -----END CERTIFICATE-----\n",
            "ca.crt holds no certificate in PEM format",
        ),
    ],
)
def test_problems_name_no_content(data: str, expected: str) -> None:
    found = only(HEAD + data)
    assert expected in found.problem
    assert (found.fingerprint, found.pem) == ("", "")
