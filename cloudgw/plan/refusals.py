"""What the cloud refused, as notes on the objects that asked for it: so a route's condition can name it.

`pipeline` adds them to a plan. A change that waits because the cloud refused it, and every change that waits for such
a one, speaks for its routes: an error answers in their place. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cloudgw.graph import model
from cloudgw.objects import Note


def notes(changes: Sequence[model.Change]) -> tuple[Note, ...]:
    """One per origin and refused change, in the order of the changes."""
    found = {c.key: (c, w.message) for c in changes for w in c.waits if w.what == "refused"}
    while more := {
        change.key: found[wait.message]
        for change in changes
        if change.key not in found
        for wait in change.waits
        if wait.what == "change" and wait.message in found
    }:
        found |= more
    said: dict[Note, None] = {}
    for change in changes:
        if change.key not in found:
            continue
        guilty, reason = found[change.key]
        message = f"the cloud refused {model.short(guilty.address)}: {reason}"
        for origin in change.origins:
            refuses: Literal["", "rule"] = "rule" if origin.kind.endswith("Route") else ""
            said[Note(level="error", code="RefusedByCloud", message=message, origin=origin, refuses=refuses)] = None
    return tuple(said)
