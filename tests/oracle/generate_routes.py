"""Routes for `generate`, and requests near what a Route matches.

Names and values come from small sets whose members are neighbours (prefixes of one another, other case, encoded), so
that a mistake about a boundary is met soon. Must never ask the oracle or cloudgw.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

from tests.oracle.listeners import KINDS
from tests.oracle.matches import Request
from tests.oracle.references import GATEWAY_GROUP, Manifest

HOSTNAMES = (
    "foo.example.com",
    "*.example.com",
    "*.foo.example.com",
    "bar.foo.example.com",
    "example.com",
    "*.test",
    "x.test",
)
HOSTS = (
    "foo.example.com",
    "bar.foo.example.com",
    "a.b.foo.example.com",
    "baz.example.com",
    "xfoo.example.com",
    "example.com",
    "other.test",
    "x.test",
    "nowhere.invalid",
)
TIMES = ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "2023-12-31T23:59:59Z")
PATHS = ("/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/A", "/a%20b", "/a%2Bb", "/a.b", "/a/~b,c;d=e", "/a/b/c")
EXPRESSIONS = {"/a.*": ("/a", "/abc"), "/a/[b-c]": ("/a/b", "/a/c"), "/(a|ab)": ("/a", "/ab"), "/[^/]+/b": ("/x/b",)}
TAILS = ("", "", "", "/", "/x", "x", "//", "/x/", "%2F")
METHODS = ("GET", "POST", "PUT", "OPTIONS", "DELETE")
HEADERS = ("X-Version", "x-env", "X-Flag")
VALUES = ("v1", "v2", "V1", "v1,v2", "v")
VALUE_EXPRESSIONS = {"v[12]": ("v1", "v2"), "V.*": ("V1", "V"), "[^,]+": ("v", "v1")}
PARAMETERS = ("q", "Q", "page")
SERVICES = ("shop.Cart", "shop.Cart2", "Echo")
CALLS = ("Get", "List", "get")
ORIGINS = ("https://app.test", "https://x.app.test", "http://app.test", "https://app.test:8443", "null")
ALLOWED_ORIGINS = (["*"], ["https://app.test"], ["https://*.app.test", "http://app.test:80"], ["https://*:8443"])
REPLACEMENTS = ("", "/", "/xyz", "/xyz/", "/x/y")


def route(
    dice: random.Random, parents: Sequence[Manifest], namespaces: Sequence[str], earlier: Sequence[Manifest]
) -> Manifest:
    """A Route of some kind that names one or two parents, often a cousin of an earlier one so that the two compete."""
    chosen = dice.sample(parents, min(len(parents), dice.choice((1, 1, 2))))
    listeners = [one for parent in chosen for one in parent["spec"]["listeners"]]
    kind = KINDS[dice.choice(listeners)["protocol"]][0] if dice.random() < 0.95 else "TCPRoute"
    if kind == "HTTPRoute" and dice.random() < 0.2:
        kind = "GRPCRoute"
    spec: Manifest = {"parentRefs": _parent_refs(dice, chosen)}
    named = kind == "TLSRoute" or (kind in ("HTTPRoute", "GRPCRoute") and dice.random() < 0.6)
    if named:
        known = [one["hostname"] for one in listeners if "hostname" in one]
        names = [dice.choice(known) if known and dice.random() < 0.5 else dice.choice(HOSTNAMES) for _ in range(2)]
        spec["hostnames"] = list(dict.fromkeys(names[: dice.choice((1, 1, 2))]))
    namespace = dice.choice((*namespaces, chosen[0]["metadata"]["namespace"]))
    if earlier and dice.random() < 0.5:
        cousin = dice.choice(earlier)
        kind, namespace = cousin["kind"], dice.choice((cousin["metadata"]["namespace"], namespace))
        if kind in ("HTTPRoute", "GRPCRoute") and dice.random() < 0.2:
            kind = "GRPCRoute" if kind == "HTTPRoute" else "HTTPRoute"
        shared = {"parentRefs", "hostnames"} if kind == "TLSRoute" or dice.random() < 0.6 else {"parentRefs"}
        spec |= {name: copy.deepcopy(cousin["spec"][name]) for name in shared if name in cousin["spec"]}
    known_matches = [
        one
        for other in earlier
        for rule in other["spec"]["rules"]
        for one in rule.get("matches", ())
        if other["kind"] == kind
    ]
    if kind == "HTTPRoute":
        spec["rules"] = _http_rules(dice, namespace, namespaces, known_matches)
    elif kind == "GRPCRoute":
        spec["rules"] = [_grpc_rule(dice, namespace, namespaces) for _ in range(dice.choice((1, 1, 2)))]
    else:
        spec.pop("hostnames" if kind != "TLSRoute" else "", None)
        ports = (53, 8080) if kind == "UDPRoute" else (80, 8080)
        spec["rules"] = [{"backendRefs": _backends(dice, namespace, namespaces, ports=ports, least=1)}]
    name = f"r{dice.randint(0, 2)}-{len(earlier)}"
    meta = {"name": name, "namespace": namespace, "creationTimestamp": dice.choice(TIMES)}
    return {"apiVersion": f"{GATEWAY_GROUP}/v1", "kind": kind, "metadata": meta, "spec": spec}


def _parent_refs(dice: random.Random, parents: Sequence[Manifest]) -> list[Manifest]:
    found = []
    for parent in parents:
        ref: Manifest = {
            "group": GATEWAY_GROUP,
            "kind": parent["kind"],
            "name": parent["metadata"]["name"],
            "namespace": parent["metadata"]["namespace"],
        }
        listener = dice.choice(parent["spec"]["listeners"])
        if dice.random() < 0.2:
            ref["sectionName"] = listener["name"] if dice.random() < 0.9 else "missing"
        if dice.random() < 0.1:
            ref["port"] = listener["port"]
        found.append(ref)
    if dice.random() < 0.03:
        found.append({"group": "", "kind": "Service", "name": "one"})
    return found


def _http_rules(
    dice: random.Random, namespace: str, namespaces: Sequence[str], known: Sequence[Manifest]
) -> list[Manifest]:
    rules: list[Manifest] = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        seen = [*known, *(one for rule in rules for one in rule["matches"])]
        rules.append(_http_rule(dice, namespace, namespaces, seen))
    return rules


def _http_rule(dice: random.Random, namespace: str, namespaces: Sequence[str], seen: Sequence[Manifest]) -> Manifest:
    given = [_http_match(dice, seen) for _ in range(dice.choice((1, 1, 1, 2)))]
    rule: Manifest = {"matches": given}
    prefix = len(given) == 1 and given[0]["path"]["type"] == "PathPrefix"
    filters = _filters(dice, namespace, namespaces, "rule")
    kind = dice.random()
    if kind < 0.15:
        filters.append({"type": "RequestRedirect", "requestRedirect": _redirect(dice, prefix)})
    else:
        rule["backendRefs"] = _backends(dice, namespace, namespaces, filters=True)
        if kind < 0.4:
            filters.append({"type": "URLRewrite", "urlRewrite": _rewrite(dice, prefix)})
        elif kind < 0.5 and rule["backendRefs"]:
            own = dice.choice(rule["backendRefs"]).setdefault("filters", [])
            own.append({"type": "URLRewrite", "urlRewrite": _rewrite(dice, prefix)})
    if dice.random() < 0.15:
        filters.append({"type": "CORS", "cors": _cors(dice)})
    if dice.random() < 0.02:
        reference = {"group": "example.com", "kind": "Other", "name": "x"}
        filters.append({"type": "ExtensionRef", "extensionRef": reference})
    dice.shuffle(filters)
    return rule | ({"filters": filters} if filters else {})


def _http_match(dice: random.Random, seen: Sequence[Manifest]) -> Manifest:
    """Often an earlier match with one condition more or less: precedence is decided by that condition."""
    if seen and dice.random() < 0.5:
        match = copy.deepcopy(dice.choice(seen))
        changed = dice.choice(("method", "headers", "queryParams", "path", "nothing"))
        if changed == "path":
            kept = (match["path"]["value"],) * 6 if match["path"]["value"] in PATHS else ()
            match["path"] = {"type": dice.choice(("PathPrefix", "Exact")), "value": dice.choice((*kept, *PATHS))}
        elif changed in match:
            del match[changed]
        elif changed == "method":
            match["method"] = dice.choice(METHODS)
        elif changed != "nothing":
            match[changed] = _conditions(dice, HEADERS if changed == "headers" else PARAMETERS)
        return match
    kind = dice.choice(("PathPrefix", "PathPrefix", "PathPrefix", "Exact", "RegularExpression"))
    value = dice.choice(tuple(EXPRESSIONS) if kind == "RegularExpression" else PATHS)
    match = {"path": {"type": kind, "value": value}}
    if dice.random() < 0.2:
        match["method"] = dice.choice(METHODS)
    if dice.random() < 0.3:
        match["headers"] = _conditions(dice, HEADERS)
        if dice.random() < 0.2:
            match["headers"].append({"type": "Exact", "name": match["headers"][0]["name"].upper(), "value": "ignored"})
    if dice.random() < 0.2:
        match["queryParams"] = _conditions(dice, PARAMETERS)
    return match


def _conditions(dice: random.Random, names: Sequence[str]) -> list[Manifest]:
    found = []
    for name in dice.sample(names, dice.choice((1, 1, 2))):
        expression = dice.random() < 0.2
        value = dice.choice(tuple(VALUE_EXPRESSIONS)) if expression else dice.choice(VALUES)
        found.append({"type": "RegularExpression" if expression else "Exact", "name": name, "value": value})
    return found


def _grpc_rule(dice: random.Random, namespace: str, namespaces: Sequence[str]) -> Manifest:
    rule: Manifest = {"backendRefs": _backends(dice, namespace, namespaces)}
    if dice.random() < 0.85:
        rule["matches"] = [_grpc_match(dice) for _ in range(dice.choice((1, 1, 2)))]
    filters = _filters(dice, namespace, namespaces, "rule")
    return rule | ({"filters": filters} if filters else {})


def _grpc_match(dice: random.Random) -> Manifest:
    match: Manifest = {}
    if dice.random() < 0.85:
        kind = dice.choice(("Exact", "Exact", "Exact", "RegularExpression"))
        named = dice.choice((("service",), ("method",), ("service", "method"), ("service", "method")))
        method: Manifest = {"type": kind}
        if "service" in named:
            method["service"] = dice.choice(SERVICES) if kind == "Exact" else dice.choice(("shop[.]C.*", "E[a-z]+"))
        if "method" in named:
            method["method"] = dice.choice(CALLS) if kind == "Exact" else dice.choice(("[A-Z].*", "(Get|List)"))
        match["method"] = method
    if dice.random() < 0.3:
        match["headers"] = _conditions(dice, HEADERS)
    return match


def _backends(
    dice: random.Random,
    namespace: str,
    namespaces: Sequence[str],
    *,
    ports: Sequence[int] = (80, 8080),
    least: int = 0,
    filters: bool = False,
) -> list[Manifest]:
    found = []
    for _ in range(max(least, dice.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 3)))):
        ref = _backend(dice, namespaces, ports)
        ref["weight"] = dice.choice((1, 1, 1, 1, 1, 1, 1, 0, 3, 3))
        own = _filters(dice, namespace, namespaces, "backendRef") if filters and dice.random() < 0.3 else []
        found.append(ref | ({"filters": own} if own else {}))
    return found


def _backend(dice: random.Random, namespaces: Sequence[str], ports: Sequence[int] = (80, 8080)) -> Manifest:
    ref: Manifest = {"group": "", "kind": "Service", "name": dice.choice(("one", "two")), "port": dice.choice(ports)}
    if dice.random() < 0.12:
        ref["namespace"] = dice.choice(namespaces)
    if dice.random() < 0.08:
        broken: tuple[Manifest, ...] = (
            {"name": "missing"},
            {"port": 81},
            {"name": "outside", "port": 80},
            {"group": "example.com", "kind": "Other"},
            {"port": 53},
        )
        ref |= dice.choice(broken)
    return ref


def _filters(dice: random.Random, namespace: str, namespaces: Sequence[str], level: str) -> list[Manifest]:
    """Header modifiers and mirrors. A backendRef gets no mirror: how its share multiplies is left open."""
    found: list[Manifest] = []
    if dice.random() < 0.2:
        found.append({"type": "RequestHeaderModifier", "requestHeaderModifier": _change(dice, HEADERS)})
    if dice.random() < 0.15:
        change = _change(dice, ("X-Up", "X-Both", "x-new"))
        found.append({"type": "ResponseHeaderModifier", "responseHeaderModifier": change})
    for _ in range(dice.choice((0,) * 8 + (1, 2)) if level == "rule" else 0):
        mirror: Manifest = {"backendRef": _backend(dice, [namespace, *namespaces])}
        kind = dice.random()
        if kind < 0.3:
            mirror["percent"] = dice.choice((0, 1, 50, 100))
        elif kind < 0.6:
            mirror["fraction"] = dice.choice(({"numerator": 1, "denominator": 3}, {"numerator": 5, "denominator": 100}))
        found.append({"type": "RequestMirror", "requestMirror": mirror})
    return found


def _change(dice: random.Random, names: Sequence[str]) -> Manifest:
    """A header filter with at most one action for each name."""
    change: Manifest = {}
    for name in dice.sample(names, dice.randint(1, len(names))):
        written = dice.choice((name, name.upper(), name.lower()))
        action = dice.choice(("set", "add", "remove"))
        entry: Any = written if action == "remove" else {"name": written, "value": dice.choice(("n1", "n2,n3"))}
        change.setdefault(action, []).append(entry)
    return change


def _rewrite(dice: random.Random, prefix: bool) -> Manifest:
    rewrite: Manifest = {}
    if dice.random() < 0.5:
        rewrite["hostname"] = dice.choice(("in.test", "foo.example.com"))
    if not rewrite or dice.random() < 0.7:
        rewrite["path"] = _path_change(dice, prefix)
    return rewrite


def _path_change(dice: random.Random, prefix: bool) -> Manifest:
    if prefix and dice.random() < 0.8:
        return {"type": "ReplacePrefixMatch", "replacePrefixMatch": dice.choice(REPLACEMENTS)}
    return {"type": "ReplaceFullPath", "replaceFullPath": dice.choice(("/", "/full", "/full/"))}


def _redirect(dice: random.Random, prefix: bool) -> Manifest:
    redirect: Manifest = {"statusCode": dice.choice((302, 301, 303, 307, 308))}
    if dice.random() < 0.5:
        redirect["scheme"] = dice.choice(("http", "https"))
    if dice.random() < 0.3:
        redirect["hostname"] = "to.test"
    if dice.random() < 0.3:
        redirect["port"] = dice.choice((80, 443, 8443))
    if dice.random() < 0.5:
        redirect["path"] = _path_change(dice, prefix)
    return redirect


def _cors(dice: random.Random) -> Manifest:
    cors: Manifest = {"allowOrigins": list(dice.choice(ALLOWED_ORIGINS)), "maxAge": dice.choice((5, 600))}
    if dice.random() < 0.4:
        cors["allowCredentials"] = dice.choice((True, True, False))
    if dice.random() < 0.7:
        cors["allowMethods"] = dice.choice((["*"], ["GET", "PUT"], ["DELETE"]))
    if dice.random() < 0.7:
        cors["allowHeaders"] = dice.choice((["*"], ["X-Version", "x-env"]))
    if dice.random() < 0.5:
        cors["exposeHeaders"] = dice.choice((["*"], ["X-Up"], ["X-Up", "X-Both"]))
    return cors


def host_near(dice: random.Random, listener: str, route: Manifest | None) -> str:
    """A host that the listener's hostname and one of the Route's cover, or a neighbour of it, or any."""
    own = route["spec"].get("hostnames") if route else None
    name: str = max(listener, dice.choice(own or [""]), key=len)
    if not name or dice.random() < 0.1:
        return dice.choice(HOSTS)
    if name.startswith("*."):
        return dice.choice(("baz", "foo", "a.b", "x-foo")) + name[1:] if dice.random() < 0.95 else name[2:]
    return name if dice.random() < 0.95 else "x" + name


def near(dice: random.Random, target: Manifest | None, port: int, listener: str, others: Sequence[str]) -> Request:
    """A request that a match of the Route holds for, or nearly. listener: its hostname; others: those of all HTTPS
    listeners around, empty when the port is not HTTPS."""
    host = host_near(dice, listener, target)
    name = ""
    if others:
        name = host if dice.random() < 0.8 else host_near(dice, dice.choice(others), None)
    if dice.random() < 0.1:
        host = dice.choice((host.upper(), host.title(), f"{host}:{port}", f"{host}:1"))
    rule: Manifest = dice.choice(target["spec"]["rules"]) if target else {}
    match = dice.choice(rule.get("matches") or [{}])
    headers = [_satisfying(dice, one) for one in match.get("headers", ()) if dice.random() < 0.93]
    query = [_satisfying(dice, one) for one in match.get("queryParams", ()) if dice.random() < 0.93]
    if dice.random() < 0.25:
        headers.append((dice.choice(HEADERS), dice.choice(VALUES)))
    if dice.random() < 0.15:
        query.insert(dice.choice((0, len(query))), (dice.choice(PARAMETERS), dice.choice(VALUES)))
    cors = any(one["type"] == "CORS" for one in rule.get("filters", ()))
    methods = (*METHODS, "OPTIONS", "OPTIONS", "OPTIONS") if cors else METHODS
    method = match.get("method") if isinstance(match.get("method"), str) else dice.choice(methods)
    if target and target["kind"] == "GRPCRoute" and dice.random() < 0.9:
        wanted = match.get("method") or {}
        exact = wanted.get("type") == "Exact"
        service = wanted["service"] if exact and "service" in wanted else dice.choice(SERVICES)
        call = wanted["method"] if exact and "method" in wanted else dice.choice(CALLS)
        path, method = f"/{service}/{call}", "POST" if dice.random() < 0.95 else "GET"
        headers.append(("content-type", dice.choice(("application/grpc", "application/grpc+proto"))))
    else:
        wanted = match.get("path") or {"type": "PathPrefix", "value": "/"}
        path = dice.choice(EXPRESSIONS.get(wanted["value"], (wanted["value"],)))
        if wanted["type"] == "PathPrefix" or dice.random() < 0.1:
            path += dice.choice(TAILS)
        path = path.swapcase() if dice.random() < 0.03 else path
    if dice.random() < (0.8 if cors else 0.1):
        headers.append(("Origin", dice.choice(ORIGINS)))
    if method == "OPTIONS" and dice.random() < (0.8 if cors else 0.1):
        headers.append(("Access-Control-Request-Method", dice.choice(METHODS)))
        if dice.random() < 0.6:
            headers.append(("access-control-request-headers", dice.choice(("x-version", "X-Env,x-other"))))
    return Request(
        port=port,
        method=method or "GET",
        host=host,
        path=path,
        query=tuple(query),
        headers=tuple(headers),
        sni=name,
    )


def _satisfying(dice: random.Random, condition: Manifest) -> tuple[str, str]:
    name, value = condition["name"], dice.choice(VALUE_EXPRESSIONS.get(condition["value"], (condition["value"],)))
    return name.lower() if dice.random() < 0.1 else name, value if dice.random() < 0.95 else dice.choice(VALUES)
