"""Each kind of refusal once, and what is no refusal."""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw import admission
from cloudgw.admission import rules, schemas
from tests.unit.admission.manifests import SPECS, changed, manifest

LISTENER = {"name": "web", "port": 81, "protocol": "HTTP"}
REF = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}
RULE = "/spec/rules/0"


@pytest.mark.parametrize("channel", admission.CHANNELS)
@pytest.mark.parametrize("kind", SPECS)
def test_a_valid_object_has_no_problem(kind: str, channel: str) -> None:
    verdict = admission.check(manifest(kind), channel=channel)
    assert (verdict.problems, verdict.warnings, verdict.refused_by_server) == ((), (), False)


# kind, field that is set, value, where the problem is (None: the field itself), code, a part of the message or fix
REFUSED: list[tuple[str, str, Any, str | None, str, str]] = [
    ("Gateway", "/spec/gatewayClassName", ..., None, "Schema", "is missing; add it"),
    ("Gateway", "/spec", ..., None, "Schema", "is missing; add it"),
    ("Gateway", "/spec", None, None, "Schema", "is missing; add it"),
    ("Gateway", "/spec/listeners/0/port", "80", None, "Schema", "write 80 without quotes"),
    ("Gateway", "/spec/listeners/0/port", 0, None, "Schema", "0 is below 1"),
    ("Gateway", "/spec/listeners/0/port", 65536, None, "Schema", "up to 65535"),
    ("Gateway", "/spec/listeners/0/port", 10**30, None, "Schema", "up to 65535"),
    ("Gateway", "/spec/listeners/0/port", 80.5, None, "Schema", "must be a whole number"),
    ("Gateway", "/spec/listeners/0/port", float("nan"), None, "Schema", "JSON cannot hold"),
    ("Gateway", "/spec/listeners/0/port", True, None, "Schema", "is true, must be a whole number"),
    ("Gateway", "/spec/listeners/0/name", 80, None, "Schema", "put it in quotes"),
    ("Gateway", "/spec/listeners/0/name", "Web!", None, "Schema", "does not match"),
    ("Gateway", "/spec/listeners/0/name", "x" * 254, None, "Schema", "254 characters, at most 253"),
    ("Gateway", "/spec/listeners/0", None, None, "Schema", "is null, must be a mapping"),
    ("Gateway", "/spec/listeners", [], None, "Schema", "at least 1"),
    ("Gateway", "/spec/listeners", {}, None, "Schema", "must be a list"),
    ("Gateway", "/spec/listeners/1/tls/mode", "terminate", None, "Schema", "write Terminate"),
    ("Gateway", "/spec/addresses", [{"value": "1.2.3.256"}], "/spec/addresses/0/value", "Schema", "write an IP"),
    ("Gateway", "/spec/addresses", [None], "/spec/addresses/0", "Schema", "is null, must be a mapping"),
    ("Gateway", "/spec/addresses", ["10.0.0.1"], "/spec/addresses/0", "Schema", "must be a mapping"),
    ("Gateway", "/spec/infrastructure", {"labels": {"a": "x" * 64}}, "/spec/infrastructure/labels/a", "Schema", "64"),
    ("Gateway", "/spec/listeners/2", {**LISTENER}, "/spec/listeners/2", "ListMapKey", "name: 'web'"),
    ("Gateway", "/spec/listeners/1/name", "web", "/spec/listeners/1", "ListMapKey", "as item 0"),
    ("Gateway", "/spec/listeners/0/tls", {}, "/spec/listeners", "Rule", "tls must not be specified"),
    ("Gateway", "/spec/listeners/1/tls", {}, None, "Rule", "certificateRefs or options"),
    ("HTTPRoute", "/spec/rules", [{}] * 17, None, "Schema", "more than 16"),
    ("HTTPRoute", f"{RULE}/matches/0/path/value", "buy", "/spec/rules/0/matches/0/path", "Rule", "start with '/'"),
    ("HTTPRoute", f"{RULE}/backendRefs/0/port", ..., "/spec/rules/0/backendRefs/0", "Rule", "Must have port"),
    ("HTTPRoute", f"{RULE}/filters/0/type", "CORS", "/spec/rules/0/filters/0", "Rule", "filter.cors must be"),
    ("HTTPRoute", f"{RULE}/timeouts", {"request": "1s", "backendRequest": "2s"}, None, "Rule", "cannot be longer"),
    ("HTTPRoute", f"{RULE}/timeouts", {"request": "soon"}, "/spec/rules/0/timeouts/request", "Schema", "match"),
    (
        "HTTPRoute",
        f"{RULE}/matches/0/headers",
        [{"name": "a", "value": "b"}] * 2,
        f"{RULE}/matches/0/headers/1",
        "ListMapKey",
        "same name",
    ),
    ("HTTPRoute", "/spec/parentRefs/1", {"name": "web"}, "/spec/parentRefs", "Rule", "must be unique"),
    ("TLSRoute", "/spec/hostnames/0", "10.0.0.1", "/spec/hostnames", "Rule", "cannot contain an IP"),
    ("TLSRoute", "/spec/hostnames/0", "*.*.com", "/spec/hostnames", "Rule", "first label"),
    (
        "BackendTLSPolicy",
        "/spec/validation/caCertificateRefs",
        [{"group": "", "kind": "a", "name": "b"}],
        "/spec/validation",
        "Rule",
        "must not contain both",
    ),
    ("ReferenceGrant", "/spec/from/1", {**REF, "kind": ""}, "/spec/from/1/kind", "Schema", "fill it in"),
]


