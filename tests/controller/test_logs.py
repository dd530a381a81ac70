"""Lines hold what they are about, and never a secret: not in the message, a field, an exception or a broken line."""

from __future__ import annotations

import concurrent.futures
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cloudgw.controller import logs, redaction
from cloudgw.objects import Material

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw" * 3
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n"
TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQifQ.c2lnbmF0dXJl"
log = logging.getLogger("cloudgw.controller.worker")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The root logger is everybody's."""
    root, ours, hook = logging.getLogger(), logging.getLogger("cloudgw"), threading.excepthook
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    threading.excepthook = hook
    logging.captureWarnings(False)


@pytest.fixture
def stream() -> io.StringIO:
    found = io.StringIO()
    logs.configure("json", "info", found)
    return found


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_it_is_about(stream: io.StringIO) -> None:
    with logs.bound(controller="gateway", namespace="shop", name="edge"):
        log.info("planned %d changes", 3)
        with logs.bound(digest="0123456789abcdef", name=None):
            log.warning("waits", extra={"waiting": 2, "placement": "one/1/here"})
    log.info("idle")
    first, second, third = lines(stream)
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info",
        "logger": "cloudgw.controller.worker",
        "message": "planned 3 changes",
        "controller": "gateway",
        "namespace": "shop",
        "name": "edge",
    }
    assert (second["digest"], second["waiting"], second["placement"]) == ("0123456789abcdef", 2, "one/1/here")
    assert "name" not in second
    assert third.keys() == {"time", "level", "logger", "message"}


def test_what_is_bound_stays_in_its_thread(stream: io.StringIO) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:

        def work(name: str) -> None:
            with logs.bound(name=name):
                for _ in range(50):
                    log.info(name)

        list(pool.map(work, [f"g{number}" for number in range(8)]))
    found = lines(stream)
    assert len(found) == 400
    assert all(line["name"] == line["message"] for line in found)


def test_an_exception_is_one_field_of_one_line(stream: io.StringIO) -> None:
    try:
        raise KeyError("listener")
    except KeyError:
        log.exception("reconciliation failed")
    (found,) = lines(stream)
    assert found["exception"]["type"] == "KeyError"
    assert found["exception"]["traceback"].endswith("KeyError: 'listener'")
    assert "test_logs.py" in found["exception"]["traceback"]
    assert stream.getvalue().count("\n") == 1


