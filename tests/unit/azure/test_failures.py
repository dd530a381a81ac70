"""Which failure class an exception of the SDK, or the end of a long operation, is; and what its message never holds."""

from __future__ import annotations

import json
from typing import Any

import azure.core.exceptions as sdk
import azure.core.rest
import azure.identity
import pytest

from cloudgw.provider import Failed, Partial
from cloudgw_azure import failures


def answered(code: str, status: int = 400, *details: tuple[str, str], message: str = "why") -> sdk.HttpResponseError:
    """As the SDK raises it: from an answer with ARM's error in it."""
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        error["details"] = [{"code": inner, "message": text, "target": "t"} for inner, text in details]
    return raised(status, json.dumps({"error": error}))


def raised(status: int, text: str) -> sdk.HttpResponseError:
    class Answer:
        status_code = status
        reason = "Odd"
        request = azure.core.rest.HttpRequest("PUT", "https://management.azure.com/x", json={"data": SECRET})
        content_type = "application/json"

        def text(self, encoding: str | None = None) -> str:
            del encoding
            return text

    return sdk.HttpResponseError(response=Answer())


SECRET = "MIIKcQIBAzCCCi0GCSqGSIb3DQEHAaCCCh4EggoaMIIKFjCCBg8GCSqGSIb3DQEHAaCCBgAEggX8"


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [
        ("SubscriptionRequestsThrottled", 429, "throttled"),
        ("ResourceRequestsThrottled", 429, "throttled"),
        ("TooManyRequests", 429, "throttled"),
        ("SomethingNewThrottled", 429, "throttled"),
        ("RetryableError", 429, "not_ready"),
        ("RetryableErrorDueToAnotherOperation", 429, "not_ready"),
        ("AnotherOperationInProgress", 409, "not_ready"),
        ("PublicIPAddressCannotBeDeleted", 400, "not_ready"),
        ("ResourceNotFound", 404, "gone"),
        ("NotFound", 404, "gone"),
        ("Canceled", 200, "conflict"),
        ("PreconditionFailed", 412, "conflict"),
        ("InvalidResourceLocation", 409, "conflict"),
        ("AuthorizationFailed", 403, "denied"),
        ("LinkedAuthorizationFailed", 403, "denied"),
        ("ExpiredAuthenticationToken", 401, "denied"),
        ("ResourceGroupNotFound", 404, "denied"),
        ("RequestDisallowedByPolicy", 403, "denied"),
        ("PublicIPCountLimitReached", 400, "quota"),
        ("SomethingNewCountLimitReached", 400, "quota"),
        ("RequestContentTooLarge", 413, "invalid"),
        ("ApplicationGatewayBackendAddressPoolLimitReached", 400, "quota"),
        ("ApplicationGatewayPathsWithinUrlPathMapMustBeUnique", 400, "invalid"),
        ("ApplicationGatewayKeyVaultSecretException", 400, "invalid"),
        ("InvalidResourceReference", 400, "invalid"),
        ("InvalidRequestFormat", 400, "invalid"),
        ("SubscriptionNotRegisteredForFeature", 409, "invalid"),
        ("InternalServerError", 500, "outcome_unknown"),
        ("SomethingNew", 418, "unknown"),
        ("SomethingNew", 503, "outcome_unknown"),
        ("SomethingNew", 400, "invalid"),
        ("SomethingNew", 409, "conflict"),
        ("SomethingNew", 429, "throttled"),
    ],
)
def test_codes(code: str, status: int, why: str) -> None:
    found = failures.classify(answered(code, status))
    assert found is not None
    assert (found.why, found.code, found.message) == (why, code, f"{code}: why")


