"""`cloudgw trace` as a person types it: what it says, and every way to ask wrongly."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli import place as places

GUIDE = places.ROOT / "docs" / "guide" / "lint-and-trace"
ASK = "trace GET http://shop.example.com"


@pytest.fixture
def guide(tmp_path: Path) -> places.Place:
    folder = tmp_path / "guide"
    shutil.copytree(GUIDE, folder)
    return places.Place(folder)


def test_who_answers_and_who_lost(guide: places.Place) -> None:
    said = guide.run(f"{ASK}/cart/7 --complete")
    assert said.code == 2  # a tenth has no ready pod
    assert '  -> listener "web" (HTTP 80, *.example.com)' in said.out
    assert 'by HTTPRoute shop/shop rule "cart" (routes.yaml:1), PathPrefix /cart for shop.example.com' in said.out
    assert "    90 % to Service shop/web:80 (2 ready pods)\n      path there: /api/cart/7" in said.out
    assert "    10 % to Service shop/cart-next:80 (no ready pod: 503)" in said.out
    lost = said.out.partition("lost, in order of precedence:")[2]
    assert lost.index("header x-version: it is missing") < lost.index("shadowed: ") < lost.index("which is longer")


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        ("trace GET http://shop.example.com/", 0),
        ("trace get http://SHOP.example.com/ --gateway edge", 0),
        ("trace GET http://nobody.example.com/", 2),
        ("trace GET http://other.org/", 2),
        ("trace CONNECT tcp://:5432", 2),
        ("trace GET http://account.example.com/audit", 2),  # its cloud cannot copy requests
    ],
)
def test_exit_codes(guide: places.Place, ask: str, code: int) -> None:
    said = guide.run(f"{ask} --complete")
    assert (said.code, said.err) == (code, "")


def test_json(guide: places.Place) -> None:
    said = guide.run(f"{ASK}/cart?q=1 -H 'x-version: next' -H 'Cookie: hidden-1' --complete --output json")
    found = said.json
    assert "hidden-1" not in said.out
    assert found["request"]["headers"] == [["x-version", "next"], ["Cookie", "(not shown)"]]
    assert (found["answered"], found["gateways"][0]["gateway"]) == (False, "shop/edge")
    assert found["gateways"][0]["rule"]["rule"] == 'rule "testers"'
    assert found["gateways"][0]["answer"]["backends"][0]["service"] == "shop/cart-next"
    assert found["gateways"][0]["lost"][-1]["reason"].startswith("later in precedence")


def test_losers_beyond_the_screen_are_counted(guide: places.Place) -> None:
    rule = "    - backendRefs: [{name: web, port: 80}]\n"
    text = (GUIDE / "routes.yaml").read_text()
    many = [
        f"---\n{text.partition('---')[0].partition('  rules:')[0]}  rules:\n{rule}".replace("name: shop\n", name, 1)
        for name in (f"name: more-{number}\n" for number in range(30))
    ]
    for number, item in enumerate(many):
        many[number] = item.replace("shop.example.com", f"h{number}.example.com")
    (guide.folder / "routes.yaml").write_text(text + "".join(many))
    short, whole = guide.run(f"{ASK}/ --complete"), guide.run(f"{ASK}/ --complete --all")
    assert "more, " in short.out
    assert "of them for other hosts: --all shows them" in short.out
    assert "h29.example.com" not in short.out
    assert "h29.example.com" in whole.out
    assert "--all" not in whole.out


def test_every_gateway_that_listens_is_shown(guide: places.Place) -> None:
    text = (GUIDE / "gateway.yaml").read_text()
    (guide.folder / "gateway.yaml").write_text(f"{text}---\n{text.replace('name: edge', 'name: other')}")
    said = guide.run(f"{ASK}/ --complete")
    assert "2 Gateways listen for it" in said.out
    assert (said.code, "Gateway shop/other" in said.out) == (2, True)  # the other one answers 404
    only = guide.run(f"{ASK}/ --complete --gateway shop/edge")
    assert (only.code, "Gateway shop/other" in only.out) == (0, False)
    assert "there is: shop/edge, shop/other" in guide.run(f"{ASK}/ --gateway nope").err


def test_grpc_and_sni(guide: places.Place) -> None:
    said = guide.run("trace POST http://shop.example.com --grpc shop.Cart/Add --complete")
    assert said.out.startswith("POST http://shop.example.com/shop.Cart/Add\n")
    assert said.code == 0  # HTTPRoutes take it
    named = guide.run("trace GET https://shop.example.com/ --sni other.example.com --complete")
    assert named.out.startswith("GET https://shop.example.com/, server name other.example.com\n")
    assert "nobody listens on port 443" in named.out


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ("trace GET shop.example.com", "it begins with none of http://"),
        ("trace GET ftp://shop.example.com", "it begins with none of http://"),
        ("trace GET http:///cart", "it names no host"),
        ("trace GET http://shop.example.com:http/", "Port could not be cast"),
        ("trace GET http://shop.example.com:0/", "needs a port"),
        ("trace GET http://shop.example.com:99999/", "Port out of range"),
        ("trace GET 'http://shop.example.com/a b'", "it holds white space"),
        ("trace CONNECT tcp://db.example.com", "tcp needs a port"),
        ("trace GET tcp://:5432", "is a connection, no request"),
        ("trace CONNECT tcp://:5432/path", "a connection has no path"),
        ("trace CONNECT tcp://:5432 --sni x", "--sni is a part of TLS"),
        ("trace CONNECT tcp://:5432 -H 'a: b'", "-H and --grpc are parts of a request"),
        ("trace FETCH http://shop.example.com/", "METHOD 'FETCH' is not known; use one of CONNECT"),
        ("trace GET http://shop.example.com/ --sni x", "--sni is a part of TLS"),
        ("trace GET http://shop.example.com/ -H 'a b: c'", "-H, the 1. one: it is no header"),
        ("trace GET http://shop.example.com/ --grpc a.B/C", "gRPC requests are POST"),
        ("trace POST http://shop.example.com/x --grpc a.B/C", "it is the path already"),
        ("trace POST http://shop.example.com/ --grpc a.B", "write SERVICE/METHOD"),
    ],
)
def test_bad_requests_are_one_clear_error(guide: places.Place, ask: str, words: str) -> None:
    said = guide.run(ask)
    assert (said.code, said.out) == (1, "")
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "ask",
    [
        "trace GET http://me:hidden-1@shop.example.com/",
        "trace GET me:hidden-1@shop.example.com/",
        "trace GET http://me:hidden-1@shop.example.com:x/",
        "trace GET http://shop.example.com/ -H hidden-1",
        "trace GET http://shop.example.com/ -H 'Authorization: hidden-1'",
        "trace GET http://shop.example.com/ -H 'X-Auth-Token: hidden-1' --output json",
    ],
)
def test_no_credential_is_repeated(guide: places.Place, ask: str) -> None:
    said = guide.run(ask)
    assert "hidden-1" not in said.out + said.err


def test_unreadable_input_is_an_error(guide: places.Place) -> None:
    (guide.folder / "services.yaml").write_text("kind: [")
    said = guide.run(f"{ASK}/")
    assert said.code == 1
    assert "services.yaml" in said.err
