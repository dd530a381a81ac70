"""`cloudgw replay`: plans once more from a file that `capture` wrote, offline, and says whether the plan is the same.

The question it answers is whether a plan was the plan: another version, or another machine, either finds what the
controller found or shows where it does not. It must never reach a network.
"""

from __future__ import annotations

import argparse
import sys

from cloudgw.cli import output
from cloudgw.cli.problem import Problem
from cloudgw.controller import capture
from cloudgw.plan import render_json
from cloudgw.provider import Failed
from cloudgw.sources import collector

EQUAL, DIFFERS = 0, 2
SHOWN = 20  # differences


@collector.paused()
def run(options: argparse.Namespace) -> int:
    reconcile, document = _read(options.capture)
    try:
        planned = capture.plan(reconcile)
    except Failed as failed:
        raise Problem(f"{options.capture}: {failed}") from None
    except capture.STRANGE as error:
        raise Problem(
            f"{options.capture}: this version does not understand its listing ({type(error).__name__}: {error}); "
            f"it was written by cloudgw {document['versions'].get('cloudgw', '?')}"
        ) from None
    found = capture.differences(document, planned)
    if options.output == "json":
        replay = {"equal": not found, "differences": found, "captured": document["versions"]}
        sys.stdout.write(render_json.dump({**planned.document, "replay": {**replay, "redacted": document["redacted"]}}))
    else:
        output.show(planned.document, options.output)
        print(f"\n{_said(found, document['redacted'], document['versions'].get('cloudgw', '?'))}")
    return DIFFERS if found else EQUAL


def _read(path: str) -> tuple[capture.Reconcile, render_json.Document]:
    try:
        if path == "-":
            text = sys.stdin.read()
        else:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        return capture.read(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"{path}: cannot be read ({reason}); check the path") from None
    except ValueError as error:
        raise Problem(f"{path}: {error}; write it anew with `cloudgw capture`") from None


def _said(found: list[str], redacted: int, version: str) -> str:
    lines = [f"replay: differs from the captured plan, which cloudgw {version} made:", *(f"  {one}" for one in found)]
    if not found:
        lines = ["replay: the plan is the captured one"]
    elif len(found) > SHOWN:
        lines[SHOWN + 1 :] = [f"  and {len(found) - SHOWN} more"]
    if redacted:
        lines.append(
            f"  {redacted} texts were redacted: this is the plan of what is left, `plan` in the file is the true one"
        )
    return "\n".join(lines)
