"""The listeners of a Gateway: its own, then those of its ListenerSets in order of precedence.

Called by `resolve`. A ListenerSet joins where the Gateway's allowedListeners accept its namespace
(https://gateway-api.sigs.k8s.io/reference/spec/, ListenerSet); older sets come first, then "namespace/name". This
module must never decide whether a listener itself is valid: `listeners` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudgw.objects import Gateway, Listener, ListenerSet, Meta, Note, Origin, Unknown
from cloudgw.routing import conditions, ir, namespaces
from cloudgw.routing.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A listener and the object that declares it. unknown: whether its ListenerSet may join cannot be seen."""

    spec: Listener
    owner: Gateway | ListenerSet
    position: int
    unknown: Unknown | None = None

    @property
    def kind(self) -> str:
        return type(self.owner).__name__

    @property
    def meta(self) -> Meta:
        return self.owner.meta

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.meta.namespace, self.meta.name

    @property
    def id(self) -> str:
        """As ir.Listener.id."""
        name = self.spec.name
        return name if self.kind == "Gateway" else f"{self.meta.namespace}:{self.meta.name}:{name}"

    def origin(self, field: str = "") -> Origin:
        return conditions.origin(
            self.kind,
            self.meta,
            section=f'listener "{self.spec.name}"',
            path=f"/spec/listeners/{self.position}{field}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A ListenerSet that names the Gateway. verdict: whether it may join."""

    set: ListenerSet
    verdict: ir.Verdict


def joining(index: Index, gateway: Gateway, notes: list[Note]) -> list[Joining]:
    """Every ListenerSet that names the Gateway, in order of precedence; adds a note for each one that may not join."""
    found = index.sets.get((gateway.meta.namespace, gateway.meta.name), ())
    ordered = sorted(found, key=lambda one: (one.meta.created, f"{one.meta.namespace}/{one.meta.name}"))
    return [_joining(index, gateway, one, notes) for one in ordered]


def declared(gateway: Gateway, joined: Sequence[Joining]) -> list[Declared]:
    """All listeners, in order of precedence."""
    own = [Declared(spec=spec, owner=gateway, position=number) for number, spec in enumerate(gateway.listeners)]
    return own + [
        Declared(
            spec=spec,
            owner=one.set,
            position=number,
            unknown=Unknown(one.verdict.message) if one.verdict.status is None else None,
        )
        for one in joined
        if one.verdict.status is not False
        for number, spec in enumerate(one.set.listeners)
    ]


def _joining(index: Index, gateway: Gateway, one: ListenerSet, notes: list[Note]) -> Joining:
    allowed = gateway.allowed_listeners
    strange = [one for one in gateway.meta.unhandled if one.startswith("/spec/allowedListeners")]
    answer: bool | str | Unknown
    answer = (
        f"has a field that is not known ({strange[0]}): nobody is let in by it"
        if strange
        else namespaces.allows(
            index,
            allowed.namespaces,
            allowed.selector,
            home=gateway.meta.namespace,
            namespace=one.meta.namespace,
            what="ListenerSets",
        )
    )
    if answer is True:
        return Joining(set=one, verdict=ir.Verdict(status=True, reason="Accepted"))
    to = f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"
    where = conditions.origin("ListenerSet", one.meta, path="/spec/parentRef")
    if isinstance(answer, Unknown):
        message = f"whether {to} accepts the ListenerSet is unknown: {answer.reason}"
        notes.append(conditions.note("warning", conditions.UNKNOWN_INPUT, where, f"parentRef: {message}"))
        return Joining(set=one, verdict=ir.Verdict(status=None, reason="Pending", message=message))
    message = f"{to} {answer}; change its allowedListeners.namespaces, or the ListenerSet's namespace"
    notes.append(conditions.note("warning", conditions.SET_NOT_ALLOWED, where, f"parentRef: {message}"))
    return Joining(set=one, verdict=ir.Verdict(status=False, reason="NotAllowed", message=message))
