"""Hostnames as the Gateway API compares them: exact, wildcard (`*.`), none.

Called by `listeners` and `matches`. A hostname here is lower-case text; "" is the one that was not given and stands for
every host. Must never look at anything but text.
"""

from __future__ import annotations


def of_authority(host: str) -> str:
    """The name in a Host header: without the port, lower-case. A trailing dot stays: it makes another name."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def covers(pattern: str, host: str) -> bool:
    """Does a hostname of a Listener or Route match the precise name `host`?

    `*.example.com` is a suffix match with any number of labels and never matches `example.com` itself.
    """
    if pattern == "":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern[1:])
    return host == pattern


def intersection(one: str, other: str) -> str | None:
    """The hostname both allow, which is always the narrower of the two; None when there is none."""
    if one == "" or one == other:
        return other
    if other == "":
        return one
    for wide, narrow in ((one, other), (other, one)):
        if not wide.startswith("*."):
            continue
        suffix = wide[1:]
        inside = narrow[1:] if narrow.startswith("*.") else narrow
        if inside.endswith(suffix) and len(inside) > len(suffix):
            return narrow
    return None


def specificity(hostname: str) -> tuple[int, int]:
    """Characters of a non-wildcard hostname, then characters of a hostname: the larger, the more specific."""
    if hostname.startswith("*."):
        return 0, len(hostname)
    return len(hostname), len(hostname)
