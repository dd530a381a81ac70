"""What an Application Gateway v2 answers, interpreted from its own document as ARM's GET shows it.

Plans use it to say which requests change; tests compare it with the Gateway API's opinion. Pure. It reads raw JSON and
nothing of ours: it must never import `build*`, `shapes` or `kinds`, so that they stay two opinions. What it does not
read it refuses (NotInterpreted), and only for requests that it touches.
Documents: learn.microsoft.com/azure/application-gateway/ multiple-site-overview, configuration-listeners,
configuration-request-routing-rules, url-route-overview, redirect-overview, configuration-http-settings,
http-response-codes, application-gateway-troubleshooting-502, application-gateway-faq, how-application-gateway-works.

Documents contradict each other: configuration-request-routing-rules takes the first path in listed order, an older
configuration-overview takes an exact path first (here: listed order); redirect pages disagree whether a path can be
appended to an external site (here: it is, when the document says so). They are silent, and the plain reading is taken,
on: `/x/*` does not match `/x`; dot segments and doubled slashes are compared as they come; `*` in a host may stand for
nothing; a Location shows no default port, and "/" where no path is appended; a listener without a rule does not listen.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from cloudgw_azure import semantics_model as model
from cloudgw_azure import semantics_rewrite as rewriting

Request = model.Request
Answer = model.Answer
Edit = model.Edit
NotInterpreted = model.NotInterpreted

Json = Mapping[str, Any]

STATUSES = {"permanent": 301, "found": 302, "seeother": 303, "temporary": 307}
PORTS = {"http": 80, "https": 443}
FIREWALL = "what the firewall blocks is not read here"
AFFINITY_COOKIE = "ApplicationGatewayAffinity"  # configuration-http-settings, "Cookie-based affinity"

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#\[\]@]+)(?::\d*)?")
_METHOD = re.compile(r"[A-Za-z-]+")
_PASSED = re.compile(r"[A-Za-z0-9-]+")  # application-gateway-faq: other header names are discarded


def answer(document: Json, request: Request) -> Answer:
    """document: the whole resource. What the configuration says, whatever the health of targets. Raises
    NotInterpreted, naming the member."""
    gateway: Json = document["properties"]
    if str((gateway.get("sku") or {}).get("tier", "")).lower() in ("standard", "waf"):
        raise NotInterpreted("sku.tier", "the first version of the gateway has other rules")
    if gateway.get("operationalState") == "Stopped":
        return Answer(kind="closed")
    doors = _doors(gateway, request)
    schemes = {_scheme(door.listener) for door in doors}
    if not doors or (request.scheme == "https" and "https" not in schemes):
        return Answer(kind="closed")
    if request.scheme not in schemes or _malformed(request):
        return Answer(kind="fixed", status=400)
    host = rewriting.host_name(request.host)
    for door in doors:
        if _scheme(door.listener) == request.scheme and _hears(door.listener, host):
            return _route(gateway, door, request)
    return Answer(kind="fixed", status=404)


def respond(found: Answer, status: int, headers: model.Pairs) -> model.Pairs:
    """The headers that the client sees when a target answers like this. Raises NotInterpreted."""
    return rewriting.respond(found.response, status, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """A rule and the listener that it serves."""

    rule: Json
    listener: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    """What a basic rule, a path rule or a map's default does; owner: its name in messages. prefix: of the path pattern
    that matched, without `*`; None: none did."""

    owner: str
    redirect: Json | None
    pool: Json | None
    settings: Json | None
    rewrites: Json | None
    prefix: str | None = None
    path_rule: str = ""


def _doors(gateway: Json, request: Request) -> list[_Door]:
    """Those on the request's port and frontend, highest priority first: 1 before 20000 (multiple-site-overview)."""
    ports, listeners = _index(gateway, "frontendPorts"), _index(gateway, "httpListeners")
    for listener in gateway.get("listeners") or ():
        if _port(ports, listener) == request.port:
            raise NotInterpreted(f"listeners/{listener['name']}", "TCP and TLS listeners are not read here")
    rules: list[tuple[int, _Door]] = []
    frontends: set[str] = set()
    for rule in gateway.get("requestRoutingRules") or ():
        owner, inner = f"requestRoutingRules/{rule['name']}", rule["properties"]
        listener = _find(listeners, inner.get("httpListener"), f"{owner}.httpListener")
        if _port(ports, listener) != request.port:
            continue
        frontend = _last(listener["properties"]["frontendIPConfiguration"]["id"])
        if request.frontend and frontend != request.frontend.lower():
            continue
        if inner.get("priority") is None:
            raise NotInterpreted(f"{owner}.priority", "without one the order of rules is not documented")
        frontends.add(frontend)
        rules.append((int(inner["priority"]), _Door(rule=rule, listener=listener)))
    if len(frontends) > 1:
        named = ", ".join(sorted(frontends))
        raise NotInterpreted(
            "httpListeners.frontendIPConfiguration", f"port {request.port} listens on {named}: name one in the request"
        )
    return [door for _, door in sorted(rules, key=lambda pair: pair[0])]


