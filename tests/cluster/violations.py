"""Values that fit the schema of a node and break a rule of it: what no blind mutation would hit upon.

Called by `admission`, which puts each of them in the place of a valid one wherever the CRDs have rules; which rules
were then broken, the server says, and `verify_admission` counts. Written from what the rules mean, for a node by its
name. This module must never leave out the near miss: a value that breaks a rule stands beside one that just does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.cluster.schemas import ITEMS, VALUES, Path

_SERVICE: dict[str, Any] = {"name": "x", "port": 80}
_TARGET: dict[str, Any] = {"group": "", "kind": "Service", "name": "x"}
_CERTIFICATE: dict[str, Any] = {"certificateRefs": [{"name": "x"}]}
_FIELDS: dict[str, tuple[str, Any]] = {
    "RequestHeaderModifier": ("requestHeaderModifier", {"remove": ["x"]}),
    "ResponseHeaderModifier": ("responseHeaderModifier", {"remove": ["x"]}),
    "RequestMirror": ("requestMirror", {"backendRef": _SERVICE}),
    "RequestRedirect": ("requestRedirect", {"port": 80}),
    "URLRewrite": ("urlRewrite", {"hostname": "x"}),
    "ExtensionRef": ("extensionRef", {"group": "", "kind": "X", "name": "x"}),
    "CORS": ("cors", {"maxAge": 1}),
    "ExternalAuth": ("externalAuth", {"backendRef": _SERVICE, "protocol": "HTTP", "http": {}}),
}
_PREFIX: dict[str, Any] = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
_REDIRECT = {"type": "RequestRedirect", "requestRedirect": _PREFIX}
_REWRITE = {"type": "URLRewrite", "urlRewrite": _PREFIX}
_EXACT, _BY_PREFIX = {"path": {"type": "Exact", "value": "/x"}}, {"path": {"type": "PathPrefix", "value": "/x"}}
_LONG = ".".join(["a" * 63] * 3)  # 191 characters of a DNS name


def _filter(name: str) -> dict[str, Any]:
    return {"type": name, _FIELDS[name][0]: _FIELDS[name][1]}


def _filters() -> Iterator[Any]:
    """Each type without its field, and the field of each type beside another type."""
    for name, (field, value) in _FIELDS.items():
        yield {"type": name}
        for other in ("RequestHeaderModifier", "ResponseHeaderModifier"):
            if other != name:
                yield _filter(other) | {field: value}


def _filter_lists() -> Iterator[Any]:
    for name in _FIELDS:
        yield [_filter(name), _filter(name)]
    yield [_filter("RequestRedirect"), _filter("URLRewrite")]


def _listeners() -> Iterator[Any]:
    def listener(name: str, port: int, protocol: str, **fields: Any) -> dict[str, Any]:
        return {"name": name, "port": port, "protocol": protocol, **fields}

    for protocol in ("HTTP", "TCP", "UDP"):
        yield [listener("a", 80, protocol, tls=_CERTIFICATE)]
    for protocol in ("TCP", "UDP"):
        yield [listener("a", 80, protocol, hostname="a.example")]
    yield [listener("a", 443, "HTTPS", tls={"mode": "Passthrough"})]
    yield [listener("a", 443, "TLS")]
    yield [listener("a", 443, "TLS", tls={})]
    yield [listener("a", 80, "HTTP"), listener("a", 81, "HTTP")]
    yield [listener("a", 80, "HTTP"), listener("b", 80, "HTTP")]
    yield [listener("a", 80, "HTTP", hostname="x"), listener("b", 80, "HTTP", hostname="x")]
    yield [listener("a", 80, "HTTP", hostname="x"), listener("b", 80, "HTTP", hostname="y")]
    yield [listener("a", 80, "HTTP", hostname="x"), listener("b", 80, "HTTP")]
    yield [listener("a", 443, "HTTPS", tls=_CERTIFICATE), listener("b", 443, "TLS", tls=_CERTIFICATE)]


def _http_rules() -> Iterator[Any]:
    """Redirects and rewrites of a prefix beside matches that do not allow them, in the rule and in its backends."""
    yield {"backendRefs": [_SERVICE], "filters": [_filter("RequestRedirect")]}
    yield {"backendRefs": [], "filters": [_filter("RequestRedirect")]}
    for change in (_REDIRECT, _REWRITE):
        choices: tuple[list[Any], ...] = ([_EXACT], [_BY_PREFIX, _BY_PREFIX], [{}, {}], [])
        for matches in choices:
            yield {"filters": [change], "matches": matches}
            yield {"backendRefs": [{**_SERVICE, "filters": [change]}], "matches": matches}
        yield {"filters": [change]}
        yield {"filters": [change], "matches": [{"headers": [{"name": "a", "value": "b"}]}]}


def _keys() -> Iterator[Any]:
    """Keys of labels and annotations: an optional DNS prefix and a name."""
    for key in (
        "a b", "/x", "x/", "A/x", "a/b/c", "-x", "x-", "a" * 63, "a" * 64, "é", "", "a_/x", "a..b/x",
        f"{_LONG}.{'b' * 60}/x", f"{_LONG}.{'b' * 61}/x", f"{_LONG}.{'b' * 62}/x",
    ):  # fmt: skip
        yield {key: "v"}


def _parents() -> Iterator[Any]:
    yield [{"name": "x"}, {"name": "x"}]
    yield [{"name": "x"}, {"name": "x", "sectionName": "a"}]
    yield [{"name": "x", "sectionName": "a"}, {"name": "x", "sectionName": "a"}]
    yield [{"name": "x", "port": 80}, {"name": "x", "port": 80}]
    yield [{"name": "x", "port": 80}, {"name": "x", "port": 81}]
    yield [{"name": "x", "port": 80}, {"name": "x"}]
    yield [{"name": "x", "namespace": "a"}, {"name": "x", "namespace": "a"}]
    yield [{"name": "x", "namespace": "a"}, {"name": "x"}]
    yield [{"name": "x", "kind": "Gateway"}, {"name": "x"}]
    yield [{"name": "x", "group": ""}, {"name": "x"}]


def _paths() -> Iterator[Any]:
    for value in (
        "x", "", "//", "/a//b", "/a/./b", "/a/../b", "/a%2fb", "/a%2Fb", "/a#b", "/a/..", "/a/.", "/a b", "/é", "/%zz",
        "/a?b", '/"', "/a\n", "/...", "/a/..b", "/", "/" + "a" * 1023, "/" + "é" * 1023,
    ):  # fmt: skip
        for kind in ("Exact", "PathPrefix", "RegularExpression"):
            yield {"type": kind, "value": value}
    yield {"type": "Prefix", "value": "/"}
    yield {"type": "RegularExpression"}


def _bad() -> Iterator[tuple[str, Any]]:
    """(the end of a path, a value for the node there)."""
    groups: dict[str, Iterator[Any]] = {
        "filters[]": _filters(), "filters": _filter_lists(), "listeners": _listeners(), "parentRefs": _parents(),
        "matches[].path": _paths(), "rules[]": _http_rules(),
    }  # fmt: skip
    for end, found in groups.items():
        yield from ((end, value) for value in found)
    for end in ("infrastructure.annotations", "infrastructure.labels"):
        yield from ((end, value) for value in _keys())
    for end in ("backendRefs[]", "backendRef"):
        yield end, {"name": "x"}
        yield end, {"name": "x", "group": "", "kind": "Service"}
        yield end, {"name": "x", "group": "a", "kind": "Service"}
    yield from _of_http()
    yield from _of_gateways()
    yield from _of_policies()


def _of_http() -> Iterator[tuple[str, Any]]:
    for total in (128, 129):
        yield (
            "rules",
            [{"matches": [{}] * 64}, {"matches": [{}] * 64}, {"matches": [{}] * (total - 128)}][: total - 126],
        )
    yield "rules", [{"name": "a", "backendRefs": [_SERVICE]}, {"name": "a", "backendRefs": [_SERVICE]}]
    yield "rules", [{"name": "a", "backendRefs": [_SERVICE]}, {"name": "b", "backendRefs": [_SERVICE]}]
    mirror = {"backendRef": _SERVICE}
    yield "requestMirror", mirror | {"percent": 1, "fraction": {"numerator": 1}}
    for fraction in ((101, None), (100, None), (2, 1), (0, 1)):
        yield "fraction", {"numerator": fraction[0]} | ({"denominator": fraction[1]} if fraction[1] else {})
    for method in (
        {}, {"type": "Exact"}, {"type": "RegularExpression"}, {"service": "a-b"}, {"service": ""}, {"method": ""},
        {"method": "a.b"}, {"service": "A.B", "method": "c"}, {"service": "a..b"}, {"service": "a\n"},
        {"service": "a-b", "type": "RegularExpression"}, {"service": "1a"}, {"method": "1a"}, {"service": "ſ"},
    ):  # fmt: skip
        yield "matches[].method", method
    for end in ("allowHeaders", "allowMethods", "allowOrigins"):
        one = {"allowHeaders": "X", "allowMethods": "GET", "allowOrigins": "https://a"}[end]
        yield end, ["*", one]
        yield end, [one, "*"]
    for end in ("requestRedirect.path", "urlRewrite.path"):
        yield end, {"type": "ReplaceFullPath"}
        yield end, {"type": "ReplacePrefixMatch"}
        yield end, {"type": "ReplaceFullPath", "replacePrefixMatch": "/"}
        yield end, {"type": "ReplacePrefixMatch", "replaceFullPath": "/"}
    for request, backend in (
        ("1s", "2s"), ("1s", "1001ms"), ("0s", "1h"), ("0ms", "1h"), ("1h", "60m"), ("1h1h", "119m"), ("1h", "1h1ms"),
    ):  # fmt: skip
        yield "timeouts", {"request": request, "backendRequest": backend}
    authorisation: dict[str, Any] = {"backendRef": _SERVICE}
    for protocol in ("HTTP", "GRPC"):
        yield "externalAuth", authorisation | {"protocol": protocol}
        yield "externalAuth", authorisation | {"protocol": protocol, "http": {}, "grpc": {}}
    yield "sessionPersistence", {"cookieConfig": {"lifetimeType": "Permanent"}}
    yield "sessionPersistence", {"cookieConfig": {"lifetimeType": "Permanent"}, "absoluteTimeout": "0s"}
    yield "sessionPersistence", {"type": "Header", "cookieConfig": {}}
    for host in ("10.0.0.1", "256.0.0.1", "A.example", "a.*.example", "*.*.a", "*", "*.", "*.10.0.0.1", "::1", "a..b"):
        yield "hostnames", [host]


def _of_gateways() -> Iterator[tuple[str, Any]]:
    yield "spec.addresses", [{"value": "10.0.0.1"}, {"type": "IPAddress", "value": "10.0.0.1"}]
    yield "spec.addresses", [{"value": "10.0.0.1"}, {"value": "010.0.0.1"}]
    yield "spec.addresses", [{"type": "Hostname", "value": "a"}, {"type": "Hostname", "value": "a"}]
    yield "spec.addresses", [{"type": "Hostname"}, {"type": "Hostname"}]
    yield "spec.addresses", [{"type": "NamedAddress", "value": "a"}, {"type": "NamedAddress", "value": "a"}]
    for value in ("-a", "A", "", "a..b", "*.a", "10.0.0.1"):
        yield "spec.addresses[]", {"type": "Hostname", "value": value}
    for value in (
        "10.0.0.256", "10.0.0", "010.0.0.1", "::1", "::g", "fe80::1%eth0", "::ffff:1.2.3.4", "1.2.3.4/32", "", "a",
        "2001:db8:0:0:0:0:0:0:1", "1", "[::1]", " 10.0.0.1",
    ):  # fmt: skip
        yield "spec.addresses[]", {"type": "IPAddress", "value": value}
    yield "listeners[].tls", {}
    yield "listeners[].tls", {"mode": "Terminate"}
    yield "listeners[].tls", {"mode": "Passthrough"}
    yield "listeners[].tls", {"certificateRefs": []}
    yield "listeners[].tls", {"options": {}}
    yield "perPort", [{"port": 80, "tls": {}}, {"port": 80, "tls": {}}]


def _of_policies() -> Iterator[tuple[str, Any]]:
    yield "targetRefs", [_TARGET, {**_TARGET, "sectionName": "a"}]
    yield "targetRefs", [_TARGET, _TARGET]
    yield "targetRefs", [{**_TARGET, "sectionName": "a"}, {**_TARGET, "sectionName": "a"}]
    hostname = {"hostname": "a.example"}
    yield "spec.validation", hostname
    yield "spec.validation", hostname | {"caCertificateRefs": []}
    yield "spec.validation", hostname | {"caCertificateRefs": [_TARGET], "wellKnownCACertificates": "System"}
    for name in (
        {"type": "Hostname"}, {"type": "URI"}, {"type": "URI", "uri": "spiffe://a/b", "hostname": "a"},
        {"type": "Hostname", "hostname": "a", "uri": "spiffe://a/b"}, {"type": "Hostname", "uri": "spiffe://a/b"},
    ):  # fmt: skip
        yield "subjectAltNames[]", name


def at(path: Path) -> list[Any]:
    """Values for the node at a path; none for a node that we know no rule of."""
    name = "spec." + ".".join(path[1:]) if path[:1] == ("spec",) else ".".join(path)
    name = name.replace(f".{ITEMS}", ITEMS).replace(f".{VALUES}", VALUES)
    return [value for end, value in _BAD if name == end or name.endswith(f".{end}")]


_BAD = tuple(_bad())
