"""Lists and watches keep the store as the cluster is: one informer per kind, each minding its own failures.

Runs on the event loop; the operator starts one `Informers` and waits until `has_synced`. A list comes in pages, then a
watch goes on from there; when the server forgot where we were, a list again, and what is not in it any more is dropped.
A read that failed says nothing: the store keeps what it has and is told that the kind is not complete. This module must
never drop an object that no answer of the server says is gone, never end because of one kind, and never block the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cloudgw.controller import resources, store
from cloudgw.controller.kube import QUIET, Kube, Refused
from cloudgw.controller.resources import Discovery, Wanted
from cloudgw.objects import GATEWAY_GROUP, OWN_GROUP, Key, Unknown
from cloudgw.sources import catalog, served

log = logging.getLogger(__name__)

PAGE = 500  # objects per answer of a list
_BREATH = 10  # objects read in one go: a few milliseconds in which nothing else runs
_LOST = 5  # failures in a row after which nothing is believed of where the watch was
_SETTLING = 1.0  # seconds a watch lives before it counts: a version too old is told by its first event
Read: TypeAlias = Callable[[str, Mapping[str, Any]], tuple[Key, store.Live]]


class Sink(Protocol):
    """What informers need of a store."""

    def put(self, kind: str, key: Key, new: store.Live) -> None: ...
    def drop(self, kind: str, key: Key) -> None: ...
    def complete(self, kind: str) -> None: ...
    def incomplete(self, kind: str, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds. first, most: pauses after failures. look: between looks for what is missing or forbidden. watch: the
    server is asked to end a watch after this long, or up to twice that. quiet: without a word, a watch is broken."""

    first: float = 0.5
    most: float = 30.0
    look: float = 30.0
    watch: float = 300.0
    quiet: float = QUIET

    def after(self, failures: int) -> float:
        """Never the same for two of us."""
        return float(min(self.first * 2 ** min(failures - 1, 16), self.most) * random.uniform(0.5, 1.0))


class Informer:
    """One kind. reason: why it is not complete, "" when it is; installed: the server serves it; last_event: when the
    server was last heard of it (monotonic)."""

    def __init__(
        self,
        kube: Kube,
        wanted: Wanted,
        sink: Sink,
        discovery: Discovery,
        *,
        namespaces: Sequence[str] = (),
        pace: Pace = Pace(),
        read: Read = store.live,
    ) -> None:
        self.wanted = wanted
        self.installed = True
        self.last_event = time.monotonic()
        places = wanted.namespaces or (tuple(namespaces) if wanted.namespaced else ()) or ("",)
        self._sink, self._told = sink, "?"
        self._streams = [_Stream(self, kube, sink, discovery, place, pace, read) for place in places]

    @property
    def reason(self) -> str:
        return next((stream.reason for stream in self._streams if stream.reason), "")

    @property
    def synced(self) -> bool:
        """Complete now."""
        return not self.reason

    @property
    def settled(self) -> bool:
        """Whether start-up need not wait for it: every list came once; where nobody has to wait for it a clear no will
        do."""
        return all(stream.listed or (stream.refused and self.wanted.optional) for stream in self._streams)

    @property
    def resource(self) -> served.Resource | None:
        """As the server serves it; None where it does not, or was not found yet."""
        return next((stream.resource for stream in self._streams if stream.resource is not None), None)

    @property
    def objects(self) -> int:
        return sum(len(stream.known) for stream in self._streams)

    async def run(self) -> None:
        """For ever; one kind's failures never leave it."""
        self.tell()
        async with asyncio.TaskGroup() as group:
            for stream in self._streams:
                group.create_task(stream.run(), name=f"informer {self.wanted.kind} {stream.place}".rstrip())

    def tell(self) -> None:
        """The store hears of changes only."""
        reason = self.reason
        if reason == self._told:
            return
        kind, first, self._told = self.wanted.kind, self._told == "?", reason
        if not reason:
            log.info("%s: complete, %d objects", kind, self.objects)
            self._sink.complete(kind)
        else:
            level = logging.INFO if not self.installed and self.wanted.optional else logging.WARNING
            level = logging.DEBUG if first else level  # before the first list
            log.log(level, "%s: not complete, what is known stays: %s", kind, reason)
            self._sink.incomplete(kind, reason)


