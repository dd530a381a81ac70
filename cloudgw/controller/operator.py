"""`cloudgw controller`: the loop, its tasks, and kopf as the frame around them.

kopf brings start-up, login, signals and the stream of our own GatewayPlans, which is how people speak to us; every
other kind comes from our informers, because a kind that cannot be watched must not end the process and what vanished
unseen must be noticed. Followers keep their caches warm and write nothing. The process ends in order: no new pass, the
running ones to their end, the lease given back, then the connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

import aiohttp
import kopf

from cloudgw import registry
from cloudgw.controller import boards, lifecycle, metrics, names, plans, resources, server, sites, store
from cloudgw.controller.classes import Classes
from cloudgw.controller.events import Events
from cloudgw.controller.informers import Informers
from cloudgw.controller.kube import Kube
from cloudgw.controller.lease import Lease
from cloudgw.controller.outlet import Outlet
from cloudgw.controller.passes import Passes, Settings
from cloudgw.controller.state import States
from cloudgw.controller.worker import Fence, Worker
from cloudgw.controller.writing import Writer
from cloudgw.objects import CONTROLLER_NAME, Key
from cloudgw.provider import Clock, Placement, Provider, Rate, no_rates
from cloudgw.sources import kubeconfig, served

LOG = logging.getLogger(__name__)
TICK = 1.0  # seconds
SYSTEM = "kube-system"  # its UID is the cluster's
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATIENCE = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, *[30.0] * 10_000)  # kopf ends the process after the last


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `cloudgw controller` was told. namespaces: (): all. listen: HOST:PORT of metrics and probes."""

    owner: str
    namespace: str
    namespaces: Sequence[str] = ()
    mode: Literal["apply", "plan"] = "apply"
    foreign: Mapping[str, str] | None = None
    controller: str = CONTROLLER_NAME
    fleet_budget: int = 5
    resync: float = 600.0
    workers: int = 4
    listen: str = "0.0.0.0:8080"
    lease: str = "cloudgw"
    elects: bool = True
    throttles: bool = True
    kubeconfig: str | None = None
    context: str | None = None


class _Nothing(kopf.DiffBaseStorage):
    """kopf must never write on an object."""

    def build(self, **_: Any) -> Any:
        return {}

    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None


class _NoProgress(kopf.ProgressStorage):
    def fetch(self, **_: Any) -> Any:
        return None

    def store(self, **_: Any) -> None:
        return None

    def purge(self, **_: Any) -> None:
        return None

    def touch(self, **_: Any) -> None:
        return None

    def clear(self, *, essence: Any) -> Any:
        return essence


