"""Golden cases of what users of the Gateway API were promised: seeds/<case>/in.yaml becomes answer.yaml.

`python -m tests.golden.seeds.writer` writes every answer.yaml and docs/reference/promises.md anew; test_seeds.py fails
where one differs. about.txt says the promise in our words, requests.txt what it means for requests (see `asking`).
in.yaml may begin with lines for this module:
  # cloudgw: complete              the file holds every object that exists
  # cloudgw: secret NS/NAME HOST   a TLS Secret is made on the spot: no key is ever written to the repository
  # cloudgw: authority NS/NAME     a ConfigMap with a CA certificate, likewise
  # cloudgw: features              the answer names what a class supports
answer.yaml: what `cloudgw validate` says, for both channels where they differ; the statuses (on AWS); notes; what each
cloud cannot honour; and the answers, with those of each cloud where they are others.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from cloudgw import registry, wishes
from cloudgw.cli import main as cli
from cloudgw.objects import Note
from cloudgw.routing import ir, resolve, statuses
from cloudgw.sources import manifests
from tests.errors import keys
from tests.golden.seeds import asking

HERE = Path(__file__).parent
INDEX = HERE.parents[2] / "docs" / "reference" / "promises.md"
PLACE = re.compile(r"\./\d+\.yaml:\d+: ")
# notes that say what cloudgw lacks; the others speak of a mistake in the objects, which some cases want
LACKING = ("NotHonoured", "UnknownField", "UnsupportedFilter", "UnsupportedKind", "UnsupportedProtocol")
INTRODUCTION = """# Promises

What years of announcements and tutorials told users of the Gateway API, one case each, and what cloudgw makes of it
today on each cloud: *yes*, *partly* (the rest works, or an error answers in its place), or *not yet*; and why not yes.
Promises that no manifest can hold (conformance reports, metrics, scaling, pooled connections) are not here. Generated
by `make golden` from `tests/golden/seeds`; each case's `answer.yaml` holds the whole answer.

