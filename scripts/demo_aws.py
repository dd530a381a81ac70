"""What somebody does to the load balancer of `make demo` with boto3, without asking cloudgw.

`demo` calls it. It reads and writes what AWS shows, and knows nothing of cloudgw but the cloud it works on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRIORITY = 7  # of somebody's own rule: no rule of ours stands there


class Somebody:
    """One load balancer is expected to stand."""

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

    def canary(self) -> list[int]:
        """Weights of the one rule with two target groups, sorted."""
        return shares(self._canary())

    def testers(self) -> list[Any]:
        """The rules that look at a header."""
        return [rule for rule in self.rules() if any(c["Field"] == "http-header" for c in rule["Conditions"])]

    def meddle(self) -> str:
        """Changes a weight, deletes a rule, adds one of its own; answers that one's ARN."""
        canary = self._canary()
        groups = [{**group, "Weight": 50} for group in canary["Actions"][0]["ForwardConfig"]["TargetGroups"]]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        self.elb.modify_rule(RuleArn=canary["RuleArn"], Actions=[action])
        self.elb.delete_rule(RuleArn=self.testers()[0]["RuleArn"])
        made = self.elb.create_rule(
            ListenerArn=self.listener(),
            Priority=PRIORITY,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/maintenance"]}}],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )
        return str(made["Rules"][0]["RuleArn"])

    def planted(self) -> str:
        """The ARN that `meddle` answered."""
        return str(next(rule["RuleArn"] for rule in self.rules() if rule["Priority"] == str(PRIORITY)))

    def foreign(self, arn: str) -> Any:
        return self.elb.describe_rules(RuleArns=[arn])["Rules"][0]

    def remove(self, arn: str) -> None:
        self.elb.delete_rule(RuleArn=arn)

    def _canary(self) -> Any:
        return next(rule for rule in self.rules() if len(shares(rule)) == 2)


def shares(rule: Any) -> list[int]:
    """Weights of a forwarding rule, sorted."""
    config = rule["Actions"][0].get("ForwardConfig", {})
    return sorted(int(group["Weight"]) for group in config.get("TargetGroups", ()))
