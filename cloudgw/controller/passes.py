"""One pass over one Gateway in one placement: look, plan, say what is coming, commit, say what became of it.

A site's thread calls `run`; it is the only caller of `pipeline` here. Everything is decided anew from the store, the
state and a listing, so a pass that is cut short anywhere is followed by one that goes on. Before the first cloud write
in a placement the state names it and the Gateway carries our finalizer; before every write the lease is asked. It must
never delete because something is absent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from cloudgw import pipeline, wishes
from cloudgw.controller import leaving, lifecycle, logs, pace, plans, programming, sites, tracing
from cloudgw.controller.lifecycle import Look
from cloudgw.controller.outlet import Outlet
from cloudgw.controller.sites import Looked, Site
from cloudgw.controller.state import States
from cloudgw.controller.store import Store
from cloudgw.engine import report
from cloudgw.objects import Key, Note
from cloudgw.plan import check
from cloudgw.plan import model as plan_model

LOG = logging.getLogger(__name__)
YOUNG = 5.0  # seconds: a listing that several Gateways share
RESTING = 60.0  # of one that is made to find drift
SLOW = frozenset({"resync"})


@dataclass(slots=True, kw_only=True)
class Settings:
    """Of the whole controller. definitions: asks the API server which kinds' definitions are going now."""

    owner: str
    controller: str
    version: str
    mode: Literal["apply", "plan"] = "apply"
    fleet_budget: int = 5
    leads: Callable[[], bool] = lambda: True
    cluster: Callable[[], str] = lambda: ""
    definitions: Callable[[], Collection[str]] = tuple


