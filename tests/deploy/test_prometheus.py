"""Alert rules and dashboard: PromQL that parses, of metrics and labels that the controller exports."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cloudgw.controller import metrics
from tests.deploy.rendering import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(
        pytest.param(target["expr"].replace("$__rate_interval", "5m"), id=panel["title"])
        for panel in PANELS
        for target in panel["targets"]
    ),
]
promql = importlib.import_module("promql_parser")
OF_PROMETHEUS = {"job", "instance"}  # labels that every scrape adds
DURATION = re.compile(r"(\d+(s|m|h|d))+")


def exported() -> dict[str, set[str]]:
    """Name of a series -> its labels."""
    found: dict[str, set[str]] = {}
    for collector in metrics.REGISTRY._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for name in metrics.REGISTRY._collector_to_names[collector]:
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found


SERIES = exported()


def nodes(node: Any) -> Iterator[Any]:
    """An expression and everything in it."""
    yield node
    for name in ("expr", "lhs", "rhs", "vector_selector"):
        below = getattr(node, name, None)
        if below is not None:
            yield from nodes(below)
    for below in getattr(node, "args", ()) or ():
        yield from nodes(below)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_is_exported(expression: str) -> None:
    selectors = [node for node in nodes(promql.parse(expression)) if type(node).__name__ == "VectorSelector"]
    assert selectors
    known: set[str] = set(OF_PROMETHEUS)
    for selector in selectors:
        assert selector.name in SERIES, selector.name
        known |= SERIES[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in SERIES[selector.name]
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", expression)
    assert {label.strip() for labels in grouped for label in labels.split(",")} <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_names_that_others_export_too_are_narrowed_to_us(expression: str) -> None:
    """controller-runtime's names are everybody's: a queue of another controller is not our alert."""
    shared = re.findall(r"\b(?:controller_runtime|workqueue|rest_client|leader_election)_\w+", expression)
    assert expression.count("and on (job, instance) cloudgw_build_info") == len(shared)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_bad_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Cloudgw[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert DURATION.fullmatch(rule.get("for", "1m"))
    assert not rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith((".", "?"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_labels_in_texts_survive_the_aggregation(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    kept = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in labels.split(",")}
    assert used <= kept


def test_alerts_have_names_of_their_own() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
