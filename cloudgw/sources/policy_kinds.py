"""Manifests of our own policies become objects: BackendPolicy.

Called by `catalog` with the fields of one object; raises fields.FieldError for what the definition refuses. Fields and
bounds are those of crds/backendpolicies.yaml, and a test compares them. This module must never fill in what was left
out: absent means as without a policy, and only a provider knows how that is.
"""

from __future__ import annotations

import re

from cloudgw import objects
from cloudgw.objects import Meta
from cloudgw.sources.fields import FieldError, Fields, shown

_PATH = re.compile(r"/[!-~]{0,1023}")
_CODES = re.compile(r"[1-5][0-9]{2}(-[1-5][0-9]{2})?")
_COOKIE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,253}")


def backend_policy(meta: Meta, fields: Fields) -> objects.BackendPolicy:
    spec = fields.needed("spec")
    check, affinity = spec.child("healthCheck"), spec.child("affinity")
    drain = spec.number("drainSeconds", -1, high=3600)
    return objects.BackendPolicy(
        meta=meta,
        targets=_targets(spec),
        check=_check(check) if check else objects.HealthCheck(),
        drain=drain if drain >= 0 else None,
        affinity=_affinity(affinity) if affinity else None,
    )


def _targets(spec: Fields) -> tuple[objects.PolicyTarget, ...]:
    found: list[objects.PolicyTarget] = []
    for target in spec.children("targetRefs"):
        one = objects.PolicyTarget(
            group=target.choice("group", ("",)),
            kind=target.choice("kind", ("Service",), "Service"),
            name=target.text("name", required=True),
            section=target.text("sectionName"),
        )
        if one in found:
            raise FieldError(target.pointer, "names a target twice", "remove one")
        found.append(one)
    if not 1 <= len(found) <= 16:
        reason = f"has {len(found)} targets" if found else "is missing"
        raise FieldError(spec.at("targetRefs"), reason, "name 1 to 16 Services")
    return tuple(found)


def _check(fields: Fields) -> objects.HealthCheck:
    interval = fields.number("intervalSeconds", low=1, high=300)
    timeout = fields.number("timeoutSeconds", low=1, high=300)
    if interval and timeout > interval:
        reason = f"is {timeout}, more than intervalSeconds ({interval})"
        raise FieldError(fields.at("timeoutSeconds"), reason, "lower it, or ask less often")
    return objects.HealthCheck(
        path=_matching(fields, "path", _PATH, "write / and what follows it, without blanks"),
        port=fields.port("port"),
        interval=interval,
        timeout=timeout,
        healthy=fields.number("healthyThreshold", low=1, high=10),
        unhealthy=fields.number("unhealthyThreshold", low=1, high=20),
        statuses=_statuses(fields),
    )


def _statuses(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("statusCodes")
    for number, codes in enumerate(found):
        first, _, last = codes.partition("-")
        if not _CODES.fullmatch(codes) or (last and last < first):
            raise FieldError(fields.at("statusCodes", number), f"is {shown(codes)}", "write 200, or 200-299")
    if "statusCodes" in fields and (not 1 <= len(found) <= 16 or len(set(found)) < len(found)):
        raise FieldError(fields.at("statusCodes"), "is empty, too long or names codes twice", "give 1 to 16, each once")
    return tuple(sorted(found))


def _affinity(fields: Fields) -> objects.Affinity:
    cookie = _matching(fields, "cookieName", _COOKIE, "use letters, digits and ! # $ % & ' * + - . ^ _ ` | ~")
    ttl = fields.number("ttlSeconds", low=1, high=1_209_600)
    kind = fields.text("type", required=True)
    if kind == "Cookie":
        return objects.Affinity(type="Cookie", cookie=cookie, ttl=ttl)
    if kind != "ClientIP":
        raise FieldError(fields.at("type"), f"is {shown(kind)}", "use Cookie or ClientIP")
    if cookie or ttl:
        raise FieldError(fields.pointer, "has cookieName or ttlSeconds, which are of type Cookie alone", "remove them")
    return objects.Affinity(type="ClientIP")


def _matching(fields: Fields, name: str, pattern: re.Pattern[str], fix: str) -> str:
    found = fields.text(name)
    if found and not pattern.fullmatch(found):
        raise FieldError(fields.at(name), f"is {shown(found)}", fix)
    return found
