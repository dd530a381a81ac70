"""The kinds of children without an order: ports, certificates, listeners, pools and what hangs on them.

`kinds` collects them. All lie in the gateway's document and are written with it. A pool is probed only while a rule
uses it (learn.microsoft.com/azure/application-gateway/application-gateway-probe-overview), which is why new ones are
attached first (`kinds_paths`).
"""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw_azure import kinds_commit

EXTRA = {"extra": ""}


def child(name: str, **rest: Any) -> model.Kind:
    """A kind of the gateway's document; `gateway` is its first immutable field."""
    immutable = ("gateway", *rest.pop("immutable", ()))
    mutable = tuple(rest.pop("mutable", ()))
    defaults = {**rest.pop("defaults", {}), **(EXTRA if "extra" in mutable else {})}
    return model.Kind(
        name=name,
        immutable=immutable,
        mutable=mutable,
        defaults=defaults,
        group=kinds_commit.group_of,
        atomic=True,
        commit=kinds_commit.commit,
        **rest,
    )


def _serving(pool: model.Element) -> float:
    return float(pool.outputs.get("healthy", 0)) / max(1, int(pool.outputs.get("targets", 0)))


FRONTEND_PORT = child("frontend-port", immutable=("port",))
CERTIFICATE = child("certificate", immutable=("fingerprint", "key_vault"))
TRUSTED_ROOT = child("trusted-root", immutable=("data",))
LISTENER = child(
    "listener",
    mutable=("frontend", "port", "protocol", "hosts", "certificate", "extra"),
    defaults={"hosts": ()},
)
POOL = child("pool", immutable=("port", "protocol"), serving=_serving)
TARGETS = child("targets", immutable=("pool",), mutable=("targets",), fast="targets", of="pool")
PROBE = child(
    "probe",
    mutable=("protocol", "host", "path", "port", "interval", "timeout", "threshold", "statuses", "extra"),
    defaults={"host": "", "port": None},
)
SETTINGS = child(
    "settings",
    immutable=("port", "protocol"),
    mutable=("timeout", "affinity", "host", "probe", "roots", "sni", "draining", "extra"),
    defaults={"affinity": "", "host": "", "roots": (), "sni": "", "draining": 0},
)
REDIRECT = child(
    "redirect",
    immutable=("type", "url", "listener", "include_path", "include_query"),
    defaults={"url": "", "include_path": False, "include_query": False},
)
REWRITE_SET = child("rewrite-set", immutable=("rules",))
