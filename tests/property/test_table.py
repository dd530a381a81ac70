"""The safe sequence of one table: random pairs of tables, and after every step no request meets an answer that is
neither before nor after. Checked on the steps alone, without a cloud."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.graph import diff, model, order, table
from cloudgw.testing import clouds

LISTENER = "shop/edge/objects/listener/80"
HOSTS = ("a", "b")
REQUESTS = [(host, path) for host in ("a", "b", "c") for path in ("/", "/x", "/x/y")]
Entry = tuple[str, str, int]  # host, path, answer

entries = st.lists(
    st.tuples(st.sampled_from((*HOSTS, "*")), st.sampled_from(("/", "/x", "/x/y")), st.integers(1, 4)),
    max_size=7,
    unique_by=lambda e: (e[0], e[1]),
)


def desired(found: list[Entry]) -> model.Graph:
    elements = [model.Element(address="shop/edge/objects/balancer/lb", spec={"scheme": "internal"})]
    balancer = model.Ref("shop/edge/objects/balancer/lb")
    elements.append(model.Element(address=LISTENER, spec={"balancer": balancer, "port": 80, "certificate": None}))
    for host, path, answer in found:
        spec = {"listener": model.Ref(LISTENER), "host": host, "path": path, "action": ("status", answer)}
        elements.append(model.Element(address=where(host, path), spec=spec))
    return model.graph(elements, order={"table": tuple(where(h, p) for h, p, _ in found)})


def where(host: str, path: str) -> model.Address:
    return f"shop/edge/objects/rule/{host}{path}"


def observed(found: list[Entry], positions: list[int]) -> model.Graph:
    plain = diff.diff(desired(found), model.Graph(), clouds.KINDS)
    elements = []
    for change in plain.changes:
        assert change.after is not None
        outputs: dict[str, object] = {"id": change.key, "state": "active"}
        for index, (host, path, _) in enumerate(found):
            if change.address == where(host, path):
                outputs["position"] = positions[index]
        elements.append(
            model.Element(address=change.address, name=change.name, spec=change.after.spec, outputs=outputs)
        )
    return model.graph(elements)


def answer(state: dict[str, tuple[int, model.Element]], host: str, path: str) -> int:
    for _, entry in sorted(state.values(), key=lambda item: item[0]):
        if entry.fields["host"] in ("*", host) and path.startswith(entry.fields["path"]):
            return int(entry.fields["action"][1])
    return 404


def table_of(graph: model.Graph) -> dict[str, tuple[int, model.Element]]:
    rules = [e for e in graph if model.kind_of(e.address) == "rule"]
    return {e.key: (int(e.outputs["position"]), e) for e in rules}


def play(state: dict[str, tuple[int, model.Element]], step: table.Step) -> None:
    """Applies a step to the table; keys of entries made by this commit get a mark until they replace."""
    change = step.change
    key = model.key_of(change.address, change.name)
    if step.what == "create" and change.after is not None:
        state[f"+{key}"] = (step.position, change.after)
    elif step.what == "update" and change.after is not None:
        state[key] = (state[key][0], change.after)
    elif step.what == "delete":
        del state[key]
    elif step.what == "reorder":
        for moved, position in step.moves.items():
            state[moved] = (position, state[moved][1])
        for made, position in step.fresh.items():
            state[f"+{made}"] = (position, state[f"+{made}"][1])
    held = [position for position, _ in state.values()]
    assert len(held) == len(set(held)), "two entries at one position"


@given(entries, entries, st.data())
@settings(max_examples=600, deadline=None)
def test_no_request_meets_a_wrong_answer(before: list[Entry], after: list[Entry], data: st.DataObject) -> None:
    positions = sorted(
        data.draw(st.lists(st.integers(1, 4000), min_size=len(before), max_size=len(before), unique=True))
    )
    seen = observed(before, positions)
    difference = diff.diff(desired(after), seen, clouds.KINDS)
    changes = [c for c in difference.changes if model.kind_of(c.address) == "rule"]
    held = data.draw(st.sets(st.sampled_from([c.key for c in changes]))) if changes else set()
    wait = model.Wait(what="approval", message="held")
    marked = [replace(c, waits=(wait,)) if c.key in held else c for c in changes]
    going = [c for c in order.settle(marked) if not c.waits]  # who needs them, or must go with them, waits too
    state = table_of(seen)
    start = {request: answer(state, *request) for request in REQUESTS}
    final = {}
    for host, path in REQUESTS:
        hits = [n for h, p, n in after if h in ("*", host) and path.startswith(p)]
        final[host, path] = hits[0] if hits else 404
    rules = [e for e in seen if model.kind_of(e.address) == "rule"]
    for step in table.steps(clouds.KINDS["rule"], rules, going):
        play(state, step)
        for request in REQUESTS:
            met = answer(state, *request)
            assert met in (start[request], final[request]), (step.what, request, met, start[request], final[request])
    if not held:
        assert {request: answer(state, *request) for request in REQUESTS} == final
