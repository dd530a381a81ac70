"""What is written of a URL map comes back equal, whatever Google fills in, and what we never write is seen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cloudgw.graph import model
from cloudgw_gcp import names, shapes_paths, shapes_values
from cloudgw_gcp.shapes_values import Json, Until
from tests.unit.gcp import paths_elements as world

FALLBACK = names.link_of("projects/acme/global/backendServices/none")
TEXT = some.text("abcXYZ09-_/.", min_size=1, max_size=8)
REFS = some.sampled_from(["cart", "pay", "new"]).map(world.service)


def id_of(ref: model.Ref) -> str:
    return f"projects/acme/global/backendServices/{model.short(ref.to).replace('/', '_').replace(':', '-')}"


IDS = {id_of(ref): ref for ref in map(world.service, ("cart", "pay", "new"))}


def ref_of(path: str, until: Until) -> model.Ref | str:
    found = IDS.get(path)
    return model.Ref(found.to, until, found.name) if found is not None else path


def pairs(*parts: some.SearchStrategy[Any]) -> some.SearchStrategy[tuple[Any, ...]]:
    return some.lists(some.tuples(*parts), max_size=3).map(tuple)


def valued(*kinds: str) -> some.SearchStrategy[tuple[str, str]]:
    plain = some.tuples(some.sampled_from(kinds), TEXT)
    bounds = some.tuples(some.integers(-9, 9), some.integers(-9, 9)).map(lambda b: ("range", f"{b[0]}:{b[1]}"))
    special = some.just(("present", ""))
    return some.one_of(plain, special, bounds) if "prefix" in kinds else some.one_of(plain, special)


MATCHES = some.fixed_dictionaries(
    {
        "path": some.tuples(some.sampled_from(["full", "prefix", "template", "regex"]), TEXT.map(lambda t: f"/{t}")),
        "headers": pairs(TEXT, valued("exact", "prefix", "suffix", "regex"), some.booleans()).map(
            lambda found: tuple((name, *value, invert) for name, value, invert in found)
        ),
        "query": pairs(TEXT, valued("exact", "regex")).map(lambda f: tuple((name, *value) for name, value in f)),
    }
)
EDITS = some.none() | some.fixed_dictionaries(
    {"set": pairs(TEXT, TEXT), "add": pairs(TEXT, TEXT), "remove": some.lists(TEXT, max_size=2).map(tuple)}
).filter(lambda found: any(found.values()))
SHARES = some.fixed_dictionaries({"to": REFS, "weight": some.integers(1, 1000), "request": EDITS, "response": EDITS})
PERCENT = some.integers(1, 999_999).map(lambda part: shapes_values.percent(part, 1_000_000))
PART = some.none() | TEXT
ACTIONS = some.one_of(
    some.fixed_dictionaries(
        {
            "type": some.just("forward"),
            "shares": some.lists(SHARES, min_size=1, max_size=3).map(tuple),
            "abort": some.none() | PERCENT.map(lambda share: ((500, share),)),
        }
    ),
    some.fixed_dictionaries({"type": some.just("fail"), "status": some.integers(200, 599)}),
)
REDIRECTS = some.fixed_dictionaries(
    {
        "type": some.just("redirect"),
        "host": PART,
        "path": PART,
        "prefix": PART,
        "https": some.booleans(),
        "code": some.sampled_from([301, 302, 303, 307, 308]),
        "strip_query": some.booleans(),
    }
)
REWRITES = some.none() | some.fixed_dictionaries({"host": PART, "prefix": PART, "template": PART}).filter(
    lambda found: any(found.values())
)
TIMES = some.none() | some.sampled_from(["30s", "0.5s", "0.000000001s", "86400s", "1.25s"])
RULES = some.one_of(some.tuples(ACTIONS, REWRITES, TIMES), some.tuples(REDIRECTS, some.none(), some.none())).flatmap(
    lambda found: some.fixed_dictionaries(
        {
            "matches": some.lists(MATCHES, min_size=1, max_size=3).map(tuple),
            "action": some.just(found[0]),
            "rewrite": some.just(found[1]),
            "timeout": some.just(found[2]),
            "request": EDITS,
            "response": EDITS,
            "extra": some.just(""),
        }
    )
)


def wire(document: Json) -> Json:
    """Over the network and back."""
    found: Json = json.loads(json.dumps(document))
    return found


@settings(max_examples=300, deadline=None)
@given(RULES)
def test_a_route_rule_comes_back_as_it_was_written(spec: Json) -> None:
    written = wire(shapes_paths.write_rule(spec, id_of, FALLBACK))
    assert shapes_paths.read_rule({**written, "description": "x", "priority": 7}, ref_of, FALLBACK) == spec


def test_map_and_matcher_come_back_as_they_were_written() -> None:
    spec = {"fallback": world.service("cart"), "hosts": ("a.example", "b.example"), "extra": ""}
    written = wire(shapes_paths.write_map(spec, id_of))
    assert shapes_paths.read_map({**written, "name": "m", "fingerprint": "f", "tests": [{}]}, ref_of) == {
        "fallback": spec["fallback"],
        "extra": "",
    }
    hosts = [{"hosts": ["b.example"]}, {"hosts": ["a.example"]}]
    assert shapes_paths.read_matcher({**written, "routeRules": [{}]}, hosts, ref_of) == spec


def rules() -> list[tuple[str, Json, str]]:
    """(name, route rule as shown, its matcher's fallback) of the sample world."""
    found = []
    for port in ("80", "8443"):
        for matcher in world.document_of(world.elements(), port)["pathMatchers"]:
            for rule in matcher.get("routeRules") or ():
                found.append((str(rule["description"]), rule, str(matcher["defaultService"])))
    return found


def everywhere(value: Any, change: Callable[[Json], None]) -> Any:
    """A copy in which every object was changed."""
    found = copy.deepcopy(value)

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            for item in part.values():
                walk(item)
            change(part)
        elif isinstance(part, list):
            for item in part:
                walk(item)

    walk(found)
    return found


def beta(part: Json) -> None:
    for name in ("service", "backendService"):
        if name in part:
            part[name] = str(part[name]).replace("www.googleapis.com/compute/v1", "compute.googleapis.com/compute/beta")


def partial(part: Json) -> None:
    for name in ("service", "backendService"):
        if name in part:
            part[name] = names.path_of(str(part[name]))


def filled(part: Json) -> None:
    part |= {"newlyFilledIn": "", "another": [], "third": {}, "fourth": False, "fifth": 0, "sixth": None}


def left_out(part: Json) -> None:
    for name in [name for name, value in part.items() if value in (False, 0, "MOVED_PERMANENTLY_DEFAULT")]:
        del part[name]


def inexact(part: Json) -> None:
    if "percentage" in part:
        part["percentage"] += 0.00001


@pytest.mark.parametrize("change", [beta, partial, filled, left_out, inexact])
def test_what_means_the_same_is_no_difference(change: Callable[[Json], None]) -> None:
    for name, rule, fallback in rules():
        spec = shapes_paths.read_rule(rule, world.ref_of, fallback)
        assert spec["extra"] == "", name
        assert shapes_paths.read_rule(everywhere(rule, change), world.ref_of, fallback) == spec, name


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("customErrorResponsePolicy", {"errorService": FALLBACK}),
        ("routeAction", {"corsPolicy": {"allowOrigins": ["*"]}}),
        ("routeAction", {"requestMirrorPolicy": {"backendService": FALLBACK}}),
        ("routeAction", {"retryPolicy": {"numRetries": 3}}),
        ("routeAction", {"faultInjectionPolicy": {"delay": {"percentage": 5}}}),
        ("routeAction", {"urlRewrite": {"regexRewrite": {"pathPattern": "x"}}}),
        ("matchRules", [{"prefixMatch": "/", "ignoreCase": True}]),
        ("matchRules", [{"prefixMatch": "/", "metadataFilters": [{"filterMatchCriteria": "MATCH_ALL"}]}]),
        ("matchRules", [{"prefixMatch": "/", "headerMatches": [{"headerName": "a", "newMatch": "b"}]}]),
        ("urlRedirect", {"httpsRedirect": True, "newMember": "x"}),
        ("newMember", "x"),
    ],
)
def test_what_we_never_write_is_shown_as_extra(member: str, value: Any) -> None:
    rule = {"matchRules": [{"prefixMatch": "/"}], "service": FALLBACK, member: value}
    if member == "urlRedirect":
        del rule["service"]
    found = shapes_paths.read_rule(rule, ref_of, FALLBACK)["extra"]
    assert list(json.loads(found)) == [member]


