"""How routing speaks: the codes of its notes, and origins that name the object, the section and the field.

Every module of `routing` makes its notes here, so that each one names object, field, reason and what to do. Codes
follow the condition reasons of the Gateway API where it has one (https://gateway-api.sigs.k8s.io/reference/spec/), so
that the statuses that a controller writes can be made from the same facts. This module must never decide anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

from cloudgw.objects import Meta, Note, Origin, RouteRule
from cloudgw.routing import ir

Level = Literal["info", "warning", "error"]

NOT_OURS = "NotOurClass"
MISSING_CLASS = "MissingClass"
MISSING_PARAMETERS = "MissingParameters"
UNREADABLE = "Unreadable"
MISSING_GATEWAY = "MissingGateway"
NOT_HONOURED = "NotHonoured"
UNKNOWN_FIELD = "UnknownField"
UNSUPPORTED_PROTOCOL = "UnsupportedProtocol"
UNSUPPORTED_VALUE = "UnsupportedValue"
UNSUPPORTED_KIND = "UnsupportedKind"
UNSUPPORTED_ADDRESS = "UnsupportedAddressType"
PROTOCOL_CONFLICT = "ProtocolConflict"
HOSTNAME_CONFLICT = "HostnameConflict"
INVALID_CERTIFICATE = "InvalidCertificateRef"
NO_MATCHING_PARENT = "NoMatchingParent"
NOT_ALLOWED = "NotAllowedByListeners"
NO_HOSTNAME = "NoMatchingListenerHostname"
UNSUPPORTED_FILTER = "UnsupportedFilter"
INCOMPATIBLE_FILTERS = "IncompatibleFilters"
INVALID_MATCH = "InvalidMatch"
DUPLICATE_MATCH = "DuplicateMatch"
SHADOWED = "Shadowed"
ISOLATED = "Isolated"
REF_NOT_PERMITTED = "RefNotPermitted"
INVALID_KIND = "InvalidKind"
BACKEND_NOT_FOUND = "BackendNotFound"
NO_BACKEND = "NoBackend"
UNKNOWN_INPUT = "UnknownInput"
SET_NOT_ALLOWED = "NotAllowed"
LISTENER_CONFLICT = "ListenerConflict"
TOO_MANY_LISTENERS = "TooManyListeners"
INVALID_TLS = "InvalidTLSConfig"
INVALID_ROUTE_KINDS = "InvalidRouteKinds"
INVALID_CA = "InvalidCACertificateRef"
INVALID_CA_KIND = "InvalidCACertificateKind"
NO_VALID_CA = "NoValidCACertificate"
INVALID_CLIENT_CERTIFICATE = "InvalidClientCertificateRef"
INVALID_PARAMETERS = "InvalidParameters"
CONFLICTED = "Conflicted"
TARGET_NOT_FOUND = "TargetNotFound"
INVALID = "Invalid"
ACCEPTED = "Accepted"
RESOLVED_REFS = "ResolvedRefs"
PENDING = "Pending"


def origin(kind: str, meta: Meta, *, section: str = "", path: str = "") -> Origin:
    """The origin of something that an object says in one of its fields. path: JSON pointer into the object."""
    return Origin(
        kind=kind,
        namespace=meta.namespace,
        name=meta.name,
        section=section,
        path=path,
        file=meta.file,
        line=meta.line,
    )


def rule_section(rule: RouteRule, index: int) -> str:
    """`rule "pay"`, or `rule 2` (counted from 0, as in the JSON pointer) for a rule without a name."""
    return f'rule "{rule.name}"' if rule.name else f"rule {index}"


def resolved(references: Sequence[ir.Verdict]) -> ir.Verdict:
    """ResolvedRefs of several references, of those that are wrong or unknown: the first that is wrong, else the first
    that is unknown, with everybody's message."""
    wrong = [one for one in references if one.status is False] or list(references)
    if not wrong:
        return ir.Verdict(status=True, reason=RESOLVED_REFS)
    return dataclasses.replace(wrong[0], message="; ".join(dict.fromkeys(one.message for one in references)))


def note(level: Level, code: str, where: Origin, message: str) -> Note:
    """A note about `where`. message: "<field>: <reason>; <what to do>"; the object's name is put before it."""
    return Note(level=level, code=code, message=f"{where}: {message}", origin=where)
