"""The bytes of a document: never guessed too small, and routes go where they do not fit."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from cloudgw.building import quota
from cloudgw.routing import ir
from cloudgw_azure import build_quota, facts
from tests.unit.azure import samples
from tests.unit.azure.samples import codes, forward, made, match, said, table
from tests.unit.azure.test_build_rules import standing

PEM = f"-----BEGIN CERTIFICATE-----\n{'QUJD' * 400}\n-----END CERTIFICATE-----\n"


def key(number: int) -> ir.BackendKey:
    return ir.BackendKey(namespace="shop", name=f"service-with-a-name-{number}", port=80)


def wish(routes: int, pods: int = 2, **more: Any) -> ir.Routing:
    """Each route has a host and a Service of its own, and one path below a wildcard that is repeated at every host."""
    entries = [
        samples.entry(n, forward((key(n), 1), **more), host=f"h{n}.example.com", of=match(f"/own{n}"), route=f"r{n}")
        for n in range(routes)
    ]
    entries += [
        samples.entry(n, forward((key(n), 1)), host="*.example.com", of=match(f"/wide/{n}"), route=f"w{n}")
        for n in range(routes)
    ]
    backends = {key(n): samples.backend(key(n), *(f"10.0.{n}.{pod}" for pod in range(pods))) for n in range(routes)}
    return samples.routing(table(entries), backends=backends)


def guessed(routing: ir.Routing) -> int:
    seen: list[int] = []
    whole = build_quota._bytes

    def spy(*given: Any) -> quota.Budget:
        budget = whole(*given)
        seen.append(budget.wanted)
        return budget

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_quota, "_bytes", spy)
        made(routing)
    return seen[-1]


@pytest.mark.parametrize(
    "routing",
    [
        wish(1),
        wish(40),
        wish(3, pods=250),
        wish(5, rewrite=samples.replaced("/n")),
        wish(5, timeouts=samples.seconds(5)),
        samples.routing(
            table(
                [
                    samples.entry(
                        n, ir.Redirect(hostname=f"to{n}.example.com"), of=match(f"/{n}"), host=f"h{n}.example.com"
                    )
                    for n in range(20)
                ]
            )
        ),
    ],
    ids=["one", "many", "pods", "rewrites", "settings", "redirects"],
)
def test_a_guess_is_never_too_small(routing: ir.Routing) -> None:
    graph, notes = made(routing)
    assert [note for note in notes if note.level == "error"] == []
    document = len(json.dumps(samples.render(graph)))
    assert document < guessed(routing) < 1.8 * document + 40_000


def test_certificates_of_authorities_count() -> None:
    tls = ir.BackendTLS(hostname="h.example.com", authorities=(("f", PEM),), origin=samples.GATEWAY)
    routing = wish(2)
    trusting = {key(n): dataclasses.replace(samples.backend(key(n), "10.0.0.1"), tls=tls) for n in range(2)}
    assert guessed(dataclasses.replace(routing, backends=trusting)) > guessed(routing) + 1600


def test_certificates_of_listeners_count() -> None:
    """They are sent with their bytes, up to 16 KB each."""
    entries = [samples.entry(1, listener="https")]
    secure = table(entries, 443, "HTTPS", [samples.certificate("a", "found", "a.example.com")])
    assert guessed(samples.routing(secure)) > guessed(samples.routing(table(entries, 443))) + 20_000


def test_routes_beyond_the_size_are_refused_whole() -> None:
    """Those that stand stay; the last of the others goes first, and no more than has to."""
    routing = wish(6)
    entries = routing.tables[0].entries
    assert codes(made(routing)) == []
    limit = int(guessed(routing) * 0.95 / (1 - build_quota.SPARE_BYTES))
    found = made(routing, quotas={"bytes": limit}, standing=standing(entries[-1]))
    messages = said(found, "GatewayQuota")
    assert messages
    assert "bytes in one document" in messages[0]
    assert not any("w5 is refused" in message for message in messages)
    assert any("w4 is refused" in message for message in messages)
    assert {note.refuses for note in found[1]} == {"route"}
    assert len(messages) <= 3


def test_nothing_is_refused_of_an_ordinary_gateway() -> None:
    assert guessed(wish(40)) < facts.QUOTAS["bytes"] * (1 - build_quota.SPARE_BYTES)
