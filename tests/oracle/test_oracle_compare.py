"""That the comparison would notice: with the product as it is, and with a fault planted."""

from __future__ import annotations

import collections
import dataclasses

import pytest
import yaml

from cloudgw.routing import ir
from tests.oracle import compare, generate, matches, specification, translate

SEEDS = range(150)


def test_the_same_seed_makes_the_same_scene() -> None:
    one, again, other = generate.scene(7), generate.scene(7), generate.scene(8)
    assert one == again
    assert one != other


def test_worlds_go_through_yaml_unharmed() -> None:
    for seed in range(20):
        objects = generate.scene(seed, 1).objects
        text = yaml.dump_all(objects, Dumper=translate.Dumper, sort_keys=False)
        assert list(yaml.safe_load_all(text)) == objects


def test_every_form_of_answer_occurs() -> None:
    kinds: collections.Counter[str] = collections.Counter()
    for seed in SEEDS:
        scene = generate.scene(seed)
        sites = {gateway: specification.read(scene.objects, gateway) for gateway in scene.gateways}
        for gateway, request in scene.requests:
            answer = specification.answer_at(sites[gateway], request)
            kinds[f"{answer['kind']} {answer.get('status', '')}".strip()] += 1
        for gateway, call in scene.connections:
            answer = specification.connect_at(sites[gateway], call.port, call.protocol, call.sni)
            kinds[f"{call.protocol} {answer['kind']}"] += 1
    expected = ["forward", "refused", "status 404", "status 421", "status 500", "cors 204"]
    expected += [f"redirect {status}" for status in (301, 302, 303, 307, 308)]
    expected += ["grpc UNIMPLEMENTED", "grpc UNAVAILABLE"]
    expected += [
        f"{protocol} {kind}" for protocol in ("TLS", "TCP", "UDP") for kind in ("forward", "closed", "refused")
    ]
    assert [kind for kind in expected if kinds[kind] < 5] == []


def test_the_product_agrees() -> None:
    """A sample; `make oracle` compares many more."""
    count, found = compare.sweep(first=0, worlds=120, requests=50, jobs=1)
    assert count > 6000
    assert [(one.seed, one.sort) for one in found] == []


def test_a_fault_is_found_and_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    true = translate.ask

    def faulty(routing: ir.Routing | None, request: matches.Request) -> specification.Answer:
        return true(routing, dataclasses.replace(request, path=request.path.lower()))

    monkeypatch.setattr(translate, "ask", faulty)
    assert compare.main(["--worlds", "60", "--jobs", "1"]) == 1
    assert "forward / forward: shares (path)" in capsys.readouterr().out
