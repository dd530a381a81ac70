"""Parameters and facts for the tests of what is built for Azure, beside the routings of all clouds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters, RouteMatch, Unknown
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_azure import build, document, facts, kinds, names, parameters
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
    routing,
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
    "routing",
    "said",
    "seconds",
    "table",
]

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SUBNET = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/vnet/subnets/gw"
NOT_FOUND = {"address": "10.0.9.9", "port": 8404}


def wanted(**spec: Any) -> parameters.AzureParameters:
    whole = {
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": "edge",
        "location": "westeurope",
        "subnet": {"virtualNetwork": "vnet", "name": "gw", "resourceGroup": "net"},
        "notFoundBackend": NOT_FOUND,
        **spec,
    }
    whole = {name: value for name, value in whole.items() if value is not None}
    return parameters.parse(Parameters(meta=Meta(name="p"), kind=parameters.KIND, spec=whole))


def network(**more: Any) -> Facts:
    quotas = {**facts.QUOTAS, **more.pop("quotas", {})}
    found: dict[str, Any] = {
        "subscription": SUBSCRIPTION,
        "resource_group": "edge",
        "location": "westeurope",
        "subnet": SUBNET,
        "zones": ("1", "2"),
        "private_ip": "10.0.1.200",
        "ranges": ("10.0.0.0/16",),
        "quotas": quotas,
        **more,
    }
    return Facts(values={"network": facts.Network(**found)})


def made(wish: ir.Routing, spec: Mapping[str, Any] | None = None, **facts_: Any) -> Built:
    return build.build(wish, network(**facts_), wanted(**(spec or {})))


def one(action: ir.Action | Unknown, of: RouteMatch | None = None, **backends: Any) -> Built:
    """A table with one entry."""
    return made(routing(table([entry(1, action, of=of)]), **backends))


def rows(graph: model.Graph, where: str) -> list[tuple[tuple[str, ...], str]]:
    """Of a map, top down: paths, and the pool, or "redirect", or "unknown"."""
    found: list[tuple[tuple[str, ...], str]] = []
    for address in graph.order[f"shop/edge/azure/path-map/{where}"]:
        spec = graph.elements[address][0].spec
        if isinstance(spec, Unknown):
            found.append(((), "unknown"))
        elif isinstance(spec["action"], Unknown):
            found.append((spec["paths"], "unknown"))
        elif spec["action"]["type"] == "redirect":
            found.append((spec["paths"], "redirect"))
        else:
            found.append((spec["paths"], spec["action"]["pool"].to.rpartition("/")[2]))
    return found


def bound(graph: model.Graph) -> list[model.Element]:
    """What `diff` would create for a first apply: suffixes and bound references."""
    found: dict[model.Address, model.Element] = {}

    def name_of(reference: model.Ref) -> str:
        return settle(reference.to).name

    def settle(where: model.Address) -> model.Element:
        if where not in found:
            element = graph.elements[where][0]
            kind = kinds.KINDS[model.kind_of(where)]
            fixed = {n: model.bind(v, name_of) for n, v in element.fields.items() if n in kind.immutable}
            found[where] = model.Element(address=where, spec={}, name=model.suffix_of(kind, fixed))
            whole = {n: model.bind(v, name_of) for n, v in element.fields.items()}
            name = name_of(whole["pool"]) if kind.fast else found[where].name  # targets follow their pool
            found[where] = model.Element(address=where, spec=whole, name=name)
        return found[where]

    return [settle(element.address) for element in graph if not isinstance(element.spec, Unknown)]


def render(graph: model.Graph) -> dict[str, Any]:
    """The document that a first apply puts."""
    elements = bound(graph)
    positions = {
        where: (number + 1) * (1000 if "/path-map/" in key else 10)
        for key, order in graph.order.items()
        for number, where in enumerate(order)
    }
    gateway = next(one for one in elements if model.kind_of(one.address) == "gateway")
    changes = [
        model.Change(op="create", address=one.address, name=one.name, after=one, position=positions.get(one.address))
        for one in elements
        if model.kind_of(one.address) not in ("gateway", "public-ip")
    ]
    mark = names.mark("dev", "shop/edge")
    where = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/edge/providers/Microsoft.Network/applicationGateways/g"
    body = document.blank(where, gateway.fields, {}, "")
    secrets = {"data": "cGZ4", "password": "x"}
    draft = document.changed(body, changes, [], id=where, mark=mark, secrets=lambda _: secrets)
    return {"id": where, "name": "g", **_shown(draft.body, where)}


def _shown(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """With the ids that Azure gives to children."""
    properties = {
        collection: [_identified(child, f"{where}/{collection}") for child in children]
        if isinstance(children, list)
        else children
        for collection, children in body["properties"].items()
    }
    return {**body, "properties": properties}


def _identified(child: Mapping[str, Any], parent: str) -> dict[str, Any]:
    where, inner = f"{parent}/{child['name']}", dict(child["properties"])
    if "pathRules" in inner:
        inner["pathRules"] = [_identified(rule, f"{where}/pathRules") for rule in inner["pathRules"]]
    return {**child, "id": where, "properties": inner}
