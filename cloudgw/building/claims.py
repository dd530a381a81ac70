"""An entry as a cloud would have it, and what is said of one.

`build_rules` of a provider compiles every entry of its tables into a `Compiled`, which `heirs` judges; `build_maps`,
where one table per host is made, picks those of a host. Pure. Must never decide what a cloud can express.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from cloudgw.objects import Note, Unknown
from cloudgw.routing import heirs, hostnames, ir


class Answer(Protocol):
    """What a rule answers. to: equal for equal answers, Unknown where nobody knows. notes: what is said of it."""

    @property
    def to(self) -> object: ...
    @property
    def notes(self) -> tuple[Note, ...]: ...


M = TypeVar("M")
A = TypeVar("A", bound=Answer)
C = TypeVar("C", bound="Compiled[Any, Any]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled(Generic[M, A]):
    """A rule to be (a `heirs.Claim`). match: in the cloud's words; answer: None where the entry is Unknown. spare: made
    only where no rule above takes all its requests."""

    entry: ir.Entry
    table: ir.Table
    match: M | heirs.Inexpressible
    answer: A | None
    spare: bool = False

    @property
    def route(self) -> heirs.Route:
        return heirs.route_of(self.entry)

    @property
    def inexpressible(self) -> heirs.Inexpressible | None:
        return self.match if self.known and isinstance(self.match, heirs.Inexpressible) else None

    @property
    def known(self) -> bool:
        return self.answer is not None

    @property
    def answers(self) -> object | None:
        return None if self.answer is None or isinstance(self.answer.to, Unknown) else self.answer.to

    @property
    def reason(self) -> Unknown:
        """Why it is not known what it answers."""
        if self.answer is not None and isinstance(self.answer.to, Unknown):
            return self.answer.to
        return self.entry.unknown or Unknown("not known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Generic[C]):
    """kept: by port, in total order; notes: what is said of the others."""

    kept: Mapping[int, Sequence[C]]
    notes: tuple[Note, ...] = ()


def judged(
    found: Mapping[int, Sequence[C]],
    gone: Collection[heirs.Route],
    *,
    nobody: object,
    nobody_is: str = "nobody (404)",
) -> Rules[C]:
    """Which of all claims become rules. gone: routes that are refused for another reason. What such a route hid counts
    again, and heirs are looked for anew."""
    judged = heirs.judge(found.values(), nobody=nobody, nobody_is=nobody_is, gone=gone)
    opened = left_open(found, judged.undecided)
    kept = {port: heirs.kept(ones, judged.refused) for port, ones in opened.items()}
    return Rules(kept=kept, notes=tuple(said(judged.said, found)))


class Taking(heirs.Claim, Protocol):
    """takes_all: it is certain to answer every request of its hosts."""

    @property
    def takes_all(self) -> bool: ...


T = TypeVar("T", bound=Taking)


def left_open(found: Mapping[int, Sequence[C]], routes: Container[heirs.Route]) -> dict[int, list[C]]:
    """By port. What stands of these routes stays, and nothing is made of them."""
    return {
        port: [
            dataclasses.replace(one, answer=None) if one.route in routes and one.inexpressible is None else one
            for one in ones
        ]
        for port, ones in found.items()
    }


def on_host(ones: Iterable[T], host: str) -> Iterator[T]:
    """Those whose hostname covers the host, in order, up to the first that takes all."""
    wide = hostnames.covering(host)
    for one in ones:
        if one.entry.hostname in wide:
            yield one
            if one.takes_all:
                return


def doubtful(ones: Iterable[Compiled[Any, Any]], host: str) -> Unknown | None:
    """Why nobody knows whether anything answers for this very host, None where something does or nothing asks to."""
    own = [one for one in ones if one.entry.hostname == host]
    return None if not own or any(one.known for one in own) else own[0].reason


def said(judged: Iterable[heirs.Said], found: Mapping[int, Iterable[Compiled[Any, Any]]]) -> list[Note]:
    """Of the matches that cannot be expressed. found: all claims. What is said of the answer of a match that is dropped
    still holds: its requests get the same."""
    notes: list[Note] = []
    answers: dict[str, list[Note]] = {}
    for ones in found.values():
        for claim in ones:
            answers.setdefault(claim.entry.key, []).extend(claim.answer.notes if claim.answer is not None else ())
    for one in judged:
        if one.what == "dropped":
            notes.append(note("warning", "MatchDropped", one.message, one.entry))
            notes += answers[one.entry.key]
        elif one.what == "undecided":
            notes.append(note("warning", "MatchUndecided", one.message, one.entry))
        else:
            notes.append(note("error", "MatchNotExpressible", one.message, one.entry, "route"))
    return notes


def backend_ref(share: ir.Share) -> str:
    """Which one, as a person finds it: "backendRefs[1] shop/cart:8080"."""
    number = share.origin.path.rpartition("/backendRefs/")[2]
    return f"backendRefs[{number}] {share.to}" if number.isdigit() else f"backendRefs {share.to}"


def route_note(code: str, message: str, entry: ir.Entry) -> Note:
    """Of a route that is refused whole: not one of its rules is to blame."""
    origin = dataclasses.replace(entry.origin, section="", path="", line=0)
    return Note(level="error", code=code, message=message, origin=origin, refuses="route")


def note(
    level: Literal["info", "warning", "error"],
    code: str,
    message: str,
    entry: ir.Entry,
    refuses: Literal["", "share", "rule", "route"] = "",
) -> Note:
    return Note(level=level, code=code, message=message, origin=entry.origin, refuses=refuses)
