"""The floor under targets: half of them never go on the word of a watch alone."""

from __future__ import annotations

from cloudgw.controller import floor, store
from cloudgw.objects import EndpointSlice, Meta
from cloudgw.routing.ir import BackendKey

CART = BackendKey(namespace="shop", name="cart", port=8080)
WEB = BackendKey(namespace="shop", name="web", port=80)


def test_more_than_half_is_a_fall() -> None:
    assert floor.shrunken({CART: 4}, {CART: 1}) == {("shop", "cart")}
    assert floor.shrunken({CART: 4}, {CART: 0}) == {("shop", "cart")}
    assert floor.shrunken({CART: 4}, {CART: 2}) == frozenset()
    assert floor.shrunken({CART: 1}, {CART: 2}) == frozenset()
    assert floor.shrunken({CART: 4, WEB: 2}, {WEB: 2}) == frozenset(), "unknown is no fall"


def test_the_store_is_behind_where_versions_differ() -> None:
    def dirty(*_: object) -> None:
        """Nobody is told."""

    world = store.Store(dirty)
    slice_ = EndpointSlice(meta=Meta(namespace="shop", name="cart-1"), service="cart")
    world.put("EndpointSlice", ("shop", "cart-1"), store.Live(item=slice_, version="7"))
    service = frozenset({("shop", "cart")})
    assert floor.stale(service, world, lambda _: {"cart-1": "7"}) is False
    assert floor.stale(service, world, lambda _: {"cart-1": "8"}) is True
    assert floor.stale(service, world, lambda _: {"cart-1": "7", "cart-2": "1"}) is True
    assert floor.stale(service, world, lambda _: {}) is True
    assert floor.stale(frozenset(), world, lambda _: {}) is False
