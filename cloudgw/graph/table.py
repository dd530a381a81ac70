"""The safe sequence of calls for one ordered table that the cloud writes entry by entry (a listener's rules, say).

`steps` is pure; providers' commits walk it. After every single step no request meets an answer that is neither before
nor after, provided the batch is closed under `joint`. Clouds that write the whole table in one call do not need it.

Without a reorder: creates top down at their final position, updates in place, deletes bottom up. With a reorder that
changes who stands above whom: everything new at the very bottom (below every standing entry, top down), one atomic
reorder that also sinks what goes, deletes bottom up; an update is then a new entry and a delete of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cloudgw.graph import model


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """create: make `change.after` at `position`. update: `change.after` in place. delete: remove `change.before`.
    reorder: one atomic call; moves = element key -> position; a key of `fresh` means the entry made by this commit,
    any other the observed one (during an update-by-successor both carry the same element key)."""

    what: Literal["create", "update", "delete", "reorder"]
    change: model.Change
    position: int = 0
    moves: Mapping[str, int] = field(default_factory=dict)
    fresh: Mapping[str, int] = field(default_factory=dict)


class NoRoom(Exception):
    """Below the last standing entry there is not enough room for what must be made there first."""


def _position(entry: model.Element) -> int:
    return int(entry.outputs["position"])


def steps(
    kind: model.Kind, observed: Sequence[model.Element], changes: Sequence[model.Change], taken: Sequence[int] = ()
) -> list[Step]:
    """The calls, in order. observed: our standing entries with outputs["position"]; taken: positions of entries that
    are not ours. Raises NoRoom."""
    assert kind.positions is not None
    by_key = {entry.key: entry for entry in observed}
    creates = sorted((c for c in changes if c.op == "create"), key=lambda c: (c.position or 0, c.key))
    updates = sorted((c for c in changes if c.op == "update"), key=lambda c: c.key)
    deletes = sorted(
        (c for c in changes if c.op == "delete"), key=lambda c: (-_position(by_key.get(_key(c)) or _before(c)), c.key)
    )
    reorder = next((c for c in changes if c.op == "reorder"), None)
    if reorder is None:
        return (
            [Step(what="create", change=c, position=c.position or 0) for c in creates]
            + [Step(what="update", change=c) for c in updates]
            + [Step(what="delete", change=c) for c in deletes]
        )
    moves = dict(reorder.moves)
    if not (creates or updates or deletes):
        return [Step(what="reorder", change=reorder, moves=moves)]
    return _with_reorder(kind, by_key, creates, updates, deletes, reorder, set(taken))


def _with_reorder(
    kind: model.Kind,
    by_key: Mapping[str, model.Element],
    creates: Sequence[model.Change],
    updates: Sequence[model.Change],
    deletes: Sequence[model.Change],
    reorder: model.Change,
    taken: set[int],
) -> list[Step]:
    assert kind.positions is not None
    moves = dict(reorder.moves)
    final = {key: moves.get(key, _position(entry)) for key, entry in by_key.items()}
    plain = [c for c in creates if not c.warm]
    warm = [c for c in creates if c.warm]
    made = plain + [c for c in updates if not c.warm]
    target = {_key(c): (c.position or 0) if c.op == "create" else final[_key(c)] for c in made}
    made.sort(key=lambda c: (target[_key(c)], c.key))
    standing = [p for key, p in ((k, _position(e)) for k, e in by_key.items()) if p in kind.positions]
    taken_later = set(target.values()) | set(moves.values()) | taken
    floor = max(standing, default=kind.positions.start - 1)
    gone = [c for c in deletes if not c.warm] + [c for c in updates if not c.warm]
    low = _free(kind.positions, floor, taken_later, len(made))
    bottom = max([floor, *target.values(), *moves.values(), *low])
    sunk = _free(kind.positions, bottom, taken, len(gone))
    gone_keys = sorted((_key(c) for c in gone), key=lambda k: _position(by_key[k]))
    final_moves = {k: p for k, p in moves.items() if k not in set(gone_keys)}
    final_moves.update({key: sunk[i] for i, key in enumerate(gone_keys)})
    fresh = {_key(c): target[_key(c)] for c in made}
    bottom_up = sorted(gone, key=lambda c: -_position(by_key[_key(c)]))
    return (
        [Step(what="create", change=c, position=c.position or 0) for c in warm]
        + [Step(what="create", change=c, position=low[i]) for i, c in enumerate(made)]
        + [Step(what="update", change=c) for c in updates if c.warm]
        + [Step(what="reorder", change=reorder, moves=final_moves, fresh=fresh)]
        + [Step(what="delete", change=c) for c in bottom_up]
        + [Step(what="delete", change=c) for c in deletes if c.warm]
    )


def _free(room: range, above: int, taken: set[int], count: int) -> list[int]:
    """The first `count` positions below (numerically after) `above`. Raises NoRoom."""
    found = [p for p in range(above + 1, min(room.stop, above + 1 + count + len(taken))) if p not in taken][:count]
    if len(found) < count:
        raise NoRoom(f"{count} positions are needed below position {above}, {len(found)} are free")
    return found


def _key(change: model.Change) -> str:
    return model.key_of(change.address, change.name)


def _before(change: model.Change) -> model.Element:
    assert change.before is not None
    return change.before
