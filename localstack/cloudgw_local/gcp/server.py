"""The local Google Cloud as a server: routes bearer requests to resources, with journal, quotas and faults in front.

`serve` is the in-process handle for tests, `__main__` the process. One lock covers a whole request, so the order in
the journal is the order of effects; only a `wait` sleeps without it. It must never write a secret into the journal.
"""

from __future__ import annotations

import collections.abc
import contextlib
import json
import pickle
import time
import traceback
import urllib.parse
from typing import Any

from cloudgw_local import control, faults, gcp, httpd, serving
from cloudgw_local.gcp import (
    around,
    call,
    discovery,
    errors,
    kinds,
    locations,
    operations,
    permissions,
    quotas,
    resources,
    start,
    throttle,
    world,
)

Json = dict[str, Any]
SETTINGS: dict[str, Any] = {
    "staleness": 0.0,
    "insert_seconds": 4.0,
    "delete_seconds": 4.0,
    "forwarding_rule_seconds": 12.0,
    "update_seconds": 4.0,
    "endpoints_seconds": 2.0,
    "pending_seconds": 0.0,
    "probe_seconds": 0.0,
    "firewalls": True,
    "throttling": False,
    "page_size": 500,
    "unreachable": "",
    "refuse_name": "",
    "refuse_body": "",
    "refuse_mode": "sync",
    **quotas.SETTINGS,
}
SECRETS = tuple(sorted({name for one in kinds.KINDS.values() for name in one.secret}))
LONGEST_WAIT = 120.0
TEST = f"/v1/projects/{gcp.PROJECT}:testIamPermissions"  # of the resource manager, the one thing of it that is served
# Parameters of every method (the discovery document's `parameters`), and those whose method lists leave them out.
COMMON = (
    *("$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser"),
    *("uploadType", "upload_protocol", "userIp", "$alt", "returnPartialSuccess"),
)
STATUS = {
    "backendError": 503,
    "conditionNotMet": 412,
    "forbidden": 403,
    "internalError": 500,
    "notFound": 404,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
}


class Google:
    """The cloud behind the control API: one world, its past while answers lag, and the way from bytes to effects."""

    def __init__(self, controls: control.Control, answers: collections.abc.Mapping[str, str]) -> None:
        self.control = controls
        self.beliefs = serving.beliefs("cloudgw_local.gcp", "gcp-", answers)
        self.limits = throttle.Limits()
        self._start = pickle.dumps(start.make(kinds.KINDS, controls.values, self.beliefs))
        self.world: world.World = pickle.loads(self._start)
        self._past: list[tuple[float, bytes]] = []

    def dump(self) -> Json:
        operations.settle(self._around(self.world, self.control.now()))
        return self.world.dump(SECRETS)

    def save(self) -> bytes:
        return pickle.dumps(self.world)

    def load(self, saved: bytes) -> None:
        self.world = pickle.loads(saved)
        self._past.clear()

    def restart(self) -> None:
        self.load(self._start)
        self.limits.fill()

    def set_health(self, target: str, healthy: bool | None) -> None:
        before = self.world.health.pop(target, None)
        if healthy is not None:
            found = before.healthy if before else True
            self.world.health[target] = around.Finding(healthy=healthy, since=self.control.now(), before=found)

    def policy(self, document: Any) -> permissions.Policy:
        return permissions.Policy(document)

    def answer(self, request: httpd.Request) -> httpd.Response | None:
        with self.control.lock:
            now = self.control.now()
            try:
                answer = self._perform(request, now)
            except errors.Refusal as refusal:
                return _response(refusal.status, refusal.body())
            except Exception:  # a mistake of this package: silence would look like an ordered fault
                traceback.print_exc()
                failure = errors.Refusal(
                    status=500, reason="internalError", message="The local Google Cloud failed: see its errors."
                )
                return _response(500, failure.body())
        if answer is None or isinstance(answer, httpd.Response):
            return answer
        if request.path.endswith("/wait") and answer["status"] != "DONE":
            answer = self._wait(answer, now + LONGEST_WAIT)
        return _response(200, answer)

    def _wait(self, answer: Json, until: float) -> Json:
        """What an operation looks like when it is done, or when the time is up. A stepped clock never gets there."""
        while answer["status"] != "DONE" and self.control.now() < until and not self.control.clock.stepped:
            time.sleep(0.005)
            with self.control.lock:
                now = self.control.now()
                operations.settle(self._around(self.world, now))
                operation = self.world.operations.get(answer["name"])
                if operation is None:
                    break
                answer = operations.shown(operation, now)
        return answer

    def _perform(self, request: httpd.Request, now: float) -> Json | httpd.Response | None:
        """The answer to a request, or None when the client shall not hear of it."""
        if request.path == TEST:
            return self._tested(request, now)
        route = discovery.match(request.method, request.path)
        query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        body, broken = _read(request, route, query)
        write = route is not None and resources.is_write(route, kinds.KINDS)
        verb = route.method.verb if route else request.method
        collection = route.method.collection if route else "unknown"
        entry = self.control.log.record(
            service="compute",
            operation=f"{verb} {collection}",
            write=write,
            parameters={"path": request.path, "query": query, "body": body},
            time=now,
        )
        fault = self.control.faults.take((entry.operation, verb, collection), write=write)
        try:
            if fault is not None and fault.before_effect:
                entry.outcome = fault.kind
                fault.strike()
                return None
            if broken is not None:
                raise broken
            self._throttle(route, write, now, fault)
            if fault is not None and fault.kind == "error":
                raise errors.Refusal(
                    status=fault.status or STATUS.get(fault.code, 400),
                    reason=fault.code,
                    message=fault.message or "Ordered by the test",
                )
            if route is None:
                entry.outcome = "notFound"
                return _nowhere(request)
            route = locations.check(route)
            _check_query(route, query)
            if isinstance(self.control.policy, permissions.Policy):
                self.control.policy.check(route, body, kinds.KINDS, self.world.resources)
            version = request.headers.get("x-goog-api-version", "")
            asked = call.Call(
                route=route, query=query, body=body, around=self._around(self.world, now), version=version
            )
            answer = self._effect(asked, write)
        except errors.Refusal as refusal:
            entry.outcome = refusal.reason
            raise
        except Exception:
            entry.outcome = "internalError"
            raise
        if fault is not None and fault.after_effect:
            entry.outcome = fault.kind
            fault.strike()
            return None
        return httpd.Response(status=204, headers={}, body=b"") if answer is None else answer

    def _tested(self, request: httpd.Request, now: float) -> Json:
        """Which permissions the caller has: resource-manager/reference/rest/v1/projects/testIamPermissions."""
        asked = json.loads(request.body)["permissions"]
        self.control.log.record(
            service="cloudresourcemanager",
            operation="testIamPermissions projects",
            write=False,
            parameters={"path": request.path, "query": {}, "body": {"permissions": asked}},
            time=now,
        )
        policy = self.control.policy
        given = policy.included if isinstance(policy, permissions.Policy) else asked
        return {"permissions": [one for one in asked if one in given]}

    def _throttle(self, route: discovery.Route | None, write: bool, now: float, fault: faults.Fault | None) -> None:
        if fault is not None and fault.kind == "throttle":
            raise throttle.refusal(throttle.group_of(route, write) if route else "global_reads")
        if route is not None and self.control.values["throttling"]:
            self.limits.draw_for(route, write, now)

    def _effect(self, asked: call.Call, write: bool) -> Json | None:
        lag = float(self.control.values["staleness"])
        if lag > 0:
            self._past = [(at, before) for at, before in self._past if at > asked.now - lag]
            self._past.append((asked.now, pickle.dumps(self.world)))
        operations.settle(asked.around)
        if lag > 0 and not write and asked.collection != "operations":
            asked.around = self._seen(asked.now, lag)
        return resources.perform(asked)

    def _around(self, state: world.World, now: float) -> call.Surroundings:
        return call.Surroundings(
            world=state, kinds=kinds.KINDS, settings=self.control.values, beliefs=self.beliefs, time=now
        )

    def _seen(self, now: float, lag: float) -> call.Surroundings:
        """What a read sees: the world `lag` seconds ago."""
        recalled: world.World = pickle.loads(self._past[0][1])
        seen = self._around(recalled, now - lag)
        operations.settle(seen)
        return seen


