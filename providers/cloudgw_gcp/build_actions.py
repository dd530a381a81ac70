"""What a rule answers on a Google load balancer: backends with weights, a redirect, or a status.

`build_rules` asks for each entry, before it is known on which hosts the entry answers. Pure. A status is an abort of
the requests of a rule, the share of an error an abort of that part of them
(cloud.google.com/load-balancing/docs/https/traffic-management-global, fault injection). What cannot be honoured answers
500 on exactly its own match and says so. Must never send a part of the requests to a backend that was meant for another
part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cloudgw.building import claims, scaling
from cloudgw.graph import model
from cloudgw.objects import Note, PathModifier, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_rewrites, build_unsupported, names, shapes_values

HIGHEST_WEIGHT = 1000  # urlMaps, WeightedBackendService: 0 to 1000
STATUSES = (301, 302, 303, 307, 308)  # urlMaps, HttpRedirectAction
WELL_KNOWN = {"HTTP": 80, "HTTPS": 443}
NONE = "none"  # the backend service without endpoints that aborted requests are named for


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What one rule asks of its backend service. cookie: name and lifetime in seconds."""

    affinity: str = "NONE"
    cookie: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    backend: ir.BackendKey
    weight: int
    request: build_rewrites.Edits | None = None
    response: build_rewrites.Edits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """To backends. steps: the rules that it takes; abort: status and percentage of the requests that get an error;
    timeout: "30s", None = the backend service's."""

    shares: tuple[Share, ...]
    variant: Variant = Variant()
    abort: tuple[int, str] | None = None
    host: str | None = None
    steps: tuple[build_rewrites.Step, ...] = (build_rewrites.WHOLE,)
    request: build_rewrites.Edits | None = None
    response: build_rewrites.Edits | None = None
    timeout: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A redirect. host None: that of the request. keeps: the port of the request's host is shown."""

    host: str | None
    https: bool
    code: int
    steps: tuple[build_rewrites.Step, ...]
    keeps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Every request gets this status."""

    status: int


To: TypeAlias = Send | Lead | Fail | Unknown
NOT_FOUND = Fail(status=404)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """to: equal for equal answers, but for a redirect on hosts where it cannot be made."""

    to: To
    notes: tuple[Note, ...] = ()


def service_logical(key: ir.BackendKey, variant: Variant) -> str:
    """Of a backend service: the plain one has the Service port's name."""
    if variant == Variant():
        return str(key)
    return f"{key}/{model.hash_of((variant.affinity, variant.cookie))[:8]}"


def service_address(owner: str, logical: str) -> model.Address:
    return model.address(owner, names.PROVIDER, "backend-service", logical)


def variant_of(action: ir.Forward) -> Variant:
    """The session of a rule that is honoured."""
    if action.session is None:
        return Variant()
    return Variant(affinity="STRONG_COOKIE_AFFINITY", cookie=build_unsupported.cookie(action.session))


