"""A parsed application gateway as its rules see it: children by id, references resolved, refusals named as Azure does.

`gateway.accept` builds a `Document` and hands it to the checks of the gateway_*.py modules. Nothing here may do I/O,
read a clock or know what a rule means: it knows where children live and which member refers to which collection.

Source: learn.microsoft.com/rest/api/application-gateway/application-gateways/create-or-update; messages as reported in
the issues of Azure/application-gateway-kubernetes-ingress (#214, #501) and MSOpenTech/azure-xplat-cli (#497).
"""

from __future__ import annotations

import collections.abc
import dataclasses
import re
from typing import Any, Protocol

from cloudgw_local.azure import errors, schema

Json = dict[str, Any]

# Every collection of properties, in the order a refusal looks at them, and the SDK's model of its children.
COLLECTIONS = {
    "gatewayIPConfigurations": "ApplicationGatewayIPConfiguration",
    "frontendIPConfigurations": "ApplicationGatewayFrontendIPConfiguration",
    "frontendPorts": "ApplicationGatewayFrontendPort",
    "sslCertificates": "ApplicationGatewaySslCertificate",
    "trustedRootCertificates": "ApplicationGatewayTrustedRootCertificate",
    "trustedClientCertificates": "ApplicationGatewayTrustedClientCertificate",
    "authenticationCertificates": "ApplicationGatewayAuthenticationCertificate",
    "sslProfiles": "ApplicationGatewaySslProfile",
    "probes": "ApplicationGatewayProbe",
    "backendAddressPools": "ApplicationGatewayBackendAddressPool",
    "loadDistributionPolicies": "ApplicationGatewayLoadDistributionPolicy",
    "backendHttpSettingsCollection": "ApplicationGatewayBackendHttpSettings",
    "backendSettingsCollection": "ApplicationGatewayBackendSettings",
    "httpListeners": "ApplicationGatewayHttpListener",
    "listeners": "ApplicationGatewayListener",
    "rewriteRuleSets": "ApplicationGatewayRewriteRuleSet",
    "redirectConfigurations": "ApplicationGatewayRedirectConfiguration",
    "urlPathMaps": "ApplicationGatewayUrlPathMap",
    "advancedRoutingConditionSets": "ApplicationGatewayAdvancedRoutingConditionSet",
    "advancedRoutingMaps": "ApplicationGatewayAdvancedRoutingMap",
    "entraJWTValidationConfigs": "ApplicationGatewayEntraJWTValidationConfig",
    "requestRoutingRules": "ApplicationGatewayRequestRoutingRule",
    "routingRules": "ApplicationGatewayRoutingRule",
    "privateLinkConfigurations": "ApplicationGatewayPrivateLinkConfiguration",
}
NESTED = {
    "urlPathMaps": ("pathRules", "ApplicationGatewayPathRule"),
    "advancedRoutingMaps": ("advancedRoutingRules", "ApplicationGatewayAdvancedRoutingRule"),
    "loadDistributionPolicies": ("loadDistributionTargets", "ApplicationGatewayLoadDistributionTarget"),
    "privateLinkConfigurations": ("ipConfigurations", "ApplicationGatewayPrivateLinkIpConfiguration"),
}
# Members of children that refer to another child, by the collection of their target.
_INTERNAL = {
    "frontendIPConfiguration": "frontendIPConfigurations",
    "frontendPort": "frontendPorts",
    "sslCertificate": "sslCertificates",
    "sslProfile": "sslProfiles",
    "trustedRootCertificates": "trustedRootCertificates",
    "trustedClientCertificates": "trustedClientCertificates",
    "authenticationCertificates": "authenticationCertificates",
    "probe": "probes",
    "httpListener": "httpListeners",
    "targetListener": "httpListeners",
    "listener": "listeners",
    "backendAddressPool": "backendAddressPools",
    "defaultBackendAddressPool": "backendAddressPools",
    "backendHttpSettings": "backendHttpSettingsCollection",
    "defaultBackendHttpSettings": "backendHttpSettingsCollection",
    "backendSettings": "backendSettingsCollection",
    "urlPathMap": "urlPathMaps",
    "advancedRoutingMap": "advancedRoutingMaps",
    "advancedRoutingConditionSet": "advancedRoutingConditionSets",
    "rewriteRuleSet": "rewriteRuleSets",
    "defaultRewriteRuleSet": "rewriteRuleSets",
    "redirectConfiguration": "redirectConfigurations",
    "defaultRedirectConfiguration": "redirectConfigurations",
    "loadDistributionPolicy": "loadDistributionPolicies",
    "defaultLoadDistributionPolicy": "loadDistributionPolicies",
    "entraJWTValidationConfig": "entraJWTValidationConfigs",
    "privateLinkConfiguration": "privateLinkConfigurations",
}
_EXTERNAL = {
    "publicIPAddress": "publicIPAddresses",
    "subnet": "virtualNetworks/subnets",
    "firewallPolicy": "applicationGatewayWebApplicationFirewallPolicies",
}
# What a target calls the collection of those that refer to it, where that is not the collection's own name.
_BACK = {"backendHttpSettingsCollection": "backendHttpSettings", "backendSettingsCollection": "backendSettings"}
_ID = re.compile(
    r"(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Network/([^/]+)/[^/]+((?:/[^/]+/[^/]+)*)$"
)