class _Stream:
    """The list and the watch of one kind in one place. place: a namespace, "" for everywhere."""

    def __init__(
        self, informer: Informer, kube: Kube, sink: Sink, discovery: Discovery, place: str, pace: Pace, read: Read
    ) -> None:
        self.place, self.reason = place, "was not listed yet"
        self.listed = self.refused = False
        self.known: dict[Key, str] = {}  # key -> resourceVersion
        self._informer, self._wanted, self._kube, self._sink = informer, informer.wanted, kube, sink
        self._discovery, self._pace, self._read = discovery, pace, read
        self.resource: served.Resource | None = None
        self._version = ""  # from where to watch on; "" = a list is needed
        self._failures = 0  # since a watch was well
        self._looks = 0  # in vain, for what is not installed

    async def run(self) -> None:
        while True:
            try:
                await self._round()
            except (Refused, OSError) as error:
                await asyncio.sleep(self._failed(error))
            except Exception as error:  # a defect of ours: said with its trace, and no other kind suffers
                log.exception("%s: its informer failed and starts again", self._wanted.kind)
                self._version = ""
                self._failures += 1
                self._say(f"its informer failed ({type(error).__name__}); a defect of cloudgw: report it")
                await asyncio.sleep(self._pace.after(self._failures))

    async def _round(self) -> None:
        if self.resource is None:
            found = await self._discovery.find(self._wanted)
            self._informer.installed = found is not None
            if found is None:
                self._version, self.refused = "", True
                self._say(f"is not installed in the cluster: {self._wanted.title}")
                # A definition is served somewhat later than it says so: often at first, then seldom.
                pause = min(self._pace.first * 2**self._looks, self._pace.look)
                self._looks = 0 if await self._discovery.pause(pause) else min(self._looks + 1, 16)
                return
            self.resource, self._version, self._looks = found, "", 0
        if not self._version:
            await self._list(self.resource)
        began = time.monotonic()
        await self._watch(self.resource)
        if time.monotonic() - began < _SETTLING:
            await asyncio.sleep(self._pace.first)  # a server that ends every watch at once is not asked in a loop

    async def _list(self, resource: served.Resource) -> None:
        """Everything anew. What stands in no page of a whole list is gone."""
        accept = served.METADATA_LIST if self._wanted.bare else served.JSON
        for limit in (PAGE, 0):
            seen: set[Key] = set()
            moment = ""
            try:
                pages = self._kube.pages(resource.path(self.place), self._wanted.params, limit=limit, accept=accept)
                async with contextlib.aclosing(pages):
                    async for items, version in pages:
                        moment = version
                        for number, item in enumerate(items, 1):
                            seen.add(self._put(item, resource))
                            if not number % _BREATH:
                                await asyncio.sleep(0)
                        self._informer.last_event = time.monotonic()
                break
            except Refused as refused:
                if refused.status != 410 or not limit:
                    raise
        for key in [key for key in self.known if key not in seen]:
            self._drop(key)
        self._version, self.listed = moment, True
        self._say("")

    async def _watch(self, resource: served.Resource) -> None:
        """Until the server ends it."""
        seconds = self._pace.watch * random.uniform(1.0, 2.0)
        params = {**self._wanted.params, "resourceVersion": self._version, "timeoutSeconds": str(max(1, int(seconds)))}
        accept = served.METADATA if self._wanted.bare else served.JSON
        settled: list[asyncio.TimerHandle] = []

        def opened() -> None:
            settled.append(asyncio.get_running_loop().call_later(_SETTLING, self._up))

        events = self._kube.watch(
            resource.path(self.place), params, accept=accept, quiet=self._pace.quiet, opened=opened
        )
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    self._event(event["type"], event["object"], resource)
        finally:
            for timer in settled:
                timer.cancel()

    def _event(self, name: str, item: Mapping[str, Any], resource: served.Resource) -> None:
        if name in ("ADDED", "MODIFIED"):
            self._put(item, resource)
        elif name == "DELETED":
            metadata = item["metadata"]
            self._drop((metadata.get("namespace") or "", metadata["name"]))
        self._version = item["metadata"]["resourceVersion"]
        self._informer.last_event = time.monotonic()
        if self.reason or self._failures:
            self._up()
        if resource.kind == _DEFINITION and name != "BOOKMARK" and item["metadata"]["name"].endswith(_OF_INTEREST):
            self._discovery.changed()

    def _put(self, item: Mapping[str, Any], resource: served.Resource) -> Key:
        metadata = item["metadata"]
        key, version = (metadata.get("namespace") or "", metadata["name"]), metadata.get("resourceVersion") or ""
        if not catalog.concerns(resource.group, metadata["name"]) or (version and self.known.get(key) == version):
            return key
        try:
            _, live = self._read(resource.kind, served.complete(item, resource))
        except Exception as error:  # one bad object harms only itself; a Secret's content must not show: no trace
            log.error("%s %s/%s: cannot be read (%s): a defect of cloudgw", resource.kind, *key, type(error).__name__)
            live = store.Live(item=Unknown(f"cannot be read (defect: {type(error).__name__})"), version=version)
        self._sink.put(resource.kind, key, live)
        self.known[key] = version
        return key

    def _drop(self, key: Key) -> None:
        if self.known.pop(key, None) is not None:
            self._sink.drop(self._wanted.kind, key)

    def _up(self) -> None:
        """The watch is well."""
        self._failures, self.refused = 0, False
        self._informer.last_event = time.monotonic()
        self._say("")

    def _say(self, reason: str) -> None:
        self.reason = reason
        self._informer.tell()

    def _failed(self, error: Refused | OSError) -> float:
        """What follows from a failure; seconds until the next attempt."""
        self._failures += 1
        status = error.status if isinstance(error, Refused) else 0
        if status == 410:  # our place is forgotten: a list tells what we missed, and nothing is wrong until it fails
            self._version = ""
            return 0.0 if self._failures == 1 else self._pace.after(self._failures)
        if status == 404:
            self.resource, self.refused = None, True
            self._discovery.forget()
            self._say(f"is not served any more: {self._wanted.title}")
            return self._pace.after(self._failures)
        if status == 403 and self.resource is not None:
            self.refused = True
            within = f" in namespace {self.place}" if self.place else ""
            rule = self.resource.rule("list", "watch")
            self._say(f"user {self._kube.user!r} may not list and watch it{within} (403): {rule}")
            return self._pace.look * random.uniform(0.5, 1.0)
        if self._failures >= _LOST:
            self._version = ""
        # A stream that breaks once is no news: connections do. Whatever else fails, or fails again, is.
        if not self.listed or not self._version or self._failures > 1 or status == 401:
            answer = f"the API server answers {error}" if isinstance(error, Refused) else str(error)
            self._say(f"{answer or type(error).__name__}; it is asked again")
        asked = error.retry_after if isinstance(error, Refused) else 0.0
        return max(self._pace.after(self._failures), min(asked, self._pace.most))


