"""TLS Secrets: what is seen of them, and that their bytes are seen nowhere."""

from __future__ import annotations

import base64
import datetime
import functools
import io

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from cloudgw.objects import Secret
from cloudgw.sources import manifests

CANARY = "CANARY-4711"


@functools.cache
def pair(kind: str = "ec", names: tuple[str, ...] = ("b.io", "A.io")) -> tuple[bytes, bytes]:
    """(certificate, key) in PEM."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = ec.generate_private_key(ec.SECP256R1())
    if kind == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "common.io")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return certificate, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load(**fields: object) -> tuple[Secret, manifests.Loaded]:
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls", "namespace": "shop"}, **fields}
    loaded = manifests.load(["-"], stdin=io.StringIO(yaml.safe_dump({"type": "kubernetes.io/tls", **document})))
    secret = loaded.snapshot.get(Secret, "shop", "tls")
    assert isinstance(secret, Secret)
    return secret, loaded


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.mark.parametrize(("kind", "expected"), [("ec", "EC-P-256"), ("rsa", "RSA-2048")])
def test_a_good_secret(kind: str, expected: str) -> None:
    certificate, key = pair(kind)
    secret, loaded = load(data={"tls.crt": encoded(certificate), "tls.key": encoded(key)})
    assert secret.problem == ""
    assert secret.names == ("a.io", "b.io")
    assert secret.not_after == "2126-01-01T00:00:00Z"
    assert secret.key_type == expected
    assert len(secret.fingerprint) == 64
    material = loaded.snapshot.materials[secret.fingerprint]
    assert material.key_pem == key
    assert "PRIVATE" not in repr(loaded)
    plain, _ = load(stringData={"tls.crt": certificate.decode(), "tls.key": key.decode()})
    assert plain.fingerprint == secret.fingerprint


def test_the_fingerprint_covers_the_key_and_the_chain() -> None:
    certificate, key = pair()
    one, _ = load(stringData={"tls.crt": certificate.decode(), "tls.key": key.decode()})
    chain = certificate.decode() + pair("rsa")[0].decode()
    other, _ = load(stringData={"tls.crt": chain, "tls.key": key.decode()})
    assert one.fingerprint != other.fingerprint


def test_the_common_name_without_other_names() -> None:
    certificate, key = pair(names=())
    secret, _ = load(stringData={"tls.crt": certificate.decode(), "tls.key": key.decode()})
    assert secret.names == ("common.io",)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "tls.crt is missing"),
        ({"tls.crt": encoded(pair()[0])}, "tls.key is missing"),
        ({"tls.crt": "%" + CANARY, "tls.key": "x"}, "tls.crt is not base64"),
        ({"tls.crt": encoded(CANARY.encode()), "tls.key": encoded(pair()[1])}, "tls.crt holds no certificate"),
        ({"tls.crt": encoded(pair()[1]), "tls.key": encoded(pair()[0])}, "not swapped"),
        ({"tls.crt": encoded(pair()[0]), "tls.key": encoded(CANARY.encode())}, "tls.key holds no private key"),
        ({"tls.crt": encoded(pair()[0]), "tls.key": encoded(pair("rsa")[1])}, "does not belong"),
        ({"tls.crt": [CANARY], "tls.key": CANARY}, "tls.crt is no string"),
        (CANARY, "data is no mapping"),
    ],
)
def test_problems_name_the_data_key_and_no_content(data: object, expected: str) -> None:
    secret, loaded = load(data=data)
    assert expected in secret.problem
    assert secret.fingerprint == ""
    assert loaded.snapshot.materials == {}
    assert CANARY not in repr(loaded)
    assert encoded(CANARY.encode()) not in repr(loaded)


def test_an_encrypted_key() -> None:
    certificate, _ = pair()
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    secret, _ = load(data={"tls.crt": encoded(certificate), "tls.key": encoded(key)})
    assert "encrypted" in secret.problem


def test_other_secrets_are_not_looked_into() -> None:
    secret, loaded = load(type="Opaque", data={"password": CANARY})
    assert (secret.type, secret.problem) == ("Opaque", "")
    assert CANARY not in repr(loaded)


def test_dumped_secrets_have_no_bytes() -> None:
    certificate, key = pair()
    secret, loaded = load(data={"tls.crt": encoded(certificate), "tls.key": encoded(key)})
    text = manifests.dump(loaded.snapshot)
    assert secret.fingerprint in text
    for line in (certificate + key).decode().splitlines():
        assert line not in text
    back = manifests.parse_dump(text)
    assert back.get(Secret, "shop", "tls") == secret
    assert back.materials == {}
