"""Lines of requests.txt, asked: what the Gateway API answers, and what AWS's own objects would answer, as short text.

A line is a request and what users were promised of it, `REQUEST => PROMISE`:
  METHOD http://host[:port]/path [Name=value ...] => shop/cart:80 x1 [as host/path] [...], 404, 301 https://...,
    or nobody
  CONNECT tls://name:port, tcp://name:port or udp://name:port => the same
  validate => valid or refused
  status KIND/[NAMESPACE/]NAME [ENTRY] => Accepted=True ..., in any of its entries or the named one, or none
A promise is kept by an answer that begins with it. `writer` calls this module; it must never decide what is promised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir, request
from cloudgw_aws import build, semantics
from tests.golden.routing import writer as lines
from tests.unit.aws import samples

NOBODY = "nobody"
UNKNOWN = "unknown: "
GROUP = "/aws/target-group/"


def parse(line: str) -> request.Request | request.Connection:
    """The request of a line, of any scheme."""
    method, _, rest = line.partition(" ")
    parts = urlsplit(rest.split(" ")[0])
    if method == "CONNECT":
        sni = (parts.hostname or "") if parts.scheme == "tls" else ""
        return request.Connection(port=parts.port or 443, protocol=parts.scheme.upper(), sni=sni)
    return lines.parse(line)


def specified(routing: ir.Routing, asked: request.Request | request.Connection) -> str:
    """What the Gateway API answers, by the routing model."""
    if isinstance(asked, request.Connection):
        found = request.connect(routing, asked)
        return _shares(found.backends) if found.kind == "forward" else NOBODY
    found = request.answer(routing, asked)
    if found.kind == "unknown":
        return f"{UNKNOWN}{found.reason}"
    if found.kind == "redirect":
        return f"{found.status} {found.location}"
    if found.kind != "forward":
        return str(found.status) if found.status else NOBODY
    sent = next((one for one in found.sent if isinstance(one.to, ir.BackendKey)), None)
    parts = [_shares(found.backends)]
    if sent is not None:
        parts += _changed(asked, sent.host, sent.path)
        parts += _headers(asked.headers, sent.headers)
        if sent.modifiers:
            before = (("server", "app"),)
            parts += [f"answered {part}" for part in _headers(before, sent.response(before))]
    parts += [f"copied to {to}" for to, _, _ in found.mirrors]
    return " ".join(parts)


def on_aws(graph: model.Graph, routing: ir.Routing, asked: request.Request | request.Connection) -> str:
    """What a load balancer answers in which the whole graph stands, by AWS's documents."""
    if isinstance(asked, request.Connection):
        return NOBODY  # an Application Load Balancer speaks HTTP alone
    for element in graph:
        for value in () if isinstance(element.spec, Unknown) else (element.fields.get("action"),):
            if isinstance(value, Unknown):
                return f"{UNKNOWN}{value.reason}"
    content = samples.render(graph)
    port = asked.port
    protocol = next((str(one["Protocol"]) for one in content["listeners"] if one["Port"] == port), "")
    found = semantics.answer(
        content,
        samples.arn(f"{routing.owner}/aws/load-balancer/lb"),
        semantics.Request(
            port=port,
            scheme="https" if protocol == "HTTPS" else "http",
            method=asked.method,
            host=asked.host,
            path=asked.path,
            query=urlencode(asked.query),
            headers=asked.headers,
        ),
    )
    if found.kind == "redirect":
        return f"{found.status} {found.location}"
    if found.kind == "fixed":
        return str(found.status)
    if found.kind != "forward":
        return NOBODY
    shares = [(group.partition(GROUP)[2], weight) for group, weight in found.groups]
    return " ".join([_shares(shares), *_changed(asked, found.host, found.url.partition("?")[0])])


def kept(promise: str, answer: str) -> bool:
    """Whether an answer begins with the promise, word by word."""
    return f"{answer} ".startswith(f"{promise} ")


def _shares(found: Sequence[tuple[Any, int]]) -> str:
    shares = [(str(to), weight) for to, weight in found if weight]
    unit = math.gcd(*(weight for _, weight in shares)) or 1
    return ", ".join(f"{to} x{weight // unit}" for to, weight in sorted(shares))


def _changed(asked: request.Request, host: str, path: str) -> list[str]:
    return [f"as {host}{path}"] if (host, path) != (asked.host, asked.path) else []


def _headers(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> list[str]:
    held, given = _lowered(before), _lowered(after)
    found = [f"with {name}={value}" for name, value in sorted(given.items()) if held.get(name) != value]
    return found + [f"without {name}" for name in sorted(held) if name not in given]


def _lowered(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    return {name.lower(): value for name, value in pairs}


def graph_of(routing: ir.Routing) -> model.Graph:
    """What AWS would be asked for, in a network that stands in for a user's."""
    return build.build(routing, samples.network(), samples.wanted())[0]