@pytest.mark.parametrize(("kind", "field", "value", "pointer", "code", "said"), REFUSED)
def test_the_server_refuses(kind: str, field: str, value: Any, pointer: str | None, code: str, said: str) -> None:
    verdict = admission.check(changed(kind, field, value))
    place = field if pointer is None else pointer
    assert verdict.refused_by_server
    assert any(
        (problem.code, problem.pointer) == (code, place) and said in f"{problem.message}; {problem.fix}"
        for problem in verdict.problems
    ), verdict.problems
    assert all(problem.fix for problem in verdict.problems)


ACCEPTED: list[tuple[str, str, Any]] = [
    ("Gateway", "/spec/listeners/0/hostname", None),  # null is as if it were not there
    ("Gateway", "/spec/listeners/1/tls/mode", None),  # ... and a default comes in its place
    ("Gateway", "/spec/addresses", [{"value": "010.0.0.1"}, {"type": "Hostname", "value": "a.example.com"}]),
    ("Gateway", "/spec/addresses", [{"value": "::ffff:1.2.3.4"}, {"type": "example.com/pool"}]),
    ("Gateway", "/status", "anything"),
    ("Gateway", "/spec/infrastructure", {"labels": {"example.com/a": ""}}),
    ("HTTPRoute", "/spec/rules/0/name", "buy"),
    ("GatewayClass", "/spec/description", "é" * 64),  # 64 characters are allowed, whatever their bytes
]


@pytest.mark.parametrize(("kind", "field", "value"), ACCEPTED)
def test_the_server_accepts(kind: str, field: str, value: Any) -> None:
    assert admission.check(changed(kind, field, value)).problems == ()


def test_all_references_to_a_parent_name_a_section_or_none_does() -> None:
    route = changed("HTTPRoute", "/spec/parentRefs/1", {"name": "web", "sectionName": "a"})
    assert admission.check(route).refused_by_server
    route["spec"]["parentRefs"][0]["sectionName"] = "b"
    assert admission.check(route).problems == ()


