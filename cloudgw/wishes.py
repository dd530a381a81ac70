"""From what people wrote to what each Gateway should be in each placement: class -> parameters -> provider -> Wish.

`pipeline`'s first half for many Gateways; the CLI and the controller call `survey` once per snapshot and `wishes` once
per listing. Whatever cannot be decided leaves what exists as it is; nothing is ever concluded from absence but where
the input is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from cloudgw.graph import model
from cloudgw.objects import ROUTE_KINDS, Gateway, Note, Origin, Parameters, Route, Snapshot, Unknown
from cloudgw.pipeline import Wish
from cloudgw.provider import Inventory, ParametersRefused, Placement, Provider, ProviderParameters
from cloudgw.routing import ir


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A Gateway with its usable parameters."""

    routing: ir.Routing
    parameters: ProviderParameters

    @property
    def placement(self) -> Placement:
        return self.parameters.settings.placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """chosen: gateways that can be built; undecided: gateway -> why not (they stay as they are, everywhere);
    notes: errors about classes and parameters, by gateway. gone: known not to exist."""

    snapshot: Snapshot
    chosen: tuple[Chosen, ...]
    undecided: Mapping[str, str] = field(default_factory=dict)
    routings: Mapping[str, ir.Routing] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    gone: frozenset[str] = frozenset()
    all_known: bool = False

    @property
    def placements(self) -> tuple[Placement, ...]:
        return tuple(sorted({chosen.placement for chosen in self.chosen}))


def survey(snapshot: Snapshot, resolution: ir.Resolution, provider_for: Callable[[str], Provider | None]) -> Survey:
    """provider_for: parameters kind -> provider. Bad parameters harm only the Gateways of their class."""
    chosen, undecided, notes = [], dict[str, str](), list(resolution.notes)
    for routing in resolution.gateways:
        found = _parameters(routing, provider_for)
        if isinstance(found, Note):
            undecided[routing.owner] = found.message
            notes.append(found)
        else:
            chosen.append(Chosen(routing=routing, parameters=found))
    for (namespace, name), unread in snapshot.unreadable(Gateway):
        undecided.setdefault(f"{namespace}/{name}", unread.reason)
    for gateway in snapshot.all(Gateway):
        owner = f"{gateway.meta.namespace}/{gateway.meta.name}"
        if owner not in undecided and not any(c.routing.owner == owner for c in chosen):
            undecided[owner] = f"GatewayClass {gateway.class_name} is not one of ours, or does not exist"
    notes += [_parentless(route) for kind in ROUTE_KINDS for route in snapshot.all(kind) if not route.parents]
    return Survey(
        snapshot=snapshot,
        chosen=tuple(chosen),
        undecided=undecided,
        routings={routing.owner: routing for routing in resolution.gateways},
        notes=tuple(notes),
        gone=frozenset(f"{namespace}/{name}" for namespace, name in resolution.gone),
        all_known=snapshot.is_complete(Gateway),
    )


def _parentless(route: Route) -> Note:
    meta = route.meta
    where = Origin(kind=route.kind, namespace=meta.namespace, name=meta.name, file=meta.file, line=meta.line)
    strange = ", ".join(pointer for pointer in meta.unhandled if pointer.startswith("/spec"))
    hint = f"; not understood: {strange}" if strange else ""
    message = f"/spec/parentRefs: empty, so it is attached to no Gateway{hint}; name the Gateway that it belongs to"
    return Note(level="warning", code="NoParent", message=message, origin=where)


def _parameters(routing: ir.Routing, provider_for: Callable[[str], Provider | None]) -> ProviderParameters | Note:
    origin = routing.origin
    if isinstance(routing.gateway_class, Unknown):
        reason = f"{routing.gateway_class.reason}; what exists stays as it is: add the GatewayClass to the input"
        return Note(level="warning", code="ClassUnknown", message=reason, origin=origin)
    if isinstance(routing.parameters, Unknown):
        reason = f"{routing.parameters.reason}; what exists stays as it is: add it to the input"
        return Note(level="warning", code="ParametersUnknown", message=reason, origin=origin)
    if routing.parameters is None:
        wanted = routing.gateway_class.parameters if routing.gateway_class is not None else None
        named = f"{wanted.kind} {wanted.name} does not exist" if wanted else "the GatewayClass has no parametersRef"
        message = f"{named}; what exists stays: create it, or correct the reference"
        return Note(level="error", code="InvalidParameters", message=message, origin=origin)
    return _parsed(routing.parameters, provider_for)


