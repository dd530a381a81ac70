"""Recorded exchanges with the real cloud: reading them, sending them to the local one, and comparing the answers.

test_recordings uses it. A recording is a log of whole exchanges in which ids, names and moments are placeholders. It
says in which order things happened but not when: a poll that found an operation done, a read that found a resource
gone, and every change but one that was refused as not ready, come after everything that ran has ended. No text of a
recording may be kept here.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import pathlib
import re
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import discovery, names

LONG = 60.0  # seconds in which every operation ends
EXCHANGE = re.compile(
    r"(?P<http>[A-Z]+) https://(?:www|compute)\.googleapis\.com(?P<path>/compute/[^ ?]*)(?:\?[^\n]*)?\n(?P<rest>.*)",
    re.DOTALL,
)
ANSWER = re.compile(r"(?:^|\n)(\d{3}) [A-Z][^\n]*\n(.*)", re.DOTALL)
# Real regions that the recordings use, and the ones that stand for them here.
REGIONS = {
    "us-central1": gcp.REGION,
    "us-west3": "europe-west4",
    "us-west4": "europe-west4",
    "northamerica-south1": "europe-west4",
}
VOLATILE = {
    *("id", "creationTimestamp", "insertTime", "startTime", "endTime", "fingerprint", "labelFingerprint", "targetId"),
    *("user", "etag", "selfLinkWithId"),
}
# What services of other APIs made: connections of a network with theirs.
FOREIGN = {"peerings"}
ROOT = re.compile(r"https://(?:www|compute)\.googleapis\.com/compute/(?:v1|beta)/")
IN_USE = re.compile(r"is already being used by 'projects/[^/']+/global/firewalls/(?P<name>[^']+)'")
OPERATION_NAMES = {"name", "selfLink"}
ADDRESSES = {"address", "IPAddress", "gatewayAddress"}
NAMED = re.compile(r"\$\{(\w+)\}")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded request and its answer; `number` counts all exchanges of the recording from 1."""

    number: int
    http: str
    path: str
    body: Any
    status: int
    answer: Any


def read(file: pathlib.Path) -> tuple[list[Exchange], int]:
    """The exchanges with the compute API, and the number of those with other APIs."""
    found, others = [], 0
    for number, text in enumerate(file.read_text().split("\n---\n"), 1):
        exchange = EXCHANGE.match(_filled(text).lstrip())
        if exchange is None:
            others += bool(text.strip())
            continue
        answer = ANSWER.search(exchange["rest"])
        assert answer is not None, f"{file.name} exchange {number} has no answer"
        found.append(
            Exchange(
                number=number,
                http=exchange["http"],
                path=exchange["path"],
                body=_document(exchange["rest"][: answer.start()]),
                status=int(answer[1]),
                answer=_document(answer[2]),
            )
        )
    return found, others


def _filled(text: str) -> str:
    """Placeholders as names that the cloud takes: ${networkID} is networkid."""
    known = {"projectId": gcp.PROJECT, "projectNumber": gcp.NUMBER, "uniqueId": "u1"}
    text = NAMED.sub(lambda found: known.get(found[1], found[1].lower()), text)
    for real, local in REGIONS.items():
        text = text.replace(real, local)
    return text


def _document(text: str) -> Any:
    """What stands behind the headers."""
    body = text.partition("\n\n")[2].strip()
    return json.loads(body) if body else None


# What a refusal names: 'projects/p/global/networks/n' is (or was not) ...
MISSING = re.compile(r"'projects/[^/']+/(?:global|(?:regions|zones)/[^/']+)/(?P<collection>\w+)/(?P<name>[^/']+)' ")
Ask = collections.abc.Callable[[str, str, Any], tuple[int, Any]]
Advance = collections.abc.Callable[[float], object]


