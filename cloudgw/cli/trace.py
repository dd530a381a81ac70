"""`cloudgw trace METHOD URL`: which rule answers, what happens to the request, which rules lost and why. Asks no cloud.

`main` calls `run`. `cloudgw.trace` finds the way; this module reads the request from the command line and prints. What
the command line held that may be a credential is never printed again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from cloudgw import registry, trace, wishes
from cloudgw.cli import output, reading
from cloudgw.cli.problem import Problem
from cloudgw.objects import GatewayClass, Note, Origin, Parameters
from cloudgw.plan import render_text
from cloudgw.provider import Provider
from cloudgw.routing import hostnames, ir, matches, request
from cloudgw.routing.modified import Pairs
from cloudgw.trace.model import changes

ANSWERED, NOT_ANSWERED, ERROR = 0, 2, 1
FORMAT_VERSION = 1
SHOWN = 20
PORTS = {"http": 80, "https": 443, "tls": 443, "tcp": 0, "udp": 0}
REQUESTS = ("http", "https")
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2
ADDRESS = re.compile(r"\[.*\]|[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """scheme: of the URL. what: the request or the connection."""

    scheme: str
    what: request.Request | request.Connection

    @property
    def protocol(self) -> str:
        return self.scheme.upper() if self.scheme in REQUESTS else ""


def run(options: argparse.Namespace) -> int:
    asked = read(options)
    found = reading.load(options)
    try:
        gateways = _gateways(found.resolution, options.gateway)
    except Problem:
        found.errors()
        raise
    traces = [
        trace.trace(one, asked.what, found.snapshot, protocol=asked.protocol, provider=_provider(one))
        for one in gateways
    ]
    traces = [_with_class(one, routing, found.classes) for one, routing in zip(traces, gateways, strict=True)]
    traces = [one for one in traces if one.listens] or traces
    if options.output == "json":
        sys.stdout.write(json.dumps(document(asked, traces), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(text(asked, traces, options.all, output.paint())) + "\n")
    if found.errors():
        return ERROR
    return ANSWERED if all(one.answered for one in traces) else NOT_ANSWERED


def _with_class(told: trace.Trace, routing: ir.Routing, classes: wishes.Classes) -> trace.Trace:
    """Parameters that cannot be used, the class's or the Gateway's own, make nothing: what stands stays as it is."""
    held = routing.gateway_class
    refused = classes.refused.get(held.meta.name, "") if isinstance(held, GatewayClass) else ""
    own = routing.own.wrong if routing.own is not None else None
    if not refused and (own is None or own.status is not False):
        return told
    said = f"GatewayClass parameters cannot be used: {refused}" if refused or own is None else own.message
    message = f"{said}: nothing is made of this"
    note = Note(level="error", code="InvalidParameters", message=message, origin=routing.origin)
    return dataclasses.replace(told, notes=(note, *told.notes))


def _provider(routing: ir.Routing) -> Provider | None:
    """That of the Gateway's class; None where it is not known or not installed."""
    held = routing.parameters
    return registry.by_parameters_kind(held.kind) if isinstance(held, Parameters) else None


def _gateways(resolution: ir.Resolution, wanted: str) -> Sequence[ir.Routing]:
    names = [one.owner for one in resolution.gateways]
    if not names:
        raise Problem(
            "no Gateway in the input is of a class of ours: give the files that hold Gateway and GatewayClass"
        )
    if not wanted:
        return resolution.gateways
    picked = [one for one in resolution.gateways if wanted in (one.owner, one.name)]
    if len(picked) == 1:
        return picked
    if picked:
        raise Problem(f"--gateway {wanted}: there is more than one: {', '.join(one.owner for one in picked)}; name one")
    raise Problem(f"--gateway {wanted}: there is no such Gateway of ours in the input; there is: {', '.join(names)}")


# the request


