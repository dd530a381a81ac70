"""The local Azure as a server: routes bearer requests to resources, in front of them journal, buckets and faults.

`serve` is the in-process handle for tests, `__main__` the process. One lock covers a whole request, so the order in
the journal is the order of effects. It must never write a secret into the journal: `data` and `password` are struck
out in whatever case they come.
"""

from __future__ import annotations

import collections.abc
import contextlib
import json
import pickle
import traceback
import urllib.parse
from typing import Any

from cloudgw_local import control, faults, httpd, journal, serving
from cloudgw_local.azure import SUBSCRIPTION, arm, call, errors, operations, permissions, resources, throttle, world

SETTINGS: dict[str, Any] = {
    "staleness": 0.0,
    "create_seconds": 360.0,
    "update_seconds": 45.0,
    "delete_seconds": 90.0,
    "public_ip_seconds": 4.0,
    "backend_health_seconds": 20.0,
    "retry_after": 10,
    "lock_seconds": 2.0,
    "throttling": False,
    "page_size": 400,
    "network_isolation": True,
    "limit_application_gateways": 1000,
    "limit_addresses": 1000,
    "key_vault_refused": "",
    "refuse_child": "",
    "refuse_body": "",
    "refuse_mode": "sync",
}
SECRETS = ("data", "password")
READS = ("GET", "HEAD")