class Operator:
    """Everything of one process. Made inside the loop."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self.options, self.clock = options, clock
        self.version = metadata.version("cloudgw")
        self.worker: Worker | None = None
        self.kube = Kube(self._access, told=metrics.kube_call)
        self.store = store.Store(
            self._dirty,
            options.controller,
            classes_changed=self._classes_changed,
            namespaces=options.namespaces,
            foreign=options.foreign,
        )
        kinds = [registry.provider(name).parameters_kind for name in registry.names()]
        own = [*kinds, *(kind.replace("GatewayClassParameters", "GatewayParameters") for kind in kinds)]
        extra = [resources.own(kind) for kind in own]
        self.informers = Informers(self.kube, self.store, extra=extra, namespaces=options.namespaces)
        self.lease = Lease(
            self.kube,
            options.namespace,
            options.lease,
            f"{os.environ.get('POD_NAME', 'cloudgw')}_{secrets.token_hex(4)}",
        )
        self.events = Events(self.kube, controller=options.controller, instance=os.environ.get("POD_NAME", "cloudgw"))
        self.writer = Writer(self.kube, self.store, self._resource, controller=options.controller)
        self.classes = Classes(self.store, self.writer, kinds, self._says, options.controller)
        self._over = threading.Event()  # of the present term

    def _access(self) -> kubeconfig.Access:
        return kubeconfig.access(self.options.kubeconfig, self.options.context)

    def _dirty(self, gateway: tuple[str, str], reason: str) -> None:
        if self.worker is not None:
            self.worker.dirty(gateway, reason)

    def _classes_changed(self) -> None:
        self.classes.changed()

    def _resource(self, kind: str) -> served.Resource | None:
        return self.informers.resource(kind)

    def _leads(self) -> bool:
        return self.worker is not None and (not self.options.elects or self.lease.held())

    def _says(self) -> bool:
        return self.options.mode == "apply" and self._leads()

    # One term of leadership

    async def lead(self) -> None:
        """Waits until everything is known, then works. Raises when the address book cannot be read: the term ends."""
        while not self.informers.has_synced():
            await asyncio.sleep(0.05)
        over = self._over = threading.Event()

        def leads() -> bool:
            """A thread of a term that is over stays behind, also when this process leads again."""
            return not over.is_set() and self._leads()

        states = States(self.kube, self.options.namespace, leads)
        await asyncio.to_thread(states.load)
        outlet = Outlet(
            kube=self.kube,
            store=self.store,
            writer=self.writer,
            board=boards.RouteBoard(self.store, controller=self.options.controller, namespaces=self.options.namespaces),
            events=self.events,
            mode=self.options.mode,
            controller=self.options.controller,
        )
        settings = Settings(
            owner=self.options.owner,
            controller=self.options.controller,
            version=self.version,
            mode=self.options.mode,
            fleet_budget=self.options.fleet_budget,
            leads=leads,
            cluster=self._cluster,
            definitions=self._going,
            slices=self._slices,
        )
        found = sites.Sites(lambda placement: self._site(placement, worker, leads))
        passes = Passes(settings=settings, store=self.store, states=states, sites=found, outlet=outlet)
        worker = Worker(passes=passes, clock=self.clock, resync=self.options.resync, size=self.options.workers)
        self.worker = worker
        metrics.leader(True, self.options.lease)
        worker.start()
        self.classes.changed()
        LOG.info("works for owner %s in mode %s", self.options.owner, self.options.mode)

    async def retire(self) -> None:
        """The term is over: no new pass, and what runs comes to its end."""
        worker = self.worker
        if worker is not None:
            await asyncio.to_thread(worker.stop)
            self.worker = None
        self._over.set()
        metrics.leader(False, self.options.lease)
        metrics.stand_by()

    def _site(self, placement: Placement, worker: Worker, leads: Callable[[], bool]) -> sites.Site:
        provider = registry.provider(placement.provider)
        site = sites.Site(
            named=placement,
            provider=provider,
            clock=self.clock,
            hook=Fence(provider.name, leads, self.options.mode, self.clock, self._rates(provider)),
            owner=self.options.owner,
            queue=worker.queue(placement),
        )
        worker.begin(site)
        return site

    def _rates(self, provider: Provider) -> Callable[[str], Sequence[Rate]]:
        return getattr(provider, "rates", no_rates) if self.options.throttles else no_rates

    def _cluster(self) -> str:
        found = self.store.get("Namespace", ("", SYSTEM))
        return found.uid if found is not None else ""

    def _slices(self, service: Key) -> dict[str, str]:
        """The EndpointSlices of a Service, by name, with their versions: as the API server says now."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{service[0]}/endpointslices"
        params = {"labelSelector": f"kubernetes.io/service-name={service[1]}"}
        answer = self.kube.wait(self.kube.get(path, params=params))
        return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in answer.get("items", ())}

    def _going(self) -> set[str]:
        """Kinds whose definition is being deleted, or is gone, as the API server says now: asked before anything is
        deleted in a cloud. Raises what the API server's client raises: then nothing is deleted."""
        answer = self.kube.wait(self.kube.request("GET", DEFINITIONS, accept=served.METADATA_LIST))
        there = {item["metadata"]["name"]: item["metadata"] for item in answer.get("items", ())}
        known = lifecycle.definitions(self.store)
        gone = {kind for kind in known if lifecycle.definition_name(kind) not in there}
        going = {kind for kind in known if "deletionTimestamp" in there.get(lifecycle.definition_name(kind), {})}
        return gone | going

    # Tasks

    async def ticking(self) -> None:
        """For ever: the resync, and what the metrics say of the informers."""
        while True:
            await asyncio.sleep(TICK)
            if self.worker is not None:
                self.worker.tick()
            for one in self.informers.all():
                metrics.informer(one.wanted.kind, one.synced if one.installed else None, one.objects)

    def ready(self) -> tuple[bool, Sequence[str]]:
        """Caches are full: a follower is ready too."""
        if self.informers.has_synced():
            return True, ()
        return False, [f"{kind}: {reason}" for kind, reason in sorted(self.informers.states().items()) if reason]


