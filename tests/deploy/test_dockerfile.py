"""The Dockerfile, parsed and held against the rules that matter. No image is built here: there is no container engine.

What its RUN lines do (a wheel, an environment without pip) was run by hand outside of a container.
"""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from typing import Any

import pytest

from tests.deploy.rendering import CHART, ROOT

FILE = ROOT / "deploy" / "Dockerfile"
IGNORED = ROOT / "deploy" / "Dockerfile.dockerignore"


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    """instruction, value, startline, endline; comments left out."""
    parser = importlib.import_module("dockerfile_parse").DockerfileParser(path=str(FILE))
    return [step for step in parser.structure if step["instruction"] != "COMMENT"]


def values(steps: list[dict[str, Any]], instruction: str) -> list[str]:
    return [step["value"] for step in steps if step["instruction"] == instruction]


def last_stage(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    begins = max(number for number, step in enumerate(steps) if step["instruction"] == "FROM")
    return steps[begins:]


def test_every_stage_begins_with_one_exact_python(steps: list[dict[str, Any]]) -> None:
    (argument,) = values(steps, "ARG")
    assert re.fullmatch(r"PYTHON=python:3\.\d+\.\d+-slim-[a-z]+", argument)
    assert values(steps, "FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    minor = argument.split(":")[1].rpartition(".")[0]
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert minor == asked.removeprefix(">="), "the Python that the tests run on"


def test_nobody_is_root_and_the_chart_means_the_same_user(steps: list[dict[str, Any]]) -> None:
    stage = last_stage(steps)
    (user,) = values(stage, "USER")
    assert re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", user), "a number: Kubernetes cannot tell whether a name is root"
    order = [step["instruction"] for step in stage]
    assert not {"RUN", "COPY"} & set(order[order.index("USER") :])
    assert f"runAsUser: {user.split(':')[0]}\n" in (CHART / "templates" / "_helpers.tpl").read_text()


def test_the_last_stage_builds_nothing(steps: list[dict[str, Any]]) -> None:
    stage = last_stage(steps)
    assert not values(stage, "RUN")
    assert values(stage, "COPY") == ["--from=build /opt/cloudgw /opt/cloudgw"]


def test_nothing_is_fetched_but_by_pip_and_nothing_is_newest(steps: list[dict[str, Any]]) -> None:
    assert not values(steps, "ADD")
    for step in steps:
        assert ":latest" not in step["value"]
        assert not re.search(r"\b(curl|wget|apt-get|apk|sudo|chmod 777)\b", step["value"])


def test_programs_are_started_without_a_shell(steps: list[dict[str, Any]]) -> None:
    (entry,) = values(steps, "ENTRYPOINT")
    (command,) = values(steps, "CMD")
    assert json.loads(entry) == ["/opt/cloudgw/bin/cloudgw"]
    assert json.loads(command) == ["--help"]


def test_no_secret_stands_in_the_environment(steps: list[dict[str, Any]]) -> None:
    words = re.compile(r"(?i)(secret|token|passw|api_?key|access_?key|credential)")
    given = [*values(steps, "ENV"), *values(steps, "ARG"), *values(steps, "LABEL")]
    assert given
    assert not [one for one in given if words.search(one)]


def test_the_wheel_is_installed_with_every_cloud_and_the_controller(steps: list[dict[str, Any]]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (named,) = re.findall(r"\[([a-z,]+)\]", " ".join(values(steps, "RUN")[1:]))
    assert set(named.split(",")) == extras.keys() - {"local", "test", "all"}


def test_what_is_copied_exists_and_is_what_the_wheel_is_made_of(steps: list[dict[str, Any]]) -> None:
    sources = [word for value in values(steps, "COPY") if "--from" not in value for word in value.split()[:-1]]
    assert all((ROOT / source).exists() for source in sources)
    kept = {line[1:] for line in IGNORED.read_text().splitlines() if line.startswith("!")}
    assert kept == set(sources), "what is not sent cannot be copied"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {package.split("/")[0] for package in packages} <= set(sources)
    assert {"pyproject.toml", project["project"]["readme"]} <= set(sources)
