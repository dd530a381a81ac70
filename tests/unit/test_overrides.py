"""A Gateway's own parameters over those of its class: only what the class lists, all or nothing, and never by absence.

From the Snapshot to the Wish, and what each command that only reads says of it. The provider is a real one.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudgw import objects, wishes
from cloudgw.graph import model
from cloudgw.objects import Meta, ObjectRef, Parameters, Snapshot, Unknown
from cloudgw.provider import Inventory, Placement, Provider
from cloudgw.routing import ir, overrides, resolve
from cloudgw_aws import PROVIDER, parameters
from tests.unit.cli import place as places
from tests.unit.routing import world

OWN_KIND = "AWSGatewayParameters"
BASE: dict[str, Any] = {"region": "eu-west-1", "vpcId": "vpc-0a", "tags": {"team": "platform"}}
OPEN = {"exposure": "Public", "allowedSourceRanges": ["0.0.0.0/0"]}
CLASS = objects.GatewayClass(
    meta=Meta(name="cloud"),
    controller=objects.CONTROLLER_NAME,
    parameters=ObjectRef(group="cloudgw.dev", kind=parameters.KIND, name="cloud"),
)
REF = ObjectRef(group="cloudgw.dev", kind=OWN_KIND, namespace="shop", name="web")


def provider_for(kind: str) -> Provider | None:
    return PROVIDER if kind == parameters.KIND else None


def snapshot(
    own: dict[str, Any] | None, *, ref: ObjectRef | None = REF, complete: bool = True, **base: Any
) -> Snapshot:
    """own: spec of the Gateway's parameters, None = there are none. base: fields added to the class's."""
    gateway = dataclasses.replace(world.gateway(), infrastructure=objects.Infrastructure(parameters=ref))
    items: list[objects.KubernetesObject] = [
        CLASS,
        gateway,
        Parameters(meta=Meta(name="cloud"), kind=parameters.KIND, spec={**BASE, **base}),
    ]
    if own is not None:
        items.append(Parameters(meta=Meta(namespace="shop", name="web"), kind=OWN_KIND, spec=own))
    everything = frozenset({"Gateway", "GatewayClass", parameters.KIND, "HTTPRoute"})
    return world.snapshot(*items, complete=world.EVERYTHING if complete else everything)


def routed(found: Snapshot) -> ir.Routing:
    return world.resolved(found)


def surveyed(found: Snapshot) -> wishes.Survey:
    return wishes.survey(found, resolve.resolve(found), provider_for)


def settled(found: Snapshot) -> parameters.AWSParameters:
    (chosen,) = surveyed(found).chosen
    assert isinstance(chosen.parameters, parameters.AWSParameters)
    return chosen.parameters


def accepted(found: Snapshot) -> tuple[bool | None, str, str]:
    (routing,) = wishes.judged(resolve.resolve(found), provider_for).gateways
    verdict = routing.verdicts.accepted
    return verdict.status, verdict.reason, verdict.message


def test_without_a_reference_the_class_decides() -> None:
    found = snapshot({"exposure": "Public"}, ref=None)
    assert routed(found).own is None
    assert settled(found).scheme == "internal"
    assert accepted(found)[:2] == (True, "Accepted")


def test_a_listed_field_stands_in_place_of_the_class_s_whole_field() -> None:
    found = snapshot({**OPEN, "tags": {"app": "shop"}}, overridable=["exposure", "allowedSourceRanges", "tags"])
    assert accepted(found)[:2] == (True, "Accepted")
    wanted = settled(found)
    assert wanted.scheme == "internet-facing"
    assert wanted.tags == {"app": "shop"}
    assert (wanted.vpc, wanted.settings.placement.region) == ("vpc-0a", "eu-west-1")


def test_nothing_is_noted_of_a_reference_that_is_honoured() -> None:
    found = snapshot({"tags": {"app": "shop"}}, overridable=["tags"])
    assert [note.message for note in routed(found).notes if "infrastructure" in note.message] == []
    gateway = next(iter(found.all(objects.Gateway)))
    more = dataclasses.replace(gateway.infrastructure, labels={"a": "b"})
    other = world.snapshot(CLASS, dataclasses.replace(gateway, infrastructure=more))
    (note,) = [note for note in routed(other).notes if "infrastructure" in note.message]
    assert "/spec/infrastructure/labels: not honoured" in note.message


@pytest.mark.parametrize(
    "own",
    [
        OPEN,
        {"exposure": "Internal"},
        {"tags": {}, "region": "eu-west-2"},
        {"approval": "Never"},
        {"overridable": ["x"]},
    ],
    ids=["widens", "narrows", "identity-beside-a-listed-field", "approval", "the-list-itself"],
)
def test_a_field_that_is_not_listed_refuses_all_by_name(own: dict[str, Any]) -> None:
    found = snapshot(own, overridable=["tags"])
    status, reason, message = accepted(found)
    assert (status, reason) == (False, "InvalidParameters")
    for name in set(own) - {"tags"}:
        assert f"spec.{name}" in message
    assert "spec.tags" not in message
    assert "AWSGatewayClassParameters cloud lists as overridable: tags;" in message
    survey = surveyed(found)
    assert survey.chosen == ()
    assert survey.undecided["shop/edge"].startswith(message)
    (note,) = [note for note in survey.notes if note.code == "InvalidParameters"]
    assert note.level == "error"


@given(
    own=st.dictionaries(
        st.sampled_from(["region", "accountId", "approval", "deletionBudget", *parameters.OWN]),
        st.sampled_from(["Public", "x", 3, None]),
    ),
    listed=st.lists(st.sampled_from(parameters.OWN), unique=True),
)
def test_what_is_not_listed_never_reaches_the_provider(own: dict[str, Any], listed: list[str]) -> None:
    routing = routed(snapshot(own, overridable=listed))
    if set(own) <= set(listed):
        assert isinstance(routing.parameters, Parameters)
        assert routing.parameters.spec == {**BASE, "overridable": listed, **own}
    else:
        assert routing.parameters is None
        assert routing.own is not None
        assert routing.own.wrong is not None
        assert routing.own.wrong.status is False


@pytest.mark.parametrize("listed", ["exposure", {"exposure": True}, [["exposure"]], None, 3])
def test_what_is_no_list_of_names_lists_nothing(listed: Any) -> None:
    assert accepted(snapshot({"exposure": "Internal"}, overridable=listed))[:2] == (False, "InvalidParameters")


def test_a_class_cannot_list_what_no_gateway_may_choose() -> None:
    found = snapshot({"region": "eu-west-2"}, overridable=["region"])
    (note,) = [note for note in surveyed(found).notes if note.code == "InvalidParameters"]
    assert "spec.overridable[0]: 'region' is none of" in note.message
    assert (note.origin.kind, note.origin.name) == (parameters.KIND, "cloud") if note.origin else False


def test_both_together_have_to_make_sense() -> None:
    found = snapshot({"exposure": "Public"}, overridable=["exposure"])
    status, reason, message = accepted(found)
    assert (status, reason) == (False, "InvalidParameters")
    assert (
        "AWSGatewayParameters web over AWSGatewayClassParameters cloud: spec.allowedSourceRanges: must name" in message
    )
    assert surveyed(found).chosen == ()
    again = wishes.judged(resolve.resolve(found), provider_for)
    assert wishes.judged(again, provider_for) == again


def test_a_class_that_cannot_be_used_is_mended_by_no_gateway() -> None:
    found = snapshot(OPEN, exposure="Public", overridable=["exposure", "allowedSourceRanges"])
    (note,) = [note for note in surveyed(found).notes if note.code == "InvalidParameters"]
    assert note.origin is not None
    assert note.origin.kind == parameters.KIND


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        (dataclasses.replace(REF, group="example.com"), "of group example.com is not known"),
        (dataclasses.replace(REF, group="", kind="ConfigMap"), "of the core group is not known"),
        (dataclasses.replace(REF, kind="GCPGatewayParameters"), "refer to an object of kind AWSGatewayParameters"),
        (dataclasses.replace(REF, kind=parameters.KIND), "refer to an object of kind AWSGatewayParameters"),
        (dataclasses.replace(REF, name="other"), "does not exist in namespace shop"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(ref: ObjectRef, said: str) -> None:
    status, reason, message = accepted(snapshot({}, ref=ref))
    assert (status, reason) == (False, "InvalidParameters")
    assert said in message


def test_what_cannot_be_seen_leaves_what_stands() -> None:
    found = snapshot(None, complete=False)
    routing = routed(found)
    assert isinstance(routing.parameters, Unknown)
    assert accepted(found)[:2] == (None, "Pending")
    assert "AWSGatewayParameters shop/web is not among the input" in surveyed(found).undecided["shop/edge"]


@pytest.mark.parametrize(
    ("own", "complete"), [(None, False), (None, True), (OPEN, True)], ids=["unknown", "absent", "refused"]
)
def test_what_stands_stays_and_the_plan_is_not_complete(own: dict[str, Any] | None, complete: bool) -> None:
    survey = surveyed(snapshot(own, complete=complete))
    place = Placement("aws", "", "eu-west-1")
    where = model.address("shop/edge", "aws", "load-balancer", "lb")
    standing = model.Graph(elements={where: (model.Element(address=where, spec={}),)})
    inventory = Inventory(placement=place, content={})
    ((wish,), _) = wishes.wishes(survey, place, PROVIDER, inventory, standing)
    assert (wish.desired, wish.gone) == (model.Graph(unknown=("shop/edge/",)), False)
    assert wish.incomplete


def test_kinds_go_in_pairs() -> None:
    assert overrides.kind_of(parameters.KIND) == OWN_KIND
    assert overrides.kind_of("ExampleParameters") == ""
    ref = dataclasses.replace(REF, kind="ExampleParameters")
    gateway = dataclasses.replace(world.gateway(), infrastructure=objects.Infrastructure(parameters=ref))
    routing = routed(world.snapshot(world.CLASS, world.PARAMETERS, gateway))
    assert routing.own is not None
    assert routing.own.wrong is not None
    assert routing.own.wrong.message.endswith("the class's parameters; remove the reference")


# the commands that only read


@pytest.fixture
def place(tmp_path: Path) -> places.Place:
    return places.Place(tmp_path, {"HOME": str(tmp_path)})


FIRST = places.ROOT / "docs" / "guide" / "first" / "shop.yaml"
REFERENCE = "  infrastructure:\n    parametersRef: {group: cloudgw.dev, kind: AWSGatewayParameters, name: web}\n"
OWN = (
    "---\napiVersion: cloudgw.dev/v1alpha1\nkind: AWSGatewayParameters\nmetadata: {name: web, namespace: shop}\nspec: "
)


def written(folder: Path, own: str, *, overridable: str = "[]") -> None:
    text = FIRST.read_text().replace("  gatewayClassName: aws\n", f"  gatewayClassName: aws\n{REFERENCE}")
    text = text.replace("  region: eu-central-1\n", f"  region: eu-central-1\n  overridable: {overridable}\n")
    assert text.count("overridable") == text.count("infrastructure:") == 1
    (folder / "shop.yaml").write_text(f"{text}{OWN}{own}\n" if own else text)


def test_the_commands_are_of_one_mind_about_a_refusal(place: places.Place) -> None:
    written(place.folder, "{exposure: Public}")
    for line in ("status", "explain gateway/shop/edge", "lint", "trace GET http://shop.example.com/"):
        said = place.run(f"{line} -f . --complete")
        assert said.code in (1, 2, 3), line
        flat = " ".join(said.out.split())
        assert "spec.exposure" in flat, line
        assert "overridable" in flat, line
    explained = place.run("explain gateway/shop/edge -f . --complete").out
    assert "correct AWSGatewayParameters shop/web" in " ".join(explained.split())


def test_the_commands_are_of_one_mind_about_what_the_cloud_refuses(place: places.Place) -> None:
    written(place.folder, "{exposure: Public}", overridable="[exposure]")
    for line in ("status", "explain gateway/shop/edge", "lint", "trace GET http://shop.example.com/"):
        flat = " ".join(place.run(f"{line} -f . --complete").out.split())
        assert "spec.allowedSourceRanges: must name the ranges" in flat, line


def test_the_commands_are_of_one_mind_about_what_is_well(place: places.Place) -> None:
    written(place.folder, "{tags: {a: b}}", overridable="[tags]")
    said = place.run("status -f . --complete")
    assert (said.code, "All is as one would wish." in said.out) == (0, True)
    assert (
        "AWSGatewayParameters shop/web stands over the class's"
        in place.run("explain gateway/shop/edge -f . --complete").out
    )
    assert "InvalidParameters" not in place.run("lint -f . --complete").out


def test_what_is_not_among_the_input_is_a_question(place: places.Place) -> None:
    written(place.folder, "")
    said = place.run("explain gateway/shop/edge -f .")
    assert "AWSGatewayParameters shop/web is not among the input" in " ".join(said.out.split())
    assert "Unknown" in place.run("status -f .").out
