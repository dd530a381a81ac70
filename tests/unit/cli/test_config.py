"""cloudgw.yaml: found upwards, every unknown thing refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudgw.cli import config
from cloudgw.cli.problem import Problem
from cloudgw.provider import Placement


def test_it_is_found_above_and_its_files_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cloudgw.yaml").write_text(
        "owner: edge\nfiles: [manifests, one.yaml]\n"
        'placements:\n  - {provider: aws, account: "123456789012", region: eu-west-1}\n'
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = config.find()
    assert found.owner == "edge"
    assert [Path(path).resolve() for path in found.files] == [tmp_path / "manifests", tmp_path / "one.yaml"]
    assert found.placements == (Placement("aws", "123456789012", "eu-west-1"),)


def test_none_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.owner(config.Config(), "edge") == "edge"


def test_the_option_wins_over_the_file() -> None:
    assert config.owner(config.Config(owner="file"), "option") == "option"
    assert config.owner(config.Config(owner="file"), None) == "file"


@pytest.mark.parametrize("name", ["a", "a-b", "0a", "a" * 63])
def test_owners(name: str) -> None:
    assert config.owner(config.Config(), name) == name


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a.b", "a" * 64, "a b"])
def test_no_owners(name: str) -> None:
    with pytest.raises(Problem, match="is no owner"):
        config.owner(config.Config(), name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("owner: demo\nowners: x\n", "cloudgw.yaml:2: owners: there is no such key"),
        ("- demo\n", "must be a mapping"),
        ("owner: 7\n", "owner: must be text, is int"),
        ("files: manifests\n", "files: must be a list"),
        ("files: [7]\n", "is no path"),
        ("placements:\n  - {region: x}\n", "provider is missing"),
        ("placements:\n  - aws\n", "placements.0: must be a mapping"),
        ("owner: a\nowner: b\n", "appears twice"),
        ("owner: a\n---\nowner: b\n", "second document"),
    ],
)
def test_refusals(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "cloudgw.yaml"
    path.write_text(text)
    with pytest.raises(Problem) as found:
        config.read(str(path))
    assert reason in str(found.value)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cloudgw.yaml"
    path.write_text("# nothing yet\n")
    assert config.read(str(path)).owner == ""
