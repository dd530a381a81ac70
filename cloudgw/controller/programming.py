"""What a pass means for people: from its plan and outcomes to what the statuses say of the cloud.

`passes` calls it before the first cloud write and after the last one. Reasons are those that the Gateway API and the
tools that read it know (https://gateway-api.sigs.k8s.io/reference/spec/): while an address is missing the message says
"address pending". Pure; what it says never changes from one look to the next when nothing did.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from cloudgw.engine import report
from cloudgw.graph import model
from cloudgw.objects import GATEWAY_GROUP, Key, Note
from cloudgw.plan import model as plans
from cloudgw.routing import ir, statuses
from cloudgw.routing.statuses import Programming

Route: TypeAlias = tuple[str, str, str]  # kind, namespace, name
Listener: TypeAlias = tuple[str, str, str, str]  # kind, namespace and name of its object, name
WITHOUT_LOSS = frozenset(
    {"drain", "time", "ready", "operation", "change"}
)  # a deletion that waits for these harms nobody
SHOWN = 3  # messages in one condition


def addresses(plan: plans.Plan) -> tuple[tuple[str, str], ...]:
    """(IPAddress or Hostname, value), sorted, of one type: where there are names, the names alone."""
    found: dict[str, list[str]] = {"Hostname": [], "IPAddress": []}
    for value in sorted(set(plan.addresses)):
        found["IPAddress" if _is_address(value) else "Hostname"].append(value)
    kind = "Hostname" if found["Hostname"] else "IPAddress"
    return tuple((kind, value) for value in found[kind])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def left(plan: plans.Plan, done: report.Report | None) -> list[model.Change]:
    """What is still to do after a pass; None: nothing was tried."""
    if done is None or not done.outcomes:
        return list(plan.changes)
    return [
        outcome.change
        for outcome in done.outcomes
        if outcome.state != "done" or outcome.change.group in done.operations
    ]


def pending(plan: plans.Plan) -> list[model.Change]:
    """Those without which the cloud does not answer as the newest generation says. Targets come and go, what drains
    harms nobody; what the cloud refused, and what waits for an object that is missing, is said of its own routes and
    listeners."""
    by_key = {change.key: change for change in plan.changes}
    said = {"refused"} if unlisted(plan) else {"refused", "unknown"}
    return [
        change
        for change in plan.changes
        if not (change.fast or change.retired or change.warm or _roots(change, by_key) & said)
        and not (change.op == "delete" and change.waits and all(w.what in WITHOUT_LOSS for w in change.waits))
    ]


def _roots(change: model.Change, by_key: Mapping[str, model.Change]) -> set[str]:
    """What a change waits for in the end. One that waits for time too does not say that what it needs waits."""
    found, seen, queue = set[str](), {change.key}, [change]
    while queue:
        one = queue.pop()
        behind = [*one.needs, *(wait.message for wait in one.waits if wait.what == "change")]
        found.update(wait.what for wait in one.waits if wait.what != "change" or wait.message not in by_key)
        for key in behind:
            if key in by_key and key not in seen:
                seen.add(key)
                queue.append(by_key[key])
    return found


def of(
    plan: plans.Plan,
    done: report.Report | None,
    routing: ir.Routing,
    *,
    settled: bool = False,
    standing: Collection[Route | Listener] = (),
    approximated: frozenset[str] = frozenset(),
) -> Programming:
    """done: None before the first write. settled: this generation of the Gateway was programmed before, so that what is
    missing is its routes' matter. standing: routes and listeners of which the same is true. approximated: codes of
    notes about what the cloud does otherwise."""
    plan = replace(plan, changes=tuple(left(plan, done)))
    missing = pending(plan)
    failures = list(dict.fromkeys(o.failure.text for o in (done.of("failed") if done is not None else ()) if o.failure))
    known = addresses(plan)
    message = _waits(missing, plan, failures)
    if not known:
        reason = "NoResources" if _scarce(done) else "AddressNotAssigned"
        text = f"address pending: {message or 'the load balancer is being made'}"
        return _with(
            Programming(state="False", reason=reason, message=text), plan, failures, approximated, _all(routing, text)
        )
    asking = any(wait.what == "approval" for change in missing for wait in change.waits)
    doubt = unsure(plan)
    if missing and settled:
        degraded = ("NeedsApproval", message) if asking else None
        text = f"stands in {plan.placement}"
        found = Programming(state="True", reason="Programmed", message=text, addresses=known, degraded=degraded)
    elif missing or (doubt and not settled):
        found = Programming(state="False", reason="Pending", message=message or doubt, addresses=known)
    else:
        text = f"stands in {plan.placement}"
        found = Programming(state="True", reason="Programmed", message=text, addresses=known)
    blind = bool(unlisted(plan))  # that something is missing is not known either
    late = {
        key: "" if key in standing and (blind or not why) else why or doubt
        for key, why in routes(missing, routing).items()
    }
    new = {key: why or doubt for key, why in listeners(missing, routing).items() if key not in standing}
    new = {key: why for key, why in new.items() if why}
    return replace(_with(found, plan, failures, approximated, late), listeners=new)


def unlisted(plan: plans.Plan) -> str:
    """Why not everything that stands was seen; "" where it was."""
    return next((reason for reason in plan.incomplete if reason.startswith("listing of")), "")


def unsure(plan: plans.Plan) -> str:
    """Why a cloud may not serve yet what it shows: a long operation runs, or failed; "" where nothing is to be said.
    The plan is empty by then, so whatever was not programmed before it is not programmed now."""
    return next((note.message for note in plan.notes if note.code in ("OperationRunning", "OperationFailed")), "")


def unreachable(reason: str, live: Mapping[str, Any], generation: int, routing: ir.Routing | None) -> Programming:
    """The cloud could not be looked at: what was said of this generation stands, and that nobody could look is said
    beside it. live: the Gateway's status as it is; its addresses are kept by whoever writes."""
    for one in live.get("conditions", ()):
        if one.get("type") == "Programmed" and one.get("observedGeneration") == generation and one["status"] == "True":
            return Programming(
                state="True", reason="Programmed", message=one.get("message", ""), degraded=("CloudNotReached", reason)
            )
    late = _all(routing, reason) if routing is not None else {}
    return Programming(
        state="False", reason="Pending", message=reason, degraded=("CloudNotReached", reason), routes=late
    )


