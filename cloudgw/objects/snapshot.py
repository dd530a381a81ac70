"""The Snapshot: every Kubernetes object that was read, at one moment, and what is known not to exist.

`sources` makes it, `routing` reads it. Ask `is_complete` before concluding anything from absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar, cast

from cloudgw.objects.base import Key, Material, Unknown
from cloudgw.objects.core import ConfigMap, CustomResourceDefinition, EndpointSlice, Namespace, Node, Secret, Service
from cloudgw.objects.gateway import (
    BackendPolicy,
    BackendTLSPolicy,
    Gateway,
    GatewayClass,
    ListenerSet,
    Parameters,
    ReferenceGrant,
)
from cloudgw.objects.routes import Route

KubernetesObject: TypeAlias = (
    GatewayClass
    | Parameters
    | Gateway
    | ListenerSet
    | Route
    | ReferenceGrant
    | BackendTLSPolicy
    | BackendPolicy
    | Service
    | EndpointSlice
    | Secret
    | ConfigMap
    | CustomResourceDefinition
    | Namespace
    | Node
)
T = TypeVar("T", bound=KubernetesObject)


def kind_of(item: KubernetesObject) -> str:
    """ "HTTPRoute"; for a Parameters object the kind it was written with."""
    return item.kind if isinstance(item, Parameters) else type(item).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Kubernetes objects at one moment.

    objects: kind -> (namespace, name) -> object, or Unknown where it exists but could not be read.
    absent: (kind, namespace, name) known not to exist although the kind is not completely known (`--base`).
    complete: kinds that are completely known; "*" = all of them (`--complete`, a cluster's listing).
    materials: fingerprint -> secret bytes, for commit only.
    """

    objects: Mapping[str, Mapping[Key, KubernetesObject | Unknown]] = field(default_factory=dict)
    absent: frozenset[tuple[str, str, str]] = frozenset()
    complete: frozenset[str] = frozenset()
    materials: Mapping[str, Material] = field(default_factory=dict, repr=False)

    def get(self, kind: type[T] | str, namespace: str, name: str) -> T | Unknown | None:
        """Found, Unknown, or None for Absent."""
        label = kind if isinstance(kind, str) else kind.__name__
        found = self.objects.get(label, {}).get((namespace, name))
        if found is not None:
            return cast("T | Unknown", found)
        if self.is_complete(label) or (label, namespace, name) in self.absent:
            return None
        where = f"{namespace}/{name}" if namespace else name
        return Unknown(f"{label} {where} is not among the input")

    def all(self, kind: type[T]) -> Iterable[T]:
        """Every readable object of a kind, by namespace and name. Ask `is_complete` before concluding from absence."""
        items = self.objects.get(kind.__name__, {})
        return [cast("T", items[key]) for key in sorted(items) if not isinstance(items[key], Unknown)]

    def unreadable(self, kind: type[T]) -> Iterable[tuple[Key, Unknown]]:
        """The objects of a kind that exist but could not be read."""
        items = self.objects.get(kind.__name__, {})
        return [(key, found) for key in sorted(items) if isinstance(found := items[key], Unknown)]

    def is_complete(self, kind: type[T] | str) -> bool:
        label = kind if isinstance(kind, str) else kind.__name__
        return "*" in self.complete or label in self.complete
