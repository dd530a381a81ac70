"""The desired Graph of one Gateway: a gateway document, its public address, and every child of the document.

`pipeline` calls `build` with what routing, facts and parameters say. Pure and deterministic. Nothing is opened that the
parameters do not name; what could not be seen is Unknown, so that what stands stays. It must never look at what is
observed: facts carry the little that has to be sticky. How the parts hang together:
learn.microsoft.com/azure/application-gateway/application-gateway-components.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.building import tls, treatment
from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Parameters, Unknown
from cloudgw.provider import Facts
from cloudgw.routing import ir
from cloudgw_azure import (
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


def build(
    routing: ir.Routing, found: Facts, wanted: parameters.AzureParameters
) -> tuple[model.Graph, tuple[Note, ...]]:
    network: facts.Network = found.values["network"]
    work = _Work(routing, network, "public" if wanted.public else "private", wanted.not_found)
    work.front(wanted)
    work.children()
    if wanted.not_found is None:
        work.say_not_found()
    return work.graph(), tuple(dict.fromkeys(work.notes))


def lint(routing: ir.Routing) -> tuple[Note, ...]:
    """What an Application Gateway cannot honour of a Gateway: the notes of `build` that need neither a subscription nor
    parameters. Quotas are the defaults, and nothing stands yet."""
    nowhere = Unknown("no subscription was looked at")
    network = facts.Network(
        subscription="", resource_group="", location="", subnet=nowhere, zones=(), private_ip=nowhere, ranges=nowhere
    )
    work = _Work(routing, network, "private", None)
    work.children()
    raw = routing.parameters
    if isinstance(raw, Parameters) and raw.kind == parameters.KIND and not raw.spec.get("notFoundBackend"):
        work.say_not_found()
    return tuple(dict.fromkeys(work.notes))


class _Work:
    """The elements so far. frontend: "public" or "private"; not_found: address and port of what answers 404."""

    def __init__(
        self, routing: ir.Routing, network: facts.Network, frontend: str, not_found: tuple[str, int] | None
    ) -> None:
        self.routing = routing
        self.network = network
        self.frontend = frontend
        self.not_found = not_found
        self.elements: list[model.Element] = []
        self.order: dict[model.Address, tuple[model.Address, ...]] = {}
        self.doubted: set[model.Address] = set()
        self.notes: list[Note] = []
        self.maps = build_maps.Maps()
        self.gateway = model.Ref(self.address("gateway", "lb"))
        self.backends = build_backends.Backends(routing, self.gateway, network.quotas["targets"], network.settings)
        self.contents: set[model.Address] = set()
        self.variants: dict[ir.BackendKey, set[build_actions.Variant]] = {}

    def address(self, kind: str, logical: str) -> model.Address:
        return model.address(self.routing.owner, names.PROVIDER, kind, logical)

    def add(self, kind: str, logical: str, spec: Mapping[str, Any] | Unknown, *origins: Origin) -> model.Address:
        """A child of the document."""
        where = self.address(kind, logical)
        if not isinstance(spec, Unknown):
            spec = {"gateway": self.gateway, **spec}
        self.elements.append(model.Element(address=where, spec=spec, origins=origins or (self.routing.origin,)))
        return where

    def front(self, wanted: parameters.AzureParameters) -> None:
        """The gateway and its address stand even without a listener: an address that is published is not taken away
        because a listener is broken."""
        place = {
            "resource_group": self.network.resource_group,
            "location": self.network.location,
            "zones": self.network.zones,
            "subnet": self.network.subnet,
        }
        public: model.Ref | None = None
        origins = (self.routing.origin,)
        if wanted.public:
            where = self.address("public-ip", "lb")
            public = model.Ref(where, "ready")
            spec: dict[str, Any] = {**place, "tags": dict(wanted.tags)}
            self.elements.append(model.Element(address=where, spec=spec, origins=origins))
        spec = {
            **place,
            "exposure": "Public" if wanted.public else "Internal",
            "public_ip": public,
            "private_ip": None if wanted.public else self.network.private_ip,
            "sku": wanted.sku,
            "capacity": wanted.capacity,
            "http2": wanted.http2,
            "ssl_policy": wanted.tls_policy,
            "tags": dict(wanted.tags),
        }
        if wanted.firewall_policy is not None:
            spec["firewall_policy"] = wanted.firewall_policy
        if wanted.identities is not None:
            spec["identities"] = wanted.identities
        self.elements.append(model.Element(address=self.gateway.to, spec=spec, origins=origins))

    def say_not_found(self) -> None:
        """Nobody is named who answers 404 where no route matches."""
        if self.maps.maps:
            message = (
                f"spec.notFoundBackend of the {parameters.KIND} is not set: where their host is served, requests "
                "that no route matches are answered with 502 instead of 404; name an address that answers 404"
            )
            origin = self.routing.origin
            self.notes.append(Note(level="warning", code="NotFoundIs502", message=message, origin=origin))

    def children(self) -> None:
        served = build_listeners.served(self.routing)
        self.notes += served.notes
        tables = [self.certified(table) for table in served.tables if self.listens(table)]
        network, owner = self.network, self.routing.owner
        self.maps, notes = build_quota.within(
            lambda kept: build_maps.compile_maps(kept, tables, network.standing),
            build_rules.compile_tables(self.routing, tables),
            network,
            self.routing.backends,
            owner,
        )
        self.notes += [*notes, *self.maps.notes]
        places = [(one.table, one.host) for one in self.maps.maps]
        quota = network.quotas["certificates"]
        certificates = build_certificates.certificates(owner, places, self.gateway, quota)
        self.elements += certificates.elements
        self.doubted |= certificates.doubted
        self.notes += certificates.notes
        for port in sorted({one.port for one in self.maps.maps}):
            self.add("frontend-port", str(port), {"port": port})
        for one in self.maps.maps:
            self.map(one, certificates)
        if self.maps.maps:
            self.order[self.gateway.to] = tuple(self.address("rule", one.logical) for one in self.maps.maps)
            self.pools()

    def listens(self, table: ir.Table) -> bool:
        """A listener for HTTPS needs a certificate."""
        if table.protocol != "HTTPS" or build_certificates.usable(table):
            return True
        self.notes.append(tls.none_usable(table))
        return False

    def certified(self, table: ir.Table) -> ir.Table:
        """Without what would answer under the certificate of another listener."""
        standing = self.network.standing
        found, notes = tls.served(table, lambda one: build_rules.stands(one, table, standing))
        self.notes += notes
        return found

    def map(self, one: build_maps.Map, certificates: build_certificates.Certificates) -> None:
        """The listener for one host, its map with all path rules, and the rule that joins them."""
        origins = tuple(dict.fromkeys(listener.origin for listener in one.table.listeners))
        secure = one.table.protocol == "HTTPS"
        listener, where = self.address("listener", one.logical), self.address("path-map", one.logical)
        specs: dict[str, dict[str, Any]] = {
            "listener": {
                "frontend": self.frontend,
                "port": model.Ref(self.address("frontend-port", str(one.port))),
                "protocol": "Https" if secure else "Http",
                "hosts": (one.host,) if one.host else (),
                "certificate": certificates.shown.get((one.port, one.host)) if secure else None,
            },
            "path-map": {"default": self.fixed(build_actions.NOT_FOUND, "exists")},
            "rule": {"listener": model.Ref(listener), "map": model.Ref(where)},
        }
        for kind, spec in specs.items():
            self.add(kind, one.logical, one.doubtful or spec, *origins)
        self.order[where] = tuple(self.row(row, one, where) for row in one.rows)

    def row(self, row: build_maps.Row, one: build_maps.Map, where: model.Address) -> model.Address:
        logical, origin = f"{one.logical}/{row.one.id}", row.one.entry.origin
        if isinstance(row.to, Unknown) and not row.exists:
            return self.add("path-rule", logical, row.to, origin)
        spec: dict[str, Any] = {"map": model.Ref(where), "paths": row.paths, "action": row.to, "rewrite": None}
        if isinstance(row.to, Unknown):
            spec["rewrite"] = row.to
        elif isinstance(row.to, build_actions.Send):
            spec["action"] = self.forward(row.to)
            if row.to.rewrites:
                spec["rewrite"] = model.Ref(self.content("rewrite-set", "w", {"rules": row.to.rewrites}))
        elif isinstance(row.to, build_maps.Lead):
            spec["action"] = {"type": "redirect", "to": model.Ref(self.redirect(row.to))}
        else:
            spec["action"] = self.fixed(row.to, "serving")
        return self.add("path-rule", logical, spec, origin)

    def forward(self, to: build_actions.Send) -> dict[str, Any]:
        self.variants.setdefault(to.backend, set()).add(to.variant)
        pool = build_actions.pool_address(self.routing.owner, to.backend)
        settings = self.address("settings", build_actions.settings_logical(to.backend, to.variant))
        return {"type": "forward", "pool": model.Ref(pool, "serving"), "settings": model.Ref(settings)}

    def fixed(self, what: str, until: Any) -> dict[str, Any]:
        """404 by the backend that the parameters name; everything else, and without it that too, by the empty pool."""
        logical = what if what == build_actions.NOT_FOUND and self.not_found else build_actions.ERROR
        return {
            "type": "forward",
            "pool": model.Ref(self.address("pool", logical), until),
            "settings": model.Ref(self.address("settings", logical)),
        }

    def redirect(self, lead: build_maps.Lead) -> model.Address:
        to = model.Ref(self.address("listener", build_maps.logical(*lead.to))) if lead.to is not None else None
        spec = {
            "type": lead.type,
            "url": lead.url,
            "listener": to,
            "include_path": lead.path,
            "include_query": True,
        }
        return self.content("redirect", "r", spec)

    def content(self, kind: str, letter: str, spec: Mapping[str, Any]) -> model.Address:
        """An element that is known by what it says, however many ask for it."""
        logical = names.logical(letter, model.hash_of(spec))
        where = self.address(kind, logical)
        if where not in self.contents:
            self.contents.add(self.add(kind, logical, spec))
        return where

    def pools(self) -> None:
        """Everything that rules name. Where nobody knows what some of them name, every backend of the input."""
        unknown = any(isinstance(row.to, Unknown) for one in self.maps.maps for row in one.rows)
        keys = set(self.variants) | (set(self.routing.backends) if unknown else set())
        self.backends.fixed(build_actions.ERROR, None)
        if self.not_found is not None:
            self.backends.fixed(build_actions.NOT_FOUND, self.not_found)
        for key in sorted(keys, key=str):
            self.backends.pool(key, self.variants.get(key, ()))
        self.elements += self.backends.elements()
        self.doubted |= self.backends.doubted
        self.notes += self.backends.notes
        self.notes += treatment.all_notes(self.routing, build_policies.refused)

    def graph(self) -> model.Graph:
        return model.graph(
            self.elements,
            order=self.order,
            withdrawn=frozenset(build_actions.pool_address(self.routing.owner, key) for key in self.routing.withdrawn),
            doubted=frozenset(self.doubted),
            unknown=() if self.routing.complete else (f"{self.routing.owner}/{names.PROVIDER}/",),
            known=() if self.routing.complete else self.known(),
        )

    def known(self) -> tuple[str, ...]:
        """Prefixes of the rules of routes of which everything is known."""
        return tuple(
            sorted(
                self.address("path-rule", f"{one.logical}/{build_rules.known_prefix(namespace, name)}")
                for one in self.maps.maps
                for namespace, name in self.routing.known
            )
        )
