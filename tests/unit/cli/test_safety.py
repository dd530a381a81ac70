"""Nothing goes for want of being seen, and no word covers what is not ours: through the command line."""

from __future__ import annotations

from typing import Any

from tests.unit.cli import place as places


def writes(running: Any, since: int) -> list[str]:
    return [entry["operation"] for entry in running.control.journal(since) if entry["write"]]


def standing(on_cloud: places.Place, running: Any) -> int:
    """Applies the examples, lets everything come up, and answers the journal's last sequence."""
    assert on_cloud.run("apply -f . --complete").code in (0, 2)
    running.control.advance(400)
    assert on_cloud.run("plan -f . --complete").code == 0
    return int(running.control.journal(0)[-1]["sequence"])


def edit(on_cloud: places.Place, name: str, before: str, after: str) -> None:
    path = on_cloud.folder / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def approve(on_cloud: places.Place) -> int:
    digest = on_cloud.run("plan -f . --complete --output json").json["digest"]
    return on_cloud.run(f"apply -f . --complete --plan-digest {digest}").code


def test_an_unreadable_gateway_stays(on_cloud: places.Place, running: Any) -> None:
    since = standing(on_cloud, running)
    edit(on_cloud, "gateway.yaml", "port: 80\n", "port: 99999\n")
    said = on_cloud.run("plan -f . --complete --output json")
    assert said.code == 1
    assert not [change for plan in said.json["plans"] for change in plan["changes"]]
    approve(on_cloud)
    assert writes(running, since) == []


def test_two_objects_in_one_document_are_not_the_whole_world(on_cloud: places.Place, running: Any) -> None:
    since = standing(on_cloud, running)
    gateway = (on_cloud.folder / "gateway.yaml").read_text()
    with (on_cloud.folder / "aws-class.yaml").open("a") as file:
        file.write(gateway)
    (on_cloud.folder / "gateway.yaml").unlink()
    said = on_cloud.run("plan -f . --complete")
    assert said.code == 1
    assert "not honoured" in said.out + said.err
    approve(on_cloud)
    assert writes(running, since) == []


def test_a_class_that_is_gone_deletes_nothing(on_cloud: places.Place, running: Any) -> None:
    since = standing(on_cloud, running)
    edit(on_cloud, "aws-class.yaml", "name: aws\nspec:\n  controllerName", "name: other\nspec:\n  controllerName")
    said = on_cloud.run("plan -f . --complete --output json")
    assert not [change for plan in said.json["plans"] for change in plan["changes"]]
    assert writes(running, since) == []


def test_what_stands_is_destroyed_without_its_class(on_cloud: places.Place, running: Any) -> None:
    """The Gateway is still in the files, and nobody says any more whose it is."""
    before = running.control.dump()
    standing(on_cloud, running)
    (on_cloud.folder / "aws-class.yaml").unlink()
    config = on_cloud.folder / "cloudgw.yaml"
    if "placements" not in config.read_text():
        config.write_text(config.read_text() + "placements: [{provider: aws, region: eu-central-1}]\n")
    said = on_cloud.run("destroy -f . --complete shop/edge")
    assert said.code == 0, said
    assert running.control.dump() == before


def test_a_region_is_not_left_before_the_other_stands(on_cloud: places.Place, running: Any) -> None:
    since = standing(on_cloud, running)
    config = on_cloud.folder / "cloudgw.yaml"
    if "placements" not in config.read_text():
        config.write_text(config.read_text() + "placements: [{provider: aws, region: eu-central-1}]\n")
    edit(on_cloud, "aws-class.yaml", "region: eu-central-1", "region: eu-west-1")
    assert approve(on_cloud) == 1, "the other region cannot be reached"
    assert writes(running, since) == []


def test_narrower_is_not_wider(on_cloud: places.Place, running: Any) -> None:
    standing(on_cloud, running)
    edit(on_cloud, "aws-class.yaml", "- 10.0.0.0/16", "- 10.0.1.0/24")
    said = on_cloud.run("plan -f . --complete --output json")
    assert not [change for plan in said.json["plans"] for change in plan["changes"] if change["danger"]]
    edit(on_cloud, "aws-class.yaml", "- 10.0.1.0/24", "- 10.0.0.0/8")
    said = on_cloud.run("plan -f . --complete --output json")
    assert [change for plan in said.json["plans"] for change in plan["changes"] if change["danger"]]


def test_no_word_covers_what_is_not_ours(on_cloud: places.Place, running: Any) -> None:
    standing(on_cloud, running)
    import boto3

    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    client = boto3.client("elbv2", endpoint_url=running.endpoint, region_name="eu-central-1", **keys)
    listener = next(i for i in running.control.dump()["listeners"] if i["port"] == 80)["arn"]
    action = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410", "ContentType": "text/plain"}}
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/theirs"]}}
    made = client.create_rule(ListenerArn=listener, Priority=40_000, Conditions=[condition], Actions=[action])
    theirs = made["Rules"][0]["RuleArn"]
    edit(on_cloud, "aws-class.yaml", "exposure: Internal", "exposure: Public")
    assert approve(on_cloud) == 2
    assert theirs in {rule["arn"] for rule in running.control.dump()["rules"]}


def test_the_way_to_the_pods_outlives_their_draining(on_cloud: places.Place, running: Any) -> None:
    since = standing(on_cloud, running)
    for path in on_cloud.folder.glob("services.yaml"):
        path.write_text(path.read_text().replace("8080", "8181"))
    assert on_cloud.run("apply -f . --complete").code == 0
    entries = [e for e in running.control.journal(since) if e["write"]]
    moved = [e["time"] for e in entries if e["operation"] == "DeregisterTargets"]
    closed = [e["time"] for e in entries if e["operation"] == "RevokeSecurityGroupIngress"]
    assert moved
    assert closed
    assert min(closed) - max(moved) >= 300
