"""Load balancers in a few words, as GET shows their objects; for the tests of `semantics` alone.

A project has one address, 192.0.2.1, with a forwarding rule and proxy on port 80 (http), 8080 (http) and 443 (https),
all on one URL map. Backend services that are only named are made, with one backend each.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw_gcp import semantics

Json = dict[str, Any]

API = "https://www.googleapis.com/compute/v1/"
IP = "192.0.2.1"
HOME = "projects/p/global"
REGION = "projects/p/regions/us-central1"


def ask(url: str, *headers: tuple[str, str], method: str = "GET", host: str = "") -> semantics.Request:
    """`http://example.net:8080/a?b`, as a client sends it to the address."""
    parts = urllib.parse.urlsplit(url)
    return semantics.Request(
        IP,
        parts.port or {"http": 80, "https": 443}[parts.scheme],
        "https" if parts.scheme == "https" else "http",
        host or parts.netloc,
        parts.path or "/",
        parts.query,
        method,
        headers,
    )


def bs(name: str, place: str = HOME) -> str:
    return f"{API}{place}/backendServices/{name}"


def matcher(*rules: Json, default: str | None = "rest", name: str = "m", **more: Any) -> Json:
    """rules: those of `path` or those of `when`."""
    kind = "pathRules" if rules and "paths" in rules[0] else "routeRules"
    service = {"defaultService": bs(default)} if default else {}
    return {"name": name, **service, **({kind: list(rules)} if rules else {}), **more}


def path(service: str, *paths: str, **more: Any) -> Json:
    return {"paths": list(paths), **({"service": bs(service)} if service else {}), **more}


def when(priority: int, service: str, *rules: Json, **more: Any) -> Json:
    return {"priority": priority, "matchRules": list(rules), **({"service": bs(service)} if service else {}), **more}


def header(name: str, invert: bool | None = None, **kind: Any) -> Json:
    inverted = {} if invert is None else {"invertMatch": invert}
    return {"headerName": name, **kind, **inverted}


def shares(**weights: int) -> Json:
    return {"weightedBackendServices": [{"backendService": bs(name), "weight": n} for name, n in weights.items()]}


def edits(side: str, *removed: str, replace: bool | None = None, **added: str) -> Json:
    """X_Name=value, as header names have no underscore."""
    told = {} if replace is None else {"replace": replace}
    adds = [{"headerName": name.replace("_", "-"), "headerValue": value, **told} for name, value in added.items()]
    return {f"{side}HeadersToAdd": adds, f"{side}HeadersToRemove": list(removed)}


def url_map(*matchers: Json, hosts: Mapping[str, Sequence[str]] | None = None, **more: Any) -> Json:
    """hosts: of each matcher, by its name; else every matcher has `*`."""
    found = hosts or {item["name"]: ["*"] for item in matchers}
    rules = [{"hosts": list(names), "pathMatcher": name} for name, names in found.items()]
    default = {} if {"defaultUrlRedirect"} & set(more) else {"defaultService": bs("map")}
    return {"name": "um", "hostRules": rules, "pathMatchers": list(matchers), **default, **more}


def project(found: Json, *, scheme: str = "EXTERNAL_MANAGED", place: str = HOME, **services: Json) -> Json:
    """services: further members of backend services, by name. In a region all backend services are there too."""
    links = json.loads(json.dumps(found).replace(HOME, place))
    links["selfLink"] = f"{API}{place}/urlMaps/um"
    names = sorted({*re.findall(r"/backendServices/([\w-]+)", json.dumps(links)), *services})
    proxies = {name: f"{API}{place}/{kind}/{name}" for name, kind in PROXIES.items()}
    return {
        "addresses": [{"selfLink": f"{API}{place}/addresses/ip", "address": IP}],
        "forwardingRules": [
            {
                "name": f"f{port}",
                "selfLink": f"{API}{place}/forwardingRules/f{port}",
                "IPAddress": IP,
                "IPProtocol": "TCP",
                "portRange": f"{port}-{port}",
                "loadBalancingScheme": scheme,
                "target": proxies[proxy],
            }
            for port, proxy in ((80, "http"), (8080, "http"), (443, "https"))
        ],
        **{kind: [{"selfLink": proxies[name], "urlMap": links["selfLink"]}] for name, kind in PROXIES.items()},
        "urlMaps": [links],
        "backendServices": [
            {
                "selfLink": bs(name, place),
                "protocol": "HTTP",
                "timeoutSec": 30,
                "backends": [{"group": f"{API}projects/p/zones/us-central1-a/networkEndpointGroups/{name}"}],
                **services.get(name, {}),
            }
            for name in names
        ],
    }


PROXIES = {"http": "targetHttpProxies", "https": "targetHttpsProxies"}


def one(*rules: Json, **more: Any) -> Json:
    """A global external load balancer with one matcher for all hosts."""
    return project(url_map(matcher(*rules, **more)))


def regional(*rules: Json, **more: Any) -> Json:
    return project(url_map(matcher(*rules, **more)), place=REGION)


def names(found: semantics.Answer) -> list[str]:
    """The backend services that may get it; with their weights where there are several."""
    last = [(share.service.rpartition("/")[2], share.weight) for share in found.shares]
    return [name for name, _ in last] if len(last) == 1 else [f"{name}={weight}" for name, weight in last]


def template(pattern: str, rewrite: str | None = None) -> Json:
    action = {} if rewrite is None else {"routeAction": {"urlRewrite": {"pathTemplateRewrite": rewrite}}}
    return one(when(1, "met", {"pathTemplateMatch": pattern}, **action))


def redirects(level: str = "map", place: str = HOME, **redirect: Any) -> Json:
    """level: of the map, of a path matcher, or of the prefix or path that it names."""
    if level == "map":
        return project({"defaultUrlRedirect": redirect}, place=place)
    if level == "matcher":
        return project(url_map(matcher(default=None, defaultUrlRedirect=redirect)))
    if level.endswith("*"):
        return one(path("", level, urlRedirect=redirect))
    return one(when(1, "", {"prefixMatch": level}, urlRedirect=redirect))


def matching(**match: Any) -> Json:
    return regional(when(1, "met", match))


def outcome(found: semantics.Answer, asked: semantics.Request) -> str:
    if found.kind == "closed":
        return "closed"
    if found.kind == "fixed":
        return str(found.status)
    if found.kind == "redirect":
        return f"{found.status} {found.location}"
    seen = f"{found.host}{found.path}{'?' if found.query else ''}{found.query}"
    sent = f"{asked.host}{asked.path}{'?' if asked.query else ''}{asked.query}"
    return " ".join([*names(found), *([] if seen == sent else ["sees", seen])])
