"""Fills the generated parts of the documents: what stands between `<!-- ... -->` and `<!-- end -->` is never typed.

`make docs` (and `make golden`) runs it; `make check` fails where a document differs from what this writes. Parts:
  <!-- run: COMMAND -->           the command and its output; `run 2:` expects that exit code instead of 0
  <!-- file: NAME -->             a file of the document's folder: the one named like it, else docs/guide/first
  <!-- life: NAME -->             a section of scripts/life_of_a_route.py
  <!-- capabilities: NAME[,NAME] -->  a table of providers
  <!-- crd: KIND -->              a table of one of our own kinds
Commands run in a copy of that folder with local clouds of their own, in the order of the document. What differs from
run to run (ports) is replaced. Nothing else may be.
"""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from cloudgw.cli import clock

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRST = ROOT / "docs" / "guide" / "first"
DOCUMENTS = (
    "README.md",
    "docs/guide/azure.md",
    "docs/guide/find-the-cause.md",
    "docs/guide/first-plan.md",
    "docs/guide/gcp.md",
    "docs/guide/lint-and-trace.md",
    "docs/life-of-a-route.md",
    "docs/reference/capabilities.md",
    "docs/reference/cli.md",
    "docs/reference/crds.md",
)
PART = re.compile(r"(<!-- (run(?: \d)?|file|life|capabilities|crd): (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
PORT = re.compile(r"127\.0\.0\.1:\d+")
UP, DOWN = "local up ", "local down"
SETTLED = 300.0  # seconds of the cloud's time between two commands, so that health does not depend on this machine
ENVIRONMENT = 'eval "$(cloudgw local env)"'


class Workplace:
    """A folder with the guide's files and local clouds; `run` is what a person would type."""

    def __init__(self, above: pathlib.Path, files: pathlib.Path = FIRST) -> None:
        self.files = files
        self.folder = above / files.name
        shutil.copytree(files, self.folder)
        dropped = re.compile(r"AWS_|AZURE_|GOOGLE_|CLOUDSDK_|CLOUDGW_|NO_COLOR|COLUMNS")
        self.env = {name: value for name, value in os.environ.items() if not dropped.match(name)}
        self.env["CLOUDGW_LOCAL_STATE"] = str(above / "local.json")

    def cloudgw(self, line: str, code: int) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cloudgw.cli.main", *shlex.split(line)],
            cwd=self.folder,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        if done.returncode != code:
            raise SystemExit(f"`cloudgw {line}` ended with {done.returncode}, not {code}:\n{done.stdout}")
        return done.stdout

    def run(self, line: str, code: int) -> str:
        if line == ENVIRONMENT:
            exports = self.cloudgw("local env", 0).splitlines()
            self.env |= dict(shlex.split(line)[1].split("=", 1) for line in exports)
            return ""
        if line.startswith("sed -i "):
            subprocess.run(shlex.split(line), cwd=self.folder, check=True)
            return ""
        if not line.startswith("cloudgw "):
            raise SystemExit(f"not a command of a document: {line}")
        command = line.removeprefix("cloudgw ")
        said = self.cloudgw(f"{command} --stepped" if command.startswith(UP) else command, code)
        if command != DOWN:
            for url in self.env.get(clock.VARIABLE, "").split():
                clock.call("POST", f"{url}/advance", {"seconds": SETTLED})
        return PORT.sub("127.0.0.1:PORT", said)


def filled(text: str, place: Workplace) -> str:
    def part(found: re.Match[str]) -> str:
        kind, _, code = found[2].partition(" ")
        return f"{found[1]}{_body(kind, found[3], int(code or 0), place)}{found[4]}"

    return PART.sub(part, text)


def _body(kind: str, argument: str, code: int, place: Workplace) -> str:
    if kind == "run":
        return f"```console\n$ {argument}\n{place.run(argument, code)}```\n"
    if kind == "file":
        return f"```yaml\n{(place.files / argument).read_text()}```\n"
    if kind == "capabilities":
        return _capabilities(argument)
    if kind == "crd":
        from scripts import crd_reference, crds

        return crd_reference.table(next(one for one in crds.kinds() if one.kind == argument))
    from scripts import life_of_a_route

    return life_of_a_route.section(argument)


def _capabilities(name: str) -> str:
    """The table of one provider, or of several side by side, as `cloudgw capabilities --output markdown` begins."""
    from cloudgw.cli import capabilities

    tables = {one: provider.capabilities for one, provider in capabilities.providers((name,)).items()}
    return capabilities.markdown(tables).partition("\n\n")[0] + "\n"


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from scripts import chart, crds

    crds.write()
    chart.main([])
    for name in DOCUMENTS:
        path = ROOT / name
        with tempfile.TemporaryDirectory() as above:
            own = path.with_suffix("")
            place = Workplace(pathlib.Path(above), own if own.is_dir() else FIRST)
            try:
                path.write_text(filled(path.read_text(), place))
            finally:
                place.cloudgw("local down", 0)
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
