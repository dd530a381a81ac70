"""What the crash sweep and the bad days found in the controller, each in a few lines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cloudgw.controller import lifecycle, names, outlet, plans, state, store
from cloudgw.graph import model
from cloudgw.objects import CONTROLLER_NAME, Unknown
from cloudgw.plan import model as plan_model
from cloudgw.provider import Placement
from cloudgw.routing import statuses
from tests.controller import small

KEY = ("shop", "edge")
HERE = Placement("cloud", "1", "north")


@pytest.mark.parametrize("deleting", [False, True])
@pytest.mark.parametrize(
    ("controller", "known", "fate"),
    [
        ("example.com/another", state.State(gateway=KEY), "strange"),
        ("example.com/another", state.State(gateway=KEY, uid="u"), ""),
        (CONTROLLER_NAME, state.State(gateway=KEY), ""),
    ],
)
def test_the_finalizer_of_another_cloudgw_is_not_ours(
    controller: str, known: state.State, fate: str, deleting: bool
) -> None:
    """Two instances, each with its controllerName: one took the other's finalizer off, and load balancers stayed when
    Gateways went."""
    found = store.Store(lambda _key, _reason: None)
    found.put("GatewayClass", ("", "ours"), store.Live(item=small.gateway_class(controller=controller)))
    found.complete("GatewayClass")
    live = store.Live(item=small.gateway(), uid="u", deleting=deleting, finalizers=(names.FINALIZER,))
    found.put("Gateway", KEY, live)
    seen = lifecycle.look(found, known, KEY, controller=CONTROLLER_NAME)
    ours = "deleted" if deleting else "left" if controller != CONTROLLER_NAME else "undecided"
    assert seen.fate == (fate or ours)


def mouth(**parts: Any) -> outlet.Outlet:
    given: dict[str, Any] = {**dict.fromkeys(("kube", "writer", "board", "events")), **parts}
    found = store.Store(lambda _key, _reason: None)
    return outlet.Outlet(store=found, mode="apply", controller=CONTROLLER_NAME, **given)


@pytest.mark.parametrize(("spoke", "deleted"), [(False, []), (True, [names.path(names.PLAN, *KEY)])])
def test_the_words_of_another_cloudgw_stay(spoke: bool, deleted: list[str]) -> None:
    """One instance deleted the GatewayPlan that the other made, twice a second, for ever."""
    calls: list[str] = []
    done: Any = SimpleNamespace
    made = mouth(
        kube=done(wait=lambda call: call, delete=calls.append),
        writer=done(write=lambda *_: calls.append("status")),
        board=done(forget=lambda _gateway: ()),
    )
    made.store.put(names.PLAN, KEY, store.Live(item=Unknown("not read")))
    if spoke:
        made._told["shop/edge"] = ("Programmed", True)
    made.forget(done(fate="strange", live=None, gateway=KEY, owner="shop/edge", leaves=False))
    assert calls == deleted


def test_whoever_leaves_takes_a_plan_along_that_was_not_listed_yet() -> None:
    """GatewayPlans come through kopf, and nobody waits for them: one stayed behind now and then."""
    calls: list[str] = []
    done: Any = SimpleNamespace
    made = mouth(
        kube=done(wait=lambda call: call, delete=calls.append),
        board=done(forget=lambda _gateway: ()),
    )
    made.forget(done(fate="deleted", live=None, gateway=KEY, owner="shop/edge", leaves=True))
    assert calls == [names.path(names.PLAN, *KEY)]


APPROXIMATED = ("Approximated", "retries are left out")
UP = {"type": "Programmed", "status": "True", "reason": "Programmed"}
WRONG = {"type": statuses.DEGRADED, "status": "True", "reason": "Approximated"}


@pytest.mark.parametrize(
    ("conditions", "degraded", "said"),
    [
        ([], None, ["Programmed"]),
        ([], APPROXIMATED, ["Programmed", "Approximated"]),
        ([UP], None, []),
        ([UP], APPROXIMATED, ["Approximated"]),
        ([UP, WRONG], APPROXIMATED, []),
        ([UP, WRONG], None, ["Programmed"]),
    ],
)
def test_a_story_turns_once(conditions: list[Any], degraded: Any, said: list[str]) -> None:
    """A new process said again what is wrong, and a Gateway that came up approximated never said that it is up."""
    told: list[str] = []
    made = mouth(events=SimpleNamespace(say=lambda *words: told.append(words[4])))
    live = store.Live(item=small.gateway(), uid="u", status={"conditions": conditions})
    seen: Any = SimpleNamespace(live=live, gateway=KEY, owner="shop/edge")
    state = statuses.Programming(state="True", reason="Programmed", degraded=degraded)
    made._transition(seen, state, 0)
    made._transition(seen, state, 0)
    assert told == said


def test_a_definition_that_is_not_there_any_more_is_missing_at_once() -> None:
    """Until an informer's watch breaks it calls a kind complete of which there is nothing left."""
    found = store.Store(lambda _key, _reason: None)
    definition = store.Live(item=Unknown("metadata only"), uid="1")
    found.put(lifecycle.DEFINITION, ("", "gateways.gateway.networking.k8s.io"), definition)
    known = state.State(gateway=KEY, definitions={"Gateway": "1", "HTTPRoute": "2"})
    assert lifecycle.missing(found, known) == {"HTTPRoute"}


def test_what_a_first_plan_opens_needs_no_word_after_a_crash() -> None:
    """A controller killed between two firewall rules of a new Gateway asked a person for the second one."""

    def change(kind: str, op: Any = "create", danger: tuple[str, ...] = ()) -> model.Change:
        where = f"shop/edge/cloud/{kind}/1"
        return model.Change(op=op, address=where, after=model.Element(address=where, spec={"port": 80}), danger=danger)

    def opens(spec: Any) -> frozenset[str]:
        return frozenset({f"tcp/{spec['port']}"})

    kinds: Any = {"rule": SimpleNamespace(exposes=opens), "inside": SimpleNamespace(exposes=None)}
    opening = change("rule")
    for other in (change("inside"), change("rule", "update"), change("rule", danger=("SECURITY",))):
        plan = plan_model.Plan(gateway="shop/edge", placement=HERE, changes=(opening, other))
        assert plans.begun(plan, kinds) == {opening.word}
