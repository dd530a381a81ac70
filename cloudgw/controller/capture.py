"""One reconciliation as a file: everything that its plan was made of, so that it can be made again anywhere.

`cloudgw capture` writes one and `cloudgw replay` reads it; a controller may call `of` with what it has at hand. The
file holds the objects of one Gateway, the listings of its placements, facts, diary and plan. It goes to people who
debug: no secret byte is in it, nor anything that looks like a credential. It must never ask a cloud or a cluster, and
planning from it is `pipeline`'s own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from cloudgw import pipeline, registry, wishes
from cloudgw.controller import redaction, store
from cloudgw.graph import memory
from cloudgw.objects import CONTROLLER_NAME, Key, Snapshot
from cloudgw.plan import check, render_json
from cloudgw.plan import model as plans
from cloudgw.provider import Inventory, Placement
from cloudgw.routing import resolve
from cloudgw.sources import catalog, inventory_file, snapshot_file

FORMAT_VERSION = 1
STRANGE = (KeyError, TypeError, ValueError, AttributeError)  # raised about a listing that is not understood
_SETS = ("scarce", "restoring", "mended")  # of memory.Cache
_TUPLES = ("flight", "full", "suspects")
_LEFT_OUT = "good"  # whole elements, for putting back what failed: they are in the listing before


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One placement. memory_: as the plan was made with. approved: words that people had said. held, known_uids, spent:
    as of `pipeline.Wish`. busy, failed: groups, as the cloud said of our long operations; None: as the listing shows.
    """

    inventory: Inventory
    memory_: pipeline.Memory = field(default_factory=pipeline.Memory)
    approved: frozenset[str] = frozenset()
    held: str = ""
    known_uids: frozenset[str] = frozenset()
    spent: frozenset[str] = frozenset()
    busy: frozenset[str] | None = None
    failed: frozenset[str] | None = None

    @property
    def placement(self) -> Placement:
        return self.inventory.placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconcile:
    """What one plan is made of. snapshot: of one Gateway, see `narrowed`; materials in it never reach the file."""

    gateway: Key
    owner: str
    snapshot: Snapshot
    parts: tuple[Part, ...]
    controller_name: str = CONTROLLER_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """parts, plans: of each placement in which the Gateway is wanted or stands. document: as of `plan --output json`.
    facts: by placement."""

    plans: tuple[plans.Plan, ...]
    document: render_json.Document
    facts: Mapping[str, Any]
    parts: tuple[Part, ...]


def narrowed(snapshot: Snapshot, gateway: Key, controller_name: str = CONTROLLER_NAME) -> Snapshot:
    """What concerns one Gateway, as the controller's store selects it."""
    kept = store.Store(lambda *_: None, controller_name)
    every = {kind for _, kind in catalog.KINDS} | set(snapshot.objects) if "*" in snapshot.complete else set()
    for kind in {*snapshot.complete, *every}:
        kept.complete(kind)
    for kind, items in snapshot.objects.items():
        for key, item in items.items():
            kept.put(kind, key, store.Live(item=item))
    found = kept.selection(gateway)
    return dataclasses.replace(
        found,
        absent=found.absent | snapshot.absent,
        complete=snapshot.complete if "*" in snapshot.complete else found.complete,
    )


def plan(of_: Reconcile) -> Planned:
    """The plan, by the same steps as everywhere. Raises provider.Failed for a provider that is not installed, and
    whatever a provider raises about a listing that it does not understand."""
    gateway = "/".join(of_.gateway)
    resolution = resolve.resolve(of_.snapshot, of_.controller_name, only=frozenset({of_.gateway}))
    survey = wishes.survey(of_.snapshot, resolution, registry.by_parameters_kind)
    facts: dict[str, Any] = {}
    found: list[plans.Plan] = []
    parts: list[Part] = []
    kinds: dict[str, Sequence[str]] = {}
    for part in of_.parts:
        provider = registry.provider(part.placement.provider)
        kinds[provider.name] = tuple(provider.kinds)
        observed = pipeline.observe(provider, part.inventory, of_.owner)
        if part.busy is not None or part.failed is not None:
            busy, failed = part.busy or frozenset(), part.failed or frozenset()
            observed = dataclasses.replace(observed, busy=busy, failed=failed)
        wanted, _ = wishes.wishes(survey, part.placement, provider, part.inventory, observed, only=frozenset({gateway}))
        for wish in wanted:
            parts.append(part)
            found.append(
                pipeline.plan_one(
                    provider,
                    part.placement,
                    dataclasses.replace(wish, held=part.held, known_uids=part.known_uids, spent=part.spent),
                    observed,
                    now=part.inventory.began,
                    memory_=part.memory_,
                    word=check.Word(approved=part.approved),
                )
            )
            for chosen in survey.chosen:
                if chosen.routing.owner == gateway and not wish.gone:
                    facts[str(part.placement)] = provider.facts(
                        part.inventory, chosen.routing, chosen.parameters
                    ).values
    undecided = {name: reason for name, reason in survey.undecided.items() if name == gateway}
    document = render_json.document(found, kinds=kinds, undecided=undecided)
    return Planned(plans=tuple(found), document=document, facts=facts, parts=tuple(parts))


