"""The one exception that every part of the local Google Cloud raises to refuse a call.

Rules, schema and frame raise it with Google's own reason; the server writes it into an answer, or into the end of an
operation when `late`. It must never carry a secret, nor a reason that is not Google's.
"""

from __future__ import annotations

import collections.abc
import http
import re
from typing import Any

CODES = {
    "alreadyExists": "RESOURCE_ALREADY_EXISTS",
    "backendError": "INTERNAL_ERROR",
    "conditionNotMet": "CONDITION_NOT_MET",
    "internalError": "INTERNAL_ERROR",
    "invalid": "INVALID_FIELD_VALUE",
    "notFound": "RESOURCE_NOT_FOUND",
    "required": "REQUIRED_FIELD_MISSING",
}
HEADERS = ("Authorization", "If-Match")
USAGE = ("rateLimitExceeded", "quotaExceeded", "userRateLimitExceeded")


class Refusal(Exception):
    """A refused call. `location` is the header or parameter at fault (If-Match for a stale fingerprint); `late`
    refusals end the operation with an error instead; `code` is the operation error's, by default made of the
    reason; `details` is a google.rpc message."""

    def __init__(
        self,
        *,
        status: int,
        reason: str,
        message: str,
        location: str = "",
        late: bool = False,
        code: str = "",
        details: collections.abc.Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.location = location
        self.late = late
        self.code = code or CODES.get(reason) or re.sub(r"(?<!^)(?=[A-Z])", "_", reason).upper()
        self.details = details

    def body(self) -> dict[str, Any]:
        """The error answer: cloud.google.com/compute/docs/reference/rest/v1 and cloud.google.com/apis/design/errors
        (HTTP mapping, version 1)."""
        domain = "usageLimits" if self.reason in USAGE else "global"
        item = {"message": self.message, "domain": domain, "reason": self.reason}
        if self.location:
            kind = "header" if self.location in HEADERS else "parameter"
            item |= {"location": self.location, "locationType": kind}
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [item]}
        if self.details is not None:
            error["details"] = [dict(self.details)]
        return {"error": error}

    def operation_error(self) -> dict[str, Any]:
        """The members of an operation that ended with this refusal."""
        return {
            "error": {"errors": [{"code": self.code, "message": self.message}]},
            "httpErrorStatusCode": self.status,
            "httpErrorMessage": http.HTTPStatus(self.status).phrase.upper(),
        }
