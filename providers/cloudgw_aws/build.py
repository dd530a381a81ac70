"""The desired Graph of one Gateway: a load balancer, its security group, listeners, certificates, pools and rules.

`pipeline` calls `build` with what routing, facts and parameters say. Pure and deterministic. Nothing is opened that
the parameters do not name; what could not be seen is Unknown, so that what stands stays. It must never look at what
is observed: facts carry the little that has to be sticky.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, Literal

from cloudgw.building import tls, treatment
from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Unknown
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_aws import (
    build_actions,
    build_certificates,
    build_listeners,
    build_policies,
    build_rules,
    build_unsupported,
    facts,
    names,
    parameters,
    shapes,
)


def build(routing: ir.Routing, found: Facts, wanted: parameters.AWSParameters) -> tuple[model.Graph, tuple[Note, ...]]:
    network: facts.Network = found.values["network"]
    judged = _judge(routing, network)
    work = _Work(routing, network, wanted)
    work.notes += judged.notes
    work.front()
    work.listeners(judged)
    work.elements += judged.rules.elements
    work.pools(judged.rules)
    graph = model.graph(
        work.elements,
        order=judged.rules.order,
        withdrawn=frozenset(build_actions.group_address(routing.owner, key) for key in routing.withdrawn),
        doubted=frozenset(work.doubted),
        unknown=_unknown(routing, work.unknown),
        known=() if routing.complete else _known(routing),
    )
    return graph, tuple(dict.fromkeys(work.notes))


def lint(routing: ir.Routing) -> tuple[Note, ...]:
    """What an Application Load Balancer cannot honour of a Gateway: the notes of `build` that need neither an account
    nor parameters. Quotas are the defaults, and nothing stands yet."""
    nowhere = Unknown("no account was looked at")
    return tuple(_judge(routing, facts.Network(vpc=nowhere, subnets=nowhere, ranges=nowhere)).notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What can be served at all: tables of the ports that listen, certificates, rules; everything said on the way."""

    tables: tuple[ir.Table, ...]
    certificates: build_certificates.Certificates
    rules: build_rules.Rules
    notes: tuple[Note, ...]


def _judge(routing: ir.Routing, network: facts.Network) -> _Judged:
    served = build_listeners.served(routing)
    notes = list(served.notes)
    certificates = build_certificates.certificates(routing.owner, served.tables, network)
    notes += certificates.notes
    tables: list[ir.Table] = []
    for table in served.tables:
        if table.protocol != "HTTPS" or table.port in certificates.default:
            certified, said = tls.served(table, None)
            tables.append(certified)
            notes += said
            continue
        notes.append(tls.none_usable(table))
    rules = build_rules.compile_tables(routing, tables, network)
    notes += rules.notes
    notes += treatment.all_notes(routing, build_policies.refused)
    return _Judged(tables=tuple(tables), certificates=certificates, rules=rules, notes=tuple(notes))


def _unknown(routing: ir.Routing, open_kinds: list[str]) -> tuple[str, ...]:
    if not routing.complete:
        return (f"{routing.owner}/{names.PROVIDER}/",)
    return tuple(sorted(f"{routing.owner}/{names.PROVIDER}/{prefix}" for prefix in set(open_kinds)))


def _known(routing: ir.Routing) -> tuple[str, ...]:
    """Prefixes of the rules of routes of which everything is known."""
    return tuple(
        sorted(
            f"{routing.owner}/{names.PROVIDER}/rule/{table.port}/{listener.id}/{namespace}/{name}/"
            for table in routing.tables
            for listener in table.listeners
            for namespace, name in routing.known
        )
    )


