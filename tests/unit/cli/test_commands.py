"""plan, apply, drift and destroy on the local cloud, as a person runs them: exit codes, files, words, progress."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
import yaml

from tests.unit.cli import place as places

OWN = "--owner demo --complete"


def applied(place: places.Place) -> None:
    said = place.run(f"apply {OWN} -f .")
    assert said.code == 0, said


def test_plan_apply_plan(on_cloud: places.Place) -> None:
    assert on_cloud.run(f"plan {OWN} -f .").code == 2
    applied(on_cloud)
    again = on_cloud.run(f"plan {OWN} -f .")
    assert again.code == 0
    assert "Nothing to change" in again.out
    assert on_cloud.run(f"drift {OWN} -f .").code == 0
    said = on_cloud.run(f"apply {OWN} -f .")
    assert (said.code, "nothing to do" in said.out) == (0, True)


def test_a_plan_makes_no_write(on_cloud: places.Place, running: Any) -> None:
    on_cloud.run(f"plan {OWN} -f .")
    on_cloud.run(f"drift {OWN} -f .")
    assert [call for call in running.control.journal() if call["write"]] == []


def test_at_rest_apply_makes_no_write(on_cloud: places.Place, running: Any) -> None:
    applied(on_cloud)
    before = running.control.journal()[-1]["sequence"]
    applied(on_cloud)
    assert [call for call in running.control.journal(before) if call["write"]] == []


def test_a_plan_needs_no_network(on_cloud: places.Place, place: places.Place) -> None:
    """From saved files alone: same digest, same changes, without credentials, clock or SDK."""
    live = on_cloud.run(f"plan {OWN} -f . --save-snapshot s.json --save-inventory i.json --output json")
    for name in ("s.json", "i.json"):
        (place.folder / name).write_text((on_cloud.folder / name).read_text())
    saved = place.run("plan --owner demo --snapshot s.json --inventory i.json --output json")
    assert (saved.code, saved.json) == (2, live.json)


def test_a_shuffled_input_gives_the_same_bytes(on_cloud: places.Place) -> None:
    """One object per file, the files in any order."""
    paths = []
    for path in sorted(on_cloud.folder.glob("*.yaml")):
        for number, item in enumerate(yaml.safe_load_all(path.read_text())):
            if "kind" in item:
                paths.append(f"{path.stem}-{number}.json")
                (on_cloud.folder / paths[-1]).write_text(json.dumps(item))
    paths.append("shop-tls.json")
    said = set()
    for seed in range(4):
        random.Random(seed).shuffle(paths)
        said.add(on_cloud.run(f"plan {OWN} --output json " + " ".join(f"-f {path}" for path in paths)).out)
    assert len(said) == 1


def test_input_from_standard_input(on_cloud: places.Place) -> None:
    text = "---\n".join((on_cloud.folder / f"{name}.yaml").read_text() for name in ("aws-class", "gateway"))
    said = on_cloud.run("plan --owner demo -f -", stdin=text)
    assert said.code == 2
    assert "(standard input)" in said.out


def test_the_digest_is_the_word(on_cloud: places.Place) -> None:
    """A Gateway that is gone waits for a word; the digest of the plan that showed it is that word."""
    applied(on_cloud)
    (on_cloud.folder / "gateway.yaml").unlink()
    (on_cloud.folder / "cloudgw.yaml").write_text("placements: [{provider: aws, region: eu-central-1}]\n")
    planned = on_cloud.run(f"plan {OWN} -f . --output json")
    assert planned.code == 2
    changes = planned.json["plans"][0]["changes"]
    assert all("approval" in [wait["for"] for wait in change["waits"]] for change in changes)
    waits = on_cloud.run(f"apply {OWN} -f .")
    assert waits.code == 2
    assert "next: run `cloudgw plan`" in waits.out
    moved = on_cloud.run(f"apply {OWN} -f . --plan-digest 0000000000000000")
    assert (moved.code, planned.json["digest"] in moved.err) == (1, True)
    done = on_cloud.run(f"apply {OWN} -f . --plan-digest {planned.json['digest']}")
    assert (done.code, "word given" in done.out) == (0, True)


def test_an_incomplete_plan_is_refused_unless_told(on_cloud: places.Place) -> None:
    refused = on_cloud.run("apply --owner demo -f .")
    assert refused.code == 1
    assert "--complete" in refused.out
    assert "--allow-incomplete" in refused.out
    assert on_cloud.run("apply --owner demo -f . --allow-incomplete").code == 0


def test_unreadable_input_is_an_error_and_the_rest_is_planned(on_cloud: places.Place) -> None:
    (on_cloud.folder / "broken.yaml").write_text("a: [\n")
    said = on_cloud.run("plan --owner demo -f . --output json")
    assert said.code == 1
    assert said.json["plans"][0]["changes"]
    assert said.json["errors"][0]["code"] == "InvalidSyntax"
    assert "broken.yaml" in said.err


def test_one_placement_that_fails_stops_no_other(on_cloud: places.Place) -> None:
    (on_cloud.folder / "cloudgw.yaml").write_text(
        'placements:\n  - {provider: aws, account: "999999999999", region: eu-west-1}\n  - {provider: nimbus}\n'
    )
    said = on_cloud.run(f"apply {OWN} -f . --output json")
    assert said.code == 1
    assert [result["state"] for result in said.json["results"]] == ["done"]
    assert len(said.json["errors"]) == 2


def test_drift_names_what_differs_and_nothing_foreign(on_cloud: places.Place) -> None:
    applied(on_cloud)
    elb = _client(on_cloud)
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = next(
        item["ListenerArn"]
        for item in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        if item["Port"] == 80
    )
    rule = next(r for r in elb.describe_rules(ListenerArn=listener)["Rules"] if not r["IsDefault"])
    elb.delete_rule(RuleArn=rule["RuleArn"])
    foreign = elb.create_rule(
        ListenerArn=listener,
        Priority=3,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
    )["Rules"][0]["RuleArn"]
    said = on_cloud.run(f"drift {OWN} -f . --output json")
    assert said.code == 2
    drift = said.json["plans"][0]["drift"]
    assert [(item["state"], item["kind"]) for item in drift] == [("missing", "rule")]
    assert foreign not in on_cloud.run(f"drift {OWN} -f .").out
    left = on_cloud.run("destroy --owner demo -f . shop/edge")
    assert left.code == 2
    assert foreign in left.out
    assert "remove or move what is not ours" in left.out
    elb.delete_rule(RuleArn=foreign)
    assert on_cloud.run("destroy --owner demo -f . --all").code == 0
    assert on_cloud.run("destroy --owner demo -f . shop/edge").code == 0


def test_destroy_needs_neither_class_nor_secret(on_cloud: places.Place, running: Any) -> None:
    before = running.control.dump()
    applied(on_cloud)
    for path in on_cloud.folder.glob("*"):
        path.unlink()
    (on_cloud.folder / "cloudgw.yaml").write_text("owner: demo\nplacements: [{provider: aws, region: eu-central-1}]\n")
    said = on_cloud.run("destroy shop/edge")
    assert said.code == 0, said
    assert running.control.dump() == before


def test_another_owner_is_not_touched(on_cloud: places.Place) -> None:
    applied(on_cloud)
    (on_cloud.folder / "cloudgw.yaml").write_text("placements: [{provider: aws, region: eu-central-1}]\n")
    said = on_cloud.run("destroy --owner other shop/edge")
    assert said.code == 1
    assert "nothing of this owner stands" in said.err


def test_two_gateways_share_one_digest_and_fail_apart(on_cloud: places.Place) -> None:
    second = (on_cloud.folder / "gateway.yaml").read_text().replace("name: edge", "name: inner")
    (on_cloud.folder / "second.yaml").write_text(second)
    said = on_cloud.run(f"plan {OWN} -f . --output json")
    digests = [plan["digest"] for plan in said.json["plans"]]
    assert len(digests) == 2
    assert said.json["digest"] not in digests
    text = on_cloud.run(f"plan {OWN} -f .").out
    assert f"\ndigest {said.json['digest']}\n" in text
    assert all(f"plan {digest}" in text for digest in digests)
    assert on_cloud.run(f"apply {OWN} -f . --plan-digest {said.json['digest']}").code == 0


def test_progress_is_for_terminals_unless_asked_for(on_cloud: places.Place) -> None:
    quiet = on_cloud.run(f"apply {OWN} -f .")
    assert quiet.err == ""
    on_cloud.run("destroy --owner demo -f . shop/edge")
    loud = on_cloud.run(f"apply {OWN} -f . --progress always")
    assert "waiting: time: what was written may not be visible yet" in loud.err
    assert "create load-balancer/lb" in loud.err


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_every_form_names_the_refused_filter(on_cloud: places.Place, form: str) -> None:
    said = on_cloud.run(f"plan {OWN} -f . --output {form}")
    assert "RequestMirror" in said.out
    assert "shop/mirror" in said.out
    assert "\x1b" not in said.out


def _client(place: places.Place) -> Any:
    import boto3

    return boto3.client(
        "elbv2",
        endpoint_url=place.env["AWS_ENDPOINT_URL"],
        region_name="eu-central-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
