"""Parameters and facts for the tests of what is built for Google Cloud, beside the routings of all clouds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters, RouteMatch, Unknown
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_gcp import build, facts, parameters
from tests.unit import routings
from tests.unit.routings import (
    CART,
    GATEWAY,
    PAY,
    Built,
    backend,
    certificate,
    codes,
    entry,
    forward,
    logicals,
    match,
    of_kind,
    only,
    origin,
    replaced,
    said,
    seconds,
    table,
)

__all__ = [
    "CART",
    "GATEWAY",
    "PAY",
    "Built",
    "backend",
    "certificate",
    "codes",
    "entry",
    "forward",
    "logicals",
    "match",
    "of_kind",
    "only",
    "origin",
    "replaced",
    "said",
    "seconds",
    "table",
]

PROJECT, REGION = "cloudgw-local", "europe-west1"
ZONES = ("europe-west1-b", "europe-west1-c")
NETWORK = f"projects/{PROJECT}/global/networks/net-edge"
SUBNETWORK = f"projects/{PROJECT}/regions/{REGION}/subnetworks/subnet-nodes"
PUBLIC = {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}
GLOBAL = {**PUBLIC, "location": "Global"}


@dataclass(frozen=True, slots=True)
class Nodes:
    """Machines by address: the pods of a node have the addresses below its first three numbers."""

    ranges: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {
            "10.0.64.": (ZONES[0], "node-b"),
            "10.0.80.": (ZONES[1], "node-c"),
            "10.0.96.": ("europe-west1-d", "node-d"),
        }
    )

    def find(self, address: str) -> tuple[str, str] | None:
        return next((place for start, place in self.ranges.items() if address.startswith(start)), None)


def wanted(**spec: Any) -> parameters.GCPParameters:
    whole = {
        "projectId": PROJECT,
        "region": REGION,
        "network": {"name": "net-edge"},
        "subnetwork": {"name": "subnet-nodes"},
        **spec,
    }
    whole = {name: value for name, value in whole.items() if value is not None}
    return parameters.parse(Parameters(meta=Meta(name="p"), kind=parameters.KIND, spec=whole))


def network(**more: Any) -> Facts:
    found: dict[str, Any] = {
        "project": PROJECT,
        "region": REGION,
        "place": REGION,
        "network": NETWORK,
        "subnetwork": SUBNETWORK,
        "proxy_ranges": ("10.129.0.0/23",),
        "zones": ZONES,
        "instances": Nodes(),
        "tags": ("gke-edge",),
        **more,
    }
    return Facts(values={"network": facts.Network(**found)})


def routing(
    *tables: ir.Table, backends: Mapping[ir.BackendKey, ir.Backend | Unknown] | None = None, **more: Any
) -> ir.Routing:
    """The pods are on the machines of `Nodes`."""
    pods = {CART: backend(CART, "10.0.64.5"), PAY: backend(PAY, "10.0.64.6")}
    return routings.routing(*tables, backends=backends if backends is not None else pods, **more)


def made(wish: ir.Routing, spec: Mapping[str, Any] | None = None, **facts_: Any) -> Built:
    if spec and spec.get("location") == "Global":
        facts_ = {"place": "global", "proxy_ranges": (), **facts_}
    return build.build(wish, network(**facts_), wanted(**(spec or {})))


def one(
    action: ir.Action | Unknown, of: RouteMatch | None = None, spec: Mapping[str, Any] | None = None, **more: Any
) -> Built:
    """A table with one entry."""
    return made(routing(table([entry(1, action, of=of)]), **more), spec)


def at(kind: str, logical: str) -> model.Address:
    return model.address("shop/edge", "gcp", kind, logical)


def rules(graph: model.Graph, where: str = "80/a.example.com") -> list[model.Element]:
    """Of a matcher, top down."""
    return [graph.elements[address][0] for address in graph.order[at("path-matcher", where)]]


def paths(spec: model.Spec) -> list[str]:
    """Of a route rule, as "kind value"."""
    return [" ".join(found["path"]) for found in spec["matches"]]


def rows(graph: model.Graph, where: str = "80/a.example.com") -> list[tuple[list[str], str]]:
    """Of a matcher, top down: paths, and the backend services with weights, the status, "redirect", or "unknown"."""
    found: list[tuple[list[str], str]] = []
    for element in rules(graph, where):
        if isinstance(element.spec, Unknown):
            found.append(([], "unknown"))
            continue
        action = element.spec["action"]
        if action["type"] == "forward":
            shares = [(share["to"].to.split("/", 4)[4], share["weight"]) for share in action["shares"]]
            said = "+".join(name if len(shares) == 1 else f"{weight}*{name}" for name, weight in shares)
            said += f" {action['abort'][0]}" if action["abort"] else ""
        else:
            said = str(action.get("status", "redirect"))
        found.append((paths(element.spec), said))
    return found
