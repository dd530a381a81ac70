"""One listing of one AWS account and region: everything of an owner, and what building needs to know.

`pipeline` calls `listing` once per identity and cycle; `observe`, `facts` and `semantics` read its content, which is
plain JSON in AWS's own shapes, so that it can be saved to a file. A page that cannot be read makes the inventory
incomplete (then nothing is created or deleted); no credentials or no endpoint at all raises. Must never write, and
never descend into load balancers of others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from cloudgw.provider import Inventory, Known, Placement, attempt
from cloudgw_aws import calls, failures, names, parameters

ALL_KEY_TYPES = [  # without Includes.keyTypes ACM lists RSA up to 2048 only: acm API_Filters.html
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
]
ROLE_TAGS = {False: "kubernetes.io/role/internal-elb", True: "kubernetes.io/role/elb"}


def listing(
    read: calls.Read,
    scope: Sequence[parameters.AWSParameters],
    owner: str,
    began: float,
    known: Known | None = None,
) -> Inventory:
    """All parts, each on its own. scope: whose networks and limits matter. known: an earlier listing; load balancers,
    target groups, security groups and certificates are listed all the same; what needs calls for each of them (tags,
    listeners, rules, health) is read for what is new or asked for alone."""
    work = _Listing(read, owner, known)
    work.part("load balancers", work.balancers)
    work.part("target groups", work.groups)
    work.part("security groups", lambda: work.security(scope))
    work.part("certificates", work.certificates)
    work.part("networks", lambda: work.networks(scope))
    work.part("account limits", work.limits)
    return Inventory(
        placement=scope[0].settings.placement if scope else Placement(names.PROVIDER),
        content=work.content,
        incomplete=tuple(work.incomplete),
        began=began,
    )


def plain(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Without what JSON does not know (times) and what an answer carries beside its fields."""
    return {key: value for key, value in raw.items() if not hasattr(value, "isoformat") and key != "ResponseMetadata"}


