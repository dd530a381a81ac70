"""What Azure Resource Manager itself decides: whom a URL names, which API versions exist, what names and tags may be.

`server` parses every request with it before a resource provider sees it. Pure: no state, no clock. Refusals here are
those that carry the header `x-ms-failure-cause: gateway`, as azure-cli's recorded sessions show them; facts are from
azure-resource-manager/management/{resource-name-rules,tag-resources,azure-subscription-service-limits} and
azure-resource-manager/troubleshooting/common-deployment-errors on learn.microsoft.com.
"""

from __future__ import annotations

import dataclasses
import json
import re
import urllib.parse
from typing import Any

from cloudgw_local.azure import errors

GATEWAY = {"x-ms-failure-cause": "gateway"}
VERSION = "2026-03-01"
REQUEST_BYTES = 4 * 1024 * 1024  # Azure/azure-resource-manager-rpc#138; code and text: Azure/Azure-Landing-Zones#2644
NETWORK = "Microsoft.Network"
IDENTITY = "Microsoft.ManagedIdentity"
RESOURCES = "Microsoft.Resources"
AUTHORIZATION = "Microsoft.Authorization"
VERSIONS = {
    NETWORK: ("2026-03-01", "2026-01-01", "2025-09-01", "2025-07-01", "2025-05-01", "2025-03-01", "2025-01-01"),
    IDENTITY: ("2024-11-30", "2023-01-31", "2018-11-30"),
    AUTHORIZATION: ("2022-04-01", "2018-07-01"),
    RESOURCES: ("2025-04-01", "2025-03-01", "2024-11-01", "2024-07-01", "2024-03-01", "2022-09-01", "2021-04-01"),
}
TYPES = {
    NETWORK: (
        "applicationGateways",
        "publicIPAddresses",
        "virtualNetworks",
        "virtualNetworks/subnets",
        "networkSecurityGroups",
        "applicationGatewayWebApplicationFirewallPolicies",
        "locations/operations",
        "locations/operationResults",
        "locations/usages",
    ),
    IDENTITY: ("userAssignedIdentities",),
    AUTHORIZATION: ("permissions",),
}
SERVICES = {
    NETWORK: "network",
    IDENTITY: "managedIdentity",
    RESOURCES: "resources",
    AUTHORIZATION: "authorization",
}
LOCATIONS = ("westeurope", "northeurope", "eastus", "eastus2", "westus2", "germanywestcentral", "francecentral")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?")
_GROUP = re.compile(r"[-\w.()]{1,90}(?<!\.)")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAG = re.compile(r"[<>%&\\?/\x00-\x1f\x7f]")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Whom a URL names. `type` is canonical ("virtualNetworks/subnets"); without `names` for its last part it is a
    list. `group` is empty for a list of a whole subscription; `action` is what follows a resource ("backendhealth")."""

    subscription: str
    group: str
    namespace: str
    type: str
    names: tuple[str, ...]
    action: str = ""

    @property
    def is_list(self) -> bool:
        return len(self.names) < self.type.count("/") + 1

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""

    @property
    def kind(self) -> str:
        """As the journal and faults name it: "applicationGateways", "applicationGateways/backendhealth"."""
        return f"{self.type}/{self.action}" if self.action else self.type.removeprefix("locations/")

    @property
    def scope(self) -> str:
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        """The ARM id of the resource, whether it exists or not."""
        if self.namespace == RESOURCES:
            return self.scope
        pairs = zip(self.type.split("/"), self.names, strict=False)
        return f"{self.scope}/providers/{self.namespace}" + "".join(f"/{kind}/{name}" for kind, name in pairs)

    @property
    def parent_id(self) -> str:
        """The ARM id of the resource itself, or of the network of a subnet."""
        return f"{self.scope}/providers/{self.namespace}/{self.type.split('/')[0]}/{self.names[0]}"


def parse(path: str) -> Address:
    """The address in a URL's path. Raises InvalidResourceNamespace, InvalidResourceType, InvalidSubscriptionId ..."""
    parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
    if len(parts) < 3 or parts[0].lower() != "subscriptions":
        raise refusal("NotFound", f"No HTTP resource was found that matches the request URI '{path}'.", 404)
    subscription, rest = parts[1], parts[2:]
    if not _GUID.fullmatch(subscription):
        message = f"The provided subscription identifier '{subscription}' is malformed or invalid."
        raise refusal("InvalidSubscriptionId", message)
    group = ""
    if rest[0].lower() == "resourcegroups":
        if len(rest) <= 2:
            names = tuple(rest[1:])
            return Address(
                subscription=subscription,
                group=rest[1] if names else "",
                namespace=RESOURCES,
                type="resourceGroups",
                names=names,
            )
        group, rest = rest[1], rest[2:]
    if rest[0].lower() != "providers" or len(rest) < 3:
        raise refusal("NotFound", f"No HTTP resource was found that matches the request URI '{path}'.", 404)
    return _resource(subscription, group, rest[1], rest[2:])


