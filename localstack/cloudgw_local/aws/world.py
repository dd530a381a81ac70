"""The state of the local AWS: plain records in dictionaries, and the world every test starts from.

All operations read and write one `World`; `server` pickles it for snapshots and for stale answers, so records hold
nothing but data. Private keys are never part of it. No rule about AWS lives here: those are with the operations.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from cloudgw_local import aws

ACCOUNT = "123456789012"
REGION = aws.REGION
ZONES = {"eu-central-1a": "euc1-az2", "eu-central-1b": "euc1-az3", "eu-central-1c": "euc1-az1"}
VPC = "vpc-00000000000000001"
SUBNET_A = "subnet-0000000000000000a"
SUBNET_B = "subnet-0000000000000000b"
PODS = "sg-00000000000000001"
DEFAULT_GROUP = "sg-0000000000000000d"
GATEWAY = "igw-00000000000000001"

Json = dict[str, Any]


@dataclasses.dataclass(kw_only=True)
class Vpc:
    id: str
    cidr: str


@dataclasses.dataclass(kw_only=True)
class Subnet:
    id: str
    vpc_id: str
    cidr: str
    zone: str
    free_addresses: int = 251


@dataclasses.dataclass(kw_only=True)
class RouteTable:
    """`routes` maps a destination CIDR to a gateway id; without `subnets` it is the VPC's main table."""

    id: str
    vpc_id: str
    routes: dict[str, str]
    subnets: list[str]
    main: bool = False


@dataclasses.dataclass(kw_only=True)
class SecurityGroup:
    id: str
    vpc_id: str
    name: str
    description: str


@dataclasses.dataclass(kw_only=True)
class SecurityRule:
    """Exactly one of cidr4, cidr6, prefix_list and referenced names the other side."""

    id: str
    group_id: str
    egress: bool
    protocol: str
    from_port: int
    to_port: int
    cidr4: str | None = None
    cidr6: str | None = None
    prefix_list: str | None = None
    referenced: str | None = None
    description: str | None = None


@dataclasses.dataclass(kw_only=True)
class Interface:
    id: str
    subnet_id: str
    ip: str
    groups: list[str]
    description: str = ""


@dataclasses.dataclass(kw_only=True)
class LoadBalancer:
    arn: str
    name: str
    type: str
    scheme: str
    ip_address_type: str
    vpc_id: str
    subnets: list[str]
    mappings: Json
    security_groups: list[str]
    dns_name: str
    created: float
    active_at: float
    attributes: dict[str, str]
    enforce_on_private_link: str | None = None


@dataclasses.dataclass(kw_only=True)
class Listener:
    arn: str
    load_balancer_arn: str
    protocol: str
    port: int
    ssl_policy: str | None
    certificate: str | None
    extra_certificates: list[str]
    alpn: list[str]
    mutual_authentication: Json | None
    attributes: dict[str, str]


@dataclasses.dataclass(kw_only=True)
class Rule:
    """`priority` None is the listener's default rule: its actions are the listener's default actions."""

    arn: str
    listener_arn: str
    priority: int | None
    conditions: list[Json]
    actions: list[Json]
    transforms: list[Json]


@dataclasses.dataclass(kw_only=True)
class Target:
    id: str
    port: int
    zone: str | None
    registered_at: float
    draining_until: float | None = None


@dataclasses.dataclass(kw_only=True)
class TargetGroup:
    """`check` holds the health check settings under their API names; `attached_at` and `released_at` are when the
    group last came into use and fell out of it."""

    arn: str
    name: str
    target_type: str
    protocol: str | None
    protocol_version: str | None
    port: int | None
    vpc_id: str | None
    ip_address_type: str
    check: Json
    attributes: dict[str, str]
    control_port: int | None = None
    targets: list[Target] = dataclasses.field(default_factory=list)
    attached_at: float | None = None
    released_at: float | None = None


@dataclasses.dataclass(kw_only=True)
class Certificate:
    """An ACM certificate. `body` and `chain` are PEM; there is no private key here, on purpose."""

    arn: str
    type: str
    issued_at: float
    created: float
    domain: str
    names: list[str]
    key_algorithm: str
    body: str = ""
    chain: str | None = None
    serial: str = ""
    subject: str = ""
    issuer: str = ""
    signature_algorithm: str = ""
    not_before: float = 0.0
    not_after: float = 0.0
    key_usages: list[str] = dataclasses.field(default_factory=list)
    extended_key_usages: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(kw_only=True)
