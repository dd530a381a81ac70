"""A real Kubernetes API server on loopback, for tests: etcd and kube-apiserver, started fresh, killed at the end.

Called by the fixtures of `conftest` and by `verify_admission`. It has no nodes and no pods. Ports are free ones of
127.0.0.1, data lives in a folder of the caller and is gone afterwards. This module must never touch a cluster that it
did not start, and never end a process but its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster import build

CHANNELS = ("standard", "experimental")
USERS = ("admin", "reader", "stranger")  # reader and stranger may do what a test grants them
_PATIENCE = 60.0  # seconds until ready; 3 are usual
_LINES = 15  # of a log, in an error
_YAML: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ClusterError(Exception):
    """The cluster did not do what a test needs; holds the end of the log, or the server's own words."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A running API server. tokens: user -> bearer token; `admin` may do everything."""

    host: str
    port: int
    folder: Path
    tokens: Mapping[str, str]
    processes: Sequence[subprocess.Popen[bytes]] = ()
    started_in: float = 0.0
    _local: threading.local = field(default_factory=threading.local)
    _resources: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate that the server made for itself."""
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with one context per user, `admin` being the current one."""
        return self.folder / "kubeconfig"

    def request(
        self, method: str, path: str, body: Any = None, *, user: str = "admin", content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """(HTTP status, the answer's JSON). The connection is kept, one per thread."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        for last in (False, True):
            connection = self._connection()
            try:
                connection.request(method, path, body=data, headers=headers)
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                connection.close()
                if last:
                    raise
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {"message": text.decode(errors="replace")}

    def apply(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Server-side apply of each object, as admin; raises ClusterError with the server's words."""
        for document in documents:
            path = f"{self.path_of(document)}?fieldManager=tests&force=true"
            status, answer = self.request("PATCH", path, document, content_type="application/apply-patch+yaml")
            if status not in (200, 201):
                raise ClusterError(f"{document['kind']} {document['metadata'].get('name')}: {answer.get('message')}")

    def delete(self, document: Mapping[str, Any]) -> None:
        self.request("DELETE", self.path_of(document))

    def path_of(self, document: Mapping[str, Any], *, collection: bool = False) -> str:
        """The URL path of an object, or of the collection that it is created in; ClusterError for no such kind."""
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        resource = self._resource(version, kind)
        parts = [self._root(version)]
        if resource["namespaced"]:
            parts += ["namespaces", metadata.get("namespace") or "default"]
        parts += [resource["name"]] if collection else [resource["name"], metadata["name"]]
        return "/".join(parts)

    def install(self, channel: str) -> None:
        """The Gateway API's CRDs of a channel, and the admission policy that comes with them; waits until served."""
        documents = list(gateway_api(channel))
        self.apply(documents)
        for document in documents:
            if document["kind"] == "CustomResourceDefinition":
                self.wait_for(document)

    def wait_for(self, crd: Mapping[str, Any]) -> None:
        """Waits until every served version of a CRD can be used and discovered, which is later than Established."""
        spec = crd["spec"]
        for version in (item["name"] for item in spec["versions"] if item["served"]):
            path, plural = f"/apis/{spec['group']}/{version}", spec["names"]["plural"]
            _until(functools.partial(self._served, path, plural), f"{path}/{plural} to be served")
        self._resources.clear()

    def stop(self) -> None:
        """At once. SIGTERM would drain for a minute and keep the port."""
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def _served(self, path: str, plural: str) -> bool:
        known = self.request("GET", path)[1].get("resources") or ()
        return any(item["name"] == plural for item in known) and self.request("GET", f"{path}/{plural}")[0] == 200

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            context = ssl.create_default_context(cafile=str(self.authority))
            connection = http.client.HTTPSConnection(self.host, self.port, context=context, timeout=30)
            self._local.connection = connection
        return connection

    def _root(self, version: str) -> str:
        return f"/apis/{version}" if "/" in version else f"/api/{version}"

    def _resource(self, version: str, kind: str) -> dict[str, Any]:
        if version not in self._resources:
            _, answer = self.request("GET", self._root(version))
            self._resources[version] = {
                item["kind"]: item for item in answer.get("resources", ()) if "/" not in item["name"]
            }
        found = self._resources[version].get(kind)
        if found is None:
            raise ClusterError(f"the server knows no {kind} of {version}")
        return dict(found)


def gateway_api(channel: str) -> Iterator[dict[str, Any]]:
    """Every object of a channel's folder: CRDs, and a ValidatingAdmissionPolicy with its binding. kustomization.yaml
    is none: it is for a tool, not for a server."""
    for path in sorted(build.crds(channel).glob("gateway.*.yaml")):
        for document in yaml.load_all(path.read_bytes(), Loader=_YAML):
            if document:
                yield document


def start(folder: Path, *, channel: str | None = "standard") -> Cluster:
    """A new control plane with its data below `folder`. channel: which CRDs of the Gateway API; None for none.

    Raises ClusterError, with the end of the log, when it does not become ready; build.BuildError when it cannot be
    built.
    """
    began = time.monotonic()
    programs = build.control_plane()
    folder.mkdir(parents=True, exist_ok=True)
    client, peer, port = _free_ports(3)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    cluster = Cluster(host="127.0.0.1", port=port, folder=folder, tokens=tokens)
    _write_files(cluster)
    etcd_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    certificates, key = folder / "certificates", folder / "service-account.key"
    commands: dict[str, list[Path | str]] = {
        "etcd": [
            programs / "server", "--name=default", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
        ],
        "kube-apiserver": [
            programs / "kube-apiserver", f"--etcd-servers={etcd_url}", f"--secure-port={port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--cert-dir={certificates}",
            "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}", f"--service-account-key-file={key}",
            "--authorization-mode=RBAC", f"--token-auth-file={folder / 'tokens.csv'}", "--allow-privileged=true",
            "--disable-admission-plugins=ServiceAccount",
        ],
    }  # fmt: skip
    try:
        cluster.processes = [_spawned(name, command, folder) for name, command in commands.items()]
        _until(lambda: _ready(cluster), "the API server to be ready")
        cluster.started_in = time.monotonic() - began
        if channel is not None:
            cluster.install(channel)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _write_files(cluster: Cluster) -> None:
    """Tokens, the key that signs service accounts' tokens, and a kubeconfig; readable by us alone."""
    groups = {"admin": "system:masters"}
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    rows = [f'{token},{user},{user},"{groups.get(user, user + "s")}"\n' for user, token in cluster.tokens.items()]
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "admin",
        "clusters": [
            {"name": "tests", "cluster": {"server": cluster.url, "certificate-authority": str(cluster.authority)}}
        ],
        "users": [{"name": user, "user": {"token": token}} for user, token in cluster.tokens.items()],
        "contexts": [{"name": user, "context": {"cluster": "tests", "user": user}} for user in cluster.tokens],
    }
    files = {
        "service-account.key": pem,
        "tokens.csv": "".join(rows).encode(),
        "kubeconfig": yaml.safe_dump(kubeconfig).encode(),
    }
    for name, content in files.items():
        with open(os.open(cluster.folder / name, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.write(content)


def _spawned(name: str, command: Sequence[Path | str], folder: Path) -> subprocess.Popen[bytes]:
    with open(folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_die_with_us
        )


def _die_with_us() -> None:
    """The kernel ends the process when the one that started it is gone, even by SIGKILL (prctl PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now; all are held until each is known, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [int(item.getsockname()[1]) for item in sockets]


def _ready(cluster: Cluster) -> bool:
    for process in cluster.processes:
        if process.poll() is not None:
            raise ClusterError(f"{process.args!r} ended with code {process.returncode}{_logs(cluster.folder)}")
    if not cluster.authority.exists():
        return False
    try:
        status, answer = cluster.request("GET", "/readyz")
    except OSError:
        return False
    if status == 200:
        return True
    with contextlib.suppress(FileNotFoundError):
        (cluster.folder / "not-ready.log").write_text(str(answer.get("message")))
    return False


def _logs(folder: Path) -> str:
    parts = [f"\n{path}:\n" + "\n".join(path.read_text().splitlines()[-_LINES:]) for path in folder.glob("*.log")]
    return "".join(parts)


def _until(true: Callable[[], bool], what: str) -> None:
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > _PATIENCE:
            raise ClusterError(f"waited {_PATIENCE:.0f} s for {what}")
        time.sleep(0.05)
