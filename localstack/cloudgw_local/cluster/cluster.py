"""A real Kubernetes cluster on loopback: etcd, kube-apiserver, its controllers, and pods as network namespaces.

Called by tests and by `python -m cloudgw_local.cluster`. Ports are free ones of 127.0.0.1, data lives in a folder of
the caller and is gone afterwards. Everything that a test does to it is a method of `Cluster`. This module must never
touch a cluster that it did not start, and never end a process but its own.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cloudgw_local.cluster import build, identity, images, pods, processes
from cloudgw_local.cluster.api import ADMIN, Api, ClusterError, Credential, until

CHANNELS = ("standard", "experimental")
USERS = (ADMIN, "reader", "stranger")  # reader and stranger may do what a test grants them
ETCD, SERVER, CONTROLLERS = "etcd", "kube-apiserver", "kube-controller-manager"
_RUN = (
    "deployment-controller", "replicaset-controller", "endpointslice-controller", "garbage-collector-controller",
    "namespace-controller", "serviceaccount-controller", "root-ca-certificate-publisher-controller",
    "job-controller",
)  # fmt: skip
_ANSWER = 10  # seconds until the server gives up when etcd does not answer; usual are 60, which no test waits for
_YAML: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Cluster(Api):
    """A running cluster. started_in: seconds; `pods` runs its pods when it was started with some."""

    def __init__(self, folder: Path, *, controllers: bool) -> None:
        port, self._etcd, self._peer = processes.free_ports(3)
        super().__init__(port, folder / "certificates" / "apiserver.crt", identity.begin(folder, USERS))
        self.folder = folder
        self.started_in = 0.0
        self.pods: pods.Runner | None = None
        self.parts: dict[str, processes.Part] = {}
        self._clients = identity.Clients(folder)
        self._controllers = controllers
        identity.kubeconfig(self.kubeconfig, self.url, self.authority, self.credentials)

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with one context per static user, `admin` being the current one."""
        return self.folder / "kubeconfig"

    @property
    def tokens(self) -> Mapping[str, str]:
        """Bearer tokens by user."""
        return {user: credential.token for user, credential in self.credentials.items() if credential.token}

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [part.process for part in self.parts.values()]

    def install(self, channel: str) -> None:
        """The Gateway API's CRDs of a channel, and the admission policy that comes with them; waits until served."""
        self.define(gateway_api(channel))

    def user(self, name: str, *, groups: Sequence[str] = (), rules: Sequence[Mapping[str, Any]] = ()) -> Path:
        """A kubeconfig of a new user, by a certificate; `request(..., user=name)` knows it too.

        rules: of a ClusterRole that is made and bound to it; else it may what its groups and other bindings say.
        """
        self.credentials[name] = self._clients.credential(name, groups)
        if rules:
            self.grant({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}, f"user:{name}", rules)
        return self._kubeconfig_of(name)

    def service_account(self, namespace: str, name: str, *, seconds: int = 3600) -> str:
        """A token of a service account, which is made when it is not there; `request(user="NAMESPACE:NAME")`."""
        document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}
        self.apply([document])
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        status, answer = self.request("POST", path, body)
        if status != 201:
            raise ClusterError(f"ServiceAccount {namespace}/{name}: {answer.get('message')}")
        token = str(answer["status"]["token"])
        self.credentials[f"{namespace}:{name}"] = Credential(token=token)
        return token

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        self.service_account(namespace, name)
        return self._kubeconfig_of(f"{namespace}:{name}")

    def grant(self, subject: Mapping[str, Any], role: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """A ClusterRole and its binding to one subject (kind, name, and namespace or apiGroup)."""
        version, metadata = "rbac.authorization.k8s.io/v1", {"name": role}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        self.apply(
            [
                {"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": list(rules)},
                {"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": reference,
                 "subjects": [dict(subject)]},
            ]
        )  # fmt: skip

    # Faults. What is stopped or paused stays so until it is asked to go on.

    def stop_etcd(self) -> None:
        """Writes and consistent reads fail from now on, each after some seconds; watches stay open and silent."""
        self.parts[ETCD].kill()

    def start_etcd(self) -> None:
        """With the data that it had; waits until the server is ready again."""
        self.parts[ETCD].restart()
        self.wait_ready()

    def pause(self, name: str = SERVER) -> None:
        """A part of the control plane answers nobody any more, but every connection to it stays open."""
        self.parts[name].pause()

    def resume(self, name: str = SERVER) -> None:
        self.parts[name].resume()

    def kill(self, name: str = SERVER) -> None:
        """Nobody listens on its port any more."""
        self.parts[name].kill()

    def restart(self, name: str = SERVER) -> None:
        """The same port and data; also after `kill`. Every watch breaks; waits until ready."""
        self.parts[name].restart()
        self.wait_ready()

    def compact(self) -> None:
        """Forgets all history: a list by a `continue` of before ends with 410. A watch from before does too once
        `restart` has emptied the server's own memory of events."""
        version = int(self.get("/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"])
        connection = http.client.HTTPConnection(self.host, self._etcd, timeout=30)
        with contextlib.closing(connection):
            connection.request("POST", "/v3/kv/compaction", json.dumps({"revision": str(version), "physical": True}))
            answer = connection.getresponse()
            if answer.status != 200:
                raise ClusterError(f"etcd does not compact: {answer.read().decode(errors='replace')}")

    def wait_ready(self) -> None:
        until(self._ready, "the API server to be ready")

    def stop(self) -> None:
        """At once, also what is paused. The pods are asked nothing: there is nobody left to tell."""
        for part in reversed(self.parts.values()):
            part.kill()
        if self.pods is not None:
            self.pods.stop()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def begin(self) -> None:
        """Starts every part; returns when the server is ready."""
        programs = build.control_plane()
        for name, command in _commands(programs, self, self._etcd, self._peer, self._controllers).items():
            if name == CONTROLLERS:
                self.wait_ready()  # it ends itself when nobody answers
            self.parts[name] = processes.Part(name, command, self.folder)
        self.wait_ready()

    def _kubeconfig_of(self, user: str) -> Path:
        path = self.folder / f"kubeconfig-{user.replace(':', '-').replace('/', '-')}"
        identity.kubeconfig(path, self.url, self.authority, {user: self.credentials[user]})
        return path

    def _ready(self) -> bool:
        for part in self.parts.values():
            if (code := part.process.poll()) is not None:
                raise ClusterError(f"{part.name} ended with code {code}{processes.tails(self.folder)}")
        if not self.authority.exists():
            return False
        try:
            return self.request("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def gateway_api(channel: str) -> Iterator[dict[str, Any]]:
    """Every object of a channel's folder: CRDs, and a ValidatingAdmissionPolicy with its binding. kustomization.yaml
    is none: it is for a tool, not for a server."""
    yield from documents(sorted(build.crds(channel).glob("gateway.*.yaml")))


def documents(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Every object of YAML files; of a folder, every .yaml in it."""
    for path in paths:
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            yield from (found for found in yaml.load_all(file.read_bytes(), Loader=_YAML) if found)


def start(
    folder: Path,
    *,
    channel: str | None = "standard",
    controllers: bool = False,
    nodes: Sequence[pods.Node] = (),
    programs: Mapping[str, images.Program] | None = None,
    crds: Iterable[Path] = (),
) -> Cluster:
    """A new cluster with its data below `folder`.

    channel: which CRDs of the Gateway API; None for none. crds: files or folders of further ones. controllers: run
    kube-controller-manager. nodes: run pods on these (needs root, and `controllers` for Deployments; `pods.why_not`
    says why it would fail); programs: what images mean, beside `images.ECHO`.

    Raises ClusterError, with the end of the log, when it does not become ready; build.BuildError when it cannot be
    built.
    """
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, controllers=controllers)
    try:
        cluster.begin()
        cluster.started_in = time.monotonic() - began
        if channel is not None:
            cluster.install(channel)
        cluster.define(documents(crds))
        if nodes:
            api = Api(cluster.port, cluster.authority, cluster.credentials)
            cluster.pods = pods.Runner(api, folder / "pods", nodes, programs or {})
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _commands(
    programs: Path, cluster: Cluster, client: int, peer: int, controllers: bool
) -> dict[str, list[Path | str]]:
    folder, key = cluster.folder, cluster.folder / identity.SIGNING_KEY
    etcd_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    found: dict[str, list[Path | str]] = {
        ETCD: [
            programs / "server", "--name=default", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
            "--log-level=warn",
            f"--listen-client-urls={etcd_url}", f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls={peer_url}", f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
        ],
        SERVER: [
            programs / "kube-apiserver", f"--etcd-servers={etcd_url}", f"--secure-port={cluster.port}",
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--cert-dir={cluster.authority.parent}",
            "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={key}", f"--service-account-key-file={key}",
            "--authorization-mode=RBAC", f"--token-auth-file={folder / identity.TOKENS}",
            f"--client-ca-file={folder / identity.CLIENT_AUTHORITY}", "--allow-privileged=true",
            f"--request-timeout={_ANSWER}s",
        ],
    }  # fmt: skip
    if not controllers:  # without them a namespace never gets the account that this plugin wants for every pod
        found[SERVER].append("--disable-admission-plugins=ServiceAccount")
        return found
    found[CONTROLLERS] = [
        programs / "kube-controller-manager", f"--kubeconfig={cluster.kubeconfig}", "--leader-elect=false",
        "--use-service-account-credentials=false", "--secure-port=0", f"--root-ca-file={cluster.authority}",
        f"--controllers={','.join(_RUN)}",
    ]  # fmt: skip
    return found
