"""`cloudgw capture`: stores one reconciliation of one Gateway in a file, for somebody else to look at with `replay`.

Reads what the controller reads (a cluster, its GatewayState and GatewayPlan, a listing of each placement) and plans by
the same steps. It must never write anywhere but into that file, and no secret into it: see `controller.capture`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudgw import pipeline
from cloudgw.cli import inputs, output, world
from cloudgw.cli.problem import Problem
from cloudgw.controller import capture, names, plans, state
from cloudgw.objects import Gateway, Key
from cloudgw.plan import render_json
from cloudgw.sources import collector

DONE, ERROR = 0, 1
FLAGS = ("files", "base", "complete", "snapshot", "live", "owner", "controller_namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the controller keeps in the cluster. unread: why something is not here."""

    state: state.State
    plan: Mapping[str, Any] | None = None
    unread: tuple[str, ...] = field(default=())

    @property
    def digests(self) -> frozenset[str]:
        """That a person approved."""
        spec = (self.plan or {}).get("spec") or {}
        return frozenset(str(one) for one in spec.get("approvedDigests") or ())


@collector.paused()
def run(options: argparse.Namespace) -> int:
    key = gateway_of(options.gateway)
    found = world.load(options)
    kept = _remembered(options, key)
    reconcile = capture.Reconcile(
        gateway=key,
        owner=found.owner,
        snapshot=capture.narrowed(found.inputs.snapshot, key),
        parts=tuple(_part(site, kept.state) for site in found.sites),
    )
    planned = capture.plan(reconcile)
    words = {plan.placement: said for plan in planned.plans if (said := plans.approved(plan, kept.state, kept.digests))}
    if words:
        parts = tuple(
            dataclasses.replace(part, approved=words.get(part.placement, frozenset())) for part in planned.parts
        )
        planned = capture.plan(dataclasses.replace(reconcile, parts=parts))
    if not planned.plans and found.inputs.snapshot.get(Gateway, *key) is None:
        raise Problem(f"Gateway {options.gateway} is not in the input, and nothing of it stands in any placement")
    flags = {name: getattr(options, name) for name in FLAGS if getattr(options, name, None)}
    text = capture.of(reconcile, planned, flags=flags, gateway_plan=(kept.plan or {}).get("status"))
    if options.out:
        _save(options.out, text)
        _said(options.out, planned)
    else:
        print(text)
    for reason in kept.unread:
        print(f"note: {reason}", file=sys.stderr)
    output.errors(render_json.document((), kinds={}, errors=found.errors))
    return ERROR if found.errors else DONE


def gateway_of(text: str) -> Key:
    """NAMESPACE/NAME. Raises Problem."""
    namespace, slash, name = text.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise Problem(f"{text!r} is no Gateway: give NAMESPACE/NAME, such as shop/edge")
    return namespace, name


def _part(site: world.Site, kept: state.State) -> capture.Part:
    """With the diary of the controller; how its long operations stand is asked of the cloud, as a pass does."""
    memory_ = pipeline.Memory(diary=kept.diary(site.placement))
    part = capture.Part(inventory=site.inventory, memory_=memory_, spent=kept.spent)
    if site.session is None or not memory_.diary.operations:
        return part
    read, began = site.session.read, site.inventory.began
    observed = world.guarded(
        site.provider, lambda: pipeline.running(site.provider, read, site.observed, memory_, began)
    )
    return dataclasses.replace(part, busy=observed.busy, failed=observed.failed)


def _remembered(options: argparse.Namespace, key: Key) -> Remembered:
    """GatewayState and GatewayPlan, as far as there is a cluster and we may read them."""
    empty = state.State(gateway=key)
    if not inputs.live(options):
        return Remembered(state=empty, unread=("no cluster was read: without the diary of the controller",))
    from cloudgw.sources import cluster, kubeconfig

    paths = {
        names.STATE: names.path(names.STATE, options.controller_namespace, state.name_of(key)),
        names.PLAN: names.path(names.PLAN, *key),
    }
    found: dict[str, Mapping[str, Any]] = {}
    unread: list[str] = []
    try:
        with cluster.Api(kubeconfig.access(options.kubeconfig, options.context)) as api:
            for kind, path in paths.items():
                status, answer = api.get(path)
                if status == 200:
                    found[kind] = answer
                else:
                    unread.append(f"{kind}: not read from {path} ({status}: {answer.get('message', '')})")
    except cluster.ClusterError as error:
        raise Problem(f"the cluster cannot be read: {error}") from None
    known = state.read(found[names.STATE]) if names.STATE in found else None
    return Remembered(state=known or empty, plan=found.get(names.PLAN), unread=tuple(unread))


def _save(path: str, text: str) -> None:
    """For the eyes of its owner: it says a lot of a network, though nothing secret. Raises Problem."""
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
    except OSError as error:
        raise Problem(f"--out {path}: cannot be written ({error.strerror}); check the folder") from None


def _said(path: str, planned: capture.Planned) -> None:
    for plan in planned.plans:
        count = f"{len(plan.changes)} change{'s' if plan.changes[1:] else ''}, digest {plan.digest}"
        print(f"Gateway {plan.gateway} in {plan.placement}: {count if plan.changes else 'nothing to change'}")
    print(f"written to {path}; read it before you send it: names and addresses are in it")
