"""The frame of the proofs that whole worlds are answered by a cloud as the Gateway API says.

`test_equivalence*` of each provider draw worlds from a strategy, compare two opinions request by request, and count.
What they have in common is here: how many worlds have to be compared, and how answers are brought into one form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar
from urllib.parse import parse_qsl

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from cloudgw.routing import ir

REQUESTS = 60  # of a world that forwards any
COMPARISONS, REACHED = 10_000, Fraction(60, 100)
EXCLUDED = Fraction(15, 100)
CLIENTS = "GatewayFrontendClientCertificateValidation"
Pairs = tuple[tuple[str, str], ...]
W = TypeVar("W")


@dataclass(slots=True)
class Tally:
    """worlds that have a table; compared: whole answers; excluded: by feature; reached: a backend that has pods;
    refused: routes, by code; kinds: of answers that were compared."""

    worlds: int = 0
    compared: int = 0
    reached: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def share(self, number: int) -> Fraction:
        return Fraction(number, max(1, self.compared + self.excluded.total()))


def prove(
    worlds: SearchStrategy[W], compare: Callable[[W, Tally], None], number: int, ordered: Collection[str]
) -> Tally:
    """Compares so many worlds, and fails where too few answers were compared or too few of them reach a backend.
    ordered: features that exclude on purpose, because some worlds are given limits that they must pass."""
    tally = Tally()

    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],  # a smaller world would ask other requests
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds)
    def every(world: W) -> None:
        compare(world, tally)

    every()
    strange = tally.excluded.total() - sum(tally.excluded[feature] for feature in ordered)
    excluded, reached = tally.share(strange), Fraction(tally.reached, max(1, tally.compared))
    print(
        f"\n{tally.worlds} worlds, {tally.compared} comparisons, {tally.reached} reach a backend "
        f"({float(reached):.1%}), {tally.excluded.total()} excluded ({float(excluded):.1%} by chance): "
        f"{dict(tally.excluded.most_common())}; {dict(tally.kinds)}; refused: {dict(tally.refused)}"
    )
    assert tally.compared >= COMPARISONS
    assert excluded < EXCLUDED
    assert reached >= REACHED
    return tally


def lacking(tables: Sequence[ir.Table], number: int) -> list[tuple[str, str, str]]:
    """A Secret that the world of this number does without: (kind, namespace, name). One whose absence leaves a port no
    certificate stays: what such a port shows hangs on what it showed before."""
    secured = [table for table in tables if table.protocol == "HTTPS"]
    for namespace, name in (("shop", "tls"), ("shop", "tls-two"), ("team", "tls"))[number % 2 :]:
        kept = [
            [
                {(one.namespace, one.name) for one in listener.certificates if one.state == "found"}
                for listener in table.listeners
            ]
            for table in secured
        ]
        if secured and all(any(held - {(namespace, name)} for held in table) for table in kept):
            return [("Secret", namespace, name)]
    return []


def route_of(key: str) -> tuple[str, str, str]:
    """Kind, namespace and name of the route of an entry, by the entry's key."""
    if not key:
        return ("", "", "")
    _, namespace, name, *_ = key.split("/")
    return ("GRPCRoute" if name.startswith("grpc:") else "HTTPRoute", namespace, name.removeprefix("grpc:"))


def merged(pairs: Pairs) -> Pairs:
    """Repeated headers mean one value with commas (RFC 9110, section 5.3)."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return tuple(sorted((name, ",".join(values)) for name, values in found.items()))


def same_place(one: str, other: str) -> bool:
    return _place(one) == _place(other)


def _place(location: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Authority without a port that the scheme implies, path and query; a host is the same in capitals, and a space is
    written in two ways."""
    where, _, query = location.partition("?")
    scheme, _, rest = where.partition("://")
    host, slash, path = rest.partition("/")
    host = host.removesuffix({"http": ":80", "https": ":443"}[scheme])
    return f"{scheme}://{host.lower()}", f"{slash}{path}", parse_qsl(query, keep_blank_values=True)
