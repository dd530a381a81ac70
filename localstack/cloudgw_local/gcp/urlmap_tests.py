"""The tests that a URL map carries: run at every insert, update and validation.

Called by `urlmaps` with a map that the checks let pass. It must never change one.

Source: UrlMapTest and TestFailure of cloud.google.com/compute/docs/reference/rest/v1/urlMaps; the sentence:
cloud.google.com/load-balancing/docs/url-map "Add tests to a URL map".
"""

from __future__ import annotations

import collections.abc
import dataclasses
from typing import Any

from cloudgw_local.gcp import names, urlmap_answer
from cloudgw_local.gcp.urlmap_problems import Problem, invalid

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`shown` is Google's TestFailure; `problem` is what refuses a write."""

    shown: Json
    problem: Problem


def failures(document: Json, project: str) -> collections.abc.Iterator[Failure]:
    for test in document.get("tests") or []:
        headers = tuple((header.get("name", ""), header.get("value", "")) for header in test.get("headers") or [])
        request = urlmap_answer.Request(host=test["host"], path=test["path"], headers=headers)
        answer = urlmap_answer.answer(document, request)
        if not _passes(test, answer, project):
            yield Failure(shown=_shown(test, answer), problem=invalid("urlMap.tests", [], _why(test, answer)))


def _passes(test: Json, answer: urlmap_answer.Answer, project: str) -> bool:
    if test.get("service"):
        wanted = names.parse(test["service"], project)
        if wanted not in [names.parse(link, project) for link, _ in answer.services]:
            return False
    expected = test.get("expectedOutputUrl")
    if expected and _bare(expected, answer) != _bare(answer.url, answer):
        return False
    return test.get("expectedRedirectResponseCode") in (None, 0, answer.code)


def _bare(url: str, answer: urlmap_answer.Answer) -> str:
    """The scheme of what goes to a backend is ignored."""
    return url if answer.code else url.partition("://")[2] or url


def _why(test: Json, answer: urlmap_answer.Answer) -> str:
    url = test["host"] + test["path"]
    if test.get("service"):
        actual = _name(answer.services[0][0]) if answer.services else ""
        return f"Test failure: Expect URL '{url}' to map to service '{_name(test['service'])}', " + (
            f"but actually mapped to '{actual}'."
        )
    code = test.get("expectedRedirectResponseCode")
    if code and code != answer.code:
        return f"Test failure: Expect URL '{url}' to redirect with code {code}, but actually got {answer.code}."
    wanted = test["expectedOutputUrl"]
    return f"Test failure: Expect URL '{url}' to have output URL '{wanted}', but actually got '{answer.url}'."


def _name(link: str) -> str:
    return link.rpartition("/")[2]


def _shown(test: Json, answer: urlmap_answer.Answer) -> Json:
    shown: Json = {member: test[member] for member in ("host", "path", "headers") if member in test}
    if test.get("service"):
        shown |= {"expectedService": test["service"], "actualService": next((one for one, _ in answer.services), "")}
    if test.get("expectedOutputUrl"):
        shown |= {"expectedOutputUrl": test["expectedOutputUrl"], "actualOutputUrl": answer.url}
    if test.get("expectedRedirectResponseCode"):
        shown["expectedRedirectResponseCode"] = test["expectedRedirectResponseCode"]
        shown["actualRedirectResponseCode"] = answer.code
    return shown
