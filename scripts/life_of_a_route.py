"""The sections of docs/life-of-a-route.md: one route, from YAML to the call that creates its rule, as it really is.

`documents.py` asks for each `section` by name. Nothing here is typed: every value is what the program holds at that
step, printed without the fields that have their defaults.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from cloudgw import pipeline, registry, wishes
from cloudgw.cli import clock as clocks
from cloudgw.graph import model
from cloudgw.objects import HTTPRoute
from cloudgw.plan import check, render_json
from cloudgw.provider import Placement
from cloudgw.routing import resolve
from cloudgw.sources import manifests
from cloudgw_local.aws import server

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "guide" / "first"
MANIFEST = FOLDER / "shop.yaml"
WIDTH = 100
OWNER = "first-steps"
PLACE = Placement("aws", "", "eu-central-1")


def section(name: str) -> str:
    """A fenced block."""
    language, text = sections()[name]
    return f"```{language}\n{text}\n```\n"


@functools.cache
def sections() -> Mapping[str, tuple[str, str]]:
    text = MANIFEST.read_text()
    route_yaml = next(part for part in text.split("---\n") if "kind: HTTPRoute" in part).strip()
    snapshot = manifests.load([str(MANIFEST)], complete=True).snapshot
    route = next(iter(snapshot.all(HTTPRoute)))
    resolution = resolve.resolve(snapshot)
    routing = resolution.gateways[0]
    entry = next(e for table in routing.tables for e in table.entries if "/web/" in e.key)
    survey = wishes.survey(snapshot, resolution, registry.by_parameters_kind)
    provider = registry.provider("aws")
    with server.serve(host="127.0.0.1", port=0, rate=60.0, stepped=True) as running, _environment(running.endpoint):
        clock = clocks.of_environment()
        connected = provider.connect(PLACE, clock.sleep)
        session = dataclasses.replace(connected, owner=OWNER, materials=snapshot.materials)

        def look() -> Any:
            began = clock.now()
            found = provider.list(session.read, wishes.scope(survey, PLACE), OWNER)
            return dataclasses.replace(found, placement=PLACE, began=began)

        def wish_of(inventory: Any) -> pipeline.Wish:
            observed = pipeline.observe(provider, inventory, OWNER)
            return wishes.wishes(survey, PLACE, provider, inventory, observed)[0][0]

        inventory = look()
        wish = wish_of(inventory)
        element = next(e for e in wish.desired if model.kind_of(e.address) == "rule")
        observed = pipeline.observe(provider, inventory, OWNER)
        plan = pipeline.plan_one(provider, PLACE, wish, observed, now=clock.now())
        document = render_json.document([plan], kinds={"aws": tuple(provider.kinds)})
        change = next(c for c in document["plans"][0]["changes"] if c["kind"] == "rule")
        pipeline.apply(
            provider, session, PLACE, wish_of, look, clock=clock, memory_=pipeline.Memory(), word=check.Word()
        )
        call = next(c for c in running.control.journal() if c["operation"] == "CreateRule")
        seen = next(e for e in pipeline.observe(provider, look(), OWNER) if model.kind_of(e.address) == "rule")
    kept = ("op", "address", "name", "position", "fields", "needs", "origins")
    return {
        "manifest": ("yaml", route_yaml),
        "snapshot": ("python", shown(route)),
        "routing": ("python", shown(entry)),
        "element": ("python", shown(element)),
        "change": ("json", compact({key: change[key] for key in kept})),
        "call": ("json", compact({key: call[key] for key in ("operation", "parameters", "outcome")})),
        "observed": ("python", shown(seen)),
    }


def _environment(endpoint: str) -> Any:
    from unittest import mock

    return mock.patch.dict("os.environ", registry.local("aws").env(endpoint))


def shown(value: Any, indent: int = 0) -> str:
    """Python, without fields that have their defaults, wrapped where a line would be long."""
    flat = _flat(value)
    if len(flat) + indent <= WIDTH:
        return flat
    inner = " " * (indent + 4)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [f"{name}={shown(item, indent + 4)}" for name, item in _fields(value)]
        return _block(f"{type(value).__name__}(", parts, ")", inner, indent)
    if isinstance(value, Mapping):
        parts = [f"{key!r}: {shown(item, indent + 4)}" for key, item in value.items()]
        return _block("{", parts, "}", inner, indent)
    if isinstance(value, tuple):
        return _block("(", [shown(item, indent + 4) for item in value], ")", inner, indent)
    return flat


def compact(value: Any, indent: int = 0) -> str:
    """JSON, with everything on one line that fits there."""
    flat = json.dumps(value, ensure_ascii=False).replace(f"{FOLDER}/", "")
    if len(flat) + indent <= WIDTH or not isinstance(value, dict | list):
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, list):
        parts = [compact(item, indent + 2) for item in value]
        opening, closing = "[", "]"
    else:
        parts = [f"{json.dumps(key)}: {compact(item, indent + 2)}" for key, item in value.items()]
        opening, closing = "{", "}"
    return f"{opening}\n" + ",\n".join(f"{inner}{part}" for part in parts) + f"\n{' ' * indent}{closing}"


def _block(opening: str, parts: list[str], closing: str, inner: str, indent: int) -> str:
    lines = "".join(f"{inner}{part},\n" for part in parts)
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def _flat(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(f'{name}={_flat(item)}' for name, item in _fields(value))})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_flat(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(_flat(item) for item in value) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, str):
        return repr(value.replace(f"{FOLDER}/", ""))
    return repr(value)


def _fields(value: Any) -> list[tuple[str, Any]]:
    found = []
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if item != default and (item or not isinstance(item, str | tuple | Mapping)):
            found.append((field.name, item))
    return found
