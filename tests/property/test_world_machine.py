"""A state machine walks edits, crashes, incarnations, refusals, foreign entries, stale reads, Unknowns and approvals
over both in-memory clouds. After every step no request meets a wrong answer at rest; whatever happened, the next apply
ends in the state that a fresh cloud would have."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloudgw.plan import check
from cloudgw.testing import contract, ground, grounds, stage, worlds

HOSTS = ("a.example", "b.example", "*")
PATHS = ("/", "/x", "/x/y")
SERVICES = ("one", "two", "three")


@st.composite
def rules(draw: st.DrawFn) -> tuple[worlds.Rule, ...]:
    found: dict[tuple[str, str], worlds.Rule] = {}
    for _ in range(draw(st.integers(1, 5))):
        host, path = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(PATHS))
        if draw(st.booleans()):
            to = tuple(
                (s, draw(st.integers(1, 9))) for s in draw(st.sets(st.sampled_from(SERVICES), min_size=1, max_size=2))
            )
            found[host, path] = worlds.Rule(host=host, path=path, to=tuple(sorted(to)))
        else:
            found[host, path] = worlds.Rule(host=host, path=path, status=draw(st.sampled_from((404, 500))))
    return tuple(found.values())


class Machine(RuleBasedStateMachine):
    """One cloud, one process, one wished world."""

    make: Any = grounds.Objects

    @initialize(first=rules())
    def start(self, first: tuple[worlds.Rule, ...]) -> None:
        self.cloud = self.make()
        self.process = ground.Process(self.cloud)
        services = {name: worlds.Service(targets=(f"10.0.1.{i}:8080",)) for i, name in enumerate(SERVICES)}
        certificates = {"site": worlds.Certificate()}
        self.world = worlds.World(rules=first, services=services, certificates=certificates)
        self.foreign: Any = None
        self.token: Any = None
        self.refusing = False

    def _word(self) -> check.Word:
        changes = self.process.plan(self.world).changes
        return check.Word(approved=frozenset(c.word for c in changes if not any("not ours" in d for d in c.danger)))

    @rule(new=rules())
    def edit_rules(self, new: tuple[worlds.Rule, ...]) -> None:
        self.world = self.world.with_rules(*new)

    @rule(name=st.sampled_from(SERVICES), protocol=st.sampled_from(("HTTP", "HTTPS", "GRPC")))
    def replace_backend(self, name: str, protocol: str) -> None:
        self.world = self.world.with_service(name, replace(self.world.services[name], protocol=protocol))

    @rule(name=st.sampled_from(SERVICES), count=st.integers(0, 3))
    def scale(self, name: str, count: int) -> None:
        targets = tuple(f"10.0.2.{i}:8080" for i in range(count))
        self.world = self.world.with_service(name, replace(self.world.services[name], targets=targets))

    @rule(scheme=st.sampled_from(("internal", "public")))
    def flip(self, scheme: str) -> None:
        self.world = replace(self.world, scheme=scheme)

    @rule(secure=st.booleans(), key=st.sampled_from(("RSA-2048", "EC-P-256")), fingerprint=st.sampled_from("fgh"))
    def certificate(self, secure: bool, key: str, fingerprint: str) -> None:
        listeners = ((80, ""), (443, "site")) if secure else ((80, ""),)
        found = {"site": worlds.Certificate(key=key, fingerprint=fingerprint)}
        self.world = replace(self.world, listeners=listeners, certificates=found)

    @rule(seconds=st.integers(1, 70))
    def time_passes(self, seconds: int) -> None:
        self.cloud.clock.sleep(float(seconds))

    @rule(count=st.integers(1, 4), lag=st.sampled_from((0.0, 1.0, 2.0)))
    def passes(self, count: int, lag: float) -> None:
        self.cloud.cloud.stage.lag = lag
        for _ in range(count):
            self.process.one_pass(self.world, self._word())
            self.cloud.clock.sleep(1.0)
        self.cloud.cloud.stage.lag = 0.0

    @rule(
        index=st.integers(0, 6),
        fault=st.sampled_from(("before", "after", "lost", "lost-before", "throttled")),
        keep=st.booleans(),
    )
    def crash(self, index: int, fault: stage.FaultKind, keep: bool) -> None:
        self.cloud.arm(index, fault)
        with contextlib.suppress(stage.Killed):
            self.process.apply(self.world, word=self._word(), limit=30)
        self.cloud.disarm()
        self.process = self.process.restarted(keep_diary=keep)

    @rule(where=st.integers(0, 30))
    def something_unknown(self, where: int) -> None:
        """One element of desired cannot be seen for two passes: it keeps its bytes."""
        session = self.cloud.session()
        addresses = sorted(self.cloud.desired(self.world, self.cloud.listing(session)).elements)
        hidden = addresses[where % len(addresses)]
        before = [e.fields for e in self.process.observed().elements.get(hidden, ())]
        self.process.unknown = lambda graph: contract.hide(graph, hidden)
        for _ in range(2):
            self.process.one_pass(self.world, self._word())
            self.cloud.clock.sleep(3.0)
        after = [e.fields for e in self.process.observed().elements.get(hidden, ())]
        self.process.unknown = None
        if not any("@" in str(fields) for fields in before):  # refs may be bound anew only by an edit
            assert all(fields in after for fields in before), hidden

    @rule()
    def strangers(self) -> None:
        if self.token is None and self.process.observed().elements:
            with contextlib.suppress(StopIteration, stage.Refused):
                self.cloud.clock.sleep(61.0)
                self.token = self.cloud.plant(worlds.GATEWAY)
                self.foreign = self.cloud.foreign(self.token)

    @rule()
    def settle(self) -> None:
        """Everything ends well, and as on a fresh cloud."""
        if self.token is not None:
            self.cloud.clock.sleep(61.0)
            self.cloud.uproot(self.token)
            self.token = None
        applied = self.process.apply(self.world)
        assert applied.state == "done", (applied.failures, ground.lines(applied.plan.changes))
        fresh = ground.Process(self.make())
        ground.journey(fresh, [self.world])
        assert self.cloud.named() == fresh.ground.named()
        names = [e.name for e in self.process.observed() if "/" + self.cloud.balancer + "/" in e.address]
        for port, host, path in ground.probes(self.world):
            assert self.cloud.answer(names[0], port, host, path) == contract.expected(self.world, host, path)

    @invariant()
    def strangers_untouched(self) -> None:
        if getattr(self, "token", None) is not None:
            assert self.cloud.foreign(self.token) == self.foreign

    def teardown(self) -> None:
        if hasattr(self, "cloud"):
            self.settle()


class DocumentMachine(Machine):
    make = grounds.Documents


TestObjects = Machine.TestCase
TestDocuments = DocumentMachine.TestCase
for case in (TestObjects, TestDocuments):
    case.settings = settings(max_examples=50, stateful_step_count=12, deadline=None)
