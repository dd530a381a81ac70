"""The one place where the oracle's words and cloudgw's words meet: worlds and requests go in, answers come out.

Called by `compare` and the property tests. Everything here that speaks of cloudgw may change with it; the oracle must
not. Must never decide anything: a difference in meaning belongs in `specification` (a choice) or is a bug.
"""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import yaml

from cloudgw.routing import ir, modified
from cloudgw.routing import request as product
from cloudgw.routing import resolve as resolving
from cloudgw.sources import manifests
from tests.oracle.generate import Connection
from tests.oracle.matches import Request
from tests.oracle.references import Manifest
from tests.oracle.specification import SAMPLE_RESPONSE, Answer

Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
Routings = dict[tuple[str, str], ir.Routing]


def routings(objects: list[Manifest], *, strict: bool = True) -> Routings:
    """What cloudgw makes of a world, for each Gateway (namespace, name): the manifests go through text, as a user's.

    strict: raises ValueError when cloudgw could not read a manifest: the generated ones are all good.
    """
    text = yaml.dump_all(objects, Dumper=Dumper, sort_keys=False)
    loaded = manifests.load(["-"], complete=True, stdin=io.StringIO(text))
    if loaded.errors and strict:
        raise ValueError("; ".join(note.message for note in loaded.errors))
    resolution = resolving.resolve(loaded.snapshot)
    return {(routing.namespace, routing.name): routing for routing in resolution.gateways}


def ask(routing: ir.Routing | None, request: Request) -> Answer:
    """cloudgw's answer to a request, in the oracle's words; routing None: the Gateway has none."""
    if routing is None:
        return {"kind": "refused"}
    secure = any(table.port == request.port and table.protocol == "HTTPS" for table in routing.tables)
    found = product.answer(
        routing,
        product.Request(
            port=request.port,
            method=request.method,
            host=request.host,
            path=request.path,
            query=request.query,
            headers=request.headers,
            sni=request.sni or ("." if secure else ""),  # a handshake without a name, not one that nobody looked at
        ),
    )
    return seen(found)


def connect(routing: ir.Routing | None, connection: Connection) -> Answer:
    """cloudgw's answer to a connection, in the oracle's words."""
    if routing is None:
        return {"kind": "refused"}
    wanted = product.Connection(port=connection.port, protocol=connection.protocol, sni=connection.sni)
    return seen(product.connect(routing, wanted))


def seen(answer: product.Answer) -> Answer:
    """cloudgw's answer in the oracle's words, whose forms are listed in `specification`."""
    if answer.grpc_status:
        return {"kind": "grpc", "status": answer.grpc_status}
    if answer.kind == "none" and not answer.status:
        return {"kind": "refused"}
    if answer.kind in ("none", "respond"):
        return {"kind": "status", "status": answer.status}
    if answer.kind == "redirect":
        return {"kind": "redirect", "status": answer.status, "location": answer.location}
    if answer.kind == "preflight":
        return {"kind": "cors", "status": 204, "headers": {name.lower(): value for name, value in answer.cors}}
    if answer.kind == "closed":
        return {"kind": "closed"}
    assert answer.kind == "forward", answer
    shares: dict[str, dict[str, Any]] = {}
    for sent in answer.sent:
        share = _share(sent, answer)
        key = repr({**share, "weight": 0})
        if key in shares:
            shares[key]["weight"] += share["weight"]
        else:
            shares[key] = share
    return {
        "kind": "forward",
        "shares": sorted(shares.values(), key=lambda share: (str(share["to"]), repr(share))),
        "mirrors": _mirrors(answer),
    }


def _share(sent: product.Sent, answer: product.Answer) -> dict[str, Any]:
    if isinstance(sent.to, int):
        return {"to": sent.to, "weight": sent.weight, "path": "", "host": "", "headers": [], "response": []}
    response = sent.response(SAMPLE_RESPONSE) if sent.path else ()
    if answer.cors:
        own = {name.lower() for name, _ in answer.cors}
        response = tuple(pair for pair in response if pair[0].lower() not in own) + answer.cors
    return {
        "to": str(sent.to).removesuffix("/udp"),
        "weight": sent.weight,
        "path": sent.path,
        "host": sent.host,
        "headers": _joined(sent.headers),
        "response": _joined(response),
    }


def _joined(pairs: modified.Pairs) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return [[name, ",".join(values)] for name, values in sorted(found.items())]


def _mirrors(answer: product.Answer) -> list[list[Any]]:
    """A copy made of one share's requests is a copy of that fraction of all."""
    total = sum(sent.weight for sent in answer.sent)
    found = [(str(to), Fraction(number, of)) for to, number, of in answer.mirrors]
    found += [
        (str(to), Fraction(number, of) * Fraction(sent.weight, total))
        for sent in answer.sent
        for to, number, of in sent.mirrors
    ]
    return sorted([to, part.numerator, part.denominator] for to, part in found if part)
