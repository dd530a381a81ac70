"""The hook of a session, on the three local clouds: told of every call in order, and able to stop each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import whole_life

from cloudgw.provider import Failed, Failure, Why
from cloudgw_azure import calls_hook as azure_hook
from cloudgw_gcp import calls_hook as gcp_hook

READ = ("get", "aggregatedList")
MADE = (*READ, "insert", "delete")
GCP = {
    "addresses": (*MADE, "setLabels"),
    "backendServices": (*MADE, "getHealth", "update"),
    "firewalls": ("list", "get", "insert", "delete"),
    "forwardingRules": (*MADE, "patch", "setLabels", "setTarget"),
    "healthChecks": (*MADE, "update"),
    "instances": ("list",),
    "networkEndpointGroups": (*MADE, "attachNetworkEndpoints", "detachNetworkEndpoints", "listNetworkEndpoints"),
    "networks": ("get",),
    "operations": ("get",),
    "sslCertificates": MADE,
    "sslPolicies": (*MADE, "patch"),
    "subnetworks": ("list",),
    "targetHttpProxies": (*MADE, "setUrlMap"),
    "targetHttpsProxies": (
        *(*MADE, "patch", "setUrlMap"),
        *("setCertificateMap", "setQuicOverride", "setSslCertificates", "setSslPolicy"),
    ),
    "urlMaps": (*MADE, "update"),
    "zones": ("list",),
}
AWS = {
    "acm": (
        *("AddTagsToCertificate", "DeleteCertificate", "ImportCertificate"),
        *("ListCertificates", "ListTagsForCertificate"),
    ),
    "ec2": (
        *("DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"),
        *("CreateSecurityGroup", "DeleteSecurityGroup"),
        *("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
    ),
    "elbv2": (
        *("DescribeAccountLimits", "DescribeListenerCertificates", "DescribeListeners", "DescribeLoadBalancers"),
        *("DescribeRules", "DescribeTags", "DescribeTargetGroupAttributes", "DescribeTargetGroups"),
        *("DescribeTargetHealth", "AddTags", "RemoveTags"),
        *("CreateLoadBalancer", "SetSecurityGroups", "SetSubnets", "DeleteLoadBalancer"),
        *("CreateListener", "ModifyListener", "DeleteListener"),
        *("AddListenerCertificates", "RemoveListenerCertificates"),
        *("CreateRule", "ModifyRule", "SetRulePriorities", "DeleteRule"),
        *("CreateTargetGroup", "ModifyTargetGroup", "DeleteTargetGroup", "RegisterTargets", "DeregisterTargets"),
        "ModifyTargetGroupAttributes",
    ),
    "sts": ("GetCallerIdentity",),
}
OPERATIONS: dict[str, set[str]] = {
    "aws": {f"{service}:{operation}" for service, operations in AWS.items() for operation in operations},
    "azure": {
        *("GET applicationGateways", "PUT applicationGateways", "DELETE applicationGateways"),
        *("GET publicIPAddresses", "PUT publicIPAddresses", "DELETE publicIPAddresses"),
        *("GET operations", "GET operationResults", "GET virtualNetworks", "POST applicationGateways/backendhealth"),
    },
    "gcp": {f"{collection}.{verb}" for collection, verbs in GCP.items() for verb in verbs},
}
"""All that a hook is ever told: what becomes a metric's label has to be few."""


