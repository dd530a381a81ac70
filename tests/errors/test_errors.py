"""Every error case still says what its expected.txt holds; `python -m tests.errors.writer` writes them anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.errors import writer


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with writer.clouds() as clouds:
        yield clouds


@pytest.mark.parametrize("case", writer.cases(), ids=lambda case: case.name)
def test_error_is_as_recorded(case: Path, running: Any) -> None:
    said = writer.render(case, running)
    assert said == (case / "expected.txt").read_text()
    assert "Traceback" not in said
    assert "defect" not in said


def test_there_are_cases() -> None:
    assert len(writer.cases()) >= 75