class _Listing:
    """The parts read so far."""

    def __init__(self, read: calls.Read, owner: str, known: Known | None) -> None:
        self.read = read
        self.owner = owner
        self.before: Mapping[str, Any] = known.inventory.content if known is not None else {}
        anew, thorough = (known.anew, known.thorough) if known is not None else (frozenset[str](), frozenset[str]())
        self.thorough = frozenset(map(names.first_part, thorough))
        self.anew = self.thorough.union(map(names.first_part, anew))
        self.everybody = known is None or known.everybody
        self.incomplete: list[str] = []
        self.content: dict[str, Any] = {
            "owner": owner,
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
            "certificates": [],
            "vpcs": [],
            "subnets": [],
            "limits": {},
        }

    def part(self, what: str, step: Callable[[], None]) -> None:
        """One part. What AWS refuses or fails to answer is a reason, what never reached AWS is raised."""
        failure = attempt(step, failures.classify, failures.UNREACHABLE)
        if failure is not None:
            self.incomplete.append(f"{what}: {failure.text}")

    def balancers(self) -> None:
        found = [
            plain(item)
            for item in self.read.elb("describe_load_balancers", "LoadBalancers")
            if item["LoadBalancerName"].startswith(names.NAME_PREFIX) and item.get("Type") == "application"
        ]
        mine = self.mine([item["LoadBalancerArn"] for item in found])
        self.content["load_balancers"] = [item for item in found if item["LoadBalancerArn"] in mine]
        arns = [item["LoadBalancerArn"] for item in self.content["load_balancers"]]
        kept = {arn for arn in arns if not self.everybody and self.is_known(arn, self.anew)}
        self.listeners([arn for arn in arns if arn not in kept])
        self.keep_listeners(kept)

    def listeners(self, balancers: Sequence[str]) -> None:
        """And their rules. Tags are read for many at once."""
        found = [
            plain(item)
            for balancer in balancers
            for item in self.read.elb("describe_listeners", "Listeners", LoadBalancerArn=balancer)
        ]
        self.mine([item["ListenerArn"] for item in found])
        arns = [item["ListenerArn"] for item in found]
        rules = [{**plain(rule), "ListenerArn": arn} for arn in arns for rule in self.read.rules(arn)]
        self.mine([rule["RuleArn"] for rule in rules])
        self.content["listeners"] += found
        self.content["rules"] += rules
        for item in found:
            if item.get("Protocol") == "HTTPS":
                arn = item["ListenerArn"]
                self.content["listener_certificates"][arn] = self.read.elb(
                    "describe_listener_certificates", "Certificates", ListenerArn=arn
                )

    def keep_listeners(self, balancers: Collection[str]) -> None:
        """Listeners and rules as they were listed earlier."""
        if not balancers:
            return
        found = [item for item in self.before["listeners"] if item["LoadBalancerArn"] in balancers]
        arns = {item["ListenerArn"] for item in found}
        rules = [rule for rule in self.before["rules"] if rule["ListenerArn"] in arns]
        tags, certificates = self.before["tags"], self.before["listener_certificates"]
        known = [*arns, *(rule["RuleArn"] for rule in rules)]
        self.content["listeners"] += found
        self.content["rules"] += rules
        self.content["tags"].update({arn: tags[arn] for arn in known if arn in tags})
        self.content["listener_certificates"].update({arn: certificates[arn] for arn in arns if arn in certificates})

    def groups(self) -> None:
        found = [
            plain(item)
            for item in self.read.elb("describe_target_groups", "TargetGroups")
            if item["TargetGroupName"].startswith(names.NAME_PREFIX)
        ]
        mine = self.mine([item["TargetGroupArn"] for item in found])
        self.content["target_groups"] = [item for item in found if item["TargetGroupArn"] in mine]
        for item in self.content["target_groups"]:
            arn = item["TargetGroupArn"]
            kept = self.is_known(arn, self.thorough)
            health = self.before["target_health"].get(arn) if kept else None
            if health is None or (not self.is_known(arn, self.anew) and not _is_settled(health)):
                health = self.read.target_health(arn)
            self.content["target_health"][arn] = health
            # what nobody uses is about to go: how long does it drain? Of others only who was given a time
            if not item.get("LoadBalancerArns") or names.DRAIN in self.content["tags"][arn]:
                attributes = self.before["target_group_attributes"].get(arn) if kept else None
                self.content["target_group_attributes"][arn] = attributes or self.attributes(arn)

    def attributes(self, group: str) -> dict[str, str]:
        answer = self.read.call("elbv2", "describe_target_group_attributes", TargetGroupArn=group)
        return {pair["Key"]: pair.get("Value", "") for pair in answer["Attributes"]}

    def is_known(self, arn: str, asked: Collection[str]) -> bool:
        """Whether a thing of ours was listed earlier, of a Gateway that is not asked for. ARNs are never used again."""
        tags = self.before.get("tags", {}).get(arn)
        return tags is not None and tags.get(names.GATEWAY) not in asked

    def mine(self, arns: Sequence[str]) -> set[str]:
        """Reads the tags of these, where they must be read; keeps those of the record; answers which are the
        owner's."""
        kept = {arn: self.before["tags"][arn] for arn in arns if self.is_known(arn, self.thorough)}
        found = self.read.tags([arn for arn in arns if arn not in kept])
        record = {arn: names.kept(tags) for arn, tags in found.items() if names.ours(tags, self.owner) is not None}
        self.content["tags"].update(kept | record)
        return {*kept, *record}

    def security(self, scope: Sequence[parameters.AWSParameters]) -> None:
        mine = [{"Name": f"tag:{names.OWNER}", "Values": [names.encode(self.owner)]}]
        self.content["security_groups"] = [
            plain(item) for item in self.read.ec2("describe_security_groups", "SecurityGroups", Filters=mine)
        ]
        rules = list(self.read.ec2("describe_security_group_rules", "SecurityGroupRules", Filters=mine))
        groups = sorted({item["GroupId"] for item in self.content["security_groups"]})
        for at in range(0, len(groups), calls.FILTER_VALUES):
            filters = [{"Name": "group-id", "Values": groups[at : at + calls.FILTER_VALUES]}]
            rules += self.read.ec2("describe_security_group_rules", "SecurityGroupRules", Filters=filters)
        named = {group for item in scope for group in item.backend_groups}
        unique = {rule["SecurityGroupRuleId"]: plain(rule) for rule in rules if not rule["IsEgress"]}
        self.content["security_group_rules"] = [unique[key] for key in sorted(unique)]
        self.content["backend_groups"] = sorted(named)

    def certificates(self) -> None:
        summaries = self.read.pages(
            "acm", "list_certificates", "CertificateSummaryList", "NextToken", Includes={"keyTypes": ALL_KEY_TYPES}
        )
        before = {item["CertificateArn"]: item["Tags"] for item in self.before.get("certificates", ())}
        for summary in summaries:
            if summary.get("Type", "IMPORTED") != "IMPORTED":
                continue
            arn = summary["CertificateArn"]
            tags = before.get(arn, {})
            if tags.get(names.GATEWAY, "") in {"", *self.thorough}:
                answer = self.read.call("acm", "list_tags_for_certificate", CertificateArn=arn)
                tags = names.as_mapping(answer.get("Tags", []))
            if names.ours(tags, self.owner) is not None:
                kept = {key: summary[key] for key in ("CertificateArn", "DomainName", "Status") if key in summary}
                self.content["certificates"].append({**kept, "Tags": tags})

    def networks(self, scope: Sequence[parameters.AWSParameters]) -> None:
        named = sorted({subnet for item in scope for subnet in item.subnets})
        vpcs = {item.vpc for item in scope if item.vpc}
        subnets: list[Any] = []
        if named:
            filters = [{"Name": "subnet-id", "Values": named}]
            subnets = list(self.read.ec2("describe_subnets", "Subnets", Filters=filters))
            vpcs |= {subnet["VpcId"] for subnet in subnets}
        if vpcs:
            by_vpc = [{"Name": "vpc-id", "Values": sorted(vpcs)}]
            subnets = list(self.read.ec2("describe_subnets", "Subnets", Filters=by_vpc))
            self.content["vpcs"] = [plain(item) for item in self.read.ec2("describe_vpcs", "Vpcs", Filters=by_vpc)]
        self.content["subnets"] = sorted((plain(item) for item in subnets), key=lambda item: str(item["SubnetId"]))

    def limits(self) -> None:
        if not self.everybody and self.before.get("limits"):
            self.content["limits"] = self.before["limits"]
            return
        found = self.read.elb("describe_account_limits", "Limits")
        self.content["limits"] = {item["Name"]: int(item["Max"]) for item in found if str(item["Max"]).isdigit()}


def _is_settled(health: Sequence[Mapping[str, Any]]) -> bool:
    """Nothing is on its way: every target is healthy."""
    return all(item["TargetHealth"].get("State") == "healthy" for item in health)
