"""A folder to run commands in, as a person would, with or without a local cloud. Used by the tests beside it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudgw.cli import main
from tests.errors import keys, writer

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
OTHER = ("azure-", "gcp-")  # files of clouds that do not run in most tests


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Place:
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, line: str, stdin: str = "") -> Said:
        out, err = io.StringIO(), io.StringIO()
        with (
            placed(self.folder, {**writer.BARE, **self.env}),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            _stdin(stdin),
        ):
            try:
                code = main.main(shlex.split(line))
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Said(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    import sys

    before = sys.stdin
    sys.stdin = io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


placed = writer.placed


def examples(folder: Path) -> None:
    """Copies the examples for one cloud and makes the TLS Secret that they name."""
    for path in sorted(EXAMPLES.glob("*.yaml")):
        if path.name.startswith(OTHER):
            continue
        (folder / path.name).write_text(path.read_text())
    (folder / "cloudgw.yaml").write_text("owner: example\nfiles: [.]\n")
    (folder / "shop-tls.json").write_text(json.dumps(keys.secret("good")))


def environment(running: Any) -> Mapping[str, str]:
    """Of a fresh local cloud."""
    return writer.fresh(running)


__all__ = ["EXAMPLES", "ROOT", "Place", "Said", "environment", "examples", "os", "placed"]
