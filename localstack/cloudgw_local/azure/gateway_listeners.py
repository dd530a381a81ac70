"""HTTP listeners and TCP/TLS listeners of a gateway: what they must name, hosts, and who may share a port.

Called by `gateway.accept`. A listener that no rule uses is taken: the documented order of commands creates listeners
before their rules (MicrosoftDocs/azure-docs articles/application-gateway/tutorial-multiple-sites-cli.md).

Source: MicrosoftDocs/azure-docs articles/application-gateway/{configuration-listeners,multiple-site-overview,
tcp-tls-proxy-overview}.md; Azure/application-gateway-kubernetes-ingress#317, #966; MicrosoftDocs/azure-docs#63542.
"""

from __future__ import annotations

import re

from cloudgw_local.azure import errors, gateway_document
from cloudgw_local.azure.gateway_document import Child, Document

_SECURE = ("Https", "Tls")
_LABEL = re.compile(r"[A-Za-z0-9_*?]([A-Za-z0-9_*?-]{0,61}[A-Za-z0-9_*?])?")


def check_required(document: Document) -> None:
    if not document.of("httpListeners", "listeners") and document.around.belief("azure-empty-gateway") == "refused":
        raise gateway_document.refuse(
            "HttpListenersCannotBeEmpty", f"Application Gateway {document.id} must have at least one listener."
        )
    for child in document.of("httpListeners", "listeners"):
        for member in ("frontendIPConfiguration", "frontendPort"):
            if member not in child.properties:
                what = member[0].upper() + member[1:]
                raise gateway_document.refuse(
                    "HttpListenerMustReference", f"HttpListener {child.id} must reference {what}.", child
                )


def check(document: Document) -> None:
    for child in document.of("httpListeners"):
        _check_protocol(child, ("Http", "Https"))
        _check_hosts(child)
    for child in document.of("listeners"):
        _check_protocol(child, ("Tcp", "Tls"))
        _check_hosts(child)
    _check_sharing(document)


def _check_protocol(child: Child, allowed: tuple[str, ...]) -> None:
    properties = child.properties
    protocol = properties.get("protocol")
    if protocol not in allowed:
        raise gateway_document.refuse(
            "HttpListenerProtocolInvalid",
            f"Protocol {protocol} of listener {child.id} is invalid. It must be {' or '.join(allowed)}.",
            child,
        )
    if protocol in _SECURE and "sslCertificate" not in properties:
        raise gateway_document.refuse(
            "HttpsListenerMustReferenceSslCert", f"Https Listener {child.id} must reference Ssl Certificate.", child
        )
    for member in ("sslCertificate", "sslProfile"):
        if protocol not in _SECURE and member in properties:
            raise gateway_document.refuse(
                "HttpListenerCannotReferenceSslCert",
                f"Listener {child.id} with protocol {protocol} cannot reference {member}.",
                child,
            )


def _check_hosts(child: Child) -> None:
    single, many = child.properties.get("hostName"), child.properties.get("hostNames") or []
    if single and many:
        raise gateway_document.refuse(
            "HttpListenerHostNameAndHostNamesConflict",
            f"Listener {child.id} can have either HostName or HostNames, not both.",
            child,
        )
    if (single or many) and child.properties["protocol"] == "Tcp":
        raise _host(child, single or many[0], "a TCP listener has no host name")
    if single and ("*" in single or "?" in single):
        raise _host(child, single, "wildcards are allowed in HostNames only")
    for host in [single] if single else many:
        _check_host(child, host)
    if len({host.casefold() for host in many}) < len(many):
        raise _host(child, ", ".join(many), "each must be given once")


def _check_host(child: Child, host: str) -> None:
    """multiple-site-overview.md: at most 4 wildcards, `*` once in a label and in at most 2 labels; no ports."""
    labels = host.split(".")
    if len(host) > 255 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _host(child, host, "it may hold letters, digits, '-', '.', '*' and '?'")
    if sum(host.count(wildcard) for wildcard in "*?") > 4:
        raise _host(child, host, "at most 4 wildcards are allowed")
    if any(label.count("*") > 1 for label in labels) or sum("*" in label for label in labels) > 2:
        raise _host(child, host, "'*' is allowed once in a label and in at most 2 labels")


def _host(child: Child, host: str, why: str) -> errors.Refusal:
    return gateway_document.refuse(
        "HttpListenerInvalidHostName", f"HostName {host} of listener {child.id} is invalid: {why}.", child
    )


def _check_sharing(document: Document) -> None:
    """Listeners of one address and port: one protocol, one without a host, and no host twice."""
    ports: dict[tuple[str, int], list[Child]] = {}
    for child in document.of("httpListeners", "listeners"):
        frontend, port = document.target(child, "frontendIPConfiguration"), document.target(child, "frontendPort")
        assert frontend is not None
        assert port is not None
        sharers = ports.setdefault((frontend.id.casefold(), port.properties["port"]), [])
        for other in sharers:
            _check_pair(other, child, port)
        sharers.append(child)


def _check_pair(first: Child, second: Child, port: Child) -> None:
    pair = f"Two Http Listeners of Application Gateway {first.id} and {second.id}"
    both = f"{pair} are using the same Frontend Port {port.id}"
    if first.properties["protocol"] != second.properties["protocol"]:
        kinds = f"{first.properties['protocol']} and {second.properties['protocol']}"
        raise gateway_document.refuse(
            "HttpListenersUsingSameFrontendPortWithDifferentProtocols", f"{both} with protocols {kinds}.", second
        )
    if not _hosts(first) and not _hosts(second):
        raise gateway_document.refuse("HttpListenersUsingSameFrontendPort", f"{both}.", second)
    for host in sorted(_hosts(first) & _hosts(second)):
        raise gateway_document.refuse(
            "HttpListenersUsingSameFrontendPortHostNameAndFrontendIpConfig", f"{both} and HostName {host}.", second
        )


def _hosts(child: Child) -> set[str]:
    single = child.properties.get("hostName")
    return {host.casefold() for host in ([single] if single else child.properties.get("hostNames") or [])}
