"""`cloudgw lint`: what will not work, as text, JSON or SARIF. Asks no cloud.

`main` calls `run`. `cloudgw.lint` finds it; this module names the targets, tells the time and prints. A target without
an installed provider is an error: nobody must take silence for a pass.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

from cloudgw import lint
from cloudgw.cli import capabilities, clock, output, reading
from cloudgw.lint import Finding, sarif
from cloudgw.plan import render_text

CLEAN, FINDINGS, ERROR = 0, 2, 1
FORMAT_VERSION = 1


def run(options: argparse.Namespace) -> int:
    targets = capabilities.providers(options.targets)
    found = reading.load(options)
    findings = lint.lint(
        found.snapshot,
        found.resolution,
        targets=targets,
        now=clock.of_environment().now(),
        expiry_days=options.expiry_days,
        notes=(*found.inputs.errors, *found.inputs.notes),
        refused=found.classes.refused,
        unread=found.classes.unread,
    )
    if options.output == "sarif":
        rows = {name: provider.capabilities for name, provider in targets.items()}
        unread = [note.message for note in found.inputs.errors]
        made = sarif.document(
            findings, version=metadata.version("cloudgw"), folder=os.getcwd(), rows=rows, unread=unread
        )
        _write(made)
    elif options.output == "json":
        _write(document(findings, tuple(targets)))
    else:
        gateways = len(found.resolution.gateways)
        sys.stdout.write("\n".join(text(findings, tuple(targets), gateways, options.info, output.paint())) + "\n")
    if found.errors():
        return ERROR
    worst = lint.LEVELS[: lint.LEVELS.index(options.fail_on) + 1]
    return FINDINGS if any(one.level in worst for one in findings) else CLEAN


def _write(made: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")


def document(findings: Sequence[Finding], targets: Sequence[str]) -> dict[str, Any]:
    counts = Counter(one.level for one in findings)
    return {
        "format_version": FORMAT_VERSION,
        "targets": list(targets),
        "counts": {level: counts[level] for level in lint.LEVELS},
        "findings": [one.json() for one in findings],
    }


def text(
    findings: Sequence[Finding],
    targets: Sequence[str],
    gateways: int,
    info: bool,
    paint: render_text.Paint = render_text.plain,
) -> Iterator[str]:
    for one in findings:
        if one.level != "info" or info:
            place = f"{one.place}: " if one.place and not one.message.startswith(one.place) else ""
            yield f"{place}{paint(one.level, one.level)} {one.rule}: {one.message}"
    counts = Counter(one.level for one in findings)
    shown = [f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}" for level in ("error", "warning")]
    hidden = "" if info or not counts["info"] else " (--info shows them)"
    yield (
        f"{', '.join(shown)}, {counts['info']} info{hidden}; "
        f"{gateways} {'Gateway' if gateways == 1 else 'Gateways'}, targets: {', '.join(targets) or 'none'}"
    )