def answer(entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> Answer:
    action = entry.action
    if isinstance(action, ir.Respond):
        return Answer(to=Fail(status=action.status))
    if entry.match.grpc is not None:
        return refused(*build_unsupported.GRPC, entry)
    if isinstance(action, Unknown):
        return Answer(to=action)
    if (found := build_unsupported.of_action(action)) is not None:
        return refused(*found, entry)
    if isinstance(action, ir.Redirect):
        return _redirect(action, entry, table)
    return _forward(action, entry, routing)


def refused(code: str, message: str, entry: ir.Entry) -> Answer:
    said = claims.note("warning", code, f"{message}; these requests are answered with 500", entry, "rule")
    return Answer(to=Fail(status=500), notes=(said,))


def _edits_refused(share: ir.Share, action: ir.Forward) -> tuple[str, str] | None:
    """(code, reason) why the headers of one backend cannot be changed, where those of the rule can."""
    try:
        build_rewrites.both(action.edits)
    except build_rewrites.Refused:
        return None  # the whole rule answers an error
    try:
        build_rewrites.both(action.edits, share.edits or ir.Edits())
    except build_rewrites.Refused as error:
        return "RewriteNotExpressible", str(error)
    return None


def _forward(action: ir.Forward, entry: ir.Entry, routing: ir.Routing) -> Answer:
    kept: list[ir.Share] = []
    statuses: list[int] = []
    notes: list[Note] = []
    for share in action.shares:
        if isinstance(share.to, Unknown):
            return Answer(to=share.to)
        if isinstance(share.to, int):
            statuses.append(share.to)
            continue
        backend = routing.backends.get(share.to)
        if isinstance(backend, ir.Backend) and isinstance(backend.tls, Unknown):
            return Answer(to=backend.tls)
        found = build_unsupported.of_share(share, backend) or _edits_refused(share, action)
        if found is None:
            kept.append(share)
            continue
        message = f"{claims.backend_ref(share)}: {found[1]}; its share is answered with 500"
        notes.append(claims.note("warning", found[0], message, entry, "share"))
        statuses.append(500)
    if not kept:
        return Answer(to=Fail(status=statuses[0]), notes=tuple(notes))
    try:
        to = _send(action, kept, statuses, entry)
    except build_rewrites.Refused as error:
        return refused("RewriteNotExpressible", str(error), entry)
    written, scaled = [share.weight for share in kept], [share.weight for share in to.shares]
    notes += scaling.rounded(written, scaled, HIGHEST_WEIGHT, entry)
    notes += [claims.note("warning", "NotHonoured", said, entry) for said in build_unsupported.degraded(action)]
    return Answer(to=to, notes=tuple(notes))


def _send(action: ir.Forward, kept: Sequence[ir.Share], statuses: Sequence[int], entry: ir.Entry) -> Send:
    """kept: the shares that go to backends. statuses: of the others."""
    rule, rewrite = action.edits, action.edits.rewrite
    total, good = sum(share.weight for share in action.shares), sum(share.weight for share in kept)
    folded = any(share.edits not in (None, ir.Edits()) for share in kept)
    whole = (None, None) if folded else build_rewrites.both(rule)
    shares = []
    for share, weight in zip(kept, scaling.scale([share.weight for share in kept], HIGHEST_WEIGHT), strict=True):
        assert isinstance(share.to, ir.BackendKey)
        own = share.edits or ir.Edits()
        request, response = build_rewrites.both(rule, own) if folded else (None, None)
        shares.append(Share(backend=share.to, weight=weight, request=request, response=response))
    return Send(
        shares=tuple(shares),
        variant=variant_of(action),
        abort=(statuses[0], shapes_values.percent(total - good, total)) if statuses else None,
        host=build_rewrites.hostname(rewrite.hostname) if rewrite else None,
        steps=build_rewrites.rewrite(rewrite.path if rewrite else None, entry.match.path),
        request=whole[0],
        response=whole[1],
        timeout=_timeout(action),
    )


def _timeout(action: ir.Forward) -> str | None:
    """Google has one limit for a request, with all its tries (urlMaps, HttpRouteAction): of two limits the shorter one
    decides, so that no try takes longer."""
    if limits := build_unsupported.limits(action.timeouts):
        whole, rest = divmod(min(limits), 1000)
        return f"{whole}.{rest:03}".rstrip("0").rstrip(".") + "s" if rest else f"{whole}s"
    return f"{build_unsupported.LONGEST}s" if build_unsupported.unlimited(action) else None


def _redirect(action: ir.Redirect, entry: ir.Entry, table: ir.Table) -> Answer:
    """What no host changes; `build_maps` looks at the host. A redirect of Google keeps the port of the request, or
    shows none (HttpRedirectAction); how one is written in hostRedirect is not documented."""
    here = table.protocol.lower()
    scheme = action.scheme or here
    if (here, scheme) == ("https", "http"):
        message = "filters, RequestRedirect: Google does not redirect HTTPS to HTTP; leave out scheme"
        return refused("RedirectToHTTP", message, entry)
    if action.status not in STATUSES:
        message = f"filters, RequestRedirect: statusCode {action.status}; use one of {', '.join(map(str, STATUSES))}"
        return refused("RedirectNotExpressible", message, entry)
    keeps = bool(action.port) and not action.hostname and (scheme, action.port) == (here, table.port)
    if action.port and not keeps:
        message = (
            f"filters, RequestRedirect: port {action.port}; a redirect of Google shows no other port than that of the "
            "request; use the scheme's own port"
        )
        return refused("RedirectNotExpressible", message, entry)
    modifier = PathModifier(type=action.path_type, value=action.path) if action.path_type else None
    try:
        lead = Lead(
            host=build_rewrites.hostname(action.hostname),
            https=(here, scheme) == ("http", "https"),
            code=action.status,
            steps=build_rewrites.redirect(modifier, entry.match.path),
            keeps=keeps,
        )
    except build_rewrites.Refused as error:
        return refused("RedirectNotExpressible", str(error), entry)
    return Answer(to=lead)
