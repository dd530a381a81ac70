"""The inventory as a Graph: which of our elements stand, in which incarnation, and what of others is in their way.

`pipeline` calls `observe` after each listing. Pure. Ownership of a gateway and a public IP comes from the record in
their tags, that of a gateway's children from their names alone; a child without such a name is foreign: its position is
marked as taken, and it is named on the gateway it would go along with. What is written by the commit must be read back
here equal, field by field. A child whose content is not what its suffix was made of was changed by somebody: it is
shown as an incarnation of its own, "<suffix>-drifted", so that it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Inventory, Record
from cloudgw_azure import (
    calls,
    document_anchor,
    document_pins,
    kinds,
    kinds_address,
    kinds_commit,
    names,
    observe_health,
    shapes,
    shapes_backends,
    shapes_front,
)
from cloudgw_azure.document_order import STEP
from cloudgw_azure.document_parts import parts_of
from cloudgw_azure.shapes_values import Until

Content = Mapping[str, Any]


def observe(inventory: Inventory, owner: str) -> model.Graph:
    """All elements of the owner. outputs: id, state, position, healthy, targets, attached, foreign, dns, map, cluster,
    gateway. busy and failed: groups by the gateway's provisioningState."""
    content = inventory.content
    addresses = _public_ips(content, owner)
    elements = [element for element, _ in addresses.values()]
    taken: dict[str, tuple[int, ...]] = {}
    busy, failed = set(), set()
    for found in content["gateways"]:
        record = names.ours(found.get("tags"), owner)
        if record is None or model.kind_of(record.address) != "gateway":
            continue
        view = _Gateway(found, record, owner, content, addresses)
        elements.extend(view.elements())
        taken.update(view.taken())
        if view.state in kinds_commit.BUSY:
            busy.add(view.group)
        if view.state == "Failed":
            failed.add(view.group)
    return model.graph(elements, taken=taken, busy=frozenset(busy), failed=frozenset(failed))


def _public_ips(content: Content, owner: str) -> dict[str, tuple[model.Element, str]]:
    """ARM id in lower case -> (element, address as people write it)."""
    found = {}
    for item in content["public_ips"]:
        record = names.ours(item.get("tags"), owner)
        if record is None or model.kind_of(record.address) != "public-ip":
            continue
        properties = item.get("properties") or {}
        outputs = {
            "id": item["id"],
            "state": properties.get("provisioningState") or "",
            "dns": properties.get("ipAddress") or "",
            "cluster": record.cluster,
            "gateway": record.gateway,
        }
        element = model.Element(
            address=record.address, spec=kinds_address.read(item), name=record.suffix, outputs=outputs
        )
        found[str(item["id"]).casefold()] = (element, str(outputs["dns"]))
    return found