| case | promise | AWS | Azure | Google Cloud | why |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One case answered. document: answer.yaml. words: yes, partly or not yet, and why, by cloud."""

    document: Mapping[str, Any]
    words: Mapping[str, tuple[str, str]]

    @property
    def text(self) -> str:
        return yaml.safe_dump(self.document, sort_keys=False, width=120, allow_unicode=True)


def cases() -> list[Path]:
    return sorted(path.parent for path in HERE.glob("*/in.yaml"))


def answer(case: Path) -> Answer:
    manifest = (case / "in.yaml").read_text()
    loaded = _loaded(manifest)
    snapshot, resolution = loaded.snapshot, resolve.resolve(loaded.snapshot)
    classes = wishes.classes(snapshot, registry.by_parameters_kind, registry.names())
    features = classes.features if "# cloudgw: features" in manifest else None
    lint = {
        name: {(routing.namespace, routing.name): cloud.provider.lint(routing) for routing in resolution.gateways}
        for name, cloud in asking.CLOUDS.items()
    }
    states = {
        name: {
            _name(one): _status(one.json())
            for one in statuses.of(snapshot, resolution, refused=classes.refused, features=features, clouds=said)
        }
        for name, said in lint.items()
    }
    notes = [*loaded.errors, *loaded.notes, *resolution.notes]
    notes += [note for routing in resolution.gateways for note in routing.notes]
    document: dict[str, Any] = {"validate": validated(case / "in.yaml", "standard") or "valid"}
    if (other := validated(case / "in.yaml", "experimental")) != validated(case / "in.yaml", "standard"):
        document["validate --channel experimental"] = other or "valid"
    document["statuses"] = states["AWS"] or "none"
    if notes:
        document["notes"] = [_said(note) for note in notes]
    beyond = {name: [note for said in found.values() for note in said] for name, found in lint.items()}
    for name, found in beyond.items():
        if found:
            document[f"not honoured on {name}"] = [_said(note) for note in found]
    answers, missed = _asked(case, resolution.gateways, document, states)
    if answers:
        document["answers"] = answers
    lacking = [note for note in notes if note.code in LACKING]
    words = {
        name: _word(case, [*beyond[name], *lacking], answers, missed[name], document, name) for name in asking.CLOUDS
    }
    return Answer(document=document, words=words)


def _word(
    case: Path,
    lacks: Sequence[Note],
    answers: Mapping[str, Any],
    missed: Sequence[str],
    document: Mapping[str, Any],
    cloud: str,
) -> tuple[str, str]:
    """missed: questions whose promise the cloud does not keep."""
    worst = sorted(lacks, key=lambda note: note.level == "info")
    why = [PLACE.sub("", note.message) for note in worst] + _refused(document) * ("validate" in missed)
    why += [f"{line}: {_ours(answers[line], cloud)}" for line in missed if line != "validate"]
    wanted = [line for line in answers if _wanted(case, line)] or list(answers)
    word = "not yet" if wanted and set(wanted) <= set(missed) else "partly" if missed or lacks else "yes"
    return word, why[0] if why else ""


def _ours(found: str | Mapping[str, str], cloud: str) -> str:
    return found if isinstance(found, str) else found.get(cloud) or found.get("Gateway API") or found["answered"]


def _wanted(case: Path, question: str) -> bool:
    """Whether a line is a request that was promised a backend."""
    return any(line.startswith(f"{question} => ") and re.search(r" => \S+/\S+:\d", line) for line in _lines(case))


def _lines(case: Path) -> list[str]:
    return (case / "requests.txt").read_text().splitlines()


def _refused(document: Mapping[str, Any]) -> list[str]:
    said = document["validate"]
    return [] if said == "valid" else [line for line in said if line.startswith("error ")]


def validated(file: Path, channel: str) -> list[str]:
    """What `cloudgw validate` says of a file, without places, so that moving an object changes nothing."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.main(["validate", "--channel", channel, "--output", "json", "-f", str(file)])
    return [
        f"{one['level']} {one['code']}: {one['kind']} {one['name']}: {one['pointer']}: {one['message']}; {one['fix']}"
        for one in json.loads(out.getvalue())["findings"]
    ]


def _loaded(manifest: str) -> manifests.Loaded:
    documents = [manifest, *(json.dumps(one) for one in _made(manifest))]
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above)
        for number, text in enumerate(documents):
            (folder / f"{number}.yaml").write_text(text)
        with contextlib.chdir(folder):
            return manifests.load(["."], complete="# cloudgw: complete" in manifest)


def _made(manifest: str) -> Iterator[dict[str, Any]]:
    for namespace, name, host in re.findall(r"^# cloudgw: secret (\S+)/(\S+) (\S+)$", manifest, re.MULTILINE):
        made = keys.secret("good", name=name, host=host)
        yield {**made, "metadata": {"namespace": namespace, "name": name}}
    for namespace, name in re.findall(r"^# cloudgw: authority (\S+)/(\S+)$", manifest, re.MULTILINE):
        pem = keys.certificate(ec.generate_private_key(ec.SECP256R1()), name)
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": namespace, "name": name},
            "data": {"ca.crt": pem},
        }


def _name(one: statuses.ObjectStatus) -> str:
    return f"{one.kind}/{one.namespace}/{one.name}" if one.namespace else f"{one.kind}/{one.name}"


