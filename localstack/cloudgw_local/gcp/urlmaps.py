"""URL maps, global and regional: what is taken, what is shown, and the answer of `validate`.

The frame calls the kind; `frontends` asks `redirects_to_https`. The rules stand in urlmap_shape, urlmap_match,
urlmap_action and urlmap_schemes, the tests that a map carries in urlmap_tests. It must never change another resource.

Source: cloud.google.com/compute/docs/reference/rest/v1/urlMaps and regionUrlMaps; what an answer adds to what was sent
(tests[].description, perTryTimeout.nanos, status; tests[].service stays as it was written): recorded sessions of
GoogleCloudPlatform/k8s-config-connector.
"""

from __future__ import annotations

import copy
from typing import Any

from cloudgw_local.gcp import (
    around,
    errors,
    frontends_chain,
    kind,
    names,
    references,
    schema,
    urlmap_action,
    urlmap_match,
    urlmap_schemes,
    urlmap_shape,
    urlmap_tests,
    urlmap_walk,
)
from cloudgw_local.gcp.urlmap_problems import Problem, Problems, invalid

Json = dict[str, Any]
_TARGETS = ("backendServices", "backendBuckets")
REFERENCES = (
    kind.Reference("defaultService", _TARGETS),
    kind.Reference("pathMatchers[].defaultService", _TARGETS),
    kind.Reference("pathMatchers[].pathRules[].service", _TARGETS),
    kind.Reference("pathMatchers[].routeRules[].service", _TARGETS),
    kind.Reference("**.backendService", ("backendServices",)),
    kind.Reference("**.errorService", ("backendBuckets",)),
)


def accept(body: Json, place: names.Place, _current: Json | None, world: around.Around) -> Json:
    """The whole map to store. Raises Refusal with the first thing that is wrong; a test that fails is one."""
    document = _filled(body)
    late = world.belief("gcp-late-refusal") == "late"
    for problem in problems(document, place, urlmap_schemes.of(document, place, world), world):
        raise problem.refusal(late=late)
    for failure in urlmap_tests.failures(document, place.project):
        raise failure.problem.refusal(late=late)
    try:
        frontends_chain.check_map(document, place, world)
    except errors.Refusal as refusal:
        refusal.late = refusal.late or late
        raise
    return document


def problems(document: Json, place: names.Place, schemes: tuple[str, ...], world: around.Around) -> Problems:
    """Everything that is wrong with a map whose references are canonical, but for its tests."""
    yield from urlmap_shape.check(document, schemes, world)
    yield from urlmap_match.check(document)
    yield from urlmap_action.check(document, world)
    yield from urlmap_schemes.check(document, place, schemes, world)
    yield from _https(document, place, world)


def _https(document: Json, place: names.Place, world: around.Around) -> Problems:
    """HttpRedirectAction.httpsRedirect: not permitted for a TargetHttpsProxy."""
    users = [holder for holder in world.holders(place) if holder.collection == "targetHttpsProxies"]
    for choice in urlmap_walk.choices(document):
        if users and (choice.redirect or {}).get("httpsRedirect"):
            why = f"It is not permitted: the URL map is used by the target HTTPS proxy '{users[0].path}'."
            yield invalid(f"{choice.at('urlRedirect')}.httpsRedirect", True, why)


def redirects_to_https(stored: Json) -> bool:
    """Whether a map may be used by target HTTP proxies only."""
    return any((choice.redirect or {}).get("httpsRedirect") for choice in urlmap_walk.choices(stored))


def _filled(body: Json) -> Json:
    document = copy.deepcopy(body)
    for test in document.get("tests") or []:
        test.setdefault("description", "")
    for choice in urlmap_walk.choices(document):
        timeout = (choice.action.get("retryPolicy") or {}).get("perTryTimeout")
        if timeout is not None:
            timeout.setdefault("nanos", 0)
    return document


def show(stored: Json, place: names.Place, world: around.Around) -> Json:
    return stored | {"status": {"quotaUsage": _usage(stored, _forwarding_rules(place, world))}}


def _forwarding_rules(place: names.Place, world: around.Around) -> int:
    proxies = world.holders(place)
    return len({rule for proxy in proxies for rule in world.holders(proxy) if rule.collection == "forwardingRules"})


def _usage(document: Json, forwarding_rules: int) -> Json:
    """How the units are counted is not published (.../load-balancing/docs/url-map-size-quota: more rules, hosts and
    matchers are more); 61 is what both recorded maps of one host and one matcher have."""
    hosts = sum(len(rule.get("hosts") or []) for rule in document.get("hostRules") or [])
    rules = sum(not choice.is_default for choice in urlmap_walk.choices(document))
    return {"units": str(60 * max(hosts, 1) + max(rules, 1)), "forwardingRules": forwarding_rules}


def validate(_current: Json | None, body: Json, _query: kind.Query, place: names.Place, world: around.Around) -> Json:
    """urlMaps.validate and regionUrlMaps.validate: {"result": UrlMapValidationResult}. Nothing is stored.

    A reference that is malformed or leads nowhere refuses the call itself (as reported for "The URL is malformed.");
    what the map gets wrong are loadErrors. `loadBalancingSchemes` must not conflict with the services' schemes.
    """
    document = _settled(_filled(body.get("resource") or {}), place, world)
    found = urlmap_schemes.of(document, place, world)
    asked = tuple(sorted(body.get("loadBalancingSchemes") or []))
    wrong = [*_conflict(asked, found), *problems(document, place, found or asked, world)]
    if wrong:
        return {"result": {"loadSucceeded": False, "loadErrors": [problem.message for problem in wrong]}}
    failed = [failure.shown for failure in urlmap_tests.failures(document, place.project)]
    result: Json = {"loadSucceeded": True, "testPassed": not failed, "quotaUsage": _usage(document, 0)}
    return {"result": result | ({"testFailures": failed} if failed else {})}


def _conflict(asked: tuple[str, ...], found: tuple[str, ...]) -> list[Problem]:
    strange = [scheme for scheme in found if asked and scheme not in asked]
    if not strange:
        return []
    why = f"It conflicts with the load balancing scheme {strange[0]} of a backend service."
    return [invalid("loadBalancingSchemes", ", ".join(asked), why)]


def _settled(document: Json, place: names.Place, world: around.Around) -> Json:
    """The frame settles the references of what it stores; a map to be validated comes as it was sent."""
    for reference in REFERENCES:
        for container, key, where in references.found(document, reference.path):
            target = names.parse(container[key], place.project)
            if target is None or target.collection not in reference.collections or target.scope != place.scope:
                raise schema.invalid(where, container[key], "The URL is malformed.")
            if world.get(target) is None:
                raise references.missing(target)
            container[key] = target.link
    return document


KINDS = (
    kind.Kind(
        collection="urlMaps",
        accept=accept,
        references=REFERENCES,
        show=show,
        reads={"validate": validate},
    ),
)
