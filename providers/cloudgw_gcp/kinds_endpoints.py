"""The kind endpoints: the pods of one Service port in one zone, members of a group that is an element of its own.

`kinds` collects it. All zones of a Service port are written together: new members are attached first, and the last ones
that answer are kept until one of those to come is healthy, because a load balancer without a healthy endpoint answers
503 (cloud.google.com/load-balancing/docs/health-check-concepts). So a Service that is pointed at other pods, or at
another port of the same ones, is served all along. Must never detach an endpoint that was not read in the same commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudgw.graph import model
from cloudgw.provider import Failed, Partial, Session
from cloudgw_gcp import kinds_commit, names, shapes_backends

CHUNK = 500  # endpoints of one call: .../reference/rest/v1/networkEndpointGroups/attachNetworkEndpoints
PATIENCE = 12  # commits that keep the old ones, a few seconds after each other: then the new ones never get healthy
HEALTHY = "HEALTHY"


def group_of(where: model.Address, name: str, spec: model.Spec) -> str:  # noqa: ARG001
    """`endpoints:<namespace>/<gateway>/<service port>`: all its zones."""
    service = model.short(where).partition("/")[2].rpartition("/")[0]
    return f"endpoints:{model.owner_of(where)}/{service}"


def commit(
    session: Session,
    group: str,
    observed: Sequence[model.Element],
    changes: Sequence[model.Change],
    ids: kinds_commit.Ids,
) -> Mapping[str, str]:
    """Its last calls are not waited for: whoever comes to a group of endpoints next does, and gets their failure."""
    done: dict[str, str] = {}
    leaving: dict[str, list[str]] = {}
    states: dict[str, frozenset[str]] = {}  # of all endpoints, by path and endpoint
    staying: set[str] = set()
    for change in changes:
        try:
            path = _path(change, ids)
            _settle(session, path)
            goal, standing = set(kinds_commit.wanted(change)["targets"]), session.read.endpoint_states(path)
            _send(session, path, "attachNetworkEndpoints", sorted(goal - set(standing)))
        except Exception as problem:
            if done or not isinstance(problem, Failed):
                raise Partial(problem, key=change.key, done=done) from problem
            raise
        leaving[path] = sorted(set(standing) - goal)
        staying |= {f"{path} {endpoint}" for endpoint in goal}
        states |= {f"{path} {endpoint}": found for endpoint, found in standing.items()}
        done[kinds_commit.own(change)] = path
    if not any(leaving.values()):
        return done
    for element in observed:  # zones in which nothing changes
        path = str(element.outputs["id"])
        if path not in leaving and element.fields.get("targets"):
            found = session.read.endpoint_states(path)
            staying |= {f"{path} {endpoint}" for endpoint in found}
            states |= {f"{path} {endpoint}": of_one for endpoint, of_one in found.items()}
    if _must_wait(session, group, staying, states):
        return done
    for path, endpoints in leaving.items():
        _send(session, path, "detachNetworkEndpoints", endpoints)
    return done


def _must_wait(session: Session, group: str, staying: set[str], states: Mapping[str, frozenset[str]]) -> bool:
    """Whether those that leave are the last that answer. The next pass asks again, and not for ever."""
    answering = {key for key, found in states.items() if HEALTHY in found}
    last = bool(staying) and bool(answering) and not answering & staying
    held = session.write.held.pop(group, 0)
    if not last or held >= PATIENCE:
        return False
    session.write.held[group] = held + 1
    return True


def _path(change: model.Change, ids: kinds_commit.Ids) -> str:
    group = kinds_commit.wanted(change)["neg"]
    if group.key not in ids:
        raise Failed("not_ready", f"{model.short(group.to)} has no id yet; it is made first", key=change.key)
    return ids[group.key]


def _send(session: Session, path: str, verb: str, targets: Sequence[str]) -> None:
    for at in range(0, len(targets), CHUNK):
        _settle(session, path)
        body = shapes_backends.write_endpoints(targets[at : at + CHUNK])
        session.write.pending[path] = session.write.act(*names.place_of(path), verb, body)


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
    group=group_of,
    commit=commit,
    fast="targets",
    of="neg",
)
