"""What a cloud must give: the Provider protocol and the values that cross it.

`pipeline` and `engine` call it; `cloudgw_*` packages implement it; `cloudgw.testing.contract` proves it. Planning only
ever holds `Session.read`, which has no write methods.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from cloudgw.graph import model
from cloudgw.objects import Note, Parameters
from cloudgw.routing import ir

Why: TypeAlias = Literal[
    "throttled", "not_ready", "conflict", "denied", "quota", "invalid", "gone", "outcome_unknown", "unknown"
]
Support: TypeAlias = Literal["yes", "partial", "later", "no"]
Approval: TypeAlias = Literal["Never", "Dangerous", "Always"]
DriftPolicy: TypeAlias = Literal["Repair", "Report"]
DeletionPolicy: TypeAlias = Literal["Delete", "Retain"]
Answer = TypeVar("Answer")


class Failed(Exception):
    """Raised by provider code where no SDK exception says it better.

    why: failure class; message: for a person: object, field, reason, next step; key: the change it belongs to, where
    known (else the engine searches); done: element key -> id of what the same commit had made before.
    """

    def __init__(self, why: Why, message: str, *, key: str = "", done: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.why = why
        self.key = key
        self.done = dict(done or {})


class Partial(Exception):
    """A commit of several calls failed in the middle: `cause` is what the cloud's client raised, `key` the change at
    fault, `done` what had been made before (element key -> cloud id)."""

    def __init__(self, cause: BaseException, *, key: str, done: Mapping[str, str]) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.key = key
        self.done = dict(done)


class ParametersRefused(Exception):
    """The parameters object cannot be used. problems: one (field path, reason and fix) each."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {reason}" for path, reason in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A provider's exception, classified. guilty: key of the change that the cloud named, "" when it named none."""

    why: Why
    code: str  # the cloud's own error code
    message: str
    guilty: str = ""

    @property
    def text(self) -> str:
        """Code and message for a person, the code once."""
        once = not self.code or self.message.startswith(f"{self.code}:")
        return self.message if once else f"{self.code}: {self.message}"


# What differs in every answer: without it a cloud that refuses the same thing again says the same.
_PASSING = re.compile(
    r"""\s*\(?\b(?:trace|correlation|request|tracking|activity)\ ?id
        ['"]?(?:\ is|:|=)?\ ?['"]?[0-9a-f-]{16,}['"]?\)?[.,;]?
    |\s*\btimestamp:?\ ?[0-9][0-9T:.Z -]{9,}
    |\s*\(code:\ '[A-Z]-?[0-9]+'\)
    |\s*[A-Za-z0-9_+=-]{100,}""",
    re.IGNORECASE | re.VERBOSE,
)


def lasting(message: str) -> str:
    """A cloud's message without the identifiers of one request: it is shown in statuses, which are written when they
    change."""
    return _PASSING.sub("", message)


def classified(exception: BaseException, said: Callable[[BaseException], Failure | None]) -> Failure | None:
    """For a provider's `classify`: what provider code raised itself, also of a commit that failed in the middle; all
    else as the cloud `said` it, None for what no cloud said."""
    if isinstance(exception, Failed):
        return Failure(why=exception.why, code="", message=str(exception), guilty=exception.key)
    if isinstance(exception, Partial):
        inner = classified(exception.cause, said)
        return None if inner is None else replace(inner, guilty=exception.key)
    found = said(exception)
    return None if found is None else replace(found, message=lasting(found.message))


def attempt(
    step: Callable[[], Any], classify: Callable[[BaseException], Failure | None], unreachable: Container[str]
) -> Failure | None:
    """One part of a listing: why it could not be read, None when it was. What never reached the cloud is raised
    (unreachable: its codes), and so is a defect of ours."""
    try:
        step()
    except Exception as problem:
        failure = classify(problem)
        if failure is None or failure.code in unreachable:
            raise
        return failure
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """How a long operation stands. failure: why it failed."""

    state: Literal["running", "done", "failed"]
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One thing that a cloud can, or cannot, do. feature: Gateway API feature name or field path."""

    feature: str
    support: Support
    reason: str = ""
    source: str = ""  # the vendor's document
    test: str = ""  # pytest node id that proves the row
    code: str = ""  # the Note code that says it to a user


def row(feature: str, support: Support, source: str, test: str, reason: str = "", code: str = "") -> Capability:
    """A Capability that has a document and a test, as tables of many write it."""
    return Capability(feature=feature, support=support, reason=reason, source=source, test=test, code=code)


@dataclass(frozen=True, slots=True, order=True)
class Placement:
    """Where we create things: one identity of one cloud."""

    provider: str
    account: str = ""
    region: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.provider, self.account, self.region) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every provider's parameters have in common, read by core checks."""

    placement: Placement
    deletion_budget: int | None = None  # elements per run; None = the larger of 10 and 20 %
    approval: Approval = "Dangerous"  # which changes wait for a person's word
    drift_policy: DriftPolicy = "Repair"  # what somebody else changed in the cloud
    deletion_policy: DeletionPolicy = "Delete"  # what stands when the Gateway goes
    shift_deadline: float = 900.0  # seconds a shift waits for health