def test_libraries_are_heard_from_warnings_on(stream: io.StringIO) -> None:
    for name in ("kopf.objects", "kopf.activities", "aiohttp.access", "some.library"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
    log.debug("not asked for")
    assert [(line["logger"], line["message"]) for line in lines(stream)] == [
        ("kopf.objects", "trouble"),
        ("kopf.activities", "trouble"),
        ("aiohttp.access", "trouble"),
        ("some.library", "trouble"),
    ]


def raised(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("commit failed")


def chained() -> None:
    try:
        try:
            raise OSError(f"could not load {PEM}")
        except OSError as cause:
            raise RuntimeError("no certificate") from cause
    except RuntimeError:
        log.exception("commit failed")


def in_a_thread() -> None:
    def work() -> None:
        raise ValueError(PEM)

    thread = threading.Thread(target=work, name="worker-1")
    thread.start()
    thread.join()


class Leaky:
    """A line that cannot be formatted."""

    def __str__(self) -> str:
        raise RuntimeError(PEM)


MATERIAL = Material(fingerprint="ab" * 32, certificate_pem=b"certificate", key_pem=PEM.encode())
SAYINGS: dict[str, Callable[[], None]] = {
    "material": lambda: log.info("uploading %s", MATERIAL),
    "bytes of its key": lambda: log.info("uploading %r", MATERIAL.key_pem),
    "extra": lambda: log.info("uploading", extra={"body": PEM}),
    "extra mapping": lambda: log.info("uploading", extra={"body": {"privateKey": PEM}}),
    "json text": lambda: log.info("sent %s", json.dumps({"privateKey": PEM})),
    "cut off": lambda: log.info("sent %s", PEM[:90]),
    "base64": lambda: log.info("data: tls.key: %s", __import__("base64").b64encode(PEM.encode()).decode()),
    "bearer": lambda: log.info("GET /api failed, headers {'Authorization': 'Bearer %s'}", TOKEN),
    "opaque bearer": lambda: log.info("authorization: bearer c2lnbmF0dXJlMIIEvQIBADANBgkqhkiG9w0BAQ"),
    "web token alone": lambda: log.info("got %s", TOKEN),
    "url": lambda: log.info("GET https://user:MIIEvQIBADANBgkqhkiG9w0BAQ@host/path?sig=c2lnbmF0dXJl&x=1"),
    "field": lambda: log.info('{"client_secret": "c2lnbmF0dXJlMIIEvQ"}'),
    "field of its own name": lambda: log.info('{"secret": "c2lnbmF0dXJlMIIEvQ"} or secret=c2lnbmF0dXJlMIIEvQ'),
    "field in a text": lambda: log.info("sent %s", json.dumps(json.dumps({"secret": "c2lnbmF0dXJlMIIEvQ"}))),
    "exception": lambda: raised(f"cannot parse {PEM} as a certificate"),
    "exception with a token": lambda: raised(f"401 for Bearer {TOKEN}"),
    "cause": chained,
    "thread": in_a_thread,
    "stack": lambda: log.info("here", stack_info=True, extra={"token": TOKEN}),
}


@pytest.mark.parametrize("form", logs.FORMATS)
@pytest.mark.parametrize("name", SAYINGS)
def test_no_secret_gets_out(name: str, form: str, capfd: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logs.configure(form, "debug", stream)
    with logs.bound(namespace="shop", name="edge"):
        SAYINGS[name]()
    said = stream.getvalue() + "".join(capfd.readouterr())
    assert "cloudgw" in said, "the line itself is there"
    for secret in ("MIIEvQIBADANBgkqhkiG9w0", "c2lnbmF0dXJl", "eyJzdWIi", "BEGIN PRIVATE"):
        assert secret not in said


@pytest.mark.parametrize("arguments", [(Leaky(),), (PEM, "too many")])
def test_a_line_that_cannot_be_written_shows_nothing_of_it(
    arguments: tuple[Any, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    logs.configure("json", "info", stream)
    log.info("cannot say %s", *arguments)
    said = stream.getvalue() + "".join(capfd.readouterr())
    assert "BEGIN" not in said
    assert BODY[:20] not in said
    (found,) = lines(stream)
    assert "cannot be written" in found["message"]


def test_what_is_no_secret_stays() -> None:
    for said in (
        "Gateway shop/edge: plan 0123456789abcdef waits for approval",
        "Secret shop/tls: has no key",
        "certificate " + "ab" * 32 + " of Secret shop/tls-token ends in 3 days",
        "HTTPRoute shop/cart rule 2: backendRef token-service:8080 does not exist",
        "https://host:8443/path?watch=1&limit=500",
        "basic authentication is not supported",
        "Secret: complete, 0 objects",
        "Secret: not-listed-yet",
    ):
        assert redaction.text(said) == said
    public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    assert redaction.text(public, certificates=True) == public
    assert "MIIB" not in redaction.text(public)


def test_text_is_for_a_person() -> None:
    stream = io.StringIO()
    logs.configure("text", "info", stream)
    with logs.bound(namespace="shop", name="edge"):
        log.info("planned")
    assert stream.getvalue().endswith("INFO    cloudgw.controller.worker: planned namespace=shop name=edge\n")


@pytest.mark.parametrize(("form", "level"), [("xml", "info"), ("json", "loud")])
def test_a_wrong_setting_is_named(form: str, level: str) -> None:
    with pytest.raises(ValueError, match=f"{form}.*{level}.*use one of json"):
        logs.configure(form, level)
