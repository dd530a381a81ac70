"""A captured reconciliation can be planned again anywhere, gives the same plan, and holds no secret."""

from __future__ import annotations

import base64
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudgw import pipeline
from cloudgw.cli import capture as command
from cloudgw.controller import capture, redaction, state
from cloudgw.graph import memory, model
from cloudgw.objects import Gateway, Meta, Snapshot
from cloudgw.provider import Inventory, Placement
from tests.errors import writer
from tests.unit.cli import place as places

OWN = "--owner demo --complete -f ."
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Y2FuYXJ5LXNpZ25hdHVyZQ"
CANARIES = (
    "canary-tag-5f1c",
    "canary-header-88e2",
    "canary-match-1b7d",
    "canary-data-0a9e",
    "canary-label-77aa",
    TOKEN,
)
PLANTED = """
apiVersion: v1
kind: Secret
metadata: {name: opaque, namespace: shop}
stringData: {password: canary-data-0a9e, token: TOKEN}
---
apiVersion: v1
kind: Service
metadata:
  name: annotated
  namespace: shop
  labels: {deploy-token: canary-label-77aa}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"password":"canary-data-0a9e"}}'
    vault.example.com/token: TOKEN
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: partner
  namespace: shop
  annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"token":"TOKEN"}'}
spec:
  parentRefs: [{name: edge, sectionName: https}]
  hostnames: [shop.example.com]
  rules:
    - name: partner
      matches:
        - path: {type: PathPrefix, value: /partner}
          headers: [{name: x-api-key, value: canary-match-1b7d}]
      filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set: [{name: Authorization, value: Bearer TOKEN}, {name: x-partner-secret, value: canary-header-88e2}]
      backendRefs: [{name: frontend, port: 80}, {name: annotated, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: other, namespace: lonely}
spec:
  gatewayClassName: aws
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: strangers, namespace: lonely}
spec:
  parentRefs: [{name: other}]
  rules: [{backendRefs: [{name: strange-service, port: 80}]}]
""".replace("TOKEN", TOKEN)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[places.Place]:
    """A folder with captures of one Gateway: before.capture with everything to create, after.capture with nothing to
    do, plain.capture of the same without anything to redact."""
    with writer.cloud() as running:
        folder = tmp_path_factory.mktemp("capture")
        places.examples(folder)
        found = places.Place(folder, dict(places.environment(running)))
        assert found.run(f"capture shop/edge {OWN} -o plain.capture").code == 0
        (folder / "planted.yaml").write_text(PLANTED)
        parameters = (folder / "aws-class.yaml").read_text()
        (folder / "aws-class.yaml").write_text(parameters + "    deploy-token: canary-tag-5f1c\n")
        for name in ("before", "after"):
            said = found.run(f"capture shop/edge {OWN} -o {name}.capture")
            assert said.code == 0, said.err
            if name == "before":
                plan = found.run(f"plan {OWN} --output json").json
                (folder / "plan.txt").write_text(json.dumps(plan))
                said = found.run(f"apply {OWN}")
                assert said.code == 0, said.out + said.err
        yield found


