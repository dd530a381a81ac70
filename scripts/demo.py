"""`make demo`: the same routes on a local AWS and a local Azure, from nothing to nothing, every expectation checked.

Run as a module. Drives the real command line by subprocess, and the vendors' own clients for what somebody does behind
its back. Ends with 1 at the first expectation that does not hold. The stage is `demo_stage`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import Any

from scripts import demo_aws, demo_azure
from scripts.demo_stage import Demo, Unexpected, expect, has, workplace

GATEWAYS = {"aws": "shop/edge", "azure": "shop/edge-azure"}
OFFERS = 50
PUT = "PUT applicationGateways"


def run(demo: Demo) -> None:
    demo.title("A local AWS, a local Azure, and a key that is thrown away afterwards")
    demo.start()
    begun = demo.dump()

    demo.title("Two classes, two Gateways, the same routes: what can which cloud not honour? No cloud is asked for it")
    differences(demo)

    demo.title("What would be done, on both")
    planned = demo.cloudgw("plan --complete", code=2)
    has(planned, "RequestMirror", "HTTPRoute shop/mirror", "21 to create", "Service payments/checkout")
    has(planned, "30 to create", "cache-control", "HTTPRoute shop/testers is refused on this Gateway")

    demo.title("Do it: many calls on AWS, and one document written once on Azure")
    demo.cloudgw("apply --complete --progress always")
    written = demo.writes()
    told(written)
    expect(written["azure"] == [PUT], f"Azure was written to once: {written['azure']}")

    demo.title("Nothing is left to do")
    has(demo.cloudgw("plan --complete"), "Nothing to change, 21 elements", "Nothing to change, 30 elements")

    drift(demo)
    weights(demo)
    many(demo)
    destroy(demo)
    expect(demo.dump() == begun, "both clouds are as they were at the start")
    print("both clouds are as they were at the start")


def differences(demo: Demo) -> None:
    """In words, from the providers' own tables and notes."""
    said = demo.cloudgw("lint --targets aws,azure --complete", code=2)
    has(said, "aws/UnsupportedFilter: HTTPRoute shop/pictures", "no rule of an ALB changes headers")
    has(said, "azure/TooManyBackends: HTTPRoute shop/web", "azure/MatchNotExpressible: HTTPRoute shop/testers")
    rows = {row["feature"]: row["targets"] for row in demo.json("capabilities --targets aws,azure")["features"]}
    print("Some of the table that `cloudgw capabilities` prints:")
    for feature in ("HTTPRouteResponseHeaderModification", "HTTPRouteQueryParamMatching", "HTTPRouteMethodMatching"):
        for cloud, row in rows[feature].items():
            print(f"  {feature} on {cloud}: {', '.join(filter(None, (row['support'], row['reason'])))}")
    expect(rows["HTTPRouteMethodMatching"]["aws"]["support"] == "yes", "an ALB matches methods")
    expect(rows["HTTPRouteMethodMatching"]["azure"]["support"] == "no", "an application gateway does not")


def drift(demo: Demo) -> None:
    """Somebody edits on both clouds; cloudgw restores what is its own and leaves what is not."""
    demo.title("Somebody changes ours and adds something of their own, on both clouds, with the vendors' clients")
    on_aws, on_azure = demo_aws.Somebody(demo.env), demo_azure.Somebody(demo.env)
    rule, pool = on_aws.meddle(), on_azure.meddle()
    print(f"AWS: a weight changed, a rule deleted; foreign: {rule}")
    print(f"Azure: a path rule sent elsewhere, one deleted; foreign: backendAddressPools/{pool}")
    before = (on_aws.foreign(rule), on_azure.foreign(pool))
    expect(on_aws.canary() == [50, 50], "the weight was changed")
    expect("/pay" not in on_azure.path_rules(), "the path rule is gone")

    demo.title("Drift: exactly these four")
    demo.cloudgw("drift --complete", code=2)
    found = [item for plan in demo.json("drift --complete", code=2)["plans"] for item in plan["drift"]]
    states = sorted((item["kind"], item["state"], item["origins"][0]["name"]) for item in found)
    wanted = [("path-rule", "changed", "api"), ("path-rule", "missing", "pay")]
    wanted += [("rule", "changed", "web"), ("rule", "missing", "testers")]
    expect(states == wanted, f"drift lists two rules on each cloud: {states}")

    demo.title("Apply restores ours; the foreign rule and the foreign pool stand")
    demo.cloudgw("apply --complete --progress always")
    expect(on_aws.canary() == [10, 90], "the weight is restored")
    expect(len(on_aws.testers()) == 1, "the deleted rule is back")
    expect("/pay" in on_azure.path_rules(), "the deleted path rule is back")
    expect((on_aws.foreign(rule), on_azure.foreign(pool)) == before, "what is foreign is as it was")
    has(demo.cloudgw("plan --complete"), "Nothing to change")


