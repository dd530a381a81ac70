"""The names, units and sizes of the metrics: what `promtool check metrics` asks for, and what Prometheus can bear."""

from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest
from prometheus_client import parser

from cloudgw.controller import metrics

# Of Prometheus' own linter (client_golang, testutil/promlint/validations): units that are not base units, and their
# short forms; suffixes that belong to one type.
NOT_BASE = re.compile(
    "milliseconds|microseconds|nanoseconds|minutes|hours|days|weeks|kilobytes|megabytes|gigabytes|kibibytes|mebibytes"
    "|bits|percent|celcius|kelvins|ms|us|ns|sec|secs|min|mins|kb|mb|gb|b"
)
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
LABELS = {
    "controller", "result", "name", "namespace", "code", "method", "host", "verb", "version", "python", "provider",
    "operation", "outcome", "placement", "kind", "le",
}  # fmt: skip


def scraped() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample; a second one with the same name and labels fails."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in parser.text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def value(sample: str, /, **labels: str) -> float | None:
    return scraped().get((sample, frozenset(labels.items())))


def everything(gateway: str = "edge") -> None:
    """Every function once."""
    metrics.version("1.2.3")
    metrics.workers("gateway", 4)
    metrics.reconciled("gateway", "success", 0.2)
    metrics.active("gateway", 0)
    metrics.queued("one/1/here", 2, oldest=time.monotonic())
    metrics.added("one/1/here", retry=True)
    metrics.queue_latency("one/1/here", 0.1)
    with metrics.working("one/1/here"):
        pass
    metrics.leader(True)
    metrics.kube_call("GET", 200, 0.01, "api")
    metrics.cloud_call("one", "rules.insert", "ok", 0.3)
    metrics.listing("one/1/here", 2.0, incomplete=False)
    metrics.gateway("shop", gateway, programmed=True, waiting=1, drift=0, dangerous=0)
    metrics.certificate("shop", gateway, 2e9)
    metrics.pending_plans(1)
    metrics.propagation("one", 12.0)
    metrics.informer("HTTPRoute", True, 7)
    metrics.loop_lag(0.001)


def test_every_name_is_as_the_linter_of_prometheus_wants_it() -> None:
    everything()
    families: dict[str, str] = {}
    texts: dict[str, str] = {}
    for line in metrics.text().decode().splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in families, f"{name}: twice"
            families[name] = kind
        elif line.startswith("# HELP "):
            _, _, name, *text = line.split(" ", 3)
            texts[name] = "".join(text).strip()
    ours = {name: kind for name, kind in families.items() if not name.startswith("process_")}
    assert len(ours) > 30
    for name, kind in ours.items():
        assert re.fullmatch(r"(controller_runtime|workqueue|rest_client|leader_election|cloudgw)(_[a-z]+)+", name), name
        assert texts[name].endswith("."), f"{name}: a sentence"
        assert (kind == "counter") == name.endswith("_total"), f"{name}: {kind}"
        words = name.split("_")
        assert not name.endswith(("_bucket", "_count", "_sum", "_created")), name
        assert not [word for word in words if word in TYPES], name
        assert not [word for word in words if NOT_BASE.fullmatch(word)], name
        if kind == "histogram":
            assert name.endswith("_seconds"), name
    for name, labels in scraped():
        if not name.startswith("process_"):
            assert {label for label, _ in labels} <= LABELS, name


def test_the_names_that_dashboards_know_are_there() -> None:
    everything()
    text = metrics.text().decode()
    for sample in (
        'controller_runtime_reconcile_total{controller="gateway",result="success"}',
        'controller_runtime_reconcile_total{controller="gateway",result="requeue_after"}',
        'controller_runtime_reconcile_errors_total{controller="gateway"}',
        'controller_runtime_reconcile_time_seconds_bucket{controller="gateway",le="+Inf"}',
        'controller_runtime_active_workers{controller="gateway"}',
        'workqueue_depth{name="one/1/here"} 2.0',
        'workqueue_adds_total{name="one/1/here"}',
        'workqueue_retries_total{name="one/1/here"}',
        'workqueue_queue_duration_seconds_bucket{le="1.0",name="one/1/here"}',
        'workqueue_work_duration_seconds_count{name="one/1/here"}',
        'workqueue_unfinished_work_seconds{name="one/1/here"}',
        'workqueue_longest_running_processor_seconds{name="one/1/here"}',
        'rest_client_requests_total{code="200",host="api",method="GET"}',
        'leader_election_master_status{name="cloudgw"} 1.0',
        "process_resident_memory_bytes",
    ):
        assert sample in text, sample


def test_a_thousand_routes_add_no_series() -> None:
    """What a fleet of two hundred Gateways with a thousand routes does to the number of series: nothing but a fixed
    number for each Gateway."""
    everything()
    before = len(scraped())
    for number in range(200):
        metrics.gateway("fleet", f"g{number}", programmed=True, waiting=0, drift=0, dangerous=0)
        metrics.certificate("fleet", f"g{number}", 2e9)
    with_gateways = len(scraped())
    assert with_gateways - before == 200 * 5
    for route in range(1000):
        metrics.reconciled("gateway", "success", route / 1000)
        metrics.queued("one/1/here", route % 7)
        metrics.added("one/1/here")
        metrics.queue_latency("one/1/here", 0.1)
        metrics.cloud_call("one", "rules.insert", "ok", 0.1)
        metrics.kube_call("PUT", 200, 0.1, "api")
        metrics.propagation("one", 3.0)
        metrics.informer("HTTPRoute", True, route)
    grown = len(scraped()) - with_gateways
    assert grown <= 20, f"{grown} series more"  # the first PUT: one counter, one histogram
    for number in range(200):
        metrics.forget("fleet", f"g{number}")
    assert not [labels for _, labels in scraped() if ("namespace", "fleet") in labels]


