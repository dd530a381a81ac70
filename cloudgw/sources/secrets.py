"""A TLS Secret becomes its fingerprint, its names and its expiry; the bytes go into a Material and nowhere else.

Called by `kinds`. This module must never put one byte of a value into a message, an exception or a repr: problems name
the data key and the kind of mistake only, and exceptions of libraries are dropped, not chained.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cloudgw.objects import Material, Meta, Secret

if TYPE_CHECKING:
    from cryptography import x509

TLS_TYPE = "kubernetes.io/tls"
CERTIFICATE, KEY = "tls.crt", "tls.key"


class _Problem(Exception):
    """A reason in words that are safe to show."""


def read(meta: Meta, secret_type: str, data: Any, string_data: Any) -> tuple[Secret, Material | None]:
    """A Secret and, when it is of type kubernetes.io/tls and usable, its Material.

    data: values in base64; string_data: plain values, which win (as in Kubernetes). fingerprint: hex SHA-256 over the
    DER of every certificate in order and the PKCS #8 DER of the key.
    """
    try:
        if secret_type != TLS_TYPE:
            return Secret(meta=meta, type=secret_type), None
        return _tls(meta, _bytes(data, string_data))
    except _Problem as problem:
        return Secret(meta=meta, type=secret_type, problem=str(problem)), None


def _bytes(data: Any, string_data: Any) -> Mapping[str, bytes]:
    """The two values that count."""
    found: dict[str, bytes] = {}
    for field, values in (("data", data), ("stringData", string_data)):
        if values is None:
            continue
        if not isinstance(values, Mapping):
            raise _Problem(f"{field} is no mapping; write `{CERTIFICATE}` and `{KEY}` below it")
        for key in (CERTIFICATE, KEY):
            value = values.get(key)
            if value is None:
                continue
            if not isinstance(value, str):
                raise _Problem(f"{field} {key} is no string; quote it")
            found[key] = value.encode() if field == "stringData" else _decoded(key, value)
    for key in (CERTIFICATE, KEY):
        if not found.get(key, b"").strip():
            raise _Problem(f"{key} is missing or empty; create the Secret with `kubectl create secret tls`")
    return found


def _decoded(key: str, value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _Problem(f"{key} is not base64; encode it, or use stringData for plain text")


def _tls(meta: Meta, values: Mapping[str, bytes]) -> tuple[Secret, Material]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    chain: list[x509.Certificate] = []
    key: Any = None
    problem = ""
    try:
        chain = x509.load_pem_x509_certificates(values[CERTIFICATE])
    except Exception:
        problem = f"{CERTIFICATE} holds no certificate in PEM format; check that certificate and key are not swapped"
    if not problem:
        try:
            key = serialization.load_pem_private_key(values[KEY], password=None)
        except TypeError:
            problem = f"{KEY} is encrypted; store it without a passphrase"
        except Exception:
            problem = f"{KEY} holds no private key in PEM format"
    if problem:
        raise _Problem(problem)
    key_type = _key_type(key)
    try:
        matches = _public(chain[0].public_key()) == _public(key.public_key())
        private = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        encoded = [certificate.public_bytes(serialization.Encoding.DER) for certificate in chain]
        names, not_after = _names(chain[0]), chain[0].not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    except Exception:
        problem = f"{CERTIFICATE} or {KEY} holds a value that cannot be read; create both anew"
    if problem:
        raise _Problem(problem)
    if not matches:
        raise _Problem(
            f"{KEY} does not belong to the first certificate of {CERTIFICATE}; put the leaf certificate first"
        )
    digest = hashlib.sha256()
    for part in (*encoded, private):
        digest.update(part)
    fingerprint = digest.hexdigest()
    secret = Secret(
        meta=meta, type=TLS_TYPE, fingerprint=fingerprint, names=names, not_after=not_after, key_type=key_type
    )
    return secret, Material(fingerprint=fingerprint, certificate_pem=values[CERTIFICATE], key_pem=values[KEY])


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bytes(encoded)


def _key_type(key: Any) -> str:
    """`RSA-2048`, `EC-P-256`, `Ed25519`."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
        return f"EC-{curves.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.lstrip("_").removesuffix("PrivateKey")


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """DNS names of the subject alternative name, else the common name; lower case, sorted."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    if not names:
        names = [str(item.value) for item in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return tuple(sorted({name.lower() for name in names}))
