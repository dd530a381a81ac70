"""Events are said from any thread, once an hour, and cost nobody anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cloudgw.controller import events, kube

KEY = ("shop", "edge")


class Server:
    """Takes Events, or fails as told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[Exception] = []
        self.tried = 0

    async def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((path, dict(body)))
        return dict(body)


def said(
    server: Server, speak: Callable[[events.Events, list[float]], None], wanted: int | None = None
) -> list[dict[str, Any]]:
    """What arrives of what `speak` says; the list holds the time. wanted: how many tries to wait for."""

    async def live() -> None:
        now = [0.0]
        found = events.Events(server, monotonic=lambda: now[0], pause=0.0, instance="pod-1")
        speak(found, now)
        sending = asyncio.create_task(found.run())
        async with asyncio.timeout(5):
            while wanted is not None and server.tried < wanted:
                await asyncio.sleep(0.001)
        for _ in range(10):  # whatever else may come
            await asyncio.sleep(0)
        sending.cancel()

    asyncio.run(live())
    return [body for _, body in server.taken]


def say(
    to: events.Events, message: str = "it is", reason: str = "Programmed", key: tuple[str, str] = KEY, uid: str = "u1"
) -> None:
    kind = "Gateway" if key[0] else "GatewayClass"
    to.say(kind, key, uid, "Normal", reason, message, "gateway.networking.k8s.io/v1")


def test_an_event_names_its_object_and_who_speaks() -> None:
    server = Server()
    (event,) = said(server, lambda to, _: say(to), 1)
    assert server.taken[0][0] == "/apis/events.k8s.io/v1/namespaces/shop/events"
    assert event["regarding"] == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "name": "edge",
        "namespace": "shop",
        "uid": "u1",
    }
    assert (event["reason"], event["note"], event["type"]) == ("Programmed", "it is", "Normal")
    assert (event["reportingController"], event["reportingInstance"]) == ("cloudgw.dev/gateway-controller", "pod-1")
    assert event["metadata"]["name"].startswith("edge.")


def test_an_object_of_no_namespace_has_its_events_in_default() -> None:
    server = Server()
    (event,) = said(server, lambda to, _: say(to, key=("", "cloud")), 1)
    assert server.taken[0][0] == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert (event["metadata"]["namespace"], "namespace" in event["regarding"]) == ("default", False)


def test_the_same_is_said_once_an_hour() -> None:
    def speak(to: events.Events, now: list[float]) -> None:
        for now[0] in (0.0, 10.0, 3599.0, 3600.0, 3601.0):
            say(to)
        say(to, message="it is not")
        say(to, reason="Accepted")
        say(to, uid="u2")
        say(to, key=("shop", "other"))

    found = said(Server(), speak, 6)
    assert [(one["note"], one["reason"], one["regarding"]["uid"], one["regarding"]["name"]) for one in found] == [
        ("it is", "Programmed", "u1", "edge"),
        ("it is", "Programmed", "u1", "edge"),
        ("it is not", "Programmed", "u1", "edge"),
        ("it is", "Accepted", "u1", "edge"),
        ("it is", "Programmed", "u2", "edge"),
        ("it is", "Programmed", "u1", "other"),
    ]
    assert len({one["metadata"]["name"] for one in found}) == 6


def test_threads_may_speak() -> None:
    def speak(to: events.Events, _: list[float]) -> None:
        threads = [threading.Thread(target=say, args=(to, f"from {number}")) for number in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

    assert {one["note"] for one in said(Server(), speak, 8)} == {f"from {number}" for number in range(8)}


@pytest.mark.parametrize(
    "failure",
    [kube.Refused(403, "Forbidden", "being terminated"), kube.Refused(500, "", ""), ConnectionError("no answer")],
)
def test_one_that_is_not_taken_keeps_no_other_back(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    server = Server()
    server.failures = [failure]

    def speak(to: events.Events, _: list[float]) -> None:
        say(to, "lost")
        say(to, "kept")

    assert [one["note"] for one in said(server, speak, 2)] == ["kept"]
    assert "lost" in caplog.text


def test_a_flood_is_bounded_and_the_newest_are_kept() -> None:
    def speak(to: events.Events, _: list[float]) -> None:
        for number in range(1500):
            say(to, f"number {number}")

    found = said(Server(), speak, 1000)
    assert [found[0]["note"], found[-1]["note"], len(found)] == ["number 500", "number 1499", 1000]


def test_long_words_are_cut_where_the_server_would_refuse_them() -> None:
    (event,) = said(Server(), lambda to, _: say(to, "ä" * 2000, key=("shop", "n" * 253)), 1)
    assert len(event["note"].encode()) <= 1024
    assert event["note"].endswith("ä...")
    assert len(event["metadata"]["name"]) <= 253


def test_after_the_end_nobody_is_hurt() -> None:
    kept: list[events.Events] = []
    said(Server(), lambda to, _: kept.append(to))
    say(kept[0])
