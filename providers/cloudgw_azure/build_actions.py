"""What a rule answers on an Application Gateway: one pool with its settings, a redirect, or one of two fixed answers.

`build_rules` asks for each entry, before it is known on which hosts the entry answers. Pure. An Application Gateway has
no fixed answers: 404 is the not-found backend of the parameters, every other error an empty pool, which answers 502
(learn.microsoft.com/azure/application-gateway/http-response-codes). What cannot be honoured gets the empty pool on
exactly its own match and says so. Must never send a part of the requests to a backend that was meant for another part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cloudgw.building import claims
from cloudgw.graph import model
from cloudgw.objects import Note, Unknown
from cloudgw.routing import ir
from cloudgw_azure import build_rewrites, build_unsupported, names

DEFAULT_TIMEOUT = 30  # seconds
STATUSES = {301: "Permanent", 302: "Found", 303: "SeeOther", 307: "Temporary"}  # redirect-overview
NOT_FOUND: Literal["not-found"] = "not-found"  # what nobody answers
ERROR: Literal["none"] = "none"  # the empty pool: 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What one rule asks of the settings of its backend. timeout: seconds; cookie: name, "" = no affinity; host: as
    the backend sees it, "" = as the client sent it."""

    timeout: int = DEFAULT_TIMEOUT
    cookie: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """To a backend. rewrites: rules of a rewrite set, () for none."""

    backend: ir.BackendKey
    variant: Variant
    rewrites: tuple[build_rewrites.Rule, ...] = ()


To: TypeAlias = Send | ir.Redirect | Literal["not-found", "none"] | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """to: equal for equal answers, but for a redirect on hosts where it cannot be made."""

    to: To
    notes: tuple[Note, ...] = ()


def pool_logical(key: ir.BackendKey) -> str:
    return names.logical(key.namespace, key.name, str(key.port))


def pool_address(owner: str, key: ir.BackendKey) -> model.Address:
    return model.address(owner, names.PROVIDER, "pool", pool_logical(key))


def settings_logical(key: ir.BackendKey, variant: Variant) -> str:
    """The plain ones have the pool's name: they are always made, and probes of pools that nobody uses yet need them."""
    if variant == Variant():
        return pool_logical(key)
    digest = model.hash_of((variant.timeout, variant.cookie, variant.host))[:8]
    return names.logical(key.namespace, key.name, str(key.port), f"v{digest}")


def answer(entry: ir.Entry, routing: ir.Routing) -> Answer:
    action = entry.action
    if isinstance(action, ir.Respond):
        return _respond(action, entry)
    if isinstance(action, Unknown):
        return Answer(to=action)
    if (found := build_unsupported.of_action(action)) is not None:
        return refused(*found, entry)
    if isinstance(action, ir.Redirect):
        return _redirect(action, entry)
    return _forward(action, entry, routing)


def refused(code: str, message: str, entry: ir.Entry, refuses: Literal["share", "rule"] = "rule") -> Answer:
    said = claims.note("warning", code, f"{message}; these requests are answered with 502", entry, refuses)
    return Answer(to=ERROR, notes=(said,))


def _respond(action: ir.Respond, entry: ir.Entry) -> Answer:
    if action.status == 404:
        return Answer(to=NOT_FOUND)
    message = (
        f"{action.reason or 'this rule'}: an Application Gateway answers 502 in place of {action.status}, because it "
        "has no fixed answers"
    )
    return Answer(to=ERROR, notes=(claims.note("info", "StatusIs502", message, entry),))


def _forward(action: ir.Forward, entry: ir.Entry, routing: ir.Routing) -> Answer:
    for share in action.shares:
        if isinstance(share.to, Unknown):
            return Answer(to=share.to)
    if all(isinstance(share.to, int) for share in action.shares):
        return Answer(to=ERROR)  # `resolve` said why
    if len(action.shares) > 1:
        message = (
            f"backendRefs: {len(action.shares)} shares of the requests; a path rule of an Application Gateway sends "
            "all requests to one backend; give all backendRefs but one the weight 0"
        )
        return refused("TooManyBackends", message, entry)
    share = action.shares[0]
    assert isinstance(share.to, ir.BackendKey)
    backend = routing.backends.get(share.to)
    if isinstance(backend, ir.Backend) and isinstance(backend.tls, Unknown):
        return Answer(to=backend.tls)
    if (found := build_unsupported.of_share(share, backend)) is not None:
        return refused(found[0], f"{claims.backend_ref(share)}: {found[1]}", entry, "share")
    try:
        rewrites = build_rewrites.rules(action.edits, entry.match.path.value)
    except build_rewrites.Refused as error:
        return refused("RewriteNotExpressible", str(error), entry)
    variant = Variant(
        timeout=_timeout(action),
        cookie=(action.session.name or build_unsupported.DEFAULT_COOKIE) if action.session else "",
        host=action.edits.rewrite.hostname if action.edits.rewrite else "",
    )
    notes = tuple(claims.note("warning", "NotHonoured", said, entry) for said in build_unsupported.degraded(action))
    return Answer(to=Send(backend=share.to, variant=variant, rewrites=rewrites), notes=notes)


def _timeout(action: ir.Forward) -> int:
    """An Application Gateway waits for a backend's answer once: of two limits the shorter one decides."""
    if limits := build_unsupported.limits(action.timeouts):
        return min(limits) // 1000
    explicit = action.timeouts is not None and action.timeouts != type(action.timeouts)()
    return build_unsupported.LONGEST if explicit else DEFAULT_TIMEOUT


def _redirect(action: ir.Redirect, entry: ir.Entry) -> Answer:
    """What no host changes; `build_maps` looks at the host."""
    if action.status not in STATUSES:
        message = (
            f"filters, RequestRedirect: statusCode {action.status}; an Application Gateway has "
            f"{', '.join(map(str, STATUSES))}; use one of them"
        )
        return refused("RedirectStatus", message, entry)
    if action.path_type == "ReplacePrefixMatch" and action.path.rstrip("/") != entry.match.path.value.rstrip("/"):
        message = (
            "filters, RequestRedirect, path: ReplacePrefixMatch; a redirect of an Application Gateway keeps the path "
            "whole or replaces it whole; use ReplaceFullPath"
        )
        return refused("RedirectNotExpressible", message, entry)
    if any(character in action.path for character in "?#"):
        message = f"filters, RequestRedirect, path: {action.path!r} holds a character that ends a path; remove it"
        return refused("RedirectNotExpressible", message, entry)
    return Answer(to=action)
