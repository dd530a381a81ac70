"""Rules of target proxies: HTTP and HTTPS, global and regional, and TCP.

`balancing` puts the kinds into the frame. What a patch may change differs between global and regional proxies; the
other members change by actions alone. Must never look at addresses or ports: they are the forwarding rules'.

Source: cloud.google.com/compute/docs/reference/rest/v1/{targetHttpProxies,targetHttpsProxies,regionTargetHttpsProxies,
targetTcpProxies}, cloud.google.com/load-balancing/docs/{target-proxies,quotas}; what is fixed: GoogleCloudPlatform/
magic-modules mmv1/products/compute/{TargetHttpProxy,TargetHttpsProxy,RegionTargetHttpsProxy}.yaml; defaults as recorded
of the real cloud (k8s-config-connector golden logs). Inferred: that a patch of what an action changes is refused.
"""

from __future__ import annotations

import collections.abc
import importlib

from cloudgw_local.gcp import around, balancing_rules, frontends_chain, kind, names, schema
from cloudgw_local.gcp.balancing_rules import Json

CERTIFICATES, MANAGER_CERTIFICATES = 15, 100
_MANAGER = "//certificatemanager.googleapis.com/"
_SECURITY = "//networksecurity.googleapis.com/"
_MAP = ("urlMaps",)
# Who changes what of a proxy that exists; what is not here a patch changes.
_HTTP = {"urlMap": "setUrlMap", "description": "", "proxyBind": ""}
_HTTPS_GLOBAL = _HTTP | {
    "sslCertificates": "setSslCertificates",
    "certificateMap": "setCertificateMap",
    "sslPolicy": "setSslPolicy",
    "quicOverride": "setQuicOverride",
}
_HTTPS_REGIONAL = _HTTP | {"sslCertificates": "setSslCertificates", "quicOverride": "", "tlsEarlyData": ""}


def accept_http(body: Json, place: names.Place, current: Json | None, surroundings: around.Around) -> Json:
    balancing_rules.unchanged(body, current, how=_HTTP)
    _common(body)
    frontends_chain.check_proxy(body, place, surroundings)
    return body


def accept_https(body: Json, place: names.Place, current: Json | None, surroundings: around.Around) -> Json:
    everywhere = place.scope == "global"
    balancing_rules.defaults(body, quicOverride="NONE", tlsEarlyData="DISABLED")
    balancing_rules.unchanged(body, current, how=_HTTPS_GLOBAL if everywhere else _HTTPS_REGIONAL)
    _common(body)
    if "certificateMap" in body:
        if not everywhere:
            why = "Certificate maps are for global external Application Load Balancers only."
            raise schema.invalid("resource.certificateMap", body["certificateMap"], why)
        _foreign(body, "certificateMap", _MANAGER)
    else:
        _certificates(body.get("sslCertificates", []), place)
    _foreign(body, "serverTlsPolicy", _SECURITY)
    _no_loop(body, surroundings)
    frontends_chain.check_proxy(body, place, surroundings)
    return body


def _common(body: Json) -> None:
    if "urlMap" not in body:
        raise schema.required("resource.urlMap")
    balancing_rules.within(body.get("httpKeepAliveTimeoutSec"), "resource.httpKeepAliveTimeoutSec", 5, 1200)


def _certificates(given: list[str], place: names.Place) -> None:
    managed = [one for one in given if one.startswith(_MANAGER)]
    if managed and (place.scope == "global" or len(managed) != len(given)):
        why = "Certificate Manager certificates are for regional proxies, and not beside Compute Engine certificates."
        raise schema.invalid("resource.sslCertificates", managed[0], why)
    if not given:
        why = "At least one SSL certificate must be specified."
        raise schema.invalid("resource.sslCertificates", "", why)
    most = MANAGER_CERTIFICATES if managed else CERTIFICATES
    if len(given) > most:
        why = f"At most {most} SSL certificates can be specified."
        raise schema.invalid("resource.sslCertificates", "", why)
    seen = set()
    for index, one in enumerate(given):
        if one in seen:
            why = "The SSL certificate is specified more than once."
            raise schema.invalid(f"resource.sslCertificates[{index}]", one, why)
        seen.add(one)


def _foreign(body: Json, member: str, prefix: str) -> None:
    """A resource of another service, which does not exist here: its name is all that can be checked."""
    value = body.get(member)
    if value is not None and not value.removeprefix("https:").startswith((prefix, f"{prefix}v1/")):
        raise schema.invalid(f"resource.{member}", value, "The URL is malformed.")


