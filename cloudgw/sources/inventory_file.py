"""Listings as a document: what `plan --save-inventory` and `capture` write, one listing per placement.

The command line and the controller call it. A listing never holds secret bytes (providers list none); this module adds
nothing to it. Reading must refuse whatever is no such document. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudgw.provider import Inventory, Placement

FORMAT_VERSION = 1


def document(found: Sequence[Inventory]) -> dict[str, Any]:
    """JSON-like, sorted by placement."""
    return {
        "format_version": FORMAT_VERSION,
        "inventories": [
            {
                "placement": {
                    "provider": item.placement.provider,
                    "account": item.placement.account,
                    "region": item.placement.region,
                },
                "began": item.began,
                "incomplete": list(item.incomplete),
                "content": item.content,
            }
            for item in sorted(found, key=lambda item: item.placement)
        ],
    }


def parse(found: Any) -> tuple[Inventory, ...]:
    """What `document` made. Raises ValueError with the reason."""
    if not isinstance(found, dict) or found.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"is no inventory of format_version {FORMAT_VERSION}")
    try:
        return tuple(_inventory(item) for item in found["inventories"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error} in inventories") from None


def _inventory(item: Any) -> Inventory:
    where = item["placement"]
    if not isinstance(item["content"], dict):
        raise TypeError("content is no mapping")
    return Inventory(
        placement=Placement(str(where["provider"]), str(where["account"]), str(where["region"])),
        content=item["content"],
        incomplete=tuple(str(reason) for reason in item["incomplete"]),
        began=float(item["began"]),
    )
