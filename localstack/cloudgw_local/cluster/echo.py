"""A tiny HTTP server for pods: says who it is and what it was asked, as JSON. Image `cloudgw.local/echo`.

Run as a program by the pod runner: ports are those of its container (CONTAINER_PORTS, by default 8080), who it is comes
from POD_NAME, POD_NAMESPACE and POD_IP. `/_echo/ready` answers 200, or 503 until READY_AFTER seconds have passed and
after a POST to `/_echo/unready`; a POST to `/_echo/ready` makes it ready again. Anything else answers 200, or what the
header X-Echo-Status says. Standard library only: many of them start at once.
"""

from __future__ import annotations

import http.server
import json
import os
import threading
import time

_BEGAN = time.monotonic()
_WAIT = float(os.environ.get("READY_AFTER") or 0)
_UNREADY = threading.Event()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        path = self.path.partition("?")[0]
        if path.startswith("/_echo/"):
            if self.command == "POST":
                (_UNREADY.set if path.endswith("/unready") else _UNREADY.clear)()
            ready = not _UNREADY.is_set() and time.monotonic() - _BEGAN >= _WAIT
            self._send(200 if ready or self.command == "POST" else 503, {"ready": ready})
            return
        host, port = self.connection.getsockname()[:2]
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        found = {
            "pod": os.environ.get("POD_NAME", ""),
            "namespace": os.environ.get("POD_NAMESPACE", ""),
            "address": host,
            "port": port,
            "client": self.client_address[0],
            "method": self.command,
            "path": self.path,
            "host": self.headers.get("Host", ""),
            "headers": headers,
            "body": body,
        }
        self._send(int(self.headers.get("X-Echo-Status") or 200), found)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def _send(self, status: int, document: object) -> None:
        data = json.dumps(document, indent=1).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        print(self.client_address[0], format % args, flush=True)


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    ports = [int(port) for port in os.environ.get("CONTAINER_PORTS", "").split(",") if port] or [8080]
    servers = [_Server(("", port), _Handler) for port in ports]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main()
