"""The kinds before a URL map: certificate, ssl-policy, target-proxy and forwarding-rule.

`kinds` collects them. A certificate is never changed, a renewed one is another incarnation that the proxy is switched
to (cloud.google.com/compute/docs/reference/rest/v1/targetHttpsProxies/setSslCertificates). Proxies are changed member
by member, because the API has no PUT for them (.../rest/v1/targetHttpsProxies), and a forwarding rule can be given
another target of the same type only (.../rest/v1/forwardingRules/setTarget). Bytes of certificates come from the
session's materials at commit only, and are checked against their fingerprint there.
"""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Material
from cloudgw.provider import Failed, Session
from cloudgw_gcp import kinds_commit, names, shapes_front
from cloudgw_gcp.shapes_values import IdOf


def _pem(session: Session, change: model.Change) -> kinds_commit.Json:
    """Certificate and key behind the wanted fingerprint, checked again."""
    fingerprint, where = kinds_commit.wanted(change)["fingerprint"], model.short(change.address)
    found = session.materials.get(fingerprint)
    if not isinstance(found, Material):
        raise Failed("not_ready", f"the Secret of {where} is not at hand; plan again with the Secret", key=change.key)
    if found.fingerprint != fingerprint:
        raise Failed("conflict", f"the Secret of {where} changed since it was planned; plan again", key=change.key)
    certificate, key = found.certificate_pem.decode(errors="replace"), found.key_pem.decode(errors="replace")
    return {"certificate": certificate, "privateKey": key}


def _patch_policy(session: Session, change: model.Change, standing: kinds_commit.Json, id_of: IdOf) -> Any:
    """Policies have no PUT: cloud.google.com/compute/docs/reference/rest/v1/sslPolicies."""
    body = shapes_front.write_policy(kinds_commit.wanted(change), id_of, standing)
    if any(standing.get(member) != value for member, value in body.items()):
        fingerprint = {"fingerprint": standing.get("fingerprint")}
        yield session.write.patch(*names.place_of(standing["selfLink"]), body | fingerprint)


def _settle_proxy(session: Session, change: model.Change, standing: kinds_commit.Json, id_of: IdOf) -> Any:
    """One call for each member that differs; the one that needs the fingerprint first."""
    where = names.place_of(standing["selfLink"])
    body = shapes_front.write_proxy(kinds_commit.wanted(change), id_of, standing)
    policy = body.get("sslPolicy")
    if not _same(policy, standing.get("sslPolicy")):
        if where[1] == names.GLOBAL:
            yield session.write.act(*where, "setSslPolicy", {"sslPolicy": policy} if policy else {})
        else:
            changed = {"sslPolicy": policy, "fingerprint": standing.get("fingerprint")}
            yield session.write.patch(*where, changed)
    if not _same(body["urlMap"], standing.get("urlMap")):
        yield session.write.act(*where, "setUrlMap", {"urlMap": body["urlMap"]})
    certificates, shown = body.get("sslCertificates") or [], standing.get("sslCertificates") or []
    if len(certificates) != len(shown) or not all(map(_same, certificates, shown)):
        yield session.write.act(*where, "setSslCertificates", {"sslCertificates": certificates})
    yield from _unguarded(session, standing)


def _unguarded(session: Session, standing: kinds_commit.Json) -> Any:
    """Takes away what hides our certificates or asks clients for theirs: certificates first, or none would be left."""
    where, usual = names.place_of(standing["selfLink"]), shapes_front.GUARDED
    strange = shapes_front.strange(standing)
    for member in ("certificateMap", "quicOverride") if where[1] == names.GLOBAL else ():
        if strange.pop(member, None):
            body = {member: usual[member]} if usual[member] else {}
            yield session.write.act(*where, f"set{member[0].upper()}{member[1:]}", body)
    if strange:
        fingerprint = (session.read.get(*where) or standing).get("fingerprint")  # another one after each call above
        yield session.write.patch(*where, {**dict.fromkeys(strange), "fingerprint": fingerprint})


def _settle_rule(session: Session, change: model.Change, standing: kinds_commit.Json, id_of: IdOf) -> Any:
    """Of whom an internal rule serves Google lets change, also later:
    cloud.google.com/sdk/gcloud/reference/compute/forwarding-rules/update (--allow-global-access)."""
    body = shapes_front.write_rule(kinds_commit.wanted(change), id_of, standing)
    target, everywhere = body["target"], bool(body.get("allowGlobalAccess"))
    if everywhere != bool(standing.get("allowGlobalAccess")):
        patch = {"allowGlobalAccess": everywhere, "fingerprint": standing.get("fingerprint")}
        yield session.write.patch(*names.place_of(standing["selfLink"]), patch)
        standing = session.read.get(*names.place_of(standing["selfLink"])) or standing
    if not _same(target, standing.get("target")):
        yield session.write.act(*names.place_of(standing["selfLink"]), "setTarget", {"target": target})
    yield from kinds_commit.label(session, change, standing, id_of)


def _same(link: str | None, shown: str | None) -> bool:
    return names.path_of(link or "") == names.path_of(shown or "")


def _claims(_: str, spec: model.Spec) -> tuple[str, ...]:
    """A port of an address has one forwarding rule."""
    address = spec.get("address")
    return (f"port:{address.key}:{spec.get('port')}",) if isinstance(address, model.Ref) else ()


def _exposes(spec: model.Spec) -> frozenset[str]:
    return frozenset({"global access"} if spec.get("global_access") else ())


CERTIFICATE = kinds_commit.resource("certificate", secret=_pem, immutable=("place", "fingerprint"))
SSL_POLICY = kinds_commit.resource(
    "ssl-policy", settle=_patch_policy, immutable=("place",), mutable=("profile", "min_version")
)
TARGET_PROXY = kinds_commit.resource(
    "target-proxy",
    settle=_settle_proxy,
    immutable=("address", "secure"),
    mutable=("url_map", "certificates", "ssl_policy", "extra"),
    defaults={"certificates": (), "extra": ""},
)
FORWARDING_RULE = kinds_commit.resource(
    "forwarding-rule",
    settle=_settle_rule,
    immutable=("address", "port", "secure", "exposure", "network", "subnetwork", "tier"),
    mutable=("target", "global_access", "labels"),
    defaults={"global_access": False, "labels": {}},
    claims=_claims,
    exposes=_exposes,
)
