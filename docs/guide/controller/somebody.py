"""Somebody goes to the cloud without asking anybody, and deletes a rule."""

import boto3

elb = boto3.client("elbv2", region_name="eu-central-1")
balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
rules = [rule for rule in elb.describe_rules(ListenerArn=listener)["Rules"] if not rule["IsDefault"]]
elb.delete_rule(RuleArn=rules[0]["RuleArn"])
print(f"deleted the rule with priority {rules[0]['Priority']}")
