"""The words that our CustomResourceDefinitions are written in: one function per kind of field, and what all share.

`scripts.crds` and the modules of the kinds call them. Every field has a description (`kubectl explain` shows it), every
list that a person writes has a bound (without, the API server refuses rules below it), patterns are anchored RE2.
Facts: kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions. No module here may know
what a provider accepts by importing it: `tests/unit/test_crds.py` compares the two opinions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

GROUP, VERSION = "cloudgw.dev", "v1alpha1"
Schema = dict[str, Any]
Rule = tuple[str, str]
"""CEL over `self`, and what is said where it does not hold: the reason and the fix."""


def text(
    description: str,
    pattern: str = "",
    *,
    enum: Sequence[str] = (),
    low: int | None = None,
    high: int | None = 253,
    default: str | None = None,
    rules: Sequence[Rule] = (),
    format: str = "",
) -> Schema:
    """pattern: of the whole text. high: characters; of an enum it says nothing."""
    made: Schema = {"description": description, "type": "string"}
    made |= {"enum": list(enum)} if enum else _given(minLength=low, maxLength=high)
    made |= _given(format=format or None, pattern=f"^{pattern}$" if pattern else None, default=default)
    return made | _rules(rules)


def number(description: str, low: float | None = None, high: float | None = None, *, whole: bool = True) -> Schema:
    """whole: an integer; otherwise seconds of a clock, say."""
    kind = {"type": "integer", "format": "int64"} if whole else {"type": "number", "format": "double"}
    return {"description": description, **kind, **_given(minimum=low, maximum=high)}


def flag(description: str, default: bool | None = None) -> Schema:
    return {"description": description, "type": "boolean", **_given(default=default)}


def items(
    description: str,
    of: Schema,
    high: int,
    *,
    low: int | None = None,
    keys: Sequence[str] = (),
    atomic: bool = False,
    rules: Sequence[Rule] = (),
) -> Schema:
    """A list; of texts a set, with keys a map, otherwise of one owner."""
    kind = "map" if keys else "set" if of["type"] == "string" and not atomic else "atomic"
    made: Schema = {"description": description, "type": "array", **_given(minItems=low), "maxItems": high}
    made |= {"x-kubernetes-list-type": kind} | ({"x-kubernetes-list-map-keys": list(keys)} if keys else {})
    return made | _rules(rules) | {"items": of}


def pairs(description: str, of: Schema, high: int | None, *, rules: Sequence[Rule] = ()) -> Schema:
    """Free keys. high: None where nobody but we writes it."""
    made: Schema = {"description": description, "type": "object", **_given(maxProperties=high)}
    return made | _rules(rules) | {"additionalProperties": of}


def record(
    description: str, fields: Mapping[str, Schema], required: Sequence[str] = (), *, rules: Sequence[Rule] = ()
) -> Schema:
    made: Schema = {"description": description, "type": "object"} | ({"required": list(required)} if required else {})
    return made | _rules(rules) | {"properties": dict(fields)}


def _given(**words: Any) -> Schema:
    return {word: value for word, value in words.items() if value is not None}


def _rules(rules: Sequence[Rule]) -> Schema:
    return {"x-kubernetes-validations": [{"rule": r, "message": m} for r, m in rules]} if rules else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One definition. columns: (name, type, JSON path, priority) before Age. status: its schema, None = no subresource.
    labels: of the definition itself."""

    kind: str
    plural: str
    short: tuple[str, ...]
    description: str
    spec: Schema
    status: Schema | None = None
    scope: Literal["Namespaced", "Cluster"] = "Namespaced"
    columns: tuple[tuple[str, str, str, int], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    needs_spec: bool = True

    def document(self) -> Schema:
        """The definition as it is applied to a cluster."""
        meta = {"name": f"{self.plural}.{GROUP}"} | ({"labels": dict(self.labels)} if self.labels else {})
        properties = {
            "apiVersion": {"description": "Version of the schema of this object.", "type": "string"},
            "kind": {"description": "Kind of this object.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": self.spec,
        } | ({"status": self.status} if self.status is not None else {})
        schema: Schema = {"description": self.description, "type": "object"}
        schema |= {"required": ["spec"]} if self.needs_spec else {}
        version: Schema = {"name": VERSION, "served": True, "storage": True}
        version |= {"subresources": {"status": {}}} if self.status is not None else {}
        version |= {"additionalPrinterColumns": [_column(*one) for one in (*self.columns, AGE)]}
        names: Schema = {"kind": self.kind, "listKind": f"{self.kind}List", "plural": self.plural}
        names |= {"singular": self.kind.lower(), "shortNames": list(self.short), "categories": ["cloudgw"]}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": meta,
            "spec": {
                "group": GROUP,
                "scope": self.scope,
                "names": names,
                "versions": [version | {"schema": {"openAPIV3Schema": schema | {"properties": properties}}}],
            },
        }


AGE = ("Age", "date", ".metadata.creationTimestamp", 0)
READY = (
    ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', 0),
    ("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', 0),
)


def _column(name: str, kind: str, path: str, priority: int) -> Schema:
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": priority} if priority else {})


def status(more: Mapping[str, Schema] | None = None) -> Schema:
    """What Flux, Helm and Argo CD read (kstatus): observedGeneration, Ready, Reconciling and Stalled."""
    fields = {
        "observedGeneration": number("Generation of the spec that the rest of the status speaks of.", 0),
        **(more or {}),
        "conditions": conditions(
            "Ready: it is used as it stands. Reconciling (only while True): it is being taken over. Stalled (only "
            "while True): it cannot be used before somebody changes something; the message says what."
        ),
    }
    return record("What the controller says; nobody else writes it.", fields)


def conditions(description: str) -> Schema:
    """metav1.Condition, at most 8."""
    fields = {
        "type": text("Name of the condition.", r"[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?", high=316),
        "status": text("Whether it holds.", enum=("True", "False", "Unknown")),
        "observedGeneration": number("Generation of the object that this was said of.", 0),
        "lastTransitionTime": text("When status last changed.", high=None, format="date-time"),
        "reason": text("Why, in one word.", r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", low=1, high=1024),
        "message": text("Why, in a sentence that names what to do.", high=32768),
    }
    needed = ("type", "status", "lastTransitionTime", "reason", "message")
    return items(description, record("One condition.", fields, needed), 8, keys=("type",))
