"""ObjectMeta: what the server checks of `metadata`, whatever the kind.

`verdict` calls `checked`. Decoding comes first (a value of the wrong type ends the request, null counts as absent),
then the checks of a new object (k8s.io/apimachinery: pkg/apis/meta/v1, pkg/api/validation; k8s.io/apiserver:
pkg/registry/rest/create.go). What the server overwrites itself is decoded and then not looked at: uid, generation,
timestamps, managedFields. This module must never know a kind's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cloudgw.admission.problem import Problem, child, shown

_OWNER = {
    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), "string"),
    **dict.fromkeys(("controller", "blockOwnerDeletion"), "boolean"),
}
_MANAGED = {
    **dict.fromkeys(("manager", "operation", "apiVersion", "fieldsType", "subresource"), "string"),
    "time": "time",
    "fieldsV1": "any",
}
# A field's form: a word, [form of the items], {"*": form of the values} or {field: form}.
_FORM: dict[str, Any] = {
    **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"), "string"),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), "integer"),
    **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), "time"),
    **{name: {"*": "string"} for name in ("labels", "annotations")},
    "finalizers": ["string"],
    "ownerReferences": [_OWNER],
    "managedFields": [_MANAGED],
}
_WORDS = {"string": "a string", "integer": "a whole number", "boolean": "true or false", "time": "a time in RFC 3339"}
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_TIME = re.compile(
    r"(\d{4})(-\d\d-\d\d)T(\d?\d)(:\d\d:\d\d)(?:[.,]\d+)?(?:Z|[+-](?:[01]\d|2[0-4]):(?:[0-5]\d|60))", re.ASCII
)
_ANNOTATIONS = 256 * 1024
_SUFFIX = "x" * 5  # as long as what the server appends to generateName


def checked(data: dict[str, Any], *, namespaced: bool) -> tuple[dict[str, Any], list[Problem]]:
    """(metadata without what the server does not know, problems). data: the whole document."""
    problems: list[Problem] = []
    found = _decoded(data.get("metadata"), _FORM, "/metadata", problems)
    meta = found if isinstance(found, dict) else {}
    if any(problem.refused for problem in problems):
        return meta, problems
    problems += _name(meta)
    if namespaced and (namespace := meta.get("namespace")) and not _label(namespace):
        fix = "use lowercase letters, digits and -, at most 63"
        problems.append(_wrong("/metadata/namespace", f"{shown(namespace)} is no name of a namespace", fix))
    problems += _labels(meta.get("labels") or {})
    problems += _annotations(meta.get("annotations") or {})
    problems += _owners(meta.get("ownerReferences") or [])
    problems += _finalizers(meta.get("finalizers") or [])
    version = meta.get("resourceVersion") or ""
    if re.fullmatch("[0-9]+", version) and 0 < int(version) < 2**64:
        message = "is set, and a new object has none"
        fix = "remove it: it belongs to an object that was read from a cluster"
        problems.append(_wrong("/metadata/resourceVersion", message, fix))
    return meta, problems


def _wrong(pointer: str, message: str, fix: str) -> Problem:
    return Problem(pointer=pointer, message=message, fix=fix, code="Metadata")


def _decoded(value: Any, form: Any, pointer: str, problems: list[Problem]) -> Any:
    """As Go decodes JSON: null leaves a field as it was, which is empty; unknown fields are dropped."""
    if value is None or form == "any":
        return value
    if isinstance(form, list):
        if isinstance(value, list):
            items = (_decoded(item, form[0], child(pointer, at), problems) for at, item in enumerate(value))
            return [_empty(form[0]) if item is None else item for item in items]
        problems.append(_wrong(pointer, f"is {shown(value)}, must be a list", "write a list"))
        return None
    if isinstance(form, dict):
        if not isinstance(value, dict):
            problems.append(_wrong(pointer, f"is {shown(value)}, must be a mapping", "write `key: value` lines"))
            return None
        made = {}
        for key, item in value.items():
            below = form.get("*", form.get(key))
            if below is None:
                problems.append(_unknown(child(pointer, key), sorted(form)))
                continue
            decoded = _decoded(item, below, child(pointer, key), problems)
            made[key] = _empty(below) if decoded is None else decoded
        return made
    if not _fits(value, form):
        quotes = "; put it in quotes" if form == "string" and isinstance(value, bool | int | float) else ""
        problems.append(_wrong(pointer, f"is {shown(value)}, must be {_WORDS[form]}", f"write {_WORDS[form]}{quotes}"))
        return None
    return value


def _unknown(pointer: str, known: list[str]) -> Problem:
    return Problem(
        pointer=pointer,
        message="metadata has no such field; the server drops it, kubectl apply refuses it",
        fix=f"remove it; fields here: {', '.join(known)}",
        code="UnknownField",
        refused=False,
    )


def _empty(form: Any) -> Any:
    return "" if form == "string" else {} if isinstance(form, dict) else [] if isinstance(form, list) else None


def _fits(value: Any, form: str) -> bool:
    if form == "string":
        return isinstance(value, str)
    if form == "boolean":
        return isinstance(value, bool)
    if form == "integer":
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e21)
        return whole and not isinstance(value, bool) and -(2**63) <= value < 2**63
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        return match is not None and bool(datetime.fromisoformat(_standard(*match.groups())))
    except ValueError:
        return False


def _standard(year: str, day: str, hour: str, rest: str) -> str:
    """Go's time.Parse is looser than RFC 3339: an hour of one digit, and the (leap) year 0."""
    return f"{'2000' if year == '0000' else year}{day}T{hour.zfill(2)}{rest}"


