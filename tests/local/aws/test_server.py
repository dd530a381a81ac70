"""The server around the operations: control API, journal, faults, lagging answers, buckets, the process."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import boto3
import botocore.exceptions
import pytest
import yaml

from cloudgw_local import aws, control
from cloudgw_local.aws import server, wire

from . import conftest as c

PYTHONPATH = {"PYTHONPATH": os.pathsep.join(sys.path)}  # the package may be found by pytest's configuration only


def ask(cloud: c.Cloud, request: str, body: dict[str, Any] | None = None) -> Any:
    method, path = request.split()
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{cloud.endpoint}{control.PREFIX}{path}", data=data, method=method)
    ) as answer:
        return json.load(answer)


def test_control_over_http(cloud: c.Cloud) -> None:
    assert ask(cloud, "GET ready")["ready"]
    before = ask(cloud, "GET clock")
    assert (before["rate"], before["stepped"]) == (60.0, True)
    assert ask(cloud, "POST clock/advance", {"seconds": 5})["now"] == before["now"] + 5
    assert ask(cloud, "POST settings", {"target_initial": 5})["target_initial"] == 5
    ask(cloud, "POST health", {"target": "10.0.1.5", "healthy": False})
    assert ask(cloud, "GET dump")["health"] == {"10.0.1.5": False}
    cloud.balancer()
    assert [entry["operation"] for entry in ask(cloud, "GET journal?since=0")] == ["CreateLoadBalancer"]
    ask(cloud, "POST faults", {"operation": "*", "kind": "throttle"})
    ask(cloud, "DELETE faults")
    taken = ask(cloud, "POST snapshot")["snapshot"]
    cloud.balancer("two")
    ask(cloud, "POST restore", {"snapshot": taken})
    assert [one["name"] for one in ask(cloud, "GET dump")["load_balancers"]] == ["one"]
    ask(cloud, "POST reset", {})
    assert ask(cloud, "GET dump")["load_balancers"] == []
    assert ask(cloud, "GET clock")["now"] == before["now"]


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        ("GET nonsense", None, 404),
        ("POST clock/advance", {}, 400),
        ("POST clock/advance", {"seconds": -1}, 400),
        ("POST settings", {"nonsense": 1}, 400),
        ("POST settings", {"throttling": 1}, 400),
        ("POST faults", {"kind": "nonsense"}, 400),
        ("POST faults", {"kind": "error"}, 400),
        ("POST restore", {"snapshot": "nonsense"}, 400),
    ],
)
def test_refused_control(cloud: c.Cloud, request_line: str, body: Any, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(cloud, request_line, body)
    assert caught.value.code == status


def test_journal(cloud: c.Cloud) -> None:
    cloud.balancer()
    c.refused("LoadBalancerNotFound", cloud.elb.describe_load_balancers, Names=["two"])
    entries = cloud.control.journal()
    assert [(one["operation"], one["write"], one["outcome"]) for one in entries] == [
        ("CreateLoadBalancer", True, "ok"),
        ("DescribeLoadBalancers", False, "LoadBalancerNotFound"),
    ]
    assert entries[0]["parameters"] == {"Name": "one", "Subnets": c.SUBNETS}
    assert (entries[0]["cloud"], entries[0]["service"]) == ("aws", "elbv2")
    assert cloud.control.journal(entries[0]["sequence"]) == entries[1:]


def test_dump_comes_back_to_the_start(cloud: c.Cloud) -> None:
    before = json.dumps(cloud.control.dump())
    group = cloud.group()
    listener = cloud.listener(cloud.balancer(SecurityGroups=[group]))
    targets = cloud.targets()
    rule = cloud.rule(listener, action=c.forward(targets))
    cloud.elb.delete_rule(RuleArn=rule)
    cloud.elb.delete_load_balancer(
        LoadBalancerArn=cloud.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    )
    cloud.elb.delete_target_group(TargetGroupArn=targets)
    cloud.control.advance(60)
    cloud.ec2.delete_security_group(GroupId=group)
    assert json.dumps(cloud.control.dump()) == before


def test_throttle_fault(cloud: c.Cloud) -> None:
    cloud.control.fault("CreateLoadBalancer", "throttle", skip=1, times=2)
    cloud.balancer("one")
    c.refused("ThrottlingException", cloud.balancer, "two")
    c.refused("ThrottlingException", cloud.balancer, "two")
    cloud.balancer("two")
    cloud.control.fault("*", "throttle")
    c.refused("RequestLimitExceeded", cloud.ec2.describe_vpcs)


def test_error_fault(cloud: c.Cloud) -> None:
    cloud.control.fault("elbv2:DescribeTags", "error", code="ServiceUnavailable", status=503)
    c.refused("ServiceUnavailable", cloud.elb.describe_tags, ResourceArns=[])
    cloud.control.fault("DescribeTags", "error", code="InternalFailure", status=500)
    cloud.control.clear_faults()
    c.refused("ValidationError", cloud.elb.describe_tags, ResourceArns=["x"])


@pytest.mark.parametrize(("kind", "made"), [("lost", 1), ("refuse-before", 0)])
def test_connection_faults(cloud: c.Cloud, kind: str, made: int) -> None:
    cloud.control.fault("CreateLoadBalancer", kind)
    with pytest.raises(botocore.exceptions.ConnectionClosedError):
        cloud.balancer()
    assert len(cloud.control.dump()["load_balancers"]) == made
    assert cloud.control.journal()[-1]["outcome"] == kind
    cloud.balancer()


def test_a_mistake_of_the_local_cloud_is_an_answer(cloud: c.Cloud, capfd: pytest.CaptureFixture[str]) -> None:
    cloud.control.cloud.world.subnets.clear()
    cloud.control.cloud.world.vpcs["vpc-2"] = None
    c.refused("InternalFailure", cloud.ec2.describe_vpcs)
    assert cloud.control.journal()[-1]["outcome"] == "InternalFailure"
    assert "Traceback" in capfd.readouterr().err


def test_describes_lag_writes(cloud: c.Cloud) -> None:
    group = cloud.targets()
    cloud.control.settings(staleness=10)
    balancer = cloud.balancer()
    names = cloud.elb.describe_load_balancers
    assert names()["LoadBalancers"] == []
    c.refused("LoadBalancerNotFound", names, LoadBalancerArns=[balancer])
    cloud.control.advance(5)
    cloud.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.1.5"}])
    cloud.control.advance(5)
    assert len(names()["LoadBalancers"]) == 1
    assert cloud.health(group) == []
    cloud.control.advance(5)
    assert len(cloud.health(group)) == 1
    c.refused("DuplicateLoadBalancerName", cloud.balancer, Scheme="internal")


def test_buckets(cloud: c.Cloud) -> None:
    cloud.control.settings(throttling=True)
    for number in range(10):
        cloud.balancer(f"b{number}")
    c.refused("ThrottlingException", cloud.balancer, "b10")
    for number in range(20):
        cloud.targets(f"g{number}")
    c.refused("ThrottlingException", cloud.targets, "g20")
    for _ in range(10):
        cloud.elb.describe_load_balancers()
    c.refused("ThrottlingException", cloud.elb.describe_load_balancers)
    cloud.control.advance(5)
    cloud.balancer("b10")
    c.refused("ThrottlingException", cloud.balancer, "b11")


def test_snapshot_repeats_exactly(cloud: c.Cloud) -> None:
    taken = cloud.control.snapshot()
    results = []
    for _ in range(2):
        arn = cloud.balancer()
        cloud.control.advance(90)
        results.append((arn, cloud.control.dump(), cloud.control.now()))
        cloud.control.restore(taken)
    assert results[0] == results[1]


def test_unsigned_and_other_regions(cloud: c.Cloud) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(cloud.endpoint, data=b"Action=DescribeLoadBalancers")
    assert caught.value.code == 403
    elsewhere = boto3.client(
        "elbv2",
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    c.refused("AuthFailure", elsewhere.describe_load_balancers)


def test_error_codes_are_documented() -> None:
    """Every code that an elbv2 or ACM operation can raise is in botocore's model, or common to all actions."""
    common = {"ValidationError", "ValidationException", "InvalidAction"}
    for service in ("elbv2", "acm"):
        model = wire.model(service)
        known = {
            shape.metadata.get("error", {}).get("code", shape.name)
            for name in model.operation_names
            for shape in model.operation_model(name).error_shapes
        }
        raised: set[str] = set()
        for file in pathlib.Path(wire.__file__).parent.glob(f"{service}*.py"):
            raised |= set(re.findall(r'AwsError\(\s*"(\w+)"', file.read_text()))
        assert raised
        assert raised - common <= known