class ProviderParameters(Protocol):
    """A provider's parsed parameters: any frozen value with the common settings."""

    @property
    def settings(self) -> Settings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """One listing of one identity. content: the provider's own, JSON-like, without secrets (it is saved to files).

    incomplete: reasons; where there is one, nothing may be created or deleted. began: clock when the listing began.
    derived: what the provider worked out from content once, for itself; never saved, and never taken along to a copy.
    """

    placement: Placement
    content: Mapping[str, Any]
    incomplete: tuple[str, ...] = ()
    began: float = 0.0
    derived: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An earlier complete listing, for one that reads less. anew: Gateways ("namespace/name") of which everything is
    read that may differ from what we wrote; of others what it shows may stand. thorough: of them also what hardly ever
    differs, or settles by itself and did: tags, the health of targets that were healthy. everybody: all are `anew`."""

    inventory: Inventory
    anew: frozenset[str]
    thorough: frozenset[str] = frozenset()
    everybody: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What building needs to know of the cloud: subnets, quotas. values: the provider's own; notes: assumptions."""

    values: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Ownership, written in the creating call itself. suffix: the incarnation. cluster, gateway: UIDs as evidence."""

    owner: str
    address: model.Address
    suffix: str
    version: int = 1
    cluster: str = ""
    gateway: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """read has no write methods; write does. record: what to write at creation. materials: fingerprint -> Material.
    account: the one that the credentials belong to, also where the placement names none."""

    read: Any
    write: Any
    owner: str = ""
    account: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    materials: Mapping[str, Any] = field(default_factory=dict, repr=False)


Sleep: TypeAlias = Callable[[float], None]
"""Seconds."""


class Clock(Protocol):
    """Seconds. One injected clock measures and sleeps, so that a local cloud's hour may last a minute."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Rate:
    """A cloud's token bucket for some of its calls. capacity: calls at once; refill: calls a second."""

    name: str
    capacity: float
    refill: float


def no_rates(operation: str) -> tuple[Rate, ...]:
    """For providers of whose clouds nothing is known."""
    del operation
    return ()


class Hook(Protocol):
    """Told of every HTTP exchange with a cloud's API, reads and writes, as late as the SDK allows. Threads share it.

    operation: the cloud's own name of the call, one of few, never with an id in it. The exchanges by which identity
    libraries fetch tokens are not announced.
    """

    def before(self, operation: str, *, write: bool) -> None:
        """Right before a call leaves. May raise Failed to keep it from leaving: then there is no `after`."""

    def after(self, operation: str, *, write: bool, seconds: float, failure: Failure | None) -> None:
        """An answer came, or will not come. Must not raise."""


@dataclass(frozen=True, slots=True)
class Unhooked:
    """Nobody listens."""

    def before(self, operation: str, *, write: bool) -> None:
        """Every call may leave."""

    def after(self, operation: str, *, write: bool, seconds: float, failure: Failure | None) -> None:
        """Nothing is kept."""


UNHOOKED: Hook = Unhooked()


def exchange(
    hook: Hook,
    operation: str,
    send: Callable[[], Answer],
    *,
    write: bool,
    refused: Callable[[Answer], Failure | None],
    classify: Callable[[BaseException], Failure | None],
) -> Answer:
    """One HTTP exchange between the two calls of a hook. send: what it raises is raised, after it was classified.
    refused: the failure that an answer speaks of, None for a good one."""
    hook.before(operation, write=write)
    began = time.monotonic()
    try:
        answer = send()
    except Exception as problem:
        lost = classify(problem) or Failure(why="unknown", code=type(problem).__name__, message="no answer was read")
        hook.after(operation, write=write, seconds=time.monotonic() - began, failure=lost)
        raise
    hook.after(operation, write=write, seconds=time.monotonic() - began, failure=refused(answer))
    return answer


