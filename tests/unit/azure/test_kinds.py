"""What the kinds declare is what is built and observed, and how entries with an order meet, warm and stand in."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import pytest

import cloudgw_azure
from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw_azure import kinds, kinds_gateway, kinds_paths, names
from tests.unit.azure import elements

PACKAGE = pathlib.Path(cloudgw_azure.__file__).parent
CHILDREN = [kind for kind in kinds.KINDS.values() if kind.name not in ("gateway", "public-ip")]


def test_the_samples_have_every_kind() -> None:
    assert {model.kind_of(e.address) for e in elements.elements()} == set(kinds.KINDS) - {"public-ip"}


def test_sampled_fields_are_the_declared_ones() -> None:
    for element in elements.elements():
        kind = kinds.KINDS[model.kind_of(element.address)]
        assert set(element.fields) == set(kind.all_fields) - set(kind.optional), element.address


def test_fields_are_declared_once() -> None:
    for kind in kinds.KINDS.values():
        assert len(set(kind.all_fields)) == len(kind.all_fields)
        assert set(kind.traffic) <= set(kind.all_fields)
        assert set(kind.defaults) <= set(kind.all_fields)


def test_children_lie_in_their_gateway_and_are_written_with_it() -> None:
    for kind in CHILDREN:
        assert kind.immutable[0] == "gateway"  # the first parent: what warm entries are made for
        assert kind.atomic
        spec = {"gateway": model.Ref(elements.GATEWAY, name="abc")}
        own = kinds_gateway.GATEWAY.group(elements.GATEWAY, "abc", {})
        assert kind.group(elements.at(kind.name, "x"), "s", spec) == own == f"document:{elements.GATEWAY}@abc"


def test_an_unknown_child_lies_in_its_people_s_gateway() -> None:
    group = kinds.KINDS["certificate"].group(elements.at("certificate", "x"), "", {})
    assert group == f"document:{elements.GATEWAY}@"


def test_paths_are_ordered_in_their_map_and_rules_in_their_gateway() -> None:
    one = model.Ref(elements.at("path-map", "80.any"), name="m")
    spec = {"gateway": model.Ref(elements.GATEWAY, name="g"), "map": one, "paths": ("/a",)}
    assert kinds_paths.PATH_RULE.table_of("x", "y", spec) == f"paths:{one.key}"
    assert kinds_paths.RULE.table_of("x", "y", spec) == f"rules:{elements.GATEWAY}@g"


@pytest.mark.parametrize(
    ("paths", "tokens"),
    [
        (("/Cart", "/cart/*"), ("cart",)),
        (("/a/b", "/c"), ("a", "c")),
        (("/*",), (model.EVERYTHING,)),
        (("/a", "/*"), (model.EVERYTHING,)),
        (("/a*",), (model.EVERYTHING,)),
        (("/a/b*",), ("a",)),
    ],
)
def test_paths_meet_by_their_first_segment(paths: tuple[str, ...], tokens: tuple[str, ...]) -> None:
    assert kinds_paths.PATH_RULE.meets({"paths": paths}) == tokens


LONG = f"{'l' * 50}.example.com"
MEETINGS = [
    ("80 a.example", "80 a.example", True),
    ("80 a.example", "443 a.example", False),
    ("80 ", "443 ", False),
    ("80 a.example", "80 b.example", False),
    ("80 ", "80 a.example", True),
    ("80 ", "80 *.example", True),
    ("80 *.example", "80 a.example", True),
    ("80 *.example", "80 b.a.example", True),
    ("80 *.example", "80 example", False),
    ("80 *.example", "80 *.a.example", True),
    ("80 *.example", "80 *.other", False),
    ("80 *.example", "80 a.other", False),
    ("80 any.example", "80 a.example", False),  # a name, no wildcard
    ("80 any.example", "80 *.example", True),
    (f"80 {LONG}", f"80 {LONG}", True),
    (f"80 {LONG}", f"80 x{LONG}", False),
    (f"80 {LONG}", "80 a.example", False),
    (f"80 {LONG}", f"443 {LONG}", False),
    (f"80 {LONG}", "80 *.example.com", True),  # how a long name ends is not in the logical id
    (f"80 {LONG}", "80 ", True),
    (f"80 *.{LONG}", "80 a.example", True),
    (f"80 any.{LONG}", f"80 *.{LONG}", True),
]


@pytest.mark.parametrize(("one", "other", "met"), MEETINGS)
def test_rules_meet_where_one_request_may_match_both(one: str, other: str, met: bool) -> None:
    def spec(site: str) -> dict[str, Any]:
        port, _, host = site.partition(" ")
        return {"listener": elements.to("listener", names.logical(port, host or "any"))}

    meeting = kinds_paths.RULE.meeting
    assert meeting is not None
    assert meeting(spec(one), spec(other)) is met
    assert meeting(spec(other), spec(one)) is met


def test_a_rule_that_somebody_gave_another_listener_meets_all() -> None:
    meeting = kinds_paths.RULE.meeting
    assert meeting is not None
    assert meeting({"listener": "/elsewhere"}, {"listener": elements.to("listener", "80.a.example")})
    assert meeting({}, {})


def test_a_host_that_cannot_be_made_holds_back_only_what_it_meets() -> None:
    """Its rule waits for a certificate that nobody has: rules of another port, or of other hosts, go."""
    waiting = model.Element(address=elements.at("certificate", "shop.tls"), spec=Unknown("no Secret"))
    found = [waiting if e.address == waiting.address else e for e in elements.elements()]
    found[:0] = elements.site("443.a.other", ("a.other",), "443", elements.to("certificate", "shop.tls"))
    changes = elements.difference(elements.graph(found))
    held = [model.short(c.address) for c in changes if c.waits and model.kind_of(c.address) == "rule"]
    assert sorted(held) == sorted(["rule/443.a.other", f"rule/{elements.logical_wild()}"])


def test_a_path_rule_displaces_in_its_own_map_only() -> None:
    def spec(map_: str, path: str) -> dict[str, Any]:
        return {"map": model.Ref(elements.at("path-map", map_), name="m"), "paths": (path,)}

    displaces = kinds_paths.PATH_RULE.displaces
    assert displaces is not None
    assert displaces(spec("a", "/x/y"), spec("a", "/X"))
    assert displaces(spec("a", "/x"), spec("a", "/*"))
    assert not displaces(spec("a", "/x"), spec("a", "/y"))
    assert not displaces(spec("a", "/x"), spec("b", "/x"))


def observed_gateway(**outputs: Any) -> model.Element:
    return model.Element(address=elements.GATEWAY, spec={}, name="g", outputs=outputs)


def test_a_warm_path_rule_attaches_one_pool_with_its_plain_settings() -> None:
    warm, key = kinds_paths.PATH_RULE.warm, f"{elements.at('path-map', '80.any')}@m"
    assert warm is not None
    pool = model.Ref(elements.at("pool", "shop.cart.8080"), "serving", "p")
    made = warm(observed_gateway(map=key), 3, (pool,))
    assert kinds_paths.PATH_RULE.is_warm(made.address)
    assert made.fields["map"].key == key
    assert made.fields["action"]["pool"].key == pool.key
    assert made.fields["action"]["settings"].to == elements.at("settings", "shop.cart.8080")
    assert all(path.startswith(kinds_paths.WARM_PATH) for path in made.fields["paths"])
    assert set(made.fields) == set(kinds_paths.PATH_RULE.all_fields)
    blank = warm(observed_gateway(map="other@x"), 3, ())
    assert blank.address == made.address  # whatever map is the lowest meanwhile
    assert blank.fields["paths"] == made.fields["paths"]
    assert warm(observed_gateway(map=key), 4, ()).fields["paths"] != made.fields["paths"]
    assert not kinds_paths.PATH_RULE.is_warm(elements.at("path-rule", "80.any/shop.warm.aaaaaaaaaa"))


def test_the_stand_in_answers_the_same_paths_from_the_empty_pool() -> None:
    stand_in = kinds_paths.PATH_RULE.stand_in
    assert stand_in is not None
    changes = elements.difference(elements.graph(elements.elements()))
    made = {change.key: change for change in changes}
    refused = next(c for c in changes if c.address.endswith("shop.r.cccccccccc"))
    assert refused.after is not None
    instead = stand_in(refused.after)
    assert instead is not None
    kept = {name: value for name, value in instead.fields.items() if name not in ("action", "rewrite")}
    assert kept == {name: refused.after.fields[name] for name in kept}
    assert instead.fields["rewrite"] is None
    for ref in (instead.fields["action"]["pool"], instead.fields["action"]["settings"]):
        assert model.short(ref.to).endswith("/none")
        assert f"create {ref.key}" in made  # the very incarnation that build makes
    assert stand_in(model.Element(address=refused.address, spec=Unknown("x"))) is None


def test_a_pool_serves_by_its_share_of_healthy_targets() -> None:
    serving = kinds.KINDS["pool"].serving
    assert serving is not None
    for healthy, targets, share in ((0, 0, 0.0), (1, 2, 0.5), (3, 3, 1.0)):
        seen = model.Element(address="x", spec={}, outputs={"healthy": healthy, "targets": targets})
        assert serving(seen) == share


def test_only_a_public_gateway_exposes_and_addresses_have_one_holder() -> None:
    gateway = kinds_gateway.GATEWAY
    assert gateway.exposes is not None
    inside, outside = elements.gateway().fields, elements.gateway(exposure="Public", private_ip=None).fields
    public = {**outside, "public_ip": model.Ref(elements.at("public-ip", "lb"), "ready", "p")}
    assert gateway.exposes(inside) == frozenset()
    assert gateway.exposes(public) == {"exposure:Public"}
    assert gateway.claims("s", inside) == (f"private-ip:{elements.SUBNET}:10.0.1.250",)
    assert gateway.claims("s", public) == (f"public-ip:{elements.at('public-ip', 'lb')}@p",)


@pytest.mark.parametrize("module", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_only_the_edge_names_the_sdk(module: pathlib.Path) -> None:
    found = re.findall(r"^\s*(?:import|from) azure\b", module.read_text(), re.MULTILINE)
    assert not found or module.name in ("calls.py", "inventory.py", "failures.py")
    assert not re.search(r"^(?:import|from) azure\b", module.read_text(), re.MULTILINE)  # lazily
