"""A world with one of every kind, as elements, and what stands in the cloud once it is written: no cloud needed.

Tests of build may use `content_of` too: the inventory that a desired graph becomes, as GETs show it.
"""

from __future__ import annotations

import copy
import datetime
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudgw.graph import diff, memory, model
from cloudgw.objects import Material
from cloudgw.provider import Inventory, Placement
from cloudgw_gcp import document, kinds, names, observe, shapes
from cloudgw_gcp.shapes_values import fail, forward

Json = dict[str, Any]
OWNER = "dev"
PEOPLE = "shop/edge"
PROJECT = "cloudgw-local"
REGION = "europe-west1"
ZONES = ("europe-west1-b", "europe-west1-c")
NETWORK = f"projects/{PROJECT}/global/networks/net-edge"
SUBNETWORK = f"projects/{PROJECT}/regions/{REGION}/subnetworks/subnet-nodes"
PLACEMENT = Placement("gcp", PROJECT, REGION)
RANGES = ("10.129.0.0/23", "130.211.0.0/22", "35.191.0.0/16")
CART, PAY = "shop/cart:8080", "shop/pay:8443"
BARE: Mapping[str, Any] = {"rewrite": None, "request": None, "response": None, "timeout": None, "extra": ""}


def at(kind: str, logical: str) -> model.Address:
    return model.address(PEOPLE, "gcp", kind, logical)


def to(kind: str, logical: str, until: Any = "exists") -> model.Ref:
    return model.Ref(at(kind, logical), until)


ADDRESS = at("address", "lb")
ME = model.Ref(ADDRESS)


def made(kind: str, logical: str, **spec: Any) -> model.Element:
    return model.Element(address=at(kind, logical), spec=spec)


def placed(place: str, exposure: str) -> Json:
    """The fields that an address and its forwarding rules share."""
    if place == names.GLOBAL:
        return {"exposure": exposure, "network": None, "subnetwork": None, "tier": None}
    internal = exposure == "Internal"
    return {
        "exposure": exposure,
        "network": NETWORK,
        "subnetwork": SUBNETWORK if internal else None,
        "tier": None if internal else "PREMIUM",
    }


def address(place: str = REGION, exposure: str = "Internal", **spec: Any) -> model.Element:
    return made("address", "lb", **{"place": place, **placed(place, exposure), "labels": {"team": "shop"}, **spec})


def firewall(**spec: Any) -> model.Element:
    fields = {"address": ME, "network": NETWORK, "ranges": RANGES, "tags": ("gke-edge",), **spec}
    return made("firewall", "lb", **fields)


def check(protocol: str = "HTTP", place: str = REGION, **spec: Any) -> model.Element:
    plain = {"path": "/", "port": None, "interval": 10, "timeout": 5, "healthy": 2, "unhealthy": 2, "extra": ""}
    return made("health-check", protocol.lower(), place=place, protocol=protocol, **{**plain, **spec})


def group(backend: str, zone: str, targets: Sequence[str] = ()) -> list[model.Element]:
    """A neg and its endpoints."""
    logical = f"{backend}/{zone}"
    fields = {"zone": zone, "network": NETWORK, "subnetwork": SUBNETWORK, "type": "GCE_VM_IP_PORT"}
    return [
        made("neg", logical, **fields),
        made("endpoints", logical, neg=to("neg", logical), targets=tuple(sorted(targets))),
    ]


def service(logical: str, groups: Sequence[str] = (), exposure: str = "Internal", **spec: Any) -> model.Element:
    plain = {
        "address": ME,
        "protocol": "HTTP",
        "exposure": exposure,
        "health_check": to("health-check", "http"),
        "backends": tuple(to("neg", name) for name in groups),
        "timeout": 30,
        "affinity": "NONE",
        "cookie": None,
        "draining": 0,
        "extra": "",
    }
    return made("backend-service", logical, **{**plain, **spec})