def _port(ports: Mapping[str, Json], listener: Json) -> int:
    found = _find(ports, listener["properties"].get("frontendPort"), f"listener {listener['name']}.frontendPort")
    return int(found["properties"]["port"])


def _scheme(listener: Json) -> str:
    return str(listener["properties"]["protocol"]).lower()


def _last(identity: str) -> str:
    return identity.rsplit("/", 1)[-1].lower()


def _index(gateway: Json, collection: str) -> dict[str, Json]:
    """By id, without case, as ARM compares them."""
    return {str(child["id"]).lower(): child for child in gateway.get(collection) or ()}


def _child(gateway: Json, collection: str, reference: Json | None, where: str) -> Json:
    return _find(_index(gateway, collection), reference, where)


def _find(children: Mapping[str, Json], reference: Json | None, where: str) -> Json:
    wanted = str((reference or {}).get("id", "")).lower()
    if wanted not in children:
        raise NotInterpreted(where, f"nothing in this document has the id {wanted!r}")
    return children[wanted]


def _malformed(request: Request) -> bool:
    """Requests that get 400 (http-response-codes, "400"), as far as a Request shows them."""
    names = [name.lower() for name, _ in request.headers]
    lengths = [value for name, value in request.headers if name.lower() == "content-length"]
    return (
        not _HOST.fullmatch(request.host)
        or not _METHOD.fullmatch(request.method)
        or not (request.path + request.query + "".join(names)).isascii()
        or names.count("authorization") > 1
        or not all(length.isascii() and length.isdigit() for length in lengths)
    )


def _hears(listener: Json, host: str) -> bool:
    """A listener without host names is a basic one and hears all."""
    names = _names(listener)
    return not names or any(_glob(name.lower()).fullmatch(host) for name in names)


def _names(listener: Json) -> list[str]:
    inner = listener["properties"]
    return [str(name) for name in inner.get("hostNames") or ([inner["hostName"]] if inner.get("hostName") else [])]


@functools.lru_cache(maxsize=4096)
def _glob(name: str) -> re.Pattern[str]:
    """`*` stands for several characters of those that host names may have, `?` for one; a dot is one of them
    (multiple-site-overview, "Allowed characters")."""
    wild = {"*": "[a-z0-9.-]*", "?": "[a-z0-9.-]"}
    return re.compile("".join(wild.get(character) or re.escape(character) for character in name))


def _route(gateway: Json, door: _Door, request: Request) -> Answer:
    action = _choose(gateway, door.rule, request.path)
    _unguarded(gateway, door)
    found = _redirect(gateway, action, request) if action.redirect else _forward(gateway, action, request)
    return replace(found, listener=str(door.listener["id"]), rule=str(door.rule["id"]), path_rule=action.path_rule)


def _unguarded(gateway: Json, door: _Door) -> None:
    """A firewall or a check of the client's certificate answers before any rule does."""
    listener = f"httpListeners/{door.listener['name']}"
    inner = door.listener["properties"]
    legacy = (gateway.get("webApplicationFirewallConfiguration") or {}).get("enabled")
    for owner, found in ((f"{listener}.", inner.get("firewallPolicy")), ("", gateway.get("firewallPolicy"))):
        _refuse(f"{owner}firewallPolicy", found, FIREWALL)
    _refuse("webApplicationFirewallConfiguration", legacy, FIREWALL)
    if inner.get("sslProfile"):
        profile = _child(gateway, "sslProfiles", inner["sslProfile"], f"{listener}.sslProfile")["properties"]
        mode = (profile.get("clientAuthConfiguration") or {}).get("verifyClientAuthMode")
        strict = profile.get("trustedClientCertificates") and str(mode).lower() != "passthrough"
        _refuse(f"{listener}.sslProfile", strict, "requests of this interpreter hold no client certificate")


