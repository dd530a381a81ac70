"""Breaks the core on purpose, one mutant at a time, and expects a law to fail for each.

Run by `make mutants`. Works on a copy of the tree in a temporary folder; the mutants are those whose survival would
mean that a law of the core proves nothing. Exit 1 when one survives, or when the unbroken tree fails.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAWS = ("tests/contract/test_laws.py", "tests/contract/test_laws_of_change.py", "tests/property/test_table.py")
AWS = ("tests/unit/aws/test_live.py",)
CASES = ("tests/unit/graph/test_diff.py",)
DOCUMENTS = ("tests/unit/graph/test_documents.py",)
AZURE = ("tests/unit/azure/test_document.py", "tests/unit/azure/test_live.py")
ONE = ("tests/contract/test_one_document.py",)
FAILED = ("tests/contract/test_failed_document.py",)
GCP = "providers/cloudgw_gcp/"
ENDPOINTS = ("tests/unit/gcp/test_kinds_endpoints.py",)
KINDS = ("tests/unit/gcp/test_kinds.py",)
LISTING = ("tests/unit/gcp/test_inventory.py", "tests/unit/gcp/test_observe.py", "tests/unit/gcp/test_calls.py")
MAP = ("tests/unit/gcp/test_document.py", "tests/unit/gcp/test_document_order.py", "tests/unit/gcp/test_live_map.py")


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...] = LAWS


MUTANTS = (
    Mutant(
        "creates bottom up",
        "cloudgw/graph/table.py",
        "key=lambda c: (c.position or 0, c.key))\n    updates",
        "key=lambda c: (-(c.position or 0), c.key))\n    updates",
    ),
    Mutant(
        "deletes top down",
        "cloudgw/graph/table.py",
        "key=lambda c: (-_position(by_key.get(_key(c)) or _before(c)), c.key)",
        "key=lambda c: (_position(by_key.get(_key(c)) or _before(c)), c.key)",
    ),
    Mutant(
        "deletes first",
        "cloudgw/graph/table.py",
        '    return (\n            [Step(what="create", change=c, position=c.position or 0) for c in creates]',
        '    return (\n            [Step(what="delete", change=c) for c in deletes]\n'
        '            + [Step(what="create", change=c, position=c.position or 0) for c in creates]',
    ),
    Mutant(
        "no joint", "cloudgw/graph/diff_table.py", "links = _links(work, changes)", "links: dict[str, set[str]] = {}"
    ),
    Mutant(
        "no inherited retirement",
        "cloudgw/graph/diff_retire.py",
        "        lies = any(parent in inherited for parent in parents)",
        "        from_parent, lies = [], True",
    ),
    Mutant(
        "warm forgets what is healthy",
        "cloudgw/graph/diff_traffic.py",
        "if ref.name and ref.key not in work.carriers and kind.warm is not None:",
        "if ref.name and ref.key not in work.carriers and kind.warm is not None and _lacking(work, ref):",
    ),
    Mutant(
        "no staleness guard",
        "cloudgw/graph/diff.py",
        "if until is not None and work.now < until:",
        "if until is not None and work.now < until and False:",
    ),
    Mutant("no closure", "cloudgw/graph/diff_retire.py", "    while kept:\n", "    while False:\n"),
    Mutant(
        "no adopt check",
        "cloudgw/testing/clouds.py",
        '            if thing["record"] == record_of(session, element):\n                return',
        "            if True:\n                return",
    ),
    Mutant(
        "no adopt check on AWS",
        "providers/cloudgw_aws/kinds_commit.py",
        "    return record is not None and record.address == change.address and record.suffix == change.name",
        "    return True",
        AWS,
    ),
    Mutant(
        "Unknown differs",
        "cloudgw/graph/model.py",
        "    return holds_unknown(desired) or holds_unknown(observed)",
        "    return False",
    ),
    Mutant(
        "no drain",
        "cloudgw/graph/diff_retire.py",
        '    if work.now < until:\n        return [model.Wait(what="drain"',
        '    if False:\n        return [model.Wait(what="drain"',
    ),
    Mutant(
        "the excess only waits",
        "cloudgw/plan/check.py",
        "return [replace(c, danger=(*c.danger, danger)) if counts(c) else c for c in changes]\n\n\ndef _exposure",
        "return [replace(c, danger=(*c.danger, danger)) if counts(c) and n >= allowed else c "
        "for n, c in enumerate(changes)]\n\n\ndef _exposure",
    ),
    Mutant(
        "one of many serves enough",
        "cloudgw/graph/diff_traffic.py",
        "    if share > 0 and share >= need:",
        "    if share > 0:",
        CASES,
    ),
    Mutant(
        "foreign entries are no walls",
        "cloudgw/graph/diff_table.py",
        "taken = work.observed.taken.get(table, ())",
        "taken: tuple[int, ...] = ()",
        CASES,
    ),
    Mutant(
        "one table for a whole group",
        "cloudgw/graph/model.py",
        "return (self.table or self.group)(where, name, spec)",
        "return self.group(where, name, spec)",
        DOCUMENTS,
    ),
    Mutant(
        "a match changes alone",
        "cloudgw/graph/diff_table.py",
        "set(change.fields) & set(work.kind(change.address).matches)",
        "False",
        DOCUMENTS,
    ),
    Mutant(
        "everybody is warmed",
        "cloudgw/graph/diff_traffic.py",
        'change.op != "create" or kind.displaces is None',
        "True or kind.displaces is None",
        DOCUMENTS,
    ),
    Mutant(
        "a refused backend's rule waits",
        "cloudgw/graph/diff.py",
        "    _stand_for_hopeless(work)\n",
        "",
        DOCUMENTS,
    ),
    Mutant(
        "the refused document is believed",
        "cloudgw/engine/search.py",
        "if group in cache.good]",
        "if False]",
        DOCUMENTS,
    ),
    Mutant(
        "what stood before is believed for ever",
        "cloudgw/pipeline.py",
        "            kept.cache.broken.pop(group, None)\n            kept.cache.good.pop(group, None)",
        "            kept.cache.broken.pop(group, None)",
        DOCUMENTS,
    ),
    Mutant(
        "targets are searched too",
        "cloudgw/engine/search.py",
        "return [change for change in trial if not change.fast] or trial",
        "return trial",
        DOCUMENTS,
    ),
    Mutant(
        "a path of others is taken",
        "providers/cloudgw_azure/document.py",
        "    document_order.guard_paths(draft, changes)\n",
        "",
        AZURE,
    ),
    Mutant(
        "what goes is restored first",
        "cloudgw/engine/search.py",
        "    if _goes_whole(state, group, rest):",
        "    if False:",
        FAILED,
    ),
    Mutant(
        "the same is written for ever",
        "cloudgw/engine/search.py",
        "return count > 1 and state.clock.now() < when + pause",
        "return False",
        FAILED,
    ),
    Mutant(
        "targets lie where the new gateway is",
        "cloudgw/graph/diff_traffic.py",
        "beside.get(r.to) or work.current",
        "(name if r.to == backend.address else None) or work.current",
        FAILED,
    ),
    Mutant(
        "foreign parts pin nothing",
        "providers/cloudgw_azure/kinds_commit.py",
        "        _unpinned(found, changes, mark)\n",
        "",
        AZURE,
    ),
    Mutant(
        "no etag is sent",
        "providers/cloudgw_azure/calls.py",
        'return {"If-Match": etag} if etag else {}',
        "return {}",
        ONE,
    ),
    Mutant(
        "a warm rule is left out",
        "providers/cloudgw_azure/kinds_paths.py",
        "    warm=_warm,\n",
        "",
        ONE,
    ),
    Mutant(
        "targets of a backend alone",
        "cloudgw/graph/diff_retire.py",
        "for backend in (where, *(ref.to for ref in model.refs_in(work.bound.get(where, {}))))",
        "for backend in (where,)",
        ("tests/unit/graph/test_targets_below.py",),
    ),
    Mutant(
        "a host comes before its rules",
        "cloudgw/graph/diff.py",
        "    diff_table.openings(work)\n",
        "",
        ("tests/contract/test_laws_on_clouds.py", "-k", "own and (gcp or azure)"),
    ),
    Mutant(
        "what is not seen is not referred to",
        "cloudgw/graph/diff.py",
        'if (change.op in ("create", "delete") or _drops(change)) and',
        'if change.op in ("create", "delete") and',
        ("tests/contract/test_laws.py", "-k", "incomplete"),
    ),
    Mutant(
        "the last endpoints go at once",
        f"{GCP}kinds_endpoints.py",
        "last = bool(answering) and not answering & staying",
        "last = False",
        ENDPOINTS,
    ),
    Mutant(
        "other zones do not count",
        f"{GCP}kinds_endpoints.py",
        'if path not in changed and element.fields.get("targets"):',
        "if False:",
        ENDPOINTS,
    ),
    Mutant(
        "any record is ours",
        f"{GCP}kinds_commit.py",
        "record = names.record_in(standing, session.owner, session.read.region)",
        'record = names.record_of(standing.get("description"))',
        KINDS + ("tests/unit/gcp/test_live.py",),
    ),
    Mutant(
        "one failure keeps the others",
        f"{GCP}kinds_commit.py",
        "if not begun and failed and _is_hopeless(failed[-1][1]):",
        "if not begun and failed:",
        KINDS,
    ),
    Mutant("what is missing from a list is gone", f"{GCP}inventory.py", "self.incomplete += problems", "pass", LISTING),
    Mutant(
        "a copy is ours",
        f"{GCP}observe.py",
        "record = names.record_in(found, owner, region)",
        'record = names.ours(found.get("description"), owner, region)',
        LISTING,
    ),
    Mutant(
        "all regions are this placement",
        f"{GCP}names.py",
        'or members(description).get("region", "") != region',
        "",
        ("tests/unit/gcp/test_names.py",),
    ),
    Mutant(
        "priorities of others are free",
        f"{GCP}document.py",
        "if own is None))",
        "if False))",
        LISTING + MAP,
    ),
    Mutant(
        "own writes are not read again",
        f"{GCP}calls_members.py",
        '    def forget(self, path: str, operation: str = "") -> None:\n',
        '    def forget(self, path: str, operation: str = "") -> None:\n        return\n',
        ("tests/unit/gcp/test_calls_members.py",),
    ),
)


def run(tree: pathlib.Path, tests: tuple[str, ...]) -> tuple[bool, str]:
    """(passed, first failing line)."""
    python = str(ROOT / ".venv" / "bin" / "python")
    command = [python, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    path = os.pathsep.join(str(tree / part) for part in ("", "providers", "localstack", "tests/contract"))
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tree / ".hypothesis"),
    }
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, failed[0] if failed else done.stdout[-300:]


def copy(to: pathlib.Path) -> None:
    for name in ("cloudgw", "providers", "localstack", "tests", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)


def try_one(mutant: Mutant) -> tuple[Mutant, bool, str, float]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        copy(tree)
        target = tree / mutant.file
        text = target.read_text()
        if text.count(mutant.before) != 1:
            return mutant, False, f"the mutant does not fit {mutant.file} any more: bring it up to date", 0.0
        target.write_text(text.replace(mutant.before, mutant.after))
        passed, line = run(tree, mutant.tests)
    return mutant, not passed, line, time.monotonic() - began


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy(pathlib.Path(folder))
        passed, line = run(pathlib.Path(folder), LAWS)
        if not passed:
            print(f"the unbroken tree fails: {line}")
            return 1
    survived = 0
    chosen = [m for m in MUTANTS if not sys.argv[1:] or any(word in m.name for word in sys.argv[1:])]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for mutant, killed, line, seconds in pool.map(try_one, chosen):
            survived += not killed
            print(f"{'killed  ' if killed else 'SURVIVED'} {mutant.name} ({seconds:.0f} s): {line}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mutants killed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
