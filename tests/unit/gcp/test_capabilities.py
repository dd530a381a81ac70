"""What rows of the capabilities rest on, by the discovery document: where it changed, a row is out of date."""

from __future__ import annotations

import importlib.util
import json
import pathlib
from typing import Any

import pytest

from cloudgw_gcp import kinds


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """Google's own description of compute v1: when its members change, a row is out of date."""
    package = importlib.util.find_spec("googleapiclient")
    assert package is not None
    assert package.origin is not None
    where = pathlib.Path(package.origin).parent / "discovery_cache" / "documents" / "compute.v1.json"
    found: dict[str, Any] = json.loads(where.read_text())["schemas"]
    return found


def test_a_forwarding_rule_may_have_a_named_address(schemas: dict[str, Any]) -> None:
    assert "IPAddress" in schemas["ForwardingRule"]["properties"]


def test_no_match_sees_the_server_name(schemas: dict[str, Any]) -> None:
    assert set(schemas["HttpRouteRuleMatch"]["properties"]) == {
        "fullPathMatch",
        "headerMatches",
        "ignoreCase",
        "metadataFilters",
        "pathTemplateMatch",
        "prefixMatch",
        "queryParameterMatches",
        "regexMatch",
    }


def test_backends_may_see_a_certificate(schemas: dict[str, Any]) -> None:
    assert set(schemas["BackendServiceTlsSettings"]["properties"]) >= {"authenticationConfig", "sni", "subjectAltNames"}


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "address",
        "firewall",
        "health-check",
        "neg",
        "endpoints",
        "backend-service",
        "url-map",
        "path-matcher",
        "route-rule",
        "certificate",
        "ssl-policy",
        "target-proxy",
        "forwarding-rule",
    }