def read(options: argparse.Namespace) -> Asked:
    """The request that the command line asks for. Raises Problem; its text holds no value that may be a credential."""
    url, port = _url(options.url)
    headers = tuple(_header(line, number) for number, line in enumerate(options.headers, 1))
    if url.scheme not in REQUESTS:
        return Asked(scheme=url.scheme, what=_connection(options, url, port, headers))
    method, path = options.method.upper(), url.path or "/"
    if options.grpc:
        method, path, headers = _grpc(options.grpc, method, path, headers)
    if method not in matches.METHODS:
        raise Problem(f"METHOD {options.method!r} is not known; use one of {', '.join(matches.METHODS)}")
    assert url.hostname is not None
    host = url.netloc
    if named := [value for name, value in headers if name.lower() == "host"]:
        host = named[-1]
        headers = tuple(pair for pair in headers if pair[0].lower() != "host")
    sni = options.sni or (hostnames.of_authority(url.netloc) if url.scheme == "https" else "")
    if options.sni and url.scheme != "https":
        raise Problem("--sni is a part of TLS: write an https:// or tls:// URL, or leave it out")
    if ADDRESS.fullmatch(sni):
        sni = ""  # RFC 6066, section 3: an address is no server name
    return Asked(
        scheme=url.scheme,
        what=request.Request(
            port=port,
            method=method,
            host=host,
            path=path,
            query=tuple(parse_qsl(url.query, keep_blank_values=True)),
            headers=headers,
            sni=sni,
        ),
    )


def _url(text: str) -> tuple[SplitResult, int]:
    known = ", ".join(f"{scheme}://" for scheme in PORTS)
    if "@" in text.partition("?")[0]:
        raise Problem("URL: it holds a user name (not shown); leave it out, and give what a client sends with -H")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise Problem(f"URL {text!r}: {error}; write it as https://shop.example.com:443/cart") from None
    if url.scheme not in PORTS:
        raise Problem(f"URL {text!r}: it begins with none of {known}; write it as https://shop.example.com/cart")
    if not url.hostname and url.scheme not in ("tcp", "udp"):
        raise Problem(f"URL {text!r}: it names no host; write it as {url.scheme}://shop.example.com")
    if any(letter.isspace() or ord(letter) < 32 for letter in text):
        raise Problem(f"URL {text!r}: it holds white space; write %20 instead")
    if port == 0 or (port is None and not PORTS[url.scheme]):
        raise Problem(f"URL {text!r}: {url.scheme} needs a port; write it as {url.scheme}://{url.hostname or ''}:5432")
    return url, port or PORTS[url.scheme]


def _header(line: str, number: int) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not TOKEN.fullmatch(name):
        raise Problem(f"-H, the {number}. one: it is no header (not shown); write it as -H 'Name: value'")
    if any(ord(letter) < 32 and letter != "\t" for letter in value):
        raise Problem(f"-H {name}: its value holds a control character; leave that out")
    return name, value.strip()


def _grpc(target: str, method: str, path: str, headers: Pairs) -> tuple[str, str, Pairs]:
    service, _, name = target.strip("/").partition("/")
    if not service or not name or "/" in name:
        raise Problem(f"--grpc {target!r}: write SERVICE/METHOD, such as shop.Cart/Add")
    if method != "POST":
        raise Problem(f"--grpc: gRPC requests are POST, not {method}; write `cloudgw trace POST URL --grpc {target}`")
    if path != "/":
        raise Problem(f"--grpc: it is the path already; leave {path} out of the URL")
    if not any(header.lower() == "content-type" for header, _ in headers):
        headers = (*headers, matches.GRPC_HEADER)
    return method, f"/{service}/{name}", headers


def _connection(options: argparse.Namespace, url: SplitResult, port: int, headers: Pairs) -> request.Connection:
    if options.method.upper() != "CONNECT":
        raise Problem(f"{url.scheme}:// is a connection, no request; write `cloudgw trace CONNECT {options.url}`")
    if headers or options.grpc:
        raise Problem(f"-H and --grpc are parts of a request; leave them out with {url.scheme}://")
    if url.path not in ("", "/") or url.query:
        raise Problem(f"a connection has no path; leave {url.path} out of the URL")
    if options.sni and url.scheme != "tls":
        raise Problem(f"--sni is a part of TLS; leave it out with {url.scheme}://")
    sni = options.sni or (url.hostname or "" if url.scheme == "tls" else "")
    return request.Connection(port=port, protocol=url.scheme.upper(), sni="" if ADDRESS.fullmatch(sni) else sni.lower())


