"""How many bytes the parts of one Application Gateway take in the PUT that writes it, guessed from above.

`build_quota` adds them up, because Resource Manager takes a request of 4 MB and refuses a larger one whole
(Azure/azure-resource-manager-rpc#138; RequestContentTooLarge). Pure. A guess must never be too small: names have their
longest form, a reference is a whole ARM id, and a certificate is sent with its bytes as if it were new.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.routing import ir
from cloudgw_azure import build_actions, build_maps, facts, names

NAME = 25  # characters of a child's name beside its logical id: names.child
PORT = 7  # and of a pool's, its port
COLLECTION = 32  # the longest name of a collection in an id, with its slashes
CERTIFICATE = 22_000  # 16 KB as base64 (application-gateway-limits) and a password
TARGET = 20  # characters beside the address of a target
RULE = 50  # of a path rule: keys, quotes
MEMBERS = 250  # likewise of another small child, and numbers
SETTINGS = 700  # likewise
FRONT = 24_000  # the gateway's own members, and tags of the largest size


class Sizes:
    """owner: "namespace/gateway". Sizes in bytes of JSON as the SDK writes it: ASCII, a blank after comma and colon."""

    def __init__(self, network: facts.Network, owner: str) -> None:
        where = model.address(owner, names.PROVIDER, "gateway", "lb")
        name = names.resource_name("", where, "x" * 10)
        scope = f"/subscriptions/{network.subscription}/resourceGroups/{network.resource_group}/providers"
        self._gateway = len(f"{scope}/Microsoft.Network/applicationGateways/{name}")

    def reference(self, logical: int = names.LOGICAL_LIMIT) -> int:
        """logical: length of the logical id."""
        return self._gateway + COLLECTION + NAME + logical + len('"redirectConfiguration": {"id": ""}, ')

    def row(self, row: build_maps.Row, one: build_maps.Map) -> int:
        """A path rule: its name, its id as a GET gives it, its paths, and references to pool, settings and rewrite set,
        or to a redirect."""
        to, name = row.to, NAME + len(row.one.id)
        if isinstance(to, build_actions.Send):
            refers = self.reference(len(build_actions.pool_logical(to.backend)) + PORT)
            refers += self.reference(len(build_actions.settings_logical(to.backend, to.variant)))
            refers += self.reference() if to.rewrites else 0
        elif isinstance(to, str):
            refers = 2 * self.reference(len(to) + PORT)
        else:
            refers = 2 * self.reference()
        return RULE + len(json.dumps(row.paths)) + self.reference(len(one.logical)) + 2 * name + refers

    def site(self, one: build_maps.Map) -> int:
        """Listener, map and rule of a host, with eleven ids between them."""
        return 3 * MEMBERS + 11 * self.reference(len(one.logical)) + 2 * len(one.host)

    def backend(self, backend: ir.Backend | Unknown | None, limit: int) -> int:
        """Pool with targets and the plain settings. limit: targets of a pool."""
        found = MEMBERS + 2 * self.reference()
        if isinstance(backend, ir.Backend) and not isinstance(backend.targets, Unknown):
            found += sum(TARGET + len(target.address) for target in backend.targets[:limit])
        return found + self.settings()

    def settings(self) -> int:
        """And its probe."""
        return 2 * SETTINGS + 4 * self.reference()

    def root(self, data: str) -> int:
        return MEMBERS + len(data) + 2 * self.reference()  # its own id, and that in the settings

    def content(self, what: object) -> int:
        """A redirect or a rewrite set."""
        return SETTINGS + 2 * self.reference() + 2 * len(repr(what))

    def certificates(self, maps: Collection[build_maps.Map]) -> int:
        held = {
            (one.namespace, one.name)
            for found in maps
            for listener in found.table.listeners
            for one in listener.certificates
            if one.state != "refused"
        }
        secure = sum(1 for one in maps if one.table.protocol == "HTTPS")
        return min(len(held), secure) * (CERTIFICATE + MEMBERS + self.reference())
