"""The words of the core: Address, Ref, Element, Graph, Kind, Wait, Change. Providers speak them, `diff` computes.

Pure values. No Kubernetes, no cloud. The one rule behind most of the safety is `same`: where either side is Unknown
there is no difference.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from cloudgw.objects import Origin, Unknown

Address: TypeAlias = str
"""`<namespace>/<gateway>/<provider>/<kind>/<logical id>`; the logical id may hold further slashes."""

Spec: TypeAlias = Mapping[str, Any]
"""Field name -> value: str, int, bool, None (= the default), Ref, Unknown, or tuples and mappings of these."""

Op: TypeAlias = Literal["create", "update", "delete", "reorder"]
WaitFor: TypeAlias = Literal[
    "health", "ready", "drain", "time", "operation", "approval", "quota", "unknown", "refused", "change"
]
SUFFIX_CHARACTERS = 10  # of base32: 50 bits
_PLAIN = frozenset((str, int, bool, float, type(None)))  # types of values that hold no others
EVERYTHING = "*"  # a token of Kind.meets that meets every other


def address(owner: str, provider: str, kind: str, logical: str) -> Address:
    """owner: "namespace/gateway"."""
    return f"{owner}/{provider}/{kind}/{logical}"


def kind_of(where: Address) -> str:
    return where.split("/", 4)[3]


def owner_of(where: Address) -> str:
    """ "namespace/gateway"."""
    namespace, gateway, _ = where.split("/", 2)
    return f"{namespace}/{gateway}"


def short(where: Address) -> str:
    """The address without its owner and provider: what a plan of one Gateway shows."""
    return where.split("/", 3)[3]


def key_of(where: Address, name: str) -> str:
    """Identity of one incarnation: "address@suffix"."""
    return f"{where}@{name}"


@dataclass(frozen=True, slots=True)
class Ref:
    """The only way to point at another element.

    until: what the referrer needs of it before it may refer to it; takes no part in comparisons.
    name: the incarnation (suffix), "" in desired: `diff` binds it to the current one.
    """

    to: Address
    until: Literal["exists", "ready", "serving"] = field(default="exists", compare=False)
    name: str = ""

    @property
    def key(self) -> str:
        return key_of(self.to, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """The smallest thing with an identity. name and outputs are of observed elements only.

    outputs the core reads: "id" (the cloud's), "position" (int, in ordered groups), "foreign" (tuple of names of
    things that are not ours and pin this element), "cluster" and "gateway" (evidence: UIDs noted at creation).
    """

    address: Address
    spec: Spec | Unknown
    name: str = ""
    origins: tuple[Origin, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return key_of(self.address, self.name)

    @property
    def fields(self) -> Spec:
        """The spec, empty where it is Unknown."""
        return {} if isinstance(self.spec, Unknown) else self.spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A total function from addresses to what is wanted (desired) or seen (observed) there.

    elements: address -> incarnations; exactly one each in desired.
    unknown: address prefixes about which nothing is known, except below the longer prefixes of `known`.
    Desired: order = any key -> addresses from top to bottom, each address in one sequence only; withdrawn = addresses
    whose permission is gone (a revoked grant): no wait may hold their removal back.
    doubted = elements that are Unknown, or some of whose fields are, because input is known to be missing or broken:
    what stands stays, nothing is made of what is Unknown, and the plan is complete without it.
    Observed: taken = table -> positions of foreign entries; busy = groups in which a long operation runs; failed =
    groups that a failed long operation left degraded.
    """

    elements: Mapping[Address, tuple[Element, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    order: Mapping[str, tuple[Address, ...]] = field(default_factory=dict)
    withdrawn: frozenset[Address] = frozenset()
    doubted: frozenset[Address] = frozenset()
    taken: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Element]:
        for where in sorted(self.elements):
            yield from self.elements[where]

    def one(self, where: Address) -> Element | None:
        found = self.elements.get(where, ())
        return found[0] if found else None

    def is_unknown(self, where: Address) -> bool:
        """True when nothing is known about an address that is not among the elements."""
        longest = max((len(p) for p in self.unknown if where.startswith(p)), default=-1)
        if longest < 0:
            return False
        return longest >= max((len(p) for p in self.known if where.startswith(p)), default=-1)

    def of(self, prefix: str) -> Graph:
        """The part whose addresses begin with a prefix ("namespace/gateway/")."""
        return replace(self, elements={a: e for a, e in self.elements.items() if a.startswith(prefix)})

    def by_owner(self) -> Callable[[str], Graph]:
        """The same part for every owner ("namespace/gateway"), from one walk over all elements."""
        found: dict[str, dict[Address, tuple[Element, ...]]] = {}
        for where, group in self.elements.items():
            found.setdefault(owner_of(where), {})[where] = group
        return lambda owner: replace(self, elements=found.get(owner, {}))


def graph(elements: Sequence[Element], **rest: Any) -> Graph:
    """A Graph of a plain sequence. Incarnations of one address keep the order of their suffixes and cloud ids."""
    found: dict[Address, list[Element]] = {}
    for element in elements:
        found.setdefault(element.address, []).append(element)
    ranked = {
        where: tuple(sorted(group, key=lambda e: (e.name, str(e.outputs.get("id", "")))))
        for where, group in found.items()
    }
    return Graph(elements=ranked, **rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why a change is not made now. until: a moment of the injected clock, where time alone ends it."""

    what: WaitFor
    message: str
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to do to one incarnation, or (reorder) to the standing entries of one group.

    before / after: the observed element, the desired one with bound refs (reorder: None, positions in `moves`).
    table: of a reorder, and of entries of which nothing else is known: the ordered table, where it is not the group.
    fields: names that differ (update). position: where a create goes in an ordered group.
    needs: keys of changes that must be done before; joint: keys of changes without which this one must not go.
    danger: what a person must have said a word for, in a few words; "" = nothing.
    fast: target changes, outside digest, budget and approval. retired: an old incarnation leaves (no loss).
    """

    op: Op
    address: Address
    name: str = ""
    group: str = ""
    table: str = ""
    before: Element | None = None
    after: Element | None = None
    fields: tuple[str, ...] = ()
    position: int | None = None
    moves: tuple[tuple[str, int], ...] = ()  # reorder: (element key, position)
    waits: tuple[Wait, ...] = ()
    needs: tuple[str, ...] = ()
    joint: tuple[str, ...] = ()
    danger: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    fast: bool = False
    warm: bool = False
    retired: bool = False

    @property
    def key(self) -> str:
        """Unique in a plan; the tie-break of every order."""
        if self.op == "reorder":
            return f"reorder {self.table or self.group}"
        return f"{self.op} {key_of(self.address, self.name)}"

    @property
    def word(self) -> str:
        """What an approval names: op, address, suffix and hash of the bound spec; positions left out."""
        subject = self.after.fields if self.after is not None else self.moves
        foreign = self.before.outputs.get("foreign", ()) if self.before is not None and self.op == "delete" else ()
        return f"{self.key} {hash_of((subject, tuple(foreign)))}"


Commit: TypeAlias = Callable[[Any, str, Sequence[Element], Sequence[Change], Mapping[str, str]], Mapping[str, str]]
"""commit(session, group, observed, changes, ids) -> {element key: cloud id} of what it created.

Makes exactly these changes of one group, reading the group again first. `observed`: our elements of the group.
`ids`: element key -> cloud id for every reference. Raises the provider's own exceptions; on a partial failure raises
`cloudgw.provider.Partial` with what was done.
"""


def own_group(where: Address, name: str, _: Spec) -> str:
    """A group of one: the element itself."""
    return f"{kind_of(where)}:{key_of(where, name)}"


def _ready(_: Element) -> bool:
    return True


def _no_claims(_: str, __: Spec) -> tuple[str, ...]:
    return ()


def _meets_all(_: Spec) -> tuple[str, ...]:
    return (EVERYTHING,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the core must know of a kind of element. Every field is declared in exactly one of immutable, mutable,
    optional (Unknown when unset: absent does not mean remove).

    defaults: values that count as left out, so that naming a default replaces nothing.
    group: which elements the cloud writes together. atomic: one write for the whole group, all or nothing.
    table: which ordered entries of a group stand in one order; None = all of them: table and group are the same.
    ready: the API says it is usable. serving: the share of wanted capacity that answers, 0.0 to 1.0, or None where the
    kind serves nobody itself. drain: seconds between the first observation without traffic and its deletion.
    claims: names only one holder may have, given the suffix and bound spec; handed over with downtime.
    published: seconds (DNS time to live) for which an old incarnation outlives the showing of its successor; 0 = never.
    traffic: fields whose Refs carry requests to what they name.
    warm: (owner address of the group, number, refs) -> element that no request meets and that attaches its refs to the
    group; None where the cloud probes what is not attached. warm_room: refs per entry. warm_positions: reserved.
    positions: the range of an ordered group's positions, top first; None = no order.
    meets: tokens of an ordered entry; two entries meet when they share one, or either has EVERYTHING.
    matches: mutable fields that say which requests an ordered entry answers: such an update goes with every change that
    it meets, or two entries would claim the same.
    meeting: (spec, spec) -> may one request match both? Instead of tokens, where tokens would couple too much.
    displaces: (spec of a new entry, spec of a standing one) -> may it take requests from it? None = it may always. One
    that displaces nobody waits for no health: its requests had no answer before.
    opens: the field that names what a new element of this kind brings into use ("" = itself): a host with a table of
    its own, say. It is made with all that lies there, where that takes requests from what stands.
    fast: the field that holds the targets of the one element that `of` names; such kinds follow every incarnation.
    stand_in: what replaces a new entry that the cloud refused: its 500.
    billed: shown in rendering as costing money per hour.
    """

    name: str
    commit: Commit
    immutable: tuple[str, ...] = ()
    mutable: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    defaults: Spec = field(default_factory=dict)
    group: Callable[[Address, str, Spec], str] = own_group
    table: Callable[[Address, str, Spec], str] | None = None
    atomic: bool = False
    ready: Callable[[Element], bool] = _ready
    serving: Callable[[Element], float] | None = None
    drain: Callable[[Element], float] | None = None
    claims: Callable[[str, Spec], tuple[str, ...]] = _no_claims
    published: float = 0.0
    traffic: tuple[str, ...] = ()
    warm: Callable[[Element, int, tuple[Ref, ...]], Element] | None = None
    warm_room: int = 1
    warm_positions: range = range(0)
    is_warm: Callable[[Address], bool] = lambda _: False
    positions: range | None = None
    meets: Callable[[Spec], tuple[str, ...]] = _meets_all
    meeting: Callable[[Spec, Spec], bool] | None = None
    matches: tuple[str, ...] = ()
    displaces: Callable[[Spec, Spec], bool] | None = None
    opens: str | None = None
    fast: str = ""
    of: str = ""
    stand_in: Callable[[Element], Element | None] | None = None
    exposes: Callable[[Spec], frozenset[str]] | None = None

    def table_of(self, where: Address, name: str, spec: Spec) -> str:
        return (self.table or self.group)(where, name, spec)

    @property
    def all_fields(self) -> tuple[str, ...]:
        return self.immutable + self.mutable + self.optional


def group_of(kinds: Mapping[str, Kind], element: Element) -> str:
    """What an element is written together with."""
    return kinds[kind_of(element.address)].group(element.address, element.name, element.fields)


def refs_in(value: Any) -> Iterator[Ref]:
    """Every Ref inside a value, depth first."""
    found: list[Ref] = []
    _collect(value, found)
    return iter(found)


def _collect(value: Any, found: list[Ref]) -> None:
    if isinstance(value, Ref):
        found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            if type(item) not in _PLAIN:  # here and below: nearly all are, and Mapping is slow to ask for
                _collect(item, found)
    elif type(value) is dict or (type(value) not in _PLAIN and isinstance(value, Mapping)):
        for key in sorted(value):
            if type(value[key]) not in _PLAIN:
                _collect(value[key], found)


def bind(value: Any, name_of: Callable[[Ref], str]) -> Any:
    """The same value with every Ref's name set."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Ref):
        return Ref(value.to, value.until, name_of(value))
    if isinstance(value, tuple):
        return tuple([item if type(item) in _PLAIN else bind(item, name_of) for item in value])
    if type(value) is dict or isinstance(value, Mapping):
        return {key: item if type(item) in _PLAIN else bind(item, name_of) for key, item in value.items()}
    return value


def holds_unknown(value: Any) -> bool:
    """A tuple or mapping that holds an Unknown is Unknown whole."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, Unknown):
        return True
    inner: Any = ()
    if isinstance(value, tuple):
        inner = value
    elif type(value) is dict or isinstance(value, Mapping):
        inner = value.values()
    return any(map(holds_unknown, [item for item in inner if type(item) not in _PLAIN]))


def same(desired: Any, observed: Any) -> bool:
    """True where there is no difference: equal values, or nothing known on either side."""
    if desired == observed:
        return True
    return holds_unknown(desired) or holds_unknown(observed)


def canonical(value: Any) -> Any:
    """JSON-like form of any spec value, for hashes and JSON output. Mappings sorted, None left out."""
    if isinstance(value, Ref):
        return f"→{value.to}@{value.name}" if value.name else f"→{value.to}"
    if isinstance(value, Unknown):
        return f"unknown({value.reason})"
    if isinstance(value, tuple | list):
        return [canonical(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): canonical(value[key]) for key in sorted(value) if value[key] is not None}
    return value


def hash_of(value: Any) -> str:
    """16 base32 characters (80 bits) of the canonical form."""
    digest = hashlib.sha256(repr(canonical(value)).encode()).digest()
    return base64.b32encode(digest)[:16].decode().lower()


def suffix_of(kind: Kind, spec: Spec) -> str:
    """The identity of an incarnation: 50 bits of the bound immutable values, None and defaults left out."""
    kept = {
        name: value
        for name in kind.immutable
        if (value := spec.get(name)) is not None and value != kind.defaults.get(name)
    }
    return hash_of(kept)[:SUFFIX_CHARACTERS]
