"""Whether this machine can run a cluster, and pods in it; asked by the fixtures of `conftest` and by `run`.

In CI (the variable CI is set) what cannot run is a failure: there a skip would hide that nothing was tested.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import NoReturn

import pytest

from cloudgw_local.cluster import build, pods


@functools.cache
def why_no_cluster() -> str:
    """One sentence, or empty."""
    if sys.platform != "linux":
        return f"the test cluster needs Linux, not {sys.platform}"
    try:
        build.go()
    except build.BuildError as problem:
        return str(problem)
    return ""


@functools.cache
def why_no_pods() -> str:
    return why_no_cluster() or pods.why_not()


def in_ci() -> bool:
    return bool(os.environ.get("CI"))


def refuse(reason: str) -> NoReturn:
    if in_ci():
        pytest.fail(f"{reason}; in CI (CI is set) this is a failure, not a skip", pytrace=False)
    pytest.skip(reason)
