"""Statuses of GatewayClasses and of our own parameters: which class is accepted, and what its cloud supports.

A task in the loop, woken when one of them or a definition changes. Only the leader writes. It never decides anything
about Gateways.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence

from cloudgw import registry, wishes
from cloudgw.controller import kube, merging, programming
from cloudgw.controller.store import Store
from cloudgw.controller.writing import Writer
from cloudgw.objects import Gateway, Key, Parameters
from cloudgw.provider import ParametersRefused
from cloudgw.routing import ir, overrides, resolve, statuses

LOG = logging.getLogger(__name__)
CALM = 0.2  # seconds in which changes gather
AGAIN = 10.0  # after something could not be written


class Classes:
    """kinds: of parameters that belong to classes. leads: whether this process may write statuses now."""

    def __init__(
        self, store: Store, writer: Writer, kinds: Sequence[str], leads: Callable[[], bool], controller: str
    ) -> None:
        self._store, self._writer, self._leads, self._controller = store, writer, leads, controller
        self._kinds = kinds
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def changed(self) -> None:
        """From any thread."""
        self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(CALM)
            self._changed.clear()
            if not self._leads():
                continue  # whoever leads next begins with everything
            wanted = await asyncio.to_thread(self._wanted)
            if not all([await self._write(one) for one in wanted]):
                await asyncio.sleep(AGAIN)
                self._changed.set()

    async def _write(self, wanted: statuses.ObjectStatus) -> bool:
        """What is refused of one is no matter of the others'."""
        try:
            await self._writer.write(wanted.kind, (wanted.namespace, wanted.name), wanted)
        except (kube.Refused, OSError) as problem:
            LOG.warning("the status of %s %s is not written now: %s", wanted.kind, wanted.name, problem)
            return False
        return True

    def _wanted(self) -> list[statuses.ObjectStatus]:
        snapshot = self._store.classes()
        said = wishes.classes(snapshot, registry.by_parameters_kind, registry.names(), self._controller)
        found = [
            one
            for one in statuses.of(
                snapshot,
                ir.Resolution(gateways=()),
                refused={**said.unread, **said.refused},
                features=said.features,
                controller_name=self._controller,
            )
            if one.kind == "GatewayClass"
        ]
        said_of = [dataclasses.replace(one, status=programming.spoken(one.status)) for one in found]
        return [*said_of, *self._parameters(), *self._own()]

    def _parameters(self) -> list[statuses.ObjectStatus]:
        found = []
        for kind in self._kinds:
            provider = registry.by_parameters_kind(kind)
            for key in self._store.keys(kind):
                live = self._store.get(kind, key)
                if provider is None or live is None or not isinstance(live.item, Parameters):
                    continue
                problems: list[str] = []
                try:
                    provider.parameters(live.item)
                except ParametersRefused as refused:
                    problems = [f"{path}: {reason}" for path, reason in refused.problems]
                found.append(merging.readiness(kind, *key, live.generation, problems))
        return found

    def _own(self) -> list[statuses.ObjectStatus]:
        """Of Gateways' own parameters: whether every Gateway that refers to them can be made with them."""
        problems: dict[tuple[str, Key], list[str]] = {}
        for kind in map(overrides.kind_of, self._kinds):
            problems |= {(kind, key): [] for key in self._store.keys(kind)}
        for gateway in self._store.gateways():
            live = self._store.get(Gateway.__name__, gateway)
            ref = live.item.infrastructure.parameters if live and isinstance(live.item, Gateway) else None
            if ref is None or (ref.kind, (gateway[0], ref.name)) not in problems:
                continue
            snapshot = self._store.selection(gateway)
            resolution = resolve.resolve(snapshot, self._controller, only={gateway})
            survey = wishes.survey(snapshot, resolution, registry.by_parameters_kind)
            if why := survey.undecided.get("/".join(gateway)):
                problems[ref.kind, (gateway[0], ref.name)].append(f"Gateway {gateway[1]}: {why}")
        lives = {(kind, key): self._store.get(kind, key) for kind, key in problems}
        return [
            merging.readiness(kind, *key, live.generation, problems[kind, key])
            for (kind, key), live in lives.items()
            if live is not None
        ]
