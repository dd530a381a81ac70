"""Network namespaces for pods: one each, with an address that this machine and every other pod of the runner reaches.

`pods` calls this, as root. A runner holds a numbered slot by a lock that the kernel frees when the runner dies: names
and addresses carry the number, so a later start finds and removes what a killed one left, and two runners never
collide. A pod has no default route, this machine forwards between these namespaces only, and what is meant for a pod
that is gone is refused here: nothing leaves it.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from cloudgw_local.cluster.api import ClusterError

PREFIX = "cloudgw"
LOCKS = Path("/run/cloudgw")
RANGE = "10.244.{slot}.0/24"  # of a runner whose nodes name no range of their own
_SLOTS = 64
_FORWARDING = "/proc/sys/net/ipv4/conf/{name}/forwarding"


def why_not() -> str:
    """One sentence why this process cannot run pods; empty when it can."""
    if sys.platform != "linux":
        return "pods need network namespaces, and so Linux"
    if os.geteuid() != 0:
        return "pods need network namespaces, and so root: run it by sudo"
    if shutil.which("ip") is None:
        return "pods need the program `ip`: install the package iproute2"
    name = f"{PREFIX}-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)
    return f"pods need network namespaces: {made.stderr.strip()}" if made.returncode else ""


def free_ranges(within: str, count: int) -> list[str]:
    """The first ranges of 256 addresses into which this machine has no route of its own; [] where they are too few."""
    routes = json.loads(subprocess.run(["ip", "-json", "route"], check=True, capture_output=True, text=True).stdout)
    taken = [ipaddress.ip_network(one["dst"], strict=False) for one in routes if one["dst"] != "default"]
    ranges = ipaddress.ip_network(within).subnets(new_prefix=24)
    free = [str(one) for one in ranges if not any(one.overlaps(other) for other in taken)]
    return free[:count] if len(free) >= count else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one pod lives: the name of its namespace, which is that of its interface on this machine too."""

    name: str
    address: str


class Network:
    """The namespaces of one runner. ranges: of its nodes; empty strings stand for a part of the slot's own."""

    def __init__(self, ranges: Sequence[str]) -> None:
        if reason := why_not():
            raise ClusterError(reason)
        self._slot, self._lock = _slot()
        own = ipaddress.ip_network(RANGE.format(slot=self._slot))
        free = own.subnets(prefixlen_diff=max(0, (len(ranges) - 1).bit_length()))
        self.ranges = [str(ipaddress.ip_network(one)) if one else str(next(free)) for one in ranges]
        self.gateway = str(own[-2])  # of this machine, as pods see it
        self._hosts: list[Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]] = [
            ipaddress.ip_network(one).hosts() for one in self.ranges
        ]
        self._free: list[list[str]] = [[] for _ in ranges]
        self._places: dict[str, int] = {}
        self._next = 0
        try:
            for one in self.ranges:
                _ip("route", "add", "unreachable", one)  # a pod's own route is longer, and wins
                self._lock.write(f"{one}\n")  # for `clean`
                self._lock.flush()
        except ClusterError:
            self.close()
            raise

    def add(self, node: int) -> Place:
        """A new namespace with an address of the node's range."""
        place = Place(name=f"{PREFIX}{self._slot}-{self._next}", address=self._address(node))
        self._next += 1
        name, address, gateway = place.name, place.address, self.gateway
        _ip("netns", "add", name)
        self._places[name] = node
        _batch(
            f"link add {name} type veth peer name eth0 netns {name}",
            f"addr add {gateway}/32 dev {name}",
            f"link set {name} up",
            f"route add {address}/32 dev {name} src {gateway}",
        )
        _batch(
            "link set lo up",
            f"addr add {address}/32 dev eth0",
            "link set eth0 up",
            f"route add {gateway}/32 dev eth0 src {address}",
            *(f"route add {one} via {gateway} src {address}" for one in self.ranges),
            namespace=name,
        )
        Path(_FORWARDING.format(name=name)).write_text("1")  # from pods only: nothing that comes from elsewhere
        return place

    def remove(self, place: Place) -> None:
        """With every process that still is in it."""
        node = self._places.pop(place.name, None)
        if node is not None:
            _remove(place.name)
            self._free[node].append(place.address)

    def close(self) -> None:
        for name in list(self._places):
            _remove(name)
        self._places.clear()
        _forget(self._lock)

    def _address(self, node: int) -> str:
        """A new one while there are any: a pod that is gone may still be somebody's target."""
        for address in self._hosts[node]:
            if str(address) != self.gateway:
                return str(address)
        if not self._free[node]:
            raise ClusterError(f"{self.ranges[node]}: every address is taken; give the node a greater range")
        return self._free[node].pop(0)


def clean() -> int:
    """Removes what runners that are dead left behind; how many namespaces that were."""
    found: dict[int, list[str]] = {int(path.stem.rpartition("-")[2]): [] for path in LOCKS.glob("pods-*.lock")}
    for name in _names():
        if match := re.fullmatch(rf"{PREFIX}(\d+)-\d+", name):
            found.setdefault(int(match[1]), []).append(name)
    removed = 0
    for slot, names in found.items():
        lock = _locked(slot)
        if lock is not None:
            for name in names:
                _remove(name)
            removed += len(names)
            _forget(lock)
    return removed


def _slot() -> tuple[int, TextIO]:
    clean()
    for slot in range(_SLOTS):
        if (lock := _locked(slot)) is not None:
            return slot, lock
    raise ClusterError(f"{_SLOTS} clusters with pods run on this machine already; stop one")


def _locked(slot: int) -> TextIO | None:
    """The slot's lock file, held, with the ranges of whoever held it last; None while somebody else holds it."""
    LOCKS.mkdir(exist_ok=True)
    stream = open(LOCKS / f"pods-{slot}.lock", "a+")  # noqa: SIM115 - held for a runner's life
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        stream.close()
        return None
    return stream


def _forget(lock: TextIO) -> None:
    """Takes the ranges that it names out of this machine's routes, and lets it go."""
    lock.seek(0)
    for one in lock.read().split():
        subprocess.run(["ip", "route", "delete", "unreachable", one], capture_output=True)
    lock.truncate(0)
    lock.close()


def _names() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True)
    return [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]


def _remove(name: str) -> None:
    """The namespace is ours, and so is every process in it. Its interface goes with it, here at once."""
    inside = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
    for pid in inside.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "link", "delete", name], capture_output=True)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _batch(*lines: str, namespace: str = "") -> None:
    _ip(*(["-n", namespace] if namespace else []), "-batch", "-", text="\n".join(lines))


def _ip(*arguments: str, text: str = "") -> None:
    done = subprocess.run(["ip", *arguments], input=text, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"ip {' '.join(arguments)}: {done.stderr.strip()} ({text})")
