"""What explaining says of a BackendPolicy, and of the Service that it is about."""

from __future__ import annotations

from cloudgw import explain
from tests.unit.test_explain import Doc, cause, doc, told, world


def policy(name: str = "patient", target: str = "web", **spec: object) -> Doc:
    said = {"targetRefs": [{"group": "", "kind": "Service", "name": target}], **spec}
    return doc("cloudgw.dev/v1alpha1", "BackendPolicy", name, spec=said)


def gates(found: explain.Explanation, title: str) -> dict[str, tuple[str, str]]:
    return {one.name: (one.state, one.evidence) for part in found.sections if part.title == title for one in part.gates}


def test_a_policy_says_what_it_asks_for_and_who_heeds_it() -> None:
    docs = world(policy(drainSeconds=30, healthCheck={"path": "/healthz"}))
    found = told(docs, "BackendPolicy", "patient")
    assert found.cause is None
    assert gates(found, "")["object"] == ("ok", "it was read: healthCheck.path, drainSeconds")
    assert gates(found, "target Service web")["target"] == ("ok", "Service shop/web exists")
    assert gates(found, "as Gateway platform/edge uses it")["accepted"][0] == "ok"
    assert found.answers == ("a Gateway of ours sends to its Service",)
    assert explain.kind_of("backendpolicies") == explain.kind_of("bepol") == "BackendPolicy"


def test_its_service_names_it() -> None:
    port = "port 80"
    found = told(world(policy(drainSeconds=30)), "Service", "web")
    assert gates(found, port)["backendPolicy"] == ("ok", "BackendPolicy shop/patient: drainSeconds")
    assert gates(told(world(), "Service", "web"), port)["backendPolicy"][0] == "ok"
    unseen = gates(told(world(policy(retries=3)), "Service", "web"), port)["backendPolicy"]
    assert unseen[0] == "unknown"
    assert "what stands stays" in unseen[1]


def test_a_target_that_is_not_there_is_the_cause() -> None:
    found = cause(world(policy(target="wep")), "BackendPolicy", "patient")
    assert (found.name, found.state) == ("target", "failed")
    assert "Service shop/wep does not exist" in found.evidence
    assert "web" in found.fix[0]


def test_of_two_the_older_one_wins_and_the_other_says_so() -> None:
    older = {**policy("older", drainSeconds=10)}
    older["metadata"] = {**older["metadata"], "creationTimestamp": "2020-01-01T00:00:00Z"}
    younger = policy("younger", drainSeconds=20)
    younger["metadata"] = {**younger["metadata"], "creationTimestamp": "2021-01-01T00:00:00Z"}
    found = cause(world(older, younger), "BackendPolicy", "younger")
    assert (found.name, found.state) == ("accepted", "failed")
    assert "older" in found.evidence
