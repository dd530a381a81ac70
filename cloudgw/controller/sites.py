"""A site: one identity of one cloud, with its connection, its queue and the listing that all its Gateways share.

Threads of the site call it; each asks for a listing that is young enough, and one of them makes it for all. A site that
cannot be reached says so to its own Gateways and to nobody else's. It must never hand the writing half of its session
to anything that only plans.
"""

from __future__ import annotations

import contextlib
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cloudgw import pipeline
from cloudgw.controller import floor, metrics, tracing
from cloudgw.controller.workqueue import Queue
from cloudgw.graph import model
from cloudgw.objects import Key
from cloudgw.provider import Clock, Hook, Inventory, Known, Placement, Provider, ProviderParameters, Session

T = TypeVar("T")
AT_ONCE = 16  # Gateways in the queue for which a listing is made too
TURNS = 6  # listings for all Gateways in which each is read thoroughly once


class Unreachable(Exception):
    """The cloud of a site cannot be used now; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One listing. part: "namespace/name" -> what stands of that Gateway. cluster: UIDs of clusters that made it. kept:
    Gateways that were not read anew, but are as an earlier listing showed them. ended: moment."""

    inventory: Inventory
    part: Callable[[str], model.Graph]
    owners: frozenset[str]
    clusters: frozenset[str]
    scope: tuple[ProviderParameters, ...]
    kept: frozenset[str] = frozenset()
    ended: float = 0.0


