"""What all objects share: their metadata, references, label selectors, and the values Unknown, Origin and Note.

`objects` re-exports it; read this first. A lookup answers three ways: the object (Found), None (Absent: we know that it
does not exist), or Unknown (we could not see; never a reason to delete anything). This module must never do I/O, and
never hold secret bytes outside `Material`, whose repr shows none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

GATEWAY_GROUP = "gateway.networking.k8s.io"
OWN_GROUP = "cloudgw.dev"  # of parameters
CONTROLLER_NAME = "cloudgw.dev/gateway-controller"
Key: TypeAlias = tuple[str, str]  # (namespace, name)


class CloudgwWarning(UserWarning):
    """A defect of ours that is survivable at run time; tests turn it into an error."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known about this value. Equal as a value only to an Unknown with the same reason; `diff` holds the
    rule that where either side is Unknown there is no difference."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which object, and which field of it, caused something."""

    kind: str
    namespace: str = ""
    name: str = ""
    section: str = ""  # a listener or a rule, by name, else by number: `listener "https"`, `rule 2`
    path: str = ""  # JSON pointer into the object, "/spec/rules/2"
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where} {self.section}".rstrip()

    @property
    def place(self) -> str:
        """`routes.yaml:41`, or "" when the object did not come from a file."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Anything dropped, degraded or assumed: said to people, never acted upon by code but to write statuses.

    refuses: what of its origin a cloud cannot honour, so that an error answers in its place (of a field: nothing
    does, it has no effect); "" = nothing.
    """

    level: Literal["info", "warning", "error"]
    code: str  # CamelCase and stable, "UnsupportedFilter"
    message: str
    origin: Origin | None = None
    refuses: Literal["", "share", "rule", "route", "listener", "field"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Secret bytes, found by their fingerprint at commit time. Nothing prints it."""

    fingerprint: str
    certificate_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    namespace: str = ""  # "" for cluster-scoped kinds
    name: str
    uid: str = ""
    generation: int = 0
    created: str = ""  # RFC 3339, "" in files: sorts as the oldest, ties by namespace/name
    labels: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    line: int = 0
    unhandled: tuple[str, ...] = ()  # JSON pointers of fields that we do not handle


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    group: str = ""
    kind: str
    namespace: str = ""  # always filled in by the source with the referrer's own namespace when left out
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A label selector: match_labels and match_expressions (key, operator, values)."""

    labels: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
