"""Pods are what Kubernetes' own controllers and a client on this machine take them for, and leave nothing behind."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudgw_local.cluster import images, network, pods
from cloudgw_local.cluster.api import ClusterError, until
from cloudgw_local.cluster.cluster import Cluster
from tests.cluster import able

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[2]


def deployment(name: str, replicas: int = 1, pod: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080}]
    spec = {"containers": [{"name": "main", "image": images.ECHO, "ports": ports, **container}], **(pod or {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def pods_of(whole: Cluster, name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = whole.get(f"/api/v1/namespaces/default/pods?labelSelector=app={name}")["items"]
    return items


def is_ready(pod: dict[str, Any]) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions", ()))


def addresses(whole: Cluster, name: str) -> dict[str, bool]:
    """Address -> ready, of the EndpointSlices of a Service."""
    path = (
        f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name={name}"
    )
    points = [point for item in whole.get(path)["items"] for point in item["endpoints"] or ()]
    return {address: point["conditions"]["ready"] for point in points for address in point["addresses"]}


def ask(address: str, path: str = "/", method: str = "GET", port: int = 8080) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    connection.request(method, path, headers={"X-Test": "yes"})
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    connection.close()
    return status, json.loads(text)


@pytest.fixture
def deployed(whole: Cluster) -> Any:
    """Applies deployments, and deletes them and waits for the end of their pods afterwards."""
    made: list[dict[str, Any]] = []

    def apply(document: dict[str, Any], ready: int | None = None) -> list[dict[str, Any]]:
        name, wanted = document["metadata"]["name"], document["spec"]["replicas"] if ready is None else ready
        made.append(document)
        whole.apply([document])
        until(lambda: sum(map(is_ready, pods_of(whole, name))) == wanted, f"{wanted} pods of {name}", 20)
        return pods_of(whole, name)

    yield apply
    for document in made:
        whole.delete(document)
    names = [document["metadata"]["name"] for document in made]
    until(lambda: not any(pods_of(whole, name) for name in names), f"the end of the pods of {names}", 20)


Deployed = Callable[..., list[dict[str, Any]]]


def test_a_service_gets_its_addresses_from_running_pods(whole: Cluster, deployed: Deployed) -> None:
    whole.apply([service("web")])
    found = deployed(deployment("web", 4))
    assert {pod["spec"]["nodeName"] for pod in found} == {"node-a", "node-b"}
    until(lambda: list(addresses(whole, "web").values()) == [True] * 4, "four ready addresses", 10)
    assert set(addresses(whole, "web")) == {pod["status"]["podIP"] for pod in found}
    for pod in found:
        status, said = ask(pod["status"]["podIP"], "/a/b?c=d")
        assert (status, said["pod"], said["path"]) == (200, pod["metadata"]["name"], "/a/b?c=d")
        assert (said["namespace"], said["headers"]["x-test"]) == ("default", ["yes"])
        states = pod["status"]["containerStatuses"]
        assert [state["ready"] and "running" in state["state"] for state in states] == [True]


def test_readiness_is_what_the_program_says(whole: Cluster, deployed: Deployed) -> None:
    whole.apply([service("moody")])
    began = time.monotonic()
    (pod,) = deployed(deployment("moody", env=[{"name": "READY_AFTER", "value": "1.5"}]))
    assert time.monotonic() - began > 1.5
    address = pod["status"]["podIP"]
    until(lambda: addresses(whole, "moody") == {address: True}, "the address to be ready", 10)
    ask(address, "/_echo/unready", "POST")
    until(lambda: addresses(whole, "moody") == {address: False}, "the address not to be ready", 10)
    ask(address, "/_echo/ready", "POST")
    until(lambda: addresses(whole, "moody") == {address: True}, "the address to be ready again", 10)


def test_a_deployment_rolls_without_a_moment_without_pods(whole: Cluster, deployed: Deployed) -> None:
    before = deployed(deployment("rolling", 2))
    document = deployment("rolling", 2, env=[{"name": "COLOUR", "value": "green"}])
    fewest = 2
    whole.apply([document])
    old = {pod["metadata"]["uid"] for pod in before}

    def rolled() -> bool:
        nonlocal fewest
        found = pods_of(whole, "rolling")
        fewest = min(fewest, sum(map(is_ready, found)))
        return len(found) == 2 and not old & {pod["metadata"]["uid"] for pod in found} and all(map(is_ready, found))

    until(rolled, "the new pods alone", 30)
    assert fewest >= 1
    for pod in before:
        with pytest.raises(OSError, match=r"No route to host|unreachable"):  # asked nobody beyond this machine
            ask(pod["status"]["podIP"])


def test_pods_reach_each_other_and_the_api_server_but_nothing_else(whole: Cluster, deployed: Deployed) -> None:
    assert whole.pods is not None
    one, two = deployed(deployment("pair", 2))
    inside = ["ip", "netns", "exec", whole.pods.namespace_of("default", one["metadata"]["name"])]
    program = (
        "import socket, sys\n"
        "for host, port in zip(sys.argv[1::2], sys.argv[2::2]):\n"
        "    try: socket.create_connection((host, int(port)), 3).close(); print('yes')\n"
        "    except OSError: print('no')\n"
    )
    targets = [two["status"]["podIP"], "8080", whole.host, str(whole.port), "192.0.2.1", "80", "198.51.100.1", "80"]
    done = subprocess.run([*inside, sys.executable, "-c", program, *targets], capture_output=True, text=True)
    assert done.stdout.split() == ["yes", "yes", "no", "no"], done.stderr
    routes = subprocess.run([*inside, "ip", "route"], capture_output=True, text=True).stdout
    assert "default" not in routes


def test_a_pod_gets_its_variables_its_volumes_and_a_token_that_works(whole: Cluster, deployed: Deployed) -> None:
    assert whole.pods is not None
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pair", "namespace": "default"}}
    whole.apply([secret | {"stringData": {"word": "hidden", "other": "left out"}}])
    program = """
