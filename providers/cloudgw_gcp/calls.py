"""The only place that calls Google Cloud: `connect` makes one session, Read has GETs, Write has the rest.

`kinds*` commit through Write, `inventory` lists through Read; planning is given Read alone, which refuses whatever is
no read, so that planning cannot write. One attempt per call, and no redirect is followed. Must never import an
SDK at import time.

Documents travel as raw JSON, because google-cloud-compute drops what it does not know: a PUT of a URL map that was
read through its messages would delete the members that a newer console wrote. So reads, PUT and PATCH (which must be
able to send null) go out as JSON through google-auth's session, and planning never pays for the 142 MB of the SDK.
What is made of our own members alone (insert, delete, set..., attach, detach) goes through the SDK's `*_unary` methods:
they know its paths, which are irregular, and refuse a member that does not exist. Not so private keys: the SDK may log.
cloud.google.com/compute/docs/reference/rest/v1, cloud.google.com/compute/docs/api/how-tos/api-requests-responses.
"""

from __future__ import annotations

import inspect
import ipaddress
import json
import os
import re
import threading
import time
import typing
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cloudgw.provider import UNHOOKED, Failed, Hook, Placement, Session, Sleep
from cloudgw_gcp import calls_hook, calls_members, calls_operations, failures, names

ENDPOINT = "https://compute.googleapis.com"
VERSION = "/compute/v1"
SCOPE = "https://www.googleapis.com/auth/compute"
MANAGER = "https://cloudresourcemanager.googleapis.com"
MANAGER_SCOPE = "https://www.googleapis.com/auth/cloud-platform.read-only"
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
PAGE = 500  # most that a page may hold
TESTED = 100  # permissions in one question, as clients of Google's ask them

READS = ("get", "list", "aggregatedList")
POSTED_READS = ("listNetworkEndpoints", "getHealth")  # POSTs that change nothing
GROUPS = "networkEndpointGroups"  # the one collection of zones that is written to
SECRET = "insert sslCertificates"  # the SDK's logging, where somebody turned it on, writes whole requests
WHOLE = {"update": "PUT", "patch": "PATCH"}

Json = Mapping[str, Any]
Reader = Callable[..., dict[str, Any]]
"""reader(http method, path, query, body) -> the answer."""
Op = calls_operations.Op


