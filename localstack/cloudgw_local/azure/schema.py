"""The published shapes of Azure's network resources, read from the models of the SDK package.

The gateway document and the network resources take request bodies through `take`; tests hold every answer against
`check`. The models are used as a schema source alone: nothing here may call the SDK's clients or its parser, which
takes unknown members and wrong types. It holds no rule that spans two members: those are in gateway*.py.

Source: the models of azure-mgmt-network, generated from Azure/azure-rest-api-specs,
specification/network/resource-manager/Microsoft.Network.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import functools
import types
import typing
from typing import Any

from cloudgw_local.azure import errors

# Members that are taken and never shown; `password` and `data` are the certificate's private half.
SECRETS = {"ApplicationGatewaySslCertificatePropertiesFormat": ("data", "password")}

# Members that the service shows (recorded in GETs) and takes back, though hardly a published model has them: back
# references. The service derives them, so as input they are read-only: dropped.
_DERIVED: dict[str, tuple[str, ...]] = {
    "ApplicationGatewayFrontendIPConfigurationPropertiesFormat": ("httpListeners", "listeners"),
    "ApplicationGatewayFrontendPortPropertiesFormat": ("httpListeners", "listeners"),
    "ApplicationGatewaySslCertificatePropertiesFormat": ("httpListeners", "listeners"),
    "ApplicationGatewayTrustedRootCertificatePropertiesFormat": ("backendHttpSettings", "backendSettings"),
    "ApplicationGatewayTrustedClientCertificatePropertiesFormat": ("sslProfiles",),
    "ApplicationGatewaySslProfilePropertiesFormat": ("httpListeners", "listeners"),
    "ApplicationGatewayProbePropertiesFormat": ("backendHttpSettings", "backendSettings"),
    "ApplicationGatewayHttpListenerPropertiesFormat": ("requestRoutingRules", "redirectConfigurations"),
    "ApplicationGatewayListenerPropertiesFormat": ("routingRules",),
    "ApplicationGatewayBackendAddressPoolPropertiesFormat": (
        *("requestRoutingRules", "routingRules", "urlPathMaps", "pathRules"),
        *("advancedRoutingMaps", "advancedRoutingRules", "loadDistributionPolicies"),
    ),
    "ApplicationGatewayBackendHttpSettingsPropertiesFormat": (
        *("requestRoutingRules", "urlPathMaps", "pathRules", "advancedRoutingMaps", "advancedRoutingRules"),
    ),
    "ApplicationGatewayBackendSettingsPropertiesFormat": ("routingRules",),
    "ApplicationGatewayUrlPathMapPropertiesFormat": ("requestRoutingRules",),
    "ApplicationGatewayAdvancedRoutingMapPropertiesFormat": ("requestRoutingRules",),
    "ApplicationGatewayAdvancedRoutingConditionSetPropertiesFormat": ("advancedRoutingRules",),
    "ApplicationGatewayRewriteRuleSetPropertiesFormat": (
        *("requestRoutingRules", "urlPathMaps", "pathRules", "advancedRoutingMaps", "advancedRoutingRules"),
    ),
    "ApplicationGatewayRedirectConfigurationPropertiesFormat": (
        *("requestRoutingRules", "urlPathMaps", "pathRules", "advancedRoutingMaps", "advancedRoutingRules"),
    ),
    "ApplicationGatewayLoadDistributionPolicyPropertiesFormat": ("requestRoutingRules", "urlPathMaps", "pathRules"),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a model. `kind` is "string", "integer", "number", "boolean", "any", "list", "map", "enum" or
    the name of a model; `item` is the kind of a list's or map's members; `values` are an enum's."""

    name: str
    kind: str
    item: Member | None = None
    values: tuple[str, ...] = ()
    read_only: bool = False
    required: bool = False


@functools.cache
def members(model: str) -> collections.abc.Mapping[str, Member]:
    """The members of a model by canonical name. KeyError: the SDK has no such model."""
    from azure.mgmt.network import models

    cls = vars(models)[model]
    cls.__new__(cls)  # the SDK fills _attr_to_rest_field at the first instance
    hints = typing.get_type_hints(cls, localns={"_models": models})
    found = {}
    for attribute, field in cls._attr_to_rest_field.items():
        member = _member(field._rest_name, hints[attribute])
        found[member.name] = dataclasses.replace(member, read_only=field._visibility == ["read"])
    for name in _DERIVED.get(model, ()):
        found[name] = Member(name=name, kind="list", item=Member(name="", kind="SubResource"), read_only=True)
    return found


def _member(name: str, hint: Any) -> Member:
    options = [hint]
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = list(typing.get_args(hint))
    required = type(None) not in options
    options = [option for option in options if option is not type(None)]
    enums = [option for option in options if isinstance(option, type) and issubclass(option, enum.Enum)]
    if enums:
        values = tuple(str(value.value) for value in enums[0])
        return Member(name=name, kind="enum", values=values, required=required)
    option = options[0]
    origin, arguments = typing.get_origin(option), typing.get_args(option)
    if origin is list:
        return Member(name=name, kind="list", item=_member("", arguments[0]), required=required)
    if origin is dict:
        return Member(name=name, kind="map", item=_member("", arguments[1]), required=required)
    plain = {str: "string", bool: "boolean", int: "integer", float: "number", datetime.datetime: "string"}
    kind = plain.get(option, "any")
    if kind == "any" and isinstance(option, type) and issubclass(option, collections.abc.Mapping):
        kind = option.__name__
    return Member(name=name, kind=kind, required=required)


def properties_of(model: str) -> collections.abc.Mapping[str, Member]:
    """The members of a child's `properties`: most models are called ...PropertiesFormat, some ...Properties."""
    return members(members(model)["properties"].kind)


