"""What the command line names as input becomes one Snapshot: -f over --snapshot, minus what only --base has.

`world` calls `load`. Files are read by `cloudgw.sources`; this module only lays one over the other. Whatever could not
be read may be any object: then nothing is called complete.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cloudgw.cli import config as configs
from cloudgw.cli.problem import Problem
from cloudgw.objects import Key, KubernetesObject, Note, Snapshot, Unknown
from cloudgw.sources import manifests


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """errors: what could not be read; the snapshot holds the rest."""

    snapshot: Snapshot
    notes: tuple[Note, ...] = ()
    errors: tuple[Note, ...] = ()


def load(options: argparse.Namespace, config: configs.Config, *, needed: bool = True) -> Inputs:
    """needed: without any input there is nothing to do. Raises Problem."""
    files = options.files or ([] if options.snapshot else list(config.files))
    if not files and not options.snapshot:
        if options.base or options.complete:
            raise Problem("--base and --complete say something about -f: give -f PATH")
        if needed:
            raise Problem(f"no input: give -f FILE, -f FOLDER or -f -, or list `files` in {configs.NAME}")
        return Inputs(snapshot=Snapshot())
    below = read_snapshot(options.snapshot) if options.snapshot else None
    loaded = manifests.load(files, base=options.base, complete=options.complete)
    snapshot = loaded.snapshot if below is None else overlay(loaded, below)
    notes = (*loaded.notes, *deleted(loaded.snapshot))
    return Inputs(snapshot=snapshot, notes=notes, errors=loaded.errors)


def deleted(snapshot: Snapshot) -> tuple[Note, ...]:
    """What --base has and -f has not, by name: also where nothing follows from it."""
    return tuple(
        Note(
            level="info",
            code="Deleted",
            message=f"{kind} {f'{namespace}/' if namespace else ''}{name}: is in --base and not in -f: deleted",
        )
        for kind, namespace, name in sorted(snapshot.absent)
    )


def read_snapshot(path: str) -> Snapshot:
    """A saved Snapshot. Raises Problem."""
    try:
        with open(path, encoding="utf-8") as stream:
            return manifests.parse_dump(stream.read())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"--snapshot {path}: cannot be read ({reason}); check the path") from None
    except ValueError as error:
        raise Problem(f"--snapshot {path}: {error}") from None


def overlay(loaded: manifests.Loaded, below: Snapshot) -> Snapshot:
    """Files win. What the files say to be gone is taken away; completeness is the saved one's, unless something in the
    files could be any object."""
    above = loaded.snapshot
    objects: dict[str, Mapping[Key, KubernetesObject | Unknown]] = {}
    for kind in sorted({*above.objects, *below.objects}):
        merged = {
            key: item
            for key, item in below.objects.get(kind, {}).items()
            if (kind, *key) not in above.absent and "*" not in above.complete
        }
        merged.update(above.objects.get(kind, {}))
        objects[kind] = dict(sorted(merged.items()))
    blind = any(error.origin is None or not error.origin.name for error in loaded.errors)
    absent = above.absent | frozenset(
        (kind, namespace, name)
        for kind, namespace, name in below.absent
        if (namespace, name) not in objects.get(kind, {})
    )
    return replace(
        above,
        objects=objects,
        absent=frozenset() if blind else absent,
        complete=frozenset() if blind else above.complete | below.complete,
    )
