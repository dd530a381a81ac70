"""Rules of backend services, global and regional: schemes, protocols, affinity, ranges, defaults.

`balancing` puts the kind into the frame; what stands in `backends[]` is `backends_members`'. Security policies come by
setSecurityPolicy alone. Must never look at probes.

Source: cloud.google.com/compute/docs/reference/rest/v1/{backendServices,regionBackendServices},
cloud.google.com/load-balancing/docs/{backend-service,custom-headers}; defaults as recorded by
GoogleCloudPlatform/k8s-config-connector (mockgcp golden logs); what is fixed: GoogleCloudPlatform/magic-modules
mmv1/products/compute/{BackendService,RegionBackendService}.yaml; the words about a missing health check and about
migration as users reported them. Inferred: the other sentences.
"""

from __future__ import annotations

import hashlib

from cloudgw_local.gcp import around, backends_members, balancing_rules, frontends_chain, health, kind, names, schema
from cloudgw_local.gcp.balancing_rules import MANAGED, Json

GLOBAL_SCHEMES = ("EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL_MANAGED", "INTERNAL_SELF_MANAGED")
REGIONAL_SCHEMES = ("EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL", "INTERNAL_MANAGED")
_PASSTHROUGH = ("TCP", "UDP", "UNSPECIFIED")
_WEB = ("HTTP", "HTTPS", "HTTP2", "H2C")
_PROTOCOLS = {
    ("global", "EXTERNAL"): ("HTTP", "HTTPS", "HTTP2", "TCP", "SSL"),
    ("global", "EXTERNAL_MANAGED"): (*_WEB, "TCP", "SSL"),
    ("global", "INTERNAL_MANAGED"): (*_WEB, "TCP"),
    ("global", "INTERNAL_SELF_MANAGED"): (*_WEB, "TCP", "GRPC"),
    ("region", "EXTERNAL"): _PASSTHROUGH,
    ("region", "INTERNAL"): _PASSTHROUGH,
    ("region", "EXTERNAL_MANAGED"): (*_WEB, "TCP"),
    ("region", "INTERNAL_MANAGED"): (*_WEB, "TCP"),
}
TWO_WEEKS = 1_209_600
HEADERS, HEADER_BYTES = 16, 8 * 1024
_COOKIES = ("GENERATED_COOKIE", "HTTP_COOKIE", "STRONG_COOKIE_AFFINITY")


def passthrough(service: Json, scope: str) -> bool:
    """A backend service of a passthrough load balancer: it has no port, no proxy and no target capacity."""
    scheme = service.get("loadBalancingScheme", "EXTERNAL")
    return scheme == "INTERNAL" or (scheme == "EXTERNAL" and scope != "global")


def accept(body: Json, place: names.Place, current: Json | None, surroundings: around.Around) -> Json:
    balancing_rules.kept(body, current, "securityPolicy", "edgeSecurityPolicy")
    balancing_rules.defaults(body, loadBalancingScheme="EXTERNAL")
    _scheme(body, place, current)
    direct = passthrough(body, place.scope)
    balancing_rules.defaults(
        body,
        protocol="TCP" if direct else "HTTP",
        description="",
        sessionAffinity="NONE",
        timeoutSec=30,
        affinityCookieTtlSec=0,
    )
    body.setdefault("connectionDraining", {}).setdefault("drainingTimeoutSec", 0)
    if not direct:
        balancing_rules.defaults(body, port=80, portName="http")
        _iap(body, current)
    if place.scope == "global":
        body.setdefault("enableCDN", False)
    _protocol(body, place)
    _ranges(body)
    _affinity(body)
    _headers(body)
    _tls(body)
    _only_for_some(body, place)
    _checks(body, place, direct)
    backends_members.complete(body, direct, surroundings)
    frontends_chain.check_service(body, place, surroundings)
    return body


def _scheme(body: Json, place: names.Place, current: Json | None) -> None:
    path, scheme = "resource.loadBalancingScheme", body["loadBalancingScheme"]
    where = "global" if place.scope == "global" else "region"
    allowed = GLOBAL_SCHEMES if where == "global" else REGIONAL_SCHEMES
    why = f"Load balancing scheme {scheme} is not supported for a {where} backend service."
    balancing_rules.one_of(scheme, path, allowed, why)
    if current is None:
        return
    if place.scope != "global":
        balancing_rules.unchanged(body, current, how={"network": ""})
    before = current["loadBalancingScheme"]
    if before == scheme:
        return
    if place.scope != "global" or {before, scheme} != {"EXTERNAL", "EXTERNAL_MANAGED"}:
        raise schema.invalid(path, scheme, "Load balancing scheme cannot be changed.")
    state = current if scheme == "EXTERNAL_MANAGED" else body
    if state.get("externalManagedMigrationState") != "TEST_ALL_TRAFFIC":
        why = "Cannot change the load balancing scheme until the migration state is set to TEST_ALL_TRAFFIC."
        raise schema.invalid(path, scheme, why)


