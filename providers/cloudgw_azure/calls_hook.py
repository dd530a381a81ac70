"""The hook of a session, wired into the SDK: a policy that stands last in the pipeline, right before the transport.

`calls` puts it there, so that an exchange that a policy above repeats (a 401 with a challenge) is announced each time;
tokens travel through pipelines of azure-identity, which are not announced. Must never change a request or an answer.
learn.microsoft.com/python/api/azure-core/azure.core.pipeline.policies.httppolicy.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from cloudgw import provider
from cloudgw_azure import failures

TYPES = (
    "applicationGateways",
    "applicationGateways/backendhealth",
    "publicIPAddresses",
    "virtualNetworks",
    "operations",
    "operationResults",
    "permissions",
    "usages",
)
OTHER = "other"  # what a URL is called that Azure gave us and that is none of those
HEALTH = "POST applicationGateways/backendhealth"  # changes nothing


class Policy:
    """What azure-core asks of an HTTPPolicy, without importing it. next: set by the pipeline."""

    next: Any

    def __init__(self, hook: provider.Hook) -> None:
        self._hook = hook

    def send(self, request: Any) -> Any:
        operation = operation_of(request.http_request.method, request.http_request.url)
        return provider.exchange(
            self._hook,
            operation,
            lambda: self.next.send(request),
            write=is_write(operation),
            refused=lambda answer: failures.of_answer(answer.http_response),
            classify=failures.classify,
        )


def operation_of(method: str, url: str) -> str:
    """ "PUT applicationGateways": the type of what the URL names, without names and locations."""
    _, _, named = urllib.parse.urlsplit(url).path.partition("/providers/")
    words = named.rstrip("/").split("/")[1::2]  # namespace, then type and name in turn
    if words[:1] == ["locations"]:
        words = words[1:]
    kind = {known.lower(): known for known in TYPES}.get("/".join(words).lower(), OTHER)
    return f"{method} {kind}"


def is_write(operation: str) -> bool:
    return not operation.startswith(("GET ", "HEAD ")) and operation != HEALTH
