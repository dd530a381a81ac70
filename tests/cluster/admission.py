"""The objects that a validator and a real API server must agree upon: valid ones, and the same with something changed.

Called by `verify_admission`. What an object is worth nobody says here: the server does; `valid` only says how the
object was made. The corpus is the same every time. This module and its parts must never look at the validator that is
judged.
"""

from __future__ import annotations

import copy
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.cluster import samples, schemas, violations
from tests.cluster.schemas import GROUP, Kind, Path, Place, Schema

SAMPLES = 60  # valid objects of each version of each kind
PAIRS = 40  # objects with two changes, of each version of each kind
_THIN = 6  # of the changes that the like of it has had already, one in so many
_DROP: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """valid: made without a change. version, namespace: where it is sent to."""

    name: str
    kind: Kind
    document: dict[str, Any]
    valid: bool
    version: str
    namespace: str = ""


def cases(channel: str) -> Iterator[Case]:
    """Every case of a channel, in a fixed order."""
    for kind in schemas.served(channel):
        documents = [samples.sample(kind, number) for number in range(SAMPLES)]
        for number, document in enumerate(documents):
            yield _case(kind, f"sample {number}", document, valid=True)
        yield from _changed(kind, documents)
        yield from _broken_rules(kind, documents)
        yield from _pairs(kind, documents)
        for label, document in _metadata(kind, documents):
            yield _case(kind, label, document)
    for kind in schemas.kinds(channel):
        if not kind.served:
            document = samples.sample(next(k for k in schemas.served(channel) if k.kind == kind.kind), 0)
            yield _case(kind, "version that is not served", document | {"apiVersion": f"{GROUP}/{kind.version}"})


def _case(kind: Kind, name: str, document: dict[str, Any], *, valid: bool = False) -> Case:
    """Sent to the version and namespace that it claims, or to usual ones when it claims none."""
    version = document.get("apiVersion")
    metadata = document.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return Case(
        name=f"{kind.label}: {name}",
        kind=kind,
        document=document,
        valid=valid,
        version=version if isinstance(version, str) and version.startswith(f"{GROUP}/v") else f"{GROUP}/{kind.version}",
        namespace=(namespace if isinstance(namespace, str) and namespace else "default") if kind.namespaced else "",
    )


def _changed(kind: Kind, documents: list[dict[str, Any]]) -> Iterator[Case]:
    """Every change at every path of the schema, once; fewer where the same was changed at another path or elsewhere."""
    done: set[tuple[Path, str]] = set()
    leaves: dict[str, Path] = {}
    seen = _seen(kind)
    for document in documents:
        for path, place, schema in schemas.values(document, kind.schema):
            if not path or path in (("kind",), ("apiVersion",)):
                continue
            first = path not in seen
            if schema.get("type") in ("string", "integer", "boolean"):
                first = first and leaves.setdefault(_constraints(schema), path) == path
            for label, value in _changes(_at(document, place), schema):
                key = (path, label)
                if key in done:
                    continue
                done.add(key)
                name = f"{'.'.join(path)}: {label}"
                if first or zlib.crc32(f"{kind.label} {name}".encode()) % _THIN == 0:
                    yield _case(kind, name, _with(document, place, value))


def _constraints(schema: Schema) -> str:
    return repr(sorted((key, value) for key, value in schema.items() if key != "description"))


def _seen(kind: Kind) -> set[Path]:
    """Paths whose changes are all made elsewhere."""
    if kind.channel == "standard" and kind.preferred:
        return set()
    return {
        path
        for other in schemas.served("standard")
        if other.kind == kind.kind and other.preferred
        for path in schemas.paths(other)
    }


def _broken_rules(kind: Kind, documents: list[dict[str, Any]]) -> Iterator[Case]:
    paths = {rule.path for rule in schemas.rules(kind) if rule.on_create}
    for document in documents:
        for path, place, _ in schemas.values(document, kind.schema):
            if path in paths:
                paths.discard(path)
                for number, value in enumerate(violations.at(path)):
                    yield _case(kind, f"{'.'.join(path)}: rule {number}", _with(document, place, value))


def _pairs(kind: Kind, documents: list[dict[str, Any]]) -> Iterator[Case]:
    """Two changes at once: what one of them hides from the server differs from error to error."""
    chance = random.Random(f"pairs of {kind.label}")
    for number in range(PAIRS):
        document = chance.choice(documents)
        names = []
        for _ in range(2):
            path, place, schema = chance.choice([item for item in schemas.values(document, kind.schema) if item[0]])
            options = [*_changes(_at(document, place), schema), *(("rule", value) for value in violations.at(path))]
            label, value = chance.choice(options)
            document = _with(document, place, value)
            names.append(f"{'.'.join(path)}: {label}")
            if not isinstance(document.get("spec"), dict):
                break
        yield _case(kind, f"pair {number}: {' and '.join(names)}", document)