class Connect(Protocol):
    """`Provider.connect` as a function."""

    def __call__(self, placement: Placement, sleep: Sleep, hook: Hook = UNHOOKED) -> Session: ...


class Provider(Protocol):
    """May be called from several threads; must keep no state between calls but SDK clients inside a Session."""

    @property
    def name(self) -> str: ...
    @property
    def parameters_kind(self) -> str:
        """Kind of the cluster-scoped parameters object that selects this provider."""

    @property
    def kinds(self) -> Mapping[str, model.Kind]: ...
    @property
    def capabilities(self) -> tuple[Capability, ...]: ...
    @property
    def staleness(self) -> float:
        """Seconds by which a listing may lag a write."""

    def parameters(self, raw: Parameters) -> ProviderParameters:
        """Raises ParametersRefused, naming every unknown or unusable field."""

    def connect(self, placement: Placement, sleep: Sleep, hook: Hook = UNHOOKED) -> Session:
        """sleep: of the injected clock, for waits inside of a call. hook: told of every call of the session, of those
        that connecting needs too. Raises Failed("denied", ...) without credentials or when they belong to another
        account. Imports the SDK."""

    def list(self, read: Any, scope: Sequence[ProviderParameters], owner: str) -> Inventory:
        """Everything of the identity that we may own, and what facts need (scope names networks, groups)."""

    def facts(self, inventory: Inventory, routing: ir.Routing, parameters: ProviderParameters) -> Facts: ...
    def build(
        self, routing: ir.Routing, facts: Facts, parameters: ProviderParameters
    ) -> tuple[model.Graph, tuple[Note, ...]]:
        """Pure."""

    def lint(self, routing: ir.Routing) -> tuple[Note, ...]:
        """Pure. What this cloud cannot honour, as `build` would say it, without an account, facts or parameters."""

    def observe(self, inventory: Inventory, owner: str) -> model.Graph:
        """Pure. All Gateways of the owner."""

    def operation(self, read: Any, token: str) -> Operation:
        """Asks once how the long operation stands that a commit named in `done["operation"]`; never waits."""

    def classify(self, exception: BaseException) -> Failure | None:
        """None for what is no cloud's answer (a defect of ours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check of a placement found, for `doctor`. check: what was looked at, "permissions"; message: what is
    there, or what is wrong and why; fix: the next step, "" where nothing is wrong."""

    level: Literal["ok", "warning", "error"]
    check: str
    message: str
    fix: str = ""


Wanted: TypeAlias = tuple[Any, Facts]
"""The parameters of a Gateway, and what is known for it."""


def no_check(read: Any, inventory: Inventory, wanted: Sequence[Wanted]) -> Sequence[Finding]:
    """For providers that have nothing to say."""
    del read, inventory, wanted
    return ()


def no_operation(read: Any, token: str) -> Operation:
    """For providers whose commits name no long operation: nobody may ask."""
    raise NotImplementedError(f"{token}: no commit of this provider leaves a long operation behind: {read}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A Provider made of functions, each as the protocol says. listing: `list`, told the time when it begins."""

    name: str
    parameters_kind: str
    kinds: Mapping[str, model.Kind]
    capabilities: tuple[Capability, ...]
    staleness: float
    parameters: Callable[[Parameters], ProviderParameters]
    connect: Connect
    listing: Callable[[Any, Sequence[Any], str, float], Inventory]
    facts: Callable[[Inventory, ir.Routing, Any], Facts]
    build: Callable[[ir.Routing, Facts, Any], tuple[model.Graph, tuple[Note, ...]]]
    lint: Callable[[ir.Routing], tuple[Note, ...]]
    observe: Callable[[Inventory, str], model.Graph]
    operation: Callable[[Any, str], Operation] = no_operation
    classify: Callable[[BaseException], Failure | None]
    check: Callable[[Any, Inventory, Sequence[Wanted]], Sequence[Finding]] = no_check
    """Not of the protocol: who looks for what is missing (`doctor`) asks those that have it. Reads only."""
    relisting: Callable[[Any, Sequence[Any], str, float, Known], Inventory] | None = None
    """Not of the protocol: `listing` with what is known already, of clouds where a whole one needs many calls."""
    rates: Callable[[str], tuple[Rate, ...]] = no_rates
    """Not of the protocol: the cloud's buckets that an operation, as hooks name it, draws from."""

    def list(self, read: Any, scope: Sequence[Any], owner: str) -> Inventory:
        return self.listing(read, scope, owner, time.time())
