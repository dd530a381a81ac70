"""The world that `make bench` plans: 10,000 HTTPRoutes in 200 Gateways from 200 files, the same bytes every time.

`scripts/bench.py` writes it to a temporary folder, as YAML the way people keep it in git and as JSON lists the way an
API server answers. Every Gateway stays below the default limit of 100 rules and 100 target groups of one load balancer.
Nothing here is random, and no name of it exists anywhere.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GATEWAYS = 200
ROUTES = 50  # of one Gateway
SERVICES = 25  # of one Gateway: two routes share one
OWNER = "bench"
VPC = "vpc-00000000000000001"
PODS_GROUP = "sg-00000000000000001"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
NETWORK = "10.0.0.0/16"
ZONES = ("a", "b", "c")
CLASSES = {"internal": "Internal", "public": "Public"}


def write(folder: Path, form: str, gateways: int = GATEWAYS) -> None:
    """form: "yaml" or "json". One file for each Gateway and one for each class."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, exposure in CLASSES.items():
        text = _class(name, exposure)
        (folder / f"class-{name}.yaml").write_text(text, encoding="utf-8")
    for team in range(gateways):
        if form == "yaml":
            (folder / f"team-{team:03}.yaml").write_text("---\n".join(_documents(team)), encoding="utf-8")
        else:
            (folder / f"team-{team:03}.json").write_text(_list(team), encoding="utf-8")


def namespace(team: int) -> str:
    return f"team-{team:03}"


def address(team: int, service: int, pod: int) -> str:
    """Three pods for each Service: 15,000 addresses of the VPC."""
    number = (team * SERVICES + service) * 3 + pod + 256
    return f"10.0.{number // 256}.{number % 256}"


def _class(name: str, exposure: str) -> str:
    return textwrap.dedent(f"""\
        # Owned by the platform team: ask before you change it.
        apiVersion: gateway.networking.k8s.io/v1
        kind: GatewayClass
        metadata:
          name: {name}
        spec:
          controllerName: cloudgw.dev/gateway-controller
          parametersRef:
            group: cloudgw.dev
            kind: AWSGatewayClassParameters
            name: {name}
        ---
        apiVersion: cloudgw.dev/v1alpha1
        kind: AWSGatewayClassParameters
        metadata:
          name: {name}
        spec:
          region: {REGION}
          accountId: "{ACCOUNT}"
          vpcId: {VPC}
          subnets:
            roleTag: auto
          exposure: {exposure}
          allowedSourceRanges:
            - {NETWORK if exposure == "Internal" else "198.51.100.0/24"}
          backendSecurityGroups:
            - {PODS_GROUP}
          tags:
            cost-centre: "{4711 + len(name)}"
        """)


def _documents(team: int) -> Iterator[str]:
    place = namespace(team)
    yield textwrap.dedent(f"""\
        # Team {team}: its own entrance. Routes and Services follow, in the order in which they were written.
        apiVersion: v1
        kind: Namespace
        metadata:
          name: {place}
          labels:
            entrance: "yes"
        """)
    yield textwrap.dedent(f"""\
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata:
          name: edge
          namespace: {place}
          labels:
            app.kubernetes.io/managed-by: git
        spec:
          gatewayClassName: {_class_of(team)}
          listeners:
            - name: http
              protocol: HTTP
              port: 80
              allowedRoutes:
                namespaces:
                  from: Same
        """)
    for number in range(ROUTES):
        yield _route_text(team, number)
    for number in range(SERVICES):
        yield _service_text(team, number)
        yield _slice_text(team, number)


def _class_of(team: int) -> str:
    return "public" if team % 5 == 0 else "internal"


def _host(team: int, number: int) -> str:
    return f"app-{number % SERVICES}.{namespace(team)}.example.com"


def _route_text(team: int, number: int) -> str:
    """Four shapes in turn: a prefix, a canary, an exact path with a header, a rewrite behind a method."""
    place, service = namespace(team), number % SERVICES
    shape = number % 4
    head = textwrap.dedent(f"""\
        # {("everything below a path", "a tenth goes to the neighbour", "testers only", "an old path")[shape]}
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata:
          name: route-{number}
          namespace: {place}
          labels:
            app.kubernetes.io/name: app-{service}
            app.kubernetes.io/part-of: {place}
        spec:
          parentRefs:
            - name: edge
              sectionName: http
          hostnames:
            - {_host(team, number)}
          rules:
        """)
    backends = [f"name: app-{service}", "  port: 80"]
    if shape == 1:
        backends += ["  weight: 90", f"name: app-{(service + 1) % SERVICES}", "  port: 80", "  weight: 10"]
    rule = _rule(shape, number) + ["  backendRefs:"]
    rule += [f"    {line}" if line.startswith(" ") else f"    - {line}" for line in backends]
    return head + "".join(f"    {line}\n" for line in rule)


def _rule(shape: int, number: int) -> list[str]:
    """The lines of a rule above its backends."""
    if shape == 0:
        return ["- matches:", *_path("PathPrefix", f"/v{number}")]
    if shape == 1:
        return ["- name: canary", "  matches:", *_path("PathPrefix", f"/v{number}")]
    if shape == 2:
        headers = ["      headers:", "        - name: X-Tester", '          value: "true"']
        return ["- matches:", *_path("Exact", f"/v{number}/status"), *headers]
    rewrite = ["  filters:", "    - type: URLRewrite", "      urlRewrite:", "        path:"]
    rewrite += ["          type: ReplacePrefixMatch", f"          replacePrefixMatch: /v{number}"]
    return ["- matches:", *_path("PathPrefix", f"/old/v{number}"), "      method: GET", *rewrite]


def _path(kind: str, value: str) -> list[str]:
    return ["    - path:", f"        type: {kind}", f"        value: {value}"]


def _service_text(team: int, number: int) -> str:
    return textwrap.dedent(f"""\
        apiVersion: v1
        kind: Service
        metadata:
          name: app-{number}
          namespace: {namespace(team)}
        spec:
          selector:
            app.kubernetes.io/name: app-{number}
          ports:
            - name: http
              port: 80
              targetPort: 8080
        """)


def _slice_text(team: int, number: int) -> str:
    head = textwrap.dedent(f"""\
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: app-{number}-1
          namespace: {namespace(team)}
          labels:
            kubernetes.io/service-name: app-{number}
        addressType: IPv4
        ports:
          - name: http
            port: 8080
            protocol: TCP
        endpoints:
        """)
    for pod, zone in enumerate(ZONES):
        head += f'  - addresses: ["{address(team, number, pod)}"]\n    zone: {REGION}{zone}\n'
        head += "    conditions:\n      ready: true\n"
    return head


def _list(team: int) -> str:
    """The same objects as one List, as `kubectl get -o json` prints it: with what a server adds."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    items = [yaml.load(text, loader) for text in _documents(team)]
    for number, item in enumerate(items):
        item["metadata"]["uid"] = f"00000000-0000-4000-8000-{team:04}{number:08}"
        item["metadata"]["creationTimestamp"] = f"2026-01-{1 + number % 28:02}T00:00:00Z"
        item["metadata"]["resourceVersion"] = str(1000 + number)
        item["metadata"]["generation"] = 1
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=4) + "\n"