def derived(model: str) -> tuple[str, ...]:
    """The back references that the service shows in a child: of a model, its properties' names."""
    return _DERIVED.get(f"{model}PropertiesFormat", ())


def take(model: str, body: Any) -> dict[str, Any]:
    """The writable members of a request body with canonical names and enum values; nulls and read-only are dropped.

    Refused as InvalidRequestFormat, with every fault as a detail whose message holds the JSON path: unknown members
    and wrong types (InvalidJson), references without an id (MissingJsonReferenceId). The shape is the one reported
    in Azure/azure-cli#1619 and Azure/azure-sdk-for-net#17354. Member names are taken in any case.
    """
    faults: list[tuple[str, str, str]] = []
    taken = _take(Member(name="", kind=model), body, "", faults)
    if faults:
        raise unreadable(*faults)
    return typing.cast(dict[str, Any], taken)


def unreadable(*faults: tuple[str, str, str]) -> errors.Refusal:
    """A body that does not parse; `faults` are (code, message, target)."""
    return errors.Refusal(code="InvalidRequestFormat", message="Cannot parse the request.", details=faults)


def _take(member: Member, value: Any, path: str, faults: list[tuple[str, str, str]]) -> Any:
    kind = member.kind
    if kind == "any":
        return value
    if kind == "list":
        if not isinstance(value, list):
            return _wrong(member, value, path, faults)
        assert member.item is not None
        return [_take(member.item, item, f"{path}[{index}]", faults) for index, item in enumerate(value)]
    if kind == "map":
        if not isinstance(value, dict):
            return _wrong(member, value, path, faults)
        assert member.item is not None
        # A null in a map stays: {"userAssignedIdentities": {"<id>": {}}} counts by its keys.
        return {
            key: None if item is None else _take(member.item, item, f"{path}.{key}", faults)
            for key, item in value.items()
        }
    if kind == "enum":
        canonical = {option.casefold(): option for option in member.values}
        if not isinstance(value, str) or value.casefold() not in canonical:
            return _wrong(member, value, path, faults)
        return canonical[value.casefold()]
    if kind in _PLAIN:
        return value if _is(kind, value) else _wrong(member, value, path, faults)
    return _take_model(member, value, path, faults)


def _take_model(member: Member, value: Any, path: str, faults: list[tuple[str, str, str]]) -> Any:
    if not isinstance(value, dict):
        return _wrong(member, value, path, faults)
    if member.kind == "SubResource" and not value.get("id", value.get("Id")):
        faults.append(("MissingJsonReferenceId", f"Value for reference id is missing. Path {path}.", ""))
        return value
    known = members(member.kind)
    by_name = {name.casefold(): name for name in known}
    taken = {}
    for given, item in value.items():
        name = by_name.get(given.casefold())
        inner = f"{path}.{given}" if path else given
        if name is None:
            message = f"Could not find member '{given}' on object of type '{member.kind}'. Path '{inner}'."
            faults.append(("InvalidJson", message, ""))
        elif not known[name].read_only and item is not None:
            taken[name] = _take(known[name], item, inner, faults)
    for name, inner_member in known.items():
        if inner_member.required and name not in taken:
            faults.append(("InvalidJson", f"Required property '{name}' not found in JSON. Path '{path}'.", ""))
    return taken


_PLAIN = {"string": str, "integer": int, "number": (int, float), "boolean": bool}


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PLAIN[kind])  # type: ignore[arg-type]


def _wrong(member: Member, value: Any, path: str, faults: list[tuple[str, str, str]]) -> Any:
    # Values of objects, lists and unknown strings are not repeated: one of them may be a secret.
    kind = "/".join(member.values) if member.kind == "enum" else member.kind
    given = f'"{value}"' if member.kind == "enum" and isinstance(value, str) else type(value).__name__
    faults.append(("InvalidJson", f"Error converting value {given} to type '{kind}'. Path '{path}'.", ""))
    return None


def check(model: str, body: Any) -> None:
    """Does an answer of ours conform to the published schema? ValueError lists every deviation and its path.

    Stricter than `take`: names and enum values must be canonical, nulls, secrets and private members are faults.
    """
    faults: list[str] = []
    _check(Member(name="", kind=model), body, "", faults)
    if faults:
        raise ValueError(f"{model}: " + "; ".join(faults))


def _check(member: Member, value: Any, path: str, faults: list[str]) -> None:
    kind = member.kind
    if kind == "any":
        return
    if kind in ("list", "map"):
        if not isinstance(value, list if kind == "list" else dict):
            faults.append(f"{path} is no {kind}")
            return
        assert member.item is not None
        keyed: dict[Any, Any] = dict(enumerate(value)) if isinstance(value, list) else value
        for key, item in keyed.items():
            _check(member.item, item, f"{path}[{key}]", faults)
    elif kind == "enum":
        if value not in member.values:
            faults.append(f"{path} is none of {', '.join(member.values)}")
    elif kind in _PLAIN:
        if not _is(kind, value):
            faults.append(f"{path} is no {kind}")
    elif not isinstance(value, dict):
        faults.append(f"{path} is no object")
    else:
        known = members(kind)
        for name, item in value.items():
            if name not in known:
                faults.append(f"{path}.{name} is not in {kind}")
            elif name in SECRETS.get(kind, ()):
                faults.append(f"{path}.{name} is a secret")
            else:
                _check(known[name], item, f"{path}.{name}", faults)
        missing = [name for name, inner in known.items() if inner.required and name not in value]
        faults.extend(f"{path}.{name} is missing" for name in missing)