def url_map(port: str, hosts: Sequence[str] = ("shop.example",), *, secure: bool = False) -> list[model.Element]:
    """A map with a matcher for each host and the one for any."""
    none = to("backend-service", "none")
    found = [made("url-map", port, address=ME, secure=secure, fallback=none, extra="")]
    for host in (*hosts, "*"):
        fields = {"url_map": to("url-map", port), "hosts": (host,), "fallback": none, "extra": ""}
        found.append(made("path-matcher", f"{port}/{host}", **fields))
    return found


def route(port: str, host: str, identity: str, path: str, action: Mapping[str, Any], **spec: Any) -> model.Element:
    fields = {
        "url_map": to("url-map", port),
        "matcher": to("path-matcher", f"{port}/{host}"),
        "matches": ({"path": ("full", path), "headers": (), "query": ()},),
        "action": action,
        **BARE,
        **spec,
    }
    return made("route-rule", f"{port}/{host}/{identity}", **fields)


def front(
    port: int, place: str = REGION, exposure: str = "Internal", certificates: Sequence[str] = ()
) -> list[model.Element]:
    """A proxy and its forwarding rule."""
    secure = bool(certificates)
    return [
        made(
            "target-proxy",
            str(port),
            address=ME,
            secure=secure,
            url_map=to("url-map", str(port)),
            certificates=tuple(to("certificate", name, "ready") for name in certificates),
            ssl_policy=to("ssl-policy", "tls") if secure else None,
            extra="",
        ),
        made(
            "forwarding-rule",
            str(port),
            address=model.Ref(ADDRESS, "ready"),
            port=port,
            secure=secure,
            global_access=False,
            **placed(place, exposure),
            target=to("target-proxy", str(port)),
            labels={"team": "shop"},
        ),
    ]


def elements(place: str = REGION, exposure: str = "Internal") -> list[model.Element]:
    """One of every kind, HTTP on port 80 and HTTPS on port 443."""
    found = [address(place, exposure), firewall(), check("HTTP", place), check("HTTPS", place, port=9443)]
    found += group(CART, ZONES[0], ("node-b/10.0.64.5:8080", "node-b/10.0.64.6:8080"))
    found += group(CART, ZONES[1], ("node-c/10.0.80.5:8080",))
    found += group(PAY, ZONES[0], ("node-b/10.0.64.7:8443",))
    found += [
        service("none", exposure=exposure),
        service(CART, [f"{CART}/{zone}" for zone in ZONES], exposure),
        service(
            PAY,
            [f"{PAY}/{ZONES[0]}"],
            exposure,
            protocol="HTTPS",
            health_check=to("health-check", "https"),
            timeout=120,
            draining=20,
        ),
        service(
            f"{CART}/sticky",
            [f"{CART}/{zone}" for zone in ZONES],
            exposure,
            affinity="STRONG_COOKIE_AFFINITY",
            cookie=("session", 3600),
        ),
    ]
    found += url_map("80") + front(80, place, exposure)
    found += [
        route("80", "shop.example", "r.a", "/cart", forward(to("backend-service", CART, "serving"))),
        route("80", "shop.example", "r.b", "/pay", forward(to("backend-service", PAY, "serving"))),
        route("80", "*", "r.c", "/gone", fail(404)),
    ]
    found += [
        made("certificate", "shop/tls", place=place, fingerprint=material().fingerprint),
        made("certificate", "shop/two", place=place, fingerprint=material("two.example").fingerprint),
        made("ssl-policy", "tls", place=place, profile="MODERN", min_version="TLS_1_2"),
    ]
    found += url_map("443", secure=True) + front(443, place, exposure, ("shop/tls", "shop/two"))
    found += [
        route("443", "shop.example", "r.a", "/", forward(to("backend-service", f"{CART}/sticky", "serving"))),
    ]
    return found


def graph(found: Sequence[model.Element]) -> model.Graph:
    """Desired; route rules of a matcher stand in the order given."""
    order: dict[str, list[str]] = {}
    for element in found:
        if model.kind_of(element.address) == "route-rule":
            order.setdefault(str(element.fields["matcher"].to), []).append(element.address)
    return model.graph(found, order={key: tuple(sequence) for key, sequence in order.items()})


