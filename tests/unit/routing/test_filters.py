"""Filters: which may stand where, how often, and beside which others."""

from __future__ import annotations

import dataclasses

import pytest

from cloudgw.objects import (
    CORS,
    Filter,
    HeaderModifier,
    ObjectRef,
    OtherFilter,
    PathModifier,
    RequestHeaderModifier,
    RequestMirror,
    RequestRedirect,
    ResponseHeaderModifier,
    URLRewrite,
)
from cloudgw.routing import filters, ir
from tests.unit.routing import world

SET = HeaderModifier(set=(("X-A", "1"),))
REQUEST, RESPONSE = RequestHeaderModifier(headers=SET), ResponseHeaderModifier(headers=SET)
MIRROR = RequestMirror(ref=ObjectRef(kind="Service", namespace="shop", name="copy"), port=80)
PREFIX = PathModifier(type="ReplacePrefixMatch", value="/b")
AUTH = OtherFilter(type="ExtensionRef", ref=ObjectRef(group="x.io", kind="Auth", name="strict"))


def of_rule(*asked: Filter, kind: str = "HTTPRoute", backends: bool = True) -> filters.Filters | ir.Verdict:
    rule = world.rule(world.path("/a"), backends=[world.backend()] if backends else [])
    return filters.of_rule(kind, dataclasses.replace(rule, filters=asked), [world.path("/a")])


def of_backend(*asked: Filter, kind: str = "HTTPRoute", match: str = "PathPrefix") -> filters.Filters | ir.Verdict:
    rule = world.rule(backends=[world.backend(), dataclasses.replace(world.backend(), filters=asked)])
    return filters.of_backend(kind, rule, 1, [world.path("/a", match)])


def test_everything_that_a_rule_may_ask_for() -> None:
    rewrite, cors = URLRewrite(hostname="in.io", path=PREFIX), CORS(allow_origins=("*",))
    found = of_rule(MIRROR, REQUEST, RESPONSE, rewrite, cors, MIRROR)
    assert found == filters.Filters(
        rewrite=rewrite, request=SET, response=SET, mirrors=((0, MIRROR), (5, MIRROR)), cors=cors
    )
    redirect = RequestRedirect(path=PREFIX)
    assert of_rule(redirect, RESPONSE, cors, backends=False) == filters.Filters(
        redirect=redirect, response=SET, cors=cors
    )
    assert of_rule() == filters.Filters()


@pytest.mark.parametrize(
    ("asked", "reason", "says"),
    [
        ((AUTH,), "UnsupportedValue", "filters[0]: ExtensionRef (x.io Auth strict) is not supported"),
        ((REQUEST, OtherFilter(type="ExternalAuth")), "UnsupportedValue", "filters[1]: ExternalAuth is not supported"),
        ((OtherFilter(type="Typo"), RequestRedirect()), "UnsupportedValue", "filters[0]: Typo"),
        ((dataclasses.replace(MIRROR, numerator=3, denominator=2),), "UnsupportedValue", "3/2"),
        ((dataclasses.replace(MIRROR, numerator=0, denominator=0),), "UnsupportedValue", "0/0"),
        ((REQUEST, REQUEST), "IncompatibleFilters", "more than one RequestHeaderModifier"),
        ((RESPONSE, RESPONSE), "IncompatibleFilters", "more than one ResponseHeaderModifier"),
        ((CORS(), CORS()), "IncompatibleFilters", "more than one CORS"),
        ((URLRewrite(), URLRewrite()), "IncompatibleFilters", "more than one URLRewrite"),
        ((RequestRedirect(), URLRewrite()), "IncompatibleFilters", "RequestRedirect and URLRewrite"),
        ((RequestRedirect(),), "IncompatibleFilters", "RequestRedirect and backendRefs"),
    ],
)
def test_what_a_rule_may_not_ask_for(asked: tuple[Filter, ...], reason: str, says: str) -> None:
    found = of_rule(*asked)
    assert isinstance(found, ir.Verdict)
    assert (found.status, found.reason) == (False, reason)
    assert says in found.message


def test_what_a_backend_may_ask_for() -> None:
    rewrite = URLRewrite(path=PREFIX)
    assert of_backend(REQUEST, RESPONSE, MIRROR, rewrite) == filters.Filters(
        rewrite=rewrite, request=SET, response=SET, mirrors=((2, MIRROR),)
    )
    for asked in (RequestRedirect(), CORS(), AUTH):
        refused = of_backend(asked)
        assert isinstance(refused, ir.Verdict)
        assert refused.reason == "UnsupportedValue"
        assert refused.message.startswith("backendRefs[1].filters[0]: ")
    prefix = of_backend(rewrite, match="Exact")
    assert isinstance(prefix, ir.Verdict)
    assert prefix.reason == "IncompatibleFilters"


@pytest.mark.parametrize("asked", [URLRewrite(), RequestRedirect(), CORS()])
def test_a_grpc_route_has_fewer_filters(asked: Filter) -> None:
    assert of_rule(REQUEST, RESPONSE, MIRROR, kind="GRPCRoute") == filters.Filters(
        request=SET, response=SET, mirrors=((2, MIRROR),)
    )
    for refused in (of_rule(asked, kind="GRPCRoute"), of_backend(asked, kind="GRPCRoute")):
        assert isinstance(refused, ir.Verdict)
        assert refused.reason == "UnsupportedValue"


def test_routes_that_carry_bytes_have_none() -> None:
    assert of_rule(kind="TCPRoute") == filters.Filters()
    refused = of_rule(REQUEST, kind="TCPRoute")
    assert isinstance(refused, ir.Verdict)
    assert "a rule of a TCPRoute" in refused.message


def test_of_equal_header_names_the_first_counts() -> None:
    asked = HeaderModifier(
        set=(("X-A", "1"), ("x-a", "2")), add=(("B", "1"), ("b", "2"), ("C", "3")), remove=("D", "d")
    )
    found = of_rule(RequestHeaderModifier(headers=asked))
    assert isinstance(found, filters.Filters)
    assert found.request is not None
    assert found.request.set == (("X-A", "1"),)
    assert found.request.add == (("B", "1"), ("C", "3"))
    assert len(found.request.remove) == 1
