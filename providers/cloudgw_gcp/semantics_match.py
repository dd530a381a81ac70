"""Which host rule, path rule or route rule of a URL map takes a request; called by `semantics` alone.

Pure; it reads raw JSON of a GET. It never looks at what a rule then does.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from cloudgw_gcp import semantics_model as model

Json = model.Json
NotInterpreted = model.NotInterpreted

DEFAULT_PORTS = {"http": "80", "https": "443"}
INSERTED = ("via", "x-forwarded-for", "x-forwarded-proto", "x-cloud-trace-context")
PATH_KINDS = ("prefixMatch", "fullPathMatch", "regexMatch", "pathTemplateMatch")
HEADER_KINDS = ("exactMatch", "prefixMatch", "suffixMatch", "presentMatch", "rangeMatch", "regexMatch")
QUERY_KINDS = ("exactMatch", "presentMatch", "regexMatch")
MEANINGS = "documents do not say which of several readings holds, and they differ here"

_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")
_PATTERN = re.compile(r"(\*(?=$|[-.]))?([A-Za-z0-9.-]*)(?::(\d+))?")
_TEMPLATE = re.compile(r"\{(?P<name>[A-Za-z][A-Za-z0-9_]*)(?:=(?P<inner>[^{}]+))?\}|(?P<glob>\*\*?)|(?P<text>[^{}*]+)")
_FILL = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")
_NOT_RE2 = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=)|\\[1-9]|[*+?}]\+|\[\[:")
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """How a path was matched. portion: what a prefix rewrite or redirect replaces, None = documents do not say;
    `prepend`: nothing is replaced, a prefix comes before all of it. variables: of a path template, None = no
    template."""

    portion: str | None = None
    prepend: bool = False
    variables: tuple[tuple[str, str], ...] | None = None


def host_rule(url_map: Json, where: str, request: model.Request) -> Json | None:
    """The host rule with the most special pattern: a whole name before `*`, a longer tail before a shorter one."""
    best: tuple[tuple[int, int], Json] | None = None
    asked = split_host(request)
    for rule in url_map.get("hostRules") or ():
        for pattern in rule.get("hosts") or ():
            rank = _hears(str(pattern), f"{where}.hostRules[{pattern}]", asked)
            if rank is not None and best is not None and rank == best[0]:
                raise NotInterpreted(f"{where}.hostRules[{pattern}]", "two host rules cannot hold the same host")
            if rank is not None and (best is None or rank > best[0]):
                best = rank, rule
    return best[1] if best else None


def split_host(request: model.Request) -> tuple[str, str]:
    """Name in lower case, and the port of the Host header: "" when it is that of the scheme or none is shown."""
    found = _HOST.fullmatch(request.host)
    name, port = (found[1], found[2] or "") if found else (request.host, "")
    return name.lower(), "" if port == DEFAULT_PORTS[request.scheme] else port


def _hears(pattern: str, where: str, asked: tuple[str, str]) -> tuple[int, int] | None:
    """How special the pattern is, None when it does not hear this host. `*` alone hears every host and port; in other
    patterns it stands for `[a-z0-9-.]*`. A pattern without a port hears hosts without one."""
    found = _PATTERN.fullmatch(pattern)
    if not found or (found[1] and not found[2] and found[3]):
        raise NotInterpreted(where, "no host pattern: a name, or * followed by nothing, - or ., and a port")
    star, name, port = found[1], found[2].lower(), found[3] or ""
    if pattern == "*":
        return 0, 0
    if port != asked[1]:
        return None
    if not star:
        return (1, len(name)) if name == asked[0] else None
    head = asked[0].removesuffix(name)
    heard = asked[0].endswith(name) and re.fullmatch(r"[a-z0-9.-]*", head)
    return (0, len(name)) if heard else None


def path_rule(matcher: Json, where: str, path: str) -> tuple[str, Json, Matched] | None:
    """The same path before any `/*`, then the longest one (url-map-concepts, "Order of operations")."""
    best: tuple[tuple[int, int], str, Json, Matched] | None = None
    for rule in matcher.get("pathRules") or ():
        for pattern in rule.get("paths") or ():
            if not re.fullmatch(r"/(?:[^*?#]*/)?\*|/[^*?#]*", pattern):
                raise NotInterpreted(f"{where}.pathRules[{pattern}]", "* stands only at the end, after /")
            bare = pattern.removesuffix("*")
            if not (path == pattern if bare == pattern else path.startswith(bare)):
                continue
            rank = (int(bare == pattern), len(bare))
            if best is not None and rank == best[0]:
                raise NotInterpreted(f"{where}.pathRules[{pattern}]", "there cannot be two rules for the same path")
            if best is None or rank > best[0]:
                best = rank, pattern, rule, Matched(portion=bare)
    return best[1:] if best else None


def route_rule(
    matcher: Json, where: str, path: str, request: model.Request, regexes: bool
) -> tuple[Json, Matched] | None:
    """The first one by priority, from the lowest number. regexes: whether this load balancer knows them."""
    rules: Sequence[Json] = matcher.get("routeRules") or ()
    priorities = [rule.get("priority") for rule in rules]
    if None in priorities or len(set(priorities)) < len(priorities):
        raise NotInterpreted(
            f"{where}.routeRules.priority", "each rule has one of its own, else their order is unknown"
        )
    for rule in sorted(rules, key=lambda item: int(item["priority"])):
        found = _meets(rule, f"{where}.routeRules[{rule['priority']}].matchRules", path, request, regexes)
        if found is not None:
            return rule, found
    return None


def _meets(rule: Json, where: str, path: str, request: model.Request, regexes: bool) -> Matched | None:
    """Any match rule; all conditions of one (HttpRouteRule.matchRules). The first one that matches ends the search
    (https/traffic-management), so it says which portion of the path a rewrite replaces."""
    if not rule.get("matchRules"):
        raise NotInterpreted(where, "a rule without one is not documented")
    asking = _Asking(where=where, path=path, request=request, regexes=regexes)
    return next((found for item in rule["matchRules"] if (found := asking.meets(item)) is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    where: str
    path: str
    request: model.Request
    regexes: bool

    def meets(self, item: Json) -> Matched | None:
        if item.get("metadataFilters"):
            raise NotInterpreted(f"{self.where}.metadataFilters", "only service meshes have them")
        found = self._path(item)
        if found is None or not all(self._header(one) for one in item.get("headerMatches") or ()):
            return None
        return found if all(self._query(one) for one in item.get("queryParameterMatches") or ()) else None

    def _path(self, item: Json) -> Matched | None:
        """Without a path condition every path matches (url-map-concepts, "Example #2")."""
        kind = _one(item, PATH_KINDS, self.where, none=True)
        if not kind:
            return Matched()
        value, path = str(item[kind]), self.path
        if kind == "regexMatch":
            return Matched() if self._regex(value, path) else None
        if kind == "pathTemplateMatch":
            found = template(value, f"{self.where}.pathTemplateMatch").fullmatch(path)
            return Matched(variables=tuple(found.groupdict().items())) if found else None
        asked, wanted = (path.lower(), value.lower()) if item.get("ignoreCase") else (path, value)
        met = asked == wanted if kind == "fullPathMatch" else asked.startswith(wanted)
        return Matched(portion=path[: len(value)]) if met else None

    def _header(self, item: Json) -> bool:
        name = str(item["headerName"])
        kind = _one(item, HEADER_KINDS, f"{self.where}.headerMatches[{name}]")
        values = self._values(name)
        if kind == "presentMatch":
            met = self._present(item, name, values)
        else:
            texts = [*values, ",".join(values), ", ".join(values)] if len(values) > 1 else values
            met = self._agreed(texts, name, lambda text: self._text(kind, item, text))
        return met is not bool(item.get("invertMatch"))

    def _text(self, kind: str, item: Json, text: str) -> bool:
        """A range has its start and not its end; whatever is no integer is outside (HttpHeaderMatch)."""
        if kind == "rangeMatch":
            ends: Json = item[kind]
            return bool(_INTEGER.fullmatch(text)) and int(ends["rangeStart"]) <= int(text) < int(ends["rangeEnd"])
        wanted = str(item[kind])
        if kind == "regexMatch":
            return self._regex(wanted, text)
        if kind == "exactMatch":
            return text == wanted
        return text.startswith(wanted) if kind == "prefixMatch" else text.endswith(wanted)

    def _values(self, name: str) -> list[str]:
        """`:method` and `:authority` are the request's own; header names heed no case."""
        lower = name.lower()
        if lower in (":method", ":authority"):
            return [self.request.method if lower == ":method" else self.request.host]
        if lower.startswith(":") or lower in ("host", "port", *INSERTED):
            raise NotInterpreted(
                f"{self.where}.headerMatches[{name}]", "what this name is compared with is not read here"
            )
        return [value for key, value in self.request.headers if key.lower() == lower]

    def _query(self, item: Json) -> bool:
        """The parameter must be there. Read as sent and decoded; where that differs it is refused."""
        name = str(item["name"])
        kind = _one(item, QUERY_KINDS, f"{self.where}.queryParameterMatches[{name}]")

        def met(decode: Callable[[str], str]) -> bool:
            pairs = [part.partition("=")[::2] for part in self.request.query.split("&") if part]
            values = [decode(value) for key, value in pairs if decode(key) == name]
            if kind == "presentMatch":
                return self._present(item, name, values)
            return self._agreed(values, name, lambda text: self._text(kind, item, text))

        return self._same([met(str), met(unquote), met(unquote_plus)], name)

    def _present(self, item: Json, name: str, values: Sequence[str]) -> bool:
        if item["presentMatch"] is not True:
            raise NotInterpreted(f"{self.where}[{name}].presentMatch", "what false asks for is not documented")
        return bool(values)

    def _agreed(self, texts: Sequence[str], name: str, met: Callable[[str], bool]) -> bool:
        """Of several values under one name no document says which counts."""
        return bool(texts) and self._same([met(text) for text in texts], name)

    def _same(self, found: Iterable[bool], name: str) -> bool:
        answers = set(found)
        if len(answers) > 1:
            raise NotInterpreted(f"{self.where}[{name}]", MEANINGS)
        return answers.pop()

    def _regex(self, text: str, value: str) -> bool:
        """Whether an expression has to cover the whole value is not documented: where that counts it is refused."""
        where = f"{self.where}.regexMatch"
        if not self.regexes:
            raise NotInterpreted(where, "global external load balancers have no regular expressions")
        try:
            pattern = _compiled(text)
        except re.error as error:
            raise NotInterpreted(where, f"{text!r} is not read: {error}") from error
        return self._same([bool(pattern.fullmatch(value)), bool(pattern.search(value))], "regexMatch")


