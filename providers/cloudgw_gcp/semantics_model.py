"""The words in which `semantics` is asked and answers: a request, its answer, and the refusal to guess.

Apart from `semantics` only so that its parts can use the same words; everybody else takes them from there. Values
without behaviour, and reading of links: nothing here may know a URL map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = Mapping[str, Any]
Pairs = tuple[tuple[str, str], ...]


class NotInterpreted(Exception):
    """The objects hold something whose effect on this request is not known here. member: which one, such as
    `urlMaps/m.pathMatchers[shop].routeRules[7].routeAction.corsPolicy`. Whoever asks shows the load balancer as not
    understood, with this message; he must never take it for "no change"."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"{member}: {reason}")
        self.member = member
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """ip: the address of the load balancer that is asked. host: the Host header as sent, with its port if it has one.
    path and query: as sent, the query without "?". headers: without Host, in order."""

    ip: str
    port: int
    scheme: Literal["http", "https"]
    host: str
    path: str
    query: str = ""
    method: str = "GET"
    headers: Pairs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Changes to headers in the order in which they happen: (name, value, replace); value None: the header goes;
    replace False: one more value beside those that are there."""

    steps: tuple[tuple[str, str | None, bool], ...] = ()

    def apply(self, headers: Pairs) -> Pairs:
        for name, value, replace in self.steps:
            if replace or value is None:
                headers = tuple(pair for pair in headers if pair[0].lower() != name.lower())
            if value is not None:
                headers = (*headers, (name, value))
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One backend service that may get the request. service: its path, "projects/p/global/backendServices/x".
    weight: > 0, of the sum of all shares. empty: it has no backend (or none with endpoints) and answers 503.
    protocol: "HTTP" | "HTTPS" | "H2C" | ... towards the backend. affinity: sessionAffinity, and the name of its
    cookie ("" = none; over several shares weights win). headers: those that the backend sees, without those that the
    load balancer inserts by itself. response: changes to what the backend answers."""

    service: str
    weight: int
    empty: bool = False
    protocol: str = "HTTP"
    affinity: str = "NONE"
    cookie: str = ""
    headers: Pairs = ()
    response: Edits = Edits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """kind: forward | redirect (status, location) | fixed (status, made by the load balancer) | closed (nobody listens,
    or not this protocol).

    url_map: its path. matcher: name of the path matcher, "" for the map's own default. rule: priority of the route
    rule, or the pattern of the path rule, as text; "" for a default.
    Of a forward: shares in the order of the document; status 503 when all of them are empty, else 0; abort: (status,
    percent of requests that get it instead, between 0 and 100), None = none; path, query, host as a backend sees them;
    timeout in seconds; mirror: (path of the backend service, percent) that gets copies, None = none.
    """

    kind: Literal["forward", "redirect", "fixed", "closed"]
    url_map: str = ""
    matcher: str = ""
    rule: str = ""
    status: int = 0
    location: str = ""
    shares: tuple[Share, ...] = ()
    abort: tuple[int, float] | None = None
    path: str = ""
    query: str = ""
    host: str = ""
    timeout: float = 0.0
    mirror: tuple[str, float] | None = None


def path_of(link: object) -> str:
    """From `https://www.googleapis.com/compute/v1/projects/p/global/urlMaps/m`, or any other form that holds
    "projects/", the part from there on; partial links without it stay as they are."""
    text = str(link or "")
    at = text.find("projects/")
    return text[at:] if at >= 0 else text
