"""What the tools that only read look at: the objects, what they resolve to, and what each class's provider says of it.

`status` and `explain` call `load`; files, a snapshot or a cluster are `inputs`' business. No cloud is asked and no SDK
is needed: a provider that is not installed is said as a note. This module must never write anything but to standard
error.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cloudgw import registry
from cloudgw.cli import config as configs
from cloudgw.cli import inputs
from cloudgw.objects import CONTROLLER_NAME, GatewayClass, Key, Note, Parameters, Snapshot
from cloudgw.provider import Capability, ParametersRefused
from cloudgw.routing import ir, resolve

FEATURE = re.compile(r"(Gateway|ReferenceGrant|ListenerSet|BackendTLSPolicy|(HTTP|GRPC|TLS|TCP|UDP)Route)[A-Za-z0-9]*")


@dataclass(slots=True, kw_only=True)
class Classes:
    """By name of a GatewayClass of ours. refused: why its parameters cannot be used; unread: why nobody could tell;
    features: names of what its cloud supports."""

    refused: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    features: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    inputs: inputs.Inputs
    resolution: ir.Resolution
    classes: Classes

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
    return Reading(inputs=found, resolution=resolve.resolve(found.snapshot), classes=classes(found.snapshot))


def classes(snapshot: Snapshot) -> Classes:
    """What the provider of each class of ours says of it."""
    found = Classes()
    for one in snapshot.all(GatewayClass):
        ref = one.parameters
        if one.controller != CONTROLLER_NAME or ref is None:
            continue
        raw = snapshot.get(ref.kind, "", ref.name)
        if not isinstance(raw, Parameters):
            continue
        provider = registry.by_parameters_kind(ref.kind)
        if provider is None:
            installed = ", ".join(registry.names()) or "none"
            found.unread[one.meta.name] = f"no installed provider reads {ref.kind}; installed: {installed}"
            continue
        found.features[one.meta.name] = features(provider.capabilities)
        try:
            provider.parameters(raw)
        except ParametersRefused as refused:
            said = "; ".join(f"{path}: {reason}" for path, reason in refused.problems)
            place = f" ({raw.meta.file}:{raw.meta.line})" if raw.meta.file else ""
            found.refused[one.meta.name] = f"{ref.kind} {ref.name}{place}: {said}"
    return found


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


def features(rows: Iterable[Capability]) -> tuple[str, ...]:
    """Feature names of the Gateway API that the cloud supports whole, sorted."""
    return tuple(sorted(row.feature for row in rows if row.support == "yes" and FEATURE.fullmatch(row.feature)))


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
