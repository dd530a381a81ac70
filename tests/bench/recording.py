"""The inventory that the bench's world would have once it was applied: what `make bench` plans against.

`scripts/bench.py` calls `inventory` once. The elements are planned against an empty account, and every kind's own
commit writes them into a recorder that answers as AWS would and keeps what a listing would show. So nothing here knows
how a rule or a tag is written; and the proof that it is right is that the plan against it is empty. It is no cloud:
it never refuses, never lags and knows no update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudgw import pipeline, registry, wishes
from cloudgw.engine import commit
from cloudgw.graph import memory, model
from cloudgw.objects import Snapshot
from cloudgw.provider import Inventory, Placement, Session
from cloudgw.routing import resolve
from cloudgw_aws import names
from tests.bench import world

PLACEMENT = Placement(names.PROVIDER, world.ACCOUNT, world.REGION)
BEGAN = 1_800_000_000.0
ARN = f"arn:aws:elasticloadbalancing:{world.REGION}:{world.ACCOUNT}"


class Still:
    """A clock that stands."""

    def now(self) -> float:
        return BEGAN

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here ({seconds} s)")


def inventory(snapshot: Snapshot) -> Inventory:
    """Of the owner `world.OWNER`, with everything of the snapshot's Gateways made and healthy."""
    provider = registry.provider(names.PROVIDER)
    empty = Inventory(placement=PLACEMENT, content=_account(), began=BEGAN)
    survey = wishes.survey(snapshot, resolve.resolve(snapshot), registry.by_parameters_kind)
    wanted, _ = wishes.wishes(survey, PLACEMENT, provider, empty, model.Graph())
    recorder = Recorder(_account())
    session = Session(read=recorder, write=recorder, owner=world.OWNER, evidence=_evidence(survey))
    for wish in wanted:
        plan = pipeline.plan_one(provider, PLACEMENT, wish, model.Graph(), now=BEGAN)
        done = commit.run(
            plan.changes,
            provider=provider,
            session=session,
            observed=model.Graph(),
            clock=Still(),
            cache=memory.Cache(),
        )
        bad = [outcome for outcome in done.outcomes if outcome.state not in ("done", "waiting")]
        assert not bad, f"{bad[0].change.key}: {bad[0].failure}"
    recorder.content["tags"] = dict(sorted(recorder.content["tags"].items()))
    return Inventory(placement=PLACEMENT, content=recorder.content, began=BEGAN)


def _evidence(survey: wishes.Survey) -> dict[str, str]:
    return {f"gateway:{name}": routing.uid for name, routing in survey.routings.items() if routing.uid}


def _account() -> dict[str, Any]:
    """A VPC with a subnet for each role in three zones, and nothing of ours."""
    subnets = []
    for number, zone in enumerate(world.ZONES):
        for role, public in (("internal-elb", False), ("elb", True)):
            subnets.append(
                {
                    "SubnetId": f"subnet-{number * 2 + public:017}",
                    "VpcId": world.VPC,
                    "AvailabilityZone": f"{world.REGION}{zone}",
                    "Tags": [{"Key": f"kubernetes.io/role/{role}", "Value": "1"}],
                }
            )
    blocks = [{"CidrBlock": world.NETWORK}]
    return {
        "owner": world.OWNER,
        "load_balancers": [],
        "listeners": [],
        "listener_certificates": {},
        "rules": [],
        "target_groups": [],
        "target_health": {},
        "target_group_attributes": {},
        "tags": {},
        "security_groups": [],
        "security_group_rules": [],
        "backend_groups": [world.PODS_GROUP],
        "certificates": [],
        "vpcs": [{"VpcId": world.VPC, "CidrBlock": world.NETWORK, "CidrBlockAssociationSet": blocks}],
        "subnets": subnets,
        "limits": {"rules-per-application-load-balancer": 100, "target-groups-per-application-load-balancer": 100},
    }


