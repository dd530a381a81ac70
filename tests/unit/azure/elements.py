"""A world with one of every kind, as elements, and what stands in the cloud once it is written: no cloud needed.

Tests of build may use `document_of` too: the document that a desired graph becomes, as a GET shows it.
"""

from __future__ import annotations

import base64
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
from cloudgw_azure import document, document_parts, kinds, names, observe, shapes
from cloudgw_azure.shapes_values import forward, redirect

OWNER = "dev"
PEOPLE = "shop/edge"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "rg-edge"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network"
SUBNET = f"{NETWORK}/virtualNetworks/vnet-edge/subnets/snet-appgw"
FINGERPRINT = hashlib.sha256(b"certificate").hexdigest()


def at(kind: str, logical: str) -> model.Address:
    return model.address(PEOPLE, "azure", kind, logical)


def to(kind: str, logical: str, until: Any = "exists") -> model.Ref:
    return model.Ref(at(kind, logical), until)


GATEWAY = at("gateway", "lb")
ME = model.Ref(GATEWAY)


def child(kind: str, logical: str, **spec: Any) -> model.Element:
    return model.Element(address=at(kind, logical), spec={"gateway": ME, **spec})


def gateway(**spec: Any) -> model.Element:
    fields = {
        "resource_group": GROUP,
        "location": "westeurope",
        "zones": (),
        "subnet": SUBNET,
        "exposure": "Internal",
        "public_ip": None,
        "private_ip": "10.0.1.250",
        "sku": "Standard_v2",
        "capacity": (0, 2),
        "http2": True,
        "ssl_policy": "AppGwSslPolicy20220101S",
        "tags": {"team": "shop"},
        **spec,
    }
    return model.Element(address=GATEWAY, spec=fields)


def pool(logical: str, targets: Sequence[str] = (), port: int = 8080, protocol: str = "Http") -> list[model.Element]:
    """A pool, its targets and its plain settings."""
    return [
        child("pool", logical, port=port, protocol=protocol),
        child("targets", logical, pool=to("pool", logical), targets=tuple(sorted(targets))),
        settings(logical, port=port, protocol=protocol),
    ]


def settings(logical: str, **spec: Any) -> model.Element:
    plain = {
        "port": 8080,
        "protocol": "Http",
        "timeout": 30,
        "affinity": "",
        "host": "",
        "probe": to("probe", "https" if spec.get("protocol") == "Https" else "http"),
        "roots": (),
        "sni": "",
        "draining": 0,
        "extra": "",
    }
    return child("settings", logical, **{**plain, **spec})


def probe(logical: str, protocol: str) -> model.Element:
    return child(
        "probe",
        logical,
        protocol=protocol,
        host="127.0.0.1",
        path="/healthz",
        port=None,
        interval=10,
        timeout=5,
        threshold=2,
        statuses=("200-399",),
        extra="",
    )


def answer(pool_: str, settings_: str = "") -> dict[str, Any]:
    return forward(to("pool", pool_, "serving"), to("settings", settings_ or pool_))


def site(
    logical: str, hosts: Sequence[str], port: str = "80", certificate: model.Ref | None = None
) -> list[model.Element]:
    """A listener, its map and its rule."""
    return [
        child(
            "listener",
            logical,
            frontend="private",
            port=to("frontend-port", port),
            protocol="Https" if certificate is not None else "Http",
            hosts=tuple(hosts),
            certificate=certificate,
            extra="",
        ),
        child("path-map", logical, default=answer("none"), extra=""),
        child("rule", logical, listener=to("listener", logical), map=to("path-map", logical), extra=""),
    ]


def path(
    map_: str, identity: str, paths: Sequence[str], action: Mapping[str, Any], rewrite: Any = None
) -> model.Element:
    spec = {"map": to("path-map", map_), "paths": tuple(paths), "action": action, "rewrite": rewrite, "extra": ""}
    return child("path-rule", f"{map_}/{identity}", **spec)


REWRITES = (
    {
        "name": "add",
        "sequence": 100,
        "conditions": (("http_req_X-A", "^(.*)$", True, False), ("var_uri_path", "^/old/(.*)$", False, False)),
        "request": (("X-A", "{http_req_X-A_1}, b"), ("X-Gone", "")),
        "response": (("X-Out", "1"),),
        "path": "/new/{var_uri_path_1}",
        "query": None,
    },
    {"name": "last", "sequence": 200, "conditions": (), "request": (), "response": (("S", "x"),)}
    | {"path": None, "query": "a=b"},
)


def root_data() -> str:
    """Base64 of a certificate's DER, for trusted roots."""
    body = b"".join(
        line for line in material().certificate_pem.splitlines(keepends=False) if not line.startswith(b"-----")
    )
    return body.decode()


