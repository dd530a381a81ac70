"""What `make demo` stands on: a folder to work in, the real command line, local clouds, expectations that are checked.

`demo` tells the story with it; `demo_aws`, `demo_azure` and `demo_gcp` are what somebody does behind cloudgw's back.
Works in a temporary folder with a copy of `examples/` and a TLS key that is made here and thrown away. Must stop its
local clouds in any case.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOST = "shop.example.com"
CONFIG = "owner: example\nfiles:\n  - .\n"  # not in examples/, so that `kubectl apply -f examples/` takes all of it
FOREIGN = ("AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "CLOUDGW_")  # nothing of the caller's own clouds may come along


class Unexpected(Exception):
    """An expectation that does not hold."""


class Demo:
    """folder: where commands run. env: their environment. endpoints: of the local clouds, by name."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.env |= {"CLOUDGW_LOCAL_STATE": str(folder.parent / "state" / "local.json"), "NO_COLOR": "1"}
        self.endpoints: dict[str, str] = {}

    def title(self, text: str) -> None:
        print(f"\n=== {text}\n", flush=True)

    def cloudgw(self, line: str, *, code: int = 0, shown: bool = True) -> str:
        """Runs it, prints it with its output, and expects an exit code."""
        if shown:
            print(f"$ cloudgw {line}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "cloudgw.cli.main", *shlex.split(line)],
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if shown else subprocess.PIPE,
            timeout=300,
        )
        if shown:
            print(done.stdout, end="")
            print(f"(exit code {done.returncode})\n", flush=True)
        expect(done.returncode == code, f"`cloudgw {line}` ends with {code}, not {done.returncode}")
        return done.stdout

    def json(self, line: str, *, code: int = 0) -> Any:
        return json.loads(self.cloudgw(f"{line} --output json", code=code, shown=False))

    def start(self) -> None:
        """Local clouds, and the environment that points every client at them."""
        self.cloudgw("local up --detach")
        self.endpoints = {name: item["endpoint"] for name, item in self.json("local env").items()}
        exports = self.cloudgw("local env", shown=False).splitlines()
        self.env |= dict(shlex.split(line)[1].split("=", 1) for line in exports)
        (self.folder / "shop-tls.json").write_text(secret())

    def dump(self) -> dict[str, Any]:
        """The whole state of all local clouds."""
        found: dict[str, Any] = {}
        for name, endpoint in self.endpoints.items():
            with urllib.request.urlopen(f"{endpoint}/_cloudgw/dump") as answer:
                found[name] = json.load(answer)
        return found

    def writes(self, since: int = 0) -> dict[str, list[str]]:
        """Operations that wanted to change something since each cloud's call number `since`, by cloud."""
        found: dict[str, list[str]] = {name: [] for name in self.endpoints}
        for call in self.json("local journal"):
            if call["write"] and call["sequence"] > since:
                found[call["cloud"]].append(call["operation"])
        return found


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unexpected(what)


def has(text: str, *parts: str) -> None:
    for part in parts:
        expect(part in text, f"the output names {part!r}")


def secret() -> str:
    """A TLS Secret with a fresh key, as a manifest."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "shop-tls", "namespace": "shop"},
            "stringData": {
                "tls.crt": certificate.public_bytes(serialization.Encoding.PEM).decode(),
                "tls.key": private.decode(),
            },
        }
    )


@contextmanager
def workplace() -> Iterator[Demo]:
    """A copy of the examples; the local clouds are stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="cloudgw-demo-") as folder:
        here = pathlib.Path(folder) / "demo"
        shutil.copytree(ROOT / "examples", here, ignore=shutil.ignore_patterns("cluster"))
        (here / "cloudgw.yaml").write_text(CONFIG)
        demo = Demo(here)
        try:
            yield demo
        finally:
            demo.cloudgw("local down")
