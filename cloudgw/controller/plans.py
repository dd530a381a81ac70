"""GatewayPlan: what would be done to a Gateway, shown to whoever has to say a word, and the word itself.

The status is ours: the plan of each placement as text, its digest and what is dangerous in it. The spec is a person's:
digests that they approve, by `cloudgw approve` or by hand; the annotation on the Gateway counts as much. Approving is
known by digest, and remembered by the words of the dangerous changes, so that a plan that goes on needs no new word and
one that became more dangerous does. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloudgw.controller import names
from cloudgw.controller.state import State
from cloudgw.graph import model
from cloudgw.objects import Parameters, Unknown
from cloudgw.plan import model as plans
from cloudgw.plan import render_json, render_text

LONGEST = 100_000  # characters of a plan's text; an object holds a megabyte and a half
SHOWN = 100  # dangerous changes
DIGEST = re.compile(r"[0-9a-f]{16}")
ONLY_SHOWN = "PlanMode"  # reason of the conditions of a plan that its writer does not carry out


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A status that plan mode wrote. versions: resourceVersions before and after."""

    versions: frozenset[str]
    status: Mapping[str, Any]

    def is_overwritten(self, version: str, status: Mapping[str, Any]) -> bool:
        """Whether somebody else wrote since, of what is there now. A person's word changes the version alone."""
        return version not in self.versions and status != self.status


def is_only_shown(status: Mapping[str, Any]) -> bool:
    return any(one.get("reason") == ONLY_SHOWN for one in status.get("conditions", ()))


def said(item: object, annotations: Mapping[str, str]) -> frozenset[str]:
    """Digests that people approved: in the GatewayPlan's spec, and in the annotation of the Gateway."""
    found = set(DIGEST.findall(annotations.get(names.APPROVED, "")))
    if isinstance(item, Parameters) and not isinstance(item, Unknown):
        found.update(str(one) for one in item.spec.get("approvedDigests") or ())
    return frozenset(found)


def approved(plan: plans.Plan, state: State, digests: frozenset[str]) -> frozenset[str]:
    """Words that hold for a plan: of one approved by its digest all that it shows; else those said before, as long as
    nothing dangerous came to it."""
    if plan.digest in digests:
        return plan.dangerous
    return state.approved if plan.dangerous <= state.approved else frozenset()


def settled(state: State, rest: plans.Plan, said: frozenset[str], others: frozenset[str]) -> State:
    """After a pass that left nothing to do but what is unknown: the words that are done are forgotten, and the digests
    that gave them approve nothing again as long as they are still said. others: UIDs of earlier Gateways of this name,
    whose load balancer was taken over where that was approved."""
    kept = state.approved & rest.dangerous
    done = frozenset() if kept else state.approved_by
    return replace(
        state,
        approved=kept,
        approved_by=state.approved_by - done,
        spent=(state.spent | done) & said,
        released=state.released | (others if state.approved else frozenset()),
    )


def begun(plan: plans.Plan, kinds: Mapping[str, model.Kind]) -> frozenset[str]:
    """Words of what a Gateway's first plan opens. Its author wrote that and nobody has to say a word; whoever goes on
    after a crash finds something standing, and must not ask for the rest."""
    found = set()
    for change in plan.changes:
        exposes = kinds[model.kind_of(change.address)].exposes
        if exposes is None or change.op != "create" or change.danger or change.after is None:
            continue
        if exposes(change.after.fields):
            found.add(change.word)
    return frozenset(found)


def asks(found: Sequence[plans.Plan], words: frozenset[str]) -> bool:
    """Whether anybody has to say a word."""
    return any(plan.dangerous - words for plan in found)


def status(
    found: Sequence[plans.Plan],
    words: frozenset[str],
    kinds: Mapping[str, Sequence[str]],
    generation: int,
    now: str,
    before: Mapping[str, Any],
    *,
    applies: bool = True,
) -> dict[str, Any]:
    """Of a GatewayPlan. before: as it is: moments of conditions that did not change are kept. applies: whether who
    writes it also does it, with a word where one is needed."""
    changing = [plan for plan in found if any(not change.fast for change in plan.changes)]
    asking = asks(changing, words)
    if not changing:
        phase, reason, text = "Empty", "NothingToDo", "nothing to change"
    elif asking:
        digests = ", ".join(plan.digest for plan in changing if plan.dangerous - words)
        phase, reason = "Pending", "NeedsApproval"
        text = f"waits for a person's word: cloudgw approve, or annotation {names.APPROVED}: {digests}"
    elif any(plan.dangerous for plan in changing):
        phase, reason, text = "Approved", "Approved", "approved, and being done"
    else:
        phase, reason, text = "Waiting", "InProgress", "being done, or waits for what time ends"
    going = bool(changing) and not asking and applies
    if not applies:
        reason, text = ONLY_SHOWN, "only shown: this controller runs with --mode plan, and nothing of it is done"
    return {
        "observedGeneration": generation,
        "phase": phase,
        "dangerous": sum(
            1 for plan in changing for change in plan.changes if change.danger and change.word not in words
        ),
        "plans": [_plan(plan, words, kinds) for plan in changing],
        "conditions": [
            _condition("Ready", not changing, reason, text, generation, now, before),
            _condition("Reconciling", going, reason, text, generation, now, before),
            _condition("Stalled", False, reason, text, generation, now, before),
        ],
    }


def _plan(plan: plans.Plan, words: frozenset[str], kinds: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    document = render_json.document([plan], kinds=kinds)
    shown = render_text.render(document)
    text = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}\n... and {len(shown) - LONGEST} characters more\n"
    dangerous = [
        {"change": f"{change.op} {model.short(change.address)}", "reasons": [one[:1024] for one in change.danger[:16]]}
        for change in plan.changes
        if change.danger and change.word not in words
    ]
    return {
        "placement": str(plan.placement),
        "digest": plan.digest,
        "summary": render_text.summary(document["plans"][0]),
        "dangerous": dangerous[:SHOWN],
        "text": text,
    }


def _condition(
    kind: str, true: bool, reason: str, message: str, generation: int, now: str, before: Mapping[str, Any]
) -> dict[str, Any]:
    value = "True" if true else "False"
    since = now
    for one in before.get("conditions", ()):
        if one.get("type") == kind and one.get("status") == value:
            since = one.get("lastTransitionTime", now)
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
