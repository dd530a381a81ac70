"""Refusals that a test orders by name: how a document that looks legal is refused all the same.

Settings `refuse_name` (a regular expression, searched in the names of inserted and updated resources, and in the
names of path matchers and the descriptions of route rules of URL maps), `refuse_body` (another one, which must then be
found in that part's JSON) and `refuse_mode`: sync | late | unnamed | late-unnamed. Cloud facts have no place here.
"""

from __future__ import annotations

import collections.abc
import json
import re
from typing import Any

from cloudgw_local.gcp import call, errors, schema


def check(asked: call.Call, document: dict[str, Any]) -> None:
    """Refusal 400 invalid for a document with a name that the test ordered to be refused."""
    pattern = str(asked.around.setting("refuse_name"))
    if not pattern or asked.verb not in ("insert", "update", "patch"):
        return
    body = str(asked.around.setting("refuse_body"))
    for path, text, part in _parts(document):
        if re.search(pattern, text) and re.search(body, json.dumps(part)):
            raise _refusal(str(asked.around.setting("refuse_mode")), path, text)


def _refusal(mode: str, path: str, text: str) -> errors.Refusal:
    late = mode.startswith("late")
    if mode.endswith("unnamed"):
        message = "Invalid value for field 'resource'. The resource is not valid."
        return errors.Refusal(status=400, reason="invalid", message=message, late=late)
    return schema.invalid(path, text, "The value is not supported.", late=late)


def _parts(document: dict[str, Any]) -> collections.abc.Iterator[tuple[str, str, dict[str, Any]]]:
    """Path of the text, the text, and whose it is."""
    yield "resource.name", document.get("name", ""), document
    for matcher_index, matcher in enumerate(document.get("pathMatchers", [])):
        path = f"resource.pathMatchers[{matcher_index}]"
        yield f"{path}.name", matcher.get("name", ""), matcher
        for rule_index, rule in enumerate(matcher.get("routeRules", [])):
            yield f"{path}.routeRules[{rule_index}].description", rule.get("description", ""), rule
