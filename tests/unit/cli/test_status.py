"""`cloudgw status`: statuses as kubectl would show them, and below them what is not as one would wish."""

from __future__ import annotations

import shutil

import pytest
import yaml

from cloudgw import provider, registry, wishes
from tests.unit.cli import place as places

GUIDE = places.ROOT / "docs" / "guide" / "find-the-cause"
FIRST = places.ROOT / "docs" / "guide" / "first"


@pytest.fixture
def guide(place: places.Place) -> places.Place:
    shutil.copytree(GUIDE, place.folder, dirs_exist_ok=True)
    return place


@pytest.fixture
def first(place: places.Place) -> places.Place:
    shutil.copytree(FIRST, place.folder, dirs_exist_ok=True)
    return place


def rows(out: str, kind: str) -> list[list[str]]:
    """Cells of the table whose head holds the kind."""
    lines = out.splitlines()
    start = next(number for number, line in enumerate(lines) if f"{kind} " in line)
    end = lines.index("", start)
    return [[cell for cell in line.split("   ") if cell.strip()] for line in lines[start + 1 : end]]


def test_all_is_well(first: places.Place) -> None:
    said = first.run("status --complete")
    assert (said.code, said.err) == (0, "")
    assert [cell.strip() for cell in rows(said.out, "GATEWAY")[0]] == ["shop", "edge", "aws", "-", "True", "Unknown"]
    assert [cell.strip() for cell in rows(said.out, "LISTENER OF")[0]][-3:] == ["1", "True", "True"]
    assert "All is as one would wish." in said.out
    assert said.out.count("the cloud was not\nlooked at") == 1
    assert "Not as one would wish" not in said.out


def test_what_is_wrong_is_said_once_with_reason_message_and_file(guide: places.Place) -> None:
    said = guide.run("status --complete")
    assert said.code == 2
    wrong = said.out.partition("Not as one would wish:")[2]
    for name, reason in {
        "blog  (4-blog.yaml:1)": "Accepted=False (NoMatchingListenerHostname)",
        "cart  (2-cart.yaml:1)": "Accepted=False (NoMatchingParent)",
        "checkout  (1-checkout.yaml:1)": "ResolvedRefs=False (RefNotPermitted)",
        "offers  (3-offers.yaml:1)": "Accepted=False (NotAllowedByListeners)",
        "search  (5-search.yaml:1)": "ResolvedRefs=False (BackendNotFound)",
    }.items():
        assert wrong.count(f"HTTPRoute shop/{name}") == 1
        assert wrong.count(reason) == 1
    assert "account" not in wrong
    assert "`cloudgw explain httproute/blog -n shop` says more" in wrong


def test_json_is_a_list_in_kubernetes_shape(guide: places.Place) -> None:
    found = guide.run("status --complete --output json").json
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    by_name = {(item["kind"], item["metadata"]["name"]): item for item in found["items"]}
    edge = by_name["Gateway", "edge"]
    assert edge["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert edge["metadata"] == {"namespace": "platform", "name": "edge", "generation": 0}
    assert [one["attachedRoutes"] for one in edge["status"]["listeners"]] == [4, 0]
    cart = by_name["HTTPRoute", "cart"]["status"]["parents"]
    assert [one["parentRef"]["sectionName"] for one in cart] == ["https"]
    assert {one["type"]: one["status"] for one in cart[0]["conditions"]} == {
        "Accepted": "False",
        "ResolvedRefs": "True",
    }
    features = [one["name"] for one in by_name["GatewayClass", "public"]["status"]["supportedFeatures"]]
    assert "Gateway" in features
    assert features == sorted(features)
    assert "namespace" not in by_name["GatewayClass", "public"]["metadata"]
    assert yaml.safe_load(guide.run("status --complete --output yaml").out) == found


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("gateway", {("Gateway", "edge")}),
        ("gc,gtw", {("GatewayClass", "public"), ("Gateway", "edge")}),
        ("httproute/cart gtw", {("HTTPRoute", "cart"), ("Gateway", "edge")}),
        ("httproute/shop/cart", {("HTTPRoute", "cart")}),
        ("-n platform", {("GatewayClass", "public"), ("Gateway", "edge")}),
        ("httproute -n platform", set()),
    ],
)
def test_only_what_is_named(guide: places.Place, words: str, names: set[tuple[str, str]]) -> None:
    found = guide.run(f"status {words} --complete --output json").json
    assert {(item["kind"], item["metadata"]["name"]) for item in found["items"]} == names


def test_the_exit_code_speaks_of_what_is_shown(guide: places.Place) -> None:
    assert guide.run("status gateway --complete").code == 0
    assert guide.run("status httproute/account-v2 --complete").code == 0
    assert guide.run("status httproute/cart --complete").code == 2


def test_a_wrong_name_is_an_error(guide: places.Place) -> None:
    said = guide.run("status httproute/catr")
    assert said.code == 1
    assert "did you mean shop/cart?" in said.err


def test_routes_of_nobodys_gateway_are_named(guide: places.Place) -> None:
    route = guide.folder / "2-cart.yaml"
    route.write_text(route.read_text().replace("name: edge", "name: elsewhere"))
    said = guide.run("status --complete")
    line = "HTTPRoute shop/cart: parents: Gateway platform/elsewhere (does not exist)  (2-cart.yaml:1)"
    assert line in said.out
    alone = guide.run("status -f 2-cart.yaml")
    assert "Gateway platform/elsewhere (cannot be seen)" in alone.out
    assert alone.code == 2


def test_routes_of_others_are_no_fault(guide: places.Place) -> None:
    file = guide.folder / "class.yaml"
    file.write_text(file.read_text().replace("cloudgw.dev/gateway-controller", "example.com/other"))
    said = guide.run("status --complete")
    assert said.code == 0
    assert "Nothing here has to do with a GatewayClass" in said.out
    assert "HTTPRoute shop/blog: parents: Gateway platform/edge  (4-blog.yaml:1)" in said.out


def test_refused_parameters_are_the_class_fault(first: places.Place) -> None:
    file = first.folder / "shop.yaml"
    file.write_text(file.read_text().replace("  region:", "  regoin:"))
    said = first.run("status gc --complete")
    assert said.code == 2
    assert "Accepted=False (InvalidParameters)" in said.out
    assert "regoin" in said.out


def test_a_provider_that_is_not_installed_is_a_note(first: places.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> provider.Provider | None:
        return None

    monkeypatch.setattr(registry, "by_parameters_kind", missing)
    said = first.run("status --complete")
    assert said.code == 0
    assert "note: GatewayClass aws: no installed provider reads AWSGatewayClassParameters" in said.out


def test_what_cannot_be_read_is_an_error_and_the_rest_is_shown(guide: places.Place) -> None:
    route = guide.folder / "2-cart.yaml"
    route.write_text(route.read_text().replace("port: 80", "port: eighty"))
    said = guide.run("status --complete")
    assert said.code == 1
    assert "error: 2-cart.yaml:" in said.err
    assert "HTTPRoute shop/blog" in said.out


def test_features_are_names_of_the_gateway_api_that_are_supported_whole() -> None:
    rows = (
        provider.Capability(feature="HTTPRoute", support="yes"),
        provider.Capability(feature="GRPCRoute", support="partial"),
        provider.Capability(feature="Gateway", support="yes"),
        provider.Capability(feature="HTTPRoute.spec.hostnames", support="yes"),
        provider.Capability(feature="weights of a rule", support="yes"),
    )
    assert wishes.features(rows) == ("Gateway", "HTTPRoute")
