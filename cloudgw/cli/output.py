"""Standard output and standard error of a command: documents, colours on a terminal, progress of long waits.

Colours and progress appear on a terminal only (NO_COLOR switches colours off; --progress always shows progress
anywhere). This module decides how something looks, never what is said.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from cloudgw.cli.problem import Problem
from cloudgw.graph import model
from cloudgw.plan import render_json, render_markdown, render_text
from cloudgw.provider import Clock

COLOURS = {
    "create": "32",
    "update": "33",
    "delete": "31",
    "replace": "35",
    "reorder": "36",
    "danger": "1;31",
    "wait": "36",
    "head": "1",
    "faint": "2",
    "error": "31",
    "warning": "33",
}


def paint() -> render_text.Paint:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return render_text.plain
    return lambda style, text: f"\x1b[{COLOURS[style]}m{text}\x1b[0m" if style in COLOURS and text else text


def show(document: render_json.Document, form: str) -> None:
    if form == "json":
        sys.stdout.write(render_json.dump(document))
    elif form == "markdown":
        sys.stdout.write(render_markdown.render(document))
    else:
        sys.stdout.write(render_text.render(document, paint()))


def errors(document: render_json.Document) -> None:
    """What makes the exit code 1, on standard error, whatever standard output holds."""
    sys.stdout.flush()
    for note in document["errors"]:
        print(f"error: {render_text.note_text(note)}", file=sys.stderr)


def save(path: str, text: str, option: str) -> None:
    """Raises Problem."""
    try:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise Problem(f"{option} {path}: cannot be written ({error.strerror}); check the folder") from None


class Progress:
    """Lines on standard error: each step, and what is awaited whenever that changes."""

    def __init__(self, options: argparse.Namespace, clock: Clock, gateway: str) -> None:
        self._shown = options.progress == "always" or (options.progress == "auto" and sys.stderr.isatty())
        self._clock = clock
        self._gateway = gateway
        self._last = ""

    def tell(self, step: str) -> None:
        self._say(f"  {step}")

    def waiting(self, changes: Sequence[model.Change]) -> None:
        """The first wait of each kind, with its seconds left where known."""
        found: dict[str, str] = {}
        now = self._clock.now() if self._shown else 0.0
        ends = [wait.until for change in changes for wait in change.waits if wait.until is not None]
        for change in changes:
            for wait in change.waits:
                if wait.what != "change":
                    found.setdefault(wait.what, wait.message)
        left = f", at most {max(ends) - now:.0f} s more" if ends and max(ends) > now else ""
        if found:
            text = "; ".join(f"{what}: {message}" for what, message in sorted(found.items()))
            self._say(f"  waiting: {text}", left)

    def _say(self, text: str, left: str = "") -> None:
        if self._shown and text != self._last:
            print(f"{self._gateway}{text}{left}", file=sys.stderr, flush=True)
        self._last = text
