"""A plan document as text for a terminal: what is created, changed, deleted, why, and what it waits for.

`cli` calls `render` and `drift`. Reads the document of `render_json` only. Pure: colours come from the `paint` that
the caller gives, and only a terminal is given one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from cloudgw.plan import render_values

Document: TypeAlias = Mapping[str, Any]
Paint: TypeAlias = Callable[[str, str], str]
"""(style, text) -> text; styles: the signs' names, danger, wait, head, faint, error, warning."""

SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±", "reorder": ">"}
WIDTH = 110
COLUMN = 52
SHARED = 3  # what so many changes say alike is said once
NEEDS_WORD = "needs a word"


def plain(_: str, text: str) -> str:
    return text


def render(document: Document, paint: Paint = plain) -> str:
    """The whole plan, with a last line `digest H`. Errors are not here: they go where errors go."""
    lines: list[str] = []
    for plan in document["plans"]:
        lines += [*_plan(plan, paint, alone=len(document["plans"]) == 1), ""]
    if document["notes"]:
        lines += [*_notes(document["notes"], paint), ""]
    if document["incomplete"]:
        lines.append(paint("warning", "Not complete: what was not seen stays as it is."))
        lines += [f"  {reason}" for reason in document["incomplete"]]
        lines.append("")
    if not document["plans"]:
        lines.append(nothing(document))
    else:
        lines.append(f"digest {document['digest']}")
    return "\n".join(lines) + "\n"


def _plan(plan: Document, paint: Paint, *, alone: bool) -> Iterator[str]:
    yield paint("head", f"Gateway {plan['gateway']}") + f"  in {plan['placement']}"
    for where in plan["addresses"]:
        yield paint("faint", f"  answers at {where}")
    yield from changes(plan, paint)
    if plan["notes"]:
        yield ""
        yield from _notes(plan["notes"], paint, "  ")
    yield ""
    yield f"  {summary(plan)}"
    if plan["changes"] and not alone:
        yield paint("faint", f"  plan {plan['digest']}")


def changes(plan: Document, paint: Paint = plain, *, brief: bool = False) -> Iterator[str]:
    """The changes of one Gateway, kind by kind. What many changes say alike is said once, below, by number. brief:
    without fields."""
    counted: dict[str, int] = {}
    for change in plan["changes"]:
        for _, text in said(change):
            counted[text] = counted.get(text, 0) + 1
    shared = [text for text, count in counted.items() if count >= SHARED]
    for kind in plan["kinds"]:
        yield ""
        yield f"  {paint('head', kind)}"
        for entry in entries([change for change in plan["changes"] if change["kind"] == kind]):
            yield from _entry(entry, shared, paint, brief=brief)
    if shared:
        yield ""
    for number, text in enumerate(shared, 1):
        style = "danger" if text.startswith(NEEDS_WORD) else "wait"
        yield from _wrapped(f"[{number}] {text} ({counted[text]} changes)", "  ", style, paint)


def said(change: Document) -> list[tuple[str, str]]:
    """(style, text): the dangers of a change, with or without their word, and what else it waits for."""
    waits = change["waits"]
    lead = NEEDS_WORD if any(wait["for"] == "approval" for wait in waits) else "word given"
    found = [("danger" if lead == NEEDS_WORD else "faint", f"{lead}: {danger}") for danger in change["danger"]]
    for wait in waits:
        if wait["for"] == "change":
            found.append(("wait", f"waits {str(wait['message']).partition('@')[0]}"))
        elif wait["for"] != "approval":
            found.append(("wait", f"waits ({wait['for']}): {wait['message']}"))
    return found


def entries(of_kind: Sequence[Document]) -> list[tuple[str, Sequence[Document]]]:
    """(sign name, changes): a create and the deletes of the same address are one "replace". By position, then id."""
    by_address: dict[str, list[Document]] = {}
    found: list[tuple[str, Sequence[Document]]] = []
    for change in of_kind:
        if change["op"] == "reorder" or change["fast"]:
            found.append((change["op"], [change]))
        else:
            by_address.setdefault(change["address"], []).append(change)
    for group in by_address.values():
        ops = {change["op"] for change in group}
        if {"create", "delete"} <= ops:
            found.append(("replace", sorted(group, key=lambda change: str(change["op"]))))
        else:
            found += [(change["op"], [change]) for change in group]
    return sorted(found, key=_rank)


