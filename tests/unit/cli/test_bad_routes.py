"""One bad object harms only itself: whatever is wrong with a route, the plan changes nothing of the others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli import place as places

HEAD = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad, namespace: shop}
spec:
  parentRefs: [{name: edge}]
"""
BAD = {
    "a filter that nobody honours": """
  hostnames: [bad.shop.example]
  rules:
    - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: cart, port: 80}}}]
      backendRefs: [{name: cart, port: 80}]
""",
    "a service that does not exist": """
  hostnames: [bad.shop.example]
  rules: [{backendRefs: [{name: nowhere, port: 80}]}]
""",
    "a service of another namespace without a grant": """
  hostnames: [bad.shop.example]
  rules: [{backendRefs: [{name: vault, namespace: secret, port: 80}]}]
""",
    "a match that the cloud cannot express": """
  hostnames: [bad.shop.example]
  rules: [{matches: [{queryParams: [{name: a, value: b}]}], backendRefs: [{name: cart, port: 80}]}]
""",
    "an expression that is none": """
  hostnames: [bad.shop.example]
  rules: [{matches: [{path: {type: RegularExpression, value: "/(["}}], backendRefs: [{name: cart, port: 80}]}]
""",
    "a host that no listener has": """
  hostnames: [bad.other.example]
  rules: [{backendRefs: [{name: cart, port: 80}]}]
""",
    "a field of the wrong type": """
  hostnames: bad.shop.example
  rules: []
""",
    "a section that does not exist": """
  hostnames: [bad.shop.example]
  rules: [{backendRefs: [{name: cart, port: 80, weight: -1}]}]
""",
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_others_stay_as_they_are(on_cloud: places.Place, running: Any, what: str) -> None:
    assert on_cloud.run("apply -f . --complete").code in (0, 2)
    running.control.advance(300)
    assert on_cloud.run("plan -f . --complete").code == 0
    (on_cloud.folder / "bad.yaml").write_text(HEAD + BAD[what].lstrip("\n"))
    plan = on_cloud.run("plan -f . --complete --output json")
    changed = [change for one in plan.json["plans"] for change in one["changes"] if not change["fast"]]
    for change in changed:
        causes = {(origin["kind"], origin["name"]) for origin in change["origins"]}
        assert causes == {("HTTPRoute", "bad")} or change["op"] == "create", change
        assert change["op"] in ("create", "reorder"), change
    assert "bad" in plan.out + plan.err, "somebody must be told"


def test_what_only_the_cloud_refuses(on_cloud: places.Place, running: Any) -> None:
    """The cloud refuses one legal-looking rule: everything else is made, the guilty one is named and waits for a
    person."""
    running.control.fault(
        "CreateRule", "error", skip=3, times=1, code="ValidationError", message="this host is reserved", status=400
    )
    said = on_cloud.run("apply -f . --complete")
    assert said.code == 2
    assert "this host is reserved" in said.out + said.err
    rules = [rule for rule in running.control.dump()["rules"] if rule["priority"]]
    refused = [rule for rule in rules if rule["actions"][0].get("FixedResponseConfig", {}).get("StatusCode") == "500"]
    again = on_cloud.run("apply -f . --complete")  # nobody refuses it any more
    assert again.code == 0, again.out + again.err
    after = [rule for rule in running.control.dump()["rules"] if rule["priority"]]
    still = [rule for rule in after if rule["actions"][0].get("FixedResponseConfig", {}).get("StatusCode") == "500"]
    assert len(after) == len(rules)
    assert len(refused) == len(still) + 1, "its requests got an error meanwhile, and no heir"