class _Gateway:
    """One document. Drift is found first, so that every reference can name the incarnation it means."""

    def __init__(
        self,
        found: Content,
        record: Record,
        owner: str,
        content: Content,
        addresses: Mapping[str, tuple[model.Element, str]],
    ) -> None:
        self.found, self.record = found, record
        self.id = str(found["id"])
        self.properties: Content = found.get("properties") or {}
        self.state = str(self.properties.get("provisioningState") or "")
        self.people = model.owner_of(record.address)
        self.mark = names.mark(owner, self.people)
        self.me = model.Ref(record.address, "exists", record.suffix)
        self.group = f"document:{self.me.key}"
        self.addresses = addresses
        self.fingerprints = names.fingerprints(found.get("tags"))
        self.health = observe_health.Health(self.properties, _report(content, self.id))
        self.pins = document_pins.pins(self.id, self.properties, self.mark)
        self.drifted: set[str] = set()  # names of children in lower case
        self.drifted = {
            str(child["name"]).casefold() for kind, child, of in self.walk() if self.drifts(kind, child, of)
        }

    def elements(self) -> Iterable[model.Element]:
        yield self.gateway()
        places: dict[str, int] = {}
        for kind, child, of in self.walk():
            name = self.read_name(kind, child)
            table = of.key if of is not None else ""
            if kind == "path-rule" and not document_anchor.is_anchor(child["name"]):
                places[table] = places.get(table, 0) + 1
            if name is None:
                continue
            outputs: dict[str, Any] = {"id": str(child.get("id") or self.child_id(kind, child, of))}
            if outputs["id"].casefold() in self.pins:
                outputs["foreign"] = self.pins[outputs["id"].casefold()]
            if kind == "path-rule":
                outputs["position"] = places[table] * STEP
            elif kind == "rule":
                outputs["position"] = int(child["properties"].get("priority") or 0)
            elif kind == "pool":
                outputs |= self.health.outputs(child)
            where = self.address(kind, name.logical, of)
            suffix = self.suffix(child, name)
            yield model.Element(address=where, name=suffix, spec=self.spec(kind, child, of), outputs=outputs)
            if kind == "pool":
                yield self.targets(name, suffix, child, outputs["id"])

    def walk(self) -> Iterable[tuple[str, Content, model.Ref | None]]:
        """(kind, child, the map it lies in) of all children of the kinds we have, whoever's they are."""
        for kind, shape in shapes.SHAPES.items():
            for child in self.properties.get(shape.collection) or ():
                yield kind, child, None
                if kind != "path-map":
                    continue
                name = self.read_name(kind, child)
                if name is None:
                    continue
                of = model.Ref(self.address(kind, name.logical, None), "exists", name.suffix)
                for rule in child.get("properties", {}).get("pathRules") or ():
                    yield "path-rule", rule, of

    def read_name(self, kind: str, child: Content) -> names.Child | None:
        """What the name of a child of ours says; None for a foreign child and for an anchor."""
        text = str(child["name"])
        found = names.read_child(text, detailed=kind == "pool")
        return None if found is None or found.mark != self.mark or document_anchor.is_anchor(text) else found

    def address(self, kind: str, logical: str, of: model.Ref | None) -> model.Address:
        if of is not None:
            return names.path_rule_address(self.people, names.logical_of(of.to), logical)
        return model.address(self.people, names.PROVIDER, kind, logical)

    def child_id(self, kind: str, child: Content, of: model.Ref | None) -> str:
        above = f"{self.id}/urlPathMaps/{names.logical_of(of.to)}" if of is not None else self.id
        return f"{above}/{shapes.SHAPES[kind].collection}/{child['name']}"

    def suffix(self, child: Content, name: names.Child) -> str:
        drifted = str(child["name"]).casefold() in self.drifted
        return f"{name.suffix}{names.DRIFTED}" if drifted else name.suffix

    def drifts(self, kind: str, child: Content, of: model.Ref | None) -> bool:
        """The immutable values are not those that the suffix in the name was made of."""
        name = self.read_name(kind, child)
        if name is None:
            return False
        spec = self.spec(kind, child, of)
        fixed = [spec.get(field) for field in kinds.KINDS[kind].immutable]
        return not model.holds_unknown(tuple(fixed)) and model.suffix_of(kinds.KINDS[kind], spec) != name.suffix

    def spec(self, kind: str, child: Content, of: model.Ref | None) -> dict[str, Any]:
        found = {"gateway": self.me, **shapes.read(kind, child.get("properties") or {}, self.ref)}
        if of is not None:
            found["map"] = of
        name = self.read_name(kind, child)
        if kind == "pool" and name is not None:
            found |= {"port": int(name.detail[:-1]), "protocol": "Https" if name.detail.endswith("s") else "Http"}
        if kind == "certificate" and name is not None:
            found["fingerprint"] = None if found["key_vault"] else self.fingerprint(name.suffix)
        return found

    def fingerprint(self, suffix: str) -> str | Unknown:
        """The noted fingerprint that makes this suffix."""
        for one in self.fingerprints:
            spec = {"gateway": self.me, "fingerprint": one, "key_vault": None}
            if model.suffix_of(kinds.KINDS["certificate"], spec) == suffix:
                return one
        return Unknown(f"the tag {names.FINGERPRINTS} of the gateway does not say which certificate this is")

    def ref(self, identity: str, until: Until = "exists") -> model.Ref | str:
        """The Ref of our child with that id, or the id where it is not ours."""
        collection, text = parts_of(identity)
        kind = _KINDS_BY_COLLECTION.get(collection.casefold(), "")
        mine = identity.casefold().startswith(f"{self.id.casefold()}/")
        name = self.read_name(kind, {"name": text}) if kind and mine else None
        if name is None:
            return identity
        return model.Ref(self.address(kind, name.logical, None), until, self.suffix({"name": text}, name))

    def targets(self, name: names.Child, suffix: str, pool: Content, identity: str) -> model.Element:
        """They are ours because their pool is, and are named like its incarnation."""
        of = model.Ref(self.address("pool", name.logical, None), "exists", suffix)
        spec = {"gateway": self.me, "pool": of, "targets": shapes_backends.read_targets(pool.get("properties") or {})}
        where = self.address("targets", name.logical, None)
        return model.Element(address=where, name=suffix, spec=spec, outputs={"id": identity})

    def gateway(self) -> model.Element:
        fields = shapes_front.read_gateway(self.properties)
        public = fields["public_ip"]
        known = self.addresses.get(str(public).casefold()) if public else None
        if known is not None:
            fields["public_ip"] = model.Ref(known[0].address, "ready", known[0].name)
        spec = {
            "resource_group": calls.place_of(self.id)[0].lower(),
            "location": str(self.found.get("location") or "").replace(" ", "").lower(),
            "zones": tuple(sorted(self.found.get("zones") or ())),
            **fields,
            "tags": names.user_tags(self.found.get("tags")),
            "identities": shapes_front.read_identities(self.found),
        }
        outputs = {
            "id": self.id,
            "state": self.state,
            "dns": known[1] if known is not None else fields["private_ip"] or "",
            "foreign": kinds_commit.foreign(self.found, self.mark),
            "map": self.lowest_map(),
            "cluster": self.record.cluster,
            "gateway": self.record.gateway,
        }
        return model.Element(address=self.record.address, name=self.record.suffix, spec=spec, outputs=outputs)

    def lowest_map(self) -> str:
        """Key of a path map of ours, of one that a rule of ours uses if there is any: only those are probed."""
        used, others = [], []
        for kind, child, _ in self.walk():
            name = self.read_name(kind, child)
            if kind == "path-map" and name is not None:
                others.append(model.key_of(self.address(kind, name.logical, None), name.suffix))
            elif kind == "rule" and name is not None:
                found = self.spec(kind, child, None)["map"]
                used += [found.key] if isinstance(found, model.Ref) else []
        return min(sorted(set(used) & set(others)) or sorted(others), default="")

    def taken(self) -> dict[str, tuple[int, ...]]:
        """table -> positions of entries that are not ours. Layer-4 rules take priorities too."""
        found: dict[str, list[int]] = {}
        rules = (*(self.properties.get("requestRoutingRules") or ()), *(self.properties.get("routingRules") or ()))
        for rule in rules:
            priority = (rule.get("properties") or {}).get("priority")
            if priority is not None and names_foreign(rule, self.mark):
                found.setdefault(f"rules:{self.me.key}", []).append(int(priority))
        places: dict[str, int] = {}
        for kind, child, of in self.walk():
            if kind != "path-rule" or of is None or document_anchor.is_anchor(child["name"]):
                continue
            places[of.key] = places.get(of.key, 0) + 1
            if self.read_name(kind, child) is None:
                found.setdefault(f"paths:{of.key}", []).append(places[of.key] * STEP)
        return {table: tuple(sorted(positions)) for table, positions in found.items()}


_KINDS_BY_COLLECTION = {collection.casefold(): kind for collection, kind in shapes.KIND_OF.items()}


def names_foreign(child: Content, mark: str) -> bool:
    """Not ours by its name."""
    found = names.read_child(str(child["name"]))
    return found is None or found.mark != mark


def _report(content: Content, identity: str) -> Content | None:
    """The answer of backendHealth for a gateway; None where it was not asked."""
    for key, report in (content.get("health") or {}).items():
        if str(key).casefold() == identity.casefold():
            found: Content = report
            return found
    return None
