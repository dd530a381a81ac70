"""Manifests: one bad object harms only itself, and every error says where, what, why and what to do."""

from __future__ import annotations

import gc
import io
from pathlib import Path

import pytest

from cloudgw import objects
from cloudgw.objects import Gateway, GatewayClass, HTTPRoute, Service, Unknown
from cloudgw.sources import manifests

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  ports:
  - port: 80
    targetPort: http
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs: [{name: cart, port: 80}]
"""


def load(text: str, *, complete: bool = False) -> manifests.Loaded:
    return manifests.load(["-"], stdin=io.StringIO(text), complete=complete)


def only_error(text: str) -> str:
    loaded = load(text)
    (error,) = loaded.errors
    assert error.level == "error"
    assert "\n" not in error.message
    return error.message


def test_several_documents_with_lines() -> None:
    loaded = load(f"# first\n---\n{SERVICE}---\n{ROUTE}")
    assert not loaded.errors
    service = loaded.snapshot.get(Service, "shop", "cart")
    assert isinstance(service, Service)
    assert (service.meta.file, service.meta.line) == ("(standard input)", 3)
    assert service.ports[0].target == "http"
    route = loaded.snapshot.get(HTTPRoute, "default", "cart")
    assert isinstance(route, HTTPRoute)
    assert route.parents[0].namespace == "default"
    assert route.meta.line == 11


def test_folders_files_and_formats(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "deep" / "a.yml").write_text(SERVICE)
    (tmp_path / ".hidden" / "a.yaml").write_text("a: [")
    (tmp_path / "kustomization.yaml").write_text("resources: []\n")
    (tmp_path / "b.json").write_text('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}')
    (tmp_path / "readme.txt").write_text("nothing")
    loaded = manifests.load([str(tmp_path)], complete=True)
    assert not loaded.errors
    assert not loaded.notes
    assert loaded.snapshot.complete == {"*"}
    assert set(loaded.snapshot.objects) == {"Service", "Namespace"}


def test_an_empty_folder_and_a_missing_file(tmp_path: Path) -> None:
    loaded = manifests.load([str(tmp_path), str(tmp_path / "no.yaml")], complete=True)
    assert [note.code for note in loaded.notes] == ["Empty"]
    assert [note.code for note in loaded.errors] == ["Unreadable", "Incomplete"]
    assert loaded.snapshot.complete == frozenset()


@pytest.mark.parametrize("kind", ["List", "HTTPRouteList"])
def test_lists(kind: str) -> None:
    item = "\n".join("  " + line for line in ROUTE.splitlines()).replace("  apiVersion", "- apiVersion", 1)
    loaded = load(f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nitems:\n{item}\n")
    route = loaded.snapshot.get(HTTPRoute, "default", "cart")
    assert isinstance(route, HTTPRoute)
    assert route.meta.line == 4


def test_items_of_a_typed_list_need_no_kind() -> None:
    loaded = load("apiVersion: v1\nkind: NamespaceList\nitems: [{metadata: {name: a}}]\n")
    assert isinstance(loaded.snapshot.get("Namespace", "", "a"), objects.Namespace)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SERVICE.replace("port: 80", 'port: "eighty"'), [":6:", "Service shop/cart", "/spec/ports/0/port", "a number"]),
        (SERVICE.replace("port: 80", 'port: "80"'), ["write port: 80 without quotes"]),
        (SERVICE.replace("port: 80", "port: 80000"), ["use a number from 1 to 65535"]),
        (SERVICE.replace("  - port: 80\n  ", "  - "), ["/spec/ports/0/port: is missing; add port"]),
        (SERVICE.replace("  ports:", "  ports: 3\n  portz:"), ["/spec/ports: is a number (3), must be a list"]),
        (SERVICE + "kind: Pod\n", [":8:", "Service shop/cart", "/kind", "appears twice (first on line 2)"]),
        (SERVICE.replace("targetPort: http", "targetPort: !Ref http"), ["Service shop/cart", "YAML tag"]),
        (SERVICE.replace("  - port", "\t- port"), [":6:", "tab", "use spaces"]),
        (SERVICE.replace("80", "{{ .Values.port }}"), ["render a template first"]),
        ("kind: Service\nmetadata: {name: a}\n", [":1:", "apiVersion is missing"]),
        ("apiVersion: v1\nmetadata: {name: a}\n", [":1:", "kind is missing"]),
        ("- a\n- b\n", ["is a list, must be a mapping"]),
        (SERVICE.replace("name: cart, ", ""), ["/metadata/name", "every object needs a name"]),
        (ROUTE.replace("/v1", "/v1alpha2"), [":1:", "HTTPRoute default/cart", "/apiVersion", "v1alpha2", "use v1"]),
        (
            ROUTE.replace("[{name: edge}]", "[{name: 5}]"),
            ["/spec/parentRefs/0/name: is a number (5), must be a string"],
        ),
        (ROUTE.replace("spec:", "spec:\n  hostnames: [a_b]"), ["/spec/hostnames/0", "no hostname"]),
        (ROUTE.replace("port: 80", "port: 80, weight: -1"), ["weight", "from 0 to 1000000"]),
    ],
)
def test_errors(text: str, expected: list[str]) -> None:
    message = only_error(text)
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (SERVICE.replace("port: 80", "port: x"), {"*"}),
        (SERVICE + "kind: Pod\n", set()),  # perhaps another object, for want of a line ---
    ],
)
def test_an_object_that_cannot_be_read_is_unknown_and_not_absent(text: str, complete: set[str]) -> None:
    loaded = load(text, complete=True)
    assert isinstance(loaded.snapshot.get(Service, "shop", "cart"), Unknown)
    assert loaded.snapshot.complete == complete


@pytest.mark.parametrize("broken", ["a: [\n", "kind: Service\n", "\tx: 1\n", "a: *nobody\n", "a: \x01\n", "{\n"])
def test_a_document_that_cannot_be_read_hides_nothing(broken: str) -> None:
    loaded = load(f"{SERVICE}---\n{broken}---\n{ROUTE}", complete=True)
    assert [error.code for error in loaded.errors][-1] == "Incomplete"
    assert loaded.snapshot.complete == frozenset()
    assert isinstance(loaded.snapshot.get(Service, "shop", "cart"), Service)
    assert isinstance(loaded.snapshot.get(HTTPRoute, "default", "cart"), HTTPRoute)


def test_a_cycle_and_a_bomb() -> None:
    assert "refers to itself" in only_error(SERVICE + "status: &a [*a]\n")
    bomb = "status:\n" + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(30))
    assert not load(SERVICE + bomb).errors


def test_the_same_object_twice() -> None:
    assert not load(f"{SERVICE}---\n{SERVICE}").errors
    loaded = load(f"{SERVICE}---\n{SERVICE.replace('80', '81')}")
    (error,) = loaded.errors
    assert "(standard input):9" in error.message
    assert "(standard input):1" in error.message
    assert isinstance(loaded.snapshot.get(Service, "shop", "cart"), Unknown)


def test_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(f"{SERVICE}---\n{ROUTE}")
    (tmp_path / "head.yaml").write_text(SERVICE)
    (tmp_path / "bad.yaml").write_text("a: [")
    base, head = str(tmp_path / "base.yaml"), str(tmp_path / "head.yaml")
    loaded = manifests.load([head], base=[base])
    assert loaded.snapshot.absent == {("HTTPRoute", "default", "cart")}
    assert loaded.snapshot.get(HTTPRoute, "default", "cart") is None
    assert isinstance(loaded.snapshot.get(HTTPRoute, "default", "other"), Unknown)
    blind = manifests.load([head, str(tmp_path / "bad.yaml")], base=[base])
    assert blind.snapshot.absent == frozenset()
    assert [error.code for error in blind.errors] == ["InvalidSyntax", "Incomplete"]


def test_an_unreadable_object_of_the_base_is_still_absent(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SERVICE.replace("port: 80", "port: x"))
    (tmp_path / "head.yaml").write_text(ROUTE)
    loaded = manifests.load([str(tmp_path / "head.yaml")], base=[str(tmp_path / "base.yaml")])
    assert loaded.snapshot.absent == {("Service", "shop", "cart")}
    assert not loaded.errors
    assert loaded.notes[0].message.startswith("base: ")


def test_kinds_that_are_not_ours() -> None:
    loaded = load(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\n"
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n---\n"
        "apiVersion: gateway.networking.k8s.io/v1\nkind: XMesh\nmetadata: {name: a}\n"
    )
    assert not loaded.errors
    assert [note.code for note in loaded.notes] == ["UnsupportedKind"]
    assert loaded.snapshot.objects == {}


def test_parameters_of_any_kind() -> None:
    loaded = load(
        "apiVersion: cloudgw.dev/v1alpha1\nkind: ExampleGatewayClassParameters\nmetadata: {name: a}\n"
        "spec: {x: [1]}\n---\n"
        "apiVersion: cloudgw.dev/v1alpha1\nkind: ExampleGatewayParameters\nmetadata: {name: a}\n"
    )
    found = loaded.snapshot.get("ExampleGatewayClassParameters", "", "a")
    assert isinstance(found, objects.Parameters)
    assert found.spec == {"x": [1]}
    assert isinstance(loaded.snapshot.get("ExampleGatewayParameters", "default", "a"), objects.Parameters)


def test_unhandled_fields() -> None:
    loaded = load("""\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: a}
