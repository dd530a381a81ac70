"""A life that makes every call of a provider on its local cloud, for tests of what surrounds the calls.

`test_hook` and `test_permissions` walk it. It begins on an empty cloud and leaves an empty one. What somebody else does
between two steps is done to the local cloud's state, so that it is no call.
"""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aws_ground
import azure_ground
import gcp_ground
import pytest
import yaml

from cloudgw import provider
from cloudgw.objects import HealthCheck, Origin
from cloudgw.routing import ir
from cloudgw.testing import ground, worlds
from cloudgw_local import aws, azure, gcp
from cloudgw_local.aws import world as aws_world
from cloudgw_local.gcp import start

GROUNDS: dict[str, Callable[[], Any]] = {"aws": aws_ground.AWS, "azure": azure_ground.Azure, "gcp": gcp_ground.GCP}
Edit = Callable[[Any], None]
Rule = worlds.Rule
BASE, SECURE = worlds.BASE, worlds.SECURE
MORE = SECURE.with_rules(
    Rule(host="a.example", path="/new", to=(("three", 1), ("two", 1))),
    Rule(host="a.example", to=(("two", 1),)),
    Rule(host="b.example", to=(("two", 1),)),
).with_service("three", worlds.Service(targets=("10.0.1.20:8080",)))
RENEWED = {"site": worlds.Certificate(fingerprint="f2")}
SWAPPED = {"site": worlds.Certificate(key="EC-P-256", fingerprint="f3")}
FEWER = worlds.Service(targets=("10.0.1.10:8080",))
TREATED = worlds.Service(
    policy=ir.BackendPolicy(check=HealthCheck(path="/healthz"), drain=7, origin=Origin(kind="BackendPolicy"))
)
PUBLIC = replace(SECURE, scheme="public")
AZURE = f"/subscriptions/{azure.SUBSCRIPTION}/resourceGroups/{azure.GROUP}/providers/"
AZURE_POLICY = f"{AZURE}Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies/waf-edge"
AZURE_IDENTITY = f"{AZURE}Microsoft.ManagedIdentity/userAssignedIdentities/id-edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is wanted, with which parameters beside those of the Ground; edit: what somebody else does before. second:
    every secure listener has a second certificate."""

    world: worlds.World | None
    spec: Mapping[str, Any] = field(default_factory=dict)
    edit: Edit | None = None
    second: bool = False


def connected(name: str, hook: provider.Hook, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Ground of that cloud, empty, whose sessions are made by `Provider.connect` with this hook."""
    found = GROUNDS[name]()
    found.control.log.clear()
    for variable, value in environment(found).items():  # another Ground may have connected to a cloud of its own since
        monkeypatch.setenv(variable, value)
    connect: Any = functools.partial(found.provider.connect, found.placement, found.clock.sleep, hook)
    found._base = connect()
    if name == "gcp":  # a session of this Ground is a new one each time
        monkeypatch.setattr(gcp_ground, "_session", lambda _: connect())
    return found


def environment(cloud: Any) -> Mapping[str, str]:
    """What points clients at the local cloud of a Ground."""
    running = aws_ground.running() if cloud.name == "aws" else cloud.running
    local: Any = {"aws": aws.LOCAL, "azure": azure.LOCAL, "gcp": gcp.LOCAL}[cloud.name]
    return dict(local.env(running.endpoint))


def role(cloud: str, name: str) -> Any:
    """The policy document that we ship, parsed. name: "controller" or "plan-only"."""
    path = next((pathlib.Path(__file__).parents[2] / "deploy/iam" / cloud).glob(f"{name}.*"))
    return json.loads(path.read_text()) if path.suffix == ".json" else yaml.safe_load(path.read_text())


def checked(cloud: Any) -> Any:
    """What `doctor` finds for the plainest world."""
    session, raw = cloud.session(), cloud._parameters(BASE)
    parsed, routing, inventory = cloud.provider.parameters(raw), worlds.routing(BASE, raw), cloud.listing(session)
    return cloud.provider.check(session.read, inventory, [(parsed, cloud.provider.facts(inventory, routing, parsed))])


