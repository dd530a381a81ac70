"""Markdown for pull requests: nothing that a user wrote becomes markup."""

from __future__ import annotations

from cloudgw.graph import model
from cloudgw.objects import Note
from cloudgw.plan import render_markdown
from tests.unit.plan import made


def test_a_table_details_and_the_digest() -> None:
    plan = made.plan(made.weights(20), unchanged=4)
    text = render_markdown.render(made.document(plan))
    assert "| `shop/edge` | `cloud/here` | 0 | 1 | 0 | 0 | 4 | 0 |" in text
    assert "<details><summary>Gateway shop/edge in cloud/here</summary>" in text
    assert "~ 80/cart" in text
    assert text.endswith(f"digest `{plan.digest}`\n")


def test_nothing_to_do_has_no_details() -> None:
    assert "<details>" not in render_markdown.render(made.document(made.plan()))


def test_dangers_stand_in_the_open() -> None:
    items = [made.change("delete", "rule", f"r{n}", danger=("too many",)) for n in range(2)]
    text = render_markdown.render(made.document(made.plan(*items)))
    assert "> **`shop/edge` needs a word (2 changes): `too many`**" in text


def test_what_users_wrote_is_no_markup() -> None:
    nasty = "</details> | `x` <script>\n# head"
    note = Note(level="warning", code="X", message=nasty)
    before, after = made.element("rule", "r", text="a"), made.element("rule", "r", text="```\n# head")
    item = made.change("update", "rule", "r", before=before, after=after, fields=("text",))
    text = render_markdown.render(made.document(made.plan(item, notes=(note,))))
    assert "``</details> \\| `x` <script> # head``" in text
    assert "````diff" in text


def test_a_span_holds_anything() -> None:
    assert render_markdown.code("`a`") == "`` `a` ``"
    assert render_markdown.code("a|b") == "`a\\|b`"
    assert render_markdown.escape("<a & b>") == "&lt;a &amp; b&gt;"


def test_errors_and_what_was_not_seen_are_told() -> None:
    error = Note(level="error", code="PlacementFailed", message="cloud/here: no credentials")
    plan = made.plan(complete=False, incomplete=("not every Secret",))
    text = render_markdown.render(made.document(plan, errors=[error]))
    assert "**error** `cloud/here: no credentials`" in text
    assert "- `shop/edge: not every Secret`" in text


def test_waits_are_counted() -> None:
    item = made.change("delete", "rule", "r", waits=(model.Wait(what="drain", message="drains"),))
    assert "| 0 | 0 | 1 | 0 | 0 | 1 |" in render_markdown.render(made.document(made.plan(item)))