def _rank(entry: tuple[str, Sequence[Document]]) -> tuple[int, str, str]:
    first = entry[1][0]
    position = first["position"] if isinstance(first["position"], int) else -1
    return (position if first["op"] != "reorder" else -2, str(first["id"]), str(first["name"]))


def _entry(entry: tuple[str, Sequence[Document]], shared: Sequence[str], paint: Paint, *, brief: bool) -> Iterator[str]:
    op, members = entry
    first = members[0]
    title = _title(op, first)
    why = _why(op, first)
    told = [(member, style, text) for member in members for style, text in said(member)]
    marks = "".join(f"[{number}]" for number, text in enumerate(shared, 1) if any(text == item[2] for item in told))
    if marks:
        title = f"{title} {marks}"
    gap = " " * max(2, COLUMN - len(title))
    yield f"  {paint(op, f'{SIGNS[op]} {title}')}{gap}{paint('faint', why)}".rstrip()
    if not brief:
        yield from (f"      {line}" for line in body(op, members))
    for member, style, text in told:
        if text not in shared:
            prefix = f"{member['op']}: " if op == "replace" else ""
            yield from _wrapped(f"{prefix}{text}", "      ", style, paint)


def _wrapped(text: str, indent: str, style: str, paint: Paint) -> Iterator[str]:
    for number, line in enumerate(textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)):
        yield f"{indent}{'  ' if number else ''}{paint(style, line)}"


def _title(op: str, change: Document) -> str:
    if op == "reorder":
        return "order" if change["joint"] else "positions"
    place = f"  at {change['position']}" if op == "create" and isinstance(change["position"], int) else ""
    extra = " (old)" if change["retired"] and op == "delete" else " (warms targets)" if change["warm"] else ""
    return f"{change['id']}{place}{extra}"


def _why(op: str, change: Document) -> str:
    origins = change["origins"]
    if not origins:
        return {"delete": "replaced before" if change["retired"] else "nothing asks for it"}.get(op, "")
    more = f" and {len(origins) - 1} more" if len(origins) > 1 else ""
    return f"{origin_of(origins[0])}{more}"


def origin_of(origin: Document) -> str:
    where = f"{origin['namespace']}/{origin['name']}" if origin["namespace"] else origin["name"]
    subject = f"{origin['kind']} {where} {origin['section']}".rstrip()
    place = f"{origin['file']}:{origin['line']}" if origin["file"] and origin["line"] else origin["file"]
    return f"{subject} ({place})" if place else subject


def body(op: str, members: Sequence[Document]) -> list[str]:
    """Field lines of an entry: what a create sets, what an update changes, what forces a replacement."""
    first = members[0]
    if first["fast"]:
        return [targets(first)]
    if op == "reorder":
        return [f"{len(first['moves'])} move: " + ", ".join(f"{_last(key)} to {to}" for key, to in first["moves"][:6])]
    if op == "create":
        return _created(first["fields"])
    if op == "update":
        return _changed(first["fields"])
    if op == "replace":
        made, old = members[0]["fields"], members[1]["fields"]
        both = {
            name: {"observed": old.get(name, {}).get("observed"), "desired": made.get(name, {}).get("desired")}
            for name in sorted({*made, *old})
        }
        differing = {name: sides for name, sides in both.items() if sides["observed"] != sides["desired"]}
        return [f"{line}  (fixed: new one first)" for line in _changed(differing)]
    return []


def _last(key: str) -> str:
    return str(key).partition("@")[0].partition("/")[2] or str(key)


def _created(fields: Document) -> list[str]:
    simple, rest = list[str](), list[str]()
    for name, sides in fields.items():
        value = sides["desired"]
        if value in ("", [], {}):
            continue
        text = f"{name} {render_values.show(value)}"
        (simple if render_values.is_plain(value) else rest).append(text)
    return [*_packed(simple), *(line for text in rest for line in _long(text))]


