"""Filters that change a request or its response, as rules of a rewrite set.

`build_actions` asks for each rule that forwards. Pure. A rewrite set changes headers and the path; braces in a value
name variables, an empty value deletes a header, and there is no "add": one rule for requests that have the header
already, one for those that do not. learn.microsoft.com/azure/application-gateway/rewrite-http-headers-url. Must never
write a value that the gateway would read as something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from cloudgw.objects import HeaderModifier, URLRewrite
from cloudgw.routing import ir

Rule: TypeAlias = Mapping[str, Any]
"""As the field `rules` of a rewrite set holds them: name, sequence, conditions, request, response, path, query."""

Condition: TypeAlias = tuple[str, str, bool, bool]
"""variable, pattern, ignore case, negate."""

CONDITIONS_PER_SET = 40  # azure-resource-manager/management/azure-subscription-service-limits
CHANGES_PER_SET = 40
FIRST_SEQUENCE = 100
OWN = ("x-forwarded-", "x-original-", "x-appgw-")  # how-application-gateway-works: the gateway writes them itself
FORBIDDEN = ("connection", "upgrade")  # rewrite-http-headers-url, limitations
_NAME = re.compile(r"[A-Za-z0-9-]+")
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")


class Refused(Exception):
    """Filter, reason and fix."""


def rules(edits: ir.Edits, prefix: str) -> tuple[Rule, ...]:
    """The rewrite set of a rule, () for none; raises Refused. prefix: the path of its match. Host rewrites are no part
    of it: the backend settings do them."""
    found: list[Rule] = []
    plain: dict[str, list[tuple[str, str]]] = {"request": [], "response": []}
    adding: list[Rule] = []
    sides: tuple[tuple[Literal["request", "response"], str, HeaderModifier | None], ...] = (
        ("request", "RequestHeaderModifier", edits.request),
        ("response", "ResponseHeaderModifier", edits.response),
    )
    for side, kind, modifier in sides:
        if modifier is None:
            continue
        plain[side], added = _headers(side, kind, modifier)
        for name, value in added:
            variable = f"http_{'req' if side == 'request' else 'resp'}_{name}"
            for word, text, lacks in (("more", f"{{{variable}}},{value}", False), ("first", value, True)):
                rule = _rule(f"{side}-{name}-{word}", ((variable, ".+", False, lacks),))
                adding.append({**rule, side: ((name, text),)})
    if plain["request"] or plain["response"]:
        found.append(_rule("headers", (), request=tuple(plain["request"]), response=tuple(plain["response"])))
    if edits.rewrite is not None:
        found += _path(edits.rewrite, prefix)
    found += adding  # what has the header comes before what has not: else it would have one by then
    conditions = sum(len(rule["conditions"]) for rule in found)
    changes = sum(len(rule["request"]) + len(rule["response"]) + (rule["path"] is not None) for rule in found)
    if conditions > CONDITIONS_PER_SET or changes > CHANGES_PER_SET:
        raise Refused(
            f"filters: they take {conditions} conditions and {changes} changes, a rewrite set has "
            f"{CONDITIONS_PER_SET} and {CHANGES_PER_SET}; use fewer headers"
        )
    return tuple({**rule, "sequence": FIRST_SEQUENCE + number} for number, rule in enumerate(found))


def _rule(
    name: str,
    conditions: tuple[Condition, ...],
    *,
    request: tuple[tuple[str, str], ...] = (),
    response: tuple[tuple[str, str], ...] = (),
    path: str | None = None,
) -> Rule:
    return {
        "name": name,
        "sequence": 0,
        "conditions": conditions,
        "request": request,
        "response": response,
        "path": path,
        "query": None,
    }


def _headers(side: str, kind: str, modifier: HeaderModifier) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(header, value) to write whatever was there, "" deletes; and those to add to what is there. The filter removes,
    then sets, then adds (HTTPHeaderFilter)."""
    for name in (*modifier.remove, *(name for name, _ in (*modifier.set, *modifier.add))):
        if not _NAME.fullmatch(name):
            raise Refused(
                f"filters, {kind}: the name {name!r} has other than letters, digits and hyphens; let the backend do it"
            )
        if name.lower() in FORBIDDEN or (side == "request" and name.lower() == "host"):
            fix = "use URLRewrite.hostname" if name.lower() == "host" else "remove it from the filter"
            raise Refused(f"filters, {kind}: an Application Gateway does not rewrite {name} so; {fix}")
    for name, value in (*modifier.set, *modifier.add):
        if "{" in value or not value:
            raise Refused(
                f"filters, {kind}: the value of {name} is empty or holds a brace, which an Application Gateway reads "
                "as something else; let the backend set it"
            )
    final: dict[str, tuple[str, str]] = {name.lower(): (name, "") for name in modifier.remove}
    final |= {name.lower(): (name, value) for name, value in modifier.set}
    added: list[tuple[str, str]] = []
    for name, value in modifier.add:
        if side == "request" and name.lower().startswith(OWN):
            raise Refused(
                f"filters, {kind}: an Application Gateway writes {name} itself; set it, or let the backend do it"
            )
        if side == "response" and name.lower() == "set-cookie":
            raise Refused(
                f"filters, {kind}: an Application Gateway adds no Set-Cookie beside those of the backend; "
                "let the backend set it"
            )
        before = final.get(name.lower())
        if before is None:
            added.append((name, value))
        else:
            final[name.lower()] = (before[0], f"{before[1]},{value}" if before[1] else value)
    return sorted(final.values()), sorted(added)


def _path(rewrite: URLRewrite, prefix: str) -> list[Rule]:
    """Paths are matched without regard to case, and so is the prefix that is cut off."""
    if rewrite.path is None:
        return []
    value = rewrite.path.value
    if any(character in value for character in "{?#"):
        raise Refused(f"filters, URLRewrite: path {value!r} holds a character that a rewrite set reads as its own")
    if rewrite.path.type == "ReplaceFullPath":
        return [_rule("path", (), path=value or "/")]
    matched, goal = prefix.rstrip("/"), value.rstrip("/")
    if matched == goal:
        return []
    pattern = f"^{_escaped(matched)}{'' if goal else '/?'}(.*)$"
    condition = ("var_uri_path", pattern, True, False)
    return [_rule("path", (condition,), path=f"{goal or '/'}{{var_uri_path_1}}")]


def _escaped(text: str) -> str:
    return _META.sub(r"\\\1", text)
