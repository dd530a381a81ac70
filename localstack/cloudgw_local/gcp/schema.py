"""The published shapes of requests and answers: what a body may hold, and whether an answer of ours is one of Google's.

The frame takes every request body through `take`; tests hold every answer against `check`. It knows one member at a
time: rules that span members are the kinds'. It must never let a private key into a message.

Source: the schemas of the discovery document (`discovery.SCHEMAS`); JSON as in protobuf.dev/programming-guides/json.
Unknown members and wrong types are refused where JSON becomes a message, so that paths are in the messages' own
spelling (`resource.path_matchers[0]`) with a google.rpc.BadRequest; enums and patterns are refused by the service,
which spells paths as the API does.
"""

from __future__ import annotations

import base64
import binascii
import collections.abc
import json
import math
import re
from typing import Any

from cloudgw_local.gcp import discovery, errors

Json = dict[str, Any]
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_WIDE = ("int64", "uint64")  # strings in JSON
_PRIVATE = re.compile(r"private_?key|secret|password", re.IGNORECASE)
_DECIMAL = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_TYPES = {"string": "TYPE_STRING", "boolean": "TYPE_BOOL", "integer": "TYPE_INT32", "number": "TYPE_DOUBLE"}


def take(schema_name: str, body: Any, *, nulls: bool = False) -> Json:
    """The writable members of a request body, canonical: 64-bit numbers are strings, other numbers are numbers.

    Output-only members, nulls and empty enums are dropped; `nulls` keeps nulls as they are (a merge patch's). Raises
    Refusal (400): every unknown member and wrong type in one answer, or else the first bad enum value or pattern.
    """
    faults: list[tuple[str, str]] = []
    taken = _take({"ref": schema_name}, body, "resource", faults, nulls)
    if faults:
        violations = [{"field": _spelled(path), "description": text} for path, text in faults]
        raise errors.Refusal(
            status=400,
            reason="invalid",
            message="\n".join(text for _, text in faults),
            details={"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations},
        )
    _meant({"ref": schema_name}, taken, "resource")
    return dict(taken)


def writable(schema_name: str) -> tuple[str, ...]:
    """The members that a client may set, in the order of the document."""
    return tuple(name for name, member in discovery.SCHEMAS[schema_name]["properties"].items() if "out" not in member)


def _members(schema: Json) -> Json | None:
    """The members of an object, by name; None for everything else."""
    if "ref" in schema:
        return dict(discovery.SCHEMAS[schema["ref"]].get("properties", {}))
    return schema.get("properties")


def _spelled(path: str) -> str:
    """A JSON path in the messages' spelling: resource.pathMatchers[0] is resource.path_matchers[0]."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), path)


def _take(schema: Json, value: Any, path: str, faults: list[tuple[str, str]], nulls: bool) -> Any:
    known = _members(schema)
    if known is not None:
        if not isinstance(value, dict):
            wanted = schema.get("ref", path.rpartition(".")[2])
            return _wrong(f"type.googleapis.com/google.cloud.compute.v1.{wanted}", value, path, faults)
        taken = {}
        for name, item in value.items():
            if name not in known:
                where = f" at '{_spelled(path)}'"
                faults.append(
                    (path, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
                )
            elif "out" in known[name]:
                continue
            elif item is not None:
                taken[name] = _take(known[name], item, f"{path}.{name}", faults, nulls)
            elif nulls:
                taken[name] = None
        return {name: item for name, item in taken.items() if item != "" or "enum" not in known[name]}
    kind = schema.get("type", "any")
    if kind == "array":
        if not isinstance(value, list):
            return _wrong("repeated field", value, path, faults)
        return [_take(schema["items"], item, f"{path}[{index}]", faults, nulls) for index, item in enumerate(value)]
    if kind == "object" and "additionalProperties" in schema:
        if not isinstance(value, dict):
            return _wrong("map", value, path, faults)
        item_schema = schema["additionalProperties"]
        return {
            key: None if item is None and nulls else _take(item_schema, item, f"{path}.{key}", faults, nulls)
            for key, item in value.items()
        }
    if kind not in _TYPES:
        return value
    try:
        return _scalar(kind, schema.get("format", ""), value)
    except ValueError as fault:
        return _wrong(str(fault) or _TYPES[kind], value, path, faults)


def _scalar(kind: str, form: str, value: Any) -> Any:
    """The canonical form of a scalar; ValueError (with the type's name, if it is not the plain one) when it is none."""
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        raise ValueError
    if form in _RANGES or kind == "integer":
        number = _whole(value)
        least, most = _RANGES[form or "int32"]
        if number is None or not least <= number <= most:
            raise ValueError(f"TYPE_{(form or 'int32').upper()}")
        return str(number) if form in _WIDE else number
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise ValueError
        real = float(value)
        if not math.isfinite(real):
            raise ValueError
        return int(real) if real.is_integer() else real
    if not isinstance(value, str):
        raise ValueError(f"TYPE_{'BYTES' if form == 'byte' else 'STRING'}")
    if form == "byte" and not _is_base64(value):
        raise ValueError("TYPE_BYTES")
    return value


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return True


def _wrong(wanted: str, value: Any, path: str, faults: list[tuple[str, str]]) -> None:
    # Objects, lists and whatever may be private are not repeated.
    shown = json.dumps(value) if isinstance(value, str | int | float) and not _PRIVATE.search(path) else "..."
    faults.append((path, f"Invalid value at '{_spelled(path)}' ({wanted}), {shown}"))


def _meant(schema: Json, value: Any, path: str) -> None:
    """Enums and patterns, the first bad one refused as the service does: the field, its value, and why."""
    if value is None:
        return
    known = _members(schema)
    if known is not None:
        for name, item in value.items():
            _meant(known[name], item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _meant(schema.get("items", {}), item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            _meant(schema.get("additionalProperties", {}), item, f"{path}.{key}")
    elif "enum" in schema and value not in schema["enum"]:
        raise invalid(path, value, f"Must be one of [{', '.join(schema['enum'])}]")
    elif "pattern" in schema and isinstance(value, str) and not re.fullmatch(schema["pattern"], value):
        raise invalid(path, value, f"Must be a match of regex '(?:{schema['pattern']})'")


def invalid(path: str, value: Any, why: str, *, late: bool = False) -> errors.Refusal:
    """The service's refusal of one value: 400 invalid. `path` begins with "resource."; `why` is a sentence.

    Shape as reported in mesosphere-backup/terraform-dcos#39, with an object in terraform-google-network#371.
    """
    shown = value if isinstance(value, str) else json.dumps(value, indent=2).replace("\n", "")
    if isinstance(value, list) or (isinstance(value, dict) and _PRIVATE.search(shown)):
        shown = ""
    message = f"Invalid value for field '{path}': '{shown}'. {why}"
    return errors.Refusal(status=400, reason="invalid", message=message, late=late)


def required(path: str) -> errors.Refusal:
    """The service's refusal of a body that lacks a member: 400 required."""
    return errors.Refusal(status=400, reason="required", message=f"Required field '{path}' not specified")


def check(schema_name: str, answer: Any) -> list[str]:
    """What is wrong with an answer of ours: members and enum values that Google does not have, wrong JSON types,
    nulls, a `kind` that is not the schema's. Empty: it conforms."""
    return list(_check({"ref": schema_name}, answer, schema_name))


def _check(schema: Json, value: Any, path: str) -> collections.abc.Iterator[str]:
    known = _members(schema)
    if known is not None:
        if not isinstance(value, dict):
            yield f"{path} is no object"
            return
        for name, item in value.items():
            if name not in known:
                yield f"{path}.{name} is not published"
            else:
                yield from _check(known[name], item, f"{path}.{name}")
        wanted = known.get("kind", {}).get("default")
        if wanted and value.get("kind", wanted) != wanted:
            yield f"{path}.kind is {value['kind']!r}, not {wanted!r}"
        return
    kind = schema.get("type", "any")
    if kind == "array":
        if not isinstance(value, list):
            yield f"{path} is no list"
            return
        for index, item in enumerate(value):
            yield from _check(schema["items"], item, f"{path}[{index}]")
    elif kind == "object" and "additionalProperties" in schema:
        if not isinstance(value, dict):
            yield f"{path} is no map"
            return
        for key, item in value.items():
            yield from _check(schema["additionalProperties"], item, f"{path}.{key}")
    elif kind in _TYPES:
        yield from _check_scalar(schema, kind, value, path)


def _check_scalar(schema: Json, kind: str, value: Any, path: str) -> collections.abc.Iterator[str]:
    form = schema.get("format", "")
    try:
        canonical = _scalar(kind, form, value)
    except ValueError:
        yield f"{path} is no {form or kind}"
        return
    if type(value) is not type(canonical) and kind != "number":
        yield f"{path} is no {form or kind} as JSON has it"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}, none of {', '.join(schema['enum'])}"
