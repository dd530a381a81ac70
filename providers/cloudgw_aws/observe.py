"""The inventory as a Graph: which of our elements stand, in which incarnation, and what of others is in their way.

`pipeline` calls `observe` after each listing. Pure. Ownership comes from the record in the tags alone; a thing without
one is foreign: its position is marked as taken, and it is named on the parent it would go along with. What is written
by the kinds must be read back here equal, field by field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Inventory, Record
from cloudgw_aws import kinds_groups, kinds_listeners, names, shapes

Content = Mapping[str, Any]


def observe(inventory: Inventory, owner: str) -> model.Graph:
    """All elements of the owner, with outputs id, state, position, healthy, targets, foreign, dns, cluster, gateway."""
    return _World(inventory.content, owner).graph()


class _World:
    """Records by id first, so that every reference between things can be written as a Ref."""

    def __init__(self, content: Content, owner: str) -> None:
        self.content = content
        self.records: dict[str, Record] = {}
        tagged: dict[str, Mapping[str, str]] = dict(content["tags"])
        tagged |= {g["GroupId"]: names.as_mapping(g.get("Tags")) for g in content["security_groups"]}
        tagged |= {r["SecurityGroupRuleId"]: names.as_mapping(r.get("Tags")) for r in content["security_group_rules"]}
        tagged |= {c["CertificateArn"]: c["Tags"] for c in content["certificates"]}
        self.tags = tagged
        count: dict[tuple[str, str], int] = {}
        for identity in sorted(tagged):
            record = names.ours(tagged[identity], owner)
            if record is None:
                continue
            number = count[record.address, record.suffix] = count.get((record.address, record.suffix), 0) + 1
            if number > 1:  # made twice, because an answer was lost: the later one is an incarnation that must go
                record = replace(record, suffix=f"{record.suffix}-{number}")
            self.records[identity] = record
        self.elements: list[model.Element] = []
        self.taken: dict[str, list[int]] = {}

    def graph(self) -> model.Graph:
        self.access()
        self.balancers()
        self.groups()
        self.certificates()
        self.listeners()
        self.rules()
        taken = {group: tuple(sorted(positions)) for group, positions in self.taken.items()}
        return model.graph(self.elements, taken=taken)

    def ref(self, identity: str, until: Any = "exists") -> model.Ref | str:
        """The Ref of our element with that cloud id, or the id where it is not ours."""
        record = self.records.get(identity)
        return model.Ref(record.address, until, record.suffix) if record is not None else identity

    def parent(self, identity: str) -> model.Ref | str:
        """The load balancer that a thing of ours was made for: AWS shows it nowhere, the tags do."""
        record = self.records.get(identity)
        if record is None:
            return ""
        where = model.address(model.owner_of(record.address), names.PROVIDER, "load-balancer", "lb")
        return model.Ref(where, "exists", self.tags[identity].get(names.PARENT, ""))

    def add(self, identity: str, kind: str, spec: model.Spec, **outputs: Any) -> None:
        """An element for a thing of ours; anything else, and a record of another kind, is passed over."""
        record = self.records.get(identity)
        if record is None or model.kind_of(record.address) != kind:
            return
        found = {"id": identity, "cluster": record.cluster, "gateway": record.gateway, **outputs}
        self.elements.append(model.Element(address=record.address, spec=spec, name=record.suffix, outputs=found))

    def foreign(self, identities: list[str]) -> tuple[str, ...]:
        return tuple(sorted(identity for identity in identities if identity not in self.records))

    def access(self) -> None:
        rules = self.content["security_group_rules"]
        by_group = _below(rules, "GroupId", "SecurityGroupRuleId")
        for group in self.content["security_groups"]:
            inside = by_group.get(group["GroupId"], [])
            scheme = names.as_mapping(group.get("Tags")).get(names.SCHEME, "")
            spec: dict[str, Any] = {"vpc": group["VpcId"], "scheme": scheme}
            self.add(group["GroupId"], "security-group", spec, foreign=self.foreign(inside))
        for rule in rules:
            source = rule.get("ReferencedGroupInfo", {}).get("GroupId", "")
            spec = {
                "load_balancer": self.parent(rule["SecurityGroupRuleId"]),
                "group": self.ref(rule["GroupId"]),
                "protocol": rule["IpProtocol"],
                "from_port": rule["FromPort"],
                "to_port": rule["ToPort"],
                "source": self.ref(source) if source else rule.get("CidrIpv4") or rule.get("CidrIpv6") or "",
            }
            self.add(rule["SecurityGroupRuleId"], "security-group-rule", spec, group=rule["GroupId"])

    def balancers(self) -> None:
        by_balancer = _below(self.content["listeners"], "LoadBalancerArn", "ListenerArn")
        for item in self.content["load_balancers"]:
            arn = item["LoadBalancerArn"]
            tags = self.tags.get(arn, {})
            spec = {
                "scheme": item["Scheme"],
                "vpc": item["VpcId"],
                "subnets": tuple(sorted(zone["SubnetId"] for zone in item["AvailabilityZones"])),
                "security_groups": tuple(self.ref(group) for group in sorted(item.get("SecurityGroups", ()))),
                "tags": {key: tags[key] for key in names.user_keys(tags) if key in tags},
            }
            below = by_balancer.get(arn, [])
            self.add(
                arn,
                "load-balancer",
                spec,
                state=item.get("State", {}).get("Code", ""),
                dns=item.get("DNSName", ""),
                foreign=self.foreign(below),
            )

    def groups(self) -> None:
        balancers = {item["LoadBalancerArn"] for item in self.content["load_balancers"]}
        for item in self.content["target_groups"]:
            arn = item["TargetGroupArn"]
            record = self.records.get(arn)
            if record is None or model.kind_of(record.address) != "target-group":
                continue
            spec = {
                "load_balancer": self.parent(arn),
                "protocol": item["Protocol"],
                "port": item["Port"],
                "target_type": item["TargetType"],
                "vpc": item["VpcId"],
                "protocol_version": item.get("ProtocolVersion", "HTTP1"),
                "health_check": kinds_groups.health_of(item),
                "drain": int(self.drain(arn)) if names.DRAIN in self.tags[arn] else None,
            }
            health = self.content["target_health"].get(arn)
            self.add(
                arn,
                "target-group",
                spec,
                drain=self.drain(arn),
                foreign=tuple(sorted(set(item.get("LoadBalancerArns", ())) - balancers)),
                **_health(health or ()),
            )
            if health is not None:
                self.targets(arn, record, kinds_groups.registered(health))

    def targets(self, arn: str, record: Record, registered: tuple[str, ...]) -> None:
        """They carry no tags: they are ours because their target group is, and are named like its incarnation."""
        owner, logical = model.owner_of(record.address), model.short(record.address).split("/", 1)[1]
        self.elements.append(
            model.Element(
                address=model.address(owner, names.PROVIDER, "targets", logical),
                spec={"group": model.Ref(record.address, "exists", record.suffix), "targets": registered},
                name=record.suffix,
                outputs={"id": arn},
            )
        )

    def drain(self, arn: str) -> float:
        attributes = self.content["target_group_attributes"].get(arn, {})
        return float(attributes.get(kinds_groups.DRAIN_ATTRIBUTE, kinds_groups.DRAIN_SECONDS))

    def certificates(self) -> None:
        for item in self.content["certificates"]:
            tags = item["Tags"]
            spec = {
                "key_type": names.gather(names.KEY_TYPE, tags) or "",
                "fingerprint": tags.get(names.FINGERPRINT, ""),
            }
            self.add(item["CertificateArn"], "certificate", spec, state=item.get("Status", ""))

    def listeners(self) -> None:
        by_listener = _below(self.content["rules"], "ListenerArn", "RuleArn")
        for item in self.content["listeners"]:
            arn = item["ListenerArn"]
            default = (item.get("Certificates") or [{}])[0].get("CertificateArn", "")
            secure = item.get("Protocol") == "HTTPS"
            spec = {
                "load_balancer": self.ref(item["LoadBalancerArn"]),
                "port": item["Port"],
                "protocol": item.get("Protocol", ""),
                "ssl_policy": item.get("SslPolicy") or None if secure else None,
                "certificate": self.ref(default, "ready") if secure and default else None,
                "default": shapes.read_actions(item.get("DefaultActions", ()), self.ref),
            }
            rules = by_listener.get(arn, [])
            self.add(arn, "listener", spec, foreign=self.foreign(rules))
            self.extra_certificates(arn)

    def extra_certificates(self, listener: str) -> None:
        """No tags here either: ours when both ends are."""
        above = self.records.get(listener)
        for item in self.content["listener_certificates"].get(listener, ()):
            record = self.records.get(item["CertificateArn"])
            if item.get("IsDefault") or above is None or record is None:
                continue
            owner, port = model.owner_of(above.address), model.short(above.address).split("/", 1)[1]
            secret = model.short(record.address).split("/", 1)[1]
            spec = {
                "listener": model.Ref(above.address, "exists", above.suffix),
                "certificate": model.Ref(record.address, "ready", record.suffix),
            }
            address = model.address(owner, names.PROVIDER, "listener-certificate", f"{port}/{secret}")
            self.elements.append(
                model.Element(
                    address=address,
                    spec=spec,
                    name=model.suffix_of(kinds_listeners.LISTENER_CERTIFICATE, spec),
                    outputs={"id": f"{listener}|{item['CertificateArn']}"},
                )
            )

    def rules(self) -> None:
        for item in self.content["rules"]:
            arn, above = item["RuleArn"], self.records.get(item["ListenerArn"])
            position = int(item["Priority"])
            if arn not in self.records:
                if above is not None:
                    group = f"rules:{model.key_of(above.address, above.suffix)}"
                    self.taken.setdefault(group, []).append(position)
                continue
            spec = {
                "listener": self.ref(item["ListenerArn"]),
                "conditions": shapes.read_conditions(item.get("Conditions", ())),
                "action": shapes.read_actions(item.get("Actions", ()), self.ref),
                "transforms": shapes.read_transforms(item.get("Transforms") or ()),
            }
            self.add(arn, "rule", spec, position=position)


def _below(items: Iterable[Mapping[str, Any]], above: str, identity: str) -> dict[str, list[str]]:
    """Ids of things by the id of what they lie in."""
    found: dict[str, list[str]] = {}
    for item in items:
        found.setdefault(item[above], []).append(item[identity])
    return found


def _health(health: Any) -> dict[str, int]:
    """targets: those that are wanted here; healthy: those that answer. Draining ones are neither."""
    wanted = [item for item in health if item["TargetHealth"].get("State") not in kinds_groups.DRAINING]
    healthy = [item for item in wanted if item["TargetHealth"].get("State") == "healthy"]
    return {"targets": len(wanted), "healthy": len(healthy)}
