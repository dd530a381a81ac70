"""URL maps as a whole: what is stored, shown and put back; HTTPS redirects; `validate`; beliefs about the whole."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cloudgw_local.gcp import errors, names, schema, urlmaps

from . import urlmap_samples as samples
from .urlmap_samples import GOOD, Json, Surroundings, changed, home, put


def accept(body: Json, place: names.Place, world: Surroundings | None = None, current: Json | None = None) -> Json:
    return urlmaps.accept(schema.take("UrlMap", body), place, current, world or Surroundings())


def refused(body: Json, place: names.Place, world: Surroundings | None = None) -> errors.Refusal:
    with pytest.raises(errors.Refusal) as caught:
        accept(body, place, world)
    return caught.value


def validate(body: Json, place: names.Place, world: Surroundings | None = None) -> Json:
    answer = urlmaps.validate(None, body, {}, place, world or Surroundings())
    assert schema.check("UrlMapsValidateResponse", answer) == []
    return dict(answer["result"])


@pytest.mark.parametrize("name", GOOD)
def test_what_a_client_reads_and_puts_back_changes_nothing(name: str) -> None:
    stored = accept(GOOD[name](), home(name))
    answer = urlmaps.show(stored, home(name), Surroundings())
    assert accept(copy.deepcopy(answer), home(name), current=stored) == stored


@pytest.mark.parametrize("name", GOOD)
def test_answers_conform_to_the_schema_and_show_every_given_member(name: str) -> None:
    body = GOOD[name]()
    answer = urlmaps.show(accept(body, home(name)), home(name), Surroundings())
    assert schema.check("UrlMap", answer) == []
    _check_within(body, answer, "")


def _check_within(given: Any, answer: Any, path: str) -> None:
    if isinstance(given, dict):
        for key, value in given.items():
            _check_within(value, answer[key], f"{path}.{key}")
    elif isinstance(given, list):
        assert len(given) == len(answer), path
        for one, other in zip(given, answer, strict=True):
            _check_within(one, other, path)
    else:
        assert given == answer, path


def test_an_insert_leaves_the_callers_body_alone() -> None:
    body = schema.take("UrlMap", samples.whole())
    before = copy.deepcopy(body)
    urlmaps.accept(body, home("whole"), None, Surroundings())
    assert body == before


def test_defaults_are_those_of_recorded_answers() -> None:
    body = changed(samples.whole(), put("tests[0].description", None))
    stored = accept(body, home("whole"))
    assert stored["tests"][0]["description"] == ""
    policy = stored["pathMatchers"][0]["routeRules"][1]["routeAction"]["retryPolicy"]
    assert policy["perTryTimeout"] == {"seconds": "1", "nanos": 0}
    assert "replace" not in str(stored["pathMatchers"][1])


def test_a_tests_service_stays_as_it_was_written() -> None:
    partial = "projects/cloudgw-local/global/backendServices/cart-external-managed"
    stored = accept(changed(samples.whole(), put("tests[0].service", partial)), home("whole"))
    assert stored["tests"][0]["service"] == partial


def test_the_status_counts_units_and_forwarding_rules() -> None:
    world, place = Surroundings(), home("whole")
    proxy = samples.place("web", "targetHttpProxies")
    world.held = {
        place: [proxy],
        proxy: [samples.place("one", "forwardingRules"), samples.place("two", "forwardingRules")],
    }
    usage = urlmaps.show(samples.whole(), place, world)["status"]["quotaUsage"]
    assert usage == {"units": str(5 * 60 + 7), "forwardingRules": 2}


def test_a_map_with_an_https_redirect_is_told_from_others() -> None:
    nested = changed(samples.whole(), put("pathMatchers[2].defaultUrlRedirect.httpsRedirect", True))
    assert urlmaps.redirects_to_https(samples.upgrade())
    assert urlmaps.redirects_to_https(nested)
    assert not urlmaps.redirects_to_https(samples.whole())


def test_an_https_redirect_is_refused_under_a_target_https_proxy() -> None:
    world, place = Surroundings(), home("upgrade")
    world.held = {place: [samples.place("secure", "targetHttpsProxies")]}
    refusal = refused(samples.upgrade(), place, world)
    assert (refusal.status, refusal.reason) == (400, "invalid")
    assert "'resource.defaultUrlRedirect.httpsRedirect': 'true'" in refusal.message
    assert "global/targetHttpsProxies/secure" in refusal.message
    world.held = {place: [samples.place("plain", "targetHttpProxies")]}
    assert accept(samples.upgrade(), place, world)["defaultUrlRedirect"]["httpsRedirect"]


def test_another_scheme_than_that_of_the_forwarding_rule_above_is_refused() -> None:
    world, place = Surroundings(), home("small")
    proxy, rule = samples.place("web", "targetHttpProxies"), samples.place("front", "forwardingRules")
    world.held = {place: [proxy], proxy: [rule]}
    world.documents[rule] = {"loadBalancingScheme": "EXTERNAL_MANAGED"}
    for document in world.documents.values():
        document.setdefault("backends", [])
    assert accept(samples.small(), place, world)
    refusal = refused(samples.small() | {"defaultService": samples.link("shop-internal-managed")}, place, world)
    assert "resource.defaultService" in refusal.message
    assert "INTERNAL_MANAGED" in refusal.message


@pytest.mark.parametrize("late", [False, True])
def test_refusals_of_meaning_come_late_where_that_is_believed(late: bool) -> None:
    world = Surroundings(gcp_late_refusal="late" if late else "sync")
    body = changed(samples.whole(), put("pathMatchers[0].routeRules[0].priority", 10))
    assert refused(body, home("whole"), world).late is late
    body = changed(samples.whole(), put("tests[0].service", samples.SHOP))
    assert refused(body, home("whole"), world).late is late


def test_a_failing_test_refuses_the_map_in_googles_words() -> None:
    refusal = refused(changed(samples.whole(), put("tests[0].service", samples.SHOP)), home("whole"))
    assert (refusal.status, refusal.reason) == (400, "invalid")
    assert refusal.message == (
        "Invalid value for field 'urlMap.tests': ''. Test failure: Expect URL 'shop.example/cart/1' to map to service "
        "'shop-external-managed', but actually mapped to 'cart-external-managed'."
    )


def test_a_redirect_that_comes_out_otherwise_refuses_the_map() -> None:
    code = changed(samples.upgrade(), put("tests[0].expectedRedirectResponseCode", 302))
    assert "with code 302, but actually got 301" in refused(code, home("upgrade")).message
    url = changed(samples.upgrade(), put("tests[0].expectedOutputUrl", "http://shop.example/a"))
    assert "but actually got 'https://shop.example/a?from=http'" in refused(url, home("upgrade")).message


def test_validate_passes_a_good_map_and_stores_nothing() -> None:
    world = Surroundings()
    before = dict(world.documents)
    result = validate({"resource": samples.whole()}, home("whole"), world)
    assert result["loadSucceeded"] is True
    assert result["testPassed"] is True
    assert "loadErrors" not in result
    assert world.documents == before


def test_validate_tells_everything_that_is_wrong() -> None:
    body = changed(
        samples.whole(),
        put("pathMatchers[0].routeRules[0].priority", 10),
        put("hostRules[1].hosts", ["1.2.3.4"]),
    )
    result = validate({"resource": body}, home("whole"))
    assert result["loadSucceeded"] is False
    fields = [message.split("'")[1] for message in result["loadErrors"]]
    assert fields == ["resource.hostRules[1].hosts[0]", "resource.pathMatchers[0].routeRules[1].priority"]
    assert "testPassed" not in result


def test_validate_shows_the_tests_that_fail() -> None:
    body = changed(samples.whole(), put("tests[0].service", samples.SHOP))
    result = validate({"resource": body}, home("whole"))
    assert (result["loadSucceeded"], result["testPassed"]) == (True, False)
    assert result["testFailures"] == [
        {
            "host": "shop.example",
            "path": "/cart/1",
            "expectedService": samples.SHOP,
            "actualService": samples.CART,
        }
    ]


def test_validate_shows_what_a_redirect_gave() -> None:
    body = changed(samples.upgrade(), put("tests[0].expectedRedirectResponseCode", 308))
    [failure] = validate({"resource": body}, home("upgrade"))["testFailures"]
    assert (failure["expectedRedirectResponseCode"], failure["actualRedirectResponseCode"]) == (308, 301)
    assert failure["actualOutputUrl"] == failure["expectedOutputUrl"]


def test_validate_makes_partial_references_whole_and_needs_what_they_name() -> None:
    body = {"name": "x", "defaultService": "global/backendServices/shop-external-managed"}
    assert validate({"resource": body}, home("x"))["loadSucceeded"]
    with pytest.raises(errors.Refusal) as caught:
        validate({"resource": body | {"defaultService": "global/backendServices/gone"}}, home("x"))
    assert (caught.value.status, caught.value.reason) == (404, "notFound")
    with pytest.raises(errors.Refusal) as caught:
        validate({"resource": body | {"defaultService": "backendServices/gone"}}, home("x"))
    assert caught.value.message == (
        "Invalid value for field 'resource.defaultService': 'backendServices/gone'. The URL is malformed."
    )


def test_validate_takes_schemes_that_fit_the_services() -> None:
    body = {"resource": samples.small(), "loadBalancingSchemes": ["EXTERNAL_MANAGED"]}
    assert validate(body, home("small"))["loadSucceeded"]
    body["loadBalancingSchemes"] = ["EXTERNAL"]
    [message] = validate(body, home("small"))["loadErrors"]
    assert "conflicts with the load balancing scheme EXTERNAL_MANAGED" in message


def test_validate_checks_a_map_without_services_for_the_schemes_that_are_asked() -> None:
    body = {
        "name": "x",
        "defaultUrlRedirect": {"hostRedirect": "a.example"},
        "headerAction": {"requestHeadersToRemove": ["x"]},
    }
    assert validate({"resource": body}, home("x"))["loadSucceeded"]
    asked = {"resource": body, "loadBalancingSchemes": ["EXTERNAL"]}
    [message] = validate(asked, home("x"))["loadErrors"]
    assert "'resource.headerAction'" in message
    classic = Surroundings(gcp_url_map_no_backends="classic")
    assert not validate({"resource": body}, home("x"), classic)["loadSucceeded"]


def test_schemes_of_a_migration_may_stand_side_by_side() -> None:
    body = changed(samples.classic(), put("pathMatchers[0].defaultService", samples.SHOP))
    assert accept(body, home("classic"))["pathMatchers"][0]["defaultService"] == samples.SHOP


@pytest.mark.parametrize(
    ("belief", "value", "change"),
    [
        ("gcp_unused_path_matcher", "taken", put("hostRules[2]", None)),
        (
            "gcp_template_rewrite_variable",
            "optional",
            lambda body: changed(
                body,
                put("pathMatchers[0].routeRules[2].matchRules[0].pathTemplateMatch", "/v1/**"),
                put("pathMatchers[0].routeRules[2].routeAction.urlRewrite.pathTemplateRewrite", "/index"),
            ),
        ),
        (
            "gcp_prefix_needs_prefix",
            "taken",
            put("pathMatchers[0].routeRules[2].routeAction.urlRewrite", {"pathPrefixRewrite": "/x"}),
        ),
    ],
)
def test_a_belief_decides(belief: str, value: str, change: samples.Change) -> None:
    body = changed(samples.whole(), put("tests", None), change)
    assert refused(copy.deepcopy(body), home("whole")).reason == "invalid"
    assert accept(body, home("whole"), Surroundings(**{belief: value}))


def test_tests_of_a_regional_map_are_taken_as_recorded_or_refused_as_documented() -> None:
    body = samples.regional() | {"tests": [{"host": "h", "path": "/", "service": samples.HOME}]}
    assert accept(copy.deepcopy(body), home("regional"))["tests"][0]["description"] == ""
    refusal = refused(body, home("regional"), Surroundings(gcp_regional_tests="refused"))
    assert "'resource.tests'" in refusal.message


def test_paths_are_counted_for_a_matcher_or_for_the_map() -> None:
    body = changed(samples.whole(), put("tests", None))
    for index in range(2):
        rules = [{"paths": [f"/{index}/{number}" for number in range(600)], "service": samples.SHOP}]
        body["pathMatchers"][index] = {"name": "ab"[index], "defaultService": samples.SHOP, "pathRules": rules}
        body["hostRules"][index]["pathMatcher"] = "ab"[index]
    assert accept(copy.deepcopy(body), home("whole"))
    refusal = refused(body, home("whole"), Surroundings(gcp_paths_counted="per-map"))
    assert refusal.message.startswith('Invalid value for field \'resource.pathMatchers[0]\': \'{  "name": "a"')
    assert refusal.message.endswith("...'. Total number of paths is 1200, which exceeds the limit 1000.")
