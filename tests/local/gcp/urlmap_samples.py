"""Good URL maps, the backend services they name, and the surroundings in which they are good."""

from __future__ import annotations

import collections.abc
import copy
from typing import Any

import pytest

from cloudgw_local import gcp
from cloudgw_local.gcp import around, errors, names, schema, urlmap_schemes, urlmaps

Json = dict[str, Any]
Change = collections.abc.Callable[[Json], object]

BELIEFS = {
    "gcp-late-refusal": "sync",
    "gcp-unused-path-matcher": "refused",
    "gcp-paths-counted": "per-matcher",
    "gcp-url-map-no-backends": "any",
    "gcp-regional-tests": "taken",
    "gcp-template-rewrite-variable": "required",
    "gcp-prefix-needs-prefix": "refused",
}
GLOBAL, REGIONAL = "global", f"regions/{gcp.REGION}"


def place(name: str, collection: str = "urlMaps", scope: str = GLOBAL) -> names.Place:
    return names.Place(project=gcp.PROJECT, scope=scope, collection=collection, name=name)


def link(name: str, scope: str = GLOBAL) -> str:
    return place(name, "backendServices", scope).link


class Surroundings:
    """Backend services of every scheme, called as their scheme; `held` says who uses what."""

    def __init__(self, **beliefs: str) -> None:
        self.beliefs = BELIEFS | {name.replace("_", "-"): value for name, value in beliefs.items()}
        self.held: dict[names.Place, list[names.Place]] = {}
        self.documents: dict[names.Place, Json] = {}
        for scope, scheme in (
            (GLOBAL, "EXTERNAL"),
            (GLOBAL, "EXTERNAL_MANAGED"),
            (GLOBAL, "INTERNAL_MANAGED"),
            (REGIONAL, "EXTERNAL"),
            (REGIONAL, "EXTERNAL_MANAGED"),
            (REGIONAL, "INTERNAL_MANAGED"),
        ):
            for name in ("shop", "cart", "shadow"):
                own = place(f"{name}-{scheme.lower().replace('_', '-')}", "backendServices", scope)
                self.documents[own] = {"loadBalancingScheme": scheme, "protocol": "HTTP"}
        self.documents[place("raw", "backendServices")] = {"loadBalancingScheme": "EXTERNAL_MANAGED", "protocol": "TCP"}

    def get(self, place: names.Place) -> Json | None:
        return self.documents.get(place)

    def holders(self, place: names.Place) -> list[names.Place]:
        return self.held.get(place, [])

    def every(self, collection: str) -> list[tuple[names.Place, Json]]:
        return sorted((one, document) for one, document in self.documents.items() if one.collection == collection)

    def setting(self, name: str) -> Any:
        raise KeyError(name)

    def belief(self, name: str) -> str:
        return self.beliefs[name]

    def now(self) -> float:
        return 0.0

    def health(self, target: str) -> around.Finding | None:
        raise KeyError(target)

    def moment(self, key: str) -> float | None:
        raise KeyError(key)


SHOP, CART, SHADOW = (link(f"{name}-external-managed") for name in ("shop", "cart", "shadow"))
HOME, CLASSIC = link("shop-internal-managed", REGIONAL), link("shop-external")


def small() -> Json:
    return {"name": "small", "defaultService": SHOP}


def whole() -> Json:
    """Everything that a global external balancer takes."""
    return {
        "name": "whole",
        "description": "every member",
        "defaultService": SHOP,
        "defaultRouteAction": {"timeout": {"seconds": "30", "nanos": 5}},
        "headerAction": {"responseHeadersToAdd": [{"headerName": "x-map", "headerValue": "1", "replace": True}]},
        "hostRules": [
            {"hosts": ["shop.example", "shop.example:8080", "*.shop.example"], "pathMatcher": "routes"},
            {"hosts": ["static.example"], "pathMatcher": "paths", "description": "plain paths"},
            {"hosts": ["*"], "pathMatcher": "away"},
        ],
        "pathMatchers": [routes(), paths(), {"name": "away", "defaultUrlRedirect": {"hostRedirect": "shop.example"}}],
        "tests": [
            {"host": "shop.example", "path": "/cart/1", "service": CART, "description": "the cart"},
            {"host": "other.example", "path": "/a?b=c", "expectedOutputUrl": "http://shop.example/a?b=c"},
        ],
    }


