"""Findings: each once, from every source, and none where nothing is wrong."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cloudgw import lint, objects
from cloudgw.lint import Finding, certificates, reach, sarif
from cloudgw.objects import (
    KubernetesObject,
    Meta,
    Note,
    ObjectRef,
    Origin,
    ParentRef,
    RouteMatch,
    Secret,
    ServicePort,
    ValueMatch,
)
from cloudgw.provider import Capability
from cloudgw.routing import ir, resolve
from tests.unit.routing import world

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SHOP = "shop.example.com"


def linted(*items: KubernetesObject, targets: Any = None, **more: Any) -> tuple[Finding, ...]:
    seen = world.snapshot(world.CLASS, world.PARAMETERS, *items)
    return lint.lint(seen, resolve.resolve(seen), targets=targets or {}, now=NOW.timestamp(), **more)


def codes(found: tuple[Finding, ...]) -> list[str]:
    return [one.rule for one in found]


def one(found: tuple[Finding, ...], code: str) -> Finding:
    (only,) = [item for item in found if item.code == code]
    return only


GOOD = (world.gateway(), world.route(hostnames=(SHOP,)), world.service(), world.endpoints("10.0.0.1"))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert linted(*GOOD) == ()


def test_one_finding_per_fact_however_many_gateways_know_it() -> None:
    other = dataclasses.replace(world.gateway(), meta=Meta(namespace="shop", name="other"))
    parents = tuple(ParentRef(namespace="shop", name=name) for name in ("edge", "other"))
    route = dataclasses.replace(world.route(), parents=parents)
    assert codes(linted(world.gateway(), other, route)) == ["BackendNotFound"]


def test_what_resolve_says_becomes_findings_the_worst_first() -> None:
    bad = world.route("bad", world.rule(world.path("no-slash")), hostnames=("bad.example.com",))
    broken = world.route("broken", world.rule(backends=[world.backend("missing")]), hostnames=("x.example.com",))
    found = linted(*GOOD, bad, broken)
    assert codes(found) == ["InvalidMatch", "BackendNotFound"]
    assert [item.level for item in found] == ["error", "warning"]
    assert found[1].origin is not None
    assert (found[1].origin.name, found[1].origin.path) == ("broken", "/spec/rules/0/backendRefs/0")
    assert found[1].message.startswith(
        "HTTPRoute shop/broken rule 0: backendRefs[0]: Service shop/missing does not exist"
    )


def test_verdicts_without_a_note_are_findings() -> None:
    gateway = world.gateway(
        *(
            dataclasses.replace(world.listener(name, hostname=host, port=443, protocol="HTTPS"), certificates=(ref,))
            for name, host, ref in (
                ("wide", "*.example.com", ObjectRef(kind="Secret", namespace="shop", name="wide")),
                ("shop", SHOP, ObjectRef(kind="Secret", namespace="shop", name="wide")),
            )
        )
    )
    found = linted(gateway, secret("wide", "*.example.com"))
    assert codes(found) == ["OverlappingHostnames"] * 2
    assert '"wide"' in found[0].message + found[1].message
    empty = dataclasses.replace(world.gateway(), listeners=())
    assert "Invalid" in codes(linted(empty))


def test_a_policy_that_lost_is_a_finding() -> None:
    def policy(name: str, created: str) -> objects.BackendTLSPolicy:
        return objects.BackendTLSPolicy(
            meta=Meta(namespace="shop", name=name, created=created),
            targets=(objects.PolicyTarget(name="cart"),),
            well_known="System",
            hostname="cart.internal",
        )

    found = linted(*GOOD, policy("first", "2020-01-01T00:00:00Z"), policy("second", "2021-01-01T00:00:00Z"))
    assert one(found, "Conflicted").origin == Origin(kind="BackendTLSPolicy", namespace="shop", name="second")


def test_refused_parameters() -> None:
    found = linted(*GOOD, refused={"cloud": "ExampleParameters cloud (class.yaml:9): region: is missing"})
    assert one(found, "InvalidParameters").message == (
        "GatewayClass cloud: parametersRef: ExampleParameters cloud (class.yaml:9): region: is missing"
    )


def test_a_class_that_no_installed_provider_reads() -> None:
    found = linted(*GOOD, unread={"cloud": "no installed provider reads ExampleParameters; installed: none"})
    assert [(item.level, item.code) for item in found] == [("warning", "NoProvider")]


# rules that never answer


def regex(value: str, **more: Any) -> RouteMatch:
    return RouteMatch(path=objects.PathMatch(type="RegularExpression", value=value), **more)


HEADER = ValueMatch(name="x", value="1")
ANY_HEADER = ValueMatch(type="RegularExpression", name="x", value=".*")


@pytest.mark.parametrize(
    ("first", "second", "never"),
    [
        (regex("/.*"), RouteMatch(), True),
        (regex("/.*"), world.path("/longer"), False),  # it comes first
        (regex("/shop/.*"), RouteMatch(), False),
        (regex("/.*", headers=(HEADER,)), RouteMatch(), False),
        (regex("/.*", method="GET"), RouteMatch(method="GET", headers=(HEADER,)), True),
        (regex("/.*", method="GET"), RouteMatch(method="POST"), False),
        (RouteMatch(headers=(ANY_HEADER,)), RouteMatch(headers=(HEADER,)), True),
        (RouteMatch(headers=(HEADER,)), RouteMatch(headers=(ANY_HEADER,)), False),
        (RouteMatch(headers=(HEADER,)), RouteMatch(headers=(dataclasses.replace(HEADER, value="2"),)), False),
    ],
)
def test_a_rule_behind_one_that_takes_everything(first: RouteMatch, second: RouteMatch, never: bool) -> None:
    older = world.route("older", world.rule(first), created="2020-01-01T00:00:00Z")
    younger = world.route("younger", world.rule(second), created="2021-01-01T00:00:00Z")
    found = linted(*GOOD[:1], *GOOD[2:], older, younger)
    assert codes(found) == [reach.NEVER] * never
    if never:
        assert "HTTPRoute shop/older rule 0" in found[0].message


def test_twins_are_shadowed_and_said_once() -> None:
    found = linted(*GOOD, world.route("twin", hostnames=(SHOP,)))
    assert codes(found) == ["Shadowed"]


def test_a_route_that_is_isolated_everywhere() -> None:
    gateway = world.gateway(world.listener("any"), world.listener("shop", hostname=SHOP))
    parents = (ParentRef(namespace="shop", name="edge", section="any"),)
    found = linted(gateway, world.route(hostnames=(SHOP,), parents=parents), *GOOD[2:])
    assert codes(found) == [reach.NEVER, "Isolated"]
    assert [item.level for item in found] == ["warning", "info"]


def test_a_route_without_parents() -> None:
    assert codes(linted(*GOOD, world.route("lonely", parents=()))) == [reach.UNATTACHED]


# backends


def test_a_target_port_that_no_slice_has() -> None:
    service = world.service(web=ServicePort(name="web", port=80, target="http-web"))
    route = GOOD[1]
    found = linted(world.gateway(), route, service, world.endpoints("10.0.0.1", port=("other", 9)))
    said = one(found, "TargetPortNotFound")
    assert (said.level, codes(found)) == ("error", ["TargetPortNotFound"])
    assert 'no EndpointSlice has a port "web" (targetPort "http-web"), they have: "other"' in said.message
    assert linted(world.gateway(), route, service, world.endpoints("10.0.0.1", port=("web", 8080))) == ()


def test_no_ready_endpoint() -> None:
    idle = dataclasses.replace(
        world.endpoints("10.0.0.1"), endpoints=(objects.Endpoint(addresses=("10.0.0.1",), ready=False),)
    )
    found = linted(*GOOD[:3], idle)
    assert codes(found) == ["NoReadyEndpoints"]
    assert "none of 1 endpoints is ready" in found[0].message


@pytest.mark.parametrize(
    ("port", "unusual"),
    [
        (ServicePort(name="https", port=443), True),
        (ServicePort(port=8443), True),
        (ServicePort(name="http", port=8443), False),
        (ServicePort(port=443, app_protocol="https"), False),
        (ServicePort(port=443, app_protocol="http"), False),  # somebody said so
        (ServicePort(name="http", port=80, app_protocol="https"), True),
        (ServicePort(port=80, app_protocol="kubernetes.io/wss"), True),
        (ServicePort(name="grpc", port=9000), True),
        (ServicePort(name="grpc", port=9000, app_protocol="kubernetes.io/h2c"), False),
        (ServicePort(port=80, app_protocol="kubernetes.io/h2c"), False),
        (ServicePort(port=80), False),
    ],
)
def test_an_unusual_protocol(port: ServicePort, unusual: bool) -> None:
    route = world.route("cart", world.rule(backends=[world.backend(port=port.port)]))
    slices = world.endpoints("10.0.0.1", port=(port.name, 8080))
    found = linted(world.gateway(), route, world.service(one=port), slices)
    assert codes(found) == ["UnusualProtocol"] * unusual


def test_bytes_are_the_backends_own_matter() -> None:
    listener = world.listener("tcp", port=443, protocol="TCP")
    route = objects.TCPRoute(
        meta=Meta(namespace="shop", name="db"),
        parents=(ParentRef(namespace="shop", name="edge"),),
        rules=(world.rule(backends=[world.backend(port=443)]),),
    )
    service = world.service(one=ServicePort(name="https", port=443))
    assert linted(world.gateway(listener), route, service, world.endpoints("10.0.0.1", port=("https", 8443))) == ()


# certificates


def secret(name: str, *names: str, days: float = 365) -> Secret:
    return Secret(
        meta=Meta(namespace="shop", name=name, file="tls.yaml", line=3),
        type="kubernetes.io/tls",
        fingerprint="0" * 64,
        names=names,
        not_after=(NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z"),
        key_type="RSA-2048",
    )


def secured(hostname: str, *secrets: str) -> objects.Gateway:
    refs = tuple(ObjectRef(kind="Secret", namespace="shop", name=name) for name in secrets)
    listener = world.listener("https", hostname=hostname, port=443, protocol="HTTPS")
    return world.gateway(dataclasses.replace(listener, certificates=refs))


@pytest.mark.parametrize(
    ("days", "code"),
    [(365, ""), (31, ""), (30, "CertificateExpires"), (0.5, "CertificateExpires"), (-1, "CertificateExpired")],
)
def test_certificates_that_end(days: float, code: str) -> None:
    found = linted(secured(SHOP, "tls"), *GOOD[1:], secret("tls", SHOP, days=days))
    assert codes(found) == [code] * bool(code)
    if code:
        assert found[0].place == "tls.yaml:3"
        assert found[0].level == ("error" if days < 0 else "warning")
    assert not code or 'Gateway shop/edge listener "https" serves it' in found[0].message


def test_the_days_before_the_end_are_the_callers() -> None:
    items: list[KubernetesObject] = [secured(SHOP, "tls"), *GOOD[1:], secret("tls", SHOP, days=50)]
    assert codes(linted(*items, expiry_days=60)) == ["CertificateExpires"]


@pytest.mark.parametrize(
    ("hostname", "names", "good"),
    [
        (SHOP, (SHOP,), True),
        (SHOP, ("*.example.com",), True),
        (SHOP, ("*.com", "example.com"), False),
        ("a.shop.example.com", ("*.example.com",), False),  # one label alone
        ("*.example.com", ("*.example.com",), True),
        ("*.example.com", (SHOP,), False),
    ],
)
def test_names_of_certificates(hostname: str, names: tuple[str, ...], good: bool) -> None:
    assert certificates.covered(hostname, set(names)) is good
    found = linted(secured(hostname, "tls"), secret("tls", *names))
    assert codes(found) == ["CertificateName"] * (not good)


def test_a_listener_for_any_host_needs_the_names_of_its_routes() -> None:
    found = linted(secured("", "tls"), *GOOD[1:], secret("tls", "www.example.com"))
    assert "is for www.example.com, not for shop.example.com" in one(found, "CertificateName").message
    both = linted(secured("", "tls", "more"), *GOOD[1:], secret("tls", "www.example.com"), secret("more", SHOP))
    assert both == ()


def test_a_certificate_that_is_missing_may_be_for_the_name() -> None:
    found = linted(secured(SHOP, "tls", "absent"), *GOOD[1:], secret("tls", "www.example.com"))
    assert codes(found) == ["InvalidCertificateRef"]


# targets


class Target:
    """A provider that refuses every entry."""

    def lint(self, routing: ir.Routing) -> tuple[Note, ...]:
        return tuple(
            Note(level="warning", code="TooMuch", message="filters: too much", origin=entry.origin)
            for table in routing.tables
            for entry in table.entries
        )


def test_what_targets_say_carries_their_name() -> None:
    found = linted(*GOOD, targets={"one": Target(), "two": Target()})
    assert codes(found) == ["one/TooMuch", "two/TooMuch"]
    assert found[0].message == "HTTPRoute shop/cart rule 0: filters: too much"


def test_thousands_of_routes_take_seconds() -> None:
    """Without what `resolve` takes; a step that compares each with each takes minutes."""
    routes = [world.route(f"r{number}", hostnames=(f"h{number}.example.com",)) for number in range(5000)]
    seen = world.snapshot(world.CLASS, world.PARAMETERS, world.gateway(), *routes, *GOOD[2:])
    routing = SimpleNamespace(value=resolve.resolve(seen))
    began = time.perf_counter()
    assert lint.lint(seen, routing.value, targets={}, now=NOW.timestamp()) == ()
    assert time.perf_counter() - began < 8


# SARIF


def finding(**more: Any) -> Finding:
    where = Origin(kind="HTTPRoute", namespace="shop", name="cart", path="/spec/rules/1", file="a b.yaml", line=7)
    return Finding(**{"level": "warning", "code": "TooMuch", "message": "too much", "origin": where, **more})


def run(*found: Finding, **more: Any) -> dict[str, Any]:
    rows = {"one": (Capability(feature="Mirrors", support="no", reason="it has none", code="TooMuch"),)}
    made = sarif.document(found, version="1.2.3", folder="/repo", rows=rows, **more)
    assert (made["version"], len(made["runs"])) == ("2.1.0", 1)
    return dict(made["runs"][0])


def test_sarif_has_what_the_schema_requires() -> None:
    made = run(finding(target="one"), finding(level="info", code="HTTPSOnly"))
    driver = made["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["HTTPSOnly", "one/TooMuch"]
    assert driver["rules"][1]["shortDescription"]["text"] == "Too much (one): Mirrors: it has none"
    assert driver["rules"][0]["shortDescription"]["text"].startswith("Https only")
    first, second = made["results"]
    assert (first["ruleId"], driver["rules"][first["ruleIndex"]]["id"]) == ("one/TooMuch", "one/TooMuch")
    assert (first["level"], second["level"]) == ("warning", "note")
    (location,) = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b.yaml"},
        "region": {"startLine": 7},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "HTTPRoute/shop/cart/spec/rules/1"


@pytest.mark.parametrize(
    ("file", "uri"),
    [("./x/r.yaml", "x/r.yaml"), ("/repo/x/r.yaml", "x/r.yaml"), ("/other/r.yaml", "../other/r.yaml")],
)
def test_sarif_paths_are_relative(file: str, uri: str) -> None:
    assert sarif.uri(file, "/repo") == uri


def test_sarif_of_what_is_in_no_file() -> None:
    where = Origin(kind="HTTPRoute", namespace="shop", name="cart", file="(standard input)", line=3)
    (result,) = run(finding(origin=where))["results"]
    assert "physicalLocation" not in result["locations"][0]
    (result,) = run(finding(origin=None))["results"]
    assert "locations" not in result


def test_sarif_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST", 1)
    made = run(finding(), finding(message="more"), unread=["broken.yaml: is no YAML"])
    assert len(made["results"]) == 1
    (invocation,) = made["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]] == [
        "broken.yaml: is no YAML",
        "1 findings are left out: a file holds 1 at most",
    ]


def test_sarif_fingerprints_stay_when_a_file_grows() -> None:
    assert finding().origin is not None
    moved = dataclasses.replace(finding(), origin=dataclasses.replace(finding().origin, line=99))  # type: ignore[type-var]
    one, other = run(finding(), moved)["results"]
    assert one["partialFingerprints"] == other["partialFingerprints"]
    other = run(finding(message="another"))["results"][0]
    assert one["partialFingerprints"] != other["partialFingerprints"]