def _no_loop(body: Json, surroundings: around.Around) -> None:
    """A URL map that redirects HTTPS to HTTPS may not stand under an HTTPS proxy:
    cloud.google.com/compute/docs/reference/rest/v1/urlMaps, HttpRedirectAction.httpsRedirect."""
    mapped = balancing_rules.found(body["urlMap"], surroundings)
    urlmaps = importlib.import_module("cloudgw_local.gcp.urlmaps")  # it asks frontends_chain too
    if mapped is not None and urlmaps.redirects_to_https(mapped[1]):
        why = "A URL map with httpsRedirect can only be used with a target HTTP proxy."
        raise schema.invalid("resource.urlMap", body["urlMap"], why)


def _set(member: str, check: collections.abc.Callable[[Json, names.Place, around.Around], None]) -> kind.Action:
    """An action that sets one member to what the body says, or takes it away where the body says nothing."""

    def act(current: Json, body: Json, place: names.Place, surroundings: around.Around) -> Json:
        changed = {name: value for name, value in current.items() if name != member}
        value = body.get(member)
        if value:
            changed[member] = list(map(balancing_rules.link, value)) if isinstance(value, list) else value
        if isinstance(value, str) and member in ("urlMap", "sslPolicy"):
            changed[member] = balancing_rules.link(value)
        check(changed, place, surroundings)
        frontends_chain.check_proxy(changed, place, surroundings)
        return changed

    return balancing_rules.semantic(act)


def _free(_changed: Json, _place: names.Place, _around: around.Around) -> None:
    """Nothing to check."""


def _mapped(changed: Json, _place: names.Place, _around: around.Around) -> None:
    _common(changed)


def _mapped_https(changed: Json, _place: names.Place, surroundings: around.Around) -> None:
    _common(changed)
    _no_loop(changed, surroundings)


def _certified(changed: Json, place: names.Place, _around: around.Around) -> None:
    _foreign(changed, "certificateMap", _MANAGER)
    if "certificateMap" not in changed:
        _certificates(changed.get("sslCertificates", []), place)


def _quic(changed: Json, _place: names.Place, _around: around.Around) -> None:
    changed.setdefault("quicOverride", "NONE")


def accept_tcp(body: Json, place: names.Place, _current: Json | None, surroundings: around.Around) -> Json:
    """A new TCP proxy. (There is no patch.)"""
    body.setdefault("proxyHeader", "NONE")
    _service(body, surroundings)
    frontends_chain.check_proxy(body, place, surroundings)
    return body


def _service(body: Json, surroundings: around.Around) -> None:
    if "service" not in body:
        raise schema.required("resource.service")
    service = balancing_rules.found(body["service"], surroundings)
    if service is not None and service[1]["protocol"] != "TCP":
        why = "The backend service of a target TCP proxy must have protocol TCP."
        raise schema.invalid("resource.service", body["service"], why)


def _set_service(current: Json, body: Json, place: names.Place, surroundings: around.Around) -> Json:
    changed = current | {"service": balancing_rules.link(body.get("service", ""))}
    _service(changed, surroundings)
    frontends_chain.check_proxy(changed, place, surroundings)
    return changed


KINDS = (
    kind.Kind(
        "targetHttpProxies",
        balancing_rules.semantic(accept_http),
        references=(kind.Reference("urlMap", _MAP),),
        actions={"setUrlMap": _set("urlMap", _mapped)},
    ),
    kind.Kind(
        "targetHttpsProxies",
        balancing_rules.semantic(accept_https),
        references=(
            kind.Reference("urlMap", _MAP),
            kind.Reference("sslCertificates[]", ("sslCertificates",)),
            kind.Reference("sslPolicy", ("sslPolicies",)),
        ),
        actions={
            "setUrlMap": _set("urlMap", _mapped_https),
            "setSslCertificates": _set("sslCertificates", _certified),
            "setSslPolicy": _set("sslPolicy", _free),
            "setCertificateMap": _set("certificateMap", _certified),
            "setQuicOverride": _set("quicOverride", _quic),
        },
    ),
    kind.Kind(
        "targetTcpProxies",
        balancing_rules.semantic(accept_tcp),
        references=(kind.Reference("service", ("backendServices",)),),
        actions={
            "setBackendService": balancing_rules.semantic(_set_service),
            "setProxyHeader": _set("proxyHeader", _free),
        },
    ),
)
