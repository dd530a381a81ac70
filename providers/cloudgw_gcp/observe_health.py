"""How many endpoints of a backend service answer, by Google's report, or by its use where no report was asked for.

`observe` uses it. Pure. Google probes a backend service only while a forwarding rule leads to it, through a proxy and a
URL map (cloud.google.com/load-balancing/docs/health-check-concepts), and a report costs one call per group of endpoints
(cloud.google.com/compute/docs/reference/rest/v1/backendServices/getHealth): it is asked for only where it decides
something. Where it was not, an attached backend service counts as serving, and any other does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudgw_gcp import document_pins, names

Json = Mapping[str, Any]
HEALTHY = "HEALTHY"


class Health:
    """documents: ours by path. content: "endpoints" {group: ["instance/ip:port"]} and "health" {backend service:
    {group: [{"ipAddress", "port", "healthState"}]}}, all by path."""

    def __init__(self, content: Json, documents: Mapping[str, Json]) -> None:
        self._documents = documents
        self._attached = attached(documents)
        self._endpoints: Mapping[str, list[str]] = content.get("endpoints") or {}
        self._reports: Mapping[str, Mapping[str, list[Json]]] = content.get("health") or {}

    def outputs(self, path: str, service: Json) -> dict[str, Any]:
        """healthy, targets: counts over all groups of a backend service; attached: requests can come to it.

        A group of ours whose endpoints could not be listed counts for what a report says of it, else as one target.
        """
        groups = [names.path_of(one["group"]) for one in service.get("backends") or ()]
        report = self._reports.get(path)
        listed = {group: self._members(group, report) for group in groups}
        targets = sum(len(members) for members in listed.values())
        if report is not None:
            healthy = sum(len(_answering(listed[group], report.get(group) or ())) for group in listed)
        else:
            healthy = targets if path in self._attached else 0
        return {"healthy": healthy, "targets": targets, "attached": path in self._attached}

    def _members(self, group: str, report: Mapping[str, list[Json]] | None) -> set[str]:
        if group in self._endpoints or group not in self._documents:
            return set(self._endpoints.get(group) or ())
        if report is None:
            return {group}
        return {f"/{item.get('ipAddress')}:{item.get('port')}" for item in report.get(group) or ()}


def attached(documents: Mapping[str, Json]) -> frozenset[str]:
    """Paths of what URL maps name that proxies use to which forwarding rules lead, all of them among the documents."""
    proxies = {names.path_of(one["target"]) for path, one in documents.items() if _is(path, "forwardingRules", one)}
    maps = {names.path_of(str(documents[path].get("urlMap") or "")) for path in proxies if path in documents}
    return frozenset(
        service for path in maps if path in documents for service in document_pins.services(documents[path])
    )


def _is(path: str, collection: str, document: Json) -> bool:
    return names.place_of(path)[0] == collection and bool(document.get("target"))


def _answering(members: set[str], report: Iterable[Json]) -> set[str]:
    """The members that the report calls healthy. It names instances by links, members by names."""
    up = {f"{item.get('ipAddress')}:{item.get('port')}" for item in report if item.get("healthState") == HEALTHY}
    return {member for member in members if member.partition("/")[2] in up}
