"""`cloudgw uninstall-check`: whether the controller may be removed, or which Gateways still need it.

`main` calls `run`; the Helm chart runs it before an uninstall, and refuses where it does not end with 0. A Gateway that
carries our finalizer has a load balancer: without the controller its deletion would hang for ever, and the load
balancer would stay. Reads metadata of Gateways and classes alone. This module must never change anything.
"""

from __future__ import annotations

import argparse
import http.client
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cloudgw import objects
from cloudgw.cli.problem import Problem
from cloudgw.controller import names
from cloudgw.sources import catalog, cluster, kubeconfig, served

FREE, NEEDED = 0, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A Gateway that carries our finalizer."""

    namespace: str
    name: str
    class_name: str
    deleting: bool

    @property
    def told(self) -> str:
        state = "is being deleted, its load balancer is not gone yet" if self.deleting else "has a load balancer"
        return f"Gateway {self.namespace}/{self.name} (class {self.class_name}): {state}"


def run(options: argparse.Namespace) -> int:
    """0: nothing needs the controller any more; 2: Gateways do, named on standard output. Raises Problem."""
    name = options.controller_name or objects.CONTROLLER_NAME
    watched = [one for one in options.watch_namespaces.split(",") if one]
    try:
        with cluster.Api(kubeconfig.access(options.kubeconfig, options.context)) as api:
            foreign = frozenset(
                item["metadata"]["name"]
                for item in _every(api, "GatewayClass", "gatewayclasses", ("",))
                if item["spec"]["controllerName"] != name
            )
            gateways = list(_every(api, "Gateway", "gateways", watched or ("",)))
    except kubeconfig.ClusterError as error:
        raise Problem(str(error)) from None
    found = held(gateways, foreign)
    for one in found:
        print(one.told)
    if not found:
        print("No Gateway needs the controller: it may be uninstalled.")
        return FREE
    print(
        f"\n{len(found)} with the finalizer {names.FINALIZER}. Without the controller their deletion hangs for\n"
        "ever, and their load balancers stay. Delete them (`kubectl delete gateway -n NAMESPACE NAME --wait`), then\n"
        "uninstall. To keep a load balancer, set deletionPolicy: Retain in the parameters first."
    )
    return NEEDED


def held(gateways: Sequence[dict[str, Any]], foreign: frozenset[str]) -> list[Held]:
    """Those that carry our finalizer. foreign: classes of another controller name, perhaps another installation's; a
    class that is gone may have been ours."""
    return [
        Held(
            namespace=item["metadata"]["namespace"],
            name=item["metadata"]["name"],
            class_name=item["spec"]["gatewayClassName"],
            deleting="deletionTimestamp" in item["metadata"],
        )
        for item in gateways
        if names.FINALIZER in item["metadata"].get("finalizers", ()) and item["spec"]["gatewayClassName"] not in foreign
    ]


def _every(api: cluster.Api, kind: str, plural: str, namespaces: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every object of a kind of the Gateway API, by the first version that is served; none where it is not installed.
    namespaces: "" for all. Raises Problem."""
    group = objects.GATEWAY_GROUP
    for version in catalog.KINDS[group, kind].versions:
        status, _ = api.get(served.root(group, version))
        if status != http.client.NOT_FOUND:
            resource = served.Resource(group=group, version=version, kind=kind, plural=plural)
            for namespace in namespaces:
                yield from _pages(api, resource, namespace)
            return


def _pages(api: cluster.Api, resource: served.Resource, namespace: str) -> Iterator[dict[str, Any]]:
    query = {"limit": str(cluster.PAGE)}
    while True:
        status, answer = api.get(resource.path(namespace), query)
        if status == http.client.NOT_FOUND:  # the version is served, this kind is not
            return
        if status != http.client.OK:
            raise Problem(
                f"{resource.kind}: cannot be listed ({status}: {answer.get('message', '')}), so it is not known "
                f"whether the controller is still needed; {resource.rule('list')}"
            )
        yield from answer["items"]
        following = answer["metadata"].get("continue")
        if not following:
            return
        query["continue"] = following
