"""The kinds behind a URL map: health-check, neg and backend-service; `kinds_endpoints` has what is in a neg.

`kinds` collects them. Groups of endpoints are shared by the incarnations of a load balancer, so that pods are
registered once per zone; a backend service names the groups of all zones and belongs to one load balancer, because its
scheme does (cloud.google.com/load-balancing/docs/backend-service). Groups that are replaced (other zones, another
subnetwork) must never leave a backend service while they alone answer: a group is probed only once it is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cloudgw.graph import model
from cloudgw.provider import Failed, Session
from cloudgw_gcp import kinds_commit, names
from cloudgw_gcp.shapes_values import IdOf

# Until a changed URL map has reached every proxy requests still come by the one before it. No document says how long
# that takes; the conformance tests of Google's own controller allow 300 s (GoogleCloudPlatform/gke-gateway-api).
DRAIN_SECONDS = 300.0
# Commits that keep groups which are to leave, six of them in half a minute and then the next pass: five minutes or
# more, as no document says when the first report of a new group comes. Then the new ones never get healthy.
PATIENCE = 60
ATTACHED = 12  # commits after which whoever is wanted is attached: a whole pass lies between, or more
HEALTHY = "HEALTHY"
NONE = "none"  # logical id of the backend service without endpoints, behind which nothing answers


def _serving(service: model.Element) -> float:
    return float(service.outputs.get("healthy", 0)) / max(1, int(service.outputs.get("targets", 0)))


def _settle(session: Session, change: model.Change, standing: Mapping[str, Any], id_of: IdOf) -> kinds_commit.Calls:
    """As wanted at once; or first with the groups that are to leave beside those to come, which then must get healthy:
    Failed("not_ready") until a later commit finds that they did."""
    assert change.after is not None
    spec = change.after.fields
    kept = _kept(session, standing, [id_of(group) for group in spec["backends"]])
    if not kept:
        yield from kinds_commit.put(session, change, standing, id_of)
        return
    both = {**spec, "backends": (*spec["backends"], *map(model.Ref, kept))}
    halfway = replace(change, after=replace(change.after, spec=both))
    yield from kinds_commit.put(session, halfway, standing, lambda ref: ref.to if ref.to in kept else id_of(ref))
    raise Failed(
        "not_ready",
        f"{model.short(change.address)} keeps {', '.join(kept)} until an endpoint of its other groups is healthy; "
        "where none gets so, look whether the pods answer and the firewall lets the health checks in",
        key=change.key,
    )


def _kept(session: Session, standing: Mapping[str, Any], goal: Sequence[str]) -> list[str]:
    """Paths of the groups that are to leave and must not yet: the last in which an endpoint answers. None where nobody
    is wanted, which shows by those that stay empty."""
    service = names.path_of(standing["selfLink"])
    now = [names.path_of(backend["group"]) for backend in standing.get("backends") or ()]
    leaving = [group for group in now if group not in goal]
    held = session.write.held.pop(service, 0)
    if not leaving or not goal or held >= PATIENCE:
        return []
    if any(_answers(session, service, group) for group in now if group in goal):
        return []
    if not any(_answers(session, service, group) for group in leaving):
        return []
    if held >= ATTACHED and not any(session.read.endpoint_states(group) for group in goal):
        return []
    session.write.held[service] = held + 1
    return leaving


def _answers(session: Session, service: str, group: str) -> bool:
    return any(found.get("healthState") == HEALTHY for found in session.read.health(service, group))


HEALTH_CHECK = kinds_commit.resource(
    "health-check",
    immutable=("place", "protocol"),
    mutable=("path", "port", "interval", "timeout", "healthy", "unhealthy", "extra"),
    defaults={"extra": ""},
)
NEG = kinds_commit.resource("neg", immutable=("zone", "network", "subnetwork", "type"))
BACKEND_SERVICE = kinds_commit.resource(
    "backend-service",
    settle=_settle,
    immutable=("address", "protocol", "exposure"),
    mutable=("health_check", "backends", "timeout", "affinity", "cookie", "draining", "extra"),
    defaults={"backends": (), "affinity": "NONE", "draining": 0, "extra": ""},
    serving=_serving,
    drain=lambda _: DRAIN_SECONDS,
)
