"""`cloudgw validate`: what an API server would refuse in files, said before it does, with file, line, object and field.

`main` calls `run`. Gateway API objects are checked by `cloudgw.admission`; kinds of Kubernetes and of cloudgw itself
are counted and left alone. Nothing but the files is read: no cluster, no cloud, no cloudgw.yaml.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cloudgw import admission
from cloudgw.cli.problem import Problem
from cloudgw.sources import documents, manifests

VALID, INVALID = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """line: 0 when unknown. kind, namespace, name: empty when nobody can tell. refused_by_server: False for what the
    server drops and only `kubectl apply` refuses."""

    level: Literal["error", "warning"]
    code: str
    file: str
    line: int = 0
    kind: str = ""
    namespace: str = ""
    name: str = ""
    pointer: str = ""
    message: str
    fix: str = ""
    refused_by_server: bool = True

    @property
    def text(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}".strip()
        said = f"{self.message}; {self.fix}" if self.fix else self.message
        level = "warning: " if self.level == "warning" else ""
        return level + ": ".join(part for part in (place, subject, self.pointer, said) if part)


@dataclass(slots=True)
class Report:
    """checked: Gateway API objects; not_checked: other objects."""

    checked: int = 0
    invalid: int = 0
    not_checked: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> int:
        return sum(finding.level == "error" for finding in self.findings)


def run(options: argparse.Namespace) -> int:
    if not options.files:
        raise Problem("no input: give -f FILE, -f FOLDER or -f -")
    report = Report()

    def say(code: str, file: str, message: str) -> None:
        level: Literal["error", "warning"] = "warning" if code == "Empty" else "error"
        report.findings.append(Finding(level=level, code=code, file=file, message=message))

    for file in manifests.files(options.files, say):
        _file(file, options.channel, report, say)
    text = _json(report) if options.output == "json" else _text(report)
    print(text.encode(errors="backslashreplace").decode())  # keys of a file may hold what no terminal can show
    return INVALID if report.errors else VALID


def _text(report: Report) -> str:
    counts = f"{_count(report.checked, 'object')} checked, {report.invalid} invalid"
    warnings = len(report.findings) - report.errors
    found = f"{_count(report.errors, 'problem')}, {_count(warnings, 'warning')}; {report.not_checked} not checked"
    return "\n".join([*(finding.text for finding in report.findings), f"{counts}: {found}"])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _json(report: Report) -> str:
    findings = [{name: getattr(finding, name) for name in Finding.__dataclass_fields__} for finding in report.findings]
    return json.dumps(
        {
            "checked": report.checked,
            "invalid": report.invalid,
            "not_checked": report.not_checked,
            "findings": findings,
        },
        indent=2,
    )


def _file(file: str, channel: str, report: Report, say: manifests.Say) -> None:
    text = manifests.read(file, say)
    name = manifests.named(file)
    for document in documents.read(text) if text is not None else ():
        for problem in document.problems:
            _add(report, "InvalidSyntax", name, problem.line, problem.message, pointer=problem.pointer)
        if document.data is not None:
            for item, prefix in manifests.flattened(document.data):
                _object(item, prefix, document, name, channel, report)


def _add(report: Report, code: str, file: str, line: int, message: str, *, pointer: str = "", fix: str = "") -> None:
    found = Finding(level="error", code=code, file=file, line=line, pointer=pointer, message=message, fix=fix)
    report.findings.append(found)


def _object(data: Any, prefix: str, document: documents.Document, file: str, channel: str, report: Report) -> None:
    line = document.line_of(prefix)
    if not isinstance(data, dict):
        _add(
            report,
            "InvalidObject",
            file,
            line,
            "is no object",
            fix="write a mapping with apiVersion, kind and metadata",
        )
        return
    if not all(isinstance(data.get(name), str) and data[name] for name in ("apiVersion", "kind")):
        _add(report, "InvalidObject", file, line, "apiVersion or kind is missing", fix="write both as text")
        return
    if not admission.concerns(data):
        report.not_checked += 1
        return
    try:
        verdict = admission.check(data, channel=channel, kubectl=True)
    except admission.Missing as missing:
        raise Problem(str(missing)) from None
    report.checked += 1
    report.invalid += bool(verdict.problems)
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    report.findings += _findings("error", verdict.problems, data["kind"], named, prefix, document, file)
    report.findings += _findings("warning", verdict.warnings, data["kind"], named, prefix, document, file)


def _findings(
    level: Literal["error", "warning"],
    problems: Sequence[admission.Problem],
    kind: str,
    named: Mapping[str, Any],
    prefix: str,
    document: documents.Document,
    file: str,
) -> Iterator[Finding]:
    """In the order of the lines."""
    lines = {id(problem): document.line_of(prefix + problem.pointer) for problem in problems}
    for problem in sorted(problems, key=lambda problem: lines[id(problem)]):
        yield Finding(
            level=level,
            code=problem.code,
            file=file,
            line=lines[id(problem)],
            kind=kind,
            namespace=str(named.get("namespace") or ""),
            name=str(named.get("name") or named.get("generateName") or ""),
            pointer=problem.pointer,
            message=problem.message,
            fix=problem.fix,
            refused_by_server=problem.refused,
        )
