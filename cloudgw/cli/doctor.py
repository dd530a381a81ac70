"""`cloudgw doctor`: what may be missing before a plan works: definitions in the cluster, identity, permissions,
networks, quotas, the way to the pods.

`main` calls `run`. It reads the input and lists each placement as plan does; what the provider's facts could not find,
and what its own checks find, becomes one line each: ok, warning or error, with reason and fix. A warning stops nobody
who only plans. This module must never write anything but to standard output, and providers only read here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw import pipeline, registry, wishes
from cloudgw.cli import clock as clocks
from cloudgw.cli import config as configs
from cloudgw.cli import inputs, output, world
from cloudgw.cli.problem import Problem
from cloudgw.objects import OWN_GROUP, CustomResourceDefinition, Note, Snapshot
from cloudgw.plan import render_text
from cloudgw.provider import Clock, Failed, Finding, Inventory, Placement, Provider, Session
from cloudgw.routing import classes, resolve

WELL, ILL, ERROR = 0, 2, 1
FORMAT_VERSION = 1
LEVELS = ("error", "warning", "ok")
CLUSTER = "cluster"
NEEDED = ("GatewayClass", "Gateway", "HTTPRoute")
INSTALL = "install the standard channel: https://gateway-api.sigs.k8s.io/guides/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A finding, and of what: a placement, or "cluster"."""

    where: str
    finding: Finding

    def json(self) -> dict[str, str]:
        one = self.finding
        return {
            "where": self.where,
            "check": one.check,
            "level": one.level,
            "message": one.message,
            **({"fix": one.fix} if one.fix else {}),
        }


