"""The only place that calls Azure: `connect` makes one client, Read has GETs, Write has PUT and DELETE.

`kinds*` commit through Write, `inventory` lists through Read; planning is given Read alone, which refuses whatever is
no read, so that planning cannot write. One attempt per call (a PUT that is sent twice rolls another writer back:
Azure/azure-cli#28615), no long operation is waited for, and the client has no policy that logs, redirects or registers
resource providers. Documents travel as plain camelCase JSON. Must never import the SDK at import time.
learn.microsoft.com/azure/azure-resource-manager/management/async-operations.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from cloudgw import provider
from cloudgw.provider import UNHOOKED, Failed, Hook, Placement, Session, Sleep
from cloudgw_azure import calls_hook, failures

ENDPOINT = "https://management.azure.com"
CONNECT_SECONDS = 5
READ_SECONDS = 60
HEALTH_SECONDS = 120.0  # until a health report that does not come is given up
HEALTH_POLL_SECONDS = 2.0
GRANTS = "2022-04-01"  # API version of Microsoft.Authorization/permissions
NETWORKS = "2025-05-01"  # API version of virtual networks, which are read by id: the client knows one subscription only
READS = ("get", "list", "list_all")
HEALTH = ("application_gateways", "begin_backend_health")  # a POST that changes nothing
WRITES = {
    "put_gateway": ("application_gateways", "begin_create_or_update"),
    "delete_gateway": ("application_gateways", "begin_delete"),
    "put_public_ip": ("public_ip_addresses", "begin_create_or_update"),
    "delete_public_ip": ("public_ip_addresses", "begin_delete"),
}

Json = Mapping[str, Any]
Caller = Callable[..., Any]
"""caller(group, operation, *names, **keywords): an operation of the client's group ("application_gateways")."""


