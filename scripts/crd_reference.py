"""The tables of docs/reference/crds.md: every field that a person may write, with its form, default and meaning.

`scripts.documents` calls `table`. From the same definitions as the files in crds/.
"""

from __future__ import annotations

from collections.abc import Iterator

from scripts.crd_words import Kind, Schema


def table(one: Kind) -> str:
    """Scope, short name, description, then one row per field; rules stand below, in the server's words."""
    names = ", ".join(f"`{name}`" for name in (one.plural, *one.short))
    lines = [f"{one.description}", "", f"*{one.scope}; {names}*", "", "| field | form | default | meaning |"]
    lines += ["|---|---|---|---|"]
    lines += [" | ".join(("", *row, "")).strip() for row in _rows(one.spec, "spec", one.needs_spec)]
    if rules := list(_rules(one.spec, "spec")):
        lines += ["", "The API server also says:", "", *rules]
    return "\n".join(lines) + "\n"


def _rows(schema: Schema, path: str, needed: bool) -> Iterator[tuple[str, str, str, str]]:
    form = _form(schema) + (", required" if needed else "")
    default = f"`{_word(schema['default'])}`" if "default" in schema else ""
    yield f"`{path}`", form, default, schema["description"].replace("|", "\\|")
    for name, below in schema.get("properties", {}).items():
        yield from _rows(below, f"{path}.{name}", name in schema.get("required", ()))
    items = schema.get("items", {})
    for name, below in items.get("properties", {}).items():
        yield from _rows(below, f"{path}[].{name}", name in items.get("required", ()))


def _form(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{_word(one)}`" for one in schema["enum"])
    if schema["type"] == "array":
        least = f"{schema['minItems']} to " if "minItems" in schema else "at most "
        return f"list, {least}{schema['maxItems']}: {_form(schema['items'])}"
    if "additionalProperties" in schema:
        most = f", at most {schema['maxProperties']}" if "maxProperties" in schema else ""
        return f"map{most}: {_form(schema['additionalProperties'])}"
    if schema["type"] in ("integer", "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        word = "integer" if schema["type"] == "integer" else "number"
        return (
            f"{word} {low} to {high}" if high is not None else f"{word} of at least {low}" if low is not None else word
        )
    return {"object": "object", "boolean": "`true` or `false`"}.get(schema["type"], "text")


def _word(value: object) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value) or '""'


def _rules(schema: Schema, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield f"- `{path}`: {rule['message']}"
    for name, below in schema.get("properties", {}).items():
        yield from _rules(below, f"{path}.{name}")
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")
