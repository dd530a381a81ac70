"""What an image means here: a program of this machine instead of a file system; and what a container gives it.

`pods` asks. Pure but for `read`, by which Secrets and ConfigMaps are read. Of a container count image, args, env,
envFrom and ports; `command` only where the program has none of its own, for what stands in an image does not stand
here.
"""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Read = Callable[[str, str], Mapping[str, Any] | None]  # (plural, name) of an object in the pod's namespace
_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """command: what starts it, the container's args follow; empty: the container's own command.

    env: beside the container's, which wins. ready: a path that answers 2xx or 3xx when it is ready, on the first port,
    for containers without a readinessProbe; empty: ready as soon as it runs.
    """

    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""


ECHO = "cloudgw.local/echo"
_BUILT_IN = {
    ECHO: Program(command=(sys.executable, "-I", str(Path(__file__).parent / "echo.py")), ready="/_echo/ready")
}


class Missing(Exception):
    """What a container cannot start for, as a kubelet says it: (reason, sentence)."""


def find(image: str, programs: Mapping[str, Program]) -> Program:
    """By the image's name without tag and digest; raises Missing."""
    name = re.sub(r":[^:/]*$", "", image.partition("@")[0])
    known = {**_BUILT_IN, **programs}
    if name not in known:
        raise Missing("ErrImagePull", f"no program stands for image {name}; known: {', '.join(sorted(known))}")
    return known[name]


def command(container: Mapping[str, Any], program: Program, env: Mapping[str, str]) -> list[str]:
    """Argument vector; $(NAME) is replaced as a kubelet does it."""
    own = program.command or tuple(container.get("command") or ())
    if not own:
        raise Missing(
            "CreateContainerError", f"container {container['name']}: neither its program has a command nor it"
        )
    given = [expanded(text, env) for text in container.get("args") or ()]
    return [*(program.command or (expanded(text, env) for text in own)), *given]


def expanded(text: str, env: Mapping[str, str]) -> str:
    def one(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return env.get(found[1], found[0])

    return _REFERENCE.sub(one, text)


def environment(
    pod: Mapping[str, Any], container: Mapping[str, Any], program: Program, base: Mapping[str, str], read: Read
) -> dict[str, str]:
    """Variables of a container. Nothing of our own but PATH: a test that runs in a cloud must not leak into pods."""
    tcp = [str(port["containerPort"]) for port in container.get("ports") or () if port.get("protocol") != "UDP"]
    found = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/tmp",
        "HOSTNAME": pod["metadata"]["name"],
        "CONTAINER_PORTS": ",".join(tcp),
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": pod["metadata"]["namespace"],
        **base,
        **program.env,
    }
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for field_name, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field_name in source:
                values = content(plural, source[field_name], read)
                found |= {f"{prefix}{key}": data.decode(errors="replace") for key, data in values.items()}
    for item in container.get("env") or ():
        if "valueFrom" not in item:
            found[item["name"]] = expanded(item.get("value", ""), found)
        elif (value := _from(pod, item["valueFrom"], base, read)) is not None:
            found[item["name"]] = value
    return found


def _from(pod: Mapping[str, Any], source: Mapping[str, Any], base: Mapping[str, str], read: Read) -> str | None:
    if "fieldRef" in source:
        return field_of(pod, source["fieldRef"]["fieldPath"], base)
    for field_name, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
        if field_name in source:
            reference = source[field_name]
            values = content(plural, reference, read)
            if reference["key"] in values:
                return values[reference["key"]].decode(errors="replace")
            if reference.get("optional"):
                return None
            raise Missing("CreateContainerConfigError", f"{plural} {reference['name']} has no key {reference['key']}")
    return ""


def field_of(pod: Mapping[str, Any], path: str, base: Mapping[str, str]) -> str:
    """The downward API; an address is known before the status has it."""
    if path in ("status.podIP", "status.podIPs"):
        return base["POD_IP"]
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, {}) if isinstance(value, Mapping) else {}
    if isinstance(value, Mapping):
        return "\n".join(f'{key}="{item}"' for key, item in sorted(value.items()))
    return str(value)


def content(plural: str, reference: Mapping[str, Any], read: Read) -> dict[str, bytes]:
    """The keys of a Secret or ConfigMap; raises Missing when there is none and it is not optional."""
    name = reference.get("name") or reference.get("secretName", "")
    document = read(plural, name)
    if document is None:
        if reference.get("optional"):
            return {}
        raise Missing("CreateContainerConfigError", f"{plural} {name} is not found")
    if plural == "secrets":
        return {key: base64.b64decode(value) for key, value in (document.get("data") or {}).items()}
    plain = {key: str(value).encode() for key, value in (document.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (document.get("binaryData") or {}).items()}
