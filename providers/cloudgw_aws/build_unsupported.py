"""What a rule asks for that an Application Load Balancer does not do: which of it is answered 500, what is left out.

`build_actions` asks for each entry. Pure. Every text names the field, the reason and what to do; whoever asks says what
becomes of the requests. Must never let something pass because part of it could be honoured.
docs.aws.amazon.com/elasticloadbalancing/latest/application/ rule-action-types.html, rule-transforms.html (neither
changes headers, copies requests or answers preflights), load-balancer-target-groups.html (protocol versions; targets'
certificates are not validated), edit-load-balancer-attributes.html (one idle timeout for all rules).
"""

from __future__ import annotations

from cloudgw.objects import Timeouts, Unknown
from cloudgw.routing import ir

SPOKEN = {"HTTP": "HTTP1", "WS": "HTTP1", "H2C": "HTTP2"}  # backend protocol -> protocol version of its group
GRPC = (
    "UnsupportedKind",
    "GRPCRoute: target groups that speak gRPC are not made on AWS yet; use another cloud for this route",
)
HEADERS = "no rule of an ALB changes headers; let the backend do it, and remove the filter"


def of_action(action: ir.Forward | ir.Redirect) -> str:
    """What keeps a rule from being honoured, "" for nothing."""
    found = _edits(action.edits) if isinstance(action, ir.Forward) else []
    if isinstance(action, ir.Redirect) and action.response is not None:
        found.append(f"ResponseHeaderModifier: {HEADERS}")
    if action.cors is not None:
        found.append("CORS: an ALB answers no preflight for a rule; let the backend do it, and remove the filter")
    return "; ".join(f"filters, {one}" for one in found)


def _edits(edits: ir.Edits) -> list[str]:
    """Everything but the rewrite."""
    found: list[str] = []
    if edits.request is not None:
        found.append(f"RequestHeaderModifier: {HEADERS}")
    if edits.response is not None:
        found.append(f"ResponseHeaderModifier: {HEADERS}")
    if edits.mirrors:
        found.append("RequestMirror: a rule of an ALB forwards a request once; remove the filter")
    return found


def of_share(share: ir.Share, backend: ir.Backend | Unknown | None, table: ir.Table) -> tuple[str, str] | None:
    """(code, reason) why this backend gets nothing of its share from this port; None when it does."""
    if share.edits is not None and share.edits != ir.Edits():
        rewrite = "URLRewrite: an ALB does it for all backends of a rule; write it in the rule's filters"
        found = [*([rewrite] if share.edits.rewrite is not None else []), *_edits(share.edits)]
        return "UnsupportedFilter", "; ".join(f"filters, {one}" for one in found)
    if not isinstance(backend, ir.Backend):
        return None
    if backend.tls is not None:
        return "BackendTLS", (
            f"{getattr(backend.tls, 'origin', 'BackendTLSPolicy')}: an ALB does not verify the certificates of its "
            "targets; use another cloud for this Service, or remove the policy"
        )
    if backend.protocol not in SPOKEN:
        return "BackendProtocol", (
            f"appProtocol {backend.protocol} asks for TLS that is checked, an ALB checks no target's certificate; "
            "use a port that speaks HTTP"
        )
    if backend.protocol == "H2C" and table.protocol != "HTTPS":
        return "BackendProtocol", "HTTP/2 to targets needs an HTTPS listener; attach the route to one"
    return None


def degraded(action: ir.Forward) -> list[str]:
    """What requests are forwarded without, one text for each field."""
    found: list[str] = []
    if action.timeouts not in (None, Timeouts()):
        found.append("timeouts: an ALB has one idle timeout for all rules; requests are forwarded without it")
    if action.retry is not None:
        found.append("retry: an ALB repeats no request; requests are forwarded without it")
    if action.session is not None:
        found.append("sessionPersistence: not honoured on AWS yet; requests are forwarded without it")
    return found