def live(cloud: Any) -> Iterator[tuple[str, Any]]:
    """Walks the life of a Ground: yields (step, how it ended) after each."""
    process = ground.Process(cloud)
    plain, desired = cloud._parameters, cloud.desired
    for name, step in LIVES[cloud.name].items():
        cloud._parameters = functools.partial(_with, plain, step.spec)
        cloud.desired = functools.partial(_with_second, cloud) if step.second else desired
        if step.edit is not None:
            cloud.control.dump()  # ends operations whose time has come
            step.edit(cloud.control.cloud.world)
            cloud.forget()
        yield name, process.apply(step.world, limit=100)


def _with(plain: Any, spec: Mapping[str, Any], world: worlds.World) -> Any:
    found = plain(world)
    return replace(found, spec={**found.spec, **spec})


def _with_second(cloud: Any, world: worlds.World, inventory: Any) -> Any:
    """As `LocalGround.desired`, of a routing whose listeners have one certificate more."""
    raw = cloud._parameters(world)
    other = replace(world, certificates={name: worlds.Certificate(fingerprint="f2") for name in world.certificates})
    more = worlds.routing(other, raw)
    routing = worlds.routing(world, raw)
    tables = tuple(_joined(one, two) for one, two in zip(routing.tables, more.tables, strict=True))
    routing, parsed = replace(routing, tables=tables), cloud.provider.parameters(raw)
    return cloud.provider.build(routing, cloud.provider.facts(inventory, routing, parsed), parsed)[0]


def _joined(table: ir.Table, other: ir.Table) -> ir.Table:
    (listener,), (second,) = table.listeners, other.listeners
    added = tuple(replace(one, name=f"{one.name}-second", names=("second.example",)) for one in second.certificates)
    return replace(table, listeners=(replace(listener, certificates=(*listener.certificates, *added)),))


# ---- what others do to the local AWS


def _third_subnet(state: aws_world.World) -> None:
    state.subnets["subnet-0000000000000000c"] = aws_world.Subnet(
        id="subnet-0000000000000000c", vpc_id=aws_world.VPC, cidr="10.0.3.0/24", zone="eu-central-1c"
    )


def _aws_drift(state: aws_world.World) -> None:
    """Another path of a health check, another answer, another TLS policy, another security group."""
    for group in state.target_groups.values():
        group.check["HealthCheckPath"] = "/drifted"
    for listener in state.listeners.values():
        if listener.protocol == "HTTPS":
            listener.ssl_policy = "ELBSecurityPolicy-2016-08"
    for rule in state.rules.values():
        if rule.priority is not None:
            fixed = {"StatusCode": "410", "ContentType": "text/plain"}
            rule.actions = [{"Type": "fixed-response", "Order": 1, "FixedResponseConfig": fixed}]
    for balancer in state.load_balancers.values():
        balancer.security_groups = [aws_world.PODS]


# ---- what others do to the local Google Cloud


def _of(state: Any, collection: str) -> list[tuple[Any, dict[str, Any]]]:
    return [(place, one) for place, one in sorted(state.resources.items()) if place.collection == collection]