spec: {controllerName: x.io/y, description: words, paramsRef: {name: a}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: a, annotations: {x: y}}
spec:
  gatewayClassName: a
  addresses: [{value: 10.0.0.1, pool: x}]
  infrastructure: {labels: {}, size: big}
  allowedListeners: {namespaces: {form: All}}
  defaultScope: All
  tls: {frontend: {default: {verify: true}}, backend: {sni: x}}
  listeners:
  - {name: a, port: 443, protocol: HTTPS, hostName: x, tls: {options: {a: b}, mode: null}}
status: {addresses: []}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec:
  useDefaultGateways: All
  parentRefs: [{name: a, sectioName: x}]
  rules:
  - timeouts: {request: 1s, idle: 2s}
    retry: {attempts: 3, budget: 1}
    sessionPersistence: {type: Cookie, cookie: {path: /}}
    deadline: 3
    matches: [{path: {typ: Exact}, header: []}]
    filters:
    - {type: CORS, cors: {maxage: 3}}
    - {type: RequestRedirect, requestRedirect: {}, urlRewrite: {}}
    - {type: New, new: {}}
    backendRefs:
    - {name: a, port: 80, wait: 1, filters: [{type: RequestMirror, requestMirror: {backendRef: {name: b, prt: 1}}}]}
