"""Routing rules and redirects of a gateway: one rule for each listener, priorities, and what a rule must name.

Called by `gateway.accept` after listeners, backends and path maps were checked.

Source: MicrosoftDocs/azure-docs articles/application-gateway/{configuration-request-routing-rules,redirect-overview,
multiple-site-overview}.md; aztfm/terraform-azurerm-application-gateway#9 and #10 (messages).
"""

from __future__ import annotations

import urllib.parse

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Child, Document

_NEEDS = {"Basic": "", "PathBasedRouting": "urlPathMap", "AdvancedRouting": "advancedRoutingMap"}


def check_required(document: Document) -> None:
    for rule in document.of("requestRoutingRules"):
        _must(rule, "httpListener")
    for rule in document.of("routingRules"):
        for member in ("listener", "backendAddressPool", "backendSettings"):
            _must(rule, member)


def check(document: Document) -> None:
    for redirect in document.of("redirectConfigurations"):
        _check_redirect(document, redirect)
    rules = document.of("requestRoutingRules", "routingRules")
    for rule in rules:
        _check_priority(rule)
    _check_unique(document, rules)
    for rule in document.of("requestRoutingRules"):
        _check_action(rule)
    for rule in document.of("routingRules"):
        _check_stream(document, rule)


def _must(rule: Child, member: str) -> None:
    if member not in rule.properties:
        what = member[0].upper() + member[1:]
        raise gateway_document.refuse(
            "RequestRoutingRuleMustReference", f"RequestRoutingRule {rule.id} must reference {what}.", rule
        )


def _check_priority(rule: Child) -> None:
    priority = rule.properties.get("priority")
    if priority is None:
        raise gateway_document.refuse(
            "RequestRoutingRulePriorityCannotBeEmpty",
            f"Priority for the request routing rule {rule.id} cannot be empty. All request routing rules should have a "
            "priority defined starting from api-version 2021-08-01",
            rule,
        )
    if not 1 <= priority <= 20000:
        raise gateway_document.refuse(
            "RequestRoutingRulePriorityIsInvalid",
            f"Priority {priority} of the request routing rule {rule.id} must be in the range [1,20000].",
            rule,
        )


def _check_unique(document: Document, rules: list[Child]) -> None:
    listeners: dict[str, Child] = {}
    priorities: dict[int, Child] = {}
    for rule in rules:
        listener = document.target(rule, "httpListener") or document.target(rule, "listener")
        assert listener is not None
        if listeners.setdefault(listener.id, rule) is not rule:
            raise gateway_document.refuse(
                "RequestRoutingRulesUsingSameHttpListener",
                f"Two Request Routing Rules of Application Gateway {document.id} are using the same Http Listener "
                f"{listener.id}.",
            )
        priority = rule.properties["priority"]
        twin = priorities.setdefault(priority, rule)
        if twin is not rule:
            raise gateway_document.refuse(
                "RequestRoutingRulePriorityMustBeUnique",
                f"Priority must be unique across all the request routing rules. Rules {twin.id} and {rule.id} cannot "
                f"have the same priority {priority}.",
            )


def _check_action(rule: Child) -> None:
    properties = rule.properties
    kind = properties.get("ruleType", "Basic")
    wanted = _NEEDS[kind]
    for member in ("urlPathMap", "advancedRoutingMap"):
        if member in properties and member != wanted:
            raise _conflict(rule, f"with rule type {kind} cannot reference {member}")
    if wanted:
        _must(rule, wanted)
        for member in ("backendAddressPool", "backendHttpSettings", "redirectConfiguration"):
            if member in properties:
                raise _conflict(rule, f"with rule type {kind} cannot reference {member}")
        return
    if "redirectConfiguration" in properties:
        for member in ("backendAddressPool", "backendHttpSettings"):
            if member in properties:
                raise _conflict(rule, f"with a redirect configuration cannot reference {member}")
        return
    for member in ("backendAddressPool", "backendHttpSettings"):
        _must(rule, member)


def _conflict(rule: Child, why: str) -> errors.Refusal:
    return gateway_document.refuse("RequestRoutingRuleReferenceConflict", f"RequestRoutingRule {rule.id} {why}.", rule)


def _check_stream(document: Document, rule: Child) -> None:
    if rule.properties.get("ruleType", "Basic") != "Basic":
        raise _conflict(rule, "of a TCP or TLS listener must have rule type Basic")
    if document.target(rule, "listener") is None or document.target(rule, "backendSettings") is None:
        raise _conflict(rule, "must reference a listener and backend settings of TCP or TLS")


def _check_redirect(document: Document, redirect: Child) -> None:
    properties = redirect.properties
    listener = document.target(redirect, "targetListener")
    url = properties.get("targetUrl")

    def refuse(why: str) -> errors.Refusal:
        return gateway_document.refuse(
            "RedirectConfigurationIsInvalid", f"RedirectConfiguration {redirect.id} {why}.", redirect
        )

    if "redirectType" not in properties:
        raise refuse("must have a RedirectType")
    if (listener is None) == (url is None):
        raise refuse("must have either TargetListener or TargetUrl")
    if url is not None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise refuse(f"has TargetUrl {url}, which is no absolute http or https URL")
    if listener is not None:
        hosts = listener.properties.get("hostNames") or []
        if len(hosts) > 1 or any("*" in host or "?" in host for host in hosts):
            raise gateway_document.refuse(
                "RedirectConfigurationTargetListenerHasMultipleHostNames",
                f"RedirectConfiguration {redirect.id} cannot target listener {listener.id}, which has a wildcard or "
                "several host names.",
                redirect,
            )
