"""The pure parts of plan mode: classes of other controllers taken for ours, and GatewayPlans that are only shown."""

from __future__ import annotations

from cloudgw.controller import plans
from cloudgw.controller.store import Live, Store
from cloudgw.objects import GatewayClass, Key, KubernetesObject, Meta, ObjectRef, Parameters, Unknown, kind_of
from cloudgw.routing import resolve
from tests.controller.small import EDGE, gateway, gateway_class

THEIRS = "example.com/other"
KIND = "ExampleGatewayClassParameters"


class Told:
    def __init__(self) -> None:
        self.marks: list[Key] = []
        self.store = Store(lambda key, _: self.marks.append(key), foreign={THEIRS: "ours"})
        for kind in ("Gateway", "GatewayClass", KIND):
            self.store.complete(kind)

    def put(self, *items: KubernetesObject) -> None:
        for item in items:
            kind = item.kind if isinstance(item, Parameters) else kind_of(item)
            self.store.put(kind, (item.meta.namespace, item.meta.name), Live(item=item))


def ours(name: str = "ours") -> GatewayClass:
    return gateway_class(parameters=ObjectRef(group="cloudgw.dev", kind=KIND, namespace="", name=name))


def parameters(region: str) -> Parameters:
    return Parameters(meta=Meta(name="ours"), kind=KIND, spec={"region": region})


def routing(store: Store) -> Parameters | Unknown | None:
    """The parameters that shop/edge is resolved with."""
    (found,) = resolve.resolve(store.selection(EDGE), only={EDGE}).gateways
    return found.parameters


def test_a_foreign_class_has_the_parameters_of_ours() -> None:
    told = Told()
    told.put(gateway(class_name="theirs"), gateway_class("theirs", THEIRS))
    assert told.store.class_of(EDGE) == "foreign"
    assert resolve.resolve(told.store.selection(EDGE), only={EDGE}).gateways == ()
    told.put(ours(), parameters("here"))
    assert told.store.class_of(EDGE) == "ours"
    assert routing(told.store) == parameters("here")
    assert told.store.gateways() == [EDGE]


def test_what_changes_of_our_class_marks_their_gateways() -> None:
    told = Told()
    told.put(gateway(class_name="theirs"), gateway_class("theirs", THEIRS), ours(), parameters("here"))
    told.marks.clear()
    told.put(parameters("there"))
    assert told.marks == [EDGE]
    assert routing(told.store) == parameters("there")
    told.marks.clear()
    told.store.drop("GatewayClass", ("", "ours"))
    assert told.marks == [EDGE]
    assert told.store.class_of(EDGE) == "foreign"


def test_other_foreign_classes_stay_foreign() -> None:
    told = Told()
    told.put(gateway(class_name="third"), gateway_class("third", "example.com/third"), ours(), parameters("here"))
    assert told.store.class_of(EDGE) == "foreign"
    told.put(gateway(class_name="theirs"), gateway_class("theirs", THEIRS), gateway_class("ours", "example.com/third"))
    assert told.store.class_of(EDGE) == "foreign", "the class that is named is none of ours"
    assert resolve.resolve(told.store.selection(EDGE), only={EDGE}).gateways == ()


def test_a_class_of_ours_that_cannot_be_seen_leaves_it_open() -> None:
    told = Told()
    told.put(gateway(class_name="theirs"), gateway_class("theirs", THEIRS))
    told.store.put("GatewayClass", ("", "ours"), Live(item=Unknown("no one can read it")))
    assert told.store.class_of(EDGE) == "unknown"
    told.store.drop("GatewayClass", ("", "ours"))
    told.store.incomplete("GatewayClass", "forbidden")
    assert told.store.class_of(EDGE) == "unknown"


def test_somebody_elses_write_is_told_from_a_persons_word_and_our_own() -> None:
    shown = plans.Shown(versions=frozenset({"4", "5"}), status={"phase": "Pending"})
    assert not shown.is_overwritten("4", {"phase": "Empty"}), "the cache is behind our own write"
    assert not shown.is_overwritten("5", {"phase": "Pending"})
    assert not shown.is_overwritten("6", {"phase": "Pending"}), "a person changed the spec"
    assert shown.is_overwritten("6", {"phase": "Empty"})


def test_a_plan_that_is_only_shown_says_so() -> None:
    shown = plans.status([], frozenset(), {}, 1, "2026-11-21T00:00:00Z", {}, applies=False)
    done = plans.status([], frozenset(), {}, 1, "2026-11-21T00:00:00Z", {})
    assert plans.is_only_shown(shown)
    assert not plans.is_only_shown(done)
    assert (shown["phase"], done["phase"]) == ("Empty", "Empty")
