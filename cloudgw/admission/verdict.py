"""One document becomes a verdict, in the order of the server: find the schema, give shape, check, evaluate rules.

`check` is what callers use (k8s.io/apiextensions-apiserver: pkg/registry/customresource/strategy.go is the model).
This module must never raise because of a document, and never read anything but the document and the shipped schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.admission import former, metadata, rules, shape, structure, words
from cloudgw.admission import schemas as shipped
from cloudgw.admission.problem import Problem, Verdict
from cloudgw.admission.schemas import Kind, Version

CHANNELS = shipped.CHANNELS
GROUPS = ("gateway.networking.k8s.io", "gateway.networking.x-k8s.io")


def concerns(document: Mapping[str, Any]) -> bool:
    """Whether a document is of the Gateway API, also of one of its former groups."""
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    return group in GROUPS or group in former.GROUPS


def check(
    document: Mapping[str, Any],
    *,
    channel: str = "standard",
    kubectl: bool = False,
    engine: rules.Engine | None = None,
) -> Verdict:
    """What a server with the CRDs of this channel says to a new object.

    document: of a group that `concerns` knows. kubectl: it stands in a file, and kubectl sends it (80.0 arrives as 80);
    otherwise it is the body of the request. An object of a version that is not served is also checked against
    today's version, so that everything to change is said at once. Raises rules.Missing without a CEL engine, and
    ValueError for an unknown channel.
    """
    if channel not in CHANNELS:
        raise ValueError(f"channel {channel!r} is unknown; use one of: {', '.join(CHANNELS)}")
    problems: list[Problem] = []
    warnings: list[Problem] = []
    kind, version = _schema(document, channel, problems, warnings)
    if kind is None or version is None or version.root is None:
        return Verdict(data=dict(document), problems=tuple(problems), warnings=tuple(warnings))
    meta, found = metadata.checked(dict(document), namespaced=kind.namespaced)
    problems += found
    if not kind.namespaced and meta.pop("namespace", None):
        message, fix = f"{kind.name} has no namespace; the server drops it", "remove it"
        warnings.append(
            Problem(pointer="/metadata/namespace", message=message, fix=fix, code="Metadata", refused=False)
        )
    data = _checked(document, kind, version, channel, shape.Shaper(kubectl=kubectl), engine, problems)
    return Verdict(data={**data, "metadata": meta}, problems=tuple(problems), warnings=tuple(warnings))


def _checked(
    document: Mapping[str, Any],
    kind: Kind,
    version: Version,
    channel: str,
    shaper: shape.Shaper,
    engine: rules.Engine | None,
    problems: list[Problem],
) -> dict[str, Any]:
    root = version.root
    assert root is not None
    body = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    data: dict[str, Any] = shaper.shaped(body, root, None)
    schemas = shipped.load()
    problems += [words.unknown_field(pointer, kind, root, channel, schemas) for pointer in shaper.unknown]
    if version.status:
        data.pop("status", None)
    data |= {"apiVersion": f"{kind.group}/{version.name}", "kind": kind.name}
    found, blocking = structure.problems(data, root, kind.name)
    numbers = {problem.pointer for problem in shaper.problems}  # to say one thing of a number is enough
    problems += [*shaper.problems, *(problem for problem in found if problem.pointer not in numbers)]
    problems += shape.duplicates(data, root)
    if not blocking and not shaper.problems:
        problems += rules.problems(data, root, engine or rules.default_engine(), shaper.floats)
    return data


def _schema(
    document: Mapping[str, Any], channel: str, problems: list[Problem], warnings: list[Problem]
) -> tuple[Kind | None, Version | None]:
    """The kind and the version to check against; what is wrong with either is added to problems."""
    name, written = document.get("kind"), document.get("apiVersion")
    for field, value in (("apiVersion", written), ("kind", name)):
        if not isinstance(value, str) or not value:
            message, fix = "is missing or no string", f"write {field}"
            problems.append(Problem(pointer=f"/{field}", message=message, fix=fix, code="InvalidObject"))
            return None, None
    group, _, number = str(written).rpartition("/")
    schemas = shipped.load()
    kind = schemas.kinds[channel].get(str(name))
    if kind is None:
        problems.append(words.unknown_kind(str(name), channel, schemas))
        today = former.KINDS.get(str(name), ("", ""))[0]
        kind = schemas.kinds[channel].get(today)
        return kind, kind.newest if kind is not None else None
    newest = kind.newest
    today = f"{kind.group}/{newest.name}"
    version = next((version for version in kind.versions if version.name == number), None)
    if group != kind.group or version is None:
        known = ", ".join(f"{kind.group}/{version.name}" for version in kind.versions if version.served)
        message = f"there is no {kind.name} in {written}; served: {known}"
        problems.append(
            Problem(pointer="/apiVersion", message=message, fix=f"write apiVersion: {today}", code="UnknownVersion")
        )
        return kind, newest
    if not version.served:
        message = f"{written} of {kind.name} is not served in the {channel} channel"
        problems.append(
            Problem(pointer="/apiVersion", message=message, fix=f"write apiVersion: {today}", code="NotServed")
        )
        return kind, newest
    if version is not newest:
        ends = "is deprecated and will go" if version.deprecated else "is the older name of the same fields"
        warnings.append(
            Problem(
                pointer="/apiVersion",
                message=f"{written} of {kind.name} {ends}",
                fix=f"write apiVersion: {today}",
                code="NotServed",
                refused=False,
            )
        )
    return kind, version
