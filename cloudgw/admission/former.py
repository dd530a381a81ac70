"""Names from before today's: what old articles and manifests write, and what stands for it now.

`words` and `structure` ask here when a field is unknown or a value does not fit. A table, no logic: paths are JSON
pointers with `*` for items. Source: the CustomResourceDefinitions in the Go modules sigs.k8s.io/gateway-api v0.1.0,
v0.2.0, v0.3.0, v0.4.0, v0.4.3, v0.5.0-rc1, v0.5.0, v0.5.1, v0.6.2, v0.7.1, v0.8.0, v0.8.1, v1.0.0, v1.1.0, v1.1.1,
v1.2.0, v1.2.1, v1.3.0, v1.4.0, v1.4.1, v1.5.0, v1.5.1, v1.6.0 and v1.6.3, both channels: every entry stands in one of
them, and every field of theirs that is gone today stands here, or below one that does. What to write instead is read
from today's. This module must never decide whether something is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_OLDEST = ("HTTPRoute", "TLSRoute", "TCPRoute", "UDPRoute")
GROUPS = ("networking.x-k8s.io",)

# kind -> (kind today or "" when nothing replaces it, what to do)
KINDS = {
    "ReferencePolicy": ("ReferenceGrant", "write kind: ReferenceGrant; its fields are the same"),
    "BackendPolicy": ("BackendTLSPolicy", "write a BackendTLSPolicy with spec.targetRefs and spec.validation"),
    "BackendLBPolicy": ("XBackendTrafficPolicy", "write an XBackendTrafficPolicy (experimental channel)"),
    "XListenerSet": ("ListenerSet", "write apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet"),
}

# (kinds, field, what stands for it today)
_FIELDS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("GatewayClass",), "/spec/controller", "spec.controllerName"),
    (("GatewayClass",), "/spec/parametersRef/scope", "nothing: whether spec.parametersRef.namespace is set"),
    (("Gateway",), "/spec/listeners/*/routes", "listeners[].allowedRoutes (kinds, namespaces)"),
    (("Gateway",), "/spec/listeners/*/tls/certificateRef", "listeners[].tls.certificateRefs, a list"),
    (("Gateway",), "/spec/listeners/*/tls/routeOverride", "nothing: certificates stand on listeners only"),
    (("Gateway",), "/spec/listeners/*/tls/frontendValidation", "spec.tls.frontend.default.validation"),
    (("ListenerSet",), "/spec/listeners/*/tls/frontendValidation", "spec.tls.frontend of the Gateway"),
    (("Gateway",), "/spec/backendTLS", "spec.tls.backend"),
    (("HTTPRoute",), "/spec/tls", "tls.certificateRefs of a Gateway's listener"),
    (("HTTPRoute",), "/spec/rules/*/matches/*/extensionRef", "rules[].filters[] of type ExtensionRef"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestMirror/serviceName", "requestMirror.backendRef.name"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestMirror/port", "requestMirror.backendRef.port"),
    (("HTTPRoute", "GRPCRoute"), "/spec/rules/*/sessionPersistence/idleTimeout", "nothing: it was removed"),
    (("TLSRoute",), "/spec/rules/*/matches", "spec.hostnames (SNI names)"),
    (("TCPRoute", "UDPRoute"), "/spec/rules/*/matches", "nothing: these routes match by port alone"),
    (_OLDEST, "/spec/gateways", "spec.parentRefs of the route, and allowedRoutes of the Gateway's listener"),
    (_OLDEST, "/spec/rules/*/forwardTo", "rules[].backendRefs (name, port, weight)"),
    (("BackendTLSPolicy",), "/spec/targetRef", "spec.targetRefs, a list"),
    (("BackendTLSPolicy",), "/spec/tls", "spec.validation (caCertificateRefs, wellKnownCACertificates, hostname)"),
    (("XBackendTrafficPolicy",), "/spec/sessionPersistence/idleTimeout", "nothing: it was removed"),
)

# (kinds, field, value, what to write today)
_VALUES: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (("HTTPRoute",), "/spec/rules/*/matches/*/path/type", "Prefix", "write PathPrefix"),
)

# (kinds, field, its form today): of fields that were mappings once
_SHAPES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("HTTPRoute",), "/spec/rules/*/matches/*/headers", "a list of {name, value, type}"),
    (("HTTPRoute",), "/spec/rules/*/matches/*/queryParams", "a list of {name, value, type}"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestHeaderModifier/add", "a list of {name, value}"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestHeaderModifier/set", "a list of {name, value}"),
)


def field(kind: str, path: str) -> str:
    """What stands for a field today, or "". path: with `*` for items."""
    return next((today for kinds, old, today in _FIELDS if kind in kinds and old == path), "")


def value(kind: str, pointer: str, found: object) -> str:
    """What to write for a value of an enum, or ""."""
    path = starred(pointer)
    return next((fix for kinds, old, was, fix in _VALUES if kind in kinds and old == path and was == found), "")


def shape(kind: str, pointer: str) -> str:
    """What to write where the type is wrong, or ""."""
    path = starred(pointer)
    return next((f"write {form}" for kinds, old, form in _SHAPES if kind in kinds and old == path), "")


def starred(pointer: str) -> str:
    """A JSON pointer with `*` for the items of lists."""
    return re.sub(r"/\d+(?=/|$)", "/*", pointer)


def nearest(word: str, words: Sequence[str]) -> str:
    """The word that was probably meant, or "": case does not count."""
    lowered = {known.lower(): known for known in words}
    found = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.75)
    return lowered[found[0]] if found else ""
