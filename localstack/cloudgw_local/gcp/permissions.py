"""Who may do what: a custom role, and which permissions each method asks for.

`server` asks `Policy.check` before a call has an effect, where the test set a role; it counts as granted in the
project. What a method needs is written from Google's own pages, never from a client: the section "IAM Permissions" of
each method (cloud.google.com/compute/docs/reference/rest/v1), the names of permissions
(cloud.google.com/iam/docs/permissions-reference), and that whoever names a resource in another one needs to be allowed
to use it (cloud.google.com/compute/docs/access/iam). Where the pages leave open whether a list of all scopes asks for
both the global and the regional permission, both are asked for. Refusals as reported in
hashicorp/terraform-provider-google#4389 ("Required '...' permission for '...'").
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

from cloudgw_local import gcp
from cloudgw_local.gcp import discovery, errors, kind, names, references

Json = dict[str, Any]
VERBS = {
    "insert": "create",
    "patch": "update",
    "aggregatedList": "list",
    "getHealth": "get",
    "listNetworkEndpoints": "get",
}
USES = {  # how the permission to name one of a collection is called, where it is not "use"
    "healthChecks": "useReadOnly",
    "sslCertificates": "get",
}
_PARTS = {"title", "description", "stage", "includedPermissions"}
_NAMES: dict[tuple[str, str], str] = {
    (one.collection, one.level): one.id.split(".")[1]
    for one in discovery.METHODS
    if one.level in ("global", "region", "zone")
}


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    permission: str
    resource: str


class Policy:
    """A custom role as `gcloud iam roles create --file` takes it. needed: what a call could not have done without."""

    def __init__(self, document: Any) -> None:
        if not isinstance(document, dict) or not document.keys() <= _PARTS or "includedPermissions" not in document:
            raise ValueError(f"a role has includedPermissions, and nothing but {', '.join(sorted(_PARTS))}")
        if any("*" in one for one in document["includedPermissions"]):
            raise ValueError("a custom role names whole permissions: iam/docs/creating-custom-roles")
        self.needed: set[str] = set()
        self.included = frozenset(document["includedPermissions"])

    def check(
        self,
        route: discovery.Route,
        body: Json,
        kinds: collections.abc.Mapping[str, kind.Kind],
        standing: collections.abc.Mapping[names.Place, Json],
    ) -> None:
        """Raises Refusal for a call that is not allowed."""
        for need in needs(route, body, kinds, standing):
            if need.permission not in self.included:
                raise _denied(need)
            self.needed.add(need.permission)


def needs(
    route: discovery.Route,
    body: Json,
    kinds: collections.abc.Mapping[str, kind.Kind],
    standing: collections.abc.Mapping[names.Place, Json],
) -> collections.abc.Iterator[Need]:
    """Everything that a call is checked for. standing: what there is, by place."""
    method = route.method
    collection, verb = method.id.split(".")[1], VERBS.get(method.verb, method.verb)
    place = _place(route, body)
    if method.verb == "aggregatedList":
        for one in sorted({name for (bare, _), name in _NAMES.items() if bare == method.collection}):
            yield Need(f"compute.{one}.list", f"projects/{gcp.PROJECT}")
        return
    resource = place.path if place.name else f"projects/{gcp.PROJECT}"
    internal = collection == "addresses" and _is_internal(body if verb == "create" else standing.get(place, {}))
    if internal and verb in ("create", "delete"):
        yield Need(f"compute.{collection}.{verb}Internal", resource)
    yield Need(f"compute.{collection}.{verb}", resource)
    if body.get("labels") and verb == "create":
        yield Need(f"compute.{collection}.setLabels", resource)
    if verb in ("get", "list") or method.collection not in kinds:
        return
    if collection == "firewalls":
        network = body.get("network") or standing.get(place, {}).get("network") or ""
        yield Need("compute.networks.updatePolicy", _path(network))
        return
    if verb != "delete":
        yield from _used(body, kinds[method.collection], standing)


def _place(route: discovery.Route, body: Json) -> names.Place:
    name = route.name or (str(body.get("name") or "") if route.method.verb == "insert" else "")
    return names.Place(project=gcp.PROJECT, scope=route.scope, collection=route.method.collection, name=name)


def _is_internal(address: Json) -> bool:
    return address.get("addressType") == "INTERNAL"


def _used(
    body: Json, rules: kind.Kind, standing: collections.abc.Mapping[names.Place, Json]
) -> collections.abc.Iterator[Need]:
    """The resources that a body names, each once; of an endpoint its machine, of a forwarding rule its address."""
    found: dict[names.Place, None] = {}
    for reference in rules.references:
        for container, key, _ in references.found(body, reference.path):
            target = names.parse(container[key])
            if target is not None:
                found[target] = None
    address = names.parse(str(body.get("IPAddress") or ""))
    if address is not None:
        found[address] = None
    if body.get("networkEndpoints"):
        yield Need("compute.instances.use", f"projects/{gcp.PROJECT}")
    for target in found:
        level = target.scope.partition("s/")[0]
        bare = _NAMES.get((target.collection, level), target.collection)
        verb = USES.get(target.collection, "use")
        if target.collection == "addresses" and _is_internal(standing.get(target, {})):
            verb = "useInternal"
        yield Need(f"compute.{bare}.{verb}", target.path)


def _path(link: str) -> str:
    found = names.parse(link)
    return found.path if found is not None else f"projects/{gcp.PROJECT}"


def _denied(need: Need) -> errors.Refusal:
    message = f"Required '{need.permission}' permission for '{need.resource}'"
    return errors.Refusal(status=403, reason="forbidden", message=message)
