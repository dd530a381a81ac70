"""What a command looks at: whose cluster it is, what a saved listing must hold, what a failing Gateway says."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli import place as places

OWN = "--owner demo --complete"


def cluster(place: places.Place, uid: str) -> None:
    """The input says from which cluster it is."""
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": uid}}
    (place.folder / "cluster.json").write_text(json.dumps(system))


def test_what_another_cluster_made_stops_the_whole_placement(on_cloud: places.Place, running: Any) -> None:
    cluster(on_cloud, "11111111-2222-3333-4444-555555555555")
    assert on_cloud.run(f"apply {OWN} -f .").code == 0
    assert on_cloud.run(f"plan {OWN} -f .").code == 0
    cluster(on_cloud, "99999999-2222-3333-4444-555555555555")
    before = running.control.dump()
    said = on_cloud.run(f"apply {OWN} -f .")
    assert said.code == 1
    assert "more than one cluster" in said.err
    assert "11111111-2222-3333-4444-555555555555" in said.err
    assert running.control.dump() == before


def test_files_without_a_cluster_have_nothing_to_compare(on_cloud: places.Place) -> None:
    cluster(on_cloud, "11111111-2222-3333-4444-555555555555")
    assert on_cloud.run(f"apply {OWN} -f .").code == 0
    (on_cloud.folder / "cluster.json").unlink()
    assert on_cloud.run(f"plan {OWN} -f .").code == 0


def test_a_certificate_whose_bytes_are_not_here_is_said_so(on_cloud: places.Place) -> None:
    """A saved snapshot holds no keys: what needs one fails by name, everything else is made."""
    on_cloud.run(f"plan {OWN} -f . --save-snapshot saved.txt")
    said = on_cloud.run("apply --owner demo --snapshot saved.txt")
    assert said.code == 1
    assert "Traceback" not in said.err
    assert "shop/shop-tls" in said.out


def test_an_incomplete_listing_creates_and_deletes_nothing(on_cloud: places.Place, running: Any) -> None:
    running.control.fault(
        "DescribeTargetGroups", "error", code="AccessDenied", message="not you", status=403, times=1000
    )
    said = on_cloud.run(f"plan {OWN} -f . --output json")
    assert not said.json["complete"]
    assert any("AccessDenied" in reason for reason in said.json["incomplete"])
    waits = [wait["for"] for change in said.json["plans"][0]["changes"] for wait in change["waits"]]
    assert "unknown" in waits
    assert on_cloud.run(f"apply {OWN} -f .").code == 1


def test_a_denied_write_fails_its_gateway_and_names_the_call(on_cloud: places.Place, running: Any) -> None:
    running.control.fault("CreateLoadBalancer", "error", code="AccessDenied", message="not you", status=403, times=1000)
    said = on_cloud.run(f"apply {OWN} -f .")
    assert said.code == 1
    assert "failed" in said.out
    assert "CreateLoadBalancer" in said.out
    assert "Traceback" not in said.out + said.err
