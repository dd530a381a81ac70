"""`cloudgw capabilities`: what each cloud can do of the Gateway API, from its provider's own table.

`main` calls `run`; `markdown` writes the reference documentation too, and `providers` reads --target for `lint`. Every
row is the provider's: nothing is added here.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudgw import registry
from cloudgw.cli import output
from cloudgw.cli.problem import Problem
from cloudgw.plan import render_text
from cloudgw.provider import Capability, Failed, Provider

FORMAT_VERSION = 1
WIDTH = 118
STYLES = {"yes": "", "partial": "warning", "later": "warning", "no": "error"}
Tables = Mapping[str, Sequence[Capability]]


def run(options: argparse.Namespace) -> int:
    tables = {name: provider.capabilities for name, provider in providers(options.targets).items()}
    if options.output == "json":
        sys.stdout.write(json.dumps(document(tables), indent=2, ensure_ascii=False) + "\n")
    elif options.output == "markdown":
        sys.stdout.write(markdown(tables))
    else:
        sys.stdout.write("\n".join(text(tables, output.paint())) + "\n")
    return 0


def providers(wanted: Sequence[str]) -> dict[str, Provider]:
    """What --target names, in that order; without it all that are installed. Raises Problem."""
    installed = registry.names()
    names = [name.strip() for words in wanted for name in words.split(",") if name.strip()]
    if wanted and not names:
        raise Problem(f"--target: it names no provider; there are: {', '.join(installed) or 'none'}")
    for name in names:
        if name not in installed:
            have = ", ".join(installed) or "none"
            raise Problem(f"--targets {name}: no provider of that name is installed (there are: {have})")
    try:
        return {name: registry.provider(name) for name in names or installed}
    except Failed as failed:
        raise Problem(str(failed)) from None


def features(tables: Tables) -> list[str]:
    """Every feature once, in the order of the providers' tables."""
    return list(dict.fromkeys(row.feature for rows in tables.values() for row in rows))


def _cells(tables: Tables) -> dict[tuple[str, str], Capability]:
    return {(name, row.feature): row for name, rows in tables.items() for row in rows}


def document(tables: Tables) -> dict[str, Any]:
    cells = _cells(tables)
    return {
        "format_version": FORMAT_VERSION,
        "targets": list(tables),
        "features": [
            {
                "feature": feature,
                "targets": {
                    name: {
                        "support": row.support,
                        "reason": row.reason,
                        "source": row.source,
                        "note": row.code,
                        "test": row.test,
                    }
                    for name in tables
                    if (row := cells.get((name, feature))) is not None
                },
            }
            for feature in features(tables)
        ],
    }


def text(tables: Tables, paint: render_text.Paint = render_text.plain) -> Iterator[str]:
    """One line per feature, below it for each cloud that does not simply do it why, and the source."""
    cells = _cells(tables)
    named = features(tables)
    wide = min(max(map(len, ["FEATURE", *named])), 60)
    yield paint("head", f"{'FEATURE'.ljust(wide)}  {'  '.join(name.upper().ljust(7) for name in tables)}".rstrip())
    for feature in named:
        rows = {name: cells.get((name, feature)) for name in tables}
        supports = [row.support if row else "-" for row in rows.values()]
        said = "  ".join(paint(STYLES.get(support, "faint"), support.ljust(7)) for support in supports)
        yield f"{feature.ljust(wide)}  {said}".rstrip()
        for name, row in rows.items():
            if row is None or not (why := _why(row)):
                continue
            lead = f"  {name}: " if len(tables) > 1 else "  "
            yield from _wrapped(f"{lead}{why}")
            if row.source:
                yield f"    {paint('faint', row.source)}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _why(row: Capability) -> str:
    code = f"(note {row.code})" if row.code else ""
    return " ".join(part for part in (row.reason, code) if part)


def markdown(tables: Tables) -> str:
    """A table of features and clouds where there are several; then one table per cloud, in its own order."""
    parts = []
    if len(tables) > 1:
        cells = _cells(tables)
        lines = [f"| what | {' | '.join(tables)} |", f"|---|{'---|' * len(tables)}"]
        for feature in features(tables):
            found = [cells.get((name, feature)) for name in tables]
            lines.append(_line(feature, *(row.support if row else "" for row in found)))
        parts.append("\n".join(lines))
    for name, rows in tables.items():
        lines = [f"## {name}", ""] if len(tables) > 1 else []
        lines += ["| what | | why, and what happens | source |", "|---|---|---|---|"]
        for row in rows:
            code = f" (note `{row.code}`)" if row.code else ""
            lines.append(
                _line(row.feature, row.support, f"{row.reason}{code}", f"<{row.source}>" if row.source else "")
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