def weights(demo: Demo) -> None:
    demo.title("A route edit: twenty per cent for the canary. On Azure, which has no weights, nothing changes")
    routes = demo.folder / "routes.yaml"
    text = routes.read_text()
    routes.write_text(text.replace("weight: 90", "weight: 80").replace("weight: 10", "weight: 20"))
    demo.cloudgw("plan --complete", code=2)
    plan = demo.json("plan --complete", code=2)
    changes = [(item["gateway"], change["op"], change["kind"]) for item in plan["plans"] for change in item["changes"]]
    expect(changes == [(GATEWAYS["aws"], "update", "rule")], f"one rule changes: {changes}")
    demo.cloudgw(f"apply --complete --plan-digest {plan['digest']}")
    expect(demo_aws.Somebody(demo.env).canary() == [20, 80], "the canary takes twenty per cent")


def many(demo: Demo) -> None:
    """Fifty routes come, all of them change, and all of them go, which needs a person's word."""
    file = demo.folder / "offers.json"
    demo.title("Fifty routes more: fifty calls on AWS, one on Azure")
    file.write_text(offers("cart", 8080))
    together(demo, {"aws": {"create rule": OFFERS}, "azure": {"create path-rule": OFFERS}})

    demo.title("All fifty are sent elsewhere")
    file.write_text(offers("frontend", 80))
    together(demo, {"aws": {"update rule": OFFERS}, "azure": {"update path-rule": OFFERS}})

    demo.title("All fifty vanish from the files, by mistake perhaps: on both clouds this waits for a word")
    file.unlink()
    since = sequences(demo)
    digest = demo.json("plan --complete", code=2)["digest"]
    demo.cloudgw("apply --complete", code=2, shown=False)
    expect(not any(writes_after(demo, since).values()), "nothing is deleted without a word")
    print(f"nothing was deleted; the word is --plan-digest {digest}")
    together(
        demo,
        {"aws": {"delete rule": OFFERS}, "azure": {"delete path-rule": OFFERS}},
        f"apply --complete --plan-digest {digest}",
    )


def together(demo: Demo, wanted: dict[str, dict[str, int]], line: str = "apply --complete") -> None:
    """wanted: of each cloud the changes of its Gateway, which are fifty calls on AWS and one on Azure."""
    plans = demo.json("plan --complete", code=2)["plans"]
    counts = {plan["gateway"]: Counter(f"{one['op']} {one['kind']}" for one in plan["changes"]) for plan in plans}
    for cloud, counted in wanted.items():
        print(f"plan of {GATEWAYS[cloud]}: {', '.join(f'{count} x {what}' for what, count in counted.items())}")
        expect(counts[GATEWAYS[cloud]] == counted, f"so it is planned: {counts[GATEWAYS[cloud]]}")
    since = sequences(demo)
    print(f"$ cloudgw {line}", flush=True)
    demo.cloudgw(line, shown=False)
    written = writes_after(demo, since)
    told(written)
    expect(written["azure"] == [PUT], f"fifty routes are one PUT: {written['azure']}")
    expect(len(written["aws"]) == OFFERS, f"and fifty calls on AWS: {len(written['aws'])}")


def sequences(demo: Demo) -> dict[str, int]:
    """The number of the last call that each local cloud received."""
    found = dict.fromkeys(demo.endpoints, 0)
    for call in demo.json("local journal"):
        found[call["cloud"]] = max(found[call["cloud"]], call["sequence"])
    return found


def writes_after(demo: Demo, since: dict[str, int]) -> dict[str, list[str]]:
    return {cloud: demo.writes(number)[cloud] for cloud, number in since.items()}


def told(written: dict[str, list[str]]) -> None:
    for cloud, operations in sorted(written.items()):
        said = ", ".join(f"{name} x{count}" for name, count in Counter(operations).most_common())
        print(f"writes on {cloud}: {said or 'none'}")


def offers(service: str, port: int) -> str:
    """Fifty routes, each with a path of its own."""
    items = [
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": f"offer-{number:02}", "namespace": "shop"},
            "spec": {
                "parentRefs": [{"name": name.partition("/")[2], "sectionName": "https"} for name in GATEWAYS.values()],
                "hostnames": ["shop.example.com"],
                "rules": [
                    {
                        "matches": [{"path": {"type": "Exact", "value": f"/offers/{number}"}}],
                        "backendRefs": [{"name": service, "port": port}],
                    }
                ],
            },
        }
        for number in range(OFFERS)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def destroy(demo: Demo) -> None:
    demo.title("Destroy deletes what it may, names what is foreign, and waits")
    on_aws, on_azure = demo_aws.Somebody(demo.env), demo_azure.Somebody(demo.env)
    rule = next(one["RuleArn"] for one in on_aws.rules() if one["Priority"] == "7")
    before: Any = (on_aws.foreign(rule), on_azure.foreign(demo_azure.FOREIGN))
    said = demo.cloudgw(f"destroy {' '.join(GATEWAYS.values())} --progress always", code=2)
    has(said, rule, demo_azure.FOREIGN)
    expect((on_aws.foreign(rule), on_azure.foreign(demo_azure.FOREIGN)) == before, "what is foreign is as it was")

    demo.title("Somebody removes what is theirs; destroy again")
    on_aws.remove(rule)
    on_azure.remove(demo_azure.FOREIGN)
    demo.cloudgw(f"destroy {' '.join(GATEWAYS.values())} --progress always")


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
