"""What the command line names as input becomes one Snapshot: -f over --snapshot or a cluster, minus what --base names.

`world` and `reading` call `load`. Files and clusters are read by `cloudgw.sources`; this module only lays one over the
other. Whatever could not be read may be any object: then nothing is called complete.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cloudgw.cli import config as configs
from cloudgw.cli.problem import Problem
from cloudgw.objects import Key, KubernetesObject, Note, Snapshot, Unknown
from cloudgw.sources import manifests

YOUNGEST = "9999-12-31T23:59:59Z"  # no creationTimestamp is later


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """errors: what could not be read; the snapshot holds the rest."""

    snapshot: Snapshot
    notes: tuple[Note, ...] = ()
    errors: tuple[Note, ...] = ()


def load(options: argparse.Namespace, config: configs.Config, *, needed: bool = True) -> Inputs:
    """needed: without any input there is nothing to do. Raises Problem."""
    cluster = live(options)
    if cluster and options.snapshot:
        raise Problem("--snapshot and a cluster exclude each other: give one of them")
    files = options.files or ([] if options.snapshot or cluster else list(config.files))
    if not files:
        if options.base or options.complete:
            raise Problem("--base and --complete say something about -f: give -f PATH")
        if not options.snapshot and not cluster:
            if needed:
                raise Problem(
                    "no input: give -f FILE, -f FOLDER or -f -, read a cluster with --live, "
                    f"or list `files` in {configs.NAME}"
                )
            return Inputs(snapshot=Snapshot())
    below: manifests.Loaded | None = None
    if options.snapshot:
        below = manifests.Loaded(snapshot=read_snapshot(options.snapshot))
    elif cluster:
        below = read_cluster(options.kubeconfig, options.context)
    loaded = manifests.load(files, base=options.base, complete=options.complete)
    notes = (*loaded.notes, *deleted(loaded.snapshot))
    if below is None:
        return Inputs(snapshot=loaded.snapshot, notes=notes, errors=loaded.errors)
    return Inputs(
        snapshot=overlay(loaded, below.snapshot),
        notes=(*below.notes, *notes),
        errors=(*below.errors, *loaded.errors),
    )


def live(options: argparse.Namespace) -> bool:
    """Whether a cluster is to be read."""
    return bool(options.live or options.kubeconfig or options.context)


def read_cluster(kubeconfig: str | None, context: str | None) -> manifests.Loaded:
    """Everything of a cluster that we read. Raises Problem."""
    from cloudgw.sources import cluster

    try:
        return cluster.load(kubeconfig, context)
    except cluster.ClusterError as error:
        raise Problem(f"the cluster cannot be read: {error}") from None


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
        for key, item in above.objects.get(kind, {}).items():
            merged[key] = same(item, merged.get(key))
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
        materials={**below.materials, **above.materials},
    )


def same(above: KubernetesObject | Unknown, below: KubernetesObject | Unknown | None) -> KubernetesObject | Unknown:
    """An object of a file as the change of one that exists: its age and identity stay, which decide who is first,
    whatever the file says of them. One that does not exist yet will be the youngest."""
    if isinstance(above, Unknown):
        return above
    if below is None or isinstance(below, Unknown):
        return replace(above, meta=replace(above.meta, created=above.meta.created or YOUNGEST))
    meta = replace(
        above.meta,
        uid=below.meta.uid or above.meta.uid,
        created=below.meta.created or above.meta.created,
        generation=above.meta.generation or below.meta.generation,
    )
    return replace(above, meta=meta)
