"""The HTTP/1.1 server under every local cloud: keep-alive, one thread per connection, answers or silence.

A cloud's server module gives it the control API and a function that answers vendor requests. It must never
look into a request further than the path: protocols are the cloud's affair. An answer of None closes the
connection without a byte, which is how a lost answer looks to a client.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import http.server
import json
import threading
import urllib.parse
from typing import Any

from cloudgw_local import control, faults


@dataclasses.dataclass(kw_only=True)
class Request:
    """`headers` has lower-case names."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclasses.dataclass(kw_only=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes


Answer = collections.abc.Callable[[Request], Response | None]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith(control.PREFIX):
            self._send(self._control(url, body))
            return
        request = Request(
            method=self.command,
            path=url.path,
            query=url.query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            answer = self.server.answer(request)
        except faults.Held as held:
            held.wait()
            answer = self.server.answer(request)
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def _control(self, url: urllib.parse.SplitResult, body: bytes) -> Response:
        try:
            values: Any = json.loads(body) if body.strip() else {}
            if not isinstance(values, dict):
                raise ValueError("the body must be a JSON object")
            status, answer = self.server.control.answer(
                self.command, url.path.removeprefix(control.PREFIX), dict(urllib.parse.parse_qsl(url.query)), values
            )
        except ValueError as broken:
            status, answer = 400, {"error": str(broken)}
        return Response(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(answer).encode())

    def _send(self, answer: Response) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the journal is the log."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, *, control: control.Control, answer: Answer) -> None:
        super().__init__((host, port), Handler)
        self.control = control
        self.answer = answer
        self.endpoint = f"http://{host}:{self.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