def _refuse(member: str, found: Any, reason: str) -> None:
    if found:
        raise NotInterpreted(member, reason)


def _choose(gateway: Json, rule: Json, path: str) -> _Action:
    owner, inner = f"requestRoutingRules/{rule['name']}", rule["properties"]
    kind = inner.get("ruleType")
    for member in ("entraJWTValidationConfig", "authConfigs"):
        _refuse(f"{owner}.{member}", inner.get(member), "who may pass is not read here")
    if kind == "Basic":
        return _action(owner, inner)
    if kind != "PathBasedRouting":
        raise NotInterpreted(f"{owner}.ruleType", f"{kind} is not read here")
    # Of a path-based rule only the map counts (url-route-overview, "PathBasedRouting rule").
    _refuse(f"{owner}.rewriteRuleSet", inner.get("rewriteRuleSet"), "of a path-based rule the map's sets count")
    found = _child(gateway, "urlPathMaps", inner.get("urlPathMap"), f"{owner}.urlPathMap")
    owner, inner = f"urlPathMaps/{found['name']}", found["properties"]
    decoded = unquote(path).lower()
    for path_rule in inner.get("pathRules") or ():
        within = f"{owner}.pathRules/{path_rule['name']}"
        for pattern in path_rule["properties"].get("paths") or ():
            bare = str(pattern).removesuffix("*")
            _refuse(f"{within}.paths", "*" in bare, f"{pattern!r} has * before its end")
            prefix = unquote(bare).lower()
            if decoded == prefix or (bare != pattern and decoded.startswith(prefix)):
                _refuse(f"{within}.firewallPolicy", path_rule["properties"].get("firewallPolicy"), FIREWALL)
                return _action(within, path_rule["properties"], prefix=prefix, path_rule=str(path_rule["id"]))
    return _action(owner, {_plain(name): value for name, value in inner.items() if name.startswith("default")})


def _plain(name: str) -> str:
    """defaultBackendAddressPool -> backendAddressPool."""
    bare = name.removeprefix("default")
    return bare[:1].lower() + bare[1:]


def _action(owner: str, inner: Json, *, prefix: str | None = None, path_rule: str = "") -> _Action:
    _refuse(f"{owner}.loadDistributionPolicy", inner.get("loadDistributionPolicy"), "shares are not read here")
    return _Action(
        owner=owner,
        redirect=inner.get("redirectConfiguration"),
        pool=inner.get("backendAddressPool"),
        settings=inner.get("backendHttpSettings"),
        rewrites=inner.get("rewriteRuleSet"),
        prefix=prefix,
        path_rule=path_rule,
    )


def _redirect(gateway: Json, action: _Action, request: Request) -> Answer:
    config = _child(gateway, "redirectConfigurations", action.redirect, f"{action.owner}.redirectConfiguration")
    kind = str(config["properties"].get("redirectType", "")).lower()
    if kind not in STATUSES:
        raise NotInterpreted(f"redirectConfigurations/{config['name']}.redirectType", f"{kind!r} is not known")
    return Answer(kind="redirect", status=STATUSES[kind], location=_location(gateway, config, request))


def _location(gateway: Json, config: Json, request: Request) -> str:
    """Path and query are those of the request, appended where the configuration says so (redirect-overview)."""
    where, inner = f"redirectConfigurations/{config['name']}", config["properties"]
    path, query = bool(inner.get("includePath")), request.query if inner.get("includeQueryString") else ""
    if inner.get("targetListener"):
        target = _target(gateway, inner["targetListener"], f"{where}.targetListener", request)
        found = target + (request.path if path else "/")
    elif inner.get("targetUrl"):
        found = str(inner["targetUrl"])
        _refuse(f"{where}.includePath", path and re.search(r"[?#]", found), "where the path goes is not documented")
        _refuse(f"{where}.targetUrl", "#" in found, "where the query goes is not documented")
        found = found.removesuffix("/") + request.path if path else found
    else:
        raise NotInterpreted(where, "it has no target")
    if not query:
        return found
    return f"{found}{'&' if '?' in found else '?'}{query}"