# Changes of one value


def _changes(value: Any, schema: Schema) -> Iterator[tuple[str, Any]]:
    yield "left out", _DROP
    yield "null", None
    for other in ("text", 7, True, 1.5, [], {}, ["text"], {"a": "b"}):
        if type(other) is not type(value) or other in ([], {}):
            yield f"as {other!r}", other
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        yield from _objects(value, schema)
    elif kind == "array" and isinstance(value, list):
        yield from _lists(value, schema)
    elif kind == "string" and isinstance(value, str):
        yield from _strings(value, schema)
    elif kind == "integer" and isinstance(value, int):
        yield from _numbers(value, schema)


def _objects(value: dict[str, Any], schema: Schema) -> Iterator[tuple[str, Any]]:
    if "properties" in schema:
        yield "unknown field", {**value, "notAField": 1}
        yield "field of another case", {key.swapcase(): item for key, item in value.items()}
        for name in schema["properties"]:
            if name not in value:
                yield f"{name} null", {**value, name: None}
                yield f"{name} empty", {**value, name: {}}
    else:
        for size in (schema["maxProperties"] + extra for extra in (0, 1) if "maxProperties" in schema):
            yield f"{size} entries", {f"k{number}": "v" for number in range(size)}
        yield "value null", {"k": None}
        yield "value number", {"k": 1}


def _lists(value: list[Any], schema: Schema) -> Iterator[tuple[str, Any]]:
    item = value[0] if value else None
    if item is None:
        return
    yield "item null", [*value, None]
    yield "item twice", [*value, copy.deepcopy(item)]
    yield "item as text", [*value, "text"]
    yield "item as {}", [*value, {}]
    for size in (schema["maxItems"] + extra for extra in (0, 1) if schema.get("maxItems", 9999) < 2000):
        yield f"{size} items", [_another(item, number, schema["items"]) for number in range(size)]


def _another(item: Any, number: int, schema: Schema) -> Any:
    """An item like this one, but with a name and a port of its own."""
    if isinstance(item, str):
        return schema["enum"][number % len(schema["enum"])] if "enum" in schema else f"x{number}.example"
    if not isinstance(item, dict):
        return item
    own = {"name": f"x{number}", "port": 1000 + number, "value": f"2001:db8::{number:x}"}
    return copy.deepcopy(item) | {key: found for key, found in own.items() if key in item}


def _strings(value: str, schema: Schema) -> Iterator[tuple[str, Any]]:
    for bound, extra in (("minLength", -1), ("minLength", 0), ("maxLength", 0), ("maxLength", 1)):
        length = schema.get(bound, -1) + extra
        if length >= 0:
            yield f"{length} letters", "a" * length
            yield f"{length} letters of two bytes", "é" * length
    for text in (
        "UPPER", "-a", "a-", ".a", "a.", "a..b", "a b", " a", "a\n", "\n", "*", "*.a", "*.*.a", "a.*", "a/b", "/a",
        "a_b", "é", "\u0000", "\U0001f600", "1", "10.0.0.1", "::1", "a@b", "a:b", "%", "http://a", "null", "a" * 64,
    ):  # fmt: skip
        yield f"text {text!a}", text
    for text in schema.get("enum", ()):
        yield f"choice {text}", text
        yield f"choice {text} in lower case", str(text).lower()
    if "(h|m|s|ms)" in schema.get("pattern", ""):
        for text in (
            "1",
            "1d",
            "s",
            "1.5s",
            "-1s",
            "100000s",
            "99999s",
            "1h1m1s1ms1ms",
            "1ms1h",
            "1 s",
            "1S",
            "0",
            "٣s",
        ):
            yield f"duration {text}", text
    yield "followed by a line break", f"{value}\n"


def _numbers(value: int, schema: Schema) -> Iterator[tuple[str, Any]]:
    for bound, extra in (("minimum", -1), ("minimum", 0), ("maximum", 0), ("maximum", 1)):
        if bound in schema:
            yield f"{bound} {extra:+d}", schema[bound] + extra
    for number in (
        0,
        -1,
        1,
        2**31 - 1,
        2**31,
        -(2**31) - 1,
        2**53,
        2**63 - 1,
        2**63,
        2**64,
        1e3,
        1e30,
        80.0,
        80.5,
        -0.0,
    ):
        yield f"number {number!r}", number
    yield "in quotes", str(value)


# What every object has


