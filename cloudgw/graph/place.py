"""Positions in an ordered group, chosen so that as few standing entries as possible move.

`diff_table` calls it. Foreign entries are walls: a standing entry keeps its side of each of them.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STEP = 100


@dataclass(frozen=True, slots=True)
class Placed:
    """positions: key -> position, for every wanted key. crossed: a standing entry had to change sides with a foreign
    one. full: there is not enough room (positions then holds what stood)."""

    positions: Mapping[str, int]
    crossed: bool = False
    full: bool = False


def place(observed: Mapping[str, int], wanted: Sequence[str], taken: Sequence[int], room: range) -> Placed:
    """observed: key -> position of standing entries; wanted: all keys from top to bottom; taken: foreign positions;
    room: allowed positions. Keeps the longest rising run of standing entries where there is room."""
    walls = sorted(p for p in set(taken) if p in room)
    segments = _segments(observed, wanted, walls)
    crossed = segments is None
    if segments is None:
        segments = [(list(wanted), room.start, room.stop)]
    else:
        edges = [room.start - 1, *walls, room.stop]
        segments = [(keys, edges[i] + 1, edges[i + 1]) for i, (keys, _, _) in enumerate(segments)]
    positions = _placed(observed, segments, walls, room)
    if positions is None and not crossed and walls:
        crossed = any(key in observed for key in wanted)
        positions = _placed(observed, [(list(wanted), room.start, room.stop)], walls, room)
    if positions is None:
        return Placed({k: p for k, p in observed.items() if k in set(wanted)}, crossed, full=True)
    if crossed:
        moved = {k: (p, positions[k]) for k, p in observed.items() if k in positions}
        crossed = any(bisect.bisect(walls, before) != bisect.bisect(walls, after) for before, after in moved.values())
    return Placed(positions, crossed)


def _placed(
    observed: Mapping[str, int], segments: Sequence[tuple[list[str], int, int]], walls: Sequence[int], room: range
) -> dict[str, int] | None:
    """Positions of every key. New entries at the end of a full stretch go to the next one: they have no side."""
    positions: dict[str, int] = {}
    pushed: list[str] = []
    for number, (keys, low, high) in enumerate(segments):
        here = [*pushed, *keys]
        pushed = []
        blocked = [p for p in walls if low <= p < high]
        while here:
            whole = low == room.start and high == room.stop
            chosen = _fill(observed, here, blocked, low, high, whole=whole)
            if chosen is not None:
                positions.update(chosen)
                break
            if here[-1] in observed or number == len(segments) - 1:
                return None
            pushed.insert(0, here.pop())
    return None if pushed else positions


def _segments(
    observed: Mapping[str, int], wanted: Sequence[str], walls: Sequence[int]
) -> list[tuple[list[str], int, int]] | None:
    """Wanted keys by the stretch between two walls in which they stand; None when their order forbids it. New entries
    go with the standing entry above them, or the first below."""
    parts: list[list[str]] = [[] for _ in range(len(walls) + 1)]
    here = next((bisect.bisect(walls, observed[k]) for k in wanted if k in observed), len(walls))
    for key in wanted:
        if key in observed:
            part = bisect.bisect(walls, observed[key])
            if part < here:
                return None
            here = part
        parts[here].append(key)
    return [(keys, 0, 0) for keys in parts]


def _fill(
    observed: Mapping[str, int], keys: Sequence[str], blocked: Sequence[int], low: int, high: int, *, whole: bool
) -> dict[str, int] | None:
    """Positions in [low, high) for keys in order: kept where rising, spread in the gaps; everything anew if a gap is
    too small; None if even that does not fit."""
    kept = _rising([(k, observed[k]) for k in keys if k in observed and low <= observed[k] < high])
    chosen: dict[str, int] = {k: observed[k] for k in kept}
    run: list[str] = []
    floor = low - 1
    for key in [*keys, None]:
        if key is not None and key not in chosen:
            run.append(key)
            continue
        ceiling = chosen[key] if key is not None else high
        if run:
            spread = _spread(len(run), floor, ceiling, blocked, top=floor == low - 1, bottom=key is None, whole=whole)
            if spread is None:
                again = _spread(len(keys), low - 1, high, blocked, top=True, bottom=True, whole=whole)
                return dict(zip(keys, again, strict=True)) if again is not None else None
            chosen.update(zip(run, spread, strict=True))
            run = []
        if key is not None:
            floor = chosen[key]
    return chosen


def _rising(entries: Sequence[tuple[str, int]]) -> list[str]:
    """The longest strictly rising run (patience sorting)."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, (_, position) in enumerate(entries):
        slot = bisect.bisect_left(tails, position)
        before.append(at[slot - 1] if slot else -1)
        if slot == len(tails):
            tails.append(position)
            at.append(index)
        else:
            tails[slot] = position
            at[slot] = index
    run: list[str] = []
    index = at[-1] if at else -1
    while index >= 0:
        run.append(entries[index][0])
        index = before[index]
    return run[::-1]


def _spread(
    count: int, floor: int, ceiling: int, blocked: Sequence[int], *, top: bool, bottom: bool, whole: bool
) -> list[int] | None:
    """`count` rising free positions strictly between floor and ceiling. An empty table starts at a fifth of the room,
    so that there is room for inserts on top; runs at an edge keep STEP to the neighbour where they can."""
    free = ceiling - floor - 1 - sum(1 for p in blocked if floor < p < ceiling)
    if free < count:
        return None
    width = ceiling - floor - 1
    if top and bottom:
        start = floor + 1 + (width // 5 if whole else 0)
        step = min(STEP, max(1, (ceiling - start) // (count + 1)))
        ideal = [start + step * i for i in range(count)]
    elif bottom:
        step = min(STEP, max(1, width // (count + 1)))
        ideal = [floor + step * (i + 1) for i in range(count)]
    elif top:
        step = min(STEP, max(1, width // (count + 1)))
        ideal = [ceiling - step * (count - i) for i in range(count)]
    else:
        ideal = [floor + (width + 1) * (i + 1) // (count + 1) for i in range(count)]
    return _nudge(ideal, floor, ceiling, set(blocked))


def _nudge(ideal: Sequence[int], floor: int, ceiling: int, blocked: set[int]) -> list[int]:
    """Moves ideal positions off blocked ones and apart, keeping them rising and inside."""
    chosen: list[int] = []
    last = floor
    for value in ideal:
        position = max(value, last + 1)
        while position in blocked:
            position += 1
        chosen.append(position)
        last = position
    limit = ceiling
    for index in range(len(chosen) - 1, -1, -1):
        position = min(chosen[index], limit - 1)
        while position in blocked:
            position -= 1
        chosen[index] = position
        limit = position
    return chosen
