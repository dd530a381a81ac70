"""What `sources.cluster` reads of a real API server is what `sources.manifests` reads of the same objects in files."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudgw import objects
from cloudgw.objects import Snapshot, Unknown
from cloudgw.sources import catalog, manifests
from cloudgw.sources import cluster as live
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
SHOP = Path(__file__).parent / "shop.yaml"


def certificate() -> dict[str, Any]:
    """A Secret of type kubernetes.io/tls."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    values = {"tls.crt": signed.public_bytes(serialization.Encoding.PEM), "tls.key": private}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "shop-tls", "namespace": "shop"},
        "data": {name: base64.b64encode(value).decode() for name, value in values.items()},
    }


@pytest.fixture(scope="module")
def files(standard: Cluster, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The shop, as files; applied to the cluster too."""
    secret = certificate()
    second = tmp_path_factory.mktemp("shop") / "secret.json"
    second.write_text(json.dumps(secret))
    documents = [*yaml.safe_load_all(SHOP.read_text()), secret]
    standard.apply(sorted(documents, key=lambda document: document["kind"] != "Namespace"))
    return [str(SHOP), str(second)]


def own(snapshot: Snapshot, wanted: Snapshot) -> dict[tuple[str, str, str], Any]:
    """Objects that `wanted` has too, without what only a server or only a file can say."""
    return {
        (kind, *key): dataclasses.replace(
            item,
            meta=dataclasses.replace(
                item.meta,
                uid="",
                generation=0,
                created="",
                file="",
                line=0,
                labels={
                    name: value for name, value in item.meta.labels.items() if name != "kubernetes.io/metadata.name"
                },
            ),
        )
        for kind, items in snapshot.objects.items()
        for key, item in items.items()
        if key in wanted.objects.get(kind, {}) and not isinstance(item, Unknown)
    }


def test_every_object_reads_back_as_it_stands_in_the_files(standard: Cluster, files: list[str]) -> None:
    written = manifests.load(files)
    assert not written.errors
    read = live.load(str(standard.kubeconfig))
    assert not read.errors
    wanted = own(written.snapshot, written.snapshot)
    kinds = {kind for _, kind in catalog.KINDS} - {"CustomResourceDefinition"}
    assert {kind for kind, _, _ in wanted} == kinds, "shop.yaml lacks a kind"
    found = own(read.snapshot, written.snapshot)
    for key, item in wanted.items():
        assert found[key] == item
    assert read.snapshot.materials == written.snapshot.materials
    assert read.snapshot.complete == {kind for _, kind in catalog.KINDS}


def test_the_releases_of_the_definitions_are_read(standard: Cluster) -> None:
    found = list(live.load(str(standard.kubeconfig)).snapshot.all(objects.CustomResourceDefinition))
    assert len(found) >= 10
    gateways = [one for one in found if one.meta.name.endswith(objects.GATEWAY_GROUP)]
    assert {(one.bundle, one.channel) for one in gateways} == {("v1.6.3", "standard")}


@pytest.mark.usefixtures("files")
def test_the_server_tells_identity_and_age(standard: Cluster) -> None:
    found = live.load(str(standard.kubeconfig)).snapshot.get(objects.Gateway, "shop", "edge")
    assert isinstance(found, objects.Gateway)
    assert len(found.meta.uid) == 36
    assert found.meta.generation == 1
    assert found.meta.created.endswith("Z")
    assert found.meta.file == ""
    assert found.meta.unhandled == ()


@pytest.mark.usefixtures("files")
def test_what_is_not_in_a_complete_cluster_is_absent(standard: Cluster) -> None:
    assert live.load(str(standard.kubeconfig)).snapshot.get(objects.Service, "shop", "nobody") is None


@pytest.mark.usefixtures("files")
def test_pages_hold_together(standard: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{n}", "namespace": "shop"}} for n in range(7)
    ]
    standard.apply(many)
    at_once = live.load(str(standard.kubeconfig))
    asked: list[str] = []
    get = live.Api.get

    def counted(self: Any, path: str, query: Any = None, **more: Any) -> Any:
        asked.append(path)
        return get(self, path, query, **more)

    monkeypatch.setattr(live, "PAGE", 2)
    monkeypatch.setattr(live.Api, "get", counted)
    by_two = live.load(str(standard.kubeconfig))
    assert by_two.snapshot == at_once.snapshot
    count = len(at_once.snapshot.objects["ConfigMap"])
    assert asked.count("/api/v1/configmaps") == -(-count // 2) >= 4


def grant(standard: Cluster, rules: list[dict[str, Any]]) -> None:
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
        "subjects": [{"kind": "User", "name": "reader", "apiGroup": group}],
    }
    standard.apply([role, binding])


@pytest.mark.usefixtures("files")
def test_what_may_not_be_listed_is_unknown_and_the_note_names_the_right(standard: Cluster) -> None:
    resources = {
        group: [name for name in names if name != "secrets"]
        for group, names in {
            "gateway.networking.k8s.io": ["*"],
            "discovery.k8s.io": ["endpointslices"],
            "apiextensions.k8s.io": ["customresourcedefinitions"],
            "cloudgw.dev": ["backendpolicies"],
            "": ["services", "secrets", "configmaps", "namespaces", "nodes"],
        }.items()
    }
    grant(
        standard, [{"apiGroups": [group], "resources": names, "verbs": ["list"]} for group, names in resources.items()]
    )
    read = live.load(str(standard.kubeconfig), "reader")
    assert read.snapshot.complete == {kind for _, kind in catalog.KINDS} - {"Secret"}
    assert isinstance(read.snapshot.get(objects.Secret, "shop", "shop-tls"), Unknown)
    assert not read.snapshot.materials
    assert not isinstance(read.snapshot.get(objects.Service, "shop", "cart"), Unknown)
    notes = [note.message for note in read.notes if note.code == "Forbidden"]
    assert len(notes) == 1
    assert notes[0].startswith("Secret: ")
    assert 'grant verb "list" on resource "secrets" of API group ""' in notes[0]


@pytest.mark.usefixtures("files")
def test_a_stranger_learns_nothing_and_nothing_is_called_absent(standard: Cluster) -> None:
    read = live.load(str(standard.kubeconfig), "stranger")
    assert not read.snapshot.complete
    assert not any(read.snapshot.objects.values())
    assert sum(note.code == "Forbidden" for note in read.notes) == len(catalog.KINDS)


def test_a_kind_that_is_not_installed_is_not_complete(bare: Cluster) -> None:
    read = live.load(str(bare.kubeconfig))
    ours = (objects.GATEWAY_GROUP, objects.OWN_GROUP)
    kubernetes = {kind for group, kind in catalog.KINDS if group not in ours}
    assert read.snapshot.complete & {kind for _, kind in catalog.KINDS} == kubernetes
    assert isinstance(read.snapshot.get(objects.HTTPRoute, "shop", "cart"), Unknown)
    notes = {note.message.split(":")[0]: note for note in read.notes if note.code == "NotInstalled"}
    assert set(notes) - {"Parameters"} == {kind for _, kind in catalog.KINDS} - kubernetes
    assert "gateway.networking.k8s.io/v1" in notes["HTTPRoute"].message


def test_parameters_of_a_provider_are_read(bare: Cluster) -> None:
    """Our own group: the kinds are whatever is installed."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "exampleclassparameters.cloudgw.dev"},
        "spec": {
            "group": "cloudgw.dev",
            "scope": "Cluster",
            "names": {"kind": "ExampleClassParameters", "plural": "exampleclassparameters"},
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    parameters = {
        "apiVersion": "cloudgw.dev/v1alpha1",
        "kind": "ExampleClassParameters",
        "metadata": {"name": "public"},
        "spec": {"exposure": "public"},
    }
    bare.apply([crd])
    bare.wait_for(crd)
    bare.apply([parameters])
    found = live.load(str(bare.kubeconfig)).snapshot
    item = found.get("ExampleClassParameters", "", "public")
    assert isinstance(item, objects.Parameters)
    assert item.spec == {"exposure": "public"}
    assert "ExampleClassParameters" in found.complete


def test_credentials_that_are_refused_end_in_one_sentence(standard: Cluster, tmp_path: Path) -> None:
    config = yaml.safe_load(standard.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = "not-a-token"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    with pytest.raises(
        live.ClusterError, match=r"refuses the credentials of user 'admin' \(401\); log in anew"
    ) as info:
        live.load(str(tmp_path / "kubeconfig"))
    assert "not-a-token" not in str(info.value)
