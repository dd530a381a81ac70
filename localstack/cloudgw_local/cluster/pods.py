"""Runs the pods of a cluster on this machine: nodes, binding, starting, statuses and the end, as scheduler and kubelet.

`cluster.start(nodes=...)` makes one Runner. One thread watches, one does everything else; every pod dies with this
process. This module must never run a program that nobody named for an image, and never touch a pod that is bound to a
node that is not its own.
"""

from __future__ import annotations

import http.client
import queue
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloudgw_local.cluster import images, network, pod, relay, volumes
from cloudgw_local.cluster.api import STRATEGIC, Api, ClusterError

why_not = network.why_not
_TICK = 0.05
_AGAIN = 1.0  # seconds until a start that was refused is tried again
_WATCH = 60  # seconds of one watch
_TROUBLE = (OSError, http.client.HTTPException, ValueError, ClusterError)
_PATIENCE = 40.0  # seconds for a thread that still waits for the API server, when all is to end
_PODS = "/api/v1/pods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """pods: the range of its pods' addresses, as 10.0.64.0/24; empty: a part of a range of the runner's own.

    address: its InternalIP; empty: what its pods know this machine by. labels: beside zone, hostname and system.
    """

    name: str
    zone: str
    pods: str = ""
    address: str = ""
    provider_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


NODES = (Node(name="node-a", zone="zone-a"), Node(name="node-b", zone="zone-b"))
_CLOUDS = "10.0.64.0/20"  # where machines of all local clouds have their pods: other addresses are strange to them


def nodes() -> Sequence[Node]:
    """NODES with pods that local clouds send requests to; with ranges of the runner's own where this machine has routes
    into those."""
    ranges = network.free_ranges(_CLOUDS, len(NODES))
    return [replace(node, pods=one) for node, one in zip(NODES, ranges, strict=True)] if ranges else NODES


class Runner:
    """Runs every pod of the cluster until `stop`. programs: may be added to at any time (`register`)."""

    def __init__(
        self,
        api: Api,
        folder: Path,
        nodes: Sequence[Node],
        programs: Mapping[str, images.Program],
        reach: Sequence[int] = (),
    ) -> None:
        self._api = api
        self._folder = folder
        self._nodes = tuple(nodes)
        self._programs = dict(programs)
        self._network = network.Network([node.pods for node in nodes])
        self._relays = relay.Relays()
        self._ports = [api.port, *reach]
        self._pods: dict[str, pod.Pod] = {}
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._log = threading.Lock()
        self._threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True) for target in (self._run, self._watch)
        ]
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for node, addresses in zip(self._nodes, self._network.ranges, strict=True):
                self._add_node(node, addresses)
            for thread in self._threads:
                thread.start()
        except BaseException:
            self.stop()
            raise

    @property
    def ranges(self) -> list[str]:
        """The addresses of the pods, by node."""
        return list(self._network.ranges)

    def register(self, image: str, program: images.Program) -> None:
        """From now on a container with this image (named without tag) runs the program."""
        self._programs = {**self._programs, image: program}

    def reach(self, port: int) -> None:
        """Pods that start from now on reach this port of this machine's 127.0.0.1 at their own 127.0.0.1."""
        self._ports.append(port)

    def namespace_of(self, namespace: str, name: str) -> str:
        """The network namespace of a running pod, for `ip netns exec`; raises ClusterError."""
        for one in list(self._pods.values()):
            if one.title == f"{namespace}/{name}" and one.place is not None:
                return one.place.name
        raise ClusterError(f"Pod {namespace}/{name} does not run here")

    def log_of(self, namespace: str, name: str) -> str:
        """What a pod's containers wrote, those of former pods of this name too; and why it does not start."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self._folder.glob(f"{namespace}_{name}_*.log"))
        )

    def stop(self) -> None:
        """Ends every pod at once and removes every namespace. The API server is not asked."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_PATIENCE)
        for one in self._pods.values():
            one.kill()
        self._network.close()
        self._relays.stop()

    # The threads

    def _watch(self) -> None:
        """Lists and watches, for ever: what was missed in between shows in the next list."""
        while not self._stopping.is_set():
            try:
                listed = self._api.get(_PODS)
                self._events.put(("LIST", listed["items"]))
                for event in self._api.watch(_PODS, listed["metadata"]["resourceVersion"], _WATCH):
                    if self._stopping.is_set():
                        return
                    if event["type"] == "ERROR":
                        break
                    self._events.put((event["type"], event["object"]))
            except _TROUBLE as error:
                self._note(f"watch: {error}")
                self._stopping.wait(0.2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                event = self._events.get(timeout=_TICK)
                while True:
                    self._take(*event)
                    event = self._events.get_nowait()
            except queue.Empty:
                pass
            for one in list(self._pods.values()):
                try:
                    self._advance(one)
                except _TROUBLE as error:
                    self._note(f"{one.title}: {error}")

    def _take(self, kind: str, found: Any) -> None:
        if kind == "LIST":
            here = {document["metadata"]["uid"] for document in found}
            for uid in [uid for uid in self._pods if uid not in here]:
                self._remove(self._pods.pop(uid))
            for document in found:
                self._take("MODIFIED", document)
        elif kind == "DELETED":
            if (one := self._pods.pop(found["metadata"]["uid"], None)) is not None:
                self._remove(one)
        elif kind in ("ADDED", "MODIFIED"):
            node = found["spec"].get("nodeName", "")
            if known := self._pods.get(found["metadata"]["uid"]):
                known.document = found
            elif not node or any(own.name == node for own in self._nodes):
                self._pods[found["metadata"]["uid"]] = pod.Pod(found)

    # One pod

    def _advance(self, one: pod.Pod) -> None:
        if not one.node and not one.deleting:
            self._bind(one)
        if one.node and not one.containers and not one.deleting and time.monotonic() >= one.later:
            self._start(one)
        one.poll()
        if one.over or not one.containers:
            if (one.over and one.place is not None) or one.deleting:
                self._remove(one)
            if one.deleting:
                self._delete(one)
                return
        status = one.status()
        if status != one.told:
            self._api.patch(f"{_path(one)}/status", {"status": status}, STRATEGIC)
            one.told = status

    def _bind(self, one: pod.Pod) -> None:
        """To the node that it names or that fits its selector and has the fewest pods."""
        spec = one.document["spec"]
        wanted = spec.get("nodeSelector") or {}
        fitting = [node for node in self._nodes if wanted.items() <= _labels(node).items()]
        counts = {node.name: sum(other.node == node.name for other in self._pods.values()) for node in fitting}
        name = spec.get("nodeName") or (min(counts, key=lambda name: counts[name]) if counts else "")
        if not name:
            self._note(f"{one.title}: no node fits its nodeSelector {wanted}")
            one.later = time.monotonic() + _AGAIN
            return
        if not spec.get("nodeName"):
            metadata = one.document["metadata"]
            body = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
                "target": {"apiVersion": "v1", "kind": "Node", "name": name},
            }
            status, answer = self._api.request("POST", f"{_path(one)}/binding", body)
            if status not in (201, 404, 409):
                raise ClusterError(f"cannot be bound to {name}: {answer.get('message')}")
        one.node = name

    def _start(self, one: pod.Pod) -> None:
        number = next(number for number, node in enumerate(self._nodes) if node.name == one.node)
        one.host = self._nodes[number].address or self._network.gateway
        if one.place is None:
            one.place = self._network.add(number)
            self._relays.open(one.place.name, self._ports)  # fails only where nothing would run either
        container = ""
        try:
            if one.document["spec"].get("initContainers"):
                raise images.Missing("CreateContainerConfigError", "init containers do not run here")
            base = {
                "POD_IP": one.place.address,
                "KUBERNETES_SERVICE_HOST": self._api.host,
                "KUBERNETES_SERVICE_PORT": str(self._api.port),
            }
            folder = self._folder / one.uid
            mounts = volumes.write(folder, one.document, base, self._reader(one), self._tokens(one))
            made = []
            for spec in one.document["spec"]["containers"]:
                container = spec["name"]
                program = images.find(spec["image"], self._programs)
                env = images.environment(one.document, spec, program, base, self._reader(one))
                command = images.command(spec, program, env)
                made.append(
                    pod.Container(
                        spec=spec,
                        command=volumes.mounted(command, spec, mounts, folder / "scratch" / container),
                        env=env,
                        program=program,
                        log=self._folder / f"{one.title.replace('/', '_')}_{container}.log",
                    )
                )
        except images.Missing as missing:
            one.refused, one.later = (container, *missing.args), time.monotonic() + _AGAIN
            return
        one.start(made)

    def _remove(self, one: pod.Pod) -> None:
        """Processes, namespace and files; a log stays until the end."""
        one.kill()
        if one.place is not None:
            self._relays.close(one.place.name)
            self._network.remove(one.place)
            one.place = None
        shutil.rmtree(self._folder / one.uid, ignore_errors=True)

    def _delete(self, one: pod.Pod) -> None:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": one.uid}}
        status, answer = self._api.request("DELETE", _path(one), body)
        if status not in (200, 404, 409):
            raise ClusterError(f"cannot be deleted: {answer.get('message')}")
        self._pods.pop(one.uid, None)

    def _reader(self, one: pod.Pod) -> images.Read:
        def read(plural: str, name: str) -> Mapping[str, Any] | None:
            namespace = one.document["metadata"]["namespace"]
            status, answer = self._api.request("GET", f"/api/v1/namespaces/{namespace}/{plural}/{name}")
            return answer if status == 200 else None

        return read

    def _tokens(self, one: pod.Pod) -> volumes.Token:
        def token(audience: str, seconds: int) -> str:
            metadata, account = one.document["metadata"], one.document["spec"].get("serviceAccountName", "default")
            bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": one.uid}
            spec = {"expirationSeconds": seconds, "boundObjectRef": bound, "audiences": [audience] if audience else []}
            body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
            path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
            status, answer = self._api.request("POST", path, body)
            if status != 201:
                raise images.Missing("CreateContainerConfigError", str(answer.get("message")))
            return str(answer["status"]["token"])

        return token

    def _add_node(self, node: Node, addresses: str) -> None:
        """Ready from the start; nobody renews its heartbeat, and no controller here asks for it."""
        spec = {"podCIDR": addresses, "podCIDRs": [addresses]}
        spec |= {"providerID": node.provider_id} if node.provider_id else {}
        metadata = {"name": node.name, "labels": _labels(node)}
        self._api.apply([{"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}])
        resources = {"cpu": "64", "memory": "256Gi", "pods": "250"}
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "network namespaces"}
        status = {
            "conditions": [ready],
            "addresses": [
                {"type": "InternalIP", "address": node.address or self._network.gateway},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": resources,
            "allocatable": resources,
        }
        self._api.patch(f"/api/v1/nodes/{node.name}/status", {"status": status}, STRATEGIC)
        self._api.patch(f"/api/v1/nodes/{node.name}", {"spec": {"taints": None}})

    def _note(self, text: str) -> None:
        with self._log, open(self._folder / "runner.log", "a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _path(one: pod.Pod) -> str:
    metadata = one.document["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def _labels(node: Node) -> dict[str, str]:
    return {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": node.zone,
        **node.labels,
    }
