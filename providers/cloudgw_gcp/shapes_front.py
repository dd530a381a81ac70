"""What stands before a URL map, in both forms: the address, forwarding rules, proxies, certificates, TLS policies.

`shapes` collects it. Pure. Members: cloud.google.com/compute/docs/reference/rest/v1/ addresses, forwardingRules,
targetHttpProxies, targetHttpsProxies, sslCertificates, sslPolicies. Bytes of certificates are added at commit; Google
shows the certificate later and never the key. What Google does not show again of an address (its network) is read from
the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw_gcp import names
from cloudgw_gcp.shapes_backends import EXPOSURES, SCHEMES
from cloudgw_gcp.shapes_values import IdOf, Json, RefOf, link, told, unlike

TYPES = {"Public": "EXTERNAL", "Internal": "INTERNAL"}
SHARED = "SHARED_LOADBALANCER_VIP"  # the purpose of an internal address that more than one forwarding rule may use
# Of a proxy for HTTPS: what hides our certificates, asks clients for theirs, or offers another protocol
GUARDED: Mapping[str, Any] = {"certificateMap": "", "serverTlsPolicy": "", "quicOverride": "NONE"}
PROXIES = {False: "targetHttpProxies", True: "targetHttpsProxies"}


def write_address(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    found: Json = {"addressType": TYPES[spec["exposure"]]}
    if spec["exposure"] == "Internal":
        return found | {"purpose": SHARED, "subnetwork": names.link_of(spec["subnetwork"])}
    if spec["place"] == names.GLOBAL:
        return found | {"ipVersion": "IPV4"}  # the version can be said of global addresses only
    return found | ({"networkTier": spec["tier"]} if spec.get("tier") else {})


def read_address(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    place = names.place_of(document["selfLink"])[1]
    return {
        "place": place,
        "exposure": "Internal" if document.get("addressType") == "INTERNAL" else "Public",
        **_network(document),
        "tier": document.get("networkTier") if _has_tier(document, place) else None,
        "labels": names.user_labels(document.get("labels")),
    }


def _has_tier(document: Mapping[str, Any], place: str) -> bool:
    """Elsewhere PREMIUM is the only one, and shown all the same."""
    return place != names.GLOBAL and "INTERNAL" not in (
        document.get("addressType"),
        str(document.get("loadBalancingScheme") or "").partition("_")[0],
    )


def _network(document: Mapping[str, Any]) -> Json:
    record = names.members(document.get("description"))
    return {"network": record.get(names.NETWORK), "subnetwork": record.get(names.SUBNETWORK)}


def write_certificate(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    return {"type": "SELF_MANAGED"}


def read_certificate(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    record = names.members(document.get("description"))
    return {
        "place": names.place_of(document["selfLink"])[1],
        "fingerprint": record.get(names.FINGERPRINT, ""),
    }


def write_policy(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    return {"profile": spec["profile"], "minTlsVersion": spec["min_version"]}


def read_policy(document: Mapping[str, Any], ref_of: RefOf) -> Json:  # noqa: ARG001
    return {
        "place": names.place_of(document["selfLink"])[1],
        "profile": document.get("profile") or "",
        "min_version": document.get("minTlsVersion") or "",
    }


def write_proxy(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    found: Json = {"urlMap": link(spec["url_map"], id_of)}
    if spec["secure"]:
        found["sslCertificates"] = [link(one, id_of) for one in spec["certificates"]]
        if spec.get("ssl_policy") is not None:
            found["sslPolicy"] = link(spec["ssl_policy"], id_of)
    return found


def read_proxy(document: Mapping[str, Any], ref_of: RefOf) -> Json:
    policy = document.get("sslPolicy")
    return {
        "secure": names.place_of(document["selfLink"])[0] == PROXIES[True],
        "url_map": ref_of(names.path_of(document.get("urlMap") or ""), "exists"),
        "certificates": tuple(ref_of(names.path_of(one), "ready") for one in document.get("sslCertificates") or ()),
        "ssl_policy": ref_of(names.path_of(policy), "exists") if policy else None,
        "extra": told(strange(document)),
    }


def strange(proxy: Mapping[str, Any]) -> Json:
    """The members of a proxy that are not as ours are. Of a regional one nobody can set quicOverride."""
    found = unlike(proxy, GUARDED)
    if names.place_of(proxy["selfLink"])[1] != names.GLOBAL:
        found.pop("quicOverride", None)
    return found


def write_rule(spec: model.Spec, id_of: IdOf, standing: Mapping[str, Any]) -> Json:  # noqa: ARG001
    """One port of the reserved address. What does not apply to the place is None in the spec and left out."""
    found: Json = {
        "IPAddress": link(spec["address"], id_of),
        "IPProtocol": "TCP",
        "portRange": str(spec["port"]),
        "loadBalancingScheme": SCHEMES[spec["exposure"]],
        "target": link(spec["target"], id_of),
    }
    if spec.get("network"):
        found["network"] = names.link_of(spec["network"])
    if spec.get("subnetwork"):
        found["subnetwork"] = names.link_of(spec["subnetwork"])
    if spec.get("tier"):
        found["networkTier"] = spec["tier"]
    return found | ({"allowGlobalAccess": True} if spec.get("global_access") else {})


def read_rule(document: Mapping[str, Any], ref_of: RefOf) -> Json:
    place = names.place_of(document["selfLink"])[1]
    target = names.path_of(document.get("target") or "")
    exposure = EXPOSURES.get(document.get("loadBalancingScheme") or "", "")
    return {
        "port": int(str(document.get("portRange") or "0").partition("-")[0]),
        "secure": f"/{PROXIES[True]}/" in target,
        "global_access": bool(document.get("allowGlobalAccess")) and exposure != "Public",
        "exposure": exposure,
        **_network(document),
        "tier": document.get("networkTier") if _has_tier(document, place) else None,
        "target": ref_of(target, "exists"),
        "labels": names.user_labels(document.get("labels")),
    }
