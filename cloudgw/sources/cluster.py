"""A live cluster becomes a Snapshot: every kind of `catalog`, listed by kubeconfig.

Called by the CLI, in place of files or below them. An object is read by the same code as one in a file. One kind that
cannot be listed harms only itself: it is not complete, which makes each of its objects Unknown, and a note says why.
The kinds are listed one after the other, so not at exactly one moment. This module must never send anything but GET,
never retry (a person does), and never show the content of a Secret.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cloudgw.objects import OWN_GROUP, Key, KubernetesObject, Material, Note, Origin, Snapshot, Unknown
from cloudgw.sources import catalog, kubeconfig, manifests
from cloudgw.sources.fields import FieldError
from cloudgw.sources.kubeconfig import Access, ClusterError

__all__ = ["ClusterError", "load"]

PAGE = 500  # objects per answer, as kubectl asks for
_PATIENCE = 60.0  # seconds for one answer
_GONE = 410  # the list has changed too much since its first page


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    """A kind as the server serves it. path: "/apis/GROUP/VERSION"."""

    group: str
    version: str
    kind: str
    plural: str
    path: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def rule(self) -> str:
        """What has to be granted, in the words of a ClusterRole."""
        return f'grant verb "list" on resource "{self.plural}" of API group "{self.group}"'


_JSON = "application/json"
_METADATA = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


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
    with _Api(kubeconfig.access(path, context)) as api:
        return _Listing(api).loaded()


@dataclass(slots=True)
class _Listing:
    """One reading of one cluster."""

    api: _Api
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
            if not catalog.is_taken(OWN_GROUP, resource.kind):
                self._list(resource)
        return None

    def _resources(self, group: str, version: str) -> Iterator[_Resource]:
        """What the server serves of one version of a group; nothing when it has no such version."""
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        if path not in self._served:
            status, answer = self.api.get(path)
            if status not in (http.client.OK, http.client.NOT_FOUND):
                raise _Refused(status, str(answer.get("message", "")))
            self._served[path] = answer if status == http.client.OK else {}
        for item in self._served[path].get("resources") or ():
            if "/" not in item["name"] and "list" in item["verbs"]:
                yield _Resource(group=group, version=version, kind=item["kind"], plural=item["name"], path=path)

    def _list(self, resource: _Resource) -> None:
        try:
            items = self._pages(resource)
        except _Refused as refused:
            if refused.status == http.client.FORBIDDEN:
                reason = f"user {self.api.access.user!r} may not list it (403): {resource.rule}"
                return self._note(resource.kind, "Forbidden", f"nothing is known of it: {reason}")
            reason = f"the API server answers {refused.status}: {refused}; try again"
            return self._note(resource.kind, "Unlistable", f"nothing is known of it: {reason}")
        for item in items:
            if not catalog.concerns(resource.group, item["metadata"]["name"]):
                continue
            self._object({**item, "apiVersion": resource.api_version, "kind": resource.kind}, resource)
        self._complete.add(resource.kind)
        return None

    def _object(self, data: dict[str, Any], resource: _Resource) -> None:
        """One object; Unknown, and an error, where it has a field that cannot be read."""
        metadata = data["metadata"]
        key = (metadata.get("namespace") or "", metadata["name"])
        subject = Origin(kind=resource.kind, namespace=key[0], name=key[1])
        item: KubernetesObject | Unknown
        try:
            item, material = catalog.read(data, subject)
        except FieldError as error:
            reason = str(error) if resource.kind != "Secret" else "has a field of a wrong type"
            item, material = Unknown(reason), None
            origin = replace(subject, path=error.pointer if resource.kind != "Secret" else "")
            self._errors.append(Note(level="error", code="InvalidField", message=f"{subject}: {reason}", origin=origin))
        self._found.setdefault(resource.kind, {})[key] = item
        if material is not None:
            self._materials[material.fingerprint] = material

    def _pages(self, resource: _Resource) -> list[dict[str, Any]]:
        """Every object of a kind, of one moment. When the server forgot that moment between two pages, all is asked for
        at once, as kubectl does."""
        known = catalog.KINDS.get((resource.group, resource.kind))
        accept = _METADATA if known is not None and known.bare else _JSON
        query: dict[str, str] = {"limit": str(PAGE)}
        found: list[dict[str, Any]] = []
        while True:
            status, answer = self.api.get(f"{resource.path}/{resource.plural}", query, accept=accept)
            if status == _GONE and "continue" in query:
                query, found = {}, []
                continue
            if status != http.client.OK:
                raise _Refused(status, str(answer.get("message", "")))
            found += [_slim(item) for item in answer.get("items") or ()]
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return found
            query = {"limit": str(PAGE), "continue": following}

    def _note(self, kind: str, code: str, text: str, level: Any = "warning") -> None:
        self._notes.append(Note(level=level, code=code, message=f"{kind}: {text}"))


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    """Who wrote which field is a large part of an object, and nothing to us."""
    (item.get("metadata") or {}).pop("managedFields", None)
    return item


class _Api:
    """GET on one API server, over one connection that is kept."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._url = urllib.parse.urlsplit(access.server)
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> _Api:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = _JSON) -> tuple[int, dict[str, Any]]:
        """(HTTP status, the answer). Raises ClusterError when there is no answer, or on 401."""
        target = self._url.path + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {**self.access.headers, "Accept": accept, "Accept-Encoding": "gzip"}
        try:
            if self._connection is None:
                self._connection = _connection(self.access, self._url)
            self._connection.request("GET", target, headers=headers)
            answer = self._connection.getresponse()
            body = answer.read()
        except ssl.SSLCertVerificationError as error:
            raise ClusterError(
                f"{self.access.shown}: its certificate is not trusted ({error.verify_message}); "
                f"check certificate-authority in {self.access.source}"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise ClusterError(
                f"{self.access.shown}: no answer ({_words(error)}); check the network and the server in "
                f"{self.access.source}"
            ) from None
        if answer.status == http.client.UNAUTHORIZED:
            raise ClusterError(
                f"{self.access.shown}: refuses the credentials of user {self.access.user!r} (401); log in anew"
            )
        return answer.status, _decoded(answer, body)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {_PATIENCE:.0f} s"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


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
        raise ClusterError("the server does not answer as a Kubernetes API server does; check `server` and the proxy")
    return {"message": answer.reason}


def _connection(access: Access, url: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    """To the server, or through a proxy (proxy-url of the kubeconfig, else HTTPS_PROXY and NO_PROXY)."""
    host, port = url.hostname or "", url.port or (443 if access.trust else 80)
    proxy = urllib.parse.urlsplit(access.proxy or _environment_proxy(url.scheme, host))
    if proxy.scheme not in ("", "http"):
        raise ClusterError(f"{access.source}: proxies of scheme {proxy.scheme} are not supported; use http://")
    if not proxy.hostname:
        return (
            _Secure(host, port, access) if access.trust else http.client.HTTPConnection(host, port, timeout=_PATIENCE)
        )
    if not access.trust:
        raise ClusterError(f"{access.shown}: a server without TLS is not reached through a proxy; set NO_PROXY")
    connection = _Secure(proxy.hostname, proxy.port or 80, access)
    login = f"{urllib.parse.unquote(proxy.username or '')}:{urllib.parse.unquote(proxy.password or '')}".encode()
    sent = {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"} if proxy.username else {}
    connection.set_tunnel(host, port, sent)
    return connection


def _environment_proxy(scheme: str, host: str) -> str:
    return "" if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(scheme, "")


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
