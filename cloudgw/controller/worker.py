"""The threads of a leader: one that finds out where a Gateway has to be looked at, and some for each site.

Made when leadership is won, stopped when it is lost or the process ends: a pass that runs is let run to its end, the
next is not begun. What goes wrong with one Gateway is said, waited for and tried again, and harms no other. Nothing of
a worker outlives it but what the cluster and the clouds hold.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from cloudgw.controller import kube, leaving, lifecycle, logs, metrics, sites, tracing
from cloudgw.controller.passes import Passes
from cloudgw.controller.rates import Buckets
from cloudgw.controller.sites import Site
from cloudgw.controller.workqueue import Item, Queue
from cloudgw.objects import Key
from cloudgw.provider import Clock, Failed, Failure, Placement, Rate, no_rates
from cloudgw.sources.kubeconfig import ClusterError

LOG = logging.getLogger(__name__)
NAME, TARGETS = "gateway", "targets"
SWIFT = 2  # threads of a site for targets alone
SOON = 0.1  # seconds until another thread may be done with a Gateway
NOBODY: Key = ("", "")  # stands for what belongs to no Gateway any more
STRAYS = 30.0  # seconds after everything was begun to be looked at
GRACE = 25.0  # seconds in which a pass may come to its end


class Fence:
    """The last word before a call leaves for a cloud: at the cloud's pace, only a leader writes, nobody in plan mode.
    rates: the buckets that an operation draws from."""

    def __init__(
        self,
        provider: str,
        leads: Callable[[], bool],
        mode: str,
        clock: Clock,
        rates: Callable[[str], Sequence[Rate]] = no_rates,
    ) -> None:
        self._provider, self._leads, self._mode, self._rates = provider, leads, mode, rates
        self._clock, self._buckets = clock, Buckets(clock.now)

    def before(self, operation: str, *, write: bool) -> None:
        self._wait(self._buckets.draw(self._rates(operation)))
        if write and self._mode == "plan":
            raise Failed("denied", f"{operation} is not sent: in plan mode nothing is written")
        if write and not self._leads():
            raise Failed("denied", f"{operation} is not sent: this process does not lead any more")

    def after(self, operation: str, *, write: bool, seconds: float, failure: Failure | None) -> None:  # noqa: ARG002
        if failure is not None and failure.why == "throttled":
            self._buckets.empty(self._rates(operation))
        metrics.cloud_call(self._provider, operation, failure.why if failure is not None else "ok", seconds)

    def _wait(self, seconds: float) -> None:
        """For the cloud's pace; not for longer than this process leads."""
        metrics.paced(self._provider, seconds)
        while seconds > 0 and self._leads():
            self._clock.sleep(min(seconds, 1.0))
            seconds -= 1.0


