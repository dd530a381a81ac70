"""The hook of a session, wired into the transport: around `send` of each requests session that talks to Google.

`calls` puts it around its own session's and around those of the SDK's clients, so that an exchange that google-auth
repeats (a 401) is announced each time; tokens travel through sessions of google-auth, which are not announced. Must
never change a request or an answer. requests.readthedocs.io/en/latest/api/#requests.Session.send.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from cloudgw import provider
from cloudgw_gcp import failures

OTHER = "other"  # what a URL is called that is none of compute's
BY_METHOD = {"PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}
TEST = ":testIamPermissions"  # of the resource manager
POSTED_READS = (".listNetworkEndpoints", ".getHealth", ".testIamPermissions")  # POSTs that change nothing
READS = (".get", ".list", ".aggregatedList", *POSTED_READS)


def wire(session: Any, hook: provider.Hook) -> None:
    """session: requests'."""
    if hook is provider.UNHOOKED:
        return
    plain = session.send

    def send(request: Any, **keywords: Any) -> Any:
        operation = operation_of(request.method, request.url)
        return provider.exchange(
            hook,
            operation,
            lambda: plain(request, **keywords),
            write=is_write(operation),
            refused=failures.of_answer,
            classify=failures.classify,
        )

    session.send = send


def operation_of(method: str, url: str) -> str:
    """ "urlMaps.insert": collection and verb, without names and places.

    Paths: cloud.google.com/compute/docs/reference/rest/v1, below /compute/v1/projects/<project>/.
    """
    if url.partition("?")[0].endswith(TEST):
        return "projects.testIamPermissions"
    _, _, path = urllib.parse.urlsplit(url).path.partition("/projects/")
    words = path.rstrip("/").split("/")[1:]
    if not words:
        return f"projects.{BY_METHOD.get(method, OTHER)}" if path else OTHER
    if words[0] == "aggregated" and len(words) == 2:
        return f"{words[1]}.aggregatedList"
    if words[0] == "global":
        words = words[1:]
    elif words[0] in ("regions", "zones") and len(words) > 2:
        words = words[2:]
    if len(words) == 1:
        return f"{words[0]}.{'list' if method == 'GET' else 'insert'}"
    if len(words) == 2:
        return f"{words[0]}.{BY_METHOD.get(method, OTHER)}"
    return f"{words[0]}.{words[2]}" if len(words) == 3 else OTHER


def is_write(operation: str) -> bool:
    return not operation.endswith(READS)
