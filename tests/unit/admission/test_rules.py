"""The CEL engine behind its interface, and what Kubernetes adds to CEL."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from cloudgw import admission
from cloudgw.admission import rules, schemas
from tests.unit.admission.manifests import SPECS, changed, manifest

ENGINES: dict[str, type[rules.Cpp] | type[rules.Rust]] = {"cel_expr_python": rules.Cpp, "cel": rules.Rust}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> rules.Engine:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"the CEL engine {request.param} is not installed")
    return ENGINES[request.param]()


def nodes(node: schemas.Node, found: dict[int, schemas.Node]) -> dict[int, schemas.Node]:
    if node.number not in found:
        found[node.number] = node
        for below in (*node.properties.values(), node.items, node.additional):
            if below is not None:
                nodes(below, found)
    return found


def test_every_shipped_rule_compiles(engine: rules.Engine) -> None:
    found: dict[int, schemas.Node] = {}
    for kinds in schemas.load().kinds.values():
        for kind in kinds.values():
            for version in kind.versions:
                if version.root is not None:
                    nodes(version.root, found)
    compiled = sum(len(rules._each(node, engine, frozenset())) for node in found.values())
    assert compiled > 90


@pytest.mark.parametrize(
    ("expression", "value", "wanted"),
    [
        ("self == 80", 80, True),
        ("self.__namespace__ == 'a'", {"namespace": "a"}, True),
        ("has(self.a) && self.a == 1", {}, False),
        ("self.all(k, k.split('/')[0].size() < 3)", {"ab/c": ""}, True),
        ("self.substring(2) == 'x'", "*.x", True),
        ("duration(self) > duration('1s')", "1m30s", True),
        ("isIP(self)", "10.0.0.1", True),
        ("isIP(self)", "010.0.0.1", False),
        ("isIP(self)", "::1", True),
        ("isIP(self)", "::ffff:10.0.0.1", False),
        ("isIP(self)", "fe80::1%eth0", False),
        ('self.matches(r"""^(?i)[a-z]+$""")', "AbC", True),
        ("self.exists_one(a, a == 1)", [1, 2, 1], False),
        ("format.dns1123Label().validate(self) == null", "fine", False),
    ],
)
def test_an_expression(engine: rules.Engine, expression: str, value: Any, wanted: bool) -> None:
    assert engine.compile(rules._plain(expression, frozenset()))(value) is wanted


def test_what_cannot_be_evaluated_says_why(engine: rules.Engine) -> None:
    held = engine.compile("self.mode == 'a'")({})
    assert isinstance(held, str)
    assert "mode" in held
    with pytest.raises(ValueError, match=r".+"):
        engine.compile("self ==")


@pytest.mark.parametrize("kind", SPECS)
def test_every_engine_says_the_same(engine: rules.Engine, kind: str) -> None:
    assert admission.check(manifest(kind), engine=engine).problems == ()


def test_a_missing_field_that_a_rule_needs_refuses() -> None:
    verdict = admission.check(changed("Gateway", "/spec/listeners/1/tls", {"mode": "Terminate"}))
    assert verdict.refused_by_server
    assert "cannot be evaluated" in verdict.problems[0].message


def test_rules_on_changes_are_not_evaluated() -> None:
    found = [rule for node in _all_nodes() for rule in node.rules if rule.transition]
    assert found, "controllerName of a GatewayClass is immutable"
    assert admission.check(manifest("GatewayClass")).problems == ()


def _all_nodes() -> list[schemas.Node]:
    root = schemas.load().kinds["standard"]["GatewayClass"].newest.root
    assert root is not None
    return list(nodes(root, {}).values())


def test_an_integer_written_as_a_float_is_none_to_a_rule() -> None:
    """The server keeps 80.0 a float: valid, until a rule touches it; kubectl sends 80 for a file with 80.0."""
    gateway = changed("Gateway", "/spec/listeners/0/port", 80.0)
    assert [problem.code for problem in admission.check(gateway).problems] == ["Rule"]
    assert admission.check(gateway, kubectl=True).problems == ()
    untouched = changed("HTTPRoute", "/spec/rules/0/backendRefs/0/weight", 1.0)
    assert admission.check(untouched).problems == ()
    present = changed("HTTPRoute", "/spec/rules/0/backendRefs/0/port", 80.0)
    assert admission.check(present).refused_by_server


def test_without_any_engine_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("cloudgw.admission.rules.importlib.import_module", absent)
    with pytest.raises(rules.Missing, match="pip install cel-expr-python"):
        rules.default_engine.__wrapped__()


def test_a_name_of_a_port_of_an_experimental_backend_is_always_refused() -> None:
    """Its rule compares an optional with null, which is never equal: so does the server."""
    backend = {
        "apiVersion": "gateway.networking.x-k8s.io/v1alpha1",
        "kind": "XBackend",
        "metadata": {"name": "a"},
        "spec": {
            "type": "ExternalHostname",
            "port": {"port": 80},
            "externalHostname": {"hostname": "a.example.com"},
        },
    }
    assert admission.check(backend, channel="experimental").problems == ()
    backend["spec"]["port"]["name"] = "web"  # type: ignore[index]
    assert admission.check(backend, channel="experimental").refused_by_server
