"""The Kubernetes API over one aiohttp session: requests, pages of a list, a watch; and the way in for worker threads.

Made once inside the loop; informers, the lease and everybody who writes use it. Credentials are asked for again when
they are old and when the server refuses them. A read is tried again while its time lasts; a write only where the server
said that it did nothing (429). This module must never follow a redirect, never put a credential into a message, and
never take silence for an empty answer.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import random
import re
import ssl
import time
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import Any, TypeVar

import aiohttp

from cloudgw.controller import names
from cloudgw.sources import kubeconfig, served
from cloudgw.sources.kubeconfig import Access

log = logging.getLogger(__name__)
T = TypeVar("T")

PAGE = 500  # objects per answer, as kubectl asks for
APPLY, MERGE, JSON_PATCH = (
    f"application/{name}+{form}"
    for name, form in (("apply-patch", "yaml"), ("merge-patch", "json"), ("json-patch", "json"))
)
_CONNECT = 10.0  # seconds until a watch is answered
# Seconds without a word after which a watch counts as broken. Bookmarks come about every minute, but for a kind that
# never changed since the server started: there a new watch costs little.
QUIET = 90.0
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2  # seconds, doubled each time
_STALE = 10.0  # seconds until old credentials that could not be renewed are asked for again
_AGAIN = frozenset({429, 500, 502, 503, 504})
_POLICY = re.compile(r"""(\w+AdmissionPolicy|admission webhook) ['"]([^'"]+)['"]""")


class Refused(Exception):
    """The server answered, but not with what was asked for. message: its words; str() is status, reason and message.

    retry_after: seconds, 0 when it does not say. details: of the Status object
    (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/).
    """

    def __init__(
        self,
        status: int,
        reason: str = "",
        message: str = "",
        retry_after: float = 0.0,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {reason or 'refused'}: {message}" if message else f"{status} {reason}".strip())
        self.status, self.reason, self.message = status, reason, message
        self.retry_after = retry_after
        self.details: Mapping[str, Any] = details or {}

    @property
    def policy(self) -> str:
        """Which admission policy or webhook said no, "ValidatingAdmissionPolicy no-finalizers"; "" when none is
        named."""
        found = _POLICY.search(self.message)
        return f"{found[1]} {found[2]}" if found else ""


def refusal(status: int, body: Any, retry_after: str | None = None) -> Refused:
    """From a Status object, or from anything that is none."""
    if not isinstance(body, dict):
        body = {}
    details = body.get("details") if isinstance(body.get("details"), dict) else {}
    seconds = retry_after if retry_after and retry_after.isdigit() else details.get("retryAfterSeconds") or 0
    return Refused(status, str(body.get("reason") or ""), str(body.get("message") or ""), float(seconds), details)


def _unheard(_method: str, _code: int, _seconds: float) -> None:
    """Nobody counts."""


class Kube:
    """One API server. access: how to reach it; may block, is called in a thread. told: after each exchange (method or
    "WATCH", HTTP status or 0 for no answer, seconds).

    Every call raises Refused, or OSError (TimeoutError and ConnectionError are such) when there is no answer.
    """

    def __init__(self, access: Callable[[], Access], *, told: Callable[[str, int, float], None] = _unheard) -> None:
        self._loop = asyncio.get_running_loop()
        self._source, self._told = access, told
        self._asking = asyncio.Lock()
        self._access: Access | None = None
        self._due = 0.0
        self._closed = False
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # each watch keeps a connection
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"User-Agent": "cloudgw"},
        )

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = served.JSON,
        accept: str = served.JSON,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """The answer's JSON. timeout: seconds for everything, further attempts included."""
        end = time.monotonic() + timeout
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept} | ({"Content-Type": content_type} if data is not None else {})
        try:
            async with asyncio.timeout(timeout):
                for attempt in range(1, _ATTEMPTS + 1):
                    pause = _FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
                    try:
                        return await self._once(method, path, data, params or {}, headers)
                    except Refused as refused:
                        pause = max(pause, refused.retry_after)
                        again = refused.status == 429 or (method == "GET" and refused.status in _AGAIN)
                        if not again or attempt == _ATTEMPTS or time.monotonic() + pause >= end:
                            raise
                    except OSError:
                        if method != "GET" or attempt == _ATTEMPTS or time.monotonic() + pause >= end:
                            raise
                    await asyncio.sleep(pause)
        except TimeoutError:
            raise TimeoutError(f"{method} {path}: {self._no_answer(TimeoutError(), timeout)}") from None
        raise AssertionError("the last attempt returns or raises")

    async def get(self, path: str, *, params: Mapping[str, str] | None = None, timeout: float = 30.0) -> dict[str, Any]:
        return await self.request("GET", path, params=params, timeout=timeout)

    async def create(self, path: str, body: Mapping[str, Any], *, timeout: float = 30.0) -> dict[str, Any]:
        """path: of the collection. 409 AlreadyExists is a Refused as any other."""
        return await self.request("POST", path, body, params=_MANAGED, timeout=timeout)

    async def replace(self, path: str, body: Mapping[str, Any], *, timeout: float = 30.0) -> dict[str, Any]:
        """The whole object, or its `/status`. With a resourceVersion in it a 409 tells that somebody else wrote."""
        return await self.request("PUT", path, body, params=_MANAGED, timeout=timeout)

    async def apply(
        self, path: str, body: Mapping[str, Any], *, force: bool = True, timeout: float = 30.0
    ) -> dict[str, Any]:
        """Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/) as our manager. JSON is
        YAML."""
        params = _MANAGED | {"force": str(force).lower()}
        return await self.request("PATCH", path, body, params=params, content_type=APPLY, timeout=timeout)

    async def patch(self, path: str, body: Any, content_type: str = MERGE, *, timeout: float = 30.0) -> dict[str, Any]:
        """content_type: MERGE or JSON_PATCH."""
        return await self.request("PATCH", path, body, params=_MANAGED, content_type=content_type, timeout=timeout)

    async def delete(self, path: str, *, uid: str = "", version: str = "", timeout: float = 30.0) -> dict[str, Any]:
        """uid, version: what the object must still have, else 409. 404 is a Refused as any other."""
        wanted = {name: value for name, value in (("uid", uid), ("resourceVersion", version)) if value}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": wanted} if wanted else None
        return await self.request("DELETE", path, body, timeout=timeout)

    async def pages(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        limit: int = PAGE,
        accept: str = served.JSON,
        timeout: float = 60.0,
    ) -> AsyncGenerator[tuple[list[dict[str, Any]], str], None]:
        """(items, resourceVersion) of each page; all pages are of one moment. limit: 0 for everything at once. Raises
        Refused 410 when the server forgot that moment between two pages: what was yielded is then no list."""
        query = {**(params or {}), **({"limit": str(limit)} if limit else {})}
        while True:
            answer = await self.request("GET", path, params=query, accept=accept, timeout=timeout)
            about = answer.get("metadata")
            if not isinstance(about, dict) or not about.get("resourceVersion"):
                raise ConnectionError(f"GET {path}: {kubeconfig.NO_API}")  # a 200 of somebody else is no empty list
            yield answer.get("items") or [], about["resourceVersion"]
            if not about.get("continue"):
                return
            query["continue"] = about["continue"]

    async def watch(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        accept: str = served.JSON,
        quiet: float = QUIET,
        opened: Callable[[], None] = lambda: None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """ADDED, MODIFIED, DELETED and BOOKMARK events as they come; ends when the server ends the stream. opened:
        called when the server has answered 200. An ERROR event is raised as the Refused that it holds; OSError when the
        stream breaks, or nothing was heard for `quiet` seconds. Close it with contextlib.aclosing."""
        query = {**params, "watch": "true", "allowWatchBookmarks": "true"}
        began, code = time.monotonic(), 0
        try:
            with self._worded(_CONNECT):
                async with asyncio.timeout(_CONNECT):
                    response = await self._send("GET", path, None, query, {"Accept": accept}, quiet)
                    code = response.status
        finally:
            self._told("WATCH", code, time.monotonic() - began)
        async with response:
            if response.status != 200:
                with self._worded(_CONNECT):
                    async with asyncio.timeout(_CONNECT):
                        raise refusal(
                            response.status, _json(await response.read()), response.headers.get("Retry-After")
                        )
            opened()
            with self._worded(quiet):
                async for line in _lines(response.content):
                    event = _json(line)
                    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
                        raise ConnectionError(f"WATCH {path}: an event that is none; {kubeconfig.NO_API}")
                    if event.get("type") == "ERROR":
                        raise refusal(int(event["object"].get("code") or 500), event["object"])
                    yield event

    def wait(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        """For worker threads: runs on the loop, waits for the result. Raises what the coroutine raises, TimeoutError,
        and ConnectionError when we are stopping."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            coroutine.close()
            raise RuntimeError("wait is for worker threads; inside a loop say await")
        if self._closed or self._loop.is_closed():
            coroutine.close()
            raise ConnectionError("the controller is stopping")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.CancelledError:
            raise ConnectionError("the controller is stopping") from None
        except TimeoutError:
            future.cancel()
            raise

    async def close(self) -> None:
        self._closed = True
        await self._session.close()

    @property
    def user(self) -> str:
        """As whom we ask, for messages; "" before the first request."""
        return self._access.user if self._access is not None else ""

    # One exchange

    async def _once(
        self, method: str, path: str, data: bytes | None, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        began, code = time.monotonic(), 0
        try:
            with self._worded(0.0):
                async with await self._send(method, path, data, params, headers) as response:
                    body = _json(await response.read())
                    code = response.status
        finally:
            self._told(method, code, time.monotonic() - began)
        if not 200 <= code < 300:
            raise refusal(code, body, response.headers.get("Retry-After"))
        if not isinstance(body, dict):
            raise ConnectionError(f"{method} {path}: {kubeconfig.NO_API}")
        return body

    async def _send(
        self,
        method: str,
        path: str,
        data: bytes | None,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        quiet: float | None = None,
    ) -> aiohttp.ClientResponse:
        """Asked twice when the credentials are refused: they may have run out."""
        access = await self._credentials()
        response = await self._asked(access, method, path, data, params, headers, quiet)
        if response.status == 401:
            response.release()
            access = await self._credentials(refused=access)
            response = await self._asked(access, method, path, data, params, headers, quiet)
        if response.status == 401:
            response.release()
            raise Refused(401, "Unauthorized", access.refused)
        return response

    async def _asked(
        self,
        access: Access,
        method: str,
        path: str,
        data: bytes | None,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        quiet: float | None,
    ) -> aiohttp.ClientResponse:
        url = urllib.parse.urlsplit(access.server)
        host = url.netloc.rpartition("@")[2]
        try:
            proxy = access.through()
        except kubeconfig.ClusterError as error:
            raise ConnectionError(str(error)) from None
        login = None
        if proxy is not None and proxy.username:
            parts = (urllib.parse.unquote(part or "") for part in (proxy.username, proxy.password))
            login = aiohttp.BasicAuth(*parts)
        return await self._session.request(
            method,
            f"{url.scheme}://{host}{url.path}{path}",
            data=data,
            params=params,
            headers={**access.headers, **headers},
            allow_redirects=False,
            ssl=access.trust if access.trust is not None else True,
            server_hostname=access.tls_name or None,
            proxy=f"http://{proxy.hostname}:{proxy.port or 80}" if proxy is not None else None,
            proxy_auth=login,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=quiet),
        )

    async def _credentials(self, refused: Access | None = None) -> Access:
        """refused: those that the server does not take; whoever comes second uses what the first was given."""
        async with self._asking:
            held = self._access
            if held is not None and held is not refused and time.monotonic() < self._due:
                return held
            try:
                self._access = held = await asyncio.to_thread(self._source)
                self._due = time.monotonic() + held.lasts
            except kubeconfig.ClusterError as error:
                if held is None or held is refused:
                    raise ConnectionError(str(error)) from None
                log.warning("credentials of the API server could not be renewed, the old ones are used: %s", error)
                self._due = time.monotonic() + _STALE
            return held

    @contextlib.contextmanager
    def _worded(self, patience: float) -> Iterator[None]:
        """Failures of the session as OSError, in words that name the server and say what to do."""
        try:
            yield
        except TimeoutError as error:
            if isinstance(error, aiohttp.ClientError) or not str(error):
                raise TimeoutError(self._no_answer(TimeoutError(), patience)) from None
            raise
        except aiohttp.ClientError as error:
            cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            raise ConnectionError(self._no_answer(cause, patience)) from None
        except ssl.SSLError as error:
            raise ConnectionError(self._no_answer(error, patience)) from None

    def _no_answer(self, error: Exception, patience: float) -> str:
        return self._access.no_answer(error, patience) if self._access is not None else f"no answer ({error})"


_MANAGED = {"fieldManager": names.MANAGER}


def _json(body: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Of any length: an object may have more than a megabyte, and a reader's own lines are bounded."""
    parts: list[bytes] = []
    async for chunk in stream.iter_any():
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            parts.append(line)
            joined = b"".join(parts)
            parts = []
            if joined:
                yield joined
        parts.append(rest)
