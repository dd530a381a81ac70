"""Hostnames as the Gateway API compares them: intersection, coverage and specificity.

Called by `attach`, `conflicts`, `tables`, `request`, and by builds. "" is any host; "*.example.com" spans one or more
labels and never the bare domain (https://gateway-api.sigs.k8s.io/reference/spec/, Hostname). All functions take
lower-case names. This module must never know routes or listeners.
"""

from __future__ import annotations

from collections.abc import Iterable


def covers(wide: str, narrow: str) -> bool:
    """Whether every host that `narrow` stands for is also one of `wide`."""
    if not wide or wide == narrow:
        return True
    return wide.startswith("*.") and len(narrow) > len(wide) - 1 and narrow.endswith(wide[1:])


def covering(host: str) -> frozenset[str]:
    """Every hostname that covers this one, itself and any host too."""
    labels = host.removeprefix("*.").split(".")
    first = 0 if host.startswith("*.") else 1
    return frozenset({host, "", *(f"*.{'.'.join(labels[number:])}" for number in range(first, len(labels)))})


def intersect(one: str, other: str) -> str | None:
    """The hostname for exactly the hosts that both stand for, or None when there is none."""
    if covers(one, other):
        return other
    return one if covers(other, one) else None


def intersections(listener: str, route: Iterable[str]) -> tuple[str, ...]:
    """The hostnames under which a route answers on a listener, sorted and unique; empty: they share no host."""
    found = (intersect(listener, hostname) for hostname in (tuple(route) or ("",)))
    return tuple(sorted({hostname for hostname in found if hostname is not None}))


def written(listener: str, route: Iterable[str], shared: str) -> str:
    """The most specific of a route's hostnames that meets the listener in `shared`: of routes that meet it in the same
    one, that decides who comes first (HTTPRouteSpec.hostnames)."""
    found = [hostname for hostname in (tuple(route) or ("",)) if intersect(listener, hostname) == shared]
    return min(found, key=specificity, default=shared)


def specificity(hostname: str) -> tuple[int, int, str]:
    """Sort key, most specific first: exact names, longer wildcards, shorter wildcards, any."""
    rank = 2 if not hostname else 1 if hostname.startswith("*.") else 0
    return rank, -len(hostname), hostname


def of_authority(authority: str) -> str:
    """The host of a Host header or `:authority`: lower case, without port. The port is no part of the comparison."""
    host = authority.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
