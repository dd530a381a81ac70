"""Reading one mapping of a manifest field by field: types are checked, and what nobody read is remembered.

Called by `kinds` and `gateway_kinds`. A field of the wrong type raises FieldError, which names the field by JSON
pointer, the reason and the fix; a field that was never asked for appears in `unread`, so that nothing is ignored
silently. An explicit null is the same as leaving the field out, as in Kubernetes. Messages never hold a value of a
Secret: this module must never put more of a value into a message than `shown` does, and `secrets` never uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HOSTNAME = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class FieldError(Exception):
    """A field that cannot be read. pointer: JSON pointer into the object."""

    def __init__(self, pointer: str, reason: str, fix: str) -> None:
        super().__init__(f"{pointer}: {reason}; {fix}")
        self.pointer = pointer


def type_name(value: object) -> str:
    """How YAML would call the type: `a string`, `a number`, `true or false`, `a list`, `a mapping`, `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    for kind, name in (
        (str, "a string"),
        (int, "a number"),
        (float, "a number"),
        (list, "a list"),
        (dict, "a mapping"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def shown(value: object) -> str:
    """A value as it may appear in a message: short."""
    text = repr(value) if not isinstance(value, list | dict) else type_name(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Fields:
    """One mapping. Every method reads one field and marks it as read; `default` stands for a field left out."""

    __slots__ = ("_children", "_data", "_read", "pointer")

    def __init__(self, data: object, pointer: str = "") -> None:
        if not isinstance(data, Mapping):
            raise FieldError(pointer or "/", f"is {type_name(data)}, must be a mapping", "write `key: value` lines")
        self._data: Mapping[str, Any] = data
        self._read: set[str] = set()
        self._children: list[Fields] = []
        self.pointer = pointer

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def at(self, name: str | int) -> str:
        """The JSON pointer of a field of this mapping."""
        return f"{self.pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"

    def ignore(self, *names: str) -> None:
        """Fields that are not ours to read, such as `status`."""
        self._read.update(names)

    def value(self, name: str) -> Any:
        """The value as it is; None when left out."""
        self._read.add(name)
        return self._data.get(name)

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        value = self.value(name)
        if value is None:
            return str(self._missing(name, "a string") if required else default)
        if not isinstance(value, str):
            raise self.wrong(name, value, "a string", "put it in quotes" if not isinstance(value, list | dict) else "")
        if required and not value:
            raise FieldError(self.at(name), "is empty", "give it a value")
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str = "") -> str:
        value = self.text(name, default)
        if value not in allowed and value != default:
            raise FieldError(self.at(name), f"is {shown(value)}", f"use one of {', '.join(allowed)}")
        return value

    def number(
        self, name: str, default: int = 0, *, low: int = 0, high: int = 2**31 - 1, required: bool = False
    ) -> int:
        value = self.value(name)
        if value is None:
            return int(self._missing(name, "a number") if required else default)
        if isinstance(value, bool) or not isinstance(value, int):
            fix = f"write {name}: {value} without quotes" if str(value).isdigit() else "write a whole number"
            raise self.wrong(name, value, "a number", fix)
        if not low <= value <= high:
            raise FieldError(self.at(name), f"is {value}", f"use a number from {low} to {high}")
        return value

    def port(self, name: str, *, required: bool = False) -> int:
        return self.number(name, low=1, high=65535, required=required)

    def flag(self, name: str, default: bool) -> bool:
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, value, "true or false", "write true or false without quotes")
        return value

    def hostname(self, name: str) -> str:
        return check_hostname(self.text(name), self.at(name))

    def items(self, name: str) -> list[Any]:
        """A list as it is; [] when left out."""
        value = self.value(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(name, value, "a list", "begin each item with `- `")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.items(name)
        for number, value in enumerate(values):
            if not isinstance(value, str):
                raise FieldError(f"{self.at(name)}/{number}", f"is {type_name(value)}, must be a string", "quote it")
        return tuple(values)

    def strings(self, name: str) -> dict[str, str]:
        """A mapping of strings to strings, such as labels; {} when left out."""
        value = self.value(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.wrong(name, value, "a mapping", "write `key: value` lines")
        for key, item in value.items():
            if not isinstance(item, str):
                pointer = f"{self.at(name)}/{str(key).replace('~', '~0').replace('/', '~1')}"
                raise FieldError(pointer, f"is {type_name(item)}, must be a string", "put it in quotes")
        return dict(value)

    def child(self, name: str, *, required: bool = False) -> Fields | None:
        """A mapping inside this one, None when left out; what it does not read is unread here too."""
        value = self.value(name)
        if value is None:
            if required:
                self._missing(name, "a mapping")
            return None
        found = Fields(value, self.at(name))
        self._children.append(found)
        return found

    def children(self, name: str, *, apart: bool = False) -> Iterator[Fields]:
        """The mappings of a list. apart: what they do not read is the caller's to report."""
        for number, value in enumerate(self.items(name)):
            found = Fields(value, f"{self.at(name)}/{number}")
            if not apart:
                self._children.append(found)
            yield found

    def unread(self) -> tuple[str, ...]:
        """JSON pointers of everything set that was not read, sorted."""
        own = [self.at(name) for name, value in self._data.items() if name not in self._read and value is not None]
        return tuple(sorted([*own, *(pointer for child in self._children for pointer in child.unread())]))

    def wrong(self, name: str, value: object, wanted: str, fix: str = "") -> FieldError:
        """The error for a value of another type."""
        seen = f"{type_name(value)} ({shown(value)})" if not isinstance(value, list | dict) else type_name(value)
        return FieldError(self.at(name), f"is {seen}, must be {wanted}", fix or f"write {wanted}")

    def _missing(self, name: str, wanted: str) -> Any:
        raise FieldError(self.at(name), "is missing", f"add {name}: {wanted}")


def check_hostname(value: str, pointer: str) -> str:
    """A hostname in lower case, "" for "" (https://gateway-api.sigs.k8s.io/reference/spec/, Hostname)."""
    value = value.lower()
    if value and (len(value) > 253 or not HOSTNAME.fullmatch(value) or re.fullmatch(r"[0-9.]+", value)):
        raise FieldError(pointer, f"is {shown(value)}, no hostname", "use a DNS name, or `*.` and a DNS name")
    return value
