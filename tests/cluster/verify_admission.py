"""`python -m tests.cluster.verify_admission`: a real API server and `cloudgw.admission` judge the same objects.

Run by `make verify-admission`. Each object is sent as a create with dryRun=All and fieldValidation=Ignore, so that the
verdict is the server's own, not a client's. Equal means: both refuse or both accept, and where the server names fields,
the same fields. What may differ stands in accepted.json, with the reason; an entry that nothing needs any more is an
error. This module must never send an object without dryRun.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import admission, build, cluster, samples, schemas
from tests.cluster.admission import Case
from tests.cluster.schemas import Rule

ACCEPTED = Path(__file__).parent / "accepted.json"
VALID, MUTATED = 500, 1500  # at least so many objects
_SHOWN = 20  # differences on the screen; all are in the file
_AT_ONCE = 4  # requests
_NOWHERE = "<nil>"  # the server's field of an error that it places nowhere

# Rules that no create can break, because the server does not evaluate them then: (end of the path, part of the rule).
UNREACHABLE = {
    ("matches[].path", "|| self.type == 'RegularExpression'"): "the enum of the same field refuses such an object first"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the server said. fields: where, in the server's spelling."""

    refused: bool
    status: int
    message: str
    causes: tuple[Mapping[str, str], ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """Of an object of another kind only that field counts: its defaults are not set, and rules stumble over it."""
        found = {_plain(cause["field"]) for cause in self.causes if cause.get("field", _NOWHERE) != _NOWHERE}
        return frozenset({"kind"} if "kind" in found else found)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What one channel brought."""

    channel: str
    valid: int = 0
    mutated: int = 0
    refused: int = 0
    server_seconds: float = 0.0
    our_seconds: float = 0.0
    differences: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    broken: set[tuple[schemas.Kind, str, str]] = field(default_factory=set)


def server(running: cluster.Cluster, case: Case) -> Judged:
    """The verdict of the API server on one object. Raises ClusterError where it gave none."""
    group = urllib.parse.quote(case.version)
    namespace = f"namespaces/{urllib.parse.quote(case.namespace, safe='')}/" if case.kind.namespaced else ""
    path = f"/apis/{group}/{namespace}{case.kind.plural}?dryRun=All&fieldValidation=Ignore"
    status, answer = running.request("POST", path, case.document)
    if status not in (201, 400, 404, 413, 422):
        raise cluster.ClusterError(f"{case.name}: status {status}: {answer.get('message')}")
    details = answer.get("details") or {} if status != 201 else {}
    causes = tuple(
        cause
        for cause in details.get("causes") or ()
        if "some validation rules were not checked" not in cause.get("message", "")
    )
    return Judged(refused=status != 201, status=status, message=str(answer.get("message", "")), causes=causes)


def _plain(name: str) -> str:
    """One spelling for the server's `spec.rules[0].name`, `spec.labels[a.b/c]` and for our JSON pointers. Of owners the
    server never says which one it means."""
    plain = "/".join(part for part in re.split(r"[][./]+", name) if part)
    return re.sub(r"^metadata/ownerReferences/\d+", "metadata/ownerReferences", plain)


def _of_pointer(pointer: str) -> str:
    return _plain(pointer.replace("~1", "/").replace("~0", "~"))


def judged(running: cluster.Cluster, found: Findings, *, server_only: bool) -> Iterator[dict[str, Any]]:
    """The differences of one channel, as they come; counts and broken rules are noted in `found`."""
    cases = list(admission.cases(found.channel))
    began = time.monotonic()
    with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        verdicts = list(pool.map(lambda case: server(running, case), cases))
    found.server_seconds = time.monotonic() - began
    for case, verdict in zip(cases, verdicts, strict=True):
        found.valid += case.valid
        found.mutated += not case.valid
        found.refused += verdict.refused
        if case.valid and verdict.refused:
            found.problems.append(f"{case.name} is meant to be valid, and the server refuses it: {verdict.message}")
        _note_rules(case, verdict, found)
    if server_only:
        return
    began = time.monotonic()
    for case, verdict in zip(cases, verdicts, strict=True):
        if (difference := _compared(case, verdict)) is not None:
            yield difference
    found.our_seconds = time.monotonic() - began


def _note_rules(case: Case, verdict: Judged, found: Findings) -> None:
    for cause in verdict.causes:
        path = re.sub(r"\[\d+\]", "[]", cause.get("field", ""))
        found.broken.add((case.kind, path, cause.get("message", "")))


def _compared(case: Case, verdict: Judged) -> dict[str, Any] | None:
    """A difference, or None."""
    from cloudgw import admission as ours  # what is judged; everything above works without it

    try:
        answer = ours.check(case.document, channel=case.kind.channel)
        refused = answer.refused_by_server
        problems = [(problem.pointer, problem.message) for problem in answer.problems if problem.refused]
    except Exception as error:
        return _difference(case, verdict, "crash", [("", f"{type(error).__name__}: {error}")])
    if refused != verdict.refused:
        return _difference(case, verdict, "verdict", problems)
    named = frozenset(_of_pointer(pointer) for pointer, _ in problems)
    if verdict.fields and not _same_fields(named, verdict.fields):
        return _difference(case, verdict, "fields", problems)
    return None


def _same_fields(named: frozenset[str], server: frozenset[str]) -> bool:
    """Every field of the server is named, and no other. To name a key of the map that the server names is the same."""

    def inside(field: str, other: str) -> bool:
        return field == other or field.startswith(f"{other}/")

    return all(any(inside(ours, theirs) for ours in named) for theirs in server) and all(
        any(inside(ours, theirs) for theirs in server) for ours in named
    )


def _difference(case: Case, verdict: Judged, what: str, problems: list[tuple[str, str]]) -> dict[str, Any]:
    text = json.dumps(case.document, ensure_ascii=False)
    return {
        "case": case.name,
        "what": what,
        "server": {
            "refused": verdict.refused,
            "status": verdict.status,
            "message": verdict.message[:600],
            "fields": sorted(verdict.fields),
        },
        "ours": {
            "refused": bool(problems),
            "fields": sorted({_of_pointer(pointer) for pointer, _ in problems}),
            "problems": [f"{pointer}: {message}"[:300] for pointer, message in problems[:10]],
        },
        "document": case.document if len(text) < 20_000 else f"{text[:500]}... ({len(text)} characters)",
    }


def unbroken(found: Findings) -> Iterator[Rule]:
    """Rules that a create evaluates and that no object broke."""
    messages: dict[tuple[schemas.Kind, str], set[str]] = collections.defaultdict(set)
    for kind, path, message in found.broken:
        messages[kind, path].add(message)
    for rule in _rules(found.channel):
        path = ".".join(rule.path).replace(".[]", "[]")
        if not any(rule.message in message for message in messages[rule.kind, path]) and not reason(rule):
            yield rule


def reason(rule: Rule) -> str:
    """Why no create can break a rule; empty when one can."""
    if not rule.on_create:
        return "a create drops the status" if rule.path[:1] == ("status",) else "it compares with the object before"
    path = ".".join(rule.path).replace(".[]", "[]")
    return next((why for (end, part), why in UNREACHABLE.items() if path.endswith(end) and part in rule.rule), "")


def _rules(channel: str) -> Iterator[Rule]:
    for kind in schemas.served(channel):
        yield from schemas.rules(kind)


def sorted_out(
    differences: Iterable[dict[str, Any]], accepted: Iterable[Mapping[str, str]]
) -> tuple[list[dict[str, Any]], list[Mapping[str, str]]]:
    """(differences that nobody accepted, entries that accept nothing). An entry: `cases`, a regular expression that
    matches a case's whole name; `what`, the sort of difference; `reason`."""
    entries = list(accepted)
    used = [False] * len(entries)
    left: list[dict[str, Any]] = []
    for difference in differences:
        matching = [
            number
            for number, entry in enumerate(entries)
            if entry["what"] == difference["what"] and re.fullmatch(entry["cases"], difference["case"], re.DOTALL)
        ]
        for number in matching:
            used[number] = True
        if not matching:
            left.append(difference)
    return left, [entry for number, entry in enumerate(entries) if not used[number]]


def _judge(channel: str, *, server_only: bool) -> Findings:
    found = Findings(channel=channel)
    with tempfile.TemporaryDirectory(prefix="cloudgw-cluster-") as folder:
        running = cluster.start(Path(folder), channel=channel)
        try:
            for name in samples.NAMESPACES:
                running.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
            found.differences = list(judged(running, found, server_only=server_only))
        finally:
            running.stop()
    missing = [rule.label for rule in unbroken(found)]
    found.problems += [f"no object breaks the rule {label}" for label in missing]
    rules = list(_rules(channel))
    beyond = sum(1 for rule in rules if reason(rule))
    print(
        f"{channel}: {found.valid} valid and {found.mutated} changed objects, the server refuses {found.refused} "
        f"(server {found.server_seconds:.0f} s, we {found.our_seconds:.0f} s); "
        f"rules broken: {len(rules) - beyond - len(missing)} of {len(rules)}, {beyond} cannot be by a create",
        flush=True,
    )
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="verify_admission", description=__doc__)
    parser.add_argument("--channel", choices=cluster.CHANNELS, action="append", help="one channel only")
    parser.add_argument("--server-only", action="store_true", help="judge nothing; check the objects themselves")
    parser.add_argument("--output", type=Path, help="write every difference that is not accepted here, as JSON")
    given = parser.parse_args(arguments)
    build.control_plane()
    findings = [_judge(channel, server_only=given.server_only) for channel in given.channel or cluster.CHANNELS]
    differences = [difference for found in findings for difference in found.differences]
    left, unused = sorted_out(differences, json.loads(ACCEPTED.read_text()) if not given.server_only else ())
    problems = [problem for found in findings for problem in found.problems]
    if not given.channel:
        problems += [f"accepted.json: nothing needs {entry['cases']!r} any more; remove it" for entry in unused]
        counts = (("valid", VALID), ("mutated", MUTATED))
        for name, wanted in counts:
            if (count := sum(getattr(found, name) for found in findings)) < wanted:
                problems.append(f"{count} {name} objects are too few: {wanted} are wanted")
    if given.output:
        given.output.write_text(json.dumps(left, indent=1, ensure_ascii=False) + "\n")
    for problem in problems:
        print(problem)
    for difference in left[:_SHOWN]:
        print(
            f"{difference['what']}: {difference['case']}\n  server: {difference['server']}\n  we: {difference['ours']}"
        )
    tally = collections.Counter(difference["what"] for difference in left)
    print(f"differences: {sum(tally.values())} {dict(tally)}; accepted: {len(differences) - len(left)}")
    return 1 if left or problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
