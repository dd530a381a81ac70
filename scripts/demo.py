"""`make demo`: cloudgw against a local AWS, from nothing to nothing, every step shown and every expectation checked.

Drives the real command line by subprocess, and boto3 for what somebody does behind its back. Works in a temporary
folder with a copy of `examples/` and a TLS key that is made here and thrown away. Ends with 1 at the first expectation
that does not hold; stops its local cloud in any case.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
GATEWAY = "shop/edge"
HOST = "shop.example.com"


class Unexpected(Exception):
    """An expectation that does not hold."""


class Demo:
    """folder: where commands run. env: their environment."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "CLOUDGW_LOCAL_STATE": str(folder.parent / "state" / "local.json"), "NO_COLOR": "1"}
        self.endpoint = ""

    def title(self, text: str) -> None:
        print(f"\n=== {text}\n", flush=True)

    def cloudgw(self, line: str, *, code: int = 0, shown: bool = True) -> str:
        """Runs it, prints it with its output, and expects an exit code."""
        if shown:
            print(f"$ cloudgw {line}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "cloudgw.cli.main", *shlex.split(line)],
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if shown else subprocess.PIPE,
            timeout=300,
        )
        if shown:
            print(done.stdout, end="")
            print(f"(exit code {done.returncode})\n", flush=True)
        expect(done.returncode == code, f"`cloudgw {line}` ends with {code}, not {done.returncode}")
        return done.stdout

    def json(self, line: str, *, code: int) -> Any:
        return json.loads(self.cloudgw(f"{line} --output json", code=code, shown=False))

    def dump(self) -> dict[str, Any]:
        """The whole state of the local cloud."""
        with urllib.request.urlopen(f"{self.endpoint}/_cloudgw/dump") as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unexpected(what)


def has(text: str, *parts: str) -> None:
    for part in parts:
        expect(part in text, f"the output names {part!r}")


