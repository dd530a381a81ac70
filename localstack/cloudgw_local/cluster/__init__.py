"""A local Kubernetes cluster: a real control plane on loopback, with pods as network namespaces where one is root.

Found through the entry point group `cloudgw.local-cluster`. Importing this module must stay cheap, as the CLI does it:
what builds and runs a cluster loads when `python -m cloudgw_local.cluster` does.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start the cluster as a process of its own, and what a client needs in its environment."""

    channels: tuple[str, ...] = ("standard", "experimental")

    def command(self, state: str, *, channel: str, pods: bool, crds: Iterable[str], attached: bool) -> list[str]:
        """Prints lines of progress and, when it is ready, one line of JSON: what `state` then holds. Ends by SIGTERM.

        state: a file that it keeps locked while it runs; its data lie in a folder beside it. attached: it ends with
        the process that started it.
        """
        flags = ["--state", state, "--channel", channel, *(part for path in crds for part in ("--crds", path))]
        flags += [] if pods else ["--no-pods"]
        return [sys.executable, "-m", "cloudgw_local.cluster", *flags, *(["--attached"] if attached else [])]

    def env(self, state: Mapping[str, str]) -> dict[str, str]:
        """KUBECONFIG, and a PATH that begins with the cluster's own kubectl."""
        return {
            "KUBECONFIG": str(state["kubeconfig"]),
            "PATH": os.pathsep.join((str(state["programs"]), os.environ.get("PATH", os.defpath))),
        }


CLUSTER = Launch()
