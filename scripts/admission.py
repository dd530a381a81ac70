"""Writes cloudgw/admission/schemas.json: what the API server knows of the Gateway API, from the published Go module.

`python scripts/admission.py` fetches the modules with `go mod download` (their hashes are checked by Go) and reads the
definitions out of the zip. Words that nobody at run time needs are dropped, equal subtrees are stored once, and a word
of a schema that `cloudgw.admission` does not handle ends the script: it must never be lost silently. Upstream's own
files are never written anywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MODULE, VERSION, LATER = "sigs.k8s.io/gateway-api", "v1.6.3", "v1.7.0"
LICENCE = "Apache-2.0"
CHANNELS = ("standard", "experimental")
TARGET = pathlib.Path(__file__).resolve().parent.parent / "cloudgw" / "admission" / "schemas.json"
DROPPED = {"description", "x-kubernetes-map-type"}  # neither changes what is admitted when an object is created
KEPT = {
    *("type", "format", "enum", "default", "required", "pattern", "minLength", "maxLength", "minimum", "maximum"),
    *("minItems", "maxItems", "maxProperties", "x-kubernetes-list-map-keys"),
}
CHILDREN = ("items", "additionalProperties", "not")
ALTERNATIVES = ("oneOf", "anyOf")
RULE = {"rule", "message"}


class Failure(Exception):
    """What ends the script, with the next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """path: the zip of the module. total: its hash as in go.sum (`h1:...`)."""

    path: str
    total: str


def fetch(version: str, *, offline: bool = False) -> Module:
    """The module from Go's cache, or from its proxy. Raises Failure.

    `go mod download -json` names the zip even when it then says that the module wants a newer Go: the zip is enough.
    """
    go = shutil.which("go") or "/usr/local/go/bin/go"
    environment = {**os.environ, "GOTOOLCHAIN": "local", **({"GOPROXY": "off"} if offline else {})}
    command = [go, "mod", "download", "-json", f"{MODULE}@{version}"]
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, timeout=240)
        except OSError as error:
            raise Failure(f"{go} cannot be run ({error.strerror}); install Go") from None
    try:
        said = json.loads(done.stdout)
        return Module(path=said["Zip"], total=said["Sum"])
    except (ValueError, KeyError):
        raise Failure(f"{MODULE}@{version} is not available: {(done.stdout + done.stderr).strip()[-300:]}") from None


def definitions(module: Module, channel: str) -> Iterator[dict[str, Any]]:
    """The `spec` of every CustomResourceDefinition of a channel."""
    with zipfile.ZipFile(module.path) as archive:
        for name in sorted(archive.namelist()):
            if f"/config/crd/{channel}/" not in name or not name.endswith(".yaml"):
                continue
            for document in yaml.load_all(archive.read(name), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                    yield document["spec"]


class Store:
    """Schema nodes and rules, each stored once; a node names its children by number."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.rules: list[dict[str, str]] = []
        self._numbers: dict[str, int] = {}

    def node(self, schema: dict[str, Any], path: str) -> int:
        made: dict[str, Any] = {}
        for word, value in sorted(schema.items()):
            if word in DROPPED:
                continue
            if word in KEPT:
                made[word] = value
            elif word == "properties":
                made[word] = {name: self.node(child, f"{path}/{name}") for name, child in sorted(value.items())}
            elif word in CHILDREN:
                made[word] = self.node(value, f"{path}/{word}")
            elif word in ALTERNATIVES:
                made[word] = [self.node(child, f"{path}/{word}") for child in value]
            elif word == "x-kubernetes-list-type":
                if value != "atomic":
                    made[word] = value
            elif word == "x-kubernetes-validations":
                made[word] = [self._rule(rule, path) for rule in value]
            else:
                raise Failure(f"{path}: cloudgw.admission does not handle {word!r}; teach it, then add the word here")
        return self._number(made, self.nodes)

    def _rule(self, rule: dict[str, str], path: str) -> int:
        if set(rule) - RULE:
            raise Failure(f"{path}: a rule has {sorted(set(rule) - RULE)}, which cloudgw.admission does not handle")
        return self._number(rule, self.rules)

    def _number(self, made: dict[str, Any], found: list[Any]) -> int:
        key = ("node:" if found is self.nodes else "rule:") + _compact(made)
        if key not in self._numbers:
            self._numbers[key] = len(found)
            found.append(made)
        return self._numbers[key]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _kind(spec: dict[str, Any], store: Store) -> dict[str, Any]:
    versions: dict[str, Any] = {}
    for version in spec["versions"]:
        versions[version["name"]] = {
            "served": version["served"],
            "deprecated": bool(version.get("deprecated")),
            "status": "status" in (version.get("subresources") or {}),
        }
        if version["served"]:
            schema = version["schema"]["openAPIV3Schema"]
            versions[version["name"]]["schema"] = store.node(schema, spec["names"]["kind"])
    return {"group": spec["group"], "namespaced": spec["scope"] == "Namespaced", "versions": versions}


def _fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}/{name}"
        yield from _fields(child, f"{path}/{name}")
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from _fields(schema[word], f"{path}/*")


def _spec_fields(module: Module, channel: str) -> dict[str, set[str]]:
    """kind -> every field of its newest version (they are listed newest first), status left out."""
    return {
        spec["names"]["kind"]: {
            path
            for path in _fields(spec["versions"][0]["schema"]["openAPIV3Schema"], "")
            if not path.startswith("/status")
        }
        for spec in definitions(module, channel)
    }


def _added(now: Module, later: Module) -> dict[str, dict[str, list[str]]]:
    """channel -> kind -> fields that the later version adds, each without what stands below it; "" for a new kind."""
    added: dict[str, dict[str, list[str]]] = {}
    for channel in CHANNELS:
        before = _spec_fields(now, channel)
        for kind, fields in sorted(_spec_fields(later, channel).items()):
            new = fields - before.get(kind, set())
            tops = sorted(path for path in new if path.rpartition("/")[0].removesuffix("/*") not in new)
            if tops:
                added.setdefault(channel, {})[kind] = tops if kind in before else [""]
    return added


def build(*, offline: bool = False) -> str:
    """The text of schemas.json. Raises Failure."""
    now, later = fetch(VERSION, offline=offline), fetch(LATER, offline=offline)
    store = Store()
    kinds = {
        channel: {spec["names"]["kind"]: _kind(spec, store) for spec in definitions(now, channel)}
        for channel in CHANNELS
    }
    parts = {
        "module": MODULE,
        "version": VERSION,
        "sum": now.total,
        "licence": LICENCE,
        "kinds": kinds,
        "later": {"version": LATER, "sum": later.total, "fields": _added(now, later)},
        "rules": store.rules,
        "nodes": store.nodes,
    }
    return "{\n" + ",\n".join(f"{_compact(name)}:{_compact(part)}" for name, part in parts.items()) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write cloudgw/admission/schemas.json from the Go module.")
    parser.add_argument("--offline", action="store_true", help="only Go's own cache, no network")
    options = parser.parse_args()
    try:
        TARGET.write_text(build(offline=options.offline), encoding="utf-8")
    except Failure as failure:
        sys.exit(f"error: {failure}")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
