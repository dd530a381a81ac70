"""One row for each refusal of a gateway document: what was changed in a good one, the code, and who is named."""

from __future__ import annotations

import collections.abc

import pytest

from cloudgw_local.azure import gateway

from . import samples
from .samples import Json, add, child, edit, ref
from .test_gateway import ID, refused

Change = collections.abc.Callable[[Json], Json]
Row = tuple[Change, str, str]

HOST = "httpListeners/shop"
SETTINGS = "backendHttpSettingsCollection/https"
PATHS = "urlPathMaps/paths/pathRules/api"
STREAM = "listeners/stream"


def twin(number: int = 80, **properties: object) -> Change:
    """A second listener on the port of `web` (80), `secure` (443) or `stream` (9000)."""
    base = {
        "frontendIPConfiguration": ref("frontendIPConfigurations", "public"),
        "frontendPort": ref("frontendPorts", f"p{number}"),
        "protocol": "Http",
    }
    return lambda document: add(document, "httpListeners", child("twin", **(base | properties)))


def rewrite(**members: object) -> Change:
    """One rewrite rule with these members; `actionSet` members may be given alone."""

    def change(document: Json) -> Json:
        return edit(document, "rewriteRuleSets/rewrite", rewriteRules=[samples.rewrite_rule() | members])

    return change


def request_header(name: str, value: str = "x", **more: object) -> Change:
    header = {"headerName": name, "headerValue": value} | more
    return rewrite(actionSet={"requestHeaderConfigurations": [header]})


def paths(*values: str) -> Change:
    return lambda document: edit(document, PATHS, paths=list(values))


def of(path: str, /, **members: object) -> Change:
    return lambda document: edit(document, path, **members)


def rule(name: str, **properties: object) -> Change:
    return lambda document: add(document, "requestRoutingRules", child(name, **properties))


def secure(*hosts: str) -> Change:
    return of("httpListeners/secure", hostNames=list(hosts))


def pool(*addresses: Json) -> Change:
    return of("backendAddressPools/pool", backendAddresses=list(addresses))


def many(collection: str, count: int, **properties: object) -> Change:
    return lambda document: add(document, collection, *(child(f"n{index}", **properties) for index in range(count)))


REQUIRED: dict[str, Row] = {
    "no gateway IP configuration": (of("", gatewayIPConfigurations=None), "SubnetIsRequired", "gw"),
    "no subnet": (of("gatewayIPConfigurations/gwip", subnet=None), "SubnetIsRequired", "gatewayIPConfigurations/gwip"),
    "port 0": (of("frontendPorts/p80", port=0), "FrontendPortInvalidPortNumber", "frontendPorts/p80"),
    "no port": (of("frontendPorts/p80", port=None), "FrontendPortInvalidPortNumber", "frontendPorts/p80"),
    "port of the service": (of("frontendPorts/p80", port=65200), "FrontendPortInvalidPortNumber", "frontendPorts/p80"),
    "no settings port": (of(SETTINGS, port=None), "BackendHttpSettingsPortIsInvalid", SETTINGS),
    "settings port 65536": (of(SETTINGS, port=65536), "BackendHttpSettingsPortIsInvalid", SETTINGS),
    "draining 0 s": (
        of(SETTINGS, connectionDraining={"enabled": True, "drainTimeoutInSec": 0}),
        "ConnectionDrainingTimeoutInvalid",
        SETTINGS,
    ),
    "draining 3601 s": (
        of(SETTINGS, connectionDraining={"enabled": False, "drainTimeoutInSec": 3601}),
        "ConnectionDrainingTimeoutInvalid",
        SETTINGS,
    ),
    "no frontend": (of(HOST, frontendIPConfiguration=None), "HttpListenerMustReference", HOST),
    "no frontend port": (of(STREAM, frontendPort=None), "HttpListenerMustReference", STREAM),
    "no listener": (
        of("requestRoutingRules/rule", httpListener=None),
        "RequestRoutingRuleMustReference",
        "requestRoutingRules/rule",
    ),
    "no pool": (
        of("requestRoutingRules/rule-shop", backendAddressPool=None),
        "RequestRoutingRuleMustReference",
        "requestRoutingRules/rule-shop",
    ),
    "no TCP settings": (
        of("routingRules/rule-stream", backendSettings=None),
        "RequestRoutingRuleMustReference",
        "routingRules/rule-stream",
    ),
    "no address": (
        of("frontendIPConfigurations/public", publicIPAddress=None),
        "FrontendIpBothPublicIpAddressAndSubnetCannotBeNull",
        "frontendIPConfigurations/public",
    ),
    "no listener at all": (
        lambda document: edit(
            document,
            "",
            httpListeners=None,
            listeners=None,
            requestRoutingRules=None,
            routingRules=None,
            redirectConfigurations=None,
            urlPathMaps=None,
        ),
        "HttpListenersCannotBeEmpty",
        "gw",
    ),
}

