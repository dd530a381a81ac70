"""A small API server for tests of the informers: discovery, lists in pages, watches; and it fails when it is told to.

It knows what informers rely on and nothing more; the same tests' claims are made before a real server too. Everything
runs on the test's own event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

GROUP, KIND, PLURAL = "example.test", "Thing", "things"


def thing(name: str, namespace: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


class ApiServer:
    """refuse: "discovery", "list" or "watch" -> HTTP status, of every such request until it is taken away. asked: what
    was requested. after_page: called after each page of a list that is not the last."""

    def __init__(self, group: str = GROUP, kind: str = KIND, plural: str = PLURAL) -> None:
        self.group, self.kind, self.plural = group, kind, plural
        self.version = 100
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.history: list[tuple[int, dict[str, Any]]] = []  # (version, event)
        self.oldest = 0  # watches from before are told 410
        self.installed = True
        self.refuse: dict[str, int] = {}
        self.asked: list[str] = []
        self.url = ""
        self.after_page: Callable[[], None] = lambda: None
        self.continues = True
        self._streams: list[web.Request] = []
        self._news = asyncio.Event()

    # What happens in the cluster

    def put(self, item: dict[str, Any]) -> None:
        key = (item["metadata"]["namespace"], item["metadata"]["name"])
        self.version += 1
        stored = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
        name = "MODIFIED" if key in self.objects else "ADDED"
        self.objects[key] = stored
        self._happened(name, stored)

    def remove(self, name: str, namespace: str = "a") -> None:
        self.version += 1
        item = self.objects.pop((namespace, name))
        gone = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}
        self._happened("DELETED", gone)

    def forget(self) -> None:
        """As after a compaction."""
        self.version += 1
        self.oldest = self.version

    def cut(self) -> None:
        """Every watch breaks, in the middle of a line."""
        for request in self._streams:
            if request.transport is not None:
                request.transport.abort()

    def _happened(self, name: str, item: dict[str, Any]) -> None:
        whole = {"apiVersion": f"{self.group}/v1", "kind": self.kind, **item}
        self.history.append((self.version, {"type": name, "object": whole}))
        self._news.set()
        self._news = asyncio.Event()

    # What it answers

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[ApiServer]:
        app = web.Application()
        root = f"/apis/{self.group}/v1"
        app.router.add_get(root, self._discovery)
        app.router.add_get(f"{root}/{self.plural}", self._things)
        app.router.add_get(f"{root}/namespaces/{{namespace}}/{self.plural}", self._things)
        runner = web.AppRunner(app, shutdown_timeout=0.05)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.cut()
            await runner.cleanup()

    async def _discovery(self, _: web.Request) -> web.StreamResponse:
        self.asked.append("discovery")
        if refused := self._refused("discovery"):
            return refused
        verbs = ["get", "list", "watch"]
        found = [{"name": self.plural, "kind": self.kind, "namespaced": True, "verbs": verbs}] if self.installed else []
        return web.json_response({"resources": found})

    async def _things(self, request: web.Request) -> web.StreamResponse:
        watching = request.query.get("watch") == "true"
        self.asked.append("watch" if watching else "list")
        if refused := self._refused("watch" if watching else "list"):
            return refused
        if not self.installed:
            return _status(404)
        return await self._watch(request) if watching else self._list(request)

    def _list(self, request: web.Request) -> web.StreamResponse:
        if "continue" in request.query and not self.continues:
            return _status(410)
        first, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", 0))
        items = [self.objects[key] for key in sorted(self.objects) if _within(request, key)]
        page = items[first : first + limit] if limit else items
        about = {"resourceVersion": str(self.version)}
        if limit and first + limit < len(items):
            about["continue"] = str(first + limit)
            asyncio.get_running_loop().call_soon(self.after_page)
        return web.json_response({"metadata": about, "items": page})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        seen = int(request.query["resourceVersion"])
        if seen < self.oldest:
            error = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
            await response.write(json.dumps(error).encode() + b"\n")
            return response
        self._streams.append(request)
        try:
            while True:
                news = self._news
                for version, event in [one for one in self.history if one[0] > seen]:
                    metadata = event["object"]["metadata"]
                    if _within(request, (metadata["namespace"], metadata["name"])):
                        await response.write(json.dumps(event).encode() + b"\n")
                    seen = version
                await news.wait()
        finally:
            self._streams.remove(request)

    def _refused(self, what: str) -> web.Response | None:
        return _status(self.refuse[what]) if what in self.refuse else None


def _status(code: int) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "reason": "No", "message": "told to"}, status=code)


def _within(request: web.Request, key: tuple[str, str]) -> bool:
    return request.match_info.get("namespace") in (None, key[0])
