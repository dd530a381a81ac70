"""The Plan as a JSON document: the contract of `plan --output json`, from which text and Markdown are rendered.

`cli` calls `document` and `dump`; `render_text` and `render_markdown` read what `document` made, nothing else, so that
no rendering knows more than another. Sorted and stable: no timestamps, no absolute moments, no secret bytes (specs
hold fingerprints only). Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Unknown
from cloudgw.plan import check
from cloudgw.plan import model as plans

FORMAT_VERSION = 1
LEVELS = ("error", "warning", "info")

Document: TypeAlias = dict[str, Any]


def document(
    found: Sequence[plans.Plan],
    *,
    kinds: Mapping[str, Sequence[str]],
    notes: Sequence[Note] = (),
    errors: Sequence[Note] = (),
    undecided: Mapping[str, str] | None = None,
) -> Document:
    """kinds: provider -> its kinds in a reader's order. notes: of no single Gateway. errors: what could not be read or
    reached; the plans hold the rest. undecided: Gateways of which nothing can be said, and why."""
    ranked = sorted(found, key=lambda plan: (plan.gateway, plan.placement))
    incomplete = {f"{plan.gateway}: {reason}" for plan in ranked for reason in plan.incomplete}
    incomplete |= {f"{gateway}: {reason}" for gateway, reason in (undecided or {}).items()}
    return {
        "format_version": FORMAT_VERSION,
        "digest": digest(ranked),
        "complete": not incomplete and not errors,
        "incomplete": sorted(incomplete),
        "errors": _notes(errors),
        "notes": _notes(notes),
        "plans": [_plan(plan, kinds.get(plan.placement.provider, ())) for plan in ranked],
    }


def dump(made: Document) -> str:
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def digest(found: Sequence[plans.Plan]) -> str:
    """Of the whole run: what `apply --plan-digest` takes. With one Gateway that changes it is that plan's own."""
    changing = [plan for plan in found if any(not change.fast for change in plan.changes)]
    if len(changing) == 1:
        return changing[0].digest
    lines = sorted(f"{plan.gateway} {plan.placement} {plan.digest}" for plan in changing)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _plan(plan: plans.Plan, kinds: Sequence[str]) -> Document:
    there = {model.kind_of(change.address) for change in plan.changes}
    return {
        "gateway": plan.gateway,
        "placement": str(plan.placement),
        "digest": plan.digest,
        "complete": plan.complete,
        "incomplete": list(plan.incomplete),
        "addresses": list(plan.addresses),
        "kinds": [*(kind for kind in kinds if kind in there), *sorted(there - set(kinds))],
        "changes": [_change(change, plan.gateway) for change in plan.changes],
        "notes": _notes(plan.notes),
        "summary": _summary(plan),
    }


def _summary(plan: plans.Plan) -> Document:
    counted = [change for change in plan.changes if not change.fast]
    pairs = {c.address for c in counted if c.op == "create"} & {c.address for c in counted if c.op == "delete"}
    return {
        "create": sum(1 for change in counted if change.op == "create"),
        "update": sum(1 for change in counted if change.op == "update"),
        "delete": sum(1 for change in counted if change.op == "delete"),
        "reorder": sum(1 for change in counted if change.op == "reorder"),
        "replaced": len(pairs),
        "targets": sum(1 for change in plan.changes if change.fast),
        "unchanged": plan.unchanged,
        "waiting": sum(1 for change in plan.changes if change.waits),
        "deletions_counted": sum(1 for change in plan.changes if check.counts(change)),
    }


def _change(change: model.Change, gateway: str) -> Document:
    observed = change.before.outputs.get("position") if change.before is not None else None
    return {
        "op": change.op,
        "address": change.address,
        "kind": model.kind_of(change.address),
        "id": identity(change.address),
        "name": change.name,
        "position": change.position if change.position is not None else observed,
        "fields": _fields(change, gateway),
        "moves": [[readable(key, gateway), position] for key, position in change.moves],
        "waits": [{"for": wait.what, "message": _wait(wait, gateway)} for wait in change.waits],
        "danger": list(change.danger),
        "origins": [_origin(origin) for origin in change.origins],
        "needs": [readable(key, gateway) for key in change.needs],
        "joint": [readable(key, gateway) for key in change.joint],
        "fast": change.fast,
        "retired": change.retired,
        "warm": change.warm,
    }


def _fields(change: model.Change, gateway: str) -> Document:
    """create: all that are set, update: those that differ, delete: all that were."""
    before = change.before.fields if change.before is not None else {}
    after = change.after.fields if change.after is not None else {}
    found: Document = {}
    if change.op == "reorder":
        return found
    for name in sorted(change.fields or {*before, *after}):
        sides: Document = {}
        if change.op != "create" and (change.op == "update" or before.get(name) is not None):
            sides["observed"] = value_of(before.get(name), gateway)
        if change.op != "delete" and (change.op == "update" or after.get(name) is not None):
            sides["desired"] = value_of(after.get(name), gateway)
        if sides:
            found[name] = sides
    return found


def value_of(value: Any, gateway: str) -> Any:
    """A spec value as JSON. A Ref is {"ref": address without the Gateway's own prefix, "name": incarnation}."""
    if isinstance(value, model.Ref):
        return {"ref": _nearby(value.to, gateway), "name": value.name}
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if isinstance(value, tuple | list):
        return [value_of(item, gateway) for item in value]
    if isinstance(value, Mapping):
        return {str(key): value_of(value[key], gateway) for key in sorted(value) if value[key] is not None}
    return value


def identity(where: model.Address) -> str:
    """The logical id: what is left of an address behind its kind."""
    return where.split("/", 4)[4]


def readable(key: str, gateway: str) -> str:
    """A change key or an element key with its address shortened: "create rule/80/... @suffix" keeps its suffix."""
    verb, _, rest = key.partition(" ")
    return f"{verb} {_nearby(rest, gateway)}" if rest else _nearby(key, gateway)


def _nearby(where: str, gateway: str) -> str:
    """Group names of reorders ("rules:<address>") are shortened inside."""
    kind, colon, rest = where.partition(":")
    if colon and "/" not in kind:
        return f"{kind}:{_nearby(rest, gateway)}"
    if where.startswith(f"{gateway}/") and where.count("/") >= 4:
        return model.short(where)
    return where


def _wait(wait: model.Wait, gateway: str) -> str:
    return f"for {readable(wait.message, gateway)}" if wait.what == "change" else wait.message


def _origin(origin: Origin) -> Document:
    return {
        "kind": origin.kind,
        "namespace": origin.namespace,
        "name": origin.name,
        "section": origin.section,
        "path": origin.path,
        "file": origin.file,
        "line": origin.line,
    }


def _notes(found: Sequence[Note]) -> list[Document]:
    """Each once; errors first, then by object."""
    ranked = sorted(
        dict.fromkeys(found),
        key=lambda note: (LEVELS.index(note.level), str(note.origin or ""), note.code, note.message),
    )
    return [
        {
            "level": note.level,
            "code": note.code,
            "message": note.message,
            "origin": _origin(note.origin) if note.origin is not None else None,
        }
        for note in ranked
    ]
