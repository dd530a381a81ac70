"""Azure's exceptions, read: which failure class an azure-core exception is, for the engine's retry policies.

`classify` is called by the engine for whatever a commit or a listing raised, `of_operation` by `calls` for the end of
a long operation. Must answer None for what is no answer of the cloud: a defect of ours is never retried as if it were
one. Must never put a request's or an answer's body into a message: both may hold a certificate. Codes:
learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors,
.../azure-resource-manager/management/request-limits-and-throttling, and issues of Azure's own clients (named beside).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudgw.provider import Failure, Why, classified

_THROTTLED = {
    "TooManyRequests",
    "SubscriptionRequestsThrottled",
    "ResourceRequestsThrottled",
    "ResourceCollectionRequestsThrottled",
    "TenantRequestsThrottled",
    "OperationThrottled",
}
_NOT_READY = {
    # The lock of a write that runs (Azure/azure-cli#28615): the next try reads again before it writes.
    "RetryableError",
    "RetryableErrorDueToAnotherOperation",
    "AnotherOperationInProgress",
    "ReferencedResourceNotProvisioned",
    "PublicIPAddressCannotBeDeleted",  # its gateway goes first, and takes minutes
    "InUsePublicIpAddressCannotBeDeleted",
    "ResourceNotProvisioned",
}
_GONE = {"ResourceNotFound", "NotFound", "OperationNotFound"}
_CONFLICT = {
    "PreconditionFailed",
    "PreconditionFailedEtagMismatch",
    "PreconditionFailedResourceNotFound",
    "Canceled",
    "CanceledAndSupersededDueToAnotherOperation",  # Azure/azure-cli#21156
    "OperationPreempted",
    "InvalidResourceLocation",  # the name is taken, in another location
    "PublicIPAddressInUse",
    "Conflict",
}
_DENIED = {
    "AuthorizationFailed",
    "LinkedAuthorizationFailed",
    "AuthenticationFailed",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenTenant",
    "InvalidAuthenticationTokenAudience",
    "ExpiredAuthenticationToken",
    "SubscriptionNotFound",
    "InvalidSubscriptionId",
    "ReadOnlyDisabledSubscription",
    "DisallowedProvider",
    "MissingSubscriptionRegistration",  # never registered by us: that is a write to the subscription
    "RequestDisallowedByPolicy",
    "ScopeLocked",
    "ResourceGroupNotFound",
    "ResourceGroupBeingDeleted",
}
CREDENTIALS = {
    "AuthenticationFailed",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenTenant",
    "InvalidAuthenticationTokenAudience",
    "ExpiredAuthenticationToken",
    "SubscriptionNotFound",
    "InvalidSubscriptionId",
}
UNREACHABLE = CREDENTIALS | {
    "ClientAuthenticationError",
    "CredentialUnavailableError",
    "ServiceRequestError",
    "ServiceRequestTimeoutError",
}
_QUOTA = {
    "QuotaExceeded",
    "ResourceQuotaExceeded",
    "ResourceCountExceedsLimitDueToTemplate",
    "PublicIPCountLimitReached",
    "StandardSkuPublicIPCountLimitReached",
    "IPv4BasicSkuPublicIpCountLimitReached",
    "IPv4StandardSkuPublicIpCountLimitReached",
    "TooManyTags",
}
# All that begins with ApplicationGateway or Invalid is invalid too. The limits of one document are: only the search
# for the guilty change keeps the others alive.
_INVALID = {
    "SubscriptionNotRegisteredForFeature",
    "DuplicateResourceName",
    "MissingJsonReferenceId",
    "SubnetIsRequired",
    "SubnetIsFull",
    "PrivateIPAddressInUse",
    "PrivateIPAddressNotInSubnet",
    "PrivateIPAddressInReservedRange",
    "LinkedInvalidPropertyId",
    "LocationRequired",
    "LocationNotAvailableForResourceType",
    "NoRegisteredProviderFound",
    "ReservedTagName",
    "MissingApiVersionParameter",
}
_UNKNOWN_OUTCOME = {
    "InternalServerError",
    "InternalError",
    "ServiceUnavailable",
    "ServerTimeout",
    "GatewayTimeout",
    "OperationTimedOut",
    "BadGatewayConnection",
}

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
    422: "invalid",
    429: "throttled",
}
_SHAPES: tuple[tuple[str, Why], ...] = (
    (r".*CountLimitReached|.*QuotaExceeded", "quota"),
    (r"Invalid.*", "invalid"),
    (r".*LimitReached|.*LimitExceeded", "quota"),
    (r".*Throttled", "throttled"),
)
MESSAGE_LIMIT = 600  # characters of a message for a person
_SECRET = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")  # base64 of any length that could be a key; no ARM id looks so
_OURS = "azure."  # packages of the SDK
_REFUSALS = "ApplicationGateway"  # what the gateway's own validation answers with

Error = Mapping[str, Any]
"""ARM's error: {"code", "message", "target"?, "details"?: [the same]}: azure-resource-manager-rpc,
v1.0/common-api-details.md#error-response-content."""


def error_of(exception: BaseException) -> Error:
    """ARM's error in an exception, {} for anything that is no answer of the cloud. Needs no SDK."""
    found = getattr(exception, "error", None)
    return _plain(found) if hasattr(found, "code") and hasattr(found, "details") else {}


