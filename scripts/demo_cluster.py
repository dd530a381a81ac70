"""`make demo-cluster`: a control plane, three local clouds and the controller, from `kubectl apply` to nothing.

Run as a module. Every step is checked; ends with 1 at the first expectation that does not hold, and leaves the machine
as it was in any case. With root and `ip netns` pods run, and their addresses arrive in the clouds. The stage is
`demo_cluster_stage`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from cloudgw_local.cluster.api import ClusterError
from cloudgw_local.cluster.build import BuildError
from scripts.demo_cluster_stage import CLOUDS, SYSTEM, Stage, condition, stage
from scripts.demo_stage import Unexpected, expect, has

GATEWAYS = {"aws": "edge", "azure": "edge-azure", "gcp": "edge-gcp"}
ALL = (*GATEWAYS.values(), "front")
NETWORK = "192.168.0.0/16"  # that is let in later
BAD = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: search
  namespace: shop
spec:
  parentRefs:
    - {name: edge, sectionName: https}
    - {name: edge-azure, sectionName: https}
  hostnames: [shop.example.com]
  rules:
    - name: words
      matches:
        - path: {type: PathPrefix, value: /cart}
          queryParams: [{name: q, value: shoes}]
      backendRefs: [{name: cart, port: 8080}]
"""


def run(demo: Stage) -> None:
    begun = demo.dump()
    demo.title("The controller, and what it needs: a namespace of its own")
    demo.kubectl(f"create namespace {SYSTEM}")
    demo.start_controller()

    demo.title("A team's namespaces, a certificate, and everything else: classes, Gateways, routes, Services")
    demo.kubectl("apply -f examples/namespaces.yaml")
    demo.kubectl("apply -f shop-tls.json")
    demo.kubectl("apply -f examples/")
    demo.kubectl(f"apply -f examples/cluster/{'public.yaml' if demo.why_no_pods else ''}")
    first(demo)
    everything(demo)

    rollout(demo)
    bad(demo)
    approval(demo)
    delete(demo, begun)


# From nothing to addresses


def first(demo: Stage) -> None:
    """The first of the Gateways that has an address and is programmed."""
    name = demo.until(lambda: next(iter(standing(demo)), ""), "a Gateway has an address")
    print(f"the first Gateway with an address is {name}, {demo.seconds:.0f} s after the start\n", flush=True)


def standing(demo: Stage) -> list[str]:
    return [
        one["metadata"]["name"]
        for one in demo.get("gateways --namespace shop")["items"]
        if one.get("status", {}).get("addresses") and condition(one, "Programmed").get("status") == "True"
    ]


def everything(demo: Stage) -> None:
    demo.kubectl("wait --namespace shop gateways --all --for=condition=Programmed --timeout=300s")
    demo.kubectl("get gatewayclasses")
    said = demo.kubectl("get gateways,httproutes --namespace shop")
    has(said, *ALL, "elb.amazonaws.com", "shop.example.com")
    expect(sorted(standing(demo)) == sorted(ALL), "every Gateway has an address")
    routes = [one["metadata"]["name"] for one in demo.get("httproutes --namespace shop")["items"]]
    demo.until(lambda: all(spoken(demo, route) for route in routes), "every route is told")
    answers(demo)


def spoken(demo: Stage, route: str) -> bool:
    """Whether each parent of a route has an answer, and those that accept it serve it."""
    found = demo.get(f"httproute {route} --namespace shop")
    parents = found.get("status", {}).get("parents", ())
    done = all(
        condition(one, "Accepted")["status"] == "False" or condition(one, "Programmed")["status"] == "True"
        for one in parents
    )
    return done and len(parents) == len(found["spec"]["parentRefs"])


