"""What one whole document asks for, on the local Azure: how many writes a change takes, what a refusal costs, what
survives a killed process, and when bytes of others can be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import azure_ground
import pytest

from cloudgw import pipeline
from cloudgw.graph import model
from cloudgw.plan import check
from cloudgw.provider import Session
from cloudgw.routing import honoured, ir
from cloudgw.testing import contract, contract_change, ground, stage, worlds

MAKE = azure_ground.Azure
COUNT = 50
MANY = contract_change.many(COUNT, 5)


def _refuse(mode: str) -> Callable[[Any, Callable[[str], str]], None]:
    """A path rule of a guilty host that sends requests to a Service; its 502 is accepted."""

    def refuse(cloud: Any, verdict: Callable[[str], str]) -> None:
        hosts = [f"h{number:02d}" for number in range(COUNT) if verdict(f"h{number:02d}.example")]
        name = rf"-shop\.({'|'.join(hosts)})-example\."
        cloud.control.settings(
            refuse_child=name, refuse_body="backendAddressPools/cgw-[a-z0-9]+-shop", refuse_mode=mode
        )

    return refuse


@pytest.mark.parametrize(("mode", "bad"), [("sync", 1), ("sync", 3), ("unnamed", 1), ("unnamed", 2), ("late", 1)])
def test_one_child_is_refused(mode: str, bad: int) -> None:
    """49 of 50 routes are programmed, and nobody searches twice. A write that fails late takes one more: the last good
    document is put first."""
    took = contract_change.cloud_refuses(MAKE, _refuse(mode), bad, COUNT, said="test refuses")
    print(f"{mode}, {bad} refused of {took['changes']} changes: {took['writes']} writes, bound {took['bound']}")
    late = took["writes"] // 2 if "late" in mode else 0
    assert took["writes"] <= took["bound"] + late, took
    if mode == "sync":
        assert took["writes"] <= 2 * bad + 1, took  # the cloud named the child each time


def test_a_refused_child_late_where_the_last_good_document_is_shown() -> None:
    took = contract_change.cloud_refuses(_LastGood, _refuse("late-unnamed"), 1, COUNT, said="test refuses")
    assert took["writes"] <= took["bound"] * 2, took


class _LastGood(azure_ground.Azure):
    beliefs = (("azure-failed-document", "last-good"),)


def test_the_guilty_route_is_named_in_its_condition() -> None:
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [contract_change.many(1)])
    _refuse("unnamed")(cloud, lambda host: "no" if host == "h09.example" else "")
    applied = process.apply(contract_change.many(COUNT))
    good = ir.Verdict(status=True, reason="Accepted")
    parents = tuple(
        ir.ParentVerdict(
            kind="HTTPRoute",
            namespace="shop",
            name=f"h{n:02d}-example",
            number=0,
            accepted=good,
            resolved=good,
            rules=1,
        )
        for n in range(COUNT)
    )
    told = honoured.by_cloud(ir.Verdicts(accepted=good, parents=parents), applied.plan.notes)
    refused = [one for one in told.parents if not one.accepted.status]
    assert [(one.name, one.accepted.reason) for one in refused] == [("h09-example", "UnsupportedValue")]
    assert "The test refuses" in refused[0].accepted.message


def test_fifty_routes_at_once_are_one_put() -> None:
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [MANY])
    turned = MANY.with_rules(*(replace(r, to=((f"s{(n + 1) % 5}", 1),)) for n, r in enumerate(MANY.rules)))
    calls = cloud.calls()
    ground.journey(process, [turned])
    assert cloud.operations(calls) == ["put_gateway"]


@pytest.mark.parametrize("path", ["/", "/new"])
@pytest.mark.parametrize("backend", ["s0", "fresh"])
def test_one_route_inserted_is_one_put(path: str, backend: str) -> None:
    """Also with a Service of its own: it takes requests from nobody, so nothing has to be warmed."""
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [MANY])
    host = "new.example" if path == "/" else "h00.example"
    world = MANY.with_rules(worlds.Rule(host=host, path=path, to=((backend, 1),)), *MANY.rules)
    if path == "/new":
        below = worlds.Rule(host=host, path="/old", to=(("s1", 1),))
        kept = (below, *MANY.rules[1:])
        ground.journey(process, [MANY.with_rules(*kept)])
        world = MANY.with_rules(world.rules[0], *kept)
    calls = cloud.calls()
    ground.journey(process, [world.with_service("fresh", worlds.Service())])
    assert cloud.operations(calls) == ["put_gateway"]


def test_at_rest_nothing_is_written() -> None:
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [MANY])
    calls = cloud.calls()
    since = cloud.control.journal()[-1]["sequence"]
    for _ in range(3):
        ground.journey(process.restarted(keep_diary=False), [MANY])
        cloud.clock.sleep(600.0)
    assert cloud.calls() == calls
    assert not [entry for entry in cloud.control.journal(since) if entry["write"]]


def test_pods_change_by_one_small_put_that_waits_for_nothing_else() -> None:
    """49 routes wait for a word; the pods of the one Service that is left go at once, and the routes stay."""
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [MANY])
    before = cloud.documents()[0]["properties"]
    moved = MANY.with_rules(*MANY.rules[:1]).with_service("s0", worlds.Service(targets=("10.0.1.77:8080",)))
    calls = cloud.calls()
    applied = process.apply(moved, word=check.Word())
    assert applied.state == "waiting"
    assert cloud.operations(calls) == ["put_gateway"]
    after = cloud.documents()[0]["properties"]
    changed = {name for name in after if _plain(after[name]) != _plain(before[name])}
    assert changed <= {"backendAddressPools"}, changed
    assert ["10.0.1.77"] in [
        [one["ipAddress"] for one in pool["properties"]["backendAddresses"]] for pool in after["backendAddressPools"]
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in ("etag", "provisioningState")}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("keep_diary", [True, False])
def test_a_killed_process_resumes_the_running_put(keep_diary: bool) -> None:
    """Killed after the PUT that creates the gateway, and while one that changes it runs: no PUT is repeated."""
    cloud = MAKE()
    process = ground.Process(cloud)
    for world in (worlds.SECURE, worlds.SECURE.with_rules(worlds.Rule(host="a.example", to=(("two", 1),)))):
        calls = cloud.calls()
        cloud.arm(0, "after")
        with pytest.raises(stage.Killed):
            process.apply(world)
        cloud.disarm()
        process = process.restarted(keep_diary=keep_diary)
        ground.journey(process, [world])
        assert cloud.operations(calls) == ["put_gateway"]


def test_an_operation_is_asked_for_by_its_url() -> None:
    """With the diary kept, the next process asks for the very operation, and waits though the listing shows no sign."""
    cloud = MAKE()
    process = ground.Process(cloud)
    done = process.one_pass(worlds.BASE)
    assert done.of("done")
    (group, token), *rest = process.memory.diary.operations.items()
    assert not rest
    assert group.startswith("document:shop/edge/azure/gateway/lb@")
    assert "/operations/" in token
    again = process.restarted(keep_diary=True)
    quiet = replace(again.observed(), busy=frozenset())
    told = pipeline.running(cloud.provider, cloud.session().read, quiet, again.memory, 0.0)
    assert told.busy == {group}
    cloud.clock.sleep(600.0)
    told = pipeline.running(cloud.provider, cloud.session().read, quiet, again.memory, 0.0)
    assert not told.busy
    assert not again.memory.diary.operations


MOMENTS = ("before our GET", "between GET and PUT", "after our PUT")


class _Interrupted:
    """A session whose GET of a gateway is met by another writer, before or after it."""

    def __init__(self, cloud: azure_ground.Azure, moment: str) -> None:
        self.cloud, self.moment, self.wrote = cloud, moment, False
        cloud.control.settings(lock_seconds=0.0)

    def session(self) -> Session:
        session = azure_ground.Azure.session(self.cloud)
        return replace(session, read=_Read(session.read, self))

    def write(self) -> None:
        """Somebody else adds a pool, by a GET and a PUT of his own."""
        if not self.wrote:
            self.wrote = True
            document = self.cloud.documents()[0]
            pool = {"name": "theirs", "properties": {"backendAddresses": [{"ipAddress": azure_ground.THEIRS}]}}
            document["properties"]["backendAddressPools"].append(pool)
            self.cloud.change(document)


class _Read:
    def __init__(self, read: Any, other: _Interrupted) -> None:
        self._read, self._other = read, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._read, name)

    def gateway(self, *place: str) -> Any:
        if self._other.moment == MOMENTS[0]:
            self._other.write()
        found = self._read.gateway(*place)
        if self._other.moment == MOMENTS[1]:
            self._other.write()
        return found


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("make", [azure_ground.Azure, azure_ground.Ignoring])
def test_bytes_of_others_and_if_match(
    make: type[azure_ground.Azure], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer adds a child around our write. Honoured, nothing is ever lost; ignored, only what was written
    between our last GET and our PUT, as the journal shows."""
    cloud = make()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.BASE])
    other = _Interrupted(cloud, moment)
    monkeypatch.setattr(cloud, "session", other.session)
    since = cloud.control.journal()[-1]["sequence"]
    if moment == MOMENTS[2]:
        cloud.on_call(lambda _: other.write())
    applied = process.apply(worlds.BASE.with_rules(*worlds.BASE.rules[:1]), word=check.Word())
    assert applied.state == "done", applied.failures
    assert other.wrote
    left = [pool["name"] for pool in cloud.documents()[0]["properties"]["backendAddressPools"]]
    lost = "theirs" not in left
    window = _window(cloud.control.journal(since))
    print(f"{make.__name__}, {moment}: lost {lost}, calls between the last GET and the PUT: {window}")
    assert lost == bool(window), (left, window)
    assert lost == (make is azure_ground.Ignoring and moment == MOMENTS[1])


