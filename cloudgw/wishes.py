"""From what people wrote to what each Gateway should be in each placement: class -> parameters -> provider -> Wish.

`pipeline`'s first half for many Gateways; the CLI and the controller call `survey` once per snapshot and `wishes` once
per listing. Whatever cannot be decided leaves what exists as it is; nothing is ever concluded from absence but where
the input is complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudgw.graph import model
from cloudgw.objects import (
    CONTROLLER_NAME,
    ROUTE_KINDS,
    Gateway,
    GatewayClass,
    Note,
    Origin,
    Parameters,
    Route,
    Snapshot,
    Unknown,
)
from cloudgw.pipeline import Wish
from cloudgw.provider import Capability, Inventory, ParametersRefused, Placement, Provider, ProviderParameters
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
    """provider_for: parameters kind -> provider. Bad parameters harm only the Gateways of their class, those of a
    Gateway that Gateway alone. resolution: judged or not."""
    resolution = judged(resolution, provider_for)
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


def judged(resolution: ir.Resolution, provider_for: Callable[[str], Provider | None]) -> ir.Resolution:
    """The same, but that a Gateway is not accepted whose own parameters make, over those of its class, something that
    the cloud's provider refuses. What is shown to people (statuses, explanations) is shown of this."""
    found = tuple(_judged(routing, provider_for) for routing in resolution.gateways)
    return replace(resolution, gateways=found)


def _judged(routing: ir.Routing, provider_for: Callable[[str], Provider | None]) -> ir.Routing:
    own, raw = routing.own, routing.parameters
    if own is None or not isinstance(raw, Parameters) or not isinstance(own.base, Parameters):
        return routing
    if isinstance(_parsed(own.base, provider_for), Note):
        return routing  # that is the class's fault, and said of the class
    found = _parsed(raw, provider_for)
    if not isinstance(found, Note):
        return routing
    named = f"{own.kind} {own.name} over {own.base.kind} {own.base.meta.name}"
    message = f"spec.infrastructure.parametersRef: {named}: {found.message}"
    wrong = ir.Verdict(status=False, reason="InvalidParameters", message=message)
    verdicts = routing.verdicts
    if verdicts.accepted.status is not False:
        verdicts = replace(verdicts, accepted=wrong)
    return replace(routing, parameters=None, own=replace(own, wrong=wrong), verdicts=verdicts)


def _parameters(routing: ir.Routing, provider_for: Callable[[str], Provider | None]) -> ProviderParameters | Note:
    origin, own = routing.origin, routing.own
    if isinstance(routing.gateway_class, Unknown):
        reason = f"{routing.gateway_class.reason}; what exists stays as it is: add the GatewayClass to the input"
        return Note(level="warning", code="ClassUnknown", message=reason, origin=origin)
    if isinstance(routing.parameters, Unknown):
        reason = f"{routing.parameters.reason}; what exists stays as it is: add it to the input"
        return Note(level="warning", code="ParametersUnknown", message=reason, origin=origin)
    if own is not None and own.wrong is not None:
        message = f"{own.wrong.message}; what exists stays as it is"
        return Note(level="error", code="InvalidParameters", message=message, origin=origin)
    if routing.parameters is None:
        wanted = routing.gateway_class.parameters if routing.gateway_class is not None else None
        named = f"{wanted.kind} {wanted.name} does not exist" if wanted else "the GatewayClass has no parametersRef"
        message = f"{named}; what exists stays: create it, or correct the reference"
        return Note(level="error", code="InvalidParameters", message=message, origin=origin)
    if own is not None and isinstance(own.base, Parameters):
        alone = _parsed(own.base, provider_for)
        if isinstance(alone, Note):
            return alone
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


FEATURE = re.compile(r"(Gateway|ReferenceGrant|ListenerSet|BackendTLSPolicy|(HTTP|GRPC|TLS|TCP|UDP)Route)[A-Za-z0-9]*")


@dataclass(slots=True, kw_only=True)
class Classes:
    """By name of a GatewayClass of ours. refused: why its parameters cannot be used; unread: why nobody could tell;
    features: names of what its cloud supports."""

    refused: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    features: dict[str, tuple[str, ...]] = field(default_factory=dict)


def classes(
    snapshot: Snapshot,
    provider_for: Callable[[str], Provider | None],
    installed: Sequence[str],
    controller_name: str = CONTROLLER_NAME,
) -> Classes:
    """What the provider of each class of ours says of it. installed: names of the providers, for a message."""
    found = Classes()
    for one in snapshot.all(GatewayClass):
        ref = one.parameters
        if one.controller != controller_name or ref is None:
            continue
        raw = snapshot.get(ref.kind, "", ref.name)
        if not isinstance(raw, Parameters):
            continue
        provider = provider_for(ref.kind)
        if provider is None:
            names = ", ".join(installed) or "none"
            found.unread[one.meta.name] = f"no installed provider reads {ref.kind}; installed: {names}"
            continue
        found.features[one.meta.name] = features(provider.capabilities)
        try:
            provider.parameters(raw)
        except ParametersRefused as refused:
            said = "; ".join(f"{path}: {reason}" for path, reason in refused.problems)
            place = f" ({raw.meta.file}:{raw.meta.line})" if raw.meta.file else ""
            found.refused[one.meta.name] = f"{ref.kind} {ref.name}{place}: {said}"
    return found


def features(rows: Iterable[Capability]) -> tuple[str, ...]:
    """Feature names of the Gateway API that the cloud supports whole, sorted."""
    return tuple(sorted(row.feature for row in rows if row.support == "yes" and FEATURE.fullmatch(row.feature)))
