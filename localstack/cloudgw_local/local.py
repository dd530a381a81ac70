"""A local cloud as the entry point group `cloudgw.local` names it. Importing this must stay cheap: the CLI does."""

from __future__ import annotations

import collections.abc
import dataclasses
import sys


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """How to start a cloud as a process, and what a vendor client needs in its environment to reach it.

    endpoint: the variable that names where it answers; environment: the other variables.
    """

    name: str
    endpoint: str
    environment: collections.abc.Mapping[str, str]

    def command(self, port: int, rate: float, stepped: bool) -> list[str]:
        pace = ["--stepped"] if stepped else ["--rate", str(rate)]
        return [sys.executable, "-m", f"cloudgw_local.{self.name}", "--host", "127.0.0.1", "--port", str(port), *pace]

    def env(self, endpoint: str) -> dict[str, str]:
        return {self.endpoint: endpoint, **self.environment, "CLOUDGW_CLOCK": f"{endpoint}/_cloudgw/clock"}
