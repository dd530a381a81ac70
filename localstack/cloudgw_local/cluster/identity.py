"""Who may ask the API server: static tokens, client certificates made while it runs, and the kubeconfigs of both.

`cluster` calls this. Static tokens are read by the server once, at its start; a certificate makes any user with any
groups later. Every file is readable by its owner alone.
"""

from __future__ import annotations

import datetime
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudgw_local.cluster.api import ADMIN, Credential

TOKENS, SIGNING_KEY, CLIENT_AUTHORITY = "tokens.csv", "service-account.key", "clients.crt"
_DAY = datetime.timedelta(days=1)


class Clients:
    """An authority that the server trusts for client certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clients of a test cluster")])
        made = self._certificate(self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        write(folder / CLIENT_AUTHORITY, made)

    def credential(self, name: str, groups: Sequence[str]) -> Credential:
        """Common name and organisations of a certificate are a user's name and groups."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None))
        path = self._folder / f"user-{secrets.token_hex(4)}.pem"
        write(path, made + _pem(key))
        return Credential(certificate=path)

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, limits: x509.BasicConstraints) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(limits, critical=True)
        )
        if not limits.ca:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            builder = builder.add_extension(usage, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def begin(folder: Path, users: Sequence[str]) -> dict[str, Credential]:
    """The files that a new server reads, and a token for each user; `admin` may do everything."""
    groups = {ADMIN: "system:masters"}
    tokens = {user: secrets.token_hex(16) for user in users}
    rows = [f'{token},{user},{user},"{groups.get(user, user + "s")}"\n' for user, token in tokens.items()]
    write(folder / TOKENS, "".join(rows).encode())
    write(folder / SIGNING_KEY, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    return {user: Credential(token=token) for user, token in tokens.items()}


def kubeconfig(path: Path, url: str, authority: Path, users: Mapping[str, Credential]) -> None:
    """One context per user, the first being the current one; none has a namespace."""

    def user(credential: Credential) -> dict[str, Any]:
        if credential.certificate is None:
            return {"token": credential.token}
        return {"client-certificate": str(credential.certificate), "client-key": str(credential.certificate)}

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(users)),
        "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": name, "user": user(credential)} for name, credential in users.items()],
        "contexts": [{"name": name, "context": {"cluster": "tests", "user": name}} for name in users],
    }
    write(path, yaml.safe_dump(document).encode())


def write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
