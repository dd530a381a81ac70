"""What the filters of an HTTPRoute or GRPCRoute do to one request and its response.

Called by `specification`. Repeats the documentation of HTTPHeaderFilter, HTTPPathModifier, HTTPRequestRedirectFilter,
HTTPCORSFilter (and GEP-1767). Must never choose a rule or look at backends.
"""

from __future__ import annotations

import re

from tests.oracle import matches
from tests.oracle.matches import Request
from tests.oracle.references import Manifest

WELL_KNOWN = {"http": 80, "https": 443}


def named(filters: list[Manifest], kind: str, field: str) -> list[Manifest]:
    """The contents of all filters of a type."""
    return [one[field] for one in filters if one["type"] == kind]


def modified(headers: dict[str, str], change: Manifest) -> dict[str, str]:
    """Headers (lower-case name to value) after one HTTPHeaderFilter: set overwrites, add appends after a ",", remove
    removes. Of several entries of one list for a name the first one counts."""
    result = dict(headers)
    for name, value in _first_values(change.get("set") or []).items():
        result[name] = value
    for name, value in _first_values(change.get("add") or []).items():
        result[name] = f"{result[name]},{value}" if name in result else value
    for name in change.get("remove") or []:
        result.pop(name.lower(), None)
    return result


def _first_values(entries: list[Manifest]) -> dict[str, str]:
    first: dict[str, str] = {}
    for entry in entries:
        first.setdefault(entry["name"].lower(), entry["value"])
    return first


def modified_path(path: str, modifier: Manifest, match: Manifest) -> str:
    """The path after a HTTPPathModifier; match: the HTTPRouteMatch that held, whose prefix is replaced."""
    if modifier["type"] == "ReplaceFullPath":
        return _rooted(modifier["replaceFullPath"])
    if modifier["type"] == "ReplacePrefixMatch":
        return replaced_prefix(path, matches.path_match(match)[1], modifier["replacePrefixMatch"])
    raise ValueError(f"path modifier type {modifier['type']!r} is not in the specification")


def replaced_prefix(path: str, prefix: str, replacement: str) -> str:
    """The table at HTTPPathModifier.replacePrefixMatch: trailing slashes of prefix and replacement do not count."""
    rest = path[len(matches.without_slash(prefix)) :]
    return _rooted(matches.without_slash(replacement) + rest)


def _rooted(path: str) -> str:
    return path if path.startswith("/") else "/" + path


def location(redirect: Manifest, request: Request, secure: bool, match: Manifest) -> str:
    """The Location header of a RequestRedirect. secure: the listener is HTTPS."""
    own_scheme = "https" if secure else "http"
    scheme = redirect.get("scheme") or own_scheme
    host = redirect.get("hostname") or _name_as_sent(request.host)
    port = redirect.get("port")
    if port is None:
        port = WELL_KNOWN[scheme] if redirect.get("scheme") else request.port
    path = modified_path(request.path, redirect["path"], match) if redirect.get("path") else request.path
    query = "&".join(f"{name}={value}" for name, value in request.query)
    return f"{scheme}://{host}{'' if port == WELL_KNOWN[scheme] else f':{port}'}{path}{'?' + query if query else ''}"


def _name_as_sent(host: str) -> str:
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def is_preflight(request: Request) -> bool:
    headers = matches.joined(request.headers)
    return request.method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_headers(cors: Manifest, request: Request) -> dict[str, str]:
    """What a preflight is answered; {} when its Origin is not allowed."""
    headers = matches.joined(request.headers)
    answer = _shared_headers(cors, headers.get("origin"))
    if not answer:
        return {}
    asked_method = headers["access-control-request-method"]
    methods = _listed(cors.get("allowMethods") or [], asked_method, _credentials(cors))
    if methods:
        answer["access-control-allow-methods"] = methods
    asked_headers = headers.get("access-control-request-headers")
    if asked_headers is not None:
        names = _listed(cors.get("allowHeaders") or [], asked_headers, _credentials(cors))
        if names:
            answer["access-control-allow-headers"] = names
    answer["access-control-max-age"] = str(cors.get("maxAge") or 5)
    return answer


def response_headers(cors: Manifest, request: Request) -> dict[str, str]:
    """What is added to the response of an actual request; {} when it has no Origin or one that is not allowed."""
    answer = _shared_headers(cors, matches.joined(request.headers).get("origin"))
    exposed = cors.get("exposeHeaders") or []
    if _credentials(cors):
        exposed = [name for name in exposed if name != "*"]
    if answer and exposed:
        answer["access-control-expose-headers"] = ",".join(exposed)
    return answer


def _shared_headers(cors: Manifest, origin: str | None) -> dict[str, str]:
    allowed = cors.get("allowOrigins") or []
    if origin is None or not any(origin_allowed(one, origin) for one in allowed):
        return {}
    if _credentials(cors):
        return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
    return {"access-control-allow-origin": "*" if "*" in allowed else origin}


def _credentials(cors: Manifest) -> bool:
    return cors.get("allowCredentials") is True


def _listed(allowed: list[str], asked: str, credentials: bool) -> str:
    """The value of an Allow-Methods or Allow-Headers header; with credentials a "*" becomes what was asked for."""
    if "*" in allowed:
        return asked if credentials else "*"
    return ",".join(allowed)


def origin_allowed(pattern: str, origin: str) -> bool:
    """Scheme, host and port must fit; `*` in the host stands for any text to the left, alone for every host; a port
    that is not written is the well-known one."""
    if pattern == "*":
        return True
    wanted, given = _origin(pattern), _origin(origin)
    if wanted is None or given is None or wanted[0] != given[0] or wanted[2] != given[2]:
        return False
    if "*" not in wanted[1]:
        return given[1] == wanted[1]
    return re.fullmatch(".+".join(re.escape(part) for part in wanted[1].split("*")), given[1]) is not None


def _origin(text: str) -> tuple[str, str, int] | None:
    found = re.fullmatch(r"(https?)://([^/:]+)(?::([0-9]+))?", text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    return scheme, host, int(port) if port else WELL_KNOWN[scheme]
