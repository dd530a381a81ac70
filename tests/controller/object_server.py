"""An API server of a few lines: objects by path, resourceVersions, conflicts. For tests of what asks `kube.Kube`.

What a real one does beyond that is tried in `test_statuses_live`. This module must never be kinder than a real one.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from cloudgw.controller import kube, store
from cloudgw.objects import GATEWAY_GROUP, Key
from cloudgw.sources import served

PLURALS = {"Gateway": "gateways", "HTTPRoute": "httproutes", "GatewayClass": "gatewayclasses"}


def resource(kind: str) -> served.Resource | None:
    if kind not in PLURALS:
        return None
    plural = PLURALS[kind]
    return served.Resource(
        group=GATEWAY_GROUP, version="v1", kind=kind, plural=plural, namespaced=kind != "GatewayClass"
    )


def manifest(kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "generation": 1, **metadata},
        "spec": spec,
    }


class Server:
    """Takes the place of `kube.Kube` and of `store.Store`: `seen` is what the informers have seen, until `catch_up`.
    hooks: run before the next requests, one each. requests: (method, path)."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.seen: dict[tuple[str, Key], store.Live] = {}
        self.requests: list[tuple[str, str]] = []
        self.hooks: list[Callable[[], None]] = []
        self.complete = {"Gateway", "ListenerSet"}
        self.classes: dict[Key, str] = {}
        self._versions = itertools.count(1)

    def add(self, data: Mapping[str, Any], *, seen: bool = True) -> dict[str, Any]:
        """As if somebody had written it; uid and resourceVersion are given here."""
        found = copy.deepcopy(dict(data))
        version = str(next(self._versions))
        found["metadata"] = {"uid": f"uid-{version}", **found["metadata"], "resourceVersion": version}
        self.objects[path_of(found)] = found
        if seen:
            self.catch_up()
        return found

    def catch_up(self) -> None:
        self.seen = {}
        for one in self.objects.values():
            key, live = store.live(one["kind"], one)
            self.seen[(one["kind"], key)] = live

    # kube.Kube

    async def get(self, path: str) -> dict[str, Any]:
        await self._asked("GET", path)
        return copy.deepcopy(self._object(path))

    async def patch(self, path: str, body: Any, content_type: str) -> dict[str, Any]:
        await self._asked("PATCH", path)
        assert content_type == kube.JSON_PATCH
        bare, status = path.removesuffix("/status"), path.endswith("/status")
        found = copy.deepcopy(self._object(bare))
        for step in body:
            _patched(found, step["op"], step["path"].split("/")[1:], step.get("value"))
        before = self.objects[bare]
        if found["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"]:
            raise kube.Refused(409, "Conflict", "the object has been modified")
        kept = {**before, "status": found["status"]} if status else {**found, "status": before.get("status", {})}
        kept["metadata"] = {**kept["metadata"], "resourceVersion": str(next(self._versions))}
        self.objects[bare] = kept
        return copy.deepcopy(kept)

    async def _asked(self, method: str, path: str) -> None:
        self.requests.append((method, path))
        if self.hooks:
            self.hooks.pop(0)()
        await asyncio.sleep(0)

    def _object(self, path: str) -> dict[str, Any]:
        if path not in self.objects:
            raise kube.Refused(404, "NotFound", "not found")
        return self.objects[path]

    # store.Store

    def keys(self, kind: str) -> list[Key]:
        return sorted(key for known, key in self.seen if known == kind)

    def live(self, kind: str, key: Key) -> store.Live | None:
        return self.seen.get((kind, key))

    def is_complete(self, kind: str) -> bool:
        return kind in self.complete

    def class_of(self, gateway: Key) -> str:
        return self.classes.get(gateway, "ours")


class World:
    """The half of a Server that is a `boards.World`: both halves have a `get`."""

    def __init__(self, server: Server) -> None:
        self.get, self.keys = server.live, server.keys
        self.is_complete, self.class_of = server.is_complete, server.class_of


def path_of(data: Mapping[str, Any]) -> str:
    found = resource(data["kind"])
    assert found is not None
    metadata = data["metadata"]
    return f"{found.path(metadata.get('namespace', ''))}/{metadata['name']}"


def _patched(found: Any, op: str, path: list[str], value: Any) -> None:
    *above, last = path
    for part in above:
        found = found[int(part) if isinstance(found, list) else part]
    if isinstance(found, list):
        if op == "remove":
            del found[int(last)]
        else:
            assert (op, last) == ("add", "-")
            found.append(value)
    elif op == "remove":
        del found[last]
    else:
        assert op == "add" or last in found
        found[last] = value
