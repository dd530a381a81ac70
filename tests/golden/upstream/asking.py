"""Where the cases meet the program: manifests go in, statuses and answers come out in the words of expect.yaml.

Called by `test_upstream`; the one file that knows how statuses and requests are asked for. What is heard is told in
plain values, so that a case never knows our types. This module must never decide what is right.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import yaml

from cloudgw.objects import Timeouts
from cloudgw.routing import ir, modified, request, resolve, statuses
from cloudgw.routing.modified import Pairs
from cloudgw.sources import manifests
from tests.golden.upstream import cases

ADDRESS = "192.0.2.10"  # the Host of a request to a Gateway's address
UNCLAIMED = frozenset[str]()  # features of the suite that the routing model does not have
PARAMETERS = {"group": "cloudgw.dev", "kind": "ExampleGatewayClassParameters", "name": "cloud"}


def load(step: cases.Step) -> manifests.Loaded:
    text = yaml.dump_all(_with_parameters(step.documents()), Dumper=yaml.CSafeDumper)
    return manifests.load(["-"], complete=step.complete, stdin=io.StringIO(text))


def resolved(loaded: manifests.Loaded) -> ir.Resolution:
    return resolve.resolve(loaded.snapshot)


def all_statuses(
    step: cases.Step, loaded: manifests.Loaded, resolution: ir.Resolution
) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, "namespace/name" or "name") -> the JSON of its status."""
    told = step.expect.get("programming", {"state": "True", "reason": "Programmed"})
    addresses = tuple((one["type"], one["value"]) for one in told.get("addresses", ()))
    state = statuses.Programming(
        state=told["state"], reason=told["reason"], message=told.get("message", ""), addresses=addresses
    )
    programmed = {(one.namespace, one.name): state for one in resolution.gateways}
    return {
        (one.kind, f"{one.namespace}/{one.name}".removeprefix("/")): one.json()
        for one in statuses.of(loaded.snapshot, resolution, programmed=programmed)
    }


def hear(resolution: ir.Resolution, question: Mapping[str, Any]) -> dict[str, Any]:
    """What is answered to one of `requests`: status, location, closed, grpc_status, weights (by backend), path, host,
    timeouts (ms), request_headers (by backend), response_headers, mirrors (backend -> percent). A backend is
    "namespace/name:port"."""
    routing = next(one for one in resolution.gateways if one.owner == question["gateway"])
    if "protocol" in question:
        wanted = {"port": question["port"], "protocol": question["protocol"], "sni": question.get("sni", "")}
        return _heard(request.connect(routing, request.Connection(**wanted)), question)
    headers = {str(name): str(value) for name, value in question.get("headers", {}).items()}
    method, path = question.get("method", "GET"), question.get("path", "/")
    if "grpc" in question:
        method, path = "POST", f"/{question['grpc']}"
        headers["content-type"] = "application/grpc"
    path, _, query = path.partition("?")
    asked = request.Request(
        port=question["port"],
        method=method,
        host=question.get("host", ADDRESS),
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=tuple(headers.items()),
        sni=question.get("sni", ""),
    )
    return _heard(request.answer(routing, asked), question)


def _heard(answer: request.Answer, question: Mapping[str, Any]) -> dict[str, Any]:
    sent = [(one.to, one) for one in answer.sent if isinstance(one.to, ir.BackendKey)]
    errors = [one for one in answer.sent if isinstance(one.to, int)]
    status, grpc_status = answer.status, answer.grpc_status
    if answer.kind == "forward" and not sent and errors:
        status, grpc_status = int(str(errors[0].to)), errors[0].grpc_status
    if "grpc" in question and answer.kind == "none" and status == 404:
        grpc_status = "UNIMPLEMENTED"  # what a gRPC client makes of an HTTP 404
    first = sent[0][1] if sent else None
    backend: Pairs = tuple(question.get("response", {}).items())
    response = first.response(backend) if first else modified.headers(answer.modifiers, ())
    return {
        "status": status,
        "location": answer.location,
        "closed": answer.kind in ("none", "closed") and not answer.status,
        "grpc_status": grpc_status,
        "weights": {str(to): one.weight for to, one in sent},
        "path": first.path if first else "",
        "host": first.host if first else "",
        "timeouts": _milliseconds(answer.timeouts),
        "request_headers": {str(to): one.headers for to, one in sent},
        "response_headers": (*response, *answer.cors),
        "mirrors": {
            str(to): 100 * numerator / denominator
            for mirrors in (answer.mirrors, *(one.mirrors for _, one in sent))
            for to, numerator, denominator in mirrors
        },
    }


def _milliseconds(timeouts: Timeouts | None) -> dict[str, int]:
    """0 = explicitly none; what the route does not say is left out."""
    if timeouts is None:
        return {}
    found = {"request": timeouts.request, "backendRequest": timeouts.backend_request}
    return {name: value for name, value in found.items() if value is not None}


def _with_parameters(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A class of ours wants parameters; where a case is about something else it says nothing of them, and gets some."""
    found = list(documents)
    for one in documents:
        if one["kind"] == "GatewayClass" and one["metadata"]["name"] == "cloud" and "parametersRef" not in one["spec"]:
            one["spec"]["parametersRef"] = dict(PARAMETERS)
            named = {"kind": PARAMETERS["kind"], "metadata": {"name": PARAMETERS["name"]}}
            found.append({"apiVersion": "cloudgw.dev/v1alpha1", **named, "spec": {}})
    return found
