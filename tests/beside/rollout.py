"""A rollout under observation: what a route asks for, what its status says, and what the cloud does at that moment.

Called by the test of Flagger. One thread watches the routes of a namespace, another its Deployments; whenever a new
generation is accepted, or pods are told to go, the cloud is asked at once what it does. `answered` reads that out of
the dumps of the local clouds: the share of every Service, as the data plane has it now.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.controller.stage import Stage, condition

Shares = dict[str, float]  # Service -> its part of the requests; those without any are left out
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/{}/httproutes"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
WATCHED = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A generation was accepted. asked: when it was first seen; at: when it was accepted, both in seconds; ids: of what
    carries its requests in the cloud."""

    generation: int
    asked: float
    at: float
    wanted: Shares
    answered: Shares
    ids: dict[str, str]
    echoed: bool


@dataclass(slots=True)
class Story:
    """Of one route. gone: what the cloud answered each time when pods of the canary were told to go."""

    moments: list[Moment] = field(default_factory=list)
    gone: list[Shares] = field(default_factory=list)
    seen: dict[int, float] = field(default_factory=dict)  # generation -> when


@dataclass(slots=True)
class Recorder:
    """clouds: name of a route, and of its Deployment -> its cloud."""

    stage: Stage
    namespace: str
    clouds: Mapping[str, str]
    stories: dict[str, Story] = field(default_factory=dict)
    failed: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _replicas: dict[str, int] = field(default_factory=dict)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self.stories = {name: Story() for name in self.clouds}
        parts = ((ROUTES, self._route), (DEPLOYMENTS, self._deployment))
        threads = [
            threading.Thread(target=self._follow, args=(path.format(self.namespace), take), daemon=True)
            for path, take in parts
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()  # the watches end with the API server

    def _follow(self, path: str, take: Callable[[str, Mapping[str, Any]], None]) -> None:
        try:
            listed = self.stage.cluster.get(path)
            for event in self.stage.cluster.watch(path, listed["metadata"]["resourceVersion"], WATCHED):
                if self._stop.is_set():
                    return
                name = event["object"]["metadata"].get("name", "")
                if event["type"] in ("ADDED", "MODIFIED") and name in self.clouds:
                    take(name, event["object"])
        except BaseException as problem:
            if not self._stop.is_set():
                self.failed.append(problem)

    def _route(self, name: str, found: Mapping[str, Any]) -> None:
        story, now = self.stories[name], time.monotonic()
        story.seen.setdefault(found["metadata"]["generation"], now)
        parents = found.get("status", {}).get("parents", ())
        one = condition(parents[0], "Accepted") if parents else {}
        generation = int(one.get("observedGeneration", 0))
        before = story.moments[-1].generation if story.moments else 0
        if one.get("status") != "True" or generation <= before or generation != found["metadata"]["generation"]:
            return
        answered, ids = self._answered(name)
        moment = Moment(
            generation=generation,
            asked=story.seen[generation],
            at=now,
            wanted=wanted(found),
            answered=answered,
            ids=ids,
            echoed=[parent["parentRef"] for parent in parents] == found["spec"]["parentRefs"],
        )
        story.moments.append(moment)

    def _deployment(self, name: str, found: Mapping[str, Any]) -> None:
        replicas = found["spec"]["replicas"]
        if replicas == 0 and self._replicas.get(name, 0) > 0:
            self.stories[name].gone.append(self._answered(name)[0])
        self._replicas[name] = replicas

    def _answered(self, name: str) -> tuple[Shares, dict[str, str]]:
        cloud = self.clouds[name]
        return READERS[cloud](self.stage.clouds[cloud].dump(), f"{self.namespace}/{name}")


def wanted(route: Mapping[str, Any]) -> Shares:
    return shares({one["name"]: one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]})


def shares(weights: Mapping[str, float]) -> Shares:
    total = sum(weights.values())
    return {name: round(weight / total, 4) for name, weight in sorted(weights.items()) if weight}


# What the clouds answer. Each reader takes a dump and a route, and gives shares and the ids behind them.


def aws(dump: Mapping[str, Any], route: str) -> tuple[Shares, dict[str, str]]:
    rules = [one for one in dump["rules"] if f"/{route}/" in one["tags"].get("cloudgw.dev/address", "")]
    if not rules:
        return {}, {}
    (rule,) = rules
    action = next(one for one in rule["actions"] if one["Type"] == "forward")
    groups = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"]}]
    names = {one["arn"]: one["tags"]["cloudgw.dev/address"] for one in dump["target_groups"] if one["tags"]}
    found = {service(names[one["TargetGroupArn"]]): one for one in groups}
    ids = {name: one["TargetGroupArn"] for name, one in found.items()} | {"rule": rule["arn"]}
    return shares({name: one.get("Weight", 1) for name, one in found.items()}), ids


def gcp(dump: Mapping[str, Any], route: str) -> tuple[Shares, dict[str, str]]:
    documents = [one["document"] for one in dump["resources"]]
    names = {
        one["selfLink"]: service(json.loads(one["description"])["address"])
        for one in documents
        if one.get("kind") == "compute#backendService" and "/backend-service/" in one.get("description", "")
    }
    rules = [
        (one["selfLink"], rule)
        for one in documents
        for matcher in one.get("pathMatchers", ())
        for rule in matcher.get("routeRules", ())
        if f"/{route}/" in rule.get("description", "")
    ]
    if not rules:
        return {}, {}
    ((link, rule),) = rules
    parts = rule.get("routeAction", {}).get("weightedBackendServices") or [{"backendService": rule["service"]}]
    ids = {names[one["backendService"]]: one["backendService"] for one in parts} | {"url map": link}
    return shares({names[one["backendService"]]: one.get("weight", 1) for one in parts}), ids


def azure(dump: Mapping[str, Any], route: str) -> tuple[Shares, dict[str, str]]:
    """Of `applied`: what a gateway does, while its document may already say otherwise."""
    gateways = [one for one in dump["resources"] if "urlPathMaps" in json.dumps(one["applied"] or {})]
    rules = [
        (one["document"]["id"], rule)
        for one in gateways
        for paths in one["applied"]["properties"]["urlPathMaps"]
        for rule in paths["properties"]["pathRules"]
        if f"-{route.replace('/', '.')}." in rule["name"]
    ]
    if not rules:
        return {}, {}
    ((gateway, rule),) = rules
    pool = rule["properties"]["backendAddressPool"]["id"]
    found = re.search(r"-[^.]+\.([^.]+)\.\d+-\d+h-\w+$", pool.rpartition("/")[2])
    name = found[1] if found else pool
    return {name: 1.0}, {name: pool, "gateway": gateway}


def service(address: str) -> str:
    """`target-group/shop/web:80` -> `web`."""
    return address.rpartition("/")[2].partition(":")[0]


READERS = {"aws": aws, "azure": azure, "gcp": gcp}
