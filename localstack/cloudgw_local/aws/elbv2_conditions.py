"""The grammar of rule conditions and transforms of an Application Load Balancer. Called by `elbv2_rules` only.

Pure: answers the form in which AWS returns the values, or refuses. Facts: botocore elbv2 RuleCondition and
RuleTransform; application/rule-condition-types.html (names, values, wildcards, regular expressions),
application/rule-transforms.html, application/load-balancer-limits.html. It must never look at state.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from cloudgw_local.aws import errors

# Field -> the member of RuleCondition that holds its configuration.
CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
_ONCE = ("host-header", "path-pattern", "http-request-method", "source-ip")
_REGEX = ("host-header", "path-pattern", "http-header")
_HOST = re.compile(r"[A-Za-z0-9\-.*?]*\.[A-Za-z]+")
_PATH = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+")
_METHOD = re.compile(r"[A-Z\-_]{1,40}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+\-.^_`|~]{1,40}")
_VISIBLE = re.compile(r"[\x20-\x7e]*")
# Look-around, atomic groups, recursion, back-references, Unicode classes, possessive quantifiers.
_UNSUPPORTED_REGEX = re.compile(r"\(\?[=!>]|\(\?<[=!]|\(\?P?[=>]|\(\?(?:R|\d|&)|\\[1-9]|\\k|\\g|\\[pP]|[*+?}]\+")

Json = dict[str, Any]


def refuse(message: str) -> errors.AwsError:
    return errors.AwsError("ValidationError", message)


def conditions(given: list[Json], beliefs: dict[str, str]) -> list[Json]:
    """Checked conditions in AWS's own form; raises ValidationError."""
    if not given:
        raise refuse("A condition must be specified")
    fields = [one.get("Field", "") for one in given]
    for field in _ONCE:
        if fields.count(field) > 1:
            raise refuse(f"A rule can only have one condition of field '{field}'")
    normal = [_condition(one, beliefs) for one in given]
    count = sum(_count(one) for one in normal)
    if count > 5:
        raise refuse(f"A rule can only have '5' condition values, but '{count}' were specified")
    most = int(beliefs["aws-values-per-condition"])
    if any(_count(one) > most for one in normal):
        raise refuse(f"A condition can only have '{most}' values")
    wildcards = sum(_wildcards(one) for one in normal)
    if wildcards > int(beliefs["aws-wildcards-per-rule"]):
        raise refuse(f"A rule can only have '{beliefs['aws-wildcards-per-rule']}' wildcards, but has '{wildcards}'")
    return normal


def _condition(given: Json, beliefs: dict[str, str]) -> Json:
    field = given.get("Field", "")
    if field not in CONFIGS:
        raise refuse(f"Condition field '{field}' must be one of '[{', '.join(CONFIGS)}]'")
    strange = [name for name in CONFIGS.values() if name in given and name != CONFIGS[field]]
    if strange:
        raise refuse(f"'{strange[0]}' cannot be specified for a condition of field '{field}'")
    config: Json = dict(given.get(CONFIGS[field]) or {})
    for member in ("Values", "RegexValues"):
        short = given.get(member)
        if short is None:
            continue
        if field not in ("host-header", "path-pattern"):
            raise refuse(f"'{member}' cannot be specified for a condition of field '{field}'")
        if config.get(member) not in (None, short):
            raise refuse(f"'{member}' and '{CONFIGS[field]}' differ")
        if member not in config and len(short) > 1 and beliefs["aws-top-level-values"] == "single":
            raise refuse(f"A condition of field '{field}' can have only one value in '{member}'")
        config[member] = list(short)
    values, regexes = config.get("Values") or [], config.get("RegexValues") or []
    if not values and not regexes:
        raise refuse(f"A condition of field '{field}' needs a value")
    if values and regexes:
        raise refuse("Specify either values or regular expressions, not both")
    if field == "http-header":
        _header_name(config.get("HttpHeaderName", ""))
    for value in values:
        _value(field, value)
    for regex in regexes:
        regular_expression(regex, 128)
    kept = {name: value for name, value in config.items() if name not in ("Values", "RegexValues") or value}
    normal: Json = {"Field": field, CONFIGS[field]: kept}
    if field in ("host-header", "path-pattern"):
        normal.update({name: kept[name] for name in ("Values", "RegexValues") if name in kept})
    return normal