import json, os, ssl, sys, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
read = lambda path: open(path).read()
request = urllib.request.Request(
    f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}/apis",
    headers={"Authorization": "Bearer " + read(folder + "/token")})
answer = urllib.request.urlopen(request, context=ssl.create_default_context(cafile=folder + "/ca.crt"))
print(json.dumps([answer.status, read(folder + "/namespace"), read("/etc/cloudgw-test/deep/word"),
    os.listdir("/etc/cloudgw-test/deep"), os.environ["WORD"], os.environ["ADDRESS"], sys.argv[1:], "CI" in os.environ]))
sys.stdout.flush()
import time; time.sleep(600)
"""
    whole.pods.register("example.test/program", images.Program(command=(sys.executable, "-c", program)))
    volume = {"name": "files", "secret": {"secretName": "pair", "items": [{"key": "word", "path": "word"}]}}
    (pod,) = deployed(
        deployment(
            "program",
            pod={"volumes": [{"name": "empty", "emptyDir": {}}, volume]},
            image="example.test/program:v1@sha256:" + "0" * 64,
            args=["--word=$(WORD)", "$$(WORD)"],
            env=[
                {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "pair", "key": "word"}}},
                {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            ],
            volumeMounts=[
                {"name": "empty", "mountPath": folder_of_logs(whole)},
                {"name": "files", "mountPath": "/etc/cloudgw-test/deep"},
            ],
        )
    )
    name, runner = pod["metadata"]["name"], whole.pods
    until(lambda: runner.log_of("default", name) != "", "the program to say what it sees", 10)
    words = [200, "default", "hidden", ["word"], "hidden", pod["status"]["podIP"], ["--word=hidden", "$(WORD)"], False]
    assert json.loads(runner.log_of("default", name)) == words
    assert not Path("/etc/cloudgw-test").exists()


def folder_of_logs(whole: Cluster) -> str:
    """A place that hides every source of a volume once something is mounted there, as /tmp often does."""
    return str(whole.folder.parent)


@pytest.mark.parametrize(("name", "code", "condition"), [("good", 0, "Complete"), ("bad", 4, "Failed")])
def test_a_job_runs_to_its_end(whole: Cluster, name: str, code: int, condition: str) -> None:
    assert whole.pods is not None
    whole.pods.register("example.test/once", images.Program(command=("sh", "-c", "echo done; exit $CODE")))
    container = {"name": "main", "image": "example.test/once", "env": [{"name": "CODE", "value": str(code)}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"restartPolicy": "Never", "containers": [container]}}
    document = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": template, "backoffLimit": 0},
    }
    whole.apply([document])

    def conditions() -> set[str]:
        found = whole.get(whole.path_of(document))["status"].get("conditions", ())
        return {item["type"] for item in found if item["status"] == "True"}

    until(lambda: condition in conditions(), f"the Job {name} to be {condition}", 15)
    whole.request("DELETE", f"{whole.path_of(document)}?propagationPolicy=Background")
    until(lambda: not pods_of(whole, name), "its pods to go", 15)


def test_an_image_that_nobody_knows_says_so_until_somebody_does(whole: Cluster, deployed: Deployed) -> None:
    assert whole.pods is not None
    deployed(deployment("unknown", image="example.test/unknown:v2"), ready=0)

    def waiting() -> dict[str, Any]:
        (pod,) = pods_of(whole, "unknown")
        states = pod["status"].get("containerStatuses") or [{"state": {}}]
        found: dict[str, Any] = states[0]["state"].get("waiting", {})
        return found

    until(lambda: waiting().get("reason") == "ErrImagePull", "the pod to wait", 10)
    assert waiting()["message"].startswith(
        "no program stands for image example.test/unknown; known: cloudgw.local/echo"
    )
    whole.pods.register("example.test/unknown", images.find(images.ECHO, {}))
    until(lambda: all(map(is_ready, pods_of(whole, "unknown"))), "the pod to run", 10)


def test_a_program_that_ends_is_started_again_and_says_its_last_line(whole: Cluster, deployed: Deployed) -> None:
    assert whole.pods is not None
    whole.pods.register("example.test/short", images.Program(command=("sh", "-c", "echo no luck; exit 3")))
    deployed(deployment("short", image="example.test/short"), ready=0)

    def state() -> dict[str, Any]:
        (pod,) = pods_of(whole, "short")
        found: dict[str, Any] = (pod["status"].get("containerStatuses") or [{"restartCount": 0}])[0]
        return found

    until(lambda: state()["restartCount"] >= 2, "two restarts", 15)
    assert state()["lastState"]["terminated"]["exitCode"] == 3
    until(lambda: "no luck" in state()["state"].get("waiting", {}).get("message", ""), "its last line", 10)


def test_a_readiness_gate_holds_a_pod_back(whole: Cluster, deployed: Deployed) -> None:
    gate = "example.test/gate"
    deployed(deployment("gated", pod={"readinessGates": [{"conditionType": gate}]}), ready=0)
    until(lambda: pods_of(whole, "gated")[0]["status"].get("containerStatuses", [{}])[0].get("ready", False), "run", 10)
    (pod,) = pods_of(whole, "gated")
    assert not is_ready(pod)
    path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status"
    conditions = [{"type": gate, "status": "True"}]
    whole.patch(path, {"status": {"conditions": conditions}}, "application/strategic-merge-patch+json")
    until(lambda: is_ready(pods_of(whole, "gated")[0]), "the pod to be ready", 10)


def test_a_pod_ends_politely_and_then_at_once(whole: Cluster, deployed: Deployed) -> None:
    """It hears SIGTERM after its preStop hook, answers until then, and is killed when it does not listen."""
    assert whole.pods is not None
    (pod,) = deployed(deployment("slow", lifecycle={"preStop": {"sleep": {"seconds": 2}}}))
    whole.pods.register(
        "example.test/deaf", images.Program(command=("sh", "-c", "trap '' TERM; while :; do sleep 1; done"))
    )
    (deaf,) = deployed(deployment("deaf", image="example.test/deaf", pod={"terminationGracePeriodSeconds": 1}))
    began = time.monotonic()
    for name in ("slow", "deaf"):
        whole.apply([deployment(name, 0, image="x" if name == "deaf" else images.ECHO)])
    until(lambda: "deletionTimestamp" in pods_of(whole, "slow")[0]["metadata"], "the end to begin", 10)
    time.sleep(1)
    assert ask(pod["status"]["podIP"])[0] == 200
    until(lambda: not pods_of(whole, "deaf"), "the end of what is deaf", 10)
    until(lambda: not pods_of(whole, "slow"), "the end of what is slow", 10)
    assert 2 <= time.monotonic() - began < 10
    for name in (pod["metadata"]["name"], deaf["metadata"]["name"]):
        with pytest.raises(ClusterError, match="does not run here"):
            whole.pods.namespace_of("default", name)


def test_what_a_killed_runner_left_is_removed_and_what_lives_is_not(whole: Cluster, deployed: Deployed) -> None:
    deployed(deployment("bystander"))
    program = (
        "import time\n"
        "from cloudgw_local.cluster import network, processes\n"
        "from pathlib import Path\n"
        "net = network.Network(['', ''])\n"
        "place = net.add(1)\n"
        "child = processes.spawn(['ip', 'netns', 'exec', place.name, 'sleep', '600'], Path('/dev/null'))\n"
        "print(place.name, child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as owner:
        assert owner.stdout is not None
        name, pid = owner.stdout.readline().split()
        assert name in network._names()
        network.clean()
        assert name in network._names(), "its runner lives"
        os.kill(owner.pid, signal.SIGKILL)
    until(
        lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text(), "its child to die", 5
    )
    before = {one for one in network._names() if one != name}
    assert network.clean() >= 1
    assert name not in network._names()
    assert before <= set(network._names())
    assert all(map(is_ready, pods_of(whole, "bystander")))


def test_without_root_one_sentence_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert pods.why_not() == "pods need network namespaces, and so root: run it by sudo"
    with pytest.raises(ClusterError, match="and so root"):
        network.Network([""])
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"in CI .* is a failure, not a skip"):
        able.refuse(pods.why_not())
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="and so root"):
        able.refuse(pods.why_not())
