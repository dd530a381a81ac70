"""How many targets of a pool answer, by Azure's report, or by its use where no report was asked for.

`observe` uses it. Pure. Azure probes a pool with certain settings only while a rule uses both
(learn.microsoft.com/azure/application-gateway/application-gateway-probe-overview), and its report takes tens of
seconds (learn.microsoft.com/rest/api/application-gateway/application-gateways/backend-health): it is asked only when it
decides something. Where it was not, a pool that a rule uses counts as serving, and one that none uses does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudgw_azure import shapes_backends
from cloudgw_azure.shapes_values import id_in

Json = Mapping[str, Any]
UP = (
    "up",
    "healthy",
)  # the REST reference has the one, answers shown in .../application-gateway-backend-health the other


class Health:
    """report: {"backendAddressPools": [{"backendAddressPool": {"id"}, "backendHttpSettingsCollection": [{"servers":
    [{"address", "health"}]}]}]}, or None."""

    def __init__(self, properties: Json, report: Json | None) -> None:
        self._attached = {name.casefold() for name in _attached(properties)}
        self._report = None if report is None else _answering(report)

    def outputs(self, pool: Json) -> dict[str, Any]:
        """healthy, targets: counts of the pool's members; attached: a rule uses it."""
        members = set(shapes_backends.read_targets(pool.get("properties") or {}))
        name = str(pool["name"]).casefold()
        attached = name in self._attached
        if self._report is not None:
            healthy = len(members & self._report.get(name, set()))
        else:
            healthy = len(members) if attached else 0
        return {"targets": len(members), "healthy": healthy, "attached": attached}


def _attached(properties: Json) -> Iterable[str]:
    """Names of pools that some rule sends requests to."""
    maps = {
        id_in(rule.get("properties") or {}, "urlPathMap").casefold() for rule in _all(properties, "requestRoutingRules")
    }
    for rule in _all(properties, "requestRoutingRules"):
        yield _name(id_in(rule.get("properties") or {}, "backendAddressPool"))
    for one in _all(properties, "urlPathMaps"):
        inside = one.get("properties") or {}
        if not any(used.endswith(f"/urlpathmaps/{one['name']}".casefold()) for used in maps):
            continue
        yield _name(id_in(inside, "defaultBackendAddressPool"))
        for rule in inside.get("pathRules") or ():
            yield _name(id_in(rule.get("properties") or {}, "backendAddressPool"))


def _answering(report: Json) -> dict[str, set[str]]:
    """Pool's name in lower case -> its members that are up with every settings they are used with."""
    found: dict[str, set[str]] = {}
    for entry in report.get("backendAddressPools") or ():
        pairs = entry.get("backendHttpSettingsCollection") or ()
        up = [{str(s.get("address")) for s in pair.get("servers") or () if _is_up(s)} for pair in pairs]
        found[_name(id_in(entry, "backendAddressPool")).casefold()] = set.intersection(*up) if up else set()
    return found


def _is_up(server: Json) -> bool:
    return str(server.get("health") or "").casefold() in UP


def _all(properties: Json, collection: str) -> Iterable[Json]:
    found: Iterable[Json] = properties.get(collection) or ()
    return found


def _name(identity: str) -> str:
    return identity.rpartition("/")[2]
