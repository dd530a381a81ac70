"""`place`: order is honoured, nobody collides, and no fewer moves would do."""

from __future__ import annotations

import bisect
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.graph import place

ROOM = range(1, 60)


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, int], list[str], list[int]]:
    positions = draw(st.lists(st.integers(1, 59), unique=True, max_size=16))
    cut = draw(st.integers(0, len(positions)))
    observed = {f"o{i}": p for i, p in enumerate(positions[:cut])}
    taken = sorted(positions[cut:])
    wanted = draw(st.permutations([*observed, *(f"n{i}" for i in range(draw(st.integers(0, 5))))]))
    return observed, list(wanted), taken


@given(tables())
@settings(max_examples=600, deadline=None)
def test_order_without_collisions(case: tuple[dict[str, int], list[str], list[int]]) -> None:
    observed, wanted, taken = case
    placed = place.place(observed, wanted, taken, ROOM)
    if placed.full:
        return
    positions = [placed.positions[key] for key in wanted]
    assert positions == sorted(set(positions))
    assert not set(positions) & set(taken)
    assert all(p in ROOM for p in positions)


@given(tables())
@settings(max_examples=600, deadline=None)
def test_standing_entries_keep_their_side_of_every_foreign_one(
    case: tuple[dict[str, int], list[str], list[int]],
) -> None:
    observed, wanted, taken = case
    placed = place.place(observed, wanted, taken, ROOM)
    sides = [bisect.bisect(taken, observed[key]) for key in wanted if key in observed]
    if placed.full:
        return
    changed = [k for k, p in observed.items() if bisect.bisect(taken, p) != bisect.bisect(taken, placed.positions[k])]
    assert placed.crossed == bool(changed)
    assert placed.crossed or sides == sorted(sides)


@given(st.permutations(range(7)))
@settings(max_examples=200, deadline=None)
def test_as_few_moves_as_possible(order: list[int]) -> None:
    observed = {f"o{i}": (i + 1) * 1000 for i in range(7)}
    wanted = [f"o{i}" for i in order]
    placed = place.place(observed, wanted, (), range(1, 10_000))
    moved = sum(placed.positions[key] != observed[key] for key in observed)
    longest = max(
        size for size in range(8) if any(list(kept) == sorted(kept) for kept in itertools.combinations(order, size))
    )
    assert moved == 7 - longest
