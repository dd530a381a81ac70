"""How long the core takes, in CPU seconds of this process, with a limit that fails. Run by `make bench`."""

from __future__ import annotations

import time

from cloudgw.graph import diff, model, order
from cloudgw.testing import clouds

TABLES = 100
RULES = 100
LIMIT_SECONDS = 2.0
OWNER = "shop/edge"


def desired() -> model.Graph:
    """20,101 elements: one balancer, 100 listeners, 100 rules on each, a pool for every rule."""

    def at(kind: str, logical: str) -> model.Address:
        return model.address(OWNER, "objects", kind, logical)

    elements = [model.Element(address=at("balancer", "lb"), spec={"scheme": "internal", "ranges": ("10.0.0.0/8",)})]
    sequences: dict[str, tuple[model.Address, ...]] = {}
    for port in range(TABLES):
        listener = at("listener", str(port))
        spec = {"balancer": model.Ref(at("balancer", "lb")), "port": port, "certificate": None}
        elements.append(model.Element(address=listener, spec=spec))
        sequence = []
        for number in range(RULES):
            pool = at("pool", f"{port}-{number}")
            elements.append(model.Element(address=pool, spec={"protocol": "HTTP", "check": "/"}))
            rule = at("rule", f"{port}/{number}")
            host = f"h{number}.example"
            action = ("forward", (model.Ref(pool, "serving"), 1))
            fields = {"listener": model.Ref(listener), "host": host, "path": "/", "action": action}
            elements.append(model.Element(address=rule, spec=fields))
            sequence.append(rule)
        sequences[listener] = tuple(sequence)
    return model.graph(elements, order=sequences)


def observed(changes: tuple[model.Change, ...]) -> model.Graph:
    """What a cloud would show after these creates."""
    elements = []
    for change in changes:
        assert change.after is not None
        outputs = {"id": change.key, "state": "active", "healthy": 1, "targets": 1, "position": change.position or 0}
        made = change.after
        elements.append(model.Element(address=change.address, name=made.name, spec=made.spec, outputs=outputs))
    return model.graph(elements)


def test_twenty_thousand_elements_without_a_change() -> None:
    wanted = desired()
    began = time.process_time()
    created = diff.diff(wanted, model.Graph(), clouds.KINDS)
    creating = time.process_time() - began
    seen = observed(created.changes)
    began = time.process_time()
    rest = diff.diff(wanted, seen, clouds.KINDS)
    topological, cyclic = order.order(order.settle(list(rest.changes)))
    seconds = time.process_time() - began
    began = time.process_time()
    gone = diff.diff(model.Graph(), seen, clouds.KINDS)
    deleting = time.process_time() - began
    count = sum(len(group) for group in seen.elements.values())
    print(
        f"\n{count} elements: create all {creating:.2f} s, no change {seconds:.2f} s, delete all {deleting:.2f} s "
        f"of CPU (limit for no change {LIMIT_SECONDS:.1f} s)"
    )
    assert count == 2 * TABLES * RULES + TABLES + 1
    assert not topological
    assert not cyclic
    assert len(gone.changes) == count
    assert seconds < LIMIT_SECONDS
