"""The application gateway document: what a PUT may hold, what is stored of it, and what a GET shows.

The server calls `accept` for every PUT and `show` for every answer; the rules stand in gateway_*.py. Both functions
are pure: no I/O, no clock, and no part of a refusal, stored document or answer may leak a certificate's private half.

Source: learn.microsoft.com/rest/api/application-gateway/application-gateways and MicrosoftDocs/azure-docs
articles/application-gateway; codes from learn.microsoft.com/troubleshoot/azure/application-gateway and public issues.
"""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

from cloudgw_local.azure import (
    errors,
    gateway_backends,
    gateway_certificates,
    gateway_document,
    gateway_frontend,
    gateway_limits,
    gateway_listeners,
    gateway_paths,
    gateway_rewrites,
    gateway_rules,
    schema,
)

Around = gateway_document.Around
Json = dict[str, Any]
TYPE = "Microsoft.Network/applicationGateways"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")


def accept(body: Any, *, id: str, current: Json | None, around: Around) -> Json:
    """The document to store for a PUT of `body` to the gateway `id`; `current` is the one stored before, or None.

    The result has `id`, `name`, `type`, `location`, `properties` with defaults filled in, and whatever else of
    the resource was given; children carry `name` and `properties` alone, certificates their secrets under `_data` and
    `_password`, and `_publicCertData`. `etag`, operational and provisioning state are the server's to keep.
    Raises errors.Refusal; `late` ones must fail the operation instead of the request and hold the refused `document`.
    """
    taken = schema.take("ApplicationGateway", body)
    stored = {"id": id, "name": id.rsplit("/", 1)[-1], "type": TYPE} | _resource(taken)
    document = gateway_document.Document(stored, id=id, current=current, around=around)
    _check_names(document)
    gateway_certificates.restore(document)
    gateway_document.check_references(document)
    try:
        for check in _CHECKS:
            check(document)
    except errors.Refusal as refusal:
        refusal.late = refusal.late or around.belief("azure-late-refusal") == "late"
        if refusal.late:
            _fill(document)
            refusal.document = stored
        raise
    _fill(document)
    return stored


_CHECKS = (
    gateway_frontend.check_required,
    gateway_backends.check_required,
    gateway_listeners.check_required,
    gateway_rules.check_required,
    gateway_frontend.check_addresses,
    gateway_limits.check,
    gateway_limits.check_sku,
    gateway_frontend.check,
    gateway_certificates.check,
    gateway_listeners.check,
    gateway_backends.check,
    gateway_rewrites.check,
    gateway_paths.check,
    gateway_rules.check,
    gateway_certificates.check_vault,
)


def show(stored: Json, *, state: str) -> Json:
    """What a GET answers for a stored document; `state` is the provisioningState of the gateway and its children.

    Adds ids, types, etags and back references to children, empty collections, `resourceGuid` and public certificates.
    `stored["etag"]` and `stored["properties"]["operationalState"]`, which the server keeps, are shown when there.
    """
    body = copy.deepcopy(stored)
    document = gateway_document.Document(body, id=stored["id"], current=None, around=_NOTHING)
    referrers = gateway_document.back_references(document)
    etag = {"etag": stored["etag"]} if "etag" in stored else {}
    for child in document.children:
        properties = child.properties
        if "provisioningState" in schema.properties_of(child.model):
            properties = {"provisioningState": state} | properties
        gateway_certificates.show(properties)
        properties |= referrers.get(child.id, {})
        child_type = {"type": f"{TYPE}/{child.collection}"} if "type" in schema.members(child.model) else {}
        shown = {"name": child.name, "id": child.id} | etag | {"properties": properties} | child_type
        child.body.clear()
        child.body.update(shown)
    for collection in gateway_document.COLLECTIONS:
        document.properties.setdefault(collection, [])
    document.properties["provisioningState"] = state
    document.properties.setdefault("operationalState", "Stopped")
    document.properties.setdefault("resourceGuid", str(uuid.uuid5(uuid.NAMESPACE_URL, stored["id"].casefold())))
    if "sslPolicy" not in document.properties:
        document.properties["defaultPredefinedSslPolicy"] = gateway_certificates.DEFAULT_POLICY
    return body


class _Nothing:
    """`show` looks nothing up."""

    def exists(self, resource_id: str) -> Json | None:
        raise NotImplementedError(resource_id)

    def holder(self, resource_id: str) -> str:
        raise NotImplementedError(resource_id)

    def setting(self, name: str) -> Any:
        raise NotImplementedError(name)

    def belief(self, name: str) -> str:
        raise NotImplementedError(name)

    def gateways_in(self, subnet_id: str) -> list[str]:
        raise NotImplementedError(subnet_id)


_NOTHING = _Nothing()


def _resource(taken: Json) -> Json:
    taken.pop("id", None)
    if not taken.get("location"):
        # learn.microsoft.com/azure/azure-resource-manager/management/control-plane-and-data-plane
        raise errors.Refusal(code="LocationRequired", message="The location property is required for this definition.")
    return taken


def _check_names(document: gateway_document.Document) -> None:
    """Duplicates make the body unreadable and, as reported, name neither gateway nor collection (agic#214)."""
    seen = set()
    faults = []
    for child in document.children:
        if not _NAME.fullmatch(child.name):
            raise errors.Refusal(
                code="InvalidResourceName",
                message=f"Resource name {child.name} is invalid. The name can be up to 80 characters long. It must "
                "begin with a word character, and it must end with a word character or with '_'. The name may contain "
                "word characters or '.', '-', '_'.",
            )
        if child.id.casefold() in seen:
            parent = "Resource /subscriptions//resourceGroups//providers/Microsoft.Network/applicationGateways/"
            message = f"{parent} has two child resources with the same name ({child.name})."
            faults.append(("DuplicateResourceName", message, ""))
        seen.add(child.id.casefold())
    if faults:
        raise schema.unreadable(*faults)


# Members that a GET shows although nobody gave them, as recorded and as the descriptions of the models say.
_DEFAULTS: dict[str, Json] = {
    "frontendIPConfigurations": {"privateIPAllocationMethod": "Dynamic"},
    "backendAddressPools": {"backendAddresses": []},
    "backendHttpSettingsCollection": {
        "cookieBasedAffinity": "Disabled",
        "pickHostNameFromBackendAddress": False,
        "requestTimeout": 30,
        "dedicatedBackendConnection": False,
        "validateCertChainAndExpiry": True,
        "validateSNI": True,
    },
    "backendSettingsCollection": {"pickHostNameFromBackendAddress": False, "timeout": 30},
    "httpListeners": {"hostNames": [], "requireServerNameIndication": False, "customErrorConfigurations": []},
    "listeners": {"hostNames": []},
    "probes": {"pickHostNameFromBackendHttpSettings": False, "minServers": 0, "match": {}},
    "urlPathMaps": {"pathRules": []},
    "rewriteRuleSets": {"rewriteRules": []},
    "requestRoutingRules": {"ruleType": "Basic"},
    "routingRules": {"ruleType": "Basic"},
}


def _fill(document: gateway_document.Document) -> None:
    for collection in gateway_document.COLLECTIONS:
        if not document.properties.get(collection):
            document.properties.pop(collection, None)
    for child in document.children:
        for member, value in _DEFAULTS.get(child.kind, {}).items():
            child.properties.setdefault(member, copy.deepcopy(value))
        child.body.pop("id", None)
    if "sku" in document.properties:
        document.properties["sku"].setdefault("family", "Generation_1")
    document.properties.setdefault("enableHttp2", False)
