"""Every golden case still gives its routing.yaml; `python -m tests.golden.routing.writer` writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.routing import writer


@pytest.mark.parametrize("case", writer.cases(), ids=lambda case: case.name)
def test_routing_is_as_recorded(case: Path) -> None:
    assert writer.render(case) == (case / "routing.yaml").read_text()


def test_there_are_cases() -> None:
    assert len(writer.cases()) >= 15
