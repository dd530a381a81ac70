"""Golden cases of routing: tests/golden/routing/<case>/in.yaml (and requests.txt) become routing.yaml.

`python -m tests.golden.routing.writer` writes every routing.yaml anew; test_golden.py fails where one differs. A line
of requests.txt is `METHOD scheme://host[:port]/path?query` and then headers as `Name=value`. Lines and files are left
out, so that moving an object in its file changes nothing. This module must never be imported by cloudgw.
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from cloudgw.objects import GatewayClass, Note, Origin, Unknown
from cloudgw.routing import ir, matches, request, resolve
from cloudgw.sources import manifests

HERE = Path(__file__).parent


def cases() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("*/in.yaml"))


def render(case: Path) -> str:
    """The text of a case's routing.yaml."""
    complete = "# cloudgw: complete" in (case / "in.yaml").read_text()
    loaded = manifests.load([str(case / "in.yaml")], complete=complete)
    resolution = resolve.resolve(loaded.snapshot)
    document: dict[str, Any] = {}
    said = [_note(note, case) for note in (*loaded.errors, *loaded.notes, *resolution.notes)]
    if said:
        document["notes"] = said
    document["gateways"] = [_routing(routing, case) for routing in resolution.gateways]
    requests = case / "requests.txt"
    if requests.exists():
        document["answers"] = {
            line: _answer(request.answer(resolution.gateways[0], parse(line)))
            for line in requests.read_text().splitlines()
            if line
        }
    return yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


def parse(line: str) -> request.Request:
    method, url, *headers = shlex.split(line)
    parts = urlsplit(url)
    return request.Request(
        port=parts.port or {"http": 80, "https": 443}[parts.scheme],
        method=method,
        host=parts.hostname or "",
        path=parts.path or "/",
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        headers=tuple((header.partition("=")[0], header.partition("=")[2]) for header in headers),
    )


def _note(note: Note, case: Path) -> str:
    return f"{note.level} {note.code}: {note.message}".replace(f"{case}/", "")


def _routing(routing: ir.Routing, case: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "gateway": routing.owner,
        "class": routing.gateway_class.meta.name
        if isinstance(routing.gateway_class, GatewayClass)
        else _plain(routing.gateway_class),
        "parameters": _plain(routing.parameters, leave_out=("meta",)),
        "tables": [_table(table) for table in routing.tables],
        "backends": {str(key): _plain(backend, leave_out=("key",)) for key, backend in routing.backends.items()},
        "known": ["/".join(key) for key in routing.known],
        "complete": routing.complete,
    }
    if routing.incomplete:
        found["incomplete"] = list(routing.incomplete)
    if routing.notes:
        found["notes"] = [_note(note, case) for note in routing.notes]
    return found


def _table(table: ir.Table) -> dict[str, Any]:
    entries = []
    for entry in table.entries:
        found: dict[str, Any] = {
            "key": entry.key,
            "host": entry.hostname or "*",
            "match": matches.describe(entry.match),
            "action": _plain(entry.action),
            "origin": _origin(entry.origin),
        }
        if entry.behind:
            found["behind"] = entry.behind
        if entry.unknown:
            found["unknown"] = entry.unknown.reason
        entries.append(found)
    listeners = [_plain(listener, leave_out=("owner", "origin")) for listener in table.listeners]
    return {"port": table.port, "protocol": table.protocol, "listeners": listeners, "entries": entries}


def _answer(answer: request.Answer) -> str:
    backends = ", ".join(f"{to} x{weight}" for to, weight in answer.backends)
    parts = [answer.kind, str(answer.status or ""), answer.location, backends]
    if answer.kind == "forward":
        parts.append(f"as {answer.host}{answer.path}")
    parts += [f"({answer.reason})" if answer.reason else "", f"[{answer.entry}]" if answer.entry else ""]
    return " ".join(part for part in parts if part)


def _origin(origin: Origin) -> str:
    return f"{origin} {origin.path}".rstrip()


def _plain(value: Any, leave_out: tuple[str, ...] = ()) -> Any:
    if isinstance(value, Unknown):
        return f"Unknown: {value.reason}"
    if isinstance(value, Origin):
        return _origin(value)
    if isinstance(value, ir.BackendKey):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        if isinstance(value, ir.Forward | ir.Redirect | ir.Respond):
            found["is"] = type(value).__name__
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if item != field.default and field.name not in (*leave_out, "file", "line"):
                found[field.name] = _plain(item)
        return found
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def main() -> int:
    for case in cases():
        text = render(case)
        target = case / "routing.yaml"
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
