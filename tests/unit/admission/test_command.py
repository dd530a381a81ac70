"""`cloudgw validate`: files in, lines and an exit code out."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cloudgw.cli import main
from cloudgw.sources import documents

VALID = """\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: front}
spec: {controllerName: example.com/controller}
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: web
  namespace: infra
spec:
  gatewayClassName: front
  listeners:
  - name: web
    port: 80.0
    protocol: HTTP
    routes: {}
  - name: api
    port: "8080"
    protocol: HTTP
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
OWN = "apiVersion: cloudgw.dev/v1alpha1\nkind: Anything\nmetadata: {name: a}\n"


def test_a_valid_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("---\n".join([VALID, SERVICE, OWN]))
    assert main.main(["validate", "-f", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 object checked, 0 invalid: 0 problems, 0 warnings; 2 not checked\n"


def test_problems_name_file_line_object_field_reason_and_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("---\n".join([VALID, GATEWAY]))
    assert main.main(["validate", "-f", str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:17: Gateway infra/web: /spec/listeners/0/routes: is a field of an older version; the server drops it, "
        "kubectl apply refuses it; today it is listeners[].allowedRoutes (kinds, namespaces)",
        f"{file}:19: Gateway infra/web: /spec/listeners/1/port: is '8080', must be a whole number; "
        "write 8080 without quotes",
        "2 objects checked, 1 invalid: 2 problems, 0 warnings; 0 not checked",
    ]


def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text(GATEWAY)
    assert main.main(["validate", "-f", str(tmp_path / "a.yaml"), "--output", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert {name: said[name] for name in ("checked", "invalid", "not_checked")} == {
        "checked": 1,
        "invalid": 1,
        "not_checked": 0,
    }
    assert [(found["line"], found["code"], found["refused_by_server"]) for found in said["findings"]] == [
        (12, "Renamed", False),
        (14, "Schema", True),
    ]


def test_the_channel_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\n"
        "spec: {rules: [{retry: {attempts: 2}}]}\n"
    )
    assert main.main(["validate", "-f", str(file)]) == 1
    assert "--channel experimental" in capsys.readouterr().out
    assert main.main(["validate", "-f", str(file), "--channel", "experimental"]) == 0


def test_a_warning_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(VALID.replace("/v1\n", "/v1beta1\n")))
    assert main.main(["validate", "-f", "-"]) == 0
    assert capsys.readouterr().out.startswith("warning: (standard input):1: GatewayClass front: /apiVersion: ")
    assert main.main(["validate", "-f", str(tmp_path)]) == 0
    assert "no *.yaml, *.yml or *.json file; check the path" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [\n", "is no YAML"),
        ("kind: Gateway\n", "apiVersion or kind is missing; write both as text"),
        ("- 1\n", "is no object"),
        (VALID + "kind: Gateway\n", "this key appears twice"),
        (VALID.replace("example.com/controller", "controller"), "GatewayClass front: /spec/controllerName: "),
    ],
)
def test_what_cannot_be_read_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert main.main(["validate", "-f", str(tmp_path)]) == 1
    assert said in capsys.readouterr().out


def test_an_absent_file_and_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["validate", "-f", str(tmp_path / "absent.yaml")]) == 1
    assert "cannot be read (No such file or directory)" in capsys.readouterr().out
    (tmp_path / "latin.yaml").write_bytes(b"\xe9")
    assert main.main(["validate", "-f", str(tmp_path)]) == 1
    assert "is not UTF-8" in capsys.readouterr().out
    assert main.main(["validate"]) == 1
    assert "give -f FILE" in capsys.readouterr().err


def test_standard_input_that_is_not_utf_8(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"kind: \xff\n"), encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr("sys.stdin", stream)
    assert main.main(["validate", "-f", "-"]) == 1
    assert capsys.readouterr().out.startswith("(standard input): is not UTF-8; save it as UTF-8\n")


def test_lists_are_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (item,) = documents.read(VALID)
    broken = {**item.data, "spec": {}}
    outer = {"apiVersion": "v1", "kind": "List", "items": [item.data, broken]}
    typed = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClassList",
        "items": [{"metadata": {"name": "b"}, "spec": {}}],
    }
    (tmp_path / "a.json").write_text(json.dumps(outer))
    (tmp_path / "b.json").write_text(json.dumps(typed))
    assert main.main(["validate", "-f", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "GatewayClass b: /spec/controllerName: is missing; add it" in out
    assert "3 objects checked, 2 invalid" in out
