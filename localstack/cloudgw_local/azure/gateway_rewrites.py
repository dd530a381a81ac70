"""Rewrite rule sets of a gateway: headers, URLs, conditions and the captures that values refer to.

Called by `gateway.accept`. It judges whether a set is legal and must not evaluate one.

Source: MicrosoftDocs/azure-docs articles/application-gateway/rewrite-http-headers-url.md, includes/
application-gateway-limits.md; hashicorp/terraform-provider-azurerm#32737 (captures need a condition).
"""

from __future__ import annotations

import re

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Child, Document, Json

_HEADER = re.compile(r"[A-Za-z0-9-]+")
_UNTOUCHED = ("connection", "upgrade")
_SERVER = re.compile(
    r"var_(add_x_forwarded_for_proxy|ciphers_supported|ciphers_used|client_ip|client_port|client_tcp_rtt|client_user"
    r"|host|cookie_.+|http_method|http_status|http_version|query_string|received_bytes|request_query|request_scheme"
    r"|request_uri|sent_bytes|server_port|ssl_connection_protocol|ssl_enabled|uri_path|client_certificate\w*|ssl_\w+)"
)
_VARIABLE = re.compile(r"http_re(q|sp)_[A-Za-z0-9-]+")
_VALUE = re.compile(r"\{((?:var|http_req|http_resp)_[^{}]*)\}")
_NOT_RE2 = re.compile(r"\(\?(=|!|<=|<!|>)|\\[1-9]|(?<!\\)[*+?}]\+")
_MOST = 40  # conditions of a set, and header and URL configurations of a set


def check(document: Document) -> None:
    for rule_set in document.of("rewriteRuleSets"):
        rules = rule_set.properties.get("rewriteRules") or []
        for rule in rules:
            _check_rule(rule_set, rule)
        conditions = sum(len(rule.get("conditions") or []) for rule in rules)
        _limit(rule_set, "Condition", conditions)
        _limit(rule_set, "HeaderConfiguration", sum(_configurations(rule) for rule in rules))
        _check_basic(document, rule_set, rules)


def _configurations(rule: Json) -> int:
    actions = rule.get("actionSet") or {}
    headers = [
        *(actions.get("requestHeaderConfigurations") or []),
        *(actions.get("responseHeaderConfigurations") or []),
    ]
    return len(headers) + bool(actions.get("urlConfiguration"))


def _limit(rule_set: Child, what: str, count: int) -> None:
    if count > _MOST:
        raise gateway_document.refuse(
            f"RewriteRuleSet{what}LimitReached",
            f"The number of {what}s in RewriteRuleSet {rule_set.id} is {count} and the maximum allowed is {_MOST}.",
            rule_set,
        )


def _refuse(rule_set: Child, rule: Json, code: str, why: str) -> errors.Refusal:
    message = f"RewriteRule {rule.get('name')} of RewriteRuleSet {rule_set.id} {why}."
    return gateway_document.refuse(f"RewriteRuleSet{code}", message, rule_set)


def _check_rule(rule_set: Child, rule: Json) -> None:
    actions = rule.get("actionSet") or {}
    if not rule.get("name"):
        raise _refuse(rule_set, rule, "RewriteRuleNameCannotBeEmpty", "must have a name")
    if not _configurations(rule):
        raise _refuse(rule_set, rule, "ActionSetInRewriteRuleCannotBeEmpty", "has an empty action set")
    conditions = rule.get("conditions") or []
    for condition in conditions:
        _check_condition(rule_set, rule, condition)
    for member in ("requestHeaderConfigurations", "responseHeaderConfigurations"):
        for header in actions.get(member) or []:
            _check_header(rule_set, rule, header, member.startswith("request"))
            _check_captures(rule_set, rule, conditions, header.get("headerValue") or "")
    url = actions.get("urlConfiguration") or {}
    if url and not (url.get("modifiedPath") or url.get("modifiedQueryString") is not None):
        raise _refuse(
            rule_set, rule, "UrlConfigurationIsInvalid", "has a URL configuration without path and query string"
        )
    if url.get("modifiedPath") and not url["modifiedPath"].startswith(("/", "{")):
        raise _refuse(
            rule_set, rule, "UrlConfigurationIsInvalid", f"has modified path {url['modifiedPath']} without a '/'"
        )
    for member in ("modifiedPath", "modifiedQueryString"):
        _check_captures(rule_set, rule, conditions, url.get(member) or "")


def _check_condition(rule_set: Child, rule: Json, condition: Json) -> None:
    variable, pattern = condition.get("variable") or "", condition.get("pattern") or ""
    if not (_VARIABLE.fullmatch(variable) or _SERVER.fullmatch(variable)):
        raise _refuse(
            rule_set, rule, "ConditionInvalidVariable", f"has a condition on {variable}, which is no variable"
        )
    _check_pattern(rule_set, rule, pattern)


def _check_pattern(rule_set: Child, rule: Json, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error:
        good = False
    else:
        good = bool(pattern) and not _NOT_RE2.search(pattern)
    if not good:
        raise _refuse(
            rule_set, rule, "ConditionInvalidPattern", f"has pattern {pattern}, which is no regular expression"
        )


def _check_header(rule_set: Child, rule: Json, header: Json, request: bool) -> None:
    name, matcher = header.get("headerName") or "", header.get("headerValueMatcher")
    if not _HEADER.fullmatch(name):
        raise _refuse(
            rule_set, rule, "HeaderNameInvalid", f"has header name {name}; it may hold letters, digits and '-'"
        )
    if name.casefold() in _UNTOUCHED or (name.casefold() == "host" and request and not header.get("headerValue")):
        raise _refuse(rule_set, rule, "HeaderNameInvalid", f"cannot rewrite or delete header {name}")
    if matcher is not None:
        if request or name.casefold() != "set-cookie":
            raise _refuse(
                rule_set, rule, "HeaderValueMatcherNotAllowed", f"can match values of Set-Cookie only, not {name}"
            )
        _check_pattern(rule_set, rule, matcher.get("pattern") or "")


def _check_captures(rule_set: Child, rule: Json, conditions: list[Json], value: str) -> None:
    """`{var_uri_path_1}` is the first group of a condition on var_uri_path of the same rule."""
    for name in _VALUE.findall(value):
        if _known(name):
            continue
        variable, _, index = name.rpartition("_")
        if not index.isdigit() or not _known(variable):
            raise _refuse(rule_set, rule, "ActionInvalidVariable", f"has value {{{name}}}, which is no variable")
        groups = [
            re.compile(condition["pattern"]).groups
            for condition in conditions
            if condition["variable"].casefold() == variable.casefold() and not condition.get("negate")
        ]
        if not 1 <= int(index) <= max(groups, default=0):
            raise _refuse(
                rule_set, rule, "ActionInvalidVariable", f"has value {{{name}}} without a condition that captures it"
            )


def _known(name: str) -> bool:
    return bool(_VARIABLE.fullmatch(name) or _SERVER.fullmatch(name))


def _check_basic(document: Document, rule_set: Child, rules: list[Json]) -> None:
    """Re-evaluating the path map needs a path map: not for Basic rules."""
    reroutes = [rule for rule in rules if ((rule.get("actionSet") or {}).get("urlConfiguration") or {}).get("reroute")]
    for user in document.users(rule_set, "requestRoutingRules"):
        if reroutes and user.properties.get("ruleType", "Basic") == "Basic":
            raise _refuse(
                rule_set,
                reroutes[0],
                "RerouteNotAllowed",
                f"cannot reroute: RequestRoutingRule {user.id} is a Basic rule",
            )
