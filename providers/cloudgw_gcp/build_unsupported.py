"""What a rule asks for that is not done on Google Cloud: which of it answers an error, what is left out.

`build_actions` asks for each entry. Pure. Every text names the field, the reason and what to do; whoever asks says what
becomes of the requests. Must never let something pass because part of it could be honoured.
cloud.google.com/load-balancing/docs/https/traffic-management-global, .../features, .../backend-service (session
affinity, timeouts), cloud.google.com/compute/docs/reference/rest/v1/urlMaps.
"""

from __future__ import annotations

import re

from cloudgw.objects import SessionPersistence, Timeouts, Unknown
from cloudgw.routing import ir

PLAIN = ("HTTP", "WS")  # backend protocols that are spoken
LONGEST = 86_400  # seconds; load-balancing/docs/https/request-distribution: longer ones are cut by maintenance
# backendServices, affinityCookieTtlSec; how long a strong cookie may last is not documented, and is not taken for more
LONGEST_COOKIE = 1_209_600
_COOKIE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 6265, section 4.1.1: a token
DEFAULT_COOKIE = "GCLB"  # the name of cookies that Google makes (backend-service, generated cookie affinity)
NOT_COPIED = "requests are not copied on Google Cloud yet"
GRPC = (
    "UnsupportedKind",
    "GRPCRoute: backend services that speak gRPC are not made on Google Cloud yet; use another cloud for this route",
)


def of_action(action: ir.Forward | ir.Redirect) -> tuple[str, str] | None:
    """(code, reason) why a rule is not honoured; None when it is."""
    found: list[str] = []
    if isinstance(action, ir.Forward) and action.edits.mirrors:
        found.append(f"RequestMirror: {NOT_COPIED}; remove the filter")
    if isinstance(action, ir.Redirect) and action.response is not None:
        found.append("ResponseHeaderModifier: a URL map changes headers of backends only; remove the filter")
    if action.cors is not None:
        found.append("CORS: preflights are not answered on Google Cloud yet; let the backend do it, and remove it")
    if found:
        return "UnsupportedFilter", "; ".join(f"filters, {one}" for one in found)
    if isinstance(action, ir.Redirect):
        return None
    if message := _session(action):
        return "SessionNotExpressible", message
    return None


def _session(action: ir.Forward) -> str:
    """urlMaps, WeightedBackendService: a session decides nothing where weights do."""
    session = action.session
    if session is None:
        return ""
    if session.type != "Cookie":
        return f"sessionPersistence.type: {session.type}; only cookies are made on Google Cloud; use Cookie"
    if session.idle_timeout:
        return "sessionPersistence.idleTimeout: a cookie of Google has one lifetime; use absoluteTimeout"
    if session.absolute_timeout % 1000:
        return "sessionPersistence.absoluteTimeout: a cookie of Google lasts whole seconds; write whole seconds"
    if bool(session.absolute_timeout) != (session.lifetime == "Permanent"):
        return (
            "sessionPersistence: a cookie of Google lasts for absoluteTimeout, or as long as the client's session; "
            "set cookieConfig.lifetimeType Permanent together with absoluteTimeout, or neither"
        )
    if session.name and not _COOKIE.fullmatch(session.name):
        return (
            f"sessionPersistence.sessionName: {session.name!r} is no name of a cookie; use letters, digits and "
            "! # $ % & ' * + - . ^ _ ` | ~"
        )
    if session.absolute_timeout > LONGEST_COOKIE * 1000:
        return (
            f"sessionPersistence.absoluteTimeout: a cookie of Google lasts {LONGEST_COOKIE} s (two weeks) at most; "
            "write a shorter one"
        )
    if len(action.shares) > 1:
        return (
            f"sessionPersistence: with {len(action.shares)} backendRefs weights decide on Google Cloud, not sessions; "
            "give all backendRefs but one the weight 0"
        )
    return ""


def cookie(session: SessionPersistence) -> tuple[str, int]:
    """Name and lifetime in seconds, 0 = the client's session."""
    return session.name or DEFAULT_COOKIE, session.absolute_timeout // 1000


def limits(timeouts: Timeouts | None) -> list[int]:
    """Milliseconds, of those that are written and not 0."""
    written = (timeouts.request, timeouts.backend_request) if timeouts else ()
    return [value for value in written if value]


def of_share(share: ir.Share, backend: ir.Backend | Unknown | None) -> tuple[str, str] | None:
    """(code, reason) why a backend gets nothing of its share; None when it does."""
    edits = share.edits or ir.Edits()
    found: list[str] = []
    if edits.rewrite is not None:
        found.append("URLRewrite: a URL map does it for all backends of a rule; write it in the rule's filters")
    if edits.mirrors:
        found.append(f"RequestMirror: {NOT_COPIED}; remove the filter")
    if found:
        return "UnsupportedFilter", "; ".join(f"filters, {one}" for one in found)
    if not isinstance(backend, ir.Backend):
        return None
    if backend.tls is not None:
        return (
            "BackendTLS",
            f"{getattr(backend.tls, 'origin', 'BackendTLSPolicy')}: TLS to backends is not checked on Google Cloud "
            "yet; use another cloud for this Service, or remove the policy",
        )
    if backend.protocol not in PLAIN:
        return (
            "BackendProtocol",
            f"appProtocol {backend.protocol}: only HTTP/1.1 is spoken to backends on Google Cloud yet; use a port "
            "that does",
        )
    return None


def degraded(action: ir.Forward) -> list[str]:
    """What requests are forwarded without, one text for each field."""
    found: list[str] = []
    if action.retry is not None:
        found.append(
            "retry: Google repeats requests by its own rules, and those of a rule are not made yet; requests are "
            "forwarded without it"
        )
    if unlimited(action):
        found.append(f"timeouts: Google has no request without a limit; it is {LONGEST} s")
    return found


def unlimited(action: ir.Forward) -> bool:
    """Whether the rule asks for requests that may last for ever."""
    return action.timeouts not in (None, Timeouts()) and not limits(action.timeouts)