LISTENERS: dict[str, Row] = {
    "HTTPS without certificate": (of(HOST, sslCertificate=None), "HttpsListenerMustReferenceSslCert", HOST),
    "TLS without certificate": (of(STREAM, protocol="Tls"), "HttpsListenerMustReferenceSslCert", STREAM),
    "HTTP with certificate": (
        of("httpListeners/web", sslCertificate=ref("sslCertificates", "cert")),
        "HttpListenerCannotReferenceSslCert",
        "httpListeners/web",
    ),
    "TCP among HTTP": (of("httpListeners/web", protocol="Tcp"), "HttpListenerProtocolInvalid", "httpListeners/web"),
    "HTTP among TCP": (of(STREAM, protocol="Http"), "HttpListenerProtocolInvalid", STREAM),
    "hostName and hostNames": (of(HOST, hostNames=["a.example"]), "HttpListenerHostNameAndHostNamesConflict", HOST),
    "wildcard in hostName": (of(HOST, hostName="*.example.net"), "HttpListenerInvalidHostName", "*.example.net"),
    "host with a port": (of(HOST, hostName="a.example:80"), "HttpListenerInvalidHostName", "a.example:80"),
    "host of a TCP listener": (of(STREAM, hostNames=["a.example"]), "HttpListenerInvalidHostName", STREAM),
    "five wildcards": (
        secure("?????.example"),
        "HttpListenerInvalidHostName",
        "httpListeners/secure",
    ),
    "two stars in a label": (
        of("httpListeners/secure", hostNames=["*a*.example"]),
        "HttpListenerInvalidHostName",
        "*a*",
    ),
    "three starred labels": (
        of("httpListeners/secure", hostNames=["*.*.*.b"]),
        "HttpListenerInvalidHostName",
        "*.*.*.b",
    ),
    "one host twice": (secure("a.b", "A.b"), "HttpListenerInvalidHostName", "A.b"),
    "six hosts": (
        secure(*(f"{index}.example" for index in range(6))),
        "HttpListenerHostNameLimitReached",
        "httpListeners/secure",
    ),
    "two basic on a port": (twin(), "HttpListenersUsingSameFrontendPort", "httpListeners/twin"),
    "one host on a port": (
        twin(443, protocol="Https", hostName="SHOP.example.net", sslCertificate=ref("sslCertificates", "cert")),
        "HttpListenersUsingSameFrontendPortHostNameAndFrontendIpConfig",
        "httpListeners/twin",
    ),
    "HTTP and HTTPS on a port": (
        twin(443, hostName="other.example.net"),
        "HttpListenersUsingSameFrontendPortWithDifferentProtocols",
        "httpListeners/twin",
    ),
    "TCP and HTTP on a port": (
        twin(9000, hostName="other.example.net"),
        "HttpListenersUsingSameFrontendPortWithDifferentProtocols",
        "listeners/stream",
    ),
}