class Read:
    """What changes nothing. Answers are JSON as Google wrote it. sleep: tests and other clocks replace it.

    members: what is remembered of endpoint groups, for listings.
    """

    def __init__(self, project: str, region: str, send: Reader, wire: Wire | None = None) -> None:
        self.project = project
        self.region = region
        self.__wire = wire
        self.sleep: Sleep = time.sleep
        self.__send = send
        self.members = calls_members.Members(self._ended)

    def call(
        self,
        collection: str,
        verb: str,
        place: str = "",
        name: str = "",
        *,
        query: Mapping[str, Any] | None = None,
        body: Json | None = None,
    ) -> dict[str, Any]:
        """One read. Raises PermissionError for anything else."""
        if verb in POSTED_READS:
            return self.__send("POST", f"{self.path(collection, place, name)}/{verb}", query, body or {})
        if verb not in READS:
            raise PermissionError(f"{verb} of {collection} is no read")
        if verb == "aggregatedList":
            return self.__send("GET", f"projects/{self.project}/aggregated/{collection}", query, None)
        return self.__send("GET", self.path(collection, place, name), query, None)

    def path(self, collection: str, place: str = "", name: str = "") -> str:
        """place "" is the project itself: of its zones. name "": of the whole collection."""
        if not place:
            return f"projects/{self.project}/{collection}"
        return names.path(self.project, place, collection, name).rstrip("/")

    def get(self, collection: str, place: str, name: str) -> dict[str, Any] | None:
        """The document, or None where there is none. Its "fingerprint" is what an update wants back."""
        try:
            return self.call(collection, "get", place, name)
        except Exception as problem:
            if failures.is_absent(problem):
                return None
            raise

    def operation(self, path: str) -> dict[str, Any]:
        """path: projects/p/<scope>/operations/<name>."""
        _, place, name = names.place_of(path)
        return self.call("operations", "get", place, name)

    def items(self, collection: str, place: str = "", **query: str) -> list[dict[str, Any]]:
        """Every item. Raises Failed("unknown") where Google says that some are missing."""
        found: list[dict[str, Any]] = []
        for page in self._pages(collection, "list", place, query):
            _whole(page, f"{collection} of {place or self.project}")
            found += page.get("items") or ()
        return found

    def everything(self, collection: str) -> tuple[list[dict[str, Any]], list[str]]:
        """(items that are global, of our region and of its zones, why some of them are missing).

        Another region that cannot be reached takes nothing away from us, so partial answers are asked for:
        cloud.google.com/compute/docs/reference/rest/v1/urlMaps/aggregatedList (returnPartialSuccess).
        """
        found: list[dict[str, Any]] = []
        problems: dict[str, None] = {}
        for page in self._pages(collection, "aggregatedList", "", {"returnPartialSuccess": "true"}):
            unreachable = page.get("unreachables") or ()
            if _warning(page) and not unreachable:  # else it is about those
                problems[f"{collection}: {_warning(page)}"] = None
            for scope in unreachable:
                if self._is_ours(scope):
                    problems[f"{collection}: {scope} could not be reached"] = None
            for scope, part in (page.get("items") or {}).items():
                if self._is_ours(scope):
                    found += part.get(collection) or ()
                    if _warning(part):
                        problems[f"{collection} of {scope}: {_warning(part)}"] = None
        return found, list(problems)

    def _is_ours(self, scope: str) -> bool:
        """scope: "global", "regions/R", "zones/Z", or a link that ends so."""
        kind, _, place = f"/{scope}".rpartition("/")
        if place == names.GLOBAL:
            return True
        return place == self.region if kind.endswith("regions") else place.startswith(f"{self.region}-")

    def _pages(
        self,
        collection: str,
        verb: str,
        place: str,
        query: Mapping[str, str],
        name: str = "",
        body: Json | None = None,
    ) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            asked = {"maxResults": str(PAGE), **query, **({"pageToken": token} if token else {})}
            page = self.call(collection, verb, place, name, query=asked, body=body)
            yield page
            token = str(page.get("nextPageToken") or "")
            if not token:
                return

    def endpoints(self, path: str) -> list[str]:
        """Members of a group, asked for now: "<instance>/<ip>:<port>", sorted."""
        return list(self._members(path, "SKIP"))

    def endpoint_states(self, path: str) -> dict[str, frozenset[str]]:
        """The same, each with what the health checks of the backend services that use the group find: "HEALTHY",
        "UNHEALTHY", "UNKNOWN" ... Nothing where nobody probes it."""
        return self._members(path, "SHOW")

    def _members(self, path: str, health: str) -> dict[str, frozenset[str]]:
        collection, place, name = names.place_of(path)
        found: dict[str, frozenset[str]] = {}
        token = ""
        while True:
            query = {"maxResults": str(PAGE), **({"pageToken": token} if token else {})}
            page = self.call(
                collection, "listNetworkEndpoints", place, name, query=query, body={"healthStatus": health}
            )
            _whole(page, f"endpoints of {name}")
            for item in page.get("items") or ():
                states = (str(one.get("healthState") or "") for one in item.get("healths") or ())
                found[endpoint_of(item["networkEndpoint"])] = frozenset(states)
            token = str(page.get("nextPageToken") or "")
            if not token:
                break
        self.members.learn(path, sorted(found))
        return dict(sorted(found.items()))

    def _ended(self, operation: str) -> bool:
        try:
            return self.operation(operation).get("status") == "DONE"
        except Exception as problem:
            if failures.classify(problem) is None:
                raise
            return failures.is_absent(problem)

    def quotas(self, region: str = "") -> list[dict[str, Any]]:
        """[{"metric", "limit", "usage"}] of the project, or of one of its regions."""
        path = f"projects/{self.project}/regions/{region}" if region else f"projects/{self.project}"
        return list(self.__send("GET", path, {"fields": "quotas"}, None).get("quotas") or ())

    def caller(self) -> str:
        """Whose credentials these are, as far as they say."""
        return self.__wire.caller() if self.__wire is not None else "unknown"

    def permitted(self, permissions: Sequence[str]) -> frozenset[str]:
        """Which of these the caller has in the project:
        cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions, which needs none itself."""
        assert self.__wire is not None
        found: set[str] = set()
        for at in range(0, len(permissions), TESTED):
            found |= set(self.__wire.permitted(permissions[at : at + TESTED]))
        return frozenset(found)

    def health(self, service: str, group: str) -> list[dict[str, Any]]:
        """healthStatus items of one group in one backend service (paths). [] as long as nothing is probed."""
        collection, place, name = names.place_of(service)
        answer = self.call(collection, "getHealth", place, name, body={"group": names.link_of(group)})
        return list(answer.get("healthStatus") or ())


