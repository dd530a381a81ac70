"""An independent answerer: what must happen to one request or connection, from the Gateway API's own text alone.

Slow and obvious on purpose; `compare` holds cloudgw's answers against it. Input are raw Kubernetes manifests (dicts)
that are the whole world: what is not listed does not exist. It shares no code with cloudgw and must never import it.

What the text leaves open is decided here, and another decision is no bug. IMPLEMENTATION CHOICES:

Listeners
 L1  Conflicts: HTTP beside HTTPS or TLS on a port conflict. HTTPS and TLS share a port when their hostnames differ (so
     do Passthrough and Terminate); the same hostname on both conflicts. UDP never conflicts with another protocol.
 L2  Inside one Gateway or ListenerSet all conflicting listeners lose, yet keep their place against later ListenerSets.
     A listener that lost to an earlier object takes no place from later ones. Missing creationTimestamp: youngest.
 L3  A listener with an unknown protocol, or HTTPS with another mode than Terminate, does not exist and conflicts with
     none. A Gateway whose own listeners are all refused still carries those of its ListenerSets.
 L4  allowedRoutes.kinds without any usable kind: the listener listens, and nothing is attached.
 L5  Selector without `selector`, or for a Namespace that is not listed, selects nothing; the empty selector all. No
     label (`kubernetes.io/metadata.name` neither) is added to a Namespace.
 L6  A certificate is usable when its Secret (kubernetes.io/tls, `tls.crt` and `tls.key`) holds a PEM certificate and an
     unencrypted PEM key; names, dates and whether both fit are not looked at. One usable of several is enough.
 L7  A listener without usable certificate is accepted (it takes its place and its hosts) but not programmed: its hosts
     answer 404 while another listener of the port is programmed, else the port refuses. This goes before 421. No SNI
     chooses it.
Which listener
 H1  Host: lower-cased, port cut off, a trailing dot kept (another name). Forwarded and redirected as it was sent.
 H2  HTTPS: SNI and Host each choose a listener of the port. Host chooses none: 404. Another than SNI, or SNI none: 421.
     SNI chooses a TLS listener: it is a TLS connection, answered like `connect`. Without SNI only a listener without
     hostname is chosen. For Host only HTTPS listeners count. SNI sent to an HTTP port: closed.
 H3  A port with listeners of other protocols only refuses HTTP requests.
Which rule
 R1  The hostname that ranks is the one written in the Route, not its intersection with the listener's
     (`matches.PRECEDENCE_BY`). A Route whose more specific hostname fits but whose rules do not match leaves the
     request to Routes with less specific hostnames. GRPCRoute goes before HTTPRoute at equal hostname.
 R2  Path: Exact, then length of the written value (without a prefix's trailing slash) of PathPrefix and
     RegularExpression, at equal length the expression; an expression must match the whole path. Header and parameter
     entries that are ignored as duplicates are not counted either.
 R3  Paths are compared as sent: no decoding, no merging of slashes, no dot segments.
 R4  gRPC: service before method, of each an exact name before an expression before none, expressions by written length;
     a path that is not "/service/method" matches only entries without method. `content-type` application/grpc* makes
     a POST gRPC. Nothing matches: UNIMPLEMENTED if the listener has a GRPCRoute attached (whatever its hostnames),
     else 404.
 R5  A header match on Host sees only a header given as such, never the authority.
Rules and filters
 F1  An invalid rule still takes its requests and answers 500 (GRPCRoute: UNAVAILABLE), also when no rule of the Route
     is valid: ExtensionRef; RequestRedirect with URLRewrite or with backendRefs; ReplacePrefixMatch (rule or
     backendRef) unless there is exactly one match and it is a PathPrefix; a filter type repeated that may not be; a
     header filter with two actions for one name (a name repeated inside one list: the first counts). Goes before CORS.
 F2  Order: set, add, remove; rule, then backendRef; CORS headers are put on last. A rewrite of the backendRef replaces
     the rule's, path and hostname each for itself, and starts from the path as sent. Repeated headers are joined (",").
 F3  On a backendRef RequestRedirect, CORS and ExtensionRef are not supported: its share is 500.
 F4  A RequestMirror with an unusable backend is left out. Fractions are reduced (percent 50 is 1/2), zero is left out;
     on a backendRef the fraction is multiplied by the share.
 F5  Replaced paths start with "/" in every case. "/foo" with prefix "/foo" and replacement "/xyz/" becomes "/xyz".
 F6  Redirects keep the query. A Location with the scheme's well-known port never shows it, even when `port` names it.
 F7  CORS: a preflight is OPTIONS with Origin and Access-Control-Request-Method, answered before a redirect, but not if
     no backend is usable. Origin not allowed: no headers. allowOrigins empty: none. "*" without credentials: "*". List
     separator ",". Allow-Methods, -Headers, Max-Age on preflights only, Expose-Headers on actual responses only;
     Allow-Methods only when allowMethods is set; Expose "*" with credentials is left out. No Vary.
Backends
 B1  A usable backend is a Service with the port number and the Route's transport (UDPRoute UDP, others TCP), not
     ExternalName. Endpoints, appProtocol and BackendTLSPolicy are not looked at.
 B2  All weights 0, or no backendRefs: 500, UNAVAILABLE, closed. Shares keep their weights as written. An unusable
     backend's share is 500 in every kind of Route, with "" and [] for the rest; only when all are unusable the whole
     answer becomes status 500, gRPC UNAVAILABLE or closed.
 B3  Forwarded connections have "" and [] for path, host and headers.
Connections
 C1  TLS: the listener by SNI among TLS and HTTPS ones of the port, then the TLSRoute by hostname, age, name. An HTTPS
     listener closes (it has no TLSRoute), except that `answer` is for it. To a TCP listener TLS is TCP.
 C2  TCP to a port without TCP listener: closed if another one is programmed, else refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle import filters, hostnames, listeners, matches, references
from tests.oracle.listeners import Listener
from tests.oracle.matches import Chosen, Request
from tests.oracle.references import Manifest, World

__all__ = ["Answer", "Request", "Site", "answer", "answer_at", "connect", "connect_at", "read"]

Answer = dict[str, Any]
SAMPLE_RESPONSE = (("x-up", "1"), ("x-both", "a"))
REFUSED: Answer = {"kind": "refused"}
CLOSED: Answer = {"kind": "closed"}
_ONCE = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS")
_KNOWN = (*_ONCE, "RequestMirror", "ExtensionRef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One Gateway read once: its accepted listeners with their Routes."""

    world: World
    listeners: tuple[Listener, ...]


