"""Small values that the shapes share: links, header edits, durations, percentages, and members that are not as usual.

The `shapes` modules, `document*` and builds call it. Pure. The API takes full and partial links and shows full
ones, of whichever version and host it likes (cloud.google.com/compute/docs/reference/rest/v1/urlMaps), so that links
are compared by their path and never as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from cloudgw.graph import model
from cloudgw_gcp import names

Json: TypeAlias = dict[str, Any]
Until: TypeAlias = Literal["exists", "ready", "serving"]
IdOf: TypeAlias = Callable[[model.Ref], str]
"""Ref -> path "projects/p/global/backendServices/x"; raises Failed where that is not known."""
RefOf: TypeAlias = Callable[[str, Until], model.Ref | str]
"""Path, and what the referrer needs of it -> the Ref of our element, or the path where it is none of ours."""

LINKS = frozenset(("service", "defaultService", "backendService", "errorService"))  # members of a URL map
MOVED = "MOVED_PERMANENTLY_DEFAULT"  # the redirectResponseCode that need not be said
_NANOS = 9  # digits
_DECIMALS = 4  # of a percentage: the finest share a proxy tells is a millionth (envoyproxy.io/docs/envoy/latest/
# api-v3/type/v3/percent.proto)


def link(value: model.Ref | str, id_of: IdOf) -> str:
    """The full link of a Ref, or of a path of others."""
    return names.link_of(id_of(value) if isinstance(value, model.Ref) else value)


def percent(part: int, whole: int) -> str:
    """ "33.3333", and never 0 or 100 for a share that is neither."""
    millionths = round(part * 1_000_000 / whole)
    if 0 < part < whole:
        millionths = min(max(millionths, 1), 999_999)
    return read_percent(millionths / 10_000)


def read_percent(value: Any) -> str:
    """Of a number as the API shows it."""
    return f"{float(value or 0):.{_DECIMALS}f}".rstrip("0").rstrip(".")


def write_duration(seconds: str) -> Json:
    """ "30s" or "0.5s" -> a Duration, whose seconds are text because they are an int64."""
    whole, _, fraction = seconds.removesuffix("s").partition(".")
    found: Json = {"seconds": whole or "0"}
    if int(fraction or 0):
        found["nanos"] = int(fraction.ljust(_NANOS, "0"))
    return found


def read_duration(shown: Mapping[str, Any]) -> str:
    nanos = str(int(shown.get("nanos") or 0)).rjust(_NANOS, "0").rstrip("0")
    return f"{int(shown.get('seconds') or 0)}{'.' if nanos else ''}{nanos}s"


def write_edits(request: model.Spec | None, response: model.Spec | None) -> Json:
    """A headerAction. `replace` is always said: left out it means something else with a variable than without."""
    return {
        f"{side}HeadersTo{verb}": content
        for side, edits in (("request", request), ("response", response))
        for verb, content in (("Add", _added(edits)), ("Remove", list((edits or {}).get("remove") or ())))
        if content
    }


def _added(edits: model.Spec | None) -> list[Json]:
    return [
        {"headerName": name, "headerValue": value, "replace": replace}
        for member, replace in (("set", True), ("add", False))
        for name, value in (edits or {}).get(member) or ()
    ]


def read_edits(action: Mapping[str, Any], side: str) -> Json | None:
    """side: "request" or "response". `replace` not shown counts as false, which APIs like to leave out."""
    added: Sequence[Mapping[str, Any]] = action.get(f"{side}HeadersToAdd") or ()
    pairs = [(str(h.get("headerName") or ""), str(h.get("headerValue") or ""), bool(h.get("replace"))) for h in added]
    found: Json = {
        "set": tuple((name, value) for name, value, replace in pairs if replace),
        "add": tuple((name, value) for name, value, replace in pairs if not replace),
        "remove": tuple(action.get(f"{side}HeadersToRemove") or ()),
    }
    return found if any(found.values()) else None


def normal(value: Any, member: str = "") -> Any:
    """What a part of a URL map says, whoever spelled it: links by their paths, and without members that mean nothing
    (null, "", false, 0, empty, the default status of a redirect), which the API may fill in or leave out."""
    if isinstance(value, Mapping):
        found = {name: normal(item, name) for name, item in sorted(value.items())}
        return {name: item for name, item in found.items() if item and item != MOVED}
    if isinstance(value, list | tuple):
        return [normal(item, member) for item in value]
    if member in LINKS and isinstance(value, str):
        return names.path_of(value)
    return round(value, _DECIMALS) if isinstance(value, float) else value


def unlike(shown: Mapping[str, Any], usual: Mapping[str, Any]) -> Json:
    """The members that are not as usual. What is not shown is as usual."""
    return {member: shown[member] for member, value in usual.items() if shown.get(member) not in (None, "", value)}


def told(members: Mapping[str, Any]) -> str:
    """Canonical JSON, "" for none: the value of a field `extra`."""
    return json.dumps(members, sort_keys=True, separators=(",", ":")) if members else ""


def forward(*references: model.Ref) -> Json:
    """An action that shares requests evenly."""
    shares = tuple({"to": ref, "weight": 1, "request": None, "response": None} for ref in references)
    return {"type": "forward", "shares": shares, "abort": None}


def fail(status: int) -> Json:
    return {"type": "fail", "status": status}
