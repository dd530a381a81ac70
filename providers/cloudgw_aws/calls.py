"""The only place that calls AWS: `connect` makes the clients, Read has describes, Write has the rest.

`kinds*` commit through Write, `inventory` lists through Read; planning is given Read alone, which refuses every
operation whose name does not begin with Describe, List or Get, so that planning cannot write. One attempt per call:
the engine's retry policies are the only ones, but that a read which AWS throttled is asked again. Must never import the
SDK at import time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cloudgw.provider import UNHOOKED, Failed, Failure, Hook, Placement, Session, Sleep
from cloudgw_aws import calls_hook, failures

SERVICES = ("elbv2", "ec2", "acm", "sts")
READ_PREFIXES = ("describe_", "list_", "get_")
TAGS_PER_CALL = 20  # API_DescribeTags.html: up to 20 resources
PAUSES = (1.0, 1.0, 2.0, 4.0, 8.0)  # seconds: a bucket gets ten tokens in one (elb-api-throttling.html)
FILTER_VALUES = 200  # Using_Filtering.html: values of one filter

Caller = Callable[..., Any]


class Clients:
    """The SDK's clients of one placement, made when first used. Clients are thread-safe, making them is not.

    hook: told of every exchange, by the SDK's own events.
    """

    def __init__(self, region: str, hook: Hook = UNHOOKED) -> None:
        self._region = region
        self._hook = hook
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """One attempt of one operation, "create_rule". Raises what botocore raises."""
        return getattr(self._client(service), operation)(**parameters)

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                import boto3
                import botocore.config

                config = botocore.config.Config(
                    retries={"total_max_attempts": 1},
                    connect_timeout=5,
                    read_timeout=60,
                    user_agent_extra="cloudgw",
                )
                session = boto3.session.Session(region_name=self._region or None)
                made = session.client(service, config=config)
                calls_hook.register(made.meta.events, service, self._hook)
                self._made[service] = made
            return self._made[service]


class Read:
    """Describes. Every list is read to its last page. sleep: while AWS says that there were too many calls."""

    def __init__(self, call: Caller, sleep: Sleep = time.sleep) -> None:
        self.__call = call
        self._sleep = sleep

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        """A listing of many load balancers has more calls than AWS's buckets hold: it goes on at their pace."""
        if not operation.startswith(READ_PREFIXES):
            raise PermissionError(f"{operation} is no read")
        for pause in PAUSES:
            try:
                return self.__call(service, operation, **parameters)
            except Exception as problem:
                failure = failures.classify(problem)
                if failure is None or failure.why != "throttled":
                    raise
            self._sleep(pause)
        return self.__call(service, operation, **parameters)

    def pages(self, service: str, operation: str, field: str, marker: str, **parameters: Any) -> Iterator[Any]:
        """Items of a paged answer. marker: name of the token in the answer, "NextMarker" or "NextToken"."""
        asked = {"NextMarker": "Marker"}.get(marker, marker)
        token = ""
        while True:
            answer = self.call(service, operation, **parameters, **({asked: token} if token else {}))
            yield from answer.get(field, ())
            token = answer.get(marker) or ""
            if not token:
                return

    def elb(self, operation: str, field: str, **parameters: Any) -> list[Any]:
        return list(self.pages("elbv2", operation, field, "NextMarker", **parameters))

    def ec2(self, operation: str, field: str, **parameters: Any) -> list[Any]:
        return list(self.pages("ec2", operation, field, "NextToken", **parameters))

    def tags(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        """elbv2 tags of every ARN, 20 in a call."""
        found: dict[str, dict[str, str]] = {}
        for at in range(0, len(arns), TAGS_PER_CALL):
            answer = self.call("elbv2", "describe_tags", ResourceArns=list(arns[at : at + TAGS_PER_CALL]))
            for item in answer["TagDescriptions"]:
                found[item["ResourceArn"]] = {tag["Key"]: tag.get("Value", "") for tag in item["Tags"]}
        return found

    def named(self, operation: str, field: str, name: str) -> Mapping[str, Any] | None:
        """The load balancer or target group of that name, or None."""
        try:
            answer = self.call("elbv2", operation, Names=[name])
        except Exception as problem:
            if failures.is_absent(problem):
                return None
            raise
        found: list[Mapping[str, Any]] = answer[field]
        return found[0] if found else None

    def rules(self, listener: str) -> list[dict[str, Any]]:
        """A listener's rules by priority, the default rule left out. Their order is not promised by AWS."""
        found = [rule for rule in self.elb("describe_rules", "Rules", ListenerArn=listener) if not rule["IsDefault"]]
        return sorted(found, key=lambda rule: (int(rule["Priority"]), rule["RuleArn"]))

    def target_health(self, group: str) -> list[dict[str, Any]]:
        answer = self.call("elbv2", "describe_target_health", TargetGroupArn=group)
        return list(answer["TargetHealthDescriptions"])

    def account(self) -> str:
        return str(self.caller()["Account"])

    def caller(self) -> Mapping[str, Any]:
        """{"Account", "Arn", "UserId"} of the credentials."""
        found: Mapping[str, Any] = self.call("sts", "get_caller_identity")
        return found

    def tried(self, operation: str, **parameters: Any) -> Failure | None:
        """Why EC2 would not do it for us, None where it would. Changes nothing: AWSEC2 API_CreateSecurityGroup.html,
        DryRun. Elastic Load Balancing and ACM have no such thing."""
        try:
            self.__call("ec2", operation, **{**parameters, "DryRun": True})
        except Exception as problem:
            if failures.code_of(problem) == "DryRunOperation":
                return None
            failure = failures.classify(problem)
            if failure is None:
                raise
            return failure
        raise Failed("unknown", f"EC2 took {operation} for no dry run; look what it made")


class Write:
    """Everything that changes something. All of it goes through `call`, which tests may wrap."""

    def __init__(self, call: Caller) -> None:
        self._call = call

    def call(self, service: str, operation: str, **parameters: Any) -> Any:
        return self._call(service, operation, **parameters)


def connect(placement: Placement, sleep: Sleep = time.sleep, hook: Hook = UNHOOKED) -> Session:
    """Clients for a placement; of their calls only throttled reads wait. Raises Failed("denied") without credentials or
    with those of another account."""
    clients = Clients(placement.region, hook)
    read = Read(clients.call, sleep)
    try:
        account = read.account()
    except Failed:  # of the hook
        raise
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None:
            raise
        why = failure.why if failure.why in ("throttled", "outcome_unknown") else "denied"
        message = (
            f"AWS in {placement.region}: who am I was not answered ({failure.code}: {failure.message}); "
            "check the credentials (AWS_PROFILE, environment, instance or pod identity) and the endpoint"
        )
        raise Failed(why, message) from None
    if placement.account and placement.account != account:
        raise Failed(
            "denied",
            f"the credentials belong to account {account}, the parameters name accountId {placement.account}; "
            "use credentials of that account or correct accountId",
        )
    return Session(read=read, write=Write(clients.call), account=account)
