"""Which failure class an exception of the SDK is."""

from __future__ import annotations

import subprocess
import sys

import botocore.exceptions as sdk
import pytest

from cloudgw.provider import Failed, Partial
from cloudgw_aws import failures


def client_error(code: str, status: int = 400) -> sdk.ClientError:
    answer = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return sdk.ClientError(answer, "CreateRule")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("Throttling", "throttled"),
        ("ThrottlingException", "throttled"),
        ("RequestLimitExceeded", "throttled"),
        ("PriorRequestNotComplete", "throttled"),
        ("ResourceInUse", "not_ready"),
        ("DependencyViolation", "not_ready"),
        ("CertificateNotFound", "not_ready"),
        ("TargetGroupNotFound", "not_ready"),
        ("RuleNotFound", "gone"),
        ("DuplicateListener", "conflict"),
        ("PriorityInUse", "conflict"),
        ("OperationNotPermitted", "conflict"),
        ("AccessDenied", "denied"),
        ("UnauthorizedOperation", "denied"),
        ("ExpiredToken", "denied"),
        ("TooManyRules", "quota"),
        ("TooManyTargetGroups", "quota"),
        ("TooManySomethingNew", "quota"),
        ("ValidationError", "invalid"),
        ("InvalidConfigurationRequest", "invalid"),
        ("SSLPolicyNotFound", "invalid"),
        ("InternalFailure", "outcome_unknown"),
        ("SomethingNew", "unknown"),
        ("ThingNotFound", "gone"),
    ],
)
def test_codes(code: str, why: str) -> None:
    found = failures.classify(client_error(code))
    assert found is not None
    assert (found.why, found.code) == (why, code)
    assert "CreateRule: why" in found.message


@pytest.mark.parametrize(("status", "why"), [(503, "outcome_unknown"), (403, "denied"), (429, "throttled")])
def test_statuses_of_codes_that_nobody_knows(status: int, why: str) -> None:
    found = failures.classify(client_error("Odd", status))
    assert found is not None
    assert found.why == why


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (sdk.ReadTimeoutError(endpoint_url="x"), "outcome_unknown"),
        (sdk.ConnectionClosedError(endpoint_url="x"), "outcome_unknown"),
        (sdk.EndpointConnectionError(endpoint_url="x"), "outcome_unknown"),
        (sdk.NoCredentialsError(), "denied"),
        (sdk.ParamValidationError(report="x"), "invalid"),
    ],
)
def test_no_answer(problem: Exception, why: str) -> None:
    found = failures.classify(problem)
    assert found is not None
    assert found.why == why


def test_our_own_words() -> None:
    assert failures.classify(KeyError("x")) is None
    assert failures.classify(Partial(KeyError("x"), key="k", done={})) is None
    own = failures.classify(Failed("conflict", "taken", key="create x"))
    assert own is not None
    assert (own.why, own.guilty) == ("conflict", "create x")
    partial = failures.classify(Partial(client_error("TooManyRules"), key="create y", done={}))
    assert partial is not None
    assert (partial.why, partial.guilty) == ("quota", "create y")


def test_every_code_has_one_class() -> None:
    tables = [
        failures._THROTTLED,
        failures._NOT_READY,
        failures._GONE,
        failures._CONFLICT,
        failures._DENIED,
        failures._QUOTA,
        failures._INVALID,
        failures._UNKNOWN_OUTCOME,
    ]
    assert sum(len(table) for table in tables) == len(failures.TABLE)


def test_importing_the_provider_imports_no_sdk() -> None:
    program = "import cloudgw_aws, sys; bad = {'boto3', 'botocore'} & set(sys.modules); sys.exit(bool(bad))"
    assert subprocess.run([sys.executable, "-c", program], check=False, env=_path()).returncode == 0


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