def _metadata(kind: Kind, documents: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    plain = {**documents[0], "metadata": {"name": "plain"} | ({"namespace": "default"} if kind.namespaced else {})}
    for label, change in _metadata_changes():
        yield f"metadata: {label}", {**plain, "metadata": {**plain["metadata"], **change}}
    for label, metadata in (
        ("null", None),
        ("empty", {}),
        ("text", "x"),
        ("list", []),
        ("namespace only", {"namespace": "default"}),
    ):
        yield f"metadata {label}", {**plain, "metadata": metadata}
    for name in plain:
        yield f"without {name}", {key: value for key, value in plain.items() if key != name}
        for other in (None, 1, ""):
            yield f"{name} {other!r}", {**plain, name: other}
    for version in ("v1alpha9", "v2", "v1alpha2", "v1beta1", "v1"):
        yield f"version {version}", {**plain, "apiVersion": f"{GROUP}/{version}"}
    yield "kind in lower case", {**plain, "kind": kind.kind.lower()}
    yield "unknown field beside spec", {**plain, "notAField": {"a": 1}}
    yield "status of a wrong type", {**plain, "status": "fine"}
    yield "status with a wrong field", {**plain, "status": {"conditions": "none"}}


def _metadata_changes() -> Iterator[tuple[str, dict[str, Any]]]:
    names = (
        "",
        "A",
        "a_b",
        "-a",
        "a-",
        "a.",
        ".a",
        "a..b",
        "a" * 253,
        "a" * 254,
        "a/b",
        "é",
        "a b",
        "..",
        ".",
        "a\n",
        "%",
        "0",
    )
    odd: tuple[Any, ...] = (7, None, True, ["a"], {})
    for name in (*names, *odd):
        yield f"name {name!r}"[:40], {"name": name}
    for generated in ("gen-", "A-", "", "a" * 260, 7):
        yield f"generateName {generated!r}"[:40], {"name": None, "generateName": generated}
    for namespace in ("default", "shop", "", None, 7, "Default", "a_b", ["default"]):
        yield f"namespace {namespace!r}", {"namespace": namespace}
    long_prefix = ".".join(["a" * 63] * 3)
    for key in ("a b", "/x", "x/", "A/x", "a/b/c", "-x", "", "a" * 63, "a" * 64, "é", f"{long_prefix}.{'b' * 61}/x",
                f"{long_prefix}.{'b' * 62}/x", "UPPER", "a/UPPER", "a_b/c", "a..b/c"):  # fmt: skip
        yield f"label key {key!r}"[:40], {"labels": {key: "v"}}
        yield f"annotation key {key!r}"[:44], {"annotations": {key: "v"}}
    values: tuple[Any, ...] = ("a b", "-a", "a-", "a" * 63, "a" * 64, "", "é", "a/b", 7, None, True, 1.5, ["a"], {})
    for value in values:
        yield f"label value {value!r}"[:40], {"labels": {"k": value}}
        yield f"annotation value {value!r}"[:44], {"annotations": {"k": value}}
    for size in (256 * 1024 - 1, 256 * 1024):
        yield f"annotations of {size} bytes", {"annotations": {"k": "x" * size}}
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        for value in ("x", 7, [], {}, ["x"], {"a": {}}, None):
            yield f"{field} as {value!r}", {field: value}
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    for label, owners in (
        ("right", [owner]), ("without uid", [{**owner, "uid": ""}]), ("without kind", [{**owner, "kind": ""}]),
        ("without name", [{**owner, "name": ""}]), ("without group", [{**owner, "apiVersion": ""}]),
        ("controllers", [{**owner, "controller": True}, {**owner, "uid": "v", "controller": True}]),
        ("event", [{**owner, "kind": "Event"}]), ("extra", [{**owner, "more": 1}]),
        ("odd", [{**owner, "controller": "x"}]),
    ):  # fmt: skip
        yield f"ownerReferences {label}", {"ownerReferences": owners}
    for finalizer in ("example.net/a", "orphan", "a", "A b/c", "foregroundDeletion"):
        yield f"finalizer {finalizer}", {"finalizers": [finalizer]}
    # No resourceVersion as text: the storage refuses it, and dryRun leaves the storage out.
    for field, value in (
        ("uid", "u"), ("uid", 7), ("generation", 3), ("generation", "3"), ("creationTimestamp", "2026-01-01T00:00:00Z"),
        ("creationTimestamp", "yesterday"), ("creationTimestamp", None), ("resourceVersion", ""), ("notAField", 1),
        ("selfLink", "/x"), ("deletionTimestamp", "2026-01-01T00:00:00Z"), ("managedFields", []),
        ("managedFields", "x"), ("deletionGracePeriodSeconds", 3), ("resourceVersion", 7),
    ):  # fmt: skip
        yield f"{field} {value!r}", {field: value}


# Values by their place


def _at(document: Any, place: Place) -> Any:
    for step in place:
        document = document[step]
    return document


def _with(document: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """The document with another value at a place, or without it."""
    found = copy.deepcopy(document)
    holder: Any = found
    for step in place[:-1]:
        holder = holder[step]
    if value is _DROP:
        del holder[place[-1]]
    else:
        holder[place[-1]] = copy.deepcopy(value)
    return found
