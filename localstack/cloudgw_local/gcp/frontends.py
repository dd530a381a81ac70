"""Rules of forwarding rules, global and regional: scheme, target, ports, network, tier; what may change.

`balancing` puts the kind into the frame; addresses are `frontends_addresses`', schemes of what stands below are
`frontends_chain`'s. Must never look at URL maps itself.

Source: cloud.google.com/load-balancing/docs/forwarding-rule-concepts, cloud.google.com/load-balancing/docs/
proxy-only-subnets, cloud.google.com/compute/docs/reference/rest/v1/{forwardingRules,globalForwardingRules}; what is
fixed: GoogleCloudPlatform/magic-modules mmv1/products/compute/{ForwardingRule,GlobalForwardingRule}.yaml; words about
targets and the proxy-only subnet as GKE and gcloud users reported them; labels at insert are dropped:
GoogleCloudPlatform/k8s-cloud-provider pkg/cloud/rgraph/rnode/forwardingrule. Inferred: the other sentences.
"""

from __future__ import annotations

import re

from cloudgw_local.gcp import around, balancing_rules, frontends_addresses, frontends_chain, kind, names, schema
from cloudgw_local.gcp.balancing_rules import MANAGED, Json

PROXY_ONLY = ("REGIONAL_MANAGED_PROXY", "INTERNAL_HTTPS_LOAD_BALANCER")
GLOBAL_SCHEMES = ("EXTERNAL", "EXTERNAL_MANAGED")
REGIONAL_SCHEMES = ("EXTERNAL", "EXTERNAL_MANAGED", "INTERNAL", "INTERNAL_MANAGED")
_TYPES = {
    "targetHttpProxies": "TARGET_HTTP_PROXY",
    "targetHttpsProxies": "TARGET_HTTPS_PROXY",
    "targetTcpProxies": "TARGET_TCP_PROXY",
}
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_FIXED = (
    "IPAddress",
    "IPProtocol",
    "allPorts",
    "backendService",
    "description",
    "ipVersion",
    "loadBalancingScheme",
    "network",
    "portRange",
    "ports",
    "subnetwork",
)


def accept(body: Json, place: names.Place, current: Json | None, surroundings: around.Around) -> Json:
    """A new rule, or a patched one: of a rule only the tier and the reach of an internal one change
    (cloud.google.com/sdk/gcloud/reference/compute/forwarding-rules/update, --allow-global-access)."""
    if not body.get("allowGlobalAccess"):
        body.pop("allowGlobalAccess", None)
    if current is not None:
        return _patched(body, place, current)
    body.pop("labels", None)
    if "loadBalancingScheme" not in body:
        body["loadBalancingScheme"] = "EXTERNAL"
    balancing_rules.defaults(body, IPProtocol="TCP", networkTier="PREMIUM")
    scheme = body["loadBalancingScheme"]
    allowed = GLOBAL_SCHEMES if place.scope == "global" else REGIONAL_SCHEMES
    where = "GLOBAL" if place.scope == "global" else "REGION"
    why = f"Load balancing scheme {scheme} is not supported for forwarding rule in scope {where}."
    balancing_rules.one_of(scheme, "resource.loadBalancingScheme", allowed, why)
    if body.get("ipVersion") == "IPV6":
        raise schema.invalid("resource.ipVersion", "IPV6", "IPv6 is not served by the local cloud.")
    _target(body, place)
    _tier(body, place)
    _network(body, place, surroundings)
    frontends_chain.check_rule(body, place, surroundings)
    frontends_addresses.settle(body, place, surroundings)
    return body


def _patched(body: Json, place: names.Place, current: Json) -> Json:
    balancing_rules.unchanged(body, current, how=dict.fromkeys(_FIXED, "") | {"target": "setTarget"})
    balancing_rules.kept(body, current, "labels")
    changed = current.get("allowGlobalAccess") != body.get("allowGlobalAccess")
    if changed and not current["loadBalancingScheme"].startswith("INTERNAL"):
        why = "It cannot be changed after creation for this load balancing scheme."
        raise schema.invalid("resource.allowGlobalAccess", body.get("allowGlobalAccess", False), why)
    _tier(body, place)
    if body["networkTier"] != current["networkTier"] and "_address" in current:
        why = "The network tier of the forwarding rule must be that of the address."
        raise schema.invalid("resource.networkTier", body["networkTier"], why)
    return body


