"""The Google Cloud provider: a Gateway becomes an Application Load Balancer. `PROVIDER` is the entry point.

Importing this package must stay cheap and must not import the SDK: `cloudgw` starts without it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw import provider
from cloudgw.graph import model
from cloudgw.objects import Note, Parameters
from cloudgw.routing import ir
from cloudgw_gcp import build as building
from cloudgw_gcp import calls, capabilities, failures, kinds, observe
from cloudgw_gcp import facts as finding
from cloudgw_gcp import inventory as listing
from cloudgw_gcp import parameters as parsing


class GCP:
    """Implements `cloudgw.provider.Provider`. Keeps no state."""

    name = "gcp"
    parameters_kind = parsing.KIND
    kinds: Mapping[str, model.Kind] = kinds.KINDS
    capabilities = capabilities.CAPABILITIES
    staleness = 10.0

    def parameters(self, raw: Parameters) -> parsing.GCPParameters:
        return parsing.parse(raw)

    def connect(self, placement: provider.Placement) -> provider.Session:
        return calls.connect(placement)

    def list(self, read: Any, scope: Sequence[Any], owner: str) -> provider.Inventory:
        return listing.listing(read, scope, owner, time.time())

    def facts(self, inventory: provider.Inventory, routing: ir.Routing, parameters: Any) -> provider.Facts:
        return finding.facts(inventory, routing, parameters)

    def build(
        self, routing: ir.Routing, facts: provider.Facts, parameters: Any
    ) -> tuple[model.Graph, tuple[Note, ...]]:
        return building.build(routing, facts, parameters)

    def lint(self, routing: ir.Routing) -> tuple[Note, ...]:
        return building.lint(routing)

    def observe(self, inventory: provider.Inventory, owner: str) -> model.Graph:
        return observe.observe(inventory, owner)

    def operation(self, read: Any, token: str) -> provider.Operation:
        raise NotImplementedError(f"{token}: commits wait for their operations themselves: {read}")

    def classify(self, exception: BaseException) -> provider.Failure | None:
        return failures.classify(exception)


PROVIDER: provider.Provider = GCP()
