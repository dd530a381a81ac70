"""The record of every vendor call a local cloud received, for tests that count or order calls.

The server of each cloud writes one entry per call, refused or not; `control` reads. Secrets named by the cloud
are replaced before they are stored: an entry must never hold key material.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
from typing import Any

REDACTED = "(redacted)"


@dataclasses.dataclass(kw_only=True)
class Entry:
    """`outcome` is "ok", the vendor's error code, or the kind of fault that left the call unanswered."""

    sequence: int
    cloud: str
    service: str
    operation: str
    write: bool
    parameters: Any
    time: float
    outcome: str = "ok"

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class Journal:
    def __init__(self, cloud: str, secrets: collections.abc.Collection[str]) -> None:
        self._cloud = cloud
        self._secrets = frozenset(secrets)
        self._entries: list[Entry] = []
        self._sequence = 0

    def record(self, *, service: str, operation: str, write: bool, parameters: Any, time: float) -> Entry:
        self._sequence += 1
        entry = Entry(
            sequence=self._sequence,
            cloud=self._cloud,
            service=service,
            operation=operation,
            write=write,
            parameters=self._plain(parameters),
            time=time,
        )
        self._entries.append(entry)
        return entry

    def since(self, sequence: int) -> list[dict[str, Any]]:
        """Entries with a greater sequence. Sequences start at 1 and survive `clear`."""
        first = self._entries[0].sequence if self._entries else 0
        return [entry.as_json() for entry in self._entries[max(0, sequence + 1 - first) :]]

    def clear(self) -> None:
        self._entries.clear()

    def _plain(self, value: Any) -> Any:
        """JSON without secrets and without bytes."""
        if isinstance(value, dict):
            return {
                str(key): REDACTED if key in self._secrets else self._plain(member) for key, member in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self._plain(member) for member in value]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, datetime.datetime):
            return value.timestamp()
        return value