RULES: dict[str, Row] = {
    "a listener twice": (
        rule(
            "second",
            priority=900,
            httpListener=ref("httpListeners", "web"),
            redirectConfiguration=ref("redirectConfigurations", "away"),
        ),
        "RequestRoutingRulesUsingSameHttpListener",
        "httpListeners/web",
    ),
    "no priority": (
        of("requestRoutingRules/rule", priority=None),
        "RequestRoutingRulePriorityCannotBeEmpty",
        "requestRoutingRules/rule",
    ),
    "priority 20001": (
        of("requestRoutingRules/rule", priority=20001),
        "RequestRoutingRulePriorityIsInvalid",
        "requestRoutingRules/rule",
    ),
    "one priority twice": (
        of("requestRoutingRules/rule", priority=100),
        "RequestRoutingRulePriorityMustBeUnique",
        "requestRoutingRules/rule-shop cannot have the same priority 100",
    ),
    "one priority for HTTP and TCP": (
        of("routingRules/rule-stream", priority=100),
        "RequestRoutingRulePriorityMustBeUnique",
        "routingRules/rule-stream",
    ),
    "redirect and pool": (
        of("requestRoutingRules/rule", backendAddressPool=ref("backendAddressPools", "pool")),
        "RequestRoutingRuleReferenceConflict",
        "requestRoutingRules/rule",
    ),
    "Basic with a path map": (
        of("requestRoutingRules/rule-secure", ruleType="Basic"),
        "RequestRoutingRuleReferenceConflict",
        "requestRoutingRules/rule-secure",
    ),
    "PathBasedRouting without a path map": (
        of("requestRoutingRules/rule-secure", urlPathMap=None),
        "RequestRoutingRuleMustReference",
        "requestRoutingRules/rule-secure must reference UrlPathMap",
    ),
    "PathBasedRouting with a pool": (
        of("requestRoutingRules/rule-secure", backendAddressPool=ref("backendAddressPools", "pool")),
        "RequestRoutingRuleReferenceConflict",
        "requestRoutingRules/rule-secure",
    ),
    "redirect without type": (
        of("redirectConfigurations/away", redirectType=None),
        "RedirectConfigurationIsInvalid",
        "redirectConfigurations/away",
    ),
    "redirect to nothing": (
        of("redirectConfigurations/away", targetUrl=None),
        "RedirectConfigurationIsInvalid",
        "redirectConfigurations/away",
    ),
    "redirect to both": (
        of("redirectConfigurations/to-shop", targetUrl="https://a.example"),
        "RedirectConfigurationIsInvalid",
        "redirectConfigurations/to-shop",
    ),
    "redirect to a path": (
        of("redirectConfigurations/away", targetUrl="/elsewhere"),
        "RedirectConfigurationIsInvalid",
        "redirectConfigurations/away",
    ),
    "redirect to a wildcard listener": (
        of("redirectConfigurations/to-shop", targetListener=ref("httpListeners", "secure")),
        "RedirectConfigurationTargetListenerHasMultipleHostNames",
        "httpListeners/secure",
    ),
}

PATH_MAPS: dict[str, Row] = {
    "the path /": (paths("/"), "PathRulePathShouldHaveNonEmptyMatchValue", PATHS),
    "no slash": (paths("api"), "PathRulePathMustStartWithSlash", PATHS),
    "question mark": (paths("/a?b"), "PathRuleInvalidCharacter", PATHS),
    "star in the middle": (paths("/a/*/b"), "PathRuleInvalidCharacter", PATHS),
    "no path": (paths(), "PathRulePathsCannotBeEmpty", PATHS),
    "one path twice": (paths("/API", "/api"), "PathsWithinUrlPathMapMustBeUnique", "Path /api"),
    "one path in two rules": (paths("/OLD/*"), "PathsWithinUrlPathMapMustBeUnique", "Path /old/*"),
    "101 paths": (paths(*(f"/{index}" for index in range(100))), "UrlPathMapPathLimitReached", "is 101"),
    "rule without settings": (of(PATHS, backendHttpSettings=None), "PathRuleMustReference", PATHS),
    "rule with redirect and pool": (
        of(PATHS, redirectConfiguration=ref("redirectConfigurations", "away")),
        "PathRuleReferenceConflict",
        PATHS,
    ),
    "no default pool": (
        of("urlPathMaps/paths", defaultBackendAddressPool=None),
        "UrlPathMapMustSpecifyDefaultBackendAddressPool",
        "urlPathMaps/paths",
    ),
    "no default settings": (
        of("urlPathMaps/paths", defaultBackendHttpSettings=None),
        "UrlPathMapMustSpecifyDefaultBackendHttpSettings",
        "urlPathMaps/paths",
    ),
    "default redirect and pool": (
        of("urlPathMaps/paths", defaultRedirectConfiguration=ref("redirectConfigurations", "away")),
        "PathRuleReferenceConflict",
        "urlPathMaps/paths",
    ),
}

