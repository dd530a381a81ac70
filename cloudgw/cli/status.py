"""`cloudgw status`: the statuses that a controller would write, as `kubectl get` would show them, also of what
the class's cloud cannot honour. Asks no cloud.

`main` calls `run`. Below the tables stands every condition that is not as one would wish, once, with reason, message
and the file that holds the object. JSON and YAML are a List of objects in Kubernetes' shape, without
lastTransitionTime, because nothing was written.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw import explain, objects
from cloudgw.cli import output, reading
from cloudgw.cli.problem import Problem
from cloudgw.objects import ROUTE_KINDS, Gateway, GatewayClass, Listener, ListenerSet, ParentRef, Route, Snapshot
from cloudgw.plan import render_text
from cloudgw.routing import attach, knowledge, statuses
from cloudgw.routing.statuses import ObjectStatus
from cloudgw.sources import catalog

AS_WISHED, NOT_AS_WISHED, ERROR = 0, 2, 1
WIDTH = 110
NEGATIVE = ("Conflicted", "OverlappingTLSConfig", "PartiallyInvalid", "InsecureFrontendValidationMode")
NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """Conditions of one object that have one cause. where: `listener "https"`, `parentRefs Gateway a/b`, or ""."""

    kind: str
    namespace: str
    name: str
    where: str
    conditions: tuple[str, ...]
    message: str

    @property
    def subject(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


def run(options: argparse.Namespace) -> int:
    found = reading.load(options)
    every = statuses.of(
        found.snapshot,
        found.resolution,
        refused=found.classes.refused,
        features=found.classes.features,
        clouds=reading.clouds(found),
    )
    shown = chosen(every, options.objects, options.namespace, found.snapshot)
    wrong = [one for status in shown for one in wrongs(status)]
    aside = [] if options.objects else others(every, found.snapshot, options.namespace)
    if options.output == "json":
        sys.stdout.write(json.dumps(document(shown, found.snapshot), indent=2, ensure_ascii=False) + "\n")
    elif options.output == "yaml":
        import yaml

        sys.stdout.write(yaml.safe_dump(document(shown, found.snapshot), sort_keys=False, allow_unicode=True))
    else:
        lines = text(shown, wrong, found, aside)
        sys.stdout.write("\n".join(lines) + "\n")
    if found.errors():
        return ERROR
    return NOT_AS_WISHED if wrong or any(lost for _, lost in aside) else AS_WISHED


def chosen(
    every: Sequence[ObjectStatus], wanted: Sequence[str], namespace: str, snapshot: Snapshot
) -> list[ObjectStatus]:
    """Those that the command line names: KIND, KIND/NAME or KIND/NAMESPACE/NAME. Raises Problem."""
    names: list[tuple[str, str, str]] = []
    for word in wanted:
        for part in word.split(",") if "/" not in word else [word]:
            kind, _, rest = part.partition("/")
            above, slash, name = rest.rpartition("/")
            try:
                kind = explain.kind_of(kind)
                key = explain.find(snapshot, kind, above if slash else namespace, name) if name else ("", "")
            except explain.Missing as missing:
                raise Problem(str(missing)) from None
            names.append((kind, *key))
    return [
        one
        for one in every
        if (not namespace or one.namespace in ("", namespace) or any(key[1] for key in names))
        and (not names or any(key in ((one.kind, "", ""), (one.kind, one.namespace, one.name)) for key in names))
    ]


def document(shown: Sequence[ObjectStatus], snapshot: Snapshot) -> dict[str, Any]:
    """A List as `kubectl get -o json` gives it, with metadata and status only."""
    items = []
    for one in shown:
        item = snapshot.get(one.kind, one.namespace, one.name)
        meta = item.meta if item is not None and not isinstance(item, objects.Unknown) else None
        metadata: dict[str, Any] = {"namespace": one.namespace} if one.namespace else {}
        metadata["name"] = one.name
        metadata["generation"] = meta.generation if meta is not None else 0
        group = objects.OWN_GROUP if one.kind == "BackendPolicy" else objects.GATEWAY_GROUP
        items.append(
            {
                "apiVersion": f"{group}/{catalog.KINDS[group, one.kind].versions[0]}",
                "kind": one.kind,
                "metadata": metadata,
                "status": one.json(),
            }
        )
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


def wrongs(one: ObjectStatus) -> list[Wrong]:
    """What is not as one would wish; that the cloud was not looked at is nobody's fault."""
    status = one.status
    found = _of(one, "", status.get("conditions", ()))
    for listener in status.get("listeners", ()):
        found += _of(one, f'listener "{listener["name"]}"', listener["conditions"])
    for parent in status.get("parents", ()):
        found += _of(one, _parent(parent["parentRef"]), parent["conditions"])
    for ancestor in status.get("ancestors", ()):
        found += _of(one, f"for {_parent(ancestor['ancestorRef'])}", ancestor["conditions"])
    return found


