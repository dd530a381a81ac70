"""`make demo`: the same routes on a local AWS, Azure and Google Cloud, from nothing to nothing, every step checked.

Run as a module. Drives the real command line by subprocess, and the vendors' own clients for what somebody does behind
its back. Ends with 1 at the first expectation that does not hold. The stage is `demo_stage`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from typing import Any

from scripts import demo_aws, demo_azure, demo_gcp
from scripts.demo_stage import Demo, Unexpected, expect, has, workplace

GATEWAYS = {"aws": "shop/edge", "azure": "shop/edge-azure", "gcp": "shop/edge-gcp"}
SOMEBODY: dict[str, Any] = {"aws": demo_aws.Somebody, "azure": demo_azure.Somebody, "gcp": demo_gcp.Somebody}
RULE = {"aws": "rule", "azure": "path-rule", "gcp": "route-rule"}  # what a match of a route becomes
OFFERS = 50
# the calls of a change of fifty routes
CALLS = {"aws": OFFERS, "azure": ["PUT applicationGateways"], "gcp": ["update urlMaps"]}


def run(demo: Demo) -> None:
    demo.title("Three local clouds, and a key that is thrown away afterwards")
    demo.start()
    begun = demo.dump()

    demo.title(
        "Three classes, three Gateways, the same routes: what can which cloud not honour? No cloud is asked for it"
    )
    differences(demo)

    demo.title("What would be done, on all three")
    planned = demo.cloudgw("plan --complete", code=2)
    has(planned, "RequestMirror", "HTTPRoute shop/mirror", "21 to create", "Service payments/checkout")
    has(planned, "30 to create", "cache-control", "HTTPRoute shop/testers is refused on this Gateway")
    has(planned, "32 to create")

    demo.title("Do it: many calls on AWS, one document written once on Azure, one for each port on Google Cloud")
    demo.cloudgw("apply --complete --progress always")
    written = demo.writes()
    told(written)
    expect(written["azure"] == CALLS["azure"], f"Azure was written to once: {written['azure']}")
    expect(written["gcp"].count("insert urlMaps") == 2, f"one URL map for each port: {written['gcp']}")
    expect("update urlMaps" not in written["gcp"], "and each is made whole")

    demo.title("Nothing is left to do")
    standing = demo.cloudgw("plan --complete")
    has(standing, *(f"Nothing to change, {count} elements" for count in (21, 30, 32)))

    drift(demo)
    weights(demo)
    many(demo)
    destroy(demo)
    expect(demo.dump() == begun, "all clouds are as they were at the start")
    print("all three clouds are as they were at the start")


def differences(demo: Demo) -> None:
    """In words, from the providers' own tables and notes."""
    said = demo.cloudgw("lint --targets aws,azure,gcp --complete", code=2)
    has(said, "aws/UnsupportedFilter: HTTPRoute shop/pictures", "no rule of an ALB changes headers")
    has(said, "azure/TooManyBackends: HTTPRoute shop/web", "azure/MatchNotExpressible: HTTPRoute shop/testers")
    has(said, "gcp/UnsupportedFilter: HTTPRoute shop/mirror")
    expect(said.count(" gcp/") == 1, "nothing else of these routes is beyond Google Cloud")
    rows = {row["feature"]: row["targets"] for row in demo.json("capabilities")["features"]}
    print("Some of the table that `cloudgw capabilities` prints:")
    for feature in ("HTTPRouteResponseHeaderModification", "HTTPRouteQueryParamMatching", "HTTPRouteMethodMatching"):
        for cloud, row in rows[feature].items():
            print(f"  {feature} on {cloud}: {', '.join(filter(None, (row['support'], row['reason'])))}")
    supports = {cloud: row["support"] for cloud, row in rows["HTTPRouteMethodMatching"].items()}
    expect(supports == {"aws": "yes", "azure": "no", "gcp": "yes"}, f"who matches methods: {supports}")


def people(demo: Demo) -> dict[str, Any]:
    """Who goes to which cloud without asking cloudgw."""
    return {cloud: somebody(demo.env) for cloud, somebody in SOMEBODY.items()}