SET = "rewriteRuleSets/rewrite"
URI = {"variable": "var_uri_path", "pattern": "^/(.*)$"}
REWRITES: dict[str, Row] = {
    "no action": (rewrite(actionSet={}), "RewriteRuleSetActionSetInRewriteRuleCannotBeEmpty", SET),
    "no name": (rewrite(name=""), "RewriteRuleSetRewriteRuleNameCannotBeEmpty", SET),
    "underscore in a header": (request_header("X_Y"), "RewriteRuleSetHeaderNameInvalid", "X_Y"),
    "Connection": (request_header("connection"), "RewriteRuleSetHeaderNameInvalid", "connection"),
    "Host deleted": (request_header("Host", ""), "RewriteRuleSetHeaderNameInvalid", "Host"),
    "matcher of a request header": (
        request_header("X-A", headerValueMatcher={"pattern": "a"}),
        "RewriteRuleSetHeaderValueMatcherNotAllowed",
        SET,
    ),
    "no such variable": (
        rewrite(conditions=[{"variable": "uri_path", "pattern": "a"}]),
        "RewriteRuleSetConditionInvalidVariable",
        "uri_path",
    ),
    "no regular expression": (
        rewrite(conditions=[{"variable": "var_uri_path", "pattern": "("}]),
        "RewriteRuleSetConditionInvalidPattern",
        SET,
    ),
    "look-ahead": (
        rewrite(conditions=[{"variable": "var_uri_path", "pattern": "^/(?!api)(.*)$"}]),
        "RewriteRuleSetConditionInvalidPattern",
        SET,
    ),
    "capture without condition": (rewrite(conditions=[]), "RewriteRuleSetActionInvalidVariable", "{var_uri_path_1}"),
    "second capture of one": (
        rewrite(conditions=[URI], actionSet={"urlConfiguration": {"modifiedPath": "/{var_uri_path_2}"}}),
        "RewriteRuleSetActionInvalidVariable",
        "{var_uri_path_2}",
    ),
    "capture of a negated condition": (
        rewrite(conditions=[URI | {"negate": True}]),
        "RewriteRuleSetActionInvalidVariable",
        "{var_uri_path_1}",
    ),
    "empty URL rewrite": (
        rewrite(actionSet={"urlConfiguration": {"reroute": True}}),
        "RewriteRuleSetUrlConfigurationIsInvalid",
        SET,
    ),
    "path without a slash": (
        rewrite(actionSet={"urlConfiguration": {"modifiedPath": "a"}}),
        "RewriteRuleSetUrlConfigurationIsInvalid",
        SET,
    ),
    "41 conditions": (rewrite(conditions=[URI] * 41), "RewriteRuleSetConditionLimitReached", "is 41"),
    "41 headers": (
        rewrite(actionSet={"requestHeaderConfigurations": [{"headerName": "X-A", "headerValue": "b"}] * 41}),
        "RewriteRuleSetHeaderConfigurationLimitReached",
        "is 41",
    ),
    "reroute of a Basic rule": (
        lambda document: edit(
            rewrite(actionSet={"urlConfiguration": {"modifiedPath": "/a", "reroute": True}})(document),
            "requestRoutingRules/rule-shop",
            rewriteRuleSet=ref("rewriteRuleSets", "rewrite"),
        ),
        "RewriteRuleSetRerouteNotAllowed",
        "requestRoutingRules/rule-shop",
    ),
}

