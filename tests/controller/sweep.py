"""A Gateway's life on one cloud, with the controller killed at given cloud calls.

`test_crash` and `test_high_availability` use it. A life is three journeys: made, changed, deleted. The clean life says
how many calls each takes and what the cloud looks like after it; every other life must come to the same. Lives of
several clouds run side by side on one cluster: each has a controllerName, a lease and namespaces of its own.
"""

from __future__ import annotations

import contextlib
import functools
import random
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.controller import portrait
from tests.controller.stage import ROOT, Cloud, Controller, Impatient, Stage, condition, loaded, unchanging, until

EXAMPLES = ROOT / "examples"
API = "gateway.networking.k8s.io/v1"
PATIENCE = 240.0  # seconds, on a busy machine
QUIET = 7.0  # seconds without a change of the cloud, in which seven minutes pass there: what drains takes five
Journey = Literal["made", "changed", "deleted"]
_STARTING = threading.Lock()  # a controller's log is named by how many there are
JOURNEYS: tuple[Journey, ...] = ("made", "changed", "deleted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """At the call `index` of those that change something, counted from 0."""

    kind: Literal["kill-before", "kill-after"]
    index: int

    def __str__(self) -> str:
        return f"{self.kind} {self.index}"


def kills(count: int, samples: int, seed: str) -> list[Kill]:
    """Every call of a journey, before and after; or `samples` of these, spread over the whole of it."""
    found = [Kill(kind=kind, index=index) for index in range(count) for kind in ("kill-before", "kill-after")]
    if samples >= len(found):
        return found
    width = len(found) / samples
    draw = random.Random(seed)
    return [found[int(number * width + draw.random() * width)] for number in range(samples)]


@functools.cache
def certificate(namespace: str) -> dict[str, Any]:
    """The Secret shop-tls, the same for a whole run."""
    from scripts import demo_stage

    found: dict[str, Any] = yaml.safe_load(demo_stage.secret())
    found["metadata"]["namespace"] = namespace
    return found


@dataclass(slots=True, kw_only=True)
class Play:
    """One cloud's lives. controller_name: of the class; the cloud's own where none is given. calls: how many calls of
    each journey change something; after: what the cloud looks like then; missed: what to strike in place of a
    call that never came, or that the cloud refused: nothing comes after the effect of such a one. A delete that is
    refused for a while is asked for a different number of times in each life."""

    stage: Stage
    name: str
    controller_name: str = ""
    patience: float = PATIENCE
    controller: Controller | None = None
    calls: dict[Journey, int] = field(default_factory=dict)
    after: dict[Journey, list[str]] = field(default_factory=dict)
    missed: list[tuple[Journey, Kill]] = field(default_factory=list)
    killed: int = 0

    @property
    def namespace(self) -> str:
        return f"sweep-{self.name}"

    @property
    def system(self) -> str:
        return f"system-{self.name}"

    @property
    def cloud(self) -> Cloud:
        return self.stage.clouds[self.name]

    def prepare(self) -> None:
        """Everything but the Gateway and its routes."""
        for namespace in (self.namespace, self.system):
            until(lambda: not self._going(namespace), f"the last {namespace} is gone", self.patience)  # noqa: B023
            self.stage.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.stage.apply(certificate(self.namespace), *self.classes())
        services = [one for one in loaded(EXAMPLES / "services.yaml") if one["metadata"]["namespace"] == "shop"]
        self.stage.apply(*({**one, "metadata": {**one["metadata"], "namespace": self.namespace}} for one in services))

    def _going(self, namespace: str) -> bool:
        found = self.stage.get("v1", "Namespace", "", namespace)
        return found is not None and "deletionTimestamp" in found["metadata"]

    def __post_init__(self) -> None:
        self.controller_name = self.controller_name or f"cloudgw.dev/{self.name}"

    def classes(self) -> Sequence[Mapping[str, Any]]:
        found = [dict(one) for one in loaded(EXAMPLES / f"{self.name}-class.yaml")]
        found[0] = {**found[0], "spec": {**found[0]["spec"], "controllerName": self.controller_name}}
        return found

    def start(self, *arguments: str, kubeconfig: Path | None = None) -> Controller:
        own = ("--controller-name", self.controller_name, "--namespace", self.system)
        with _STARTING:
            self.controller = self.stage.start(*own, *arguments, kubeconfig=kubeconfig)
        return self.controller

    # Journeys

    def begin(self, journey: Journey) -> None:
        if journey == "deleted":
            self.stage.delete(API, "Gateway", self.namespace, "edge")
            return
        text = ROUTES_BEFORE if journey == "made" else ROUTES_AFTER
        self.stage.apply(text.format(namespace=self.namespace))
        if journey == "made":
            self.stage.apply(GATEWAY.format(namespace=self.namespace, cloud=self.name))

    def portrait(self) -> list[str]:
        return portrait.of(self.name, self.cloud.dump())

    def arrived(self, journey: Journey) -> bool:
        """The cluster says so, and the cloud is as it is after the clean life."""
        if journey in self.after and self.portrait() != self.after[journey]:
            return False
        found = self.stage.gateway(self.namespace, "edge")
        if journey == "deleted":
            return found is None
        if found is None or condition(found, "Programmed").get("status") != "True":
            return False
        route = self.stage.route(self.namespace, "web") or {}
        parents = route.get("status", {}).get("parents", ())
        generation = route["metadata"]["generation"]
        said = [condition(one, "Programmed") for one in parents]
        return bool(said) and all(
            one.get("status") == "True" and one.get("observedGeneration") == generation for one in said
        )

    def wait(self, journey: Journey, what: str) -> None:
        try:
            until(lambda: self.arrived(journey), what, self.patience, 0.2)
        except Impatient as late:
            assert self.controller is not None
            shown = portrait.differences(self.after.get(journey, []), self.portrait())
            raise Impatient(f"{late}; its log: {self.controller.log}; cloud:\n{shown}") from None

    def quiet(self) -> None:
        """The cloud does not change any more."""
        unchanging(self.portrait, QUIET, self.patience)

    def clean(self) -> None:
        """The life that the others are compared with."""
        before = self.portrait()
        self.start().wait_leads(self.patience)
        for journey in JOURNEYS:
            mark = self.cloud.mark()
            self.begin(journey)
            self.wait(journey, f"{self.name}: {journey}, clean")
            self.quiet()
            self.calls[journey] = sum(1 for one in self.cloud.journal(mark) if one["write"])
            self.after[journey] = self.portrait()
        assert self.after["deleted"] == before, portrait.differences(before, self.after["deleted"])

    def life(self, plan: Mapping[Journey, Kill | None]) -> None:
        """Journeys with at most one kill in each; what stands after each is what stands after the clean one's."""
        for journey in JOURNEYS:
            kill = plan.get(journey)
            if kill is None:
                self.begin(journey)
                self.wait(journey, f"{self.name}: {journey}, without a kill")
                continue
            self.struck(journey, kill)
            self.cloud.ask("DELETE", "faults")
            self.wait(journey, f"{self.name}: {journey}, {kill}")

    def struck(self, journey: Journey, kill: Kill) -> None:
        """The controller dies at its call, and another starts at once."""
        controller = self.controller
        assert controller is not None
        order = {"operation": "write", "kind": kill.kind, "skip": kill.index, "pid": controller.process.pid}
        self.cloud.ask("POST", "faults", order)
        mark = self.cloud.mark()
        self.begin(journey)
        end = time.monotonic() + self.patience
        while controller.process.poll() is None:
            if time.monotonic() > end or (journey in self.after and self.arrived(journey)):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    controller.process.wait(1.0)
                    break
                came = sum(1 for one in self.cloud.journal(mark) if one["write"])
                self.missed.append((journey, Kill(kind="kill-before", index=kill.index % came)))
                return
            time.sleep(0.1)
        assert controller.process.returncode == -signal.SIGKILL
        self.killed += 1
        self.stage.cluster.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{self.system}/leases/cloudgw")
        self.start().wait_leads(self.patience)


def lives(play: Play, samples: int) -> list[dict[Journey, Kill | None]]:
    """As many as the longest journey needs; the others' kills come in the first of them. samples: of one journey."""
    found = {name: kills(play.calls[name], samples, f"{play.name} {name}") for name in JOURNEYS}
    longest = max(len(one) for one in found.values())
    return [
        {name: one[number] if number < len(one) else None for name, one in found.items()} for number in range(longest)
    ]


def told(play: Play, planned: Sequence[Mapping[Journey, Kill | None]]) -> str:
    """For people: how many of how many."""
    words = []
    for journey in JOURNEYS:
        count = sum(1 for one in planned if one.get(journey) is not None)
        words.append(f"{journey} {play.calls[journey]} calls, {count} of {2 * play.calls[journey]} kills")
    return f"{play.name}: {'; '.join(words)}"


GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge, namespace: {namespace}}}
spec:
  gatewayClassName: {cloud}
  listeners:
    - {{name: http, protocol: HTTP, port: 80}}
    - name: https
      protocol: HTTPS
      port: 443
      hostname: shop.example.com
      tls: {{mode: Terminate, certificateRefs: [{{name: shop-tls}}]}}
"""
_REDIRECT = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: to-https, namespace: {namespace}}}
spec:
  parentRefs: [{{name: edge, sectionName: http}}]
  hostnames: [shop.example.com]
  rules: [{{filters: [{{type: RequestRedirect, requestRedirect: {{scheme: https, statusCode: 301}}}}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: {namespace}}}
spec:
  parentRefs: [{{name: edge, sectionName: https}}]
  hostnames: [shop.example.com]
  rules:
"""
ROUTES_BEFORE = f"""{_REDIRECT}
    - matches: [{{{{path: {{{{type: PathPrefix, value: /cart}}}}}}}}]
      backendRefs: [{{{{name: cart, port: 8080}}}}]
    - backendRefs: [{{{{name: frontend, port: 80}}}}]
"""
ROUTES_AFTER = f"""{_REDIRECT}
    - matches: [{{{{path: {{{{type: PathPrefix, value: /cart}}}}}}}}]
      backendRefs: [{{{{name: cart-v2, port: 8080}}}}]
    - matches: [{{{{path: {{{{type: PathPrefix, value: /api}}}}}}}}]
      backendRefs: [{{{{name: cart, port: 8080}}}}]
    - backendRefs: [{{{{name: cart, port: 8080}}}}]
"""
