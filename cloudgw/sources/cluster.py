"""A live cluster becomes a Snapshot: every kind of `catalog`, listed by kubeconfig.

Called by the CLI, in place of files or below them. An object is read by the same code as one in a file. One kind that
cannot be listed harms only itself: it is not complete, which makes each of its objects Unknown, and a note says why.
The kinds are listed one after the other, so not at exactly one moment. `load` and `Api` must never send anything but
GET, never retry (a person does), and never show the content of a Secret; `exchange` is for the PATCH of `cli.approve`.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from cloudgw.objects import OWN_GROUP, Key, KubernetesObject, Material, Note, Origin, Snapshot, Unknown
from cloudgw.sources import catalog, kubeconfig, manifests, served
from cloudgw.sources.kubeconfig import Access, ClusterError

__all__ = ["Api", "ClusterError", "connection", "exchange", "load"]

PAGE = 500  # objects per answer, as kubectl asks for
_PATIENCE = 60.0  # seconds for one answer
_GONE = 410  # the list has changed too much since its first page


class _Refused(Exception):
    """The server answered, but not with what was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def load(path: str | None = None, context: str | None = None) -> manifests.Loaded:
    """Everything that cloudgw reads of a cluster. path, context: as for kubectl's --kubeconfig and --context.

    complete holds the kinds that were listed to the end. Raises ClusterError, one sentence, when there is no kubeconfig
    or context, the server cannot be reached, or it does not accept the credentials (401).
    """
    with Api(kubeconfig.access(path, context)) as api:
        return _Listing(api).loaded()


@dataclass(slots=True)
class _Listing:
    """One reading of one cluster."""

    api: Api
    _found: dict[str, dict[Key, KubernetesObject | Unknown]] = field(default_factory=dict)
    _materials: dict[str, Material] = field(default_factory=dict)
    _complete: set[str] = field(default_factory=set)
    _notes: list[Note] = field(default_factory=list)
    _errors: list[Note] = field(default_factory=list)
    _served: dict[str, dict[str, Any]] = field(default_factory=dict)

    def loaded(self) -> manifests.Loaded:
        for (group, kind), known in catalog.KINDS.items():
            self._kind(group, kind, known.versions)
        self._own_kinds()
        return manifests.Loaded(
            snapshot=Snapshot(
                objects={kind: dict(sorted(self._found[kind].items())) for kind in sorted(self._found)},
                complete=frozenset(self._complete),
                materials=dict(sorted(self._materials.items())),
            ),
            notes=tuple(self._notes),
            errors=tuple(self._errors),
        )

    def _kind(self, group: str, kind: str, versions: tuple[str, ...]) -> None:
        try:
            found = [
                resource
                for version in versions
                for resource in self._resources(group, version)
                if resource.kind == kind
            ]
        except _Refused as refused:
            return self._note(kind, "Unlistable", f"its API group cannot be seen ({refused.status}: {refused})")
        if not found:
            wanted = f"{group}/{versions[0]}" if group else versions[0]
            return self._note(kind, "NotInstalled", f"is not installed in the cluster ({wanted})", level="info")
        return self._list(found[0])

    def _own_kinds(self) -> None:
        """Parameters: their kinds are the providers', so the cluster is asked which there are."""
        status, answer = self.api.get(f"/apis/{OWN_GROUP}")
        if status == http.client.NOT_FOUND:
            text = f"no kind of group {OWN_GROUP} is installed in the cluster"
            return self._note("Parameters", "NotInstalled", text, level="info")
        try:
            if status != http.client.OK:
                raise _Refused(status, str(answer.get("message", "")))
            resources = list(self._resources(OWN_GROUP, answer["preferredVersion"]["version"]))
        except _Refused as refused:
            return self._note("Parameters", "Unlistable", f"its API group cannot be seen ({refused.status}: {refused})")
        for resource in resources:
            if resource.kind.endswith("Parameters") and not catalog.is_taken(OWN_GROUP, resource.kind):
                self._list(resource)
        return None

    def _resources(self, group: str, version: str) -> Iterator[served.Resource]:
        """What the server serves of one version of a group; nothing when it has no such version."""
        path = served.root(group, version)
        if path not in self._served:
            status, answer = self.api.get(path)
            if status not in (http.client.OK, http.client.NOT_FOUND):
                raise _Refused(status, str(answer.get("message", "")))
            self._served[path] = answer if status == http.client.OK else {}
        return served.resources(group, version, self._served[path])

    def _list(self, resource: served.Resource) -> None:
        try:
            items = self._pages(resource)
        except _Refused as refused:
            if refused.status == http.client.FORBIDDEN:
                reason = f"user {self.api.access.user!r} may not list it (403): {resource.rule('list')}"
                return self._note(resource.kind, "Forbidden", f"nothing is known of it: {reason}")
            reason = f"the API server answers {refused.status}: {refused}; try again"
            return self._note(resource.kind, "Unlistable", f"nothing is known of it: {reason}")
        for item in items:
            if not catalog.concerns(resource.group, item["metadata"]["name"]):
                continue
            self._object(item, resource.kind)
        self._complete.add(resource.kind)
        return None

    def _object(self, data: dict[str, Any], kind: str) -> None:
        """One object; Unknown, and an error, where it has a field that cannot be read."""
        read = served.read(data, kind)
        if read.problem is not None:
            subject = Origin(kind=kind, namespace=read.key[0], name=read.key[1])
            origin = replace(subject, path=read.problem.pointer if kind != "Secret" else "")
            message = f"{subject}: {read.reason}"
            self._errors.append(Note(level="error", code="InvalidField", message=message, origin=origin))
        self._found.setdefault(kind, {})[read.key] = read.item
        if read.material is not None:
            self._materials[read.material.fingerprint] = read.material

    def _pages(self, resource: served.Resource) -> list[dict[str, Any]]:
        """Every object of a kind, of one moment. When the server forgot that moment between two pages, all is asked for
        at once, as kubectl does."""
        known = catalog.KINDS.get((resource.group, resource.kind))
        accept = served.METADATA_LIST if known is not None and known.bare else served.JSON
        query: dict[str, str] = {"limit": str(PAGE)}
        found: list[dict[str, Any]] = []
        while True:
            status, answer = self.api.get(resource.path(), query, accept=accept)
            if status == _GONE and "continue" in query:
                query, found = {}, []
                continue
            if status != http.client.OK:
                raise _Refused(status, str(answer.get("message", "")))
            found += [served.complete(item, resource) for item in answer.get("items") or ()]
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return found
            query = {"limit": str(PAGE), "continue": following}

    def _note(self, kind: str, code: str, text: str, level: Any = "warning") -> None:
        self._notes.append(Note(level=level, code=code, message=f"{kind}: {text}"))


