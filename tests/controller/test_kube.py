"""What the client makes of an API server's moods: the server here answers from a script."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from cloudgw.controller import kube
from cloudgw.controller.kube import Kube, Refused
from cloudgw.sources import kubeconfig

Reply = tuple[int, Any, dict[str, str]]
PODS = "/api/v1/pods"


def status(code: int, reason: str = "", message: str = "", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}


@dataclasses.dataclass
class Script:
    """replies: one per request, the last for ever. asked: (method, path with query, headers, body)."""

    replies: list[Reply | Callable[[web.Request], Awaitable[web.StreamResponse]]]
    asked: list[tuple[str, str, dict[str, str], Any]] = dataclasses.field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((request.method, request.path_qs, dict(request.headers), json.loads(body) if body else None))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            return await reply(request)
        code, content, headers = reply
        text = content if isinstance(content, str) else json.dumps(content)
        kind = "text/html" if isinstance(content, str) else "application/json"
        return web.Response(status=code, text=text, headers=headers, content_type=kind)


def access(url: str, **more: Any) -> kubeconfig.Access:
    headers = {"Authorization": "Bearer s3cret"}
    return kubeconfig.Access(**({"server": url, "user": "u", "source": "config", "headers": headers} | more))


@contextlib.asynccontextmanager
async def served(script: Script) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield script.url
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def client(script: Script, **more: Any) -> AsyncIterator[Kube]:
    async with served(script) as url:
        made = Kube(lambda: access(url), **more)
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube, "_FIRST_PAUSE", 0.01)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def ran(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main()

    asyncio.run(bounded())


OK: Reply = (200, {"ok": True}, {})


# Trying again


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_read_is_tried_again(code: int) -> None:
    async def main() -> None:
        told: list[tuple[str, int]] = []
        script = Script([(code, status(code), {}), (code, status(code), {}), OK])
        async with client(script, told=lambda method, code, _: told.append((method, code))) as api:
            assert await api.get(PODS) == {"ok": True}
        assert told == [("GET", code), ("GET", code), ("GET", 200)]

    ran(main)


@pytest.mark.parametrize(("code", "wanted"), [(429, 2), (500, 1), (503, 1), (409, 1)])
@pytest.mark.parametrize("write", ["create", "replace", "apply", "patch"])
def test_a_write_is_tried_again_only_where_the_server_did_nothing(write: str, code: int, wanted: int) -> None:
    async def main() -> None:
        script = Script([(code, status(code, "No"), {}), OK])
        async with client(script) as api:
            with contextlib.suppress(Refused):
                await getattr(api, write)(PODS, {"a": 1})
        assert len(script.asked) == wanted

    ran(main)


def test_retry_after_is_kept_and_one_that_is_too_long_is_left_to_the_caller() -> None:
    async def main() -> None:
        script = Script([(429, status(429), {"Retry-After": "1"}), OK])
        async with client(script) as api:
            began = time.monotonic()
            await api.get(PODS)
            assert time.monotonic() - began >= 1
        script = Script([(429, status(429, "TooMany", "later", retryAfterSeconds=77), {})])
        async with client(script) as api:
            with pytest.raises(Refused, match="429 TooMany: later") as info:
                await api.get(PODS)
            assert info.value.retry_after == 77
            assert len(script.asked) == 1

    ran(main)


def test_a_write_whose_answer_is_lost_is_not_sent_again() -> None:
    async def main() -> None:
        async def cut(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        script = Script([cut])
        async with client(script) as api:
            with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:\d+: no answer"):
                await api.create(PODS, {})
            assert len(script.asked) == 1
            with pytest.raises(ConnectionError):
                await api.get(PODS)
            assert len(script.asked) >= 1 + 5

    ran(main)


def test_silence_ends_in_time_and_in_words() -> None:
    async def main() -> None:
        async def silent(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(5)
            return web.Response()

        async with client(Script([silent])) as api:
            with pytest.raises(TimeoutError, match=r"GET /api/v1/pods: .* no answer \(nothing within 0 s\)"):
                await api.get(PODS, timeout=0.2)

    ran(main)


# What is no answer


@pytest.mark.parametrize("body", ["<html>log in</html>", [1]])
def test_a_200_of_somebody_else_is_no_answer(body: Any) -> None:
    async def main() -> None:
        async with client(Script([(200, body, {})])) as api:
            with pytest.raises(ConnectionError, match="does not answer as a Kubernetes API server does"):
                await api.create(PODS, {})

    ran(main)


def test_a_200_without_a_version_is_no_empty_list() -> None:
    async def main() -> None:
        async with client(Script([(200, {"items": []}, {})])) as api:
            with pytest.raises(ConnectionError, match="does not answer as a Kubernetes API server does"):
                [page async for page in api.pages(PODS)]

    ran(main)


def test_a_redirect_is_not_followed_with_our_credentials() -> None:
    async def main() -> None:
        script = Script([(302, "", {"Location": "/elsewhere"})])
        async with client(script) as api:
            with pytest.raises(Refused, match="302"):
                await api.get(PODS)
        assert len(script.asked) == 1

    ran(main)


# Credentials


def test_credentials_that_ran_out_are_asked_for_once_and_shown_nowhere() -> None:
    async def main() -> None:
        given = iter(["old", "new", "newer"])

        async def judge(request: web.Request) -> web.StreamResponse:
            good = request.headers["Authorization"] == "Bearer new"
            return web.json_response({"ok": True} if good else status(401), status=200 if good else 401)

        script = Script([judge])
        async with served(script) as url:
            api = Kube(lambda: access(url, headers={"Authorization": f"Bearer {next(given)}"}))
            assert await api.create(PODS, {}) == {"ok": True}
            assert await asyncio.gather(*[api.get(PODS) for _ in range(5)]) == [{"ok": True}] * 5
            await api.close()
        assert next(given) == "newer"

    ran(main)


def test_credentials_that_are_refused_end_in_one_sentence() -> None:
    async def main() -> None:
        async with client(Script([(401, status(401), {})])) as api:
            with pytest.raises(Refused, match=r"refuses the credentials of user 'u' \(401\); log in anew") as info:
                await api.get(PODS)
            assert info.value.status == 401
            assert "s3cret" not in str(info.value)

    ran(main)


def test_old_credentials_are_renewed_and_used_on_where_that_fails() -> None:
    async def main() -> None:
        asked = 0

        def source() -> kubeconfig.Access:
            nonlocal asked
            asked += 1
            if asked == 3:
                raise kubeconfig.ClusterError("the file is away")
            return access(url, headers={"Authorization": f"Bearer {asked}"}, lasts=0.0 if asked == 1 else 0.2)

        script = Script([OK])
        async with served(script) as url:
            api = Kube(source)
            for pause in (0.0, 0.25, 0.0, 0.0):
                await api.get(PODS)
                await asyncio.sleep(pause)
            await api.close()
        assert [headers["Authorization"] for _, _, headers, _ in script.asked] == [
            "Bearer 1", "Bearer 2", "Bearer 2", "Bearer 2",
        ]  # fmt: skip
        assert asked == 3

    ran(main)


def test_no_credentials_at_all_is_no_answer() -> None:
    def source() -> kubeconfig.Access:
        raise kubeconfig.ClusterError("no kubeconfig")

    async def main() -> None:
        api = Kube(source)
        with pytest.raises(ConnectionError, match="no kubeconfig"):
            await api.get(PODS)
        await api.close()

    ran(main)


# Refusals


@pytest.mark.parametrize(
    ("message", "policy"),
    [
        (
            "gateways \"a\" is forbidden: ValidatingAdmissionPolicy 'safe' with binding 'b' denied request: no",
            "ValidatingAdmissionPolicy safe",
        ),
        (
            'admission webhook "validation.gatekeeper.sh" denied the request: [x]',
            "admission webhook validation.gatekeeper.sh",
        ),
        ("user may not", ""),
    ],
)
def test_a_refusal_names_the_policy(message: str, policy: str) -> None:
    refused = kube.refusal(422, status(422, "Invalid", message, kind="gateways"))
    assert (refused.policy, refused.reason, refused.details["kind"]) == (policy, "Invalid", "gateways")


def test_a_refusal_by_something_that_is_no_api_server() -> None:
    assert str(kube.refusal(503, None, "soon")) == "503"
    assert kube.refusal(503, {"details": None}).retry_after == 0


# Writes


def test_writes_say_who_we_are() -> None:
    async def main() -> None:
        script = Script([OK])
        async with client(script) as api:
            await api.create(PODS, {"a": 1})
            await api.replace(f"{PODS}/x", {"a": 2})
            await api.apply(f"{PODS}/x/status", {"a": 3}, force=False)
            await api.patch(f"{PODS}/x", [{"op": "test"}], kube.JSON_PATCH)
            await api.delete(f"{PODS}/x", uid="1", version="2")
        assert [(method, path, headers.get("Content-Type"), body) for method, path, headers, body in script.asked] == [
            ("POST", f"{PODS}?fieldManager=cloudgw", "application/json", {"a": 1}),
            ("PUT", f"{PODS}/x?fieldManager=cloudgw", "application/json", {"a": 2}),
            ("PATCH", f"{PODS}/x/status?fieldManager=cloudgw&force=false", "application/apply-patch+yaml", {"a": 3}),
            ("PATCH", f"{PODS}/x?fieldManager=cloudgw", "application/json-patch+json", [{"op": "test"}]),
            (
                "DELETE",
                f"{PODS}/x",
                "application/json",
                {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "1", "resourceVersion": "2"}},
            ),
        ]

    ran(main)


# Watches


def stream(*chunks: bytes, hold: float = 0.0) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
            await asyncio.sleep(0.01)
        await asyncio.sleep(hold)
        return response

    return answer


def event(name: str, **item: Any) -> bytes:
    return json.dumps({"type": name, "object": item}).encode() + b"\n"


def test_events_may_be_cut_anywhere_and_be_large() -> None:
    async def main() -> None:
        large = "x" * 700_000
        data = event("ADDED", a=large) + event("MODIFIED", a=1) + event("BOOKMARK", a=2)
        script = Script([stream(data[:5], data[5:700_020], data[700_020:])])
        async with client(script) as api:
            found = [(one["type"], one["object"]["a"]) async for one in api.watch(PODS, {"resourceVersion": "7"})]
        assert found == [("ADDED", large), ("MODIFIED", 1), ("BOOKMARK", 2)]
        assert script.asked[0][1] == f"{PODS}?resourceVersion=7&watch=true&allowWatchBookmarks=true"

    ran(main)


@pytest.mark.parametrize(
    ("reply", "wanted", "code"),
    [
        (stream(event("ERROR", **status(410, "Expired", "too old"))), Refused, 410),
        ((410, status(410, "Gone"), {}), Refused, 410),
        ((403, status(403), {}), Refused, 403),
        (stream(b"not json\n"), ConnectionError, 0),
        (stream(hold=5), TimeoutError, 0),
    ],
)  # fmt: skip
def test_a_watch_that_ends_badly_says_how(reply: Any, wanted: type[Exception], code: int) -> None:
    async def main() -> None:
        async with client(Script([reply])) as api:
            with pytest.raises(wanted) as info:
                [one async for one in api.watch(PODS, {}, quiet=0.3)]
            assert getattr(info.value, "status", 0) == code

    ran(main)


# Worker threads


def test_a_worker_waits_for_what_runs_on_the_loop() -> None:
    async def main() -> None:
        async with client(Script([OK, (404, status(404, "NotFound"), {})])) as api:
            thread: list[int] = []

            async def asked() -> dict[str, Any]:
                thread.append(threading.get_ident())
                return await api.get(PODS)

            assert await asyncio.to_thread(lambda: api.wait(asked())) == {"ok": True}
            assert thread == [threading.get_ident()]
            with pytest.raises(Refused, match="404 NotFound"):
                await asyncio.to_thread(lambda: api.wait(api.get(PODS)))
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(lambda: api.wait(asyncio.sleep(9), timeout=0.1))
            with pytest.raises(RuntimeError, match="worker threads"):
                api.wait(asyncio.sleep(0))
        with pytest.raises(ConnectionError, match="stopping"):
            await asyncio.to_thread(lambda: api.wait(asyncio.sleep(0)))

    ran(main)
