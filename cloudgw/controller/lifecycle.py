"""What is to become of one Gateway: wanted in a placement, leaving, undecided; from the store and its state alone.

`passes` asks at the beginning of every pass, so that nothing is done on what was true earlier. Only two things are a
wish to delete: a Gateway that a person deleted, and one that a person gave to another class or placement. A kind whose
definition is being deleted is not complete: its objects go one by one, and nobody wished them gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from cloudgw import registry, wishes
from cloudgw.controller import names, store
from cloudgw.controller.state import State
from cloudgw.objects import (
    GATEWAY_GROUP,
    ROUTE_KINDS,
    CustomResourceDefinition,
    Gateway,
    Key,
    Snapshot,
    Unknown,
)
from cloudgw.provider import Placement
from cloudgw.routing import ir, resolve

KINDS = (
    "GatewayClass",
    "Gateway",
    "ListenerSet",
    "ReferenceGrant",
    "BackendTLSPolicy",
    names.POLICY,
    *(k.__name__ for k in ROUTE_KINDS),
)
DEFINITION = CustomResourceDefinition.__name__
PASSING = ("EndpointSlice", "Node")  # kinds that change without anybody wishing for anything else

Fate = Literal["wanted", "undecided", "deleted", "left", "strange", "vanished"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One Gateway at one moment. fate: strange = of no class of ours, and nothing of it stands: not ours to speak of.
    chosen: where and with which parameters it is wanted. why: of an undecided one, in words. anew: as the function."""

    gateway: Key
    live: store.Live | None
    state: State
    fate: Fate
    snapshot: Snapshot
    survey: wishes.Survey
    chosen: wishes.Chosen | None = None
    why: str = ""
    anew: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        return "/".join(self.gateway)

    @property
    def routing(self) -> ir.Routing | None:
        return self.survey.routings.get(self.owner)

    @property
    def leaves(self) -> bool:
        """Everything of it is to go, everywhere."""
        return self.fate in ("deleted", "left")


def definition_name(kind: str) -> str:
    """ "httproutes.gateway.networking.k8s.io" """
    if kind in names.PLURALS:
        return f"{names.PLURALS[kind]}.{names.GROUP}"
    lower = kind.lower()
    plural = f"{lower[:-1]}ies" if lower.endswith("cy") else f"{lower}es" if lower.endswith("s") else f"{lower}s"
    return f"{plural}.{GATEWAY_GROUP}"


def suspended(found: store.Store) -> frozenset[str]:
    """Kinds whose definition is being deleted: what vanishes of them is nobody's wish."""
    lives = {kind: found.get(DEFINITION, ("", definition_name(kind))) for kind in KINDS}
    return frozenset(kind for kind, live in lives.items() if live is not None and live.deleting)


def missing(found: store.Store, state: State) -> frozenset[str]:
    """Kinds that had objects when this was last applied and are not installed any more. Their informers may not have
    noticed yet: until their watches break what they know counts as complete, and is empty."""
    return frozenset(state.definitions) - frozenset(definitions(found))


def uninstalled(found: store.Store, state: State) -> frozenset[str]:
    """Kinds of which there is certainly nothing: they are not installed, and were not when this was last applied."""
    if not found.is_complete(DEFINITION):
        return frozenset()
    there = definitions(found)
    return frozenset(kind for kind in KINDS if kind not in there and kind not in state.definitions)


def definitions(found: store.Store) -> dict[str, str]:
    """Kind -> UID of its definition, of those that are installed."""
    lives = {kind: found.get(DEFINITION, ("", definition_name(kind))) for kind in KINDS}
    return {kind: live.uid for kind, live in lives.items() if live is not None and live.uid}


def used(found: store.Store, snapshot: Snapshot) -> dict[str, str]:
    """Of those, the ones of which a Gateway's part of the world has objects."""
    return {kind: uid for kind, uid in definitions(found).items() if snapshot.objects.get(kind)}


def remembered(found: store.Store, snapshot: Snapshot, state: State) -> dict[str, str]:
    """What `State.definitions` becomes when nothing is left to do. A kind that was used and is not installed any more,
    or cannot be seen whole (its definition is just being deleted), stays in it: else its objects would count as deleted
    from the next look on. A Gateway's part of the world never holds all Gateways, but it holds this one."""
    there = definitions(found)
    seen = (set(there) & {*snapshot.complete, Gateway.__name__}) - suspended(found)
    kept = {kind: uid for kind, uid in state.definitions.items() if kind not in seen}
    return {**used(found, snapshot), **kept}


