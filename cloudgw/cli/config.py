"""cloudgw.yaml: who we are and where we create things. Written by people only, found in this folder or above it.

`world` reads it once per command. Keys: `owner` (whose load balancers these are), `files` (manifests, relative to
the file), `placements` (provider, account, region: where something of ours may stand although no class in the input
names it). Anything else is refused by name. This module must never write it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.cli.problem import Problem
from cloudgw.provider import Placement

NAME = "cloudgw.yaml"
OWNER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
KEYS = ("files", "owner", "placements")
PLACEMENT_KEYS = ("account", "provider", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """path "": there is no file. files: paths as this process can open them."""

    path: str = ""
    owner: str = ""
    files: tuple[str, ...] = ()
    placements: tuple[Placement, ...] = ()


def find(folder: str = ".") -> Config:
    """The configuration of this folder or the nearest above it. Raises Problem."""
    here = os.path.abspath(folder)
    while True:
        path = os.path.join(here, NAME)
        if os.path.isfile(path):
            return read(os.path.relpath(path, folder))
        above = os.path.dirname(here)
        if above == here:
            return Config()
        here = above


def read(path: str) -> Config:
    from cloudgw.sources import documents

    try:
        with open(path, encoding="utf-8") as stream:
            found = list(documents.read(stream.read()))
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{path}: cannot be read ({type(error).__name__}); save it as a readable UTF-8 file") from None
    if not found:
        return Config(path=path)
    for document in found:
        for problem in document.problems:
            pointer = f"{problem.pointer}: " if problem.pointer else ""
            raise Problem(f"{path}:{problem.line}: {pointer}{problem.message}")
    if len(found) > 1:
        raise Problem(f"{path}:{found[1].line}: is a second document; keep one")
    return _Reader(path, found[0].lines).config(found[0].data)


def owner(config: Config, given: str | None) -> str:
    """--owner, else the file's. Raises Problem."""
    name = given or config.owner
    if not name:
        where = f"add `owner: NAME` to {config.path}" if config.path else f"write `owner: NAME` into {NAME}"
        raise Problem(f"no owner: whose load balancers are these? {where}, or give --owner NAME")
    if not OWNER.fullmatch(name):
        source = "--owner" if given else f"{config.path}: owner"
        raise Problem(
            f"{source}: {name!r} is no owner; use 1 to 63 lower-case letters, digits and '-', such as team-edge"
        )
    return name


class _Reader:
    """One mapping with its lines."""

    def __init__(self, path: str, lines: Mapping[str, int]) -> None:
        self.path = path
        self.lines = lines

    def refuse(self, pointer: str, reason: str) -> Problem:
        line = self.lines.get(pointer, 1)
        field = pointer.strip("/").replace("/", ".")
        return Problem(f"{self.path}:{line}: {field + ': ' if field else ''}{reason}")

    def config(self, data: Any) -> Config:
        self.known(data, "", KEYS)
        folder = os.path.dirname(self.path)
        files = []
        for number, item in enumerate(self.items(data, "/files")):
            if not isinstance(item, str) or not item:
                raise self.refuse(f"/files/{number}", "is no path; write a file or folder relative to this file")
            files.append(os.path.normpath(os.path.join(folder, item)))
        return Config(
            path=self.path,
            owner=self.text(data, "owner", "/owner"),
            files=tuple(files),
            placements=tuple(
                self.placement(item, f"/placements/{number}")
                for number, item in enumerate(self.items(data, "/placements"))
            ),
        )

    def placement(self, data: Any, pointer: str) -> Placement:
        self.known(data, pointer, PLACEMENT_KEYS)
        found = {key: self.text(data, key, f"{pointer}/{key}") for key in PLACEMENT_KEYS}
        if not found["provider"]:
            raise self.refuse(pointer, "provider is missing; name the cloud, as in `cloudgw local status`")
        return Placement(found["provider"], found["account"], found["region"])

    def known(self, data: Any, pointer: str, keys: tuple[str, ...]) -> None:
        if not isinstance(data, Mapping):
            raise self.refuse(pointer, f"must be a mapping with {', '.join(keys)}")
        for key in data:
            if key not in keys:
                raise self.refuse(f"{pointer}/{key}", f"there is no such key; known here: {', '.join(keys)}")

    def items(self, data: Mapping[str, Any], pointer: str) -> list[Any]:
        value = data.get(pointer.strip("/"))
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.refuse(pointer, "must be a list; begin each item with `- `")
        return value

    def text(self, data: Mapping[str, Any], key: str, pointer: str) -> str:
        value = data.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.refuse(pointer, f"must be text, is {type(value).__name__}; put it in quotes")
        return value
