"""The inventory as a Graph: which of our elements stand, in which incarnation, and what of others is in their way.

`pipeline` calls `observe` after each listing. Pure. A thing is ours when its description holds our record, for this
placement, and its name and place are those that go with it: a copy elsewhere is its maker's. What lies in a URL map
is told apart by `document`. What the kinds write must be read back here equal, field by field. A thing whose immutable
values are not those that its suffix was made of was changed by somebody: it is shown as an incarnation of its own,
"<suffix>-drifted", so that it is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Unknown
from cloudgw.provider import Inventory, Record
from cloudgw_gcp import document, kinds, kinds_commit, names, observe_health, shapes
from cloudgw_gcp.shapes_values import Until

Content = Mapping[str, Any]


def observe(inventory: Inventory, owner: str) -> model.Graph:
    """All elements of the owner. outputs: id, foreign, cluster, gateway; of an address dns and state, of a backend
    service healthy, targets and attached, of a route rule position."""
    return _World(inventory.content, owner).graph()


class _World:
    """Incarnations by path first, so that every reference between things can be written as a Ref."""

    def __init__(self, content: Content, owner: str) -> None:
        self.content = content
        self.documents: dict[str, Content] = {}
        self.records: dict[str, Record] = {}
        self.suffixes: dict[str, str] = {}
        for collection, kind in shapes.KINDS_OF.items():
            for found in content.get(collection) or ():
                record = _record(found, kind, owner, str(content.get("region") or ""))
                if record is not None:
                    path = names.path_of(found["selfLink"])
                    self.documents[path], self.records[path] = found, record
                    self.suffixes[path] = _suffix(found, record)
        self.health = observe_health.Health(content, self.documents)
        self.pins = _pins(content, self.documents)

    def graph(self) -> model.Graph:
        elements: list[model.Element] = []
        taken: dict[str, tuple[int, ...]] = {}
        for path, found in self.documents.items():
            element = self.element(path, found)
            elements.append(element)
            kind = model.kind_of(element.address)
            if kind == "neg":
                elements.append(self.endpoints(path, element))
            if kind == "url-map":
                people = model.owner_of(element.address)
                me = model.Ref(element.address, "exists", element.name)
                elements.extend(document.elements(found, people, me, self.ref))
                taken |= document.taken(found, people)
        return model.graph(elements, taken=taken)

    def ref(self, path: str, until: Until = "exists") -> model.Ref | str:
        """The Ref of our element with that path, or the path where it is not ours."""
        record = self.records.get(path)
        return model.Ref(record.address, until, self.suffixes[path]) if record is not None else path

    def element(self, path: str, found: Content) -> model.Element:
        record = self.records[path]
        kind = model.kind_of(record.address)
        outputs: dict[str, Any] = {"id": path, "cluster": record.cluster, "gateway": record.gateway}
        if foreign := self.pins.get(path):
            outputs["foreign"] = tuple(sorted(foreign))
        if kind == "address":
            outputs |= {"dns": found.get("address") or "", "state": found.get("status") or ""}
        if kind == "backend-service":
            outputs |= self.health.outputs(path, found)
        spec = shapes.read(kind, found, self.ref)
        return model.Element(address=record.address, name=self.suffixes[path], spec=spec, outputs=outputs)

    def endpoints(self, path: str, group: model.Element) -> model.Element:
        """They are ours because their group is, and are named like its incarnation."""
        logical = model.short(group.address).partition("/")[2]
        listed = (self.content.get("endpoints") or {}).get(path)
        why = (self.content.get("unread") or {}).get(path, "they were not listed")
        targets = Unknown(f"the endpoints of {path} are not known: {why}") if listed is None else tuple(sorted(listed))
        return model.Element(
            address=model.address(model.owner_of(group.address), names.PROVIDER, "endpoints", logical),
            name=group.name,
            spec={"neg": model.Ref(group.address, "exists", group.name), "targets": targets},
            outputs={"id": path},
        )


def _record(found: Content, kind: str, owner: str, region: str) -> Record | None:
    record = names.record_in(found, owner, region)
    return record if record is not None and model.kind_of(record.address) == kind else None


def _suffix(found: Content, record: Record) -> str:
    kind = kinds.KINDS[model.kind_of(record.address)]
    drifted = kinds_commit.suffix_shown(kind, found) != record.suffix
    return f"{record.suffix}{names.DRIFTED}" if drifted else record.suffix


def _pins(content: Content, documents: Mapping[str, Content]) -> dict[str, set[str]]:
    """Path of ours -> names of what is not ours and uses it, would be deleted along with it, or is reached by it."""
    found: dict[str, set[str]] = {}

    def add(path: str, strangers: Iterable[str]) -> None:
        found.setdefault(path, set()).update(strangers)

    for path, users in (content.get("users") or {}).items():
        add(path, users)
    for path, one in documents.items():
        if names.place_of(path)[0] != "urlMaps":
            continue
        add(path, document.foreign(one))
        for service, strangers in document.pins(one).items():
            add(service, strangers)
    for member in ("urlMap", "target"):  # proxies first: a way to what is not ours in a map is theirs as well
        for path, one in documents.items():
            below = found.get(names.path_of(str(one.get(member) or "")), set())
            add(path, (one for one in below if not one.startswith("projects/")))
    return {path: strangers for path, strangers in found.items() if strangers}