@dataclass(slots=True, kw_only=True)
class Site:
    """named: the placement as parameters name it; `placement` also names the account, once it is known."""

    named: Placement
    provider: Provider
    clock: Clock
    hook: Hook
    owner: str
    queue: Queue[Key]
    swift: Queue[Key] = field(default_factory=lambda: Queue(time.monotonic))  # of targets alone
    memories: dict[Key, pipeline.Memory] = field(default_factory=dict)
    standing: dict[Key, bool] = field(default_factory=dict)
    empty: dict[Key, float] = field(default_factory=dict)  # when the first listing began that showed nothing of it
    fruitless: dict[Key, int] = field(default_factory=dict)  # looks in a row in which nothing could be done
    ready: dict[Key, floor.Counts] = field(default_factory=dict)  # targets at the last look
    last: Looked | None = None
    _whole: Looked | None = None  # the last one for which everything was read
    _asked: set[str] = field(default_factory=set)  # Gateways that the next listing has to read anew
    _touched: set[str] = field(default_factory=set)  # those of them that we wrote to
    _turn: int = 0
    _session: Session | None = None
    _account: str = ""  # of the last session: a place keeps its name while nobody is connected
    _scope: dict[Key, ProviderParameters] = field(default_factory=dict)
    _listing: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def placement(self) -> Placement:
        return replace(self.named, account=self._account) if self._account else self.named

    def covers(self, other: Placement) -> bool:
        """Whether another placement is this one; one without an account is that of the credentials."""
        mine = self.placement
        same = (mine.provider, mine.region) == (other.provider, other.region)
        return same and (not mine.account or not other.account or mine.account == other.account)

    def session(self) -> Session:
        """Connected when first asked for. Raises Unreachable."""
        with self._lock:
            if self._session is None:
                self._session = self.guarded(lambda: self.provider.connect(self.named, self.clock.sleep, self.hook))
                self._session = replace(self._session, owner=self.owner)
                self._account = self._session.account
            return self._session

    def disconnect(self) -> None:
        """After a refusal of the credentials: they are asked for anew."""
        with self._lock:
            self._session = None

    def memory(self, gateway: Key) -> pipeline.Memory:
        with self._lock:
            if gateway not in self.memories:
                self.memories[gateway] = pipeline.Memory()
                self.memories[gateway].cache.started = self.clock.now()
            return self.memories[gateway]

    def forget(self, gateway: Key) -> None:
        with self._lock:
            self.memories.pop(gateway, None)
            self.standing.pop(gateway, None)
            self.empty.pop(gateway, None)
            self.ready.pop(gateway, None)
            self.fruitless.pop(gateway, None)
            self._scope.pop(gateway, None)

    def wants(self, gateway: Key, parameters: ProviderParameters) -> None:
        """What a Gateway's parameters name is looked at from the next listing on."""
        with self._lock:
            self._scope[gateway] = parameters

    def look(
        self, gateway: str, oldest: float, needed: ProviderParameters | None = None, *, resting: bool = False
    ) -> Looked:
        """A listing that began at `oldest` or later and shows what the parameters name and this Gateway
        ("namespace/name"). resting: all Gateways are looked at, one listing is for all of them and may take its time:
        it must have ended at `oldest` or later. Raises Unreachable."""
        found = self._usable(gateway, oldest, needed, resting)
        if found is not None:
            return found
        session = self.session()
        with self._lock:
            self._asked.add(gateway)
        with self._listing:
            found = self._usable(gateway, oldest, needed, resting)
            if found is None:
                found = self._listed(session, gateway, resting)
            return found

    def look_ahead(self, gateway: Key, oldest: float, *, resting: bool) -> None:
        """The same before a pass takes the Gateway, where it is known what it needs: a listing takes long, and pods
        must not wait for it. What goes wrong is said by the pass."""
        with self._lock:
            needed = self._scope.get(gateway)
        if needed is not None:
            with contextlib.suppress(Unreachable):
                self.look("/".join(gateway), oldest, needed, resting=resting)

    def touched(self, gateway: str) -> None:
        """We wrote to it: the next listing reads all of it anew."""
        with self._lock:
            self._touched.add(gateway)

    def _usable(self, gateway: str, oldest: float, needed: ProviderParameters | None, resting: bool) -> Looked | None:
        for found in (self.last, self._whole):
            if found is None or gateway in found.kept or (needed is not None and needed not in found.scope):
                continue
            if (found.ended if resting else found.inventory.began) >= oldest:
                return found
        return None

    def _listed(self, session: Session, gateway: str, resting: bool) -> Looked:
        due = ["/".join(key) for key in self.queue.due(AT_ONCE)]
        with self._lock:
            scope = _distinct(list(self._scope.values()))
            anew, self._asked = frozenset({*self._asked, *self._touched, *due, gateway}), set()
            thorough, self._touched = frozenset(self._touched), set()
        last = self.last
        if last is not None and resting:
            self._turn += 1
            thorough |= {one for one in last.owners if zlib.crc32(one.encode()) % TURNS == self._turn % TURNS}
        known = None
        if last is not None:
            known = Known(inventory=last.inventory, anew=anew, thorough=thorough, everybody=resting)
        began = self.clock.now()
        try:
            with tracing.span("list", placement=str(self.placement)):
                inventory = self.guarded(
                    lambda: pipeline.listing(
                        self.provider, session.read, self.placement, scope, self.owner, self.clock, known
                    )
                )
        except Exception:
            with self._lock:
                self._touched |= thorough
            raise
        metrics.listing(str(self.placement), self.clock.now() - began, bool(inventory.incomplete))
        observed = pipeline.observe(self.provider, inventory, self.owner)
        partial = last is not None and not resting and not last.inventory.incomplete
        found = Looked(
            inventory=inventory,
            part=observed.by_owner(),
            owners=frozenset(model.owner_of(where) for where in observed.elements),
            clusters=frozenset(str(uid) for element in observed if (uid := element.outputs.get("cluster"))),
            scope=scope,
            kept=last.owners - anew if last is not None and partial else frozenset(),
            ended=self.clock.now(),
        )
        self.last = found
        self._whole = self._whole if found.kept else found
        return found

    def guarded(self, call: Callable[[], T]) -> T:
        """Raises Unreachable for what the cloud, its SDK or its credentials refuse; a defect of ours passes."""
        try:
            return call()
        except ImportError as missing:
            raise Unreachable(
                f"{self.named}: the SDK is not installed ({missing.name}); install cloudgw[{self.provider.name}]"
            ) from None
        except Exception as exception:
            failure = self.provider.classify(exception)
            if failure is None:
                raise
            if failure.why == "denied":
                self._session = None
            raise Unreachable(f"{self.named}: {failure.text}") from None


def _distinct(all_of_them: Sequence[ProviderParameters]) -> tuple[ProviderParameters, ...]:
    found: list[ProviderParameters] = []
    for one in all_of_them:
        if one not in found:
            found.append(one)
    return tuple(found)


class Sites:
    """By placement; made when first asked for."""

    def __init__(self, make: Callable[[Placement], Site]) -> None:
        self._make = make
        self._found: dict[Placement, Site] = {}
        self._lock = threading.Lock()

    def of(self, placement: Placement) -> Site:
        """Raises provider.Failed when no such provider is installed."""
        with self._lock:
            for site in self._found.values():
                if site.named == placement or site.placement == placement:
                    return site
            self._found[placement] = self._make(placement)
            return self._found[placement]

    def all(self) -> list[Site]:
        with self._lock:
            return [self._found[key] for key in sorted(self._found)]


def evidence(cluster: str, gateways: Mapping[Key, str]) -> dict[str, str]:
    """UIDs that are noted where something is created: of the cluster (kube-system's) and of Gateways."""
    found = {f"gateway:{'/'.join(key)}": uid for key, uid in gateways.items() if uid}
    return {**found, "cluster": cluster} if cluster else found
