"""Path templates and regular expressions of a URL map: what is legal, what they match, what they rewrite to.

Called by the checks and by the evaluator. It must never know where in a map a pattern stands.

Source: HttpRouteRuleMatch.pathTemplateMatch, UrlRewrite.pathTemplateRewrite and RegexRewrite of
cloud.google.com/compute/docs/reference/rest/v1/urlMaps; cloud.google.com/load-balancing/docs/re2-support; literals and
the place of "**" as in envoyproxy.io extensions.path.match.uri_template.v3, of which the balancers are made
("/**.mpd" and "/{file}.js" are in use).
"""

from __future__ import annotations

import dataclasses
import re

OPERATORS = 5
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LITERAL = re.compile(r"[A-Za-z0-9\-._~%!$&'()+,;:@=/]+")
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|\()|\\[1-9]|\(\?P=|(?<!\\)[*+?}]\+")
_REPEATED_GROUP = re.compile(r"(?<!\\)\)[*+?{]")
_ESCAPE = re.compile(r"\\(?:g<(\d+)>|(\d)|\\)")  # \g<1>, \1 or a backslash itself
_ONE, _MANY = r"[^/]+", r".*"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    expression: re.Pattern[str]
    variables: tuple[str, ...]
    operators: int

    def match(self, path: str) -> dict[str, str] | None:
        """The variables of a path that the template matches whole, or None."""
        found = self.expression.fullmatch(path)
        return None if found is None else found.groupdict()


def template(text: str) -> Template:
    """Raises ValueError with the reason, a sentence."""
    if not text.startswith("/"):
        raise ValueError("The path template must start with '/'.")
    parser = _Parser(text)
    parser.read(text, 0)
    if parser.operators > OPERATORS:
        raise ValueError(f"The path template has {parser.operators} operators, which exceeds the limit {OPERATORS}.")
    return Template(
        expression=re.compile("".join(parser.parts)),
        variables=tuple(parser.variables),
        operators=parser.operators,
    )


class _Parser:
    """Reads a template once, left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[str] = []
        self.variables: list[str] = []
        self.operators = 0
        self._ended = False  # "**" was read: no operator may follow

    def read(self, text: str, depth: int) -> None:
        place = 0
        while place < len(text):
            if text[place] == "*":
                stars = len(text[place:]) - len(text[place:].lstrip("*"))
                self._operator(stars, counts=depth == 0)
                place += stars
            elif text[place] == "{" and depth == 0:
                end = text.find("}", place)
                if end < 0:
                    raise ValueError("The path template has an unclosed '{'.")
                self._variable(text[place + 1 : end])
                place = end + 1
            else:
                literal = _LITERAL.match(text, place)
                if literal is None:
                    raise ValueError(f"The path template has the illegal character '{text[place]}'.")
                self.parts.append(re.escape(literal[0]))
                place = literal.end()

    def _operator(self, stars: int, *, counts: bool) -> None:
        if stars > 2:
            raise ValueError("The path template has more than two '*' in a row.")
        if self._ended:
            raise ValueError("The operator '**' must be the last operator of the path template.")
        self._ended = stars == 2
        self.operators += counts
        self.parts.append(_MANY if stars == 2 else _ONE)

    def _variable(self, inner: str) -> None:
        name, equals, pattern = inner.partition("=")
        if not _NAME.fullmatch(name):
            raise ValueError(f"The path template has the illegal variable name '{name}'.")
        if name in self.variables:
            raise ValueError(f"The path template has the variable '{name}' twice.")
        if equals and not pattern:
            raise ValueError(f"The variable '{name}' of the path template has an empty pattern.")
        if self._ended:
            raise ValueError("The operator '**' must be the last operator of the path template.")
        self.variables.append(name)
        self.operators += 1
        self.parts.append(f"(?P<{name}>")
        self.read(pattern or "*", 1)
        self.parts.append(")")


def rewrite_variables(text: str) -> list[str]:
    """The variables that a rewrite names. Raises ValueError with the reason, a sentence."""
    if not text.startswith("/"):
        raise ValueError("The path template rewrite must start with '/'.")
    names = re.findall(r"\{([^{}]*)\}", text)
    rest = re.sub(r"\{[^{}]*\}", "", text)
    if set("{}*") & set(rest) or any(not _NAME.fullmatch(name) for name in names):
        raise ValueError("The path template rewrite may hold literals and variables such as {name} only.")
    return names


def rewrite(text: str, variables: dict[str, str]) -> str:
    return re.sub(r"\{([^{}]*)\}", lambda found: variables[found[1]], text)


def expression_fault(text: str) -> str:
    """Why a regular expression is not taken; "" when it is. RE2 without repeated groups."""
    if _NOT_RE2.search(text):
        return "The regular expression is not supported: it is not RE2."
    if _REPEATED_GROUP.search(text):
        return "The regular expression is not supported: a group must not be repeated."
    try:
        re.compile(text)
    except re.error as fault:
        return f"The regular expression is malformed: {fault.msg}."
    return ""


def groups(text: str) -> int:
    return re.compile(text).groups


def references(substitution: str) -> list[int]:
    r"""The groups that a substitution names, as \1 or \g<1>. Raises ValueError with the reason, a sentence."""
    if "\\" in _ESCAPE.sub("", substitution):
        raise ValueError(r"A backslash must be followed by a group's number, as in \1 or \g<1>.")
    return [int(long or short) for long, short in _ESCAPE.findall(substitution) if long or short]


def substitute(pattern: str, substitution: str, path: str) -> str:
    """The path with every match of the pattern replaced."""

    def replaced(match: re.Match[str]) -> str:
        return _ESCAPE.sub(lambda one: match[int(one[1] or one[2])] or "" if one[1] or one[2] else "\\", substitution)

    return re.sub(pattern, replaced, path)
