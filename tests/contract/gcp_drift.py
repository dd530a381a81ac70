"""Edits behind our back, one for each (kind, field) of Google Cloud objects that somebody may change by hand.

`gcp_ground` applies them to a stored document. An edit takes the document and the element, and answers whether there
was anything to edit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp import names

Json = dict[str, Any]
Edit = Callable[[Json, model.Element], bool]


def _set(*path: str, value: Any) -> Edit:
    def edit(document: Json, element: model.Element) -> bool:
        del element
        found = document
        for part in path[:-1]:
            found = found.setdefault(part, {})
        found[path[-1]] = value
        return True

    return edit


def _child(document: Json, element: model.Element) -> Json:
    """The path matcher or route rule that says it is this element."""
    kind, logical = model.kind_of(element.address), model.short(element.address).split("/", 1)[1]
    wanted = names.child(kind, logical, element.name)
    matchers: list[Json] = document["pathMatchers"]
    rules = [rule for matcher in matchers for rule in matcher.get("routeRules", ())]
    return next(one for one in (*matchers, *rules) if one.get("description") == wanted)


def _hosts(document: Json, element: model.Element) -> bool:
    name = _child(document, element)["name"]
    next(rule for rule in document["hostRules"] if rule["pathMatcher"] == name)["hosts"] = ["drifted.example"]
    return True


def _action(document: Json, element: model.Element) -> bool:
    """The answer of another backend service."""
    mine = _child(document, element)
    for matcher in document["pathMatchers"]:
        for rule in matcher.get("routeRules", ()):
            if rule.get("service") not in (None, mine.get("service")):
                mine["service"] = rule["service"]
                return True
    return False


def _matches(document: Json, element: model.Element) -> bool:
    _child(document, element)["matchRules"] = [{"prefixMatch": "/drifted/"}]
    return True


def _targets(document: Json, element: model.Element) -> bool:
    """One endpoint less."""
    del element
    if not document.get("_endpoints"):
        return False
    document["_endpoints"].pop()
    return True


EDITS: Mapping[tuple[str, str], Edit] = {
    ("route-rule", "action"): _action,
    ("route-rule", "matches"): _matches,
    ("path-matcher", "hosts"): _hosts,
    ("endpoints", "targets"): _targets,
    ("backend-service", "timeout"): _set("timeoutSec", value=99),
    ("backend-service", "draining"): _set("connectionDraining", "drainingTimeoutSec", value=99),
    ("backend-service", "affinity"): _set("sessionAffinity", value="CLIENT_IP"),
    ("health-check", "extra"): _set("httpHealthCheck", "host", value="drifted.example"),
    ("health-check", "interval"): _set("checkIntervalSec", value=77),
    ("health-check", "path"): _set("httpHealthCheck", "requestPath", value="/drifted"),
    ("ssl-policy", "profile"): _set("profile", value="COMPATIBLE"),
    ("ssl-policy", "min_version"): _set("minTlsVersion", value="TLS_1_0"),
}
