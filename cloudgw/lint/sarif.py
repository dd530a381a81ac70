"""Findings as SARIF 2.1.0, which code hosts show beside the changed lines.

The command line calls `document` (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html). Hosts keep the
first results of many and refuse files with more than they take
(https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support): the worst stand first, and
what is left out is said. Pure: paths are made relative by the caller's `folder`, no file is looked at.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cloudgw.lint.model import Finding
from cloudgw.provider import Capability

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
MOST = 25_000
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+")


def document(
    found: Sequence[Finding],
    *,
    version: str,
    folder: str,
    rows: Mapping[str, Sequence[Capability]],
    unread: Sequence[str] = (),
) -> dict[str, Any]:
    """One run. version: of cloudgw. folder: where the command ran, absolute. rows: target -> its capabilities, which
    describe its codes. unread: what could not be read."""
    rules = sorted({one.rule for one in found})
    index = {rule: number for number, rule in enumerate(rules)}
    levels: dict[str, str] = {}
    for one in found:  # the worst come first
        levels.setdefault(one.rule, LEVELS[one.level])
    kept = found[:MOST]
    said = list(unread)
    if len(found) > len(kept):
        said.append(f"{len(found) - len(kept)} findings are left out: a file holds {MOST} at most")
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cloudgw",
                        "semanticVersion": version,
                        "version": version,
                        "rules": [
                            {
                                "id": rule,
                                "shortDescription": {"text": _described(rule, rows)},
                                "defaultConfiguration": {"level": levels[rule]},
                            }
                            for rule in rules
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        "executionSuccessful": not unread,
                        "toolExecutionNotifications": [
                            {"level": "error" if number < len(unread) else "warning", "message": {"text": text}}
                            for number, text in enumerate(said)
                        ],
                    }
                ],
                "results": [_result(one, index[one.rule], folder) for one in kept],
            }
        ],
    }


def _result(one: Finding, number: int, folder: str) -> dict[str, Any]:
    where = one.origin
    found: dict[str, Any] = {
        "ruleId": one.rule,
        "ruleIndex": number,
        "level": LEVELS[one.level],
        "message": {"text": one.message},
        "partialFingerprints": {"cloudgw/v1": _fingerprint(one)},
    }
    if where is None:
        return found
    location: dict[str, Any] = {}
    if where.file and not where.file.startswith("("):  # "(standard input)" is no file
        location["physicalLocation"] = {
            "artifactLocation": {"uri": uri(where.file, folder)},
            "region": {"startLine": max(where.line, 1)},
        }
    if where.name:
        name = f"{where.kind}/{where.namespace}/{where.name}" if where.namespace else f"{where.kind}/{where.name}"
        location["logicalLocations"] = [{"fullyQualifiedName": f"{name}{where.path}", "kind": "object"}]
    if location:
        found["locations"] = [location]
    return found


def uri(file: str, folder: str) -> str:
    """Relative to `folder`, with slashes, escaped."""
    path = file.replace("\\", "/")
    if path.startswith("/"):
        path = posixpath.relpath(path, folder.replace("\\", "/"))
    return quote(posixpath.normpath(path))


def _fingerprint(one: Finding) -> str:
    """Of the fact, not of its line: it stays when the file grows above it."""
    where = one.origin
    held = [one.rule, one.message, *((where.kind, where.namespace, where.name, where.path) if where else ())]
    return hashlib.sha256("\n".join(held).encode()).hexdigest()[:16]


def _described(rule: str, rows: Mapping[str, Sequence[Capability]]) -> str:
    target, _, code = rule.rpartition("/")
    rows_of_code = [row for row in rows.get(target, ()) if row.code == code]
    words = " ".join(WORDS.findall(code)).capitalize() + (f" ({target})" if target else "")
    if len(rows_of_code) == 1 and rows_of_code[0].reason:
        return f"{words}: {rows_of_code[0].feature}: {rows_of_code[0].reason}"
    return words
