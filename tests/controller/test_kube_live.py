"""What the client says is what a real API server understands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cloudgw.controller import kube
from cloudgw.controller.kube import Kube, Refused
from cloudgw.sources import kubeconfig
from tests.cluster import cluster
from tests.controller.test_informers import ran

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    running = cluster.start(tmp_path_factory.mktemp("kube"), channel=None)
    yield running
    running.stop()


def test_a_real_server_creates_replaces_applies_patches_and_deletes(real: cluster.Cluster) -> None:
    path = "/api/v1/namespaces/default/configmaps"

    async def main() -> None:
        api = Kube(lambda: kubeconfig.access(str(real.kubeconfig)))
        made = await api.create(path, {"metadata": {"name": "a"}, "data": {"x": "1"}})
        with pytest.raises(Refused, match="409 AlreadyExists"):
            await api.create(path, {"metadata": {"name": "a"}})
        second = await api.replace(f"{path}/a", {**made, "data": {"x": "2"}})
        with pytest.raises(Refused, match="409 Conflict"):
            await api.replace(f"{path}/a", {**made, "data": {"x": "3"}})
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"y": "1"}}
        assert (await api.apply(f"{path}/a", applied))["data"] == {"x": "2", "y": "1"}
        stale = [{"op": "test", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]}]
        with pytest.raises(Refused) as info:
            await api.patch(f"{path}/a", stale, kube.JSON_PATCH)
        assert info.value.status == 422
        patched = await api.patch(f"{path}/a", {"data": {"z": "1"}})
        assert patched["data"] == {"x": "2", "y": "1", "z": "1"}
        assert {entry["manager"] for entry in patched["metadata"]["managedFields"]} == {"cloudgw"}
        with pytest.raises(Refused, match="409 Conflict"):
            await api.delete(f"{path}/a", uid="00000000-0000-0000-0000-000000000000")
        await api.delete(f"{path}/a", uid=second["metadata"]["uid"])
        with pytest.raises(Refused, match="404 NotFound"):
            await api.get(f"{path}/a")
        await api.close()

    ran(main)


def test_a_real_server_gives_pages_of_one_moment(real: cluster.Cluster) -> None:
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}"}} for n in range(7)]
    real.apply(maps)

    async def main() -> None:
        api = Kube(lambda: kubeconfig.access(str(real.kubeconfig)))
        path = "/api/v1/namespaces/default/configmaps"
        pages = [page async for page in api.pages(path, limit=2)]
        assert [len(items) for items, _ in pages][:3] == [2, 2, 2]
        assert len({version for _, version in pages}) == 1
        assert {f"m{n}" for n in range(7)} <= {item["metadata"]["name"] for items, _ in pages for item in items}
        await api.close()

    ran(main)


def test_a_real_policy_is_named(real: cluster.Cluster) -> None:
    group = "admissionregistration.k8s.io"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    real.apply(
        [
            {
                "apiVersion": f"{group}/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": "no-maps"},
                "spec": {
                    "matchConstraints": {"resourceRules": [rule]},
                    "validations": [{"expression": "object.metadata.name != 'forbidden'", "message": "not that one"}],
                },
            },
            {
                "apiVersion": f"{group}/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": "no-maps"},
                "spec": {"policyName": "no-maps", "validationActions": ["Deny"]},
            },
        ]
    )

    async def main() -> None:
        api = Kube(lambda: kubeconfig.access(str(real.kubeconfig)))
        path = "/api/v1/namespaces/default/configmaps"
        refused: Refused | None = None
        for _ in range(100):  # a policy counts some moments after it was made
            try:
                await api.create(path, {"metadata": {"name": "forbidden"}})
            except Refused as error:
                refused = error
                break
            await api.delete(f"{path}/forbidden")
            await asyncio.sleep(0.1)
        assert refused is not None, "never refused"
        assert (refused.status, refused.policy) == (422, "ValidatingAdmissionPolicy no-maps")
        await api.close()

    ran(main)
