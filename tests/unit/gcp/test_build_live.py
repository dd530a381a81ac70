"""What is built, made in the local Google Cloud: it takes everything, and the next plan is empty.

Facts come from a listing, changes go through the real SDK in the engine's batches. The local cloud judges URL maps by
Google's documents and shares nothing with what builds.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import os
import types
from typing import Any
from unittest import mock

import hypothesis
import pytest

from cloudgw.engine import commit
from cloudgw.graph import diff, memory, model
from cloudgw.objects import HeaderModifier, SessionPersistence, URLRewrite
from cloudgw.provider import Session
from cloudgw.routing import ir, resolve
from cloudgw_gcp import build, calls, facts, failures, inventory, kinds, observe
from cloudgw_local import gcp, serving
from cloudgw_local.gcp import server
from tests.unit.gcp import elements, samples, whole
from tests.unit.gcp.samples import CART, PAY, entry, forward, match, table

PROVIDER: Any = types.SimpleNamespace(kinds=kinds.KINDS, classify=failures.classify)
MODIFIER = HeaderModifier(set=(("X-A", "1"),), add=(("X-B", "2"),), remove=("X-C",))
EDITS = ir.Edits(request=MODIFIER, response=MODIFIER)
MATERIALS = {
    f"f-{name}": dataclasses.replace(elements.material(f"{name}.example"), fingerprint=f"f-{name}")
    for name in ("tls", "tls-two")
}


@dataclasses.dataclass
class World:
    running: serving.Running
    session: Session

    def now(self) -> float:
        return self.running.control.now()

    def sleep(self, seconds: float) -> None:
        self.running.control.advance(seconds)

    def plan(self, routing: ir.Routing, spec: collections.abc.Mapping[str, Any]) -> tuple[model.Change, ...]:
        wanted = samples.wanted(**spec)
        listed = inventory.listing(self.session.read, [wanted], elements.OWNER, 0.0)
        assert listed.incomplete == ()
        found = facts.facts(listed, routing, wanted)
        assert found.notes == ()
        graph, _ = build.build(routing, found, wanted)
        planned = diff.diff(graph, observe.observe(listed, elements.OWNER), kinds.KINDS)
        assert not planned.cyclic
        return planned.changes

    def apply(self, changes: collections.abc.Sequence[model.Change]) -> None:
        listed = inventory.listing(self.session.read, [], elements.OWNER, 0.0)
        seen = observe.observe(listed, elements.OWNER)
        done = commit.run(
            changes, provider=PROVIDER, session=self.session, observed=seen, clock=self, cache=memory.Cache()
        )
        assert done.problems == ()
        self.sleep(30)


@pytest.fixture(scope="module")
def served() -> collections.abc.Iterator[serving.Running]:
    with server.serve(stepped=True) as running, mock.patch.dict(os.environ, gcp.LOCAL.env(running.endpoint)):
        yield running


@pytest.fixture
def world(served: serving.Running) -> World:
    """A new process and an empty cloud."""
    return _world(served)


def _world(served: serving.Running) -> World:
    served.control.reset()
    session = calls.connect(elements.PLACEMENT)
    session.read.sleep = served.control.advance
    return World(served, dataclasses.replace(session, owner=elements.OWNER, materials=MATERIALS))


def routes() -> list[ir.Entry]:
    """One of everything that a rule can be."""
    shares = forward((CART, 3), (PAY, 1), (500, 1)).shares
    own = tuple(dataclasses.replace(share, edits=EDITS if number else None) for number, share in enumerate(shares))
    full, cut = samples.replaced("/n"), samples.replaced("/v2", "ReplacePrefixMatch")
    sticky = SessionPersistence(name="sid", lifetime="Permanent", absolute_timeout=3_600_000)
    lead = ir.Redirect(hostname="to.example.net", path_type="ReplacePrefixMatch", path="/to", status=308)
    return [
        entry(1, forward((CART, 1), edits=EDITS, timeouts=samples.seconds(5)), of=match("/a", "Exact", "GET")),
        entry(2, ir.Forward(shares=own, edits=EDITS), of=match("/b", headers=[("x-a", "b c")], query=[("v", "2")])),
        entry(3, forward((CART, 1), rewrite=full), of=match("/c")),
        entry(4, forward((PAY, 1), rewrite=cut), of=match("/d"), host="*.example.com"),
        entry(5, forward((PAY, 1), rewrite=URLRewrite(hostname="in.example.net")), of=match("/e")),
        entry(6, forward((CART, 1), session=sticky), of=match("/f")),
        entry(7, lead, of=match("/g")),
        entry(8, ir.Redirect(path_type="ReplaceFullPath", path="/n", status=303), of=match("/h"), host=""),
        entry(9, ir.Respond(status=503), of=match("/i"), host=""),
        entry(10, forward((PAY, 1)), of=match("/j*k"), host=""),
    ]


@pytest.mark.parametrize("spec", [{}, samples.PUBLIC, samples.GLOBAL])
def test_a_first_apply_makes_everything(world: World, spec: dict[str, Any]) -> None:
    expressions = [entry(11, of=match("/(?:a|b)/[0-9]+", "RegularExpression"))] * ("location" not in spec)
    secure = [samples.certificate("tls"), samples.certificate("tls-two")]
    tables = [
        table([*routes(), *expressions]),
        table([entry(1, ir.Redirect(scheme="https", status=301), host="b.example.com"), entry(2, host="")], 8080),
        table(routes(), 443, "HTTPS", secure),
    ]
    pods = {CART: samples.backend(CART, "10.0.64.5", "10.0.80.5"), PAY: samples.backend(PAY, "10.0.96.6")}
    wish = samples.routing(*tables, backends=pods)
    given = {**spec, "tags": {"team": "shop"}}
    changes = world.plan(wish, given)
    assert [change.waits for change in changes if change.waits] == []
    world.apply(changes)
    assert world.plan(wish, given) == ()
    world.apply(world.plan(samples.routing(table([entry(1)]), backends=pods), given))


def test_whole_worlds_are_taken(served: serving.Running) -> None:
    """Of the worlds whose answers are compared: the local cloud refuses no part of them."""
    taken = []

    @hypothesis.settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(whole.worlds())
    def every(drawn: whole.World) -> None:
        world = _world(served)
        (routing,) = resolve.resolve(drawn.snapshot()).gateways
        moved = {key: _moved(backend) for key, backend in routing.backends.items() if isinstance(backend, ir.Backend)}
        routing = dataclasses.replace(routing, backends={**routing.backends, **moved})
        changes = world.plan(routing, {})
        world.apply(changes)
        assert world.plan(routing, {}) == ()
        taken.append(len(changes))

    every()
    assert sum(taken) > 150


def _moved(backend: ir.Backend) -> ir.Backend:
    """Its pods on a machine that the local cloud has."""
    assert isinstance(backend.targets, tuple)
    targets = tuple(
        dataclasses.replace(one, address=one.address.replace("10.0.0.", "10.0.64.")) for one in backend.targets
    )
    return dataclasses.replace(backend, targets=targets)
