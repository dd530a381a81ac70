"""Approving, and capturing what the controller keeps, on a real API server: nothing but the one list is written."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudgw.cli import main
from cloudgw.controller import names, state
from cloudgw.graph import memory
from cloudgw.provider import Placement
from cloudgw.sources import cluster as sources
from tests.cluster import able, cluster
from tests.errors import writer
from tests.unit.cli import place as places

pytestmark = pytest.mark.cluster
CRDS = Path(__file__).resolve().parents[2] / "crds"
FIRST, SECOND, STALE, OTHER = "0123456789abcdef", "fedcba9876543210", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
HERE, THERE = "one/1/here", "one/1/there"
PATH = names.path(names.PLAN, "shop", "edge")
DANGER = [{"change": "delete rule/80/cart", "reasons": ["deletes 30 of 40 elements, 10 are within the budget"]}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    if reason := able.why_no_cluster():
        able.refuse(reason)
    running = cluster.start(tmp_path_factory.mktemp("cluster-approve"))
    try:
        for path in sorted(CRDS.glob("*.yaml")):
            document = yaml.safe_load(path.read_text())
            running.apply([document])
            running.wait_for(document)
        for name in ("shop", "cloudgw-system"):
            running.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
        yield running
    finally:
        running.stop()


def planned(*plans: tuple[str, str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "phase": "Pending",
        "plans": [
            {"placement": where, "digest": digest, "summary": "0 to create, 30 to delete", "dangerous": danger}
            for where, digest, danger in plans
        ],
    }


@pytest.fixture
def plan(server: cluster.Cluster) -> Iterator[cluster.Cluster]:
    """shop/edge: two placements wait for a word; a plan of yesterday is approved."""
    body = {
        "apiVersion": f"{names.GROUP}/{names.VERSION}",
        "kind": names.PLAN,
        "metadata": {"name": "edge", "namespace": "shop", "labels": {"team": "edge"}},
        "spec": {"approvedDigests": [STALE]},
    }
    assert server.request("POST", PATH.rpartition("/")[0], body)[0] == 201
    says(server, planned((HERE, FIRST, DANGER), (THERE, SECOND, DANGER)))
    yield server
    server.request("DELETE", PATH)


def says(server: cluster.Cluster, status: dict[str, Any]) -> None:
    """As the controller does."""
    code, answer = server.request(
        "PATCH", f"{PATH}/status", {"status": status}, content_type="application/merge-patch+json"
    )
    assert code == 200, answer


def approved(server: cluster.Cluster) -> list[str]:
    found = server.request("GET", PATH)[1]
    return list((found.get("spec") or {}).get("approvedDigests") or ())


def run(server: cluster.Cluster, *arguments: str) -> int:
    return main.main(["approve", "shop/edge", *arguments, "--kubeconfig", str(server.kubeconfig)])


def test_without_a_digest_it_only_shows(plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = plan.request("GET", PATH)[1]
    assert run(plan) == 0
    out = capsys.readouterr().out
    for said in (
        "Gateway shop/edge: Pending",
        f"{HERE}: plan {FIRST}: 0 to create, 30 to delete",
        "delete rule/80/cart",
        "10 are within the budget",
        f"cloudgw approve shop/edge {SECOND}",
    ):
        assert said in out
    assert plan.request("GET", PATH)[1] == before


def test_a_digest_is_added_and_nothing_else_is_written(plan: cluster.Cluster) -> None:
    before = plan.request("GET", PATH)[1]
    assert run(plan, FIRST) == 0
    after = plan.request("GET", PATH)[1]
    assert after["spec"] == {"approvedDigests": [FIRST]}, "yesterday's plan is gone, and its approval with it"
    assert run(plan, SECOND) == 0
    after = plan.request("GET", PATH)[1]
    assert after["spec"] == {"approvedDigests": [FIRST, SECOND]}, "the other one stays"
    for document in (before, after):
        document.pop("spec")
        for name in ("resourceVersion", "generation", "managedFields"):
            document["metadata"].pop(name)
    assert after == before
    assert run(plan, FIRST) == 0, "said twice is said"
    assert run(plan) == 2, "nothing waits any more"


def test_a_digest_that_is_not_pending_is_refused(plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(plan, OTHER) == 2
    err = capsys.readouterr().err
    assert f"{OTHER}: is not what waits for approval now" in err
    assert f"{FIRST} ({HERE}), {SECOND} ({THERE}) waits" in err
    assert run(plan, STALE) == 2, "approved once, of a plan that is gone"
    assert approved(plan) == [STALE]


def test_nothing_dangerous_needs_no_word(plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    says(plan, {**planned((HERE, FIRST, [])), "phase": "Waiting"})
    assert run(plan) == 2
    assert run(plan, FIRST) == 2
    assert "nothing waits" in capsys.readouterr().out
    assert approved(plan) == [STALE]


def test_a_plan_that_moves_meanwhile_is_not_approved(
    plan: cluster.Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between reading and writing the controller plans anew: the write meets a conflict, and the word is void."""
    exchange = sources.exchange

    def moved(*arguments: Any, **options: Any) -> Any:
        if arguments[2] == "PATCH":
            says(plan, planned((HERE, OTHER, DANGER)))
        return exchange(*arguments, **options)

    monkeypatch.setattr(sources, "exchange", moved)
    assert run(plan, FIRST) == 2
    assert f"{FIRST}: is not what waits for approval now" in capsys.readouterr().err
    assert approved(plan) == [STALE]