def _iap(body: Json, current: Json | None) -> None:
    """A secret is kept as its SHA-256 only."""
    given = body.get("iap", {})
    before = (current or {}).get("iap", {}).get("oauth2ClientSecretSha256")
    if "oauth2ClientSecret" in given or before is None:
        before = hashlib.sha256(given.get("oauth2ClientSecret", "").encode()).hexdigest()
    body["iap"] = {
        "enabled": given.get("enabled", False),
        "oauth2ClientId": given.get("oauth2ClientId", ""),
        "oauth2ClientSecretSha256": before,
    }


def _protocol(body: Json, place: names.Place) -> None:
    where = "global" if place.scope == "global" else "region"
    scheme, protocol = body["loadBalancingScheme"], body["protocol"]
    allowed = _PROTOCOLS[(where, scheme)]
    why = f"Protocol {protocol} is not supported for load balancing scheme {scheme}: one of {', '.join(allowed)}."
    balancing_rules.one_of(protocol, "resource.protocol", allowed, why)
    if scheme != "INTERNAL" and "network" in body:
        why = "Network can only be specified when the load balancing scheme is INTERNAL."
        raise schema.invalid("resource.network", body["network"], why)


def _ranges(body: Json) -> None:
    balancing_rules.within(body["timeoutSec"], "resource.timeoutSec", 1, 2**31 - 1)
    drain = body["connectionDraining"]["drainingTimeoutSec"]
    balancing_rules.within(drain, "resource.connectionDraining.drainingTimeoutSec", 0, 3600)
    balancing_rules.within(body["affinityCookieTtlSec"], "resource.affinityCookieTtlSec", 0, TWO_WEEKS)
    balancing_rules.within(body.get("port"), "resource.port", 1, 65535)
    log = body.get("logConfig")
    if log is None:
        return
    if not log.get("enable"):
        for name in ("sampleRate", "optionalMode", "optionalFields"):
            if log.get(name):
                why = "It can only be specified if logging is enabled for this backend service."
                raise schema.invalid(f"resource.logConfig.{name}", log[name], why)
        return
    balancing_rules.defaults(log, sampleRate=1, optionalMode="EXCLUDE_ALL_OPTIONAL")
    balancing_rules.within(log["sampleRate"], "resource.logConfig.sampleRate", 0, 1)
    if log.get("optionalFields") and log["optionalMode"] != "CUSTOM":
        why = "Optional fields can only be specified with optional mode CUSTOM."
        raise schema.invalid("resource.logConfig.optionalFields", "", why)


def _affinity(body: Json) -> None:
    affinity, hashing = body["sessionAffinity"], body.get("consistentHash", {})
    path = "resource.sessionAffinity"
    web = body["protocol"] in (*_WEB, "GRPC")
    if affinity in (*_COOKIES, "HEADER_FIELD") and not web:
        raise schema.invalid(path, affinity, f"{affinity} is not supported for protocol {body['protocol']}.")
    if (
        affinity in ("HEADER_FIELD", "HTTP_COOKIE", "STRONG_COOKIE_AFFINITY")
        and body["loadBalancingScheme"] == "EXTERNAL"
    ):
        raise schema.invalid(path, affinity, f"{affinity} is not supported for load balancing scheme EXTERNAL.")
    if body["affinityCookieTtlSec"] and affinity not in ("GENERATED_COOKIE", "HTTP_COOKIE"):
        why = "Affinity cookie TTL requires session affinity GENERATED_COOKIE or HTTP_COOKIE."
        raise schema.invalid("resource.affinityCookieTtlSec", body["affinityCookieTtlSec"], why)
    policy = body.get("localityLbPolicy")
    if policy is not None and body["loadBalancingScheme"] == "EXTERNAL" and not policy.startswith("WEIGHTED_"):
        why = "Locality load balancing policy is not supported for load balancing scheme EXTERNAL."
        raise schema.invalid("resource.localityLbPolicy", policy, why)
    if hashing and policy not in ("RING_HASH", "MAGLEV"):
        why = "Consistent hash requires locality load balancing policy RING_HASH or MAGLEV."
        raise schema.invalid("resource.consistentHash", "", why)
    for wanted, member in (("HEADER_FIELD", "httpHeaderName"), ("HTTP_COOKIE", "httpCookie")):
        if affinity == wanted and not hashing.get(member):
            raise schema.required(f"resource.consistentHash.{member}")
    if affinity == "STRONG_COOKIE_AFFINITY" and not body.get("strongSessionAffinityCookie"):
        raise schema.required("resource.strongSessionAffinityCookie")


