"""What a route rule matches and does, as a spec and as the API's JSON. `shapes_paths` alone calls it.

Pure. A rule's match rules are alternatives; in one of them everything must hold. Exactly one of `service`,
`weightedBackendServices` and `urlRedirect` answers; the rest of `routeAction` goes with the first two only
(cloud.google.com/compute/docs/reference/rest/v1/urlMaps, HttpRouteRule). What is in no field here is left out, and
`shapes_paths` finds it by writing again what was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp import names
from cloudgw_gcp.shapes_values import (
    MOVED,
    IdOf,
    Json,
    RefOf,
    link,
    read_duration,
    read_edits,
    read_percent,
    write_duration,
    write_edits,
)

PATHS = {"full": "fullPathMatch", "prefix": "prefixMatch", "template": "pathTemplateMatch", "regex": "regexMatch"}
VALUES = {
    "exact": "exactMatch",
    "prefix": "prefixMatch",
    "suffix": "suffixMatch",
    "regex": "regexMatch",
    "present": "presentMatch",
    "range": "rangeMatch",
}
CODES = {
    301: MOVED,
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
REWRITES = {"host": "hostRewrite", "prefix": "pathPrefixRewrite", "template": "pathTemplateRewrite"}
REDIRECTS = {"host": "hostRedirect", "path": "pathRedirect", "prefix": "prefixRedirect"}
_STATUS = {name: code for code, name in CODES.items()}


def write(spec: model.Spec, id_of: IdOf, fallback: str) -> Json:
    """Without description and priority. fallback: link of what an action of type fail is aborted at."""
    found: Json = {"matchRules": [_write_match(match) for match in spec["matches"]]}
    edits = write_edits(spec["request"], spec["response"])
    if edits:
        found["headerAction"] = edits
    action, route = spec["action"], _route_action(spec)
    if action["type"] == "redirect":
        found["urlRedirect"] = _write_redirect(action)
    elif action["type"] == "fail":
        found["service"] = fallback
        route["faultInjectionPolicy"] = abort(action["status"], "100")
    elif action["type"] == "forward":
        if action["abort"]:
            ((status, share),) = action["abort"]
            route["faultInjectionPolicy"] = abort(status, share)
        if _is_plain(action["shares"]):
            found["service"] = link(action["shares"][0]["to"], id_of)
        else:
            route["weightedBackendServices"] = [_write_share(share, id_of) for share in action["shares"]]
    return found | ({"routeAction": route} if route else {})


def read(shown: Mapping[str, Any], ref_of: RefOf) -> Json:
    """All fields but `url_map`, `matcher` and `extra`."""
    route: Mapping[str, Any] = shown.get("routeAction") or {}
    action: Mapping[str, Any] = shown.get("headerAction") or {}
    rewrite = {part: route.get("urlRewrite", {}).get(member) or None for part, member in REWRITES.items()}
    return {
        "matches": tuple(_read_match(match) for match in shown.get("matchRules") or ()),
        "action": _read_action(shown, route, ref_of),
        "rewrite": rewrite if any(rewrite.values()) else None,
        "request": read_edits(action, "request"),
        "response": read_edits(action, "response"),
        "timeout": read_duration(route["timeout"]) if route.get("timeout") else None,
    }


def abort(status: int, share: str) -> Json:
    """A faultInjectionPolicy. share: percentage of requests."""
    return {"abort": {"httpStatus": status, "percentage": float(share)}}


def is_fail(shown: Mapping[str, Any]) -> bool:
    """Whether nobody but the abort answers, so that any backend service will do."""
    fault = ((shown.get("routeAction") or {}).get("faultInjectionPolicy") or {}).get("abort") or {}
    return bool(shown.get("service")) and read_percent(fault.get("percentage")) == "100"


def _route_action(spec: model.Spec) -> Json:
    """Without what answers."""
    found: Json = {}
    if spec["rewrite"]:
        rewrite = {member: spec["rewrite"].get(part) for part, member in REWRITES.items()}
        found["urlRewrite"] = {member: value for member, value in rewrite.items() if value is not None}
    if spec["timeout"]:
        found["timeout"] = write_duration(spec["timeout"])
    return found


def _write_match(match: model.Spec) -> Json:
    kind, value = match["path"]
    found: Json = {PATHS[kind]: value} if kind in PATHS else {}
    headers = [
        {"headerName": name, **_write_value(how, text)} | ({"invertMatch": True} if invert else {})
        for name, how, text, invert in match["headers"]
    ]
    query = [{"name": name, **_write_value(how, text)} for name, how, text in match["query"]]
    return found | ({"headerMatches": headers} if headers else {}) | ({"queryParameterMatches": query} if query else {})


def _read_match(shown: Mapping[str, Any]) -> Json:
    path = next(((kind, str(shown[member])) for kind, member in PATHS.items() if shown.get(member)), ("none", ""))
    headers = shown.get("headerMatches") or ()
    return {
        "path": path,
        "headers": tuple(
            (str(h.get("headerName") or ""), *_read_value(h), bool(h.get("invertMatch"))) for h in headers
        ),
        "query": tuple((str(q.get("name") or ""), *_read_value(q)) for q in shown.get("queryParameterMatches") or ()),
    }


def _write_value(how: str, text: str) -> Json:
    if how == "present":
        return {"presentMatch": True}
    if how == "range":
        start, _, end = text.partition(":")
        return {"rangeMatch": {"rangeStart": start, "rangeEnd": end}}
    return {VALUES[how]: text} if how in VALUES else {}


def _read_value(shown: Mapping[str, Any]) -> tuple[str, str]:
    how = next((how for how, member in VALUES.items() if shown.get(member)), "none")
    if how == "range":
        bounds = shown["rangeMatch"]
        return how, f"{int(bounds.get('rangeStart') or 0)}:{int(bounds.get('rangeEnd') or 0)}"
    return how, "" if how in ("none", "present") else str(shown[VALUES[how]])


def _is_plain(shares: tuple[model.Spec, ...]) -> bool:
    """One backend service that needs nothing which `service` cannot say."""
    (first, *others) = shares or ({"weight": 0},)
    return not others and first["weight"] == 1 and not first["request"] and not first["response"]


def _write_share(share: model.Spec, id_of: IdOf) -> Json:
    found: Json = {"backendService": link(share["to"], id_of), "weight": share["weight"]}
    edits = write_edits(share["request"], share["response"])
    return found | ({"headerAction": edits} if edits else {})


def _read_action(shown: Mapping[str, Any], route: Mapping[str, Any], ref_of: RefOf) -> Json:
    """Of type "none", which nobody builds, where nothing answers."""
    if shown.get("urlRedirect"):
        return _read_redirect(shown["urlRedirect"])
    fault: Mapping[str, Any] = (route.get("faultInjectionPolicy") or {}).get("abort") or {}
    share, status = read_percent(fault.get("percentage")), int(fault.get("httpStatus") or 0)
    service = names.path_of(str(shown.get("service") or ""))
    if is_fail(shown):
        return {"type": "fail", "status": status}
    shares = [_read_share(item, ref_of) for item in route.get("weightedBackendServices") or ()]
    if service:
        shares.insert(0, _share(ref_of(service, "serving"), 1))
    if not shares:
        return {"type": "none"}
    return {"type": "forward", "shares": tuple(shares), "abort": ((status, share),) if share != "0" else None}


def _share(to: model.Ref | str, weight: int) -> Json:
    return {"to": to, "weight": weight, "request": None, "response": None}


def _read_share(shown: Mapping[str, Any], ref_of: RefOf) -> Json:
    action: Mapping[str, Any] = shown.get("headerAction") or {}
    to = ref_of(names.path_of(str(shown.get("backendService") or "")), "serving")
    edits = {side: read_edits(action, side) for side in ("request", "response")}
    return _share(to, int(shown.get("weight") or 0)) | edits


def _write_redirect(action: model.Spec) -> Json:
    found: Json = {member: action[part] for part, member in REDIRECTS.items() if action.get(part)}
    return found | {
        "httpsRedirect": action["https"],
        "redirectResponseCode": CODES[action["code"]],
        "stripQuery": action["strip_query"],
    }


def _read_redirect(shown: Mapping[str, Any]) -> Json:
    return {
        "type": "redirect",
        **{part: shown.get(member) or None for part, member in REDIRECTS.items()},
        "https": bool(shown.get("httpsRedirect")),
        "code": _STATUS.get(str(shown.get("redirectResponseCode") or MOVED), 301),
        "strip_query": bool(shown.get("stripQuery")),
    }