def _target(body: Json, place: names.Place) -> None:
    scheme, path = body["loadBalancingScheme"], "resource.target"
    named = names.parse(body.get("target", ""))
    if "backendService" in body:
        if named is not None:
            why = "Only one of target and backendService can be specified."
            raise schema.invalid("resource.backendService", body["backendService"], why)
        if place.scope == "global" or scheme in MANAGED:
            why = "It cannot be set by a proxy load balancer: use target."
            raise schema.invalid("resource.backendService", body["backendService"], why)
        return _passthrough_ports(body)
    if named is None:
        if place.scope != "global" and scheme not in MANAGED:
            raise schema.required("resource.backendService")
        raise schema.required(path)
    sort = _TYPES[named.collection]
    if place.scope != "global" and scheme not in MANAGED:
        why = f"Invalid target type {sort} for forwarding rule in scope REGION"
        raise schema.invalid(path, body["target"], why)
    if named.scope != place.scope:
        why = "The target must be in the same scope as the forwarding rule."
        raise schema.invalid(path, body["target"], why)
    if body["IPProtocol"] != "TCP":
        why = f"Invalid IPProtocol {body['IPProtocol']} for target type {sort}: it must be TCP."
        raise schema.invalid("resource.IPProtocol", body["IPProtocol"], why)
    if "portRange" not in body:
        why = f"Invalid target type {sort} for forwarding rule with IPProtocol TCP with no port specified"
        raise schema.invalid(path, body["target"], why)
    for name in ("ports", "allPorts"):
        if body.get(name):
            raise schema.invalid(f"resource.{name}", "", f"It cannot be used with target type {sort}: use portRange.")
    first, last = _ports(body)
    if first != last:
        why = f"Target type {sort} takes exactly one port."
        raise schema.invalid("resource.portRange", body["portRange"], why)
    return None


