"""Pools, backend settings and probes of a gateway.

Called by `gateway.accept`. Looks at the document alone: whether a target answers is health's business.

Source: MicrosoftDocs/azure-docs articles/application-gateway/{configuration-http-settings,
application-gateway-probe-overview}.md and the ranges in the descriptions of the REST API's models.
"""

from __future__ import annotations

import ipaddress
import re

from cloudgw_local.azure import gateway_document
from cloudgw_local.azure.gateway_document import Child, Document

_FQDN = re.compile(
    r"(?=.{1,255}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
_CODES = re.compile(r"[1-5][0-9][0-9](-[1-5][0-9][0-9])?")
_DAY = 86400


def check_required(document: Document) -> None:
    for child in document.of("backendHttpSettingsCollection"):
        port = child.properties.get("port", 0)
        if not 1 <= port <= 65535:
            raise gateway_document.refuse(
                "BackendHttpSettingsPortIsInvalid",
                f"Port {port} of backend http settings {child.id} is invalid.",
                child,
            )
        draining = child.properties.get("connectionDraining")
        if draining and not 1 <= draining["drainTimeoutInSec"] <= 3600:
            raise gateway_document.refuse(
                "ConnectionDrainingTimeoutInvalid",
                f"Connection draining timeout {draining['drainTimeoutInSec']} of {child.id} is invalid. It must be "
                "in the range [1,3600].",
                child,
            )


def check(document: Document) -> None:
    for child in document.of("backendAddressPools"):
        _check_pool(child)
    for child in document.of("probes"):
        _check_probe(child)
    for child in document.of("backendHttpSettingsCollection"):
        _check_protocol(child, "BackendHttpSettingsProtocolInvalid", ("Http", "Https"))
        _check_range(child, "requestTimeout", 1, _DAY, "BackendHttpSettingsRequestTimeoutInvalid")
        _check_settings(document, child)
    for child in document.of("backendSettingsCollection"):
        _check_protocol(child, "BackendSettingsProtocolInvalid", ("Tcp", "Tls"))
        _check_range(child, "port", 1, 65535, "BackendSettingsPortIsInvalid", required=True)
        _check_range(child, "timeout", 1, _DAY, "BackendSettingsTimeoutInvalid")
        _check_settings(document, child)


def _check_pool(child: Child) -> None:
    for address in child.properties.get("backendAddresses") or []:
        text, name = address.get("ipAddress"), address.get("fqdn")
        if (text is None) == (name is None):
            raise gateway_document.refuse(
                "BackendAddressInvalid",
                f"A backend address of {child.id} must have either IpAddress or Fqdn.",
                child,
            )
        good = bool(_FQDN.fullmatch(name)) if name is not None else _is_ip(str(text))
        if not good:
            raise gateway_document.refuse(
                "BackendAddressInvalid", f"Backend address {name or text} of {child.id} is invalid.", child
            )


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _check_protocol(child: Child, code: str, allowed: tuple[str, ...]) -> None:
    protocol = child.properties.get("protocol")
    if protocol not in allowed:
        raise gateway_document.refuse(
            code, f"Protocol {protocol} of {child.id} is invalid. It must be {' or '.join(allowed)}.", child
        )


def _check_range(child: Child, member: str, low: int, high: int, code: str, *, required: bool = False) -> None:
    value = child.properties.get(member)
    if value is None and not required:
        return
    if value is None or not low <= value <= high:
        raise gateway_document.refuse(
            code, f"{member} {value} of {child.id} is invalid. It must be in the range [{low},{high}].", child
        )


def _check_settings(document: Document, child: Child) -> None:
    properties = child.properties
    if properties.get("hostName") and properties.get("pickHostNameFromBackendAddress"):
        raise gateway_document.refuse(
            "BackendHttpSettingsHostNameFieldConflict",
            f"HostName may not be specified for {child.id} when PickHostNameFromBackendAddress is true.",
            child,
        )
    if properties.get("path") and not properties["path"].startswith("/"):
        raise gateway_document.refuse(
            "BackendHttpSettingsPathIsInvalid", f"Path {properties['path']} of {child.id} must start with '/'.", child
        )
    if properties.get("trustedRootCertificates") and properties["protocol"] not in ("Https", "Tls"):
        raise gateway_document.refuse(
            "BackendHttpSettingsTrustedRootCertificateNotAllowed",
            f"{child.id} with protocol {properties['protocol']} cannot reference trusted root certificates.",
            child,
        )
    probe = document.target(child, "probe")
    if probe is None:
        return
    if probe.properties["protocol"] != properties["protocol"]:
        raise gateway_document.refuse(
            "ProbeProtocolMustMatchBackendHttpSettinsProtocol",  # spelled so by the service
            f"Probe {probe.id} protocol {probe.properties['protocol']} must match protocol {properties['protocol']} of "
            f"backend http settings {child.id}.",
            child,
        )
    picks = probe.properties.get("pickHostNameFromBackendHttpSettings")
    if picks and not (properties.get("hostName") or properties.get("pickHostNameFromBackendAddress")):
        raise gateway_document.refuse(
            "ProbeHostIsNull",
            f"Host of probe {probe.id} is null: it is taken from {child.id}, which has no host name.",
            probe,
        )


def _check_probe(child: Child) -> None:
    properties = child.properties
    protocol = properties.get("protocol")
    if protocol is None:
        raise gateway_document.refuse("ProbeProtocolInvalid", f"Protocol of probe {child.id} must be given.", child)
    _check_range(child, "interval", 1, _DAY, "ProbeIntervalIsInvalid", required=True)
    _check_range(child, "timeout", 1, _DAY, "ProbeTimeoutIsInvalid", required=True)
    _check_range(child, "unhealthyThreshold", 1, 20, "ProbeUnhealthyThresholdIsInvalid", required=True)
    _check_range(child, "port", 1, 65535, "ProbePortIsInvalid")
    if properties["timeout"] > properties["interval"]:
        raise gateway_document.refuse(
            "ProbeIntervalMustNotBeLessThanTimeout",
            f"Interval {properties['interval']} of probe {child.id} must not be less than its timeout "
            f"{properties['timeout']}.",
            child,
        )
    path = properties.get("path")
    if protocol in ("Tcp", "Tls"):
        if path or properties.get("host"):
            raise gateway_document.refuse(
                "ProbePathIsInvalid", f"Probe {child.id} with protocol {protocol} can have no host and no path.", child
            )
        return
    if not path or not path.startswith("/"):
        raise gateway_document.refuse(
            "ProbePathIsInvalid", f"Path {path} of probe {child.id} is invalid. It must start with '/'.", child
        )
    host, picks = properties.get("host"), properties.get("pickHostNameFromBackendHttpSettings")
    if not host and not picks:
        raise gateway_document.refuse("ProbeHostIsNull", f"Host of probe {child.id} cannot be null.", child)
    if host and picks:
        raise gateway_document.refuse(
            "ProbeHostFieldConflict",
            f"Host may not be specified for probe {child.id} when PickHostNameFromBackendHttpSettings is true.",
            child,
        )
    for code in (properties.get("match") or {}).get("statusCodes") or []:
        if not _CODES.fullmatch(code):
            raise gateway_document.refuse(
                "ProbeMatchStatusCodeInvalid", f"Status code {code} of probe {child.id} is invalid.", child
            )
