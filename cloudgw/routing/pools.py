"""The backends of a Gateway: every Service port that its entries and streams name, each looked up once.

Called by `resolve` after the tables are built, so that a rule which nobody can reach brings no backend along. This
module must never leave out a backend that an answer names: what cannot be seen is Unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cloudgw.objects import Note, Unknown
from cloudgw.routing import backends, ir
from cloudgw.routing.index import Index
from cloudgw.routing.rules import Rule


def of_tables(
    index: Index,
    tables: Sequence[ir.Table],
    streams: Sequence[ir.StreamTable],
    read: Mapping[tuple[str, str, str], Sequence[Rule]],
    notes: list[Note],
) -> Mapping[ir.BackendKey, ir.Backend | Unknown]:
    """By key, sorted; mirrors are backends too. An answer that is Unknown keeps all the backends that its rule names.
    Entries and streams are found by their origin, which is their rule's."""
    by_origin = {(*key, rule.origin.path): rule for key, of_route in read.items() for rule in of_route}
    answers: list[ir.Entry | ir.Stream] = [entry for table in tables for entry in table.entries]
    answers += [stream for table in streams for stream in table.streams]
    wanted: dict[ir.BackendKey, Unknown | None] = {}
    for one in answers:
        if isinstance(one.action, ir.Forward | Unknown):
            where = one.origin
            for key, unknown in by_origin[where.kind, where.namespace, where.name, where.path].pools.items():
                if unknown is None or key not in wanted:  # who may use it knows more than who may perhaps
                    wanted[key] = unknown
    found: dict[ir.BackendKey, ir.Backend | Unknown] = {}
    for key in _sorted(wanted):
        unknown = wanted[key]
        found[key] = unknown if unknown is not None else backends.backend(index, key, notes)
    return found


def named(read: Mapping[tuple[str, str, str], Sequence[Rule]]) -> tuple[ir.BackendKey, ...]:
    """Every Service port that the rules name and may use, also where a policy that cannot be honoured keeps all
    requests from it: the policy's status has to say so."""
    return tuple(_sorted({key for of_route in read.values() for rule in of_route for key in rule.named}))


def _sorted(keys: Iterable[ir.BackendKey]) -> list[ir.BackendKey]:
    return sorted(keys, key=lambda key: (key.namespace, key.name, key.port, key.protocol))
