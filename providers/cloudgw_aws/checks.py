"""What may be missing in an AWS account before the first Gateway: permissions, subnets, quotas, the way to the pods.

`doctor` calls `check` with a listing and what is known for each Gateway. Reads only: EC2's dry runs change nothing. The
actions are those of the policies that we ship (deploy/iam/aws), each from its service's table in
docs.aws.amazon.com/service-authorization/latest/reference; dry runs:
docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html (DryRun).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudgw import provider
from cloudgw.objects import Unknown
from cloudgw.provider import Finding, Inventory
from cloudgw_aws import calls, names

POLICY = "deploy/iam/aws/controller.json"
FREE_ADDRESSES = 8  # in each subnet: elasticloadbalancing/latest/application/application-load-balancers.html
NEARLY = 0.8  # of a quota
COUNTED = {  # API_DescribeAccountLimits.html -> what of a listing counts
    "application-load-balancers": ("describe_load_balancers", "LoadBalancers"),
    "target-groups": ("describe_target_groups", "TargetGroups"),
}


def check(read: calls.Read, inventory: Inventory, wanted: Sequence[provider.Wanted]) -> list[Finding]:
    caller = read.caller()
    found = [Finding(level="ok", check="identity", message=f"{caller['Arn']} in account {caller['Account']}")]
    found += _permissions(read, wanted)
    for subnets, parameters in _subnets_of(wanted).items():
        found += _subnets(inventory.content, subnets, parameters)
    found += _quotas(read, inventory.content)
    found += _ways(read, wanted)
    return found


def _permissions(read: calls.Read, wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    """What can be tried without effect. Nothing else can: iam:SimulatePrincipalPolicy is a right of its own."""
    tag = [{"Key": names.OWNER, "Value": "doctor"}]
    denied: dict[str, str] = {}
    tried = set[str]()
    for vpc in sorted({vpc for _, facts in wanted if isinstance(vpc := facts.values["network"].vpc, str)}):
        specification = [{"ResourceType": "security-group", "Tags": tag}]
        group = {"GroupName": "cloudgw-doctor", "Description": "never made: a dry run", "VpcId": vpc}
        tried.add("ec2:CreateSecurityGroup")
        failure = read.tried("create_security_group", **group, TagSpecifications=specification)
        if failure is not None:
            denied["ec2:CreateSecurityGroup"] = failure.text
    for name in sorted({name for parameters, _ in wanted for name in parameters.backend_groups}):
        specification = [{"ResourceType": "security-group-rule", "Tags": tag}]
        permission = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": name}]}]
        tried.add("ec2:AuthorizeSecurityGroupIngress")
        failure = read.tried(
            "authorize_security_group_ingress", GroupId=name, IpPermissions=permission, TagSpecifications=specification
        )
        if failure is not None:
            denied["ec2:AuthorizeSecurityGroupIngress"] = failure.text
    for action, reason in denied.items():
        message = f"{action}: {reason}; plan works, apply will be refused"
        yield Finding(level="warning", check="permissions", message=message, fix=f"attach {POLICY} to who applies")
    if tried - denied.keys():
        message = (
            f"dry runs of {', '.join(sorted(tried - denied.keys()))} would be done; changes of Elastic Load Balancing "
            "and ACM cannot be tried without effect"
        )
        yield Finding(level="ok", check="permissions", message=message)


def _subnets_of(wanted: Sequence[provider.Wanted]) -> dict[tuple[str, ...], Any]:
    """Once for Gateways in the same subnets. What could not be found is a note of the facts already."""
    found = {}
    for parameters, facts in wanted:
        subnets = facts.values["network"].subnets
        if not isinstance(subnets, Unknown):
            found[subnets] = parameters
    return found


def _subnets(content: Mapping[str, Any], subnets: tuple[str, ...], parameters: Any) -> Iterator[Finding]:
    known = {item["SubnetId"]: item for item in content["subnets"]}
    free = {name: int(known[name].get("AvailableIpAddressCount", 0)) for name in subnets if name in known}
    said = ", ".join(f"{name} ({known[name]['AvailabilityZone']}, {count} free)" for name, count in free.items())
    few = [name for name, count in free.items() if count < FREE_ADDRESSES]
    if few:
        message = f"{', '.join(few)}: fewer than {FREE_ADDRESSES} free addresses, which a load balancer needs; {said}"
        fix = "free addresses there, or name larger subnets in subnets.ids"
        yield Finding(level="error", check="subnets", message=message, fix=fix)
    else:
        yield Finding(level="ok", check="subnets", message=f"{parameters.scheme}: {said}")


def _quotas(read: calls.Read, content: Mapping[str, Any]) -> Iterator[Finding]:
    for quota, (operation, field) in COUNTED.items():
        limit = content["limits"].get(quota)
        if limit is None:
            continue
        items = read.elb(operation, field)
        used = sum(1 for item in items if item.get("Type", "application") == "application")
        said = f"{quota}: {used} of {limit} used"
        if used < NEARLY * limit:
            yield Finding(level="ok", check="quotas", message=said)
        else:
            fix = "ask for more: Service Quotas, Elastic Load Balancing"
            yield Finding(level="error" if used >= limit else "warning", check="quotas", message=said, fix=fix)


def _ways(read: calls.Read, wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    """From the load balancer to the pods: rules of the security groups that the parameters name."""
    if any(not parameters.backend_groups for parameters, _ in wanted):
        message = "backendSecurityGroups names no group, so that cloudgw opens no way from load balancers to pods"
        fix = "name the security groups of the nodes or pods there, or let the load balancers' groups in yourself"
        yield Finding(level="warning", check="way to pods", message=message, fix=fix)
    by_group: dict[str, set[str]] = {}
    for parameters, facts in wanted:
        for name in parameters.backend_groups:
            vpc = facts.values["network"].vpc
            by_group.setdefault(name, set()).update({vpc} if isinstance(vpc, str) else ())
    if not by_group:
        return
    filters = [{"Name": "group-id", "Values": sorted(by_group)}]
    groups = {item["GroupId"]: item for item in read.ec2("describe_security_groups", "SecurityGroups", Filters=filters)}
    for name, vpcs in sorted(by_group.items()):
        if name not in groups:
            message = f"backendSecurityGroups names {name}, which cannot be seen in this account and region"
            yield Finding(level="error", check="way to pods", message=message, fix="correct backendSecurityGroups")
        elif not vpcs <= {groups[name]["VpcId"]}:
            message = f"{name} is in {groups[name]['VpcId']}, the load balancers are in {', '.join(sorted(vpcs))}"
            fix = "name groups of the same VPC in backendSecurityGroups, or correct vpcId"
            yield Finding(level="error", check="way to pods", message=message, fix=fix)
        else:
            message = f"load balancers will be let into {name} ({groups[name]['GroupName']})"
            yield Finding(level="ok", check="way to pods", message=message)
