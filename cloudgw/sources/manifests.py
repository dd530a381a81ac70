"""Files, folders and standard input become a Snapshot: what the CLI calls with `-f` and `--base`.

`cli.validate` reads the same files by `files`, `read` and `flattened`, without making a Snapshot of them.

One bad object harms only itself: it is Unknown in the Snapshot, never absent, and an error says where and why; the rest
is used. A document that cannot be read at all may be any object, so that then nothing is called complete or absent.
Files are read here, their text in `documents`, their objects in `catalog`. This module must never write anything, and
never show the content of a Secret.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from cloudgw.objects import GATEWAY_GROUP, OWN_GROUP, Key, KubernetesObject, Material, Note, Origin, Snapshot, Unknown
from cloudgw.sources import catalog, collector, documents
from cloudgw.sources.documents import Document
from cloudgw.sources.fields import FieldError, type_name
from cloudgw.sources.snapshot_file import dump, parse_dump

__all__ = ["Loaded", "dump", "files", "flattened", "load", "named", "parse_dump", "read"]

Say = Callable[[str, str, str], None]
"""Told of a path: code (Unreadable; Empty: a folder without manifests, which is no error), file, reason and fix."""

LIMIT = 256 * 2**20  # bytes of one file: so that a wrong path (an image, a dump) does not fill the memory
_ENDINGS = (".yaml", ".yml", ".json")
_NOT_MANIFESTS = ("kustomization.yaml", "kustomization.yml", "cloudgw.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """notes: nothing is wrong with the files, but something in them has no effect. errors: level error; the snapshot
    holds everything else and may still be used."""

    snapshot: Snapshot
    notes: tuple[Note, ...] = ()
    errors: tuple[Note, ...] = ()


@dataclass(slots=True, kw_only=True)
class _World:
    """What some paths hold. blind: something could not be read that may be any object."""

    found: dict[str, dict[Key, KubernetesObject | Unknown]] = field(default_factory=dict)
    written: dict[tuple[str, Key], tuple[Any, Origin]] = field(default_factory=dict)
    materials: dict[str, Material] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    errors: list[Note] = field(default_factory=list)
    blind: bool = False


@collector.paused()
def load(
    paths: Sequence[str], *, base: Sequence[str] = (), complete: bool = False, stdin: TextIO | None = None
) -> Loaded:
    """Read manifests: YAML (also several documents in one file) and JSON, and Lists of objects.

    paths: files, folders (recursive, *.yaml *.yml *.json, sorted, hidden ones left out) or "-" for `stdin`. base: the
    same for another checkout: objects that are there and not in `paths` are known to be absent. complete: the paths
    hold every object that exists; not honoured when something could not be read. Never raises because of an input.
    """
    world = _read(paths, stdin)
    absent: frozenset[tuple[str, str, str]] = frozenset()
    if base:
        before = _read(base, stdin)
        world.notes += [_prefixed(note, "base: ") for note in before.errors]
        absent = frozenset(
            (kind, *key)
            for kind, items in before.found.items()
            for key in items
            if key not in world.found.get(kind, {})
        )
    if world.blind and (complete or base):
        option = " and ".join(["--complete"] * complete + ["--base"] * bool(base))
        message = f"{option} not honoured: something could not be read, and it may be any object; correct it first"
        world.errors.append(Note(level="error", code="Incomplete", message=message))
    return Loaded(
        snapshot=Snapshot(
            objects={kind: dict(sorted(world.found[kind].items())) for kind in sorted(world.found)},
            absent=frozenset() if world.blind else absent,
            complete=frozenset({"*"}) if complete and not world.blind else frozenset(),
            materials=dict(sorted(world.materials.items())),
        ),
        notes=tuple(world.notes),
        errors=tuple(world.errors),
    )


def _prefixed(note: Note, prefix: str) -> Note:
    return Note(level="warning", code=note.code, message=prefix + note.message, origin=note.origin)


def _read(paths: Sequence[str], stdin: TextIO | None) -> _World:
    world = _World()

    def say(code: str, file: str, message: str) -> None:
        if code == "Empty":
            origin = Origin(kind="File", file=file)
            world.notes.append(Note(level="warning", code=code, message=f"{file}: {message}", origin=origin))
        else:
            _error(world, code, message, file=file, blind=True)

    for file in files(paths, say):
        text = read(file, say, stdin)
        for document in documents.read(text) if text is not None else ():
            _document(file, document, world)
    return world


def files(paths: Iterable[str], say: Say) -> Iterator[str]:
    """Files and "-", each path once, and the manifests of folders: recursive, sorted, hidden ones left out."""
    for path in dict.fromkeys(paths):
        if path == "-" or not os.path.isdir(path):
            yield path
            continue
        found: list[str] = []

        def unreadable(error: OSError) -> None:
            say("Unreadable", str(error.filename), f"cannot be listed ({error.strerror}); check its permissions")

        for folder, folders, names in os.walk(path, onerror=unreadable):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            found += [
                os.path.join(folder, name)
                for name in names
                if name.endswith(_ENDINGS) and not name.startswith(".") and name not in _NOT_MANIFESTS
            ]
        if not found:
            say("Empty", path, "no *.yaml, *.yml or *.json file; check the path")
        yield from sorted(found)


def read(file: str, say: Say, stdin: TextIO | None = None) -> str | None:
    """The text of a file, or of `stdin` for "-"; None when it cannot be read."""
    reason = ""
    try:
        if file == "-":
            text = (stdin or sys.stdin).read()
            text.encode()  # sys.stdin lets bytes through that are not UTF-8, as halves of UTF-16 pairs
            return text
        if os.stat(file).st_size <= LIMIT:
            with open(file, encoding="utf-8") as stream:
                return stream.read()
        reason = f"is larger than {LIMIT >> 20} MiB; check the path, or split the file"
    except UnicodeError:
        reason = "is not UTF-8; save it as UTF-8"
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); check the path"
    say("Unreadable", named(file), reason)
    return None


def named(file: str) -> str:
    """A file as messages call it."""
    return "(standard input)" if file == "-" else file


def _error(
    world: _World,
    code: str,
    message: str,
    *,
    file: str,
    line: int = 0,
    subject: Origin | None = None,
    pointer: str = "",
    blind: bool = False,
) -> None:
    """One line: file, line, object, field, reason and fix."""
    origin = Origin(
        kind=subject.kind if subject else "File",
        namespace=subject.namespace if subject else "",
        name=subject.name if subject else "",
        path=pointer,
        file=file,
        line=line,
    )
    parts = [origin.place, str(subject) if subject else "", pointer, message]
    world.errors.append(
        Note(level="error", code=code, message=": ".join(part for part in parts if part), origin=origin)
    )
    world.blind = world.blind or blind


def _document(file: str, document: Document, world: _World) -> None:
    file = named(file)
    if document.data is None:
        for problem in document.problems:
            _error(world, "InvalidSyntax", problem.message, file=file, line=problem.line, blind=True)
        return
    items = list(flattened(document.data))
    for problem in document.problems:
        if not any(_inside(problem.pointer, prefix) for _, prefix in items):
            parts = (problem.pointer, problem.message)
            _error(world, "InvalidSyntax", ": ".join(filter(None, parts)), file=file, line=problem.line, blind=True)
    for data, prefix in items:
        if any(problem.pointer.removeprefix(prefix).count("/") == 1 for problem in document.problems):
            world.blind = True  # two objects in one document, for want of a line ---: which other one, nobody knows
        _object(file, document, data, prefix, world)


def _inside(pointer: str, prefix: str) -> bool:
    return pointer == prefix or pointer.startswith(prefix + "/")


def flattened(data: Any, prefix: str = "") -> Iterator[tuple[Any, str]]:
    """(object, JSON pointer of it in its document), with Lists opened."""
    if isinstance(data, dict):
        kind, items = data.get("kind"), data.get("items")
        if isinstance(kind, str) and kind.endswith("List") and (isinstance(items, list) or "items" in data):
            for number, item in enumerate(items or ()):
                if isinstance(item, dict) and kind != "List":
                    item = {"apiVersion": data.get("apiVersion"), "kind": kind.removesuffix("List"), **item}
                yield from flattened(item, f"{prefix}/items/{number}")
            return
    yield data, prefix


def _object(file: str, document: Document, data: Any, prefix: str, world: _World) -> None:
    line = document.line_of(prefix)
    kind, version = (data.get("kind"), data.get("apiVersion")) if isinstance(data, dict) else (None, None)
    if not isinstance(data, dict) or not isinstance(kind, str) or not kind or not isinstance(version, str):
        missing = "kind" if not isinstance(kind, str) or not kind else "apiVersion"
        reason = f"{missing} is missing; a manifest has apiVersion, kind and metadata.name"
        if not isinstance(data, dict):
            reason = f"is {type_name(data)}, must be a mapping with apiVersion, kind and metadata.name"
        _error(world, "InvalidObject", reason, file=file, line=line, blind=True)
        return
    group = version.rpartition("/")[0]
    known = (group, kind) in catalog.KINDS
    if not known and group not in (GATEWAY_GROUP, OWN_GROUP, *catalog.OTHER_GROUPS):
        return
    key = catalog.key(data, namespaced=catalog.is_namespaced(group, kind))
    subject = Origin(kind=kind, namespace=key[0] if key else "", name=key[1] if key else "", file=file, line=line)
    if catalog.is_taken(group, kind):
        reason = f"{kind} is no kind of group {group}; correct apiVersion"
        _error(world, "InvalidObject", reason, file=file, line=line, subject=subject, pointer="/apiVersion")
        return
    if not known and group != OWN_GROUP:
        message = f"{subject}: {kind} of {version} is not handled: it has no effect; `cloudgw validate` says more"
        world.notes.append(Note(level="warning", code="UnsupportedKind", message=message, origin=subject))
        return
    if key is None:
        reason = "is missing or no string; every object needs a name"
        pointer = "/metadata/name"
        _error(world, "InvalidObject", reason, file=file, line=line, subject=subject, pointer=pointer, blind=True)
        return
    if not catalog.concerns(group, key[1]):
        return
    value = _parsed(document, data, prefix, subject, world)
    _keep(value, data, subject, key, world)


def _parsed(
    document: Document, data: dict[str, Any], prefix: str, subject: Origin, world: _World
) -> KubernetesObject | Unknown:
    """The object, or Unknown and an error."""

    def wrong(code: str, pointer: str, reason: str, line: int = 0) -> Unknown:
        line = line or document.line_of(prefix + pointer)
        pointer = _safe(subject.kind, pointer)
        _error(world, code, reason, file=subject.file, line=line, subject=subject, pointer=pointer)
        return Unknown(f"{pointer}: {reason}".removeprefix(": "))

    for problem in document.problems:
        if _inside(problem.pointer, prefix):
            return wrong("InvalidSyntax", problem.pointer.removeprefix(prefix), problem.message, problem.line)
    try:
        found, material = catalog.read(data, subject)
    except FieldError as error:
        code = "UnsupportedVersion" if isinstance(error, catalog.VersionError) else "InvalidField"
        return wrong(code, error.pointer, str(error).removeprefix(f"{error.pointer}: "))
    if material is not None:
        world.materials[material.fingerprint] = material
    return found


def _safe(kind: str, pointer: str) -> str:
    """A pointer that may be shown: of a Secret's data only the keys that everybody has."""
    if kind != "Secret" or pointer.startswith("/metadata"):
        return pointer
    parts = pointer.split("/")
    known = {"", "data", "stringData", "type", "apiVersion", "kind", "tls.crt", "tls.key"}
    return "/".join(part if part in known else "..." for part in parts)


def _keep(value: KubernetesObject | Unknown, data: Any, subject: Origin, key: Key, world: _World) -> None:
    """Keep an object; the same object with other content elsewhere makes both Unknown."""
    items = world.found.setdefault(subject.kind, {})
    if key not in items:
        items[key] = value
        world.written[subject.kind, key] = (data, subject)
        return
    other, first = world.written[subject.kind, key]
    if other == data:
        return
    reason = f"is also in {first.place} with other content; remove one of the two"
    items[key] = Unknown(f"it is in {first.place} and in {subject.place} with different content")
    _error(world, "DuplicateObject", reason, file=subject.file, line=subject.line, subject=subject)
