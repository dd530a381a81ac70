"""What a cloud must offer to be put under the laws, and a process that works on it the way the CLI does.

`contract` holds the laws. A Ground is one cloud (in memory, or a local one behind its real SDK) with a clock that only
moves when told, faults at chosen calls, and views of its state. Third-party providers write a Ground and run the laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cloudgw import pipeline
from cloudgw.engine import report
from cloudgw.graph import memory, model
from cloudgw.plan import check
from cloudgw.plan import model as plans
from cloudgw.provider import Clock, Inventory, Placement, Provider, Session
from cloudgw.testing import stage, worlds


class Ground(Protocol):
    """One cloud, empty at first. Addresses, names and records as its provider writes them."""

    name: str

    @property
    def provider(self) -> Provider: ...
    @property
    def placement(self) -> Placement: ...
    @property
    def clock(self) -> Clock: ...

    def session(self) -> Session:
        """A new process's session."""

    def listing(self, session: Session) -> Inventory: ...
    def desired(self, world: worlds.World, inventory: Inventory) -> model.Graph: ...
    def calls(self) -> int:
        """Mutating calls so far."""

    def operations(self, since: int = 0) -> list[str]:
        """Names of the mutating calls since the nth."""

    def arm(self, after: int, fault: stage.FaultKind) -> None:
        """The mutating call that comes after `after` more calls meets this fault."""

    def lag(self, seconds: float) -> None:
        """Listings show the state of that many seconds ago."""

    def disarm(self) -> None: ...
    def on_call(self, hook: Callable[[str], None]) -> None:
        """hook runs after every mutating call that had an effect."""

    def on_tick(self, hook: Callable[[], None]) -> None:
        """hook runs at every step of the clock."""

    def named(self) -> Any:
        """Our state by names and tags: comparable between runs, without cloud ids, positions (but order) or times."""

    def everything(self) -> Any:
        """The whole state, byte for byte."""

    def plant(self, gateway: str) -> Any:
        """Adds foreign objects around what stands, returns a token for `foreign` and `uproot`."""

    def foreign(self, token: Any) -> Any:
        """Full dumps of the planted objects."""

    def uproot(self, token: Any) -> None:
        """Their owner removes them."""

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        """What a client of the balancer incarnation with this suffix gets, in comparable form: ("forward", services
        with weights), ("status", n), or None (404). Follows true state, not listings."""

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        """Would that request see a 5xx for want of a healthy target?"""

    def drift(self, element: model.Element, field_: str) -> bool:
        """Edits one field of one element behind our back; False where the cloud offers no such edit."""

    @property
    def balancer(self) -> str:
        """The kind whose incarnations users reach."""


@dataclass(slots=True)
class Process:
    """One run of the CLI or of the controller on a Ground: its own memory, its own session."""

    ground: Ground
    memory: pipeline.Memory = field(default_factory=pipeline.Memory)
    unknown: Callable[[model.Graph], model.Graph] | None = None

    def wish(self, world: worlds.World | None, inventory: Inventory, gateway: str = worlds.GATEWAY) -> pipeline.Wish:
        if world is None:
            return pipeline.Wish(gateway=gateway, desired=model.Graph(), gone=True)
        desired = self.ground.desired(world, inventory)
        if self.unknown is not None:
            desired = self.unknown(desired)
        return pipeline.Wish(gateway=world.gateway, desired=desired)

    def plan(self, world: worlds.World | None, word: check.Word | None = None) -> plans.Plan:
        session = self.ground.session()
        inventory = self.ground.listing(session)
        observed = pipeline.observe(self.ground.provider, inventory, session.owner)
        return pipeline.plan_one(
            self.ground.provider,
            self.ground.placement,
            self.wish(world, inventory),
            observed,
            now=inventory.began,
            memory_=self.memory,
            word=word,
        )

    def observed(self) -> model.Graph:
        session = self.ground.session()
        return pipeline.observe(self.ground.provider, self.ground.listing(session), session.owner)

    def one_pass(self, world: worlds.World | None, word: check.Word | None = None) -> report.Report:
        session = self.ground.session()
        inventory = self.ground.listing(session)
        _, done = pipeline.one_pass(
            self.ground.provider,
            session,
            self.ground.placement,
            self.wish(world, inventory),
            inventory,
            clock=self.ground.clock,
            memory_=self.memory,
            word=word,
        )
        return done

    def apply(
        self, world: worlds.World | None, *, approve: bool = True, word: check.Word | None = None, limit: int = 400
    ) -> pipeline.Applied:
        """As `apply --plan-digest` of the plan it would show (approve), or with the word given."""
        if word is None:
            approved = self.plan(world).dangerous if approve else frozenset()
            word = check.Word(approved=approved, destroy=world is None)
        session = self.ground.session()
        return pipeline.apply(
            self.ground.provider,
            session,
            self.ground.placement,
            lambda inventory: self.wish(world, inventory),
            lambda: self.ground.listing(session),
            clock=self.ground.clock,
            memory_=self.memory,
            word=word,
            limit=limit,
        )

    def restarted(self, *, keep_diary: bool) -> Process:
        """A new process on the same cloud, with or without what the last one wrote down."""
        diary = self.memory.diary if keep_diary else memory.Diary()
        cache = memory.Cache(started=self.ground.clock.now())
        return replace(self, memory=pipeline.Memory(diary=diary, cache=cache))


def journey(process: Process, steps: Sequence[worlds.World | None]) -> None:
    """Applies worlds one after the other; every one must end done."""
    for world in steps:
        applied = process.apply(world)
        assert applied.state == "done", (applied.state, applied.failures, lines(applied.plan.changes))


def lines(changes: Iterable[model.Change]) -> list[str]:
    """Changes with their waits, for messages of failing laws."""
    return [f"{c.key} {[f'{w.what}: {w.message}' for w in c.waits]}" for c in changes]


def probes(*found: worlds.World | None) -> list[tuple[int, str, str]]:
    """Requests (port, host, path) that tell worlds apart: every listener, host and path of any rule, and strangers."""
    ports = sorted({port for world in found if world is not None for port, _ in world.listeners})
    rules = [rule for world in found if world is not None for rule in world.rules]
    hosts = sorted({rule.host for rule in rules if rule.host != "*"} | {"stranger.example"})
    paths = sorted({rule.path for rule in rules} | {"/", "/elsewhere"})
    return [(port, host, path) for port in ports for host in hosts for path in paths]