def _status(status: Mapping[str, Any]) -> dict[str, Any]:
    """Each place's conditions in one line each."""
    found: dict[str, Any] = {}
    if "conditions" in status:
        found["itself"] = _conditions(status["conditions"])
    for one in status.get("listeners", ()):
        found[f"listener {one['name']}"] = [f"attachedRoutes={one['attachedRoutes']}", *_conditions(one["conditions"])]
    for one in (*status.get("parents", ()), *status.get("ancestors", ())):
        ref = one.get("parentRef") or one["ancestorRef"]
        place = " ".join(str(ref[key]) for key in ("kind", "namespace", "name", "sectionName", "port") if key in ref)
        found[place] = _conditions(one["conditions"])
    if status.get("supportedFeatures"):
        found["supportedFeatures"] = [one["name"] for one in status["supportedFeatures"]]
    return found


def _conditions(conditions: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"{one['type']}={one['status']} ({one['reason']})" + (f": {one['message']}" if one["message"] else "")
        for one in conditions
    ]


def _said(note: Note) -> str:
    """Without the place, so that moving an object changes nothing."""
    return PLACE.sub("", f"{note.level} {note.code}: {note.message}")


def _asked(
    case: Path, gateways: Sequence[ir.Routing], document: Mapping[str, Any], states: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The answer to every question, and by cloud the questions whose promise is not kept. states: statuses by cloud."""
    found: dict[str, Any] = {}
    missed: dict[str, list[str]] = {name: [] for name in asking.CLOUDS}
    ask = {name: cloud.answerer(gateways[0]) for name, cloud in asking.CLOUDS.items()} if gateways else {}
    for line in _lines(case):
        question, _, promise = line.partition(" => ")
        if question == "validate":
            real = "refused" if _refused(document) else "valid"
            ours = dict.fromkeys(asking.CLOUDS, real)
        elif question.startswith("status "):
            object_ = question.removeprefix("status ")
            ours = {name: _of_status(state, object_, promise) for name, state in states.items()}
            real = ours["AWS"]
        elif not gateways:
            real = asking.NOBODY
            ours = dict.fromkeys(asking.CLOUDS, real)
        else:
            asked = asking.parse(question)
            real = asking.specified(gateways[0], asked)
            ours = {name: of(asked) for name, of in ask.items()}
        others = {name: said for name, said in ours.items() if not _same(real, said)}
        found[question] = {"Gateway API": real, **others} if others else real
        if not asking.kept(promise, real):
            found[question] = {"promised": promise, "Gateway API": real, **others}
            if question == "validate" or question.startswith("status "):
                found[question] = {"promised": promise, "answered": real, **others}
        for name, said in ours.items():
            if not (asking.kept(promise, real) and asking.kept(promise, said)):
                missed[name].append(question)
    return found, missed


def _same(real: str, ours: str) -> bool:
    return real == ours or {real, ours} == {"404", asking.NOBODY}


def _of_status(found: Any, name: str, promise: str) -> str:
    """The promise itself where one entry of that object's status has all its conditions, else what it has. name: of
    the object, and after a space the entry if only one will do."""
    name, _, place = name.partition(" ")
    held = found.get(name, {}) if isinstance(found, dict) else {}
    entries = [
        [line.partition(" (")[0] for line in lines] for entry, lines in held.items() if f"{entry} ".startswith(place)
    ]
    if any(all(word in entry for word in promise.split()) for entry in entries):
        return promise
    return "; ".join(" ".join(entry) for entry in entries) or "none"


def index(found: Mapping[str, Answer]) -> str:
    rows = []
    for name, one in found.items():
        promise = " ".join((HERE / name / "about.txt").read_text().split())
        whys = dict.fromkeys(f"{cloud}: {why}" for cloud, (_, why) in one.words.items() if why)
        same = len({why for _, why in one.words.values()}) == 1
        why = next(iter(one.words.values()))[1] if same else "; ".join(whys)
        cells = (f"`{name}`", promise, *(word for word, _ in one.words.values()), why)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return INTRODUCTION + "".join(rows)


def main() -> int:
    found = {case.name: answer(case) for case in cases()}
    texts = {HERE / name / "answer.yaml": one.text for name, one in found.items()}
    for target, text in {**texts, INDEX: index(found)}.items():
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
            print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
