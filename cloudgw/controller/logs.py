"""Logs as lines of JSON (or of text, on a laptop): one event, one line, with the object and the digest it is about.

`cli.controller` calls `configure` once; workers say what they are about with `bound`. The formatter is our own: it is
thirty lines, and redacts each text before it is encoded, which no library's does. Nothing that looks like a credential
leaves here: a message, an exception's text, an extra field. Libraries are heard from warnings on.
"""

from __future__ import annotations

import contextlib
import contextvars
import datetime
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TextIO

from cloudgw.controller import redaction

FORMATS: Final = ("json", "text")
LEVELS: Final = ("debug", "info", "warning", "error")
OURS: Final = "cloudgw"  # the logger above all of ours
QUIET: Final = ("kopf", "aiohttp.access")  # a line for each event, each request
_NEVER_EXTRA = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_bound: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("bound", default=MappingProxyType({}))


def configure(form: str = "json", level: str = "info", stream: TextIO | None = None) -> None:
    """form: one of FORMATS; level: of ours, one of LEVELS. Replaces whatever handlers the root logger has; stream:
    standard error unless told otherwise. Raises ValueError."""
    if form not in FORMATS or level not in LEVELS:
        raise ValueError(f"log format {form!r}, level {level!r}: use one of {', '.join((*FORMATS, *LEVELS))}")
    handler = _Handler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JSON() if form == "json" else Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    threading.excepthook = _thread_ended


@contextlib.contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every line of this thread or task within, and of what it awaits, has these fields too: controller, namespace,
    name, placement, digest. Inner ones win; None takes a field away. Pool threads begin with none."""
    token = _bound.set({name: value for name, value in {**_bound.get(), **fields}.items() if value is not None})
    try:
        yield
    finally:
        _bound.reset(token)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What a line holds, redacted: time (RFC 3339, UTC), level, logger, message, what is bound, what was passed as
    `extra`, and of an exception its type and its traceback, which ends with its text."""
    moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    found: dict[str, Any] = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": redaction.text(record.getMessage()),
    }
    extra = {name: value for name, value in vars(record).items() if name not in _NEVER_EXTRA}
    for name, value in {**_bound.get(), **extra}.items():
        if name not in found:
            found[name] = _plain(value)
    if record.exc_info and record.exc_info[0] is not None:
        found["exception"] = {
            "type": record.exc_info[0].__name__,
            "traceback": redaction.text("".join(traceback.format_exception(*record.exc_info)).rstrip()),
        }
    if record.stack_info:
        found["stack"] = redaction.text(record.stack_info)
    return found


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else redaction.text(str(value))


class JSON(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(fields(record), ensure_ascii=False)


class Text(logging.Formatter):
    """For a person's eyes."""

    def format(self, record: logging.LogRecord) -> str:
        found = fields(record)
        time, level, logger, message = (str(found.pop(name)) for name in ("time", "level", "logger", "message"))
        exception, stack = found.pop("exception", None), found.pop("stack", "")
        about = "".join(f" {name}={value}" for name, value in found.items())
        lines = [f"{time} {level.upper():7} {logger}: {message}{about}", stack, (exception or {}).get("traceback", "")]
        return "\n".join(line for line in lines if line)


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        """The library's own shows the arguments of a line that cannot be formatted, whatever they hold."""
        problem = sys.exc_info()[0]
        with contextlib.suppress(Exception):
            said = f"a line of {record.name}:{record.lineno} cannot be written ({problem.__name__ if problem else ''})"
            self.stream.write(json.dumps({"level": "error", "logger": __name__, "message": said}) + self.terminator)


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    """A thread that ends by an exception would write its text, as it is, to standard error."""
    if ended.exc_type is SystemExit or ended.exc_value is None:
        return
    name = ended.thread.name if ended.thread is not None else "?"
    info = (ended.exc_type, ended.exc_value, ended.exc_traceback)
    logging.getLogger(OURS).error("thread %s ended by an exception", name, exc_info=info)
