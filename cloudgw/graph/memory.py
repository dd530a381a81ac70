"""What one pass hands to the next: the Diary (survives restarts where there is a place for it) and the Cache (not).

Losing the Diary restarts clocks; losing the Cache costs calls. Neither can make a plan wrong. `diff` reads both;
`engine` and `pipeline` write them after what they did or saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudgw.graph import model


@dataclass(frozen=True, slots=True, kw_only=True)
class Diary:
    """Moments of the injected clock, in seconds.

    retired: element key -> first observation without a reference that carries traffic (drain counts from here).
    published: address -> (incarnation shown to users, since when).
    shifts: change key -> when it began to wait for health.
    deletions: when each counted deletion was made, for the hourly budget.
    operations: group -> the cloud's name of the long operation that we started and did not see end.
    """

    retired: Mapping[str, float] = field(default_factory=dict)
    published: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    shifts: Mapping[str, float] = field(default_factory=dict)
    deletions: tuple[float, ...] = ()
    operations: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Cache:
    """started: when this process began to look; nothing is written before one staleness bound has passed since.
    written: group -> last write. detached: element key -> when a write took a reference from it.
    refused: change fingerprint -> the cloud's reason. flight: group -> fingerprints of changes whose long operation
    runs. full: group -> fingerprints of those refused for want of room: they lapse when something of the group goes.
    scarce: groups whose search is for want of room.
    suspects: group -> fingerprints among which a refused change is being searched. reasons: group -> what the
    cloud said when it last refused. good: group -> our elements as they stood before the long operation that runs or
    failed. restoring: groups whose last write put those back. mended: groups that failed with nothing to change and
    were put again once. broken: group -> (how often in a row its operations failed, when last, the cloud's words,
    fingerprints of what the last one carried)."""

    started: float | None = None
    written: dict[str, float] = field(default_factory=dict)
    detached: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    flight: dict[str, tuple[str, ...]] = field(default_factory=dict)
    full: dict[str, tuple[str, ...]] = field(default_factory=dict)
    scarce: set[str] = field(default_factory=set)
    suspects: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    good: dict[str, tuple[model.Element, ...]] = field(default_factory=dict)
    restoring: set[str] = field(default_factory=set)
    mended: set[str] = field(default_factory=set)
    broken: dict[str, tuple[int, float, str, tuple[str, ...]]] = field(default_factory=dict)


def fingerprint(change_address: model.Address, spec: object) -> str:
    """What the refused set remembers: it lapses when the address or the bound spec changes."""
    return model.hash_of((change_address, spec))
