"""Kubeconfigs as people have them, and servers as they fail: without a cluster, on loopback only."""

from __future__ import annotations

import base64
import datetime
import http.server
import ipaddress
import json
import socket
import ssl
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudgw.sources import cluster, kubeconfig
from cloudgw.sources.kubeconfig import ClusterError

SERVER = "https://127.0.0.1:6443"


@pytest.fixture(autouse=True)
def _no_config_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def config(user: dict[str, Any] | None = None, /, **cluster_fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **cluster_fields}}],
        "users": [{"name": "u", "user": {"token": "s3cret"} if user is None else user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    }


def written(folder: Path, data: Any, name: str = "config") -> str:
    path = folder / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return str(path)


def plugin(folder: Path, body: str) -> str:
    """An executable that a kubeconfig may name."""
    path = folder / "plugin"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


# What a kubeconfig says


def test_a_token_becomes_a_header_and_shows_nowhere(tmp_path: Path) -> None:
    found = kubeconfig.access(written(tmp_path, config()))
    assert (found.server, found.user) == (SERVER, "u")
    assert found.headers == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(found)


def test_a_token_file_belongs_to_the_folder_of_its_config(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    found = kubeconfig.access(written(tmp_path, config({"tokenFile": "token"})))
    assert found.headers == {"Authorization": "Bearer from-file"}


def test_a_user_with_a_password(tmp_path: Path) -> None:
    found = kubeconfig.access(written(tmp_path, config({"username": "me", "password": "p:w"})))
    assert found.headers == {"Authorization": "Basic " + base64.b64encode(b"me:p:w").decode()}


def test_the_environment_may_name_several_files_and_the_first_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {"contexts": config()["contexts"], "users": [{"name": "u", "user": {"token": "first"}}]}
    names = [written(tmp_path, first, "a"), written(tmp_path, config(), "b"), str(tmp_path / "missing")]
    monkeypatch.setenv("KUBECONFIG", ":".join(names))
    assert kubeconfig.access().headers == {"Authorization": "Bearer first"}


def test_an_exec_plugin_is_asked(tmp_path: Path) -> None:
    body = """
request = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = "-".join([os.environ["REALM"], sys.argv[1], request["kind"], str(request["spec"]["interactive"])])
print(json.dumps({"apiVersion": request["apiVersion"], "kind": "ExecCredential", "status": {"token": token}}))"""
    plugin(tmp_path, body)
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./plugin",
        "args": ["login"],
        "env": [{"name": "REALM", "value": "shop"}],
        "interactiveMode": "Never",
    }
    found = kubeconfig.access(written(tmp_path, config({"exec": entry})))
    assert found.headers == {"Authorization": "Bearer shop-login-ExecCredential-False"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("sys.exit(3)", "failed with code 3; log in anew"),
        ("print('s3cret')", "its answer holds neither a token nor a certificate"),
        ("print(json.dumps({'status': {}}))", "its answer holds neither a token nor a certificate"),
    ],
)
def test_an_exec_plugin_that_fails_says_so(tmp_path: Path, body: str, wanted: str) -> None:
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": plugin(tmp_path, body)}
    with pytest.raises(ClusterError, match=wanted) as info:
        kubeconfig.access(written(tmp_path, config({"exec": entry})))
    assert "s3cret" not in str(info.value)


def test_a_missing_exec_plugin_says_how_to_get_it(tmp_path: Path) -> None:
    entry = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such", "installHint": "install no-such"}
    with pytest.raises(ClusterError, match=r"cannot be run .*; install no-such"):
        kubeconfig.access(written(tmp_path, config({"exec": entry})))


@pytest.mark.parametrize(
    ("data", "context", "wanted"),
    [
        (config(), "there", "has no context 'there'; it has here"),
        ({**config(), "current-context": ""}, None, "has no current-context; give --context, one of here"),
        ({**config(), "clusters": []}, None, "has no cluster 'c'; it has none"),
        ({**config(), "users": []}, None, "has no user 'u'"),
        (config({"auth-provider": {"name": "x"}}), None, "auth-provider"),
        (config({"as": "somebody"}), None, "impersonates"),
        (config({"token": 7}), None, "token is no text"),
        (config({"tokenFile": "missing"}), None, "tokenFile .*missing of user 'u' cannot be read"),
        (
            config({"client-certificate-data": "%", "client-key-data": "%"}),
            None,
            "client-certificate-data is no base64",
        ),
        (config({"client-certificate-data": "eA==", "client-key-data": "eA=="}), None, "client-key cannot be used"),
        (config(**{"certificate-authority-data": "eA=="}), None, "certificate-authority cannot be used"),
        (config(**{"certificate-authority": "missing"}), None, "certificate-authority .*missing cannot be read"),
        (config(server="ftp://x"), None, "no https:// server"),
        ("{ s3cret", None, "is no YAML"),
        ("- s3cret", None, "is no kubeconfig"),
    ],
)
def test_one_sentence_for_what_is_wrong(tmp_path: Path, data: Any, context: str | None, wanted: str) -> None:
    with pytest.raises(ClusterError, match=wanted) as info:
        kubeconfig.access(written(tmp_path, data), context)
    assert "s3cret" not in str(info.value)
    assert info.value.__cause__ is None