class Read:
    """GETs, and the report of health. Answers are JSON as Azure wrote it. sleep: tests and other clocks replace it."""

    def __init__(
        self,
        subscription: str,
        endpoint: str,
        call: Caller,
        poll: Callable[[str], tuple[int, Json]],
        caller: Callable[[], str] = lambda: "unknown",
    ) -> None:
        self.subscription = subscription
        self.caller = caller
        self.sleep: Sleep = time.sleep
        self.location = ""  # of the placement; "" = everywhere
        self._endpoint = endpoint
        self.__call = call
        self.__poll = poll

    def call(self, group: str, operation: str, *names: str, **keywords: Any) -> Any:
        if operation not in READS and (group, operation) != HEALTH:
            raise PermissionError(f"{group}.{operation} is no read")
        return self.__call(group, operation, *names, **keywords)

    def gateways(self) -> list[dict[str, Any]]:
        """Whole documents of every application gateway of the subscription."""
        return [item.as_dict() for item in self.call("application_gateways", "list_all")]

    def gateway(self, group: str, name: str) -> dict[str, Any] | None:
        """The document, or None where there is none. Its "etag" is what `Write.put_gateway` wants back."""
        return self._one("application_gateways", group, name)

    def public_ips(self) -> list[dict[str, Any]]:
        return [item.as_dict() for item in self.call("public_ip_addresses", "list_all")]

    def public_ip(self, group: str, name: str) -> dict[str, Any] | None:
        return self._one("public_ip_addresses", group, name)

    def network(self, network_id: str) -> dict[str, Any] | None:
        """A virtual network with its subnets, by its full id: it may lie in another subscription than our gateways.

        Raises Failed("unknown") where another network answers.
        """
        try:
            _, body = self.poll(f"{self._endpoint}{urllib.parse.quote(network_id)}?api-version={NETWORKS}")
        except Exception as problem:
            if failures.is_absent(problem):
                return None
            raise
        if str(body.get("id")).lower() != network_id.lower():
            raise Failed(
                "unknown", f"{network_id} was asked for and {body.get('id')} answered; nothing is done with it"
            )
        return dict(body)

    def grants(self, group: str) -> list[Json]:
        """[{"actions", "notActions"}] of the caller in a resource group:
        rest/api/authorization/permissions/list-for-resource-group."""
        where = f"/subscriptions/{self.subscription}/resourcegroups/{urllib.parse.quote(group)}"
        return self._listed(f"{where}/providers/Microsoft.Authorization/permissions", GRANTS)

    def usages(self, location: str) -> list[Json]:
        """[{"name": {"value"}, "currentValue", "limit"}] of Microsoft.Network: rest/api/virtualnetwork/usages/list."""
        where = f"/subscriptions/{self.subscription}/providers/Microsoft.Network/locations/{location}"
        return self._listed(f"{where}/usages", NETWORKS)

    def _listed(self, path: str, version: str) -> list[Json]:
        found: list[Json] = []
        url = f"{self._endpoint}{path}?api-version={version}"
        while url:
            _, body = self.poll(url)
            found += body.get("value") or ()
            url = str(body.get("nextLink") or "")
        return found

    def _one(self, kind: str, group: str, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.call(kind, "get", group, name, cls=_body)
        except Exception as problem:
            if failures.is_absent(problem):
                return None
            raise
        return found

    def health(self, group: str, name: str) -> dict[str, Any]:
        """What the probes found: {"backendAddressPools": [...]}. Takes Azure tens of seconds: the one wait in here."""
        begun = self.call(*HEALTH, group, name, polling=_unpolled()).result().headers
        url = str(begun.get("Location") or begun.get("Azure-AsyncOperation") or "")  # the result is at Location
        waited = 0.0
        while True:
            status, body = self.poll(url)
            failed = failures.of_operation(body)
            if failed is not None:
                raise Failed(failed.why, f"health of application gateway {name}: {failed.message}")
            if status != 202 and "backendAddressPools" in body:
                return dict(body)
            if waited >= HEALTH_SECONDS:
                raise Failed("not_ready", f"application gateway {name}: no report of health within {waited:.0f} s")
            self.sleep(HEALTH_POLL_SECONDS)
            waited += HEALTH_POLL_SECONDS

    def poll(self, url: str) -> tuple[int, Json]:
        """(status, body) of an operation's URL. Raises Failed("denied") for a URL that is not of our endpoint."""
        if not _of_endpoint(url, self._endpoint):
            raise Failed(
                "denied",
                f"a long operation is to be asked about at {_host(url) or 'no host at all'}, and the credentials are "
                f"for {_host(self._endpoint)}; nothing is sent: set AZURE_ARM_ENDPOINT as it was when it began",
            )
        return self.__poll(url)


class Write:
    """Everything that changes something. All of it goes through `call`, which tests may wrap.

    Each returns at once: the answer and the URL of the long operation, "" where there is none.
    """

    def __init__(self, call: Caller) -> None:
        self._call = call

    def call(self, operation: str, group: str, name: str, *document: Json, **keywords: Any) -> tuple[Json, str]:
        """operation: one of WRITES; group and name of the resource."""
        answer = self._call(*WRITES[operation], group, name, *document, **keywords, polling=_unpolled()).result()
        url = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location") or ""
        return (answer.json() if answer.content else {}), str(url)

    def put_gateway(self, group: str, name: str, document: Json, etag: str = "") -> tuple[Json, str]:
        """etag: of the GET that the document was made from, "" for a creation."""
        return self.call("put_gateway", group, name, document, headers=_if_match(etag))

    def delete_gateway(self, group: str, name: str) -> tuple[Json, str]:
        return self.call("delete_gateway", group, name)

    def put_public_ip(self, group: str, name: str, document: Json, etag: str = "") -> tuple[Json, str]:
        return self.call("put_public_ip", group, name, document, headers=_if_match(etag))

    def delete_public_ip(self, group: str, name: str) -> tuple[Json, str]:
        return self.call("delete_public_ip", group, name)


def connect(placement: Placement, sleep: Sleep = time.sleep, hook: Hook = UNHOOKED) -> Session:
    """A client for a placement. Raises Failed("denied") without subscription or credentials.

    AZURE_ARM_ENDPOINT replaces the public cloud's endpoint; on a loopback host no credentials are asked for.
    """
    subscription = placement.account or os.environ.get("AZURE_SUBSCRIPTION_ID", "")
    if not subscription:
        raise Failed(
            "denied",
            "Azure: no subscription is named; set spec.subscriptionId of the parameters or AZURE_SUBSCRIPTION_ID",
        )
    endpoint = os.environ.get("AZURE_ARM_ENDPOINT", "").rstrip("/") or ENDPOINT
    client, credential = _client(subscription, endpoint, hook)

    def call(group: str, operation: str, *arguments: Any, **keywords: Any) -> Any:
        return getattr(getattr(client, group), operation)(*arguments, **keywords)

    def poll(url: str) -> tuple[int, Json]:
        from azure.core.rest import HttpRequest

        answer = client.send_request(HttpRequest("GET", url))
        answer.raise_for_status()
        return answer.status_code, (answer.json() if answer.content else {})

    read = Read(subscription, endpoint, call, poll, lambda: _caller(credential, endpoint))
    read.sleep, read.location = sleep, placement.region
    return Session(read=read, write=Write(call), account=subscription)


def operation(read: Read, token: str) -> provider.Operation:
    """How the operation stands whose URL a commit returned. Asks once.

    An answer that does not come, is throttled or a 5xx leaves it running. A URL that Azure has forgotten, may not be
    asked about (403: operations have a permission of their own, Microsoft.Network/locations/operations/read), or is of
    another endpoint is "done": the next listing decides, whose provisioningState says whether the resource is still
    being written or has failed. Only what is no answer at all (a defect) is raised.
    """
    try:
        status, body = read.poll(token)
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None:
            raise
        if failure.why in ("gone", "denied"):
            return provider.Operation(state="done")
        if failure.why in ("invalid", "conflict", "quota"):  # what a Location URL answers at the end
            return provider.Operation(state="failed", failure=failure)
        return provider.Operation(state="running")
    failed = failures.of_operation(body)
    if failed is not None:
        return provider.Operation(state="failed", failure=failed)
    if status == 202 or body.get("status", "Succeeded") != "Succeeded":
        return provider.Operation(state="running")
    return provider.Operation(state="done")


def place_of(arm_id: str) -> tuple[str, str]:
    """(resource group, name) in the id of a resource: /subscriptions/S/resourceGroups/G/providers/P/type/name."""
    parts = arm_id.split("/")
    if len(parts) < 9 or parts[3].lower() != "resourcegroups":
        raise ValueError(f"{arm_id} is no id of a resource in a resource group")
    return parts[4], parts[8]


def _if_match(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _body(response: Any, *_: Any) -> Any:
    """An SDK callback (keyword cls): the answer's JSON instead of a model, so that nothing is lost or added."""
    return response.http_response.json()


def _unpolled() -> Any:
    """A polling method for the SDK's operations (their keyword polling) that asks nobody: the result is the answer
    that began the operation. polling=False will not do: it takes a document out of an answer that has none."""
    from azure.core.polling import PollingMethod

    class Unpolled(PollingMethod[Any]):
        def initialize(self, client: Any, initial_response: Any, deserialization_callback: Any) -> None:
            del client, deserialization_callback
            self.answer = initial_response.http_response

        def run(self) -> None:
            raise NotImplementedError("nothing is ever polled")

        def status(self) -> str:
            return "begun"

        def finished(self) -> bool:
            return True

        def resource(self) -> Any:
            return self.answer

    return Unpolled()


def _client(subscription: str, endpoint: str, hook: Hook) -> tuple[Any, Any]:
    """(client, credential). Only what is listed here happens to a request."""
    local = _is_loopback(endpoint)
    if not local and urllib.parse.urlsplit(endpoint).scheme != "https":
        raise Failed("denied", f"AZURE_ARM_ENDPOINT {endpoint}: credentials travel over https only; correct it")
    from azure.core.pipeline import policies
    from azure.mgmt.network import NetworkManagementClient

    scope = f"{endpoint}/.default"
    credential = _NoCredential() if local else _credential(scope)
    client = NetworkManagementClient(
        credential,
        subscription,
        base_url=endpoint,
        credential_scopes=[scope],
        policies=[
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy("cloudgw"),
            policies.ProxyPolicy(),
            policies.ContentDecodePolicy(),
            _local_bearer() if local else _bearer(credential, scope),
            calls_hook.Policy(hook),  # the last: below it is the socket
        ],
        connection_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        use_env_settings=not local,  # a proxy has no business between us and ourselves
    )
    return client, credential


def _caller(credential: Any, endpoint: str) -> str:
    """Who a token is for, by its own claims; they are shown, never trusted.

    learn.microsoft.com/entra/identity-platform/access-token-claims-reference."""
    if isinstance(credential, _NoCredential):
        return "nobody: a local endpoint asks for none"
    payload = str(credential.get_token(f"{endpoint}/.default").token).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    named = next((str(claims[name]) for name in ("upn", "unique_name", "appid", "oid") if claims.get(name)), "unknown")
    return f"{named} of tenant {claims.get('tid', 'unknown')}"


def _credential(scope: str) -> Any:
    """Workload identity in a pod, else what DefaultAzureCredential finds. Raises Failed where no token is given."""
    import azure.identity

    try:
        workload = bool(os.environ.get("AZURE_FEDERATED_TOKEN_FILE"))
        found = azure.identity.WorkloadIdentityCredential() if workload else azure.identity.DefaultAzureCredential()
        found.get_token(scope)
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None and not isinstance(problem, ValueError):  # what workload identity says of missing variables
            raise
        passing = failure is not None and failure.why in ("throttled", "outcome_unknown", "unknown")
        reason = failure.message if failure is not None else str(problem)
        raise Failed(
            failure.why if failure is not None and passing else "denied",
            f"Azure at {_host(scope)}: no token was given ({reason}); "
            "check the credentials (az login, AZURE_CLIENT_ID and its companions, workload or managed identity)",
        ) from None
    return found


def _bearer(credential: Any, scope: str) -> Any:
    from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

    return ARMChallengeAuthenticationPolicy(credential, scope)


def _local_bearer() -> Any:
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class LocalBearer(SansIOHTTPPolicy[Any, Any]):
        """A word instead of a token, for a cloud on this machine."""

        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = "Bearer local"

    return LocalBearer()


class _NoCredential:
    """The client wants one; nobody may ask it."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise PermissionError("a local endpoint is never given a token")


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _is_loopback(endpoint: str) -> bool:
    host = urllib.parse.urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _of_endpoint(url: str, endpoint: str) -> bool:
    """Same scheme and host; on https a region's own host of the same cloud too (westeurope.management.azure.com)."""
    asked, ours = urllib.parse.urlsplit(url), urllib.parse.urlsplit(endpoint)
    if asked.scheme != ours.scheme or asked.username or asked.password:
        return False
    same = asked.netloc.lower() == ours.netloc.lower()
    return same or (ours.scheme == "https" and asked.netloc.lower().endswith(f".{ours.netloc.lower()}"))
