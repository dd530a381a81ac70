"""The one exception that every part of the local Azure raises to refuse a call.

The gateway document, the network resources and the server raise it with Azure's own code; the server writes it into
an answer, or into the end of an operation when `late`. It must never carry a secret, nor a code that is not Azure's.
"""

from __future__ import annotations

import collections.abc
from typing import Any


class Refusal(Exception):
    """A refused request. `details` are (code, message, target); `late` refusals fail the operation instead."""

    def __init__(
        self,
        *,
        code: str,
        message: str,
        target: str = "",
        details: tuple[tuple[str, str, str], ...] = (),
        status: int = 400,
        late: bool = False,
        headers: collections.abc.Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.target = target
        self.details = details
        self.status = status
        self.late = late
        self.headers = dict(headers or {})
        self.document: dict[str, Any] | None = None  # what a late refusal leaves behind as the rejected document

    def body(self) -> dict[str, Any]:
        """ARM's error answer: azure-resource-manager-rpc, v1.0/common-api-details.md#error-response-content."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        details = []
        for code, message, target in self.details:
            details.append({"code": code, "message": message} | ({"target": target} if target else {}))
        if details or "x-ms-failure-cause" not in self.headers:  # what ARM itself refuses carries no list of details
            error["details"] = details
        return {"error": error}