def read(objects: list[Manifest], gateway: tuple[str, str]) -> Site:
    """gateway: (namespace, name). Manifests must not change as long as the Site is used."""
    world = references.read(objects)
    return Site(world=world, listeners=listeners.of_gateway(world, gateway))


def answer(objects: list[Manifest], gateway: tuple[str, str], request: Request) -> Answer:
    """What one HTTP request gets: see `answer_at`."""
    return answer_at(read(objects, gateway), request)


def connect(objects: list[Manifest], gateway: tuple[str, str], port: int, protocol: str, sni: str = "") -> Answer:
    """What one connection gets: see `connect_at`."""
    return connect_at(read(objects, gateway), port, protocol, sni)


def answer_at(site: Site, request: Request) -> Answer:
    """kind "forward", "redirect", "status", "grpc", "cors", "refused" or "closed", with the fields of that kind."""
    on_port = [one for one in site.listeners if one.port == request.port and one.protocol in ("HTTP", "HTTPS", "TLS")]
    web = [one for one in on_port if one.protocol != "TLS"]
    if not web or not any(one.programmed for one in on_port):
        return REFUSED
    host = hostnames.of_authority(request.host)
    if web[0].protocol == "HTTP":
        if request.sni:
            return CLOSED
        chosen = most_specific(web, host)
        return _status(404) if chosen is None else _serve(site.world, chosen, request)
    by_name = most_specific([one for one in on_port if one.programmed], request.sni.lower())
    if by_name is not None and by_name.protocol == "TLS":
        return connect_at(site, request.port, "TLS", request.sni)
    by_host = most_specific(web, host)
    if by_host is None or not by_host.programmed:
        return _status(404)
    return _status(421) if by_name is not by_host else _serve(site.world, by_host, request)


