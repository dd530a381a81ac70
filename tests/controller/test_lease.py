"""Two controllers never act at once: by simulation with a clock of its own, and before a real API server.

The simulation is an event loop whose time jumps to the next thing that happens; its API server is slow, loses answers
and fails as a schedule says. Seconds in it cost nothing.
"""

from __future__ import annotations

import asyncio
import copy
import selectors
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.controller import lease
from cloudgw.controller.kube import Kube, Refused
from cloudgw.sources import kubeconfig
from tests.cluster import cluster

PATH = "/apis/coordination.k8s.io/v1/namespaces/system/leases"


class Leaping(asyncio.SelectorEventLoop):
    """Nothing is waited for: the clock goes to where the next timer is."""

    def __init__(self) -> None:
        self.now = 1000.0
        leap = self

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> Any:
                found = super().select(0)
                if not found and timeout:
                    leap.now += timeout
                return found

        super().__init__(Selector())

    def time(self) -> float:
        return self.now


def simulated(main: Callable[[Leaping], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=Leaping) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Leaping)
        runner.run(main(loop))


class Server:
    """One Lease, with versions and conflicts as a real server has them."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0

    def get(self) -> dict[str, Any]:
        if self.lease is None:
            raise Refused(404, "NotFound", "no lease")
        return copy.deepcopy(self.lease)

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.lease is not None:
            raise Refused(409, "AlreadyExists", "there is one")
        return self._stored(body)

    def replace(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if self.lease is None:
            raise Refused(404, "NotFound", "no lease")
        if body["metadata"].get("resourceVersion") != self.lease["metadata"]["resourceVersion"]:
            raise Refused(409, "Conflict", "it was changed")
        return self._stored(body)

    def _stored(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = copy.deepcopy(dict(body))
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return copy.deepcopy(self.lease)


class Line:
    """What a candidate's requests meet: seconds until the server has them, seconds until the answer is back, whether it
    is lost. Taken from a schedule, then perfect."""

    def __init__(self, server: Server, schedule: list[tuple[float, float, bool]] | None = None) -> None:
        self.server, self.schedule = server, schedule or []
        self.down = False

    async def get(self, _path: str, **_: Any) -> dict[str, Any]:
        return await self._through(self.server.get)

    async def create(self, _path: str, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return await self._through(lambda: self.server.create(body))

    async def replace(self, _path: str, body: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return await self._through(lambda: self.server.replace(body))

    async def _through(self, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        there, back, lost = self.schedule.pop(0) if self.schedule else (0.01, 0.01, False)
        if self.down:
            raise ConnectionError("no route")
        # What was sent arrives, whether or not the sender still waits.
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[dict[str, Any]] = loop.create_future()

        def arrived() -> None:
            try:
                result = act()
            except Refused as refused:
                if not answer.done():
                    answer.set_exception(refused)
            else:
                if not answer.done():
                    answer.set_result(result)

        loop.call_later(there, arrived)
        try:
            found = await answer
        finally:
            await asyncio.sleep(back)
        if lost:
            raise ConnectionError("the answer was lost")
        return found


class Candidate:
    def __init__(self, line: Line, name: str, **more: Any) -> None:
        self.line = line
        loop = asyncio.get_running_loop()
        self.lease = lease.Lease(line, "system", "cloudgw", name, clock=loop.time, **more)  # type: ignore[arg-type]
        self.said: list[str] = []
        self.task = asyncio.ensure_future(self.lease.run(self._started, self._lost))

    async def _started(self) -> None:
        self.said.append("started")

    async def _lost(self) -> None:
        self.said.append("lost")

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float) -> float:
    """How long it took."""
    began = asyncio.get_running_loop().time()
    while not true():
        taken = asyncio.get_running_loop().time() - began
        assert taken < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.01)
    return asyncio.get_running_loop().time() - began


def test_the_first_takes_it_and_the_second_waits() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        first = Candidate(Line(server), "a")
        await until(first.lease.held, 1)
        second = Candidate(Line(server), "b")
        await asyncio.sleep(300)
        assert (first.said, second.said) == (["started"], [])
        assert server.lease is not None
        spec = server.lease["spec"]
        assert (spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]) == ("a", 0, 15)
        assert second.lease.holder == "a"
        assert server.version > 100, "a renewal about every two seconds"
        await first.stop()
        await second.stop()

    simulated(main)


def test_who_stops_hands_over_at_once_and_transitions_are_counted() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        first = Candidate(Line(server), "a")
        await until(first.lease.held, 1)
        second = Candidate(Line(server), "b")
        await asyncio.sleep(30)
        await first.stop()
        assert first.said == ["started", "lost"]
        assert not first.lease.held()
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"] == ""
        assert await until(second.lease.held, 5) < 4
        assert server.lease["spec"]["leaseTransitions"] == 1
        await second.stop()

    simulated(main)


def test_who_stops_while_a_renewal_is_under_way_gives_back_all_the_same() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        one = Candidate(Line(server, [(0.1, 0.1, False)] * 2 + [(0.5, 0.5, False)] * 9), "a")
        await until(one.lease.held, 2)
        version = server.version
        await until(lambda: server.version > version, 9)  # it arrived, and its answer is on the way
        await one.stop()
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"] == ""

    simulated(main)


def test_who_cannot_renew_falls_behind_the_fence_long_before_the_next_takes_over() -> None:
    async def main(loop: Leaping) -> None:
        server = Server()
        first = Candidate(Line(server), "a")
        await until(first.lease.held, 1)
        second = Candidate(Line(server), "b")
        await asyncio.sleep(30)
        first.line.down = True
        await until(lambda: not first.lease.held(), 10.1)
        fell = loop.time()
        assert not second.lease.held()
        await until(lambda: first.said == ["started", "lost"], 0.1)
        await until(second.lease.held, 15)
        assert 2 < loop.time() - fell < 12, "the rest of the duration, and two pauses"
        first.line.down = False
        await asyncio.sleep(60)
        assert not first.lease.held()
        assert second.said == ["started"]
        await first.stop()
        await second.stop()

    simulated(main)


def test_a_lease_whose_holder_is_gone_is_waited_out_by_our_own_clock() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        server._stored(
            {
                "metadata": {"name": "cloudgw"},
                "spec": {
                    "holderIdentity": "gone",
                    "leaseDurationSeconds": 40,
                    "renewTime": "1999-01-01T00:00:00.000000Z",
                    "leaseTransitions": 6,
                    "strategy": "somebody's",
                },
            }
        )
        one = Candidate(Line(server), "a")
        taken = await until(one.lease.held, 60)
        assert 40 <= taken < 44, "its holder counts on 40 s, whatever the time in it says"
        assert server.lease is not None
        assert server.lease["spec"]["leaseTransitions"] == 7
        assert server.lease["spec"]["strategy"] == "somebody's"
        await one.stop()

    simulated(main)


def test_a_lease_that_somebody_deletes_stays_with_its_holder() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        first = Candidate(Line(server), "a")
        await until(first.lease.held, 1)
        second = Candidate(Line(server), "b")
        await asyncio.sleep(30)
        server.lease = None
        await asyncio.sleep(60)
        assert (first.said, second.said) == (["started"], [])
        await first.stop()
        await second.stop()

    simulated(main)


def test_a_lease_that_somebody_gives_to_another_is_believed_at_once() -> None:
    async def main(_: Leaping) -> None:
        server = Server()
        one = Candidate(Line(server), "a")
        await until(one.lease.held, 1)
        taken = server.get()
        taken["spec"]["holderIdentity"] = "b"
        server.replace(taken)
        assert await until(lambda: not one.lease.held(), 4) < 2.5
        assert 15 <= await until(one.lease.held, 30) < 20, "b never renews it"
        await one.stop()

    simulated(main)


def test_who_cannot_lead_gives_back_and_says_so() -> None:
    async def main(loop: Leaping) -> None:
        server = Server()
        one = lease.Lease(Line(server), "system", "cloudgw", "a", clock=loop.time)  # type: ignore[arg-type]

        async def started() -> None:
            await asyncio.sleep(5)
            raise RuntimeError("no cloud")

        async def lost() -> None:
            pass

        with pytest.raises(RuntimeError, match="no cloud"):
            await one.run(started, lost)
        assert server.lease is not None
        assert server.lease["spec"]["holderIdentity"] == ""

    simulated(main)


def test_work_that_goes_on_does_not_keep_the_lease_from_being_renewed() -> None:
    async def main(loop: Leaping) -> None:
        server = Server()
        one = lease.Lease(Line(server), "system", "cloudgw", "a", clock=loop.time)  # type: ignore[arg-type]
        said: list[str] = []

        async def started() -> None:
            try:
                await asyncio.sleep(10_000)
            except asyncio.CancelledError:
                said.append("cancelled")
                raise

        async def lost() -> None:
            said.append("lost")

        task = asyncio.ensure_future(one.run(started, lost))
        await asyncio.sleep(500)
        assert one.held()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert said == ["cancelled", "lost"]

    simulated(main)


SCHEDULES = st.lists(
    st.lists(
        st.tuples(
            st.floats(0.0, 20.0) | st.just(0.01),
            st.floats(0.0, 20.0) | st.just(0.01),
            st.sampled_from([False] * 4 + [True]),
        ),
        max_size=60,
    ),
    min_size=2,
    max_size=3,
)


@settings(max_examples=40, deadline=None)
@given(SCHEDULES, st.lists(st.floats(0.0, 100.0), max_size=3))
def test_never_two_at_once_however_slow_and_lossy_the_line(
    schedules: list[list[tuple[float, float, bool]]], stalls: list[float]
) -> None:
    """A stall: nothing of the first candidate runs. What it does with a fence that it read before is one call."""

    async def main(_: Leaping) -> None:
        server = Server()
        all_ = [Candidate(Line(server, schedule), str(n)) for n, schedule in enumerate(schedules)]
        led: set[str] = set()
        for step in range(900):
            held = [one.lease.identity for one in all_ if one.lease.held()]
            assert len(held) <= 1, f"{held} at once"
            led.update(held)
            if step in (200, 400, 600) and stalls:
                all_[0].line.schedule[:0] = [(stalls.pop(), 0.01, False)]
            await asyncio.sleep(0.2)
        if not any(one.line.schedule for one in all_):
            await until(lambda: any(one.lease.held() for one in all_), 60)
        for one in all_:
            await one.stop()

    simulated(main)


@pytest.mark.parametrize("wrong", [{"duration": 9.0}, {"retry": 10.0}, {"retry": 0.0}])
def test_durations_that_prove_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="retry < renew < duration"):
        lease.Lease(None, "system", "cloudgw", "a", **wrong)  # type: ignore[arg-type]


def test_the_fence_is_a_clock_and_nothing_else() -> None:
    """No loop runs, no server answers: it falls all the same."""
    now = [100.0]
    server = Server()
    one = lease.Lease(Line(server), "system", "cloudgw", "a", clock=lambda: now[0])  # type: ignore[arg-type]
    assert not one.held()
    assert asyncio.run(one._attempt())
    assert one.held()
    now[0] = 109.9
    assert one.held()
    now[0] = 110.0
    assert not one.held()


# A real API server


class Process:
    """A candidate with a loop and a thread of its own, so that it can stand still."""

    def __init__(self, access: kubeconfig.Access, name: str) -> None:
        self._access, self._name = access, name
        self.said: list[tuple[str, float]] = []
        self.lease: lease.Lease | None = None
        self._stop: Callable[[], Any] = lambda: None
        self._ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self.thread.start()
        assert self._ready.wait(10)

    def held(self) -> bool:
        assert self.lease is not None
        return self.lease.held()

    def stall(self, seconds: float) -> None:
        """As SIGSTOP does: nothing of it runs."""
        self.loop.call_soon_threadsafe(time.sleep, seconds)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop)
        self.thread.join(10)
        assert not self.thread.is_alive()

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        kube = Kube(lambda: self._access)
        self.lease = lease.Lease(kube, "default", "cloudgw", self._name, duration=2.0, renew=1.4, retry=0.3)
        task = asyncio.ensure_future(self.lease.run(self._say("started"), self._say("lost")))
        self._stop = task.cancel
        self._ready.set()
        await asyncio.gather(task, return_exceptions=True)
        await kube.close()

    def _say(self, word: str) -> Callable[[], Awaitable[None]]:
        async def say() -> None:
            self.said.append((word, time.monotonic()))

        return say


def wait(true: Callable[[], bool], seconds: float) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    running = cluster.start(tmp_path_factory.mktemp("lease"), channel=None)
    yield running
    running.stop()


@pytest.mark.cluster
def test_take_over_from_one_that_stands_still_and_release_on_stop(bare: cluster.Cluster) -> None:
    access = kubeconfig.access(str(bare.kubeconfig))
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/cloudgw"
    first = Process(access, "first")
    wait(first.held, 5)
    second = Process(access, "second")
    time.sleep(3)
    assert first.held()
    assert not second.held()
    first.stall(5.0)
    fell = wait(lambda: not first.held(), 2.0)
    both = 0
    began = time.monotonic()
    while not second.held():
        both += first.held()
        assert time.monotonic() - began < 6
        time.sleep(0.005)
    assert fell <= 1.6
    assert not both
    spec = bare.request("GET", path)[1]["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("second", 1)
    wait(lambda: [word for word, _ in first.said] == ["started", "lost"], 6)
    assert not first.held()
    second.stop()
    assert bare.request("GET", path)[1]["spec"]["holderIdentity"] == "" or first.held()
    assert wait(first.held, 5) < 3
    assert bare.request("GET", path)[1]["spec"]["leaseTransitions"] == 2
    first.stop()
    assert bare.request("GET", path)[1]["spec"]["holderIdentity"] == ""
    assert bare.request("GET", path)[1]["metadata"]["managedFields"][0]["manager"] == "cloudgw"