def routes(missing: Sequence[model.Change], routing: ir.Routing) -> dict[Route, str]:
    """Of every route of the Gateway, why it is not programmed yet; "" = it is."""
    found: dict[Route, str] = dict.fromkeys(_named(routing), "")
    for change in missing:
        for origin in change.origins:
            key = (origin.kind, origin.namespace, origin.name)
            if key in found and not found[key]:
                found[key] = _wait(change)
    return found


def listeners(missing: Sequence[model.Change], routing: ir.Routing) -> dict[Listener, str]:
    """Of every listener that the input lets serve, why the cloud does not have it as it is wanted; "" = it has."""
    fit = [one for one in routing.verdicts.listeners if one.programmed is None]
    found: dict[Listener, str] = {(*one.owner, one.name): "" for one in fit}
    for change in missing:
        for origin in change.origins:
            key = (origin.kind, origin.namespace, origin.name, origin.section.partition('"')[2].rstrip('"'))
            if key in found and not found[key]:
                found[key] = _wait(change)
    return found


def _all(routing: ir.Routing, message: str) -> dict[Route, str]:
    return dict.fromkeys(_named(routing), message)


def _named(routing: ir.Routing) -> list[Route]:
    return [(one.kind, one.namespace, one.name) for one in routing.verdicts.parents]


def _with(
    found: Programming,
    plan: plans.Plan,
    failures: Sequence[str],
    approximated: frozenset[str],
    late: Mapping[Route, str],
) -> Programming:
    degraded = found.degraded
    wrong = [*failures, *(note.message for note in plan.notes if note.code == "OperationFailed")]
    other = [_said(note) for note in plan.notes if note.code in approximated and not note.refuses]
    if wrong:
        degraded = ("CloudRefused", _few(wrong))
    elif other and degraded is None:
        degraded = ("Approximated", _few(other))
    return Programming(
        state=found.state,
        reason=found.reason,
        message=found.message,
        addresses=found.addresses,
        degraded=degraded,
        routes=late,
    )


def _said(note: Note) -> str:
    return f"{note.origin}: {note.message}" if note.origin is not None else note.message


