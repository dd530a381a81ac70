"""The backendRefs and mirrors of one rule: how its requests are divided, and what happens to each part on its way.

Called by `rules`. Shares of the same backend with the same edits are added up, those without weight left out, but their
references are looked at all the same: the route's status speaks of every one. This module must never decide whether
the rule forwards at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from cloudgw.objects import Note, ObjectRef, Origin, Route, Unknown
from cloudgw.routing import backends, ir
from cloudgw.routing.filters import NONE, Filters
from cloudgw.routing.index import Index

NOTHING = ir.Edits()


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads the references of one rule and keeps what they come to.

    pools: every backend that gets requests or copies of them, with the reason where that is Unknown. named: every
    Service port that the rule names and may use, also where it gets nothing now. unresolved: as in rules.Rule.
    """

    index: Index
    route: Route
    number: int
    where: Origin
    notes: list[Note]
    pools: dict[ir.BackendKey, Unknown | None] = field(default_factory=dict)
    named: dict[ir.BackendKey, None] = field(default_factory=dict)
    unresolved: list[ir.Verdict] = field(default_factory=list)

    def shares(self, filters: Sequence[Filters]) -> Sequence[ir.Share]:
        """One share per distinct answer, in the order written. filters: of each backendRef."""
        found: dict[object, ir.Share] = {}
        carried = self.route.kind in backends.SPOKEN
        otherwise = "its share is answered with 500" if carried else "its share of the connections is closed"
        for position, written in enumerate(self.route.rules[self.number].backends):
            at = f"backendRefs[{position}]"
            origin = self._origin(at)
            to = self._referent(written.ref, written.port, origin, at, otherwise, gets=written.weight > 0)
            edits = self.edits(filters[position], f"{at}.filters", gets=written.weight > 0)
            if not written.weight:
                continue
            share = ir.Share(
                to=to.to,
                weight=written.weight,
                edits=edits if edits != NOTHING else None,
                origin=origin,
                withdrawn=to.withdrawn,
            )
            same = (share.to, share.edits) if isinstance(share.to, ir.BackendKey) else position
            if (first := found.get(same)) is not None:
                share = dataclasses.replace(first, weight=first.weight + share.weight)
            found[same] = share
        return list(found.values())

    def edits(self, asked: Filters, field: str, *, gets: bool = True) -> ir.Edits:
        """What the filters written in `field` do to requests and responses. gets: whether there are any requests."""
        if asked is NONE:
            return NOTHING
        mirrors: list[ir.Mirror] = []
        for position, item in asked.mirrors:
            at = f"{field}[{position}]"
            named = f"{at}.requestMirror.backendRef"
            to = self._referent(item.ref, item.port, self._origin(named), named, "nothing is copied", gets=gets)
            mirrors.append(
                ir.Mirror(to=to.to, numerator=item.numerator, denominator=item.denominator, origin=self._origin(at))
            )
        return ir.Edits(rewrite=asked.rewrite, request=asked.request, response=asked.response, mirrors=tuple(mirrors))

    def _referent(
        self, ref: ObjectRef, port: int, where: Origin, field: str, otherwise: str, *, gets: bool
    ) -> backends.Referent:
        found = backends.resolve(self.index, self.route, ref, port, where, field, otherwise, self.notes)
        if found.unresolved is not None:
            self.unresolved.append(found.unresolved)
        if found.key is not None:
            self.named[found.key] = None
            if gets and not isinstance(found.to, int):
                self.pools.setdefault(found.key, found.to if isinstance(found.to, Unknown) else None)
        return found

    def _origin(self, field: str) -> Origin:
        pointer = field.replace("[", "/").replace("].", "/").replace("]", "").replace(".", "/")
        where = self.where  # field by field: `dataclasses.replace` takes three times as long, for every reference
        return Origin(
            kind=where.kind,
            namespace=where.namespace,
            name=where.name,
            section=where.section,
            path=f"{where.path}/{pointer}",
            file=where.file,
            line=where.line,
        )