def answers(demo: Stage) -> None:
    print("What each Gateway says to each route:")
    less = set()
    for one in demo.get("httproutes --namespace shop")["items"]:
        for parent in one["status"]["parents"]:
            route, gateway, said = one["metadata"]["name"], parent["parentRef"]["name"], _told(parent)
            print(f"  {route:<10} {gateway:<12} {said}")
            if said != "programmed":
                less.add((route, gateway))
    print(flush=True)
    wanted = {("mirror", "edge"), ("mirror", "edge-azure"), ("mirror", "edge-gcp"), ("pictures", "edge")}
    wanted |= {("testers", "edge-azure"), ("web", "edge-azure")}
    expect(less == wanted, f"exactly what a cloud cannot say is told: {sorted(less)}")
    demo.until(lambda: arrived(demo), "the targets are those of the EndpointSlices")


def _told(parent: Any) -> str:
    for kind, bad in (("Accepted", "False"), ("PartiallyInvalid", "True"), ("Programmed", "False")):
        one = condition(parent, kind)
        if one.get("status") == bad:
            return f"{one['reason']}: {one['message']}"
    return "programmed"


# A rollout


def backends(demo: Stage) -> set[str]:
    """Ready addresses of the Service cart."""
    slices = demo.get("endpointslices --namespace shop --selector kubernetes.io/service-name=cart")["items"]
    return {
        address
        for one in slices
        for point in one.get("endpoints") or ()
        if point.get("conditions", {}).get("ready")
        for address in point["addresses"]
    }


def arrived(demo: Stage, gone: frozenset[str] = frozenset()) -> bool:
    """Every ready address of the cart is a target on every cloud, and none of those that are gone is."""
    wanted = backends(demo)
    return bool(wanted) and all(wanted <= one and not gone & one for one in demo.targets().values())


def rollout(demo: Stage) -> None:
    before, marks = frozenset(backends(demo)), marks_of(demo)
    if demo.why_no_pods:
        demo.title("A rollout, as a cluster with pods would show it: other addresses in the EndpointSlice")
        points = ", ".join(
            f'{{"addresses": ["10.0.{64 + number % 2}.{91 + number}"], "zone": "eu-central-1{"ab"[number % 2]}", '
            '"conditions": {"ready": true}}'
            for number in range(3)
        )
        demo.kubectl(
            "patch endpointslice cart-1 --namespace shop --type=json "
            f"""--patch '[{{"op": "replace", "path": "/endpoints", "value": [{points}]}}]'"""
        )
    else:
        demo.title("A rollout: new pods come, old ones go, and every cloud follows")
        demo.kubectl("get pods --all-namespaces --output wide")
        demo.kubectl("set env --namespace shop deployment/cart VERSION=2")
        demo.kubectl("rollout status --namespace shop deployment/cart --timeout=300s")
    demo.until(lambda: not before & backends(demo), "the old pods are gone")
    demo.until(lambda: arrived(demo, before), "the new addresses are targets on all clouds, the old ones are not")
    after = ", ".join(sorted(backends(demo)))
    print(f"cart was at {', '.join(sorted(before))}; on every cloud its targets are now {after}")
    names = {name for cloud in CLOUDS for name in writes(demo, marks)[cloud]}
    print(f"calls that were needed: {', '.join(sorted(names))}\n", flush=True)
    expect(sorted(standing(demo)) == sorted(ALL), "every Gateway was programmed all the time")


def marks_of(demo: Stage) -> dict[str, int]:
    """The number of the newest call on each cloud."""
    found = dict.fromkeys(demo.endpoints, 0)
    for call in demo.json("local journal"):
        found[call["cloud"]] = max(found[call["cloud"]], call["sequence"])
    return found


def writes(demo: Stage, marks: dict[str, int]) -> dict[str, list[str]]:
    return {cloud: demo.writes(number)[cloud] for cloud, number in marks.items()}


# A bad route


