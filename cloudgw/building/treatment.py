"""How the pods of a Service are to be treated: what a BackendPolicy asks of one cloud, and what that cloud leaves out.

`build_policies` of each provider says what its cloud takes, `build*` ask for each backend. Pure. What is left out, or
not taken, is the provider's own default. Must never change what stands because something could not be seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir


def of(routing: ir.Routing, key: ir.BackendKey, stands: bool) -> ir.BackendPolicy | Unknown | None:
    """What a backend asks for. stands: whether something was made of it. What cannot be seen is Unknown there, and what
    is made anew is made as without a policy: nobody waits for it."""
    backend = routing.backends.get(key)
    found = backend.policy if isinstance(backend, ir.Backend) else None
    if found is None and not routing.policed:
        found = Unknown("not every BackendPolicy is among the input")
    return None if isinstance(found, Unknown) and not stands else found


def is_unseen(routing: ir.Routing, key: ir.BackendKey) -> bool:
    """Whether nobody saw a policy of a backend, and there may be one: no single object is to blame for what is Unknown
    of it, and a plan is complete without (`Graph.doubted`)."""
    backend = routing.backends.get(key)
    return isinstance(backend, ir.Backend) and backend.policy is None and not routing.policed


def notes(policy: ir.BackendPolicy, refused: Mapping[str, str]) -> list[Note]:
    """refused: field, as in `asks` -> what the cloud does instead, and what to do."""
    found = []
    for field in policy.asks:
        if field in refused:
            origin = dataclasses.replace(policy.origin, section=field, path=f"/spec/{field.replace('.', '/')}")
            message = f"{field}: {refused[field]}"
            found.append(
                Note(level="warning", code="PolicyNotHonoured", message=message, origin=origin, refuses="field")
            )
    return found


def all_notes(routing: ir.Routing, refused: Callable[[ir.BackendPolicy], Mapping[str, str]]) -> list[Note]:
    """Of every backend of a Gateway. refused: of a policy, as of `notes`."""
    found: dict[Note, None] = {}
    for backend in routing.backends.values():
        if isinstance(backend, ir.Backend) and isinstance(backend.policy, ir.BackendPolicy):
            found |= dict.fromkeys(notes(backend.policy, refused(backend.policy)))
    return list(found)
