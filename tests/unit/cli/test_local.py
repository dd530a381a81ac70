"""`cloudgw local` with real processes: up, status, env, journal, down; found again by the next command."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli import place as places


@pytest.fixture
def up(place: places.Place) -> Iterator[places.Place]:
    said = place.run("local up --cloud aws --detach --stepped")
    assert said.code == 0, said
    yield place
    ended = place.run("local down")
    assert ended.out in ("aws: stopped\n", "no local cloud runs\n")


def test_without_a_name_all_of_them_run_and_one_environment_is_for_all(place: places.Place) -> None:
    assert place.run("local up --detach --stepped").code == 0
    try:
        found = place.run("local env --output json").json
        assert set(found) == {"aws", "azure", "gcp"}
        exports = dict(shlex.split(line)[1].split("=", 1) for line in place.run("local env").out.splitlines())
        named = {"aws": "AWS_ENDPOINT_URL", "azure": "AZURE_ARM_ENDPOINT", "gcp": "GOOGLE_COMPUTE_CUSTOM_ENDPOINT"}
        for cloud, variable in named.items():
            assert exports[variable] == found[cloud]["endpoint"]
        assert exports["CLOUDGW_CLOCK"].split() == [found[cloud]["env"]["CLOUDGW_CLOCK"] for cloud in sorted(found)]
    finally:
        assert place.run("local down").out == "aws: stopped\nazure: stopped\ngcp: stopped\n"


def test_a_local_cloud_lives_from_up_to_down(up: places.Place) -> None:
    assert "aws: running at http://127.0.0.1:" in up.run("local status").out
    found = up.run("local env --output json").json
    assert found["aws"]["env"]["AWS_ENDPOINT_URL"] == found["aws"]["endpoint"]
    exports = up.run("local env").out.splitlines()
    assert f"export AWS_ENDPOINT_URL={found['aws']['endpoint']}" in exports
    assert "already running" in up.run("local up --cloud aws --detach").out
    assert up.run("local journal --output json").json == []
    assert up.run("local down").out == "aws: stopped\n"
    assert up.run("local status").code == 1
    assert up.run("local down").out == "no local cloud runs\n"


def test_the_journal_holds_calls_after_a_sequence(up: places.Place) -> None:
    up.env |= up.run("local env --output json").json["aws"]["env"]
    places.examples(up.folder)
    up.run("plan --owner demo --complete -f .")
    calls = up.run("local journal --output json").json
    assert calls
    assert set(calls[0]) == {"sequence", "cloud", "operation", "write", "parameters", "outcome"}
    assert [call["sequence"] for call in calls] == sorted(call["sequence"] for call in calls)
    rest = up.run(f"local journal --output json --since {calls[2]['sequence']}").json
    assert rest == calls[3:]
    assert "DescribeLoadBalancers" in up.run("local journal").out


@pytest.mark.usefixtures("up")
def test_the_state_file_follows_its_variable(tmp_path: Path) -> None:
    state = json.loads((tmp_path / "state.json").read_text())
    assert set(state) == {"aws"}
    assert set(state["aws"]) == {"pid", "endpoint"}


def test_without_detach_it_runs_until_interrupted(place: places.Place) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cloudgw.cli.main", "local", "up", "--cloud", "aws", "--stepped"],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **place.env},
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("aws: ready at ")
    assert process.stdout.readline() == "running until Ctrl-C\n"
    assert place.run("local status").code == 0
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert place.run("local status").code == 1


def test_a_process_that_is_gone_is_forgotten(place: places.Place, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"aws": {"pid": 1, "endpoint": "http://127.0.0.1:9"}}))
    assert place.run("local status").code == 1
    assert "was not running any more" in place.run("local down").out
    assert not (tmp_path / "state.json").exists()


def test_a_broken_state_file_is_told(place: places.Place, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[]")
    said = place.run("local status")
    assert (said.code, "remove the file" in said.err) == (1, True)
