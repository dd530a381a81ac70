"""Writes statuses: only where they differ, only our part, never over somebody else's write.

Reconcilers await it. Read-modify-write for every kind: one JSON patch on /status that holds the resourceVersion of what
was read, so that a write in between is a 409, and is read and merged anew, once. Server-side apply is not used: it
cannot express "never lower an observedGeneration", takes whole lists of entries from their other owners, and leaves
behind what it cannot remove. This module must never touch anything but /status.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from cloudgw import objects
from cloudgw.controller import boards, kube, merging
from cloudgw.objects import Key
from cloudgw.routing import statuses
from cloudgw.sources import served

log = logging.getLogger(__name__)
Outcome: TypeAlias = Literal["written", "same", "conflict", "gone"]
_REMEMBERED = 2048  # own writes that the informers may not have seen yet; one forgotten costs two requests


class Api(Protocol):
    """What is asked of `kube.Kube`."""

    async def get(self, path: str, /) -> dict[str, Any]: ...
    async def patch(self, path: str, body: Any, content_type: str, /) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """An object at one moment. refs: spec.parentRefs of a route."""

    uid: str
    version: str
    generation: int
    status: Mapping[str, Any]
    refs: Sequence[Mapping[str, Any]] | None = None


_Compute: TypeAlias = Callable[[_Read, str], dict[str, Any] | None]


class Writer:
    """resources: a kind as the server serves it, None where it is not installed. told: (kind, outcome), of each
    conflict and of each end. clock: the time for lastTransitionTime.

    Every way of writing answers whether something was written, and raises kube.Refused: 409 when somebody else wrote
    twice in between, 422 when the server finds the status invalid; and OSError when there is no answer. Calling again
    is always safe.
    """

    def __init__(
        self,
        api: Api,
        world: boards.World,
        resources: Callable[[str], served.Resource | None],
        *,
        controller: str = objects.CONTROLLER_NAME,
        told: Callable[[str, Outcome], None] = lambda _kind, _outcome: None,
        clock: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._api, self._world, self._resources = api, world, resources
        self._controller, self._told, self._clock = controller, told, clock
        self._locks: weakref.WeakValueDictionary[tuple[str, Key], asyncio.Lock] = weakref.WeakValueDictionary()
        self._written: OrderedDict[tuple[str, Key], tuple[str, _Read | None]] = (
            OrderedDict()
        )  # with the version of the cache

    async def write(self, kind: str, key: Key, wanted: statuses.ObjectStatus | None) -> bool:
        """The status of an object that we answer for. None: what is certainly ours is taken away."""

        def compute(read: _Read, now: str) -> dict[str, Any] | None:
            if wanted is None:
                return merging.removed(read.status, kind, controller=self._controller)
            return self._merged(kind, key, read, wanted, now)

        return await self._write(kind, key, compute)

    async def mark(self, kind: str, key: Key, condition: statuses.Condition) -> bool:
        """One condition on an object that we answer for, where there is no new status as a whole."""
        return await self._write(kind, key, lambda read, now: merging.marked(read.status, condition, now=now))

    async def post(self, board: boards.RouteBoard, kind: str, key: Key) -> bool:
        """The entries of a route or policy, as the board has them at the moment of the write."""

        def compute(read: _Read, now: str) -> dict[str, Any] | None:
            wanted = board.wanted(kind, key, read.refs)
            return self._merged(kind, key, read, wanted, now, keep=board.keeps(kind, key, read.refs))

        return await self._write(kind, key, compute)

    def _merged(
        self,
        kind: str,
        key: Key,
        read: _Read,
        wanted: statuses.ObjectStatus,
        now: str,
        keep: Callable[[Mapping[str, Any]], bool] = merging.nobody,
    ) -> dict[str, Any] | None:
        found = merging.merged(
            read.status, wanted, controller=self._controller, now=now, generation=read.generation, keep=keep
        )
        if found is not None and (missing := merging.left_out(found, wanted, self._controller)):
            log.warning(
                "%s %s: its status has no room for %s, others fill the list; remove what nobody needs of it",
                kind, "/".join(part for part in key if part), ", ".join(missing),
            )  # fmt: skip
        return found

    async def _write(self, kind: str, key: Key, compute: _Compute) -> bool:
        outcome = await self._outcome(kind, key, compute)
        self._told(kind, outcome)
        return outcome == "written"

    async def _outcome(self, kind: str, key: Key, compute: _Compute) -> Outcome:
        resource = self._resources(kind)
        if resource is None:
            return "gone"
        path = f"{resource.path(key[0])}/{key[1]}"
        async with self._locks.setdefault((kind, key), asyncio.Lock()):
            read = self._cached(kind, key)
            uid = read.uid if read is not None else ""
            fresh = read is None
            while True:
                try:
                    read = read or _read(await self._api.get(path))
                    if uid and read.uid != uid:
                        return "gone"  # another object of the same name; its own reconciliation is to come
                    status = compute(read, self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"))
                    if status is None:
                        return "same"
                    patch = [
                        {"op": "replace", "path": "/metadata/resourceVersion", "value": read.version},
                        {"op": "add", "path": "/status", "value": status},
                    ]
                    answer = await self._api.patch(f"{path}/status", patch, kube.JSON_PATCH)
                except kube.Refused as refused:
                    self._written.pop((kind, key), None)
                    if refused.status == 404:
                        return "gone"
                    if refused.status == 409:
                        self._told(kind, "conflict")
                    if refused.status != 409 or fresh:
                        raise
                    read, fresh = None, True
                except BaseException:  # no answer, or nobody waits for it any more: it may have been written
                    self._remember(kind, key, None)
                    raise
                else:
                    self._remember(kind, key, _read(answer))
                    return "written"

    def _cached(self, kind: str, key: Key) -> _Read | None:
        """As the informers saw it, or as we left it when they have not seen that yet. None: the server has to be
        asked."""
        seen = self._world.get(kind, key)
        if seen is None or not seen.version:
            return None
        version, written = self._written.get((kind, key), ("", None))
        if version == seen.version:
            return written
        self._written.pop((kind, key), None)
        refs = boards.parent_refs(seen.item)
        return _Read(uid=seen.uid, version=seen.version, generation=seen.generation, status=seen.status, refs=refs)

    def _remember(self, kind: str, key: Key, read: _Read | None) -> None:
        """What stands there now; None: it is not known."""
        seen = self._world.get(kind, key)
        if seen is None or (read is not None and seen.version == read.version):
            return
        self._written[(kind, key)] = (seen.version, read)
        self._written.move_to_end((kind, key))
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)


def _read(data: Mapping[str, Any]) -> _Read:
    metadata = data["metadata"]
    return _Read(
        uid=metadata.get("uid") or "",
        version=metadata["resourceVersion"],
        generation=metadata.get("generation") or 0,
        status=data.get("status") or {},
        refs=(data["spec"].get("parentRefs") or []) if boards.LISTS.get(data.get("kind", "")) == "parents" else None,
    )
