"""The Plan: what would be done to one Gateway in one placement, and what a person must say first.

Made of diff's changes by `pipeline`; `check` adds approvals; `render_*` show it; `engine` commits it. The digest is
what a person approves. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.graph import diff, model
from cloudgw.objects import Note
from cloudgw.provider import Placement

FORMAT_VERSION = 1
TIMELY = frozenset({"health", "ready", "drain", "time", "operation"})
"""Waits that time ends; the others wait for a person, for the input or for the cloud's owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """gateway: "namespace/name". changes: topological. complete: False when something that could matter was not seen;
    incomplete says what. spent: digests that approved something that is done: none is this plan's."""

    gateway: str
    placement: Placement
    changes: tuple[model.Change, ...]
    unchanged: int = 0
    notes: tuple[Note, ...] = ()
    complete: bool = True
    incomplete: tuple[str, ...] = ()
    publish: Mapping[str, str] = field(default_factory=dict)
    unreferred: tuple[str, ...] = ()
    shifting: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()  # what users reach: DNS names or IPs observed
    busy: bool = False  # a long operation of ours runs: what is observed will still change
    spent: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """16 hex characters over the sorted changes that are not targets: what is approved. Waits, which move with
        the clock, take no part. One that is spent is hashed on: the same change, later, needs a word of its own."""
        words = sorted(change.word for change in self.changes if not change.fast)
        found = _hashed(json.dumps([self.gateway, str(self.placement), words]))
        while found in self.spent:
            found = _hashed(found)
        return found

    @property
    def dangerous(self) -> frozenset[str]:
        """Words of the changes that need approval."""
        return frozenset(change.word for change in self.changes if change.danger)

    @property
    def going(self) -> tuple[model.Change, ...]:
        """Changes that wait for nothing."""
        return tuple(change for change in self.changes if not change.waits)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan_of(
    gateway: str,
    placement: Placement,
    difference: diff.Difference,
    *,
    notes: Sequence[Note] = (),
    incomplete: Sequence[str] = (),
    addresses: Sequence[str] = (),
    busy: bool = False,
    spent: frozenset[str] = frozenset(),
) -> Plan:
    """A Plan of a Difference; changes that need each other in a circle wait and are noted."""
    wait = model.Wait(what="change", message="needs itself, by way of others: please report this")
    cyclic = tuple(_with_wait(change, wait) for change in difference.cyclic)
    return Plan(
        gateway=gateway,
        placement=placement,
        changes=(*difference.changes, *cyclic),
        unchanged=difference.unchanged,
        notes=tuple(notes),
        complete=not incomplete,
        incomplete=tuple(incomplete),
        publish=difference.publish,
        unreferred=difference.unreferred,
        shifting=difference.shifting,
        addresses=tuple(addresses),
        busy=busy,
        spent=spent,
    )


def _with_wait(change: model.Change, wait: model.Wait) -> model.Change:
    from dataclasses import replace

    return replace(change, waits=(*change.waits, wait))


def timely(changes: Sequence[model.Change]) -> frozenset[str]:
    """Keys of the waiting changes whose every wait time alone will end."""
    by_key = {change.key: change for change in changes}
    found: dict[str, bool] = {}

    def ends(key: str, path: tuple[str, ...]) -> bool:
        if key in path:
            return True
        if key not in by_key:
            return False
        if key not in found:
            waits = by_key[key].waits
            found[key] = all(
                ends(wait.message, (*path, key)) if wait.what == "change" else wait.what in TIMELY for wait in waits
            )
        return found[key]

    return frozenset(key for key, change in by_key.items() if change.waits and ends(key, ()))