def frame(operator: Operator) -> kopf.OperatorRegistry:
    """kopf's part: login, settings, and the GatewayPlans."""
    found = kopf.OperatorRegistry()

    @kopf.on.startup(registry=found)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.persistence.diffbase_storage = _Nothing()
        settings.persistence.progress_storage = _NoProgress()
        settings.posting.enabled = False
        settings.networking.error_backoffs = PATIENCE
        settings.queueing.idle_timeout = 0.1

    @kopf.on.login(registry=found)
    async def login(**_: Any) -> kopf.AiohttpSession:
        access = await asyncio.to_thread(operator._access)
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=access.trust if access.trust is not None else True),
            headers=dict(access.headers),
        )
        return kopf.AiohttpSession(aiohttp_session=session, server=access.server)

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURALS[names.PLAN], registry=found)
    async def said(event: Any, **_: Any) -> None:
        data = {"apiVersion": f"{names.GROUP}/{names.VERSION}", "kind": names.PLAN, **event["object"]}
        key, live = store.live(names.PLAN, data)
        if event["type"] == "DELETED":
            operator.store.drop(names.PLAN, key)
        else:
            operator.store.put(names.PLAN, key, live)
            if operator.options.mode == "apply" and plans.is_only_shown(live.status):
                operator._dirty(key, "config")  # somebody who does not apply wrote over what we say

    return found


async def run(options: Options, clock: Clock, started: Callable[[int], None] = lambda _: None) -> int:
    """Until a signal comes; the exit code. started: told the port of metrics and probes."""
    operator = Operator(options, clock)
    metrics.version(operator.version)
    try:
        pages = await server.start(options.listen, operator.ready)
    except (OSError, ValueError) as problem:
        LOG.error("--listen %s: %s; give an address that is free", options.listen, problem)
        await operator.kube.close()
        return 1
    started(pages.port)
    async with _tasks(
        operator.informers.run,
        operator.events.run,
        operator.classes.run,
        operator.ticking,
    ):
        leadership = asyncio.create_task(_lead(operator), name="leadership")
        stop = asyncio.Event()
        leadership.add_done_callback(lambda _: stop.set())
        await kopf.operator(
            registry=frame(operator),
            standalone=True,
            clusterwide=not options.namespaces,
            namespaces=options.namespaces,
            stop_flag=stop,
        )
        failed = leadership.exception() if leadership.done() and not leadership.cancelled() else None
        leadership.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await leadership
    await operator.kube.close()
    await pages.stop()
    if failed is not None:
        LOG.error("ended: %s", failed, exc_info=failed)
    return 1 if failed is not None else 0


async def _lead(operator: Operator) -> None:
    """For ever; when cancelled the term ends in order and the lease is given back."""
    if operator.options.elects:
        await operator.lease.run(operator.lead, operator.retire)
        return
    try:
        await operator.lead()
        await asyncio.Event().wait()
    finally:
        await operator.retire()


async def _for_ever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            LOG.exception("a defect of cloudgw; it goes on")
        await asyncio.sleep(TICK)


@contextlib.asynccontextmanager
async def _tasks(*work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run beside, and are cancelled at the end. They never end by themselves: a defect is said, and it goes on."""
    running = [asyncio.create_task(_for_ever(one)) for one in work]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