class Around(Protocol):
    """What stands around a gateway: lookups by ARM id (any case), switches of the control API, beliefs."""

    def exists(self, resource_id: str) -> Json | None: ...

    def holder(self, resource_id: str) -> str: ...

    def setting(self, name: str) -> Any: ...

    def belief(self, name: str) -> str: ...

    def gateways_in(self, subnet_id: str) -> list[str]: ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One child. `path` is where it stands in the body; `body` is the stored object itself, which may be changed."""

    id: str
    collection: str
    model: str
    name: str
    path: str
    body: Json

    @property
    def properties(self) -> Json:
        found: Json = self.body.setdefault("properties", {})
        return found

    @property
    def kind(self) -> str:
        """The last part of its type, say `pathRules`."""
        return self.collection.rsplit("/", 1)[-1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`source` names `target` in `member`; `kind` is the type the member must refer to."""

    source: Child
    member: str
    path: str
    target: str
    kind: str
    internal: bool


class Document:
    """A canonical gateway body with its children found. `current` is what is stored now, or None."""

    def __init__(self, body: Json, *, id: str, current: Json | None, around: Around) -> None:
        self.id = id
        self.name = id.rsplit("/", 1)[-1]
        self.body = body
        self.properties: Json = body.setdefault("properties", {})
        self.current = current
        self.around = around
        self.children = list(_children(id, self.properties))
        self.by_id: dict[str, Child] = {}
        for child in self.children:
            self.by_id.setdefault(child.id.casefold(), child)
        self._referrers: dict[str, dict[str, Child]] = {}
        for reference in self.references():
            self._referrers.setdefault(reference.target.casefold(), {})[reference.source.id] = reference.source

    def of(self, *kinds: str) -> list[Child]:
        """Children of these kinds in document order; `pathRules` and the like are found too."""
        return [child for child in self.children if child.kind in kinds]

    def target(self, child: Child, member: str) -> Child | None:
        """The child that `member` of `child` refers to; None when it is not given."""
        reference = child.properties.get(member)
        return self.by_id.get(reference["id"].casefold()) if reference else None

    def targets(self, child: Child, member: str) -> list[Child]:
        return [self.by_id[reference["id"].casefold()] for reference in child.properties.get(member) or []]

    def references(self) -> collections.abc.Iterator[Reference]:
        for child in self.children:
            for member, value in child.properties.items():
                kind = _INTERNAL.get(member, _EXTERNAL.get(member, ""))
                many = isinstance(value, list)
                for index, item in enumerate(value if many else [value]) if kind else ():
                    path = f"{child.path}.properties.{member}" + (f"[{index}]" if many else "")
                    yield Reference(
                        source=child,
                        member=member,
                        path=path,
                        target=str(item["id"]),
                        kind=kind,
                        internal=member in _INTERNAL,
                    )

    def users(self, child: Child, *kinds: str) -> list[Child]:
        """Children of these kinds that refer to `child`, each once."""
        return [one for one in self._referrers.get(child.id.casefold(), {}).values() if one.kind in kinds]

    @property
    def tier(self) -> str:
        tier: str = (self.properties.get("sku") or {}).get("tier") or ""
        return tier


