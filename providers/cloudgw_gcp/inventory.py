"""One listing of one Google Cloud project and region: everything of an owner, and what building needs to know.

`pipeline` calls `listing` once per identity and cycle; `observe`, `facts` and `semantics` read its content, which is
plain JSON in Google's own shapes, so that it can be saved to a file. Every collection is one aggregated list; what
costs a call per resource (endpoints, health) is asked only where it changed or decides. A collection that cannot be
read makes the inventory incomplete (then nothing is created or deleted); what only building needs (networks, machines)
and what belongs to one group (endpoints, health) is Unknown instead. No credentials or no endpoint at all raises. Must
never write, and keeps nothing of what others own but the names of what refers to ours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Inventory, Placement, attempt
from cloudgw_gcp import calls, document_parts, failures, inventory_networks, names, parameters

COLLECTIONS = (
    "addresses",
    "forwardingRules",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
    "backendServices",
    "healthChecks",
    "networkEndpointGroups",
    "sslCertificates",
    "sslPolicies",
)
USED_BY = ("users", "usedBy")  # members in which a resource names who refers to it

Json = Mapping[str, Any]


def listing(read: calls.Read, scope: Sequence[parameters.GCPParameters], owner: str, began: float) -> Inventory:
    """All parts, each on its own. scope: whose networks matter.

    content: {"owner", "project", "region", <each of COLLECTIONS and "firewalls">: [GET documents of ours in this
    placement, by path], "users": {path of ours: [paths of foreign resources that refer to it]}, "endpoints": {path of
    a group: ["<instance>/<ip>:<port>"]}, "health": {path of a backend service: {path of a group: [healthStatus]}},
    "networks", "subnetworks", "instances", "zones": as `inventory_networks` says, "unread": {"networks" (and
    subnetworks), "instances" (and zones), path of a group or of a backend service: why it could not be read}}.
    """
    work = _Listing(read, owner)
    for collection in COLLECTIONS:
        work.part(collection, functools.partial(work.collection, collection))
    work.part("firewalls", work.firewalls)
    work.endpoints()
    for service, group in deciding(work.content, owner, read.region):
        work.health(service, group)
    networks = {item.network for item in scope}
    work.known("networks", lambda: work.content.update(inventory_networks.networks(read, networks)))
    work.known("instances", lambda: work.content.update(inventory_networks.instances(read, networks)))
    return Inventory(
        placement=scope[0].settings.placement if scope else Placement(names.PROVIDER),
        content=work.content,
        incomplete=tuple(work.incomplete),
        began=began,
    )


class _Listing:
    """The parts read so far."""

    def __init__(self, read: calls.Read, owner: str) -> None:
        self.read = read
        self.owner = owner
        self.incomplete: list[str] = []
        self.mine: set[str] = set()  # paths
        self.content: dict[str, Any] = {
            "owner": owner,
            "project": read.project,
            "region": read.region,
            **{collection: [] for collection in (*COLLECTIONS, "firewalls")},
            "users": {},
            "endpoints": {},
            "health": {},
            "networks": [],
            "subnetworks": [],
            "instances": [],
            "zones": [],
            "unread": {},
        }
        self._foreign: dict[str, set[str]] = {}  # path that is referred to -> paths of those who are not ours

    def part(self, what: str, step: Callable[[], Any]) -> None:
        """One part. What Google refuses or fails to answer is a reason, what never reached Google is raised."""
        failure = attempt(step, failures.classify, failures.UNREACHABLE)
        if failure is not None:
            self.incomplete.append(f"{what}: {failure.text}")

    def known(self, what: str, step: Callable[[], Any]) -> None:
        """A part without which everything else may still be created and deleted: it is Unknown itself."""
        failure = attempt(step, failures.classify, failures.UNREACHABLE)
        if failure is not None:
            self.content["unread"][what] = failure.text

    def collection(self, collection: str) -> None:
        """One list shows whole documents, but for endpoints: compute/docs/reference/rest/v1/urlMaps/aggregatedList."""
        found, problems = self.read.everything(collection)
        self.incomplete += problems
        self._keep(collection, found)

    def firewalls(self) -> None:
        self._keep("firewalls", self.read.items("firewalls", names.GLOBAL))

    def _keep(self, collection: str, found: Sequence[dict[str, Any]]) -> None:
        ours = [item for item in found if self._is_ours(item)]
        self.content[collection] = sorted(ours, key=path_of)
        self.mine.update(map(path_of, ours))
        for item in found:
            user = path_of(item)
            if user not in self.mine:
                for path in links(item):
                    self._foreign.setdefault(path, set()).add(user)
            for path in users(item):
                self._foreign.setdefault(user, set()).add(path)
        self.content["users"] = {
            path: sorted(others)
            for path in sorted(self.mine & set(self._foreign))
            if (others := self._foreign[path] - self.mine)
        }

    def _is_ours(self, item: Json) -> bool:
        return names.record_in(item, self.owner, self.read.region) is not None

    def sizes(self) -> dict[str, int]:
        return {path_of(item): int(item.get("size") or 0) for item in self.content["networkEndpointGroups"]}

    def endpoints(self) -> None:
        """Of each group as asked for last; one that should have been asked and did not answer is missing: nothing is
        known of its members."""
        due = self.read.members.due(self.sizes())
        for path in due:
            self.known(path, functools.partial(self.read.endpoints, path))
        for path in sorted(self.sizes().keys() - self.content["unread"].keys()):
            found = self.read.members.last(path)
            if found is not None:
                self.content["endpoints"][path] = found

    def health(self, service: str, group: str) -> None:
        """A report that could not be had is an empty one: what nobody called healthy must not get requests."""
        reports = self.content["health"].setdefault(service, {})
        self.known(service, lambda: reports.update({group: self.read.health(service, group)}))


def deciding(content: Json, owner: str, region: str) -> list[tuple[str, str]]:
    """(backend service, group) whose health decides something: paths.

    Where a new backend service is being warmed, or one replaces another, or a load balancer replaces another. A report
    costs a call for each group (compute/docs/reference/rest/v1/backendServices/getHealth), so no other is asked.
    """
    recorded = functools.partial(_address, owner=owner, region=region)
    standing = _count(recorded(item) for item in content["backendServices"])
    doubled = {
        model.owner_of(where) for where, n in _count(map(recorded, content["addresses"])).items() if where and n > 1
    }
    warmed = {path for item in content["urlMaps"] for rule in warm_rules(item) for path in links(rule)}
    found: list[tuple[str, str]] = []
    for item in content["backendServices"]:
        where = recorded(item)
        if path_of(item) in warmed or standing[where] > 1 or model.owner_of(where) in doubled:
            found += [(path_of(item), names.path_of(backend["group"])) for backend in item.get("backends") or ()]
    return found


def warm_rules(url_map: Json) -> Iterator[Json]:
    """Route rules of ours that only attach backend services."""
    for key, matcher in document_parts.matchers(url_map):
        for own, rule in document_parts.rules(key, matcher) if key is not None else ():
            if own is not None and document_parts.is_warm(own[0]):
                yield rule


def path_of(item: Json) -> str:
    return names.path_of(str(item["selfLink"]))


def links(value: Any) -> Iterator[str]:
    """Paths of everything that a document refers to, at any depth; what refers to it is left out."""
    if isinstance(value, Mapping):
        for member, inside in value.items():
            if member not in ("selfLink", "region", "zone", *USED_BY):
                yield from links(inside)
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from links(inside)
    elif isinstance(value, str) and value.startswith("https://"):
        yield names.path_of(value)


def users(item: Json) -> Iterator[str]:
    """Paths of what refers to a resource, as far as it says so itself: `users` of an address, `usedBy` of a backend
    service."""
    for member in USED_BY:
        for user in item.get(member) or ():
            yield names.path_of(str(user["reference"] if isinstance(user, Mapping) else user))


def _address(item: Json, *, owner: str, region: str) -> model.Address:
    record = names.record_in(item, owner, region)
    return record.address if record is not None else ""


def _count(found: Iterator[str] | map[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for one in found:
        counted[one] = counted.get(one, 0) + 1
    return counted