def difference(
    desired: model.Graph, observed: model.Graph | None = None, cache: memory.Cache | None = None, now: float = 0.0
) -> tuple[model.Change, ...]:
    found = diff.diff(desired, observed or model.Graph(), kinds.KINDS, cache=cache, now=now)
    assert not found.cyclic
    return found.changes


def changed(found: Sequence[model.Element], address: model.Address, **spec: Any) -> list[model.Element]:
    """The same elements with some fields of one set."""
    assert any(element.address == address for element in found)
    return [
        model.Element(address=one.address, spec={**one.fields, **spec}) if one.address == address else one
        for one in found
    ]


@functools.cache
def material(subject: str = "shop.example") -> Material:
    """A self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Material(
        fingerprint=hashlib.sha256(subject.encode()).hexdigest(),
        certificate_pem=signed.public_bytes(serialization.Encoding.PEM),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


MATERIALS = {found.fingerprint: found for found in (material(), material("two.example"))}


def content_of(desired: model.Graph) -> Json:
    """The inventory of a cloud in which a desired graph stands and nothing else, as GETs show it."""
    changes = [change for change in difference(desired) if not change.waits and change.after is not None]
    paths: dict[str, str] = {}
    content: Json = {"owner": OWNER, "project": PROJECT, "region": REGION, "users": {}, "health": {}, "endpoints": {}}
    content |= {collection: [] for collection in shapes.KINDS_OF}

    def id_of(reference: model.Ref) -> str:
        return paths[reference.key]

    for change in changes:
        assert change.after is not None
        kind, spec = model.kind_of(change.address), change.after.fields
        if kind == "endpoints":
            content["endpoints"][id_of(spec["neg"])] = list(spec["targets"])
        if kind not in shapes.SHAPES:
            continue
        body = shapes.inserted(change.after, id_of, owner=OWNER, region=REGION)
        if kind == "url-map":
            key = model.key_of(change.address, change.name)
            inside = [one for one in changes if one.group == f"map:{key}"]
            body = document.changed(body, inside, [], id_of=id_of).body
        where = shapes.place(kind, spec, id_of)
        collection = shapes.collection(kind, spec)
        path = names.path(PROJECT, where, collection, body["name"])
        paths[model.key_of(change.address, change.name)] = path
        content[collection].append(shown(body, path, spec))
    return content


def shown(body: Mapping[str, Any], path: str, spec: model.Spec) -> Json:
    """What a GET shows of an inserted body: output-only members, defaults, nothing secret."""
    collection = names.place_of(path)[0]
    found = copy.deepcopy(dict(body))
    found |= {"selfLink": names.link_of(path), "id": "17", "kind": "compute#thing", "creationTimestamp": "2026"}
    if collection in ("addresses", "forwardingRules"):
        found["labels"] = names.with_user_labels({}, spec.get("labels"))
        found["labelFingerprint"] = "bGFiZWw="
        found.setdefault("networkTier", "PREMIUM")
    if collection == "addresses":
        found |= {"address": "10.0.0.77", "status": "IN_USE"}
    elif collection == "forwardingRules":
        found |= {"IPAddress": "10.0.0.77", "portRange": f"{found['portRange']}-{found['portRange']}"}
        found.setdefault("network", names.link_of(f"projects/{PROJECT}/global/networks/default"))
    elif collection == "backendServices":
        found |= {"port": 80, "portName": "http", "fingerprint": "c2VydmljZQ=="}
    elif collection in ("urlMaps", "targetHttpsProxies", "targetHttpProxies", "sslPolicies"):
        found["fingerprint"] = "cHJpbnQ="
    return found


def observed(content: Mapping[str, Any], owner: str = OWNER) -> model.Graph:
    return observe.observe(Inventory(placement=PLACEMENT, content=content), owner)


def one(seen: model.Graph, kind: str, logical: str) -> model.Element:
    (found,) = seen.elements[at(kind, logical)]
    return found
