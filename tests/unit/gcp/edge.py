"""The smallest load balancer, and a local Google Cloud to put it into, for the tests of what talks to the cloud."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import os
from typing import Any
from unittest import mock

from cloudgw.graph import model
from cloudgw.objects import Meta, Origin, Parameters
from cloudgw.provider import Placement, Session
from cloudgw.routing import ir
from cloudgw_gcp import calls, calls_operations, names, parameters
from cloudgw_local import gcp, serving
from cloudgw_local.gcp import server

OWNER = "dev"
PLACE = Placement("gcp", gcp.PROJECT, gcp.REGION)
ZONE = gcp.ZONES[0]
SUFFIX = "aaaaaaaaaa"
NETWORK = names.path(gcp.PROJECT, names.GLOBAL, "networks", gcp.NETWORK)
SUBNETWORK = names.path(gcp.PROJECT, gcp.REGION, "subnetworks", "subnet-nodes")
SPEC: dict[str, Any] = {
    "projectId": gcp.PROJECT,
    "region": gcp.REGION,
    "network": {"name": gcp.NETWORK},
    "subnetwork": {"name": "subnet-nodes"},
}


@dataclasses.dataclass
class Cloud:
    running: serving.Running
    session: Session

    def advance(self, seconds: float) -> None:
        self.running.control.advance(seconds)

    def writes(self) -> list[str]:
        return [entry["operation"] for entry in self.running.control.journal() if entry["write"]]

    def calls(self) -> list[str]:
        return [entry["operation"] for entry in self.running.control.journal()]

    def make(self, *began: calls_operations.Op) -> list[str]:
        """Paths of what was made, once it stands."""
        assert self.session.write.wait(began) == [None] * len(began)
        return [one.target for one in began]

    def put(self, collection: str, place: str, name: str, **body: Any) -> str:
        return self.make(self.session.write.insert(collection, place, {"name": name, **body}))[0]


@contextlib.contextmanager
def serve() -> collections.abc.Iterator[Cloud]:
    """A stepped local Google Cloud, connected to as the CLI does; operations are awaited on the stepped clock."""
    with server.serve(stepped=True) as running, mock.patch.dict(os.environ, gcp.LOCAL.env(running.endpoint)):
        yield Cloud(running, session(running))


def session(running: serving.Running | None = None) -> Session:
    """A new process: nothing is remembered. Only while the local Google Cloud is served. running: whose clock it
    waits by."""
    found = calls.connect(PLACE)
    if running is not None:
        found.read.sleep = running.control.advance
    return dataclasses.replace(found, owner=OWNER, evidence={"cluster": "c-1"})


def raw(**spec: Any) -> Parameters:
    return Parameters(meta=Meta(name="p"), kind=parameters.KIND, spec={**SPEC, **spec})


def wanted(**spec: Any) -> parameters.GCPParameters:
    return parameters.parse(raw(**spec))


def routing(name: str = "edge", *targets: str) -> ir.Routing:
    key = ir.BackendKey(namespace="shop", name="cart", port=8080)
    origin = Origin(kind="Gateway", namespace="shop", name=name)
    found = tuple(ir.Target(address=address, port=8080) for address in targets)
    return ir.Routing(
        namespace="shop",
        name=name,
        gateway_class=None,
        parameters=None,
        tables=(),
        backends={key: ir.Backend(key=key, targets=found, origin=origin)} if targets else {},
        known=(),
        complete=True,
        origin=origin,
    )


def address_of(kind: str, logical: str = "lb", gateway: str = "shop/edge") -> model.Address:
    return model.address(gateway, "gcp", kind, logical)


def record(
    kind: str,
    logical: str = "lb",
    *,
    suffix: str = SUFFIX,
    owner: str = OWNER,
    gateway: str = "shop/edge",
    place: str = "",
) -> str:
    """A description. place: by default where the kind lies of a regional load balancer."""
    usual = {"neg": logical.rpartition("/")[2], "firewall": names.GLOBAL}.get(kind, gcp.REGION)
    extra = {names.PLACE: place or usual}
    return names.record_text(owner, address_of(kind, logical, gateway), suffix, {}, gcp.REGION, extra)


def name(
    kind: str, logical: str = "lb", *, suffix: str = SUFFIX, owner: str = OWNER, gateway: str = "shop/edge"
) -> str:
    """The name that goes with a record."""
    return names.resource_name(owner, address_of(kind, logical, gateway), suffix, gcp.REGION)


def check(description: str = "") -> dict[str, Any]:
    return {
        "type": "HTTP",
        "httpHealthCheck": {"portSpecification": "USE_SERVING_PORT", "requestPath": "/"},
        "description": description,
    }


def neg(description: str = "") -> dict[str, Any]:
    return {
        "networkEndpointType": "GCE_VM_IP_PORT",
        "network": names.link_of(NETWORK),
        "subnetwork": names.link_of(SUBNETWORK),
        "description": description,
    }


def endpoint(ip: str, instance: str = "node-b", port: int = 8080) -> dict[str, Any]:
    return {"instance": instance, "ipAddress": ip, "port": port}


def service(check: str, *groups: str, description: str = "") -> dict[str, Any]:
    return {
        "protocol": "HTTP",
        "loadBalancingScheme": "INTERNAL_MANAGED",
        "healthChecks": [names.link_of(check)],
        "backends": [
            {"group": names.link_of(group), "balancingMode": "RATE", "maxRatePerEndpoint": 1e8} for group in groups
        ],
        "description": description,
    }


def url_map(default: str, description: str = "", **more: Any) -> dict[str, Any]:
    return {"defaultService": names.link_of(default), "description": description, **more}


def matcher(name: str, default: str, *rules: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "defaultService": names.link_of(default),
        "routeRules": list(rules),
        "description": description,
    }


def rule(priority: int, path: str, service: str, description: str = "") -> dict[str, Any]:
    return {
        "priority": priority,
        "description": description,
        "matchRules": [{"prefixMatch": path}],
        "service": names.link_of(service),
    }
