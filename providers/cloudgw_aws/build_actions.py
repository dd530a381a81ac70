"""What a rule answers: forward, redirect or a fixed status, with the transforms that go before.

`build_rules` asks for each entry. Pure. What cannot be honoured answers 500 on exactly its own match and says so in a
note; a share of requests whose backend must not be used goes to a target group without targets, never to another
backend. docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html, rule-transforms.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.building import claims, scaling
from cloudgw.graph import model
from cloudgw.objects import Note, Unknown, URLRewrite
from cloudgw.routing import ir
from cloudgw_aws import build_unsupported, names, shapes

GROUPS_PER_ACTION = 5  # load-balancer-limits.html
HIGHEST_WEIGHT = 999  # API_TargetGroupTuple.html
REDIRECT_LENGTH = 128  # API_RedirectActionConfig.html: host, path, query
REWRITE_LENGTH = 1024  # API_RewriteConfig.html
UNAVAILABLE = "-/unavailable"  # the target group that never has targets: it answers 503
WELL_KNOWN = {"HTTP": 80, "HTTPS": 443}

Transforms = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """action: a rule's field, or Unknown. backends: whose target groups it names; empty: also the empty one."""

    action: Mapping[str, Any] | Unknown
    transforms: Transforms = ()
    backends: frozenset[ir.BackendKey] = frozenset()
    empty: bool = False
    notes: tuple[Note, ...] = ()

    @property
    def to(self) -> object:
        """Equal for equal answers."""
        return self.action if isinstance(self.action, Unknown) else (self.action, self.transforms)


def group_address(owner: str, backend: ir.BackendKey | str) -> model.Address:
    return model.address(owner, names.PROVIDER, "target-group", str(backend))