def _parsed(raw: Parameters, provider_for: Callable[[str], Provider | None]) -> ProviderParameters | Note:
    where = Origin(kind=raw.kind, name=raw.meta.name, file=raw.meta.file, line=raw.meta.line, path="/spec")
    provider = provider_for(raw.kind)
    if provider is None:
        message = f"no installed provider reads {raw.kind}: install the provider's extra or correct parametersRef.kind"
        return Note(level="error", code="InvalidParameters", message=message, origin=where)
    try:
        return provider.parameters(raw)
    except ParametersRefused as refused:
        message = "; ".join(f"{path}: {reason}" for path, reason in refused.problems)
        return Note(level="error", code="InvalidParameters", message=message, origin=where)


def wishes(
    found: Survey,
    placement: Placement,
    provider: Provider,
    inventory: Inventory,
    observed: model.Graph,
    *,
    only: frozenset[str] | None = None,
    destroy: frozenset[str] = frozenset(),
) -> tuple[list[Wish], list[Note]]:
    """One Wish per Gateway that is wanted in this placement, or of which something of ours stands here.

    only: gateways to look at (None = all); destroy: gateways that a person named for deletion. A Gateway that is in
    none of the lists and about which the input knows nothing is noted and left alone."""
    wanted = {c.routing.owner: c for c in found.chosen if _here(c.placement, placement)}
    standing = {model.owner_of(where) for where in observed.elements}
    result, notes = [], list[Note]()
    for gateway in sorted({*wanted, *standing}):
        if only is not None and gateway not in only:
            continue
        if gateway in destroy:
            result.append(Wish(gateway=gateway, desired=model.Graph(), gone=True, incomplete=unlisted(inventory)))
        elif gateway in wanted:
            result.append(_build(wanted[gateway], provider, inventory))
        elif gateway in found.undecided:
            reason = found.undecided[gateway]
            unknown = model.Graph(unknown=(f"{gateway}/",))
            result.append(Wish(gateway=gateway, desired=unknown, incomplete=(reason,)))
        elif gateway in found.routings or gateway in found.gone or found.all_known:
            result.append(Wish(gateway=gateway, desired=model.Graph(), gone=True, incomplete=unlisted(inventory)))
        else:
            message = f"Gateway {gateway} stands in {placement} and is not among the input: left as it is"
            notes.append(Note(level="info", code="NotInInput", message=message))
    return result, notes


def _here(chosen: Placement, placement: Placement) -> bool:
    """A class that names no account means the account that it is run in."""
    account = chosen.account or placement.account
    return (chosen.provider, account, chosen.region) == (placement.provider, placement.account, placement.region)


def _build(chosen: Chosen, provider: Provider, inventory: Inventory) -> Wish:
    routing, parameters = chosen.routing, chosen.parameters
    facts = provider.facts(inventory, routing, parameters)
    desired, notes = provider.build(routing, facts, parameters)
    return Wish(
        gateway=routing.owner,
        desired=desired,
        notes=(*routing.notes, *facts.notes, *notes),
        incomplete=(*(routing.incomplete if not routing.complete else ()), *unlisted(inventory)),
        budget=parameters.settings.deletion_budget,
        shift_deadline=parameters.settings.shift_deadline,
        uid=routing.uid,
    )


def unlisted(inventory: Inventory) -> tuple[str, ...]:
    """What a listing did not show, in words for a plan."""
    return tuple(f"listing of {inventory.placement}: {reason}" for reason in inventory.incomplete)


def scope(found: Survey, placement: Placement) -> Sequence[ProviderParameters]:
    """Parameters of the Gateways in a placement: they name what a listing must look at."""
    return [c.parameters for c in found.chosen if _here(c.placement, placement)]


def merged(configured: Sequence[Placement], found: Survey) -> tuple[Placement, ...]:
    """Every placement that a plan must cover: configured ones (where something of ours may stand), and those of the
    classes; a class that names no account shares the configured placement of its region."""
    result = set(configured)
    for placement in found.placements:
        if not any(_here(placement, known) for known in configured):
            result.add(placement)
    return tuple(sorted(result))
