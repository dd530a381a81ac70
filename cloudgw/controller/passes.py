"""One pass over one Gateway in one placement: look, plan, say what is coming, commit, say what became of it.

A site's thread calls `run`; it is the only caller of `pipeline` here. Everything is decided anew from the store, the
state and a listing, so a pass that is cut short anywhere is followed by one that goes on. Before the first cloud write
in a placement the state names it and the Gateway carries our finalizer; before every write the lease is asked. It must
never delete because something is absent.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from cloudgw import pipeline, wishes
from cloudgw.controller import floor, leaving, lifecycle, logs, pace, plans, programming, sites, tracing
from cloudgw.controller.lifecycle import Look
from cloudgw.controller.outlet import Outlet
from cloudgw.controller.sites import Looked, Site
from cloudgw.controller.state import States
from cloudgw.controller.store import Store
from cloudgw.engine import report
from cloudgw.objects import Gateway, Key, Note
from cloudgw.plan import check
from cloudgw.plan import model as plan_model
from cloudgw.provider import Failed

LOG = logging.getLogger(__name__)
YOUNG = 5.0  # seconds: a listing that several Gateways share
RESTING = 60.0  # of one that is made to find drift
SLOW = frozenset({"start", "resync"})
TAKEN = 0.2  # until another thread may be done with a Gateway
BEHIND = 1.0  # until the store has what the API server has


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
    slices: floor.Fresh = lambda _: {}


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
        state = self.states.get(gateway)
        gone = {*lifecycle.suspended(self.store), *lifecycle.missing(self.store, state), *doubted}
        return lifecycle.look(self.store, state, gateway, controller=self.settings.controller, doubted=gone)

    def run(self, site: Site, gateway: Key, reasons: Collection[str]) -> float | None:
        """Seconds until the Gateway has to be looked at here again; None: when something changes. Raises
        sites.Unreachable, provider.Failed and what is a defect."""
        oldest = site.clock.now() - (RESTING if set(reasons) <= SLOW else YOUNG)
        with logs.bound(namespace=gateway[0], name=gateway[1], placement=str(site.placement)):
            if set(reasons) != {"targets"}:
                site.look_ahead(gateway, oldest, resting=set(reasons) <= SLOW)
            with self._taken(gateway) as taken:
                return self._run(site, gateway, reasons, oldest) if taken else TAKEN

    def targets(self, site: Site, gateway: Key) -> float | None:
        """Pods came or went: from the last listing, without a new one. Seconds until a whole pass has to follow, which
        says in the statuses what became of it; None: another thread has this Gateway."""
        place = logs.bound(namespace=gateway[0], name=gateway[1], placement=str(site.placement))
        with place, self._taken(gateway) as taken:
            if not taken:
                return None
            seen = self.look(gateway)
            if seen.fate != "wanted" or seen.chosen is None or self.sites.of(seen.chosen.placement) is not site:
                return 0.0
            if self._is_behind(site, seen, seen.chosen) or not self._targets(site, seen):
                return 0.0
            return RESTING if site.standing.get(gateway) else YOUNG

    @contextlib.contextmanager
    def _taken(self, gateway: Key) -> Iterator[bool]:
        """Whether this thread has the Gateway to itself."""
        with self._lock:
            taken = gateway not in self.busy
            self.busy.add(gateway)
        try:
            yield taken
        finally:
            if taken:
                with self._lock:
                    self.busy.discard(gateway)

    def _run(self, site: Site, gateway: Key, reasons: Collection[str], oldest: float) -> float | None:
        seen = self.look(gateway)
        if seen.chosen is not None and seen.fate == "wanted":
            home = self.sites.of(seen.chosen.placement)
            if home is site:
                return self._wanted(site, seen, reasons, oldest)
            if site.covers(home.placement):  # the same place by another name, or nobody knows yet
                return None if home.placement.account else pipeline.POLL_SECONDS
        if seen.leaves or seen.fate == "wanted":
            return leaving.run(self, site, seen)
        if seen.fate == "undecided":
            self.outlet.undecided(seen)
        return leaving.vanished(self, site, seen) if seen.fate == "vanished" else None

    def _wanted(self, site: Site, seen: Look, reasons: Collection[str], oldest: float) -> float | None:
        assert seen.chosen is not None
        site.wants(seen.gateway, seen.chosen.parameters)
        site.empty.pop(seen.gateway, None)
        if self._is_behind(site, seen, seen.chosen):
            return BEHIND
        if set(reasons) == {"targets"} and self._targets(site, seen):
            return YOUNG
        try:
            looked = site.look(seen.owner, oldest, seen.chosen.parameters, resting=set(reasons) <= SLOW)
            self.same_cluster(site, looked)
        except sites.Unreachable as problem:
            self.outlet.unreachable(seen, str(problem))
            raise
        wish, notes = self._wish(site, seen, looked)
        if wish is None:
            return None
        try:
            plan, done = self._pass(site, seen, looked, wish, self.memory(site, seen))
        except Failed as problem:
            if self.settings.leads():
                self.outlet.unreachable(seen, f"{site.placement}: {problem}")
            raise
        if any(outcome.change.fast or outcome.change.op == "update" for outcome in done.outcomes):
            site.touched(seen.owner)  # what is new is read anyway, and so is what is gone
        for note in notes:
            LOG.info(note.message)
        return self._after(site, seen, looked, plan, done, wish)

    def _is_behind(self, site: Site, seen: Look, chosen: wishes.Chosen) -> bool:
        """Whether the endpoints that are known are older than those that the API server has."""
        ready = floor.counts(chosen.routing)
        lost = floor.shrunken(site.ready.get(seen.gateway, {}), ready)
        if lost and floor.stale(lost, self.store, self.settings.slices):
            LOG.info(
                "waits for the endpoints of %s: what is known of them is old", ", ".join(map("/".join, sorted(lost)))
            )
            return True
        site.ready[seen.gateway] = ready
        return False

    def _wish(self, site: Site, seen: Look, looked: Looked) -> tuple[pipeline.Wish | None, list[Note]]:
        found, notes = wishes.wishes(
            seen.survey,
            site.placement,
            site.provider,
            looked.inventory,
            looked.part(seen.owner),
            only=frozenset({seen.owner}),
        )
        if not found or found[0].gone:  # the credentials are of another account meanwhile: nobody wished it gone
            return None, notes
        digest = lifecycle.inputs(seen.snapshot)
        held = lifecycle.held(seen, self.settings.version, digest)
        return replace(found[0], held=held, known_uids=seen.state.released, spent=seen.state.spent), notes

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
        never = seen.chosen.parameters.settings.approval == "Never" and not seen.anew
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
        if chosen.parameters not in looked.scope or looked.clusters - {self.settings.cluster()}:
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
        site.touched(seen.owner)
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

    def approve(self, seen: Look, words: frozenset[str], by: frozenset[str]) -> None:
        """Remembered before anything is done on it: a restart must not ask again. by: digests that people said."""
        if self.settings.mode == "apply":
            state = self.states.get(seen.gateway)
            self.states.put(replace(state, approved=words, approved_by=state.approved_by | by))
        if words:
            self.outlet.say(seen, "Normal", "Approved", f"dangerous changes that were approved: {len(words)}")

    def may_write(self, site: Site, seen: Look, plan: plan_model.Plan) -> bool:
        """Everything that has to stand in the cluster before the first cloud write of a pass."""
        if not self.settings.leads():
            return False
        if any(check.counts(change) for change in plan.going):
            going = {*self.settings.definitions(), *lifecycle.missing(self.store, seen.state)}
            if believed := sorted(going & set(seen.snapshot.complete)):
                LOG.warning("nothing is deleted: the definitions of %s are being deleted", ", ".join(believed))
                return False
        self._enter(site, seen, plans.begun(plan, site.provider.kinds))
        return seen.leaves or self.outlet.hold(seen)

    def _enter(self, site: Site, seen: Look, begun: frozenset[str] = frozenset()) -> None:
        """Into the address book: something of the Gateway stands here, or will. begun: words of what is opened, kept
        where this is the first that is made of it here."""
        assert seen.live is not None
        state = self.states.get(seen.gateway)
        known = replace(state, uid=seen.live.uid)
        if seen.chosen is not None and not seen.leaves:
            retain = seen.chosen.parameters.settings.deletion_policy == "Retain"
            used = lifecycle.used(self.store, seen.snapshot)
            name = seen.live.item.class_name if isinstance(seen.live.item, Gateway) else state.class_name
            known = replace(known, retain=retain, class_name=name, definitions={**used, **state.definitions})
        if not any(site.covers(one) for one in known.placements):
            known = replace(known, placements=tuple(sorted((*known.placements, site.placement))))
            known = replace(known, approved=known.approved | begun)
        self.states.put(known)

    def _keep(self, site: Site, seen: Look, looked: Looked) -> None:
        """What stands is held and remembered also where nothing had to be written: the command line made it, the state
        was lost, our finalizer was taken off, or the deletionPolicy changed."""
        others = _others(looked, seen)
        if looked.part(seen.owner).elements and not others - seen.state.released:
            self._enter(site, seen)
            self.outlet.hold(seen)

    def _after(
        self,
        site: Site,
        seen: Look,
        looked: Looked,
        plan: plan_model.Plan,
        done: report.Report,
        wish: pipeline.Wish,
    ) -> float | None:
        """Statuses, state, GatewayPlan; when to look again. Whoever does not lead any more says nothing."""
        if not self.settings.leads():
            return None
        rest = replace(plan, changes=tuple(programming.left(plan, done)))
        ended = not programming.pending(rest) and not plan.busy and not done.operations
        quiet = ended and not plan_model.timely(rest.changes)
        site.standing[seen.gateway] = bool(plan.addresses) and ended
        if self.settings.mode == "apply":
            if not plan.going:
                self._keep(site, seen, looked)
            state = self.states.get(seen.gateway)
            if any(site.covers(one) for one in state.placements):
                state = state.with_diary(site.placement, site.memory(seen.gateway).diary)
                if quiet:
                    state = plans.settled(state, rest, self.outlet.digests(seen), _others(looked, seen))
                    state = replace(
                        state,
                        version=self.settings.version,
                        inputs=lifecycle.inputs(seen.snapshot),
                        definitions=lifecycle.remembered(self.store, seen.snapshot, state),
                    )
                self.states.put(state)
        said = self.outlet.wanted(seen, site, rest, done, wish)
        if self.settings.mode == "plan":
            again = pace.known(site, rest)
        else:
            again = pace.again(site, seen.gateway, plan, rest, done)
        return again if said else min(YOUNG, again or YOUNG)


def _others(looked: Looked, seen: Look) -> frozenset[str]:
    """UIDs of earlier Gateways of this name that something of it was made for."""
    uids = {str(one.outputs.get("gateway", "")) for one in looked.part(seen.owner)}
    return frozenset(uids - {"", seen.live.uid if seen.live is not None else ""})


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
                self.passes.approve(self.seen, words, self.digests & {plan.digest})
            return False
        if not self.passes.settings.leads():
            return False
        self.passes.outlet.coming(self.seen, self.site, plan)
        if self.passes.settings.mode == "plan" or not plan.going:
            return False
        return self.passes.may_write(self.site, self.seen, plan)
