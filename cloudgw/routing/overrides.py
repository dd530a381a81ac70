"""A Gateway's own parameters (spec.infrastructure.parametersRef) over those of its class.

Called by `resolve`; `verdicts` and `wishes` read what it found. A field stands in place of the class's whole field of
that name, and only where the class lists it in `overridable`: the platform team decides what a team may choose, so that
no namespaced object widens an exposure, or changes an identity, a budget or an approval, by itself. A field that is not
listed refuses all of them, also where it would narrow: half of what somebody wrote is not what they wrote. This module
must never know a field by name but `overridable`: what a value means is the provider's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cloudgw.objects import OWN_GROUP, Gateway, Parameters, Snapshot, Unknown
from cloudgw.routing import conditions, ir

OVERRIDABLE = "overridable"
_OF_CLASS, _OF_GATEWAY = "ClassParameters", "Parameters"
_FIELD = "spec.infrastructure.parametersRef"


def of(snapshot: Snapshot, gateway: Gateway, base: Parameters | Unknown | None) -> ir.Own | None:
    """What the Gateway refers to; None when it refers to nothing. base: the parameters of its class."""
    ref = gateway.infrastructure.parameters
    if ref is None:
        return None
    own = ir.Own(kind=ref.kind, namespace=gateway.meta.namespace, name=ref.name, base=base)
    named = f"{_FIELD}: {ref.kind} {ref.name}"
    if ref.group != OWN_GROUP:
        group = f"group {ref.group}" if ref.group else "the core group"
        return _refused(own, f"{named} of {group} is not known; refer to a parameters object of group {OWN_GROUP}")
    if isinstance(base, Parameters) and ref.kind != (wanted := kind_of(base.kind)):
        fix = f"refer to an object of kind {wanted}" if wanted else "remove the reference"
        return _refused(own, f"{named} cannot stand over {base.kind} {base.meta.name}, the class's parameters; {fix}")
    found = snapshot.get(ref.kind, gateway.meta.namespace, ref.name)
    if isinstance(found, Unknown):
        wrong = ir.Verdict(status=None, reason=conditions.PENDING, message=f"{named}: {found.reason}")
        return dataclasses.replace(own, wrong=wrong)
    if not isinstance(found, Parameters):
        where = f"namespace {gateway.meta.namespace}"
        return _refused(own, f"{named} does not exist in {where}; create it, or correct the reference")
    if isinstance(base, Parameters) and (closed := _closed(base.spec, found.spec)):
        fields = ", ".join(f"spec.{name}" for name in closed)
        listed = ", ".join(_listed(base.spec)) or "none"
        return _refused(
            own,
            f"{named}: {fields}: not for a Gateway to choose: {base.kind} {base.meta.name} lists as {OVERRIDABLE}: "
            f"{listed}; remove what is not listed, or ask whoever owns the class to list it",
        )
    return dataclasses.replace(own, spec=found.spec)


def merged(base: Parameters | Unknown | None, own: ir.Own | None) -> Parameters | Unknown | None:
    """What holds for the Gateway: None when there is nothing usable, Unknown when that cannot be seen."""
    if own is None:
        return base
    if own.wrong is not None:
        return Unknown(own.wrong.message) if own.wrong.status is None else None
    return dataclasses.replace(base, spec={**base.spec, **own.spec}) if isinstance(base, Parameters) else base


def kind_of(kind: str) -> str:
    """XGatewayClassParameters -> XGatewayParameters: what may stand over parameters of this kind; "" = nothing."""
    return kind.removesuffix(_OF_CLASS) + _OF_GATEWAY if kind.endswith(_OF_CLASS) else ""


def _closed(base: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    listed = _listed(base)
    return sorted(str(name) for name in own if name not in listed)


def _listed(base: Mapping[str, Any]) -> list[str]:
    """Whatever is no list of names lists nothing: the provider says what is wrong with it."""
    given = base.get(OVERRIDABLE)
    return sorted({one for one in given if isinstance(one, str)}) if isinstance(given, list | tuple) else []


def _refused(own: ir.Own, message: str) -> ir.Own:
    verdict = ir.Verdict(status=False, reason=conditions.INVALID_PARAMETERS, message=message)
    return dataclasses.replace(own, wrong=verdict)
