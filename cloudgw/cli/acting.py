"""Commits plans Gateway by Gateway and says what became of each: what `apply` and `destroy` share.

Each Gateway is on its own: a failure of one, even a defect, stops no other. Everything that is done goes through
`pipeline.apply`, which plans anew from a listing before each pass.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw import pipeline
from cloudgw.cli import output, world
from cloudgw.objects import Unknown
from cloudgw.plan import check, render_json, render_text
from cloudgw.plan import model as plans
from cloudgw.provider import Placement, Provider

DONE, WAITS, ERROR = 0, 2, 1
WordOf = Callable[[str, Placement], check.Word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """state: done | waiting | failed | refused. left: what is still to do. reasons: why failed or refused."""

    plan: plans.Plan
    state: str
    changed: int = 0
    left: plans.Plan | None = None
    reasons: tuple[str, ...] = ()


def act(
    found: world.World,
    word_of: WordOf,
    options: argparse.Namespace,
    *,
    allow_incomplete: bool,
    destroying: bool = False,
) -> int:
    """Prints the plan, commits it, prints the results; the exit code."""
    planned = found.planned(word_of)
    document = found.document([item.plan for item in planned])
    if options.output != "json":
        output.show(document, options.output)
        sys.stdout.flush()
    results: list[Result] = []
    wanted = {chosen.routing.owner for chosen in found.survey.chosen}
    for item in sorted(planned, key=lambda one: one.wish.gone):  # what moves stands anew before it goes
        stands = any(result.plan.gateway == item.plan.gateway and result.state == "done" for result in results)
        if item.wish.gone and item.plan.changes and item.plan.gateway in wanted and not destroying and not stands:
            reason = "it is to stand in another placement, and does not stand there yet: nothing is deleted before"
            results.append(Result(plan=item.plan, state="waiting", left=item.plan, reasons=(reason,)))
            continue
        results.append(_one(item, word_of(item.plan.gateway, item.plan.placement), options, allow_incomplete))
    kinds = {site.provider.name: tuple(site.provider.kinds) for site in found.sites}
    if options.output == "json":
        results_document = [_document(result, kinds) for result in results]
        sys.stdout.write(render_json.dump({**document, "results": results_document}))
    else:
        for line in [line for result in results for line in ("", *_told(result, kinds))]:
            print(line)
    output.errors(document)
    return _code(found, results, allow_incomplete)


def _code(found: world.World, results: Sequence[Result], allow_incomplete: bool) -> int:
    """Gateways of a class that is not in the input may be another controller's: they are no error."""
    states = {result.state for result in results}
    routings = found.survey.routings
    ours = [
        name
        for name in found.survey.undecided
        if (routing := routings.get(name)) is not None and not isinstance(routing.gateway_class, Unknown)
    ]
    if found.errors or states & {"failed", "refused"} or (ours and not allow_incomplete):
        return ERROR
    return WAITS if "waiting" in states else DONE


def _one(item: world.Planned, word: check.Word, options: argparse.Namespace, allow_incomplete: bool) -> Result:
    plan, site = item.plan, item.site
    if not plan.complete and not allow_incomplete:
        return Result(plan=plan, state="refused", reasons=plan.incomplete)
    if not plan.changes and not plan.busy and not any(note.code == pipeline.DEGRADED for note in plan.notes):
        return Result(plan=plan, state="done")
    assert site.session is not None
    progress = output.Progress(options, site.clock, plan.gateway)
    try:
        applied = pipeline.apply(
            site.provider,
            site.session,
            site.placement,
            lambda inventory: site.wish(plan.gateway, inventory),
            site.look,
            clock=site.clock,
            memory_=pipeline.Memory(),
            word=word,
            tell=progress.tell,
            waiting=progress.waiting,
        )
    except Exception as exception:
        reason = reason_of(exception, site.provider)
        if reason is None:
            raise
        return Result(plan=plan, state="failed", reasons=(reason,))
    left = applied.plan if applied.plan.changes else None
    reasons = tuple(dict.fromkeys(render_json.readable(failure, plan.gateway) for failure in applied.failures))
    return Result(plan=applied.plan, state=applied.state, changed=applied.changed, left=left, reasons=reasons)


def reason_of(exception: Exception, provider: Provider) -> str | None:
    """Why a Gateway failed, in words; None for a defect of ours."""
    if isinstance(exception, world.Unreachable):
        return str(exception)
    failure = provider.classify(exception)
    if failure is None:
        return None
    return failure.text


def _document(result: Result, kinds: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    left = render_json.document([result.left], kinds=kinds)["plans"][0]["changes"] if result.left is not None else []
    return {
        "gateway": result.plan.gateway,
        "placement": str(result.plan.placement),
        "state": result.state,
        "changed": result.changed,
        "reasons": list(result.reasons),
        "left": left,
        "addresses": list(result.plan.addresses),
    }


def _told(result: Result, kinds: dict[str, tuple[str, ...]]) -> list[str]:
    head = f"Gateway {result.plan.gateway} in {result.plan.placement}"
    if result.state == "refused":
        return [
            f"{head}: refused, nothing was done: not everything that could matter was seen",
            *(f"  {reason}" for reason in result.reasons),
            "  add what is missing with -f; say that -f is everything with --complete, or what it was with --base DIR;",
            "  or act all the same with --allow-incomplete: what was not seen stays as it is",
        ]
    changes = f"{result.changed} {'change' if result.changed == 1 else 'changes'} made"
    where = f"; answers at {', '.join(result.plan.addresses)}" if result.plan.addresses else ""
    if result.state == "done":
        return [f"{head}: {changes if result.changed else 'nothing to do'}{where}"]
    lines = [f"{head}: {result.state}, {changes}{where}"]
    if result.left is not None:
        lines.append(f"  {len(result.left.changes)} left:")
        document = render_json.document([result.left], kinds=kinds)
        lines += [f"  {line}" if line else "" for line in render_text.changes(document["plans"][0], brief=True)]
        lines += ["", *(f"  next: {step}" for step in _next_steps(result.left))]
    return [*lines, *(f"  failed: {reason}" for reason in result.reasons)]


def _next_steps(left: plans.Plan) -> list[str]:
    """What a person can do about what waits."""
    waits = {wait.what for change in left.changes for wait in change.waits}
    foreign = any(change.before is not None and change.before.outputs.get("foreign") for change in left.changes)
    found = []
    if foreign:
        found.append("remove or move what is not ours, then run this again: nothing of others is ever deleted")
    elif "approval" in waits:
        found.append("run `cloudgw plan`, read it, and give its digest as the word: cloudgw apply --plan-digest DIGEST")
    if "unknown" in waits:
        found.append("add what is not known to the input, then run this again")
    if "refused" in waits:
        found.append("correct what the cloud refused, then run this again")
    if "quota" in waits:
        found.append("ask for a higher quota or use less, then run this again")
    return found
