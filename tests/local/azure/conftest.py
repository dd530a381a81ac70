"""One stepped local Azure for all tests of this folder, back in its start world before each; the unmodified client.

The client is azure-mgmt-network's, with a policy that signs any request in place of a real credential, and without
retries. Where no client of the vendor is installed (identities, resource groups) the tests speak HTTP.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from azure.core import exceptions
from azure.core.pipeline import policies
from azure.mgmt.network import NetworkManagementClient

from cloudgw_local import azure, serving
from cloudgw_local.azure import arm, server

from . import samples

SCOPE = f"/subscriptions/{azure.SUBSCRIPTION}/resourceGroups/{azure.GROUP}"
NETWORK = f"{SCOPE}/providers/Microsoft.Network"
GATEWAY = f"{NETWORK}/applicationGateways/gw"
PUBLIC_IP = f"{NETWORK}/publicIPAddresses/pip"


class Bearer(policies.SansIOHTTPPolicy):  # type: ignore[type-arg]
    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = "Bearer local"


class Credential:
    """Never asked: `Bearer` signs."""

    def get_token(self, *scopes: str, **_more: Any) -> Any:
        raise AssertionError(f"a token for {scopes}")


@dataclasses.dataclass(kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


@dataclasses.dataclass(kw_only=True)
class Cloud:
    """The running cloud, its client, and short ways to make things in it."""

    endpoint: str
    control: Any
    client: NetworkManagementClient

    def ask(self, method: str, path: str, body: Any = None, version: str = arm.VERSION, **headers: str) -> Reply:
        """One request by plain HTTP; `path` may be a whole URL that the cloud gave out."""
        url = path if path.startswith("http") else f"{self.endpoint}{path}"
        if "api-version" not in url and version:
            url += f"{'&' if '?' in url else '?'}api-version={version}"
        sent = {"Authorization": "Bearer local", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, method=method, headers={k: v for k, v in sent.items() if v})
        try:
            with urllib.request.urlopen(request) as answer:
                return _reply(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _reply(refused)

    def get(self, path: str = GATEWAY) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    def state(self, path: str = GATEWAY) -> str:
        return str(self.get(path)["properties"]["provisioningState"])

    def public_ip(self, name: str = "pip", **properties: Any) -> None:
        path = f"{NETWORK}/publicIPAddresses/{name}"
        assert self.ask("PUT", path, samples.public_ip(**properties)).status == 201
        self.control.advance(4)

    def put(self, document: dict[str, Any] | None = None, name: str = "gw", **headers: str) -> Reply:
        path = f"{NETWORK}/applicationGateways/{name}"
        return self.ask("PUT", path, document or samples.gateway(name), **headers)

    def gateway(self, document: dict[str, Any] | None = None) -> None:
        """A public IP and a gateway on it, both finished."""
        self.public_ip()
        made = self.put(document)
        assert made.status == 201, made.body
        self.control.advance(360)

    def poll(self, answer: Reply) -> Any:
        return self.get(answer.headers["Azure-AsyncOperation"])

    def backends(self) -> dict[str, list[tuple[str, str]]]:
        """Health after the 20 seconds that the question takes: pool -> (address, health) of all its settings."""
        asked = self.ask("POST", f"{GATEWAY}/backendhealth")
        assert asked.status == 202, asked.body
        self.control.advance(20)
        found = self.get(asked.headers["Location"])
        return {
            one["backendAddressPool"]["id"].rsplit("/", 1)[-1]: [
                (server["address"], server["health"])
                for settings in one["backendHttpSettingsCollection"]
                for server in settings["servers"]
            ]
            for one in found["backendAddressPools"]
        }


def _reply(answer: Any) -> Reply:
    text = answer.read()
    return Reply(status=answer.status, headers=dict(answer.headers), body=json.loads(text) if text else None)


def refused(code: str, perform: collections.abc.Callable[..., Any], /, *args: Any, **given: Any) -> Any:
    """The error with which Azure refuses the client; fails if it does not, or with another code."""
    with pytest.raises(exceptions.HttpResponseError) as caught:
        perform(*args, **given)
    assert caught.value.error is not None
    assert caught.value.error.code == code, caught.value.error
    return caught.value.error


def connect(running: serving.Running) -> Cloud:
    client = NetworkManagementClient(
        Credential(),
        azure.SUBSCRIPTION,
        base_url=running.endpoint,
        authentication_policy=Bearer(),
        polling_interval=0,
        retry_total=0,
    )
    return Cloud(endpoint=running.endpoint, control=running.control, client=client)


@pytest.fixture(scope="session")
def served() -> collections.abc.Iterator[Cloud]:
    with server.serve(stepped=True) as running:
        yield connect(running)


@pytest.fixture
def cloud(served: Cloud) -> Cloud:
    served.control.reset()
    return served