@pytest.mark.parametrize(
    "change",
    [
        {"defaultUrlRedirect": {"httpsRedirect": True}},
        {"headerAction": {"requestHeadersToRemove": ["Cookie"]}},
        {"defaultRouteAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 503, "percentage": 100}}}},
        {"defaultRouteAction": {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 50}}}},
        {"defaultRouteAction": None},
        {"defaultService": None},
        {"pathRules": [{"paths": ["/x"]}]},
    ],
)
def test_another_default_is_a_difference(change: Mapping[str, Any]) -> None:
    spec = {"fallback": world.service("cart"), "extra": ""}
    shown = {**shapes_paths.write_map(spec, id_of), **change}
    assert shapes_paths.read_map(shown, ref_of) != spec
    assert shapes_paths.read_matcher(shown, (), ref_of) != {**spec, "hosts": ()}


def test_a_failing_rule_that_names_something_else_than_the_fallback_differs() -> None:
    spec = shapes_paths.read_rule(
        {**shapes_paths.write_rule(RULE_FAILING, id_of, FALLBACK), "service": "projects/x/global/backendServices/y"},
        ref_of,
        FALLBACK,
    )
    assert spec["action"] == RULE_FAILING["action"]
    assert json.loads(spec["extra"]) == {"service": "projects/x/global/backendServices/y"}


RULE_FAILING: Json = {
    "matches": (world.match(("prefix", "/")),),
    "action": shapes_values.fail(500),
    "rewrite": None,
    "request": None,
    "response": None,
    "timeout": None,
    "extra": "",
}


def test_a_service_of_others_is_no_reference() -> None:
    (name, rule, fallback), *_ = [one for one in rules() if "cart" in one[0]]
    theirs = "projects/other/global/backendServices/theirs"
    spec = shapes_paths.read_rule({**rule, "service": names.link_of(theirs)}, world.ref_of, fallback)
    assert spec["action"]["shares"][0]["to"] == theirs, name
    assert spec["extra"] == ""


def test_a_rule_in_which_nothing_answers_is_read() -> None:
    spec = shapes_paths.read_rule({"matchRules": [{}]}, ref_of, FALLBACK)
    assert spec["action"] == {"type": "none"}
    assert spec["matches"] == ({"path": ("none", ""), "headers": (), "query": ()},)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 2, "50"), (1, 3, "33.3333"), (2, 3, "66.6667"), (1, 10**9, "0.0001"), (10**9 - 1, 10**9, "99.9999")],
)
def test_percentages_have_the_proxies_resolution_and_are_never_nothing_or_all(part: int, whole: int, text: str) -> None:
    assert shapes_values.percent(part, whole) == text
    assert shapes_values.read_percent(float(text)) == text
