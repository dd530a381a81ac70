"""One local cloud for all tests of the command line; each test gets it empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.errors import writer
from tests.unit.cli import place as places


@pytest.fixture(scope="session")
def running() -> Iterator[Any]:
    with writer.cloud() as cloud:
        yield cloud


@pytest.fixture
def place(tmp_path: Path) -> places.Place:
    """A folder without a cloud."""
    return places.Place(tmp_path, {"CLOUDGW_LOCAL_STATE": str(tmp_path / "state.json"), "HOME": str(tmp_path)})


@pytest.fixture
def on_cloud(running: Any, tmp_path: Path) -> places.Place:
    """A folder with the examples and an empty local cloud."""
    folder = tmp_path / "work"
    folder.mkdir()
    places.examples(folder)
    return places.Place(folder, dict(places.environment(running)))
