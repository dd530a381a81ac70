"""The reference of the command line names every command."""

from __future__ import annotations

import argparse
from pathlib import Path

from cloudgw.cli import arguments

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"


def test_every_command_is_in_the_reference() -> None:
    found = [one for one in arguments.parser()._actions if isinstance(one, argparse._SubParsersAction)]
    told = REFERENCE.read_text()
    assert [name for one in found for name in one.choices if f"\n## cloudgw {name}\n" not in told] == []
