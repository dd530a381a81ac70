"""What a BackendPolicy becomes on each cloud: its fields, what a cloud leaves out, and what changes in place.

The laws are the same for the three; what a cloud takes has a test of its own, which its capabilities name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cloudgw import pipeline
from cloudgw.graph import diff, model
from cloudgw.objects import Affinity, HealthCheck, Note, Origin, SessionPersistence, Unknown
from cloudgw.provider import Provider
from cloudgw.routing import ir
from cloudgw_aws import PROVIDER as AWS
from cloudgw_azure import PROVIDER as AZURE
from cloudgw_gcp import PROVIDER as GCP
from tests.unit import routings
from tests.unit.aws import samples as aws
from tests.unit.azure import samples as azure
from tests.unit.gcp import samples as gcp
from tests.unit.routings import CART, PAY

WHERE = Origin(kind="BackendPolicy", namespace="shop", name="cart")
KEY = str(CART)


@dataclass(frozen=True, slots=True)
class Cloud:
    """backend, check: kinds of the elements that a policy of CART changes, with their logical ids. standing: facts that
    say that the backend stands. fields: of the backend's element that a policy decides."""

    provider: Provider
    wanted: Callable[..., Any]
    network: Callable[..., Any]
    backend: str
    check: str
    standing: Mapping[str, Any]
    fields: tuple[str, ...]

    def build(self, policy: Any = None, *, stands: bool = False, policed: bool = True, **forward: Any) -> Any:
        """Of two Services CART has the policy."""
        pods = {key: routings.backend(key, "10.0.64.5") for key in (CART, PAY)}
        pods[CART] = dataclasses.replace(pods[CART], policy=policy)
        table = routings.table(
            [
                routings.entry(1, routings.forward((CART, 1), **forward), host="a.example.com"),
                routings.entry(2, routings.forward((PAY, 1)), host="b.example.com", route="pay"),
            ]
        )
        routing = routings.routing(table, backends=pods, policed=policed)
        found = self.network(**(self.standing if stands else {}))
        return self.provider.build(routing, found, self.wanted())

    def spec(self, built: Any, which: str, key: ir.BackendKey = CART) -> model.Spec:
        """which: backend or check."""
        kind, _, form = (self.backend if which == "backend" else self.check).partition(" ")
        logical = form.format(key=key, dotted=f"{key.namespace}.{key.name}.{key.port}")
        (element,) = built[0].elements[model.address("shop/edge", self.provider.name, kind, logical)]
        found: model.Spec = element.fields
        return found

    def stood(self, built: Any) -> model.Graph:
        """What would be observed after it was applied."""
        made = diff.diff(built[0], model.Graph(), self.provider.kinds).changes
        elements = [
            dataclasses.replace(
                change.after, outputs={"id": change.key, "targets": 1, "healthy": 1, "position": change.position or 0}
            )
            for change in made
            if change.op == "create" and change.after is not None
        ]
        return model.graph(elements)

    def changes(self, before: Any, after: Any) -> list[str]:
        """What an apply would do to `before`, targets left out: "update kind fields"."""
        found = diff.diff(after[0], self.stood(before), self.provider.kinds).changes
        return [
            " ".join((change.op, model.short(change.address), *change.fields))
            for change in found
            if not change.fast and change.op != "reorder"
        ]


CLOUDS = {
    "aws": Cloud(
        AWS,
        aws.wanted,
        aws.network,
        "target-group {key}",
        "target-group {key}",
        {"pools": frozenset({KEY})},
        ("health_check", "drain"),
    ),
    "azure": Cloud(
        AZURE,
        azure.wanted,
        azure.network,
        "settings {dotted}",
        "probe of.{dotted}",
        {"settings": frozenset({"shop.cart.8080"})},
        ("probe", "draining", "affinity"),
    ),
    "gcp": Cloud(
        GCP,
        gcp.wanted,
        gcp.network,
        "backend-service {key}",
        "health-check {key}",
        {"services": frozenset({KEY})},
        ("health_check", "draining", "affinity", "cookie"),
    ),
}
every = pytest.mark.parametrize("cloud", CLOUDS.values(), ids=CLOUDS)