@pytest.fixture
def offline(place: places.Place, monkeypatch: pytest.MonkeyPatch) -> places.Place:
    """No call may leave the process."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return places.Place(place.folder)


def text(place: places.Place, name: str) -> str:
    return (place.folder / name).read_text()


def test_no_secret_is_in_the_file(place: places.Place) -> None:
    key = json.loads((place.folder / "shop-tls.json").read_text())["stringData"]["tls.key"]
    body = [line for line in key.splitlines() if line and "-----" not in line]
    der = base64.b64decode("".join(body))
    told = [*CANARIES, *body, base64.b64encode(key.encode()).decode()[:60], der.hex()[40:80], "PRIVATE KEY", "canary"]
    for name in ("before.capture", "after.capture"):
        found = text(place, name)
        for canary in told:
            assert canary not in found, f"{name}: {canary}"
        for said in ("x-api-key", "x-partner-secret", "deploy-token", "shop-tls", "frontend", "Authorization"):
            assert said in found, f"names stay: {said}"
        assert json.loads(found)["redacted"] > 3


def test_the_file_is_for_its_owner_alone(place: places.Place) -> None:
    assert stat.S_IMODE((place.folder / "before.capture").stat().st_mode) == 0o600


def test_only_what_concerns_the_gateway_is_captured(place: places.Place) -> None:
    found = json.loads(text(place, "before.capture"))
    assert "strangers" not in json.dumps(found["snapshot"]), "a route of another Gateway"
    names = {(item["kind"], item["name"]) for item in found["snapshot"]["objects"]}
    assert {("Gateway", "edge"), ("HTTPRoute", "partner"), ("GatewayClass", "aws"), ("Secret", "shop-tls")} <= names
    assert ("Gateway", "other") not in names
    assert found["owner"] == "demo"
    assert found["versions"]["cloudgw"]
    assert found["flags"] == {
        "complete": True,
        "controller_namespace": "cloudgw-system",
        "files": ["."],
        "owner": "demo",
    }


def test_the_captured_plan_is_the_plan(place: places.Place) -> None:
    plans = [plan for plan in json.loads(text(place, "plan.txt"))["plans"] if plan["gateway"] == "shop/edge"]
    captured = json.loads(text(place, "before.capture"))["plan"]["plans"]
    assert len(captured) == 1
    assert len(captured[0]["changes"]) > 15
    assert captured[0]["digest"] == plans[0]["digest"]


@pytest.mark.parametrize("name", ["before.capture", "after.capture", "plain.capture"])
def test_replay_needs_nothing_and_finds_the_same(name: str, offline: places.Place) -> None:
    said = offline.run(f"replay {name} --output json")
    captured = json.loads(text(offline, name))
    assert (said.code, said.json["replay"]["differences"]) == (0, [])
    assert len(said.json["plans"][0]["changes"]) == len((captured["replay"] or captured)["plan"]["plans"][0]["changes"])
    if name == "plain.capture":
        assert captured["redacted"] == 0
        assert said.json["plans"][0]["digest"] == captured["plan"]["plans"][0]["digest"]
    out = offline.run(f"replay {name}").out
    assert "replay: the plan is the captured one" in out
    assert (f"{captured['redacted']} texts were redacted" in out) == (name != "plain.capture")


def test_replay_shows_what_is_different(offline: places.Place) -> None:
    found = json.loads(text(offline, "plain.capture"))
    changes = found["plan"]["plans"][0]["changes"]
    removed = changes.pop()
    changes[0]["fields"] = {}
    (offline.folder / "moved.capture").write_text(json.dumps(found))
    said = offline.run("replay moved.capture")
    assert said.code == 2
    (lines,) = (said.out[said.out.index("replay: differs") :].splitlines()[1:],)
    assert any(removed["id"] in line and "only in the replay" in line for line in lines)
    assert any(changes[0]["id"] in line and line.endswith(": fields") for line in lines)
    assert len(lines) == 2, lines


def test_replay_of_another_world_differs(offline: places.Place) -> None:
    """The listing decides: without what stands there everything is to be created."""
    before, after = (json.loads(text(offline, name)) for name in ("before.capture", "after.capture"))
    (offline.folder / "mixed.capture").write_text(json.dumps({**after, "inventory": before["inventory"]}))
    said = offline.run("replay mixed.capture --output json")
    assert said.code == 2
    assert sum("only in the replay" in line for line in said.json["replay"]["differences"]) > 15


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("[]", "is no capture of format_version 1"),
        ('{"format_version": 2}', "is no capture of format_version 1"),
        ('{"format_version": 1}', "is no whole capture (KeyError: 'inventory')"),
    ],
)
def test_what_is_no_capture_is_refused(content: str, said: str, offline: places.Place) -> None:
    (offline.folder / "broken.capture").write_text(content)
    found = offline.run("replay broken.capture")
    assert (found.code, found.out) == (1, "")
    assert f"error: broken.capture: {said}; write it anew with `cloudgw capture`" in found.err


def test_any_damage_is_an_error_or_a_difference_but_never_a_crash(offline: places.Place) -> None:
    whole = json.loads(text(offline, "plain.capture"))
    for name in sorted(whole):
        bads: tuple[Any, ...] = (None, [], {}, "x", 7)
        for bad in bads:
            (offline.folder / "damaged.capture").write_text(json.dumps({**whole, name: bad}))
            found = offline.run("replay damaged.capture")
            assert found.code in (0, 1, 2), name
            assert "defect" not in found.err, f"{name} = {bad!r}: {found.err}"


def test_a_gateway_must_be_named_and_known(offline: places.Place) -> None:
    assert "'edge' is no Gateway: give NAMESPACE/NAME" in offline.run(f"capture edge {OWN}").err
    assert offline.run("replay nothing.capture").err.startswith("error: nothing.capture: cannot be read")


def test_what_passes_remember_survives_the_file() -> None:
    placement = Placement("aws", "1", "eu-central-1")
    part = capture.Part(
        inventory=Inventory(placement=placement, content={}, incomplete=("all of it",), began=7.5),
        memory_=pipeline.Memory(
            diary=memory.Diary(
                retired={"a @x": 1.5},
                published={"a": ("x", 2.5)},
                shifts={"create a": 3.0},
                deletions=(1.0, 2.0),
                operations={"g": "https://cloud.example/operations/1?api-version=1&t=638&s=c2VjcmV0c2VjcmV0"},
            ),
            cache=memory.Cache(
                started=1.0,
                written={"g": 2.0},
                detached={"e": 3.0},
                refused={"f": "no"},
                flight={"g": ("f",)},
                full={"g": ("f", "h")},
                scarce={"g"},
                suspects={"g": ("f",)},
                reasons={"g": "because"},
                good={"g": (model.Element(address="a", spec={}),)},
                restoring={"g"},
                mended={"h"},
                broken={"g": (2, 3.5, "late", ("f",))},
            ),
        ),
        approved=frozenset({"create a 1"}),
        held="approval: Always",
        known_uids=frozenset({"u"}),
        spent=frozenset({"0123456789abcdef"}),
        busy=frozenset({"g"}),
        failed=frozenset(),
    )
    gateway = Gateway(meta=Meta(namespace="shop", name="edge"), class_name="aws", listeners=())
    snapshot = Snapshot(objects={"Gateway": {("shop", "edge"): gateway}}, complete=frozenset({"Gateway"}))
    reconcile = capture.Reconcile(gateway=("shop", "edge"), owner="demo", snapshot=snapshot, parts=(part,))
    planned = capture.Planned(plans=(), document={"plans": []}, facts={}, parts=(part,))
    read, document = capture.read(capture.of(reconcile, planned))
    (found,) = read.parts
    part.memory_.cache.good.clear()
    assert found.memory_.cache == part.memory_.cache
    assert document["placements"][0]["diary"]["operations"] == {
        "g": "https://cloud.example/operations/1?api-version=1&t=redacted&s=redacted"
    }
    assert found.memory_.diary.published == part.memory_.diary.published
    assert found.memory_.diary.deletions == (1.0, 2.0)
    for name in ("inventory", "approved", "held", "known_uids", "spent", "busy", "failed"):
        assert getattr(found, name) == getattr(part, name), name
    assert read.snapshot == snapshot
    assert (read.gateway, read.owner) == (("shop", "edge"), "demo")


def test_a_wish_that_waits_for_a_word_is_planned_so_again(place: places.Place) -> None:
    reconcile, _ = capture.read(text(place, "plain.capture"))
    (part,) = reconcile.parts
    held = capture.Part(inventory=part.inventory, held="nobody changed anything")
    (plan,) = capture.plan(capture.Reconcile(**{**_fields(reconcile), "parts": (held,)})).plans
    assert all(change.waits for change in plan.changes if not change.fast)
    word = capture.Part(inventory=part.inventory, held=held.held, approved=plan.dangerous)
    (plan,) = capture.plan(capture.Reconcile(**{**_fields(reconcile), "parts": (word,)})).plans
    assert plan.going


def test_what_a_person_approved_is_captured(
    place: places.Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest stands in the GatewayPlan; the words that it stands for go into the file, and are planned with."""
    for name in ("aws-class.yaml", "gateway.yaml", "services.yaml", "namespaces.yaml", "shop-tls.json"):
        (tmp_path / name).write_text((place.folder / name).read_text())
    parameters = (tmp_path / "aws-class.yaml").read_text()
    (tmp_path / "aws-class.yaml").write_text(parameters.replace("  exposure:", "  deletionBudget: 0\n  exposure:"))
    emptied = places.Place(tmp_path, place.env)

    def waiting() -> tuple[str, int]:
        assert emptied.run(f"capture shop/edge {OWN} -o word.capture").code == 0
        found = json.loads((tmp_path / "word.capture").read_text())["plan"]["plans"][0]
        waits = [wait for change in found["changes"] for wait in change["waits"] if wait["for"] == "approval"]
        return found["digest"], len(waits)

    digest, before = waiting()
    assert before > 5, "the routes are gone: everything of them is deleted"
    kept = command.Remembered(state=state.State(gateway=("shop", "edge")), plan={"spec": {"approvedDigests": [digest]}})
    monkeypatch.setattr(command, "_remembered", lambda *_: kept)
    assert waiting() == (digest, 0)
    assert emptied.run("replay word.capture").code == 0
    spent = state.State(gateway=("shop", "edge"), spent=frozenset({digest}))
    kept = command.Remembered(state=spent, plan={"spec": {"approvedDigests": [digest]}})
    after, waits = waiting()
    assert (after != digest, waits) == (True, before), "its word was used up"
    assert emptied.run("replay word.capture").code == 0


