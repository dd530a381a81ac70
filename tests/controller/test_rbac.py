"""The controller runs with exactly the chart's roles, and every rule of them is needed: without it a named check fails.

One journey holds something for each rule; `ROWS` says which check names a rule, and what else hangs on it. A rule that
no check needs, or a check that fails for a reason not written here, fails a test.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloudgw.controller import names
from tests.controller import manifests
from tests.controller.manifests import API, OWN, document
from tests.controller.stage import SYSTEM, Controller, Impatient, Stage, condition, until
from tests.deploy import rendering

pytestmark = pytest.mark.cluster
PATIENCE = 90.0  # seconds until everything works that can
GRACE = 3.0  # seconds in which what must not work could still work
WATCHED = ("shop", "payments")
ROLES = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
RBAC = "rbac.authorization.k8s.io/v1"
FORBIDDEN = re.compile(r"403|forbidden", re.IGNORECASE)


@dataclass(slots=True)
class Journey:
    stage: Stage
    controller: Controller

    def gateway(self, name: str) -> Mapping[str, Any]:
        return self.stage.gateway("shop", name) or {}

    def listener(self, name: str) -> Mapping[str, Any]:
        return dict(self.gateway(name)["status"]["listeners"][0])

    def parent(self, namespace: str, name: str) -> Mapping[str, Any]:
        return dict((self.stage.route(namespace, name) or {})["status"]["parents"][0])


def leads(of: Journey) -> bool:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/cloudgw"
    return bool(of.stage.cluster.request("GET", path)[1]["spec"].get("holderIdentity"))


def ready(of: Journey) -> bool:
    return of.controller.get("/readyz")[0] == 200


def class_is_accepted(of: Journey) -> bool:
    return bool(condition(of.stage.get(API, "GatewayClass", "", "aws") or {}, "Accepted")["reason"] == "Accepted")


def parameters_are_judged(of: Journey) -> bool:
    found = of.stage.get(OWN, "AWSGatewayClassParameters", "", "aws") or {}
    return bool(condition(found, "Ready")["status"] == "True")


def gateway_is_programmed(of: Journey) -> bool:
    return bool(condition(of.gateway("plain"), "Programmed")["status"] == "True")


def route_is_accepted(of: Journey) -> bool:
    return bool(condition(of.parent("shop", "web"), "Accepted")["status"] == "True")


def finalizer_is_held(of: Journey) -> bool:
    return names.FINALIZER in of.gateway("plain")["metadata"].get("finalizers", ())


def load_balancer_stands(of: Journey) -> bool:
    return len(of.stage.clouds["aws"].dump()["load_balancers"]) >= 1


def pods_are_served(of: Journey) -> bool:
    return any(one["operation"] == "RegisterTargets" for one in of.stage.clouds["aws"].journal())


def certificate_is_read(of: Journey) -> bool:
    return bool(condition(of.listener("tls"), "ResolvedRefs")["status"] == "True")


def authority_is_read(of: Journey) -> bool:
    found = of.stage.get(API, "BackendTLSPolicy", "shop", "web") or {}
    return bool(condition(found["status"]["ancestors"][0], "ResolvedRefs")["status"] == "True")


def namespace_is_selected(of: Journey) -> bool:
    return bool(condition(of.parent("payments", "pay"), "Accepted")["status"] == "True")


def own_parameters_count(of: Journey) -> bool:
    return bool(condition(of.gateway("own"), "Accepted")["status"] == "True")


def state_is_kept(of: Journey) -> bool:
    return of.stage.get(OWN, "GatewayState", SYSTEM, "shop.plain") is not None


def plan_is_made(of: Journey) -> bool:
    return of.stage.get(OWN, "GatewayPlan", "shop", "asks") is not None


def plan_is_shown(of: Journey) -> bool:
    return bool((of.stage.get(OWN, "GatewayPlan", "shop", "asks") or {})["status"]["phase"] == "Pending")


def plan_goes(of: Journey) -> bool:
    return of.stage.get(OWN, "GatewayPlan", "shop", "leaving") is None


def deleted_gateway_goes(of: Journey) -> bool:
    return not of.gateway("leaving")


def event_is_said(of: Journey) -> bool:
    found = of.stage.cluster.get("/apis/events.k8s.io/v1/namespaces/shop/events")["items"]
    return any(one["regarding"]["name"] == "plain" and one["reportingController"] for one in found)


CHECKS: tuple[Callable[[Journey], bool], ...] = (
    leads, ready, class_is_accepted, parameters_are_judged, gateway_is_programmed, route_is_accepted, finalizer_is_held,
    load_balancer_stands, pods_are_served, certificate_is_read, authority_is_read, namespace_is_selected,
    own_parameters_count, state_is_kept, plan_is_made, plan_is_shown, plan_goes, deleted_gateway_goes, event_is_said,
)  # fmt: skip
EVERYTHING = frozenset(one.__name__ for one in CHECKS)


@dataclass(frozen=True, slots=True)
class Row:
    """check: the one that names a rule. also: what hangs on it."""

    check: Callable[[Journey], bool]
    also: frozenset[str] = field(default_factory=frozenset)

    @property
    def fails(self) -> frozenset[str]:
        return self.also | {self.check.__name__}


def but(*passing: Callable[[Journey], bool]) -> frozenset[str]:
    """All but these."""
    return EVERYTHING - {one.__name__ for one in passing}


def and_(*failing: Callable[[Journey], bool]) -> frozenset[str]:
    return frozenset(one.__name__ for one in failing)


ROWS: Mapping[str, Row] = {
    "gateway-classes": Row(ready, but(leads)),
    "gateway-class-statuses": Row(class_is_accepted),
    "class-parameters": Row(gateway_is_programmed, but(leads, ready, plan_goes, deleted_gateway_goes)),
    "class-parameters-statuses": Row(parameters_are_judged),
    "definitions": Row(deleted_gateway_goes, and_(plan_goes)),
    "namespaces": Row(namespace_is_selected),
    "gateway-api": Row(ready, but(leads)),
    "statuses": Row(gateway_is_programmed, and_(route_is_accepted, certificate_is_read, authority_is_read,
                                                namespace_is_selected, own_parameters_count)),
    "finalizer": Row(finalizer_is_held, and_(load_balancer_stands, pods_are_served, gateway_is_programmed,
                                                deleted_gateway_goes)),
    "backends": Row(pods_are_served),
    "secrets": Row(certificate_is_read),
    "config-maps": Row(authority_is_read),
    "own-kinds": Row(own_parameters_count),
    "own-statuses": Row(plan_is_shown),
    "plans": Row(plan_is_made, and_(plan_is_shown, plan_goes)),
    "events": Row(event_is_said),
    "states": Row(state_is_kept, but()),  # without its address book it ends, and says why
    "lease": Row(leads, but(ready)),
}  # fmt: skip


def objects(authority: str, certificate: Mapping[str, str]) -> list[dict[str, Any]]:
    """Something for every rule."""
    reference = {"group": "cloudgw.dev", "kind": "AWSGatewayParameters", "name": "own"}
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "shop-tls"}]}
    selector = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "payments"}}}}
    validation = {
        "hostname": "web.example.com",
        "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "authority"}],
    }
    target = {"group": "", "kind": "Service", "name": "web"}
    return [
        document("v1", "Namespace", "payments", "", metadata={"labels": {"team": "payments"}}),
        *manifests.of_class(overridable=["tags"]),
        *manifests.of_class("asks", approval="Always"),
        document("v1", "Secret", "shop-tls", type="kubernetes.io/tls", data=dict(certificate)),
        document("v1", "ConfigMap", "authority", data={"ca.crt": authority}),
        document(OWN, "AWSGatewayParameters", "own", spec={"tags": {"team": "edge"}}),
        *manifests.service(),
        *manifests.service("pay", namespace="payments"),
        manifests.gateway("plain"),
        manifests.gateway("tls", listener={"protocol": "HTTPS", "port": 443, "tls": tls}),
        manifests.gateway("selects", listener={"allowedRoutes": selector}),
        manifests.gateway("own", infrastructure={"parametersRef": reference}),
        manifests.gateway("asks", "asks"),
        manifests.route("web", "plain"),
        manifests.route("pay", "selects", service="pay", namespace="payments"),
        document(API, "BackendTLSPolicy", "web", spec={"targetRefs": [target], "validation": validation}),
        document(OWN, "GatewayPlan", "leaving", spec={}),
        {**manifests.gateway("leaving"), "metadata": {"name": "leaving", "namespace": "shop",
                                                      "finalizers": [names.FINALIZER]}},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def certificate() -> tuple[str, dict[str, str]]:
    """PEM of a certificate, and the data of a Secret with its key; nobody keeps it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    data = {"tls.crt": base64.b64encode(made).decode(), "tls.key": base64.b64encode(secret).decode()}
    return made.decode(), data


