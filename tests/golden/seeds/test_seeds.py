"""Every promise still has its recorded answer; `python -m tests.golden.seeds.writer` writes them and the index anew."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.golden.seeds import asking, writer

answer = functools.cache(writer.answer)


@pytest.mark.parametrize("case", writer.cases(), ids=lambda case: case.name)
def test_answer_is_as_recorded(case: Path) -> None:
    assert answer(case).text == (case / "answer.yaml").read_text()


@pytest.mark.parametrize("case", writer.cases(), ids=lambda case: case.name)
def test_a_case_says_what_was_promised(case: Path) -> None:
    about = (case / "about.txt").read_text()
    assert 20 < len(about) < 500
    assert "://" not in about
    assert all(" => " in line for line in (case / "requests.txt").read_text().splitlines())


def test_the_index_is_as_recorded() -> None:
    assert writer.index({case.name: answer(case) for case in writer.cases()}) == writer.INDEX.read_text()


def test_there_are_cases() -> None:
    assert len(writer.cases()) >= 45
    for cloud in asking.CLOUDS:
        assert {answer(case).words[cloud][0] for case in writer.cases()} == {"yes", "partly", "not yet"}