def policy(drain: int | None = None, affinity: Affinity | None = None, **check: Any) -> ir.BackendPolicy:
    return ir.BackendPolicy(check=HealthCheck(**check), drain=drain, affinity=affinity, origin=WHERE)


def lost(built: Any) -> dict[str, Note]:
    """Field -> the note that it has no effect."""
    return {note.origin.section: note for note in built[1] if note.refuses == "field"}


# The laws


@every
def test_a_policy_that_says_nothing_changes_nothing(cloud: Cloud) -> None:
    plain = cloud.build()
    assert cloud.build(policy()) == plain
    assert cloud.changes(plain, cloud.build(policy())) == []


@every
def test_a_policy_changes_its_own_service_alone(cloud: Cloud) -> None:
    plain, asked = cloud.build(), cloud.build(policy(drain=7, path="/healthz"))
    assert cloud.spec(asked, "backend", PAY) == cloud.spec(plain, "backend", PAY)
    assert cloud.spec(asked, "backend") != cloud.spec(plain, "backend")
    assert lost(asked) == {}


@every
def test_a_path_changes_in_place(cloud: Cloud) -> None:
    one, other = cloud.build(policy(path="/a")), cloud.build(policy(path="/b"))
    kind = cloud.check.partition(" ")[0]
    (change,) = cloud.changes(one, other)
    assert change.startswith(f"update {kind}/")
    assert change.endswith((" path", " health_check"))


@every
@pytest.mark.parametrize("way", ["comes", "goes"])
def test_a_policy_comes_and_goes_without_touching_anything_that_serves(cloud: Cloud, way: str) -> None:
    plain, asked = cloud.build(), cloud.build(policy(drain=7, path="/healthz"))
    found = cloud.changes(plain, asked) if way == "comes" else cloud.changes(asked, plain)
    backend, check = cloud.backend.partition(" ")[0], cloud.check.partition(" ")[0]
    for change in found:
        op, what = change.split(" ")[:2]
        assert (op, what.partition("/")[0]) == ("update", backend) or (what.partition("/")[0] == check), found
    assert any(change.startswith(f"update {backend}/") for change in found)


@every
@pytest.mark.parametrize("seen", ["unreadable", "incomplete"])
def test_where_a_policy_cannot_be_seen_what_stands_stays(cloud: Cloud, seen: str) -> None:
    """Also the check of its own, which nobody wants for certain now."""
    found = {"policy": Unknown("no")} if seen == "unreadable" else {"policed": False}
    unsure = cloud.build(**found, stands=True)
    spec = cloud.spec(unsure, "backend")
    assert all(isinstance(spec[field], Unknown) for field in cloud.fields)
    for before in (policy(), policy(drain=7, path="/healthz", affinity=Affinity(type="Cookie"))):
        assert cloud.changes(cloud.build(before), unsure) == []


@every
@pytest.mark.parametrize("seen", ["unreadable", "incomplete"])
def test_where_a_policy_cannot_be_seen_what_is_new_is_made_without(cloud: Cloud, seen: str) -> None:
    found = {"policy": Unknown("no")} if seen == "unreadable" else {"policed": False}
    made, plain = cloud.build(**found), cloud.build()
    assert (made[0].elements, made[1]) == (plain[0].elements, plain[1])


@every
@pytest.mark.parametrize(("seen", "complete"), [("unreadable", False), ("incomplete", True)])
def test_only_a_policy_that_is_there_keeps_a_plan_from_being_complete(cloud: Cloud, seen: str, complete: bool) -> None:
    """Where the kind cannot be listed, or is not installed, everything else can be planned and applied."""
    found = {"policy": Unknown("no")} if seen == "unreadable" else {"policed": False}
    said = pipeline.unknowns(cloud.build(**found, stands=True)[0], cloud.provider.kinds)
    kind = cloud.backend.partition(" ")[0]
    assert (not [one for one in said if one.startswith(kind)]) is complete


