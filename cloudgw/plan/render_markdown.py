"""A plan document as Markdown for a pull request: a table of Gateways, details folded, notes in the open.

`cli` calls `render`. Reads the document of `render_json` only. Pure. What users wrote never becomes markup: everything
variable stands in code spans or fences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from cloudgw.plan import render_text

Document: TypeAlias = Mapping[str, Any]
HEAD = "| Gateway | Placement | Create | Change | Delete | Replaced | Unchanged | Wait |"
RULE = "|---|---|--:|--:|--:|--:|--:|--:|"


def render(document: Document) -> str:
    lines = ["## Plan", ""]
    if document["plans"]:
        lines += [HEAD, RULE, *(_row(plan) for plan in document["plans"]), ""]
    else:
        lines += [render_text.nothing(document), ""]
    lines += [f"> **{said}**" for said in _dangers(document)]
    if document["incomplete"]:
        lines += ["", "Not complete: what was not seen stays as it is.", ""]
        lines += [f"- {code(reason)}" for reason in document["incomplete"]]
    notes = [*document["errors"], *document["notes"], *(note for plan in document["plans"] for note in plan["notes"])]
    if notes:
        lines += ["", "### Notes", ""]
        lines += [f"- **{note['level']}** {code(render_text.note_text(note))} ({note['code']})" for note in notes]
    for plan in document["plans"]:
        if plan["changes"]:
            lines += ["", *_details(plan)]
    lines += ["", f"digest {code(document['digest'])}"]
    return "\n".join(lines) + "\n"


def _row(plan: Document) -> str:
    counts = plan["summary"]
    cells = [counts[name] for name in ("create", "update", "delete", "replaced", "unchanged", "waiting")]
    return f"| {code(plan['gateway'])} | {code(plan['placement'])} | " + " | ".join(map(str, cells)) + " |"


def _dangers(document: Document) -> Iterator[str]:
    """Each danger once, with how many changes carry it."""
    found: dict[tuple[str, str], int] = {}
    for plan in document["plans"]:
        for change in plan["changes"]:
            for danger in change["danger"]:
                found[plan["gateway"], danger] = found.get((plan["gateway"], danger), 0) + 1
    for (gateway, danger), count in found.items():
        yield f"{code(gateway)} needs a word ({count} {'change' if count == 1 else 'changes'}): {code(danger)}"


def _details(plan: Document) -> Iterator[str]:
    yield f"<details><summary>Gateway {escape(plan['gateway'])} in {escape(plan['placement'])}</summary>"
    yield ""
    text = "\n".join(render_text.changes(plan)).strip("\n")
    fence = "`" * max(3, _ticks(text) + 1)
    yield f"{fence}diff"
    yield text
    yield fence
    yield ""
    yield "</details>"


def code(text: object) -> str:
    """A code span that holds anything on one line, also in a table cell."""
    plain = " ".join(str(text).split()).replace("|", "\\|")
    ticks = "`" * (_ticks(plain) + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{space}{plain}{space}{ticks}"


def escape(text: object) -> str:
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ticks(text: str) -> int:
    """The longest run of backticks."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