@dataclass
class Told:
    """A hook that remembers, and refuses when it is closed."""

    begun: list[tuple[str, bool]] = field(default_factory=list)
    ended: list[tuple[str, bool]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    closed: Why | None = None

    def before(self, operation: str, *, write: bool) -> None:
        self.begun.append((operation, write))
        if self.closed is not None:
            raise Failed(self.closed, "the lease of this controller has run out; another one holds it")

    def after(self, operation: str, *, write: bool, seconds: float, failure: Failure | None) -> None:
        assert seconds > 0
        self.ended.append((operation, write))
        if failure is not None:
            self.failures.append(failure)


def journalled(entry: dict[str, Any]) -> tuple[str, bool]:
    """What the hook calls an entry of the local cloud's journal."""
    operation = entry["operation"]
    if entry["cloud"] == "aws":
        operation = f"{entry['service']}:{operation}"
    if entry["cloud"] == "gcp":
        verb, collection = operation.split()
        operation = f"{collection}.{verb}"
    return operation, entry["write"]


@pytest.fixture(params=sorted(whole_life.GROUNDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_everything_is_announced_in_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    cloud = whole_life.connected(name, told, monkeypatch)
    ends = {step: (done.state, done.failures) for step, done in whole_life.live(cloud)}
    assert ends == dict.fromkeys(whole_life.LIVES[name], ("done", ()))
    entries = cloud.control.journal()
    assert told.begun == [journalled(entry) for entry in entries]
    assert told.ended == told.begun
    assert len(told.failures) == sum(entry["outcome"] != "ok" for entry in entries)
    assert {operation for operation, _ in told.begun} == OPERATIONS[name]


READS: dict[str, Any] = {
    "aws": lambda session: session.read.elb("describe_load_balancers", "LoadBalancers"),
    "azure": lambda session: session.read.gateways(),
    "gcp": lambda session: session.read.everything("urlMaps"),
}
WRITES: dict[str, Any] = {
    "aws": lambda session: session.write.call("elbv2", "delete_load_balancer", LoadBalancerArn="x"),
    "azure": lambda session: session.write.delete_gateway("rg-edge", "x"),
    "gcp": lambda session: session.write.delete("urlMaps", "global", "x"),
}
POLLS: dict[str, Any] = {
    "aws": lambda session: session.read.account(),
    "azure": lambda session: session.read.network("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/v/n"),
    "gcp": lambda session: session.write.update("urlMaps", "global", "x", {}),
}
"""Calls that leave by another way than those above."""
CALLS = {"read": READS, "write": WRITES, "another way": POLLS}


@pytest.mark.parametrize("why", ["conflict", "denied", "outcome_unknown"])  # what is throttled, listings ask again
@pytest.mark.parametrize("kind", sorted(CALLS))
def test_what_the_hook_stops_never_leaves(name: str, kind: str, why: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    cloud = whole_life.connected(name, told, monkeypatch)
    before, ended, count = len(cloud.control.journal()), len(told.ended), len(told.begun)
    told.closed = why
    with pytest.raises(Failed) as stopped:
        CALLS[kind][name](cloud._base)
    assert len(cloud.control.journal()) == before
    failure = cloud.provider.classify(stopped.value)
    assert failure is not None
    assert (failure.why, "the lease" in failure.message) == (why, True)
    assert len(told.begun) == count + 1  # asked once: no SDK tries again
    assert len(told.ended) == ended


def test_connecting_to_aws_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others ask nothing but their identity services when they connect, which are not hooked."""
    with pytest.raises(Failed, match="the lease") as stopped:
        whole_life.connected("aws", Told(closed="conflict"), monkeypatch)
    assert stopped.value.why == "conflict"


FAULTS: dict[str, tuple[str, str, Why]] = {
    "aws": ("AccessDenied", "DescribeLoadBalancers", "denied"),
    "azure": ("AuthorizationFailed", "GET applicationGateways", "denied"),
    "gcp": ("forbidden", "aggregatedList urlMaps", "denied"),
}


def test_failures_are_told_classified(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    cloud = whole_life.connected(name, told, monkeypatch)
    code, operation, why = FAULTS[name]
    cloud.control.fault(operation, "error", code=code, status=403)
    with pytest.raises(Exception, match="test") as refused:
        READS[name](cloud._base)
    (failure,) = told.failures
    assert failure == cloud.provider.classify(refused.value)
    assert (failure.why, failure.code) == (why, code)
    told.failures.clear()
    cloud.control.fault(operation, "lost")
    with pytest.raises(Exception):  # noqa: B017, PT011 what each SDK calls it
        READS[name](cloud._base)
    (failure,) = told.failures
    assert failure.why == "outcome_unknown"


ARM = "https://management.azure.com/subscriptions/0/"
COMPUTE = "https://compute.googleapis.com/compute/v1/"


@pytest.mark.parametrize(
    ("operation_of", "method", "url", "told"),
    [
        (
            azure_hook.operation_of,
            "GET",
            f"{ARM}providers/Microsoft.Network/locations/a/operations/1-2?t=3",
            "GET operations",
        ),
        (
            azure_hook.operation_of,
            "GET",
            f"{ARM}providers/microsoft.network/APPLICATIONGATEWAYS",
            "GET applicationGateways",
        ),
        (azure_hook.operation_of, "GET", f"{ARM}providers/Microsoft.Other/things/1-2", "GET other"),
        (azure_hook.operation_of, "GET", "https://elsewhere/1-2", "GET other"),
        (gcp_hook.operation_of, "GET", f"{COMPUTE}projects/p", "projects.get"),
        (gcp_hook.operation_of, "GET", f"{COMPUTE}projects/p/regions/r", "regions.get"),
        (gcp_hook.operation_of, "GET", f"{COMPUTE}projects/p/zones", "zones.list"),
        (
            gcp_hook.operation_of,
            "POST",
            f"{COMPUTE}projects/p/zones/z/networkEndpointGroups",
            "networkEndpointGroups.insert",
        ),
        (gcp_hook.operation_of, "PUT", f"{COMPUTE}projects/p/global/urlMaps/1-2/a/b", "other"),
        (gcp_hook.operation_of, "GET", "https://elsewhere/1-2", "other"),
        (
            gcp_hook.operation_of,
            "POST",
            "https://manager/v1/projects/p:testIamPermissions",
            "projects.testIamPermissions",
        ),
    ],
)
def test_no_name_is_in_the_name_of_a_call(operation_of: Any, method: str, url: str, told: str) -> None:
    assert operation_of(method, url) == told
