"""What is wrong with a URL map, one finding at a time: where, what stands there, and why.

The checks of a URL map yield problems; an insert or update is refused with the first one, `validate` tells them all.
A message always carries the field path, so that a client can find the guilty child. It must never judge by itself.

Shapes: 400 invalid (hashicorp/terraform-provider-google#4801, #8307; an object is shown as the beginning of its JSON,
a list not at all: cloud.google.com/load-balancing/docs/url-map "Add tests to a URL map"); 400 required
(hashicorp/terraform-provider-google#2444); 413 fieldSizeTooLarge (kubernetes/kubernetes#46098).
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
from typing import Any

from cloudgw_local.gcp import errors

_SHOWN = 128  # characters of an object's JSON in a message


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`path` begins with "resource."; `message` is the whole sentence that Google would say."""

    path: str
    message: str
    status: int = 400
    reason: str = "invalid"

    def refusal(self, *, late: bool) -> errors.Refusal:
        return errors.Refusal(status=self.status, reason=self.reason, message=self.message, late=late)


Problems = collections.abc.Iterator[Problem]


def invalid(path: str, value: Any, why: str) -> Problem:
    return Problem(path=path, message=f"Invalid value for field '{path}': '{shown(value)}'. {why}")


def required(path: str) -> Problem:
    return Problem(path=path, message=f"Required field '{path}' not specified", reason="required")


def too_large(path: str, most: int, actual: int, unit: str = "element(s)") -> Problem:
    message = f"Value for field '{path}' is too large: maximum size {most} {unit}; actual size {actual}."
    return Problem(path=path, message=message, status=413, reason="fieldSizeTooLarge")


def within(path: str, value: Any, most: int) -> Problems:
    """At most so many elements of a list, or characters of a text; what is not there is short enough."""
    if value is not None and len(value) > most:
        yield too_large(path, most, len(value), "character(s)" if isinstance(value, str) else "element(s)")


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        text = json.dumps(value, indent=2).replace("\n", "")
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return "" if value is None or isinstance(value, list) else str(value)