@every
def test_what_is_lost_is_told_once_and_names_field_and_policy(cloud: Cloud) -> None:
    asked = policy(
        path="/healthz",
        interval=3,
        timeout=3,
        healthy=1,
        unhealthy=20,
        statuses=("100",),
        drain=0,
        affinity=Affinity(type="ClientIP"),
    )
    built = cloud.build(asked)
    notes = lost(built)
    assert notes
    assert len(notes) == len([note for note in built[1] if note.refuses == "field"])
    for field, note in notes.items():
        assert field in asked.asks
        assert note.code == "PolicyNotHonoured"
        assert note.message.startswith(f"{field}: ")
        assert note.origin is not None
        assert (note.origin.kind, note.origin.name) == ("BackendPolicy", "cart")
        assert note.origin.path == f"/spec/{field.replace('.', '/')}"
    routing = routings.routing(
        routings.table([routings.entry(1)]),
        backends={CART: dataclasses.replace(routings.backend(CART, "10.0.64.5"), policy=asked)},
    )
    assert set(lost((None, cloud.provider.lint(routing)))) == set(notes)


# What each cloud takes


def test_aws_takes_what_an_alb_can() -> None:
    cloud = CLOUDS["aws"]
    asked = policy(
        drain=60,
        path="/healthz",
        port=9090,
        interval=30,
        timeout=10,
        healthy=3,
        unhealthy=4,
        statuses=("200-299", "401"),
    )
    built = cloud.build(asked)
    spec = cloud.spec(built, "backend")
    assert spec["health_check"] == {
        "protocol": "HTTP",
        "path": "/healthz",
        "port": "9090",
        "interval": 30,
        "timeout": 10,
        "healthy": 3,
        "unhealthy": 4,
        "matcher": "200-299,401",
    }
    assert spec["drain"] == 60
    assert lost(built) == {}


@pytest.mark.parametrize(
    ("check", "fields", "made"),
    [
        ({"interval": 4}, {"intervalSeconds"}, {"interval": 15, "timeout": 5}),
        ({"interval": 5}, set(), {"interval": 5, "timeout": 4}),
        ({"interval": 5, "timeout": 5}, {"timeoutSeconds"}, {"interval": 5, "timeout": 4}),
        ({"timeout": 20}, {"timeoutSeconds"}, {"interval": 15, "timeout": 5}),
        ({"interval": 300, "timeout": 121}, {"timeoutSeconds"}, {"interval": 300, "timeout": 5}),
        ({"timeout": 1}, {"timeoutSeconds"}, {"timeout": 5}),
        ({"healthy": 1, "unhealthy": 11}, {"healthyThreshold", "unhealthyThreshold"}, {"healthy": 2, "unhealthy": 2}),
        ({"statuses": ("200", "500")}, {"statusCodes"}, {"matcher": "200-499"}),
        ({"statuses": ("100-299",)}, {"statusCodes"}, {"matcher": "200-499"}),
    ],
)
def test_what_an_alb_refuses_is_never_written(check: dict[str, Any], fields: set[str], made: dict[str, Any]) -> None:
    cloud = CLOUDS["aws"]
    built = cloud.build(policy(**check))
    assert set(lost(built)) == {f"healthCheck.{field}" for field in fields}
    found = cloud.spec(built, "backend")["health_check"]
    assert {name: found[name] for name in made} == made


def test_aws_has_no_affinity_yet() -> None:
    cloud = CLOUDS["aws"]
    built = cloud.build(policy(affinity=Affinity(type="Cookie", cookie="pod", ttl=60)))
    assert set(lost(built)) == {"affinity.type", "affinity.cookieName", "affinity.ttlSeconds"}
    assert built[0] == cloud.build()[0]


def test_the_way_to_the_port_that_is_asked_is_opened_on_aws() -> None:
    cloud = dataclasses.replace(CLOUDS["aws"], wanted=lambda: aws.wanted(backendSecurityGroups=["sg-1"]))
    found = routings.logicals(cloud.build(policy(port=9090))[0], "security-group-rule")
    assert [one for one in found if one.startswith("pods/")] == ["pods/sg-1/8080", "pods/sg-1/9090"]


def test_azure_takes_what_a_gateway_can() -> None:
    cloud = CLOUDS["azure"]
    asked = policy(
        drain=60, path="/healthz", port=9090, interval=30, timeout=10, healthy=3, unhealthy=4, statuses=("200", "401")
    )
    built = cloud.build(asked)
    probe = cloud.spec(built, "check")
    assert {name: value for name, value in probe.items() if name != "gateway"} == {
        "protocol": "Http",
        "host": "127.0.0.1",
        "path": "/healthz",
        "port": 9090,
        "interval": 30,
        "timeout": 10,
        "threshold": 4,
        "statuses": ("200", "401"),
    }
    assert cloud.spec(built, "backend")["draining"] == 60
    assert set(lost(built)) == {"healthCheck.healthyThreshold"}
    assert cloud.spec(cloud.build(policy(drain=0)), "backend")["draining"] == 0


