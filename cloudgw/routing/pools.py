"""The backends of a Gateway: every Service port that its entries name, each looked up once.

Called by `resolve` after the tables are built, so that a rule which nobody can reach brings no backend along. This
module must never leave out a backend that an entry names: what cannot be seen is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudgw.objects import Key, Note, Unknown
from cloudgw.routing import backends, ir
from cloudgw.routing.index import Index
from cloudgw.routing.rules import Rule


def of_tables(
    index: Index, tables: Sequence[ir.Table], read: Mapping[Key, Sequence[Rule]], notes: list[Note]
) -> Mapping[ir.BackendKey, ir.Backend | Unknown]:
    """By key, sorted. An entry whose answer is Unknown keeps all the backends that its rule names."""
    by_origin = {(*key, rule.origin.path): rule for key, of_route in read.items() for rule in of_route}
    wanted: dict[ir.BackendKey, Unknown | None] = {}
    for table in tables:
        for entry in table.entries:
            if isinstance(entry.action, ir.Forward | Unknown):
                where = entry.origin
                wanted |= by_origin[where.namespace, where.name, where.path].pools
    found: dict[ir.BackendKey, ir.Backend | Unknown] = {}
    for key in sorted(wanted, key=lambda key: (key.namespace, key.name, key.port)):
        unknown = wanted[key]
        found[key] = unknown if unknown is not None else backends.backend(index, key, notes)
    return found