def routes() -> Json:
    return {
        "name": "routes",
        "description": "route rules",
        "defaultRouteAction": {
            "weightedBackendServices": [
                {
                    "backendService": SHOP,
                    "weight": 999,
                    "headerAction": {
                        "requestHeadersToAdd": [{"headerName": "x-part", "headerValue": "a", "replace": False}],
                        "requestHeadersToRemove": ["x-gone"],
                        "responseHeadersToRemove": ["x-away"],
                    },
                },
                {"backendService": CART, "weight": 1},
            ]
        },
        "headerAction": {"requestHeadersToRemove": ["x-secret"]},
        "routeRules": [
            {"priority": 40, "matchRules": [{"fullPathMatch": "/old"}], "urlRedirect": redirect()},
            {
                "description": "cart",
                "priority": 10,
                "matchRules": [matches()],
                "service": CART,
                "routeAction": action(),
            },
            {
                "priority": 20,
                "matchRules": [{"pathTemplateMatch": "/v1/{kind}/{rest=**}"}],
                "service": SHOP,
                "routeAction": {"urlRewrite": {"pathTemplateRewrite": "/{rest}/{kind}"}},
            },
            {
                "priority": 30,
                "matchRules": [{"prefixMatch": "/r/"}, {"prefixMatch": "/R/", "ignoreCase": True}],
                "service": SHOP,
                "routeAction": {
                    "urlRewrite": {"regexRewrite": {"pathPattern": "^/r/(.*)$", "pathSubstitution": "/\\1"}}
                },
            },
        ],
    }


def matches() -> Json:
    return {
        "prefixMatch": "/cart/",
        "headerMatches": [
            {"headerName": ":method", "exactMatch": "GET"},
            {"headerName": "x-range", "rangeMatch": {"rangeStart": "-5", "rangeEnd": "0"}, "invertMatch": True},
        ],
        "queryParameterMatches": [],
    }


def redirect() -> Json:
    return {
        "hostRedirect": "new.example",
        "pathRedirect": "/new",
        "redirectResponseCode": "PERMANENT_REDIRECT",
        "stripQuery": True,
    }


def action() -> Json:
    return {
        "urlRewrite": {"hostRewrite": "cart.internal", "pathPrefixRewrite": "/"},
        "timeout": {"seconds": "5"},
        "retryPolicy": {
            "numRetries": 3,
            "perTryTimeout": {"seconds": "1"},
            "retryConditions": ["5xx", "gateway-error", "retriable-4xx"],
        },
        "requestMirrorPolicy": {"backendService": SHADOW, "mirrorPercent": 12.5},
        "corsPolicy": {"allowOrigins": ["https://a.example"], "allowMethods": ["GET"], "maxAge": 60},
        "faultInjectionPolicy": {
            "abort": {"httpStatus": 503, "percentage": 0.5},
            "delay": {"fixedDelay": {"seconds": "1"}, "percentage": 100},
        },
    }


def paths() -> Json:
    return {
        "name": "paths",
        "defaultService": SHOP,
        "pathRules": [
            {"paths": ["/a", "/a/*"], "service": CART},
            {"paths": ["/old/*"], "urlRedirect": {"prefixRedirect": "/new/", "redirectResponseCode": "FOUND"}},
            {
                "paths": ["/deep/er/*"],
                "service": SHOP,
                "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/"}},
            },
        ],
    }


def regional() -> Json:
    """What only internal and regional balancers take: regular expressions."""
    rule = {
        "priority": 1,
        "matchRules": [
            {
                "regexMatch": "/[a-z]+/[0-9]+",
                "headerMatches": [{"headerName": "x", "regexMatch": "a|b"}],
                "queryParameterMatches": [{"name": "q", "regexMatch": "[0-9]*"}],
            }
        ],
        "service": HOME,
    }
    return {
        "name": "regional",
        "defaultService": HOME,
        "hostRules": [{"hosts": ["*"], "pathMatcher": "all"}],
        "pathMatchers": [{"name": "all", "defaultService": HOME, "routeRules": [rule]}],
    }