PROBE = "probes/probe"
TCP = "backendSettingsCollection/tcp"
BACKENDS: dict[str, Row] = {
    "address and name": (
        pool({"ipAddress": "10.0.0.1", "fqdn": "a.b"}),
        "BackendAddressInvalid",
        "backendAddressPools/pool",
    ),
    "bad address": (
        pool({"ipAddress": "10.0.0"}),
        "BackendAddressInvalid",
        "10.0.0",
    ),
    "bad name": (pool({"fqdn": "a b"}), "BackendAddressInvalid", "a b"),
    "1201 targets": (
        pool(*[{"ipAddress": "10.0.0.1"}] * 1201),
        "BackendAddressLimitReached",
        "backendAddressPools/pool is 1201",
    ),
    "timeout 0": (of(SETTINGS, requestTimeout=0), "BackendHttpSettingsRequestTimeoutInvalid", SETTINGS),
    "timeout over a day": (of(SETTINGS, requestTimeout=86401), "BackendHttpSettingsRequestTimeoutInvalid", SETTINGS),
    "TCP in HTTP settings": (of(SETTINGS, protocol="Tcp"), "BackendHttpSettingsProtocolInvalid", SETTINGS),
    "no protocol": (of(SETTINGS, protocol=None), "BackendHttpSettingsProtocolInvalid", SETTINGS),
    "two sources of the host": (
        of(SETTINGS, pickHostNameFromBackendAddress=True),
        "BackendHttpSettingsHostNameFieldConflict",
        SETTINGS,
    ),
    "path override without slash": (of(SETTINGS, path="a/"), "BackendHttpSettingsPathIsInvalid", SETTINGS),
    "root certificate of HTTP": (
        of("backendHttpSettingsCollection/http", trustedRootCertificates=[ref("trustedRootCertificates", "root")]),
        "BackendHttpSettingsTrustedRootCertificateNotAllowed",
        "backendHttpSettingsCollection/http",
    ),
    "probe of another protocol": (
        of(PROBE, protocol="Http"),
        "ProbeProtocolMustMatchBackendHttpSettinsProtocol",
        PROBE,
    ),
    "HTTP in TCP settings": (of(TCP, protocol="Http"), "BackendSettingsProtocolInvalid", TCP),
    "no TCP port": (of(TCP, port=None), "BackendSettingsPortIsInvalid", TCP),
    "TCP timeout 0": (of(TCP, timeout=0), "BackendSettingsTimeoutInvalid", TCP),
    "probe without host": (of(PROBE, host=None), "ProbeHostIsNull", PROBE),
    "probe with two hosts": (of(PROBE, pickHostNameFromBackendHttpSettings=True), "ProbeHostFieldConflict", PROBE),
    "probe host of settings without one": (
        lambda document: edit(
            edit(document, PROBE, host=None, pickHostNameFromBackendHttpSettings=True), SETTINGS, hostName=None
        ),
        "ProbeHostIsNull",
        PROBE,
    ),
    "probe path": (of(PROBE, path="healthz"), "ProbePathIsInvalid", PROBE),
    "probe of TCP with a path": (of(PROBE, protocol="Tcp"), "ProbePathIsInvalid", PROBE),
    "probe interval 0": (of(PROBE, interval=0), "ProbeIntervalIsInvalid", PROBE),
    "probe timeout": (of(PROBE, timeout=None), "ProbeTimeoutIsInvalid", PROBE),
    "probe threshold 21": (of(PROBE, unhealthyThreshold=21), "ProbeUnhealthyThresholdIsInvalid", PROBE),
    "probe interval below timeout": (of(PROBE, interval=4), "ProbeIntervalMustNotBeLessThanTimeout", PROBE),
    "probe port": (of(PROBE, port=0), "ProbePortIsInvalid", PROBE),
    "probe status code": (of(PROBE, match={"statusCodes": ["2xx"]}), "ProbeMatchStatusCodeInvalid", PROBE),
    "probe without protocol": (of(PROBE, protocol=None), "ProbeProtocolInvalid", PROBE),
}

ROWS = REQUIRED | LISTENERS | RULES | PATH_MAPS | REWRITES | BACKENDS


def test_no_row_hides_another() -> None:
    assert len(ROWS) == sum(map(len, (REQUIRED, LISTENERS, RULES, PATH_MAPS, REWRITES, BACKENDS)))


@pytest.mark.parametrize("name", ROWS)
def test_refused(name: str) -> None:
    change, code, named = ROWS[name]
    refusal = refused(change(samples.whole()))
    assert refusal.code in (code, f"ApplicationGateway{code}")
    assert named in refusal.message
    assert (refusal.status, refusal.late) == (400, False)


ACCEPTED: dict[str, Change] = {
    "listener without a rule": lambda document: edit(document, "", requestRoutingRules=[], routingRules=[]),
    "wildcards": secure("*.a.*", "??a.b", "x-*.c", "*", "a.b"),
    "paths": paths("/a*", "/b/*", "/*", "/c", "/d.e~f"),
    "rewrites": rewrite(
        conditions=[{"variable": "http_req_X-A", "pattern": "(a)(b)"}, {"variable": "var_cookie_x", "pattern": "."}],
        actionSet={
            "responseHeaderConfigurations": [
                {"headerName": "Set-Cookie", "headerValue": "", "headerValueMatcher": {"pattern": "^a="}}
            ],
            "requestHeaderConfigurations": [{"headerName": "Host", "headerValue": "{http_req_X-A_2}{var_host}"}],
            "urlConfiguration": {"modifiedPath": "{var_uri_path}", "modifiedQueryString": "", "reroute": True},
        },
    ),
    "an empty pool": of("backendAddressPools/pool", backendAddresses=[]),
    "names as targets": of("backendAddressPools/pool", backendAddresses=[{"fqdn": "app.svc-1.example.com"}]),
    "100 pools": many("backendAddressPools", 99),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    body = ACCEPTED[name](samples.whole())
    stored = gateway.accept(body, id=ID, current=None, around=samples.Surroundings())
    assert stored["id"] == ID
