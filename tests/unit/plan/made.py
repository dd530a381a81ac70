"""Plans made by hand, for the renderings."""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Note, Origin
from cloudgw.plan import model as plans
from cloudgw.plan import render_json
from cloudgw.provider import Placement

GATEWAY = "shop/edge"
PLACE = Placement("cloud", "", "here")
KINDS = {"cloud": ("front", "rule", "pool", "targets")}
ROUTE = Origin(kind="HTTPRoute", namespace="shop", name="cart", section='rule "pay"', file="routes.yaml", line=41)


def where(kind: str, logical: str) -> str:
    return model.address(GATEWAY, "cloud", kind, logical)


def element(kind: str, logical: str, name: str = "a", **spec: Any) -> model.Element:
    return model.Element(address=where(kind, logical), name=name, spec=spec)


def change(op: Any, kind: str, logical: str, *, name: str = "a", **rest: Any) -> model.Change:
    return model.Change(op=op, address=where(kind, logical), name=name, group=f"g:{kind}", **rest)


def plan(*changes: model.Change, gateway: str = GATEWAY, notes: tuple[Note, ...] = (), **rest: Any) -> plans.Plan:
    return plans.Plan(gateway=gateway, placement=PLACE, changes=changes, notes=notes, **rest)


def document(*found: plans.Plan, **rest: Any) -> render_json.Document:
    return render_json.document(found, kinds=KINDS, **rest)


def weights(new: int) -> model.Change:
    """One rule whose second backend goes from 10 to `new`."""
    pools = tuple(model.Ref(where("pool", name), "exists", "a") for name in ("cart", "cart-v2"))
    before = element("rule", "80/cart", to=((pools[0], 90), (pools[1], 10)))
    after = element("rule", "80/cart", to=((pools[0], 90), (pools[1], new)))
    return change("update", "rule", "80/cart", before=before, after=after, fields=("to",), origins=(ROUTE,))
