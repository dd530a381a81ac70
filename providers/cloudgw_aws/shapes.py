"""Our form of a rule's conditions, action and transforms, and AWS's, in both directions.

`build_rules` makes our form, `kinds_rules` writes AWS's, `observe` reads it back: whatever is written must come back
equal, or a plan would never be empty. Pure. What AWS shows and we never write (authentication, say) is kept whole
under a type of its own, so that it differs and is repaired. Shapes: docs.aws.amazon.com/elasticloadbalancing/latest/
APIReference/API_RuleCondition.html, API_Action.html, API_RuleTransform.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from cloudgw.graph import model

Condition: TypeAlias = tuple[str, str, str, tuple[Any, ...]]
"""(field, header name in lower case or "", "values" | "regex", values); a query-string value is (key, value)."""

FIELDS = ("host-header", "path-pattern", "http-request-method", "http-header", "query-string", "source-ip")
CONFIG = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
TRANSFORM_CONFIG = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}
TEXT = "text/plain"
HOST_WITH_PORT = "(:[0-9]+)?$"
_NOWHERE = "255.255.255.255/32"  # no client has this address: what a warm entry asks for


def rank(condition: Condition) -> tuple[int, str, str, str]:
    """The canonical order of conditions in a rule: all must hold, so AWS may give them in any."""
    field, name, kind, values = condition
    return (FIELDS.index(field) if field in FIELDS else len(FIELDS), name, kind, repr(values))


def nowhere() -> tuple[Condition, ...]:
    return (("source-ip", "", "values", (_NOWHERE,)),)


def write_conditions(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    found = []
    for field, name, kind, values in conditions:
        config: dict[str, Any] = {}
        if field == "http-header":
            config["HttpHeaderName"] = name
        if field == "query-string":
            config["Values"] = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in values]
        else:
            config["RegexValues" if kind == "regex" else "Values"] = list(values)
        found.append({"Field": field, CONFIG[field]: config})
    return found


def read_conditions(raw: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    return tuple(sorted((_read_condition(item) for item in raw), key=rank))


def _read_condition(raw: Mapping[str, Any]) -> Condition:
    field = str(raw.get("Field", ""))
    config: Mapping[str, Any] = raw.get(CONFIG.get(field, ""), {}) or {}
    name = str(config.get("HttpHeaderName", "")).lower()
    regexes = config.get("RegexValues") or raw.get("RegexValues") or ()
    if regexes:
        return (field, name, "regex", tuple(regexes))
    values = config.get("Values") or raw.get("Values") or ()
    if field == "query-string":
        return (field, name, "values", tuple((str(v.get("Key") or ""), str(v.get("Value", ""))) for v in values))
    return (field, name, "values", tuple(str(value) for value in values))


def forward(shares: Sequence[tuple[model.Ref, int]]) -> dict[str, Any]:
    return {"type": "forward", "to": tuple(sorted(shares, key=lambda share: (share[0].to, share[0].name)))}


def fixed(status: int) -> dict[str, Any]:
    return {"type": "fixed", "status": status, "body": "", "content": TEXT}


def redirect(*, protocol: str, host: str, port: str, path: str, query: str, status: int) -> dict[str, Any]:
    return {
        "type": "redirect",
        "protocol": protocol,
        "host": host,
        "port": port,
        "path": path,
        "query": query,
        "status": status,
    }


def write_actions(action: Mapping[str, Any], arn_of: Callable[[model.Ref], str]) -> list[dict[str, Any]]:
    kind = action["type"]
    if kind == "forward":
        groups = [{"TargetGroupArn": arn_of(reference), "Weight": weight} for reference, weight in action["to"]]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
    if kind == "redirect":
        config = {
            "Protocol": action["protocol"],
            "Host": action["host"],
            "Port": action["port"],
            "Path": action["path"],
            "Query": action["query"],
            "StatusCode": f"HTTP_{action['status']}",
        }
        return [{"Type": "redirect", "RedirectConfig": config}]
    config = {"StatusCode": str(action["status"]), "ContentType": action["content"]}
    if action["body"]:
        config["MessageBody"] = action["body"]
    return [{"Type": "fixed-response", "FixedResponseConfig": config}]


def read_actions(raw: Sequence[Mapping[str, Any]], ref_of: Callable[[str], model.Ref | str]) -> dict[str, Any]:
    """ref_of: target group ARN -> the Ref of our element, or the ARN where it is not ours."""
    if len(raw) != 1:
        return _strange(raw)
    item = raw[0]
    kind = item.get("Type")
    if kind == "forward":
        return _read_forward(item, ref_of)
    if kind == "redirect":
        config = item.get("RedirectConfig", {})
        return redirect(
            protocol=config.get("Protocol", "#{protocol}"),
            host=config.get("Host", "#{host}"),
            port=str(config.get("Port", "#{port}")),
            path=config.get("Path", "/#{path}"),
            query=config.get("Query", "#{query}"),
            status=int(str(config.get("StatusCode", "HTTP_302")).removeprefix("HTTP_")),
        )
    if kind == "fixed-response":
        config = item.get("FixedResponseConfig", {})
        status = str(config.get("StatusCode", ""))
        return {
            "type": "fixed",
            "status": int(status) if status.isdigit() else status,
            "body": config.get("MessageBody") or "",
            "content": config.get("ContentType") or TEXT,
        }
    return _strange(raw)


def _read_forward(item: Mapping[str, Any], ref_of: Callable[[str], model.Ref | str]) -> dict[str, Any]:
    config = item.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": item.get("TargetGroupArn", ""), "Weight": 1}]
    weight = len(groups) > 1  # one group takes everything, whatever its weight
    shares = [(ref_of(str(g["TargetGroupArn"])), int(g.get("Weight", 1)) if weight else 1) for g in groups]
    found: dict[str, Any] = {"type": "forward", "to": tuple(sorted(shares, key=_share_rank))}
    if (config.get("TargetGroupStickinessConfig") or {}).get("Enabled"):
        found["sticky"] = True
    return found


def _share_rank(share: tuple[model.Ref | str, int]) -> tuple[str, str]:
    to = share[0]
    return (to.to, to.name) if isinstance(to, model.Ref) else (to, "")


def _strange(raw: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"type": "other", "raw": json.dumps(list(raw), sort_keys=True, default=str)}


def write_transforms(transforms: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    return [
        {"Type": kind, TRANSFORM_CONFIG[kind]: {"Rewrites": [{"Regex": regex, "Replace": replace}]}}
        for kind, regex, replace in transforms
    ]


def read_transforms(raw: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    found = []
    for item in raw:
        kind = str(item.get("Type", ""))
        for rewrite in item.get(TRANSFORM_CONFIG.get(kind, ""), {}).get("Rewrites", ()):
            found.append((kind, str(rewrite.get("Regex", "")), str(rewrite.get("Replace", ""))))
    return tuple(sorted(found))


_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_HOST = re.compile(r"[a-z0-9._-]+")


def escape(text: str) -> str:
    """A literal inside a regular expression. Only what needs it: a value has 128 characters."""
    return _META.sub(r"\\\1", text)


def host_regex(host: str) -> str:
    """A host name, with or without a port behind it."""
    return f"^{escape(host)}{HOST_WITH_PORT}"


def host_of_regex(regex: str) -> str | None:
    """The name that `host_regex` was given, None for any other expression."""
    if not regex.startswith("^") or not regex.endswith(HOST_WITH_PORT):
        return None
    inner = regex[1 : -len(HOST_WITH_PORT)]
    host = re.sub(r"\\(.)", r"\1", inner)
    return host if escape(host) == inner and _HOST.fullmatch(host) else None
