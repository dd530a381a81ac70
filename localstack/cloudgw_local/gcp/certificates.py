"""Rules of SSL certificates and SSL policies, global and regional.

`balancing` puts the kinds into the frame. A certificate's key is kept, for a data plane, and never shown (Kind.secret).
No message may hold a certificate or a key. Certificates never change: there is no update.

Source: cloud.google.com/load-balancing/docs/ssl-certificates (key types by scope, chain), cloud.google.com/compute/
docs/reference/rest/v1/sslCertificates, .../sslPolicies, cloud.google.com/load-balancing/docs/ssl-policies-concepts;
the features of a profile as recorded of the real cloud (k8s-config-connector, computesslpolicy); the two sentences as
reported in kubernetes/ingress-gce#294 and vmware-archive/terraforming-gcp#20. Inferred: their reasons, and the other
sentences.
"""

from __future__ import annotations

import datetime
from typing import Any

from cloudgw_local.gcp import around, balancing_rules, errors, kind, names, schema
from cloudgw_local.gcp.balancing_rules import Json

CHAIN, DOMAINS = 5, 100
_GLOBAL_KEYS = ("RSA-2048", "ECDSA-P-256")
_REGIONAL_KEYS = (*_GLOBAL_KEYS, "RSA-3072", "RSA-4096", "ECDSA-P-384")
_GCM = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
)
_RESTRICTED = (
    *_GCM,
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
_MODERN = (
    *_RESTRICTED,
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
)
_COMPATIBLE = (
    *_MODERN,
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
)
PROFILES = {"COMPATIBLE": _COMPATIBLE, "MODERN": _MODERN, "RESTRICTED": _RESTRICTED, "FIPS_202205": _GCM}


def accept(body: Json, place: names.Place, _current: Json | None, surroundings: around.Around) -> Json:
    """A new certificate."""
    if body.setdefault("type", "MANAGED" if "managed" in body else "SELF_MANAGED") == "TYPE_UNSPECIFIED":
        body["type"] = "SELF_MANAGED"
    if body["type"] == "MANAGED":
        return _managed(body, place)
    if "managed" in body:
        raise schema.invalid("resource.managed", "", "It must not be specified for a self-managed certificate.")
    inner = body.pop("selfManaged", {})
    certificate = body.get("certificate") or inner.get("certificate", "")
    key = body.get("privateKey") or inner.get("privateKey", "")
    for name, text in (("certificate", certificate), ("privateKey", key)):
        if not text:
            raise schema.required(f"resource.{name}")
    leaf = _checked(certificate, key, place, surroundings)
    body |= {"certificate": certificate, "privateKey": key, "selfManaged": {"certificate": certificate}}
    return body | leaf


def _managed(body: Json, place: names.Place) -> Json:
    """Stays PROVISIONING for ever: nobody validates domains here."""
    if place.scope != "global":
        raise schema.invalid("resource.type", "MANAGED", "Managed certificates are not supported for regions.")
    domains = body.get("managed", {}).get("domains", [])
    if not domains:
        raise schema.required("resource.managed.domains")
    if len(domains) > DOMAINS:
        raise schema.invalid("resource.managed.domains", "", f"At most {DOMAINS} domains can be specified.")
    for name in ("certificate", "privateKey", "selfManaged"):
        if name in body:
            raise schema.invalid(f"resource.{name}", "", "It must not be specified for a managed certificate.")
    status = {"domainStatus": dict.fromkeys(domains, "PROVISIONING"), "status": "PROVISIONING"}
    return body | {"managed": {"domains": domains} | status}


def _refuse(what: str, why: str) -> errors.Refusal:
    reason = "sslCertificateCouldNotParseCert" if what == "certificate" else "sslCertificateCouldNotParseKey"
    return errors.Refusal(status=400, reason=reason, message=why)


def _checked(certificate: str, key: str, place: names.Place, surroundings: around.Around) -> Json:
    """The members that the cloud reads out of the certificate: expireTime, subjectAlternativeNames."""
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import serialization

    unreadable = (ValueError, TypeError, exceptions.UnsupportedAlgorithm)
    try:
        chain = x509.load_pem_x509_certificates(certificate.encode())
        public: Any = chain[0].public_key()
    except unreadable:
        raise _refuse("certificate", "The SSL certificate could not be parsed.") from None
    if not chain[0].subject.rdns and surroundings.belief("gcp-certificate-empty-subject") == "refused":
        raise _refuse("certificate", "The SSL certificate could not be parsed.")
    if len(chain) > CHAIN:
        why = f"The certificate chain must be no greater than {CHAIN} certs long."
        raise schema.invalid("resource.certificate", "", why)
    try:
        private: Any = serialization.load_pem_private_key(key.encode(), password=None)
    except unreadable:
        raise _refuse("privateKey", "The SSL key could not be parsed.") from None
    if private.public_key() != public:
        why = "The SSL key does not match the SSL certificate."
        raise schema.invalid("resource.privateKey", "", why)
    allowed = _GLOBAL_KEYS if place.scope == "global" else _REGIONAL_KEYS
    sort = _key_type(public)
    if sort not in allowed:
        why = f"The SSL certificate has an unsupported key type {sort}: one of {', '.join(allowed)}."
        raise schema.invalid("resource.certificate", "", why)
    expires = chain[0].not_valid_after_utc.astimezone(datetime.timezone(datetime.timedelta(hours=-8)))
    members: Json = {"expireTime": expires.isoformat(timespec="milliseconds")}
    try:
        found = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return members
    except ValueError:
        raise _refuse("certificate", "The SSL certificate could not be parsed.") from None
    alternatives = [str(one.value) for one in found if isinstance(one, x509.DNSName | x509.IPAddress)]
    return members | ({"subjectAlternativeNames": alternatives} if alternatives else {})


def _key_type(public: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(public, rsa.RSAPublicKey):
        return f"RSA-{public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"ECDSA-P-{public.curve.name.removeprefix('secp').removesuffix('r1')}"
    return type(public).__name__


def accept_policy(body: Json, _place: names.Place, current: Json | None, _around: around.Around) -> Json:
    """A new or patched SSL policy."""
    balancing_rules.defaults(body, profile="COMPATIBLE", minTlsVersion="TLS_1_0")
    balancing_rules.unchanged(body, current, how={"description": ""})
    profile, version = body["profile"], body["minTlsVersion"]
    features = body.get("customFeatures", [])
    if version == "TLS_1_3" and profile != "RESTRICTED":
        why = "Minimum TLS version TLS_1_3 requires profile RESTRICTED."
        raise schema.invalid("resource.profile", profile, why)
    if profile == "FIPS_202205" and version != "TLS_1_2":
        why = "Profile FIPS_202205 requires minimum TLS version TLS_1_2."
        raise schema.invalid("resource.minTlsVersion", version, why)
    if features and profile != "CUSTOM":
        why = f"Custom features must not be specified with profile {profile}."
        raise schema.invalid("resource.customFeatures", "", why)
    if profile == "CUSTOM" and not features:
        raise schema.required("resource.customFeatures")
    for index, one in enumerate(features):
        if one not in _COMPATIBLE:
            raise schema.invalid(f"resource.customFeatures[{index}]", one, "Unknown SSL feature.")
    return body | {"enabledFeatures": sorted(features or PROFILES[profile])}


def features(
    _current: Json | None, _body: Json, _query: kind.Query, _place: names.Place, _around: around.Around
) -> Json:
    """listAvailableFeatures."""
    return {"features": sorted(_COMPATIBLE)}


KINDS = (
    kind.Kind("sslCertificates", balancing_rules.semantic(accept), secret=("privateKey",)),
    kind.Kind("sslPolicies", balancing_rules.semantic(accept_policy), reads={"listAvailableFeatures": features}),
)