def of(
    of_: Reconcile,
    planned: Planned,
    *,
    flags: Mapping[str, Any] | None = None,
    gateway_plan: Mapping[str, Any] | None = None,
) -> str:
    """The file's text: JSON, sorted, redacted. flags: of whoever planned; gateway_plan: status of the GatewayPlan, as
    the controller wrote it. Where something was redacted, the plan that is made of the rest stands beside the true one:
    a rule may bear the hash of what went."""
    clean, count = redaction.document(
        _plain(
            {
                "gateway": {"namespace": of_.gateway[0], "name": of_.gateway[1]},
                "owner": of_.owner,
                "controllerName": of_.controller_name,
                "versions": {"cloudgw": metadata.version("cloudgw"), "python": platform.python_version()},
                "flags": flags or {},
                "snapshot": json.loads(snapshot_file.dump(of_.snapshot)),
                "inventory": inventory_file.document([part.inventory for part in planned.parts]),
                "placements": [_part(part) for part in sorted(planned.parts, key=lambda part: part.placement)],
                "gatewayPlan": gateway_plan,
                **_result(planned),
            }
        )
    )
    document = {**clean, "format_version": FORMAT_VERSION, "redacted": count, "replay": None}
    if count:
        with contextlib.suppress(*STRANGE):
            document["replay"] = redaction.document(_result(plan(read(json.dumps(document))[0])))[0]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)


def _result(planned: Planned) -> dict[str, Any]:
    return {"plan": _plain(planned.document), "facts": _plain(planned.facts)}


def read(text: str) -> tuple[Reconcile, dict[str, Any]]:
    """What `of` wrote: to be planned, and the whole document. Raises ValueError with the reason."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict) or found.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"is no capture of format_version {FORMAT_VERSION}")
    try:
        listings = inventory_file.parse(found["inventory"])
        parts = tuple(_read_part(one, inventory) for one, inventory in zip(found["placements"], listings, strict=True))
        reconcile = Reconcile(
            gateway=(str(found["gateway"]["namespace"]), str(found["gateway"]["name"])),
            owner=str(found["owner"]),
            controller_name=str(found["controllerName"]),
            snapshot=snapshot_file.parse_dump(json.dumps(found["snapshot"])),
            parts=parts,
        )
        for name, kind in (("plan", dict), ("facts", dict), ("versions", dict), ("redacted", int)):
            if not isinstance(found[name], kind):
                raise TypeError(name)
        _by_placement((found["replay"] or found)["plan"])
    except STRANGE as error:
        raise ValueError(f"is no whole capture ({type(error).__name__}: {error})") from None
    return reconcile, found


def differences(captured: Mapping[str, Any], planned: Planned) -> list[str]:
    """How a plan made again differs from the captured one, a line each; [] when it does not."""
    expected = captured["replay"] or captured
    replayed, _ = redaction.document(_result(planned))
    left, right = _by_placement(expected["plan"]), _by_placement(replayed["plan"])
    lines: list[str] = []
    for placement in sorted({*left, *right}):
        if placement not in left or placement not in right:
            lines.append(f"{placement}: a plan only in the {_side(placement in left)}")
            continue
        one, other = left[placement], right[placement]
        changes = [{_key(change): change for change in side["changes"]} for side in (one, other)]
        for key in sorted({*changes[0], *changes[1]}):
            before, after = (side.get(key) for side in changes)
            if before is None or after is None:
                lines.append(f"{placement}: {key}: only in the {_side(before is not None)}")
            elif names := [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]:
                lines.append(f"{placement}: {key}: {', '.join(names)}")
        lines += [f"{placement}: {name}" for name in sorted(one) if name != "changes" and one[name] != other.get(name)]
    facts = expected["facts"]
    lines += [f"{where}: facts" for where in sorted(facts) if facts[where] != replayed["facts"].get(where)]
    lines += [name for name in ("complete", "incomplete") if expected["plan"].get(name) != replayed["plan"][name]]
    return lines


def _side(captured: bool) -> str:
    return "capture" if captured else "replay"


def _by_placement(document: Mapping[str, Any]) -> dict[str, Any]:
    return {plan["placement"]: plan for plan in document["plans"]}


def _key(change: Mapping[str, Any]) -> str:
    return " ".join(part for part in (change["op"], change["kind"], change["id"], change["name"]) if part)


def _part(part: Part) -> dict[str, Any]:
    cache = {
        one.name: getattr(part.memory_.cache, one.name)
        for one in dataclasses.fields(memory.Cache)
        if one.name != _LEFT_OUT
    }
    return {
        "placement": str(part.placement),
        "diary": dataclasses.asdict(part.memory_.diary),
        "cache": {name: value for name, value in cache.items() if value},
        "approved": part.approved,
        "held": part.held,
        "known_uids": part.known_uids,
        "spent": part.spent,
        "busy": part.busy,
        "failed": part.failed,
    }


def _read_part(one: Mapping[str, Any], inventory: Inventory) -> Part:
    if one["placement"] != str(inventory.placement):
        raise ValueError(f"{one['placement']} has no listing")
    diary, cache = one["diary"], dict(one["cache"])
    for name in _SETS:
        cache[name] = set(cache.get(name, ()))
    for name in _TUPLES:
        cache[name] = {key: tuple(value) for key, value in cache.get(name, {}).items()}
    cache["broken"] = {key: (*value[:3], tuple(value[3])) for key, value in cache.get("broken", {}).items()}
    published = {where: (str(name), float(since)) for where, (name, since) in diary["published"].items()}
    found = memory.Diary(**{**diary, "published": published, "deletions": tuple(diary["deletions"])})
    return Part(
        inventory=inventory,
        memory_=pipeline.Memory(diary=found, cache=memory.Cache(**cache)),
        approved=frozenset(one["approved"]),
        held=str(one["held"]),
        known_uids=frozenset(one["known_uids"]),
        spent=frozenset(one["spent"]),
        busy=None if one["busy"] is None else frozenset(one["busy"]),
        failed=None if one["failed"] is None else frozenset(one["failed"]),
    )


def _plain(value: Any) -> Any:
    """As JSON has it: sets sorted, dataclasses as mappings, anything strange as its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return str(value)