def test_beliefs_file() -> None:
    rows = yaml.safe_load(pathlib.Path(control.__file__).with_name("beliefs.yaml").read_text())
    for row in rows:
        assert set(row) == {"id", "claim", "source", "status", "values", "default", "switch"}
        assert row["status"] in ("documented", "recorded", "reported", "inferred")
        assert row["default"] in row["values"]
    assert len({row["id"] for row in rows}) == len(rows)


def test_beliefs_can_be_answered_otherwise() -> None:
    with server.serve(stepped=True, beliefs={"aws-values-per-condition": "3"}) as running:
        cloud = c.connect(running)
        listener = cloud.listener(cloud.balancer())
        c.refused("ValidationError", cloud.rule, listener, conditions=[c.path("/1", "/2", "/3", "/4")])
    for answers in ({"nonsense": "1"}, {"aws-values-per-condition": "4"}, {"aws-header-regex-case": "insensitive"}):
        with pytest.raises(ValueError, match="belief"), server.serve(beliefs=answers):
            pass


def test_other_services_are_stock_moto(cloud: c.Cloud) -> None:
    pytest.importorskip("moto")
    iam = c.clients(cloud.endpoint, "iam")["iam"]
    assert iam.list_users()["Users"] == []


def test_one_call_is_fast(cloud: c.Cloud) -> None:
    listener = cloud.listener(cloud.balancer())
    for number in range(1, 51):
        cloud.rule(listener, number)
    began = time.perf_counter()
    for _ in range(50):
        cloud.elb.describe_listeners(ListenerArns=[listener])
    assert (time.perf_counter() - began) / 50 < 0.015
    began = time.perf_counter()
    cloud.control.reset()
    assert time.perf_counter() - began < 0.05


def test_import_is_light() -> None:
    code = "import sys, cloudgw_local.aws; print([name for name in sys.modules if name in ('moto', 'botocore')])"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **PYTHONPATH}
    )
    assert ran.stdout == "[]\n"


def test_process() -> None:
    command = aws.LOCAL.command(port=0, rate=3600.0, stepped=False)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **PYTHONPATH}) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["cloud"] == "aws"
        environment = aws.LOCAL.env(ready["endpoint"])
        assert environment["CLOUDGW_CLOCK"] == f"{ready['endpoint']}/_cloudgw/clock"
        code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
        asked = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **environment},
        )
        assert asked.stdout == "123456789012\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
