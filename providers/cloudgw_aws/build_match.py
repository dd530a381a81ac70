"""A match as conditions of a listener rule, or the reason why an Application Load Balancer cannot express it.

`build_rules` asks for each entry. Pure. A condition must never match more than the match it stands for: what cannot
be said exactly is refused by field, and the caller decides who would inherit its requests. Grammar and limits:
docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html,
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html.
"""

from __future__ import annotations

import re

from cloudgw.objects import PathMatch, ValueMatch
from cloudgw.routing import heirs, ir, matches
from cloudgw_aws import shapes

LENGTH = 128  # of a value or regular expression
HEADER_NAME = 40
VALUES_PER_RULE = 5  # match evaluations of a rule
WILDCARDS_PER_RULE = 5
WELL_KNOWN = {("HTTP", 80), ("HTTPS", 443)}

GRPC_ONLY: shapes.Condition = ("http-header", "content-type", "values", ("application/grpc*",))

_CROSSES = re.compile(r"/|\[\^|\\[DSWx]")  # in an expression for a segment of a path
_HOST = re.compile(r"(\*\.)?([a-z0-9-]+\.)+[a-z]+")
_PATH = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&]+")
_VISIBLE = re.compile(r"[\x21-\x7e]*")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


class _Refuse(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.refusal = heirs.Inexpressible(field=field, reason=reason)


def conditions(entry: ir.Entry, table: ir.Table) -> tuple[shapes.Condition, ...] | heirs.Inexpressible:
    """The conditions of an entry, in canonical order; at least one."""
    well_known = (table.protocol, table.port) in WELL_KNOWN
    try:
        found = _conditions(entry, _host(entry.hostname, well_known), short=False)
        if _values(found) > VALUES_PER_RULE:
            found = _conditions(entry, _host(entry.hostname, well_known), short=True)
    except _Refuse as refuse:
        return refuse.refusal
    if _values(found) > VALUES_PER_RULE:
        reason = f"it takes {_values(found)} values, an ALB rule has {VALUES_PER_RULE}; use fewer headers"
        return heirs.Inexpressible(field="matches", reason=reason)
    return tuple(sorted(found or [("path-pattern", "", "values", ("/*",))], key=shapes.rank))


def barrier(entry: ir.Entry, table: ir.Table) -> tuple[tuple[shapes.Condition, ...], str]:
    """Conditions of an entry that keeps others from answering: where its host is too long, those of every host that
    ends alike. Answers also that end, "" where the conditions are exact."""
    found = conditions(entry, table)
    if not isinstance(found, heirs.Inexpressible):
        return found, ""
    end = entry.hostname[-(LENGTH - 1) :]
    while len(end) + end.count(".") + len(f"^.*{shapes.HOST_WITH_PORT}") > LENGTH:
        end = end[1:]
    expression = f"^.*{shapes.escape(end)}{shapes.HOST_WITH_PORT}"
    return tuple(
        sorted(_conditions(entry, [("host-header", "", "regex", (expression,))], short=True), key=shapes.rank)
    ), end


def _values(found: list[shapes.Condition]) -> int:
    return sum(len(values) for *_, values in found)


def _conditions(entry: ir.Entry, host: list[shapes.Condition], *, short: bool) -> list[shapes.Condition]:
    if (grpc := entry.match.grpc) is not None and _CROSSES.search(grpc.service + grpc.method):
        raise _Refuse("method", "an expression that may match a slash; an ALB matches service and method as one path")
    match = heirs.plain(entry.match)
    found = [*host, *_path(match.path, short=short)]
    if entry.match.grpc is not None:
        found.append(GRPC_ONLY)
    if match.method:
        found.append(("http-request-method", "", "values", (match.method,)))
    found += [_header(header) for header in match.headers]
    if match.query:
        name = match.query[0].name
        raise _Refuse(
            f"queryParams {name}", "an ALB compares names and values of query parameters without regard to case"
        )
    return found


def _host(host: str, well_known: bool) -> list[shapes.Condition]:
    """The port in a Host header is not stripped by the load balancer. On the well-known port of its protocol no
    client sends one; elsewhere all do, and the condition is an expression that allows for it."""
    if not host:
        return []
    if well_known and _HOST.fullmatch(host) and len(host) <= LENGTH:
        return [("host-header", "", "values", (host,))]
    if not _VISIBLE.fullmatch(host):
        raise _Refuse("hostnames", f"{host} has other than visible ASCII characters")
    if host.startswith("*."):
        expression = f"^[^:]+{shapes.escape(host[1:])}{shapes.HOST_WITH_PORT}"
    else:
        expression = shapes.host_regex(host)
    return [("host-header", "", "regex", (_limited("hostnames", expression),))]


def _path(path: PathMatch, *, short: bool) -> list[shapes.Condition]:
    value = path.value
    if path.type != "RegularExpression" and not _VISIBLE.fullmatch(value):
        raise _Refuse("path", f"{value!r} has other than visible ASCII characters")
    if path.type == "RegularExpression":
        if not _PRINTABLE.fullmatch(value):
            raise _Refuse("path", f"{value!r} has other than printable ASCII characters")
        return [("path-pattern", "", "regex", (_ours("path", value),))]
    if path.type == "Exact":
        if _PATH.fullmatch(value) and len(value) <= LENGTH:
            return [("path-pattern", "", "values", (value,))]
        return [("path-pattern", "", "regex", (_limited("path", f"^{shapes.escape(value)}$"),))]
    prefix = value.rstrip("/")
    if not prefix:
        return []
    if not short and _PATH.fullmatch(prefix) and len(prefix) + 2 <= LENGTH:
        return [("path-pattern", "", "values", (prefix, f"{prefix}/*"))]
    return [("path-pattern", "", "regex", (_limited("path", f"^{shapes.escape(prefix)}(/.*)?$"),))]


def _header(header: ValueMatch) -> shapes.Condition:
    name = header.name.lower()
    field = f"headers {header.name}"
    if name == "host":
        raise _Refuse(field, "an ALB matches Host in host conditions only; use hostnames")
    if len(name) > HEADER_NAME:
        raise _Refuse(field, f"the name has {len(name)} characters, an ALB allows {HEADER_NAME}")
    if not _PRINTABLE.fullmatch(header.value):
        raise _Refuse(field, "the value has other than printable ASCII characters")
    if header.type == "RegularExpression":
        return ("http-header", name, "regex", (_ours(field, header.value),))
    return ("http-header", name, "regex", (_limited(field, f"^{shapes.escape(header.value)}$"),))


def _ours(field: str, value: str) -> str:
    """An expression that a user wrote, for the whole value."""
    if reason := matches.ambiguous(value):
        raise _Refuse(field, reason)
    return _limited(field, f"^(?:{value})$")


def _limited(field: str, expression: str) -> str:
    if len(expression) > LENGTH:
        raise _Refuse(field, f"as a regular expression it has {len(expression)} characters, an ALB allows {LENGTH}")
    return expression
