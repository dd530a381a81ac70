"""Pools, their targets, the settings with which they are spoken to, probes and trusted roots of one Gateway.

`build` uses it. Pure. An Application Gateway keeps the port and the TLS towards targets in the settings, one number for
all targets of a pool, and checks a target only where a rule names pool and settings together
(learn.microsoft.com/azure/application-gateway/ configuration-http-settings, application-gateway-probe-overview). What
is not known of a Service is Unknown exactly there. Must never send to a target on a port that is not its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from cloudgw.building import treatment
from cloudgw.graph import model
from cloudgw.objects import Note, Origin, Unknown
from cloudgw.routing import ir
from cloudgw_azure import build_actions, build_policies, names

LOOPBACK = "127.0.0.1"  # the host of default probes (application-gateway-probe-overview)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def roots(tls: ir.BackendTLS) -> dict[str, str]:
    """Logical id -> base64 DER of each certificate of each authority; none where well-known ones are trusted."""
    found: dict[str, str] = {}
    for _, pem in tls.authorities:
        for block in _PEM.findall(pem):
            data = "".join(block.split())
            found[names.logical("ca", hashlib.sha256(data.encode()).hexdigest()[:16])] = data
    return found


class Backends:
    """The elements so far. logical ids: of a pool and its targets one, of settings one for each variant."""

    def __init__(self, routing: ir.Routing, gateway: model.Ref, quota: int, standing: frozenset[str]) -> None:
        """standing: logical ids of the settings that stand."""
        self.routing = routing
        self.gateway = gateway
        self.quota = quota
        self.standing = standing
        self.made: dict[model.Address, model.Element] = {}
        self.doubted: set[model.Address] = set()
        self.notes: list[Note] = []

    def elements(self) -> list[model.Element]:
        return [self.made[where] for where in sorted(self.made)]

    def address(self, kind: str, logical: str) -> model.Address:
        return model.address(self.routing.owner, names.PROVIDER, kind, logical)

    def _add(self, kind: str, logical: str, spec: model.Spec | Unknown, origins: Sequence[Origin]) -> model.Address:
        where = self.address(kind, logical)
        if not isinstance(spec, Unknown):
            spec = {"gateway": self.gateway, **spec}
        self.made.setdefault(where, model.Element(address=where, spec=spec, origins=tuple(origins)))
        return where

    def fixed(self, logical: str, at: tuple[str, int] | None) -> None:
        """A pool that is no Service's. at: address and port; None: it is empty and answers 502."""
        port = at[1] if at else 80
        self._pool(logical, port, "Http", (at[0],) if at else (), (self.routing.origin,))
        self._settings(logical, port, None, build_actions.Variant(), (self.routing.origin,))

    def pool(self, key: ir.BackendKey, variants: Iterable[build_actions.Variant]) -> None:
        """The pool of a Service port with the plain settings, and what else its rules ask for."""
        backend = self.routing.backends.get(key, Unknown(f"Service port {key} is not among the input"))
        logical = build_actions.pool_logical(key)
        wanted = sorted({build_actions.Variant(), *variants}, key=lambda one: (one.timeout, one.cookie, one.host))
        if isinstance(backend, Unknown):
            for kind in ("pool", "targets"):
                self._add(kind, logical, backend, ())
            for variant in wanted:
                self._add("settings", build_actions.settings_logical(key, variant), backend, ())
            return
        origins = (backend.origin,)
        port: int | Unknown = backend.port_number or Unknown(f"no target port of Service {key} is known")
        protocol: str | Unknown = "Https" if backend.tls is not None else "Http"
        if isinstance(backend.tls, Unknown):
            protocol = backend.tls
        self._pool(logical, port, protocol, self._targets(backend), origins)
        for variant in wanted:
            logical = build_actions.settings_logical(key, variant)
            if isinstance(backend.tls, Unknown):
                self._add("settings", logical, backend.tls, origins)
            else:
                policy = treatment.of(self.routing, key, logical in self.standing)
                probe = self._probe_of(key, backend.tls, policy)
                self._settings(logical, port, backend.tls, variant, origins, policy, probe)
                if treatment.is_unseen(self.routing, key):
                    self.doubted.add(self.address("settings", logical))

    def _pool(
        self,
        logical: str,
        port: int | Unknown,
        protocol: str | Unknown,
        targets: tuple[str, ...] | Unknown,
        origins: Sequence[Origin],
    ) -> None:
        where = self._add("pool", logical, {"port": port, "protocol": protocol}, origins)
        self._add("targets", logical, {"pool": model.Ref(where), "targets": targets}, origins)

    def _settings(
        self,
        logical: str,
        port: int | Unknown,
        tls: ir.BackendTLS | None,
        variant: build_actions.Variant,
        origins: Sequence[Origin],
        policy: ir.BackendPolicy | Unknown | None = None,
        probe: model.Address | Unknown | None = None,
    ) -> None:
        """sni: what the certificate is checked against, without regard to the Host header (ssl-overview)."""
        sni = tls.hostname if tls is not None else ""
        probe = probe or self._probe(sni)
        affinity: str | Unknown = variant.cookie
        draining: int | Unknown = build_policies.DRAINING
        if isinstance(policy, Unknown):
            affinity, draining = affinity or policy, policy
        elif policy is not None:
            affinity = affinity or build_policies.cookie(policy)
            draining = policy.drain if policy.drain is not None else draining
        spec = {
            "port": port,
            "protocol": "Https" if tls is not None else "Http",
            "timeout": variant.timeout,
            "affinity": affinity,
            "host": variant.host,
            "probe": probe if isinstance(probe, Unknown) else model.Ref(probe),
            "roots": tuple(model.Ref(where) for where in self._roots(tls)),
            "sni": sni,
            "draining": draining,
        }
        self._add("settings", logical, spec, origins)

    def _probe(self, sni: str) -> model.Address:
        """One for plain HTTP, one for each name that is asked for with TLS: the host of a probe is its server name."""
        logical = names.logical("https", sni) if sni else "http"
        spec = {"protocol": "Https" if sni else "Http", "host": sni or LOOPBACK, **build_policies.PROBE}
        return self._add("probe", logical, spec, (self.routing.origin,))

    def _probe_of(
        self, key: ir.BackendKey, tls: ir.BackendTLS | None, policy: ir.BackendPolicy | Unknown | None
    ) -> model.Address | Unknown | None:
        """The probe of a Service port whose policy asks for another one, under a name of its own: what is changed in
        the policy is changed in place. None: it has none of its own."""
        if not isinstance(policy, ir.BackendPolicy):
            return policy
        if not build_policies.asks(policy.check):
            return None
        sni = tls.hostname if tls is not None else ""
        spec = {"protocol": "Https" if sni else "Http", "host": sni or LOOPBACK, **build_policies.probe(policy.check)}
        return self._add("probe", names.logical("of", build_actions.pool_logical(key)), spec, (policy.origin,))

    def _roots(self, tls: ir.BackendTLS | None) -> list[model.Address]:
        if tls is None:
            return []
        origins = (tls.origin,)
        return sorted(self._add("trusted-root", name, {"data": data}, origins) for name, data in roots(tls).items())

    def _targets(self, backend: ir.Backend) -> tuple[str, ...] | Unknown:
        if isinstance(backend.targets, Unknown):
            return backend.targets
        there = [target for target in backend.targets if ":" not in target.address]
        found = sorted({target.address for target in there if target.port == backend.port_number})
        if len(there) < len(backend.targets):
            self._say(
                "TargetAddress",
                f"Service {backend.key}: {len(backend.targets) - len(there)} pods have IPv6 addresses and receive no "
                "requests; an Application Gateway reaches IPv4 pods only; give the pods IPv4 addresses",
                backend.origin,
            )
        if others := sorted({target.port for target in there} - {backend.port_number}):
            self._say(
                "TargetPort",
                f"Service {backend.key}: pods on port {', '.join(map(str, others))} receive no requests; the settings "
                f"of an Application Gateway have one port for all, {backend.port_number}, that of most pods; let all "
                "pods listen on one port",
                backend.origin,
            )
        if len(found) > self.quota:
            self._say(
                "TargetQuota",
                f"Service {backend.key}: {len(found) - self.quota} of {len(found)} pods receive no requests; a pool "
                f"takes {self.quota} targets; use fewer pods, or more Services",
                backend.origin,
            )
        return tuple(found[: self.quota])

    def _say(self, code: str, message: str, origin: Origin) -> None:
        self.notes.append(Note(level="warning", code=code, message=message, origin=origin))
