"""YAML and JSON text becomes documents: plain values, the line of every field for who asks, or one-line errors.

Called by `manifests` for each file. Documents of a file are read apart from each other, so that one with a syntax error
does not hide its neighbours. Values mean what they mean to kubectl (`scalars`), and a key that appears twice is an
error. A document is read by `events`, and anew node by node where that gives up or somebody asks for a field's line:
few do. This module must never know Kubernetes kinds other than Lists, and no message of it holds a value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from cloudgw.sources import events, json_text, scalars

_LOADER = scalars.Loader
_MARKER = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_PREAMBLE = re.compile(r"(?:[^\S\n]*(?:[#%][^\n]*)?\n)*+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """line: 0 when unknown. pointer: the field, "" for the whole document."""

    line: int
    pointer: str
    message: str


def _nothing() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """data: None when the text cannot be read at all. problems: what is wrong with it; with data present, the first of
    two equal keys was kept. items: JSON pointer of every object of a List -> line."""

    line: int
    data: Any
    problems: tuple[Problem, ...] = ()
    items: Mapping[str, int] = field(default_factory=dict, repr=False)
    find: Callable[[], Mapping[str, int]] = field(default=_nothing, repr=False, compare=False)

    @property
    def lines(self) -> Mapping[str, int]:
        """JSON pointer of every mapping, list item and field -> line. Costs reading the document anew; empty for JSON,
        where only the lines of objects are known."""
        return self.find()

    def line_of(self, pointer: str) -> int:
        """The line of a field, or of what holds it."""
        while pointer and pointer not in self.items:
            if pointer in self.lines:
                return self.lines[pointer]
            pointer = pointer.rpartition("/")[0]
        return self.items.get(pointer, self.line)


def read(text: str) -> Iterator[Document]:
    """Every document of a file that is not empty. JSON is recognised by its first character."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "[") and (found := json_text.read(text)) is not None:
        problems = (Problem(line=0, pointer="", message=message) for message in found.problems)
        yield Document(line=found.line, data=found.data, problems=tuple(problems), items=found.items)
        return
    plain = scalars.Plain()
    for start, chunk in _chunks(text):
        quick = events.read(chunk, plain)
        if quick is None:
            yield from _yaml(chunk, start)
        elif quick.data is not None:
            items = {pointer: start + line + 1 for pointer, line in quick.items.items()}
            find = functools.cache(functools.partial(_lines, chunk, start))
            yield Document(line=start + quick.line + 1, data=quick.data, items=items, find=find)


def _lines(chunk: str, start: int) -> Mapping[str, int]:
    return next(_yaml(chunk, start)).lines


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """(lines before it, text) of each document. A line that begins with `---` always begins a document, even inside a
    block scalar (https://yaml.org/spec/1.1/#c-forbidden); comments and directives belong to what follows."""
    begin = start = 0
    for marker in _MARKER.finditer(text):
        end = marker.start()
        if not _PREAMBLE.fullmatch(text, begin, end):
            chunk = text[begin:end]
            yield start, chunk
            begin, start = end, start + len(chunk.splitlines())
    if begin < len(text):
        yield start, text[begin:]


def _yaml(chunk: str, start: int) -> Iterator[Document]:
    """Documents read node by node, with the line of every field."""
    loader = None
    try:
        loader = _LOADER(chunk)
        while loader.check_node():
            node = loader.get_node()
            reader = _Reader(start)
            data = reader.read(node, "")
            if data is not None:
                line = start + cast("int", node.start_mark.line) + 1
                yield Document(line=line, data=data, problems=tuple(reader.problems), find=reader.found)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = start + (mark.line if mark else 0) + 1
        yield _broken(line, _reason(chunk, line - start, error))
    except yaml.YAMLError as error:
        reason = "holds a character that YAML does not allow" if "character" in str(error) else "is no YAML"
        yield _broken(start + 1, f"{reason}; remove control characters, save the file as UTF-8")
    except RecursionError:
        yield _broken(start + 1, "is nested too deeply; flatten it")
    finally:
        if loader is not None:
            loader.dispose()


def _broken(line: int, message: str) -> Document:
    return Document(line=line, data=None, problems=(Problem(line=line, pointer="", message=message),))


def _reason(chunk: str, line: int, error: yaml.MarkedYAMLError) -> str:
    """One line, without the text of the file: it may hold secrets."""
    lines = chunk.splitlines()
    around = lines[max(0, line - 2) : line + 1]
    if any(re.match(r"^ *\t", text) for text in around):
        return "is no YAML: a tab is used for indentation; use spaces"
    if any("{{" in text for text in around):
        return "is no YAML: it is a template; render it first (for example with `helm template`)"
    what = re.sub(r"'[^']*'|\"[^\"]*\"|\d{3,}", "...", str(error.problem or "syntax error"))
    context = f" {error.context}" if error.context and "while" in str(error.context) else ""
    return f"is no YAML: {what}{context}; check indentation, colons and quotes near this line"


class _Reader:
    """Nodes become values. Aliases share one value; a key that appears twice keeps its first value."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._done: dict[int, Any] = {}
        self._open: set[int] = set()
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}

    def found(self) -> Mapping[str, int]:
        return self.lines

    def read(self, node: yaml.Node, pointer: str) -> Any:
        self.lines.setdefault(pointer, self._line(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, pointer)
        if id(node) in self._open:
            self._problem(node, pointer, "refers to itself; remove the alias")
            return None
        if id(node) in self._done:
            return self._done[id(node)]
        self._open.add(id(node))
        value: Any
        if isinstance(node, yaml.SequenceNode):
            value = [self.read(item, f"{pointer}/{number}") for number, item in enumerate(node.value)]
        else:
            value = self._mapping(cast("yaml.MappingNode", node), pointer)
        self._open.discard(id(node))
        self._done[id(node)] = value
        return value

    def _mapping(self, node: yaml.MappingNode, pointer: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == scalars.TAG + "merge":
                value = self.read(value_node, pointer)
                merged += value if isinstance(value, list) else [value]
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(
                    key_node, pointer, "has a key that is no string; use plain keys, and render a template first"
                )
                continue
            key = str(key_node.value)
            path = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in found:
                first = self.lines[path]
                self._problem(key_node, path, f"this key appears twice (first on line {first}); remove one of the two")
                self.read(value_node, path + "/-")
                continue
            self.lines[path] = self._line(key_node)
            found[key] = self.read(value_node, path)
        for other in merged:
            if isinstance(other, dict):
                found = {**other, **found}
        return found

    def _scalar(self, node: yaml.ScalarNode, pointer: str) -> Any:
        try:
            return scalars.value(str(node.tag), str(node.value))
        except scalars.UnknownTag:
            self._problem(node, pointer, "has a YAML tag (`!...`), which Kubernetes does not know; remove the tag")
            return None

    def _line(self, node: yaml.Node) -> int:
        return self._start + cast("int", node.start_mark.line) + 1

    def _problem(self, node: yaml.Node, pointer: str, message: str) -> None:
        self.problems.append(Problem(line=self._line(node), pointer=pointer, message=message))