def secret() -> str:
    """A TLS Secret with a fresh key, as a manifest."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "shop-tls", "namespace": "shop"},
            "stringData": {
                "tls.crt": certificate.public_bytes(serialization.Encoding.PEM).decode(),
                "tls.key": private.decode(),
            },
        }
    )


class Somebody:
    """Works on the load balancer with boto3, without asking cloudgw."""

    def __init__(self, env: Mapping[str, str]) -> None:
        import boto3

        self.elb = boto3.client(
            "elbv2",
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )

    def listener(self) -> str:
        """The HTTPS listener of the one load balancer."""
        balancer = self.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
        listeners = self.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        return str(next(item["ListenerArn"] for item in listeners if item["Port"] == 443))

    def rules(self) -> list[Any]:
        found = self.elb.describe_rules(ListenerArn=self.listener())["Rules"]
        return [rule for rule in found if not rule["IsDefault"]]

    def canary(self) -> Any:
        """The one rule with two target groups."""
        return next(rule for rule in self.rules() if len(shares(rule)) == 2)

    def testers(self) -> list[Any]:
        """The rules that look at a header."""
        return [rule for rule in self.rules() if any(c["Field"] == "http-header" for c in rule["Conditions"])]

    def meddle(self) -> str:
        """Changes a weight, deletes a rule, adds one of its own; answers that one's ARN."""
        canary = self.canary()
        groups = [{**group, "Weight": 50} for group in canary["Actions"][0]["ForwardConfig"]["TargetGroups"]]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        self.elb.modify_rule(RuleArn=canary["RuleArn"], Actions=[action])
        self.elb.delete_rule(RuleArn=self.testers()[0]["RuleArn"])
        made = self.elb.create_rule(
            ListenerArn=self.listener(),
            Priority=7,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/maintenance"]}}],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )
        return str(made["Rules"][0]["RuleArn"])

    def rule(self, arn: str) -> Any:
        return self.elb.describe_rules(RuleArns=[arn])["Rules"][0]

    def remove(self, arn: str) -> None:
        self.elb.delete_rule(RuleArn=arn)


def shares(rule: Any) -> list[int]:
    """Weights of a forwarding rule, sorted."""
    config = rule["Actions"][0].get("ForwardConfig", {})
    return sorted(int(group["Weight"]) for group in config.get("TargetGroups", ()))


def run(demo: Demo) -> None:
    demo.title("A local AWS, and a key that is thrown away afterwards")
    demo.cloudgw("local up --detach")
    found = json.loads(demo.cloudgw("local env --output json", shown=False))["aws"]
    demo.env |= found["env"]
    demo.endpoint = found["endpoint"]
    (demo.folder / "shop-tls.json").write_text(secret())
    start = demo.dump()

    demo.title("What would be done")
    planned = demo.cloudgw("plan --complete", code=2)
    has(planned, "RequestMirror", "HTTPRoute shop/mirror", "20 to create", "Service payments/checkout")

    demo.title("Do it")
    demo.cloudgw("apply --complete --progress always")

    demo.title("Nothing is left to do")
    has(demo.cloudgw("plan --complete"), "Nothing to change")

    demo.title("Somebody changes a weight, deletes a rule and adds a rule, with boto3")
    somebody = Somebody(demo.env)
    foreign = somebody.meddle()
    before = somebody.rule(foreign)
    print(f"the foreign rule is {foreign}")
    expect(shares(somebody.canary()) == [50, 50], "the weight was changed")

    demo.title("Drift: exactly the weight and the missing rule")
    demo.cloudgw("drift --complete", code=2)
    drift = [item for plan in demo.json("drift --complete", code=2)["plans"] for item in plan["drift"]]
    states = sorted((item["state"], item["kind"], item["origins"][0]["name"]) for item in drift)
    expect(states == [("changed", "rule", "web"), ("missing", "rule", "api")], f"drift lists two rules: {states}")

    demo.title("Apply restores both; the foreign rule stands")
    demo.cloudgw("apply --complete --progress always")
    expect(shares(somebody.canary()) == [10, 90], "the weight is restored")
    expect(len(somebody.testers()) == 1, "the deleted rule is back")
    expect(somebody.rule(foreign) == before, "the foreign rule is as it was")
    has(demo.cloudgw("plan --complete"), "Nothing to change")

    demo.title("A route edit: twenty per cent for the canary")
    routes = demo.folder / "routes.yaml"
    text = routes.read_text()
    routes.write_text(text.replace("weight: 90", "weight: 80").replace("weight: 10", "weight: 20"))
    demo.cloudgw("plan --complete", code=2)
    plan = demo.json("plan --complete", code=2)
    changes = [(change["op"], change["kind"]) for item in plan["plans"] for change in item["changes"]]
    expect(changes == [("update", "rule")], f"one rule changes: {changes}")
    demo.cloudgw(f"apply --complete --plan-digest {plan['digest']}")
    expect(shares(somebody.canary()) == [20, 80], "the canary takes twenty per cent")

    demo.title("Destroy deletes what it may, names the foreign rule, and waits")
    has(demo.cloudgw(f"destroy {GATEWAY} --progress always", code=2), foreign)
    expect(somebody.rule(foreign) == before, "the foreign rule is as it was")

    demo.title("Somebody removes that rule; destroy again")
    somebody.remove(foreign)
    demo.cloudgw(f"destroy {GATEWAY} --progress always")
    expect(demo.dump() == start, "the cloud is as it was at the start")
    print("the cloud is as it was at the start")


@contextmanager
def workplace() -> Iterator[Demo]:
    """A copy of the examples; the local cloud is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="cloudgw-demo-") as folder:
        here = pathlib.Path(folder) / "demo"
        shutil.copytree(ROOT / "examples", here)
        demo = Demo(here)
        try:
            yield demo
        finally:
            demo.cloudgw("local down")


def main() -> int:
    began = time.monotonic()
    try:
        with workplace() as demo:
            run(demo)
    except Unexpected as reason:
        print(f"\ndemo failed: expected that {reason}", file=sys.stderr)
        return 1
    print(f"demo done in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
