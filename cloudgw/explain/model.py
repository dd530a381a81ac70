"""The values of an explanation: gates in order, each with its evidence, and what a person can do at a failing one.

Every module of `explain` makes them, the command line prints them. This module must never look at the routing model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cloudgw import objects
from cloudgw.objects import Key, Note, Origin, Snapshot
from cloudgw.routing import index, ir

State = Literal["ok", "failed", "unknown", "not reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One question on the way. evidence: one line; origin: where it was seen; fix: what to do, one step each;
    manifest: YAML that is ready to be applied, where creating an object is the fix."""

    name: str
    state: State
    evidence: str = ""
    origin: Origin | None = None
    fix: tuple[str, ...] = ()
    manifest: str = ""

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"gate": self.name, "state": self.state}
        if self.evidence:
            found["evidence"] = self.evidence
        if self.origin is not None and self.origin.place:
            found["place"] = self.origin.place
        if self.fix:
            found["fix"] = list(self.fix)
        if self.manifest:
            found["manifest"] = self.manifest
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Gates of one way: a parentRef, a listener, a backendRef. title: "" for the object itself. facts: what is good to
    know and no gate."""

    title: str
    gates: tuple[Gate, ...] = ()
    facts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def all(self) -> Iterator[Gate]:
        yield from self.gates
        for one in self.sections:
            yield from one.all()

    def json(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "gates": [gate.json() for gate in self.gates],
            "facts": list(self.facts),
            "sections": [one.json() for one in self.sections],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """answers: what requests get now, one line each."""

    kind: str
    namespace: str
    name: str
    sections: tuple[Section, ...]
    answers: tuple[str, ...] = ()

    @property
    def cause(self) -> Gate | None:
        """The first gate that fails, else the first that could not be decided; None when all are passed."""
        gates = [gate for one in self.sections for gate in one.all()]
        for state in ("failed", "unknown"):
            if found := next((gate for gate in gates if gate.state == state), None):
                return found
        return None

    def json(self) -> dict[str, Any]:
        cause = self.cause
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "cause": cause.json() if cause else None,
            "sections": [one.json() for one in self.sections],
            "answers": list(self.answers),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What explaining looks at. refused: name of a GatewayClass -> why its provider cannot use the parameters;
    unread: name of a GatewayClass -> why nobody could tell. clouds: by Gateway, what its provider says of it."""

    snapshot: Snapshot
    resolution: ir.Resolution
    view: index.Index
    refused: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    clouds: Mapping[Key, Sequence[Note]] = field(default_factory=dict)
    controller: str = objects.CONTROLLER_NAME

    def routing(self, key: Key) -> ir.Routing | None:
        return next((one for one in self.resolution.gateways if (one.namespace, one.name) == key), None)


class Chain:
    """Gates in order: what stands behind a failed one is not reached. What is unknown does not end the way."""

    def __init__(self, title: str, names: Sequence[str]) -> None:
        self._title = title
        self._names = list(names)
        self._gates: list[Gate] = []
        self.facts: list[str] = []
        self.ended = False

    def ok(self, name: str, evidence: str, origin: Origin | None = None) -> None:
        self.add(Gate(name=name, state="ok", evidence=evidence, origin=origin))

    def unknown(self, name: str, evidence: str, origin: Origin | None = None, *fix: str) -> None:
        self.add(Gate(name=name, state="unknown", evidence=evidence, origin=origin, fix=fix))

    def failed(self, name: str, evidence: str, origin: Origin | None = None, *fix: str, manifest: str = "") -> None:
        self.add(Gate(name=name, state="failed", evidence=evidence, origin=origin, fix=fix, manifest=manifest))

    def add(self, gate: Gate, *, ends: bool = True) -> None:
        """ends: whether a failed gate ends the way; some are wrong, and requests still pass."""
        self._gates.append(gate)
        self.ended = self.ended or (ends and gate.state == "failed")

    def end(self) -> None:
        """Nothing further can be told, although nothing failed."""
        self.ended = True

    def section(self, sections: Sequence[Section] = ()) -> Section:
        reached = {gate.name for gate in self._gates}
        rest = [Gate(name=name, state="not reached") for name in self._names if name not in reached]
        return Section(
            title=self._title, gates=(*self._gates, *rest), facts=tuple(self.facts), sections=tuple(sections)
        )
