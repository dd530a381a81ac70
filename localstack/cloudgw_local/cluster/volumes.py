"""Volumes of pods: files in the runner's folder, put where a container wants them in a mount namespace of its own.

`pods` calls this when a pod starts. Known: emptyDir, secret, configMap, downwardAPI and projected (with tokens of the
API server). Written once: a Secret that changes later reaches the next pod only. This module must never change a folder
of this machine: what a container misses of a path lies on an overlay that only its processes see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cloudgw_local.cluster import images

# Arguments: the scratch folder, then source and target of every mount, "--", and the program with its arguments. Where
# the target does not exist, an overlay above the nearest folder that does takes it.
SCRIPT = """
scratch=$1; shift; number=0
while [ "$1" != -- ]; do
  if [ ! -e "$2" ]; then
    above=$2
    while [ ! -d "$above" ]; do above=$(dirname "$above"); done
    if [ "$above" = / ]; then echo "mountPath $2: nothing can be put directly below /; use /run or /etc"; exit 78; fi
    number=$((number + 1)); mkdir -p "$scratch/$number/up" "$scratch/$number/work"
    mount -t overlay -o "lowerdir=$above,upperdir=$scratch/$number/up,workdir=$scratch/$number/work" overlay "$above"
    if [ -d "$1" ]; then mkdir -p "$2"; else mkdir -p "$(dirname "$2")"; : > "$2"; fi
  fi
  mount --bind "$1" "$2"
  shift 2
done
shift
exec "$@"
"""
TOKEN_SECONDS = 24 * 3600  # there is nobody who would renew it
Token = Callable[[str, int], str]  # (audience, seconds) -> a token of the pod's service account


def write(
    folder: Path, pod: Mapping[str, Any], base: Mapping[str, str], read: images.Read, token: Token
) -> dict[str, Path]:
    """The volumes of a pod by name; raises images.Missing."""
    found = {}
    for volume in pod["spec"].get("volumes") or ():
        place = folder / "volumes" / volume["name"]
        place.mkdir(parents=True, exist_ok=True)
        for path, data in _files(volume, pod, base, read, token):
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        found[volume["name"]] = place
    return found


def mounted(command: list[str], container: Mapping[str, Any], volumes: Mapping[str, Path], scratch: Path) -> list[str]:
    """The command, behind the script that mounts what the container asks for; as it is when that is nothing."""
    pairs = [
        (str(volumes[mount["name"]] / mount.get("subPath", "")), os.path.normpath(mount["mountPath"]))
        for mount in container.get("volumeMounts") or ()
    ]
    if not pairs:
        return command
    pairs.sort(key=lambda pair: scratch.is_relative_to(pair[1]))  # last what would hide the sources of the others
    return ["sh", "-ec", SCRIPT, "sh", str(scratch), *(part for pair in pairs for part in pair), "--", *command]


def _files(
    volume: Mapping[str, Any], pod: Mapping[str, Any], base: Mapping[str, str], read: images.Read, token: Token
) -> Iterator[tuple[str, bytes]]:
    """(path below the volume, content)."""
    if "emptyDir" in volume:
        return
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    for source in sources:
        if "serviceAccountToken" in source:
            item = source["serviceAccountToken"]
            yield item["path"], token(item.get("audience", ""), TOKEN_SECONDS).encode()
        elif "downwardAPI" in source:
            for item in source["downwardAPI"].get("items") or ():
                yield item["path"], images.field_of(pod, item["fieldRef"]["fieldPath"], base).encode()
        elif "secret" in source or "configMap" in source:
            field_name, plural = ("secret", "secrets") if "secret" in source else ("configMap", "configmaps")
            yield from _items(source[field_name], images.content(plural, source[field_name], read))
        else:
            kinds = ", ".join(sorted(set(volume) - {"name"}))
            raise images.Missing("CreateContainerConfigError", f"volume {volume['name']}: no {kinds} here")


def _items(reference: Mapping[str, Any], values: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    if not reference.get("items"):
        yield from values.items()
        return
    for item in reference["items"]:
        if item["key"] not in values:
            raise images.Missing("CreateContainerConfigError", f"no key {item['key']} for a volume")
        yield item["path"], values[item["key"]]