def _fields(reconcile: capture.Reconcile) -> dict[str, Any]:
    return {name: getattr(reconcile, name) for name in ("gateway", "owner", "snapshot", "controller_name")}


# What goes and what stays

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBIjAN\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("data", "gone"),
    [
        ({"tags": {"deploy-token": "canary-1"}}, 1),
        ({"Tags": [{"Key": "DeployToken", "Value": "canary-1"}, {"Key": "team", "Value": "shop"}]}, 1),
        ({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"a": "canary-1"}'}}, 1),
        ({"headers": [{"headerName": "Authorization", "headerValue": "canary-1"}]}, 1),
        ({"headers": [{"headerName": "X-Api-Key", "exactMatch": "canary-1"}]}, 1),
        ({"HttpHeaderConfig": {"HttpHeaderName": "cookie", "Values": ["canary-1", "canary-2"]}}, 2),
        ({"set": [["X-Secret", "canary-1"], ["X-Team", "shop"]]}, 1),
        ({"AuthenticateOidcConfig": {"ClientId": "id", "ClientSecret": "canary-1"}}, 1),
        ({"properties": {"privateKey": "canary-1", "certificate": CERTIFICATE}}, 1),
        ({"pem": CERTIFICATE + KEY.replace("MHcCAQEE", "canary-1")}, 1),
        ({"description": f"made with Bearer canary-1-{'x' * 20}"}, 1),
        ({"headers": [{"name": "x-token", "value": "canary-1"}], "rule": {"id": "r", "made": "if canary-1 then"}}, 2),
    ],
)
def test_what_looks_like_a_credential_goes(data: dict[str, Any], gone: int) -> None:
    clean, count = redaction.document(data)
    assert "canary" not in json.dumps(clean)
    assert count == gone
    assert redaction.document(clean) == (clean, 0), "once is enough"


@pytest.mark.parametrize(
    "data",
    [
        {"labels": {"app": "token-service", "cert-manager.io/secret-name": "shop-tls"}},
        {"cookieBasedAffinity": "Enabled", "affinityCookieName": "sticky", "httpCookie": {"name": "sticky", "ttl": 10}},
        {"kind": "Secret", "namespace": "shop", "name": "api-token", "value": {"fingerprint": "ab" * 32}},
        {"ref": "shop/edge/one/certificate/shop/api-token", "keyVaultSecretId": "https://vault.example/secrets/shop"},
        {
            "retired": {"shop/edge/one/certificate/client-secret @abc": 17.5},
            "published": {"a/b/c/d/secret": ["x", 1.0]},
        },
        {"path": {"type": "PathPrefix", "value": "/token"}, "hostnames": ["token.example.com"]},
        {"remove": ["Authorization", "Cookie"], "add": [["X-Team", "shop"]]},
        {"pem": CERTIFICATE, "digest": "0123456789abcdef", "allow_credentials": True},
        {"message": "HTTPRoute shop/cart: backendRef token-service does not exist; create it"},
    ],
)
def test_names_and_everything_else_stay(data: dict[str, Any]) -> None:
    assert redaction.document(data) == (data, 0)