class _Work:
    """The elements so far. unknown: address prefixes, below the provider, about which nothing can be said."""

    def __init__(self, routing: ir.Routing, network: facts.Network, wanted: parameters.AWSParameters) -> None:
        self.routing = routing
        self.network = network
        self.wanted = wanted
        self.elements: list[model.Element] = []
        self.unknown: list[str] = []
        self.doubted: set[model.Address] = set()
        self.notes: list[Note] = []
        self.group = self.address("security-group", "lb")
        self.balancer = self.address("load-balancer", "lb")

    def address(self, kind: str, logical: str) -> model.Address:
        return model.address(self.routing.owner, names.PROVIDER, kind, logical)

    def add(self, where: model.Address, spec: model.Spec | Unknown, *origins: Origin) -> None:
        self.elements.append(model.Element(address=where, spec=spec, origins=origins or (self.routing.origin,)))

    def say(
        self, level: Literal["info", "warning", "error"], code: str, message: str, origin: Origin | None = None
    ) -> None:
        self.notes.append(Note(level=level, code=code, message=message, origin=origin or self.routing.origin))

    def front(self) -> None:
        """The load balancer and its security group stand even without a listener: an address that is published is
        not taken away because a listener is broken."""
        self.add(self.group, {"vpc": self.network.vpc, "scheme": self.wanted.scheme})
        self.add(
            self.balancer,
            {
                "scheme": self.wanted.scheme,
                "vpc": self.network.vpc,
                "subnets": self.network.subnets,
                "security_groups": (model.Ref(self.group),),
                "tags": dict(self.wanted.tags),
            },
        )

    def listeners(self, judged: _Judged) -> None:
        self.elements += judged.certificates.elements
        self.doubted |= judged.certificates.doubted
        for table in judged.tables:
            origins = tuple(listener.origin for listener in table.listeners)
            secure = table.protocol == "HTTPS"
            default = judged.certificates.default.get(table.port)
            self.add(
                self.address("listener", str(table.port)),
                {
                    "load_balancer": model.Ref(self.balancer),
                    "port": table.port,
                    "protocol": table.protocol,
                    "ssl_policy": self.wanted.tls_policy if secure else None,
                    "certificate": model.Ref(default, "ready") if secure and default else None,
                    "default": shapes.fixed(404),
                },
                *origins,
            )
            self.open_port(table.port, origins)

    def open_port(self, port: int, origins: tuple[Origin, ...]) -> None:
        ranges: tuple[str, ...] | Unknown = self.wanted.ranges or self.network.ranges
        if isinstance(ranges, Unknown):
            self.unknown.append(f"security-group-rule/lb/{port}/")
            self.say("error", "SourceRangesUnknown", f"who may reach port {port} is not known: {ranges.reason}")
            return
        for source in ranges:
            where = self.address("security-group-rule", f"lb/{port}/{source.replace('/', '=')}")
            self.add(where, self.opening(model.Ref(self.group), port, source), *origins)

    def opening(self, group: model.Ref | str, port: int, source: model.Ref | str) -> dict[str, Any]:
        return {
            "load_balancer": model.Ref(self.balancer),
            "group": group,
            "protocol": "tcp",
            "from_port": port,
            "to_port": port,
            "source": source,
        }

    def pools(self, rules: build_rules.Rules) -> None:
        """Target groups, their targets and the way to them."""
        keys = set(self.routing.backends) if rules.open else rules.backends
        ports: dict[int, list[Origin]] = {}
        for key in sorted(keys, key=str):
            backend = self.routing.backends.get(key, Unknown(f"Service port {key} is not among the input"))
            self.pool(key, backend, ports)
        if rules.empty:
            self.pool_elements(build_actions.UNAVAILABLE, "HTTP1", 80, (), ())
        if self.wanted.backend_groups:
            for group in self.wanted.backend_groups:
                for port in sorted(ports):
                    where = self.address("security-group-rule", f"pods/{group}/{port}")
                    self.add(where, self.opening(group, port, model.Ref(self.group)), *dict.fromkeys(ports[port]))
        elif keys:
            message = (
                "backendSecurityGroups is not set: nothing is opened from the load balancer to pods or nodes; "
                "name their security groups, or open the way from the load balancer's group yourself"
            )
            self.say("info", "BackendAccessUnmanaged", message)

    def pool(self, key: ir.BackendKey, backend: ir.Backend | Unknown, ports: dict[int, list[Origin]]) -> None:
        if isinstance(backend, Unknown):
            self.add(self.address("target-group", str(key)), backend)
            self.add(self.address("targets", str(key)), backend)
            self.unknown.append("security-group-rule/pods/")
            return
        known: set[int] = {backend.port_number} - {0}
        targets: tuple[str, ...] | Unknown = Unknown("")
        if isinstance(backend.targets, Unknown):
            targets = backend.targets
        else:
            targets = self.reachable(backend)
            known |= {target.port for target in backend.targets}
        for port in known:
            ports.setdefault(port, []).append(backend.origin)
        policy = treatment.of(self.routing, key, str(key) in self.network.pools)
        if isinstance(policy, ir.BackendPolicy) and policy.check.port:
            ports.setdefault(policy.check.port, []).append(backend.origin)
        # a pod may listen, or be asked, on a port that nobody can name now
        if isinstance(targets, Unknown) or not known or isinstance(policy, Unknown):
            self.unknown.append("security-group-rule/pods/")
        version = build_unsupported.SPOKEN.get(backend.protocol, "HTTP1")
        self.pool_elements(str(key), version, key.port, targets, (backend.origin,), policy)
        if treatment.is_unseen(self.routing, key):
            self.doubted.add(self.address("target-group", str(key)))

    def pool_elements(
        self,
        logical: str,
        version: str,
        port: int,
        targets: tuple[str, ...] | Unknown,
        origins: tuple[Origin, ...],
        policy: ir.BackendPolicy | Unknown | None = None,
    ) -> None:
        where = self.address("target-group", logical)
        spec: dict[str, Any] = {
            "load_balancer": model.Ref(self.balancer),
            "protocol": "HTTP",
            "port": port,
            "target_type": "ip",
            "vpc": self.network.vpc,
            "protocol_version": version,
            "health_check": dict(build_policies.HEALTH),
            "drain": None,
        }
        if isinstance(policy, Unknown):
            spec |= {"health_check": policy, "drain": policy}
        elif policy is not None:
            spec |= {"health_check": build_policies.health(policy.check), "drain": policy.drain}
        self.add(where, spec, *origins)
        self.add(self.address("targets", logical), {"group": model.Ref(where), "targets": targets}, *origins)

    def reachable(self, backend: ir.Backend) -> tuple[str, ...]:
        """IPv4 pods inside the VPC: others would be refused, and all of their call with them
        (API_RegisterTargets.html)."""
        assert not isinstance(backend.targets, Unknown)
        ranges = self.network.ranges
        inside = [] if isinstance(ranges, Unknown) else [ipaddress.ip_network(block) for block in ranges]
        found: set[str] = set()
        outside: list[str] = []
        for target in backend.targets:
            address = ipaddress.ip_address(target.address)
            if address.version != 4 or (inside and not any(address in block for block in inside)):
                outside.append(target.address)
            else:
                found.add(f"{target.address}:{target.port}")
        if outside:
            message = (
                f"Service {backend.key}: {len(outside)} pods have addresses outside the VPC's IPv4 ranges "
                f"({outside[0]} ...) and receive no requests; an ALB reaches pods with VPC addresses only"
            )
            self.say("warning", "TargetOutside", message, backend.origin)
        return tuple(sorted(found))
