"""What Prometheus reads: controller-runtime's names, which dashboards know already, and our own `cloudgw_*`.

Everything in `controller` calls these functions, from any thread; `server` serves `exposed`. Labels are bounded: a
placement, an operation, a kind, a result, and of all objects the Gateway alone, whose series go when it goes. Routes,
Services and Secrets must never become labels. Names follow https://prometheus.io/docs/practices/naming/ and
https://book.kubebuilder.io/reference/metrics-reference; alert rules and dashboards depend on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import threading
import time
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

CONTENT_TYPE: Final = prometheus_client.CONTENT_TYPE_LATEST
Result: TypeAlias = Literal["success", "error", "requeue", "requeue_after"]
RESULTS: Final[tuple[Result, ...]] = ("success", "error", "requeue", "requeue_after")
OPERATIONS = 200  # different cloud calls per provider; what comes later is "other": a defect must not fill Prometheus

REGISTRY = CollectorRegistry()
_SHORT = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_CALL = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LONG = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1200.0)

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # second series of counters, read by nobody
ProcessCollector(registry=REGISTRY)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, buckets=buckets, registry=REGISTRY)


_RECONCILES = _counter(
    "controller_runtime_reconcile_total", "Reconciliations of a Gateway, by how they ended.", "controller", "result"
)
_ERRORS = _counter("controller_runtime_reconcile_errors_total", "Reconciliations that ended with error.", "controller")
_RECONCILE_TIME = _histogram(
    "controller_runtime_reconcile_time_seconds", "How long one reconciliation took.", _LONG, "controller"
)
_ACTIVE = _gauge("controller_runtime_active_workers", "Reconciliations that run now.", "controller")
_WORKERS = _gauge("controller_runtime_max_concurrent_reconciles", "Reconciliations that may run at once.", "controller")

_DEPTH = _gauge("workqueue_depth", "Gateways that wait to be reconciled.", "name")
_OLDEST = _gauge("workqueue_oldest_item_age_seconds", "Since when the Gateway that waits longest does.", "name")
_ADDS = _counter("workqueue_adds_total", "Gateways that were put into the queue.", "name")
_RETRIES = _counter("workqueue_retries_total", "Gateways that were put into the queue again after a failure.", "name")
_QUEUE_TIME = _histogram("workqueue_queue_duration_seconds", "How long a Gateway waited in the queue.", _LONG, "name")
_WORK_TIME = _histogram(
    "workqueue_work_duration_seconds", "How long a Gateway taken from it was worked on.", _LONG, "name"
)
_UNFINISHED = _gauge("workqueue_unfinished_work_seconds", "Work that runs now, together.", "name")
_LONGEST = _gauge("workqueue_longest_running_processor_seconds", "The work that runs longest now.", "name")

_KUBE_CALLS = _counter(
    "rest_client_requests_total", "Calls of the Kubernetes API; code <error> got no answer.", "code", "method", "host"
)
_KUBE_TIME = _histogram(
    "rest_client_request_duration_seconds", "How long calls of the Kubernetes API took.", _CALL, "verb", "host"
)
_LEADER = _gauge("leader_election_master_status", "1: this process leads, 0: it stands by.", "name")

_BUILD = _gauge("cloudgw_build_info", "The version that runs; always 1.", "version", "python")
_CLOUD_CALLS = _counter(
    "cloudgw_cloud_calls_total", "Calls of a cloud: ok, or why they failed.", "provider", "operation", "outcome"
)
_CLOUD_TIME = _histogram(
    "cloudgw_cloud_call_duration_seconds", "How long calls of a cloud took.", _CALL, "provider", "operation"
)
_THROTTLES = _counter("cloudgw_cloud_throttles_total", "Calls that a cloud refused as too many.", "provider")
_PACED = _counter(
    "cloudgw_cloud_paced_seconds_total", "Seconds for which calls were kept back, at a cloud's own pace.", "provider"
)
_LISTING_TIME = _histogram(
    "cloudgw_listing_duration_seconds", "How long one listing of a placement took.", _LONG, "placement"
)
_INCOMPLETE = _gauge(
    "cloudgw_listing_incomplete", "1: the last listing was not whole: nothing is created or deleted.", "placement"
)
_LISTED = _gauge(
    "cloudgw_listing_last_complete_timestamp_seconds", "When the last whole listing ended, Unix time.", "placement"
)
_PENDING = _gauge("cloudgw_pending_plans", "Plans that wait for a person's word.")
_PROGRAMMED = _gauge("cloudgw_gateway_programmed", "1: what is written is what stands.", "namespace", "name")
_WAITING = _gauge("cloudgw_gateway_waiting_changes", "Changes that wait, for whatever.", "namespace", "name")
_DRIFT = _gauge(
    "cloudgw_gateway_drifted_elements",
    "What stands otherwise than it was left: changed by others.",
    "namespace",
    "name",
)
_DANGEROUS = _gauge("cloudgw_gateway_dangerous_changes", "Changes that wait for a person's word.", "namespace", "name")
_EXPIRY = _gauge(
    "cloudgw_certificate_expiry_timestamp_seconds",
    "When the first certificate of a Gateway ends, Unix time.",
    "namespace",
    "name",
)
_PROPAGATION = _histogram(
    "cloudgw_route_propagation_seconds",
    "From seeing a change of a route until the cloud confirmed it.",
    (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
    "provider",
)
_SYNCED = _gauge("cloudgw_informer_synced", "1: this installed kind is completely known.", "kind")
_OBJECTS = _gauge("cloudgw_informer_objects", "Objects of a kind that are known.", "kind")
_LAG = _histogram("cloudgw_event_loop_lag_seconds", "How much later than asked for the event loop woke up.", _SHORT)

_OF_GATEWAY = (_PROGRAMMED, _WAITING, _DRIFT, _DANGEROUS, _EXPIRY)
_OF_QUEUE = (_DEPTH, _OLDEST, _UNFINISHED, _LONGEST, _ADDS, _RETRIES, _QUEUE_TIME, _WORK_TIME)
_OF_LISTING = (_INCOMPLETE, _LISTED, _LISTING_TIME)

_lock = threading.Lock()  # of the two below
_running: dict[str, dict[object, float]] = {}  # queue -> work -> when it began
_operations: dict[str, set[str]] = {}


async def exposed() -> bytes:
    """Everything in Prometheus' text format. Made in a thread: thousands of series take tenths of a second."""
    return await asyncio.to_thread(text)