def _packed(parts: Sequence[str]) -> list[str]:
    """As many on a line as fit there."""
    found: list[str] = []
    for part in parts:
        if found and len(found[-1]) + len(part) + 3 <= WIDTH - 8:
            found[-1] += f" · {part}"
        else:
            found.append(part)
    return found


def _long(text: str) -> list[str]:
    """Wrapped, what follows the first line further in."""
    return textwrap.wrap(text, WIDTH - 8, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _changed(fields: Document) -> list[str]:
    found = []
    for name, sides in fields.items():
        for path, left, right in render_values.differences(name, sides["observed"], sides["desired"]):
            found.append(f"{path}: {left} -> {right}")
    return found


def targets(change: Document) -> str:
    """`+2 -1, 5 in the end` for changes of targets: those added, removed, and wanted in the end."""
    left: set[str] = set()
    right: set[str] = set()
    for sides in change["fields"].values():
        for side, found in (("observed", left), ("desired", right)):
            value = sides.get(side)
            if isinstance(value, list):
                found |= {render_values.show(item) for item in value}
    total = len(right) if change["op"] != "delete" else 0
    return f"+{len(right - left)} -{len(left - right)}, {total} in the end"


def nothing(document: Document) -> str:
    """Why there is no plan: nobody asked for one, or an error stands in the way."""
    return "No Gateway was planned, because of the errors." if document["errors"] else "No Gateway to plan."


def summary(plan: Document) -> str:
    """One sentence of counts; the second one speaks of the deletion budget."""
    counts = plan["summary"]
    if not plan["changes"]:
        return f"Nothing to change, {counts['unchanged']} elements as they should be."
    parts = [
        f"{counts['create']} to create",
        f"{counts['update']} to change",
        f"{counts['delete']} to delete" + (f" ({counts['replaced']} replaced)" if counts["replaced"] else ""),
        *([f"{counts['reorder']} to reorder"] if counts["reorder"] else []),
        *([f"targets of {counts['targets']}"] if counts["targets"] else []),
        f"{counts['unchanged']} unchanged",
    ]
    text = ", ".join(parts) + "."
    if counts["waiting"]:
        text += f" {counts['waiting']} {'waits' if counts['waiting'] == 1 else 'wait'}."
    over = [danger for change in plan["changes"] for danger in change["danger"] if "within the budget" in danger]
    if over:
        text += f" Over the budget: {over[0]}."
    elif counts["deletions_counted"]:
        text += f" Deletes {counts['deletions_counted']}: within the budget."
    return text


def _notes(notes: Sequence[Document], paint: Paint, indent: str = "") -> Iterator[str]:
    for note in notes:
        label = paint(note["level"], note["level"])
        text = f"{note_text(note)} [{note['code']}]"
        lines = textwrap.wrap(text, WIDTH - 10 - len(indent), break_long_words=False, break_on_hyphens=False)
        yield f"{indent}{label}{' ' * (8 - len(note['level']))}{lines[0]}"
        yield from (f"{indent}        {line}" for line in lines[1:])


def note_text(note: Document) -> str:
    """The message, led by its object where it does not begin with it."""
    origin, message = note["origin"], str(note["message"])
    if origin is None:
        return message
    subject = origin_of(origin)
    if message.startswith((subject.partition(" (")[0], origin["file"] or "\0")):
        return message
    return f"{subject}: {message}"


def drift(document: Document, paint: Paint = plain) -> str:
    """A drift document: what stands and what the input says, side by side."""
    lines: list[str] = []
    for plan in document["plans"]:
        lines.append(paint("head", f"Gateway {plan['gateway']}") + f"  in {plan['placement']}")
        for item in plan["drift"]:
            style = {"missing": "create", "changed": "update", "unwanted": "delete"}.get(item["state"], "reorder")
            head = f"{item['state']:<9} {item['kind']} {item['id']}"
            why = origin_of(item["origins"][0]) if item["origins"] else ""
            gap = " " * max(2, COLUMN + 14 - len(head))
            lines.append(f"  {paint(style, head)}{gap}{paint('faint', why)}".rstrip())
            if item["state"] == "changed":
                lines += [f"      {line}" for line in item["lines"]]
        if not plan["drift"]:
            lines.append("  nothing differs")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"
