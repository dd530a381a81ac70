"""HTTPRouteMatch and GRPCRouteMatch: canonical form, identity, what is wrong with one, whether a request meets it.

Called by `tables` (identity), `rules` (validity), `precedence` and `request`. Two matches that the Gateway API gives
the same requests have one canonical form: header names in lower case, the first of equal names only, a path prefix
without its trailing slash (https://gateway-api.sigs.k8s.io/reference/spec/, HTTPRouteMatch). A regular expression has
to match the whole value, in the common subset of RE2 and Python. A gRPC match meets gRPC requests alone: POST, a
Content-Type that begins with application/grpc, and, where it names one of them, the path /service/method
(https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). This module must never look at actions.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence

from cloudgw.objects import GRPCMethod, PathMatch, RouteMatch, ValueMatch

GRPC_HEADER = ("content-type", "application/grpc")  # of a gRPC request; the value may go on, "+proto"
METHODS = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|\\[1-9uUN]|[*+?}]\+")
_COUNT = re.compile(r"(?<!\\)\{(\d+)(?:,(\d*))?\}")
_MOST = 1000  # repetitions in RE2 (https://pkg.go.dev/regexp/syntax)
_READ_TWICE = (  # what Python and RE2 read differently, both without an error
    (re.compile(r"(?<!\\)\{,\d*\}"), "a count without its lower end, which RE2 takes for the text itself; write {0,n}"),
    (re.compile(r"\[:\^?\w*:\]"), "a class of characters by name, which only RE2 has; write its characters"),
)
_GRPC_SERVICE = re.compile(r"\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*", re.IGNORECASE | re.ASCII)
_GRPC_METHOD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_JSON = json.JSONEncoder(sort_keys=True)
_BAD_IN_PATH = ("//", "/./", "/../", "%2f", "%2F", "#")


def canonical(match: RouteMatch) -> RouteMatch:
    """The same requests, written one way."""
    path = match.path
    if path.type == "PathPrefix" and path.value[-1:] in ("/", "") and path.value != "/":
        path = PathMatch(type=path.type, value=path.value.rstrip("/") or "/")
    if path is match.path and not (match.headers or match.query or match.grpc):
        return match
    return dataclasses.replace(
        match,
        path=path,
        headers=_first_by_name(dataclasses.replace(header, name=header.name.lower()) for header in match.headers),
        query=_first_by_name(match.query),
        # without a name the type says nothing
        grpc=GRPCMethod() if match.grpc and not (match.grpc.service or match.grpc.method) else match.grpc,
    )


def identity(match: RouteMatch) -> str:
    """10 hex digits of the canonical match: a part of an entry's key, and so of the names of things in a cloud. That of
    a match without `grpc` must never change."""
    match = canonical(match)
    fields: dict[str, object] = {
        "headers": [_fields(header) for header in match.headers],
        "method": match.method,
        "path": {"type": match.path.type, "value": match.path.value},
        "query": [_fields(param) for param in match.query],
    }
    if match.grpc is not None:
        fields["grpc"] = dataclasses.asdict(match.grpc)
    return hashlib.sha256(_JSON.encode(fields).encode()).hexdigest()[:10]


def _fields(item: ValueMatch) -> dict[str, str]:
    return {"name": item.name, "type": item.type, "value": item.value}


def matches_all(match: RouteMatch) -> bool:
    """Whether every request for the host meets the match."""
    return canonical(match) == RouteMatch()


def problem(match: RouteMatch) -> str:
    """What is wrong with a match, as "<field>: <reason>", or ""."""
    path = match.path
    if path.type == "RegularExpression":
        if wrong := _regex_problem(path.value):
            return f"path: {wrong}"
    elif path.type not in ("Exact", "PathPrefix"):
        return f"path: type {path.type!r} is none of Exact, PathPrefix, RegularExpression"
    elif not path.value.startswith("/"):
        return f"path: {path.value!r} does not start with /"
    elif bad := [part for part in _BAD_IN_PATH if part in path.value]:
        return f"path: {path.value!r} holds {bad[0]!r}"
    elif path.value.endswith(("/.", "/..")):
        return f"path: {path.value!r} ends with a dot segment"
    if match.method and match.method not in METHODS:
        return f"method: {match.method!r} is none of {', '.join(METHODS)}"
    for field, items in (("headers", match.headers), ("queryParams", match.query)):
        for item in items:
            if item.type == "RegularExpression":
                if wrong := _regex_problem(item.value):
                    return f"{field} {item.name!r}: {wrong}"
            elif item.type != "Exact":
                return f"{field} {item.name!r}: type {item.type!r} is none of Exact, RegularExpression"
    return _grpc_problem(match.grpc) if match.grpc else ""


def _grpc_problem(grpc: GRPCMethod) -> str:
    if grpc.type not in ("Exact", "RegularExpression"):
        return f"method: type {grpc.type!r} is none of Exact, RegularExpression"
    for field, value, form in (("service", grpc.service, _GRPC_SERVICE), ("method", grpc.method, _GRPC_METHOD)):
        if grpc.type == "RegularExpression":
            if wrong := _regex_problem(value):
                return f"method.{field}: {wrong}"
        elif value and not form.fullmatch(value):
            return f"method.{field}: {value!r} is no name of a gRPC {field}"
    return ""


def describe(match: RouteMatch) -> str:
    """One line for people: `PathPrefix /cart, GET, header x-canary`, or `gRPC shop.Cart/*`."""
    parts = [f"{match.path.type} {match.path.value}"]
    if grpc := match.grpc:
        kind = "gRPC" if grpc.type == "Exact" else f"gRPC {grpc.type}"
        parts = [f"{kind} {grpc.service or '*'}/{grpc.method or '*'}"]
    parts += [match.method] if match.method else []
    parts += [f"header {header.name}" for header in match.headers]
    parts += [f"query parameter {param.name}" for param in match.query]
    return ", ".join(parts)


def meets(
    match: RouteMatch,
    *,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]],
    query: Sequence[tuple[str, str]],
) -> bool:
    """Whether a request meets every predicate. path: without query. An invalid match meets nothing."""
    if problem(match):
        return False
    match = canonical(match)
    if match.method and match.method != method:
        return False
    if not _path_meets(match.path, path):
        return False
    if match.grpc and not (is_grpc(method, headers) and _grpc_meets(match.grpc, path)):
        return False
    return _values_meet(match.headers, _headers(headers).get) and _values_meet(match.query, _params(query).get)


def is_grpc(method: str, headers: Sequence[tuple[str, str]]) -> bool:
    """Whether a request is one of gRPC, whatever its path."""
    return method == "POST" and _headers(headers).get(GRPC_HEADER[0], "").lower().startswith(GRPC_HEADER[1])


def _grpc_meets(wanted: GRPCMethod, path: str) -> bool:
    if wanted == GRPCMethod():
        return True  # every gRPC request, and what else claims to be one
    start, _, rest = path.partition("/")
    service, _, method = rest.partition("/")
    if start or not service or not method or "/" in method:
        return False
    for value, found in ((wanted.service, service), (wanted.method, method)):
        if value and wanted.type == "RegularExpression" and _pattern(value).fullmatch(found) is None:
            return False
        if value and wanted.type != "RegularExpression" and value != found:
            return False
    return True


def _path_meets(wanted: PathMatch, path: str) -> bool:
    if wanted.type == "Exact":
        return path == wanted.value
    if wanted.type == "RegularExpression":
        return _pattern(wanted.value).fullmatch(path) is not None
    return wanted.value == "/" or path == wanted.value or path.startswith(wanted.value + "/")


def _values_meet(wanted: Iterable[ValueMatch], value_of: Callable[[str], str | None]) -> bool:
    for item in wanted:
        value = value_of(item.name)
        if value is None:
            return False
        if item.type == "RegularExpression":
            if _pattern(item.value).fullmatch(value) is None:
                return False
        elif value != item.value:
            return False
    return True


def _headers(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By lower-case name; repeated headers are one comma-separated value (RFC 9110, section 5.3)."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return {name: ",".join(values) for name, values in found.items()}


def _params(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By exact name; of a repeated parameter the first counts."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _first_by_name(items: Iterable[ValueMatch]) -> tuple[ValueMatch, ...]:
    found: dict[str, ValueMatch] = {}
    for item in items:
        found.setdefault(item.name, item)
    return tuple(found[name] for name in sorted(found))


@functools.lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


@functools.lru_cache(maxsize=4096)
def _regex_problem(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{text!r} is no regular expression ({error})"
    bare = text.replace("\\\\", "")
    if _NOT_RE2.search(bare):
        return (
            f"{text!r} uses look-around, a back-reference, a possessive quantifier or an escape (u, U, N), which RE2 "
            "does not have"
        )
    if any(int(number) > _MOST for found in _COUNT.findall(bare) for number in found if number):
        return f"{text!r} repeats more than {_MOST} times, which RE2 does not"
    return ""


def ambiguous(text: str) -> str:
    """Why a valid expression may mean something else to a load balancer than it does here, "" when it does not: a build
    cannot express it."""
    bare = text.replace("\\\\", "")
    return next((f"{text!r} holds {reason}" for pattern, reason in _READ_TWICE if pattern.search(bare)), "")
