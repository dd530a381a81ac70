"""The state of the local Google Cloud: resources and operations as plain records.

`resources` and `operations` read and write one `World`; `server` pickles it for snapshots and for stale answers, so
records hold nothing but data. Members of documents that begin with an underscore are private to the cloud and never
leave it. No rule about Google Cloud lives here.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
from typing import Any

from cloudgw_local.gcp import around, names

Json = dict[str, Any]
# What differs between worlds that are otherwise equal: versions, moments, serials.
HISTORY = ("id", "creationTimestamp", "fingerprint", "labelFingerprint", "selfLinkWithId", "_created", "_changed")
PACIFIC = datetime.timezone(datetime.timedelta(hours=-8))


@dataclasses.dataclass(kw_only=True)
class Operation:
    """A change under way or done. `verb`: insert, delete, or change for everything else; `document` is what the
    target becomes when it ends; `failure` are the members it ends with instead. `starts` is when it leaves PENDING."""

    name: str
    id: str
    type: str
    verb: str
    target: names.Place
    target_id: str
    began: float
    starts: float
    ends: float
    document: Json | None = None
    failure: Json | None = None
    done: bool = False

    @property
    def place(self) -> names.Place:
        """Where the operation itself is found: in the scope of its target."""
        return dataclasses.replace(self.target, collection="operations", name=self.name)


@dataclasses.dataclass(kw_only=True)
class World:
    """`fresh` are the resources whose insert still runs; `requests` are the operations of request ids, and when;
    `moments` are since when each endpoint that load balancers reach has been reached."""

    resources: dict[names.Place, Json] = dataclasses.field(default_factory=dict)
    operations: dict[str, Operation] = dataclasses.field(default_factory=dict)
    running: list[str] = dataclasses.field(default_factory=list)
    fresh: set[names.Place] = dataclasses.field(default_factory=set)
    requests: dict[str, tuple[str, float]] = dataclasses.field(default_factory=dict)
    health: dict[str, around.Finding] = dataclasses.field(default_factory=dict)
    moments: dict[str, float] = dataclasses.field(default_factory=dict)
    serial: int = 0

    def under_way(self, place: names.Place) -> list[Operation]:
        """What runs on a resource, oldest first."""
        return [one for name in self.running if (one := self.operations[name]).target == place]

    def next_id(self) -> str:
        """The same in every run that does the same calls."""
        self.serial += 1
        return str(int.from_bytes(digest(f"id {self.serial}")[:8], "big") >> 1)

    def dump(self, secrets: tuple[str, ...]) -> Json:
        """Every resource and running operation, sorted, without `secrets`. Versions, ids and moments are no state."""
        hidden = (*HISTORY, *secrets)
        running = [
            {
                "type": one.type,
                "target": one.target.path,
                "began": one.began,
                "ends": one.ends,
                "document": plain(one.document, hidden),
            }
            for one in map(self.operations.__getitem__, self.running)
        ]
        return {
            "resources": [
                {"path": place.path, "document": plain(document, hidden)}
                for place, document in sorted(self.resources.items())
            ],
            "operations": sorted(running, key=lambda one: (one["target"], one["began"], one["type"])),
            "health": {target: self.health[target].healthy for target in sorted(self.health)},
        }


def plain(value: Any, hidden: tuple[str, ...]) -> Any:
    """A copy with sorted members, without the hidden ones at any depth, and without private moments (numbers)."""
    if isinstance(value, dict):
        return {
            key: plain(value[key], hidden)
            for key in sorted(value)
            if key not in hidden and not (key.startswith("_") and isinstance(value[key], float))
        }
    if isinstance(value, list):
        return [plain(item, hidden) for item in value]
    return value


def without(value: Any, hidden: tuple[str, ...]) -> Any:
    """A copy of a document as it may leave the cloud: no private member, none of `hidden`, at any depth."""
    if isinstance(value, dict):
        return {
            key: without(member, hidden)
            for key, member in value.items()
            if not key.startswith("_") and key not in hidden
        }
    return [without(item, hidden) for item in value] if isinstance(value, list) else value


def filled(value: Any) -> Any:
    """Without empty lists, at any depth: JSON of a message never shows one
    (protobuf.dev/programming-guides/json, default values). Private members stay."""
    if isinstance(value, dict):
        return {
            key: filled(member)
            for key, member in value.items()
            if key.startswith("_") or not isinstance(member, list) or member
        }
    return [filled(item) for item in value] if isinstance(value, list) else value


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def fingerprint(text: str) -> str:
    """Eight opaque bytes, as every fingerprint of compute."""
    return base64.b64encode(digest(text)[:8]).decode()


def timestamp(seconds: float) -> str:
    """RFC 3339 with milliseconds and an offset, as compute writes it."""
    return datetime.datetime.fromtimestamp(seconds, PACIFIC).isoformat(timespec="milliseconds")