@pytest.mark.parametrize(
    ("check", "fields", "made"),
    [
        ({"interval": 3}, set(), {"interval": 3, "timeout": 3}),
        ({"timeout": 20}, {"healthCheck.timeoutSeconds"}, {"interval": 15, "timeout": 5}),
        ({"interval": 20, "timeout": 20}, set(), {"interval": 20, "timeout": 20}),
    ],
)
@pytest.mark.parametrize("name", ["azure", "gcp"])
def test_nobody_is_waited_for_beyond_the_next_question(
    name: str, check: dict[str, Any], fields: set[str], made: dict[str, Any]
) -> None:
    cloud = CLOUDS[name]
    built = cloud.build(policy(path="/x", **check))
    assert set(lost(built)) == fields
    found = cloud.spec(built, "check")
    assert {name: found[name] for name in made} == made


def test_azure_knows_cookies_of_a_session() -> None:
    cloud = CLOUDS["azure"]

    def of(affinity: Affinity, **more: Any) -> tuple[object, set[str]]:
        built = cloud.build(policy(affinity=affinity), **more)
        return cloud.spec(built, "backend")["affinity"], set(lost(built))

    assert of(Affinity(type="Cookie")) == ("ApplicationGatewayAffinity", set())
    assert of(Affinity(type="Cookie", cookie="pod", ttl=60)) == ("pod", {"affinity.ttlSeconds"})
    assert of(Affinity(type="ClientIP")) == ("", {"affinity.type"})


def test_google_takes_what_a_health_check_can() -> None:
    cloud = CLOUDS["gcp"]
    asked = policy(
        drain=60, path="/healthz", port=9090, interval=30, timeout=10, healthy=3, unhealthy=4, statuses=("200",)
    )
    built = cloud.build(asked)
    check = cloud.spec(built, "check")
    assert {name: value for name, value in check.items() if name != "place"} == {
        "protocol": "HTTP",
        "path": "/healthz",
        "port": 9090,
        "interval": 30,
        "timeout": 10,
        "healthy": 3,
        "unhealthy": 4,
    }
    assert cloud.spec(built, "backend")["draining"] == 60
    assert lost(built) == {}
    beyond = cloud.build(policy(path="/x", unhealthy=11, statuses=("200-299",)))
    assert set(lost(beyond)) == {"healthCheck.unhealthyThreshold", "healthCheck.statusCodes"}
    assert cloud.spec(beyond, "check")["unhealthy"] == 2


@pytest.mark.parametrize(
    ("affinity", "made"),
    [
        (Affinity(type="ClientIP"), ("CLIENT_IP", None)),
        (Affinity(type="Cookie"), ("STRONG_COOKIE_AFFINITY", ("GCLB", 0))),
        (Affinity(type="Cookie", cookie="pod", ttl=60), ("STRONG_COOKIE_AFFINITY", ("pod", 60))),
    ],
)
def test_google_knows_cookies_and_addresses(affinity: Affinity, made: tuple[str, object]) -> None:
    cloud = CLOUDS["gcp"]
    built = cloud.build(policy(affinity=affinity))
    spec = cloud.spec(built, "backend")
    assert (spec["affinity"], spec["cookie"]) == made
    assert lost(built) == {}


@pytest.mark.parametrize("name", ["azure", "gcp"])
def test_the_session_of_a_rule_stands_over_affinity(name: str) -> None:
    cloud = CLOUDS[name]
    session = SessionPersistence(name="rule")
    kind = cloud.backend.partition(" ")[0]
    built = cloud.build(policy(drain=7, affinity=Affinity(type="Cookie", cookie="pod")), session=session)
    of_rule = [
        spec for spec in routings.of_kind(built[0], kind) if "rule" in str((spec["affinity"], spec.get("cookie")))
    ]
    assert [spec["draining"] for spec in of_rule] == [7]