def test_an_operation_with_an_id_in_it_cannot_fill_prometheus() -> None:
    for number in range(metrics.OPERATIONS + 50):
        metrics.cloud_call("leaky", f"rules/{number}", "ok", 0.1)
    labels = {dict(found).get("operation") for name, found in scraped() if ("provider", "leaky") in found}
    assert len(labels - {None}) == metrics.OPERATIONS + 1
    assert value("cloudgw_cloud_calls_total", provider="leaky", operation="other", outcome="ok") == 50


def test_a_gateway_that_is_gone_leaves_no_series() -> None:
    metrics.gateway("shop", "gone", programmed=False, waiting=3, drift=1, dangerous=2)
    metrics.certificate("shop", "gone", 1.7e9)
    assert value("cloudgw_gateway_waiting_changes", namespace="shop", name="gone") == 3
    assert value("cloudgw_certificate_expiry_timestamp_seconds", namespace="shop", name="gone") == 1.7e9
    metrics.certificate("shop", "gone", None)
    assert value("cloudgw_certificate_expiry_timestamp_seconds", namespace="shop", name="gone") is None
    metrics.forget("shop", "gone")
    metrics.forget("shop", "never-seen")
    assert 'name="gone"' not in metrics.text().decode()


def test_a_placement_or_a_kind_that_is_gone_leaves_no_series() -> None:
    metrics.listing("two/2/there", 1.0, incomplete=True)
    metrics.queued("two/2/there", 1)
    metrics.informer("TCPRoute", False, 0)
    assert value("cloudgw_listing_incomplete", placement="two/2/there") == 1
    assert value("cloudgw_listing_last_complete_timestamp_seconds", placement="two/2/there") is None
    assert value("cloudgw_informer_synced", kind="TCPRoute") == 0
    metrics.forget_placement("two/2/there")
    metrics.informer("TCPRoute", None)
    text = metrics.text().decode()
    assert "two/2/there" not in text
    assert "TCPRoute" not in text


def test_an_error_and_a_throttled_call_are_counted_twice_where_people_look() -> None:
    metrics.workers("errors", 1)
    assert value("controller_runtime_reconcile_total", controller="errors", result="error") == 0
    metrics.reconciled("errors", "error", 0.1)
    assert value("controller_runtime_reconcile_total", controller="errors", result="error") == 1
    assert value("controller_runtime_reconcile_errors_total", controller="errors") == 1
    metrics.cloud_call("slow", "rules.list", "ok", 0.1)
    assert value("cloudgw_cloud_throttles_total", provider="slow") == 0
    metrics.cloud_call("slow", "rules.list", "throttled", 0.1)
    assert value("cloudgw_cloud_throttles_total", provider="slow") == 1
    metrics.kube_call("GET", 0, 1.0, "silent")
    assert value("rest_client_requests_total", code="<error>", method="GET", host="silent") == 1


def test_what_waits_and_what_hangs_is_seen_while_it_does() -> None:
    metrics.queued("stuck", 1, oldest=time.monotonic() - 100)
    assert 100 <= (value("workqueue_oldest_item_age_seconds", name="stuck") or 0) < 110
    metrics.queued("stuck", 0)
    assert value("workqueue_oldest_item_age_seconds", name="stuck") == 0
    with metrics.working("stuck"), metrics.working("stuck"):
        time.sleep(0.02)
        longest = value("workqueue_longest_running_processor_seconds", name="stuck") or 0
        together = value("workqueue_unfinished_work_seconds", name="stuck") or 0
        assert longest >= 0.02
        assert together > longest
    assert value("workqueue_longest_running_processor_seconds", name="stuck") == 0
    assert value("workqueue_work_duration_seconds_count", name="stuck") == 2


def test_threads_lose_nothing_and_the_loop_goes_on_while_it_is_scraped() -> None:
    def hammer() -> None:
        for _ in range(500):
            metrics.cloud_call("busy", "rules.list", "ok", 0.01)

    async def scrape() -> tuple[bytes, int]:
        ticks = 0
        scraping = asyncio.ensure_future(metrics.exposed())
        while not scraping.done():
            await asyncio.sleep(0)
            ticks += 1
        return await scraping, ticks

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    body, ticks = asyncio.run(scrape())
    for thread in threads:
        thread.join()
    assert b"cloudgw_build_info" in body
    assert ticks > 1
    assert value("cloudgw_cloud_calls_total", provider="busy", operation="rules.list", outcome="ok") == 2000


@pytest.mark.parametrize("function", ["reconciled", "cloud_call", "kube_call", "gateway"])
def test_a_call_is_cheap(function: str) -> None:
    arguments: dict[str, tuple[object, ...]] = {
        "reconciled": ("gateway", "success", 0.1),
        "cloud_call": ("one", "rules.list", "ok", 0.1),
        "kube_call": ("GET", 200, 0.1),
        "gateway": ("shop", "edge"),
    }
    keywords = {"programmed": True, "waiting": 0, "drift": 0, "dangerous": 0} if function == "gateway" else {}
    call = getattr(metrics, function)
    began = time.perf_counter()
    for _ in range(1000):
        call(*arguments[function], **keywords)
    assert time.perf_counter() - began < 0.5, "half a millisecond for one call, where some 10 us are usual"
