"""Which kinds are watched, and which of them the API server serves, in which version.

`informers` asks; the answers are kept for a moment, so that twenty kinds ask once. A kind that is not installed is
looked for again as soon as a definition changes. This module must never take a failed question for "not installed".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudgw.controller import names
from cloudgw.controller.kube import Kube, Refused
from cloudgw.objects import Gateway, GatewayClass, Node
from cloudgw.sources import catalog, secrets, served

_KEPT = 10.0  # seconds that an answer is good for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A kind to watch. versions: the best first. params: of list and watch, such as fieldSelector. optional: nobody has
    to wait for it. bare: only its metadata is asked for. namespaces: where alone it is watched; () = where all are."""

    group: str
    kind: str
    versions: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    optional: bool = True
    bare: bool = False
    namespaced: bool = True
    namespaces: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """ "HTTPRoute (gateway.networking.k8s.io/v1)"."""
        return f"{self.kind} ({self.group}/{self.versions[0]})" if self.group else f"{self.kind} ({self.versions[0]})"


_NEEDED = (GatewayClass.__name__, Gateway.__name__)
_UNREAD = (Node.__name__,)  # zones and addresses stand in EndpointSlices: nothing is asked for that nobody reads
# Other Secrets are no certificates, and none of our business.
_PARAMS: Mapping[str, Mapping[str, str]] = {"Secret": {"fieldSelector": f"type={secrets.TLS_TYPE}"}}

RESOURCES: tuple[Wanted, ...] = tuple(
    Wanted(
        group=group,
        kind=kind,
        versions=known.versions,
        params=_PARAMS.get(kind, {}),
        optional=kind not in _NEEDED,
        bare=known.bare,
        namespaced=known.namespaced,
    )
    for (group, kind), known in catalog.KINDS.items()
    if kind not in _UNREAD
)


def own(kind: str, *, namespaces: tuple[str, ...] = ()) -> Wanted:
    """A kind of our own group: parameters of a provider, BackendPolicy, GatewayPlan, GatewayState."""
    return Wanted(
        group=names.GROUP,
        kind=kind,
        versions=(names.VERSION,),
        namespaced=catalog.is_namespaced(names.GROUP, kind),
        namespaces=namespaces,
    )


class Discovery:
    """What one API server serves."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._answers: dict[tuple[str, str], tuple[float, tuple[served.Resource, ...]]] = {}
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}
        self._changed = asyncio.Event()

    async def find(self, wanted: Wanted) -> served.Resource | None:
        """The best version that can be listed and watched; None when the server says that there is none. Raises as
        Kube does."""
        for version in wanted.versions:
            for resource in await self._resources(wanted.group, version):
                if resource.kind == wanted.kind and "watch" in resource.verbs:
                    return resource
        return None

    def changed(self) -> None:
        """A definition came, changed or went: whoever waits looks again."""
        self._answers.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    def forget(self) -> None:
        """A kind that was served is not: the answers are old."""
        self._answers.clear()

    async def pause(self, seconds: float) -> bool:
        """Waits; True, and at once, when `changed` is called meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _resources(self, group: str, version: str) -> tuple[served.Resource, ...]:
        key = (group, version)
        async with self._asking.setdefault(key, asyncio.Lock()):
            asked, found = self._answers.get(key, (0.0, ()))
            if asked and time.monotonic() < asked + _KEPT:
                return found
            try:
                answer = await self._kube.get(served.root(group, version))
            except Refused as refused:
                if refused.status != 404:
                    raise
                answer = {}
            found = tuple(served.resources(group, version, answer))
            self._answers[key] = (time.monotonic(), found)
            return found
