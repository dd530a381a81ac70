"""One stepped local Google Cloud for all tests of this folder, back in its start world before each.

Most tests speak plain HTTP, because that shows what a client of any vendor sees; `test_clients` drives the vendor's
unmodified clients. Every answer that `Cloud` gets is held against the published schema of its method.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from cloudgw_local import gcp, serving
from cloudgw_local.gcp import discovery, names, schema, server

Json = dict[str, Any]
PROJECT = f"/compute/v1/projects/{gcp.PROJECT}"
GLOBAL = f"{PROJECT}/global"
REGIONAL = f"{PROJECT}/regions/{gcp.REGION}"
HEALTH_CHECK = {"name": "hc", "type": "HTTP", "httpHealthCheck": {"port": 8080, "requestPath": "/healthy"}}
BACKEND_SERVICE = {
    "name": "bs",
    "protocol": "HTTP",
    "loadBalancingScheme": "EXTERNAL_MANAGED",
    "healthChecks": ["global/healthChecks/hc"],
}
URL_MAP = {"name": "um", "defaultService": "global/backendServices/bs"}
RULE = {
    "name": "rule",
    "loadBalancingScheme": "EXTERNAL_MANAGED",
    "IPProtocol": "TCP",
    "portRange": "80",
    "target": "global/targetHttpProxies/proxy",
}


@dataclasses.dataclass(kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def reason(self) -> str:
        return str(self.body["error"]["errors"][0]["reason"])

    @property
    def message(self) -> str:
        return str(self.body["error"]["message"])


@dataclasses.dataclass(kw_only=True)
class Cloud:
    """The running cloud, and short ways to make things in it. Paths may leave out `PROJECT`."""

    endpoint: str
    control: Any

    def ask(
        self, method: str, path: str, body: Any = None, /, token: str = "local", version: str = "", **query: Any
    ) -> Reply:
        """One request by plain HTTP; `path` may be a link that the cloud gave out; `version` is the API's date."""
        path = path.replace(names.ROOT, "/compute/v1/")
        path = path if path.startswith("/") else f"{PROJECT}/{path}"
        url = f"{self.endpoint}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        headers |= {"X-Goog-Api-Version": version} if version else {}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                reply = _reply(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _reply(refused)
        route = discovery.match(method, path)
        if route is not None and route.method.response:
            assert schema.check(route.method.response, reply.body) == [], (method, path)
        return reply

    def get(self, path: str, **query: Any) -> Any:
        return self.taken("GET", path, None, **query)

    def taken(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of an answer that is none of an error."""
        answer = self.ask(method, path, body, **query)
        assert answer.status in (200, 204), answer.body
        return answer.body

    def done(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The operation that a change ends in, which is none of a failure."""
        operation = self.end(self.taken(method, path, body, **query))
        assert "error" not in operation, operation
        return operation

    def end(self, operation: Any) -> Any:
        """The operation when its time has come."""
        if operation["status"] != "DONE":
            self.control.advance(12)
            operation = self.get(operation["selfLink"])
        assert operation["status"] == "DONE", operation
        return operation

    def make(self, path: str, body: Json) -> Any:
        """Insert, wait, and what GET shows then."""
        return self.get(self.done("POST", path, body)["targetLink"])

    def chain(self) -> None:
        """A load balancer of the smallest kind, down to its rule: hc, bs, um, proxy, rule, all global."""
        self.make("global/healthChecks", HEALTH_CHECK)
        self.make("global/backendServices", BACKEND_SERVICE)
        self.make("global/urlMaps", URL_MAP)
        self.make("global/targetHttpProxies", {"name": "proxy", "urlMap": "global/urlMaps/um"})
        self.make("global/forwardingRules", RULE)

    def journal(self, operation: str) -> list[Json]:
        return [one for one in self.control.journal() if one["operation"] == operation]


def _reply(answer: Any) -> Reply:
    text = answer.read()
    body = text.decode()
    if "json" in answer.headers.get("Content-Type", ""):
        body = json.loads(text)
    return Reply(status=answer.status, headers=dict(answer.headers), body=body)


def connect(running: serving.Running) -> Cloud:
    return Cloud(endpoint=running.endpoint, control=running.control)


@pytest.fixture(scope="session")
def served() -> collections.abc.Iterator[Cloud]:
    with server.serve(stepped=True) as running:
        yield connect(running)


@pytest.fixture
def cloud(served: Cloud) -> Cloud:
    served.control.reset()
    return served