def classic() -> Json:
    return {
        "name": "classic",
        "defaultService": CLASSIC,
        "hostRules": [{"hosts": ["*"], "pathMatcher": "all"}],
        "pathMatchers": [
            {
                "name": "all",
                "defaultService": CLASSIC,
                "defaultRouteAction": {"urlRewrite": {"hostRewrite": "x.example"}},
                "pathRules": [{"paths": ["/*"], "service": CLASSIC}],
            }
        ],
    }


def upgrade() -> Json:
    return {
        "name": "upgrade",
        "defaultUrlRedirect": {"httpsRedirect": True, "redirectResponseCode": "MOVED_PERMANENTLY_DEFAULT"},
        "tests": [
            {
                "description": "to HTTPS",
                "host": "shop.example",
                "path": "/a?from=http",
                "expectedOutputUrl": "https://shop.example/a?from=http",
                "expectedRedirectResponseCode": 301,
            }
        ],
    }


GOOD = {one.__name__: one for one in (small, whole, regional, classic, upgrade)}


def home(name: str) -> names.Place:
    """Where a good map lives."""
    return place(name, scope=REGIONAL if name == "regional" else GLOBAL)


def at(document: Json, path: str) -> tuple[Any, str | int]:
    """The container and key of a field path such as "pathMatchers[0].routeRules[1].priority"."""
    keys = [int(key) if key.isdigit() else key for key in path.replace("[", ".").replace("]", "").split(".")]
    container: Any = document
    for key in keys[:-1]:
        container = container[key]
    return container, keys[-1]


def put(path: str, value: object) -> Change:
    """Set a member, or remove it where `value` is None."""

    def change(document: Json) -> None:
        container, key = at(document, path)
        if value is None:
            del container[key]
        else:
            container[key] = copy.deepcopy(value)

    return change


def changed(document: Json, *changes: Change) -> Json:
    for change in changes:
        change(document)
    return document


Row = tuple[Change, str, str]  # the change, the reason, the field that the message names (or the end of its path)
STATUS = {"invalid": 400, "required": 400, "fieldSizeTooLarge": 413}
# Field paths in the whole map.
ROUTES, PATHS, AWAY = "pathMatchers[0]", "pathMatchers[1]", "pathMatchers[2]"
OLD, RULE, TEMPLATE, REGEX = (f"{ROUTES}.routeRules[{index}]" for index in range(4))
MATCH, ACTION, PARTS = f"{RULE}.matchRules[0]", f"{RULE}.routeAction", f"{ROUTES}.defaultRouteAction"
WEIGHT = f"{PARTS}.weightedBackendServices"
LONG = "a" * 1025


def check_row(good: str, change: Change, reason: str, field: str) -> None:
    body, world = schema.take("UrlMap", changed(GOOD[good](), change)), Surroundings()
    with pytest.raises(errors.Refusal) as caught:
        urlmaps.accept(body, home(good), None, world)
    refusal = caught.value
    everything = list(urlmaps.problems(body, home(good), urlmap_schemes.of(body, home(good), world), world))
    assert (refusal.status, refusal.reason) == (STATUS[reason], reason)
    named = refusal.message.split("'")[1]
    assert (everything[0].path, everything[0].reason) == (named, reason)
    assert named == "resource" + (f".{field}" if field else "") or named.endswith(f".{field}")
    assert refusal.late is False


def params(**tables: dict[str, Row]) -> list[Any]:
    """Parameters (good, change, reason, field) of tables called as the good map that they change."""
    return [
        pytest.param(good, *row, id=f"{good}: {what}") for good, table in tables.items() for what, row in table.items()
    ]


def header(**members: object) -> Change:
    return put(f"{MATCH}.headerMatches", [{"headerName": "x"} | members])


def query(**members: object) -> Change:
    return put(f"{MATCH}.queryParameterMatches", [{"name": "q"} | members])


def many_rules(count: int, **match: object) -> Change:
    rules = [
        {"priority": number, "matchRules": [match or {"prefixMatch": f"/{number}"}], "service": SHOP}
        for number in range(count)
    ]
    return put(f"{ROUTES}.routeRules", rules)


def both(*changes: Change) -> Change:
    return lambda body: changed(body, *changes)
