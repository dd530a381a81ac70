"""The parts of a URL map and their field paths: matchers, rules, choices, services, header actions.

Every check and the evaluator walk a map through here, so that a path in a message is spelled in one place. It must
never judge what it walks over.

Source: cloud.google.com/compute/docs/reference/rest/v1/urlMaps.
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any, Literal

Json = dict[str, Any]
Found = collections.abc.Iterator[tuple[str, Json]]
Level = Literal["map", "matcher", "pathRules", "routeRules"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One place where a map says where a request goes: its own default, a matcher's, a path rule or a route rule."""

    path: str
    body: Json
    level: Level

    @property
    def is_default(self) -> bool:
        return self.level in ("map", "matcher")

    def member(self, name: str) -> str:
        """The member's name here: "service" is "defaultService" in a map and a matcher."""
        return f"default{name[0].upper()}{name[1:]}" if self.is_default else name

    def at(self, name: str) -> str:
        return f"{self.path}.{self.member(name)}"

    @property
    def service(self) -> str:
        return str(self.body.get(self.member("service")) or "")

    @property
    def action(self) -> Json:
        return self.body.get(self.member("routeAction")) or {}

    @property
    def redirect(self) -> Json | None:
        return self.body.get(self.member("urlRedirect"))

    @property
    def weighted(self) -> list[Json]:
        return self.action.get("weightedBackendServices") or []


def matchers(document: Json) -> Found:
    return listed("resource", document, "pathMatchers")


def listed(path: str, body: Json, member: str) -> Found:
    """The elements of a list of objects, each with its path."""
    for index, item in enumerate(body.get(member) or []):
        yield f"{path}.{member}[{index}]", item


def rules(path: str, matcher: Json) -> collections.abc.Iterator[Choice]:
    levels: tuple[Level, ...] = ("pathRules", "routeRules")
    for level in levels:
        for rule_path, rule in listed(path, matcher, level):
            yield Choice(path=rule_path, body=rule, level=level)


def choices(document: Json) -> collections.abc.Iterator[Choice]:
    """In the order in which a reader meets them."""
    yield Choice(path="resource", body=document, level="map")
    for path, matcher in matchers(document):
        yield Choice(path=path, body=matcher, level="matcher")
        yield from rules(path, matcher)


def services(document: Json) -> collections.abc.Iterator[tuple[str, str]]:
    """Every reference to a backend service or bucket (not the expectations of tests) with its path."""
    for choice in choices(document):
        if choice.service:
            yield choice.at("service"), choice.service
        for path, item in listed(choice.at("routeAction"), choice.action, "weightedBackendServices"):
            if item.get("backendService"):
                yield f"{path}.backendService", item["backendService"]
        mirror = choice.action.get("requestMirrorPolicy") or {}
        if mirror.get("backendService"):
            yield f"{choice.at('routeAction')}.requestMirrorPolicy.backendService", mirror["backendService"]


def header_actions(document: Json) -> Found:
    for choice in choices(document):
        if choice.body.get("headerAction"):
            yield f"{choice.path}.headerAction", choice.body["headerAction"]
        for path, item in listed(choice.at("routeAction"), choice.action, "weightedBackendServices"):
            if item.get("headerAction"):
                yield f"{path}.headerAction", item["headerAction"]


def match_rules(document: Json) -> Found:
    for choice in choices(document):
        if choice.level == "routeRules":
            yield from listed(choice.path, choice.body, "matchRules")


def error_policies(document: Json) -> Found:
    """Custom error response policies at all four levels."""
    for choice in choices(document):
        member = choice.member("customErrorResponsePolicy")
        if choice.body.get(member):
            yield f"{choice.path}.{member}", choice.body[member]
