"""The words in which `semantics` is asked and answers: a request, its answer, and the refusal to guess.

Apart from `semantics` only so that rewriting can use the same words; everybody else takes them from there. Values
without behaviour: nothing here may read a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pairs = tuple[tuple[str, str], ...]


class NotInterpreted(Exception):
    """The document holds something whose effect on this request is not known here. member: which one, such as
    `requestRoutingRules/r1.loadDistributionPolicy`. Whoever asks shows the gateway as not understood, with this
    message; he must never take it for "no change"."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"{member}: {reason}")
        self.member = member
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """host: the Host header as sent, with its port if it has one. path and query: as sent, the query without "?".
    headers: without Host, in order. source: the peer's address. frontend: name of the frontend IP configuration that
    was asked, needed only where several listen on the port."""

    port: int
    scheme: Literal["http", "https"] = "http"
    host: str = ""
    path: str = "/"
    query: str = ""
    method: str = "GET"
    headers: Pairs = ()
    source: str = "203.0.113.7"
    frontend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rewrite rule: `variable` as the document names it (var_..., http_req_..., http_resp_...)."""

    variable: str
    pattern: str
    ignore_case: bool = False
    negate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a response header. value "": the header goes. Where `waits`, the value is still a template, with
    names from the response in braces, and `when` may hold conditions on the response: `semantics.respond` decides."""

    header: str
    value: str
    waits: bool = False
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """kind: forward | redirect (status, location) | fixed (status, made by the gateway) | closed (nobody listens, or
    the TLS handshake fails).

    listener, rule, path_rule: ids of what answered; path_rule "" for a basic rule and for a map's default.
    Of a forward: pool and settings by id and name; protocol ("http" | "https"), port and timeout (seconds, 0 = not
    shown) towards the target; affinity: name of the cookie, "" = none; targets: addresses and names in the pool, in
    order; empty: the pool has no member, and status is 502. path, query, host, headers: as a target sees them; host ""
    = each target sees its own address; headers: those of the client as they are passed on, and those that rules set,
    not the ones that the gateway inserts by itself. response: changes to what the target answers, in order.
    """

    kind: Literal["forward", "redirect", "fixed", "closed"]
    listener: str = ""
    rule: str = ""
    path_rule: str = ""
    status: int = 0
    location: str = ""
    pool: str = ""
    pool_name: str = ""
    settings: str = ""
    settings_name: str = ""
    protocol: str = ""
    port: int = 0
    timeout: int = 0
    affinity: str = ""
    targets: tuple[str, ...] = ()
    empty: bool = False
    path: str = ""
    query: str = ""
    host: str = ""
    headers: Pairs = ()
    response: tuple[Edit, ...] = ()
