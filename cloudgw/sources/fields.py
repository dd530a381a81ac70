"""Reading one mapping of a manifest field by field: types are checked, and what nobody read is remembered.

Called by `catalog` and the modules that read kinds. A field of the wrong type raises FieldError, which names the field
by JSON pointer, the reason and the fix; a field that was never asked for appears in `unread`, so that nothing is
ignored silently. An explicit null is the same as leaving the field out, as in Kubernetes. Messages never hold a value
of a Secret: this module must never put more of a value into a message than `shown` does, and `secrets` never uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

HOSTNAME = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DIGITS = re.compile(r"[0-9.]+")
DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_DURATION_PART = re.compile(r"([0-9]+)(ms|[hms])")
_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


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

    __slots__ = ("_children", "_data", "_path", "_read")

    def __init__(self, data: object, *path: str | int) -> None:
        """path: the way to this mapping from the object's top, such as spec, rules, 2."""
        self._path = path  # not the parent, which would make a cycle for the garbage collector
        if not isinstance(data, dict):
            fix = "write `key: value` lines"
            raise FieldError(self.pointer or "/", f"is {type_name(data)}, must be a mapping", fix)
        self._data: dict[str, Any] = data
        self._read: set[str] = set()
        self._children: list[Fields] | None = None

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    @property
    def pointer(self) -> str:
        """The JSON pointer of this mapping, "" for the object itself; worked out when somebody asks: seldom."""
        return self.at()

    def at(self, *names: str | int) -> str:
        """The JSON pointer of a field of this mapping, or of what lies in it."""
        return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in (*self._path, *names))

    def ignore(self, *names: str) -> None:
        """Fields that are not ours to read, such as `status`."""
        self._read.update(names)

    def value(self, name: str) -> Any:
        """The value as it is; None when left out."""
        self._read.add(name)
        return self._data.get(name)

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        self._read.add(name)
        value = self._data.get(name)
        if type(value) is str and value:
            return value
        if value is None:
            return self._missing(name, "a string") if required else default
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
            return self._missing(name, "a number") if required else default
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
        return check_hostname(self.text(name), self, name)

    def duration(self, name: str) -> int | None:
        """Milliseconds; None when left out (https://gateway-api.sigs.k8s.io/geps/gep-2257/)."""
        value = self.text(name)
        if not value:
            return None
        if not DURATION.fullmatch(value):
            fix = "write up to four numbers of at most five digits with h, m, s or ms, such as 1m30s"
            raise FieldError(self.at(name), f"is {shown(value)}, no duration", fix)
        return sum(int(number) * _MILLISECONDS[unit] for number, unit in _DURATION_PART.findall(value))

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
                raise FieldError(self.at(name, number), f"is {type_name(value)}, must be a string", "quote it")
        return tuple(values)

    def numbers(self, name: str, *, low: int, high: int) -> tuple[int, ...]:
        values = self.items(name)
        for number, value in enumerate(values):
            if isinstance(value, bool) or not isinstance(value, int):
                raise FieldError(self.at(name, number), f"is {type_name(value)}, must be a number", "remove the quotes")
            if not low <= value <= high:
                raise FieldError(self.at(name, number), f"is {value}", f"use a number from {low} to {high}")
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
                raise FieldError(self.at(name, key), f"is {type_name(item)}, must be a string", "put it in quotes")
        return dict(value)

    def child(self, name: str, *, apart: bool = False) -> Fields | None:
        """A mapping inside this one, None when left out. apart: what it does not read is the caller's to report."""
        value = self.value(name)
        return None if value is None else self._adopted(Fields(value, *self._path, name), apart)

    def needed(self, name: str) -> Fields:
        """A mapping that must not be left out."""
        found = self.child(name)
        return self._missing(name, "a mapping") if found is None else found

    def children(self, name: str, *, apart: bool = False) -> Iterator[Fields]:
        """The mappings of a list. apart: what they do not read is the caller's to report."""
        for number, value in enumerate(self.items(name)):
            yield self._adopted(Fields(value, *self._path, name, number), apart)

    def _adopted(self, found: Fields, apart: bool) -> Fields:
        if apart:
            return found
        if self._children is None:
            self._children = [found]
        else:
            self._children.append(found)
        return found

    def unread(self) -> tuple[str, ...]:
        """JSON pointers of everything set that was not read, sorted."""
        found: list[str] = []
        self._collect(found)
        return tuple(sorted(found))

    def _collect(self, found: list[str]) -> None:
        if not self._data.keys() <= self._read:
            found += [
                self.at(name) for name, value in self._data.items() if name not in self._read and value is not None
            ]
        for child in self._children or ():
            child._collect(found)

    def wrong(self, name: str, value: object, wanted: str, fix: str = "") -> FieldError:
        """The error for a value of another type."""
        seen = f"{type_name(value)} ({shown(value)})" if not isinstance(value, list | dict) else type_name(value)
        return FieldError(self.at(name), f"is {seen}, must be {wanted}", fix or f"write {wanted}")

    def _missing(self, name: str, wanted: str) -> NoReturn:
        raise FieldError(self.at(name), "is missing", f"add {name}: {wanted}")


def check_hostname(value: str, fields: Fields, *names: str | int) -> str:
    """A hostname in lower case, "" for "" (https://gateway-api.sigs.k8s.io/reference/spec/, Hostname). names: where in
    `fields` it stands."""
    value = value.lower()
    if value and (len(value) > 253 or not HOSTNAME.fullmatch(value) or _DIGITS.fullmatch(value)):
        fix = "use a DNS name, or `*.` and a DNS name"
        raise FieldError(fields.at(*names), f"is {shown(value)}, no hostname", fix)
    return value
