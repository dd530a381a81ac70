"""A kubeconfig becomes what one HTTPS client needs: the server, whom to trust, and how to say who we are.

Called by `cluster` and by the controller. Follows what kubectl does
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/): $KUBECONFIG may name several
files, relative paths belong to the file they stand in, exec plugins are run. Inside a pod without a kubeconfig the
service account is used. This module must never print a token, a key or a password, never write into a kubeconfig, and
leave no file behind.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import math
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_FILES = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
}
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_GROUP = "client.authentication.k8s.io/"
_PATIENCE = 60.0  # seconds for an exec plugin: it may ask the network
_FILE_LASTS = 60.0  # seconds that the content of a tokenFile is used for, as by client-go: kubelets change it
_EARLY = 60.0  # seconds before its end that a plugin's answer is asked for anew
NO_API = "the server does not answer as a Kubernetes API server does; check `server` and the proxy"


class ClusterError(Exception):
    """One sentence: what is wrong with reaching the cluster, and what to do. Never holds a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach one cluster. headers: of every request. trust: None for a server without TLS. tls_name: what the
    server's certificate says, when that is not its host. proxy: a URL, "" for what the environment says. lasts: seconds
    after which the credentials should be asked for anew."""

    server: str = field(repr=False)
    user: str
    source: str
    headers: Mapping[str, str] = field(repr=False)
    trust: ssl.SSLContext | None = None
    tls_name: str = ""
    proxy: str = field(default="", repr=False)  # it may hold a password
    lasts: float = math.inf

    @property
    def shown(self) -> str:
        """The server without what may be secret in its URL: user, password, query."""
        url = urllib.parse.urlsplit(self.server)
        return urllib.parse.urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))

    @property
    def refused(self) -> str:
        """What a 401 means."""
        return f"{self.shown}: refuses the credentials of user {self.user!r} (401); log in anew"

    def no_answer(self, error: Exception, patience: float) -> str:
        """Why there was no answer, and what to do. patience: seconds that were waited for one."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"{self.shown}: its certificate is not trusted ({error.verify_message}); check certificate-authority "
                f"in {self.source}"
            )
        if isinstance(error, TimeoutError):
            words = f"nothing within {patience:.0f} s"
        elif isinstance(error, socket.gaierror):
            words = "its name cannot be resolved"
        else:
            words = str(getattr(error, "strerror", None) or error or type(error).__name__)
        return f"{self.shown}: no answer ({words}); check the network and the server in {self.source}"

    def through(self) -> urllib.parse.SplitResult | None:
        """The HTTP proxy that leads to the server: proxy-url, else what HTTPS_PROXY and NO_PROXY say; None for none.
        Raises ClusterError for one that we cannot speak to."""
        url = urllib.parse.urlsplit(self.server)
        away = urllib.request.proxy_bypass(url.hostname or "")
        proxy = urllib.parse.urlsplit(self.proxy or ("" if away else urllib.request.getproxies().get(url.scheme, "")))
        if proxy.scheme not in ("", "http"):
            raise ClusterError(f"{self.source}: proxies of scheme {proxy.scheme} are not supported; use http://")
        if not proxy.hostname:
            return None
        if not self.trust:
            raise ClusterError(f"{self.shown}: a server without TLS is not reached through a proxy; set NO_PROXY")
        return proxy


def access(path: str | None = None, context: str | None = None) -> Access:
    """What a context of a kubeconfig says. path: None for $KUBECONFIG, else ~/.kube/config, else the pod's own account.
    context: None for the current one. Raises ClusterError."""
    files = _files(path)
    if not files:
        return _in_cluster()
    config = _merged(files)
    source = os.pathsep.join(str(file) for file in files)
    chosen = context or config["current-context"]
    if not chosen:
        raise ClusterError(f"{source}: has no current-context; give --context, one of {_names(config['context'])}")
    entry = _entry(config, "context", chosen, source)
    cluster = _entry(config, "cluster", _text(entry, "cluster", source), source)
    user_name = _text(entry, "user", source)
    user = _entry(config, "user", user_name, source) if user_name else {}
    server = _text(cluster, "server", source)
    if not server.startswith(("https://", "http://")):
        raise ClusterError(f"{source}: cluster of context {chosen!r} has no https:// server; set `server`")
    credential = _credential(user, cluster, user_name, source)
    return Access(
        server=server.rstrip("/"),
        user=user_name,
        source=source,
        headers=_headers(credential, user_name, source),
        trust=_trust(cluster, credential, source) if server.startswith("https://") else None,
        tls_name=_text(cluster, "tls-server-name", source),
        proxy=_text(cluster, "proxy-url", source),
        lasts=_lasts(credential),
    )


