"""The chart on a real API server: installed, upgraded, asked whether it may go, and gone; and the roles that it brings.

No pod runs there: the hook's Job never ends, which Helm takes for a refusal, and the check itself is called as the
Job's service account would.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudgw.cli import uninstall
from cloudgw.cli.problem import Problem
from cloudgw.controller import names
from tests.cluster import able
from tests.cluster.cluster import Cluster, start
from tests.deploy import rendering
from tests.deploy.rendering import CHART, NAMESPACE, NEEDED, RELEASE, Refused

pytestmark = pytest.mark.cluster
ACCOUNT = f"{NAMESPACE}:{RELEASE}"
LIMITED = "limited"  # namespace of a second release, which watches namespace `shop` alone
CLASS, GATEWAY = "/apis/gateway.networking.k8s.io/v1/gatewayclasses", "/apis/gateway.networking.k8s.io/v1/namespaces"
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gatewayplans.cloudgw.dev"


class Helm:
    """helm with one cluster's kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self._flags = ("--kubeconfig", str(kubeconfig))

    def __call__(
        self, verb: str, *flags: str, chart: Path | None = CHART, release: str = RELEASE, **values: Any
    ) -> str:
        at = (str(chart), "--values", "-") if chart else ()
        namespace = values.pop("namespace", NAMESPACE)
        given = yaml.safe_dump({**NEEDED, **values}) if chart else ""
        return rendering.helm(verb, release, *at, "--namespace", namespace, *flags, *self._flags, given=given)


