"""Backends whose targets lie in what they refer to: a pool over several sets of targets, one for each place.

The cloud of small objects has one set per pool; these kinds are the smallest that have two.
"""

from __future__ import annotations

import pytest

from cloudgw.graph import diff, model
from cloudgw.objects import Unknown


def _commit(*_: object) -> dict[str, str]:
    raise AssertionError("nothing is committed here")


def _serving(pool: model.Element) -> float:
    return float(pool.outputs.get("healthy", 0.0))


KINDS = {
    kind.name: kind
    for kind in (
        model.Kind(name="rule", mutable=("action",), traffic=("action",), group=lambda *_: "rules", commit=_commit),
        model.Kind(name="pool", mutable=("sets",), serving=_serving, commit=_commit),
        model.Kind(name="set", immutable=("place",), commit=_commit),
        model.Kind(name="targets", immutable=("set",), mutable=("targets",), fast="targets", of="set", commit=_commit),
    )
}


def at(kind: str, logical: str) -> model.Address:
    return model.address("shop/edge", "small", kind, logical)


def wanted(pool: str, targets: dict[str, object]) -> model.Graph:
    """A rule that sends requests to the pool over one set in each place."""
    sets = tuple(model.Ref(at("set", f"{pool}/{place}")) for place in targets)
    elements = [
        model.Element(address=at("rule", "r"), spec={"action": model.Ref(at("pool", pool), "serving")}),
        model.Element(address=at("pool", pool), spec={"sets": sets}),
    ]
    for place, found in targets.items():
        where = at("set", f"{pool}/{place}")
        elements.append(model.Element(address=where, spec={"place": place}))
        spec = {"set": model.Ref(where), "targets": found}
        elements.append(model.Element(address=at("targets", f"{pool}/{place}"), spec=spec))
    return model.graph(elements)


def seen(graph: model.Graph, **outputs: float) -> model.Graph:
    """The same as it would be observed."""
    made = {c.address: c.after for c in diff.diff(graph, model.Graph(), KINDS).changes if c.after is not None}
    elements = [
        model.Element(address=where, spec=after.fields, name=after.name, outputs={"id": where, **outputs})
        for where, after in made.items()
    ]
    return model.graph(elements)


@pytest.mark.parametrize(
    ("targets", "waits"),
    [
        ({"a": (), "b": ()}, ()),
        ({"a": ("10.0.0.1:80",), "b": ()}, ("health",)),
        ({"a": Unknown("slices not seen"), "b": ()}, ("unknown",)),
    ],
    ids=["nobody is wanted", "one place has some", "one place is not known"],
)
def test_a_shift_waits_for_the_targets_of_all_sets(targets: dict[str, object], waits: tuple[str, ...]) -> None:
    standing = wanted("one", {"a": ("10.0.0.9:80",), "b": ()})
    observed = seen(standing, healthy=1.0)
    beside = [e for e in seen(wanted("two", {"a": (), "b": ()}), healthy=0.0) if model.kind_of(e.address) != "rule"]
    found = diff.diff(wanted("two", targets), model.graph([*observed, *beside]), KINDS)
    shift = next(c for c in found.changes if c.op == "update" and model.kind_of(c.address) == "rule")
    assert tuple(wait.what for wait in shift.waits) == waits


def test_targets_follow_the_set_of_their_own_place() -> None:
    graph = wanted("one", {"a": ("10.0.0.1:80",), "b": ("10.0.0.2:80",)})
    observed = seen(wanted("one", {"a": ("10.0.0.1:80",), "b": ()}))
    fast = [c for c in diff.diff(graph, observed, KINDS).changes if c.fast]
    assert [(c.address, c.after.fields["targets"] if c.after else None) for c in fast] == [
        (at("targets", "one/b"), ("10.0.0.2:80",))
    ]