def _files(path: str | None) -> list[Path]:
    if path:
        return [Path(path)]
    named = [Path(name) for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    if named:
        return [file for file in named if file.exists()] or named[:1]
    usual = Path.home() / ".kube" / "config"
    return [usual] if usual.exists() else []


def _in_cluster() -> Access:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (_ACCOUNT / "token").exists():
        usual = Path.home() / ".kube" / "config"
        raise ClusterError(f"no kubeconfig: {usual} does not exist; give --kubeconfig FILE, or set KUBECONFIG")
    user = {"tokenFile": str(_ACCOUNT / "token")}
    source = str(_ACCOUNT)
    return Access(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        user="the pod's service account",
        source=source,
        headers=_headers(user, "", source),
        trust=_trust({"certificate-authority": str(_ACCOUNT / "ca.crt")}, {}, source),
        lasts=_lasts(user),
    )


# The file


def _merged(files: Sequence[Path]) -> dict[str, Any]:
    """cluster, user, context: name -> entry; of two entries with one name the first counts, as for kubectl."""
    found: dict[str, Any] = {"cluster": {}, "user": {}, "context": {}, "current-context": ""}
    for file in files:
        data = _read(file)
        found["current-context"] = found["current-context"] or _text(data, "current-context", str(file))
        for kind in ("cluster", "user", "context"):
            for item in data.get(f"{kind}s") or ():
                if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get(kind), dict):
                    found[kind].setdefault(item["name"], _absolute(kind, item[kind], file.parent))
    return found


def _read(file: Path) -> dict[str, Any]:
    problem = ""
    try:
        data = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); check --kubeconfig"
    except (yaml.YAMLError, ValueError):  # its text may quote a secret: dropped, not chained
        problem = "is no YAML; check it with `kubectl config view`"
    else:
        if isinstance(data, dict):
            return data
        problem = "is no kubeconfig: a mapping with clusters, users and contexts is needed"
    raise ClusterError(f"kubeconfig {file}: {problem}")


