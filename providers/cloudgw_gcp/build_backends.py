"""Backend services, groups of endpoints and their endpoints, and health checks of one Gateway.

`build` uses it. Pure. An endpoint is an address and a port of an instance, and lies in the group of the instance's zone
(cloud.google.com/load-balancing/docs/negs/zonal-neg-concepts), so that a Service port has one group in each zone, which
all its backend services share. What is not known of a Service is Unknown exactly there. Must never register an address
for an instance that does not have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudgw.building import treatment
from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Unknown
from cloudgw.routing import ir
from cloudgw_gcp import build_actions, build_policies, facts, names

DEFAULT_TIMEOUT = 30  # seconds; load-balancing/docs/backend-service
# seconds; a connection that became a WebSocket is closed then, idle or not (load-balancing/docs/https/request-
# distribution, WebSocket support)
WEBSOCKET_TIMEOUT = 86_400
TYPE = "GCE_VM_IP_PORT"


class Backends:
    """The elements so far. unknown: address prefixes, below the provider, about which nothing can be said."""

    def __init__(self, routing: ir.Routing, network: facts.Network, exposure: str, quota: int) -> None:
        self.routing = routing
        self.network = network
        self.exposure = exposure
        self.quota = quota
        self.made: dict[model.Address, model.Element] = {}
        self.doubted: set[model.Address] = set()
        self.unknown: list[str] = []
        self.notes: list[Note] = []

    def elements(self) -> list[model.Element]:
        return [self.made[where] for where in sorted(self.made)]

    def address(self, kind: str, logical: str) -> model.Address:
        return model.address(self.routing.owner, names.PROVIDER, kind, logical)

    def _add(self, kind: str, logical: str, spec: model.Spec | Unknown, origins: Sequence[Origin]) -> model.Address:
        where = self.address(kind, logical)
        self.made.setdefault(where, model.Element(address=where, spec=spec, origins=tuple(origins)))
        return where

    def none(self) -> None:
        """The backend service without endpoints, for which requests are named that an abort answers."""
        self._service(build_actions.NONE, build_actions.Variant(), (), (self.routing.origin,), DEFAULT_TIMEOUT)

    def service(self, key: ir.BackendKey, variants: Iterable[build_actions.Variant]) -> None:
        """Of a Service port: the backend services that its rules ask for, and its endpoints."""
        backend = self.routing.backends.get(key, Unknown(f"Service port {key} is not among the input"))
        if isinstance(backend, ir.Backend) and isinstance(backend.tls, Unknown):
            backend = backend.tls
        origins = (backend.origin,) if isinstance(backend, ir.Backend) else ()
        groups = self._groups(key, backend, origins)
        for variant in sorted(variants, key=lambda one: (one.affinity, one.cookie or ("", 0))):
            logical = build_actions.service_logical(key, variant)
            if isinstance(backend, Unknown):
                self._add("backend-service", logical, backend, ())
            else:
                timeout = WEBSOCKET_TIMEOUT if backend.protocol == "WS" else DEFAULT_TIMEOUT
                policy = treatment.of(self.routing, key, logical in self.network.services)
                self._service(logical, variant, groups, origins, timeout, policy, self._check_of(key, policy))
                if treatment.is_unseen(self.routing, key):
                    self.doubted.add(self.address("backend-service", logical))

    def _service(
        self,
        logical: str,
        variant: build_actions.Variant,
        groups: tuple[model.Ref, ...] | Unknown,
        origins: Sequence[Origin],
        timeout: int,
        policy: ir.BackendPolicy | Unknown | None = None,
        check: model.Address | Unknown | None = None,
    ) -> None:
        check = check or self._check("http", build_policies.CHECK, self.routing.origin)
        spec: dict[str, Any] = {
            "address": model.Ref(self.address("address", "lb")),
            "protocol": "HTTP",
            "exposure": self.exposure,
            "health_check": check if isinstance(check, Unknown) else model.Ref(check),
            "backends": groups,
            "timeout": timeout,
            "affinity": variant.affinity,
            "cookie": variant.cookie,
            "draining": build_policies.DRAINING,
        }
        if isinstance(policy, Unknown):
            spec["draining"] = policy
            if variant == build_actions.Variant():
                spec |= {"affinity": policy, "cookie": policy}
        elif policy is not None:
            spec["draining"] = policy.drain if policy.drain is not None else build_policies.DRAINING
            if variant == build_actions.Variant():
                asked = build_policies.variant(policy)
                spec |= {"affinity": asked.affinity, "cookie": asked.cookie}
        self._add("backend-service", logical, spec, origins)

    def _check(self, logical: str, asks: Mapping[str, Any], origin: Origin) -> model.Address:
        spec = {"place": self.network.place, "protocol": "HTTP", **asks}
        return self._add("health-check", logical, spec, (origin,))

    def _check_of(
        self, key: ir.BackendKey, policy: ir.BackendPolicy | Unknown | None
    ) -> model.Address | Unknown | None:
        """The health check of a Service port whose policy asks for another one, under a name of its own: what is
        changed in the policy is changed in place. None: it has none of its own."""
        if not isinstance(policy, ir.BackendPolicy):
            return policy
        if not build_policies.asks(policy.check):
            return None
        return self._check(str(key), build_policies.check(policy.check), policy.origin)

    def _groups(
        self, key: ir.BackendKey, backend: ir.Backend | Unknown, origins: Sequence[Origin]
    ) -> tuple[model.Ref, ...] | Unknown:
        """One in each zone, also where no pod is now."""
        zones = self.network.zones
        if isinstance(zones, Unknown):
            self.unknown += [f"{kind}/{key}/" for kind in ("neg", "endpoints")]
            return zones
        targets = backend if isinstance(backend, Unknown) else self._targets(backend, zones)
        found = []
        for zone in sorted(zones):
            logical = f"{key}/{zone}"
            group: dict[str, Any] = {
                "zone": zone,
                "network": self.network.network,
                "subnetwork": self.network.subnetwork,
                "type": TYPE,
            }
            where = self._add("neg", logical, backend if isinstance(backend, Unknown) else group, origins)
            found.append(model.Ref(where))
            spec = backend if isinstance(backend, Unknown) else _endpoints(where, zone, targets)
            self._add("endpoints", logical, spec, origins)
        return tuple(found)

    def _targets(self, backend: ir.Backend, zones: Sequence[str]) -> dict[str, tuple[str, ...]] | Unknown:
        """By zone: "instance/address:port"."""
        if isinstance(backend.targets, Unknown):
            return backend.targets
        instances = self.network.instances
        if isinstance(instances, Unknown):
            return instances
        found: dict[str, set[str]] = {zone: set() for zone in zones}
        others, outside = 0, []
        for target in backend.targets:
            if ":" in target.address:
                others += 1
                continue
            zone, instance = instances.find(target.address) or (target.zone, target.node)
            if zone in found and instance:
                found[zone].add(f"{instance}/{target.address}:{target.port}")
            else:
                outside.append(target.address)
        self._say_left_out(backend, others, outside)
        return {zone: self._cut(backend, zone, sorted(here)) for zone, here in found.items()}

    def _say_left_out(self, backend: ir.Backend, others: int, outside: Sequence[str]) -> None:
        if others:
            self._say(
                "TargetAddress",
                f"Service {backend.key}: {others} pods have IPv6 addresses and receive no requests; give the pods "
                "IPv4 addresses",
                backend.origin,
            )
        if outside:
            self._say(
                "TargetOutside",
                f"Service {backend.key}: {len(outside)} pods have addresses of no instance in a zone that is served "
                f"({outside[0]} ...) and receive no requests; name the nodes' network and zones in the parameters, and "
                "use a cluster whose pods have alias addresses of their nodes (VPC-native)",
                backend.origin,
            )

    def _cut(self, backend: ir.Backend, zone: str, targets: Sequence[str]) -> tuple[str, ...]:
        if len(targets) > self.quota:
            self._say(
                "TargetQuota",
                f"Service {backend.key}: {len(targets) - self.quota} of {len(targets)} pods in zone {zone} receive no "
                f"requests; a group takes {self.quota} endpoints; use fewer pods, or more Services",
                backend.origin,
            )
        return tuple(targets[: self.quota])

    def _say(self, code: str, message: str, origin: Origin) -> None:
        self.notes.append(Note(level="warning", code=code, message=message, origin=origin))


def _endpoints(group: model.Address, zone: str, targets: Mapping[str, tuple[str, ...]] | Unknown) -> model.Spec:
    """elsewhere: whether the Service has pods in other zones: then the last of this one go only when those serve."""
    if isinstance(targets, Unknown):
        return {"neg": model.Ref(group), "targets": targets, "elsewhere": targets}
    elsewhere = any(found for other, found in targets.items() if other != zone)
    return {"neg": model.Ref(group), "targets": targets[zone], "elsewhere": elsewhere}