def answer(entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> Answer:
    action = entry.action
    if isinstance(action, ir.Respond):
        return Answer(action=shapes.fixed(action.status))
    if entry.match.grpc is not None:
        return _refused(*build_unsupported.GRPC, entry)
    if isinstance(action, Unknown):
        return Answer(action=action)
    if message := build_unsupported.of_action(action):
        return _refused("UnsupportedFilter", message, entry)
    if isinstance(action, ir.Redirect):
        return _redirect(action, entry, table)
    return _forward(action, entry, table, routing)


def _refused(code: str, message: str, entry: ir.Entry) -> Answer:
    said = claims.note("warning", code, f"{message}; these requests are answered with 500", entry, "rule")
    return Answer(action=shapes.fixed(500), notes=(said,))


def _forward(action: ir.Forward, entry: ir.Entry, table: ir.Table, routing: ir.Routing) -> Answer:
    weights: dict[ir.BackendKey | None, int] = {}
    notes: list[Note] = []
    statuses: list[int] = []
    for share in action.shares:
        to = share.to
        if isinstance(to, Unknown):
            return Answer(action=to)
        if isinstance(to, ir.BackendKey):
            backend = routing.backends.get(to)
            if isinstance(backend, ir.Backend) and isinstance(backend.tls, Unknown):
                return Answer(action=backend.tls)
            if (found := build_unsupported.of_share(share, backend, table)) is not None:
                code, reason = found
                message = f"{claims.backend_ref(share)}: {reason}; its share is answered with an error"
                notes.append(claims.note("warning", code, message, entry, "share"))
                to = 500
        if isinstance(to, int):
            statuses.append(to)
        target = to if isinstance(to, ir.BackendKey) else None
        weights[target] = weights.get(target, 0) + share.weight
    if set(weights) == {None}:
        return Answer(action=shapes.fixed(statuses[0]), notes=tuple(notes))
    if len(weights) > GROUPS_PER_ACTION:
        message = f"backendRefs: {len(weights)} different backends, an ALB rule forwards to {GROUPS_PER_ACTION}"
        return _refused("TooManyBackends", message, entry)
    transforms = _rewrite(action.edits.rewrite, entry)
    if isinstance(transforms, str):
        return _refused("RewriteNotExpressible", f"filters, URLRewrite: {transforms}", entry)
    if None in weights:
        message = (
            "backendRefs: the share of those that cannot be used is answered with 503 instead of 500: "
            "an ALB has no fixed answer for a share"
        )
        notes.append(claims.note("warning", "PartlyInvalidWeights", message, entry))
    written = list(weights.values())
    scaled = scaling.scale(written, HIGHEST_WEIGHT)
    notes += scaling.rounded(written, scaled, HIGHEST_WEIGHT, entry)
    notes += [claims.note("warning", "NotHonoured", message, entry) for message in build_unsupported.degraded(action)]
    shares = [
        (model.Ref(group_address(routing.owner, backend or UNAVAILABLE), "serving"), weight)
        for backend, weight in zip(weights, scaled, strict=True)
    ]
    return Answer(
        action=shapes.forward(shares),
        transforms=transforms,
        backends=frozenset(backend for backend in weights if backend is not None),
        empty=None in weights,
        notes=tuple(notes),
    )


def _rewrite(rewrite: URLRewrite | None, entry: ir.Entry) -> Transforms | str:
    """Transforms, or why not. Their input is path and query. How a literal `$` is written in a replacement is not
    documented, so it is refused."""
    if rewrite is None:
        return ()
    found: list[tuple[str, str, str]] = []
    if rewrite.hostname:
        found.append(("host-header-rewrite", "^.*$", rewrite.hostname))
    if rewrite.path is not None:
        value = rewrite.path.value
        if "$" in value or "\\" in value or "?" in value:
            return f"path: {value!r} holds a character that a transform would not write as it is"
        if rewrite.path.type == "ReplaceFullPath":
            found.append(("url-rewrite", "^/[^?]*", value or "/"))
        elif (step := _prefix(entry.match.path.value, value)) is not None:
            found.append(step)
    if any(len(regex) > REWRITE_LENGTH or len(replace) > REWRITE_LENGTH for _, regex, replace in found):
        return f"path: longer than {REWRITE_LENGTH} characters"
    return tuple(sorted(found))


def _prefix(matched: str, replacement: str) -> tuple[str, str, str] | None:
    """The rule's condition has seen to it that the prefix ends at a segment."""
    prefix, goal = matched.rstrip("/"), replacement.rstrip("/")
    if prefix == goal:
        return None
    if not prefix:
        return ("url-rewrite", "^/", f"{goal}/")
    if goal:
        return ("url-rewrite", f"^{shapes.escape(prefix)}", goal)
    return ("url-rewrite", f"^{shapes.escape(prefix)}/?", "/")


def _redirect(action: ir.Redirect, entry: ir.Entry, table: ir.Table) -> Answer:
    """301 and 302; HTTPS to HTTP and a redirect to the same place are refused by AWS (API_RedirectActionConfig)."""
    if action.status not in (301, 302):
        message = f"filters, RequestRedirect: status {action.status}; an ALB has 301 and 302"
        return _refused("RedirectStatus", message, entry)
    protocol = action.scheme.upper() or table.protocol
    if table.protocol == "HTTPS" and protocol == "HTTP":
        return _refused("RedirectToHTTP", "filters, RequestRedirect: an ALB does not redirect HTTPS to HTTP", entry)
    host = action.hostname or "#{host}"
    port = action.port or WELL_KNOWN[protocol]
    path = _redirect_path(action, entry)
    if path is None:
        message = (
            "filters, RequestRedirect, path: ReplacePrefixMatch of a prefix other than /; "
            "an ALB's redirect cannot cut the prefix off"
        )
        return _refused("RedirectNotExpressible", message, entry)
    if max(len(host), len(path)) > REDIRECT_LENGTH or "#{" in action.path or "#{" in action.hostname:
        message = f"filters, RequestRedirect: host and path have at most {REDIRECT_LENGTH} characters and no keywords"
        return _refused("RedirectNotExpressible", message, entry)
    if (protocol, host, port, path) == (table.protocol, "#{host}", table.port, "/#{path}"):
        return _refused("RedirectLoop", "filters, RequestRedirect: it leads to where the request came to", entry)
    return Answer(
        action=shapes.redirect(
            protocol=protocol, host=host, port=str(port), path=path, query="#{query}", status=action.status
        )
    )


def _redirect_path(action: ir.Redirect, entry: ir.Entry) -> str | None:
    if not action.path_type:
        return "/#{path}"
    if action.path_type == "ReplaceFullPath":
        return action.path or "/"
    prefix, goal = entry.match.path.value.rstrip("/"), action.path.rstrip("/")
    if prefix == goal:
        return "/#{path}"
    return None if prefix else f"{goal}/#{{path}}"
