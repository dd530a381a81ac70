"""The local AWS as a server: routes signed requests to operations, in front of them journal, buckets and faults.

`serve` is the in-process handle for tests, `__main__` the process. One lock covers a whole call, so the order in the
journal is the order of effects. Services that are not in MODULES go to moto's server, unchanged; it must never answer
for those that are.
"""

from __future__ import annotations

import collections.abc
import contextlib
import functools
import importlib
import importlib.resources
import pickle
import re
import traceback
from typing import Any

from cloudgw_local import buckets, control, faults, httpd, serving
from cloudgw_local.aws import call, errors, health, permissions, wire, world

SETTINGS: dict[str, Any] = {
    "staleness": 0.0,
    "load_balancer_provisioning": 90.0,
    "load_balancer_release": 60.0,
    "target_initial": 30.0,
    "target_group_release": 0.0,
    "certificate_issuing": 0.0,
    "throttling": False,
    "page_size": 400,
    "load_balancer_quota": 50,  # adjustable at AWS: application/load-balancer-limits.html
    "security_group_rule_quota": 60,  # adjustable at AWS: vpc/latest/userguide/amazon-vpc-limits.html
}

SECRETS = ("PrivateKey", "ClientSecret", "Passphrase")

# elasticloadbalancing/latest/userguide/elb-api-throttling.html; AWSEC2/latest/APIReference/throttling.html
LIMITS = {
    "elb": (40.0, 10.0),
    "elb-read": (40.0, 10.0),
    "elb-write": (20.0, 3.0),
    "elb-resource": (10.0, 0.2),
    "elb-registration": (20.0, 4.0),
    "ec2-read": (100.0, 20.0),
    "ec2-unfiltered": (50.0, 10.0),
    "ec2-write": (50.0, 5.0),
}
MODULES = {
    "elbv2": ("elbv2", "elbv2_listeners", "elbv2_rules", "elbv2_groups"),
    "ec2": ("ec2", "ec2_groups"),
    "acm": ("acm",),
    "sts": ("sts",),
    "resourcegroupstaggingapi": ("tagging",),
}
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request")
_READS = ("Describe", "List", "Get")


def operations(service: str) -> dict[str, call.Operation]:
    found: dict[str, call.Operation] = {}
    for name in MODULES[service]:
        found.update(importlib.import_module(f"cloudgw_local.aws.{name}").OPERATIONS)
    return found


