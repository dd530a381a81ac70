"""One row for each refusal of a URL map's frame, matches and scheme: the change, the answer's reason, the field."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import errors, schema, urlmaps

from . import urlmap_samples as samples
from .urlmap_samples import (
    ACTION,
    AWAY,
    LONG,
    MATCH,
    OLD,
    PATHS,
    ROUTES,
    RULE,
    TEMPLATE,
    WEIGHT,
    Change,
    Row,
    Surroundings,
    at,
    both,
    changed,
    header,
    home,
    many_rules,
    put,
    query,
)

EXPRESSION = "pathMatchers[0].routeRules[0].matchRules[0]"  # of the regional map


def hosts(*values: str) -> Change:
    return put("hostRules[1].hosts", list(values))


def path_match(**members: str) -> Change:
    return both(put(f"{MATCH}.prefixMatch", None), lambda body: at(body, MATCH)[0][0].update(members))


def template(value: str) -> Change:
    return put(f"{TEMPLATE}.matchRules[0].pathTemplateMatch", value)


def errors_of(*codes: str, path: str = "/e.html") -> Change:
    return put(
        f"{PATHS}.defaultCustomErrorResponsePolicy",
        {"errorResponseRules": [{"matchResponseCodes": list(codes), "path": path}]},
    )


WHOLE: dict[str, Row] = {
    # host rules
    "a host in two rules": (hosts("shop.example"), "invalid", "hostRules[1].hosts[0]"),
    "a host in two rules, in other letters": (hosts("SHOP.example"), "invalid", "hostRules[1].hosts[0]"),
    "a host twice in a rule": (hosts("b.example", "b.example"), "invalid", "hostRules[1].hosts[1]"),
    "a star inside": (hosts("a.*.example"), "invalid", "hostRules[1].hosts[0]"),
    "a star before a letter": (hosts("*example"), "invalid", "hostRules[1].hosts[0]"),
    "a star and a port": (hosts("*:8080"), "invalid", "hostRules[1].hosts[0]"),
    "a host with a space": (hosts("a b"), "invalid", "hostRules[1].hosts[0]"),
    "an address": (hosts("192.0.2.1"), "invalid", "hostRules[1].hosts[0]"),
    "a port that is none": (hosts("b.example:70000"), "invalid", "hostRules[1].hosts[0]"),
    "a long host": (hosts("a." * 128), "fieldSizeTooLarge", "hostRules[1].hosts[0]"),
    "no hosts": (put("hostRules[1].hosts", []), "required", "hostRules[1].hosts"),
    "many hosts": (hosts(*(f"h{n}.example" for n in range(1001))), "fieldSizeTooLarge", "hostRules[1].hosts"),
    "an unknown matcher": (put("hostRules[1].pathMatcher", "gone"), "invalid", "hostRules[1].pathMatcher"),
    # path matchers
    "a name in capitals": (
        both(put(f"{PATHS}.name", "Paths"), put("hostRules[1].pathMatcher", "Paths")),
        "invalid",
        f"{PATHS}.name",
    ),
    "a name twice": (
        both(put(f"{PATHS}.name", "routes"), put("hostRules[1].pathMatcher", "routes")),
        "invalid",
        f"{PATHS}.name",
    ),
    "a matcher without a host rule": (put("hostRules[2]", None), "invalid", f"{AWAY}.name"),
    "path rules and route rules": (
        put(f"{ROUTES}.pathRules", [{"paths": ["/x"], "service": samples.SHOP}]),
        "invalid",
        ROUTES,
    ),
    "many path rules": (
        put(f"{PATHS}.pathRules", [{"paths": [f"/{n}"], "service": samples.SHOP} for n in range(1001)]),
        "fieldSizeTooLarge",
        f"{PATHS}.pathRules",
    ),
    "many route rules": (many_rules(1001), "fieldSizeTooLarge", f"{ROUTES}.routeRules"),
    "many paths": (put(f"{PATHS}.pathRules[0].paths", [f"/{n}" for n in range(1001)]), "invalid", PATHS),
    "many predicates": (
        many_rules(501, prefixMatch="/", headerMatches=[{"headerName": "x", "presentMatch": True}]),
        "invalid",
        ROUTES,
    ),
    "many templates": (many_rules(101, pathTemplateMatch="/*"), "invalid", ROUTES),
    "a long description of the map": (put("description", "a" * 2049), "fieldSizeTooLarge", "description"),
    "a long description of a rule": (put(f"{RULE}.description", LONG), "fieldSizeTooLarge", f"{RULE}.description"),
    "many services": (
        put(
            WEIGHT,
            [{"backendService": samples.link(f"s{n}"), "weight": 1} for n in range(2501)],
        ),
        "fieldSizeTooLarge",
        "",
    ),
    # path rules
    "no paths": (put(f"{PATHS}.pathRules[0].paths", []), "required", f"{PATHS}.pathRules[0].paths"),
    "a path without a slash": (
        put(f"{PATHS}.pathRules[0].paths", ["a"]),
        "invalid",
        f"{PATHS}.pathRules[0].paths[0]",
    ),
    "a star after a letter": (
        put(f"{PATHS}.pathRules[0].paths", ["/", "/a*"]),
        "invalid",
        f"{PATHS}.pathRules[0].paths[1]",
    ),
    "a star in the middle": (
        put(f"{PATHS}.pathRules[0].paths", ["/*/a/*"]),
        "invalid",
        f"{PATHS}.pathRules[0].paths[0]",
    ),
    "a path with a query": (
        put(f"{PATHS}.pathRules[0].paths", ["/a?b"]),
        "invalid",
        f"{PATHS}.pathRules[0].paths[0]",
    ),
    "a path twice": (put(f"{PATHS}.pathRules[2].paths", ["/a/*"]), "invalid", f"{PATHS}.pathRules[2].paths[0]"),
    "a long path": (
        put(f"{PATHS}.pathRules[0].paths", ["/" + LONG]),
        "fieldSizeTooLarge",
        f"{PATHS}.pathRules[0].paths[0]",
    ),
    # route rules
    "a priority twice": (put(f"{TEMPLATE}.priority", 10), "invalid", f"{TEMPLATE}.priority"),
    "a priority below zero": (put(f"{RULE}.priority", -1), "invalid", f"{RULE}.priority"),
    "no priority": (put(f"{RULE}.priority", None), "required", f"{RULE}.priority"),
    "no match rules": (put(f"{RULE}.matchRules", []), "required", f"{RULE}.matchRules"),
    "no path form": (put(f"{MATCH}.prefixMatch", None), "invalid", MATCH),
    "two path forms": (put(f"{MATCH}.fullPathMatch", "/x"), "invalid", MATCH),
    "a prefix without a slash": (path_match(prefixMatch="x"), "invalid", f"{MATCH}.prefixMatch"),
    "a full path with a query": (path_match(fullPathMatch="/x?y"), "invalid", f"{MATCH}.fullPathMatch"),
    "a long prefix": (path_match(prefixMatch="/" + LONG), "fieldSizeTooLarge", f"{MATCH}.prefixMatch"),
    # header and query matches
    "a header match without a name": (header(headerName="", exactMatch="a"), "required", "headerMatches[0].headerName"),
    "a header name with a space": (header(headerName="a b", exactMatch="a"), "invalid", "headerMatches[0].headerName"),
    "no header form": (header(), "invalid", "headerMatches[0]"),
    "two header forms": (header(exactMatch="a", suffixMatch="b"), "invalid", "headerMatches[0]"),
    "a header match that is not present": (header(presentMatch=False), "invalid", "headerMatches[0]"),
    "an empty range": (
        header(rangeMatch={"rangeStart": "5", "rangeEnd": "5"}),
        "invalid",
        "headerMatches[0].rangeMatch",
    ),
    "a query match without a name": (query(name="", exactMatch="a"), "required", "queryParameterMatches[0].name"),
    "no query form": (query(), "invalid", "queryParameterMatches[0]"),
    "two query forms": (query(exactMatch="a", presentMatch=True), "invalid", "queryParameterMatches[0]"),
    # path templates
    "a template without a slash": (template("x/{kind}/{rest}"), "invalid", "pathTemplateMatch"),
    "a template with six operators": (template("/{kind}/{rest}/*/*/*/*"), "invalid", "pathTemplateMatch"),
    "an operator after two stars": (template("/{rest=**}/{kind}"), "invalid", "pathTemplateMatch"),
    "three stars": (template("/{kind}/{rest}/***"), "invalid", "pathTemplateMatch"),
    "a variable twice": (template("/{kind}/{kind}"), "invalid", "pathTemplateMatch"),
    "an open variable": (template("/{kind}/{rest"), "invalid", "pathTemplateMatch"),
    "a variable without a pattern": (template("/{kind}/{rest=}"), "invalid", "pathTemplateMatch"),
    "a variable with a dash": (template("/{kind}/{re-st}"), "invalid", "pathTemplateMatch"),
    "a template with a query": (template("/{kind}/{rest}?x"), "invalid", "pathTemplateMatch"),
    # error responses
    "a code that is no error": (errors_of("5xx", "200"), "invalid", "matchResponseCodes[1]"),
    "a code twice": (errors_of("404", "404"), "invalid", "matchResponseCodes[1]"),
    "an error page without a slash": (errors_of("404", path="e.html"), "invalid", "errorResponseRules[0].path"),
    "an error page with a slash at the end": (errors_of("404", path="/e/"), "invalid", "errorResponseRules[0].path"),
    "error responses of the map without a service": (
        put(
            "defaultCustomErrorResponsePolicy",
            {"errorResponseRules": [{"matchResponseCodes": ["404"], "overrideResponseCode": 410}]},
        ),
        "required",
        "defaultCustomErrorResponsePolicy.errorService",
    ),
    # tests
    "many tests": (
        put("tests", [{"host": "a.example", "path": "/", "service": samples.SHOP}] * 101),
        "fieldSizeTooLarge",
        "tests",
    ),
    "a test without a host": (put("tests[0].host", None), "required", "tests[0].host"),
    "a test without a path": (put("tests[0].path", None), "invalid", "tests[0].path"),
    "a test of a service and a code": (
        put("tests[0].expectedRedirectResponseCode", 301),
        "invalid",
        "tests[0].service",
    ),
    "a test without an expectation": (put("tests[0].service", None), "required", "tests[0].expectedOutputUrl"),
    "a test with another host in a header": (
        put("tests[0].headers", [{"name": "Host", "value": "other.example"}]),
        "invalid",
        "tests[0].headers[0].value",
    ),
    # what a global external balancer cannot do
    "a regular expression for the path": (
        put(f"{OLD}.matchRules[0]", {"regexMatch": "/a.*"}),
        "invalid",
        f"{OLD}.matchRules[0].regexMatch",
    ),
    "a regular expression for a header": (header(regexMatch="a.*"), "invalid", "headerMatches[0].regexMatch"),
    "a regular expression for a query": (query(regexMatch="a.*"), "invalid", "queryParameterMatches[0].regexMatch"),
    "a duration of streams": (
        put(f"{ACTION}.maxStreamDuration", {"seconds": "1"}),
        "invalid",
        f"{ACTION}.maxStreamDuration",
    ),
    "metadata filters": (
        put(f"{MATCH}.metadataFilters", [{"filterMatchCriteria": "MATCH_ANY", "filterLabels": []}]),
        "invalid",
        f"{MATCH}.metadataFilters",
    ),
    "a service of another scheme": (
        put(f"{PATHS}.defaultService", samples.link("shop-internal-managed")),
        "invalid",
        f"{PATHS}.defaultService",
    ),
    "a service that speaks TCP": (
        put(f"{PATHS}.defaultService", samples.link("raw")),
        "invalid",
        f"{PATHS}.defaultService",
    ),
}

REGIONAL: dict[str, Row] = {
    "six regular expressions": (
        put(f"{EXPRESSION}.headerMatches", [{"headerName": "x", "regexMatch": "a"}] * 4),
        "invalid",
        "pathMatchers[0]",
    ),
    "a long regular expression": (
        put(f"{EXPRESSION}.regexMatch", "/" + "a" * 250),
        "fieldSizeTooLarge",
        f"{EXPRESSION}.regexMatch",
    ),
    "a malformed regular expression": (
        put(f"{EXPRESSION}.regexMatch", "/["),
        "invalid",
        f"{EXPRESSION}.regexMatch",
    ),
    "a back reference": (put(f"{EXPRESSION}.regexMatch", r"/(a)\1"), "invalid", f"{EXPRESSION}.regexMatch"),
    "a regular expression without regard to case": (
        put(f"{EXPRESSION}.ignoreCase", True),
        "invalid",
        f"{EXPRESSION}.ignoreCase",
    ),
    "error responses": (
        put(
            "pathMatchers[0].defaultCustomErrorResponsePolicy",
            {"errorResponseRules": [{"matchResponseCodes": ["404"], "overrideResponseCode": 410}]},
        ),
        "invalid",
        "pathMatchers[0].defaultCustomErrorResponsePolicy",
    ),
    "a cache": (
        put("pathMatchers[0].defaultRouteAction", {"cachePolicy": {"cacheMode": "BYPASS_CACHE"}}),
        "invalid",
        "pathMatchers[0].defaultRouteAction.cachePolicy",
    ),
    "a passthrough service": (
        put("defaultService", samples.link("shop-external", samples.REGIONAL)),
        "invalid",
        "defaultService",
    ),
}

CLASSIC: dict[str, Row] = {
    "route rules": (
        both(
            put("pathMatchers[0].pathRules", None),
            put(
                "pathMatchers[0].routeRules",
                [{"priority": 1, "matchRules": [{"prefixMatch": "/"}], "service": samples.CLASSIC}],
            ),
        ),
        "invalid",
        "defaultService",
    ),
    "weights": (
        both(
            put("pathMatchers[0].defaultService", None),
            put(
                "pathMatchers[0].defaultRouteAction",
                {"weightedBackendServices": [{"backendService": samples.CLASSIC, "weight": 1}]},
            ),
        ),
        "invalid",
        "pathMatchers[0].defaultRouteAction.weightedBackendServices",
    ),
    "a timeout": (
        put("pathMatchers[0].pathRules[0].routeAction", {"timeout": {"seconds": "1"}}),
        "invalid",
        "pathMatchers[0].pathRules[0].routeAction.timeout",
    ),
    "headers": (put("headerAction", {"requestHeadersToRemove": ["x"]}), "invalid", "headerAction"),
    "64 KB": (
        both(
            put(
                "pathMatchers[0].pathRules",
                [{"paths": [f"/{n}-{'a' * 100}"], "service": samples.CLASSIC} for n in range(500)],
            )
        ),
        "fieldSizeTooLarge",
        "",
    ),
}


@pytest.mark.parametrize(
    ("good", "change", "reason", "field"), samples.params(whole=WHOLE, regional=REGIONAL, classic=CLASSIC)
)
def test_a_changed_map_is_refused_and_the_message_names_the_field(
    good: str, change: Change, reason: str, field: str
) -> None:
    samples.check_row(good, change, reason, field)


def test_a_map_of_a_megabyte_is_taken_and_a_larger_one_is_not() -> None:
    body = schema.take("UrlMap", changed(samples.whole(), many_rules(900), put("tests", None)))
    rules = body["pathMatchers"][0]["routeRules"]
    for rule in rules:
        rule["description"] = "a" * 900
    assert urlmaps.accept(body, home("whole"), None, Surroundings())
    for rule in rules:
        rule["matchRules"] = [{"prefixMatch": "/" + "a" * 500}]
    with pytest.raises(errors.Refusal) as caught:
        urlmaps.accept(body, home("whole"), None, Surroundings())
    assert caught.value.message.startswith("Value for field 'resource' is too large: maximum size 1048576 byte(s)")