def run(options: argparse.Namespace) -> int:
    config = configs.find()
    owner = configs.owner(config, options.owner)
    given = inputs.load(options, config, needed=not config.placements)
    survey = wishes.survey(given.snapshot, resolve.resolve(given.snapshot), registry.by_parameters_kind)
    placements = wishes.merged(config.placements, survey)
    if not placements and not given.errors and not survey.notes:
        raise Problem(
            f"nothing to look at: give -f with a GatewayClass of ours and a Gateway, or `placements` in {configs.NAME}"
        )
    lines = [Line(where=CLUSTER, finding=one) for one in _cluster(given.snapshot, inputs.live(options))]
    refused = [note for note in survey.notes if note.level == "error"]
    lines += [Line(where="input", finding=_of_note(note)) for note in dict.fromkeys(refused)]
    clock = clocks.of_environment()
    for placement in placements:
        lines += [Line(where=str(placement), finding=one) for one in _placement(placement, survey, owner, clock)]
    if options.output == "json":
        sys.stdout.write(json.dumps(document(lines), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(text(lines, output.paint())) + "\n")
    sys.stdout.flush()
    for note in given.errors:
        print(f"error: {note.message}", file=sys.stderr)
    if given.errors:
        return ERROR
    return ILL if any(line.finding.level == "error" for line in lines) else WELL


def document(lines: Sequence[Line]) -> dict[str, Any]:
    counts = Counter[str](line.finding.level for line in lines)
    return {
        "format_version": FORMAT_VERSION,
        "counts": {level: counts[level] for level in LEVELS},
        "findings": [line.json() for line in lines],
    }


def text(lines: Sequence[Line], paint: render_text.Paint = render_text.plain) -> Iterator[str]:
    where = ""
    for line in lines:
        one = line.finding
        if line.where != where:
            where = line.where
            yield paint("head", where)
        fix = f"; fix: {one.fix}" if one.fix else ""
        yield f"  {paint(one.level, one.level):<7} {one.check}: {one.message}{fix}"
    counts = Counter[str](line.finding.level for line in lines)
    yield f"{counts['error']} errors, {counts['warning']} warnings, {counts['ok']} ok"


def _cluster(snapshot: Snapshot, live: bool) -> Iterator[Finding]:
    """Definitions of the Gateway API and of ours. Files hold none, so nothing is said of them."""
    if not live:
        return
    missing = [kind for kind in NEEDED if not snapshot.is_complete(kind)]
    version = classes.version(snapshot)
    if missing:
        message = f"{', '.join(missing)} of the Gateway API cannot be listed"
        yield Finding(level="error", check="definitions", message=message, fix=f"{INSTALL}, or allow to list them")
    elif version is None:
        message = "the Gateway API is installed; its version cannot be seen"
        fix = "allow to list customresourcedefinitions"
        yield Finding(level="warning", check="definitions", message=message, fix=fix)
    elif version.status is False:
        yield Finding(level="warning", check="definitions", message=version.message, fix=INSTALL)
    else:
        found = snapshot.all(CustomResourceDefinition)
        releases = sorted({f"{one.bundle} {one.channel}".strip() for one in found if one.bundle})
        yield Finding(level="ok", check="definitions", message=f"Gateway API {', '.join(releases)}")
    kinds = [provider.parameters_kind for provider in _providers()]
    seen = [kind for kind in kinds if snapshot.is_complete(kind)]
    if seen:
        yield Finding(level="ok", check="definitions", message=f"{', '.join(seen)} of {OWN_GROUP}")
    else:
        message = f"no kind of parameters of {OWN_GROUP} can be listed"
        yield Finding(level="error", check="definitions", message=message, fix="install the definitions in crds/")


def _providers() -> Iterator[Provider]:
    for name in registry.names():
        try:
            yield registry.provider(name)
        except Failed:
            continue


def _placement(placement: Placement, survey: wishes.Survey, owner: str, clock: Clock) -> Iterator[Finding]:
    try:
        provider = registry.provider(placement.provider)
    except Failed as failed:
        yield Finding(level="error", check="provider", message=str(failed))
        return
    try:
        session: Session = world.guarded(provider, lambda: provider.connect(placement, clock.sleep))
    except world.Unreachable as reason:
        yield Finding(level="error", check="identity", message=str(reason), fix="correct the credentials")
        return
    scope = wishes.scope(survey, placement)
    try:
        inventory: Inventory = world.guarded(
            provider, lambda: pipeline.listing(provider, session.read, placement, scope, owner, clock)
        )
    except world.Unreachable as reason:
        yield Finding(level="error", check="listing", message=str(reason), fix="correct the credentials")
        return
    yield from _listing(provider, inventory, owner)
    chosen = [one for one in survey.chosen if any(one.parameters is mine for mine in scope)]
    wanted = [(one.parameters, provider.facts(inventory, one.routing, one.parameters)) for one in chosen]
    notes = dict.fromkeys((note.level, note.message) for _, facts in wanted for note in facts.notes)
    for level, message in notes:
        if level in ("error", "warning"):
            yield Finding(level="error" if level == "error" else "warning", check="facts", message=message)
    check = getattr(provider, "check", None)
    if check is None:
        return
    try:
        yield from world.guarded(provider, lambda: check(session.read, inventory, wanted))
    except world.Unreachable as reason:
        yield Finding(level="error", check="permissions", message=str(reason), fix="allow it: see deploy/iam")


def _listing(provider: Provider, inventory: Inventory, owner: str) -> Iterator[Finding]:
    for reason in inventory.incomplete:
        message = f"{reason}; nothing can be made or deleted"
        yield Finding(level="error", check="listing", message=message, fix="allow it: see deploy/iam")
    if inventory.incomplete:
        return
    observed = pipeline.observe(provider, inventory, owner)
    gateways = {element.address.split(f"/{provider.name}/")[0] for element in observed}
    yield Finding(level="ok", check="listing", message=f"complete; {len(gateways)} Gateways of owner {owner} stand")


def _of_note(note: Note) -> Finding:
    where = f"{note.origin}: " if note.origin is not None and str(note.origin) not in note.message else ""
    return Finding(level="error", check="parameters", message=f"{where}{note.message}")
