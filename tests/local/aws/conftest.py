"""One stepped local AWS for all tests of this folder, back in its start world before each; unmodified boto3 clients."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import functools
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import oid

from cloudgw_local import serving
from cloudgw_local.aws import server

VPC = "vpc-00000000000000001"
SUBNETS = ["subnet-0000000000000000a", "subnet-0000000000000000b"]
PODS = "sg-00000000000000001"


@functools.cache
def key_of(kind: str, number: int = 0) -> Any:
    """The same key for the same arguments; another number is another key."""
    del number
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def pem_pair(domain: str, kind: str = "p256", now: float = 0.0, days: int = 90, number: int = 0) -> tuple[bytes, bytes]:
    """A self-signed certificate around `now` and its key, both PEM."""
    key = key_of(kind, number)
    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, domain)])
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@dataclasses.dataclass(kw_only=True)
class Cloud:
    """The running cloud, its clients, and short ways to make things in it."""

    endpoint: str
    control: Any
    elb: Any
    ec2: Any
    acm: Any
    sts: Any

    def group(self, name: str = "lb") -> str:
        made = self.ec2.create_security_group(GroupName=name, Description="test", VpcId=VPC)
        return str(made["GroupId"])

    def balancer(self, name: str = "one", **more: Any) -> str:
        made = self.elb.create_load_balancer(Name=name, **{"Subnets": SUBNETS, **more})
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def targets(self, name: str = "web", **more: Any) -> str:
        settings = {"Protocol": "HTTP", "Port": 80, "VpcId": VPC, "TargetType": "ip", **more}
        return str(self.elb.create_target_group(Name=name, **settings)["TargetGroups"][0]["TargetGroupArn"])

    def listener(self, balancer: str, action: dict[str, Any] | None = None, port: int = 80, **more: Any) -> str:
        made = self.elb.create_listener(
            LoadBalancerArn=balancer, DefaultActions=[action or fixed()], **{"Protocol": "HTTP", "Port": port, **more}
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def rule(self, listener: str, priority: int = 10, conditions: Any = None, action: Any = None, **more: Any) -> str:
        made = self.elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=conditions or [path("/x")],
            Actions=[action or fixed()],
            **more,
        )
        return str(made["Rules"][0]["RuleArn"])

    def certificate(self, domain: str = "a.example.com", kind: str = "p256", **more: Any) -> str:
        body, key = pem_pair(domain, kind, self.control.now())
        return str(self.acm.import_certificate(Certificate=body, PrivateKey=key, **more)["CertificateArn"])

    def health(self, group: str) -> list[tuple[str, str | None]]:
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [(one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in found]


def fixed(code: str = "404") -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code}}


def forward(*groups: str) -> dict[str, Any]:
    if len(groups) == 1:
        return {"Type": "forward", "TargetGroupArn": groups[0]}
    weighted = [{"TargetGroupArn": one, "Weight": 1} for one in groups]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def refused(code: str, perform: collections.abc.Callable[..., Any], /, *args: Any, **given: Any) -> str:
    """The message with which AWS refuses; fails if it does not, or with another code."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        perform(*args, **given)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return str(error["Message"])


def clients(endpoint: str, *names: str) -> dict[str, Any]:
    """boto3 as anyone uses it, except that it does not retry and leaves range checks to the server."""
    config = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    session = boto3.Session("local", "local", region_name="eu-central-1")
    return {name: session.client(name, endpoint_url=endpoint, config=config) for name in names}


def connect(running: serving.Running) -> Cloud:
    made = clients(running.endpoint, "elbv2", "ec2", "acm", "sts")
    made["elb"] = made.pop("elbv2")
    return Cloud(endpoint=running.endpoint, control=running.control, **made)


@pytest.fixture(scope="session")
def served() -> collections.abc.Iterator[Cloud]:
    with server.serve(stepped=True) as running:
        yield connect(running)


@pytest.fixture
def cloud(served: Cloud) -> Cloud:
    served.control.reset()
    return served