def test_rules_wait_for_the_schema() -> None:
    """As on the server: where a type is wrong, no rule is evaluated; where only a pattern is, rules are."""
    gateway = changed("Gateway", "/spec/listeners/0/tls", {})
    assert {problem.code for problem in admission.check(gateway).problems} == {"Rule"}
    gateway["spec"]["listeners"][1]["hostname"] = "NO"
    assert {problem.code for problem in admission.check(gateway).problems} == {"Rule", "Schema"}
    gateway["spec"]["listeners"][1]["port"] = "443"
    assert {problem.code for problem in admission.check(gateway).problems} == {"Schema"}


@pytest.mark.parametrize("number", [2**63, 2**64, 1e30, -(2**63) - 1])
@pytest.mark.parametrize("field", ["retry/attempts", "filters/0/requestMirror/fraction/numerator"])
def test_a_number_of_more_than_64_bits_is_no_integer(field: str, number: float) -> None:
    """One problem: its type. Rules are not asked, as on the server."""
    route = manifest("HTTPRoute")
    rule = route["spec"]["rules"][0]
    rule["retry"] = {}
    rule["filters"] = [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "a", "port": 1}, "fraction": {}}}
    ]
    rule["filters"][0]["requestMirror"]["fraction"]["numerator"] = 1
    held: Any = rule
    *above, last = field.split("/")
    for key in above:
        held = held[int(key)] if key.isdigit() else held[key]
    held[last] = number
    for kubectl in (False, True):
        (problem,) = admission.check(route, channel="experimental", kubectl=kubectl).problems
        assert (problem.pointer, problem.code, problem.refused) == (f"{RULE}/{field}", "Schema", True)
        assert "too large for a whole number" in problem.message


def test_a_float_is_an_integer_as_long_as_it_is_exact() -> None:
    for number, refused in ((2.0**53 - 1, False), (2.0**53, True)):
        route = changed("HTTPRoute", f"{RULE}/retry", {"attempts": number})
        assert admission.check(route, channel="experimental").refused_by_server is refused
        assert not admission.check(route, channel="experimental", kubectl=True).refused_by_server


@pytest.mark.parametrize("engine", [rules.Cpp, rules.Rust])
def test_a_nul_does_not_end_a_string(engine: type[rules.Engine]) -> None:
    pytest.importorskip({"Cpp": "cel_expr_python", "Rust": "cel"}[engine.__name__])
    policy = changed("BackendTLSPolicy", "/spec/validation/wellKnownCACertificates", "\0")
    (problem,) = admission.check(policy, engine=engine()).problems
    assert (problem.pointer, problem.code) == ("/spec/validation/wellKnownCACertificates", "Schema")
    route = changed("HTTPRoute", f"{RULE}/matches/0/path/value", "/a\0//b")
    assert any(
        "must not contain '//'" in problem.message for problem in admission.check(route, engine=engine()).problems
    )


def test_every_item_of_a_list_that_is_too_long_is_looked_at() -> None:
    route = changed("TCPRoute", "/spec/rules", [{}, {}, {}])
    found = [problem.pointer for problem in admission.check(route).problems]
    assert sorted(found) == ["/spec/rules", *(f"/spec/rules/{number}/backendRefs" for number in range(3))]


def test_a_number_that_python_does_not_write_is_named_all_the_same() -> None:
    verdict = admission.check(changed("Gateway", "/metadata/name", 10**5000))
    assert [problem.message for problem in verdict.problems] == ["is a huge number, must be a string"]


def test_an_unknown_field_is_dropped_by_the_server_and_refused_by_kubectl() -> None:
    verdict = admission.check(changed("Gateway", "/spec/listeners/0/Hostname", "a"))
    (problem,) = verdict.problems
    assert (problem.code, problem.pointer, problem.fix) == (
        "UnknownField",
        "/spec/listeners/0/Hostname",
        "write hostname",
    )
    assert not verdict.refused_by_server
    assert "Hostname" not in verdict.data["spec"]["listeners"][0]


