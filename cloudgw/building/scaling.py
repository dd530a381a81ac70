"""Weights of backends within the range that a cloud has.

`build_actions` of providers use it. Pure. Nobody who had a share may lose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from cloudgw.building import claims
from cloudgw.objects import Note
from cloudgw.routing import ir


def scale(weights: Sequence[int], highest: int) -> list[int]:
    """Weights of 1 to `highest` in the same proportion, as nearly as so many steps for the largest allow (largest
    remainder). One alone weighs 1."""
    if len(weights) == 1:
        return [1]
    divisor = gcd(*weights)
    whole = [weight // divisor for weight in weights]
    top = max(whole)
    if top <= highest:
        return whole if max(weights) > highest else list(weights)
    exact = [weight * highest / top for weight in whole]
    floors = [max(1, int(value)) for value in exact]
    missing = round(sum(exact)) - sum(floors)
    by_remainder = sorted(range(len(exact)), key=lambda i: (int(exact[i]) - exact[i], i))
    for index in by_remainder[: max(0, missing)]:
        floors[index] = min(highest, floors[index] + 1)
    return floors


def rounded(weights: Sequence[int], scaled: Sequence[int], highest: int, entry: ir.Entry) -> list[Note]:
    """What is said of weights that became others; nothing where every share stayed what it was."""
    worst = max(abs(a / sum(weights) - b / sum(scaled)) for a, b in zip(weights, scaled, strict=True))
    if worst < 1e-9:
        return []
    message = (
        f"backendRefs: weights are rounded to 0-{highest}: {', '.join(map(str, weights))} become "
        f"{', '.join(map(str, scaled))}; the largest error of a share is {worst:.3%}"
    )
    return [claims.note("info", "WeightsRounded", message, entry)]
