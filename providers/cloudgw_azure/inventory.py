"""One listing of one Azure subscription: everything of an owner, and what building needs to know.

`pipeline` calls `listing` once per identity and cycle; `observe`, `facts` and `semantics` read its content, which is
plain JSON in Azure's own shapes, so that it can be saved to a file. A part that cannot be read makes the inventory
incomplete (then nothing is created or deleted), but for a network: nothing of ours is in it, so that only `facts` of
its Gateways miss it. No credentials or no endpoint at all raises. Must never write, and keeps nothing of what others
own but the private addresses that their gateways hold in our subnets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Inventory, Placement, attempt
from cloudgw_azure import calls, failures, kinds_paths, names, parameters


def listing(read: calls.Read, scope: Sequence[parameters.AzureParameters], owner: str, began: float) -> Inventory:
    """All parts, each on its own. scope: whose networks matter.

    content: {"owner", "subscription", "gateways": [documents of ours], "public_ips": [ours], "networks": {id in lower
    case: document}, "unread": {id in lower case: why that network could not be read}, "health": {gateway's id in lower
    case: answer}, "private_ips": {subnet's id in lower case: [...]}}.
    """
    work = _Listing(read, owner)
    work.part("application gateways", work.gateways)
    work.part("public IP addresses", work.public_ips)
    for network in sorted({item.subnet.network_id(read.subscription) for item in scope}):
        work.network(network)
    for document in deciding(work.content["gateways"], owner):
        work.part(f"health of {document['name']}", functools.partial(work.health, document))
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
        self.content: dict[str, Any] = {
            "owner": owner,
            "subscription": read.subscription,
            "gateways": [],
            "public_ips": [],
            "networks": {},
            "unread": {},
            "health": {},
            "private_ips": {},
        }

    def part(self, what: str, step: Callable[[], None]) -> None:
        """One part. What Azure refuses or fails to answer is a reason, what never reached Azure is raised."""
        failure = attempt(step, failures.classify, failures.UNREACHABLE)
        if failure is not None:
            self.incomplete.append(f"{what}: {failure.text}")

    def gateways(self) -> None:
        """One list shows whole documents: rest/api/application-gateway/application-gateways/list-all."""
        for document in self.read.gateways():
            for subnet, address in private_addresses(document):
                self.content["private_ips"].setdefault(subnet, []).append(address)
            if self._is_ours(document):
                self.content["gateways"].append(document)
        self.content["gateways"].sort(key=_id)
        self.content["private_ips"] = {key: sorted(set(of)) for key, of in sorted(self.content["private_ips"].items())}

    def public_ips(self) -> None:
        self.content["public_ips"] = sorted(filter(self._is_ours, self.read.public_ips()), key=_id)

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        """What stands in another region of the subscription belongs to another placement, also of the same Gateway."""
        where = str(item.get("location") or "").replace(" ", "").lower()
        here = not self.read.location or where in (self.read.location, "")
        return here and names.ours(item.get("tags"), self.owner) is not None

    def network(self, network: str) -> None:
        """One that does not exist, or is not shown to us, is for `facts` to say where it matters. It may lie in a
        subscription in which our credentials are nothing."""
        try:
            found = self.read.network(network)
        except Exception as problem:
            failure = failures.classify(problem)
            if failure is None:
                raise
            self.content["unread"][network.lower()] = failure.text
            return
        if found is not None:
            self.content["networks"][network.lower()] = about(found)

    def health(self, document: Mapping[str, Any]) -> None:
        """Of a gateway that does not run yet the answer is known: nothing serves."""
        answer: Mapping[str, Any] = {"backendAddressPools": []}
        if document["properties"].get("operationalState", "Running") == "Running":
            answer = self.read.health(*calls.place_of(document["id"]))
        self.content["health"][_id(document)] = answer


def about(network: Mapping[str, Any]) -> dict[str, Any]:
    """Ranges and subnets of a virtual network, in Azure's shape. Whoever else uses its subnets (thousands, perhaps) is
    left out."""
    return {
        **{name: network[name] for name in ("id", "name", "location")},
        "properties": {
            "addressSpace": network["properties"]["addressSpace"],
            "subnets": [
                {"id": subnet["id"], "name": subnet["name"], "properties": _prefixes(subnet["properties"])}
                for subnet in network["properties"].get("subnets") or ()
            ],
        },
    }


def _prefixes(subnet: Mapping[str, Any]) -> dict[str, Any]:
    return {name: subnet[name] for name in ("addressPrefix", "addressPrefixes") if subnet.get(name)}


def deciding(gateways: Sequence[Mapping[str, Any]], owner: str) -> list[Mapping[str, Any]]:
    """Gateways whose health decides something: a new pool is being warmed there, or one replaces another.

    A report takes Azure tens of seconds (application-gateway/application-gateway-backend-health), so no other is asked.
    """
    standing: dict[str, int] = {}
    for document in gateways:
        key = _address(document, owner)
        standing[key] = standing.get(key, 0) + 1
    return [
        document
        for document in gateways
        if standing[_address(document, owner)] > 1
        or any(path.startswith(kinds_paths.WARM_PATH) for path in paths(document))
    ]


def paths(document: Mapping[str, Any]) -> Iterator[str]:
    """Every path of every path rule of a gateway."""
    for item in document["properties"].get("urlPathMaps") or ():
        for rule in item["properties"].get("pathRules") or ():
            yield from rule["properties"].get("paths") or ()


def private_addresses(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(id of the subnet in lower case, address) of every private frontend of a gateway."""
    for item in document["properties"].get("frontendIPConfigurations") or ():
        properties = item["properties"]
        if properties.get("privateIPAddress") and properties.get("subnet"):
            yield properties["subnet"]["id"].lower(), properties["privateIPAddress"]


def _address(document: Mapping[str, Any], owner: str) -> model.Address:
    record = names.ours(document.get("tags"), owner)
    return record.address if record is not None else ""


def _id(document: Mapping[str, Any]) -> str:
    return str(document["id"]).lower()
