"""The command itself: starts fast, imports little, and never shows a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from cloudgw.cli import arguments, main, plan
from tests.unit.cli import place as places

HEAVY = ("boto3", "botocore", "kopf", "moto", "cryptography", "yaml", "tenacity", "cloudgw_aws", "cloudgw_local")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, cwd=places.ROOT, timeout=60)


def test_help_imports_nothing_heavy() -> None:
    done = python(
        "import sys\nfrom cloudgw.cli import main\n"
        "try: main.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == "[]"


def test_help_is_fast() -> None:
    best = 9.0
    for _ in range(3):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "cloudgw.cli.main", "--help"], check=True, capture_output=True)
        best = min(best, time.monotonic() - began)
    assert best < 0.3


@pytest.mark.parametrize("command", ["plan", "apply", "drift", "destroy", "local", "local up", "local journal"])
def test_every_command_has_help(command: str, place: places.Place) -> None:
    said = place.run(f"{command} --help")
    assert said.code == 0
    assert said.out.startswith(f"usage: cloudgw {command}")


def test_options_are_not_abbreviated() -> None:
    with pytest.raises(Exception, match="unrecognized arguments: --comp"):
        arguments.parse(["plan", "-f", ".", "--comp"])


def test_a_defect_shows_its_place_and_no_value(monkeypatch: pytest.MonkeyPatch, place: places.Place) -> None:
    def broken(_: Any) -> int:
        raise KeyError("a-secret-value")

    monkeypatch.setattr(plan, "run", broken)
    said = place.run("plan --owner demo -f .")
    assert said.code == 1
    assert "a defect of cloudgw" in said.err
    assert "KeyError" in said.err
    assert "a-secret-value" not in said.err
    monkeypatch.setenv(main.TRACEBACK, "1")
    place.env[main.TRACEBACK] = "1"
    with pytest.raises(KeyError):
        place.run("plan --owner demo -f .")


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, place: places.Place) -> None:
    def interrupted(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(plan, "run", interrupted)
    said = place.run("plan --owner demo -f .")
    assert (said.code, "Traceback" in said.err) == (130, False)


def test_a_closed_pipe_is_no_traceback(on_cloud: places.Place) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m cloudgw.cli.main plan --owner demo --complete -f . | head -1"],
        text=True,
        capture_output=True,
        cwd=on_cloud.folder,
        env={**os.environ, **on_cloud.env, "PYTHONUNBUFFERED": "1"},
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