@dataclass(slots=True, kw_only=True)
class Worker:
    """passes: made by `make`, because sites begin to work when they are made. resync: seconds between two looks at
    everything. size: threads of a site."""

    passes: Passes
    clock: Clock
    resync: float
    size: int
    _router: Queue[Key] = field(init=False)
    _threads: list[threading.Thread] = field(default_factory=list)
    _queues: list[Queue[Key]] = field(default_factory=list)
    _where: dict[Key, tuple[Site, ...]] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._router = Queue(time.monotonic)

    def start(self) -> None:
        """Everything is looked at once."""
        self._next = time.monotonic() + self.resync
        metrics.workers(NAME, self.size)
        self._spawn(self._route, "router", self._router)
        for key in self._everything():
            self.dirty(key, "start")
        self._router.add(NOBODY, "strays", STRAYS)

    def dirty(self, gateway: Key, reason: str) -> None:
        """From any thread; returns at once. Where pods go is known: they wait for nobody else's listing."""
        known = self._where.get(gateway, ()) if reason == TARGETS else ()
        for site in known:
            site.swift.add(gateway, reason)
        if not known:
            self._router.add(gateway, reason)
        metrics.added(NAME)

    def begin(self, site: Site) -> None:
        """A new site: its threads."""
        name = str(site.named)
        for number in range(self.size):
            self._spawn(lambda: self._serve(site, name), f"{name}/{number}", site.queue)
        for number in range(SWIFT):
            self._spawn(lambda: self._serve_targets(site, name), f"{name}/targets/{number}", site.swift)

    def queue(self, placement: Placement) -> Queue[Key]:
        name = str(placement)

        def told(depth: int, waited: float) -> None:
            metrics.queued(name, depth, oldest=time.monotonic() - waited if depth else None)
            metrics.queue_latency(name, waited)

        return Queue(self.clock.now, told)

    def tick(self) -> None:
        """Now and then, from the loop: everything is looked at again when its time has come."""
        if time.monotonic() >= self._next and not self._stopping.is_set():
            self._next = time.monotonic() + self.resync
            for key in self._everything():
                self.dirty(key, "resync")
            self._router.add(NOBODY, "strays", STRAYS)

    def stop(self, patience: float = GRACE) -> None:
        """No new pass; returns when those that ran have ended, or after `patience` seconds."""
        self._stopping.set()
        for queue in self._queues:
            queue.close()
        until = time.monotonic() + patience
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                LOG.warning(
                    "%s did not end within %.0f s; what it writes is refused by the fence", thread.name, patience
                )

    def _everything(self) -> list[Key]:
        found = set(self.passes.store.gateways())
        return sorted(found | {state.gateway for state in self.passes.states.all()})

    def _spawn(self, target: Callable[[], None], name: str, queue: Queue[Key]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        if queue not in self._queues:
            self._queues.append(queue)
        if self._stopping.is_set():  # a site that was found at the last moment
            queue.close()
        thread.start()

    # Where a Gateway has to be looked at

    def _route(self) -> None:
        while (item := self._router.take()) is not None:
            try:
                self._routed(item.key, item.reasons)
                self._router.succeeded(item.key)
            except Exception as problem:
                _say(item.key, problem)
                self._router.add(item.key, "retry", self._router.failed(item.key))
            finally:
                self._router.done(item.key)

    def _routed(self, gateway: Key, reasons: Collection[str]) -> None:
        if gateway == NOBODY:
            if self.passes.settings.mode == "apply":
                self.passes.outlet.strays()
            return
        seen = self.passes.look(gateway)
        found = self._sites(seen)
        self._where[gateway] = found
        for site in found:
            for reason in reasons:
                site.queue.add(gateway, reason)
        if seen.fate == "vanished":  # whatever stands stays, and nothing is said of it any more
            self.passes.outlet.forget(seen)
        if found or self.passes.settings.mode == "plan":
            return
        with logs.bound(namespace=gateway[0], name=gateway[1]):
            if seen.fate == "undecided":
                self.passes.outlet.undecided(seen)
            elif seen.leaves:
                if (again := leaving.done(self.passes, seen)) is not None:
                    self._router.add(gateway, "again", again)
            elif seen.fate == "strange":
                self.passes.outlet.forget(seen)
                self._where.pop(gateway, None)
            elif seen.fate == "vanished":
                self.passes.states.drop(gateway)
                self._where.pop(gateway, None)

    def _sites(self, seen: lifecycle.Look) -> tuple[Site, ...]:
        """Where something of a Gateway is wanted or stands. A placement without an account may turn out to be another
        one than what stands, once it is connected: then both are looked at."""
        found: list[Site] = []
        for placement in (*lifecycle.placements(seen), *seen.state.placements):
            if any(site.covers(placement) for site in found):
                continue
            try:
                found.append(self.passes.sites.of(placement))
            except Failed as missing:
                if seen.chosen is None or placement == seen.chosen.placement:
                    raise
                LOG.warning("what stands in %s stays, and %s is served elsewhere: %s", placement, seen.owner, missing)
        return tuple(found)

    # One site

    def _serve(self, site: Site, name: str) -> None:
        while (item := site.queue.take()) is not None:
            with self._measured(item.key, name) as ended:
                try:
                    again = self.passes.run(site, item.key, item.reasons)
                    if again is not None:
                        ended.append("requeue_after")
                        site.queue.add(item.key, "again", again)
                    else:
                        site.queue.succeeded(item.key)
                except Exception as problem:
                    ended.append("error")
                    _say(item.key, problem)
                    self._retry(site, item)
                finally:
                    site.queue.done(item.key)

    def _serve_targets(self, site: Site, name: str) -> None:
        """A whole pass follows: soon where there is more to do."""
        while (item := site.swift.take()) is not None:
            with self._measured(item.key, name) as ended:
                try:
                    after = self.passes.targets(site, item.key)
                    if after is None:
                        ended.append("requeue_after")
                        site.swift.add(item.key, TARGETS, SOON)
                    else:
                        site.queue.add(item.key, "after", after)
                except Exception as problem:
                    ended.append("error")
                    _say(item.key, problem)
                    site.queue.add(item.key, TARGETS, site.queue.failed(item.key))
                finally:
                    site.swift.done(item.key)

    @contextlib.contextmanager
    def _measured(self, gateway: Key, name: str) -> Iterator[list[metrics.Result]]:
        """One reconciliation; what it yields takes how it ended, where that is no success."""
        began, ended = time.monotonic(), list[metrics.Result]()
        metrics.active(NAME, 1)
        try:
            with metrics.working(name), tracing.span("reconcile", gateway="/".join(gateway), placement=name):
                yield ended
        finally:
            metrics.active(NAME, -1)
            metrics.reconciled(NAME, ended[0] if ended else "success", time.monotonic() - began)

    def _retry(self, site: Site, item: Item[Key]) -> None:
        pause = site.queue.failed(item.key)
        for reason in item.reasons:
            site.queue.add(item.key, reason, pause)


def _say(gateway: Key, problem: Exception) -> None:
    """What a cloud or the API server answered is one line; a defect of ours has its place, and the Gateway waits."""
    with logs.bound(namespace=gateway[0], name=gateway[1]):
        if isinstance(problem, sites.Unreachable | Failed | kube.Refused | ClusterError | OSError):
            LOG.warning("not done now, and tried again: %s", problem)
        else:
            LOG.error("a defect of cloudgw; this Gateway waits, the others go on", exc_info=problem)
