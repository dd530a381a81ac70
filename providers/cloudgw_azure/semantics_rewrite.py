"""What a rewrite rule set makes of a request, and of the response to it. Only `semantics` calls it. Pure.

Documents: learn.microsoft.com/azure/application-gateway/ rewrite-http-headers-url, rewrite-url-portal,
rewrite-http-headers-portal (order of rules). Silent, and taken as the plain reading: a pattern matches anywhere in its
value; a header or cookie that is absent is an empty value; a header whose new value comes out empty goes. Silent too
is whether a later rule sees what an earlier one wrote: rules are read both ways, and where that makes a difference
the interpreter refuses. It must never guess.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cloudgw_azure import semantics_model as model

# how-application-gateway-works, "Modifications to the request": what a target sees in them is not the client's
INSERTED = frozenset(
    {
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-original-host",
        "x-original-url",
        "x-appgw-trace-id",
        "x-azure-ja4-fingerprint",
    }
)
UNTOUCHED = frozenset({"connection", "upgrade"})  # rewrite-http-headers-url, "Supported headers"
DEFAULT_SEQUENCE = 100  # add-http-header-rewrite-rule-powershell, "RuleSequence"

_NAME = re.compile(r"\{((?:http_req_|http_resp_|var_)[^{}]+)\}")
_RESPONSE = ("http_resp_", "var_http_status", "var_sent_bytes")
# look-around, conditional and atomic groups, back-references, possessive repetition: not in RE2
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|\\[1-9]|[*+?}]\+")

Groups = Mapping[str, tuple[str, ...]]  # what conditions captured, by variable
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request between two rules; host: the Host header. Of a response: its status and headers alone."""

    path: str = ""
    query: str = ""
    host: str = ""
    headers: model.Pairs = ()
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """seen: the request after all rules. path, host: whether a rule wrote them. response: what is left to do."""

    seen: Seen
    path: bool = False
    host: bool = False
    response: tuple[model.Edit, ...] = ()


def rewrite(rule_set: Mapping[str, Any], request: model.Request, headers: model.Pairs) -> Rewritten:
    """headers: of the request, as they are passed on. Rules run by `ruleSequence`, lowest first, each when all its
    conditions are met; nothing stops at the first. Raises NotInterpreted."""
    start = Seen(path=request.path, query=request.query, host=request.host, headers=headers)
    done = Rewritten(seen=start)
    rules: Sequence[Mapping[str, Any]] = rule_set["properties"].get("rewriteRules") or ()
    numbers: set[int] = set()
    for rule in sorted(rules, key=_sequence):
        where = f"rewriteRuleSets/{rule_set['name']}.rewriteRules/{rule.get('name', '')}"
        applied = _apply(rule, _Reading(where=where, request=request, start=start, now=done.seen), done)
        if applied is None:
            continue
        if _sequence(rule) in numbers:
            raise model.NotInterpreted(f"{where}.ruleSequence", "several rules with one number run in any order")
        numbers.add(_sequence(rule))
        done = applied
    return done


def respond(edits: Iterable[model.Edit], status: int, headers: model.Pairs) -> model.Pairs:
    """The response headers as the client sees them. A header that is set loses its other values (rewrite-http-headers-
    url, "Limitations"). Raises NotInterpreted."""
    start = now = Seen(headers=headers, status=status)
    for edit in edits:
        reading = _Reading(where=f"response header {edit.header}", request=None, start=start, now=now)
        groups = reading.met(edit.when)
        if groups is not None:
            value = reading.fill(edit.value, groups) if edit.waits else edit.value
            now = replace(now, headers=_set(now.headers, edit.header, value))
    return now.headers


def host_name(host: str) -> str:
    """The Host header without its port, in lower case."""
    return re.sub(r":\d*$", "", host).lower()


def _sequence(rule: Mapping[str, Any]) -> int:
    found = rule.get("ruleSequence")
    return DEFAULT_SEQUENCE if found is None else int(found)


