"""The local AWS as a Ground for the laws: the real provider, the real SDK, a stepped clock.

Faults meet the SDK where they would in life: a killed process raises in the middle of a call, a lost answer is a
connection that the server closes after the effect. State is read from the local cloud's dump, answers from describe
calls by `semantics`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import local_ground

import cloudgw_aws
from cloudgw.graph import model
from cloudgw.objects import Meta, Parameters
from cloudgw.provider import Placement, Session
from cloudgw.testing import worlds
from cloudgw_aws import calls, semantics
from cloudgw_local import serving
from cloudgw_local.aws import LOCAL, server

STEP_SECONDS = 4.0
VOLATILE = frozenset({"active_at", "created", "dns_name", "priority", "registered_at", "attached_at", "released_at"})
VOLATILE_IDS = frozenset({"arn", "id", "interfaces", "draining_until", "free_addresses", "issued_at", "imported_at"})
SECTIONS = (
    "security_groups",
    "security_rules",
    "load_balancers",
    "listeners",
    "rules",
    "target_groups",
    "certificates",
)
RECORD = "cloudgw.dev/"


def parameters(world: worlds.World) -> Parameters:
    """The class parameters that a World stands for."""
    spec: dict[str, Any] = {
        "region": "eu-central-1",
        "vpcId": "vpc-00000000000000001",
        "exposure": "Public" if world.scheme == "public" else "Internal",
        "allowedSourceRanges": list(world.ranges) or ["10.0.0.0/8"],
        "backendSecurityGroups": ["sg-00000000000000001"],
    }
    return Parameters(meta=Meta(name="aws"), kind="AWSGatewayClassParameters", spec=spec)


@functools.cache
def running() -> serving.Running:
    """One local AWS for the whole test run; every Ground resets it."""
    found = local_ground.OPEN.enter_context(server.serve(port=0, stepped=True))
    os.environ.update(LOCAL.env(found.endpoint))
    return found


@functools.cache
def _session() -> Session:
    running()
    return calls.connect(Placement("aws", "", "eu-central-1"))


class AWS(local_ground.LocalGround):
    """Ground. One at a time: making one resets the local cloud."""

    name = "aws"
    balancer = "load-balancer"
    provider = cloudgw_aws.PROVIDER
    placement: ClassVar[Placement] = Placement("aws", "", "eu-central-1")

    def __init__(self) -> None:
        super().__init__(running().control, STEP_SECONDS, parameters)
        self._base = _session()
        self._truth: tuple[Any, Mapping[str, Any]] | None = None
        self._materials = local_ground.materials()

    def session(self) -> Session:
        write = calls.Write(self._wrapped)
        return replace(self._base, write=write, owner=local_ground.OWNER, materials=self._materials)

    def _wrapped(self, service: str, operation: str, **given: Any) -> Any:
        api = "".join(part.title() for part in operation.split("_"))
        return self.met(operation, api, lambda: self._base.write.call(service, operation, **given))

    def forget(self) -> None:
        self._truth = None

    def everything(self) -> Any:
        dump = self.control.dump()
        return {section: dump[section] for section in SECTIONS}

    def named(self) -> Any:
        dump = self.control.dump()
        names = {}
        for section in SECTIONS:
            for item in dump[section]:
                tags = item.get("tags", {})
                if tags.get(RECORD + "owner") == local_ground.OWNER:
                    key = f"{tags[RECORD + 'address']}@{tags[RECORD + 'suffix']}"
                    names[item.get("arn") or item["id"]] = key
        result: dict[str, list[Any]] = {}
        for section in SECTIONS:
            for item in dump[section]:
                name = names.get(item.get("arn") or item["id"])
                if name is None:
                    continue
                body = _strip(item, names)
                if section == "rules":
                    siblings = [r for r in dump["rules"] if r["listener_arn"] == item["listener_arn"] and r["priority"]]
                    body["rank"] = sorted(r["priority"] for r in siblings).index(item["priority"])
                result.setdefault(name, []).append(body)
        return {name: sorted(bodies, key=str) for name, bodies in sorted(result.items())}

    def plant(self, gateway: str) -> Any:
        """A load balancer named like ours, a target group with our tag keys and another owner, and a rule on our
        listener that alone forwards to it."""
        del gateway
        write = self._base.write
        subnets = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
        made = write.call("elbv2", "create_load_balancer", Name="cgw-edge-theirs", Subnets=subnets, Scheme="internal")
        balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        tags = {"owner": "somebody", "gateway": "shop/edge", "address": "target-group/shop/one:8080"}
        tags |= {"suffix": "aaaaaaaaaa", "version": "1"}
        made = write.call(
            "elbv2",
            "create_target_group",
            Name="cgw-one808-theirs",
            Protocol="HTTP",
            Port=8080,
            VpcId="vpc-00000000000000001",
            TargetType="ip",
            Tags=[{"Key": RECORD + k, "Value": v} for k, v in tags.items()],
        )
        group = made["TargetGroups"][0]["TargetGroupArn"]
        owned = [i for i in self.control.dump()["listeners"] if i["tags"].get(RECORD + "owner") == local_ground.OWNER]
        made = write.call(
            "elbv2",
            "create_rule",
            ListenerArn=owned[0]["arn"],
            Priority=10_050,
            Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["theirs.example"]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        self._truth = None
        return [balancer, group, made["Rules"][0]["RuleArn"]]

    def foreign(self, token: Any) -> Any:
        dump = self.control.dump()
        found = [i for s in SECTIONS for i in dump[s] if (i.get("arn") or i["id"]) in token]
        moving = {"active_at", "attached_at", "released_at"}  # times the cloud keeps, not settings anybody made
        return [{k: v for k, v in item.items() if k not in moving} for item in found]

    def uproot(self, token: Any) -> None:
        write = self._base.write
        write.call("elbv2", "delete_rule", RuleArn=token[2])
        write.call("elbv2", "delete_target_group", TargetGroupArn=token[1])
        write.call("elbv2", "delete_load_balancer", LoadBalancerArn=token[0])
        self._truth = None

    def _content(self) -> Mapping[str, Any]:
        """What describe calls show, with no lag: read once per moment and write."""
        moment = (self.control.now(), self._calls)
        if self._truth is None or self._truth[0] != moment:
            lag = self.control.settings()["staleness"]
            self.control.settings(staleness=0)
            self._truth = (moment, self.listing(self.session()).content)
            self.control.settings(staleness=lag)
        return self._truth[1]

    def _ask(self, suffix: str, port: int, host: str, path: str) -> semantics.Answer | None:
        for item in self.control.dump()["load_balancers"]:
            if item["tags"].get(RECORD + "suffix") == suffix:
                scheme: Any = "https" if port == 443 else "http"
                request = semantics.Request(port=port, scheme=scheme, host=host, path=path)
                return semantics.answer(self._content(), item["arn"], request)
        return None

    def answer(self, address_name: str, port: int, host: str, path: str) -> Any:
        found = self._ask(address_name, port, host, path)
        if found is None or found.kind == "closed" or (found.kind == "fixed" and found.status == 404):
            return None
        if found.kind == "fixed":
            return ("status", found.status)
        services = {g["arn"]: g["tags"].get(RECORD + "address", g["arn"]) for g in self.control.dump()["target_groups"]}
        return ("forward", tuple(sorted((services[g].rsplit("/", 1)[-1].split(":")[0], w) for g, w in found.groups)))

    def fails(self, address_name: str, port: int, host: str, path: str) -> bool:
        found = self._ask(address_name, port, host, path)
        return found is not None and (bool(found.empty) or (found.kind == "fixed" and found.status >= 500))

    def drift(self, element: model.Element, field_: str) -> bool:
        edit = _EDITS.get((model.kind_of(element.address), field_))
        if edit is None:
            return False
        self._truth = None
        return bool(edit(self._base.write, element))


def _strip(value: Any, names: Mapping[str, str]) -> Any:
    """Without ids, times and what is leaving already."""
    if isinstance(value, list | tuple):
        value = [item for item in value if not (isinstance(item, Mapping) and item.get("draining_until"))]
    if isinstance(value, Mapping):
        return {k: _strip(v, names) for k, v in value.items() if k not in VOLATILE | VOLATILE_IDS}
    if isinstance(value, list | tuple):
        return [_strip(item, names) for item in value]
    if isinstance(value, str):
        return names.get(value, value)
    return value


def _edit_rule(write: Any, element: model.Element) -> bool:
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "ContentType": "text/plain"}}
    write.call("elbv2", "modify_rule", RuleArn=element.outputs["id"], Actions=[action])
    return True


def _edit_policy(write: Any, element: model.Element) -> bool:
    if element.fields.get("protocol") != "HTTPS":
        return False
    write.call("elbv2", "modify_listener", ListenerArn=element.outputs["id"], SslPolicy="ELBSecurityPolicy-2016-08")
    return True


def _edit_targets(write: Any, element: model.Element) -> bool:
    targets = [{"Id": "10.0.1.99", "Port": 8080}]
    write.call("elbv2", "register_targets", TargetGroupArn=element.outputs["id"], Targets=targets)
    return True


def _edit_health(write: Any, element: model.Element) -> bool:
    write.call("elbv2", "modify_target_group", TargetGroupArn=element.outputs["id"], HealthCheckPath="/drifted")
    return True


def _edit_groups(write: Any, element: model.Element) -> bool:
    groups = ["sg-00000000000000001"]
    write.call("elbv2", "set_security_groups", LoadBalancerArn=element.outputs["id"], SecurityGroups=groups)
    return True


_EDITS: dict[tuple[str, str], Callable[[Any, model.Element], bool]] = {
    ("rule", "action"): _edit_rule,
    ("listener", "ssl_policy"): _edit_policy,
    ("targets", "targets"): _edit_targets,
    ("target-group", "health_check"): _edit_health,
    ("target-group", "health_path"): _edit_health,
    ("load-balancer", "security_groups"): _edit_groups,
}
