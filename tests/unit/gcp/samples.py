"""Small routings, parameters and facts for the tests of what is built for Google Cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import (
    Meta,
    Note,
    Origin,
    Parameters,
    PathMatch,
    PathModifier,
    RouteMatch,
    Timeouts,
    Unknown,
    URLRewrite,
    ValueMatch,
)
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_gcp import build, facts, parameters

PROJECT, REGION = "cloudgw-local", "europe-west1"
ZONES = ("europe-west1-b", "europe-west1-c")
NETWORK = f"projects/{PROJECT}/global/networks/net-edge"
SUBNETWORK = f"projects/{PROJECT}/regions/{REGION}/subnetworks/subnet-nodes"
PUBLIC = {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}
GLOBAL = {**PUBLIC, "location": "Global"}
GATEWAY = Origin(kind="Gateway", namespace="shop", name="edge")
CART = ir.BackendKey(namespace="shop", name="cart", port=8080)
PAY = ir.BackendKey(namespace="shop", name="pay", port=8080)

Built = tuple[model.Graph, tuple[Note, ...]]


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


def backend(key: ir.BackendKey, *addresses: str, protocol: str = "HTTP", tls: Any = None) -> ir.Backend:
    return ir.Backend(
        key=key,
        protocol=protocol,
        port_number=8080,
        targets=tuple(ir.Target(address=address, port=8080) for address in addresses),
        tls=tls,
        origin=Origin(kind="Service", namespace=key.namespace, name=key.name),
    )


def origin(name: str) -> Origin:
    return Origin(kind="HTTPRoute", namespace="shop", name=name)


def match(
    path: str = "/",
    kind: str = "PathPrefix",
    method: str = "",
    headers: Sequence[tuple[str, ...]] = (),
    query: Sequence[tuple[str, ...]] = (),
) -> RouteMatch:
    """headers, query: (name, value[, "RegularExpression"])."""
    return RouteMatch(
        path=PathMatch(type=kind, value=path),
        method=method,
        headers=tuple(_value(*one) for one in headers),
        query=tuple(_value(*one) for one in query),
    )


def _value(name: str, value: str, kind: str = "Exact") -> ValueMatch:
    return ValueMatch(type=kind, name=name, value=value)


def forward(*shares: tuple[ir.BackendKey | int, int], rewrite: URLRewrite | None = None, **more: Any) -> ir.Forward:
    return ir.Forward(
        shares=tuple(ir.Share(to=to, weight=weight, origin=origin("x")) for to, weight in shares),
        edits=more.pop("edits", ir.Edits(rewrite=rewrite)),
        **more,
    )


def seconds(number: int) -> Timeouts:
    return Timeouts(request=number * 1000)


def replaced(path: str, kind: str = "ReplaceFullPath") -> URLRewrite:
    return URLRewrite(path=PathModifier(type=kind, value=path))


def entry(
    number: int,
    action: ir.Action | Unknown | None = None,
    *,
    host: str = "a.example.com",
    of: RouteMatch | None = None,
    route: str = "cart",
    listener: str = "http",
) -> ir.Entry:
    return ir.Entry(
        key=f"{listener}/shop/{route}/{host or '*'}/{number}",
        listener=listener,
        hostname=host,
        match=of or match(),
        action=action if action is not None else forward((CART, 1)),
        origin=origin(route),
    )


def table(
    entries: Sequence[ir.Entry],
    port: int = 80,
    protocol: str = "HTTP",
    certificates: Sequence[ir.Certificate] = (),
    hostname: str = "",
) -> ir.Table:
    listener = ir.Listener(
        name="http" if protocol == "HTTP" else "https",
        owner=("Gateway", "shop", "edge"),
        port=port,
        protocol=protocol,
        hostname=hostname,
        certificates=tuple(certificates),
        origin=GATEWAY,
    )
    return ir.Table(port=port, protocol=protocol, listeners=(listener,), entries=tuple(entries))


def certificate(name: str, state: str = "found", *hosts: str, key: str = "RSA-2048") -> ir.Certificate:
    found: dict[str, Any] = {"reason": f"{name} {state}"}
    if state == "found":
        found = {"fingerprint": f"f-{name}", "key_type": key, "names": hosts}
    return ir.Certificate(namespace="shop", name=name, state=state, origin=GATEWAY, **found)


def routing(
    *tables: ir.Table, backends: Mapping[ir.BackendKey, ir.Backend | Unknown] | None = None, **more: Any
) -> ir.Routing:
    given: dict[str, Any] = {"complete": True, "known": (("shop", "cart"),), "parameters": None, **more}
    pods = {CART: backend(CART, "10.0.64.5"), PAY: backend(PAY, "10.0.64.6")}
    return ir.Routing(
        namespace="shop",
        name="edge",
        gateway_class=None,
        tables=tables,
        backends=backends if backends is not None else pods,
        origin=GATEWAY,
        **given,
    )


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


def logicals(graph: model.Graph, kind: str) -> list[str]:
    return sorted(model.short(where).partition("/")[2] for where in graph.elements if model.kind_of(where) == kind)


def of_kind(graph: model.Graph, kind: str) -> list[model.Spec]:
    return [element.fields for element in graph if model.kind_of(element.address) == kind]


def only(graph: model.Graph, kind: str) -> model.Spec:
    (found,) = of_kind(graph, kind)
    return found


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


def codes(built: Built) -> list[str]:
    return [note.code for note in built[1]]


def said(built: Built, code: str) -> list[str]:
    return [note.message for note in built[1] if note.code == code]
