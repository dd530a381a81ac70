"""Spans by the OpenTelemetry API: what one reconciliation did, and how long each part took.

Workers call `span` around reconcile, list, plan, commit and status. Without an SDK nothing is recorded and it costs a
microsecond; whoever wants traces installs one beside us and starts the controller by `opentelemetry-instrument`
(https://opentelemetry.io/docs/zero-code/python/), which also says where they go. An exception's text never becomes an
attribute: its type does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from opentelemetry import trace

from cloudgw.controller import redaction

Name: TypeAlias = Literal["reconcile", "list", "plan", "commit", "status"]
PREFIX = "cloudgw."


class Span:
    """What is running."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, **attributes: Any) -> None:
        """Known only now, as the digest of a plan is. None is left out."""
        for name, value in attributes.items():
            if value is not None:
                plain = isinstance(value, bool | int | float)
                self._span.set_attribute(f"{PREFIX}{name}", value if plain else redaction.text(str(value)))


@contextlib.contextmanager
def span(name: Name, **attributes: Any) -> Iterator[Span]:
    """attributes: gateway ("namespace/name"), placement, digest; each becomes `cloudgw.<name>`. One that is opened
    within another, in the same thread or task, is its child. What is raised within marks it as failed and passes on."""
    started = trace.get_tracer("cloudgw").start_span(name)
    with trace.use_span(started, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        opened = Span(started)
        opened.set(**attributes)
        try:
            yield opened
        except Exception as problem:
            started.set_attribute("error.type", type(problem).__name__)
            started.set_status(trace.Status(trace.StatusCode.ERROR, type(problem).__name__))
            raise
