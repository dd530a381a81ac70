"""One call as an operation sees it, plus the few things that operations of several services share: tags, pages.

`server` builds a `Call` for each request and hands it to the operation of that name. Nothing here may know about
HTTP or XML.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import hashlib
import re
from typing import Any

from cloudgw_local.aws import errors, world

Operation = collections.abc.Callable[["Call"], dict[str, Any]]


@dataclasses.dataclass(kw_only=True)
class Call:
    """`world` is the live state, or an older one for a describe that lags; `now` is the local clock's."""

    operation: str
    world: world.World
    now: float
    parameters: dict[str, Any]
    settings: dict[str, Any]
    beliefs: dict[str, str]


def tags_of(given: list[dict[str, str]] | None) -> dict[str, str]:
    """Checked tags. Limits: elasticloadbalancing/latest/APIReference/API_Tag.html and API_AddTags.html."""
    tags: dict[str, str] = {}
    for tag in given or []:
        key, value = tag["Key"], tag.get("Value", "")
        if key in tags:
            raise errors.AwsError("DuplicateTagKeys", f"Tag key '{key}' was specified more than once")
        if key.lower().startswith("aws:"):
            raise errors.AwsError("ValidationError", f"Tag key '{key}' uses the reserved prefix aws:")
        tags[key] = value
    if len(tags) > 50:
        raise errors.AwsError("TooManyTags", "A resource can have at most 50 tags")
    return tags


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def page(
    call: Call, items: list[Any], *, order: collections.abc.Callable[[Any], str], token: str, size: int | None
) -> tuple[list[Any], str | None]:
    """One page of `items`, and the marker of the next.

    AWS promises no order (ansible-collections/amazon.aws#2939), so the order here is a fixed shuffle that follows
    neither names, priorities nor age. The marker names the last item, so pages survive deletions.
    """
    shuffled = sorted(items, key=lambda item: _shuffle(order(item)))
    start = 0
    if token:
        last = _decode(token)
        while start < len(shuffled) and _shuffle(order(shuffled[start])) <= last:
            start += 1
    limit = min(size or 400, int(call.settings["page_size"]))
    chosen = shuffled[start : start + limit]
    more = start + limit < len(shuffled)
    return chosen, _encode(_shuffle(order(chosen[-1]))) if more else None


def _shuffle(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _encode(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _decode(token: str) -> str:
    try:
        last = base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        last = ""
    if not re.fullmatch(r"[0-9a-f]{64}", last):
        raise errors.AwsError("ValidationError", "The marker is invalid")
    return last