def _read(
    request: httpd.Request, route: discovery.Route | None, query: dict[str, str]
) -> tuple[Json, errors.Refusal | None]:
    """The body, as far as it can be read, and why the request goes no further."""
    body: Any = {}
    broken = None
    if request.body.strip() and route is not None and route.method.request:
        try:
            body = json.loads(request.body)
        except ValueError:
            broken = _parse_error("Invalid JSON payload received. Unexpected token.")
        if not isinstance(body, dict):
            body, broken = {}, _parse_error("Invalid JSON payload received. The payload must be an object.")
    if not request.headers.get("authorization", "").startswith("Bearer ") and "access_token" not in query:
        broken = _unknown_caller()  # whoever is unknown learns nothing else
    return body, broken


def _parse_error(message: str) -> errors.Refusal:
    return errors.Refusal(status=400, reason="parseError", message=message)


def _unknown_caller() -> errors.Refusal:
    """cloud.google.com/docs/authentication/troubleshoot-adc: a call without credentials."""
    message = (
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential."
    )
    return errors.Refusal(status=401, reason="required", message=message, location="Authorization")


def _check_query(route: discovery.Route, query: dict[str, str]) -> None:
    for name in query:
        if name not in route.method.query and name not in COMMON:
            message = (
                f"Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' "
                "could not be found in request message."
            )
            raise errors.Refusal(status=400, reason="invalid", message=message)


def _nowhere(request: httpd.Request) -> httpd.Response:
    """A path or method that the API does not have is not answered by the API, but by a page."""
    text = f"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>The requested URL {request.path!r} was not found."
    return httpd.Response(status=404, headers={"Content-Type": "text/html; charset=UTF-8"}, body=text.encode())


def _response(status: int, body: Json) -> httpd.Response:
    headers = {"Content-Type": "application/json; charset=UTF-8", "Vary": "Origin, X-Origin, Referer"}
    return httpd.Response(status=status, headers=headers, body=json.dumps(body).encode())


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    rate: float = 60.0,
    stepped: bool = False,
    beliefs: collections.abc.Mapping[str, str] | None = None,
) -> contextlib.AbstractContextManager[serving.Running]:
    """Serve on a thread until the context ends. Port 0 takes a free one. ValueError for a belief that is none."""
    return serving.serve(
        "gcp",
        lambda controls: Google(controls, beliefs or {}),
        settings=SETTINGS,
        secrets=SECRETS,
        host=host,
        port=port,
        rate=rate,
        stepped=stepped,
    )
