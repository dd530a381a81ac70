"""Entry points -> providers, local clouds and the local cluster, loaded one by one when asked for.

A missing SDK, or a provider that cannot be imported, breaks only itself: `provider` says what is missing and how to
install it. Used by `pipeline` and the CLI.
"""

from __future__ import annotations

import functools
from importlib import metadata
from typing import Any, cast

from cloudgw.provider import Failed, Provider

PROVIDERS = "cloudgw.providers"
LOCAL = "cloudgw.local"
LOCAL_CLUSTER = "cloudgw.local-cluster"


@functools.cache
def _entries(group: str) -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=group)}


def names() -> tuple[str, ...]:
    """Installed providers, sorted."""
    return tuple(sorted(_entries(PROVIDERS)))


def provider(name: str) -> Provider:
    """Raises Failed("invalid") when there is no such provider, Failed("denied") when it cannot be imported."""
    return cast(Provider, _load(PROVIDERS, name, "provider"))


def local(name: str) -> Any:
    """A local cloud: has `name`, `command(port, rate, stepped)` and `env(endpoint)`. Raises like `provider`."""
    return _load(LOCAL, name, "local cloud")


def local_names() -> tuple[str, ...]:
    return tuple(sorted(_entries(LOCAL)))


def local_cluster() -> Any:
    """The local cluster: has `channels`, `command(state, ...)` and `env(state)`. Raises like `provider`."""
    return _load(LOCAL_CLUSTER, "cluster", "local cluster")


def by_parameters_kind(kind: str) -> Provider | None:
    """The provider that reads this kind of parameters object; None when none of the installed does."""
    for name in names():
        try:
            found = provider(name)
        except Failed:
            continue
        if found.parameters_kind == kind:
            return found
    return None


def _load(group: str, name: str, what: str) -> Any:
    entry = _entries(group).get(name)
    if entry is None:
        known = ", ".join(sorted(_entries(group))) or "none"
        raise Failed("invalid", f"there is no {what} named {name!r}; installed: {known}")
    try:
        return entry.load()
    except ImportError as missing:
        raise Failed(
            "denied", f"the {what} {name!r} cannot be loaded: {missing}; install it with: pip install 'cloudgw[{name}]'"
        ) from missing
