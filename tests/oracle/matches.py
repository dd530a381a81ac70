"""Does a match of an HTTPRoute or GRPCRoute hold for a request, and which of all that hold comes first?

Called by `specification`. Values that are not in the specification raise ValueError: what they mean is not written
there. Must never look at filters or backends.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.oracle import hostnames, references
from tests.oracle.listeners import Attached, Listener
from tests.oracle.references import Manifest

EVERY_PATH: Manifest = {"type": "PathPrefix", "value": "/"}
PRECEDENCE_BY = "route"
"""Whose hostname ranks: "route" the one the Route has written, "intersection" the one it shares with the listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """host: the Host header, maybe with a port. path: as sent, without the query. query and headers: names may repeat.
    sni: the server name of the TLS handshake; "" on plain HTTP."""

    port: int
    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    sni: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The rule that serves a request and the match of it that held."""

    attached: Attached
    rule: Manifest
    match: Manifest


def joined(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Headers by lower-case name; the values of a repeated name in their order with "," between (RFC 7230 3.2.2)."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value)
    return {name: ",".join(several) for name, several in values.items()}


def is_grpc(request: Request) -> bool:
    return request.method == "POST" and joined(request.headers).get("content-type", "").startswith("application/grpc")


def choose(listener: Listener, request: Request) -> Chosen | None:
    """The first of all matches that hold, in order of precedence."""
    holding = list(_holding(listener, request))
    if not holding:
        return None
    return min(holding, key=lambda pair: pair[0])[1]


def _holding(listener: Listener, request: Request) -> Iterator[tuple[tuple[Any, ...], Chosen]]:
    host = hostnames.of_authority(request.host)
    grpc = is_grpc(request)
    headers = joined(request.headers)
    for attached in listener.attached:
        if attached.kind == "GRPCRoute" and not grpc:
            continue
        names = [pair for pair in attached.hostnames if hostnames.covers(pair[0], host)]
        if not names:
            continue
        ranking = [own if PRECEDENCE_BY == "route" else both for both, own in names]
        exact_length, length = max(hostnames.specificity(name) for name in ranking)
        for index, rule in enumerate(rules(attached.route)):
            for match in matches(attached.route, rule):
                if attached.kind == "GRPCRoute":
                    held, order = grpc_match_holds(match, request.path, headers), _grpc_order(match)
                else:
                    held, order = http_match_holds(match, request, headers), _http_order(match)
                if held:
                    kind_order = 0 if attached.kind == "GRPCRoute" else 1
                    age = references.age_order(attached.route)
                    key = (-exact_length, -length, kind_order, *order, *age, index)
                    yield key, Chosen(attached=attached, rule=rule, match=match)


def rules(route: Manifest) -> list[Manifest]:
    """The rules with what the API server fills in: an HTTPRoute without rules has one for every path."""
    given = route["spec"].get("rules")
    if not given and route["kind"] == "HTTPRoute":
        return [{"matches": [{"path": EVERY_PATH}]}]
    return given or []


def matches(route: Manifest, rule: Manifest) -> list[Manifest]:
    """The matches of a rule; without any, every request (of the Route's kind) is matched."""
    given = rule.get("matches")
    if given:
        return list(given)
    return [{"path": EVERY_PATH}] if route["kind"] == "HTTPRoute" else [{}]


def path_match(match: Manifest) -> tuple[str, str]:
    """(type, value) of the path match of an HTTPRouteMatch, with the defaults."""
    path = match.get("path") or {}
    return path.get("type") or "PathPrefix", path.get("value") or "/"


def http_match_holds(match: Manifest, request: Request, headers: dict[str, str]) -> bool:
    """All conditions of an HTTPRouteMatch are ANDed."""
    return (
        path_holds(*path_match(match), request.path)
        and (match.get("method") is None or match["method"] == request.method)
        and all(_value_holds(wanted, headers.get(wanted["name"].lower())) for wanted in _header_matches(match))
        and all(_value_holds(wanted, _parameter(request, wanted["name"])) for wanted in _query_matches(match))
    )


def path_holds(kind: str, value: str, path: str) -> bool:
    """Exact, PathPrefix (by elements, a trailing "/" of the prefix ignored), RegularExpression (the whole path)."""
    if kind == "Exact":
        return path == value
    if kind == "PathPrefix":
        prefix = without_slash(value)
        return path == prefix or path.startswith(prefix + "/")
    if kind == "RegularExpression":
        return _compiled(value).fullmatch(path) is not None
    raise ValueError(f"path match type {kind!r} is not in the specification")


def without_slash(prefix: str) -> str:
    return prefix[:-1] if prefix.endswith("/") else prefix


@functools.lru_cache(maxsize=1024)
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _header_matches(match: Manifest) -> list[Manifest]:
    return _first_of_each(match.get("headers") or [], str.lower)


def _query_matches(match: Manifest) -> list[Manifest]:
    return _first_of_each(match.get("queryParams") or [], str)


def _first_of_each(entries: list[Manifest], equivalent: Callable[[str], str]) -> list[Manifest]:
    """Of several entries with equivalent names only the first one counts."""
    seen: dict[str, Manifest] = {}
    for entry in entries:
        seen.setdefault(equivalent(entry["name"]), entry)
    return list(seen.values())


def _parameter(request: Request, name: str) -> str | None:
    """The first value of a query parameter."""
    return next((value for given, value in request.query if given == name), None)


def _value_holds(wanted: Manifest, value: str | None) -> bool:
    if value is None:
        return False
    return _text_holds(wanted.get("type") or "Exact", wanted["value"], value)


def _text_holds(kind: str, wanted: str, value: str) -> bool:
    if kind == "Exact":
        return value == wanted
    if kind == "RegularExpression":
        return _compiled(wanted).fullmatch(value) is not None
    raise ValueError(f"match type {kind!r} is not in the specification")


def grpc_match_holds(match: Manifest, path: str, headers: dict[str, str]) -> bool:
    """method.service and method.method against "/service/method"; an empty or missing one matches every name."""
    method = match.get("method") or {}
    service_wanted, method_wanted = method.get("service") or "", method.get("method") or ""
    if service_wanted or method_wanted:
        parts = path.split("/")
        if len(parts) != 3 or parts[0] != "" or not parts[1] or not parts[2]:
            return False
        kind = method.get("type") or "Exact"
        if service_wanted and not _text_holds(kind, service_wanted, parts[1]):
            return False
        if method_wanted and not _text_holds(kind, method_wanted, parts[2]):
            return False
    return all(_value_holds(wanted, headers.get(wanted["name"].lower())) for wanted in _header_matches(match))


def _http_order(match: Manifest) -> tuple[int, ...]:
    kind, value = path_match(match)
    counted = value.rstrip("/") or "/" if kind == "PathPrefix" else value
    return (
        0 if kind == "Exact" else 1,
        -len(counted),
        0 if kind == "RegularExpression" else 1,
        0 if match.get("method") is not None else 1,
        -len(_header_matches(match)),
        -len(_query_matches(match)),
    )


def _grpc_order(match: Manifest) -> tuple[int, ...]:
    method = match.get("method") or {}
    order: list[int] = []
    for name in ("service", "method"):
        value = method.get(name) or ""
        order += [(1 if method.get("type") == "RegularExpression" else 0) if value else 2, -len(value)]
    return (*order, -len(_header_matches(match)))
