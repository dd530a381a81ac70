"""Every refusal has a row, every row a document and a test that exists."""

from __future__ import annotations

import pathlib
import re

import cloudgw_aws
from cloudgw_aws import capabilities

PACKAGE = pathlib.Path(cloudgw_aws.__file__).parent
ROOT = pathlib.Path(__file__).parents[3]
LITERAL = re.compile(r'"([A-Z][a-z]+(?:[A-Z][A-Za-z]*)+)"')


def raised() -> set[str]:
    """Codes of notes in what builds: the second argument of `note`, `say` and `_refused`, and `code=`."""
    found: set[str] = set()
    for path in [*PACKAGE.glob("build*.py"), PACKAGE / "facts.py"]:
        for line in path.read_text().splitlines():
            if re.search(r'note\(|self\.say\(|_refused\("|code=', line):
                found |= set(LITERAL.findall(line))
    return found


def test_every_code_has_a_row() -> None:
    codes = {row.code for row in capabilities.CAPABILITIES} - {""}
    assert raised() == codes
    assert len(codes) > 15


def test_every_row_has_a_document_and_a_reason() -> None:
    for row in capabilities.CAPABILITIES:
        assert row.source.startswith("https://docs.aws.amazon.com/"), row
        assert row.reason or row.support == "yes", row


def test_every_row_has_a_test_that_exists() -> None:
    for row in capabilities.CAPABILITIES:
        path, _, name = row.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), row.test