class Aws:
    """The cloud behind the control API: one world, its past while answers lag, and the way from bytes to effects."""

    def __init__(self, controls: control.Control, answers: collections.abc.Mapping[str, str]) -> None:
        self.control = controls
        self.beliefs = serving.beliefs("cloudgw_local", "aws-", answers)
        self.operations = {service: operations(service) for service in MODULES}
        self.buckets = buckets.Buckets(LIMITS)
        self._start = pickle.dumps(world.start())
        self.world: world.World = pickle.loads(self._start)
        self._past: list[tuple[float, bytes]] = []
        self._recalled: tuple[bytes, world.World] | None = None

    def dump(self) -> dict[str, Any]:
        health.settle(self.world, self.control.now())
        return self.world.dump()

    def save(self) -> bytes:
        return pickle.dumps(self.world)

    def load(self, saved: bytes) -> None:
        self.world = pickle.loads(saved)
        self._past.clear()

    def restart(self) -> None:
        self.load(self._start)
        self.buckets.fill()

    def set_health(self, target: str, healthy: bool | None) -> None:
        if healthy is None:
            self.world.health.pop(target, None)
        else:
            self.world.health[target] = healthy

    def policy(self, document: Any) -> permissions.Policy:
        return permissions.Policy(document)

    def answer(self, request: httpd.Request) -> httpd.Response | None:
        signed = _SCOPE.search(request.headers.get("authorization", ""))
        service = wire.SERVICES.get(signed[2]) if signed else None
        if signed and service is None:
            return _elsewhere(request)
        with self.control.lock:
            if signed is None or service is None:
                refusal = errors.AwsError("MissingAuthenticationToken", "The request is not signed", 403)
                return _response(refusal.status, wire.serialize_error("elbv2", refusal))
            try:
                if signed[1] != world.REGION and service != "sts":
                    raise errors.AwsError("AuthFailure", f"The local AWS has only {world.REGION}, not {signed[1]}", 401)
                operation, raw = wire.operation_of(service, request.headers, request.body)
                answer = self._perform(service, operation, raw)
                return None if answer is None else _response(200, wire.serialize(service, operation, answer))
            except errors.AwsError as refusal:
                return _response(refusal.status, wire.serialize_error(service, refusal))
            except Exception:  # a mistake of this package: silence would look like an ordered fault
                traceback.print_exc()
                failure = errors.AwsError("InternalFailure", "The local AWS failed: see its standard error", 500)
                return _response(failure.status, wire.serialize_error(service, failure))

    def _perform(self, service: str, operation: str, raw: Any) -> dict[str, Any] | None:
        """The output members of the call, or None when the caller shall not hear of it."""
        if operation not in wire.model(service).operation_names:
            raise errors.AwsError("InvalidAction", f"Could not find operation {operation} in {service}")
        parameters, broken = None, None
        try:
            parameters = wire.parse(service, operation, raw)
        except errors.AwsError as refusal:
            broken = refusal
        now = self.control.now()
        write = not operation.startswith(_READS)
        entry = self.control.log.record(
            service=service,
            operation=operation,
            write=write,
            parameters=raw if parameters is None else parameters,
            time=now,
        )
        fault = self.control.faults.take((operation, f"{service}:{operation}"), write=write)
        try:
            if fault is not None and fault.before_effect:
                entry.outcome = fault.kind
                fault.strike()
                return None
            self._throttle(service, operation, parameters or {}, write, now, fault)
            if fault is not None and fault.kind == "error":
                raise errors.AwsError(fault.code, fault.message or "Ordered by the test", fault.status or 400)
            if broken is not None:
                raise broken
            assert parameters is not None
            if isinstance(self.control.policy, permissions.Policy):
                self.control.policy.check(service, operation, parameters, self.world)
            if parameters.get("DryRun"):
                raise errors.AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
            answer = self._effect(service, operation, parameters, write, now)
        except errors.AwsError as refusal:
            entry.outcome = refusal.code
            raise
        except Exception:
            entry.outcome = "InternalFailure"
            raise
        if fault is not None and fault.after_effect:
            entry.outcome = fault.kind
            fault.strike()
            return None
        return answer

    def _effect(
        self, service: str, operation: str, parameters: dict[str, Any], write: bool, now: float
    ) -> dict[str, Any]:
        perform = self.operations[service].get(operation)
        if perform is None:
            raise errors.AwsError("InvalidAction", f"The local AWS does not offer {service} {operation}")
        lag = float(self.control.values["staleness"])
        before = pickle.dumps(self.world) if write and lag > 0 else None
        state = self.world if write else self._seen(now, lag)
        health.settle(state, now)
        if write:
            state.users = None
        answer = perform(
            call.Call(
                operation=operation,
                world=state,
                now=now,
                parameters=parameters,
                settings=self.control.values,
                beliefs=self.beliefs,
            )
        )
        if write:
            health.resettle(state, now)
        if before is not None:
            self._past.append((now, before))
        return answer

    def _seen(self, now: float, lag: float) -> world.World:
        """What a describe sees: the state `lag` seconds ago, if anything was written since."""
        self._past = [(at, before) for at, before in self._past if at > now - lag]
        if not self._past:
            return self.world
        oldest = self._past[0][1]
        if self._recalled is None or self._recalled[0] is not oldest:
            self._recalled = (oldest, pickle.loads(oldest))
        return self._recalled[1]

    def _throttle(
        self,
        service: str,
        operation: str,
        parameters: dict[str, Any],
        write: bool,
        now: float,
        fault: faults.Fault | None,
    ) -> None:
        ordered = fault is not None and fault.kind == "throttle"
        names = _buckets(service, operation, parameters, write)
        if not ordered and (not self.control.values["throttling"] or self.buckets.draw(names, now)):
            return
        if service == "ec2":
            raise errors.AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
        raise errors.AwsError("ThrottlingException", "Rate exceeded")


def _buckets(service: str, operation: str, parameters: dict[str, Any], write: bool) -> list[str]:
    if service == "ec2":
        if write:
            return ["ec2-write"]
        return ["ec2-read" if len(parameters) > 0 else "ec2-unfiltered"]
    if service != "elbv2":
        return []
    if not write:
        return ["elb", "elb-read"]
    if operation in ("CreateLoadBalancer", "SetSubnets"):
        return ["elb", "elb-resource"]
    if operation in ("RegisterTargets", "DeregisterTargets"):
        return ["elb", "elb-registration"]
    return ["elb", "elb-write"]


def _response(status: int, typed: tuple[str, bytes]) -> httpd.Response:
    headers = {"Content-Type": typed[0], "x-amzn-RequestId": wire.REQUEST_ID}
    return httpd.Response(status=status, headers=headers, body=typed[1])


@functools.cache
def _moto() -> Any:
    """moto's own server application, for services that this local AWS does not take over."""
    moto_server = importlib.import_module("moto.moto_server.werkzeug_app")
    testing = importlib.import_module("werkzeug.test")
    return testing.Client(moto_server.DomainDispatcherApplication(moto_server.create_backend_app))


def _elsewhere(request: httpd.Request) -> httpd.Response:
    answer = _moto().open(
        path=request.path,
        query_string=request.query,
        method=request.method,
        headers={name: value for name, value in request.headers.items() if name != "content-length"},
        data=request.body,
    )
    headers = {
        name: value for name, value in answer.headers.items() if name.lower() not in ("content-length", "connection")
    }
    return httpd.Response(status=answer.status_code, headers=headers, body=answer.data)


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
        "aws",
        lambda controls: Aws(controls, beliefs or {}),
        settings=SETTINGS,
        secrets=SECRETS,
        host=host,
        port=port,
        rate=rate,
        stepped=stepped,
    )
