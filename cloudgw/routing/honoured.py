"""Verdicts as a cloud leaves them: what it cannot honour is no longer accepted, and says so.

Called by whoever writes statuses, with the notes of the Gateway's own provider (`Note.refuses`). A route that is
refused whole, or each of whose rules is, is not accepted; one that loses some rules is partially invalid; a backend
that cannot be spoken to is an unresolved reference; a BackendPolicy is told each field that has no effect (https://gateway-api.sigs.k8s.io/reference/spec/).
This module must never make anything accepted that the specification does not accept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from cloudgw.objects import Note
from cloudgw.routing import conditions, ir, verdicts


def by_cloud(found: ir.Verdicts, notes: Sequence[Note]) -> ir.Verdicts:
    """The verdicts of one Gateway after its cloud had its say."""
    refusing = [note for note in notes if note.refuses and note.origin is not None]
    if not refusing:
        return found
    parents = tuple(_parent(one, refusing) for one in found.parents)
    lost: dict[str, set[tuple[str, str, str]]] = {}
    for before, after in zip(found.parents, parents, strict=True):
        if before.accepted.status and not after.accepted.status:
            for listener in after.listeners:
                lost.setdefault(listener, set()).add((after.kind, after.namespace, after.name))
    listeners = tuple(
        dataclasses.replace(_listener(one, refusing), attached=max(0, one.attached - len(lost.get(one.id, ()))))
        for one in found.listeners
    )
    return dataclasses.replace(
        found,
        accepted=_gateway(found.accepted, listeners),
        listeners=listeners,
        parents=parents,
        backend_policies=tuple(_policy(one, refusing) for one in found.backend_policies),
    )


def _gateway(accepted: ir.Verdict, listeners: Sequence[ir.ListenerVerdict]) -> ir.Verdict:
    bad = [one for one in listeners if one.owner[0] == "Gateway" and one.accepted.status is False]
    if not bad or (accepted.status is not True and accepted.reason != "ListenersNotValid"):
        return accepted
    return verdicts.listeners_not_valid(bad, listeners)


def _listener(one: ir.ListenerVerdict, notes: Sequence[Note]) -> ir.ListenerVerdict:
    mine = [note for note in notes if note.refuses == "listener" and _names(note, one)]
    if not mine or one.accepted.status is False:
        return one
    known = conditions.UNSUPPORTED_PROTOCOL
    reason = known if mine[0].code == known else conditions.UNSUPPORTED_VALUE
    message = "; ".join(note.message for note in mine)
    return dataclasses.replace(
        one,
        accepted=ir.Verdict(status=False, reason=reason, message=message),
        programmed=ir.Verdict(status=False, reason="Invalid", message=message),
        kinds=() if reason == known else one.kinds,
    )


def _names(note: Note, one: ir.ListenerVerdict) -> bool:
    where = note.origin
    assert where is not None
    return (where.kind, where.namespace, where.name) == one.owner and where.section == f'listener "{one.name}"'


def _parent(one: ir.ParentVerdict, notes: Sequence[Note]) -> ir.ParentVerdict:
    mine = [
        note
        for note in notes
        if note.origin is not None
        and (note.origin.kind, note.origin.namespace, note.origin.name) == (one.kind, one.namespace, one.name)
    ]
    if not mine or one.accepted.status is not True:
        return one
    shares = [note.message for note in mine if note.refuses == "share"]
    if shares and one.resolved.status is not False:
        message = "; ".join(dict.fromkeys(shares))
        resolved = ir.Verdict(status=False, reason=conditions.UNSUPPORTED_PROTOCOL, message=message)
        one = dataclasses.replace(one, resolved=resolved)
    whole = [note for note in mine if note.refuses == "route"]
    rules = {note.origin.path: note for note in mine if note.refuses == "rule" and note.origin is not None}
    dropped = tuple(sorted({*one.dropped, *rules}))
    if whole or (rules and len(dropped) == one.rules):
        message = "; ".join(dict.fromkeys(note.message for note in (*whole, *rules.values())))
        accepted = ir.Verdict(status=False, reason=conditions.UNSUPPORTED_VALUE, message=message)
        return dataclasses.replace(one, accepted=accepted, partially=None, dropped=dropped)
    if not rules:
        return one
    said = [one.partially.message] if one.partially is not None else []
    said += dict.fromkeys(f"Dropped Rule(s): {note.origin}: {note.message}" for note in rules.values())
    partially = ir.Verdict(status=True, reason=conditions.UNSUPPORTED_VALUE, message="; ".join(said))
    return dataclasses.replace(one, partially=partially, dropped=dropped)


def _policy(one: ir.BackendPolicyVerdict, notes: Sequence[Note]) -> ir.BackendPolicyVerdict:
    """Notes of fields name them in their origin's section, as `asks` does."""
    lost = {
        note.origin.section: note.message
        for note in notes
        if note.refuses == "field" and note.origin is not None
        if (note.origin.kind, note.origin.namespace, note.origin.name) == ("BackendPolicy", one.namespace, one.name)
    }
    if not lost or one.accepted.status is not True:
        return one
    message = "; ".join(dict.fromkeys(lost[field] for field in sorted(lost)))
    verdict = ir.Verdict(status=True, reason=conditions.UNSUPPORTED_VALUE, message=message)
    if set(one.asks) <= lost.keys():
        return dataclasses.replace(one, accepted=dataclasses.replace(verdict, status=False))
    return dataclasses.replace(one, partially=verdict)
