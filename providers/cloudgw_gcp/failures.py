"""Google's refusals, read: which failure class an exception is, for the engine's retry policies.

`classify` is called by the engine for whatever a commit or a listing raised, `of_operation` by `calls` for the end of
an operation. Must answer None for what is no answer of the cloud: a defect of ours is never retried as if it were one.
Must never put a request's or an answer's body into a message: both may hold a certificate. Reasons:
cloud.google.com/compute/docs/troubleshooting/troubleshooting-api-requests, .../compute/docs/api-rate-limits,
.../compute/docs/reference/rest/v1/globalOperations#Operation, and issues of clients (named beside).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudgw.provider import Failure, Why, classified

# A request is refused with a reason ("resourceNotReady"), an operation ends with a code ("RESOURCE_NOT_READY").
_THROTTLED = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
    "resourceOperationRateExceeded",
    "RESOURCE_OPERATION_RATE_EXCEEDED",
}
_NOT_READY = {
    "resourceNotReady",
    "RESOURCE_NOT_READY",
    "resourceInUse",
    "resourceInUseByAnotherResource",  # its holder goes first: hashicorp/terraform-provider-google#4543
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
}
_GONE = {"notFound", "RESOURCE_NOT_FOUND", "NOT_FOUND"}
_CONFLICT = {
    "alreadyExists",
    "RESOURCE_ALREADY_EXISTS",
    "conditionNotMet",  # a fingerprint that is not the current one
    "CONDITION_NOT_MET",
    "conflict",
    "duplicate",
    "IP_IN_USE_BY_ANOTHER_RESOURCE",
}
_DENIED = {
    "accessNotConfigured",  # the API is not enabled in the project
    "SERVICE_DISABLED",
    "authError",
    "billingNotEnabled",
    "forbidden",
    "insufficientPermissions",
    "PERMISSIONS_ERROR",
    "PERMISSION_DENIED",
}
_QUOTA = {"quotaExceeded", "QUOTA_EXCEEDED", "limitExceeded", "LIMIT_EXCEEDED", "IP_SPACE_EXHAUSTED"}
_INVALID = {
    "badRequest",
    "fieldSizeTooLarge",  # kubernetes/kubernetes#46098
    "invalid",
    "invalidParameter",
    "invalidUsage",
    "operationNotSupported",
    "parseError",
    "required",
    "resourceNotMutable",
    "INVALID_FIELD_VALUE",
    "INVALID_USAGE",
    "REQUIRED_FIELD_MISSING",
    "RESOURCE_NOT_MUTABLE",
    "UNSUPPORTED_OPERATION",
}
_UNKNOWN_OUTCOME = {"backendError", "internalError", "INTERNAL_ERROR", "serviceUnavailable"}

TABLE: dict[str, Why] = {
    **dict.fromkeys(_THROTTLED, "throttled"),
    **dict.fromkeys(_NOT_READY, "not_ready"),
    **dict.fromkeys(_GONE, "gone"),
    **dict.fromkeys(_CONFLICT, "conflict"),
    **dict.fromkeys(_DENIED, "denied"),
    **dict.fromkeys(_QUOTA, "quota"),
    **dict.fromkeys(_INVALID, "invalid"),
    **dict.fromkeys(_UNKNOWN_OUTCOME, "outcome_unknown"),
}
_STATUSES: dict[int, Why] = {
    400: "invalid",
    401: "denied",
    403: "denied",
    404: "gone",
    408: "outcome_unknown",
    409: "conflict",
    410: "gone",
    412: "conflict",
    413: "invalid",
    429: "throttled",
}
NOT_SENT = "NotSent"  # code of what never reached Google
UNREACHABLE = {
    NOT_SENT,
    "accessNotConfigured",
    "authError",
    "SERVICE_DISABLED",
    "DefaultCredentialsError",
    "RefreshError",
}
MESSAGE_LIMIT = 600  # characters of a message for a person
_SECRET = re.compile(r"-----BEGIN.*|[A-Za-z0-9+/]{64,}={0,2}")  # a key or certificate; no name or member looks so
# A port of an address is taken until the rule that has it is gone, which takes a while: kubernetes/ingress-gce#1895
_TAKEN = "in-use and would result in a conflict"
# What an organisation forbids is a 412 conditionNotMet too: hashicorp/terraform-provider-google#11265
_POLICY = "Constraint constraints/"

Error = Mapping[str, Any]
"""One item of "errors": {"reason" | "code", "message", "location"?}."""


class OperationFailed(Exception):
    """An operation ended with an error. errors: its items as Google wrote them; status: httpErrorStatusCode."""

    def __init__(self, errors: tuple[Error, ...], status: int) -> None:
        super().__init__(", ".join(str(item.get("code") or "") for item in errors))
        self.errors = errors
        self.status = status


def of_operation(operation: Mapping[str, Any]) -> OperationFailed | None:
    """Why an operation failed; None while it runs and when it succeeded.

    operation: {"status", "error": {"errors": [{"code", "message"}]}, "httpErrorStatusCode"}:
    cloud.google.com/compute/docs/reference/rest/v1/globalOperations#Operation.
    """
    status = int(operation.get("httpErrorStatusCode") or 0)
    if operation.get("status") != "DONE" or not (operation.get("error") or status):
        return None
    errors = tuple((operation.get("error") or {}).get("errors") or ())
    return OperationFailed(errors or ({"code": "", "message": "no reason was given"},), status)


def errors_of(exception: BaseException) -> tuple[Error, ...]:
    """The items that Google gave as reasons; () for anything that is no answer of the cloud. Needs no SDK."""
    found = getattr(exception, "errors", ())
    if not isinstance(found, list | tuple):
        return ()
    return tuple(item for item in found if isinstance(item, Mapping))


def status_of(exception: BaseException) -> int:
    """HTTP status of the answer in an exception, 0 where there is none."""
    found = exception.status if isinstance(exception, OperationFailed) else getattr(exception, "code", None)
    return int(found) if isinstance(found, int) else 0


def told(exception: BaseException) -> str:
    """Everything that the cloud said, raw, to search it for names of children. Not for people."""
    return "\n".join(str(item.get(member) or "") for item in errors_of(exception) for member in ("message", "location"))


def code_of(exception: BaseException) -> str:
    """The first reason or code in an answer, "" where nothing answered."""
    return next(_codes(errors_of(exception)), "")


def is_absent(exception: BaseException) -> bool:
    """The cloud says that the resource named in the call does not exist (or one that its body names)."""
    return status_of(exception) == 404


def is_taken(exception: BaseException) -> bool:
    """The cloud says that the name of an insert is taken: at once, or when its operation ended."""
    return bool({"alreadyExists", "RESOURCE_ALREADY_EXISTS"} & set(_codes(errors_of(exception))))


def classify(exception: BaseException) -> Failure | None:
    """The failure class of an exception, None for what no cloud said."""
    return classified(exception, _said)


def of_answer(answer: Any) -> Failure | None:
    """What classify says of an answer (requests' Response), None for a good one."""
    if answer.status_code < 400:
        return None
    import google.api_core.exceptions as sdk

    return classify(sdk.from_http_response(answer))  # type: ignore[no-untyped-call]


def _said(exception: BaseException) -> Failure | None:
    if isinstance(exception, OperationFailed):
        return _answered(exception)
    package = type(exception).__module__.split(".")[0]
    if package not in ("google", "requests"):
        return None
    import google.api_core.exceptions as sdk

    if isinstance(exception, sdk.GoogleAPICallError):
        return _answered(exception)
    return _of_credentials(exception) if package == "google" else _unanswered(exception)


def _answered(exception: BaseException) -> Failure:
    errors, status = errors_of(exception), status_of(exception)
    code = "authError" if status == 401 else next(_codes(errors), "") or f"HTTP {status}"
    return Failure(why=_why(errors, status), code=code, message=f"{code}: {_message(errors, status)}")


def _why(errors: tuple[Error, ...], status: int) -> Why:
    if status == 401 or any(str(item.get("message") or "").startswith(_POLICY) for item in errors):
        return "denied"
    if status == 429:
        return "throttled"
    if any(_TAKEN in str(item.get("message") or "") for item in errors):
        return "not_ready"
    for code in _codes(errors):
        if code in TABLE:
            return TABLE[code]
    return "outcome_unknown" if status >= 500 else _STATUSES.get(status, "unknown")


def _codes(errors: tuple[Error, ...]) -> Iterator[str]:
    for item in errors:
        code = str(item.get("reason") or item.get("code") or "")
        if code:
            yield code


def _message(errors: tuple[Error, ...], status: int) -> str:
    said = dict.fromkeys(str(item.get("message") or "").strip() for item in errors)
    # the text of an answer that is not Google's JSON may hold anything: its status is enough
    return readable("; ".join(text for text in said if text)) or f"Google Cloud answered {status} without a reason"


def readable(text: str) -> str:
    """One line for a person: nothing in it that could be a key or a certificate, not longer than MESSAGE_LIMIT."""
    plain = _SECRET.sub("(left out)", " ".join(text.split()))
    return plain if len(plain) <= MESSAGE_LIMIT else f"{plain[:MESSAGE_LIMIT]} ..."


def _of_credentials(exception: BaseException) -> Failure | None:
    """google-auth: a token that could not be had. The request itself was not sent, or was refused with 401."""
    import google.auth.exceptions as sdk

    if not isinstance(exception, sdk.GoogleAuthError):
        return None
    name = type(exception).__name__
    if isinstance(exception, sdk.TransportError) or exception.retryable:
        return Failure(why="unknown", code=NOT_SENT, message=f"{NOT_SENT}: no token could be fetched ({name})")
    return Failure(why="denied", code=name, message=f"{name}: no usable Google Cloud credentials: {_plain(exception)}")


def _plain(exception: BaseException) -> str:
    """google-auth puts the answer of the token's server behind its own words: only those are for people."""
    return readable(str(exception.args[0])) if exception.args else type(exception).__name__


def _unanswered(exception: BaseException) -> Failure | None:
    """requests: no answer came. Only what surely never left is certain to have had no effect."""
    import requests

    if not isinstance(exception, requests.exceptions.RequestException):
        return None
    name = type(exception).__name__
    if _never_left(exception):
        message = (
            f"{NOT_SENT}: the request did not reach Google Cloud ({name}); "
            "check the network and GOOGLE_COMPUTE_CUSTOM_ENDPOINT"
        )
        return Failure(why="unknown", code=NOT_SENT, message=message)
    return Failure(why="outcome_unknown", code=name, message=f"{name}: no answer that could be read")


def _never_left(exception: BaseException) -> bool:
    import requests
    import urllib3

    unconnected = (
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        requests.exceptions.SSLError,
        requests.exceptions.InvalidURL,
    )
    if isinstance(exception, unconnected):
        return True
    inner = exception.args[0] if exception.args else None
    reason = getattr(inner, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
