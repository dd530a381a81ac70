"""Which failure class an exception of the SDK, or the end of an operation, is; and what its message never holds."""

from __future__ import annotations

import json
import socket
from typing import Any

import google.api_core.exceptions as sdk
import google.auth.exceptions
import pytest
import requests

from cloudgw.provider import Failed, Failure, Partial
from cloudgw_gcp import failures

SECRET = "MIIKcQIBAzCCCi0GCSqGSIb3DQEHAaCCCh4EggoaMIIKFjCCBg8GCSqGSIb3DQEHAaCCBgAEggX8"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"


def answered(reason: str, status: int = 400, message: str = "why", **more: Any) -> sdk.GoogleAPICallError:
    """As the SDK raises it: from an answer with Google's error in it."""
    item = {"message": message, "domain": "global", "reason": reason, **more}
    return raised(status, json.dumps({"error": {"code": status, "message": message, "errors": [item]}}))


def raised(status: int, text: str) -> sdk.GoogleAPICallError:
    answer = requests.Response()
    answer.status_code = status
    answer._content = text.encode()
    request = requests.Request("POST", "https://compute.googleapis.com/x", json={"privateKey": SECRET})
    answer.request = request.prepare()
    found: sdk.GoogleAPICallError = sdk.from_http_response(answer)  # type: ignore[no-untyped-call]
    return found


def unsigned(name: str, **more: Any) -> Exception:
    """What google-auth raises."""
    found: Exception = getattr(google.auth.exceptions, name)("x", **more)
    return found


def ended(code: str, status: int = 0, message: str = "why") -> failures.OperationFailed:
    body: dict[str, Any] = {"status": "DONE", "error": {"errors": [{"code": code, "message": message}]}}
    found = failures.of_operation({**body, "httpErrorStatusCode": status} if status else body)
    assert found is not None
    return found


def classified(problem: BaseException) -> Failure:
    found = failures.classify(problem)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("rateLimitExceeded", 403, "throttled"),
        ("userRateLimitExceeded", 403, "throttled"),
        ("somethingNew", 429, "throttled"),
        ("resourceNotReady", 400, "not_ready"),
        ("resourceInUseByAnotherResource", 400, "not_ready"),
        ("notFound", 404, "gone"),
        ("alreadyExists", 409, "conflict"),
        ("conditionNotMet", 412, "conflict"),
        ("somethingNew", 412, "conflict"),
        ("somethingNew", 409, "conflict"),
        ("forbidden", 403, "denied"),
        ("insufficientPermissions", 403, "denied"),
        ("accessNotConfigured", 403, "denied"),
        ("somethingNew", 403, "denied"),
        ("quotaExceeded", 403, "quota"),
        ("limitExceeded", 413, "quota"),
        ("fieldSizeTooLarge", 413, "invalid"),
        ("invalid", 400, "invalid"),
        ("required", 400, "invalid"),
        ("badRequest", 400, "invalid"),
        ("somethingNew", 400, "invalid"),
        ("somethingNew", 404, "gone"),
        ("backendError", 503, "outcome_unknown"),
        ("internalError", 500, "outcome_unknown"),
        ("somethingNew", 504, "outcome_unknown"),
        ("somethingNew", 418, "unknown"),
    ],
)
def test_reasons(reason: str, status: int, why: str) -> None:
    found = classified(answered(reason, status))
    assert (found.why, found.code, found.message) == (why, reason, f"{reason}: why")


@pytest.mark.parametrize(("reason", "status"), [("invalid", 400), ("conflict", 409)])
def test_a_port_that_is_taken_is_a_matter_of_time(reason: str, status: int) -> None:
    said = "Invalid value for field 'resource.IPAddress': '192.0.2.1'. Specified IP address is in-use and would result"
    assert classified(answered(reason, status, f"{said} in a conflict.")).why == "not_ready"
    assert classified(ended("INVALID_USAGE", status, f"{said} in a conflict.")).why == "not_ready"
    assert classified(answered("invalid", 400, "Specified IP address is not reserved.")).why == "invalid"


@pytest.mark.parametrize(
    ("code", "status", "why"),
    [
        ("RATE_LIMIT_EXCEEDED", 403, "throttled"),
        ("RESOURCE_OPERATION_RATE_EXCEEDED", 0, "throttled"),
        ("RESOURCE_NOT_READY", 400, "not_ready"),
        ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", 400, "not_ready"),
        ("RESOURCE_NOT_FOUND", 404, "gone"),
        ("RESOURCE_ALREADY_EXISTS", 409, "conflict"),
        ("IP_IN_USE_BY_ANOTHER_RESOURCE", 400, "conflict"),
        ("CONDITION_NOT_MET", 412, "conflict"),
        ("QUOTA_EXCEEDED", 403, "quota"),
        ("IP_SPACE_EXHAUSTED", 400, "quota"),
        ("INVALID_FIELD_VALUE", 400, "invalid"),
        ("INVALID_USAGE", 0, "invalid"),
        ("INTERNAL_ERROR", 500, "outcome_unknown"),
        ("PERMISSIONS_ERROR", 403, "denied"),
        ("SOMETHING_NEW", 409, "conflict"),
        ("SOMETHING_NEW", 0, "unknown"),
    ],
)
def test_codes_of_operations(code: str, status: int, why: str) -> None:
    found = classified(ended(code, status))
    assert (found.why, found.code, found.message) == (why, code, f"{code}: why")


