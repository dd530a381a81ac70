"""What somebody does to the URL map of `make demo` with Google's own client, without asking cloudgw.

`demo` calls it. A URL map is one document: whoever changes one rule writes all of it back, which is what the console
does too. It knows nothing of cloudgw but the cloud it works on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

REGION = "europe-west1"
FOREIGN = "maintenance"
HOST = "maintenance.example.com"
HEADER = "x-version"


class Somebody:
    """One regional load balancer for HTTP and HTTPS is expected to stand."""

    def __init__(self, env: Mapping[str, str]) -> None:
        from google.api_core import client_options
        from google.cloud import compute_v1
        from google.oauth2 import credentials

        self.types: Any = compute_v1
        self.place = {"project": env["GOOGLE_CLOUD_PROJECT"], "region": REGION}
        given: dict[str, Any] = {
            "credentials": credentials.Credentials(token="local"),  # type: ignore[no-untyped-call]
            "client_options": client_options.ClientOptions(api_endpoint=env["GOOGLE_COMPUTE_CUSTOM_ENDPOINT"]),
        }
        self.plain: Any = compute_v1.RegionTargetHttpProxiesClient(**given)
        self.maps: Any = compute_v1.RegionUrlMapsClient(**given)
        self.operations: Any = compute_v1.RegionOperationsClient(**given)

    def document(self) -> dict[str, Any]:
        """The URL map that is not behind a proxy for plain HTTP, as Google shows it."""
        plain = {proxy.url_map for proxy in self.plain.list(**self.place)}
        found = next(one for one in self.maps.list(**self.place) if one.self_link not in plain)
        shown: dict[str, Any] = json.loads(self.types.UrlMap.to_json(found, always_print_fields_with_no_presence=False))
        return shown

    def changed(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Reads the document, changes it, writes all of it back, and waits."""
        document = self.document()
        change(document)
        body = self.types.UrlMap.from_json(json.dumps(document))
        begun = self.maps.update_unary(url_map=document["name"], url_map_resource=body, **self.place)
        while begun.status != self.types.Operation.Status.DONE:
            time.sleep(0.05)
            begun = self.operations.get(operation=begun.name, **self.place)
        if begun.http_error_status_code:
            raise RuntimeError(f"the URL map was refused: {begun.error}")

    def rules(self) -> list[dict[str, Any]]:
        """Every route rule."""
        return [rule for matcher in self.document()["pathMatchers"] for rule in matcher.get("routeRules", ())]

    def canary(self) -> list[int]:
        """Weights of the one rule with two backends, sorted."""
        return next(found for rule in self.rules() if len(found := shares(rule)) == 2)

    def testers(self) -> list[dict[str, Any]]:
        return [rule for rule in self.rules() if asks(rule, HEADER)]

    def meddle(self) -> str:
        """Changes a weight, deletes a rule, adds a host of its own; answers the name of that one's path matcher."""

        def change(document: dict[str, Any]) -> None:
            for matcher in document["pathMatchers"]:
                matcher["routeRules"] = [one for one in matcher.get("routeRules", ()) if not asks(one, HEADER)]
                for rule in matcher["routeRules"]:
                    if len(shares(rule)) == 2:
                        for share in rule["routeAction"]["weightedBackendServices"]:
                            share["weight"] = 50
            redirect = {"hostRedirect": "status.example.com", "redirectResponseCode": "FOUND"}
            document["pathMatchers"].append({"name": FOREIGN, "defaultUrlRedirect": redirect})
            document["hostRules"].append({"hosts": [HOST], "pathMatcher": FOREIGN})

        self.changed(change)
        return FOREIGN

    def planted(self) -> str:
        """The name that `meddle` answered."""
        return FOREIGN

    def foreign(self, name: str) -> Any:
        """The path matcher of that name with its hosts."""
        document = self.document()
        matchers = [one for one in document["pathMatchers"] if one["name"] == name]
        return matchers, [one for one in document["hostRules"] if one["pathMatcher"] == name]

    def remove(self, name: str) -> None:
        def change(document: dict[str, Any]) -> None:
            document["pathMatchers"] = [one for one in document["pathMatchers"] if one["name"] != name]
            document["hostRules"] = [one for one in document["hostRules"] if one["pathMatcher"] != name]

        self.changed(change)


def shares(rule: Mapping[str, Any]) -> list[int]:
    """Weights of a route rule, sorted."""
    return sorted(int(one["weight"]) for one in rule.get("routeAction", {}).get("weightedBackendServices", ()))


def asks(rule: Mapping[str, Any], header: str) -> bool:
    """Whether a rule looks for a value of this header."""
    matches = (one for match in rule.get("matchRules", ()) for one in match.get("headerMatches", ()))
    return any(one.get("headerName") == header and "exactMatch" in one for one in matches)
