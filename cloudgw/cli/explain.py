"""`cloudgw explain KIND/NAME`: why an object works or not, gate by gate. Asks no cloud.

`main` calls `run`. `cloudgw.explain` finds the gates; this module prints them: one line of evidence each, with the
file that holds it, `>` before the first failing gate, and below it what to do.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator

from cloudgw import explain
from cloudgw.cli import output, reading
from cloudgw.cli.problem import Problem
from cloudgw.explain import Explanation, Gate, Section
from cloudgw.plan import render_text

PASSED, NOT_PASSED, ERROR = 0, 2, 1
WIDTH = 118
STYLES = {"failed": "error", "unknown": "warning", "ok": "", "not reached": "faint"}
SIGNS = {"failed": "FAILED", "unknown": "unknown", "ok": "ok", "not reached": "-"}


def run(options: argparse.Namespace) -> int:
    kind, _, rest = options.object.partition("/")
    namespace, _, name = rest.rpartition("/")
    if not name:
        raise Problem(f"{options.object!r} names no object: write KIND/NAME, such as httproute/cart")
    if namespace and options.namespace not in ("", namespace):
        raise Problem(f"-n {options.namespace} and {options.object!r} name two namespaces: keep one")
    try:
        word = explain.kind_of(kind)
    except explain.Missing as missing:
        raise Problem(str(missing)) from None
    found = reading.load(options)
    try:
        told = explain.explain(
            found.snapshot,
            found.resolution,
            word,
            namespace or options.namespace,
            name,
            refused=found.classes.refused,
            unread=found.classes.unread,
            clouds=reading.clouds(found),
        )
    except explain.Missing as missing:
        found.errors()
        raise Problem(str(missing)) from None
    if options.output == "json":
        sys.stdout.write(json.dumps(told.json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(text(told, output.paint())) + "\n")
    if found.errors():
        return ERROR
    return NOT_PASSED if told.cause is not None else PASSED


def text(told: Explanation, paint: render_text.Paint = render_text.plain) -> Iterator[str]:
    where = f"{told.namespace}/{told.name}" if told.namespace else told.name
    cause = told.cause
    yield paint("head", f"{told.kind} {where}")
    for section in told.sections:
        if section.title:
            yield ""
        yield from _section(section, cause, paint, "")
    if told.answers:
        yield ""
        yield paint("head", "now:")
        for line in told.answers:
            yield from _wrapped(line, "  ", "    ")
    yield ""
    if cause is None:
        yield "every gate is passed; what the cloud says to it, `cloudgw plan` tells"
        return
    lead = "first failing gate" if cause.state == "failed" else "nothing fails, but this could not be decided"
    yield from _wrapped(paint(STYLES[cause.state], f"{lead}: {cause.name}") + f": {cause.evidence}", "", "  ")
    if cause.fix:
        yield "fix:"
        for step in cause.fix:
            yield from _wrapped(step, "  ", "    ")
    if cause.manifest:
        yield ""
        yield from cause.manifest.splitlines()


def _section(section: Section, cause: Gate | None, paint: render_text.Paint, indent: str) -> Iterator[str]:
    if section.title:
        yield f"{indent}{section.title}"
    inner = f"{indent}  "
    missed = [gate.name for gate in section.gates if gate.state == "not reached"]
    for gate in section.gates:
        if gate.state != "not reached":
            yield from _gate(gate, gate is cause, paint, inner)
    if missed:
        yield paint("faint", f"{inner}-        not reached: {', '.join(missed)}")
    for fact in section.facts:
        yield from _wrapped(fact, f"{inner}         ", f"{inner}         ")
    for one in section.sections:
        yield from _section(one, cause, paint, inner)


def _gate(gate: Gate, marked: bool, paint: render_text.Paint, indent: str) -> Iterator[str]:
    place = f"  ({gate.origin.place})" if gate.origin is not None and gate.origin.place else ""
    column = len(indent) + 23
    lines = textwrap.wrap(
        f"{gate.evidence}{place}", WIDTH - column, break_long_words=False, break_on_hyphens=False
    ) or [""]
    lead = f"{indent[:-2]}> " if marked else indent
    sign = paint(STYLES[gate.state], SIGNS[gate.state].ljust(9))
    yield f"{lead}{sign}{gate.name.ljust(14)}{lines[0]}".rstrip()
    yield from (" " * column + line for line in lines[1:])


def _wrapped(line: str, first: str, more: str) -> Iterator[str]:
    yield from textwrap.wrap(
        line, WIDTH, initial_indent=first, subsequent_indent=more, break_long_words=False, break_on_hyphens=False
    )