class Replay:
    """Sends exchanges to the local cloud in their order; knows which of its operations stand for the recorded ones.

    A recording may call one resource by a placeholder in paths and links and by its name elsewhere; the names are
    learned as they come.
    """

    def __init__(self, ask: Ask, advance: Advance) -> None:
        self.ask, self.advance = ask, advance
        self.operations: dict[tuple[str, str], str] = {}
        self.names: dict[str, str] = {}
        self.addresses: dict[str, str] = {}

    def send(self, recorded: Exchange) -> tuple[Exchange, int, Any] | None:
        """What was recorded with its names learned, and our status and answer; None for a method that is not served,
        or a poll of an operation that is not."""
        route = discovery.match(recorded.http, recorded.path)
        if route is None:
            return None
        self.names |= _learned(recorded, route)
        exchange = self._named(recorded)
        route = discovery.match(exchange.http, exchange.path)
        assert route is not None
        path = exchange.path
        if route.method.collection == "operations":
            name = self.operations.get(_operation(exchange.answer))
            if name is None:
                return None
            path = f"{path.rpartition('/')[0]}/{name}"
            if exchange.answer.get("status") == "DONE":
                self.advance(LONG)
        elif exchange.status == 404 or (exchange.http != "GET" and _reason(exchange.answer) != "resourceNotReady"):
            self.advance(LONG)
        status, answer = self.ask(exchange.http, path, self._body(exchange, route))
        if status == exchange.status == 200 and route.method.collection == "addresses" and "address" in answer:
            self.addresses[exchange.answer["address"]] = answer["address"]
        if isinstance(answer, dict) and "operationType" in answer:
            self.operations[_operation(answer)] = answer["name"]
        return exchange, status, answer

    def _named(self, exchange: Exchange) -> Exchange:
        def filled(text: str) -> str:
            for called, name in self.names.items():
                text = re.sub(rf"/{called}(?![\w-])", f"/{name}", text)
            return text

        answer = json.loads(filled(json.dumps(exchange.answer)))
        return dataclasses.replace(exchange, path=filled(exchange.path), answer=answer)

    def _body(self, exchange: Exchange, route: discovery.Route) -> Any:
        """The body with our fingerprints and addresses instead of the recorded ones."""
        if not isinstance(exchange.body, dict):
            return exchange.body
        body = dict(exchange.body)
        if "IPAddress" in body and self.addresses:  # a recording may mask an address that it shows elsewhere
            last = list(self.addresses.values())[-1]
            body["IPAddress"] = self.addresses.get(body["IPAddress"], last)
        given = {name for name in ("fingerprint", "labelFingerprint") if name in body}
        current = self.ask("GET", _resource(route), None)[1] if given else {}
        return body | {name: current[name] for name in given if name in current}

    def neighbour(self, exchange: Exchange, later: collections.abc.Sequence[Exchange]) -> None:
        """Make or remove the firewall rule of which a recorded deletion of a network said that it uses it: another
        service had made it."""
        route = discovery.match(exchange.http, exchange.path)
        if route is None or exchange.status != 200:
            return
        if (route.method.verb, route.method.collection) != ("delete", "networks"):
            return
        for poll in later:
            answer = poll.answer or {}
            if (poll.http, poll.path, poll.status) == ("DELETE", exchange.path, 200):
                self._plant("a-neighbour", self._named(exchange).path)  # or there would be nothing left to delete
                return
            if answer.get("kind") == "compute#operation" and answer.get("status") == "DONE" and poll.http == "GET":
                if answer["operationType"] != "delete" or answer["targetLink"] != exchange.answer.get("targetLink"):
                    continue
                found = IN_USE.search(json.dumps(answer.get("error", {})))
                self._plant(found["name"] if found else "", self._named(exchange).path)
                return

    def _plant(self, name: str, network: str) -> None:
        rules = f"{discovery.PREFIX}projects/{gcp.PROJECT}/global/firewalls"
        self.advance(LONG)
        for rule in self.ask("GET", rules, None)[1].get("items", []):
            if rule["name"] != name:
                self.ask("DELETE", f"{rules}/{rule['name']}", None)
        link = network.removeprefix(discovery.PREFIX)
        self.ask("POST", rules, {"name": name, "network": link, "allowed": [{"IPProtocol": "tcp"}]})
        self.advance(LONG)


