"""What a local cloud looks like, whole, without what may differ from run to run: two equal clouds have equal portraits.

`sweep` and the tests compare them. Everything counts, whoever it belongs to, so that an orphan or a duplicate shows
itself. Left out are moments, addresses that the cloud chose, and UIDs of Kubernetes objects; ids become names where a
record says whose they are, and priorities become ranks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

SECTIONS = (  # of the local AWS; interfaces and networks come and go with these
    "security_groups",
    "security_rules",
    "load_balancers",
    "listeners",
    "rules",
    "target_groups",
    "certificates",
)
RECORD = "cloudgw.dev/"
VOLATILE = {
    "aws": frozenset(
        {"active_at", "attached_at", "created", "draining_until", "imported_at", "issued_at", "registered_at"}
        | {"arn", "dns_name", "free_addresses", "id", "interfaces", "priority", "released_at"}
    ),
    "azure": frozenset({"privateIPAddress", "ipAddress", "operational", "_data", "_password"}),
    "gcp": frozenset({"IPAddress", "address"}),
}
ORDERED = frozenset({"pathRules"})  # lists whose order means something
SHOWN = 8  # of a difference
UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def of(cloud: str, dump: Mapping[str, Any]) -> list[str]:
    """One line for each thing in the cloud, sorted; two lists are compared as they are."""
    found = _aws(dump) if cloud == "aws" else _documents(cloud, dump)
    return sorted(UID.sub("UID", json.dumps(one, sort_keys=True)) for one in found)


def differences(wanted: list[str], found: list[str]) -> str:
    """For people: what is missing and what is too much, shortened."""
    missing, extra = list(wanted), list[str]()
    for one in found:
        if one in missing:
            missing.remove(one)
        else:
            extra.append(one)
    return "\n".join([*(f"- {one[:300]}" for one in missing[:SHOWN]), *(f"+ {one[:300]}" for one in extra[:SHOWN])])


def _aws(dump: Mapping[str, Any]) -> list[Any]:
    names = {
        item.get("arn") or item["id"]: f"{item['tags'][RECORD + 'address']}@{item['tags'][RECORD + 'suffix']}"
        for section in SECTIONS
        for item in dump[section]
        if RECORD + "address" in item.get("tags", {})
    }
    found = []
    for section in SECTIONS:
        for item in dump[section]:
            body = _plain(item, VOLATILE["aws"], lambda text: names.get(text, text))
            if section == "rules" and item["priority"]:
                siblings = [one["priority"] for one in dump[section] if one["listener_arn"] == item["listener_arn"]]
                body["rank"] = sorted(one for one in siblings if one).index(item["priority"])
            found.append({"section": section, **body})
    return found


def _documents(cloud: str, dump: Mapping[str, Any]) -> list[Any]:
    found = []
    for item in dump["resources"]:
        document = json.loads(json.dumps(item["document"]))
        rules = document.get("properties", {}).get("requestRoutingRules", []) if cloud == "azure" else []
        for rank, rule in enumerate(sorted(rules, key=lambda one: one["properties"]["priority"])):
            rule["properties"]["priority"] = rank
        for matcher in document.get("pathMatchers", ()):
            routes = matcher.get("routeRules", [])
            for rank, rule in enumerate(sorted(routes, key=lambda one: one["priority"])):
                rule["priority"] = rank
        found.append({"path": item.get("path", ""), **_plain(document, VOLATILE[cloud], str)})
    return found


def _plain(value: Any, volatile: frozenset[str], named: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: [_plain(one, volatile, named) for one in item] if key in ORDERED else _plain(item, volatile, named)
            for key, item in value.items()
            if key not in volatile
        }
    if isinstance(value, list | tuple):
        staying = [one for one in value if not (isinstance(one, Mapping) and one.get("draining_until"))]
        plain = [_plain(one, volatile, named) for one in staying]
        return sorted(plain, key=lambda one: json.dumps(one, sort_keys=True))
    return named(value) if isinstance(value, str) else value
