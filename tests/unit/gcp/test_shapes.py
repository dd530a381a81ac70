"""Whatever is written is read back equal, defaults of Google's never differ, and members of others stay."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.graph import model
from cloudgw_gcp import kinds, names, shapes, shapes_backends
from cloudgw_gcp.shapes_values import IdOf
from tests.unit.gcp import elements

Json = dict[str, Any]
WORLDS = [
    ("europe-west1", "Internal"),
    ("europe-west1", "Public"),
    ("global", "Public"),
]
PATHS: dict[str, model.Ref] = {}


def ids(place: str) -> IdOf:
    """Made up paths that give their references back. place: of what is no group of endpoints."""

    def id_of(reference: model.Ref) -> str:
        kind = model.kind_of(reference.to)
        spec = next(e.fields for e in elements.elements() if e.address == reference.to)
        where = spec.get("zone", place)
        path = names.path("p", where, shapes.collection(kind, spec), f"x{model.hash_of(reference.to)}")
        PATHS[path] = reference
        return path

    return id_of


id_of = ids(elements.REGION)


def ref_of(path: str, until: Any) -> model.Ref | str:
    found = PATHS.get(path)
    return model.Ref(found.to, until, found.name) if found is not None else path


def written(element: model.Element, place: str = elements.REGION) -> Json:
    kind, spec = model.kind_of(element.address), element.fields
    body = shapes.inserted(element, ids(place), owner="dev", region=elements.REGION)
    where = shapes.place(kind, spec, ids(place))
    path = names.path("p", where, shapes.collection(kind, spec), body["name"])
    return elements.shown(body, path, spec)


def resources(place: str, exposure: str) -> list[model.Element]:
    """Elements of resources of their own, their address bound."""
    found = []
    for element in elements.elements(place, exposure):
        if model.kind_of(element.address) not in shapes.SHAPES:
            continue
        spec = dict(element.fields)
        if "address" in spec:
            spec["address"] = model.Ref(elements.ADDRESS, "exists", "parent2222")
        found.append(model.Element(address=element.address, spec=spec, name="abcdefgh23"))
    return found


@pytest.mark.parametrize(("place", "exposure"), WORLDS)
def test_what_is_written_is_read_back(place: str, exposure: str) -> None:
    sampled = resources(place, exposure)
    for element in sampled:
        kind = model.kind_of(element.address)
        found = shapes.read(kind, written(element, place), ref_of)
        assert found == dict(element.fields), element.address
        assert set(found) == set(kinds.KINDS[kind].all_fields)
    assert {model.kind_of(element.address) for element in sampled} == set(shapes.SHAPES)


def service(**spec: Any) -> model.Element:
    plain = elements.service("shop/cart:8080", [f"{elements.CART}/{zone}" for zone in elements.ZONES]).fields
    fields = {**plain, "address": model.Ref(elements.ADDRESS, "exists", "parent2222"), **spec}
    return model.Element(address=elements.at("backend-service", "shop/cart:8080"), spec=fields, name="abcdefgh23")


@pytest.mark.parametrize(
    ("spec", "members"),
    [
        ({}, {"sessionAffinity": "NONE", "protocol": "HTTP"}),
        ({"affinity": "GENERATED_COOKIE", "cookie": ("", 60)}, {"affinityCookieTtlSec": 60}),
        ({"affinity": "GENERATED_COOKIE"}, {"affinityCookieTtlSec": 0}),
        (
            {"affinity": "HTTP_COOKIE", "cookie": ("c", 0)},
            {
                "consistentHash": {"httpCookie": {"name": "c", "path": "/", "ttl": {"seconds": "0"}}},
                "localityLbPolicy": "RING_HASH",
            },
        ),
        (
            {"affinity": "STRONG_COOKIE_AFFINITY", "cookie": ("c", 9)},
            {"strongSessionAffinityCookie": {"name": "c", "path": "/", "ttl": {"seconds": "9"}}},
        ),
        ({"health_check": None, "backends": ()}, {"healthChecks": [], "backends": []}),
        ({"draining": 45, "timeout": 86400}, {"connectionDraining": {"drainingTimeoutSec": 45}, "timeoutSec": 86400}),
        ({"protocol": "H2C", "exposure": "Public"}, {"protocol": "H2C", "loadBalancingScheme": "EXTERNAL_MANAGED"}),
    ],
)
def test_backend_services(spec: Json, members: Json) -> None:
    element = service(**spec)
    found = written(element)
    assert {name: found.get(name) for name in members} == members
    assert shapes.read("backend-service", found, ref_of) == dict(element.fields)


def test_groups_are_named_by_full_links_with_a_rate_that_never_limits() -> None:
    (first, _) = written(service())["backends"]
    assert first["group"].startswith("https://www.googleapis.com/compute/v1/projects/p/zones/europe-west1-b/")
    assert (first["balancingMode"], first["maxRatePerEndpoint"]) == ("RATE", 100_000_000)


def test_a_write_replaces_our_members_and_carries_those_of_others_along() -> None:
    standing = written(service(affinity="HTTP_COOKIE", cookie=("c", 5)))
    theirs = {
        "logConfig": {"enable": True, "sampleRate": 0.5},
        "securityPolicy": "https://www.googleapis.com/compute/v1/projects/p/global/securityPolicies/armor",
        "futureMember": {"x": 1},
    }
    standing |= theirs
    standing["backends"][0]["preference"] = "PREFERRED"
    before = copy.deepcopy(standing)
    element = service(timeout=5, health_check=None)
    found = shapes.settled("backend-service", standing, element.fields, id_of)
    assert standing == before
    assert {name: found[name] for name in theirs} == theirs
    assert found["backends"][0]["preference"] == "PREFERRED"
    assert "consistentHash" not in found
    assert found["localityLbPolicy"] == "ROUND_ROBIN"
    assert found["fingerprint"] == standing["fingerprint"]
    assert shapes.read("backend-service", found, ref_of) == dict(element.fields)


def test_a_policy_of_somebody_s_choice_stays_where_it_does_the_same() -> None:
    standing = written(service()) | {"localityLbPolicy": "MAGLEV"}
    wanted = service(affinity="HTTP_COOKIE", cookie=("c", 5)).fields
    assert shapes.settled("backend-service", standing, wanted, id_of)["localityLbPolicy"] == "MAGLEV"
    plain = written(service()) | {"localityLbPolicy": "LEAST_REQUEST"}
    assert shapes.settled("backend-service", plain, service().fields, id_of)["localityLbPolicy"] == "LEAST_REQUEST"


@pytest.mark.parametrize(
    ("member", "value", "field"),
    [
        ("timeoutSec", 31, "timeout"),
        ("sessionAffinity", "CLIENT_IP", "affinity"),
        ("connectionDraining", {"drainingTimeoutSec": 7}, "draining"),
        ("healthChecks", ["https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/h"], "health_check"),
        ("backends", [], "backends"),
        ("protocol", "HTTPS", "protocol"),
    ],
)
def test_drift_of_a_backend_service_is_seen(member: str, value: Any, field: str) -> None:
    element = service()
    found = shapes.read("backend-service", written(element) | {member: value}, ref_of)
    assert {name for name in found if found[name] != element.fields[name]} == {field}


@pytest.mark.parametrize(
    "change", [{"capacityScaler": 0.0}, {"maxRatePerEndpoint": 1.0}, {"balancingMode": "CUSTOM_METRICS"}]
)
def test_a_group_that_gets_less_than_all_is_drift_and_repaired(change: Json) -> None:
    element = service()
    standing = written(element)
    standing["backends"][0] |= {**change, "maxConnections": 7}
    found = shapes.read("backend-service", standing, ref_of)
    assert {name for name in found if found[name] != element.fields[name]} == {"extra"}
    repaired = shapes.settled("backend-service", standing, element.fields, id_of)
    assert shapes.read("backend-service", repaired, ref_of) == dict(element.fields)
    assert repaired["backends"][0]["maxConnections"] == 7


def test_backends_have_no_order() -> None:
    element = service()
    standing = written(element)
    assert len(standing["backends"]) > 1
    standing["backends"].reverse()
    assert shapes.read("backend-service", standing, ref_of) == dict(element.fields)


def test_links_of_any_spelling_mean_the_same() -> None:
    element = service()
    found = written(element)
    for one in found["backends"]:
        one["group"] = one["group"].replace("www.googleapis.com/compute/v1", "compute.googleapis.com/compute/beta")
    assert shapes.read("backend-service", found, ref_of) == dict(element.fields)


@pytest.mark.parametrize(
    "change",
    [
        {"disabled": True},
        {"allowed": [{"IPProtocol": "tcp", "ports": ["80"]}]},
        {"allowed": None, "denied": [{"IPProtocol": "tcp"}]},
        {"sourceTags": ["x"]},
        {"destinationRanges": ["10.9.9.9/32"]},
        {"priority": 65000},
    ],
)
def test_a_closed_or_narrowed_firewall_rule_opens_nothing_and_is_repaired(change: Json) -> None:
    (element,) = [e for e in resources(*WORLDS[0]) if model.kind_of(e.address) == "firewall"]
    standing = written(element) | change
    assert shapes.read("firewall", standing, ref_of)["ranges"] == ()
    repaired = shapes.settled("firewall", standing, element.fields, id_of)
    assert shapes.read("firewall", repaired, ref_of) == dict(element.fields)


def test_all_ports_may_be_spelled_out() -> None:
    (element,) = [e for e in resources(*WORLDS[0]) if model.kind_of(e.address) == "firewall"]
    spelled = written(element) | {"allowed": [{"IPProtocol": "tcp", "ports": ["0-65535"]}]}
    assert shapes.read("firewall", spelled, ref_of) == dict(element.fields)


@pytest.mark.parametrize(("protocol", "port"), [("HTTP", None), ("HTTP", 81), ("HTTPS", None), ("HTTPS", 8443)])
def test_health_checks(protocol: str, port: int | None) -> None:
    element = model.Element(
        address=elements.at("health-check", "x"),
        spec=elements.check(protocol, port=port, path="/healthz").fields,
        name="abcdefgh23",
    )
    found = written(element)
    assert shapes.read("health-check", found, ref_of) == dict(element.fields)
    found[shapes_backends.BLOCKS[protocol]] |= {"host": "theirs.example", "proxyHeader": "NONE", "later": 1}
    assert shapes.read("health-check", found, ref_of)["extra"] == '{"host":"theirs.example"}'
    settled = shapes.settled("health-check", found, {**element.fields, "port": None, "interval": 77}, id_of)
    assert settled[shapes_backends.BLOCKS[protocol]] == {
        "later": 1,
        "portSpecification": "USE_SERVING_PORT",
        "requestPath": "/healthz",
    }
    assert settled["checkIntervalSec"] == 77


def test_another_type_of_check_differs_and_is_written_anew() -> None:
    (element, *_) = [e for e in resources(*WORLDS[0]) if model.kind_of(e.address) == "health-check"]
    standing = {k: v for k, v in written(element).items() if k != "httpHealthCheck"}
    standing |= {"type": "TCP", "tcpHealthCheck": {"port": 80}}
    assert shapes.read("health-check", standing, ref_of)["protocol"] == "TCP"
    settled = shapes.settled("health-check", standing, element.fields, id_of)
    assert "tcpHealthCheck" not in settled
    assert shapes.read("health-check", settled, ref_of) == dict(element.fields)


TARGETS = st.lists(
    st.tuples(
        st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
        st.ip_addresses(v=4),
        st.integers(min_value=1, max_value=65535),
    ),
    unique=True,
)


@given(TARGETS)
def test_endpoints_are_written_as_the_api_takes_them(targets: list[tuple[str, Any, int]]) -> None:
    found = shapes_backends.write_endpoints([f"{node}/{ip}:{port}" for node, ip, port in targets])
    assert [(one["instance"], one["ipAddress"], one["port"]) for one in found["networkEndpoints"]] == [
        (node, str(ip), port) for node, ip, port in targets
    ]


def test_a_certificate_s_insert_names_its_fingerprint_and_holds_no_bytes() -> None:
    (element, *_) = [e for e in resources(*WORLDS[0]) if model.kind_of(e.address) == "certificate"]
    body = shapes.inserted(element, id_of, owner="dev", region=elements.REGION)
    assert set(body) == {"name", "description", "type"}
    assert names.members(body["description"])[names.FINGERPRINT] == elements.material().fingerprint


def test_where_things_lie() -> None:
    places = {
        model.short(e.address): shapes.place(model.kind_of(e.address), e.fields, id_of)
        for e in resources("europe-west1", "Internal")
    }
    assert places["firewall/lb"] == "global"
    assert places[f"neg/{elements.CART}/europe-west1-c"] == "europe-west1-c"
    rest = {place for name, place in places.items() if not name.startswith(("firewall", "neg"))}
    assert rest == {"europe-west1"}
