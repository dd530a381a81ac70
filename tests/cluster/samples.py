"""Objects that a Kubernetes API server accepts: one function per part of the Gateway API, put together by chance.

Called by `admission`. Everything comes from the random numbers it is given, so that one seed gives one corpus. Written
from the specification (https://gateway-api.sigs.k8s.io/reference/spec/), not from any validator of this repository.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from tests.cluster.schemas import GROUP, Kind

NAMESPACES = ("default", "shop", "edge")  # those that exist on the server
LABELS = {"app.kubernetes.io/name": "shop", "tier": "front", "a_b.c": "", "x": "A-b_c.9"}


class Maker:
    """Parts of valid objects. wide: the experimental channel, with its additional fields."""

    def __init__(self, chance: random.Random, *, wide: bool) -> None:
        self.chance = chance
        self.wide = wide

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def one(self, *choices: Any) -> Any:
        return self.chance.choice(choices)

    def some(self, make: Callable[[], Any], low: int = 1, high: int = 3) -> list[Any]:
        return [make() for _ in range(self.chance.randint(low, high))]

    def distinct(self, make: Callable[[], dict[str, Any]], *keys: str, high: int = 3) -> list[dict[str, Any]]:
        """Items of a list whose keys differ."""
        found = {tuple(item.get(key) for key in keys): item for item in self.some(make, 1, high)}
        return list(found.values())

    def part(self, **fields: Callable[[], Any]) -> dict[str, Any]:
        """A mapping with some of its optional fields."""
        return {name: make() for name, make in fields.items() if self.maybe()}

    # Names

    def label(self) -> str:
        return str(self.one("a", "web", "web-1", "0", "x" * 63, "edge", "v2"))

    def subdomain(self) -> str:
        return str(self.one("web", "shop.example", "a.b-c.d0", "9", ("a" * 63 + ".") * 3 + "b" * 61, "10.0.0.1"))

    def hostname(self) -> str:
        host = self.one("example.com", "a.example.com", "xn--bcher-kva.example", "a", "0.example", "a-b.c")
        return f"*.{host}" if self.maybe(0.3) else str(host)

    def header(self) -> str:
        return str(self.one("X-Tenant", "x-tenant", "accept", "!#$%&'*+-.^_`|~", "A" * 256, "b3", ":authority"[1:]))

    def header_value(self) -> str:
        return str(self.one("a", "a b", "text/html;q=0.8", "x" * 4096, "~!", '"quoted"'))

    def port(self) -> int:
        return int(self.one(1, 80, 443, 8080, 65535))

    def duration(self) -> str:
        return str(self.one("0s", "1ms", "10s", "1m30s", "1h", "99999s", "1h1m1s1ms", "0h"))

    def group(self) -> str:
        return str(self.one("", GROUP, "example.net", "a", "core.example"))

    def kind(self) -> str:
        return str(self.one("Service", "Gateway", "Secret", "a", "A-b", "K" * 63))

    # References

    def parent(self, sections: bool = True) -> dict[str, Any]:
        found = {"name": self.subdomain(), **self.part(namespace=self.label, group=self.group, kind=self.kind)}
        if sections:
            found |= self.part(sectionName=self.subdomain, port=self.port)
        return found

    def parents(self) -> list[dict[str, Any]]:
        """Two references to one parent both name a section, and different ones."""
        found = self.distinct(self.parent, "name")
        if self.maybe(0.3):
            found += [{"name": "twice", "sectionName": "a"}, {"name": "twice", "sectionName": "b"}]
        if self.maybe(0.2):
            found += [{"name": "apart", "namespace": "a"}, {"name": "apart", "namespace": "b"}]
        if self.wide and self.maybe(0.3):
            found += [{"name": "ports", "port": 80}, {"name": "ports", "port": 81}]
        return found

    def backend(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.subdomain(), "port": self.port()}
        if self.maybe(0.3):
            found |= {"group": "example.net", "kind": "Bucket"}
            if self.maybe():
                del found["port"]
        return found | self.part(namespace=self.label)

    def weighted(self) -> dict[str, Any]:
        return self.backend() | self.part(weight=lambda: self.one(0, 1, 10, 1_000_000))

    def reference(self) -> dict[str, Any]:
        return {"group": self.group(), "kind": self.kind(), "name": self.subdomain()}

    def secret(self) -> dict[str, Any]:
        found = {"name": self.subdomain()} | self.part(namespace=self.label)
        return found | ({"group": "", "kind": "Secret"} if self.maybe() else {})

    # Filters

    def headers(self) -> list[dict[str, Any]]:
        return self.distinct(lambda: {"name": self.header(), "value": self.header_value()}, "name")

    def modifier(self) -> dict[str, Any]:
        names = lambda: sorted(set(self.some(self.header)))  # noqa: E731
        return self.part(set=self.headers, add=self.headers, remove=names)

    def mirror(self) -> dict[str, Any]:
        share: dict[str, Any] = self.one(
            {}, {"percent": 0}, {"percent": 100}, {"fraction": {"numerator": 1}},
            {"fraction": {"numerator": 5, "denominator": 5}},
        )  # fmt: skip
        return {"backendRef": self.backend(), **share}

    def path_change(self) -> dict[str, Any]:
        """Only whole paths: a prefix needs exactly one match by prefix, which `http_rule` adds."""
        return {"type": "ReplaceFullPath", "replaceFullPath": self.one("/", "/new", "", "no-slash", "/" + "a" * 1023)}

    def redirect(self) -> dict[str, Any]:
        return self.part(
            scheme=lambda: self.one("http", "https"), hostname=lambda: "example.com", path=self.path_change,
            port=self.port, statusCode=lambda: self.one(301, 302, 303, 307, 308),
        )  # fmt: skip

    def rewrite(self) -> dict[str, Any]:
        return self.part(hostname=lambda: "internal.example", path=self.path_change)

    def cors(self) -> dict[str, Any]:
        origins = ["https://a.example", "http://*.b.example:8080", "https://*", "http://localhost:65535"]
        return self.part(
            allowOrigins=lambda: self.one(["*"], origins, origins[:1], []),
            allowCredentials=lambda: self.maybe(),
            allowMethods=lambda: self.one(["*"], ["GET", "PUT", "PATCH"], []),
            allowHeaders=lambda: self.one(["*"], ["X-A", "X-B"], []),
            exposeHeaders=lambda: self.one(["*", "X-A"], ["X-B"]),
            maxAge=lambda: self.one(1, 5, 2**31 - 1),
        )

    def external_auth(self) -> dict[str, Any]:
        names = lambda: sorted(set(self.some(self.header)))  # noqa: E731
        found: dict[str, Any] = {"backendRef": self.backend()}
        if self.maybe():
            found |= {"protocol": "GRPC", "grpc": self.part(allowedHeaders=names)}
        else:
            http = self.part(path=lambda: "/check", allowedHeaders=names, allowedResponseHeaders=names)
            found |= {"protocol": "HTTP", "http": http}
        return found | self.part(forwardBody=lambda: self.part(maxSize=lambda: self.one(0, 8192)))

    def filters(self, *, http: bool, ending: bool) -> list[dict[str, Any]]:
        """ending: a redirect may be among them (it excludes backends and a rewrite)."""
        makers: dict[str, tuple[str, Callable[[], Any]]] = {
            "RequestHeaderModifier": ("requestHeaderModifier", self.modifier),
            "ResponseHeaderModifier": ("responseHeaderModifier", self.modifier),
            "RequestMirror": ("requestMirror", self.mirror),
            "ExtensionRef": ("extensionRef", self.reference),
        }
        if http:
            makers["CORS"] = ("cors", self.cors)
            makers.update(
                {"RequestRedirect": ("requestRedirect", self.redirect)}
                if ending
                else {"URLRewrite": ("urlRewrite", self.rewrite)}
            )
            if self.wide:
                makers["ExternalAuth"] = ("externalAuth", self.external_auth)
        chosen = [name for name in makers if self.maybe(0.6)]
        return [{"type": name, makers[name][0]: makers[name][1]()} for name in chosen]

    # Routes

    def http_match(self) -> dict[str, Any]:
        value_match = lambda: self.distinct(  # noqa: E731
            lambda: (
                {"name": self.header(), "value": self.one("a", "a b", ".*")}
                | self.part(type=lambda: self.one("Exact", "RegularExpression"))
            ),
            "name",
        )
        paths: list[dict[str, Any]] = [
            {"type": "Exact", "value": "/cart"}, {"type": "PathPrefix", "value": "/a/b"}, {"value": "/%7Eme"}, {},
            {"type": "RegularExpression", "value": "^/v[0-9]+//.*#"}, {"type": "Exact", "value": "/.../..a/.b"},
        ]  # fmt: skip
        return self.part(
            path=lambda: dict(self.one(*paths)), headers=value_match, queryParams=value_match,
            method=lambda: self.one("GET", "POST", "PATCH", "CONNECT"),
        )  # fmt: skip

    def http_rule(self) -> dict[str, Any]:
        ending = self.maybe(0.2)
        found: dict[str, Any] = self.part(
            matches=lambda: self.some(self.http_match), filters=lambda: self.filters(http=True, ending=ending)
        )
        if not ending and self.maybe(0.8):
            backends = self.some(self.weighted)
            for backend in backends:
                if self.maybe(0.4):
                    backend["filters"] = self.filters(http=True, ending=self.maybe())
            found["backendRefs"] = backends
        if self.maybe(0.3):
            change = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": self.one("/", "/new", "")}}
            name, field = ("RequestRedirect", "requestRedirect") if ending else ("URLRewrite", "urlRewrite")
            found["filters"] = [{"type": name, field: change}]
            found["matches"] = [{"path": {"type": "PathPrefix", "value": "/old"}}]
        if self.maybe(0.4):
            found["timeouts"] = self.one(
                {"request": "10s"}, {"backendRequest": "1m"}, {"request": "2s", "backendRequest": "2000ms"},
                {"request": "0s", "backendRequest": "1h"}, {},
            )  # fmt: skip
        if self.wide:
            found |= self.part(retry=self.retry, sessionPersistence=self.session)
        return found

    def retry(self) -> dict[str, Any]:
        codes = lambda: self.one([500, 503], [400], [599], [])  # noqa: E731
        return self.part(codes=codes, attempts=lambda: self.one(1, 3), backoff=self.duration)

    def session(self) -> dict[str, Any]:
        found = self.part(sessionName=lambda: self.one("s", "n" * 128, ""), absoluteTimeout=self.duration)
        if self.maybe():
            return found | {"type": "Header"}
        lifetime = self.one(*(["Permanent"] if "absoluteTimeout" in found else []), "Session")
        return found | {"type": "Cookie", "cookieConfig": {"lifetimeType": lifetime} if self.maybe(0.8) else {}}

    def grpc_rule(self) -> dict[str, Any]:
        methods: list[dict[str, Any]] = [
            {"service": "shop.v1.Cart"}, {"method": "Add"}, {"service": ".Shop", "method": "_a", "type": "Exact"},
            {"service": "a-b/.*", "type": "RegularExpression"},
        ]  # fmt: skip
        match = lambda: self.part(method=lambda: dict(self.one(*methods)), headers=self.headers)  # noqa: E731
        found: dict[str, Any] = self.part(
            matches=lambda: self.some(match), filters=lambda: self.filters(http=False, ending=False)
        )
        backends = self.some(self.weighted, 0)
        for backend in backends:
            if self.maybe(0.4):
                backend["filters"] = self.filters(http=False, ending=False)
        if self.wide:
            found |= self.part(sessionPersistence=self.session)
        return found | {"backendRefs": backends}

    def named(self, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Names of rules differ within a route."""
        return [{**rule, "name": f"rule-{number}"} if self.maybe(0.4) else rule for number, rule in enumerate(rules)]

    def route(self) -> dict[str, Any]:
        found = self.part(parentRefs=self.parents)
        return found | (self.part(useDefaultGateways=lambda: self.one("All", "None")) if self.wide else {})

    def hostnames(self) -> dict[str, Any]:
        return self.part(hostnames=lambda: self.some(self.hostname))

    def http_route(self) -> dict[str, Any]:
        rules = self.part(rules=lambda: self.named(self.some(self.http_rule)))
        return self.route() | self.hostnames() | rules

    def grpc_route(self) -> dict[str, Any]:
        rules = self.part(rules=lambda: self.named(self.some(self.grpc_rule, 0)))
        return self.route() | self.hostnames() | rules

    def stream_route(self) -> dict[str, Any]:
        return self.route() | {"rules": self.named([{"backendRefs": self.some(self.weighted)}])}

    def tls_route(self) -> dict[str, Any]:
        return self.stream_route() | {"hostnames": self.some(lambda: self.one("a.example", "*.b.example", "c"))}

    # Gateways

    def selector(self) -> dict[str, Any]:
        expressions = [{"key": "team", "operator": self.one("In", "Exists", "Whatever"), "values": ["a", "b"]}]
        return self.part(matchLabels=lambda: {"team": "a", "b": ""}, matchExpressions=lambda: expressions)

    def allowed(self, *choices: str) -> dict[str, Any]:
        return self.part(**{"from": lambda: self.one(*choices), "selector": self.selector})

    def allowed_routes(self) -> dict[str, Any]:
        kinds = lambda: self.some(  # noqa: E731
            lambda: {"kind": self.one("HTTPRoute", "TLSRoute")} | self.part(group=self.group), 0
        )
        return self.part(namespaces=lambda: self.allowed("All", "Selector", "Same"), kinds=kinds)

    def listener(self, number: int) -> dict[str, Any]:
        protocol = self.one("HTTP", "HTTPS", "TLS", "TCP", "UDP", "example.net/quic")
        found: dict[str, Any] = {"name": f"l{number}.x", "port": 8000 + number, "protocol": protocol}
        options = {"options": {"example.net/ciphers": "strong", "": "x" * 4096}}
        terminate: dict[str, Any] = self.one(
            {"certificateRefs": self.some(self.secret)}, options, {"certificateRefs": [self.secret()], **options}
        )
        if protocol == "TLS" and self.maybe():
            found["tls"] = {"mode": "Passthrough"}
        elif protocol in ("TLS", "HTTPS", "example.net/quic") and (protocol == "TLS" or self.maybe(0.8)):
            found["tls"] = terminate | ({"mode": "Terminate"} if self.maybe() else {})
        if protocol not in ("TCP", "UDP") and self.maybe():
            found["hostname"] = self.hostname()
        return found | self.part(allowedRoutes=self.allowed_routes)

    def listeners(self) -> list[dict[str, Any]]:
        found = [self.listener(number) for number in range(self.chance.randint(1, 4))]
        if self.maybe(0.3):
            found += [{"name": f"same-{host[:1]}", "port": 80, "protocol": "HTTP", "hostname": host} for host in "ab"]
        return found

    def addresses(self) -> list[dict[str, Any]]:
        return self.some(
            lambda: self.one(
                {"type": "IPAddress", "value": f"192.0.2.{self.chance.randint(1, 250)}"},
                {"value": f"2001:db8::{self.chance.randint(1, 9999):x}"},
                {"type": "Hostname", "value": f"h{self.chance.randint(1, 10**6)}.example"},
                {"type": "NamedAddress", "value": "any thing"}, {"type": "example.net/pool"}, {"type": "Hostname"},
            ), 1, 3,
        )  # fmt: skip

    def validation(self) -> dict[str, Any]:
        found = self.part(mode=lambda: self.one("AllowValidOnly", "AllowInsecureFallback"))
        return found | {"caCertificateRefs": self.some(lambda: self.reference() | self.part(namespace=self.label))}

    def frontend(self) -> dict[str, Any]:
        def tls() -> dict[str, Any]:
            return self.part(validation=self.validation)

        per_port = lambda: self.distinct(lambda: {"port": self.port(), "tls": tls()}, "port")  # noqa: E731
        return {"default": tls()} | self.part(perPort=per_port)

    def infrastructure(self) -> dict[str, Any]:
        annotations = {"example.net/a": "", "b": "x" * 4096, "C_d.e": "1"}
        return self.part(labels=lambda: dict(LABELS), annotations=lambda: annotations, parametersRef=self.reference)

    def gateway(self) -> dict[str, Any]:
        found = {"gatewayClassName": self.subdomain(), "listeners": self.listeners()}
        from_where = ("All", "Selector", "Same", "None")
        allowed = lambda: self.part(namespaces=lambda: self.allowed(*from_where))  # noqa: E731
        backend = lambda: self.part(clientCertificateRef=self.secret)  # noqa: E731
        found |= self.part(
            addresses=self.addresses, infrastructure=self.infrastructure, allowedListeners=allowed,
            tls=lambda: self.part(backend=backend, frontend=self.frontend),
        )  # fmt: skip
        return found | (self.part(defaultScope=lambda: self.one("All", "None")) if self.wide else {})

    def gateway_class(self) -> dict[str, Any]:
        names = ("example.net/gateway", "a/b", "example.net/a/b-c._~%!$&'()*+,;=:")
        parameters = lambda: self.reference() | self.part(namespace=self.label)  # noqa: E731
        return {"controllerName": self.one(*names)} | self.part(
            description=lambda: self.one("", "för alle", "é" * 64), parametersRef=parameters
        )

    def listener_set(self) -> dict[str, Any]:
        return {"parentRef": self.parent(sections=False), "listeners": self.listeners()}

    def reference_grant(self) -> dict[str, Any]:
        source = lambda: {"group": self.group(), "kind": self.kind(), "namespace": self.label()}  # noqa: E731
        target = lambda: {"group": self.group(), "kind": self.kind()} | self.part(name=self.subdomain)  # noqa: E731
        return {"from": self.some(source), "to": self.some(target)}

    def backend_tls_policy(self) -> dict[str, Any]:
        targets = self.distinct(lambda: self.reference() | self.part(sectionName=self.subdomain), "name")
        if self.maybe(0.4):
            targets += [{"group": "", "kind": "Service", "name": "two", "sectionName": name} for name in ("a", "b")]
        names = lambda: self.some(  # noqa: E731
            lambda: self.one(
                {"type": "Hostname", "hostname": "*.a.example"}, {"type": "URI", "uri": "spiffe://a.example/b?c#d"}
            )
        )
        validation: dict[str, Any] = {"hostname": "internal.example"} | self.part(subjectAltNames=names)
        validation |= self.one(
            {"caCertificateRefs": self.some(self.reference)}, {"wellKnownCACertificates": "System"},
            {"wellKnownCACertificates": "example.net/Ours", "caCertificateRefs": []},
        )  # fmt: skip
        return {"targetRefs": targets, "validation": validation} | self.part(options=lambda: {"a/b": "c", "d": ""})

    def metadata(self, kind: Kind, number: int) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.one(f"n{number}", f"a.b-{number}", f"{number}")}
        if kind.namespaced:
            found["namespace"] = self.one(*NAMESPACES)
        return found | self.part(labels=lambda: dict(LABELS), annotations=lambda: {"example.net/note": "ä b", "x": ""})


_SPECS: Mapping[str, Callable[[Maker], dict[str, Any]]] = {
    "GatewayClass": Maker.gateway_class, "Gateway": Maker.gateway, "ListenerSet": Maker.listener_set,
    "HTTPRoute": Maker.http_route, "GRPCRoute": Maker.grpc_route, "TLSRoute": Maker.tls_route,
    "TCPRoute": Maker.stream_route, "UDPRoute": Maker.stream_route, "ReferenceGrant": Maker.reference_grant,
    "BackendTLSPolicy": Maker.backend_tls_policy,
}  # fmt: skip


def sample(kind: Kind, number: int) -> dict[str, Any]:
    """The `number`-th valid object of a kind; always the same one."""
    maker = Maker(random.Random(f"{kind.label} {number}"), wide=kind.channel == "experimental")
    return {
        "apiVersion": f"{GROUP}/{kind.version}",
        "kind": kind.kind,
        "metadata": maker.metadata(kind, number),
        "spec": _SPECS[kind.kind](maker),
    }