@pytest.fixture(scope="module")
def account(platform: Stage) -> Path:
    """A kubeconfig of the chart's service account."""
    return platform.cluster.service_account_kubeconfig(SYSTEM, rendering.RELEASE)


class Rights:
    """The chart's roles in the cluster."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._given = stage, list[dict[str, Any]]()

    def give(self, omit: Sequence[str] = (), *, namespaced: bool = False, mode: str = "apply") -> None:
        values = {
            "mode": mode,
            "rbac": {"omit": list(omit)},
            "watchNamespaces": list(WATCHED) if namespaced else [],
        }
        self._given = [one for one in rendering.render(values, SYSTEM) if one["kind"] in ROLES]
        self._stage.apply(*self._given)

    def take(self) -> None:
        for one in self._given:
            self._stage.cluster.delete(one)


@pytest.fixture
def rights(stage: Stage) -> Iterator[Rights]:
    given = Rights(stage)
    yield given
    given.take()


def begun(stage: Stage, account: Path, certificate: tuple[str, dict[str, str]], *arguments: str) -> Journey:
    stage.apply(*objects(*certificate))
    stage.delete(API, "Gateway", "shop", "leaving")
    events = "/apis/events.k8s.io/v1/namespaces/shop/events"
    stage.cluster.request("DELETE", events)
    return Journey(stage, stage.start(*arguments, kubeconfig=account))


def passed(journey: Journey) -> frozenset[str]:
    found = set()
    for check in CHECKS:
        try:
            if check(journey):
                found.add(check.__name__)
        except (OSError, KeyError, IndexError):
            continue
    return frozenset(found)


def settled(journey: Journey, wanted: frozenset[str]) -> None:
    """All of these pass."""
    try:
        until(lambda: wanted <= passed(journey), "everything that should work works", PATIENCE, 0.5)
    except Impatient as impatient:
        raise AssertionError(f"these fail too: {sorted(wanted - passed(journey))}") from impatient


def told(began: float, what: str, failed: frozenset[str]) -> None:
    print(f"rbac: without {what}: {', '.join(sorted(failed))} ({time.monotonic() - began:.0f} s)", flush=True)


def test_every_rule_is_named_by_a_check() -> None:
    assert set(rendering.rules()) == set(ROWS)


@pytest.mark.parametrize("namespaced", [False, True], ids=["cluster", "namespaced"])
def test_the_charts_roles_are_enough(
    stage: Stage, rights: Rights, account: Path, certificate: tuple[str, dict[str, str]], namespaced: bool
) -> None:
    rights.give(namespaced=namespaced)
    arguments = ("--watch-namespaces", ",".join(WATCHED)) if namespaced else ()
    journey = begun(stage, account, certificate, *arguments)
    settled(journey, EVERYTHING)
    time.sleep(GRACE)
    assert FORBIDDEN.findall(journey.controller.text()) == [], "nothing was asked that is not granted"


def test_plan_mode_needs_no_finalizer(
    stage: Stage, rights: Rights, account: Path, certificate: tuple[str, dict[str, str]]
) -> None:
    rights.give(mode="plan")
    journey = begun(stage, account, certificate, "--mode", "plan")
    until(lambda: plan_is_made(journey) and stage.get(OWN, "GatewayPlan", "shop", "plain"), "GatewayPlans", PATIENCE)
    time.sleep(GRACE)
    assert FORBIDDEN.findall(journey.controller.text()) == []
    assert "finalizers" not in journey.gateway("plain")["metadata"]


@pytest.mark.parametrize("namespaced", [False, True], ids=["cluster", "namespaced"])
@pytest.mark.parametrize("rule", sorted(ROWS))
def test_without_a_rule_its_check_fails(
    stage: Stage, rights: Rights, account: Path, certificate: tuple[str, dict[str, str]], rule: str, namespaced: bool
) -> None:
    """Exactly what hangs on it fails, everything else works, and the log says that something is forbidden."""
    if namespaced and rendering.rules()[rule]["scope"] != "watched":
        pytest.skip(f"rule {rule} stands in the same role in both modes")
    began = time.monotonic()
    rights.give([rule], namespaced=namespaced)
    arguments = ("--watch-namespaces", ",".join(WATCHED)) if namespaced else ()
    journey = begun(stage, account, certificate, *arguments)
    wanted = EVERYTHING - ROWS[rule].fails
    settled(journey, wanted)
    until(lambda: FORBIDDEN.search(journey.controller.text()), "the log says so", PATIENCE)
    time.sleep(GRACE)
    with contextlib.suppress(Impatient):  # a process that ends takes its time
        until(lambda: EVERYTHING - passed(journey) == ROWS[rule].fails, "the rest fails", 15, 0.5)
    failed = EVERYTHING - passed(journey)
    told(began, rule, failed)
    assert failed == ROWS[rule].fails