def text() -> bytes:
    return prometheus_client.generate_latest(REGISTRY)


# Reconciliations and their queues: one queue per placement, named like it


def reconciled(controller: str, result: Result, seconds: float) -> None:
    """One reconciliation ended."""
    _RECONCILES.labels(controller, result).inc()
    _RECONCILE_TIME.labels(controller).observe(seconds)
    if result == "error":
        _ERRORS.labels(controller).inc()


def workers(controller: str, limit: int) -> None:
    """Called once at the start: every result has a series from then on, so that the first error is an increase."""
    _WORKERS.labels(controller).set(limit)
    _ACTIVE.labels(controller).set(0)
    _ERRORS.labels(controller)
    for result in RESULTS:
        _RECONCILES.labels(controller, result)


def active(controller: str, delta: int) -> None:
    """+1 when a reconciliation begins, -1 when it ends."""
    _ACTIVE.labels(controller).inc(delta)


def queued(name: str, depth: int, *, oldest: float | None = None) -> None:
    """How many wait now. oldest: time.monotonic() when the one that waits longest was put in, None when nobody waits;
    its age grows until this is called again."""
    _DEPTH.labels(name).set(depth)
    since = oldest
    _OLDEST.labels(name).set_function(lambda: 0.0 if since is None else time.monotonic() - since)


def added(name: str, *, retry: bool = False) -> None:
    """One was put into the queue. retry: because it failed before."""
    _ADDS.labels(name).inc()
    if retry:
        _RETRIES.labels(name).inc()


def queue_latency(name: str, seconds: float) -> None:
    """One was taken out after waiting so long."""
    _QUEUE_TIME.labels(name).observe(seconds)


def work(name: str, seconds: float) -> None:
    """One that was taken out is done with. `working` does this too."""
    _WORK_TIME.labels(name).observe(seconds)


@contextlib.contextmanager
def working(name: str) -> Iterator[None]:
    """Around the work on one that was taken out: what hangs is seen while it hangs."""
    began = time.monotonic()
    mine = object()
    with _lock:
        running = _running.setdefault(name, {})
        running[mine] = began
    _UNFINISHED.labels(name).set_function(lambda: sum(_ages(name)))
    _LONGEST.labels(name).set_function(lambda: max(_ages(name), default=0.0))
    try:
        yield
    finally:
        with _lock:
            running.pop(mine, None)
        work(name, time.monotonic() - began)