class Api:
    """GET on one API server, over one connection that is kept."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def get(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = served.JSON
    ) -> tuple[int, dict[str, Any]]:
        """(HTTP status, the answer). Raises ClusterError when there is no answer, or on 401."""
        if self._connection is None:
            self._connection = connection(self.access)
        return exchange(self.access, self._connection, "GET", path, query, {"Accept": accept})


def exchange(
    access: Access,
    through: http.client.HTTPConnection,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    body: bytes | None = None,
) -> tuple[int, dict[str, Any]]:
    """One call and its answer: (HTTP status, the answer). through: a `connection` to that server. Raises ClusterError
    when there is no answer, or on 401."""
    target = urllib.parse.urlsplit(access.server).path + path
    target += f"?{urllib.parse.urlencode(query)}" if query else ""
    try:
        through.request(method, target, body, {**access.headers, "Accept-Encoding": "gzip", **headers})
        answer = through.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ClusterError(access.no_answer(error, _PATIENCE)) from None
    if answer.status == http.client.UNAUTHORIZED:
        raise ClusterError(access.refused)
    return answer.status, _decoded(answer, text)


def _decoded(answer: http.client.HTTPResponse, body: bytes) -> dict[str, Any]:
    try:
        if answer.getheader("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        data = json.loads(body)
    except (ValueError, OSError, EOFError):
        data = None
    if isinstance(data, dict):
        return data
    if answer.status == http.client.OK:
        raise ClusterError(kubeconfig.NO_API)
    return {"message": answer.reason}


def connection(access: Access) -> http.client.HTTPConnection:
    """To the server, or through a proxy (proxy-url of the kubeconfig, else HTTPS_PROXY and NO_PROXY); not opened yet.
    Raises ClusterError."""
    url = urllib.parse.urlsplit(access.server)
    host, port = url.hostname or "", url.port or (443 if access.trust else 80)
    proxy = access.through()
    if proxy is None:
        return (
            _Secure(host, port, access) if access.trust else http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        )
    tunnel = _Secure(proxy.hostname or "", proxy.port or 80, access)
    login = f"{urllib.parse.unquote(proxy.username or '')}:{urllib.parse.unquote(proxy.password or '')}".encode()
    sent = {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"} if proxy.username else {}
    tunnel.set_tunnel(host, port, sent)
    return tunnel


class _Secure(http.client.HTTPConnection):
    """HTTPS whose certificate may bear another name than the host's (tls-server-name)."""

    default_port = 443

    def __init__(self, host: str, port: int, access: Access) -> None:
        super().__init__(host, port, timeout=_PATIENCE)
        self._access = access

    def connect(self) -> None:
        super().connect()
        assert self._access.trust is not None
        name = self._access.tls_name or urllib.parse.urlsplit(self._access.server).hostname
        self.sock = self._access.trust.wrap_socket(self.sock, server_hostname=name)