# JSON


def document(asked: Asked, traces: Sequence[trace.Trace]) -> dict[str, Any]:
    what = asked.what
    found: dict[str, Any] = {"scheme": asked.scheme, "port": what.port, "sni": what.sni}
    if isinstance(what, request.Request):
        found |= {"method": what.method, "host": what.host, "path": what.path}
        found |= {"query": [list(pair) for pair in what.query]}
        found |= {"headers": [list(pair) for pair in trace.shown(what.headers)]}
    return {
        "format_version": FORMAT_VERSION,
        "request": found,
        "answered": all(one.answered for one in traces),
        "gateways": [one.json() for one in traces],
    }


# text


def text(
    asked: Asked, traces: Sequence[trace.Trace], everything: bool, paint: render_text.Paint = render_text.plain
) -> Iterator[str]:
    yield paint("head", _line(asked))
    if len(traces) > 1 and any(one.listens for one in traces):
        yield f"{len(traces)} Gateways listen for it; to whom it goes depends on its address. --gateway names one."
    for one in traces:
        yield ""
        yield from _trace(asked, one, everything, paint)


def _line(asked: Asked) -> str:
    what = asked.what
    sni = f", server name {what.sni}" if what.sni else ""
    if isinstance(what, request.Connection):
        return f"{what.protocol} connection to port {what.port}{sni}"
    same = what.sni == hostnames.of_authority(what.host)
    query = f"?{'&'.join(f'{name}={value}' for name, value in what.query)}" if what.query else ""
    port = "" if PORTS[asked.scheme] == what.port else f":{what.port}"
    host = hostnames.of_authority(what.host)
    return f"{what.method} {asked.scheme}://{host}{port}{what.path}{query}{'' if same else sni}"


def _trace(asked: Asked, one: trace.Trace, everything: bool, paint: render_text.Paint) -> Iterator[str]:
    yield paint("head", f"Gateway {one.gateway}{_place(one.origin)}")
    for listener in one.listeners:
        sign = "->" if listener.chosen else "  "
        hostname = listener.hostname or "any host"
        reason = f": {listener.reason}" if listener.reason else ""
        said = f'listener "{listener.id}" ({listener.protocol} {listener.port}, {hostname}){reason}'
        yield f"  {sign} {said if listener.chosen else paint('faint', said)}"
    yield ""
    style = "head" if one.answered else "error"
    yield f"  {paint(style, _answer(asked, one))}"
    if one.winner is not None:
        match = f", {one.winner.match}" if one.winner.match else ""
        hostname = f" for {one.winner.hostname}" if one.winner.hostname else ""
        yield f"    by {one.winner.origin}{_place(one.winner.origin)}{match}{hostname}"
    for line in _details(asked, one):
        yield f"    {line}"
    for note in one.notes:
        yield f"    {paint(note.level, 'but on this cloud')}: {note.message}"
    if one.lost:
        yield ""
        yield from _lost(one, everything, paint)


def _answer(asked: Asked, one: trace.Trace) -> str:
    held = one.answer
    if held.kind == "forward":
        if one.notes and not one.answered:
            return "forwarded, by the Gateway API"
        return "forwarded" if one.answered else "forwarded, and answered by an error for some or all"
    if held.kind == "redirect":
        return f"{held.status} redirect to {held.location}"
    if held.kind == "preflight":
        return f"{held.status}: the CORS preflight is answered by the load balancer"
    if held.kind == "unknown":
        return f"unknown: {held.reason}"
    if held.kind == "closed" and isinstance(asked.what, request.Connection) and asked.what.protocol == "UDP":
        return f"dropped: {held.reason}"
    if held.kind == "closed":
        return f"the connection is closed: {held.reason}"
    if held.status:
        grpc = f" (gRPC {held.grpc_status})" if held.grpc_status else ""
        return f"error {held.status}{grpc}: {held.reason}"
    return f"no answer: {held.reason}"