def _parent(ref: Mapping[str, Any]) -> str:
    name = f"{ref['namespace']}/{ref['name']}" if ref.get("namespace") else str(ref["name"])
    section = f' sectionName "{ref["sectionName"]}"' if ref.get("sectionName") else ""
    port = f" port {ref['port']}" if ref.get("port") else ""
    return f"{ref['kind']} {name}{section}{port}"


def _of(one: ObjectStatus, where: str, conditions: Sequence[Mapping[str, Any]]) -> list[Wrong]:
    """Conditions with the same message are one thing."""
    found: dict[str, list[str]] = {}
    for item in conditions:
        if not _wished(item):
            said = f"{item['type']}={item['status']} ({item['reason']})"
            found.setdefault(str(item["message"]), []).append(said)
    return [
        Wrong(
            kind=one.kind,
            namespace=one.namespace,
            name=one.name,
            where=where,
            conditions=tuple(said),
            message=message,
        )
        for message, said in found.items()
    ]


def _wished(item: Mapping[str, Any]) -> bool:
    if item["type"] in NEGATIVE:
        return bool(item["status"] == "False")
    if item["type"] == "Programmed" and item["message"] == statuses.NOT_LOOKED.message:
        return True
    return bool(item["status"] == "True" and item["reason"] != "ListenersNotValid")


def text(
    shown: Sequence[ObjectStatus],
    wrong: Sequence[Wrong],
    found: reading.Reading,
    aside: Sequence[tuple[str, bool]],
) -> Iterator[str]:
    paint = output.paint()
    by_kind: dict[str, list[ObjectStatus]] = {}
    for one in shown:
        by_kind.setdefault(one.kind, []).append(one)
    for kind in by_kind:
        yield from _table([[paint("head", cell) for cell in HEADS[kind]], *_rows(kind, by_kind[kind], found.snapshot)])
        yield ""
        if kind in ("Gateway", "ListenerSet"):
            rows = [row for one in by_kind[kind] for row in _listeners(one, found.snapshot)]
            if rows:
                yield from _table([[paint("head", cell) for cell in LISTENERS], *rows])
                yield ""
    if not shown:
        yield "Nothing here has to do with a GatewayClass whose controllerName is " + objects.CONTROLLER_NAME + "."
        yield ""
    if aside:
        yield "No status, because no class or parent of theirs is one of ours that could be seen:"
        yield from (f"  {line}" for line, _ in aside)
        yield ""
    if wrong:
        yield paint("head", "Not as one would wish:")
        yield from _said(wrong, reading.places(found.snapshot), paint)
        yield ""
    yield from (f"note: GatewayClass {name}: {why}" for name, why in sorted(found.classes.unread.items()))
    if any(one.kind == "Gateway" for one in shown):
        yield "Programmed is Unknown and has no address where nothing in the input stands against it: the cloud was not"
        yield "looked at. `cloudgw plan` does so."
    if wrong:
        where = f" -n {wrong[0].namespace}" if wrong[0].namespace else ""
        yield f"`cloudgw explain {wrong[0].kind.lower()}/{wrong[0].name}{where}` says more, gate by gate."
    lost = any(lost for _, lost in aside)
    if lost and not wrong:
        yield "Of a parent that is misspelt, `cloudgw explain` of the route says which one may be meant."
    if not wrong and not lost and shown:
        yield "All is as one would wish."


def _said(
    wrong: Sequence[Wrong], places: Mapping[tuple[str, str, str], str], paint: render_text.Paint
) -> Iterator[str]:
    last = ""
    for one in wrong:
        if one.subject != last:
            place = places.get((one.kind, one.namespace, one.name), "")
            yield f"  {paint('error', one.subject)}{f'  ({place})' if place else ''}"
            last = one.subject
        where = f"{one.where}: " if one.where else ""
        yield f"    {where}{', '.join(one.conditions)}"
        yield from textwrap.wrap(
            one.message,
            WIDTH,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
            break_long_words=False,
        )


HEADS: dict[str, Sequence[str]] = {
    "GatewayClass": ("GATEWAYCLASS", "CONTROLLER", "ACCEPTED", "FEATURES"),
    "Gateway": ("NAMESPACE", "GATEWAY", "CLASS", "ADDRESS", "ACCEPTED", "PROGRAMMED"),
    "ListenerSet": ("NAMESPACE", "LISTENERSET", "GATEWAY", "ACCEPTED", "PROGRAMMED"),
    "BackendTLSPolicy": ("NAMESPACE", "BACKENDTLSPOLICY", "ANCESTOR", "ACCEPTED", "RESOLVEDREFS"),
    "BackendPolicy": ("NAMESPACE", "BACKENDPOLICY", "ANCESTOR", "ACCEPTED", "PARTIALLYINVALID"),
    **{
        kind.__name__: ("NAMESPACE", kind.__name__.upper(), "HOSTNAMES", "PARENT", "ACCEPTED", "RESOLVEDREFS")
        for kind in ROUTE_KINDS
    },
}
LISTENERS = ("  LISTENER OF", "NAME", "PROTOCOL", "PORT", "HOSTNAME", "ROUTES", "ACCEPTED", "RESOLVEDREFS")


