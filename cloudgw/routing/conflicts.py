"""Listeners that cannot be told apart, and who of them loses.

Called by `listeners`. Listeners of one port must share a protocol family and differ by hostname
(https://gateway-api.sigs.k8s.io/reference/spec/, Gateway listeners: "distinct"). Within one Gateway all of them lose,
so that the order of the list never decides who answers, and likewise within one ListenerSet. A ListenerSet's listener
loses against those of every object before it in precedence (the same, ListenerSet listeners). This module must never
decide what a loser's hosts answer instead: `tables` does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from cloudgw.objects import Listener, Unknown
from cloudgw.routing import conditions, hostnames
from cloudgw.routing.sets import Declared

FAMILIES = {"HTTP": "HTTP", "HTTPS": "TLS", "TLS": "TLS", "TCP": "TCP", "UDP": "UDP"}
WITHOUT_HOSTNAME = ("TCP", "UDP")
MOST = 64  # listeners of a Gateway with its ListenerSets: as many as the Gateway itself may have


def find(declared: Sequence[Declared]) -> tuple[dict[str, tuple[str, str]], dict[str, Unknown]]:
    """Id of each losing listener -> (code, reason), and of each one that loses if a ListenerSet joins of which that
    cannot be seen -> why nobody knows. Protocols that nobody knows conflict with nobody."""
    lost: dict[str, tuple[str, str]] = {}
    doubted: dict[str, Unknown] = {}
    standing: dict[tuple[int, bool], list[Declared]] = defaultdict(list)
    doubtful: dict[tuple[int, bool], list[Declared]] = defaultdict(list)  # those that perhaps stand
    count = most = 0  # listeners that stand, and with those that perhaps do
    for owned in _by_owner(declared):
        first = []
        for one in owned:
            if one.spec.protocol not in FAMILIES:
                continue
            if found := _against(one, standing[_transport(one.spec)]):
                lost[one.id] = found
            else:
                first.append(one)
        for one in first:
            rivals = [other for other in first if other is not one and _transport(other.spec) == _transport(one.spec)]
            if found := _against(one, rivals):
                lost[one.id] = found
        for one in first:
            if one.kind == "ListenerSet" and count >= MOST:
                reason = (
                    f"listeners: a Gateway and its ListenerSets have {MOST} listeners at most, this is one too many"
                )
                lost.setdefault(one.id, (conditions.TOO_MANY_LISTENERS, reason))
                continue
            doubt = one.unknown or _doubt(one, doubtful[_transport(one.spec)], most)
            most += 1
            if doubt is None:
                standing[_transport(one.spec)].append(one)
                count += 1
                continue
            doubtful[_transport(one.spec)].append(one)
            if one.unknown is None:
                doubted[one.id] = doubt
    for one_owner in _by_owner(declared):
        names = Counter(one.spec.name for one in one_owner)
        for one in one_owner:
            if names[one.spec.name] > 1:
                reason = f'name: {names[one.spec.name]} listeners are called "{one.spec.name}"'
                lost[one.id] = (conditions.HOSTNAME_CONFLICT, reason)
    return lost, doubted


def _doubt(one: Declared, others: Sequence[Declared], most: int) -> Unknown | None:
    """Why nobody knows whether the listener keeps its place. others: before it, and perhaps not there."""
    if one.kind == "ListenerSet" and (found := _against(one, others)):
        return Unknown(f"{found[1]}; whether that ListenerSet is there is unknown")
    if one.kind == "ListenerSet" and most >= MOST:
        return Unknown(f"listeners: it may be more than the {MOST} that a Gateway and its ListenerSets have at most")
    return None


def overlapping(declared: Sequence[Declared]) -> dict[str, str]:
    """Id of each TLS listener whose hostname overlaps another's on its port -> a message for people."""
    found: dict[str, str] = {}
    secure = [one for one in declared if FAMILIES.get(one.spec.protocol) == "TLS"]
    for one in secure:
        others = [
            f'"{other.spec.name}" ({other.spec.hostname or "any host"})'
            for other in secure
            if other is not one
            and other.spec.port == one.spec.port
            and hostnames.intersect(one.spec.hostname, other.spec.hostname) is not None
        ]
        if others:
            found[one.id] = (
                f"hostname {one.spec.hostname or '(any)'} overlaps with listener {', '.join(others)} on port "
                f"{one.spec.port}: a client that reuses a connection may meet the wrong one"
            )
    return found


def _against(one: Declared, others: Sequence[Declared]) -> tuple[str, str] | None:
    port, protocol = one.spec.port, one.spec.protocol
    families = {FAMILIES[other.spec.protocol] for other in others}
    if families - {FAMILIES[protocol]}:
        protocols = " and ".join(sorted({protocol, *(other.spec.protocol for other in others)}))
        return conditions.PROTOCOL_CONFLICT, f"protocol: port {port} is used with {protocols}; give one another port"
    same = [other for other in others if protocol in WITHOUT_HOSTNAME or other.spec.hostname == one.spec.hostname]
    if not same:
        return None
    names = ", ".join(sorted(_named(other) for other in (one, *same)))
    if protocol in WITHOUT_HOSTNAME and one.kind == "ListenerSet":
        reason = f"port: listeners {names} share port {port}, which {protocol} cannot; give one another port"
        return conditions.LISTENER_CONFLICT, reason
    what = f"hostname {one.spec.hostname}" if one.spec.hostname else "no hostname"
    reason = f"hostname: listeners {names} share port {port} and {what}; give one another hostname or port"
    return conditions.HOSTNAME_CONFLICT, reason


def _named(one: Declared) -> str:
    owner = f" of ListenerSet {one.meta.namespace}/{one.meta.name}" if one.kind == "ListenerSet" else ""
    return f'"{one.spec.name}"{owner}'


def _transport(listener: Listener) -> tuple[int, bool]:
    return listener.port, listener.protocol == "UDP"


def _by_owner(declared: Sequence[Declared]) -> list[list[Declared]]:
    found: dict[tuple[str, str, str], list[Declared]] = defaultdict(list)
    for one in declared:
        found[one.key].append(one)
    return list(found.values())