def drift(demo: Demo) -> None:
    """Somebody edits on all clouds; cloudgw restores what is its own and leaves what is not."""
    demo.title("Somebody changes ours and adds something of their own, on all clouds, with the vendors' clients")
    somebody = people(demo)
    planted = {cloud: one.meddle() for cloud, one in somebody.items()}
    print(f"AWS: a weight changed, a rule deleted; foreign: {planted['aws']}")
    print(f"Azure: a path rule sent elsewhere, one deleted; foreign: backendAddressPools/{planted['azure']}")
    print(f"Google Cloud: a weight changed, a route rule deleted; foreign: pathMatchers/{planted['gcp']}")
    before = {cloud: one.foreign(planted[cloud]) for cloud, one in somebody.items()}
    for cloud in ("aws", "gcp"):
        expect(somebody[cloud].canary() == [50, 50], f"the weight was changed on {cloud}")
    expect("/pay" not in somebody["azure"].path_rules(), "the path rule is gone")

    demo.title("Drift: exactly these six")
    demo.cloudgw("drift --complete", code=2)
    found = [item for plan in demo.json("drift --complete", code=2)["plans"] for item in plan["drift"]]
    states = sorted((item["kind"], item["state"], item["origins"][0]["name"]) for item in found)
    wanted = [("path-rule", "changed", "api"), ("path-rule", "missing", "pay")]
    wanted += [
        (kind, *what) for kind in ("route-rule", "rule") for what in (("changed", "web"), ("missing", "testers"))
    ]
    expect(states == wanted, f"drift lists two rules on each cloud: {states}")

    demo.title("Apply restores ours; the foreign rule, the foreign pool and the foreign host stand")
    demo.cloudgw("apply --complete --progress always")
    for cloud in ("aws", "gcp"):
        expect(somebody[cloud].canary() == [10, 90], f"the weight is restored on {cloud}")
        expect(len(somebody[cloud].testers()) == 1, f"the deleted rule is back on {cloud}")
    expect("/pay" in somebody["azure"].path_rules(), "the deleted path rule is back")
    for cloud, one in somebody.items():
        expect(one.foreign(planted[cloud]) == before[cloud], f"what is foreign on {cloud} is as it was")
    has(demo.cloudgw("plan --complete"), "Nothing to change")


def weights(demo: Demo) -> None:
    demo.title("A route edit: twenty per cent for the canary. On Azure, which has no weights, nothing changes")
    routes = demo.folder / "routes.yaml"
    text = routes.read_text()
    routes.write_text(text.replace("weight: 90", "weight: 80").replace("weight: 10", "weight: 20"))
    demo.cloudgw("plan --complete", code=2)
    plan = demo.json("plan --complete", code=2)
    changes = [(item["gateway"], change["op"], change["kind"]) for item in plan["plans"] for change in item["changes"]]
    wanted = [(GATEWAYS[cloud], "update", RULE[cloud]) for cloud in ("aws", "gcp")]
    expect(sorted(changes) == wanted, f"one rule changes on each: {changes}")
    demo.cloudgw(f"apply --complete --plan-digest {plan['digest']}")
    somebody = people(demo)
    for cloud in ("aws", "gcp"):
        expect(somebody[cloud].canary() == [20, 80], f"the canary takes twenty per cent on {cloud}")


def many(demo: Demo) -> None:
    """Fifty routes come, all of them change, and all of them go, which needs a person's word."""
    file = demo.folder / "offers.json"
    demo.title("Fifty routes more: fifty calls on AWS, one on Azure, one on Google Cloud")
    file.write_text(offers("cart", 8080))
    together(demo, "create")

    demo.title("All fifty are sent elsewhere")
    file.write_text(offers("frontend", 80))
    together(demo, "update")

    demo.title("All fifty vanish from the files, by mistake perhaps: on all clouds this waits for a word")
    file.unlink()
    since = sequences(demo)
    digest = demo.json("plan --complete", code=2)["digest"]
    demo.cloudgw("apply --complete", code=2, shown=False)
    expect(not any(writes_after(demo, since).values()), "nothing is deleted without a word")
    print(f"nothing was deleted; the word is --plan-digest {digest}")
    together(demo, "delete", f"apply --complete --plan-digest {digest}")


def together(demo: Demo, verb: str, line: str = "apply --complete") -> None:
    """The same of all fifty: as many changes on each cloud, and as many calls as CALLS says."""
    plans = demo.json("plan --complete", code=2)["plans"]
    counts = {plan["gateway"]: Counter(f"{one['op']} {one['kind']}" for one in plan["changes"]) for plan in plans}
    for cloud, gateway in GATEWAYS.items():
        what = f"{verb} {RULE[cloud]}"
        print(f"plan of {gateway}: {OFFERS} x {what}")
        expect(counts[gateway] == {what: OFFERS}, f"so it is planned: {counts[gateway]}")
    since = sequences(demo)
    print(f"$ cloudgw {line}", flush=True)
    demo.cloudgw(line, shown=False)
    written = writes_after(demo, since)
    told(written)
    expect(len(written["aws"]) == CALLS["aws"], f"fifty calls on AWS: {len(written['aws'])}")
    for cloud in ("azure", "gcp"):
        expect(written[cloud] == CALLS[cloud], f"fifty routes are one call on {cloud}: {written[cloud]}")


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
    somebody = people(demo)
    planted = {cloud: one.planted() for cloud, one in somebody.items()}
    before = {cloud: one.foreign(planted[cloud]) for cloud, one in somebody.items()}
    said = demo.cloudgw(f"destroy {' '.join(GATEWAYS.values())} --progress always", code=2)
    has(said, *planted.values())
    for cloud, one in somebody.items():
        expect(one.foreign(planted[cloud]) == before[cloud], f"what is foreign on {cloud} is as it was")

    demo.title("Somebody removes what is theirs; destroy again")
    for cloud, one in somebody.items():
        one.remove(planted[cloud])
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
