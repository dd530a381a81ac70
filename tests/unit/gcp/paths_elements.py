"""Two URL maps with everything that can lie in one, as elements, and what Google shows once they are written: no cloud.

Addresses and backend services stand in for what other kinds make: only their identity matters here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from cloudgw.graph import diff, model
from cloudgw_gcp import document, kinds_paths, names, shapes
from cloudgw_gcp.document_draft import Draft
from cloudgw_gcp.document_parts import writable
from cloudgw_gcp.shapes_values import Json, Until, fail, forward

OWNER, PEOPLE, PROJECT, REGION = "dev", "shop/edge", "acme", "europe-west1"
SHOP, ANY = "shop.example.com", "*"


def _never(*_: Any) -> Mapping[str, str]:
    raise AssertionError("nothing else is written here")


KINDS = {
    kind.name: kind
    for kind in (
        kinds_paths.URL_MAP,
        kinds_paths.PATH_MATCHER,
        kinds_paths.ROUTE_RULE,
        model.Kind(name="address", commit=_never, immutable=("place",)),
        model.Kind(name="backend-service", commit=_never, immutable=("address",), serving=lambda _: 1.0),
    )
}


def at(kind: str, logical: str) -> model.Address:
    return model.address(PEOPLE, names.PROVIDER, kind, logical)


def to(kind: str, logical: str, until: Until = "exists") -> model.Ref:
    return model.Ref(at(kind, logical), until)


ADDRESS = to("address", "lb")
NONE = to("backend-service", "none")


def service(name: str) -> model.Ref:
    return to("backend-service", f"shop/{name}:8080", "serving")


def match(path: tuple[str, str], headers: tuple[Any, ...] = (), query: tuple[Any, ...] = ()) -> Json:
    return {"path": path, "headers": headers, "query": query}


def prefix(path: str) -> tuple[Json, ...]:
    """A path prefix of whole segments."""
    return (match(("full", path)), match(("prefix", f"{path}/")))


def share(name: str, weight: int, **edits: Any) -> Json:
    return {"to": service(name), "weight": weight, "request": None, "response": None, **edits}


def edits(set_: tuple[Any, ...] = (), add: tuple[Any, ...] = (), remove: tuple[str, ...] = ()) -> Json:
    return {"set": set_, "add": add, "remove": remove}


def redirect(**parts: Any) -> Json:
    plain = {"host": None, "path": None, "prefix": None, "https": False, "code": 302, "strip_query": False}
    return {"type": "redirect", **plain, **parts}


def url_map(port: str = "80", *, secure: bool = False) -> model.Element:
    spec = {"address": ADDRESS, "secure": secure, "fallback": NONE, "extra": ""}
    return model.Element(address=at("url-map", port), spec=spec)


def matcher(host: str, port: str = "80") -> model.Element:
    hosts = (host,) if port in ("80", "443") or host == ANY else (host, f"{host}:{port}")
    spec = {"url_map": to("url-map", port), "hosts": hosts, "fallback": NONE, "extra": ""}
    return model.Element(address=at("path-matcher", f"{port}/{host}"), spec=spec)


def rule(
    host: str, identity: str, matches: Sequence[Json], action: Json, port: str = "80", **more: Any
) -> model.Element:
    spec = {
        "url_map": to("url-map", port),
        "matcher": to("path-matcher", f"{port}/{host}"),
        "matches": tuple(matches),
        "action": action,
        **kinds_paths.BARE,
        **more,
    }
    return model.Element(address=at("route-rule", f"{port}/{host}/{identity}"), spec=spec)


def others() -> list[model.Element]:
    """What the maps refer to."""
    found = [model.Element(address=ADDRESS.to, spec={"place": REGION})]
    for ref in (NONE, service("cart"), service("pay"), service("new")):
        found.append(model.Element(address=ref.to, spec={"address": ADDRESS}))
    return found


def elements() -> list[model.Element]:
    """A plain map with two hosts, and one for TLS on a port of its own."""
    return [
        *others(),
        url_map(),
        matcher(SHOP),
        rule(SHOP, "cart", prefix("/cart"), forward(service("cart"))),
        rule(
            SHOP,
            "split",
            [match(("full", "/split"), ((":method", "exact", "GET", False),), (("v", "exact", "2"),))],
            {
                "type": "forward",
                "shares": (
                    share("cart", 900, request=edits(set_=(("X-Share", "a"),))),
                    share("pay", 100, response=edits(remove=("X-Gone",))),
                ),
                "abort": ((500, "33.3333"),),
            },
            timeout="0.5s",
        ),
        rule(SHOP, "bad", prefix("/bad"), fail(500)),
        rule(
            SHOP,
            "all",
            [match(("prefix", "/"))],
            forward(service("cart")),
            rewrite={"host": "in.example.com", "prefix": "/v2/", "template": None},
            request=edits((("X-A", "1"),), (("X-B", "2"),), ("X-C",)),
            response=edits(add=(("X-D", "3"),)),
            timeout="30s",
        ),
        matcher(ANY),
        rule(ANY, "old", prefix("/old"), redirect(host="new.example.com", prefix="/n/", code=308, strip_query=True)),
        rule(ANY, "tls", [match(("prefix", "/"))], redirect(https=True, code=301)),
        url_map("8443", secure=True),
        matcher("*.example.com", "8443"),
        rule("*.example.com", "all", [match(("template", "/{v}/x"))], forward(service("pay")), "8443"),
        matcher(ANY, "8443"),
    ]


def graph(found: Sequence[model.Element]) -> model.Graph:
    """Desired; route rules of a matcher stand in the order given."""
    order: dict[str, list[str]] = {}
    for element in found:
        if model.kind_of(element.address) == "route-rule":
            order.setdefault(element.fields["matcher"].to, []).append(element.address)
    return model.graph(found, order={key: tuple(sequence) for key, sequence in order.items()})


def difference(desired: model.Graph, observed: model.Graph | None = None, **more: Any) -> tuple[model.Change, ...]:
    found = diff.diff(desired, observed or model.Graph(), KINDS, **more)
    assert not found.cyclic
    return found.changes


def bound_names() -> dict[model.Address, str]:
    """Suffix of each of the `others`."""
    return {c.address: c.name for c in difference(graph(others()))}


def path_of(where: model.Address, suffix: str) -> str:
    collection = {"address": "addresses", "backend-service": "backendServices", "url-map": "urlMaps"}
    name = names.resource_name(OWNER, where, suffix, REGION)
    return names.path(PROJECT, REGION, collection[model.kind_of(where)], name)


def id_of(ref: model.Ref) -> str:
    return path_of(ref.to, ref.name)


PATHS = {path_of(where, suffix): model.Ref(where, "exists", suffix) for where, suffix in bound_names().items()}


def ref_of(path: str, until: Until) -> model.Ref | str:
    found = PATHS.get(path)
    return model.Ref(found.to, until, found.name) if found is not None else path


def of_port(changes: Sequence[model.Change], port: str = "80") -> list[model.Change]:
    """The changes of one map."""
    mine = ("url-map", "path-matcher", "route-rule")
    return [
        c
        for c in changes
        if model.kind_of(c.address) in mine and model.short(c.address).split("/")[1] == port and not c.waits
    ]


def draft(
    found: Mapping[str, Any] | None, changes: Sequence[model.Change], observed: Sequence[model.Element] = ()
) -> Draft:
    """What the commit would send for these changes of one map. found: what a GET shows, None for a new one."""
    if found is None:
        (made,) = [c.after for c in changes if c.op == "create" and model.kind_of(c.address) == "url-map"]
        assert made is not None
        found = shapes.inserted(made, id_of, owner=OWNER, region=REGION)
    return document.changed(found, changes, observed, id_of=id_of)


def shown(body: Mapping[str, Any]) -> Json:
    """What a GET shows of a body."""
    found = copy.deepcopy(dict(body))
    path = names.path(PROJECT, REGION, "urlMaps", str(body["name"]))
    read_only = {"kind": "compute#urlMap", "id": "7", "selfLink": names.link_of(path), "status": {"quotaUsage": {}}}
    return {**found, **read_only, "fingerprint": "abcdefgh", "region": REGION}


def document_of(found: Sequence[model.Element], port: str = "80") -> Json:
    """The map of a port of a desired world, as a GET shows it."""
    return shown(draft(None, of_port(difference(graph(found)), port)).body)


def observed(*documents: Mapping[str, Any]) -> model.Graph:
    bound = bound_names()
    found = [
        model.Element(
            address=e.address,
            name=bound[e.address],
            spec={n: model.bind(v, lambda ref: bound[ref.to]) for n, v in e.fields.items()},
            outputs={"id": path_of(e.address, bound[e.address])},
        )
        for e in others()
    ]
    taken: dict[str, tuple[int, ...]] = {}
    for one in documents:
        record = names.record_of(one["description"])
        assert record is not None
        me = model.Ref(record.address, "exists", record.suffix)
        spec = shapes.read("url-map", one, ref_of)
        outputs = {"id": names.path_of(one["selfLink"]), "foreign": document.foreign(one)}
        found.append(model.Element(address=record.address, name=record.suffix, spec=spec, outputs=outputs))
        found += document.elements(one, PEOPLE, me, ref_of)
        taken |= document.taken(one, PEOPLE)
    return model.graph(found, taken=taken)


def group(seen: model.Graph, port: str = "80") -> tuple[str, list[model.Element]]:
    """(group, our elements of it) of one map in an observed graph."""
    (top,) = seen.elements[at("url-map", port)]
    key = model.group_of(KINDS, top)
    return key, [e for e in seen if model.group_of(KINDS, e) == key]


def step(before: Mapping[str, Any], wanted: Sequence[model.Element], port: str = "80") -> Json:
    """What is sent to come from a map to a world, as the diff says."""
    seen = observed(before)
    changes = of_port(difference(graph(wanted), seen), port)
    assert changes
    return draft(before, changes, group(seen, port)[1]).body


def sent(before: Mapping[str, Any]) -> Json:
    """What would be sent if nothing changed."""
    return writable(before)