def _resource(subscription: str, group: str, namespace: str, parts: list[str]) -> Address:
    known = next((one for one in TYPES if one.lower() == namespace.lower()), None)
    if known is None:
        raise refusal("InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.", 404)
    types, names = parts[0::2], parts[1::2]
    action = ""
    wanted = "/".join(types)
    found = next((one for one in TYPES[known] if one.lower() == wanted.lower()), None)
    if found is None and len(types) == len(names) + 1 and names:  # POST .../{name}/{action}
        action = types.pop().lower()
        found = next((one for one in TYPES[known] if one.lower() == "/".join(types).lower()), None)
    if found is None:
        message = (
            f"The resource type '{wanted}' could not be found in the namespace '{known}' for api version "
            f"'{VERSIONS[known][0]}'. The supported api-versions are '{','.join(VERSIONS[known])}'."
        )
        raise refusal("InvalidResourceType", message, 404)
    return Address(
        subscription=subscription, group=group, namespace=known, type=found, names=tuple(names), action=action
    )


def refusal(code: str, message: str, status: int = 400) -> errors.Refusal:
    return errors.Refusal(code=code, message=message, status=status, headers=GATEWAY)


def check_version(namespace: str, version: str) -> None:
    """Shapes as reported in Azure/azure-sdk-for-python#975 and cloudquery/cloudquery#6626."""
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise refusal("MissingApiVersionParameter", message)
    if version not in VERSIONS[namespace]:
        supported = ",".join(VERSIONS[namespace])
        message = f"The api-version '{version}' is invalid. The supported versions are '{supported}'."
        raise refusal("InvalidApiVersionParameter", message)


def check_bearer(headers: dict[str, str]) -> None:
    if headers.get("authorization", "").lower().startswith("bearer ") and headers["authorization"][7:].strip():
        return
    message = "Authentication failed. The 'Authorization' header is missing."
    raise errors.Refusal(
        code="AuthenticationFailed",
        message=message,
        status=401,
        headers=GATEWAY | {"WWW-Authenticate": 'Bearer error="invalid_token", error_description="No bearer token."'},
    )


def check_name(address: Address) -> None:
    if address.namespace == RESOURCES:
        if not _GROUP.fullmatch(address.name):
            message = (
                f"The provided resource group name '{address.name}' is invalid: 1 to 90 characters, letters, digits, "
                "'-', '_', '(', ')' or '.', and '.' is not the last."
            )
            raise refusal("InvalidResourceGroupName", message)
    elif not _NAME.fullmatch(address.name):
        message = (
            f"Resource name {address.name} is invalid. The name can be up to 80 characters long. It must begin with a "
            "word character, and it must end with a word character or with '_'. The name may contain word characters "
            "or '.', '-', '_'."
        )
        raise errors.Refusal(code="InvalidResourceName", message=message)


