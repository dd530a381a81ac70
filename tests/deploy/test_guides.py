"""The guides about installing: every link leads somewhere, every piece of values is taken, every manifest is YAML."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.deploy.rendering import CHART, NEEDED, ROOT, rules

GUIDES = [ROOT / "docs" / "guide" / name for name in ("install.md", "works-with.md")]
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
BLOCKS = [
    pytest.param(guide, yaml.safe_load(block), id=f"{guide.stem}-{number}")
    for guide in GUIDES
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", guide.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links_lead_somewhere(guide: Any) -> None:
    text = guide.read_text()
    anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"(?m)^#+ (.+)$", text)}
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        assert not path or (guide.parent / path).exists(), link
        assert not anchor or path or anchor in anchors, link


@pytest.mark.parametrize(("guide", "block"), BLOCKS)
def test_yaml_can_be_copied(guide: Any, block: dict[str, Any]) -> None:
    if "kind" in block:
        assert block.keys() <= {"apiVersion", "kind", "metadata", "spec"}, guide
    else:
        jsonschema_rs.validate(SCHEMA, {**NEEDED, **block})


def test_what_the_guide_names_is_so() -> None:
    text = GUIDES[0].read_text()
    helpers = (CHART / "templates" / "_helpers.tpl").read_text()
    assert "runAsUser: 65532" in helpers
    assert "user 65532" in text
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["kubeVersion"] == ">= 1.30.0-0"
    assert "Kubernetes of 1.30" in text
    (omitted,) = re.findall(r"rbac: \{omit: \[([a-z-]+)\]\}", text)
    assert omitted in rules()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_guide_says_of_the_image_what_is_true(guide: Any) -> None:
    text = guide.read_text()
    assert ":latest" not in text
    if guide.stem == "install":
        assert "No image is published, and none was built" in text