def _one(item: Json, kinds: Sequence[str], where: str, none: bool = False) -> str:
    found = [kind for kind in kinds if item.get(kind) is not None]
    if len(found) != 1 and not (none and not found):
        raise NotInterpreted(where, f"exactly one of {', '.join(kinds)} is wanted, found {found}")
    return found[0] if found else ""


@functools.lru_cache(maxsize=4096)
def _compiled(text: str) -> re.Pattern[str]:
    if _NOT_RE2.search(text.replace("\\\\", "")):
        raise re.error("it uses what RE2 does not have")
    return re.compile(text, re.ASCII)


@functools.lru_cache(maxsize=4096)
def template(text: str, where: str) -> re.Pattern[str]:
    """url-map-concepts, "path template patterns": `*` is one segment, `**` zero or more characters, as the last
    operator; `{name}` is `{name=*}`; the rest is compared as it is, with case, nothing decoded."""
    out, at, last = "", 0, False
    while at < len(text):
        found = _TEMPLATE.match(text, at)
        if not found or (last and not found["text"]):
            raise NotInterpreted(where, f"{text!r} is no path template: at {text[at:]!r}")
        at = found.end()
        inner = found["glob"] or (found["inner"] or "*" if found["name"] else "")
        last = last or "**" in inner
        globbed = "".join({"*": "[^/]+", "**": ".*"}.get(part) or re.escape(part) for part in _globs(inner))
        out += re.escape(found["text"] or "") + (f"(?P<{found['name']}>{globbed})" if found["name"] else globbed)
    try:
        return re.compile(out, re.DOTALL)
    except re.error as error:
        raise NotInterpreted(where, f"{text!r} is no path template: {error}") from error


def _globs(text: str) -> list[str]:
    return [part for part in re.split(r"(\*\*?)", text) if part]


def fill(text: str, variables: tuple[tuple[str, str], ...], where: str) -> str:
    """A pathTemplateRewrite. Variables may be left out, none may be new."""
    known = dict(variables)
    unknown = [name for name in _FILL.findall(text) if name not in known]
    if unknown or re.search(r"[{}*?#]", _FILL.sub("", text)):
        raise NotInterpreted(where, f"{text!r} may only use the variables {', '.join(known)}")
    return _FILL.sub(lambda found: known[found[1]], text)
