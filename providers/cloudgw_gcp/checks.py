"""What may be missing in a Google Cloud project before the first Gateway: permissions, networks, quotas, the way in.

`doctor` calls `check` with a listing and what is known for each Gateway. Reads only. The permissions are those of the
roles that we ship (deploy/iam/gcp), by the section "IAM Permissions" of each method in
cloud.google.com/compute/docs/reference/rest/v1; ranges of health checks and proxies:
cloud.google.com/load-balancing/docs/firewall-rules; quotas: cloud.google.com/load-balancing/docs/quotas.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cloudgw import provider
from cloudgw.objects import Unknown
from cloudgw.provider import Finding, Inventory
from cloudgw_gcp import calls, failures, names

ROLE = "deploy/iam/gcp/controller.yaml"
NEARLY = 0.8  # of a quota
PROBERS = ("130.211.0.0/22", "35.191.0.0/16")  # health checks, and the proxies of global load balancers
METRICS = (
    *("STATIC_ADDRESSES", "FORWARDING_RULES", "TARGET_HTTP_PROXIES", "TARGET_HTTPS_PROXIES", "URL_MAPS"),
    *("BACKEND_SERVICES", "HEALTH_CHECKS", "SSL_CERTIFICATES", "FIREWALLS", "NETWORK_ENDPOINT_GROUPS"),
)
_MADE = ("create", "delete", "get", "list")
_CHANGES = {
    "backendServices": (*_MADE, "update", "use"),
    "healthChecks": (*_MADE, "update", "useReadOnly"),
    "sslCertificates": _MADE,
    "sslPolicies": (*_MADE, "update", "use"),
    "targetHttpProxies": (*_MADE, "setUrlMap", "use"),
    "targetHttpsProxies": (*_MADE, "setSslCertificates", "setUrlMap", "update", "use"),
    "urlMaps": (*_MADE, "update", "use"),
}
_OPERATIONS = ("get",)
SHARED = {
    "firewalls": _MADE,
    "instances": ("list", "use"),
    "networkEndpointGroups": (*_MADE, "attachNetworkEndpoints", "detachNetworkEndpoints", "use"),
    "networks": ("get", "updatePolicy", "use"),
    "projects": ("get",),
    "regions": ("get",),
    "subnetworks": ("list", "use"),
    "zoneOperations": _OPERATIONS,
    "zones": ("list",),
}
GLOBAL = {
    **_CHANGES,
    "targetHttpsProxies": (
        *_CHANGES["targetHttpsProxies"],
        *("setCertificateMap", "setQuicOverride", "setSslPolicy"),
    ),
    "globalAddresses": (*_MADE, "setLabels", "use"),
    "globalForwardingRules": (*_MADE, "setLabels", "setTarget"),
    "globalOperations": _OPERATIONS,
}
REGIONAL = {
    **{f"region{name[0].upper()}{name[1:]}": verbs for name, verbs in _CHANGES.items()},
    "addresses": (*_MADE, "createInternal", "deleteInternal", "setLabels", "use", "useInternal"),
    "forwardingRules": (*_MADE, "setLabels", "setTarget", "update"),
    "regionOperations": _OPERATIONS,
}
ANSWERED = ("backendServices", "regionBackendServices", "networkEndpointGroups", "networks", "projects", "regions")

Json = Mapping[str, Any]


def permissions(*groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Of collections -> verbs, sorted."""
    found = {f"compute.{name}.{verb}" for group in groups for name, verbs in group.items() for verb in verbs}
    return tuple(sorted(found))


def is_read(permission: str) -> bool:
    """Whether planning asks for it."""
    _, collection, verb = permission.split(".")
    return verb == "list" or (verb == "get" and collection in ANSWERED)


def check(read: calls.Read, inventory: Inventory, wanted: Sequence[provider.Wanted]) -> list[Finding]:
    found = [Finding(level="ok", check="identity", message=f"{read.caller()} in project {read.project}")]
    found += _permissions(read, wanted)
    found += _networks(wanted)
    found += _answered("quotas", _quotas(read), "compute.projects.get and compute.regions.get")
    found += _answered("way to pods", _ways(read, wanted), "compute.firewalls.list")
    del inventory
    return found


def _answered(what: str, findings: Iterator[Finding], permission: str) -> list[Finding]:
    """A check that its own permission keeps from being made is a warning."""
    try:
        return list(findings)
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None or failure.why != "denied":
            raise
        message = f"not looked at: {failure.text}"
        return [Finding(level="warning", check=what, message=message, fix=f"allow {permission}")]