def elements(*, certificates: bool = True) -> list[model.Element]:
    """One of every kind but public-ip."""
    found = [gateway(), probe("http", "Http"), probe("https", "Https"), child("frontend-port", "80", port=80)]
    found += pool("none", port=80)
    found += pool("shop.cart.8080", ("10.0.64.5", "10.0.64.6"))
    found += pool("shop.pay.8443", ("10.0.64.7",), 8443, "Https")
    found += [
        settings("shop.cart.8080.slow", timeout=120, affinity="sticky", host="in.example.com", draining=20),
        settings(
            "shop.pay.8443.tls",
            port=8443,
            protocol="Https",
            host="pay.internal",
            sni="pay.internal",
            roots=(to("trusted-root", "ca.x"),),
        ),
        child("trusted-root", "ca.x", data=root_data()),
        child("rewrite-set", "w.x", rules=REWRITES),
        child(
            "redirect",
            "r.x",
            type="Permanent",
            url="https://other.example.com",
            listener=None,
            include_path=True,
            include_query=True,
        ),
        child(
            "redirect",
            "r.l",
            type="Found",
            url="",
            listener=to("listener", "80.shop.example.com"),
            include_path=True,
            include_query=False,
        ),
    ]
    found += site("80.shop.example.com", ("shop.example.com",)) + site("80.any", ())
    found += [
        path("80.shop.example.com", "shop.r.aaaaaaaaaa", ("/cart", "/cart/*"), answer("shop.cart.8080")),
        path("80.shop.example.com", "shop.r.bbbbbbbbbb", ("/pay",), answer("shop.pay.8443", "shop.pay.8443.tls")),
        path(
            "80.shop.example.com",
            "shop.r.cccccccccc",
            ("/*",),
            answer("shop.cart.8080", "shop.cart.8080.slow"),
            to("rewrite-set", "w.x"),
        ),
        path("80.any", "shop.s.aaaaaaaaaa", ("/old",), redirect(to("redirect", "r.x"))),
        path("80.any", "shop.s.bbbbbbbbbb", ("/here",), redirect(to("redirect", "r.l"))),
    ]
    if certificates:
        secure = logical_wild()
        found += [child("frontend-port", "443", port=443)]
        found += [child("certificate", "shop.tls", fingerprint=material().fingerprint, key_vault=None)]
        found += site(secure, ("*.example.com",), "443", to("certificate", "shop.tls"))
        found += [path(secure, "shop.t.aaaaaaaaaa", ("/*",), answer("shop.cart.8080"))]
    return found


def logical_wild() -> str:
    return names.logical("443", "*.example.com")


def graph(found: Sequence[model.Element]) -> model.Graph:
    """Desired; path rules of a map stand in the order given, and so do routing rules."""
    order: dict[str, list[str]] = {}
    for element in found:
        kind = kinds.KINDS[model.kind_of(element.address)]
        if kind.positions is not None:
            key = str(element.fields["map"].to) if kind.name == "path-rule" else "rules"
            order.setdefault(key, []).append(element.address)
    return model.graph(found, order={key: tuple(sequence) for key, sequence in order.items()})


def difference(
    desired: model.Graph, observed: model.Graph | None = None, cache: memory.Cache | None = None
) -> tuple[model.Change, ...]:
    found = diff.diff(desired, observed or model.Graph(), kinds.KINDS, cache=cache)
    assert not found.cyclic
    return found.changes


def group(observed: model.Graph) -> tuple[str, list[model.Element]]:
    """(group, elements of it) of the one gateway in an observed graph."""
    seen = observed.elements[GATEWAY][0]
    key = kinds.KINDS["gateway"].group(seen.address, seen.name, seen.fields)
    mine = [e for e in observed if kinds.KINDS[model.kind_of(e.address)].group(e.address, e.name, e.fields) == key]
    return key, mine


@functools.cache
def material(subject: str = "example.com") -> Material:
    """A self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Material(
        fingerprint=hashlib.sha256(subject.encode()).hexdigest(),
        certificate_pem=made.public_bytes(serialization.Encoding.PEM),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def bytes_of(_: model.Element) -> Mapping[str, str]:
    return {"data": base64.b64encode(b"pfx").decode(), "password": "hush"}


def gateway_id(suffix: str) -> str:
    return document_parts.gateway_id(SUBSCRIPTION, GROUP, names.resource_name(OWNER, GATEWAY, suffix))


MARK = names.mark(OWNER, PEOPLE)


def written(
    found: Mapping[str, Any] | None,
    changes: Sequence[model.Change],
    observed: Sequence[model.Element] = (),
    *,
    restore: bool = False,
) -> dict[str, Any]:
    """The body that the commit would put for these changes. found: what a GET shows, None for a new gateway."""
    made = next((c for c in changes if c.op == "create" and c.address == GATEWAY), None)
    if found is None:
        assert made is not None
        assert made.after is not None
        identity = gateway_id(made.name)
        found = document.blank(identity, made.after.fields, names.tags_of(OWNER, GATEWAY, made.name, {}), "")
    draft = document.changed(
        found, changes, observed, id=str(found["id"]), mark=MARK, secrets=bytes_of, restore=restore
    )
    return draft.body


def shown(body: Mapping[str, Any], state: str = "Succeeded") -> dict[str, Any]:
    """What a GET shows of a body: no secrets, with states, etags and ids."""
    found = copy.deepcopy(dict(body))
    found |= {"etag": 'W/"1"', "name": str(body["id"]).rpartition("/")[2], "type": document_parts.TYPE}
    found["properties"]["provisioningState"] = state
    for collection, one in document_parts.children(found["properties"]):
        one |= {
            "etag": 'W/"1"',
            "type": f"{document_parts.TYPE}/{collection}",
            "id": f"{body['id']}/{collection}/{one['name']}",
        }
        one["properties"]["provisioningState"] = state
        for secret in ("data", "password") if collection == "sslCertificates" else ():
            one["properties"].pop(secret, None)
    return found


def observed(*documents: Mapping[str, Any], health: Mapping[str, Any] | None = None) -> model.Graph:
    content = {"gateways": list(documents), "public_ips": [], "health": dict(health or {}), "networks": {}}
    return observe.observe(Inventory(placement=Placement("azure"), content=content), OWNER)


def document_of(desired: model.Graph) -> dict[str, Any]:
    """The document of a desired graph with one gateway, as a GET shows it, with all its targets."""
    changes = [change for change in difference(desired) if model.kind_of(change.address) != "public-ip"]
    return shown(written(None, [change for change in changes if not change.waits]))


def collection(body: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["properties"].get(shapes.SHAPES[kind].collection) or []
    return found
