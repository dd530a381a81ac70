"""The cases of this folder as values: what goes in, what the upstream test expects, and keys made on the spot.

A case is a folder: `in.yaml` (manifests) and `expect.yaml`, and `in-2.yaml`, `expect-2.yaml` ... for a test that
changes objects in the middle; every step is a world of its own. `case.yaml` (or `case-2.yaml`, for that step) names the
Secrets and ConfigMaps with keys and certificates. Called by `test_upstream`. No key may ever be written to a file.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = Path(__file__).parent
LISTENERS = "Listener"
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One world and what is expected of it. secrets, config_maps: "namespace/name" -> how to make it. complete: the
    manifests are everything that exists."""

    folder: Path
    suffix: str
    expect: Mapping[str, Any]
    features: tuple[str, ...] = ()  # who claims all of them is asked
    unless: str = ""  # a feature: who claims it is not asked
    secrets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    complete: bool = True

    @property
    def id(self) -> str:
        return self.folder.name + self.suffix

    @property
    def path(self) -> Path:
        return self.folder / f"in{self.suffix}.yaml"

    def documents(self) -> list[dict[str, Any]]:
        """The manifests, and the Secrets and ConfigMaps that are made now."""
        found = [one for one in yaml.load_all(self.path.read_text(), yaml.CSafeLoader) if one]
        found += [_secret(name, how) for name, how in self.secrets.items() if how["kind"] != "missing"]
        found += [_config_map(name, how) for name, how in self.config_maps.items() if how["kind"] != "missing"]
        return found


def steps() -> list[Step]:
    return [step for folder in folders() for step in _steps(folder)]


def folders() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("*/in.yaml"))


def conditions(expect: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(kind, condition) of everything that the statuses of an expect.yaml, or of an object, say. kind as in
    reasons.yaml."""
    for one in expect["statuses"]:
        yield from of_status(one["kind"], one["status"])


def of_status(kind: str, status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    kind = "Route" if kind in ROUTES else kind
    for one in status.get("conditions", ()):
        yield kind, one
    for name, inner in (("listeners", LISTENERS), ("parents", kind), ("ancestors", kind)):
        for item in status.get(name, ()):
            for one in item.get("conditions", ()) if isinstance(item, Mapping) else ():
                yield inner, one


def _steps(folder: Path) -> Iterator[Step]:
    first = _read(folder / "expect.yaml")
    for path in sorted(folder.glob("in*.yaml"), key=lambda path: (len(path.name), path.name)):
        suffix = path.stem.removeprefix("in")
        own = folder / f"case{suffix}.yaml"
        how = _read(own if own.exists() else folder / "case.yaml")
        yield Step(
            folder=folder,
            suffix=suffix,
            expect=_read(folder / f"expect{suffix}.yaml"),
            features=tuple(first.get("features", ())),
            unless=first.get("unless", ""),
            secrets=how.get("secrets", {}),
            config_maps=how.get("configMaps", {}),
            complete=how.get("complete", True),
        )


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(), yaml.CSafeLoader)) if path.exists() else {}


def _meta(name: str) -> dict[str, str]:
    namespace, _, name = name.partition("/")
    return {"namespace": namespace, "name": name}


def _secret(name: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """kind: ok | malformed (no PEM) | empty (no keys in it)."""
    kind, data = "kubernetes.io/tls", {"tls.crt": "no certificate", "tls.key": "no key"}
    if how["kind"] == "ok":
        data = {"tls.crt": certificate(tuple(how["names"])), "tls.key": _key_pem()}
    elif how["kind"] == "empty":
        kind, data = "Opaque", {}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(name), "type": kind, "stringData": data}


def _config_map(name: str, how: Mapping[str, Any]) -> dict[str, Any]:
    """kind: ok | malformed (no PEM) | blank (an empty ca.crt) | empty (no ca.crt)."""
    texts = {"malformed": "no certificate", "blank": ""}
    data = {"ca.crt": texts[how["kind"]]} if how["kind"] in texts else {}
    if how["kind"] == "ok":
        data = {"ca.crt": certificate((f"ca.{name.replace('/', '.')}",))}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(name), "data": data}


@functools.cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _key_pem() -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return _key().private_bytes(encoding, form, serialization.NoEncryption()).decode()


@functools.cache
def certificate(names: tuple[str, ...]) -> str:
    """A certificate that signs itself, PEM. names: DNS names; the first is the subject, too."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(_key(), hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