@pytest.mark.parametrize(
    ("problem", "why", "code"),
    [
        (answered("PreconditionFailed", 412, ("PreconditionFailedEtagMismatch", "x")), "conflict", None),
        (answered("RetryableError", 429, ("ReferencedResourceNotProvisioned", "x")), "not_ready", None),
        (answered("Canceled", 200, ("CanceledAndSupersededDueToAnotherOperation", "x")), "conflict", None),
        (answered("InvalidRequestFormat", 400, ("DuplicateResourceName", "x")), "invalid", None),
        (answered("ApplicationGatewayKeyVaultSecretException", 400, ("NotFound", "x")), "invalid", "NotFound"),
    ],
)
def test_the_details_say_what_it_is(problem: sdk.HttpResponseError, why: str, code: str | None) -> None:
    found = failures.classify(problem)
    assert found is not None
    assert problem.error is not None
    assert (found.why, found.code) == (why, code or problem.error.details[0].code)
    assert found.message == f"{found.code}: x; why"


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (sdk.ServiceRequestError("no route"), "unknown"),
        (sdk.ServiceRequestTimeoutError("connect"), "unknown"),
        (sdk.ServiceResponseError("reset"), "outcome_unknown"),
        (sdk.ServiceResponseTimeoutError("read"), "outcome_unknown"),
        (sdk.IncompleteReadError("cut"), "outcome_unknown"),
        (sdk.DecodeError("not JSON"), "outcome_unknown"),
        (sdk.ClientAuthenticationError("no"), "denied"),
        (azure.identity.CredentialUnavailableError(message="no"), "denied"),
        (raised(502, "<html>bad gateway</html>"), "outcome_unknown"),
        (raised(403, "<html>blocked</html>"), "denied"),
    ],
)
def test_no_answer_of_arm(problem: Exception, why: str) -> None:
    found = failures.classify(problem)
    assert found is not None
    assert (found.why, found.code) == (why, type(problem).__name__)
    assert "html" not in found.message


def test_what_never_reached_azure() -> None:
    gone = failures.classify(sdk.ServiceRequestError("x"))
    unsigned = failures.classify(azure.identity.CredentialUnavailableError(message="x"))
    refused = failures.classify(answered("AuthorizationFailed", 403))
    assert gone is not None
    assert unsigned is not None
    assert refused is not None
    assert {gone.code, unsigned.code} <= failures.UNREACHABLE
    assert refused.code not in failures.UNREACHABLE


@pytest.mark.parametrize(
    ("body", "why", "code"),
    [
        ({"status": "InProgress"}, None, ""),
        ({"status": "Updating"}, None, ""),
        ({"status": "Succeeded"}, None, ""),
        ({}, None, ""),
        (
            {"status": "Failed", "error": {"code": "ApplicationGatewayX", "message": "m"}},
            "invalid",
            "ApplicationGatewayX",
        ),
        ({"status": "Failed", "error": {"code": "InternalServerError", "message": "m"}}, "outcome_unknown", None),
        ({"status": "Failed"}, "outcome_unknown", "InternalServerError"),
        ({"status": "Failed", "error": {"code": "SomethingNew", "message": "m"}}, "unknown", "SomethingNew"),
        ({"status": "Canceled"}, "conflict", "Canceled"),
    ],
)
def test_ends_of_operations(body: dict[str, Any], why: str | None, code: str | None) -> None:
    found = failures.of_operation(body)
    if why is None:
        assert found is None
        return
    assert found is not None
    assert found.why == why
    assert found.code == (code or body["error"]["code"])


def test_nothing_that_could_be_a_key_is_in_a_message() -> None:
    echoed = answered("InvalidRequestFormat", 400, ("InvalidJson", f'value "{SECRET}" is not a number'))
    found = failures.classify(echoed)
    assert found is not None
    assert SECRET not in found.message
    assert '"(left out)" is not a number' in found.message
    page = failures.classify(raised(500, f"<html>{SECRET}</html>"))
    assert page is not None
    assert SECRET not in page.message


def test_a_message_is_one_short_line_and_keeps_ids() -> None:
    where = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-edge/providers/Microsoft.Network"
    found = failures.classify(answered("InvalidResourceReference", message=f"{where}\nis   {'long ' * 400}"))
    assert found is not None
    assert where in found.message
    assert "\n" not in found.message
    assert len(found.message) < failures.MESSAGE_LIMIT + 60


def test_names_of_children_are_found_in_what_was_said() -> None:
    problem = answered("InvalidRequestFormat", 400, ("MissingJsonReferenceId", "Path properties.httpListeners[0]"))
    said = failures.told(failures.error_of(problem))
    assert said.split("\n") == ["Path properties.httpListeners[0]", "t", "why", ""]
    assert failures.told(failures.error_of(ValueError("x"))).strip() == ""


def test_absent() -> None:
    assert failures.is_absent(answered("ResourceNotFound", 404))
    assert not failures.is_absent(answered("AuthorizationFailed", 403))
    assert not failures.is_absent(KeyError("x"))


def test_our_own_words() -> None:
    assert failures.classify(KeyError("x")) is None
    assert failures.classify(sdk.SerializationError("ours")) is None
    assert failures.classify(Partial(KeyError("x"), key="k", done={})) is None
    own = failures.classify(Failed("conflict", "taken", key="create x"))
    assert own is not None
    assert (own.why, own.guilty) == ("conflict", "create x")
    partial = failures.classify(Partial(answered("PublicIPCountLimitReached"), key="create y", done={}))
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
    assert failures.TABLE.keys() >= failures.CREDENTIALS
