"""`cloudgw approve`: a person's word for what is dangerous in a plan of the controller.

Shows the GatewayPlan of a Gateway and, when told which digest, writes it into `spec.approvedDigests`. Reading goes
through `sources.cluster`, which only reads; the one PATCH is sent by `_patch` here. It must never approve what was not
shown, nor write anything but that list.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw.cli.capture import gateway_of
from cloudgw.cli.problem import Problem
from cloudgw.controller import names
from cloudgw.sources import cluster, kubeconfig

DONE, NOTHING = 0, 2
KEPT = 8  # approvals: one for each placement, and some
TRIES = 5  # while somebody else writes the same object
DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A GatewayPlan. plans: of each placement, as its status has them."""

    gateway: str
    phase: str
    version: str
    approved: tuple[str, ...]
    plans: tuple[Mapping[str, Any], ...]

    @property
    def pending(self) -> tuple[Mapping[str, Any], ...]:
        """Those that hold something dangerous which nobody approved."""
        return tuple(plan for plan in self.plans if plan.get("dangerous") and plan["digest"] not in self.approved)


def run(options: argparse.Namespace) -> int:
    path = names.path(names.PLAN, *gateway_of(options.gateway))
    if options.digest and not DIGEST.fullmatch(options.digest):
        raise Problem(f"{options.digest!r} is no digest: give the 16 characters that the plan shows")
    if options.yes and (options.digest or options.revoke):
        raise Problem("--yes approves everything that is shown: leave out the digest and --revoke")
    try:
        with cluster.Api(kubeconfig.access(options.kubeconfig, options.context)) as api:
            found = _read(api, path, options.gateway)
            if options.revoke:
                return _revoke(api, path, options, found)
            print("\n".join(shown(found)))
            if not options.digest and not options.yes:
                return DONE if found.pending else NOTHING
            if options.yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
                raise Problem("--yes is for a terminal, where somebody reads what is shown: give the digest instead")
            return _approve(api, path, options, found)
    except cluster.ClusterError as error:
        raise Problem(f"the cluster cannot be reached: {error}") from None


def shown(found: Found) -> list[str]:
    """What a person reads before saying yes."""
    lines = [f"Gateway {found.gateway}: {found.phase or 'not planned yet'}"]
    for plan in found.plans:
        digest = plan["digest"]
        lines.append(f"  {plan['placement']}: plan {digest}: {plan.get('summary', '')}".rstrip(": "))
        for one in plan.get("dangerous") or ():
            lines.append(f"    {one['change']}")
            lines += [f"      {reason}" for reason in one.get("reasons") or ()]
        if plan.get("dangerous"):
            word = "is approved" if digest in found.approved else "approve it with"
            command = "" if digest in found.approved else f": cloudgw approve {found.gateway} {digest}"
            lines.append(f"    {word}{command}")
    return lines if found.pending else [*lines, "  nothing waits for approval"]


def wanted(found: Found, digests: Sequence[str]) -> list[str]:
    """approvedDigests with these too: those whose plan is gone are dropped, the latest come last."""
    current = {plan["digest"] for plan in found.plans}
    kept = [digest for digest in found.approved if digest in current and digest not in digests]
    return [*kept, *digests][-KEPT:]


def _approve(api: cluster.Api, path: str, options: argparse.Namespace, found: Found) -> int:
    """What was shown is what is approved: a plan that moves meanwhile has another digest."""
    digests = [options.digest] if options.digest else [plan["digest"] for plan in found.pending]
    for _ in range(TRIES):
        pending = [plan["digest"] for plan in found.pending]
        missing = [digest for digest in digests if digest not in pending]
        if missing or not digests:
            return _not_pending(found, missing)
        if _patch(api, path, found, wanted(found, digests)):
            print(f"approved: {', '.join(digests)}; the controller goes on")
            return DONE
        found = _read(api, path, options.gateway)
    raise Problem(f"GatewayPlan {options.gateway}: somebody else writes it all the time; try again")


def _not_pending(found: Found, missing: Sequence[str]) -> int:
    done = [digest for digest in missing if digest in found.approved]
    if done and any(plan["digest"] in done for plan in found.plans):
        print(f"{', '.join(done)}: is approved already", file=sys.stderr)
        return DONE
    pending = ", ".join(f"{plan['digest']} ({plan['placement']})" for plan in found.pending) or "nothing"
    if missing:
        print(
            f"{', '.join(missing)}: is not what waits for approval now, the plan may have moved; {pending} waits: read "
            f"it with `cloudgw approve {found.gateway}`",
            file=sys.stderr,
        )
    return NOTHING


def _revoke(api: cluster.Api, path: str, options: argparse.Namespace, found: Found) -> int:
    """What was done on an approval stays done."""
    for _ in range(TRIES):
        left = [digest for digest in found.approved if options.digest and digest != options.digest]
        if len(left) == len(found.approved):
            said = ", ".join(found.approved) or "nothing"
            print(f"Gateway {found.gateway}: nothing to revoke; approved is {said}", file=sys.stderr)
            return NOTHING
        if _patch(api, path, found, left):
            gone = [digest for digest in found.approved if digest not in left]
            print(f"revoked: {', '.join(gone)}; changes that were made already stay")
            return DONE
        found = _read(api, path, options.gateway)
    raise Problem(f"GatewayPlan {options.gateway}: somebody else writes it all the time; try again")


def _read(api: cluster.Api, path: str, gateway: str) -> Found:
    """Raises Problem."""
    status, answer = api.get(path)
    if status == 404:
        raise Problem(
            f"there is no GatewayPlan {gateway}: check the name and --context; the controller writes one for each "
            "Gateway of its classes, where its kind is installed"
        )
    if status != 200:
        raise Problem(_refused("get", gateway, status, answer, api))
    spec, said = answer.get("spec") or {}, answer.get("status") or {}
    return Found(
        gateway=gateway,
        phase=str(said.get("phase", "")),
        version=str(answer["metadata"]["resourceVersion"]),
        approved=tuple(str(one) for one in spec.get("approvedDigests") or ()),
        plans=tuple(said.get("plans") or ()),
    )


def _patch(api: cluster.Api, path: str, found: Found, digests: Sequence[str]) -> bool:
    """Writes spec.approvedDigests, nothing else, if nobody wrote the object since it was read; whether it was written.
    Raises Problem."""
    body = {"metadata": {"resourceVersion": found.version}, "spec": {"approvedDigests": list(digests)}}
    status, answer = cluster.exchange(
        api.access,
        cluster.connection(api.access),
        "PATCH",
        path,
        {"fieldManager": "cloudgw-approve", "fieldValidation": "Strict"},
        {"Accept": "application/json", "Content-Type": "application/merge-patch+json"},
        json.dumps(body).encode(),
    )
    if status == 409:
        return False
    if status != 200:
        raise Problem(_refused("patch", found.gateway, status, answer, api))
    return True


def _refused(verb: str, gateway: str, status: int, answer: Mapping[str, Any], api: cluster.Api) -> str:
    if status == 403:
        grant = f'grant verb "{verb}" on resource "{names.PLURALS[names.PLAN]}" of API group "{names.GROUP}"'
        return f"GatewayPlan {gateway}: user {api.access.user!r} may not {verb} it (403): {grant}"
    return f"GatewayPlan {gateway}: the API server answers {status}: {answer.get('message', '')}"
