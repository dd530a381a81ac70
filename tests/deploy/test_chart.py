"""The chart as helm renders it: hardened, complete, and refused where its values contradict themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from cloudgw.cli import arguments
from scripts import chart
from tests.deploy import rendering
from tests.deploy.rendering import CHART, NAMESPACE, Refused, helm, of, render

pytestmark = pytest.mark.cluster
EVERYTHING: Mapping[str, Any] = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True, "annotations": {"folder": "gateways"}},
    "podLabels": {"azure.workload.identity/use": "true"},
    "podAnnotations": {"example.com/a": "b"},
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/cloudgw"}},
    "networkPolicy": {
        "identities": ["pod-identity", "gke"],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    },
    "imagePullSecrets": [{"name": "registry"}],
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
    "controllerName": "example.com/edge",
}
WATCHED = {"watchNamespaces": ["shop", "blog"]}
PLANNING = {"mode": "plan", "foreign": [{"controller": "example.com/other", "class": "ours"}]}


def pod(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]["template"]["spec"]
    return spec


def container(document: dict[str, Any]) -> dict[str, Any]:
    (found,) = pod(document)["containers"]
    return dict(found)


@pytest.mark.parametrize("values", [{}, EVERYTHING, WATCHED, PLANNING], ids=["default", "all", "namespaced", "plan"])
def test_lint_has_nothing_to_say(values: Mapping[str, Any]) -> None:
    given = yaml.safe_dump({**rendering.NEEDED, **values})
    said = helm("lint", str(CHART), "--strict", "--values", "-", given=given)
    assert "[WARNING]" not in said
    assert "0 chart(s) failed" in said


@pytest.mark.parametrize("values", [{}, EVERYTHING, WATCHED, PLANNING], ids=["default", "all", "namespaced", "plan"])
def test_every_object_stands_in_the_releases_namespace_and_says_whose_it_is(values: Mapping[str, Any]) -> None:
    everywhere = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in render(values)]
    assert len(names) == len(set(names))
    for one in render(values):
        if one["metadata"]["name"].endswith("-more"):
            continue
        namespace = one["metadata"].get("namespace", "")
        watched = values.get("watchNamespaces", [])
        assert namespace == "" if one["kind"] in everywhere else namespace in (NAMESPACE, *watched)
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "cloudgw"


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_pods_may_do_as_little_as_possible(kind: str) -> None:
    """What kube-score calls critical, and the Pod Security Standard "restricted"."""
    workload = of(render(), kind)
    security, found = pod(workload)["securityContext"], container(workload)
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 10_000
    assert security["runAsGroup"] > 10_000
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": security["runAsUser"],
        "runAsGroup": security["runAsGroup"],
        "capabilities": {"drop": ["ALL"]},
    }
    for kind_of in ("requests", "limits"):
        assert found["resources"][kind_of].keys() == {"cpu", "memory", "ephemeral-storage"}
    assert found["imagePullPolicy"] == "Always"
    assert {volume["name"]: volume.get("emptyDir") for volume in pod(workload)["volumes"]} == {
        "tmp": {"sizeLimit": "64Mi"}
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod(workload).keys()


def test_two_replicas_stand_apart_and_one_always_stays() -> None:
    documents = render()
    deployment, budget = of(documents, "Deployment"), of(documents, "PodDisruptionBudget")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["replicas"] == 2
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        budget["spec"]["selector"]["matchLabels"],
        of(documents, "Service")["spec"]["selector"],
        *(one["labelSelector"]["matchLabels"] for one in pod(deployment)["topologySpreadConstraints"]),
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    hook = of(documents, "Job")["spec"]["template"]["metadata"]["labels"]
    assert not any(selector.items() <= hook.items() for selector in selectors), "the hook's pod is no replica"
    assert {one["topologyKey"] for one in pod(deployment)["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert budget["spec"]["maxUnavailable"] == 1


def test_probes_ask_two_different_things_and_a_step_may_end() -> None:
    deployment = of(render(), "Deployment")
    found = container(deployment)
    assert found["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert found["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "lifecycle" not in found
    longest_call = 60  # seconds: what the providers' clients wait for one answer
    assert pod(deployment)["terminationGracePeriodSeconds"] > longest_call


def args(values: Mapping[str, Any]) -> list[str]:
    return list(container(of(render(values), "Deployment"))["args"])


def test_values_become_arguments() -> None:
    assert args({}) == [
        "controller",
        "--namespace=$(POD_NAMESPACE)",
        "--mode=apply",
        "--listen=0.0.0.0:8080",
        "--workers=4",
        "--resync=600",
        "--fleet-budget=5",
        "--log-format=json",
        "--log-level=info",
        "--lease-name=cloudgw",
    ]
    assert "--watch-namespaces=shop,blog" in args(WATCHED)
    assert "--foreign=example.com/other=ours" in args(PLANNING)
    assert "--controller-name=example.com/edge" in args(EVERYTHING)
    assert "--no-throttle" in args({"throttle": False})
    assert "--no-leader-election" in args({"leaderElection": {"enabled": False}, "replicaCount": 1})
    env = {one["name"]: one.get("value") for one in container(of(render(EVERYTHING), "Deployment"))["env"]}
    assert env == {
        "CLOUDGW_OWNER": "team-edge",
        "POD_NAME": None,
        "POD_NAMESPACE": None,
        "HOME": "/tmp",
        "AWS_REGION": "eu-central-1",
    }


@pytest.mark.parametrize("values", [{}, EVERYTHING, WATCHED, PLANNING], ids=["default", "all", "namespaced", "plan"])
@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_the_program_understands_its_arguments(values: Mapping[str, Any], kind: str) -> None:
    given = list(container(of(render(values), kind))["args"])
    options = arguments.parse(given)
    assert options.command == {"Deployment": "controller", "Job": "uninstall"}[kind]
    assert options.watch_namespaces == ",".join(values.get("watchNamespaces", []))


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ({"repository": "r/c"}, "r/c:0.1.0"),
        ({"repository": "r/c", "tag": "1.2"}, "r/c:1.2"),
        ({"repository": "r/c", "tag": "1.2", "digest": f"sha256:{'0' * 64}"}, f"r/c@sha256:{'0' * 64}"),
    ],
    ids=["version", "tag", "digest"],
)
def test_the_image_is_one_tag_or_one_digest(image: Mapping[str, str], named: str) -> None:
    assert container(of(render({"image": image}), "Deployment"))["image"] == named


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"owner": ""}, "owner"),
        ({"owner": "Team Edge"}, "owner"),
        ({"image": {}}, "repository"),
        ({"image": {"repository": "r/c", "tag": "latest"}}, "tag"),
        ({"replicas": 3}, "replicas"),
        ({"rbac": {"omit": ["everything"]}}, "omit"),
        ({"leaderElection": {"enabled": False}}, "replicaCount"),
        ({"foreign": [{"controller": "a.b/c", "class": "d"}]}, "mode"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name"),
        ({"extraEnv": [{"name": "CLOUDGW_OWNER", "value": "other"}]}, "extraEnv"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_values_that_cannot_be_meant_are_refused(values: Mapping[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        render(values)


def roles(values: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """(kind, namespace) -> resources that its rules name."""
    return {
        (one["kind"], one["metadata"].get("namespace", "")): [
            resource for rule in one["rules"] for resource in rule["resources"]
        ]
        for one in render(values)
        if one["kind"] in ("ClusterRole", "Role")
    }


def test_namespaced_mode_reads_other_namespaces_not_at_all() -> None:
    found = roles(WATCHED)
    assert set(found) == {("ClusterRole", ""), ("Role", "shop"), ("Role", "blog"), ("Role", NAMESPACE)}
    assert set(found["ClusterRole", ""]) == {
        "gatewayclasses",
        "gatewayclasses/status",
        "customresourcedefinitions",
        "namespaces",
        *(f"{cloud}gatewayclassparameters{part}" for cloud in ("aws", "azure", "gcp") for part in ("", "/status")),
    }
    assert found["Role", "shop"] == found["Role", "blog"]
    assert set(roles({})["ClusterRole", ""]) == {*found["ClusterRole", ""], *found["Role", "shop"]}
    assert set(found["Role", NAMESPACE]) == {"leases", "gatewaystates"}


@pytest.mark.parametrize("name", rendering.rules())
def test_a_rule_can_be_taken_out(name: str) -> None:
    def count(values: Mapping[str, Any]) -> int:
        return sum(len(one["rules"] or ()) for one in render(values) if one["kind"] in ("ClusterRole", "Role"))

    assert count({}) - count({"rbac": {"omit": [name]}}) == len(rendering.rules()[name]["rules"])


def test_planning_has_no_right_to_a_finalizer() -> None:
    def patched(values: Mapping[str, Any]) -> bool:
        (role,) = [one for one in render(values) if one["kind"] == "ClusterRole"]
        return any(rule["resources"] == ["gateways"] and "patch" in rule["verbs"] for rule in role["rules"])

    assert patched({})
    assert not patched(PLANNING)


def test_the_lease_is_the_one_that_is_asked_for() -> None:
    documents = render({"fullnameOverride": "edge"})
    (named,) = [rule for rule in of(documents, "Role", "-own")["rules"] if "resourceNames" in rule]
    assert f"--lease-name={named['resourceNames'][0]}" in container(of(documents, "Deployment"))["args"]


def test_crds_upgrade_with_the_release_and_stay_when_it_goes() -> None:
    def crds(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        kind = "CustomResourceDefinition"
        return {one["metadata"]["name"]: one for one in render(values) if one["kind"] == kind}

    sources = [yaml.safe_load(path.read_text()) for path in sorted(chart.CRDS.glob("*.yaml"))]
    assert sources
    rendered = crds({})
    assert rendered.keys() == {one["metadata"]["name"] for one in sources}
    for source in sources:
        found = rendered[source["metadata"]["name"]]
        assert found["spec"] == source["spec"], "not a number may change on the way through helm"
        assert found["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert source["metadata"].get("labels", {}).items() <= found["metadata"]["labels"].items()
        assert source["metadata"].get("annotations", {}).items() <= found["metadata"]["annotations"].items()
        assert "helm.sh/hook" not in found["metadata"]["annotations"]
    gone = crds({"crds": {"keep": False}}).values()
    assert all("helm.sh/resource-policy" not in one["metadata"]["annotations"] for one in gone)
    assert not crds({"crds": {"enabled": False}})


def test_an_uninstall_asks_first() -> None:
    job = of(render(WATCHED), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    assert job["spec"]["backoffLimit"] == 0
    assert container(job)["args"] == ["uninstall-check", "--watch-namespaces=shop,blog"]
    documents = render({"uninstall": {"force": True}})
    assert not [one for one in documents if one["kind"] == "Job"]


def test_the_network_is_closed_but_for_what_is_needed() -> None:
    documents = render()
    policy = of(documents, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for workload in ("Deployment", "Job"):
        labels = of(documents, workload)["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [443, 6443]]
    wide = of(render(EVERYTHING), "NetworkPolicy")["spec"]
    assert wide["ingress"][0]["from"] == EVERYTHING["networkPolicy"]["metricsFrom"]
    cidrs = [to["ipBlock"]["cidr"] for rule in wide["egress"] for to in rule.get("to", [])]
    assert cidrs[:2] == ["169.254.170.23/32", "fd00:ec2::23/128"]
    assert cidrs[2:] == ["169.254.169.254/32", "169.254.169.252/32", "10.0.0.0/8"]


def test_monitoring_stands_behind_flags() -> None:
    kinds = {one["kind"] for one in render()}
    assert not kinds & {"ServiceMonitor", "PrometheusRule", "ConfigMap"}
    documents = render(EVERYTHING)
    monitor, service = of(documents, "ServiceMonitor"), of(documents, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["honorLabels"] is True
    wanted = yaml.safe_load((chart.DEPLOY / "prometheus" / "rules.yaml").read_text())
    assert of(documents, "PrometheusRule")["spec"] == wanted
    board = of(documents, "ConfigMap", "-dashboard")
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert yaml.safe_load(board["data"]["cloudgw.json"])["title"] == "cloudgw"
    assert of(documents, "ConfigMap", "-more")["metadata"]["name"] == "cloudgw-more"


def test_a_kubernetes_that_is_too_old_is_refused() -> None:
    given = yaml.safe_dump(rendering.NEEDED)
    with pytest.raises(Refused, match=r"1\.30"):
        helm("template", "x", str(CHART), "--kube-version", "1.29.0", "--values", "-", given=given)


def test_the_kustomize_base_is_what_the_chart_renders() -> None:
    for path, text in chart.base(render(chart.VALUES)).items():
        assert path.read_text() == text, "run python scripts/chart.py --base"
