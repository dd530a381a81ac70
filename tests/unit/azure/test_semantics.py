"""Requests and answers as Microsoft's documents tell them, page by page; the page is the first column.

Pages below learn.microsoft.com/azure/application-gateway/ (MicrosoftDocs/azure-docs, articles/application-gateway/).
Pages on rewriting are in test_semantics_rewrite.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudgw_azure import semantics
from tests.unit.azure import semantics_samples as az

Request = semantics.Request


def ask(host: str, path: str = "/", port: int = 80, **more: Any) -> Request:
    return Request(port=port, host=host, path=path, **more)


def check(page: str, gateway: az.Json, request: Request, wanted: dict[str, Any]) -> None:
    found = semantics.answer(gateway, request)
    assert {name: getattr(found, name) for name in wanted} == wanted, page


def goes(name: str) -> dict[str, Any]:
    return {"kind": "forward", "pool_name": name, "status": 0}


def fixed(status: int) -> dict[str, Any]:
    return {"kind": "fixed", "status": status}


def sent(status: int, location: str) -> dict[str, Any]:
    return {"kind": "redirect", "status": status, "location": location}


# multiple-site-overview: three domains on one address and port
SITES = az.document(
    az.listener("l1", "contoso.com"),
    az.listener("l2", "fabrikam.com"),
    az.listener("l3", "adatum.com"),
    az.basic("l1", az.to("ContosoServerPool"), 1),
    az.basic("l2", az.to("FabrikamServerPool"), 2),
    az.basic("l3", az.to("AdatumServerPool"), 3),
)


def shops(wild: int, shop: int) -> az.Json:
    return az.document(
        az.listener("w", "*.contoso.com"),
        az.listener("s", "shop.contoso.com"),
        az.basic("w", az.to("Wild"), wild),
        az.basic("s", az.to("Shop"), shop),
    )


TWO = az.one("contoso.com", "fabrikam.com")
BASIC_FIRST = az.document(
    az.listener("b"), az.listener("s", "contoso.com"), az.basic("b", az.to("Basic"), 1), az.basic("s", az.to("Site"), 2)
)
BASIC_LAST = az.document(
    az.listener("b"),
    az.listener("s", "contoso.com"),
    az.basic("b", az.to("Basic"), 20000),
    az.basic("s", az.to("Site"), 2),
)

# url-route-overview and tutorial-url-redirect-cli
MEDIA = [
    az.path_rule("i", ["/images/*"], az.to("ImageServerPool")),
    az.path_rule("v", ["/video/*"], az.to("VideoServerPool")),
]
SERVERS = az.document(
    az.listener("l", "contoso.com"), az.by_path("l", "m"), az.path_map("m", az.to("DefaultServerPool"), *MEDIA)
)
IP = "40.121.222.19"
PORTS = az.document(
    az.listener("appGatewayHttpListener"),
    az.listener("backendListener", port=8080),
    az.listener("redirectedListener", port=8081),
    az.basic("appGatewayHttpListener", az.to("appGatewayBackendPool"), 100),
    az.by_path("backendListener", "urlpathmap", 200),
    az.by_path("redirectedListener", "redirectpathmap", 300),
    az.path_map("urlpathmap", az.to("appGatewayBackendPool"), *MEDIA),
    az.path_map(
        "redirectpathmap", az.to("appGatewayBackendPool"), az.path_rule("r", ["/images/*"], az.away("redirectConfig"))
    ),
    az.child(
        "redirectConfigurations",
        "redirectConfig",
        redirectType="Found",
        includePath=True,
        includeQueryString=True,
        targetListener=az.ref("httpListeners", "backendListener"),
    ),
)


SECURE = {"targetListener": az.ref("httpListeners", "https")}
ALL = {"includePath": True, "includeQueryString": True}
CODES = [("Permanent", 301), ("Found", 302), ("SeeOther", 303), ("Temporary", 307)]
CART = az.document(
    az.listener("l"),
    az.by_path("l", "m"),
    az.path_map("m", az.to("Shop"), az.path_rule("c", ["/cart/*"], az.away("r"))),
    az.listener("https", port=443, protocol="Https"),
    az.basic("https", az.to("Secure")),
    az.child("redirectConfigurations", "r", redirectType="Permanent", **SECURE, **ALL),
)


ANY = ask("any.example")
MULTI = "multiple-site-overview"
ROUTES = "url-route-overview"
RULES = "configuration-request-routing-rules"
REDIRECT = "redirect-overview"
BACKEND = "configuration-http-settings"
STATUS = "http-response-codes"
SITE = az.one("contoso.com")
CLOSED = {"kind": "closed"}
TRUSTED = [az.ref("trustedClientCertificates", "c")]
PROFILED = az.listener("l", sslProfile=az.ref("sslProfiles", "t")), az.basic("l", az.to("p"))
TLS = az.document(*PROFILED, az.child("sslProfiles", "t", trustedClientCertificates=[]))
PASSING = az.document(
    *PROFILED,
    az.child(
        "sslProfiles",
        "t",
        trustedClientCertificates=TRUSTED,
        clientAuthConfiguration={"verifyClientAuthMode": "Passthrough"},
    ),
)
NICS = az.document(
    az.listener("l"),
    az.basic("l", az.to("p")),
    az.child("backendAddressPools", "p", backendAddresses=[], backendIPConfigurations=[{"id": "/nic"}]),
)
TWICE = (("Authorization", "a"), ("Authorization", "a"))


@pytest.mark.parametrize(
    ("page", "gateway", "request_", "wanted"),
    [
        (MULTI, SITES, ask("contoso.com"), goes("ContosoServerPool")),
        (MULTI, SITES, ask("fabrikam.com"), goes("FabrikamServerPool")),
        (MULTI, SITES, ask("adatum.com"), goes("AdatumServerPool")),
        (f"{MULTI}: shop.contoso.com is processed before", shops(2, 1), ask("shop.contoso.com"), goes("Shop")),
        (f"{MULTI}: *.contoso.com is processed first", shops(1, 2), ask("shop.contoso.com"), goes("Wild")),
        (f"{MULTI}: 1 is the highest priority", shops(20000, 1), ask("shop.contoso.com"), goes("Shop")),
        (f"{MULTI}: *.contoso.com", az.one("*.contoso.com"), ask("ecom.contoso.com"), goes("p")),
        (f"{MULTI}: *.contoso.com", az.one("*.contoso.com"), ask("b2b.contoso.com"), goes("p")),
        (f"{MULTI}: *.contoso.com", az.one("*.contoso.com"), ask("customer1.b2b.contoso.com"), goes("p")),
        (f"{MULTI}: both host names", TWO, ask("contoso.com"), goes("p")),
        (f"{MULTI}: both host names", TWO, ask("fabrikam.com"), goes("p")),
        (f"{MULTI}: *.contoso.*", az.one("*.contoso.*"), ask("shop.contoso.org"), goes("p")),
        (f"{MULTI}: ????.contoso.com", az.one("????.contoso.com"), ask("shop.contoso.com"), goes("p")),
        (f"{MULTI}: ? is a single character", az.one("????.contoso.com"), ask("store.contoso.com"), fixed(404)),
        (f"{MULTI}: *.contoso-*.com", az.one("*.contoso-*.com"), ask("a.contoso-eu.com"), goes("p")),
        (f"{MULTI}: a basic listener listed first", BASIC_FIRST, ask("contoso.com"), goes("Basic")),
        ("configuration-listeners: basic with a greater number", BASIC_LAST, ask("contoso.com"), goes("Site")),
        ("configuration-listeners: basic takes any domain", BASIC_LAST, ask("other.com"), goes("Basic")),
        (ROUTES, SERVERS, ask("contoso.com", "/video/a"), goes("VideoServerPool")),
        (ROUTES, SERVERS, ask("contoso.com", "/images/a"), goes("ImageServerPool")),
        (ROUTES, SERVERS, ask("contoso.com", "/other"), goes("DefaultServerPool")),
        (f"{ROUTES}: the full path is sent", SERVERS, ask("contoso.com", "/video/a"), {"path": "/video/a"}),
        (f"{ROUTES}: case insensitive", SERVERS, ask("contoso.com", "/VIDEO/a"), goes("VideoServerPool")),
        (f"{ROUTES}: not after ?", SERVERS, ask("contoso.com", "/a", query="/images/"), goes("DefaultServerPool")),
        (f"{ROUTES}: /images* on v2", az.paths(("/images*", "I")), ask("a", "/imagesabc"), goes("I")),
        (f"{ROUTES}: wildcards on top", az.paths(("/*", "All"), ("/a", "A")), ask("a", "/a"), goes("All")),
        (f"{ROUTES}: deep", az.paths(("/CurrentUser/Comments/*", "C")), ask("a", "/CurrentUser/Comments/1"), goes("C")),
        (RULES, az.paths(("/a*", "First"), ("/a/b*", "Second")), ask("a", "/a/b"), goes("First")),
        (RULES, az.paths(("/a/b*", "First"), ("/a*", "Second")), ask("a", "/a/b"), goes("First")),
        (f"{RULES}: basic", az.one("blog.contoso.com"), ask("blog.contoso.com", "/x/y"), goes("p")),
        (f"{RULES}: no path matches", az.paths(("/a", "A")), ask("a", "/b"), goes("Default")),
        (f"{RULES}: /cart/* is redirected", CART, ask("a.com", "/cart/1"), sent(301, "https://a.com/cart/1")),
        (f"{RULES}: the rest is not", CART, ask("a.com", "/shelf"), goes("Shop")),
        ("tutorial-url-redirect-cli", PORTS, ask(IP), goes("appGatewayBackendPool")),
        ("tutorial-url-redirect-cli", PORTS, ask(f"{IP}:8080", "/images/test.htm", 8080), goes("ImageServerPool")),
        ("tutorial-url-redirect-cli", PORTS, ask(f"{IP}:8080", "/video/test.htm", 8080), goes("VideoServerPool")),
        (
            "tutorial-url-redirect-cli",
            PORTS,
            ask(f"{IP}:8081", "/images/test.htm", 8081),
            sent(302, f"http://{IP}:8080/images/test.htm"),
        ),
        *[
            (
                f"{REDIRECT}: {kind}",
                az.redirected({}, redirectType=kind, **SECURE, **ALL),
                ask("a.com"),
                {"status": status},
            )
            for kind, status in CODES
        ],
        (
            "redirect-http-to-https-cli",
            az.redirected({}, redirectType="Permanent", **SECURE, **ALL),
            ask("a.com", "/b", query="c=d"),
            sent(301, "https://a.com/b?c=d"),
        ),
        (
            "redirect-internal-site-cli: www.contoso.org to www.contoso.com",
            az.document(
                az.listener("com", "www.contoso.com"),
                az.listener("org", "www.contoso.org"),
                az.basic("com", az.to("appGatewayBackendPool"), 1),
                az.basic("org", az.away("orgToCom"), 2),
                az.child(
                    "redirectConfigurations",
                    "orgToCom",
                    redirectType="Permanent",
                    targetListener=az.ref("httpListeners", "com"),
                    **ALL,
                ),
            ),
            ask("www.contoso.org", "/a"),
            sent(301, "http://www.contoso.com/a"),
        ),
        (
            "redirect-external-site-powershell",
            az.redirected({}, redirectType="Temporary", targetUrl="https://bing.com"),
            ask("a.com", "/b", query="c=d"),
            sent(307, "https://bing.com"),
        ),
        (
            f"{RULES}: the query goes to the external site",
            az.redirected({}, redirectType="Temporary", targetUrl="https://bing.com", includeQueryString=True),
            ask("a.com", "/b", query="c=d"),
            sent(307, "https://bing.com?c=d"),
        ),
        (BACKEND, az.overridden(None, "/override/"), ask("a", "/home/"), {"path": "/override/home/"}),
        (
            BACKEND,
            az.overridden(None, "/override/"),
            ask("a", "/home/secondhome/"),
            {"path": "/override/home/secondhome/"},
        ),
        (BACKEND, az.overridden("/pathrule*", "/override/"), ask("a", "/pathrule/home/"), {"path": "/override/home/"}),
        (
            BACKEND,
            az.overridden("/pathrule*", "/override/"),
            ask("a", "/pathrule/home/secondhome/"),
            {"path": "/override/home/secondhome/"},
        ),
        (BACKEND, az.overridden("/pathrule*", "/override/"), ask("a", "/home/"), {"path": "/override/home/"}),
        (
            BACKEND,
            az.overridden("/pathrule*", "/override/"),
            ask("a", "/home/secondhome/"),
            {"path": "/override/home/secondhome/"},
        ),
        (BACKEND, az.overridden("/pathrule/home*", "/override/"), ask("a", "/pathrule/home/"), {"path": "/override/"}),
        (
            BACKEND,
            az.overridden("/pathrule/home*", "/override/"),
            ask("a", "/pathrule/home/secondhome/"),
            {"path": "/override/secondhome/"},
        ),
        (BACKEND, az.overridden("/pathrule/", "/override/"), ask("a", "/pathrule/"), {"path": "/override/"}),
        (
            f"{BACKEND}: host name override",
            az.serving("10.0.0.4", hostName="www.contoso.com"),
            ask("appgw.eastus.cloudapp.azure.com", "/path1"),
            {"host": "www.contoso.com", "path": "/path1"},
        ),
        (
            f"{BACKEND}: pick host name from backend address",
            az.serving("example.azurewebsites.net", pickHostNameFromBackendAddress=True),
            ANY,
            {"host": "", "targets": ("example.azurewebsites.net",)},
        ),
        (
            f"{BACKEND}: the cookie's default name",
            az.serving("10.0.0.4", cookieBasedAffinity="Enabled"),
            ANY,
            {"affinity": "ApplicationGatewayAffinity"},
        ),
        (
            f"{BACKEND}: a custom cookie name",
            az.serving("10.0.0.4", cookieBasedAffinity="Enabled", affinityCookieName="CustomCookieName"),
            ANY,
            {"affinity": "CustomCookieName"},
        ),
        (
            f"{BACKEND}: protocol, port, timeout",
            az.serving("10.0.0.4", protocol="Https", port=8443, requestTimeout=120),
            ANY,
            {"protocol": "https", "port": 8443, "timeout": 120, "affinity": ""},
        ),
        (
            "application-gateway-troubleshooting-502: the client's host header",
            az.serving("10.0.0.4"),
            ask("www.contoso.com"),
            {"host": "www.contoso.com"},
        ),
        (
            "application-gateway-troubleshooting-502: an empty pool",
            az.serving(),
            ANY,
            {"kind": "forward", "empty": True, "status": 502},
        ),
        (
            "application-gateway-faq: names with other characters are discarded",
            az.serving("10.0.0.4"),
            ask("a", headers=(("X_A", "1"), ("X-A", "2"))),
            {"headers": (("X-A", "2"),)},
        ),
        (f"{STATUS}: no host matches", SITE, ask("fabrikam.com"), fixed(404)),
        (f"{STATUS}: a basic listener", az.one(), ask("fabrikam.com"), goes("p")),
        (f"{STATUS}: two colons", SITE, ask("example.com:8090:8080"), fixed(400)),
        (f"{STATUS}: no Host header", SITE, ask(""), fixed(400)),
        (
            f"{STATUS}: HTTP to an HTTPS listener",
            az.one("contoso.com", protocol="Https"),
            ask("contoso.com"),
            fixed(400),
        ),
        (f"{STATUS}: invalid method", SITE, ask("contoso.com", method="GET123"), fixed(400)),
        (f"{STATUS}: not ASCII", SITE, ask("contoso.com", "/«úü¡»¿».doc"), fixed(400)),
        (f"{STATUS}: duplicate headers", SITE, ask("contoso.com", headers=TWICE), fixed(400)),
        (f"{STATUS}: Content-Length", SITE, ask("contoso.com", headers=(("Content-Length", "abc"),)), fixed(400)),
        (f"{STATUS}: Content-Length", SITE, ask("contoso.com", headers=(("Content-Length", "-10"),)), fixed(400)),
    ],
)
def test_documents(page: str, gateway: az.Json, request_: Request, wanted: dict[str, Any]) -> None:
    check(page, gateway, request_, wanted)


@pytest.mark.parametrize(
    ("what", "gateway", "request_", "wanted"),
    [
        ("hosts have no case and may bring a port", SITE, ask("CONTOSO.com:80"), goes("p")),
        ("a wildcard does not take the bare domain", az.one("*.contoso.com"), ask("contoso.com"), fixed(404)),
        ("hostName", az.one(hostName="contoso.com"), ask("fabrikam.com"), fixed(404)),
        ("/x/* does not match /x", az.paths(("/x/*", "X")), ask("a", "/x"), goes("Default")),
        ("/x/* matches /x/", az.paths(("/x/*", "X")), ask("a", "/x/"), goes("X")),
        ("/x does not match /x/", az.paths(("/x", "X")), ask("a", "/x/"), goes("Default")),
        ("escapes are decoded before matching", az.paths(("/abc/def", "X")), ask("a", "/abc%2Fdef"), goes("X")),
        ("and in patterns", az.paths(("/abc%2Fdef", "X")), ask("a", "/abc/def"), goes("X")),
        ("the escaped path goes on", az.paths(("/abc/def", "X")), ask("a", "/abc%2Fdef"), {"path": "/abc%2Fdef"}),
        (
            "no path to append",
            az.redirected({}, redirectType="Found", **SECURE),
            ask("a", "/b"),
            sent(302, "https://a/"),
        ),
        (
            "another port is shown",
            az.redirected({"port": 8443}, redirectType="Found", **SECURE, **ALL),
            ask("a:80", "/b"),
            sent(302, "https://a:8443/b"),
        ),
        (
            "path and query on an external site",
            az.redirected({}, redirectType="Found", targetUrl="https://b.com/x/", **ALL),
            ask("a", "/b", query="c=d"),
            sent(302, "https://b.com/x/b?c=d"),
        ),
        (
            "a query joins a query",
            az.redirected({}, redirectType="Found", targetUrl="https://b.com/?a=b", includeQueryString=True),
            ask("a", query="c=d"),
            sent(302, "https://b.com/?a=b&c=d"),
        ),
        ("nobody on the port", SITE, ask("contoso.com", port=81), CLOSED),
        ("TLS to an HTTP listener", SITE, ask("contoso.com", scheme="https"), CLOSED),
        ("a listener without a rule", az.document(az.listener("l")), ask("a"), CLOSED),
        (
            "stopped",
            az.document(az.listener("l"), az.basic("l", az.to("p")), operationalState="Stopped"),
            ask("a"),
            CLOSED,
        ),
        ("one Authorization", SITE, ask("contoso.com", headers=TWICE[:1]), {**goes("p"), "headers": TWICE[:1]}),
        ("members by network interface", NICS, ask("a"), {"kind": "forward", "empty": False, "targets": ()}),
        ("clients that may bring a certificate", PASSING, ask("a"), goes("p")),
        ("a TLS profile without clients' certificates", TLS, ask("a"), goes("p")),
        ("a Host among the headers", az.one(), ask("a", headers=(("Host", "b"),)), {"host": "a", "headers": ()}),
        ("an override without slashes", az.overridden(None, "o"), ask("a", "/b"), {"path": "/o/b"}),
        ("an override with a whole match", az.overridden("/a", "/o"), ask("a", "/a"), {"path": "/o"}),
        ("an override in the middle of a name", az.overridden("/a*", "/o"), ask("a", "/ab"), {"path": "/o/b"}),
        ("headers that the gateway writes", az.one(), ask("a", headers=(("X-Forwarded-For", "b"),)), {"headers": ()}),
    ],
)
def test_plain_readings(what: str, gateway: az.Json, request_: Request, wanted: dict[str, Any]) -> None:
    check(what, gateway, request_, wanted)


def test_ids_are_compared_without_case() -> None:
    gateway = az.one("contoso.com")
    reference = gateway["properties"]["requestRoutingRules"][0]["properties"]["httpListener"]
    reference["id"] = reference["id"].upper()
    assert semantics.answer(gateway, ask("contoso.com")).pool_name == "p"


def test_an_answer_names_what_answered() -> None:
    found = semantics.answer(SERVERS, ask("contoso.com", "/video/a"))
    named = found.listener, found.rule, found.path_rule, found.pool, found.settings
    assert [one.rsplit("/", 1)[-1] for one in named] == ["l", "l", "v", "VideoServerPool", "plain"]
    assert semantics.answer(SERVERS, ask("contoso.com")).path_rule == ""


def test_two_frontends_on_one_port() -> None:
    gateway = az.document(
        az.listener("in", frontend="Private"),
        az.listener("out"),
        az.basic("in", az.to("In"), 1),
        az.basic("out", az.to("Out"), 2),
    )
    assert semantics.answer(gateway, ask("a", frontend="PRIVATE")).pool_name == "In"
    assert semantics.answer(gateway, ask("a", frontend="public")).pool_name == "Out"
    with pytest.raises(semantics.NotInterpreted, match="private, public"):
        semantics.answer(gateway, ask("a"))
