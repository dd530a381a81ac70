"""Text becomes documents: the quick reader and the exact one agree, and lines are right in every form of a file."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.objects import HTTPRoute
from cloudgw.sources import documents, events, scalars
from tests.unit.sources import examples

# Plain scalars that YAML 1.1, YAML 1.2 and kubectl could take for different things.
WORDS = [
    *("a", "b-c", "/x", "a:b", "a#b", "*.io", "&x", "!y", "%z", "@a", "`b", "{e}", "[f]", "|x", ">y", "ä", "<<x"),
    *("''", "'c'", '"d"', "'on'", "'1'", '"\\u00e9"', "-", "?", ":", ",", "#", "[]", "{}", "=", "<<"),
    *("1", "-1", "+1", "0", "08", "012", "-012", "0o17", "0o8", "0o1_7", "0x1f", "0x", "0b11", "1_000", "1_0.5"),
    *("1.5", "1.", ".5", "+.5", "1e", "1e3", "1.0e+3", ".inf", "-.inf", ".nan", "1:30", "190:20:30"),
    *("~", "null", "Null", "yes", "Yes", "on", "OFF", "n", "N", "y", "true", "TRUE"),
    *("2026-01-02", "2026-01-02T03:04:05Z"),
]
KEYS = ("a", "b", "kind", "items", "1", "on", "a/b", "a~b", "<<", "''")


@st.composite
def blocks(draw: st.DrawFn, depth: int = 3, indent: str = "") -> str:
    """Text that is often YAML: block and flow collections, duplicates, anchors, tags, comments, broken lines."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        key = draw(st.sampled_from([f"{key}:" for key in KEYS] + ["-"]))
        kind = draw(st.integers(0, 9 if depth else 6))
        if kind < 5:
            lines.append(f"{indent}{key} {draw(st.sampled_from(WORDS))}")
        elif kind == 5:
            extra = [
                "&x 1",
                "*x",
                "!t 1",
                "!!str 1",
                "# note",
                "|\n  text: x",
                "{a: 1, b: [on, {}]}",
                "[a, 'b']",
                "{{ .x }}",
            ]
            lines.append(f"{indent}{key} {draw(st.sampled_from(extra))}")
        elif kind == 6:
            lines.append(draw(st.sampled_from(["---", "# c", "", "...", "\tx: 1", "%YAML 1.1"])))
        else:
            lines.append(f"{indent}{key}")
            lines.append(draw(blocks(depth - 1, indent + "  ")).rstrip("\n"))
    return "\n".join(lines) + "\n"


def exact(text: str) -> list[documents.Document]:
    """Every document read node by node."""
    return [document for start, chunk in documents._chunks(text) for document in documents._yaml(chunk, start)]


def facts(found: list[documents.Document]) -> list[Any]:
    return [(one.line, repr(one.data), one.problems, dict(one.lines)) for one in found]


@settings(max_examples=400, deadline=None)
@given(blocks())
def test_both_readers_agree(text: str) -> None:
    assert facts(list(documents.read("#\n" + text))) == facts(exact("#\n" + text))


@pytest.mark.parametrize("word", WORDS)
def test_both_readers_agree_on_every_word(word: str) -> None:
    for text in (f"a: {word}\n", f"- {word}\n", f"{word}\n", f"# \na: [{word}]\n", f"{word}: 1\n"):
        assert facts(list(documents.read("#\n" + text))) == facts(exact("#\n" + text))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", True),
        ("No", False),
        ("y", True),
        ("N", False),
        ("2026-01-02", "2026-01-02"),
        ("1:30", "1:30"),
        ("012", 10),
        ("0o17", 15),
        ("0x1f", 31),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("1.5", 1.5),
        ("~", None),
        ("", None),
        ("'on'", "on"),
        ('"5"', "5"),
    ],
)
def test_values_mean_what_they_mean_to_kubectl(written: str, value: object) -> None:
    (document,) = documents.read(f"a: {written}\n")
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


