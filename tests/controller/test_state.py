"""GatewayState: what is written is read again, nothing is written twice, and conflicts end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw.controller import kube, state
from cloudgw.controller.state import State, States
from cloudgw.graph import memory
from cloudgw.provider import Placement

KEY = ("shop", "edge")
PLACE = Placement("cloud", "1", "north")
TEXT = st.text("abc/-", min_size=1, max_size=8)
MOMENT = st.floats(0, 2e9, allow_nan=False)
DIARIES = st.builds(
    memory.Diary,
    retired=st.dictionaries(TEXT, MOMENT, max_size=2),
    shifts=st.dictionaries(TEXT, MOMENT, max_size=2),
    published=st.dictionaries(TEXT, st.tuples(TEXT, MOMENT), max_size=2),
    deletions=st.lists(MOMENT, max_size=2).map(tuple),
    operations=st.dictionaries(TEXT, TEXT, max_size=2),
)
STATES = st.builds(
    State,
    gateway=st.just(KEY),
    uid=st.sampled_from(["", "u1"]),
    placements=st.sampled_from([(), (PLACE,), (Placement("cloud", "", "north"), PLACE)]),
    diaries=st.dictionaries(st.just(PLACE), DIARIES.filter(lambda one: one != memory.Diary()), max_size=1),
    approved=st.frozensets(TEXT, max_size=2),
    approved_by=st.frozensets(TEXT, max_size=2),
    spent=st.frozensets(TEXT, max_size=2),
    version=st.sampled_from(["", "1.0"]),
    inputs=st.sampled_from(["", "ab"]),
    released=st.frozensets(TEXT, max_size=2),
    retain=st.booleans(),
    class_name=st.sampled_from(["", "aws"]),
    definitions=st.dictionaries(TEXT, TEXT, max_size=2),
)


class Server:
    """Stands for the API server: one collection, versions, conflicts."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes = 0

    def wait(self, coroutine: Any, timeout: float = 0) -> Any:  # noqa: ARG002
        return coroutine()

    def get(self, path: str) -> Any:
        name = path.rpartition("/")[2]
        return lambda: self.objects[name] if name in self.objects else {"items": list(self.objects.values())}

    def create(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ARG002
        def run() -> Any:
            name = body["metadata"]["name"]
            if name in self.objects:
                raise kube.Refused(409, "AlreadyExists", "", 0.0, {})
            return self.kept(name, body, 1)

        return run

    def replace(self, path: str, body: Mapping[str, Any]) -> Any:
        def run() -> Any:
            name = path.rpartition("/")[2]
            if name not in self.objects:
                raise kube.Refused(404, "NotFound", "", 0.0, {})
            version = self.objects[name]["metadata"]["resourceVersion"]
            if body["metadata"].get("resourceVersion") != version:
                raise kube.Refused(409, "Conflict", "", 0.0, {})
            return self.kept(name, body, int(version) + 1)

        return run

    def delete(self, path: str) -> Any:
        return lambda: self.objects.pop(path.rpartition("/")[2], None)

    def kept(self, name: str, body: Mapping[str, Any], version: int) -> dict[str, Any]:
        self.writes += 1
        metadata = {**body["metadata"], "resourceVersion": str(version)}
        self.objects[name] = {**body, "metadata": metadata}
        return self.objects[name]


@given(STATES)
def test_what_is_written_is_read_again(one: State) -> None:
    assert state.read({"spec": state.spec(one)}) == one


@given(STATES, STATES)
def test_equal_states_are_written_once(one: State, other: State) -> None:
    server = Server()
    states = States(server, "system")
    states.put(one)
    count = server.writes
    assert states.put(one) is False
    assert server.writes == count
    states.put(other)
    again = States(server, "system")
    again.load()
    assert again.put(other) is False, "a new process writes nothing anew"


def test_deletions_that_an_hour_passes_over_are_no_change() -> None:
    server = Server()
    states = States(server, "system")
    one = State(gateway=KEY, placements=(PLACE,)).with_diary(PLACE, memory.Diary(deletions=(1.0, 2.0)))
    assert states.put(one) is True
    assert states.put(one.with_diary(PLACE, memory.Diary(deletions=(2.0,)))) is False
    assert states.put(one.with_diary(PLACE, memory.Diary())) is False
    assert states.put(one.with_diary(PLACE, memory.Diary(deletions=(2.0, 3.0)))) is True


def test_an_edit_by_somebody_else_is_written_over() -> None:
    server = Server()
    states = States(server, "system")
    states.put(State(gateway=KEY, placements=(PLACE,)))
    server.objects["shop.edge"]["metadata"] = {**server.objects["shop.edge"]["metadata"], "resourceVersion": "7"}
    assert states.put(State(gateway=KEY, placements=(PLACE,), version="2")) is True
    assert server.objects["shop.edge"]["spec"]["version"] == "2"


def test_one_that_was_made_without_an_answer_is_taken_over() -> None:
    server = Server()
    server.kept("shop.edge", {"metadata": {"name": "shop.edge"}, "spec": {}}, 3)
    states = States(server, "system")
    assert states.put(State(gateway=KEY, placements=(PLACE,))) is True


def test_a_fleet_goes_slowly() -> None:
    server = Server()
    states = States(server, "system")
    assert states.may_delete(("a", "1"), 2, now=0.0)
    assert states.may_delete(("a", "2"), 2, now=1.0)
    assert not states.may_delete(("a", "3"), 2, now=2.0)
    assert states.may_delete(("a", "1"), 2, now=3.0), "what began goes on"
    again = States(server, "system")
    again.load()
    assert not again.may_delete(("a", "3"), 2, now=4.0), "a restart forgets nothing"
    assert again.may_delete(("a", "3"), 2, now=3601.0)


@pytest.mark.parametrize("name", ["edge", "e" * 253])
def test_names_have_room(name: str) -> None:
    found = state.name_of(("n" * 63, name))
    assert len(found) <= 253
    assert found != state.name_of(("n" * 63, name[:-1] + "x"))