def location_of(body: dict[str, Any], kind: str) -> str:
    """The body's location as ARM keeps it ("West Europe" is "westeurope")."""
    given = _member(body, "location")
    if not isinstance(given, str) or not given.strip():
        raise refusal("LocationRequired", "The location property is required for this definition.")
    location = given.replace(" ", "").lower()
    if location not in LOCATIONS:
        message = (
            f"The provided location '{given}' is not available for resource type '{kind}'. "
            f"List of available regions for the resource type is '{','.join(LOCATIONS)}'."
        )
        raise refusal("LocationNotAvailableForResourceType", message)
    return location


def check_same_location(current: str, location: str, name: str, group: str) -> None:
    if current != location:
        message = (
            f"The resource '{name}' already exists in location '{current}' in resource group '{group}'. A resource "
            f"with the same name cannot be created in location '{location}'. Please select a new resource name."
        )
        raise refusal("InvalidResourceLocation", message, 409)


def tags_of(body: dict[str, Any]) -> dict[str, str] | None:
    """The body's tags, checked; None where it has none. Names are compared without case."""
    given = _member(body, "tags")
    if given is None:
        return None
    if not isinstance(given, dict) or not all(value is None or isinstance(value, str) for value in given.values()):
        message = "The request content was invalid and could not be deserialized: 'tags' is a map of strings."
        raise refusal("InvalidRequestContent", message)
    if len({name.lower() for name in given}) < len(given):
        raise refusal("InvalidRequestContent", "The request content has tags whose names differ by case only.")
    if len(given) > 50:
        message = f"The number of tags on the resource is '{len(given)}'; the maximum number of tags is '50'."
        raise refusal("TooManyTags", message)
    reserved = [name for name in given if _TAG.search(name)]
    if reserved:
        message = (
            f"The tag names '{','.join(reserved)}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
        )
        raise refusal("InvalidTagNameCharacters", message)
    for name, value in given.items():
        if not name.strip() or len(name) > 512:
            raise refusal("InvalidTagName", "A tag name has 1 to 512 characters and is not only white space.")
        if len(value or "") > 256:
            message = f"Tag value too large. Following tag value '{name}' exceeded the maximum length of 256."
            raise refusal("InvalidTagValueLength", message)
    return {name: value or "" for name, value in given.items()}


def missing(address: Address) -> errors.Refusal:
    kind, name = address.type.split("/")[0], address.names[0]
    message = (
        f"The Resource '{address.namespace}/{kind}/{name}' under resource group '{address.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return refusal("ResourceNotFound", message, 404)


def missing_group(name: str) -> errors.Refusal:
    return refusal("ResourceGroupNotFound", f"Resource group '{name}' could not be found.", 404)


def not_allowed(method: str) -> errors.Refusal:
    message = f"The requested resource does not support http method '{method}'."
    return errors.Refusal(code="MethodNotAllowed", message=message, status=405, headers=GATEWAY)


def content(body: bytes) -> dict[str, Any]:
    """The JSON object that is the body of a PUT or PATCH. Raises RequestContentTooLarge, InvalidRequestContent."""
    if len(body) > REQUEST_BYTES:
        raise refusal("RequestContentTooLarge", "The request content size exceeds the maximum size of 4 MB.", 413)
    try:
        value = json.loads(body)
    except ValueError as broken:
        message = f"The request content was invalid and could not be deserialized: '{broken}'."
        raise refusal("InvalidRequestContent", message) from None
    if not isinstance(value, dict):
        message = "The request content was invalid and could not be deserialized: 'it is not a JSON object'."
        raise refusal("InvalidRequestContent", message)
    return value


def _member(body: dict[str, Any], name: str) -> Any:
    """A member by its name, whose case does not matter (recorded)."""
    return next((value for key, value in body.items() if key.lower() == name), None)
