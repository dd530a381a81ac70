"""What somebody does to the application gateway of `make demo` with Azure's own client, without asking cloudgw.

`demo` calls it. An application gateway is one document: whoever changes one child writes all of it back, which is what
a portal does too. It knows nothing of cloudgw but the cloud it works on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

GROUP = "rg-edge"
FOREIGN = "maintenance"


class Somebody:
    """One application gateway is expected to stand."""

    def __init__(self, env: Mapping[str, str]) -> None:
        from azure.mgmt.network import NetworkManagementClient

        self.gateways: Any = NetworkManagementClient(
            _Nobody(),
            env["AZURE_SUBSCRIPTION_ID"],
            base_url=env["AZURE_ARM_ENDPOINT"],
            authentication_policy=_plain_bearer(),
            polling_interval=0,
            use_env_settings=False,
        ).application_gateways

    def document(self) -> dict[str, Any]:
        """As Azure shows it."""
        name = next(iter(self.gateways.list(GROUP))).name
        found: dict[str, Any] = self.gateways.get(GROUP, name).as_dict()
        return found

    def changed(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Reads the document, changes it, and writes all of it back."""
        document = copy.deepcopy(self.document())
        change(document["properties"])
        self.gateways.begin_create_or_update(GROUP, document["name"], document).result()

    def path_rules(self) -> dict[str, dict[str, Any]]:
        """By the first of their paths."""
        maps = self.document()["properties"]["urlPathMaps"]
        rules = [rule for one in maps for rule in one["properties"]["pathRules"]]
        return {rule["properties"]["paths"][0]: rule for rule in rules}

    def meddle(self) -> str:
        """Moves a path, deletes a path rule, adds a pool of its own; answers that one's name."""

        def change(properties: dict[str, Any]) -> None:
            for one in properties["urlPathMaps"]:
                rules = one["properties"]["pathRules"]
                rules[:] = [rule for rule in rules if "/pay" not in rule["properties"]["paths"]]
                for rule in rules:
                    if "/api" in rule["properties"]["paths"]:
                        rule["properties"].pop("rewriteRuleSet", None)
                        rule["properties"]["backendAddressPool"] = properties["urlPathMaps"][0]["properties"][
                            "defaultBackendAddressPool"
                        ]
            foreign = {"name": FOREIGN, "properties": {"backendAddresses": [{"ipAddress": "10.0.64.99"}]}}
            properties["backendAddressPools"].append(foreign)

        self.changed(change)
        return FOREIGN

    def planted(self) -> str:
        """The name that `meddle` answered."""
        return FOREIGN

    def foreign(self, name: str) -> Any:
        """Without its version, which every write of the document moves."""
        pools = self.document()["properties"]["backendAddressPools"]
        return {key: value for key, value in next(one for one in pools if one["name"] == name).items() if key != "etag"}

    def remove(self, name: str) -> None:
        def change(properties: dict[str, Any]) -> None:
            pools = properties["backendAddressPools"]
            pools[:] = [one for one in pools if one["name"] != name]

        self.changed(change)


class _Nobody:
    """The client wants credentials; the policy below signs instead."""

    def get_token(self, *_: str, **__: Any) -> Any:
        raise PermissionError("a local cloud is never given a token")


def _plain_bearer() -> Any:
    """Azure's own policy sends tokens over https only; the local cloud is this machine."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class Bearer(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = "Bearer local"

    return Bearer()
