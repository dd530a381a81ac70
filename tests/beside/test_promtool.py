"""Prometheus' own tool on what a controller that works exports, and on our alert rules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from cloudgw_local.cluster import build
from tests.controller import manifests
from tests.controller.stage import ROOT, Stage, until

pytestmark = pytest.mark.cluster
PATIENCE = 120.0  # seconds; on a machine with nothing else to do, a tenth
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
PROGRAMMED = 'cloudgw_gateway_programmed{namespace="shop", name="edge", job="cloudgw", instance="%s"}'


def promtool(*arguments: str, text: str = "") -> str:
    """What it says; fails where it finds anything."""
    command = [str(build.tools(build.PROMTOOL) / "promtool"), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_metrics_of_a_working_controller(stage: Stage) -> None:
    """After a Gateway, a route and a call to every cloud: nothing to say about names, units, help or duplicates."""
    controller = stage.start()
    controller.wait_leads(PATIENCE)
    for cloud in ("aws", "azure", "gcp"):
        stage.apply(*manifests.of_class(cloud, cloud), manifests.gateway(f"edge-{cloud}", cloud))
    for cloud in ("aws", "azure", "gcp"):
        stage.programmed("shop", f"edge-{cloud}", PATIENCE)
    until(lambda: controller.metric("cloudgw_gateway_programmed") == 3, "all three are counted")
    text = controller.get("/metrics")[1]
    for cloud in ("aws", "azure", "gcp"):
        assert f'provider="{cloud}"' in text
    assert promtool("check", "metrics", text=text) == ""


def test_the_rules_are_rules() -> None:
    count = sum(len(group["rules"]) for group in yaml.safe_load(RULES.read_text())["groups"])
    assert f"SUCCESS: {count} rules found" in promtool("check", "rules", str(RULES))


def test_a_gateway_that_is_not_programmed_rings_once(tmp_path: Path) -> None:
    """Two processes export it, of which one leads: one alert, after half an hour, with the Gateway's own names."""
    labels = {"severity": "warning", "namespace": "shop", "name": "edge"}
    annotations = next(
        rule["annotations"]
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if rule["alert"] == "CloudgwGatewayNotProgrammed"
    )
    said = {
        key: text.replace("{{ $labels.namespace }}", "shop").replace("{{ $labels.name }}", "edge")
        for key, text in annotations.items()
    }
    alert = {"alertname": "CloudgwGatewayNotProgrammed", "exp_alerts": []}
    rings = alert | {"exp_alerts": [{"exp_labels": labels, "exp_annotations": said}]}
    case = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": PROGRAMMED % "one", "values": "0x60"},
                    {"series": PROGRAMMED % "two", "values": "1x60"},
                ],
                "alert_rule_test": [{"eval_time": "29m", **alert}, {"eval_time": "31m", **rings}],
            }
        ],
    }
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(case))
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "case.yaml"))
