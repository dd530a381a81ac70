"""JSON over HTTPS with one API server: what tests and the pod runner ask of it, as any of its users.

`cluster.Cluster` is one of these, the pod runner has another. Connections are kept, one per thread and user. This
module must never retry what a server refused, and never show a credential.
"""

from __future__ import annotations

import functools
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADMIN = "admin"  # the user of whoever starts a cluster: may do everything
PATIENCE = 60.0  # seconds for anything that takes three
STRATEGIC = "application/strategic-merge-patch+json"
_APPLY = "application/apply-patch+yaml"


class ClusterError(Exception):
    """The cluster did not do what was needed; holds the end of a log, or the server's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A bearer token, or a PEM file with a client certificate and its key. Never shown."""

    token: str = ""
    certificate: Path | None = None

    def __repr__(self) -> str:
        return "Credential(...)"


class Api:
    """An API server on 127.0.0.1. authority: its certificate; credentials: by user, `admin` among them.

    patience: seconds that an answer may take; counts for connections that are made later.
    """

    def __init__(self, port: int, authority: Path, credentials: Mapping[str, Credential]) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.authority = authority
        self.credentials = dict(credentials)
        self.patience = 30.0
        self._local = threading.local()
        self._resources: dict[str, dict[str, Any]] = {}

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, *, user: str = ADMIN, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """(HTTP status, the answer's JSON). A connection that broke is made anew, once; then OSError.

        TimeoutError when no answer comes within `patience`.
        """
        headers = self._headers(user)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = content_type
        for last in (False, True):
            connection = self._connection(user)
            try:
                connection.request(method, path, body=data, headers=headers)
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                if last or isinstance(error, TimeoutError):
                    raise
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {"message": text.decode(errors="replace")}

    def get(self, path: str, *, user: str = ADMIN) -> dict[str, Any]:
        """The object or list at a path; raises ClusterError with the server's words."""
        return self._done(path, *self.request("GET", path, user=user))

    def patch(self, path: str, body: Any, content_type: str = "application/merge-patch+json") -> dict[str, Any]:
        return self._done(path, *self.request("PATCH", path, body, content_type=content_type))

    def watch(self, path: str, version: str, seconds: int) -> Iterator[dict[str, Any]]:
        """The events of a collection since a resourceVersion, on a connection of its own, for so many seconds."""
        connection = self._connected(ADMIN, timeout=seconds + 15.0)
        try:
            query = f"?watch=1&resourceVersion={version}&timeoutSeconds={seconds}&allowWatchBookmarks=true"
            connection.request("GET", path + query, headers=self._headers(ADMIN))
            answer = connection.getresponse()
            if answer.status != 200:
                raise ClusterError(f"watch of {path}: status {answer.status}")
            while line := answer.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def apply(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Server-side apply of each object, as admin; raises ClusterError with the server's words."""
        for document in documents:
            path = f"{self.path_of(document)}?fieldManager=tests&force=true"
            status, answer = self.request("PATCH", path, document, content_type=_APPLY)
            if status not in (200, 201):
                raise ClusterError(f"{document['kind']} {document['metadata'].get('name')}: {answer.get('message')}")

    def delete(self, document: Mapping[str, Any]) -> None:
        self.request("DELETE", self.path_of(document))

    def path_of(self, document: Mapping[str, Any], *, collection: bool = False) -> str:
        """The URL path of an object, or of the collection that it is created in; ClusterError for no such kind."""
        version, kind, metadata = document["apiVersion"], document["kind"], document["metadata"]
        resource = self._resource(version, kind)
        parts = [self._root(version)]
        if resource["namespaced"]:
            parts += ["namespaces", metadata.get("namespace") or "default"]
        parts += [resource["name"]] if collection else [resource["name"], metadata["name"]]
        return "/".join(parts)

    def define(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Applies objects with CRDs among them, and waits until every one of these is served."""
        wanted = list(documents)
        self.apply(wanted)
        for document in wanted:
            if document["kind"] == "CustomResourceDefinition":
                self.wait_for(document)

    def wait_for(self, crd: Mapping[str, Any]) -> None:
        """Waits until every served version of a CRD can be used and discovered, which is later than Established."""
        spec = crd["spec"]
        for version in (item["name"] for item in spec["versions"] if item["served"]):
            path, plural = f"/apis/{spec['group']}/{version}", spec["names"]["plural"]
            until(functools.partial(self._served, path, plural), f"{path}/{plural} to be served")
        self._resources.clear()

    def _served(self, path: str, plural: str) -> bool:
        known = self.request("GET", path)[1].get("resources") or ()
        return any(item["name"] == plural for item in known) and self.request("GET", f"{path}/{plural}")[0] == 200

    def _done(self, path: str, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        if status >= 300:
            raise ClusterError(f"{path}: status {status}: {answer.get('message')}")
        return answer

    def _headers(self, user: str) -> dict[str, str]:
        token = self.credentials[user].token
        return {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def _connection(self, user: str) -> http.client.HTTPSConnection:
        if not hasattr(self._local, "connections"):
            self._local.connections = {}
        known: dict[str, http.client.HTTPSConnection] = self._local.connections
        if user not in known:
            known[user] = self._connected(user, timeout=self.patience)
        return known[user]

    def _connected(self, user: str, timeout: float) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.authority))
        certificate = self.credentials[user].certificate
        if certificate is not None:
            context.load_cert_chain(certificate)
        return http.client.HTTPSConnection(self.host, self.port, context=context, timeout=timeout)

    def _root(self, version: str) -> str:
        return f"/apis/{version}" if "/" in version else f"/api/{version}"

    def _resource(self, version: str, kind: str) -> dict[str, Any]:
        if version not in self._resources:
            _, answer = self.request("GET", self._root(version))
            self._resources[version] = {
                item["kind"]: item for item in answer.get("resources", ()) if "/" not in item["name"]
            }
        found = self._resources[version].get(kind)
        if found is None:
            raise ClusterError(f"the server knows no {kind} of {version}")
        return dict(found)


def until(true: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Asks until it is true; raises ClusterError after `patience` seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > patience:
            raise ClusterError(f"waited {patience:.0f} s for {what}")
        time.sleep(0.05)
