"""The kind endpoints: the pods of one Service port in one zone, members of a group that is an element of its own.

`kinds` collects it. All zones of a Service port are written together: new members are attached first, and the last ones
that answer are kept until one of those to come is healthy, because a load balancer without a healthy endpoint answers
503 (cloud.google.com/load-balancing/docs/health-check-concepts). So a Service that is pointed at other pods, or at
another port of the same ones, is served all along; a pod that was taken out of it keeps its requests for that long
(PATIENCE). One endpoint that Google refuses keeps no other from being attached or detached. Must never detach an
endpoint that was not read in the same commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Failure, Partial, Session
from cloudgw_gcp import failures, kinds_commit, names, shapes_backends

CHUNK = 500  # endpoints of one call: .../reference/rest/v1/networkEndpointGroups/attachNetworkEndpoints
# Commits that keep the old ones, a few seconds after each other: then the new ones never get healthy. What it costs: a
# pod that was taken out of its Service (its label, not its life) gets requests for so long when no other is healthy.
PATIENCE = 12
REFUSALS = 100  # refused calls in one zone and commit, after which no part is halved any more
GUILTY = ("invalid", "gone")  # the group was just read, so that what is gone is an endpoint's instance
HEALTHY = "HEALTHY"


def group_of(where: model.Address, name: str, spec: model.Spec) -> str:  # noqa: ARG001
    """`endpoints:<namespace>/<gateway>/<service port>`: all its zones."""
    service = model.short(where).partition("/")[2].rpartition("/")[0]
    return f"endpoints:{model.owner_of(where)}/{service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Zone:
    """What one change found and did. missing: what was to be attached; staying: wanted and not refused; refused:
    endpoint -> why it cannot be attached. careful: what was begun there before was refused late."""

    change: model.Change
    path: str
    states: Mapping[str, frozenset[str]]
    leaving: Sequence[str]
    missing: Sequence[str]
    careful: bool
    staying: frozenset[str]
    refused: Mapping[str, Failure]


def commit(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: kinds_commit.Ids,
) -> Mapping[str, str]:
    """Its last calls are not waited for: whoever comes to a group of endpoints next does, and gets their failure.

    Raises Failed for the first zone in which endpoints were refused, when everything else is done and nothing is left
    to detach there: what is remembered as refused is not tried again until the pods change.
    """
    done: dict[str, str] = {}
    zones: list[_Zone] = []
    for change in changes:
        try:
            zones.append(_attached(session, change, ids))
        except Exception as problem:
            if done or not isinstance(problem, Failed):
                raise Partial(problem, key=change.key, done=done) from problem
            raise
        done[kinds_commit.own(change)] = zones[-1].path
    if any(zone.leaving for zone in zones):
        zones = [_settled(session, zone) for zone in zones]
        states = {f"{zone.path} {endpoint}": found for zone in zones for endpoint, found in zone.states.items()}
        still = _unchanged(session, observed, {zone.path for zone in zones})
        staying = {*still, *(f"{zone.path} {endpoint}" for zone in zones for endpoint in zone.staying)}
        answering = {key for key, found in {**states, **still}.items() if HEALTHY in found}
        last = bool(answering) and not answering & staying
        if last and not staying and any(map(_wants_some, zones)):
            raise _kept(zones, done)
        if last and staying and _is_patient(session, group):
            return done
        session.write.held.pop(group, None)
        for zone in zones:
            _detach(session, zone)
    for zone in zones:
        if zone.refused:
            raise _refused(zone, zones, done)
    return done


def _attached(session: Session, change: model.Change, ids: kinds_commit.Ids) -> _Zone:
    """Attaches what is missing; the group is read before."""
    path, late = _path(change, ids), None
    try:
        _settle(session, path)
    except Exception as problem:
        late = problem
    goal, standing = set(kinds_commit.wanted(change)["targets"]), session.read.endpoint_states(path)
    missing = sorted(goal - set(standing))
    if late is not None and _fault(late) is None:
        raise late
    refused = _attach(session, path, missing, careful=late is not None)
    return _Zone(
        change=change,
        path=path,
        states=standing,
        leaving=sorted(set(standing) - goal),
        missing=missing,
        careful=late is not None,
        staying=frozenset(goal - set(refused)),
        refused=refused,
    )


def _settled(session: Session, zone: _Zone) -> _Zone:
    """The same once its last call has ended, where others leave: a detach comes after it anyway."""
    if not zone.leaving:
        return zone
    try:
        _settle(session, zone.path)
    except Exception as problem:
        if _fault(problem) is None:
            raise Partial(problem, key=zone.change.key, done={}) from problem
        last = zone.missing[(len(zone.missing) - 1) // CHUNK * CHUNK :]
        refused = _attach(session, zone.path, last, careful=True)
        return replace(zone, staying=zone.staying - set(refused), refused={**zone.refused, **refused})
    return zone


def _attach(session: Session, path: str, targets: Sequence[str], *, careful: bool) -> Mapping[str, Failure]:
    """Those that were refused, found by halving: Google refuses a call whole. The large parts first, so that what is
    left when the search is given up is little. careful: waits for all; else not for the last call."""
    parts = deque(targets[at : at + CHUNK] for at in range(0, len(targets), CHUNK))
    refused: dict[str, Failure] = {}
    calls = 0
    while parts:
        part = parts.popleft()
        try:
            session.write.pending[path] = _begun(session, path, "attachNetworkEndpoints", part)
            if careful or parts:
                _settle(session, path)
        except Exception as problem:
            fault = _fault(problem)
            if fault is None:
                raise
            careful, calls = True, calls + 1
            if len(part) == 1 or calls >= REFUSALS:
                refused |= dict.fromkeys(part, fault)
            else:
                middle = len(part) // 2
                parts += [part[:middle], part[middle:]]
    return refused


def _fault(problem: BaseException) -> Failure | None:
    """Why endpoints of a call were refused, None for what has nothing to do with them."""
    failure = failures.classify(problem)
    return failure if failure is not None and failure.why in GUILTY else None


def _unchanged(session: Session, observed: Sequence[model.Element], changed: set[str]) -> Mapping[str, frozenset[str]]:
    """What is attached in zones in which nothing changes, by path and endpoint."""
    found: dict[str, frozenset[str]] = {}
    for element in observed:
        path = str(element.outputs["id"])
        if path not in changed and element.fields.get("targets"):
            found |= {f"{path} {one}": states for one, states in session.read.endpoint_states(path).items()}
    return found


def _wants_some(zone: _Zone) -> bool:
    """Whether the Service has pods, in this zone or in another."""
    wanted = kinds_commit.wanted(zone.change)
    return bool(wanted["targets"] or wanted.get("elsewhere"))


def _is_patient(session: Session, group: str) -> bool:
    """Whether the last that answer are kept once more. The next pass asks again, and not for ever."""
    held: int = session.write.held.get(group, 0)
    session.write.held[group] = held + 1
    return held < PATIENCE


def _kept(zones: Sequence[_Zone], done: Mapping[str, str]) -> Failed:
    """Nobody can take over. Those in whose zone nothing is kept are done, and the one that is named, so that the
    engine does not try again at once."""
    first = next(zone for zone in zones if zone.leaving)
    why = "; ".join(_said(zone) for zone in zones if zone.refused) or "the groups of its other zones take none yet"
    return Failed(
        "not_ready",
        f"{model.short(first.change.address)}: endpoints that are to leave stay attached, because none of those to "
        f"come is: {why}",
        key=first.change.key,
        done=_without(done, [zone for zone in zones if zone.leaving and zone is not first]),
    )


def _refused(first: _Zone, zones: Sequence[_Zone], done: Mapping[str, str]) -> Failed:
    rest = [zone for zone in zones if zone.refused and zone is not first]
    why = next(iter(first.refused.values())).why
    return Failed(why, _said(first), key=first.change.key, done=_without(done, rest))


def _said(zone: _Zone) -> str:
    endpoint, failure = next(iter(zone.refused.items()))
    return (
        f"{model.short(zone.change.address)}: {len(zone.refused)} endpoints are refused and receive no requests, "
        f"{endpoint} ({failure.message}); look whether their nodes exist in this zone, network and subnetwork"
    )


def _without(done: Mapping[str, str], zones: Sequence[_Zone]) -> dict[str, str]:
    left_out = {kinds_commit.own(zone.change) for zone in zones}
    return {key: path for key, path in done.items() if key not in left_out}


def _path(change: model.Change, ids: kinds_commit.Ids) -> str:
    group = kinds_commit.wanted(change)["neg"]
    if group.key not in ids:
        raise Failed("not_ready", f"{model.short(group.to)} has no id yet; it is made first", key=change.key)
    return ids[group.key]


def _detach(session: Session, zone: _Zone) -> None:
    try:
        for at in range(0, len(zone.leaving), CHUNK):
            _settle(session, zone.path)
            part = zone.leaving[at : at + CHUNK]
            session.write.pending[zone.path] = _begun(session, zone.path, "detachNetworkEndpoints", part)
        if zone.careful:
            _settle(session, zone.path)
    except Exception as problem:
        raise Partial(problem, key=zone.change.key, done={}) from problem


def _begun(session: Session, path: str, verb: str, targets: Sequence[str]) -> Any:
    return session.write.act(*names.place_of(path), verb, shapes_backends.write_endpoints(targets))


def _settle(session: Session, path: str) -> None:
    """Waits for what was begun on this group before; raises its failure."""
    running = session.write.pending.pop(path, None)
    problem = session.write.wait([running])[0] if running is not None else None
    if problem is not None:
        raise problem


ENDPOINTS = model.Kind(
    name="endpoints",
    immutable=("neg",),
    mutable=("targets",),
    optional=("elsewhere",),
    group=group_of,
    commit=commit,
    fast="targets",
    of="neg",
)
