"""Our finalizer comes and goes by itself; everything else on the Gateway stays as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudgw.controller import finalizers, kube, names
from tests.controller import object_server

KEY = ("shop", "edge")
PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways/edge"
OTHER = "example.com/theirs"


@pytest.fixture
def server() -> object_server.Server:
    return object_server.Server()


def add(server: object_server.Server, *present: str, **metadata: Any) -> None:
    if present:
        metadata["finalizers"] = list(present)
    spec = {"gatewayClassName": "cloud", "listeners": []}
    server.add(object_server.manifest("Gateway", "edge", spec, labels={"team": "shop"}, **metadata), seen=False)


def hold(server: object_server.Server, uid: str = "") -> bool:
    found = object_server.resource("Gateway")
    assert found is not None
    return asyncio.run(finalizers.hold(server, found, KEY, uid))


def release(server: object_server.Server, uid: str = "") -> bool:
    found = object_server.resource("Gateway")
    assert found is not None
    return asyncio.run(finalizers.release(server, found, KEY, uid))


def present(server: object_server.Server) -> list[str]:
    return list(server.objects[PATH]["metadata"].get("finalizers", []))


@pytest.mark.parametrize("others", [(), (OTHER,), (OTHER, "example.com/more")])
def test_it_is_put_behind_others_and_taken_from_between_them(
    server: object_server.Server, others: tuple[str, ...]
) -> None:
    add(server, *others)
    assert hold(server) is True
    assert present(server) == [*others, names.FINALIZER]
    server.objects[PATH]["metadata"]["finalizers"].append("example.com/last")
    assert release(server) is True
    assert present(server) == [*others, "example.com/last"]
    assert server.objects[PATH]["metadata"]["labels"] == {"team": "shop"}


def test_what_is_so_already_is_not_written(server: object_server.Server) -> None:
    add(server, names.FINALIZER)
    assert hold(server) is True
    server.objects[PATH]["metadata"]["finalizers"] = []
    assert release(server) is True
    assert [method for method, _ in server.requests] == ["GET", "GET"]


def test_what_is_being_deleted_is_not_held(server: object_server.Server) -> None:
    add(server, OTHER, deletionTimestamp="2026-11-21T12:00:00Z")
    assert hold(server) is False
    assert present(server) == [OTHER]


def test_nothing_is_done_to_a_gateway_that_is_gone_or_another(server: object_server.Server) -> None:
    assert (hold(server), release(server)) == (False, True)
    add(server, names.FINALIZER, uid="second")
    assert (hold(server, uid="first"), release(server, uid="first")) == (False, True)
    assert present(server) == [names.FINALIZER]


def test_somebody_elses_write_in_between_is_read_anew_once(server: object_server.Server) -> None:
    add(server)

    def another() -> None:
        add(server, *present(server), OTHER)

    server.hooks = [lambda: None, another]
    assert hold(server) is True
    assert present(server) == [OTHER, names.FINALIZER]
    server.hooks = [lambda: None, another, lambda: None, another]
    with pytest.raises(kube.Refused) as refused:
        release(server)
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("message", "policy"),
    [
        (
            "gateways.gateway.networking.k8s.io \"edge\" is forbidden: ValidatingAdmissionPolicy 'frozen' with binding "
            "'frozen' denied request: Gateways are frozen",
            "ValidatingAdmissionPolicy frozen",
        ),
        (
            'admission webhook "validate.kyverno.svc-fail" denied the request: no',
            "admission webhook validate.kyverno.svc-fail",
        ),
    ],
)
def test_a_policy_that_denies_is_named(server: object_server.Server, message: str, policy: str) -> None:
    add(server, names.FINALIZER)

    def deny() -> None:
        raise kube.Refused(422, "Invalid", message)

    server.hooks = [lambda: None, deny]
    with pytest.raises(finalizers.Denied) as denied:
        release(server)
    assert denied.value.policy == policy
    assert f"Gateway shop/edge: cannot take finalizer {names.FINALIZER} off it" in str(denied.value)
    assert f"change {policy}: " in str(denied.value)
    assert release(server) is True  # once it lets us


def test_another_refusal_is_no_policys(server: object_server.Server) -> None:
    add(server)

    def forbid() -> None:
        raise kube.Refused(403, "Forbidden", 'User "x" cannot patch resource "gateways"')

    server.hooks = [lambda: None, forbid]
    with pytest.raises(kube.Refused, match="cannot patch"):
        hold(server)
