"""What a cloud cannot honour is no longer accepted, and nothing else changes."""

from __future__ import annotations

from cloudgw.objects import Note, Origin
from cloudgw.routing import honoured, ir
from tests.unit.routing import world

ROUTE = world.route("cart", world.rule(world.path("/a")), world.rule(world.path("/b")))
ROUTING = world.resolved(world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), ROUTE, world.service()))


def refuses(what: str, path: str = "", code: str = "UnsupportedFilter") -> Note:
    where = Origin(kind="HTTPRoute", namespace="shop", name="cart", section="rule 0", path=path)
    return Note(level="warning", code=code, message="cannot", origin=where, refuses=what)  # type: ignore[arg-type]


def route(*notes: Note) -> tuple[ir.ParentVerdict, ir.ListenerVerdict]:
    found = honoured.by_cloud(ROUTING.verdicts, notes)
    return found.parents[0], found.listeners[0]


def test_nothing_refused_changes_nothing() -> None:
    assert honoured.by_cloud(ROUTING.verdicts, [refuses("")]) is ROUTING.verdicts


def test_one_rule_of_two() -> None:
    parent, listener = route(refuses("rule", "/spec/rules/0"), refuses("rule", "/spec/rules/0"))
    assert parent.accepted.status is True
    assert parent.partially is not None
    assert (parent.partially.status, parent.partially.reason) == (True, "UnsupportedValue")
    assert parent.partially.message.startswith("Dropped Rule")
    assert listener.attached == 1


def test_every_rule_and_the_whole_route() -> None:
    every = (refuses("rule", "/spec/rules/0"), refuses("rule", "/spec/rules/1"))
    for notes in (every, (refuses("route", "/spec/rules/1"),)):
        parent, listener = route(*notes)
        assert (parent.accepted.status, parent.accepted.reason) == (False, "UnsupportedValue")
        assert parent.partially is None
        assert listener.attached == 0


def test_a_share_is_an_unresolved_reference() -> None:
    parent, _ = route(refuses("share", "/spec/rules/0"))
    assert (parent.resolved.status, parent.resolved.reason) == (False, "UnsupportedProtocol")
    assert parent.accepted.status is True


def test_a_listener() -> None:
    where = Origin(kind="Gateway", namespace="shop", name="edge", section='listener "http"')
    note = Note(level="error", code="ClientCertificates", message="cannot", origin=where, refuses="listener")
    found = honoured.by_cloud(ROUTING.verdicts, [note])
    assert found.listeners[0].accepted.reason == "UnsupportedValue"
    assert found.listeners[0].programmed is not None
    assert (found.accepted.status, found.accepted.reason) == (False, "ListenersNotValid")
