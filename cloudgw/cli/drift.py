"""`cloudgw drift`: what differs from the input, if the input is what was applied: changes made behind our back.

The same pipeline as plan; each difference is told as a state of what stands: missing, changed, moved, unwanted. What
only prepares another change is left out, and so is everything foreign.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from cloudgw.cli import output, world
from cloudgw.cli.plan import CHANGES, ERROR, NO_CHANGE
from cloudgw.plan import render_json, render_text, render_values

STATES = {"create": "missing", "update": "changed", "delete": "unwanted", "reorder": "moved"}


def run(options: argparse.Namespace) -> int:
    found = world.load(options)
    document = drift_of(found.document([item.plan for item in found.planned()]))
    if options.output == "json":
        sys.stdout.write(render_json.dump(document))
    else:
        sys.stdout.write(render_text.drift(document, output.paint()))
    output.errors(document)
    if found.errors:
        return ERROR
    return CHANGES if any(plan["drift"] for plan in document["plans"]) else NO_CHANGE


def drift_of(plan: render_json.Document) -> dict[str, Any]:
    return {
        "format_version": plan["format_version"],
        "errors": plan["errors"],
        "plans": [
            {
                "gateway": item["gateway"],
                "placement": item["placement"],
                "drift": [_difference(change) for change in item["changes"] if not change["warm"]],
            }
            for item in plan["plans"]
        ],
    }


def _difference(change: render_json.Document) -> dict[str, Any]:
    fields = {
        name: {"observed": sides.get("observed"), "wanted": sides.get("desired")}
        for name, sides in change["fields"].items()
        if change["op"] == "update"
    }
    lines = [
        f"{path}: is {left}, wanted {right}"
        for name, sides in fields.items()
        for path, left, right in render_values.differences(name, sides["observed"], sides["wanted"])
    ]
    return {
        "state": STATES[change["op"]],
        "address": change["address"],
        "kind": change["kind"],
        "id": change["id"] if change["op"] != "reorder" else "order",
        "fields": fields,
        "lines": lines,
        "origins": change["origins"],
    }