def _permissions(read: calls.Read, wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    places = {parameters.place == names.GLOBAL for parameters, _ in wanted} or {True, False}
    lists = [name for name in permissions(GLOBAL, REGIONAL) if is_read(name)]
    asked = set(permissions(SHARED, *([GLOBAL] if True in places else []), *([REGIONAL] if False in places else [])))
    asked |= set(lists)
    missing = sorted(asked - read.permitted(sorted(asked)))
    reads = [name for name in missing if is_read(name)]
    writes = [name for name in missing if not is_read(name)]
    if reads:
        message = f"missing in project {read.project}: {', '.join(reads)}; plans are incomplete without them"
        fix = "grant the role of deploy/iam/gcp/plan-only.yaml to who plans"
        yield Finding(level="error", check="permissions", message=message, fix=fix)
    if writes:
        message = f"missing in project {read.project}: {', '.join(writes)}; plan works, apply will be refused"
        yield Finding(level="warning", check="permissions", message=message, fix=f"grant the role of {ROLE}")
    if not missing:
        yield Finding(level="ok", check="permissions", message=f"all {len(asked)} that plan and apply ask for")


def _networks(wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    """What could not be found is a note of the facts already."""
    said: dict[str, None] = {}
    for parameters, facts in wanted:
        network = facts.values["network"]
        if isinstance(network.subnetwork, Unknown) or isinstance(network.zones, Unknown):
            continue
        proxies = network.proxy_ranges
        if isinstance(proxies, Unknown):
            continue
        text = f"{parameters.network}/{parameters.subnetwork}, machines in {', '.join(network.zones)}"
        said[text + (f", proxy-only subnet {', '.join(proxies)}" if proxies else "")] = None
    for text in said:
        yield Finding(level="ok", check="subnets", message=text)


def _quotas(read: calls.Read) -> Iterator[Finding]:
    places = {f"project {read.project}": "", f"region {read.region}": read.region}
    for what, region in places.items():
        full = []
        for quota in read.quotas(region):
            used, limit = float(quota["usage"]), float(quota["limit"])
            if quota["metric"] in METRICS and used >= NEARLY * limit:
                full.append((quota["metric"], used, limit))
        for metric, used, limit in full:
            yield Finding(
                level="error" if used >= limit else "warning",
                check="quotas",
                message=f"{what}: {metric}: {used:.0f} of {limit:.0f} used",
                fix="ask for more: IAM & Admin, Quotas",
            )
        if not full:
            yield Finding(level="ok", check="quotas", message=f"{what}: room for more load balancers")


def _ways(read: calls.Read, wanted: Sequence[provider.Wanted]) -> Iterator[Finding]:
    """From health checks and proxies to the pods."""
    rules: list[dict[str, Any]] | None = None
    done = set[Any]()
    for parameters, facts in wanted:
        network = facts.values["network"]
        proxies = network.proxy_ranges
        if isinstance(network.network, Unknown) or isinstance(proxies, Unknown):
            continue
        key = (network.network, proxies, parameters.firewall)
        if key in done:
            continue
        done.add(key)
        if parameters.firewall:
            if not isinstance(network.tags, Unknown):
                message = f"one firewall rule lets health checks and proxies reach machines tagged {_tags(network)}"
                yield Finding(level="ok", check="way to pods", message=message)
            continue
        if rules is None:
            rules = read.items("firewalls", names.GLOBAL)
        open_ = [one for rule in rules for one in _sources(rule, network.network)]
        closed = [text for text in (*PROBERS, *proxies) if not _covered(text, open_)]
        if closed:
            message = f"firewall is None, and no rule of {parameters.network} lets in {', '.join(closed)}"
            fix = "allow them to the ports of the pods, or set firewall: Managed"
            yield Finding(level="error", check="way to pods", message=message, fix=fix)
        else:
            message = f"rules of {parameters.network} let in {', '.join((*PROBERS, *proxies))}; ports were not compared"
            yield Finding(level="ok", check="way to pods", message=message)


def _tags(network: Any) -> str:
    return ", ".join(network.tags) or "in any way"


def _sources(rule: Json, network: str) -> Iterator[str]:
    allows = rule.get("allowed") and not rule.get("disabled") and rule.get("direction", "INGRESS") == "INGRESS"
    if allows and names.path_of(str(rule.get("network") or "")) == network:
        yield from rule.get("sourceRanges") or ()


def _covered(text: str, ranges: Sequence[str]) -> bool:
    """IPv4, as everything here."""
    wanted = ipaddress.IPv4Network(text)
    return any(wanted.subnet_of(ipaddress.IPv4Network(one)) for one in ranges if ":" not in one)
