"""Which groups of endpoints are asked again: a project at rest is not asked for all of them in every listing."""

from __future__ import annotations

from cloudgw_gcp import calls_members

MANY = {f"group-{number:02d}": 1 for number in range(40)}


def known(ended: bool = True) -> calls_members.Members:
    """All groups were asked once, one listing ago."""
    members = calls_members.Members(lambda _: ended)
    for path in members.due(MANY):
        members.learn(path, ["n/10.0.0.1:80"])
    return members


def test_at_rest_a_few_are_asked_in_turn() -> None:
    members, asked = known(), set[str]()
    for _ in range(4):
        due = members.due(MANY)
        assert len(due) == calls_members.REREAD
        assert not asked & set(due)
        asked |= set(due)
        for path in due:
            members.learn(path, ["n/10.0.0.1:80"])
    assert asked == set(MANY)


def test_another_size_and_a_new_group_are_asked() -> None:
    due = known().due({**MANY, "group-33": 2, "new": 1})
    assert {"group-33", "new"} <= set(due)
    assert len(due) == calls_members.REREAD + 2


def test_what_we_write_to_is_asked_until_the_operation_has_ended_and_once_more() -> None:
    members = known(ended=False)
    members.forget("group-39", "projects/p/zones/z/operations/o")
    for _ in range(3):
        assert "group-39" in members.due(MANY)
        members.learn("group-39", [])
    members = known()
    members.forget("group-39", "projects/p/zones/z/operations/o")
    assert "group-39" in members.due(MANY)
    members.learn("group-39", [])
    assert "group-39" not in members.due(MANY)
