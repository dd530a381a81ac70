"""`cloudgw lint` as a person types it: findings, formats, exit codes, and a clock that is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cloudgw.cli import clock
from tests.errors import keys
from tests.unit.cli import place as places

GUIDE = places.ROOT / "docs" / "guide" / "lint-and-trace"
CODES = ["TargetPortNotFound", "Shadowed", "aws/UnsupportedFilter", "NeverAnswers", "UnusualProtocol"]


@pytest.fixture
def guide(tmp_path: Path) -> places.Place:
    folder = tmp_path / "guide"
    shutil.copytree(GUIDE, folder)
    return places.Place(folder)


def rules(found: Any) -> list[str]:
    return [f"{one['target']}/{one['code']}".lstrip("/") for one in found["findings"]]


def test_text(guide: places.Place) -> None:
    said = guide.run("lint --targets aws --complete")
    lines = said.out.splitlines()
    assert said.code == 2
    assert [line.split(" ")[2].rstrip(":") for line in lines[:-1]] == CODES
    assert lines[0].startswith("services.yaml:27: error TargetPortNotFound: Service shop/cart-next port 80: ")
    assert lines[-1] == "1 error, 4 warnings, 3 info (--info shows them); 1 Gateway, targets: aws"
    assert len(guide.run("lint --targets aws --complete --info").out.splitlines()) == len(lines) + 3


def test_json(guide: places.Place) -> None:
    found = guide.run("lint --targets aws --complete --output json").json
    assert rules(found)[:5] == CODES
    assert found["counts"] == {"error": 1, "warning": 4, "info": 3}
    assert (found["targets"], found["findings"][0]["file"], found["findings"][0]["line"]) == (
        ["aws"],
        "services.yaml",
        27,
    )


def test_sarif(guide: places.Place) -> None:
    said = guide.run(f"lint --targets aws --complete -f {guide.folder} --output sarif")
    (made,) = said.json["runs"]
    assert said.code == 2
    assert [one["ruleId"] for one in made["results"]][:5] == CODES
    assert {rule["id"] for rule in made["tool"]["driver"]["rules"]} == {one["ruleId"] for one in made["results"]}
    first = made["results"][0]["locations"][0]["physicalLocation"]
    assert first == {"artifactLocation": {"uri": "services.yaml"}, "region": {"startLine": 27}}
    assert str(guide.folder) not in said.out


def test_exit_codes(guide: places.Place) -> None:
    slice_ = (GUIDE / "services.yaml").read_text().replace("ports: []", "ports: [{name: http, port: 8080}]")
    (guide.folder / "services.yaml").write_text(slice_)
    assert guide.run("lint --targets aws --complete").code == 0  # warnings alone
    assert guide.run("lint --targets aws --complete --fail-on warning").code == 2
    (guide.folder / "routes.yaml").write_text("kind: [")
    said = guide.run("lint --targets aws --complete")
    assert (said.code, "routes.yaml" in said.err) == (1, True)
    broken = guide.run("lint --targets aws --complete --output sarif")
    assert broken.code == 1
    assert broken.json["runs"][0]["invocations"][0]["executionSuccessful"] is False


@pytest.mark.parametrize("word", ["nimbus", "aws,nimbus", "AWS"])
def test_a_target_without_a_provider_is_an_error(guide: places.Place, word: str) -> None:
    said = guide.run(f"lint --targets {word}")
    name = word.rpartition(",")[2]
    assert (said.code, said.out) == (1, "")
    assert said.err == f"error: --targets {name}: no provider of that name is installed (there are: aws, azure, gcp)\n"


def test_targets_are_all_or_those_named(guide: places.Place) -> None:
    assert guide.run("lint --targets aws,azure,gcp --output json").json == guide.run("lint --output json").json
    assert "names no provider" in guide.run("lint --targets ,").err


def test_each_target_says_its_own_and_what_no_cloud_changes_is_said_once(guide: places.Place) -> None:
    found = guide.run("lint --complete --targets aws,azure,gcp --output json").json
    clouds = ["aws", "azure", "gcp"]
    one = {name: guide.run(f"lint --complete --targets {name} --output json").json for name in clouds}
    assert found["targets"] == clouds
    for name, alone in one.items():
        own = [item for item in found["findings"] if item["target"] == name]
        assert own == [item for item in alone["findings"] if item["target"] == name]
        assert own
    common = [item for item in found["findings"] if not item["target"]]
    assert common == [item for item in one["aws"]["findings"] if not item["target"]]
    refused = [item["message"] for item in found["findings"] if item["code"] == "MatchNotExpressible"]
    assert any("a path map looks at paths only, not at headers" in message for message in refused)


def test_the_time_is_the_clocks(guide: places.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is as it is; what moves is the clock."""
    gateway = (GUIDE / "gateway.yaml").read_text()
    tls = (
        "    - name: https\n      protocol: HTTPS\n      port: 443\n      hostname: shop.example.com\n"
        "      tls:\n        certificateRefs:\n          - name: shop-tls\n"
    )
    (guide.folder / "gateway.yaml").write_text(gateway + tls)
    (guide.folder / "tls.json").write_text(json.dumps(keys.secret("good")))
    moments = {"CertificateExpired": 8e9, "": 0.0}
    for code, moment in moments.items():
        monkeypatch.setattr(clock, "of_environment", lambda moment=moment: clock.Fixed(moment))
        found = guide.run("lint -f . --complete --output json")
        assert [rule for rule in rules(found.json) if "Expire" in rule] == [code] * bool(code)
        assert "PRIVATE KEY" not in found.out
    for days in ("-1", "soon"):
        assert "is no number of days" in guide.run(f"lint --expiry-days={days}").err


def test_what_reading_says_is_found_too(guide: places.Place) -> None:
    (guide.folder / "mesh.yaml").write_text(
        "apiVersion: gateway.networking.k8s.io/v1alpha1\nkind: XMesh\nmetadata: {name: mesh}\n"
    )
    assert "UnsupportedKind" in rules(guide.run("lint -f . --complete --output json").json)


def test_parameters_that_are_refused(guide: places.Place) -> None:
    text = (GUIDE / "class.yaml").read_text().replace("region: eu-central-1", "regoin: eu-central-1")
    (guide.folder / "class.yaml").write_text(text)
    said = guide.run("lint --targets aws --complete")
    assert said.code == 2
    assert "error InvalidParameters: GatewayClass public: parametersRef: AWSGatewayClassParameters public" in said.out