def _rows(kind: str, shown: Sequence[ObjectStatus], snapshot: Snapshot) -> Iterator[list[str]]:
    for one in shown:
        item = snapshot.get(kind, one.namespace, one.name)
        conditions = one.status.get("conditions", ())
        if isinstance(item, GatewayClass):
            features = str(len(one.status.get("supportedFeatures", ())) or NOTHING)
            yield [one.name, item.controller, _state(conditions, "Accepted"), features]
        elif isinstance(item, Gateway):
            addresses = ", ".join(address["value"] for address in one.status.get("addresses", ())) or NOTHING
            yield [one.namespace, one.name, item.class_name, addresses, *_states(conditions, "Accepted", "Programmed")]
        elif isinstance(item, ListenerSet):
            parent = f"{item.parent.namespace}/{item.parent.name}"
            yield [one.namespace, one.name, parent, *_states(conditions, "Accepted", "Programmed")]
        else:
            names = ", ".join(item.hostnames) or "*" if isinstance(item, Route) else ""
            for parent in (*one.status.get("parents", ()), *one.status.get("ancestors", ())):
                ref = _parent(parent.get("parentRef") or parent["ancestorRef"])
                second = "PartiallyInvalid" if kind == "BackendPolicy" else "ResolvedRefs"
                states = _states(parent["conditions"], "Accepted", second)
                yield [one.namespace, one.name, *([names] if names else []), ref, *states]


def _listeners(one: ObjectStatus, snapshot: Snapshot) -> Iterator[list[str]]:
    item = snapshot.get(one.kind, one.namespace, one.name)
    specs: dict[str, Listener] = (
        {spec.name: spec for spec in item.listeners} if isinstance(item, Gateway | ListenerSet) else {}
    )
    for listener in one.status.get("listeners", ()):
        spec = specs[listener["name"]]
        yield [
            f"  {one.namespace}/{one.name}",
            spec.name,
            spec.protocol,
            str(spec.port),
            spec.hostname or "*",
            str(listener["attachedRoutes"]),
            *_states(listener["conditions"], "Accepted", "ResolvedRefs"),
        ]


def _states(conditions: Sequence[Mapping[str, Any]], *types: str) -> list[str]:
    return [_state(conditions, one) for one in types]


def _state(conditions: Sequence[Mapping[str, Any]], kind: str) -> str:
    return next((str(item["status"]) for item in conditions if item["type"] == kind), NOTHING)


def others(every: Sequence[ObjectStatus], snapshot: Snapshot, namespace: str) -> list[tuple[str, bool]]:
    """Gateways and routes that nobody of ours would write a status for: a line each, and whether that may be a mistake:
    a class or a parent does not exist or could not be seen, or none is named."""
    told = {(one.kind, one.namespace, one.name) for one in every}
    found: list[tuple[str, bool]] = []
    for gateway in snapshot.all(Gateway):
        if snapshot.get(GatewayClass, "", gateway.class_name) is None and namespace in ("", gateway.meta.namespace):
            place = f"  ({gateway.meta.file}:{gateway.meta.line})" if gateway.meta.file else ""
            name = f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"
            found.append((f"{name}: its GatewayClass {gateway.class_name} does not exist{place}", True))
    for kind in ROUTE_KINDS:
        for route in snapshot.all(kind):
            if attach.key_of(route) in told or namespace not in ("", route.meta.namespace):
                continue
            parents = [(f"{ref.kind} {ref.namespace}/{ref.name}", _absence(snapshot, ref)) for ref in route.parents]
            said = ", ".join(f"{name}{absence}" for name, absence in parents) or "none"
            place = f"  ({route.meta.file}:{route.meta.line})" if route.meta.file else ""
            line = f"{kind.__name__} {route.meta.namespace}/{route.meta.name}: parents: {said}{place}"
            found.append((line, not parents or any(absence for _, absence in parents)))
    return found


def _absence(snapshot: Snapshot, ref: ParentRef) -> str:
    if ref.group != objects.GATEWAY_GROUP or ref.kind not in knowledge.PARENT_KINDS:
        return ""
    there = snapshot.get(ref.kind, ref.namespace, ref.name)
    if there is None:
        return " (does not exist)"
    return " (cannot be seen)" if isinstance(there, objects.Unknown) else ""


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell; colour codes take no room."""
    plain = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*plain, strict=True)]
    for row, bare in zip(rows, plain, strict=True):
        cells = [cell + " " * (width - len(text_)) for cell, text_, width in zip(row, bare, widths, strict=True)]
        yield "   ".join(cells).rstrip()


def _plain(cell: str) -> str:
    if not cell.startswith("\x1b"):
        return cell
    return cell.partition("m")[2].partition("\x1b")[0]