def connect_at(site: Site, port: int, protocol: str, sni: str = "") -> Answer:
    """protocol: TCP, UDP or TLS. kind "forward", "closed" or "refused"."""
    udp = protocol == "UDP"
    on_port = [one for one in site.listeners if one.port == port and (one.protocol == "UDP") == udp]
    if not any(one.programmed for one in on_port):
        return REFUSED
    plain = [one for one in on_port if one.protocol in ("TCP", "UDP")]
    if plain:
        return _oldest(site.world, plain[0])
    name = sni.lower()
    listener = most_specific([one for one in on_port if one.protocol in ("TLS", "HTTPS")], name)
    if protocol != "TLS" or listener is None or not listener.programmed:
        return CLOSED
    serving = []
    for attached in listener.attached:
        names = [own for both, own in attached.hostnames if hostnames.covers(both, name)]
        if names and listener.protocol == "TLS":
            exact, length = max(hostnames.specificity(one) for one in names)
            serving.append(((-exact, -length, *references.age_order(attached.route)), attached.route))
    return _connection(site.world, min(serving, key=lambda pair: pair[0])[1]) if serving else CLOSED


def most_specific(candidates: Iterable[Listener], name: str) -> Listener | None:
    """Exact before wildcard, the longer wildcard before the shorter, no hostname last; each listener has its own."""
    covering = [one for one in candidates if hostnames.covers(one.hostname, name)]
    return max(covering, key=lambda one: hostnames.specificity(one.hostname), default=None)


def _oldest(world: World, listener: Listener) -> Answer:
    routes = [attached.route for attached in listener.attached]
    return _connection(world, min(routes, key=references.age_order)) if routes else CLOSED


def _connection(world: World, route: Manifest) -> Answer:
    namespace = route["metadata"].get("namespace", "default")
    shares = []
    for ref in route["spec"]["rules"][0].get("backendRefs") or []:
        to = references.backend(world, route["kind"], namespace, ref) or 500
        shares.append(_share(to, _weight(ref)))
    return _forward(shares, []) or CLOSED


def _status(status: int) -> Answer:
    return {"kind": "status", "status": status}


def _serve(world: World, listener: Listener, request: Request) -> Answer:
    """A request that belongs to a listener: only the Routes attached to that one are asked."""
    if not listener.programmed:
        return _status(404)
    chosen = matches.choose(listener, request)
    if chosen is None:
        grpc = matches.is_grpc(request) and any(attached.kind == "GRPCRoute" for attached in listener.attached)
        return {"kind": "grpc", "status": "UNIMPLEMENTED"} if grpc else _status(404)
    rule_filters = chosen.rule.get("filters") or []
    grpc = chosen.attached.kind == "GRPCRoute"
    failure = {"kind": "grpc", "status": "UNAVAILABLE"} if grpc else _status(500)
    if not rule_valid(chosen):
        return failure
    cors = filters.named(rule_filters, "CORS", "cors")
    preflight: Answer | None = None
    if cors and filters.is_preflight(request):
        preflight = {"kind": "cors", "status": 204, "headers": filters.preflight_headers(cors[0], request)}
    for redirect in filters.named(rule_filters, "RequestRedirect", "requestRedirect"):
        where = filters.location(redirect, request, listener.protocol == "HTTPS", chosen.match)
        return preflight or {"kind": "redirect", "status": redirect.get("statusCode") or 302, "location": where}
    refs = chosen.rule.get("backendRefs") or []
    mirrors = _mirrors(world, chosen, rule_filters, Fraction(1))
    total = sum(_weight(ref) for ref in refs)
    shares = []
    for ref in refs:
        share = _http_share(world, chosen, ref, request)
        shares.append(share)
        if share["to"] != 500 and total:
            mirrors += _mirrors(world, chosen, ref.get("filters") or [], Fraction(_weight(ref), total))
    served = _forward(shares, mirrors)
    return failure if served is None else preflight or served


def rule_valid(chosen: Chosen) -> bool:
    """F1: may the rule be used at all? Filters of its backendRefs count where they need the rule's match."""
    refs = chosen.rule.get("backendRefs") or []
    own = chosen.rule.get("filters") or []
    lists = [own, *(ref.get("filters") or [] for ref in refs)]
    for one in itertools.chain(*lists):
        if one["type"] not in _KNOWN:
            raise ValueError(f"filter type {one['type']!r} is not in the specification")
    types = [one["type"] for one in own]
    if "ExtensionRef" in types or ("RequestRedirect" in types and ("URLRewrite" in types or refs)):
        return False
    if not all(_list_valid(one) for one in lists):
        return False
    if any(_replaces_prefix(one) for several in lists for one in several):
        given = matches.matches(chosen.attached.route, chosen.rule)
        return len(given) == 1 and matches.path_match(given[0])[0] == "PathPrefix"
    return True


