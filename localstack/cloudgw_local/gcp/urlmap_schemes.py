"""Which kind of load balancer a URL map is for, and what that kind can do.

The kind is read off the backend services that the map names. Called by `urlmaps`; it must not judge what is wrong
under every scheme.

Source: UrlMap and UrlMapsValidateRequest.loadBalancingSchemes of
cloud.google.com/compute/docs/reference/rest/v1/urlMaps (each member says for whom it is not supported);
cloud.google.com/load-balancing/docs/features#routing-traffic-management; messages:
hashicorp/terraform-provider-google#8307 (advanced routing rules), #14093 (regular expressions),
GoogleCloudPlatform/magic-modules#8033 ("incompatible with LB Type"). A classic balancer may be on its way to the
global one, so EXTERNAL and EXTERNAL_MANAGED may stand side by side (.../docs/https/migrate-to-global).
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

from cloudgw_local.gcp import around, names, urlmap_walk
from cloudgw_local.gcp.urlmap_problems import Problem, Problems, invalid

Json = dict[str, Any]
GLOBAL = ("EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")
REGIONAL = ("EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")
PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "H2C", "GRPC")
_MIXED = {"EXTERNAL", "EXTERNAL_MANAGED"}
_MESH = ("INTERNAL_SELF_MANAGED",)
_ACTIONS = {
    "cachePolicy": "edge",
    "dynamicCompressionPolicy": "edge",
    "imageOptimizationPolicy": "edge",
    "maxStreamDuration": "mesh",
    "urlRewrite": "any",
    "weightedBackendServices": "advanced",
    "timeout": "advanced",
    "retryPolicy": "advanced",
    "requestMirrorPolicy": "advanced",
    "corsPolicy": "advanced",
    "faultInjectionPolicy": "advanced",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a feature: `who` has it is "any", "advanced" (all but classic), "regex", "edge", "mesh", "tested"."""

    path: str
    value: Any
    who: str


def of(document: Json, place: names.Place, world: around.Around) -> tuple[str, ...]:
    """The schemes of the backend services that a map names, sorted; for a map that names none what it is taken for:
    () is any."""
    found = {_member(link, "loadBalancingScheme", "EXTERNAL", world) for _, link in _backend_services(document)}
    if not found and world.belief("gcp-url-map-no-backends") == "classic":
        found = {"EXTERNAL" if place.scope == "global" else "EXTERNAL_MANAGED"}
    return tuple(sorted(found))


def check(document: Json, place: names.Place, schemes: tuple[str, ...], world: around.Around) -> Problems:
    yield from _services(document, place, schemes, world)
    for use in _uses(document):
        for scheme in schemes:
            if not _has(use.who, scheme, place, world):
                yield _refused(document, use, scheme, place)
                break


def _backend_services(document: Json) -> collections.abc.Iterator[tuple[str, str]]:
    """Without backend buckets, which have no scheme."""
    return ((path, link) for path, link in urlmap_walk.services(document) if "/backendServices/" in link)


def _member(link: str, member: str, default: str, world: around.Around) -> str:
    place = names.parse(link)
    service = world.get(place) if place else None
    return str((service or {}).get(member) or default)


def _services(document: Json, place: names.Place, schemes: tuple[str, ...], world: around.Around) -> Problems:
    allowed = GLOBAL if place.scope == "global" else REGIONAL
    first = ""
    for path, link in _backend_services(document):
        scheme = _member(link, "loadBalancingScheme", "EXTERNAL", world)
        protocol = _member(link, "protocol", "HTTP", world)
        first = first or scheme
        if scheme not in allowed:
            why = f"The backend service has load balancing scheme {scheme}; it must be one of {', '.join(allowed)}."
            yield invalid(path, link, why)
        elif protocol not in PROTOCOLS:
            why = f"The backend service has protocol {protocol}; it must be one of {', '.join(PROTOCOLS)}."
            yield invalid(path, link, why)
        elif scheme != first and not set(schemes) <= _MIXED:
            why = f"The backend service has load balancing scheme {scheme}, others of the map have {first}."
            yield invalid(path, link, why)


def _uses(document: Json) -> collections.abc.Iterator[Use]:
    for path, matcher in urlmap_walk.matchers(document):
        if matcher.get("routeRules"):
            yield Use(path=f"{path}.routeRules", value=[], who="advanced")
    for choice in urlmap_walk.choices(document):
        for member, value in choice.action.items():
            yield Use(path=f"{choice.at('routeAction')}.{member}", value=value, who=_ACTIONS[member])
        origins = (choice.action.get("corsPolicy") or {}).get("allowOriginRegexes")
        if origins:
            yield Use(path=f"{choice.at('routeAction')}.corsPolicy.allowOriginRegexes", value=origins, who="mesh")
    for path, action in urlmap_walk.header_actions(document):
        yield Use(path=path, value=action, who="advanced")
    for path, match in urlmap_walk.match_rules(document):
        yield from _expressions(path, match)
    for path, policy in urlmap_walk.error_policies(document):
        yield Use(path=path, value=policy, who="edge")
    if document.get("tests"):
        yield Use(path="resource.tests", value=[], who="tested")


def _expressions(path: str, match: Json) -> collections.abc.Iterator[Use]:
    places = [(path, match)]
    for member in ("headerMatches", "queryParameterMatches"):
        places += list(urlmap_walk.listed(path, match, member))
    for own, body in places:
        if body.get("regexMatch"):
            yield Use(path=f"{own}.regexMatch", value=body["regexMatch"], who="regex")
    if match.get("metadataFilters"):
        yield Use(path=f"{path}.metadataFilters", value=[], who="mesh")


def _has(who: str, scheme: str, place: names.Place, world: around.Around) -> bool:
    if who == "any":
        return True
    if who == "mesh":
        return scheme in _MESH
    if who == "edge":
        return scheme == "EXTERNAL_MANAGED" and place.scope == "global"
    if who == "regex":
        return scheme in ("INTERNAL_MANAGED", *_MESH) or (scheme == "EXTERNAL_MANAGED" and place.scope != "global")
    if who == "tested":
        return place.scope == "global" or world.belief("gcp-regional-tests") == "taken"
    return scheme != "EXTERNAL"


def _refused(document: Json, use: Use, scheme: str, place: names.Place) -> Problem:
    kind = f"{'Global' if place.scope == 'global' else 'Regional'} {scheme}"
    if use.who == "regex":
        return invalid(use.path, use.value, f"Regex isn't allowed for LB Type {kind}.")
    if use.path.endswith(".routeRules") and scheme == "EXTERNAL":
        path, link = next(_backend_services(document), (use.path, ""))
        return invalid(path, link, f"Advanced routing rules are not supported for scheme {scheme}")
    field = use.path.removeprefix("resource.")
    return invalid(use.path, use.value, f"Field {field} is incompatible with LB Type {kind}.")