_DEFINITION = "CustomResourceDefinition"
_OF_INTEREST = (f".{GATEWAY_GROUP}", f".{OWN_GROUP}")


class Informers:
    """One informer per kind. extra: kinds beyond those that routing needs. namespaces: watch only these; () = all."""

    def __init__(
        self,
        kube: Kube,
        sink: Sink,
        *,
        wanted: Sequence[Wanted] = resources.RESOURCES,
        extra: Sequence[Wanted] = (),
        namespaces: Sequence[str] = (),
        pace: Pace = Pace(),
        read: Read = store.live,
    ) -> None:
        discovery = Discovery(kube)
        self._informers = {
            one.kind: Informer(kube, one, sink, discovery, namespaces=namespaces, pace=pace, read=read)
            for one in (*wanted, *extra)
        }

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for informer in self._informers.values():
                group.create_task(informer.run())

    def has_synced(self) -> bool:
        """Every kind that must be there was listed, and each other one was listed or clearly refused: not installed, or
        forbidden. Once true it stays."""
        return all(informer.settled for informer in self._informers.values())

    def states(self) -> Mapping[str, str]:
        """kind -> why it is not complete, "" when it is."""
        return {kind: informer.reason for kind, informer in self._informers.items()}

    def all(self) -> Sequence[Informer]:
        return tuple(self._informers.values())

    def resource(self, kind: str) -> served.Resource | None:
        """A kind as discovery found it."""
        found = self._informers.get(kind)
        return found.resource if found is not None else None
