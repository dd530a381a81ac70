"""What filters make of a path, of headers, and of a cross-origin request.

Called by `request`, and by tests that compare with what a cloud does. Each function is one filter of
https://gateway-api.sigs.k8s.io/reference/spec/ applied to plain values. This module must never look at a Routing.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloudgw.objects import CORS, HeaderModifier, PathModifier

Pairs = tuple[tuple[str, str], ...]
PORTS = {"http": "80", "https": "443"}


def path(modifier: PathModifier | None, prefix: str, before: str) -> str:
    """The path after a rewrite or redirect. prefix: of the PathPrefix match; its trailing slash and that of the
    replacement do not count (HTTPPathModifier, table of replacePrefixMatch)."""
    if modifier is None:
        return before
    if modifier.type == "ReplaceFullPath":
        return modifier.value or "/"
    rest = before[len(prefix.rstrip("/")) :]
    return modifier.value.rstrip("/") + rest or "/"


def headers(modifiers: Iterable[HeaderModifier | None], before: Pairs) -> Pairs:
    """Headers after each modifier in turn: what it removes, then what it sets, then what it adds. An added value is a
    pair of its own, which means the same as one more value after a comma (RFC 9110, section 5.3)."""
    pairs = before
    for modifier in modifiers:
        if modifier is None:
            continue
        gone = {name.lower() for name in modifier.remove} | {name.lower() for name, _ in modifier.set}
        pairs = tuple(pair for pair in pairs if pair[0].lower() not in gone) + modifier.set + modifier.add
    return pairs


def is_preflight(method: str, sent: Pairs) -> bool:
    """Whether a browser asks for permission, with a request that is not for the backend
    (https://fetch.spec.whatwg.org/#cors-preflight-request)."""
    return method == "OPTIONS" and bool(value(sent, "origin")) and bool(value(sent, "access-control-request-method"))


def cors(filter_: CORS, method: str, sent: Pairs) -> Pairs:
    """The headers that the filter adds to the response; none for an origin that is not allowed. Where everything is
    allowed, what was asked for is echoed: right with credentials and without (HTTPCORSFilter)."""
    origin = value(sent, "origin")
    if not origin or not any(origin_meets(allowed, origin) for allowed in filter_.allow_origins):
        return ()
    exposed = [name for name in filter_.expose_headers if name != "*" or not filter_.allow_credentials]
    found = [("Access-Control-Allow-Origin", origin)]
    found += [("Access-Control-Allow-Credentials", "true")] * filter_.allow_credentials
    found += [("Access-Control-Expose-Headers", ", ".join(exposed))] * bool(exposed)
    if is_preflight(method, sent):
        methods = _echoed(filter_.allow_methods, value(sent, "access-control-request-method"))
        names = _echoed(filter_.allow_headers, value(sent, "access-control-request-headers"))
        found += [("Access-Control-Allow-Methods", methods)] * bool(methods)
        found += [("Access-Control-Allow-Headers", names)] * bool(names)
        found.append(("Access-Control-Max-Age", str(filter_.max_age)))
    return tuple(found)


def origin_meets(allowed: str, origin: str) -> bool:
    """Whether an Origin is the allowed one. "*" in the host stands for one or more characters, dots too; a port that
    is not written is the scheme's (HTTPCORSFilter.allowOrigins)."""
    if allowed == "*":
        return True
    scheme, host, port = _parts(allowed)
    other_scheme, other_host, other_port = _parts(origin)
    if (scheme, port) != (other_scheme, other_port) or not other_host:
        return False
    if host.startswith("*"):
        return len(other_host) >= len(host) and other_host.endswith(host[1:])
    return host == other_host


def value(pairs: Pairs, name: str) -> str:
    """The value of a header, several of one name joined; "" when there is none. name: in lower case."""
    return ",".join(held for key, held in pairs if key.lower() == name)


def _echoed(allowed: tuple[str, ...], asked: str) -> str:
    return asked if "*" in allowed else ", ".join(allowed)


def _parts(origin: str) -> tuple[str, str, str]:
    scheme, _, rest = origin.lower().partition("://")
    host, _, port = rest.partition("]:") if rest.startswith("[") else rest.partition(":")
    return scheme, host, port or PORTS.get(scheme, "")
