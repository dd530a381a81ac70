"""The cut of Google's description: it is the installed package's, and requests find their method in it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from cloudgw_local.gcp import discovery

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "discovery.py"


def test_the_cut_is_what_the_installed_package_gives() -> None:
    checked = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_cut_says_where_it_is_from() -> None:
    assert discovery.SOURCE["package"] == "google-api-python-client"
    assert "Apache License, Version 2.0" in discovery.SOURCE["notice"]
    assert discovery.SOURCE["revision"] >= "20261106"


@pytest.mark.parametrize(
    ("http", "path", "verb", "collection", "scope", "name"),
    [
        ("POST", "global/urlMaps", "insert", "urlMaps", "global", ""),
        ("PATCH", "regions/r/urlMaps/x", "patch", "urlMaps", "regions/r", "x"),
        ("GET", "aggregated/urlMaps", "aggregatedList", "urlMaps", "", ""),
        ("POST", "targetHttpsProxies/x/setUrlMap", "setUrlMap", "targetHttpsProxies", "global", "x"),
        ("POST", "regions/r/targetHttpsProxies/x/setUrlMap", "setUrlMap", "targetHttpsProxies", "regions/r", "x"),
        ("GET", "global/forwardingRules/x", "get", "forwardingRules", "global", "x"),
        ("GET", "regions/r/forwardingRules/x", "get", "forwardingRules", "regions/r", "x"),
        ("GET", "global/sslPolicies/listAvailableFeatures", "listAvailableFeatures", "sslPolicies", "global", ""),
        (
            "POST",
            "zones/z/networkEndpointGroups/n/attachNetworkEndpoints",
            "attachNetworkEndpoints",
            "networkEndpointGroups",
            "zones/z",
            "n",
        ),
        ("POST", "regions/r/operations/o/wait", "wait", "operations", "regions/r", "o"),
        ("GET", "zones/z", "get", "zones", "", "z"),
        ("GET", "regions", "list", "regions", "", ""),
    ],
)
def test_what_a_request_means(http: str, path: str, verb: str, collection: str, scope: str, name: str) -> None:
    route = discovery.match(http, f"/compute/v1/projects/p/{path}")
    assert route is not None
    assert (route.method.verb, route.method.collection, route.scope, route.name) == (verb, collection, scope, name)
    assert route.project == "p"


def test_a_project_is_its_own_name() -> None:
    route = discovery.match("GET", "/compute/v1/projects/p")
    assert route is not None
    assert (route.method.verb, route.project, route.name) == ("get", "p", "p")


@pytest.mark.parametrize(
    "path", ["/compute/v1/projects/p/global/cheese", "/compute/v2/projects/p", "/", "/compute/v1/"]
)
def test_what_is_not_served(path: str) -> None:
    assert discovery.match("GET", path) is None
    assert discovery.methods_at(path) == ()


def test_the_methods_of_a_path() -> None:
    assert discovery.methods_at("/compute/v1/projects/p/global/urlMaps/x") == ("DELETE", "GET", "PATCH", "PUT")


def test_every_method_is_found_by_its_own_path() -> None:
    for method in discovery.METHODS:
        path = "/".join(f"x{part[1:-1]}" if part.startswith("{") else part for part in method.path.split("/"))
        route = discovery.match(method.http, discovery.PREFIX + path)
        assert route is not None
        assert route.method.id == method.id


def test_every_schema_that_is_named_is_there() -> None:
    for method in discovery.METHODS:
        for name in (method.request, method.response):
            assert name is None or name in discovery.SCHEMAS, method.id
