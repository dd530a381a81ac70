"""`cloudgw apply`: does what plan shows; what is dangerous waits, unless --plan-digest names that plan."""

from __future__ import annotations

import argparse

from cloudgw.cli import acting, world
from cloudgw.cli.problem import Problem
from cloudgw.plan import check, render_json
from cloudgw.provider import Placement


def run(options: argparse.Namespace) -> int:
    found = world.load(options)
    approved: dict[tuple[str, Placement], frozenset[str]] = {}
    if options.plan_digest:
        planned = found.planned()
        digest = render_json.digest([item.plan for item in planned])
        if digest != options.plan_digest:
            raise Problem(
                f"the plan moved: --plan-digest is {options.plan_digest}, the plan is now {digest}; nothing was done: "
                "run `cloudgw plan` with the same input, read it, and apply with its digest"
            )
        approved = {(item.plan.gateway, item.plan.placement): item.plan.dangerous for item in planned}

    def word_of(gateway: str, placement: Placement) -> check.Word:
        return check.Word(
            approved=approved.get((gateway, placement), frozenset()), allow_incomplete=options.allow_incomplete
        )

    return acting.act(found, word_of, options, allow_incomplete=options.allow_incomplete)