def _gcp_drift(state: Any) -> None:
    """Other health checks, time-outs and TLS policies; proxies and ports that lead elsewhere; guards of others."""
    for _, check in _of(state, "healthChecks"):
        check["checkIntervalSec"] = 77
    for _, service in _of(state, "backendServices"):
        service["timeoutSec"] = 99
    for _, policy in _of(state, "sslPolicies"):
        policy["minTlsVersion"] = "TLS_1_0"
    for place, proxy in [*_of(state, "targetHttpProxies"), *_of(state, "targetHttpsProxies")]:
        copied = {member: value for member, value in proxy.items() if member not in ("selfLink", "id", "description")}
        start.plant(state, replace(place, name="theirs"), copied)
        others = [one["selfLink"] for at, one in _of(state, "urlMaps") if at.scope == place.scope]
        proxy["urlMap"] = next(link for link in others if link != proxy["urlMap"])
        if place.collection == "targetHttpsProxies":
            proxy.pop("sslPolicy")
            proxy["serverTlsPolicy"] = f"//networksecurity.googleapis.com/projects/{gcp.PROJECT}/x"
            if place.scope == "global":
                proxy["certificateMap"] = f"//certificatemanager.googleapis.com/projects/{gcp.PROJECT}/x"
                proxy["quicOverride"] = "DISABLE"
    for _, rule in _of(state, "forwardingRules"):
        head, _, _ = str(rule["target"]).rpartition("/")
        rule["target"] = f"{head}/theirs"


def _gcp_leaves(state: Any) -> None:
    for collection in ("targetHttpProxies", "targetHttpsProxies"):
        for place, _ in _of(state, collection):
            if place.name == "theirs":
                del state.resources[place]


COMMON: dict[str, Step] = {
    "plain": Step(world=BASE),
    "secure": Step(world=SECURE),
    "another backend": Step(world=MORE),
    "another order": Step(world=MORE.with_rules(*reversed(MORE.rules))),
    "fewer targets": Step(world=SECURE.with_service("one", FEWER)),
    "another protocol": Step(world=SECURE.with_service("one", worlds.Service(protocol="HTTPS"))),
    "renewed": Step(world=replace(SECURE, certificates=RENEWED)),
    "swapped": Step(world=replace(SECURE, certificates=SWAPPED)),
    "a port becomes secure": Step(world=replace(SECURE, listeners=((80, "site"),), certificates=SWAPPED)),
    "a second certificate": Step(world=SECURE, second=True),
    "one certificate": Step(world=SECURE),
}
GONE = {"gone": Step(world=None)}
TAGS = {"tags": {"team": "shop"}}
LIVES: dict[str, dict[str, Step]] = {
    "aws": {
        **COMMON,
        "tags": Step(world=SECURE, spec=TAGS),
        "no tags": Step(world=SECURE),
        "other subnets": Step(
            world=SECURE,
            spec={"subnets": {"ids": [aws_world.SUBNET_A, "subnet-0000000000000000c"]}},
            edit=_third_subnet,
        ),
        "drift": Step(world=SECURE, edit=_aws_drift),
        "how pods are treated": Step(world=SECURE.with_service("one", TREATED)),
        "as before": Step(world=SECURE),
        "public": Step(world=PUBLIC),
        **GONE,
    },
    "azure": {
        **COMMON,
        "tags": Step(world=SECURE, spec=TAGS),
        "a firewall and an identity": Step(
            world=SECURE, spec={"sku": "WAF_v2", "firewallPolicyId": AZURE_POLICY, "identityIds": [AZURE_IDENTITY]}
        ),
        "public": Step(world=PUBLIC),
        **GONE,
    },
    "gcp": {
        **COMMON,
        "labels, global access": Step(world=SECURE, spec={**TAGS, "globalAccess": True}),
        "drift": Step(world=SECURE, edit=_gcp_drift),
        "public": Step(world=PUBLIC, edit=_gcp_leaves),
        "labels in public": Step(world=PUBLIC, spec=TAGS),
        "drift in public": Step(world=PUBLIC, edit=_gcp_drift),
        "fewer targets in public": Step(world=PUBLIC.with_service("one", FEWER), edit=_gcp_leaves),
        "another backend in public": Step(world=replace(MORE, scheme="public")),
        "swapped in public": Step(world=replace(PUBLIC, certificates=SWAPPED)),
        "public in the region": Step(world=PUBLIC, spec={"location": "Regional"}),
        **GONE,
    },
}
"""Cloud -> name of a step -> the step."""