def _absolute(kind: str, entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    found = dict(entry)
    for name in _FILES.get(kind, ()):
        if isinstance(found.get(name), str) and found[name]:
            found[name] = str(folder / found[name])
    plugin = found.get("exec")
    if isinstance(plugin, dict) and isinstance(plugin.get("command"), str) and os.sep in plugin["command"]:
        found["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return found


def _entry(config: Mapping[str, Any], kind: str, name: str, source: str) -> dict[str, Any]:
    entry = config[kind].get(name)
    if entry is None:
        raise ClusterError(f"{source}: has no {kind} {name!r}; it has {_names(config[kind])}")
    return dict(entry)


def _names(entries: Mapping[str, Any]) -> str:
    return ", ".join(sorted(entries)) or "none"


def _text(data: Mapping[str, Any], name: str, source: str) -> str:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise ClusterError(f"{source}: {name} is no text; put it in quotes")
    return value or ""


# Who we are


def _credential(user: dict[str, Any], cluster: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    """The user's entry, with what its exec plugin says laid over it."""
    if user.get("auth-provider"):
        raise ClusterError(f"{source}: user {name!r} uses auth-provider, which kubectl dropped in 1.26; use exec")
    if user.get("as"):
        raise ClusterError(f"{source}: user {name!r} impersonates another (`as`), which is not supported; remove it")
    plugin = user.get("exec")
    if not isinstance(plugin, dict):
        return user
    return {**user, **_executed(plugin, cluster, name, source)}


def _executed(plugin: Mapping[str, Any], cluster: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    """What an exec plugin answers
    (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins)."""
    command, version = _text(plugin, "command", source), _text(plugin, "apiVersion", source)
    who = f"{source}: exec plugin {command!r} of user {name!r}"
    if not version.startswith(_EXEC_GROUP):
        raise ClusterError(f"{who}: apiVersion {version!r} is not supported; use {_EXEC_GROUP}v1")
    asked = plugin.get("interactiveMode", "IfAvailable") != "Never" and sys.stdin is not None and sys.stdin.isatty()
    request: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": asked}}
    if plugin.get("provideClusterInfo"):
        request["spec"]["cluster"] = _cluster_info(cluster)
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": json.dumps(request)}
    environment |= {str(item["name"]): str(item["value"]) for item in plugin.get("env") or ()}
    hint = _text(plugin, "installHint", source).strip()
    try:
        answer = subprocess.run(
            [command, *(str(argument) for argument in plugin.get("args") or ())],
            env=environment,
            stdin=None if asked else subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # standard error goes to the person: it may hold a login's instructions
            timeout=_PATIENCE,
        )
    except OSError as error:
        raise ClusterError(f"{who}: cannot be run ({error.strerror}); {hint or 'install it'}") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{who}: no answer within {_PATIENCE:.0f} s; run it by hand") from None
    if answer.returncode:
        raise ClusterError(f"{who}: failed with code {answer.returncode}; log in anew, or run it by hand")
    try:
        status = json.loads(answer.stdout)["status"]
        found = {"token": status.get("token")}
        found |= {f"{part}-data": _encoded(status.get(key)) for part, key in _PLUGIN_PARTS.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        found = {}
    if not any(found.values()):
        raise ClusterError(f"{who}: its answer holds neither a token nor a certificate; run it by hand")
    found["expires"] = status.get("expirationTimestamp")
    return {key: value for key, value in found.items() if value}


_PLUGIN_PARTS = {"client-certificate": "clientCertificateData", "client-key": "clientKeyData"}


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"server": cluster.get("server")}
    for ours, theirs in (
        ("tls-server-name", "tls-server-name"),
        ("insecure-skip-tls-verify", "insecure-skip-tls-verify"),
        ("certificate-authority-data", "certificate-authority-data"),
        ("proxy-url", "proxy-url"),
    ):
        if cluster.get(ours):
            found[theirs] = cluster[ours]
    extensions = {item["name"]: item["extension"] for item in cluster.get("extensions") or ()}
    if _EXEC_GROUP + "exec" in extensions:
        found["config"] = extensions[_EXEC_GROUP + "exec"]
    return found


def _encoded(text: str | None) -> str | None:
    return base64.b64encode(text.encode()).decode() if text else None


def _headers(user: Mapping[str, Any], name: str, source: str) -> dict[str, str]:
    token, file = _text(user, "token", source), _text(user, "tokenFile", source)
    if file and not token:
        try:
            token = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ClusterError(f"{source}: tokenFile {file} of user {name!r} cannot be read; check the path") from None
    if token:
        return {"Authorization": f"Bearer {token}"}
    login = _text(user, "username", source)
    if login:
        pair = f"{login}:{_text(user, 'password', source)}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


def _lasts(user: Mapping[str, Any]) -> float:
    """How long a credential is good for, in seconds. expires: what an exec plugin says, RFC 3339."""
    if user.get("expires"):
        try:
            end = datetime.datetime.fromisoformat(str(user["expires"])).timestamp()
        except ValueError:
            return _FILE_LASTS
        return max(end - time.time() - _EARLY, 1.0)
    return _FILE_LASTS if user.get("tokenFile") and not user.get("token") else math.inf


# Whom to trust


def _trust(cluster: Mapping[str, Any], user: Mapping[str, Any], source: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # A cluster's own authority is often older than the newest rules for certificates, which kubectl does not apply.
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    if cluster.get("insecure-skip-tls-verify") is True:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    authority = _bytes(cluster, "certificate-authority", source)
    certificate, key = _bytes(user, "client-certificate", source), _bytes(user, "client-key", source)
    part = ""
    try:
        if authority:
            part = "certificate-authority"
            context.load_verify_locations(cadata=authority.decode())
        if certificate:
            part = "client-certificate and client-key"
            with _folder() as folder:
                (folder / "certificate").write_bytes(certificate)
                (folder / "key").write_bytes(key)
                context.load_cert_chain(folder / "certificate", folder / "key", password="")
    except (ssl.SSLError, ValueError):
        raise ClusterError(f"{source}: {part} cannot be used: no PEM, or they do not belong together") from None
    return context


@contextmanager
def _folder() -> Iterator[Path]:
    """Only files can be handed to OpenSSL: for a moment, readable by us alone."""
    with tempfile.TemporaryDirectory(prefix="cloudgw-") as name:
        yield Path(name)


def _bytes(entry: Mapping[str, Any], name: str, source: str) -> bytes:
    """NAME-data, base64, wins over the file NAME."""
    data, file = _text(entry, f"{name}-data", source), _text(entry, name, source)
    try:
        if data:
            return base64.b64decode(data, validate=True)
        return Path(file).read_bytes() if file else b""
    except binascii.Error:
        pass
    except OSError as error:
        raise ClusterError(f"{source}: {name} {file} cannot be read ({error.strerror}); check the path") from None
    raise ClusterError(f"{source}: {name}-data is no base64; write it anew")