def _ports(body: Json) -> tuple[int, int]:
    """ "80" becomes "80-80"."""
    text = body["portRange"]
    found = _RANGE.fullmatch(text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= 65535:
        why = "Must be a port or a range of ports between 1 and 65535."
        raise schema.invalid("resource.portRange", text, why)
    body["portRange"] = f"{first}-{last}"
    return first, last


def _passthrough_ports(body: Json) -> None:
    given = [name for name in ("ports", "portRange", "allPorts") if body.get(name)]
    if len(given) != 1:
        why = "Exactly one of ports, portRange and allPorts must be specified."
        raise schema.invalid("resource.ports", "", why)
    if given == ["portRange"]:
        if body["loadBalancingScheme"] == "INTERNAL":
            why = "Port range is not supported for load balancing scheme INTERNAL: use ports."
            raise schema.invalid("resource.portRange", body["portRange"], why)
        _ports(body)
    elif given == ["ports"]:
        if len(body["ports"]) > 5:
            raise schema.invalid("resource.ports", "", "At most 5 ports can be specified.")
        for index, one in enumerate(body["ports"]):
            if not one.isdecimal() or not 1 <= int(one) <= 65535:
                raise schema.invalid(f"resource.ports[{index}]", one, "Must be a port between 1 and 65535.")
    if body["IPProtocol"] == "L3_DEFAULT" and given != ["allPorts"]:
        raise schema.invalid("resource.allPorts", "", "IPProtocol L3_DEFAULT requires allPorts.")


def _tier(body: Json, place: names.Place) -> None:
    tier = body["networkTier"]
    if tier not in ("PREMIUM", "STANDARD"):
        raise schema.invalid("resource.networkTier", tier, "Must be PREMIUM or STANDARD.")
    if tier == "STANDARD" and place.scope == "global":
        why = "Global forwarding rules only support PREMIUM network tier."
        raise schema.invalid("resource.networkTier", tier, why)
    if tier == "STANDARD" and body["loadBalancingScheme"].startswith("INTERNAL"):
        why = "An internal forwarding rule cannot have network tier STANDARD."
        raise schema.invalid("resource.networkTier", tier, why)


def _network(body: Json, place: names.Place, surroundings: around.Around) -> None:
    scheme = body["loadBalancingScheme"]
    internal = scheme.startswith("INTERNAL")
    if place.scope == "global" or scheme == "EXTERNAL":
        for name in ("network", "subnetwork"):
            if name in body:
                why = f"It is not used with load balancing scheme {scheme}."
                raise schema.invalid(f"resource.{name}", body[name], why)
        return
    if "allowGlobalAccess" in body and not internal:
        raise schema.invalid("resource.allowGlobalAccess", True, f"It is not supported with {scheme}.")
    subnet = balancing_rules.found(body.get("subnetwork"), surroundings)
    if subnet is not None:
        _subnetwork(body, place, subnet, internal)
    default = names.Place(project=place.project, scope="global", collection="networks", name="default")
    network = balancing_rules.found(body.setdefault("network", default.link), surroundings)
    if internal and subnet is None:
        _only_subnetwork(body, place, network[1] if network else {}, surroundings)
    if scheme in MANAGED and not proxy_only(body["network"], place.scope, surroundings):
        why = "An active proxy-only subnetwork is required in the same region and VPC as the forwarding rule."
        raise schema.invalid("resource.target", body["target"], why)


def _subnetwork(body: Json, place: names.Place, subnet: tuple[names.Place, Json], internal: bool) -> None:
    subnet_place, document = subnet
    path, value = "resource.subnetwork", body["subnetwork"]
    if not internal:
        raise schema.invalid(path, value, f"It is not used with {body['loadBalancingScheme']} and IPv4.")
    if subnet_place.scope != place.scope:
        raise schema.invalid(path, value, "Subnetwork must be in the same region.")
    if document.get("purpose", "PRIVATE") not in ("PRIVATE", "PURPOSE_UNSPECIFIED"):
        why = f"A subnetwork with purpose {document['purpose']} cannot hold the address of a forwarding rule."
        raise schema.invalid(path, value, why)
    if body.setdefault("network", document["network"]) != document["network"]:
        raise schema.invalid(path, value, f"Subnetwork does not belong to the network '{body['network']}'.")


def _only_subnetwork(body: Json, place: names.Place, network: Json, surroundings: around.Around) -> None:
    """In auto mode the network's one subnetwork of the region is meant."""
    if network.get("autoCreateSubnetworks") is not True:
        why = "A subnetwork must be specified for a network in custom subnet mode."
        raise schema.invalid("resource.subnetwork", "", why)
    for where, document in surroundings.every("subnetworks"):
        private = document.get("purpose", "PRIVATE") == "PRIVATE"
        if where.scope == place.scope and document["network"] == body["network"] and private:
            body["subnetwork"] = where.link


def proxy_only(network: str, scope: str, surroundings: around.Around) -> Json | None:
    """The active proxy-only subnetwork of a network in a region."""
    for where, document in surroundings.every("subnetworks"):
        mine = where.scope == scope and document["network"] == network
        if mine and document.get("purpose") in PROXY_ONLY and document.get("role") == "ACTIVE":
            return document
    return None


def set_target(current: Json, body: Json, place: names.Place, surroundings: around.Around) -> Json:
    """setTarget: another proxy of the rule's scope; whether of another type is belief gcp-set-target-type."""
    if "target" not in current:
        raise schema.invalid("resource.target", body.get("target", ""), "The forwarding rule has no target.")
    changed = current | {"target": balancing_rules.link(body.get("target", ""))}
    before, after = names.parse(current["target"]), names.parse(changed["target"])
    if before is None or after is None or after.collection not in _TYPES:
        raise schema.required("resource.target")
    if after.scope != place.scope:
        why = "The target must be in the same scope as the forwarding rule."
        raise schema.invalid("resource.target", changed["target"], why)
    if before.collection != after.collection and surroundings.belief("gcp-set-target-type") == "refused":
        why = f"The new target must be of the same type as the old one, {_TYPES[before.collection]}."
        raise schema.invalid("resource.target", changed["target"], why)
    frontends_chain.check_rule(changed, place, surroundings)
    return changed


KINDS = (
    kind.Kind(
        "forwardingRules",
        balancing_rules.semantic(accept),
        references=(
            kind.Reference("target", tuple(_TYPES), "any"),
            kind.Reference("backendService", ("backendServices",)),
            kind.Reference("network", ("networks",), "any"),
            kind.Reference("subnetwork", ("subnetworks",), "any"),
            kind.Reference("_address", ("addresses",), "any"),
        ),
        immutable=_FIXED,
        actions={"setTarget": balancing_rules.semantic(set_target)},
    ),
)
