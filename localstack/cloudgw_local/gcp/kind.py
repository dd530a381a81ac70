"""What the frame must know about one kind of resource: its rules, its references, its verbs.

The rules modules (network, balancing, urlmaps) export `KINDS`; `kinds` collects them; the frame drives them. A kind
must never store, look at HTTP or at the clock of the process: everything comes in through its arguments.
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any, Literal

from cloudgw_local.gcp import around, names

Json = dict[str, Any]
Query = collections.abc.Mapping[str, str]
Accept = collections.abc.Callable[[Json, names.Place, Json | None, around.Around], Json]
Show = collections.abc.Callable[[Json, names.Place, around.Around], Json]
Action = collections.abc.Callable[[Json, Json, names.Place, around.Around], Json]
Read = collections.abc.Callable[[Json | None, Json, Query, names.Place, around.Around], Json]


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A member that names other resources. `path`: "backends[].group", "healthChecks[]", "**.backendService" (the
    member of that name at any depth). `scope`: "same" as the referrer's, "zonal" (a zone of the referrer's region, or
    any for a global one), or "any". `full`: partial URLs are refused."""

    path: str
    collections: tuple[str, ...]
    scope: Literal["same", "zonal", "any"] = "same"
    full: bool = False


def shown(stored: Json, _place: names.Place, _around: around.Around) -> Json:
    """A kind that shows what it stores."""
    return stored


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """The rules of one collection, in every scope it has.

    accept(body, place, current, around): the whole document to store, defaults filled in. The body is schema-checked,
    its references are canonical and exist. `current` is None for an insert; for an update the body is the new whole,
    for a patch the merged one. The frame adds id, kind, creationTimestamp, selfLink, region or zone and fingerprints,
    and checks names, immutable members, references, and use at delete.
    show(stored, place, around): what GET answers.
    actions: verb of the discovery document -> f(current, body, place, around), the new whole document.
    reads: verb -> f(current or None, body, query, place, around), the answer.
    secret: members that never leave the cloud.
    """

    collection: str
    accept: Accept
    references: tuple[Reference, ...] = ()
    immutable: tuple[str, ...] = ()
    show: Show = shown
    actions: collections.abc.Mapping[str, Action] = dataclasses.field(default_factory=dict)
    reads: collections.abc.Mapping[str, Read] = dataclasses.field(default_factory=dict)
    secret: tuple[str, ...] = ()
