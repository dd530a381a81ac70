"""The control API that every local cloud shares: clock, faults, journal, settings, permissions, dumps and snapshots.

Tests use the methods in-process; other processes use the same things over HTTP under `/_cloudgw/`, which
`httpd` routes to `answer`. Cloud neutral: a cloud is anything with the `Cloud` protocol. Control requests are
never journalled, never throttled and never take part in faults.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from typing import Any, Protocol

from cloudgw_local import clock, faults, journal

PREFIX = "/_cloudgw/"


class Policy(Protocol):
    """What the caller may do, read from the cloud's own policy document. Each cloud asks its own before a call.

    needed: the grants of the document that some call so far could not have done without: where two allow the same,
    neither is needed.
    """

    needed: set[str]


class Cloud(Protocol):
    """What a cloud gives to its control API. All state lives behind these six."""

    def dump(self) -> dict[str, Any]: ...

    def save(self) -> bytes: ...

    def load(self, saved: bytes) -> None: ...

    def restart(self) -> None: ...

    def set_health(self, target: str, healthy: bool | None) -> None: ...

    def policy(self, document: Any) -> Policy: ...


class UnknownRequestError(Exception):
    """No such control request: answered with 404."""


class Control:
    def __init__(
        self,
        name: str,
        *,
        clock: clock.Clock,
        journal: journal.Journal,
        settings: dict[str, Any],
        lock: threading.RLock,
    ) -> None:
        self.name = name
        self.clock = clock
        self.log = journal
        self.faults = faults.Faults()
        self.values = dict(settings)
        self.lock = lock
        self.cloud: Cloud | None = None
        self.policy: Policy | None = None
        self._defaults = dict(settings)
        self._snapshots: dict[str, tuple[bytes, float]] = {}
        self._names = itertools.count(1)

    def attach(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Every vendor call after sequence `since`, oldest first."""
        with self.lock:
            return self.log.since(since)

    def now(self) -> float:
        return self.clock.now()

    def advance(self, seconds: float) -> float:
        return self.clock.advance(seconds)

    def fault(self, operation: str = "*", kind: str = "error", **order: Any) -> None:
        """Order a fault: see `faults.Fault` for skip, times, code, message and status."""
        with self.lock:
            self.faults.add(faults.Fault(operation=operation, kind=kind, **order))

    def clear_faults(self) -> None:
        with self.lock:
            self.faults.clear()

    def settings(self, **values: Any) -> dict[str, Any]:
        """Change the given settings; answers all of them. Unknown names and wrong types are refused."""
        with self.lock:
            for name, value in values.items():
                if name not in self._defaults:
                    raise ValueError(f"no setting {name!r}: one of {', '.join(sorted(self._defaults))}")
                default = self._defaults[name]
                kinds = next(one for one in (bool, str, (int, float)) if isinstance(default, one))
                if not isinstance(value, kinds) or isinstance(default, bool) != isinstance(value, bool):
                    raise ValueError(f"setting {name} takes values like {default!r}, not {value!r}")
            self.values.update(values)
            return dict(self.values)

    def set_health(self, target: str, healthy: bool | None) -> None:
        """Override what the health checks of "ip" or "ip:port" find; None removes the override."""
        with self.lock:
            self._cloud().set_health(target, healthy)

    def permissions(self, document: Any) -> None:
        """What the caller may do from now on, as a parsed policy document of this cloud; None: everything.
        ValueError for a document that cannot be judged."""
        with self.lock:
            self.policy = None if document is None else self._cloud().policy(document)

    def needed(self) -> list[str]:
        """Which grants of the document were needed so far, sorted; none where everything is allowed."""
        with self.lock:
            return sorted(self.policy.needed) if self.policy is not None else []

    def dump(self) -> dict[str, Any]:
        """The complete state of the cloud, sorted, without secrets: equal states give equal JSON."""
        with self.lock:
            return self._cloud().dump()

    def snapshot(self) -> str:
        """Keep the whole state under a name; a stepped clock's time belongs to it."""
        with self.lock:
            name = f"snapshot-{next(self._names)}"
            self._snapshots[name] = (self._cloud().save(), self.clock.now())
            return name

    def restore(self, name: str) -> None:
        with self.lock:
            if name not in self._snapshots:
                raise ValueError(f"no snapshot {name!r}")
            saved, at = self._snapshots[name]
            self._cloud().load(saved)
            self.clock.set_back(at)

    def reset(self) -> None:
        """Back to the start world: no journal, no faults, no snapshots, default settings, everything allowed."""
        with self.lock:
            self.policy = None
            self.faults.clear()
            self.log.clear()
            self._snapshots.clear()
            self.values.clear()
            self.values.update(self._defaults)
            self._cloud().restart()
            self.clock.set_back(self.clock.start)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """One HTTP control request; `path` is what follows the prefix. Answers status and JSON value."""
        try:
            return 200, self._route(f"{method} {path.strip('/')}", query, body)
        except UnknownRequestError as unknown:
            return 404, {"error": str(unknown)}
        except (KeyError, ValueError, TypeError) as refused:
            return 400, {"error": f"{type(refused).__name__}: {refused}"}

    def _route(self, request: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match request:
            case "GET ready":
                return {"ready": True, "cloud": self.name}
            case "GET journal":
                return self.journal(int(query.get("since", "0")))
            case "GET clock":
                return self._time()
            case "POST clock/advance":
                self.advance(float(body["seconds"]))
                return self._time()
            case "GET faults":
                return [dataclasses.asdict(order) for order in self.faults.orders]
            case "POST faults":
                self.fault(**body)
                return {}
            case "DELETE faults":
                self.clear_faults()
                return {}
            case "GET settings":
                return self.settings()
            case "POST settings":
                return self.settings(**body)
            case "GET permissions":
                return {"needed": self.needed()}
            case "POST permissions":
                self.permissions(body or None)
                return {}
            case "POST health":
                self.set_health(str(body["target"]), body["healthy"])
                return {}
            case "GET dump":
                return self.dump()
            case "POST reset":
                self.reset()
                return {}
            case "POST snapshot":
                return {"snapshot": self.snapshot()}
            case "POST restore":
                self.restore(str(body["snapshot"]))
                return {}
        raise UnknownRequestError(f"no control request {request!r}")

    def _time(self) -> dict[str, Any]:
        return {"now": self.clock.now(), "rate": self.clock.rate, "stepped": self.clock.stepped}

    def _cloud(self) -> Cloud:
        if self.cloud is None:
            raise RuntimeError("no cloud attached")
        return self.cloud
