"""Is what was heard what a case expects? Answers to requests and connections, in the words of expect.yaml.

Called by `test_upstream` with what `asking` heard. Header names have no case, several values of one name are one list,
and blanks in values do not count, as in the upstream suite. This module must never look at anything but its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

Pairs = Sequence[tuple[str, str]]
KEYS = (
    "backend",
    "weights",
    "backend_headers",
    "status",
    "location",
    "closed",
    "grpc_status",
    "path",
    "host",
    "timeouts",
    "request_headers",
    "absent_request_headers",
    "response_headers",
    "absent_response_headers",
    "mirrors",
)


def differences(expected: Mapping[str, Any], heard: Mapping[str, Any]) -> list[str]:
    """One sentence per difference."""
    return [f"{key}: {said}" for key, wanted in expected.items() for said in _of(key, wanted, heard)]


def _of(key: str, wanted: Any, heard: Mapping[str, Any]) -> Iterator[str]:
    if key in ("backend", "weights"):
        yield from _weights({wanted: None} if key == "backend" else wanted, heard)
    elif key == "status":
        if heard["status"] not in (wanted if isinstance(wanted, list) else [wanted]):
            yield f"expected {wanted}, got {heard['status']} (backends {heard['weights']})"
    elif key == "location":
        if _url(wanted) != _url(heard["location"]):
            yield f"expected {wanted}, got {heard['location']!r}"
    elif key == "backend_headers":
        for backend, headers in wanted.items():
            yield from _headers(headers, _headers_of(backend, heard))
    elif key in ("request_headers", "absent_request_headers"):
        for given in heard["request_headers"].values() or [()]:
            yield from _headers(wanted, given) if key == "request_headers" else _absent(wanted, given)
    elif key == "response_headers":
        yield from _headers(wanted, heard["response_headers"])
    elif key == "absent_response_headers":
        yield from _absent(wanted, heard["response_headers"])
    elif key == "mirrors":
        yield from _mirrors(wanted, heard["mirrors"])
    elif wanted != heard[key]:
        yield f"expected {wanted!r}, got {heard[key]!r}"


def _weights(wanted: Mapping[str, int | None], heard: Mapping[str, Any]) -> Iterator[str]:
    """Weights count as shares of their sum; None stands for any. A backend may be named without its port."""
    given = {_named(name, wanted): weight for name, weight in heard["weights"].items()}
    if set(given) != set(wanted):
        yield f"expected {', '.join(wanted)}, got {', '.join(given) or 'none'} (status {heard['status']})"
        return
    for name, weight in wanted.items():
        total = sum(value or 0 for value in wanted.values())
        if weight is not None and given[name] * total != weight * sum(given.values()):
            yield f"{name}: expected {weight} of {total}, got {given[name]} of {sum(given.values())}"


def _named(name: str, wanted: Mapping[str, Any] | Sequence[str]) -> str:
    return name if name in wanted else name.rpartition(":")[0]


def _headers_of(backend: str, heard: Mapping[str, Any]) -> Pairs:
    found: dict[str, Pairs] = heard["request_headers"]
    return next((pairs for name, pairs in found.items() if _named(name, [backend]) == backend), ())


def _headers(wanted: Mapping[str, str | list[str]], given: Pairs) -> Iterator[str]:
    for name, value in wanted.items():
        have = ",".join(one for key, one in given if key.lower() == name.lower())
        good = [value] if isinstance(value, str) else value
        if have.replace(" ", "") not in [one.replace(" ", "") for one in good]:
            yield f"{name}: expected {value!r}, got {have!r}"


def _absent(names: Sequence[str], given: Pairs) -> Iterator[str]:
    for name in names:
        if any(key.lower() == name.lower() for key, _ in given):
            yield f"{name}: must not be there"


def _mirrors(wanted: Sequence[str | Mapping[str, Any]], given: Mapping[str, float]) -> Iterator[str]:
    full = dict((one, 100.0) if isinstance(one, str) else (one["to"], float(one["percent"])) for one in wanted)
    have = {_named(name, full): percent for name, percent in given.items()}
    if have != full:
        yield f"expected {full}, got {have}"


def _url(text: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(text)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme), parts.path
