"""Backend buckets: what else than a backend service a URL map may name.

The kind that `network.KINDS` holds. Nothing is served from one; they are here so that URL maps which name them can be
made, shown and refused as recorded. Storage buckets are of another API: any name is taken.

Source: cloud.google.com/compute/docs/reference/rest/v1/backendBuckets; k8s-config-connector's golden logs.
"""

from __future__ import annotations

from typing import Any

from cloudgw_local.gcp import around, kind, names, schema

Json = dict[str, Any]


def accept(body: Json, _place: names.Place, _current: Json | None, _around: around.Around) -> Json:
    if not body.get("bucketName"):
        raise schema.required("resource.bucketName")
    return {"enableCdn": False} | body


def show(stored: Json, place: names.Place, state: around.Around) -> Json:
    used = [{"reference": holder.link} for holder in state.holders(place)]
    return stored | {"usedBy": used} if used else stored


KINDS: tuple[kind.Kind, ...] = (kind.Kind("backendBuckets", accept, show=show),)