class Recorder:
    """Both handles of a Session: creates are kept in the shape of a listing, reads find nothing made before."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._made = 0
        self._above: dict[str, str] = {}  # listener -> load balancer
        self._users: dict[str, list[str]] = {}  # target group -> load balancers that use it

    def call(self, service: str, operation: str, **given: Any) -> dict[str, Any]:
        return dict(getattr(self, f"_{service}_{operation}")(given) or {})

    def named(self, *_: str) -> None:
        return None

    def elb(self, *_: str, **__: Any) -> list[Any]:
        return []

    def ec2(self, *_: str, **__: Any) -> list[Any]:
        return []

    def rules(self, _: str) -> list[Any]:
        return []

    def target_health(self, _: str) -> list[Any]:
        return []

    def _id(self) -> str:
        self._made += 1
        return f"{self._made:017x}"

    def _keep(self, part: str, arn: str, given: dict[str, Any], **shown: Any) -> dict[str, Any]:
        """One thing with an ARN: without its tags, which are listed apart."""
        self.content["tags"][arn] = names.kept(names.as_mapping(given.pop("Tags")))
        made = {**given, **shown}
        self.content[part].append(made)
        return made

    def _elbv2_create_load_balancer(self, given: dict[str, Any]) -> dict[str, Any]:
        name, identity = given.pop("Name"), self._id()
        arn = f"{ARN}:loadbalancer/app/{name}/{identity}"
        chosen = set(given.pop("Subnets"))
        zones = [
            {"SubnetId": subnet["SubnetId"], "ZoneName": subnet["AvailabilityZone"]}
            for subnet in self.content["subnets"]
            if subnet["SubnetId"] in chosen
        ]
        made = self._keep(
            "load_balancers",
            arn,
            given,
            LoadBalancerArn=arn,
            LoadBalancerName=name,
            VpcId=world.VPC,
            AvailabilityZones=zones,
            DNSName=f"{name}.{world.REGION}.elb.amazonaws.com",
            State={"Code": "active"},
        )
        return {"LoadBalancers": [made]}

    def _elbv2_create_listener(self, given: dict[str, Any]) -> dict[str, Any]:
        arn = f"{given['LoadBalancerArn'].replace(':loadbalancer/', ':listener/')}/{self._id()}"
        self._above[arn] = given["LoadBalancerArn"]
        return {"Listeners": [self._keep("listeners", arn, given, ListenerArn=arn)]}

    def _elbv2_create_rule(self, given: dict[str, Any]) -> dict[str, Any]:
        arn = f"{given['ListenerArn'].replace(':listener/', ':listener-rule/')}/{self._id()}"
        priority = str(given.pop("Priority"))
        for group in given["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", ()):
            users, balancer = self._users[group["TargetGroupArn"]], self._above[given["ListenerArn"]]
            if balancer not in users:
                users.append(balancer)
        return {"Rules": [self._keep("rules", arn, given, RuleArn=arn, Priority=priority, IsDefault=False)]}

    def _elbv2_create_target_group(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given.pop("Name")
        arn = f"{ARN}:targetgroup/{name}/{self._id()}"
        self.content["target_health"][arn] = []
        self._users[arn] = []
        shown = {"TargetGroupArn": arn, "TargetGroupName": name, "LoadBalancerArns": self._users[arn]}
        return {"TargetGroups": [self._keep("target_groups", arn, given, **shown)]}

    def _elbv2_register_targets(self, given: dict[str, Any]) -> None:
        self.content["target_health"][given["TargetGroupArn"]] += [
            {"Target": target, "HealthCheckPort": str(target["Port"]), "TargetHealth": {"State": "healthy"}}
            for target in given["Targets"]
        ]

    def _ec2_create_security_group(self, given: dict[str, Any]) -> dict[str, Any]:
        identity = f"sg-{self._id()}"
        tags = given.pop("TagSpecifications")[0]["Tags"]
        self.content["security_groups"].append({**given, "GroupId": identity, "Tags": tags})
        return {"GroupId": identity}

    def _ec2_authorize_security_group_ingress(self, given: dict[str, Any]) -> dict[str, Any]:
        permission = given["IpPermissions"][0]
        made = {
            "SecurityGroupRuleId": f"sgr-{self._id()}",
            "GroupId": given["GroupId"],
            "IsEgress": False,
            **{field: permission[field] for field in ("IpProtocol", "FromPort", "ToPort")},
            **_source(permission),
            "Tags": given["TagSpecifications"][0]["Tags"],
        }
        self.content["security_group_rules"].append(made)
        return {"SecurityGroupRules": [made]}


def _source(permission: dict[str, Any]) -> dict[str, Any]:
    pairs: Sequence[Any] = permission.get("UserIdGroupPairs", ())
    if pairs:
        return {"ReferencedGroupInfo": {"GroupId": pairs[0]["GroupId"]}}
    return {"CidrIpv4": permission["IpRanges"][0]["CidrIp"]}
