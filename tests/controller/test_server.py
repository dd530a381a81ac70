"""The port that Prometheus and the kubelet ask, and the spans: what they say, and that they only read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, Tracer, TracerProvider

from cloudgw.controller import server, tracing


def asked(
    *paths: str,
    method: str = "GET",
    ready: Callable[[], tuple[bool, Sequence[str]]] = lambda: (True, ()),
    bound: float = server.BOUND,
    before: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> list[tuple[int, str, dict[str, str]]]:
    """(status, text, headers) of each path, from a server of its own."""

    async def run() -> list[tuple[int, str, dict[str, str]]]:
        running = await server.start("127.0.0.1:0", ready, bound=bound)
        found = []
        try:
            async with aiohttp.ClientSession() as client:
                await client.get(f"http://127.0.0.1:{running.port}/healthz")
                if before is not None:
                    await before()
                for path in paths:
                    async with client.request(method, f"http://127.0.0.1:{running.port}{path}") as answer:
                        found.append((answer.status, await answer.text(), dict(answer.headers)))
        finally:
            await running.stop()
        return found

    return asyncio.run(run())


def test_metrics_are_what_prometheus_reads() -> None:
    ((status, text, headers),) = asked("/metrics")
    assert status == 200
    assert "cloudgw_pending_plans" in text
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert headers["Server"] == "cloudgw"


def test_ready_when_the_caches_are_full() -> None:
    missing = ["HTTPRoute: not listed yet", "Service: 403 with Bearer abcdefghijklmnop"]
    assert asked("/readyz", ready=lambda: (False, missing))[0][:2] == (
        503,
        "HTTPRoute: not listed yet\nService: 403 with Bearer redacted\n",
    )
    assert asked("/readyz", "/healthz", ready=lambda: (True, ()))[0][:2] == (200, "ok\n")
    assert asked("/healthz", ready=lambda: (False, missing))[0][0] == 200, "alive is not ready"


def test_a_loop_that_hangs_is_not_healthy_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TICK", 0.05)

    async def hang() -> None:
        await asyncio.sleep(0.1)
        time.sleep(0.6)

    assert asked("/healthz", bound=0.3, before=hang)[0][0] == 503

    async def hang_and_go_on() -> None:
        await hang()
        await asyncio.sleep(4 * server.TICK)

    assert asked("/healthz", bound=0.3, before=hang_and_go_on)[0][0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_nothing_but_get(method: str) -> None:
    assert {status for status, *_ in asked("/metrics", "/healthz", "/readyz", method=method)} == {405}


def test_nothing_else_is_served() -> None:
    found = asked("/", "/debug/pprof", "/metrics/", "/healthz/../etc/passwd")
    assert {status for status, *_ in found} == {404}
    assert all("aiohttp" not in str(headers) for *_, headers in found)


@pytest.mark.parametrize("listen", ["8080", ":8080", "host:", "host:http", "host:70000", ""])
def test_a_wrong_address_is_named(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        server.address(listen)


def test_addresses() -> None:
    assert server.address("0.0.0.0:8080") == ("0.0.0.0", 8080)
    assert server.address("[::]:0") == ("::", 0)


# Spans


class Recorded(NonRecordingSpan):
    """A span that remembers; the SDK, which would, is not ours to install."""

    def __init__(self, name: str, parent: Span, number: int) -> None:
        super().__init__(SpanContext(1, number, is_remote=False, trace_flags=TraceFlags(1)))
        self.name = name
        self.parent = parent if isinstance(parent, Recorded) else None
        self.attributes: dict[str, Any] = {}
        self.failed = ""
        self.events: list[str] = []
        self.ended = False

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.failed = status.description or description or ""

    def add_event(self, name: str, *_: Any, **__: Any) -> None:
        self.events.append(name)

    def record_exception(self, *_: Any, **__: Any) -> None:
        self.events.append("exception")

    def end(self, *_: Any, **__: Any) -> None:
        self.ended = True


class Recorder(TracerProvider, Tracer):
    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return self

    def start_span(self, name: str, *_: Any, **__: Any) -> Span:
        self.spans.append(Recorded(name, trace.get_current_span(), len(self.spans) + 1))
        return self.spans[-1]

    def start_as_current_span(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError("spans are started and used by hand")


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    monkeypatch.setattr(trace, "get_tracer", found.get_tracer)
    return found


def test_spans_say_what_was_done_to_which_gateway(recorder: Recorder) -> None:
    with tracing.span("reconcile", gateway="shop/edge", placement=None):
        with tracing.span("list", placement="one/1/here"):
            pass
        with tracing.span("plan", gateway="shop/edge") as plan:
            plan.set(digest="0123456789abcdef", changes=3, complete=True)
    reconcile, listing, planned = recorder.spans
    assert [span.name for span in recorder.spans] == ["reconcile", "list", "plan"]
    assert (listing.parent, planned.parent) == (reconcile, reconcile)
    assert reconcile.attributes == {"cloudgw.gateway": "shop/edge"}
    assert planned.attributes == {
        "cloudgw.gateway": "shop/edge",
        "cloudgw.digest": "0123456789abcdef",
        "cloudgw.changes": 3,
        "cloudgw.complete": True,
    }
    assert all(span.ended for span in recorder.spans)


def test_a_failure_is_marked_without_its_text(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="PEM"), tracing.span("commit", gateway="shop/edge"):
        raise ValueError("PEM")
    (span,) = recorder.spans
    assert (span.failed, span.attributes["error.type"], span.events) == ("ValueError", "ValueError", [])
    assert span.ended


def test_a_secret_is_no_attribute(recorder: Recorder) -> None:
    with tracing.span("status", gateway="Bearer abcdefghijklmnop"):
        pass
    assert recorder.spans[0].attributes == {"cloudgw.gateway": "Bearer redacted"}


def test_without_an_sdk_it_costs_nothing() -> None:
    began = time.perf_counter()
    for _ in range(1000):
        with tracing.span("plan", gateway="shop/edge") as span:
            span.set(digest="0123456789abcdef")
    assert time.perf_counter() - began < 0.5
