"""`cloudgw explain`: the six causes of the guide are found, and what it says to do makes each route work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.unit.cli import place as places

GUIDE = places.ROOT / "docs" / "guide" / "find-the-cause"
# route -> gate, and (file, text, what the fix makes of it)
CASES = {
    "checkout": ("grant", None),
    "cart": ("listener", ("2-cart.yaml", "sectionName: https", "sectionName: web")),
    "offers": ("allowedRoutes", ("class.yaml", "    team: shop", "    team: shop\n    partners: allowed")),
    "blog": ("hostname", ("4-blog.yaml", "blog.example.org", "blog.example.com")),
    "search": ("port", ("5-search.yaml", "port: 3000", "port: 80")),
    "account-v2": ("precedence", ("6-account.yaml", "name: account-v2", "name: account-v2")),
}


@pytest.fixture
def guide(place: places.Place) -> places.Place:
    shutil.copytree(GUIDE, place.folder, dirs_exist_ok=True)
    return place


@pytest.mark.parametrize("name", CASES)
def test_a_newcomer_finds_the_cause_and_its_fix(guide: places.Place, name: str) -> None:
    gate, edit = CASES[name]
    line = f"explain httproute/{name} --complete"
    said = guide.run(line)
    assert said.code == 2
    assert len(re.findall("^ *> FAILED", said.out, re.MULTILINE)) == 1
    assert f"first failing gate: {gate}: " in said.out
    assert "\nfix:\n" in said.out
    if edit is None:  # the manifest is printed ready to be applied
        _, found, manifest = said.out.partition("apiVersion:")
        (guide.folder / "class.yaml").write_text(f"{(guide.folder / 'class.yaml').read_text()}---\n{found}{manifest}")
    else:
        file, text, other = edit
        written = guide.folder / file
        assert text in written.read_text()
        written.write_text(written.read_text().replace(text, other))
        if name == "account-v2":
            written.write_text(written.read_text().partition("---\n")[2])
    fixed = guide.run(line)
    assert (fixed.code, fixed.err) == (0, "")
    assert "FAILED" not in fixed.out


def test_json_says_the_same(guide: places.Place) -> None:
    said = guide.run("explain httproute/search --complete --output json")
    assert said.code == 2
    assert said.json["cause"]["gate"] == "port"
    assert said.json["cause"]["place"] == "services.yaml:1"
    assert said.json["cause"]["fix"][0].startswith("set port to 80 in spec.rules[0].backendRefs[0]")
    assert said.json["answers"] == [
        'http://search.example.com/ (listener "web"): 500, none of its backendRefs can be used'
    ]
    titles = [section["title"] for section in said.json["sections"]]
    assert titles == ["", 'parentRefs[0]: Gateway platform/edge, sectionName "web"', "rule 0: PathPrefix /"]


@pytest.mark.parametrize("what", ["gc/public", "gtw/edge", "GatewayClass/public", "gateway/platform/edge"])
def test_an_object_without_a_fault_ends_with_0(guide: places.Place, what: str) -> None:
    said = guide.run(f"explain {what} --complete")
    assert (said.code, said.err) == (0, "")
    assert "every gate is passed" in said.out


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("httproute/checkuot", "did you mean shop/checkout?"),
        ("htproute/cart", "kind 'htproute' is not known; did you mean httproute?"),
        ("httproute", "names no object: write KIND/NAME"),
        ("httproute/shop/cart -n platform", "name two namespaces: keep one"),
        ("httproute/cart -n platform", "did you mean shop/cart?"),
        ("gateway/cart", "there is a HTTPRoute of that name"),
    ],
)
def test_a_wrong_name_is_told_what_was_meant(guide: places.Place, line: str, error: str) -> None:
    said = guide.run(f"explain {line}")
    assert said.code == 1
    assert error in said.err
    assert said.out == ""


def test_without_complete_nothing_is_concluded_from_absence(guide: places.Place) -> None:
    said = guide.run("explain httproute/checkout")
    assert said.code == 2
    assert "could not be decided: grant: whether Service payments/pay may be used is unknown" in said.out
    assert "--complete" in said.out


def test_what_cannot_be_read_is_said_and_the_rest_is_explained(guide: places.Place) -> None:
    route = guide.folder / "2-cart.yaml"
    route.write_text(route.read_text().replace("port: 80", "port: eighty"))
    broken = guide.run("explain httproute/cart --complete")
    assert broken.code == 1
    assert "error: 2-cart.yaml:" in broken.err
    assert "first failing gate: object: it could not be read" in broken.out
    assert "first failing gate: hostname" in guide.run("explain httproute/blog --complete").out


def test_every_line_fits(guide: places.Place) -> None:
    for name in CASES:
        out = guide.run(f"explain httproute/{name} --complete").out
        assert max(len(line) for line in out.splitlines()) <= 120


def test_parameters_that_are_refused_are_the_cause(guide: places.Place) -> None:
    file = guide.folder / "class.yaml"
    file.write_text(file.read_text().replace("  region:", "  regoin:"))
    said = guide.run("explain httproute/cart --complete")
    assert said.code == 2
    assert "first failing gate: parameters: AWSGatewayClassParameters public (class.yaml:12):" in said.out
    assert "regoin" in said.out


def test_the_guide_shows_what_is_said_now(guide: places.Place) -> None:
    text = Path(f"{GUIDE}.md").read_text()
    for name in CASES:
        command = f"cloudgw explain httproute/{name} --complete"
        shown = text.partition(f"$ {command}\n")[2].partition("```")[0]
        assert shown == guide.run(command.removeprefix("cloudgw ")).out
