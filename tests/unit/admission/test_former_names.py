"""Old names: each entry of the table is said with today's name, and each of today's names exists."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloudgw import admission
from cloudgw.admission import former, schemas
from tests.unit.admission.manifests import GROUP, SPECS, changed, manifest

RULE = "/spec/rules/0"
LISTENER = "/spec/listeners/1"
FIELDS: list[tuple[str, str, Any, str]] = [
    ("GatewayClass", "/spec/controller", "a.example.com/b", "spec.controllerName"),
    ("Gateway", f"{LISTENER}/routes", {"kind": "HTTPRoute"}, "allowedRoutes"),
    ("Gateway", f"{LISTENER}/tls/certificateRef", {"name": "a"}, "certificateRefs"),
    ("Gateway", f"{LISTENER}/tls/frontendValidation", {}, "spec.tls.frontend"),
    ("Gateway", "/spec/backendTLS", {}, "spec.tls.backend"),
    ("HTTPRoute", "/spec/gateways", {"allow": "All"}, "spec.parentRefs"),
    ("HTTPRoute", "/spec/tls", {}, "certificateRefs"),
    ("HTTPRoute", f"{RULE}/forwardTo", [], "backendRefs"),
    ("HTTPRoute", f"{RULE}/matches/0/extensionRef", {}, "ExtensionRef"),
    ("TLSRoute", f"{RULE}/matches", [], "spec.hostnames"),
    ("TCPRoute", f"{RULE}/matches", [], "nothing"),
    ("BackendTLSPolicy", "/spec/targetRef", {}, "spec.targetRefs"),
    ("BackendTLSPolicy", "/spec/tls", {}, "spec.validation"),
]


@pytest.mark.parametrize(("kind", "pointer", "value", "today"), FIELDS)
def test_an_old_field_names_todays(kind: str, pointer: str, value: Any, today: str) -> None:
    verdict = admission.check(changed(kind, pointer, value))
    (problem,) = verdict.problems
    assert (problem.code, problem.pointer, problem.refused) == ("Renamed", pointer, False)
    assert today in problem.fix


@pytest.mark.parametrize("entry", former._FIELDS, ids=lambda entry: f"{entry[0][0]}{entry[1]}")
def test_no_entry_names_a_field_of_today(entry: tuple[tuple[str, ...], str, str]) -> None:
    """A name that today's schema has would never be asked for: the entry would be dead."""
    kinds, path, _ = entry
    for kind in kinds:
        root = schemas.load().kinds["experimental"][kind].newest.root
        assert root is not None
        assert root.at(path) is None, kind


@pytest.mark.parametrize("old", ["Prefix", "ImplementationSpecific"])
def test_an_old_type_of_a_path_names_todays(old: str) -> None:
    verdict = admission.check(changed("HTTPRoute", f"{RULE}/matches/0/path/type", old))
    fixes = [problem.fix for problem in verdict.problems if problem.pointer.endswith("/path/type")]
    assert verdict.refused_by_server
    assert fixes == [{"Prefix": "write PathPrefix"}.get(old, "use one of: Exact, PathPrefix, RegularExpression")]


def test_header_matches_were_a_mapping_once() -> None:
    old = {"type": "Exact", "values": {"a": "b"}}
    verdict = admission.check(changed("HTTPRoute", f"{RULE}/matches/0/headers", old))
    assert [problem.fix for problem in verdict.problems] == ["write a list of {name, value, type}"]


def test_an_old_manifest_is_told_everything_at_once() -> None:
    route = manifest("HTTPRoute", "v1alpha1", group="networking.x-k8s.io")
    route["spec"] = {
        "gateways": {"allow": "All"},
        "rules": [{"matches": [{"path": {"type": "Prefix", "value": "/"}}], "forwardTo": [{"serviceName": "a"}]}],
    }
    found = {problem.pointer: problem.fix for problem in admission.check(route).problems}
    assert found == {
        "/apiVersion": f"write apiVersion: {GROUP}/v1",
        "/spec/gateways": "today it is spec.parentRefs of the route, and allowedRoutes of the Gateway's listener",
        "/spec/rules/0/forwardTo": "today it is rules[].backendRefs (name, port, weight)",
        "/spec/rules/0/matches/0/path/type": "write PathPrefix",
    }


@pytest.mark.parametrize("kind", former.KINDS)
def test_an_old_kind_names_todays(kind: str) -> None:
    document = {"apiVersion": f"{GROUP}/v1alpha2", "kind": kind, "metadata": {"name": "a"}, "spec": {}}
    problem = admission.check(document).problems[0]
    today = former.KINDS[kind][0]
    assert (problem.code, problem.pointer, problem.refused) == ("Renamed", "/kind", True)
    assert today in problem.message
    assert today in schemas.load().kinds["experimental"]


def test_a_field_of_the_experimental_channel() -> None:
    route = changed("HTTPRoute", f"{RULE}/sessionPersistence", {"sessionName": "a"})
    (problem,) = admission.check(route).problems
    assert (problem.code, "--channel experimental" in problem.fix) == ("Experimental", True)
    assert admission.check(route, channel="experimental").problems == ()


def test_a_field_that_becomes_standard_later() -> None:
    route = changed("HTTPRoute", f"{RULE}/retry", {"attempts": 2})
    (problem,) = admission.check(route).problems
    assert (problem.code, "standard channel from v1.7.0" in problem.message) == ("Experimental", True)


def test_a_field_of_a_later_version() -> None:
    gateway = changed("Gateway", "/spec/addresses", [{"value": "1.2.3.4", "routability": "Public"}])
    (problem,) = admission.check(gateway, channel="experimental").problems
    assert (problem.code, problem.pointer) == ("Later", "/spec/addresses/0/routability")
    assert "v1.7.0" in problem.message


def test_a_kind_of_the_experimental_channel_or_of_a_later_version() -> None:
    for kind, code in (("XBackend", "Experimental"), ("XTelemetryPolicy", "Later")):
        document = {"apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "a"}}
        (problem,) = admission.check(document).problems
        assert (problem.code, problem.refused) == (code, True)


def test_the_table_of_todays_names_knows_only_kinds_of_today() -> None:
    known = set(schemas.load().kinds["experimental"])
    assert {kind for kinds, *_ in former._FIELDS for kind in kinds} <= known
    assert all(re.fullmatch(r"/spec(/[a-zA-Z]+|/\*)+", path) for _, path, _ in former._FIELDS)
    assert set(SPECS) <= known