def _details(asked: Asked, one: trace.Trace) -> Iterator[str]:
    for share in one.shares:
        yield from _share(asked, share, len(one.shares) > 1)
    held = one.answer
    for key, number, of in held.mirrors:
        yield f"copied to {key}: {100 * number / of:g} % of the requests"
    if held.cors:
        yield f"CORS: {', '.join(f'{name}: {value}' for name, value in held.cors)}"
    yield from _changes(held.modifiers)
    if held.timeouts is not None:
        for what, limit in (("request", held.timeouts.request), ("backendRequest", held.timeouts.backend_request)):
            if limit is not None:
                yield f"timeout {what}: {f'{limit} ms' if limit else 'none'}"
    if one.retry is not None:
        codes = ", ".join(map(str, one.retry.codes)) or "failed connections"
        yield f"retry: {codes}{f', {one.retry.attempts} attempts' if one.retry.attempts else ''}"
    if one.session is not None:
        yield f"session: by {one.session.type.lower()}{f' {one.session.name}' if one.session.name else ''}"


def _share(asked: Asked, share: trace.Share, several: bool) -> Iterator[str]:
    sent = share.sent
    percent = f"{share.percent:.3g} % " if several else ""
    if isinstance(sent.to, int):
        grpc = f" (gRPC {sent.grpc_status})" if sent.grpc_status else ""
        yield f"{percent}answered {sent.to}{grpc}: its backendRef cannot be used"
        return
    pods = f"{share.pods} ready {'pod' if share.pods == 1 else 'pods'}" if share.pods else "no ready pod: 503"
    if share.pods is None:
        pods = f"pods not seen: {share.unseen}"
    protocol = "" if share.protocol in ("", "HTTP") else f", {share.protocol}"
    yield f"{percent}to Service {sent.to}{protocol} ({pods})"
    what = asked.what
    if not isinstance(what, request.Request):
        return
    if sent.path != what.path:
        yield f"  path there: {sent.path}"
    if sent.host != what.host:
        yield f"  host there: {sent.host}"
    kept = set(what.headers)
    for name, value in trace.shown([pair for pair in sent.headers if pair not in kept]):
        yield f"  header there: {name}: {value}"
    there = {name.lower() for name, _ in sent.headers}
    for name, _ in what.headers:
        if name.lower() not in there:
            yield f"  header not there: {name}"
    for line in _changes(sent.modifiers):
        yield f"  {line}"
    for key, number, of in sent.mirrors:
        yield f"  copied to {key}: {100 * number / of:g} % of these"


def _changes(modifiers: Sequence[Any]) -> Iterator[str]:
    for one in changes(modifiers):
        said = [f"{verb} {name}: {value}" for verb in ("set", "add") for name, value in one[verb]]
        said += [f"remove {name}" for name in one["remove"]]
        yield f"response headers: {', '.join(said)}"


def _lost(one: trace.Trace, everything: bool, paint: render_text.Paint) -> Iterator[str]:
    """In order of precedence; where they are many, those for the host first of all."""
    shown = list(one.lost)
    if not everything and len(shown) > SHOWN:
        near = [item for item in shown if item.near]
        shown = near[:SHOWN] if near else shown[:SHOWN]
    yield f"  {paint('head', 'lost, in order of precedence:')}"
    for item in shown:
        match = f": {item.match}" if item.match else ""
        hostname = f" for {item.hostname}" if item.hostname else ""
        yield f"    {item.origin}{_place(item.origin)}{match}{hostname}"
        yield f"      {paint('faint', item.reason)}"
    if left := len(one.lost) - len(shown):
        far = sum(not item.near for item in one.lost) - sum(not item.near for item in shown)
        others = f", {far} of them for other hosts" if far else ""
        yield f"    ... and {left} more{others}: --all shows them"


def _place(where: Origin) -> str:
    return f" ({where.place})" if where.place else ""
