"""What an Application Load Balancer answers, interpreted from its own objects as the describe calls show them.

Plans use it to say which requests change; tests compare it with the Gateway API's opinion. Pure. It reads the content
of an inventory (AWS's shapes) and nothing of ours: it must never import `build*`, so that the two stay two opinions.
Documents: docs.aws.amazon.com/elasticloadbalancing/latest/application/ listener-rules.html, rule-condition-types.html,
rule-action-types.html, rule-transforms.html and load-balancer-troubleshooting.html (503). Not documented, and taken as
the plain reading: a regular expression matches anywhere in its input, and on headers it heeds case.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """host: the Host header as sent, with its port if it has one. query: as sent, without "?". source: the peer's
    address."""

    port: int
    scheme: Literal["http", "https"] = "http"
    method: str = "GET"
    host: str = ""
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    source: str = "203.0.113.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """kind: fixed (status) | redirect (status, location) | forward (groups: target group ARN and weight, weight 0 left
    out; host and url as a target sees them; empty: groups that answer 503) | closed (nobody listens, or not this
    protocol) | other (authentication first: not interpreted). rule: ARN of what answered, "" for the default."""

    kind: Literal["fixed", "redirect", "forward", "closed", "other"]
    rule: str = ""
    status: int = 0
    location: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    empty: tuple[str, ...] = ()
    host: str = ""
    url: str = ""


def answer(content: Content, load_balancer: str, request: Request) -> Answer:
    """load_balancer: its ARN."""
    listener = next(
        (
            item
            for item in content["listeners"]
            if item["LoadBalancerArn"] == load_balancer and item["Port"] == request.port
        ),
        None,
    )
    if listener is None or str(listener["Protocol"]).lower() != request.scheme:
        return Answer(kind="closed")
    for rule in rules_of(content, listener["ListenerArn"]):
        if meets(rule.get("Conditions", ()), request):
            return _act(content, rule["RuleArn"], rule["Actions"], rule.get("Transforms") or (), request)
    return _act(content, "", listener["DefaultActions"], (), request)


def rules_of(content: Content, listener: str) -> list[Mapping[str, Any]]:
    """From the lowest number to the highest; the default rule is the listener's own."""
    found = [rule for rule in content["rules"] if rule["ListenerArn"] == listener and str(rule["Priority"]).isdigit()]
    return sorted(found, key=lambda rule: int(rule["Priority"]))


def meets(conditions: Sequence[Mapping[str, Any]], request: Request) -> bool:
    """All conditions; in each, one of its values."""
    return all(_meets(condition, request) for condition in conditions)


def _meets(condition: Mapping[str, Any], request: Request) -> bool:
    field = condition["Field"]
    if field == "host-header":
        return _text(condition, "HostHeaderConfig", request.host, cased=False)
    if field == "path-pattern":
        return _text(condition, "PathPatternConfig", request.path, cased=True)
    if field == "http-request-method":
        return request.method in condition["HttpRequestMethodConfig"]["Values"]
    if field == "source-ip":
        peer = ipaddress.ip_address(request.source)
        blocks = condition["SourceIpConfig"]["Values"]
        return any(peer in ipaddress.ip_network(block, strict=False) for block in blocks)
    if field == "http-header":
        wanted = str(condition["HttpHeaderConfig"]["HttpHeaderName"]).lower()
        values = [value for name, value in request.headers if name.lower() == wanted]
        return any(_text(condition, "HttpHeaderConfig", value, cased=False) for value in values)
    if field == "query-string":
        return any(_query(pair, request.query) for pair in condition["QueryStringConfig"]["Values"])
    raise ValueError(f"no such condition: {field}")


def _text(condition: Mapping[str, Any], config: str, text: str, *, cased: bool) -> bool:
    found: Mapping[str, Any] = condition.get(config) or {}
    for expression in found.get("RegexValues") or condition.get("RegexValues") or ():
        if _regex(expression, condition["Field"] == "host-header").search(text):
            return True
    return any(_glob(value, cased).fullmatch(text) for value in found.get("Values") or condition.get("Values") or ())