class Write:
    """Everything that changes something. All of it goes through `call`, which tests may wrap.

    Each returns at once with the operation that was begun; `wait` waits. pending: path of an endpoint group -> the
    operation on it that nobody has waited for yet. held: group -> how often endpoints that are to go were kept.
    """

    def __init__(self, change: Callable[[str, str, str, Json], Json], read: Read) -> None:
        self._change = change
        self._read = read
        self.pending: dict[str, Op] = {}
        self.held: dict[str, int] = {}

    def call(self, operation: str, place: str, name: str, body: Json) -> Json:
        """operation: "insert urlMaps", "setTarget forwardingRules". Answers Google's operation document."""
        return self._change(operation, place, name, body)

    def insert(self, collection: str, place: str, body: Json) -> Op:
        return self._begun("insert", collection, place, str(body["name"]), body)

    def update(self, collection: str, place: str, name: str, body: Json) -> Op:
        """PUT of the whole document, with the "fingerprint" that was read where the kind has one."""
        return self._begun("update", collection, place, name, body)

    def patch(self, collection: str, place: str, name: str, body: Json) -> Op:
        """A JSON merge patch: None takes a member away."""
        return self._begun("patch", collection, place, name, body)

    def delete(self, collection: str, place: str, name: str) -> Op:
        return self._begun("delete", collection, place, name, {})

    def act(self, collection: str, place: str, name: str, verb: str, body: Json) -> Op:
        """verb: "setTarget", "setLabels", "setUrlMap", "setSslCertificates", "attachNetworkEndpoints" ..."""
        return self._begun(verb, collection, place, name, body)

    def _begun(self, verb: str, collection: str, place: str, name: str, body: Json) -> Op:
        operation = f"{verb} {collection}"
        target = self._read.path(collection, place, name)
        if collection == GROUPS:
            self._read.members.forget(target)
        document = self.call(operation, place, name, body)
        if not document.get("name"):
            raise Failed(
                "outcome_unknown", f"{operation} {name}: the answer names no operation; the next listing decides"
            )
        begun = Op(
            name=operation,
            target=target,
            path=self._read.path("operations", place, str(document["name"])),
            document=document,
        )
        if collection == GROUPS:
            self._read.members.forget(target, begun.path)
        return begun

    def wait(self, operations: Sequence[Op]) -> list[BaseException | None]:
        """Until all have ended: for each, in their order, None or why it failed."""
        return calls_operations.wait(operations, self._read.operation, self._read.sleep)


