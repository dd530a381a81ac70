"""Who may do what: a role definition, and which actions each request is checked for.

`server` asks `Policy.check` before a request has an effect, where the test set a role; the role counts as assigned to
the subscription. What a request needs is written from Microsoft's own lists, never from a client: one action per type
and verb (role-based-access-control/permissions/networking on learn.microsoft.com), and what a gateway needs on the
resources that it names (application-gateway/configuration-infrastructure#permissions), which Resource Manager checks
at every PUT. How actions are matched: role-based-access-control/role-definitions#actions-format. Refusals:
role-based-access-control/troubleshooting.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import re
from typing import Any

from cloudgw_local.azure import arm, call, errors, world

CALLER = world.guid("the caller")
VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
SUBNETS = f"{arm.NETWORK}/virtualNetworks/subnets"
POLICIES = f"{arm.NETWORK}/ApplicationGatewayWebApplicationFirewallPolicies"
LINKED = {
    "subnet": (f"{SUBNETS}/read", f"{SUBNETS}/join/action"),
    "publicIPAddress": (f"{arm.NETWORK}/publicIPAddresses/read", f"{arm.NETWORK}/publicIPAddresses/join/action"),
    "firewallPolicy": (f"{POLICIES}/read", f"{POLICIES}/join/action"),
}
ASSIGN = f"{arm.IDENTITY}/userAssignedIdentities/assign/action"
_PARTS = {"Name", "IsCustom", "Description", "Actions", "NotActions", "AssignableScopes"}


@dataclasses.dataclass(frozen=True, slots=True)
class Need:
    action: str
    scope: str


class Policy:
    """A role definition as `az role definition create` takes it. needed: what of "Actions" alone allowed something."""

    def __init__(self, document: Any) -> None:
        if not isinstance(document, dict) or not document.keys() <= _PARTS or "Actions" not in document:
            raise ValueError(f"a role definition has Actions, and nothing but {', '.join(sorted(_PARTS))}")
        self.needed: set[str] = set()
        self.actions = tuple(document["Actions"])
        self.not_actions = tuple(document.get("NotActions", ()))

    def allowing(self, action: str) -> list[str]:
        """Which of "Actions" allow it."""
        if any(_like(pattern, action) for pattern in self.not_actions):
            return []
        return [pattern for pattern in self.actions if _like(pattern, action)]

    def check(self, address: arm.Address, method: str, body: dict[str, Any] | None) -> None:
        """Raises Refusal for a request that is not allowed."""
        own = need_of(address, method)
        self._check(own, own)
        for linked in linked_of(address, method, body):
            self._check(linked, own)

    def _check(self, need: Need, own: Need) -> None:
        found = self.allowing(need.action)
        if not found:
            raise _denied(need) if need == own else _linked_denied(need, own)
        if len(found) == 1:
            self.needed.add(found[0])


def listed(policy: Any, method: str) -> call.Answer:
    """What the caller may do: rest/api/authorization/permissions/list-for-resource-group."""
    if method != "GET":
        raise arm.not_allowed(method)
    given = {"actions": ["*"], "notActions": []}
    if isinstance(policy, Policy):
        given = {"actions": list(policy.actions), "notActions": list(policy.not_actions)}
    return call.Answer(status=200, body={"value": [given | {"dataActions": [], "notDataActions": []}]})


def need_of(address: arm.Address, method: str) -> Need:
    """The action that a request is."""
    scope = address.id if address.names and address.group else _scope(address)
    if address.action:
        return Need(f"{address.namespace}/{address.type}/{address.action}/action", scope)
    return Need(f"{address.namespace}/{address.type}/{VERBS.get(method, 'action')}", scope)


def _scope(address: arm.Address) -> str:
    return address.scope if address.group else f"/subscriptions/{address.subscription}"


def linked_of(address: arm.Address, method: str, body: dict[str, Any] | None) -> collections.abc.Iterator[Need]:
    """What a PUT of a gateway needs on the resources that it names, each once."""
    if address.type != "applicationGateways" or method != "PUT" or body is None:
        return
    found: dict[Need, None] = {}
    for name, target in _references(body.get("properties")):
        found.update((Need(action, target), None) for action in LINKED[name])
    identity = body.get("identity")
    for target in (identity.get("userAssignedIdentities") or {}) if isinstance(identity, dict) else ():
        found[Need(ASSIGN, target)] = None
    yield from found


def _references(value: Any) -> collections.abc.Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if isinstance(value, dict):
        for name, member in value.items():
            if name in LINKED and isinstance(member, dict) and isinstance(member.get("id"), str):
                yield name, member["id"]
            else:
                yield from _references(member)


def _like(pattern: str, action: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None


def _denied(need: Need) -> errors.Refusal:
    message = (
        f"The client '{CALLER}' with object id '{CALLER}' does not have authorization to perform action "
        f"'{need.action}' over scope '{need.scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials."
    )
    return arm.refusal("AuthorizationFailed", message, 403)


def _linked_denied(need: Need, own: Need) -> errors.Refusal:
    message = (
        f"The client '{CALLER}' with object id '{CALLER}' has permission to perform action '{own.action}' on scope "
        f"'{own.scope}'; however, it does not have permission to perform action '{need.action}' on the linked "
        f"scope(s) '{need.scope}' or the linked scope(s) are invalid."
    )
    return arm.refusal("LinkedAuthorizationFailed", message, 403)
