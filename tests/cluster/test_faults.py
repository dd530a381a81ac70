"""What a test can do to a cluster does to its clients what it says: errors, silence, lost watches and lost history."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cloudgw_local.cluster import cluster
from cloudgw_local.cluster.api import Api, until
from tests.cluster import able

pytestmark = pytest.mark.cluster
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """A cluster of this module's own: others would not like what is done to it."""
    if reason := able.why_no_cluster():
        able.refuse(reason)
    folder = tmp_path_factory.mktemp("fragile")
    running = cluster.start(folder, channel=None)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


def config_map(name: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def impatient(running: cluster.Cluster) -> Api:
    """A client that waits for a second only."""
    api = Api(running.port, running.authority, running.credentials)
    api.patience = 1.0
    return api


def test_without_etcd_writes_fail_and_come_back_with_the_data(fragile: cluster.Cluster) -> None:
    fragile.apply([config_map("kept", a="b")])
    fragile.stop_etcd()
    status, answer = fragile.request("POST", MAPS, config_map("lost"))
    assert status >= 500, answer
    assert fragile.request("GET", "/readyz")[0] == 500
    fragile.start_etcd()
    assert fragile.get(f"{MAPS}/kept")["data"] == {"a": "b"}
    fragile.apply([config_map("lost")])


def test_a_paused_server_is_silent_and_goes_on(fragile: cluster.Cluster) -> None:
    asking = impatient(fragile)
    assert asking.request("GET", MAPS)[0] == 200
    fragile.pause()
    with pytest.raises(TimeoutError):
        asking.request("GET", MAPS)
    fragile.resume()
    until(lambda: fragile.request("GET", MAPS)[0] == 200, "the server to answer again", 10)


def test_a_killed_server_refuses_and_comes_back_at_the_same_place(fragile: cluster.Cluster) -> None:
    port = fragile.port
    events = fragile.watch(MAPS, fragile.get(MAPS)["metadata"]["resourceVersion"], 30)
    fragile.apply([config_map("seen")])
    assert next(events)["object"]["metadata"]["name"] == "seen"
    fragile.kill()
    began = time.monotonic()
    with contextlib.suppress(OSError, http.client.HTTPException):
        list(events)
    assert time.monotonic() - began < 5, "the watch ends with the server"
    with pytest.raises(ConnectionRefusedError):
        impatient(fragile).request("GET", MAPS)
    fragile.restart()
    assert fragile.port == port
    assert fragile.get(f"{MAPS}/seen")["metadata"]["name"] == "seen"


def test_compaction_ends_pages_and_after_a_restart_old_watches(fragile: cluster.Cluster) -> None:
    for number in range(3):
        fragile.apply([config_map(f"page-{number}")])
    first = fragile.get(f"{MAPS}?limit=1")
    token, version = first["metadata"]["continue"], first["metadata"]["resourceVersion"]
    for number in range(3):
        fragile.apply([config_map("changing", number=str(number))])
    assert fragile.request("GET", f"{MAPS}?limit=1&continue={token}")[0] == 200
    fragile.compact()
    fragile.restart()
    status, answer = fragile.request("GET", f"{MAPS}?limit=1&continue={token}")
    assert (status, answer["reason"]) == (410, "Expired")
    (event,) = list(fragile.watch(MAPS, version, 5))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_a_new_user_may_what_its_rules_say(fragile: cluster.Cluster) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    path = fragile.user("somebody", groups=["some:group"], rules=rules)
    until(lambda: fragile.request("GET", MAPS, user="somebody")[0] == 200, "the binding to count", 5)
    assert fragile.request("GET", "/api/v1/secrets", user="somebody")[0] == 403
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = fragile.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, user="somebody")[1]
    assert answer["status"]["userInfo"]["username"] == "somebody"
    assert answer["status"]["userInfo"]["groups"] == ["some:group", "system:authenticated"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_service_account_has_a_token_that_is_its_own(fragile: cluster.Cluster) -> None:
    path = fragile.service_account_kubeconfig("default", "worker")
    token = fragile.service_account("default", "worker")
    assert path.exists()
    assert token not in repr(fragile.credentials)
    status, answer = fragile.request("GET", MAPS, user="default:worker")
    assert status == 403
    assert "system:serviceaccount:default:worker" in answer["message"]
    subject = {"kind": "ServiceAccount", "namespace": "default", "name": "worker"}
    fragile.grant(subject, "worker", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}])
    until(lambda: fragile.request("GET", MAPS, user="default:worker")[0] == 200, "the binding to count", 5)
