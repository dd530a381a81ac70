"""Listeners of one Gateway that cannot be told apart: all of them lose.

Called by `listeners`. Listeners of one port must share a protocol family and differ by hostname
(https://gateway-api.sigs.k8s.io/reference/spec/, Gateway listeners: "distinct"). Within one Gateway nobody wins a
conflict, so that the order of the list never decides who answers. This module must never decide what a loser's
hosts answer instead: `tables` does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from cloudgw.objects import Listener
from cloudgw.routing import conditions

FAMILIES = {"HTTP": "HTTP", "HTTPS": "TLS", "TLS": "TLS", "TCP": "TCP"}


def find(listeners: Sequence[Listener]) -> dict[int, tuple[str, str]]:
    """Position of each losing listener -> (code, reason). Protocols that nobody knows conflict with nobody."""
    lost: dict[int, tuple[str, str]] = {}
    by_port: dict[int, list[int]] = defaultdict(list)
    for position, listener in enumerate(listeners):
        if listener.protocol in FAMILIES:
            by_port[listener.port].append(position)
    for port, positions in by_port.items():
        families = {FAMILIES[listeners[position].protocol] for position in positions}
        hosts = Counter(listeners[position].hostname for position in positions)
        for position in positions:
            listener = listeners[position]
            if len(families) > 1:
                protocols = " and ".join(sorted({listeners[other].protocol for other in positions}))
                lost[position] = (conditions.PROTOCOL_CONFLICT, f"protocol: port {port} is used with {protocols}")
            elif hosts[listener.hostname] > 1 or (listener.protocol == "TCP" and len(positions) > 1):
                names = ", ".join(
                    sorted(
                        f'"{listeners[other].name}"'
                        for other in positions
                        if listeners[other].hostname == listener.hostname
                    )
                )
                what = f"hostname {listener.hostname}" if listener.hostname else "no hostname"
                lost[position] = (
                    conditions.HOSTNAME_CONFLICT,
                    f"hostname: listeners {names} share port {port} and {what}",
                )
    names_seen = Counter(listener.name for listener in listeners)
    for position, listener in enumerate(listeners):
        if names_seen[listener.name] > 1:
            reason = f'name: {names_seen[listener.name]} listeners are called "{listener.name}"'
            lost[position] = (conditions.HOSTNAME_CONFLICT, reason)
    return lost