def _ages(name: str) -> list[float]:
    now = time.monotonic()
    with _lock:
        return [now - began for began in _running.get(name, {}).values()]


def leader(leads: bool, name: str = "cloudgw") -> None:
    """name: of the Lease."""
    _LEADER.labels(name).set(leads)


# Calls


def kube_call(method: str, code: int, seconds: float, host: str = "") -> None:
    """code: the HTTP status, 0 when there was no answer. host: of the API server."""
    _KUBE_CALLS.labels(str(code) if code else "<error>", method, host).inc()
    _KUBE_TIME.labels(method, host).observe(seconds)


def cloud_call(provider: str, operation: str, outcome: str, seconds: float) -> None:
    """operation: the cloud's own name of the call, without names or ids of anything; outcome: "ok" or `Failure.why`."""
    with _lock:
        known = _operations.setdefault(provider, set())
        if operation not in known and len(known) >= OPERATIONS:
            operation = "other"
        known.add(operation)
    _CLOUD_CALLS.labels(provider, operation, outcome).inc()
    _CLOUD_TIME.labels(provider, operation).observe(seconds)
    throttles = _THROTTLES.labels(provider)
    if outcome == "throttled":
        throttles.inc()


def paced(provider: str, seconds: float) -> None:
    """A call waits so long for its turn."""
    _PACED.labels(provider).inc(seconds)


def listing(placement: str, seconds: float, incomplete: bool) -> None:
    """One listing of an identity ended. incomplete: it does not show everything."""
    _LISTING_TIME.labels(placement).observe(seconds)
    _INCOMPLETE.labels(placement).set(incomplete)
    if not incomplete:
        _LISTED.labels(placement).set(time.time())


def forget_placement(placement: str) -> None:
    """Nothing is created there any more: neither its listings nor its queue are shown."""
    for metric in (*_OF_QUEUE, *_OF_LISTING):
        metric.remove(placement)


# Gateways


def gateway(namespace: str, name: str, *, programmed: bool, waiting: int, drift: int, dangerous: int) -> None:
    """How a Gateway stands after a reconciliation. waiting: changes that wait; drift: elements changed behind our back;
    dangerous: changes that wait for a person's word."""
    values = (programmed, waiting, drift, dangerous)
    for metric, value in zip((_PROGRAMMED, _WAITING, _DRIFT, _DANGEROUS), values, strict=True):
        metric.labels(namespace, name).set(value)


def forget(namespace: str, name: str) -> None:
    """The Gateway is gone, and so are its series."""
    for metric in _OF_GATEWAY:
        metric.remove(namespace, name)


def stand_by() -> None:
    """This process does not lead any more: only a leader speaks of Gateways, their queues and listings."""
    for metric in (*_OF_GATEWAY, *_OF_QUEUE, *_OF_LISTING):
        metric.clear()
    _PENDING.set(0)


def certificate(namespace: str, name: str, not_after: float | None) -> None:
    """namespace, name: of the Gateway. not_after: when its first certificate ends (Unix time); None: it has none."""
    if not_after is None:
        _EXPIRY.remove(namespace, name)
    else:
        _EXPIRY.labels(namespace, name).set(not_after)


def pending_plans(count: int) -> None:
    """Plans, of all Gateways and placements, that wait for a person's word."""
    _PENDING.set(count)


def propagation(provider: str, seconds: float) -> None:
    """A change of a route that was seen so long ago is programmed now."""
    _PROPAGATION.labels(provider).observe(seconds)


# This process


def informer(kind: str, synced: bool | None, objects: int = 0) -> None:
    """synced: None for a kind that is not installed: it has no series, and nobody is alerted."""
    if synced is None:
        _SYNCED.remove(kind)
        _OBJECTS.remove(kind)
        return
    _SYNCED.labels(kind).set(synced)
    _OBJECTS.labels(kind).set(objects)


def loop_lag(seconds: float) -> None:
    _LAG.observe(seconds)


def version(cloudgw: str) -> None:
    _BUILD.labels(cloudgw, platform.python_version()).set(1)