@pytest.mark.parametrize(
    ("document", "code", "said"),
    [
        ({**manifest("Gateway"), "kind": "gateway"}, "UnknownKind", "write Gateway"),
        ({**manifest("Gateway"), "kind": "Ingress"}, "UnknownKind", "use one of: "),
        ({**manifest("Gateway"), "kind": None}, "InvalidObject", "write kind"),
        (manifest("Gateway", "v2"), "UnknownVersion", "write apiVersion: gateway.networking.k8s.io/v1"),
        (manifest("TCPRoute", "v1alpha2"), "NotServed", "not served in the standard channel"),
        (manifest("Gateway", group="gateway.networking.x-k8s.io"), "UnknownVersion", "write apiVersion"),
    ],
)
def test_what_no_server_knows(document: dict[str, Any], code: str, said: str) -> None:
    verdict = admission.check(document)
    assert verdict.refused_by_server
    assert any(problem.code == code and said in f"{problem.message}; {problem.fix}" for problem in verdict.problems)


def test_old_versions_that_are_served_warn() -> None:
    for kind, channel in (("Gateway", "standard"), ("ReferenceGrant", "standard")):
        verdict = admission.check(manifest(kind, "v1beta1"), channel=channel)
        assert verdict.problems == ()
        assert [warning.fix for warning in verdict.warnings] == ["write apiVersion: gateway.networking.k8s.io/v1"]
    verdict = admission.check(manifest("TCPRoute", "v1alpha2"), channel="experimental")
    assert verdict.problems == ()
    assert "deprecated" in verdict.warnings[0].message


def test_the_data_is_what_the_server_stores() -> None:
    route = manifest("HTTPRoute")
    route["spec"]["rules"].append({"backendRefs": [{"name": "z", "port": 1, "old": True}]})
    route |= {"status": {"parents": []}, "extra": 1}
    data = admission.check(route).data
    assert set(data) == {"apiVersion", "kind", "metadata", "spec"}
    assert data["spec"]["parentRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}]
    assert data["spec"]["rules"][1] == {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": "z", "port": 1, "weight": 1}],
    }
    assert route["spec"]["rules"][1] == {"backendRefs": [{"name": "z", "port": 1, "old": True}]}, "input is untouched"


def test_a_namespace_on_a_cluster_wide_kind_is_dropped() -> None:
    verdict = admission.check(changed("GatewayClass", "/metadata/namespace", "shop"))
    assert (verdict.problems, [warning.pointer for warning in verdict.warnings]) == ((), ["/metadata/namespace"])
    assert verdict.data["metadata"] == {"name": "first"}


def test_an_unknown_channel_is_an_error_of_the_caller() -> None:
    with pytest.raises(ValueError, match="use one of: standard, experimental"):
        admission.check(manifest("Gateway"), channel="stable")


def test_a_small_file_that_stands_for_a_huge_value_is_refused_at_once() -> None:
    bomb: Any = [{"name": "a"}]
    for _ in range(40):
        bomb = [bomb, bomb]
    for field in ("/spec/rules", "/spec/parentRefs", "/spec/unknown", "/metadata/labels", "/spec/hostnames"):
        assert admission.check(changed("HTTPRoute", field, bomb)).problems


def test_every_kind_of_both_channels_is_known() -> None:
    kinds = schemas.load().kinds
    assert set(SPECS) == set(kinds["standard"])
    assert set(kinds["experimental"]) - set(SPECS) == {"XBackend", "XBackendTrafficPolicy", "XMesh"}


@pytest.mark.parametrize(
    "odd", [None, True, 1, 1.5, "", "\ud800", [], [[]], {}, {"\ud800": "\ud800"}, {"a": {"b": []}}]
)
@pytest.mark.parametrize("field", ["metadata", "spec", "status", "spec/listeners", "spec/listeners/1/tls/options", "x"])
def test_no_document_is_a_defect(field: str, odd: Any) -> None:
    verdict = admission.check(changed("Gateway", f"/{field}", odd))
    assert all(problem.message and problem.fix for problem in verdict.problems)
