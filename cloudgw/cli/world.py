"""Everything a command looks at: who we are, what was written, what stands in each placement, what is wanted.

`plan`, `apply`, `drift` and `destroy` call `load`, then `World.planned`. One placement that cannot be reached is an
error note and stops no other. Planning is given `Session.read` alone; only `acting` hands on a whole Session.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cloudgw import pipeline, registry, wishes
from cloudgw.cli import clock as clocks
from cloudgw.cli import config as configs
from cloudgw.cli import inputs, inventories
from cloudgw.cli.problem import Problem
from cloudgw.graph import model
from cloudgw.objects import Namespace, Note
from cloudgw.plan import check, render_json
from cloudgw.plan import model as plans
from cloudgw.provider import Clock, Failed, Inventory, Placement, Provider, Session
from cloudgw.routing import resolve
from cloudgw.sources import collector

CLUSTER_NAMESPACE = "kube-system"  # its UID identifies a cluster
T = TypeVar("T")
Wish = pipeline.Wish


class Unreachable(Exception):
    """A placement cannot be used; the text says why and what to do."""


@dataclass(slots=True, kw_only=True)
class Site:
    """One placement. session None: the inventory came from a file, nothing can be listed anew or written."""

    placement: Placement
    provider: Provider
    clock: Clock
    owner: str
    survey: wishes.Survey
    cluster: str = ""
    session: Session | None = None
    inventory: Inventory
    observed: model.Graph
    destroy: frozenset[str] | None = None

    def look(self) -> Inventory:
        """A new listing. Raises what the provider raises."""
        assert self.session is not None
        scope = wishes.scope(self.survey, self.placement)
        return pipeline.listing(self.provider, self.session.read, self.placement, scope, self.owner, self.clock)

    def wanted(self, inventory: Inventory, only: frozenset[str] | None = None) -> tuple[list[Wish], list[Note]]:
        observed = self.observed
        if inventory is not self.inventory:
            observed = pipeline.observe(self.provider, inventory, self.owner)
            check_cluster(observed, self.cluster)
        return wishes.wishes(
            self.survey,
            self.placement,
            self.provider,
            inventory,
            observed,
            only=self.destroy if only is None else only,
            destroy=self.destroy or frozenset(),
        )

    def wish(self, gateway: str, inventory: Inventory) -> Wish:
        """Of one Gateway; left as it is where the listing gives no reason for anything."""
        found, _ = self.wanted(inventory, frozenset({gateway}))
        left_alone = model.Graph(unknown=(f"{gateway}/",))
        return found[0] if found else pipeline.Wish(gateway=gateway, desired=left_alone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    site: Site
    plan: plans.Plan
    wish: Wish


@dataclass(slots=True, kw_only=True)
class World:
    """errors: what makes the exit code 1: input that could not be read, parameters refused, placements not reached."""

    owner: str
    inputs: inputs.Inputs
    survey: wishes.Survey
    sites: list[Site] = field(default_factory=list)
    errors: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @collector.paused()
    def planned(self, word_of: Callable[[str, Placement], check.Word] | None = None) -> list[Planned]:
        """One plan per Gateway and placement, by both. word_of: what a person has said of it."""
        found: list[Planned] = []
        self.notes = [note for note in self.survey.notes if note not in self.errors]
        for site in self.sites:
            wanted, notes = site.wanted(site.inventory)
            self.notes += notes
            observed = site.observed.by_owner()
            for wish in wanted:
                word = word_of(wish.gateway, site.placement) if word_of is not None else None
                plan = pipeline.plan_one(
                    site.provider,
                    site.placement,
                    wish,
                    observed(wish.gateway),
                    now=site.inventory.began,
                    word=word,
                )
                found.append(Planned(site=site, plan=plan, wish=wish))
        return sorted(found, key=lambda item: (item.plan.gateway, item.plan.placement))

    def document(self, found: Sequence[plans.Plan]) -> render_json.Document:
        kinds = {site.provider.name: tuple(site.provider.kinds) for site in self.sites}
        return render_json.document(
            found,
            kinds=kinds,
            notes=(*self.inputs.notes, *self.notes),
            errors=self.errors,
            undecided=self.survey.undecided,
        )


@collector.paused()
def load(
    options: argparse.Namespace, *, needed: bool = True, destroy: Callable[[Site], frozenset[str]] | None = None
) -> World:
    """Reads the input and lists every placement. needed: False where no input is needed (destroy). destroy: answers the
    Gateways of a placement that a person named. Raises Problem where there is nothing to look at."""
    config = configs.find()
    owner = configs.owner(config, options.owner)
    given = inputs.load(options, config, needed=needed)
    resolution = resolve.resolve(given.snapshot)
    survey = wishes.survey(given.snapshot, resolution, registry.by_parameters_kind)
    refused = [note for note in survey.notes if note.level == "error" and note.code == "InvalidParameters"]
    world = World(owner=owner, inputs=given, survey=survey, errors=[*given.errors, *dict.fromkeys(refused)])
    file = getattr(options, "inventory", None)
    saved = {item.placement: item for item in inventories.read(file)} if file else None
    configured = tuple(saved) if saved is not None else config.placements
    placements = wishes.merged(configured, survey)
    if not placements and not world.errors and not survey.undecided:
        raise Problem(_nothing(needed, survey))
    clock = clocks.of_environment() if saved is None else None
    for placement in placements:
        try:
            if clock is not None:
                site = _connected(world, placement, clock)
            elif saved is not None and placement in saved:
                site = _saved(world, saved[placement], str(file))
            else:
                raise Unreachable(f"no listing of it in {file}; it holds {', '.join(map(str, configured)) or 'none'}")
        except Unreachable as reason:
            message = f"{placement}: {reason}"
            world.errors.append(Note(level="error", code="PlacementFailed", message=message))
            continue
        site.destroy = destroy(site) if destroy is not None else None
        world.sites.append(site)
    return world


def _nothing(needed: bool, survey: wishes.Survey) -> str:
    if survey.routings or not needed:
        return (
            "no placement is known: give -f with the GatewayClass and its parameters, "
            f"or list `placements` in {configs.NAME}"
        )
    return (
        "no Gateway in the input whose GatewayClass has controllerName cloudgw.dev/gateway-controller, "
        f"and no `placements` in {configs.NAME}: give the folder that holds Gateway and GatewayClass"
    )


def _connected(world: World, placement: Placement, clock: Clock) -> Site:
    """Raises Unreachable."""
    provider = _provider(placement)
    evidence = _evidence(world)
    session = guarded(provider, lambda: provider.connect(placement, clock.sleep))
    session = replace(session, owner=world.owner, evidence=evidence, materials=world.inputs.snapshot.materials)
    scope = wishes.scope(world.survey, placement)
    inventory = guarded(
        provider, lambda: pipeline.listing(provider, session.read, placement, scope, world.owner, clock)
    )
    return _site(world, placement, provider, clock, inventory, evidence, session)


def _saved(world: World, inventory: Inventory, file: str) -> Site:
    provider = _provider(inventory.placement)
    clock = clocks.Fixed(inventory.began)
    try:
        return _site(world, inventory.placement, provider, clock, inventory, _evidence(world), None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreachable(
            f"{file} does not hold a listing that this version understands ({type(error).__name__}: {error}); "
            "write it anew with `cloudgw plan --save-inventory`"
        ) from None


def _site(
    world: World,
    placement: Placement,
    provider: Provider,
    clock: Clock,
    inventory: Inventory,
    evidence: Mapping[str, str],
    session: Session | None,
) -> Site:
    observed = pipeline.observe(provider, inventory, world.owner)
    cluster = evidence.get("cluster", "")
    check_cluster(observed, cluster)
    return Site(
        placement=placement,
        provider=provider,
        clock=clock,
        owner=world.owner,
        survey=world.survey,
        cluster=cluster,
        session=session,
        inventory=inventory,
        observed=observed,
    )


def _provider(placement: Placement) -> Provider:
    try:
        return registry.provider(placement.provider)
    except Failed as failed:
        raise Unreachable(str(failed)) from None


def guarded(provider: Provider, call: Callable[[], T]) -> T:
    """What the provider answers. Raises Unreachable for what its cloud, its SDK or its credentials refuse."""
    try:
        return call()
    except ImportError as missing:
        raise Unreachable(
            f"its SDK is not installed ({missing.name}); install it with: pip install 'cloudgw[{provider.name}]'"
        ) from None
    except Exception as exception:
        failure = provider.classify(exception)
        if failure is None:
            raise
        raise Unreachable(failure.text) from None


def _evidence(world: World) -> dict[str, str]:
    """UIDs that the input knows: of the cluster and of each Gateway. Files mostly know none."""
    found = {f"gateway:{name}": routing.uid for name, routing in world.survey.routings.items() if routing.uid}
    system = world.inputs.snapshot.get(Namespace, "", CLUSTER_NAMESPACE)
    if isinstance(system, Namespace) and system.meta.uid:
        found["cluster"] = system.meta.uid
    return found


def check_cluster(observed: model.Graph, cluster: str) -> None:
    """One owner is one cluster: where something of ours was made from another one, the whole placement stops. Raises
    Unreachable."""
    seen = {str(uid) for element in observed if (uid := element.outputs.get("cluster"))} | ({cluster} - {""})
    if len(seen) > 1:
        raise Unreachable(
            f"what stands there was made from more than one cluster ({', '.join(sorted(seen))}) under one owner; "
            "nothing is touched: give each cluster its own owner"
        )
