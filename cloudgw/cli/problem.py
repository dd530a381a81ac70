"""The one exception that ends a command with a message for a person: object, field, reason, next step; exit code 1.

Every module of the command line raises it; `main` alone catches it. Its text must never hold a secret.
"""

from __future__ import annotations


class Problem(Exception):
    """str: one or more lines, without "error:"."""
