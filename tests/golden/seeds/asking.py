"""Lines of requests.txt, asked: what the Gateway API answers, and what each cloud's own objects would, as short text.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

import cloudgw_aws
import cloudgw_azure
import cloudgw_gcp
from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Provider
from cloudgw.routing import ir, request
from cloudgw_aws import build as aws_build
from cloudgw_aws import semantics as aws_semantics
from cloudgw_azure import build as azure_build
from cloudgw_azure import build_actions, names
from cloudgw_azure import semantics as azure_semantics
from cloudgw_gcp import build as gcp_build
from cloudgw_gcp import names as gcp_names
from cloudgw_gcp import semantics as gcp_semantics
from tests.golden.routing import writer as lines
from tests.unit.aws import samples as aws_samples
from tests.unit.azure import samples as azure_samples
from tests.unit.gcp import elements as gcp_elements
from tests.unit.gcp import samples as gcp_samples

NOBODY = "nobody"
UNKNOWN = "unknown: "
GROUP = "/aws/target-group/"
EVERYWHERE = gcp_samples.Nodes({"": (gcp_samples.ZONES[0], "node-b")})  # one machine that has every pod
SERVER = (("server", "app"),)  # what a backend answers with

Asked: TypeAlias = request.Request | request.Connection
Ask: TypeAlias = Callable[[Asked], str]


def parse(line: str) -> Asked:
    """The request of a line, of any scheme."""
    method, _, rest = line.partition(" ")
    parts = urlsplit(rest.split(" ")[0])
    if method == "CONNECT":
        sni = (parts.hostname or "") if parts.scheme == "tls" else ""
        return request.Connection(port=parts.port or 443, protocol=parts.scheme.upper(), sni=sni)
    return lines.parse(line)


def specified(routing: ir.Routing, asked: Asked) -> str:
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
            parts += [f"answered {part}" for part in _headers(SERVER, sent.response(SERVER))]
    parts += [f"copied to {to}" for to, _, _ in found.mirrors]
    return " ".join(parts)


def on_aws(routing: ir.Routing) -> Ask:
    """What a load balancer answers in which the whole graph stands, in a network that stands in for a user's, by AWS's
    documents."""
    graph = aws_build.build(routing, aws_samples.network(), aws_samples.wanted())[0]
    if reason := _unknown(graph):
        return lambda _: reason
    content = aws_samples.render(graph)
    balancer = aws_samples.arn(f"{routing.owner}/aws/load-balancer/lb")

    def ask(asked: Asked) -> str:
        if isinstance(asked, request.Connection):
            return NOBODY  # an Application Load Balancer speaks HTTP alone
        protocol = next((str(one["Protocol"]) for one in content["listeners"] if one["Port"] == asked.port), "")
        found = aws_semantics.answer(
            content,
            balancer,
            aws_semantics.Request(
                port=asked.port,
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

    return ask


def on_azure(routing: ir.Routing) -> Ask:
    """What an application gateway answers whose document holds the whole graph, by Microsoft's documents. What its
    not-found backend answers is a 404."""
    graph = azure_build.build(routing, azure_samples.network(), azure_samples.wanted())[0]
    if reason := _unknown(graph):
        return lambda _: reason
    document = azure_samples.render(graph)
    services = {build_actions.pool_logical(key): str(key) for key in routing.backends}
    secure = {table.port for table in routing.tables if table.protocol == "HTTPS"}

    def ask(asked: Asked) -> str:
        if isinstance(asked, request.Connection):
            return NOBODY  # nothing but HTTP is made on Azure
        found = azure_semantics.answer(
            document,
            azure_semantics.Request(
                port=asked.port,
                scheme="https" if asked.port in secure else "http",
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
        pool = names.read_child(found.pool_name, detailed=True)
        logical = pool.logical if pool is not None else found.pool_name
        if logical == build_actions.NOT_FOUND:
            return "404"
        if logical not in services:
            return str(found.status)
        answered = _headers(SERVER, azure_semantics.respond(found, 200, SERVER))
        return " ".join(
            [
                f"{services[logical]} x1",
                *_changed(asked, found.host, found.path),
                *_headers(asked.headers, found.headers),
                *(f"answered {part}" for part in answered),
            ]
        )

    return ask


def on_gcp(routing: ir.Routing) -> Ask:
    """What a regional load balancer answers in which the whole graph stands, by Google's documents."""
    graph = gcp_build.build(routing, gcp_samples.network(instances=EVERYWHERE), gcp_samples.wanted())[0]
    if reason := _unknown(graph):
        return lambda _: reason
    content = gcp_elements.content_of(graph)
    secure = {table.port for table in routing.tables if table.protocol == "HTTPS"}
    named = {
        gcp_names.path_of(one["selfLink"]): gcp_names.members(one["description"])["address"].split("/", 4)[4]
        for one in content["backendServices"]
    }

    def ask(asked: Asked) -> str:
        if isinstance(asked, request.Connection):
            return NOBODY  # an Application Load Balancer speaks HTTP alone
        found = gcp_semantics.answer(
            content,
            gcp_semantics.Request(
                ip=content["addresses"][0]["address"],
                port=asked.port,
                scheme="https" if asked.port in secure else "http",
                method=asked.method,
                host=asked.host,
                path=asked.path,
                query=urlencode(asked.query),
                headers=asked.headers,
            ),
        )
        if found.kind == "redirect":
            return f"{found.status} {found.location}"
        if found.kind == "fixed" or found.status:
            return str(found.status)
        if found.kind != "forward":
            return NOBODY
        first = found.shares[0]
        answered = _headers(SERVER, first.response.apply(SERVER))
        return " ".join(
            [
                _parts(found, named),
                *_changed(asked, found.host, found.path),
                *_headers(asked.headers, first.headers),
                *(f"answered {part}" for part in answered),
            ]
        )

    return ask


def _parts(found: gcp_semantics.Answer, named: Mapping[str, str]) -> str:
    """Shares of backends, and of a status. A percentage has at most four digits, so that a third is nearly one."""
    status, percent = found.abort or (0, 0.0)
    aborted = Fraction(percent / 100).limit_denominator(1000)
    total = sum(share.weight for share in found.shares)
    parts: list[tuple[str, Fraction]] = [(str(status), aborted)]
    for share in found.shares:
        to = "503" if share.empty else "/".join(named[share.service].split("/")[:2])  # without the sessions of a rule
        parts.append((to, (1 - aborted) * Fraction(share.weight, total)))
    unit = math.lcm(*(part.denominator for _, part in parts))
    return _shares([(to, int(part * unit)) for to, part in parts])


def _unknown(graph: model.Graph) -> str:
    for element in graph:
        for value in () if isinstance(element.spec, Unknown) else (element.fields.get("action"),):
            if isinstance(value, Unknown):
                return f"{UNKNOWN}{value.reason}"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """answerer: of a Gateway, who answers its requests there."""

    provider: Provider
    answerer: Callable[[ir.Routing], Ask]


CLOUDS: Mapping[str, Cloud] = {
    "AWS": Cloud(provider=cloudgw_aws.PROVIDER, answerer=on_aws),
    "Azure": Cloud(provider=cloudgw_azure.PROVIDER, answerer=on_azure),
    "Google Cloud": Cloud(provider=cloudgw_gcp.PROVIDER, answerer=on_gcp),
}


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
