"""STS, as much of it as clients need to learn their account. Called by `server`; it must not hand out credentials."""

from __future__ import annotations

from typing import Any

from cloudgw_local.aws import call, world


def get_caller_identity(_: call.Call) -> dict[str, Any]:
    return {
        "UserId": "AIDALOCALLOCALLOCAL00",
        "Account": world.ACCOUNT,
        "Arn": f"arn:aws:iam::{world.ACCOUNT}:user/local",
    }


OPERATIONS: dict[str, call.Operation] = {"GetCallerIdentity": get_caller_identity}
