"""Filters that change a request or its response: header edits, and the steps in which a path is rewritten.

`build_actions` asks for each rule. Pure. Google replaces the prefix that matched, character by character, so what cuts
a path off at a segment takes two rules; a path of which only the beginning is known is replaced whole by a template.
Headers of one backend are changed before those of the rule, the Gateway API has it the other way round, so that both
are folded into one. cloud.google.com/compute/docs/reference/rest/v1/urlMaps (UrlRewrite, HttpHeaderAction,
HttpRedirectAction), cloud.google.com/load-balancing/docs/l7-internal/custom-headers. Must never write a value that
Google would read as something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from cloudgw.objects import HeaderModifier, PathMatch, PathModifier
from cloudgw.routing import ir
from cloudgw_gcp import build_match

Edits: TypeAlias = Mapping[str, Any]
"""set and add: (name, value) pairs; remove: names. A name stands in one of them."""

HOST_LENGTH, TEMPLATE_LENGTH = 255, 255  # UrlRewrite
HEADERS_LENGTH = 8 * 1024  # load-balancing/docs/quotas: of all names and values of one side
KINDS = {"request": "RequestHeaderModifier", "response": "ResponseHeaderModifier"}
HOP_BY_HOP = ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
OWN = ("x-google", "x-goog-", "x-gfe", "x-amz-")
FORBIDDEN = (*HOP_BY_HOP, "host", "authority", "x-user-ip", "cdn-loop")
REST = ".rest"  # ends the id of the rule behind a template, EXACT that of the rule for the prefix itself
EXACT = ".exact"
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]+")
_PATH = re.compile(r"/[\x21-\x7e]*")
_LITERAL = re.compile(r"[A-Za-z0-9._~%!$&'()+,;:@=/-]*")


class Refused(Exception):
    """Filter, reason and fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule of an entry. ends: of its id. paths: () for those of the match. how: prefix, path (redirects only) or
    template, "" where the path stays. fails: it answers 500."""

    ends: str = ""
    paths: tuple[build_match.Path, ...] = ()
    how: Literal["", "prefix", "path", "template"] = ""
    value: str = ""
    fails: bool = False


WHOLE = Step()  # the rule of an entry that takes only one


def both(*changes: ir.Edits) -> tuple[Edits | None, Edits | None]:
    """Of requests and of responses, one after the other. Raises Refused."""
    request = edits("request", *(one.request for one in changes))
    return request, edits("response", *(one.response for one in changes))


def edits(side: Literal["request", "response"], *modifiers: HeaderModifier | None) -> Edits | None:
    """What modifiers do one after the other, as one; None for nothing. Each removes, then sets, then adds
    (HTTPHeaderFilter). Raises Refused."""
    kind, final, added = KINDS[side], dict[str, tuple[str, str | None]](), dict[str, tuple[str, str]]()
    for modifier in modifiers:
        if modifier is None:
            continue
        for name in modifier.remove:
            _check(kind, name, "-")
            added.pop(name.lower(), None)
            final[name.lower()] = (name, None)
        for name, value in modifier.set:
            _check(kind, name, value)
            added.pop(name.lower(), None)
            final[name.lower()] = (name, value)
        for name, value in modifier.add:
            _check(kind, name, value)
            _add(kind, name, value, final, added)
    found = {
        "set": tuple(sorted((name, value) for name, value in final.values() if value is not None)),
        "add": tuple(sorted(added.values())),
        "remove": tuple(sorted(name for name, value in final.values() if value is None)),
    }
    size = sum(len(name) + len(value) for member in ("set", "add") for name, value in found[member])
    if size > HEADERS_LENGTH:
        raise Refused(f"filters, {kind}: {size} characters of headers, Google allows {HEADERS_LENGTH}; use fewer")
    return found if any(found.values()) else None


def _add(
    kind: str, name: str, value: str, final: dict[str, tuple[str, str | None]], added: dict[str, tuple[str, str]]
) -> None:
    """A header stands once in a list: more values of it are one value with commas (RFC 9110, section 5.3), but for
    cookies."""
    key = name.lower()
    before = final[key][1] if key in final else added[key][1] if key in added else None
    if key == "set-cookie" and before is not None:
        raise Refused(f"filters, {kind}: a URL map sets one Set-Cookie, not several; let the backend set them")
    whole = value if before is None else f"{before},{value}"
    if key in final:
        final[key] = (name, whole)
    else:
        added[key] = (name, whole)


def _check(kind: str, name: str, value: str) -> None:
    low = name.lower()
    if len(name) > build_match.NAME_LENGTH:
        limit = build_match.NAME_LENGTH
        raise Refused(f"filters, {kind}: {name[:20]}... has {len(name)} characters, Google allows {limit}; shorten it")
    if not _TOKEN.fullmatch(name) or low in FORBIDDEN or low.startswith(OWN):
        fix = "use URLRewrite.hostname" if low == "host" else "remove it from the filter"
        raise Refused(f"filters, {kind}: Google does not change {name!r}; {fix}")
    if "{" in value or "}" in value or not _VALUE.fullmatch(value):
        raise Refused(
            f"filters, {kind}: the value of {name} is empty, holds a brace, which Google reads as a variable, or other "
            "than printable ASCII characters; let the backend set it"
        )


def hostname(name: str) -> str | None:
    if len(name) > HOST_LENGTH:
        raise Refused(f"filters, hostname: {len(name)} characters, Google allows {HOST_LENGTH}; use a shorter one")
    return name or None


def rewrite(modifier: PathModifier | None, path: PathMatch) -> tuple[Step, ...]:
    """Of a path that is forwarded. path: of the match. Raises Refused."""
    if modifier is None:
        return (WHOLE,)
    goal, prefix = _goal("URLRewrite", modifier, path)
    if modifier.type == "ReplacePrefixMatch":
        return _cut(path, prefix, goal, "prefix")
    if path.type == "Exact":
        return (Step(how="prefix", value=goal),)
    if not (_LITERAL.fullmatch(prefix) and _LITERAL.fullmatch(goal)) or len(goal) > TEMPLATE_LENGTH:
        raise Refused(
            f"filters, URLRewrite: ReplaceFullPath {goal!r} of the prefix {prefix or '/'!r} takes a template, and one "
            f"of the two holds a character that a template does not take, or more than {TEMPLATE_LENGTH}; use an "
            "Exact match"
        )
    template = f"{prefix}/{{rest=**}}"
    if len(template) > build_match.PATH_LENGTH:
        raise Refused(
            f"filters, URLRewrite: ReplaceFullPath of a prefix of {len(prefix)} characters takes a template of "
            f"{len(template)}, Google allows {build_match.PATH_LENGTH}; use a shorter prefix, or an Exact match"
        )
    # a template may match fewer characters than a prefix does: what it leaves must not go to the next rule
    rest = (("prefix", f"{prefix}/"),)
    steps = (
        Step(paths=(("template", template),), how="template", value=goal),
        Step(ends=REST, paths=rest, fails=True),
    )
    return (Step(ends=EXACT, paths=(("full", prefix),), how="prefix", value=goal), *steps) if prefix else steps


def redirect(modifier: PathModifier | None, path: PathMatch) -> tuple[Step, ...]:
    """Of a path that a redirect shows. path: of the match. Raises Refused."""
    if modifier is None:
        return (WHOLE,)
    if modifier.type == "ReplaceFullPath":
        goal, _ = _goal("RequestRedirect", modifier, PathMatch())
        return (Step(how="path", value=goal),)
    goal, prefix = _goal("RequestRedirect", modifier, path)
    return _cut(path, prefix, goal, "path")


def _cut(path: PathMatch, prefix: str, goal: str, exact: Literal["prefix", "path"]) -> tuple[Step, ...]:
    """The prefix replaced: for itself, and for what follows it after a slash (HTTPPathModifier, replacePrefixMatch).
    exact: how a whole path is replaced."""
    if path.type == "Exact":
        return (Step(how=exact, value=goal or "/"),)
    if prefix == goal:
        return (WHOLE,)
    below = Step(paths=(("prefix", f"{prefix}/"),), how="prefix", value=f"{goal}/")
    return (Step(ends=EXACT, paths=(("full", prefix),), how=exact, value=goal or "/"), below) if prefix else (below,)


def _goal(kind: str, modifier: PathModifier, path: PathMatch) -> tuple[str, str]:
    """What is put in place, and of what: a prefix and its replacement without the slash at the end."""
    if path.type == "RegularExpression":
        raise Refused(f"filters, {kind}: {modifier.type} behind a regular expression; use PathPrefix or Exact")
    cuts = modifier.type == "ReplacePrefixMatch"
    goal = modifier.value.rstrip("/") if cuts else modifier.value or "/"
    if (goal and not _PATH.fullmatch(goal)) or any(character in goal for character in "?#{}"):
        raise Refused(
            f"filters, {kind}: path {modifier.value!r} does not begin with a slash, or holds a character that Google "
            "reads as its own; write a plain path"
        )
    if len(goal) >= build_match.PATH_LENGTH:
        raise Refused(f"filters, {kind}: path has {len(goal)} characters, Google allows {build_match.PATH_LENGTH}")
    return goal, path.value if path.type == "Exact" else path.value.rstrip("/")