@dataclass(slots=True, kw_only=True)
class Passes:
    settings: Settings
    store: Store
    states: States
    sites: sites.Sites
    outlet: Outlet
    busy: set[Key] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, gateway: Key, doubted: Collection[str] = ()) -> Look:
        gone = {*lifecycle.suspended(self.store), *doubted}
        return lifecycle.look(
            self.store, self.states.get(gateway), gateway, controller=self.settings.controller, doubted=gone
        )

    def run(self, site: Site, gateway: Key, reasons: Collection[str]) -> float | None:
        """Seconds until the Gateway has to be looked at here again; None: when something changes. Raises
        sites.Unreachable, provider.Failed and what is a defect."""
        with self._lock:
            if gateway in self.busy:  # another site has it
                return 0.2
            self.busy.add(gateway)
        try:
            with logs.bound(namespace=gateway[0], name=gateway[1], placement=str(site.placement)):
                return self._run(site, gateway, reasons)
        finally:
            with self._lock:
                self.busy.discard(gateway)

    def _run(self, site: Site, gateway: Key, reasons: Collection[str]) -> float | None:
        seen = self.look(gateway)
        wanted_here = seen.fate == "wanted" and seen.chosen is not None and site.covers(seen.chosen.placement)
        if wanted_here:
            return self._wanted(site, seen, reasons)
        if seen.leaves or seen.fate == "wanted":
            return leaving.run(self, site, seen)
        if seen.fate == "undecided":
            self.outlet.undecided(seen)
        return None

    def _wanted(self, site: Site, seen: Look, reasons: Collection[str]) -> float | None:
        assert seen.chosen is not None
        site.wants(seen.gateway, seen.chosen.parameters)
        if set(reasons) == {"targets"} and self._targets(site, seen):
            return YOUNG
        oldest = site.clock.now() - (RESTING if set(reasons) <= SLOW else YOUNG)
        try:
            looked = site.look(oldest, seen.chosen.parameters)
            self.same_cluster(site, looked)
        except sites.Unreachable as problem:
            self.outlet.unreachable(seen, str(problem))
            raise
        wish, notes = self._wish(site, seen, looked)
        if wish is None:
            return None
        memory = self.memory(site, seen)
        plan, done = self._pass(site, seen, looked, wish, memory)
        for note in notes:
            LOG.info(note.message)
        return self._after(site, seen, plan, done, wish)

    def _wish(self, site: Site, seen: Look, looked: Looked) -> tuple[pipeline.Wish | None, list[Note]]:
        found, notes = wishes.wishes(
            seen.survey,
            site.placement,
            site.provider,
            looked.inventory,
            looked.part(seen.owner),
            only=frozenset({seen.owner}),
        )
        if not found:
            return None, notes
        digest = lifecycle.inputs(seen.snapshot)
        held = lifecycle.held(seen, self.settings.version, digest, lifecycle.definitions(self.store))
        return replace(found[0], held=held, known_uids=seen.state.released), notes

    def memory(self, site: Site, seen: Look) -> pipeline.Memory:
        """The diary outlives a process; what is known here is never older than what is written there."""
        known = site.memory(seen.gateway)
        if known.diary == type(known.diary)():
            known.diary = seen.state.diary(site.placement)
        return known

    def _pass(
        self, site: Site, seen: Look, looked: Looked, wish: pipeline.Wish, memory: pipeline.Memory
    ) -> tuple[plan_model.Plan, report.Report]:
        """A second time when a person's word was found for what the first plan showed."""
        assert seen.chosen is not None
        digests = self.outlet.digests(seen)
        never = seen.chosen.parameters.settings.approval == "Never"
        words = seen.state.approved
        while True:
            ready = _Ready(self, site, seen, digests, words, never=never)
            session = replace(
                site.session(),
                evidence=sites.evidence(self.settings.cluster(), {seen.gateway: wish.uid}),
                materials=seen.snapshot.materials,
            )
            with tracing.span("plan", gateway=seen.owner, placement=str(site.placement)) as span:
                plan, done = pipeline.one_pass(
                    site.provider,
                    session,
                    site.placement,
                    wish,
                    looked.inventory,
                    clock=site.clock,
                    memory_=memory,
                    word=check.Word(approved=words),
                    tell=LOG.info,
                    ready=ready,
                    observed=looked.part(seen.owner),
                )
                span.set(digest=plan.digest)
            if ready.words == words:
                return plan, done
            words = ready.words

    def _targets(self, site: Site, seen: Look) -> bool:
        """The fast path: pods came or went and nothing else happened. True when that was all there was to do now."""
        looked, chosen = site.last, seen.chosen
        if looked is None or chosen is None or self.settings.mode == "plan" or not self.settings.leads():
            return False
        if chosen.parameters not in looked.scope or self.settings.cluster() not in {*looked.clusters, ""}:
            return False
        wish, _ = self._wish(site, seen, looked)
        if wish is None:
            return False
        done = pipeline.targets_pass(
            site.provider,
            replace(site.session(), materials=seen.snapshot.materials),
            site.placement,
            wish,
            looked.inventory,
            clock=site.clock,
            memory_=self.memory(site, seen),
            observed=looked.part(seen.owner),
        )
        return bool(done.outcomes) and all(outcome.state == "done" for outcome in done.outcomes)

    def same_cluster(self, site: Site, looked: Looked) -> None:
        """Raises Unreachable: one owner is one cluster, so what another one made stops the whole placement."""
        cluster = self.settings.cluster()
        found = looked.clusters | ({cluster} - {""})
        if len(found) > 1:
            raise sites.Unreachable(
                f"{site.placement}: what stands there was made from more than one cluster ({', '.join(sorted(found))}) "
                f"under owner {self.settings.owner}; nothing is touched: give each cluster its own owner"
            )

    def approve(self, seen: Look, words: frozenset[str]) -> None:
        """Remembered before anything is done on it: a restart must not ask again."""
        if self.settings.mode == "apply":
            self.states.put(replace(self.states.get(seen.gateway), approved=words))
        if words:
            self.outlet.say(seen, "Normal", "Approved", f"dangerous changes that were approved: {len(words)}")

    def may_write(self, site: Site, seen: Look, plan: plan_model.Plan) -> bool:
        """Everything that has to stand in the cluster before the first cloud write of a pass."""
        if not self.settings.leads():
            return False
        if any(check.counts(change) for change in plan.going):
            going = frozenset(self.settings.definitions())
            if going - lifecycle.suspended(self.store):
                LOG.warning("nothing is deleted: the definitions of %s are being deleted", ", ".join(sorted(going)))
                return False
        assert seen.live is not None
        state = self.states.get(seen.gateway)
        known = replace(state, uid=seen.live.uid, placements=state.placements)
        if seen.chosen is not None and not seen.leaves:
            known = replace(known, retain=seen.chosen.parameters.settings.deletion_policy == "Retain")
        if site.placement not in known.placements and not seen.leaves:
            known = replace(known, placements=tuple(sorted((*known.placements, site.placement))))
        self.states.put(known)
        return seen.leaves or self.outlet.hold(seen)

    def _after(
        self, site: Site, seen: Look, plan: plan_model.Plan, done: report.Report, wish: pipeline.Wish
    ) -> float | None:
        """Statuses, state, GatewayPlan; when to look again."""
        rest = replace(plan, changes=tuple(programming.left(plan, done)))
        quiet = not programming.pending(rest) and not plan_model.timely(rest.changes)
        quiet = quiet and not plan.busy and not done.operations
        site.standing[seen.gateway] = bool(plan.addresses) and not programming.pending(rest)
        if self.settings.mode == "apply":
            state = self.states.get(seen.gateway)
            if site.placement in state.placements:
                state = state.with_diary(site.placement, site.memory(seen.gateway).diary)
                if quiet:
                    state = replace(
                        state,
                        version=self.settings.version,
                        inputs=lifecycle.inputs(seen.snapshot),
                        definitions=lifecycle.definitions(self.store),
                        approved=frozenset(),
                    )
                self.states.put(state)
        self.outlet.wanted(seen, site, rest, done, wish)
        return None if self.settings.mode == "plan" else pace.again(site, seen.gateway, plan, rest, done)


@dataclass(slots=True)
class _Ready:
    """Asked with the plan of a pass before its first write. words: what people approved of this plan."""

    passes: Passes
    site: Site
    seen: Look
    digests: frozenset[str]
    words: frozenset[str]
    never: bool

    def __call__(self, plan: plan_model.Plan) -> bool:
        words = plan.dangerous if self.never else plans.approved(plan, self.seen.state, self.digests)
        if words != self.words:  # planned once more, with what was said
            self.words = words
            if not self.never:
                self.passes.approve(self.seen, words)
            return False
        self.passes.outlet.coming(self.seen, self.site, plan)
        if self.passes.settings.mode == "plan" or not plan.going:
            return False
        return self.passes.may_write(self.site, self.seen, plan)
