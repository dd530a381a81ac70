"""What a cloud shows is not yet what it serves: routes and listeners that wait for a long operation, or for one change.

Found by Flagger on a cloud whose operations take longer than a look; here in milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from cloudgw.controller import programming
from cloudgw.graph import model
from cloudgw.objects import Note, Origin
from cloudgw.plan import model as plans
from cloudgw.provider import Placement
from cloudgw.routing import ir
from cloudgw.routing.statuses import Programming

GATEWAY, ROUTE = ("Gateway", "shop", "edge"), ("HTTPRoute", "shop", "web")
LISTENER = (*GATEWAY, "https")
YES = ir.Verdict(status=True, reason="Accepted")
RUNS = Note(level="info", code="OperationRunning", message="a long operation of gateway/lb runs")
FAILED = Note(level="error", code="OperationFailed", message="the last long operation of gateway/lb failed")


def routing(refused: ir.Verdict | None = None) -> ir.Routing:
    listener = ir.ListenerVerdict(
        id="https", name="https", owner=GATEWAY, accepted=YES, resolved=YES, programmed=refused
    )
    parent = ir.ParentVerdict(kind=ROUTE[0], namespace=ROUTE[1], name=ROUTE[2], number=0, accepted=YES, resolved=YES)
    return ir.Routing(
        namespace="shop", name="edge", gateway_class=None, parameters=None, tables=(), backends={}, known=(),
        complete=True, origin=Origin(kind="Gateway", namespace="shop", name="edge"),
        verdicts=ir.Verdicts(accepted=YES, listeners=(listener,), parents=(parent,)),
    )  # fmt: skip


def said(
    *notes: Note,
    unlisted: str = "",
    settled: bool = True,
    standing: Collection[programming.Route | programming.Listener] = (),
    changes: tuple[model.Change, ...] = (),
    refused: ir.Verdict | None = None,
) -> Programming:
    place = Placement("cloud", "1", "north")
    plan = plans.Plan(gateway="shop/edge", placement=place, changes=changes, notes=notes, addresses=("10.0.0.1",))
    plan = replace(plan, incomplete=(f"listing of {place}: {unlisted}",) if unlisted else ())
    return programming.of(plan, None, routing(refused), settled=settled, standing=standing)


@pytest.mark.parametrize("note", [RUNS, FAILED])
def test_an_empty_plan_says_nothing_while_an_operation_runs_or_failed(note: Note) -> None:
    assert said(note).routes == {ROUTE: note.message}
    assert said(note).listeners == {LISTENER: note.message}
    assert said(note).state == "True", "the Gateway's own generation was programmed before"
    assert said(note).at(GATEWAY, "https").state == "False"


def test_what_stood_before_stands_on_while_an_operation_runs() -> None:
    """Pods come and go by such operations too."""
    found = said(RUNS, standing={ROUTE, LISTENER})
    assert (found.routes, found.listeners, found.state) == ({ROUTE: ""}, {}, "True")


def test_a_new_generation_of_the_gateway_waits_for_the_operation_that_carries_it() -> None:
    found = said(RUNS, settled=False)
    assert (found.state, found.reason, found.message) == ("False", "Pending", RUNS.message)
    assert said(settled=False).state == "True"


def test_a_listener_whose_certificate_came_later_waits_for_its_change() -> None:
    origin = Origin(kind="Gateway", namespace="shop", name="edge", section='listener "https"')
    change = model.Change(op="create", address="shop/edge/cloud/listener/443", origins=(origin,))
    found = said(changes=(change,))
    assert found.state == "True"
    assert found.at(GATEWAY, "https").reason == "Pending"
    assert found.at(GATEWAY, "http") == found
    assert found.at(("ListenerSet", "shop", "edge")) == found
    assert said(changes=(change,), standing={LISTENER}).listeners == {}, "a renewal takes nothing away"


def test_what_stood_before_stands_on_while_not_everything_can_be_seen() -> None:
    """A listing that was throttled shows fewer rules than there are, and nothing is wrong with any route."""
    wait = model.Wait(what="unknown", message="the listing of what exists is incomplete")
    origin = Origin(kind="HTTPRoute", namespace="shop", name="web")
    changes = (model.Change(op="create", address="shop/edge/cloud/rule/1", origins=(origin,), waits=(wait,)),)
    assert said(changes=changes, standing={ROUTE}, unlisted="throttled").routes == {ROUTE: ""}
    assert "incomplete" in said(changes=changes, unlisted="throttled").routes[ROUTE]


def test_a_listener_that_the_input_refuses_is_not_late() -> None:
    refused = ir.Verdict(status=False, reason="InvalidCertificateRef")
    assert said(RUNS, refused=refused).listeners == {}
