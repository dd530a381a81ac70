"""What keeps the controller fast on a large identity: a listing reads anew what was asked for, and waits for AWS."""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cloudgw.controller import sites
from cloudgw.controller.workqueue import Queue
from cloudgw.graph import model
from cloudgw.provider import UNHOOKED, Inventory, Known, Placement, Session
from cloudgw_aws import PROVIDER, build, calls, inventory
from cloudgw_local import serving
from cloudgw_local.aws import server
from tests.unit.aws import samples, test_live

FIRST, SECOND, PLACE = "shop/edge", "shop/other", Placement("aws", "", "eu-central-1")


@pytest.fixture(scope="module")
def served() -> Iterator[serving.Running]:
    with server.serve(stepped=True) as running:
        yield running


@pytest.fixture
def cloud(served: serving.Running, monkeypatch: pytest.MonkeyPatch) -> test_live.Cloud:
    """With the Gateway FIRST. `made` has the reads."""
    served.control.reset()
    for name, value in {
        "AWS_ENDPOINT_URL": served.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    clients, made = calls.Clients(PLACE.region), list[str]()

    def read(service: str, operation: str, **parameters: Any) -> Any:
        made.append(operation)
        return clients.call(service, operation, **parameters)

    def sleep(seconds: float) -> None:
        served.control.advance(seconds)

    session = Session(read=calls.Read(read, sleep), write=calls.Write(clients.call), owner=samples.OWNER)
    found = test_live.Cloud(served, session, made)
    add(found, FIRST)
    return found


def add(cloud: test_live.Cloud, owner: str) -> None:
    namespace, name = owner.split("/")
    routing = dataclasses.replace(
        samples.routing(samples.table([samples.entry(1), samples.entry(2, of=samples.match("/b"))])),
        namespace=namespace,
        name=name,
    )
    graph, _ = build.build(routing, samples.network(vpc=test_live.VPC, subnets=test_live.SUBNETS), samples.wanted())
    cloud.create(graph)


def listed(cloud: test_live.Cloud, known: Known | None = None) -> Inventory:
    del cloud.made[:]
    found = inventory.listing(cloud.session.read, [samples.wanted()], samples.OWNER, 0.0, known)
    assert found.incomplete == ()
    return found


def seen(found: Inventory) -> model.Graph:
    return PROVIDER.observe(found, samples.OWNER)


def drop_a_rule(cloud: test_live.Cloud, owner: str) -> None:
    part = seen(listed(cloud)).of(f"{owner}/")
    rule = next(one for one in part if model.kind_of(one.address) == "rule")
    cloud.session.write.call("elbv2", "delete_rule", RuleArn=rule.outputs["id"])


def rules(graph: model.Graph, owner: str) -> int:
    return sum(model.kind_of(one.address) == "rule" for one in graph.of(f"{owner}/"))


def test_nothing_changed_and_little_is_read(cloud: test_live.Cloud) -> None:
    add(cloud, SECOND)
    whole = listed(cloud)
    before = collections.Counter(cloud.made)
    for known in (
        Known(inventory=whole, anew=frozenset({FIRST})),
        Known(inventory=whole, anew=frozenset(), thorough=frozenset({FIRST, SECOND})),
        Known(inventory=whole, anew=frozenset(), everybody=True),
    ):
        again = listed(cloud, known)
        assert seen(again) == seen(whole)
    again = listed(cloud, Known(inventory=whole, anew=frozenset(), thorough=frozenset({FIRST})))
    made = collections.Counter(cloud.made)
    for one in ("describe_target_health", "describe_listeners", "describe_rules"):
        assert made[one] * 2 == before[one] > 0, one
    assert seen(listed(cloud, Known(inventory=again, anew=frozenset({SECOND})))) == seen(whole)


@pytest.mark.parametrize("everybody", [False, True])
def test_who_is_asked_for_is_seen_as_it_is(cloud: test_live.Cloud, everybody: bool) -> None:
    add(cloud, SECOND)
    whole = listed(cloud)
    for owner in (FIRST, SECOND):
        drop_a_rule(cloud, owner)
    again = seen(listed(cloud, Known(inventory=whole, anew=frozenset({FIRST}), everybody=everybody)))
    assert rules(again, FIRST) == rules(seen(whole), FIRST) - 1
    assert rules(again, SECOND) == rules(seen(whole), SECOND) - everybody
    assert again.of(f"{FIRST}/") == seen(listed(cloud)).of(f"{FIRST}/")


def test_what_is_new_is_read_unasked(cloud: test_live.Cloud) -> None:
    whole = listed(cloud)
    add(cloud, SECOND)
    again = seen(listed(cloud, Known(inventory=whole, anew=frozenset({FIRST}))))
    assert again == seen(listed(cloud))
    assert rules(again, SECOND) > 0


def test_what_is_gone_is_gone(cloud: test_live.Cloud) -> None:
    whole = listed(cloud)
    cloud.running.control.reset()
    again = seen(listed(cloud, Known(inventory=whole, anew=frozenset())))
    assert list(again) == []


def test_a_listing_goes_on_at_the_pace_of_the_cloud(cloud: test_live.Cloud) -> None:
    """40 reads, then ten a second: elb-api-throttling.html."""
    cloud.running.control.settings(throttling=True)
    began = cloud.running.control.now()
    for _ in range(200):
        cloud.session.read.call("elbv2", "describe_account_limits")
    took = cloud.running.control.now() - began
    assert (200 - 40) / 10 <= took < 2 * (200 - 40) / 10
    throttled = [one for one in cloud.running.control.journal() if one["outcome"] == "ThrottlingException"]
    assert throttled


class Slow:
    """A provider that lists only, and remembers what it was asked for."""

    name, relisting = "slow", None

    def __init__(self, owners: Sequence[str]) -> None:
        self.owners, self.asked = owners, list[Known | None]()
        self.gate = threading.Event()
        self.gate.set()
        self.relisting = self.again

    def connect(self, *_: Any) -> Session:
        return Session(read=None, write=None)

    def list(self, *_: Any) -> Inventory:
        return self.again(None, (), "", 0.0, None)

    def again(self, _: Any, __: Any, ___: str, began: float, known: Known | None) -> Inventory:
        self.asked.append(known)
        assert self.gate.wait(10)
        return Inventory(placement=PLACE, content={}, began=began)

    def observe(self, *_: Any) -> model.Graph:
        return model.graph([model.Element(address=f"{one}/aws/load-balancer/lb", spec={}) for one in self.owners])


class Hands:
    """A clock that is set."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds


def site(*owners: str) -> tuple[sites.Site, Slow, Hands]:
    provider, clock = Slow(owners), Hands()
    made = sites.Site(
        named=PLACE, provider=provider, clock=clock, hook=UNHOOKED, owner="team", queue=Queue(clock.now)  # type: ignore[arg-type]
    )  # fmt: skip
    return made, provider, clock


def test_a_gateway_that_was_not_read_anew_is_listed_again() -> None:
    place, provider, clock = site(FIRST, SECOND)
    whole = place.look(FIRST, 1000.0)
    assert whole.kept == frozenset()
    assert place.look(SECOND, 1000.0) is whole, "the first listing is of everybody"
    clock.moment = 1010.0
    first = place.look(FIRST, 1010.0)
    assert first.kept == {SECOND}
    assert place.look(SECOND, 1000.0) is whole, "old enough, and of one moment"
    second = place.look(SECOND, 1010.0)
    assert second.kept == {FIRST}
    assert second.inventory.began == 1010.0
    assert [known.anew for known in provider.asked if known is not None] == [{FIRST}, {SECOND}]


def test_what_was_touched_is_read_with_the_next_listing() -> None:
    place, provider, clock = site(FIRST, SECOND)
    place.look(FIRST, 1000.0)
    place.touched(SECOND)
    clock.moment = 1010.0
    assert place.look(FIRST, 1010.0).kept == frozenset()
    assert provider.asked[-1] is not None
    assert provider.asked[-1].anew == {FIRST, SECOND}
    assert provider.asked[-1].thorough == {SECOND}


def test_who_waits_shares_the_next_listing() -> None:
    owners = [f"shop/{number}" for number in range(8)]
    place, provider, clock = site(*owners)
    place.look(owners[0], 1000.0)
    clock.moment = 1010.0
    provider.gate.clear()
    threads = [threading.Thread(target=place.look, args=(owner, 1010.0)) for owner in owners]
    for thread in threads:
        thread.start()
    while len(provider.asked) < 2:
        time.sleep(0.01)
    time.sleep(0.2)  # the others wait now
    provider.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(provider.asked) == 3, "one for the first, one for all that came meanwhile"


def test_who_waits_in_the_queue_is_listed_along() -> None:
    place, _, clock = site(FIRST, SECOND)
    place.look(FIRST, 1000.0)
    clock.moment = 1010.0
    place.queue.add(("shop", "other"), "config")
    place.queue.add(("shop", "later"), "config", 5.0)
    assert place.queue.due(9) == [("shop", "other")]
    looked = place.look(FIRST, 1010.0)
    assert looked.kept == frozenset()
    assert place.look(SECOND, 1010.0) is looked


def test_at_rest_one_listing_serves_all_and_reads_everybody_in_turn() -> None:
    owners = [f"shop/{number}" for number in range(40)]
    place, provider, clock = site(*owners)
    place.look(owners[0], 1000.0, resting=True)
    read = set[str]()
    for _ in range(sites.TURNS):
        clock.moment += 600.0
        looked = {id(place.look(owner, clock.moment - 60.0, resting=True)) for owner in owners}
        assert len(looked) == 1
        known = provider.asked[-1]
        assert known is not None
        assert known.everybody
        assert len(known.thorough) < len(owners) / 2
        read |= known.thorough
    assert read == set(owners)
    assert len(provider.asked) == 1 + sites.TURNS
