"""Names from before today's: what old articles and manifests write, and what stands for it now.

`words` and `structure` ask here when a field is unknown or a value does not fit. A table, no logic: paths are JSON
pointers with `*` for items. Sources: the types of sigs.k8s.io/gateway-api at v0.1 to v1.5 (apis/v1alpha1, v1alpha2,
v1beta1, v1) and its release notes. This module must never decide whether something is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
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
    (("Gateway",), "/spec/gatewayClass", "spec.gatewayClassName"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/routes", "listeners[].allowedRoutes (kinds, namespaces)"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/tls/certificateRef", "listeners[].tls.certificateRefs, a list"),
    (
        ("Gateway", "ListenerSet"),
        "/spec/listeners/*/tls/routeOverride",
        "nothing: certificates stand on listeners only",
    ),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/tls/frontendValidation", "spec.tls.frontend.default.validation"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/allowedRoutes/selector", "allowedRoutes.namespaces.selector"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/allowedRoutes/kind", "allowedRoutes.kinds[].kind"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/allowedRoutes/group", "allowedRoutes.kinds[].group"),
    (("Gateway",), "/spec/backendTLS", "spec.tls.backend"),
    (("Gateway",), "/spec/routes", "spec.parentRefs of each route"),
    (("HTTPRoute",), "/spec/tls", "tls.certificateRefs of a Gateway's listener"),
    (("HTTPRoute",), "/spec/rules/*/matches/*/extensionRef", "rules[].filters[] of type ExtensionRef"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestMirror/serviceName", "requestMirror.backendRef.name"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestMirror/port", "requestMirror.backendRef.port"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestRedirect/protocol", "requestRedirect.scheme"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestRedirect/host", "requestRedirect.hostname"),
    (
        ("HTTPRoute",),
        "/spec/rules/*/filters/*/requestRedirect/path/substitution",
        "path.replaceFullPath or path.replacePrefixMatch",
    ),
    (
        ("HTTPRoute",),
        "/spec/rules/*/filters/*/urlRewrite/path/substitution",
        "path.replaceFullPath or path.replacePrefixMatch",
    ),
    (("HTTPRoute",), "/spec/rules/*/timeout", "rules[].timeouts.request"),
    (("HTTPRoute", "GRPCRoute"), "/spec/rules/*/sessionPersistence/idleTimeout", "nothing: it was removed"),
    (("TLSRoute",), "/spec/rules/*/matches", "spec.hostnames (SNI names)"),
    (("TCPRoute", "UDPRoute"), "/spec/rules/*/matches", "nothing: these routes match by port alone"),
    (ROUTES, "/spec/gateways", "spec.parentRefs of the route, and allowedRoutes of the Gateway's listener"),
    (ROUTES, "/spec/gatewayRefs", "spec.parentRefs"),
    (ROUTES, "/spec/parentRef", "spec.parentRefs, a list"),
    (("HTTPRoute", "GRPCRoute", "TLSRoute"), "/spec/hosts", "spec.hostnames"),
    (("HTTPRoute", "GRPCRoute", "TLSRoute"), "/spec/hostname", "spec.hostnames, a list"),
    (ROUTES, "/spec/rules/*/forwardTo", "rules[].backendRefs (name, port, weight)"),
    (ROUTES, "/spec/rules/*/weight", "rules[].backendRefs[].weight"),
    (ROUTES, "/spec/rules/*/backendRef", "rules[].backendRefs, a list"),
    (ROUTES, "/spec/rules/*/backendRefs/*/serviceName", "backendRefs[].name"),
    (ROUTES, "/spec/rules/*/backendRefs/*/servicePort", "backendRefs[].port"),
    (ROUTES, "/spec/rules/*/backendRefs/*/backendRef", "backendRefs[].group, kind and name"),
    (("BackendTLSPolicy",), "/spec/targetRef", "spec.targetRefs, a list"),
    (("BackendTLSPolicy",), "/spec/tls", "spec.validation (caCertificateRefs, wellKnownCACertificates, hostname)"),
    (("BackendTLSPolicy",), "/spec/validation/caCertRefs", "validation.caCertificateRefs"),
    (("BackendTLSPolicy",), "/spec/validation/wellKnownCACerts", "validation.wellKnownCACertificates"),
    (("XBackendTrafficPolicy",), "/spec/targetRef", "spec.targetRefs, a list"),
    (("XBackendTrafficPolicy",), "/spec/retry", "spec.retryConstraint"),
    (("XBackendTrafficPolicy",), "/spec/sessionPersistence/idleTimeout", "nothing: it was removed"),
)

# (kinds, field, value, what to write today)
_VALUES: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (("HTTPRoute",), "/spec/rules/*/matches/*/path/type", "Prefix", "write PathPrefix"),
    (("HTTPRoute",), "/spec/rules/*/matches/*/path/type", "ImplementationSpecific", "write RegularExpression"),
    (
        ("HTTPRoute", "GRPCRoute"),
        "/spec/rules/*/matches/*/headers/*/type",
        "ImplementationSpecific",
        "write RegularExpression",
    ),
    (("HTTPRoute",), "/spec/rules/*/filters/*/requestRedirect/path/type", "Absolute", "write ReplaceFullPath"),
    (("HTTPRoute",), "/spec/rules/*/filters/*/urlRewrite/path/type", "Absolute", "write ReplaceFullPath"),
)

# (kinds, field, its form today): of fields that were another type once
_SHAPES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("HTTPRoute", "GRPCRoute"), "/spec/rules/*/matches/*/headers", "a list of {name, value, type}"),
    (("HTTPRoute",), "/spec/rules/*/matches/*/queryParams", "a list of {name, value, type}"),
    (("HTTPRoute", "GRPCRoute"), "/spec/rules/*/filters/*/requestHeaderModifier/add", "a list of {name, value}"),
    (("HTTPRoute", "GRPCRoute"), "/spec/rules/*/filters/*/requestHeaderModifier/set", "a list of {name, value}"),
    (("Gateway", "ListenerSet"), "/spec/listeners/*/hostname", "one name, such as *.example.com"),
    (("XBackend",), "/spec/port", "a mapping with port"),
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
