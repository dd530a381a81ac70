"""When a Gateway has to be looked at again in a placement, after a pass.

`passes` and `leaving` ask. Moments come from the waits of the plan; where nothing has one, a change in the cluster or
the resync comes first. Failures in a row wait longer each time.
"""

from __future__ import annotations

from cloudgw import pipeline
from cloudgw.controller import programming
from cloudgw.controller.sites import Site
from cloudgw.engine import report
from cloudgw.objects import Key
from cloudgw.plan import model as plan_model

SLOWER, LONGEST = 1.4, 30.0  # seconds: a load balancer takes minutes, and each look at one takes calls


def again(site: Site, gateway: Key, plan: plan_model.Plan, rest: plan_model.Plan, done: report.Report) -> float | None:
    """Seconds until the next pass is worth its calls; None: until something changes."""
    progressed = bool(done.of("done"))
    unseen = programming.unlisted(plan)  # nothing else brings us back
    if (done.of("failed") or unseen) and not progressed:
        return site.queue.failed(gateway)
    site.queue.succeeded(gateway)
    looks = site.fruitless[gateway] = 0 if progressed else site.fruitless.get(gateway, 0) + 1
    running = plan.busy or bool(done.operations)
    if not running and (pause := known(site, rest, progressed=progressed)) is not None:
        return pause
    going = any(not change.waits for change in rest.changes)
    if running or progressed or plan_model.timely(rest.changes) or going or _coming(site, plan):
        return min(LONGEST, pipeline.POLL_SECONDS * SLOWER ** min(looks, 9))
    return None


def known(site: Site, rest: plan_model.Plan, *, progressed: bool = False) -> float | None:
    """Seconds until the moment that what is left waits for; None: nobody knows, or nothing waits for time alone."""
    lasting = plan_model.timely(rest.changes)
    if not lasting:
        return None
    pause = pipeline.pause(rest, site.clock.now(), lasting, progressed=progressed, staleness=site.provider.staleness)
    return pause if pause != pipeline.POLL_SECONDS else None


def _coming(site: Site, plan: plan_model.Plan) -> bool:
    """What users are to reach stands and is not usable yet: since when they do is a moment to write down."""
    shows = any(kind.published for kind in site.provider.kinds.values())
    return shows and bool(plan.addresses) and not plan.publish
