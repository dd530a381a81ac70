"""Listings as a file: what `plan --save-inventory` writes and `--inventory` reads, one listing per placement.

`world` calls both. JSON, sorted. A listing never holds secret bytes (providers list none); this module adds nothing to
it. Reading must refuse, by name, whatever is no such file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cloudgw.cli.problem import Problem
from cloudgw.provider import Inventory, Placement

FORMAT_VERSION = 1


def dump(found: Sequence[Inventory]) -> str:
    document = {
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
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: str) -> tuple[Inventory, ...]:
    """Raises Problem."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"--inventory {path}: cannot be read ({reason}); check the path") from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise Problem(f"--inventory {path}: is not JSON; write it with `cloudgw plan --save-inventory`") from None
    if not isinstance(document, dict) or document.get("format_version") != FORMAT_VERSION:
        raise Problem(
            f"--inventory {path}: is no inventory of format_version {FORMAT_VERSION}; "
            "write it anew with `cloudgw plan --save-inventory`"
        )
    try:
        return tuple(_inventory(item) for item in document["inventories"])
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(
            f"--inventory {path}: {type(error).__name__}: {error} in inventories; "
            "write it anew with `cloudgw plan --save-inventory`"
        ) from None


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
