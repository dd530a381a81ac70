"""A finding: one fact that somebody should know before it hurts.

Every module of `lint` makes them; the command line prints them as text, JSON and SARIF. A finding names its object, its
field, the reason and what to do, and holds no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from cloudgw.objects import Note, Origin

Level = Literal["error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("error", "warning", "info")  # the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """code: CamelCase and stable. target: the provider whose cloud it concerns, "" = every cloud. origin None: it
    concerns no single object."""

    level: Level
    code: str
    message: str
    target: str = ""
    origin: Origin | None = None

    @property
    def rule(self) -> str:
        """Code and target: `Shadowed`, `cloud/UnsupportedFilter`."""
        return f"{self.target}/{self.code}" if self.target else self.code

    @property
    def place(self) -> str:
        return self.origin.place if self.origin is not None else ""

    def json(self) -> dict[str, Any]:
        where = self.origin
        return {
            "level": self.level,
            "code": self.code,
            "target": self.target,
            "message": self.message,
            "kind": where.kind if where else "",
            "namespace": where.namespace if where else "",
            "name": where.name if where else "",
            "section": where.section if where else "",
            "path": where.path if where else "",
            "file": where.file if where else "",
            "line": where.line if where else 0,
        }


def of_note(note: Note, target: str = "") -> Finding:
    """What a note says. Notes of providers do not always begin with their object: then it is put before."""
    message = note.message
    if note.origin is not None and note.origin.name and str(note.origin) not in message:
        message = f"{note.origin}: {message}"
    return Finding(level=note.level, code=note.code, message=message, target=target, origin=note.origin)


def find(level: Level, code: str, where: Origin, message: str) -> Finding:
    """message: "<field>: <reason>; <what to do>"; the object's name is put before it."""
    return Finding(level=level, code=code, message=f"{where}: {message}", origin=where)
