"""References between resources: what a document refers to, whether it may, and who refers to a resource.

The frame makes the references of every body canonical before the rules see it, and asks for holders before it
deletes. It must never change a document that is stored.

Messages as reported: a missing network "The referenced ... resource cannot be found." (400), other missing resources
"The resource '...' was not found" (404, kubernetes/ingress-gce); "is not ready" (magic-modules#13881); in use as
recorded in k8s-config-connector's golden logs, where health checks are named in another way than the rest.
"""

from __future__ import annotations

import collections.abc
import ipaddress
import re
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import around, errors, kind, names, schema, world

Json = dict[str, Any]
Found = tuple[Any, Any, str]
NETWORKING = ("networks", "subnetworks")


def found(document: Any, path: str, where: str = "resource") -> collections.abc.Iterator[Found]:
    """Every string at a reference's path: its container, its key there, and its concrete path."""
    head, _, rest = path.partition(".")
    if head == "**":
        yield from _anywhere(document, rest, where)
        return
    name, listed = head.removesuffix("[]"), head.endswith("[]")
    if not isinstance(document, dict) or name not in document:
        return
    places: list[Found] = [(document, name, f"{where}.{name}")]
    if listed:
        items = document[name] if isinstance(document[name], list) else []
        places = [(items, index, f"{where}.{name}[{index}]") for index in range(len(items))]
    for container, key, concrete in places:
        if rest:
            yield from found(container[key], rest, concrete)
        elif isinstance(container[key], str) and container[key]:
            yield container, key, concrete


def _anywhere(value: Any, path: str, where: str) -> collections.abc.Iterator[Found]:
    if isinstance(value, dict):
        yield from found(value, path, where)
        for key, member in value.items():
            yield from _anywhere(member, path, f"{where}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _anywhere(item, path, f"{where}[{index}]")


def of(document: Json, rules: kind.Kind) -> collections.abc.Iterator[names.Place]:
    """The resources that a document of this kind refers to."""
    for reference in rules.references:
        for container, key, _ in found(document, reference.path):
            place = names.parse(container[key])
            if place is not None:
                yield place


def settle(
    document: Json, rules: kind.Kind, place: names.Place, state: world.World, surroundings: around.Around
) -> None:
    """Make every reference of a body a canonical link, in place. Refusal: malformed, wrong collection or scope,
    another project, missing, or not ready."""
    for reference in rules.references:
        for container, key, where in found(document, reference.path):
            if not _foreign(container[key]):
                target = _meant(container[key], where, reference, place)
                _check_there(target, container[key], where, state, surroundings)
                container[key] = target.link


def _foreign(text: str) -> bool:
    """A literal address, or a resource of another service ("//certificatemanager.googleapis.com/..."): the rules'."""
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return text.startswith("//")
    return True


def _meant(text: str, where: str, reference: kind.Reference, place: names.Place) -> names.Place:
    target = names.parse(text, place.project)
    if target is None or (reference.full and not names.is_full(text)):
        raise schema.invalid(where, text, "The URL is malformed.")
    if target.project != place.project:
        raise schema.invalid(where, text, "Cross project referencing is not allowed for this resource.")
    if target.collection not in reference.collections:
        raise schema.invalid(where, text, f"Unexpected resource collection '{target.collection}'.")
    if reference.scope == "same" and target.scope != place.scope:
        wanted = "global" if place.scope == "global" else f"in region '{place.region}'"
        raise schema.invalid(where, text, f"The referenced resource must be {wanted}.")
    if reference.scope == "zonal" and (
        not target.scope.startswith("zones/") or (place.scope != "global" and target.region != place.region)
    ):
        raise schema.invalid(where, text, f"The referenced resource must be in a zone{_of_region(place)}.")
    return target


def _of_region(place: names.Place) -> str:
    return f" of region '{place.region}'" if place.region else ""


def _check_there(target: names.Place, text: str, where: str, state: world.World, surroundings: around.Around) -> None:
    if target not in state.resources:
        answer = surroundings.belief("gcp-missing-reference")
        if answer == "invalid" or (answer == "mixed" and target.collection in NETWORKING):
            what = spoken(target.collection)
            raise schema.invalid(where, text, f"The referenced {what} resource cannot be found.")
        raise missing(target)
    if target in state.fresh or any(one.verb == "delete" for one in state.under_way(target)):
        raise not_ready(target)


def holders(
    place: names.Place, state: world.World, kinds: collections.abc.Mapping[str, kind.Kind]
) -> list[names.Place]:
    """Who refers to a resource, in what is stored or in what a running operation is about to store; sorted."""
    holding = {
        name for name, one in kinds.items() if any(place.collection in ref.collections for ref in one.references)
    }
    documents = [(one, document) for one, document in state.resources.items() if one.collection in holding]
    for name in state.running:
        operation = state.operations[name]
        if operation.document is not None and operation.target.collection in holding:
            documents.append((operation.target, operation.document))
    return sorted({one for one, document in documents if place in of(document, kinds[one.collection])} - {place})


def spoken(collection: str) -> str:
    """A collection as messages say it: backendServices is backend_service."""
    single = re.sub(r"ies$", "y", collection)
    single = re.sub(r"(?<=[sx])es$", "", single) if single == collection else single
    single = single.removesuffix("s") if single == collection else single
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), single)


def in_use(place: names.Place, holder: names.Place) -> errors.Refusal:
    shown = _internal if place.collection == "healthChecks" else lambda one: one.path
    message = f"The {spoken(place.collection)} resource '{shown(place)}' is already being used by '{shown(holder)}'"
    return errors.Refusal(status=400, reason="resourceInUseByAnotherResource", message=message)


def _internal(place: names.Place) -> str:
    scope = "GLOBAL:global" if place.scope == "global" else f"REGION:{place.region}"
    return f"{scope}/PROJECT:{gcp.NUMBER}/{spoken(place.collection).upper()}:{place.name}"


def missing(place: names.Place) -> errors.Refusal:
    return errors.Refusal(status=404, reason="notFound", message=f"The resource '{place.path}' was not found")


def not_ready(place: names.Place) -> errors.Refusal:
    message = f"The resource '{place.path}' is not ready"
    return errors.Refusal(status=400, reason="resourceNotReady", message=message)
