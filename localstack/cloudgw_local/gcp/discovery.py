"""The published description of the compute API: which methods are served, their paths, requests, answers and schemas.

The server asks `match` what a request means; `schema` and `filters` read `SCHEMAS`. Everything stands in compute.json,
the cut of Google's discovery document that scripts/discovery.py writes (its notice and licence are in it). Nothing
here may add a fact of its own: what Google does not publish is in the rules modules.

Source: compute.googleapis.com/$discovery/rest?version=v1, as distributed with google-api-python-client.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import importlib.resources
import json
import re
import urllib.parse
from typing import Any, Literal

Level = Literal["global", "region", "zone", "project"]
PREFIX = "/compute/v1/"
# The document has a collection per scope; names.Place and the kinds know one word for all of them.
SCOPED = re.compile(r"(?:global|region|zone)([A-Z])(.*)")

_DOCUMENT: dict[str, Any] = json.loads(importlib.resources.files(__package__).joinpath("compute.json").read_text())
SOURCE: collections.abc.Mapping[str, str] = _DOCUMENT["source"]
SCHEMAS: collections.abc.Mapping[str, dict[str, Any]] = _DOCUMENT["schemas"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method. `collection` is without a scope's name ("urlMaps" for regionUrlMaps too); `level` is what the path
    names: "project" where it is neither a resource's scope nor in one (aggregatedList, regions, zones, projects).
    `request` and `response` are schema names; `query` maps each query parameter to its JSON type."""

    id: str
    http: str
    path: str
    collection: str
    level: Level
    verb: str
    request: str | None
    response: str | None
    query: collections.abc.Mapping[str, str]
    pattern: re.Pattern[str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What one request's path means. `scope` is "global", "regions/R", "zones/Z", or "" at level "project"; `name` is
    the resource's, "" for a method of the whole collection (for regions, zones and projects: theirs)."""

    method: Method
    project: str
    scope: str
    name: str


def _method(collection: str, verb: str, row: list[Any]) -> Method:
    http, path, request, response, query = row
    scoped = SCOPED.fullmatch(collection)
    bare = scoped[1].lower() + scoped[2] if scoped else collection
    level: Level = "global"
    if bare in ("projects", "regions", "zones") or "/aggregated/" in path:
        level = "project"
    elif "/regions/{" in path or "/zones/{" in path:
        level = "region" if "/regions/{" in path else "zone"
    segments = path.split("/")
    named = {
        segment[1:-1]: "scope" if level in ("region", "zone") and segment in ("{region}", "{zone}") else "name"
        for segment in segments
        if segment.startswith("{") and segment != "{project}"
    }
    expression = "/".join(
        "(?P<project>[^/]+)"
        if segment == "{project}"
        else f"(?P<{named[segment[1:-1]]}>[^/]+)"
        if segment.startswith("{")
        else re.escape(segment)
        for segment in segments
    )
    return Method(
        id=f"compute.{collection}.{verb}",
        http=http,
        path=path,
        collection=bare,
        level=level,
        verb=verb,
        request=request,
        response=response,
        query=query,
        pattern=re.compile(PREFIX + expression),
    )


METHODS: tuple[Method, ...] = tuple(
    _method(collection, verb, row) for collection, rows in _DOCUMENT["methods"].items() for verb, row in rows.items()
)


def _indexed() -> dict[tuple[str, int], list[Method]]:
    found: dict[tuple[str, int], list[Method]] = {}
    # A literal segment wins over a name: sslPolicies/listAvailableFeatures is no policy.
    for method in sorted(METHODS, key=lambda one: one.path.count("{")):
        found.setdefault((method.http, method.path.count("/")), []).append(method)
    return found


_BY_SHAPE = _indexed()


def match(method: str, path: str) -> Route | None:
    """What a request means; `path` begins with /compute/v1/. None: no method that is served here."""
    for candidate in _BY_SHAPE.get((method, path.count("/") - PREFIX.count("/")), ()):
        found = candidate.pattern.fullmatch(path)
        if found is not None:
            groups = {name: urllib.parse.unquote(text) for name, text in found.groupdict().items()}
            scope = "global" if candidate.level == "global" else ""
            if "scope" in groups:
                scope = f"{candidate.level}s/{groups['scope']}"
            name = groups.get("name", groups["project"] if candidate.collection == "projects" else "")
            return Route(method=candidate, project=groups["project"], scope=scope, name=name)
    return None


def methods_at(path: str) -> tuple[str, ...]:
    """The HTTP methods that a path takes, sorted: none for a path that is not served."""
    return tuple(sorted({one.http for one in METHODS if one.pattern.fullmatch(path)}))