def bad(demo: Stage) -> None:
    demo.title("A bad route: two clouds cannot say what it asks for. It is told, and nobody else notices")
    (demo.folder / "search.yaml").write_text(BAD)
    print(BAD)
    marks = marks_of(demo)
    demo.kubectl("apply -f search.yaml")
    demo.until(lambda: spoken(demo, "search"), "the route is told")
    for parent in demo.get("httproute search --namespace shop")["status"]["parents"]:
        one = condition(parent, "Accepted")
        print(f"{parent['parentRef']['name']}: Accepted={one['status']} {one['reason']}: {one['message']}\n")
        expect(one["status"] == "False", "it is refused")
    explain = "kubectl cloudgw explain httproute/search --namespace shop --live"
    has(demo.command(explain, code=2), "first failing gate: cloud")
    time.sleep(3)
    expect(not any(writes(demo, marks).values()), "nothing was written to any cloud")
    expect(sorted(standing(demo)) == sorted(ALL), "every Gateway is programmed")
    print("nothing was written to any cloud; every Gateway is programmed\n")
    demo.kubectl("delete -f search.yaml")


# An approval


def approval(demo: Stage) -> None:
    demo.title(f"A platform engineer lets {NETWORK} in. That is wider exposure: it waits for a person's word")
    marks = marks_of(demo)
    change = f"""'{{"spec": {{"allowedSourceRanges": ["10.0.0.0/16", "{NETWORK}"]}}}}'"""
    demo.kubectl(f"patch awsgatewayclassparameters aws --type=merge --patch {change}")
    demo.until(lambda: phase(demo) == "Pending", "a GatewayPlan waits")
    demo.kubectl("get gatewayplans --namespace shop")
    has(demo.command("kubectl cloudgw approve shop/edge"), f"SECURITY: opens cidr:{NETWORK}", "2 wait")
    time.sleep(2)
    expect(not any(writes(demo, marks).values()), "nothing is written without a word")
    digest = demo.get("gatewayplan edge --namespace shop")["status"]["plans"][0]["digest"]
    demo.command(f"kubectl cloudgw approve shop/edge {digest}")
    demo.until(lambda: phase(demo) == "Empty", "it is done")
    written = writes(demo, marks)["aws"]
    expect(set(written) == {"AuthorizeSecurityGroupIngress"}, f"the rules that were approved: {written}")
    demo.kubectl("get gatewayplans --namespace shop")
    demo.kubectl("events --namespace shop --for gateway/edge")


def phase(demo: Stage) -> Any:
    found = demo.get("gatewayplans --namespace shop")["items"]
    return next((one["status"]["phase"] for one in found if one["metadata"]["name"] == "edge"), "")


# The end


def delete(demo: Stage, begun: dict[str, Any]) -> None:
    demo.title("Delete: kubectl waits until every load balancer is gone")
    demo.kubectl(f"delete -f examples/cluster/{'public.yaml' if demo.why_no_pods else ''} --timeout=300s")
    demo.kubectl("delete -f examples/ --timeout=300s")
    demo.until(lambda: not demo.get("gateways --all-namespaces")["items"], "every Gateway is gone")
    demo.until(lambda: demo.dump() == begun, "all clouds are as they were at the start")
    left = [one["metadata"]["name"] for one in demo.get(f"gatewaystates --namespace {SYSTEM}")["items"]]
    expect(left in ([], ["fleet"]), f"the controller remembers no Gateway: {left}")
    print("all three clouds are as they were at the start\n")
    code = demo.stop_controller()
    expect(code == 0, f"the controller ends in order, with 0, not {code}")
    defects = [line for line in demo.log().splitlines() if "Traceback" in line or " ERROR " in line]
    expect(not defects, f"no error in the controller's log: {defects[:3]}")


def main() -> int:
    began = time.monotonic()
    try:
        with stage() as demo:
            run(demo)
    except KeyboardInterrupt:
        print("\ninterrupted; everything is stopped", file=sys.stderr)
        return 130
    except (Unexpected, ClusterError, BuildError) as reason:
        said = "expected that " if isinstance(reason, Unexpected) else ""
        print(f"\ndemo failed: {said}{reason}", file=sys.stderr)
        return 1
    print(f"demo done in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
