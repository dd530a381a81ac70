"""The spec of a parameters object, read field by field by the provider whose kind it is.

Providers' `parameters` use it. A typing error must never become a default: whatever is not known, of a wrong type or
of a wrong form is a problem with its path and its fix, and all of them are found at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from cloudgw.objects import Parameters

COMMON = ("approval", "deletionBudget", "deletionPolicy", "driftPolicy", "overridable")
"""Of every cloud's class parameters; read by `common`."""

MOST = 64  # entries of a list: more than any of them can use


class Common(TypedDict):
    """Of `provider.Settings`, by the names that it has there."""

    deletion_budget: int | None
    approval: Literal["Never", "Dangerous", "Always"]
    drift_policy: Literal["Repair", "Report"]
    deletion_policy: Literal["Delete", "Retain"]


def common(spec: Fields, own: Sequence[str]) -> Common:
    """What means the same on every cloud. own: names of the fields that a Gateway's own parameters may hold at all, of
    which `overridable` lists those that this class leaves to its Gateways."""
    spec.texts("overridable", lambda text: "" if text in own else f"{text!r} is none of {', '.join(sorted(own))}")
    return Common(
        deletion_budget=spec.number("deletionBudget"),
        approval=cast(Any, spec.choice("approval", "Dangerous", "Never", "Always")),
        drift_policy=cast(Any, spec.choice("driftPolicy", "Repair", "Report")),
        deletion_policy=cast(Any, spec.choice("deletionPolicy", "Delete", "Retain")),
    )


def spec_of(raw: Parameters, kind: str, *, blank: bool = False) -> Fields:
    """The spec of an object that has to be of this kind, with no problem but that. blank: as Fields."""
    problems = [] if raw.kind == kind else [("kind", f"{raw.kind} is not {kind}")]
    return Fields(raw.spec, "spec", problems, kind=kind, blank=blank)


class Fields:
    """One mapping of the spec, read field by field; what nobody asked for is a problem.

    path: "spec", say. problems: (field path, reason and fix), added to. kind: of the object, for messages. blank: an
    empty text counts as left out.
    """

    def __init__(self, raw: Any, path: str, problems: list[tuple[str, str]], *, kind: str, blank: bool = False) -> None:
        self.path = path
        self.kind = kind
        self.blank = blank
        self.problems = problems
        self.raw: Mapping[str, Any] = {}
        if isinstance(raw, Mapping):
            self.raw = raw
        elif raw is not None:
            problems.append((path, f"must be an object, is {type(raw).__name__}"))

    def below(self, name: str, *allowed: str) -> Fields:
        """The mapping in a field; allowed: its fields."""
        path = f"{self.path}.{name}"
        found = Fields(self.raw.get(name), path, self.problems, kind=self.kind, blank=self.blank)
        found.known(*allowed)
        return found

    def refuse(self, name: str, reason: str) -> None:
        self.problems.append((f"{self.path}.{name}" if name else self.path, reason))

    def known(self, *allowed: str) -> None:
        for name in sorted(set(map(str, self.raw)) - set(allowed)):
            self.refuse(name, f"is not a field of {self.kind}; known here: {', '.join(sorted(allowed))}")

    def text(self, name: str, pattern: str = "", example: str = "", required: str = "") -> str:
        """required: what the field is, for the person who left it out."""
        value = self.raw.get(name)
        if value is None or (self.blank and value == ""):
            if required:
                self.refuse(name, f"is required: {required}")
            return ""
        if not isinstance(value, str):
            self.refuse(name, f"must be text, is {type(value).__name__}; quote it")
            return ""
        if pattern and not re.fullmatch(pattern, value):
            self.refuse(name, f"{value!r} is not of the form {example}")
            return ""
        return value

    def choice(self, name: str, *choices: str) -> str:
        """The first choice is the default."""
        value = self.raw.get(name)
        if value is None:
            return choices[0]
        if value not in choices:
            self.refuse(name, f"{value!r} is none of {', '.join(choices)}")
            return choices[0]
        return str(value)

    def texts(self, name: str, check: Callable[[str], str], most: int = MOST) -> tuple[str, ...] | None:
        """Sorted, each once. check: text -> reason why not, or ""."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            self.refuse(name, f"must be a list, is {type(value).__name__}")
            return None
        found: list[str] = []
        for number, item in enumerate(value):
            reason = check(item) if isinstance(item, str) else "must be text; quote it"
            if not reason and item in found:
                reason = f"{item!r} stands there twice; remove one of the two"
            if reason:
                self.refuse(f"{name}[{number}]", reason)
            else:
                found.append(item)
        if len(value) > most:
            self.refuse(name, f"has {len(value)} entries, at most {most} are taken")
        return tuple(sorted(found))

    def pairs(self, name: str, check: Callable[[str, str], str]) -> dict[str, str]:
        """Text by text, sorted. check: key and value -> reason why not, or ""."""
        given = self.raw.get(name)
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.refuse(name, f"must be an object, is {type(given).__name__}")
            return {}
        for key, value in given.items():
            plain = isinstance(key, str) and isinstance(value, str)
            reason = check(key, value) if plain else "key and value must be text; quote them"
            if reason:
                self.refuse(f"{name}.{key}", reason)
        return {str(key): str(value) for key, value in sorted(given.items(), key=lambda item: str(item[0]))}

    def number(self, name: str, lowest: int = 0, highest: int | None = None) -> int | None:
        value = self.raw.get(name)
        if value is None:
            return None
        plain = isinstance(value, int) and not isinstance(value, bool)
        if not plain or value < lowest or (highest is not None and value > highest):
            allowed = f"of {lowest} or more" if highest is None else f"from {lowest} to {highest}"
            self.refuse(name, f"must be a number {allowed}, is {value!r}")
            return None
        return int(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(name, f"must be true or false, is {value!r}")
            return default
        return value