def _few(messages: Sequence[str]) -> str:
    shown = list(dict.fromkeys(messages))
    more = f"; and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return "; ".join(shown[:SHOWN]) + more


def _scarce(done: report.Report | None) -> bool:
    return any(
        o.failure is not None and o.failure.why == "quota" for o in (done.of("failed") if done is not None else ())
    )


def _waits(missing: Sequence[model.Change], plan: plans.Plan, failures: Sequence[str]) -> str:
    """In one sentence, without what changes at each look."""
    if not missing:
        return _few(failures) if failures else ""
    word = [change for change in missing if any(wait.what == "approval" for wait in change.waits)]
    if word:
        reasons = _few([text for change in word for text in change.danger])
        return f"waits for a person's word, digest {plan.digest}: {reasons}; see GatewayPlan {plan.gateway}"
    if failures:
        return _few(failures)
    return _wait(missing[0])


def _wait(change: model.Change) -> str:
    waits = [wait for wait in change.waits if wait.what not in ("change", "time")]
    subject = model.short(change.address)
    return f"{subject}: {waits[0].message}" if waits else f"{subject} is being written"


def held_back(
    wanted: statuses.ObjectStatus, live: Mapping[str, Any], late: Mapping[Route, str]
) -> statuses.ObjectStatus:
    """A route whose newest generation the cloud does not answer yet keeps the generation that it was accepted with.

    A canary tool shifts weight, waits until Accepted names the new generation and then takes pods away; on a cloud that
    needs minutes they would still be asked. Only acceptance that stands is held back; a refusal is said at once."""
    if not late.get((wanted.kind, wanted.namespace, wanted.name)):
        return wanted
    parents = []
    for parent in wanted.status.get("parents", ()):
        seen = _accepted(live, parent)
        conditions = [
            {**one, "observedGeneration": min(seen, one["observedGeneration"])}
            if seen is not None and one["type"] == "Accepted" and one["status"] == "True"
            else one
            for one in parent["conditions"]
        ]
        parents.append({**parent, "conditions": conditions})
    return statuses.ObjectStatus(
        kind=wanted.kind, namespace=wanted.namespace, name=wanted.name, status={**wanted.status, "parents": parents}
    )


def _accepted(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> int | None:
    """The generation with which a parent was accepted last, None where it was not."""
    for parent in live.get("parents", ()):
        if parent.get("controllerName") != wanted["controllerName"] or not _same(
            parent["parentRef"], wanted["parentRef"]
        ):
            continue
        for one in parent.get("conditions", ()):
            if one["type"] == "Accepted" and one["status"] == "True":
                return int(one.get("observedGeneration", 0))
    return None


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    defaults = {"group": GATEWAY_GROUP, "kind": "Gateway"}
    return {**defaults, **one} == {**defaults, **other}


def stands(status: Mapping[str, Any], generation: int, controller: str, gateway: Key, namespace: str) -> bool:
    """Whether a route's status, as it is, calls this generation programmed at a Gateway. namespace: of the route."""
    found = [
        one
        for parent in status.get("parents", ())
        if parent.get("controllerName") == controller and _may_mean(parent["parentRef"], gateway, namespace)
        for one in parent.get("conditions", ())
        if one["type"] == "Programmed"
    ]
    return bool(found) and all(one["status"] == "True" and one.get("observedGeneration") == generation for one in found)


def _may_mean(ref: Mapping[str, Any], gateway: Key, namespace: str) -> bool:
    """A ListenerSet may be of any Gateway."""
    return ref.get("kind", "Gateway") != "Gateway" or (ref.get("namespace", namespace), ref["name"]) == gateway


_WORDS = {
    "Accepted": "accepted",
    "Programmed": "programmed",
    "ResolvedRefs": "every reference resolves",
    "SupportedVersion": "the installed definitions are known",
}


def spoken(status: Any) -> Any:
    """The same status with a message in every condition: some tools show nothing else."""
    if isinstance(status, Mapping):
        found = {name: spoken(value) for name, value in status.items()}
        if found.get("message") == "" and "observedGeneration" in found:
            found["message"] = _WORDS.get(str(found.get("type")), str(found.get("reason")))
        return found
    return [spoken(one) for one in status] if isinstance(status, list | tuple) else status
