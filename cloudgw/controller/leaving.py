"""A Gateway leaves a placement: it was deleted, given to another class, or is wanted elsewhere now.

`passes` calls it. Deleting a Gateway is a person's word for everything of it that is ours; a fleet's budget makes the
rest of many wait. What moves stands anew before it goes. A placement is empty when two listings in a row show nothing;
when all are, the finalizer is taken off and the state forgotten. While the definition of Gateways is being deleted,
Gateways are let go with their load balancers standing: nobody wished those gone. Must never need the class, the
parameters, a Secret or a Service.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudgw import pipeline, wishes
from cloudgw.controller import lifecycle, pace, programming, sites
from cloudgw.controller.lifecycle import Look
from cloudgw.controller.sites import Looked, Site
from cloudgw.engine import report
from cloudgw.graph import model
from cloudgw.plan import check
from cloudgw.plan import model as plan_model

if TYPE_CHECKING:
    from cloudgw.controller.passes import Passes

LOG = logging.getLogger(__name__)
YOUNG = 5.0  # seconds: the age of a listing
LATER = 60.0  # seconds until a fleet's budget is asked again


def run(passes: Passes, site: Site, seen: Look) -> float | None:
    """Seconds until the next look; None when there is nothing more to do here."""
    if passes.settings.mode == "plan":
        return None
    if seen.fate == "deleted" and "Gateway" in {*lifecycle.suspended(passes.store), *passes.settings.definitions()}:
        return let_go(passes, seen, "the definition of Gateways is being deleted")
    if seen.leaves and _retains(seen):
        return let_go(passes, seen, "its deletionPolicy is Retain")
    site.standing.pop(seen.gateway, None)  # should it be wanted here again, it has to be looked at first
    if seen.fate == "wanted" and not _stands_elsewhere(passes, seen):
        return pipeline.POLL_SECONDS
    now = site.clock.now()
    if not passes.states.may_delete(seen.gateway, passes.settings.fleet_budget, now):
        passes.outlet.waits(seen, "FleetBudget", f"more than {passes.settings.fleet_budget} Gateways within an hour")
        return LATER
    try:
        looked = site.look(seen.owner, now - YOUNG)
        passes.same_cluster(site, looked)
    except sites.Unreachable as problem:
        passes.outlet.waits(seen, "CloudNotReached", str(problem))
        raise
    if seen.owner not in looked.owners and not looked.inventory.incomplete:
        return _empty(passes, site, seen, looked)
    site.empty.pop(seen.gateway, None)
    plan, done = _delete(passes, site, seen, looked)
    rest = replace(plan, changes=tuple(programming.left(plan, done)))
    if not passes.settings.leads():
        return None
    diary = site.memory(seen.gateway).diary
    passes.states.put(passes.states.get(seen.gateway).with_diary(site.placement, diary))
    passes.outlet.leaving(seen, site, rest, done)
    return pace.again(site, seen.gateway, plan, rest, done) or LATER


def vanished(passes: Passes, site: Site, seen: Look) -> float | None:
    """It went without us: what stands stays, and where nothing does there is nothing to remember."""
    if passes.settings.mode == "plan" or not passes.settings.leads():
        return None
    looked = site.look(seen.owner, site.clock.now() - YOUNG)
    passes.same_cluster(site, looked)
    if seen.owner not in looked.owners and not looked.inventory.incomplete:
        return _empty(passes, site, seen, looked)
    LOG.warning(
        "the Gateway is gone and was not waited for; what stands in %s stays: see cloudgw destroy", site.placement
    )
    return None


def _retains(seen: Look) -> bool:
    """As its parameters say now; where they cannot be read any more, as they said last."""
    if seen.chosen is not None:
        return seen.chosen.parameters.settings.deletion_policy == "Retain"
    return seen.state.retain


def _stands_elsewhere(passes: Passes, seen: Look) -> bool:
    """Whether the Gateway is programmed where it is wanted now."""
    assert seen.chosen is not None
    return passes.sites.of(seen.chosen.placement).standing.get(seen.gateway, False)


def _delete(passes: Passes, site: Site, seen: Look, looked: Looked) -> tuple[plan_model.Plan, report.Report]:
    wish = pipeline.Wish(
        gateway=seen.owner, desired=model.Graph(), gone=True, incomplete=wishes.unlisted(looked.inventory)
    )
    return pipeline.one_pass(
        site.provider,
        site.session(),
        site.placement,
        wish,
        looked.inventory,
        clock=site.clock,
        memory_=passes.memory(site, seen),
        word=check.Word(destroy=True),
        tell=LOG.info,
        ready=lambda plan: bool(plan.going) and passes.may_write(site, seen, plan),
        observed=looked.part(seen.owner),
    )


def _empty(passes: Passes, site: Site, seen: Look, looked: Looked) -> float | None:
    """Finished after two empty listings, the second begun when everything that was written must be seen."""
    first = site.empty.setdefault(seen.gateway, looked.inventory.began)
    first = max([first, *site.memory(seen.gateway).cache.written.values()])
    if looked.inventory.began < first + site.provider.staleness:
        return first + site.provider.staleness - looked.inventory.began
    state = passes.states.get(seen.gateway)
    for placement in [one for one in state.placements if site.covers(one)]:
        state = state.without(placement)
    passes.states.put(state)
    site.forget(seen.gateway)
    LOG.info("nothing is left in %s", site.placement)
    if seen.leaves and not passes.states.get(seen.gateway).placements:
        return done(passes, seen)
    return None


def done(passes: Passes, seen: Look) -> float | None:
    """Nothing of the Gateway stands anywhere: it may go, and nobody needs to remember it. Seconds until the next try
    where somebody does not let it go."""
    passes.outlet.forget(seen)
    if not passes.outlet.release(seen):
        return LATER
    passes.states.drop(seen.gateway)
    return None


def let_go(passes: Passes, seen: Look, why: str) -> float | None:
    """The finalizer goes, the load balancer stays, and the state remembers where and for whom: a Gateway of this name
    takes it over."""
    state = passes.states.get(seen.gateway)
    uid = seen.live.uid if seen.live is not None else ""
    passes.states.put(replace(state, released=state.released | ({uid} - {""})))
    passes.outlet.say(seen, "Warning", "LetGo", f"{why}: its load balancer stays, and is taken over by name")
    if not passes.outlet.release(seen):
        return LATER
    passes.outlet.forget(seen)
    for site in passes.sites.all():
        site.forget(seen.gateway)
    return None
