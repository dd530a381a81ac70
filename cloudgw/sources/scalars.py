"""What a YAML scalar means to kubectl: YAML 1.1 without timestamps and sexagesimal numbers, with y, n, 0o17 and 1e3.

Called by `documents` and `events`, so that both ways to read a file agree. This module must never know where a scalar
stands, and must never put one into a message.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = {TAG + "str", TAG + "timestamp", TAG + "value", TAG + "merge"}
_BOOLEANS = {
    **dict.fromkeys(("y", "yes", "true", "on"), True),
    **dict.fromkeys(("n", "no", "false", "off"), False),
}


class Loader(_LOADER):  # type: ignore[misc]
    """Knows what https://github.com/yaml/go-yaml/blob/v2.4.3/resolve.go takes for a number or a truth value and PyYAML
    does not."""


Loader.add_implicit_resolver(TAG + "bool", re.compile(r"[yYnN]$"), list("yYnN"))
Loader.add_implicit_resolver(TAG + "int", re.compile(r"[-+]?0o[0-7_]+$"), list("-+0"))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
Loader.add_implicit_resolver(TAG + "float", _FLOAT, list("-+.0123456789"))


class UnknownTag(Exception):
    """A tag that Kubernetes does not know."""


def value(tag: str, text: str) -> Any:
    """The value of a scalar with a resolved tag. Raises UnknownTag."""
    if tag in _TEXT:
        return text
    if tag == TAG + "null":
        return None
    if tag == TAG + "bool":
        return _BOOLEANS.get(text.lower(), text)
    if tag == TAG + "int":
        return _integer(text)
    if tag == TAG + "float":
        try:
            return float(text.replace("_", ""))
        except ValueError:
            return text
    raise UnknownTag


def _integer(text: str) -> Any:
    """Decimal, 0x, 0o, 0b and a leading 0 for octal; sexagesimal numbers stay strings."""
    plain = text.replace("_", "")
    if re.fullmatch(r"[-+]?0[0-7]+", plain):
        return int(plain, 8)
    try:
        return int(plain, 0)
    except ValueError:
        return text


class Plain(dict[str, Any]):
    """The value of every scalar without quotes and tag, by its text: each is resolved once and kept once."""

    def __init__(self) -> None:
        super().__init__()
        self._resolver: Any = Loader("")

    def __missing__(self, text: str) -> Any:
        tag = self._resolver.resolve(yaml.ScalarNode, text, (True, False))
        self[text] = found = value(str(tag), text)
        return found
