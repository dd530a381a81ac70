"""When a Gateway has to be looked at again in a placement, after a pass.

`passes` and `leaving` ask. Moments come from the waits of the plan; where nothing has one, a change in the cluster or
the resync comes first. Failures in a row wait longer each time.
"""

from __future__ import annotations

from cloudgw import pipeline
from cloudgw.controller.sites import Site
from cloudgw.engine import report
from cloudgw.objects import Key
from cloudgw.plan import model as plan_model

AGAIN = 5.0  # seconds, where something could have been done and was not


def again(site: Site, gateway: Key, plan: plan_model.Plan, rest: plan_model.Plan, done: report.Report) -> float | None:
    """Seconds until the next pass is worth its calls; None: until something changes."""
    progressed = bool(done.of("done"))
    unseen = any(reason.startswith("listing of") for reason in plan.incomplete)  # nothing else brings us back
    if (done.of("failed") or unseen) and not progressed:
        return site.queue.failed(gateway)
    site.queue.succeeded(gateway)
    running = plan.busy or bool(done.operations)
    lasting = plan_model.timely(rest.changes)
    if running or (progressed and not lasting):
        return pipeline.POLL_SECONDS
    if lasting:
        return pipeline.pause(rest, site.clock.now(), lasting, progressed=progressed, staleness=site.provider.staleness)
    going = any(not change.waits for change in rest.changes)
    return AGAIN if going or _coming(site, plan) else None


def _coming(site: Site, plan: plan_model.Plan) -> bool:
    """What users are to reach stands and is not usable yet: since when they do is a moment to write down."""
    shows = any(kind.published for kind in site.provider.kinds.values())
    return shows and bool(plan.addresses) and not plan.publish