def shared(exchanges: collections.abc.Iterable[Exchange]) -> set[str]:
    """Paths under which a recording has two resources at once, because one placeholder stands for both names: what
    is said of one of them cannot be compared."""
    alive: set[tuple[str, str]] = set()
    found: set[str] = set()
    for exchange in exchanges:
        route = discovery.match(exchange.http, exchange.path)
        if route is None or exchange.status != 200 or "targetLink" not in exchange.answer:
            continue
        path = _operation(exchange.answer)[0]
        if route.method.verb == "insert":
            key = (path, exchange.body["name"])
            found |= {path} if key in alive else set()
            alive.add(key)
        elif route.method.verb == "delete":
            alive = {key for key in alive if key[0] != path}
    return found


def about(exchange: Exchange) -> str:
    """The path of the resource that an exchange is about."""
    answer = exchange.answer if isinstance(exchange.answer, dict) else {}
    if "targetLink" in answer:
        return _operation(answer)[0]
    return exchange.path.removeprefix(discovery.PREFIX)


def _learned(exchange: Exchange, route: discovery.Route) -> dict[str, str]:
    """A placeholder of a path and what it stands for, both as collection/name."""
    collection, answer = route.method.collection, exchange.answer
    called, name = route.name, ""
    if exchange.status == 200 and route.method.verb == "get":
        name = answer.get("name", "")
    elif exchange.status == 200 and route.method.verb == "insert":
        called, name = answer["targetLink"].rpartition("/")[2], exchange.body["name"]
    elif exchange.status != 200 and (found := MISSING.search(answer["error"]["message"])):
        name = found["name"] if found["collection"] == collection else ""
    if collection == "operations" or not name or not called:
        return {}
    return {f"{collection}/{called}": f"{collection}/{name}"}


def _resource(route: discovery.Route) -> str:
    project = f"{discovery.PREFIX}projects/{gcp.PROJECT}"
    return f"{project}/{route.scope}/{route.method.collection}/{route.name}"


def _operation(answer: Any) -> tuple[str, str]:
    """What an operation does: the same here and there, unlike its name."""
    link = names.parse(answer.get("targetLink", ""))
    return (link.path if link else "", str(answer.get("operationType")))


def _reason(answer: Any) -> str:
    try:
        return str(answer["error"]["errors"][0]["reason"])
    except (KeyError, TypeError):
        return ""


def differences(exchange: Exchange, status: int, answer: Any) -> dict[str, str]:
    """Where our answer is not the recorded one: member path -> what was recorded and what is here."""
    if status != exchange.status:
        said = answer.get("error", {}).get("message", "") if isinstance(answer, dict) else ""
        return {"status": f"{exchange.status} here {status} {said}"}
    recorded, local = dict(_members(exchange.answer)), dict(_members(answer))
    found = {}
    for path in sorted({*recorded, *local}):
        if recorded.get(path) != local.get(path):
            found[path] = f"{recorded.get(path, 'absent')!r} here {local.get(path, 'absent')!r}"
    return found


def _members(value: Any, path: str = "", operation: bool = False) -> collections.abc.Iterator[tuple[str, Any]]:
    """Every scalar by its path, without what differs between any two runs."""
    if isinstance(value, dict):
        operation = value.get("kind") == "compute#operation"
        for name, item in value.items():
            inner = f"{path}.{name}" if path else name
            if name in FOREIGN:
                continue
            if name in VOLATILE or (operation and name in OPERATION_NAMES) or (name in ADDRESSES and item):
                yield inner, "volatile"
            else:
                yield from _members(item, inner)
        if not value:
            yield path, {}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _members(item, f"{path}[{index}]")
        if not value:
            yield path, []
    elif isinstance(value, str):
        yield path, ROOT.sub("", value)
    else:
        yield path, value
