"""What the Grounds of all local clouds have in common.

A stepped clock; mutating calls that are counted, meet the faults that are armed for them, and are told to whoever
asked; and the way from a World to what its provider builds.
"""

from __future__ import annotations

import atexit
import contextlib
import datetime
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cloudgw import pipeline
from cloudgw.graph import model
from cloudgw.objects import Material, Parameters
from cloudgw.provider import Inventory, Placement, Provider, Session
from cloudgw.testing import stage, worlds

OWNER = "owner-1"
OPEN = contextlib.ExitStack()  # the local clouds of a test run
atexit.register(OPEN.close)  # while threads still run: a server's shutdown waits for its own


@functools.cache
def material(key: str, fingerprint: str) -> Material:
    """A self-signed certificate for a World's (key type, fingerprint)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    private: Any = (
        rsa.generate_private_key(65537, 2048) if key.startswith("RSA") else ec.generate_private_key(ec.SECP256R1())
    )
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "shop.example")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .sign(private, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key_pem = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Material(fingerprint=fingerprint, certificate_pem=built.public_bytes(pem), key_pem=key_pem)


def materials() -> dict[str, Material]:
    """By fingerprint, those that Worlds name."""
    return {name: material(key, name) for key, name in (("RSA-2048", "f1"), ("RSA-2048", "f2"), ("EC-P-256", "f3"))}


@dataclass(slots=True)
class Clock:
    """The local cloud's clock; sleeping steps it, by at most so many seconds, and tells."""

    control: Any
    step: float
    ticks: list[Callable[[], None]] = field(default_factory=list)

    def now(self) -> float:
        return float(self.control.now())

    def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while self.now() < end:
            self.control.advance(min(self.step, end - self.now()))
            for tick in self.ticks:
                tick()


class LocalGround:
    """Making one resets the local cloud. parameters: of the class that a World stands for."""

    provider: ClassVar[Provider]
    placement: ClassVar[Placement]

    def __init__(self, control: Any, step: float, parameters: Callable[[worlds.World], Parameters]) -> None:
        self.control = control
        self._parameters = parameters
        self.control.reset()
        self.clock = Clock(control, step)
        self._calls = 0
        self._operations: list[str] = []
        self._faults: dict[int, stage.FaultKind] = {}
        self._hooks: list[Callable[[str], None]] = []

    def forget(self) -> None:
        """What was read of the cloud is out of date."""

    def listing(self, session: Session) -> Inventory:
        scope = [self.provider.parameters(self._parameters(worlds.BASE))]
        return pipeline.listing(self.provider, session.read, self.placement, scope, session.owner, self.clock)

    def desired(self, world: worlds.World, inventory: Inventory) -> model.Graph:
        raw = self._parameters(world)
        routing = worlds.routing(world, raw)
        parsed = self.provider.parameters(raw)
        found = self.provider.facts(inventory, routing, parsed)
        return self.provider.build(routing, found, parsed)[0]

    def met(self, operation: str, api: str, call: Callable[[], Any]) -> Any:
        """One mutating call, with its fault if one is armed for it. api: its name for the cloud's own faults."""
        fault = self._faults.pop(self._calls, None)
        self._calls += 1
        self.forget()
        if fault == "before":
            raise stage.Killed(operation)
        if fault in ("lost", "lost-before"):
            self.control.fault(api, "lost" if fault == "lost" else "refuse-before", times=1)
        if fault == "throttled":
            self.control.fault(api, "throttle", times=1)
        result = call()
        self._operations.append(operation)
        for hook in self._hooks:
            hook(operation)
        if fault == "after":
            raise stage.Killed(operation)
        return result

    def calls(self) -> int:
        return self._calls

    def operations(self, since: int = 0) -> list[str]:
        return self._operations[since:]

    def arm(self, after: int, fault: stage.FaultKind) -> None:
        self._faults[self._calls + after] = fault

    def disarm(self) -> None:
        self._faults.clear()
        self.control.clear_faults()

    def on_call(self, hook: Callable[[str], None]) -> None:
        self._hooks.append(hook)

    def on_tick(self, hook: Callable[[], None]) -> None:
        self.clock.ticks.append(hook)

    def lag(self, seconds: float) -> None:
        self.control.settings(staleness=seconds)