class Azure:
    """The cloud behind the control API: one world, its past while answers lag, and the way from bytes to effects."""

    def __init__(self, controls: control.Control, answers: collections.abc.Mapping[str, str]) -> None:
        self.control = controls
        self.beliefs = serving.beliefs("cloudgw_local.azure", "azure-", answers)
        self.limits = throttle.Limits()
        self._start = pickle.dumps(world.start())
        self.world: world.World = pickle.loads(self._start)
        self._past: list[tuple[float, bytes]] = []
        self._requests = 0

    def dump(self) -> dict[str, Any]:
        operations.settle(self.world, self.control.now(), self.beliefs)
        return self.world.dump()

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
            self.world.health[target] = world.Probe(healthy=healthy, since=self.control.now(), before=found)

    def policy(self, document: Any) -> permissions.Policy:
        return permissions.Policy(document)

    def answer(self, request: httpd.Request) -> httpd.Response | None:
        with self.control.lock:
            self._requests += 1
            now = self.control.now()
            try:
                answer = self._perform(request, now)
            except errors.Refusal as refusal:
                answer = call.Answer(status=refusal.status, body=refusal.body(), headers=refusal.headers)
            except Exception:  # a mistake of this package: silence would look like an ordered fault
                traceback.print_exc()
                failure = errors.Refusal(code="InternalServerError", message="The local Azure failed: see its errors.")
                answer = call.Answer(status=500, body=failure.body())
            return None if answer is None else self._response(request, answer, now)

    def _response(self, request: httpd.Request, answer: call.Answer, now: float) -> httpd.Response:
        number = world.guid(f"request {self._requests}")
        headers = {
            "Cache-Control": "no-cache",
            "x-ms-request-id": number,
            "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", number),
            **self.limits.headers(request.method, now),
            **answer.headers,
        }
        body = b""
        if answer.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            body = json.dumps(answer.body).encode()
        return httpd.Response(status=answer.status, headers=headers, body=body)

    def _perform(self, request: httpd.Request, now: float) -> call.Answer | None:
        """The answer to a request, or None when the client shall not hear of it."""
        query = {name.lower(): value for name, value in urllib.parse.parse_qsl(request.query, keep_blank_values=True)}
        address, body, broken = self._read(request, query)
        kind = address.kind if address else "unknown"
        write = request.method not in READS and not (address and address.action == "backendhealth")
        entry = self.control.log.record(
            service=arm.SERVICES[address.namespace] if address else "arm",
            operation=f"{request.method} {kind}",
            write=write,
            parameters={"path": request.path, "body": _without_secrets(body)},
            time=now,
        )
        fault = self.control.faults.take(
            (f"{request.method} {kind}", request.method, kind, kind.split("/")[-1]), write=write
        )
        try:
            if fault is not None and fault.before_effect:
                entry.outcome = fault.kind
                fault.strike()
                return None
            self._throttle(request, address, now, fault)
            if fault is not None and fault.kind == "error":
                raise errors.Refusal(
                    code=fault.code, message=fault.message or "Ordered by the test", status=fault.status or 400
                )
            if broken is not None:
                raise broken
            assert address is not None
            if isinstance(self.control.policy, permissions.Policy):
                self.control.policy.check(address, request.method, body)
            if address.type == "permissions":
                return permissions.listed(self.control.policy, request.method)
            answer = self._effect(request, address, query, body, write, now)
        except errors.Refusal as refusal:
            entry.outcome = refusal.code
            raise
        except Exception:
            entry.outcome = "InternalServerError"
            raise
        if fault is not None and fault.after_effect:
            entry.outcome = fault.kind
            fault.strike()
            return None
        return answer

    def _read(
        self, request: httpd.Request, query: dict[str, str]
    ) -> tuple[arm.Address | None, dict[str, Any] | None, errors.Refusal | None]:
        """Whom the request names and its body, as far as they can be read, and why not further."""
        address, body, broken = None, None, None
        try:
            address = arm.parse(request.path)
            arm.check_version(address.namespace, query.get("api-version", ""))
            if address.subscription != SUBSCRIPTION:
                message = f"The subscription '{address.subscription}' could not be found."
                raise arm.refusal("SubscriptionNotFound", message, 404)
            if request.method in ("PUT", "PATCH"):
                body = arm.content(request.body)
        except errors.Refusal as refusal:
            broken = refusal
        try:
            arm.check_bearer(request.headers)
        except errors.Refusal as refusal:  # whoever is unknown learns nothing else
            broken = refusal
        return address, body, broken

    def _throttle(
        self, request: httpd.Request, address: arm.Address | None, now: float, fault: faults.Fault | None
    ) -> None:
        if fault is not None and fault.kind == "throttle":
            raise throttle.refusal(request.method, SUBSCRIPTION, int(self.control.values["retry_after"]))
        if self.control.values["throttling"]:
            network = address is not None and address.namespace == arm.NETWORK
            self.limits.draw_for(request.method, network, SUBSCRIPTION, now)

    def _effect(
        self,
        request: httpd.Request,
        address: arm.Address,
        query: dict[str, str],
        body: dict[str, Any] | None,
        write: bool,
        now: float,
    ) -> call.Answer:
        lag = float(self.control.values["staleness"])
        before = pickle.dumps(self.world) if write and lag > 0 else None
        lagging = request.method in READS and not address.type.startswith("locations/")
        state = self._seen(now, lag) if lagging else self.world
        operations.settle(state, now, self.beliefs)
        answer = resources.perform(
            call.Call(
                address=address,
                method=request.method,
                world=state,
                now=now,
                endpoint=f"http://{request.headers.get('host', 'localhost')}",
                headers=request.headers,
                query=query,
                body=body,
                settings=self.control.values,
                beliefs=self.beliefs,
            )
        )
        if before is not None:
            self._past.append((now, before))
        return answer

    def _seen(self, now: float, lag: float) -> world.World:
        """What a read sees: the state `lag` seconds ago, if anything was written since."""
        self._past = [(at, before) for at, before in self._past if at > now - lag]
        if not self._past:
            return self.world
        recalled: world.World = pickle.loads(self._past[0][1])
        return recalled


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: journal.REDACTED if key.lower() in SECRETS else _without_secrets(member)
            for key, member in value.items()
        }
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


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
        "azure",
        lambda controls: Azure(controls, beliefs or {}),
        settings=SETTINGS,
        secrets=SECRETS,
        host=host,
        port=port,
        rate=rate,
        stepped=stepped,
    )