def _name(meta: dict[str, Any]) -> Iterator[Problem]:
    name, prefix = meta.get("name") or "", meta.get("generateName") or ""
    fix = "use lowercase letters, digits, - and ., at most 253, with a letter or digit at both ends"
    if prefix:
        masked = prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
        if not _subdomain(masked):
            yield _wrong("/metadata/generateName", f"{shown(prefix)} begins no valid name", fix)
            if not name:
                return
        name = name or prefix[:58] + _SUFFIX
    if not name:
        yield _wrong("/metadata/name", "is missing; every object needs a name", "add metadata.name")
    elif not _subdomain(name):
        yield _wrong("/metadata/name", f"{shown(name)} is no valid name", fix)


def _labels(labels: dict[str, str]) -> Iterator[Problem]:
    for key, value in labels.items():
        pointer = child("/metadata/labels", key)
        if not _qualified(key):
            yield _key(pointer, key)
        if value and (len(value) > 63 or not _NAME.fullmatch(value)):
            fix = "use letters, digits, -, _ and ., at most 63, with a letter or digit at both ends"
            yield _wrong(pointer, f"{shown(value)} is no value of a label", fix)


def _annotations(annotations: dict[str, str]) -> Iterator[Problem]:
    for key in annotations:
        if not _qualified(key.lower()):
            yield _key(child("/metadata/annotations", key), key)
    size = sum(len(part.encode(errors="replace")) for item in annotations.items() for part in item)
    if size > _ANNOTATIONS:
        yield _wrong("/metadata/annotations", f"hold {size} bytes, at most {_ANNOTATIONS} are allowed", "shorten them")


def _key(pointer: str, key: str) -> Problem:
    fix = "write [DNS name/]name; the name has letters, digits, -, _ and ., at most 63"
    return _wrong(pointer, f"{shown(key)} is no valid key", fix)


def _owners(owners: list[dict[str, Any]]) -> Iterator[Problem]:
    controllers = 0
    for number, owner in enumerate(owners):
        pointer = child("/metadata/ownerReferences", number)
        for name in ("apiVersion", "kind", "name", "uid"):
            text = owner.get(name) or ""
            if not text or (name == "apiVersion" and (text.count("/") > 1 or text.endswith("/"))):
                yield _wrong(child(pointer, name), f"{shown(text)} names no owner", f"write the owner's {name}")
        if (owner.get("apiVersion"), owner.get("kind")) == ("v1", "Event"):
            yield _wrong(pointer, "an Event cannot own anything", "remove this owner")
        controllers += owner.get("controller") is True
    if controllers > 1:
        message = f"{controllers} owners have controller: true, one may"
        yield _wrong("/metadata/ownerReferences", message, "keep controller: true on one of them")


def _finalizers(finalizers: list[str]) -> Iterator[Problem]:
    for number, name in enumerate(finalizers):
        if not _qualified(name):
            yield _key(child("/metadata/finalizers", number), name)
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        message = "orphan and foregroundDeletion exclude each other"
        yield _wrong("/metadata/finalizers", message, "remove one of them")


def _subdomain(text: str) -> bool:
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def _label(text: str) -> bool:
    return len(text) <= 63 and _LABEL.fullmatch(text) is not None


def _qualified(key: str) -> bool:
    """`[prefix/]name` (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set)."""
    prefix, slash, name = key.rpartition("/")
    return (not slash or _subdomain(prefix)) and len(name) <= 63 and _NAME.fullmatch(name) is not None
