"""The rules of this house that no linter knows: file sizes, whose words stand where, who may import an SDK.

Layers are import-linter's (pyproject.toml). Everything here reads files; nothing is imported.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("cloudgw", "providers", "localstack", "tests", "scripts")
LINES = 500
CORE_WISHED, CORE_LIMIT = 1200, 2000  # engine + graph: what was meant, and where it is a smell
CLOUDS = (
    "aws|amazon|ec2|elbv2|alb|nlb|acm|arn|arns|boto3|botocore|eks|vpc|route53|moto"
    "|gcp|google|gke|gce|azure|aks|entra|appgw"
)
NOUN = re.compile(rf"(?<![A-Za-z])(?:(?i:{CLOUDS})|ARM)(?![A-Za-z])")
SDK = ("boto3", "botocore", "azure", "google")
SDK_MODULES = ("calls", "inventory", "failures")


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at whatever depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(*SOURCES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_why_it_exists(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= LINES, f"{lines} lines: split it"
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module opens with a docstring"


@pytest.mark.parametrize("path", modules("cloudgw"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_holds_no_noun_of_a_cloud(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = NOUN.search(line)
        assert found is None, f"line {number}: {found.group()}" if found else ""


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, comments or docstrings."""
    text = path.read_text()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            found -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(found)


def test_the_core_stays_small(capsys: pytest.CaptureFixture[str]) -> None:
    lines = sum(code_lines(path) for path in modules("cloudgw/engine", "cloudgw/graph"))
    with capsys.disabled():
        print(f"\nengine + graph: {lines} lines of code ({CORE_WISHED} were meant, {CORE_LIMIT} are the limit)")
    assert lines <= CORE_LIMIT


@pytest.mark.parametrize("path", modules("providers"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_three_modules_of_a_provider_import_its_sdk(path: Path) -> None:
    if path.stem not in SDK_MODULES:
        assert not [name for name in imported(path) if name.split(".")[0] in SDK]


@pytest.mark.parametrize("provider", sorted((ROOT / "providers").iterdir()), ids=lambda path: path.name)
def test_build_and_semantics_are_two_opinions(provider: Path) -> None:
    package = provider.name
    for path in provider.glob("*.py"):
        reached = {name for name in imported(path) if name.startswith(f"{package}.")}
        if path.stem.startswith("build"):
            assert f"{package}.semantics" not in reached
        if path.stem == "semantics":
            assert not [name for name in reached if name.split(".")[1].startswith("build")]


def test_no_text_knows_this_machine() -> None:
    """Absolute paths of somebody's machine have no place in the repository."""
    places = re.compile(r"/home/(?!secondhome)\w|/Users/\w|/work/\w|\.\./shared|/tmp/\w")
    bad = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for folder in (*SOURCES, "docs", "examples")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".md", ".yaml", ".txt", ".json") and path != Path(__file__)
        if (found := places.search(path.read_text()))
    ]
    assert not bad
