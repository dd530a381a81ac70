"""What a pass says to the cluster: statuses, Events, the GatewayPlan, our finalizer, the metrics of a Gateway.

Called by `passes` and `leaving` from a site's thread. Nothing is written that stands already. With `--mode plan` no
status of a user's object is written and no finalizer: only GatewayPlans. What cannot be written now is tried again by
the caller's next look; it must never stop the others.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cloudgw import pipeline, registry, wishes
from cloudgw.controller import boards, finalizers, kube, metrics, names, plans, programming
from cloudgw.controller.events import Events
from cloudgw.controller.lifecycle import Look
from cloudgw.controller.sites import Site
from cloudgw.controller.store import Store
from cloudgw.controller.writing import Writer
from cloudgw.engine import report
from cloudgw.objects import GATEWAY_GROUP, Note, Secret
from cloudgw.plan import model as plan_model
from cloudgw.provider import Provider
from cloudgw.routing import ir, statuses
from cloudgw.routing.statuses import Programming
from cloudgw.sources import served

LOG = logging.getLogger(__name__)
GATEWAY = served.Resource(group=GATEWAY_GROUP, version="v1", kind="Gateway", plural="gateways")


@dataclass(slots=True, kw_only=True)
class Outlet:
    kube: kube.Kube
    store: Store
    writer: Writer
    board: boards.RouteBoard
    events: Events
    mode: Literal["apply", "plan"]
    controller: str
    _told: dict[str, tuple[str, bool]] = field(default_factory=dict)  # by Gateway: last turn; whether it is programmed
    _asking: set[str] = field(default_factory=set)
    _refused: dict[str, tuple[str, str]] = field(default_factory=dict)  # by Gateway: why our finalizer is not on it
    _shown: dict[str, plans.Shown] = field(default_factory=dict)  # by Gateway: its GatewayPlan, of plan mode
    _theirs: set[str] = field(default_factory=set)  # Gateways whose GatewayPlan plan mode leaves to who applies
    _late: dict[str, dict[programming.Route, float]] = field(default_factory=dict)  # by Gateway: routes, since when

    # What a pass found

    def coming(self, seen: Look, site: Site, plan: plan_model.Plan) -> None:
        """Before the first cloud write: what is about to change is not programmed yet."""
        if plan.going and any(not change.fast for change in plan.going) and seen.routing is not None:
            self._statuses(seen, self._said(seen, site, seen.routing, plan, None), plan.notes)

    def wanted(self, seen: Look, site: Site, rest: plan_model.Plan, done: report.Report, wish: pipeline.Wish) -> bool:
        """After a pass. rest: what is left of its plan. False: its GatewayPlan is not written yet, and can be soon."""
        routing = seen.routing
        assert routing is not None
        state = self._said(seen, site, routing, rest, done)
        self._statuses(seen, state, rest.notes)
        dangerous = sum(1 for change in rest.changes if any(wait.what == "approval" for wait in change.waits))
        waiting = sum(1 for change in rest.changes if change.waits and not change.fast)
        drifted = sum(1 for change in rest.changes if not change.fast) if wish.held.startswith("drift") else 0
        metrics.gateway(
            *seen.gateway, programmed=state.state == "True", waiting=waiting, drift=drifted, dangerous=dangerous
        )
        metrics.certificate(*seen.gateway, _expiry(seen))
        (self._asking.add if dangerous else self._asking.discard)(seen.owner)
        metrics.pending_plans(len(self._asking))
        self._transition(seen, state, dangerous)
        return self._plan(seen, site, rest, asking=bool(dangerous))

    def undecided(self, seen: Look) -> None:
        """Its class or its parameters cannot be used: the statuses say so. Of a class that cannot be seen nothing is
        said: the Gateway may be somebody else's."""
        if seen.routing is None or self.store.class_of(seen.gateway) != "ours":
            return
        if seen.routing.verdicts.accepted.status is None:
            return
        state = Programming(state="False", reason="Pending", message=seen.why, routes=self._unlooked(seen, seen.why))
        self._statuses(seen, state, ())
        self.say(seen, "Warning", "NotDecided", seen.why)

    def unreachable(self, seen: Look, reason: str) -> None:
        live = seen.live
        if live is not None and seen.routing is not None:
            state = programming.unreachable(reason, live.status, live.generation, seen.routing)
            self._statuses(seen, replace(state, routes=self._unlooked(seen, reason)), ())
            self.say(seen, "Warning", "CloudNotReached", reason)

    def _unlooked(self, seen: Look, reason: str) -> dict[programming.Route, str]:
        """Of each route while nobody looks at the cloud: programmed as long as it is what was programmed last."""
        assert seen.routing is not None
        found = {}
        for one in seen.routing.verdicts.parents:
            live = self.store.get(one.kind, (one.namespace, one.name))
            done = live is not None and programming.stands(
                live.status, live.generation, self.controller, seen.gateway, one.namespace
            )
            found[one.kind, one.namespace, one.name] = "" if done else reason
        return found

    def leaving(self, seen: Look, site: Site, rest: plan_model.Plan, done: report.Report) -> None:
        """It is being deleted in a placement."""
        failures = list(dict.fromkeys(o.failure.text for o in done.of("failed") if o.failure is not None))
        foreign = [text for change in rest.changes for text in change.danger if "not ours" in text]
        if failures or foreign:
            self.waits(seen, "DeletionWaits", "; ".join([*failures, *foreign][: programming.SHOWN]))
        metrics.gateway(*seen.gateway, programmed=False, waiting=len(rest.changes), drift=0, dangerous=len(foreign))
        LOG.info("%d elements are left in %s", len(rest.changes), site.placement)

    def waits(self, seen: Look, reason: str, message: str) -> None:
        """A condition on a Gateway that is not wanted as it stands, and an Event."""
        live = seen.live
        if live is None or self.mode == "plan":
            return
        condition = statuses.Condition(
            type=statuses.DEGRADED, status="True", reason=reason, message=message, generation=live.generation
        )
        self._do(self.writer.mark("Gateway", seen.gateway, condition))
        self.say(seen, "Warning", reason, message)

    def _said(
        self, seen: Look, site: Site, routing: ir.Routing, plan: plan_model.Plan, done: report.Report | None
    ) -> Programming:
        unseen, live = programming.unlisted(plan), seen.live
        if unseen and not plan.addresses and live is not None:  # not even the load balancer
            found = programming.unreachable(unseen, live.status, live.generation, routing)
            return self._held_up(seen, replace(found, routes=self._unlooked(seen, unseen)))
        standing: set[programming.Route | programming.Listener] = {
            *(key for key, late in self._unlooked(seen, unseen or "late").items() if not late),
            *((*one.owner, one.name) for one in routing.verdicts.listeners if self._listens(one)),
        }
        codes = _codes(site.provider)
        state = programming.of(plan, done, routing, settled=_settled(seen), standing=standing, approximated=codes)
        self._measure(seen, site, state.routes)
        return self._held_up(seen, state)

    def _measure(self, seen: Look, site: Site, routes: Mapping[programming.Route, str]) -> None:
        """How long the cloud took for each route that was late and is not any more."""
        now, since = time.monotonic(), self._late.setdefault(seen.owner, {})
        late = {key for key, why in routes.items() if why}
        for key in since.keys() - late:
            began = since.pop(key)
            if key in routes:
                metrics.propagation(site.provider.name, now - began)
        for key in late:
            since.setdefault(key, now)

    def _listens(self, one: ir.ListenerVerdict) -> bool:
        """Whether the status of its object, as it is, calls a listener programmed in its newest generation."""
        kind, namespace, name = one.owner
        live = self.store.get(kind, (namespace, name))
        shown = live.status.get("listeners", ()) if live is not None else ()
        return live is not None and any(
            item["type"] == "Programmed" and item["status"] == "True" and item["observedGeneration"] == live.generation
            for listener in shown
            if listener["name"] == one.name
            for item in listener.get("conditions", ())
        )

    def _held_up(self, seen: Look, state: Programming) -> Programming:
        """Nothing is begun without our finalizer, and that is what has to be known."""
        refused = self._refused.get(seen.owner)
        return replace(state, degraded=refused) if refused is not None else state

    # The finalizer

    def hold(self, seen: Look) -> bool:
        """Our finalizer is on the Gateway; False: it is gone, or going."""
        live = seen.live
        assert live is not None
        self._refused.pop(seen.owner, None)
        if names.FINALIZER in live.finalizers:
            return True
        held, refused = self._asked(finalizers.hold(self.kube, GATEWAY, seen.gateway, live.uid))
        if refused is not None:
            self._refused[seen.owner] = refused
        return held

    def release(self, seen: Look) -> bool:
        live = seen.live
        if live is None or names.FINALIZER not in live.finalizers:
            return True
        gone, refused = self._asked(finalizers.release(self.kube, GATEWAY, seen.gateway, live.uid))
        if refused is not None:
            self.waits(seen, *refused)
        return gone

    def _asked(self, doing: Coroutine[Any, Any, bool]) -> tuple[bool, tuple[str, str] | None]:
        """What a change of our finalizer answers; (False, (reason, message)) where it is not allowed."""
        try:
            return bool(self.kube.wait(doing)), None
        except finalizers.Denied as denied:
            return False, ("PolicyDenies", str(denied))
        except kube.Refused as refused:
            if refused.status != 403:
                raise
            return False, ("Forbidden", f"finalizer {names.FINALIZER}: {refused.message}; {GATEWAY.rule('patch')}")

    def forget(self, seen: Look) -> None:
        """Nothing of it stands and nobody wants it: what we said of it elsewhere goes too."""
        for kind, key in self.board.forget(seen.gateway):
            self._do(self.writer.post(self.board, kind, key))
        ours = seen.fate != "strange" or seen.owner in self._told  # else another cloudgw may speak of it
        if ours and seen.live is not None and not seen.live.deleting and self.mode == "apply":
            self._do(self.writer.write("Gateway", seen.gateway, None))
        # whoever leaves does so once, maybe before GatewayPlans were listed
        if ours and (seen.leaves or self.store.get(names.PLAN, seen.gateway) is not None):
            self._do(self.kube.delete(names.path(names.PLAN, *seen.gateway)))
        metrics.forget(*seen.gateway)
        self._asking.discard(seen.owner)
        metrics.pending_plans(len(self._asking))
        self._told.pop(seen.owner, None)
        self._late.pop(seen.owner, None)
        self._refused.pop(seen.owner, None)

    def strays(self) -> None:
        """Entries of ours that nobody stands behind any more, of Gateways that went while we did not run."""
        for kind, key in self.board.strays():
            self._do(self.writer.post(self.board, kind, key))

    # Events

    def say(self, seen: Look, level: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        LOG.log(logging.WARNING if level == "Warning" else logging.INFO, "%s: %s", reason, message)
        if seen.live is not None and self.mode == "apply":
            version = f"{GATEWAY.group}/{GATEWAY.version}"
            self.events.say("Gateway", seen.gateway, seen.live.uid, level, reason, message, version)

    def _transition(self, seen: Look, state: Programming, dangerous: int) -> None:
        """An Event where the story turns, none where it goes on, nor when a new process reads how far it went. One that
        serves although something is wrong turns twice."""
        if dangerous:
            turn, level, message = "NeedsApproval", "Warning", state.message or "changes wait for a person's word"
            message = state.degraded[1] if state.degraded is not None else message
        elif state.degraded is not None:
            turn, level, message = state.degraded[0], "Warning", state.degraded[1]
        else:
            turn, level, message = state.reason, "Normal", state.message
        shown, wrong = _condition(seen, "Programmed"), _condition(seen, statuses.DEGRADED)
        last = (wrong if wrong.get("status") == "True" else shown).get("reason", "")
        before, up = self._told.get(seen.owner, (last, shown.get("status") == "True"))
        self._told[seen.owner] = (turn, state.state == "True")
        if state.state == "True" and not up and turn != state.reason:
            self.say(seen, "Normal", state.reason, state.message)
        if turn != before:
            self.say(seen, "Warning" if level == "Warning" else "Normal", turn, message)

    # GatewayPlans

    def digests(self, seen: Look) -> frozenset[str]:
        """What people approved of this Gateway."""
        found = self.store.get(names.PLAN, seen.gateway)
        return plans.said(found.item if found is not None else None, seen.live.annotations if seen.live else {})

    def _plan(self, seen: Look, site: Site, rest: plan_model.Plan, *, asking: bool) -> bool:
        """False: not now, but soon."""
        found = self.store.get(names.PLAN, seen.gateway)
        if found is None and not asking and self.mode != "plan":
            return True
        assert seen.live is not None
        if found is None:
            body = {
                "apiVersion": f"{names.GROUP}/{names.VERSION}",
                "kind": names.PLAN,
                "metadata": {
                    "namespace": seen.gateway[0],
                    "name": seen.gateway[1],
                    "ownerReferences": [_owner(seen)],
                },
                "spec": {},
            }
            try:
                made = self.kube.wait(self.kube.create(names.path(names.PLAN, seen.gateway[0]), body))
            except kube.Refused as refused:
                if refused.status != 409:  # the informer has not shown it yet
                    LOG.warning("GatewayPlan %s is not made now: %s", seen.owner, refused)
                return refused.status != 409
            before, generation, version = {}, int(made["metadata"]["generation"]), made["metadata"]["resourceVersion"]
        else:
            before, generation, version = dict(found.status), found.generation, found.version
        if self.mode == "plan" and self._gives_way(seen, version, before):
            return True
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kinds = {site.provider.name: tuple(site.provider.kinds)}
        words = frozenset(
            change.word for change in rest.changes if not any(wait.what == "approval" for wait in change.waits)
        )
        wanted = plans.status([rest], words, kinds, generation, now, before, applies=self.mode == "apply")
        if wanted != before:
            patch = [
                {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
                {"op": "add", "path": "/status", "value": wanted},
            ]
            try:
                done = self.kube.wait(
                    self.kube.patch(names.path(names.PLAN, *seen.gateway, "status"), patch, kube.JSON_PATCH)
                )
            except (kube.Refused, OSError) as problem:
                if isinstance(problem, kube.Refused) and problem.status == 404 and found is not None:
                    self.store.drop(names.PLAN, seen.gateway)  # it went unseen; another one is made
                LOG.info("GatewayPlan %s is not written now: %s", seen.owner, problem)
                return isinstance(problem, kube.Refused) and problem.status not in (404, 409)
            if self.mode == "plan":
                versions = frozenset({version, done["metadata"]["resourceVersion"]})
                self._shown[seen.owner] = plans.Shown(versions=versions, status=done["status"])
        return True

    def _gives_way(self, seen: Look, version: str, status: Mapping[str, Any]) -> bool:
        """Whether somebody applies here and writes this GatewayPlan too: from then on it is theirs."""
        shown = self._shown.get(seen.owner)
        if seen.owner not in self._theirs and shown is not None and shown.is_overwritten(version, status):
            self._theirs.add(seen.owner)
            LOG.info("another controller writes GatewayPlan %s: it is left to it", seen.owner)
        return seen.owner in self._theirs

    # Statuses

    def _statuses(self, seen: Look, state: Programming, notes: Sequence[Note]) -> None:
        if self.mode == "plan" or seen.live is None or seen.live.deleting:
            return
        said = wishes.classes(seen.snapshot, registry.by_parameters_kind, registry.names(), self.controller)
        found = statuses.of(
            seen.snapshot,
            ir.Resolution(gateways=tuple(seen.survey.routings[one] for one in (seen.owner,))),
            programmed={seen.gateway: state},
            refused=said.refused,
            clouds={seen.gateway: notes},
            controller_name=self.controller,
        )
        found = tuple(replace(one, status=programming.spoken(one.status)) for one in found)
        own = [one for one in found if one.kind in ("Gateway", "ListenerSet")]
        of_routes = [self._held_back(one, state) for one in found if one.kind in boards.LISTS]
        for one in own:
            self._do(self.writer.write(one.kind, (one.namespace, one.name), one))
        for kind, key in self.board.put(seen.gateway, boards.entries(of_routes)):
            self._do(self.writer.post(self.board, kind, key))

    def _held_back(self, one: statuses.ObjectStatus, state: Programming) -> statuses.ObjectStatus:
        live = self.store.get(one.kind, (one.namespace, one.name))
        return programming.held_back(one, live.status if live is not None else {}, state.routes)

    def _do(self, writing: Coroutine[Any, Any, Any]) -> Any:
        """One write of many, and its answer: what is refused is said (None), and the next look tries again."""
        try:
            return self.kube.wait(writing)
        except kube.Refused as refused:
            level = logging.DEBUG if refused.status in (404, 409) else logging.WARNING
            LOG.log(level, "not written now: %s", refused)
        except OSError as error:
            LOG.warning("not written now: %s", error)
        return None


def _owner(seen: Look) -> dict[str, Any]:
    assert seen.live is not None
    return {
        "apiVersion": f"{GATEWAY.group}/{GATEWAY.version}",
        "kind": "Gateway",
        "name": seen.gateway[1],
        "uid": seen.live.uid,
    }


def _condition(seen: Look, kind: str) -> Mapping[str, Any]:
    conditions: Collection[Mapping[str, Any]] = seen.live.status.get("conditions", ()) if seen.live is not None else ()
    return next((one for one in conditions if one.get("type") == kind), {})


def _settled(seen: Look) -> bool:
    """This generation of the Gateway was programmed before."""
    one = _condition(seen, "Programmed")
    assert seen.live is not None
    return one.get("status") == "True" and one.get("observedGeneration") == seen.live.generation


def _codes(provider: Provider) -> frozenset[str]:
    """Codes of notes that tell of what this cloud does otherwise."""
    return frozenset(row.code for row in provider.capabilities if row.code and row.support != "yes")


def _expiry(seen: Look) -> float | None:
    """When the first certificate of the Gateway's listeners ends, in seconds since 1970."""
    ends = [
        datetime.datetime.fromisoformat(item.not_after.replace("Z", "+00:00")).timestamp()
        for item in seen.snapshot.objects.get("Secret", {}).values()
        if isinstance(item, Secret) and item.not_after
    ]
    return min(ends, default=None)
