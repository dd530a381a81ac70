"""Golden error cases: tests/errors/<case>/case.yaml and the files beside it become expected.txt.

`python -m tests.errors.writer` writes every expected.txt anew; test_errors.py fails where one differs. case.yaml:
  args      one command line
  uses      files of `common` that lie beside the case's own
  made      files that no repository should hold: name -> huge, deep, latin or empty
  env       environment variables
  local     aws, azure or gcp: that local cloud is there, empty, and its environment
  before    command lines that run first; they must end with the codes that they begin with, as in "2 plan -f ."
  hidden    modules that cannot be imported, as if they were not installed
  faults    what the local cloud answers instead, once `before` has run: operation, code, and times, status, message
  heads     true: of the output only the lines that say which Gateways were planned, and the notes
  secret    mismatched: a TLS Secret of that kind is written to secret.json
Paths of the temporary folder and the local cloud's address are replaced, so that the text is the same everywhere.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cloudgw import registry
from cloudgw.cli import main
from tests.errors import keys

HERE = Path(__file__).parent
COMMON = HERE / "common"
GIVEN = ("case.yaml", "expected.txt")
# no credentials from anywhere, and nothing that the machine of a developer might have set
BARE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "none",
    "AWS_SHARED_CREDENTIALS_FILE": "none",
    "NO_GCE_CHECK": "true",
    "COLUMNS": "100",
}
HEADS = re.compile(r"^Gateway |to create|failed:|waits \(refused\)|listing of|^No Gateway|^  [a-z].*with")
NOTE = re.compile(r" *(error|warning) ")
DROPPED = re.compile(
    r"AWS_|AZURE_|GOOGLE_|CLOUDSDK_|CLOUDGW_|KUBE|XDG_|NO_COLOR|NO_GCE_|HTTPS?_PROXY|http", re.IGNORECASE
)
HUGE = 300 * 2**20  # bytes; of a sparse file, which takes no room


def cases() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("*/case.yaml"))


def render(case: Path, clouds: Mapping[str, Any]) -> str:
    """clouds: local ones by name, for the cases that need one; it is emptied first."""
    told: dict[str, Any] = yaml.safe_load((case / "case.yaml").read_text())
    running = clouds[told["local"]] if "local" in told else None
    local = fresh(running) if running is not None else {}
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "work"
        folder.mkdir()
        for name in told.get("uses", ()):
            shutil.copy(COMMON / name, folder / name)
        for path in case.iterdir():
            if path.name not in GIVEN:
                shutil.copy(path, folder / path.name)
        for name, how in told.get("made", {}).items():
            make(folder / name, how)
        if told.get("secret"):
            (folder / "secret.json").write_text(json.dumps(keys.secret(str(told["secret"]))))
        env = {**BARE, "CLOUDGW_LOCAL_STATE": str(Path(above) / "local.json"), "HOME": above}
        env |= {**local, **told.get("env", {})}
        with placed(folder, env), hidden(told.get("hidden", ())):
            for line in told.get("before", ()):
                code, rest = line.split(" ", 1)
                done = _run(rest)
                assert done[0] == int(code), f"{case.name}: {rest}: {done}"
            for order in told.get("faults", ()):
                assert running is not None, f"{case.name}: faults without a cloud"
                running.control.fault(**order)
            code, out, err = _run(told["args"])
    if told.get("heads"):
        out = "".join(_heads(out))
    text = f"$ cloudgw {told['args']}\nexit code {code}\n"
    text += "".join(f"--- {name}\n{said}" for name, said in (("output", out), ("errors", err)) if said)
    for endpoint in {value for value in local.values() if value.startswith("http")}:
        text = text.replace(endpoint.split("/_cloudgw")[0], "<local cloud>")
    return text.replace(above, "<folder>")


def _heads(out: str) -> Iterator[str]:
    told = False
    for line in out.splitlines(keepends=True):
        told = bool(NOTE.match(line)) or (told and line.startswith(" " * 8))
        if told or HEADS.search(line):
            yield line


def make(path: Path, how: str) -> None:
    """A file that is not worth its room in a repository, or that other tools would stumble over."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        if how == "huge":
            file.truncate(HUGE)
        elif how == "deep":
            file.write(b"kind: " + b"[" * 5000 + b"]" * 5000 + b"\n")
        elif how == "latin":
            file.write("kind: Gateway\nmetadata: {name: caf\u00e9}\n".encode("latin-1"))
        else:
            assert how == "empty", f"{path.name}: there is no kind of file {how!r}"


def _run(line: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main.main(shlex.split(line))
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def placed(folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    """That folder and that environment, for a while."""
    before, where = dict(os.environ), os.getcwd()
    try:
        for name in [name for name in os.environ if DROPPED.match(name)]:
            del os.environ[name]
        os.environ.update(env)
        os.chdir(folder)
        yield
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def hidden(names: Sequence[str]) -> Iterator[None]:
    """As if these modules were not installed (https://docs.python.org/3/reference/import.html#the-module-cache)."""
    gone = {name: module for name, module in sys.modules.items() if name.split(".")[0] in names}
    for name in gone:
        del sys.modules[name]
    blocked: dict[str, Any] = dict.fromkeys(names)
    sys.modules.update(blocked)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(gone)


@contextlib.contextmanager
def cloud(name: str = "aws") -> Iterator[Any]:
    """A local cloud; `fresh(cloud)` empties it and answers its environment."""
    server = importlib.import_module(f"cloudgw_local.{name}.server")
    with server.serve(host="127.0.0.1", port=0, rate=60.0, stepped=True) as running:
        yield running


@contextlib.contextmanager
def clouds() -> Iterator[Mapping[str, Any]]:
    """All of them, by name."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(cloud(name)) for name in registry.local_names()}


def fresh(running: Any) -> dict[str, str]:
    running.control.reset()
    return dict(registry.local(running.control.name).env(running.endpoint))


def write() -> None:
    with clouds() as running:
        for case in cases():
            (case / "expected.txt").write_text(render(case, running))


if __name__ == "__main__":
    write()
