"""How two verdicts are compared, and that the corpus is what is promised; the comparison itself is `make
verify-admission`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import admission, samples, schemas, verify_admission
from tests.cluster.verify_admission import Judged, sorted_out


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ({"/spec/rules/0/name"}, {"spec.rules[0].name"}, True),
        ({"/metadata/labels/a.b~1c"}, {"metadata.labels"}, True),
        ({"/metadata/labels/a.b~1c"}, {"metadata.labels[a.b/c]"}, True),
        ({"/metadata/ownerReferences/0/kind"}, {"metadata.ownerReferences.kind"}, True),
        ({"/spec/rules"}, {"spec.rules[0].name"}, False),
        ({"/spec/rules/0/name"}, {"spec.rules[1].name"}, False),
        ({"/spec/rules/0/name", "/spec/hostnames"}, {"spec.rules[0].name"}, False),
        ({"/spec/rules/0/name"}, {"spec.rules[0].name", "spec.hostnames"}, False),
        ({"/spec/rules/1"}, {"spec.rules[10]"}, False),
    ],
)
def test_fields_are_the_same_in_any_spelling(ours: set[str], theirs: set[str], same: bool) -> None:
    verdict = Judged(refused=True, status=422, message="", causes=tuple({"field": field} for field in theirs))
    named = frozenset(verify_admission._of_pointer(pointer) for pointer in ours)
    assert verify_admission._same_fields(named, verdict.fields) is same


def test_what_the_server_places_nowhere_is_no_field() -> None:
    causes: tuple[dict[str, str], ...] = ({"field": "<nil>"}, {"message": "no field"}, {"field": "spec.a"})
    assert Judged(refused=True, status=422, message="", causes=causes).fields == {"spec/a"}


def test_only_what_is_accepted_may_differ_and_only_while_it_does() -> None:
    differences: list[dict[str, Any]] = [{"case": "a: 1", "what": "verdict"}, {"case": "b: 1", "what": "fields"}]
    entries = [
        {"cases": "a: .*", "what": "verdict", "reason": "known"},
        {"cases": "b: .*", "what": "verdict", "reason": "of another sort"},
    ]
    left, unused = sorted_out(differences, entries)
    assert left == [differences[1]]
    assert unused == [entries[1]]


@pytest.mark.cluster
@pytest.mark.parametrize("channel", ["standard", "experimental"])
def test_the_corpus_is_the_same_every_time_and_names_each_case_once(channel: str) -> None:
    first, again = list(admission.cases(channel)), list(admission.cases(channel))
    assert [case.document for case in first] == [case.document for case in again]
    kinds = {"GatewayClass", "Gateway", "ListenerSet", "ReferenceGrant", "BackendTLSPolicy"}
    kinds |= {f"{kind}Route" for kind in ("HTTP", "GRPC", "TLS", "TCP", "UDP")}
    assert {case.kind.kind for case in first} == kinds
    assert {case.kind for case in first if case.valid} == set(schemas.served(channel))
    assert sum(case.valid for case in first) >= 500
    assert sum(not case.valid for case in first) >= 1500


@pytest.mark.cluster
def test_what_changes_in_a_case_changes_in_no_other() -> None:
    """Cases share parts of one sample: a change must not reach the others."""
    kind = next(kind for kind in schemas.served("standard") if kind.kind == "HTTPRoute")
    before = [case.document for case in admission.cases("standard") if case.kind == kind and case.valid]
    assert before == [samples.sample(kind, number) for number in range(admission.SAMPLES)]
