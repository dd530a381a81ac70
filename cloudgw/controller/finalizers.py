"""Our finalizer on a Gateway: put there before the first write in a cloud, taken away after the last one.

Reconcilers await it. A JSON patch that holds the resourceVersion of what was read changes the one entry: labels,
others' finalizers and managed fields stay. A policy that denies updates denies this too, even of a Gateway that is
being deleted, which then hangs: that is said by name (Denied) and tried again. This module must never add a finalizer
to what is being deleted, and never remove another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cloudgw.controller import kube, names, writing
from cloudgw.objects import Key
from cloudgw.sources import served

_FIX = "let it pass what is being deleted (matchConditions: !has(object.metadata.deletionTimestamp)), or exempt cloudgw"


class Denied(Exception):
    """An admission policy or webhook, `policy`, does not let us. str() says what, why and what to do."""

    def __init__(self, policy: str, message: str) -> None:
        super().__init__(message)
        self.policy = policy


async def hold(api: writing.Api, resource: served.Resource, key: Key, uid: str = "") -> bool:
    """Puts our finalizer on a Gateway; True: it is there now, False: there is no such Gateway any more, or it is being
    deleted. uid: of the Gateway meant, "" = any of this name. Ask only where the cache does not show it.

    Raises Denied; kube.Refused and OSError as every call, 409 when somebody else wrote twice in between.
    """
    return await _changed(api, resource, key, uid, _held, f"cannot put finalizer {names.FINALIZER} on it")


async def release(api: writing.Api, resource: served.Resource, key: Key, uid: str = "") -> bool:
    """Takes our finalizer off a Gateway; True: it is not there now, and a Gateway of another uid is none of ours.

    Raises as `hold`.
    """
    await _changed(api, resource, key, uid, _released, f"cannot take finalizer {names.FINALIZER} off it")
    return True


def _held(metadata: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """None: it must not be."""
    present = metadata.get("finalizers") or []
    if names.FINALIZER in present:
        return []
    if metadata.get("deletionTimestamp"):
        return None
    if not present:
        return [{"op": "add", "path": "/metadata/finalizers", "value": [names.FINALIZER]}]
    return [{"op": "add", "path": "/metadata/finalizers/-", "value": names.FINALIZER}]


def _released(metadata: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    present = metadata.get("finalizers") or []
    if names.FINALIZER not in present:
        return []
    return [{"op": "remove", "path": f"/metadata/finalizers/{present.index(names.FINALIZER)}"}]


async def _changed(
    api: writing.Api,
    resource: served.Resource,
    key: Key,
    uid: str,
    steps: Callable[[Mapping[str, Any]], list[dict[str, Any]] | None],
    cannot: str,
) -> bool:
    path = f"{resource.path(key[0])}/{key[1]}"
    for last in (False, True):
        try:
            metadata = (await api.get(path))["metadata"]
            found = steps(metadata) if not uid or metadata["uid"] == uid else None
            if not found:
                return found is not None
            version = {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}
            await api.patch(path, [version, *found], kube.JSON_PATCH)
            return True
        except kube.Refused as refused:
            if refused.status == 404:
                return False
            if refused.policy:
                what = f"{resource.kind} {'/'.join(key)}: {cannot}: {refused.message}; change {refused.policy}: {_FIX}"
                raise Denied(refused.policy, what) from None
            if refused.status != 409 or last:
                raise
    raise AssertionError("the second try returns or raises")