def test_the_quick_reader_reads_what_people_write() -> None:
    """Else it would be quick for nobody."""
    for path in sorted((Path(__file__).parents[2] / "golden" / "routing").glob("*/in.yaml")):
        for _, chunk in documents._chunks(path.read_text()):
            assert events.read(chunk, scalars.Plain()) is not None, path
    for _, chunk in documents._chunks(examples.everything()):
        assert events.read(chunk, scalars.Plain()) is not None


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\n", "a: *x\n", "<<: {a: 1}\n", "a: !t 1\n", "a: 1\na: 1\n", "? [a]\n: 1\n", "a: [\n", "!t {a: 1}\n"],
)
def test_the_quick_reader_gives_up_where_it_must(text: str) -> None:
    assert events.read(text, scalars.Plain()) is None


ITEM = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "a", "labels": {"a/b": "c"}},
    "spec": {"rules": [{"backendRefs": [{"name": "a", "port": 80}]}]},
}


def listed(count: int) -> dict[str, Any]:
    items = [copy.deepcopy({**ITEM, "metadata": {"name": f"r{number}"}}) for number in range(count)]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"items": [1]}, "items": items}


@pytest.mark.parametrize("indent", [0, 2])
@pytest.mark.parametrize("before", ["", "\n\n"])
def test_the_line_of_every_object_of_a_json_list(indent: int, before: str) -> None:
    text = before + json.dumps(listed(4), indent=indent)
    routes = {route.meta.name: route for route in examples.load(text).snapshot.all(HTTPRoute)}
    lines = text.splitlines()
    for number in range(4):
        name = next(at for at, line in enumerate(lines) if f'"r{number}"' in line)
        first = max(at for at, line in enumerate(lines[: name + 1]) if "apiVersion" in line)
        assert routes[f"r{number}"].meta.line == first  # `{` stands on the line above, and lines count from 1


def test_the_line_of_one_json_object_and_of_its_mistakes() -> None:
    text = json.dumps({**ITEM, "spec": {"parentRefs": 3}}, indent=2)
    loaded = examples.load("\n" + text)
    assert loaded.errors[0].message.startswith("(standard input):2: HTTPRoute default/a: /spec/parentRefs: is a number")
    twice = examples.load('{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "kind": "CANARY"}')
    assert "the key 'kind' appears twice" in twice.errors[0].message
    assert "CANARY" not in twice.errors[0].message


@pytest.mark.parametrize("style", [False, None])
def test_the_line_of_every_object_of_a_yaml_list(style: bool | None) -> None:
    text = "# all\n" + yaml.safe_dump(listed(4), sort_keys=False, default_flow_style=style)
    found = {route.meta.name: route.meta.line for route in examples.load(text).snapshot.all(HTTPRoute)}
    begins = [at for at, line in enumerate(text.splitlines(), 1) if line.startswith("- apiVersion")]
    assert [found[f"r{number}"] for number in range(4)] == begins


def test_the_line_of_a_field_in_a_list() -> None:
    text = yaml.safe_dump(listed(3), sort_keys=False).replace("port: 80", "port: x")
    loaded = examples.load(f"# all\n{text}")
    lines = [at for at, line in enumerate(text.splitlines(), 2) if "port: x" in line]
    assert [(error.origin.line if error.origin else 0) for error in loaded.errors] == lines


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1} x',
        '{"a": 1,}',
        "{a: 1}",
        '["a"',
        '{"a": 1}\n---\n{"b": 2}\n',
        '{"items": [1, 2',
        "{",
        '{"a" 1}',
        "{1: 2}",
    ],
)
def test_what_begins_like_json_and_is_none_is_read_as_yaml(text: str) -> None:
    assert facts(list(documents.read(text))) == facts(exact(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["items", "a", "kind"]), inner),
        max_leaves=12,
    ),
    st.sampled_from([None, 1]),
)
def test_json_is_what_json_is(value: Any, indent: int | None) -> None:
    value = {"first": value, "items": [value, {"items": [value]}]}
    (document,) = documents.read(json.dumps(value, indent=indent))
    assert document.data == value
    assert not document.problems
