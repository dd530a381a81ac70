"""Fills the generated parts of the controller's guide, on a real cluster: `make docs-cluster`, as root.

What `documents` does for the other guides, with one shell that lives as long as the document, so that everything in it
can be typed as it stands. Not a part of `make golden` or `make check`: it needs a control plane, pods, and minutes, and
ages and names of pods differ each time. Parts:
  <!-- run: COMMAND -->   the command and its output; `run 2:` expects that exit code instead of 0
  <!-- file: NAME -->     a file of the document's folder
  <!-- until: COMMAND --> shown to nobody: tried until it ends with 0
It must leave no process behind, whatever ends it.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from cloudgw_local.cluster import pods

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "guide" / "controller.md"
PATIENCE = 300.0  # seconds
PORT = re.compile(r"127\.0\.0\.1:(?!918)\d+")
PART = re.compile(r"(<!-- (run(?: \d)?|file): (.+?) -->\n).*?(<!-- end -->)|<!-- until: (.+?) -->", re.DOTALL)
ENDED = "--- ended with "
LOGS = "tail -n 30 *.log"


class Shell:
    """One bash, to which commands are typed one after the other."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=env,
            text=True,
            start_new_session=True,  # Ctrl-C reaches us, and we put everything away
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, command: str) -> tuple[str, int]:
        """(output, exit code)"""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\necho '{ENDED}'$?\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            text, mark, code = line.partition(ENDED)
            lines.append(text)
            if mark:
                return "".join(lines), int(code)
        raise SystemExit(f"the shell ended at: {command}")

    def end(self) -> None:
        """The controllers that it started are its own children; clouds and cluster are told by `down`."""
        self.run("kill $(jobs -p) 2>/dev/null; wait; cloudgw local down; cloudgw local cluster down")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def part(found: re.Match[str], shell: Shell, folder: pathlib.Path) -> str:
    if found[5] is not None:
        _until(shell, found[5])
        return found[0]
    kind, _, code = found[2].partition(" ")
    if kind == "file":
        path = folder / found[3]
        language = {".py": "python", ".yaml": "yaml"}[path.suffix]
        return f"{found[1]}```{language}\n{path.read_text()}```\n{found[4]}"
    print(f"$ {found[3]}", flush=True)
    said, ended = shell.run(found[3])
    print(said, end="", flush=True)
    if ended != int(code or 0):
        raise SystemExit(f"`{found[3]}` ended with {ended}:\n{said}{shell.run(LOGS)[0]}")
    shown = "".join(f"{line.rstrip()}\n" for line in PORT.sub("127.0.0.1:PORT", said).splitlines())
    return f"{found[1]}```console\n$ {found[3]}\n{shown}```\n{found[4]}"


def _until(shell: Shell, command: str) -> None:
    end = time.monotonic() + PATIENCE
    while shell.run(command)[1]:
        if time.monotonic() > end:
            raise SystemExit(f"not within {PATIENCE:.0f} s: {command}\n{shell.run(LOGS)[0]}")
        time.sleep(0.5)


def main() -> int:
    if reason := pods.why_not():
        print(f"docs-cluster runs pods: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    files = DOCUMENT.with_suffix("")
    with tempfile.TemporaryDirectory(prefix="cloudgw-docs-") as above:
        folder = pathlib.Path(above) / files.name
        shutil.copytree(files, folder)
        dropped = re.compile(r"AWS_|AZURE_|GOOGLE_|CLOUDSDK_|CLOUDGW_|KUBE|NO_COLOR|COLUMNS")
        env = {name: value for name, value in os.environ.items() if not dropped.match(name)}
        env["CLOUDGW_LOCAL_STATE"] = str(pathlib.Path(above) / "local.json")
        env["PATH"] = os.pathsep.join((str(pathlib.Path(sys.executable).parent), env["PATH"]))
        shell = Shell(folder, env)
        try:
            DOCUMENT.write_text(PART.sub(lambda found: part(found, shell, folder), DOCUMENT.read_text()))
        finally:
            shell.end()
    print(DOCUMENT.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