class Wire:
    """One authorised session of one project, and the SDK's clients beside it, made when first used.

    hook: told of every exchange of them all.
    """

    def __init__(self, project: str, endpoint: str, session: Any, hook: Hook = UNHOOKED) -> None:
        self._project = project
        self._endpoint = endpoint
        self._session = session
        self._hook = hook
        calls_hook.wire(session, hook)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def send(self, method: str, path: str, query: Mapping[str, Any] | None, body: Json | None) -> dict[str, Any]:
        """One request, one attempt. Raises what google-cloud-compute raises: google.api_core's GoogleAPICallError."""
        return self._ask(
            self._session, method, f"{self._endpoint}{VERSION}/{urllib.parse.quote(path, safe='/:')}", query, body
        )

    def permitted(self, permissions: Sequence[str]) -> list[str]:
        """With a token of its own: that for compute does not reach the resource manager."""
        local = _is_loopback(self._endpoint)
        session = self._session if local else _session(self._endpoint, MANAGER_SCOPE)
        if not local:
            calls_hook.wire(session, self._hook)
        url = f"{self._endpoint if local else MANAGER}/v1/projects/{self._project}:testIamPermissions"
        answer = self._ask(session, "POST", url, None, {"permissions": list(permissions)})
        return list(answer.get("permissions") or ())

    def caller(self) -> str:
        """A service account says its name; a person's credentials do not."""
        given = self._session.credentials
        named = getattr(given, "service_account_email", "") or getattr(given, "account", "")
        return str(named) if named else f"{type(given).__name__} that name no account"

    def _ask(
        self, session: Any, method: str, url: str, query: Mapping[str, Any] | None, body: Json | None
    ) -> dict[str, Any]:
        answer = session.request(method, url, params=query, json=body, timeout=(CONNECT_SECONDS, READ_SECONDS))
        if answer.status_code >= 400:
            from google.api_core import exceptions

            raise exceptions.from_http_response(answer)  # type: ignore[no-untyped-call]
        found: dict[str, Any] = answer.json()
        return found

    def change(self, operation: str, place: str, name: str, body: Json) -> Json:
        """operation: "<verb> <collection>"; name of the resource; answers Google's operation document."""
        verb, collection = operation.split()
        if verb in WHOLE:
            return self.send(WHOLE[verb], names.path(self._project, place, collection, name), None, body)
        if operation == SECRET:
            return self.send("POST", names.path(self._project, place, collection, "").rstrip("/"), None, body)
        method = getattr(self._client(collection, place), f"{_snake(verb)}_unary")
        arguments: dict[str, Any] = {}
        for parameter in inspect.signature(method).parameters.values():
            if parameter.name == "project":
                arguments["project"] = self._project
            elif parameter.name in ("region", "zone"):
                arguments[parameter.name] = place
            elif parameter.name.endswith("_resource"):
                message = typing.get_args(parameter.annotation)[0]
                arguments[parameter.name] = message.from_json(json.dumps(body))
            elif parameter.name not in ("request", "retry", "timeout", "metadata"):
                arguments[parameter.name] = name
        answer = method(**arguments, retry=None, timeout=READ_SECONDS)
        found: Json = json.loads(
            type(answer).to_json(answer, use_integers_for_enums=False, always_print_fields_with_no_presence=False)
        )
        return found

    def _client(self, collection: str, place: str) -> Any:
        """The SDK's client of a collection in a scope, with our credentials and under our session's rules."""
        name = _client_name(collection, place)
        with self._lock:
            if name not in self._clients:
                from google.api_core import client_options
                from google.cloud import compute_v1

                options = client_options.ClientOptions(api_endpoint=self._endpoint)
                client = getattr(compute_v1, name)(credentials=self._session.credentials, client_options=options)
                _rule(client.transport._session, self._endpoint)
                calls_hook.wire(client.transport._session, self._hook)
                self._clients[name] = client
            return self._clients[name]


