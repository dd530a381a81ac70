"""Which endpoint groups must be asked for their members in this listing: one that seems unchanged is remembered.

`calls.Read` keeps one for as long as its session lives, `inventory` asks it. Members cost a call per group and have a
rate limit of their own (cloud.google.com/compute/api-quota, NetworkEndpointListRequestsPerMinutePerProjectPerRegion),
while every listing shows the groups' sizes. Losing it costs calls, nothing else; must never be asked by a commit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

REREAD = 10  # groups asked again in each listing although nothing seems to have changed


class Members:
    """ended: path of an operation -> has it ended (or been forgotten by Google)? Listings and commits of other Gateways
    run at once, hence the lock."""

    def __init__(self, ended: Callable[[str], bool]) -> None:
        self._ended = ended
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}  # path -> (turn of the listing, endpoints)
        self._sizes: dict[str, int] = {}  # as the listing before showed them
        self._moving: dict[str, str] = {}  # path -> operation of our own that may still change it
        self._turn = 0
        self._lock = threading.Lock()

    def due(self, sizes: Mapping[str, int]) -> list[str]:
        """Paths of the groups that must be asked. sizes: path -> what the listing shows.

        Each call is a new turn, and of the groups that seem unchanged those go along that were longest unasked. One
        that is seen for the first time, and is empty, is known without asking.
        """
        with self._lock:
            moving = dict(self._moving)
        ended = {operation for operation in moving.values() if self._ended(operation)}
        with self._lock:
            self._turn += 1
            # one that has ended is asked for once more: what was read before its end is old
            self._moving = {path: one for path, one in self._moving.items() if one not in ended}
            self._known = {path: found for path, found in self._known.items() if path in sizes}
            empty = {path for path, size in sizes.items() if not size and path not in self._sizes} - moving.keys()
            self._known |= dict.fromkeys(empty, (self._turn, ()))
            quiet = {
                path: turn
                for path, (turn, _) in self._known.items()
                if path not in moving and path not in self._moving and self._sizes.get(path) == sizes[path]
            }
            self._sizes = dict(sizes)
        return sorted(set(sizes) - set(quiet) - empty) + sorted(quiet, key=lambda path: (quiet[path], path))[:REREAD]

    def learn(self, path: str, endpoints: Sequence[str]) -> None:
        with self._lock:
            self._known[path] = (self._turn, tuple(endpoints))

    def last(self, path: str) -> list[str] | None:
        """As asked for last, None for a group that was never asked."""
        found = self._known.get(path)
        return None if found is None else list(found[1])

    def forget(self, path: str, operation: str = "") -> None:
        """We write to this group. operation: path of the operation that does it, once it has begun."""
        with self._lock:
            self._known.pop(path, None)
            self._sizes.setdefault(path, -1)  # whatever is listed now may be from before
            if operation:
                self._moving[path] = operation