def test_a_conflict_that_changes_nothing_is_tried_again(
    plan: cluster.Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange, touched = sources.exchange, list[int]()

    def touch(*arguments: Any, **options: Any) -> Any:
        if arguments[2] == "PATCH" and len(touched) < limit:
            touched.append(1)
            says(plan, {"observedGeneration": len(touched)})
        return exchange(*arguments, **options)

    monkeypatch.setattr(sources, "exchange", touch)
    limit = 2
    assert run(plan, FIRST) == 0
    assert approved(plan) == [FIRST]
    limit = 100
    assert run(plan, SECOND) == 1
    assert "somebody else writes it all the time" in capsys.readouterr().err


def test_revoking(plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    run(plan, FIRST)
    run(plan, SECOND)
    assert run(plan, FIRST, "--revoke") == 0
    assert approved(plan) == [SECOND]
    assert run(plan, FIRST, "--revoke") == 2
    assert f"nothing to revoke; approved is {SECOND}" in capsys.readouterr().err
    assert run(plan, "--revoke") == 0
    assert approved(plan) == []


def test_at_most_eight_are_kept(plan: cluster.Cluster) -> None:
    digests = [f"{number:016x}" for number in range(10)]
    says(plan, planned(*((f"one/{number}/here", digest, DANGER) for number, digest in enumerate(digests))))
    for digest in digests:
        assert run(plan, digest) == 0
    assert approved(plan) == digests[2:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--yes"], "--yes is for a terminal"),
        (["nonsense"], "'nonsense' is no digest"),
        ([FIRST, "--yes"], "--yes approves everything that is shown"),
        (["--context", "stranger"], "user 'stranger' may not get it (403): grant verb \"get\" on resource"),
        (["--context", "nobody"], "has no context 'nobody'"),
    ],
)
def test_errors_say_what_to_do(
    arguments: list[str], said: str, plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(plan, *arguments) == 1
    assert said in capsys.readouterr().err
    assert approved(plan) == [STALE]


def test_who_may_only_read_is_told_so(plan: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"apiGroups": [names.GROUP], "resources": ["gatewayplans"], "verbs": ["get"]}
    group = "rbac.authorization.k8s.io"
    plan.apply(
        [
            {
                "apiVersion": f"{group}/v1",
                "kind": "Role",
                "metadata": {"name": "plans", "namespace": "shop"},
                "rules": [rule],
            },
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "plans", "namespace": "shop"},
                "roleRef": {"apiGroup": group, "kind": "Role", "name": "plans"},
                "subjects": [{"kind": "User", "name": "reader", "apiGroup": group}],
            },
        ]
    )
    for _ in range(50):  # the authorizer sees a binding a moment later
        code = run(plan, FIRST, "--context", "reader")
        err = capsys.readouterr().err
        if "may not get" not in err:
            break
    assert code == 1
    assert 'user \'reader\' may not patch it (403): grant verb "patch" on resource "gatewayplans"' in err


def test_a_gateway_without_a_plan(server: cluster.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["approve", "shop/none", "--kubeconfig", str(server.kubeconfig)]) == 1
    assert "there is no GatewayPlan shop/none: check the name" in capsys.readouterr().err
    assert main.main(["approve", "shop", "--kubeconfig", str(server.kubeconfig)]) == 1
    assert "'shop' is no Gateway: give NAMESPACE/NAME" in capsys.readouterr().err


def test_yes_on_a_terminal_approves_what_it_shows(plan: cluster.Cluster) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cloudgw.cli.main", "approve", "shop/edge", "--yes"]
    running = subprocess.Popen(
        [*command, "--kubeconfig", str(plan.kubeconfig)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux ends a terminal that nobody holds with EIO
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert running.wait(30) == 0, shown
    assert b"10 are within the budget" in shown
    assert shown.index(b"10 are within the budget") < shown.index(f"approved: {FIRST}, {SECOND}".encode())
    assert approved(plan) == [FIRST, SECOND]


# Capturing from a cluster


def test_a_capture_of_a_cluster_holds_what_the_controller_remembers(plan: cluster.Cluster, tmp_path: Path) -> None:
    """Objects of the cluster, with the diary of the GatewayState, and never what an annotation or a Secret hold."""
    folder = tmp_path / "work"
    folder.mkdir()
    places.examples(folder)
    documents: list[dict[str, Any]] = [
        document
        for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.json")])
        if path.name != "cloudgw.yaml"
        for document in yaml.safe_load_all(path.read_text())
        if document
    ]
    for document in documents:
        canary = {"kubectl.kubernetes.io/last-applied-configuration": '{"token": "canary-4c1d"}'}
        document["metadata"]["annotations"] = canary
    documents.sort(key=lambda document: document["kind"] != "Namespace")
    plan.apply(documents)
    diary = memory.Diary(retired={"shop/edge/aws/target-group/old @x": 17.5})
    placement = Placement("aws", "", "eu-central-1")
    kept = state.State(gateway=("shop", "edge"), placements=(placement,), diaries={placement: diary})
    plan.apply(
        [
            {
                "apiVersion": f"{names.GROUP}/{names.VERSION}",
                "kind": names.STATE,
                "metadata": {"name": state.name_of(kept.gateway), "namespace": "cloudgw-system"},
                "spec": state.spec(kept),
            }
        ]
    )
    with writer.cloud() as running:
        place = places.Place(folder, dict(places.environment(running)))
        flags = f"--kubeconfig {plan.kubeconfig} --owner demo -o live.capture"
        said = place.run(f"capture shop/edge {flags}")
        assert (said.code, said.err) == (0, "")
    text = (folder / "live.capture").read_text()
    found = json.loads(text)
    assert "canary-4c1d" not in text
    assert "PRIVATE KEY" not in text
    assert found["gatewayPlan"]["plans"][0]["digest"] == FIRST
    assert found["placements"][0]["diary"]["retired"] == dict(diary.retired)
    assert len(found["plan"]["plans"][0]["changes"]) > 15
    said = place.run("replay live.capture")
    assert said.code == 0, said.out + said.err