def _window(journal: list[dict[str, Any]]) -> list[str]:
    """PUTs of others that succeeded after the last GET of the writer whose PUT followed and succeeded too."""
    theirs, ours, last = "theirs", list[str](), None
    for entry in journal:
        if entry["operation"] == "GET applicationGateways":
            last, between = entry, list[str]()
        elif entry["operation"] == "PUT applicationGateways" and entry["outcome"] == "ok":
            foreign = theirs in str(entry["parameters"])
            if foreign and last is not None:
                between.append(f"PUT at {entry['time']:.0f}")
            elif last is not None:
                ours += [f"GET at {last['time']:.0f}, {one}, PUT at {entry['time']:.0f}" for one in between]
    return ours


@pytest.mark.parametrize("journey", ["insert route", "replace load balancer"])
def test_foreign_untouched_where_if_match_is_ignored(journey: str) -> None:
    contract.foreign_untouched(azure_ground.Ignoring, worlds.JOURNEYS[journey])


@pytest.mark.parametrize("after", [contract_change.many(3), worlds.SECURE])
def test_two_writers_where_if_match_is_ignored(after: worlds.World) -> None:
    contract_change.two_writers(azure_ground.Ignoring, worlds.BASE, after, 5)


class _Up(azure_ground.Azure):
    beliefs = (("azure-new-target", "up-until-probed"),)


@pytest.mark.parametrize("make", [azure_ground.Azure, _Up])
def test_a_new_backend_is_warmed_before_it_takes_over(make: type[azure_ground.Azure]) -> None:
    """Three writes: the pool and its warm rule, the shift, the warm rule's end; no request fails meanwhile."""
    cloud = make()
    before = worlds.BASE
    after = before.with_rules(worlds.Rule(host="a.example", to=(("three", 1),)), *before.rules[1:])
    after = after.with_service("three", worlds.Service(targets=("10.0.1.20:8080",)))
    process = ground.Process(cloud)
    ground.journey(process, [before])
    calls = cloud.calls()
    ground.journey(process, [after])
    assert cloud.operations(calls) == ["put_gateway"] * 3
    assert contract.never_5xx(make, (before, after)) > 10


def test_words_of_the_group() -> None:
    """Everything of a gateway is one group, and nothing else is in it."""
    cloud = MAKE()
    process = ground.Process(cloud)
    ground.journey(process, [worlds.SECURE])
    kinds = cloud.provider.kinds
    groups = {
        kinds[model.kind_of(e.address)].group(e.address, e.name, e.fields)
        for e in process.observed()
        if model.kind_of(e.address) != "public-ip"
    }
    assert len(groups) == 1, groups
