"""One row for each refusal of what a URL map does: services, weights, redirects, rewrites, retries, faults, headers."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import schema, urlmap_action, urlmaps

from . import urlmap_samples as samples
from .urlmap_samples import (
    ACTION,
    LONG,
    OLD,
    PARTS,
    PATHS,
    REGEX,
    ROUTES,
    RULE,
    TEMPLATE,
    WEIGHT,
    Change,
    Row,
    Surroundings,
    both,
    changed,
    home,
    put,
)

HEADERS = "headerAction.responseHeadersToAdd"


def template_rewrite(value: str) -> Change:
    return put(f"{TEMPLATE}.routeAction.urlRewrite.pathTemplateRewrite", value)


def regex_rewrite(pattern: str, substitution: str) -> Change:
    value = {"pathPattern": pattern, "pathSubstitution": substitution}
    return put(f"{REGEX}.routeAction.urlRewrite.regexRewrite", value)


def add_header(name: str, value: str = "1") -> Change:
    return put(f"{HEADERS}[0]", {"headerName": name, "headerValue": value})


WHOLE: dict[str, Row] = {
    "a rewrite with an unknown variable": (template_rewrite("/{other}"), "invalid", "pathTemplateRewrite"),
    "a rewrite with a star": (template_rewrite("/*"), "invalid", "pathTemplateRewrite"),
    "a rewrite without a slash": (template_rewrite("{rest}"), "invalid", "pathTemplateRewrite"),
    "a template rewrite without a template": (
        put(f"{ACTION}.urlRewrite", {"pathTemplateRewrite": "/x"}),
        "invalid",
        f"{ACTION}.urlRewrite.pathTemplateRewrite",
    ),
    "a template rewrite in a path rule": (
        put(f"{PATHS}.pathRules[2].routeAction.urlRewrite", {"pathTemplateRewrite": "/x"}),
        "invalid",
        f"{PATHS}.pathRules[2].routeAction.urlRewrite.pathTemplateRewrite",
    ),
    "a prefix rewrite of a template": (
        put(f"{TEMPLATE}.routeAction.urlRewrite", {"pathPrefixRewrite": "/x"}),
        "invalid",
        f"{TEMPLATE}.routeAction.urlRewrite.pathPrefixRewrite",
    ),
    # regular expression rewrites
    "a regular rewrite without a pattern": (regex_rewrite("", "/x"), "required", "regexRewrite.pathPattern"),
    "a regular rewrite without a substitution": (regex_rewrite("/x", ""), "required", "regexRewrite.pathSubstitution"),
    "a regular rewrite that is malformed": (regex_rewrite("/(", "/x"), "invalid", "regexRewrite.pathPattern"),
    "a regular rewrite that looks ahead": (regex_rewrite("/(?=a)", "/x"), "invalid", "regexRewrite.pathPattern"),
    "a regular rewrite with a repeated group": (regex_rewrite("/(a)*", "/x"), "invalid", "regexRewrite.pathPattern"),
    "a regular rewrite with nine groups": (regex_rewrite("(a)" * 9, "/x"), "invalid", "regexRewrite.pathPattern"),
    "a group that is not there": (regex_rewrite("/(a)", "/\\2"), "invalid", "regexRewrite.pathSubstitution"),
    "an escape that names no group": (regex_rewrite("/(a)", "/\\d"), "invalid", "regexRewrite.pathSubstitution"),
    "a long regular rewrite": (regex_rewrite("a" * 251, "/x"), "fieldSizeTooLarge", "regexRewrite.pathPattern"),
    "a regular rewrite in a default": (
        put(f"{PARTS}.urlRewrite", {"regexRewrite": {"pathPattern": "a", "pathSubstitution": "b"}}),
        "invalid",
        f"{PARTS}.urlRewrite.regexRewrite",
    ),
    # where a request goes
    "nothing by default": (put("defaultService", None), "invalid", "defaultService"),
    "nothing by a matcher's default": (put(f"{PATHS}.defaultService", None), "invalid", f"{PATHS}.defaultService"),
    "nothing by a path rule": (
        put(f"{PATHS}.pathRules[2].service", None),
        "invalid",
        f"{PATHS}.pathRules[2].service",
    ),
    "nothing by a route rule": (put(f"{RULE}.service", None), "invalid", f"{RULE}.service"),
    "a service and weights": (put(f"{ROUTES}.defaultService", samples.SHOP), "invalid", f"{ROUTES}.defaultService"),
    "a service and a redirect": (put(f"{OLD}.service", samples.SHOP), "invalid", f"{OLD}.service"),
    "a redirect and an action": (put(f"{OLD}.routeAction", {"timeout": {}}), "invalid", f"{OLD}.routeAction"),
    "a weight above 1000": (put(f"{WEIGHT}[0].weight", 1001), "invalid", f"{WEIGHT}[0].weight"),
    "weights of zero": (
        put(WEIGHT, [{"backendService": samples.SHOP, "weight": 0}]),
        "invalid",
        WEIGHT,
    ),
    "a weight without a service": (
        put(f"{WEIGHT}[1].backendService", None),
        "required",
        f"{WEIGHT}[1].backendService",
    ),
    # redirects and rewrites
    "a path and a prefix redirect": (
        put(f"{OLD}.urlRedirect.prefixRedirect", "/x"),
        "invalid",
        f"{OLD}.urlRedirect",
    ),
    "a path redirect without a slash": (
        put(f"{OLD}.urlRedirect.pathRedirect", "x"),
        "invalid",
        f"{OLD}.urlRedirect.pathRedirect",
    ),
    "a long host redirect": (
        put(f"{OLD}.urlRedirect.hostRedirect", "a" * 256),
        "fieldSizeTooLarge",
        f"{OLD}.urlRedirect.hostRedirect",
    ),
    "a prefix redirect of a template": (
        both(
            put(f"{TEMPLATE}.routeAction", None),
            put(f"{TEMPLATE}.service", None),
            put(f"{TEMPLATE}.urlRedirect", {"prefixRedirect": "/x"}),
        ),
        "invalid",
        f"{TEMPLATE}.urlRedirect.prefixRedirect",
    ),
    "two rewrites": (
        put(f"{TEMPLATE}.routeAction.urlRewrite.pathPrefixRewrite", "/x"),
        "invalid",
        f"{TEMPLATE}.routeAction.urlRewrite",
    ),
    "a long host rewrite": (
        put(f"{ACTION}.urlRewrite.hostRewrite", "a" * 256),
        "fieldSizeTooLarge",
        f"{ACTION}.urlRewrite.hostRewrite",
    ),
    "a long prefix rewrite": (
        put(f"{ACTION}.urlRewrite.pathPrefixRewrite", "/" + LONG),
        "fieldSizeTooLarge",
        f"{ACTION}.urlRewrite.pathPrefixRewrite",
    ),
    # timeouts, retries, faults, mirrors
    "a timeout below zero": (put(f"{ACTION}.timeout.seconds", "-1"), "invalid", f"{ACTION}.timeout.seconds"),
    "a second of nanos": (put(f"{ACTION}.timeout.nanos", 10**9), "invalid", f"{ACTION}.timeout.nanos"),
    "no retries": (put(f"{ACTION}.retryPolicy.numRetries", 0), "invalid", f"{ACTION}.retryPolicy.numRetries"),
    "attempts without time": (
        put(f"{ACTION}.retryPolicy.perTryTimeout", {"seconds": "0"}),
        "invalid",
        f"{ACTION}.retryPolicy.perTryTimeout",
    ),
    "an unknown condition": (
        put(f"{ACTION}.retryPolicy.retryConditions", ["5xx", "503"]),
        "invalid",
        f"{ACTION}.retryPolicy.retryConditions[1]",
    ),
    "an abort with 199": (
        put(f"{ACTION}.faultInjectionPolicy.abort.httpStatus", 199),
        "invalid",
        f"{ACTION}.faultInjectionPolicy.abort.httpStatus",
    ),
    "an abort with 600": (
        put(f"{ACTION}.faultInjectionPolicy.abort.httpStatus", 600),
        "invalid",
        f"{ACTION}.faultInjectionPolicy.abort.httpStatus",
    ),
    "an abort of too many": (
        put(f"{ACTION}.faultInjectionPolicy.abort.percentage", 100.5),
        "invalid",
        f"{ACTION}.faultInjectionPolicy.abort.percentage",
    ),
    "a delay of too many": (
        put(f"{ACTION}.faultInjectionPolicy.delay.percentage", -1),
        "invalid",
        f"{ACTION}.faultInjectionPolicy.delay.percentage",
    ),
    "a delay without a delay": (
        put(f"{ACTION}.faultInjectionPolicy.delay.fixedDelay", None),
        "required",
        f"{ACTION}.faultInjectionPolicy.delay.fixedDelay",
    ),
    "a mirror of too many": (
        put(f"{ACTION}.requestMirrorPolicy.mirrorPercent", 101),
        "invalid",
        f"{ACTION}.requestMirrorPolicy.mirrorPercent",
    ),
    "a mirror without a service": (
        put(f"{ACTION}.requestMirrorPolicy.backendService", None),
        "required",
        f"{ACTION}.requestMirrorPolicy.backendService",
    ),
    # headers
    "a header without a name": (add_header(""), "required", f"{HEADERS}[0].headerName"),
    "a header without a value": (add_header("x", ""), "required", f"{HEADERS}[0].headerValue"),
    "a header that is no token": (add_header("a:b"), "invalid", f"{HEADERS}[0].headerName"),
    "a long header name": (add_header("a" * 256), "fieldSizeTooLarge", f"{HEADERS}[0].headerName"),
    "the host as a header": (add_header("Host"), "invalid", f"{HEADERS}[0].headerName"),
    "a header of Google's": (add_header("X-Google-Thing"), "invalid", f"{HEADERS}[0].headerName"),
    "a header of a connection": (add_header("Transfer-Encoding"), "invalid", f"{HEADERS}[0].headerName"),
    "a header twice": (
        put(HEADERS, [{"headerName": name, "headerValue": "1"} for name in ("x-a", "X-A")]),
        "invalid",
        f"{HEADERS}[1].headerName",
    ),
    "the host removed": (
        put(f"{ROUTES}.headerAction.requestHeadersToRemove", ["x", "host"]),
        "invalid",
        f"{ROUTES}.headerAction.requestHeadersToRemove[1]",
    ),
    "regular expressions for origins": (
        put(f"{ACTION}.corsPolicy.allowOriginRegexes", ["a.*"]),
        "invalid",
        f"{ACTION}.corsPolicy.allowOriginRegexes",
    ),
    "a malformed regular expression for origins": (
        put(f"{ACTION}.corsPolicy.allowOriginRegexes", ["["]),
        "invalid",
        f"{ACTION}.corsPolicy.allowOriginRegexes[0]",
    ),
}


@pytest.mark.parametrize(("good", "change", "reason", "field"), samples.params(whole=WHOLE))
def test_a_changed_map_is_refused_and_the_message_names_the_field(
    good: str, change: Change, reason: str, field: str
) -> None:
    samples.check_row(good, change, reason, field)


@pytest.mark.parametrize("condition", urlmap_action.CONDITIONS)
def test_every_published_retry_condition_is_taken(condition: str) -> None:
    body = changed(samples.whole(), put(f"{ACTION}.retryPolicy.retryConditions", [condition]))
    assert urlmaps.accept(body, home("whole"), None, Surroundings())


@pytest.mark.parametrize(
    "change",
    [
        put(
            "hostRules[1].hosts",
            ["a.example", "*-x.example", "*.y.example:8080", "localhost", "xn--b-kva.example"],
        ),
        put(f"{RULE}.priority", 2147483647),
        put(f"{PATHS}.pathRules[0].paths", ["/", "/*"]),
        put(f"{TEMPLATE}.matchRules[0].pathTemplateMatch", "/{kind}.{rest=x/**}"),
        put(f"{TEMPLATE}.matchRules[0].pathTemplateMatch", "/{kind=*}/{rest=**}.js"),
        template_rewrite("/{kind}-{kind}/"),
        put(f"{ACTION}.urlRewrite", {"hostRewrite": "A replacement header", "pathPrefixRewrite": "A replacement path"}),
        put(f"{PATHS}.defaultCustomErrorResponsePolicy", {"errorResponseRules": [{"matchResponseCodes": ["5xx"]}]}),
        put(f"{ACTION}.corsPolicy", {"allowOrigins": ["Allowed origin"], "allowHeaders": ["Allowed content"]}),
    ],
)
def test_what_documents_and_recordings_allow_is_taken(change: Change) -> None:
    body = changed(samples.whole(), put("tests", None), change)
    assert urlmaps.accept(schema.take("UrlMap", body), home("whole"), None, Surroundings())