@pytest.mark.parametrize(
    "operation",
    [
        {"status": "RUNNING"},
        {"status": "PENDING"},
        {"status": "RUNNING", "error": {"errors": [{"code": "EARLY"}]}},
        {"status": "DONE"},
        {"status": "DONE", "warnings": [{"code": "NOT_CRITICAL_ERROR"}]},
        {},
    ],
)
def test_an_operation_that_did_not_fail(operation: dict[str, Any]) -> None:
    assert failures.of_operation(operation) is None


def test_an_operation_that_failed_without_a_reason() -> None:
    found = failures.of_operation({"status": "DONE", "httpErrorStatusCode": 503})
    assert found is not None
    assert classified(found).why == "outcome_unknown"
    assert "no reason" in classified(found).message


def test_what_an_organisation_forbids_is_no_conflict() -> None:
    """The same 412 as a stale fingerprint, and trying again would never help."""
    text = "Constraint constraints/compute.disableGlobalLoadBalancing violated for projects/p."
    assert classified(answered("conditionNotMet", 412, text)).why == "denied"
    assert classified(ended("CONDITION_NOT_MET", 412, text)).why == "denied"


@pytest.mark.parametrize("reason", ["authError", "required", "somethingNew"])
def test_no_token_reaches_nothing(reason: str) -> None:
    found = classified(answered(reason, 401))
    assert (found.why, found.code) == ("denied", "authError")
    assert found.code in failures.UNREACHABLE


def unreachable() -> requests.exceptions.ConnectionError:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
    return caught.value


def hung_up() -> requests.exceptions.ConnectionError:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        import threading

        def drop() -> None:
            connection, _ = listening.accept()
            connection.recv(100)
            connection.close()

        threading.Thread(target=drop, daemon=True).start()
        with pytest.raises(requests.exceptions.ConnectionError) as caught:
            requests.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout=2)
    return caught.value


def test_only_what_never_left_had_surely_no_effect() -> None:
    found = classified(unreachable())
    assert (found.why, found.code) == ("unknown", failures.NOT_SENT)
    assert found.code in failures.UNREACHABLE
    assert "GOOGLE_COMPUTE_CUSTOM_ENDPOINT" in found.message
    lost = classified(hung_up())
    assert (lost.why, lost.code) == ("outcome_unknown", "ConnectionError")
    assert lost.code not in failures.UNREACHABLE


@pytest.mark.parametrize(
    ("problem", "why", "code"),
    [
        (requests.exceptions.ConnectTimeout("x"), "unknown", "NotSent"),
        (requests.exceptions.SSLError("x"), "unknown", "NotSent"),
        (requests.exceptions.ProxyError("x"), "unknown", "NotSent"),
        (requests.exceptions.ReadTimeout("x"), "outcome_unknown", "ReadTimeout"),
        (requests.exceptions.ChunkedEncodingError("x"), "outcome_unknown", "ChunkedEncodingError"),
        (requests.exceptions.JSONDecodeError("x", "y", 0), "outcome_unknown", "JSONDecodeError"),
        (requests.exceptions.TooManyRedirects("x"), "outcome_unknown", "TooManyRedirects"),
        (unsigned("DefaultCredentialsError"), "denied", "DefaultCredentialsError"),
        (unsigned("RefreshError"), "denied", "RefreshError"),
        (unsigned("RefreshError", retryable=True), "unknown", "NotSent"),
        (unsigned("TransportError"), "unknown", "NotSent"),
        (raised(502, "<html>bad gateway</html>"), "outcome_unknown", "HTTP 502"),
        (raised(403, "<html>blocked</html>"), "denied", "HTTP 403"),
        (sdk.RetryError("x", cause=None), None, ""),  # type: ignore[no-untyped-call]
        (ValueError("x"), None, ""),
        (KeyError("x"), None, ""),
    ],
)
def test_no_answer_of_google(problem: Exception, why: str | None, code: str) -> None:
    found = failures.classify(problem)
    assert (found.why if found else None, found.code if found else "") == (why, code)
    assert found is None or "html" not in found.message


@pytest.mark.parametrize("text", [f"key {SECRET} here", PEM, f"a{PEM}"])
def test_no_message_holds_a_secret(text: str) -> None:
    for problem in (answered("invalid", 400, text), ended("INVALID_FIELD_VALUE", 400, text)):
        message = classified(problem).message
        assert "MII" not in message
        assert "left out" in message
    assert len(classified(answered("invalid", 400, "word " * 500)).message) < 700


def test_everything_that_was_said_is_there_to_be_searched() -> None:
    text = "Invalid value for field 'resource.pathMatchers[2].routeRules[5].service'"
    late, soon = ended("INVALID_FIELD_VALUE", 400, text), answered("invalid", 400, text, location="x")
    assert text in failures.told(late)
    assert failures.told(soon).split("\n") == [text, "x"]
    assert (failures.code_of(late), failures.code_of(soon)) == ("INVALID_FIELD_VALUE", "invalid")
    assert (failures.status_of(late), failures.status_of(soon)) == (400, 400)
    assert failures.told(ValueError("x")) == failures.code_of(ValueError("x")) == ""


def test_taken_and_absent() -> None:
    assert failures.is_taken(answered("alreadyExists", 409))
    assert failures.is_taken(ended("RESOURCE_ALREADY_EXISTS", 409))
    assert not failures.is_taken(answered("conditionNotMet", 412))
    assert failures.is_absent(answered("notFound", 404))
    assert not failures.is_absent(answered("invalid", 400))
    assert not failures.is_absent(KeyError(404))


def test_what_provider_code_raised_itself() -> None:
    assert classified(Failed("quota", "full", key="k")).guilty == "k"
    inner = Partial(answered("invalid", 400), key="k", done={"a": "b"})
    assert (classified(inner).why, classified(inner).guilty) == ("invalid", "k")