def _list_valid(several: list[Manifest]) -> bool:
    types = [one["type"] for one in several]
    if any(types.count(kind) > 1 for kind in _ONCE):
        return False
    for kind, field in (
        ("RequestHeaderModifier", "requestHeaderModifier"),
        ("ResponseHeaderModifier", "responseHeaderModifier"),
    ):
        for change in filters.named(several, kind, field):
            groups = [
                {entry["name"].lower() for entry in change.get("set") or []},
                {entry["name"].lower() for entry in change.get("add") or []},
                {name.lower() for name in change.get("remove") or []},
            ]
            if sum(map(len, groups)) != len(set().union(*groups)):
                return False
    return True


def _replaces_prefix(one: Manifest) -> bool:
    content = one.get("urlRewrite") or one.get("requestRedirect") or {}
    return bool((content.get("path") or {}).get("type") == "ReplacePrefixMatch")


def _http_share(world: World, chosen: Chosen, ref: Manifest, request: Request) -> Answer:
    own = ref.get("filters") or []
    to = references.backend(world, chosen.attached.kind, chosen.attached.namespace, ref)
    if to is None or any(one["type"] in ("RequestRedirect", "CORS", "ExtensionRef") for one in own):
        return _share(500, _weight(ref))
    path, host = request.path, request.host
    headers, response = matches.joined(request.headers), matches.joined(SAMPLE_RESPONSE)
    for several in (chosen.rule.get("filters") or [], own):
        for change in filters.named(several, "RequestHeaderModifier", "requestHeaderModifier"):
            headers = filters.modified(headers, change)
        for change in filters.named(several, "ResponseHeaderModifier", "responseHeaderModifier"):
            response = filters.modified(response, change)
        for rewrite in filters.named(several, "URLRewrite", "urlRewrite"):
            host = rewrite.get("hostname") or host
            if rewrite.get("path"):
                path = filters.modified_path(request.path, rewrite["path"], chosen.match)
    for cors in filters.named(chosen.rule.get("filters") or [], "CORS", "cors"):
        response |= filters.response_headers(cors, request)
    seen = {"path": path, "host": host, "headers": sorted(headers.items()), "response": sorted(response.items())}
    return _share(to, _weight(ref)) | seen


def _weight(ref: Manifest) -> int:
    weight = ref.get("weight")
    return 1 if weight is None else int(weight)


def _share(to: str | int, weight: int) -> Answer:
    return {"to": to, "weight": weight, "path": "", "host": "", "headers": [], "response": []}


def _mirrors(world: World, chosen: Chosen, several: list[Manifest], part: Fraction) -> list[list[str | int]]:
    found: list[list[str | int]] = []
    for mirror in filters.named(several, "RequestMirror", "requestMirror"):
        to = references.backend(world, chosen.attached.kind, chosen.attached.namespace, mirror["backendRef"])
        share = Fraction(1)
        if mirror.get("percent") is not None:
            share = Fraction(mirror["percent"], 100)
        elif mirror.get("fraction") is not None:
            share = Fraction(mirror["fraction"]["numerator"], mirror["fraction"].get("denominator") or 100)
        if to is not None and share * part > 0:
            found.append([to, (share * part).numerator, (share * part).denominator])
    return found


def _forward(shares: list[Answer], mirrors: list[list[str | int]]) -> Answer | None:
    """The forward with equal shares summed; None when no share reaches a backend."""
    summed: dict[str, Answer] = {}
    for share in shares:
        if share["weight"] == 0:
            continue
        same = repr({name: value for name, value in share.items() if name != "weight"})
        before = summed[same]["weight"] if same in summed else 0
        summed[same] = share | {"weight": before + share["weight"]}
    if all(share["to"] == 500 for share in summed.values()):
        return None
    ordered = sorted(summed.values(), key=lambda share: (str(share["to"]), repr(share)))
    return {"kind": "forward", "shares": ordered, "mirrors": sorted(mirrors, key=str)}
