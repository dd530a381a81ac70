"""The local cloud answers recorded requests as the real cloud did.

CLOUDGW_RECORDINGS names a folder whose `gcp` holds recordings (k8s-config-connector's golden logs that were made
against the real cloud). Every exchange with a type that is served here is replayed and compared: status, reason and
message, members and values, without ids, moments, versions and addresses. What differs is listed with its reason in
recording_differences.yaml; a difference that is not listed fails, and so does a row to which nothing belongs.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import re
import urllib.error
import urllib.request
from typing import Any

import pytest
import yaml

from cloudgw_local.gcp import discovery, schema, server

from . import recorded

FOLDER = pathlib.Path(os.environ.get("CLOUDGW_RECORDINGS", "")) / "gcp"
LISTED = pathlib.Path(__file__).parent / "recording_differences.yaml"


def ask(endpoint: str, http: str, path: str, body: Any) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + path, data=data, method=http, headers={"Authorization": "Bearer local"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def row_of(rows: list[dict[str, str]], recording: str, request: str, member: str) -> int | None:
    """The first row that says why an answer differs. Its members are regular expressions."""
    for index, row in enumerate(rows):
        given = (("recording", recording), ("request", request), ("member", member))
        if all(re.fullmatch(row[name], text) for name, text in given if name in row):
            return index
    return None


@pytest.fixture(scope="module")
def files() -> list[pathlib.Path]:
    if not os.environ.get("CLOUDGW_RECORDINGS") or not FOLDER.is_dir():
        pytest.skip("CLOUDGW_RECORDINGS names no folder that holds gcp/ with recordings of the real cloud")
    return sorted(FOLDER.glob("*.log"))


def test_recorded_bodies_have_the_published_shapes(files: list[pathlib.Path]) -> None:
    """What the real cloud took is taken, and its answers conform: the schemas here are no stricter than it is."""
    problems: set[str] = set()
    checked = 0
    for file in files:
        for exchange in recorded.read(file)[0]:
            route = discovery.match(exchange.http, exchange.path)
            if route is None or exchange.status != 200:
                continue
            checked += 1
            if exchange.body is not None:
                schema.take(str(route.method.request), exchange.body)
            problems |= set(schema.check(str(route.method.response), exchange.answer))
    assert problems <= {"Operation.targetId is no uint64"}  # masked in the recordings
    assert checked > 500


def test_recorded_exchanges(files: list[pathlib.Path], capsys: pytest.CaptureFixture[str]) -> None:
    rows = yaml.safe_load(LISTED.read_text())
    counted: collections.Counter[str] = collections.Counter()
    skipped: collections.Counter[str] = collections.Counter()
    unlisted: list[str] = []
    used: set[int] = set()
    with server.serve(stepped=True) as running:
        for file in files:
            running.control.reset()
            exchanges, others = recorded.read(file)
            skipped["of other APIs"] += others
            replay = recorded.Replay(lambda *asked: ask(running.endpoint, *asked), running.control.advance)
            shared = recorded.shared(exchanges)
            for index, exchange in enumerate(exchanges):
                replay.neighbour(exchange, exchanges[index + 1 :])
                answered = replay.send(exchange)
                if answered is None:
                    skipped["of types not served"] += 1
                    continue
                if recorded.about(exchange) in shared:
                    skipped["of names that two resources share"] += 1
                    continue
                found = recorded.differences(*answered)
                counted["compared"] += 1
                counted["alike"] += not found
                request = f"{exchange.http} {exchange.path}"
                for member, text in found.items():
                    row = row_of(rows, file.stem, request, member)
                    if row is None:
                        unlisted.append(f"{file.stem} #{exchange.number} {request} {member}: recorded {text}")
                    else:
                        used.add(row)
    share = counted["alike"] / counted["compared"]
    with capsys.disabled():
        print(
            f"\nrecordings: {counted['alike']} of {counted['compared']} exchanges alike ({share:.1%}); {dict(skipped)}"
        )
    assert unlisted == []
    assert [row for index, row in enumerate(rows) if index not in used] == []
    assert share >= 0.95
