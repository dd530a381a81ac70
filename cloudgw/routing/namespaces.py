"""Does this namespace belong to those that somebody allows? For routes on listeners, and ListenerSets on Gateways.

Called by `attach` and `sets`. Three-valued: the labels of a namespace that nobody has seen are Unknown, and a selector
that asks only for the namespace's name needs no Namespace object. Semantics:
https://gateway-api.sigs.k8s.io/reference/spec/, RouteNamespaces and ListenerNamespaces. This module must never look at
routes or listeners.
"""

from __future__ import annotations

from collections.abc import Sequence

from cloudgw.objects import Namespace, Selector, Unknown
from cloudgw.routing.index import Index

NAME_LABEL = "kubernetes.io/metadata.name"  # every namespace carries it; the API server writes it


def allows(
    index: Index, chosen: str, selector: Selector | None, *, home: str, namespace: str, what: str
) -> bool | str | Unknown:
    """True, the reason why not, or Unknown. chosen: Same, All, Selector or None; home: the namespace that Same means;
    what: "routes", for the reason."""
    if chosen == "All":
        return True
    if chosen == "Same":
        return namespace == home or f"allows only {what} of namespace {home}"
    if chosen == "None" or selector is None:
        return f"allows no {what} of any namespace"
    return _selected(index, selector, namespace)


def _selected(index: Index, selector: Selector, namespace: str) -> bool | str | Unknown:
    item = index.snapshot.get(Namespace, "", namespace)
    labels = dict(item.meta.labels) if isinstance(item, Namespace) else {}
    labels[NAME_LABEL] = namespace
    if item is None and any(operator in ("NotIn", "DoesNotExist") for _, operator, _ in selector.expressions):
        # something lies in it, so that it exists: what labels it has not cannot be said
        return Unknown(f"Namespace {namespace} is not among the input, though something lies in it")
    asked: list[tuple[str, bool]] = [(key, labels.get(key) == value) for key, value in selector.labels]
    asked += [(key, _meets(labels, key, operator, values)) for key, operator, values in selector.expressions]
    for key, met in asked:
        if not met and (key == NAME_LABEL or not isinstance(item, Unknown)):
            return f"selects namespaces by labels, and namespace {namespace} does not meet what it asks of {key}"
    if isinstance(item, Unknown) and any(key != NAME_LABEL for key, _ in asked):
        return Unknown(f"the labels of namespace {namespace} are unknown ({item.reason})")
    return True


def _meets(labels: dict[str, str], key: str, operator: str, values: Sequence[str]) -> bool:
    """A label selector requirement (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/)."""
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    return False
