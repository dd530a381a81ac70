"""First step of `diff`: which incarnation does each desired element mean?

An observed incarnation fits when every immutable field has the same value (Unknown fits everything). Of several that
fit: the one that others refer to, then the lower suffix, then the lower cloud id. Where none fits, the suffix of the
one to be made. References in desired get the name of the incarnation they mean; an immutable reference counts by it,
so children of a replaced parent are replaced.
"""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.graph.work import Work
from cloudgw.objects import Unknown


def bind(work: Work) -> None:
    """Fills current, bound, by_key, referrers, carriers."""
    for element in work.observed:
        if element.key in work.by_key:
            raise ValueError(f"observed twice under one name: {element.key}")
        work.by_key[element.key] = element
    for element in work.observed:
        if work.kind(element.address).fast:
            continue
        work.refs[element.key] = list(model.refs_in(element.fields))
        for ref in work.refs[element.key]:
            work.referrers.setdefault(ref.key, []).append(element.key)
        if not work.is_warm(element):
            for ref in work.traffic_refs(element):
                work.carriers.setdefault(ref.key, []).append(element.key)
    for where in sorted(work.desired.elements):
        _current(work, where, ())
    for where in sorted(work.desired.elements):
        spec = work.desired.elements[where][0].spec
        if not isinstance(spec, Unknown):
            work.bound[where] = {n: model.bind(v, lambda ref: _current(work, ref.to, ())) for n, v in spec.items()}


def _current(work: Work, where: model.Address, path: tuple[model.Address, ...]) -> str:
    known = work.current.get(where)
    if known is not None:
        return known
    if where in path:
        raise ValueError(f"immutable references in a circle: {' -> '.join((*path, where))}")
    wanted = work.desired.one(where)
    seen = work.observed.elements.get(where, ())
    if wanted is None or isinstance(wanted.spec, Unknown):
        name = _preferred(work, seen)
    else:
        kind = work.kind(where)
        fixed = {
            n: model.bind(v, lambda r: _current(work, r.to, (*path, where)))
            for n in kind.immutable
            if (v := wanted.spec.get(n)) is not None
        }
        fitting = tuple(o for o in seen if _fits(work, kind, fixed, o))
        if fitting:
            name = _preferred(work, fitting)
        elif model.holds_unknown(fixed) or any(not ref.name for ref in model.refs_in(fixed)):
            name = ""
        else:
            name = model.suffix_of(kind, fixed)
    work.current[where] = name
    return name


def _fits(work: Work, kind: model.Kind, fixed: model.Spec, seen: model.Element) -> bool:
    if isinstance(seen.spec, Unknown):
        return True
    return all(model.same(work.value(kind, fixed, n), work.value(kind, seen.spec, n)) for n in kind.immutable)


def _preferred(work: Work, seen: tuple[model.Element, ...]) -> str:
    if len(seen) < 2:
        return seen[0].name if seen else ""
    ranked = sorted(
        seen,
        key=lambda o: (o.key not in work.carriers, o.key not in work.referrers, o.name, str(o.outputs.get("id", ""))),
    )
    return ranked[0].name
