"""The part of the store that one Gateway's routing is made of, as a Snapshot.

`store` calls it under its lock. `resolve` of a selection gives that Gateway what it would give of everything, and so
much less work. No Snapshot made here claims to know every Gateway: whoever concludes from a Gateway's absence must
find it in `absent`, by name. What cannot be seen is not here and its kind is not complete, which makes it Unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudgw.controller import ties
from cloudgw.controller.ties import Knot
from cloudgw.objects import (
    CustomResourceDefinition,
    Gateway,
    GatewayClass,
    GRPCRoute,
    HTTPRoute,
    Key,
    KubernetesObject,
    Material,
    ReferenceGrant,
    Snapshot,
    Unknown,
)
from cloudgw.routing import index

if TYPE_CHECKING:
    from cloudgw.controller.store import Live

COUNTED = (HTTPRoute.__name__, GRPCRoute.__name__)  # of which `Routing.known` speaks
_DOUBT = frozenset(kind.__name__ for kind in index.LISTED)


def of(
    knots: Iterable[Knot],
    lives: Mapping[str, Mapping[Key, Live]],
    complete: Set[str],
    absent: frozenset[tuple[str, str, str]] = frozenset(),
    watched: Set[str] = frozenset(),
) -> Snapshot:
    """knots: what belongs to it, whether it exists or not; definitions always do, as they are few. watched: the only
    namespaces of which anything is known, empty = all; what lies in another one may be granted or not."""
    objects: dict[str, dict[Key, KubernetesObject | Unknown]] = {}
    materials: dict[str, Material] = {}
    for kind, namespace, name in knots:
        found = lives.get(kind, {}).get((namespace, name))
        if found is not None:
            objects.setdefault(kind, {})[namespace, name] = found.item
            if found.material is not None:
                materials[found.material.fingerprint] = found.material
        elif kind == ties.GRANTS and watched and namespace not in watched:
            unseen = Unknown(f"namespace {namespace} is not watched")
            objects.setdefault(ReferenceGrant.__name__, {})[namespace, ""] = unseen
    definitions = CustomResourceDefinition.__name__
    objects[definitions] = {key: one.item for key, one in lives.get(definitions, {}).items()}
    return Snapshot(
        objects=objects, absent=absent, complete=frozenset(complete - {Gateway.__name__}), materials=materials
    )


def played(found: Snapshot, controller: str, foreign: Mapping[str, str]) -> Snapshot:
    """Classes of the controllers in `foreign` (name -> class of ours) as if they were ours, with the parameters of the
    class that is named for them. Where that one is missing, or is none of ours, theirs stay theirs."""
    classes = found.objects.get(GatewayClass.__name__, {})
    shown = dict(classes)
    for key, item in classes.items():
        ours = classes.get(("", foreign.get(item.controller, ""))) if isinstance(item, GatewayClass) else None
        if isinstance(item, GatewayClass) and isinstance(ours, GatewayClass) and ours.controller == controller:
            shown[key] = replace(item, controller=controller, parameters=ours.parameters)
    return replace(found, objects={**found.objects, GatewayClass.__name__: shown})


def is_doubtful(objects_unread: bool, complete: Set[str], gateway: KubernetesObject | Unknown | None) -> bool:
    """Whether a routing may be incomplete; only then does it matter which routes of others are known."""
    selective = isinstance(gateway, Gateway) and gateway.allowed_listeners.namespaces == "Selector"
    return objects_unread or selective or bool(_DOUBT - complete)


def known(lives: Mapping[str, Mapping[Key, Live]]) -> frozenset[tuple[str, str, str]]:
    """Every readable route, as absent from any selection that does not hold it: of a route that has left the Gateway
    for another one everything is known, so that its rules may go although not everything was seen."""
    return frozenset(
        (kind, *key)
        for kind in COUNTED
        for key, one in lives.get(kind, {}).items()
        if not isinstance(one.item, Unknown)
    )
