"""Short ways to write worlds, requests and answers, for the oracle's own tests.

Everything lives in namespace "ns" with one Gateway "gw" and the Services one, two and three. Must never be used by what
compares cloudgw: those worlds come from `generate`.
"""

from __future__ import annotations

from typing import Any

from tests.oracle import generate, listeners, references, specification
from tests.oracle.matches import Request
from tests.oracle.references import Manifest

GROUP = references.GATEWAY_GROUP


def made(kind: str, name: str, spec: Manifest, namespace: str = "ns", at: str = "2024-01-01T00:00:00Z") -> Manifest:
    version = {"Service": "v1", "Namespace": "v1", "Secret": "v1"}.get(kind, f"{GROUP}/v1")
    meta = {"name": name, "namespace": namespace, "creationTimestamp": at}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def listener(name: str, hostname: str = "", port: int = 80, protocol: str = "HTTP", **more: Any) -> Manifest:
    return {"name": name, "port": port, "protocol": protocol, **({"hostname": hostname} if hostname else {}), **more}


def secured(name: str, hostname: str, secret: str = "cert", protocol: str = "HTTPS") -> Manifest:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": secret}]}
    return listener(name, hostname, port=443, protocol=protocol, tls=tls)


def route(name: str, *rules: Manifest, host: str | None = None, kind: str = "HTTPRoute", **more: Any) -> Manifest:
    spec: Manifest = {"parentRefs": [{"name": "gw"}], "rules": list(rules)}
    spec |= {"hostnames": [host]} if host else {}
    return made(kind, name, spec | more.pop("spec", {}), **more)


def rule(backend: str = "one", matching: list[Manifest] | None = None, **more: Any) -> Manifest:
    found: Manifest = {"backendRefs": [{"name": backend, "port": 80}], **more}
    return found | ({"matches": matching} if matching else {})


def path(value: str, kind: str = "PathPrefix", **more: Any) -> Manifest:
    return {"path": {"type": kind, "value": value}, **more}


def world(*objects: Manifest, on: list[Manifest] | None = None, allowed: str | None = None) -> list[Manifest]:
    services = [
        made("Service", name, {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]})
        for name in ("one", "two", "three")
    ]
    gateway: Manifest = {"gatewayClassName": "ours", "listeners": on or [listener("http")]}
    if allowed:
        gateway["allowedListeners"] = {"namespaces": {"from": allowed}}
    return [
        made("GatewayClass", "ours", {"controllerName": listeners.CONTROLLER}),
        made("Gateway", "gw", gateway),
        *services,
        generate.secret("ns", "cert"),
        *objects,
    ]


def get(where: str = "/", host: str = "foo.example.com", **more: Any) -> Request:
    return Request(**{"port": 80, "method": "GET", "host": host, "path": where, **more})


def ask(objects: list[Manifest], request: Request) -> specification.Answer:
    return specification.answer(objects, ("ns", "gw"), request)


def shares(answer: specification.Answer) -> list[tuple[str | int, int]]:
    assert answer["kind"] == "forward", answer
    return [(share["to"], share["weight"]) for share in answer["shares"]]


def status(answer: specification.Answer) -> int:
    assert answer["kind"] == "status", answer
    return int(answer["status"])
