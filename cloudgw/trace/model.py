"""The values of a trace: the listeners of the port, who answers and how, and who lost to it and why.

`trace` and `reasons` make them, the command line prints them. Header values that may be credentials are never shown:
whoever shares a trace must not share a token with it. This module must never look at the routing model's tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw.objects import HeaderModifier, Note, Origin, Retry, SessionPersistence
from cloudgw.routing import conditions, ir, request
from cloudgw.routing.modified import Pairs

SECRET = ("authorization", "proxy-authorization", "cookie", "set-cookie")
SECRET_PARTS = ("token", "secret", "password", "api-key", "apikey", "credential")
HIDDEN = "(not shown)"


def shown(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Headers, without the values that may be credentials."""
    return tuple((name, HIDDEN if _secret(name.lower()) else value) for name, value in pairs)


def _secret(name: str) -> bool:
    return name in SECRET or any(one in name for one in SECRET_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener of the port that was asked. reason: why it is not the one, or why it serves nobody."""

    id: str
    port: int
    protocol: str
    hostname: str
    chosen: bool
    reason: str = ""
    origin: Origin

    def json(self) -> dict[str, Any]:
        return {
            "listener": self.id,
            "port": self.port,
            "protocol": self.protocol,
            "hostname": self.hostname,
            "chosen": self.chosen,
            "reason": self.reason,
            "declared_by": f"{self.origin.kind} {self.origin.namespace}/{self.origin.name}",
            "place": self.origin.place,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a rule says on one listener and hostname. match: for people, "" of a connection. reason: why it does not
    answer; "" for the one that does. near: it is for the host that was asked."""

    origin: Origin
    listener: str
    hostname: str
    match: str = ""
    reason: str = ""
    near: bool = True

    def json(self) -> dict[str, Any]:
        where = self.origin
        found: dict[str, Any] = {
            "kind": where.kind,
            "namespace": where.namespace,
            "name": where.name,
            "rule": where.section,
            "path": where.path,
            "place": where.place,
            "listener": self.listener,
            "hostname": self.hostname,
            "match": self.match,
        }
        return {**found, "reason": self.reason} if self.reason else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The requests that one backend gets. percent: of the rule's. pods: number of those that are ready, None where they
    were not seen (then `unseen` says why). path, host, headers: as the backend sees them."""

    sent: request.Sent
    percent: float
    pods: int | None = None
    unseen: str = ""
    protocol: str = ""

    def json(self) -> dict[str, Any]:
        sent = self.sent
        found: dict[str, Any] = {"weight": sent.weight, "percent": round(self.percent, 2)}
        if isinstance(sent.to, int):
            return {**found, "status": sent.to, "grpc_status": sent.grpc_status}
        found |= {"service": f"{sent.to.namespace}/{sent.to.name}", "port": sent.to.port, "protocol": self.protocol}
        found |= {"ready_pods": self.pods, "unseen": self.unseen}
        found |= {"path": sent.path, "host": sent.host, "headers": pairs(sent.headers)}
        found |= {"response_headers": changes(sent.modifiers), "mirrors": mirrors(sent.mirrors)}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one Gateway does with a request or connection. winner: whose answer it is, None where nobody's. lost: in
    order of precedence, then what did not even become a candidate. notes: what the Gateway's cloud cannot honour of it.
    answered: by a ready backend or a redirect, as far as the input tells."""

    gateway: str
    origin: Origin
    listeners: tuple[Listener, ...]
    answer: request.Answer
    winner: Candidate | None = None
    shares: tuple[Share, ...] = ()
    retry: Retry | None = None
    session: SessionPersistence | None = None
    lost: tuple[Candidate, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def listens(self) -> bool:
        """Whether some listener is for the host and port that were asked."""
        return any(one.chosen for one in self.listeners)

    @property
    def answered(self) -> bool:
        if any(note.code != conditions.NOT_HONOURED for note in self.notes):  # that one is served without it
            return False
        if self.answer.kind in ("redirect", "preflight"):
            return True
        return self.answer.kind == "forward" and all(
            isinstance(one.sent.to, ir.BackendKey) and one.pods != 0 for one in self.shares
        )

    def json(self) -> dict[str, Any]:
        return {
            "gateway": self.gateway,
            "place": self.origin.place,
            "answered": self.answered,
            "listeners": [one.json() for one in self.listeners],
            "rule": self.winner.json() if self.winner else None,
            "answer": self._answer(),
            "notes": [{"level": one.level, "code": one.code, "message": one.message} for one in self.notes],
            "lost": [one.json() for one in self.lost],
        }

    def _answer(self) -> dict[str, Any]:
        held = self.answer
        found: dict[str, Any] = {"kind": held.kind, "status": held.status, "reason": held.reason}
        found |= {"grpc_status": held.grpc_status, "location": held.location}
        found |= {"backends": [one.json() for one in self.shares], "mirrors": mirrors(held.mirrors)}
        found |= {"cors": pairs(held.cors), "response_headers": changes(held.modifiers)}
        limits = held.timeouts
        found["timeouts_ms"] = (
            {"request": limits.request, "backend_request": limits.backend_request} if limits is not None else None
        )
        found["retry"] = (
            {"codes": list(self.retry.codes), "attempts": self.retry.attempts, "backoff_ms": self.retry.backoff}
            if self.retry is not None
            else None
        )
        found["session"] = {"type": self.session.type, "name": self.session.name} if self.session is not None else None
        return found


def pairs(held: Pairs) -> list[list[str]]:
    return [list(pair) for pair in shown(held)]


def changes(modifiers: Sequence[HeaderModifier]) -> list[dict[str, Any]]:
    """What is done to the headers of a response, modifier by modifier."""
    return [{"set": pairs(one.set), "add": pairs(one.add), "remove": list(one.remove)} for one in modifiers]


def mirrors(held: request.Mirrors) -> list[dict[str, Any]]:
    return [
        {"service": f"{key.namespace}/{key.name}", "port": key.port, "percent": round(100 * number / of, 2)}
        for key, number, of in held
    ]
