"""A match as match rules of a route rule, or the reason why a URL map cannot express it.

`build_rules` asks for each entry. Pure. A rule must never match more than the match it stands for: what cannot be said
exactly is refused by field, and the caller decides who would inherit its requests. A prefix is one of characters, not
of segments, so a path prefix takes two match rules. cloud.google.com/load-balancing/docs/url-map-concepts and
.../re2-support, cloud.google.com/compute/docs/reference/rest/v1/urlMaps (HttpRouteRuleMatch, HttpHeaderMatch).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloudgw.objects import PathMatch, RouteMatch, ValueMatch
from cloudgw.routing import heirs, matches

Path: TypeAlias = tuple[str, str]
"""kind (full, prefix, template, regex) and value."""

Header: TypeAlias = tuple[str, str, str, bool]
"""name in lower case or ":method", kind (exact, prefix, regex), value, inverted."""

PATH_LENGTH = 1024  # HttpRouteRuleMatch: 1 to 1024 characters
VALUE_LENGTH = 1024  # of what a header or a parameter is compared with
NAME_LENGTH = 255  # of a header's name
ADDED = ("via", "x-forwarded-for", "x-forwarded-proto", "x-cloud-trace-context")  # load-balancing/docs/https
EXPRESSION_LENGTH = 250  # load-balancing/docs/quotas: of a regular expression
EVERYTHING: Path = ("prefix", "/")
_PLAIN = re.compile(r"/[\x21-\x7e]*")
_DECODED = re.compile(r"%(?:2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])")  # RFC 3986: unreserved
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<|\(\?:|\(\?|\)[*+?{]|.", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """paths: alternatives; headers and query: all of them, with each path."""

    paths: tuple[Path, ...]
    headers: tuple[Header, ...] = ()
    query: tuple[tuple[str, str, str], ...] = ()

    def written(self, paths: tuple[Path, ...] = ()) -> tuple[Mapping[str, Any], ...]:
        """The field `matches` of a route rule. paths: in place of its own."""
        return tuple({"path": path, "headers": self.headers, "query": self.query} for path in paths or self.paths)

    @property
    def takes_all(self) -> bool:
        return EVERYTHING in self.paths and not self.headers and not self.query


class _Refuse(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.refusal = heirs.Inexpressible(field=field, reason=reason)


def match(wanted: RouteMatch, *, regional: bool) -> Match | heirs.Inexpressible:
    """regional: of a regional load balancer; a global one has no regular expressions."""
    plain, grpc = heirs.plain(wanted), wanted.grpc
    try:
        if grpc is not None and grpc.type == "Exact" and plain.path.type == "RegularExpression" and not regional:
            reason = (
                "service or method alone takes an expression, which a global load balancer does not have; name both"
            )
            raise _Refuse("method", reason)
        headers = [_header(header, regional) for header in plain.headers]
        if grpc is not None:
            name, value = matches.GRPC_HEADER
            headers.append((name, "prefix", value, False))
        if plain.method:
            headers.append((":method", "exact", plain.method, False))
        return Match(
            paths=_paths(plain.path, "method" if grpc is not None else "path", regional),
            headers=tuple(sorted(headers)),
            query=tuple(sorted(_parameter(param, regional) for param in plain.query)),
        )
    except _Refuse as refuse:
        return refuse.refusal


def _paths(path: PathMatch, field: str, regional: bool) -> tuple[Path, ...]:
    value = path.value
    if path.type == "RegularExpression":
        return (("regex", _expression(field, value, regional)),)
    if not _PLAIN.fullmatch(value):
        raise _Refuse(field, f"{value!r} has other than visible ASCII characters")
    if "?" in value or "#" in value:
        raise _Refuse(field, f"{value!r} holds a character that ends a path")
    if _DECODED.search(value):
        reason = f"{value!r} holds a character that is compared decoded; write the character itself"
        raise _Refuse(field, reason)
    prefix = value.rstrip("/")
    found: tuple[Path, ...] = (("full", value),)
    if path.type != "Exact":
        found = (("full", prefix), ("prefix", f"{prefix}/")) if prefix else (EVERYTHING,)
    if any(len(text) > PATH_LENGTH for _, text in found):
        raise _Refuse(field, f"it has {len(value)} characters, a URL map allows {PATH_LENGTH}")
    return found


def _header(header: ValueMatch, regional: bool) -> Header:
    name, field = header.name.lower(), f"headers {header.name}"
    if name == "host":
        raise _Refuse(field, "a URL map compares Host with its port, and in host rules; use hostnames")
    if name == "port":
        raise _Refuse(field, "a URL map takes this name for the port of the request; use another header")
    if name in ADDED:
        raise _Refuse(field, "Google adds this header or adds to it, and which value is compared is not documented")
    if not _TOKEN.fullmatch(name):
        raise _Refuse(field, "it is no name of a header")
    if len(name) > NAME_LENGTH:
        raise _Refuse(field, f"the name has {len(name)} characters, a URL map allows {NAME_LENGTH}")
    if header.type == "RegularExpression":
        return (name, "regex", _expression(field, header.value, regional), False)
    if not _VALUE.fullmatch(header.value):
        raise _Refuse(field, "the value has other than printable ASCII characters, or blanks at its ends")
    _check_length(field, header.value)
    return (name, "exact", header.value, False)


def _parameter(param: ValueMatch, regional: bool) -> tuple[str, str, str]:
    """Whether Google decodes a query before it compares is not documented: what needs no encoding is exact anyway."""
    field = f"queryParams {param.name}"
    if not _UNRESERVED.fullmatch(param.name):
        raise _Refuse(field, "the name has a character that is encoded in a query; use letters, digits and . _ ~ -")
    if param.type == "RegularExpression":
        return (param.name, "regex", _expression(field, param.value, regional))
    if not _UNRESERVED.fullmatch(param.value):
        raise _Refuse(field, "the value has a character that is encoded in a query; use letters, digits and . _ ~ -")
    _check_length(field, param.value)
    return (param.name, "exact", param.value)


def _check_length(field: str, value: str) -> None:
    if len(value) > VALUE_LENGTH:
        raise _Refuse(field, f"the value has {len(value)} characters, a URL map allows {VALUE_LENGTH}")


def _expression(field: str, value: str, regional: bool) -> str:
    """For the whole value, in the subset of RE2 that is allowed (re2-support: groups without repetition, none that is
    not captured, no flags)."""
    if not regional:
        raise _Refuse(field, "a global load balancer has no regular expressions; use location Regional")
    if reason := matches.ambiguous(value):
        raise _Refuse(field, reason)
    parts: list[str] = []
    for part in _PART.findall(value):
        if part[0] == ")" and len(part) > 1:
            raise _Refuse(field, f"{value!r} repeats a group, which Google does not allow")
        if part == "(?":
            raise _Refuse(field, f"{value!r} has a group with flags, which Google does not allow")
        if part in (r"\Z", r"\C", r"\G", r"\X"):
            raise _Refuse(field, f"{value!r} holds {part}, which RE2 does not have")
        parts.append("(" if part == "(?:" else part)
    text = "".join(parts)
    found = f"^({text})$" if "|" in text else f"^{text}$"
    if len(found) > EXPRESSION_LENGTH:
        raise _Refuse(field, f"as an expression it has {len(found)} characters, a URL map allows {EXPRESSION_LENGTH}")
    return found
