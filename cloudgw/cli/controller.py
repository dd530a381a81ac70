"""`cloudgw controller`: runs the operator until a signal comes.

`main` calls `run`. Everything that costs time to import is imported here, when it is needed.
"""

from __future__ import annotations

import argparse
import os

from cloudgw.cli import clock
from cloudgw.cli.problem import Problem

OWNER = "CLOUDGW_OWNER"
NAMESPACE = "cloudgw-system"


def run(options: argparse.Namespace) -> int:
    owner = options.owner or os.environ.get(OWNER, "")
    if not owner:
        raise Problem(f"--owner is missing: whose load balancers these are; give it, or {OWNER}")
    try:
        import asyncio

        from cloudgw.controller import logs, operator
    except ImportError as missing:
        raise Problem(f"{missing.name} is not installed; install it with: pip install 'cloudgw[controller]'") from None
    if options.foreign and options.mode != "plan":
        raise Problem("--foreign: Gateways of other controllers are only looked at; add --mode plan")
    logs.configure(options.log_format, options.log_level)
    told = operator.Options(
        owner=owner,
        namespace=options.namespace or os.environ.get("POD_NAMESPACE") or NAMESPACE,
        namespaces=tuple(part for part in options.watch_namespaces.split(",") if part),
        mode=options.mode,
        foreign=dict(_pair(one) for one in options.foreign),
        controller=options.controller_name,
        fleet_budget=options.fleet_budget,
        resync=options.resync,
        workers=options.workers,
        listen=options.listen,
        lease=options.lease_name,
        elects=not options.no_leader_election,
        throttles=not options.no_throttle,
        kubeconfig=options.kubeconfig,
        context=options.context,
    )
    return asyncio.run(operator.run(told, clock.of_environment()))


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise Problem(f"--foreign {text}: write CONTROLLER=CLASS, a foreign controllerName and a GatewayClass of ours")
    return name, value