def connect(placement: Placement, sleep: Sleep = time.sleep, hook: Hook = UNHOOKED) -> Session:
    """A session for a placement. Raises Failed("denied") without project or credentials.

    GOOGLE_COMPUTE_CUSTOM_ENDPOINT (with or without /compute/v1/, as Terraform's provider takes it) replaces Google's
    endpoint; on a loopback host no credentials are asked for.
    """
    project = placement.account or os.environ.get("GOOGLE_CLOUD_PROJECT", "")
    if not project:
        raise Failed(
            "denied", "Google Cloud: no project is named; set spec.projectId of the parameters or GOOGLE_CLOUD_PROJECT"
        )
    endpoint = _endpoint(os.environ.get("GOOGLE_COMPUTE_CUSTOM_ENDPOINT", ""))
    wire = Wire(project, endpoint, _session(endpoint), hook)
    read = Read(project, placement.region, wire.send, wire)
    read.sleep = sleep
    return Session(read=read, write=Write(wire.change, read), account=project)


def endpoint_of(endpoint: Json) -> str:
    """ "<instance>/<ip>:<port>" of a networkEndpoint, whose instance may be a link."""
    return f"{str(endpoint.get('instance', '')).rsplit('/', 1)[-1]}/{endpoint['ipAddress']}:{endpoint.get('port', 0)}"


def _endpoint(given: str) -> str:
    """Without the service's path and a slash. Raises Failed where a token would travel in clear text."""
    endpoint = given.rstrip("/").removesuffix(VERSION) or ENDPOINT
    if not _is_loopback(endpoint) and urllib.parse.urlsplit(endpoint).scheme != "https":
        raise Failed(
            "denied", f"GOOGLE_COMPUTE_CUSTOM_ENDPOINT {endpoint}: credentials travel over https only; correct it"
        )
    return endpoint


def _session(endpoint: str, scope: str = SCOPE) -> Any:
    """google-auth's session. Retries nothing but a 401, for which it fetches a new token."""
    from google.auth.transport import requests

    given = _no_credentials() if _is_loopback(endpoint) else _credentials(scope)
    session = requests.AuthorizedSession(given)  # type: ignore[no-untyped-call]
    _rule(session, endpoint)
    return session


def _rule(session: Any, endpoint: str) -> None:
    session.max_redirects = 0
    session.headers["User-Agent"] = "cloudgw"
    session.trust_env = not _is_loopback(endpoint)  # a proxy has no business between us and ourselves


def _credentials(scope: str) -> Any:
    """Application default credentials with a token that works. Raises Failed where none is given."""
    import google.auth
    from google.auth.transport import requests

    try:
        found, _ = google.auth.default(scopes=[scope])
        found.refresh(requests.Request())  # type: ignore[no-untyped-call]
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None:
            raise
        raise Failed(
            failure.why,
            f"Google Cloud: no token was given ({failure.message}); check the credentials "
            "(gcloud auth application-default login, GOOGLE_APPLICATION_CREDENTIALS, workload identity)",
        ) from None
    return found


def _no_credentials() -> Any:
    """A word instead of a token, for a cloud on this machine."""
    from google.oauth2 import credentials

    return credentials.Credentials(token="local")  # type: ignore[no-untyped-call]


def _is_loopback(endpoint: str) -> bool:
    host = urllib.parse.urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _client_name(collection: str, place: str) -> str:
    """ "UrlMapsClient", "RegionUrlMapsClient"; addresses and forwarding rules are regional, and Global... otherwise."""
    prefix = ""
    if collection in ("addresses", "forwardingRules"):
        prefix = "Global" if place == names.GLOBAL else ""
    elif place != names.GLOBAL and collection != GROUPS:
        prefix = "Region"
    return f"{prefix}{collection[0].upper()}{collection[1:]}Client"


def _snake(verb: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", verb)


def _warning(part: Json) -> str:
    """Why something is missing from an answer, "" where nothing is."""
    warning = part.get("warning") or {}
    code = str(warning.get("code") or "")
    return "" if code in ("", "NO_RESULTS_ON_PAGE") else failures.readable(f"{code}: {warning.get('message', '')}")


def _whole(page: Json, what: str) -> None:
    if _warning(page):
        raise Failed("unknown", f"{what}: {_warning(page)}")