def _children(parent: str, properties: Json) -> collections.abc.Iterator[Child]:
    for collection, model in COLLECTIONS.items():
        for index, body in enumerate(properties.get(collection) or []):
            path = f"properties.{collection}[{index}]"
            name = body.get("name") or ""
            own = f"{parent}/{collection}/{name}"
            child = Child(id=own, collection=collection, model=model, name=name, path=path, body=body)
            yield child
            nested, nested_model = NESTED.get(collection, ("", ""))
            for inner, inner_body in enumerate(child.properties.get(nested) or []):
                inner_name = inner_body.get("name") or ""
                yield Child(
                    id=f"{own}/{nested}/{inner_name}",
                    collection=f"{collection}/{nested}",
                    model=nested_model,
                    name=inner_name,
                    path=f"{path}.properties.{nested}[{inner}]",
                    body=inner_body,
                )


def refuse(code: str, message: str, child: Child | None = None) -> errors.Refusal:
    """A refusal of the document by a rule; codes are Azure's without the prefix ApplicationGateway."""
    return errors.Refusal(code=f"ApplicationGateway{code}", message=message, target=child.id if child else "")


def back_references(document: Document) -> dict[str, dict[str, list[Json]]]:
    """For each child's id, who refers to it, as a GET shows it: {"requestRoutingRules": [{"id": ...}]}."""
    found: dict[str, dict[str, list[Json]]] = {}
    for reference in document.references():
        target = document.by_id.get(reference.target.casefold()) if reference.internal else None
        if target is None:
            continue
        name = _BACK.get(reference.source.kind, reference.source.kind)
        if name in schema.derived(target.model):
            listed = found.setdefault(target.id, {}).setdefault(name, [])
            if listed[-1:] != [{"id": reference.source.id}]:  # references come source by source
                listed.append({"id": reference.source.id})
    return found


def check_references(document: Document) -> None:
    """Form and kind of each reference (the request does not parse), then that its target exists."""
    faults = []
    for reference in document.references():
        match = _ID.match(reference.target)
        kind = "applicationGateways/" + reference.kind if reference.internal else reference.kind
        if match is None:
            message = f"Reference Id {reference.target} is not formatted correctly."
            faults.append(("InvalidJsonReferenceFormat", message, kind, reference.path))
        elif _type_of(match).casefold() != kind.casefold():
            message = f"Reference Id {reference.target} is referencing resource of a wrong type."
            faults.append(("InvalidJsonReferenceWrongType", message, kind, reference.path))
    if faults:
        raise schema.unreadable(
            *(
                (code, f"{message} The Id is expected to reference resources of type {kind}. Path {path}.", "")
                for code, message, kind, path in faults
            )
        )
    for reference in document.references():
        found: object = document.by_id.get(reference.target.casefold())
        if not reference.internal:
            found = document.around.exists(reference.target)
        if found is None:
            raise missing(reference.target, reference.source.id)


def missing(target: str, source: str) -> errors.Refusal:
    """Azure's answer to a reference whose target does not exist (or lies in another region)."""
    return errors.Refusal(
        code="InvalidResourceReference",
        message=f"Resource {target} referenced by resource {source} was not found. Please make sure that the "
        "referenced resource exists, and that both resources are in the same region.",
    )


def _type_of(match: re.Match[str]) -> str:
    parts = [part for part in match[2].split("/") if part]
    return "/".join([match[1], *parts[::2]])
