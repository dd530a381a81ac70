"""Firewall rules: what they may hold and what stands in them when it is not sent.

The kind that `network.KINDS` holds. Whether a rule lets a packet through is not decided here: the health of endpoints
is, in `health`.

Source: cloud.google.com/compute/docs/reference/rest/v1/firewalls, cloud.google.com/firewall/docs/firewalls (which
sources and targets may stand together). Messages of bad ranges as reported in terraform-provider-cloudflare#86;
inferred: the other messages.
"""

from __future__ import annotations

import collections.abc
import ipaddress
import re
from typing import Any

from cloudgw_local.gcp import around, kind, names, schema

Json = dict[str, Any]
PROTOCOLS = ("tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all")
WITH_PORTS = ("tcp", "udp", "sctp", "6", "17", "132")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_TAG = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LISTS = {"sourceRanges": 5000, "destinationRanges": 5000, "sourceTags": 30, "targetTags": 70}
_ACCOUNTS = {"sourceServiceAccounts": 10, "targetServiceAccounts": 10}


def accept(body: Json, place: names.Place, _current: Json | None, _around: around.Around) -> Json:
    network = names.Place(project=place.project, scope="global", collection="networks", name="default")
    defaults: Json = {
        "description": "",
        "direction": "INGRESS",
        "disabled": False,
        "logConfig": {"enable": False},
        "network": network.link,
        "priority": 1000,
    }
    document = {name: value for name, value in (defaults | body).items() if value != []}
    _check_action(document)
    _check_lists(document)
    if not 0 <= document["priority"] <= 65535:
        raise schema.invalid("resource.priority", document["priority"], "Must be between 0 and 65535.")
    return _with_peers(document)


def _check_action(document: Json) -> None:
    given = [name for name in ("allowed", "denied") if document.get(name)]
    if len(given) != 1:
        why = "Exactly one of allowed and denied must be specified."
        raise schema.invalid(f"resource.{given[-1] if given else 'allowed'}", "", why)
    for index, rule in enumerate(document[given[0]]):
        path = f"resource.{given[0]}[{index}]"
        protocol = str(rule.get("IPProtocol", "")).lower()
        if protocol not in PROTOCOLS and not (protocol.isdecimal() and int(protocol) <= 255):
            why = f"Must be one of [{', '.join(PROTOCOLS)}] or a protocol number."
            raise schema.invalid(f"{path}.IPProtocol", rule.get("IPProtocol", ""), why)
        rule["IPProtocol"] = protocol
        if rule.get("ports") and protocol not in WITH_PORTS:
            why = f"Ports may not be specified for protocol {protocol}."
            raise schema.invalid(f"{path}.ports[0]", rule["ports"][0], why)
        for at, text in enumerate(rule.get("ports", ())):
            found = _PORTS.fullmatch(text)
            if not found or not int(found[1]) <= int(found[2] or found[1]) <= 65535:
                why = "Ports must be an integer or a range of two, from 0 to 65535."
                raise schema.invalid(f"{path}.ports[{at}]", text, why)


def _check_lists(document: Json) -> None:
    for name, most in (_LISTS | _ACCOUNTS).items():
        values = document.get(name, [])
        if len(values) > most:
            raise schema.invalid(f"resource.{name}", values, f"At most {most} may be specified.")
        for index, text in enumerate(values):
            path = f"resource.{name}[{index}]"
            if name.endswith("Tags") and not _TAG.fullmatch(text):
                raise schema.invalid(path, text, f"Must be a match of regex '(?:{_TAG.pattern})'")
            if name.endswith("Ranges"):
                _check_range(path, text)
    tags = document.get("sourceTags") or document.get("targetTags")
    if tags and any(document.get(name) for name in _ACCOUNTS):
        accounts = next(name for name in _ACCOUNTS if document.get(name))
        raise schema.invalid(f"resource.{accounts}", "", "Tags and service accounts may not be used together.")


def _check_range(path: str, text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise schema.invalid(path, text, "Must be a valid IPV4 or IPV6 CIDR address range.") from None


def _with_peers(document: Json) -> Json:
    """The side that the direction is about, everywhere where nothing says otherwise; the other side stays empty."""
    if document["direction"] == "EGRESS":
        _refuse(document, ("sourceRanges", "sourceTags", "sourceServiceAccounts"), "EGRESS")
        return {"destinationRanges": ["0.0.0.0/0"]} | document
    _refuse(document, ("destinationRanges",), "INGRESS")
    if any(document.get(name) for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts")):
        return document
    return document | {"sourceRanges": ["0.0.0.0/0"]}


def _refuse(document: Json, members: collections.abc.Iterable[str], direction: str) -> None:
    for name in members:
        if document.get(name):
            why = f"Can not be specified for a rule of direction {direction}."
            raise schema.invalid(f"resource.{name}", document[name], why)


KINDS: tuple[kind.Kind, ...] = (
    kind.Kind(
        "firewalls",
        accept,
        references=(kind.Reference("network", ("networks",)),),
        immutable=("network", "direction"),
    ),
)