def _query(pair: Mapping[str, Any], query: str) -> bool:
    """A value without a key is looked for under every key."""
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        if pair.get("Key") and not _glob(pair["Key"], False).fullmatch(unquote_plus(key)):
            continue
        if _glob(pair["Value"], False).fullmatch(unquote_plus(value)):
            return True
    return False


@functools.lru_cache(maxsize=4096)
def _glob(pattern: str, cased: bool) -> re.Pattern[str]:
    """`*` is nothing or anything, `?` one character, a backslash makes either literal."""
    out, at = "", 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and pattern[at + 1 : at + 2] in ("*", "?", "\\"):
            at += 1
            out += re.escape(pattern[at])
        else:
            out += {"*": ".*", "?": "."}.get(character) or re.escape(character)
        at += 1
    return re.compile(out, re.DOTALL | (0 if cased else re.IGNORECASE))


@functools.lru_cache(maxsize=4096)
def _regex(expression: str, caseless: bool) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE if caseless else 0)


def _act(
    content: Content,
    rule: str,
    actions: Sequence[Mapping[str, Any]],
    transforms: Sequence[Mapping[str, Any]],
    request: Request,
) -> Answer:
    """The routing action is the last one; anything before it decides on its own who gets that far."""
    action = max(actions, key=lambda item: int(item.get("Order", 1)))
    if len(actions) > 1:
        return Answer(kind="other", rule=rule)
    if action["Type"] == "fixed-response":
        return Answer(kind="fixed", rule=rule, status=int(action["FixedResponseConfig"]["StatusCode"]))
    if action["Type"] == "redirect":
        config = action["RedirectConfig"]
        status = int(str(config["StatusCode"]).removeprefix("HTTP_"))
        return Answer(kind="redirect", rule=rule, status=status, location=location(config, request))
    if action["Type"] == "forward":
        return _forward(content, rule, action, transforms, request)
    return Answer(kind="other", rule=rule)


def location(config: Mapping[str, Any], request: Request) -> str:
    """Components that are not given keep their values; the port is always shown."""
    host, _, port = request.host.partition(":")
    words = {
        "#{protocol}": request.scheme,
        "#{host}": host,
        "#{port}": port or str(request.port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }

    def fill(part: str, default: str) -> str:
        text = str(config.get(part, default))
        return re.sub(r"#\{\w+\}", lambda word: words.get(word.group(), word.group()), text)

    query = fill("Query", "#{query}")
    protocol = fill("Protocol", "#{protocol}").lower()
    where = f"{protocol}://{fill('Host', '#{host}')}:{fill('Port', '#{port}')}{fill('Path', '/#{path}')}"
    return f"{where}?{query}" if query else where


def _forward(
    content: Content,
    rule: str,
    action: Mapping[str, Any],
    transforms: Sequence[Mapping[str, Any]],
    request: Request,
) -> Answer:
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    shares = tuple((str(g["TargetGroupArn"]), int(g.get("Weight", 1))) for g in groups if int(g.get("Weight", 1)) > 0)
    host, url = request.host, request.path + (f"?{request.query}" if request.query else "")
    for transform in transforms:
        if transform["Type"] == "host-header-rewrite":
            host = rewrite(transform["HostHeaderRewriteConfig"]["Rewrites"], host)
        else:
            url = rewrite(transform["UrlRewriteConfig"]["Rewrites"], url)
    empty = tuple(group for group, _ in shares if not _answers(content, group))
    return Answer(kind="forward", rule=rule, groups=shares, empty=empty, host=host, url=url)


def rewrite(rewrites: Sequence[Mapping[str, Any]], text: str) -> str:
    """`$1` is the first group. Without a match the text stays as it is."""
    for step in rewrites:
        replacement = re.sub(r"\$(\d+)", r"\\g<\1>", str(step["Replace"]).replace("\\", "\\\\"))
        text = _regex(str(step["Regex"]), False).sub(replacement, text, count=1)
    return text


def _answers(content: Content, group: str) -> bool:
    """503 when no target is registered, or all are unused. Unhealthy targets are used when there are no others
    (target-group-health-checks.html, fail open)."""
    health = content["target_health"].get(group)
    if health is None:
        return True
    gone = ("unused", "draining", "unhealthy.draining")
    return any(item["TargetHealth"].get("State") not in gone for item in health)
