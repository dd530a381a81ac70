"""The project, its regions and zones: which paths name something that exists, and what GET answers about them.

`server` checks every path here, `lists` runs through the scopes. They never change, only their quotas do. Sources:
cloud.google.com/compute/docs/reference/rest/v1/{projects,regions,zones}; a name in a path that breaks the pattern as
reported in hashicorp/terraform#16482.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import call, discovery, errors, names, quotas, schema

Json = dict[str, Any]
REGIONS = {"europe-west1": ("b", "c", "d"), "europe-west4": ("a", "b", "c")}
ZONES = tuple(f"{region}-{letter}" for region, letters in REGIONS.items() for letter in letters)
SCOPES = ("global", *(f"regions/{region}" for region in REGIONS), *(f"zones/{zone}" for zone in ZONES))
ROOT = f"{names.ROOT}projects/{gcp.PROJECT}"
BORN = "1969-12-31T16:00:00.000-08:00"  # what the real regions and zones say
NAME = "[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?"


def check(route: discovery.Route) -> discovery.Route:
    """The route with the project's id where the path has its number. Refusal: no such project, region or zone, or a
    name that none can have."""
    if route.project not in (gcp.PROJECT, gcp.NUMBER):
        raise _missing(f"projects/{route.project}")
    if route.scope and route.scope not in SCOPES:
        level, _, given = route.scope.partition("s/")
        raise schema.invalid(level, given, f"Unknown {level}.")
    named = route.name and route.method.collection not in ("operations", "projects")
    if named and not re.fullmatch(f"{NAME}|[1-9][0-9]{{0,19}}", route.name):  # a numeric id is never one of ours
        message = f"Invalid value '{route.name}'. Values must match the following regular expression: '{NAME}'"
        raise errors.Refusal(status=400, reason="invalidParameter", message=message)
    return dataclasses.replace(route, project=gcp.PROJECT)


def get(asked: call.Call) -> Json:
    """projects.get, regions.get, zones.get. Refusal 404."""
    for one in items(asked):
        if one["name"] == asked.route.name or asked.collection == "projects":
            return one
    raise _missing(f"projects/{gcp.PROJECT}/{asked.collection}/{asked.route.name}")


def items(asked: call.Call) -> list[Json]:
    """Every document of the collection that the call is about."""
    if asked.collection == "projects":
        return [_project(asked)]
    if asked.collection == "regions":
        return [_region(asked, index, region) for index, region in enumerate(REGIONS)]
    return [_zone(index, zone) for index, zone in enumerate(ZONES)]


def _place(word: str, number: int, name: str) -> Json:
    return {
        "kind": f"compute#{word}",
        "id": str(number),
        "creationTimestamp": BORN,
        "name": name,
        "description": name,
        "status": "UP",
        "selfLink": f"{ROOT}/{word}s/{name}",
        "supportsPzs": False,
    }


def _region(asked: call.Call, index: int, name: str) -> Json:
    zones = [f"{ROOT}/zones/{name}-{letter}" for letter in REGIONS[name]]
    return _place("region", 1000 + 10 * index, name) | {"zones": zones, "quotas": quotas.listed(asked, name)}


def _zone(index: int, name: str) -> Json:
    return _place("zone", 2000 + index, name) | {"region": f"{ROOT}/regions/{name.rpartition('-')[0]}"}


def _project(asked: call.Call) -> Json:
    return {
        "kind": "compute#project",
        "id": gcp.NUMBER,
        "creationTimestamp": BORN,
        "name": gcp.PROJECT,
        "defaultNetworkTier": "PREMIUM",
        "defaultServiceAccount": f"{gcp.NUMBER}-compute@developer.gserviceaccount.com",
        "quotas": quotas.listed(asked, ""),
        "selfLink": ROOT,
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
    }


def _missing(path: str) -> errors.Refusal:
    return errors.Refusal(status=404, reason="notFound", message=f"The resource '{path}' was not found")
