"""What the tools that only read look at: the objects, what they resolve to, and what each class's provider says of it.

`status` and `explain` call `load`; files, a snapshot or a cluster are `inputs`' business. No cloud is asked and no SDK
is needed: a provider that is not installed is said as a note. This module must never write anything but to standard
error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from cloudgw import registry, wishes
from cloudgw.cli import config as configs
from cloudgw.cli import inputs
from cloudgw.objects import GatewayClass, Key, Note, Snapshot
from cloudgw.routing import ir, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    inputs: inputs.Inputs
    resolution: ir.Resolution
    classes: wishes.Classes

    @property
    def snapshot(self) -> Snapshot:
        return self.inputs.snapshot

    def errors(self) -> bool:
        """What could not be read, on standard error, and whether there was anything."""
        sys.stdout.flush()
        for note in self.inputs.errors:
            print(f"error: {_said(note)}", file=sys.stderr)
        return bool(self.inputs.errors)


def load(options: argparse.Namespace) -> Reading:
    """Raises Problem where there is nothing to look at."""
    found = inputs.load(options, configs.find())
    return Reading(
        inputs=found,
        resolution=wishes.judged(resolve.resolve(found.snapshot), registry.by_parameters_kind),
        classes=wishes.classes(found.snapshot, registry.by_parameters_kind, registry.names()),
    )


def clouds(found: Reading) -> Mapping[Key, tuple[Note, ...]]:
    """By Gateway, what the provider of its class cannot honour of it. Nothing of a Gateway whose class is not known."""
    said: dict[Key, tuple[Note, ...]] = {}
    for routing in found.resolution.gateways:
        one = routing.gateway_class
        ref = one.parameters if isinstance(one, GatewayClass) else None
        provider = registry.by_parameters_kind(ref.kind) if ref is not None else None
        if provider is not None:
            said[routing.namespace, routing.name] = provider.lint(routing)
    return said


def places(snapshot: Snapshot) -> Mapping[tuple[str, str, str], str]:
    """(kind, namespace, name) -> `routes.yaml:41`, of objects that come from files."""
    return {
        (kind, *key): f"{meta.file}:{meta.line}"
        for kind, items in snapshot.objects.items()
        for key, item in items.items()
        if (meta := getattr(item, "meta", None)) is not None and meta.file
    }


def _said(note: Note) -> str:
    where = note.origin.place if note.origin is not None else ""
    return note.message if not where or note.message.startswith(where) else f"{where}: {note.message}"
