"""Listings as a file: what `plan --save-inventory` writes and `--inventory` reads, one listing per placement.

`world` calls both. JSON, sorted; what stands in it is the business of `inventory_file`. Reading must refuse, by name,
whatever is no such file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudgw.cli.problem import Problem
from cloudgw.provider import Inventory
from cloudgw.sources import inventory_file

AGAIN = "write it anew with `cloudgw plan --save-inventory`"


def dump(found: Sequence[Inventory]) -> str:
    return json.dumps(inventory_file.document(found), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


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
        raise Problem(f"--inventory {path}: is not JSON; {AGAIN.replace(' anew', '')}") from None
    try:
        return inventory_file.parse(document)
    except ValueError as error:
        raise Problem(f"--inventory {path}: {error}; {AGAIN}") from None