def test_no_kubeconfig_at_all() -> None:
    with pytest.raises(ClusterError, match=r"no kubeconfig: .*\.kube/config does not exist; give --kubeconfig"):
        kubeconfig.access()


def test_a_named_kubeconfig_that_is_missing() -> None:
    with pytest.raises(ClusterError, match="nowhere: cannot be read"):
        kubeconfig.access("nowhere")


def test_a_pod_uses_its_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("of-the-pod")
    (tmp_path / "ca.crt").write_bytes(certified(tmp_path).certificate)
    monkeypatch.setattr(kubeconfig, "_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = kubeconfig.access()
    assert (found.server, found.headers) == ("https://[fd00::1]:443", {"Authorization": "Bearer of-the-pod"})


# A server that answers as it is told


@dataclass(frozen=True)
class Pair:
    certificate: bytes
    key: bytes


def certified(folder: Path, *, name: str = "127.0.0.1") -> Pair:
    """A self-signed certificate for 127.0.0.1, or for a name; also written to files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    who: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([who]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pair = Pair(signed.public_bytes(encoding), key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    (folder / "server.crt").write_bytes(pair.certificate)
    (folder / "server.key").write_bytes(pair.key)
    return pair


class Server:
    """HTTPS on loopback. answers: path without query -> answers in turn, the last one for ever. seen: requests."""

    def __init__(self, folder: Path, name: str = "127.0.0.1", *, ask_for: bytes = b"") -> None:
        self.pair = certified(folder, name=name)
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers)))
                turns = outer.answers.get(self.path.split("?")[0], [(404, {"message": "no such path"})])
                status, body = turns.pop(0) if len(turns) > 1 else turns[0]
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        if ask_for:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=ask_for.decode())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def config(self, user: dict[str, Any] | None = None, /, **fields: Any) -> dict[str, Any]:
        authority = {"certificate-authority-data": base64.b64encode(self.pair.certificate).decode()}
        return config(user, **{"server": f"https://127.0.0.1:{self.port}", **authority, **fields})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.stop()


def core(*names: str) -> dict[str, Any]:
    kinds = {"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service", "nodes": "Node"}
    return {"resources": [{"name": name, "kind": kinds[name], "verbs": ["get", "list"]} for name in names]}


def item(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "managedFields": [{"manager": "x"}]}, "data": {}}


def page(*names: str, following: str = "") -> tuple[int, Any]:
    return 200, {"items": [item(name) for name in names], "metadata": {"continue": following}}


def test_a_list_that_expires_between_two_pages_is_asked_for_at_once(tmp_path: Path, server: Server) -> None:
    server.answers = {
        "/api/v1": [(200, core("configmaps"))],
        "/api/v1/configmaps": [page("a", "b", following="x"), (410, {"message": "gone"}), page("a", "c")],
    }
    read = cluster.load(written(tmp_path, server.config()))
    assert set(read.snapshot.objects["ConfigMap"]) == {("shop", "a"), ("shop", "c")}
    assert read.snapshot.complete == {"ConfigMap"}
    asked = [path for path, _ in server.seen if "configmaps" in path]
    assert asked == ["/api/v1/configmaps?limit=500", "/api/v1/configmaps?limit=500&continue=x", "/api/v1/configmaps"]
    assert {headers["Authorization"] for _, headers in server.seen} == {"Bearer s3cret"}


def test_one_kind_that_fails_harms_only_itself(tmp_path: Path, server: Server) -> None:
    server.answers = {
        "/api/v1": [(200, core("configmaps", "services"))],
        "/api/v1/configmaps": [(503, {"message": "etcd is away"})],
        "/api/v1/services": [(200, {"items": [], "metadata": {}})],
    }
    read = cluster.load(written(tmp_path, server.config()))
    assert read.snapshot.complete == {"Service"}
    notes = [note.message for note in read.notes if note.code == "Unlistable"]
    assert notes == ["ConfigMap: nothing is known of it: the API server answers 503: etcd is away; try again"]


def test_a_group_that_cannot_be_seen_is_not_called_missing(tmp_path: Path, server: Server) -> None:
    server.answers = {path: [(403, {"message": "no"})] for path in ("/api/v1", "/apis/cloudgw.dev")}
    read = cluster.load(written(tmp_path, server.config()))
    assert not read.snapshot.complete
    unlisted = {note.message.split(":")[0] for note in read.notes if note.code == "Unlistable"}
    assert unlisted == {"Service", "Secret", "ConfigMap", "Namespace", "Node", "Parameters"}


def test_a_broken_object_is_unknown_and_its_neighbour_is_read(tmp_path: Path, server: Server) -> None:
    broken = {"metadata": {"name": "bad", "namespace": "shop"}, "spec": {"ports": "s3cret"}}
    good = {"metadata": {"name": "good", "namespace": "shop"}, "spec": {}}
    server.answers = {
        "/api/v1": [(200, core("services"))],
        "/api/v1/services": [(200, {"items": [broken, good], "metadata": {}})],
    }
    read = cluster.load(written(tmp_path, server.config()))
    assert [note.message.split(": ")[:2] for note in read.errors] == [["Service shop/bad", "/spec/ports"]]
    assert sorted(type(found).__name__ for found in read.snapshot.objects["Service"].values()) == ["Service", "Unknown"]


def test_a_path_of_the_server_stays_in_front(tmp_path: Path, server: Server) -> None:
    prefixed = server.config(server=f"https://127.0.0.1:{server.port}/k8s/one/")
    cluster.load(written(tmp_path, prefixed))
    assert server.seen
    assert all(path.startswith("/k8s/one/api") for path, _ in server.seen)


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, server: Server) -> None:
    data = server.config()
    del data["clusters"][0]["cluster"]["certificate-authority-data"]
    with pytest.raises(ClusterError, match=r"its certificate is not trusted .*; check certificate-authority"):
        cluster.load(written(tmp_path, data))
    data["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    assert not cluster.load(written(tmp_path, data)).errors


def test_a_server_by_another_name(tmp_path: Path) -> None:
    running = Server(tmp_path, "api.example")
    try:
        with pytest.raises(ClusterError, match="not trusted"):
            cluster.load(written(tmp_path, running.config()))
        assert not cluster.load(written(tmp_path, running.config(**{"tls-server-name": "api.example"}))).errors
    finally:
        running.stop()


def test_a_client_certificate_is_shown_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    mine = certified(tmp_path / "mine")
    running = Server(tmp_path, ask_for=mine.certificate)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "mine"))
    encoded = {name: base64.b64encode(data).decode() for name, data in (("c", mine.certificate), ("k", mine.key))}
    user = {"client-certificate-data": encoded["c"], "client-key-data": encoded["k"]}
    try:
        assert not cluster.load(written(tmp_path, running.config(user))).errors
        with pytest.raises(ClusterError, match="no answer"):
            cluster.load(written(tmp_path, running.config({"token": "x"})))
    finally:
        running.stop()
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["server.crt", "server.key"]


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match=rf"{server}: no answer \(Connection refused\); check the network"):
            cluster.load(written(tmp_path, config(server=server)))


def test_something_else_listens(tmp_path: Path, server: Server) -> None:
    server.answers = {"/api/v1": [(200, b"<html>log in</html>")]}
    with pytest.raises(ClusterError, match="does not answer as a Kubernetes API server does"):
        cluster.load(written(tmp_path, server.config()))


def test_a_proxy_that_is_away_and_one_that_we_cannot_speak(tmp_path: Path, server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ClusterError, match="no answer"):
            cluster.load(written(tmp_path, server.config(**{"proxy-url": away})))
    with pytest.raises(ClusterError, match="proxies of scheme socks5 are not supported"):
        cluster.load(written(tmp_path, server.config(**{"proxy-url": "socks5://127.0.0.1:1"})))


def test_what_is_shown_of_a_server_holds_no_secret() -> None:
    found = kubeconfig.Access(
        server="https://bob:canary@127.0.0.1:1/k8s?token=canary", user="bob", source="file", headers={}
    )
    assert found.shown == "https://127.0.0.1:1/k8s"
    assert "canary" not in repr(found)