def _apply(rule: Mapping[str, Any], reading: _Reading, done: Rewritten) -> Rewritten | None:
    """None: its conditions are not met. All of a rule is read before any of it is written."""
    where, after, host = reading.where, done.seen, done.host
    conditions = tuple(_condition(item) for item in rule.get("conditions") or ())
    later = tuple(item for item in conditions if item.variable.startswith(_RESPONSE))
    groups = reading.met(item for item in conditions if item not in later)
    if groups is None:
        return None
    actions: Mapping[str, Any] = rule.get("actionSet") or {}
    wanted: Sequence[Mapping[str, Any]] = actions.get("requestHeaderConfigurations") or ()
    url: Mapping[str, Any] = actions.get("urlConfiguration") or {}
    if later and (wanted or url):
        raise model.NotInterpreted(f"{where}.conditions", "the request is gone before the response can be looked at")
    for item in wanted:
        name, value = _header(where, item), reading.fill(item.get("headerValue") or "", groups)
        if name.lower() != "host":
            after = replace(after, headers=_set(after.headers, name, value))
        elif value:
            after, host = replace(after, host=value), True
        else:
            raise model.NotInterpreted(f"{where}.actionSet", "the Host header cannot be deleted")
    edits = tuple(_edit(item, reading, groups, later) for item in actions.get("responseHeaderConfigurations") or ())
    return Rewritten(
        seen=_url(url, reading, groups, after),
        path=done.path or url.get("modifiedPath") is not None,
        host=host,
        response=done.response + edits,
    )


def _url(url: Mapping[str, Any], reading: _Reading, groups: Groups, after: Seen) -> Seen:
    """A part that is not given stays; an empty query is written (Azure/application-gateway-kubernetes-ingress#1648).
    A path is given with or without its first slash (rewrite-http-headers-url: `buy.aspx`)."""
    where = f"{reading.where}.urlConfiguration"
    if url.get("reroute"):
        raise model.NotInterpreted(f"{where}.reroute", "which rules run after the second choice is not documented")
    path, query = url.get("modifiedPath"), url.get("modifiedQueryString")
    if path is not None:
        if not path or "?" in path or "#" in path:
            raise model.NotInterpreted(f"{where}.modifiedPath", f"what {path!r} writes is not documented")
        filled = reading.fill(path, groups)
        after = replace(after, path=filled if filled.startswith("/") else f"/{filled}")
    if query is not None:
        after = replace(after, query=reading.fill(query, groups))
    return after


def _edit(item: Mapping[str, Any], reading: _Reading, groups: Groups, later: tuple[model.Condition, ...]) -> model.Edit:
    """What the request decides is filled in now, names from the response stay."""
    name, template = _header(reading.where, item), item.get("headerValue") or ""
    waiting = [found for found in _NAME.findall(template) if found.startswith(_RESPONSE)]
    value = reading.fill(template, groups, keep=_RESPONSE)
    if waiting and _NAME.findall(value) != waiting:
        raise model.NotInterpreted(reading.where, "a value of the request looks like a name in braces")
    return model.Edit(header=name, value=value, waits=bool(waiting), when=later)


def _header(where: str, item: Mapping[str, Any]) -> str:
    name = str(item["headerName"])
    if item.get("headerValueMatcher"):
        raise model.NotInterpreted(f"{where}.headerValueMatcher", "which of several values change is not read here")
    if name.lower() in UNTOUCHED:
        raise model.NotInterpreted(f"{where}.actionSet", f"the header {name} cannot be rewritten")
    return name


def _set(headers: model.Pairs, name: str, value: str) -> model.Pairs:
    kept = tuple(pair for pair in headers if pair[0].lower() != name.lower())
    return (*kept, (name, value)) if value else kept


