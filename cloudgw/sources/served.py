"""What an API server serves of a kind, and how its answers become objects.

Called by whoever lists or watches a cluster: `cluster` for the CLI, the informers for the controller. Pure: answers in,
values out. This module must never ask a server, and never show the content of a Secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudgw.objects import Key, KubernetesObject, Material, Origin, Unknown
from cloudgw.sources import catalog
from cloudgw.sources.fields import FieldError

JSON = "application/json"
# https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind as the server serves it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "") -> str:
        """Of all its objects, or of those in a namespace."""
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"{root(self.group, self.version)}{within}/{self.plural}"

    def rule(self, *verbs: str) -> str:
        """What has to be granted, in the words of a ClusterRole."""
        noun = "verb" if len(verbs) == 1 else "verbs"
        quoted = ", ".join(f'"{verb}"' for verb in verbs)
        return f'grant {noun} {quoted} on resource "{self.plural}" of API group "{self.group}"'


def root(group: str, version: str) -> str:
    """URL path of one version of a group: its discovery document, and what its resources lie below."""
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def resources(group: str, version: str, answer: Mapping[str, Any]) -> Iterator[Resource]:
    """answer: an APIResourceList. Only what can be listed, and no subresources."""
    for item in answer.get("resources") or ():
        if "/" not in item["name"] and "list" in item["verbs"]:
            yield Resource(
                group=group,
                version=version,
                kind=item["kind"],
                plural=item["name"],
                namespaced=bool(item.get("namespaced")),
                verbs=tuple(item["verbs"]),
            )


def complete(item: Mapping[str, Any], resource: Resource) -> dict[str, Any]:
    """An item as the whole object it is: those of a list lack apiVersion and kind, those without spec have another.
    managedFields is left out: a large part of an object, and nothing to us."""
    metadata = {name: value for name, value in (item.get("metadata") or {}).items() if name != "managedFields"}
    return {**item, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """item is Unknown, and problem says why, where a field cannot be read. reason: the problem in words that are safe
    to show, "" for none."""

    key: Key
    item: KubernetesObject | Unknown
    material: Material | None = None
    problem: FieldError | None = None
    reason: str = ""


def read(data: Mapping[str, Any], kind: str) -> Reading:
    """One object of an API server, with its apiVersion."""
    metadata = data["metadata"]
    key = (metadata.get("namespace") or "", metadata["name"])
    try:
        item, material = catalog.read(dict(data), Origin(kind=kind, namespace=key[0], name=key[1]))
    except FieldError as error:
        reason = str(error) if kind != "Secret" else "has a field of a wrong type"
        return Reading(key=key, item=Unknown(reason), problem=error, reason=reason)
    return Reading(key=key, item=item, material=material)
