"""The desired Graph of one Gateway: an address, its forwarding rules, proxies and URL maps, and what stands behind.

`pipeline` calls `build` with what routing, facts and parameters say. Pure and deterministic. Nothing is opened that the
parameters do not name; what could not be seen is Unknown, so that what stands stays. It must never look at what is
observed: facts carry the little that has to be sticky. How the parts hang together:
cloud.google.com/load-balancing/docs/https, .../l7-internal (architecture), .../forwarding-rule-concepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from cloudgw.building import tls, treatment
from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Parameters, Unknown
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_gcp import (
    build_actions,
    build_backends,
    build_certificates,
    build_listeners,
    build_maps,
    build_policies,
    build_quota,
    build_rules,
    facts,
    names,
    parameters,
)

GLOBAL = build_certificates.GLOBAL
PROBERS = ("130.211.0.0/22", "35.191.0.0/16")  # load-balancing/docs/firewall-rules: probes, and global load balancers


def build(routing: ir.Routing, found: Facts, wanted: parameters.GCPParameters) -> tuple[model.Graph, tuple[Note, ...]]:
    network: facts.Network = found.values["network"]
    work = _Work(routing, network, public=wanted.public)
    work.front(wanted)
    work.children()
    work.proxies(wanted)
    return work.graph(), tuple(dict.fromkeys(work.notes))


def lint(routing: ir.Routing) -> tuple[Note, ...]:
    """What a Google load balancer cannot honour of a Gateway: the notes of `build` that need neither a project nor
    parameters. Quotas are the documented ones, and nothing stands yet; of the parameters only the location counts."""
    nowhere = Unknown("no project was looked at")
    raw = routing.parameters
    known = isinstance(raw, Parameters) and raw.kind == parameters.KIND
    spec: Mapping[str, Any] = raw.spec if known and isinstance(raw, Parameters) else {}
    network = facts.Network(
        project="",
        region="",
        place=GLOBAL if spec.get("location") == "Global" else "region",
        network=nowhere,
        subnetwork=nowhere,
        proxy_ranges=nowhere,
        zones=nowhere,
        instances=nowhere,
    )
    work = _Work(routing, network, public=spec.get("exposure") == "Public")
    work.children()
    return tuple(dict.fromkeys(work.notes))


class _Work:
    """The elements so far. tables: of the ports that listen."""

    def __init__(self, routing: ir.Routing, network: facts.Network, *, public: bool) -> None:
        self.routing = routing
        self.network = network
        self.public = public
        self.elements: list[model.Element] = []
        self.order: dict[model.Address, tuple[model.Address, ...]] = {}
        self.notes: list[Note] = []
        self.tables: list[ir.Table] = []
        self.maps = build_maps.Maps()
        self.quotas = build_quota.limits(network, public=public)
        self.certificates = build_certificates.Certificates()
        self.backends = build_backends.Backends(routing, network, self.exposure, self.quotas["endpoints"])
        self.services: dict[ir.BackendKey, set[build_actions.Variant]] = {}
        self.balancer = model.Ref(self.address("address", "lb"))
        self.fallback = model.Ref(build_actions.service_address(routing.owner, build_actions.NONE))

    @property
    def exposure(self) -> str:
        return "Public" if self.public else "Internal"

    def address(self, kind: str, logical: str) -> model.Address:
        return model.address(self.routing.owner, names.PROVIDER, kind, logical)

    def add(self, kind: str, logical: str, spec: Mapping[str, Any] | Unknown, *origins: Origin) -> model.Ref:
        where = self.address(kind, logical)
        self.elements.append(model.Element(address=where, spec=spec, origins=origins or (self.routing.origin,)))
        return model.Ref(where)

    def say(self, level: Literal["info", "warning", "error"], code: str, message: str, origin: Origin) -> None:
        self.notes.append(Note(level=level, code=code, message=message, origin=origin))

    def front(self, wanted: parameters.GCPParameters) -> None:
        """The address stands even without a listener: one that is published is not taken away because a listener is
        broken. So does the way from the load balancer to the nodes."""
        self.add(
            "address",
            "lb",
            {
                "place": self.network.place,
                "exposure": self.exposure,
                **self.lies(wanted),
                "labels": dict(wanted.labels),
            },
        )
        if not wanted.firewall:
            message = (
                "firewall None: nothing is opened from Google's probers and proxies to the nodes; open it yourself, "
                "or leave the field out"
            )
            self.say("info", "BackendAccessUnmanaged", message, self.routing.origin)
            return
        proxies = self.network.proxy_ranges
        ranges = proxies if isinstance(proxies, Unknown) else tuple(sorted({*PROBERS, *proxies}))
        tags = self.network.tags if isinstance(self.network.tags, Unknown) else tuple(sorted(self.network.tags))
        spec = {"address": self.balancer, "network": self.network.network, "ranges": ranges, "tags": tags}
        self.add("firewall", "lb", spec)

    def lies(self, wanted: parameters.GCPParameters) -> dict[str, Any]:
        """Network, subnetwork and tier of the address and of what listens there."""
        if self.network.place == GLOBAL:
            return {"network": None, "subnetwork": None, "tier": None}
        return {
            "network": self.network.network,
            "subnetwork": None if self.public else self.network.subnetwork,
            "tier": (wanted.tier or "PREMIUM") if self.public else None,
        }

    def children(self) -> None:
        """URL maps with all that is in them, certificates, and what stands behind."""
        network, routing = self.network, self.routing
        served = build_listeners.served(routing)
        self.notes += served.notes
        self.tables = [self.certified(table) for table in served.tables if self.listens(table)]
        found = build_rules.compile_tables(routing, self.tables, regional=network.place != GLOBAL)
        self.maps, notes = build_quota.within(
            lambda kept: build_maps.compile_maps(kept, self.tables, network.standing),
            found,
            network,
            routing,
            public=self.public,
        )
        self.notes += [*notes, *self.maps.notes]
        self.certificates = build_certificates.certificates(
            routing.owner, self.tables, network.place, network.certificates, self.quotas["certificates"]
        )
        self.elements += self.certificates.elements
        self.notes += self.certificates.notes
        for table in self.tables:
            spec = {
                "address": self.balancer,
                "secure": table.protocol == "HTTPS",
                "fallback": self.fallback,
                "extra": "",
            }
            self.add("url-map", str(table.port), spec, *_origins(table))
        for one in self.maps.maps:
            self.matcher(one)
        if self.tables:
            self.pools()

    def listens(self, table: ir.Table) -> bool:
        """A proxy for HTTPS needs a certificate."""
        if table.protocol != "HTTPS" or build_certificates.usable(table, self.network.place):
            return True
        self.notes.append(tls.none_usable(table))
        return False

    def certified(self, table: ir.Table) -> ir.Table:
        """Without what would answer under the certificate of another listener."""
        found, notes = tls.served(table, lambda one: build_certificates.stands(one, self.network.certificates))
        self.notes += notes
        return found

    def matcher(self, one: build_maps.Map) -> None:
        url_map = model.Ref(self.address("url-map", str(one.port)))
        spec = {"url_map": url_map, "hosts": one.hosts, "fallback": self.fallback, "extra": ""}
        matcher = self.add("path-matcher", one.logical, one.doubtful or spec, *_origins(one.table))
        self.order[matcher.to] = tuple(self.row(row, one, url_map, matcher) for row in one.rows)

    def row(self, row: build_maps.Row, one: build_maps.Map, url_map: model.Ref, matcher: model.Ref) -> model.Address:
        logical, origin = f"{one.logical}/{row.id}", row.one.entry.origin
        if isinstance(row.to, Unknown):
            return self.add("route-rule", logical, row.to, origin).to
        spec: dict[str, Any] = {
            "url_map": url_map,
            "matcher": matcher,
            "matches": row.matches,
            "rewrite": None,
            "request": None,
            "response": None,
            "timeout": None,
            "extra": "",
        }
        step = row.step
        if isinstance(row.to, build_actions.Fail):
            spec["action"] = {"type": "fail", "status": row.to.status}
        elif isinstance(row.to, build_actions.Lead):
            spec["action"] = {
                "type": "redirect",
                "host": row.to.host,
                "path": step.value if step.how == "path" else None,
                "prefix": step.value if step.how == "prefix" else None,
                "https": row.to.https,
                "code": row.to.code,
                "strip_query": False,
            }
        else:
            found = {
                "host": row.to.host,
                "prefix": step.value if step.how == "prefix" else None,
                "template": step.value if step.how == "template" else None,
            }
            spec |= {
                "action": self.forward(row.to),
                "rewrite": found if any(found.values()) else None,
                "request": row.to.request,
                "response": row.to.response,
                "timeout": row.to.timeout,
            }
        return self.add("route-rule", logical, spec, origin).to

    def forward(self, to: build_actions.Send) -> dict[str, Any]:
        shares = []
        for share in to.shares:
            self.services.setdefault(share.backend, set()).add(to.variant)
            logical = build_actions.service_logical(share.backend, to.variant)
            backend = model.Ref(build_actions.service_address(self.routing.owner, logical), "serving")
            shares.append({"to": backend, "weight": share.weight, "request": share.request, "response": share.response})
        return {"type": "forward", "shares": tuple(shares), "abort": (to.abort,) if to.abort else None}

    def pools(self) -> None:
        """Everything that rules name. Where nobody knows what some of them name, every backend of the input."""
        if any(isinstance(row.to, Unknown) for one in self.maps.maps for row in one.rows):
            for key in self.routing.backends:
                self.services.setdefault(key, {build_actions.Variant()})
        self.backends.none()
        for key in sorted(self.services, key=str):
            self.backends.service(key, self.services[key])
        self.elements += self.backends.elements()
        self.notes += self.backends.notes
        self.notes += treatment.all_notes(self.routing, build_policies.refused)

    def proxies(self, wanted: parameters.GCPParameters) -> None:
        """What listens on each port."""
        policy: model.Ref | str
        if wanted.tls_policy is not None:
            policy = names.path(self.network.project, self.network.place, "sslPolicies", wanted.tls_policy)
        elif any(table.protocol == "HTTPS" for table in self.tables):
            spec = {"place": self.network.place, "profile": wanted.tls_profile, "min_version": wanted.tls_min}
            policy = self.add("ssl-policy", "tls", spec)
        else:
            policy = ""
        for table in self.tables:
            port, secure, origins = str(table.port), table.protocol == "HTTPS", _origins(table)
            proxy = {
                "address": self.balancer,
                "secure": secure,
                "url_map": model.Ref(self.address("url-map", port)),
                "certificates": self.certificates.shown.get(table.port, ()),
                "ssl_policy": policy if secure else None,
            }
            rule = {
                "address": model.Ref(self.balancer.to, "ready"),
                "port": table.port,
                "secure": secure,
                "global_access": wanted.global_access,
                "exposure": self.exposure,
                **self.lies(wanted),
                "target": self.add("target-proxy", port, proxy, *origins),
                "labels": dict(wanted.labels),
            }
            self.add("forwarding-rule", port, rule, *origins)

    def graph(self) -> model.Graph:
        routing, unknown = self.routing, [f"{self.routing.owner}/{names.PROVIDER}/"]
        if routing.complete:
            unknown = [f"{unknown[0]}{prefix}" for prefix in sorted(set(self.backends.unknown))]
        return model.graph(
            self.elements,
            order=self.order,
            withdrawn=self.withdrawn(),
            doubted=frozenset(self.certificates.doubted) | self.backends.doubted,
            unknown=tuple(unknown),
            known=() if routing.complete else self.known(),
        )

    def withdrawn(self) -> frozenset[model.Address]:
        """The backend services of what is no longer permitted, with the sessions of the rules that named it."""
        found = {str(key) for key in self.routing.withdrawn}
        for table in self.routing.tables:
            for entry in table.entries:
                if isinstance(entry.action, ir.Forward):
                    variant = build_actions.variant_of(entry.action)
                    shares = (share.withdrawn for share in entry.action.shares if share.withdrawn is not None)
                    found |= {build_actions.service_logical(key, variant) for key in shares}
        return frozenset(build_actions.service_address(self.routing.owner, logical) for logical in found)

    def known(self) -> tuple[str, ...]:
        """Prefixes of the rules of routes of which everything is known."""
        return tuple(
            sorted(
                self.address("route-rule", f"{one.logical}/{build_rules.known_prefix(namespace, name)}")
                for one in self.maps.maps
                for namespace, name in self.routing.known
            )
        )


def _origins(table: ir.Table) -> tuple[Origin, ...]:
    return tuple(dict.fromkeys(listener.origin for listener in table.listeners))
