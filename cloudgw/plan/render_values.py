"""Spec values of a plan document in words, and the difference of two of them as a few short lines.

`render_text` and `render_markdown` call it; values are those of `render_json.value_of`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEFAULT = "(default)"


def show(value: Any, *, exact: bool = False) -> str:
    """One line. exact: name the incarnation of a reference too."""
    if value is None:
        return DEFAULT
    if value == "":
        return '""'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        deep = any(isinstance(item, list) or (isinstance(item, dict) and "ref" not in item) for item in value)
        return ("; " if deep else ", ").join(_part(item, exact) for item in value) or "(none)"
    if isinstance(value, dict):
        if "ref" in value:
            return f"{value['ref']}@{value['name']}" if exact and value.get("name") else str(value["ref"])
        if set(value) == {"unknown"}:
            return f"(not known: {value['unknown']})"
        lead = [str(value["type"])] if "type" in value else []
        rest = [
            f"{key} {show(item, exact=exact)}"
            for key, item in value.items()
            if key != "type" and item not in ("", None, [], {})
        ]
        return " ".join([*lead, ", ".join(rest)]).strip() or "(none)"
    return str(value)


def _part(value: Any, exact: bool) -> str:
    """An item of a list; an inner list is a record, whose empty parts say nothing."""
    if isinstance(value, list):
        return " ".join(show(item, exact=exact) for item in value if item not in ("", None) and item is not False)
    return show(value, exact=exact)


def is_plain(value: Any) -> bool:
    """Fits beside others on one line."""
    return not isinstance(value, list | dict) or (isinstance(value, dict) and "ref" in value)


def differences(name: str, observed: Any, desired: Any) -> list[tuple[str, str, str]]:
    """(path, observed, desired) of what differs inside a field; "-" stands for what is not there. Never empty: where
    only incarnations differ, they are named."""
    found = list(_inside(name, observed, desired))
    return found or [(name, show(observed, exact=True), show(desired, exact=True))]


def _inside(name: str, observed: Any, desired: Any) -> Iterator[tuple[str, str, str]]:
    left, right = _keyed(observed), _keyed(desired)
    if left is None or right is None or not (left or right):
        yield name, *_pair(observed, desired)
        return
    for key in [*left, *(key for key in right if key not in left)]:
        path = f"{name}.{key}" if isinstance(desired, dict) else f"{name}[{key}]"
        if key in left and key in right:
            if left[key] != right[key]:
                yield from _inside(path, left[key], right[key])
        elif key in left:
            yield path, show(left[key]), "-"
        else:
            yield path, "-", show(right[key])


def _pair(observed: Any, desired: Any) -> tuple[str, str]:
    left, right = show(observed), show(desired)
    if left == right:  # two incarnations of one address
        return show(observed, exact=True), show(desired, exact=True)
    return left, right


def _keyed(value: Any) -> dict[str, Any] | None:
    """A mapping, or a list of records by their first part, as long as these are unique; else None."""
    if isinstance(value, dict) and "ref" not in value and set(value) != {"unknown"}:
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list) and value and all(isinstance(item, list) and len(item) > 1 for item in value):
        found = {show(item[0], exact=True): _rest(item) for item in value}
        if len(found) == len(value):
            short = {show(item[0]): _rest(item) for item in value}
            return short if len(short) == len(value) else found
    if isinstance(value, list) and value and all(isinstance(item, dict) and "to" in item for item in value):
        shares = {show(item["to"]): {key: part for key, part in item.items() if key != "to"} for item in value}
        return shares if len(shares) == len(value) else None
    return None


def _rest(record: list[Any]) -> Any:
    return record[1] if len(record) == 2 else record[1:]
