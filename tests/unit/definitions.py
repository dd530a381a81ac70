"""Our CustomResourceDefinitions as an API server would apply them, offline: the machinery of `cloudgw.admission` on
the files in crds/. Also what tests draw from a schema. `tests/cluster/test_crds.py` holds this against a real server.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from cloudgw.admission import rules, schemas, shape, structure
from scripts import admission

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "crds"
CLOUDS = ("AWS", "Azure", "GCP")
JUNK: tuple[Any, ...] = ("", " ", "x", "Other", "UPPER", "a" * 600, "10.1.2.3/8", -1, 0, 200, True, [], ["x"], {}, 1.5)


@functools.cache
def documents() -> dict[str, dict[str, Any]]:
    """By kind."""
    found = [yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))]
    return {one["spec"]["names"]["kind"]: one for one in found}


def schema(kind: str) -> dict[str, Any]:
    (version,) = documents()[kind]["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def spec(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = schema(kind)["properties"]["spec"]
    return found


class _Engine:
    """The engine, and the one library of Kubernetes that it lacks: CIDR ranges
    (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cidr-library)."""

    def compile(self, expression: str) -> rules.Program:
        if "isCIDR" in expression:
            assert "string(cidr(self).masked()) == self" in expression, expression
            return _is_shortest_range
        return rules.default_engine().compile(expression)


def _is_shortest_range(text: Any) -> bool:
    try:
        return "/" in text and str(ipaddress.ip_network(text)) == text
    except ValueError:
        return False


@functools.cache
def _root(kind: str) -> schemas.Node:
    store = admission.Store()
    store.node(schema(kind), kind)
    made = [schemas.Rule(expression=rule["rule"], message=rule["message"]) for rule in store.rules]
    nodes: list[schemas.Node] = []
    for words in store.nodes:
        nodes.append(schemas._node(dict(words), nodes, made))
    return nodes[-1]


ENGINE = _Engine()


def problems(kind: str, body: Mapping[str, Any]) -> list[str]:
    """Why a server refuses an object whose spec, or status too, this is; a field that it does not know is refused, as
    kubectl does. body: {"spec": ...}."""
    root, shaper = _root(kind), shape.Shaper()
    data = shaper.shaped(dict(body), root, None)
    found = [f"{pointer}: unknown" for pointer in shaper.unknown]
    data |= {"apiVersion": "cloudgw.dev/v1alpha1", "kind": kind}
    wrong, blocking = structure.problems(data, root, kind)
    found += [f"{one.pointer}: {one.message}" for one in (*shaper.problems, *wrong, *shape.duplicates(data, root))]
    if not blocking:
        found += [f"{one.pointer}: {one.message}" for one in rules.problems(data, root, ENGINE)]
    return found


# what tests draw


def plain(pattern: str) -> str:
    """RE2 in the words of `re`, with a few letters for all: to draw from all takes seconds."""
    return pattern.replace(r"\p{L}\p{N}_", "A-Za-z0-9_éЖ")


def good(found: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema takes by itself; what rules say is left to chance."""
    if "enum" in found:
        return st.sampled_from(found["enum"])
    if found["type"] == "string":
        most = found.get("maxLength", 300)
        if "pattern" in found:
            return st.from_regex(plain(found["pattern"]), fullmatch=True).filter(lambda text: len(text) <= most)
        return st.text("ab <é%", max_size=min(most, 12))
    if found["type"] in ("integer", "number"):
        return st.integers(int(found.get("minimum", 0)), int(found.get("maximum", 9)))
    if found["type"] == "boolean":
        return st.booleans()
    if found["type"] == "array":
        most = min(found["maxItems"], 3)
        return st.lists(good(found["items"]), min_size=found.get("minItems", 0), max_size=most, unique_by=str)
    if "additionalProperties" in found:
        keys = st.sampled_from(("team", "Team", "aws:x", "cloudgw-x", "goog-x", "cost/centre", "é", "", " ", "a" * 130))
        return st.dictionaries(keys, good(found["additionalProperties"]), max_size=3)
    needed = {name: good(found["properties"][name]) for name in found.get("required", ())}
    other = {name: good(below) for name, below in found["properties"].items() if name not in needed}
    return st.fixed_dictionaries(needed, optional=other)


@functools.cache
def specs(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Specs of a kind, as its schema takes them."""
    return good(spec(kind))


_CHANCE: st.SearchStrategy[Any] = st.booleans()


@st.composite
def nearly(draw: Any, kind: str) -> dict[str, Any]:
    """Specs of which at most one thing is no longer as the schema wants it."""
    made: dict[str, Any] = draw(specs(kind))
    if draw(_CHANCE):
        return made
    held = made
    while True:
        deeper = sorted(name for name, below in held.items() if isinstance(below, dict) and below)
        if not deeper or not draw(_CHANCE):
            break
        held = held[draw(st.sampled_from(deeper))]
    if held and draw(_CHANCE):
        held[draw(st.sampled_from(sorted(held)))] = draw(st.sampled_from(JUNK))
    elif held and draw(_CHANCE):
        del held[draw(st.sampled_from(sorted(held)))]
    else:
        held["other"] = draw(st.sampled_from(JUNK))
    return made