""")
    assert not loaded.errors
    gateway_class = loaded.snapshot.get(GatewayClass, "", "a")
    assert isinstance(gateway_class, GatewayClass)
    assert gateway_class.meta.unhandled == ("/spec/paramsRef",)
    gateway = loaded.snapshot.get(Gateway, "default", "a")
    assert isinstance(gateway, Gateway)
    assert gateway.meta.unhandled == (
        "/spec/addresses/0/pool",
        "/spec/allowedListeners/namespaces/form",
        "/spec/defaultScope",
        "/spec/infrastructure/size",
        "/spec/tls/backend/sni",
        "/spec/tls/frontend/default/verify",
    )
    assert gateway.listeners[0].unhandled == ("/spec/listeners/0/hostName", "/spec/listeners/0/tls/options")
    route = loaded.snapshot.get(HTTPRoute, "default", "a")
    assert isinstance(route, HTTPRoute)
    assert route.meta.unhandled == ("/spec/parentRefs/0/sectioName", "/spec/useDefaultGateways")
    rule = route.rules[0]
    assert rule.unhandled == (
        "/spec/rules/0/backendRefs/0/filters/0/requestMirror/backendRef/prt",
        "/spec/rules/0/backendRefs/0/wait",
        "/spec/rules/0/deadline",
        "/spec/rules/0/filters/0/cors/maxage",
        "/spec/rules/0/filters/1/urlRewrite",
        "/spec/rules/0/filters/2/new",
        "/spec/rules/0/matches/0/header",
        "/spec/rules/0/matches/0/path/typ",
        "/spec/rules/0/retry/budget",
        "/spec/rules/0/sessionPersistence/cookie/path",
        "/spec/rules/0/timeouts/idle",
    )
    assert rule.filters[2] == objects.OtherFilter(type="New")


def test_the_garbage_collector_runs_again() -> None:
    assert gc.isenabled()
    load(SERVICE)
    assert gc.isenabled()
    with pytest.raises(ValueError, match="snapshot"):
        manifests.parse_dump("")
    assert gc.isenabled()
    gc.disable()
    try:
        load(SERVICE)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_reading_makes_no_cycles() -> None:
    """Or else what is read while the collector stands still would stay for ever."""
    text = "\n---\n".join([SERVICE, ROUTE, ROUTE.replace("port: 80", "port: x"), "a: [", "a: &a [*a]"])
    load(text)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            load(text)
            load('{"kind": "List", "apiVersion": "v1", "items": [{}]}')
        kept = gc.collect()
    finally:
        gc.enable()
    assert kept < 400  # of many thousand objects; an alias of itself is one, and others may leave some too
