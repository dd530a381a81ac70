"""The one exception that every operation of the local AWS raises to refuse a call.

Operations raise it with AWS's own code; `wire` writes it in the protocol of the service. Codes are those of the
botocore models' error shapes and of the Common Errors pages; it must never carry a code AWS does not document.
"""

from __future__ import annotations


class AwsError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
