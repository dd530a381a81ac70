"""Header actions: their order, what they replace, and what a backend and a client then see."""

from __future__ import annotations

import pytest

from cloudgw_gcp import semantics
from tests.unit.gcp import semantics_samples as gcp

Pairs = tuple[tuple[str, str], ...]


def answered(action: gcp.Json, *headers: tuple[str, str]) -> semantics.Share:
    rule = gcp.when(1, "s", {"prefixMatch": "/"}, headerAction=action)
    return semantics.answer(gcp.one(rule), gcp.ask("http://a.com/", *headers)).shares[0]


@pytest.mark.parametrize(
    ("action", "sent", "seen"),
    [
        # https/setting-up-global-traffic-mgmt, "Add and remove request and response headers"
        (
            {**gcp.edits("request", "header-2-name", replace=True, header_1_name="header-1-value")},
            (("Header-2-Name", "x"), ("header-1-name", "old"), ("kept", "k")),
            (("kept", "k"), ("header-1-name", "header-1-value")),
        ),
        # urlMaps, HttpHeaderOption.replace: false appends, true discards, and true is the default
        (gcp.edits("request", replace=False, X="2"), (("x", "1"),), (("x", "1"), ("X", "2"))),
        (gcp.edits("request", replace=True, X="2"), (("x", "1"), ("x", "3")), (("X", "2"),)),
        (gcp.edits("request", X="2"), (("x", "1"),), (("X", "2"),)),
        (gcp.edits("request", "gone"), (("Gone", "1"), ("gone", "2")), ()),
        (gcp.edits("request", "absent"), (("x", "1"),), (("x", "1"),)),
        (gcp.edits("response", X="2"), (("x", "1"),), (("x", "1"),)),
    ],
)
def test_what_the_backend_sees(action: gcp.Json, sent: Pairs, seen: Pairs) -> None:
    assert answered(action, *sent).headers == seen


def test_what_the_client_sees() -> None:
    found = answered(gcp.edits("response", "server", X_New="v")).response
    assert found.apply((("Server", "s"), ("x-new", "old"), ("a", "b"))) == (("a", "b"), ("X-New", "v"))


def test_share_then_rule_then_matcher_then_map() -> None:
    """urlMaps: headerAction of a weighted backend service before that of its rule, before the matcher's, before the
    map's; so the outermost replacement stays."""
    action = gcp.shares(s=1)
    action["weightedBackendServices"][0]["headerAction"] = gcp.edits("request", replace=False, T="share")
    rule = gcp.when(1, "", {"prefixMatch": "/a"}, routeAction=action)
    told = {"headerAction": gcp.edits("request", replace=False, T="rule")}
    outer = gcp.matcher({**rule, **told}, headerAction=gcp.edits("request", replace=False, T="matcher"))
    found = gcp.project(gcp.url_map(outer, headerAction=gcp.edits("request", replace=False, T="map")))

    def seen(path: str) -> list[str]:
        return [value for _, value in semantics.answer(found, gcp.ask(f"http://a.com{path}")).shares[0].headers]

    assert seen("/a") == ["share", "rule", "matcher", "map"]
    assert seen("/b") == ["matcher", "map"]
    replaced = gcp.project(gcp.url_map(outer, headerAction=gcp.edits("request", T="map")))
    assert semantics.answer(replaced, gcp.ask("http://a.com/a")).shares[0].headers == (("T", "map"),)


def test_each_share_sees_its_own_headers() -> None:
    action = gcp.shares(a=1, b=3, c=0)
    action["weightedBackendServices"][0]["headerAction"] = gcp.edits("request", X="a")
    rule = gcp.when(1, "", {"prefixMatch": "/"}, routeAction=action)
    found = semantics.answer(gcp.one(rule), gcp.ask("http://a.com/"))
    assert gcp.names(found) == ["a=1", "b=3"]
    assert [share.headers for share in found.shares] == [(("X", "a"),), ()]