def _target(gateway: Json, reference: Json, where: str, request: Request) -> str:
    """Scheme, host and port of a listener; a basic one keeps the host that was asked."""
    listener = _child(gateway, "httpListeners", reference, where)
    names = _names(listener)
    wild = len(names) > 1 or any(character in name for name in names for character in "*?")
    _refuse(where, wild, "a target with several or wildcard hosts is not allowed (multiple-site-overview)")
    scheme, port = _scheme(listener), _port(_index(gateway, "frontendPorts"), listener)
    host = names[0] if names else rewriting.host_name(request.host)
    return f"{scheme}://{host}" + ("" if PORTS[scheme] == port else f":{port}")


def _forward(gateway: Json, action: _Action, request: Request) -> Answer:
    pool = _child(gateway, "backendAddressPools", action.pool, f"{action.owner}.backendAddressPool")
    chosen = _child(gateway, "backendHttpSettingsCollection", action.settings, f"{action.owner}.backendHttpSettings")
    settings, members = chosen["properties"], pool["properties"]
    addresses: Sequence[Json] = members.get("backendAddresses") or ()
    # Gateways pass on names of letters, digits and hyphens, and write those of INSERTED themselves.
    dropped = rewriting.INSERTED | {"host"}
    headers = tuple(
        (name, value) for name, value in request.headers if _PASSED.fullmatch(name) and name.lower() not in dropped
    )
    if action.rewrites:
        rule_set = _child(gateway, "rewriteRuleSets", action.rewrites, f"{action.owner}.rewriteRuleSet")
        done = rewriting.rewrite(rule_set, request, headers)
    else:
        seen = rewriting.Seen(path=request.path, query=request.query, host=request.host, headers=headers)
        done = rewriting.Rewritten(seen=seen)
    empty = not addresses and not members.get("backendIPConfigurations")
    affinity = settings.get("cookieBasedAffinity") == "Enabled"
    return Answer(
        kind="forward",
        status=502 if empty else 0,
        pool=str(pool["id"]),
        pool_name=str(pool["name"]),
        settings=str(chosen["id"]),
        settings_name=str(chosen["name"]),
        protocol=str(settings["protocol"]).lower(),
        port=int(settings["port"]),
        timeout=int(settings.get("requestTimeout") or 0),
        affinity=str(settings.get("affinityCookieName") or AFFINITY_COOKIE) if affinity else "",
        targets=tuple(str(one.get("ipAddress") or one.get("fqdn")) for one in addresses),
        empty=empty,
        path=_overridden(chosen, action.prefix, done),
        query=done.seen.query,
        host=_host(chosen, done),
        headers=done.seen.headers,
        response=() if empty else done.response,  # nothing is rewritten in what the gateway answers by itself
    )


def _host(chosen: Json, done: rewriting.Rewritten) -> str:
    """configuration-http-settings, "Configuring the host name"; troubleshooting-502: otherwise the client's."""
    settings, where = chosen["properties"], f"backendHttpSettingsCollection/{chosen['name']}"
    for member in ("hostName", "pickHostNameFromBackendAddress"):
        _refuse(f"{where}.{member}", settings.get(member) and done.host, "a rewrite rule sets the Host header too")
    if settings.get("pickHostNameFromBackendAddress"):
        return ""
    return str(settings.get("hostName") or done.seen.host)


def _overridden(chosen: Json, prefix: str | None, done: rewriting.Rewritten) -> str:
    """configuration-http-settings, "Override backend path": it takes the place of what the path pattern matched; in a
    basic rule, and where the pattern is not what the path begins with, it is put before the path."""
    override, where = chosen["properties"].get("path"), f"backendHttpSettingsCollection/{chosen['name']}.path"
    path = done.seen.path
    if not override:
        return path
    _refuse(where, done.path, "a rewrite rule sets the path too")
    _refuse(where, prefix is not None and "%" in path, "what is left of an escaped path is not documented")
    rest = path if prefix is None else path[len(prefix) :]
    start = "/" + str(override).lstrip("/")
    return f"{start.removesuffix('/')}/{rest.removeprefix('/')}" if rest else start
