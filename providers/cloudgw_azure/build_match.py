"""A match as the paths of a path rule, or the reason why an Application Gateway cannot express it.

`build_rules` asks for each entry. Pure. A path map looks at nothing but the path, compares it without regard to case
and after decoding; `*` stands at the end only, and `/` alone is refused:
learn.microsoft.com/azure/application-gateway/url-route-overview, .../configuration-request-routing-rules. What cannot
be said is refused by field, and the caller decides who would inherit its requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from cloudgw.objects import PathMatch, RouteMatch
from cloudgw.routing import heirs, hostnames, ir

EVERYTHING = "/*"
_PLAIN = re.compile(r"/[\x21-\x7e]*")
_SPECIAL = "*?#%"


def paths(match: RouteMatch) -> tuple[str, ...] | heirs.Inexpressible:
    """The paths of a path rule, as written."""
    if match.grpc is not None:
        return _no("method", "an Application Gateway speaks HTTP/1.1 to backends and tells no gRPC requests apart")
    if match.path.type == "RegularExpression":
        return _no("path", "an Application Gateway compares paths with no regular expression; use PathPrefix or Exact")
    for header in match.headers[:1]:
        return _no(f"headers {header.name}", "a path map looks at paths only, not at headers")
    for param in match.query[:1]:
        return _no(f"queryParams {param.name}", "a path map looks at paths only, not at the query")
    if match.method:
        return _no(f"method {match.method}", "a path map looks at paths only, not at the method")
    value = match.path.value
    if not _PLAIN.fullmatch(value):
        return _no("path", f"{value!r} has other than visible ASCII characters")
    special = next((character for character in _SPECIAL if character in value), "")
    if special:
        return _no("path", f"{value!r} holds {special!r}, which a path map does not take as it is")
    if match.path.type == "Exact":
        if value == "/":
            return _no("path", "an Application Gateway refuses a path rule for exactly /; use PathPrefix /")
        return (value,)
    prefix = value.rstrip("/")
    return (prefix, f"{prefix}/*") if prefix else (EVERYTHING,)


def _no(field: str, reason: str) -> heirs.Inexpressible:
    return heirs.Inexpressible(field=field, reason=reason)


def takes_all(found: Sequence[str]) -> bool:
    return EVERYTHING in found


def within(path: str, taken: Iterable[str]) -> bool:
    """Whether one of the paths of rules above takes every request of this one. Both folded."""
    base = path.removesuffix("/*")
    if path in taken:
        return True
    steps = base.split("/")
    return any("/".join(steps[:number]) + "/*" in taken for number in range(1, len(steps) + (base != path)))


def folded(match: PathMatch) -> PathMatch:
    return PathMatch(type=match.type, value=match.value.casefold())


def collide(one: ir.Entry, other: ir.Entry) -> bool:
    """Whether requests of one would be answered as those of the other only because case is ignored."""
    mine, theirs = one.match.path, other.match.path
    if hostnames.intersect(one.hostname, other.hostname) is None or heirs.paths_share(mine, theirs):
        return False
    return heirs.paths_share(folded(mine), folded(theirs))


def spellings(entries: Iterable[ir.Entry]) -> frozenset[str]:
    """Folded beginnings of paths that are written in more than one way: only below these can entries collide."""
    seen: dict[str, str] = {}
    found: set[str] = set()
    for entry in entries:
        for step in steps(entry.match.path.value):
            if seen.setdefault(step.casefold(), step) != step:
                found.add(step.casefold())
    return frozenset(found)


def steps(path: str) -> list[str]:
    """A path and every beginning of it that ends at a segment."""
    parts = path.rstrip("/").split("/")
    return ["/".join(parts[:number]) for number in range(2, len(parts) + 1)]