@pytest.fixture(scope="module")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """With the Gateway API and nothing of ours: that is the chart's to bring."""
    if reason := able.why_no_cluster():
        able.refuse(reason)
    running = start(tmp_path_factory.mktemp("installed"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def helm(standard: Cluster) -> Helm:
    return Helm(standard.kubeconfig)


def manifest(kind: str, name: str, namespace: str = "", **rest: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name} | ({"namespace": namespace} if namespace else {})
    group = "" if kind == "Namespace" else "gateway.networking.k8s.io/"
    return {"apiVersion": f"{group}v1", "kind": kind, "metadata": {**metadata, **rest.pop("metadata", {})}, **rest}


@pytest.fixture(scope="module")
def installed(standard: Cluster, helm: Helm) -> Cluster:
    """The release, two classes and two namespaces; a second release in namespaced mode."""
    standard.apply([manifest("Namespace", name) for name in ("shop", "blog")])
    helm("install", "--create-namespace")
    helm(
        "install", "--create-namespace", release=LIMITED, namespace=LIMITED,
        watchNamespaces=["shop"], crds={"enabled": False}, owner="limited",
    )  # fmt: skip
    for name, controller in (("ours", "cloudgw.dev/gateway-controller"), ("theirs", "example.com/other")):
        standard.apply([manifest("GatewayClass", name, spec={"controllerName": controller})])
    return standard


def gateway(namespace: str, name: str, *, of: str = "ours", finalizer: bool = True) -> dict[str, Any]:
    metadata: Mapping[str, Any] = {"finalizers": [names.FINALIZER]} if finalizer else {}
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    return manifest(
        "Gateway", name, namespace, metadata=metadata, spec={"gatewayClassName": of, "listeners": [listener]}
    )


def checked(cluster: Cluster, account: str = ACCOUNT, *, watched: str = "") -> int:
    kubeconfig = str(cluster.service_account_kubeconfig(*account.split(":")))
    options = argparse.Namespace(kubeconfig=kubeconfig, context=None, watch_namespaces=watched, controller_name=None)
    return uninstall.run(options)


def test_an_uninstall_is_asked_of_the_gateways(installed: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    installed.apply([gateway("shop", "new", finalizer=False), gateway("shop", "foreign", of="theirs")])
    assert checked(installed) == uninstall.FREE
    assert "may be uninstalled" in capsys.readouterr().out
    installed.apply([gateway("shop", "edge"), gateway("blog", "lost", of="gone")])
    assert checked(installed) == uninstall.NEEDED
    said = capsys.readouterr().out
    assert "Gateway shop/edge (class ours): has a load balancer\n" in said
    assert "Gateway blog/lost (class gone): has a load balancer\n" in said
    assert "foreign" not in said
    assert "new" not in said
    installed.delete(gateway("shop", "edge"))
    assert checked(installed) == uninstall.NEEDED
    assert "Gateway shop/edge (class ours): is being deleted" in capsys.readouterr().out


def test_the_check_sees_no_more_than_the_release_does(installed: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    installed.apply([gateway("shop", "mine"), gateway("blog", "not-mine")])
    limited = f"{LIMITED}:{LIMITED}-{RELEASE}"
    assert checked(installed, limited, watched="shop") == uninstall.NEEDED
    said = capsys.readouterr().out
    assert "shop/mine" in said
    assert "blog/" not in said
    with pytest.raises(Problem, match=r'grant verb "list" on resource "gateways"'):
        checked(installed, limited)


@pytest.mark.parametrize(
    ("account", "method", "path", "granted"),
    [
        (ACCOUNT, "GET", "/api/v1/secrets", True),
        (ACCOUNT, "GET", "/apis/cloudgw.dev/v1alpha1/gatewayplans", True),
        (ACCOUNT, "GET", f"/apis/cloudgw.dev/v1alpha1/namespaces/{NAMESPACE}/gatewaystates", True),
        (ACCOUNT, "GET", "/apis/cloudgw.dev/v1alpha1/namespaces/shop/gatewaystates", False),
        (ACCOUNT, "GET", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{RELEASE}", True),
        (ACCOUNT, "GET", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/other", False),
        (ACCOUNT, "GET", f"{GATEWAY}/shop/gateways", True),
        (ACCOUNT, "DELETE", f"{GATEWAY}/shop/gateways/new", False),
        (ACCOUNT, "DELETE", "/api/v1/namespaces/shop/secrets/x", False),
        (ACCOUNT, "GET", "/api/v1/pods", False),
        (f"{LIMITED}:{LIMITED}-{RELEASE}", "GET", "/api/v1/namespaces/shop/secrets", True),
        (f"{LIMITED}:{LIMITED}-{RELEASE}", "GET", "/api/v1/namespaces/blog/secrets", False),
        (f"{LIMITED}:{LIMITED}-{RELEASE}", "GET", "/api/v1/secrets", False),
        (f"{LIMITED}:{LIMITED}-{RELEASE}", "GET", CLASS, True),
        (f"{LIMITED}:{LIMITED}-{RELEASE}", "GET", "/api/v1/nodes", False),
    ],
)
def test_the_roles_grant_what_is_needed_and_no_more(
    installed: Cluster, account: str, method: str, path: str, granted: bool
) -> None:
    installed.service_account(*account.split(":"))
    status, _ = installed.request(method, path, user=account)
    assert (status != 403) is granted


def test_an_upgrade_upgrades_our_kinds(installed: Cluster, helm: Helm, tmp_path: Path) -> None:
    copy = tmp_path / "cloudgw"
    shutil.copytree(CHART, copy)
    file = copy / "files" / "crds" / "gatewayplans.yaml"
    crd = yaml.safe_load(file.read_text())
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"]["properties"]["later"] = {"type": "string", "description": "A field of a later version."}
    file.write_text(yaml.safe_dump(crd))
    helm("upgrade", chart=copy)
    spec = installed.get(DEFINITION)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert "later" in spec["properties"]
    helm("upgrade")
    spec = installed.get(DEFINITION)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert "later" not in spec["properties"]


def test_an_uninstall_waits_for_the_check_and_leaves_our_kinds(installed: Cluster, helm: Helm) -> None:
    deployment = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}"
    plan = {
        "apiVersion": "cloudgw.dev/v1alpha1",
        "kind": "GatewayPlan",
        "metadata": {"namespace": "shop", "name": "edge"},
        "spec": {},
    }
    installed.apply([plan])
    with pytest.raises(Refused, match=f"{RELEASE}-uninstall not ready"):
        helm("uninstall", "--timeout", "3s", chart=None)
    assert installed.get(deployment)["metadata"].get("deletionTimestamp") is None
    with pytest.raises(Refused, match="no deployed releases"):
        helm("upgrade")  # Helm remembers that it was told to uninstall: the guide says how to go on
    last = json.loads(helm("history", "--output", "json", chart=None))[-1]
    assert last["status"] == "uninstalling"
    helm("rollback", str(last["revision"]), chart=None)
    helm("upgrade")
    helm("uninstall", "--no-hooks", chart=None)
    assert installed.request("GET", deployment)[0] == 404
    assert installed.get(installed.path_of(plan))["metadata"]["name"] == "edge"
    helm("install")
    assert installed.get(DEFINITION)["metadata"]["annotations"]["meta.helm.sh/release-name"] == RELEASE