class Leaving:
    """Network interfaces of a deleted load balancer, which hold its security groups for a while."""

    load_balancer_arn: str
    security_groups: list[str]
    until: float


@dataclasses.dataclass(kw_only=True)
class World:
    vpcs: dict[str, Vpc] = dataclasses.field(default_factory=dict)
    subnets: dict[str, Subnet] = dataclasses.field(default_factory=dict)
    route_tables: dict[str, RouteTable] = dataclasses.field(default_factory=dict)
    security_groups: dict[str, SecurityGroup] = dataclasses.field(default_factory=dict)
    security_rules: dict[str, SecurityRule] = dataclasses.field(default_factory=dict)
    interfaces: dict[str, Interface] = dataclasses.field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = dataclasses.field(default_factory=dict)
    listeners: dict[str, Listener] = dataclasses.field(default_factory=dict)
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    target_groups: dict[str, TargetGroup] = dataclasses.field(default_factory=dict)
    certificates: dict[str, Certificate] = dataclasses.field(default_factory=dict)
    tags: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    health: dict[str, bool] = dataclasses.field(default_factory=dict)
    leaving: list[Leaving] = dataclasses.field(default_factory=list)
    users: dict[str, list[str]] | None = None  # of target groups, as `health` found them; None: not looked for
    serial: int = 0

    def new_id(self, kind: str, digits: int = 17) -> str:
        """Hexadecimal, unlike the start world's, and the same in every run that does the same calls."""
        self.serial += 1
        return hashlib.sha256(f"{kind} {self.serial}".encode()).hexdigest()[:digits]

    def rules_of(self, listener_arn: str) -> list[Rule]:
        return [rule for rule in self.rules.values() if rule.listener_arn == listener_arn]

    def listeners_of(self, load_balancer_arn: str) -> list[Listener]:
        return [listener for listener in self.listeners.values() if listener.load_balancer_arn == load_balancer_arn]

    def default_rule(self, listener_arn: str) -> Rule:
        return next(rule for rule in self.rules_of(listener_arn) if rule.priority is None)

    def dump(self) -> Json:
        """Every record with its tags, sorted by cloud id. Counters are left out: they are not state of AWS."""
        value: Json = {}
        for field in dataclasses.fields(self):
            records = getattr(self, field.name)
            if field.name in ("serial", "tags", "leaving", "users"):
                continue
            if field.name == "health":
                value["health"] = dict(sorted(records.items()))
                continue
            value[field.name] = [
                {**_sorted(dataclasses.asdict(records[key])), "tags": dict(sorted(self.tags.get(key, {}).items()))}
                for key in sorted(records)
            ]
        for group in value["target_groups"]:
            group["targets"].sort(key=lambda target: (target["id"], target["port"]))
        value["leaving"] = [dataclasses.asdict(leaving) for leaving in self.leaving]
        return value


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def start() -> World:
    """One VPC with two public subnets in two zones, its default security group, and one group for pods."""
    world = World()
    world.vpcs[VPC] = Vpc(id=VPC, cidr="10.0.0.0/16")
    world.tags[VPC] = {"Name": "local"}
    for subnet_id, cidr, zone in (
        (SUBNET_A, "10.0.1.0/24", "eu-central-1a"),
        (SUBNET_B, "10.0.2.0/24", "eu-central-1b"),
    ):
        world.subnets[subnet_id] = Subnet(id=subnet_id, vpc_id=VPC, cidr=cidr, zone=zone)
        world.tags[subnet_id] = {"kubernetes.io/role/elb": "1", "kubernetes.io/role/internal-elb": "1"}
    table = "rtb-00000000000000001"
    world.route_tables[table] = RouteTable(
        id=table,
        vpc_id=VPC,
        routes={"10.0.0.0/16": "local", "0.0.0.0/0": GATEWAY},
        subnets=[SUBNET_A, SUBNET_B],
        main=True,
    )
    for number, (group, name) in enumerate(((DEFAULT_GROUP, "default"), (PODS, "pods"))):
        world.security_groups[group] = SecurityGroup(id=group, vpc_id=VPC, name=name, description=name)
        add_default_egress(world, group, f"sgr-0000000000000000{number}")
    return world


def add_default_egress(world: World, group_id: str, rule_id: str) -> None:
    """Every new group may send anything anywhere (vpc/latest/userguide/security-group-rules)."""
    world.security_rules[rule_id] = SecurityRule(
        id=rule_id, group_id=group_id, egress=True, protocol="-1", from_port=-1, to_port=-1, cidr4="0.0.0.0/0"
    )
