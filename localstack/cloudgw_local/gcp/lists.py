"""Lists: pages, filters, orders, and the aggregated ones that run through every scope.

`resources` gives what there is to list; this module only selects and wraps. Sources: the parameters' texts in
cloud.google.com/compute/docs/reference/rest/v1/urlMaps/{list,aggregatedList}: maxResults 0 to 500, order by name or by
creationTimestamp descending, warnings NO_RESULTS_ON_PAGE and UNREACHABLE, returnPartialSuccess and `unreachables`; the
release notes of google-cloud-compute 1.55.0 (aggregated lists of API version 2026-09-01 always succeed partially).
"""

from __future__ import annotations

import base64
import binascii
import collections.abc
import json
from typing import Any

from cloudgw_local.gcp import call, discovery, errors, filters, locations, names, schema

Json = dict[str, Any]
Row = tuple[str, Json]  # the scope's text and the document as GET shows it
MOST = 500
PARTIAL_SINCE = "2026-09-01"
NAME, NEWEST = "name", "creationTimestamp desc"
# Scopes that a collection has in the real cloud beside those that are served here.
ELSEWHERE = {"networkEndpointGroups": ("global", "regions", "zones"), "operations": ("global", "regions", "zones")}


def listed(asked: call.Call, rows: collections.abc.Iterable[Row]) -> Json:
    """The answer of a list: the page of `rows` that the call asks for."""
    scope = asked.route.scope
    answer = _head(asked, f"{scope}/{asked.collection}" if scope else asked.collection)
    if scope in _unreachable(asked):
        _check_partial(asked, scope)
        return answer | {"warning": _warning("UNREACHABLE", scope)}
    page, token = _page(asked, list(rows))
    if page:
        answer["items"] = [document for _, document in page]
    return answer | ({"nextPageToken": token} if token else {})


def aggregated(asked: call.Call, rows: collections.abc.Iterable[Row]) -> Json:
    """The answer of an aggregatedList: every scope of the collection, with what this page has of it."""
    lost = _unreachable(asked)
    scopes = _scopes(asked)
    for scope in scopes:
        if scope in lost:
            _check_partial(asked, scope)
    page, token = _page(asked, [row for row in rows if row[0] not in lost])
    items: Json = {}
    for scope in scopes:
        here = [document for where, document in page if where == scope]
        if here:
            items[scope] = {asked.collection: here}
        else:
            items[scope] = {"warning": _warning("UNREACHABLE" if scope in lost else "NO_RESULTS_ON_PAGE", scope)}
    answer = _head(asked, f"aggregated/{asked.collection}") | {"items": items}
    missing = [scope for scope in scopes if scope in lost]
    if missing:
        answer["unreachables"] = missing
    return answer | ({"nextPageToken": token} if token else {})


def _head(asked: call.Call, path: str) -> Json:
    published = discovery.SCHEMAS[asked.route.method.response or ""]["properties"]
    path = f"projects/{asked.route.project}/{path}"
    head = {"kind": published["kind"]["default"], "id": path, "selfLink": names.ROOT + path}
    return {name: value for name, value in head.items() if name in published}


def _scopes(asked: call.Call) -> list[str]:
    every = asked.query.get("includeAllScopes") == "true"
    words = {"global": "global", "region": "regions", "zone": "zones"}
    own = {words[one.level] for one in discovery.METHODS if one.collection == asked.collection and one.level in words}
    kinds = own | set(ELSEWHERE.get(asked.collection, ()))
    return sorted(one for one in locations.SCOPES if every or one.partition("/")[0] in kinds)


def _unreachable(asked: call.Call) -> set[str]:
    return {one.strip() for one in str(asked.around.setting("unreachable")).split(",")} - {""}


def _check_partial(asked: call.Call, scope: str) -> None:
    """Without partial success the whole call fails when one scope does; newer clients cannot ask for anything else."""
    newer = asked.verb == "aggregatedList" and asked.version >= PARTIAL_SINCE
    if not newer and asked.query.get("returnPartialSuccess") != "true":
        message = f"The service is currently unavailable in '{scope}'."
        raise errors.Refusal(status=503, reason="backendError", message=message)


def _warning(code: str, scope: str) -> Json:
    texts = {
        "NO_RESULTS_ON_PAGE": f"There are no results for scope '{scope}' on this page.",
        "UNREACHABLE": f"The scope '{scope}' could not be reached.",
    }
    return {"code": code, "message": texts[code], "data": [{"key": "scope", "value": scope}]}


def _page(asked: call.Call, rows: list[Row]) -> tuple[list[Row], str]:
    """One page and the token of the next, "" after the last."""
    order = asked.query.get("orderBy") or NAME
    if order not in (NAME, NEWEST):
        why = f"Only sorting by '{NAME}' or '{NEWEST}' is supported."
        raise schema.invalid("orderBy", order, why)
    text = asked.query.get("filter", "")
    matches = filters.parse(text, call.schema_of(asked.collection)) if text.strip() else None
    rows = [row for row in rows if matches is None or matches(row[1])]
    rows.sort(key=_name_key)
    if order == NEWEST:
        rows.sort(key=lambda row: str(row[1].get("creationTimestamp") or row[1].get("insertTime")), reverse=True)
    begin = _begin(asked, rows, order, text)
    end = begin + _size(asked)
    if end >= len(rows):
        return rows[begin:], ""
    return rows[begin:end], _token(rows[end - 1], order, text)


def _name_key(row: Row) -> tuple[str, str]:
    return str(row[1]["name"]), row[0]


def _size(asked: call.Call) -> int:
    given = asked.query.get("maxResults", "") or "0"
    if not given.isdecimal() or int(given) > MOST:
        raise schema.invalid("maxResults", given, f"Must be between 0 and {MOST}, inclusive.")
    return min(int(given) or MOST, int(asked.around.setting("page_size")))


def _token(row: Row, order: str, text: str) -> str:
    stamp = str(row[1].get("creationTimestamp") or row[1].get("insertTime"))
    return base64.urlsafe_b64encode(json.dumps([order, text, stamp, *_name_key(row)]).encode()).decode()


def _begin(asked: call.Call, rows: list[Row], order: str, text: str) -> int:
    """The index of the first row of the page: the one behind the row that the token names, even if that is gone."""
    token = asked.query.get("pageToken", "")
    if not token:
        return 0
    try:
        given_order, given_text, stamp, name, scope = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError):
        given_order = given_text = None
    if (given_order, given_text) != (order, text):
        raise schema.invalid("pageToken", token, "The page token is not one of this list.")
    if order == NAME:
        return sum(_name_key(row) <= (name, scope) for row in rows)
    stamps = [str(row[1].get("creationTimestamp") or row[1].get("insertTime")) for row in rows]
    return sum(
        one > stamp or (one == stamp and _name_key(row) <= (name, scope)) for one, row in zip(stamps, rows, strict=True)
    )
