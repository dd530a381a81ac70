"""What a rule asks for that an Application Gateway does not do: which of it answers an error, what is left out.

`build_actions` asks for each entry. Pure. Every text names the field, the reason and what to do; whoever asks says what
becomes of the requests. Must never let something pass because part of it could be honoured.
learn.microsoft.com/azure/application-gateway/ configuration-http-settings (one timeout in whole seconds, affinity by a
session cookie of the gateway's own, HTTP/1.1 to backends), application-gateway-components, ssl-overview.
"""

from __future__ import annotations

from cloudgw.objects import SessionPersistence, Timeouts, Unknown
from cloudgw.routing import ir

PLAIN = ("HTTP", "WS")  # backend protocols that need no TLS
SECURE = ("HTTPS", "WSS")
LONGEST = 86_400  # seconds; configuration-http-settings, request timeout
DEFAULT_COOKIE = "ApplicationGatewayAffinity"


def of_action(action: ir.Forward | ir.Redirect) -> tuple[str, str] | None:
    """(code, reason) why a rule is not honoured; None when it is."""
    found: list[str] = []
    if isinstance(action, ir.Forward) and action.edits.mirrors:
        found.append("RequestMirror: an Application Gateway sends a request once; remove the filter")
    if isinstance(action, ir.Redirect) and action.response is not None:
        found.append(
            "ResponseHeaderModifier: an Application Gateway rewrites no redirect of its own; remove the filter"
        )
    if action.cors is not None:
        found.append("CORS: an Application Gateway answers no preflight; let the backend do it, and remove the filter")
    if found:
        return "UnsupportedFilter", "; ".join(f"filters, {one}" for one in found)
    if isinstance(action, ir.Redirect):
        return None
    if message := _timeouts(action.timeouts):
        return "TimeoutNotExpressible", message
    if message := _session(action.session):
        return "SessionNotExpressible", message
    return None


def _timeouts(timeouts: Timeouts | None) -> str:
    for field, value in (
        ("request", timeouts.request if timeouts else None),
        ("backendRequest", timeouts.backend_request if timeouts else None),
    ):
        if value and (value % 1000 or value > LONGEST * 1000):
            return (
                f"timeouts.{field}: {value} ms; an Application Gateway has whole seconds from 1 to {LONGEST}; "
                "write whole seconds"
            )
    return ""


def _session(session: SessionPersistence | None) -> str:
    if session is None:
        return ""
    if session.type != "Cookie":
        return f"sessionPersistence.type: {session.type}; an Application Gateway knows a cookie only; use Cookie"
    if session.absolute_timeout or session.idle_timeout or session.lifetime != "Session":
        return (
            "sessionPersistence: the cookie of an Application Gateway lasts as long as the client's session; "
            "remove lifetime and timeouts"
        )
    return ""


def limits(timeouts: Timeouts | None) -> list[int]:
    """Milliseconds, of those that are written and not 0."""
    written = (timeouts.request, timeouts.backend_request) if timeouts else ()
    return [value for value in written if value]


def of_share(share: ir.Share, backend: ir.Backend | Unknown | None) -> tuple[str, str] | None:
    """(code, reason) why a backend gets nothing; None when it does."""
    if share.edits is not None and share.edits != ir.Edits():
        edits = share.edits
        given = {
            "URLRewrite": edits.rewrite,
            "RequestHeaderModifier": edits.request,
            "ResponseHeaderModifier": edits.response,
            "RequestMirror": edits.mirrors or None,
        }
        kinds = ", ".join(kind for kind, value in given.items() if value is not None)
        fix = "remove RequestMirror, and write the others in the rule's filters" if edits.mirrors else "filter the rule"
        return (
            "UnsupportedFilter",
            f"filters, {kinds}: an Application Gateway does nothing for one backend of a rule; {fix}",
        )
    if not isinstance(backend, ir.Backend):
        return None
    if backend.protocol not in (*PLAIN, *SECURE):
        return (
            "BackendProtocol",
            f"appProtocol {backend.protocol}: an Application Gateway speaks HTTP/1.1 to backends; use a port that does",
        )
    tls = backend.tls
    if isinstance(tls, ir.BackendTLS) and tls.alt_names:
        return (
            "BackendTLS",
            f"{tls.origin}: validation.subjectAltNames: an Application Gateway compares the certificate with one host "
            "name; use validation.hostname alone",
        )
    if tls is None and backend.protocol in SECURE:
        return (
            "BackendProtocol",
            f"appProtocol {backend.protocol} asks for TLS, and nothing says how the certificate is checked; "
            "make a BackendTLSPolicy for the Service, or use a port that speaks HTTP",
        )
    return None


def degraded(action: ir.Forward) -> list[str]:
    """What requests are forwarded without, one text for each field."""
    found: list[str] = []
    if action.retry is not None:
        found.append(
            "retry: an Application Gateway repeats requests by its own rules; requests are forwarded without it"
        )
    if action.timeouts not in (None, Timeouts()) and not limits(action.timeouts):
        found.append(f"timeouts: an Application Gateway has no request without a limit; it is {LONGEST} s")
    return found