def _condition(item: Mapping[str, Any]) -> model.Condition:
    return model.Condition(
        variable=str(item["variable"]),
        pattern=str(item["pattern"]),
        ignore_case=bool(item.get("ignoreCase")),
        negate=bool(item.get("negate")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What one rule reads: as the client sent it (start), and as earlier rules left it (now). request None: of a
    response."""

    where: str
    request: model.Request | None
    start: Seen
    now: Seen

    def met(self, conditions: Iterable[model.Condition]) -> dict[str, tuple[str, ...]] | None:
        """The captured groups, or None when a condition is not met."""
        found: dict[str, tuple[str, ...]] = {}
        for condition in conditions:
            groups = self._groups(condition)
            if (groups is None) is not condition.negate:
                return None
            if groups:  # of two conditions on one variable none is meant: asking for a group refuses
                found[condition.variable] = () if condition.variable in found else groups
        return found

    def fill(self, template: str, groups: Groups, keep: tuple[str, ...] = ()) -> str:
        """Headers, server variables and captures in braces; those whose name begins with one of `keep` stay."""

        def one(name: str, seen: Seen) -> str:
            return f"{{{name}}}" if keep and name.startswith(keep) else self._named(name, groups, seen)

        return self._both(lambda seen: _NAME.sub(lambda match: one(match[1], seen), template))

    def _groups(self, condition: model.Condition) -> tuple[str, ...] | None:
        try:
            pattern = _regex(condition.pattern, condition.ignore_case)
        except re.error as error:
            reason = f"the pattern {condition.pattern!r} is not read: {error}"
            raise model.NotInterpreted(f"{self.where}.conditions", reason) from error

        def read(seen: Seen) -> tuple[str, ...] | None:
            match = pattern.search(self._value(condition.variable, seen))
            return None if match is None else tuple(group or "" for group in match.groups())

        return self._both(read)

    def _both(self, read: Callable[[Seen], T]) -> T:
        found = read(self.start)
        if found != read(self.now):
            raise model.NotInterpreted(self.where, "it reads what an earlier rule wrote: which value is not documented")
        return found

    def _named(self, name: str, groups: Groups, seen: Seen) -> str:
        """`{var_uri_path_1}` is the first group of this rule's condition on var_uri_path, written in the same case
        (rewrite-http-headers-url, "Capturing")."""
        variable, _, number = name.rpartition("_")
        if not number.isdigit() or (variable not in groups and not variable.startswith("http_")):
            return self._value(name, seen)
        held = groups.get(variable, ())
        if not 1 <= int(number) <= len(held):
            raise model.NotInterpreted(self.where, f"{{{name}}} is no group of exactly one condition of this rule")
        return held[int(number) - 1]

    def _value(self, name: str, seen: Seen) -> str:
        """rewrite-http-headers-url, "Server variables"; those that no request of ours knows are refused."""
        response = name.startswith(_RESPONSE)
        if response is not (self.request is None) or name == "var_sent_bytes":
            raise model.NotInterpreted(self.where, f"{name} is not known at this point")
        if name.startswith(("http_req_", "http_resp_")):
            return self._header(name, name.split("_", 2)[2].lower(), seen)
        if self.request is None:
            return str(seen.status)
        variable = name.removeprefix("var_")
        if variable.startswith("cookie_"):
            return _cookie(variable.removeprefix("cookie_"), seen.headers)
        read = _VARIABLES.get(variable)
        if read is None:
            raise model.NotInterpreted(self.where, f"the server variable {name} is not read here")
        return read(self.request, seen)

    def _header(self, name: str, header: str, seen: Seen) -> str:
        if self.request is not None and header == "host":
            return seen.host
        if self.request is not None and header in INSERTED:
            raise model.NotInterpreted(self.where, f"{name}: the gateway writes this header itself")
        values = [value for key, value in seen.headers if key.lower() == header]
        if len(values) > 1:
            raise model.NotInterpreted(self.where, f"{name} comes {len(values)} times: which is read is not documented")
        return values[0] if values else ""


def _forwarded(request: model.Request) -> str:
    held = [value for key, value in request.headers if key.lower() == "x-forwarded-for"]
    return ", ".join([*held, request.source])


_VARIABLES: dict[str, Callable[[model.Request, Seen], str]] = {
    "host": lambda _, seen: host_name(seen.host),
    "uri_path": lambda _, seen: seen.path,
    "query_string": lambda _, seen: seen.query,
    "request_query": lambda _, seen: seen.query,
    "request_uri": lambda request, _: f"{request.path}?{request.query}" if request.query else request.path,  # original
    "http_method": lambda request, _: request.method,
    "request_scheme": lambda request, _: request.scheme,
    "server_port": lambda request, _: str(request.port),
    "client_ip": lambda request, _: request.source,
    "ssl_enabled": lambda request, _: "On" if request.scheme == "https" else "",
    "add_x_forwarded_for_proxy": lambda request, _: _forwarded(request),
}


def _cookie(name: str, headers: model.Pairs) -> str:
    for part in (part for key, value in headers if key.lower() == "cookie" for part in value.split(";")):
        found, _, content = part.strip().partition("=")
        if found == name:
            return content
    return ""


@functools.lru_cache(maxsize=4096)
def _regex(text: str, ignore_case: bool) -> re.Pattern[str]:
    if _NOT_RE2.search(text.replace("\\\\", "")):
        raise re.error("it uses what RE2 does not have")
    return re.compile(text, re.IGNORECASE if ignore_case else 0)