def _plain(error: Any) -> Error:
    return {
        "code": str(error.code or ""),
        "message": str(error.message or ""),
        "target": str(error.target or ""),
        "details": [_plain(detail) for detail in error.details or ()],
    }


def status_of(exception: BaseException) -> int:
    """HTTP status of the answer in an exception, 0 where there is none."""
    found = getattr(exception, "status_code", None)
    return found if isinstance(found, int) else 0


def told(error: Error) -> str:
    """Everything that the cloud said in an error, raw, to search it for names of children. Not for people."""
    return "\n".join(str(part.get(name) or "") for part in _parts(error) for name in ("message", "target"))


def code_of(exception: BaseException) -> str:
    """The most telling code in an answer: of the details first, ARM wraps them. "" where nothing answered."""
    return _telling(error_of(exception))


def is_absent(exception: BaseException) -> bool:
    """The cloud says that the resource named in the call does not exist (its group, perhaps: that counts too)."""
    return status_of(exception) == 404


def classify(exception: BaseException) -> Failure | None:
    """The failure class of an exception, None for what no cloud said."""
    return classified(exception, _said)


def of_answer(response: Any) -> Failure | None:
    """What classify says of an answer (azure.core's HttpResponse), None for a good one. Reads it where nobody has."""
    if response.status_code < 400:
        return None
    response.read()
    import azure.core.exceptions as sdk
    from azure.mgmt.core.exceptions import ARMErrorFormat

    return classify(sdk.HttpResponseError(response=response, error_format=ARMErrorFormat))


def _said(exception: BaseException) -> Failure | None:
    if not type(exception).__module__.startswith(_OURS):
        return None
    error, status = error_of(exception), status_of(exception)
    if error:
        return _failure(error, status)
    return _unexplained(exception, status)


def of_operation(body: Mapping[str, Any]) -> Failure | None:
    """Why a long operation failed, by what its URL answered; None while it runs and when it succeeded.

    learn.microsoft.com/azure/azure-resource-manager/management/async-operations: {"status": "Failed", "error": ...};
    every other status than Failed, Canceled and Succeeded means that it runs.
    """
    status = str(body.get("status") or "")
    if status not in ("Failed", "Canceled"):
        return None
    error = body.get("error")
    if not isinstance(error, Mapping) or not _telling(error):
        code = "Canceled" if status == "Canceled" else "InternalServerError"
        error = {"code": code, "message": f"the operation ended as {status} and Azure gave no reason"}
    return _failure(error, 0)


def _failure(error: Error, status: int) -> Failure:
    code = _telling(error)
    return Failure(why=_why(error, status), code=code, message=f"{code}: {_message(error)}")


def _why(error: Error, status: int) -> Why:
    codes = [str(part.get("code") or "") for part in _parts(error)]
    if any(code.startswith(_REFUSALS) for code in codes):  # its details may be a vault's "NotFound"
        return "quota" if any(code.endswith("LimitReached") for code in codes) else "invalid"
    for code in codes:
        if code in TABLE:
            return TABLE[code]
    for code in codes:
        for shape, why in _SHAPES:
            if re.fullmatch(shape, code):
                return why
    return _by_status(status)


def _by_status(status: int) -> Why:
    return "outcome_unknown" if status >= 500 else _STATUSES.get(status, "unknown")


def _parts(error: Error) -> Iterator[Error]:
    """The error and its details, the innermost first."""
    for detail in error.get("details") or ():
        if isinstance(detail, Mapping):
            yield from _parts(detail)
    yield error


def _telling(error: Error) -> str:
    return next((str(part["code"]) for part in _parts(error) if part.get("code")), "")


def _message(error: Error) -> str:
    said = dict.fromkeys(str(part.get("message") or "").strip() for part in _parts(error))
    return readable("; ".join(text for text in said if text))


def readable(text: str) -> str:
    """One line for a person: nothing in it that could be a key or a certificate, not longer than MESSAGE_LIMIT."""
    plain = _SECRET.sub("(left out)", " ".join(text.split()))
    return plain if len(plain) <= MESSAGE_LIMIT else f"{plain[:MESSAGE_LIMIT]} ..."


def _unexplained(exception: BaseException, status: int) -> Failure | None:
    """No error of ARM's in it. Only what surely never left is certain to have had no effect."""
    import azure.core.exceptions as sdk

    name = type(exception).__name__
    text = readable(str(getattr(exception, "message", "") or name))
    if isinstance(exception, sdk.ClientAuthenticationError):
        return Failure(why="denied", code=name, message=f"no usable Azure credentials: {text}")
    if isinstance(exception, sdk.DecodeError | sdk.IncompleteReadError | sdk.ServiceResponseError):
        return Failure(why="outcome_unknown", code=name, message=f"the answer could not be read ({name})")
    if isinstance(exception, sdk.ServiceRequestError):
        return Failure(
            why="unknown",
            code=name,
            message=f"the request did not reach Azure: {text}; check the network and AZURE_ARM_ENDPOINT",
        )
    if isinstance(exception, sdk.HttpResponseError):
        # the text of an answer that is not ARM's may hold anything: its status is enough
        return Failure(why=_by_status(status), code=name, message=f"Azure answered {status} without a reason")
    return None
