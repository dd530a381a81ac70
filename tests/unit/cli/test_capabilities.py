"""`cloudgw capabilities`: the providers' own rows, in three forms, for one cloud and for several."""

from __future__ import annotations

from cloudgw import registry
from cloudgw.cli import capabilities
from cloudgw.provider import Capability
from tests.unit.cli import place as places

TWO = {
    "one": (
        Capability(feature="A", support="yes"),
        Capability(feature="B", support="no", reason="it | has none", source="https://one.example/b", code="NoB"),
    ),
    "two": (Capability(feature="B", support="partial", reason="half"), Capability(feature="C", support="later")),
}


def test_json_holds_every_row(place: places.Place) -> None:
    found = place.run("capabilities --output json").json
    assert found["targets"] == ["aws", "azure", "gcp"]
    tables = {name: registry.provider(name).capabilities for name in found["targets"]}
    assert [one["feature"] for one in found["features"]] == capabilities.features(tables)
    for name, rows in tables.items():
        said = {one["feature"]: one["targets"][name]["support"] for one in found["features"] if name in one["targets"]}
        assert said == {row.feature: row.support for row in rows}


def test_text_and_markdown_say_why_and_where(place: places.Place) -> None:
    row = next(row for row in registry.provider("aws").capabilities if row.support == "no" and row.source)
    text = place.run("capabilities --target aws")
    markdown = place.run("capabilities --targets aws --output markdown")
    assert (text.code, markdown.code) == (0, 0)
    assert row.feature in text.out
    assert row.source in text.out
    assert f"| {row.feature} | no | " in markdown.out
    assert f"<{row.source}>" in markdown.out


def test_a_target_without_a_provider_is_an_error(place: places.Place) -> None:
    said = place.run("capabilities --target nimbus")
    assert (said.code, said.out) == (1, "")
    assert "no provider of that name is installed (there are: aws, azure, gcp)" in said.err


def test_clouds_name_the_same_things_alike() -> None:
    """Every feature of the Gateway API stands in one line for all clouds: none of them leaves one out."""
    tables = {name: {row.feature for row in registry.provider(name).capabilities} for name in registry.names()}
    named = {name: {one for one in found if one[:1].isupper() and one.isalnum()} for name, found in tables.items()}
    assert named["aws"] == named["azure"] == named["gcp"]
    assert len(named["aws"]) > 40


def test_several_clouds_side_by_side() -> None:
    assert capabilities.features(TWO) == ["A", "B", "C"]
    assert list(capabilities.text(TWO)) == [
        "FEATURE  ONE      TWO",
        "A        yes      -",
        "B        no       partial",
        "  one: it | has none (note NoB)",
        "    https://one.example/b",
        "  two: half",
        "C        -        later",
    ]
    table = capabilities.markdown(TWO)
    assert table.startswith("| what | one | two |\n|---|---|---|\n| A | yes |  |\n| B | no | partial |\n")
    assert "| B | no | it \\| has none (note `NoB`) | <https://one.example/b> |" in table
    cells = capabilities.document(TWO)["features"]
    assert [sorted(one["targets"]) for one in cells] == [["one"], ["one", "two"], ["two"]]
