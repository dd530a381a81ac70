"""The last good document is put again: what is as believed stays byte for byte, and only the rest is written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cloudgw.graph import model
from cloudgw.provider import Failed
from cloudgw_azure import document, document_parts
from tests.unit.azure import elements

Json = dict[str, Any]
Edit = Callable[[Json], None]
POLICY = {"policyType": "CustomV2", "minProtocolVersion": "TLSv1_2", "cipherSuites": ["TLS_AES_128_GCM_SHA256"]}


def standing() -> Json:
    return elements.document_of(elements.graph(elements.elements()))


def _policy(body: Json) -> None:
    body["properties"]["sslPolicy"] = POLICY


def _capacity(body: Json) -> None:
    body["properties"].pop("autoscaleConfiguration")
    body["properties"]["sku"]["capacity"] = 3


def _around(body: Json) -> None:
    body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {"/ids/One": {}}}
    body["properties"]["firewallPolicy"] = {"id": "/Policies/WAF"}
    body["properties"]["frontendIPConfigurations"].append({"name": "theirs", "properties": {"x": 1}})
    body["properties"]["sku"]["family"] = "Generation_1"


def _basic(body: Json) -> None:
    rule = elements.collection(body, "rule")[0]["properties"]
    rule["ruleType"] = "Basic"
    del rule["urlPathMap"]
    rule["backendAddressPool"] = {"id": elements.collection(body, "pool")[0]["id"]}


def _matcher(body: Json) -> None:
    for rule in elements.collection(body, "rewrite-set")[0]["properties"]["rewriteRules"]:
        for header in rule["actionSet"]["responseHeaderConfigurations"]:
            header["headerValueMatcher"] = {"pattern": "x", "ignoreCase": True, "negate": False}


def _spelled(body: Json) -> None:
    """What Azure fills in, and what means the same."""
    for one in elements.collection(body, "settings"):
        one["properties"] |= {"probeEnabled": True, "path": None, "connectionDraining": {"enabled": False}}
    for one in elements.collection(body, "listener"):
        one["properties"]["frontendPort"]["id"] = one["properties"]["frontendPort"]["id"].upper()


def _no_pool(body: Json) -> None:
    rule = next(r for r in document_parts.map_children(body["properties"]) if "backendAddressPool" in r["properties"])
    del rule["properties"]["backendAddressPool"]
    rule["properties"]["loadDistributionPolicy"] = {"id": "/policies/one"}


EDITS: list[Edit] = [_policy, _capacity, _around, _basic, _matcher, _spelled, _no_pool]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_what_is_believed_as_it_is_found_stays_byte_for_byte(edit: Edit) -> None:
    """Somebody changed it, and his write failed: it is put again, and mended by the changes of a plan."""
    found = standing()
    edit(found)
    found["properties"]["provisioningState"] = "Failed"
    seen = elements.observed(found)
    assert elements.written(found, [], elements.group(seen)[1], restore=True) == document_parts.writable(found)


@pytest.mark.parametrize("edit", [_policy, _capacity, _basic, _matcher, _no_pool], ids=lambda edit: edit.__name__)
def test_the_changes_of_a_plan_mend_it_in_the_same_write(edit: Edit) -> None:
    found = standing()
    edit(found)
    seen = elements.observed(found)
    changes = [c for c in elements.difference(elements.graph(elements.elements()), seen) if not c.waits]
    assert changes
    after = elements.shown(elements.written(found, changes, elements.group(seen)[1], restore=True))
    left = elements.difference(elements.graph(elements.elements()), elements.observed(after))
    assert {c.op for c in left} <= {"delete"}  # of an incarnation that was replaced


@pytest.mark.parametrize("edit", [_policy, _capacity, _basic, _matcher, _no_pool], ids=lambda edit: edit.__name__)
def test_what_somebody_made_of_ours_is_put_again_where_the_refused_write_had_mended_it(edit: Edit) -> None:
    """The last good document is not ours alone."""
    good = standing()
    edit(good)
    seen = elements.observed(good)
    after = elements.written(standing(), [], elements.group(seen)[1], restore=True)
    again = elements.observed(elements.shown(after))
    assert {e.key: e.fields for e in again} == {e.key: e.fields for e in seen}


def test_only_what_differs_is_written() -> None:
    good = standing()
    seen = elements.observed(good)
    bad = copy.deepcopy(good)
    bad["properties"]["sslPolicy"] = POLICY
    broken = elements.collection(bad, "settings")[1]
    timeout, broken["properties"]["requestTimeout"] = broken["properties"]["requestTimeout"], 7
    kept = elements.collection(bad, "listener")[0]["properties"]
    kept["firewallPolicy"] = {"id": "/waf"}
    elements.collection(bad, "probe").pop()
    after = elements.written(bad, [], elements.group(seen)[1], restore=True)
    assert after["properties"]["sslPolicy"]["policyName"] == "AppGwSslPolicy20220101S"
    mended = next(one for one in elements.collection(after, "settings") if one["name"] == broken["name"])
    assert mended["properties"]["requestTimeout"] == timeout
    assert elements.collection(after, "listener")[0]["properties"]["firewallPolicy"] == {"id": "/waf"}
    expected = {c["name"] for c in elements.collection(good, "probe")}
    assert {c["name"] for c in elements.collection(after, "probe")} == expected


def test_a_lost_priority_is_put_again() -> None:
    good = standing()
    seen = elements.observed(good)
    bad = copy.deepcopy(good)
    first, second, *_ = elements.collection(bad, "rule")
    values = first["properties"]["priority"], second["properties"]["priority"]
    second["properties"]["priority"], first["properties"]["priority"] = values
    after = elements.written(bad, [], elements.group(seen)[1], restore=True)
    assert elements.collection(after, "rule") == elements.collection(document_parts.writable(good), "rule")


def test_a_certificate_that_is_lost_needs_its_secret_and_blames_no_change() -> None:
    good = standing()
    seen = elements.observed(good)
    bad = copy.deepcopy(good)
    elements.collection(bad, "certificate").clear()

    def missing(_: model.Element) -> dict[str, str]:
        raise Failed("not_ready", "the Secret is not at hand")

    group = elements.group(seen)[1]
    with pytest.raises(Failed, match="last good document: the Secret is not at hand") as caught:
        document.changed(bad, [], group, id=bad["id"], mark=elements.MARK, secrets=missing, restore=True)
    assert (caught.value.why, caught.value.key) == ("not_ready", "")
    after = elements.written(bad, [], group, restore=True)
    assert [one["properties"]["data"] for one in elements.collection(after, "certificate")] == ["cGZ4"]


def test_a_draft_shows_no_bytes() -> None:
    first = elements.difference(elements.graph(elements.elements()))
    body = {"id": "/x", "properties": {"frontendIPConfigurations": [{"name": "cgw-private"}]}}
    children = [c for c in first if c.address != elements.GATEWAY]
    draft = document.changed(body, children, [], id="/x", mark=elements.MARK, secrets=elements.bytes_of)
    assert elements.collection(draft.body, "certificate")[0]["properties"]["password"] == "hush"
    assert "hush" not in repr(draft)
