"""What a person can do: near names for misspelt ones, grants ready to be applied, labels that are missing.

Used by every module of `explain`. Everything here is a proposal in words; nothing decides whether a gate is passed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from cloudgw.objects import GATEWAY_GROUP, Key, Meta, ObjectRef, Selector, Snapshot

MORE_INPUT = "give the missing objects with -f, say --complete if -f holds everything, or read a cluster with --live"


def near(snapshot: Snapshot, kind: str, namespace: str, name: str) -> tuple[Key, ...]:
    """Objects of the kind that may be meant: of this name in another namespace, or of a similar name, best first."""
    keys = sorted(snapshot.objects.get(kind, {}))
    same = [key for key in keys if key[1] == name and key[0] != namespace]
    alike = difflib.get_close_matches(name, sorted({key[1] for key in keys}), n=3, cutoff=0.6)
    close = [key for text in alike for key in keys if key[1] == text]
    close.sort(key=lambda key: key[0] != namespace)
    return tuple(dict.fromkeys([*same, *close]))[:3]


def named(key: Key) -> str:
    return "/".join(part for part in key if part)


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def meant(found: Iterable[Key]) -> str:
    """`; did you mean a/b or a/c?`, or ""."""
    names = [named(key) for key in found]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def similar(text: str, known: Iterable[str]) -> str:
    """The most similar of `known`, "" when none is."""
    return next(iter(difflib.get_close_matches(text, sorted(set(known)), n=1, cutoff=0.5)), "")


def at(meta: Meta, kind: str = "") -> str:
    """Where a person finds the object: `HTTPRoute shop/cart (routes.yaml:3)`."""
    where = named((meta.namespace, meta.name))
    place = f" ({meta.file}:{meta.line})" if meta.file else ""
    return f"{kind} {where}{place}".strip()


def grant(kind: str, namespace: str, target: ObjectRef) -> str:
    """The ReferenceGrant that allows objects of `kind` in `namespace` to use `target`: this one object only.
    https://gateway-api.sigs.k8s.io/api-types/referencegrant/"""
    name = f"{namespace}-{kind.lower()}-to-{target.name}"[:253].rstrip("-.")
    group = target.group or '""'
    return (
        f"apiVersion: {GATEWAY_GROUP}/v1beta1\n"
        "kind: ReferenceGrant\n"
        "metadata:\n"
        f"  name: {name}\n"
        f"  namespace: {target.namespace}\n"
        "spec:\n"
        "  from:\n"
        f"    - group: {GATEWAY_GROUP}\n"
        f"      kind: {kind}\n"
        f"      namespace: {namespace}\n"
        "  to:\n"
        f"    - group: {group}\n"
        f"      kind: {target.kind}\n"
        f"      name: {target.name}\n"
    )


def asked(selector: Selector | None) -> str:
    """A selector in the form that `kubectl get -l` takes."""
    if selector is None:
        return "nothing"
    parts = [f"{key}={value}" for key, value in selector.labels]
    for key, operator, values in selector.expressions:
        if operator in ("Exists", "DoesNotExist"):
            parts.append(key if operator == "Exists" else f"!{key}")
        else:
            parts.append(f"{key} {'in' if operator == 'In' else 'notin'} ({', '.join(values)})")
    return ", ".join(parts) or "every label"


def has(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no labels"


def wanted(selector: Selector | None, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Labels `key=value` that would make a namespace meet the selector, as far as adding labels can."""
    if selector is None:
        return ()
    found = [f"{key}={value}" for key, value in selector.labels if labels.get(key) != value]
    for key, operator, values in selector.expressions:
        if operator == "In" and labels.get(key) not in values:
            found.append(f"{key}={values[0]}" if values else key)
        elif operator == "Exists" and key not in labels:
            found.append(f"{key}=true")
    return tuple(found)