def _headers(body: Json) -> None:
    """cloud.google.com/load-balancing/docs/custom-headers: at most 16 headers and 8 KB of them in each direction."""
    for name in ("customRequestHeaders", "customResponseHeaders"):
        given = body.get(name, [])
        if len(given) > HEADERS:
            raise schema.invalid(f"resource.{name}", "", f"At most {HEADERS} custom headers can be specified.")
        if sum(len(one.encode()) for one in given) > HEADER_BYTES:
            raise schema.invalid(f"resource.{name}", "", f"Custom headers must not exceed {HEADER_BYTES} bytes.")
        seen = set()
        for index, one in enumerate(given):
            header, colon, _ = one.partition(":")
            if not colon or not header.strip():
                why = "A custom header must be of the form 'name:value'."
                raise schema.invalid(f"resource.{name}[{index}]", one, why)
            if header.strip().lower() in seen:
                why = f"Header name {header.strip()} must be unique."
                raise schema.invalid(f"resource.{name}[{index}]", one, why)
            seen.add(header.strip().lower())


def _tls(body: Json) -> None:
    settings = body.get("tlsSettings")
    if settings is None:
        return
    path = "resource.tlsSettings"
    if body["protocol"] not in ("SSL", "HTTPS", "HTTP2"):
        raise schema.invalid(path, "", "TLS settings require protocol SSL, HTTPS or HTTP2.")
    if body["loadBalancingScheme"] not in MANAGED:
        scheme = body["loadBalancingScheme"]
        raise schema.invalid(path, "", f"TLS settings are not supported for load balancing scheme {scheme}.")
    if len(settings.get("subjectAltNames", [])) > 5:
        raise schema.invalid(f"{path}.subjectAltNames", "", "At most 5 subject alternative names can be specified.")
    for index, one in enumerate(settings.get("subjectAltNames", [])):
        if len({"dnsName", "uniformResourceIdentifier"} & one.keys()) != 1:
            why = "Exactly one of dnsName and uniformResourceIdentifier must be specified."
            raise schema.invalid(f"{path}.subjectAltNames[{index}]", "", why)
    config = settings.get("authenticationConfig")
    if config is not None and not config.startswith("//networksecurity.googleapis.com/projects/"):
        raise schema.invalid(f"{path}.authenticationConfig", config, "The URL is malformed.")


def _only_for_some(body: Json, place: names.Place) -> None:
    scheme = body["loadBalancingScheme"]
    if "maxStreamDuration" in body and scheme != "INTERNAL_SELF_MANAGED":
        why = "Max stream duration is only allowed with load balancing scheme INTERNAL_SELF_MANAGED."
        raise schema.invalid("resource.maxStreamDuration", "", why)
    cdn = place.scope == "global" and scheme in ("EXTERNAL", "EXTERNAL_MANAGED")
    for name in ("cdnPolicy", "compressionMode"):
        if name in body and not cdn:
            raise schema.invalid(f"resource.{name}", "", f"It is not supported for load balancing scheme {scheme}.")
    if body.get("enableCDN") and not cdn:
        why = f"Cloud CDN is not supported for load balancing scheme {scheme}."
        raise schema.invalid("resource.enableCDN", True, why)


def _checks(body: Json, place: names.Place, direct: bool) -> None:
    given = body.get("healthChecks", [])
    if len(given) > 1:
        raise schema.invalid("resource.healthChecks", "", "At most one health check can be specified.")
    if not given and body.get("backends"):
        raise schema.invalid("resource.healthChecks", "", "At least one health check needs to be specified.")
    check = names.parse(given[0]) if given else None
    if check is not None and check.scope != place.scope and not (direct and check.scope == "global"):
        why = "The health check must be in the same scope as the backend service."
        raise schema.invalid("resource.healthChecks[0]", given[0], why)


def show(stored: Json, place: names.Place, surroundings: around.Around) -> Json:
    """With `usedBy`, as recorded of the real cloud."""
    users = [one for one in surroundings.holders(place) if one.collection in frontends_chain.USERS]
    return stored | ({"usedBy": [{"reference": one.link} for one in users]} if users else {})


def _set_policy(member: str) -> kind.Action:
    def act(current: Json, body: Json, _place: names.Place, _around: around.Around) -> Json:
        """Takes the policy, or takes it away where the body names none."""
        kept = {name: value for name, value in current.items() if name != member}
        return kept | ({member: balancing_rules.link(body["securityPolicy"])} if body.get("securityPolicy") else {})

    return balancing_rules.semantic(act)


KINDS = (
    kind.Kind(
        "backendServices",
        balancing_rules.semantic(accept),
        references=(
            kind.Reference("healthChecks[]", ("healthChecks",), "any"),
            kind.Reference("backends[].group", ("networkEndpointGroups", "instanceGroups"), "zonal", full=True),
            kind.Reference("network", ("networks",), "any"),
            kind.Reference("securityPolicy", ("securityPolicies",)),
            kind.Reference("edgeSecurityPolicy", ("securityPolicies",)),
        ),
        show=show,
        actions={
            "setSecurityPolicy": _set_policy("securityPolicy"),
            "setEdgeSecurityPolicy": _set_policy("edgeSecurityPolicy"),
        },
        reads={"getHealth": health.get_health},
        secret=("oauth2ClientSecret",),
    ),
)
