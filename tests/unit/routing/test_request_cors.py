"""Cross-origin requests: which origins are allowed, and what the browser is told (HTTPCORSFilter)."""

from __future__ import annotations

import pytest

from cloudgw.objects import CORS, RouteMatch
from cloudgw.routing import ir, modified, request
from cloudgw.routing.request import Request
from tests.unit.routing.test_request import ONE, asked, share

LISTED = CORS(
    allow_origins=("https://www.foo.io", "https://*.bar.io"),
    allow_methods=("GET", "OPTIONS"),
    allow_headers=("x-1", "x-2"),
    expose_headers=("x-3", "x-4"),
    allow_credentials=True,
    max_age=3600,
)
PREFLIGHT = (("access-control-request-method", "PUT"), ("Access-Control-Request-Headers", "x-1, x-9"))


@pytest.mark.parametrize(
    ("allowed", "origin", "expected"),
    [
        ("*", "https://any.io:123", True),
        ("*", "null", True),
        ("https://a.io", "https://a.io", True),
        ("https://a.io", "HTTPS://A.io", True),
        ("https://a.io", "https://a.io:443", True),
        ("http://a.io:80", "http://a.io", True),
        ("https://a.io", "http://a.io", False),
        ("https://a.io", "https://a.io:8443", False),
        ("https://a.io:8443", "https://a.io:8443", True),
        ("https://*.a.io", "https://x.a.io", True),
        ("https://*.a.io", "https://x.y.a.io", True),
        ("https://*.a.io", "https://a.io", False),
        ("https://*.a.io", "https://xa.io", False),
        ("https://*.a.io:1", "https://x.a.io", False),
        ("https://*", "https://any.io", True),
        ("https://*", "http://any.io", False),
        ("https://*", "null", False),
        ("https://[::1]:1", "https://[::1]:1", True),
    ],
)
def test_origins(allowed: str, origin: str, expected: bool) -> None:
    assert modified.origin_meets(allowed, origin) is expected


def answer(cors: CORS, method: str, *headers: tuple[str, str]) -> request.Answer:
    return asked(ir.Forward(shares=(share(ONE),), cors=cors), Request(port=80, method=method, headers=headers))


def told(cors: CORS, method: str, *headers: tuple[str, str]) -> dict[str, str]:
    found = answer(cors, method, *headers).cors
    assert len(dict(found)) == len(found)
    return {name.lower().removeprefix("access-control-"): value for name, value in found}


def test_a_preflight_is_answered_by_the_gateway() -> None:
    found = answer(LISTED, "OPTIONS", ("Origin", "https://x.y.bar.io"), *PREFLIGHT)
    assert (found.kind, found.status, found.backends, found.entry) == ("preflight", 204, (), "e")
    assert told(LISTED, "OPTIONS", ("Origin", "https://x.y.bar.io"), *PREFLIGHT) == {
        "allow-origin": "https://x.y.bar.io",
        "allow-credentials": "true",
        "allow-methods": "GET, OPTIONS",
        "allow-headers": "x-1, x-2",
        "expose-headers": "x-3, x-4",
        "max-age": "3600",
    }


def test_a_preflight_of_a_stranger_is_answered_without_permission() -> None:
    found = answer(LISTED, "OPTIONS", ("Origin", "https://evil.io"), *PREFLIGHT)
    assert (found.kind, found.status, found.cors) == ("preflight", 204, ())


def test_an_actual_request_is_forwarded_and_its_response_marked() -> None:
    found = answer(LISTED, "GET", ("Origin", "https://www.foo.io"))
    assert (found.kind, found.backends) == ("forward", ((ONE, 1),))
    assert told(LISTED, "GET", ("Origin", "https://www.foo.io")) == {
        "allow-origin": "https://www.foo.io",
        "allow-credentials": "true",
        "expose-headers": "x-3, x-4",
    }
    for headers in ((), (("Origin", "https://evil.io"),)):
        stranger = answer(LISTED, "GET", *headers)
        assert (stranger.kind, stranger.cors) == ("forward", ())


@pytest.mark.parametrize("headers", [(), (("Origin", "https://www.foo.io"),), PREFLIGHT])
def test_not_every_options_is_a_preflight(headers: tuple[tuple[str, str], ...]) -> None:
    assert answer(LISTED, "OPTIONS", *headers).kind == "forward"


@pytest.mark.parametrize("credentials", [False, True])
def test_stars_are_never_told_beside_credentials(credentials: bool) -> None:
    any_ = CORS(
        allow_origins=("*",),
        allow_methods=("*",),
        allow_headers=("*",),
        expose_headers=("*",),
        allow_credentials=credentials,
    )
    found = told(any_, "OPTIONS", ("Origin", "https://a.io"), *PREFLIGHT)
    assert found.pop("allow-credentials", "") == ("true" if credentials else "")
    assert found.pop("expose-headers", "") == ("" if credentials else "*")
    assert found == {
        "allow-origin": "https://a.io",
        "allow-methods": "PUT",
        "allow-headers": "x-1, x-9",
        "max-age": "5",
    }
    bare = told(any_, "OPTIONS", ("Origin", "https://a.io"), PREFLIGHT[0])
    assert "allow-headers" not in bare


def test_what_is_not_listed_is_not_told() -> None:
    assert told(CORS(allow_origins=("*",)), "OPTIONS", ("Origin", "https://a.io"), *PREFLIGHT) == {
        "allow-origin": "https://a.io",
        "max-age": "5",
    }


def test_a_preflight_has_to_meet_the_match_itself() -> None:
    action = ir.Forward(shares=(share(ONE),), cors=LISTED)
    of = Request(port=80, method="OPTIONS", headers=(("Origin", "https://www.foo.io"), *PREFLIGHT))
    assert asked(action, of, RouteMatch(method="GET")).status == 404
    assert asked(ir.Redirect(cors=LISTED), of).kind == "preflight"
    assert asked(ir.Respond(status=500), of).kind == "respond"
