"""URL maps, path matchers with their host rules, and route rules, as a spec and as the API's JSON.

`document*` writes and reads with it, and `observe` for the map itself. Pure. Whatever is written must come back equal.
A map and a matcher send what nothing in them matches to a backend service without endpoints and abort it there with
404 (cloud.google.com/load-balancing/docs/https/traffic-management-global, fault injection). Members that are shown and
that we would not write so are kept as canonical JSON in `extra`, so that they differ and are repaired.
cloud.google.com/compute/docs/reference/rest/v1/urlMaps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp import names, shapes_rules
from cloudgw_gcp.shapes_values import IdOf, Json, RefOf, Until, link, normal

NOT_FOUND = 404
READ_ONLY = frozenset(("kind", "id", "creationTimestamp", "selfLink", "region", "status"))
# Members that an element's content leaves alone: they are its identity, or other elements, or others'.
OF_MAP = frozenset(("name", "description", "fingerprint", "hostRules", "pathMatchers", "tests")) | READ_ONLY
OF_MATCHER = frozenset(("name", "description", "routeRules"))
OF_RULE = frozenset(("description", "priority"))


def write_map(spec: model.Spec, id_of: IdOf) -> Json:
    """Without name, record, children and tests."""
    return _default(link(spec["fallback"], id_of))


def read_map(shown: Mapping[str, Any], ref_of: RefOf) -> Json:
    """{"fallback", "extra"}; `address` and `secure` are in no URL map."""
    return _read_default(shown, OF_MAP, ref_of)


def write_matcher(spec: model.Spec, id_of: IdOf) -> Json:
    """Without name, description, route rules and host rule."""
    return _default(link(spec["fallback"], id_of))


def write_host_rule(spec: model.Spec, name: str) -> Json:
    """name: of the path matcher."""
    return {"hosts": list(spec["hosts"]), "pathMatcher": name}


def read_matcher(shown: Mapping[str, Any], host_rules: Sequence[Mapping[str, Any]], ref_of: RefOf) -> Json:
    """{"hosts", "fallback", "extra"}. host_rules: those that name the matcher; the order of hosts means nothing."""
    hosts = sorted(str(host) for rule in host_rules for host in rule.get("hosts") or ())
    return {"hosts": tuple(hosts), **_read_default(shown, OF_MATCHER, ref_of)}


def write_rule(spec: model.Spec, id_of: IdOf, fallback: str) -> Json:
    """Without description and priority. fallback: link of the backend service that the rule's matcher falls back to,
    which an action of type fail names too."""
    return shapes_rules.write(spec, id_of, fallback)


def read_rule(shown: Mapping[str, Any], ref_of: RefOf, fallback: str) -> Json:
    """All fields but `url_map` and `matcher`, which say where it lies."""
    plain = shapes_rules.write(shapes_rules.read(shown, _plain), _never, fallback)
    return shapes_rules.read(shown, ref_of) | {"extra": _extra(shown, plain, OF_RULE)}


def fallback_of(shown: Mapping[str, Any]) -> str:
    """The link to which a map or a matcher sends what nothing in it matches, "" for none."""
    return str(shown.get("defaultService") or "")


def _default(fallback: str) -> Json:
    return {
        "defaultService": fallback,
        "defaultRouteAction": {"faultInjectionPolicy": shapes_rules.abort(NOT_FOUND, "100")},
    }


def _read_default(shown: Mapping[str, Any], others: frozenset[str], ref_of: RefOf) -> Json:
    fallback = names.path_of(fallback_of(shown))
    found = ref_of(fallback, "exists") if fallback else None
    return {"fallback": found, "extra": _extra(shown, _default(fallback), others)}


def _extra(shown: Mapping[str, Any], written: Mapping[str, Any], others: frozenset[str]) -> str:
    """Members, but the `others`, that are not as we would have written what was read."""
    found, wanted = normal({n: v for n, v in shown.items() if n not in others}), normal(written)
    left = {name: found.get(name) for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)}
    return json.dumps(left, sort_keys=True, separators=(",", ":")) if left else ""


def _plain(path: str, _: Until) -> str:
    return path


def _never(ref: model.Ref) -> str:
    raise AssertionError(ref)