def _header_name(name: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise refuse(f"HTTP header name '{name}' is longer than 40 characters, or has a character that is not valid")
    if name.lower() == "host":
        raise refuse("HTTP header name 'Host' is not allowed: use a host-header condition")


def _value(field: str, value: Any) -> None:
    if field == "query-string":
        for part in (value.get("Key"), value.get("Value")):
            if part is not None and (len(part) > 128 or not _VISIBLE.fullmatch(part)):
                raise refuse(f"Query string '{part}' is longer than 128 characters, or not visible ASCII")
        if not value.get("Value"):
            raise refuse("A query-string condition needs a value")
        return
    if not value:
        raise refuse("Condition value cannot be empty")
    if field == "source-ip":
        try:
            ipaddress.ip_network(value)
        except ValueError:
            raise refuse(f"Condition value '{value}' is not a CIDR block") from None
        if "/" not in value:
            raise refuse(f"Condition value '{value}' is not in CIDR format")
        return
    if len(value) > 128:
        raise refuse(f"Condition value '{value}' is longer than 128 characters")
    if field == "host-header" and not _HOST.fullmatch(value):
        raise refuse(f"Condition value '{value}' is not a valid host name pattern")
    if field == "path-pattern" and not _PATH.fullmatch(value):
        raise refuse(f"Condition value '{value}' contains a character that is not valid")
    if field == "http-header" and not _VISIBLE.fullmatch(value):
        raise refuse(f"Condition value '{value}' is not visible ASCII")
    if field == "http-request-method" and not _METHOD.fullmatch(value):
        raise refuse(f"Condition value '{value}' is not a valid HTTP method")


def regular_expression(regex: str, longest: int) -> None:
    """Refuse what RE2-like engines cannot do; otherwise Python's parser stands for AWS's."""
    if not regex or len(regex) > longest or not _VISIBLE.fullmatch(regex):
        raise refuse(f"Regular expression '{regex}' is empty, longer than {longest} characters, or not visible ASCII")
    plain = re.sub(r"\\\\|\\[^1-9kgpP]", "", regex)
    # A class may hold quantifiers as plain characters; one with a backslash left holds something unsupported.
    plain = re.sub(r"\[[^\]]*\]", "x", plain) if "\\" not in plain else plain
    if _UNSUPPORTED_REGEX.search(plain):
        raise refuse(f"Regular expression '{regex}' uses a feature that is not supported")
    try:
        re.compile(regex)
    except re.error as broken:
        raise refuse(f"Regular expression '{regex}' is not valid: {broken}") from None


def _count(condition: Json) -> int:
    config = condition[CONFIGS[condition["Field"]]]
    return len(config.get("Values", [])) + len(config.get("RegexValues", []))


def _wildcards(condition: Json) -> int:
    """Unescaped `*` and `?` of values; those of regular expressions are not wildcards."""
    field = condition["Field"]
    if field in ("http-request-method", "source-ip"):
        return 0
    total = 0
    for value in condition[CONFIGS[field]].get("Values", []):
        parts = [value.get("Key"), value.get("Value")] if isinstance(value, dict) else [value]
        total += sum(len(re.findall(r"(?<!\\)[*?]", part)) for part in parts if part)
    return total


def transforms(given: list[Json]) -> list[Json]:
    """At most one of each type, each with one rewrite (application/rule-transforms.html)."""
    types = [one["Type"] for one in given]
    if len(set(types)) < len(types):
        raise refuse("A rule can have at most one transform of each type")
    for one in given:
        own = "HostHeaderRewriteConfig" if one["Type"] == "host-header-rewrite" else "UrlRewriteConfig"
        rewrites = (one.get(own) or {}).get("Rewrites") or []
        if len(rewrites) != 1 or set(one) != {"Type", own}:
            raise refuse(f"A transform of type '{one['Type']}' needs exactly one rewrite in '{own}'")
        regex, replace = rewrites[0]["Regex"], rewrites[0]["Replace"]
        regular_expression(regex, 1024)
        if re.search(r"\s", regex):
            raise refuse(f"Regular expression '{regex}' must not contain whitespace")
        if len(replace) > 1024 or not _VISIBLE.fullmatch(replace):
            raise refuse("The replacement is longer than 1024 characters, or not visible ASCII")
    return given
