"""Words that the rules of load-balancer resources share: ranges, members that stay, and when a refusal is late.

Rules modules of this package call it. It must never know a kind of resource, nor store anything.
"""

from __future__ import annotations

import collections.abc
import functools
from typing import Any, TypeVar

from cloudgw_local.gcp import around, errors, names, schema

Json = dict[str, Any]
Rule = TypeVar("Rule", bound=collections.abc.Callable[[Any, Any, Any, Any], Json])
MANAGED = ("EXTERNAL_MANAGED", "INTERNAL_MANAGED")


def semantic(rule: Rule) -> Rule:
    """The rule (an accept or an action) with its 400s late where belief gcp-late-refusal says that they are: some
    refusals of the real cloud come with the operation's end (cloud.google.com/compute/docs/api/how-tos/
    api-requests-responses, "Checking for errors")."""

    @functools.wraps(rule)
    def apply(first: Any, second: Any, third: Any, asked: Any) -> Json:
        # accept(body, place, current, around) and action(current, body, place, around): around is always the last.
        surroundings: around.Around = asked
        try:
            return rule(first, second, third, asked)
        except errors.Refusal as refusal:
            waits = refusal.reason == "resourceNotReady"
            if refusal.status == 400 and not waits and surroundings.belief("gcp-late-refusal") == "late":
                refusal.late = True
            raise

    return apply  # type: ignore[return-value]


def within(value: float | int | None, path: str, least: float, most: float) -> None:
    """Refuses a number outside [least, most]; None is fine."""
    if value is None:
        return
    if value < least:
        raise schema.invalid(path, value, f"Must be greater than or equal to {least}")
    if value > most:
        raise schema.invalid(path, value, f"Must be less than or equal to {most}")


def one_of(value: str | None, path: str, allowed: collections.abc.Iterable[str], why: str) -> None:
    """Refuses a value that is not allowed; None is fine."""
    if value is not None and value not in allowed:
        raise schema.invalid(path, value, why)


def defaults(body: Json, **values: Any) -> None:
    """Fills in the members that the client left out."""
    for name, value in values.items():
        body.setdefault(name, value)


def kept(body: Json, current: Json | None, *members: str) -> None:
    """Members that only the cloud or an action writes stay what they are."""
    for name in members:
        body.pop(name, None)
        if current is not None and name in current:
            body[name] = current[name]


def unchanged(body: Json, current: Json | None, *, how: collections.abc.Mapping[str, str]) -> None:
    """Refuses a patch or update of members that only an action changes; `how` maps a member to that action, or to ""
    where nothing does."""
    for name, action in how.items():
        if current is not None and body.get(name) != current.get(name):
            why = f"Use {action} to change it." if action else "It cannot be changed after creation."
            raise schema.invalid(f"resource.{name}", body.get(name, ""), why)


def link(text: str) -> str:
    """A reference of an action's body as stored documents write it."""
    place = names.parse(text)
    return place.link if place else text


def found(text: str | None, surroundings: around.Around) -> tuple[names.Place, Json] | None:
    """The place and the stored document that a link names, if it exists."""
    place = names.parse(text) if text else None
    document = surroundings.get(place) if place else None
    return (place, document) if place and document is not None else None