def look(found: store.Store, state: State, gateway: Key, *, controller: str, doubted: Collection[str] = ()) -> Look:
    """doubted: kinds that count as not complete."""
    live = found.get("Gateway", gateway)
    snapshot = found.selection(gateway, doubted)
    known = snapshot.complete | (uninstalled(found, state) - set(doubted))
    if known != snapshot.complete:
        snapshot = replace(snapshot, complete=known)
    resolution = resolve.resolve(snapshot, controller, only={gateway})
    survey = wishes.survey(snapshot, resolution, registry.by_parameters_kind)
    fate, chosen, why = _fate(found, survey, state, gateway, live)
    return Look(
        gateway=gateway,
        live=live,
        state=state,
        fate=fate,
        snapshot=snapshot,
        survey=survey,
        chosen=chosen,
        why=why,
        anew=anew(found, state),
    )


def _fate(
    found: store.Store, survey: wishes.Survey, state: State, gateway: Key, live: store.Live | None
) -> tuple[Fate, wishes.Chosen | None, str]:
    if live is None:
        return "vanished", None, ""
    let_go = live.uid in state.released
    whose = found.class_of(gateway)
    # The state is written before the finalizer: of a class that is not ours, and without a state, it is that of another
    # cloudgw with a controllerName of its own.
    held = names.FINALIZER in live.finalizers and (whose == "ours" or bool(state.uid))
    same = state.uid in ("", live.uid)  # what an earlier Gateway of this name left behind is nobody's wish to delete
    ours = held or (bool(state.placements) and same and not let_go)
    if live.deleting:
        return ("deleted" if ours else "strange"), _chosen(survey, gateway), ""
    if whose == "foreign" and ours and isinstance(live.item, Gateway) and live.item.class_name == state.class_name:
        # the class was made anew for another controller: nobody who owns the Gateway wished anything
        reason = f"GatewayClass {state.class_name} belongs to another controller now; what stands stays"
        return "undecided", None, f"{reason}: give the Gateway another class, or delete it, to let it go"
    if whose == "foreign":
        return ("left" if ours else "strange"), None, ""
    if whose in ("absent", "unknown"):
        reason = "its GatewayClass does not exist" if whose == "absent" else "its GatewayClass cannot be seen"
        return ("undecided" if ours else "strange"), None, f"{reason}; what stands stays"
    chosen = _chosen(survey, gateway)
    if chosen is None:
        return "undecided", None, survey.undecided.get("/".join(gateway), "it cannot be decided what is wanted")
    return "wanted", chosen, ""


def _chosen(survey: wishes.Survey, gateway: Key) -> wishes.Chosen | None:
    return next((one for one in survey.chosen if one.routing.owner == "/".join(gateway)), None)


def covers(one: Placement, other: Placement) -> bool:
    """Whether two placements may be the same; an account that is not named is that of the credentials."""
    same = (one.provider, one.region) == (other.provider, other.region)
    return same and (not one.account or not other.account or one.account == other.account)


def placements(seen: Look) -> tuple[Placement, ...]:
    """Everywhere that something has to be looked at: where it is wanted, and where something of it may stand."""
    wanted = (seen.chosen.placement,) if seen.chosen is not None else ()
    standing = tuple(one for one in seen.state.placements if not any(covers(one, other) for other in wanted))
    return (*wanted, *standing)


def inputs(snapshot: Snapshot) -> str:
    """Hash of what people wrote about a Gateway: what changes the load balancer although this did not change is drift,
    or another version of ours."""
    words = [
        f"{kind}/{'/'.join(key)} {item.reason if isinstance(item, Unknown) else item!r}"
        for kind, items in snapshot.objects.items()
        if kind not in PASSING and kind != DEFINITION
        for key, item in items.items()
    ]
    return hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()[:16]


def anew(found: store.Store, state: State) -> tuple[str, ...]:
    """Kinds whose definition is another one than when this was last applied: whoever reads them sees an empty world."""
    there = definitions(found)
    return tuple(sorted(kind for kind, uid in state.definitions.items() if there.get(kind, uid) != uid))


def held(seen: Look, version: str, digest: str) -> str:
    """Why every change waits for a word, although nothing of it is dangerous; "" = nothing does. No class can say that
    an empty world is to be taken for a wish."""
    if seen.chosen is None:
        return ""
    settings, state = seen.chosen.parameters.settings, seen.state
    if seen.anew:
        kinds = ", ".join(seen.anew)
        return f"the definition of {kinds} was made anew since this was applied: what is missing may come back"
    if settings.approval == "Never":
        return ""
    if settings.approval == "Always":
        return "approval: Always: every change waits for a word"
    if state.version and state.version != version and state.inputs == digest:
        return f"nobody changed anything: version {version} would do otherwise than {state.version}"
    if settings.drift_policy == "Report" and state.version == version and state.inputs == digest:
        return "drift: somebody changed the cloud, and driftPolicy is Report"
    return ""
